// Row by row: H(e) of docs/semantics.md. Each says when the condition is asked and when it wakes.
#include <catch2/catch.hpp>

#include "tests/support/bundle_world.h"

namespace dunlin::test {

namespace {

const char* const opening = R"(bundle wakes "Wakes" {
  timezone Europe/Berlin
  currency EUR
  calendar none
  day starts 06:00
}
entity debtor {
  key id : text
}
entity account of debtor {
  key id        : text
  balance       : money
  overdue_since : date?
  due           : date
  filed         : datetime
  secured       : bool
  score         : int?
  dpd           = days(overdue_since, today) default 0
  asked         = )";

const char* const closing = R"(
}
event payment of account { amount : money }
event call of account { }
event complaint of debtor { }
segmentation risk for account {
  high when dpd > 60
  medium when dpd > 30
  otherwise low
}
table bands(days_late : int, balance : money) -> (points : int) first {
  | days_late | balance  || points |
  | any       | < 10     || 0      |
  | < 30      | any      || 1      |
  | 30..<60   | any      || 2      |
  | >= 60     | any      || 3      |
}
function steep(d : int) -> bool = d * 2 > 50
)";

/// One account: overdue since 20 December, today is Monday 5 January 2026, noon. dpd 16.
struct Sleeper {
  BundleWorld world;
  CaseBuilder builder;
  abi::Instance *debtor, *account;

  explicit Sleeper(const std::string& expression, const std::string& more = "") : world(opening + expression + closing + more), builder(world.program()) {
    debtor = builder.add("debtor");
    account = builder.add("account", debtor);
    builder.set(account, "balance", 5'000).set(account, "overdue_since", BundleWorld::date("2025-12-20"));
    builder.set(account, "due", BundleWorld::date("2026-01-20")).set(account, "filed", world.at("2026-01-03 15:00"));
    for (const char* day : {"2025-12-31 10:00", "2026-01-02 09:00", "2026-01-02 18:00", "2026-01-04 05:00"}) builder.event("call", account, world.at(day));
    builder.set(builder.event("payment", account, world.at("2026-01-03 12:00")), "amount", 1'000);
  }
  Answer ask(const std::string& now = "2026-01-05 12:00") { return world.ask("asked", builder, account, world.at(now)); }
  std::string wake(const std::string& now = "2026-01-05 12:00") { return world.when(ask(now).wake); }
};

std::string wake_of(const std::string& expression) { return Sleeper(expression).wake(); }

}  // namespace

TEST_CASE("fields, literals and what is computed of them never wake") {
  CHECK(wake_of("balance > 100") == "never");
  CHECK(wake_of("secured or balance * 2 > 100") == "never");
  CHECK(wake_of("score known and score < 500") == "never");
  CHECK(wake_of("due - 5 days > 2026-01-01") == "never");
}

TEST_CASE("today as a value wakes at the next day start") {
  CHECK(wake_of("today") == "2026-01-06 06:00");
  CHECK(wake_of("dpd") == "2026-01-06 06:00");
  CHECK(wake_of("dpd mod 7 = 3") == "2026-01-06 06:00");
  CHECK(wake_of("weekday_of(today) in 1..5") == "2026-01-06 06:00");
}

TEST_CASE("a comparison linear in today wakes on the day it flips") {
  CHECK(wake_of("dpd > 16") == "2026-01-06 06:00");
  CHECK(wake_of("dpd > 90") == "2026-03-21 06:00");
  CHECK(wake_of("dpd >= 90") == "2026-03-20 06:00");
  CHECK(wake_of("dpd < 10") == "never");
  CHECK(wake_of("dpd = 30") == "2026-01-19 06:00");
  CHECK(wake_of("dpd in 20..25") == "2026-01-09 06:00");
  CHECK(wake_of("today >= due") == "2026-01-20 06:00");
  CHECK(wake_of("today > due - 3 days") == "2026-01-18 06:00");
  CHECK(wake_of("due - today < 10 * 1") == "2026-01-11 06:00");
  CHECK(wake_of("today + 7 days >= due") == "2026-01-13 06:00");
  CHECK(wake_of("dpd * 2 > 50") == "2026-01-15 06:00");
  CHECK(wake_of("steep(dpd)") == "2026-01-15 06:00");
  CHECK(wake_of("min(dpd, 40) > 30") == "2026-01-20 06:00");
  CHECK(wake_of("(if secured then dpd else dpd - 10) > 30") == "2026-01-30 06:00");
}

TEST_CASE("what is missing does not age") {
  Sleeper sleeper("dpd > 90");
  sleeper.builder.set_missing(sleeper.account, "overdue_since");
  CHECK(sleeper.wake() == "never");
}

TEST_CASE("now against an instant wakes at it") {
  CHECK(wake_of("now >= start_of(due)") == "2026-01-20 06:00");
  CHECK(wake_of("now >= filed") == "never");
  CHECK(wake_of("now >= filed + 3 days") == "2026-01-06 15:00");
  CHECK(wake_of("now >= filed + 60 hours") == "2026-01-06 03:00");
}

TEST_CASE("business days wake on the next working day") {
  Sleeper sleeper("business_days(due, today) > 100");
  CHECK(sleeper.wake("2026-01-05 12:00") == "2026-01-06 06:00");
  CHECK(sleeper.wake("2026-01-09 12:00") == "2026-01-12 06:00");  // Friday
}

TEST_CASE("a window wakes when the earliest counted event leaves") {
  CHECK(wake_of("count(call within 7 days)") == "2026-01-07 06:00");
  CHECK(wake_of("count(call within 168 hours)") == "2026-01-07 10:00");
  CHECK(wake_of("sum(payment.amount within 7 days)") == "2026-01-10 06:00");
  CHECK(wake_of("count(call)") == "never");
  CHECK(wake_of("count(call within 1 days)") == "never");
}

TEST_CASE("a count against a bound wakes when enough have left") {
  CHECK(wake_of("count(call within 7 days) >= 4") == "2026-01-07 06:00");
  CHECK(wake_of("count(call within 7 days) >= 3") == "2026-01-09 06:00");
  CHECK(wake_of("count(call within 7 days) >= 1") == "2026-01-10 06:00");  // 4 January 05:00 is still the 3rd
  CHECK(wake_of("count(call within 7 days) < 5") == "never");
  CHECK(wake_of("count(call within 7 days) < 4") == "2026-01-07 06:00");
  CHECK(wake_of("count(call within 7 days) > 2") == "2026-01-09 06:00");
  CHECK(wake_of("count(call within 7 days) <= 0") == "2026-01-10 06:00");
  CHECK(wake_of("count(call within 7 days) >= 0") == "never");
  CHECK(wake_of("2 < count(call within 168 hours)") == "2026-01-09 09:00");
}

TEST_CASE("exists, last and first wake when that event leaves") {
  CHECK(wake_of("exists(call within 7 days)") == "2026-01-10 06:00");
  CHECK(wake_of("last(call within 7 days) known") == "2026-01-10 06:00");
  CHECK(wake_of("first(call within 7 days) known") == "2026-01-07 06:00");
  CHECK(wake_of("exists(complaint within 7 days)") == "never");
}

TEST_CASE("an aggregate with a condition also wakes with the condition of any candidate") {
  CHECK(wake_of("count(call where today > date_of(at) + 4 days)") == "2026-01-07 06:00");
  CHECK(wake_of("exists(a in debtor.accounts where a.dpd > 90)") == "2026-03-21 06:00");
  CHECK(wake_of("all(a in debtor.accounts where a.dpd < 30)") == "2026-01-19 06:00");
}

TEST_CASE("calendar windows wake at their end, if they hold anything") {
  CHECK(wake_of("count(call this month)") == "2026-02-01 06:00");
  CHECK(wake_of("count(call this week)") == "never");  // the 4th was a Sunday
}

TEST_CASE("of and, only what decides; of or likewise") {
  CHECK(wake_of("dpd > 90 and dpd > 30") == "2026-03-21 06:00");
  CHECK(wake_of("balance < 1 and dpd > 30") == "never");
  CHECK(wake_of("balance > 1 and dpd > 30") == "2026-01-20 06:00");
  CHECK(wake_of("balance > 1 or dpd > 30") == "never");
  CHECK(wake_of("dpd > 90 or dpd > 30") == "2026-01-20 06:00");
  CHECK(wake_of("dpd < 90 or dpd < 30") == "2026-03-20 06:00");
  CHECK(wake_of("not (dpd > 30)") == "2026-01-20 06:00");
}

TEST_CASE("choices wake with what was tested and what was taken") {
  CHECK(wake_of("if balance < 1 then dpd > 20 else dpd > 30") == "2026-01-20 06:00");
  CHECK(wake_of("risk = high") == "2026-01-20 06:00");
  CHECK(wake_of("score default dpd") == "2026-01-06 06:00");
}

TEST_CASE("a numeric column wakes at its bounds") {
  CHECK(wake_of("bands(dpd, balance)") == "2026-01-19 06:00");
  CHECK(wake_of("bands(dpd + 30, balance)") == "2026-01-19 06:00");
  CHECK(wake_of("bands(dpd + 200, balance)") == "never");
}

TEST_CASE("the law of sleeping holds at the wake itself") {
  Sleeper sleeper("count(call within 7 days) >= 3 and dpd > 10");
  CHECK(sleeper.ask("2026-01-05 12:00").value == "true");
  CHECK(sleeper.ask("2026-01-09 05:59").value == "true");
  CHECK(sleeper.ask("2026-01-09 06:00").value == "false");
}

}  // namespace dunlin::test
