// Decimal figures as DMN has them (34 significant digits), computed exactly or not at all: for the constants of imported expressions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin::tables {

__extension__ using Wide = __int128;

/// mantissa * 10^-places. Kept without trailing zeros, so equal figures have equal parts.
struct ExactDecimal {
  Wide mantissa = 0;
  int places = 0;

  friend bool operator==(const ExactDecimal&, const ExactDecimal&) = default;
  bool is_zero() const { return mantissa == 0; }
  bool is_whole() const { return places <= 0; }
};

/// `12`, `-0.5`, `.5`, `1e3`. Nothing if it is no figure or has more than 34 significant digits.
std::optional<ExactDecimal> read_decimal(std::string_view text);
ExactDecimal decimal_of_millionths(int64_t millionths);
/// Without an exponent: `-0.5`, `1200`.
std::string text_of(const ExactDecimal& value);

/// Nothing where 34 digits cannot hold the exact result; a division by zero too.
std::optional<ExactDecimal> add(const ExactDecimal& a, const ExactDecimal& b);
std::optional<ExactDecimal> subtract(const ExactDecimal& a, const ExactDecimal& b);
std::optional<ExactDecimal> multiply(const ExactDecimal& a, const ExactDecimal& b);
std::optional<ExactDecimal> divide(const ExactDecimal& a, const ExactDecimal& b);
std::optional<ExactDecimal> power(const ExactDecimal& base, int64_t exponent);
/// To so many places, ties to the even digit.
std::optional<ExactDecimal> rounded_half_even(const ExactDecimal& value, int places);
ExactDecimal negate(const ExactDecimal& value);
/// Negative, 0, positive. Nothing where the figures lie too far apart to be compared in 34 digits.
std::optional<int> compare(const ExactDecimal& a, const ExactDecimal& b);

/// In Dunlin's decimals: millionths. Nothing if it has more than six places or does not fit.
std::optional<int64_t> millionths(const ExactDecimal& value);

}  // namespace dunlin::tables
