// Several schedulers, a bank that repeats itself and a gateway, interleaved by a seed: the judge finds nothing. With a mistake made on purpose it does.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/judge/simulation.h"

namespace dunlin::judge {

namespace {

using sim_test::Compiled;
using Mistake = store::ModelDatabase::Mistake;

int number_from(const char* name, int usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::atoi(wanted);
}

/// Seeds that found something once: one a line, with what it was. They are run before all others.
std::vector<int> kept_seeds() {
  std::ifstream file(DUNLIN_SOURCE_DIR "/tests/judge/kept_seeds.txt");
  REQUIRE(file.good());
  std::vector<int> seeds;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') seeds.push_back(std::stoi(line));
  }
  return seeds;
}

/// Written down where the test runs, to be put among the kept ones with the mend.
void keep_seed(int seed, const Finding& finding) {
  std::ofstream("judge_failing_seeds.txt", std::ios::app) << seed << "  # " << finding.promise << ": " << finding.witness << "\n";
}

struct Editions {
  Compiled first{judged_policy()}, second{edited_judged_policy()};
  Stage stage() const { return {.first = first, .second = second}; }
};

/// Says that a value will change later than it may: a whole number of days late.
class LateWakes final : public Evaluator {
 public:
  explicit LateWakes(const Compiled& compiled) : program_(compiled.program()), inner_(compiled.evaluator()) {}
  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override {
    const Evaluation done = inner_.evaluate(root, context, out);
    const checked::Root& kind = program_.roots[static_cast<size_t>(root)];
    int64_t& wake = out[checked::slot_count(program_, kind.type)];
    if (done.ok() && kind.wants_wake && wake != abi::never) wake += 3 * 86'400 * abi::us_per_second;
    return done;
  }
  const char* name() const override { return "late"; }

 private:
  const checked::Program& program_;
  const Evaluator& inner_;
};

/// The policy with one thing written otherwise, passed off as the policy itself.
std::unique_ptr<Compiled> disguised(const Compiled& as, const std::string& from, const std::string& to) {
  std::string text = judged_policy();
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  auto made = std::make_unique<Compiled>(text.replace(at, from.size(), to));
  const_cast<checked::Program&>(made->program()).content_hash = as.program().content_hash;
  return made;
}

struct Planted {
  const char* name;
  Mistake mistake = Mistake::none;
  const char *from = nullptr, *to = nullptr;  // of the policy that the schedulers step with
  bool late_wakes = false;
  int64_t begins = 0;
};

}  // namespace

TEST_CASE("whatever the interleaving, the judge finds nothing") {
  const Editions editions;
  const int one = number_from("DUNLIN_JUDGE_SEED", 0), seeds = number_from("DUNLIN_JUDGE_SEEDS", 500);
  int64_t steps = 0, refused = 0, contacts = 0, tasks = 0;
  std::vector<int> all = one == 0 ? kept_seeds() : std::vector{one};
  for (int seed = 1; one == 0 && seed <= seeds; ++seed) all.push_back(seed);
  for (const int seed : all) {
    Stage stage = editions.stage();
    stage.calm = seed % 2 == 0;
    const Ran ran = simulate(stage, static_cast<uint64_t>(seed));
    if (!ran.findings.empty()) keep_seed(seed, ran.findings.front());
    INFO("DUNLIN_JUDGE_SEED=" << seed << "\n" << text_of(ran.findings));
    REQUIRE(ran.findings.empty());
    steps += ran.steps;
    refused += ran.refused_commits;
    contacts += ran.contacts;
    tasks += ran.tasks;
  }
  std::printf("%ld steps, %ld commits refused, %ld contacts, %ld tasks\n", steps, refused, contacts, tasks);
  if (one != 0 || seeds < 100) return;
  // The runs are worth something: schedulers do get in each other's way, and people are called.
  CHECK(refused > seeds);
  CHECK(contacts > seeds / 5);
}

TEST_CASE("a seed gives the same run again") {
  const Editions editions;
  for (uint64_t seed = 1; seed <= 3; ++seed) CHECK(simulate(editions.stage(), seed).digest == simulate(editions.stage(), seed).digest);
}

TEST_CASE("each mistake that is made on purpose is found") {
  const Editions editions;
  const int64_t autumn = sim_test::date_of(2026, 10, 21);  // the clocks go back on the 25th
  const std::vector<Planted> all = {
      {"a node that lost its buckets commits", Mistake::old_epoch},
      {"a case file that has moved on is committed", Mistake::old_step},
      {"work of another version is committed", Mistake::old_version},
      {"data that changes during a step is forgotten", Mistake::change_forgotten},
      {"a withdrawn task stays", Mistake::withdrawal_lost},
      {"a new task is lost", Mistake::creation_lost},
      {"a new task is there twice", Mistake::creation_doubled},
      {"a task's change is lost", Mistake::update_lost},
      {"an event is handled again", Mistake::event_kept_waiting},
      {"an event that comes during a step is lost", Mistake::event_lost},
      {"a raised event is lost", Mistake::raised_lost},
      {"a transition is not written down", Mistake::transition_lost},
      {"a state is not kept", Mistake::state_lost},
      {"a wake is forgotten", Mistake::wake_forgotten},
      {"a decision is not recorded", Mistake::decision_lost},
      {"the same event counts twice", Mistake::same_event_twice},
      {"an id is known for all accounts", Mistake::one_id_for_all},
      {"a contact is not counted", Mistake::contact_not_counted},
      {"a timer forgets that it fired", Mistake::mark_lost},
      {"a limit is skipped", Mistake::none, "call at most 1 per day, 3 per calendar week, 5 in any 10 days per debtor",
       "call at most 9 per day, 9 per calendar week, 9 in any 10 days per debtor"},
      {"the hours of a limit are others", Mistake::none, "any contact between 08:00 and 20:00 on working days, 10:00 and 14:00 on others",
       "any contact between 08:00 and 23:00 on working days, 09:00 and 14:00 on others"},
      {"arms are drawn by other shares", Mistake::none, "champion soft 70%, challenger gentle 30%", "champion soft 30%, challenger gentle 70%"},
      {"the hour that comes twice comes once", Mistake::none, "timezone Europe/Berlin", "timezone Africa/Algiers", false, autumn},
      {"a wake is three days late", Mistake::none, nullptr, nullptr, true},
  };
  const int budget = number_from("DUNLIN_JUDGE_BUDGET", 120);
  for (const Planted& planted : all) {
    Stage stage = editions.stage();
    stage.mistake = planted.mistake;
    stage.begins = planted.begins;
    const auto wrong = planted.from == nullptr ? nullptr : disguised(editions.first, planted.from, planted.to);
    stage.wrong = wrong.get();
    const LateWakes late(editions.first);
    if (planted.late_wakes) stage.wrong_evaluator = &late;
    int found_by = 0;
    std::string witness;
    for (int seed = 1; seed <= budget && found_by == 0; ++seed) {
      stage.calm = seed % 2 == 0;
      const Ran ran = simulate(stage, static_cast<uint64_t>(seed));
      if (ran.findings.empty()) continue;
      found_by = seed;
      witness = ran.findings.front().promise;
    }
    std::printf("%-48s %s\n", planted.name, found_by == 0 ? "NOT FOUND" : ("seed " + std::to_string(found_by) + ": " + witness).c_str());
    INFO(planted.name);
    CHECK(found_by != 0);
  }
}

}  // namespace dunlin::judge
