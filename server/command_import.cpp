// dunlin import: rows of a bank's file, events, or a generated portfolio into the database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/engine/event_judge.h"
#include "runtime/store/postgres_errors.h"
#include "runtime/store/postgres_queue_desk.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/feed_delivery.h"
#include "server/import/generated_portfolio.h"
#include "server/import/importer.h"
#include "server/import/inflow.h"
#include "server/import/json_lines_reader.h"
#include "server/import/mapped_tables.h"
#include "server/import/rejects_file.h"
#include "server/open_service.h"
#include "server/open_store.h"
#include "server/output/progress.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/serve/instant.h"
#include "server/table_commands.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct ImportCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  std::string file, mapping, as_of, write_to, feed, day, rejects, correct, older;
  int64_t generate = 0;
  uint64_t seed = 1;
  int months = 6;
  bool events = false, mapped = false, inflow = false, whole = false, allow_rejected = false, again = false;
};

struct ReplayCommand {
  CommonOptions common;
  StoreOptions store;
  std::string source;
  int64_t most = 100'000;
};

/// What all three kinds of import need. Lives as long as the import.
struct Work {
  std::unique_ptr<CheckedBundle> bundle;
  std::unique_ptr<import::Zone> zone;
  std::unique_ptr<store::Store> store;
  import::Mapping mapping;
  std::unique_ptr<import::RowSource> source;
  std::unique_ptr<import::RowMapper> mapper;
  import::ControlTotals totals;
  // For the ranges of events.
  Machine machine;
  abi::Arena settings_arena, arena;
  std::vector<int64_t> settings;
  std::unique_ptr<engine::EventJudge> judge;
};

int64_t now_us() { return static_cast<int64_t>(std::time(nullptr)) * abi::us_per_second; }

/// All problems of a mapping, or of a file's columns: where, what, what to do.
int refuse_mapping(const CommonOptions& common, const std::string& file, const std::vector<import::MappingProblem>& problems) {
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& problem : problems) {
      list.push_back({{"file", file}, {"line", problem.line}, {"column", problem.column}, {"message", problem.message}, {"help", problem.help}});
    }
    fmt::print("{}\n", nlohmann::ordered_json{{"error", file + " cannot be used"}, {"problems", list}, {"exit", 1}}.dump(2));
    return static_cast<int>(Exit::input);
  }
  for (const auto& problem : problems) {
    std::string place = problem.line == 0     ? file
                        : problem.column == 0 ? fmt::format("{}:{}", file, problem.line)
                                              : fmt::format("{}:{}:{}", file, problem.line, problem.column);
    fail(common, Exit::input, fmt::format("{}: {}", place, problem.message), problem.help);
  }
  return static_cast<int>(Exit::input);
}

/// The mapping as named, else inside the bundle's folder.
fs::path mapping_path(const ImportCommand& command) {
  std::string name = command.mapping.empty() ? "generated.toml" : command.mapping;
  std::error_code error;
  if (!command.mapping.empty() && fs::exists(name, error)) return name;
  fs::path inside = fs::path(command.bundle.folder) / name;
  return fs::exists(inside, error) ? inside : fs::path(name);
}

int open_source(const ImportCommand& command, Work& work) {
  if (command.generate > 0) {
    work.source = import::generate_portfolio({.accounts = command.generate, .seed = command.seed, .months = command.months});
    return 0;
  }
  bool lines = command.events ? fs::path(command.file).extension() == ".jsonl" : work.mapping.format == import::Mapping::Format::json_lines;
  auto source = lines ? import::open_json_lines(command.file) : import::open_csv(command.file, work.mapping.csv);
  if (!source) return fail(command.common, Exit::input, source.error());
  work.source = std::move(*source);
  if (work.mapping.control.given()) work.source = import::controlled(std::move(work.source), command.file, work.mapping.control, work.totals);
  return 0;
}

/// Reads the mapping (or, for events, checks the columns) before anything is written.
int prepare_rows(const ImportCommand& command, Work& work) {
  const auto& program = *work.bundle->program;
  if (command.events) {
    if (int exit = open_source(command, work); exit != 0) return exit;
    if (!work.source->header_is_complete()) return 0;
    auto problems = import::event_column_problems(program, work.source->header());
    return problems.empty() ? 0 : refuse_mapping(command.common, command.file, problems);
  }
  fs::path path = mapping_path(command);
  auto mapping = import::load_mapping(path, program);
  if (!mapping) return refuse_mapping(command.common, path.string(), mapping.error());
  work.mapping = std::move(*mapping);
  if (int exit = open_source(command, work); exit != 0) return exit;
  if (!work.source->header_is_complete()) return 0;
  auto problems = import::missing_columns(work.mapping, work.source->header());
  const std::string& summed = work.mapping.control.total_of;
  if (!summed.empty() && work.source->header().find(summed) < 0)
    problems.push_back({0, 0, fmt::format("the file has no column `{}`, which the control total sums", summed), ""});
  return problems.empty() ? 0 : refuse_mapping(command.common, path.string(), problems);
}

nlohmann::ordered_json counts_json(const store::ImportCounts& counts) {
  return {{"inserted", counts.inserted}, {"changed", counts.changed},       {"unchanged", counts.unchanged},
          {"older", counts.older},       {"duplicates", counts.duplicates}, {"set_aside", counts.set_aside}};
}

int64_t rows_set_aside(const import::ImportSummary& summary) {
  int64_t sum = 0;
  for (const auto& [name, counts] : summary.entities) sum += counts.set_aside;
  return sum;
}

/// Rows that the database could not place: of a parent that is not there, say. The newest of them, with the reason.
std::vector<store::SetAside> newest_set_aside(store::Store& store, int64_t count) {
  constexpr int64_t shown = 5;
  std::vector<store::SetAside> found;
  if (count == 0) return found;
  auto rows = store.quarantine(std::min(count, shown));
  if (rows) found = std::move(*rows);
  return found;
}

void print_json(const ImportCommand& command, const import::ImportSummary& summary, const std::vector<store::SetAside>& aside, const std::string& source,
                double seconds, const FeedDelivery* delivery, const import::RejectsFile* rejects) {
  auto events = counts_json(summary.events);
  events["differs"] = summary.events.differs;
  nlohmann::ordered_json body{{"source", source},
                              {"rows_read", summary.rows_read},
                              {"rows_taken", summary.rows_taken},
                              {"rows_rejected", summary.rows_rejected},
                              {"rows_repeated", summary.rows_repeated},
                              {"entities", nlohmann::ordered_json::object()},
                              {"events", events},
                              {"event_rows", summary.event_rows},
                              {"seconds", seconds}};
  for (const auto& [name, counts] : summary.entities) body["entities"][name] = counts_json(counts);
  auto rejections = nlohmann::ordered_json::array();
  for (const auto& rejection : summary.first_rejections) {
    rejections.push_back({{"line", rejection.line}, {"column", rejection.column}, {"reason", rejection.reason}});
  }
  body["first_rejections"] = rejections;
  body["first_differing"] = summary.first_differing;
  body["rows_set_aside"] = rows_set_aside(summary);
  auto newest = nlohmann::ordered_json::array();
  for (const auto& row : aside) newest.push_back({{"where", row.where}, {"reason", row.reason}});
  body["newest_set_aside"] = newest;
  body["rows_older"] = summary.older();
  if (rejects != nullptr && rejects->rows() > 0) {
    body["rejected_file"] = rejects->path().string();
    body["rejected_rows_file"] = rejects->rows_path().string();
  }
  if (delivery != nullptr) body["feed"] = {{"name", command.feed}, {"day", delivery->day()}, {"status", "taken"}, {"tasks_let_go", delivery->woken()}};
  fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const ImportCommand& command, const import::ImportSummary& summary, const std::vector<store::SetAside>& aside_rows, const std::string& source,
                double seconds) {
  using Align = Table::Align;
  Table table({{"what"}, {"new", Align::right}, {"changed", Align::right}, {"as before", Align::right}, {"known", Align::right}, {"set aside", Align::right}});
  auto add = [&](const std::string& name, const store::ImportCounts& counts) {
    table.add({name, grouped(counts.inserted), grouped(counts.changed), grouped(counts.unchanged), grouped(counts.duplicates), grouped(counts.set_aside)});
  };
  for (const auto& [name, counts] : summary.entities) add(name, counts);
  if (!summary.event_rows.empty()) add("events", summary.events);
  if (!table.empty()) fmt::print("{}\n", table.text(command.common.color));
  std::string events;
  for (const auto& [name, count] : summary.event_rows) events += fmt::format("{}{} {}", events.empty() ? "" : ", ", grouped(count), name);
  if (!events.empty()) fmt::print("events: {}\n", events);
  fmt::print("{}: {} rows read, {} taken", source, grouped(summary.rows_read), grouped(summary.rows_taken));
  if (summary.rows_repeated > 0) fmt::print(", {} of them say the same as a row before", grouped(summary.rows_repeated));
  fmt::print(", {} rejected, {:.1f} s\n", grouped(summary.rows_rejected), seconds);
  for (const auto& rejection : summary.first_rejections) fmt::print("  {}:{}: {}\n", source, rejection.line, printable(rejection.reason));
  auto more = summary.rows_rejected - static_cast<int64_t>(summary.first_rejections.size());
  if (more > 0) fmt::print("  … and {} more\n", grouped(more));
  if (summary.rows_rejected > 0) fmt::print("rejected rows are kept whole in table dunlin.quarantine\n");
  if (const auto older = summary.older(); older > 0) {
    fmt::print("{} {} older than what is known and left alone; --older FILE lists them\n", grouped(older), older == 1 ? "row is" : "rows are");
  }
  if (const auto aside = rows_set_aside(summary); aside > 0) {
    fmt::print("{} {} set aside and kept whole in table dunlin.quarantine; import again when the reason has gone\n", grouped(aside),
               aside == 1 ? "row" : "rows");
    for (const auto& row : aside_rows) fmt::print("  {}: {}\n", printable(row.where), printable(row.reason));
  }
  if (const auto differing = summary.events.differs; differing > 0) {
    fmt::print("{} {} known with another time or other values, and left as {}: a correction needs an id of its own\n", grouped(differing),
               differing == 1 ? "event is" : "events are", differing == 1 ? "it was" : "they were");
    for (const auto& one : summary.first_differing) fmt::print("  {}\n", printable(one));
  }
  if (const auto aside = summary.events.set_aside; aside > 0) {
    fmt::print("{} {} of unknown or closed accounts set aside; `dunlin import replay` tries again\n", grouped(aside), aside == 1 ? "event" : "events");
  }
}

/// Business time of the data. It cannot lie ahead of the clock: of this machine's, or of what was stepped last, whichever is later. Where nothing was stepped
/// yet, nothing is known of the year in which that will be.
bool find_as_of(const ImportCommand& command, Work& work, int64_t& as_of, std::string& problem) {
  std::string text = command.as_of.empty() ? work.mapping.as_of : command.as_of;
  as_of = now_us();
  if (text.empty()) return true;
  auto read = import::ValueReader(*work.bundle->program, *work.zone).read_instant(text, import::ValueFormat{});
  if (!read) {
    problem = read.error();
    return false;
  }
  const auto reached = work.store->reached();
  if (!reached) {
    problem = reached.error().message;
    return false;
  }
  if (*reached) {
    if (auto ahead = import::ahead_of_clock(*read, std::max(as_of, **reached))) {
      problem = *ahead;
      return false;
    }
  }
  as_of = *read;
  return true;
}

/// Rows that were left alone, as a file: which line, of whom, and as of when something else is known. A file that is no such list is not written over.
class OlderFile {
 public:
  OlderFile(const std::string& path, const std::string& source) {
    if (!ours(path, source)) {
      out_.setstate(std::ios::failbit);
      return;
    }
    out_.open(path, std::ios::binary | std::ios::trunc);
    out_ << head << "\n" << std::flush;
  }
  bool good() const { return !out_.fail(); }
  void add(const store::OlderRow& older, int64_t line) {
    import::Row row;
    row.cells = {line == 0 ? "" : std::to_string(line), older.entity, older.key, precise_text(older.known)};
    out_ << import::row_text(row) << "\n";
  }
  bool close() {
    out_.close();
    return !out_.fail();
  }

 private:
  static constexpr const char* head = "line,entity,key,known_as_of";

  static bool ours(const fs::path& path, const fs::path& source) {
    std::error_code error;
    if (!fs::exists(path, error)) return true;
    if (fs::equivalent(path, source, error)) return false;
    if (!fs::is_regular_file(path, error)) return true;  // a terminal, a pipe
    std::ifstream file(path);
    std::string first;
    return !std::getline(file, first) || first == head;  // an empty file is nobody's
  }

  std::ofstream out_;
};

int cannot_write(const ImportCommand& command, const std::string& what, const std::string& option) {
  return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written, or is a file of something else: name another with {}", what, option));
}

/// That rows are put right on purpose stands in the audit before the first of them is, and after the file was tried.
int note_correction(const ImportCommand& command, int64_t as_of) {
  int exit = 0;
  auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  const nlohmann::json detail{{"file", fs::path(command.file).filename().string()}, {"as_of", precise_text(as_of)}, {"reason", command.correct}};
  auto noted = service->ask(store::Ask::note_correction, {user_name(), detail.dump()});
  return noted ? 0 : fail(command.common, Exit::environment, noted.error().message, noted.error().hint);
}

/// Events whose fields lie outside of ranges that need only the clock are rejected with their line; what needs the case file is judged by the step.
std::expected<void, std::string> refuse_events(Work& work, import::ImportOptions& options) {
  const auto& program = *work.bundle->program;
  bool any = std::ranges::any_of(
      program.events, [](const auto& type) { return std::ranges::any_of(type.fields, [](const auto& field) { return field.in_range != checked::none; }); });
  if (!any) return {};
  auto machine = make_machine(program, work.bundle->stdlib, false);
  if (!machine) return std::unexpected(machine.error());
  work.machine = std::move(*machine);
  const auto& calendar = *work.machine.calendar->view();
  work.settings = engine::initial_settings(program, *work.machine.interpreter, calendar, work.settings_arena);
  work.judge = std::make_unique<engine::EventJudge>(program, *work.machine.interpreter);
  options.refuses = [&work, &calendar](const store::EventRow& row) -> std::optional<std::string> {
    work.arena.clear();
    engine::IncomingEvent event{.at = row.at, .type = row.type, .slots = row.slots};
    auto refusal = work.judge->judge(event, {.settings = work.settings.data(), .calendar = &calendar, .arena = &work.arena}, true);
    if (!refusal) return std::nullopt;
    return refusal->reason;
  };
  return {};
}

int refused_file(const ImportCommand& command, const FeedDelivery& delivery, const std::string& reason, const import::RejectsFile& rejects) {
  if (command.common.json) {
    nlohmann::ordered_json body{{"error", fmt::format("the file is refused: {}", reason)},
                                {"help", "nothing of it was written"},
                                {"feed", {{"name", command.feed}, {"day", delivery.day()}, {"status", "refused"}, {"reason", reason}}},
                                {"exit", 1}};
    if (rejects.rows() > 0) {
      body["rejected_file"] = rejects.path().string();
      body["rejected_rows_file"] = rejects.rows_path().string();
    }
    fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return static_cast<int>(Exit::input);
  }
  const std::string where = rejects.rows() > 0 ? fmt::format("; {} rows with line, column and reason: {}, the rows alone: {}", rejects.rows(),
                                                             rejects.path().string(), rejects.rows_path().string())
                                               : "";
  return fail(command.common, Exit::input, fmt::format("feed {}: the file of {} is refused: {}", command.feed, delivery.day(), printable(reason)),
              "nothing of it was written" + where);
}

/// The file of a feed is read to its end before a row of it is written. Exit code; -1: it is taken, and now comes the writing.
int try_file(const ImportCommand& command, Work& work, const import::ImportOptions& usual, import::RejectsFile& rejects,
             std::optional<FeedDelivery>& delivery) {
  const auto& program = *work.bundle->program;
  const std::string at = command.as_of.empty() ? "" : precise_text(usual.as_of);
  int exit = 0;
  delivery = FeedDelivery::begin(command.store, command.common, {command.feed, command.day, command.file, at, command.again}, exit);
  if (!delivery) return exit;
  store::crash_point(store::Boundary::committed);
  if (delivery->status() == FeedDelivery::Status::known) {
    if (command.common.json) {
      fmt::print("{}\n", nlohmann::ordered_json{{"feed", {{"name", command.feed}, {"day", delivery->day()}, {"status", "known"}}}}.dump(2));
    } else {
      fmt::print("feed {}: {}\n", command.feed, delivery->reason());
    }
    return 0;
  }
  if (delivery->status() == FeedDelivery::Status::refused)
    return refused_file(command, *delivery, delivery->reason() + "; --again takes it all the same", rejects);
  import::ImportOptions options = usual;
  options.rejected = [&](const import::Rejection& rejection, bool) { rejects.add(rejection); };
  const import::ImportSummary tried = import::try_rows(program, *work.mapper, *work.source, options);
  const import::ControlTotals* totals = work.mapping.control.given() ? &work.totals : nullptr;
  if (const auto reason = delivery->judge(tried, totals)) {
    const bool told = rejects.close();
    if (exit = delivery->end(command.common, "refused", &tried, totals, *reason); exit != 0) return exit;
    if (!told) return cannot_write(command, rejects.path().string(), "--rejected");
    return refused_file(command, *delivery, *reason, rejects);
  }
  if (!rejects.good()) {
    if (exit = delivery->end(command.common, "failed", &tried, totals, "the rejected rows could not be written"); exit != 0) return exit;
    return cannot_write(command, rejects.path().string(), "--rejected");
  }
  if (!delivery->unchanged()) {
    if (exit = delivery->end(command.common, "failed", &tried, totals, "the file changed while it was read"); exit != 0) return exit;
    return fail(command.common, Exit::input, fmt::format("`{}` changed while it was read", command.file), "let it be complete before it is imported");
  }
  store::crash_point(store::Boundary::before);
  if (exit = open_source(command, work); exit != 0) return exit;
  work.mapper = import::map_by_file(program, work.mapping, *work.zone);
  return -1;
}

int carry(const ImportCommand& command, Work& work) {
  import::ImportOptions options;
  std::string problem;
  if (!find_as_of(command, work, options.as_of, problem)) return fail(command.common, Exit::usage, "--as-of: " + problem);
  const auto& program = *work.bundle->program;
  if (auto done = work.store->prepare(program); !done) return fail(command.common, done.error());
  work.mapper =
      command.events ? import::map_events(program, *work.zone, *work.store, work.source->name()) : import::map_by_file(program, work.mapping, *work.zone);
  if (auto ready = refuse_events(work, options); !ready) return fail(command.common, Exit::environment, ready.error());
  std::optional<import::RejectsFile> rejects;
  if (!command.feed.empty() || !command.rejects.empty()) rejects.emplace(command.rejects.empty() ? command.file + ".rejected.csv" : command.rejects);
  if (rejects) rejects->with_rows(work.source->head(), command.file);
  if (!command.rejects.empty() && !rejects->writable()) return cannot_write(command, command.rejects, "--rejected");
  std::optional<OlderFile> older;
  if (!command.older.empty()) {
    older.emplace(command.older, command.file);
    if (!older->good()) return cannot_write(command, command.older, "--older");
    options.older = [&](const store::OlderRow& row, int64_t line) { older->add(row, line); };
  }
  options.correct = !command.correct.empty() || command.again;
  std::optional<FeedDelivery> delivery;
  if (!command.feed.empty()) {
    if (int exit = try_file(command, work, options, *rejects, delivery); exit >= 0) return exit;
  }
  if (!command.correct.empty()) {
    if (int exit = note_correction(command, options.as_of); exit != 0) {
      if (delivery) (void)delivery->end(command.common, "failed", nullptr, nullptr, "the correction could not be noted in the audit");
      return exit;
    }
  }
  if (rejects) {
    // What the trial of a feed's file rejected stands there already.
    options.rejected = [&](const import::Rejection& rejection, bool by_store) {
      if (by_store || !delivery) rejects->add(rejection);
    };
  }
  Progress progress("import", command.generate > 0 ? "accounts" : "bytes", work.source->total(), command.common.progress);
  options.progress = [&](int64_t position, int64_t) { progress.at(position); };
  auto begin = std::chrono::steady_clock::now();
  auto summary = import::import_rows(*work.store, program, *work.mapper, *work.source, options);
  progress.end();
  if (!summary) return fail(command.common, summary.error());
  store::crash_point(store::Boundary::committed);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (delivery) {
    const import::ControlTotals* totals = work.mapping.control.given() ? &work.totals : nullptr;
    if (int exit = delivery->end(command.common, "taken", &*summary, totals, ""); exit != 0) return exit;
    store::crash_point(store::Boundary::committed);
  }
  // The rows are there, and the file of the feed is taken, whatever becomes of the files beside it.
  if (older && !older->close()) return fail(command.common, Exit::environment, fmt::format("the rows are taken, and `{}` could not be written", command.older));
  if (rejects && !rejects->close())
    return fail(command.common, Exit::environment, fmt::format("the rows are taken, and `{}` could not be written", rejects->path().string()));
  const auto aside = newest_set_aside(*work.store, rows_set_aside(*summary));
  if (command.common.json) {
    print_json(command, *summary, aside, work.source->name(), seconds, delivery ? &*delivery : nullptr, rejects ? &*rejects : nullptr);
  } else {
    print_text(command, *summary, aside, work.source->name(), seconds);
    if (rejects && rejects->rows() > 0)
      fmt::print("rejected rows, each with line, column and reason: {}\nthe rows alone, to be mended and sent again: {}\n", rejects->path().string(),
                 rejects->rows_path().string());
    if (delivery)
      fmt::print("feed {}: the file of {} is taken; {} tasks that waited for it joined the line\n", command.feed, delivery->day(), delivery->woken());
  }
  // How many bad rows a file of a feed may have, the feed has said.
  bool clean = (summary->rows_rejected == 0 && summary->events.set_aside == 0 && summary->events.differs == 0 && rows_set_aside(*summary) == 0) ||
               command.allow_rejected || delivery;
  return static_cast<int>(clean ? Exit::done : Exit::input);
}

/// --write: the generated rows as a file, for whoever wants to see or change them.
int write_generated(const ImportCommand& command) {
  auto source = import::generate_portfolio({.accounts = command.generate, .seed = command.seed, .months = command.months});
  std::ofstream stream(command.write_to, std::ios::binary);
  import::Row row;
  row.cells = source->header().names();
  stream << import::row_text(row) << "\n";
  import::Rejection rejection;
  while (source->next(row, rejection) == import::RowSource::Next::row) stream << import::row_text(row) << "\n";
  stream.close();
  if (!stream) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.write_to));
  if (command.common.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"file", command.write_to}, {"accounts", command.generate}}.dump());
  } else {
    fmt::print("wrote {} accounts to {}\n", grouped(command.generate), command.write_to);
  }
  return 0;
}

nlohmann::ordered_json pulled_json(const import::PulledTable& table) {
  nlohmann::ordered_json body{{"entity", table.entity}, {"table", table.table}, {"rows_read", table.rows_read}, {"rows_rejected", table.rows_rejected}};
  body["since"] = table.since.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(table.since);
  body["without_change"] = table.without_change;
  body.update(counts_json(table.counts));
  body["first_rejections"] = nlohmann::ordered_json::array();
  for (const auto& rejection : table.first_rejections) body["first_rejections"].push_back({{"column", rejection.column}, {"reason", rejection.reason}});
  return body;
}

void print_pulled(const std::vector<import::PulledTable>& tables, bool color) {
  using Align = Table::Align;
  Table table({{"what"},
               {"from"},
               {"rows", Align::right},
               {"new", Align::right},
               {"changed", Align::right},
               {"as before", Align::right},
               {"rejected", Align::right},
               {"set aside", Align::right}});
  for (const auto& pulled : tables) {
    const auto& counts = pulled.counts;
    table.add({pulled.entity, pulled.table, grouped(pulled.rows_read), grouped(counts.inserted), grouped(counts.changed), grouped(counts.unchanged),
               grouped(pulled.rows_rejected), grouped(counts.set_aside)});
  }
  fmt::print("{}", table.text(color));
  for (const auto& pulled : tables) {
    if (!pulled.since.empty()) fmt::print("  {}: rows changed since {}; --whole reads all of them\n", pulled.table, pulled.since);
    if (pulled.without_change > 0)
      fmt::print("  {}: {} rows do not say when they changed, and are read each time\n", pulled.table, grouped(pulled.without_change));
    if (pulled.counts.older > 0) fmt::print("  {}: {} rows are older than what is known and left alone\n", pulled.table, grouped(pulled.counts.older));
    for (const auto& rejection : pulled.first_rejections) fmt::print("  {}\n", printable(rejection.reason));
  }
}

/// --mapped: the rows of entities that are `from table`. --inflow: those that other programs have written into the tables `inflow.ENTITY`.
int pull_mapped(const ImportCommand& command, Work& work) {
  const auto& program = *work.bundle->program;
  if (command.mapped && !import::has_bank_tables(program)) {
    return fail(command.common, Exit::usage, "--mapped: no entity of this bundle is `from table`",
                "docs/guides/bank-tables.md shows how to lay one over a table");
  }
  import::PullOptions options;
  std::string problem;
  if (!find_as_of(command, work, options.as_of, problem)) return fail(command.common, Exit::usage, "--as-of: " + problem);
  if (auto done = work.store->prepare(program); !done) return fail(command.common, done.error());
  Progress progress("import", "rows", 0, command.common.progress);
  options.progress = [&](int64_t rows) { progress.at(rows); };
  options.whole = command.whole;
  const StoreOptions where = with_environment(command.store);
  const store::PostgresOptions database{.url = where.database, .folder = where.data};
  auto tables = command.inflow ? import::take_inflow(*work.store, database, program, *work.zone, options)
                               : import::pull_bank_tables(*work.store, database, program, *work.zone, options);
  progress.end();
  if (!tables) return fail(command.common, tables.error());
  if (command.common.json) {
    auto body = nlohmann::ordered_json::array();
    for (const auto& table : *tables) body.push_back(pulled_json(table));
    fmt::print("{}\n", nlohmann::ordered_json{{"pulled", body}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    print_pulled(*tables, command.common.color);
  }
  bool clean = std::ranges::all_of(*tables, [](const auto& table) { return table.rows_rejected == 0 && table.counts.set_aside == 0; });
  return static_cast<int>(clean || command.allow_rejected ? Exit::done : Exit::input);
}

int import_command(const ImportCommand& command) {
  if (command.mapped && (!command.file.empty() || command.generate > 0))
    return fail(command.common, Exit::usage, "--mapped reads the database; leave the file out");
  if (command.inflow && (!command.file.empty() || command.generate > 0 || command.mapped || command.events || !command.feed.empty()))
    return fail(command.common, Exit::usage, "--inflow takes in what was written into the database; leave the rest out");
  if (command.generate > 0 && !command.file.empty()) return fail(command.common, Exit::usage, "--generate makes its own rows; leave the file out");
  if (command.generate > 0 && !command.write_to.empty()) return write_generated(command);
  const bool from_tables = command.mapped || command.inflow;
  if (command.generate == 0 && !from_tables && command.file.empty())
    return fail(command.common, Exit::usage, "name a file, or --mapped, --inflow, or --generate N");
  if (command.generate == 0 && !from_tables && !command.events && command.mapping.empty()) {
    return fail(command.common, Exit::usage, "--mapping is missing: which columns are what?", "docs/guides/import-mapping.md shows how to write a mapping");
  }
  if (!command.feed.empty() && (command.events || command.mapped || command.generate > 0))
    return fail(command.common, Exit::usage, "--feed takes a file by a mapping", "docs/guides/import-mapping.md, \"Feeds\"");
  if (command.feed.empty() && (!command.day.empty() || command.again)) return fail(command.common, Exit::usage, "--for and --again belong to --feed");
  if ((!command.correct.empty() || !command.older.empty()) && (command.events || from_tables || command.generate > 0))
    return fail(command.common, Exit::usage, "--correct and --older belong to a file of rows");
  int exit = 0;
  Work work;
  work.bundle = checked_bundle_or_exit(command.bundle, command.common, exit);
  if (!work.bundle) return exit;
  auto zone = import::Zone::find(work.bundle->program->bundle);
  if (!zone) return fail(command.common, Exit::environment, zone.error());
  work.zone = std::make_unique<import::Zone>(*zone);
  if (!from_tables) {
    if (exit = prepare_rows(command, work); exit != 0) return exit;
  }
  work.store = open_store_or_exit(command.store, command.common, exit);
  if (!work.store) return exit;
  return from_tables ? pull_mapped(command, work) : carry(command, work);
}

/// dunlin import replay: events whose account was unknown or closed, once more.
int replay_command(const ReplayCommand& command) {
  const StoreOptions where = with_environment(command.store);
  auto desk = store::QueueDesk::open({.url = where.database, .folder = where.data});
  if (!desk) return fail(command.common, desk.error());
  auto answer = (*desk)->retry_events(command.most, command.source.empty() ? std::nullopt : std::optional(command.source));
  if (!answer) return fail(command.common, answer.error());
  nlohmann::ordered_json body = nlohmann::ordered_json::object();
  for (const auto& row : nlohmann::json::parse(*answer)) body[row.at("result").get<std::string>()] = row.at("events");
  if (command.common.json) {
    fmt::print("{}\n", body.dump(2));
    return 0;
  }
  auto count = [&](const char* what) { return body.value(what, int64_t{0}); };
  fmt::print("{} events taken, {} known already, {} still set aside\n", grouped(count("accepted")), grouped(count("duplicate")), grouped(count("set_aside")));
  return 0;
}

}  // namespace

void add_import_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ImportCommand>();
  auto* sub = app.add_subcommand("import", "Take in a file by a mapping, events, or a generated portfolio");
  sub->add_option("BUNDLE", command->bundle.folder, "Folder of the bundle");
  sub->add_option("FILE", command->file, "File to take in");
  add_bundle_options(*sub, command->bundle, false);
  sub->add_option("--mapping", command->mapping, "Mapping file, by its path or inside the bundle's folder");
  auto* generate = sub->add_option("--generate", command->generate, "Make up a card portfolio of so many accounts instead of reading a file");
  generate->check(CLI::Range(int64_t{1}, int64_t{100'000'000}));
  sub->add_option("--seed", command->seed, "Another seed makes another portfolio")->needs(generate)->capture_default_str();
  sub->add_option("--months", command->months, "Monthly statements to make up")->needs(generate)->check(CLI::Range(1, 120))->capture_default_str();
  auto* mapped = sub->add_flag("--mapped", command->mapped, "Pull the rows of entities that are `from table`, from the same database");
  sub->add_flag("--inflow", command->inflow, "Take in the rows that other programs have written into the tables inflow.ENTITY of the same database");
  sub->add_flag("--whole", command->whole, "Read all rows of tables with a change column, not only those that have changed")->needs(mapped);
  sub->add_option("--write", command->write_to, "Write the generated rows to this CSV file instead of the database")->needs(generate);
  sub->add_option("--feed", command->feed, "The file is one of this feed: judged whole, then taken or refused");
  sub->add_option("--for", command->day, "The day whose file it is (2026-05-04); else that of --as-of, else today");
  sub->add_flag("--again", command->again,
                "Take a file that was taken for another day before, byte for byte, or one of a day before the last; its rows are right");
  sub->add_option("--correct", command->correct, "The rows are right though something else is known as of later: why, for the audit");
  sub->add_option("--older", command->older, "Where rows that were left alone are listed, because something else is known as of later");
  sub->add_option("--rejected", command->rejects, "Where rejected rows go, with line, column and reason; with --feed FILE.rejected.csv if nothing is said");
  sub->add_option("--as-of", command->as_of, "Business time of the data; else the mapping's as_of, else now. Of two rows of one key the later one stands");
  sub->add_flag("--allow-rejected", command->allow_rejected, "Exit 0 even if rows were rejected");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer(
      "Example:\n  dunlin import strategies/card_collections credit_default.csv --mapping uci_credit_default.toml\n"
      "  dunlin import --generate 5000 --seed 1 strategies/card_collections\n"
      "  dunlin import events strategies/card_collections payments.jsonl\n"
      "  dunlin import my_bundle balances.csv --mapping balances.toml --feed balances\n"
      "  dunlin import --mapped --database postgresql://bank/collections my_bundle");
  auto* events = sub->add_subcommand("events", "Take in events in Dunlin's own columns: event, key, root, at, id, source and the fields");
  events->add_option("BUNDLE", command->bundle.folder, "Folder of the bundle")->required();
  events->add_option("FILE", command->file, "CSV or JSON lines (.jsonl)")->required();
  add_bundle_options(*events, command->bundle, false);
  events->add_flag("--allow-rejected", command->allow_rejected, "Exit 0 even if rows were rejected");
  add_store_options(*events, command->store);
  add_common_options(*events, command->common);
  events->footer("Example:\n  dunlin import events strategies/card_collections payments.jsonl");
  events->callback([command] { command->events = true; });
  auto again = std::make_shared<ReplayCommand>();
  auto* replay = sub->add_subcommand("replay", "Try events again that were set aside because their account was unknown or closed");
  replay->add_option("--source", again->source, "Only events of this source");
  replay->add_option("--limit", again->most, "Most events to try")->check(CLI::Range(int64_t{1}, int64_t{2'000'000'000}))->capture_default_str();
  add_store_options(*replay, again->store);
  add_common_options(*replay, again->common);
  replay->footer("Example:\n  dunlin import replay --source bank");
  replay->callback([again, &chosen] { chosen = [again] { return replay_command(*again); }; });
  add_import_table_command(*sub, chosen);
  sub->callback([command, sub, replay, &chosen] {
    if (replay->parsed() || sub->got_subcommand("table")) return;  // these have chosen for themselves
    if (command->bundle.folder.empty()) throw CLI::RequiredError("BUNDLE");
    chosen = [command] { return import_command(*command); };
  });
}

}  // namespace dunlin::server
