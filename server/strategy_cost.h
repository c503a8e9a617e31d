// What a strategy costs before it runs: how often it wakes an account, and how much it computes when it does. For `dunlin check`.
#pragma once

#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "lang/sema/analysis/work.h"
#include "lang/sema/checked.h"

namespace dunlin::server {

struct StageCost {
  std::string stage;  // empty: while it is in no stage, waiting for `enrol when`
  double wakes_per_month = 0;
  std::vector<std::string> daily;  // what wakes every account every day
};

struct StrategyCost {
  std::string strategy, entity;
  double wakes_per_month = 0;  // of the stage that wakes most
  std::vector<StageCost> stages;
  analysis::Work work;  // of one instance in one step, at most: every rule tried once
};

/// In the order of the program. docs/commands.md, "check", says what is counted.
std::vector<StrategyCost> strategy_costs(const checked::Program& program, const ir::Program& ir);

}  // namespace dunlin::server
