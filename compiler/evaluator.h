// One face for both backends: call a root of the program on a case file.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin {

/// Outcome of one evaluation.
struct Evaluation {
  abi::Fault fault = abi::Fault::none;
  Span where;  // of the fault
  bool ok() const { return fault == abi::Fault::none; }
};

/// Evaluates roots of one program. Thread safe: calls share nothing but the program.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  /// `out` has room for slot_count(root type) slots, plus one for the wake instant if the root wants one (last slot).
  virtual Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const = 0;
  virtual const char* name() const = 0;  // "interpreter", "native"
};

}  // namespace dunlin
