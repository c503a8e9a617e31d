// Instants for the database, to the microsecond: what a step made at 06:00:00.25 is not yet there at 06:00:00.
#pragma once

#include <cstdint>
#include <string>

namespace dunlin::server {

/// "2026-03-20T06:00:00.250000Z"
std::string precise_text(int64_t instant_us);

}  // namespace dunlin::server
