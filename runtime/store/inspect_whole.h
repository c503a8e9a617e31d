// A look at a store that takes the time it takes.
#pragma once

#include <vector>

#include "runtime/store/store.h"

namespace dunlin::store {

/// What Store::inspect() says, with all rows looked at instead of as many as about a second allows.
Result<std::vector<Store::Finding>> inspect_whole(Store& store);

}  // namespace dunlin::store
