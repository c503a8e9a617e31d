// Operations on single values.
#include <algorithm>
#include <cmath>

#include "compiler/abi/arithmetic.h"
#include "compiler/abi/builtin_bodies.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/abi/wake.h"
#include "compiler/interp/machine.h"

namespace dunlin::interp {

using abi::Fault;
using ir::Op;

namespace {

const abi::Instance& instance(int64_t slot) { return *reinterpret_cast<const abi::Instance*>(slot); }
const abi::Event& event(int64_t slot) { return *reinterpret_cast<const abi::Event*>(slot); }
int64_t address(const void* pointer) { return reinterpret_cast<int64_t>(pointer); }

int64_t slot_of(ir::Kind kind, int64_t raw) { return kind == ir::Kind::boolean ? (raw != 0 ? 1 : 0) : raw; }

Fault answer(int64_t value, int64_t* out) {
  *out = value;
  return Fault::none;
}
Fault overflows(bool overflow) { return overflow ? Fault::overflow : Fault::none; }
Fault finite(double value, int64_t* out) {
  if (!std::isfinite(value)) return Fault::not_a_number;
  return answer(abi::as_slot(value), out);
}

}  // namespace

Fault Machine::memory(Frame& frame, const ir::Node& node, int64_t* out) {
  const int64_t a = node.operands.empty() ? 0 : operand(frame, node, 0);
  const auto index = static_cast<size_t>(node.immediate);
  switch (node.op) {
    case Op::constant:
      return answer(node.immediate, out);
    case Op::text_constant:
      return answer(address(code_.texts[index]), out);
    case Op::argument:
      return answer(slot_of(node.kind, frame.arguments[index]), out);
    case Op::self:
      return answer(address(frame.self), out);
    case Op::event:
      return answer(address(context_.event), out);
    case Op::now:
      return answer(context_.now, out);
    case Op::today:
      return answer(context_.today, out);
    case Op::setting:
      return answer(slot_of(node.kind, context_.settings[index]), out);
    case Op::instance_slot:
      return answer(slot_of(node.kind, instance(a).slots[index]), out);
    case Op::instance_parent:
      return answer(address(instance(a).parent), out);
    case Op::event_slot:
      return answer(slot_of(node.kind, event(a).slots[index]), out);
    case Op::event_at:
      return answer(event(a).at, out);
    case Op::event_owner:
      return answer(address(event(a).owner), out);
    case Op::event_type:
      return answer(event(a).type, out);
    case Op::state_strategy:
      return answer(instance(a).state->strategy, out);
    case Op::state_stage:
      return answer(instance(a).state->stage, out);
    case Op::state_entered_at:
      return answer(instance(a).state->entered_at, out);
    case Op::state_enrolled_at:
      return answer(instance(a).state->enrolled_at, out);
    case Op::state_variable:
      return answer(slot_of(node.kind, instance(a).state->variables[index]), out);
    default:  // state_visits
      return answer(instance(a).state->visits[index], out);
  }
}

Fault Machine::integer(const ir::Node& node, int64_t a, int64_t b, int64_t* out) {
  switch (node.op) {
    case Op::add_checked:
      return overflows(__builtin_add_overflow(a, b, out));
    case Op::subtract_checked:
      return overflows(__builtin_sub_overflow(a, b, out));
    case Op::multiply_checked:
      return overflows(__builtin_mul_overflow(a, b, out));
    case Op::negate_checked:
      return overflows(__builtin_sub_overflow(int64_t{0}, a, out));
    case Op::floor_divide:
      return abi::floor_divide(a, b, out);
    case Op::floor_modulo:
      return abi::floor_modulo(a, b, out);
    case Op::multiply_scaled:
      return abi::multiply_scaled(a, b, node.immediate, out);
    case Op::divide_scaled:
      return abi::divide_scaled(a, b, node.immediate, out);
    case Op::add_wrapping:
      return answer(static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)), out);
    case Op::subtract_wrapping:
      return answer(static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)), out);
    case Op::add_saturating:
      return answer(abi::add_saturating(a, b), out);
    case Op::subtract_saturating:
      return answer(abi::subtract_saturating(a, b), out);
    case Op::minimum:
      return answer(std::min(a, b), out);
    default:  // maximum
      return answer(std::max(a, b), out);
  }
}

Fault Machine::number(const ir::Node& node, int64_t a, int64_t b, int64_t* out) {
  const double x = abi::as_number(a), y = abi::as_number(b);
  switch (node.op) {
    case Op::add_number:
      return finite(x + y, out);
    case Op::subtract_number:
      return finite(x - y, out);
    case Op::multiply_number:
      return finite(x * y, out);
    case Op::divide_number:
      return y == 0 ? Fault::division_by_zero : finite(x / y, out);
    case Op::negate_number:
      return finite(-x, out);
    case Op::minimum_number:
      return answer(abi::as_slot(y < x ? y : x), out);
    case Op::maximum_number:
      return answer(abi::as_slot(y > x ? y : x), out);
    case Op::integer_to_number:
      return answer(abi::as_slot(static_cast<double>(a)), out);
    default:  // scaled_to_number
      return answer(abi::as_slot(static_cast<double>(a) / 1e6), out);
  }
}

Fault Machine::comparison(const ir::Node& node, int64_t a, int64_t b, int64_t* out) {
  switch (node.op) {
    case Op::equal:
    case Op::equal_pointer:
      return answer(a == b, out);
    case Op::not_equal:
      return answer(a != b, out);
    case Op::less:
      return answer(a < b, out);
    case Op::less_equal:
      return answer(a <= b, out);
    case Op::greater:
      return answer(a > b, out);
    case Op::greater_equal:
      return answer(a >= b, out);
    case Op::equal_number:
      return answer(abi::as_number(a) == abi::as_number(b), out);
    case Op::less_number:
      return answer(abi::as_number(a) < abi::as_number(b), out);
    case Op::less_equal_number:
      return answer(abi::as_number(a) <= abi::as_number(b), out);
    case Op::equal_text:
      return answer(abi::equal_text(reinterpret_cast<const abi::Text*>(a), reinterpret_cast<const abi::Text*>(b)), out);  // either may be missing
    case Op::in_interval:
      return answer(a >= node.immediate && a <= node.immediate2, out);
    case Op::logical_and:
      return answer(a != 0 && b != 0, out);
    case Op::logical_or:
      return answer(a != 0 || b != 0, out);
    default:  // logical_not
      return answer(a == 0, out);
  }
}

Fault Machine::clock(Frame& frame, const ir::Node& node, int64_t* out) {
  static constexpr abi::Calendar no_days{};  // exact durations need no calendar; everything else is beyond this one
  const abi::Calendar& calendar = context_.calendar == nullptr ? no_days : *context_.calendar;
  const auto at = [&](size_t i) { return operand(frame, node, i); };
  switch (node.op) {
    case Op::day_start:
      return abi::day_start(calendar, at(0), out);
    case Op::date_of:
      return abi::date_of(calendar, at(0), out);
    case Op::add_duration_to_date:
      return abi::add_duration_to_date(calendar, at(0), at(1), out);
    case Op::add_duration_to_instant:
      return abi::add_duration_to_instant(calendar, at(0), at(1), out);
    case Op::day_start_clamped:
      return answer(abi::day_start_clamped(calendar, at(0)), out);
    case Op::calendar_last_day:
      return answer(abi::calendar_last_day(calendar), out);
    case Op::next_working_day:
      return answer(abi::next_working_day(calendar, at(0)), out);
    case Op::period_start:
      return answer(abi::period_start(at(0), static_cast<abi::Period>(node.immediate)), out);
    case Op::period_next:
      return answer(abi::period_next(at(0), static_cast<abi::Period>(node.immediate)), out);
    default:  // flip
      return answer(abi::flip(static_cast<abi::Comparison>(node.immediate - static_cast<int64_t>(Op::equal)), at(0), at(1), at(2), at(3)), out);
  }
}

Fault Machine::text(Frame& frame, const ir::Node& node, int64_t* out) {
  const auto slots = operands(frame, node);
  if (node.op == Op::text_concat) return abi::concat(context_, slots.data(), static_cast<int64_t>(slots.size()), out);
  if (node.op == Op::builtin) {
    const auto body = abi::builtin_body(static_cast<int>(node.immediate));
    return body == nullptr ? Fault::bad_argument : static_cast<Fault>(body(&context_, slots.data(), out));
  }
  // table_cell
  const auto& cells = code_.program->row_tables[static_cast<size_t>(node.immediate)].outputs[static_cast<size_t>(node.immediate2)];
  const auto row = static_cast<size_t>(slots[0]);
  if (row >= cells.size()) return answer(0, out);
  if (node.kind == ir::Kind::pointer) return answer(cells[row] < 0 ? 0 : address(code_.texts[static_cast<size_t>(cells[row])]), out);
  return answer(cells[row], out);
}

Fault Machine::scalar(Frame& frame, const ir::Node& node, int64_t* out) {
  if (node.op <= Op::state_visits) return memory(frame, node, out);
  if (node.op >= Op::add_checked && node.op <= Op::maximum_number) {
    const int64_t a = operand(frame, node, 0);
    const int64_t b = node.operands.size() > 1 ? operand(frame, node, 1) : 0;
    return node.op <= Op::maximum ? integer(node, a, b, out) : number(node, a, b, out);
  }
  if (node.op == Op::integer_to_number || node.op == Op::scaled_to_number) return number(node, operand(frame, node, 0), 0, out);
  if (node.op >= Op::equal && node.op <= Op::logical_not)
    return comparison(node, operand(frame, node, 0), node.operands.size() > 1 ? operand(frame, node, 1) : 0, out);
  if (node.op == Op::fault) return static_cast<Fault>(node.immediate);
  if (node.op >= Op::day_start && node.op <= Op::flip) return clock(frame, node, out);
  return text(frame, node, out);
}

}  // namespace dunlin::interp
