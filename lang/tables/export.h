// A checked table for other tools: as a sheet, as a DMN model. Both come back with the same decisions (`dunlin import table`).
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "lang/sema/checked.h"
#include "lang/sheets/workbook.h"
#include "lang/tables/problem.h"

namespace dunlin::tables {

using Grid = std::vector<std::vector<sheets::WrittenCell>>;

/// Its first row has the columns' names with their types, outputs behind `->`. Refused: cells and outputs that are computed.
std::expected<Grid, Problem> export_sheet(const checked::Program& program, const checked::Table& table);
std::string csv_of(const Grid& grid);

/// A model of DMN 1.3 with one decision. Refused besides: stages, windows of a day, business days.
std::expected<std::string, Problem> export_dmn(const checked::Program& program, const checked::Table& table);

/// `unique`, `first`, …
const char* policy_name(checked::HitPolicy policy);

}  // namespace dunlin::tables
