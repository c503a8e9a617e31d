// Two tiers behind one face. Readers never wait: they load one pointer; the quick code stays until the evaluator goes, so that
// a call that runs in it when the optimised code arrives ends in peace.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "compiler/native/native.h"

namespace dunlin {
namespace {

/// Nobody waits for the better code; who steps and answers goes first.
void give_way() {
  constexpr int last_in_line = 19;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), last_in_line);
}

class Tiered : public TieredEvaluator {
 public:
  Tiered(std::shared_ptr<const ir::Program> program, NativeOptions options, std::unique_ptr<Evaluator> quick)
      : quick_(std::move(quick)), current_(quick_.get()), worker_([this, program = std::move(program), options = std::move(options)]() mutable {
          give_way();
          options.opt_level = 2;
          auto made = compile_native(*program, options);
          if (made) {
            optimised_ = std::move(*made);
            current_.store(optimised_.get(), std::memory_order_release);
          } else {
            problem_ = std::move(made.error());
          }
          finished_.store(true, std::memory_order_release);
          finished_.notify_all();
        }) {}

  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override {
    return current_.load(std::memory_order_acquire)->evaluate(root, context, out);
  }
  const char* name() const override { return "native"; }
  bool optimised() const override { return current_.load(std::memory_order_acquire) != quick_.get(); }
  std::string wait_until_optimised() override {
    finished_.wait(false, std::memory_order_acquire);
    return problem_;
  }

 private:
  std::unique_ptr<Evaluator> quick_, optimised_;
  std::string problem_;
  std::atomic<const Evaluator*> current_;
  std::atomic<bool> finished_ = false;
  std::jthread worker_;  // last: ends before what it writes to goes
};

}  // namespace

std::expected<std::unique_ptr<TieredEvaluator>, std::string> make_tiered(std::shared_ptr<const ir::Program> program, const NativeOptions& options) {
  auto quick_options = options;
  quick_options.opt_level = 0;
  auto quick = compile_native(*program, quick_options);
  if (!quick) return std::unexpected(quick.error());
  return std::make_unique<Tiered>(std::move(program), options, std::move(*quick));
}

}  // namespace dunlin
