// docs/semantics.md, "A step": order, enrolment, events, settling, entering.
#include <catch2/catch.hpp>

#include "tests/unit/engine/desk.h"

namespace dunlin::engine::test {

using Changes = std::vector<std::string>;

TEST_CASE("an account enters the first stage of the first strategy that wants it") {
  Desk desk;
  bool hard_wants = true;
  const Index hard = desk.add_strategy("hard", desk.condition([&](const EvalContext&) { return hard_wants; }));
  desk.add_stage(hard, "triage");
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.stage() == "calling");
  REQUIRE(desk.result.transitions.size() == 1);
  CHECK(desk.result.transitions[0].from_stage == -1);
  CHECK(desk.result.transitions[0].to_stage == desk.calling);
  CHECK(desk.account().enrolled_at == on(1));
  CHECK(desk.account().visits[desk.calling] == 1);
}

TEST_CASE("the second strategy takes whom the first does not want") {
  Desk desk;
  desk.enrol = false;
  const Index hard = desk.add_strategy("hard", desk.from(on(3)));
  desk.add_stage(hard, "triage");
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.stage() == "none");
  CHECK(desk.result.wake_at == on(3));
  desk.step(on(3));
  CHECK(desk.stage() == "triage");
}

TEST_CASE("enrolment gives variables their initial value and settles") {
  Desk desk;
  desk.program.strategies[0].variables.push_back({.name = "letters", .type = {TypeKind::integer}, .initial = desk.constant(TypeKind::integer, 7), .slot = 0});
  desk.program.strategies[0].variable_slots = 1;
  desk.add(desk.calling, desk.when(desk.condition([](const EvalContext& c) { return c.self->state->variables[0] == 7; }), desk.promised));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.stage() == "promised");
  CHECK(desk.result.transitions.size() == 2);
}

TEST_CASE("events are handled in order of time, then of arrival, and see only what came before") {
  Desk desk;
  std::vector<std::pair<Instant, int64_t>> seen;
  desk.add(desk.calling, desk.on_event(desk.payment, {}, desk.condition([&](const EvalContext& c) {
    seen.emplace_back(c.event->at, c.case_file->events.count);
    return false;
  })));
  desk.check_law = false;
  desk.open_case();
  desk.step(on(1));
  desk.step(on(3), {desk.event(on(2, 9), desk.payment), desk.event(on(2, 8), desk.payment), desk.event(on(2, 9), desk.payment)});
  CHECK(seen == std::vector<std::pair<Instant, int64_t>>{{on(2, 8), 1}, {on(2, 9), 2}, {on(2, 9), 3}});
}

TEST_CASE("an event from the future is held until its time") {
  Desk desk;
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(4, 12), desk.payment)});
  CHECK(desk.stage() == "calling");
  CHECK(desk.result.wake_at == on(4, 12));
  CHECK(desk.result.events.empty());
  CHECK(desk.file->inbox().size() == 1);
  desk.step(on(4, 12));
  CHECK(desk.stage() == "promised");
  CHECK(desk.file->inbox().empty());
}

TEST_CASE("a late event is handled on arrival but placed by its time") {
  Desk desk;
  desk.open_case();
  desk.step(on(5), {desk.event(on(4), desk.payment, {4})});
  desk.step(on(6), {desk.event(on(2), desk.payment, {2})});
  REQUIRE(desk.file->view().events.count == 2);
  CHECK(desk.file->view().events.items[0]->slots[0] == 2);
  CHECK(desk.file->instance(1).own.items[1]->slots[0] == 4);
}

TEST_CASE("a cancelled event is left out, whatever the order of arrival") {
  Desk desk;
  desk.open_case();
  desk.step(on(5), {desk.event(on(3), desk.payment), desk.event(on(4), desk.chargeback)});
  CHECK(desk.file->view().events.items[0]->cancelled == 1);
  desk.step(on(6), {desk.event(on(3, 12), desk.payment)});
  CHECK(desk.file->view().events.items[0]->cancelled == 0);
  CHECK(desk.file->view().events.items[1]->cancelled == 1);
}

TEST_CASE("a cancelling event may be cancelled itself: what it took stands again") {
  Desk desk;
  desk.program.events[desk.alert].cancels = {desk.chargeback};
  desk.open_case();
  desk.step(on(5), {desk.event(on(2), desk.payment), desk.event(on(3), desk.chargeback)});
  CHECK(desk.file->view().events.items[0]->cancelled == 1);
  desk.step(on(6), {desk.event(on(4), desk.alert)});
  CHECK(desk.file->view().events.items[0]->cancelled == 0);
  CHECK(desk.file->view().events.items[1]->cancelled == 1);
}

TEST_CASE("two hundred thousand events for one account are one step") {
  Desk desk;
  desk.check_law = false;
  desk.add(desk.calling, desk.on_event(desk.payment, {}, desk.condition([](const EvalContext&) { return false; })));
  desk.open_case();
  desk.step(on(1));
  std::vector<IncomingEvent> events;
  for (int e = 0; e < 200'000; ++e) events.push_back(desk.event(on(2) + e, e % 1000 == 999 ? desk.chargeback : desk.payment));
  desk.step(on(3), std::move(events));
  CHECK(desk.result.events.size() == 200'000);
  CHECK(desk.file->view().events.count == 200'000);
  desk.step(on(4));
  CHECK_FALSE(desk.result.had_effect());
}

TEST_CASE("handlers are tried from the inside out, the first that holds in each place") {
  Desk desk;
  Changes order;
  const auto mark = [&](const char* name, bool held) {
    return desk.condition([&order, name, held](const EvalContext&) {
      order.emplace_back(name);
      return held;
    });
  };
  desk.check_law = false;
  desk.add_always(desk.on_event(desk.payment, {}, mark("always", true)));
  desk.add_to_strategy(desk.soft, desk.on_event(desk.payment, {}, mark("strategy", true)));
  desk.add(desk.calling, desk.on_event(desk.payment, {}, mark("stage 1", false)));
  desk.add(desk.calling, desk.on_event(desk.payment, {}, mark("stage 2", true)));
  desk.add(desk.calling, desk.on_event(desk.payment, {}, mark("stage 3", true)));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  CHECK(order == Changes{"stage 1", "stage 2", "strategy", "always"});
  CHECK_FALSE(desk.result.events[0].unhandled);
}

TEST_CASE("a go ends the way outward") {
  Desk desk;
  desk.add_always(desk.on_event(desk.payment, {desk.sms("always")}));
  desk.add_to_strategy(desk.soft, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.calling, desk.on_event(desk.payment, {desk.sms("thanks")}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  CHECK(desk.stage() == "promised");
  // The stage is left, so the one-off nobody took goes too.
  CHECK(desk.task_changes() == Changes{"create thanks", "withdraw thanks"});
}

TEST_CASE("an event nobody handles is recorded as unhandled") {
  Desk desk;
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  REQUIRE(desk.result.events.size() == 1);
  CHECK(desk.result.events[0].unhandled);
  CHECK(desk.file->view().events.count == 1);
}

TEST_CASE("an event of the debtor concerns its accounts; a handler for a tree takes its leaves") {
  Desk desk;
  desk.add(desk.calling, desk.on_event(desk.complaint, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.on_event(desk.call, {Desk::go(desk.calling)}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.complaint)});
  CHECK(desk.stage() == "promised");
  desk.step(on(2), {desk.event(on(2), desk.no_answer)});
  CHECK(desk.stage() == "calling");
}

TEST_CASE("an event of one account is not offered to the debtor's other accounts") {
  Desk desk;
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.open_case();
  desk.file->open_instance(desk.account_entity, 0, stable_id("account", "b"), {reinterpret_cast<int64_t>(desk.file->text("b")), 0});
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  CHECK(desk.stage() == "promised");
  CHECK(desk.file->state(2).stage == desk.calling);
}

TEST_CASE("raised events do not break a circle") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({{.kind = Action::Kind::raise, .event_type = desk.payment}}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.on_entry({{.kind = Action::Kind::raise, .event_type = desk.alert}}));
  desk.add(desk.promised, desk.on_event(desk.alert, {Desk::go(desk.calling)}));
  desk.open_case();
  desk.step(on(1));
  REQUIRE(desk.result.fault.has_value());
  CHECK(desk.stage() == "none");
  CHECK(desk.file->view().events.count == 0);
}

TEST_CASE("raised events follow directly") {
  Desk desk;
  Changes order;
  const auto note = [&](const char* name) {
    return desk.condition([&order, name](const EvalContext&) {
      order.emplace_back(name);
      return true;
    });
  };
  desk.check_law = false;
  Action alert{.kind = Action::Kind::raise, .event_type = desk.alert};
  alert.fields.push_back({.field = 0, .value = desk.constant(TypeKind::money, 55)});
  desk.add(desk.calling, desk.on_event(desk.payment, {alert}, note("payment")));
  desk.add(desk.calling, desk.on_event(desk.alert, {}, note("alert")));
  desk.open_case();
  desk.step(on(2), {desk.event(on(1, 7), desk.payment), desk.event(on(1, 8), desk.payment)});
  CHECK(order == Changes{"payment", "alert", "payment", "alert"});
  REQUIRE(desk.result.events.size() == 4);
  CHECK(desk.result.events[1].raised);
  CHECK(desk.result.events[1].event.at == on(2));
  CHECK(desk.result.events[1].event.slots[0] == 55);
}

TEST_CASE("settling goes on until no condition holds; a go to the current stage hides nothing") {
  Desk desk;
  bool to_promised = false;
  desk.add_to_strategy(desk.soft, desk.when(desk.condition([](const EvalContext&) { return true; }), desk.calling));
  desk.add_to_strategy(desk.soft, desk.when(desk.condition([&](const EvalContext&) { return to_promised; }), desk.promised));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.stage() == "calling");
  CHECK(desk.result.transitions.size() == 1);
  to_promised = true;
  desk.check_law = false;
  desk.step(on(2));  // promised -> calling at once: a circle
  CHECK(desk.result.fault.has_value());
}

TEST_CASE("a stage entered twice without an event or a timer between is a fault that changes nothing") {
  Desk desk;
  bool turn = false;
  const RootId turning = desk.condition([&](const EvalContext&) { return turn; });
  desk.add(desk.calling, desk.when(turning, desk.promised));
  desk.add(desk.promised, desk.when(turning, desk.calling));
  desk.add(desk.promised, desk.on_entry({desk.sms("hello")}));
  desk.open_case();
  desk.step(on(1));
  const int64_t steps = desk.account().step_number;
  turn = true;
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  REQUIRE(desk.result.fault.has_value());
  CHECK(desk.result.fault->message == "stage `soft.promised` is entered twice without an event or a timer between");
  CHECK_FALSE(desk.result.had_effect());
  CHECK(desk.stage() == "calling");
  CHECK(desk.account().step_number == steps);
  CHECK(desk.file->view().events.count == 0);
  CHECK(desk.file->inbox().size() == 1);
  CHECK(desk.file->tasks().empty());
}

TEST_CASE("a fault of an expression names the rule and takes back what the step had done") {
  Desk desk;
  desk.evaluator.fault_next = abi::Fault::overflow;
  const RootId broken = desk.faulty();
  Action open{.kind = Action::Kind::open, .entity = desk.writ};
  desk.add(desk.calling, desk.on_event(desk.payment, {desk.sms("thanks"), open, Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.when(broken, desk.cured));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  REQUIRE(desk.result.fault.has_value());
  CHECK(desk.result.fault->fault == abi::Fault::overflow);
  CHECK_FALSE(desk.result.fault->rule_name.empty());
  CHECK(desk.result.fault->instance == 1);
  CHECK(desk.file->instance_count() == 2);
  CHECK(desk.file->instance(1).children[0].count == 0);
  CHECK(desk.file->tasks().empty());
  CHECK(desk.file->view().events.count == 0);
  CHECK(desk.stage() == "calling");
  CHECK(desk.file->instance(1).state->stage == desk.calling);
}

TEST_CASE("leaving a stage withdraws its untaken one-offs and no others") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("plain"), desk.sms("stays", true), desk.sms("taken")}));
  desk.add(desk.calling, desk.on_event(desk.payment, {desk.sms("thanks"), Desk::go(desk.promised)}));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.task_changes() == Changes{"create plain", "create stays", "create taken"});
  CHECK(desk.task("plain")->stage == desk.calling);
  for (OpenTask& task : desk.file->tasks()) {
    if (task.treatment == "taken") task.status = TaskStatus::leased;
  }
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.task_changes() == Changes{"create thanks", "withdraw plain"});
  CHECK(desk.task("plain") == nullptr);
  CHECK(desk.task("stays") != nullptr);
  CHECK(desk.task("taken") != nullptr);
  // What the leaving rule itself asked for belongs to the stage it leads to.
  REQUIRE(desk.task("thanks") != nullptr);
  CHECK(desk.task("thanks")->stage == desk.promised);
}

TEST_CASE("tasks have ids of their own and the same ids in every run") {
  std::vector<TaskId> ids[2];
  for (auto& run : ids) {
    Desk desk;
    desk.add(desk.calling, desk.on_event(desk.payment, {desk.sms("thanks")}));
    desk.open_case();
    desk.step(on(1), {desk.event(on(1), desk.payment), desk.event(on(1), desk.payment)});
    desk.step(on(1), {desk.event(on(1), desk.payment)});
    for (const OpenTask& task : desk.file->tasks()) run.push_back(task.id);
  }
  REQUIRE(ids[0].size() == 3);
  CHECK(ids[0] == ids[1]);
  CHECK(ids[0][0] != ids[0][1]);
  CHECK(ids[0][0] != ids[0][2]);
  CHECK(ids[0][1] != ids[0][2]);
  CHECK(ids[0][0].text().size() == 36);
}

TEST_CASE("restart re-enters the current stage, go to it does nothing") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("hello")}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.calling)}));
  desk.add(desk.calling, desk.on_event(desk.alert, {{.kind = Action::Kind::restart, .stage = desk.calling}}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.result.transitions.empty());
  CHECK(desk.account().entered_at == on(1));
  desk.step(on(3), {desk.event(on(3), desk.alert)});
  CHECK(desk.task_changes() == Changes{"withdraw hello", "create hello"});
  CHECK(desk.account().entered_at == on(3));
  CHECK(desk.account().visits[desk.calling] == 2);
}

TEST_CASE("a final stage withdraws every task and ends the strategy's rules; its own handlers and `always` go on") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("stays", true)}));
  desk.add(desk.calling, desk.keep("script"));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.cured)}));
  desk.add_to_strategy(desk.soft, desk.on_event(desk.payment, {desk.sms("strategy")}));
  desk.add_to_strategy(desk.soft, desk.after(desk.days(1), {desk.sms("timer")}));
  desk.add(desk.cured, desk.on_event(desk.complaint, {desk.sms("own")}));
  desk.add_always(desk.on_event(desk.alert, {desk.sms("always")}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(1, 12), {desk.event(on(1, 12), desk.payment)});
  CHECK(desk.stage() == "cured");
  CHECK(desk.file->tasks().empty());
  CHECK(desk.result.wake_at == abi::never);
  desk.step(on(5), {desk.event(on(5), desk.payment), desk.event(on(5), desk.complaint), desk.event(on(5), desk.alert)});
  CHECK(desk.task_changes() == Changes{"create own", "create always"});
}

TEST_CASE("enrolment is possible again where the final stage says so and after `enrol when` was false") {
  Desk desk;
  bool again = true;
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.cured)}));
  desk.program.stages[desk.cured].enrol_again = desk.condition([&](const EvalContext&) { return again; });
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.stage() == "cured");  // `enrol when` has not been false
  desk.enrol = false;
  desk.step(on(3));
  CHECK(desk.stage() == "cured");
  again = false;
  desk.enrol = true;
  desk.step(on(4));
  CHECK(desk.stage() == "cured");
  again = true;
  desk.step(on(5));
  CHECK(desk.stage() == "calling");
  CHECK(desk.account().enrolled_at == on(5));
  CHECK(desk.account().visits[desk.calling] == 1);
}

TEST_CASE("a final stage without `enrol again` is the end") {
  Desk desk;
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.cured)}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  desk.enrol = false;
  desk.step(on(2));
  desk.enrol = true;
  desk.step(on(3));
  CHECK(desk.stage() == "cured");
}

TEST_CASE("a go into another strategy is a new enrolment there") {
  Desk desk;
  const Index hard = desk.add_strategy("hard", checked::none);
  const Index triage = desk.add_stage(hard, "triage");
  desk.add(desk.calling, desk.keep("script"));
  desk.add_to_strategy(desk.soft, desk.when(desk.from(on(4)), triage));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.result.wake_at == on(4));
  desk.step(on(4));
  CHECK(desk.stage() == "triage");
  CHECK(desk.account().strategy == hard);
  CHECK(desk.account().enrolled_at == on(4));
  CHECK(desk.account().back.empty());
  CHECK(desk.task("script") == nullptr);
}

TEST_CASE("an opened instance is part of the case file, and its strategy may take it at once") {
  Desk desk;
  const Index legal = desk.add_strategy("legal", desk.condition([](const EvalContext&) { return true; }));
  desk.program.strategies[legal].entity = desk.writ;
  desk.add_stage(legal, "filed");
  desk.add(desk.calling, desk.on_event(desk.payment, {{.kind = Action::Kind::open, .entity = desk.writ}}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  REQUIRE(desk.result.opened.size() == 1);
  REQUIRE(desk.file->instance_count() == 3);
  CHECK(desk.file->state(2).strategy == legal);
  CHECK(desk.file->instance(1).children[0].items[0] == &desk.file->instance(2));
  CHECK(desk.file->instance(2).parent == &desk.file->instance(1));
}

TEST_CASE("set changes a variable, and what depends on it follows in the same step") {
  Desk desk;
  auto& soft = desk.program.strategies[0];
  soft.variables.push_back({.name = "mood", .type = {TypeKind::text}, .initial = desk.text("calm"), .slot = 0});
  soft.variable_slots = 1;
  Action set{.kind = Action::Kind::set, .variable = 0, .value = desk.text("angry")};
  desk.add(desk.calling, desk.on_event(desk.payment, {set}));
  desk.add(desk.calling,
           desk.when(desk.condition([](const EvalContext& c) { return reinterpret_cast<const abi::Text*>(c.self->state->variables[0])->view() == "angry"; }),
                     desk.promised));
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.stage() == "calling");
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.stage() == "promised");
}

TEST_CASE("go by a table leads nowhere where the table gives nothing") {
  Desk desk;
  int64_t target = -1;
  const RootId by = desk.root({TypeKind::stage, true}, [&](const EvalContext&, int64_t* out) {
    out[0] = target >= 0 ? 1 : 0;
    out[1] = target;
    return abi::never;
  });
  desk.add(desk.calling, desk.on_event(desk.payment, {{.kind = Action::Kind::go_by, .value = by}}));
  desk.add_to_strategy(desk.soft, desk.on_event(desk.payment, {desk.sms("outward")}));
  desk.open_case();
  desk.step(on(1), {desk.event(on(1), desk.payment)});
  CHECK(desk.task_changes() == Changes{"create outward"});
  target = desk.promised;
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.stage() == "promised");
}

TEST_CASE("a quiet step looks once at each condition and changes nothing") {
  Desk desk;
  desk.add(desk.calling, desk.when(desk.condition([](const EvalContext&) { return false; }), desk.promised));
  desk.add(desk.calling, desk.keep("script", desk.condition([](const EvalContext&) { return true; })));
  desk.check_law = false;
  desk.open_case();
  desk.step(on(1));
  desk.evaluator.calls = 0;
  desk.step(on(2));
  CHECK(desk.evaluator.calls == 3);  // when, while, treatment
  CHECK(desk.result.changed.empty());
}

}  // namespace dunlin::engine::test
