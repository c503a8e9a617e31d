// Feeds and campaigns: what is read off a good bundle, and what cannot be kept.
#include <catch2/catch.hpp>

#include "checking.h"
#include "lang/sema/feeds.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using What = checked::FeedRefusal::What;

namespace {

const std::string queues = R"(
queue call { cost 1 }
queue robot { counts as call }
queue mail { cost 1 }
queue file { counts as nothing }
hold quarrel { stops call, until lifted }
hold everything { stops everything except mail, until lifted }
hold letters { stops mail "demand", until lifted }
)";
const std::string list = "town,key\nBerlin,A1\n\n\"a\nb\",A2\n";

checked::Department read(const std::string& text) {
  const BundleSources bundle{{{"bundle.dun", head + entities + queues + text}, {"list.csv", list}}};
  Checked checked = check_files(bundle.files);
  INFO(checked.text());
  REQUIRE(checked.program != nullptr);
  return checked::read_department(bundle, *checked.program);
}
std::string codes(const std::string& text) {
  return check_files({{"bundle.dun", head + entities + queues + text}, {"list.csv", list}, {"town.csv", "town,name\n"}}).codes();
}

}  // namespace

TEST_CASE("a feed says when its file is due, what waits for it, and which files are refused") {
  const auto feeds =
      read(
          "feed balances \"Balances\" { due 07:30, late : hold outbound, refuse file when bad_rows >= 0.5% or bad_rows > 120% or bad_rows > 1_000 or rows < 5 "
          "or total differs }\n"
          "feed scores { due 05:00, late : hold quarrel }\nfeed extra { late : hold everything, due 00:00 }\nfeed quiet { refuse file when total differs }\n")
          .feeds;
  REQUIRE(feeds.size() == 4);
  CHECK(feeds[0].title == "Balances");
  CHECK(feeds[0].due_s == 27'000);
  CHECK(feeds[0].holds);
  // All that is a contact.
  CHECK(feeds[0].queues == std::vector<std::string>{"call", "robot", "mail"});
  REQUIRE(feeds[0].refusals.size() == 5);
  CHECK((feeds[0].refusals[0].what == What::bad_share && feeds[0].refusals[0].op == ">=" && feeds[0].refusals[0].figure == "0.005"));
  CHECK(feeds[0].refusals[1].figure == "1.20");
  CHECK((feeds[0].refusals[2].what == What::bad_rows && feeds[0].refusals[2].figure == "1000" && feeds[0].refusals[2].text == "bad_rows > 1_000"));
  CHECK((feeds[0].refusals[3].what == What::rows && feeds[0].refusals[3].op == "<"));
  CHECK(feeds[0].refusals[4].what == What::total);
  CHECK(feeds[1].queues == std::vector<std::string>{"call", "robot"});
  CHECK(feeds[2].queues == std::vector<std::string>{"call", "file", "robot"});
  CHECK(feeds[2].due_s == 0);
  CHECK((feeds[3].due_s == -1 && !feeds[3].holds));
}

TEST_CASE("a campaign has its list, its days and its hours") {
  const auto campaigns = read(
                             "campaign \"payday\" { among list \"list.csv\", run 2026-05-05 to 2026-05-07 between 09:00 and 12:30, call \"payday\", priority "
                             "+50, at most 3_000 per day }\n"
                             "campaign \"all day\" { among list \"list.csv\", run 2026-05-05 to 2026-05-05, mail \"x\", priority -5 }\n")
                             .campaigns;
  REQUIRE(campaigns.size() == 2);
  const checked::Campaign& payday = campaigns[0];
  CHECK((payday.title == "payday" && payday.queue == "call" && payday.treatment == "payday"));
  CHECK((payday.from_day == 20'578 && payday.to_day == 20'580 && payday.from_s == 32'400 && payday.to_s == 45'000));
  CHECK((payday.priority == 50 && payday.per_day == 3000));
  REQUIRE(payday.cases.size() == 2);
  CHECK((payday.cases[0].key == "A1" && payday.cases[0].line == 2));
  CHECK((payday.cases[1].key == "A2" && payday.cases[1].line == 4));
  CHECK((campaigns[1].per_day == 0 && campaigns[1].to_s == 86'400 && campaigns[1].priority == -5));
}

TEST_CASE("what feeds and campaigns cannot keep is said") {
  CHECK(codes("feed a { late : hold outbound }") == "E0774");
  CHECK(codes("feed a { due 07:00, late : note \"late\" }") == "E0774");
  CHECK(codes("feed a { due 07:00, late : lift quarrel }") == "E0774");
  CHECK(codes("feed a { due 07:00, late : hold quarrel for 3 days }") == "E0774");
  CHECK(codes("feed a { due 07:00, late : hold letters }") == "E0774");
  CHECK(codes("feed a { due 07:00, late : hold quarel }") == "E0740");
  CHECK(codes("feed a { due 07:00 }\nfeed a { due 08:00 }") == "E0202");
  CHECK(codes("feed a { refuse row when total differs }") == "E0219");
  CHECK(codes("feed a { refuse file when sum differs }") == "E0775");
  CHECK(codes("feed a { refuse file when bad > 1% }") == "E0775");
  CHECK(codes("feed a { refuse file when rows > 1% }") == "E0775");
  CHECK(codes("feed a { refuse file when bad_rows > \"many\" }") == "E0775");
  const std::string rest = "run 2026-05-05 to 2026-05-07, call \"x\" }";
  CHECK(codes("campaign \"a\" { }") == "E0772 E0772 E0772");
  CHECK(codes("campaign \"a\" { among account, " + rest) == "E0773");
  CHECK(codes("campaign \"a\" { among list \"none.csv\", " + rest) == "E0810");
  CHECK(codes("campaign \"a\" { among list \"town.csv\", " + rest) == "E0812");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", at most 3 per calendar week, " + rest) == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", at most 3 per day, at most 2 per day, " + rest) == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", priority 1.5, " + rest) == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", mail \"y\", " + rest) == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-07 to 2026-05-05, call \"x\" }") == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-05 to 2028-05-05, call \"x\" }") == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-05 to 2026-05-07 between 12:00 and 09:00, call \"x\" }") == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-05 to 2026-05-07 between 09:00 and 12:00 on saturday, call \"x\" }") == "E0773");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-05 to 2026-05-07, cal \"x\" }") == "E0206");
  CHECK(codes("campaign \"a\" { among list \"list.csv\", run 2026-05-05 to 2026-05-07, call \"x {1}\" }") == "E0773");
}

TEST_CASE("a list lies beside the file that names it, or in the bundle's folder") {
  const std::string campaign = "campaign \"payday\" { among list \"keys.csv\", run 2026-05-05 to 2026-05-07, call \"x\" }\n";
  const BundleSources bundle{
      {{"bundle.dun", head + entities + queues}, {"spring/payday.dun", campaign}, {"spring/keys.csv", "key\nA7\n"}, {"keys.csv", "town,name\n"}}};
  Checked beside = check_files(bundle.files);
  INFO(beside.text());
  REQUIRE(beside.program != nullptr);
  const auto department = checked::read_department(bundle, *beside.program);
  REQUIRE(department.campaigns.size() == 1);
  REQUIRE(department.campaigns[0].cases.size() == 1);
  CHECK(department.campaigns[0].cases[0].key == "A7");
  CHECK(check_files({{"bundle.dun", head + entities + queues}, {"spring/payday.dun", campaign}, {"keys.csv", "key\nA7\n"}}).codes().empty());
  CHECK(check_files({{"bundle.dun", head + entities + queues}, {"spring/payday.dun", campaign}, {"autumn/keys.csv", "key\nA7\n"}}).codes() == "E0810");
}

TEST_CASE("whose keys a list has does not hang on the order of the strategies") {
  const std::string by_account = "strategy one \"One\" for account { enrol when true stage a { after 1 day : go b } final stage b }\n";
  const std::string by_debtor = "strategy two \"Two\" for debtor { enrol when true stage c { after 1 day : go d } final stage d }\n";
  const auto entity_of = [&](const std::string& strategies, const std::string& column) {
    const std::string campaign = "campaign \"payday\" { among list \"keys.csv\", run 2026-05-05 to 2026-05-07, call \"x\" }\n";
    const BundleSources bundle{{{"bundle.dun", head + entities + queues + strategies + campaign}, {"keys.csv", column + ",note\nK1,x\n"}}};
    Checked checked = check_files(bundle.files);
    if (!checked.program) return checked.codes();
    const auto department = checked::read_department(bundle, *checked.program);
    return department.campaigns.at(0).entity;
  };
  CHECK(entity_of(by_debtor, "key") == "debtor");
  CHECK(entity_of(by_account, "key") == "account");
  for (const std::string& both : {by_account + by_debtor, by_debtor + by_account}) {
    CHECK(entity_of(both, "account") == "account");
    CHECK(entity_of(both, "debtor") == "debtor");
    CHECK(entity_of(both, "key") == "E0812");
  }
}
