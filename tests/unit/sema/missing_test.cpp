// Missing values: used only where they are known, and where that is.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Op;

TEST_CASE("operators and comparisons do not take a missing value") {
  for (const char* wrong :
       {"score < 500", "score + 1", "score in 1..5", "-score", "score = 5", "not (score > 1)", "\"{overdue_since}\"", "if score > 1 then 1 else 2"}) {
    INFO(wrong);
    CHECK(check_derived("x = " + std::string(wrong)).codes() == "E0401");
  }
}

TEST_CASE("a condition proves what is known where it holds") {
  for (const char* right :
       {"score known and score < 500", "score missing or score < 500", "not (score missing) and score < 500", "not (score missing or secured) and score < 500",
        "if score known then score else 0", "if score missing then 0 else score", "score known and overdue_since known and score > days(overdue_since, today)",
        "(score known and secured) and score > 1", "exists(p in parties where p.share known and p.share > 10%)",
        "sum(p.share for p in parties where p.share known)", "last(payment) known and last(payment).amount > 5",
        "last(payment).fee known and last(payment).fee > 1", "match score { | missing -> 0 | otherwise -> score }",
        "exists(payment) and last(payment).amount > first(payment).amount", "exists(payment within 30 days) and last(payment within 30 days).amount > 5",
        "exists(payment) and not exists(payment since last(payment).at)", "not (not exists(payment)) and last(payment).amount > 5"}) {
    INFO(right);
    CHECK(check_derived("x = " + std::string(right)).codes() == "");
  }
}

TEST_CASE("and does not prove anything where it does not hold") {
  for (const char* wrong :
       {"score known or score < 500", "score < 500 and score known", "if score known then 0 else score + 1", "(score known or secured) and score > 1",
        "not (score known) and score > 1", "(score known and secured) or score > 1", "exists(p in parties where p.share known) and first(parties).share > 1",
        "debtor.lead known and score > 1", "exists(payment) or last(payment).amount > 5", "not exists(payment) and last(payment).amount > 5",
        "exists(payment) and last(payment within 30 days).amount > 5", "count(payment) >= 0 and last(payment).amount > 5"}) {
    INFO(wrong);
    const Checked made = check(entities + "extend debtor { lead = first(a in accounts) }\nextend account { x = " + std::string(wrong) + " }");
    CHECK(made.codes() == "E0401");
  }
}

TEST_CASE("points and functions pass a missing value on") {
  CHECK(type_of("last(payment).amount") == "money?");
  CHECK(type_of("last(payment).fee") == "money?");
  CHECK(type_of("days(overdue_since, today)") == "int?");
  CHECK(type_of("days(overdue_since, today) default 0") == "int");
  CHECK(type_of("max(score, 5)") == "int?");
  CHECK(type_of("days(date_of(last(payment).at), overdue_since)") == "int?");
  Checked holder;
  const checked::Expr& twice = body_of(holder, "days(date_of(last(payment).at), overdue_since)");
  CHECK(twice.op == Op::map);
  const Checked function = check(entities +
                                 "function half(n : int) -> decimal = n / 2\nfunction or_zero(n : int?) -> int = n default 0\n"
                                 "extend account { a : decimal? = half(score), b : int = or_zero(score) }");
  INFO(function.text());
  CHECK(function.codes() == "");
}

TEST_CASE("default") {
  CHECK(type_of("score default 0") == "int");
  CHECK(type_of("last(payment).amount default balance") == "money");
  CHECK(type_of("last(payment).amount default last(payment).fee") == "money?");
  CHECK(type_of("last(payment).amount default last(payment).fee default 0") == "money");
  CHECK(check_derived("x = score default 1.5").codes() == "E0301");
  const Checked never = check_derived("x = balance default 0");
  CHECK(never.codes() == "E0402");
  CHECK(never.program != nullptr);
  CHECK(check_derived("x = balance known").codes() == "E0402");
  CHECK(check_derived("x = score known and (score default 5) > 1").codes() == "E0402");
}

TEST_CASE("what is known is unwrapped, what is given as optional wrapped") {
  Checked holder;
  const checked::Expr& condition = body_of(holder, "score known and score < 500");
  CHECK(condition.args[1]->args[0]->op == Op::unwrap);
  CHECK(body_of(holder, "if secured then score else 5").args[2]->op == Op::to_optional);
  CHECK(body_of(holder, "if secured then missing else 5").args[1]->op == Op::missing);
}

TEST_CASE("missing needs a place whose type is known") {
  CHECK(check_derived("x = missing").codes() == "E0320");
  CHECK(check_derived("x : int? = missing").codes() == "");
  CHECK(check_derived("x : int = missing").codes() == "E0401");
}

TEST_CASE("segments know what the ones before have ruled out") {
  CHECK(check(entities + "segmentation risk for account {\n  unknown when score missing\n  high when score < 500\n  otherwise low\n}").codes() == "");
  CHECK(check(entities + "segmentation risk for account {\n  high when score < 500\n  otherwise low\n}").codes() == "E0401");
  CHECK(check(entities + "segmentation risk for account {\n  high when secured\n}").codes() == "E0310");
}

TEST_CASE("what a guard proves holds in the actions, if nothing there can change it") {
  const std::string before = entities + "queue letter { fields { amount : money } }\n";
  const auto strategy = [&](const std::string& rules) {
    return check(before + "strategy soft \"Soft\" for account {\n  var n : int?\n  stage a {\n" + rules + "\n  }\n}\n").codes();
  };
  CHECK(strategy("on payment where fee known : letter \"x\" { amount: fee }") == "");
  CHECK(strategy("on payment : letter \"x\" { amount: fee }") == "E0401");
  CHECK(strategy("after 3 days when last(payment) known : letter \"x\" { amount: last(payment).amount }") == "E0401");
  CHECK(strategy("on payment where n known : set n = missing, note \"{n}\"") == "E0401");
  CHECK(strategy("keep letter \"x\" while last(payment) known { fields { amount: last(payment).amount } }") == "");
}
