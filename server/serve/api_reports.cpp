// Reports: tables of figures, as JSON, CSV or a workbook.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lang/sheets/workbook.h"
#include "server/serve/api.h"
#include "server/serve/instant.h"

namespace dunlin::server {

namespace {

using store::Ask;

constexpr int64_t day_us = 86'400'000'000;

/// A file that goes with its object; its name is nobody else's.
class TemporaryFile {
 public:
  TemporaryFile() : path_((std::filesystem::temp_directory_path() / "dunlin-report-XXXXXX").string()) {
    const int fd = mkstemp(path_.data());
    if (fd < 0) throw Problem{503, "there is no room for a temporary file", "look at the disk of this server", ""};
    close(fd);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  std::string bytes() const {
    std::ostringstream all;
    all << std::ifstream(path_, std::ios::binary).rdbuf();
    return all.str();
  }

 private:
  std::string path_;
};

std::string text_of(const Json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); }

Reply as_csv(const Json& rows, const std::vector<std::string>& columns) {
  sheets::Sheet sheet;
  sheet.rows.push_back(columns);
  for (const Json& row : rows) {
    auto& cells = sheet.rows.emplace_back();
    for (const std::string& column : columns) cells.push_back(text_of(row[column]));
  }
  Reply reply{Json(sheets::csv_text(sheet))};
  reply.content_type = "text/csv; charset=utf-8";
  return reply;
}

Reply as_workbook(const Json& rows, const std::vector<std::string>& columns, const std::string& name) {
  using Cell = sheets::WrittenCell;
  std::vector<std::vector<Cell>> table(1);
  for (const std::string& column : columns) table[0].push_back({Cell::Kind::text, column});
  for (const Json& row : rows) {
    auto& cells = table.emplace_back();
    for (const std::string& column : columns)
      cells.push_back({column == "day" ? Cell::Kind::date : row[column].is_number() ? Cell::Kind::figure : Cell::Kind::text, text_of(row[column])});
  }
  const TemporaryFile file;
  if (auto written = sheets::write_workbook(file.path(), name, table); !written) throw Problem{503, written.error(), "look at the disk of this server", ""};
  Reply reply{Json::binary({})};
  const std::string bytes = file.bytes();
  reply.body = Json::binary(std::vector<uint8_t>(bytes.begin(), bytes.end()));
  reply.content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  return reply;
}

/// The last thirty days if nothing is said.
store::Parameters period(Api& api, const Call& call) {
  const int64_t now = api.context().scheduler.now();
  return {call.asked("from").value_or(precise_text(now - 30 * day_us)), call.asked("to").value_or(precise_text(now))};
}

Reply report(Api& api, const Call& call, Ask what, const std::string& name, const std::vector<std::string>& columns) {
  const std::string format = call.asked("format").value_or("json");
  if (format != "json" && format != "csv" && format != "xlsx") throw Problem{422, "`format` is json, csv or xlsx", "", ""};
  const store::Parameters between = period(api, call);
  Json rows = api.ask(what, between);
  if (format == "json") return {Json{{"from", *between[0]}, {"to", *between[1]}, {"columns", columns}, {"items", std::move(rows)}}};
  Reply reply = format == "csv" ? as_csv(rows, columns) : as_workbook(rows, columns, name);
  reply.file_name = name + "." + format;
  return reply;
}

Reply funnel(Api& api, const Call& call) { return report(api, call, Ask::report_funnel, "funnel", {"stage", "standing", "entered", "gone"}); }
Reply queues(Api& api, const Call& call) {
  return report(api, call, Ask::report_queues, "queues",
                {"queue", "created", "done", "withdrawn", "expired", "ready", "leased", "withheld", "dead_letter", "cost"});
}
Reply contacts(Api& api, const Call& call) {
  return report(api, call, Ask::report_contacts, "contacts", {"day", "channel", "kind", "outcome", "contacts", "case_files"});
}

}  // namespace

void add_report_routes(std::vector<Route>& routes) {
  const std::vector<QueryField> query{{"from", "2026-01-01 or an instant; thirty days ago if not given"},
                                      {"to", "not this instant itself any more; now if not given"},
                                      {"format", "json, csv or xlsx; json if not given"}};
  routes.push_back({"GET", "/v1/reports/funnel", "read", "Instances by stage, and how many came and went in a period", query, {}, funnel});
  routes.push_back(
      {"GET", "/v1/reports/queues", "read", "Tasks by queue: created and ended in a period, open now, and what the done ones cost", query, {}, queues});
  routes.push_back({"GET", "/v1/reports/contacts", "read", "Contacts by day, channel, kind and outcome", query, {}, contacts});
}

}  // namespace dunlin::server
