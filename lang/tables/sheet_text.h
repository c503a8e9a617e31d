// A sheet that is a decision table -> the table as Dunlin text, its rows written out.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "lang/sheets/workbook.h"
#include "lang/tables/problem.h"

namespace dunlin::tables {

struct SheetTableOptions {
  std::string name;               // of the table
  std::string policy = "unique";  // as written behind the outputs
  size_t outputs = 1;             // columns at the end that are outputs, where no header says `->`
};

/// The first row has the columns' names, with their types (`dpd : int`, `-> fee : decimal`) or without: then the type is found from the column's cells.
/// The error names the cell.
std::expected<std::string, Problem> sheet_table_text(const sheets::Sheet& sheet, const SheetTableOptions& options);

}  // namespace dunlin::tables
