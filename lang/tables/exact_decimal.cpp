#include "lang/tables/exact_decimal.h"

#include <algorithm>

namespace dunlin::tables {

namespace {

constexpr int digits_max = 34;
constexpr int places_max = 6'000;

Wide power_of_ten(int exponent) {
  Wide result = 1;
  while (exponent-- > 0) result *= 10;
  return result;
}

bool fits(Wide mantissa) {
  static const Wide limit = power_of_ten(digits_max);
  return mantissa < limit && mantissa > -limit;
}

ExactDecimal reduced(Wide mantissa, int places) {
  if (mantissa == 0) return {};
  while (mantissa % 10 == 0) {
    mantissa /= 10;
    --places;
  }
  return {mantissa, places};
}

std::optional<ExactDecimal> checked(Wide mantissa, int places) {
  const ExactDecimal made = reduced(mantissa, places);
  if (!fits(made.mantissa) || made.places > places_max || made.places < -places_max) return std::nullopt;
  return made;
}

/// Both mantissas at the same number of places; false where they do not fit.
bool align(const ExactDecimal& a, const ExactDecimal& b, Wide& x, Wide& y, int& places) {
  places = std::max(a.places, b.places);
  if (a.is_zero()) places = b.places;
  if (b.is_zero()) places = a.places;
  const int up_a = a.is_zero() ? 0 : places - a.places, up_b = b.is_zero() ? 0 : places - b.places;
  if (up_a > 37 || up_b > 37) return false;
  return !__builtin_mul_overflow(a.mantissa, power_of_ten(up_a), &x) && !__builtin_mul_overflow(b.mantissa, power_of_ten(up_b), &y);
}

}  // namespace

std::optional<ExactDecimal> read_decimal(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  Wide mantissa = 0;
  int places = 0, digits = 0;
  bool point = false, some = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    some = true;
    if (point) ++places;
    if (mantissa != 0 || c != '0') ++digits;
    if (digits > 38) return std::nullopt;
    if (__builtin_mul_overflow(mantissa, Wide{10}, &mantissa) || __builtin_add_overflow(mantissa, Wide{c - '0'}, &mantissa)) return std::nullopt;
  }
  if (!some || (!text.empty() && at > 0 && text[at - 1] == '.')) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    bool down = false;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) down = text[at++] == '-';
    int exponent = 0;
    const size_t from = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      exponent = exponent * 10 + (text[at] - '0');
      if (exponent > places_max) return std::nullopt;
    }
    if (at == from) return std::nullopt;
    places += down ? exponent : -exponent;
  }
  if (at != text.size()) return std::nullopt;
  return checked(negative ? -mantissa : mantissa, places);
}

ExactDecimal decimal_of_millionths(int64_t millionths) { return reduced(millionths, 6); }

std::string text_of(const ExactDecimal& value) {
  Wide size = value.mantissa < 0 ? -value.mantissa : value.mantissa;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(size % 10)));
    size /= 10;
  } while (size != 0);
  if (value.places <= 0) {
    digits.append(static_cast<size_t>(-value.places), '0');
  } else {
    const auto places = static_cast<size_t>(value.places);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    digits.insert(digits.size() - places, ".");
  }
  return (value.mantissa < 0 ? "-" : "") + digits;
}

std::optional<ExactDecimal> add(const ExactDecimal& a, const ExactDecimal& b) {
  Wide x = 0, y = 0, sum = 0;
  int places = 0;
  if (!align(a, b, x, y, places) || __builtin_add_overflow(x, y, &sum)) return std::nullopt;
  return checked(sum, places);
}

ExactDecimal negate(const ExactDecimal& value) { return {-value.mantissa, value.places}; }

std::optional<ExactDecimal> subtract(const ExactDecimal& a, const ExactDecimal& b) { return add(a, negate(b)); }

std::optional<ExactDecimal> multiply(const ExactDecimal& a, const ExactDecimal& b) {
  Wide product = 0;
  if (__builtin_mul_overflow(a.mantissa, b.mantissa, &product)) return std::nullopt;
  return checked(product, a.places + b.places);
}

std::optional<ExactDecimal> divide(const ExactDecimal& a, const ExactDecimal& b) {
  if (b.is_zero()) return std::nullopt;
  if (a.is_zero()) return ExactDecimal{};
  const bool negative = (a.mantissa < 0) != (b.mantissa < 0);
  const Wide divisor = b.mantissa < 0 ? -b.mantissa : b.mantissa;
  Wide rest = a.mantissa < 0 ? -a.mantissa : a.mantissa;
  Wide quotient = rest / divisor;
  rest %= divisor;
  int places = a.places - b.places;
  // Digit by digit, up to the 34 that DMN computes with. The rest is below 10^34, so ten times it fits.
  static const Wide full = power_of_ten(digits_max - 1);
  while (rest != 0 && quotient < full) {
    rest *= 10;
    quotient = quotient * 10 + rest / divisor;
    rest %= divisor;
    ++places;
  }
  const Wide twice = rest * 2;
  if (twice > divisor || (twice == divisor && quotient % 2 != 0)) ++quotient;
  return checked(negative ? -quotient : quotient, places);
}

std::optional<ExactDecimal> rounded_half_even(const ExactDecimal& value, int places) {
  if (value.places <= places) return value;
  const int cut = value.places - places;
  if (cut > 36) return ExactDecimal{};  // fewer than 35 digits: less than half of the last place
  const Wide unit = power_of_ten(cut);
  const Wide size = value.mantissa < 0 ? -value.mantissa : value.mantissa;
  Wide kept = size / unit;
  const Wide rest = size % unit, half = unit / 2;
  if (rest > half || (rest == half && kept % 2 != 0)) ++kept;
  return checked(value.mantissa < 0 ? -kept : kept, places);
}

std::optional<ExactDecimal> power(const ExactDecimal& base, int64_t exponent) {
  if (exponent > 10'000 || exponent < -10'000) return std::nullopt;
  std::optional<ExactDecimal> result = ExactDecimal{1, 0};
  for (int64_t i = 0; i < std::abs(exponent) && result; ++i) {
    const auto next = multiply(*result, base);
    if (next == result) break;
    result = next;
  }
  if (!result) return std::nullopt;
  return exponent < 0 ? divide({1, 0}, *result) : result;
}

std::optional<int> compare(const ExactDecimal& a, const ExactDecimal& b) {
  Wide x = 0, y = 0;
  int places = 0;
  if (!align(a, b, x, y, places)) return std::nullopt;
  return x < y ? -1 : x > y ? 1 : 0;
}

std::optional<int64_t> millionths(const ExactDecimal& value) {
  if (value.is_zero()) return 0;
  if (value.places > 6 || value.places < -13) return std::nullopt;
  Wide scaled = 0;
  if (__builtin_mul_overflow(value.mantissa, power_of_ten(6 - value.places), &scaled)) return std::nullopt;
  if (scaled > INT64_MAX || scaled < INT64_MIN) return std::nullopt;
  return static_cast<int64_t>(scaled);
}

}  // namespace dunlin::tables
