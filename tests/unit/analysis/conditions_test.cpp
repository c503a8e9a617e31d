// Conditions taken apart: what can never hold, what follows from what, and which accounts show it.
#include "lang/sema/analysis/conditions.h"

#include <catch2/catch.hpp>

#include "lang/sema/analysis/witness.h"
#include "tests/unit/analysis/program_builder.h"

using namespace dunlin;
using namespace dunlin::test;
using analysis::Conditions;

TEST_CASE("bounds that exclude each other never hold") {
  Builder b;
  Conditions conditions(b.program);
  const RootId apart = b.root(both(compare(Op::greater, b.field(Builder::balance), lit(5)), compare(Op::less, b.field(Builder::balance), lit(3))));
  const RootId touching =
      b.root(both(compare(Op::greater_equal, b.field(Builder::balance), lit(5)), compare(Op::less_equal, b.field(Builder::balance), lit(5))));
  CHECK(conditions.never_holds(apart));
  CHECK_FALSE(conditions.never_holds(touching));
  CHECK_FALSE(conditions.always_holds(touching));
}

TEST_CASE("the range of a field counts") {
  Builder b;
  Conditions conditions(b.program);
  CHECK(conditions.never_holds(b.root(both(b.known(Builder::score), compare(Op::greater, b.unwrapped(Builder::score), lit(850))))));
  CHECK_FALSE(conditions.never_holds(b.root(both(b.known(Builder::score), compare(Op::greater, b.unwrapped(Builder::score), lit(849))))));
}

TEST_CASE("known and missing are part of the case") {
  Builder b;
  Conditions conditions(b.program);
  CHECK(conditions.never_holds(b.root(both(negated(b.known(Builder::score)), compare(Op::less, b.unwrapped(Builder::score), lit(500))))));
  // score default 900 < 500 needs the score.
  const RootId low = b.root(compare(Op::less, node(Op::default_value, integer, none, b.field(Builder::score), lit(900)), lit(500)));
  CHECK(conditions.implies(low, b.root(b.known(Builder::score))));
  CHECK_FALSE(conditions.implies(b.root(b.known(Builder::score)), low));
}

TEST_CASE("derived fields are read in place") {
  Builder b;
  Conditions conditions(b.program);
  const RootId soft = b.root(b.in_range(&Builder::dpd, 1, 90));
  const RootId hard = b.root(compare(Op::greater, b.dpd(), lit(90)));
  const RootId not_overdue = b.root(negated(b.known(Builder::overdue_since)));
  CHECK(conditions.exclude_each_other({soft, hard}));
  CHECK(conditions.exclude_each_other({soft, not_overdue}));
  CHECK_FALSE(conditions.exclude_each_other({soft, b.root(compare(Op::greater_equal, b.dpd(), lit(90)))}));
}

TEST_CASE("two values compared with each other are one term") {
  Builder b;
  Conditions conditions(b.program);
  const auto order = [&](Op op, bool turned) {
    return turned ? compare(op, b.dpd(), b.field(Builder::balance)) : compare(op, b.field(Builder::balance), b.dpd());
  };
  CHECK(conditions.never_holds(b.root(both(order(Op::less, false), order(Op::less, true)))));
  CHECK(conditions.never_holds(b.root(both(order(Op::less, false), order(Op::equal, true)))));
  CHECK_FALSE(conditions.never_holds(b.root(both(order(Op::less, false), order(Op::greater, true)))));
  CHECK(conditions.always_holds(b.root(either(order(Op::less, false), order(Op::less_equal, true)))));
}

TEST_CASE("an unread condition and its opposite exclude each other, two different ones do not") {
  Builder b;
  Conditions conditions(b.program);
  const auto opaque = [&](Index n) { return node(Op::native, boolean, n, b.self()); };
  CHECK(conditions.never_holds(b.root(both(opaque(0), negated(opaque(0))))));
  CHECK_FALSE(conditions.never_holds(b.root(both(opaque(0), negated(opaque(1))))));
}

TEST_CASE("a witness is an account on which everything holds") {
  Builder b;
  const RootId overdue = b.root(b.in_range(&Builder::dpd, 30, 35));
  const RootId secured = b.root(both(b.field(Builder::secured), compare(Op::equal, b.field(Builder::balance), lit(777))));
  const auto witness = analysis::find_witness(b.program, {1, {overdue, secured}, {}});
  REQUIRE(witness);
  CHECK(analysis::evaluate_root(b.program, overdue, witness->facts)->slot == 1);
  CHECK(analysis::evaluate_root(b.program, secured, witness->facts)->slot == 1);
  CHECK_FALSE(analysis::find_witness(b.program, {1, {overdue, b.root(negated(b.known(Builder::overdue_since)))}, {}}));
}

TEST_CASE("what the evaluator cannot tell is no witness") {
  Builder b;
  CHECK_FALSE(analysis::find_witness(b.program, {1, {b.root(node(Op::native, boolean, 0, b.self()))}, {}}));
}

TEST_CASE("what is written out in place may double at every `let`: the search gives up in time") {
  Builder b;
  Conditions conditions(b.program);
  // let x0 = balance, x1 = x0 + x0, x2 = x1 + x1 …
  constexpr Index lets = 60;
  auto body = compare(Op::greater, node(Op::local, integer, lets - 1), node(Op::native, integer, 0, b.self()));
  for (Index i = lets; i-- > 0;) {
    auto value = i == 0 ? b.field(Builder::balance) : node(Op::add, integer, none, node(Op::local, integer, i - 1), node(Op::local, integer, i - 1));
    body = node(Op::let, boolean, i, std::move(value), std::move(body));
  }
  const RootId root = b.root(std::move(body));
  CHECK_FALSE(conditions.never_holds(root));
  CHECK_FALSE(analysis::find_witness(b.program, {1, {root}, {}}));
}
