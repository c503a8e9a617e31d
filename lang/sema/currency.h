// Currencies of ISO 4217: how many places their amounts have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::sema {

/// Digits behind the point; nothing if it has not the shape of a code. A code that is not in the list counts two, as most do.
std::optional<int> minor_digits_of(std::string_view currency);

/// The codes in use whose amounts have so many places, in alphabetical order: values of the type `currency`.
std::vector<std::string> currencies_with(int minor_digits);

}  // namespace dunlin::sema
