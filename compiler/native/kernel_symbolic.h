// IR functions evaluated on a row that is not known yet: what comes out is a graph over the row's columns.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/native/kernel.h"
#include "compiler/native/kernel_graph.h"

namespace dunlin::native {

/// Why an attribute cannot be computed over columns. Stays inside this room.
struct NotColumnar : std::runtime_error {
  bool only_for_wakes;
  explicit NotColumnar(const std::string& why, bool wake = false) : std::runtime_error(why), only_for_wakes(wake) {}
};

/// What uniform nodes stand for; settings follow from `first_setting` on.
enum Uniform : int64_t { uniform_now = 0, uniform_today = 1, first_setting = 2 };

/// Dates the kernel is made for; a night outside them is left to the evaluator.
constexpr Range today_range{-1'000'000, 4'000'000};

class SymbolicEvaluator {
 public:
  SymbolicEvaluator(const ir::Program& program, checked::Index entity) : program_(program), entity_(program.checked->entities[static_cast<size_t>(entity)]) {}

  struct Outcome {
    std::vector<Id> slots;
    Id fault;
  };
  /// The value of a root whose self is the row.
  Outcome evaluate(checked::RootId root);

  KernelGraph& graph() { return graph_; }
  const std::vector<KernelColumn>& inputs() const { return inputs_; }

 private:
  struct Value {
    Id id = -1;
    Id fault = -1;
    bool self = false;  // the row itself
  };
  /// One call of a function with certain arguments.
  struct Frame {
    const ir::Function* function;
    std::vector<Value> arguments;
    std::vector<Value> known;  // by node
  };

  Frame& frame(ir::FunctionId function, std::vector<Value> arguments);
  Value value(Frame& frame, ir::NodeId id);
  Value compute(Frame& frame, const ir::Node& node);
  Value compute_strict(Frame& frame, const ir::Node& node);
  Id choose(Id test, const Value& then, const Value& otherwise);
  Value part(Frame& frame, ir::NodeId tuple, size_t position);
  Id tuple_fault(Frame& frame, ir::NodeId tuple);
  Frame& callee(Frame& frame, const ir::Node& call);
  Id read_field(int64_t slot);
  Id multiply_scaled(Id a, Id b, int64_t scale, Id& fault);
  Id table_row(Frame& frame, const ir::Node& node);
  Id table_cell(Frame& frame, const ir::Node& node);
  Id cell_accepts(const checked::Cell& cell, const ir::RowTable::Input& input, const std::vector<Id>& keys, size_t& key);

  const ir::Program& program_;
  const checked::Entity& entity_;
  KernelGraph graph_;
  std::vector<KernelColumn> inputs_;
  std::map<int64_t, Id> fields_;
  std::map<std::pair<ir::FunctionId, std::vector<Id>>, std::unique_ptr<Frame>> frames_;
  std::map<std::pair<int64_t, Id>, std::vector<Id>> hits_;  // of a table and its row hit: the condition of each row, as they are tried
};

}  // namespace dunlin::native
