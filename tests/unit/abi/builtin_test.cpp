#include <catch2/catch.hpp>
#include <string>

#include "compiler/abi/arena.h"
#include "compiler/abi/builtin_bodies.h"
#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "lang/sema/checked.h"

namespace dunlin::abi {

using checked::Builtin;

namespace {

struct World {
  std::unique_ptr<CalendarTables> tables;
  Arena arena;
  EvalContext context{};
  World() {
    CalendarSpec spec;
    spec.timezone = "Europe/Warsaw";
    tables = std::move(*CalendarTables::make(spec));
    context.calendar = tables->view();
    context.arena = &arena;
  }
  Fault call(Builtin builtin, std::vector<int64_t> arguments, int64_t& result) {
    const auto body = builtin_body(static_cast<int>(builtin));
    REQUIRE(body != nullptr);
    REQUIRE(builtin_symbol(static_cast<int>(builtin)) != nullptr);
    return static_cast<Fault>(body(&context, arguments.data(), &result));
  }
  int64_t value(Builtin builtin, std::vector<int64_t> arguments) {
    int64_t result = 0;
    REQUIRE(call(builtin, std::move(arguments), result) == Fault::none);
    return result;
  }
  std::string_view text(Builtin builtin, std::vector<int64_t> arguments) { return reinterpret_cast<const Text*>(value(builtin, std::move(arguments)))->view(); }
  int64_t text(std::string_view bytes) { return reinterpret_cast<int64_t>(arena.text(bytes)); }
};

}  // namespace

TEST_CASE("dates and times have their parts") {
  World world;
  const int64_t leap = date_of_civil(2024, 2, 29);
  CHECK(world.value(Builtin::year_of, {leap}) == 2024);
  CHECK(world.value(Builtin::month_of, {leap}) == 2);
  CHECK(world.value(Builtin::day_of, {leap}) == 29);
  CHECK(world.value(Builtin::months, {leap, date_of_civil(2025, 2, 28)}) == 12);
  CHECK(world.value(Builtin::is_working_day, {date_of_civil(2026, 1, 3)}) == 0);
  CHECK(world.value(Builtin::time_of, {date_of_civil(2026, 7, 1) * 86'400 * us_per_second}) == 2 * 3600);
  int64_t result = 0;
  CHECK(world.call(Builtin::is_working_day, {1'000'000}, result) == Fault::beyond_calendar);
  CHECK(world.call(Builtin::time_of, {never}, result) == Fault::beyond_calendar);
}

TEST_CASE("texts are counted by characters and searched by bytes") {
  World world;
  CHECK(world.value(Builtin::text_length, {world.text("Łódź")}) == 4);
  CHECK(world.value(Builtin::text_starts_with, {world.text("RU-MOW"), world.text("RU")}) == 1);
  CHECK(world.value(Builtin::text_starts_with, {world.text("R"), world.text("RU")}) == 0);
  CHECK(world.value(Builtin::text_contains, {world.text("abc"), world.text("")}) == 1);
  CHECK(world.value(Builtin::text_contains, {world.text("abc"), world.text("ac")}) == 0);
}

TEST_CASE("a missing text equals no text and harms nobody") {
  World world;
  const auto* text = reinterpret_cast<const Text*>(world.text(""));
  CHECK(equal_text(nullptr, text) == 0);
  CHECK(equal_text(text, nullptr) == 0);
  CHECK(equal_text(nullptr, nullptr) == 1);
  CHECK(equal_text(text, text) == 1);
}

TEST_CASE("values become texts") {
  World world;
  CHECK(world.text(Builtin::format_int, {INT64_MIN}) == "-9223372036854775808");
  CHECK(world.text(Builtin::format_decimal, {2'500'000}) == "2.5");
  CHECK(world.text(Builtin::format_decimal, {-1}) == "-0.000001");
  CHECK(world.text(Builtin::format_decimal, {INT64_MIN}) == "-9223372036854.775808");
  CHECK(world.text(Builtin::format_number, {as_slot(2.5)}) == "2.5");
  CHECK(world.text(Builtin::format_number, {as_slot(0.1)}) == "0.1");
  CHECK(world.text(Builtin::format_money, {1250}) == "12.50");
  CHECK(world.text(Builtin::format_money, {-5}) == "-0.05");
  CHECK(world.text(Builtin::format_date, {date_of_civil(2026, 1, 5)}) == "2026-01-05");
  CHECK(world.text(Builtin::format_datetime, {date_of_civil(2026, 1, 5) * 86'400 * us_per_second + 11 * 3600 * us_per_second}) == "2026-01-05 12:00");
  CHECK(money_text(1250, 0) == "1250");
  CHECK(money_text(1250, 3) == "1.250");
}

TEST_CASE("without room for texts, and for texts too long, there is a fault") {
  World world;
  const std::string half(600'000, 'x');
  const int64_t texts[] = {world.text(half), world.text(half)};
  int64_t result = 0;
  CHECK(concat(world.context, texts, 1, &result) == Fault::none);
  CHECK(concat(world.context, texts, 2, &result) == Fault::text_too_long);
  world.context.arena = nullptr;
  CHECK(world.call(Builtin::format_int, {1}, result) == Fault::out_of_memory);
}

TEST_CASE("a split is the same today and always, and even") {
  CHECK(split_share("a", "b") == 9'188);
  CHECK(split_share("", "") == 1'483);
  CHECK(split_share("ab", "c") != split_share("a", "bc"));
  int64_t low = 0;
  for (int i = 0; i < 20'000; ++i) {
    const int64_t share = split_share("arm", std::to_string(i));
    REQUIRE(share >= 0);
    REQUIRE(share < 10'000);
    low += share < 1'000 ? 1 : 0;
  }
  CHECK(low > 1'850);
  CHECK(low < 2'150);
}

}  // namespace dunlin::abi
