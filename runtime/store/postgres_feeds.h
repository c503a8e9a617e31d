// What a version says about feeds and campaigns, kept where hand-outs can ask it.
#pragma once

#include "lang/sema/feeds.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

/// Inside the transaction that makes the version active; `at` is business time. Fails with one sentence where the calendar cannot be read.
void remember_feeds(SmallWork& work, const checked::Department& department, const std::string& timezone, Instant at);
/// The same for campaigns; `who` made the version active.
void remember_campaigns(SmallWork& work, const checked::Department& department, const std::string& timezone, const std::string& who);

}  // namespace dunlin::store
