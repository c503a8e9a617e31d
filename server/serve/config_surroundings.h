// What the settings name outside of the process, looked at before anybody depends on it.
#pragma once

#include <string>

namespace dunlin::server {

struct ServeConfig;

/// What these settings name and is not there, or cannot be used: certificates, folders, addresses. One sentence; empty: nothing. Connects to nobody.
std::string wrong_surroundings(const ServeConfig& config);

}  // namespace dunlin::server
