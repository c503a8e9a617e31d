// dunlin experiment: what is on trial, what the arms came to, and what is to become of it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/simulate/experiment_figures.h"
#include "server/commands.h"
#include "server/experiment_answer.h"
#include "server/import/value_reader.h"
#include "server/open_store.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;

struct ExperimentCommand {
  CommonOptions common;
  StoreOptions store;
  std::string stdlib, name, arm, reason, author, clock;
};

/// The active version with its store. Null runner: `exit` is set and all is said.
struct Opened {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Runner> runner;
  int64_t now = 0;
};

Opened open(const ExperimentCommand& command, int& exit) {
  Opened opened;
  auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return exit = fail(command.common, Exit::environment, stdlib.error()), Opened{};
  opened.store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
  if (!opened.store) return opened;
  auto number = active_version(*opened.store);
  if (!number) return exit = fail(command.common, number.error()), Opened{};
  if (*number == 0) return exit = fail(command.common, Exit::input, "no version is active yet", "dunlin apply BUNDLE makes one active"), Opened{};
  auto runner = runner_of_version(*opened.store, *number, *stdlib, false);
  if (!runner) return exit = fail(command.common, runner.error()), Opened{};
  if (auto prepared = opened.store->prepare((*runner)->program()); !prepared) return exit = fail(command.common, prepared.error()), Opened{};
  opened.now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (!command.clock.empty()) {
    const checked::Program& program = (*runner)->program();
    auto zone = import::Zone::find(program.bundle);
    if (!zone) return exit = fail(command.common, Exit::environment, zone.error()), Opened{};
    auto instant = import::ValueReader(program, *zone).read_instant(command.clock, import::ValueFormat{});
    if (!instant) return exit = fail(command.common, Exit::usage, "--clock: " + instant.error()), Opened{};
    opened.now = *instant;
  }
  opened.runner = std::move(*runner);
  return opened;
}

int refuse(const ExperimentCommand& command, const OrderRefused& why) { return fail(command.common, Exit::input, why.message, why.help); }

std::string run_text(const simulate::ExperimentFigures& figures) {
  const std::string from = open_date_text(figures.from), to = open_date_text(figures.to);
  if (from.empty() && to.empty()) return "always";
  return fmt::format("{} to {}", from.empty() ? "…" : from, to.empty() ? "…" : to);
}

void print(const simulate::ExperimentFigures& figures, bool color) {
  fmt::print("{}{}: {}, {}, split by {}{}\n", styled(figures.name, Style::bold, color), figures.title.empty() ? "" : " \"" + printable(figures.title) + "\"",
             figures.status, run_text(figures), figures.unit, figures.layer.empty() ? "" : ", layer " + figures.layer);
  using Align = Table::Align;
  std::vector<Table::Column> columns{{"arm"}, {"share", Align::right}, {"drawn", Align::right}};
  const bool success = std::ranges::any_of(figures.arms, [](const auto& arm) { return arm.success.has_value(); });
  const bool cost = std::ranges::any_of(figures.arms, [](const auto& arm) { return arm.cost.has_value(); });
  if (success) columns.insert(columns.end(), {{"success", Align::right}, {"a head", Align::right}});
  if (cost) columns.insert(columns.end(), {{"cost", Align::right}, {"a head", Align::right}});
  columns.push_back({"guardrails"});
  Table table(columns);
  int64_t faults = 0;
  for (const auto& arm : figures.arms) {
    std::vector<std::string> cells{arm.arm + (arm.control ? " (control)" : ""), share_text(arm.share), std::to_string(arm.enrolled)};
    const auto add = [&](const std::optional<simulate::Figure>& figure) {
      cells.push_back(figure ? figure->total : "");
      cells.push_back(figure ? figure->per_head : "");
    };
    if (success) add(arm.success);
    if (cost) add(arm.cost);
    std::string guardrails;
    for (const auto& one : arm.guardrails)
      guardrails +=
          fmt::format("{}{}: {} of {}{}", guardrails.empty() ? "" : "; ", one.text, one.happened, arm.enrolled - arm.faults, one.passed ? "" : ", TOO MANY");
    cells.push_back(guardrails);
    table.add(std::move(cells));
    faults += arm.faults;
  }
  fmt::print("{}", table.text(color));
  if (faults > 0) fmt::print("{} accounts are not in the sums: their figures could not be worked out\n", faults);
}

/// `name` empty: all.
int list(const ExperimentCommand& command) {
  int exit = 0;
  const Opened opened = open(command, exit);
  if (!opened.runner) return exit;
  if (!command.name.empty() && find_experiment(opened.runner->program(), command.name) == nullptr)
    return refuse(command, no_such_experiment(opened.runner->program(), command.name));
  const simulate::NightProgram night = opened.runner->native_night();
  auto figures = simulate::experiment_figures(*opened.store, night, command.name, opened.now);
  if (!figures) return fail(command.common, figures.error());
  if (command.common.json) {
    Json body = Json::array();
    for (const auto& one : *figures) body.push_back(experiment_json(one));
    fmt::print("{}\n", (command.name.empty() ? body : body[0]).dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  if (figures->empty()) fmt::print("the active version has no experiments\n");
  for (size_t e = 0; e < figures->size(); ++e) {
    if (e > 0) fmt::print("\n");
    print((*figures)[e], command.common.color);
  }
  return 0;
}

int order(const ExperimentCommand& command) {
  int exit = 0;
  const Opened opened = open(command, exit);
  if (!opened.runner) return exit;
  const auto goes_into = may_order(opened.runner->program(), command.name, command.arm);
  if (!goes_into) return refuse(command, goes_into.error());
  const std::string author = command.author.empty() ? user_name() : command.author;
  if (auto done = opened.store->order_experiment({command.name, command.arm, opened.now}, author, command.reason); !done)
    return fail(command.common, done.error());
  if (command.common.json) {
    fmt::print(
        "{}\n",
        Json{{"experiment", command.name}, {"status", command.arm.empty() ? "stopped" : "promoted " + command.arm}, {"new_go_into", *goes_into}}.dump(2));
  } else {
    fmt::print("{}: whoever enrols from now on goes into `{}`; who is in an arm stays in it\n", command.name, *goes_into);
  }
  return 0;
}

void add_options(CLI::App& sub, ExperimentCommand& command) {
  sub.add_option("--clock", command.clock, "At this instant instead of now (2005-10-01 06:00, bundle's time)");
  sub.add_option("--stdlib", command.stdlib, "Folder of the standard library, if not the installed one");
  add_store_options(sub, command.store);
  add_common_options(sub, command.common);
}

}  // namespace

void add_experiment_command(CLI::App& app, Chosen& chosen) {
  auto* parent = app.add_subcommand("experiment", "What is on trial in the active version: its arms, promote one, stop it");
  parent->require_subcommand(1);
  parent->footer("Example:\n  dunlin experiment show sms_first");
  const auto add = [&](const char* name, const char* what, const char* example, int (*run)(const ExperimentCommand&)) {
    auto command = std::make_shared<ExperimentCommand>();
    auto* sub = parent->add_subcommand(name, what);
    const std::string word = name;
    if (word != "list") sub->add_option("NAME", command->name, "The experiment, as the bundle calls it")->required();
    if (word == "promote") sub->add_option("ARM", command->arm, "The arm that everybody who enrols from now on goes into")->required();
    if (word == "promote" || word == "stop") {
      sub->add_option("--reason", command->reason, "Why: stands in the audit");
      sub->add_option("--author", command->author, "Who does it, if not the user of this machine");
    }
    add_options(*sub, *command);
    sub->footer(std::string("Example:\n  ") + example);
    sub->callback([command, run, &chosen] { chosen = [command, run] { return run(*command); }; });
  };
  add("list", "All experiments with their arms, and what each came to", "dunlin experiment list --json", list);
  add("show", "One experiment", "dunlin experiment show sms_first", list);
  add("promote", "Send everybody who enrols from now on into one arm", "dunlin experiment promote sms_first soft_sms --reason \"2% more, at half the cost\"",
      order);
  add("stop", "Draw nobody any more: everybody who enrols from now on goes into the champion", "dunlin experiment stop sms_first --reason complaints", order);
}

}  // namespace dunlin::server
