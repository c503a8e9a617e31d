#include "compiler/native/kernel.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <cstring>

#include "compiler/native/code_space.h"
#include "compiler/native/kernel_emitter.h"
#include "compiler/native/kernel_symbolic.h"

namespace dunlin {

size_t column_bytes(ColumnType type) { return size_t{1} << static_cast<size_t>(type); }

namespace native {
namespace {

ColumnType narrowest(Range range) {
  if (range.low >= INT8_MIN && range.high <= INT8_MAX) return ColumnType::i8;
  if (range.low >= INT16_MIN && range.high <= INT16_MAX) return ColumnType::i16;
  if (range.low >= INT32_MIN && range.high <= INT32_MAX) return ColumnType::i32;
  return ColumnType::i64;
}

class ColumnKernel : public Kernel {
 public:
  const std::vector<KernelColumn>& inputs() const override { return inputs_; }
  const std::vector<KernelColumn>& outputs() const override { return outputs_; }
  bool can_fault() const override { return can_fault_; }
  void run(const abi::EvalContext& context, const void* const* in, void* const* out, uint8_t* fault, size_t rows) const override;

  std::expected<void, std::string> compile(const ir::Program& program, checked::Index entity, const std::vector<checked::Index>& derived,
                                           const KernelOptions& options);

 private:
  std::expected<void, std::string> generate(const KernelPlan& plan, const KernelOptions& options);
  void run_rest(const int64_t* uniforms, const void* const* in, void* const* out, uint8_t* fault, size_t from, size_t rows) const;

  std::vector<KernelColumn> inputs_, outputs_;
  bool can_fault_ = true;
  bool reads_today_ = false;
  size_t settings_ = 0;  // slots read
  size_t lanes_ = 16;
  std::unique_ptr<CodeSpace> code_;
  KernelEntry entry_ = nullptr;
};

std::expected<void, std::string> ColumnKernel::compile(const ir::Program& program, checked::Index entity, const std::vector<checked::Index>& derived,
                                                       const KernelOptions& options) {
  SymbolicEvaluator rows(program, entity);
  std::vector<Id> results;
  Id fault = rows.graph().truth(false);
  for (auto index : derived) {
    const auto& attribute = program.checked->entities[static_cast<size_t>(entity)].derived[static_cast<size_t>(index)];
    try {
      const auto outcome = rows.evaluate(attribute.root);
      fault = rows.graph().either(fault, outcome.fault);
      for (size_t part = 0; part < outcome.slots.size(); ++part) {
        const auto range = rows.graph()[outcome.slots[part]].range;
        outputs_.push_back({index, static_cast<int32_t>(part), narrowest(range), range.low, range.high});
        results.push_back(outcome.slots[part]);
      }
    } catch (const NotColumnar& reason) {
      return std::unexpected("`" + attribute.name + "` cannot be computed over columns: " + reason.what());
    }
  }
  inputs_ = rows.inputs();
  const auto& graph = rows.graph();
  for (Id id = 0; id < static_cast<Id>(graph.size()); ++id) {
    if (graph[id].op != KernelOp::uniform) continue;
    reads_today_ |= graph[id].immediate == uniform_today;
    if (graph[id].immediate >= first_setting) settings_ = std::max(settings_, static_cast<size_t>(graph[id].immediate - first_setting) + 1);
  }
  can_fault_ = reads_today_ || !graph.is_false(fault);
  auto code = CodeSpace::create({2, options.host_cpu});
  if (!code) return std::unexpected(code.error());
  code_ = std::move(*code);
  lanes_ = options.lanes > 0 ? static_cast<size_t>(options.lanes) : static_cast<size_t>(code_->vector_bits()) / 32;
  return generate({graph, inputs_, outputs_, results, fault, static_cast<int>(lanes_), 32}, options);
}

std::expected<void, std::string> ColumnKernel::generate(const KernelPlan& plan, const KernelOptions& options) {
  llvm::LLVMContext context;
  auto module = std::make_unique<llvm::Module>("kernel", context);
  code_->prepare(*module);
  emit_kernel(plan, *module);
  std::string assembly;
  if (options.listing) {
    llvm::raw_string_ostream stream(*options.listing);
    module->print(stream, nullptr);
  }
  if (auto added = code_->add(std::move(module), options.listing ? &assembly : nullptr); !added) return added;
  if (options.listing) *options.listing += assembly;
  auto address = code_->find(kernel_symbol);
  if (!address) return std::unexpected(address.error());
  entry_ = reinterpret_cast<KernelEntry>(*address);
  return {};
}

void ColumnKernel::run(const abi::EvalContext& context, const void* const* in, void* const* out, uint8_t* fault, size_t rows) const {
  std::memset(fault, 0, rows);
  if (reads_today_ && (context.today < today_range.low || context.today > today_range.high)) {
    std::memset(fault, 1, rows);
    return;
  }
  std::vector<int64_t> uniforms = {context.now, context.today};
  for (size_t i = 0; i < settings_; ++i) uniforms.push_back(context.settings[i]);
  const size_t whole = rows - rows % lanes_;
  entry_(in, out, uniforms.data(), fault, static_cast<int64_t>(whole));
  if (whole < rows) run_rest(uniforms.data(), in, out, fault, whole, rows);
}

/// The last rows fill less than a vector: they are copied to columns that have room for one.
void ColumnKernel::run_rest(const int64_t* uniforms, const void* const* in, void* const* out, uint8_t* fault, size_t from, size_t rows) const {
  const size_t stride = lanes_ * sizeof(int64_t);
  std::vector<char> room(stride * (inputs_.size() + outputs_.size() + 1), 0);
  std::vector<void*> padded;
  for (size_t i = 0; i <= inputs_.size() + outputs_.size(); ++i) padded.push_back(room.data() + i * stride);
  auto bytes = [](const KernelColumn& column) { return column_bytes(column.type); };
  for (size_t i = 0; i < inputs_.size(); ++i)
    for (size_t lane = 0; lane < lanes_; ++lane) {
      const size_t row = std::min(from + lane, rows - 1);  // the last row again, not zeros: a zero may lie outside the field's range
      std::memcpy(static_cast<char*>(padded[i]) + lane * bytes(inputs_[i]), static_cast<const char*>(in[i]) + row * bytes(inputs_[i]), bytes(inputs_[i]));
    }
  void* const* results = padded.data() + inputs_.size();
  auto* faults = static_cast<uint8_t*>(padded.back());
  entry_(padded.data(), results, uniforms, faults, static_cast<int64_t>(lanes_));
  for (size_t i = 0; i < outputs_.size(); ++i)
    std::memcpy(static_cast<char*>(out[i]) + from * bytes(outputs_[i]), results[i], (rows - from) * bytes(outputs_[i]));
  std::memcpy(fault + from, faults, rows - from);
}

}  // namespace
}  // namespace native

std::expected<std::unique_ptr<Kernel>, std::string> compile_kernel(const ir::Program& program, checked::Index entity,
                                                                   const std::vector<checked::Index>& derived, const KernelOptions& options) {
  auto kernel = std::make_unique<native::ColumnKernel>();
  if (auto done = kernel->compile(program, entity, derived, options); !done) return std::unexpected(done.error());
  return kernel;
}

}  // namespace dunlin
