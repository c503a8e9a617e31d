// How the declarations of a version are written: the program knows the place of a name, people look at the whole declaration.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/plan/compare.h"

namespace dunlin::plan {

class Written {
 public:
  explicit Written(const VersionView& view);

  /// The declaration, or the field of one, whose name stands there; the place itself where there is none.
  Span whole(Span name) const;
  /// "in force from 2026-01-01 to 2026-06-30", of a table or a block of limits; empty where it is always in force.
  std::string in_force(Span name) const;

  /// Names of feeds and of campaigns, and where they stand.
  const std::map<std::string, Span>& feeds() const { return feeds_; }
  const std::map<std::string, Span>& campaigns() const { return campaigns_; }

 private:
  struct Place {
    Span whole;
    std::string in_force;
  };
  std::map<std::pair<uint32_t, uint32_t>, Place> places_;  // by file and first byte of the name
  std::map<std::string, Span> feeds_, campaigns_;
};

}  // namespace dunlin::plan
