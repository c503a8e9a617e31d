// dunlin proposal: versions that wait for a second person.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <nlohmann/json.hpp>

#include "compiler/abi/clock.h"
#include "server/command_part.h"
#include "server/open_service.h"
#include "server/output/table.h"
#include "server/serve/serve_commands.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct ProposalCommand {
  CommonOptions common;
  StoreOptions store;
  std::string stdlib, author, reason;
  int64_t id = 0;
  bool all = false;
};

int fail(const ProposalCommand& command, const NotDone& why) { return server::fail(command.common, exit_of(why), why.message, why.help); }
void print(const Json& body) { fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace)); }
std::string text_of(const Json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); }

Activator person(const ProposalCommand& command) {
  return {.author = command.author.empty() ? user_name() : command.author, .origin = command_line_origin(), .reason = command.reason, .approver = ""};
}

int ask(const ProposalCommand& command, store::Service& service, Ask what, const store::Parameters& parameters, Json& rows) {
  auto answer = service.ask(what, parameters);
  if (!answer) return fail(command, not_done(answer.error()));
  rows = Json::parse(*answer);
  return 0;
}

int list(const ProposalCommand& command) {
  int exit = 0;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  Json rows;
  exit = ask(command, *service, Ask::proposals, {command.all ? std::nullopt : std::optional<std::string>("waiting"), std::nullopt, "1000"}, rows);
  if (exit != 0) return exit;
  if (command.common.json) return print({{"proposals", rows}}), 0;
  Table table({{"", Table::Align::right}, {"at (UTC)"}, {"by"}, {"bundle"}, {"in place of", Table::Align::right}, {"why"}, {"status"}, {"decided by"}});
  for (const auto& row : rows) {
    table.add({row["id"].dump(), text_of(row["at"]).substr(0, 16), text_of(row["author"]), text_of(row["bundle"]), row["replacing"].dump(),
               text_of(row["reason"]), text_of(row["status"]), text_of(row["decided_by"])});
  }
  fmt::print("{}", table.empty() ? "nothing waits for a second person\n" : table.text(command.common.color));
  return 0;
}

int show(const ProposalCommand& command) {
  int exit = 0;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  Json rows;
  exit = ask(command, *service, Ask::proposal, {std::to_string(command.id)}, rows);
  if (exit != 0) return exit;
  if (rows.empty()) return server::fail(command.common, Exit::input, fmt::format("there is no proposal {}", command.id), "dunlin proposal list");
  const Json& row = rows[0];
  if (command.common.json) return print(row), 0;
  fmt::print("proposal {}, {} ({}): bundle {} in place of version {}, by {}\n", command.id, text_of(row["status"]), text_of(row["at"]).substr(0, 16),
             text_of(row["bundle"]), row["replacing"].dump(), text_of(row["author"]));
  if (!text_of(row["reason"]).empty()) fmt::print("why: {}\n", text_of(row["reason"]));
  fmt::print("\nwhat its author saw:\n{}\n", row["plan"].dump(2, ' ', false, Json::error_handler_t::replace));
  return 0;
}

int approve(const ProposalCommand& command) {
  auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return server::fail(command.common, Exit::environment, stdlib.error());
  int exit = 0;
  auto store = open_store_or_exit(command.store, command.common, exit);
  if (!store) return exit;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  const int64_t now = static_cast<int64_t>(std::time(nullptr)) * abi::us_per_second;
  auto agreed = agree(*service, *store, command.id, person(command), now, *stdlib);
  if (!agreed) return fail(command, agreed.error());
  if (command.common.json) {
    Json body = proposal_json(agreed->proposal);
    body["version"] = agreed->version.number;
    body["activated"] = true;
    print(body);
  } else {
    fmt::print("{}\nversion {} is active; case files follow with the next step (dunlin run, or a running server)\n",
               proposal_text(agreed->proposal, command.common.color), agreed->version.number);
  }
  return 0;
}

int turn_down(const ProposalCommand& command) {
  int exit = 0;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  if (auto done = reject(*service, command.id, person(command)); !done) return fail(command, done.error());
  if (command.common.json) return print({{"rejected", command.id}}), 0;
  fmt::print("proposal {} will not become active\n", command.id);
  return 0;
}

int set_rule(const ProposalCommand& command, bool asked) {
  int exit = 0;
  const auto service = open_service_or_exit(command.store, command.common, exit);
  if (!service) return exit;
  const Activator who = person(command);
  auto changed = ask_for_second_person(*service, asked, who.author, who.origin, command.reason);
  if (!changed) return fail(command, changed.error());
  if (command.common.json) return print({{"second_person", asked}, {"changed", *changed}}), 0;
  fmt::print("{}{}\n", *changed ? "" : "as before: ",
             asked ? "a version becomes active only when a second person agrees" : "a version becomes active by the word of one person");
  return 0;
}
int require(const ProposalCommand& command) { return set_rule(command, true); }
int waive(const ProposalCommand& command) { return set_rule(command, false); }

}  // namespace

void add_proposal_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("proposal", "Versions that wait for a second person");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin proposal approve 4 --reason \"seen with the team\"");
  auto command = std::make_shared<ProposalCommand>();
  const auto add_person = [&](CLI::App& part) {
    part.add_option("--author", command->author, "Who decides, for the audit; the user of this machine if not given");
    part.add_option("--reason", command->reason, "Why, for the audit");
  };
  auto* listed = add_part(*sub, "list", "What waits", "dunlin proposal list", command, chosen, list);
  listed->add_flag("--all", command->all, "What was decided too");
  auto* shown = add_part(*sub, "show", "One of them, with the plan its author saw", "dunlin proposal show 4", command, chosen, show);
  auto* agreed =
      add_part(*sub, "approve", "Agree to what somebody else proposed: plan again, and make it active", "dunlin proposal approve 4", command, chosen, approve);
  agreed->add_option("--stdlib", command->stdlib, "Folder of the standard library, if not the installed one");
  auto* down = add_part(*sub, "reject", "It will not become active", "dunlin proposal reject 4 --reason \"too many calls\"", command, chosen, turn_down);
  for (auto* part : {shown, agreed, down}) part->add_option("ID", command->id, "Number of the proposal")->required()->check(CLI::PositiveNumber);
  auto* on = add_part(*sub, "require", "Ask for a second person from now on, of everybody who works on this database", "dunlin proposal require", command,
                      chosen, require);
  auto* off = add_part(*sub, "waive", "Ask for none from now on", "dunlin proposal waive --reason \"the house decided so\"", command, chosen, waive);
  for (auto* part : {agreed, down, on, off}) add_person(*part);
}

}  // namespace dunlin::server
