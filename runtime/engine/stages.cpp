// Items 4 and 5 of a step: settling, entering and leaving stages.
#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

namespace {

constexpr size_t back_max = 16;
constexpr int64_t entries_max = 100'000;
constexpr Instant no_anchor = INT64_MIN;
constexpr int32_t every_stage = -1;

bool contains(const std::vector<uint64_t>& keys, uint64_t key) { return std::ranges::find(keys, key) != keys.end(); }

}  // namespace

/// Looks at one instance until nothing moves it: enrolment, `when`, and which timer is due first.
void Run::scan(int32_t i) {
  for (;;) {
    work_[i].dirty = false;
    work_[i].wake = abi::never;
    work_[i].timer = {};
    if (!plan_.has_strategy[case_->instance(i).entity]) return;
    const StagePlan* plan = stage_plan(i);
    if (plan != nullptr && settle_once(i)) {
      handle_raised();
      continue;
    }
    if (plan != nullptr && !plan->is_final) break;
    if (!try_enrol(i)) break;
    handle_raised();
  }
  if (stage_plan(i) != nullptr) find_timer(i);
}

/// True if a `when` led to another stage.
bool Run::settle_once(int32_t i) {
  for (const PlacedRule& placed : stage_plan(i)->whens) {
    const Rule& rule = *placed.rule;
    rule_ = &rule;
    const bool held = holds(rule.guard, i, work_[i].wake);
    tell_tried(i, rule, rule.guard, held);
    if (!held || !would_go(i, rule)) continue;
    Firing firing{.instance = i, .rule = rule.key, .rule_name = rule.name, .where = rule.span};
    read_for(firing, rule.guard);
    fired(i, rule).read = std::move(firing.read);
    if (run_actions(i, rule, nullptr)) return true;
    result_->firings.pop_back();
  }
  return false;
}

void Run::check_circle(int32_t i, int32_t stage) {
  const std::pair<int32_t, int32_t> entry{i, stage};
  if (++entries_ > entries_max || std::ranges::find(entered_, entry) != entered_.end())
    fail(abi::Fault::none, "stage `" + checked::stage_name(program_, stage) + "` is entered twice without an event or a timer between", {});
  entered_.push_back(entry);
}

/// Enters a stage; going to the current one does nothing. True if the stage was left.
bool Run::enter(int32_t i, int32_t stage, const Rule* rule, Entry entry) {
  if (entry == Entry::go && stage == state(i).stage) return false;
  check_circle(i, stage);
  touch(i);
  const int32_t strategy = program_.stages[stage].strategy;
  const bool leaves_version = entry != Entry::strategy && strategy != state(i).strategy && strategy == checked::base_of(program_, state(i).strategy);
  if (entry == Entry::go && strategy != state(i).strategy && !leaves_version) entry = Entry::strategy;
  Transition transition{
      .instance = i, .from_strategy = state(i).strategy, .from_stage = state(i).stage, .to_strategy = strategy, .to_stage = stage, .at = now_};
  if (rule != nullptr) {
    transition.rule = rule->key;
    transition.rule_name = rule->name;
    transition.where = rule->span;
  } else {
    transition.rule_name = "enrol";
    if (program_.strategies[strategy].enrol != checked::none) transition.where = program_.roots[program_.strategies[strategy].enrol].span;
  }
  leave_stage(i, stage, entry);
  if (entry == Entry::strategy) start_strategy(i, strategy);
  if (leaves_version) leave_version(i, strategy);
  InstanceState& entered = state(i);
  entered.stage = stage;
  if (entry == Entry::back) {
    come_back(i);
  } else {
    entered.entered_at = now_;
    entered.visits.resize(program_.stages.size());
    ++entered.visits[checked::read_as(program_, stage)];
  }
  entered.may_enrol = !program_.stages[stage].is_final;
  case_->refresh_view(i);
  state_changed(i);
  result_->transitions.push_back(std::move(transition));
  if (options_->listener != nullptr) options_->listener->stage_entered(i, stage);
  if (entry == Entry::strategy) run_on_entry(i, plan_.strategies[strategy].on_entry);
  if (entry != Entry::back && state(i).stage == stage) run_on_entry(i, plan_.stages[stage].on_entry);
  return true;
}

void Run::leave_stage(int32_t i, int32_t next_stage, Entry entry) {
  const bool is_final = program_.stages[next_stage].is_final;
  if (is_final || state(i).stage >= 0) withdraw_one_offs(i, is_final ? every_stage : checked::read_as(program_, state(i).stage));
  if (state(i).stage >= 0 && !request_events_.empty()) withdraw_requests(i, "its stage was left");
  InstanceState& left = state(i);
  if (left.stage < 0 || entry == Entry::strategy) return;
  const StagePlan& plan = plan_.stages[left.stage];
  StageVisit visit{.stage = left.stage, .entered_at = left.entered_at, .marks = {}};
  std::vector<TimerMark> kept;
  for (TimerMark& mark : left.marks) {
    if (contains(plan.kept_marks, mark.rule)) {
      kept.push_back(mark);
      continue;
    }
    visit.marks.push_back(mark);
    // A counter "in the strategy" goes on counting; its grid begins anew with the next visit.
    if (contains(plan.kept_counters, mark.rule)) kept.push_back({.rule = mark.rule, .anchor = no_anchor, .occurrence = 0, .acted = mark.acted});
  }
  left.marks = std::move(kept);
  if (entry != Entry::go) return;
  if (left.back.size() == back_max) left.back.erase(left.back.begin());
  left.back.push_back(std::move(visit));
}

void Run::start_strategy(int32_t i, int32_t strategy) {
  InstanceState& entered = state(i);
  const checked::Strategy& kind = program_.strategies[strategy];
  entered.strategy = strategy;
  entered.enrolled_at = now_;
  entered.entered_at = now_;
  entered.variables.assign(static_cast<size_t>(kind.variable_slots), 0);
  entered.new_variables.clear();
  entered.visits.assign(program_.stages.size(), 0);
  entered.marks.clear();
  entered.back.clear();
  case_->refresh_view(i);
  for (const checked::Variable& variable : kind.variables) give_initial_value(i, variable);
  bear_arms(i, strategy);
}

/// Clocks and marks of the stage as they were when it was left.
void Run::come_back(int32_t i) {
  InstanceState& entered = state(i);
  StageVisit visit = std::move(entered.back.back());
  entered.back.pop_back();
  entered.entered_at = visit.entered_at;
  for (const TimerMark& mark : visit.marks) {
    const auto kept = std::ranges::find(entered.marks, mark.rule, &TimerMark::rule);
    if (kept == entered.marks.end()) {
      entered.marks.push_back(mark);
    } else {
      kept->anchor = mark.anchor;
      kept->occurrence = mark.occurrence;
    }
  }
}

void Run::run_on_entry(int32_t i, const std::vector<const Rule*>& rules) {
  for (const Rule* rule : rules) {
    rule_ = rule;
    Instant wake = abi::never;
    const bool held = holds(rule->guard, i, wake);
    tell_tried(i, *rule, rule->guard, held);
    if (!held) continue;
    read_for(fired(i, *rule), rule->guard);
    if (run_actions(i, *rule, nullptr)) return;
  }
}

/// One-off tasks of a stage that nobody has taken; of every stage, standing ones too, where a final stage is entered.
void Run::withdraw_one_offs(int32_t i, int32_t stage) {
  bool any = false;
  for (size_t t = 0; t < case_->tasks().size(); ++t) {
    const OpenTask& task = case_->tasks()[t];
    if (task.instance != i || task.stage == just_created) continue;
    if (stage != every_stage) {
      if (task.standing || task.stays || task.stage != stage || task.status == TaskStatus::leased) continue;
    } else if (task.marked) {
      continue;
    }
    any = withdraw(t, stage != every_stage ? "its stage was left" : "a final stage was entered", rule_ == nullptr ? Span{} : rule_->span) || any;
  }
  if (any) remove_gone_tasks();
}

}  // namespace dunlin::engine
