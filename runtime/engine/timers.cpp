// Item 6 of a step: after, at, every.
#include <algorithm>

#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Rule;

/// The earliest timer that is due and has not fired, in text order where two are due at once; and the wakes of all.
void Run::find_timer(int32_t i) {
  for (const PlacedRule& placed : stage_plan(i)->timers) look_at_timer(i, placed);
}

void Run::look_at_timer(int32_t i, PlacedRule placed) {
  rule_ = placed.rule;
  if (placed.rule->deadline != checked::none) {
    look_at_deadline(i, placed);
  } else if (placed.rule->kind == Rule::Kind::every) {
    look_at_every(i, placed);
  } else {
    look_at_once(i, placed);
  }
}

Run::Moment Run::anchor_of(int32_t i, const Rule& rule) {
  if (rule.anchor == Rule::Anchor::stage) return {.known = true, .at = state(i).entered_at};
  if (rule.anchor == Rule::Anchor::strategy) return {.known = true, .at = state(i).enrolled_at};
  const Value value = evaluate(rule.instant, i);
  return moment_of(type_of(rule.instant), value);
}

void Run::look_at_once(int32_t i, PlacedRule placed) {
  const Rule& rule = *placed.rule;
  Work& work = work_[i];
  Moment anchor = anchor_of(i, rule);
  work.wake = std::min(work.wake, anchor.wake);
  if (!anchor.known) return;  // sleeps until the anchor is known
  Moment due = anchor;
  if (rule.delay != checked::none) {
    due.is_date = false;
    due.at = counted_from(anchor.at, whole_number(rule.delay, i, work.wake));
  }
  // A due instant that a hold moves stays a date for what came too late: that is judged by what was written.
  Moment comes = due;
  if (timers_may_stand_) {
    const bool counted = rule.delay != checked::none && rule.anchor != Rule::Anchor::instant;
    comes.at = moved(due.at, anchor.at, counted ? whole_number(rule.delay, i, work.wake) : no_duration, standstill(i));
  }
  if (has_stage_orders_ && waits_for_order(i, rule)) comes.at = std::max(comes.at, kept_until(i));
  const TimerMark* mark = find_mark(i, rule);
  const bool done = (mark != nullptr && mark->anchor == anchor.at) || (rule.if_late == Rule::IfLate::skip && is_late(i, placed, due));
  if (options_->listener != nullptr) options_->listener->timer(i, rule, anchor.at, comes.at, done);
  if (done) return;
  if (comes.at > now_) {
    work.wake = std::min(work.wake, comes.at);
    return;
  }
  const bool held = holds(rule.guard, i, work.wake);
  tell_tried(i, rule, rule.guard, held);
  if (!held) return;
  if (fired_already(i, rule)) {
    work.wake = now_;  // each rule at most once a step
  } else if (work.timer.rule == nullptr || comes.at < work.timer.due) {
    work.timer = {.rule = &rule, .anchor = anchor.at, .due = comes.at, .occurrence = 1};
  }
}

/// Whether the moment had passed when the stage (or the strategy, for its rules) was entered. A date has passed when its day is over.
bool Run::is_late(int32_t i, PlacedRule placed, const Moment& due) {
  const Instant since = placed.place == Place::stage ? state(i).entered_at : state(i).enrolled_at;
  return due.is_date ? due.date < date_of(since) : due.at < since;
}

void Run::look_at_every(int32_t i, PlacedRule placed) {
  const Rule& rule = *placed.rule;
  Work& work = work_[i];
  const Moment anchor = anchor_of(i, rule);
  work.wake = std::min(work.wake, anchor.wake);
  if (!anchor.known) return;
  const int64_t duration = whole_number(rule.delay, i, work.wake);
  const TimerMark* mark = find_mark(i, rule);
  if (rule.at_most != checked::none && whole_number(rule.at_most, i, work.wake) <= (mark == nullptr ? 0 : mark->acted)) return;
  const int64_t dealt_with = mark != nullptr && mark->anchor == anchor.at ? mark->occurrence : 0;
  const std::vector<HeldPeriod> still = timers_may_stand_ ? standstill(i) : std::vector<HeldPeriod>{};
  const Grid points = grid(anchor.at, duration, dealt_with, still);
  work.wake = std::min(work.wake, points.next);
  const bool due = points.passed > dealt_with;
  if (options_->listener != nullptr) options_->listener->timer(i, rule, anchor.at, due ? points.first_open : points.next, !due);
  if (!due) return;
  if (fired_already(i, rule)) {
    work.wake = now_;
  } else if (work.timer.rule == nullptr || points.first_open < work.timer.due) {
    work.timer = {.rule = &rule, .anchor = anchor.at, .due = points.first_open, .occurrence = points.passed};
  }
}

Run::Grid Run::grid(Instant anchor, int64_t duration, int64_t dealt_with, const std::vector<HeldPeriod>& still) {
  if (abi::duration_amount(duration) <= 0) fail(abi::Fault::bad_argument, "`every` needs a duration above zero", rule_->span);
  Grid grid{.passed = points_passed(anchor, duration)};
  const auto point = [&](int64_t number) { return moved(grid_point(anchor, duration, number), anchor, duration, still); };
  if (!still.empty()) {
    // Time held moves points back: the last one that has come is at most the one that would have come without.
    int64_t low = 0, high = grid.passed;
    while (low < high) {
      const int64_t middle = low + (high - low + 1) / 2;
      if (point(middle) <= now_) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    grid.passed = low;
  }
  if (grid.passed > dealt_with) grid.first_open = point(dealt_with + 1);
  grid.next = point(grid.passed + 1);
  return grid;
}

Instant Run::grid_point(Instant anchor, int64_t duration, int64_t number) {
  int64_t amount = 0;
  if (__builtin_mul_overflow(abi::duration_amount(duration), number, &amount) || amount > abi::never / 8 - 1) check(abi::Fault::overflow);
  return counted_from(anchor, abi::pack_duration(amount, abi::duration_unit(duration)));
}

int64_t Run::points_passed(Instant anchor, int64_t duration) {
  const int64_t amount = abi::duration_amount(duration);
  if (now_ <= anchor) return 0;
  if (abi::duration_unit(duration) == abi::DurationUnit::microsecond) return (now_ - anchor) / amount;
  const int64_t first = date_of(anchor);
  int64_t passed = today_ - first;
  if (abi::duration_unit(duration) == abi::DurationUnit::month) passed = abi::months_between(first, today_) + 1;  // clamped months may be one more
  if (abi::duration_unit(duration) == abi::DurationUnit::business_day) check(abi::business_days(calendar_, first, today_, &passed));
  passed /= amount;
  while (passed > 0 && grid_point(anchor, duration, passed) > now_) --passed;
  return passed;
}

void Run::fire(int32_t i, Candidate candidate) {
  const Rule& rule = *candidate.rule;
  rule_ = &rule;
  if (candidate.occurrence == suspends || candidate.occurrence == resumes) return suspend_or_resume(i, candidate);
  entered_.clear();
  touch(i);
  fired_timers_.emplace_back(i, rule.key);
  work_[i].dirty = true;
  bool acts = true;
  if (rule.kind == Rule::Kind::every) {
    Instant wake = abi::never;
    acts = holds(rule.guard, i, wake);
    tell_tried(i, rule, rule.guard, acts);
  }
  TimerMark& mark = mark_of(i, rule);
  mark.anchor = candidate.anchor;
  mark.occurrence = candidate.occurrence;
  if (!acts) return;  // a false `when` skips that one
  ++mark.acted;
  Firing& firing = fired(i, rule);
  read_for(firing, rule.instant);
  read_for(firing, rule.guard);
  run_actions(i, rule, nullptr);
  handle_raised();
}

TimerMark& Run::mark_of(int32_t i, const Rule& rule) {
  auto& marks = state(i).marks;
  const auto found = std::ranges::find(marks, rule.key, &TimerMark::rule);
  return found != marks.end() ? *found : marks.emplace_back(TimerMark{.rule = rule.key});
}

const TimerMark* Run::find_mark(int32_t i, const Rule& rule) {
  const auto& marks = state(i).marks;
  const auto found = std::ranges::find(marks, rule.key, &TimerMark::rule);
  return found == marks.end() ? nullptr : &*found;
}

bool Run::fired_already(int32_t i, const Rule& rule) const { return std::ranges::find(fired_timers_, std::pair{i, rule.key}) != fired_timers_.end(); }

}  // namespace dunlin::engine
