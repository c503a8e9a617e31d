#include "compiler/ir/print.h"

#include "compiler/ir/shape.h"

namespace dunlin::ir {

namespace {

const char* kind_name(Kind kind) {
  static const char* const names[] = {"bool", "int", "number", "pointer", "tuple"};
  return names[static_cast<size_t>(kind)];
}

std::string reference(NodeId id) { return "%" + std::to_string(id); }

std::string constant_text(const Node& node) {
  if (node.kind == Kind::number) return std::to_string(abi::as_number(node.immediate));
  if (node.kind == Kind::boolean) return node.immediate != 0 ? "true" : "false";
  if (node.immediate == abi::never) return "never";
  return std::to_string(node.immediate);
}

std::string immediates(const Program& program, const Node& node) {
  switch (node.op) {
    case Op::constant:
      return " " + constant_text(node);
    case Op::text_constant:
      return " \"" + program.texts[static_cast<size_t>(node.immediate)] + "\"";
    case Op::call:
      return " @" + std::to_string(node.function);
    case Op::flip:
      return std::string(" ") + shape_of(static_cast<Op>(node.immediate)).name;
    case Op::in_interval:
    case Op::table_cell:
    case Op::table_wake:
      return " " + std::to_string(node.immediate) + ".." + std::to_string(node.immediate2);
    default:
      return node.immediate != 0 || node.op == Op::argument || node.op == Op::extract ? " " + std::to_string(node.immediate) : "";
  }
}

const char* fold_name(Aggregate::Fold fold) {
  static const char* const names[] = {
      "count",  "count_days", "sum",   "sum_number", "minimum",   "maximum",    "minimum_number", "maximum_number", "average",          "average_number",
      "exists", "all",        "first", "last",       "wake_body", "leave_days", "leave_exact",    "leave_last",     "nth_oldest_leaves"};
  return names[static_cast<size_t>(fold)];
}

std::string loop_text(const Aggregate& loop) {
  static const char* const walks[] = {"own_events", "subtree_events", "case_events", "list", "rows"};
  std::string text = std::string(" ") + walks[static_cast<size_t>(loop.walk)];
  for (const auto type : loop.event_types) text += " type " + std::to_string(type);
  if (loop.row_table != none) text += " of table " + std::to_string(loop.row_table) + (loop.backwards ? " backwards" : "") + (loop.stops ? " until one" : "");
  if (loop.child_position != none) text += " child " + std::to_string(loop.child_position);
  if (loop.window_low != none) text += std::string(loop.window_low_included ? " from " : " after ") + reference(loop.window_low);
  if (loop.body != none) text += " body @" + std::to_string(loop.body);
  for (const auto fold : loop.folds) text += std::string(" ") + fold_name(fold);
  return text;
}

}  // namespace

std::string print(const Program& program, const Function& function) {
  std::string text = "function \"" + function.name + "\" (" + (function.takes_self ? "self, " : "") + std::to_string(function.argument_slots) + " slots)" +
                     (function.has_wake ? " with wake" : "") + "\n";
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node& node = function.nodes[i];
    text += "  " + reference(static_cast<NodeId>(i)) + " : " + kind_name(node.kind) + " = " + shape_of(node.op).name + immediates(program, node);
    for (const NodeId operand : node.operands) text += " " + reference(operand);
    if (node.op == Op::aggregate) text += loop_text(function.aggregates[static_cast<size_t>(node.immediate)]);
    text += "\n";
  }
  text += "  return";
  for (const NodeId result : function.results) text += " " + reference(result);
  return text + "\n";
}

std::string print(const Program& program) {
  std::string text;
  for (size_t i = 0; i < program.functions.size(); ++i) text += "@" + std::to_string(i) + " " + print(program, program.functions[i]) + "\n";
  return text;
}

}  // namespace dunlin::ir
