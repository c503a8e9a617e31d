// Experiments over whole portfolios: who is drawn, who stays, who is kept out, and where it is written down.
#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/abi/text_bodies.h"
#include "compiler/native/native.h"
#include "runtime/engine/identity.h"
#include "runtime/simulate/explain.h"
#include "tests/trial/trial_world.h"

namespace dunlin::trial_test {

namespace {

using sim_test::date_of;

const int64_t first_day = date_of(2026, 12, 1);

/// `trials`: the experiments of the bundle.
std::string policy(const std::string& trials) {
  return R"(
bundle trial "On trial" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, score : int }
event payment of account { }
event complaint of account { }
event handed_over of account { }
queue call { cost 12 }
queue sms { cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue = 0 : go cured
  stage first { keep call "script", after 5 days : go later }
  stage later { keep call "again" }
  final stage cured { enrol again when overdue > 0 }
}
strategy soft_sms "Messages first" for account {
  when overdue = 0 : go cured
  stage first { on entry : sms "please", after 5 days : go later }
  stage later { keep call "again" }
  final stage cured { enrol again when overdue > 0 }
}
strategy waiting "Waiting" for account {
  stage parked { on payment : go soft, on complaint : go soft.later, keep sms "hello" }
}
always for account { on handed_over : go waiting }
)" + trials;
}

std::string champion_and_challenger(const std::string& share, const std::string& more = "") {
  const std::string rest = std::to_string(100 - std::stoi(share)) + "%";
  return "experiment sms_first \"Messages first\" {\n  champion soft " + rest + "\n  challenger soft_sms " + share +
         "%\n  split by debtor\n  run 2026-12-01 to 2027-02-28\n" + more + "}\n";
}

/// Five standard deviations: a fair draw leaves them once in two million tries, and this draw is always the same one.
bool is_fair(int64_t hits, int64_t tries, double share) {
  return std::abs(static_cast<double>(hits) - static_cast<double>(tries) * share) <= 5 * std::sqrt(static_cast<double>(tries) * share * (1 - share));
}

void add_debtors(Version& version, int from, int to, Instant at) {
  for (int d = from; d < to; ++d) version.put("D" + std::to_string(d), "A" + std::to_string(d), 100'00, 400 + d % 300, at);
}

std::map<std::string, std::string> arms_of(Version& version, const std::string& experiment, int from, int to) {
  std::map<std::string, std::string> arms;
  for (int d = from; d < to; ++d) arms["A" + std::to_string(d)] = version.arm_of("A" + std::to_string(d), experiment);
  return arms;
}

int64_t count_of(const std::map<std::string, std::string>& arms, const std::string& arm) {
  return std::ranges::count_if(arms, [&](const auto& one) { return one.second == arm; });
}

}  // namespace

TEST_CASE("a draw is the same on every machine and for ever", "[trial]") {
  // Worked out apart from the engine, from the definition: FNV-1a of salt, a zero byte and unit, its bits mixed, scaled to 10,000.
  const std::vector<std::tuple<const char*, const char*, int64_t>> recorded = {{"sms_first", "D1", 1299},
                                                                               {"sms_first", "D2", 1559},
                                                                               {"sms_first", "D3", 5562},
                                                                               {"sms_first", "D4", 5194},
                                                                               {"sms_first", "D5", 8838},
                                                                               {"sms_first", "должник 6", 986},
                                                                               {"sms_first", "", 903},
                                                                               {"holdout", "D1", 7545},
                                                                               {"first_contact/sms_first", "D1", 7649},
                                                                               {"first_contact/mail_first", "D1", 2751}};
  for (const auto& [salt, unit, draw] : recorded) CHECK(abi::split_share(salt, unit) == draw);
}

TEST_CASE("arms get their shares, and each is in the strategy of its arm", "[trial]") {
  ON_BOTH_OPEN_STORES();
  const int debtors = place->is_postgres() ? 300 : 2000;
  Version version(store, policy(champion_and_challenger("10")), 0);
  const Instant before = version.compiled.day_start(first_day) - 1;
  add_debtors(version, 0, debtors, before);
  version.step(first_day);
  const auto arms = arms_of(version, "sms_first", 0, debtors);
  CHECK(is_fair(count_of(arms, "soft_sms"), debtors, 0.1));
  CHECK(count_of(arms, "soft") + count_of(arms, "soft_sms") == debtors);
  for (const auto& [account, arm] : arms) {
    CHECK(version.stage_of(account) == arm + ".first");
    CHECK((arm == "soft_sms") == (abi::split_share("sms_first", "D" + account.substr(1)) < 1000));
  }
  // What an analyst reads, and the record of the decision.
  const auto rows = good(store.experiment_arms());
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) CHECK(row.enrolled == count_of(arms, row.arm));
  const auto lines = good(store.decisions("account", "A1", 10, abi::never));
  REQUIRE(std::ranges::any_of(lines, [](const std::string& line) { return line.find("experiment sms_first") != std::string::npos; }));
}

TEST_CASE("ramping takes new ones and moves no one, and a debtor's accounts go one way", "[trial]") {
  ON_BOTH_OPEN_STORES();
  const int debtors = place->is_postgres() ? 150 : 800;
  std::map<std::string, std::string> before;
  {
    Version ten(store, policy(champion_and_challenger("10")), 0);
    add_debtors(ten, 0, debtors, ten.compiled.day_start(first_day) - 1);
    ten.step(first_day);
    before = arms_of(ten, "sms_first", 0, debtors);
  }
  Version fifty(store, policy(champion_and_challenger("50")), 1);
  const Instant at = fifty.compiled.day_start(first_day + 1) - 1;
  add_debtors(fifty, debtors, 2 * debtors, at);
  for (int d = 0; d < debtors; ++d) fifty.put("D" + std::to_string(d), "B" + std::to_string(d), 50'00, 500, at);
  fifty.step(first_day + 1);
  CHECK(arms_of(fifty, "sms_first", 0, debtors) == before);
  for (const auto& [account, arm] : before) {
    CHECK(fifty.stage_of(account) == arm + ".first");
    CHECK(fifty.arm_of("B" + account.substr(1), "sms_first") == arm);
  }
  const auto later = arms_of(fifty, "sms_first", debtors, 2 * debtors);
  CHECK(is_fair(count_of(later, "soft_sms"), debtors, 0.5));
}

TEST_CASE("experiments of a layer exclude each other", "[trial]") {
  const auto place = store::test::make_place("memory");
  const auto opened = place->open();
  const std::string tone = "experiment tone { arms of letter_tone { friendly 50%, firm 50% }, split by debtor, layer contact, run 2026-12-01 to 2027-02-28 }\n";
  Version version(*opened, policy(champion_and_challenger("40", "  layer contact\n") + tone), 0);
  const int debtors = 1500;
  add_debtors(version, 0, debtors, version.compiled.day_start(first_day) - 1);
  version.step(first_day);
  const auto sms = arms_of(version, "sms_first", 0, debtors), letters = arms_of(version, "tone", 0, debtors);
  int64_t in_sms = 0, in_letters = 0, in_both = 0;
  for (const auto& [account, arm] : sms) {
    in_sms += arm.empty() ? 0 : 1;
    in_letters += letters.at(account).empty() ? 0 : 1;
    in_both += !arm.empty() && !letters.at(account).empty() ? 1 : 0;
  }
  CHECK(in_both == 0);
  CHECK(in_sms + in_letters == debtors);
  CHECK(is_fair(in_sms, debtors, 0.5));
  CHECK(is_fair(count_of(sms, "soft_sms"), in_sms, 0.4));
}

TEST_CASE("whoever is held out is in nothing, now and later", "[trial]") {
  ON_BOTH_OPEN_STORES();
  const int debtors = place->is_postgres() ? 200 : 1200;
  std::map<std::string, std::string> held;
  {
    Version version(store, policy(champion_and_challenger("50") + "holdout 20% by debtor\n"), 0);
    add_debtors(version, 0, debtors, version.compiled.day_start(first_day) - 1);
    version.step(first_day);
    held = arms_of(version, "holdout", 0, debtors);
    const auto arms = arms_of(version, "sms_first", 0, debtors);
    for (const auto& [account, holdout] : held) {
      CHECK(holdout.empty() != arms.at(account).empty());
      if (!holdout.empty()) CHECK(version.stage_of(account) == "soft.first");
    }
    CHECK(is_fair(count_of(held, "held_out"), debtors, 0.2));
  }
  // A smaller holdout lets nobody out who is in it.
  Version version(store, policy(champion_and_challenger("50") + "holdout 1% by debtor\n"), 1);
  for (int d = 0; d < debtors; ++d) version.put("D" + std::to_string(d), "B" + std::to_string(d), 50'00, 500, version.compiled.day_start(first_day + 1) - 1);
  version.step(first_day + 1);
  for (const auto& [account, holdout] : held) {
    if (!holdout.empty()) CHECK(version.arm_of("B" + account.substr(1), "sms_first").empty());
  }
}

TEST_CASE("after promote and after stop everybody who enrols goes one way, and nobody else is touched", "[trial]") {
  ON_BOTH_OPEN_STORES();
  Version version(store, policy(champion_and_challenger("50")), 0);
  const auto morning = [&](int day) { return version.compiled.day_start(first_day + day); };
  add_debtors(version, 0, 60, morning(0) - 1);
  version.step(first_day);
  const auto first = arms_of(version, "sms_first", 0, 60);
  good(store.order_experiment({"sms_first", "soft_sms", morning(0) + 1}, "anna", "it pays"));
  CHECK_FALSE(store.order_experiment({"sms_first", "soft_sms", morning(0) + 2}, "anna", "").has_value());
  add_debtors(version, 60, 120, morning(1) - 1);
  version.step(first_day + 1);
  CHECK(arms_of(version, "sms_first", 0, 60) == first);
  for (int d = 60; d < 120; ++d) CHECK(version.stage_of("A" + std::to_string(d)) == "soft_sms.first");
  for (const auto& [account, arm] : first) CHECK(version.stage_of(account) == arm + ".first");
  good(store.order_experiment({"sms_first", "", morning(1) + 1}, "anna", ""));
  add_debtors(version, 120, 180, morning(2) - 1);
  version.step(first_day + 2);
  for (int d = 120; d < 180; ++d) CHECK(version.stage_of("A" + std::to_string(d)) == "soft.first");
  // Drawn are only those of the first day: the others are no part of what was measured.
  int64_t enrolled = 0;
  for (const auto& row : good(store.experiment_arms())) enrolled += row.enrolled;
  CHECK(enrolled == 60);
  CHECK(good(store.experiment_orders()).size() == 2);
}

TEST_CASE("`go` to the champion enters the account's own arm", "[trial]") {
  const auto place = store::test::make_place("memory");
  const auto opened = place->open();
  Version version(*opened, policy(champion_and_challenger("50")), 0);
  const int debtors = 60;
  const auto morning = [&](int day) { return version.compiled.day_start(first_day + day); };
  add_debtors(version, 0, debtors, morning(0) - 1);
  version.step(first_day);
  const auto arms = arms_of(version, "sms_first", 0, debtors);
  REQUIRE(count_of(arms, "soft_sms") > 10);
  REQUIRE(count_of(arms, "soft") > 10);
  for (int d = 0; d < debtors; ++d) version.post("handed_over", "D" + std::to_string(d), "A" + std::to_string(d), morning(1) - 1);
  version.step(first_day + 1);
  for (const auto& [account, arm] : arms) REQUIRE(version.stage_of(account) == "waiting.parked");
  for (int d = 0; d < debtors; ++d) version.post(d % 2 == 0 ? "payment" : "complaint", "D" + std::to_string(d), "A" + std::to_string(d), morning(2) - 1);
  version.step(first_day + 2);
  for (const auto& [account, arm] : arms) CHECK(version.stage_of(account) == arm + (std::stoi(account.substr(1)) % 2 == 0 ? ".first" : ".later"));
}

TEST_CASE("nobody is drawn before the first day and after the last", "[trial]") {
  const auto place = store::test::make_place("memory");
  const auto opened = place->open();
  Version version(*opened, policy(champion_and_challenger("50")), 0);
  const int64_t last = date_of(2027, 2, 28);
  int from = 0;
  for (const auto& [day, drawn] : std::vector<std::pair<int64_t, bool>>{{first_day - 1, false}, {first_day, true}, {last, true}, {last + 1, false}}) {
    add_debtors(version, from, from + 20, version.compiled.day_start(day) - 1);
    version.step(day);
    for (int d = from; d < from + 20; ++d) CHECK(version.arm_of("A" + std::to_string(d), "sms_first").empty() != drawn);
    from += 20;
  }
}

TEST_CASE("arms inside a strategy are read the same by both backends, asleep or not", "[trial]") {
  const std::string letters = R"(
bundle letters "Letters" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
parameter tone : text = "friendly"
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money, score : int }
queue mail { cost 2 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue = 0 : go cured
  stage letters {
    after 2 days : mail by tone
    keep mail "reminder" while arm(tone) = firm and score > 450 { again 3 days }
    after 9 days : go waiting
  }
  stage waiting { on entry : mail by (if arm(tone) = gentle then "sorry" else "now") }
  final stage cured
}
experiment letter_tone { arms of tone { plain 40%, firm 40% = "firm", gentle 20% = "gentle" }, among account where score < 490, run 2026-12-01 to 2026-12-31 }
)";
  std::string dumps[3];
  for (int run = 0; run < 3; ++run) {
    const auto place = store::test::make_place("memory");
    const auto opened = place->open();
    Version version(*opened, letters, 0);
    const auto lowered = ir::lower(version.program());
    auto native = compile_native(*lowered, {.opt_level = 0});
    REQUIRE(native.has_value());
    add_debtors(version, 0, 120, version.compiled.day_start(first_day) - 1);
    for (int64_t day = first_day; day < first_day + 14; ++day) version.step(day, run == 2, run == 1 ? native->get() : nullptr);
    std::set<std::string> seen;
    for (int d = 0; d < 120; ++d) {
      const std::string account = "A" + std::to_string(d), arm = version.arm_of(account, "letter_tone");
      dumps[run] += account + " " + version.stage_of(account) + " " + arm;
      for (const auto& row : good(version.store.tasks_of("account", account))) {
        if (row.treatment != "reminder") seen.insert((arm.empty() ? "none" : arm) + " " + row.treatment);
        dumps[run] += " " + row.id + row.treatment + row.status;
      }
      dumps[run] += "\n";
    }
    CHECK(seen == std::set<std::string>{"none friendly", "none now", "plain friendly", "plain now", "firm firm", "firm now", "gentle gentle", "gentle sorry"});
  }
  CHECK(dumps[0] == dumps[1]);
  CHECK(dumps[0] == dumps[2]);
}

}  // namespace dunlin::trial_test
