// The reference night decided in memory, one core: by Dunlin's kernel, row by row, by the interpreter, and by hand-written C++ of the same logic.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace dunlin::bench {

struct InMemoryOptions {
  std::filesystem::path bundle, stdlib;
  int64_t accounts = 1'000'000;
  int rounds = 5;
  bool progress = false;
};

/// Medians over rounds in which all take their turn, so that a noisy machine is noisy for all.
struct InMemoryFigures {
  int64_t checksum = 0, accounts = 0;
  double jit_per_s = 0;       // columnar kernel
  double jit_rows_per_s = 0;  // native code, account by account
  double interpreter_per_s = 0;
  double handwritten_row_per_s = 0, handwritten_columnar_per_s = 0;
  double compile_ms = 0;  // text to the kernel's first decision being possible
};

/// An error is one sentence: the bundle does not compile, or two ways of deciding differ.
std::expected<InMemoryFigures, std::string> measure_in_memory(const InMemoryOptions& options);

double median(std::vector<double> values);

}  // namespace dunlin::bench
