// Item 3 of a step: events in order of time, each from the inside out.
#include <algorithm>
#include <numeric>

#include "runtime/engine/run.h"

namespace dunlin::engine {

namespace {

constexpr size_t raised_max = 10'000;

/// An event concerns its owner, what hangs on the owner, and what the owner hangs on.
bool concerns(const abi::Instance* instance, const abi::Instance* owner) {
  for (const abi::Instance* up = instance; up != nullptr; up = up->parent) {
    if (up == owner) return true;
  }
  for (const abi::Instance* up = owner->parent; up != nullptr; up = up->parent) {
    if (up == instance) return true;
  }
  return false;
}

bool matches(const checked::Program& program, const checked::Rule& rule, int32_t type) {
  return std::ranges::any_of(rule.events, [&](checked::Index root) { return type >= root && type <= program.events[root].last_descendant; });
}

}  // namespace

void Run::handle_events() {
  const auto& inbox = case_->inbox();
  if (inbox.empty()) return;
  inbox_order_.clear();
  for (size_t e = 0; e < inbox.size(); ++e) {
    if (inbox[e].at <= now_) inbox_order_.push_back(static_cast<int32_t>(e));
  }
  std::ranges::stable_sort(inbox_order_, {}, [&](int32_t e) { return inbox[e].at; });
  for (const int32_t e : inbox_order_) {
    entered_.clear();
    handling_ = &inbox[e];
    handle(inbox[e], false);
    handle_raised();
    handling_ = nullptr;
  }
}

/// What comes from outside and is not allowed is not taken. A rule that raises such an event is wrong itself: a fault.
bool Run::is_refused(const IncomingEvent& event, bool raised) {
  if (!judge_.has_conditions(event.type)) [[likely]]
    return false;
  abi::EvalContext context = context_;
  context.self = &case_->instance(event.instance);
  context.event = nullptr;
  context.arguments = nullptr;
  std::optional<EventRefusal> refusal = judge_.judge(event, context);
  if (!refusal) return false;
  if (refusal->fault != abi::Fault::none || raised) {
    const std::string name = "`" + program_.events[event.type].name + "`";
    fail(refusal->fault, (raised ? "a rule raises " + name + ", which is refused: " : "in judging " + name + ": ") + refusal->reason, refusal->where);
  }
  result_->refused.push_back({event, std::move(refusal->reason), refusal->where});
  return true;
}

void Run::handle(IncomingEvent event, bool raised) {
  if (is_refused(event, raised)) return;
  if (is_stage_order_[event.type] != 0 && is_refused_order(event)) return;
  if (!request_events_.empty() && !take_request_event(event, raised)) return;
  const abi::Event* appended = case_->append_event(event.at, event.type, event.instance, event.slots.data(), event.slots.size());
  appended_.push_back(appended);
  facts_changed();
  close_task_of(event);
  const size_t at = result_->events.size();
  const int32_t type = event.type;
  result_->events.push_back({.event = std::move(event), .raised = raised, .appended_type = type});
  if (is_stage_order_[type] != 0) return obey(*appended);
  if (!raised) date_hold(IncomingEvent(result_->events[at].event));
  bool handled = tells_of_hold_[type] != 0;
  // Instances opened by a handler come later than the event.
  const size_t present = work_.size();
  for (size_t i = 0; i < present; ++i) {
    const auto position = static_cast<int32_t>(i);
    if (state(position).stage < 0 || !concerns(&case_->instance(position), appended->owner)) continue;
    handled = offer(position, *appended) || handled;
  }
  result_->events[at].unhandled = !handled;
}

bool Run::offer(int32_t i, const abi::Event& event) {
  bool handled = false;
  const StagePlan& plan = *stage_plan(i);
  for (const auto& handlers : plan.handlers) {
    for (const Rule* rule : handlers) {
      if (!matches(program_, *rule, event.type)) continue;
      rule_ = rule;
      Instant wake = abi::never;
      const bool held = holds(rule->guard, i, wake, &event);
      tell_tried(i, *rule, rule->guard, held);
      if (!held) continue;
      handled = true;
      read_for(fired(i, *rule), rule->guard, &event);
      if (run_actions(i, *rule, &event)) return true;
      break;
    }
  }
  return handled;
}

/// Events that were raised follow directly, in the order in which they were raised, with what they raise in turn.
void Run::handle_raised() {
  while (raised_done_ < raised_.size()) {
    if (raised_done_ >= raised_max) fail(abi::Fault::none, "events raise each other without end", {});
    handle(raised_[raised_done_++], true);
  }
  raised_.clear();
  raised_done_ = 0;
}

/// An outcome ends the task it came from, if the store has not closed it already.
void Run::close_task_of(const IncomingEvent& event) {
  const int32_t slot = identity_slot_[event.type];
  if (slot < 0 || case_->tasks().empty() || event.slots.size() < static_cast<size_t>(slot) + 2 || event.slots[slot] == 0) return;
  const auto identity = static_cast<uint64_t>(event.slots[slot + 1]);
  for (size_t t = 0; t < case_->tasks().size(); ++t) {
    const OpenTask& task = case_->tasks()[t];
    if (task.identity != identity || task.queue != program_.events[event.type].queue || task.created_at > event.at) continue;
    touch(task.instance);
    save_tasks();
    OpenTask done = task;
    done.status = TaskStatus::done;
    result_->tasks.push_back({.change = TaskChange::update, .task = std::move(done), .reason = program_.events[event.type].name});
    case_->tasks().erase(case_->tasks().begin() + static_cast<std::ptrdiff_t>(t));
    return;
  }
}

}  // namespace dunlin::engine
