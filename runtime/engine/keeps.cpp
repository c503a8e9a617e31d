// Item 7 of a step: which standing tasks are wanted now.
#include <algorithm>

#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::AttemptLimit;
using checked::Keep;
using checked::Rule;
using checked::TypeKind;

void Run::bring_tasks_in_line() {
  expire_tasks();
  task_matched_.assign(case_->tasks().size(), 0);
  for (size_t i = 0; i < work_.size(); ++i) {
    const auto position = static_cast<int32_t>(i);
    const StagePlan* plan = stage_plan(position);
    if (plan == nullptr) continue;
    for (const PlacedRule& placed : plan->keeps) look_at_keep(position, *placed.rule);
  }
  withdraw_unwanted();
}

void Run::look_at_keep(int32_t i, const Rule& rule) {
  rule_ = &rule;
  const Keep& keep = *rule.keep;
  if (keep.binder_entity == checked::none) return look_at_keep_for({.i = i, .rule = &rule, .keep = &keep});
  const int32_t owner = owner_of(i, keep.binder_list_owner);
  if (owner < 0) return;
  const abi::InstanceList& list = case_->instance(owner).children[program_.entities[keep.binder_entity].child_position];
  for (int64_t b = 0; b < list.count; ++b) {
    const auto binder = reinterpret_cast<int64_t>(list.items[b]);
    look_at_keep_for({.i = i, .rule = &rule, .keep = &keep, .arguments = Arguments(&binder, 1)});
  }
}

void Run::look_at_keep_for(KeepCase keep) {
  Instant& wake = work_[keep.i].keep_wake;
  const auto unwanted = [&](Unwanted why) { unwanted_.push_back({keep.i, keep.rule->key, why}); };
  if (!holds(keep.keep->binder_where, keep.i, wake, nullptr, keep.arguments)) return unwanted(Unwanted::condition);
  const bool held = holds(keep.keep->condition, keep.i, wake, nullptr, keep.arguments);
  tell_tried(keep.i, *keep.rule, keep.keep->condition, held);
  if (!held) return unwanted(Unwanted::condition);
  keep.treatment = text_of(keep.keep->treatment, keep.i, wake, nullptr, keep.arguments);
  if (!recipient_of(keep, wake)) return unwanted(Unwanted::nobody);
  keep.identity = task_identity(nature_of(keep));
  const Attempts attempts = attempts_of(keep);
  if (waits_for_again(keep, attempts, wake)) return unwanted(Unwanted::waits);
  if (!attempts_left(keep, attempts, wake)) return unwanted(Unwanted::attempts);
  want(keep, wake);
}

/// False if the recipient is optional and there is none.
bool Run::recipient_of(KeepCase& keep, Instant& wake) {
  if (keep.keep->recipient == checked::none) {
    // Without `to`, a task for each of a list is about that one.
    if (!keep.arguments.empty()) keep.recipient = reinterpret_cast<const abi::Instance*>(keep.arguments[0])->id;
    return true;
  }
  const Value value = evaluate(keep.keep->recipient, keep.i, nullptr, keep.arguments);
  wake = std::min(wake, value.wake);
  const bool optional = type_of(keep.keep->recipient).optional;
  if (optional && value.slots[0] == 0) return false;
  keep.recipient = reinterpret_cast<const abi::Instance*>(value.slots[optional ? 1 : 0])->id;
  return true;
}

TaskNature Run::nature_of(const KeepCase& keep) const {
  return {.instance = case_->instance(keep.i).id,
          .strategy = strategy_hash_[case_->state(keep.i).strategy],
          .queue = queue_hash_[keep.keep->queue],
          .treatment = keep.treatment,
          .rule = keep.rule->named ? keep.rule->key : 0,
          .recipient = keep.recipient};
}

/// What came of this task so far, in this enrolment. When the recipient is chosen anew each time (`to best_phone(debtor)`) attempts at
/// the other ones count too: a busy line is no reason to ring the next number at once.
Run::Attempts Run::attempts_of(const KeepCase& keep) {
  Attempts attempts;
  const checked::Index outcomes = program_.queues[keep.keep->queue].outcomes;
  if (outcomes == checked::none) return attempts;
  const checked::EventType& tree = program_.events[outcomes];
  const int32_t owner = owner_of(keep.i, tree.owner);
  const abi::EventList& list = owner < 0 ? case_->view().events : case_->instance(owner).own;
  const InstanceState& in = case_->state(keep.i);
  relatives_.clear();
  for (int64_t e = list.count; e-- > 0;) {
    const abi::Event& event = *list.items[e];
    if (event.at < in.enrolled_at) break;
    if (event.type < outcomes || event.type > tree.last_descendant || event.cancelled != 0) continue;
    const int32_t slot = identity_slot_[event.type];
    if (slot < 0 || event.slots[slot] == 0 || !belongs_to(keep, static_cast<uint64_t>(event.slots[slot + 1]))) continue;
    if (attempts.last == nullptr) attempts.last = &event;
    if (event.at >= today_start_) ++attempts.today;
    if (event.at >= in.entered_at) ++attempts.in_stage;
    if (static_cast<uint64_t>(event.slots[slot + 1]) == keep.identity) ++attempts.with_recipient;
  }
  return attempts;
}

bool Run::belongs_to(const KeepCase& keep, uint64_t identity) {
  if (identity == keep.identity) return true;
  if (keep.keep->recipient == checked::none || !keep.arguments.empty()) return false;
  if (relatives_.empty()) {
    const checked::Index entity = type_of(keep.keep->recipient).id;
    TaskNature nature = nature_of(keep);
    for (size_t r = 0; r < case_->instance_count(); ++r) {
      const abi::Instance& other = case_->instance(static_cast<int32_t>(r));
      if (other.entity != entity) continue;
      nature.recipient = other.id;
      relatives_.push_back(task_identity(nature));
    }
  }
  return std::ranges::find(relatives_, identity) != relatives_.end();
}

/// After an attempt the task comes back as `again` says; where nothing is said, the next working day.
bool Run::waits_for_again(const KeepCase& keep, const Attempts& attempts, Instant& wake) {
  if (attempts.last == nullptr) return false;
  // What a listener hears of a clock is, of a standing task, when it comes again, or that no attempts are left (`done`) until then.
  const auto waits_until = [&](Instant back) {
    if (options_->listener != nullptr) options_->listener->timer(keep.i, *keep.rule, attempts.last->at, back, false);
    return true;
  };
  Instant back = 0;
  if (keep.keep->again == checked::none) {
    back = counted_from(attempts.last->at, abi::pack_duration(1, abi::DurationUnit::business_day));
  } else {
    int64_t arguments[3];
    size_t count = 0;
    if (!keep.arguments.empty()) arguments[count++] = keep.arguments[0];
    arguments[count++] = std::max(program_.events[attempts.last->type].leaf_ordinal, 0);
    arguments[count++] = attempts.in_stage;
    const Value value = evaluate(keep.keep->again, keep.i, attempts.last, Arguments(arguments, count));
    const checked::Type& type = type_of(keep.keep->again);
    wake = std::min(wake, value.wake);
    if (type.optional && value.slots[0] == 0) return waits_until(abi::never);  // not again
    const int64_t slot = value.slots[type.optional ? 1 : 0];
    back = type.kind == TypeKind::duration ? counted_from(attempts.last->at, slot) : type.kind == TypeKind::date ? day_start(slot) : slot;
  }
  if (back <= now_) return false;
  wake = std::min(wake, back);
  return waits_until(back);
}

bool Run::attempts_left(const KeepCase& keep, const Attempts& attempts, Instant& wake) {
  for (const AttemptLimit& limit : keep.keep->attempts) {
    const int64_t most = whole_number(limit.count, keep.i, wake, keep.arguments);
    const int64_t made = limit.per == AttemptLimit::Per::day     ? attempts.today
                         : limit.per == AttemptLimit::Per::stage ? attempts.in_stage
                                                                 : attempts.with_recipient;
    if (made < most) continue;
    const Instant more = limit.per == AttemptLimit::Per::day ? day_start(today_ + 1) : abi::never;
    wake = std::min(wake, more);
    if (options_->listener != nullptr) options_->listener->timer(keep.i, *keep.rule, attempts.last == nullptr ? now_ : attempts.last->at, more, true);
    return false;
  }
  return true;
}

}  // namespace dunlin::engine
