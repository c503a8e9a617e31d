// What a condition costs before it runs: the wakes that its compiled form holds, and the steps it may take.
#include <catch2/catch.hpp>

#include "compiler/ir/wake_sources.h"
#include "lang/sema/analysis/work.h"
#include "tests/support/bundle_world.h"

using namespace dunlin;

namespace {

const char* const bundle = R"(
bundle cost "Cost" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, kind : enum { person, company } }
entity account of debtor { key id : text, begun : date?, seen : datetime?, overdue : money
  dpd       = days(begun, today) default 0
  late      = dpd > 90
  band      = step(dpd)
  doubled   = dpd * 2 + 1
  ninth     = dpd / 9
  still     = overdue > 5 and debtor.kind = person
  working   = business_days(begun, today) default 0
  after_it  = seen known and now >= seen
  recent    = count(payment within 30 days)
  enough    = count(payment within 30 days) >= 3
  in_month  = sum(payment.amount this month)
  ever      = exists(payment where amount > 5)
  others    = exists(a in debtor.accounts where a.dpd > 30)
  all_twice = count(payment where amount > overdue) + count(payment where amount < overdue)
}
event payment of account { amount : money }
table step(dpd : int) -> (band : int) first {
  | dpd  || band |
  | < 30 || 1    |
  | < 60 || 2    |
  | any  || 3    |
}
)";

ir::WakeSources sources_of(test::BundleWorld& world, const ir::WakeSourceFinder& finder, const std::string& field) {
  for (const auto& derived : world.program().entities[1].derived) {
    if (derived.name == field) return finder.of(derived.root);
  }
  FAIL("no field " << field);
  return {};
}

}  // namespace

TEST_CASE("what wakes daily is told from what wakes at a date") {
  test::BundleWorld world(bundle);
  const ir::WakeSourceFinder finder(world.ir());
  const auto of = [&](const std::string& field) { return sources_of(world, finder, field); };
  for (const char* field : {"dpd", "doubled", "ninth"}) {
    INFO(field);
    CHECK(of(field).daily);
    CHECK(of(field).per_month() == Approx(30.4));
  }
  for (const char* field : {"late", "band", "after_it"}) {
    INFO(field);
    CHECK_FALSE(of(field).daily);
    CHECK(of(field).dates >= 1);
  }
  CHECK_FALSE(of("still").any());
  CHECK_FALSE(of("ever").any());
  CHECK(of("working").working_days);
  CHECK_FALSE(of("working").daily);
  CHECK(of("recent").leaving == 1);
  CHECK(of("enough").leaving == 1);
  CHECK(of("in_month").month_ends);
  CHECK_FALSE(of("in_month").daily);
  // A list is asked for each of its elements, each of which turns at a date of its own.
  CHECK(of("others").dates >= 1);
  CHECK_FALSE(of("others").daily);
}

TEST_CASE("steps are counted once, and for each event and element that a query walks") {
  test::BundleWorld world(bundle);
  analysis::WorkCounter counter(world.program());
  const auto of = [&](const std::string& field) -> const analysis::Work& {
    for (const auto& derived : world.program().entities[1].derived) {
      if (derived.name == field) return counter.of(derived.root);
    }
    throw std::logic_error(field);
  };
  CHECK(of("still").steps.size() == 1);
  CHECK(of("band").steps.at({}) > of("dpd").steps.at({}) + 2);  // three rows
  REQUIRE(of("recent").steps.size() == 2);
  CHECK(of("recent").steps.contains({"event `payment` in its window"}));
  CHECK(of("ever").steps.contains({"event `payment`"}));
  CHECK(of("others").steps.contains({"`account`"}));
  CHECK(of("all_twice").steps.at({"event `payment`"}) > of("ever").steps.at({"event `payment`"}));
  analysis::Work both = of("ever");
  both.add(of("ever"));
  CHECK(both.steps.at({"event `payment`"}) == 2 * of("ever").steps.at({"event `payment`"}));
  CHECK(of("ever").each("`account`").steps.contains({"`account`", "event `payment`"}));
  CHECK(analysis::Work{{{{}, 1204}, {{"`party`"}, 3}}}.text() == "1,204 steps, 3 for each `party`");
}
