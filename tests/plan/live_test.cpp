// What a plan says is what happens: on random portfolios and random edits, the stages and tasks that a plan counts are exactly those that differ
// between a portfolio that kept its version and one on which the new version was made active and stepped once at the same instant.
#include "runtime/plan/live.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "runtime/engine/identity.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

const char* const policy = R"(
bundle sim "Simulated" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity account {
  key id        : text
  overdue       : money
  overdue_since : date?
  score         : int?
  dpd           = days(overdue_since, today) default 0
}
event payment of account { amount : money }
queue call { cost 12, fields { script : text? } }
queue sms { cost 1 }
queue mail { cost 2 }
extend account { paid_lately = sum(payment.amount within 10 days) }
table urgency(dpd : int, score : int?) -> (points : int) first {
  | dpd    | score  || points |
  | > 30   | any    || 90     |
  | > 15   | < 500  || 70     |
  | any    | any    || 10     |
}
strategy soft "Soft" for account {
  enrol when dpd in 1..60
  when overdue <= 0 :                       go cured
  when dpd > 60 :                           go hard
  stage reminder {
    on entry :                              sms "reminder"
    after 3 days :                          go calling
  }
  stage calling {
    keep call "script" while paid_lately < 50 {
      again     2 days
      priority  { urgency: urgency(dpd, score) }
      due       1 business day
      fields    { script: "dpd {dpd}" }
    }
    rule "weekly letter"
    every 5 days at most 3 times :          mail "demand"
    after 12 days :                         go last_letter
  }
  stage last_letter {
    on entry :                              mail "last" stays
    after 10 days :                         go calling
  }
  final stage cured { enrol again when overdue > 0 }
}
strategy hard "Hard" for account {
  when overdue <= 0 :                       go paid
  stage triage {
    keep mail "each" while dpd < 80 { again 20 days }
    after 10 days :                         go court
  }
  stage court { after 30 days :             go triage }
  final stage paid { enrol again when dpd > 0 }
}
)";

using Edit = std::pair<std::string, std::string>;
const std::vector<Edit> edits{
    {"after 3 days :                          go calling", "after 2 days : go calling"},
    {"after 3 days :                          go calling", "after 1 day : go last_letter"},
    {"dpd in 1..60", "dpd in 5..60"},
    {"dpd > 60 :", "dpd > 40 :"},
    {"while paid_lately < 50", "while paid_lately < 20 and dpd > 10"},
    {"keep call \"script\"", "keep call \"script_b\""},
    {"| > 15   | < 500  || 70     |", "| > 10   | < 600  || 75     |"},
    {"due       1 business day", "due       3 days"},
    {"script: \"dpd {dpd}\"", "script: \"since {dpd} days\""},
    {"every 5 days at most 3 times", "every 4 days at most 5 times"},
    {"keep mail \"each\" while dpd < 80", "keep sms \"each\" while dpd < 75"},
    {"on entry :                              sms \"reminder\"", "on entry : mail \"reminder\""},
    {"after 12 days :                         go last_letter", "when dpd > 20 : go last_letter"},
    {"enrol again when overdue > 0", "enrol again when overdue > 100"},
    {"stage court { after 30 days :             go triage }", "stage court { after 30 days : go triage\n every 7 days : mail \"court\" }"},
};

std::string edited(Dice& dice) {
  std::string text = policy;
  for (int64_t n = 1 + dice.below(3); n > 0; --n) {
    const auto& [from, to] = edits[static_cast<size_t>(dice.below(static_cast<int64_t>(edits.size())))];
    if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  }
  return text;
}

/// A portfolio with a past, the same for the same seed.
void live(const Compiled& compiled, Portfolio& portfolio, uint64_t seed, int64_t first, int64_t days) {
  Dice dice(seed);
  constexpr int accounts = 25;
  const auto put = [&](int a, int64_t date) {
    const bool owes = !dice.one_in(5);
    const std::vector<Given> fields{
        {"overdue", owes ? 100 * (1 + dice.below(900)) : 0}, {"overdue_since", date - dice.below(70), !owes}, {"score", 400 + dice.below(300), dice.one_in(3)}};
    const std::string key = "a" + std::to_string(a);
    portfolio.put("account", key, key, "", fields, compiled.day_start(date) - abi::us_per_second);
  };
  for (int a = 0; a < accounts; ++a) put(a, first);
  for (int64_t date = first; date < first + days; ++date) {
    portfolio.night(date, {});
    for (int a = 0; a < accounts; ++a) {
      if (dice.one_in(12)) put(a, date + 1);
      const std::string key = "a" + std::to_string(a);
      if (dice.one_in(8)) portfolio.post("payment", "account", key, key, {{"amount", 100 * (1 + dice.below(90))}}, compiled.day_start(date) + 3'600'000'000);
    }
  }
}

struct Standing {
  std::string stage;
  std::map<std::tuple<std::string, std::string, bool>, int> tasks;  // (queue, treatment, standing)
  std::map<std::tuple<std::string, std::string, bool>, std::tuple<int64_t, Instant>> looks;
};

std::map<std::string, Standing> standings(store::Store& store, const Compiled& compiled) {
  std::map<std::string, Standing> all;
  store::Look look;
  REQUIRE(store.look({&compiled.program()}, look, 1000).has_value());
  for (const auto& file : look.cases[0]) {
    const auto& account = file->instance(0);
    Standing& standing = all[std::string(reinterpret_cast<const abi::Text*>(account.slots[compiled.program().entities[0].fields[0].slot])->view())];
    const int32_t stage = file->state(0).strategy < 0 ? -1 : file->state(0).stage;
    standing.stage = stage < 0 ? "" : checked::stage_name(compiled.program(), stage);
    for (const auto& task : std::as_const(*file).tasks()) {
      const std::tuple nature{compiled.program().queues[task.queue].name, task.treatment, task.standing};
      ++standing.tasks[nature];
      standing.looks[nature] = {task.priority, task.due};
    }
  }
  return all;
}

simulate::NightProgram night_of(const Compiled& compiled, int32_t version) {
  return {compiled.program(), compiled.evaluator(), compiled.calendar(), compiled.settings(), version};
}

TEST_CASE("a plan counts exactly what apply and a step then do") {
  const char* wanted = std::getenv("DUNLIN_SIM_SEEDS");
  const uint64_t seeds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 25;
  const Compiled old_version(policy);
  const int64_t first = date_of(2026, 1, 5), days = 24;
  int64_t moves = 0, created = 0, withdrawn = 0, changed = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    Dice dice(seed * 7919);
    const std::string text = edited(dice);
    INFO("seed " << seed << "\n" << text);
    const Compiled new_version(text);
    Portfolio kept(old_version), switched(old_version);
    live(old_version, kept, seed, first, days);
    live(old_version, switched, seed, first, days);
    const Instant now = old_version.day_start(first + days);

    const auto old_night = night_of(old_version, 1), new_night = night_of(new_version, 2);
    const auto plan = plan::look_at_portfolio(kept.store(), &old_night, new_night, now, {.batch = 7, .progress = {}});
    REQUIRE(plan.has_value());

    // Nothing was written by planning, and both portfolios are the same: so one may be kept and the other switched.
    REQUIRE(simulate::run_once(kept.store(), old_night, now, {}).has_value());
    REQUIRE(switched.store().prepare(new_version.program()).has_value());
    REQUIRE(switched.store().activate(new_version.program(), new_version.sources(), "tester", now).has_value());
    REQUIRE(simulate::run_once(switched.store(), new_night, now, {}).has_value());
    const auto before = standings(kept.store(), old_version), after = standings(switched.store(), new_version);

    std::map<std::pair<std::string, std::string>, int64_t> happened, said;
    std::map<std::tuple<std::string, std::string, plan::TaskDifference>, int64_t> tasks_happened, tasks_said;
    std::set<std::string> affected;
    int64_t looks = 0;
    for (const auto& [key, now_standing] : after) {
      const Standing& was = before.at(key);
      if (was.stage != now_standing.stage) ++happened[{was.stage, now_standing.stage}];
      std::set<std::tuple<std::string, std::string, bool>> natures;
      for (const auto& [nature, count] : was.tasks) natures.insert(nature);
      for (const auto& [nature, count] : now_standing.tasks) natures.insert(nature);
      for (const auto& nature : natures) {
        const int old_count = was.tasks.contains(nature) ? was.tasks.at(nature) : 0,
                  new_count = now_standing.tasks.contains(nature) ? now_standing.tasks.at(nature) : 0;
        const auto& [queue, treatment, standing] = nature;
        if (new_count > old_count) tasks_happened[{queue, treatment, plan::TaskDifference::created}] += new_count - old_count;
        if (new_count < old_count) tasks_happened[{queue, treatment, plan::TaskDifference::withdrawn}] += old_count - new_count;
        if (new_count == 1 && old_count == 1 && was.looks.at(nature) != now_standing.looks.at(nature)) ++looks;
      }
    }
    for (const auto& move : plan->moves) {
      said[{move.from, move.to}] += move.count;
      moves += move.count;
      CHECK(before.at(move.example.key).stage == move.from);
      CHECK(after.at(move.example.key).stage == move.to);
    }
    int64_t looks_said = 0;
    for (const auto& task : plan->tasks) {
      const auto has = [&](const Standing& standing) {
        int count = 0;
        for (const auto& [nature, n] : standing.tasks) count += std::get<0>(nature) == task.queue && std::get<1>(nature) == task.treatment ? n : 0;
        return count;
      };
      const int old_count = has(before.at(task.example.key)), new_count = has(after.at(task.example.key));
      switch (task.difference) {
        case plan::TaskDifference::created:
          CHECK(new_count > old_count);
          created += task.count;
          break;
        case plan::TaskDifference::withdrawn:
          CHECK(new_count < old_count);
          withdrawn += task.count;
          break;
        case plan::TaskDifference::changed:
          CHECK(new_count > 0);
          changed += task.count;
          if (task.what.find("priority") != std::string::npos || task.what.find("due") != std::string::npos) looks_said += task.count;
          continue;
      }
      tasks_said[{task.queue, task.treatment, task.difference}] += task.count;
    }
    CHECK(said == happened);
    CHECK(tasks_said == tasks_happened);
    CHECK(looks_said == looks);
    CHECK(plan->stranded.empty());
    CHECK(plan->cases == 25);
  }
  // The edits did something, or the test would hold of anything.
  CHECK(moves > 0);
  CHECK(created > 0);
  CHECK(withdrawn > 0);
  CHECK(changed > 0);
}

TEST_CASE("a stage that is gone is told with who stands in it, and the same version changes nothing") {
  const Compiled old_version(policy);
  Portfolio portfolio(old_version);
  const int64_t first = date_of(2026, 1, 5);
  live(old_version, portfolio, 3, first, 10);
  const Instant now = old_version.day_start(first + 10);
  std::string text = policy;
  for (size_t at = text.find("calling"); at != std::string::npos; at = text.find("calling", at)) text.replace(at, 7, "dialing");
  const Compiled new_version(text);
  const auto old_night = night_of(old_version, 1), new_night = night_of(new_version, 2);
  const auto before = standings(portfolio.store(), old_version);
  const auto plan = plan::look_at_portfolio(portfolio.store(), &old_night, new_night, now);
  REQUIRE(plan.has_value());
  REQUIRE(plan->stranded.size() == 1);
  CHECK(plan->stranded[0].stage == "soft.calling");
  int64_t standing = 0;
  for (const auto& [key, one] : before) standing += one.stage == "soft.calling" ? 1 : 0;
  CHECK(plan->stranded[0].count == standing);
  CHECK(before.at(plan->stranded[0].example.key).stage == "soft.calling");
  const auto same = plan::look_at_portfolio(portfolio.store(), &old_night, old_night, now);
  REQUIRE(same.has_value());
  CHECK(same->quiet());
  CHECK(standings(portfolio.store(), old_version).size() == before.size());
}

TEST_CASE("activation is refused where another version came in between") {
  const Compiled version(policy);
  Portfolio portfolio(version);
  const Compiled next(std::string(policy) + "\nqueue visit { cost 50 }\n");
  auto refused = portfolio.store().activate(next.program(), next.sources(), {.author = "a", .at = 1, .reason = "", .replacing = 7});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == store::StoreError::Kind::conflict);
  CHECK(portfolio.store().versions()->size() == 1);
  CHECK(portfolio.store().activate(next.program(), next.sources(), {.author = "a", .at = 1, .reason = "", .replacing = 1}).has_value());
}

}  // namespace

}  // namespace dunlin::sim_test
