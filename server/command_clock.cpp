// dunlin clock: the clock that case files are stepped by. A jump of more than 25 hours stops the stepping until somebody says here that it is right.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "runtime/store/business_clock.h"
#include "server/command_part.h"
#include "server/plan/proposal.h"
#include "server/serve/serve_commands.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct ClockCommand {
  CommonOptions common;
  StoreOptions store;
  std::string reason, who;
};

void print(const Json& body) { fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace)); }

int show(const ClockCommand& command) {
  int exit = 0;
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  auto clock = store::business_clock_of(*store)->clock_state();
  if (!clock) return fail(command.common, clock.error());
  const bool good = clock->jumped.empty();
  if (command.common.json) {
    Json body{{"good", good}, {"known", clock->known}, {"seconds_ahead", clock->seconds_ahead}};
    if (!good) body.update({{"jumped", clock->jumped}, {"node", clock->node}, {"since", clock->since}});
    print(body);
  } else if (!clock->known) {
    fmt::print("nobody has stepped by a machine's own clock yet\n");
  } else if (good) {
    fmt::print("clocks are held against the database's, {:+.1f} s; none that steps is more than 25 h from that\n", clock->seconds_ahead);
  } else {
    fmt::print(
        "the business clock has jumped by {}, seen by {} since {}; nothing is stepped there\n"
        "set it right; or, if it is right and all the others are wrong: dunlin clock confirm --reason …\n",
        clock->jumped, clock->node, clock->since);
  }
  return 0;
}

int confirm(const ClockCommand& command) {
  int exit = 0;
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  auto jumped = store::business_clock_of(*store)->confirm_clock(command.who.empty() ? user_name() : command.who, command.reason);
  if (!jumped) return fail(command.common, jumped.error());
  if (command.common.json) return print({{"confirmed", *jumped}}), 0;
  fmt::print("the clock is right, {} from where it was: stepping goes on\n", *jumped);
  return 0;
}

}  // namespace

void add_clock_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("clock", "The clock that case files are stepped by: how it goes, and that a jump of it is right");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin clock confirm --reason \"the machine's clock was a year behind\"");
  auto command = std::make_shared<ClockCommand>();
  add_part(*sub, "show", "How it goes beside the database's", "dunlin clock show", command, chosen, show);
  command = std::make_shared<ClockCommand>();
  auto* part = add_part(*sub, "confirm", "A jump is right: go on stepping by it", "dunlin clock confirm --reason \"the machine's clock was a year behind\"",
                        command, chosen, confirm);
  part->add_option("--reason", command->reason, "Why, for the audit")->required();
  part->add_option("--who", command->who, "Who says so, for the audit");
}

}  // namespace dunlin::server
