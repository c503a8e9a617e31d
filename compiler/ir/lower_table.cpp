// Tables of constants: found by one search through the rows, or walked by one loop over those that are hit. The others are in
// lower_table_rows.cpp.
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

/// A large table whose hits are folded: its rows are data, and a loop goes over those that are hit.
bool walkable(const Table& table, size_t rows_min) {
  if (table.policy != HitPolicy::collect && table.rows.size() < rows_min) return false;
  return std::all_of(table.rows.begin(), table.rows.end(), constant_outputs) &&
         std::none_of(table.inputs.begin(), table.inputs.end(), [](const auto& input) { return input.type.kind == TypeKind::duration; });
}

bool searchable(const Table& table, size_t rows_min) {
  if (!single_hit(table.policy) && !walkable(table, rows_min)) return false;
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
  if (!added || !searchable(table, options.searched_rows_min)) return place->second;
  RowTable made;
  made.table = index;
  made.by_index = table.rows.size() >= options.searched_rows_min;
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
  // Without a hit any row may come to fit, so with `otherwise` all rows up to the hit are asked, too.
  const bool ordered = table.policy == HitPolicy::first || table.policy == HitPolicy::priority || table.otherwise.has_value();
  wake = f.row_wake(row_table, ordered ? TableWake::up_to_hit : TableWake::hit, row, f.scope.parameters);
  return row;
}

}  // namespace

/// Only keys that grow with the days: nothing that grows with the clock itself may be handed to a table (E0312).
NodeId FunctionLowering::row_wake(int32_t row_table, TableWake rows, NodeId hit, const std::vector<Value>& parameters) {
  const auto& inputs = checked.tables[static_cast<size_t>(program.ir().row_tables[static_cast<size_t>(row_table)].table)].inputs;
  Node change;
  change.op = Op::table_wake;
  change.immediate = row_table;
  change.immediate2 = static_cast<int64_t>(rows);
  change.operands = {hit};
  for (const Value& input : parameters) change.operands.insert(change.operands.end(), input.slots.begin(), input.slots.end());
  bool growing = false;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const bool daily = can_grow(inputs[i].type) && !ticks_with_now(inputs[i].type) && grows(parameters[i]);
    change.operands.push_back(daily ? parameters[i].slope : b.zero());
    growing |= daily;
  }
  return growing ? after_ticks({TypeKind::date, false, checked::none}, b.node(change, {})) : b.never();
}

NodeId FunctionLowering::table_cell(int32_t row_table, size_t slot, NodeId row) {
  Node read;
  read.op = Op::table_cell;
  read.kind = program.ir().row_tables[static_cast<size_t>(row_table)].output_kinds[slot];
  read.immediate = row_table;
  read.immediate2 = static_cast<int64_t>(slot);
  read.operands = {row};
  return b.node(read, {});
}

/// count, sum, minimum, maximum: the same folds that loops over events have, from the first row to the last.
Value FunctionLowering::folded_row_table(const Table& table, int32_t row_table) {
  using Fold = Aggregate::Fold;
  Aggregate loop;
  loop.walk = Aggregate::Walk::rows;
  loop.row_table = row_table;
  for (const Value& input : scope.parameters) loop.keys.insert(loop.keys.end(), input.slots.begin(), input.slots.end());
  const bool number = !table.outputs.empty() && table.outputs[0].type.kind == TypeKind::number;
  const bool counts = table.policy == HitPolicy::count, sums = table.policy == HitPolicy::sum;
  const bool least = table.policy == HitPolicy::minimum;
  loop.folds = {counts   ? Fold::count
                : sums   ? (number ? Fold::sum_number : Fold::sum)
                : number ? (least ? Fold::minimum_number : Fold::maximum_number)
                         : (least ? Fold::minimum : Fold::maximum)};
  const Kind kind = counts ? Kind::integer : kind_of(table.outputs[0].type);
  if (!counts) {
    FunctionLowering inner(program, made.name + " (loop)", wake);
    inner.made.results = {inner.table_cell(row_table, 0, inner.b.argument(0, Kind::integer, false))};
    inner.made.result_kinds = {kind};
    inner.made.argument_slots = 1;
    inner.made.may_fault = false;
    loop.value_result = 0;
    loop.body = program.body(inner.take());
  }
  Note hits;
  hits.kind = Note::Kind::table;
  hits.name = table.name;
  hits.index = program.ir().row_tables[static_cast<size_t>(row_table)].table;
  hits.slots = loop.keys;
  hits.span = table.span;
  hits.parent = enclosing_condition;
  made.notes.push_back(std::move(hits));
  const NodeId tuple = b.aggregate(std::move(loop), table.span);
  Value result = counts || sums ? fact(b.extract(tuple, 0, kind)) : fact({b.extract(tuple, 0, Kind::boolean), b.extract(tuple, 1, kind)});
  result.wake = row_wake(row_table, TableWake::each, b.zero(), scope.parameters);
  return result;
}

Value FunctionLowering::table_by_row_table(const Table& table, int32_t row_table) {
  if (table.policy == HitPolicy::collect) return fact(std::vector<NodeId>{});  // a list has no slots: it is only walked
  if (!single_hit(table.policy)) return folded_row_table(table, row_table);
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
  size_t slot = 0;
  for (size_t column = 0; column < table.outputs.size(); ++column) {
    Value cell = fact(std::vector<NodeId>{});
    const size_t width = kinds_of(checked, table.outputs[column].type).size();
    for (size_t i = 0; i < width; ++i) cell.slots.push_back(table_cell(row_table, slot++, row));
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
