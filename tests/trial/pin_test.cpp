// `on change pin`: whoever is inside finishes on the version that was entered, beside others under the new one.
#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/plan/carry.h"
#include "runtime/plan/live.h"
#include "tests/trial/trial_world.h"

namespace dunlin::trial_test {

namespace {

using sim_test::date_of;
using sim_test::Dice;

const int64_t first_day = date_of(2026, 12, 1);

/// What one version of the strategy says; every figure and text in it may be another one in the next version.
struct Words {
  int64_t to_calling = 2, again = 3, letter_after = 2, limit = 50, weight = 2, give_up = 9;
  std::string letter = "first", call = "script", mild = "mild", extra = "", fields = "", on_change = "on change pin", calling_on_change = "";
  bool pauses = true, renamed_calling = false;
};

std::string policy(const Words& words) {
  const std::string calling = words.renamed_calling ? "dialing" : "calling";
  std::string text = R"(
bundle pinned "Pinned" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor {
  key id : text, overdue : money, score : int@FIELDS@
  weighed = weighted(score)
  hard_case = weighed > threshold
}
parameter threshold : int = @LIMIT@
function weighted(n : int) -> int = n * @WEIGHT@
segmentation mood for account { firm when hard_case, otherwise soft }
table words(mood : mood) -> (letter : text) {
  | mood || letter |
  | firm || "@LETTER@" |
  | soft || "@MILD@" |
}
queue call { cost 12 }
queue mail { cost 2 }
strategy soft "Soft" for account {
  @PIN@
  enrol when overdue > 0
  var letters : int = 0
  var last : mood = mood
  when overdue = 0 : go cured
  stage first { after @TO@ days : set last = mood, go @CALLING@ }
  stage @CALLING@ {
    @CALLPIN@
    keep call "@CALL@" while not hard_case
    after @AFTER@ days : set letters = letters + 1, mail by words(mood)
    after @AGAIN@ days : go pausing
    after @GIVE@ days : go cured
    when hard_case and letters > 3 : go cured
  }
  stage pausing {
    after 2 days when visits(@CALLING@) < 4 : go back
    after 3 days : go cured
  }
  final stage cured { enrol again when overdue > 0 }
}
strategy watch "Watch" for debtor {
  enrol when count(accounts) > 0
  stage looking { every 3 days : note "@LETTER@" }
}
@EXTRA@
)";
  const auto put = [&](const std::string& what, const std::string& with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
  };
  put("@FIELDS@", words.fields);
  put("@LIMIT@", std::to_string(words.limit));
  put("@WEIGHT@", std::to_string(words.weight));
  put("@LETTER@", words.letter);
  put("@MILD@", words.mild);
  put("@PIN@", words.on_change);
  put("@CALLPIN@", words.calling_on_change);
  put("@TO@", std::to_string(words.to_calling));
  put("@CALL@", words.call);
  put("@CALLING@", calling);
  put("@AFTER@", std::to_string(words.letter_after));
  put("@AGAIN@", std::to_string(words.again));
  put("@GIVE@", std::to_string(words.give_up));
  put("@EXTRA@", words.extra);
  return text;
}

Words random_words(Dice& dice, int64_t version) {
  Words words;
  words.to_calling = 1 + dice.below(4);
  words.again = 4 + dice.below(4);
  words.letter_after = 1 + dice.below(3);
  words.limit = 40 + dice.below(40);
  words.weight = 1 + dice.below(3);
  words.give_up = 8 + dice.below(5);
  words.letter = "letter " + std::to_string(version);
  words.mild = "mild " + std::to_string(version);
  words.call = "script " + std::to_string(version);
  words.renamed_calling = dice.one_in(3);
  return words;
}

BundleSources with_older(store::Store& store, const std::string& text) {
  const Compiled next(text);
  return good(plan::carry_along(store, next.sources(), next.program(), {.stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib"}));
}

/// All that has become of an account, in words: where it went and when, what was asked for and when, and what has become of that.
std::string story_of(store::Store& store, const std::string& account) {
  std::string story;
  for (const auto& row : good(store.transitions("account", account))) story += std::to_string(row.at) + " " + row.from + " -> " + row.to + "\n";
  std::vector<std::string> tasks;
  for (const auto& row : good(store.tasks_of("account", account)))
    tasks.push_back(std::to_string(row.created_at) + " " + row.id + " " + row.queue + " " + row.treatment + " " + row.rule + " " + row.status);
  std::ranges::sort(tasks);
  for (const std::string& task : tasks) story += task + "\n";
  return story;
}

int64_t pinned_to(store::Store& store, const Version& version, int32_t number) {
  int64_t count = 0;
  for (const auto& one : good(plan::carried_by(store, version.program()))) count += one.version == number ? one.count : 0;
  return count;
}

std::string debtor_of(int64_t a) { return "D" + std::to_string(a / 2); }
std::string account_name(int64_t a) { return "A" + std::to_string(a); }

}  // namespace

TEST_CASE("a pinned account behaves as if nothing had changed, whatever the new versions say", "[trial]") {
  const uint64_t seed = GENERATE(range(1, 9));
  const std::string kind = seed == 1 ? "postgres" : "memory";
  INFO("seed " << seed << ", store " << kind);
  const auto live_place = store::test::make_place(kind);
  if (!live_place) return;
  const auto live = live_place->open();
  Dice dice(seed);
  constexpr int64_t accounts = 10, days = 34;
  std::vector<Words> versions;
  for (int64_t v = 0; v < 3; ++v) versions.push_back(random_words(dice, v));
  const std::vector<int64_t> switches{0, 4 + dice.below(6), 12 + dice.below(6)};
  // Which account comes when, and how its figures move: the same for everybody.
  struct Change {
    int64_t day, account, overdue, score;
  };
  std::vector<Change> changes;
  std::vector<int64_t> first(accounts);
  for (int64_t a = 0; a < accounts; ++a) {
    first[static_cast<size_t>(a)] = a < 4 ? 0 : dice.below(20);
    changes.push_back({first[static_cast<size_t>(a)], a, 100'00, 10 + dice.below(60)});
    for (int64_t n = dice.below(4); n > 0; --n) {
      const int64_t day = first[static_cast<size_t>(a)] + 1 + dice.below(days - first[static_cast<size_t>(a)] - 1);
      changes.push_back({day, a, dice.one_in(4) ? 0 : 100'00, 10 + dice.below(60)});
    }
  }
  std::ranges::stable_sort(changes, {}, &Change::day);

  const auto run = [&](store::Store& store, const std::vector<int>& texts, const auto& each_day) {
    good(store.migrate());
    std::unique_ptr<Version> version;
    for (int64_t day = 0; day < days; ++day) {
      for (size_t v = 0; v < texts.size(); ++v) {
        if (switches[v] != day) continue;
        version = std::make_unique<Version>(store, with_older(store, policy(versions[static_cast<size_t>(texts[v])])), day);
      }
      for (const Change& change : changes) {
        if (change.day == day)
          version->put(debtor_of(change.account), account_name(change.account), change.overdue, change.score, version->compiled.day_start(first_day + day) - 1);
      }
      version->step(first_day + day, day % 5 == 3);
      each_day(day, *version);
    }
  };

  // Alone: each version from the first day on.
  std::vector<std::unique_ptr<store::test::Place>> places;
  std::vector<std::unique_ptr<store::Store>> alone;
  for (int v = 0; v < 3; ++v) {
    places.push_back(store::test::make_place("memory"));
    alone.push_back(places.back()->open());
    std::unique_ptr<Version> version = std::make_unique<Version>(*alone.back(), policy(versions[static_cast<size_t>(v)]), 0);
    for (int64_t day = 0; day < days; ++day) {
      for (const Change& change : changes) {
        if (change.day == day)
          version->put(debtor_of(change.account), account_name(change.account), change.overdue, change.score, version->compiled.day_start(first_day + day) - 1);
      }
      version->step(first_day + day);
    }
  }

  // The version an account entered is the one that was active when it came. It stays with it until it has come to an end.
  std::vector<int64_t> most_pinned(3);
  std::vector<int> entered(accounts, -1), ended(accounts, -1);
  run(*live, {0, 1, 2}, [&](int64_t day, Version& version) {
    for (int64_t a = 0; a < accounts; ++a) {
      const auto at = static_cast<size_t>(a);
      if (first[at] > day) continue;
      if (first[at] == day) entered[at] = day < switches[1] ? 0 : day < switches[2] ? 1 : 2;
      if (ended[at] < 0 && version.stage_of(account_name(a)) == "soft.cured") ended[at] = static_cast<int>(day);
    }
    for (int32_t v = 1; v < 3; ++v) most_pinned[static_cast<size_t>(v)] = std::max(most_pinned[static_cast<size_t>(v)], pinned_to(*live, version, v));
  });
  CHECK(most_pinned[1] > 0);
  for (int64_t a = 0; a < accounts; ++a) {
    const auto at = static_cast<size_t>(a);
    INFO("account " << a << ", came on day " << first[at] << ", entered version " << entered[at] + 1 << ", ended on day " << ended[at]);
    REQUIRE(entered[at] >= 0);
    std::string mine = story_of(*live, account_name(a)), other = story_of(*alone[static_cast<size_t>(entered[at])], account_name(a));
    if (ended[at] >= 0 && ended[at] < days - 1) continue;  // it may have enrolled again, under what is said now
    CHECK(mine == other);
  }
}

TEST_CASE("pinned accounts are counted, found by the plan and let over when the word is gone", "[trial]") {
  ON_BOTH_OPEN_STORES();
  constexpr int accounts = 6;
  const auto put = [&](Version& version, int from, int to, int64_t date) {
    for (int a = from; a < to; ++a) version.put(debtor_of(a), account_name(a), 100'00, 60, version.compiled.day_start(date) - 1);
  };
  {
    Version one(store, policy({}), 0);
    put(one, 0, accounts, first_day);
    for (int day = 0; day < 4; ++day) one.step(first_day + day);
    REQUIRE(one.stage_of("A1") == "soft.calling");
  }
  Words second;
  second.letter = "second";
  second.renamed_calling = true;
  second.extra = "";
  {
    // What the plan says: nobody is left without a stage, though `calling` is gone.
    Version one(store, policy({}), 0);
    const Compiled next(with_older(store, policy(second)));
    good(store.make_room(next.program()));
    simulate::NightProgram proposed = next.night();
    proposed.version = one.number + 1;
    const simulate::NightProgram running = one.night();
    const auto live = good(plan::look_at_portfolio(store, &running, proposed, one.compiled.day_start(first_day + 4)));
    CHECK(live.stranded.empty());
    REQUIRE(live.pinned.size() == 1);
    CHECK(live.pinned[0].strategy == "soft");
    CHECK(live.pinned[0].version == 1);
    CHECK(live.pinned[0].count == accounts);
    CHECK(live.pinned[0].example.entity == "account");
  }
  Version two(store, with_older(store, policy(second)), 1);
  CHECK(two.number == 2);
  CHECK(pinned_to(store, two, 1) == accounts);
  two.step(first_day + 4);
  CHECK(two.stage_of("A1") == "soft.calling");
  CHECK(two.state_of("A1").version == 1);
  CHECK(pinned_to(store, two, 1) == accounts);
  // The same text again: what it carries along belongs to it.
  CHECK(good(store.activate(Compiled(with_older(store, policy(second))).program(), two.compiled.sources(), "tester", 2)).number == 2);

  // A step back is a version of its own: those who came under the second one finish there.
  put(two, accounts, accounts + 2, first_day + 5);
  two.step(first_day + 5);
  Version back(store, with_older(store, policy({})), 3);
  CHECK(back.number == 3);
  CHECK(pinned_to(store, back, 1) == accounts);
  CHECK(pinned_to(store, back, 2) == 2);
  put(back, accounts + 2, accounts + 3, first_day + 6);
  for (int day = 6; day < 9; ++day) back.step(first_day + day);
  CHECK(back.state_of("A7").version == 2);
  CHECK(back.stage_of("A7") == "soft.dialing");
  CHECK(back.state_of("A8").version == 3);

  // Without the word everybody goes over; the stage that is gone says where.
  Words fourth;
  fourth.on_change = "on change migrate";
  fourth.extra = "migrate soft.dialing -> soft.calling";
  Version last(store, with_older(store, policy(fourth)), 4);
  CHECK(last.compiled.sources().files.size() == 1);
  last.step(first_day + 9);
  for (int a = 0; a < accounts + 3; ++a) CHECK(last.state_of(account_name(a)).version == last.number);
  CHECK(last.stage_of("A7") == "soft.calling");
}

TEST_CASE("a stage that is pinned holds whoever stands in it, and no longer", "[trial]") {
  ON_BOTH_OPEN_STORES();
  Words one_words;
  one_words.on_change = "";
  one_words.calling_on_change = "on change pin";
  Words two_words = one_words;
  two_words.letter = "second";
  two_words.mild = "second";
  two_words.again = 5;
  {
    Version one(store, policy(one_words), 0);
    for (int a = 0; a < 2; ++a) one.put("D0", account_name(a), 100'00, a == 0 ? 60 : 10, one.compiled.day_start(first_day) - 1);
    for (int day = 0; day < 3; ++day) one.step(first_day + day);
    REQUIRE(one.stage_of("A0") == "soft.calling");
    // Another one is still in the first stage.
    one.put("D1", "A9", 100'00, 60, one.compiled.day_start(first_day + 2));
    one.step(first_day + 3);
    REQUIRE(one.stage_of("A9") == "soft.first");
  }
  Version two(store, with_older(store, policy(two_words)), 1);
  two.step(first_day + 4);
  CHECK(two.state_of("A0").version == 1);
  CHECK(two.state_of("A9").version == 2);
  two.step(first_day + 5);  // three days in `calling`, as it was said when they came there
  CHECK(two.stage_of("A0") == "soft.pausing");
  CHECK(two.state_of("A0").version == 2);
  CHECK(two.state_of("A0").variables.front() == 1);
  for (int day = 6; day < 8; ++day) two.step(first_day + day);
  CHECK(two.stage_of("A0") == "soft.calling");  // back, and now under the new text
  CHECK(two.state_of("A0").version == 2);
  CHECK(pinned_to(store, two, 1) == 0);
}

TEST_CASE("what the pinned cannot do without may not go", "[trial]") {
  ON_BOTH_OPEN_STORES();
  std::string before = policy({}), after = policy({});
  const auto replaced = [](std::string text, const std::string& what, const std::string& with) { return text.replace(text.find(what), what.size(), with); };
  before = replaced(before, "score : int", "score : int, region : text?");
  before = replaced(before, "when hard_case and letters", "when (region default \"\") = \"north\" and letters");
  {
    Version one(store, before, 0);
    one.put("D0", "A0", 100'00, 60, one.compiled.day_start(first_day) - 1);
    one.step(first_day);
  }
  const Compiled next(after);
  const auto refused = plan::carry_along(store, next.sources(), next.program(), {.stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == store::StoreError::Kind::input);
  CHECK(refused.error().message.find("1 instances are pinned to version 1 of `soft`") != std::string::npos);
  CHECK(refused.error().message.find("region") != std::string::npos);
  CHECK(refused.error().message.find("@kept/1/test.dun:") != std::string::npos);
  // A field more is no trouble for those who do not know it.
  Version two(store, with_older(store, replaced(before, "region : text?", "region : text?, city : text?")), 1);
  two.step(first_day + 1);
  CHECK(two.state_of("A0").version == 2);  // what the strategy builds upon is the same: nobody is pinned
}

}  // namespace dunlin::trial_test
