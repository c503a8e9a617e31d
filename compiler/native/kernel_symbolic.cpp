#include "compiler/native/kernel_symbolic.h"

#include <algorithm>

namespace dunlin::native {

using ir::Kind;
using ir::Op;

namespace {

bool serves_only_wakes(Op op) {
  switch (op) {
    case Op::add_saturating:
    case Op::subtract_saturating:
    case Op::day_start_clamped:
    case Op::calendar_last_day:
    case Op::next_working_day:
    case Op::period_start:
    case Op::period_next:
    case Op::flip:
    case Op::table_wake:
      return true;
    default:
      return false;
  }
}

ColumnType narrowest(int64_t low, int64_t high) {
  if (low >= INT8_MIN && high <= INT8_MAX) return ColumnType::i8;
  if (low >= INT16_MIN && high <= INT16_MAX) return ColumnType::i16;
  if (low >= INT32_MIN && high <= INT32_MAX) return ColumnType::i32;
  return ColumnType::i64;
}

}  // namespace

SymbolicEvaluator::Outcome SymbolicEvaluator::evaluate(checked::RootId root) {
  const auto function = program_.of_root[static_cast<size_t>(root)];
  auto& root_frame = frame(function, {});
  const auto& code = *root_frame.function;
  Outcome outcome{{}, graph_.truth(false)};
  const auto slots = code.results.size() - (code.has_wake ? 1 : 0);
  for (size_t i = 0; i < slots; ++i) {
    const auto slot = value(root_frame, code.results[i]);
    if (slot.self) throw NotColumnar("its value is an instance");
    outcome.slots.push_back(slot.id);
    outcome.fault = graph_.either(outcome.fault, slot.fault);
  }
  return outcome;
}

SymbolicEvaluator::Frame& SymbolicEvaluator::frame(ir::FunctionId function, std::vector<Value> arguments) {
  std::vector<Id> key;
  for (const auto& argument : arguments) key.push_back(argument.self ? -2 : argument.id);
  auto& place = frames_[{function, key}];
  if (!place) {
    const auto& code = program_.functions[static_cast<size_t>(function)];
    place = std::make_unique<Frame>(Frame{&code, std::move(arguments), std::vector<Value>(code.nodes.size())});
  }
  return *place;
}

SymbolicEvaluator::Value SymbolicEvaluator::value(Frame& frame, ir::NodeId id) {
  auto& known = frame.known[static_cast<size_t>(id)];
  if (known.id < 0 && !known.self) known = compute(frame, frame.function->nodes[static_cast<size_t>(id)]);
  return known;
}

SymbolicEvaluator::Value SymbolicEvaluator::compute(Frame& frame, const ir::Node& node) {
  const auto safe = graph_.truth(false);
  switch (node.op) {
    case Op::constant:
      return {node.kind == Kind::boolean ? graph_.truth(node.immediate != 0) : graph_.constant(node.immediate), safe};
    case Op::argument: {
      auto argument = frame.arguments[static_cast<size_t>(node.immediate)];
      argument.fault = safe;  // the caller's
      if (node.kind == Kind::boolean && !argument.self) argument.id = graph_.as_boolean(argument.id);
      return argument;
    }
    case Op::self:
      return {-1, safe, true};
    case Op::now:
      return {graph_.uniform(uniform_now, {INT64_MIN, INT64_MAX}), safe};
    case Op::today:
      return {graph_.uniform(uniform_today, today_range), safe};
    case Op::setting: {
      const auto slot = graph_.uniform(first_setting + node.immediate, {INT64_MIN, INT64_MAX});
      return {node.kind == Kind::boolean ? graph_.as_boolean(slot) : slot, safe};
    }
    case Op::instance_slot: {
      if (!value(frame, node.operands[0]).self) throw NotColumnar("it looks at another instance");
      const auto slot = read_field(node.immediate);
      return {node.kind == Kind::boolean ? graph_.as_boolean(slot) : graph_.as_integer(slot), safe};
    }
    case Op::extract: {
      auto taken = part(frame, node.operands[0], static_cast<size_t>(node.immediate));
      taken.fault = graph_.either(taken.fault, tuple_fault(frame, node.operands[0]));
      if (node.kind == Kind::boolean && !taken.self) taken.id = graph_.as_boolean(taken.id);
      return taken;
    }
    case Op::branch: {
      const auto condition = value(frame, node.operands[0]);
      const auto test = graph_.as_boolean(condition.id);
      if (graph_.is_true(test) || graph_.is_false(test)) {
        auto arm = value(frame, node.operands[graph_.is_true(test) ? 1 : 2]);
        arm.fault = graph_.either(condition.fault, arm.fault);
        return arm;
      }
      const auto then = value(frame, node.operands[1]), otherwise = value(frame, node.operands[2]);
      if (then.self || otherwise.self) throw NotColumnar("it chooses between instances");
      return {choose(test, then, otherwise), graph_.either(condition.fault, graph_.choose(test, then.fault, otherwise.fault))};
    }
    case Op::fault:
      return {node.kind == Kind::boolean ? safe : graph_.constant(0), graph_.truth(true)};
    default:
      return compute_strict(frame, node);
  }
}

/// An arm that always faults has no value: the other one's stands for both.
Id SymbolicEvaluator::choose(Id test, const Value& then, const Value& otherwise) {
  if (graph_.is_true(then.fault)) return otherwise.id;
  if (graph_.is_true(otherwise.fault)) return then.id;
  return graph_.choose(test, then.id, otherwise.id);
}

// ---- tuples --------------------------------------------------------------------------------

SymbolicEvaluator::Frame& SymbolicEvaluator::callee(Frame& caller, const ir::Node& call) {
  const auto& code = program_.functions[static_cast<size_t>(call.function)];
  std::vector<Value> arguments;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const auto operand = value(caller, call.operands[i]);
    if (i == 0 && code.takes_self) {
      if (!operand.self) throw NotColumnar("it asks another instance");
      continue;
    }
    arguments.push_back(operand);
  }
  return frame(call.function, std::move(arguments));
}

SymbolicEvaluator::Value SymbolicEvaluator::part(Frame& frame, ir::NodeId tuple, size_t position) {
  const auto& node = frame.function->nodes[static_cast<size_t>(tuple)];
  switch (node.op) {
    case Op::pack:
      return value(frame, node.operands[position]);
    case Op::call: {
      auto& inner = callee(frame, node);
      return value(inner, inner.function->results[position]);
    }
    case Op::branch: {
      const auto test = graph_.as_boolean(value(frame, node.operands[0]).id);
      if (graph_.is_true(test)) return part(frame, node.operands[1], position);
      if (graph_.is_false(test)) return part(frame, node.operands[2], position);
      const auto then = part(frame, node.operands[1], position), otherwise = part(frame, node.operands[2], position);
      if (then.self || otherwise.self) throw NotColumnar("it chooses between instances");
      return {choose(test, then, otherwise), graph_.choose(test, then.fault, otherwise.fault)};
    }
    case Op::aggregate:
      throw NotColumnar("it looks over a list or the history");
    default:
      throw NotColumnar("it calls a native function");
  }
}

/// Whether evaluating the tuple faults, whichever part is wanted of it. Wakes never add a fault.
Id SymbolicEvaluator::tuple_fault(Frame& frame, ir::NodeId tuple) {
  const auto& node = frame.function->nodes[static_cast<size_t>(tuple)];
  auto fault = graph_.truth(false);
  auto include = [&](Frame& of, ir::NodeId id) {
    try {
      fault = graph_.either(fault, value(of, id).fault);
    } catch (const NotColumnar& reason) {
      if (!reason.only_for_wakes) throw;
    }
  };
  switch (node.op) {
    case Op::pack:
      for (auto operand : node.operands) include(frame, operand);
      return fault;
    case Op::call: {
      auto& inner = callee(frame, node);
      for (auto operand : node.operands) include(frame, operand);
      const auto slots = inner.function->results.size() - (inner.function->has_wake ? 1 : 0);
      for (size_t i = 0; i < slots; ++i) include(inner, inner.function->results[i]);
      return fault;
    }
    case Op::branch: {
      const auto condition = value(frame, node.operands[0]);
      const auto test = graph_.as_boolean(condition.id);
      if (graph_.is_true(test) || graph_.is_false(test)) return graph_.either(condition.fault, tuple_fault(frame, node.operands[graph_.is_true(test) ? 1 : 2]));
      const auto then = tuple_fault(frame, node.operands[1]), otherwise = tuple_fault(frame, node.operands[2]);
      return graph_.either(condition.fault, graph_.choose(test, then, otherwise));
    }
    default:
      return fault;
  }
}

// ---- operations that need all their operands -------------------------------------------------

SymbolicEvaluator::Value SymbolicEvaluator::compute_strict(Frame& frame, const ir::Node& node) {
  if (serves_only_wakes(node.op)) throw NotColumnar("it asks when something changes", true);
  std::vector<Id> x;
  auto fault = graph_.truth(false);
  for (auto operand : node.operands) {
    const auto made = value(frame, operand);
    if (made.self) throw NotColumnar("it looks beyond the row");
    x.push_back(made.id);
    fault = graph_.either(fault, made.fault);
  }
  auto& g = graph_;
  auto arithmetic = [&](KernelOp op, Id a, Id b) -> Value {
    fault = g.either(fault, g.overflows(op, a, b));
    return {op == KernelOp::add ? g.add(a, b) : op == KernelOp::subtract ? g.subtract(a, b) : g.multiply(a, b), fault};
  };
  auto as_integers = [&] {
    for (auto& id : x) id = g.as_integer(id);
  };
  auto division = [&](bool modulo) -> Value {
    const auto zero = g.equal(x[1], g.constant(0));
    const auto overflow = g.both(g.equal(x[0], g.constant(INT64_MIN)), g.equal(x[1], g.constant(-1)));
    fault = g.either(fault, modulo ? zero : g.either(zero, overflow));
    return {modulo ? g.floor_modulo(x[0], x[1]) : g.floor_divide(x[0], x[1]), fault};
  };
  switch (node.op) {
    case Op::add_checked:
      return arithmetic(KernelOp::add, x[0], x[1]);
    case Op::subtract_checked:
      return arithmetic(KernelOp::subtract, x[0], x[1]);
    case Op::multiply_checked:
      return arithmetic(KernelOp::multiply, x[0], x[1]);
    case Op::negate_checked:
      return arithmetic(KernelOp::subtract, g.constant(0), x[0]);
    case Op::add_wrapping:
      return {g.add(g.as_integer(x[0]), g.as_integer(x[1])), fault};
    case Op::subtract_wrapping:
      return {g.subtract(g.as_integer(x[0]), g.as_integer(x[1])), fault};
    case Op::floor_divide:
      return division(false);
    case Op::floor_modulo:
      return division(true);
    case Op::multiply_scaled: {
      const auto product = multiply_scaled(x[0], x[1], node.immediate, fault);
      return {product, fault};
    }
    case Op::minimum:
      return {g.minimum(x[0], x[1]), fault};
    case Op::maximum:
      return {g.maximum(x[0], x[1]), fault};
    case Op::equal:
      return {g.equal(x[0], x[1]), fault};
    case Op::not_equal:
      return {g.negate(g.equal(x[0], x[1])), fault};
    case Op::less:
      return {g.less(x[0], x[1]), fault};
    case Op::less_equal:
      return {g.less_equal(x[0], x[1]), fault};
    case Op::greater:
      return {g.less(x[1], x[0]), fault};
    case Op::greater_equal:
      return {g.less_equal(x[1], x[0]), fault};
    case Op::in_interval:
      as_integers();
      return {g.between(x[0], node.immediate, node.immediate2), fault};
    case Op::logical_and:
      return {g.both(g.as_boolean(x[0]), g.as_boolean(x[1])), fault};
    case Op::logical_or:
      return {g.either(g.as_boolean(x[0]), g.as_boolean(x[1])), fault};
    case Op::logical_not:
      return {g.negate(g.as_boolean(x[0])), fault};
    case Op::select:
      return {g.choose(g.as_boolean(x[0]), x[1], x[2]), fault};
    case Op::table_row:
      as_integers();
      return {table_row(frame, node), fault};
    case Op::table_cell:
      return {table_cell(frame, node), fault};
    case Op::text_constant:
    case Op::equal_text:
    case Op::text_concat:
      throw NotColumnar("it works on texts");
    case Op::builtin:
      throw NotColumnar("it calls a function that has no columnar form");
    default:
      throw NotColumnar("it uses an operation that has no columnar form (" + std::to_string(static_cast<int>(node.op)) + ")");
  }
}

/// (a * b) / scale, half to even, where the product fits 64 bits; a row whose product does not is left to the evaluator.
Id SymbolicEvaluator::multiply_scaled(Id a, Id b, int64_t scale, Id& fault) {
  auto& g = graph_;
  fault = g.either(fault, g.overflows(KernelOp::multiply, a, b));
  const auto product = g.multiply(a, b);
  if (scale == 1) return product;
  const auto divisor = g.constant(scale);
  const auto down = g.floor_divide(product, divisor);
  const auto rest = g.floor_modulo(product, divisor);
  const auto half = g.constant(scale / 2);
  const auto odd = g.equal(g.floor_modulo(down, g.constant(2)), g.constant(1));
  const auto above = g.less(half, rest);
  const auto tie = scale % 2 == 0 ? g.both(g.equal(rest, half), odd) : g.truth(false);
  return g.add(down, g.as_integer(g.either(above, tie)));
}

Id SymbolicEvaluator::read_field(int64_t slot) {
  const auto known = fields_.find(slot);
  if (known != fields_.end()) return known->second;
  for (size_t i = 0; i < entity_.fields.size(); ++i) {
    const auto& field = entity_.fields[i];
    const auto part = slot - field.slot;
    if (part < 0 || part >= checked::slot_count(*program_.checked, field.type)) continue;
    const bool flag = field.type.optional && part == 0;
    const auto& enums = program_.checked->enums;
    Range range{INT64_MIN, INT64_MAX};
    bool boolean = flag;
    using checked::TypeKind;
    switch (field.type.kind) {
      case TypeKind::boolean:
        boolean = true;
        break;
      case TypeKind::enumeration:
        range = {0, static_cast<int64_t>(enums[static_cast<size_t>(field.type.id)].literals.size()) - 1};
        break;
      case TypeKind::stage:
        range = {0, static_cast<int64_t>(program_.checked->stages.size())};
        break;
      case TypeKind::date:
      case TypeKind::time:
        range = {INT32_MIN, INT32_MAX};
        break;
      case TypeKind::integer:
      case TypeKind::decimal:
      case TypeKind::money:
      case TypeKind::datetime:
      case TypeKind::duration:
      case TypeKind::time_range:
        break;
      default:
        throw NotColumnar("it reads `" + field.name + "`, whose type has no columnar form");
    }
    if (field.minimum) range.low = std::max(range.low, *field.minimum);
    if (field.maximum) range.high = std::min(range.high, *field.maximum);
    if (field.type.optional) range = {std::min<int64_t>(range.low, 0), std::max<int64_t>(range.high, 0)};
    if (boolean) range = {0, 1};
    const auto column = static_cast<int64_t>(inputs_.size());
    inputs_.push_back({static_cast<checked::Index>(i), static_cast<int32_t>(part), narrowest(range.low, range.high), range.low, range.high});
    return fields_[slot] = graph_.input(column, range, boolean);
  }
  throw NotColumnar("it reads a slot that no field has");
}

// ---- tables --------------------------------------------------------------------------------

Id SymbolicEvaluator::cell_accepts(const checked::Cell& cell, const ir::RowTable::Input& input, const std::vector<Id>& keys, size_t& key) {
  if (input.text || input.number) throw NotColumnar("a table it asks compares texts or numbers");
  Id known = input.optional ? graph_.as_boolean(keys[key++]) : graph_.truth(true);
  const auto value = keys[key++];
  auto inside = graph_.truth(false);
  for (const auto& interval : cell.intervals) inside = graph_.either(inside, graph_.between(value, interval.low, interval.high));
  return graph_.choose(known, inside, graph_.truth(cell.accepts_missing));
}

/// Each row is a test that every account makes.
constexpr size_t table_rows_max = 256;

Id SymbolicEvaluator::table_row(Frame& frame, const ir::Node& node) {
  const auto& table = program_.row_tables[static_cast<size_t>(node.immediate)];
  const auto& rows = program_.checked->tables[static_cast<size_t>(table.table)].rows;
  if (rows.size() > table_rows_max) throw NotColumnar("a table it asks has more than " + std::to_string(table_rows_max) + " rows");
  std::vector<Id> keys;
  for (auto operand : node.operands) keys.push_back(graph_.as_integer(value(frame, operand).id));
  std::vector<Id> conditions;
  for (auto row : table.order) {
    auto accepted = graph_.truth(true);
    size_t key = 0;
    for (size_t i = 0; i < table.inputs.size(); ++i) {
      const auto inside = cell_accepts(rows[static_cast<size_t>(row)].cells[i], table.inputs[i], keys, key);
      accepted = graph_.both(accepted, inside);
    }
    conditions.push_back(accepted);
  }
  auto hit = graph_.constant(static_cast<int64_t>(rows.size()));
  for (size_t i = conditions.size(); i-- > 0;) hit = graph_.choose(conditions[i], graph_.constant(table.order[i]), hit);
  hits_[{node.immediate, hit}] = std::move(conditions);
  return hit;
}

Id SymbolicEvaluator::table_cell(Frame& frame, const ir::Node& node) {
  const auto& table = program_.row_tables[static_cast<size_t>(node.immediate)];
  const auto& column = table.outputs[static_cast<size_t>(node.immediate2)];
  const auto kind = table.output_kinds[static_cast<size_t>(node.immediate2)];
  if (kind == Kind::pointer || kind == Kind::number) throw NotColumnar("a table it asks gives texts or numbers");
  auto cell = [&](size_t row) {
    const auto slot = row < column.size() ? column[row] : 0;  // no row, and no `otherwise`: the value is not used
    return kind == Kind::boolean ? graph_.truth(slot != 0) : graph_.constant(slot);
  };
  const auto hit = value(frame, node.operands[0]).id;
  const auto rows = program_.checked->tables[static_cast<size_t>(table.table)].rows.size();
  if (const auto conditions = hits_.find({node.immediate, hit}); conditions != hits_.end()) {
    auto chosen = cell(rows);
    for (size_t i = conditions->second.size(); i-- > 0;) chosen = graph_.choose(conditions->second[i], cell(static_cast<size_t>(table.order[i])), chosen);
    return chosen;
  }
  auto chosen = cell(rows);
  for (size_t row = rows; row-- > 0;) chosen = graph_.choose(graph_.equal(hit, graph_.constant(static_cast<int64_t>(row))), cell(row), chosen);
  return chosen;
}

}  // namespace dunlin::native
