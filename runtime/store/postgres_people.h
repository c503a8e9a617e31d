// What a bundle says about the people who work its queues, as the database keeps it for hand-out.
#pragma once

#include "runtime/store/layout.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

/// Schedules, territories, what queues ask for, ranges of numbers, and where a task's region is found. After the names are remembered.
void remember_people(SmallWork& work, const Layout& layout);

}  // namespace dunlin::store
