// dunlin graph: strategies as drawings.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lang/service/graph.h"
#include "server/compile.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

struct GraphCommand {
  CommonOptions common;
  BundleOptions bundle;
  std::string strategy, format = "svg", to;
};

std::string edge_kind(const service::GraphEdge& edge) {
  switch (edge.kind) {
    case service::GraphEdge::Kind::back:
      return "back";
    case service::GraphEdge::Kind::strategy:
      return "strategy";
    default:
      return "stage";
  }
}

nlohmann::ordered_json graph_json(const checked::Program& program, const service::StrategyGraph& graph) {
  auto stages = nlohmann::ordered_json::array();
  for (const int stage : graph.stages)
    stages.push_back({{"name", program.stages[stage].name}, {"title", program.stages[stage].title}, {"final", program.stages[stage].is_final}});
  auto edges = nlohmann::ordered_json::array();
  for (const auto& edge : graph.edges) {
    nlohmann::ordered_json item{{"from", edge.from < 0 ? "*" : checked::stage_name(program, edge.from)}, {"kind", edge_kind(edge)}, {"because", edge.because}};
    if (edge.kind == service::GraphEdge::Kind::stage) item["to"] = checked::stage_name(program, edge.to);
    if (edge.kind == service::GraphEdge::Kind::strategy) item["to"] = program.strategies[edge.to].name;
    edges.push_back(std::move(item));
  }
  return {{"strategy", program.strategies[graph.strategy].name},
          {"title", program.strategies[graph.strategy].title},
          {"enrol", graph.enrol},
          {"stages", stages},
          {"edges", edges}};
}

int draw(const GraphCommand& command) {
  int exit = 0;
  const auto bundle = checked_bundle_or_exit(command.bundle, command.common, exit);
  if (!bundle) return exit;
  const checked::Program& program = *bundle->program;
  std::vector<service::StrategyGraph> graphs;
  for (size_t i = 0; i < program.strategies.size(); ++i) {
    if (command.strategy.empty() || program.strategies[i].name == command.strategy)
      graphs.push_back(service::graph_of(program, bundle->sources, static_cast<int>(i)));
  }
  if (graphs.empty()) {
    const std::string message = command.strategy.empty() ? "the bundle has no strategies" : fmt::format("the bundle has no strategy `{}`", command.strategy);
    return fail(command.common, Exit::input, message);
  }
  if (command.common.json) {
    nlohmann::ordered_json body{{"strategies", nlohmann::ordered_json::array()}};
    for (const auto& graph : graphs) body["strategies"].push_back(graph_json(program, graph));
    fmt::print("{}\n", body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return 0;
  }
  if (command.format == "mermaid" || (command.to.empty() && graphs.size() == 1)) {
    const std::string text = command.format == "mermaid" ? service::mermaid(program, graphs) : service::svg(program, graphs.front());
    if (command.to.empty()) {
      fmt::print("{}", text);
      return 0;
    }
  }
  if (command.to.empty()) {
    return fail(command.common, Exit::usage, "there are several strategies", "choose one with --strategy, or write all to a folder with --to");
  }
  std::error_code error;
  fs::create_directories(command.to, error);
  const auto write = [&](const std::string& name, const std::string& text) {
    const fs::path path = fs::path(command.to) / name;
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) return false;
    fmt::print("wrote {}\n", path.string());
    return true;
  };
  bool good = true;
  if (command.format == "mermaid") {
    good = write(program.bundle.name + ".mmd", service::mermaid(program, graphs));
  } else {
    for (const auto& graph : graphs) good = good && write(program.strategies[graph.strategy].name + ".svg", service::svg(program, graph));
  }
  if (!good) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.to));
  return 0;
}

}  // namespace

void add_graph_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<GraphCommand>();
  auto* sub = app.add_subcommand("graph", "Draw the stages of strategies, with the timers and events that lead from one to the other");
  add_bundle_options(*sub, command->bundle);
  sub->add_option("--strategy", command->strategy, "Only this strategy");
  sub->add_option("--format", command->format, "svg or mermaid")->check(CLI::IsMember({"svg", "mermaid"}));
  sub->add_option("--to", command->to, "Folder to write the drawings to, one file each");
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin graph strategies/card_collections --strategy soft > soft.svg");
  sub->callback([command, &chosen] { chosen = [command] { return draw(*command); }; });
}

}  // namespace dunlin::server
