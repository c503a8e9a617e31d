// Tests beside the rules.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using Kind = checked::TestExpect::Kind;

static Checked with(const std::string& items) {
  return check(entities + R"(
queue letter { fields { amount : money? } }
strategy soft "Soft" for account { stage a { } }
test "t" {
)" + items + "\n}\n");
}

TEST_CASE("a test's instances, steps and expectations") {
  const Checked made = with(R"(
  given debtor { name: "Anna" }
  given account { balance: 12_000, product: card }
  given account second { balance: 5 }
  given party "heir" of second { role: heir }
  at 2026-01-05 : expect stage a, task letter "x" { amount: 5 }
  on 2026-01-09 10:30 payment of second { amount: 4_000 } : expect no task letter, balance = 12_000, not enrolled of second
  at 2026-01-20 : set account.balance = 0, expect stage soft.a
)");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::Test& test = made.program->tests.at(0);
  REQUIRE(test.instances.size() == 4);
  CHECK(test.instances[1].parent == 0);
  CHECK(test.instances[2].name == "second");
  CHECK(test.instances[3].parent == 2);
  REQUIRE(test.steps.size() == 3);
  REQUIRE(test.steps[0].expects.size() == 2);
  CHECK(test.steps[0].expects[0].kind == Kind::stage);
  CHECK(test.steps[0].expects[0].subject == 1);
  CHECK(test.steps[0].expects[1].treatment == "x");
  CHECK(test.steps[1].subject == 2);
  CHECK(test.steps[1].payload.size() == 1);
  CHECK(test.steps[1].expects[0].kind == Kind::no_task);
  CHECK(test.steps[1].expects[1].kind == Kind::expression);
  CHECK(test.steps[1].expects[2].subject == 2);
  REQUIRE(test.steps[2].sets.size() == 1);
  CHECK(test.steps[2].sets[0].first == 1);
}

TEST_CASE("what is not there, and what is withheld, is told as closely as what is there") {
  const Checked made = with(R"(
  given debtor { name: "Anna" }
  given account { balance: 12_000, product: card }
  given party heir { role: heir }
  at 2026-01-05 : expect no task letter "x" to heir { amount: 5 } of account, no task letter { amount: 6 }, withheld letter "x" to heir { amount: 7 }
)");
  INFO(made.text());
  REQUIRE(made.program);
  const auto& expects = made.program->tests.at(0).steps.at(0).expects;
  REQUIRE(expects.size() == 3);
  CHECK(expects[0].kind == Kind::no_task);
  CHECK(expects[0].treatment == "x");
  CHECK(made.program->tests[0].instances.at(static_cast<size_t>(expects[0].recipient)).name == "heir");
  CHECK(expects[0].fields.size() == 1);
  CHECK(expects[1].kind == Kind::no_task);
  CHECK(expects[1].fields.size() == 1);
  CHECK(expects[2].kind == Kind::withheld);
  CHECK(expects[2].fields.size() == 1);
  CHECK(with("given account { }\nat 2026-01-05 : expect no task letter { colour: 1 }").codes() == "E0208");
  CHECK(with("given account { }\nat 2026-01-05 : expect no task letter to heir").codes() == "E0717");
}

TEST_CASE("an event of the debtor makes the debtor") {
  const Checked made = with("given account { balance: 5 }\non 2026-01-05 complaint { serious: true } : expect stage a");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::Test& test = made.program->tests.at(0);
  REQUIRE(test.instances.size() == 2);
  CHECK(test.instances[0].name == "debtor");
  CHECK(test.instances[1].parent == 0);
  CHECK(test.steps[0].subject == 0);
  CHECK(test.steps[0].expects[0].subject == 1);
}

TEST_CASE("mistakes in tests") {
  CHECK(with("given acount { }").codes() == "E0209");
  CHECK(with("given account { colour: 1 }").codes() == "E0208");
  CHECK(with("given account { balance: today }").codes() == "E0301");
  CHECK(with("given account { }\ngiven account { }").codes() == "E0202");
  CHECK(with("given account { }\nat 2026-01-05 : expect stage z").codes() == "E0205");
  CHECK(with("given account { }\nat 2026-01-05 : expect task post \"x\"").codes() == "E0206");
  CHECK(with("given account { }\nat 2026-01-05 : expect balance").codes() == "E0307");
  CHECK(with("given account { }\non 2026-01-05 payment : expect stage a").codes() == "E0314");
  CHECK(with("given account { }\non 2026-01-05 paiment { amount: 1 } : expect stage a").codes() == "E0204");
  CHECK(with("given account { }\nat 2026-01-05 : expect stage a of second").codes() == "E0717");
  CHECK(with("given account { }\non 2026-01-05 blocked : expect stage a").codes() == "E0717");
  CHECK(with("at 2026-01-05 : expect stage a").codes() == "E0717");
  CHECK(with("given account { }\nat 2026-01-05 : set account.colour = 1").codes() == "E0208");
}

TEST_CASE("an expectation may name variables and stages of the subject's strategy") {
  const std::string strategies = R"(
strategy soft "Soft" for account { var letters : int = 0, stage a { }, stage b { } }
)";
  const std::string other = "strategy hard \"Hard\" for account { var visits_paid : int = 0, stage a { }, stage b { } }\n";
  const auto with_test = [](const std::string& text, const std::string& items) {
    return check(entities + text + "test \"t\" {\n given account { balance: 5 }\n" + items + "\n}\n");
  };
  const Checked one = with_test(strategies, " at 2026-01-05 : expect letters = 0, visits(a) = 1, entered_at < now");
  INFO(one.text());
  REQUIRE(one.program);
  const auto& expects = one.program->tests.at(0).steps.at(0).expects;
  CHECK(one.program->roots[expects.at(0).expression].strategy == 0);
  // With two strategies the stage that was expected last says which is meant.
  const Checked two =
      with_test(strategies + other, " at 2026-01-05 : expect stage hard.a, visits_paid = 0\n at 2026-01-06 : expect visits_paid = 0, in_stage(b)");
  INFO(two.text());
  REQUIRE(two.program);
  CHECK(two.program->roots[two.program->tests.at(0).steps.at(0).expects.at(1).expression].strategy == 1);
  CHECK(with_test(strategies + other, " at 2026-01-05 : expect letters = 0").codes() == "E0201");
}

TEST_CASE("what is expected of something that may be missing") {
  const Checked made = with("given account { score: 500 }\nat 2026-01-05 : expect score = 500, score >= 1, 500 = score, not score = 4");
  INFO(made.text());
  CHECK(made.codes().empty());
  CHECK(with("given account { score: 500 }\nat 2026-01-05 : expect score = \"a\"").codes() == "E0302");
  CHECK(with("given account { score: 500 }\nat 2026-01-05 : expect score + 1 = 501").codes() == "E0401");
}

TEST_CASE("the recipient of a task is an instance that the test gives") {
  const Checked made = with("given account { }\ngiven party anna { role: heir }\nat 2026-01-05 : expect task letter \"x\" to anna, no task");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::TestStep& step = made.program->tests.at(0).steps.at(0);
  CHECK(made.program->tests[0].instances[step.expects[0].recipient].name == "anna");
  CHECK(step.expects[1].queue == checked::none);
  CHECK(with("given account { }\nat 2026-01-05 : expect task letter \"x\" to bert").codes() == "E0717");
  CHECK(with("given account { }\nat 2026-01-05 : expect task letter \"x\" to debtor.accounts").codes() == "E0717");
}

TEST_CASE("an expectation may look at any instance that the test gives") {
  const Checked made =
      with("given account { }\ngiven account second { balance: 5 }\nat 2026-01-05 : expect second.balance = 5, account.balance < second.balance");
  INFO(made.text());
  CHECK(made.codes().empty());
  CHECK(with("given account { }\nat 2026-01-05 : expect third.balance = 5").codes() == "E0201");
}
