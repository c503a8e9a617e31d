// A command below a command that calls the SQL functions of the queues: its store, its common options, its example.
#pragma once

#include "runtime/store/postgres_queue_desk.h"
#include "server/command_part.h"

namespace dunlin::server {

/// `Verb` has members `store` and `common`; `run` gives the exit code.
template <class Verb>
CLI::App* add_desk_part(CLI::App& above, Chosen& chosen, const std::shared_ptr<Verb>& verb, const char* name, const char* what, const char* example,
                        int (*run)(const Verb&, store::QueueDesk&)) {
  auto* sub = above.add_subcommand(name, what);
  add_store_options(*sub, verb->store);
  add_common_options(*sub, verb->common);
  sub->footer(std::string("Example:\n  ") + example);
  sub->callback([verb, run, &chosen] {
    chosen = [verb, run] {
      const StoreOptions where = with_environment(verb->store);
      auto desk = store::QueueDesk::open({.url = where.database, .folder = where.data});
      if (!desk) return fail(verb->common, desk.error());
      return run(*verb, **desk);
    };
  });
  return sub;
}

}  // namespace dunlin::server
