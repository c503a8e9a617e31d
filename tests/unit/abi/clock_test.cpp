#include <catch2/catch.hpp>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"

namespace dunlin::abi {

namespace {

constexpr int64_t us_per_hour = 3600 * us_per_second;

std::unique_ptr<CalendarTables> calendar(const std::string& zone, int64_t day_start_s = 6 * 3600, std::vector<int32_t> holidays = {},
                                         std::vector<int32_t> working = {}) {
  CalendarSpec spec;
  spec.timezone = zone;
  spec.day_start_s = day_start_s;
  spec.holidays = std::move(holidays);
  spec.working_weekends = std::move(working);
  auto made = CalendarTables::make(spec);
  REQUIRE(made);
  return std::move(*made);
}

int64_t date(int64_t year, int64_t month, int64_t day) { return date_of_civil(year, month, day); }
int64_t utc(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute = 0) {
  return date(year, month, day) * 24 * us_per_hour + hour * us_per_hour + minute * 60 * us_per_second;
}
int64_t moved(const CalendarTables& tables, int64_t instant, int64_t amount, DurationUnit unit) {
  int64_t result = 0;
  REQUIRE(add_duration_to_instant(*tables.view(), instant, pack_duration(amount, unit), &result) == Fault::none);
  return result;
}
int64_t shifted(const CalendarTables& tables, int64_t from, int64_t amount, DurationUnit unit) {
  int64_t result = 0;
  REQUIRE(add_duration_to_date(*tables.view(), from, pack_duration(amount, unit), &result) == Fault::none);
  return result;
}

}  // namespace

TEST_CASE("civil dates go there and back") {
  CHECK(date(1970, 1, 1) == 0);
  CHECK(date(2000, 3, 1) == 11'017);
  CHECK(weekday_of(date(2026, 1, 5)) == 1);
  CHECK(weekday_of(date(1969, 12, 28)) == 7);
  for (int64_t day = -200'000; day < 200'000; day += 13) {
    const Civil civil = civil_of(day);
    REQUIRE(date(civil.year, civil.month, civil.day) == day);
    REQUIRE(civil.day <= days_in_month(civil.year, civil.month));
  }
}

TEST_CASE("months clamp to the month's end and are counted whole") {
  CHECK(add_months(date(2026, 1, 31), 1) == date(2026, 2, 28));
  CHECK(add_months(date(2024, 1, 31), 1) == date(2024, 2, 29));
  CHECK(add_months(date(2026, 3, 31), -1) == date(2026, 2, 28));
  CHECK(add_months(date(2026, 11, 30), 3) == date(2027, 2, 28));
  CHECK(add_months(date(2026, 1, 15), -13) == date(2024, 12, 15));
  CHECK(months_between(date(2026, 1, 31), date(2026, 3, 30)) == 1);
  CHECK(months_between(date(2026, 1, 31), date(2026, 2, 28)) == 1);
  CHECK(months_between(date(2026, 3, 30), date(2026, 1, 31)) == -1);
  CHECK(months_between(date(2026, 1, 5), date(2026, 1, 5)) == 0);
}

TEST_CASE("today turns at the day start of the bundle's zone") {
  const auto tables = calendar("Europe/Moscow");
  int64_t day = 0;
  REQUIRE(date_of(*tables->view(), utc(2026, 1, 5, 2, 59), &day) == Fault::none);  // 05:59 in Moscow
  CHECK(day == date(2026, 1, 4));
  REQUIRE(date_of(*tables->view(), utc(2026, 1, 5, 3), &day) == Fault::none);
  CHECK(day == date(2026, 1, 5));
  int64_t start = 0;
  REQUIRE(day_start(*tables->view(), date(2026, 1, 5), &start) == Fault::none);
  CHECK(start == utc(2026, 1, 5, 3));
}

TEST_CASE("every instant of many years belongs to the day that began before it") {
  for (const char* zone : {"Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca"}) {
    const auto tables = calendar(zone, 2 * 3600 + 1800);
    const Calendar& view = *tables->view();
    for (int64_t i = 0; i < view.day_count; ++i) {
      REQUIRE(view.day_start_us[i] <= view.day_start_us[i + 1]);
      if (view.day_start_us[i] == view.day_start_us[i + 1]) continue;  // a date that a zone has skipped
      int64_t day = 0;
      REQUIRE(date_of(view, view.day_start_us[i], &day) == Fault::none);
      REQUIRE(day == view.first_day + i);
      REQUIRE(date_of(view, view.day_start_us[i + 1] - 1, &day) == Fault::none);
      REQUIRE(day == view.first_day + i);
    }
  }
}

TEST_CASE("a skipped local time is the first instant after the gap, a repeated one its first occurrence") {
  const auto tables = calendar("Europe/Berlin");
  const ZoneRules& zone = tables->zone();
  CHECK(zone.instant(date(2025, 3, 30), 2 * 3600 + 1800) == utc(2025, 3, 30, 1));  // 02:30 does not exist
  CHECK(zone.instant(date(2025, 3, 30), 3 * 3600) == utc(2025, 3, 30, 1));
  CHECK(zone.instant(date(2025, 3, 30), 3 * 3600 + 60) == utc(2025, 3, 30, 1, 1));
  CHECK(zone.instant(date(2025, 10, 26), 2 * 3600 + 1800) == utc(2025, 10, 26, 0, 30));  // 02:30 twice
  CHECK(zone.instant(date(2025, 10, 26), 3 * 3600) == utc(2025, 10, 26, 2));
  CHECK(zone.local(utc(2025, 10, 26, 1, 30)).seconds == 2 * 3600 + 1800);
  // A whole date was left out on Samoa's side of the date line.
  const auto apia = calendar("Pacific/Apia");
  CHECK(apia->zone().instant(date(2011, 12, 30), 12 * 3600) == apia->zone().instant(date(2011, 12, 31), 0));
  // Midnight itself is skipped.
  const auto sao_paulo = calendar("America/Sao_Paulo", 0);
  CHECK(sao_paulo->view()->midnight_us[date(2018, 11, 4) - sao_paulo->view()->first_day] == utc(2018, 11, 4, 3));
}

TEST_CASE("calendar durations keep the local time, hours are exact") {
  const auto tables = calendar("Europe/Berlin");
  const int64_t before = utc(2025, 3, 29, 11);  // 12:00
  CHECK(moved(*tables, before, 1, DurationUnit::day) == utc(2025, 3, 30, 10));
  CHECK(moved(*tables, before, 24 * us_per_hour, DurationUnit::microsecond) == utc(2025, 3, 30, 11));
  CHECK(moved(*tables, utc(2025, 3, 29, 1, 30), 1, DurationUnit::day) == utc(2025, 3, 30, 1));  // 02:30 falls into the gap
  CHECK(moved(*tables, utc(2025, 1, 31, 11), 1, DurationUnit::month) == utc(2025, 2, 28, 11));
  CHECK(moved(*tables, utc(2025, 3, 28, 11), 1, DurationUnit::business_day) == utc(2025, 3, 31, 10));  // Friday to Monday
  CHECK(moved(*tables, before, -1, DurationUnit::month) == utc(2025, 2, 28, 11));
  CHECK(moved(*tables, utc(2025, 10, 26, 0, 30), 1, DurationUnit::day) == utc(2025, 10, 27, 1, 30));
}

TEST_CASE("business days follow holidays and moved working days") {
  const auto tables = calendar("Europe/Moscow", 6 * 3600, {static_cast<int32_t>(date(2026, 1, 5)), static_cast<int32_t>(date(2026, 1, 6))},
                               {static_cast<int32_t>(date(2026, 1, 10))});
  const Calendar& view = *tables->view();
  const auto between = [&](int64_t a, int64_t b) {
    int64_t days = 0;
    REQUIRE(business_days(view, a, b, &days) == Fault::none);
    return days;
  };
  CHECK(between(date(2026, 1, 2), date(2026, 1, 7)) == 1);   // Friday; Monday and Tuesday off
  CHECK(between(date(2026, 1, 7), date(2026, 1, 10)) == 3);  // a Saturday that works
  CHECK(between(date(2026, 1, 7), date(2026, 1, 2)) == -1);
  CHECK(between(date(2026, 1, 3), date(2026, 1, 3)) == 0);
  CHECK(shifted(*tables, date(2026, 1, 2), 1, DurationUnit::business_day) == date(2026, 1, 7));
  CHECK(shifted(*tables, date(2026, 1, 7), -1, DurationUnit::business_day) == date(2026, 1, 2));
  CHECK(shifted(*tables, date(2026, 1, 9), 1, DurationUnit::business_day) == date(2026, 1, 10));
  CHECK(shifted(*tables, date(2026, 1, 4), 0, DurationUnit::business_day) == date(2026, 1, 4));
  // The n-th working day is the one that makes the count n.
  for (int64_t day = date(2025, 12, 20); day < date(2026, 1, 20); ++day) {
    for (const int64_t n : {-7, -2, -1, 1, 2, 9}) {
      const int64_t there = shifted(*tables, day, n, DurationUnit::business_day);
      int64_t working = 0;
      REQUIRE(is_working_day(view, there, &working) == Fault::none);
      REQUIRE(working == 1);
      REQUIRE((n > 0 ? between(day, there) == n : between(there - 1, day - 1) == -n));
    }
  }
}

TEST_CASE("beyond the calendar is a fault, and an exact duration is none for a date") {
  const auto tables = calendar("UTC");
  const Calendar& view = *tables->view();
  int64_t result = 0;
  CHECK(date_of(view, utc(1989, 12, 31, 0), &result) == Fault::beyond_calendar);
  CHECK(date_of(view, utc(2061, 1, 1, 7), &result) == Fault::beyond_calendar);
  CHECK(day_start(view, date(2061, 1, 1), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_date(view, date(2060, 12, 31), pack_duration(1, DurationUnit::day), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_date(view, date(2060, 12, 31), pack_duration(1'000'000'000'000, DurationUnit::month), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_date(view, date(2060, 12, 30), pack_duration(400, DurationUnit::business_day), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_date(view, date(1990, 1, 2), pack_duration(-400, DurationUnit::business_day), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_date(view, date(2026, 1, 1), pack_duration(5, DurationUnit::microsecond), &result) == Fault::bad_argument);
  CHECK(business_days(view, date(1900, 1, 1), date(2026, 1, 1), &result) == Fault::beyond_calendar);
  CHECK(add_duration_to_instant(view, utc(2026, 1, 1, 0), pack_duration(INT64_MAX / 8, DurationUnit::microsecond), &result) == Fault::beyond_calendar);
}

TEST_CASE("a calendar that cannot be made says why") {
  CalendarSpec spec;
  spec.timezone = "Europe/Nowhere";
  CHECK(CalendarTables::make(spec).error() == "no time zone is called `Europe/Nowhere`");
  spec.timezone = "UTC";
  spec.last_year = 1980;
  CHECK_FALSE(CalendarTables::make(spec));
  spec.last_year = 2060;
  spec.day_start_s = 86'400;
  CHECK_FALSE(CalendarTables::make(spec));
}

TEST_CASE("a calendar file names holidays and moved working days") {
  CalendarSpec spec;
  REQUIRE(read_calendar_csv("date,kind,name\n# a comment\n2026-01-01,holiday,New Year\r\n2026-01-10,working,moved\n\n", spec));
  CHECK(spec.holidays == std::vector<int32_t>{static_cast<int32_t>(date(2026, 1, 1))});
  CHECK(spec.working_weekends == std::vector<int32_t>{static_cast<int32_t>(date(2026, 1, 10))});
  CHECK(read_calendar_csv("date,kind\n2026-02-30,holiday\n", spec).error() == "line 2: `2026-02-30` is not a date");
  CHECK(read_calendar_csv("date,kind\n2026-02-20,feast\n", spec).error() == "line 2: `feast` is neither `holiday` nor `working`");
}

}  // namespace dunlin::abi
