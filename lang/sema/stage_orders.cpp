#include "lang/sema/stage_orders.h"

#include <set>

namespace dunlin::checked {

std::string stage_order_name(const Entity& entity) { return "stage of " + entity.name; }

bool is_stage_order(const Program& program, const EventType& event) {
  return !event.span.known() && event.owner >= 0 && event.name == stage_order_name(program.entities[static_cast<size_t>(event.owner)]);
}

void add_stage_orders(Program& program) {
  std::set<Index> entities;
  for (const Strategy& strategy : program.strategies) {
    if (strategy.entity >= 0) entities.insert(strategy.entity);
  }
  for (const Index entity : entities) {
    const std::string name = stage_order_name(program.entities[static_cast<size_t>(entity)]);
    if (find_event(program, name) != none) continue;
    EventType made;
    made.name = name;
    made.last_descendant = static_cast<Index>(program.events.size());
    made.owner = entity;
    const auto add = [&](const char* field, TypeKind kind) {
      Field one;
      one.name = field;
      one.type = Type{.kind = kind, .optional = true};
      one.slot = made.slot_count;
      made.slot_count += slot_count(program, one.type);
      made.fields.push_back(std::move(one));
    };
    add("strategy", TypeKind::text);
    add("stage", TypeKind::text);
    add("until", TypeKind::datetime);
    add("who", TypeKind::text);
    add("reason", TypeKind::text);
    program.events.push_back(std::move(made));
  }
}

}  // namespace dunlin::checked
