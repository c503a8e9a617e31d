// Exact arithmetic in 128 bits, rounded once, half to even. Returns overflow where the result does not fit 64 bits.
#pragma once

#include <cstdint>

#include "compiler/abi/case_view.h"

namespace dunlin::abi {

__extension__ using Wide = __int128;

/// (a * b) / scale, scale > 0.
Fault multiply_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result);
/// (a * scale) / b, scale > 0.
Fault divide_scaled(int64_t a, int64_t b, int64_t scale, int64_t* result);
/// sum * scale / count, count > 0, scale > 0.
Fault average(Wide sum, int64_t count, int64_t scale, int64_t* result);
/// Rounding down; overflow for the smallest int64 by -1.
Fault floor_divide(int64_t a, int64_t b, int64_t* result);
Fault floor_modulo(int64_t a, int64_t b, int64_t* result);
/// Number -> millionths.
Fault decimal_of_number(double value, int64_t* result);
/// To 0 … 6 places.
Fault round_decimal(int64_t value, int64_t places, int64_t* result);

}  // namespace dunlin::abi
