// Instants for people and for programs.
#pragma once

#include <cstdint>
#include <string>

namespace dunlin::server {

/// "2005-04-28 04:00" in UTC; empty for never and for zero.
std::string moment_text(int64_t instant_us);
/// "2005-04-28T04:00:00Z"; empty for never and for zero.
std::string moment_json(int64_t instant_us);

}  // namespace dunlin::server
