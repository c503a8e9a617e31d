// A figure as text, taken to a count of 10^-digits without losing anything.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "server/import/value_reader.h"

namespace dunlin::import {

/// "1 234,50" with the format's signs -> 123450 for digits = 2. `what` names the kind of figure in the error: "amount of money".
std::expected<int64_t, std::string> read_figure(std::string_view text, const ValueFormat& format, int digits, std::string_view what);

/// "0.01" -> numerator 1, digits 2.
bool read_scale(std::string_view text, int64_t& numerator, int& digits);

}  // namespace dunlin::import
