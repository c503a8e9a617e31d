// Slopes and wakes: how a value moves with the clock, and when it next may.
#include <cstdlib>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Type;
using checked::TypeKind;

bool can_grow(const Type& type) {
  switch (type.kind) {
    case TypeKind::integer:
    case TypeKind::decimal:
    case TypeKind::money:
    case TypeKind::date:
    case TypeKind::datetime:
    case TypeKind::duration:
      return true;
    default:
      return false;
  }
}

bool ticks_with_now(const Type& type) { return type.kind == TypeKind::datetime || type.kind == TypeKind::duration; }

NodeId FunctionLowering::after_ticks(const Type& type, NodeId ticks) {
  if (b.is_constant(ticks, abi::never)) return b.never();
  if (ticks_with_now(type)) return b.binary(Op::add_saturating, Kind::integer, b.leaf(Op::now, Kind::integer), ticks);
  const NodeId day = b.binary(Op::add_saturating, Kind::integer, b.leaf(Op::today, Kind::integer), ticks);
  return b.unary(Op::day_start_clamped, Kind::integer, day);
}

NodeId FunctionLowering::next_tick(const Type& type) { return after_ticks(type, b.constant(1)); }

NodeId FunctionLowering::changes(const Type& type, const Value& value) {
  if (!wake || !grows(value)) return value.wake;
  const NodeId stands = b.binary(Op::equal, Kind::boolean, value.slope, b.zero());
  return earlier(value.wake, b.choose(stands, b.never(), next_tick(type)));
}

Value FunctionLowering::level(const Type& type, Value value) {
  value.wake = changes(type, value);
  value.slope = b.zero();
  value.slope_max = 0;
  return value;
}

Value FunctionLowering::with_slope(const Type& type, Value value, NodeId slope, int64_t slope_max) {
  value.slope = slope;
  value.slope_max = b.is_constant(slope, 0) ? 0 : slope_max;
  return value.slope_max > slope_limit ? level(type, std::move(value)) : value;
}

Value FunctionLowering::guarded(const Type& type, Value value) {
  if (!wake || !grows(value)) return value;
  constexpr int64_t roomy = int64_t{1} << 61;
  const NodeId inside = b.in_interval(value.scalar(), -roomy, roomy);
  value.wake = earlier(value.wake, b.choose(inside, b.never(), next_tick(type)));
  return value;
}

NodeId FunctionLowering::slope_sum(NodeId a, NodeId c, bool subtract) {
  return b.binary(subtract ? Op::subtract_wrapping : Op::add_wrapping, Kind::integer, a, c);
}

NodeId FunctionLowering::scaled_slope(NodeId slope, int64_t factor) {
  if (const auto known = b.constant_of(slope)) return b.constant(*known * factor);
  // By doubling: the product stays below the limit of slopes, so nothing overflows and nothing can fault.
  NodeId scaled = b.zero();
  NodeId power = slope;
  for (int64_t rest = std::abs(factor); rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) scaled = slope_sum(scaled, power, false);
    if (rest > 1) power = slope_sum(power, power, false);
  }
  return factor < 0 ? slope_sum(b.zero(), scaled, true) : scaled;
}

}  // namespace dunlin::ir
