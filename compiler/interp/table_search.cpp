// Decision tables of constants, row by row.
#include <algorithm>

#include "compiler/abi/wake.h"
#include "compiler/interp/machine.h"
#include "compiler/ir/shape.h"

namespace dunlin::interp {

namespace {

bool within(const checked::Cell& cell, int64_t key) {
  return std::any_of(cell.intervals.begin(), cell.intervals.end(), [key](const auto& interval) { return key >= interval.low && key <= interval.high; });
}

bool accepts(const checked::Cell& cell, const checked::Type& type, bool known, int64_t key) {
  if (!known) return cell.accepts_missing;
  if (ir::kind_of(type) == ir::Kind::pointer) {
    const auto text = reinterpret_cast<const abi::Text*>(key)->view();
    const bool listed = std::find(cell.texts.begin(), cell.texts.end(), text) != cell.texts.end();
    return listed != cell.texts_negated;
  }
  return within(cell, type.kind == checked::TypeKind::number ? checked::order_key_of_double(abi::as_number(key)) : key);
}

/// Ticks until the key may come into the cell or leave it.
int64_t cell_change(const checked::Cell& cell, bool inside, int64_t key, int64_t slope) {
  int64_t soonest = abi::never;
  for (const auto& interval : cell.intervals) {
    if (inside && (key < interval.low || key > interval.high)) continue;  // nothing changes before this one is left
    soonest = std::min(soonest, abi::interval_flip(key, slope, interval.low, interval.high));
  }
  return soonest;
}

/// A row goes when the first of its cells does, and comes when the last of those that refuse does.
int64_t row_change(const checked::Table& table, size_t row, const int64_t* keys, const int64_t* slopes) {
  int64_t goes = abi::never, comes = 0;
  bool refused = false;
  for (size_t i = 0; i < table.inputs.size(); ++i) {
    const bool known = !table.inputs[i].type.optional || *keys++ != 0;
    const int64_t key = *keys++;
    const auto& cell = table.rows[row].cells[i];
    const bool inside = accepts(cell, table.inputs[i].type, known, key);
    const int64_t change = known && slopes[i] != 0 ? cell_change(cell, inside, key, slopes[i]) : abi::never;
    if (inside) {
      goes = std::min(goes, change);
    } else {
      refused = true;
      comes = std::max(comes, change);
    }
  }
  return refused ? comes : goes;
}

}  // namespace

bool row_accepts(const checked::Table& table, size_t row, const int64_t* keys) {
  for (size_t i = 0; i < table.inputs.size(); ++i) {
    const checked::Type& type = table.inputs[i].type;
    const bool known = !type.optional || *keys++ != 0;
    if (!accepts(table.rows[row].cells[i], type, known, *keys++)) return false;
  }
  return true;
}

int64_t find_row(const ir::Program& program, const ir::RowTable& table, const int64_t* keys) {
  const auto& searched = program.checked->tables[static_cast<size_t>(table.table)];
  for (const int32_t number : table.order)
    if (row_accepts(searched, static_cast<size_t>(number), keys)) return number;
  return static_cast<int64_t>(searched.rows.size());
}

int64_t row_change(const ir::Program& program, const ir::RowTable& table, ir::TableWake rows, const int64_t* operands) {
  const auto& searched = program.checked->tables[static_cast<size_t>(table.table)];
  const int64_t hit = operands[0];
  const int64_t* keys = operands + 1;
  size_t key_count = 0;
  for (const auto& input : table.inputs) key_count += input.optional ? 2 : 1;
  const int64_t* slopes = keys + key_count;
  int64_t soonest = abi::never;
  for (const int32_t number : table.order) {
    if (rows == ir::TableWake::each) {
      soonest = std::min(soonest, row_change(searched, static_cast<size_t>(number), keys, slopes));
      continue;
    }
    const bool asked = rows != ir::TableWake::hit || number == hit;
    const int64_t* key = keys;
    for (size_t i = 0; asked && i < table.inputs.size(); ++i) {
      const bool known = !table.inputs[i].optional || *key++ != 0;
      const int64_t value = *key++;
      if (!known || slopes[i] == 0) continue;
      for (const auto& interval : searched.rows[static_cast<size_t>(number)].cells[i].intervals)
        soonest = std::min(soonest, abi::interval_flip(value, slopes[i], interval.low, interval.high));
    }
    if (rows == ir::TableWake::up_to_hit && number == hit) break;
  }
  return soonest;
}

}  // namespace dunlin::interp
