// The commands that bring tables in and out.
#pragma once

#include "server/commands.h"

namespace dunlin::server {

void add_import_table_command(CLI::App& import, Chosen& chosen);  // below `import`
void add_export_command(CLI::App& app, Chosen& chosen);

}  // namespace dunlin::server
