// dunlin feed: files that must come, whether they did, and letting contact go on without one.
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

struct FeedCommand {
  CommonOptions common;
  StoreOptions store;
  std::string feed, day, at, reason, who;
  int64_t limit = 20;
};

int status(const FeedCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::feed_status, {given(command.at)}, rows, exit)) return exit;
  show_rows(command.common, rows,
            {{"feed", "feed"},
             {"due", "due"},
             {"holds", "holds"},
             {"expected", "expected for"},
             {"state", "state"},
             {"last_day", "last file of"},
             {"last_rows", "rows"},
             {"last_bad", "bad"},
             {"last_total", "total"},
             {"kept_back", "tasks kept back"},
             {"refused", "refused since"}},
            "the active version has no feeds");
  return 0;
}

int list(const FeedCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::feed_files, {given(command.feed), std::to_string(command.limit)}, rows, exit)) return exit;
  show_rows(command.common, rows,
            {{"id", ""},
             {"feed", "feed"},
             {"day", "of"},
             {"file", "file"},
             {"status", "status"},
             {"rows_read", "rows"},
             {"rows_bad", "bad"},
             {"rows_told", "rows told"},
             {"total", "total"},
             {"total_told", "total told"},
             {"who", "by"},
             {"reason", "why"}},
            "no file has come");
  return 0;
}

int lift(const FeedCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  const std::string who = command.who.empty() ? user_name() : command.who;
  if (!desk || !desk->ask(Ask::feed_lift, {command.feed, command.reason, given(command.day), given(command.at), who}, rows, exit)) return exit;
  if (command.common.json) return print_json({{"feed", command.feed}, {"day", rows[0]["day"]}, {"who", who}}), 0;
  fmt::print("contact goes on without the file of {} of feed {}\n", cell_text(rows[0]["day"]), command.feed);
  return 0;
}

}  // namespace

void add_feed_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("feed", "Files that must come: whether they did, and what waits for them");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin feed status");
  auto command = std::make_shared<FeedCommand>();
  auto* part = add_part(*sub, "status", "Each feed: whose file was expected, and whether it is there", "dunlin feed status", command, chosen, status);
  part->add_option("--at", command->at, "Business time, for systems on a virtual clock: 2026-05-04T07:00:00Z");
  command = std::make_shared<FeedCommand>();
  part = add_part(*sub, "list", "Files that came, the newest first", "dunlin feed list balances --limit 5", command, chosen, list);
  part->add_option("FEED", command->feed, "Only of this feed");
  part->add_option("--limit", command->limit, "Most files")->check(CLI::Range(1, 100'000))->capture_default_str();
  command = std::make_shared<FeedCommand>();
  part = add_part(*sub, "lift", "Let contact go on without a day's file", "dunlin feed lift balances --reason \"the bank is closed today\"", command, chosen,
                  lift);
  part->add_option("FEED", command->feed, "The feed")->required();
  part->add_option("--reason", command->reason, "Why, for the audit")->required();
  part->add_option("--for", command->day, "The day (2026-05-04); else the one whose file is missing");
  part->add_option("--at", command->at, "Business time, for systems on a virtual clock");
  part->add_option("--who", command->who, "Who does it, for the audit");
}

}  // namespace dunlin::server
