#include <catch2/catch.hpp>
#include <random>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/wake.h"

namespace dunlin::abi {

namespace {

bool holds(Comparison comparison, int64_t a, int64_t b) {
  switch (comparison) {
    case Comparison::equal:
      return a == b;
    case Comparison::not_equal:
      return a != b;
    case Comparison::less:
      return a < b;
    case Comparison::less_equal:
      return a <= b;
    case Comparison::greater:
      return a > b;
    case Comparison::greater_equal:
      return a >= b;
  }
  return false;
}

}  // namespace

TEST_CASE("a comparison flips exactly when it does, tick by tick") {
  for (int64_t comparison = 0; comparison < 6; ++comparison) {
    const auto which = static_cast<Comparison>(comparison);
    for (int64_t a = -7; a <= 7; ++a)
      for (int64_t b = -7; b <= 7; ++b)
        for (int64_t sa = -3; sa <= 3; ++sa)
          for (int64_t sb = -3; sb <= 3; ++sb) {
            int64_t expected = never;
            for (int64_t tick = 1; tick < 40 && expected == never; ++tick)
              if (holds(which, a + sa * tick, b + sb * tick) != holds(which, a, b)) expected = tick;
            REQUIRE(flip(which, a, b, sa, sb) == expected);
          }
  }
}

TEST_CASE("an interval is never left or entered unseen") {
  for (int64_t value = -9; value <= 9; ++value)
    for (int64_t slope = -4; slope <= 4; ++slope)
      for (int64_t low = -6; low <= 6; ++low)
        for (int64_t high = low; high <= 6; ++high) {
          const auto inside = [&](int64_t at) { return at >= low && at <= high; };
          const int64_t answer = interval_flip(value, slope, low, high);
          REQUIRE(answer >= 1);
          for (int64_t tick = 1; tick < 40 && tick < answer; ++tick) REQUIRE(inside(value + slope * tick) == inside(value));
          if (slope != 0 && inside(value)) REQUIRE(inside(value + slope * answer) == false);
        }
}

TEST_CASE("very large values that grow are asked again at the next tick") {
  CHECK(flip(Comparison::less, INT64_MAX - 5, 0, 1, 0) == 1);
  CHECK(flip(Comparison::less, INT64_MAX - 5, 0, 0, 0) == never);
  CHECK(interval_flip(5, 1, INT64_MIN, INT64_MAX) == never);
  CHECK(interval_flip(5, 1, INT64_MIN, 7) == 3);
  CHECK(interval_flip(INT64_MAX - 5, 1, 0, INT64_MAX - 2) == 1);
}

TEST_CASE("sums for wakes are held to their range") {
  CHECK(add_saturating(5, never) == never);
  CHECK(add_saturating(-5, never) == never - 5);
  CHECK(add_saturating(INT64_MIN, -1) == INT64_MIN);
  CHECK(subtract_saturating(INT64_MIN, 1) == INT64_MIN);
  CHECK(subtract_saturating(5, INT64_MIN) == INT64_MAX);
}

TEST_CASE("days and periods begin where the calendar says, held to its ends") {
  CalendarSpec spec;
  spec.timezone = "Europe/Berlin";
  const auto tables = std::move(*CalendarTables::make(spec));
  const Calendar& view = *tables->view();
  CHECK(day_start_clamped(view, never) == never);
  CHECK(day_start_clamped(view, INT64_MIN) == INT64_MIN);
  CHECK(day_start_clamped(view, 1'000'000) == view.day_start_us[view.day_count]);
  CHECK(day_start_clamped(view, 20'000) == view.day_start_us[20'000 - view.first_day]);
  CHECK(calendar_last_day(view) == date_of_civil(2060, 12, 31));
  CHECK(next_working_day(view, date_of_civil(2026, 1, 2)) == date_of_civil(2026, 1, 5));
  CHECK(next_working_day(view, date_of_civil(2060, 12, 31)) == date_of_civil(2061, 1, 1));
  const int64_t thursday = date_of_civil(2026, 1, 15);
  CHECK(period_start(thursday, Period::week) == date_of_civil(2026, 1, 12));
  CHECK(period_next(thursday, Period::week) == date_of_civil(2026, 1, 19));
  CHECK(period_start(thursday, Period::month) == date_of_civil(2026, 1, 1));
  CHECK(period_next(date_of_civil(2026, 12, 31), Period::month) == date_of_civil(2027, 1, 1));
  CHECK(period_start(thursday, Period::year) == date_of_civil(2026, 1, 1));
  CHECK(period_next(date_of_civil(2024, 2, 29), Period::year) == date_of_civil(2025, 1, 1));
  CHECK(period_next(thursday, Period::day) == thursday + 1);
}

}  // namespace dunlin::abi
