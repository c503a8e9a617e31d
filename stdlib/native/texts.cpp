#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/abi/case_view.h"
#include "stdlib/native/standard_natives.h"

namespace {

std::string_view text(int64_t slot) { return reinterpret_cast<const dunlin::abi::Text*>(slot)->view(); }

/// Each code point as one number; bytes that are no UTF-8 count for themselves.
std::vector<std::string_view> characters(std::string_view bytes) {
  std::vector<std::string_view> found;
  for (size_t i = 0; i < bytes.size();) {
    size_t end = i + 1;
    while (end < bytes.size() && (static_cast<unsigned char>(bytes[end]) & 0xc0) == 0x80) ++end;
    found.push_back(bytes.substr(i, end - i));
    i = end;
  }
  return found;
}

constexpr size_t compared_characters_max = 1000;

}  // namespace

extern "C" {

/// Levenshtein: how many characters must be put in, left out or changed.
int32_t dunlin_native_edit_distance(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const auto one = characters(text(arguments[0])), other = characters(text(arguments[1]));
  if (one.size() > compared_characters_max || other.size() > compared_characters_max) return 1;
  std::vector<int64_t> row(other.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 0; i < one.size(); ++i) {
    int64_t corner = row[0];
    row[0] = static_cast<int64_t>(i) + 1;
    for (size_t j = 0; j < other.size(); ++j) {
      const int64_t changed = corner + (one[i] == other[j] ? 0 : 1);
      corner = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, corner + 1});
    }
  }
  *result = row.back();
  return 0;
}

int32_t dunlin_native_digits_of(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  std::string digits;
  for (const char c : text(arguments[0]))
    if (c >= '0' && c <= '9') digits += c;
  const void* made = host->make_text(host, digits.data(), static_cast<int64_t>(digits.size()));
  *result = reinterpret_cast<int64_t>(made);
  return made == nullptr ? 1 : 0;
}

/// Luhn's check digit, as on payment cards.
int32_t dunlin_native_check_digit_fits(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const std::string_view digits = text(arguments[0]);
  int64_t sum = 0;
  *result = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[digits.size() - 1 - i];
    if (c < '0' || c > '9') return 0;
    const int64_t digit = (c - '0') * (i % 2 == 1 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  *result = !digits.empty() && sum % 10 == 0 ? 1 : 0;
  return 0;
}
}
