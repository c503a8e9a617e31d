// The reference interpreter: plain, the oracle for native code, and the one that explains.
#pragma once

#include <memory>

#include "compiler/abi/native_registry.h"
#include "compiler/evaluator.h"
#include "compiler/interp/trace.h"
#include "compiler/ir/ir.h"

namespace dunlin {

class Interpreter : public Evaluator {
 public:
  /// The same as `evaluate`, and fills `trace` with what was read and what decided. Also of an evaluation that ends in a fault.
  virtual Evaluation trace(checked::RootId root, const abi::EvalContext& context, int64_t* out, Trace& trace) const = 0;
};

/// `program` and `natives` must outlive the interpreter. Without `natives` it has those of the standard library.
std::unique_ptr<Interpreter> make_interpreter(const ir::Program& program, const abi::NativeRegistry* natives = nullptr);

}  // namespace dunlin
