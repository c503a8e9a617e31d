// docs/semantics.md, "Time": after, at, every; going back with clocks.
#include <catch2/catch.hpp>

#include "tests/unit/engine/desk.h"

namespace dunlin::engine::test {

namespace {

using Changes = std::vector<std::string>;

/// A date that a test moves.
RootId moving_date(Desk& desk, const int64_t& slot) {
  return desk.root({TypeKind::date, true}, [&slot](const EvalContext&, int64_t* out) {
    out[0] = slot != 0 ? 1 : 0;
    out[1] = slot;
    return abi::never;
  });
}

}  // namespace

TEST_CASE("after counts from entering the stage, is due at day start and fires once") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(3), {desk.sms("reminder")}));
  desk.open_case();
  desk.step(on(1, 15));
  CHECK(desk.result.wake_at == on(4));
  desk.step(on(4));
  CHECK(desk.task_changes() == Changes{"create reminder"});
  CHECK(desk.result.wake_at == abi::never);
  desk.step(on(9));
  CHECK(desk.result.tasks.empty());
}

TEST_CASE("an exact duration is exact") {
  Desk desk;
  desk.add(desk.calling,
           desk.after(desk.constant(TypeKind::duration, abi::pack_duration(45 * 60 * abi::us_per_second, abi::DurationUnit::microsecond)), {desk.sms("soon")}));
  desk.open_case();
  desk.step(on(1, 15));
  CHECK(desk.result.wake_at == on(1, 15, 45));
}

TEST_CASE("after in the strategy counts from enrolment") {
  Desk desk;
  Rule rule = desk.after(desk.days(5), {Desk::go(desk.cured)});
  rule.anchor = Rule::Anchor::strategy;
  desk.add(desk.promised, rule);
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(3), {desk.event(on(3), desk.payment)});
  CHECK(desk.result.wake_at == on(6));
  desk.step(on(6));
  CHECK(desk.stage() == "cured");
}

TEST_CASE("with `when` a timer waits, once due, until the condition holds") {
  Desk desk;
  bool open = false;
  desk.add(desk.calling, desk.after(desk.days(2), {desk.sms("letter")}, desk.condition([&](const EvalContext&) { return open; })));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(3));
  CHECK(desk.result.tasks.empty());
  open = true;
  desk.step(on(5));
  CHECK(desk.task_changes() == Changes{"create letter"});
  desk.step(on(6));
  CHECK(desk.result.tasks.empty());
}

TEST_CASE("a due timer whose condition waits for the clock wakes with the condition") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(2), {desk.sms("letter")}, desk.from(on(8))));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.result.wake_at == on(3));
  desk.step(on(3));
  CHECK(desk.result.wake_at == on(8));
  desk.step(on(8));
  CHECK(desk.task_changes() == Changes{"create letter"});
}

TEST_CASE("a new visit starts the timers anew") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(2), {desk.sms("reminder", true)}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.on_event(desk.payment, {Desk::go(desk.calling)}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(3));
  CHECK(desk.task_changes() == Changes{"create reminder"});
  desk.step(on(4), {desk.event(on(4), desk.payment), desk.event(on(4, 5), desk.payment)});
  CHECK(desk.stage() == "calling");
  CHECK(desk.result.wake_at == on(6));
  desk.step(on(6));
  CHECK(desk.task_changes() == Changes{"create reminder"});
}

TEST_CASE("going back keeps the clocks of the stage before") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("hello", true)}));
  desk.add(desk.calling, desk.after(desk.days(1), {desk.sms("first", true)}));
  desk.add(desk.calling, desk.after(desk.days(6), {Desk::go(desk.cured)}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.after(desk.days(2), {{.kind = Action::Kind::go_back}}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2));
  CHECK(desk.task_changes() == Changes{"create first"});
  desk.step(on(3), {desk.event(on(3), desk.payment)});
  CHECK(desk.stage() == "promised");
  desk.step(on(5));
  CHECK(desk.stage() == "calling");
  CHECK(desk.account().entered_at == on(1));
  CHECK(desk.account().visits[desk.calling] == 1);
  CHECK(desk.account().back.empty());
  CHECK(desk.result.tasks.empty());  // neither the entry nor the timer that had fired
  CHECK(desk.result.wake_at == on(7));
  desk.step(on(7));
  CHECK(desk.stage() == "cured");
}

TEST_CASE("a timer hangs on a fact and moves with it; a missing one sleeps") {
  Desk desk;
  int64_t due = 0;
  desk.add(desk.calling, desk.at(moving_date(desk, due), {desk.sms("promise tomorrow")}));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.result.wake_at == abi::never);
  due = date(5);
  desk.step(on(2));
  CHECK(desk.result.wake_at == on(5));
  due = date(9);  // moved before it fell due: nothing happens on the old date
  desk.step(on(3));
  CHECK(desk.result.wake_at == on(9));
  desk.step(on(5));
  CHECK(desk.result.tasks.empty());
  desk.step(on(9));
  CHECK(desk.task_changes() == Changes{"create promise tomorrow"});
  due = date(12);  // a new value of the anchor: once more
  desk.step(on(10));
  CHECK(desk.result.wake_at == on(12));
  desk.step(on(12));
  CHECK(desk.task_changes() == Changes{"create promise tomorrow"});
  due = date(9);
  desk.step(on(13));
  CHECK(desk.task_changes() == Changes{"create promise tomorrow"});
}

TEST_CASE("what a late enrolment gets is written down") {
  for (const auto late : {Rule::IfLate::skip, Rule::IfLate::at_once}) {
    Desk desk;
    int64_t due = date(2);
    desk.add(desk.calling, desk.at(moving_date(desk, due), {desk.sms("notice")}, late));
    desk.open_case();
    desk.step(on(4));
    CHECK(desk.result.tasks.size() == (late == Rule::IfLate::skip ? 0 : 1));
    due = date(4);  // today is not late
    desk.step(on(4, 12));
    CHECK(desk.result.tasks.size() == 1);
  }
}

TEST_CASE("every falls at entry + n, 2n …") {
  Desk desk;
  desk.add(desk.calling, desk.every(desk.days(7), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(1, 11));
  CHECK(desk.result.wake_at == on(8));
  desk.step(on(8));
  CHECK(desk.task_changes() == Changes{"create letter"});
  CHECK(desk.result.wake_at == on(15));
  desk.step(on(15));
  CHECK(desk.task_changes() == Changes{"create letter"});
}

TEST_CASE("missed occurrences collapse into one, and the grid stays") {
  Desk desk;
  desk.add(desk.calling, desk.every(desk.days(3), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(12, 10));
  CHECK(desk.task_changes() == Changes{"create letter"});
  CHECK(desk.result.wake_at == on(13));
}

TEST_CASE("months keep the day of entry and clamp to the end of the month") {
  Desk desk;
  desk.add(desk.calling, desk.every(desk.constant(TypeKind::duration, abi::pack_duration(1, abi::DurationUnit::month)), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(31, 9));
  CHECK(desk.result.wake_at == on(31 + 28));
  desk.step(on(31 + 28));
  CHECK(desk.task_changes() == Changes{"create letter"});
  CHECK(desk.result.wake_at == on(31 + 28 + 31));
}

TEST_CASE("business days leave out the weekend") {
  Desk desk;
  desk.add(desk.calling, desk.every(desk.constant(TypeKind::duration, abi::pack_duration(2, abi::DurationUnit::business_day)), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(1));  // Thursday
  CHECK(desk.result.wake_at == on(5));
  desk.step(on(5));
  CHECK(desk.task_changes() == Changes{"create letter"});
  CHECK(desk.result.wake_at == on(7));
}

TEST_CASE("a false condition skips that one; at most counts those that acted") {
  Desk desk;
  bool worth = true;
  Rule rule = desk.every(desk.days(1), {desk.sms("letter")}, desk.condition([&](const EvalContext&) { return worth; }));
  rule.at_most = desk.constant(TypeKind::integer, 2);
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2));
  CHECK(desk.result.tasks.size() == 1);
  worth = false;
  desk.step(on(3));
  CHECK(desk.result.tasks.empty());
  worth = true;
  desk.step(on(3, 12));
  CHECK(desk.result.tasks.empty());
  CHECK(desk.result.wake_at == on(4));
  desk.step(on(4));
  CHECK(desk.result.tasks.size() == 1);
  CHECK(desk.result.wake_at == abi::never);
  desk.step(on(9));
  CHECK(desk.result.tasks.empty());
}

TEST_CASE("at most counts for the visit, or for the strategy where it says so") {
  for (const bool in_strategy : {false, true}) {
    Desk desk;
    Rule rule = desk.every(desk.days(1), {desk.sms("letter", true)});
    rule.at_most = desk.constant(TypeKind::integer, 1);
    rule.at_most_in_strategy = in_strategy;
    desk.add(desk.calling, rule);
    desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
    desk.add(desk.promised, desk.on_event(desk.payment, {Desk::go(desk.calling)}));
    desk.open_case();
    desk.step(on(1));
    desk.step(on(2));
    CHECK(desk.result.tasks.size() == 1);
    desk.step(on(3), {desk.event(on(3), desk.payment), desk.event(on(3), desk.payment)});
    desk.step(on(4));
    CHECK(desk.result.tasks.size() == (in_strategy ? 0 : 1));
  }
}

TEST_CASE("of the due the earliest fires first, then in text order, and what it changes is seen") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(3), {desk.sms("third", true)}));
  desk.add(desk.calling, desk.after(desk.days(1), {desk.sms("first", true)}));
  desk.add(desk.calling, desk.after(desk.days(1), {desk.sms("second", true)}));
  desk.add(desk.calling, desk.after(desk.days(4), {Desk::go(desk.promised)}));
  desk.add(desk.calling, desk.after(desk.days(5), {desk.sms("never")}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(20));
  CHECK(desk.task_changes() == Changes{"create first", "create second", "create third"});
  CHECK(desk.stage() == "promised");
}

TEST_CASE("facts precede clocks: a payment beats an escalation that fell due earlier") {
  Desk desk;
  const Index hard = desk.add_stage(desk.soft, "hard");
  desk.add(desk.calling, desk.after(desk.days(3), {Desk::go(hard)}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.cured)}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(10), {desk.event(on(9), desk.payment)});
  CHECK(desk.stage() == "cured");
}

TEST_CASE("a timer may lead through stages, and each rule fires at most once a step") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(0), {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.after(desk.days(0), {Desk::go(desk.calling)}));
  desk.open_case();
  desk.step(on(1));
  CHECK_FALSE(desk.result.fault.has_value());
  CHECK(desk.result.transitions.size() == 3);
  CHECK(desk.stage() == "calling");
  CHECK(desk.result.wake_at == on(1));  // there is more to do at once
}

TEST_CASE("a timer of the strategy survives a change of stage") {
  Desk desk;
  Rule rule = desk.after(desk.days(4), {desk.sms("review", true)});
  rule.anchor = Rule::Anchor::strategy;
  desk.add_to_strategy(desk.soft, rule);
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.on_event(desk.payment, {Desk::go(desk.calling)}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(5));
  CHECK(desk.task_changes() == Changes{"create review"});
  desk.step(on(6), {desk.event(on(6), desk.payment)});
  desk.step(on(7), {desk.event(on(7), desk.payment)});
  CHECK(desk.result.tasks.empty());
}

TEST_CASE("`every` without a length above zero is a fault") {
  Desk desk;
  desk.add(desk.calling, desk.every(desk.days(0), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(1));
  REQUIRE(desk.result.fault.has_value());
  CHECK(desk.result.fault->message == "`every` needs a duration above zero");
}

TEST_CASE("a date beyond the calendar is a fault") {
  Desk desk;
  desk.add(desk.calling, desk.after(desk.days(5000), {desk.sms("letter")}));
  desk.open_case();
  desk.step(on(1));
  REQUIRE(desk.result.fault.has_value());
  CHECK(desk.result.fault->fault == abi::Fault::beyond_calendar);
}

}  // namespace dunlin::engine::test
