// Bodies of loops by content: the same `where` written twice is one function, so the same query is one loop.
#pragma once

#include <map>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

class BodyCache {
 public:
  FunctionId add(Program& program, Function made);

 private:
  std::map<std::vector<int64_t>, FunctionId> known_;
};

}  // namespace dunlin::ir
