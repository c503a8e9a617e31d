// Memory for texts and rows that live as long as a case file or an evaluation.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

/// A bump allocator. Not thread safe. Everything goes when it is cleared; memory is kept for the next use.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Eight-byte aligned, zeroed.
  void* allocate(size_t bytes);
  template <class T>
  T* array(size_t count) {
    return static_cast<T*>(allocate(count * sizeof(T)));
  }
  const Text* text(std::string_view bytes);
  void clear();
  size_t used() const { return used_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0, offset_ = 0, used_ = 0;
};

}  // namespace dunlin::abi
