// What an expression reads, through derived fields and functions: stored fields, variables of the strategy, events of the history.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "lang/sema/analysis/scope.h"

namespace dunlin::analysis {

struct Reading {
  std::set<std::pair<checked::Index, checked::Index>> fields;  // (entity, field)
  std::set<checked::Index> variables;
  std::set<checked::Index> events;  // leaves of event types that a query looks at
  bool reads_any_of(const Reading& other) const;
};

/// The leaves at and below some event types: what can really happen.
std::set<checked::Index> leaves_below(const checked::Program& program, const std::vector<checked::Index>& events);

/// Each root is walked once.
class Readings {
 public:
  explicit Readings(const checked::Program& program) : program_(program) {}
  /// Of `checked::none`: nothing.
  const Reading& of(checked::RootId root);
  /// The leaves at and below an event type.
  std::set<checked::Index> leaves_of(checked::Index event) const { return leaves_below(program_, {event}); }

 private:
  void walk(const checked::Expr& expr, Reading& reading);

  const checked::Program& program_;
  std::map<checked::RootId, Reading> known_;
};

}  // namespace dunlin::analysis
