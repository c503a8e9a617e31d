// The lowering against the meaning of the tree: the same value, or the same fault, for random expressions of every type.
#include <catch2/catch.hpp>

#include "compiler/abi/clock.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "tests/support/random_cases.h"
#include "tests/support/random_expressions.h"
#include "tests/support/tree_evaluator.h"

namespace dunlin::test {

namespace {

tree::ExprPtr any_type(RandomExpressions& random, int64_t which, int depth) {
  switch (which) {
    case 0:
      return random.condition(depth);
    case 1:
      return random.integer(depth);
    case 2:
      return random.money(depth);
    case 3:
      return random.decimal(depth);
    case 4:
      return random.number(depth);
    case 5:
      return random.date(depth);
    case 6:
      return random.datetime(depth);
    case 7:
      return random.duration(depth);
    default:
      return random.enumeration(depth);
  }
}

}  // namespace

TEST_CASE("lowered expressions mean what the tree means") {
  const auto zones = zoned_calendars();
  int64_t values = 0, faults = 0;
  for (uint64_t round = 0; round < 60; ++round) {
    std::mt19937_64 random(4711 + round);
    auto program = make_debt_program();
    RandomExpressions expressions(*program, random());
    std::vector<checked::RootId> roots;
    for (int i = 0; i < 45; ++i) roots.push_back(tree::add_root(*program, any_type(expressions, i % 9, 1 + i % 5), 1, i % 2 == 0));
    const auto lowered = ir::lower(*program);
    const auto problems = ir::verify(*lowered);
    INFO((problems.empty() ? "" : problems[0]));
    REQUIRE(problems.empty());
    const auto interpreter = make_interpreter(*lowered);
    abi::Arena arena;
    const int64_t settings[] = {static_cast<int64_t>(random() % 60)};
    for (const auto& zone : zones) {
      const int64_t now = zone.changes[0] + static_cast<int64_t>(random() % 400'000'000'000);
      const auto debtor = random_case(*program, *zone.tables->view(), now, random);
      const auto& view = debtor.builder->view();
      for (const auto root : roots) {
        abi::EvalContext context{};
        context.case_file = &view;
        context.self = debtor.accounts[random() % debtor.accounts.size()];
        context.now = now;
        REQUIRE(abi::date_of(*zone.tables->view(), now, &context.today) == abi::Fault::none);
        context.settings = settings;
        context.calendar = zone.tables->view();
        context.arena = &arena;
        int64_t out[8] = {};
        const auto lowered_outcome = interpreter->evaluate(root, context, out);
        const auto outcome = evaluate_tree(*program, root, context);
        const bool same = lowered_outcome.fault == outcome.fault && (!lowered_outcome.ok() || std::equal(outcome.slots.begin(), outcome.slots.end(), out));
        if (!same)
          FAIL("round " << round << ", root " << root << ", fault " << abi::fault_text(lowered_outcome.fault) << " against " << abi::fault_text(outcome.fault)
                        << ", value " << out[0] << " against " << (outcome.slots.empty() ? 0 : outcome.slots[0]) << "\n"
                        << ir::print(*lowered, lowered->functions[static_cast<size_t>(lowered->of_root[static_cast<size_t>(root)])]));
        lowered_outcome.ok() ? ++values : ++faults;
      }
    }
  }
  CHECK(values > 10'000);
  CHECK(faults > 100);
}

}  // namespace dunlin::test
