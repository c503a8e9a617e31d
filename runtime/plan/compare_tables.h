// The cases of two versions of a table that come out otherwise.
#pragma once

#include <optional>
#include <string>

#include "runtime/plan/canonical.h"
#include "runtime/plan/compare.h"

namespace dunlin::plan {

/// One version of the table.
struct TableVersion {
  const VersionView& view;
  const checked::Table& table;
  Canon& canon;
};

struct TableDifference {
  std::vector<TableCases> cases;
  bool more = false;  // there are more cases than were asked for
};

/// Exact, whatever the hit policy. Nothing where it cannot be said by cases: other columns, computed cells, too large.
std::optional<TableDifference> compare_tables(const TableVersion& before, const TableVersion& after, const CompareOptions& options);

/// Rows of one version that the other does not have, for where cases cannot be told: "2 rows fewer, 3 more".
std::string rows_in_words(const TableVersion& before, const TableVersion& after);

}  // namespace dunlin::plan
