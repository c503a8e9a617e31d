// Text to values: exact, or refused with a reason a person understands.
#include "server/import/value_reader.h"

#include <catch2/catch.hpp>

#include "server/import/exact_figure.h"
#include "tests/unit/server/import_fixture.h"

using namespace dunlin;
using checked::TypeKind;

namespace {

struct Fixture {
  checked::Program program = test::small_program();
  import::Zone zone = *import::Zone::find(program.bundle);
  import::ValueReader reader{program, zone};
  abi::Arena arena;

  std::expected<int64_t, std::string> read(TypeKind kind, std::string_view text, import::ValueFormat format = {}, int32_t id = -1) {
    int64_t slots[2] = {};
    auto done = reader.read({kind, false, id}, text, format, arena, slots);
    if (!done) return std::unexpected(done.error());
    return slots[0];
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "figures are exact or refused") {
  CHECK(read(TypeKind::money, "1234.5") == 123450);
  CHECK(read(TypeKind::money, "-0.01") == -1);
  CHECK(read(TypeKind::money, "12.345").error() == "`12.345` has more than 2 decimal places");
  CHECK(read(TypeKind::money, "12.340") == 1234);
  CHECK(read(TypeKind::money, "99999999999999999999").error() == "`99999999999999999999` is too large");
  // Spreadsheets write round figures with an exponent; that is exact too.
  CHECK(read(TypeKind::money, "5.00E+05") == 50'000'000);
  CHECK(read(TypeKind::money, "12e3") == 1'200'000);
  CHECK(read(TypeKind::money, "125e-1") == 1'250);
  CHECK(read(TypeKind::money, "12e").error() == "`12e` is not an amount of money");
  CHECK(read(TypeKind::money, "e5").error() == "`e5` is not an amount of money");
  CHECK(read(TypeKind::money, "1e99").error() == "`1e99` is not an amount of money");
  CHECK(read(TypeKind::integer, "12.0") == 12);
  CHECK(read(TypeKind::integer, "12.5").error() == "`12.5` has more than 0 decimal places");
  CHECK(read(TypeKind::integer, "").error() == "there is no value");
  CHECK(read(TypeKind::integer, "9223372036854775807") == INT64_MAX);
  CHECK_FALSE(read(TypeKind::integer, "9223372036854775808"));
  CHECK(read(TypeKind::decimal, "12%") == 120000);
  CHECK(read(TypeKind::decimal, "0.123456") == 123456);
  CHECK_FALSE(read(TypeKind::decimal, "0.1234567"));
  CHECK_FALSE(read(TypeKind::integer, "-"));
  CHECK_FALSE(read(TypeKind::integer, "."));
}

TEST_CASE_METHOD(Fixture, "other signs and scales") {
  import::ValueFormat format;
  format.decimal_point = ',';
  format.thousands = ".";
  CHECK(read(TypeKind::money, "1.234,50", format) == 123450);
  import::ValueFormat cents;
  REQUIRE(import::read_scale("0.01", cents.scale_numerator, cents.scale_digits));
  CHECK(read(TypeKind::money, "123450", cents) == 123450);
  import::ValueFormat thousands;
  REQUIRE(import::read_scale("1000", thousands.scale_numerator, thousands.scale_digits));
  CHECK(read(TypeKind::money, "2", thousands) == 200000);
}

TEST_CASE_METHOD(Fixture, "dates that the calendar does not have are refused") {
  CHECK(read(TypeKind::date, "1970-01-02") == 1);
  CHECK(read(TypeKind::date, "2005-02-29").error() == "`2005-02-29` is not a date (2005-04-28 is expected)");
  CHECK(read(TypeKind::date, "2004-02-29"));
  for (auto text : {"2005-13-01", "2005-00-10", "05/04/2005", "2005-04-28x", "yesterday", "0000-00-00"}) CHECK_FALSE(read(TypeKind::date, text));
  import::ValueFormat dotted;
  dotted.date = "%d.%m.%Y";
  CHECK(read(TypeKind::date, "02.01.1970", dotted) == 1);
}

TEST_CASE_METHOD(Fixture, "instants: a date is its day start, local time is the bundle's, an offset is exact") {
  const int64_t hour = 3'600'000'000;
  // Warsaw is two hours ahead in April.
  CHECK(*reader.read_instant("2005-04-28", {}) == *reader.read_instant("2005-04-28T04:00:00Z", {}));
  CHECK(*reader.read_instant("2005-04-28 12:00", {}) == *reader.read_instant("2005-04-28T10:00:00Z", {}));
  CHECK(*reader.read_instant("2005-04-28T12:00:00+02:00", {}) == *reader.read_instant("2005-04-28T10:00Z", {}));
  CHECK(*reader.read_instant("2005-04-28T10:00:00.250Z", {}) == *reader.read_instant("2005-04-28T10:00Z", {}) + 250'000);
  // 02:30 does not exist on 27 March 2005: the first instant after the gap. It comes twice on 30 October: the first.
  CHECK(*reader.read_instant("2005-03-27 02:30", {}) == *reader.read_instant("2005-03-27T01:00Z", {}));
  CHECK(*reader.read_instant("2005-10-30 02:30", {}) == *reader.read_instant("2005-10-30T00:30Z", {}));
  CHECK(zone.local(*reader.read_instant("2005-10-30T00:30Z", {})) - *reader.read_instant("2005-10-30T00:30Z", {}) == 2 * hour);
  for (auto text : {"2005-04-28 25:00", "2005-04-28 12", "2005-04-28T12:00:00+99:00", "12:00", ""}) CHECK_FALSE(reader.read_instant(text, {}));
}

TEST_CASE_METHOD(Fixture, "the other types") {
  CHECK(read(TypeKind::boolean, "yes") == 1);
  CHECK(read(TypeKind::boolean, "maybe").error() == "`maybe` is neither true nor false");
  CHECK(read(TypeKind::time, "08:30") == 30600);
  CHECK_FALSE(read(TypeKind::time, "24:00"));
  CHECK(read(TypeKind::enumeration, "company", {}, 0) == 1);
  CHECK(read(TypeKind::enumeration, "firm", {}, 0).error() == "`firm` is none of person, company");
  CHECK(read(TypeKind::duration, "3 days") == abi::pack_duration(3, abi::DurationUnit::day));
  CHECK(read(TypeKind::duration, "2 business days") == abi::pack_duration(2, abi::DurationUnit::business_day));
  CHECK(read(TypeKind::number, "1.5e3") == abi::as_slot(1500.0));
  CHECK_FALSE(read(TypeKind::number, "inf"));
  CHECK(reinterpret_cast<const abi::Text*>(*read(TypeKind::text, "Żółć"))->view() == "Żółć");
}

TEST_CASE_METHOD(Fixture, "ranges of fields are held on the way in") {
  int64_t slot = 0;
  const auto& age = program.entities[0].fields[2];
  CHECK(reader.read_field(age, "40", {}, arena, &slot));
  CHECK(reader.read_field(age, "-3", {}, arena, &slot).error() == "-3 is below the least allowed, 18");
  CHECK(reader.read_field(age, "121", {}, arena, &slot).error() == "121 is above the most allowed, 120");
}

TEST_CASE_METHOD(Fixture, "an optional value may be missing") {
  int64_t slots[2] = {7, 7};
  CHECK(reader.read({TypeKind::date, true, -1}, " ", {}, arena, slots));
  CHECK(slots[0] == 0);
  CHECK(reader.read({TypeKind::date, true, -1}, "1970-01-02", {}, arena, slots));
  CHECK(slots[0] == 1);
  CHECK(slots[1] == 1);
}
