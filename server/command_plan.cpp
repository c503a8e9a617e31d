// dunlin plan, apply, rollback: from one version to the next, with open eyes.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "compiler/abi/clock.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/import/value_reader.h"
#include "server/open_service.h"
#include "server/open_store.h"
#include "server/output/progress.h"
#include "server/plan/all_ready.h"
#include "server/plan/second_person.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

struct PlanCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  std::string clock, author, reason;
  int32_t version = 0;  // rollback: 0 means the one before
  bool yes = false, accept_wider_limits = false, no_portfolio = false;
};

std::expected<int64_t, std::string> instant_of(const PlanCommand& command, const checked::Program& program) {
  if (command.clock.empty()) return static_cast<int64_t>(std::time(nullptr)) * abi::us_per_second;
  auto zone = import::Zone::find(program.bundle);
  if (!zone) return std::unexpected(zone.error());
  auto instant = import::ValueReader(program, *zone).read_instant(command.clock, import::ValueFormat{});
  if (!instant) return std::unexpected("--clock: " + instant.error());
  return *instant;
}

/// What all three have in common: the store, the version to come, and the proposal. False: `exit` is set and all is said.
struct Prepared {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Runner> next;
  Proposal proposal;
  int32_t back_to = 0;  // a step back: number of the version
};

bool propose(const PlanCommand& command, Prepared& prepared, int& exit) {
  auto at = instant_of(command, prepared.next->program());
  if (!at) {
    exit = fail(command.common, Exit::usage, at.error());
    return false;
  }
  Progress progress("plan", "case files", 0, command.common.progress);
  const auto tell = [&](int64_t cases) {
    progress.at(cases);
    return true;
  };
  auto proposal = make_proposal(*prepared.store, *prepared.next, {.at = *at, .portfolio = !command.no_portfolio, .progress = tell});
  progress.end();
  if (!proposal) {
    exit = fail(command.common, proposal.error());
    return false;
  }
  prepared.proposal = std::move(*proposal);
  return true;
}

/// The version to come, with what it has to carry along.
bool prepare_bundle(const PlanCommand& command, std::unique_ptr<CheckedBundle> bundle, Prepared& prepared, int& exit) {
  auto whole = carrying(*prepared.store, std::move(bundle));
  auto next = whole ? make_runner(std::move(*whole), 0, !command.no_portfolio) : std::unexpected(whole.error());
  if (next) prepared.next = std::move(*next);
  if (!next) exit = fail(command.common, next.error());
  return next.has_value();
}

bool prepare_folder(const PlanCommand& command, Prepared& prepared, int& exit) {
  auto bundle = checked_bundle_or_exit(command.bundle, command.common, exit);
  if (!bundle) return false;
  prepared.store = open_store_or_exit(command.store, command.common, exit);
  return prepared.store && prepare_bundle(command, std::move(bundle), prepared, exit) && propose(command, prepared, exit);
}

bool prepare_version(const PlanCommand& command, Prepared& prepared, int& exit) {
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) {
    exit = fail(command.common, Exit::environment, stdlib.error());
    return false;
  }
  prepared.store = open_store_or_exit(command.store, command.common, exit);
  if (!prepared.store) return false;
  auto number = command.version != 0 ? store::Result<int32_t>(command.version) : prepared.store->version_before();
  if (!number) {
    exit = fail(command.common, number.error());
    return false;
  }
  if (*number == 0) {
    exit = fail(command.common, Exit::input, "there is no earlier version to go back to", "dunlin bundle list shows the versions; name one: dunlin rollback 3");
    return false;
  }
  auto bundle = bundle_of_version(*prepared.store, *number, *stdlib);
  if (!bundle) {
    exit = fail(command.common, bundle.error());
    return false;
  }
  if (!prepare_bundle(command, std::move(*bundle), prepared, exit)) return false;
  prepared.back_to = *number;
  if (!command.common.json) {
    fmt::print("{} version {}\n", command.version != 0 ? "back to" : "back to the version that was active before:", *number);
    std::fflush(stdout);
  }
  return propose(command, prepared, exit);
}

void print(const nlohmann::ordered_json& body) { fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)); }

nlohmann::ordered_json body_of(const Proposal& proposal, const std::optional<Refusal>& refusal) {
  auto body = proposal_json(proposal);
  if (refusal) body["refused"] = {{"reason", refusal->message}, {"help", refusal->help}};
  return body;
}

int plan(const PlanCommand& command) {
  int exit = 0;
  Prepared prepared;
  if (!prepare_folder(command, prepared, exit)) return exit;
  const auto refusal = refusal_of(prepared.proposal, command.accept_wider_limits);
  if (command.common.json) {
    print(body_of(prepared.proposal, refusal));
  } else {
    fmt::print("{}", proposal_text(prepared.proposal, command.common.color));
    if (refusal) return fail(command.common, Exit::input, refusal->message, refusal->help);
  }
  return static_cast<int>(refusal ? Exit::input : Exit::done);
}

/// Asks where somebody is there to answer.
bool agreed(const PlanCommand& command, int& exit) {
  if (command.yes) return true;
  if (command.common.json || !isatty(STDIN_FILENO)) {
    exit = fail(command.common, Exit::usage, "nobody is there to be asked", "give --yes to make the version active without a question");
    return false;
  }
  fmt::print("\nmake it the active version? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "yes") return true;
  fmt::print("nothing was changed\n");
  exit = static_cast<int>(Exit::input);
  return false;
}

/// Keeps the proposal for somebody else to agree to.
int wait_for_second_person(const PlanCommand& command, Prepared& prepared, store::Service& service, const Activator& activator) {
  auto id = propose(service, *prepared.next, prepared.proposal, activator, command.accept_wider_limits);
  if (!id) return fail(command.common, exit_of(id.error()), id.error().message, id.error().help);
  if (command.common.json) {
    auto body = proposal_json(prepared.proposal);
    body["activated"] = false;
    body["proposal"] = *id;
    print(body);
  } else {
    fmt::print("\nproposal {} waits for a second person; nothing has changed yet\n  somebody else than {} looks at it and agrees: dunlin proposal approve {}\n",
               *id, activator.author, *id);
  }
  return 0;
}

int activate_or_propose(const PlanCommand& command, Prepared& prepared) {
  const Proposal& proposal = prepared.proposal;
  const Activator activator{.author = command.author.empty() ? user_name() : command.author,
                            .origin = command_line_origin(),
                            .reason = command.reason,
                            .back = prepared.back_to != 0,
                            .back_to = prepared.back_to,
                            .approver = ""};
  int exit = 0;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  auto asked = second_person_asked(*service);
  if (!asked) return fail(command.common, exit_of(asked.error()), asked.error().message, asked.error().help);
  if (*asked) return wait_for_second_person(command, prepared, *service, activator);
  if (auto ready = all_nodes_ready(*service, *prepared.next); !ready)
    return fail(command.common, exit_of(ready.error()), ready.error().message, ready.error().help);
  auto version = activate(*prepared.store, *prepared.next, proposal, activator);
  if (!version) return fail(command.common, version.error());
  if (command.common.json) {
    auto body = proposal_json(proposal);
    body["version"] = version->number;
    body["activated"] = true;
    if (prepared.back_to != 0) body["back_to"] = prepared.back_to;
    print(body);
  } else {
    fmt::print("\nversion {} is active; case files follow with the next step (dunlin run, or a running server)\n", version->number);
  }
  return 0;
}

int make_active(const PlanCommand& command, Prepared& prepared) {
  int exit = 0;
  const Proposal& proposal = prepared.proposal;
  if (!command.common.json) fmt::print("{}", proposal_text(proposal, command.common.color));
  if (proposal.same) {
    if (command.common.json) print(body_of(proposal, std::nullopt));
    return 0;
  }
  if (auto refusal = refusal_of(proposal, command.accept_wider_limits)) {
    if (!command.common.json) return fail(command.common, Exit::input, refusal->message, refusal->help);
    print(body_of(proposal, refusal));
    return static_cast<int>(Exit::input);
  }
  return agreed(command, exit) ? activate_or_propose(command, prepared) : exit;
}

int apply(const PlanCommand& command) {
  int exit = 0;
  Prepared prepared;
  return prepare_folder(command, prepared, exit) ? make_active(command, prepared) : exit;
}

int rollback(const PlanCommand& command) {
  int exit = 0;
  Prepared prepared;
  return prepare_version(command, prepared, exit) ? make_active(command, prepared) : exit;
}

void add_shared_options(CLI::App& sub, PlanCommand& command) {
  sub.add_option("--clock", command.clock, "Try it at this instant instead of now (2005-10-01 06:00, bundle's time)");
  sub.add_flag("--accept-wider-limits", command.accept_wider_limits, "A limit may let more through than before");
  add_store_options(sub, command.store);
  add_common_options(sub, command.common);
}

void add_activation_options(CLI::App& sub, PlanCommand& command) {
  sub.add_flag("--yes", command.yes, "Do not ask");
  sub.add_option("--author", command.author, "Who does it, for the audit; the user of this machine if not given");
  sub.add_option("--reason", command.reason, "Why, for the audit");
  add_shared_options(sub, command);
}

}  // namespace

void add_plan_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<PlanCommand>();
  auto* sub = app.add_subcommand("plan", "What a bundle would change: its text by meaning, and what would happen on the live portfolio");
  add_bundle_options(*sub, command->bundle);
  sub->add_flag("--no-portfolio", command->no_portfolio, "Compare the texts only");
  add_shared_options(*sub, *command);
  sub->footer("Example:\n  dunlin plan strategies/card_collections");
  sub->callback([command, &chosen] { chosen = [command] { return plan(*command); }; });
}

void add_apply_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<PlanCommand>();
  auto* sub = app.add_subcommand("apply", "Plan a bundle and make it the active version");
  add_bundle_options(*sub, command->bundle);
  add_activation_options(*sub, *command);
  sub->footer("Example:\n  dunlin apply strategies/card_collections --reason \"calls a day earlier\"");
  sub->callback([command, &chosen] { chosen = [command] { return apply(*command); }; });
}

void add_rollback_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<PlanCommand>();
  auto* sub = app.add_subcommand("rollback", "Make an earlier version the active one again, by the same road");
  sub->add_option("VERSION", command->version, "Number of the version; the one before in the order of activations if none is given")
      ->check(CLI::PositiveNumber);
  add_bundle_options(*sub, command->bundle, false);
  add_activation_options(*sub, *command);
  sub->footer("Example:\n  dunlin rollback 3 --reason \"too many calls\"");
  sub->callback([command, &chosen] { chosen = [command] { return rollback(*command); }; });
}

}  // namespace dunlin::server
