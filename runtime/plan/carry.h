// What a new version carries along of older ones: strategies whose instances finish on the version they entered (`on change pin`).
#pragma once

#include <string>
#include <vector>

#include "lang/sema/check.h"
#include "runtime/store/store.h"

namespace dunlin::plan {

/// Instances of a strategy that finish under an older version.
struct Carried {
  std::string strategy;
  int32_t version = 0;
  int64_t count = 0;
};

/// How many instances each strategy carries that `program`, which is the active version, keeps of older ones. Those that nobody stands in are there with 0.
store::Result<std::vector<Carried>> carried_by(store::Store& store, const checked::Program& program);

/// `next` as it has to be stored: its own files, and those of older versions that instances still need. What it brought along itself is left out.
/// Where its own files are those of the active version, nothing changes. An input error if those who are pinned could not go on beside it.
store::Result<BundleSources> carry_along(store::Store& store, const BundleSources& next, const checked::Program& program, const CheckOptions& options);

}  // namespace dunlin::plan
