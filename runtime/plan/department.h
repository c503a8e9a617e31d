// What a department adds to its strategies, as declarations of a version: queues, people, scarce things, deadlines, feeds, campaigns, experiments.
#pragma once

#include "runtime/plan/declared.h"

namespace dunlin::plan {

Group queues(Version& version);
Group schedules(Version& version);
Group territories(Version& version);
Group holds(Version& version);  // what a hold stops stands among the limits
Group deadlines(Version& version);
Group requests(Version& version);  // approvals, quotas, allocations
Group feeds(Version& version);
Group campaigns(Version& version);
Group experiments(Version& version);
Group migrations(Version& version);

}  // namespace dunlin::plan
