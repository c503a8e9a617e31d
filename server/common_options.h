// Options that every command has, and how a command ends when it cannot do its work.
#pragma once

#include <string>

#include "runtime/store/store.h"
#include "server/exit_code.h"

namespace CLI {
class App;
}

namespace dunlin::server {

struct CommonOptions {
  bool json = false;      // facts for programs instead of tables for people
  bool progress = false;  // show progress even where nobody seems to watch
  bool color = false;     // found out, not given
};

void add_common_options(CLI::App& command, CommonOptions& options);

/// Says what is wrong and what to do, as text on standard error or as JSON {"error", "help", "exit"} on standard output. Returns the exit code.
int fail(const CommonOptions& options, Exit exit, const std::string& message, const std::string& help = "");
int fail(const CommonOptions& options, const store::StoreError& error);

}  // namespace dunlin::server
