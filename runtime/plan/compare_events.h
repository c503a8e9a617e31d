// Events and outcomes in two versions: what becomes of those that were told in words that are gone.
#pragma once

#include "runtime/plan/declared.h"

namespace dunlin::plan {

/// All events that somebody reports; `index`: Program::events.
Group event_types(Version& version);

/// An event that is gone, or whose fields are of other types. `before` and `after`: of event_types(); `after` is none where it is gone.
void judge_event(const checked::Program& old_program, checked::Index before, const checked::Program& new_program, checked::Index after, Change& change);

}  // namespace dunlin::plan
