// A debtor of whom a strategy asks something: enrolled, with somebody to write to, under limits that apply and that forbid nothing.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "lang/sema/analysis/evaluate.h"
#include "lang/sema/checked.h"

namespace dunlin::simulate {

struct ReadyDebtor {
  analysis::Facts facts;                                       // one instance of every entity, every field but records; day: plain_day
  std::set<std::pair<checked::Index, checked::Index>> sought;  // (entity, field) whose value matters; the others are blank
};

/// As many of the conditions on the way to a task as go together, the enrolment first. What hangs on history or on the hour is left to chance.
/// `judged`: by queue, whether its tasks matter.
ReadyDebtor ready_debtor(const checked::Program& program, checked::Index strategy, const std::vector<bool>& judged);

/// Whether the rule makes tasks of these queues.
bool asks_for(const checked::Rule& rule, const std::vector<bool>& judged);

}  // namespace dunlin::simulate
