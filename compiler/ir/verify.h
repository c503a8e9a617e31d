// Holds a program to the rules of ir.h: operands before their users, the right number and kinds, indices that exist.
#pragma once

#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

/// What is wrong, one sentence each with function and node; empty if nothing is.
std::vector<std::string> verify(const Program& program);

}  // namespace dunlin::ir
