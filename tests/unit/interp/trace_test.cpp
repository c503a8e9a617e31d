#include <catch2/catch.hpp>

#include "tests/support/bundle_world.h"

namespace dunlin::test {

namespace {

struct Explained {
  BundleWorld world;
  CaseBuilder builder;
  abi::Instance *debtor, *account;
  Trace trace;
  Answer answer;

  explicit Explained(const std::string& expression)
      : world(R"(bundle traces "Traces" {
  timezone UTC
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
  score         : int?
  dpd           = days(overdue_since, today) default 0
  asked         = )" +
              expression + R"(
}
event call of account { }
table bands(days_late : int, score : int?) -> (points : int) first {
  | days_late | score   || points |
  | < 30      | missing || 1      |
  | < 30      | any     || 2      |
  | any       | any     || 3      |
}
)"),
        builder(world.program()) {
    debtor = builder.add("debtor");
    account = builder.add("account", debtor);
    builder.set(account, "balance", 5'000).set(account, "overdue_since", BundleWorld::date("2025-12-20"));
    builder.event("call", account, world.at("2026-01-02 10:00"));
    answer = world.ask("asked", builder, account, world.at("2026-01-05 12:00"), &trace);
  }
  std::string read(const std::string& name) const {
    for (const auto& read : trace.reads)
      if (read.name == name) return read.value;
    return "not read";
  }
  /// The outcome of the condition written like this, with a star if it decided.
  std::string part(const std::string& text) const {
    for (const auto& condition : trace.conditions)
      if (world.sources().text(condition.span) == text) return std::string(condition.holds ? "true" : "false") + (condition.deciding ? "*" : "");
    return "not looked at";
  }
};

}  // namespace

TEST_CASE("a trace names what was read, and leaves out what was not") {
  const Explained explained("balance > 40 or score known");
  CHECK(explained.answer.value == "true");
  CHECK(explained.read("account.balance") == "50.00");
  CHECK(explained.read("account.score") == "not read");
  CHECK(explained.part("balance > 40") == "true*");
  CHECK(explained.part("score known") == "not looked at");
}

TEST_CASE("why not: the part that is false decides") {
  const Explained explained("balance > 10 and dpd > 90");
  CHECK(explained.answer.value == "false");
  CHECK(explained.part("balance > 10") == "true");
  CHECK(explained.part("dpd > 90") == "false*");
  CHECK(explained.read("account.dpd") == "16");
  CHECK(explained.read("account.overdue_since") == "2025-12-20");
}

TEST_CASE("aggregates are read with their result") {
  const Explained explained("count(call within 7 days) >= 1");
  CHECK(explained.read("count(call)") == "1");
}

TEST_CASE("a table tells the row it hit") {
  const Explained explained("bands(dpd, score)");
  CHECK(explained.answer.value == "1");
  REQUIRE(explained.trace.rows.size() == 1);
  CHECK(explained.trace.rows[0].row == 0);
}

TEST_CASE("a trace changes no result") {
  const Explained explained("(if dpd > 10 then bands(dpd, score) else 7) + count(call)");
  CHECK(explained.answer.value == "2");
  CHECK(explained.trace.complete);
}

}  // namespace dunlin::test
