// Writes one IR function as machine code would run it: nodes on demand, faults as early returns.
#pragma once

#include <map>
#include <vector>

#include "compiler/native/demand.h"
#include "compiler/native/module_emitter.h"

namespace dunlin::native {

class FunctionEmitter {
 public:
  FunctionEmitter(ModuleEmitter& emitter, ir::FunctionId id);
  void emit();

 private:
  using Value = llvm::Value;

  // The stretches of the function: its results, then each shared node.
  void emit_results();
  void emit_shared(ir::NodeId id);
  llvm::Function* stretch(ir::NodeId id);
  void begin(llvm::Function* function);

  // Demand
  Value* value(ir::NodeId id);                      // of a node that is not a tuple
  const std::vector<Value*>& parts(ir::NodeId id);  // of any node
  std::vector<Value*> compute(ir::NodeId id);
  std::vector<Value*> load_shared(ir::NodeId id);
  void keep(ir::NodeId id, std::vector<Value*> values);
  size_t scope() const { return kept_.size(); }
  void leave(size_t scope);

  // Kinds of operations, each in its own file
  Value* compute_input(const ir::Node& node);
  Value* compute_integer(const ir::Node& node);
  Value* compute_number(const ir::Node& node);
  Value* compute_logic(const ir::Node& node);
  std::vector<Value*> compute_branch(const ir::Node& node);
  std::vector<Value*> compute_call(const ir::Node& node);
  Value* compute_clock(const ir::Node& node);
  Value* compute_support(const ir::Node& node);
  std::vector<Value*> compute_aggregate(const ir::Node& node);

  Value* checked(llvm::Intrinsic::ID operation, Value* a, Value* b, const ir::Node& node);
  Value* floor_division(const ir::Node& node, bool modulo);
  Value* multiply_scaled(const ir::Node& node);
  Value* finite(Value* number, const ir::Node& node);

  // Pieces
  Value* operand(const ir::Node& node, size_t position);  // in the operand's own kind
  Value* integer(const ir::Node& node, size_t position);  // as i64
  Value* boolean(const ir::Node& node, size_t position);
  Value* number(const ir::Node& node, size_t position);
  Value* pointer(const ir::Node& node, size_t position);
  std::vector<Value*> all_slots(const ir::Node& node);  // of its operands, tuples taken apart
  Value* to_slot(Value* value);
  Value* from_slot(Value* slot, ir::Kind kind);
  Value* load(llvm::Type* type, Value* base, int64_t byte_offset);
  Value* load_slot(Value* slots, int64_t position);
  Value* room(int64_t slots);  // in the frame of the machine function
  void store_slot(Value* slots, int64_t position, Value* value);
  Value* global_code(const ir::Node& node, abi::Fault fault);
  void fault_if(Value* condition, const ir::Node& node, abi::Fault fault);
  void return_if_fault(Value* code);                      // code of a callee: already numbered
  void fault_if_any(Value* fault, const ir::Node& node);  // abi::Fault of a support function
  llvm::BasicBlock* block(const char* name);
  const ir::Node& node_at(ir::NodeId id) const { return ir_.nodes[static_cast<size_t>(id)]; }

  friend class AggregateLoop;

  ModuleEmitter& m_;
  const ir::FunctionId id_;
  const ir::Function& ir_;
  DemandPlan plan_;
  llvm::IRBuilder<> b_;
  llvm::Function* machine_ = nullptr;
  Value *context_ = nullptr, *self_ = nullptr, *arguments_ = nullptr, *frame_ = nullptr, *out_ = nullptr;
  std::vector<std::vector<Value*>> values_;  // by node; empty: not available here
  std::vector<ir::NodeId> kept_;
  std::map<int64_t, llvm::BasicBlock*> fault_blocks_;
};

}  // namespace dunlin::native
