// Item 2 of a step: instances that are in no strategy.
#include "lang/sema/transfers.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

/// Before the events: what arrives now finds those already enrolled who should be.
void Run::enrol_newcomers() {
  for (size_t i = 0; i < work_.size(); ++i) {
    if (state(static_cast<int32_t>(i)).strategy < 0) scan(static_cast<int32_t>(i));
  }
}

bool Run::try_enrol(int32_t i) {
  rule_ = nullptr;
  if (state(i).strategy >= 0 && !may_enrol_again(i)) return false;
  for (const int32_t s : plan_.enrolling[case_->instance(i).entity]) {
    if (!holds(program_.strategies[s].enrol, i, work_[i].wake)) continue;
    if (plan_.strategies[s].first_stage == checked::none) continue;
    enter(i, first_stage_of(i, s), nullptr, Entry::strategy);
    return true;
  }
  return false;
}

/// After a final stage: where `enrol again when` says so, and once `enrol when` has been false.
bool Run::may_enrol_again(int32_t i) {
  // Whoever came to the end under an older version enrols again as it is said now.
  const checked::Index now = checked::base_of(program_, state(i).strategy);
  const checked::Index over = now == state(i).strategy ? checked::none : checked::counterpart(program_, state(i).stage, now);
  const checked::Stage& stage = program_.stages[over == checked::none ? state(i).stage : over];
  const checked::Strategy& strategy = program_.strategies[now];
  const checked::RootId again = stage.enrol_again != checked::none ? stage.enrol_again : strategy.enrol_again;
  if (again == checked::none) return false;
  if (!state(i).may_enrol) {
    checked::RootId enrol = strategy.enrol;
    if (enrol == checked::none && program_.trials) {  // the champion's decides for all arms
      const checked::Index champion = program_.trials->champion_of[state(i).strategy];
      if (champion != checked::none) enrol = program_.strategies[champion].enrol;
    }
    const bool still = enrol != checked::none ? holds(enrol, i, work_[i].wake) : any_strategy_wants(i, work_[i].wake);
    if (still) return false;
    touch(i);
    state(i).may_enrol = true;
  }
  return holds(again, i, work_[i].wake);
}

bool Run::any_strategy_wants(int32_t i, Instant& wake) {
  for (const int32_t s : plan_.enrolling[case_->instance(i).entity]) {
    if (holds(program_.strategies[s].enrol, i, wake)) return true;
  }
  return false;
}

void Run::give_initial_value(int32_t i, const checked::Variable& variable) {
  if (variable.initial == checked::none) return;
  const Value value = evaluate(variable.initial, i);
  keep_value(variable.type, value.slots, state(i).variables.data() + variable.slot);
}

}  // namespace dunlin::engine
