#include "compiler/native/function_emitter.h"

#include <llvm/IR/Verifier.h>

namespace dunlin::native {

using ir::Kind;
using ir::Op;

FunctionEmitter::FunctionEmitter(ModuleEmitter& emitter, ir::FunctionId id)
    : m_(emitter),
      id_(id),
      ir_(emitter.program.functions[static_cast<size_t>(id)]),
      plan_(plan_demand(emitter.program, ir_)),
      b_(emitter.context),
      values_(ir_.nodes.size()) {}

void FunctionEmitter::emit() {
  emit_results();
  for (auto id : plan_.shared) emit_shared(id);
}

void FunctionEmitter::begin(llvm::Function* function) {
  machine_ = function;
  leave(0);
  fault_blocks_.clear();
  context_ = function->getArg(0);
  self_ = function->getArg(1);
  arguments_ = function->getArg(2);
  b_.SetInsertPoint(llvm::BasicBlock::Create(m_.context, "entry", function));
}

void FunctionEmitter::emit_results() {
  begin(m_.function(id_));
  out_ = machine_->getArg(3);
  if (plan_.frame_slots > 0) {
    frame_ = room(plan_.frame_slots);
    for (auto id : plan_.shared) store_slot(frame_, plan_.frame_offset[static_cast<size_t>(id)], b_.getInt64(0));
  }
  std::vector<Value*> results;
  for (auto result : ir_.results) results.push_back(value(result));
  for (size_t i = 0; i < results.size(); ++i) store_slot(out_, static_cast<int64_t>(i), results[i]);
  b_.CreateRet(b_.getInt32(0));
}

llvm::Function* FunctionEmitter::stretch(ir::NodeId id) {
  const auto name = function_symbol(id_) + ".part" + std::to_string(id);
  if (auto* known = m_.module.getFunction(name)) return known;
  return llvm::Function::Create(m_.function_type, llvm::GlobalValue::InternalLinkage, name, m_.module);
}

void FunctionEmitter::emit_shared(ir::NodeId id) {
  begin(stretch(id));
  frame_ = machine_->getArg(3);
  out_ = nullptr;
  const auto offset = plan_.frame_offset[static_cast<size_t>(id)];
  const auto values = compute(id);
  for (size_t i = 0; i < values.size(); ++i) store_slot(frame_, offset + 1 + static_cast<int64_t>(i), values[i]);
  store_slot(frame_, offset, b_.getInt64(1));
  b_.CreateRet(b_.getInt32(0));
}

std::vector<llvm::Value*> FunctionEmitter::load_shared(ir::NodeId id) {
  const auto offset = plan_.frame_offset[static_cast<size_t>(id)];
  auto *missing = block("missing"), *ready = block("ready");
  b_.CreateCondBr(b_.CreateICmpEQ(load_slot(frame_, offset), b_.getInt64(0)), missing, ready);
  b_.SetInsertPoint(missing);
  return_if_fault(b_.CreateCall(stretch(id), {context_, self_, arguments_, frame_}));
  b_.CreateBr(ready);
  b_.SetInsertPoint(ready);
  const auto& node = node_at(id);
  std::vector<Value*> values;
  const auto slots = value_slots(m_.program, ir_, node);
  for (int32_t i = 0; i < slots; ++i) {
    auto* slot = load_slot(frame_, offset + 1 + i);
    values.push_back(node.kind == Kind::tuple ? slot : from_slot(slot, node.kind));
  }
  return values;
}

const std::vector<llvm::Value*>& FunctionEmitter::parts(ir::NodeId id) {
  const auto index = static_cast<size_t>(id);
  if (values_[index].empty()) keep(id, plan_.is_shared(id) ? load_shared(id) : compute(id));
  return values_[index];
}

llvm::Value* FunctionEmitter::value(ir::NodeId id) { return parts(id)[0]; }

void FunctionEmitter::keep(ir::NodeId id, std::vector<Value*> values) {
  values_[static_cast<size_t>(id)] = std::move(values);
  kept_.push_back(id);
}

void FunctionEmitter::leave(size_t scope) {
  while (kept_.size() > scope) {
    values_[static_cast<size_t>(kept_.back())].clear();
    kept_.pop_back();
  }
}

std::vector<llvm::Value*> FunctionEmitter::compute(ir::NodeId id) {
  const auto& node = node_at(id);
  switch (node.op) {
    case Op::branch:
      return compute_branch(node);
    case Op::call:
    case Op::native:
      return compute_call(node);
    case Op::aggregate:
      return compute_aggregate(node);
    case Op::select: {
      if (node.kind != Kind::tuple) break;
      auto* condition = boolean(node, 0);
      const auto a = parts(node.operands[1]), b = parts(node.operands[2]);
      std::vector<Value*> chosen;
      for (size_t i = 0; i < a.size(); ++i) chosen.push_back(b_.CreateSelect(condition, to_slot(a[i]), to_slot(b[i])));
      return chosen;
    }
    case Op::pack: {
      std::vector<Value*> slots;
      for (size_t i = 0; i < node.operands.size(); ++i) slots.push_back(to_slot(operand(node, i)));
      return slots;
    }
    case Op::extract: {
      auto* slot = parts(node.operands[0])[static_cast<size_t>(node.immediate)];
      return {from_slot(slot, node.kind)};
    }
    default:
      break;
  }
  Value* made = compute_input(node);
  if (!made) made = compute_integer(node);
  if (!made) made = compute_number(node);
  if (!made) made = compute_logic(node);
  if (!made) made = compute_clock(node);
  if (!made) made = compute_support(node);
  return {made};
}

std::vector<llvm::Value*> FunctionEmitter::compute_branch(const ir::Node& node) {
  auto* condition = boolean(node, 0);
  auto *then = block("then"), *otherwise = block("else"), *join = block("join");
  b_.CreateCondBr(condition, then, otherwise);
  llvm::BasicBlock* from[2];
  std::vector<Value*> arms[2];
  for (size_t arm = 0; arm < 2; ++arm) {
    b_.SetInsertPoint(arm == 0 ? then : otherwise);
    const auto outside = scope();
    arms[arm] = parts(node.operands[arm + 1]);
    leave(outside);
    from[arm] = b_.GetInsertBlock();
    if (node.kind == Kind::tuple) {
      for (auto*& part : arms[arm]) part = to_slot(part);
    } else {
      arms[arm][0] = from_slot(to_slot(arms[arm][0]), node.kind);
    }
    b_.CreateBr(join);
  }
  b_.SetInsertPoint(join);
  std::vector<Value*> joined;
  for (size_t i = 0; i < arms[0].size(); ++i) {
    auto* phi = b_.CreatePHI(arms[0][i]->getType(), 2);
    phi->addIncoming(arms[0][i], from[0]);
    phi->addIncoming(arms[1][i], from[1]);
    joined.push_back(phi);
  }
  return joined;
}

// ---- pieces --------------------------------------------------------------------------------

llvm::Value* FunctionEmitter::operand(const ir::Node& node, size_t position) { return value(node.operands[position]); }
llvm::Value* FunctionEmitter::integer(const ir::Node& node, size_t position) { return to_slot(operand(node, position)); }
llvm::Value* FunctionEmitter::boolean(const ir::Node& node, size_t position) { return from_slot(operand(node, position), Kind::boolean); }
llvm::Value* FunctionEmitter::number(const ir::Node& node, size_t position) { return from_slot(operand(node, position), Kind::number); }
llvm::Value* FunctionEmitter::pointer(const ir::Node& node, size_t position) { return from_slot(operand(node, position), Kind::pointer); }

llvm::Value* FunctionEmitter::to_slot(Value* value) {
  auto* type = value->getType();
  if (type == m_.i64) return value;
  if (type == m_.i1) return b_.CreateZExt(value, m_.i64);
  if (type->isPointerTy()) return b_.CreatePtrToInt(value, m_.i64);
  return b_.CreateBitCast(value, m_.i64);
}

llvm::Value* FunctionEmitter::from_slot(Value* slot, Kind kind) {
  auto* type = slot->getType();
  switch (kind) {
    case Kind::boolean:
      return type == m_.i1 ? slot : b_.CreateICmpNE(to_slot(slot), b_.getInt64(0));
    case Kind::number:
      return type == m_.f64 ? slot : b_.CreateBitCast(to_slot(slot), m_.f64);
    case Kind::pointer:
      return type->isPointerTy() ? slot : b_.CreateIntToPtr(to_slot(slot), m_.pointer);
    default:
      return to_slot(slot);
  }
}

llvm::Value* FunctionEmitter::load(llvm::Type* type, Value* base, int64_t byte_offset) {
  return b_.CreateLoad(type, byte_offset == 0 ? base : b_.CreateConstInBoundsGEP1_64(m_.i8, base, static_cast<uint64_t>(byte_offset)));
}

llvm::Value* FunctionEmitter::load_slot(Value* slots, int64_t position) { return load(m_.i64, slots, position * 8); }

void FunctionEmitter::store_slot(Value* slots, int64_t position, Value* value) {
  b_.CreateStore(to_slot(value), b_.CreateConstInBoundsGEP1_64(m_.i64, slots, static_cast<uint64_t>(position)));
}

llvm::Value* FunctionEmitter::room(int64_t slots) {
  // In the entry block, so that a loop does not grow the stack and the optimiser can take it apart.
  auto& entry = machine_->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.begin());
  return at_entry.CreateAlloca(llvm::ArrayType::get(m_.i64, static_cast<uint64_t>(slots)));
}

llvm::BasicBlock* FunctionEmitter::block(const char* name) { return llvm::BasicBlock::Create(m_.context, name, machine_); }

llvm::Value* FunctionEmitter::global_code(const ir::Node& node, abi::Fault fault) {
  return b_.getInt32(static_cast<uint32_t>(m_.sites.number(id_, node.site) << 8 | static_cast<int32_t>(fault)));
}

void FunctionEmitter::fault_if(Value* condition, const ir::Node& node, abi::Fault fault) {
  auto* code = llvm::cast<llvm::ConstantInt>(global_code(node, fault));
  auto*& leaving = fault_blocks_[code->getSExtValue()];
  if (!leaving) {
    leaving = block("fault");
    llvm::IRBuilder<>(leaving).CreateRet(code);
  }
  auto* going_on = block("");
  b_.CreateCondBr(condition, leaving, going_on, m_.unlikely);
  b_.SetInsertPoint(going_on);
}

void FunctionEmitter::return_if_fault(Value* code) {
  auto *leaving = block("fault"), *going_on = block("");
  b_.CreateCondBr(b_.CreateICmpNE(code, b_.getInt32(0)), leaving, going_on, m_.unlikely);
  b_.SetInsertPoint(leaving);
  b_.CreateRet(code);
  b_.SetInsertPoint(going_on);
}

void FunctionEmitter::fault_if_any(Value* fault, const ir::Node& node) {
  auto *leaving = block("fault"), *going_on = block("");
  b_.CreateCondBr(b_.CreateICmpNE(fault, b_.getInt32(0)), leaving, going_on, m_.unlikely);
  b_.SetInsertPoint(leaving);
  b_.CreateRet(b_.CreateOr(fault, global_code(node, abi::Fault::none)));
  b_.SetInsertPoint(going_on);
}

void emit_function(ModuleEmitter& emitter, ir::FunctionId id) { FunctionEmitter(emitter, id).emit(); }

}  // namespace dunlin::native
