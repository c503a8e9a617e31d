#include "compiler/native/row_index.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <set>

#include "compiler/abi/case_view.h"

namespace dunlin::native {

namespace {

constexpr size_t leaf_rows_max = 8;
constexpr size_t children_max = 64;
/// A cut must leave at most this share of a piece's rows, on average over the new pieces.
constexpr double worthwhile = 0.75;
/// Copies of rows in all leaves together, for each row of the table.
constexpr size_t copies_max = 12;
constexpr size_t columns_on_stack = 32;

}  // namespace

RowIndex::RowIndex(const ir::Program& program, int64_t row_table) {
  const auto& rows = program.row_tables[static_cast<size_t>(row_table)];
  const auto& table = program.checked->tables[static_cast<size_t>(rows.table)];
  order_ = rows.order;
  for (const auto& input : rows.inputs) columns_.push_back({input.optional, input.number, input.text, {}, {}, 0});
  read_columns(table);
  for (const int32_t row : order_) {
    for (size_t c = 0; c < columns_.size(); ++c) {
      const auto runs = runs_of(columns_[c], table.rows[static_cast<size_t>(row)].cells[c]);
      several_.push_back(runs.size() == 1 ? -1 : static_cast<int32_t>(runs_.size()));
      single_.push_back(runs.empty() ? Run{1, 0} : Run{runs.front().low, runs.back().high});
      if (runs.size() == 1) continue;
      runs_.push_back({static_cast<int32_t>(runs.size()), 0});
      runs_.insert(runs_.end(), runs.begin(), runs.end());
    }
  }
  entries_max_ = copies_max * order_.size() + 1024;
  Piece all;
  for (size_t row = 0; row < order_.size(); ++row) all.rows.push_back(static_cast<int32_t>(row));
  for (const Column& column : columns_) all.box.push_back({0, column.atoms - 1});
  entries_ = all.rows.size();
  root_ = build(std::move(all));
}

void RowIndex::read_columns(const checked::Table& table) {
  for (size_t c = 0; c < columns_.size(); ++c) {
    Column& column = columns_[c];
    if (column.text) {
      std::set<std::string> named;
      for (const auto& row : table.rows) named.insert(row.cells[c].texts.begin(), row.cells[c].texts.end());
      column.atoms = 1;
      for (const std::string& text : named) column.texts.emplace(text, column.atoms++);
      ++column.atoms;
      continue;
    }
    column.starts = {std::numeric_limits<int64_t>::min()};
    for (const auto& row : table.rows) {
      for (const auto& interval : row.cells[c].intervals) {
        column.starts.push_back(interval.low);
        if (interval.high < std::numeric_limits<int64_t>::max()) column.starts.push_back(interval.high + 1);
      }
    }
    std::sort(column.starts.begin(), column.starts.end());
    column.starts.erase(std::unique(column.starts.begin(), column.starts.end()), column.starts.end());
    column.atoms = static_cast<int32_t>(column.starts.size()) + 1;
  }
}

int32_t RowIndex::atom_of(const Column& column, int64_t key) const {
  if (column.text) {
    const auto found = column.texts.find(std::string(reinterpret_cast<const abi::Text*>(key)->view()));
    return found == column.texts.end() ? column.atoms - 1 : found->second;
  }
  if (column.number) key = checked::order_key_of_double(abi::as_number(key));
  return static_cast<int32_t>(std::upper_bound(column.starts.begin(), column.starts.end(), key) - column.starts.begin());
}

std::vector<RowIndex::Run> RowIndex::runs_of(const Column& column, const checked::Cell& cell) const {
  std::vector<Run> runs;
  if (column.optional && cell.accepts_missing) runs.push_back({0, 0});
  const auto add = [&](Run run) {
    if (!runs.empty() && runs.back().high + 1 == run.low) {
      runs.back().high = run.high;
    } else {
      runs.push_back(run);
    }
  };
  if (column.text) {
    std::vector<int32_t> named;
    for (const auto& text : cell.texts) named.push_back(column.texts.at(text));
    std::sort(named.begin(), named.end());
    for (int32_t atom = 1; cell.texts_negated && atom < column.atoms; ++atom)
      if (!std::binary_search(named.begin(), named.end(), atom)) add({atom, atom});
    named.erase(std::unique(named.begin(), named.end()), named.end());
    for (const int32_t atom : named)
      if (!cell.texts_negated) add({atom, atom});
    return runs;
  }
  const auto at = [&](int64_t key) { return static_cast<int32_t>(std::upper_bound(column.starts.begin(), column.starts.end(), key) - column.starts.begin()); };
  for (const auto& interval : cell.intervals) add({at(interval.low), at(interval.high)});
  return runs;
}

// ---- building ------------------------------------------------------------------------------

bool RowIndex::reaches(int32_t row, size_t column, Run into) const {
  const size_t at = static_cast<size_t>(row) * columns_.size() + column;
  if (single_[at].low > into.high || single_[at].high < into.low) return false;
  if (several_[at] < 0) return true;
  const auto* runs = runs_.data() + several_[at];
  return std::any_of(runs + 1, runs + 1 + runs->low, [into](const Run& run) { return run.low <= into.high && run.high >= into.low; });
}

/// Atoms at which children begin behind the first, spread evenly over the borders of the rows.
std::vector<int32_t> RowIndex::cuts(const Piece& piece, size_t column) const {
  const Run range = piece.box[column];
  std::vector<int32_t> borders;
  const auto add = [&](const Run& run) {
    if (run.low > range.low && run.low <= range.high) borders.push_back(run.low);
    if (run.high >= range.low && run.high < range.high) borders.push_back(run.high + 1);
  };
  for (const int32_t row : piece.rows) {
    const size_t at = static_cast<size_t>(row) * columns_.size() + column;
    if (several_[at] < 0) {
      add(single_[at]);
    } else {
      const auto* runs = runs_.data() + several_[at];
      std::for_each(runs + 1, runs + 1 + runs->low, add);
    }
  }
  std::sort(borders.begin(), borders.end());
  if (borders.size() >= children_max) {  // evenly over the rows, not over the atoms
    std::vector<int32_t> spread;
    for (size_t i = 1; i < children_max; ++i) spread.push_back(borders[i * borders.size() / children_max]);
    borders = std::move(spread);
  }
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  return borders;
}

/// Rows in a child, on average.
double RowIndex::rows_left(const Piece& piece, size_t column, const std::vector<int32_t>& cuts) const {
  const auto child = [&](int32_t atom) { return std::upper_bound(cuts.begin(), cuts.end(), atom) - cuts.begin(); };
  double total = 0;
  for (const int32_t row : piece.rows) {
    const size_t at = static_cast<size_t>(row) * columns_.size() + column;
    const Run hull = {std::max(single_[at].low, piece.box[column].low), std::min(single_[at].high, piece.box[column].high)};
    total += static_cast<double>(child(hull.high) - child(hull.low) + 1);
  }
  return total / static_cast<double>(cuts.size() + 1);
}

int32_t RowIndex::build(Piece piece) {
  const auto id = static_cast<int32_t>(nodes_.size());
  nodes_.emplace_back();
  std::vector<int32_t> chosen;
  size_t column = 0;
  double fewest = worthwhile * static_cast<double>(piece.rows.size());
  for (size_t c = 0; piece.rows.size() > leaf_rows_max && c < columns_.size(); ++c) {
    auto here = cuts(piece, c);
    if (here.empty()) continue;
    const double left = rows_left(piece, c, here);
    const double copies = left * static_cast<double>(here.size() + 1) - static_cast<double>(piece.rows.size());
    if (left >= fewest || static_cast<double>(entries_) + copies > static_cast<double>(entries_max_)) continue;
    fewest = left;
    column = c;
    chosen = std::move(here);
  }
  if (chosen.empty()) {
    nodes_[static_cast<size_t>(id)] = {-1, static_cast<int32_t>(leaf_rows_.size()), static_cast<int32_t>(piece.rows.size()), 0};
    leaf_rows_.insert(leaf_rows_.end(), piece.rows.begin(), piece.rows.end());
    return id;
  }
  const auto children_first = static_cast<int32_t>(children_.size());
  nodes_[static_cast<size_t>(id)] = {static_cast<int32_t>(column), static_cast<int32_t>(cuts_.size()), static_cast<int32_t>(chosen.size()), children_first};
  cuts_.insert(cuts_.end(), chosen.begin(), chosen.end());
  children_.resize(children_.size() + chosen.size() + 1);
  std::vector<Piece> parts(chosen.size() + 1);
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].box = piece.box;
    if (i > 0) parts[i].box[column].low = chosen[i - 1];
    if (i < chosen.size()) parts[i].box[column].high = chosen[i] - 1;
  }
  for (const int32_t row : piece.rows) {
    const Run hull = single_[static_cast<size_t>(row) * columns_.size() + column];
    for (auto i = static_cast<size_t>(std::upper_bound(chosen.begin(), chosen.end(), hull.low) - chosen.begin()); i < parts.size(); ++i) {
      if (parts[i].box[column].low > hull.high) break;
      if (reaches(row, column, parts[i].box[column])) parts[i].rows.push_back(row);
    }
  }
  entries_ -= piece.rows.size();
  for (const Piece& part : parts) entries_ += part.rows.size();
  piece = {};
  for (size_t i = 0; i < parts.size(); ++i) {
    const int32_t child = build(std::move(parts[i]));
    children_[static_cast<size_t>(children_first) + i] = child;
  }
  return id;
}

// ---- looking up ----------------------------------------------------------------------------

void RowIndex::atoms_of(const int64_t* keys, auto* atoms) const {
  for (const Column& column : columns_) {
    const bool known = !column.optional || *keys++ != 0;
    const int64_t key = *keys++;
    *atoms++ = known ? atom_of(column, key) : 0;
  }
}

const RowIndex::Node& RowIndex::leaf(const auto* atoms) const {
  const Node* node = &nodes_[static_cast<size_t>(root_)];
  while (node->column >= 0) {
    const auto* begin = cuts_.data() + node->first;
    const auto child = std::upper_bound(begin, begin + node->count, static_cast<int32_t>(atoms[node->column])) - begin;
    node = &nodes_[static_cast<size_t>(children_[static_cast<size_t>(node->children_first + child)])];
  }
  return *node;
}

bool RowIndex::accepts(int32_t row, const auto* atoms) const {
  for (size_t c = 0; c < columns_.size(); ++c) {
    const auto atom = static_cast<int32_t>(atoms[c]);
    if (!reaches(row, c, {atom, atom})) return false;
  }
  return true;
}

int64_t RowIndex::first_row(const int64_t* keys) const {
  std::array<int32_t, columns_on_stack> few;
  std::vector<int32_t> many(columns_.size() > few.size() ? columns_.size() : 0);
  int32_t* atoms = many.empty() ? few.data() : many.data();
  atoms_of(keys, atoms);
  const Node& found = leaf(atoms);
  for (int32_t i = found.first; i < found.first + found.count; ++i)
    if (accepts(leaf_rows_[static_cast<size_t>(i)], atoms)) return order_[static_cast<size_t>(leaf_rows_[static_cast<size_t>(i)])];
  return static_cast<int64_t>(order_.size());
}

void RowIndex::begin(const int64_t* keys, bool backwards, int64_t* cursor) const {
  atoms_of(keys, cursor + 3);
  const Node& found = leaf(cursor + 3);
  cursor[0] = backwards ? found.first + found.count - 1 : found.first;
  cursor[1] = backwards ? found.first - 1 : found.first + found.count;
  cursor[2] = backwards ? -1 : 1;
}

int64_t RowIndex::next(int64_t* cursor) const {
  for (; cursor[0] != cursor[1]; cursor[0] += cursor[2]) {
    const int32_t row = leaf_rows_[static_cast<size_t>(cursor[0])];
    if (!accepts(row, cursor + 3)) continue;
    cursor[0] += cursor[2];
    return order_[static_cast<size_t>(row)];
  }
  return -1;
}

}  // namespace dunlin::native
