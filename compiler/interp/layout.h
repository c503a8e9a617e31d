// Where each node's value stands in a frame. Private to this folder.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::interp {

struct Layout {
  std::vector<int32_t> offset;  // of the node's first slot
  std::vector<int32_t> width;   // 1, or that of a tuple
  int32_t slots = 0;
};

/// One for each function. Callees come before their callers.
std::vector<Layout> lay_out(const ir::Program& program);

}  // namespace dunlin::interp
