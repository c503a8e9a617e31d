// Stages, circles, enrolment, handlers.
#include <catch2/catch.hpp>

#include "tests/unit/analysis/program_builder.h"

using namespace dunlin;
using namespace dunlin::test;

namespace {

using Codes = std::vector<std::string>;

/// One strategy that enrols every overdue account.
struct OneStrategy : Builder {
  Index soft;
  OneStrategy() : soft(strategy("soft", compare(Op::greater, field(balance), lit(0)))) {}
  ExprPtr above(int64_t bound) { return compare(Op::greater, field(balance), lit(bound)); }
  ExprPtr at_most(int64_t bound) { return compare(Op::less_equal, field(balance), lit(bound)); }
};

}  // namespace

TEST_CASE("a stage that no rule leads to") {
  OneStrategy b;
  const Index reminder = b.stage(b.soft, "reminder");
  const Index calling = b.stage(b.soft, "calling", true);
  const Index forgotten = b.stage(b.soft, "forgotten");
  b.rule(reminder, Rule::Kind::after, nullptr, calling);
  b.rule(forgotten, Rule::Kind::after, nullptr, calling);
  CHECK(codes(b.findings()) == Codes{"E0601"});
}

TEST_CASE("of several unreachable stages only the one where the way is broken is named") {
  OneStrategy b;
  const Index reminder = b.stage(b.soft, "reminder");
  const Index done = b.stage(b.soft, "done", true);
  const Index court = b.stage(b.soft, "court");
  const Index claim = b.stage(b.soft, "claim");
  b.stage(b.soft, "left", true);
  b.rule(reminder, Rule::Kind::after, nullptr, 4);
  b.rule(claim, Rule::Kind::after, nullptr, court);
  b.rule(court, Rule::Kind::after, nullptr, done);
  b.program.stages[static_cast<size_t>(claim)].span = {0, 500, 501};
  const auto found = b.findings();
  REQUIRE(codes(found) == Codes{"E0601"});
  CHECK(found[0].span.begin == 500);

  SECTION("a circle of them is named once") {
    b.rule(court, Rule::Kind::after, nullptr, claim);
    CHECK(codes(b.findings()) == Codes{"E0601"});
  }
}

TEST_CASE("a rule whose condition never holds is one mistake, not two") {
  OneStrategy b;
  const Index reminder = b.stage(b.soft, "reminder");
  const Index calling = b.stage(b.soft, "calling", true);
  b.rule(reminder, Rule::Kind::when, both(b.above(10), b.at_most(3)), calling);
  CHECK(codes(b.findings()) == Codes{"E0607"});
}

TEST_CASE("a stage that no rule leads out of") {
  OneStrategy b;
  const Index reminder = b.stage(b.soft, "reminder");
  const Index trap = b.stage(b.soft, "trap");
  b.rule(reminder, Rule::Kind::after, nullptr, trap);
  b.rule(trap, Rule::Kind::every, nullptr);
  CHECK(codes(b.findings(), Severity::warning) == Codes{"E0603"});
  b.rule(trap, Rule::Kind::after, nullptr, reminder);
  CHECK(codes(b.findings(), Severity::warning).empty());
}

TEST_CASE("a strategy that nothing enters is a warning, its stages are not blamed") {
  OneStrategy b;
  b.stage(b.soft, "only");
  const Index hard = b.strategy("hard", nullptr);
  b.stage(hard, "triage");
  CHECK(codes(b.findings()).empty());
  CHECK(codes(b.findings(), Severity::warning) == Codes{"E0602"});
}

TEST_CASE("a circle without time needs an account that runs in it") {
  OneStrategy b;
  const Index calling = b.stage(b.soft, "calling");
  const Index promised = b.stage(b.soft, "promised");
  b.rule(calling, Rule::Kind::when, b.above(5), promised);
  b.rule(promised, Rule::Kind::when, b.above(3), calling);
  const auto found = b.findings();
  CHECK(codes(found) == Codes{"E0604"});
  CHECK(witness_of(found, "E0604", "balance") == "6");
}

TEST_CASE("conditions that exclude each other make no circle") {
  OneStrategy b;
  const Index calling = b.stage(b.soft, "calling");
  const Index promised = b.stage(b.soft, "promised");
  b.rule(calling, Rule::Kind::when, b.above(5), promised);
  b.rule(promised, Rule::Kind::when, b.at_most(5), calling);
  CHECK(codes(b.findings()).empty());
}

TEST_CASE("a way out that is tried first breaks the circle") {
  OneStrategy b;
  const Index calling = b.stage(b.soft, "calling");
  const Index promised = b.stage(b.soft, "promised");
  const Index cured = b.stage(b.soft, "cured", true);
  b.rule(calling, Rule::Kind::when, b.above(5), promised);
  b.rule(promised, Rule::Kind::when, b.above(2), cured);
  b.rule(promised, Rule::Kind::when, b.above(1), calling);
  CHECK(codes(b.findings()).empty());
}

TEST_CASE("`go` on entry takes no time either") {
  OneStrategy b;
  const Index calling = b.stage(b.soft, "calling");
  const Index promised = b.stage(b.soft, "promised");
  b.rule(calling, Rule::Kind::on_entry, nullptr, promised);
  b.rule(promised, Rule::Kind::on_entry, nullptr, calling);
  CHECK(codes(b.findings()) == Codes{"E0604"});
}

TEST_CASE("a circle that counts visits is left to the engine") {
  OneStrategy b;
  const Index calling = b.stage(b.soft, "calling");
  const Index promised = b.stage(b.soft, "promised");
  b.rule(calling, Rule::Kind::when, compare(Op::less, node(Op::visits, integer, promised), lit(2)), promised);
  b.rule(promised, Rule::Kind::when, b.above(5), calling);
  CHECK(codes(b.findings()).empty());
}

TEST_CASE("two strategies that want the same account") {
  Builder b;
  const Index soft = b.strategy("soft", b.in_range(&Builder::dpd, 1, 90));
  const Index hard = b.strategy("hard", compare(Op::greater_equal, b.dpd(), lit(90)));
  b.stage(soft, "calling");
  b.stage(hard, "triage");
  const auto found = b.findings();
  REQUIRE(codes(found) == Codes{"E0605"});
  CHECK(witness_of(found, "E0605", "overdue_since") == "2025-10-07");
  CHECK(witness_of(found, "E0605", "today") == "2026-01-05");

  SECTION("an order written down settles it") {
    b.program.strategies[static_cast<size_t>(hard)].before.push_back(soft);
    CHECK(codes(b.findings()).empty());
  }
  SECTION("so does a border that does not touch") {
    Builder apart;
    apart.stage(apart.strategy("soft", apart.in_range(&Builder::dpd, 1, 90)), "calling");
    apart.stage(apart.strategy("hard", compare(Op::greater, apart.dpd(), lit(90))), "triage");
    CHECK(codes(apart.findings()).empty());
  }
}

TEST_CASE("conditions over unknown functions are not accused") {
  Builder b;
  b.stage(b.strategy("soft", node(Op::native, boolean, 0, b.self())), "calling");
  b.stage(b.strategy("hard", node(Op::native, boolean, 1, b.self())), "triage");
  CHECK(codes(b.findings()).empty());
}

TEST_CASE("a handler behind one that takes its event") {
  OneStrategy b;
  const Index stage = b.stage(b.soft, "calling");
  const Index call = b.event("call");
  const Index reached = b.event("call.reached", call);
  const Index busy = b.event("call.busy", call);
  b.rule(stage, Rule::Kind::on_event, nullptr).events = {call};
  b.rule(stage, Rule::Kind::on_event, nullptr).events = {reached};
  CHECK(codes(b.findings()) == Codes{"E0606"});

  SECTION("the narrower one first is fine") {
    std::swap(b.program.stages[0].rules[0], b.program.stages[0].rules[1]);
    CHECK(codes(b.findings()).empty());
  }
  SECTION("a guard above lets some events through") {
    b.program.stages[0].rules[0].guard = b.root(b.above(5));
    CHECK(codes(b.findings()).empty());
    b.program.stages[0].rules[1].guard = b.root(b.above(7));
    CHECK(codes(b.findings()) == Codes{"E0606"});
  }
  SECTION("two handlers together can take everything") {
    auto& rules = b.program.stages[0].rules;
    rules[0].events = {busy};
    rules[1].events = {reached};
    b.rule(stage, Rule::Kind::on_event, nullptr).events = {call};
    CHECK(codes(b.findings()) == Codes{"E0606"});
  }
}

TEST_CASE("a `when` that a wider one goes before") {
  OneStrategy b;
  const Index stage = b.stage(b.soft, "calling");
  const Index cured = b.stage(b.soft, "cured", true);
  const Index other = b.stage(b.soft, "other", true);
  b.rule(stage, Rule::Kind::when, b.above(5), cured);
  b.rule(stage, Rule::Kind::when, b.above(9), other);
  CHECK(codes(b.findings()) == Codes{"E0606"});
}

TEST_CASE("rules of a final stage and `go back` from the first stage") {
  OneStrategy b;
  const Index first = b.stage(b.soft, "first");
  const Index done = b.stage(b.soft, "done", true);
  b.rule(first, Rule::Kind::after, nullptr, done);
  Rule& back = b.rule(first, Rule::Kind::after, nullptr);
  back.actions.emplace_back();
  back.actions.back().kind = Action::Kind::go_back;
  b.rule(done, Rule::Kind::every, nullptr);
  CHECK(codes(b.findings()) == Codes{"E0611", "E0610"});
}

TEST_CASE("segments that the cases above have taken") {
  Builder b;
  Segmentation segmentation;
  segmentation.name = "band";
  segmentation.cases.push_back({"low", b.root(compare(Op::less, b.field(Builder::balance), lit(10))), {0, 1, 2}});
  segmentation.cases.push_back({"lower", b.root(compare(Op::less, b.field(Builder::balance), lit(5))), {0, 3, 4}});
  segmentation.cases.push_back({"high", b.root(compare(Op::greater_equal, b.field(Builder::balance), lit(10))), {0, 5, 6}});
  segmentation.cases.push_back({"rest", none, {0, 7, 8}});
  b.program.segmentations.push_back(std::move(segmentation));
  CHECK(codes(b.findings()) == Codes{"E0609"});
  CHECK(codes(b.findings(), Severity::warning) == Codes{"E0609"});
}

TEST_CASE("what is never used is a warning, but not in a library") {
  Builder b;
  Function function;
  function.name = "old_fee";
  function.root = b.root(lit(3));
  function.span = {7, 0, 10};
  b.program.functions.push_back(std::move(function));
  CHECK(codes(b.findings(), Severity::warning) == Codes{"E0613"});
  Diagnostics diagnostics;
  AnalysisOptions options;
  options.library_files = {7};
  analyse(b.program, diagnostics, options);
  CHECK(diagnostics.all().empty());
}
