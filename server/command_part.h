// A command below a command (`token create`, `bundle list`): its store, its common options, its example.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "server/commands.h"
#include "server/open_store.h"

namespace dunlin::server {

/// `Command` has members `store` and `common`; `run` gives the exit code.
template <class Command>
CLI::App* add_part(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example, std::shared_ptr<Command> command,
                   Chosen& chosen, int (*run)(const Command&)) {
  auto* sub = parent.add_subcommand(name, what);
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  " + example);
  sub->callback([command, &chosen, run] { chosen = [command, run] { return run(*command); }; });
  return sub;
}

}  // namespace dunlin::server
