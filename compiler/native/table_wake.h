// When the rows a table hits may change, as its keys grow evenly with the clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::native {

/// The intervals of a row table, in the order its rows are tried.
class TableWakePlan {
 public:
  TableWakePlan(const ir::Program& program, int64_t row_table);
  /// `operands`: row hit (its number as written), the operands of table_row, a slope for each input. Ticks, or abi::never.
  int64_t ticks(ir::TableWake rows, const int64_t* operands) const;

 private:
  struct Key {
    bool known;
    int64_t value, slope;
  };
  struct Column {
    bool optional, number, text;
  };
  struct Cell {
    uint32_t intervals, texts;  // where its own end; they begin where those of the cell before end
    bool accepts_missing, texts_negated;
  };
  size_t at(int32_t row, size_t column) const { return static_cast<size_t>(row) * columns_.size() + column + 1; }
  /// Whether the key is in the cell.
  bool inside(size_t cell, const Column& column, const Key& key) const;
  int64_t row_ticks(int32_t row, const std::vector<Key>& keys) const;

  std::vector<Column> columns_;
  std::vector<int32_t> order_;
  std::vector<Cell> cells_;                         // row by row as written, behind an empty one
  std::vector<checked::Cell::Interval> intervals_;  // of all cells
  std::vector<std::string> texts_;
};

}  // namespace dunlin::native
