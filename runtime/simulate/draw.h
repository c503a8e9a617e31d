// Values of declared types, at random: often at the edges that the bundle itself draws.
#pragma once

#include <random>

#include "runtime/simulate/boundaries.h"
#include "runtime/simulate/drawn.h"

namespace dunlin::simulate {

/// The day that cases lead back to when they get smaller: a Monday.
constexpr int64_t plain_day = 20'458;  // 2026-01-05

class Draw {
 public:
  Draw(const checked::Program& program, const Boundaries& boundaries, uint64_t seed) : program_(program), boundaries_(boundaries), source_(seed) {}

  /// Every instance of the test that is `any`: its stored fields but the key and those that are given.
  Drawn one(const checked::Test& test);
  /// A field of an event that happens on this day.
  DrawnValue of_event(checked::Index event, checked::Index field, int64_t on);
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : source_() % limit; }

 private:
  int64_t between(int64_t low, int64_t high) { return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1)); }
  bool once_in(uint64_t n) { return below(n) == 0; }
  template <class Set>
  const auto& one_of(const Set& set) {
    return *std::next(set.begin(), static_cast<int64_t>(below(set.size())));
  }

  int64_t day();
  DrawnValue value(const checked::Type& type, const checked::Field* field, const Boundaries::FieldKey& key);
  int64_t figure(const checked::Field* field, const Boundaries::FieldKey& key, int64_t unit);
  int64_t date(const Boundaries::FieldKey& key);
  std::string text(const checked::Type& type, const Boundaries::FieldKey& key);

  const checked::Program& program_;
  const Boundaries& boundaries_;
  std::mt19937_64 source_;
  int64_t day_ = plain_day;  // on which the case is looked at first
};

/// Values that may take the place of this one in a smaller case, the smallest first. `day`: on which the case is looked at.
std::vector<DrawnValue> smaller_values(const checked::Program& program, const checked::Type& type, const checked::Field* field, const DrawnValue& value,
                                       int64_t day);
/// What an instance starts with.
DrawnValue blank_value(const checked::Program& program, const checked::Type& type);
/// The day of the first step.
int64_t first_day(const checked::Program& program, const checked::Test& test, const Drawn& drawn);

}  // namespace dunlin::simulate
