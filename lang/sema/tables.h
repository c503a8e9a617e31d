// Decision tables: rows written in the bundle or kept in a spreadsheet.
#pragma once

#include "lang/sema/context.h"

namespace dunlin::sema {

void check_table(Context& context, Index table);

/// Rows of a CSV file as if they had been written in the bundle. What cannot be read is reported (E081x) and left out.
struct SheetRows {
  std::vector<ast::TableDecl::Row> rows;
  std::vector<ast::ExprPtr> otherwise;
};
SheetRows read_sheet(Context& context, uint32_t file, const checked::Table& table, Span table_span);

}  // namespace dunlin::sema
