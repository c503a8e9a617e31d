// The rules of one place (a stage, a strategy, `always`) in two versions.
#pragma once

#include <vector>

#include "runtime/plan/canonical.h"
#include "runtime/plan/compare.h"

namespace dunlin::plan {

/// One version, with both readings of its expressions.
struct Reading {
  const VersionView& view;
  Canon& named;
  Canon& expanded;
};

/// `place`: "soft.calling". Adds what differs to `result`.
void compare_rules(const Reading& before, const std::vector<checked::Rule>& old_rules, const Reading& after, const std::vector<checked::Rule>& new_rules,
                   const std::string& place, checked::Index entity, Comparison& result);

/// A place in the text on one line, without what is only layout.
std::string one_line(const VersionView& view, Span span);
std::string place_text(const VersionView& view, Span span);

}  // namespace dunlin::plan
