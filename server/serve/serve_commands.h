// The commands around the server; the others stand in server/commands.h.
#pragma once

#include "server/commands.h"

namespace dunlin::server {

void add_serve_command(CLI::App& app, Chosen& chosen);
void add_token_command(CLI::App& app, Chosen& chosen);
void add_proposal_command(CLI::App& app, Chosen& chosen);
void add_approval_commands(CLI::App& app, Chosen& chosen);
void add_audit_command(CLI::App& app, Chosen& chosen);
/// The business clock: how it goes, and that a jump of it is right.
void add_clock_command(CLI::App& app, Chosen& chosen);

}  // namespace dunlin::server
