#include "runtime/simulate/tally.h"

#include "lang/sema/stage_orders.h"
#include "lang/sema/transfers.h"

namespace dunlin::simulate {

namespace {

struct RulePlace {
  std::string strategy, stage, name;
};

std::map<uint64_t, RulePlace> places(const checked::Program& program) {
  std::map<uint64_t, RulePlace> found;
  for (const auto& stage : program.stages) {
    for (const auto& rule : stage.rules) found.insert({rule.key, {program.strategies[stage.strategy].name, stage.name, rule.name}});
  }
  for (const auto& strategy : program.strategies) {
    for (const auto& rule : strategy.rules) found.insert({rule.key, {strategy.name, "", rule.name}});
  }
  for (const auto& always : program.always) {
    for (const auto& rule : always.rules) found.insert({rule.key, {"", "", rule.name}});
  }
  return found;
}

std::string stage_text(const checked::Program& program, int32_t stage) { return stage < 0 ? "" : checked::stage_name(program, stage); }

}  // namespace

void NightCounts::add(const NightCounts& other) {
  nights += other.nights;
  cases += other.cases;
  cases_changed += other.cases_changed;
  events += other.events;
  events_refused += other.events_refused;
  events_unknown += other.events_unknown;
  transitions += other.transitions;
  notes += other.notes;
  tasks_created += other.tasks_created;
  tasks_updated += other.tasks_updated;
  tasks_withdrawn += other.tasks_withdrawn;
  faults += other.faults;
  load_s += other.load_s;
  step_s += other.step_s;
  commit_s += other.commit_s;
  total_s += other.total_s;
}

void Tally::add(const engine::CaseFile& case_file, const engine::StepResult& result) {
  ++counts.cases;
  if (result.fault.has_value()) {
    ++counts.faults;
    ++faults_[{result.fault->rule_name, result.fault->message}];
    return;
  }
  counts.events_refused += static_cast<int64_t>(result.refused.size());
  counts.events_unknown += case_file.strange_events;
  if (!result.had_effect()) return;
  ++counts.cases_changed;
  counts.events += static_cast<int64_t>(result.events.size());
  counts.notes += static_cast<int64_t>(result.notes.size());
  counts.transitions += static_cast<int64_t>(result.transitions.size());
  for (const auto& transition : result.transitions) ++transitions_[{transition.from_stage, transition.to_stage, transition.rule}];
  for (const auto& effect : result.tasks) {
    switch (effect.change) {
      case engine::TaskChange::create:
        ++counts.tasks_created;
        ++tasks_[{effect.task.queue, effect.task.rule}];
        break;
      case engine::TaskChange::withdraw:
        ++counts.tasks_withdrawn;
        break;
      default:
        ++counts.tasks_updated;
    }
  }
}

void Tally::add_unreadable(const std::string& why, int64_t count) {
  counts.faults += count;
  faults_[{"", why}] += count;
}

void Tally::add(const Tally& other) {
  counts.add(other.counts);
  for (const auto& [key, count] : other.tasks_) tasks_[key] += count;
  for (const auto& [key, count] : other.transitions_) transitions_[key] += count;
  for (const auto& [key, count] : other.faults_) faults_[key] += count;
}

NightReport Tally::report(const checked::Program& program) const {
  NightReport report{.counts = counts, .tasks = {}, .transitions = {}, .faults = {}};
  const auto rules = places(program);
  const auto place_of = [&](uint64_t rule) {
    const auto found = rules.find(rule);
    return found == rules.end() ? RulePlace{} : found->second;
  };
  for (const auto& [key, count] : tasks_) {
    const RulePlace place = place_of(key.second);
    report.tasks.push_back({program.queues[key.first].name, place.strategy, place.stage, place.name, count});
  }
  for (const auto& [key, count] : transitions_) {
    const auto& [from, to, rule] = key;
    report.transitions.push_back({stage_text(program, from), stage_text(program, to),
                                  rule == 0                          ? "enrol"
                                  : rule == checked::restart_key     ? "on change restart"
                                  : rule == checked::stage_order_key ? checked::stage_order_rule
                                                                     : place_of(rule).name,
                                  count});
  }
  for (const auto& [key, count] : faults_) report.faults.push_back({key.first, key.second, count});
  return report;
}

}  // namespace dunlin::simulate
