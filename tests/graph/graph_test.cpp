// Drawings: every stage and every way stands in them, arrows do not lie on one another, and the files are well formed.
#include "lang/service/graph.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <regex>

#include "lang/sema/check.h"

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

struct Bundle {
  SourceMap sources;
  Diagnostics diagnostics;
  std::unique_ptr<checked::Program> program;
};

std::unique_ptr<Bundle> shipped() {
  auto bundle = std::make_unique<Bundle>();
  const fs::path root = DUNLIN_SOURCE_DIR;
  const BundleSources files = read_bundle(root / "strategies/card_collections", bundle->diagnostics, bundle->sources);
  bundle->program = check_bundle(files, bundle->sources, bundle->diagnostics, {.stdlib = root / "stdlib", .analyse = false});
  REQUIRE(bundle->program);
  return bundle;
}

std::unique_ptr<Bundle> of_text(const std::string& text) {
  auto bundle = std::make_unique<Bundle>();
  bundle->program = check_bundle({{{"bundle.dun", text}}}, bundle->sources, bundle->diagnostics, {.stdlib = {}, .analyse = false});
  REQUIRE(bundle->program);
  return bundle;
}

/// Every tag is closed in its order.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    const std::string name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /", 1) - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty();
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Upright parts in one lane that lead to different places do not touch.
bool arrows_apart(const std::string& svg) {
  static const std::regex way(R"re(M\d+ (\d+) H(\d+) V(\d+))re");
  struct Upright {
    int top, bottom, target;
  };
  std::map<int, std::vector<Upright>> lanes;
  for (auto at = std::sregex_iterator(svg.begin(), svg.end(), way); at != std::sregex_iterator(); ++at) {
    const int begin = std::stoi((*at)[1]), x = std::stoi((*at)[2]), end = std::stoi((*at)[3]);
    for (const Upright& other : lanes[x]) {
      if (other.target != end && other.top <= std::max(begin, end) && std::min(begin, end) <= other.bottom) return false;
    }
    lanes[x].push_back({std::min(begin, end), std::max(begin, end), end});
  }
  return true;
}

}  // namespace

TEST_CASE("the ways of the shipped bundle, with the timers and events on them") {
  const auto bundle = shipped();
  const checked::Program& program = *bundle->program;
  for (size_t i = 0; i < program.strategies.size(); ++i) {
    const auto graph = service::graph_of(program, bundle->sources, static_cast<int>(i));
    const std::string svg = service::svg(program, graph);
    INFO(svg);
    CHECK(well_formed(svg));
    CHECK(arrows_apart(svg));
    CHECK(count(svg, "stroke=\"#3a6ea5\"") == graph.edges.size());
    for (const int stage : graph.stages) CHECK(svg.find(">" + program.stages[stage].name) != std::string::npos);
    for (const auto& edge : graph.edges) {
      CHECK_FALSE(edge.because.empty());
      CHECK(edge.because.find(':') == std::string::npos);
    }
  }
  const auto soft = service::graph_of(program, bundle->sources, 1);
  const auto has = [&](const std::string& from, const std::string& to, const std::string& because) {
    return std::any_of(soft.edges.begin(), soft.edges.end(), [&](const service::GraphEdge& edge) {
      return (edge.from < 0 ? "*" : program.stages[edge.from].name) == from &&
             (edge.kind == service::GraphEdge::Kind::back ? "back" : checked::stage_name(program, edge.to)) == to && edge.because == because;
    });
  };
  CHECK(has("reminder", "soft.calling", "after 5 days"));
  CHECK(has("calling", "soft.promised", "on promise"));
  CHECK(has("*", "hard.triage", "when months_late >= 4"));
  CHECK(has("promised", "back", "after last(promise).due + 2 business days"));
  CHECK(has("letters", "hard.parked", "after 30 days"));  // by a table
  CHECK(has("letters", "hard.claim", "after 30 days"));
}

TEST_CASE("mermaid text has every stage once and every way") {
  const auto bundle = shipped();
  std::vector<service::StrategyGraph> graphs;
  size_t edges = 0;
  for (size_t i = 0; i < bundle->program->strategies.size(); ++i) {
    graphs.push_back(service::graph_of(*bundle->program, bundle->sources, static_cast<int>(i)));
    edges += graphs.back().edges.size();
  }
  const std::string text = service::mermaid(*bundle->program, graphs);
  CHECK(text.starts_with("stateDiagram-v2\n"));
  for (size_t stage = 0; stage < bundle->program->stages.size(); ++stage) CHECK(count(text, " as s" + std::to_string(stage) + "\n") == 1);
  size_t finals = 0, enrolled = 0;
  for (const auto& stage : bundle->program->stages) finals += stage.is_final ? 1 : 0;
  for (const auto& graph : graphs) enrolled += graph.enrol.empty() ? 0 : 1;
  CHECK(count(text, " --> ") == edges + finals + enrolled);
}

TEST_CASE("ways of `always` are drawn in the strategies they concern") {
  const auto bundle = of_text(
      "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity debtor { key id : text, gone : bool }\n"
      "entity account of debtor { key id : text, n : int }\nevent death of account { }\nevent moved of debtor { }\n"
      "strategy s \"S\" for account {\n  enrol when n < 5\n  stage one { after 3 days : go two }\n  final stage two\n}\n"
      "strategy d \"D\" for debtor {\n  enrol when gone\n  stage seek { after 3 days : go found }\n  final stage found\n}\n"
      "always for account { on death : go s.two }\nalways for debtor { on moved : go d.found }\n");
  const auto ways = [&](int strategy) {
    std::string found;
    for (const auto& edge : service::graph_of(*bundle->program, bundle->sources, strategy).edges)
      found += (edge.from < 0 ? "*" : bundle->program->stages[edge.from].name) + " -> " + bundle->program->stages[edge.to].name + " (" + edge.because + ")\n";
    return found;
  };
  CHECK(ways(0) == "one -> two (after 3 days)\n* -> two (always, on death)\n");
  CHECK(ways(1) == "seek -> found (after 3 days)\n* -> found (always, on moved)\n");
}

TEST_CASE("what is written between tags cannot be read as a tag; times keep their colon") {
  const auto bundle = of_text(
      "bundle b \"B\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, n : int, name : text }\n"
      "strategy s \"<b>&\" for account {\n  enrol when n < 5 and name != \"a<b:c\"\n  stage one { at 2026-01-01 18:00 : go two\n when n > 7 : go two }\n  "
      "final stage two\n}\n");
  const auto graph = service::graph_of(*bundle->program, bundle->sources, 0);
  CHECK(graph.edges.at(0).because == "at 2026-01-01 18:00");
  const std::string svg = service::svg(*bundle->program, graph);
  CHECK(well_formed(svg));
  CHECK(svg.find("&lt;b&gt;&amp;") != std::string::npos);
}
