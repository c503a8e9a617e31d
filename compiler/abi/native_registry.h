// Native functions by name: those of the standard library, and those of shared libraries loaded at start.
#pragma once

#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/abi/native_function.h"

namespace dunlin::abi {

class NativeRegistry {
 public:
  struct Function {
    std::string signature;  // "state_duty(claim : money, on : date) -> money"
    dunlin_native_function body = nullptr;
  };

  /// False if the name is taken: the first one stays.
  bool add(const dunlin_native_entry& entry);
  void add(std::span<const dunlin_native_entry> entries);
  /// Loads a shared library and adds what its `dunlin_native_entries` lists. The library stays loaded for the life of the process.
  /// An error is one sentence: not a library, no such symbol, a name that is taken.
  std::expected<void, std::string> load(const std::string& path);
  /// Libraries named in `paths`, separated by ':' (the value of DUNLIN_NATIVE_PATH). Returns what went wrong, one sentence each.
  std::vector<std::string> load_all(std::string_view paths);

  /// Null if there is none.
  const Function* find(std::string_view name) const;
  dunlin_native_function body(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, Function, std::less<>> functions_;
};

/// What a native function is called with: makes texts in the evaluation's arena.
dunlin_native_host native_host(void* arena);

}  // namespace dunlin::abi
