// The reference night by Dunlin: strategies/reference_night compiled, run by the columnar kernel, by native code a row and by the interpreter.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/bench/reference_night.h"

namespace dunlin::bench {

/// How long each part of making the bundle ready took, milliseconds.
struct CompileTimes {
  double check_ms = 0;      // read, parse, check, analyse
  double lower_ms = 0;      // to the intermediate form
  double quick_ms = 0;      // machine code without optimising: the first decision is possible
  double kernel_ms = 0;     // the columnar loop, optimised
  double optimised_ms = 0;  // machine code a row, optimised
};

/// The portfolio in the kernel's own columns: as narrow as the declared ranges allow.
class KernelColumns {
 public:
  virtual ~KernelColumns() = default;
};

class Night {
 public:
  /// `bundle`: the folder strategies/reference_night; `stdlib`: the folder with std/. An error is the text of the diagnostics.
  static std::expected<std::unique_ptr<Night>, std::string> load(const std::filesystem::path& bundle, const std::filesystem::path& stdlib);
  virtual ~Night() = default;

  virtual const CompileTimes& times() const = 0;
  /// Puts a portfolio into the kernel's columns, and makes room for what it decides: outside the clock.
  virtual std::unique_ptr<KernelColumns> kernel_columns(const Columns& columns) const = 0;
  virtual void run_kernel(KernelColumns& columns) const = 0;
  /// What the last run decided.
  virtual void read_decisions(const KernelColumns& columns, DecisionColumns& decisions) const = 0;

  /// One account after the other, as the engine asks: six attributes each. Both answer the same.
  virtual void run_native_rows(const Columns& columns, DecisionColumns& decisions) const = 0;
  virtual void run_interpreter(const Columns& columns, DecisionColumns& decisions) const = 0;

  /// LLVM code and assembly of the kernel.
  virtual std::expected<std::string, std::string> kernel_listing() const = 0;
};

}  // namespace dunlin::bench
