// Accounts for which a segmentation, or another derived field, comes out otherwise in another version.
#pragma once

#include <vector>

#include "runtime/plan/compare.h"

namespace dunlin::plan {

/// One version of the field.
struct DerivedVersion {
  const checked::Program& program;
  checked::Index entity = checked::none, field = checked::none;
};

/// For each pair of values, before and after, one account (`witness`; `where` is empty); at most `cases_max`. What is told is certain: both versions
/// were asked about that account. Sought beside the figures that either version compares with, without any history, so there may be more.
std::vector<TableCases> compare_derived(const DerivedVersion& before, const DerivedVersion& after, size_t cases_max);

}  // namespace dunlin::plan
