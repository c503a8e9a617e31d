#include "compiler/ir/verify.h"

#include <algorithm>
#include <cstring>

#include "compiler/ir/shape.h"

namespace dunlin::ir {

namespace {

class FunctionVerifier {
 public:
  FunctionVerifier(const Program& program, const Function& function, std::vector<std::string>& problems)
      : program_(program), function_(function), problems_(problems) {}

  void run() {
    tuples_.resize(function_.nodes.size());
    for (size_t i = 0; i < function_.nodes.size(); ++i) {
      id_ = static_cast<NodeId>(i);
      node(function_.nodes[i]);
    }
    id_ = none;
    if (function_.results.size() != function_.result_kinds.size()) problem("results and their kinds differ in number");
    for (size_t i = 0; i < function_.results.size(); ++i) {
      if (!exists(function_.results[i])) return problem("a result is no node");
      if (function_.result_kinds.size() > i && at(function_.results[i]).kind != function_.result_kinds[i]) problem("a result is of another kind");
    }
  }

 private:
  void problem(const std::string& what) {
    problems_.push_back(function_.name + (id_ == none ? "" : " %" + std::to_string(id_) + " " + shape_of(function_.nodes[static_cast<size_t>(id_)].op).name) +
                        ": " + what);
  }
  bool exists(NodeId id) const { return id >= 0 && static_cast<size_t>(id) < function_.nodes.size(); }
  const Node& at(NodeId id) const { return function_.nodes[static_cast<size_t>(id)]; }
  static bool within(int64_t index, size_t size) { return index >= 0 && index < static_cast<int64_t>(size); }

  static bool fits(char wanted, Kind kind) {
    switch (wanted) {
      case 'b':
        return kind == Kind::boolean;
      case 'i':
        return kind == Kind::integer;
      case 'n':
        return kind == Kind::number;
      case 'p':
        return kind == Kind::pointer;
      case 't':
        return kind == Kind::tuple;
      default:
        return true;
    }
  }

  void node(const Node& node) {
    for (const NodeId operand : node.operands)
      if (operand < 0 || operand >= id_) return problem("an operand does not come before it");
    const OpShape& shape = shape_of(node.op);
    const bool any_number = shape.operands[0] == '*';
    if (!any_number && node.operands.size() != std::strlen(shape.operands)) return problem("has the wrong number of operands");
    for (size_t i = 0; !any_number && i < node.operands.size(); ++i)
      if (!fits(shape.operands[i], at(node.operands[i]).kind)) problem("operand " + std::to_string(i) + " is of the wrong kind");
    if (!fits(shape.result, node.kind)) problem("gives another kind");
    if (node_may_fault(program_, function_, node) && !within(node.site, function_.sites.size())) problem("may fault, but has no site");
    kinds(node);
  }

  void kinds(const Node& node) {
    auto& tuple = tuples_[static_cast<size_t>(id_)];
    switch (node.op) {
      case Op::equal:
      case Op::not_equal:
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
        if (at(node.operands[0]).kind != at(node.operands[1]).kind) problem("compares different kinds");
        if (at(node.operands[0]).kind != Kind::integer && at(node.operands[0]).kind != Kind::boolean) problem("compares what has no order");
        break;
      case Op::branch:
      case Op::select:
        if (at(node.operands[1]).kind != node.kind || at(node.operands[2]).kind != node.kind) problem("its arms are of different kinds");
        if (tuples_[static_cast<size_t>(node.operands[1])] != tuples_[static_cast<size_t>(node.operands[2])]) problem("its arms are different tuples");
        tuple = tuples_[static_cast<size_t>(node.operands[1])];
        break;
      case Op::pack:
        for (const NodeId operand : node.operands) tuple.push_back(at(operand).kind);
        break;
      case Op::extract: {
        const auto& from = tuples_[static_cast<size_t>(node.operands[0])];
        if (!within(node.immediate, from.size())) return problem("takes what the tuple does not have");
        if (from[static_cast<size_t>(node.immediate)] != node.kind) problem("takes a part of another kind");
        break;
      }
      case Op::call:
        call(node, tuple);
        break;
      case Op::native:
        if (!within(node.immediate, program_.checked->natives.size())) return problem("calls no native function");
        tuple = kinds_of(*program_.checked, program_.checked->natives[static_cast<size_t>(node.immediate)].result);
        break;
      case Op::aggregate:
        aggregate(node, tuple);
        break;
      case Op::text_constant:
        if (!within(node.immediate, program_.texts.size())) problem("is no text of the program");
        break;
      case Op::argument:
        if (!within(node.immediate, static_cast<size_t>(function_.argument_slots))) problem("is no argument of the function");
        break;
      case Op::table_row:
      case Op::table_cell:
      case Op::table_wake:
        table(node);
        break;
      default:
        break;
    }
  }

  static size_t key_slots(const RowTable& table) {
    size_t slots = 0;
    for (const auto& input : table.inputs) slots += input.optional ? 2 : 1;
    return slots;
  }

  void table(const Node& node) {
    if (!within(node.immediate, program_.row_tables.size())) return problem("is no table of constants");
    const RowTable& table = program_.row_tables[static_cast<size_t>(node.immediate)];
    const size_t slots = key_slots(table);
    if (node.op == Op::table_row && node.operands.size() != slots) problem("has the wrong number of keys");
    if (node.op == Op::table_wake && node.operands.size() != 1 + slots + table.inputs.size()) problem("has the wrong number of operands");
    if (node.op == Op::table_cell && !within(node.immediate2, table.outputs.size())) problem("has no such column");
  }

  void call(const Node& node, std::vector<Kind>& tuple) {
    if (!within(node.function, program_.functions.size())) return problem("calls no function");
    const Function& callee = program_.functions[static_cast<size_t>(node.function)];
    if (static_cast<int32_t>(node.operands.size()) != callee.argument_slots + (callee.takes_self ? 1 : 0)) problem("has the wrong number of arguments");
    tuple = callee.result_kinds;
  }

  void aggregate(const Node& node, std::vector<Kind>& tuple) {
    if (!within(node.immediate, function_.aggregates.size())) return problem("is no loop of the function");
    const Aggregate& loop = function_.aggregates[static_cast<size_t>(node.immediate)];
    if (node.operands != aggregate_operands(loop)) problem("its operands are not those of its loop");
    if ((loop.walk == Aggregate::Walk::rows) != (loop.row_table != none)) problem("walks rows of no table");
    if (loop.row_table != none && !within(loop.row_table, program_.row_tables.size())) return problem("is no table of constants");
    if (loop.row_table != none && loop.keys.size() != key_slots(program_.row_tables[static_cast<size_t>(loop.row_table)]))
      problem("has the wrong number of keys");
    const Function* body = loop.body == none ? nullptr : &program_.functions[static_cast<size_t>(loop.body)];
    if (body != nullptr && body->argument_slots != 1 + static_cast<int32_t>(loop.captured.size())) problem("its body takes other arguments");
    const auto body_kind = [&](int32_t result) {
      return body != nullptr && within(result, body->result_kinds.size()) ? body->result_kinds[static_cast<size_t>(result)] : Kind::integer;
    };
    for (const auto fold : loop.folds) {
      if (fold_results(fold) == 2) {
        const bool element = fold == Aggregate::Fold::first || fold == Aggregate::Fold::last;
        const bool counted = fold == Aggregate::Fold::average;
        const Kind element_kind = loop.walk == Aggregate::Walk::rows ? Kind::integer : Kind::pointer;
        tuple.insert(tuple.end(), {Kind::boolean, element ? element_kind : counted ? Kind::integer : body_kind(loop.value_result)});
      } else if (fold == Aggregate::Fold::exists || fold == Aggregate::Fold::all) {
        tuple.push_back(Kind::boolean);
      } else {
        tuple.push_back(fold == Aggregate::Fold::sum_number ? Kind::number : Kind::integer);
      }
    }
  }

  const Program& program_;
  const Function& function_;
  std::vector<std::string>& problems_;
  std::vector<std::vector<Kind>> tuples_;
  NodeId id_ = none;
};

}  // namespace

std::vector<std::string> verify(const Program& program) {
  std::vector<std::string> problems;
  for (const Function& function : program.functions) FunctionVerifier(program, function, problems).run();
  for (const FunctionId id : program.of_root)
    if (id != none && static_cast<size_t>(id) >= program.functions.size()) problems.push_back("a root has no function");
  return problems;
}

}  // namespace dunlin::ir
