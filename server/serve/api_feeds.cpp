// Files that must come: whether they did, taking one over HTTP, letting contact go on without one.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/engine/event_judge.h"
#include "server/feed_judge.h"
#include "server/import/csv_reader.h"
#include "server/import/json_lines_reader.h"
#include "server/import/mapping.h"
#include "server/import/row_mapper.h"
#include "server/serve/api_parts.h"
#include "server/serve/instant.h"
#include "server/serve/log.h"

namespace dunlin::server {

namespace {

namespace fs = std::filesystem;
using store::Ask;

constexpr size_t rejected_shown = 1000;

Reply feeds(Api& api, const Call& call) { return {Json{{"items", api.ask(Ask::feed_status, {call.asked("at").value_or(now_text(api))})}}}; }

Reply files(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  return {page(api.ask(Ask::feed_file_page, {call.path.at("feed"), call.asked("before"), std::to_string(limit)}), limit, "id")};
}

Reply lift(Api& api, const Call& call) {
  const Json row = api.ask(Ask::feed_lift, {call.path.at("feed"), call.text("reason"), call.maybe_text("day"), now_text(api), call.caller.name})[0];
  return {Json{{"feed", call.path.at("feed")}, {"day", row["day"]}}};
}

// ---- taking a file ----

/// The file of a request, under its own name in a folder that goes with it.
class ReceivedFile {
 public:
  ReceivedFile(const std::string& name, const std::string& bytes) : folder_((fs::temp_directory_path() / "dunlin-feed-XXXXXX").string()) {
    if (mkdtemp(folder_.data()) == nullptr) throw Problem{503, "there is no room for a temporary file", "look at the disk of this server", ""};
    path_ = fs::path(folder_) / name;
    std::ofstream out(path_, std::ios::binary);
    out << bytes;
    out.close();
    if (!out) {
      remove();
      throw Problem{503, "there is no room for a temporary file", "look at the disk of this server", ""};
    }
  }
  ~ReceivedFile() { remove(); }
  ReceivedFile(const ReceivedFile&) = delete;
  ReceivedFile& operator=(const ReceivedFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  void remove() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string folder_;
  fs::path path_;
};

/// A name of a file and nothing else: no folder, nothing that leads out of one.
std::string file_name_of(const Call& call) {
  const std::string name = call.text("file");
  const bool good = !name.empty() && name.size() <= 200 && name.front() != '.' &&
                    std::ranges::all_of(name, [](unsigned char c) { return c >= 0x20 && c != '/' && c != '\\' && c != 0x7f; });
  if (!good) throw Problem{422, "`file` is the name of a file, without a folder", "balances-2026-03-01.csv", ""};
  return name;
}

auto mapping_of(const Call& call, const checked::Program& program) -> import::Mapping {
  auto mapping = import::parse_mapping(call.text("mapping"), "mapping", program);
  if (!mapping) {
    const auto& first = mapping.error().front();
    throw Problem{422, fmt::format("mapping:{}:{}: {}", first.line, first.column, first.message), first.help, ""};
  }
  // A request names no files of the server.
  if (!mapping->control.beside.empty())
    throw Problem{422, "control totals in a file beside cannot come over HTTP", "have them in the last line (`trailer`), or use dunlin import", ""};
  return std::move(*mapping);
}

/// One file on its way in: read to its end before a row of it is written.
class Intake {
 public:
  Intake(Api& api, const Call& call, std::shared_ptr<const Runner> active)
      : api_(api),
        call_(call),
        active_(std::move(active)),
        file_(file_name_of(call), call.text("content")),
        mapping_(mapping_of(call, active_->program())),
        judge_(active_->program(), *active_->machine.interpreter) {
    auto zone = import::Zone::find(active_->program().bundle);
    if (!zone) unavailable(zone.error());
    zone_ = std::make_unique<import::Zone>(std::move(*zone));
    options_.as_of = as_of();
    options_.correct = flag_of(call_, "again");
    options_.older = [this](const store::OlderRow& row, int64_t line) {
      if (older_.size() < rejected_shown) older_.push_back({{"line", line}, {"entity", row.entity}, {"key", row.key}, {"known", precise_text(row.known)}});
    };
    options_.refuses = [this](const store::EventRow& row) { return refused(row); };
  }

  Reply run() {
    const auto hash = import::file_hash(file_.path());
    if (!hash) throw Problem{503, hash.error(), "", ""};
    open();  // what cannot be read at all is no file of the feed
    const Json begun = api_.ask(Ask::feed_begin, {call_.path.at("feed"), call_.maybe_text("day"), file_.path().filename().string(), *hash, call_.caller.name,
                                                  now_text(api_), flag_of(call_, "again") ? "true" : "false"})[0];
    const std::string status = begun["status"].get<std::string>();
    Json body{{"feed", call_.path.at("feed")}, {"day", begun["of_day"]}, {"delivery", begun["delivery"]}, {"result", status}};
    if (status == "known") {
      body["reason"] = begun["reason"];
      return {std::move(body)};
    }
    if (status == "refused") return refused_whole(std::move(body), begun["reason"].get<std::string>() + "; `again` takes it all the same");
    delivery_ = begun["delivery"].dump();
    try {
      return take(body, begun["refusals"].dump());
    } catch (const Problem& problem) {
      failed(problem.title);
      throw;
    } catch (...) {
      failed("a mistake inside dunlin");
      throw;
    }
  }

 private:
  /// Business time of the data: as the request says, else the mapping, else now. It cannot lie ahead.
  store::Instant as_of() const {
    const store::Instant now = api_.context().scheduler.now();
    const std::string text = call_.maybe_text("as_of").value_or(mapping_.as_of);
    if (text.empty()) return now;
    const auto read = import::ValueReader(active_->program(), *zone_).read_instant(text, import::ValueFormat{});
    if (!read) throw Problem{422, "`as_of`: " + read.error(), "", ""};
    if (const auto ahead = import::ahead_of_clock(*read, now)) throw Problem{422, "`as_of`: " + *ahead, "", ""};
    return *read;
  }

  Reply take(Json& body, const std::string& refusals) {
    Json rejected = Json::array();
    int64_t count = 0;
    options_.rejected = [&](const import::Rejection& rejection, bool) {
      if (++count > static_cast<int64_t>(rejected_shown)) return;
      rejected.push_back({{"line", rejection.line}, {"column", rejection.column}, {"reason", rejection.reason}, {"row", rejection.body}});
    };
    const auto& program = active_->program();
    const auto tried = import::try_rows(program, *mapper_, *source_, options_);
    const auto totals = [&] { return mapping_.control.given() ? &totals_ : nullptr; };
    const auto tell = [&](const import::ImportSummary& summary) {
      body["rows_read"] = summary.rows_read;
      body["rows_taken"] = summary.rows_taken;
      body["rows_rejected"] = summary.rows_rejected;
      body["rejected_rows"] = count;
      body["rejected"] = std::move(rejected);
    };
    if (const auto reason = feed_refusal(refusals, tried, totals())) {
      end("refused", &tried, *reason);
      tell(tried);
      body["rows_taken"] = 0;
      return refused_whole(std::move(body), *reason);
    }
    // What the trial rejected is told already.
    options_.rejected = [&, inner = options_.rejected](const import::Rejection& rejection, bool by_store) {
      if (by_store) inner(rejection, by_store);
    };
    open();
    auto opened = api_.context().open_store();
    if (!opened) refuse(opened.error());
    if (auto prepared = (*opened)->prepare(program); !prepared) refuse(prepared.error());
    const auto summary = import::import_rows(**opened, program, *mapper_, *source_, options_);
    if (!summary) refuse(summary.error());
    body["tasks_let_go"] = end("taken", &*summary, "");
    body["result"] = "taken";
    tell(*summary);
    body["rows_older"] = summary->older();
    body["older"] = older_;
    api_.context().scheduler.wake();
    return {std::move(body), 201};
  }

  /// A problem with all that is known of the file.
  Reply refused_whole(Json body, const std::string& reason) const {
    body["result"] = "refused";
    body["reason"] = reason;
    Json problem{
        {"type", "about:blank"}, {"title", "the file is refused: " + reason}, {"status", 422}, {"help", "nothing of it was written"}, {"request_id", call_.id}};
    problem.update(body);
    Reply reply{std::move(problem), 422};
    reply.content_type = "application/problem+json";
    return reply;
  }

  void open() {
    const bool lines = mapping_.format == import::Mapping::Format::json_lines;
    auto source = lines ? import::open_json_lines(file_.path()) : import::open_csv(file_.path(), mapping_.csv);
    if (!source) throw Problem{422, source.error(), "", ""};
    source_ = std::move(*source);
    totals_ = {};
    if (mapping_.control.given()) source_ = import::controlled(std::move(source_), file_.path(), mapping_.control, totals_);
    if (source_->header_is_complete()) {
      const auto problems = import::missing_columns(mapping_, source_->header());
      if (!problems.empty()) throw Problem{422, problems.front().message, problems.front().help, ""};
    }
    mapper_ = import::map_by_file(active_->program(), mapping_, *zone_);
  }

  std::optional<std::string> refused(const store::EventRow& row) {
    arena_.clear();
    engine::IncomingEvent event{.at = row.at, .type = row.type, .slots = row.slots};
    auto refusal = judge_.judge(event, {.settings = active_->settings.data(), .calendar = active_->machine.calendar->view(), .arena = &arena_}, true);
    if (!refusal) return std::nullopt;
    return refusal->reason;
  }

  /// What went wrong first is what is told, also where this goes wrong too.
  void failed(const std::string& reason) {
    try {
      end("failed", nullptr, reason);
    } catch (...) {  // the next file of the feed ends it
    }
  }

  /// Tasks that joined the line because the file came.
  int64_t end(const char* status, const import::ImportSummary* summary, const std::string& reason) {
    store::Parameters parameters{delivery_, status, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
    if (summary != nullptr) {
      parameters[2] = std::to_string(summary->rows_read);
      parameters[3] = std::to_string(summary->rows_rejected);
      if (mapping_.control.given()) {
        if (totals_.rows_told) parameters[4] = std::to_string(*totals_.rows_told);
        parameters[5] = import::millionths_text(totals_.total);
        if (totals_.total_told) parameters[6] = import::millionths_text(*totals_.total_told);
      }
    }
    if (!reason.empty()) parameters[7] = reason;
    return api_.ask(Ask::feed_end, parameters)[0]["woken"].get<int64_t>();
  }

  Api& api_;
  const Call& call_;
  std::shared_ptr<const Runner> active_;
  ReceivedFile file_;
  import::Mapping mapping_;
  engine::EventJudge judge_;
  abi::Arena arena_;
  std::unique_ptr<import::Zone> zone_;
  import::ImportOptions options_;
  import::ControlTotals totals_;
  std::unique_ptr<import::RowSource> source_;
  std::unique_ptr<import::RowMapper> mapper_;
  Json older_ = Json::array();
  std::string delivery_;
};

Reply take_file(Api& api, const Call& call) {
  // A file writes rows of any entity, as its mapping says: more than what a gateway that reports events is to do.
  if (!call.caller.may("supervise")) throw Problem{403, "taking a file needs the rights `events` and `supervise`", "your role is " + call.caller.role, ""};
  return Intake(api, call, api.active()).run();
}

}  // namespace

void add_feed_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  routes.push_back({"GET",
                    "/v1/feeds",
                    "read",
                    "Each feed: whose file was expected, whether it is there, what it keeps back",
                    {{"at", "an instant; now if not given"}},
                    {},
                    feeds});
  routes.push_back({"GET",
                    "/v1/feeds/{feed}/files",
                    "read",
                    "Files of a feed that were tried, newest first, with their totals",
                    {{"before", "`next` of the page before"}, {"limit", "how many at most, 1 to 500"}},
                    {},
                    files});
  routes.push_back({"POST",
                    "/v1/feeds/{feed}/files",
                    "events",
                    "Take a file of a feed: read to its end first, then taken (201) or refused (422) whole; rejected rows with line, column and reason",
                    {},
                    {{"file", "string", "its name", true},
                     {"content", "string", "its text: CSV or JSON lines, as the mapping says", true},
                     {"mapping", "string", "the mapping, TOML", true},
                     {"day", "string", "whose file it is; today if not given"},
                     {"as_of", "string", "business time of the data; else the mapping's, else now. Of two rows of one key the later one stands"},
                     {"again", "boolean", "the same bytes may come a second time, or a day before the last; its rows are right"}},
                    take_file,
                    false,
                    false,
                    {{201, "taken"}}});
  routes.push_back({"POST",
                    "/v1/feeds/{feed}/lift",
                    "supervise",
                    "Let contact go on without a day's file",
                    {},
                    {reason, {"day", "string", "the one that is missing if not given"}},
                    lift});
}

}  // namespace dunlin::server
