// Conditions taken apart: what can never hold, what follows from what, and which accounts show it.
#include "lang/sema/analysis/conditions.h"

#include <catch2/catch.hpp>
#include <random>

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

namespace {

/// Random conditions over three small fields.
class RandomCondition {
 public:
  RandomCondition(Builder& builder, std::mt19937& random) : builder_(builder), random_(random) {}

  ExprPtr make(int depth) {
    switch (depth == 0 ? random_() % 3 : random_() % 7) {
      case 0:
        return compare(random_order(), builder_.field(Builder::balance), lit(static_cast<int64_t>(random_() % 8) - 1));
      case 1:
        return compare(random_order(), node(Op::default_value, integer, none, builder_.field(Builder::score), lit(299 + static_cast<int64_t>(random_() % 8))),
                       lit(299 + static_cast<int64_t>(random_() % 8)));
      case 2:
        return random_() % 2 ? builder_.field(Builder::secured) : builder_.known(Builder::score);
      case 3:
        return both(make(depth - 1), make(depth - 1));
      case 4:
        return either(make(depth - 1), make(depth - 1));
      case 5:
        return negated(make(depth - 1));
      default:
        return node(Op::condition, boolean, none, make(depth - 1), make(depth - 1), make(depth - 1));
    }
  }

 private:
  Op random_order() { return static_cast<Op>(static_cast<int>(Op::equal) + static_cast<int>(random_() % 6)); }
  Builder& builder_;
  std::mt19937& random_;
};

template <class Visit>
void every_account(Visit visit) {
  for (int64_t balance = 0; balance <= 5; ++balance) {
    for (int64_t score = 299; score <= 305; ++score) {
      for (int64_t secured = 0; secured <= 1; ++secured) {
        analysis::Facts facts;
        facts.self_entity = 1;
        facts.today = 0;
        facts.fields[{1, Builder::balance}] = analysis::of_slot(balance);
        facts.fields[{1, Builder::score}] = score == 299 ? analysis::of_missing() : analysis::of_slot(score);
        facts.fields[{1, Builder::secured}] = analysis::of_slot(secured);
        visit(facts);
      }
    }
  }
}

}  // namespace

TEST_CASE("random conditions: never, always, implied are exactly what enumeration says") {
  std::mt19937 random(42);
  int never = 0, always = 0, implied = 0, witnesses = 0, possible = 0;
  for (int round = 0; round < 2500; ++round) {
    Builder b;
    auto& fields = b.program.entities[1].fields;
    fields[Builder::balance].minimum = 0;
    fields[Builder::balance].maximum = 5;
    fields[Builder::score].minimum = 300;
    fields[Builder::score].maximum = 305;
    RandomCondition generator(b, random);
    const RootId one = b.root(generator.make(3)), two = b.root(generator.make(2));
    bool holds = false, fails = false, follows = true;
    every_account([&](const analysis::Facts& facts) {
      const auto first = analysis::evaluate_root(b.program, one, facts), second = analysis::evaluate_root(b.program, two, facts);
      REQUIRE(first);
      REQUIRE(second);
      holds = holds || first->slot != 0;
      fails = fails || first->slot == 0;
      follows = follows && (first->slot == 0 || second->slot != 0);
    });
    Conditions conditions(b.program);
    REQUIRE(conditions.never_holds(one) == !holds);
    REQUIRE(conditions.always_holds(one) == !fails);
    REQUIRE(conditions.implies(one, two) == follows);
    never += !holds;
    always += !fails;
    implied += follows && holds && fails;
    const bool found = analysis::find_witness(b.program, {1, {one}, {}}).has_value();
    REQUIRE((!found || holds));
    possible += holds;
    witnesses += found;
  }
  CHECK(never > 50);
  CHECK(always > 50);
  CHECK(implied > 50);
  CHECK(witnesses == possible);
}
