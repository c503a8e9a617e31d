// What a native function of Dunlin looks like in C. A developer writes
//   extern "C" int32_t dunlin_native_state_duty(const int64_t* arguments, int64_t* result, dunlin_native_host* host) { … return 0; }
// and one line `native function state_duty(claim : money, on : date) -> money` in a module.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Lets a native function make texts. `make_text` copies; null when out of memory.
struct dunlin_native_host {
  void* arena;
  const void* (*make_text)(struct dunlin_native_host* host, const char* bytes, int64_t size);
};

/// 0: done. Anything else: a fault of this case ("native function").
typedef int32_t (*dunlin_native_function)(const int64_t* arguments, int64_t* result, struct dunlin_native_host* host);

/// One function a shared library brings. `signature` is what stands behind `native function`:
/// "state_duty(claim : money, on : date) -> money".
struct dunlin_native_entry {
  const char* name;
  const char* signature;
  dunlin_native_function body;
};

/// A shared library loaded at start exports this one symbol, "dunlin_native_entries": sets count, returns its functions.
typedef const struct dunlin_native_entry* (*dunlin_native_entries_function)(int64_t* count);

#ifdef __cplusplus
}
#endif
