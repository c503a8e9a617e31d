// A small evaluator for witnesses: one debtor with one account (and so on down to the instance that asks), no history.
// It answers "cannot tell" rather than guess, so a finding that rests on it is certain.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "lang/sema/analysis/scope.h"

namespace dunlin::analysis {

struct Value {
  bool missing = false;
  int64_t slot = 0;  // as the type lies in a slot; an instance: its entity; number: bit pattern
  std::string text;
  friend bool operator==(const Value&, const Value&) = default;
};
inline Value of_slot(int64_t slot) { return Value{false, slot, {}}; }
inline Value of_missing() { return Value{true, 0, {}}; }

/// The stored fields of the instance that asks and of its ancestors.
struct Facts {
  checked::Index self_entity = checked::none;
  std::map<std::pair<checked::Index, checked::Index>, Value> fields;  // (entity, field)
  std::optional<int64_t> today;                                       // days since 1970-01-01; the clock stands at its noon
  /// The debtor has one instance of every entity, not only of those on the way up: lists have that one element, each root is read for the instance
  /// that it belongs to, and its parameters that are instances are those.
  bool one_of_each = false;
};

/// The value of the expression, or nothing where these facts do not tell. With no facts: the value of a constant.
std::optional<Value> evaluate(const checked::Program& program, const checked::Expr& expr, const Scope& scope, const Facts& facts);
std::optional<Value> evaluate_root(const checked::Program& program, checked::RootId root, const Facts& facts);

/// What `self` and the parameters of a root stand for where there is one of each; the others stand for nothing that is known.
class RootScope {
 public:
  explicit RootScope(const checked::Root& root);
  RootScope(const RootScope&) = delete;
  RootScope& operator=(const RootScope&) = delete;
  const Scope& scope() const { return scope_; }

 private:
  checked::Expr self_, unknown_;
  std::vector<checked::Expr> instances_;
  Scope around_, scope_;
};

}  // namespace dunlin::analysis
