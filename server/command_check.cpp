// dunlin check: what the compiler has to say about a bundle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "compiler/ir/lower.h"
#include "compiler/ir/native_signatures.h"
#include "lang/diag/render.h"
#include "lang/sema/check_for_editor.h"
#include "lang/sema/stage_orders.h"
#include "runtime/simulate/cap_story.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/native_libraries.h"
#include "server/output/terminal.h"
#include "server/stdlib_folder.h"
#include "server/strategy_cost.h"

namespace dunlin::server {
namespace {

struct CheckCommand {
  CommonOptions common;
  BundleOptions bundle;
  bool watch = false;
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
          {"events", std::ranges::count_if(program.events, [&](const auto& event) { return !checked::is_stage_order(program, event); })},
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

// ---- again and again ----

volatile std::sig_atomic_t asked_to_stop = 0;

/// Names, sizes and times of the files below the folder: as long as it stays the same, nothing needs to be read.
std::string look_of(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, error), last; !error && walk != last;
       walk.increment(error)) {
    std::error_code gone;  // a file may go while it is looked at
    if (walk->path().filename().string().starts_with(".")) {
      if (walk->is_directory(gone)) walk.disable_recursion_pending();
      continue;
    }
    if (!walk->is_regular_file(gone)) continue;
    const auto size = walk->file_size(gone);
    const auto time = walk->last_write_time(gone).time_since_epoch().count();
    files.push_back(fmt::format("{}\n{} {}\n", walk->path().string(), size, time));
  }
  std::sort(files.begin(), files.end());
  return fmt::format("{}", fmt::join(files, ""));
}

/// One check of the folder, with the trees of the one before. An error is one sentence.
std::expected<std::unique_ptr<CheckedBundle>, std::string> check_again(const std::filesystem::path& folder, const std::filesystem::path& stdlib,
                                                                       ParseCache& cache) {
  auto natives = native_functions();
  if (!natives) return std::unexpected(natives.error());
  auto result = std::make_unique<CheckedBundle>();
  result->stdlib = stdlib;
  result->files = read_bundle(folder, result->diagnostics, result->sources);
  if (!result->diagnostics.has_errors()) {
    result->program = check_bundle(result->files, result->sources, result->diagnostics, {.stdlib = stdlib}, cache);
  }
  if (result->program) ir::report_unmatched_natives(*result->program, **natives, result->diagnostics);
  if (result->diagnostics.has_errors()) result->program.reset();
  if (const auto looked = look_at_days(*result); !looked) return std::unexpected(looked.error());
  result->diagnostics.sort();
  return result;
}

struct WatchTime {
  double milliseconds = 0, processor_milliseconds = 0;
  size_t declarations = 0;  // groups of them that were read anew
};

void print_watched(const CheckCommand& command, const CheckedBundle& bundle, const WatchTime& time) {
  if (command.common.json) {
    auto body = nlohmann::ordered_json::parse(render_json(bundle.diagnostics, bundle.sources));
    body["good"] = bundle.program != nullptr;
    if (bundle.program) body["content_hash"] = bundle.program->content_hash;
    body["milliseconds"] = std::round(time.milliseconds * 10) / 10;
    body["processor_milliseconds"] = std::round(time.processor_milliseconds * 10) / 10;
    body["read_anew"] = time.declarations;
    fmt::print("{}\n", body.dump());
  } else {
    fmt::print("{}", render_text(bundle.diagnostics, bundle.sources, {.color = command.common.color}));
    if (bundle.program) fmt::print("{} {}: ", styled("good", Style::green, command.common.color), bundle.program->bundle.name);
    fmt::print("checked in {:.2f} s; waiting for a change (Ctrl-C ends)\n", time.milliseconds / 1000);
  }
  std::fflush(stdout);
}

/// Until it is told to stop: checks, and checks again when a file has changed.
int watch(const CheckCommand& command) {
  const auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { asked_to_stop = 1; });
  ParseCache cache;
  std::optional<std::string> seen;
  while (asked_to_stop == 0) {
    std::string look = look_of(command.bundle.folder);
    if (seen == look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    seen = std::move(look);
    const auto began = std::chrono::steady_clock::now();
    const std::clock_t processor = std::clock();
    const size_t read = cache.pieces_parsed();
    const auto checked = check_again(command.bundle.folder, *stdlib, cache);
    if (!checked) return fail(command.common, Exit::environment, checked.error());
    WatchTime time;
    time.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
    time.processor_milliseconds = 1000.0 * static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
    time.declarations = cache.pieces_parsed() - read;
    print_watched(command, **checked, time);
  }
  return static_cast<int>(Exit::done);
}

int check(const CheckCommand& command) {
  if (command.watch) return watch(command);
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
  sub->add_flag("--watch", command->watch, "Stay, and check again whenever a file of the bundle changes; only what changed is read");
  sub->footer("Example:\n  dunlin check strategies/card_collections\n  dunlin check --watch strategies/card_collections");
  sub->callback([command, &chosen] { chosen = [command] { return check(*command); }; });
}

}  // namespace dunlin::server
