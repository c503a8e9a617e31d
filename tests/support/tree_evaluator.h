// Evaluates checked expressions directly, by the words of checked.h and docs/semantics.md: no IR, no sharing, nothing clever.
// The oracle for the lowering, which both backends have in common.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::test {

struct TreeOutcome {
  abi::Fault fault = abi::Fault::none;
  std::vector<int64_t> slots;
};

/// Texts made on the way live in the context's arena.
TreeOutcome evaluate_tree(const checked::Program& program, checked::RootId root, const abi::EvalContext& context);

}  // namespace dunlin::test
