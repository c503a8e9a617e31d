// The native functions that come with Dunlin: one C++ function each, and one `native function` line in a module of stdlib/std.
// tests/unit/abi holds that the two agree.
#pragma once

#include <span>

#include "compiler/abi/native_function.h"
#include "compiler/abi/native_registry.h"

namespace dunlin {

/// All of them.
std::span<const dunlin_native_entry> standard_native_entries();
/// A registry of them, made once.
const abi::NativeRegistry& standard_natives();

}  // namespace dunlin

// The name is that of the Dunlin function; the signature is what stands behind `native function`.
#define DUNLIN_STANDARD_NATIVES(X)                                                                       \
  X(annuity_payment, "annuity_payment(principal : money, yearly_rate : decimal, months : int) -> money") \
  X(court_fee_ru, "court_fee_ru(claim : money, filed : date) -> money")                                  \
  X(easter_sunday, "easter_sunday(year : int) -> date")                                                  \
  X(distance_km, "distance_km(one : location, other : location) -> number")                              \
  X(edit_distance, "edit_distance(one : text, other : text) -> int")                                     \
  X(digits_of, "digits_of(written : text) -> text")                                                      \
  X(check_digit_fits, "check_digit_fits(digits : text) -> bool")                                         \
  X(exact_product, "exact_product(one : decimal, other : decimal) -> decimal")                           \
  X(exact_quotient, "exact_quotient(dividend : decimal, divisor : decimal) -> decimal")                  \
  X(decimal_of, "decimal_of(figure : int) -> decimal")                                                   \
  X(ends_with, "ends_with(written : text, ending : text) -> bool")                                       \
  X(text_precedes, "text_precedes(one : text, other : text) -> bool")                                    \
  X(text_before, "text_before(written : text, mark : text) -> text")                                     \
  X(text_after, "text_after(written : text, mark : text) -> text")                                       \
  X(decimal_modulo, "decimal_modulo(dividend : decimal, divisor : decimal) -> decimal")                  \
  X(duration_count, "duration_count(length : duration) -> int")                                          \
  X(upper_case, "upper_case(written : text) -> text")                                                    \
  X(lower_case, "lower_case(written : text) -> text")                                                    \
  X(text_part, "text_part(written : text, start : int, count : int) -> text")                            \
  X(wide_of, "wide_of(figure : decimal) -> text")                                                        \
  X(wide_sum, "wide_sum(one : text, other : text) -> text")                                              \
  X(wide_difference, "wide_difference(one : text, other : text) -> text")                                \
  X(wide_product, "wide_product(one : text, other : text) -> text")                                      \
  X(wide_quotient, "wide_quotient(dividend : text, divisor : text) -> text")                             \
  X(wide_power, "wide_power(base : text, exponent : text) -> text")                                      \
  X(wide_has_power, "wide_has_power(base : text, exponent : text) -> bool")                              \
  X(wide_order, "wide_order(one : text, other : text) -> int")                                           \
  X(wide_exact, "wide_exact(figure : text) -> decimal")                                                  \
  X(wide_rounded, "wide_rounded(figure : text, places : int) -> decimal")                                \
  X(wide_floor, "wide_floor(figure : text) -> int")                                                      \
  X(wide_ceiling, "wide_ceiling(figure : text) -> int")                                                  \
  X(time_plus, "time_plus(clock : time, seconds : int) -> time")                                         \
  X(hour_of, "hour_of(clock : time) -> int")                                                             \
  X(minute_of, "minute_of(clock : time) -> int")                                                         \
  X(second_of, "second_of(clock : time) -> int")

#define DUNLIN_DECLARE_NATIVE(name, signature) extern "C" int32_t dunlin_native_##name(const int64_t* arguments, int64_t* result, dunlin_native_host* host);
DUNLIN_STANDARD_NATIVES(DUNLIN_DECLARE_NATIVE)
#undef DUNLIN_DECLARE_NATIVE
