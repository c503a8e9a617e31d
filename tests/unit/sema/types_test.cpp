// Types, units and literals: what fits what, and what a literal becomes.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Op;
using checked::TypeKind;

TEST_CASE("a number literal takes the type its context asks for") {
  Checked holder;
  const auto literal_beside = [&](const std::string& text) -> const checked::Expr& { return *body_of(holder, text).args[1]; };
  CHECK(literal_beside("balance > 50_000").value == 5'000'000);
  CHECK(literal_beside("balance > 12.5").value == 1'250);
  CHECK(literal_beside("rate > 12%").value == 120'000);
  CHECK(literal_beside("rate > 1").value == 1'000'000);
  CHECK(literal_beside("weight > 1").number == 1.0);
  CHECK(literal_beside("weight < 12.5%").number == 0.125);
  CHECK(literal_beside("age > -3").value == -3);
  CHECK(holder.program->roots.size() > 0);
  const checked::Expr& turned = body_of(holder, "50 < balance");
  CHECK(turned.args[0]->value == 5'000);
  CHECK(turned.args[0]->type.kind == TypeKind::money);
  CHECK(type_of("2 * 3") == "int");
  CHECK(type_of("2 * 1.5") == "decimal");
}

TEST_CASE("literals that do not fit are refused") {
  CHECK(check_derived("x = balance > 0.001").codes() == "E0305");
  CHECK(check_derived("x = rate > 0.1234567").codes() == "E0305");
  CHECK(check_derived("x = rate > 0.1230000").codes() == "");
  CHECK(check_derived("x = age > 9_223_372_036_854_775_807").codes() == "");
  CHECK(check_derived("x = age > 9_223_372_036_854_775_808").codes() == "E0305");
  CHECK(check_derived("x = balance > 92_233_720_368_547_758.07").codes() == "");
  CHECK(check_derived("x = balance > 92_233_720_368_547_758.08").codes() == "E0305");
  CHECK(check_derived("x = today + 1_000_000 days").codes() == "E0305");
  CHECK(check_files({{"a.dun", "bundle a \"A\" { timezone UTC, currency JPY, calendar none, day starts 06:00 }\nparameter p : money = 0.5"}}).codes() ==
        "E0305");
}

TEST_CASE("arithmetic by its units") {
  CHECK(type_of("balance + balance") == "money");
  CHECK(type_of("balance * rate") == "money");
  CHECK(type_of("rate * balance") == "money");
  CHECK(type_of("balance * 10%") == "money");
  CHECK(type_of("balance * 2") == "money");
  CHECK(type_of("2 * balance") == "money");
  CHECK(type_of("balance / 3") == "money");
  CHECK(type_of("balance / balance") == "decimal");
  CHECK(type_of("age / 2") == "decimal");
  CHECK(type_of("rate * age") == "decimal");
  CHECK(type_of("age * rate") == "decimal");
  CHECK(type_of("age * 1.5") == "decimal");
  CHECK(type_of("weight + age") == "number");
  CHECK(type_of("weight * 2") == "number");
  CHECK(type_of("age mod 7") == "int");
  CHECK(type_of("today - opened") == "int");
  CHECK(type_of("today + 3 days") == "date");
  CHECK(type_of("today - 2 business days") == "date");
  CHECK(type_of("today + age * 1 day") == "date");
  CHECK(type_of("start_of(today) + 45 minutes") == "datetime");
  CHECK(type_of("start_of(today) - start_of(opened)") == "duration");
  CHECK(type_of("-balance") == "money");
  CHECK(type_of("if secured then 1 else 1.5") == "decimal");
  for (const char* wrong : {"balance + age", "balance * balance", "balance + 3 days", "age + rate", "today + opened", "today + 5", "today * 2", "\"a\" + \"b\"",
                            "rate / age", "secured + 1", "-opened", "age mod rate", "weight * balance", "start_of(today) - today", "parties + 1"}) {
    INFO(wrong);
    CHECK(check_derived("x = " + std::string(wrong)).codes() == "E0302");
  }
}

TEST_CASE("the operands of a product stand in the order that lowering expects") {
  Checked holder;
  const checked::Expr& product = body_of(holder, "rate * balance");
  CHECK(product.args[0]->type.kind == TypeKind::money);
  CHECK(product.args[1]->type.kind == TypeKind::decimal);
  const checked::Expr& days = body_of(holder, "today + age * 1 day");
  CHECK(days.args[1]->args[0]->type.kind == TypeKind::duration);
}

TEST_CASE("durations keep their units") {
  Checked holder;
  const auto duration = [&](const std::string& text) { return body_of(holder, "start_of(today) + " + text).args[1]->value; };
  CHECK(duration("45 seconds") == 45'000'000LL * 8);
  CHECK(duration("2 hours") == 7'200'000'000LL * 8);
  CHECK(duration("2 weeks") == 14 * 8 + 1);
  CHECK(duration("2 business days") == 2 * 8 + 2);
  CHECK(duration("1 quarter") == 3 * 8 + 3);
  CHECK(duration("1 year") == 12 * 8 + 3);
  CHECK(check_derived("x = today + 3 hours").codes() == "E0309");
  CHECK(check_derived("x = start_of(today) + (1 day + 2 hours)").codes() == "E0309");
  CHECK(check_derived("x = start_of(today) - start_of(opened) > 3 days").codes() == "E0309");
  CHECK(check_derived("x = start_of(today) - start_of(opened) > 72 hours").codes() == "");
}

TEST_CASE("comparison asks for the same types and for an order") {
  CHECK(type_of("balance >= 5") == "bool");
  CHECK(type_of("age < weight") == "bool");
  CHECK(type_of("region = \"north\"") == "bool");
  CHECK(type_of("debtor = debtor") == "bool");
  for (const char* wrong : {"balance > age", "region > \"a\"", "product > card", "secured < true", "today > start_of(today)", "debtor = account",
                            "parties = parties", "rate = weight"}) {
    INFO(wrong);
    CHECK(check_derived("x = " + std::string(wrong)).codes() == "E0302");
  }
}

TEST_CASE("conditions are conditions") {
  CHECK(check_derived("x = age and secured").codes() == "E0307");
  CHECK(check_derived("x = not balance").codes() == "E0307");
  CHECK(check_derived("x = if age then 1 else 2").codes() == "E0307");
}

TEST_CASE("ranges and lists behind in") {
  CHECK(type_of("age in 1..30") == "bool");
  CHECK(type_of("age in 1..<30") == "bool");
  CHECK(type_of("opened in today - 3 days..today") == "bool");
  CHECK(type_of("region in { \"a\", \"b\" }") == "bool");
  CHECK(type_of("account in debtor.accounts") == "bool");
  CHECK(type_of("time_of(start_of(today)) in 09:00..18:00") == "bool");
  CHECK(check_derived("x = age in 30..1").codes() == "E0315");
  CHECK(check_derived("x = age in 5").codes() == "E0308");
  CHECK(check_derived("x = age in balance..5").codes() == "E0302");
  CHECK(check_derived("x = 1..5").codes() == "E0308");
  Checked holder;
  const checked::Expr& range = body_of(holder, "age in 1..<30");
  REQUIRE(range.op == Op::logical_and);
  CHECK(range.args[0]->op == Op::greater_equal);
  CHECK(range.args[1]->op == Op::less);
}

TEST_CASE("a long list is a shallow tree") {
  std::string list = "age in { 0";
  for (int i = 1; i < 3000; ++i) list += ", " + std::to_string(i);
  Checked holder;
  const checked::Expr* at = &body_of(holder, list + " }");
  int depth = 0;
  for (; at->op == Op::logical_or; at = at->args[0].get()) ++depth;
  CHECK(depth == 12);
}

TEST_CASE("what fits a stated type") {
  CHECK(check_derived("x : number = age").codes() == "");
  CHECK(check_derived("x : int? = age").codes() == "");
  CHECK(check_derived("x : int = score").codes() == "E0401");
  CHECK(check_derived("x : decimal = age").first().help == "write `1.0 * …` for an exact decimal");
  CHECK(check_derived("x : date = start_of(today)").codes() == "E0301");
  CHECK(check_derived("x : text = age").codes() == "E0301");
}

TEST_CASE("texts are composed") {
  CHECK(type_of("\"{debtor.name}: {balance}, {age} days, {rate}, {today}, {product}, {secured}\"") == "text");
  CHECK(check_derived("x = \"{3 days}\"").codes() == "E0322");
  CHECK(check_derived("x = \"{score}\"").codes() == "E0401");
}

TEST_CASE("match covers every case") {
  CHECK(type_of("match product { | card -> 1 | cash_loan, auto -> 2 }") == "int");
  CHECK(type_of("match age { | < 10 -> 1.5 | 10..20 -> 2 | otherwise -> 3 }") == "decimal");
  CHECK(type_of("match score { | missing -> 0 | < 500 -> 1 | >= 500 -> 2 }") == "int");
  CHECK(type_of("match secured { | true -> card | false -> product }") == "account.product");
  const Checked open = check_derived("x = match product { | card -> 1 | auto -> 2 }");
  CHECK(open.codes() == "E0310");
  REQUIRE(open.first().witness.size() == 1);
  CHECK(open.first().witness[0].second == "cash_loan");
  CHECK(check_derived("x = match age { | < 10 -> 1 | > 10 -> 2 }").codes() == "E0310");
  CHECK(check_derived("x = match age { | < 10 -> 1 | >= 10 -> 2 }").codes() == "");
  CHECK(check_derived("x = match score { | < 500 -> 1 | >= 500 -> 2 }").codes() == "E0310");
  CHECK(check_derived("x = match product { | crad -> 1 | otherwise -> 2 }").codes().find("E0216") == 0);
}

TEST_CASE("now is only compared") {
  CHECK(type_of("now >= start_of(opened)") == "bool");
  CHECK(type_of("now in start_of(opened)..start_of(today)") == "bool");
  for (const char* wrong : {"now", "now - start_of(opened)", "date_of(now)", "now = start_of(today)", "now - 3 hours > start_of(opened)"}) {
    INFO(wrong);
    CHECK(check_derived("x = " + std::string(wrong)).codes() == "E0312");
  }
}

TEST_CASE("keys, storable types and ranges of fields") {
  CHECK(check("entity a { id : text }").codes() == "E0316");
  CHECK(check("entity a { key id : text, key no : int }").codes() == "E0316");
  CHECK(check("entity a { key id : date }").codes() == "E0316");
  CHECK(check("entity a { key id : text? }").codes() == "E0316");
  CHECK(check("entity a { key id : text }\nentity b of a { key id : text, other : a }").codes() == "E0317");
  CHECK(check("entity a { key id : text, xs : list of int }").codes() == "E0317");
  const Checked made = check("entity a { key id : text, score : int? in 300..850, rate : decimal in 0..<100%, from_day : date in 2020-01-01..2030-12-31 }");
  REQUIRE(made.program);
  const auto& fields = made.program->entities[0].fields;
  CHECK(fields[1].minimum == 300);
  CHECK(fields[1].maximum == 850);
  CHECK(fields[1].slot == 1);
  CHECK(fields[2].slot == 3);
  CHECK(fields[2].maximum == 999'999);
  CHECK(made.program->entities[0].slot_count == 5);
  CHECK(check("entity a { key id : text, x : int in 5..1 }").codes() == "E0315");
  CHECK(check("entity a { key id : text, x : text in 5..1 }").codes() == "E0302");
}

TEST_CASE("hostile expressions end quickly") {
  std::string nested = "1";
  for (int i = 0; i < 60; ++i) nested = "min(" + nested + ", min(2, age))";
  CHECK(check_derived("x = " + nested).codes().find("E03") == std::string::npos);
  std::string choice = "1";
  for (int i = 0; i < 60; ++i) choice = "(if age in { " + choice + " } then 1 else 2)";
  CHECK_NOTHROW(check_derived("x = " + choice));
}
