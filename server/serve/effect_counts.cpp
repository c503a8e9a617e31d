#include "server/serve/effect_counts.h"

#include <fmt/format.h>

namespace dunlin::server {

namespace {

/// A label's value: texts of rules may have quotes and line ends in them.
std::string label(const std::string& text) {
  std::string made;
  for (const char c : text) {
    if (c == '\\' || c == '"') made += '\\';
    if (c == '\n') {
      made += "\\n";
    } else {
      made += c;
    }
  }
  return made;
}

}  // namespace

void EffectCounts::count(Series& series, std::array<std::string, 3> labels, int64_t by) {
  if (series.size() >= most_ && !series.contains(labels)) labels = {"", "(others)", ""};
  series[std::move(labels)] += by;
}

void EffectCounts::add(const simulate::NightReport& report) {
  const std::lock_guard lock(guard_);
  for (const auto& one : report.tasks) count(tasks_, {one.strategy, one.rule, one.queue}, one.created);
  for (const auto& one : report.transitions) {
    const std::string& stage = one.to.empty() ? one.from : one.to;
    count(moves_, {stage.substr(0, stage.find('.')), one.rule, ""}, one.count);
  }
  for (const auto& one : report.faults) count(faults_, {"", one.rule, ""}, one.count);
}

std::string EffectCounts::text() const {
  const std::lock_guard lock(guard_);
  std::string text = "# HELP dunlin_rule_tasks_total Tasks that a rule has asked for on this node.\n# TYPE dunlin_rule_tasks_total counter\n";
  for (const auto& [key, count] : tasks_)
    text += fmt::format("dunlin_rule_tasks_total{{strategy=\"{}\",rule=\"{}\",queue=\"{}\"}} {}\n", label(key[0]), label(key[1]), label(key[2]), count);
  text +=
      "# HELP dunlin_rule_moves_total Moves that a rule has led to on this node, by the strategy that was entered or gone on in.\n"
      "# TYPE dunlin_rule_moves_total counter\n";
  for (const auto& [key, count] : moves_)
    text += fmt::format("dunlin_rule_moves_total{{strategy=\"{}\",rule=\"{}\"}} {}\n", label(key[0]), label(key[1]), count);
  text += "# HELP dunlin_rule_faults_total Case files set aside on this node because of a rule.\n# TYPE dunlin_rule_faults_total counter\n";
  for (const auto& [key, count] : faults_) text += fmt::format("dunlin_rule_faults_total{{rule=\"{}\"}} {}\n", label(key[1]), count);
  return text;
}

}  // namespace dunlin::server
