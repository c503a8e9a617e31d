// A table's columns cut into atoms, its rows as boxes, and the way back from a place to values a designer can read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lang/sema/analysis/boxes.h"
#include "lang/sema/checked.h"

namespace dunlin::analysis {

/// One input column. Atoms 0 … n-1 are the ordered pieces (or the texts that occur, then "any other text"); where the
/// column may be missing one more atom stands for that.
class Column {
 public:
  Column(const checked::Program& program, const checked::TableColumn& column, const std::vector<const checked::Cell*>& cells);

  int32_t atom_count() const { return static_cast<int32_t>(ordered_ ? starts_.size() : texts_.size() + 1) + (optional_ ? 1 : 0); }
  Side side(const checked::Cell& cell) const;
  Side whole() const;
  /// A value of the run as Dunlin text: zero where everything fits, else the end that lies nearest to the next piece.
  std::string value_in(const Run& run) const;
  /// What the side takes as a cell would say it: "any", "low, medium", "1_000..<5_000", "missing".
  std::string side_text(const Side& side) const;

 private:
  void cut(const std::vector<const checked::Cell*>& cells);
  std::string text_in(const Run& run) const;
  std::string interval_text(const Run& run) const;
  std::string bound_text(int64_t value) const;
  bool is_listed() const;

  const checked::Program& program_;
  checked::Type type_;
  bool ordered_ = true, optional_ = false;
  int64_t low_ = 0, high_ = 0;      // domain of an ordered column
  std::vector<int64_t> starts_;     // first value of each atom
  std::vector<std::string> texts_;  // sorted
};

/// Rows and columns of one table, ready for boxes.h.
struct TableSpace {
  TableSpace(const checked::Program& program, const checked::Table& table);

  std::vector<Column> columns;
  Box whole;
  std::vector<Box> rows;
  std::vector<bool> certain;  // by row: no cell depends on a computed condition

  std::vector<std::pair<std::string, std::string>> witness(const checked::Table& table, const Place& place) const;
};

}  // namespace dunlin::analysis
