// Random histories of a small portfolio under a policy with every construct that looks at the clock.
#pragma once

#include "tests/sim/world.h"

namespace dunlin::sim_test {

extern const char* const clock_policy;
/// The same after an afternoon of changes: other figures, a variable more.
std::string edited_clock_policy();

/// Portfolios to which the same happens.
class Several {
 public:
  explicit Several(std::unique_ptr<Portfolio> one) { all_.push_back(std::move(one)); }
  Several(const Compiled& compiled, int count) {
    for (int n = 0; n < count; ++n) all_.push_back(std::make_unique<Portfolio>(compiled));
  }
  template <class Work>
  void each(Work work) {
    for (auto& portfolio : all_) work(*portfolio);
  }
  Portfolio& operator[](size_t n) { return *all_[n]; }

 private:
  std::vector<std::unique_ptr<Portfolio>> all_;
};

struct History {
  Dice dice;
  std::vector<std::string> accounts, debtors;
  int64_t date = 0;
  std::vector<std::string> names;  // of the debtors that are founded; else d0, d1 …
  bool calls = true;               // some days bring an outcome of a call, whatever the limits say
  bool orders = false;             // some days a supervisor moves somebody to a stage, for once or until an instant

  std::vector<Given> account_fields(int64_t today);
};

/// Debtors with accounts and telephones.
void found(const Compiled& compiled, Several& portfolios, History& history, int debtors);
/// What a day brings to one account, at some instant of the day; sometimes exactly at a day start, late or ahead of time.
void happen(const Compiled& compiled, Several& portfolios, History& history, const std::string& account);

}  // namespace dunlin::sim_test
