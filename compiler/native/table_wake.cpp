#include "compiler/native/table_wake.h"

#include <algorithm>

#include "compiler/abi/wake.h"

namespace dunlin::native {

TableWakePlan::TableWakePlan(const ir::Program& program, int64_t row_table) {
  const auto& rows = program.row_tables[static_cast<size_t>(row_table)];
  for (const auto& input : rows.inputs) columns_.push_back({input.optional, input.number, input.text});
  order_ = rows.order;
  cells_.push_back({0, 0, false, false});
  for (const auto& row : program.checked->tables[static_cast<size_t>(rows.table)].rows) {
    for (const auto& cell : row.cells) {
      intervals_.insert(intervals_.end(), cell.intervals.begin(), cell.intervals.end());
      texts_.insert(texts_.end(), cell.texts.begin(), cell.texts.end());
      cells_.push_back({static_cast<uint32_t>(intervals_.size()), static_cast<uint32_t>(texts_.size()), cell.accepts_missing, cell.texts_negated});
    }
  }
}

bool TableWakePlan::inside(size_t cell, const Column& column, const Key& key) const {
  if (!key.known) return cells_[cell].accepts_missing;
  if (column.text) {
    const auto text = reinterpret_cast<const abi::Text*>(key.value)->view();
    const bool listed = std::find(texts_.begin() + cells_[cell - 1].texts, texts_.begin() + cells_[cell].texts, text) != texts_.begin() + cells_[cell].texts;
    return listed != cells_[cell].texts_negated;
  }
  const int64_t value = column.number ? checked::order_key_of_double(abi::as_number(key.value)) : key.value;
  return std::any_of(intervals_.begin() + cells_[cell - 1].intervals, intervals_.begin() + cells_[cell].intervals,
                     [value](const auto& interval) { return value >= interval.low && value <= interval.high; });
}

/// A row goes when the first of its cells does, and comes when the last of those that refuse does.
int64_t TableWakePlan::row_ticks(int32_t row, const std::vector<Key>& keys) const {
  int64_t goes = abi::never, comes = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Key& key = keys[i];
    const size_t cell = at(row, i);
    const bool accepted = inside(cell, columns_[i], key);
    int64_t change = abi::never;
    for (size_t j = cells_[cell - 1].intervals; key.known && key.slope != 0 && j < cells_[cell].intervals; ++j) {
      const auto& interval = intervals_[j];
      if (accepted && (key.value < interval.low || key.value > interval.high)) continue;
      change = std::min(change, abi::interval_flip(key.value, key.slope, interval.low, interval.high));
    }
    if (accepted) {
      goes = std::min(goes, change);
    } else if (change == abi::never) {
      return abi::never;
    } else {
      comes = std::max(comes, change);
    }
  }
  return comes > 0 ? comes : goes;
}

int64_t TableWakePlan::ticks(ir::TableWake rows, const int64_t* operands) const {
  const int64_t hit = operands[0];
  const int64_t* next = operands + 1;
  std::vector<Key> keys(columns_.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i].known = !columns_[i].optional || *next++ != 0;
    keys[i].value = *next++;
  }
  for (Key& key : keys) key.slope = *next++;
  int64_t soonest = abi::never;
  const auto ask = [&](int32_t row) {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!keys[i].known || keys[i].slope == 0) continue;
      for (size_t j = cells_[at(row, i) - 1].intervals; j < cells_[at(row, i)].intervals; ++j)
        soonest = std::min(soonest, abi::interval_flip(keys[i].value, keys[i].slope, intervals_[j].low, intervals_[j].high));
    }
  };
  if (rows == ir::TableWake::hit) {
    if (hit < static_cast<int64_t>(order_.size())) ask(static_cast<int32_t>(hit));
    return soonest;
  }
  for (auto row : order_) {
    if (rows == ir::TableWake::each) {
      soonest = std::min(soonest, row_ticks(row, keys));
      continue;
    }
    ask(row);
    if (rows == ir::TableWake::up_to_hit && row == hit) break;
  }
  return soonest;
}

}  // namespace dunlin::native
