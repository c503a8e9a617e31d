// Arithmetic: exact, checked, and with the slope of the result where it is linear.
#include <algorithm>
#include <cstdlib>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using abi::DurationUnit;
using checked::Expr;
using checked::Type;
using checked::TypeKind;

namespace {
constexpr int64_t million = 1'000'000;
constexpr int64_t packing = 8;  // of a duration: amount * 8 + unit
}  // namespace

/// One operation over all operands; not linear in any of them.
Value FunctionLowering::plain(const Expr& expr, Op op, Kind kind, int64_t immediate) {
  Node made;
  made.op = op;
  made.kind = kind;
  made.immediate = immediate;
  NodeId wakes = b.never();
  for (const auto& argument : expr.args) {
    const Value value = lower(*argument);
    made.operands.push_back(value.scalar());
    wakes = earlier(wakes, changes(argument->type, value));
  }
  Value result = fact(b.node(made, expr.span));
  result.wake = wakes;
  return result;
}

Value FunctionLowering::sum(const Type& type, const Value& left, const Value& right, bool subtract, Span span) {
  Value result = fact(b.binary(subtract ? Op::subtract_checked : Op::add_checked, Kind::integer, left.scalar(), right.scalar(), 0, span));
  result.wake = earlier(left.wake, right.wake);
  const Value sloped = with_slope(type, result, slope_sum(left.slope, right.slope, subtract), left.slope_max + right.slope_max);
  return guarded(type, sloped);
}

Value FunctionLowering::add_subtract(const Expr& expr) {
  const bool subtract = expr.op == checked::Op::subtract;
  const Type& left_type = expr.args[0]->type;
  const Type& right_type = expr.args[1]->type;
  if (expr.type.kind == TypeKind::number) return plain(expr, subtract ? Op::subtract_number : Op::add_number, Kind::number);
  const Value left = lower(*expr.args[0]);
  Value right = lower(*expr.args[1]);
  if (right_type.kind == TypeKind::duration) {
    if (subtract) right = negated_duration(right, expr.span);
    return left_type.kind == TypeKind::duration ? durations(left, right, expr.span) : date_and_duration(expr, left, right);
  }
  if (left_type.kind == TypeKind::date) {  // date - date: days
    Value result = fact(b.binary(Op::subtract_wrapping, Kind::integer, left.scalar(), right.scalar()));
    result.wake = earlier(left.wake, right.wake);
    return with_slope(expr.type, result, slope_sum(left.slope, right.slope, true), left.slope_max + right.slope_max);
  }
  if (left_type.kind == TypeKind::datetime) {  // exact duration
    const Value apart = sum(left_type, left, right, true, expr.span);
    Value result = product(left_type, apart, fact(b.constant(packing)), expr.span);
    result.unit = DurationUnit::microsecond;
    return result;
  }
  return sum(expr.type, left, right, subtract, expr.span);
}

Value FunctionLowering::product(const Type& type, const Value& left, const Value& right, Span span) {
  Value result = fact(b.binary(Op::multiply_checked, Kind::integer, left.scalar(), right.scalar(), 0, span));
  result.wake = earlier(left.wake, right.wake);
  if (!grows(left) && !grows(right)) return result;
  const Value& growing = grows(left) ? left : right;
  const auto factor = b.constant_of(grows(left) ? right.scalar() : left.scalar());
  if (factor && *factor > -slope_limit && std::abs(*factor) < slope_limit && growing.slope_max * std::max<int64_t>(1, std::abs(*factor)) <= slope_limit)
    return guarded(type, with_slope(type, result, scaled_slope(growing.slope, *factor), growing.slope_max * std::abs(*factor)));
  result.wake = earlier(changes(type, left), changes(type, right));
  return result;
}

Value FunctionLowering::multiply(const Expr& expr) {
  const TypeKind left = expr.args[0]->type.kind;
  const TypeKind right = expr.args[1]->type.kind;
  if (expr.type.kind == TypeKind::number) return plain(expr, Op::multiply_number, Kind::number);
  if (right == TypeKind::decimal) return plain(expr, Op::multiply_scaled, Kind::integer, million);
  const Value a = lower(*expr.args[0]);
  const Value c = lower(*expr.args[1]);
  if (left != TypeKind::duration) return product(expr.type, a, c, expr.span);
  // The amount is multiplied, the unit stays.
  const NodeId unit = unit_of(a.scalar());
  const NodeId amount = b.binary(Op::subtract_wrapping, Kind::integer, a.scalar(), unit);
  const Value times = level(expr.args[1]->type, c);
  const Value length = level(expr.args[0]->type, a);
  const NodeId scaled = b.binary(Op::multiply_checked, Kind::integer, amount, times.scalar(), 0, expr.span);
  Value result = fact(b.binary(Op::add_wrapping, Kind::integer, scaled, unit));
  result.wake = earlier(length.wake, times.wake);
  result.unit = a.unit;
  return result;
}

Value FunctionLowering::divide(const Expr& expr) {
  const TypeKind left = expr.args[0]->type.kind;
  const TypeKind right = expr.args[1]->type.kind;
  if (expr.type.kind == TypeKind::number) return plain(expr, Op::divide_number, Kind::number);
  const bool money_by_int = left == TypeKind::money && right == TypeKind::integer;
  return plain(expr, Op::divide_scaled, Kind::integer, money_by_int ? 1 : million);
}

Value FunctionLowering::negate(const Type& type, const Value& value, Span span) {
  if (type.kind == TypeKind::number) {
    Value result = fact(b.unary(Op::negate_number, Kind::number, value.scalar(), 0, span));
    result.wake = value.wake;
    return result;
  }
  if (type.kind == TypeKind::duration) return negated_duration(value, span);
  Value result = fact(b.unary(Op::negate_checked, Kind::integer, value.scalar(), 0, span));
  if (const auto known = b.constant_of(value.scalar()); known && *known != INT64_MIN) result.slots = {b.constant(-*known)};
  result.wake = value.wake;
  return guarded(type, with_slope(type, result, slope_sum(b.zero(), value.slope, true), value.slope_max));
}

NodeId FunctionLowering::unit_of(NodeId duration) { return b.binary(Op::floor_modulo, Kind::integer, duration, b.constant(packing)); }

Value FunctionLowering::negated_duration(const Value& duration, Span span) {
  // -(p - unit) + unit
  const NodeId unit = unit_of(duration.scalar());
  const NodeId twice = b.binary(Op::add_wrapping, Kind::integer, unit, unit);
  Value result = fact(b.binary(Op::subtract_checked, Kind::integer, twice, duration.scalar(), 0, span));
  result.wake = duration.wake;
  result.unit = duration.unit;
  return with_slope({TypeKind::duration, false, checked::none}, result, slope_sum(b.zero(), duration.slope, true), duration.slope_max);
}

Value FunctionLowering::durations(const Value& left, const Value& right, Span span) {
  const Type type{TypeKind::duration, false, checked::none};
  const NodeId unit = unit_of(right.scalar());
  const NodeId amount = b.binary(Op::subtract_wrapping, Kind::integer, right.scalar(), unit);
  if (left.unit && left.unit == right.unit) {
    Value result = sum(type, left, {{amount}, right.slope, right.wake, right.slope_max, {}}, false, span);
    result.unit = left.unit;
    return result;
  }
  const NodeId same = b.binary(Op::equal, Kind::boolean, unit_of(left.scalar()), unit);
  const NodeId added = b.binary(Op::add_checked, Kind::integer, left.scalar(), amount, 0, span);
  Value result = fact(b.choose(same, added, b.fault(abi::Fault::bad_argument, Kind::integer, span)));
  result.wake = earlier(changes(type, left), changes(type, right));
  return result;
}

Value FunctionLowering::date_and_duration(const Expr& expr, Value date, Value duration) {
  const Type& type = expr.type;
  const bool on_date = type.kind == TypeKind::date;
  const Type duration_type{TypeKind::duration, false, checked::none};
  const auto known = b.constant_of(duration.scalar());
  const DurationUnit linear_unit = on_date ? DurationUnit::day : DurationUnit::microsecond;
  const bool linear =
      grows(date) && !grows(duration) && ((known && abi::duration_unit(*known) == linear_unit) || (!on_date && duration.unit == DurationUnit::microsecond));
  const NodeId slope = date.slope;
  const int64_t slope_max = date.slope_max;
  if (!linear) date = level(type, date);
  duration = level(duration_type, duration);
  const Op op = on_date ? Op::add_duration_to_date : Op::add_duration_to_instant;
  Value result = fact(b.binary(op, Kind::integer, date.scalar(), duration.scalar(), 0, expr.span));
  result.wake = earlier(date.wake, duration.wake);
  if (!linear || !wake) return result;
  result = with_slope(type, result, slope, slope_max);
  // It grows into the end of the calendar, where it becomes a fault.
  const NodeId last_day = b.leaf(Op::calendar_last_day, Kind::integer);
  NodeId last = last_day;
  if (!on_date) {
    const NodeId end = b.unary(Op::day_start_clamped, Kind::integer, b.binary(Op::add_wrapping, Kind::integer, last_day, b.constant(1)));
    last = b.binary(Op::subtract_saturating, Kind::integer, end, b.constant(1));
  }
  Node flip;
  flip.op = Op::flip;
  flip.immediate = static_cast<int64_t>(Op::less_equal);
  flip.operands = {result.scalar(), last, result.slope, b.zero()};
  result.wake = earlier(result.wake, after_ticks(type, b.node(flip, {})));
  return result;
}

/// min and max of two: the one taken gives the slope, until they meet.
Value FunctionLowering::smaller(const Type& type, const Value& left, const Value& right, bool smallest) {
  const bool number = type.kind == TypeKind::number;
  const Op op = number ? (smallest ? Op::minimum_number : Op::maximum_number) : (smallest ? Op::minimum : Op::maximum);
  Value result = fact(b.binary(op, number ? Kind::number : Kind::integer, left.scalar(), right.scalar()));
  result.wake = earlier(left.wake, right.wake);
  if (left.unit == right.unit) result.unit = left.unit;
  if (!wake || !can_grow(type) || (!grows(left) && !grows(right))) return result;
  Node flip;
  flip.op = Op::flip;
  flip.immediate = static_cast<int64_t>(Op::less_equal);
  flip.operands = {left.scalar(), right.scalar(), left.slope, right.slope};
  result.wake = earlier(result.wake, after_ticks(type, b.node(flip, {})));
  const NodeId left_first = b.binary(Op::less_equal, Kind::boolean, left.scalar(), right.scalar());
  const NodeId slope = smallest ? b.choose(left_first, left.slope, right.slope) : b.choose(left_first, right.slope, left.slope);
  return with_slope(type, result, slope, std::max(left.slope_max, right.slope_max));
}

Value FunctionLowering::arithmetic(const Expr& expr) {
  switch (expr.op) {
    case checked::Op::add:
    case checked::Op::subtract:
      return add_subtract(expr);
    case checked::Op::multiply:
      return multiply(expr);
    case checked::Op::divide:
      return divide(expr);
    case checked::Op::floor_divide:
      return plain(expr, Op::floor_divide, Kind::integer);
    case checked::Op::modulo:
      return plain(expr, Op::floor_modulo, Kind::integer);
    case checked::Op::negate:
      return negate(expr.type, lower(*expr.args[0]), expr.span);
    case checked::Op::int_to_number:
      return plain(expr, Op::integer_to_number, Kind::number);
    case checked::Op::decimal_to_number:
      return plain(expr, Op::scaled_to_number, Kind::number);
    default:  // int_to_decimal
      return product(expr.type, lower(*expr.args[0]), fact(b.constant(million)), expr.span);
  }
}

}  // namespace dunlin::ir
