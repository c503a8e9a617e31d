// Tests that stand beside the rules, their coverage, and explanations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "runtime/simulate/explain.h"
#include "runtime/simulate/test_runner.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const policy = R"(
bundle small "Small" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, trusted : bool }
entity account of debtor {
  key id        : text
  overdue       : money
  overdue_since : date?
  dpd           = days(overdue_since, today) default 0
}
event payment of account { amount : money }
outcomes call of account {
  reached     { promises as promise (amount : money, due : date), refuses }
  not_reached { no_answer }
}
queue call { outcomes call, cost 3, fields { script : text? } }
queue sms { cost 1 }
table tone(dpd : int) -> (script : text) first {
  | dpd  || script   |
  | < 10 || "polite" |
  | < 40 || "firm"   |
  | any  || "last"   |
}
strategy soft "Soft" for account {
  enrol when dpd in 1..90 and not debtor.trusted
  when overdue <= 0 :          go cured
  stage reminder {
    on entry :                 sms "friendly"
    after 3 days :             go calling
  }
  stage calling {
    keep call "script" while overdue > 10 and dpd < 60 { fields { script: tone(dpd) } }
    on promise :               go promised
    rule "far away"
    after 300 days :           go reminder
  }
  stage promised {
    after last(promise).due + 2 business days : go back
  }
  final stage cured
}
test "a broken promise goes back to calling" {
  given account { overdue: 4_000, overdue_since: 2026-01-01 }
  at 2026-01-05 :            expect stage reminder, task sms "friendly", dpd = 4
  at 2026-01-08 :            expect stage calling, task call "script" { script: "polite" }, no task sms
  at 2026-01-12 :            expect task call "script" { script: "firm" }
  on 2026-01-13 call.reached.promises { amount: 4_000, due: 2026-01-15 } :   expect stage promised, no task call
  at 2026-01-20 :            expect stage calling
}
)";

const simulate::RuleExplained* find(const simulate::Explanation& explanation, const std::string& kind, const std::string& part) {
  const auto found = std::ranges::find_if(explanation.rules, [&](const auto& rule) { return rule.kind == kind && rule.name.find(part) != std::string::npos; });
  return found == explanation.rules.end() ? nullptr : &*found;
}

const char* const failing = R"(
test "expectations that fail say what was found" {
  given account { overdue: 4_000, overdue_since: 2026-01-01 }
  at 2026-01-05 :            expect stage calling, no task sms, dpd = 7, task call "script"
}
)";

const char* const family = R"(
bundle family "Family" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money }
entity party of account { key id : text, consent : bool }
queue call { cost 1 }
outcomes letter of party { posted }
queue letter { outcomes letter, cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "guarantor" to p for p in parties where p.consent
    after 7 days : go writing
  }
  stage writing {
    keep letter "guarantor" to first(p in parties) { again 7 days }
  }
}
test "an outcome of the recipient's is the outcome of the task" {
  given account { overdue: 100 }
  given party anna { consent: true }
  at 2026-01-05
  at 2026-01-12 :                                expect stage writing, task letter "guarantor" to anna
  on 2026-01-12 12:00 letter.posted of anna { } : expect no task
  at 2026-01-19 :                                expect task letter "guarantor" to anna
}
test "whoever agreed is called" {
  given account { overdue: 100 }
  given party anna { consent: true }
  given party bert { consent: false }
  at 2026-01-05 :                    expect task call "guarantor" to anna
  at 2026-01-06 :                    expect task call to bert, no task
  at 2026-01-07 : set anna.consent = false, expect bert.consent
                                     expect no task
}
)";

const char* const rows = R"(
bundle rows "Rows" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
parameter clerk_up_to : money = 100
entity account { key id : text, overdue : money, months : int }
/// Cells that are not constant, rows that all count, and a row for the rest.
table signs(amount : money) -> (who : text) first {
  | amount         || who     |
  | <= clerk_up_to || "clerk" |
  | <= 1_000       || "head"  |
  | any            || "board" |
}
table mail_to(amount : money) -> (who : text) unique {
  | amount         || who     |
  | <= clerk_up_to || "clerk" |
  | otherwise      || "head"  |
}
table fees(months : int) -> (fee : money) sum {
  | months || fee |
  | any    || 1   |
  | > 3    || 2   |
  | > 9    || 4   |
}
test "some of them" {
  given account small { overdue: 50, months: 5 }
  given account large { overdue: 5_000 }
  at 2026-01-05 : expect signs(small.overdue) = "clerk", signs(large.overdue) = "board", mail_to(large.overdue) = "head", fees(small.months) = 3
}
)";

}  // namespace

TEST_CASE("tests beside the rules run, and say what they covered") {
  const Compiled compiled(policy);
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = &compiled.evaluator()});
  REQUIRE(report.results.size() == 1);
  for (const auto& failure : report.results[0].failures) FAIL_CHECK("expected " << failure.expected << ", found " << failure.found);
  CHECK(report.results[0].expectations == 10);
  const auto& coverage = report.coverage;
  const auto far_away = std::ranges::find(coverage.rules, "far away", &simulate::RuleCoverage::name);
  REQUIRE(far_away != coverage.rules.end());
  CHECK(far_away->fired == 0);
  CHECK(std::ranges::count_if(coverage.rules, [](const auto& rule) { return rule.fired > 0; }) >= 5);
  const auto cured = std::ranges::find(coverage.stages, "soft.cured", &simulate::StageCoverage::name);
  CHECK(cured->entered == 0);
  REQUIRE(coverage.rows.size() == 3);
  CHECK(coverage.rows[0].hits > 0);
  CHECK(coverage.rows[1].hits > 0);
  CHECK(coverage.rows[2].hits == 0);
  const auto promises = std::ranges::find(coverage.outcomes, "call.reached.promises", &simulate::OutcomeCoverage::name);
  REQUIRE(promises != coverage.outcomes.end());
  CHECK(promises->happened == 1);
  CHECK(promises->handled == 1);
}

TEST_CASE("an expectation that is not met says what was found instead") {
  const Compiled compiled(std::string(policy) + failing);
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = nullptr, .title_contains = "that fail"});
  REQUIRE(report.results.size() == 1);
  CHECK(report.failed() == 1);
  const auto& failures = report.results[0].failures;
  REQUIRE(failures.size() == 4);
  CHECK(failures[0].expected == "stage soft.calling");
  CHECK(failures[0].found == "stage soft.reminder");
  CHECK(failures[1].found == "task sms \"friendly\"");
  CHECK(failures[2].found == "dpd = 4");
  CHECK(failures[3].expected == "task call \"script\"");
}

TEST_CASE("rows are covered whatever their cells are made of") {
  const Compiled compiled(rows);
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = &compiled.evaluator()});
  REQUIRE(report.results.size() == 1);
  for (const auto& failure : report.results[0].failures) FAIL_CHECK("expected " << failure.expected << ", found " << failure.found);
  std::string hits;
  for (const auto& row : report.coverage.rows) hits += row.hits > 0 ? 'x' : '-';
  CHECK(hits ==
        "x-x"
        "-x"
        "xx-");
}

TEST_CASE("tests may ask for the recipient of a task, and that there is no task at all") {
  const Compiled compiled(family);
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {});
  REQUIRE(report.results.size() == 2);
  for (const auto& failure : report.results[0].failures) FAIL_CHECK("expected " << failure.expected << ", found " << failure.found);
  CHECK(report.results[1].expectations == 5);
  const auto& failures = report.results[1].failures;
  REQUIRE(failures.size() == 3);
  CHECK(failures[2].expected == "bert.consent");
  CHECK(failures[0].expected == "task call to bert");
  CHECK(failures[0].found == "task call \"guarantor\" to anna");
  CHECK(failures[1].expected == "no task");
  CHECK(failures[1].found == "task call \"guarantor\" to anna");
}

TEST_CASE("an explanation tells why, and why not") {
  const Compiled compiled(policy);
  Portfolio portfolio(compiled);
  const int64_t start = date_of(2026, 1, 1);
  const Instant born = compiled.day_start(start);
  portfolio.put("debtor", "d", "d", "", {{"trusted", 0}}, born);
  portfolio.put("debtor", "t", "t", "", {{"trusted", 1}}, born);
  portfolio.put("account", "a", "d", "d", {{"overdue", 400'000}, {"overdue_since", start - 1}}, born);
  portfolio.put("account", "b", "t", "t", {{"overdue", 400'000}, {"overdue_since", start - 1}}, born);
  for (int64_t day = 0; day <= 20; ++day) portfolio.night(start + day, {});
  const auto ask = [&](const std::string& key, int64_t day) {
    auto explanation = simulate::explain(portfolio.store(), compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings(), "account", key,
                                         compiled.day_start(start + day) + 1);
    REQUIRE(explanation.has_value());
    return std::move(*explanation);
  };
  const auto early = ask("a", 1);
  CHECK(early.stage == "reminder");
  CHECK(early.way.size() == 1);
  CHECK(early.would_do.empty());
  const auto* after = find(early, "after", "");
  REQUIRE(after != nullptr);
  CHECK(after->verdict == simulate::Verdict::waiting);
  CHECK(after->due == compiled.day_start(start + 3));
  const auto* cured = find(early, "when", "");
  REQUIRE(cured != nullptr);
  CHECK(cured->verdict == simulate::Verdict::not_held);
  CHECK(std::ranges::any_of(cured->read, [](const auto& read) { return read.name.find("overdue") != std::string::npos; }));

  const auto later = ask("a", 10);
  CHECK(later.stage == "calling");
  CHECK(later.way.size() == 2);
  CHECK(later.tasks == std::vector<std::string>{"call \"script\""});
  const auto* keep = find(later, "keep", "");
  REQUIRE(keep != nullptr);
  CHECK(keep->verdict == simulate::Verdict::held);
  CHECK(keep->parts.size() >= 2);
  CHECK_FALSE(later.decisions.empty());

  const auto never = ask("b", 10);
  CHECK(never.stage.empty());
  const auto* enrol = find(never, "enrol", "soft");
  REQUIRE(enrol != nullptr);
  CHECK(enrol->verdict == simulate::Verdict::not_held);
  CHECK(std::ranges::any_of(enrol->parts, [](const auto& part) { return part.deciding && !part.holds; }));

  const auto nobody =
      simulate::explain(portfolio.store(), compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings(), "account", "x", born);
  CHECK_FALSE(nobody.has_value());
}

TEST_CASE("the shipped bundles pass their own tests") {
  for (const char* folder : {"strategies/card_collections", "strategies/reference_night", "strategies/policies/06_special_care"}) {
    INFO(folder);
    const Compiled compiled = Compiled::folder(folder);
    const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = &compiled.evaluator()});
    CHECK_FALSE(report.results.empty());
    for (const auto& result : report.results) {
      for (const auto& failure : result.failures)
        FAIL_CHECK(result.title << ", " << compiled.source_map().locate(failure.where) << ": expected " << failure.expected << ", found " << failure.found);
    }
  }
}

TEST_CASE("the tests in the language reference pass") {
  std::ifstream page(std::string(DUNLIN_SOURCE_DIR) + "/docs/language.md");
  REQUIRE(page.good());
  int ran = 0;
  bool inside = false;
  std::string block;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("```")) {
      if (inside) block += line + "\n";
      continue;
    }
    inside = line == "```dunlin";
    if (block.find("\ntest \"") != std::string::npos) {
      INFO(block);
      const Compiled compiled(block);
      const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {.tracer = &compiled.evaluator()});
      CHECK_FALSE(report.results.empty());
      for (const auto& result : report.results) {
        for (const auto& failure : result.failures)
          FAIL_CHECK(result.title << ", " << compiled.source_map().locate(failure.where) << ": expected " << failure.expected << ", found " << failure.found);
      }
      ++ran;
    }
    block.clear();
  }
  CHECK(ran >= 4);
}

TEST_CASE("an expectation reads variables and stages of the strategy, and says where there are none") {
  const Compiled compiled(R"(
bundle small "Small" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : int }
queue letter { }
strategy soft "Soft" for account {
  enrol when overdue > 0
  var sent : int = 0
  stage writing {
    every 7 days : letter "please", set sent = sent + 1
  }
}
test "letters are counted" {
  given account { overdue: 5 }
  at 2026-01-05 : expect stage writing, sent = 0, visits(writing) = 1
  at 2026-01-12 : expect sent = 1, in_stage(writing), date_of(entered_at) = 2026-01-05
}
test "nobody is enrolled" {
  given account { overdue: 0 }
  at 2026-01-05 : expect sent = 0
}
)");
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {});
  REQUIRE(report.results.size() == 2);
  for (const auto& failure : report.results[0].failures) FAIL_CHECK("expected " << failure.expected << ", found " << failure.found);
  REQUIRE(report.results[1].failures.size() == 1);
  CHECK(report.results[1].failures[0].found == "no stage, where these variables are not");
}

}  // namespace dunlin::sim_test
