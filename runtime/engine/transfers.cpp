// What becomes of an instance whose strategy is another text than when it was last stepped: `on change restart`.
#include "lang/sema/transfers.h"

#include "runtime/engine/run.h"

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

}  // namespace dunlin::engine
