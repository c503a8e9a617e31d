// dunlin bulk: events from a list, in one transaction: tried first, agreed to where a second person is asked for, taken back while nobody has acted on them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "server/bulk_plan.h"
#include "server/command_part.h"
#include "server/department_commands.h"
#include "server/department_desk.h"
#include "server/import/csv_reader.h"
#include "server/import/json_lines_reader.h"
#include "server/import/rejects_file.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using store::Ask;

/// More belongs into `dunlin import events`, which reads in batches.
constexpr size_t lines_max = 200'000;

struct BulkCommand {
  CommonOptions common;
  StoreOptions store;
  std::string file, reason, who, source, rejects;
  int64_t id = 0;
  bool plan = false;
};

std::string doer(const BulkCommand& command) { return command.who.empty() ? user_name() : command.who; }

struct List {
  Json lines = Json::array();
  std::vector<int64_t> places;    // line in the file, by the place in `lines`
  std::vector<std::string> rows;  // as they came
};

bool read_list(const BulkCommand& command, import::RejectsFile& rejects, List& list, int& exit) {
  auto source = fs::path(command.file).extension() == ".jsonl" ? import::open_json_lines(command.file) : import::open_csv(command.file, {});
  if (!source) return exit = fail(command.common, Exit::input, source.error()), false;
  import::Row row;
  import::Rejection rejection;
  for (auto next = (*source)->next(row, rejection); next != import::RowSource::Next::end; next = (*source)->next(row, rejection)) {
    if (next == import::RowSource::Next::rejected) {
      rejects.add(rejection);
      continue;
    }
    Json line = Json::object();
    const auto& names = (*source)->header().names();
    for (size_t i = 0; i < row.cells.size() && i < names.size(); ++i) line[names[i]] = row.cells[i];
    list.lines.push_back(std::move(line));
    list.places.push_back(row.line);
    list.rows.push_back(import::row_text(row));
    if (list.places.size() > lines_max) {
      exit = fail(command.common, Exit::input, fmt::format("the list has more than {} lines", lines_max), "dunlin import events takes files of any length");
      return false;
    }
  }
  return true;
}

void print_plan(const Json& plan) {
  const auto count = [&](const char* what) { return plan["results"].value(what, int64_t{0}); };
  fmt::print("{} lines: {} events are new, {} known already, {} known with other values, {} of unknown or closed accounts, {} refused\n",
             cell_text(plan["lines"]), count("accepted"), count("duplicate"), count("differs"), count("set_aside"), count("refused"));
  for (const auto& [kind, number] : plan["events"].items()) fmt::print("  {} {}\n", cell_text(number), printable(kind));
  for (const Json& one : plan["witness"]) {
    fmt::print("  for example {} of {} {} (line {})\n", cell_text(one["event"]), cell_text(one["entity"]), cell_text(one["key"]), cell_text(one["line"]));
  }
}

int post(const BulkCommand& command) {
  if (!command.plan && command.reason.empty()) return fail(command.common, Exit::usage, "--reason is missing: why, for the audit", "--plan only looks");
  int exit = 0;
  import::RejectsFile rejects(command.rejects.empty() ? command.file + ".rejected.csv" : command.rejects);
  List list;
  if (!read_list(command, rejects, list, exit)) return exit;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json tried;
  const std::string name = fs::path(command.file).filename().string(), source = command.source.empty() ? name : command.source;
  if (!desk || !desk->ask(Ask::bulk_try, {list.lines.dump(), source}, tried, exit)) return exit;
  Json events = Json::array();
  Json body{{"plan", bulk_plan(tried, list.places, events, [&](size_t place, import::Rejection rejection) {
               rejection.body = list.rows[place];
               rejects.add(rejection);
             })}};
  if (!rejects.close())
    return fail(command.common, Exit::environment,
                fmt::format("`{}` cannot be written, or is no file of rejected rows: name another with --rejected", rejects.path().string()));
  body["rejected_rows"] = rejects.rows();
  if (rejects.rows() > 0) body["rejected_file"] = rejects.path().string();
  const auto rejected = [&] {
    if (rejects.rows() > 0) fmt::print("{} lines rejected, with line, column and reason: {}\n", rejects.rows(), rejects.path().string());
  };
  if (command.plan) {
    if (command.common.json) return print_json(body), 0;
    print_plan(body["plan"]);
    rejected();
    fmt::print("nothing was written\n");
    return 0;
  }
  Json rows;
  if (!desk->ask(Ask::bulk_propose, {doer(command), command.reason, name, events.dump(), body["plan"].dump()}, rows, exit)) return exit;
  body["bulk"] = rows[0]["bulk"];
  body["status"] = rows[0]["status"];
  body["posted"] = rows[0]["posted"];
  exit = static_cast<int>(rejects.rows() == 0 ? Exit::done : Exit::input);
  if (command.common.json) return print_json(body), exit;
  print_plan(body["plan"]);
  rejected();
  if (rows[0]["status"] == "waiting") {
    fmt::print("list {} waits for a second person: dunlin bulk approve {}\n", cell_text(rows[0]["bulk"]), cell_text(rows[0]["bulk"]));
  } else {
    fmt::print("list {}: {} events posted; dunlin bulk undo {} takes back what no step has read\n", cell_text(rows[0]["bulk"]), cell_text(rows[0]["posted"]),
               cell_text(rows[0]["bulk"]));
  }
  return exit;
}

int list(const BulkCommand& command) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(Ask::bulk_list, {std::nullopt}, rows, exit)) return exit;
  show_rows(command.common, rows,
            {{"id", ""},
             {"at", "at (UTC)"},
             {"author", "by"},
             {"file", "file"},
             {"reason", "why"},
             {"status", "status"},
             {"posted", "posted"},
             {"set_aside", "set aside"},
             {"undone", "undone"},
             {"decided_by", "decided by"}},
            "no lists");
  return 0;
}

/// approve, reject, undo: a list by its number.
int decide(const BulkCommand& command, Ask what, store::Parameters parameters, const char* say) {
  int exit = 0;
  auto desk = DepartmentDesk::open(command.store, command.common, exit);
  Json rows;
  if (!desk || !desk->ask(what, parameters, rows, exit)) return exit;
  if (command.common.json) return print_json(rows[0]), 0;
  const Json& row = rows[0];
  if (what == Ask::bulk_undo) {
    fmt::print("list {}: {} events taken back; {} had been acted on and stay\n", command.id, cell_text(row["undone"]), cell_text(row["acted_on"]));
  } else if (what == Ask::bulk_approve) {
    fmt::print("list {}: {} events posted\n", command.id, cell_text(row["posted"]));
  } else {
    fmt::print("list {}: {}\n", command.id, say);
  }
  return 0;
}

int approve(const BulkCommand& command) { return decide(command, Ask::bulk_approve, {std::to_string(command.id), doer(command)}, ""); }
int reject(const BulkCommand& command) { return decide(command, Ask::bulk_reject, {std::to_string(command.id), doer(command), command.reason}, "rejected"); }
int undo(const BulkCommand& command) { return decide(command, Ask::bulk_undo, {std::to_string(command.id), doer(command), command.reason}, ""); }

}  // namespace

void add_bulk_command(CLI::App& app, Chosen& chosen) {
  auto* sub =
      app.add_subcommand("bulk", "Events from a list, in one transaction: tried first, agreed to, taken back; refused lines are left out and given back");
  sub->require_subcommand(1);
  sub->footer("Example:\n  dunlin bulk events reversals.csv --plan");
  auto command = std::make_shared<BulkCommand>();
  auto* part = add_part(*sub, "events", "Post the events of a list: columns event, key, at, id, source and the fields",
                        "dunlin bulk events reversals.csv --reason \"the file of 3 March came twice\"", command, chosen, post);
  part->add_option("FILE", command->file, "CSV, or JSON lines (.jsonl)")->required();
  part->add_flag("--plan", command->plan, "Only say what would become of each line; write nothing");
  part->add_option("--source", command->source, "Source of lines that name none; else the file's name");
  part->add_option("--rejected", command->rejects, "Where rejected lines go, with line, column and reason; else FILE.rejected.csv");
  part->add_option("--reason", command->reason, "Why, for the audit");
  part->add_option("--who", command->who, "Who does it, for the audit");
  command = std::make_shared<BulkCommand>();
  add_part(*sub, "list", "Lists, the newest first", "dunlin bulk list", command, chosen, list);
  command = std::make_shared<BulkCommand>();
  part = add_part(*sub, "approve", "Agree to the list of somebody else", "dunlin bulk approve 4", command, chosen, approve);
  part->add_option("NUMBER", command->id, "The list")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
  command = std::make_shared<BulkCommand>();
  part = add_part(*sub, "reject", "Turn a list down", "dunlin bulk reject 4 --reason \"two accounts are wrong\"", command, chosen, reject);
  part->add_option("NUMBER", command->id, "The list")->required();
  part->add_option("--reason", command->reason, "Why")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
  command = std::make_shared<BulkCommand>();
  part = add_part(*sub, "undo", "Take back the events that no step has read yet", "dunlin bulk undo 4 --reason \"the wrong file\"", command, chosen, undo);
  part->add_option("NUMBER", command->id, "The list")->required();
  part->add_option("--reason", command->reason, "Why")->required();
  part->add_option("--who", command->who, "Who does it, for the audit");
}

}  // namespace dunlin::server
