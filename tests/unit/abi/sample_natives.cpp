#include "compiler/abi/native_function.h"

namespace {

int32_t doubled(const int64_t* arguments, int64_t* result, dunlin_native_host*) { return __builtin_mul_overflow(arguments[0], int64_t{2}, result) ? 1 : 0; }

const dunlin_native_entry entries[] = {{"doubled", "doubled(amount : money) -> money", doubled}};

}  // namespace

extern "C" const dunlin_native_entry* dunlin_native_entries(int64_t* count) {
  *count = 1;
  return entries;
}
