// Tables of constants: found by one search through the rows. The others are in lower_table_rows.cpp.
#include <algorithm>
#include <numeric>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::HitPolicy;
using checked::Table;
using checked::TableRow;
using checked::Type;
using checked::TypeKind;

namespace {

bool single_hit(HitPolicy policy) {
  return policy == HitPolicy::unique || policy == HitPolicy::first || policy == HitPolicy::any || policy == HitPolicy::priority;
}

bool constant_cells(const TableRow& row) {
  return std::all_of(row.cells.begin(), row.cells.end(), [](const checked::Cell& cell) { return cell.predicate == checked::none; });
}

bool constant_outputs(const TableRow& row) {
  return std::all_of(row.outputs.begin(), row.outputs.end(), [](const checked::TableOutput& output) { return output.constant; });
}

bool searchable(const Table& table) {
  if (!single_hit(table.policy)) return false;
  for (const auto& input : table.inputs)
    if (input.type.kind == TypeKind::record || input.type.kind == TypeKind::instance || input.type.kind == TypeKind::event) return false;
  for (const auto& row : table.rows) {
    if (!constant_cells(row)) return false;
    if (table.policy == HitPolicy::any && !constant_outputs(row)) return false;
    if (table.policy == HitPolicy::priority && (row.outputs.empty() || !row.outputs[0].constant || row.outputs[0].slots.empty())) return false;
  }
  return true;
}

bool is_text(const Type& type) { return kind_of(type) == Kind::pointer; }

/// Rows in the order in which they are tried: as written, or by what their first output is worth.
std::vector<int32_t> order_of(const Table& table) {
  std::vector<int32_t> order(table.rows.size());
  std::iota(order.begin(), order.end(), 0);
  if (table.policy != HitPolicy::priority) return order;
  const Type& type = table.outputs[0].type;
  const bool by_literal = type.kind == TypeKind::enumeration || type.kind == TypeKind::stage;
  const auto worth = [&](int32_t row) {
    const int64_t slot = table.rows[static_cast<size_t>(row)].outputs[0].slots[0];
    return type.kind == TypeKind::number ? checked::order_key_of_double(abi::as_number(slot)) : slot;
  };
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t c) { return by_literal ? worth(a) < worth(c) : worth(a) > worth(c); });
  return order;
}

int64_t cell_of(ProgramLowering& program, const Type& type, const checked::TableOutput& output, size_t slot, Kind kind) {
  if (!output.constant) return kind == Kind::pointer ? -1 : 0;
  const bool is_missing = type.optional && !output.slots.empty() && output.slots[0] == 0;
  if (kind == Kind::pointer) return is_missing ? -1 : program.text(output.text);
  if (output.slots.empty()) return type.optional && slot == 0 ? 1 : 0;  // a text that is there
  return slot < output.slots.size() ? output.slots[slot] : 0;
}

}  // namespace

int32_t ProgramLowering::row_table(checked::Index index) {
  const auto [place, added] = row_tables_.try_emplace(index, none);
  const Table& table = checked.tables[static_cast<size_t>(index)];
  if (!added || !searchable(table)) return place->second;
  RowTable made;
  made.table = index;
  for (const auto& input : table.inputs) made.inputs.push_back({input.type.kind == TypeKind::number, input.type.optional, is_text(input.type)});
  made.order = order_of(table);
  for (size_t column = 0; column < table.outputs.size(); ++column) {
    const Type& type = table.outputs[column].type;
    const auto kinds = kinds_of(checked, type);
    for (size_t slot = 0; slot < kinds.size(); ++slot) {
      made.output_kinds.push_back(kinds[slot]);
      auto& cells = made.outputs.emplace_back();
      for (const auto& row : table.rows) cells.push_back(cell_of(*this, type, row.outputs[column], slot, kinds[slot]));
      if (table.otherwise) cells.push_back(cell_of(*this, type, table.otherwise->outputs[column], slot, kinds[slot]));
    }
  }
  place->second = static_cast<int32_t>(program_->row_tables.size());
  program_->row_tables.push_back(std::move(made));
  return place->second;
}

namespace {

/// A row that takes everything: then there is always one.
bool accepts_all(const TableRow& row) {
  return std::all_of(row.cells.begin(), row.cells.end(), [](const checked::Cell& cell) {
    if (!cell.accepts_missing || !cell.texts.empty()) return false;
    if (cell.texts_negated) return true;
    return cell.intervals.size() == 1 && cell.intervals[0].low == INT64_MIN && cell.intervals[0].high == INT64_MAX;
  });
}

NodeId hit_row(FunctionLowering& f, int32_t row_table, NodeId& wake) {
  const auto& made = f.program.ir().row_tables[static_cast<size_t>(row_table)];
  const Table& table = f.checked.tables[static_cast<size_t>(made.table)];
  Node search;
  search.op = Op::table_row;
  search.immediate = row_table;
  for (const Value& input : f.scope.parameters) search.operands.insert(search.operands.end(), input.slots.begin(), input.slots.end());
  const NodeId row = f.b.node(search, table.span);
  wake = f.b.never();
  Node change;
  change.op = Op::table_wake;
  change.immediate = row_table;
  // Without a hit any row may come to fit, so with `otherwise` all rows up to the hit are asked, too.
  const bool ordered = table.policy == HitPolicy::first || table.policy == HitPolicy::priority || table.otherwise.has_value();
  change.immediate2 = static_cast<int64_t>(ordered ? TableWake::up_to_hit : TableWake::hit);
  change.operands = {row};
  change.operands.insert(change.operands.end(), search.operands.begin(), search.operands.end());
  bool growing = false;
  for (size_t i = 0; i < f.scope.parameters.size(); ++i) {
    const bool daily = can_grow(table.inputs[i].type) && !ticks_with_now(table.inputs[i].type) && f.grows(f.scope.parameters[i]);
    change.operands.push_back(daily ? f.scope.parameters[i].slope : f.b.zero());
    growing |= daily;
  }
  if (growing) wake = f.after_ticks({TypeKind::date, false, checked::none}, f.b.node(change, {}));
  return row;
}

}  // namespace

Value FunctionLowering::table_by_row_table(const Table& table, int32_t row_table) {
  NodeId row_wake = none;
  NodeId row = hit_row(*this, row_table, row_wake);
  const auto& found = program.ir().row_tables[static_cast<size_t>(row_table)];
  Note hit;
  hit.kind = Note::Kind::table;
  hit.name = table.name;
  hit.index = found.table;
  hit.row = row;
  hit.span = table.span;
  hit.parent = enclosing_condition;
  made.notes.push_back(hit);
  const NodeId none_hit = b.binary(Op::equal, Kind::boolean, row, b.constant(static_cast<int64_t>(table.rows.size())));
  if (!table.otherwise && !std::any_of(table.rows.begin(), table.rows.end(), accepts_all))
    row = b.choose(none_hit, b.fault(abi::Fault::no_table_row, Kind::integer, table.span), row);
  Value result = fact(std::vector<NodeId>{});
  result.wake = row_wake;
  int64_t slot = 0;
  for (size_t column = 0; column < table.outputs.size(); ++column) {
    Value cell = fact(std::vector<NodeId>{});
    for (const Kind kind : kinds_of(checked, table.outputs[column].type)) {
      Node read;
      read.op = Op::table_cell;
      read.kind = kind;
      read.immediate = row_table;
      read.immediate2 = slot++;
      read.operands = {row};
      cell.slots.push_back(b.node(read, {}));
    }
    const auto computed = [&](const checked::TableOutput& made_output, int64_t number) {
      if (made_output.constant) return;
      const NodeId here = b.binary(Op::equal, Kind::boolean, row, b.constant(number));
      cell = choose(here, output(table.outputs[column], made_output), cell);
    };
    for (size_t i = 0; i < table.rows.size(); ++i) computed(table.rows[i].outputs[column], static_cast<int64_t>(i));
    if (table.otherwise) computed(table.otherwise->outputs[column], static_cast<int64_t>(table.rows.size()));
    result.slots.insert(result.slots.end(), cell.slots.begin(), cell.slots.end());
    result.wake = earlier(result.wake, cell.wake);
  }
  return result;
}

}  // namespace dunlin::ir
