// Conditions as sets of cases: "score is known and below 500, or broken_promises is 2 and more".
//
// A condition becomes an or of cases; a case demands of each term (a field, a count, anything that is not taken apart
// further) that its value lie in a set. Terms are held to be free of each other, so "no case is left" is proof that the
// condition never holds, while a case that is left is only a hint: witness.h looks for a real account.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lang/sema/analysis/evaluate.h"

namespace dunlin::analysis {

/// Values in order-keeping int64 form, and perhaps `missing`.
struct ValueSet {
  struct Interval {
    int64_t low, high;
  };
  std::vector<Interval> intervals;  // in order, disjoint
  bool missing = false;
  bool empty() const { return intervals.empty() && !missing; }
};

ValueSet intersect(const ValueSet& a, const ValueSet& b);

/// Term (see key_of) -> what it must be.
using Case = std::map<std::string, ValueSet>;
/// One of these; none: never.
using Cases = std::vector<Case>;

/// Takes conditions apart. Where one is too large the answer is "do not know" (nothing).
class Conditions {
 public:
  explicit Conditions(const checked::Program& program) : program_(program) {}

  /// The cases in which the root is true (or false). A root that is none is always true.
  std::optional<Cases> cases_of(checked::RootId root, bool wanted = true);

  /// The same where `self` and parameters of the root stand for what the scope says.
  std::optional<Cases> cases_in(checked::RootId root, const Scope& scope, bool wanted = true);

  /// The cases in which the root, of an optional type, has no value.
  std::optional<Cases> cases_of_missing(checked::RootId root);

  /// Of a condition that never holds: as few of its parts, joined by `and`, as exclude each other. Empty where it has none, or where sets do not tell.
  std::vector<const checked::Expr*> parts_that_exclude(checked::RootId root);

  bool never_holds(checked::RootId root);
  bool always_holds(checked::RootId root);
  /// Whenever `narrow` holds `wide` holds too.
  bool implies(checked::RootId narrow, checked::RootId wide);
  /// No values make all of them true at once.
  bool exclude_each_other(const std::vector<checked::RootId>& roots);

  /// Both hold. Nothing: too many cases.
  static std::optional<Cases> both(const std::optional<Cases>& a, const std::optional<Cases>& b);

 private:
  using Answer = std::optional<Cases>;
  Answer truth(const checked::Expr& expr, const Scope& scope, bool wanted);
  Answer comparison(const checked::Expr& expr, const Scope& scope, bool wanted);
  Answer order_of_terms(const checked::Expr& expr, checked::Op op, const Scope& scope);
  /// The cases in which the value lies in the set.
  Answer demand(const checked::Expr& expr, const Scope& scope, const ValueSet& set);
  Answer demand_of_body(const checked::Expr& expr, const Scope& scope, const ValueSet& set);
  Answer demand_of_default(const checked::Expr& expr, const Scope& scope, const ValueSet& set);
  Answer demand_of_map(const checked::Expr& expr, const Scope& scope, const ValueSet& set);
  Answer demand_of_term(const checked::Expr& expr, const Scope& scope, const ValueSet& set);
  ValueSet domain(const checked::Expr& expr) const;
  std::optional<int64_t> key_of_value(const checked::Type& type, const Value& value);
  std::optional<int64_t> constant(const checked::Expr& expr, const Scope& scope);

  const checked::Program& program_;
  std::map<std::string, int64_t> texts_;
  int depth_ = 0, steps_ = 0;
};

}  // namespace dunlin::analysis
