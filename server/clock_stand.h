// The instant that a question about a portfolio is about if it names none.
#pragma once

#include "runtime/store/store.h"

namespace dunlin::server {

/// Business time. Where nobody steps by a machine's clock: the instant up to which everything due has been done, or now if that is earlier, so that a
/// portfolio that was carried by a virtual clock is seen where that clock stopped. What comes late (an event of last week that no step has read yet) does not
/// turn it back.
store::Result<int64_t> where_the_clock_stands(store::Store& store);

}  // namespace dunlin::server
