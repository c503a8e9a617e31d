#include "server/plan/lean.h"

#include "compiler/ir/ir.h"
#include "compiler/native/native.h"
#include "lang/sema/transfers.h"
#include "server/native_libraries.h"

namespace dunlin::server {

namespace {

class LeanEvaluator : public Evaluator {
 public:
  LeanEvaluator(std::unique_ptr<Evaluator> native, const Interpreter& rest, std::vector<bool> left_out)
      : native_(std::move(native)), rest_(rest), left_out_(std::move(left_out)) {}

  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override {
    const Evaluator& answers = left_out_[static_cast<size_t>(root)] ? static_cast<const Evaluator&>(rest_) : *native_;
    return answers.evaluate(root, context, out);
  }
  const char* name() const override { return "native"; }

 private:
  std::unique_ptr<Evaluator> native_;
  const Interpreter& rest_;
  std::vector<bool> left_out_;
};

}  // namespace

std::expected<std::unique_ptr<Evaluator>, std::string> lean_code(const checked::Program& program, const Machine& machine,
                                                                 const std::set<std::pair<std::string, int32_t>>& left_out) {
  auto natives = native_functions();
  if (!natives) return std::unexpected(natives.error());
  auto lean = std::make_shared<ir::Program>(*machine.ir);
  std::vector<bool> roots(program.roots.size());
  for (size_t root = 0; root < program.roots.size(); ++root) {
    const checked::KeptStrategy* kept = checked::kept_at(program, program.roots[root].strategy);
    if (kept == nullptr || !left_out.contains({program.strategies[static_cast<size_t>(kept->strategy)].name, kept->version})) continue;
    roots[root] = true;
    lean->of_root[root] = ir::none;
  }
  auto native = compile_native(*lean, {.natives = *natives});
  if (!native) return std::unexpected(native.error());
  return std::make_unique<LeanEvaluator>(std::move(*native), *machine.interpreter, std::move(roots));
}

}  // namespace dunlin::server
