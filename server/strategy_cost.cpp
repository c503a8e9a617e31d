#include "server/strategy_cost.h"

#include <algorithm>

#include "compiler/abi/clock.h"
#include "compiler/ir/wake_sources.h"

namespace dunlin::server {
namespace {

constexpr double days_in_month = 30.4, working_days_in_month = 21;

class Costs {
 public:
  Costs(const checked::Program& program, const ir::Program& ir) : program_(program), wakes_(ir), work_(program) {}

  StrategyCost of(const checked::Strategy& strategy) {
    StrategyCost cost{.strategy = strategy.name, .entity = program_.entities[static_cast<size_t>(strategy.entity)].name};
    StageCost outside;
    watch(strategy.enrol, outside);
    if (outside.wakes_per_month > 0) cost.stages.push_back(outside);
    StageCost everywhere;
    for (const auto& rule : strategy.rules) watch(rule, everywhere);
    for (const auto& always : program_.always) {
      if (always.entity != checked::none && always.entity != strategy.entity) continue;
      for (const auto& rule : always.rules) watch(rule, everywhere);
      for (const auto& rule : always.rules) cost.work.add(work_.of(rule));
    }
    cost.work.add(work_.of(strategy.enrol));
    for (const auto& rule : strategy.rules) cost.work.add(work_.of(rule));
    for (const checked::Index index : strategy.stages) {
      const checked::Stage& stage = program_.stages[static_cast<size_t>(index)];
      for (const auto& rule : stage.rules) cost.work.add(work_.of(rule));
      StageCost inside;
      if (stage.is_final) {
        watch(stage.enrol_again, inside);
      } else {
        inside = everywhere;
        for (const auto& rule : stage.rules) watch(rule, inside);
      }
      inside.stage = stage.name;
      if (!inside.daily.empty()) inside.wakes_per_month = std::max(inside.wakes_per_month, days_in_month);
      cost.stages.push_back(std::move(inside));
    }
    for (const auto& stage : cost.stages) cost.wakes_per_month = std::max(cost.wakes_per_month, stage.wakes_per_month);
    return cost;
  }

 private:
  /// Adds the wakes of a root. Days on which everything wakes anyway count once.
  void watch(checked::RootId root, StageCost& cost) {
    ir::WakeSources sources = wakes_.of(root);
    if (!sources.any()) return;
    if (sources.daily || sources.day_ends) {
      const std::string& label = program_.roots[static_cast<size_t>(root)].label;
      if (std::ranges::find(cost.daily, label) == cost.daily.end()) cost.daily.push_back(label);
      sources.daily = sources.day_ends = false;
      sources.working_days = sources.week_ends = sources.month_ends = sources.year_ends = false;
    }
    cost.wakes_per_month += sources.per_month();
  }

  void watch(const checked::Rule& rule, StageCost& cost) {
    using Kind = checked::Rule::Kind;
    if (rule.kind == Kind::on_event || rule.kind == Kind::on_entry) return;  // nothing to wait for
    for (const checked::RootId root : {rule.instant, rule.delay, rule.at_most, rule.guard}) watch(root, cost);
    if (rule.kind == Kind::every) cost.wakes_per_month += ticks_per_month(rule);
    if (rule.kind == Kind::after && rule.anchor != checked::Rule::Anchor::instant) ++cost.wakes_per_month;
    if (rule.kind == Kind::at || (rule.kind == Kind::after && rule.anchor == checked::Rule::Anchor::instant)) ++cost.wakes_per_month;
    if (!rule.keep) return;
    const checked::Keep& keep = *rule.keep;
    for (const checked::RootId root : {keep.binder_where, keep.treatment, keep.recipient, keep.condition, keep.window, keep.due}) watch(root, cost);
    for (const auto& limit : keep.attempts) watch(limit.count, cost);
    for (const auto& term : keep.priority) watch(term.value, cost);
    for (const auto& field : keep.fields) watch(field.value, cost);
    if (program_.queues[static_cast<size_t>(keep.queue)].outcomes != checked::none) ++cost.wakes_per_month;  // the task comes back after an attempt
  }

  std::optional<int64_t> literal(checked::RootId root) const {
    if (root == checked::none) return std::nullopt;
    const auto& body = program_.roots[static_cast<size_t>(root)].body;
    if (!body || body->op != checked::Op::literal) return std::nullopt;
    return body->value;
  }

  double ticks_per_month(const checked::Rule& rule) const {
    double ticks = 1;
    if (const auto delay = literal(rule.delay); delay && abi::duration_amount(*delay) > 0) {
      const auto amount = static_cast<double>(abi::duration_amount(*delay));
      switch (abi::duration_unit(*delay)) {
        case abi::DurationUnit::microsecond:
          ticks = days_in_month * 86'400e6 / amount;
          break;
        case abi::DurationUnit::day:
          ticks = days_in_month / amount;
          break;
        case abi::DurationUnit::business_day:
          ticks = working_days_in_month / amount;
          break;
        case abi::DurationUnit::month:
          ticks = 1 / amount;
          break;
      }
    }
    const auto most = literal(rule.at_most);
    return most ? std::min(ticks, static_cast<double>(*most)) : ticks;
  }

  const checked::Program& program_;
  ir::WakeSourceFinder wakes_;
  analysis::WorkCounter work_;
};

}  // namespace

std::vector<StrategyCost> strategy_costs(const checked::Program& program, const ir::Program& ir) {
  Costs costs(program, ir);
  std::vector<StrategyCost> all;
  for (const auto& strategy : program.strategies) all.push_back(costs.of(strategy));
  return all;
}

}  // namespace dunlin::server
