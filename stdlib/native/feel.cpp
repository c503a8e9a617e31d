// What std.feel asks for beyond the language itself: exact figures, letters of any script, parts of a time of day.
#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>

#include "compiler/abi/case_view.h"
#include "stdlib/native/standard_natives.h"

namespace {

__extension__ using Wide = __int128;
constexpr int64_t millionths = 1'000'000;

std::string_view text(int64_t slot) { return reinterpret_cast<const dunlin::abi::Text*>(slot)->view(); }

/// Only results that a decimal holds exactly are results; everything else is a fault.
int32_t exact(Wide numerator, Wide denominator, int64_t* result) {
  if (numerator % denominator != 0) return 1;
  const Wide value = numerator / denominator;
  if (value > INT64_MAX || value < INT64_MIN) return 1;
  *result = static_cast<int64_t>(value);
  return 0;
}

int32_t give(std::string_view made, int64_t* result, dunlin_native_host* host) {
  const void* text = host->make_text(host, made.data(), static_cast<int64_t>(made.size()));
  *result = reinterpret_cast<int64_t>(text);
  return text == nullptr ? 1 : 0;
}

int32_t change_case(std::string_view bytes, bool upper, int64_t* result, dunlin_native_host* host) {
  try {
    icu::UnicodeString letters = icu::UnicodeString::fromUTF8(icu::StringPiece(bytes.data(), static_cast<int32_t>(bytes.size())));
    if (upper) {
      letters.toUpper(icu::Locale::getRoot());
    } else {
      letters.toLower(icu::Locale::getRoot());
    }
    std::string changed;
    letters.toUTF8String(changed);
    const void* made = host->make_text(host, changed.data(), static_cast<int64_t>(changed.size()));
    *result = reinterpret_cast<int64_t>(made);
    return made == nullptr ? 1 : 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

}  // namespace

extern "C" {

int32_t dunlin_native_exact_product(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return exact(static_cast<Wide>(arguments[0]) * arguments[1], millionths, result);
}

int32_t dunlin_native_exact_quotient(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  if (arguments[1] == 0) return 1;
  return exact(static_cast<Wide>(arguments[0]) * millionths, arguments[1], result);
}

int32_t dunlin_native_decimal_of(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  return exact(static_cast<Wide>(arguments[0]) * millionths, 1, result);
}

int32_t dunlin_native_ends_with(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  *result = text(arguments[0]).ends_with(text(arguments[1])) ? 1 : 0;
  return 0;
}

int32_t dunlin_native_text_precedes(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  *result = text(arguments[0]) < text(arguments[1]) ? 1 : 0;
  return 0;
}

int32_t dunlin_native_text_before(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  const std::string_view whole = text(arguments[0]);
  const size_t at = whole.find(text(arguments[1]));
  return give(at == std::string_view::npos ? std::string_view() : whole.substr(0, at), result, host);
}
int32_t dunlin_native_text_after(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  const std::string_view whole = text(arguments[0]), mark = text(arguments[1]);
  const size_t at = whole.find(mark);
  return give(at == std::string_view::npos ? std::string_view() : whole.substr(at + mark.size()), result, host);
}

/// Letters are code points. The start counts from 1, or from the end where it is negative.
int32_t dunlin_native_text_part(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  const std::string_view whole = text(arguments[0]);
  const auto begins_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const int64_t letters = std::count_if(whole.begin(), whole.end(), begins_letter);
  const int64_t start = arguments[1] > 0 ? arguments[1] - 1 : std::max<int64_t>(0, arguments[1] < -letters ? 0 : letters + arguments[1]);
  const int64_t end = arguments[2] > letters - start ? letters : start + std::max<int64_t>(0, arguments[2]);
  size_t from = whole.size(), to = whole.size();
  int64_t letter = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (!begins_letter(whole[i])) continue;
    if (letter == start) from = i;
    if (letter == end) to = i;
    ++letter;
  }
  return give(from < to ? whole.substr(from, to - from) : std::string_view(), result, host);
}

int32_t dunlin_native_decimal_modulo(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const int64_t divisor = arguments[1];
  if (divisor == 0) return 1;
  const int64_t rest = divisor == -1 ? 0 : arguments[0] % divisor;
  *result = rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
  return 0;
}

int32_t dunlin_native_duration_count(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const int64_t amount = dunlin::abi::duration_amount(arguments[0]);
  switch (dunlin::abi::duration_unit(arguments[0])) {
    case dunlin::abi::DurationUnit::month:
      *result = amount;
      return 0;
    case dunlin::abi::DurationUnit::day:
      return __builtin_mul_overflow(amount, int64_t{86'400}, result) ? 1 : 0;
    case dunlin::abi::DurationUnit::microsecond:
      if (amount % dunlin::abi::us_per_second != 0) return 1;
      *result = amount / dunlin::abi::us_per_second;
      return 0;
    default:
      return 1;  // business days are no length
  }
}

int32_t dunlin_native_upper_case(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return change_case(text(arguments[0]), true, result, host);
}
int32_t dunlin_native_lower_case(const int64_t* arguments, int64_t* result, dunlin_native_host* host) {
  return change_case(text(arguments[0]), false, result, host);
}

int32_t dunlin_native_time_plus(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  const int64_t moved = (arguments[0] + arguments[1] % 86'400) % 86'400;
  *result = moved < 0 ? moved + 86'400 : moved;
  return 0;
}
int32_t dunlin_native_hour_of(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  *result = arguments[0] / 3600;
  return 0;
}
int32_t dunlin_native_minute_of(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  *result = arguments[0] / 60 % 60;
  return 0;
}
int32_t dunlin_native_second_of(const int64_t* arguments, int64_t* result, dunlin_native_host*) {
  *result = arguments[0] % 60;
  return 0;
}
}
