// LLVM behind the evaluator's face: machine code for every function of a program, made in this process and freed with the evaluator.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "compiler/abi/native_registry.h"
#include "compiler/evaluator.h"
#include "compiler/ir/ir.h"

namespace dunlin {

/// A mistake built in on purpose, to show that the comparison with the interpreter finds it. Never set outside tests.
enum class Miscompilation : uint8_t {
  none,
  addition_wraps,           // integer addition forgets its overflow check
  halves_away_from_zero,    // scaled results round 0.5 away from zero instead of to even
  division_truncates,       // floor division rounds towards zero
  interval_end_left_out,    // the upper end of an interval does not belong to it
  cancelled_event_counted,  // loops over events look at cancelled ones too
};
const char* miscompilation_name(Miscompilation planted);

struct NativeOptions {
  int opt_level = 2;     // 0: ready soon; 2: fast
  bool host_cpu = true;  // false: plain x86-64 (or whatever the machine's baseline is)
  Miscompilation planted_miscompilation = Miscompilation::none;
  /// Bodies of native functions; null: those of the standard library. Calling one that has no body is a fault.
  const abi::NativeRegistry* natives = nullptr;
};

/// Compiles all functions of `program`. The evaluator does not refer to the program afterwards.
/// An error is one sentence: what LLVM said.
std::expected<std::unique_ptr<Evaluator>, std::string> compile_native(const ir::Program& program, const NativeOptions& options = {});

/// Answers by quickly made code at once, and by optimised code as soon as a thread of its own has it ready.
/// `program` is kept until then.
class TieredEvaluator : public Evaluator {
 public:
  virtual bool optimised() const = 0;
  /// Blocks until the optimised code answers (or could not be made: then the quick code stays, and the reason is returned).
  virtual std::string wait_until_optimised() = 0;
};
std::expected<std::unique_ptr<TieredEvaluator>, std::string> make_tiered(std::shared_ptr<const ir::Program> program, const NativeOptions& options = {});

}  // namespace dunlin
