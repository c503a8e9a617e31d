#include "compiler/native/table_wake.h"

#include <algorithm>

#include "compiler/abi/wake.h"

namespace dunlin::native {

TableWakePlan::TableWakePlan(const ir::Program& program, int64_t row_table) {
  const auto& table = program.row_tables[static_cast<size_t>(row_table)];
  for (const auto& input : table.inputs) optional_.push_back(input.optional);
  order_ = table.order;
  for (const auto& row : program.checked->tables[static_cast<size_t>(table.table)].rows) {
    auto& cells = rows_.emplace_back();
    for (const auto& cell : row.cells) cells.push_back(cell.intervals);
  }
}

int64_t TableWakePlan::days(ir::TableWake rows, const int64_t* operands) const {
  const int64_t hit = operands[0];
  const int64_t* keys = operands + 1;
  size_t key_count = 0;
  for (auto optional : optional_) key_count += optional ? 2 : 1;
  const int64_t* slopes = keys + key_count;
  int64_t soonest = abi::never;
  for (auto row : order_) {
    if (rows != ir::TableWake::hit || row == hit) {
      const int64_t* key = keys;
      for (size_t i = 0; i < optional_.size(); ++i) {
        const bool known = !optional_[i] || *key++ != 0;
        const int64_t value = *key++;
        if (!known || slopes[i] == 0) continue;
        for (const auto& interval : rows_[static_cast<size_t>(row)][i])
          soonest = std::min(soonest, abi::interval_flip(value, slopes[i], interval.low, interval.high));
      }
    }
    if (rows == ir::TableWake::up_to_hit && row == hit) break;
  }
  return soonest;
}

}  // namespace dunlin::native
