// What becomes of live accounts when a new version comes: they stay, they are moved, they begin anew.
#include <algorithm>

#include "runtime/plan/live.h"
#include "tests/trial/trial_world.h"

namespace dunlin::trial_test {

namespace {

using sim_test::date_of;

const int64_t first_day = date_of(2026, 12, 1);
constexpr int debtors = 12;

/// A strategy whose second stage, second letter and variable go by these names.
struct Names {
  std::string calling = "calling", letters = "letters", value = "", more = "", on_change = "", stage_on_change = "", letter = "second";
};

std::string policy(const Names& names) {
  return R"(
bundle moving "Moving" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, score : int }
queue call { cost 12 }
queue mail { cost 2 }
strategy soft "Soft" for account {
  )" + names.on_change +
         R"(
  enrol when overdue > 0
  var )" +
         names.letters +
         R"( : int = 0
  when overdue = 0 : go cured
  stage first { after 1 day : go )" +
         names.calling + R"( }
  stage )" +
         names.calling +
         R"( {
    )" + names.stage_on_change +
         R"(
    keep call "script"
    after 2 days : set )" +
         names.letters + " = " + names.letters + " + 1, mail \"first\"\n    after 6 days : set " + names.letters + " = " + names.letters + " + 1, mail \"" +
         names.letter + R"("
    after 20 days : go cured
  }
  final stage cured
}
)" + names.more;
}

void add_debtors(Version& version, Instant at) {
  for (int d = 0; d < debtors; ++d) version.put("D" + std::to_string(d), "A" + std::to_string(d), 100'00, 500, at);
}

int64_t letters_of(Version& version, const std::string& treatment) {
  int64_t count = 0;
  for (int d = 0; d < debtors; ++d) {
    for (const auto& row : good(version.store.tasks_of("account", "A" + std::to_string(d)))) count += row.treatment == treatment ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("a stage that was renamed is taken over with its clocks, its tasks and its counters", "[trial]") {
  ON_BOTH_OPEN_STORES();
  Instant entered = 0;
  std::vector<std::string> tasks;
  {
    Version before(store, policy({}), 0);
    add_debtors(before, before.compiled.day_start(first_day) - 1);
    for (int day = 0; day < 4; ++day) before.step(first_day + day);
    REQUIRE(before.stage_of("A1") == "soft.calling");
    entered = before.state_of("A1").entered_at;
    REQUIRE(letters_of(before, "first") == debtors);
    tasks = before.open_tasks("A1");
  }
  const std::string moves = "migrate soft.calling -> soft.dialing\nmigrate soft.letters -> soft.mails = letters * 10\n";
  const Names renamed{.calling = "dialing", .letters = "mails", .more = moves};
  {
    // What the plan says before anything is done.
    Version before(store, policy({}), 0);
    const Compiled next(policy(renamed));
    good(store.make_room(next.program()));
    simulate::NightProgram proposed = next.night();
    proposed.version = before.number + 1;
    const simulate::NightProgram running = before.night();
    const auto live = good(plan::look_at_portfolio(store, &running, proposed, before.compiled.day_start(first_day + 4)));
    CHECK(live.stranded.empty());
    REQUIRE(live.moves.size() == 1);
    CHECK(live.moves[0].because == "migrate soft.calling -> soft.dialing");
    CHECK(live.moves[0].count == debtors);
    CHECK(live.moves[0].example.entity == "account");
    CHECK(live.tasks.empty());
  }
  Version after(store, policy(renamed), 1);
  after.step(first_day + 4);
  for (int d = 0; d < debtors; ++d) REQUIRE(after.stage_of("A" + std::to_string(d)) == "soft.dialing");
  CHECK(after.state_of("A1").entered_at == entered);
  CHECK(after.state_of("A1").variables.front() == 10);  // one letter, by the rule of the move
  CHECK(after.open_tasks("A1") == tasks);
  CHECK(letters_of(after, "first") == debtors);  // not a second time
  for (int day = 5; day < 9; ++day) after.step(first_day + day);
  CHECK(letters_of(after, "first") == debtors);
  CHECK(letters_of(after, "second") == debtors);  // on its day
  CHECK(after.state_of("A1").variables.front() == 11);
}

TEST_CASE("accounts in a stage that nothing takes over are named by the plan", "[trial]") {
  const auto place = store::test::make_place("memory");
  const auto opened = place->open();
  Version before(*opened, policy({}), 0);
  add_debtors(before, before.compiled.day_start(first_day) - 1);
  for (int day = 0; day < 3; ++day) before.step(first_day + day);
  const Compiled next(policy({.calling = "dialing"}));
  simulate::NightProgram proposed = next.night();
  proposed.version = before.number + 1;
  const simulate::NightProgram running = before.night();
  const auto live = good(plan::look_at_portfolio(*opened, &running, proposed, before.compiled.day_start(first_day + 3)));
  REQUIRE(live.stranded.size() == 1);
  CHECK(live.stranded[0].stage == "soft.calling");
  CHECK(live.stranded[0].count == debtors);
}

TEST_CASE("`on change restart` begins anew once, when the text is another one", "[trial]") {
  ON_BOTH_OPEN_STORES();
  const std::string what = GENERATE("strategy", "stage");
  INFO(what);
  Names names{.on_change = what == "strategy" ? "on change restart" : "", .stage_on_change = what == "stage" ? "on change restart" : ""};
  {
    Version before(store, policy(names), 0);
    add_debtors(before, before.compiled.day_start(first_day) - 1);
    for (int day = 0; day < 4; ++day) before.step(first_day + day);
    REQUIRE(before.state_of("A1").variables.front() == 1);
  }
  const auto plan_moves = [&](Version& running, const std::string& text, int day) {
    const Compiled next(text);
    simulate::NightProgram proposed = next.night();
    proposed.version = running.number + 1;
    const simulate::NightProgram active = running.night();
    return good(plan::look_at_portfolio(store, &active, proposed, running.compiled.day_start(first_day + day)));
  };
  // Only laid out otherwise, and with a comment: nobody begins anew.
  std::string same = policy(names);
  same.insert(same.find("keep call"), "// what we always did\n        ");
  for (size_t at = same.find(" <= "); at != std::string::npos; at = same.find(" <= ")) same.replace(at, 4, "<=");
  {
    Version running(store, same, 1);
    running.step(first_day + 4);
    CHECK(running.stage_of("A1") == "soft.calling");
    CHECK(running.compiled.day_start(first_day + 1) == running.state_of("A1").entered_at);
    names.letter = "sterner";
    const auto live = plan_moves(running, policy(names), 5);
    REQUIRE(live.moves.size() == 1);
    CHECK(live.moves[0].because == "on change restart");
    CHECK(live.moves[0].from == "soft.calling");
    CHECK(live.moves[0].to == (what == "strategy" ? "soft.first" : "soft.calling"));
    CHECK(live.moves[0].count == debtors);
  }
  Version changed(store, policy(names), 2);
  changed.step(first_day + 5);
  const Instant anew = changed.compiled.day_start(first_day + 5);
  for (int d = 0; d < debtors; ++d) {
    const auto state = changed.state_of("A" + std::to_string(d));
    CHECK(changed.stage_of("A" + std::to_string(d)) == (what == "strategy" ? "soft.first" : "soft.calling"));
    CHECK(state.entered_at == anew);
    CHECK(state.variables.front() == (what == "strategy" ? 0 : 1));
  }
  const auto way = good(store.transitions("account", "A1"));
  CHECK(std::ranges::count_if(way, [](const auto& row) { return row.rule == "on change restart"; }) == 1);
  changed.step(first_day + 6);
  CHECK(changed.stage_of("A1") == "soft.calling");
  CHECK(std::ranges::count_if(good(store.transitions("account", "A1")), [](const auto& row) { return row.rule == "on change restart"; }) == 1);
}

TEST_CASE("a whole strategy moves to another one", "[trial]") {
  ON_BOTH_OPEN_STORES();
  {
    Version before(store, policy({}), 0);
    add_debtors(before, before.compiled.day_start(first_day) - 1);
    for (int day = 0; day < 4; ++day) before.step(first_day + day);
  }
  std::string text = policy({.more = "migrate soft -> gentle\n"});
  text.replace(text.find("strategy soft"), 13, "strategy gentle");
  Version after(store, text, 1);
  for (int day = 4; day < 9; ++day) after.step(first_day + day);
  for (int d = 0; d < debtors; ++d) CHECK(after.stage_of("A" + std::to_string(d)) == "gentle.calling");
  CHECK(after.state_of("A1").entered_at == after.compiled.day_start(first_day + 1));
  CHECK(letters_of(after, "first") == debtors);
  CHECK(letters_of(after, "second") == debtors);
}

}  // namespace dunlin::trial_test
