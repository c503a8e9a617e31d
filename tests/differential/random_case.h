// Random case files for any program, and random events for them.
#pragma once

#include "runtime/engine/case_file.h"
#include "tests/differential/random.h"

namespace dunlin::differential {

/// Fills an empty case file: a root, a few of everything below it, and some history before `now`.
void fill_random_case(Random& random, const checked::Program& program, engine::Instant now, engine::CaseFile& case_file);
/// Puts new events into the inbox: most just before `now`, some late, some for the future.
void add_random_events(Random& random, const checked::Program& program, engine::Instant now, engine::CaseFile& case_file);

}  // namespace dunlin::differential
