// Which stages lead where: the graph behind "no one can reach it", "no one can leave it" and circles without time.
#pragma once

#include <unordered_map>
#include <vector>

#include "lang/sema/analysis/scope.h"

namespace dunlin::analysis {

/// Where an action can lead. `anywhere`: a stage that is only known at run time.
struct Targets {
  std::vector<checked::Index> stages;
  bool back = false, anywhere = false;
  bool none() const { return stages.empty() && !back && !anywhere; }
};

class Flow {
 public:
  explicit Flow(const checked::Program& program);

  Targets targets_of(const checked::Action& action) const;
  /// Stages as the action names them: not those of the other arms of an experiment that it may lead to.
  Targets named_by(const checked::Action& action) const;
  /// Of the whole rule. A guard that never holds is a mistake of its own (E0607) and makes no difference here.
  const Targets& targets_of(const checked::Rule& rule) const { return targets_.at(&rule); }
  /// Whether the rule may lead from this stage into another one.
  bool leads_away(const checked::Rule& rule, checked::Index stage) const;

  bool reachable(checked::Index stage) const { return reachable_[static_cast<size_t>(stage)]; }
  bool entered(checked::Index strategy) const;
  /// By stage: whether it is one of `open` or can be reached from them.
  std::vector<bool> reached_from(std::vector<checked::Index> open) const;
  /// Whether some rule or strategy leads into the stage from another one.
  bool has_a_stage_before(checked::Index stage) const { return has_before_[static_cast<size_t>(stage)]; }
  /// Rules that apply in the stage, in the order in which they are tried.
  const std::vector<const checked::Rule*>& rules_in(checked::Index stage) const { return rules_[static_cast<size_t>(stage)]; }

 private:
  void stages_named_in(checked::RootId root, std::vector<bool>& seen, Targets& targets) const;
  void stages_of_table(checked::Index table, std::vector<bool>& seen, Targets& targets) const;
  std::vector<checked::Index> next_stages(checked::Index stage) const;
  void collect_rules();
  void search();
  void add_arms(Targets& targets) const;

  const checked::Program& program_;
  std::vector<std::vector<const checked::Rule*>> rules_;  // by stage
  std::unordered_map<const checked::Rule*, Targets> targets_;
  std::vector<bool> reachable_, has_before_;
};

}  // namespace dunlin::analysis
