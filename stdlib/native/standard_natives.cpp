#include "stdlib/native/standard_natives.h"

namespace dunlin {

namespace {

#define DUNLIN_NATIVE_ENTRY(name, signature) {#name, signature, dunlin_native_##name},
const dunlin_native_entry entries[] = {DUNLIN_STANDARD_NATIVES(DUNLIN_NATIVE_ENTRY)};
#undef DUNLIN_NATIVE_ENTRY

}  // namespace

std::span<const dunlin_native_entry> standard_native_entries() { return entries; }

const abi::NativeRegistry& standard_natives() {
  static const abi::NativeRegistry registry = [] {
    abi::NativeRegistry made;
    made.add(standard_native_entries());
    return made;
  }();
  return registry;
}

}  // namespace dunlin
