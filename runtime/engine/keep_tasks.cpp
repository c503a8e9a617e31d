// Item 7 of a step, the other half: open tasks are created, changed and withdrawn until they are what is wanted.
#include <algorithm>

#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Rule;

void Run::want(const KeepCase& keep, Instant& wake) {
  auto& tasks = case_->tasks();
  size_t found = tasks.size();
  for (size_t t = 0; t < tasks.size() && found == tasks.size(); ++t) {
    if (!tasks[t].standing || tasks[t].identity != keep.identity || tasks[t].instance != keep.i) continue;
    // Two rules that ask for the same thing without a name to tell them apart: one task.
    if (task_matched_[t] != 0) return;
    found = t;
  }
  wanted_.identity = keep.identity;
  wanted_.rule = keep.rule->key;
  wanted_.queue = keep.keep->queue;
  wanted_.instance = keep.i;
  wanted_.recipient = keep.recipient;
  wanted_.standing = true;
  wanted_.created_at = found == tasks.size() ? now_ : tasks[found].created_at;
  describe(keep, wake);
  if (found == tasks.size()) return create_standing(keep);
  task_matched_[found] = 1;
  keep_letter(tasks[found], wanted_.fields);
  update_standing(keep, found);
}

/// What may change about a task: its fields, priority, window and due instant.
void Run::describe(const KeepCase& keep, Instant& wake) {
  wanted_.window = -1;
  if (keep.keep->window != checked::none) {
    const Value value = evaluate(keep.keep->window, keep.i, nullptr, keep.arguments);
    wake = std::min(wake, value.wake);
    const bool optional = type_of(keep.keep->window).optional;
    if (!optional || value.slots[0] != 0) wanted_.window = value.slots[optional ? 1 : 0];
  }
  wanted_.priority = priority_of(keep, wake);
  wanted_.due = due_of(keep.keep->due, wanted_.queue, keep.i, wanted_.created_at, wake, keep.arguments);
  const checked::Queue& queue = program_.queues[wanted_.queue];
  blank_fields(queue.fields, queue.slot_count, wanted_.fields);
  fill_fields(keep.i, queue.fields, keep.keep->fields, wanted_.fields, wake, nullptr, keep.arguments);
  bear_letter(keep.i, wanted_.queue, keep.treatment, keep.recipient, wanted_.fields);
}

int64_t Run::priority_of(const KeepCase& keep, Instant& wake) {
  int64_t sum = 0;
  for (const checked::PriorityTerm& term : keep.keep->priority) {
    if (__builtin_add_overflow(sum, whole_number(term.value, keep.i, wake, keep.arguments), &sum)) check(abi::Fault::overflow);
  }
  return sum;
}

/// From the rule's own `due`, else from the queue's; never if neither says.
Instant Run::due_of(checked::RootId own, int32_t queue, int32_t i, Instant created, Instant& wake, Arguments arguments) {
  const checked::RootId root = own != checked::none ? own : program_.queues[queue].due;
  if (root == checked::none) return abi::never;
  const Value value = evaluate(root, i, nullptr, own != checked::none ? arguments : Arguments{});
  wake = std::min(wake, value.wake);
  const checked::Type& type = type_of(root);
  if (type.optional && value.slots[0] == 0) return abi::never;
  const int64_t slot = value.slots[type.optional ? 1 : 0];
  if (type.kind == checked::TypeKind::date) return day_start(slot);
  if (type.kind != checked::TypeKind::duration) return slot;
  Instant due = 0;
  check(abi::add_duration_to_instant(calendar_, created, slot, &due));
  return due;
}

/// The first instant from now on at which the local time is inside the window (the end is outside, as everywhere).
Instant Run::first_slot(int64_t window) {
  const int64_t from = abi::time_range_from(window), to = abi::time_range_to(window);
  if (window < 0 || from == to) return now_;
  const abi::LocalTime local = abi::zone_of(calendar_).local(now_);
  const bool inside = from < to ? local.seconds >= from && local.seconds < to : local.seconds >= from || local.seconds < to;
  if (inside) return now_;
  const int64_t date = local.seconds < from ? local.date : local.date + 1;
  return std::max(now_, abi::zone_of(calendar_).instant(date, from));
}

void Run::create_standing(const KeepCase& keep) {
  touch(keep.i);
  save_tasks();
  OpenTask task = wanted_;
  task.treatment = keep.treatment;
  keep_fields(program_.queues[task.queue].fields, task.fields);
  task.id = next_task_id(keep.i, keep.identity, keep.rule->key);
  task.not_before = first_slot(task.window);
  Firing& firing = fired(keep.i, *keep.rule);
  read_for(firing, keep.keep->binder_where, nullptr, keep.arguments);
  read_for(firing, keep.keep->condition, nullptr, keep.arguments);
  result_->tasks.push_back({.change = TaskChange::create, .task = task, .reason = keep.rule->name, .where = keep.rule->span});
  case_->tasks().push_back(std::move(task));
  task_matched_.push_back(1);
}

void Run::update_standing(const KeepCase& keep, size_t at) {
  const OpenTask& wanted = wanted_;
  OpenTask& open = case_->tasks()[at];
  const bool same_window = open.window == wanted.window;
  if (same_window && open.priority == wanted.priority && open.due == wanted.due && open.rule == wanted.rule && !open.marked && same_task_fields(open, wanted))
    return;
  touch(keep.i);
  save_tasks();
  open.rule = wanted.rule;
  open.priority = wanted.priority;
  open.due = wanted.due;
  open.fields = wanted.fields;
  keep_fields(program_.queues[open.queue].fields, open.fields);
  open.marked = false;
  if (!same_window) {
    open.window = wanted.window;
    open.not_before = first_slot(wanted.window);
  }
  Firing& firing = fired(keep.i, *keep.rule);
  read_for(firing, keep.keep->condition, nullptr, keep.arguments);
  for (const checked::PriorityTerm& term : keep.keep->priority) read_for(firing, term.value, nullptr, keep.arguments);
  result_->tasks.push_back({.change = TaskChange::update, .task = open, .reason = keep.rule->name, .where = keep.rule->span});
}

bool Run::same_task_fields(const OpenTask& a, const OpenTask& b) const {
  if (a.fields.size() != b.fields.size()) return false;
  return std::ranges::all_of(program_.queues[a.queue].fields,
                             [&](const checked::Field& field) { return same_value(field.type, a.fields.data() + field.slot, b.fields.data() + field.slot); });
}

/// Standing tasks whose reason is gone.
void Run::withdraw_unwanted() {
  bool any = false;
  for (size_t t = 0; t < case_->tasks().size(); ++t) {
    const OpenTask& task = case_->tasks()[t];
    if (!task.standing || task_matched_[t] != 0 || task.marked) continue;
    const Rule* rule = rule_of(task);
    const int32_t i = task.instance;
    if (rule != nullptr) {
      Firing& firing = fired(i, *rule);
      if (rule->keep.has_value() && rule->keep->binder_entity == checked::none) read_for(firing, rule->keep->condition);
    }
    any = withdraw(t, reason_for(task, rule), rule == nullptr ? Span{} : rule->span) || any;
  }
  if (any) remove_gone_tasks();
}

std::string Run::reason_for(const OpenTask& task, const Rule* rule) {
  const StagePlan* plan = stage_plan(task.instance);
  const bool stands =
      plan != nullptr && rule != nullptr && std::ranges::any_of(plan->keeps, [&](const PlacedRule& placed) { return placed.rule->key == rule->key; });
  if (!stands) return "its stage was left";
  const auto why = std::ranges::find_if(unwanted_, [&](const UnwantedKeep& keep) { return keep.i == task.instance && keep.rule == task.rule; });
  if (why == unwanted_.end()) return "it is asked for in another way now";
  switch (why->why) {
    case Unwanted::condition:
      return "its condition no longer holds";
    case Unwanted::waits:
      return "it was attempted and waits to come back";
    case Unwanted::attempts:
      return "its attempts are used up";
    case Unwanted::nobody:
      break;
  }
  return "there is nobody to reach";
}

void Run::expire_tasks() {
  auto& tasks = case_->tasks();
  for (size_t t = 0; t < tasks.size();) {
    if (tasks[t].expires > now_ || tasks[t].status == TaskStatus::leased) {
      ++t;
      continue;
    }
    touch(tasks[t].instance);
    save_tasks();
    OpenTask expired = std::move(tasks[t]);
    tasks.erase(tasks.begin() + static_cast<std::ptrdiff_t>(t));
    expired.status = TaskStatus::expired;
    result_->tasks.push_back({.change = TaskChange::update, .task = std::move(expired), .reason = "it expired"});
  }
}

void Run::save_tasks() {
  if (tasks_saved_) return;
  tasks_saved_ = true;
  tasks_before_ = case_->tasks();
}

bool Run::withdraw(size_t at, std::string reason, Span where) {
  OpenTask& task = case_->tasks()[at];
  touch(task.instance);
  save_tasks();
  const bool leased = task.status == TaskStatus::leased;
  if (leased) {
    task.marked = true;
  } else {
    task.status = TaskStatus::withdrawn;
  }
  result_->tasks.push_back({.change = leased ? TaskChange::mark : TaskChange::withdraw, .task = task, .reason = std::move(reason), .where = where});
  return !leased;
}

void Run::remove_gone_tasks() {
  std::erase_if(case_->tasks(), [](const OpenTask& task) { return task.status == TaskStatus::withdrawn; });
}

/// The same cause gives the same id in every run: what it is, in which enrolment, in which effective step of the instance, and which of that step.
TaskId Run::next_task_id(int32_t i, uint64_t identity, uint64_t rule) {
  const auto instance = static_cast<uint64_t>(case_->instance(i).id);
  const uint64_t cause = hash_mix(hash_mix(instance, static_cast<uint64_t>(state(i).enrolled_at)), identity);
  const uint64_t time = hash_mix(static_cast<uint64_t>(state(i).step_number), hash_mix(rule, ++task_ordinal_));
  return {.high = cause, .low = hash_mix(cause, time)};
}

}  // namespace dunlin::engine
