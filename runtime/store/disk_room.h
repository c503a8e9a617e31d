// Whether the disk of the database has room, as far as this process has seen.
#pragma once

#include <optional>

namespace dunlin::store {

/// Seconds since the database last refused a write of this process because its disk is full; nothing: it never did.
std::optional<double> seconds_since_disk_full();

}  // namespace dunlin::store
