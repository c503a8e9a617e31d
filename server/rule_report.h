// One rule of an explanation, for people and for programs; and the clock that both are read by.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/simulate/explain.h"
#include "server/import/value_reader.h"

namespace dunlin::server {

/// Instants as the bundle's people read their clocks.
class LocalClock {
 public:
  explicit LocalClock(const import::Zone& zone) : zone_(zone) {}
  /// "2026-01-05 09:30"; "never".
  std::string text(int64_t instant) const;

 private:
  const import::Zone& zone_;
};

/// The verdict, why, each part of the condition and what was read: several lines, each with its end.
std::string rule_text(const simulate::RuleExplained& rule, const SourceMap& sources, const LocalClock& clock, bool color);
/// A JSON object.
std::string rule_json(const simulate::RuleExplained& rule, const SourceMap& sources, const LocalClock& clock);

}  // namespace dunlin::server
