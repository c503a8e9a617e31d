// Which nodes of a function are needed in more than one place, none of which comes before the other: those get code of their own
// and a place in a frame, so that shared subexpressions are written once however often branches meet.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::native {

struct DemandPlan {
  /// Position in the frame of a shared node: a slot that says whether it is computed, then its value slots. -1: not shared.
  std::vector<int32_t> frame_offset;
  std::vector<ir::NodeId> shared;
  int32_t frame_slots = 0;
  bool is_shared(ir::NodeId node) const { return frame_offset[static_cast<size_t>(node)] >= 0; }
};

/// Number of value slots of a node: more than one only for tuples.
int32_t value_slots(const ir::Program& program, const ir::Function& function, const ir::Node& node);
/// Results of a fold in its tuple.
int32_t fold_results(ir::Aggregate::Fold fold);
/// Nodes that a node evaluates before itself, in order; of a branch only the condition.
std::vector<ir::NodeId> strict_operands(const ir::Node& node);

DemandPlan plan_demand(const ir::Program& program, const ir::Function& function);

}  // namespace dunlin::native
