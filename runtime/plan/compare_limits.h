// The lines of limits in two versions, and whether a changed one lets more through.
#pragma once

#include "runtime/plan/declared.h"

namespace dunlin::plan {

/// All lines of all blocks; `index` counts them.
Group limit_lines(Version& version);

/// A line that is gone or says something else may let more through, unless it is seen that it does not: a lower number and nothing else.
/// `before` and `after`: of limit_lines(); `after` is none where the line is gone.
void judge_limit(Version& old_version, checked::Index before, Version& new_version, checked::Index after, Change& change);

}  // namespace dunlin::plan
