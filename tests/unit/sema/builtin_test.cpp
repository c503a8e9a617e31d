// The functions of the language: each example is well typed, and of the type of its result.
#include <catch2/catch.hpp>

#include "checking.h"
#include "lang/sema/signatures.h"

using namespace dunlin;
using namespace dunlin::sema_test;

TEST_CASE("the example of every function is well typed") {
  for (const sema::Signature& signature : sema::builtin_signatures()) {
    INFO(signature.name << ": " << signature.example << " gives " << signature.example_result);
    const Checked made = check(entities + "extend account { x = " + signature.example + " }");
    INFO(made.text());
    CHECK(made.codes() == "");
    const Checked same = check(entities + "extend account { x = (" + signature.example + ") = (" + signature.example_result + ") }");
    INFO(same.text());
    CHECK(same.codes() == "");
  }
}

TEST_CASE("T stands for one type") {
  CHECK(type_of("min(balance, 5)") == "money");
  CHECK(type_of("max(5, balance)") == "money");
  CHECK(type_of("min(3, 2.5)") == "decimal");
  CHECK(type_of("max(age, weight)") == "number");
  CHECK(type_of("clamp(opened, today, today + 3 days)") == "date");
  CHECK(type_of("abs(balance - 5)") == "money");
  CHECK(check_derived("x = min(balance, age)").codes() == "E0301");
  CHECK(check_derived("x = min(region, \"a\")").codes() == "E0302");
  CHECK(check_derived("x = abs(today)").codes() == "E0302");
  CHECK(check_derived("x = abs(1, 2)").codes() == "E0304");
  CHECK(check_derived("x = abs(n: 1)").codes() == "E0323");
}
