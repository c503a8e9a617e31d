// What tests reached, as one HTML page over the sources. Takes plain facts, so that it knows nothing of engines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lang/diag/source.h"

namespace dunlin::server {

struct CoveredPart {
  enum class Kind : uint8_t { rule, stage, row, outcome };
  Kind kind = Kind::rule;
  std::string name;
  Span where;
  int64_t times = 0;
};

/// Shares of rules, stages, table rows and outcomes, then each file with its lines marked: reached, not reached, or nothing to reach.
std::string coverage_page(const std::string& title, const SourceMap& sources, const std::vector<CoveredPart>& parts);

}  // namespace dunlin::server
