#include "runtime/engine/event_judge.h"

#include <algorithm>

#include "compiler/abi/clock.h"

namespace dunlin::engine {

namespace {

/// Whether an expression looks at anything but its own parameters, the clock and settings.
bool reads_case(const checked::Expr& expr) {
  using checked::Op;
  switch (expr.op) {
    case Op::self:
    case Op::event:
    case Op::variable:
    case Op::entered_at:
    case Op::enrolled_at:
    case Op::visits:
    case Op::in_stage:
    case Op::in_strategy:
    case Op::aggregate:
      return true;
    default:
      return std::ranges::any_of(expr.args, [](const checked::ExprPtr& part) { return part != nullptr && reads_case(*part); });
  }
}

}  // namespace

EventJudge::EventJudge(const checked::Program& program, const Evaluator& evaluator)
    : program_(program), evaluator_(evaluator), reads_(program, evaluator), needs_case_(program.roots.size()) {
  for (const checked::EventType& type : program.events) {
    bool judged = type.allowed_when != checked::none || (type.parent != checked::none && judged_[static_cast<size_t>(type.parent)]);
    for (const checked::Field& field : type.fields) {
      judged = judged || field.in_range != checked::none || field.minimum || field.maximum;
      if (field.in_range == checked::none) continue;
      const auto& body = program.roots[static_cast<size_t>(field.in_range)].body;
      needs_case_[static_cast<size_t>(field.in_range)] = body != nullptr && reads_case(*body);
    }
    judged_.push_back(judged);
  }
  out_.resize(2);  // a bool, and room for a wake
}

std::optional<EventRefusal> EventJudge::judge(const IncomingEvent& event, const abi::EvalContext& context, bool clock_only) {
  if (!has_conditions(event.type)) return std::nullopt;
  abi::EvalContext then = context;
  then.now = event.at;
  if (const abi::Fault fault = abi::date_of(*context.calendar, event.at, &then.today); fault != abi::Fault::none) {
    return EventRefusal{"its time lies beyond the bundle's calendar", {}, fault};
  }
  const checked::EventType& type = program_.events[static_cast<size_t>(event.type)];
  for (const checked::Field& field : type.fields) {
    if (auto refusal = judge_field(field, event, then, clock_only)) return refusal;
  }
  if (clock_only) return std::nullopt;
  for (checked::Index up = event.type; up != checked::none; up = program_.events[static_cast<size_t>(up)].parent) {
    const checked::RootId condition = program_.events[static_cast<size_t>(up)].allowed_when;
    if (condition == checked::none) continue;
    if (auto refusal = judge_condition(condition, then, {})) return refusal;
  }
  return std::nullopt;
}

std::optional<EventRefusal> EventJudge::judge_field(const checked::Field& field, const IncomingEvent& event, const abi::EvalContext& context, bool clock_only) {
  if (field.in_range == checked::none && !field.minimum && !field.maximum) return std::nullopt;
  const int64_t* value = event.slots.data() + field.slot;
  if (field.type.optional && *value++ == 0) return std::nullopt;
  const checked::Type known = field.type.known();
  const auto text = [&](int64_t slot) { return checked::format_value(program_, known, &slot); };
  if ((field.minimum && *value < *field.minimum) || (field.maximum && *value > *field.maximum)) {
    std::string bounds = (field.minimum ? text(*field.minimum) : "") + ".." + (field.maximum ? text(*field.maximum) : "");
    return EventRefusal{"`" + field.name + "` is " + text(*value) + ", outside of " + bounds, field.span, abi::Fault::none};
  }
  if (field.in_range == checked::none || (clock_only && needs_case_[static_cast<size_t>(field.in_range)])) return std::nullopt;
  abi::EvalContext with_value = context;
  with_value.arguments = value;
  return judge_condition(field.in_range, with_value, field.name + " = " + text(*value));
}

std::optional<EventRefusal> EventJudge::judge_condition(checked::RootId root, const abi::EvalContext& context, std::string what) {
  const checked::Root& condition = program_.roots[static_cast<size_t>(root)];
  const Evaluation done = evaluator_.evaluate(root, context, out_.data());
  if (done.ok() && out_[0] != 0) return std::nullopt;
  if (!done.ok()) {
    return EventRefusal{std::string(abi::fault_text(done.fault)) + " in `" + condition.label + "`", done.where, done.fault};
  }
  const checked::Type date{checked::TypeKind::date};
  const std::string read = values_read(root, context);
  if (!read.empty()) what += (what.empty() ? "" : ", ") + read;
  if (!what.empty()) what = ", with " + what;
  return EventRefusal{"`" + condition.label + "` does not hold on " + checked::format_value(program_, date, &context.today) + what, condition.span,
                      abi::Fault::none};
}

std::string EventJudge::values_read(checked::RootId root, const abi::EvalContext& context) {
  if (context.self == nullptr) return {};
  std::vector<ValueRead> values;
  reads_.collect(root, context, values);
  std::string text;
  for (const ValueRead& value : values) text += (text.empty() ? "" : ", ") + value.name + " = " + value.value;
  return text;
}

std::optional<EventRefusal> event_refusal(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                          const std::vector<int64_t>& settings, const CaseFile& case_file, const IncomingEvent& event) {
  EventJudge judge(program, evaluator);
  if (!judge.has_conditions(event.type)) return std::nullopt;
  abi::Arena arena;
  const abi::EvalContext context{
      .case_file = &case_file.view(), .self = &case_file.instance(event.instance), .settings = settings.data(), .calendar = &calendar, .arena = &arena};
  return judge.judge(event, context);
}

}  // namespace dunlin::engine
