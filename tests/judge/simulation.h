// Schedulers, a bank and a gateway in one thread over the model store: every interleaving follows from a seed.
#pragma once

#include "tests/judge/judge.h"
#include "tests/sim/history.h"

namespace dunlin::judge {

/// What a run works with: two versions of a policy; what the schedulers step with may be another program than what the judge reads.
struct Stage {
  const sim_test::Compiled& first;
  const sim_test::Compiled& second;
  const sim_test::Compiled* wrong = nullptr;   // in the place of the first, for the schedulers
  const Evaluator* wrong_evaluator = nullptr;  // so too
  store::ModelDatabase::Mistake mistake = store::ModelDatabase::Mistake::none;
  bool calm = false;   // less happens, so that more calls are made
  int64_t begins = 0;  // date; 0: by the seed
};

/// The policy of the runs, with an experiment in it, and the same after an afternoon of changes.
std::string judged_policy();
std::string edited_judged_policy();

struct Ran {
  std::vector<Finding> findings;
  int64_t steps = 0, refused_commits = 0, contacts = 0, tasks = 0;
  std::string digest;  // of all that the store holds: a seed gives the same again
};

Ran simulate(const Stage& stage, uint64_t seed);

}  // namespace dunlin::judge
