// Holds and deadlines: their events, what they stop, the words they do not know.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::LimitRule;

namespace {

const std::string queues = R"(
outcomes call of account { reached, no_answer }
queue call { outcomes call }
queue robot { counts as call }
queue mail { cost 1 }
event served of account { }
)";

Checked with(const std::string& text) { return check(entities + queues + text); }
Checked rule(const std::string& declared, const std::string& written) {
  return with(declared + "\nstrategy soft \"Soft\" for account {\n enrol when true\n stage a { " + written + " }\n stage b { after 1 day : go a }\n}\n");
}
const std::string quarrel = "hold quarrel for account { stops call, lasts 30 days }";

}  // namespace

TEST_CASE("a hold has events and stops queues and what counts as them") {
  const Checked made = with(
      "/// The debt is disputed.\nhold quarrel \"Dispute\" for account { stops call, mail \"demand\", timers stop, lasts 30 days, then review by supervisor }");
  INFO(made.text());
  REQUIRE(made.program);
  REQUIRE(made.program->holds.size() == 1);
  const checked::Hold& hold = made.program->holds[0];
  CHECK(hold.title == "Dispute");
  CHECK(hold.doc == "The debt is disputed.");
  CHECK(made.program->entities[hold.entity].name == "account");
  CHECK(made.program->events[hold.placed].name == "quarrel.placed");
  CHECK(made.program->events[hold.lifted].name == "quarrel.lifted");
  CHECK(made.program->events[hold.ended].name == "quarrel.ended");
  CHECK(made.program->events[hold.event].name == "quarrel");
  CHECK(hold.stops_timers);
  CHECK(hold.review_by == "supervisor");
  REQUIRE(made.program->limits.size() == 1);
  const checked::Limits& block = made.program->limits[0];
  REQUIRE(block.rules.size() == 2);
  CHECK(block.hold == 0);
  CHECK(block.rules[0].text == "stops call, mail \"demand\"");
  CHECK(block.rules[0].queues.size() == 2);  // robot counts as call
  CHECK(block.rules[1].only == "demand");
}

TEST_CASE("a hold without an entity is for the head of the case file; everything is every queue") {
  const Checked made = with("hold estate { stops everything except mail \"condolence\", robot, until lifted }");
  INFO(made.text());
  REQUIRE(made.program);
  CHECK(made.program->holds[0].entity == 0);
  CHECK(made.program->holds[0].lasts == checked::none);
  const LimitRule& line = made.program->limits[0].rules[0];
  CHECK(line.queues.size() == made.program->queues.size());
  CHECK(line.except.size() == 2);
  // One that stops nothing is asked for.
  const Checked mark = with("hold mark { timers run, until lifted }");
  REQUIRE(mark.program);
  CHECK(mark.program->limits.empty());
}

TEST_CASE("mistakes of holds") {
  CHECK(with("hold quarrel for account { stops call }").codes() == "E0741");
  CHECK(with("hold quarrel for account { stops call, then review by boss }").codes() == "E0741");
  CHECK(with("hold quarrel for account { lasts 3 days, until lifted }").codes() == "E0741");
  CHECK(with("hold quarrel for account { lasts 0 days }").codes() == "E0315");
  CHECK(with("hold quarrel for account { lasts 5 }").codes() == "E0301");
  CHECK(with("hold quarrel for acount { lasts 3 days }").codes() == "E0209");
  CHECK(with("hold quarrel { stops cal, lasts 3 days }").codes() == "E0730");
  CHECK(with("hold quarrel { timers halt, lasts 3 days }").codes() == "E0219");
  CHECK(with("hold quarrel { until dawn }").codes() == "E0219");
  CHECK(with("hold served { until lifted }").codes() == "E0743");
  CHECK(with("hold call { until lifted }").codes() == "E0743");
  CHECK(with("hold quarrel { until lifted }\nhold quarrel { until lifted }").codes() == "E0202");
  CHECK(with(quarrel + "\nextend account { x = held(quarel) }").codes() == "E0740");
  CHECK(with(quarrel + "\nextend account { x = held(served) }").codes() == "E0740");
  CHECK(with(quarrel + "\nextend account { x = held() }").codes() == "E0304");
  CHECK(with(quarrel + "\nextend account { x = held(1 + 1) }").codes() == "E0304");
  CHECK(with(quarrel + "\nfunction f(a : int) -> bool = held(quarrel)").codes() == "E0215");
  CHECK(rule(quarrel, "on served : lift quarel").codes() == "E0740");
  CHECK(rule(quarrel, "on served : hold quarrel for 5").codes() == "E0301");
  CHECK(with(quarrel + "\nstrategy s \"S\" for debtor { enrol when true, stage a { on served : hold quarrel } }").codes() == "E0742");
}

TEST_CASE("rules place and lift; who hangs on it may ask, and who it hangs on") {
  CHECK(rule(quarrel, "on served : hold quarrel").codes() == "");
  CHECK(rule(quarrel, "on served : hold quarrel for 5 days\n when held(quarrel) : go b\n on quarrel.ended : lift quarrel, go b").codes() == "");
  CHECK(rule("hold estate { until lifted }", "on served : hold estate\n when held(estate) : go b").codes() == "");
  CHECK(
      with(quarrel + "\nextend debtor { x = held(quarrel) }\nextend account { y = held(quarrel) and exists(quarrel.placed within 30 days where reason known) }")
          .codes() == "");
  CHECK(rule(quarrel, "on quarrel.placed : hold quarrel").codes() == "E0703");
}

TEST_CASE("a function may be called held") { CHECK(with("function held(a : int) -> int = a\nextend account { x = held(3) }").codes() == ""); }

TEST_CASE("a deadline is a rule for each warning and one for the miss") {
  const Checked made = rule("", R"(deadline answer 3 months from served {
    warn 10 business days before
    warn 2 days before : mail "soon"
    suspended while exists(served within 3 days)
    calendar none
    missed : mail "late", go b
  })");
  INFO(made.text());
  REQUIRE(made.program);
  REQUIRE(made.program->deadlines.size() == 1);
  const checked::Deadline& deadline = made.program->deadlines[0];
  CHECK(made.program->events[deadline.missed].name == "answer.missed");
  REQUIRE(made.program->calendars.size() == 1);
  CHECK(made.program->calendars[0].name == "none");
  const auto& rules = made.program->stages[0].rules;
  REQUIRE(rules.size() == 3);
  CHECK(rules[0].name == "a deadline answer warning");
  CHECK(rules[2].name == "a deadline answer missed");
  CHECK(rules[0].key != rules[1].key);
  CHECK(rules[2].actions.size() == 3);
  CHECK(rules[2].before == checked::none);
  REQUIRE(made.program->holds.size() == 1);
  CHECK(made.program->holds[0].deadline == 0);
  CHECK(checked::find_hold(*made.program, "answer") == checked::none);
}

TEST_CASE("mistakes of deadlines") {
  CHECK(rule("", "deadline answer 3 hours from served { }").codes() == "E0309");
  CHECK(rule("", "deadline answer 0 days from served { }").codes() == "E0315");
  CHECK(rule("", "deadline answer 3 days from 5 days { }").codes() == "E0301");
  CHECK(rule("", "deadline answer 3 days from nowhere { }").codes() == "E0201");
  CHECK(rule("", "deadline answer 3 days from served { calendar \"atlantis\" }").codes() == "E0806");
  CHECK(rule("", "deadline answer 3 days from served { suspended while 5 }").codes() == "E0307");
  CHECK(rule("", "deadline served 3 days from served { }").codes() == "E0743");
  CHECK(rule("deadline answer for account 3 days from served", "deadline answer 3 days from served").codes() == "E0202");
  CHECK(with("deadline answer for acount 3 days from served").codes() == "E0209");
  CHECK(rule("deadline answer for account 3 days from served { calendar by (if balance > 5 then \"pl\" else \"de\") }", "on answer.missed : go b").codes() ==
        "");
}
