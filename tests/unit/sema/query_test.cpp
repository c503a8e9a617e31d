// Queries over history and lists.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Aggregate;
using checked::Op;

static const Aggregate& query(Checked& holder, const std::string& text) {
  const checked::Expr& body = body_of(holder, text);
  REQUIRE(body.op == Op::aggregate);
  return *body.aggregate;
}

TEST_CASE("results by function") {
  CHECK(type_of("count(payment)") == "int");
  CHECK(type_of("count(days of payment within 30 days)") == "int");
  CHECK(type_of("sum(payment.amount within 30 days)") == "money");
  CHECK(type_of("max(payment.amount within 30 days)") == "money?");
  CHECK(type_of("avg(a.age for a in debtor.accounts)") == "decimal?");
  CHECK(type_of("min(a.opened for a in debtor.accounts)") == "date?");
  CHECK(type_of("exists(complaint within 90 days where serious)") == "bool");
  CHECK(type_of("all(a in debtor.accounts where a.secured)") == "bool");
  CHECK(type_of("first(a in debtor.accounts where a.secured by a.balance desc, a.id)") == "account?");
  CHECK(type_of("last(payment)") == "payment?");
  CHECK(type_of("spent since enrolment") == "money");
}

TEST_CASE("whose history is meant") {
  Checked holder;
  CHECK(query(holder, "count(payment)").scope == Aggregate::Scope::own);
  const Aggregate& above = query(holder, "count(complaint)");
  CHECK(above.scope == Aggregate::Scope::own);
  CHECK(above.owner->op == Op::ancestor);
  const Aggregate& wide = query(holder, "count(payment per debtor)");
  CHECK(wide.scope == Aggregate::Scope::case_file);
  CHECK(wide.owner->op == Op::ancestor);
  CHECK(check_derived("x = count(blocked)").codes() == "E0313");
  CHECK(check_derived("x = count(blocked per debtor)").codes() == "");
  CHECK(check_derived("x = count(payment per party)").codes() == "E0209");
  const Checked below = check(entities + "extend debtor { x = count(payment), y = count(complaint per debtor) }");
  REQUIRE(below.program);
  const auto& derived = below.program->entities[0].derived;
  CHECK(below.program->roots[derived[0].root].body->aggregate->scope == Aggregate::Scope::case_file);
  CHECK(below.program->roots[derived[1].root].body->aggregate->scope == Aggregate::Scope::own);
}

TEST_CASE("windows") {
  Checked holder;
  const Aggregate& days = query(holder, "count(payment within 2 weeks)");
  CHECK(days.window == Aggregate::Window::days);
  CHECK(days.window_value->value == 14);
  const Aggregate& variable = query(holder, "count(payment within age * 1 day)");
  CHECK(variable.window == Aggregate::Window::days);
  CHECK(variable.window_value->op == Op::field);
  CHECK(query(holder, "count(payment within 168 hours)").window == Aggregate::Window::exact);
  CHECK(query(holder, "count(payment since enrolment)").window_value->op == Op::enrolled_at);
  CHECK(query(holder, "count(payment since entry)").window_value->op == Op::entered_at);
  CHECK(query(holder, "count(payment since last(complaint).at default enrolled_at)").window == Aggregate::Window::since);
  const Aggregate& month = query(holder, "count(payment this month)");
  CHECK(month.window == Aggregate::Window::calendar);
  CHECK(month.calendar == Aggregate::Calendar::month);
  CHECK(check_derived("x = count(payment within 2 months)").codes() == "E0311");
  CHECK(check_derived("x = count(payment within 3 business days)").codes() == "E0311");
  CHECK(check_derived("x = count(payment within 0 days)").codes() == "E0311");
  CHECK(check_derived("x = count(payment within 5)").codes() == "E0301");
  CHECK(check_derived("x = count(payment since today)").codes() == "E0301");
  CHECK(check_derived("x = count(payment since last(complaint).at)").codes() == "E0401");
  CHECK(check_derived("x = count(payment this fortnight)").codes() == "E0219");
}

TEST_CASE("the element of a query, by field and by name") {
  CHECK(check_derived("x = count(payment where amount > 5 and payment.amount < balance and at > start_of(opened))").codes() == "");
  CHECK(check_derived("x = sum(payment.amount * 2 within 3 days)").codes() == "");
  CHECK(check_derived("x = sum(payment.fee)").codes() == "E0401");
  CHECK(check_derived("x = sum(payment.fee default 0)").codes() == "");
  CHECK(check_derived("x = sum(p.amount for p in payment where p.amount > 3)").codes() == "");
  CHECK(check_derived("x = sum(paymnt.amount)").codes() == "E0204");
  CHECK(check_derived("x = count(balance)").codes() == "E0308");
  CHECK(check_derived("x = count(nothing_such)").codes() == "E0204");
  const Checked above =
      check(entities + "entity contact_point of debtor { key id : text, dead : bool }\nextend account { x = count(c in contact_points where c.dead) }");
  CHECK(above.codes() == "E0204");
  CHECK(above.text().find("did you mean `debtor.contact_points`?") != std::string::npos);
  CHECK(check_derived("x = sum(payment.account within 3 days)").codes() == "E0302");
  CHECK(check_derived("x = sum(payment)").codes() == "E0302");
}

TEST_CASE("lists have no history, events no order of their own") {
  CHECK(check_derived("x = count(debtor.accounts within 3 days)").codes() == "E0308");
  CHECK(check_derived("x = count(days of parties)").codes() == "E0308");
  CHECK(check_derived("x = first(payment by payment.amount)").codes() == "E0308");
  CHECK(check_derived("x = all(parties)").codes() == "E0304");
  CHECK(check_derived("x = debtor.lead.accounts").codes() == "E0208");
  CHECK(check_derived("x = debtor.accounts").codes() == "E0308");
}

TEST_CASE("orders of a list") {
  Checked holder;
  const Aggregate& ordered = query(holder, "first(a in debtor.accounts by a.secured desc, a.balance, a.id)");
  REQUIRE(ordered.order.size() == 2);  // the key is the order of the list already
  CHECK(ordered.order[0].descending);
  CHECK_FALSE(ordered.order[1].descending);
  Checked by_text = check_derived("x = first(a in debtor.accounts by a.region desc, a.debtor.name, a.id desc)");
  CHECK(by_text.codes().empty());
  CHECK(check_derived("x = first(a in debtor.accounts by a.debtor)").codes() == "E0302");
  CHECK(check_derived("x = first(a in debtor.accounts by a.score)").codes() == "E0401");
}

TEST_CASE("functions see only their arguments") {
  CHECK(check(entities + "function f() -> int = count(payment)").codes() == "E0215");
  CHECK(check(entities + "function f(a : account) -> money = a.balance").codes() == "");
}
