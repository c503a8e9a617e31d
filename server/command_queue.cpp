// dunlin queue: what stands in the queues.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "server/commands.h"
#include "server/import/near_match.h"
#include "server/open_store.h"
#include "server/output/moment.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/queue_verbs.h"

namespace dunlin::server {
namespace {

struct QueueCommand {
  CommonOptions common;
  StoreOptions store;
  std::string name, task, status = "open", stage, rule, treatment, account;
  int64_t limit = 50;
  bool count = false;
};

using Tasks = std::vector<store::TaskRow>;

bool is_open(const store::TaskRow& task) { return task.status == "ready" || task.status == "leased"; }

bool wanted(const QueueCommand& command, const store::TaskRow& task) {
  auto asks = [](const std::string& filter, const std::string& value) { return filter.empty() || filter == value; };
  bool in_stage = command.stage.empty() || command.stage == task.stage || command.stage == task.strategy || command.stage == task.strategy + "." + task.stage;
  bool status = command.status == "all" || (command.status == "open" ? is_open(task) : command.status == task.status);
  return status && in_stage && asks(command.rule, task.rule) && asks(command.treatment, task.treatment) &&
         (asks(command.account, task.key) || asks(command.account, task.root_key));
}

nlohmann::ordered_json task_json(const store::TaskRow& task) {
  nlohmann::ordered_json body{{"id", task.id},
                              {"queue", task.queue},
                              {"entity", task.entity},
                              {"key", task.key},
                              {"debtor", task.root_key},
                              {"treatment", task.treatment},
                              {"status", task.status},
                              {"priority", task.priority},
                              {"strategy", task.strategy},
                              {"stage", task.stage},
                              {"rule", task.rule},
                              {"created_at", moment_json(task.created_at)},
                              {"not_before", moment_json(task.not_before)},
                              {"due", moment_json(task.due)}};
  if (task.done_at != 0 && task.done_at != abi::never) body["done_at"] = moment_json(task.done_at);
  if (!task.outcome.empty()) body["outcome"] = task.outcome;
  auto fields = nlohmann::ordered_json::parse(task.fields_json.empty() ? "{}" : task.fields_json, nullptr, false);
  body["fields"] = fields.is_discarded() ? nlohmann::ordered_json::object() : fields;
  return body;
}

void print_tasks(const QueueCommand& command, const Tasks& tasks, int64_t found) {
  Table table({{"account"}, {"treatment"}, {"priority", Table::Align::right}, {"not before (UTC)"}, {"due (UTC)"}, {"status"}, {"stage"}, {"rule"}});
  for (const auto& task : tasks) {
    table.add({task.key, task.treatment, std::to_string(task.priority), moment_text(task.not_before), moment_text(task.due), task.status,
               task.stage.find('.') == std::string::npos && !task.strategy.empty() ? task.strategy + "." + task.stage : task.stage, task.rule});
  }
  fmt::print("{}", table.text(command.common.color));
  if (static_cast<int64_t>(tasks.size()) < found) {
    fmt::print("{} of {} tasks; --limit shows more\n", tasks.size(), grouped(found));
  } else {
    fmt::print("{} {}\n", grouped(found), found == 1 ? "task" : "tasks");
  }
}

/// An empty queue and a mistyped one look the same; the second has never had a task.
void tell_if_unknown(const std::string& name, store::Store& store) {
  const auto counts = store.task_counts(std::numeric_limits<int64_t>::min(), abi::never);
  if (!counts) return;
  std::vector<std::string> names;
  for (const auto& row : *counts) names.push_back(row.queue);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (std::ranges::find(names, name) != names.end()) return;
  fmt::print(stderr, "note: no task has ever stood in a queue `{}`{}\n", printable(name), names.empty() ? "" : "; " + import::suggest(name, names));
}

int show_tasks(const QueueCommand& command, store::Store& store) {
  // Filters that the store does not know are applied here, so everything must be asked for where there are any.
  std::string status = command.status == "open" || command.status == "all" ? "" : command.status;
  auto rows = store.tasks(command.name, status, INT64_MAX);
  if (!rows) return fail(command.common, rows.error());
  std::erase_if(*rows, [&](const store::TaskRow& task) { return !wanted(command, task); });
  auto found = static_cast<int64_t>(rows->size());
  if (found == 0 && !command.name.empty()) tell_if_unknown(command.name, store);
  if (command.count) {
    if (command.common.json) {
      fmt::print("{}\n", nlohmann::json{{"count", found}}.dump());
    } else {
      fmt::print("{}\n", found);
    }
    return 0;
  }
  if (found > command.limit) rows->resize(static_cast<size_t>(command.limit));
  if (!command.common.json) return print_tasks(command, *rows, found), 0;
  nlohmann::ordered_json body{{"queue", command.name}, {"count", found}, {"tasks", nlohmann::ordered_json::array()}};
  for (const auto& task : *rows) body["tasks"].push_back(task_json(task));
  fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return 0;
}

int show_one(const QueueCommand& command, store::Store& store) {
  auto rows = store.tasks("", "", INT64_MAX);
  if (!rows) return fail(command.common, rows.error());
  for (const auto& task : *rows) {
    if (task.id != command.task) continue;
    fmt::print("{}\n", task_json(task).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return 0;
  }
  return fail(command.common, Exit::input, fmt::format("there is no task `{}`", command.task), "dunlin queue NAME --json shows the ids");
}

int list_queues(const QueueCommand& command, store::Store& store) {
  auto counts = store.task_counts(std::numeric_limits<int64_t>::min(), abi::never);
  if (!counts) return fail(command.common, counts.error());
  std::map<std::string, std::pair<int64_t, int64_t>> queues;  // open, created
  for (const auto& row : *counts) {
    queues[row.queue].first += row.open;
    queues[row.queue].second += row.created;
  }
  if (command.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [name, sums] : queues) list.push_back({{"queue", name}, {"open", sums.first}, {"created", sums.second}});
    fmt::print("{}\n", nlohmann::ordered_json{{"queues", list}}.dump(2));
    return 0;
  }
  Table table({{"queue"}, {"open", Table::Align::right}, {"created", Table::Align::right}});
  for (const auto& [name, sums] : queues) table.add({name, grouped(sums.first), grouped(sums.second)});
  if (table.empty()) return fmt::print("no tasks yet\n"), 0;
  fmt::print("{}", table.text(command.common.color));
  return 0;
}

int queue(const QueueCommand& command) {
  int exit = 0;
  auto store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!store) return exit;
  if (!command.task.empty()) return show_one(command, *store);
  if (command.name.empty() && !command.count) return list_queues(command, *store);
  return show_tasks(command, *store);
}

}  // namespace

void add_queue_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<QueueCommand>();
  auto* sub = app.add_subcommand("queue", "Show the queues, or the tasks of one");
  sub->add_option("NAME", command->name, "Queue to show; without a name all queues are listed");
  sub->add_option("--status", command->status, "open, all, ready, leased, done, withdrawn, expired, withheld or dead_letter")
      ->check(CLI::IsMember({"open", "all", "ready", "leased", "done", "withdrawn", "expired", "withheld", "dead_letter"}))
      ->capture_default_str();
  sub->add_option("--stage", command->stage, "Only tasks that this strategy or stage asked for");
  sub->add_option("--rule", command->rule, "Only tasks that this rule asked for");
  sub->add_option("--treatment", command->treatment, "Only tasks with this treatment");
  sub->add_option("--account", command->account, "Only tasks of this account or debtor");
  sub->add_option("--task", command->task, "Show one task by its id, as JSON");
  sub->add_option("--limit", command->limit, "Most tasks to show")->check(CLI::NonNegativeNumber)->capture_default_str();
  sub->add_flag("--count", command->count, "Only count");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin queue call --stage soft.calling --limit 10");
  add_queue_verbs(*sub, chosen);
  sub->callback([sub, command, &chosen] {
    if (sub->get_subcommands().empty()) chosen = [command] { return queue(*command); };
  });
}

}  // namespace dunlin::server
