// dunlin worker: the people at the queues. Also what supervisors say about single accounts, and registers: dunlin queue override, register, statuses,
// withdrawals.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "server/desk_answer.h"
#include "server/desk_part.h"
#include "server/import/csv_reader.h"
#include "server/output/terminal.h"
#include "server/queue_verbs.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using Desk = store::QueueDesk;

struct Verb {
  CommonOptions common;
  StoreOptions store;
  std::string file, worker, since, until, day, hours, reason, who, queue, entity = "account", key, priority, stage, number;
  bool exclude = false, csv = false, all = false;
};

/// The rows of a CSV file as JSON objects by the names of its columns, with the line of each; nothing: `trouble` says what is wrong.
std::optional<Json> rows_of(const std::string& file, std::vector<int64_t>& lines, std::string& trouble) {
  auto source = import::open_csv(file, {});
  if (!source) {
    trouble = source.error();
    return std::nullopt;
  }
  Json rows = Json::array();
  import::Row row;
  import::Rejection rejection;
  for (;;) {
    const auto next = (*source)->next(row, rejection);
    if (next == import::RowSource::Next::end) return rows;
    if (next == import::RowSource::Next::rejected) {
      trouble = fmt::format("{}:{}: {}", file, rejection.line, rejection.reason);
      return std::nullopt;
    }
    Json one = Json::object();
    for (size_t i = 0; i < row.cells.size(); ++i) one[(*source)->header().names()[i]] = std::string(row.cells[i]);
    rows.push_back(std::move(one));
    lines.push_back(row.line);
  }
}

/// What was refused, each with its line; the exit code.
int tell(const Verb& verb, const store::Result<std::string>& answer, const std::vector<int64_t>& lines, const char* what) {
  if (!answer) return fail(verb.common, answer.error());
  Json rows = Json::parse(*answer);
  size_t refused = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i]["line"] = i < lines.size() ? lines[i] : 0;
    if (rows[i].value("result", "") != "refused") continue;
    ++refused;
    if (!verb.common.json) fmt::print(stderr, "{}:{}: {}\n", printable(verb.file), i < lines.size() ? lines[i] : 0, printable(rows[i].value("message", "")));
  }
  if (verb.common.json) {
    fmt::print("{}\n", rows.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{} {} taken, {} refused\n", rows.size() - refused, what, refused);
  }
  return refused == 0 ? 0 : static_cast<int>(Exit::input);
}

int import_workers(const Verb& verb, Desk& desk) {
  std::vector<int64_t> lines;
  std::string trouble;
  const auto rows = rows_of(verb.file, lines, trouble);
  if (!rows)
    return fail(verb.common, Exit::input, trouble,
                "the first line names the columns: worker, name, head, schedule, timezone, territories, queues, capacity, skills, tests, active");
  return tell(verb, desk.put_workers(rows->dump(), doer_or_login(verb.who)), lines, "workers");
}

int show_worker(const Verb& verb, Desk& desk) {
  auto all = desk.workers(), facts = desk.worker_facts(verb.worker), list = desk.day_list(verb.worker);
  for (const auto* answer : {&all, &facts, &list}) {
    if (!*answer) return fail(verb.common, answer->error());
  }
  Json one;
  for (const Json& row : Json::parse(*all)) {
    if (row.value("worker", "") == verb.worker) one = row;
  }
  if (verb.common.json) {
    one["facts"] = Json::parse(*facts);
    one["day_list"] = Json::parse(*list);
    fmt::print("{}\n", one.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  const store::Result<std::string> line = Json::array({one}).dump();
  show_rows(verb.common, line,
            {"worker", "full_name", "head", "schedule", "territories", "queues", "capacity", "at_work_from", "absent_until", "holds", "listed", "ended_today"},
            "");
  fmt::print("\n");
  show_rows(verb.common, facts, {"what", "name", "since", "until", "reason"}, "no skills, tests, absences or exceptions");
  fmt::print("\n");
  return show_rows(verb.common, list, {"listed", "queue", "task", "key", "treatment", "priority", "due", "status"}, "nothing on the day list");
}

int override_account(const Verb& verb, Desk& desk) {
  const int kinds = static_cast<int>(!verb.worker.empty()) + static_cast<int>(!verb.priority.empty()) + static_cast<int>(!verb.stage.empty()) +
                    static_cast<int>(verb.exclude);
  if (kinds != 1)
    return fail(verb.common, Exit::usage, "say one of --worker, --priority, --stage and --exclude", "dunlin queue override --help shows an example");
  const std::string kind = verb.exclude ? "exclude" : !verb.stage.empty() ? "stage" : verb.priority.empty() ? "worker" : "priority";
  if (kind != "stage" && verb.until.empty())
    return fail(verb.common, Exit::usage, "say until when: --until", "only a move to a stage may be for good; dunlin queue override --help shows an example");
  const std::string value = verb.exclude ? "" : verb.worker + verb.priority + verb.stage;
  return show_rows(verb.common,
                   desk.set_override(verb.entity, verb.key, kind, given(value), given(verb.until), verb.reason, given(verb.queue), doer_or_login(verb.who)),
                   {"override"}, "");
}

std::string csv_cell(const Json& value) {
  std::string text = value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

/// Rows as a CSV file with these columns.
int print_csv(const std::string& rows, const std::vector<std::string>& columns) {
  std::string head;
  for (const std::string& column : columns) head += (head.empty() ? "" : ",") + column;
  fmt::print("{}\n", head);
  for (const Json& row : Json::parse(rows)) {
    std::string line;
    for (const std::string& column : columns) line += (&column == &columns.front() ? "" : ",") + csv_cell(row.value(column, Json()));
    fmt::print("{}\n", line);
  }
  return 0;
}

const std::vector<std::string> register_columns = {"nth",    "number",    "register", "day_made", "entity",    "key",
                                                   "debtor", "treatment", "fields",   "status",   "status_at", "withdrawn"};

int show_register(const Verb& verb, Desk& desk) {
  const auto answer = desk.register_of(verb.queue, given(verb.day));
  if (!answer || !verb.csv)
    return show_rows(verb.common, answer, {"nth", "number", "key", "debtor", "treatment", "fields", "status", "withdrawn"}, "an empty register");
  return print_csv(*answer, register_columns);
}

/// The file of corrections: as the register, and what was corrected, and when.
int show_withdrawals(const Verb& verb, Desk& desk) {
  const auto answer = desk.register_withdrawals(verb.queue, given(verb.day), verb.all);
  if (!answer || !verb.csv)
    return show_rows(verb.common, answer, {"correction", "number", "register", "day_made", "key", "withdrawn", "status", "acknowledged_by"},
                     verb.all ? "nothing was withdrawn from a register" : "nothing was withdrawn that is not acknowledged");
  std::vector<std::string> columns = register_columns;
  columns.insert(columns.end(), {"correction", "corrected_at"});
  return print_csv(*answer, columns);
}

/// Columns number, correction and perhaps stopped; the others of a file of corrections are let be.
int acknowledge_withdrawals(const Verb& verb, Desk& desk) {
  std::vector<int64_t> lines;
  std::string trouble;
  auto rows = rows_of(verb.file, lines, trouble);
  if (!rows) return fail(verb.common, Exit::input, trouble, "the first line names the columns: number, correction, and stopped if some did not go out");
  for (Json& row : *rows) {
    Json item = Json::object();
    for (const char* name : {"number", "correction", "stopped"}) {
      if (row.contains(name) && row[name] != "") item[name] = row[name];
    }
    row = std::move(item);
  }
  return tell(verb, desk.acknowledge_withdrawals(verb.queue, rows->dump(), doer_or_login(verb.who)), lines, "corrections");
}

/// Columns number, status, at, external_id; all others are fields of the outcome.
int import_statuses(const Verb& verb, Desk& desk) {
  std::vector<int64_t> lines;
  std::string trouble;
  auto rows = rows_of(verb.file, lines, trouble);
  if (!rows) return fail(verb.common, Exit::input, trouble, "the first line names the columns: number, status, at, and the fields of the outcome");
  for (Json& row : *rows) {
    Json payload = Json::object(), item = Json::object();
    for (const auto& [name, value] : row.items()) {
      const std::string text = value.get<std::string>();
      if (name == "number" || name == "status" || name == "at" || name == "external_id") {
        if (!text.empty()) item[name] = text;
        continue;
      }
      if (text.empty()) continue;
      const Json plain = Json::parse(text, nullptr, false);
      payload[name] = plain.is_number() || plain.is_boolean() ? plain : Json(text);
    }
    item["payload"] = std::move(payload);
    row = std::move(item);
  }
  return tell(verb, desk.post_statuses(verb.queue, rows->dump()), lines, "statuses");
}

void add_people_verbs(CLI::App& worker, Chosen& chosen) {
  auto verb = std::make_shared<Verb>();
  auto* sub = add_desk_part<Verb>(worker, chosen, verb, "import", "Take in people from a CSV file; what a row does not name stays as it is",
                                  "dunlin worker import people.csv", import_workers);
  sub->add_option("FILE", verb->file, "CSV: worker, name, head, schedule, timezone, territories, queues, capacity, skills, tests, active")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  add_desk_part<Verb>(worker, chosen, verb, "list", "Show everybody, and what they do now", "dunlin worker list", [](const Verb& v, Desk& desk) {
    return show_rows(v.common, desk.workers(), {"worker", "schedule", "capacity", "at_work_from", "absent_until", "holds", "listed", "ended_today"},
                     "no workers yet; dunlin worker import adds them");
  });

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(worker, chosen, verb, "show", "Show somebody: skills, absences, the day list", "dunlin worker show anna", show_worker);
  sub->add_option("WORKER", verb->worker, "Name")->required();

  verb = std::make_shared<Verb>();
  sub =
      add_desk_part<Verb>(worker, chosen, verb, "absent", "Somebody is away: they get nothing, and what is theirs goes to others",
                          "dunlin worker absent anna --until 2026-12-24 --reason 'on leave'", [](const Verb& v, Desk& desk) {
                            return show_rows(v.common, desk.absent(v.worker, given(v.since), given(v.until), v.reason, doer_or_login(v.who)), {"absence"}, "");
                          });
  sub->add_option("WORKER", verb->worker, "Name")->required();
  sub->add_option("--from", verb->since, "From when on; else from now on");
  sub->add_option("--until", verb->until, "Until when: 2026-12-24 (the beginning of that day) or 2026-12-24 12:00, both by the bundle's zone")->required();
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(worker, chosen, verb, "back", "They are back, or do not go", "dunlin worker back anna",
                            [](const Verb& v, Desk& desk) { return show_rows(v.common, desk.back(v.worker, doer_or_login(v.who)), {"ended"}, ""); });
  sub->add_option("WORKER", verb->worker, "Name")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(worker, chosen, verb, "day", "A day that is not as the schedule says",
                            "dunlin worker day anna 2026-12-31 --hours 10:00-14:00 --reason 'the last day of the year'", [](const Verb& v, Desk& desk) {
                              return show_rows(v.common, desk.exception(v.worker, v.day, given(v.hours), v.reason, doer_or_login(v.who)), {}, "noted");
                            });
  sub->add_option("WORKER", verb->worker, "Name")->required();
  sub->add_option("DAY", verb->day, "The day")->required();
  sub->add_option("--hours", verb->hours, "From-to; without them a day off");
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  add_desk_part<Verb>(worker, chosen, verb, "lists", "Fill the day lists now, as the engine does behind each pass", "dunlin worker lists",
                      [](const Verb& v, Desk& desk) { return show_rows(v.common, desk.fill_day_lists(), {"listed"}, ""); });
}

}  // namespace

void add_account_verbs(CLI::App& queue, Chosen& chosen) {
  auto verb = std::make_shared<Verb>();
  auto* sub = add_desk_part<Verb>(queue, chosen, verb, "override",
                                  "Decide for one account: who works it, how urgent it is, in which stage it is, or that nothing goes out",
                                  "dunlin queue override A-17 --worker bert --until 2026-12-31 --reason 'speaks her language'", override_account);
  sub->add_option("KEY", verb->key, "Key of the account")->required();
  sub->add_option("--entity", verb->entity, "What the key is of; a debtor's is for all below")->capture_default_str();
  sub->add_option("--worker", verb->worker, "Only this one gets its tasks");
  sub->add_option("--priority", verb->priority, "Its tasks have this priority");
  sub->add_option("--stage", verb->stage, "It goes to this stage of its strategy, with the next step, and no rule takes it out before --until");
  sub->add_flag("--exclude", verb->exclude, "None of its tasks goes out");
  sub->add_option("--queue", verb->queue, "Only in this queue");
  sub->add_option("--until", verb->until, "Until when, as a date or a time by the bundle's zone; with --stage, leave it out to move it once");
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  add_desk_part<Verb>(queue, chosen, verb, "overrides", "Show the overrides that stand", "dunlin queue overrides", [](const Verb& v, Desk& desk) {
    return show_rows(v.common, desk.overrides(), {"override", "entity", "key", "kind", "value", "queue", "until", "reason", "who"}, "no override stands");
  });

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "lift-override", "End an override before its time", "dunlin queue lift-override 12",
                            [](const Verb& v, Desk& desk) { return show_rows(v.common, desk.lift_override(v.number, doer_or_login(v.who)), {}, "lifted"); });
  sub->add_option("NUMBER", verb->number, "Number of the override")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "register", "Show the register of a queue that goes out in batches",
                            "dunlin queue register registered --day 2026-11-22 --csv", show_register);
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("--day", verb->day, "The day; else the last register");
  sub->add_flag("--csv", verb->csv, "As a CSV file");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "statuses", "Take in what became of the items of registers, by their numbers",
                            "dunlin queue statuses registered statuses.csv", import_statuses);
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("FILE", verb->file, "CSV: number, status, at, and the fields of the outcomes")->required();

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "withdrawals", "Show items of registers that were withdrawn since they were made, or stand again",
                            "dunlin queue withdrawals registered --csv", show_withdrawals);
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("--day", verb->day, "Of this day's register; else of all");
  sub->add_flag("--all", verb->all, "Also those that were acknowledged");
  sub->add_flag("--csv", verb->csv, "As a CSV file, the columns of the register first");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "acknowledge", "Acknowledge what was withdrawn from registers: the file of corrections, come back",
                            "dunlin queue acknowledge registered corrections.csv --who printer", acknowledge_withdrawals);
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("FILE", verb->file, "CSV: number, correction, and stopped (true: it did not go out)")->required();
  sub->add_option("--who", verb->who, "Who has heard of it");
}

void add_worker_command(CLI::App& app, Chosen& chosen) {
  auto* worker = app.add_subcommand("worker", "The people at the queues: hours, skills, territories, absence, day lists");
  worker->require_subcommand(1);
  worker->footer("Example:\n  dunlin worker import people.csv");
  add_people_verbs(*worker, chosen);
}

}  // namespace dunlin::server
