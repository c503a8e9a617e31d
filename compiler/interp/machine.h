// One evaluation: frames on a stack of slots, each node computed when it is first needed. Private to this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/abi/case_view.h"
#include "compiler/abi/native_function.h"
#include "compiler/interp/layout.h"
#include "compiler/interp/trace.h"
#include "compiler/ir/ir.h"

namespace dunlin::interp {

/// What all evaluations of a program share.
struct Code {
  const ir::Program* program = nullptr;
  std::vector<Layout> layouts;
  std::vector<const abi::Text*> texts;
  std::vector<dunlin_native_function> natives;  // by checked::Program::natives; null: there is no body
  abi::Arena arena;
};

struct Failure {
  abi::Fault fault = abi::Fault::none;
  Span where;
  explicit operator bool() const { return fault != abi::Fault::none; }
};

/// More than the checker lets definitions rest on one another, so that only a broken program meets it.
constexpr int32_t call_depth_max = 4096;

class Machine {
 public:
  Machine(const Code& code, const abi::EvalContext& context, Trace* trace) : code_(code), context_(context), trace_(trace) {}

  /// Calls a function: `arguments` without self; `out` has room for all its results.
  Failure call(ir::FunctionId function, const abi::Instance* self, const int64_t* arguments, int64_t* out);

 private:
  friend class Loop;
  struct Frame {
    const ir::Function* function;
    const Layout* layout;
    const abi::Instance* self;
    const int64_t* arguments;
    std::vector<int64_t> values;
    std::vector<uint8_t> done;
    std::vector<ir::NodeId> waiting;
  };

  /// Computes a node and what it needs, in the order that ir.h gives.
  Failure demand(Frame& frame, ir::NodeId node);
  /// The operand that is still needed before the node can be computed, or none.
  static ir::NodeId needed(const Frame& frame, const ir::Node& node);
  Failure compute(Frame& frame, ir::NodeId id);
  Failure compute_call(Frame& frame, const ir::Node& node, int64_t* out);
  Failure compute_native(Frame& frame, const ir::Node& node, int64_t* out);
  Failure compute_table_wake(Frame& frame, const ir::Node& node, int64_t* out);
  Failure compute_loop(Frame& frame, const ir::Node& node, int64_t* out);
  abi::Fault scalar(Frame& frame, const ir::Node& node, int64_t* out);
  abi::Fault memory(Frame& frame, const ir::Node& node, int64_t* out);
  abi::Fault integer(const ir::Node& node, int64_t a, int64_t b, int64_t* out);
  abi::Fault number(const ir::Node& node, int64_t a, int64_t b, int64_t* out);
  abi::Fault comparison(const ir::Node& node, int64_t a, int64_t b, int64_t* out);
  abi::Fault clock(Frame& frame, const ir::Node& node, int64_t* out);
  abi::Fault text(Frame& frame, const ir::Node& node, int64_t* out);
  Failure failure(const Frame& frame, const ir::Node& node, abi::Fault fault) const;
  /// All slots of the operands, one after the other.
  std::vector<int64_t> operands(const Frame& frame, const ir::Node& node, size_t first = 0) const;
  static int64_t value(const Frame& frame, ir::NodeId id) { return frame.values[static_cast<size_t>(frame.layout->offset[static_cast<size_t>(id)])]; }
  static int64_t operand(const Frame& frame, const ir::Node& node, size_t index) { return value(frame, node.operands[index]); }
  void record(const Frame& frame);

  const Code& code_;
  const abi::EvalContext& context_;
  Trace* trace_;
  int32_t depth_ = 0;
};

/// trace.cpp: writes down what the notes of a function say about the nodes that were computed.
struct FrameView {
  const ir::Function& function;
  const std::vector<uint8_t>& done;
  const std::vector<int64_t>& values;
  const Layout& layout;
  const abi::Instance* self;
};
void record(const checked::Program& program, const FrameView& frame, int32_t depth, Trace& trace);

/// table_search.cpp
/// Row hit, as written; the number of rows if there is none. `keys` as the operands of table_row.
int64_t find_row(const ir::Program& program, const ir::RowTable& table, const int64_t* keys);
/// Whether the row (as written) takes the keys.
bool row_accepts(const checked::Table& table, size_t row, const int64_t* keys);
/// Ticks until the hit may change. `operands`: row hit, keys, slopes.
int64_t row_change(const ir::Program& program, const ir::RowTable& table, ir::TableWake rows, const int64_t* operands);

}  // namespace dunlin::interp
