// What machine code calls back for: the operations that are longer than a few instructions.
#pragma once

#include <vector>

namespace dunlin::native {

/// A C function of this process. `signature`: the result, then the parameters; f: abi::Fault as int32, i: a slot, p: a pointer.
struct SupportFunction {
  const char* name;
  const char* signature;
  const void* address;
};
const std::vector<SupportFunction>& support_functions();

}  // namespace dunlin::native
