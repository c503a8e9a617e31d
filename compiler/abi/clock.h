// Dates, instants and durations over the calendar's tables (docs/semantics.md, "Time"). Everything returns a fault, never throws.
#pragma once

#include <cstdint>

#include "compiler/abi/case_view.h"
#include "compiler/abi/zone_rules.h"

namespace dunlin::abi {

struct Civil {
  int64_t year;
  int64_t month;  // 1 … 12
  int64_t day;    // 1 … 31
};

/// The proleptic Gregorian calendar, for any date within some millions of years.
/// Algorithms: H. Hinnant, "chrono-compatible low-level date algorithms".
Civil civil_of(int64_t date);
int64_t date_of_civil(int64_t year, int64_t month, int64_t day);
int64_t days_in_month(int64_t year, int64_t month);
/// Monday 1 … Sunday 7.
int64_t weekday_of(int64_t date);
/// Clamped to the month's end.
int64_t add_months(int64_t date, int64_t months);
/// Whole months from a to b; negative if b lies before a.
int64_t months_between(int64_t a, int64_t b);

inline bool in_calendar(const Calendar& calendar, int64_t date) {
  return date >= calendar.first_day && date < static_cast<int64_t>(calendar.first_day) + calendar.day_count;
}
inline const ZoneRules& zone_of(const Calendar& calendar) { return *static_cast<const ZoneRules*>(calendar.zone); }

/// The date as `today` counts it: it turns at the bundle's day start.
Fault date_of(const Calendar& calendar, int64_t instant, int64_t* date);
/// The same, held to the calendar's dates.
int64_t date_of_clamped(const Calendar& calendar, int64_t instant);
Fault day_start(const Calendar& calendar, int64_t date, int64_t* instant);
/// Seconds since local midnight.
Fault time_of(const Calendar& calendar, int64_t instant, int64_t* seconds);
/// The instant at which clocks show this time of this civil date.
Fault instant_of(const Calendar& calendar, int64_t date, int64_t second_of_day, int64_t* instant);

/// Working days after `a` up to and including `b`; negative if b lies before.
Fault business_days(const Calendar& calendar, int64_t a, int64_t b, int64_t* days);
Fault is_working_day(const Calendar& calendar, int64_t date, int64_t* working);
/// The `days`th working day after (before, if negative) the date; 0: the date itself.
Fault add_business_days(const Calendar& calendar, int64_t date, int64_t days, int64_t* result);

/// Exact durations cannot be added to a date: bad_argument.
Fault add_duration_to_date(const Calendar& calendar, int64_t date, int64_t duration, int64_t* result);
/// Days, business days and months keep the local time of day.
Fault add_duration_to_instant(const Calendar& calendar, int64_t instant, int64_t duration, int64_t* result);

}  // namespace dunlin::abi
