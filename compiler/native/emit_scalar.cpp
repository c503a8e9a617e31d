// Inputs, integers, numbers, comparison and logic.
#include <cstddef>

#include "compiler/native/function_emitter.h"

namespace dunlin::native {

using abi::Fault;
using ir::Kind;
using ir::Op;
using llvm::Intrinsic::ID;

llvm::Value* FunctionEmitter::compute_input(const ir::Node& node) {
  using abi::EvalContext;
  using abi::Event;
  using abi::Instance;
  using abi::State;
  auto slot_of = [&](size_t list_offset, llvm::Value* base) {
    return from_slot(load_slot(load(m_.pointer, base, static_cast<int64_t>(list_offset)), node.immediate), node.kind);
  };
  auto of_state = [&](llvm::Type* type, size_t offset) {
    return load(type, load(m_.pointer, pointer(node, 0), offsetof(Instance, state)), static_cast<int64_t>(offset));
  };
  auto wide = [&](llvm::Value* value) { return b_.CreateSExt(value, m_.i64); };
  switch (node.op) {
    case Op::constant:
      return from_slot(b_.getInt64(static_cast<uint64_t>(node.immediate)), node.kind);
    case Op::text_constant:
      return m_.address(m_.constants.of_program[static_cast<size_t>(node.immediate)]);
    case Op::argument:
      return from_slot(load_slot(arguments_, node.immediate), node.kind);
    case Op::self:
      return self_;
    case Op::event:
      return load(m_.pointer, context_, offsetof(EvalContext, event));
    case Op::now:
      return load(m_.i64, context_, offsetof(EvalContext, now));
    case Op::today:
      return load(m_.i64, context_, offsetof(EvalContext, today));
    case Op::setting:
      return slot_of(offsetof(EvalContext, settings), context_);
    case Op::instance_slot:
      return slot_of(offsetof(Instance, slots), pointer(node, 0));
    case Op::instance_parent:
      return load(m_.pointer, pointer(node, 0), offsetof(Instance, parent));
    case Op::event_slot:
      return slot_of(offsetof(Event, slots), pointer(node, 0));
    case Op::event_at:
      return load(m_.i64, pointer(node, 0), offsetof(Event, at));
    case Op::event_owner:
      return load(m_.pointer, pointer(node, 0), offsetof(Event, owner));
    case Op::event_type:
      return wide(load(m_.i32, pointer(node, 0), offsetof(Event, type)));
    case Op::state_strategy:
      return wide(of_state(m_.i32, offsetof(State, strategy)));
    case Op::state_stage:
      return wide(of_state(m_.i32, offsetof(State, stage)));
    case Op::state_entered_at:
      return of_state(m_.i64, offsetof(State, entered_at));
    case Op::state_enrolled_at:
      return of_state(m_.i64, offsetof(State, enrolled_at));
    case Op::state_variable:
      return from_slot(load_slot(of_state(m_.pointer, offsetof(State, variables)), node.immediate), node.kind);
    case Op::state_visits:
      return wide(load(m_.i32, of_state(m_.pointer, offsetof(State, visits)), node.immediate * 4));
    default:
      return nullptr;
  }
}

llvm::Value* FunctionEmitter::checked(ID operation, Value* a, Value* b, const ir::Node& node) {
  auto* pair = b_.CreateBinaryIntrinsic(operation, a, b);
  fault_if(b_.CreateExtractValue(pair, 1), node, Fault::overflow);
  return b_.CreateExtractValue(pair, 0);
}

llvm::Value* FunctionEmitter::floor_division(const ir::Node& node, bool modulo) {
  auto *a = integer(node, 0), *b = integer(node, 1);
  fault_if(b_.CreateICmpEQ(b, b_.getInt64(0)), node, Fault::division_by_zero);
  if (modulo) {  // the machine's remainder traps for the smallest number by -1; of -1 and 1 the rest is always 0
    b = b_.CreateSelect(b_.CreateICmpEQ(b, b_.getInt64(UINT64_MAX)), b_.getInt64(1), b);
  } else {
    auto* least = b_.getInt64(static_cast<uint64_t>(INT64_MIN));
    fault_if(b_.CreateAnd(b_.CreateICmpEQ(a, least), b_.CreateICmpEQ(b, b_.getInt64(UINT64_MAX))), node, Fault::overflow);
  }
  auto *quotient = b_.CreateSDiv(a, b), *rest = b_.CreateSRem(a, b);
  // Machine division rounds towards zero: one less where there is a rest and the signs differ.
  auto* below = b_.CreateAnd(b_.CreateICmpNE(rest, b_.getInt64(0)), b_.CreateICmpSLT(b_.CreateXor(rest, b), b_.getInt64(0)));
  if (m_.planted == Miscompilation::division_truncates) below = b_.getFalse();
  if (modulo) return b_.CreateSelect(below, b_.CreateAdd(rest, b), rest);
  return b_.CreateSelect(below, b_.CreateSub(quotient, b_.getInt64(1)), quotient);
}

llvm::Value* FunctionEmitter::multiply_scaled(const ir::Node& node) {
  auto *a = integer(node, 0), *b = integer(node, 1);
  auto* scale = b_.getInt64(static_cast<uint64_t>(node.immediate));
  auto* pair = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smul_with_overflow, a, b);
  auto* product = b_.CreateExtractValue(pair, 0);
  auto *small = block("small"), *large = block("large"), *done = block("rounded");
  b_.CreateCondBr(b_.CreateExtractValue(pair, 1), large, small, m_.unlikely);

  b_.SetInsertPoint(small);
  auto *quotient = b_.CreateSDiv(product, scale), *rest = b_.CreateSRem(product, scale);
  auto* size = b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, rest, b_.getFalse());
  auto* other = b_.CreateSub(scale, size);  // never overflows: |rest| < scale
  auto* odd = b_.CreateTrunc(quotient, m_.i1);
  if (m_.planted == Miscompilation::halves_away_from_zero) odd = b_.getTrue();
  auto* away = b_.CreateOr(b_.CreateICmpSGT(size, other), b_.CreateAnd(b_.CreateICmpEQ(size, other), odd));
  auto* step = b_.CreateSelect(b_.CreateICmpSLT(product, b_.getInt64(0)), b_.getInt64(UINT64_MAX), b_.getInt64(1));
  auto* rounded = b_.CreateAdd(quotient, b_.CreateSelect(away, step, b_.getInt64(0)));
  b_.CreateBr(done);
  small = b_.GetInsertBlock();

  b_.SetInsertPoint(large);
  auto* result = room(1);
  fault_if_any(b_.CreateCall(m_.support("dunlin_multiply_scaled"), {a, b, scale, result}), node);
  auto* exact = load_slot(result, 0);
  large = b_.GetInsertBlock();
  b_.CreateBr(done);

  b_.SetInsertPoint(done);
  auto* phi = b_.CreatePHI(m_.i64, 2);
  phi->addIncoming(rounded, small);
  phi->addIncoming(exact, large);
  return phi;
}

llvm::Value* FunctionEmitter::compute_integer(const ir::Node& node) {
  auto binary = [&](auto make) {
    auto* a = integer(node, 0);
    return make(a, integer(node, 1));
  };
  auto with_check = [&](ID operation) { return binary([&](Value* a, Value* b) { return checked(operation, a, b, node); }); };
  switch (node.op) {
    case Op::add_checked:
      if (m_.planted == Miscompilation::addition_wraps) return binary([&](Value* a, Value* b) { return b_.CreateAdd(a, b); });
      return with_check(llvm::Intrinsic::sadd_with_overflow);
    case Op::subtract_checked:
      return with_check(llvm::Intrinsic::ssub_with_overflow);
    case Op::multiply_checked:
      return with_check(llvm::Intrinsic::smul_with_overflow);
    case Op::negate_checked:
      return checked(llvm::Intrinsic::ssub_with_overflow, b_.getInt64(0), integer(node, 0), node);
    case Op::floor_divide:
      return floor_division(node, false);
    case Op::floor_modulo:
      return floor_division(node, true);
    case Op::multiply_scaled:
      return multiply_scaled(node);
    case Op::add_wrapping:
      return binary([&](Value* a, Value* b) { return b_.CreateAdd(a, b); });
    case Op::subtract_wrapping:
      return binary([&](Value* a, Value* b) { return b_.CreateSub(a, b); });
    case Op::minimum:
      return binary([&](Value* a, Value* b) { return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b); });
    case Op::maximum:
      return binary([&](Value* a, Value* b) { return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b); });
    default:
      return nullptr;
  }
}

llvm::Value* FunctionEmitter::finite(Value* number, const ir::Node& node) {
  auto* size = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, number);
  auto* infinity = llvm::ConstantFP::getInfinity(m_.f64);
  fault_if(b_.CreateFCmpUEQ(size, infinity), node, Fault::not_a_number);
  return number;
}

llvm::Value* FunctionEmitter::compute_number(const ir::Node& node) {
  auto binary = [&](auto make) {
    auto* a = number(node, 0);
    return make(a, number(node, 1));
  };
  switch (node.op) {
    case Op::add_number:
      return finite(binary([&](Value* a, Value* b) { return b_.CreateFAdd(a, b); }), node);
    case Op::subtract_number:
      return finite(binary([&](Value* a, Value* b) { return b_.CreateFSub(a, b); }), node);
    case Op::multiply_number:
      return finite(binary([&](Value* a, Value* b) { return b_.CreateFMul(a, b); }), node);
    case Op::divide_number:
      return finite(binary([&](Value* a, Value* b) {
                      fault_if(b_.CreateFCmpOEQ(b, llvm::ConstantFP::get(m_.f64, 0)), node, Fault::division_by_zero);
                      return b_.CreateFDiv(a, b);
                    }),
                    node);
    case Op::negate_number:
      return finite(b_.CreateFNeg(number(node, 0)), node);
    case Op::minimum_number:
      return binary([&](Value* a, Value* b) { return b_.CreateSelect(b_.CreateFCmpOLT(b, a), b, a); });
    case Op::maximum_number:
      return binary([&](Value* a, Value* b) { return b_.CreateSelect(b_.CreateFCmpOLT(a, b), b, a); });
    case Op::integer_to_number:
      return b_.CreateSIToFP(integer(node, 0), m_.f64);
    case Op::scaled_to_number:
      return b_.CreateFDiv(b_.CreateSIToFP(integer(node, 0), m_.f64), llvm::ConstantFP::get(m_.f64, 1e6));
    default:
      return nullptr;
  }
}

llvm::Value* FunctionEmitter::compute_logic(const ir::Node& node) {
  using Predicate = llvm::CmpInst::Predicate;
  auto integers = [&](Predicate predicate) {
    auto* a = integer(node, 0);
    return b_.CreateICmp(predicate, a, integer(node, 1));
  };
  auto numbers = [&](Predicate predicate) {
    auto* a = number(node, 0);
    return b_.CreateFCmp(predicate, a, number(node, 1));
  };
  switch (node.op) {
    case Op::equal:
      return integers(Predicate::ICMP_EQ);
    case Op::not_equal:
      return integers(Predicate::ICMP_NE);
    case Op::less:
      return integers(Predicate::ICMP_SLT);
    case Op::less_equal:
      return integers(Predicate::ICMP_SLE);
    case Op::greater:
      return integers(Predicate::ICMP_SGT);
    case Op::greater_equal:
      return integers(Predicate::ICMP_SGE);
    case Op::equal_number:
      return numbers(Predicate::FCMP_OEQ);
    case Op::less_number:
      return numbers(Predicate::FCMP_OLT);
    case Op::less_equal_number:
      return numbers(Predicate::FCMP_OLE);
    case Op::equal_pointer: {
      auto* a = pointer(node, 0);
      return b_.CreateICmpEQ(a, pointer(node, 1));
    }
    case Op::in_interval: {
      auto* a = integer(node, 0);
      const auto upper = m_.planted == Miscompilation::interval_end_left_out ? Predicate::ICMP_SLT : Predicate::ICMP_SLE;
      return b_.CreateAnd(b_.CreateICmpSGE(a, b_.getInt64(static_cast<uint64_t>(node.immediate))),
                          b_.CreateICmp(upper, a, b_.getInt64(static_cast<uint64_t>(node.immediate2))));
    }
    case Op::logical_and: {
      auto* a = boolean(node, 0);
      return b_.CreateAnd(a, boolean(node, 1));
    }
    case Op::logical_or: {
      auto* a = boolean(node, 0);
      return b_.CreateOr(a, boolean(node, 1));
    }
    case Op::logical_not:
      return b_.CreateNot(boolean(node, 0));
    case Op::select: {
      auto* condition = boolean(node, 0);
      auto* a = from_slot(operand(node, 1), node.kind);
      return b_.CreateSelect(condition, a, from_slot(operand(node, 2), node.kind));
    }
    default:
      return nullptr;
  }
}

}  // namespace dunlin::native
