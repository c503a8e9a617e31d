// People in the language: schedules, territories, and what queues ask of those who work them.
#pragma once

#include "lang/sema/context.h"

namespace dunlin::sema {

/// Schedules and territories. After the queues are known.
void declare_people(Context& context);
/// merge, assign, needs, late, numbers, batch and status of queues. After the strategies, which say whose tasks stand in a queue.
void check_queue_policies(Context& context);

}  // namespace dunlin::sema
