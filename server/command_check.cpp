// dunlin check: what the compiler has to say about a bundle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/ir/lower.h"
#include "lang/diag/render.h"
#include "runtime/simulate/cap_story.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/output/terminal.h"
#include "server/strategy_cost.h"

namespace dunlin::server {
namespace {

struct CheckCommand {
  CommonOptions common;
  BundleOptions bundle;
};

using Counts = std::vector<std::pair<std::string, int64_t>>;  // plural name, how many

int64_t count_rules(const checked::Program& program) {
  size_t rules = 0;
  for (const auto& strategy : program.strategies) rules += strategy.rules.size();
  for (const auto& stage : program.stages) rules += stage.rules.size();
  for (const auto& always : program.always) rules += always.rules.size();
  return static_cast<int64_t>(rules);
}

Counts count_parts(const checked::Program& program) {
  auto size = [](const auto& list) { return static_cast<int64_t>(list.size()); };
  return {{"entities", size(program.entities)},
          {"events", size(program.events)},
          {"segmentations", size(program.segmentations)},
          {"tables", size(program.tables)},
          {"functions", size(program.functions)},
          {"queues", size(program.queues)},
          {"strategies", size(program.strategies)},
          {"stages", size(program.stages)},
          {"rules", count_rules(program)},
          {"tests", size(program.tests)}};
}

std::string singular(const std::string& plural, int64_t count) {
  if (count != 1) return plural;
  if (plural.ends_with("ies")) return plural.substr(0, plural.size() - 3) + "y";
  return plural.substr(0, plural.size() - 1);
}

nlohmann::ordered_json cost_json(const StrategyCost& cost) {
  nlohmann::ordered_json body{{"strategy", cost.strategy}, {"for", cost.entity}, {"wakes_per_month", std::round(cost.wakes_per_month * 10) / 10}};
  body["stages"] = nlohmann::ordered_json::array();
  for (const auto& stage : cost.stages) {
    body["stages"].push_back({{"stage", stage.stage}, {"wakes_per_month", std::round(stage.wakes_per_month * 10) / 10}, {"daily", stage.daily}});
  }
  body["work"] = nlohmann::ordered_json::array();
  for (const auto& [repeated, steps] : cost.work.steps) body["work"].push_back({{"steps", steps}, {"for_each", repeated}});
  return body;
}

/// One line a strategy, and one for each thing that wakes every account every day.
void print_costs(const std::vector<StrategyCost>& costs) {
  for (const auto& cost : costs) {
    std::string most;
    for (const auto& stage : cost.stages) {
      if (most.empty() && stage.wakes_per_month == cost.wakes_per_month) most = stage.stage.empty() ? "before it enrols" : "in " + stage.stage;
    }
    fmt::print("{}: wakes each {} about {:.1f} times a month{}; work each time, at most: {}\n", cost.strategy, cost.entity, cost.wakes_per_month,
               most.empty() || cost.wakes_per_month == 0 ? "" : " (" + most + ")", cost.work.text());
    std::map<std::string, std::string> daily;
    for (const auto& stage : cost.stages) {
      for (const auto& label : stage.daily) daily[label] += (daily[label].empty() ? "" : ", ") + (stage.stage.empty() ? "before it enrols" : stage.stage);
    }
    for (const auto& [label, stages] : daily) fmt::print("  every day in {}: {}\n", stages, label);
  }
}

std::vector<StrategyCost> costs_of(const checked::Program& program) { return strategy_costs(program, *ir::lower(program)); }

void print_json(const CheckedBundle& bundle) {
  auto body = nlohmann::ordered_json::parse(render_json(bundle.diagnostics, bundle.sources));
  body["good"] = bundle.program != nullptr;
  if (bundle.program) {
    const auto& program = *bundle.program;
    nlohmann::ordered_json summary{{"bundle", program.bundle.name}, {"title", program.bundle.title}, {"content_hash", program.content_hash}};
    for (const auto& [name, count] : count_parts(program)) summary[name] = count;
    body["summary"] = std::move(summary);
    body["costs"] = nlohmann::ordered_json::array();
    for (const auto& cost : costs_of(program)) body["costs"].push_back(cost_json(cost));
  }
  fmt::print("{}\n", body.dump(2));
}

void print_text(const CheckedBundle& bundle, bool color) {
  std::string messages = render_text(bundle.diagnostics, bundle.sources, {.color = color});
  fmt::print("{}", messages);
  if (!bundle.program) return;
  std::string parts;
  for (const auto& [name, count] : count_parts(*bundle.program)) {
    if (count == 0) continue;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", count, singular(name, count));
  }
  fmt::print("{} {}: {}\n", styled("good", Style::green, color), bundle.program->bundle.name, parts);
  print_costs(costs_of(*bundle.program));
}

/// What only shows when accounts go through time.
std::expected<void, std::string> look_at_days(CheckedBundle& bundle) {
  if (!bundle.program || bundle.program->limits.empty()) return {};
  const auto machine = make_machine(*bundle.program, bundle.stdlib, false);
  if (!machine) return std::unexpected(machine.error());
  const auto stories = simulate::find_cap_stories(*bundle.program, *machine->interpreter, *machine->calendar->view());
  simulate::report_cap_stories(*bundle.program, stories, bundle.diagnostics);
  bundle.diagnostics.sort();
  return {};
}

int check(const CheckCommand& command) {
  auto checked = check_folder(command.bundle);
  if (!checked) return fail(command.common, Exit::environment, checked.error());
  if (const auto looked = look_at_days(**checked); !looked) return fail(command.common, Exit::environment, looked.error());
  if (command.common.json) {
    print_json(**checked);
  } else {
    print_text(**checked, command.common.color);
  }
  return static_cast<int>((*checked)->program ? Exit::done : Exit::input);
}

}  // namespace

void add_check_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<CheckCommand>();
  auto* sub = app.add_subcommand("check", "Check a bundle: every mistake with its place, a concrete case and what to do");
  add_bundle_options(*sub, command->bundle);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin check strategies/card_collections");
  sub->callback([command, &chosen] { chosen = [command] { return check(*command); }; });
}

}  // namespace dunlin::server
