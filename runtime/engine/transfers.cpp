// What becomes of an instance whose strategy is another text than when it was last stepped: `on change pin | restart`.
#include "lang/sema/transfers.h"

#include <algorithm>

#include "runtime/engine/run.h"
#include "runtime/engine/state_codec.h"

namespace dunlin::engine {

using checked::OnChange;

/// Before anything else: whoever is to begin anew does so under the new version, with what has happened so far.
void Run::restart_changed() {
  if (!program_.transfers) return;
  const checked::Transfers& transfers = *program_.transfers;
  for (size_t at = 0; at < work_.size(); ++at) {
    const auto i = static_cast<int32_t>(at);
    const InstanceState& written = state(i);
    if (written.strategy < 0 || written.stage < 0 || written.version == options_->version || program_.stages[written.stage].is_final) continue;
    if (checked::kept_at(program_, written.strategy) != nullptr) continue;
    const OnChange of_stage = transfers.on_stage[written.stage], of_strategy = transfers.strategies[written.strategy];
    rule_ = nullptr;
    const size_t before = result_->transitions.size();
    if (of_stage == OnChange::restart && written.stage_text != transfers.stage_text[written.stage]) {
      enter(i, written.stage, nullptr, Entry::restart);
    } else if (of_stage == OnChange::unsaid && of_strategy == OnChange::restart && written.strategy_text != transfers.strategy_text[written.strategy]) {
      enter(i, plan_.strategies[written.strategy].first_stage, nullptr, Entry::strategy);
    } else {
      continue;
    }
    result_->transitions[before].rule = checked::restart_key;
    result_->transitions[before].rule_name = "on change restart";
    handle_raised();
  }
}

/// `migrate soft.letters -> soft.mails = letters + 1`: the variable has the old one's value so far.
void Run::move_value(int32_t i, int32_t variable) {
  for (const checked::VariableMove& move : program_.transfers->variables) {
    if (move.strategy != state(i).strategy || move.to != variable || move.value == checked::none) continue;
    const checked::Variable& to = program_.strategies[move.strategy].variables[variable];
    const int64_t* old = state(i).variables.data() + to.slot;
    const std::vector<int64_t> before(old, old + checked::slot_count(program_, to.type));
    const Value value = evaluate(move.value, i, nullptr, before);
    keep_value(to.type, value.slots, state(i).variables.data() + to.slot);
    return;
  }
}

/// At the end of a step: which text it was stepped under.
void Run::note_text(int32_t i) {
  if (!program_.transfers) return;
  const checked::Transfers& transfers = *program_.transfers;
  InstanceState& now = state(i);
  const uint64_t strategy = now.strategy < 0 ? 0 : transfers.strategy_text[now.strategy], stage = now.stage < 0 ? 0 : transfers.stage_text[now.stage];
  if (now.strategy_text == strategy && now.stage_text == stage) return;
  touch(i);
  state(i).strategy_text = strategy;
  state(i).stage_text = stage;
}

/// The stage that a rule means which leads to `stage`: of the version under which the instance goes on, as long as it stays there.
int32_t Run::in_own_version(int32_t i, int32_t stage) const {
  const int32_t current = case_->state(i).strategy;
  const checked::KeptStrategy* kept = checked::kept_at(program_, current);
  if (kept == nullptr || stage < 0 || checked::base_of(program_, program_.stages[stage].strategy) != kept->base) return stage;
  const checked::Index own = checked::counterpart(program_, stage, current), now = checked::counterpart(program_, stage, kept->base);
  if (own != checked::none && (now == checked::none || checked::stays_kept(program_, *kept, own))) return own;
  return now == checked::none ? stage : now;
}

/// Out of a version that was kept for it, into the same strategy as it is now: no new enrolment.
void Run::leave_version(int32_t i, int32_t strategy) {
  touch(i);
  InstanceState& over = state(i);
  const checked::Strategy& from = program_.strategies[over.strategy];
  const std::vector<int64_t> before = over.variables;
  over.strategy = strategy;
  over.variables.assign(static_cast<size_t>(program_.strategies[strategy].variable_slots), 0);
  for (StageVisit& visit : over.back) visit.stage = checked::counterpart(program_, visit.stage, strategy);
  std::erase_if(over.back, [](const StageVisit& visit) { return visit.stage < 0; });
  case_->refresh_view(i);
  carry_variables(i, from, before);
}

/// As when a state is read that an older version wrote: by name and type, or by `migrate`; what is new gets its initial value.
void Run::carry_variables(int32_t i, const checked::Strategy& from, const std::vector<int64_t>& values) {
  const checked::Strategy& to = program_.strategies[state(i).strategy];
  const auto take = [&](const std::string& name, const checked::Variable& variable) {
    const auto old = std::ranges::find(from.variables, name, &checked::Variable::name);
    if (old == from.variables.end() || old->type.kind != variable.type.kind || old->type.optional != variable.type.optional) return false;
    const std::string bytes = encode_value(program_, old->type, values.data() + old->slot);
    return decode_value(program_, variable.type, bytes, case_->arena(), state(i).variables.data() + variable.slot);
  };
  for (size_t v = 0; v < to.variables.size(); ++v) {
    const checked::Variable& variable = to.variables[v];
    if (take(variable.name, variable)) continue;
    const auto& moves = program_.transfers->variables;
    const auto move = std::ranges::find_if(moves, [&](const checked::VariableMove& one) {
      return one.strategy == state(i).strategy && one.to == static_cast<checked::Index>(v) && one.from_strategy == from.name;
    });
    if (move != moves.end() && take(move->from, variable)) {
      move_value(i, static_cast<int32_t>(v));
    } else {
      give_initial_value(i, variable);
    }
  }
}

/// The rule that asked for a task: of the version under which its instance goes on.
const checked::Rule* Run::rule_of(const OpenTask& task) const {
  const int32_t strategy = case_->state(task.instance).strategy;
  if (checked::kept_at(program_, strategy) != nullptr) {
    const auto in = [&](const std::vector<Rule>& rules) {
      const auto found = std::ranges::find(rules, task.rule, &Rule::key);
      return found == rules.end() ? nullptr : &*found;
    };
    if (const Rule* own = in(program_.strategies[strategy].rules)) return own;
    for (const checked::Index stage : program_.strategies[strategy].stages) {
      if (const Rule* own = in(program_.stages[stage].rules)) return own;
    }
  }
  const auto known = plan_.by_key.find(task.rule);
  return known == plan_.by_key.end() ? nullptr : known->second;
}

}  // namespace dunlin::engine
