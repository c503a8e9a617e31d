// Dates, clock times and zones as the checker needs them: to read literals and to write values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dunlin::sema {

/// Days since 1970-01-01; nothing if there is no such date.
std::optional<int64_t> days_of_date(int year, int month, int day);
struct Date {
  int year = 1970, month = 1, day = 1;
};
Date date_of_days(int64_t days);

/// A time of day as the language writes it: "08:00", "08:00:30"; the end of a day is "24:00".
std::string clock_text(int64_t seconds);

bool zone_exists(const std::string& name);
/// Microseconds since 1970-01-01T00:00Z of a local time. A time skipped by a clock change is the first instant after the gap,
/// a repeated one its first occurrence. Nothing if the zone is unknown.
std::optional<int64_t> instant_of_local(const std::string& zone, int64_t days, int64_t second_of_day);
/// Local time of an instant: days since 1970-01-01 and second of the day (the fraction is cut off).
struct LocalTime {
  int64_t days = 0;
  int64_t second_of_day = 0;
};
LocalTime local_of_instant(const std::string& zone, int64_t microseconds);

}  // namespace dunlin::sema
