// Properties: cases respect what is declared, stand at the edges the bundle draws, are the same for the same seed; the smallest that fails is printed as a test
// that fails.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "runtime/simulate/draw.h"
#include "runtime/simulate/test_runner.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const kinds = R"(
bundle kinds "Kinds" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, kind : enum { person, company } }
entity account of debtor {
  key id    : text
  overdue   : money in 0..1_000_000
  balance   : money
  late_from : date?
  score     : int? in 300..850
  rate      : decimal in 0.1..0.9
  risk      : number
  floor     : int
  note_text : text
  pays_at   : time
  opened    : datetime
  product   : enum { card, auto, loan }
  secured   : bool
  dpd       = days(late_from, today) default 0
}
function twice(amount : money) -> money = amount * 2
extend account { large = twice(overdue) > 50_000, late = dpd > 77, named = note_text = "special" }
test "any" { for any account : expect overdue >= 0 }
)";

/// Small enough to be written down: amounts in whole units, dates of the day, words of the enumeration.
const std::string judged = R"(
bundle judged "Judged" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, kind : enum { person, company } }
entity account of debtor { key id : text, overdue : money, late_from : date?, score : int? in 300..850, dpd = days(late_from, today) default 0 }
event payment of account { amount : money }
queue letter { cost 1 }
strategy soft "Soft" for account {
  enrol when dpd > 3
  when overdue <= 0 : go cured
  stage reminder { on entry : letter "reminder" }
  final stage cured
}
)";

simulate::TestReport tried(const Compiled& compiled, int64_t tries = 200, uint64_t seed = 1) {
  return simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tries = tries, .seed = seed});
}

std::string smallest_of(const std::string& property, uint64_t seed) {
  const Compiled compiled(judged + "test \"p\" {\n" + property + "\n}\n");
  const auto report = tried(compiled, 300, seed);
  REQUIRE(report.results.size() == 1);
  REQUIRE(report.results[0].tried.has_value());
  INFO(property);
  REQUIRE_FALSE(report.results[0].passed());
  const std::string smallest = report.results[0].tried->smallest;
  INFO(smallest);
  const Compiled pasted(judged + smallest);
  const auto again = tried(pasted);
  REQUIRE(again.results.size() == 1);
  CHECK_FALSE(again.results[0].tried.has_value());  // an ordinary test
  CHECK_FALSE(again.results[0].passed());
  return smallest;
}

}  // namespace

TEST_CASE("cases keep to declared types and ranges, and reach every kind of value") {
  const Compiled compiled(kinds);
  const checked::Program& program = compiled.program();
  const auto boundaries = simulate::find_boundaries(program);
  simulate::Draw draw(program, boundaries, 5);
  const checked::Index account = checked::find_entity(program, "account");
  const auto& fields = program.entities[account].fields;
  std::map<std::string, std::set<std::string>> seen;
  for (int i = 0; i < 3000; ++i) {
    const simulate::Drawn drawn = draw.one(program.tests[0]);
    REQUIRE(drawn.instances.size() == 2);  // what it hangs on varies, too
    for (const auto& [index, value] : drawn.instances[1]) {
      const checked::Field& field = fields[index];
      INFO(field.name << " " << simulate::text_of(program, field.type, value));
      CHECK_FALSE(field.key);
      CHECK((value.known || field.type.optional));
      if (value.known && field.minimum) CHECK(value.slot >= *field.minimum);
      if (value.known && field.maximum) CHECK(value.slot <= *field.maximum);
      if (field.type.kind == checked::TypeKind::number) CHECK(std::isfinite(std::bit_cast<double>(value.slot)));
      if (field.type.kind == checked::TypeKind::time) CHECK((value.slot >= 0 && value.slot < 86'400));
      seen[field.name].insert(simulate::text_of(program, field.type, value));
    }
  }
  CHECK(seen.at("product") == std::set<std::string>{"card", "auto", "loan"});
  CHECK(seen.at("secured").size() == 2);
  CHECK(seen.at("late_from").contains("missing"));
  CHECK(seen.at("score").contains("missing"));
  CHECK(seen.at("score").contains("300"));
  CHECK(seen.at("score").contains("850"));
  CHECK(seen.at("overdue").contains("1_000_000.00"));
  CHECK(seen.at("overdue").contains("50_000.00"));      // compared in a function
  CHECK(seen.at("note_text").contains("\"special\""));  // compared through a derived field
  CHECK(seen.at("floor").size() > 100);
}

TEST_CASE("dates are drawn by the days that they are compared with") {
  const Compiled compiled(kinds);
  const checked::Index account = checked::find_entity(compiled.program(), "account");
  const checked::Index late_from = checked::find_field(compiled.program().entities[account].fields, "late_from");
  const auto boundaries = simulate::find_boundaries(compiled.program());
  REQUIRE(boundaries.days.contains({account, late_from}));
  CHECK(boundaries.days.at({account, late_from}).contains(77));
}

TEST_CASE("the same seed gives the same cases, another one others") {
  const Compiled compiled(judged + "test \"p\" { for any account : expect overdue < 5_000 or dpd < 9 }\n");
  const auto first = tried(compiled, 300, 3), second = tried(compiled, 300, 3), other = tried(compiled, 300, 4);
  REQUIRE(first.results[0].tried.has_value());
  CHECK(first.results[0].tried->smallest == second.results[0].tried->smallest);
  CHECK(first.results[0].tried->fitting == second.results[0].tried->fitting);
  CHECK(first.results[0].tried->fitting != other.results[0].tried->fitting);
}

TEST_CASE("the smallest case that fails fails as a test of its own, from wherever the search began") {
  for (const uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    const std::string amount = smallest_of("for any account where overdue > 500 : expect dpd > 1_000", seed);
    CHECK(amount.find("given account { overdue: 501.00 }") != std::string::npos);
    CHECK(amount.find("given debtor {}") != std::string::npos);
    CHECK(amount.find("at 2026-01-05 :") != std::string::npos);
    const std::string late = smallest_of("for any account { overdue: 9 }\nat 2026-03-10 : expect not enrolled", seed);
    CHECK(late.find("late_from: 2026-03-06, overdue: 9") != std::string::npos);
    const std::string company = smallest_of("for any account : expect debtor.kind = person or score missing", seed);
    CHECK(company.find("given debtor { kind: company }") != std::string::npos);
    CHECK(company.find("score: 300") != std::string::npos);
    const std::string fault = smallest_of("for any account where overdue >= 0 : expect dpd <= 4 or overdue / (dpd - 5) >= 0", seed);
    CHECK(fault.find("late_from: 2025-12-31") != std::string::npos);
  }
}

TEST_CASE("steps, events and further instances are part of the case; a property without cases fails; coverage counts stories only") {
  const Compiled compiled(judged + R"(
test "who paid all is cured" {
  for any account where overdue > 0 and dpd > 3
  given account second { overdue: 5 }
  at 2026-01-05 : expect stage reminder, task letter "reminder" of account, not enrolled of second
  on 2026-01-06 payment { amount: 5 } : set account.overdue = 0, expect stage cured, second.overdue = 5
}
test "none" { for any account where overdue > 5 and overdue < 5 : expect dpd = 0 }
)");
  const auto report = tried(compiled, 50);
  REQUIRE(report.results.size() == 2);
  for (const auto& failure : report.results[0].failures) UNSCOPED_INFO(failure.expected << " / " << failure.found);
  CHECK(report.results[0].passed());
  CHECK(report.results[0].tried->fitting == 50);
  CHECK(report.results[0].expectations == 250);
  CHECK_FALSE(report.results[1].passed());
  CHECK(report.results[1].tried->fitting == 0);
  for (const auto& rule : report.coverage.rules) CHECK(rule.fired == 0);
}

}  // namespace dunlin::sim_test
