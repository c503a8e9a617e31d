// What the lines of limits say of every task alike, for hand-out: dunlin.limit_line.
#pragma once

#include <vector>

#include "runtime/engine/limit_line.h"
#include "runtime/store/bulk.h"

namespace dunlin::store {

/// Adds those that are not there. A line never changes: another text has another key.
Result<void> send_limit_lines(const std::vector<engine::LimitLines>& blocks, BulkConnection& connection);

}  // namespace dunlin::store
