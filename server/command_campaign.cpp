// dunlin campaign: a list that is worked on certain days, at most so many a day, without a new bundle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "lang/sema/feeds.h"
#include "runtime/store/store.h"
#include "server/campaign_settings.h"
#include "server/command_part.h"
#include "server/compile.h"
#include "server/department_commands.h"
#include "server/department_desk.h"
#include "server/import/csv_reader.h"
#include "server/import/rejects_file.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using store::Ask;

struct CampaignCommand {
  CommonOptions common;
  StoreOptions store;
  std::string file, name, queue, treatment, entity, from, to, between, reason, who, rejects, status, at, stdlib;
  int64_t per_day = 0, priority = 0;
  bool plan = false;
};

std::string doer(const CampaignCommand& command) { return command.who.empty() ? user_name() : command.who; }

/// The program of the active version says what a queue's tasks need and whom a list is about. False: `exit` is set and all is said.
bool hold_against_version(CampaignCommand& command, int& exit) {
  const auto store = open_store_or_exit(command.store, command.common, exit);
  if (!store) return false;
  const auto versions = store->versions();
  if (!versions) return exit = fail(command.common, versions.error()), false;
  const auto active = std::ranges::find_if(*versions, [](const auto& version) { return version.active; });
  if (active == versions->end()) return exit = fail(command.common, Exit::input, "there is no active version", "run or apply a bundle first"), false;
  auto sources = store->sources_of(active->number);
  if (!sources) return exit = fail(command.common, sources.error()), false;
  const auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return exit = fail(command.common, Exit::environment, stdlib.error()), false;
  const auto bundle = check_files(std::move(*sources), *stdlib);
  if (!bundle->program) return exit = fail(command.common, Exit::environment, "the active version cannot be compiled by this program"), false;
  const checked::Program& program = *bundle->program;
  std::vector<std::string> head;
  if (command.entity.empty()) {
    const auto source = import::open_csv(command.file, {});
    if (!source) return exit = fail(command.common, Exit::input, source.error()), false;
    head = (*source)->header().names();
  }
  if (const auto misfit = campaign_misfit(program, command.queue, head, command.entity))
    return exit = fail(command.common, Exit::input, misfit->message, misfit->help), false;
  return true;
}

/// The keys of the list, by their lines; lines that cannot be read are rejected.
bool read_list(const CampaignCommand& command, import::RejectsFile& rejects, Json& cases, int& exit) {
  auto source = import::open_csv(command.file, {});
  if (!source) return exit = fail(command.common, Exit::input, source.error()), false;
  const int32_t column = checked::key_column((*source)->header().names(), command.entity);
  if (column < 0) {
    exit = fail(command.common, Exit::input, fmt::format("`{}` has no column `key`", command.file),
                fmt::format("its first line names the columns; the one with the keys is called `key` or `{}`", command.entity));
    return false;
  }
  import::Row row;
  import::Rejection rejection;
  for (auto next = (*source)->next(row, rejection); next != import::RowSource::Next::end; next = (*source)->next(row, rejection)) {
    if (next == import::RowSource::Next::rejected) {
      rejects.add(rejection);
    } else {
      cases.push_back({{"nth", row.line}, {"key", row.cells[static_cast<size_t>(column)]}});
    }
  }
  return true;
}

int start(const CampaignCommand& given_command) {
  CampaignCommand command = given_command;
  const auto hours = hours_of_day(command.between);
  if (!hours) return fail(command.common, Exit::usage, "--between takes hours of a day", "for example --between 09:00-12:00");
  const auto [from_s, to_s] = *hours;
  if (!command.plan && command.reason.empty()) return fail(command.common, Exit::usage, "--reason is missing: why, for the audit");
  if (command.name.empty()) command.name = fs::path(command.file).stem().string();
  int exit = 0;
  if (!hold_against_version(command, exit)) return exit;
  import::RejectsFile rejects(command.rejects.empty() ? command.file + ".rejected.csv" : command.rejects);
  Json cases = Json::array();
  if (!read_list(command, rejects, cases, exit)) return exit;
  const Json settings{{"name", command.name},
                      {"entity", command.entity},
                      {"queue", command.queue},
                      {"treatment", command.treatment},
                      {"priority", command.priority},
                      {"from_day", command.from},
                      {"to_day", command.to},
                      {"from_s", from_s},
                      {"to_s", to_s},
                      {"who", doer(command)},
                      {"reason", command.reason},
                      {"file", fs::path(command.file).filename().string()},
                      {"per_day", command.per_day == 0 ? Json() : Json(command.per_day)}};
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::campaign_start, {settings.dump(), cases.dump(), "true"}, rows, exit)) return exit;
  Json made = rows[0];
  for (const Json& one : made["rejected"]) rejects.add({one["nth"].get<int64_t>(), "key", one["reason"], one["key"]});
  if (!rejects.close())
    return fail(command.common, Exit::environment,
                fmt::format("`{}` cannot be written, or is no file of rejected rows: name another with --rejected", rejects.path().string()));
  if (!command.plan) {
    if (made["good"] == 0) {
      return fail(command.common, Exit::input,
                  fmt::format("no line of `{}` names {} {}", command.file, command.entity.find_first_of("aeiou") == 0 ? "an" : "a", command.entity),
                  rejects.rows() == 0 ? "" : fmt::format("the lines, with the reason: {}", rejects.path().string()));
    }
    if (!desk->ask(Ask::campaign_start, {settings.dump(), cases.dump(), "false"}, rows, exit)) return exit;
    made = rows[0];
  }
  made["plan"] = command.plan;
  made["rejected_rows"] = rejects.rows();
  if (rejects.rows() > 0) made["rejected_file"] = rejects.path().string();
  const int done = static_cast<int>(rejects.rows() == 0 || made["good"].get<int64_t>() > 0 ? Exit::done : Exit::input);
  if (command.common.json) return print_json(made), done;
  fmt::print("{} {}: {} of {} lines name {}s, each once\n", command.plan ? "plan of campaign" : "campaign", command.name, cell_text(made["good"]), cases.size(),
             command.entity);
  for (const Json& day : made["days"]) fmt::print("  {}: {} {} \"{}\"\n", cell_text(day["day"]), cell_text(day["cases"]), command.queue, command.treatment);
  if (made["unreached"].get<int64_t>() > 0) fmt::print("  {} would not be reached: the days are over before\n", cell_text(made["unreached"]));
  for (const Json& one : made["witness"]) fmt::print("  for example {} {} on {}\n", command.entity, cell_text(one["key"]), cell_text(one["day"]));
  if (rejects.rows() > 0) {
    fmt::print("{} lines rejected, with line, column and reason: {}\n", rejects.rows(), rejects.path().string());
    if (!command.plan) fmt::print("the campaign itself counts each rejected key once, and no line that cannot be read\n");
  }
  if (command.plan) fmt::print("nothing was written\n");
  return done;
}

int list(const CampaignCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::campaign_list, {}, rows, exit)) return exit;
  show_rows(command.common, rows,
            {{"campaign", ""},
             {"name", "campaign"},
             {"origin", "from"},
             {"queue", "queue"},
             {"from_day", "from"},
             {"to_day", "to"},
             {"per_day", "per day"},
             {"status", "status"},
             {"waiting", "waiting"},
             {"open", "open"},
             {"done", "done"},
             {"missed", "missed"},
             {"withdrawn", "withdrawn"},
             {"rejected", "rejected"}},
            "no campaigns");
  return 0;
}

int cases(const CampaignCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::campaign_cases, {command.name, given(command.status)}, rows, exit)) return exit;
  if (!command.rejects.empty()) {
    import::RejectsFile file(command.rejects);
    for (const Json& row : rows) {
      if (row["status"] == "rejected") file.add({row["line"].get<int64_t>(), "key", cell_text(row["reason"]), cell_text(row["key"])});
    }
    if (!file.close()) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.rejects));
  }
  show_rows(command.common, rows,
            {{"line", "line"}, {"key", "key"}, {"status", "status"}, {"day", "day"}, {"tries", "tries"}, {"task", "task"}, {"reason", "why"}}, "no such cases");
  return 0;
}

int release(const CampaignCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::campaign_release, {given(command.at)}, rows, exit)) return exit;
  show_rows(command.common, rows, {{"name", "campaign"}, {"released", "tasks made"}, {"settled", "settled"}, {"waiting", "waiting"}}, "no campaign is running");
  return 0;
}

int stop(const CampaignCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::campaign_stop, {command.name, command.reason, doer(command)}, rows, exit)) return exit;
  if (command.common.json) return print_json(rows[0]), 0;
  const Json& row = rows[0];
  fmt::print("campaign {} is stopped: {} open tasks withdrawn, {} held by workers marked, {} never made, {} were done\n", cell_text(row["name"]),
             cell_text(row["withdrawn"]), cell_text(row["marked"]), cell_text(row["never"]), cell_text(row["done"]));
  return 0;
}

}  // namespace

void add_campaign_command(CLI::App& app, Chosen& chosen) {
  auto* sub = app.add_subcommand("campaign", "Lists that are worked on certain days, at most so many a day");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin campaign list");
  auto command = std::make_shared<CampaignCommand>();
  auto* part =
      add_part(*sub, "start", "Start a campaign from a list of keys (CSV with a column `key`)",
               "dunlin campaign start payday.csv --queue call --treatment payday --from 2026-05-05 --to 2026-05-07 --between 09:00-12:00 --per-day 3000 "
               "--reason \"payday\"",
               command, chosen, start);
  part->add_option("FILE", command->file, "The list")->required();
  part->add_option("--queue", command->queue, "Queue of its tasks")->required();
  part->add_option("--treatment", command->treatment, "Treatment of its tasks");
  part->add_option("--from", command->from, "First day (2026-05-05)")->required();
  part->add_option("--to", command->to, "Last day")->required();
  part->add_option("--between", command->between, "Hours of each day: 09:00-12:00; else the whole day");
  part->add_option("--per-day", command->per_day, "Most tasks a day")->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}));
  part->add_option("--priority", command->priority, "Priority of its tasks")->check(CLI::Range(int64_t{-1'000'000}, int64_t{1'000'000}))->capture_default_str();
  part->add_option("--name", command->name, "What it is called; else as the file");
  part->add_option("--entity", command->entity, "Whose keys these are; else what the strategies are for");
  part->add_flag("--plan", command->plan, "Only say what it would do; write nothing");
  part->add_option("--rejected", command->rejects, "Where rejected lines go, with line, column and reason; else FILE.rejected.csv");
  part->add_option("--reason", command->reason, "Why, for the audit");
  part->add_option("--who", command->who, "Who does it, for the audit");
  part->add_option("--stdlib", command->stdlib, "Folder of the standard library");
  command = std::make_shared<CampaignCommand>();
  add_part(*sub, "list", "Campaigns, the newest first", "dunlin campaign list", command, chosen, list);
  command = std::make_shared<CampaignCommand>();
  part = add_part(*sub, "cases", "The lines of a campaign and what became of them", "dunlin campaign cases payday --status rejected", command, chosen, cases);
  part->add_option("CAMPAIGN", command->name, "Its name or number")->required();
  part->add_option("--status", command->status, "Only these: waiting, released, done, missed, withdrawn, rejected, dropped")
      ->check(CLI::IsMember({"waiting", "released", "done", "missed", "withdrawn", "rejected", "dropped"}));
  part->add_option("--rejected", command->rejects, "Write rejected lines to this file, with line, column and reason");
  command = std::make_shared<CampaignCommand>();
  part = add_part(*sub, "release", "Make the tasks of the day; the server does it by itself", "dunlin campaign release", command, chosen, release);
  part->add_option("--at", command->at, "Business time, for systems on a virtual clock");
  command = std::make_shared<CampaignCommand>();
  part = add_part(*sub, "stop", "End a campaign and withdraw its open tasks", "dunlin campaign stop payday --reason \"the wrong list\"", command, chosen, stop);
  part->add_option("CAMPAIGN", command->name, "Its name or number")->required();
  part->add_option("--reason", command->reason, "Why, for the audit")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
}

}  // namespace dunlin::server
