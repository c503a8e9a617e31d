// "Did you mean": the name that a person most likely wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunlin::import {

/// The nearest of the names if it is near enough, else empty.
std::string near_match(std::string_view wanted, const std::vector<std::string>& names);
/// "did you mean `x`?", or a list of the names if none is near; empty if there are none.
std::string suggest(std::string_view wanted, const std::vector<std::string>& names);

}  // namespace dunlin::import
