#include "compiler/ir/shape.h"

namespace dunlin::ir {

using checked::Type;
using checked::TypeKind;

Kind kind_of(const Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return Kind::boolean;
    case TypeKind::number:
      return Kind::number;
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
    case TypeKind::instance:
    case TypeKind::event:
      return Kind::pointer;
    default:
      return Kind::integer;
  }
}

std::vector<Kind> kinds_of(const checked::Program& program, const Type& type) {
  std::vector<Kind> kinds;
  if (type.optional) kinds.push_back(Kind::boolean);
  if (type.kind == TypeKind::record) {
    for (const auto& field : program.records[static_cast<size_t>(type.id)].fields) {
      const auto inner = kinds_of(program, field.type);
      kinds.insert(kinds.end(), inner.begin(), inner.end());
    }
  } else if (type.kind != TypeKind::list && type.kind != TypeKind::error) {
    kinds.push_back(kind_of(type));
  }
  return kinds;
}

const OpShape& shape_of(Op op) {
  static const OpShape shapes[] = {
      {"constant", "", '?', false},
      {"text_constant", "", 'p', false},
      {"argument", "", '?', false},
      {"self", "", 'p', false},
      {"event", "", 'p', false},
      {"now", "", 'i', false},
      {"today", "", 'i', false},
      {"setting", "", '?', false},
      {"instance_slot", "p", '?', false},
      {"instance_parent", "p", 'p', false},
      {"event_slot", "p", '?', false},
      {"event_at", "p", 'i', false},
      {"event_owner", "p", 'p', false},
      {"event_type", "p", 'i', false},
      {"state_strategy", "p", 'i', false},
      {"state_stage", "p", 'i', false},
      {"state_entered_at", "p", 'i', false},
      {"state_enrolled_at", "p", 'i', false},
      {"state_variable", "p", '?', false},
      {"state_visits", "p", 'i', false},
      {"add_checked", "ii", 'i', true},
      {"subtract_checked", "ii", 'i', true},
      {"multiply_checked", "ii", 'i', true},
      {"negate_checked", "i", 'i', true},
      {"floor_divide", "ii", 'i', true},
      {"floor_modulo", "ii", 'i', true},
      {"multiply_scaled", "ii", 'i', true},
      {"divide_scaled", "ii", 'i', true},
      {"add_wrapping", "ii", 'i', false},
      {"subtract_wrapping", "ii", 'i', false},
      {"add_saturating", "ii", 'i', false},
      {"subtract_saturating", "ii", 'i', false},
      {"minimum", "ii", 'i', false},
      {"maximum", "ii", 'i', false},
      {"add_number", "nn", 'n', true},
      {"subtract_number", "nn", 'n', true},
      {"multiply_number", "nn", 'n', true},
      {"divide_number", "nn", 'n', true},
      {"negate_number", "n", 'n', true},
      {"minimum_number", "nn", 'n', false},
      {"maximum_number", "nn", 'n', false},
      {"integer_to_number", "i", 'n', false},
      {"scaled_to_number", "i", 'n', false},
      {"equal", "??", 'b', false},
      {"not_equal", "??", 'b', false},
      {"less", "??", 'b', false},
      {"less_equal", "??", 'b', false},
      {"greater", "??", 'b', false},
      {"greater_equal", "??", 'b', false},
      {"equal_number", "nn", 'b', false},
      {"less_number", "nn", 'b', false},
      {"less_equal_number", "nn", 'b', false},
      {"equal_pointer", "pp", 'b', false},
      {"equal_text", "pp", 'b', false},
      {"in_interval", "i", 'b', false},
      {"logical_and", "bb", 'b', false},
      {"logical_or", "bb", 'b', false},
      {"logical_not", "b", 'b', false},
      {"branch", "b??", '?', false},
      {"select", "b??", '?', false},
      {"pack", "*", 't', false},
      {"call", "*", 't', true},
      {"extract", "t", '?', false},
      {"builtin", "*", '?', true},
      {"native", "*", 't', true},
      {"text_concat", "*", 'p', true},
      {"table_row", "*", 'i', false},
      {"table_cell", "i", '?', false},
      {"aggregate", "*", 't', true},
      {"day_start", "i", 'i', true},
      {"date_of", "i", 'i', true},
      {"add_duration_to_date", "ii", 'i', true},
      {"add_duration_to_instant", "ii", 'i', true},
      {"day_start_clamped", "i", 'i', false},
      {"calendar_last_day", "", 'i', false},
      {"next_working_day", "i", 'i', false},
      {"period_start", "i", 'i', false},
      {"period_next", "i", 'i', false},
      {"flip", "iiii", 'i', false},
      {"table_wake", "*", 'i', false},
      {"fault", "", '?', true},
  };
  static_assert(sizeof shapes / sizeof shapes[0] == static_cast<size_t>(Op::fault) + 1);
  return shapes[static_cast<size_t>(op)];
}

bool builtin_may_fault(int64_t builtin) {
  switch (static_cast<checked::Builtin>(builtin)) {
    case checked::Builtin::months:
    case checked::Builtin::year_of:
    case checked::Builtin::month_of:
    case checked::Builtin::day_of:
    case checked::Builtin::text_length:
    case checked::Builtin::text_starts_with:
    case checked::Builtin::text_contains:
    case checked::Builtin::split_share:
      return false;
    default:
      return true;
  }
}

namespace {

bool function_may_fault(const Program& program, FunctionId id) { return program.functions[static_cast<size_t>(id)].may_fault; }

bool aggregate_may_fault(const Program& program, const Aggregate& aggregate) {
  for (const auto fold : aggregate.folds) {
    switch (fold) {
      case Aggregate::Fold::sum:
      case Aggregate::Fold::sum_number:
      case Aggregate::Fold::average:
      case Aggregate::Fold::average_number:
      case Aggregate::Fold::count_days:
        return true;
      default:
        break;
    }
  }
  return aggregate.body != none && function_may_fault(program, aggregate.body);
}

/// Division by a constant that is neither 0 nor -1 always has a result.
bool divides_safely(const Function& function, const Node& node) {
  const Node& divisor = function.nodes[static_cast<size_t>(node.operands[1])];
  return divisor.op == Op::constant && divisor.immediate != 0 && divisor.immediate != -1;
}

}  // namespace

bool node_may_fault(const Program& program, const Function& function, const Node& node) {
  switch (node.op) {
    case Op::call:
      return function_may_fault(program, node.function);
    case Op::aggregate:
      return aggregate_may_fault(program, function.aggregates[static_cast<size_t>(node.immediate)]);
    case Op::builtin:
      return builtin_may_fault(node.immediate);
    case Op::floor_divide:
    case Op::floor_modulo:
      return !divides_safely(function, node);
    default:
      return shape_of(node.op).may_fault;
  }
}

std::vector<NodeId> aggregate_operands(const Aggregate& aggregate) {
  std::vector<NodeId> operands;
  for (const NodeId node : {aggregate.owner, aggregate.window_low, aggregate.window_value, aggregate.nth})
    if (node != none) operands.push_back(node);
  operands.insert(operands.end(), aggregate.keys.begin(), aggregate.keys.end());
  operands.insert(operands.end(), aggregate.captured.begin(), aggregate.captured.end());
  return operands;
}

int32_t fold_results(Aggregate::Fold fold) {
  switch (fold) {
    case Aggregate::Fold::minimum:
    case Aggregate::Fold::maximum:
    case Aggregate::Fold::minimum_number:
    case Aggregate::Fold::maximum_number:
    case Aggregate::Fold::average:
    case Aggregate::Fold::average_number:
    case Aggregate::Fold::first:
    case Aggregate::Fold::last:
      return 2;
    default:
      return 1;
  }
}

}  // namespace dunlin::ir
