// Queries over events, lists and rows of tables: the loop, its body, and the instant at which the first counted event leaves its window.
#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::AggregateFunction;
using checked::Expr;
using checked::Type;
using checked::TypeKind;
using Fold = Aggregate::Fold;
using Window = checked::Aggregate::Window;

namespace {

bool may_be_missing(AggregateFunction function) {
  switch (function) {
    case AggregateFunction::minimum:
    case AggregateFunction::maximum:
    case AggregateFunction::average:
    case AggregateFunction::first:
    case AggregateFunction::last:
      return true;
    default:
      return false;
  }
}

Fold main_fold(const checked::Aggregate& query) {
  const bool number = query.value && query.value->type.kind == TypeKind::number;
  switch (query.function) {
    case AggregateFunction::count:
      return Fold::count;
    case AggregateFunction::count_days:
      return Fold::count_days;
    case AggregateFunction::sum:
      return number ? Fold::sum_number : Fold::sum;
    case AggregateFunction::minimum:
      return number ? Fold::minimum_number : Fold::minimum;
    case AggregateFunction::maximum:
      return number ? Fold::maximum_number : Fold::maximum;
    case AggregateFunction::average:
      return number ? Fold::average_number : Fold::average;
    case AggregateFunction::exists:
    case AggregateFunction::all:  // not exists (not …)
      return Fold::exists;
    case AggregateFunction::first:
      return Fold::first;
    case AggregateFunction::last:
      return query.source == checked::Aggregate::Source::rows ? Fold::first : Fold::last;  // walked from the end
  }
  return Fold::count;
}

/// Builds one loop.
class Loop {
 public:
  Loop(FunctionLowering& f, const Expr& expr) : f_(f), expr_(expr), query_(*expr.aggregate) {}

  Value lower(std::optional<NodeId> at_least) {
    walk();
    window();
    body();
    loop_.folds.push_back(main_fold(query_));
    if (f_.wake) wake_folds(at_least);
    return results();
  }

 private:
  void walk() {
    if (query_.source == checked::Aggregate::Source::rows) return walk_rows();
    const bool events = query_.source == checked::Aggregate::Source::events;
    const bool whole = events && (query_.scope == checked::Aggregate::Scope::case_file ||
                                  (query_.scope == checked::Aggregate::Scope::subtree && query_.owner && query_.owner->type.id == 0));
    if (query_.owner && !whole) {
      const Value owner = f_.lower(*query_.owner);
      loop_.owner = owner.scalar();
      wake_ = owner.wake;
    } else {
      wake_ = f_.b.never();
    }
    if (!events) {
      loop_.walk = Aggregate::Walk::list;
      loop_.child_position = f_.checked.entities[static_cast<size_t>(query_.element_entity)].child_position;
      return;
    }
    loop_.walk = whole                                                ? Aggregate::Walk::case_events
                 : query_.scope == checked::Aggregate::Scope::subtree ? Aggregate::Walk::subtree_events
                                                                      : Aggregate::Walk::own_events;
    loop_.event_types = query_.event_types;
  }

  void walk_rows() {
    const Expr& call = *query_.owner;
    std::vector<Type> types, given;
    for (const auto& column : f_.checked.tables[static_cast<size_t>(call.index)].inputs) types.push_back(column.type);
    bool sloped = false;
    const auto arguments = f_.bounded(f_.arguments_of(call.args, given), types, sloped);
    loop_.walk = Aggregate::Walk::rows;
    loop_.row_table = f_.program.row_table(call.index);
    loop_.stops = query_.function == AggregateFunction::exists || query_.function == AggregateFunction::all || query_.function == AggregateFunction::first ||
                  query_.function == AggregateFunction::last;
    loop_.backwards = query_.function == AggregateFunction::last;
    wake_ = f_.b.never();
    for (const Value& argument : arguments) {
      loop_.keys.insert(loop_.keys.end(), argument.slots.begin(), argument.slots.end());
      wake_ = f_.earlier(wake_, argument.wake);
    }
    if (f_.wake) wake_ = f_.earlier(wake_, f_.row_wake(loop_.row_table, TableWake::each, f_.b.zero(), arguments));
  }

  /// What a row says, read in the function `f`.
  Value row_values(FunctionLowering& f, NodeId row) const {
    Value values = f.fact(std::vector<NodeId>{});
    const size_t slots = f.program.ir().row_tables[static_cast<size_t>(loop_.row_table)].output_kinds.size();
    for (size_t slot = 0; slot < slots; ++slot) values.slots.push_back(f.table_cell(loop_.row_table, slot, row));
    return values;
  }

  NodeId date_start(NodeId date) { return f_.b.unary(Op::day_start_clamped, Kind::integer, date); }

  void window() {
    auto& b = f_.b;
    const NodeId today = b.leaf(Op::today, Kind::integer);
    switch (query_.window) {
      case Window::unlimited:
        return;
      case Window::days: {
        const Value days = f_.level(query_.window_value->type, f_.lower(*query_.window_value));
        wake_ = f_.earlier(wake_, days.wake);
        const NodeId tomorrow = b.binary(Op::add_wrapping, Kind::integer, today, b.constant(1));
        loop_.window_low = date_start(b.binary(Op::subtract_saturating, Kind::integer, tomorrow, days.scalar()));
        loop_.window_low_included = true;
        loop_.window_value = days.scalar();
        return;
      }
      case Window::exact: {
        const Value length = f_.level(query_.window_value->type, f_.lower(*query_.window_value));
        wake_ = f_.earlier(wake_, length.wake);
        const NodeId exact = b.binary(Op::equal, Kind::boolean, f_.unit_of(length.scalar()), b.zero());
        const NodeId amount = b.binary(Op::floor_divide, Kind::integer, length.scalar(), b.constant(8));
        loop_.window_value = b.choose(exact, amount, b.fault(abi::Fault::bad_argument, Kind::integer, query_.window_value->span));
        loop_.window_low = b.binary(Op::subtract_saturating, Kind::integer, b.leaf(Op::now, Kind::integer), loop_.window_value);
        loop_.window_in_days = false;
        return;
      }
      case Window::since: {
        Value from = f_.lower(*query_.window_value);
        const bool optional = query_.window_value->type.optional;
        if (f_.wake && !optional && b.is_constant(from.slope, 1)) {  // it moves with the clock: an exact window
          loop_.window_value = b.binary(Op::subtract_wrapping, Kind::integer, b.leaf(Op::now, Kind::integer), from.scalar());
          loop_.window_in_days = false;
        } else {
          from = f_.level(query_.window_value->type.known(), from);
        }
        wake_ = f_.earlier(wake_, from.wake);
        loop_.window_low = optional ? b.choose(from.slots[0], from.slots[1], b.never()) : from.scalar();
        return;
      }
      case Window::calendar: {
        const auto period = static_cast<int64_t>(query_.calendar);
        loop_.window_low = date_start(b.unary(Op::period_start, Kind::integer, today, period));
        loop_.window_low_included = true;
        period_end_ = date_start(b.unary(Op::period_next, Kind::integer, today, period));
        return;
      }
    }
  }

  /// A body gives what it has: accept, value, order keys, wake. Value and keys are 0 where it does not accept.
  void body() {
    if (!query_.where && !query_.value && query_.order.empty()) return;
    FunctionLowering inner(f_.program, f_.made.name + " (loop)", f_.wake);
    inner.outer = &f_;
    inner.scope.captures = true;
    const bool rows = query_.source == checked::Aggregate::Source::rows;
    const NodeId element = inner.b.argument(0, rows ? Kind::integer : Kind::pointer, !rows);
    inner.scope.locals[query_.local] = rows ? row_values(inner, element) : inner.fact(element);
    inner.next_argument = 1;
    Value accept = inner.fact(inner.b.boolean(true));
    if (query_.where) {
      accept = inner.lower(*query_.where);
      if (query_.function == AggregateFunction::all) accept = inner.negation(accept);
    }
    const NodeId accept_wake = accept.wake;
    Value keys = inner.fact(std::vector<NodeId>{});
    if (query_.value) {
      loop_.value_result = static_cast<int32_t>(keys.slots.size());
      append(inner, keys, inner.level(query_.value->type, inner.lower(*query_.value)));
      if (query_.function == AggregateFunction::average && query_.value->type.kind == TypeKind::integer) loop_.scale = 1'000'000;
    }
    for (const auto& key : query_.order) order_key(inner, keys, key);
    Value nothing = inner.fact(std::vector<NodeId>{});
    for (const NodeId slot : keys.slots) nothing.slots.push_back(inner.b.constant(0, inner.b.at(slot).kind));
    keys = inner.choose(accept.scalar(), keys, nothing);
    finish_body(inner, accept, keys, inner.earlier(accept_wake, keys.wake));
  }

  static void append(FunctionLowering& inner, Value& keys, const Value& part) {
    keys.slots.insert(keys.slots.end(), part.slots.begin(), part.slots.end());
    keys.wake = inner.earlier(keys.wake, part.wake);
  }

  void add_order(int32_t result, bool descending, Kind kind) {
    loop_.order_results.push_back(result);
    loop_.order_descending.push_back(descending ? 1 : 0);
    loop_.order_number.push_back(kind == Kind::number ? 1 : kind == Kind::pointer ? 2 : 0);
  }

  /// What is missing comes last, whichever way the order runs.
  void order_key(FunctionLowering& inner, Value& keys, const checked::Aggregate::OrderKey& key) {
    const Value value = inner.level(key.key->type.known(), inner.lower(*key.key));
    const auto first = static_cast<int32_t>(keys.slots.size());
    append(inner, keys, value);
    if (key.key->type.optional) add_order(first, true, Kind::boolean);
    add_order(first + (key.key->type.optional ? 1 : 0), key.descending, kind_of(key.key->type));
  }

  void finish_body(FunctionLowering& inner, const Value& accept, const Value& keys, NodeId wake) {
    std::vector<NodeId> results;
    if (query_.where) {
      loop_.accept_result = 0;
      results.push_back(accept.scalar());
    }
    const auto offset = static_cast<int32_t>(results.size());
    if (loop_.value_result != none) loop_.value_result += offset;
    for (auto& result : loop_.order_results) result += offset;
    results.insert(results.end(), keys.slots.begin(), keys.slots.end());
    if (!inner.b.is_constant(wake, abi::never)) {
      loop_.wake_result = static_cast<int32_t>(results.size());
      results.push_back(wake);
      inner.made.has_wake = true;
    }
    inner.made.results = results;
    for (const NodeId result : results) inner.made.result_kinds.push_back(inner.b.at(result).kind);
    inner.made.argument_slots = inner.next_argument;
    inner.made.may_fault = false;
    for (const NodeId result : results) inner.made.may_fault |= inner.b.may_fault(result);
    loop_.captured = inner.captured_nodes;
    for (const NodeId wake_outside : inner.captured_wakes) wake_ = f_.earlier(wake_, wake_outside);
    loop_.body = f_.program.body(inner.take());
  }

  void wake_folds(std::optional<NodeId> at_least) {
    if (loop_.wake_result != none) add_wake(Fold::wake_body);
    if (query_.source != checked::Aggregate::Source::events) return;
    if (query_.window == Window::calendar) {
      if_any_ = static_cast<int32_t>(next_result());
      loop_.folds.push_back(Fold::exists);
    }
    if (loop_.window_value == none) return;
    if (at_least) {
      loop_.nth = *at_least;
      add_wake(Fold::nth_oldest_leaves);
      return;
    }
    const bool latest = query_.order.empty() && (query_.function == AggregateFunction::exists || query_.function == AggregateFunction::all ||
                                                 query_.function == AggregateFunction::last);
    add_wake(latest ? Fold::leave_last : loop_.window_in_days ? Fold::leave_days : Fold::leave_exact);
  }

  int64_t next_result() const {
    int64_t count = 0;
    for (const Fold fold : loop_.folds) count += fold_results(fold);
    return count;
  }

  void add_wake(Fold fold) {
    wake_results_.push_back(next_result());
    loop_.folds.push_back(fold);
  }

  Value results() {
    auto& b = f_.b;
    const bool pair = may_be_missing(query_.function);
    const Kind kind = query_.value ? kind_of(query_.value->type) : Kind::integer;
    const auto wake_results = wake_results_;
    const NodeId tuple = b.aggregate(loop_, expr_.span);
    Value result = f_.fact(std::vector<NodeId>{});
    if (pair) {
      const bool element = query_.function == AggregateFunction::first || query_.function == AggregateFunction::last;
      const bool rows = query_.source == checked::Aggregate::Source::rows;
      result.slots = {b.extract(tuple, 0, Kind::boolean), b.extract(tuple, 1, element ? (rows ? Kind::integer : Kind::pointer) : kind)};
      if (element && rows) result.slots = row_found(result.slots[0], result.slots[1]);
    } else if (main_fold(query_) == Fold::exists) {
      const NodeId found = b.extract(tuple, 0, Kind::boolean);
      result.slots = {query_.function == AggregateFunction::all ? b.logical_not(found) : found};
    } else {
      result.slots = {b.extract(tuple, 0, main_fold(query_) == Fold::sum_number ? Kind::number : Kind::integer)};
    }
    result.wake = wake_;
    for (const int64_t index : wake_results) result.wake = f_.earlier(result.wake, b.extract(tuple, index, Kind::integer));
    if (if_any_) result.wake = f_.earlier(result.wake, b.select(b.extract(tuple, *if_any_, Kind::boolean), period_end_, b.never()));
    if (expr_.type.kind == TypeKind::duration) result.unit.reset();
    return result;
  }

  /// Of the row found what it says, as an optional value; zeros where there is none.
  std::vector<NodeId> row_found(NodeId any, NodeId row) {
    auto& b = f_.b;
    std::vector<NodeId> slots = row_values(f_, row).slots;
    if (f_.checked.lists[static_cast<size_t>(query_.owner->type.id)].optional) slots.erase(slots.begin());  // only rows that know their value were taken
    for (NodeId& slot : slots) slot = b.choose(any, slot, b.constant(0, b.at(slot).kind));
    slots.insert(slots.begin(), any);
    return slots;
  }

  FunctionLowering& f_;
  const Expr& expr_;
  const checked::Aggregate& query_;
  Aggregate loop_;
  NodeId wake_ = none;
  NodeId period_end_ = none;
  std::optional<int32_t> if_any_;
  std::vector<int64_t> wake_results_;
};

const char* function_name(AggregateFunction function) {
  static const char* const names[] = {"count", "count days", "sum", "min", "max", "avg", "exists", "all", "first", "last"};
  return names[static_cast<size_t>(function)];
}

}  // namespace

Value FunctionLowering::aggregate(const Expr& expr, std::optional<NodeId> at_least) {
  const Value value = Loop(*this, expr).lower(at_least);
  const auto& query = *expr.aggregate;
  std::string of;
  if (query.source == checked::Aggregate::Source::rows) {
    of = checked.tables[static_cast<size_t>(query.owner->index)].name;
  } else if (query.source == checked::Aggregate::Source::list) {
    of = checked.entities[static_cast<size_t>(query.element_entity)].name;
  } else {
    for (const auto type : query.event_types) of += (of.empty() ? "" : ", ") + checked.events[static_cast<size_t>(type)].name;
  }
  note(Note::Kind::aggregate, std::string(function_name(query.function)) + "(" + of + ")", expr.type, value.slots, expr.span);
  return value;
}

}  // namespace dunlin::ir
