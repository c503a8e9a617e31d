// Strategies as drawings: stages, and what leads from one to the other. Made without any other program.
#pragma once

#include <string>
#include <vector>

#include "lang/diag/source.h"
#include "lang/sema/checked.h"

namespace dunlin::service {

/// A way out of a stage.
struct GraphEdge {
  enum class Kind : uint8_t { stage, strategy, back };
  Kind kind = Kind::stage;
  int from = -1;        // Program::stages; -1: every stage of the strategy that is not final
  int to = -1;          // Program::stages (stage), Program::strategies (strategy), -1 (back)
  std::string because;  // as it is written: "on promise", "after 3 days", "when dpd > 90"
};

struct StrategyGraph {
  int strategy = -1;
  std::string enrol;  // condition as written; empty: only entered from elsewhere
  std::vector<int> stages;
  std::vector<GraphEdge> edges;
};

/// `go by` a table counts as a way to each stage the table yields.
StrategyGraph graph_of(const checked::Program& program, const SourceMap& sources, int strategy);

/// Mermaid's `stateDiagram-v2`.
std::string mermaid(const checked::Program& program, const std::vector<StrategyGraph>& graphs);

/// A drawing that stands alone: each stage is a box, each way out a line of it with an arrow to where it leads. Light and dark on paper alike.
std::string svg(const checked::Program& program, const StrategyGraph& graph);

}  // namespace dunlin::service
