// Calls: of derived fields, functions and tables, which are functions of their own and shared; and of built-in and native ones.
#include <algorithm>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Builtin;
using checked::Expr;
using checked::Type;
using checked::TypeKind;

namespace {

/// Bodies up to this many expressions are written in place: then they share with what is around them, and their slopes are known.
constexpr int inline_size_max = 24;

bool repeats(checked::Op op) { return op == checked::Op::aggregate || op == checked::Op::table || op == checked::Op::native; }

/// Size with everything it refers to; more than the limit where it has loops or tables.
int size_of(const checked::Program& program, const Expr& expr, int left) {
  if (left <= 0 || repeats(expr.op)) return inline_size_max + 1;
  int size = 1;
  for (const auto& argument : expr.args) {
    size += size_of(program, *argument, left - size);
    if (size > left) return inline_size_max + 1;
  }
  checked::RootId root = checked::none;
  if (expr.op == checked::Op::function) root = program.functions[static_cast<size_t>(expr.index)].root;
  if (expr.op == checked::Op::derived) root = program.entities[static_cast<size_t>(expr.args[0]->type.id)].derived[static_cast<size_t>(expr.index)].root;
  if (root != checked::none) size += size_of(program, *program.roots[static_cast<size_t>(root)].body, left - size);
  return size;
}

bool small(const checked::Program& program, checked::RootId root) {
  return size_of(program, *program.roots[static_cast<size_t>(root)].body, inline_size_max) <= inline_size_max;
}

}  // namespace

Value FunctionLowering::call(FunctionId function, bool slope_result, const Type& type, NodeId self, const std::vector<Value>& arguments,
                             const std::vector<Type>& types, bool slope_arguments) {
  Node made_call;
  made_call.op = Op::call;
  made_call.kind = Kind::tuple;
  made_call.function = function;
  if (self != none) made_call.operands.push_back(self);
  for (const Value& argument : arguments) made_call.operands.insert(made_call.operands.end(), argument.slots.begin(), argument.slots.end());
  if (slope_arguments) {
    for (size_t i = 0; i < arguments.size(); ++i)
      if (can_grow(types[i])) made_call.operands.push_back(arguments[i].slope);
  }
  const NodeId tuple = b.node(made_call, {});
  const auto kinds = kinds_of(checked, type);
  Value result = fact(std::vector<NodeId>{});
  for (size_t i = 0; i < kinds.size(); ++i) result.slots.push_back(b.extract(tuple, static_cast<int64_t>(i), kinds[i]));
  if (!wake) return result;
  int64_t next = static_cast<int64_t>(kinds.size());
  if (slope_result) {
    const auto& body = program.ir().functions[static_cast<size_t>(function)];
    const NodeId inner = body.results[static_cast<size_t>(next)];
    const Node& inner_node = body.nodes[static_cast<size_t>(inner)];
    // A slope that is constant inside is so here.
    result.slope = inner_node.op == Op::constant ? b.constant(inner_node.immediate) : b.extract(tuple, next, Kind::integer);
    result.slope_max = program.slope_max[function];
    ++next;
  }
  const auto& body = program.ir().functions[static_cast<size_t>(function)];
  const Node& wake_node = body.nodes[static_cast<size_t>(body.results.back())];
  result.wake = wake_node.op == Op::constant ? b.constant(wake_node.immediate) : b.extract(tuple, next, Kind::integer);
  for (const Value& argument : arguments) result.wake = earlier(result.wake, argument.wake);
  return result;
}

std::vector<Value> FunctionLowering::arguments_of(const std::vector<checked::ExprPtr>& arguments, std::vector<Type>& types) {
  std::vector<Value> values;
  for (const auto& argument : arguments) {
    values.push_back(lower(*argument));
    types.push_back(argument->type);
  }
  return values;
}

std::vector<Value> FunctionLowering::bounded(std::vector<Value> arguments, const std::vector<Type>& types, bool& sloped) {
  sloped = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!grows(arguments[i])) continue;
    if (!can_grow(types[i]) || arguments[i].slope_max > argument_slope_limit) {
      arguments[i] = level(types[i], arguments[i]);
    } else {
      sloped = true;
    }
  }
  return arguments;
}

Value FunctionLowering::inlined(checked::RootId root, NodeId self, std::vector<Value> arguments) {
  Scope inner;
  inner.self = self;
  inner.parameters = std::move(arguments);
  inner.strategy = checked.roots[static_cast<size_t>(root)].strategy;
  std::swap(scope, inner);
  Value value = lower(*checked.roots[static_cast<size_t>(root)].body);
  std::swap(scope, inner);
  return value;
}

Value FunctionLowering::call_root(checked::RootId root_id, NodeId self, std::vector<Value> arguments) {
  const auto& root = checked.roots[static_cast<size_t>(root_id)];
  const bool lazy_is_fine = std::none_of(arguments.begin(), arguments.end(), [&](const Value& value) {
    return std::any_of(value.slots.begin(), value.slots.end(), [&](NodeId slot) { return b.may_fault(slot); });
  });
  if (lazy_is_fine && small(checked, root_id)) return inlined(root_id, self, std::move(arguments));
  bool sloped = false;
  arguments = bounded(std::move(arguments), root.parameters, sloped);
  const Variant variant{wake, wake && can_grow(root.type), wake && sloped};
  return call(program.of_root(root_id, variant), variant.slope_result, root.type, root.self_entity == checked::none ? none : self, arguments, root.parameters,
              variant.slope_arguments);
}

Value FunctionLowering::derived(const Expr& expr) {
  const Value owner = lower(*expr.args[0]);
  const auto& entity = checked.entities[static_cast<size_t>(expr.args[0]->type.id)];
  const auto& field = entity.derived[static_cast<size_t>(expr.index)];
  Value value;
  if (field.root != checked::none) {
    value = call_root(field.root, owner.scalar(), {});
  } else {
    const Variant variant{wake, false, false};
    value = call(program.of_segmentation(field.segmentation, variant), false, field.type, owner.scalar(), {}, {}, false);
  }
  value.wake = earlier(value.wake, owner.wake);
  note(Note::Kind::derived, entity.name + "." + field.name, field.type, value.slots, expr.span, owner.scalar());
  return value;
}

Value FunctionLowering::function_call(const Expr& expr) {
  std::vector<Type> types;
  const auto& function = checked.functions[static_cast<size_t>(expr.index)];
  const Value value = call_root(function.root, none, arguments_of(expr.args, types));
  note(Note::Kind::function, function.name, expr.type, value.slots, expr.span);
  return value;
}

Value FunctionLowering::table_call(const Expr& expr) {
  const auto& table = checked.tables[static_cast<size_t>(expr.index)];
  std::vector<Type> types;
  for (const auto& column : table.inputs) types.push_back(column.type);
  std::vector<Type> given;
  bool sloped = false;
  const auto arguments = bounded(arguments_of(expr.args, given), types, sloped);
  const Variant variant{wake, false, wake && sloped};
  const Value value = call(program.of_table(expr.index, variant), false, table.result, none, arguments, types, variant.slope_arguments);
  note(Note::Kind::function, table.name, expr.type, value.slots, expr.span);
  return value;
}

Value FunctionLowering::native_call(const Expr& expr) {
  const auto& native = checked.natives[static_cast<size_t>(expr.index)];
  Node made_call;
  made_call.op = Op::native;
  made_call.kind = Kind::tuple;
  made_call.immediate = expr.index;
  NodeId wakes = b.never();
  for (const auto& argument : expr.args) {
    const Value value = lower(*argument);
    made_call.operands.insert(made_call.operands.end(), value.slots.begin(), value.slots.end());
    wakes = earlier(wakes, changes(argument->type, value));
  }
  const NodeId tuple = b.node(made_call, expr.span);
  Value result = fact(std::vector<NodeId>{});
  for (const Kind kind : kinds_of(checked, native.result)) result.slots.push_back(b.extract(tuple, static_cast<int64_t>(result.slots.size()), kind));
  result.wake = wakes;
  note(Note::Kind::native, native.name, expr.type, result.slots, expr.span);
  return result;
}

Value FunctionLowering::absolute(const Type& type, const Value& value, Span span) {
  const bool number = type.kind == TypeKind::number;
  const Value zero = fact(number ? b.constant(abi::as_slot(0.0), Kind::number) : b.zero());
  Value sign =
      fact(number ? b.binary(Op::less_number, Kind::boolean, value.scalar(), zero.scalar()) : b.binary(Op::less, Kind::boolean, value.scalar(), zero.scalar()));
  if (!number && type.kind != TypeKind::duration) sign = compare(checked::Op::less, type, value, zero, span);
  Value source = type.kind == TypeKind::duration ? level(type, value) : value;
  Value inner = source;
  inner.wake = b.never();
  Value result = choose(sign.scalar(), negate(type, inner, span), inner);
  result.wake = earlier(earlier(sign.wake, source.wake), result.wake);
  return result;
}

/// business_days(a, b): where b is a day that moves with today, it changes on working days only.
Value FunctionLowering::working_days(const Expr& expr) {
  const Type& type = expr.args[0]->type;
  const Value from = level(type, lower(*expr.args[0]));
  Value to = lower(*expr.args[1]);
  const bool moves = b.is_constant(to.slope, 1);
  if (!moves) to = level(type, to);
  Node made_call;
  made_call.op = Op::builtin;
  made_call.immediate = static_cast<int64_t>(Builtin::business_days);
  made_call.operands = {from.scalar(), to.scalar()};
  Value result = fact(b.node(made_call, expr.span));
  result.wake = earlier(from.wake, to.wake);
  if (!moves) return result;
  const NodeId next = b.unary(Op::next_working_day, Kind::integer, to.scalar());
  result.wake = earlier(result.wake, after_ticks(type, b.binary(Op::subtract_wrapping, Kind::integer, next, to.scalar())));
  return result;
}

Value FunctionLowering::builtin_call(const Expr& expr) {
  const auto argument = [&](size_t i) { return lower(*expr.args[i]); };
  switch (static_cast<Builtin>(expr.index)) {
    case Builtin::days: {
      const Value from = argument(0), to = argument(1);
      Value result = fact(b.binary(Op::subtract_wrapping, Kind::integer, to.scalar(), from.scalar()));
      result.wake = earlier(from.wake, to.wake);
      return with_slope(expr.type, result, slope_sum(to.slope, from.slope, true), from.slope_max + to.slope_max);
    }
    case Builtin::business_days:
      return working_days(expr);
    case Builtin::date_of:
      if (expr.args[0]->op == checked::Op::now) {
        Value today = fact(b.leaf(Op::today, Kind::integer));
        return wake ? with_slope(expr.type, today, b.constant(1), 1) : today;
      }
      return plain(expr, Op::date_of, Kind::integer);
    case Builtin::start_of:
      return plain(expr, Op::day_start, Kind::integer);
    case Builtin::weekday_of: {
      Value date = level(expr.args[0]->type, argument(0));
      const NodeId from_monday =
          b.binary(Op::floor_modulo, Kind::integer, b.binary(Op::add_wrapping, Kind::integer, date.scalar(), b.constant(3)), b.constant(7));
      date.slots = {b.binary(Op::add_wrapping, Kind::integer, from_monday, b.constant(1))};
      return date;
    }
    case Builtin::floor_div:
      return plain(expr, Op::floor_divide, Kind::integer);
    case Builtin::modulo:
      return plain(expr, Op::floor_modulo, Kind::integer);
    case Builtin::absolute:
      return absolute(expr.type, argument(0), expr.span);
    case Builtin::minimum:
    case Builtin::maximum: {
      const Value left = argument(0), right = argument(1);
      return smaller(expr.type, left, right, static_cast<Builtin>(expr.index) == Builtin::minimum);
    }
    case Builtin::clamp: {
      const Value value = argument(0), low = argument(1), high = argument(2);
      return smaller(expr.type, smaller(expr.type, value, low, false), high, true);
    }
    case Builtin::to_int: {
      Value value = level(expr.args[0]->type, argument(0));
      value.slots = {b.binary(Op::floor_divide, Kind::integer, value.scalar(), b.constant(1'000'000))};
      return value;
    }
    case Builtin::to_number:
      return plain(expr, Op::scaled_to_number, Kind::number);
    case Builtin::money_units:
    case Builtin::money_of_units:
      return argument(0);
    default:
      return plain(expr, Op::builtin, kind_of(expr.type), expr.index);
  }
}

}  // namespace dunlin::ir
