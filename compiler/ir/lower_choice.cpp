// Logic, choices between values, and values that may be missing.
#include <algorithm>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Expr;
using checked::Type;

/// Slots, slope and wake are chosen together, so that each arm is looked at once and only where it is taken.
Value FunctionLowering::choose(NodeId condition, const Value& a, const Value& c) {
  if (const auto known = b.constant_of(condition)) return *known != 0 ? a : c;
  std::vector<NodeId> left = a.slots, right = c.slots;
  left.insert(left.end(), {a.slope, a.wake});
  right.insert(right.end(), {c.slope, c.wake});
  std::vector<NodeId> merged(left.size(), none);
  std::vector<size_t> open;  // what differs between the arms
  bool speculate = true;
  for (size_t i = 0; i < left.size(); ++i) {
    if (left[i] == right[i] && b.speculable(left[i]) && (i >= a.slots.size() || !b.may_fault(condition))) {
      merged[i] = left[i];
      continue;
    }
    open.push_back(i);
    speculate &= b.speculable(left[i]) && b.speculable(right[i]);
  }
  if (speculate || open.size() == 1) {
    for (const size_t i : open) merged[i] = b.choose(condition, left[i], right[i]);
  } else if (!open.empty()) {
    Node first, second;
    first.op = second.op = Op::pack;
    first.kind = second.kind = Kind::tuple;
    for (const size_t i : open) {
      first.operands.push_back(left[i]);
      second.operands.push_back(right[i]);
    }
    const NodeId tuple = b.choose(condition, b.node(first, {}), b.node(second, {}));
    for (size_t i = 0; i < open.size(); ++i) merged[open[i]] = b.extract(tuple, static_cast<int64_t>(i), b.at(left[open[i]]).kind);
  }
  Value result;
  result.wake = merged.back();
  merged.pop_back();
  result.slope = merged.back();
  merged.pop_back();
  result.slots = std::move(merged);
  result.slope_max = std::max(a.slope_max, c.slope_max);
  if (a.unit == c.unit) result.unit = a.unit;
  return result;
}

/// `a and b`, `a or b`: the right side is looked at only where the left does not decide. While one side decides by itself
/// nothing can change before that side does; where both can be seen and both decide, not before the later of them.
Value FunctionLowering::both(const Value& a, const std::function<Value()>& right, bool conjunction) {
  if (const auto known = b.constant_of(a.scalar())) {
    if ((*known != 0) != conjunction) return a;
    Value result = right();
    result.wake = earlier(a.wake, result.wake);
    return result;
  }
  const Value c = right();
  if (b.speculable(c.scalar())) {
    Value result = fact(b.binary(conjunction ? Op::logical_and : Op::logical_or, Kind::boolean, a.scalar(), c.scalar()));
    if (!wake || (b.is_constant(a.wake, abi::never) && b.is_constant(c.wake, abi::never))) return result;
    if (b.speculable(c.wake)) {
      const NodeId later = b.binary(Op::maximum, Kind::integer, a.wake, c.wake);
      const NodeId sooner = earlier(a.wake, c.wake);
      const NodeId a_open = b.choose(c.scalar(), conjunction ? sooner : c.wake, conjunction ? c.wake : sooner);
      const NodeId a_decides = b.choose(c.scalar(), conjunction ? a.wake : later, conjunction ? later : a.wake);
      result.wake = b.choose(a.scalar(), conjunction ? a_open : a_decides, conjunction ? a_decides : a_open);
      return result;
    }
  }
  Value open = c;
  if (wake) open.wake = b.choose(c.scalar(), conjunction ? earlier(a.wake, c.wake) : c.wake, conjunction ? c.wake : earlier(a.wake, c.wake));
  Value decided = fact(b.boolean(!conjunction));
  decided.wake = a.wake;
  return conjunction ? choose(a.scalar(), open, decided) : choose(a.scalar(), decided, open);
}

Value FunctionLowering::logical(const Expr& expr) {
  if (expr.op == checked::Op::logical_not) return negation(lower(*expr.args[0]));
  const Value left = lower(*expr.args[0]);
  return both(
      left, [&] { return lower(*expr.args[1]); }, expr.op == checked::Op::logical_and);
}

Value FunctionLowering::negation(Value a) {
  a.slots = {b.logical_not(a.scalar())};
  return a;
}

Value FunctionLowering::condition(const Expr& expr) {
  const Value test = lower(*expr.args[0]);
  const Value yes = lower(*expr.args[1]);
  const Value no = lower(*expr.args[2]);
  Value result = choose(test.scalar(), yes, no);
  result.wake = earlier(test.wake, result.wake);
  return result;
}

namespace {

Value without_flag(Value value) {
  value.slots.erase(value.slots.begin());
  return value;
}

}  // namespace

Value FunctionLowering::optional_value(const Expr& expr) {
  Value value = lower(*expr.args[0]);
  switch (expr.op) {
    case checked::Op::to_optional:
      value.slots.insert(value.slots.begin(), b.boolean(true));
      return value;
    case checked::Op::known: {
      Value result = fact(value.scalar());
      result.wake = value.wake;
      return result;
    }
    case checked::Op::unwrap:
      return without_flag(std::move(value));
    default:
      break;
  }
  // x default y
  const NodeId is_known = value.scalar();
  const NodeId known_wake = value.wake;
  const Value fallback = lower(*expr.args[1]);
  Value inner = without_flag(std::move(value));
  inner.wake = b.never();
  if (expr.type.optional) inner.slots.insert(inner.slots.begin(), b.boolean(true));
  Value result = choose(is_known, inner, fallback);
  result.wake = earlier(known_wake, result.wake);
  return result;
}

Value FunctionLowering::map(const Expr& expr) {
  const Value source = lower(*expr.args[0]);
  const NodeId is_known = source.scalar();
  const NodeId source_wake = source.wake;
  Value inner = without_flag(source);
  inner.wake = b.never();
  const auto before = scope.locals.find(expr.index);
  const std::optional<Value> shadowed = before == scope.locals.end() ? std::nullopt : std::optional(before->second);
  scope.locals[expr.index] = inner;
  Value body = lower(*expr.args[1]);
  if (!expr.args[1]->type.optional) body.slots.insert(body.slots.begin(), b.boolean(true));
  if (shadowed) {
    scope.locals[expr.index] = *shadowed;
  } else {
    scope.locals.erase(expr.index);
  }
  Value result = choose(is_known, body, missing(expr.type));
  result.wake = earlier(source_wake, result.wake);
  return result;
}

Value FunctionLowering::let(const Expr& expr) {
  scope.locals[expr.index] = lower(*expr.args[0]);
  return lower(*expr.args[1]);
}

}  // namespace dunlin::ir
