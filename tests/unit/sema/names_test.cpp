// Names: from the inside out, near matches, clashes, circles.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;

TEST_CASE("a name is looked for from the inside out") {
  CHECK(type_of("balance") == "money");
  CHECK(type_of("debtor.name") == "text");
  CHECK(type_of("count(parties)") == "int");
  CHECK(type_of("count(debtor.accounts)") == "int");
  CHECK(type_of("count(a in debtor.accounts where a.balance > balance)") == "int");
  CHECK(type_of("exists(p in parties where p.role = guarantor and p.account.debtor.bankrupt)") == "bool");
  CHECK(type_of("account.balance") == "money");
}

TEST_CASE("an unknown name says where it may be found") {
  Checked near = check_derived("x = balanc > 5");
  CHECK(near.codes() == "E0201");
  CHECK(near.underlined() == "balanc");
  CHECK(near.first().help == "did you mean `balance`?");
  REQUIRE(near.first().fixes.size() == 1);
  CHECK(near.first().fixes[0].replacement == "balance");

  Checked above = check_derived("x = bankrupt");
  CHECK(above.codes() == "E0201");
  CHECK(above.first().help == "it belongs to `debtor`: write `debtor.bankrupt`");

  Checked event = check_derived("x = complaint");
  CHECK(event.codes() == "E0201");
  CHECK(event.first().help.find("last(complaint)") != std::string::npos);

  CHECK(check_derived("x = zzzzzzzz").first().help.empty());
}

TEST_CASE("enumeration literals win where their type is expected") {
  CHECK(type_of("product = card") == "bool");
  CHECK(type_of("card = product") == "bool");
  CHECK(type_of("product in { card, auto }") == "bool");
  CHECK(type_of("if secured then product else card") == "account.product");
  CHECK(check_derived("x = product = crad").codes() == "E0216");
  CHECK(check_derived("x = product = crad").first().help == "did you mean `card`?");
  CHECK(check_derived("x = card").codes() == "E0201");
  CHECK(check_derived("card = 5").codes() == "E0211");
}

TEST_CASE("members") {
  CHECK(check_derived("x = debtor.nam").codes() == "E0208");
  CHECK(check_derived("x = balance.cents").codes() == "E0208");
  CHECK(check_derived("x = last(payment).amout").first().help == "did you mean `amount`?");
  CHECK(type_of("last(payment).account.balance") == "money?");
  CHECK(type_of("last(payment).debtor.name") == "text?");
}

TEST_CASE("everything is declared once") {
  CHECK(check("entity debtor { key id : text }\nentity debtor { key id : text }").codes() == "E0202");
  CHECK(check("entity debtor { key id : text, id : int }").codes() == "E0202");
  CHECK(check("enum size { small, small }").codes() == "E0202");
  CHECK(check("enum size { small }\nrecord size { width : int }").codes() == "E0202");
  CHECK(check("function f(a : int, a : int) -> int = a").codes() == "E0202");
  CHECK(check("parameter f : int = 1\nfunction f() -> int = 1").codes() == "E0202");
  const Checked twice = check("event a of debtor\nevent a of debtor\nentity debtor { key id : text }");
  CHECK(twice.codes() == "E0202");
  REQUIRE(twice.first().notes.size() == 1);
  CHECK(twice.sources->text(twice.first().notes[0].span) == "a");
}

TEST_CASE("what the language has taken stays taken") {
  CHECK(check("function days() -> int = 1").codes() == "E0214");
  CHECK(check("enum money { small }").codes() == "E0214");
}

TEST_CASE("unknown types, and types by the name of a field") {
  CHECK(check(entities + "function f(p : product) -> int = if p = card then 1 else 2").codes() == "");
  const Checked unknown = check("entity debtor { key id : string }");
  CHECK(unknown.codes() == "E0203");
  CHECK(unknown.first().help == "that is called `text` here");
  CHECK(check("entity debtor { key id : text, kind : enum { a, b } }\nentity heir of debtor { key id : text, kind : enum { c, d } }\n"
              "function f(k : kind) -> int = 1")
            .codes() == "E0210");
}

TEST_CASE("circles of definitions are found, whichever way they go") {
  CHECK(check_derived("x = y + 1\n  y = x + 1").codes() == "E0213");
  CHECK(check("function f(n : int) -> int = g(n)\nfunction g(n : int) -> int = f(n)").codes() == "E0213");
  CHECK(check("function f(n : int) -> int = f(n - 1)").codes() == "E0213");
  CHECK(check("entity a of b { key id : text }\nentity b of a { key id : text }").codes().find("E0213") != std::string::npos);
  CHECK(check_derived("x = y + z\n  y = z + 1\n  z = age").codes() == "");
}

TEST_CASE("a mistake is reported once") {
  const Checked made = check_derived("x = nowhere + 1\n  y = x * 2 > 5 and not (x < 3)\n  z = if y then x else 4");
  CHECK(made.codes() == "E0201");
}

TEST_CASE("a name that waits for something wrong is not judged") {
  CHECK(check_derived("x = nowhere = card").codes() == "E0201");
  CHECK(check_derived("x = card = nowhere").codes() == "E0201");
  CHECK(check_derived("x = if secured then nowhere else card").codes() == "E0201");
  CHECK(check_derived("x = if secured then card else nowhere").codes() == "E0201");
  CHECK(check_derived("x = nowhere default card").codes() == "E0201");
  CHECK(check_derived("x = match secured { | true -> nowhere | false -> card }").codes() == "E0201");
  CHECK(check(entities + "function f(p : prodcut) -> int = 1\nextend account { x = f(card) }").codes() == "E0203");
}

TEST_CASE("many mistakes in one run") {
  const Checked made = check_derived("a = nope\n  b = balance + age\n  c = score > 5\n  d = product = boat");
  CHECK(made.codes() == "E0201 E0302 E0401 E0216");
}

TEST_CASE("words that mean nothing here") {
  CHECK(check("function f() -> bool = entered_at > start_of(2026-01-01)").codes() == "E0215");
  CHECK(check_derived("x = outcome").codes() == "E0215");
  CHECK(check_derived("x = visits(nowhere) > 1").codes() == "E0205");
  CHECK(check_derived("x = pay(balance)").codes() == "E0207");
  CHECK(check_derived("x = balance()").first().help == "`balance` is a value: write it without brackets");
}

TEST_CASE("names in any script") {
  const Checked made = check(
      "entity должник { key id : text, имя : text }\nentity счёт of должник { key id : text, долг : money }\n"
      "extend счёт { крупный = долг > 5_000 and должник.имя != \"\" }");
  INFO(made.text());
  CHECK(made.codes().empty());
}
