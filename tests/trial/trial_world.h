// A portfolio of debtors and accounts on either store, stepped under one version after the other.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/world.h"
#include "tests/store/office.h"

/// ON_BOTH_STORES, with `store` open on it.
#define ON_BOTH_OPEN_STORES()        \
  ON_BOTH_STORES();                  \
  const auto opened = place->open(); \
  ::dunlin::store::Store& store = *opened

namespace dunlin::trial_test {

using engine::Instant;
using sim_test::Compiled;
using store::test::good;

/// One version of a bundle, prepared and made active in a store.
class Version {
 public:
  Version(store::Store& store, const std::string& text, Instant at);
  Version(store::Store& store, BundleSources sources, Instant at);
  const checked::Program& program() const { return compiled.program(); }
  simulate::NightProgram night() const;
  Compiled compiled;
  store::Store& store;
  int32_t number = 0;

  /// Account A of debtor D, or with `account` another one of that debtor.
  void put(const std::string& debtor, const std::string& account, int64_t overdue, int64_t score, Instant at);
  void post(const std::string& event, const std::string& debtor, const std::string& account, Instant at);
  simulate::NightReport step(int64_t date, bool full = false, const Evaluator* evaluator = nullptr);
  std::string stage_of(const std::string& account);
  engine::InstanceState state_of(const std::string& account);
  /// Name of the arm in that experiment; empty: none.
  std::string arm_of(const std::string& account, const std::string& experiment);
  std::vector<std::string> open_tasks(const std::string& account);

 private:
  abi::Arena texts_;
  int64_t events_ = 0;
};

}  // namespace dunlin::trial_test
