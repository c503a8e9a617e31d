// What a bundle says about the people who work its queues, as the database keeps it for hand-out.
#pragma once

#include "runtime/store/layout.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

/// Schedules, territories, what queues ask for and ranges of numbers. After the names are remembered.
void remember_people(SmallWork& work, const Layout& layout);
/// Where a task's region is found.
void make_region_view(SmallWork& work, const Layout& layout);

}  // namespace dunlin::store
