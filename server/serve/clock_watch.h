// The scheduler's clock, watched: a jump of more than 25 hours stops the stepping until somebody confirms it, and business time never goes back.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/store/store.h"

namespace dunlin::server {

/// By how many microseconds the clock of this process has jumped, unconfirmed; 0: it goes well.
int64_t unconfirmed_jump();

/// What is to be stepped, and at which instant, when the clock shows `now`; empty while a jump waits to be confirmed. Where case files were stepped at a later
/// instant already, time stands. `watched`: false for a clock that somebody set by hand, which is right by his word.
store::Result<std::vector<std::pair<int64_t, std::vector<store::BucketRange>>>> spans_by_clock(store::Store& store, const std::string& node, int64_t now,
                                                                                               bool watched, const std::vector<store::BucketRange>& held);

}  // namespace dunlin::server
