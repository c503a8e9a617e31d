#include "compiler/interp/machine.h"

#include "compiler/abi/native_registry.h"

namespace dunlin::interp {

using abi::Fault;
using ir::Op;

Failure Machine::failure(const Frame& frame, const ir::Node& node, Fault fault) const {
  const bool known = node.site >= 0 && static_cast<size_t>(node.site) < frame.function->sites.size();
  return {fault, known ? frame.function->sites[static_cast<size_t>(node.site)].span : Span{}};
}

Failure Machine::call(ir::FunctionId id, const abi::Instance* self, const int64_t* arguments, int64_t* out) {
  const auto& function = code_.program->functions[static_cast<size_t>(id)];
  if (depth_ >= call_depth_max) return {Fault::too_deep, {}};
  ++depth_;
  const Layout& layout = code_.layouts[static_cast<size_t>(id)];
  Frame frame{&function, &layout, self, arguments, std::vector<int64_t>(static_cast<size_t>(layout.slots)), std::vector<uint8_t>(function.nodes.size()), {}};
  Failure failed;
  for (size_t i = 0; i < function.results.size() && !failed; ++i) {
    failed = demand(frame, function.results[i]);
    if (!failed) out[i] = value(frame, function.results[i]);
  }
  --depth_;
  if (trace_ != nullptr) interp::record(*code_.program->checked, {function, frame.done, frame.values, layout, self}, depth_, *trace_);
  return failed;
}

ir::NodeId Machine::needed(const Frame& frame, const ir::Node& node) {
  const auto open = [&](ir::NodeId id) { return frame.done[static_cast<size_t>(id)] == 0; };
  if (node.op == Op::branch) {
    if (open(node.operands[0])) return node.operands[0];
    const ir::NodeId arm = node.operands[value(frame, node.operands[0]) != 0 ? 1 : 2];
    return open(arm) ? arm : ir::none;
  }
  for (const ir::NodeId operand : node.operands)
    if (open(operand)) return operand;
  return ir::none;
}

Failure Machine::demand(Frame& frame, ir::NodeId wanted) {
  auto& waiting = frame.waiting;
  waiting.assign(1, wanted);
  while (!waiting.empty()) {
    const ir::NodeId id = waiting.back();
    if (frame.done[static_cast<size_t>(id)] != 0) {
      waiting.pop_back();
      continue;
    }
    const ir::NodeId before = needed(frame, frame.function->nodes[static_cast<size_t>(id)]);
    if (before != ir::none) {
      waiting.push_back(before);
      continue;
    }
    if (Failure failed = compute(frame, id)) return failed;
    frame.done[static_cast<size_t>(id)] = 1;
    waiting.pop_back();
  }
  return {};
}

std::vector<int64_t> Machine::operands(const Frame& frame, const ir::Node& node, size_t first) const {
  std::vector<int64_t> slots;
  for (size_t i = first; i < node.operands.size(); ++i) {
    const auto id = static_cast<size_t>(node.operands[i]);
    for (int32_t slot = 0; slot < frame.layout->width[id]; ++slot) slots.push_back(frame.values[static_cast<size_t>(frame.layout->offset[id] + slot)]);
  }
  return slots;
}

Failure Machine::compute(Frame& frame, ir::NodeId id) {
  const ir::Node& node = frame.function->nodes[static_cast<size_t>(id)];
  int64_t* out = frame.values.data() + frame.layout->offset[static_cast<size_t>(id)];
  const auto copy = [&](ir::NodeId from) {
    const auto at = static_cast<size_t>(from);
    for (int32_t slot = 0; slot < frame.layout->width[at]; ++slot) out[slot] = frame.values[static_cast<size_t>(frame.layout->offset[at] + slot)];
  };
  switch (node.op) {
    case Op::branch:
    case Op::select:
      copy(node.operands[operand(frame, node, 0) != 0 ? 1 : 2]);
      return {};
    case Op::pack:
      for (const ir::NodeId part : node.operands) *out++ = value(frame, part);
      return {};
    case Op::extract:
      *out = frame.values[static_cast<size_t>(frame.layout->offset[static_cast<size_t>(node.operands[0])]) + static_cast<size_t>(node.immediate)];
      return {};
    case Op::call:
      return compute_call(frame, node, out);
    case Op::native:
      return compute_native(frame, node, out);
    case Op::aggregate:
      return compute_loop(frame, node, out);
    case Op::table_row:
      *out = find_row(*code_.program, code_.program->row_tables[static_cast<size_t>(node.immediate)], operands(frame, node).data());
      return {};
    case Op::table_wake:
      *out = row_change(*code_.program, code_.program->row_tables[static_cast<size_t>(node.immediate)], static_cast<ir::TableWake>(node.immediate2),
                        operands(frame, node).data());
      return {};
    default:
      break;
  }
  const Fault fault = scalar(frame, node, out);
  return fault == Fault::none ? Failure{} : failure(frame, node, fault);
}

Failure Machine::compute_call(Frame& frame, const ir::Node& node, int64_t* out) {
  const bool takes_self = code_.program->functions[static_cast<size_t>(node.function)].takes_self;
  const auto* self = takes_self ? reinterpret_cast<const abi::Instance*>(operand(frame, node, 0)) : frame.self;
  const auto arguments = operands(frame, node, takes_self ? 1 : 0);
  return call(node.function, self, arguments.data(), out);
}

Failure Machine::compute_native(Frame& frame, const ir::Node& node, int64_t* out) {
  const auto body = code_.natives[static_cast<size_t>(node.immediate)];
  if (body == nullptr) return failure(frame, node, Fault::native_function);
  auto host = abi::native_host(context_.arena);
  const auto arguments = operands(frame, node);
  return body(arguments.data(), out, &host) == 0 ? Failure{} : failure(frame, node, Fault::native_function);
}

}  // namespace dunlin::interp
