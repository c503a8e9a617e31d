// Clock arithmetic for wakes: it never faults, so that looking for the next change cannot spoil a value that is there.
// "Never" is abi::never throughout; early is allowed, late is not.
#pragma once

#include <cstdint>

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

int64_t add_saturating(int64_t a, int64_t b);
int64_t subtract_saturating(int64_t a, int64_t b);

/// Before the calendar: the smallest int64; behind it: the end of its last day; `never`: never.
int64_t day_start_clamped(const Calendar& calendar, int64_t date);
int64_t calendar_last_day(const Calendar& calendar);
/// First working day after the date; the day behind the calendar if there is none.
int64_t next_working_day(const Calendar& calendar, int64_t date);

enum class Period : int64_t { day, week, month, year };  // as checked::Aggregate::Calendar; weeks begin on Monday
int64_t period_start(int64_t date, Period period);
int64_t period_next(int64_t date, Period period);

enum class Comparison : int64_t { equal, not_equal, less, less_equal, greater, greater_equal };
/// Ticks (1 or more) until `left comparison right` turns, if each tick adds the slopes; never if it does not.
/// Values so large that a sum on the way might have overflowed are asked again at the next tick.
int64_t flip(Comparison comparison, int64_t left, int64_t right, int64_t left_slope, int64_t right_slope);

/// Ticks until low <= value <= high turns.
int64_t interval_flip(int64_t value, int64_t slope, int64_t low, int64_t high);

}  // namespace dunlin::abi
