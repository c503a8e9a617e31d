// Cells of DMN tables that are constant: which values they take, as a cell of Dunlin.
#pragma once

#include "lang/tables/expression.h"

namespace dunlin::tables {

struct CellTexts {
  /// Cells that together take exactly the values that are meant; no value is taken by two of them. Empty: the row can never fit.
  std::vector<std::string> alternatives;
};

/// Nothing where the tests are not constant, or take values that no cell of Dunlin takes: then a condition must be asked beside the table.
std::optional<CellTexts> constant_cell(const std::vector<feel::NodePtr>& tests, const Type& column, bool nullable, Expressions& expressions,
                                       const std::map<std::string, Enumeration>& enumerations);

}  // namespace dunlin::tables
