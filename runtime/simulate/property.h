// `for any account … expect …`: draws cases, and where one fails, looks for the smallest that still does.
#pragma once

#include <functional>

#include "runtime/simulate/boundaries.h"
#include "runtime/simulate/drawn.h"
#include "runtime/simulate/test_runner.h"

namespace dunlin::simulate {

class PropertyRun {
 public:
  /// Judges the test on one case; sets the flag if the property is not about it.
  using Judge = std::function<TestResult(const Drawn&, bool& unfit)>;
  /// `program` and `test` must outlive it.
  PropertyRun(const checked::Program& program, const checked::Test& test, uint64_t seed, Judge judge);

  TestResult run(int64_t tries);

 private:
  Drawn smaller(Drawn drawn, TestResult& result);
  bool still_fails(const Drawn& drawn, TestResult& result);
  std::string as_test(const Drawn& drawn) const;

  const checked::Program& program_;
  const checked::Test& test_;
  uint64_t seed_;
  Judge judge_;
  int64_t shrinks_left_ = 0;
};

}  // namespace dunlin::simulate
