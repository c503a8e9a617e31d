#include "compiler/native/kernel_emitter.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <bit>
#include <map>

namespace dunlin::native {
namespace {

using llvm::Value;

int bits_of(ColumnType type) { return static_cast<int>(column_bytes(type)) * 8; }

bool fits(Range range, int bits) {
  if (bits == 64) return true;
  const int64_t limit = int64_t{1} << (bits - 1);
  return range.low >= -limit && range.high < limit;
}

/// Doubles hold whole numbers up to here exactly.
constexpr int64_t exact_in_double = int64_t{1} << 52;

class KernelEmitter {
 public:
  KernelEmitter(const KernelPlan& plan, llvm::Module& module) : plan_(plan), g_(plan.graph), module_(module), b_(module.getContext()) {}

  void emit() {
    auto* pointer = b_.getPtrTy();
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {pointer, pointer, pointer, pointer, b_.getInt64Ty()}, false);
    auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, kernel_symbol, module_);
    for (unsigned i = 0; i < 4; ++i) function->addParamAttr(i, llvm::Attribute::NoAlias);
    auto* entry = llvm::BasicBlock::Create(module_.getContext(), "entry", function);
    auto* body = llvm::BasicBlock::Create(module_.getContext(), "rows", function);
    auto* done = llvm::BasicBlock::Create(module_.getContext(), "done", function);
    b_.SetInsertPoint(entry);
    read_columns(function, pointer);
    auto* rows = function->getArg(4);
    b_.CreateCondBr(b_.CreateICmpSGT(rows, b_.getInt64(0)), body, done);

    b_.SetInsertPoint(body);
    row_ = b_.CreatePHI(b_.getInt64Ty(), 2);
    row_->addIncoming(b_.getInt64(0), entry);
    for (size_t i = 0; i < plan_.results.size(); ++i) store(outs_[i], plan_.results[i], bits_of(plan_.outputs[i].type));
    if (!g_.is_false(plan_.fault)) store(function->getArg(3), plan_.fault, 8);
    auto* next = b_.CreateAdd(row_, b_.getInt64(static_cast<uint64_t>(plan_.lanes)));
    row_->addIncoming(next, body);
    b_.CreateCondBr(b_.CreateICmpSLT(next, rows), body, done);
    b_.SetInsertPoint(done);
    b_.CreateRetVoid();
  }

 private:
  void read_columns(llvm::Function* function, llvm::Type* pointer) {
    for (size_t i = 0; i < plan_.inputs.size(); ++i) ins_.push_back(b_.CreateLoad(pointer, b_.CreateConstInBoundsGEP1_64(pointer, function->getArg(0), i)));
    for (size_t i = 0; i < plan_.outputs.size(); ++i) outs_.push_back(b_.CreateLoad(pointer, b_.CreateConstInBoundsGEP1_64(pointer, function->getArg(1), i)));
    for (Id id = 0; id < static_cast<Id>(g_.size()); ++id) {
      const auto& node = g_[id];
      if (node.op != KernelOp::uniform) continue;
      auto* slot = b_.CreateLoad(b_.getInt64Ty(), b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), function->getArg(2), static_cast<uint64_t>(node.immediate)));
      made_[id] = b_.CreateVectorSplat(lanes(), b_.CreateTrunc(slot, b_.getIntNTy(static_cast<unsigned>(width(id)))));
    }
  }

  unsigned lanes() const { return static_cast<unsigned>(plan_.lanes); }
  llvm::Type* vector(int bits) { return llvm::FixedVectorType::get(b_.getIntNTy(static_cast<unsigned>(bits)), lanes()); }
  Value* splat(int64_t value, int bits) { return llvm::ConstantInt::get(vector(bits), static_cast<uint64_t>(value), true); }

  /// Bits of a lane that hold every value of the node.
  int width(Id id) const {
    if (g_[id].boolean) return 1;
    for (int bits = plan_.narrowest_bits; bits < 64; bits *= 2)
      if (fits(g_[id].range, bits)) return bits;
    return 64;
  }

  /// The node in lanes of so many bits; narrower than its width keeps the low bits.
  Value* get(Id id, int bits) {
    const auto& node = g_[id];
    if (node.op == KernelOp::constant) return splat(node.immediate, bits);
    auto*& known = cast_[{id, bits}];
    if (!known) known = resize(get(id), bits, node.boolean || node.range.low >= 0);
    return known;
  }
  Value* get(Id id) {
    if (g_[id].op == KernelOp::constant) return splat(g_[id].immediate, width(id));
    if (const auto known = made_.find(id); known != made_.end()) return known->second;
    auto* made = make(id);
    return made_[id] = made;
  }
  Value* resize(Value* value, int bits, bool never_negative) {
    return never_negative ? b_.CreateZExtOrTrunc(value, vector(bits)) : b_.CreateSExtOrTrunc(value, vector(bits));
  }

  void store(Value* column, Id id, int bits) {
    auto* value = get(id, bits);
    b_.CreateAlignedStore(value, b_.CreateInBoundsGEP(b_.getIntNTy(static_cast<unsigned>(bits)), column, row_), llvm::Align(static_cast<uint64_t>(bits / 8)));
  }

  Value* read(const KernelNode& node, int bits) {
    const auto stored = bits_of(plan_.inputs[static_cast<size_t>(node.immediate)].type);
    auto* place = b_.CreateInBoundsGEP(b_.getIntNTy(static_cast<unsigned>(stored)), ins_[static_cast<size_t>(node.immediate)], row_);
    auto* value = b_.CreateAlignedLoad(vector(stored), place, llvm::Align(static_cast<uint64_t>(stored / 8)));
    if (node.boolean) return b_.CreateICmpNE(value, splat(0, stored));
    return resize(value, bits, node.range.low >= 0);
  }

  Value* make(Id id) {
    using Op = KernelOp;
    const auto& node = g_[id];
    const int bits = width(id);
    const int operand_bits = node.a < 0 ? 0 : node.b < 0 ? width(node.a) : std::max(width(node.a), width(node.b));
    auto a = [&] { return get(node.a, bits); };
    auto b = [&] { return get(node.b, bits); };
    switch (node.op) {
      case Op::input:
        return read(node, bits);
      case Op::add:
        return b_.CreateAdd(a(), b());
      case Op::subtract:
        return b_.CreateSub(a(), b());
      case Op::multiply:
        return b_.CreateMul(a(), b());
      case Op::divide:
        return resize(divide(node), bits, true);
      case Op::modulo:
        return resize(modulo(node), bits, true);
      case Op::divide_any:
      case Op::modulo_any:
        return resize(divide_any(node), bits, false);
      case Op::minimum:
      case Op::maximum: {
        const auto operation = node.op == Op::minimum ? llvm::Intrinsic::smin : llvm::Intrinsic::smax;
        auto* result = b_.CreateBinaryIntrinsic(operation, get(node.a, operand_bits), get(node.b, operand_bits));
        return resize(result, bits, node.range.low >= 0);
      }
      case Op::add_overflows:
        return overflows(llvm::Intrinsic::sadd_with_overflow, node);
      case Op::subtract_overflows:
        return overflows(llvm::Intrinsic::ssub_with_overflow, node);
      case Op::multiply_overflows:
        return overflows(llvm::Intrinsic::smul_with_overflow, node);
      case Op::equal:
      case Op::less:
        return compare(node, false);
      case Op::logical_and:
        return b_.CreateAnd(get(node.a), get(node.b));
      case Op::logical_or:
        return b_.CreateOr(get(node.a), get(node.b));
      case Op::logical_not:
        if (const auto& inner = g_[node.a]; inner.op == Op::equal || inner.op == Op::less) return compare(inner, true);
        return b_.CreateNot(get(node.a));
      case Op::select:
        return b_.CreateSelect(get(node.a), get(node.b, bits), get(node.c, bits));
      case Op::constant:
      case Op::uniform:
        break;
    }
    llvm_unreachable("made before");
  }

  Value* compare(const KernelNode& node, bool opposite) {
    const int bits = std::max(width(node.a), width(node.b));
    auto predicate = node.op == KernelOp::equal ? llvm::CmpInst::ICMP_EQ : llvm::CmpInst::ICMP_SLT;
    if (opposite) predicate = llvm::CmpInst::getInversePredicate(predicate);
    return b_.CreateICmp(predicate, get(node.a, bits), get(node.b, bits));
  }

  Value* overflows(llvm::Intrinsic::ID operation, const KernelNode& node) {
    return b_.CreateExtractValue(b_.CreateBinaryIntrinsic(operation, get(node.a, 64), get(node.b, 64)), 1);
  }

  // ---- division by constants -----------------------------------------------------------------

  Value* divide(const KernelNode& node) {
    const auto high = g_[node.a].range.high;
    const auto divisor = node.immediate;
    const int bits = width(node.a);
    auto* value = get(node.a);
    if (bits < 64) {
      if (auto* quotient = multiply_and_shift(value, bits, high, divisor)) return quotient;
    } else if (high < exact_in_double && divisor < exact_in_double && (divisor & (divisor - 1)) != 0) {
      return divide_as_double(value, divisor).first;
    }
    return b_.CreateUDiv(value, splat(divisor, bits));
  }

  /// (value * m) >> s in as many bits, where that is exact for every value up to `high`.
  Value* multiply_and_shift(Value* value, int bits, int64_t high, int64_t divisor) {
    for (int shift = 1; shift < bits; ++shift) {
      const uint64_t power = uint64_t{1} << shift;
      const uint64_t factor = (power + static_cast<uint64_t>(divisor) - 1) / static_cast<uint64_t>(divisor);
      const uint64_t excess = factor * static_cast<uint64_t>(divisor) - power;
      if (static_cast<Wide>(excess) * high >= static_cast<Wide>(power)) continue;  // some quotient would come out too large
      if (static_cast<Wide>(factor) * high >= (static_cast<Wide>(1) << bits)) return nullptr;
      return b_.CreateLShr(b_.CreateMul(value, splat(static_cast<int64_t>(factor), bits)), splat(shift, bits));
    }
    return nullptr;
  }

  /// Quotient and rest in 64-bit lanes, by way of doubles: vector units have no 64-bit division, not even its high product.
  std::pair<Value*, Value*> divide_as_double(Value* value, int64_t divisor) {
    auto* doubles = llvm::FixedVectorType::get(b_.getDoubleTy(), lanes());
    auto* magic = llvm::ConstantFP::get(doubles, 4503599627370496.0);  // 2^52: its low bits are a whole number's bits
    auto* magic_bits = splat(0x4330000000000000, 64);
    auto* number = b_.CreateFSub(b_.CreateBitCast(b_.CreateOr(value, magic_bits), doubles), magic);
    auto* near = b_.CreateFAdd(b_.CreateFMul(number, llvm::ConstantFP::get(doubles, 1.0 / static_cast<double>(divisor))), magic);
    auto* quotient = b_.CreateXor(b_.CreateBitCast(near, vector(64)), magic_bits);
    auto* rest = b_.CreateSub(value, b_.CreateMul(quotient, splat(divisor, 64)));
    // Rounded to the nearest, the quotient is right or one too large.
    auto* above = b_.CreateICmpSLT(rest, splat(0, 64));
    return {b_.CreateAdd(quotient, b_.CreateSExt(above, vector(64))), b_.CreateSelect(above, b_.CreateAdd(rest, splat(divisor, 64)), rest)};
  }

  Value* modulo(const KernelNode& node) {
    const auto high = g_[node.a].range.high;
    const auto divisor = node.immediate;
    const int bits = width(node.a);
    auto* value = get(node.a);
    if ((divisor & (divisor - 1)) == 0) return b_.CreateAnd(value, splat(divisor - 1, bits));
    if (bits < 64) {
      if (auto* quotient = multiply_and_shift(value, bits, high, divisor)) return b_.CreateSub(value, b_.CreateMul(quotient, splat(divisor, bits)));
    } else if ((divisor & (divisor + 1)) == 0) {
      return modulo_of_all_ones(value, high, divisor);
    } else if (high < exact_in_double) {
      return divide_as_double(value, divisor).second;
    }
    return b_.CreateURem(value, splat(divisor, bits));
  }

  /// By 2^k - 1: 2^k leaves 1, so the high bits are added to the low ones.
  Value* modulo_of_all_ones(Value* value, int64_t high, int64_t divisor) {
    const int bits = std::countr_one(static_cast<uint64_t>(divisor));
    while (high >= 2 * divisor) {
      value = b_.CreateAdd(b_.CreateAnd(value, splat(divisor, 64)), b_.CreateLShr(value, splat(bits, 64)));
      high = std::min(high, divisor) + (high >> bits);
    }
    auto* less = b_.CreateSub(value, splat(divisor, 64));
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, value, less);  // below the divisor the difference wraps to a huge number
  }

  Value* divide_any(const KernelNode& node) {
    auto *a = get(node.a, 64), *b = get(node.b, 64);
    // The machine traps where the quotient does not exist. Such rows fault and divide by one; so does the smallest number by -1, whose rest is 0.
    auto* zero = b_.CreateICmpEQ(b, splat(0, 64));
    auto* too_large = b_.CreateAnd(b_.CreateICmpEQ(a, splat(INT64_MIN, 64)), b_.CreateICmpEQ(b, splat(-1, 64)));
    b = b_.CreateSelect(b_.CreateOr(zero, too_large), splat(1, 64), b);
    auto *quotient = b_.CreateSDiv(a, b), *rest = b_.CreateSRem(a, b);
    auto* below = b_.CreateAnd(b_.CreateICmpNE(rest, splat(0, 64)), b_.CreateICmpSLT(b_.CreateXor(rest, b), splat(0, 64)));
    if (node.op == KernelOp::modulo_any) return b_.CreateSelect(below, b_.CreateAdd(rest, b), rest);
    return b_.CreateAdd(quotient, b_.CreateSExt(below, vector(64)));
  }

  const KernelPlan& plan_;
  const KernelGraph& g_;
  llvm::Module& module_;
  llvm::IRBuilder<> b_;
  llvm::PHINode* row_ = nullptr;
  std::vector<Value*> ins_, outs_;
  std::map<Id, Value*> made_;
  std::map<std::pair<Id, int>, Value*> cast_;
};

}  // namespace

void emit_kernel(const KernelPlan& plan, llvm::Module& module) { KernelEmitter(plan, module).emit(); }

}  // namespace dunlin::native
