// An evaluator that writes down what every evaluation looked at. Slow; for explanations and the coverage of tests.
#pragma once

#include <vector>

#include "compiler/interp/interpreter.h"

namespace dunlin::simulate {

class Recorder final : public Evaluator {
 public:
  struct Entry {
    checked::RootId root = checked::none;
    int32_t instance = -1;  // position of self
    bool held = false;      // first slot of the value is not zero
    abi::Fault fault = abi::Fault::none;
    Trace trace;
  };
  explicit Recorder(const Interpreter& interpreter) : interpreter_(interpreter) {}
  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override;
  const char* name() const override { return "recorder"; }

  std::vector<Entry>& entries() const { return entries_; }
  /// The latest evaluation of a root for an instance; null if there was none.
  const Entry* latest(checked::RootId root, int32_t instance) const;

 private:
  const Interpreter& interpreter_;
  mutable std::vector<Entry> entries_;  // one recorder serves one thread
};

}  // namespace dunlin::simulate
