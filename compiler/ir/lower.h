// Checked program -> IR. Derives the wake H(e) of every root that wants one (docs/semantics.md has the table).
#pragma once

#include <memory>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

struct LowerOptions {
  /// Tables of constants with at least so many rows become data that is searched; smaller ones are written out, test by test.
  size_t searched_rows_min = 64;
};

/// `checked` must outlive the result.
std::unique_ptr<Program> lower(const checked::Program& checked, const LowerOptions& options = {});

}  // namespace dunlin::ir
