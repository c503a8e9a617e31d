// Before a switch: every live node compiles the new version, or nothing is changed.
#pragma once

#include <chrono>

#include "server/plan/proposal.h"
#include "server/plan/second_person.h"

namespace dunlin::server {

/// Waits until all live nodes have compiled `next`. A node whose lease runs out meanwhile does not count any more. With no node at work it does nothing.
std::expected<void, NotDone> all_nodes_ready(store::Service& service, const Runner& next, std::chrono::seconds patience = std::chrono::seconds(60));

}  // namespace dunlin::server
