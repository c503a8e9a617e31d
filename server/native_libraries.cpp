#include "server/native_libraries.h"

#include <cstdlib>

#include "stdlib/native/standard_natives.h"

namespace dunlin::server {
namespace {

struct Loaded {
  abi::NativeRegistry registry = standard_natives();
  std::string problems;
  Loaded() {
    const char* paths = std::getenv("DUNLIN_NATIVE_PATH");
    if (paths == nullptr) return;
    for (const auto& problem : registry.load_all(paths)) problems += (problems.empty() ? "" : "; ") + problem;
  }
};

}  // namespace

std::expected<const abi::NativeRegistry*, std::string> native_functions() {
  static const Loaded loaded;
  if (!loaded.problems.empty()) return std::unexpected("DUNLIN_NATIVE_PATH: " + loaded.problems);
  return &loaded.registry;
}

}  // namespace dunlin::server
