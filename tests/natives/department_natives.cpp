// What a department of a bank would write: figures, a text that is made, and a refusal.
#include <cstring>

#include "compiler/abi/case_view.h"
#include "compiler/abi/native_function.h"

namespace {

using dunlin::abi::Text;

// local_fee(claim : money, years : int) -> money: 4% a year, at most the claim. Money comes in minor units.
int32_t local_fee(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  int64_t fee = 0;
  if (__builtin_mul_overflow(arguments[0], 4 * arguments[1], &fee)) return 1;
  fee /= 100;
  *result = fee < arguments[0] ? fee : arguments[0];
  return 0;
}

// initials(name : text) -> text
int32_t initials(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  const auto name = reinterpret_cast<const Text*>(arguments[0])->view();
  char letters[16];
  int64_t count = 0;
  for (size_t i = 0; i < name.size() && count < 16; ++i) {
    if (name[i] != ' ' && (i == 0 || name[i - 1] == ' ')) letters[count++] = name[i];
  }
  const void* made = host->make_text(host, letters, count);
  *result = reinterpret_cast<int64_t>(made);
  return made == nullptr ? 1 : 0;
}

const dunlin_native_entry entries[] = {
    {"local_fee", "local_fee(claim : money, years : int) -> money", local_fee},
    {"initials", "initials(name : text) -> text", initials},
};

}  // namespace

extern "C" const dunlin_native_entry* dunlin_native_entries(int64_t* count) {
  *count = 2;
  return entries;
}
