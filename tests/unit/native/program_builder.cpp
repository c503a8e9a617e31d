#include "tests/unit/native/program_builder.h"

namespace dunlin::test {

ir::NodeId FunctionBuilder::node(ir::Op op, ir::Kind kind, std::vector<ir::NodeId> operands, int64_t immediate, int64_t immediate2) {
  ir::Node made;
  made.op = op;
  made.kind = kind;
  made.operands = std::move(operands);
  made.immediate = immediate;
  made.immediate2 = immediate2;
  // Every node has a fault site of its own, so that the first fault is seen to be the same one.
  made.site = static_cast<int32_t>(function_.sites.size());
  const auto place = static_cast<uint32_t>(function_.nodes.size());
  function_.sites.push_back({Span{0, place, place + 1}});
  function_.nodes.push_back(std::move(made));
  return static_cast<ir::NodeId>(function_.nodes.size()) - 1;
}

ir::NodeId FunctionBuilder::call(ir::FunctionId callee, std::vector<ir::NodeId> operands) {
  const auto id = node(ir::Op::call, ir::Kind::tuple, std::move(operands));
  function_.nodes.back().function = callee;
  return id;
}

ir::NodeId FunctionBuilder::extract(ir::NodeId tuple, int64_t part, ir::Kind kind) { return node(ir::Op::extract, kind, {tuple}, part); }

void FunctionBuilder::give(std::initializer_list<ir::NodeId> results) {
  for (auto result : results) {
    function_.results.push_back(result);
    function_.result_kinds.push_back(function_.nodes[static_cast<size_t>(result)].kind);
  }
}

FunctionBuilder add_root(ir::Program& program) {
  program.of_root.push_back(static_cast<ir::FunctionId>(program.functions.size()));
  auto& function = program.functions.emplace_back();
  function.root = static_cast<checked::RootId>(program.of_root.size()) - 1;
  function.name = "root " + std::to_string(function.root);
  return FunctionBuilder(function);
}

}  // namespace dunlin::test
