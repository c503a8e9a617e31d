#include "runtime/simulate/coverage.h"

namespace dunlin::simulate {

CoverageCounter::CoverageCounter(const checked::Program& program) : program_(program) {
  for (size_t s = 0; s < program.stages.size(); ++s) {
    const checked::Stage& stage = program.stages[s];
    coverage_.stages.push_back({checked::stage_name(program, static_cast<checked::Index>(s)), stage.span, 0});
    add_rules(stage.rules, program.strategies[stage.strategy].name, stage.name);
  }
  for (const auto& strategy : program.strategies) add_rules(strategy.rules, strategy.name, "");
  for (const auto& always : program.always) add_rules(always.rules, "", "");
  for (const auto& table : program.tables) {
    first_row_.push_back(coverage_.rows.size());
    for (size_t r = 0; r < table.rows.size(); ++r) coverage_.rows.push_back({table.name, static_cast<int64_t>(r) + 1, table.rows[r].span, 0});
    if (table.otherwise.has_value()) coverage_.rows.push_back({table.name, 0, table.otherwise->span, 0});
  }
  for (const auto& type : program.events) {
    outcome_at_.push_back(coverage_.outcomes.size());
    if (type.queue != checked::none && type.leaf) coverage_.outcomes.push_back({type.name, type.span, 0, 0});
  }
}

void CoverageCounter::add_rules(const std::vector<checked::Rule>& rules, const std::string& strategy, const std::string& stage) {
  for (const checked::Rule& rule : rules) {
    rule_at_.emplace(rule.key, coverage_.rules.size());
    coverage_.rules.push_back({strategy, stage, rule.name, rule.span, rule.key, 0, 0});
  }
}

void CoverageCounter::rule_tried(int32_t, const checked::Rule& rule, checked::RootId, bool) {
  if (const auto found = rule_at_.find(rule.key); found != rule_at_.end()) ++coverage_.rules[found->second].tried;
}
void CoverageCounter::rule_fired(int32_t, const checked::Rule& rule) {
  if (const auto found = rule_at_.find(rule.key); found != rule_at_.end()) ++coverage_.rules[found->second].fired;
}
void CoverageCounter::stage_entered(int32_t, int32_t stage) { ++coverage_.stages[static_cast<size_t>(stage)].entered; }

void CoverageCounter::events(const engine::StepResult& result) {
  for (const auto& effect : result.events) {
    const checked::EventType& type = program_.events[effect.event.type];
    if (type.queue == checked::none || !type.leaf) continue;
    OutcomeCoverage& outcome = coverage_.outcomes[outcome_at_[effect.event.type]];
    ++outcome.happened;
    if (!effect.unhandled) ++outcome.handled;
  }
}

void CoverageCounter::rows(const Trace& trace) {
  for (const TraceRow& hit : trace.rows) {
    const checked::Table& table = program_.tables[hit.table];
    const auto written = static_cast<int64_t>(table.rows.size());
    if (hit.row < 0 || hit.row > written || (hit.row == written && !table.otherwise.has_value())) continue;
    ++coverage_.rows[first_row_[hit.table] + static_cast<size_t>(hit.row)].hits;
  }
}

Coverage CoverageCounter::take(bool with_rows) {
  if (!with_rows) coverage_.rows.clear();
  return std::move(coverage_);
}

}  // namespace dunlin::simulate
