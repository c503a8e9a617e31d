// What a rule does once it holds.
#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Action;

/// Runs a rule's actions, `go` last. True if the stage was left.
/// A one-off asked for by the very rule that leaves the stage belongs to the stage it leads to: it would be withdrawn unsent otherwise.
bool Run::run_actions(int32_t i, const Rule& rule, const abi::Event* event) {
  const size_t first_effect = result_->tasks.size();
  bool went = false;
  for (const Action& action : rule.actions) {
    rule_ = &rule;
    switch (action.kind) {
      case Action::Kind::go:
      case Action::Kind::go_back:
      case Action::Kind::go_by:
      case Action::Kind::enter_strategy:
      case Action::Kind::restart:
        went = run_go(i, rule, action, event) || went;
        break;
      case Action::Kind::task:
        create_one_off(i, rule, action, event);
        break;
      case Action::Kind::set:
        set_variable(i, action, event);
        break;
      case Action::Kind::raise:
        raise(i, action, event);
        break;
      case Action::Kind::open:
        open(i, action, event);
        break;
      case Action::Kind::cancel:
        cancel(i, rule, action, event);
        break;
      case Action::Kind::note:
      case Action::Kind::notify: {
        Instant wake = abi::never;
        touch(i);
        result_->notes.push_back({.instance = i, .text = std::string(text_of(action.value, i, wake, event)), .whom = action.whom});
        break;
      }
    }
  }
  rule_ = &rule;
  settle_created(i, rule, first_effect);
  return went;
}

void Run::settle_created(int32_t i, const Rule& rule, size_t first_effect) {
  for (size_t e = first_effect; e < result_->tasks.size(); ++e) {
    OpenTask& created = result_->tasks[e].task;
    if (created.stage != just_created || created.rule != rule.key) continue;
    created.stage = checked::read_as(program_, state(i).stage);
    for (OpenTask& task : case_->tasks()) {
      if (task.id == created.id) task.stage = created.stage;
    }
  }
}

bool Run::run_go(int32_t i, const Rule& rule, const Action& action, const abi::Event* event) {
  if (has_stage_orders_ && is_kept_from(i, action, event)) return false;
  switch (action.kind) {
    case Action::Kind::go:
      enter(i, stage_in_arm(i, action.stage), &rule, Entry::go);
      return true;
    case Action::Kind::restart:
      enter(i, action.stage == checked::none ? state(i).stage : in_own_version(i, action.stage), &rule, Entry::restart);
      return true;
    case Action::Kind::enter_strategy: {
      if (!is_inside(i, action.strategy)) enter(i, first_stage_of(i, action.strategy), &rule, Entry::strategy);
      return true;
    }
    case Action::Kind::go_back:
      if (state(i).back.empty()) return false;
      enter(i, in_own_version(i, state(i).back.back().stage), &rule, Entry::back);
      return true;
    default: {
      const Value value = evaluate(action.value, i, event);
      const bool optional = type_of(action.value).optional;
      if (optional && value.slots[0] == 0) return false;
      enter(i, stage_in_arm(i, static_cast<int32_t>(value.slots[optional ? 1 : 0])), &rule, Entry::go);
      return true;
    }
  }
}

/// Whether the `go` of a `when` would leave the stage: a condition that goes on being true must not hide the ones behind it.
bool Run::would_go(int32_t i, const Rule& rule) {
  if (rule.actions.empty()) return false;
  const Action& action = rule.actions.back();
  if (has_stage_orders_ && is_kept_from(i, action, nullptr)) return false;
  if (action.kind == Action::Kind::go) return leads_away(i, action.stage);
  if (action.kind == Action::Kind::go_back) return !state(i).back.empty();
  if (action.kind == Action::Kind::enter_strategy) return !is_inside(i, action.strategy);
  if (action.kind != Action::Kind::go_by) return true;
  const Value value = evaluate(action.value, i);
  work_[i].wake = std::min(work_[i].wake, value.wake);
  const bool optional = type_of(action.value).optional;
  if (optional && value.slots[0] == 0) return false;
  return leads_away(i, static_cast<int32_t>(value.slots[optional ? 1 : 0]));
}

void Run::create_one_off(int32_t i, const Rule& rule, const Action& action, const abi::Event* event) {
  Instant wake = abi::never;
  touch(i);
  OpenTask task{.rule = rule.key, .queue = action.queue, .instance = i, .stage = just_created, .stays = action.stays, .created_at = now_, .not_before = now_};
  task.treatment = text_of(action.value, i, wake, event);
  if (action.recipient != checked::none) {
    const Value value = evaluate(action.recipient, i, event);
    const bool optional = type_of(action.recipient).optional;
    if (optional && value.slots[0] == 0) return;  // nobody to reach
    task.recipient = reinterpret_cast<const abi::Instance*>(value.slots[optional ? 1 : 0])->id;
  }
  task.identity = task_identity({.instance = case_->instance(i).id,
                                 .strategy = strategy_hash_[state(i).strategy],
                                 .queue = queue_hash_[action.queue],
                                 .treatment = task.treatment,
                                 .rule = rule.named ? rule.key : 0,
                                 .recipient = task.recipient});
  task.id = next_task_id(i, task.identity, rule.key);
  task.due = due_of(checked::none, action.queue, i, now_, wake, {});
  const checked::Queue& queue = program_.queues[action.queue];
  blank_fields(queue.fields, queue.slot_count, task.fields);
  fill_fields(i, queue.fields, action.fields, task.fields, wake, event);
  bear_letter(i, task.queue, task.treatment, task.recipient, task.fields);
  keep_fields(queue.fields, task.fields);
  save_tasks();
  result_->tasks.push_back({.change = TaskChange::create, .task = task, .reason = rule.name, .where = action.span});
  case_->tasks().push_back(std::move(task));
}

void Run::set_variable(int32_t i, const Action& action, const abi::Event* event) {
  const checked::Variable& variable = program_.strategies[state(i).strategy].variables[action.variable];
  const Value value = evaluate(action.value, i, event);
  if (same_value(variable.type, value.slots, state(i).variables.data() + variable.slot)) return;
  touch(i);
  keep_value(variable.type, value.slots, state(i).variables.data() + variable.slot);
  case_->refresh_view(i);
  work_[i].dirty = true;
}

/// The instance itself or the ancestor of it that is of this entity; -1 if there is none.
int32_t Run::owner_of(int32_t i, checked::Index entity) const {
  for (const abi::Instance* up = &case_->instance(i); up != nullptr; up = up->parent) {
    if (up->entity == entity) return up->position;
  }
  return -1;
}

void Run::raise(int32_t i, const Action& action, const abi::Event* event) {
  const checked::EventType& type = program_.events[action.event_type];
  IncomingEvent made{.at = now_, .type = action.event_type, .instance = owner_of(i, type.owner)};
  if (made.instance < 0) fail(abi::Fault::none, "`" + type.name + "` has no owner here to be raised for", action.span);
  touch(i);
  blank_fields(type.fields, type.slot_count, made.slots);
  Instant wake = abi::never;
  fill_fields(i, type.fields, action.fields, made.slots, wake, event);
  keep_fields(type.fields, made.slots);
  if (rule_->deadline != checked::none) {
    const checked::Deadline& deadline = program_.deadlines[rule_->deadline];
    const bool own = action.event_type == deadline.warned || action.event_type == deadline.missed;
    if (const LastDay last = own ? last_day_of(i, deadline) : LastDay{}; last.known && !last.open) {
      made.slots[0] = 1;  // last_day
      made.slots[1] = last.date;
    }
  }
  if (hold_placed_by_[action.event_type] >= 0) {
    complete_hold(made, rule_, action.duration == checked::none ? no_duration : evaluate(action.duration, i, event).slots[0]);
  }
  if (!request_events_.empty() && request_events_[static_cast<size_t>(made.type)].role != RequestEvent::Role::none) {
    if (!prepare_change(i, action, made, event)) return;
    prepare_request(i, action, made, event);
  }
  raised_.push_back(std::move(made));
}

void Run::open(int32_t i, const Action& action, const abi::Event* event) {
  const checked::Entity& entity = program_.entities[action.entity];
  OpenedInstance made{.entity = action.entity, .parent = owner_of(i, entity.parent)};
  if (made.parent < 0) fail(abi::Fault::none, "there is nothing here that `" + entity.name + "` could hang on", action.span);
  touch(i);
  blank_fields(entity.fields, entity.slot_count, made.slots);
  Instant wake = abi::never;
  fill_fields(i, entity.fields, action.fields, made.slots, wake, event);
  keep_fields(entity.fields, made.slots);
  const checked::Field& key = entity.fields[entity.key_field];
  const bool given = std::ranges::any_of(action.fields, [&](const checked::FieldValue& value) { return value.field == entity.key_field; });
  if (!given) {
    // A key of its own, the same in every run.
    const TaskId id = next_task_id(i, hash_text(entity.name), action.span.begin);
    made.slots[key.slot] =
        key.type.kind == checked::TypeKind::text ? reinterpret_cast<int64_t>(case_->text(id.text())) : static_cast<int64_t>(id.high & 0x7FFF'FFFF'FFFF'FFFF);
  }
  const int64_t slot = made.slots[key.slot];
  made.id = stable_id(entity.name,
                      key.type.kind == checked::TypeKind::text ? reinterpret_cast<const abi::Text*>(slot)->view() : std::string_view(std::to_string(slot)));
  if (case_->find(made.id) >= 0) fail(abi::Fault::none, "there is already such a `" + entity.name + "`", action.span);
  case_->open_instance(made.entity, made.parent, made.id, made.slots);
  work_.push_back({});
  facts_changed();
  result_->opened.push_back(std::move(made));
}

/// Open tasks of a queue, or those of one treatment.
void Run::cancel(int32_t i, const Rule& rule, const Action& action, const abi::Event* event) {
  Instant wake = abi::never;
  const std::string_view treatment = text_of(action.value, i, wake, event);
  bool any = false;
  for (size_t t = 0; t < case_->tasks().size(); ++t) {
    const OpenTask& task = case_->tasks()[t];
    if (task.instance != i || task.queue != action.queue || task.marked) continue;
    if (action.value == checked::none || task.treatment == treatment) any = withdraw(t, rule.name, action.span) || any;
  }
  if (any) remove_gone_tasks();
}

/// Zero, with empty texts where a text must be.
void Run::blank_fields(const std::vector<checked::Field>& fields, int32_t count, std::vector<int64_t>& slots) {
  static const abi::Text empty{};
  slots.assign(static_cast<size_t>(count), 0);
  for (const checked::Field& field : fields) {
    if (!field.type.optional && field.type.kind == checked::TypeKind::text) slots[field.slot] = reinterpret_cast<int64_t>(&empty);
  }
}

void Run::fill_fields(int32_t i, const std::vector<checked::Field>& fields, const std::vector<checked::FieldValue>& values, std::vector<int64_t>& slots,
                      Instant& wake, const abi::Event* event, Arguments arguments) {
  for (const checked::FieldValue& given : values) {
    const checked::Field& field = fields[given.field];
    const Value value = evaluate(given.value, i, event, arguments);
    wake = std::min(wake, value.wake);
    int64_t* to = slots.data() + field.slot;
    if (field.type.optional && !type_of(given.value).optional) *to++ = 1;
    std::copy_n(value.slots, root_slots_[given.value], to);
  }
}

void Run::keep_fields(const std::vector<checked::Field>& fields, std::vector<int64_t>& slots) {
  for (const checked::Field& field : fields) keep_value(field.type, slots.data() + field.slot, slots.data() + field.slot);
}

}  // namespace dunlin::engine
