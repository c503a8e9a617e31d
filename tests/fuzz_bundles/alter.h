// Small changes that often leave a bundle valid: other figures, other names out of the same file, turned comparisons, lines moved.
#pragma once

#include <string>

#include "tests/fuzz/mutations.h"

namespace dunlin::fuzz {

std::string altered(const std::string& text, Random& random);
/// Blanks and comments where they make no difference.
std::string loosened(const std::string& text, Random& random);

}  // namespace dunlin::fuzz
