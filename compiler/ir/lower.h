// Checked program -> IR. Derives the wake H(e) of every root that wants one (docs/semantics.md has the table).
#pragma once

#include <memory>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

/// `checked` must outlive the result.
std::unique_ptr<Program> lower(const checked::Program& checked);

}  // namespace dunlin::ir
