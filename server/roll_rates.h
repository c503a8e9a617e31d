// How accounts move from one value of an attribute to another between two dates, counted from what the engine sees of each account on those dates.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/store/store.h"
#include "server/scenario.h"

namespace dunlin::server {

struct RollRates {
  std::map<int64_t, std::map<int64_t, int64_t>> moves;  // value at one sample -> value at the next -> how many
  int64_t faults = 0;                                   // accounts whose attribute could not be computed

  int64_t from(int64_t value) const;
  /// Share of those that were at `a`, rounded to three places.
  double share(int64_t a, int64_t b) const;
};

/// Looks at every case file once for each date.
store::Result<RollRates> count_roll_rates(store::Store& store, const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                          const Scenario& scenario, const std::vector<int64_t>& dates);

}  // namespace dunlin::server
