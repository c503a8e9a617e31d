#include "lang/sema/analysis/flow.h"

#include <algorithm>
#include <numeric>

#include "lang/sema/experiments.h"

namespace dunlin::analysis {

using checked::Action;
using checked::Index;
using checked::Op;
using checked::Rule;
using checked::TypeKind;

Flow::Flow(const checked::Program& program)
    : program_(program), rules_(program.stages.size()), reachable_(program.stages.size()), has_before_(program.stages.size()) {
  collect_rules();
  search();
}

bool Flow::entered(Index strategy) const {
  const auto& stages = program_.strategies[static_cast<size_t>(strategy)].stages;
  return std::any_of(stages.begin(), stages.end(), [&](Index stage) { return reachable(stage); });
}

Targets Flow::targets_of(const Action& action) const {
  Targets targets = named_by(action);
  add_arms(targets);
  return targets;
}

Targets Flow::named_by(const Action& action) const {
  Targets targets;
  switch (action.kind) {
    case Action::Kind::go:
      targets.stages.push_back(action.stage);
      break;
    case Action::Kind::enter_strategy:
      if (const auto& stages = program_.strategies.at(static_cast<size_t>(action.strategy)).stages; !stages.empty()) targets.stages.push_back(stages.front());
      break;
    case Action::Kind::go_back:
      targets.back = true;
      break;
    case Action::Kind::go_by: {
      std::vector<bool> seen(program_.roots.size());
      stages_named_in(action.value, seen, targets);
      if (targets.stages.empty()) targets.anywhere = true;
      break;
    }
    default:
      break;
  }
  return targets;
}

/// Whoever goes to a champion may come into a challenger: into the stage of that name, or into its first.
void Flow::add_arms(Targets& targets) const {
  if (!program_.trials) return;
  const size_t named = targets.stages.size();
  for (size_t t = 0; t < named; ++t) {
    const checked::Stage& stage = program_.stages[static_cast<size_t>(targets.stages[t])];
    for (size_t s = 0; s < program_.strategies.size(); ++s) {
      if (program_.trials->champion_of[s] != stage.strategy || program_.strategies[s].stages.empty()) continue;
      const auto& stages = program_.strategies[s].stages;
      const auto same = std::find_if(stages.begin(), stages.end(), [&](Index own) { return program_.stages[static_cast<size_t>(own)].name == stage.name; });
      targets.stages.push_back(same == stages.end() ? stages.front() : *same);
    }
  }
}

bool Flow::leads_away(const Rule& rule, Index stage) const {
  const Targets& targets = targets_of(rule);
  return targets.back || targets.anywhere || std::ranges::any_of(targets.stages, [&](Index to) { return to != stage; });
}

void Flow::stages_named_in(checked::RootId root, std::vector<bool>& seen, Targets& targets) const {
  if (root == checked::none || seen[static_cast<size_t>(root)]) return;
  seen[static_cast<size_t>(root)] = true;
  const checked::Expr* body = program_.roots[static_cast<size_t>(root)].body.get();
  if (body == nullptr) return;
  for_each_part(*body, [&](const checked::Expr& part) {
    if (part.op == Op::literal && part.type.kind == TypeKind::stage) targets.stages.push_back(static_cast<Index>(part.value));
    // Stages that come out of data or of a variable can be any.
    const bool stored = part.op == Op::field || part.op == Op::variable || part.op == Op::setting || part.op == Op::event_field || part.op == Op::native;
    if (stored && part.type.kind == TypeKind::stage) targets.anywhere = true;
    if (part.op == Op::function) stages_named_in(program_.functions[static_cast<size_t>(part.index)].root, seen, targets);
    if (part.op == Op::derived && part.args.at(0)->type.id >= 0) {
      const auto& entity = program_.entities[static_cast<size_t>(part.args[0]->type.id)];
      stages_named_in(entity.derived.at(static_cast<size_t>(part.index)).root, seen, targets);
    }
    if (part.op == Op::table) stages_of_table(part.index, seen, targets);
  });
}

void Flow::stages_of_table(Index index, std::vector<bool>& seen, Targets& targets) const {
  const checked::Table& table = program_.tables[static_cast<size_t>(index)];
  const auto add_row = [&](const checked::TableRow& row) {
    for (size_t o = 0; o < row.outputs.size() && o < table.outputs.size(); ++o) {
      if (table.outputs[o].type.kind != TypeKind::stage) continue;
      const checked::TableOutput& output = row.outputs[o];
      if (!output.constant) {
        stages_named_in(output.root, seen, targets);
      } else if (!output.slots.empty() && (!table.outputs[o].type.optional || output.slots.front() != 0)) {
        targets.stages.push_back(static_cast<Index>(output.slots.back()));
      }
    }
  };
  for (const checked::TableRow& row : table.rows) add_row(row);
  if (table.otherwise) add_row(*table.otherwise);
}

/// Searches ask for both at every account they try.
void Flow::collect_rules() {
  const auto lead_of = [&](const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      Targets& all = targets_[&rule];
      for (const Action& action : rule.actions) {
        const Targets one = targets_of(action);
        all.stages.insert(all.stages.end(), one.stages.begin(), one.stages.end());
        all.back = all.back || one.back;
        all.anywhere = all.anywhere || one.anywhere;
      }
    }
  };
  for (const checked::Strategy& strategy : program_.strategies) lead_of(strategy.rules);
  for (const checked::Stage& stage : program_.stages) lead_of(stage.rules);
  for (const checked::Always& always : program_.always) lead_of(always.rules);
  for (size_t i = 0; i < program_.stages.size(); ++i) {
    const auto add = [&](const std::vector<Rule>& list) {
      for (const Rule& rule : list) rules_[i].push_back(&rule);
    };
    const checked::Stage& here = program_.stages[i];
    const checked::Strategy& strategy = program_.strategies[static_cast<size_t>(here.strategy)];
    add(here.rules);
    if (!here.is_final) add(strategy.rules);
    for (const checked::Always& always : program_.always) {
      if (always.entity == checked::none || always.entity == strategy.entity) add(always.rules);
    }
  }
}

std::vector<Index> Flow::next_stages(Index stage) const {
  std::vector<Index> next;
  for (const Rule* rule : rules_in(stage)) {
    const Targets& targets = targets_of(*rule);
    if (targets.anywhere) {
      next.resize(program_.stages.size());
      std::iota(next.begin(), next.end(), 0);
      return next;
    }
    for (Index target : targets.stages) {
      if (target >= 0) next.push_back(target);
    }
  }
  return next;
}

std::vector<bool> Flow::reached_from(std::vector<Index> open) const {
  std::vector<bool> reached(program_.stages.size());
  for (Index stage : open) reached[static_cast<size_t>(stage)] = true;
  while (!open.empty()) {
    const Index stage = open.back();
    open.pop_back();
    for (Index target : next_stages(stage)) {
      if (reached[static_cast<size_t>(target)]) continue;
      reached[static_cast<size_t>(target)] = true;
      open.push_back(target);
    }
  }
  return reached;
}

void Flow::search() {
  std::vector<Index> first;
  for (size_t s = 0; s < program_.strategies.size(); ++s) {
    const checked::Strategy& strategy = program_.strategies[s];
    const Index champion = program_.trials ? program_.trials->champion_of[s] : checked::none;
    const bool enrols =
        strategy.enrol != checked::none || (champion != checked::none && program_.strategies[static_cast<size_t>(champion)].enrol != checked::none);
    if (enrols && !strategy.stages.empty()) first.push_back(strategy.stages.front());
  }
  reachable_ = reached_from(std::move(first));
  for (size_t stage = 0; stage < reachable_.size(); ++stage) {
    if (!reachable_[stage]) continue;
    for (Index target : next_stages(static_cast<Index>(stage))) {
      if (target != static_cast<Index>(stage)) has_before_[static_cast<size_t>(target)] = true;
    }
  }
}

}  // namespace dunlin::analysis
