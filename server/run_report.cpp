#include "server/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/output/table.h"
#include "server/output/terminal.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using Align = Table::Align;

std::string stage_of(const simulate::TaskTally& tally) {
  if (tally.strategy.empty() || tally.stage.find('.') != std::string::npos) return tally.stage.empty() ? tally.strategy : tally.stage;
  return tally.stage.empty() ? tally.strategy : tally.strategy + "." + tally.stage;
}

Json counts_json(const simulate::NightCounts& counts) {
  return {{"nights", counts.nights},
          {"cases", counts.cases},
          {"cases_changed", counts.cases_changed},
          {"events", counts.events},
          {"events_refused", counts.events_refused},
          {"events_unknown", counts.events_unknown},
          {"transitions", counts.transitions},
          {"tasks_created", counts.tasks_created},
          {"tasks_updated", counts.tasks_updated},
          {"tasks_withdrawn", counts.tasks_withdrawn},
          {"set_aside", counts.faults}};
}

Json funnel_json(const RunReport& report) {
  auto body = Json::object();
  for (const auto& month : report.months) {
    auto stages = Json::object();
    for (const auto& [stage, counts] : report.funnel) {
      if (counts.contains(month)) stages[stage] = counts.at(month);
    }
    body[month] = std::move(stages);
  }
  return body;
}

Json roll_rates_json(const RollRates& rates) {
  auto body = Json::object();
  for (const auto& [from, row] : rates.moves) {
    auto shares = Json::object();
    for (const auto& [to, count] : row) shares[std::to_string(to)] = rates.share(from, to);
    body[std::to_string(from)] = std::move(shares);
  }
  return body;
}

std::string title(std::string_view text, bool color) { return "\n" + styled(text, Style::bold, color) + "\n"; }

std::string funnel_text(const RunReport& report, bool color) {
  std::vector<Table::Column> columns = {{"stage"}};
  for (const auto& month : report.months) columns.push_back({month, Align::right});
  Table table(columns);
  for (const auto& [stage, counts] : report.funnel) {
    std::vector<std::string> row = {stage};
    for (const auto& month : report.months) row.push_back(counts.contains(month) ? grouped(counts.at(month)) : "");
    table.add(std::move(row));
  }
  if (table.empty()) return "";
  return title(report.clock.empty() ? "Stages at the end of each month" : "Stages", color) + table.text(color);
}

std::string roll_rates_text(const RunReport& report, bool color) {
  std::set<int64_t> values;
  for (const auto& [from, row] : report.roll_rates.moves) {
    values.insert(from);
    for (const auto& [to, count] : row) values.insert(to);
  }
  std::vector<Table::Column> columns = {{"from", Align::right}};
  for (int64_t value : values) columns.push_back({std::to_string(value), Align::right});
  columns.push_back({"moves", Align::right});
  Table table(columns);
  for (const auto& [from, row] : report.roll_rates.moves) {
    std::vector<std::string> cells = {std::to_string(from)};
    for (int64_t to : values) cells.push_back(row.contains(to) ? fmt::format("{:.3f}", report.roll_rates.share(from, to)) : "");
    cells.push_back(grouped(report.roll_rates.from(from)));
    table.add(std::move(cells));
  }
  if (table.empty()) return "";
  return title(fmt::format("Moves of {} from month to month (share)", report.roll_rate_of), color) + table.text(color);
}

std::string tasks_text(const RunReport& report, bool color) {
  Table table({{"queue"}, {"stage"}, {"rule"}, {"tasks", Align::right}});
  auto tasks = report.nights.tasks;
  std::sort(tasks.begin(), tasks.end(),
            [](const auto& a, const auto& b) { return std::tuple(a.queue, stage_of(a), a.rule) < std::tuple(b.queue, stage_of(b), b.rule); });
  for (const auto& tally : tasks) table.add({tally.queue, stage_of(tally), tally.rule, grouped(tally.created)});
  if (table.empty()) return "";
  return title("Tasks created, by queue, stage and rule", color) + table.text(color);
}

std::string transitions_text(const RunReport& report, bool color) {
  Table table({{"from"}, {"to"}, {"rule"}, {"count", Align::right}});
  for (const auto& tally : report.nights.transitions) {
    table.add({tally.from.empty() ? "(enrolled)" : tally.from, tally.to, tally.rule, grouped(tally.count)});
  }
  return table.empty() ? "" : title("Moves between stages", color) + table.text(color);
}

std::string faults_text(const RunReport& report, bool color) {
  Table table({{"rule"}, {"fault"}, {"cases", Align::right}});
  for (const auto& fault : report.nights.faults) table.add({fault.rule, fault.message, grouped(fault.count)});
  return table.empty() ? "" : title("Cases set aside", color) + table.text(color);
}

std::string summary_text(const RunReport& report) {
  const auto& counts = report.nights.counts;
  std::string what =
      report.clock.empty() ? fmt::format("{} nights, {} to {}", counts.nights, report.from, report.to) : fmt::format("one pass at {}", report.clock);
  std::string text = fmt::format("\n{} version {}{}: {}\n", report.bundle, report.version, report.activated ? " (new)" : "", what);
  text += fmt::format(
      "{} case files stepped, {} with an effect; {} events, {} moves between stages; tasks: {} created, {} changed, {} withdrawn; {} cases set aside\n",
      grouped(counts.cases), grouped(counts.cases_changed), grouped(counts.events), grouped(counts.transitions), grouped(counts.tasks_created),
      grouped(counts.tasks_updated), grouped(counts.tasks_withdrawn), grouped(counts.faults));
  if (counts.events_refused > 0)
    text += fmt::format("refused by their ranges or `when`, and kept in table dunlin.quarantine: {} {}\n", grouped(counts.events_refused),
                        counts.events_refused == 1 ? "event" : "events");
  if (counts.events_unknown > 0)
    text += fmt::format("in words that this version does not have, and kept in table dunlin.quarantine: {} {}\n", grouped(counts.events_unknown),
                        counts.events_unknown == 1 ? "event" : "events");
  for (const auto& table : report.pulled) {
    text += fmt::format("pulled from {}: {} rows, {} new, {} changed, {} rejected{}\n", table.table, grouped(table.rows_read), grouped(table.counts.inserted),
                        grouped(table.counts.changed), grouped(table.rows_rejected), table.since.empty() ? "" : "; only those since " + table.since);
  }
  text += fmt::format("{:.1f} s: load {:.1f} s, step {:.1f} s, commit {:.1f} s, side by side\n", report.seconds, counts.load_s, counts.step_s, counts.commit_s);
  return text;
}

}  // namespace

std::string run_report_json(const RunReport& report) {
  Json body{{"bundle", report.bundle}, {"version", report.version}, {"activated", report.activated}};
  if (report.clock.empty()) {
    body["from"] = report.from;
    body["to"] = report.to;
  } else {
    body["clock"] = report.clock;
  }
  body["counts"] = counts_json(report.nights.counts);
  body["funnel"] = funnel_json(report);
  if (report.has_roll_rates) {
    body["roll_rates"] = roll_rates_json(report.roll_rates);
    body["roll_rate_of"] = report.roll_rate_of;
    auto moves = Json::object();
    for (const auto& [from, row] : report.roll_rates.moves) moves[std::to_string(from)] = report.roll_rates.from(from);
    body["roll_rate_moves"] = moves;
  }
  body["tasks"] = Json::array();
  for (const auto& tally : report.nights.tasks) {
    body["tasks"].push_back({{"queue", tally.queue}, {"strategy", tally.strategy}, {"stage", tally.stage}, {"rule", tally.rule}, {"created", tally.created}});
  }
  body["transitions"] = Json::array();
  for (const auto& tally : report.nights.transitions) {
    body["transitions"].push_back({{"from", tally.from}, {"to", tally.to}, {"rule", tally.rule}, {"count", tally.count}});
  }
  body["pulled"] = Json::array();
  for (const auto& table : report.pulled) {
    body["pulled"].push_back({{"entity", table.entity},
                              {"table", table.table},
                              {"rows_read", table.rows_read},
                              {"since", table.since.empty() ? Json() : Json(table.since)},
                              {"inserted", table.counts.inserted},
                              {"changed", table.counts.changed},
                              {"rows_rejected", table.rows_rejected}});
  }
  body["faults"] = Json::array();
  for (const auto& fault : report.nights.faults) body["faults"].push_back({{"rule", fault.rule}, {"message", fault.message}, {"cases", fault.count}});
  const auto& counts = report.nights.counts;
  body["time"] = {{"seconds", report.seconds}, {"load_s", counts.load_s}, {"step_s", counts.step_s}, {"commit_s", counts.commit_s}};
  return body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string run_report_text(const RunReport& report, const std::set<ReportPart>& parts, bool color) {
  std::string text;
  if (parts.contains(ReportPart::funnel)) text += funnel_text(report, color);
  if (parts.contains(ReportPart::roll_rates) && report.has_roll_rates) text += roll_rates_text(report, color);
  if (parts.contains(ReportPart::tasks)) text += tasks_text(report, color);
  if (parts.contains(ReportPart::transitions)) text += transitions_text(report, color);
  if (parts.contains(ReportPart::faults)) text += faults_text(report, color);
  text += summary_text(report);
  return text.starts_with('\n') ? text.substr(1) : text;
}

}  // namespace dunlin::server
