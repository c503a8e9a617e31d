// The server's log: one JSON object a line, on standard error.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dunlin::server::log {

enum class Level { debug, info, warn, error };
using Fields = std::vector<std::pair<std::string, std::string>>;

/// "debug", "info", "warn", "error".
void start(const std::string& level);
void write(Level level, const std::string& message, const Fields& fields = {});

}  // namespace dunlin::server::log
