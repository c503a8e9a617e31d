#include "tests/unit/engine/desk.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/engine/identity.h"
#include "runtime/engine/state_codec.h"

namespace dunlin::engine::test {

namespace {
constexpr int64_t first_of_january = 20454;
constexpr int64_t us_per_minute = 60 * abi::us_per_second;
}  // namespace

int64_t date(int day) { return first_of_january + day - 1; }
Instant on(int day, int hour, int minute) { return (date(day) * 1440 + hour * 60 + minute) * us_per_minute; }

Evaluation LambdaEvaluator::evaluate(RootId root, const EvalContext& context, int64_t* out) const {
  ++calls;
  if (!bodies[root]) return {.fault = fault_next};
  const Instant wake = bodies[root](context, out);
  if (slots[root] >= 0) out[slots[root]] = wake;
  return {};
}

Desk::Desk() {
  calendar = std::move(*abi::CalendarTables::make({.day_start_s = 6 * 3600, .first_year = 2025, .last_year = 2027}));
  add_data();
  add_events();
  soft = add_strategy("soft", condition([this](const EvalContext&) { return enrol; }));
  calling = add_stage(soft, "calling");
  promised = add_stage(soft, "promised");
  cured = add_stage(soft, "cured", true);
}

void Desk::add_data() {
  const auto key = checked::Field{.name = "id", .type = {TypeKind::text}, .key = true, .slot = 0};
  program.entities.push_back({.name = "debtor", .fields = {key}, .children = {1, 2}, .key_field = 0, .slot_count = 1});
  program.entities.push_back({.name = "account",
                              .parent = 0,
                              .depth = 1,
                              .fields = {key, {.name = "balance", .type = {TypeKind::money}, .slot = 1}},
                              .children = {3},
                              .child_position = 0,
                              .key_field = 0,
                              .slot_count = 2});
  program.entities.push_back({.name = "phone", .parent = 0, .depth = 1, .fields = {key}, .child_position = 1, .key_field = 0, .slot_count = 1});
  program.entities.push_back({.name = "writ", .parent = 1, .depth = 2, .fields = {key}, .child_position = 0, .key_field = 0, .slot_count = 1});
  program.queues.push_back({.name = "call", .outcomes = 2});
  program.queues.push_back({.name = "sms"});
}

void Desk::add_events() {
  const checked::Field amount{.name = "amount", .type = {TypeKind::money}, .slot = 0};
  const std::vector<checked::Field> outcome{{.name = "treatment", .type = {TypeKind::text, true}, .slot = 0},
                                            {.name = "task_identity", .type = {TypeKind::integer, true}, .slot = 2},
                                            {.name = "cost", .type = {TypeKind::money, true}, .slot = 4}};
  auto& events = program.events;
  events.push_back({.name = "payment", .last_descendant = 0, .owner = 1, .fields = {amount}, .slot_count = 1});
  events.push_back({.name = "chargeback", .last_descendant = 1, .owner = 1, .cancels = {0}});
  events.push_back({.name = "call", .last_descendant = 4, .leaf = false, .owner = 1, .fields = outcome, .slot_count = 6, .queue = 0});
  events.push_back({.name = "call.reached", .parent = 2, .last_descendant = 3, .owner = 1, .fields = outcome, .slot_count = 6, .queue = 0, .leaf_ordinal = 0});
  events.push_back(
      {.name = "call.no_answer", .parent = 2, .last_descendant = 4, .owner = 1, .fields = outcome, .slot_count = 6, .queue = 0, .leaf_ordinal = 1});
  events.push_back({.name = "complaint", .last_descendant = 5, .owner = 0});
  events.push_back({.name = "alert", .last_descendant = 6, .owner = 1, .fields = {amount}, .slot_count = 1});
}

RootId Desk::root(Type type, Body body, bool wants_wake) {
  const auto id = static_cast<RootId>(program.roots.size());
  checked::Root made{.type = type, .label = "root " + std::to_string(id), .wants_wake = wants_wake};
  program.roots.push_back(std::move(made));
  evaluator.bodies.push_back(std::move(body));
  evaluator.slots.push_back(wants_wake ? checked::slot_count(program, type) : -1);
  return id;
}

RootId Desk::condition(std::function<bool(const EvalContext&)> body) {
  return root({TypeKind::boolean}, [body = std::move(body)](const EvalContext& context, int64_t* out) {
    out[0] = body(context) ? 1 : 0;
    return abi::never;
  });
}
RootId Desk::from(Instant instant) {
  return root({TypeKind::boolean}, [instant](const EvalContext& context, int64_t* out) {
    out[0] = context.now >= instant ? 1 : 0;
    return context.now >= instant ? abi::never : instant;
  });
}
RootId Desk::constant(TypeKind kind, int64_t value) {
  return root({kind}, [value](const EvalContext&, int64_t* out) {
    out[0] = value;
    return abi::never;
  });
}
RootId Desk::text(const std::string& value) { return constant(TypeKind::text, reinterpret_cast<int64_t>(texts_.text(value))); }
RootId Desk::faulty() { return root({TypeKind::boolean}, nullptr); }

Index Desk::add_strategy(const std::string& name, RootId enrol_root) {
  program.strategies.push_back({.name = name, .entity = account_entity, .enrol = enrol_root});
  return static_cast<Index>(program.strategies.size() - 1);
}
Index Desk::add_stage(Index strategy, const std::string& name, bool is_final) {
  const auto stage = static_cast<Index>(program.stages.size());
  program.stages.push_back({.name = name, .strategy = strategy, .is_final = is_final});
  program.strategies[strategy].stages.push_back(stage);
  return stage;
}
Rule& Desk::add_always(Rule rule) {
  if (program.always.empty()) program.always.push_back({.entity = account_entity});
  return program.always[0].rules.emplace_back(named(std::move(rule)));
}
Rule Desk::named(Rule rule) {
  if (rule.name.empty()) rule.name = "rule " + std::to_string(++rules_);
  if (rule.key == 0) rule.key = hash_text(rule.name);
  return rule;
}

Action Desk::sms(const std::string& treatment, bool stays) {
  return {.kind = Action::Kind::task, .queue = sms_queue, .value = text(treatment), .stays = stays};
}
Rule Desk::on_event(Index type, std::vector<Action> actions, RootId guard) {
  return {.kind = Rule::Kind::on_event, .events = {type}, .guard = guard, .actions = std::move(actions)};
}
Rule Desk::on_entry(std::vector<Action> actions) { return {.kind = Rule::Kind::on_entry, .actions = std::move(actions)}; }
Rule Desk::when(RootId guard, Index stage) { return {.kind = Rule::Kind::when, .guard = guard, .actions = {go(stage)}}; }
Rule Desk::after(RootId delay, std::vector<Action> actions, RootId guard) {
  return {.kind = Rule::Kind::after, .delay = delay, .guard = guard, .actions = std::move(actions)};
}
Rule Desk::at(RootId instant, std::vector<Action> actions, Rule::IfLate late) {
  return {.kind = Rule::Kind::at, .anchor = Rule::Anchor::instant, .instant = instant, .if_late = late, .actions = std::move(actions)};
}
Rule Desk::every(RootId delay, std::vector<Action> actions, RootId guard) {
  return {.kind = Rule::Kind::every, .delay = delay, .guard = guard, .actions = std::move(actions)};
}
Rule Desk::keep(const std::string& treatment, RootId keep_condition) {
  checked::Keep spec{.queue = call_queue, .treatment = text(treatment), .condition = keep_condition};
  return {.kind = Rule::Kind::keep, .keep = std::move(spec)};
}

void Desk::open_case(int phones) {
  file = std::make_unique<CaseFile>(program);
  file->add_instance(debtor, -1, stable_id("debtor", "d"));
  file->add_instance(account_entity, 0, stable_id("account", "a"));
  file->slots(1)[0] = reinterpret_cast<int64_t>(file->text("a"));
  for (int p = 0; p < phones; ++p) {
    const std::string key = "p" + std::to_string(p);
    const int32_t position = file->add_instance(phone, 0, stable_id("phone", key));
    file->slots(position)[0] = reinterpret_cast<int64_t>(file->text(key));
  }
  file->finish();
  stepper_ = std::make_unique<Stepper>(program, evaluator, *calendar->view(), std::vector<int64_t>{});
}

IncomingEvent Desk::event(Instant at, Index type, std::vector<int64_t> slots) const {
  slots.resize(static_cast<size_t>(program.events[type].slot_count));
  return {.at = at, .type = type, .instance = program.events[type].owner == debtor ? 0 : 1, .slots = std::move(slots)};
}
IncomingEvent Desk::outcome(Instant at, Index type, const OpenTask& task) const {
  return event(at, type, {0, 0, 1, static_cast<int64_t>(task.identity), 0, 0});
}

const StepResult& Desk::step(Instant now, std::vector<IncomingEvent> events) {
  for (IncomingEvent& event : events) file->inbox().push_back(std::move(event));
  stepper_->step(*file, now, result, {.version = 1});
  if (check_law && !result.fault.has_value()) lawful(now);
  return result;
}

void Desk::lawful(Instant now) {
  const Instant wake = result.wake_at;
  CHECK(wake >= now);
  if (wake == now) return;
  const std::string before = encode_state(program, account());
  const int64_t steps = account().step_number;
  const Instant last = wake == abi::never ? now + 40 * 86'400 * abi::us_per_second : wake - 1;
  StepResult again;
  for (const Instant t : {now, now + (last - now) / 2, last}) {
    stepper_->step(*file, t, again, {.version = 1});
    CHECK_FALSE(again.fault.has_value());
    CHECK_FALSE(again.had_effect());
    CHECK(account().step_number == steps);
    CHECK(encode_state(program, account()) == before);
    // The clock has gone on, the wake has not: it may not come later than was promised unless nothing was to come.
    CHECK((again.wake_at >= wake || again.wake_at > t));
  }
}

std::string Desk::stage() const {
  const InstanceState& state = file->state(1);
  return state.stage < 0 ? "none" : program.stages[state.stage].name;
}
const OpenTask* Desk::task(const std::string& treatment) const {
  const auto& tasks = std::as_const(*file).tasks();
  const auto found = std::ranges::find(tasks, treatment, &OpenTask::treatment);
  return found == tasks.end() ? nullptr : &*found;
}
std::vector<std::string> Desk::task_changes() const {
  static const char* names[] = {"create", "update", "withdraw", "mark"};
  std::vector<std::string> changes;
  for (const TaskEffect& effect : result.tasks) changes.push_back(std::string(names[static_cast<int>(effect.change)]) + " " + effect.task.treatment);
  return changes;
}

}  // namespace dunlin::engine::test
