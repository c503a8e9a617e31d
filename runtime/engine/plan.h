// Which rules stand for an instance in each stage, in the order in which they are tried. Made once from the program.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::engine {

/// From the inside out.
enum class Place : uint8_t { stage, strategy, always };

struct PlacedRule {
  const checked::Rule* rule = nullptr;
  Place place = Place::stage;
};

struct StagePlan {
  std::vector<const checked::Rule*> on_entry;
  std::array<std::vector<const checked::Rule*>, 3> handlers;  // by Place
  std::vector<PlacedRule> whens, timers, keeps;               // stage, strategy, always; each in text order
  /// Marks (by Rule::key) that live on when the stage is left, and counters that count for the whole strategy.
  std::vector<uint64_t> kept_marks, kept_counters;
  bool is_final = false;
};

struct StrategyPlan {
  std::vector<const checked::Rule*> on_entry;  // of the strategy itself and of `always`
  checked::Index first_stage = checked::none;
};

struct Plan {
  explicit Plan(const checked::Program& program);

  std::vector<StagePlan> stages;                // by Program::stages
  std::vector<StrategyPlan> strategies;         // by Program::strategies
  std::vector<std::vector<int32_t>> enrolling;  // by entity: strategies that enrol it, in the order they are tried
  std::vector<bool> has_strategy;               // by entity: it may be in one at all
  std::unordered_map<uint64_t, const checked::Rule*> by_key;
};

}  // namespace dunlin::engine
