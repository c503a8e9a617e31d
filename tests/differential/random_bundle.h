// Random bundles that check: text in the Dunlin language, written type by type, so that most of them are accepted.
#pragma once

#include <string>

#include "tests/differential/random.h"

namespace dunlin::differential {

/// Source text of one bundle. The same seed gives the same text.
std::string random_bundle(Random& random);

}  // namespace dunlin::differential
