#include "tests/differential/compare.h"

#include <fmt/format.h>

#include "runtime/engine/state_codec.h"

namespace dunlin::differential {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char c : bytes) text += fmt::format("{:02x}", c);
  return text;
}

/// Slots as text: pointers to texts differ from run to run, their bytes must not.
std::string slots_text(const std::vector<checked::Field>& fields, const std::vector<int64_t>& slots) {
  std::string text;
  for (const auto& field : fields) {
    if (field.slot < 0 || static_cast<size_t>(field.slot) >= slots.size()) continue;
    size_t at = static_cast<size_t>(field.slot);
    if (field.type.optional && slots[at++] == 0) {
      text += fmt::format(" {}=missing", field.name);
      continue;
    }
    const bool is_text = field.type.kind == checked::TypeKind::text;
    text += is_text ? fmt::format(" {}=\"{}\"", field.name, slots[at] == 0 ? "" : reinterpret_cast<const abi::Text*>(slots[at])->view())
                    : fmt::format(" {}={}", field.name, slots[at]);
  }
  return text;
}

std::string task_text(const checked::Program& program, const engine::OpenTask& t) {
  return fmt::format(
      "{} id={} identity={} rule={} instance={} recipient={} stage={} standing={} status={} treatment={} created={} from={} due={} window={} priority={}{}",
      program.queues[static_cast<size_t>(t.queue)].name, t.id.text(), t.identity, t.rule, t.instance, t.recipient, t.stage, t.standing,
      static_cast<int>(t.status), t.treatment, t.created_at, t.not_before, t.due, t.window, t.priority,
      slots_text(program.queues[static_cast<size_t>(t.queue)].fields, t.fields));
}

}  // namespace

std::string describe(const checked::Program& program, engine::CaseFile& case_file, const engine::StepResult& result) {
  std::string text;
  if (result.fault) {
    text += fmt::format("fault {} \"{}\" rule={} instance={} at {}..{}\n", static_cast<int>(result.fault->fault), result.fault->message,
                        result.fault->rule_name, result.fault->instance, result.fault->where.begin, result.fault->where.end);
    for (const auto& read : result.fault->read) text += fmt::format("  read {}={}\n", read.name, read.value);
  }
  for (const auto& t : result.transitions)
    text += fmt::format("transition {} {}.{} -> {}.{} at {} by {} {}\n", t.instance, t.from_strategy, t.from_stage, t.to_strategy, t.to_stage, t.at, t.rule,
                        t.rule_name);
  for (const auto& t : result.tasks) text += fmt::format("task {} {} because {}\n", static_cast<int>(t.change), task_text(program, t.task), t.reason);
  for (const auto& e : result.events)
    text += fmt::format("event {} type={} owner={} raised={} unhandled={}{}\n", e.event.at, e.event.type, e.event.instance, e.raised, e.unhandled,
                        slots_text(program.events[static_cast<size_t>(e.event.type)].fields, e.event.slots));
  for (const auto& e : result.refused)
    text += fmt::format("refused {} type={} owner={} because {} at {}..{}{}\n", e.event.at, e.event.type, e.event.instance, e.reason, e.where.begin,
                        e.where.end, slots_text(program.events[static_cast<size_t>(e.event.type)].fields, e.event.slots));
  for (const auto& o : result.opened)
    text += fmt::format("opened entity={} parent={} id={}{}\n", o.entity, o.parent, o.id,
                        slots_text(program.entities[static_cast<size_t>(o.entity)].fields, o.slots));
  for (const auto& n : result.notes) text += fmt::format("note {} {} {}\n", n.instance, n.whom, n.text);
  for (const auto& r : result.requests) {
    text += fmt::format("request {} {} {} {} at={} {} {} until={} due={} lapses={} by={} {} amount={} length={}\n", static_cast<int>(r.what), r.request,
                        r.instance, r.id, r.at, r.status, r.reason, r.until, r.due, r.lapses_at, r.role, fmt::join(r.order, ","), r.amount, r.length);
  }
  for (const auto& f : result.firings) {
    text += fmt::format("fired {} {} {}", f.instance, f.rule, f.rule_name);
    for (const auto& read : f.read) text += fmt::format(" {}={}", read.name, read.value);
    text += '\n';
  }
  text += fmt::format("wake {}\n", result.wake_at);
  for (size_t i = 0; i < case_file.instance_count(); ++i) {
    const auto& s = case_file.state(static_cast<int32_t>(i));
    text += fmt::format("state {} {}.{} entered={} wake={} {}\n", i, s.strategy, s.stage, s.entered_at, s.wake_at, hex(engine::encode_state(program, s)));
  }
  for (const auto& t : case_file.tasks()) text += fmt::format("open {}\n", task_text(program, t));
  return text;
}

}  // namespace dunlin::differential
