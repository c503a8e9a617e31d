// Reports: tables of figures, as JSON, CSV or a workbook.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lang/sheets/workbook.h"
#include "runtime/simulate/experiment_figures.h"
#include "server/experiment_answer.h"
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

std::string format_of(const Call& call) {
  const std::string format = call.asked("format").value_or("json");
  if (format != "json" && format != "csv" && format != "xlsx") throw Problem{422, "`format` is json, csv or xlsx", "", ""};
  return format;
}

/// In the form that is asked for; `head`: what a JSON answer says before its rows.
Reply shown(const Call& call, Json rows, const std::string& name, const std::vector<std::string>& columns, Json head) {
  const std::string format = format_of(call);
  if (format == "json") {
    head["items"] = std::move(rows);
    return {std::move(head)};
  }
  Reply reply = format == "csv" ? as_csv(rows, columns) : as_workbook(rows, columns, name);
  reply.file_name = name + "." + format;
  return reply;
}

Reply report(Api& api, const Call& call, Ask what, const std::string& name, const std::vector<std::string>& columns) {
  (void)format_of(call);  // before the database is asked
  const store::Parameters between = period(api, call);
  return shown(call, api.ask(what, between), name, columns, Json{{"from", *between[0]}, {"to", *between[1]}, {"columns", columns}});
}

Reply funnel(Api& api, const Call& call) { return report(api, call, Ask::report_funnel, "funnel", {"stage", "standing", "entered", "gone"}); }
Reply queues(Api& api, const Call& call) {
  return report(api, call, Ask::report_queues, "queues",
                {"queue", "created", "done", "withdrawn", "expired", "ready", "leased", "withheld", "dead_letter", "cost"});
}
Reply contacts(Api& api, const Call& call) {
  return report(api, call, Ask::report_contacts, "contacts", {"day", "channel", "kind", "outcome", "contacts", "case_files"});
}

Reply tasks(Api& api, const Call& call) {
  return report(api, call, Ask::report_tasks, "tasks", {"queue", "treatment", "strategy", "stage", "rule", "created", "done", "withdrawn", "expired", "open"});
}
Reply outcomes(Api& api, const Call& call) {
  return report(api, call, Ask::report_outcomes, "outcomes", {"queue", "outcome", "treatment", "tasks", "case_files", "mean_hours"});
}

/// A row an arm, as it is now: sums have no period of their own.
Reply experiments(Api& api, const Call& call) {
  const std::vector<std::string> columns{"experiment",       "status", "arm",           "control",           "share", "enrolled", "success",
                                         "success_per_head", "cost",   "cost_per_head", "guardrails_broken", "faults"};
  const auto active = api.active();
  const auto figures = api.with_store([&](store::Store& store) {
    auto all = simulate::experiment_figures(store, active->night(), "", api.context().scheduler.now());
    if (!all) refuse(all.error());
    return std::move(*all);
  });
  const auto sum = [](const std::optional<simulate::Figure>& figure, bool per_head) {
    return figure ? Json(per_head ? figure->per_head : figure->total) : Json();
  };
  Json rows = Json::array();
  for (const auto& one : figures) {
    for (const auto& arm : one.arms)
      rows.push_back({{"experiment", one.name},
                      {"status", one.status},
                      {"arm", arm.arm},
                      {"control", arm.control},
                      {"share", share_text(arm.share)},
                      {"enrolled", arm.enrolled},
                      {"success", sum(arm.success, false)},
                      {"success_per_head", sum(arm.success, true)},
                      {"cost", sum(arm.cost, false)},
                      {"cost_per_head", sum(arm.cost, true)},
                      {"guardrails_broken", std::ranges::count(arm.guardrails, false, &simulate::GuardrailFigure::passed)},
                      {"faults", arm.faults}});
  }
  return shown(call, std::move(rows), "experiments", columns, Json{{"columns", columns}});
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
  routes.push_back(
      {"GET", "/v1/reports/tasks", "read", "Tasks by queue, treatment and the rule that asked: created and ended in a period, open now", query, {}, tasks});
  routes.push_back(
      {"GET", "/v1/reports/outcomes", "read", "Outcomes of tasks in a period, with the hours from the task's making to them", query, {}, outcomes});
  routes.push_back({"GET", "/v1/reports/experiments", "read", "A row for each arm of what is on trial, as it is now", {query.back()}, {}, experiments});
}

}  // namespace dunlin::server
