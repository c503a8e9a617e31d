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

#ifdef __cplusplus
}
#endif
