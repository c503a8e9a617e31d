// Ways to spoil a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dunlin::fuzz {

/// xorshift64*: the same seed gives the same texts everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  uint64_t next();
  /// 0 … n-1; 0 for n = 0.
  size_t below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(next() % n); }
  bool one_in(size_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

/// A text made from one or two of `corpus` by a few random changes.
std::string mutated(const std::vector<std::string>& corpus, Random& random);

/// Texts that are hostile by design: deep nesting, endless lines, zero bytes, broken UTF-8, long chains.
std::vector<std::string> hostile_texts();

}  // namespace dunlin::fuzz
