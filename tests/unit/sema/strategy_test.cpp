// Strategies: rules, timers, standing tasks, events, keys.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Action;
using checked::Rule;

namespace {

const std::string queues = R"(
outcomes call {
  reached { debtor { promises as promise (amount : money, due : date in today..today + 14 days) when age > 3, refuses (reason : text) }, third_party { message_left, debtor } }
  not_reached { no_answer, busy }
}
queue call { outcomes call, cost 12, lease 15 minutes, due 1 business day, fields { phone_number : text, script : text? } }
queue letter { cost 1.50 }
event frozen of debtor
event thawed of debtor
)";

Checked soft(const std::string& items) { return check(entities + queues + "strategy soft \"Soft\" for account {\n" + items + "\n}\n"); }
Checked stage(const std::string& rules) { return soft("  var n : int = 0\n  stage a {\n" + rules + "\n  }\n  stage b { after 1 day : go a }"); }

const Rule& rule_of(const Checked& made) {
  INFO(made.text());
  REQUIRE(made.program);
  return made.program->stages[0].rules.at(0);
}
const checked::Root& root(const Checked& made, checked::RootId id) { return made.program->roots.at(id); }

}  // namespace

TEST_CASE("timers by what they hang on") {
  const Checked after = stage("after 3 days : go b");
  CHECK(rule_of(after).anchor == Rule::Anchor::stage);
  CHECK(rule_of(after).delay != checked::none);
  CHECK(rule_of(after).name == "a after 3 days");
  CHECK_FALSE(rule_of(after).named);
  CHECK(rule_of(stage("after 45 days in soft : go b")).anchor == Rule::Anchor::strategy);
  const Checked instant = stage("after last(promise).due + 2 business days : go b");
  CHECK(rule_of(instant).anchor == Rule::Anchor::instant);
  CHECK(checked::type_name(*instant.program, root(instant, rule_of(instant).instant).type) == "datetime?");
  CHECK(root(instant, rule_of(instant).instant).wants_wake);
  const Checked at = stage("at last(promise).due - 1 day else skip : letter \"x\"");
  CHECK(rule_of(at).kind == Rule::Kind::at);
  CHECK(rule_of(at).if_late == Rule::IfLate::skip);
  const Checked every = stage("every 7 days at most 4 times when n > 1 : letter \"x\"");
  CHECK(rule_of(every).at_most != checked::none);
  CHECK_FALSE(rule_of(every).at_most_in_strategy);
  CHECK(root(every, rule_of(every).guard).wants_wake);
  CHECK(rule_of(stage("every 7 days at most 4 times in soft : letter \"x\"")).at_most_in_strategy);
  CHECK(stage("every today : letter \"x\"").codes() == "E0301");
  CHECK(stage("at 3 days : letter \"x\"").codes() == "E0301");
  CHECK(stage("after age : go b").codes() == "E0301");
  CHECK(stage("after 3 days in hard : go b").codes() == "E0205");
  CHECK(stage("every 0 days : letter \"x\"").codes() == "E0315");
}

TEST_CASE("handlers and what they see of the event") {
  const Checked on = stage("on promise where amount > 5 and event.due > today and outcome = promises : go b");
  INFO(on.text());
  REQUIRE(on.program);
  const Rule& rule = rule_of(on);
  CHECK(on.program->events[rule.events[0]].name == "call.reached.debtor.promises");
  CHECK_FALSE(root(on, rule.guard).wants_wake);
  CHECK(root(on, rule.guard).event_type == rule.events[0]);
  CHECK(stage("on call.reached where amount > 5 : go b").codes() == "E0201");
  CHECK(stage("on call.reached, call.not_reached where treatment known : go b").codes() == "");
  CHECK(stage("on payment, complaint where amount > 5 : go b").codes() == "E0201");
  CHECK(stage("on complaint where serious : go b").codes() == "");
  CHECK(stage("on promisse : go b").codes() == "E0204");
  CHECK(stage("on promisse : go b").first().help == "did you mean `promise`?");
  CHECK(stage("on blocked : go b").codes() == "E0705");
  CHECK(stage("on promise, promise : go b").codes() == "E0202");
}

TEST_CASE("a handler that looks at loaded data is warned of") {
  CHECK(stage("on payment where balance > 5 : note \"x\"").codes() == "E0718");
  CHECK(stage("on payment where debtor.bankrupt : note \"x\"").codes() == "E0718");
  CHECK(stage("on payment where amount > 5 and n > 1 and account.id != \"x\" : note \"x\"").codes() == "");
  CHECK(stage("on payment where count(payment within 3 days) > 1 : note \"x\"").codes() == "");
  const Checked derived = check(entities +
                                "extend account { large = balance > 5, often = count(payment) > 3 }\n"
                                "strategy s \"S\" for account { stage a {\n on payment where often : note \"x\"\n on payment where large : note \"y\"\n} }");
  CHECK(derived.codes() == "E0718");
  CHECK(derived.underlined() == "large");
}

TEST_CASE("events form trees in preorder") {
  const Checked made = soft("  stage a { }");
  REQUIRE(made.program);
  const auto& events = made.program->events;
  for (size_t i = 0; i < events.size(); ++i) {
    CHECK(events[i].last_descendant >= static_cast<int>(i));
    if (events[i].parent != checked::none) {
      CHECK(events[i].parent < static_cast<int>(i));
      CHECK(events[events[i].parent].last_descendant >= events[i].last_descendant);
    }
  }
  const auto promise = checked::find_event(*made.program, "promise");
  REQUIRE(promise != checked::none);
  CHECK(events[promise].fields[0].name == "treatment");
  CHECK(events[promise].fields[3].name == "amount");
  CHECK(events[promise].fields[4].in_range != checked::none);
  CHECK(events[promise].allowed_when != checked::none);
  CHECK(made.program->entities[events[promise].owner].name == "account");
  const checked::Queue& call = made.program->queues[0];
  CHECK(made.program->enums[call.outcome_enum].literals == std::vector<std::string>{"promises", "refuses", "message_left", "debtor", "no_answer", "busy"});
  CHECK(events[promise].leaf_ordinal == 0);
  CHECK(call.cost == 1'200);
  CHECK(call.lease_us == 900'000'000);
  CHECK(call.slot_count == 3);
}

TEST_CASE("cancelled events") {
  const Checked made = check(entities + "event chargeback cancels payment\nevent back of debtor cancels payment");
  CHECK(made.codes().find("E0313") != std::string::npos);
  const Checked good = check(entities + "event chargeback of account cancels payment");
  REQUIRE(good.program);
  const auto index = checked::find_event(*good.program, "chargeback");
  CHECK(good.program->events[index].cancels == std::vector<checked::Index>{checked::find_event(*good.program, "payment")});
  CHECK(check(entities + "event chargeback of account cancels paiment").codes() == "E0204");
}

TEST_CASE("when leads to a go and to nothing else") {
  CHECK(stage("when age > 3 : go b").codes() == "");
  CHECK(stage("when age > 3 : letter \"x\"").codes() == "E0701");
  CHECK(stage("when age > 3 : letter \"x\", go b").codes() == "E0701");
  CHECK(stage("when age : go b").codes() == "E0307");
}

TEST_CASE("go") {
  const Checked made = stage("after 1 day : go b\nafter 2 days : go soft\nafter 3 days : go back\nafter 4 days : go soft.b\nafter 5 days : restart stage");
  INFO(made.text());
  REQUIRE(made.program);
  const auto& rules = made.program->stages[0].rules;
  CHECK(rules[0].actions[0].kind == Action::Kind::go);
  CHECK(rules[0].actions[0].stage == 1);
  CHECK(rules[1].actions[0].kind == Action::Kind::enter_strategy);
  CHECK(rules[2].actions[0].kind == Action::Kind::go_back);
  CHECK(rules[3].actions[0].stage == 1);
  CHECK(rules[4].actions[0].kind == Action::Kind::restart);
  CHECK(stage("after 1 day : go c").codes() == "E0205");
  CHECK(stage("after 1 day : go hard.b").codes() == "E0205");
  CHECK(check(entities + "strategy s \"S\" for account { stage a { after 1 day : go t } }\nstrategy t \"T\" for debtor { stage c { } }").codes() == "E0301");
}

TEST_CASE("tasks and their fields") {
  const Checked made = stage("on entry : call \"first\" to debtor { phone_number: region } stays");
  INFO(made.text());
  REQUIRE(made.program);
  const Action& action = rule_of(made).actions[0];
  CHECK(action.stays);
  CHECK(action.recipient != checked::none);
  CHECK(action.fields.size() == 1);
  CHECK(stage("on entry : call \"first\"").codes() == "E0314");
  CHECK(stage("on entry : call \"first\" { phone_number: age }").codes() == "E0301");
  CHECK(stage("on entry : call \"first\" { phone_number: region, colour: 1 }").codes() == "E0208");
  CHECK(stage("on entry : letter \"first\" to region").codes() == "E0301");
  CHECK(stage("on entry : lettre \"first\"").codes() == "E0206");
}

TEST_CASE("variables, events, rows") {
  CHECK(stage("on entry : set n = n + 1").codes() == "");
  CHECK(stage("on entry : set n = 1.5").codes() == "E0301");
  CHECK(stage("on entry : set balance = 0").codes() == "E0217");
  CHECK(soft("  var x : int\n  stage a { }").codes() == "E0321");
  CHECK(soft("  var x : int?\n  stage a { }").codes() == "");
  CHECK(soft("  var x = today\n  stage a { on entry : set x = today + 3 days }").codes() == "");
  CHECK(stage("on entry : raise payment { amount: 5 }").codes() == "");
  CHECK(stage("on entry : raise payment").codes() == "E0314");
  CHECK(stage("on entry : raise call.reached").codes() == "E0204");
  CHECK(stage("on entry : open party { role: heir, consent: true }").codes() == "");
  CHECK(stage("on entry : open phone { number_text: \"1\" }").codes() == "");
  CHECK(stage("on entry : open house { }").codes() == "E0209");
  CHECK(stage("on entry : hold dispute").codes() == "E0740");
  CHECK(stage("on entry : ask discount").codes() == "E0750");
}

TEST_CASE("events that raise each other in a circle") {
  CHECK(stage("on frozen : raise thawed").codes() == "");
  CHECK(stage("on frozen : raise thawed\non thawed : raise frozen").codes() == "E0703");
  CHECK(stage("on frozen : raise frozen").codes() == "E0703");
  CHECK(soft("  stage a { on frozen : go b }\n  stage b { on entry : raise frozen }").codes() == "E0703");
}

TEST_CASE("standing tasks") {
  const Checked made = check(entities + queues + R"(
table retry(outcome : call.outcome, attempts : int) -> (wait : duration) first {
  | outcome | attempts || wait       |
  | busy    | any      || 15 minutes |
  | any     | any      || 3 hours    |
}
strategy soft "Soft" for account {
  stage a {
    keep call "guarantor" for g in parties where g.role = guarantor and g.share known while secured {
      to        g
      again     by retry(outcome, attempts)
      attempts  at most 3 per day, 12 in stage, 6 per party
      window    18:00..20:30
      priority  { region_weight: age, share: whole(g.share) }
      due       1 business day
      fields    { phone_number: g.id }
    }
  }
}
)");
  INFO(made.text());
  REQUIRE(made.program);
  const checked::Keep& keep = *rule_of(made).keep;
  CHECK(made.program->entities[keep.binder_entity].name == "party");
  CHECK(made.program->entities[keep.binder_list_owner].name == "account");
  CHECK(root(made, keep.binder_where).wants_wake);
  CHECK(root(made, keep.condition).wants_wake);
  CHECK(root(made, keep.condition).parameters.size() == 1);
  CHECK_FALSE(root(made, keep.again).wants_wake);
  CHECK(root(made, keep.again).parameters.size() == 3);
  CHECK(root(made, keep.again).event_type == made.program->queues[0].outcomes);
  REQUIRE(keep.attempts.size() == 3);
  CHECK(keep.attempts[0].per == checked::AttemptLimit::Per::day);
  CHECK(keep.attempts[1].per == checked::AttemptLimit::Per::stage);
  CHECK(keep.attempts[2].per == checked::AttemptLimit::Per::recipient);
  CHECK(keep.priority.size() == 2);
  CHECK(rule_of(made).name == "a keep call \"guarantor\"");

  CHECK(stage("keep letter \"x\" for g in balance").codes() == "E0712");
  CHECK(stage("keep letter \"x\" { again 5 }").codes() == "E0301");
  CHECK(stage("keep letter \"x\" { again by (if outcome = busy then 1 hour else 2 hours) }").codes() == "E0215");
  CHECK(stage("keep letter \"x\" { window 5 }").codes() == "E0301");
  CHECK(stage("keep letter \"x\" { attempts at most 3 per moon }").codes() == "E0714");
  CHECK(stage("keep letter \"x\" { to region }").codes() == "E0301");
}

TEST_CASE("rules are told apart") {
  CHECK(stage("keep letter \"x\" while secured\nkeep letter \"x\" while age > 3").codes() == "E0650");
  CHECK(stage("keep letter \"x\" while secured\nkeep letter \"y\" while age > 3").codes() == "");
  CHECK(stage("rule \"one\"\nkeep letter \"x\" while secured\nkeep letter \"x\" while age > 3").codes() == "");
  CHECK(soft("  stage a { keep letter \"x\" }\n  stage b { keep letter \"x\" }").codes() == "");
  CHECK(soft("  keep letter \"x\"\n  stage b { keep letter \"x\" }").codes() == "E0650");
  CHECK(stage("rule \"one\"\nafter 1 day : go b\nrule \"one\"\nafter 2 days : go b").codes() == "E0651");
  const Checked first = stage("every 7 days : letter \"x\"\nafter 3 days : go b"), second = stage("after 4 days : go b\nevery 9 days : letter \"x\"");
  REQUIRE(first.program);
  REQUIRE(second.program);
  CHECK(first.program->stages[0].rules[0].key == second.program->stages[0].rules[1].key);
  CHECK(first.program->stages[0].rules[1].key == second.program->stages[0].rules[0].key);
  CHECK(first.program->stages[0].rules[0].key != first.program->stages[0].rules[1].key);
}

TEST_CASE("strategies in the order of enrolment") {
  const auto two = [](const std::string& a, const std::string& b) {
    return check(entities + "strategy s \"S\" for account " + a + " { stage x { } }\nstrategy t \"T\" for account " + b + " { stage y { } }");
  };
  const Checked turned = two("", "before s");
  REQUIRE(turned.program);
  CHECK(turned.program->strategies[0].name == "t");
  CHECK(turned.program->strategies[0].before == std::vector<checked::Index>{1});
  CHECK(two("before t", "before s").codes() == "E0715");
  CHECK(two("before u", "").codes() == "E0205");
  CHECK(soft("  enrol when age > 3").codes() == "E0708");
  CHECK(soft("  enrol when today\n  stage a { }").codes() == "E0307");
  CHECK(soft("  stage a { enrol again when age > 3 }").codes() == "E0710");
  CHECK(check("entity a { key id : text }\nstrategy s \"S\" for b { stage x { } }").codes() == "E0209");
}

TEST_CASE("always") {
  CHECK(check(entities + "strategy s \"S\" for account { stage x { } }\nalways { on frozen_all : note \"x\" }\nevent frozen_all of debtor").codes() == "");
  CHECK(check(entities + "strategy s \"S\" for account { stage x { } }\nstrategy t \"T\" for debtor { stage y { } }\nalways { on payment : note \"x\" }")
            .codes() == "E0711");
  CHECK(check(entities + queues + "strategy s \"S\" for account { stage x { } }\nalways { keep letter \"x\" }").codes() == "E0716");
}
