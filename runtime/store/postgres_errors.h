// What PostgreSQL says, in words for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/store/store.h"

namespace dunlin::store {

/// `state`: SQLSTATE, empty if the connection broke. `said`: the server's message. `doing`: "commit a batch".
StoreError explain_error(std::string_view state, std::string_view said, std::string_view doing);

inline std::unexpected<StoreError> failed(StoreError::Kind kind, std::string message) { return std::unexpected(StoreError{kind, std::move(message)}); }

/// Where a process may die around a write: before it is sent, when it is sent and not committed, when it is committed and nobody has heard of it.
enum class Boundary : uint8_t { before, written, committed };
/// Counts the boundaries of this process. With DUNLIN_CRASH_AT=N in the environment it is killed at the Nth, with DUNLIN_CRASH_LOG=FILE each is noted there
/// as a line "N before": the crash tests' hook.
void crash_point(Boundary boundary);
/// Whether anybody counts them.
bool crash_points_counted();
/// Called at each boundary of this process instead; null: nothing. What it throws (no std::exception) leaves the store as if its process had ended there: for
/// simulations in one thread.
void at_crash_points(void (*hook)());

}  // namespace dunlin::store
