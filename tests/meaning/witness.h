// An evaluator that asks twice: the interpreter, and the checked tree itself. And where a wake is given, it asks again before it.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/evaluator.h"
#include "lang/sema/checked.h"

namespace dunlin::meaning {

class Witness : public Evaluator {
 public:
  struct Counts {
    int64_t evaluations = 0, faults = 0, wakes = 0, instants = 0;
  };

  Witness(const checked::Program& program, const Evaluator& evaluator, uint64_t seed) : program_(program), evaluator_(evaluator), random_(seed) {}

  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override;
  const char* name() const override { return "witness"; }

  /// What did not agree, with the label of the root; empty if nothing.
  const std::vector<std::string>& complaints() const { return complaints_; }
  const Counts& counts() const { return counts_; }

 private:
  bool same(const checked::Type& type, const int64_t* a, const int64_t* b) const;
  void hold_meaning(checked::RootId root, const abi::EvalContext& context, const Evaluation& outcome, const int64_t* out) const;
  void hold_law(checked::RootId root, const abi::EvalContext& context, const int64_t* out) const;
  void complain(checked::RootId root, const abi::EvalContext& context, const std::string& what) const;

  const checked::Program& program_;
  const Evaluator& evaluator_;
  mutable std::mt19937_64 random_;
  mutable std::vector<std::string> complaints_;
  mutable Counts counts_;
};

}  // namespace dunlin::meaning
