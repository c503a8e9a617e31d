// Where a strategy asks for more than its limits allow, a debtor is found that shows it; where it does not, none is.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "lang/diag/render.h"
#include "runtime/simulate/cap_story.h"
#include "tests/sim/world.h"

namespace dunlin::sim_test {

namespace {

std::vector<simulate::CapStory> stories_of(const Compiled& compiled) {
  return simulate::find_cap_stories(compiled.program(), compiled.evaluator(), compiled.calendar());
}

/// Those that one account alone shows.
std::vector<simulate::CapStory> of_one_account(const Compiled& compiled) {
  auto stories = stories_of(compiled);
  std::erase_if(stories, [](const simulate::CapStory& story) { return story.twice != checked::none; });
  return stories;
}

std::string told(const simulate::CapStory& story) {
  std::string text;
  for (const auto& [name, value] : story.facts) text += name + " = " + value + "\n";
  for (const auto& [day, what] : story.days) text += day + ": " + what + "\n";
  return text;
}

std::string bundle(const std::string& limits, const std::string& stage, const std::string& merge = "") {
  return fmt::format(R"(
bundle paced "Paced" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
entity debtor {{ key id : text, bankrupt : bool }}
entity account of debtor {{ key id : text, overdue : money, score : int? in 300..850 }}
event statement of account {{ months : int in 0..9 }}
extend account {{ months = last(statement).months default 0 }}
outcomes call of account {{ reached {{ promises (amount : money, due : date in today..today + 14 days), refuses }}, no_answer }}
outcomes mail of account {{ sent }}
queue call {{ outcomes call{} }}
queue mail {{ outcomes mail }}
limits "Caps" {{ {} }}
strategy soft "Soft" for account {{
  enrol when overdue > 250 and score known and score < 400 or months >= 3
  when overdue <= 250 and months < 3 : go paid
  stage calling {{
{}
  }}
  final stage paid {{ enrol again when overdue > 250 }}
}}
)",
                     merge.empty() ? merge : ", " + merge, limits, stage);
}

int64_t seeds() {
  const char* set = std::getenv("DUNLIN_STORY_SEEDS");
  return set == nullptr ? 25 : std::atoll(set);
}

}  // namespace

TEST_CASE("the days of one debtor show what has to wait") {
  const Compiled compiled(bundle("call at most 2 per day per debtor", "keep call \"ring\" { again 3 hours }"));
  const auto stories = stories_of(compiled);
  REQUIRE(stories.size() == 1);
  CHECK(compiled.program().strategies[stories[0].strategy].name == "soft");
  CHECK(stories[0].cap->text == "call at most 2 per day per debtor");
  CHECK(told(stories[0]) ==
        "account.overdue = 251.00\n"
        "account.score = 300\n"
        "day 1, 2026-01-05 06:00: account enters soft.calling\n"
        "day 1, 2026-01-05 06:00: call \"ring\" goes out: reached.refuses\n"
        "day 1, 2026-01-05 09:00: call \"ring\" goes out: reached.refuses\n"
        "day 1, 2026-01-05 12:00: call \"ring\" is asked for, and the limits `Caps` have no room (`call at most 2 per day per debtor`): it has to wait until "
        "2026-01-06 00:00\n");
  Diagnostics diagnostics;
  simulate::report_cap_stories(compiled.program(), stories, diagnostics);
  REQUIRE(diagnostics.all().size() == 1);
  CHECK(diagnostics.all()[0].code == "E0735");
  CHECK(diagnostics.all()[0].severity == Severity::warning);
  const std::string json = render_json(diagnostics, compiled.source_map());
  CHECK(json.find("day 1, 2026-01-05 12:00: call") != std::string::npos);
}

TEST_CASE("what keeps its own pace is not told of") {
  // Hours, pauses and bans move tasks too: that is not asking for more.
  CHECK(of_one_account(Compiled(bundle("call at most 2 per day per debtor, call between 09:00 and 10:00", "keep call \"ring\" { again 3 hours }"))).empty());
  CHECK(of_one_account(Compiled(bundle("call at most 2 per day per debtor", "keep call \"ring\" { again 3 hours, attempts at most 2 per day }"))).empty());
  CHECK(of_one_account(Compiled(bundle("call at most 1 per day per debtor, never call when debtor.bankrupt", "every 1 day at most 9 times : call \"ring\"")))
            .empty());
  CHECK(of_one_account(Compiled(bundle("never call when debtor.bankrupt", "keep call \"ring\" { again 3 hours }"))).empty());
  CHECK(of_one_account(Compiled(bundle("call at most 1 per day per debtor", "keep mail \"letter\" { again 3 hours }"))).empty());
}

TEST_CASE("two rules that ask for the same hour") {
  const Compiled compiled(bundle("any contact at most 1 per day per debtor", "every 2 days : call \"ring\"\n every 3 days : mail \"letter\""));
  const auto stories = of_one_account(compiled);
  for (const auto& story : stories) UNSCOPED_INFO(told(story));
  REQUIRE(stories.size() == 1);
  CHECK(told(stories[0]).find("day 7, 2026-01-11 06:00: mail \"letter\" is asked for") != std::string::npos);
}

TEST_CASE("a limit counts per debtor, and the strategy asks for each account") {
  const Compiled compiled(bundle("call at most 1 per day per debtor", "keep call \"ring\" { again 1 day }"));
  CHECK(of_one_account(compiled).empty());
  const auto stories = stories_of(compiled);
  REQUIRE(stories.size() == 1);
  CHECK(told(stories[0]) ==
        "account.overdue = 251.00\n"
        "account.score = 300\n"
        "day 1, 2026-01-05 06:00: account 1 enters soft.calling\n"
        "day 1, 2026-01-05 06:00: account 2 enters soft.calling\n"
        "day 1, 2026-01-05 06:00: call \"ring\" of account 1 goes first; call \"ring\" of account 2 is asked for, and the limits `Caps` have no room (`call at "
        "most 1 per day per debtor`): it has to "
        "wait until 2026-01-06 00:00\n");
  Diagnostics diagnostics;
  simulate::report_cap_stories(compiled.program(), stories, diagnostics);
  REQUIRE(diagnostics.all().size() == 1);
  CHECK(diagnostics.all()[0].message.find("strategy `soft`, for a debtor with two of `account`, asks for more") == 0);
  // Counted for each account, there is nothing to tell.
  CHECK(stories_of(Compiled(bundle("call at most 1 per day per account", "keep call \"ring\" { again 1 day }"))).empty());
}

TEST_CASE("what goes out in one conversation is one contact") {
  const std::string limits = "call at most 1 per day per debtor", keep = "keep call \"ring\" { again 1 day }";
  CHECK(stories_of(Compiled(bundle(limits, keep))).size() == 1);
  CHECK(stories_of(Compiled(bundle(limits, keep, "merge per debtor { counts once }"))).empty());
  // It goes out together and counts for each, or counts once for each account.
  CHECK(stories_of(Compiled(bundle(limits, keep, "merge per debtor { lead by overdue desc }"))).size() == 1);
  CHECK(stories_of(Compiled(bundle(limits, keep, "merge per account { counts once }"))).size() == 1);
  // What one account asks for is too much for two as well, and told as the one account's.
  const Compiled more(bundle(limits, "keep call \"ring\" { again 3 hours }", "merge per debtor { counts once }"));
  CHECK(stories_of(more).size() == 1);
  CHECK(of_one_account(more).size() == 1);
}

TEST_CASE("an outcome of a conversation is heard by those whose it is") {
  const auto stories_with = [](const std::string& promise, const std::string& order) {
    return stories_of(Compiled(fmt::format(R"(
bundle paced "Paced" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
entity debtor {{ key id : text }}
entity account of debtor {{ key id : text, overdue : money }}
outcomes call of account {{ promises {} }}
outcomes mail of account {{ sent }}
queue call {{ outcomes call, merge per debtor {{ {}counts once }} }}
queue mail {{ outcomes mail }}
limits "Caps" {{ call at most 1 per day per debtor, mail at most 1 per day per debtor }}
strategy soft "Soft" for account {{
  enrol when overdue > 250
  stage calling {{ keep call "ring" {{ again 3 days }}, on call.promises : mail "letter" }}
}}
)",
                                           promise, order)));
  };
  // Both hear of it, and both write.
  const auto stories = stories_with("", "");
  REQUIRE(stories.size() == 1);
  CHECK(stories[0].twice != checked::none);
  CHECK(told(stories[0]).find("mail \"letter\" of account 2 is asked for") != std::string::npos);
  // One of them hears of it, and the other goes back into line: it did go out, so that it waits now is not told of.
  for (const char* order : {"promises oldest first, ", "promises newest first, "}) {
    INFO(order);
    for (const auto& story : stories_with("", order)) FAIL_CHECK(told(story));
  }
  for (const auto& story : stories_with("(amount : money)", "")) FAIL_CHECK(told(story));
}

TEST_CASE("one account stands here and the other there") {
  // Calls of two accounts go out as one, and so do letters; a call for the one and a letter for the other are two contacts.
  const auto text = [](const std::string& limits, const std::string& strategies) {
    return fmt::format(R"(
bundle mixed "Mixed" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
entity debtor {{ key id : text, bankrupt : bool, asked : bool }}
entity account of debtor {{ key id : text, overdue : money }}
outcomes call of account {{ reached, no_answer }}
outcomes mail of account {{ sent }}
queue call {{ outcomes call, merge per debtor {{ counts once }} }}
queue mail {{ outcomes mail, merge per debtor {{ counts once }} }}
limits "Caps" {{ any contact at most 1 per day per {} }}
{}
)",
                       limits, strategies);
  };
  const std::string two = R"(
strategy soft "Soft" for account {
  enrol when overdue in 1..250
  stage writing { every 2 days when not debtor.bankrupt : mail "letter" }
}
strategy hard "Hard" for account {
  enrol when overdue > 250
  stage calling { every 2 days when debtor.asked : call "ring" }
})";
  const std::string one = R"(
strategy all "All" for account {
  enrol when overdue > 0
  stage calling { every 2 days : call "ring", when overdue <= 250 : go writing }
  stage writing { every 2 days : mail "letter" }
})";
  for (const std::string& strategies : {two, one}) {
    INFO(strategies);
    const Compiled compiled(text("debtor", strategies));
    CHECK(of_one_account(compiled).empty());
    const auto stories = stories_of(compiled);
    for (const auto& story : stories) UNSCOPED_INFO(told(story));
    REQUIRE(stories.size() == 1);
    CHECK(stories[0].twice != checked::none);
    CHECK(stories[0].differ);
    CHECK(told(stories[0]).find("account 1.overdue = ") != std::string::npos);
    CHECK(told(stories[0]).find("account 2.overdue = ") != std::string::npos);
    Diagnostics diagnostics;
    simulate::report_cap_stories(compiled.program(), stories, diagnostics);
    REQUIRE(diagnostics.all().size() == 1);
    CHECK(diagnostics.all()[0].message.find(", for a debtor with two of `account` that differ, asks for more") != std::string::npos);
    CHECK(stories_of(Compiled(text("account", strategies))).empty());
  }
}

TEST_CASE("only an outcome that nobody expects leads there") {
  // Refusals bring letters, and letters are the ones that are too many.
  const Compiled compiled(
      bundle("mail at most 1 per calendar week per debtor", "keep call \"ring\" { again 2 days }\n on call.reached.refuses : mail \"letter\""));
  const auto stories = stories_of(compiled);
  REQUIRE(stories.size() == 1);
  CHECK(told(stories[0]).find("call \"ring\" goes out: reached.refuses") != std::string::npos);
}

TEST_CASE("an ordinary breach is found behind conditions that few debtors meet") {
  const auto guarded = [](const std::string& keep) {
    return fmt::format(R"(
bundle guarded "Guarded" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
enum legal_form {{ company, public_body, person }}
enum channel {{ post, email, fax, phone, messenger }}
entity debtor {{ key id : text, form : legal_form, bankrupt : bool, represented : bool, contact_refused : bool, deceased : bool, minor : bool, asked : bool,
  may_be_called : bool }}
entity contact_point of debtor {{ key id : text, kind : channel, dead : bool, disputed : bool }}
entity account of debtor {{ key id : text, overdue : money, sold : bool, frozen : bool }}
outcomes call of account {{ reached, no_answer }}
queue call {{ outcomes call }}
limits "Caps" {{
  applies when debtor.form = person
  never call when debtor.bankrupt or debtor.represented or debtor.contact_refused or debtor.deceased or debtor.minor
  never call when not debtor.may_be_called
  call at most 2 per calendar week per debtor
}}
strategy soft "Soft" for account {{
  enrol when overdue > 100
  stage calling {{ {} }}
}}
)",
                       keep);
  };
  for (const char* keep : {"keep call \"ring\" { to first(c in debtor.contact_points where c.kind = phone and not c.dead and not c.disputed), again 1 hour }",
                           "keep call \"ring\" for c in debtor.contact_points where c.kind = phone and not c.dead { again 1 hour }",
                           "keep call \"ring\" while debtor.asked and not sold and not frozen { again 1 hour }",
                           "every 1 day when debtor.asked and not sold and not frozen : call \"ring\""}) {
    INFO(keep);
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      const Compiled compiled(guarded(keep));
      const auto stories = simulate::find_cap_stories(compiled.program(), compiled.evaluator(), compiled.calendar(), {.seed = seed});
      INFO("seed " << seed);
      REQUIRE(stories.size() == 1);
      CHECK(stories[0].cap->text == "call at most 2 per calendar week per debtor");
    }
  }
}

TEST_CASE("the same bundle tells the same stories") {
  const Compiled compiled(bundle("call at most 3 in any 5 days per debtor", "keep call \"ring\" { again 30 hours }"));
  const auto first = stories_of(compiled), second = stories_of(compiled);
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(told(first[0]) == told(second[0]));
}

TEST_CASE("the bundles that come with Dunlin ask for no more than their limits allow") {
  std::vector<std::string> folders = {"strategies/card_collections", "strategies/reference_night"};
  for (const auto& entry : std::filesystem::directory_iterator(std::string(DUNLIN_SOURCE_DIR) + "/strategies/policies")) {
    if (entry.is_directory()) folders.push_back("strategies/policies/" + entry.path().filename().string());
  }
  int64_t with_caps = 0;
  for (const std::string& folder : folders) {
    INFO(folder);
    const Compiled compiled = Compiled::folder(folder);
    for (const checked::Limits& limits : compiled.program().limits) {
      for (const checked::LimitRule& line : limits.rules) with_caps += line.kind == checked::LimitRule::Kind::at_most ? 1 : 0;
    }
    for (const auto& story : stories_of(compiled)) FAIL_CHECK(story.rule->name << "\n" << told(story));
  }
  CHECK(with_caps >= 3);
}

TEST_CASE("stories are told exactly where counting by hand says that there is one", "[property]") {
  for (int64_t seed = 1; seed <= seeds(); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const int64_t again_h = 1 + dice.below(60), at_most = 1 + dice.below(4), attempts = 1 + dice.below(12), window = dice.below(3);
    const char* const windows[] = {"per day", "per calendar week", "in any 3 days"};
    const std::string limits = fmt::format("call at most {} {} per debtor", at_most, windows[window]);
    const std::string stage = fmt::format("keep call \"ring\" {{ again {} hours, attempts at most {} in stage }}", again_h, attempts);
    const Compiled compiled(bundle(limits, stage));
    const auto too_many_from = [&](int64_t weekday, int accounts) {  // 0: the first day is a Monday
      std::vector<int64_t> dates;
      for (int64_t k = 0; k < attempts; ++k) {
        // Days begin at 06:00, and the k-th attempt comes k times `again` later.
        const int64_t date = weekday + (6 + k * again_h) / 24;
        const auto counts = [&](int64_t other) { return window == 0 ? other == date : window == 1 ? other / 7 == date / 7 : other > date - 3; };
        for (int account = 0; account < accounts; ++account) {
          if (std::ranges::count_if(dates, counts) + 1 > at_most) return true;
          dates.push_back(date);
        }
      }
      return false;
    };
    bool on_some_day = false;
    for (int64_t weekday = 0; weekday < 7; ++weekday) on_some_day = on_some_day || too_many_from(weekday, 2);
    INFO("seed " << seed << ": again " << again_h << " hours, " << attempts << " attempts, at most " << at_most << " " << windows[window]);
    const auto stories = stories_of(compiled);
    // The first debtor of the search comes on a Monday.
    if (too_many_from(0, 2)) CHECK(stories.size() == 1);
    if (too_many_from(0, 1)) CHECK(of_one_account(compiled).size() == 1);
    if (!on_some_day) CHECK(stories.empty());
    // In one conversation two accounts ask for no more than one does.
    const Compiled merged(bundle(limits, stage, "merge per debtor { counts once }"));
    bool alone_on_some_day = false;
    for (int64_t weekday = 0; weekday < 7; ++weekday) alone_on_some_day = alone_on_some_day || too_many_from(weekday, 1);
    const auto of_merged = stories_of(merged);
    if (too_many_from(0, 1)) CHECK(of_merged.size() == 1);
    if (!alone_on_some_day) CHECK(of_merged.empty());
  }
}

TEST_CASE("accounts that differ are told of exactly where counting their contacts by hand says so", "[property]") {
  for (int64_t seed = 1; seed <= seeds(); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    // Both begin on the same morning, and each has its own pace. What is merged is one contact for any number of accounts.
    const int64_t at_most = 1 + dice.below(2);
    int64_t first[2], every[2], times[2];
    std::string strategies;
    const char* const queues[] = {"call", "mail"};
    for (int s = 0; s < 2; ++s) {
      every[s] = 2 + dice.below(4);
      first[s] = 1 + dice.below(3);
      times[s] = 1 + dice.below(4);
      strategies += fmt::format(R"(
strategy s{0} "S{0}" for account {{
  enrol when overdue > 0 and kind = k{0}
  stage waits {{ after {1} days : go asks }}
  stage asks {{ every {2} days at most {3} times : {4} "it" }}
}})",
                                s, first[s], every[s], times[s], queues[s]);
    }
    const std::string text = fmt::format(R"(
bundle mixed "Mixed" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
enum kinds {{ k0, k1 }}
entity debtor {{ key id : text }}
entity account of debtor {{ key id : text, overdue : money, kind : kinds }}
outcomes call of account {{ reached, no_answer }}
outcomes mail of account {{ sent }}
queue call {{ outcomes call, merge per debtor {{ counts once }} }}
queue mail {{ outcomes mail, merge per debtor {{ counts once }} }}
limits "Caps" {{ any contact at most {} in any 3 days per debtor }}
{}
)",
                                         at_most, strategies);
    // `every` acts when its first period is over.
    std::vector<int64_t> days;
    for (int s = 0; s < 2; ++s) {
      for (int64_t k = 0; k < times[s]; ++k) days.push_back(first[s] + (k + 1) * every[s]);
    }
    const auto too_many_by = [&](auto begin, auto end) {
      return std::any_of(begin, end,
                         [&](int64_t day) { return std::count_if(begin, end, [&](int64_t other) { return other <= day && other > day - 3; }) > at_most; });
    };
    const auto border = days.begin() + times[0];
    const bool alone = too_many_by(days.begin(), border) || too_many_by(border, days.end()), both = too_many_by(days.begin(), days.end());
    const Compiled compiled(text);
    const auto stories = stories_of(compiled);
    INFO("seed " << seed << "\n" << text);
    for (const auto& story : stories) UNSCOPED_INFO(told(story));
    CHECK(stories.empty() == !both);
    CHECK(of_one_account(compiled).empty() == !alone);
    if (both && !alone) CHECK(std::ranges::all_of(stories, &simulate::CapStory::differ));
  }
}

}  // namespace dunlin::sim_test
