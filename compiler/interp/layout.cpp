#include "compiler/interp/layout.h"

#include "compiler/ir/shape.h"

namespace dunlin::interp {

namespace {

int32_t width_of(const ir::Program& program, const ir::Function& function, const Layout& made, const ir::Node& node) {
  if (node.kind != ir::Kind::tuple) return 1;
  switch (node.op) {
    case ir::Op::pack:
      return static_cast<int32_t>(node.operands.size());
    case ir::Op::call:
      return static_cast<int32_t>(program.functions[static_cast<size_t>(node.function)].results.size());
    case ir::Op::native:
      return checked::slot_count(*program.checked, program.checked->natives[static_cast<size_t>(node.immediate)].result);
    case ir::Op::aggregate: {
      int32_t width = 0;
      for (const auto fold : function.aggregates[static_cast<size_t>(node.immediate)].folds) width += ir::fold_results(fold);
      return width;
    }
    default:  // a choice between tuples
      return made.width[static_cast<size_t>(node.operands.back())];
  }
}

}  // namespace

std::vector<Layout> lay_out(const ir::Program& program) {
  std::vector<Layout> layouts;
  for (const auto& function : program.functions) {
    Layout made;
    for (const auto& node : function.nodes) {
      made.offset.push_back(made.slots);
      made.width.push_back(width_of(program, function, made, node));
      made.slots += made.width.back();
    }
    layouts.push_back(std::move(made));
  }
  return layouts;
}

}  // namespace dunlin::interp
