// What can be done with queues and their tasks from the command line: dunlin queue lease, complete, release, pause, resume, redrive, withdraw,
// reassign, why.
#pragma once

#include "server/commands.h"

namespace dunlin::server {

void add_queue_verbs(CLI::App& queue, Chosen& chosen);
/// override, overrides, lift-override, register, statuses, withdrawals, acknowledge; command_worker.cpp.
void add_account_verbs(CLI::App& queue, Chosen& chosen);

}  // namespace dunlin::server
