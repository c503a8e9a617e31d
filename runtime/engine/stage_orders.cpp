// Where supervisors have put an instance: orders move it at the instant of their event, and while one stands, no rule takes it out of that stage again, except
// into a final one. All of it follows from the events of the case file, so a replay and a step of everything give the same.
#include "lang/sema/stage_orders.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Action;
using Slots = checked::StageOrderSlots;

namespace {

std::string_view text_at(const int64_t* slots, checked::Index slot) {
  if (slots[slot] == 0) return {};
  const auto* text = reinterpret_cast<const abi::Text*>(slots[slot + 1]);
  return text == nullptr ? std::string_view{} : text->view();
}

}  // namespace

/// Most case files have none, and then nothing else here is asked.
void Run::look_for_stage_orders() {
  has_stage_orders_ = false;
  const abi::EventList& events = case_->view().events;
  for (int64_t e = 0; e < events.count && !has_stage_orders_; ++e) has_stage_orders_ = is_stage_order_[static_cast<size_t>(events.items[e]->type)] != 0;
}

/// The stage that an order means: of the strategy in which the instance is, in its own version; -1: there is none.
int32_t Run::stage_ordered(int32_t i, const int64_t* slots) const {
  const int32_t strategy = case_->state(i).strategy;
  if (strategy < 0 || text_at(slots, Slots::strategy) != program_.strategies[strategy].name) return -1;
  for (const checked::Index stage : program_.strategies[strategy].stages) {
    if (program_.stages[stage].name == text_at(slots, Slots::stage)) return stage;
  }
  return -1;
}

/// What was possible when the supervisor said it may be so no longer, or not in the version of this account.
bool Run::is_refused_order(const IncomingEvent& event) {
  const int64_t* slots = event.slots.data();
  if (slots[Slots::stage] == 0) return false;  // lifting is always possible
  const InstanceState& current = state(event.instance);
  const std::string wanted = fmt::format("{}.{}", text_at(slots, Slots::strategy), text_at(slots, Slots::stage));
  std::string reason;
  if (current.stage < 0) {
    reason = fmt::format("it is in no strategy, so it cannot be moved to `{}`", wanted);
  } else if (program_.stages[current.stage].is_final) {
    reason = fmt::format("it has come to its end in `{}`, so it cannot be moved to `{}`", checked::stage_name(program_, current.stage), wanted);
  } else if (program_.strategies[current.strategy].name != text_at(slots, Slots::strategy)) {
    reason = fmt::format("it is in `{}` and not in the strategy of `{}`", checked::stage_name(program_, current.stage), wanted);
  } else if (stage_ordered(event.instance, slots) < 0) {
    const checked::KeptStrategy* kept = checked::kept_at(program_, current.strategy);
    reason = kept == nullptr ? fmt::format("there is no stage `{}`", wanted)
                             : fmt::format("it finishes under version {}, where there is no stage `{}`", kept->version, wanted);
  }
  if (reason.empty()) return false;
  result_->refused.push_back({event, std::move(reason), {}});
  return true;
}

void Run::obey(const abi::Event& order) {
  has_stage_orders_ = true;
  const int32_t i = order.owner->position;
  touch(i);
  if (order.slots[Slots::stage] == 0) return;
  rule_ = &stage_order_rule_;
  Firing& firing = fired(i, stage_order_rule_);
  if (options_->collect_reads) {
    firing.read.push_back({"who", std::string(text_at(order.slots, Slots::who))});
    firing.read.push_back({"reason", std::string(text_at(order.slots, Slots::reason))});
  }
  enter(i, stage_ordered(i, order.slots), &stage_order_rule_, Entry::go);
}

Instant Run::kept_until(int32_t i) const {
  const abi::Instance& instance = case_->instance(i);
  const abi::Event* last = nullptr;
  for (int64_t e = 0; e < instance.own.count; ++e) {
    const abi::Event* event = instance.own.items[e];
    if (is_stage_order_[static_cast<size_t>(event->type)] != 0 && event->at <= now_) last = event;
  }
  if (last == nullptr || last->slots[Slots::stage] == 0 || last->slots[Slots::until] == 0) return abi::never;
  const Instant until = last->slots[Slots::until + 1];
  const int32_t stage = case_->state(i).stage;
  return until > now_ && stage >= 0 && stage_ordered(i, last->slots) == stage ? until : abi::never;
}

/// Whether an action leads out of the stage that an order keeps it in. What ends the case is never kept back.
bool Run::is_kept_from(int32_t i, const Action& action, const abi::Event* event) {
  if (kept_until(i) == abi::never) return false;
  const auto leaves = [&](int32_t stage) { return !program_.stages[in_own_version(i, stage)].is_final && leads_away(i, stage); };
  switch (action.kind) {
    case Action::Kind::go:
      return leaves(action.stage);
    case Action::Kind::go_back:
      return !state(i).back.empty() && leaves(state(i).back.back().stage);
    case Action::Kind::restart:
      return action.stage != checked::none && leaves(action.stage);
    case Action::Kind::enter_strategy:
      return !is_inside(i, action.strategy);
    case Action::Kind::go_by: {
      const Value value = evaluate(action.value, i, event);
      work_[i].wake = std::min(work_[i].wake, value.wake);
      const bool optional = type_of(action.value).optional;
      if (optional && value.slots[0] == 0) return false;
      return leaves(static_cast<int32_t>(value.slots[optional ? 1 : 0]));
    }
    default:
      return false;
  }
}

/// A timer that would lead out of the stage is not lost on the way: it comes when the order is over.
bool Run::waits_for_order(int32_t i, const Rule& rule) {
  return std::ranges::any_of(rule.actions, [&](const Action& action) { return is_kept_from(i, action, nullptr); });
}

void Run::wake_for_stage_orders() {
  if (!has_stage_orders_) return;
  for (size_t i = 0; i < work_.size(); ++i) work_[i].keep_wake = std::min(work_[i].keep_wake, kept_until(static_cast<int32_t>(i)));
}

}  // namespace dunlin::engine
