// Values as text: what is written reads back as the same value.
#include <catch2/catch.hpp>
#include <cstring>

#include "checking.h"
#include "lang/sema/civil.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Type;
using checked::TypeKind;

namespace {

/// Slots of `text` as a constant of the type called `type`.
int64_t read_back(const std::string& type, const std::string& text) {
  const Checked made = check("enum size { small, large }\nparameter p : " + type + " = " + text);
  INFO(type << " " << text << "\n" << made.text());
  REQUIRE(made.program);
  const checked::Expr& body = *made.program->roots[made.program->settings[0].initial].body;
  REQUIRE(body.op == checked::Op::literal);
  return body.type.kind == TypeKind::number ? [&] {
    int64_t bits = 0;
    std::memcpy(&bits, &body.number, sizeof bits);
    return bits;
  }() : body.value;
}

}  // namespace

TEST_CASE("format_value reads back") {
  const Checked made = check("enum size { small, large }");
  REQUIRE(made.program);
  const checked::Program& program = *made.program;
  const auto round = [&](const std::string& name, Type type, int64_t slot) {
    const std::string text = checked::format_value(program, type, &slot);
    INFO(text);
    CHECK(read_back(name, text) == slot);
    return text;
  };
  CHECK(round("int", {TypeKind::integer}, 1'234'567) == "1_234_567");
  CHECK(round("int", {TypeKind::integer}, -42) == "-42");
  CHECK(round("int", {TypeKind::integer}, 2026) == "2026");
  CHECK(round("int", {TypeKind::integer}, 100'000) == "100_000");
  CHECK(round("decimal", {TypeKind::decimal}, 120'000) == "0.12");
  CHECK(round("decimal", {TypeKind::decimal}, -1) == "-0.000001");
  CHECK(round("money", {TypeKind::money}, 1'234'567) == "12_345.67");
  CHECK(round("money", {TypeKind::money}, -5) == "-0.05");
  CHECK(round("date", {TypeKind::date}, 20'454) == "2026-01-01");
  CHECK(round("time", {TypeKind::time}, 9 * 3600 + 30 * 60) == "09:30");
  CHECK(round("datetime", {TypeKind::datetime}, 20'454LL * 86'400'000'000 + 43'200'000'000) == "2026-01-01 12:00");
  CHECK(round("duration", {TypeKind::duration}, 3 * 8 + 1) == "3 days");
  CHECK(round("duration", {TypeKind::duration}, 1 * 8 + 2) == "1 business day");
  CHECK(round("duration", {TypeKind::duration}, 12 * 8 + 3) == "1 year");
  CHECK(round("duration", {TypeKind::duration}, 5'400'000'000LL * 8) == "90 minutes");
  CHECK(round("size", {TypeKind::enumeration, false, 0}, 1) == "large");
  const double half = 0.5;
  int64_t bits = 0;
  std::memcpy(&bits, &half, sizeof bits);
  CHECK(round("number", {TypeKind::number}, bits) == "0.5");
  const int64_t optional[2] = {1, 7}, absent[2] = {0, 0};
  CHECK(checked::format_value(program, {TypeKind::integer, true}, optional) == "7");
  CHECK(checked::format_value(program, {TypeKind::integer, true}, absent) == "missing");
  const int64_t window = 18LL * 3600 * 131072 + 20 * 3600 + 1800;
  CHECK(checked::format_value(program, {TypeKind::time_range}, &window) == "18:00..20:30");
}

TEST_CASE("order keys of numbers keep their order") {
  const double values[] = {-1e300, -2.5, -1e-300, 0.0, 1e-300, 2.5, 1e300};
  for (size_t i = 0; i + 1 < std::size(values); ++i) CHECK(checked::order_key_of_double(values[i]) < checked::order_key_of_double(values[i + 1]));
  for (const double value : values) CHECK(checked::double_of_order_key(checked::order_key_of_double(value)) == value);
  CHECK(checked::order_key_of_double(-0.0) == checked::order_key_of_double(0.0));
}

TEST_CASE("local times that a clock change skips or repeats") {
  const auto days = sema::days_of_date(2026, 3, 29);
  REQUIRE(days);
  const auto gap = sema::instant_of_local("Europe/Berlin", *days, 2 * 3600 + 1800);
  const auto after = sema::instant_of_local("Europe/Berlin", *days, 3 * 3600);
  CHECK(gap == after);
  const auto autumn = sema::days_of_date(2026, 10, 25);
  const auto first = sema::instant_of_local("Europe/Berlin", *autumn, 2 * 3600 + 1800);
  CHECK(*first == *autumn * 86'400'000'000LL + 1'800'000'000LL);  // still summer time: 00:30 UTC
  CHECK_FALSE(sema::days_of_date(2026, 2, 29));
  CHECK(sema::days_of_date(2028, 2, 29));
  CHECK_FALSE(sema::zone_exists("Europe/Nowhere"));
}

TEST_CASE("slots of types") {
  const Checked made = check(entities + "record pair { a : int, b : money? }\nfunction f() -> int = 1");
  REQUIRE(made.program);
  CHECK(checked::slot_count(*made.program, {TypeKind::record, false, 0}) == 3);
  CHECK(checked::slot_count(*made.program, {TypeKind::integer, true}) == 2);
  CHECK(checked::type_name(*made.program, {TypeKind::instance, true, 1}) == "account?");
}
