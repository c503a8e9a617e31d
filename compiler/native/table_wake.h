// When the row a table hits may change, as its keys grow evenly with the days.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::native {

/// The intervals of a row table, in the order its rows are tried.
class TableWakePlan {
 public:
  TableWakePlan(const ir::Program& program, int64_t row_table);
  /// `operands`: row hit (its number as written), the operands of table_row, a slope for each input. Days, or abi::never.
  int64_t days(ir::TableWake rows, const int64_t* operands) const;

 private:
  std::vector<uint8_t> optional_;  // by input
  std::vector<int32_t> order_;
  std::vector<std::vector<std::vector<checked::Cell::Interval>>> rows_;  // by row as written, then column
};

}  // namespace dunlin::native
