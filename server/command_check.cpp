// dunlin check: what the compiler has to say about a bundle.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "lang/diag/render.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/output/terminal.h"

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

void print_json(const CheckedBundle& bundle) {
  auto body = nlohmann::ordered_json::parse(render_json(bundle.diagnostics, bundle.sources));
  body["good"] = bundle.program != nullptr;
  if (bundle.program) {
    const auto& program = *bundle.program;
    nlohmann::ordered_json summary{{"bundle", program.bundle.name}, {"title", program.bundle.title}, {"content_hash", program.content_hash}};
    for (const auto& [name, count] : count_parts(program)) summary[name] = count;
    body["summary"] = std::move(summary);
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
}

int check(const CheckCommand& command) {
  auto checked = check_folder(command.bundle);
  if (!checked) return fail(command.common, Exit::environment, checked.error());
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
