// Commands for those who write rules; see commands.h.
#pragma once

#include "server/commands.h"

namespace dunlin::server {

void add_fmt_command(CLI::App& app, Chosen& chosen);
void add_lsp_command(CLI::App& app, Chosen& chosen);
void add_lint_command(CLI::App& app, Chosen& chosen);
void add_graph_command(CLI::App& app, Chosen& chosen);
void add_docs_command(CLI::App& app, Chosen& chosen);
void add_repl_command(CLI::App& app, Chosen& chosen);
void add_letter_command(CLI::App& app, Chosen& chosen);

}  // namespace dunlin::server
