#include "server/clock_stand.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include "compiler/abi/clock.h"
#include "runtime/store/business_clock.h"

namespace dunlin::server {

store::Result<int64_t> where_the_clock_stands(store::Store& store) {
  const int64_t now = static_cast<int64_t>(std::time(nullptr)) * abi::us_per_second;
  int64_t stepped_to = std::numeric_limits<int64_t>::min();
  if (store::BusinessClock* clock = store::business_clock_of(store); clock != nullptr) {
    auto stand = clock->clock_stand();
    if (!stand) return std::unexpected(stand.error());
    if (stand->watched) return stand->now;
    stepped_to = stand->stepped_to.value_or(stepped_to);
  }
  auto wake = store.next_wake(stepped_to);
  if (!wake) return std::unexpected(wake.error());
  return std::max(stepped_to, *wake == abi::never ? now : std::min(now, *wake - 1));
}

}  // namespace dunlin::server
