#include "compiler/native/native.h"

#include <llvm/IR/LLVMContext.h>

#include "compiler/abi/builtin_bodies.h"
#include "compiler/native/code_space.h"
#include "compiler/native/module_emitter.h"
#include "compiler/native/support.h"
#include "stdlib/native/standard_natives.h"

namespace dunlin {

const char* miscompilation_name(Miscompilation planted) {
  switch (planted) {
    case Miscompilation::none:
      return "none";
    case Miscompilation::addition_wraps:
      return "addition wraps";
    case Miscompilation::halves_away_from_zero:
      return "halves round away from zero";
    case Miscompilation::division_truncates:
      return "division truncates";
    case Miscompilation::interval_end_left_out:
      return "interval end left out";
    case Miscompilation::cancelled_event_counted:
      return "cancelled event counted";
  }
  return "";
}

namespace native {
namespace {

/// Functions of one module are optimised together; more than this many nodes go into the next one.
constexpr size_t nodes_in_module = 6000;

using Entry = int32_t (*)(const abi::EvalContext*, const abi::Instance*, const int64_t*, int64_t*);

class NativeEvaluator : public Evaluator {
 public:
  NativeEvaluator(const ir::Program& program, const NativeOptions& options) : sites_(program), constants_(program), options_(options) {}

  std::expected<void, std::string> compile(const ir::Program& program);

  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override {
    const int32_t code = entries_[static_cast<size_t>(root)](&context, context.self, context.arguments, out);
    if (code == 0) return {};
    return {static_cast<abi::Fault>(code & 255), sites_.spans[static_cast<size_t>(code >> 8)]};
  }
  const char* name() const override { return "native"; }

 private:
  void find_natives(const ir::Program& program);
  std::expected<void, std::string> define_symbols(const ir::Program& program);
  std::expected<void, std::string> compile_modules(const ir::Program& program);

  SiteNumbers sites_;
  Constants constants_;
  NativeOptions options_;
  std::unique_ptr<CodeSpace> code_;
  std::vector<Entry> entries_;  // by root
};

void NativeEvaluator::find_natives(const ir::Program& program) {
  if (!program.checked) return;
  const auto& registry = options_.natives ? *options_.natives : standard_natives();
  for (const auto& native : program.checked->natives) constants_.natives.push_back(registry.body(native.name));
}

std::expected<void, std::string> NativeEvaluator::define_symbols(const ir::Program& program) {
  CodeSpace::Symbols symbols;
  for (const auto& function : support_functions()) symbols.emplace_back(function.name, function.address);
  std::vector<uint8_t> seen(256, 0);
  for (const auto& function : program.functions)
    for (const auto& node : function.nodes) {
      if (node.op != ir::Op::builtin || seen[static_cast<size_t>(node.immediate)]++) continue;
      const auto id = static_cast<int>(node.immediate);
      if (abi::builtin_body(id)) symbols.emplace_back(abi::builtin_symbol(id), reinterpret_cast<const void*>(abi::builtin_body(id)));
    }
  return code_->define(symbols);
}

/// Functions that a root leads to: a root without one (ir::none) asks for nothing.
std::vector<bool> needed_functions(const ir::Program& program) {
  std::vector<bool> needed(program.functions.size());
  std::vector<ir::FunctionId> open;
  const auto need = [&](ir::FunctionId function) {
    if (function == ir::none || needed[static_cast<size_t>(function)]) return;
    needed[static_cast<size_t>(function)] = true;
    open.push_back(function);
  };
  for (const auto function : program.of_root) need(function);
  while (!open.empty()) {
    const ir::Function& function = program.functions[static_cast<size_t>(open.back())];
    open.pop_back();
    for (const auto& node : function.nodes) need(node.function);
    for (const auto& aggregate : function.aggregates) need(aggregate.body);
  }
  return needed;
}

std::expected<void, std::string> NativeEvaluator::compile_modules(const ir::Program& program) {
  const auto count = program.functions.size();
  const auto needed = needed_functions(program);
  for (size_t next = 0; next < count;) {
    llvm::LLVMContext context;
    auto module = std::make_unique<llvm::Module>("dunlin", context);
    code_->prepare(*module);
    ModuleEmitter emitter(program, sites_, constants_, options_.planted_miscompilation, *module);
    for (size_t nodes = 0; next < count && nodes < nodes_in_module; ++next) {
      if (!needed[next]) continue;
      emit_function(emitter, static_cast<ir::FunctionId>(next));
      nodes += program.functions[next].nodes.size();
    }
    if (auto added = code_->add(std::move(module)); !added) return added;
  }
  return {};
}

std::expected<void, std::string> NativeEvaluator::compile(const ir::Program& program) {
  auto code = CodeSpace::create({options_.opt_level, options_.host_cpu});
  if (!code) return std::unexpected(code.error());
  code_ = std::move(*code);
  find_natives(program);
  for (auto step : {&NativeEvaluator::define_symbols, &NativeEvaluator::compile_modules})
    if (auto done = (this->*step)(program); !done) return done;
  for (auto function : program.of_root) {
    if (function == ir::none) {
      entries_.push_back(nullptr);
      continue;
    }
    auto address = code_->find(function_symbol(function));
    if (!address) return std::unexpected(address.error());
    entries_.push_back(reinterpret_cast<Entry>(*address));
  }
  return {};
}

}  // namespace
}  // namespace native

std::expected<std::unique_ptr<Evaluator>, std::string> compile_native(const ir::Program& program, const NativeOptions& options) {
  auto evaluator = std::make_unique<native::NativeEvaluator>(program, options);
  if (auto done = evaluator->compile(program); !done) return std::unexpected(done.error());
  return evaluator;
}

}  // namespace dunlin
