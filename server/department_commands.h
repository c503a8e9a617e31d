// Commands for those who run a department; see commands.h.
#pragma once

#include "server/commands.h"

namespace dunlin::server {

void add_feed_command(CLI::App& app, Chosen& chosen);
void add_campaign_command(CLI::App& app, Chosen& chosen);
/// Events from a list: tried, agreed to, undone.
void add_bulk_command(CLI::App& app, Chosen& chosen);
/// Stops contact at once: of one client, one account, a number, a queue, or all.
void add_contact_command(CLI::App& app, Chosen& chosen);
/// How much of the past is kept.
void add_history_command(CLI::App& app, Chosen& chosen);

}  // namespace dunlin::server
