// The law of sleeping over random histories: a run in which cases sleep and a run that steps every case every night give the same states,
// tasks and transitions, day by day; and nothing happens before a case's wake.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "runtime/engine/state_codec.h"
#include "tests/sim/history.h"

namespace dunlin::sim_test {

namespace {

/// Nothing happens to a case between a step and its wake.
void hold_law(const Compiled& compiled, Portfolio& portfolio, const std::string& account, Instant now, Dice& dice) {
  const auto file = portfolio.case_of(account);
  Instant wake = abi::never;
  for (size_t i = 0; i < file->instance_count(); ++i) wake = std::min(wake, file->state(static_cast<int32_t>(i)).wake_at);
  for (const auto& event : file->inbox()) wake = std::min(wake, event.at);
  if (wake <= now) return;
  const Instant last = std::min(wake - 1, now + 60 * 86'400 * abi::us_per_second);
  const Instant t = dice.one_in(3) ? last : now + static_cast<Instant>(dice.next() % static_cast<uint64_t>(last - now + 1));
  engine::Stepper stepper(compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings());
  engine::StepResult result;
  const int64_t before = file->state(file->find(engine::stable_id("account", account))).step_number;
  stepper.step(*file, t, result, {.version = 1, .collect_reads = false, .listener = nullptr});
  INFO("account " << account << " at " << t << ", step at " << now << ", wake " << wake);
  REQUIRE_FALSE(result.fault.has_value());
  std::string did;
  for (const auto& firing : result.firings) did += firing.rule_name + "\n";
  for (const auto& effect : result.tasks) did += "task " + effect.task.treatment + ": " + effect.reason + "\n";
  for (const auto& effect : result.events) did += "event " + compiled.program().events[effect.event.type].name + "\n";
  INFO(did);
  REQUIRE_FALSE(result.had_effect());
  REQUIRE(file->state(file->find(engine::stable_id("account", account))).step_number == before);
}

struct Lived {
  int64_t full_cases = 0, sleeping_cases = 0, tasks = 0, transitions = 0;
  std::string end;
};

Lived live(const Compiled& compiled, uint64_t seed, int nights, bool every_wake, int steppers = 1, bool orders = false) {
  History history{Dice(seed), {}, {}, date_of(2026, 2, 20) + static_cast<int64_t>(seed % 300)};
  history.orders = orders;
  Several two(compiled, 2);
  found(compiled, two, history, 3);
  Lived lived;
  for (int n = 0; n < nights; ++n, ++history.date) {
    simulate::NightOptions options{.full = false, .steppers = steppers, .batch_limit = 2, .every_wake = every_wake};
    const auto slept = two[0].night(history.date, options);
    options.full = true;
    const auto stepped = two[1].night(history.date, options);
    INFO("seed " << seed << ", night " << n << ", date " << history.date);
    REQUIRE(two[0].dump(history.accounts) == two[1].dump(history.accounts));
    REQUIRE(slept.counts.tasks_created == stepped.counts.tasks_created);
    lived.sleeping_cases += slept.counts.cases;
    lived.full_cases += stepped.counts.cases;
    lived.tasks += slept.counts.tasks_created;
    lived.transitions += slept.counts.transitions;
    if (!every_wake) {
      for (const std::string& account : history.accounts) hold_law(compiled, two[0], account, compiled.day_start(history.date), history.dice);
    }
    for (const std::string& account : history.accounts) {
      while (history.dice.one_in(6)) happen(compiled, two, history, account);
    }
  }
  lived.end = two[0].dump(history.accounts);
  return lived;
}

/// DUNLIN_SIM_SEEDS makes the search longer.
int seeds(int usual) {
  const char* wanted = std::getenv("DUNLIN_SIM_SEEDS");
  return wanted == nullptr ? usual : std::atoi(wanted);
}

}  // namespace

TEST_CASE("sleeping and stepping everybody give the same, day by day") {
  const Compiled compiled(clock_policy);
  Lived all;
  for (int seed = 1; seed <= seeds(12); ++seed) {
    const Lived lived = live(compiled, static_cast<uint64_t>(seed), 60, false);
    all.sleeping_cases += lived.sleeping_cases;
    all.full_cases += lived.full_cases;
    all.tasks += lived.tasks;
    all.transitions += lived.transitions;
  }
  // The histories are worth something: much happens, and most nights are slept through.
  CHECK(all.tasks > 100);
  CHECK(all.transitions > 100);
  CHECK(all.sleeping_cases * 10 < all.full_cases * 8);
}

TEST_CASE("so it is when cases are stepped at every wake") {
  const Compiled compiled(clock_policy);
  for (int seed = 101; seed <= 100 + seeds(4); ++seed) live(compiled, static_cast<uint64_t>(seed), 40, true);
}

TEST_CASE("so it is where supervisors move accounts to stages") {
  // Conditions that lead away soon, and go on being true while an order stands.
  std::string policy = clock_policy;
  const std::string late = "when dpd > 60 :", soon = "when dpd > 20 or exists(promise) and dpd > 5 :";
  policy.replace(policy.find(late), late.size(), soon);
  const Compiled compiled(policy.c_str());
  Lived all;
  for (int seed = 201; seed <= 200 + seeds(6); ++seed) {
    const Lived lived = live(compiled, static_cast<uint64_t>(seed), 60, seed % 3 == 0, 1, true);
    all.tasks += lived.tasks;
    all.transitions += lived.transitions;
  }
  CHECK(all.tasks > 50);
  CHECK(all.transitions > 100);
}

TEST_CASE("the same seed gives the same run, whatever the number of steppers") {
  const Compiled compiled(clock_policy);
  const std::string once = live(compiled, 7, 30, false).end;
  CHECK(once == live(compiled, 7, 30, false).end);
  CHECK(once == live(compiled, 7, 30, false, 3).end);
}

}  // namespace dunlin::sim_test
