// IR as text, for people: `dunlin check --ir`, failing tests and questions about speed.
#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

std::string print(const Program& program, const Function& function);
std::string print(const Program& program);

}  // namespace dunlin::ir
