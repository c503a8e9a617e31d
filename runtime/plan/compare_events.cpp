#include "runtime/plan/compare_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/stage_orders.h"
#include "runtime/engine/strange_outcome.h"

namespace dunlin::plan {

namespace {

using checked::Index;
using checked::none;

/// Whether a line of a limit counts this outcome, or begins a pause with it.
bool is_limited(const checked::Program& program, Index event) {
  const Index queue = program.events[static_cast<size_t>(event)].queue;
  const auto among = [&](const std::vector<Index>& roots) {
    return std::ranges::any_of(roots, [&](Index root) { return event >= root && event <= program.events[static_cast<size_t>(root)].last_descendant; });
  };
  const auto counts = [&](const checked::LimitRule& line) {
    if (line.kind != checked::LimitRule::Kind::at_most) return among(line.after);
    return std::ranges::find(line.counted_queues, queue) != line.counted_queues.end() && (line.counted_events.empty() || among(line.counted_events));
  };
  return std::ranges::any_of(program.limits, [&](const checked::Limits& block) { return std::ranges::any_of(block.rules, counts); });
}

/// The first field that both have, and not of one type; empty: there is none.
std::string retyped(const checked::Program& old_program, const checked::EventType& before, const checked::Program& new_program,
                    const checked::EventType& after) {
  for (const checked::Field& field : before.fields) {
    const auto other = std::ranges::find(after.fields, field.name, &checked::Field::name);
    if (other == after.fields.end() || field.type.kind == other->type.kind) continue;
    return fmt::format("`{}` was {} and is {}; events that are kept cannot be read so", field.name, checked::type_name(old_program, field.type.known()),
                       checked::type_name(new_program, other->type.known()));
  }
  return {};
}

}  // namespace

Group event_types(Version& v) {
  Group group;
  const auto& program = v.program();
  for (size_t e = 0; e < program.events.size(); ++e) {
    const checked::EventType& event = program.events[e];
    if (checked::is_stage_order(program, event)) continue;
    std::string label = "event " + event.alias + (event.owner == none ? "" : " of " + program.entities[event.owner].name) + (event.leaf ? "" : " group");
    for (const Index other : event.cancels) label += " cancels " + program.events[other].name;
    std::vector<Meaning> fields;
    for (const auto& field : event.fields) fields.push_back(v.named.field(field));
    group.push_back(declared(v, event.name, event.span, static_cast<Index>(e), label, {event.allowed_when}, fields));
  }
  return group;
}

void judge_event(const checked::Program& old_program, Index before, const checked::Program& new_program, Index after, Change& change) {
  const checked::EventType& was = old_program.events[static_cast<size_t>(before)];
  if (after != none) {
    if (std::string other = retyped(old_program, was, new_program, new_program.events[static_cast<size_t>(after)]); !other.empty()) change.note = other;
    return;
  }
  if (!was.leaf) return;
  const std::string comes = "what still comes under this name is set aside";
  if (was.queue == none) {
    change.note = "rules do not see what was read under this name; " + comes;
    return;
  }
  const engine::StrangeName known = engine::strange_name(new_program, was.name, old_program.queues[static_cast<size_t>(was.queue)].name);
  if (known.within >= 0) {
    change.note = fmt::format("rules do not see what was read under this name, limits go on counting it as some `{}`; {}",
                              new_program.events[static_cast<size_t>(known.within)].name, comes);
    return;
  }
  change.wider = is_limited(old_program, before);
  change.note = fmt::format("{}; {}", change.wider ? "limits do not count these contacts any more" : "rules do not see what was read under this name", comes);
}

}  // namespace dunlin::plan
