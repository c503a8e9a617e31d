// A supervisor's order that moves an instance to a stage: an event of the engine's own, which every program has for each entity with a strategy and no
// bundle can name. It stands behind all other events of the program and is made after everything else was checked.
#pragma once

#include <cstdint>
#include <string>

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// Rule::key that stands for an order in transitions; a row of dunlin.rule has its name.
constexpr uint64_t stage_order_key = 0x7374'6167'6520'6f72;
constexpr const char* stage_order_rule = "override of the stage";

/// Where the fields of an order lie in the event's slots: all are optional, so the flag stands first. No stage: the order before it is lifted.
struct StageOrderSlots {
  static constexpr Index strategy = 0, stage = 2, until = 4, who = 6, reason = 8, count = 10;
};

/// "stage of account"
std::string stage_order_name(const Entity& entity);
/// Whether nobody but the engine knows this event.
bool is_stage_order(const Program& program, const EventType& event);
/// Adds them; where a bundle has an event of that name already, the entity goes without.
void add_stage_orders(Program& program);

}  // namespace dunlin::checked
