// One random case under two evaluators, step by step.
#pragma once

#include <string>

#include "compiler/evaluator.h"
#include "lang/sema/checked.h"

namespace dunlin::abi {
struct Calendar;
}

namespace dunlin::differential {

struct Backends {
  const checked::Program& program;
  const Evaluator& interpreter;
  const Evaluator& native;
  const abi::Calendar& calendar;
};

/// What the steps of a run came to, to be sure that it was not all of one kind.
struct StepCounts {
  int64_t steps = 0, faults = 0, refused = 0;
};

/// Runs a case made from the seed through several steps under both; empty if they agree, else where they parted.
std::string part_ways(const Backends& backends, uint64_t case_seed, StepCounts& counts);

}  // namespace dunlin::differential
