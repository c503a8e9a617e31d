// Tables row by row: where a cell or an output is an expression, and where every row counts.
#include <algorithm>
#include <stdexcept>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::HitPolicy;
using checked::Table;
using checked::TableRow;
using checked::Type;
using checked::TypeKind;

Value FunctionLowering::accepts_interval(const Type& type, const checked::Cell::Interval& interval, const Value& input) {
  if (type.kind == TypeKind::boolean) {
    const bool no = interval.low <= 0 && interval.high >= 0, yes = interval.low <= 1 && interval.high >= 1;
    return no && yes ? fact(b.boolean(true)) : yes ? fact(input.slots) : no ? fact(b.logical_not(input.scalar())) : fact(b.boolean(false));
  }
  const bool number = type.kind == TypeKind::number;
  if (!number && !grows(input)) return fact(b.in_interval(input.scalar(), interval.low, interval.high));
  const auto bound = [&](int64_t key) { return fact(number ? b.constant(abi::as_slot(checked::double_of_order_key(key)), Kind::number) : b.constant(key)); };
  Value bare = input;
  bare.wake = b.never();
  const int64_t lowest = number ? checked::order_key_of_double(-__builtin_inf()) : INT64_MIN;
  const int64_t highest = number ? checked::order_key_of_double(__builtin_inf()) : INT64_MAX;
  Value result = fact(b.boolean(true));
  if (interval.low > lowest) result = compare(checked::Op::greater_equal, type, bare, bound(interval.low), {});
  if (interval.high < highest)
    result = both(
        result, [&] { return compare(checked::Op::less_equal, type, bare, bound(interval.high), {}); }, true);
  return result;
}

Value FunctionLowering::accepts_cell(const checked::TableColumn& column, const checked::Cell& cell, const Value& input) {
  if (cell.predicate != checked::none) return call_root(cell.predicate, none, scope.parameters);
  const Type type = column.type.known();
  Value inner = input;
  if (column.type.optional) inner.slots.erase(inner.slots.begin());
  Value result = fact(b.boolean(false));
  if (kind_of(type) == Kind::pointer) {
    for (const auto& text : cell.texts) {
      const NodeId constant = b.leaf(Op::text_constant, Kind::pointer, program.text(text));
      const Value same = compare(checked::Op::equal, type, fact(inner.slots), fact(constant), {});
      result = both(
          result, [&] { return same; }, false);
    }
    if (cell.texts_negated) result = negation(result);
  } else {
    for (const auto& interval : cell.intervals) {
      const Value inside = accepts_interval(type, interval, inner);
      result = both(
          result, [&] { return inside; }, false);
    }
  }
  if (!column.type.optional) return result;
  return choose(input.slots[0], result, fact(b.boolean(cell.accepts_missing)));
}

Value FunctionLowering::accepts(const Table& table, const TableRow& row) {
  Value result = fact(b.boolean(true));
  for (size_t i = 0; i < row.cells.size(); ++i)
    result = both(
        result, [&] { return accepts_cell(table.inputs[i], row.cells[i], scope.parameters[i]); }, true);
  return result;
}

Value FunctionLowering::output(const checked::TableColumn& column, const checked::TableOutput& output) {
  if (output.constant) return constant_slots(column.type, output.slots, output.text);
  return level(column.type, call_root(output.root, none, scope.parameters));
}

Value FunctionLowering::outputs(const Table& table, const TableRow& row) {
  Value result = fact(std::vector<NodeId>{});
  for (size_t i = 0; i < table.outputs.size(); ++i) {
    const Value part = output(table.outputs[i], row.outputs[i]);
    result.slots.insert(result.slots.end(), part.slots.begin(), part.slots.end());
    result.wake = earlier(result.wake, part.wake);
  }
  return result;
}

Value FunctionLowering::no_row(const Table& table) {
  if (table.otherwise) return outputs(table, *table.otherwise);
  std::vector<NodeId> slots;
  for (const auto& column : table.outputs)
    for (const Kind kind : kinds_of(checked, column.type)) slots.push_back(b.fault(abi::Fault::no_table_row, kind, table.span));
  return fact(std::move(slots));
}

/// Tells explanations and coverage which rows accepted; where one is taken it is the first, and `otherwise` accepts after all others.
static void note_rows(FunctionLowering& f, const Table& table, const std::vector<NodeId>& accepted) {
  for (size_t i = 0; i < accepted.size(); ++i) {
    Note hit;
    hit.kind = Note::Kind::table;
    hit.name = table.name;
    hit.slots = {accepted[i]};
    hit.index = static_cast<checked::Index>(&table - f.checked.tables.data());
    hit.row = f.b.constant(static_cast<int64_t>(i));
    hit.span = table.span;
    hit.parent = f.enclosing_condition;
    f.made.notes.push_back(std::move(hit));
  }
}

Value FunctionLowering::first_row(const Table& table, bool one_only) {
  Value result = no_row(table);
  Value later = fact(b.boolean(false));  // whether a row behind accepts, too
  std::vector<NodeId> accepted(table.rows.size());
  for (auto row = table.rows.rbegin(); row != table.rows.rend(); ++row) {
    const Value here = accepts(table, *row);
    accepted[static_cast<size_t>(table.rows.rend() - row) - 1] = here.scalar();
    Value taken = outputs(table, *row);
    if (one_only) {
      Value conflict = taken;
      for (NodeId& slot : conflict.slots) slot = b.fault(abi::Fault::table_conflict, b.at(slot).kind, table.span);
      taken = choose(later.scalar(), conflict, taken);
      taken.wake = earlier(taken.wake, later.wake);
      const Value before = later;
      later = both(
          here, [&] { return before; }, false);
    }
    result = choose(here.scalar(), taken, result);
    result.wake = earlier(here.wake, result.wake);
  }
  if (table.otherwise) accepted.push_back(b.boolean(true));
  note_rows(*this, table, accepted);
  return result;
}

Value FunctionLowering::same_outputs(const Table& table, const Value& a, const Value& c) {
  Value result = fact(b.boolean(true));
  size_t slot = 0;
  for (const auto& column : table.outputs) {
    for (const Kind kind : kinds_of(checked, column.type)) {
      const bool flag = kind == Kind::boolean;
      const Type type = flag ? Type{TypeKind::boolean, false, checked::none} : column.type.known();
      const NodeId left = a.slots[slot], right = c.slots[slot];
      ++slot;
      result = both(
          result, [&] { return fact(compare_nodes(checked::Op::equal, kind, type, left, right)); }, true);
    }
  }
  result.wake = earlier(a.wake, c.wake);
  return result;
}

/// The first row that accepts; the others that do must say the same.
Value FunctionLowering::any_row(const Table& table) {
  Value result = no_row(table);
  std::vector<NodeId> accepted(table.rows.size());
  for (size_t i = table.rows.size(); i-- > 0;) {
    const Value here = accepts(table, table.rows[i]);
    accepted[i] = here.scalar();
    Value taken = outputs(table, table.rows[i]);
    for (size_t j = i + 1; j < table.rows.size(); ++j) {
      const Value other = accepts(table, table.rows[j]);
      const Value differs = both(
          other, [&] { return negation(same_outputs(table, taken, outputs(table, table.rows[j]))); }, true);
      Value conflict = taken;
      for (NodeId& slot : conflict.slots) slot = b.fault(abi::Fault::table_conflict, b.at(slot).kind, table.span);
      taken = choose(differs.scalar(), conflict, taken);
      taken.wake = earlier(taken.wake, differs.wake);
    }
    result = choose(here.scalar(), taken, result);
    result.wake = earlier(here.wake, result.wake);
  }
  note_rows(*this, table, accepted);
  return result;
}

/// Of all rows that accept, the one whose first output is worth most.
Value FunctionLowering::best_row(const Table& table) {
  const Type type = table.outputs[0].type;
  const bool by_literal = type.kind == TypeKind::enumeration || type.kind == TypeKind::stage;
  const auto better = by_literal ? checked::Op::less : checked::Op::greater;
  std::vector<NodeId> nothing = {b.boolean(false)};
  for (const auto& column : table.outputs)
    for (const Kind kind : kinds_of(checked, column.type)) nothing.push_back(b.constant(0, kind));
  Value best = fact(nothing);
  std::vector<NodeId> accepted;
  for (const auto& row : table.rows) {
    const Value here = accepts(table, row);
    accepted.push_back(here.scalar());
    Value candidate = outputs(table, row);
    const NodeId key = candidate.slots[type.optional ? 1 : 0];
    const NodeId wins = compare_nodes(better, kind_of(type), type.known(), key, best.slots[type.optional ? 2 : 1]);
    const NodeId taken = b.choose(best.slots[0], wins, b.boolean(true));
    candidate.slots.insert(candidate.slots.begin(), b.boolean(true));
    candidate.wake = earlier(candidate.wake, best.wake);
    Value kept = best;
    kept.wake = candidate.wake;
    Value next = choose(here.scalar(), choose(taken, candidate, kept), best);
    next.wake = earlier(here.wake, next.wake);
    best = next;
  }
  note_rows(*this, table, accepted);
  const NodeId found = best.slots[0];
  Value taken = best;
  taken.slots.erase(taken.slots.begin());
  taken.wake = b.never();
  Value result = choose(found, taken, no_row(table));
  result.wake = earlier(best.wake, result.wake);
  return result;
}

namespace {

Value row_count(FunctionLowering& f, const Table& table) {
  Value count = f.fact(f.b.zero());
  std::vector<NodeId> accepted;
  for (const auto& row : table.rows) {
    const Value here = f.accepts(table, row);
    accepted.push_back(here.scalar());
    const NodeId one = f.b.choose(here.scalar(), f.b.constant(1), f.b.zero());
    count.slots = {f.b.binary(Op::add_wrapping, Kind::integer, count.scalar(), one)};
    count.wake = f.earlier(count.wake, here.wake);
  }
  note_rows(f, table, accepted);
  return count;
}

Value row_sum(FunctionLowering& f, const Table& table) {
  const Type& type = table.outputs[0].type;
  const bool number = type.kind == TypeKind::number;
  const Value zero = f.fact(f.b.constant(0, number ? Kind::number : Kind::integer));
  Value sum = zero;
  std::vector<NodeId> accepted;
  for (const auto& row : table.rows) {
    const Value here = f.accepts(table, row);
    accepted.push_back(here.scalar());
    const Value part = f.choose(here.scalar(), f.outputs(table, row), zero);
    sum.slots = {f.b.binary(number ? Op::add_number : Op::add_checked, number ? Kind::number : Kind::integer, sum.scalar(), part.scalar(), 0, table.span)};
    sum.wake = f.earlier(sum.wake, f.earlier(here.wake, part.wake));
  }
  note_rows(f, table, accepted);
  return sum;
}

Value row_extreme(FunctionLowering& f, const Table& table, bool smallest) {
  const Type& type = table.outputs[0].type;
  const bool number = type.kind == TypeKind::number;
  const Kind kind = kind_of(type);
  const Op op = number ? (smallest ? Op::minimum_number : Op::maximum_number) : (smallest ? Op::minimum : Op::maximum);
  Value best = f.fact({f.b.boolean(false), f.b.constant(0, kind)});
  std::vector<NodeId> accepted;
  for (const auto& row : table.rows) {
    const Value here = f.accepts(table, row);
    accepted.push_back(here.scalar());
    Value part = f.outputs(table, row);
    const NodeId met = f.b.choose(best.slots[0], f.b.binary(op, kind, best.slots[1], part.scalar()), part.scalar());
    Value next = f.choose(here.scalar(), {{f.b.boolean(true), met}, f.b.zero(), part.wake, 0, {}}, {best.slots, f.b.zero(), f.b.never(), 0, {}});
    next.wake = f.earlier(best.wake, f.earlier(here.wake, next.wake));
    best = next;
  }
  note_rows(f, table, accepted);
  return best;
}

}  // namespace

Value FunctionLowering::folded_rows(const Table& table) {
  switch (table.policy) {
    case HitPolicy::count:
      return row_count(*this, table);
    case HitPolicy::sum:
      return row_sum(*this, table);
    default:
      return row_extreme(*this, table, table.policy == HitPolicy::minimum);
  }
}

Value FunctionLowering::table_by_rows(const Table& table) {
  switch (table.policy) {
    case HitPolicy::unique:
      return first_row(table, true);
    case HitPolicy::first:
      return first_row(table, false);
    case HitPolicy::any:
      return any_row(table);
    case HitPolicy::priority:
      return best_row(table);
    case HitPolicy::collect:
      return fact(std::vector<NodeId>{});  // a list has no slots: it is only walked
    default:
      return folded_rows(table);
  }
}

}  // namespace dunlin::ir
