// docs/semantics.md, "Identity" and item 7 of a step: standing tasks.
#include <catch2/catch.hpp>

#include "tests/unit/engine/desk.h"

namespace dunlin::engine::test {

namespace {

using Changes = std::vector<std::string>;

struct Phoning {
  Desk desk;
  bool contactable = true;
  RootId condition = desk.condition([this](const EvalContext&) { return contactable; });
  RootId instance_at(const int& position) {
    return desk.root({TypeKind::instance, true, desk.phone}, [this, &position](const EvalContext&, int64_t* out) {
      out[0] = position >= 0 ? 1 : 0;
      out[1] = position >= 0 ? reinterpret_cast<int64_t>(&desk.file->instance(position)) : 0;
      return abi::never;
    });
  }
};

}  // namespace

TEST_CASE("a standing task exists exactly as long as its condition holds") {
  Phoning phoning;
  Desk& desk = phoning.desk;
  desk.add(desk.calling, desk.keep("script", phoning.condition));
  desk.open_case();
  desk.step(on(1));
  REQUIRE(desk.task_changes() == Changes{"create script"});
  CHECK(desk.task("script")->standing);
  CHECK(desk.task("script")->status == TaskStatus::ready);
  CHECK(desk.result.tasks[0].reason == desk.result.firings.back().rule_name);
  phoning.contactable = false;
  desk.step(on(1, 12));
  CHECK(desk.task_changes() == Changes{"withdraw script"});
  CHECK(desk.result.tasks[0].reason == "its condition no longer holds");
  CHECK(desk.file->tasks().empty());
}

TEST_CASE("a leased task is marked, never removed, and unmarked when its reason comes back") {
  Phoning phoning;
  Desk& desk = phoning.desk;
  desk.add(desk.calling, desk.keep("script", phoning.condition));
  desk.open_case();
  desk.step(on(1));
  desk.file->tasks()[0].status = TaskStatus::leased;
  phoning.contactable = false;
  desk.step(on(1, 12));
  CHECK(desk.task_changes() == Changes{"mark script"});
  CHECK(desk.task("script")->marked);
  phoning.contactable = true;
  desk.step(on(1, 13));
  CHECK(desk.task_changes() == Changes{"update script"});
  CHECK_FALSE(desk.task("script")->marked);
}

TEST_CASE("a task is the same in another stage that keeps it") {
  Desk desk;
  desk.add(desk.calling, desk.keep("script"));
  desk.add(desk.promised, desk.keep("script"));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.open_case();
  desk.step(on(1));
  const TaskId id = desk.task("script")->id;
  desk.step(on(2), {desk.event(on(2), desk.payment)});
  CHECK(desk.task_changes() == Changes{"update script"});  // the rule that asks for it
  CHECK(desk.task("script")->id == id);
}

TEST_CASE("two tasks that are alike need names") {
  for (const bool named : {false, true}) {
    Desk desk;
    for (const char* name : {"morning", "evening"}) {
      Rule rule = desk.keep("script");
      rule.name = name;
      rule.named = named;
      desk.add(desk.calling, rule);
    }
    desk.open_case();
    desk.step(on(1));
    CHECK(desk.file->tasks().size() == (named ? 2 : 1));
  }
}

TEST_CASE("a task for each of a list") {
  Desk desk;
  std::string only = "p";
  Rule rule = desk.keep("guarantor");
  rule.keep->binder_entity = desk.phone;
  rule.keep->binder_list_owner = desk.debtor;
  rule.keep->binder_where = desk.condition([&](const EvalContext& c) {
    const auto* g = reinterpret_cast<const abi::Instance*>(c.arguments[0]);
    return reinterpret_cast<const abi::Text*>(g->slots[0])->view().starts_with(only);
  });
  desk.add(desk.calling, rule);
  desk.open_case(3);
  desk.step(on(1));
  CHECK(desk.file->tasks().size() == 3);
  CHECK(desk.file->tasks()[0].recipient == desk.file->instance(2).id);
  only = "p1";
  desk.step(on(2));
  REQUIRE(desk.file->tasks().size() == 1);
  CHECK(desk.file->tasks()[0].recipient == desk.file->instance(3).id);
}

TEST_CASE("the recipient is part of what a task is") {
  Phoning phoning;
  Desk& desk = phoning.desk;
  int best = 2;
  Rule rule = desk.keep("script");
  rule.keep->recipient = phoning.instance_at(best);
  desk.add(desk.calling, rule);
  desk.open_case(2);
  desk.step(on(1));
  CHECK(desk.task("script")->recipient == desk.file->instance(2).id);
  best = 3;
  desk.step(on(2));
  CHECK(desk.task_changes() == Changes{"create script", "withdraw script"});
  CHECK(desk.task("script")->recipient == desk.file->instance(3).id);
  best = -1;
  desk.step(on(3));
  CHECK(desk.task_changes() == Changes{"withdraw script"});
  CHECK(desk.result.tasks[0].reason == "there is nobody to reach");
}

TEST_CASE("after an attempt the task comes back the next working day") {
  Desk desk;
  desk.add(desk.calling, desk.keep("script"));
  desk.open_case();
  desk.step(on(2));  // Friday
  const OpenTask called = *desk.task("script");
  desk.step(on(2, 15), {desk.outcome(on(2, 14), desk.no_answer, called)});
  REQUIRE(desk.result.tasks.size() == 1);
  CHECK(desk.result.tasks[0].change == TaskChange::update);
  CHECK(desk.result.tasks[0].task.status == TaskStatus::done);
  CHECK(desk.file->tasks().empty());
  CHECK(desk.result.wake_at == on(5));
  desk.step(on(5));
  CHECK(desk.task_changes() == Changes{"create script"});
  CHECK(desk.task("script")->id != called.id);
  CHECK(desk.task("script")->identity == called.identity);
}

TEST_CASE("`again` knows the outcome and the number of attempts in the stage") {
  Desk desk;
  Rule rule = desk.keep("script");
  rule.keep->again = desk.root(
      {TypeKind::duration},
      [](const EvalContext& c, int64_t* out) {
        const int64_t hours = c.arguments[0] == 1 ? c.arguments[1] : 100;
        out[0] = abi::pack_duration(hours * 3600 * abi::us_per_second, abi::DurationUnit::microsecond);
        return abi::never;
      },
      false);
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(1));
  desk.step(on(1, 10), {desk.outcome(on(1, 10), desk.no_answer, *desk.task("script"))});
  CHECK(desk.result.wake_at == on(1, 11));
  desk.step(on(1, 11));
  desk.step(on(1, 12), {desk.outcome(on(1, 12), desk.no_answer, *desk.task("script"))});
  CHECK(desk.result.wake_at == on(1, 14));
  desk.step(on(1, 14));
  desk.step(on(1, 15), {desk.outcome(on(1, 15), desk.reached, *desk.task("script"))});
  CHECK(desk.result.wake_at == on(5, 19));
}

TEST_CASE("attempts: so many a day, in the stage, with a recipient") {
  Phoning phoning;
  Desk& desk = phoning.desk;
  int best = 2;
  Rule rule = desk.keep("script");
  rule.keep->recipient = phoning.instance_at(best);
  rule.keep->again = desk.constant(TypeKind::duration, abi::pack_duration(abi::us_per_second, abi::DurationUnit::microsecond));
  using Per = checked::AttemptLimit::Per;
  rule.keep->attempts = {{desk.constant(TypeKind::integer, 2), Per::day},
                         {desk.constant(TypeKind::integer, 5), Per::stage},
                         {desk.constant(TypeKind::integer, 3), Per::recipient}};
  desk.add(desk.calling, rule);
  desk.open_case(2);
  const auto attempt = [&](Instant at) {
    REQUIRE(desk.task("script") != nullptr);
    desk.step(at, {desk.outcome(at, desk.no_answer, *desk.task("script"))});
    desk.step(at + abi::us_per_second);
  };
  desk.step(on(1));
  attempt(on(1, 10));
  attempt(on(1, 11));
  CHECK(desk.task("script") == nullptr);
  CHECK(desk.result.wake_at == on(2));  // two a day
  desk.step(on(2));
  attempt(on(2, 10));
  CHECK(desk.task("script") == nullptr);
  CHECK(desk.result.wake_at == abi::never);  // three with this phone
  best = 3;
  desk.step(on(2, 11));
  attempt(on(2, 12));
  CHECK(desk.task("script") == nullptr);  // two a day, whichever phone it was
  desk.step(on(3));
  attempt(on(3, 10));
  CHECK(desk.task("script") == nullptr);  // five in the stage
  CHECK(desk.result.wake_at == abi::never);
}

TEST_CASE("a new enrolment does not count the attempts of the one before") {
  Desk desk;
  Rule rule = desk.keep("script");
  rule.keep->attempts = {{desk.constant(TypeKind::integer, 1), checked::AttemptLimit::Per::recipient}};
  desk.add(desk.calling, rule);
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.cured)}));
  desk.program.stages[desk.cured].enrol_again = desk.condition([](const EvalContext&) { return true; });
  desk.open_case();
  desk.step(on(1));
  desk.step(on(1, 10), {desk.outcome(on(1, 10), desk.no_answer, *desk.task("script"))});
  desk.step(on(3));
  CHECK(desk.task("script") == nullptr);
  desk.enrol = false;
  desk.step(on(4), {desk.event(on(4), desk.payment)});
  desk.enrol = true;
  desk.step(on(5));
  CHECK(desk.task("script") != nullptr);
}

TEST_CASE("a window moves the task to its first slot") {
  Desk desk;
  int64_t window = abi::pack_time_range(18 * 3600, 20 * 3600);
  Rule rule = desk.keep("script");
  rule.keep->window = desk.root({TypeKind::time_range}, [&](const EvalContext&, int64_t* out) {
    out[0] = window;
    return abi::never;
  });
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(1, 9));
  CHECK(desk.task("script")->not_before == on(1, 18));
  window = abi::pack_time_range(8 * 3600, 9 * 3600);
  desk.step(on(1, 10));
  CHECK(desk.task_changes() == Changes{"update script"});
  CHECK(desk.task("script")->not_before == on(2, 8));
  window = abi::pack_time_range(22 * 3600, 7 * 3600);  // over midnight
  desk.step(on(2, 6, 30));
  CHECK(desk.task("script")->not_before == on(2, 6, 30));
}

TEST_CASE("priority adds its terms up, due counts from creation, and changes are updates") {
  Desk desk;
  int64_t score = 5;
  Rule rule = desk.keep("script");
  rule.keep->priority = {{"risk", desk.root({TypeKind::integer},
                                            [&](const EvalContext&, int64_t* out) {
                                              out[0] = score;
                                              return abi::never;
                                            })},
                         {"base", desk.constant(TypeKind::integer, 100)}};
  rule.keep->due = desk.constant(TypeKind::duration, abi::pack_duration(1, abi::DurationUnit::business_day));
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(2, 9));
  CHECK(desk.task("script")->priority == 105);
  CHECK(desk.task("script")->due == on(5, 9));
  CHECK(desk.result.wake_at == on(5, 9));
  score = 7;
  desk.step(on(3));
  CHECK(desk.task_changes() == Changes{"update script"});
  CHECK(desk.task("script")->priority == 107);
  CHECK(desk.task("script")->due == on(5, 9));
}

TEST_CASE("a task that changes with the clock wakes for it") {
  Desk desk;
  Rule rule = desk.keep("script", desk.from(on(3)));
  rule.keep->priority = {{"age", desk.root({TypeKind::integer}, [](const EvalContext& c, int64_t* out) {
                            out[0] = c.now < on(6) ? 1 : 2;
                            return c.now < on(6) ? on(6) : abi::never;
                          })}};
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(1));
  CHECK(desk.result.wake_at == on(3));
  desk.step(on(3));
  CHECK(desk.result.wake_at == on(6));
  desk.step(on(6));
  CHECK(desk.task("script")->priority == 2);
  CHECK(desk.result.wake_at == abi::never);
}

TEST_CASE("fields of a task are compared by what they say") {
  Desk desk;
  std::string script = "polite";
  desk.program.queues[0].fields.push_back({.name = "script", .type = {TypeKind::text}, .slot = 0});
  desk.program.queues[0].slot_count = 1;
  Rule rule = desk.keep("script");
  rule.keep->fields = {{0, desk.root({TypeKind::text}, [&](const EvalContext& c, int64_t* out) {
                          out[0] = reinterpret_cast<int64_t>(static_cast<abi::Arena*>(c.arena)->text(script));
                          return abi::never;
                        })}};
  desk.add(desk.calling, rule);
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2));
  CHECK(desk.result.tasks.empty());
  script = "firm";
  desk.step(on(3));
  CHECK(desk.task_changes() == Changes{"update script"});
  CHECK(reinterpret_cast<const abi::Text*>(desk.task("script")->fields[0])->view() == "firm");
}

TEST_CASE("cancel withdraws the open tasks of a queue, or of one treatment") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("hello"), desk.sms("bye")}));
  desk.add(desk.calling, desk.on_event(desk.alert, {{.kind = Action::Kind::cancel, .queue = desk.sms_queue, .value = desk.text("bye")}}));
  desk.add(desk.calling, desk.on_event(desk.payment, {{.kind = Action::Kind::cancel, .queue = desk.sms_queue}}));
  desk.open_case();
  desk.step(on(1));
  desk.step(on(2), {desk.event(on(2), desk.alert)});
  CHECK(desk.task_changes() == Changes{"withdraw bye"});
  desk.step(on(3), {desk.event(on(3), desk.payment)});
  CHECK(desk.task_changes() == Changes{"withdraw hello"});
}

TEST_CASE("an expired task is no longer open") {
  Desk desk;
  desk.add(desk.calling, desk.on_entry({desk.sms("hello")}));
  desk.check_law = false;
  desk.open_case();
  desk.step(on(1));
  desk.file->tasks()[0].expires = on(4);
  desk.step(on(2));
  CHECK(desk.result.wake_at == on(4));
  desk.step(on(4));
  REQUIRE(desk.result.tasks.size() == 1);
  CHECK(desk.result.tasks[0].task.status == TaskStatus::expired);
  CHECK(desk.file->tasks().empty());
}

}  // namespace dunlin::engine::test
