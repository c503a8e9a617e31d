// dunlin contact: the switch that stops outbound contact at once.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/command_part.h"
#include "server/department_commands.h"
#include "server/department_desk.h"
#include "server/plan/proposal.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct ContactCommand {
  CommonOptions common;
  StoreOptions store;
  std::string where, key, entity = "account", address, queue, until, reason, who;
  int64_t stop = 0;
  bool all = false;
};

std::string doer(const ContactCommand& command) { return command.who.empty() ? user_name() : command.who; }

int stop(const ContactCommand& command) {
  const size_t sign = command.where.find('=');
  if (!command.where.empty() && (sign == 0 || sign == std::string::npos))
    return fail(command.common, Exit::usage, "--where takes FIELD=VALUE", "for example --where client=Northbank");
  const int named = static_cast<int>(!command.where.empty()) + static_cast<int>(!command.key.empty()) + static_cast<int>(!command.address.empty()) +
                    static_cast<int>(command.all);
  if (named != 1 && !(named == 0 && !command.queue.empty()))
    return fail(command.common, Exit::usage, "say whose contact is stopped, in one way",
                "--where FIELD=VALUE, --key KEY, --address NUMBER, --queue QUEUE, or --all");
  const bool rows = !command.where.empty() || !command.key.empty();
  const auto field = command.where.empty() ? std::nullopt : std::optional(command.where.substr(0, sign));
  const auto value = command.where.empty() ? std::nullopt : std::optional(command.where.substr(sign + 1));
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json made;
  if (!desk || !desk->ask(Ask::contact_stop,
                          {command.reason, rows ? std::optional(command.entity) : std::nullopt, given(command.key), field, value, given(command.address),
                           given(command.queue), given(command.until), doer(command)},
                          made, exit))
    return exit;
  if (command.common.json) return print_json(made[0]), 0;
  const Json& row = made[0];
  if (row["tasks"].is_null()) {
    fmt::print("stop {}: nothing more goes out there; whoever asks may_contact() with the address is told\n", cell_text(row["stop"]));
    return 0;
  }
  const std::string whom = row["instances"].is_null() ? "" : fmt::format(" to {}: {}", command.entity, cell_text(row["instances"]));
  fmt::print("stop {}: nothing more goes out{}; {} open tasks stay, {} of them that workers hold are marked, and they are told\n", cell_text(row["stop"]), whom,
             cell_text(row["tasks"]), cell_text(row["marked"]));
  return 0;
}

int resume(const ContactCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::contact_resume, {std::to_string(command.stop), doer(command)}, rows, exit)) return exit;
  if (command.common.json) return print_json({{"stop", command.stop}, {"woken", rows[0]["woken"]}}), 0;
  fmt::print("stop {} is lifted; {} tasks joined the line again\n", command.stop, cell_text(rows[0]["woken"]));
  return 0;
}

int list(const ContactCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::contact_stops, {std::nullopt, std::nullopt}, rows, exit)) return exit;
  show_rows(command.common, rows,
            {{"stop", ""},
             {"since", "since (UTC)"},
             {"until", "until"},
             {"entity", "of"},
             {"key", "key"},
             {"field", "field"},
             {"value", "value"},
             {"address", "address"},
             {"queue", "queue"},
             {"feed", "while missing"},
             {"reason", "why"},
             {"who", "by"}},
            "contact is not stopped");
  return 0;
}

}  // namespace

void add_contact_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("contact", "Stop outbound contact at once: of one client, one account, a number, a queue, or all");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin contact stop --where client=Northbank --reason \"the mandate has ended\"");
  auto command = std::make_shared<ContactCommand>();
  auto* part = add_part(*sub, "stop", "Nothing more goes out, and those who hold tasks are told",
                        "dunlin contact stop --where client=Northbank --reason \"the mandate has ended\"", command, chosen, stop);
  part->add_option("--where", command->where, "All rows with this value: FIELD=VALUE, for example one client");
  part->add_option("--entity", command->entity, "Whose field or key this is")->capture_default_str();
  part->add_option("--key", command->key, "One account or debtor");
  part->add_option("--address", command->address, "One telephone number or mail address, asked by may_contact()");
  part->add_flag("--all", command->all, "Everybody");
  part->add_option("--queue", command->queue, "Only through this queue");
  part->add_option("--until", command->until,
                   "Ends by itself then: 2026-05-04 (the beginning of that day), 2026-05-04 08:00, both by the bundle's zone, or with +02:00 behind it; else "
                   "it is lifted by hand");
  part->add_option("--reason", command->reason, "Why, for the audit")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
  command = std::make_shared<ContactCommand>();
  part = add_part(*sub, "resume", "Lift a stop", "dunlin contact resume 3", command, chosen, resume);
  part->add_option("STOP", command->stop, "Its number")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
  command = std::make_shared<ContactCommand>();
  add_part(*sub, "list", "What is stopped now", "dunlin contact list", command, chosen, list);
}

}  // namespace dunlin::server
