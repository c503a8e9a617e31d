// Decision tables of constants, row by row.
#include <algorithm>

#include "compiler/abi/wake.h"
#include "compiler/interp/machine.h"

namespace dunlin::interp {

namespace {

bool within(const checked::Cell& cell, int64_t key) {
  return std::any_of(cell.intervals.begin(), cell.intervals.end(), [key](const auto& interval) { return key >= interval.low && key <= interval.high; });
}

bool accepts(const checked::Cell& cell, const ir::RowTable::Input& input, bool known, int64_t key) {
  if (!known) return cell.accepts_missing;
  if (input.text) {
    const auto text = reinterpret_cast<const abi::Text*>(key)->view();
    const bool listed = std::find(cell.texts.begin(), cell.texts.end(), text) != cell.texts.end();
    return listed != cell.texts_negated;
  }
  return within(cell, input.number ? checked::order_key_of_double(abi::as_number(key)) : key);
}

}  // namespace

int64_t find_row(const ir::Program& program, const ir::RowTable& table, const int64_t* keys) {
  const auto& rows = program.checked->tables[static_cast<size_t>(table.table)].rows;
  for (const int32_t number : table.order) {
    const auto& row = rows[static_cast<size_t>(number)];
    const int64_t* key = keys;
    bool all = true;
    for (size_t i = 0; i < table.inputs.size(); ++i) {
      const bool known = !table.inputs[i].optional || *key++ != 0;
      all = all && accepts(row.cells[i], table.inputs[i], known, *key);
      ++key;
    }
    if (all) return number;
  }
  return static_cast<int64_t>(rows.size());
}

int64_t row_change(const ir::Program& program, const ir::RowTable& table, ir::TableWake rows, const int64_t* operands) {
  const auto& checked_rows = program.checked->tables[static_cast<size_t>(table.table)].rows;
  const int64_t hit = operands[0];
  const int64_t* keys = operands + 1;
  size_t key_count = 0;
  for (const auto& input : table.inputs) key_count += input.optional ? 2 : 1;
  const int64_t* slopes = keys + key_count;
  int64_t soonest = abi::never;
  for (const int32_t number : table.order) {
    const bool asked = rows != ir::TableWake::hit || number == hit;
    const int64_t* key = keys;
    for (size_t i = 0; asked && i < table.inputs.size(); ++i) {
      const bool known = !table.inputs[i].optional || *key++ != 0;
      const int64_t value = *key++;
      if (!known || slopes[i] == 0) continue;
      for (const auto& interval : checked_rows[static_cast<size_t>(number)].cells[i].intervals)
        soonest = std::min(soonest, abi::interval_flip(value, slopes[i], interval.low, interval.high));
    }
    if (rows == ir::TableWake::up_to_hit && number == hit) break;
  }
  return soonest;
}

}  // namespace dunlin::interp
