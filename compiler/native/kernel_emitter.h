// A graph of row values as one loop over vectors of rows.
#pragma once

#include <vector>

#include "compiler/native/kernel.h"
#include "compiler/native/kernel_graph.h"

namespace llvm {
class Module;
}

namespace dunlin::native {

struct KernelPlan {
  const KernelGraph& graph;
  const std::vector<KernelColumn>& inputs;
  const std::vector<KernelColumn>& outputs;
  std::vector<Id> results;  // one for each output
  Id fault;
  int lanes;
  int narrowest_bits;  // of a lane in registers
};

constexpr const char* kernel_symbol = "dunlin_kernel";
/// void (inputs, outputs, uniforms, faults, rows); rows is a multiple of the lanes.
using KernelEntry = void (*)(const void* const*, void* const*, const int64_t*, uint8_t*, int64_t);

void emit_kernel(const KernelPlan& plan, llvm::Module& module);

}  // namespace dunlin::native
