// dunlin history: how much of the past is kept, and giving up months that nobody has to keep.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/command_part.h"
#include "server/department_commands.h"
#include "server/department_desk.h"
#include "server/plan/proposal.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

struct HistoryCommand {
  CommonOptions common;
  StoreOptions store;
  std::string before, reason;
  int keep_months = 0;
  bool yes = false;
};

std::string megabytes(const Json& bytes) { return fmt::format("{:.1f}", static_cast<double>(bytes.get<int64_t>()) / 1e6); }

int show(const HistoryCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows, begins;
  if (!desk || !desk->ask(Ask::history, {}, rows, exit) || !desk->ask(Ask::history_begins, {}, begins, exit)) return exit;
  if (command.common.json) return print_json({{"begins", begins[0]["at"]}, {"parts", rows}}), 0;
  for (Json& row : rows) row["mb"] = megabytes(row["bytes"]);
  show_rows(command.common, rows, {{"history", "history"}, {"month", "month"}, {"rows_about", "rows, about"}, {"mb", "MB"}}, "no history yet");
  fmt::print("{}\n", begins[0]["at"].is_null() ? "nothing was given up" : fmt::format("the past before {} was given up", cell_text(begins[0]["at"])));
  return 0;
}

int forget(const HistoryCommand& command) {
  int exit = 0;
  if (command.before.empty() && command.keep_months == 0)
    return fail(command.common, Exit::usage, "say up to when", "--before \"2024-01-01 00:00+00\", or --keep-months 24");
  auto desk = DepartmentDesk::open(command.store, command.common, exit, Patient::yes);
  Json rows;
  const std::optional<std::string> given_before = given(command.before),
                                   months = command.keep_months == 0 ? std::nullopt : std::optional(std::to_string(command.keep_months));
  if (!desk || !desk->ask(Ask::history_border, {given_before, months}, rows, exit)) return exit;
  const std::string before = cell_text(rows[0]["before"]);
  if (!command.yes) {
    if (!desk->ask(Ask::history_older, {before}, rows, exit)) return exit;
    if (command.common.json) return print_json({{"before", before}, {"done", false}, {"parts", rows}}), 0;
    for (Json& row : rows) row["mb"] = megabytes(row["bytes"]);
    show_rows(command.common, rows, {{"part", "would go"}, {"rows_about", "rows, about"}, {"mb", "MB"}}, "no whole month ended before " + before);
    fmt::print("older rows outside these months would go too. Nothing was done: give --yes to do it; it cannot be undone\n");
    return 0;
  }
  if (!desk->ask(Ask::history_forget, {given_before, months, user_name(), given(command.reason)}, rows, exit)) return exit;
  if (command.common.json) return print_json({{"before", before}, {"done", true}, {"parts", rows}}), 0;
  show_rows(command.common, rows, {{"what", "went"}, {"rows_gone", "rows"}}, "there was nothing that old");
  return 0;
}

}  // namespace

void add_history_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("history", "How much of the past is kept, by month, and giving up what nobody has to keep");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin history list");
  auto command = std::make_shared<HistoryCommand>();
  add_part(*sub, "list", "Tables of history by month, with rows and size", "dunlin history list", command, chosen, show);
  command = std::make_shared<HistoryCommand>();
  auto* part = add_part(*sub, "forget", "Give up the past before an instant: without --yes it only says what would go",
                        "dunlin history forget --keep-months 36 --yes", command, chosen, forget);
  auto* before = part->add_option("--before", command->before, "The instant, with a time zone: \"2024-01-01 00:00+00\"");
  part->add_option("--keep-months", command->keep_months, "Keep so many whole months before this one")->check(CLI::Range(1, 1200))->excludes(before);
  part->add_flag("--yes", command->yes, "Do it");
  part->add_option("--reason", command->reason, "Why, for the audit");
}

}  // namespace dunlin::server
