// What a queue asks of those who work it, as one text that is equal where the meaning is.
#pragma once

#include <string>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::plan {

/// Without the expressions of `lead by`, which lead_roots() gives.
std::string policy_label(const checked::Program& program, const checked::Queue& queue);
std::vector<checked::RootId> lead_roots(const checked::Queue& queue);
/// Hours of schedules, regions and capacities of territories.
std::string schedule_label(const checked::Schedule& schedule);
std::string territory_label(const checked::Program& program, const checked::Territory& territory);

}  // namespace dunlin::plan
