// Large tables of constants as data: which rows take a set of keys, without trying one row after the other.
//
// Each column's keys fall into atoms, stretches within which no cell of the table tells keys apart. A tree then cuts the space of atoms
// until few rows are left in each piece; a row stands in every piece it reaches into. Where cutting does not help (all rows wide in all
// columns) a piece keeps its rows as a list, which is tried row by row.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/ir.h"

namespace dunlin::native {

class RowIndex {
 public:
  RowIndex(const ir::Program& program, int64_t row_table);

  /// The first row, in the order they are tried, that takes the keys (operands of table_row): its number as written; the number of rows if none does.
  int64_t first_row(const int64_t* keys) const;

  /// Walks all rows that take the keys. The cursor has `cursor_slots` slots.
  size_t cursor_slots() const { return 3 + columns_.size(); }
  void begin(const int64_t* keys, bool backwards, int64_t* cursor) const;
  /// Number of the next row as written; -1 behind the last.
  int64_t next(int64_t* cursor) const;

 private:
  /// Atoms low..=high.
  struct Run {
    int32_t low, high;
  };
  struct Column {
    bool optional = false, number = false, text = false;
    std::vector<int64_t> starts;                     // first key of each atom
    std::unordered_map<std::string, int32_t> texts;  // atom of each text that is named
    int32_t atoms = 0;                               // atom 0 is "missing"; of texts the last is any other
  };
  /// A piece is cut along a column, or keeps its rows.
  struct Node {
    int32_t column = -1;
    int32_t first = 0, count = 0;  // inner: cuts_ (children begin at children_first); leaf: leaf_rows_
    int32_t children_first = 0;
  };
  /// A piece of the space of atoms with the rows that reach into it.
  struct Piece {
    std::vector<int32_t> rows;  // positions in the order rows are tried
    std::vector<Run> box;
  };

  void read_columns(const checked::Table& table);
  std::vector<Run> runs_of(const Column& column, const checked::Cell& cell) const;
  int32_t atom_of(const Column& column, int64_t key) const;
  void atoms_of(const int64_t* keys, auto* atoms) const;
  bool reaches(int32_t row, size_t column, Run into) const;
  int32_t build(Piece piece);
  std::vector<int32_t> cuts(const Piece& piece, size_t column) const;
  double rows_left(const Piece& piece, size_t column, const std::vector<int32_t>& cuts) const;
  const Node& leaf(const auto* atoms) const;
  bool accepts(int32_t row, const auto* atoms) const;

  std::vector<Column> columns_;
  std::vector<int32_t> order_;    // row as written, by position
  std::vector<Run> single_;       // by position and column; the only run, or the hull of several
  std::vector<int32_t> several_;  // by position and column: -1, or where the runs begin in runs_
  std::vector<Run> runs_;         // a count (in low), then the runs
  std::vector<Node> nodes_;
  std::vector<int32_t> cuts_, children_, leaf_rows_;
  int32_t root_ = 0;
  size_t entries_ = 0, entries_max_ = 0;  // rows in all leaves
};

}  // namespace dunlin::native
