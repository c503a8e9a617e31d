#include "compiler/abi/arithmetic.h"

#include <cmath>

namespace dunlin::abi {

namespace {

/// numerator / denominator, half to even. denominator != 0.
Wide divide_half_even(Wide numerator, Wide denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  Wide quotient = numerator / denominator;
  Wide rest = numerator % denominator;
  if (rest < 0) {
    rest += denominator;
    --quotient;
  }
  const Wide other = denominator - rest;
  if (rest > other || (rest == other && (quotient & 1) != 0)) ++quotient;
  return quotient;
}

Fault narrow(Wide value, int64_t* result) {
  if (value > INT64_MAX || value < INT64_MIN) return Fault::overflow;
  *result = static_cast<int64_t>(value);
  return Fault::none;
}

}  // namespace

Fault multiply_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result) { return narrow(divide_half_even(static_cast<Wide>(a) * b, scale), result); }

Fault divide_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result) {
  if (b == 0) return Fault::division_by_zero;
  return narrow(divide_half_even(static_cast<Wide>(a) * scale, b), result);
}

Fault average(Wide sum, int64_t count, int64_t scale, int64_t* result) {
  Wide scaled = 0;
  if (__builtin_mul_overflow(sum, static_cast<Wide>(scale), &scaled)) return Fault::overflow;
  return narrow(divide_half_even(scaled, count), result);
}

Fault floor_divide(int64_t a, int64_t b, int64_t* result) {
  if (b == 0) return Fault::division_by_zero;
  if (a == INT64_MIN && b == -1) return Fault::overflow;
  *result = a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  return Fault::none;
}

Fault floor_modulo(int64_t a, int64_t b, int64_t* result) {
  if (b == 0) return Fault::division_by_zero;
  if (b == -1) {  // the machine's remainder traps for the smallest int64
    *result = 0;
    return Fault::none;
  }
  const int64_t rest = a % b;
  *result = (rest != 0 && (rest < 0) != (b < 0)) ? rest + b : rest;
  return Fault::none;
}

Fault decimal_of_number(double value, int64_t* result) {
  if (!std::isfinite(value)) return Fault::not_a_number;
  if (std::fabs(value) > 1e13) return Fault::overflow;
  // value = mantissa * 2^exponent exactly; the product with a million fits 128 bits, so the rounding is the only one.
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const Wide mantissa = static_cast<int64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  const Wide scaled = mantissa * 1'000'000;
  if (exponent >= 0) return narrow(scaled * (static_cast<Wide>(1) << exponent), result);
  if (exponent < -100) {
    *result = 0;
    return Fault::none;
  }
  return narrow(divide_half_even(scaled, static_cast<Wide>(1) << -exponent), result);
}

Fault round_decimal(int64_t value, int64_t places, int64_t* result) {
  if (places < 0 || places > 6) return Fault::bad_argument;
  Wide unit = 1;
  for (int64_t i = places; i < 6; ++i) unit *= 10;
  return narrow(divide_half_even(value, unit) * unit, result);
}

}  // namespace dunlin::abi
