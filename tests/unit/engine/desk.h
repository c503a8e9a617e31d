// A collection desk for tests of the engine: a program made by hand whose expressions are C++ functions, and one case file.
// Every step is followed by a check of the law: with no new facts, stepping again before the wake changes nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/abi/calendar.h"
#include "runtime/engine/step.h"

namespace dunlin::engine::test {

using abi::EvalContext;
using checked::Action;
using checked::Index;
using checked::RootId;
using checked::Rule;
using checked::Type;
using checked::TypeKind;

/// Instants of January 2026 in UTC; day 1 is Thursday, 1 January. Days start at 06:00.
Instant on(int day, int hour = 6, int minute = 0);
/// The date as a slot.
int64_t date(int day);

/// Writes the value's slots and returns its wake.
using Body = std::function<Instant(const EvalContext&, int64_t*)>;

class LambdaEvaluator final : public Evaluator {
 public:
  std::vector<Body> bodies;
  std::vector<int32_t> slots;  // of the value; -1: no wake behind it
  mutable int64_t calls = 0;
  abi::Fault fault_next = abi::Fault::none;  // what `faulty` roots give

  Evaluation evaluate(RootId root, const EvalContext& context, int64_t* out) const override;
  const char* name() const override { return "test"; }
};

class Desk {
 public:
  Desk();

  // ---- building ----
  RootId root(Type type, Body body, bool wants_wake = true);
  RootId condition(std::function<bool(const EvalContext&)> body);
  /// True from an instant on.
  RootId from(Instant instant);
  RootId constant(TypeKind kind, int64_t value);
  RootId text(const std::string& value);
  RootId days(int64_t count) { return constant(TypeKind::duration, abi::pack_duration(count, abi::DurationUnit::day)); }
  RootId faulty();

  /// The first strategy is `soft`, for accounts, with the stages calling, promised and the final stage cured.
  Index add_strategy(const std::string& name, RootId enrol);
  Index add_stage(Index strategy, const std::string& name, bool is_final = false);
  Rule& add(Index stage, Rule rule) { return program.stages[stage].rules.emplace_back(named(std::move(rule))); }
  Rule& add_to_strategy(Index strategy, Rule rule) { return program.strategies[strategy].rules.emplace_back(named(std::move(rule))); }
  Rule& add_always(Rule rule);

  static Action go(Index stage) { return {.kind = Action::Kind::go, .stage = stage}; }
  Action sms(const std::string& treatment, bool stays = false);
  Rule on_event(Index type, std::vector<Action> actions, RootId guard = checked::none);
  Rule on_entry(std::vector<Action> actions);
  Rule when(RootId guard, Index stage);
  Rule after(RootId delay, std::vector<Action> actions, RootId guard = checked::none);
  Rule at(RootId instant, std::vector<Action> actions, Rule::IfLate late = Rule::IfLate::standard);
  Rule every(RootId delay, std::vector<Action> actions, RootId guard = checked::none);
  Rule keep(const std::string& treatment, RootId condition = checked::none);

  // ---- stepping ----
  /// One debtor with one account (position 1) and `phones` phones.
  void open_case(int phones = 0);
  IncomingEvent event(Instant at, Index type, std::vector<int64_t> slots = {}) const;
  /// An outcome of a task.
  IncomingEvent outcome(Instant at, Index type, const OpenTask& task) const;
  const StepResult& step(Instant now, std::vector<IncomingEvent> events = {});
  InstanceState& account() { return file->state(1); }
  std::string stage() const;
  const OpenTask* task(const std::string& treatment) const;
  /// What the last step did to tasks: "create friendly", "withdraw script" …
  std::vector<std::string> task_changes() const;

  checked::Program program;
  LambdaEvaluator evaluator;
  std::unique_ptr<abi::CalendarTables> calendar;
  std::unique_ptr<CaseFile> file;
  StepResult result;
  bool enrol = true;  // what the first strategy's `enrol when` says
  bool check_law = true;
  Index soft = 0, calling = 0, promised = 1, cured = 2;
  // entities
  Index debtor = 0, account_entity = 1, phone = 2, writ = 3;
  // events, in preorder
  Index payment = 0, chargeback = 1, call = 2, reached = 3, no_answer = 4, complaint = 5, alert = 6;
  // queues
  Index call_queue = 0, sms_queue = 1;

 private:
  Rule named(Rule rule);
  void lawful(Instant now);
  void add_data();
  void add_events();
  std::unique_ptr<Stepper> stepper_;
  abi::Arena texts_;
  int rules_ = 0;
};

}  // namespace dunlin::engine::test
