#include "runtime/engine/run.h"

#include <algorithm>

#include "lang/sema/limit_reach.h"
#include "lang/sema/stage_orders.h"
#include "lang/sema/transfers.h"
#include "runtime/engine/identity.h"

namespace dunlin::engine {

namespace {
using checked::Type;
using checked::TypeKind;

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }
/// Whether an expression looks at the stage or strategy of an instance.
bool reads_state(const checked::Expr& expr) {
  using checked::Op;
  if (expr.op == Op::entered_at || expr.op == Op::enrolled_at || expr.op == Op::visits || expr.op == Op::in_stage || expr.op == Op::in_strategy) return true;
  const auto part_reads = [](const checked::ExprPtr& part) { return part != nullptr && reads_state(*part); };
  if (std::ranges::any_of(expr.args, part_reads)) return true;
  if (expr.aggregate == nullptr) return false;
  const checked::Aggregate& over = *expr.aggregate;
  return part_reads(over.owner) || part_reads(over.value) || part_reads(over.where) || part_reads(over.window_value) ||
         std::ranges::any_of(over.order, [&](const auto& key) { return part_reads(key.key); });
}

const abi::Text* as_text(int64_t slot) { return reinterpret_cast<const abi::Text*>(slot); }

}  // namespace

Run::Run(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, std::vector<int64_t> settings)
    : program_(program),
      evaluator_(evaluator),
      calendar_(calendar),
      settings_(std::move(settings)),
      plan_(program),
      reads_(program, evaluator),
      judge_(program, evaluator) {
  int32_t most = 1;
  for (const checked::Root& root : program.roots) {
    root_slots_.push_back(checked::slot_count(program, root.type));
    most = std::max(most, root_slots_.back());
  }
  out_.resize(static_cast<size_t>(most) + 1);
  if (!program.limits.empty()) limit_lines_ = std::make_shared<const std::vector<LimitLines>>(limit_lines(program, calendar));
  for (const auto& strategy : program.strategies) strategy_hash_.push_back(hash_text(strategy.name));
  for (const auto& queue : program.queues) queue_hash_.push_back(hash_text(queue.name));
  for (const auto& entity : program.entities) {
    for (const auto& derived : entity.derived) {
      if (derived.root == checked::none) continue;
      const auto& body = program.roots[derived.root].body;
      states_are_shared_ = states_are_shared_ || (body != nullptr && reads_state(*body));
    }
  }
  for (const auto& type : program.events) {
    const checked::Index field = type.queue == checked::none ? checked::none : checked::find_field(type.fields, "task_identity");
    const checked::Index treatment = type.queue == checked::none ? checked::none : checked::find_field(type.fields, "treatment");
    treatment_slot_.push_back(treatment == checked::none ? -1 : type.fields[treatment].slot);
    identity_slot_.push_back(field == checked::none ? -1 : type.fields[field].slot);
  }
  hold_placed_by_.assign(program.events.size(), -1);
  tells_of_hold_.assign(program.events.size(), 0);
  for (size_t h = 0; h < program.holds.size(); ++h) {
    const checked::Hold& hold = program.holds[h];
    hold_placed_by_[hold.placed] = static_cast<int32_t>(h);
    for (const checked::Index event : {hold.placed, hold.lifted, hold.ended, checked::find_event(program, hold.name + ".dated")}) {
      if (event != checked::none) tells_of_hold_[event] = 1;
    }
    holds_end_ = holds_end_ || hold.ended != checked::none;
    timers_may_stand_ = timers_may_stand_ || hold.stops_timers;
  }
  for (const checked::Deadline& deadline : program.deadlines) {
    for (const checked::Index event : {deadline.warned, deadline.missed}) {
      if (event != checked::none) tells_of_hold_[event] = 1;
    }
  }
  for (const auto& type : program.events) is_stage_order_.push_back(checked::is_stage_order(program, type) ? 1 : 0);
  stage_order_rule_.key = checked::stage_order_key;
  stage_order_rule_.name = checked::stage_order_rule;
  request_events_ = request_events(program);
  for (size_t event = 0; event < request_events_.size(); ++event) {
    using enum RequestEvent::Role;
    const RequestEvent::Role role = request_events_[event].role;
    if (role == asked || role == withdrawn || role == overdue || role == recalled || role == extended) tells_of_hold_[event] = 1;
  }
  named_rules_.push_back(0);  // tasks of rules without a name
  for (const auto& [key, rule] : plan_.by_key) {
    if (rule->named) named_rules_.push_back(key);
  }
  const auto add_kept = [&](const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      if (rule.named && !plan_.by_key.contains(rule.key)) named_rules_.push_back(rule.key);
    }
  };
  for (size_t s = 0; s < program.strategies.size(); ++s) {
    if (checked::kept_at(program, static_cast<checked::Index>(s)) == nullptr) continue;
    add_kept(program.strategies[s].rules);
    for (const checked::Index stage : program.strategies[s].stages) add_kept(program.stages[stage].rules);
  }
  for (const auto& entity : program_.entities) entity_is_person_.push_back(checked::is_person(entity) ? 1 : 0);
}

Run::Value Run::evaluate(checked::RootId root, int32_t i, const abi::Event* event, Arguments arguments) {
  context_.self = &case_->instance(i);
  context_.event = event;
  context_.arguments = arguments.data();
  const Evaluation done = evaluator_.evaluate(root, context_, out_.data());
  if (!done.ok()) [[unlikely]] {
    StepFault fault{.fault = done.fault, .instance = i, .where = done.where};
    fault.message = std::string(abi::fault_text(done.fault)) + " in `" + program_.roots[root].label + "`";
    if (rule_ != nullptr) fault.rule_name = rule_->name;
    reads_.collect(root, context_, fault.read);
    throw StepAbort{std::move(fault)};
  }
  return {out_.data(), program_.roots[root].wants_wake ? out_[root_slots_[root]] : abi::never};
}

bool Run::holds(checked::RootId root, int32_t i, Instant& wake, const abi::Event* event, Arguments arguments) {
  if (root == checked::none) return true;
  const Value value = evaluate(root, i, event, arguments);
  wake = std::min(wake, value.wake);
  return value.slots[0] != 0;
}

int64_t Run::whole_number(checked::RootId root, int32_t i, Instant& wake, Arguments arguments) {
  const Value value = evaluate(root, i, nullptr, arguments);
  wake = std::min(wake, value.wake);
  return value.slots[0];
}

Run::Moment Run::moment_of(const Type& type, const Value& value) {
  Moment moment{.known = true, .wake = value.wake};
  const int64_t* slots = value.slots;
  if (type.optional) {
    moment.known = slots[0] != 0;
    ++slots;
  }
  if (!moment.known) return moment;
  moment.is_date = type.kind == TypeKind::date;
  moment.date = slots[0];
  moment.at = moment.is_date ? day_start(slots[0]) : slots[0];
  return moment;
}

void Run::keep_value(const Type& type, const int64_t* from, int64_t* to) {
  const auto count = static_cast<size_t>(checked::slot_count(program_, type));
  std::copy(from, from + count, to);
  if (type.optional) {
    if (from[0] == 0) return;
    ++from;
    ++to;
  }
  if (is_text(type.kind)) to[0] = reinterpret_cast<int64_t>(case_->text(as_text(from[0])->view()));
  if (type.kind != TypeKind::record) return;
  for (const auto& field : program_.records[type.id].fields) {
    keep_value(field.type, from, to);
    from += checked::slot_count(program_, field.type);
    to += checked::slot_count(program_, field.type);
  }
}

bool Run::same_value(const Type& type, const int64_t* a, const int64_t* b) const {
  if (type.optional) {
    if (a[0] != b[0]) return false;
    if (a[0] == 0) return true;
    ++a;
    ++b;
  }
  if (is_text(type.kind)) return as_text(a[0])->view() == as_text(b[0])->view();
  if (type.kind != TypeKind::record) return a[0] == b[0];
  for (const auto& field : program_.records[type.id].fields) {
    if (!same_value(field.type, a, b)) return false;
    a += checked::slot_count(program_, field.type);
    b += checked::slot_count(program_, field.type);
  }
  return true;
}

std::string_view Run::text_of(checked::RootId root, int32_t i, Instant& wake, const abi::Event* event, Arguments arguments) {
  if (root == checked::none) return {};
  const Value value = evaluate(root, i, event, arguments);
  wake = std::min(wake, value.wake);
  if (!type_of(root).optional) return as_text(value.slots[0])->view();
  return value.slots[0] == 0 ? std::string_view{} : as_text(value.slots[1])->view();
}

void Run::fail(abi::Fault fault, std::string message, Span where) {
  StepFault found{.fault = fault, .message = std::move(message), .where = where};
  if (context_.self != nullptr) found.instance = context_.self->position;
  if (rule_ != nullptr) {
    found.rule_name = rule_->name;
    if (!where.known()) found.where = rule_->span;
  }
  throw StepAbort{std::move(found)};
}

void Run::check(abi::Fault fault) {
  if (fault == abi::Fault::none) [[likely]]
    return;
  std::string message = abi::fault_text(fault);
  if (rule_ != nullptr) message += " in `" + rule_->name + "`";
  fail(fault, std::move(message), {});
}

int64_t Run::date_of(Instant instant) {
  int64_t date = 0;
  check(abi::date_of(calendar_, instant, &date));
  return date;
}

Instant Run::day_start(int64_t date) {
  Instant instant = 0;
  check(abi::day_start(calendar_, date, &instant));
  return instant;
}

Instant Run::counted_from(Instant anchor, int64_t duration) {
  if (abi::duration_unit(duration) == abi::DurationUnit::microsecond) {
    Instant due = 0;
    if (__builtin_add_overflow(anchor, abi::duration_amount(duration), &due)) check(abi::Fault::overflow);
    return due;
  }
  int64_t date = 0;
  check(abi::add_duration_to_date(calendar_, date_of(anchor), duration, &date));
  return day_start(date);
}

void Run::touch(int32_t i) {
  if (work_[i].touched) return;
  work_[i].touched = true;
  if (journal_size_ == journal_.size()) journal_.emplace_back();
  journal_[journal_size_++] = {i, state(i)};
  ++state(i).step_number;
}

void Run::facts_changed() {
  for (Work& work : work_) work.dirty = true;
}

void Run::state_changed(int32_t i) {
  work_[i].dirty = true;
  if (states_are_shared_) facts_changed();
}

const StagePlan* Run::stage_plan(int32_t i) {
  const int32_t stage = state(i).stage;
  return stage < 0 ? nullptr : &plan_.stages[stage];
}

Firing& Run::fired(int32_t i, const Rule& rule) {
  if (options_->listener != nullptr) options_->listener->rule_fired(i, rule);
  return result_->firings.emplace_back(Firing{.instance = i, .rule = rule.key, .rule_name = rule.name, .where = rule.span});
}

void Run::read_for(Firing& firing, checked::RootId root, const abi::Event* event, Arguments arguments) {
  if (!options_->collect_reads || root == checked::none) return;
  abi::EvalContext context = context_;
  context.self = &case_->instance(firing.instance);
  context.event = event;
  context.arguments = arguments.data();
  reads_.collect(root, context, firing.read);
}

void Run::tell_tried(int32_t i, const Rule& rule, checked::RootId condition, bool held) {
  if (options_->listener != nullptr) options_->listener->rule_tried(i, rule, condition, held);
}

}  // namespace dunlin::engine
