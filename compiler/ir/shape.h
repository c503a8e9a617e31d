// How many operands an operation takes, of what kind, and whether it may fault: one table for the builder, the verifier and the printer.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

/// Kind of each slot of a value of this type, the flag of an optional value first.
std::vector<Kind> kinds_of(const checked::Program& program, const checked::Type& type);
/// Kind of the value itself; records have none.
Kind kind_of(const checked::Type& type);

struct OpShape {
  const char* name;
  /// One letter an operand: b boolean, i integer, n number, p pointer, t tuple, ? any; '*' at the end: any number of any kind.
  const char* operands;
  /// Kind of the result: b, i, n, p, t; '?': given by the node.
  char result;
  bool may_fault;
};
const OpShape& shape_of(Op op);

/// Whether the built-in function can fault at all.
bool builtin_may_fault(int64_t builtin);
/// Whether this node itself can fault, its operands left aside. For calls and loops: whether what they call can.
bool node_may_fault(const Program& program, const Function& function, const Node& node);
/// Operands of an aggregate in the order in which they are evaluated.
std::vector<NodeId> aggregate_operands(const Aggregate& aggregate);
/// Results of a fold in the tuple of its aggregate.
int32_t fold_results(Aggregate::Fold fold);

}  // namespace dunlin::ir
