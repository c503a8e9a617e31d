#include "compiler/abi/wake.h"

#include <algorithm>

#include "compiler/abi/clock.h"

namespace dunlin::abi {

namespace {

/// Room for the growth of a value over the whole calendar.
constexpr int64_t safe_max = int64_t{1} << 61;
bool safe(int64_t value) { return value > -safe_max && value < safe_max; }

/// Ticks until the sign of `distance` (negative or not) turns.
int64_t sign_flip(int64_t distance, int64_t slope) {
  if (distance < 0) return slope > 0 ? (-distance + slope - 1) / slope : never;
  return slope < 0 ? distance / -slope + 1 : never;
}

int64_t equality_flip(int64_t distance, int64_t slope) {
  if (slope == 0) return never;
  if (distance == 0) return 1;
  if ((distance < 0) == (slope < 0) || distance % slope != 0) return never;  // moves away, or jumps over
  return -(distance / slope);
}

}  // namespace

int64_t add_saturating(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? INT64_MAX : INT64_MIN;
}

int64_t subtract_saturating(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? INT64_MAX : INT64_MIN;
}

int64_t day_start_clamped(const Calendar& calendar, int64_t date) {
  if (date == never) return never;
  if (date < calendar.first_day) return INT64_MIN;
  const int64_t index = std::min<int64_t>(date - calendar.first_day, calendar.day_count);
  return calendar.day_start_us[index];
}

int64_t calendar_last_day(const Calendar& calendar) { return static_cast<int64_t>(calendar.first_day) + calendar.day_count - 1; }

int64_t next_working_day(const Calendar& calendar, int64_t date) {
  const int64_t behind = static_cast<int64_t>(calendar.first_day) + calendar.day_count;
  if (date >= behind - 1) return behind;
  int64_t next = std::max<int64_t>(date + 1, calendar.first_day);
  while (next < behind && calendar.working_before[next - calendar.first_day + 1] == calendar.working_before[next - calendar.first_day]) ++next;
  return next;
}

int64_t period_start(int64_t date, Period period) {
  const Civil civil = civil_of(date);
  switch (period) {
    case Period::day:
      return date;
    case Period::week:
      return date - (weekday_of(date) - 1);
    case Period::month:
      return date - (civil.day - 1);
    case Period::year:
      return date_of_civil(civil.year, 1, 1);
  }
  return date;
}

int64_t period_next(int64_t date, Period period) {
  const int64_t start = period_start(date, period);
  switch (period) {
    case Period::day:
      return start + 1;
    case Period::week:
      return start + 7;
    case Period::month:
      return add_months(start, 1);
    case Period::year:
      return add_months(start, 12);
  }
  return start + 1;
}

int64_t flip(Comparison comparison, int64_t left, int64_t right, int64_t left_slope, int64_t right_slope) {
  if (left_slope == 0 && right_slope == 0) return never;
  if (!safe(left) || !safe(right) || !safe(left_slope) || !safe(right_slope)) return 1;
  const int64_t distance = left - right;
  const int64_t slope = left_slope - right_slope;
  switch (comparison) {
    case Comparison::equal:
    case Comparison::not_equal:
      return equality_flip(distance, slope);
    case Comparison::less:
    case Comparison::greater_equal:
      return sign_flip(distance, slope);
    case Comparison::less_equal:
    case Comparison::greater:
      return sign_flip(distance - 1, slope);
  }
  return 1;
}

int64_t interval_flip(int64_t value, int64_t slope, int64_t low, int64_t high) {
  if (slope == 0) return never;
  // From outside it can only be entered from the near end; a wide slope may jump over it, then this wakes early.
  if (value < low) return flip(Comparison::less, value, low, slope, 0);
  if (value > high) return flip(Comparison::greater, value, high, slope, 0);
  const int64_t below = low == INT64_MIN ? never : flip(Comparison::greater_equal, value, low, slope, 0);
  const int64_t above = high == INT64_MAX ? never : flip(Comparison::less_equal, value, high, slope, 0);
  return std::min(below, above);
}

}  // namespace dunlin::abi
