// How much a condition may have to compute, at worst: steps of arithmetic and reading, and for each query how often its part is repeated.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::analysis {

/// Steps by what they are repeated for: {"call events", "parties"} -> steps done for each event for each party. {}: done once.
/// A step is a node of the checked expression, a row of a table that is tried, or a value read.
struct Work {
  std::map<std::vector<std::string>, int64_t> steps;
  void add(const Work& other);
  /// The same, for each element of `what`.
  Work each(const std::string& what) const;
  /// "210 steps, 12 for each event `call`"; factors that are multiplied stand side by side.
  std::string text() const;
};

class WorkCounter {
 public:
  explicit WorkCounter(const checked::Program& program) : program_(program), roots_(program.roots.size()), counted_(program.roots.size()) {}
  /// Nothing for checked::none.
  const Work& of(checked::RootId root);
  /// Of all that a rule may evaluate in one step.
  Work of(const checked::Rule& rule);

 private:
  struct Seen;
  void count(const checked::Expr& expr, Work& work, Seen& seen);
  void count_aggregate(const checked::Aggregate& over, Work& work, Seen& seen);
  void count_table(checked::Index table, Work& work);
  std::string repeated_for(const checked::Aggregate& over) const;

  const checked::Program& program_;
  std::vector<Work> roots_;
  std::vector<bool> counted_;
};

}  // namespace dunlin::analysis
