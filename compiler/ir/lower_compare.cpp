// Comparisons, and the instant at which each flips.
#include "compiler/abi/wake.h"
#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Expr;
using checked::Type;
using checked::TypeKind;

namespace {

bool is_ordering(checked::Op op) { return op != checked::Op::equal && op != checked::Op::not_equal; }

Op node_op(checked::Op op) {
  switch (op) {
    case checked::Op::equal:
      return Op::equal;
    case checked::Op::not_equal:
      return Op::not_equal;
    case checked::Op::less:
      return Op::less;
    case checked::Op::less_equal:
      return Op::less_equal;
    case checked::Op::greater:
      return Op::greater;
    default:
      return Op::greater_equal;
  }
}

checked::Op mirrored(checked::Op op) {
  switch (op) {
    case checked::Op::less:
      return checked::Op::greater;
    case checked::Op::less_equal:
      return checked::Op::greater_equal;
    case checked::Op::greater:
      return checked::Op::less;
    case checked::Op::greater_equal:
      return checked::Op::less_equal;
    default:
      return op;
  }
}

bool is_windowed_count(const Expr& expr) {
  if (expr.op != checked::Op::aggregate || expr.aggregate->function != checked::AggregateFunction::count) return false;
  return expr.aggregate->window == checked::Aggregate::Window::days || expr.aggregate->window == checked::Aggregate::Window::exact;
}

}  // namespace

NodeId FunctionLowering::compare_nodes(checked::Op op, Kind kind, const Type& type, NodeId left, NodeId right) {
  const auto negated = [&](NodeId node) { return b.logical_not(node); };
  if (kind == Kind::pointer) {
    const bool text = type.kind != TypeKind::instance && type.kind != TypeKind::event;
    const NodeId same = b.binary(text ? Op::equal_text : Op::equal_pointer, Kind::boolean, left, right);
    return op == checked::Op::equal ? same : negated(same);
  }
  if (kind == Kind::number) {
    switch (op) {
      case checked::Op::equal:
        return b.binary(Op::equal_number, Kind::boolean, left, right);
      case checked::Op::not_equal:
        return negated(b.binary(Op::equal_number, Kind::boolean, left, right));
      case checked::Op::less:
        return b.binary(Op::less_number, Kind::boolean, left, right);
      case checked::Op::less_equal:
        return b.binary(Op::less_equal_number, Kind::boolean, left, right);
      case checked::Op::greater:
        return b.binary(Op::less_number, Kind::boolean, right, left);
      default:
        return b.binary(Op::less_equal_number, Kind::boolean, right, left);
    }
  }
  return b.binary(node_op(op), Kind::boolean, left, right);
}

Value FunctionLowering::compare(checked::Op op, const Type& type, const Value& left, const Value& right, Span span) {
  if (type.kind == TypeKind::duration && !(left.unit && left.unit == right.unit)) return compare_durations(op, left, right, span);
  Value result = fact(compare_nodes(op, kind_of(type), type, left.scalar(), right.scalar()));
  result.wake = earlier(left.wake, right.wake);
  if (!wake || !can_grow(type) || (!grows(left) && !grows(right))) return result;
  Node flip;
  flip.op = Op::flip;
  flip.immediate = static_cast<int64_t>(node_op(op));
  flip.operands = {left.scalar(), right.scalar(), left.slope, right.slope};
  result.wake = earlier(result.wake, after_ticks(type, b.node(flip, {})));
  return result;
}

/// Durations of different units are compared by their usual length: a day of 24 hours, a month of 30 days.
Value FunctionLowering::compare_durations(checked::Op op, Value left, Value right, Span span) {
  constexpr int64_t day_us = 86'400 * abi::us_per_second;
  const Type type{TypeKind::duration, false, checked::none};
  const auto length = [&](const Value& value) {
    const NodeId packed = value.scalar();
    const NodeId unit = unit_of(packed);
    const auto is = [&](abi::DurationUnit wanted) { return b.binary(Op::equal, Kind::boolean, unit, b.constant(static_cast<int64_t>(wanted))); };
    const NodeId calendar = b.choose(is(abi::DurationUnit::month), b.constant(30 * day_us), b.constant(day_us));
    const NodeId factor = b.choose(is(abi::DurationUnit::microsecond), b.constant(1), calendar);
    return b.binary(Op::multiply_checked, Kind::integer, b.binary(Op::floor_divide, Kind::integer, packed, b.constant(8)), factor, 0, span);
  };
  left = level(type, left);
  right = level(type, right);
  Value result = fact(b.binary(node_op(op), Kind::boolean, length(left), length(right)));
  result.wake = earlier(left.wake, right.wake);
  return result;
}

/// count < k and the like: a count only falls while nothing new happens, so it flips when exactly enough events have left.
std::optional<Value> FunctionLowering::compare_count(const Expr& expr) {
  if (!wake || !is_ordering(expr.op)) return std::nullopt;
  const bool left = is_windowed_count(*expr.args[0]);
  if (!left && !is_windowed_count(*expr.args[1])) return std::nullopt;
  const Expr& count = left ? *expr.args[0] : *expr.args[1];
  const Expr& bound = left ? *expr.args[1] : *expr.args[0];
  const checked::Op op = left ? expr.op : mirrored(expr.op);
  // The outcome is that of `count >= k` or its contrary.
  const auto counted = [&](const Value& limit) {
    const bool beyond = op == checked::Op::greater || op == checked::Op::less_equal;
    const NodeId k = beyond ? b.binary(Op::add_saturating, Kind::integer, limit.scalar(), b.constant(1)) : limit.scalar();
    return aggregate(count, k);
  };
  Value limit, number;
  if (left) {
    // The loop needs its bound first; a bound that may fault would fault before the count does.
    limit = level(bound.type, lower(bound));
    if (b.may_fault(limit.scalar())) return std::nullopt;
    number = counted(limit);
  } else {
    limit = level(bound.type, lower(bound));
    number = counted(limit);
  }
  Value result = fact(compare_nodes(op, Kind::integer, bound.type, number.scalar(), limit.scalar()));
  result.wake = earlier(limit.wake, number.wake);
  return result;
}

Value FunctionLowering::comparison(const Expr& expr) {
  if (auto counted = compare_count(expr)) return *counted;
  const Value left = lower(*expr.args[0]);
  const Value right = lower(*expr.args[1]);
  return compare(expr.op, expr.args[0]->type, left, right, expr.span);
}

}  // namespace dunlin::ir
