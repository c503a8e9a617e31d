// What PostgreSQL says, in words for people.
#pragma once

#include <string>
#include <string_view>

#include "runtime/store/store.h"

namespace dunlin::store {

/// `state`: SQLSTATE, empty if the connection broke. `said`: the server's message. `doing`: "commit a batch".
StoreError explain_error(std::string_view state, std::string_view said, std::string_view doing);

inline std::unexpected<StoreError> failed(StoreError::Kind kind, std::string message) { return std::unexpected(StoreError{kind, std::move(message)}); }

/// A boundary between two writes. With DUNLIN_CRASH_AT=N in the environment the process is killed at the Nth: the crash tests' hook.
void crash_point();

}  // namespace dunlin::store
