#include "runtime/engine/plan.h"

#include "lang/sema/transfers.h"

namespace dunlin::engine {

namespace {

using checked::Rule;

bool is_timer(const Rule& rule) { return rule.kind == Rule::Kind::after || rule.kind == Rule::Kind::at || rule.kind == Rule::Kind::every; }

void add_timer(StagePlan& stage, const Rule& rule, Place place) {
  stage.timers.push_back({&rule, place});
  if (place != Place::stage && rule.anchor != Rule::Anchor::stage) stage.kept_marks.push_back(rule.key);
}

/// A final stage ends what its strategy does: only its own handlers, its entry and `always` (but no standing task) are left.
bool stands_in_final_stage(const Rule& rule, Place place) {
  if (place == Place::strategy || rule.kind == Rule::Kind::keep) return false;
  return place == Place::always || rule.kind == Rule::Kind::on_event || rule.kind == Rule::Kind::on_entry;
}

void place_rules(StagePlan& stage, const std::vector<Rule>& rules, Place place) {
  for (const Rule& rule : rules) {
    if (stage.is_final && !stands_in_final_stage(rule, place)) continue;
    if (rule.kind == Rule::Kind::on_event) stage.handlers[static_cast<size_t>(place)].push_back(&rule);
    if (rule.kind == Rule::Kind::on_entry && place == Place::stage) stage.on_entry.push_back(&rule);
    if (rule.kind == Rule::Kind::when) stage.whens.push_back({&rule, place});
    if (rule.kind == Rule::Kind::keep) stage.keeps.push_back({&rule, place});
    if (is_timer(rule)) add_timer(stage, rule, place);
  }
}

bool applies(const checked::Always& always, const checked::Strategy& strategy) { return always.entity == checked::none || always.entity == strategy.entity; }

}  // namespace

Plan::Plan(const checked::Program& program)
    : stages(program.stages.size()), strategies(program.strategies.size()), enrolling(program.entities.size()), has_strategy(program.entities.size()) {
  for (size_t s = 0; s < program.strategies.size(); ++s) {
    const checked::Strategy& strategy = program.strategies[s];
    has_strategy[strategy.entity] = true;
    if (strategy.enrol != checked::none) enrolling[strategy.entity].push_back(static_cast<int32_t>(s));
    StrategyPlan& plan = strategies[s];
    if (!strategy.stages.empty()) plan.first_stage = strategy.stages.front();
    const auto add_entry = [&](const std::vector<Rule>& rules) {
      for (const Rule& rule : rules) {
        if (rule.kind == Rule::Kind::on_entry) plan.on_entry.push_back(&rule);
      }
    };
    add_entry(strategy.rules);
    for (const checked::Always& always : program.always) {
      if (applies(always, strategy)) add_entry(always.rules);
    }
  }
  for (size_t s = 0; s < program.stages.size(); ++s) {
    const checked::Stage& stage = program.stages[s];
    const checked::Strategy& strategy = program.strategies[stage.strategy];
    stages[s].is_final = stage.is_final;
    place_rules(stages[s], stage.rules, Place::stage);
    place_rules(stages[s], strategy.rules, Place::strategy);
    for (const checked::Always& always : program.always) {
      if (applies(always, strategy)) place_rules(stages[s], always.rules, Place::always);
    }
  }
  // A stage's counter that counts for the strategy lives on in all of its stages.
  for (size_t s = 0; s < program.stages.size(); ++s) {
    const checked::Strategy& strategy = program.strategies[program.stages[s].strategy];
    const auto add_counters = [&](const std::vector<Rule>& rules) {
      for (const Rule& rule : rules) {
        if (rule.at_most_in_strategy) stages[s].kept_counters.push_back(rule.key);
      }
    };
    for (const checked::Index other : strategy.stages) add_counters(program.stages[other].rules);
    add_counters(strategy.rules);
    for (const checked::Always& always : program.always) add_counters(always.rules);
  }
  const auto name_rules = [&](const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) by_key.emplace(rule.key, &rule);
  };
  // What is kept of older versions has its keys in common with what is there now.
  for (const auto& stage : program.stages) {
    if (checked::kept_at(program, stage.strategy) == nullptr) name_rules(stage.rules);
  }
  for (size_t s = 0; s < program.strategies.size(); ++s) {
    if (checked::kept_at(program, static_cast<checked::Index>(s)) == nullptr) name_rules(program.strategies[s].rules);
  }
  for (const auto& always : program.always) name_rules(always.rules);
}

}  // namespace dunlin::engine
