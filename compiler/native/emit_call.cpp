// Calls: of IR functions, of bodies in this process, of tables.
#include "compiler/abi/builtin_bodies.h"
#include "compiler/native/function_emitter.h"

namespace dunlin::native {

using abi::Fault;
using ir::Kind;
using ir::Op;

std::vector<llvm::Value*> FunctionEmitter::all_slots(const ir::Node& node) {
  std::vector<Value*> slots;
  for (auto operand : node.operands)
    for (auto* part : parts(operand)) slots.push_back(part);
  for (auto*& slot : slots) slot = to_slot(slot);
  return slots;
}

std::vector<llvm::Value*> FunctionEmitter::compute_call(const ir::Node& node) {
  const auto operands = all_slots(node);
  const auto slots = value_slots(m_.program, ir_, node);
  auto* self = self_;
  size_t first = 0;
  if (node.op == Op::call && m_.program.functions[static_cast<size_t>(node.function)].takes_self) {
    self = from_slot(operands[0], Kind::pointer);
    first = 1;
  }
  auto* arguments = room(static_cast<int64_t>(operands.size()) + 1);
  for (size_t i = first; i < operands.size(); ++i) store_slot(arguments, static_cast<int64_t>(i - first), operands[i]);
  auto* results = room(std::max(slots, 1));
  if (node.op == Op::call) {
    return_if_fault(b_.CreateCall(m_.function(node.function), {context_, self, arguments, results}));
  } else {
    const auto known = m_.constants.natives[static_cast<size_t>(node.immediate)];
    if (!known) fault_if(b_.getTrue(), node, Fault::native_function);
    auto* body = m_.address(reinterpret_cast<const void*>(known));
    fault_if_any(b_.CreateCall(m_.support("dunlin_call_native"), {body, context_, arguments, results}), node);
  }
  std::vector<Value*> values;
  for (int32_t i = 0; i < slots; ++i) values.push_back(load_slot(results, i));
  return values;
}

llvm::Value* FunctionEmitter::compute_support(const ir::Node& node) {
  auto answer = [&](llvm::FunctionCallee callee, std::vector<Value*> arguments) {
    auto* result = room(1);
    arguments.push_back(result);
    fault_if_any(b_.CreateCall(callee, arguments), node);
    return from_slot(load_slot(result, 0), node.kind);
  };
  switch (node.op) {
    case Op::divide_scaled: {
      auto* a = integer(node, 0);
      return answer(m_.support("dunlin_divide_scaled"), {a, integer(node, 1), b_.getInt64(static_cast<uint64_t>(node.immediate))});
    }
    case Op::day_start:
      return answer(m_.support("dunlin_day_start"), {context_, integer(node, 0)});
    case Op::date_of:
      return answer(m_.support("dunlin_date_of"), {context_, integer(node, 0)});
    case Op::add_duration_to_date:
    case Op::add_duration_to_instant: {
      auto* a = integer(node, 0);
      const auto* name = node.op == Op::add_duration_to_date ? "dunlin_add_duration_to_date" : "dunlin_add_duration_to_instant";
      return answer(m_.support(name), {context_, a, integer(node, 1)});
    }
    case Op::equal_text: {
      auto* a = pointer(node, 0);
      return b_.CreateICmpNE(b_.CreateCall(m_.support("dunlin_equal_text"), {a, pointer(node, 1)}), b_.getInt64(0));
    }
    case Op::builtin:
    case Op::text_concat: {
      const auto operands = all_slots(node);
      const auto count = static_cast<int64_t>(operands.size());
      if (node.op == Op::builtin && !abi::builtin_body(static_cast<int>(node.immediate))) {
        fault_if(b_.getTrue(), node, Fault::bad_argument);
        return from_slot(b_.getInt64(0), node.kind);
      }
      auto* arguments = room(std::max<int64_t>(count, 1));
      for (int64_t i = 0; i < count; ++i) store_slot(arguments, i, operands[static_cast<size_t>(i)]);
      if (node.op == Op::builtin) return answer(m_.builtin(node.immediate), {context_, arguments});
      return answer(m_.support("dunlin_concat"), {context_, arguments, b_.getInt64(static_cast<uint64_t>(count))});
    }
    case Op::table_row:
      if (m_.program.row_tables[static_cast<size_t>(node.immediate)].by_index) {
        const auto keys = all_slots(node);
        auto* slots = room(std::max<int64_t>(static_cast<int64_t>(keys.size()), 1));
        for (size_t i = 0; i < keys.size(); ++i) store_slot(slots, static_cast<int64_t>(i), keys[i]);
        return b_.CreateCall(m_.support("dunlin_find_row"), {m_.address(m_.constants.row_index(m_.program, node.immediate)), slots});
      }
      return b_.CreateCall(m_.row_finder(node.immediate), all_slots(node));
    case Op::table_cell: {
      auto* cells = m_.cells(node.immediate, node.immediate2);
      return from_slot(b_.CreateLoad(m_.i64, b_.CreateInBoundsGEP(m_.i64, cells, integer(node, 0))), node.kind);
    }
    case Op::fault:
      fault_if(b_.getTrue(), node, static_cast<Fault>(node.immediate));
      return from_slot(b_.getInt64(0), node.kind);
    default:
      llvm_unreachable("operation without code");
  }
}

}  // namespace dunlin::native
