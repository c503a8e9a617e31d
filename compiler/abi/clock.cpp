#include "compiler/abi/clock.h"

#include <algorithm>

namespace dunlin::abi {

namespace {

constexpr int64_t us_per_day = 86'400 * us_per_second;
/// Dates from outside are within some millions of years; this keeps the civil arithmetic from overflowing.
constexpr int64_t date_max = 1'000'000'000;

bool sane(int64_t date) { return date > -date_max && date < date_max; }

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

Fault checked_date(const Calendar& calendar, int64_t date, int64_t* result) {
  if (!in_calendar(calendar, date)) return Fault::beyond_calendar;
  *result = date;
  return Fault::none;
}

/// date + amount in the unit; the microsecond has no meaning here.
Fault shift_date(const Calendar& calendar, int64_t date, int64_t amount, DurationUnit unit, int64_t* result) {
  if (!sane(date) || !sane(amount)) return Fault::beyond_calendar;
  switch (unit) {
    case DurationUnit::day:
      return checked_date(calendar, date + amount, result);
    case DurationUnit::month:
      return checked_date(calendar, add_months(date, amount), result);
    case DurationUnit::business_day:
      return add_business_days(calendar, date, amount, result);
    case DurationUnit::microsecond:
      break;
  }
  return Fault::bad_argument;
}

}  // namespace

Civil civil_of(int64_t date) {
  const int64_t z = date + 719'468;
  const int64_t era = floor_div(z, 146'097);
  const int64_t day_of_era = z - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  const int64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * month_index + 2) / 5 + 1};
}

int64_t date_of_civil(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = floor_div(y, 400);
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

int64_t days_in_month(int64_t year, int64_t month) {
  constexpr int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

int64_t weekday_of(int64_t date) {
  const int64_t from_monday = (date + 3) % 7;
  return (from_monday < 0 ? from_monday + 7 : from_monday) + 1;
}

int64_t add_months(int64_t date, int64_t months) {
  const Civil civil = civil_of(date);
  const int64_t month_index = civil.year * 12 + civil.month - 1 + months;
  const int64_t year = floor_div(month_index, 12);
  const int64_t month = month_index - year * 12 + 1;
  return date_of_civil(year, month, std::min(civil.day, days_in_month(year, month)));
}

int64_t months_between(int64_t a, int64_t b) {
  if (b < a) return -months_between(b, a);
  const Civil from = civil_of(a);
  const Civil to = civil_of(b);
  const int64_t months = (to.year - from.year) * 12 + to.month - from.month;
  return add_months(a, months) > b ? months - 1 : months;
}

Fault date_of(const Calendar& calendar, int64_t instant, int64_t* date) {
  const int64_t* starts = calendar.day_start_us;
  if (calendar.day_count <= 0 || instant < starts[0] || instant >= starts[calendar.day_count]) return Fault::beyond_calendar;
  // Days are 23 to 25 hours long and the drift never adds up, so the guess is off by one at most.
  int64_t index = std::min<int64_t>((instant - starts[0]) / us_per_day, calendar.day_count - 1);
  while (instant < starts[index]) --index;
  while (instant >= starts[index + 1]) ++index;
  *date = calendar.first_day + index;
  return Fault::none;
}

int64_t date_of_clamped(const Calendar& calendar, int64_t instant) {
  int64_t date = 0;
  if (date_of(calendar, instant, &date) == Fault::none) return date;
  return instant < calendar.day_start_us[0] ? calendar.first_day : static_cast<int64_t>(calendar.first_day) + calendar.day_count;
}

Fault day_start(const Calendar& calendar, int64_t date, int64_t* instant) {
  if (!in_calendar(calendar, date)) return Fault::beyond_calendar;
  *instant = calendar.day_start_us[date - calendar.first_day];
  return Fault::none;
}

Fault time_of(const Calendar& calendar, int64_t instant, int64_t* seconds) {
  int64_t date = 0;
  if (const Fault fault = date_of(calendar, instant, &date); fault != Fault::none) return fault;
  *seconds = zone_of(calendar).local(instant).seconds;
  return Fault::none;
}

Fault instant_of(const Calendar& calendar, int64_t date, int64_t second_of_day, int64_t* instant) {
  if (second_of_day < 0 || second_of_day >= 86'400) return Fault::bad_argument;
  if (!in_calendar(calendar, date)) return Fault::beyond_calendar;
  *instant = zone_of(calendar).instant(date, second_of_day);
  return Fault::none;
}

Fault business_days(const Calendar& calendar, int64_t a, int64_t b, int64_t* days) {
  if (!in_calendar(calendar, a) || !in_calendar(calendar, b)) return Fault::beyond_calendar;
  *days = calendar.working_before[b - calendar.first_day + 1] - calendar.working_before[a - calendar.first_day + 1];
  return Fault::none;
}

Fault is_working_day(const Calendar& calendar, int64_t date, int64_t* working) {
  if (!in_calendar(calendar, date)) return Fault::beyond_calendar;
  const int64_t index = date - calendar.first_day;
  *working = calendar.working_before[index + 1] > calendar.working_before[index] ? 1 : 0;
  return Fault::none;
}

Fault add_business_days(const Calendar& calendar, int64_t date, int64_t days, int64_t* result) {
  if (!in_calendar(calendar, date)) return Fault::beyond_calendar;
  if (days == 0) return checked_date(calendar, date, result);
  if (!sane(days)) return Fault::beyond_calendar;
  const int32_t* before = calendar.working_before;
  const int32_t* end = before + calendar.day_count + 1;
  const int64_t index = date - calendar.first_day;
  // The day that makes the count of working days reach `wanted` is the one in front of the first entry with it.
  const int64_t wanted = days > 0 ? before[index + 1] + days : before[index] + days + 1;
  if (wanted < 1) return Fault::beyond_calendar;
  const int32_t* place = std::lower_bound(before, end, wanted);
  if (place == end) return Fault::beyond_calendar;
  *result = calendar.first_day + (place - before) - 1;
  return Fault::none;
}

Fault add_duration_to_date(const Calendar& calendar, int64_t date, int64_t duration, int64_t* result) {
  return shift_date(calendar, date, duration_amount(duration), duration_unit(duration), result);
}

Fault add_duration_to_instant(const Calendar& calendar, int64_t instant, int64_t duration, int64_t* result) {
  const int64_t amount = duration_amount(duration);
  int64_t moved = 0;
  if (duration_unit(duration) == DurationUnit::microsecond) {
    if (__builtin_add_overflow(instant, amount, &moved)) return Fault::beyond_calendar;
  } else {
    int64_t today = 0;
    if (const Fault fault = date_of(calendar, instant, &today); fault != Fault::none) return fault;
    const LocalTime local = zone_of(calendar).local(instant);
    int64_t date = 0;
    if (const Fault fault = shift_date(calendar, local.date, amount, duration_unit(duration), &date); fault != Fault::none) return fault;
    moved = zone_of(calendar).instant(date, local.seconds, local.microseconds);
  }
  int64_t date = 0;
  if (const Fault fault = date_of(calendar, moved, &date); fault != Fault::none) return fault;
  *result = moved;
  return Fault::none;
}

}  // namespace dunlin::abi
