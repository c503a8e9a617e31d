#include "compiler/native/kernel_graph.h"

#include <algorithm>
#include <tuple>

namespace dunlin::native {

bool KernelGraph::Less::operator()(const KernelNode& x, const KernelNode& y) const {
  return std::tie(x.op, x.boolean, x.immediate, x.a, x.b, x.c) < std::tie(y.op, y.boolean, y.immediate, y.a, y.b, y.c);
}

Id KernelGraph::make(KernelNode node) {
  if (node.op != KernelOp::constant && node.range.is_constant()) return node.boolean ? truth(node.range.low != 0) : constant(node.range.low);
  const auto [place, is_new] = known_.try_emplace(node, static_cast<Id>(nodes_.size()));
  if (is_new) nodes_.push_back(node);
  return place->second;
}

Id KernelGraph::constant(int64_t value) { return make({KernelOp::constant, false, {value, value}, value}); }
Id KernelGraph::truth(bool value) { return make({KernelOp::constant, true, {value, value}, value}); }
Id KernelGraph::input(int64_t column, Range range, bool boolean) { return make({KernelOp::input, boolean, range, column}); }
Id KernelGraph::uniform(int64_t which, Range range) { return make({KernelOp::uniform, false, range, which}); }

Id KernelGraph::as_boolean(Id id) { return (*this)[id].boolean ? id : negate(equal(id, constant(0))); }
Id KernelGraph::as_integer(Id id) { return (*this)[id].boolean ? choose(id, constant(1), constant(0)) : id; }

// ---- arithmetic ----------------------------------------------------------------------------

Range KernelGraph::exact(KernelOp op, Range a, Range b, bool& fits) {
  Wide corners[4];
  size_t i = 0;
  for (Wide x : {Wide{a.low}, Wide{a.high}})
    for (Wide y : {Wide{b.low}, Wide{b.high}}) corners[i++] = op == KernelOp::add ? x + y : op == KernelOp::subtract ? x - y : x * y;
  const auto [low, high] = std::minmax_element(corners, corners + 4);
  fits = *low >= INT64_MIN && *high <= INT64_MAX;
  if (!fits) return {INT64_MIN, INT64_MAX};
  return {static_cast<int64_t>(*low), static_cast<int64_t>(*high)};
}

Id KernelGraph::arithmetic(KernelOp op, Id a, Id b) {
  bool fits = false;
  const auto result = exact(op, range(a), range(b), fits);
  if (op != KernelOp::subtract && a > b) std::swap(a, b);
  return make({op, false, result, 0, a, b});
}

Id KernelGraph::add(Id a, Id b) {
  if (range(a) == Range{0, 0}) return b;
  if (range(b) == Range{0, 0}) return a;
  return arithmetic(KernelOp::add, a, b);
}

Id KernelGraph::subtract(Id a, Id b) { return range(b) == Range{0, 0} ? a : arithmetic(KernelOp::subtract, a, b); }

Id KernelGraph::multiply(Id a, Id b) {
  if (range(a) == Range{1, 1}) return b;
  if (range(b) == Range{1, 1}) return a;
  return arithmetic(KernelOp::multiply, a, b);
}

Id KernelGraph::overflows(KernelOp op, Id a, Id b) {
  bool fits = false;
  exact(op, range(a), range(b), fits);
  if (fits) return truth(false);
  const auto test = op == KernelOp::add ? KernelOp::add_overflows : op == KernelOp::subtract ? KernelOp::subtract_overflows : KernelOp::multiply_overflows;
  return make({test, true, {0, 1}, 0, a, b});
}

namespace {

int64_t floor_quotient(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

}  // namespace

Id KernelGraph::floor_divide(Id a, Id b) {
  const auto dividend = range(a), divisor = range(b);
  if (!divisor.is_constant() || divisor.low <= 0) return make({KernelOp::divide_any, false, {INT64_MIN, INT64_MAX}, 0, a, b});
  const int64_t d = divisor.low;
  if (d == 1) return a;
  const Range result{floor_quotient(dividend.low, d), floor_quotient(dividend.high, d)};
  if (dividend.low >= 0) return make({KernelOp::divide, false, result, d, a});
  // Moved up by a multiple of the divisor the dividend is never negative, and unsigned division rounds down.
  const Wide shift = -static_cast<Wide>(result.low) * d;
  if (dividend.high + shift > INT64_MAX) return make({KernelOp::divide_any, false, result, 0, a, b});
  return add(floor_divide(add(a, constant(static_cast<int64_t>(shift))), b), constant(result.low));
}

Id KernelGraph::floor_modulo(Id a, Id b) {
  const auto dividend = range(a), divisor = range(b);
  if (!divisor.is_constant() || divisor.low <= 0) return make({KernelOp::modulo_any, false, {INT64_MIN, INT64_MAX}, 0, a, b});
  const int64_t d = divisor.low;
  if (dividend.low >= 0 && dividend.high < d) return a;
  if (dividend.low >= 0) return make({KernelOp::modulo, false, {0, d - 1}, d, a});
  const Wide shift = -static_cast<Wide>(floor_quotient(dividend.low, d)) * d;
  if (dividend.high + shift > INT64_MAX) return make({KernelOp::modulo_any, false, {0, d - 1}, 0, a, b});
  return floor_modulo(add(a, constant(static_cast<int64_t>(shift))), b);
}

Id KernelGraph::minimum(Id a, Id b) {
  const auto x = range(a), y = range(b);
  if (x.high <= y.low) return a;
  if (y.high <= x.low) return b;
  if (a > b) std::swap(a, b);
  return make({KernelOp::minimum, false, {std::min(x.low, y.low), std::min(x.high, y.high)}, 0, a, b});
}

Id KernelGraph::maximum(Id a, Id b) {
  const auto x = range(a), y = range(b);
  if (x.low >= y.high) return a;
  if (y.low >= x.high) return b;
  if (a > b) std::swap(a, b);
  return make({KernelOp::maximum, false, {std::max(x.low, y.low), std::max(x.high, y.high)}, 0, a, b});
}

// ---- comparison and logic ------------------------------------------------------------------

Id KernelGraph::equal(Id a, Id b) {
  if (a == b) return truth(true);
  if ((*this)[a].boolean && (*this)[b].boolean) return choose(a, b, negate(b));
  a = as_integer(a);
  b = as_integer(b);
  const auto x = range(a), y = range(b);
  if (x.high < y.low || y.high < x.low) return truth(false);
  if (x.is_constant() && y.is_constant()) return truth(true);
  if (a > b) std::swap(a, b);
  return make({KernelOp::equal, true, {0, 1}, 0, a, b});
}

Id KernelGraph::less(Id a, Id b) {
  a = as_integer(a);
  b = as_integer(b);
  const auto x = range(a), y = range(b);
  if (a == b || x.low >= y.high) return truth(false);
  if (x.high < y.low) return truth(true);
  return make({KernelOp::less, true, {0, 1}, 0, a, b});
}

Id KernelGraph::between(Id a, int64_t low, int64_t high) {
  if (low > high) return truth(false);
  if (low == high) return equal(a, constant(low));
  return both(less_equal(constant(low), a), less_equal(a, constant(high)));
}

Id KernelGraph::both(Id a, Id b) {
  if (a == b || is_true(b)) return a;
  if (is_true(a)) return b;
  if (is_false(a) || is_false(b) || a == negate(b)) return truth(false);
  if (a > b) std::swap(a, b);
  return make({KernelOp::logical_and, true, {0, 1}, 0, a, b});
}

Id KernelGraph::either(Id a, Id b) {
  if (a == b || is_false(b)) return a;
  if (is_false(a)) return b;
  if (is_true(a) || is_true(b) || a == negate(b)) return truth(true);
  if (a > b) std::swap(a, b);
  return make({KernelOp::logical_or, true, {0, 1}, 0, a, b});
}

Id KernelGraph::negate(Id a) {
  const auto& node = (*this)[a];
  if (node.op == KernelOp::constant) return truth(node.immediate == 0);
  if (node.op == KernelOp::logical_not) return node.a;
  return make({KernelOp::logical_not, true, {0, 1}, 0, a});
}

Id KernelGraph::choose(Id condition, Id a, Id b) {
  if (is_true(condition) || a == b) return a;
  if (is_false(condition)) return b;
  if ((*this)[condition].op == KernelOp::logical_not) return choose((*this)[condition].a, b, a);
  if ((*this)[a].boolean && (*this)[b].boolean) {
    if (is_true(a)) return either(condition, b);
    if (is_false(b)) return both(condition, a);
    if (is_false(a)) return both(negate(condition), b);
    if (is_true(b)) return either(negate(condition), a);
    return make({KernelOp::select, true, {0, 1}, 0, condition, a, b});
  }
  a = as_integer(a);
  b = as_integer(b);
  // A choice within a choice by the same condition is decided already.
  if ((*this)[a].op == KernelOp::select && (*this)[a].a == condition) a = (*this)[a].b;
  if ((*this)[b].op == KernelOp::select && (*this)[b].a == condition) b = (*this)[b].c;
  if (a == b) return a;
  const auto x = range(a), y = range(b);
  return make({KernelOp::select, false, {std::min(x.low, y.low), std::max(x.high, y.high)}, 0, condition, a, b});
}

}  // namespace dunlin::native
