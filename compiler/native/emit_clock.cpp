// Clock arithmetic for wakes: never faults (compiler/abi/wake.h).
#include "compiler/native/function_emitter.h"

namespace dunlin::native {

using ir::Op;

llvm::Value* FunctionEmitter::compute_clock(const ir::Node& node) {
  auto immediate = [&] { return b_.getInt64(static_cast<uint64_t>(node.immediate)); };
  auto answer = [&](const char* name, std::vector<Value*> arguments) -> Value* { return b_.CreateCall(m_.support(name), arguments); };
  switch (node.op) {
    case Op::add_saturating:
    case Op::subtract_saturating: {
      auto* a = integer(node, 0);
      const auto operation = node.op == Op::add_saturating ? llvm::Intrinsic::sadd_sat : llvm::Intrinsic::ssub_sat;
      return b_.CreateBinaryIntrinsic(operation, a, integer(node, 1));
    }
    case Op::day_start_clamped:
      return answer("dunlin_day_start_clamped", {context_, integer(node, 0)});
    case Op::calendar_last_day:
      return answer("dunlin_calendar_last_day", {context_});
    case Op::next_working_day:
      return answer("dunlin_next_working_day", {context_, integer(node, 0)});
    case Op::period_start:
      return answer("dunlin_period_start", {integer(node, 0), immediate()});
    case Op::period_next:
      return answer("dunlin_period_next", {integer(node, 0), immediate()});
    case Op::flip: {
      std::vector<Value*> arguments = {b_.getInt64(static_cast<uint64_t>(node.immediate - static_cast<int64_t>(Op::equal)))};
      for (size_t i = 0; i < 4; ++i) arguments.push_back(integer(node, i));
      return answer("dunlin_flip", arguments);
    }
    case Op::table_wake: {
      const auto operands = all_slots(node);
      auto* slots = room(static_cast<int64_t>(operands.size()));
      for (size_t i = 0; i < operands.size(); ++i) store_slot(slots, static_cast<int64_t>(i), operands[i]);
      return answer("dunlin_table_wake",
                    {m_.address(m_.constants.table_wake(m_.program, node.immediate)), b_.getInt64(static_cast<uint64_t>(node.immediate2)), slots});
    }
    default:
      return nullptr;
  }
}

}  // namespace dunlin::native
