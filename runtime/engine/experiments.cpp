// Who comes into which arm of an experiment: drawn once, when an instance enters a strategy, and kept.
#include "lang/sema/experiments.h"

#include <algorithm>

#include "compiler/abi/text_bodies.h"
#include "lang/sema/transfers.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::Experiment;

namespace {

/// 0 … 9,999 for a unit: the same on every machine and in every version.
int32_t draw_of(std::string_view salt, std::string_view unit) { return static_cast<int32_t>(abi::split_share(salt, unit)); }

const ArmTaken* find_taken(const InstanceState& state, uint64_t experiment) {
  const auto found = std::ranges::find(state.arms, experiment, &ArmTaken::experiment);
  return found == state.arms.end() ? nullptr : &*found;
}

int32_t arm_named(const Experiment& experiment, uint64_t name) {
  for (size_t arm = 0; arm < experiment.arms.size(); ++arm) {
    if (hash_text(experiment.arms[arm].name) == name) return static_cast<int32_t>(arm);
  }
  return -1;
}

/// An arm that is gone counts as the control.
int32_t arm_or_control(const Experiment& experiment, uint64_t name) {
  const int32_t arm = arm_named(experiment, name);
  return arm < 0 ? experiment.control : arm;
}

int32_t arm_for(const Experiment& experiment, int32_t draw) {
  for (size_t arm = 0; arm < experiment.arms.size(); ++arm) {
    if (draw >= experiment.arms[arm].from && draw < experiment.arms[arm].from + experiment.arms[arm].share) return static_cast<int32_t>(arm);
  }
  return experiment.control;
}

/// The position of what is drawn: the instance or what it hangs on; -1: it does not hang on one.
int32_t unit_of(const abi::Instance& instance, int32_t entity) {
  for (const abi::Instance* up = &instance; up != nullptr; up = up->parent) {
    if (up->entity == entity) return up->position;
  }
  return -1;
}

}  // namespace

/// Where an instance begins that enrols in a strategy or goes to it: in the strategy itself, or in its own arm.
int32_t Run::first_stage_of(int32_t i, int32_t strategy) {
  if (!program_.trials) return plan_.strategies[strategy].first_stage;
  const auto& experiments = program_.trials->experiments;
  for (size_t e = 0; e < experiments.size(); ++e) {
    if (experiments[e].kind != Experiment::Kind::strategies || experiments[e].arms[experiments[e].control].strategy != strategy) continue;
    const int32_t arm = arm_of(i, static_cast<int32_t>(e));
    if (arm != experiments[e].control) return plan_.strategies[experiments[e].arms[arm].strategy].first_stage;
  }
  return plan_.strategies[strategy].first_stage;
}

/// The stage of that name in the account's own arm; the arm's first where it has none.
int32_t Run::stage_in_arm(int32_t i, int32_t stage) {
  stage = in_own_version(i, stage);
  if (!program_.trials) return stage;
  const int32_t wanted = program_.stages[stage].strategy, current = state(i).strategy;
  if (current == wanted) return stage;
  const bool in_arm = current >= 0 && program_.trials->champion_of[current] == wanted;
  const int32_t first = in_arm ? plan_.strategies[current].first_stage : first_stage_of(i, wanted);
  const int32_t strategy = program_.stages[first].strategy;
  if (strategy == wanted) return stage;
  for (const checked::Index own : program_.strategies[strategy].stages) {
    if (program_.stages[own].name == program_.stages[stage].name) return own;
  }
  return first;
}

/// Whether it is in that strategy, or in an arm that challenges it, and has not come to its end there.
bool Run::is_inside(int32_t i, int32_t strategy) {
  const int32_t current = state(i).strategy;
  const bool in_it = checked::base_of(program_, current) == strategy || (program_.trials && current >= 0 && program_.trials->champion_of[current] == strategy);
  return in_it && !program_.stages[state(i).stage].is_final;
}

bool Run::leads_away(int32_t i, int32_t stage) {
  stage = in_own_version(i, stage);
  const int32_t current = state(i).strategy, wanted = program_.stages[stage].strategy;
  const bool in_arm = program_.trials && current >= 0 && program_.trials->champion_of[current] == wanted;
  return (in_arm ? stage_in_arm(i, stage) : stage) != state(i).stage;
}

/// The arm that counts for an instance which enters a strategy now; the control for whoever is in none.
int32_t Run::arm_of(int32_t i, int32_t experiment) {
  const Experiment& kind = program_.trials->experiments[experiment];
  const uint64_t name = hash_text(kind.name);
  const ArmTaken* own = find_taken(state(i), name);
  if (const ExperimentOrder* order = order_of(kind)) {
    const int32_t ordered = order->arm.empty() ? kind.control : arm_or_control(kind, hash_text(order->arm));
    if ((own == nullptr && ordered == kind.control) || !is_among(i, kind)) return kind.control;
    const ArmTaken taken{.experiment = name, .arm = hash_text(kind.arms[ordered].name), .at = now_, .draw = -1};
    if (own != nullptr && own->arm == taken.arm) return ordered;
    return take_arm(i, experiment, taken, order->arm.empty() ? "the experiment is stopped" : "promoted");
  }
  if (own != nullptr) return arm_or_control(kind, own->arm);
  return draw_arm(i, experiment);
}

int32_t Run::draw_arm(int32_t i, int32_t experiment) {
  const Experiment& kind = program_.trials->experiments[experiment];
  if (!options_->draw || today_ < kind.from || today_ > kind.to) return kind.control;
  if (unit_of(case_->instance(i), kind.unit) < 0 || !is_among(i, kind) || is_held_out(i)) return kind.control;
  const uint64_t name = hash_text(kind.name);
  if (const ArmTaken* other = taken_by_unit(i, kind)) {
    const ArmTaken taken{.experiment = name, .arm = other->arm, .at = now_, .draw = other->draw};
    return take_arm(i, experiment, taken, "as drawn before");
  }
  if (is_taken_elsewhere(i, kind) || !goes_first_in_layer(i, experiment)) return kind.control;
  const int32_t draw = draw_of(kind.name, unit_key(i, kind));
  const ArmTaken taken{.experiment = name, .arm = hash_text(kind.arms[arm_for(kind, draw)].name), .at = now_, .draw = draw};
  return take_arm(i, experiment, taken, "drawn");
}

/// Once for each experiment: in the state, in the decisions and in what the store keeps for analysts.
int32_t Run::take_arm(int32_t i, int32_t experiment, const ArmTaken& taken, const char* why) {
  const Experiment& kind = program_.trials->experiments[experiment];
  const int32_t arm = arm_or_control(kind, taken.arm);
  touch(i);
  const uint64_t name = taken.experiment;
  std::erase_if(state(i).arms, [&](const ArmTaken& old) { return old.experiment == name; });
  state(i).arms.push_back(taken);
  if (taken.draw >= 0) result_->arms.push_back({.instance = i, .experiment = experiment, .arm = arm, .draw = taken.draw, .at = now_});
  Firing firing{.instance = i, .rule = hash_text(kind.name, hash_text("experiment")), .rule_name = "experiment " + kind.name, .where = kind.span};
  firing.read.push_back({"arm", arm < 0 ? "" : kind.arms[arm].name});
  firing.read.push_back({"why", why});
  if (taken.draw >= 0) {
    firing.read.push_back({"draw", std::to_string(taken.draw) + " of " + std::to_string(checked::whole_share)});
    firing.read.push_back({"unit", program_.entities[kind.unit].name + " " + unit_key(i, kind)});
  }
  result_->firings.push_back(std::move(firing));
  return arm;
}

bool Run::is_among(int32_t i, const Experiment& experiment) {
  if (experiment.entity != checked::none && case_->instance(i).entity != experiment.entity) return false;
  if (experiment.among == checked::none) return true;
  const Rule* before = rule_;
  rule_ = nullptr;
  Instant wake = abi::never;  // it is asked once
  const bool among = holds(experiment.among, i, wake);
  rule_ = before;
  return among;
}

/// What another instance of the unit was drawn into: all that hangs on it goes the same way.
const ArmTaken* Run::taken_by_unit(int32_t i, const Experiment& experiment) {
  const int32_t unit = unit_of(case_->instance(i), experiment.unit);
  const uint64_t name = hash_text(experiment.name);
  for (size_t other = 0; unit >= 0 && other < case_->instance_count(); ++other) {
    const auto position = static_cast<int32_t>(other);
    if (state(position).arms.empty() || unit_of(case_->instance(position), experiment.unit) != unit) continue;
    const ArmTaken* taken = find_taken(state(position), name);
    if (taken != nullptr && taken->draw >= 0) return taken;
  }
  return nullptr;
}

/// Whoever is held out takes part in nothing; whoever was in an experiment before stays in it.
bool Run::is_held_out(int32_t i) {
  const auto& experiments = program_.trials->experiments;
  for (size_t e = 0; e < experiments.size(); ++e) {
    const Experiment& holdout = experiments[e];
    if (holdout.kind != Experiment::Kind::holdout || unit_of(case_->instance(i), holdout.unit) < 0) continue;
    const uint64_t name = hash_text(holdout.name);
    if (find_taken(state(i), name) != nullptr) return true;
    const ArmTaken* other = taken_by_unit(i, holdout);
    if (other == nullptr && (today_ < holdout.from || today_ > holdout.to || !is_among(i, holdout))) continue;
    const int32_t draw = other != nullptr ? other->draw : draw_of(holdout.name, unit_key(i, holdout));
    if (other == nullptr && draw >= holdout.arms.front().share) continue;
    const ArmTaken taken{.experiment = name, .arm = hash_text(holdout.arms.front().name), .at = now_, .draw = draw};
    take_arm(i, static_cast<int32_t>(e), taken, other != nullptr ? "as drawn before" : "drawn");
    return true;
  }
  return false;
}

bool Run::is_taken_elsewhere(int32_t i, const Experiment& experiment) {
  if (experiment.layer.empty()) return false;
  return std::ranges::any_of(program_.trials->experiments, [&](const Experiment& other) {
    return &other != &experiment && other.layer == experiment.layer && taken_by_unit(i, other) != nullptr;
  });
}

/// Experiments of a layer exclude each other: each unit has its own order of them, and the first that would have it gets it.
bool Run::goes_first_in_layer(int32_t i, int32_t experiment) {
  const auto& experiments = program_.trials->experiments;
  const Experiment& own = experiments[experiment];
  if (own.layer.empty()) return true;
  const std::string unit = unit_key(i, own);
  const auto rank = [&](const Experiment& kind) { return draw_of(kind.layer + "/" + kind.name, unit); };
  for (size_t e = 0; e < experiments.size(); ++e) {
    const Experiment& other = experiments[e];
    if (static_cast<int32_t>(e) == experiment || other.layer != own.layer) continue;
    if (today_ < other.from || today_ > other.to || order_of(other) != nullptr) continue;
    const bool before = rank(other) > rank(own) || (rank(other) == rank(own) && static_cast<int32_t>(e) < experiment);
    if (before && (other.entity != own.entity || is_among(i, other))) return false;
  }
  return true;
}

/// `arm(x)` reads a variable of the strategy that is entered.
void Run::bear_arms(int32_t i, int32_t strategy) {
  if (!program_.trials) return;
  const auto& experiments = program_.trials->experiments;
  for (size_t e = 0; e < experiments.size(); ++e) {
    if (experiments[e].kind != Experiment::Kind::arms || experiments[e].variables[strategy] == checked::none) continue;
    const checked::Variable& variable = program_.strategies[strategy].variables[experiments[e].variables[strategy]];
    const int32_t arm = arm_of(i, static_cast<int32_t>(e));
    state(i).variables[variable.slot] = arm;
  }
}

const ExperimentOrder* Run::order_of(const Experiment& experiment) const {
  const ExperimentOrder* last = nullptr;
  if (options_->orders == nullptr) return nullptr;
  for (const ExperimentOrder& order : *options_->orders) {
    if (order.experiment == experiment.name && order.at <= now_) last = &order;
  }
  return last;
}

std::string Run::unit_key(int32_t i, const Experiment& experiment) const {
  return key_text(program_, case_->instance(unit_of(case_->instance(i), experiment.unit)));
}

}  // namespace dunlin::engine
