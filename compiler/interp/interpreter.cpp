#include "compiler/interp/interpreter.h"

#include "compiler/interp/machine.h"
#include "stdlib/native/standard_natives.h"

namespace dunlin {

namespace {

class PlainInterpreter : public Interpreter {
 public:
  PlainInterpreter(const ir::Program& program, const abi::NativeRegistry* natives) {
    code_.program = &program;
    code_.layouts = interp::lay_out(program);
    for (const auto& text : program.texts) code_.texts.push_back(code_.arena.text(text));
    const abi::NativeRegistry& registry = natives != nullptr ? *natives : standard_natives();
    for (const auto& native : program.checked->natives) code_.natives.push_back(registry.body(native.name));
  }

  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override { return run(root, context, out, nullptr); }
  Evaluation trace(checked::RootId root, const abi::EvalContext& context, int64_t* out, Trace& trace) const override { return run(root, context, out, &trace); }
  const char* name() const override { return "interpreter"; }

 private:
  Evaluation run(checked::RootId root, const abi::EvalContext& context, int64_t* out, Trace* trace) const {
    interp::Machine machine(code_, context, trace);
    const auto failed = machine.call(code_.program->of_root[static_cast<size_t>(root)], context.self, context.arguments, out);
    return {failed.fault, failed.where};
  }

  interp::Code code_;
};

}  // namespace

std::unique_ptr<Interpreter> make_interpreter(const ir::Program& program, const abi::NativeRegistry* natives) {
  return std::make_unique<PlainInterpreter>(program, natives);
}

}  // namespace dunlin
