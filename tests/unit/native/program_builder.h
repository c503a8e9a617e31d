// Small IR programs made by hand: one function a root.
#pragma once

#include <initializer_list>

#include "compiler/ir/ir.h"

namespace dunlin::test {

class FunctionBuilder {
 public:
  explicit FunctionBuilder(ir::Function& function) : function_(function) {}
  ir::NodeId node(ir::Op op, ir::Kind kind, std::vector<ir::NodeId> operands = {}, int64_t immediate = 0, int64_t immediate2 = 0);
  ir::NodeId integer(int64_t value) { return node(ir::Op::constant, ir::Kind::integer, {}, value); }
  ir::NodeId argument(int64_t slot, ir::Kind kind = ir::Kind::integer) { return node(ir::Op::argument, kind, {}, slot); }
  ir::NodeId call(ir::FunctionId function, std::vector<ir::NodeId> operands);
  ir::NodeId extract(ir::NodeId tuple, int64_t part, ir::Kind kind = ir::Kind::integer);
  void give(std::initializer_list<ir::NodeId> results);
  ir::Function& function() { return function_; }

 private:
  ir::Function& function_;
};

/// Adds an empty function that is also the next root.
FunctionBuilder add_root(ir::Program& program);

}  // namespace dunlin::test
