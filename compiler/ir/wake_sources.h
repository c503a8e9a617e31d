// What makes a watched value wake its case file, read off the compiled wake itself: every day, at dates, at ends of periods, when events leave windows.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::ir {

struct WakeSources {
  bool daily = false;         // it moves with `today`: every day start
  bool working_days = false;  // … with the number of working days
  int64_t dates = 0;          // instants and thresholds, each of them once
  int64_t leaving = 0;        // queries whose counted events leave a window, one after the other
  bool day_ends = false, week_ends = false, month_ends = false, year_ends = false;
  bool any() const { return daily || working_days || dates > 0 || leaving > 0 || day_ends || week_ends || month_ends || year_ends; }
  void add(const WakeSources& other);
  /// Wakes in an average month of 30.4 days: each date once, one event a month for each query.
  double per_month() const;
};

/// Of the wake of each root; empty for roots that are not watched.
class WakeSourceFinder {
 public:
  explicit WakeSourceFinder(const Program& program);
  const WakeSources& of(checked::RootId root) const;

 private:
  struct Visit;
  void look(FunctionId function, NodeId node, Visit& visit) const;
  void look_in_tuple(FunctionId function, NodeId tuple, size_t result, Visit& visit) const;
  void look_in_loop(const Aggregate& loop, size_t result, Visit& visit) const;
  void look_at_date(const Function& function, NodeId date, Visit& visit) const;
  const Program& program_;
  std::vector<WakeSources> roots_;
};

}  // namespace dunlin::ir
