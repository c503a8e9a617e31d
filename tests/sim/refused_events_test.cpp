// Events that their declaration does not allow: not in the history, no effect, in quarantine with the reason.
#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/engine/event_judge.h"
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
  broken        : int
  may_promise   = broken < 2
}
event payment of account { amount : money in 1..1_000 }
outcomes call of account {
  reached     { promises as promise (amount : money, due : date in today..today + 14 days, least : money? in overdue / 2..overdue) when may_promise, refuses }
  later when debtor.trusted { tomorrow, next_week }
}
queue call { outcomes call }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script"
    on promise : go promised
  }
  stage promised
}
)";

constexpr int64_t us_per_day = 86'400'000'000;
const int64_t monday = date_of(2026, 1, 5);

struct World {
  Compiled compiled{policy};
  Portfolio portfolio{compiled};
  World(int64_t broken = 0) {
    portfolio.put("debtor", "D", "D", "", {{"trusted", 0}}, at(-3));
    portfolio.put("account", "A", "D", "D", {{"overdue", 400'00}, {"broken", broken}}, at(-3));
    night(0);
  }
  Instant at(int64_t day, int64_t hour = 6) const { return (monday + day) * us_per_day + hour * 3'600 * abi::us_per_second; }
  void post(const std::string& event, const std::vector<Given>& fields, Instant when) { portfolio.post(event, "account", "A", "D", fields, when); }
  simulate::NightReport night(int64_t day) { return portfolio.night(monday + day, {}); }
  std::vector<store::SetAside> refused() { return *portfolio.store().quarantine_of("account", "A", 10); }
  size_t history() { return static_cast<size_t>(portfolio.case_of("A")->view().events.count); }
};

}  // namespace

TEST_CASE("a computed range is judged on the day of the event, not on the day of the step") {
  World world;
  world.post("promise", {{"amount", 1}, {"due", monday + 14}}, world.at(0, 18));
  const auto report = world.night(3);  // three days late: on that day the range would end later, and begin later
  CHECK(report.counts.events_refused == 0);
  CHECK(world.portfolio.stage_of("A") == "soft.promised");
}

TEST_CASE("an event outside of its computed range is refused and leaves no trace but the reason") {
  World world;
  world.post("promise", {{"amount", 1}, {"due", monday + 15}}, world.at(0, 18));
  const auto before = world.portfolio.open_tasks("A");
  const auto report = world.night(1);
  CHECK(report.counts.events_refused == 1);
  CHECK(report.counts.events == 0);
  CHECK(report.counts.faults == 0);
  CHECK(world.portfolio.stage_of("A") == "soft.calling");
  CHECK(world.portfolio.open_tasks("A") == before);
  CHECK(world.history() == 0);
  const auto refused = world.refused();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].kind == "event");
  CHECK(refused[0].reason == "`due in today..today + 14 days` does not hold on 2026-01-05, with due = 2026-01-20");
  CHECK(refused[0].body.find("2026-01-20") != std::string::npos);
  // The next night has nothing to do with it any more.
  CHECK(world.night(2).counts.events_refused == 0);
}

TEST_CASE("a range that reads the case file, of a field that may be missing") {
  World world;
  world.post("promise", {{"amount", 1}, {"due", monday}, {"least", 200'00}}, world.at(0, 18));
  CHECK(world.night(1).counts.events_refused == 0);
  World other;
  other.post("promise", {{"amount", 1}, {"due", monday}, {"least", 199'99}}, other.at(0, 18));
  CHECK(other.night(1).counts.events_refused == 1);
  REQUIRE(other.refused().size() == 1);
  CHECK(other.refused()[0].reason.find("least = 199.99") != std::string::npos);
  CHECK(other.refused()[0].reason.find("overdue = 400.00") != std::string::npos);
  World missing;
  missing.post("promise", {{"amount", 1}, {"due", monday}, {"least", 0, true}}, missing.at(0, 18));
  CHECK(missing.night(1).counts.events_refused == 0);
}

TEST_CASE("an outcome is refused where its `when` does not hold, and says what it read") {
  World world(2);
  world.post("promise", {{"amount", 1}, {"due", monday}}, world.at(0, 18));
  CHECK(world.night(1).counts.events_refused == 1);
  REQUIRE(world.refused().size() == 1);
  CHECK(world.refused()[0].reason.find("when may_promise` does not hold") != std::string::npos);
  CHECK(world.refused()[0].reason.find("may_promise = false") != std::string::npos);
  // The condition of a group holds for all below it.
  world.post("call.later.tomorrow", {}, world.at(1, 18));
  CHECK(world.night(2).counts.events_refused == 1);
}

TEST_CASE("a constant range holds for events that came past the import too") {
  World world;
  world.post("payment", {{"amount", 1'000'01}}, world.at(0, 18));
  CHECK(world.night(1).counts.events_refused == 1);
  REQUIRE(world.refused().size() == 1);
  CHECK(world.refused()[0].reason == "`amount` is 1000.01, outside of 1.00..1000.00");
}

TEST_CASE("the same id with better values is taken after it was refused") {
  World world;
  abi::Arena arena;
  const auto send = [&](int64_t amount) {
    store::EventRow row{.root_key = "D", .entity = 1, .owner_key = "A", .at = world.at(0, 18), .source = "bank", .external_id = "p-1"};
    row.type = checked::find_event(world.compiled.program(), "payment");
    row.slots = {amount};
    const auto counts = world.portfolio.store().post_events(world.compiled.program(), {row});
    REQUIRE(counts.has_value());
    return counts->inserted;
  };
  CHECK(send(2'000'00) == 1);
  CHECK(world.night(1).counts.events_refused == 1);
  CHECK(send(500'00) == 1);
  CHECK(world.night(2).counts.events_refused == 0);
  CHECK(world.history() == 1);
  CHECK(send(500'00) == 0);
}

TEST_CASE("a question before the event says what the step will say") {
  World world(2);
  const auto file = world.portfolio.case_of("A");
  const checked::Program& program = world.compiled.program();
  const auto ask = [&](const std::string& name, std::vector<int64_t> slots) {
    const int32_t type = checked::find_event(program, name);
    slots.resize(static_cast<size_t>(program.events[static_cast<size_t>(type)].slot_count));
    return engine::event_refusal(program, world.compiled.evaluator(), world.compiled.calendar(), world.compiled.settings(), *file,
                                 {.at = world.at(0, 18), .type = type, .instance = 1, .slots = std::move(slots)});
  };
  CHECK(!ask("payment", {5'00}).has_value());
  REQUIRE(ask("payment", {5'000'00}).has_value());
  const checked::EventType& promise = program.events[static_cast<size_t>(checked::find_event(program, "promise"))];
  std::vector<int64_t> slots(static_cast<size_t>(promise.slot_count));
  slots[static_cast<size_t>(promise.fields[static_cast<size_t>(checked::find_field(promise.fields, "due"))].slot)] = monday;
  REQUIRE(ask("promise", slots).has_value());
  CHECK(ask("promise", slots)->reason.find("may_promise") != std::string::npos);
}

TEST_CASE("a rule that raises what its declaration forbids is a fault of the case") {
  const std::string text = std::string(policy) + R"(
event alarm of account { level : int in 1..3 }
always { on payment : raise alarm { level: broken } }
)";
  Compiled compiled(text);
  Portfolio portfolio(compiled);
  portfolio.put("debtor", "D", "D", "", {}, monday * us_per_day);
  portfolio.put("account", "A", "D", "D", {{"overdue", 400'00}, {"broken", 7}}, monday * us_per_day);
  portfolio.post("payment", "account", "A", "D", {{"amount", 5'00}}, monday * us_per_day);
  const auto report = portfolio.night(monday, {});
  CHECK(report.counts.faults == 1);
  REQUIRE(report.faults.size() == 1);
  CHECK(report.faults[0].message == "a rule raises `alarm`, which is refused: `level` is 7, outside of 1..3");
}

TEST_CASE("a test beside the rules fails where its event is refused") {
  const Compiled compiled(std::string(policy) + R"(
test "too late" {
  given account { overdue: 100 }
  at 2026-01-05 : expect stage calling
  on 2026-01-06 call.reached.promises { amount: 5, due: 2026-02-01 } : expect stage calling
}
)");
  const auto report = simulate::run_tests(compiled.program(), compiled.evaluator(), compiled.calendar(), {});
  REQUIRE(report.results.size() == 1);
  REQUIRE(report.results[0].failures.size() == 1);
  CHECK(report.results[0].failures[0].expected == "that `call.reached.promises` is accepted");
  CHECK(report.results[0].failures[0].found.find("due = 2026-02-01") != std::string::npos);
}

TEST_CASE("explain shows what was refused") {
  World world;
  world.post("promise", {{"amount", 1}, {"due", monday + 15}}, world.at(0, 18));
  world.night(1);
  const auto explanation = simulate::explain(world.portfolio.store(), world.compiled.program(), world.compiled.evaluator(), world.compiled.calendar(),
                                             world.compiled.settings(), "account", "A", world.at(2));
  REQUIRE(explanation.has_value());
  REQUIRE(explanation->set_aside.size() == 1);
  CHECK(explanation->set_aside[0].reason.find("due = 2026-01-20") != std::string::npos);
}

}  // namespace dunlin::sim_test
