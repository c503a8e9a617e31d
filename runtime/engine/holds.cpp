#include "runtime/engine/holds.h"

#include <algorithm>

#include "compiler/abi/calendar.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

namespace {

/// An optional instant among an event's fields.
Instant instant_or(const abi::Event& event, checked::Index slot, Instant otherwise) {
  return slot == checked::none || event.slots[slot] == 0 ? otherwise : event.slots[slot + 1];
}

HeldPeriod period_of(const checked::Hold& hold, const abi::Event& placed) {
  return {placed.at, std::min(instant_or(placed, ends_slot(hold), abi::never), instant_or(placed, hold.lifted_slot, abi::never))};
}

template <class Visit>
void each_placement(const checked::Hold& hold, const abi::Instance& owner, Visit visit) {
  for (int64_t e = 0; e < owner.own.count; ++e) {
    const abi::Event& event = *owner.own.items[e];
    if (event.type == hold.placed && event.cancelled == 0) visit(event);
  }
}

}  // namespace

std::vector<HeldPeriod> held_periods(const checked::Hold& hold, const abi::Instance& owner) {
  std::vector<HeldPeriod> periods;
  each_placement(hold, owner, [&](const abi::Event& placed) {
    if (const HeldPeriod period = period_of(hold, placed); period.from < period.to) periods.push_back(period);
  });
  return periods;
}

std::vector<HeldPeriod> joined(std::vector<HeldPeriod> periods) {
  std::ranges::sort(periods, {}, &HeldPeriod::from);
  std::vector<HeldPeriod> out;
  for (const HeldPeriod& period : periods) {
    if (out.empty() || period.from > out.back().to) {
      out.push_back(period);
    } else {
      out.back().to = std::max(out.back().to, period.to);
    }
  }
  return out;
}

Instant held_until(const checked::Hold& hold, const abi::Instance& owner, Instant now) {
  Instant until = now;
  each_placement(hold, owner, [&](const abi::Event& placed) { until = std::max(until, period_of(hold, placed).to); });
  return until;
}

std::vector<StandingHold> standing_holds(const checked::Program& program, const abi::CaseView& view, Instant now) {
  std::vector<StandingHold> out;
  for (size_t h = 0; h < program.holds.size(); ++h) {
    const checked::Hold& hold = program.holds[h];
    for (int64_t i = 0; i < view.instance_count; ++i) {
      each_placement(hold, *view.instances[i], [&](const abi::Event& placed) {
        const HeldPeriod period = period_of(hold, placed);
        if (period.from > now || period.to <= now) return;
        const bool told = hold.reason_slot != checked::none && placed.slots[hold.reason_slot] != 0;
        out.push_back({.hold = static_cast<int32_t>(h),
                       .instance = static_cast<int32_t>(i),
                       .since = period.from,
                       .until = period.to,
                       .reason = told ? reinterpret_cast<const abi::Text*>(placed.slots[hold.reason_slot + 1])->view() : std::string_view{}});
      });
    }
  }
  return out;
}

std::string title_of(const checked::Limits& limits) { return (limits.hold == checked::none ? "limits `" : "hold `") + limits.name + "`"; }

// ---- placing -------------------------------------------------------------------------------------------------------

/// A placement by a rule that does not say until when it stands, or why, gets it from its hold and from the rule.
void Run::complete_hold(IncomingEvent& event, const Rule* by, int64_t duration) {
  const checked::Hold& hold = program_.holds[hold_placed_by_[event.type]];
  if (hold.until_slot != checked::none && event.slots[hold.until_slot] == 0) {
    Instant wake = abi::never;
    if (duration == no_duration && hold.lasts != checked::none) duration = whole_number(hold.lasts, event.instance, wake);
    if (duration != no_duration) {
      event.slots[hold.until_slot] = 1;
      event.slots[hold.until_slot + 1] = counted_from(event.at, duration);
    }
  }
  if (by == nullptr || hold.reason_slot == checked::none || event.slots[hold.reason_slot] != 0) return;
  event.slots[hold.reason_slot] = 1;
  event.slots[hold.reason_slot + 1] = reinterpret_cast<int64_t>(case_->text(by->name));
}

/// What came from outside stands in the store as it came. So where it leaves its end to the hold, an event behind it says when that is.
void Run::date_hold(const IncomingEvent& placed) {
  const int32_t index = hold_placed_by_[placed.type];
  if (index < 0 || program_.holds[index].lasts == checked::none) return;
  const checked::Hold& hold = program_.holds[index];
  const auto until = static_cast<size_t>(hold.until_slot);
  if (placed.slots.size() > until && placed.slots[until] != 0) return;
  IncomingEvent dated{.at = placed.at, .type = checked::find_event(program_, hold.name + ".dated"), .instance = placed.instance};
  if (dated.type < 0) return;
  Instant wake = abi::never;
  dated.slots = {1, counted_from(placed.at, whole_number(hold.lasts, placed.instance, wake))};
  handle(std::move(dated), true);
}

// ---- ending --------------------------------------------------------------------------------------------------------

/// When this hold came to its end by itself on that instance and nobody was told yet; abi::never: it did not. Narrows `wake` to the next end.
Instant Run::untold_end(const checked::Hold& hold, const abi::Instance& owner, Instant& wake) const {
  Instant over = abi::never, told = INT64_MIN;
  bool stands = false;
  for (int64_t e = 0; e < owner.own.count; ++e) {
    const abi::Event& event = *owner.own.items[e];
    if (event.type == hold.ended) told = std::max(told, event.at);  // even if another event took it back: it was told
    if (event.cancelled != 0 || event.type != hold.placed || instant_or(event, hold.lifted_slot, abi::never) != abi::never) continue;
    const Instant until = instant_or(event, ends_slot(hold), abi::never);
    if (until > now_) {
      stands = true;
      wake = std::min(wake, until);
    } else if (until > event.at && (over == abi::never || until > over)) {
      over = until;
    }
  }
  return stands || over == abi::never || over <= told ? abi::never : over;
}

Run::HoldEnd Run::find_hold_end() {
  HoldEnd first;
  if (!holds_end_) return first;
  for (size_t h = 0; h < program_.holds.size(); ++h) {
    const checked::Hold& hold = program_.holds[h];
    if (hold.ended == checked::none) continue;
    for (size_t i = 0; i < case_->instance_count(); ++i) {
      const abi::Instance& owner = case_->instance(static_cast<int32_t>(i));
      if (owner.entity != hold.entity) continue;
      Instant wake = abi::never;
      const Instant over = untold_end(hold, owner, wake);
      if (over < first.at) first = {.at = over, .hold = static_cast<int32_t>(h), .instance = static_cast<int32_t>(i)};
    }
  }
  return first;
}

void Run::end_hold(const HoldEnd& end) {
  const checked::Hold& hold = program_.holds[end.hold];
  rule_ = nullptr;
  entered_.clear();
  touch(end.instance);
  IncomingEvent ended{.at = end.at, .type = hold.ended, .instance = end.instance};
  const checked::EventType& type = program_.events[hold.ended];
  blank_fields(type.fields, type.slot_count, ended.slots);
  raised_.push_back(std::move(ended));
  if (!hold.review_by.empty()) {
    result_->notes.push_back({.instance = end.instance, .text = "the hold `" + hold.name + "` is over: review", .whom = hold.review_by});
  }
  handle_raised();
}

void Run::wake_for_holds() {
  if (!holds_end_) return;
  for (const checked::Hold& hold : program_.holds) {
    if (hold.ended == checked::none) continue;
    for (size_t i = 0; i < work_.size(); ++i) {
      const abi::Instance& owner = case_->instance(static_cast<int32_t>(i));
      if (owner.entity == hold.entity) untold_end(hold, owner, work_[i].keep_wake);
    }
  }
}

// ---- clocks that stand still ---------------------------------------------------------------------------------------

/// When the clocks of this instance's rules stood, and will stand as far as is known.
std::vector<HeldPeriod> Run::standstill(int32_t i) const {
  std::vector<HeldPeriod> periods;
  for (const checked::Hold& hold : program_.holds) {
    if (!hold.stops_timers) continue;
    const int32_t owner = owner_of(i, hold.entity);
    if (owner < 0) continue;
    const std::vector<HeldPeriod> of_hold = held_periods(hold, case_->instance(owner));
    periods.insert(periods.end(), of_hold.begin(), of_hold.end());
  }
  return joined(std::move(periods));
}

/// How many days of the unit lie from the day of `from` up to the day of `to`.
int64_t Run::days_held(const HeldPeriod& period, abi::DurationUnit unit) {
  const int64_t first = date_of(period.from), last = date_of(period.to);
  if (unit != abi::DurationUnit::business_day) return last - first;
  int64_t days = 0;
  check(abi::business_days(calendar_, first, last, &days));
  return days;
}

/// When something due at `due` comes, if the clock that began at `anchor` stood still in these periods. `counted`: a duration that runs from
/// the anchor, so that time held does not count: whole days for calendar durations. Else a date, which waits for the end of the hold.
Instant Run::moved(Instant due, Instant anchor, int64_t counted, const std::vector<HeldPeriod>& periods) {
  for (const HeldPeriod& period : periods) {
    if (period.to <= anchor) continue;
    if (period.from > due) break;
    int64_t last = 0;
    if (period.to == abi::never || abi::date_of(calendar_, period.to, &last) != abi::Fault::none) return abi::never;
    if (counted != no_duration) {
      const HeldPeriod part{std::max(period.from, anchor), period.to};
      const abi::DurationUnit unit = abi::duration_unit(counted);
      if (unit == abi::DurationUnit::microsecond) {
        due += part.to - part.from;
      } else if (const int64_t days = days_held(part, unit); days > 0) {
        const abi::DurationUnit step = unit == abi::DurationUnit::business_day ? unit : abi::DurationUnit::day;
        due = std::max(due, counted_from(due, abi::pack_duration(days, step)));
      }
    }
    due = std::max(due, period.to);
  }
  return due;
}

}  // namespace dunlin::engine
