// Work that must not get in the way of requests and steps: compiling and planning a version beside the one that runs.
#pragma once

#include <functional>

namespace dunlin::server {

/// Runs `work` in a thread that gives way to all others of this machine, and waits for its end. What it throws is thrown here.
void give_way(const std::function<void()>& work);
/// From now on this thread, and those that it begins, do.
void give_way_from_here();

}  // namespace dunlin::server
