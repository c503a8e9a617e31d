// What expressions give, written as a designer writes them.
#include <catch2/catch.hpp>

#include "tests/support/bundle_world.h"

namespace dunlin::test {

namespace {

struct Calculator {
  BundleWorld world;
  CaseBuilder builder;
  abi::Instance *debtor, *account;

  explicit Calculator(const std::string& expression, const std::string& more = "")
      : world(R"(bundle sums "Sums" {
  timezone Europe/Berlin
  currency EUR
  calendar none
  day starts 06:00
}
entity debtor {
  key id : text
}
entity account of debtor {
  key id  : text
  balance : money
  big     : int
  none    : int?
  rate    : number
  asked   = )" +
              expression + "\n}\nevent payment of account { amount : money, parts : int }\n" + more),
        builder(world.program()) {
    debtor = builder.add("debtor");
    account = builder.add("account", debtor);
    builder.set(account, "id", "A-1").set(account, "balance", 12'345).set(account, "big", INT64_MAX).set_number(account, "rate", 1e300);
    int64_t amount = 100;
    for (const char* day : {"2026-01-01 10:00", "2026-01-02 10:00", "2026-01-02 11:00"}) {
      auto* event = builder.event("payment", account, world.at(day));
      builder.set(event, "amount", amount).set(event, "parts", amount / 100);
      amount *= 2;
    }
  }
  Answer ask() { return world.ask("asked", builder, account, world.at("2026-01-05 12:00")); }
};

std::string value(const std::string& expression, const std::string& more = "") {
  INFO(expression);
  const auto answer = Calculator(expression, more).ask();
  CHECK(answer.fault == abi::Fault::none);
  return answer.value;
}
abi::Fault fault(const std::string& expression, const std::string& more = "") { return Calculator(expression, more).ask().fault; }

}  // namespace

TEST_CASE("exact arithmetic") {
  CHECK(value("2 + 3 * 4") == "14");
  CHECK(value("7 / 2") == "3.5");
  CHECK(value("0 - 7 mod 4") == "-3");
  CHECK(value("balance * 0.1") == "12.34");
  CHECK(value("balance / 2") == "61.72");
  CHECK(value("balance / 10.00") == "12.34");
}

TEST_CASE("faults are faults, not figures") {
  CHECK(fault("big + 1") == abi::Fault::overflow);
  CHECK(fault("big * 2") == abi::Fault::overflow);
  CHECK(fault("balance / (big - big)") == abi::Fault::division_by_zero);
  CHECK(fault("7 mod 0") == abi::Fault::division_by_zero);
  CHECK(fault("rate * rate") == abi::Fault::not_a_number);
  CHECK(fault("today + 1200 months") == abi::Fault::beyond_calendar);
}

TEST_CASE("what is not needed cannot fault") {
  CHECK(value("balance > 1 or big + 1 > 0") == "true");
  CHECK(value("balance < 1 and big + 1 > 0") == "false");
  CHECK(value("if balance > 1 then 5 else big + 1") == "5");
  CHECK(value("none default 3") == "3");
  CHECK(value("sum(payment.amount / (if payment.parts > 9 then 1 else 1) where parts > 100)") == "0.00");
}

TEST_CASE("aggregates over history") {
  CHECK(value("count(payment)") == "3");
  CHECK(value("count(days of payment)") == "2");
  CHECK(value("sum(payment.parts)") == "7");
  CHECK(value("max(payment.parts)") == "4");
  CHECK(value("avg(payment.parts)") == "2.333333");
  CHECK(value("last(payment).parts default 0") == "4");
  CHECK(value("first(payment).parts default 0") == "1");
  CHECK(value("count(payment where parts > 1)") == "2");
  CHECK(value("exists(payment within 3 days)") == "false");
  CHECK(value("exists(payment within 4 days)") == "true");
}

TEST_CASE("a long chain of functions is no trouble") {
  std::string functions = "function f0(x : int) -> int = x + 1\n";
  for (int i = 1; i < 90; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    functions +=
        "function f" + std::to_string(i) + "(x : int) -> int = " + before + "(x mod 7 + 1) + min(x, 3) + max(x, 4) + x mod 3 + x mod 5 + x mod 11 + x mod 13\n";
  }
  CHECK(fault("f89(5)", functions) == abi::Fault::none);
}

TEST_CASE("native functions of the standard library are called by name") {
  CHECK(value("edit_distance(id, \"A-2\")", "use std.measures\n") == "1");
  CHECK(value("easter_sunday(2026)", "use std.measures\n") == "2026-04-05");
}

}  // namespace dunlin::test
