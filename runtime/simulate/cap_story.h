// Strategies that ask for more than the limits allow, each with the days of one debtor that show it.
//
// Debtors are drawn near the values at which the bundle changes its mind and carried through virtual time by the engine itself. Their tasks are done as
// soon as they may go out, each queue's always with the same outcome. Where a cap, and nothing but caps, keeps a task from going out when it
// otherwise would, the strategy has asked for more than is allowed. What is found has happened; what is not found may still happen.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/evaluator.h"
#include "lang/diag/diagnostic.h"
#include "lang/sema/checked.h"

namespace dunlin::abi {
struct Calendar;
}

namespace dunlin::simulate {

struct CapStoryOptions {
  uint64_t seed = 1;
  /// Steps of the engine at most, over all debtors; 0: what fits the size of the bundle (a second or so). No clock is looked at: the same bundle
  /// gives the same stories everywhere.
  int64_t steps_max = 0;
};

struct CapStory {
  checked::Index strategy = checked::none;  // in which the account stood; none: in none, the rule is one of `always`
  checked::Index twice = checked::none;     // entity of which the debtor has two: one alone would keep within the limits as far as was seen
  bool differ = false;                      // those two, and two that are alike would keep within them
  const checked::Rule* rule = nullptr;      // that asked
  const checked::Limits* limits = nullptr;
  const checked::LimitRule* cap = nullptr;  // that had no room
  /// The debtor as it was on the first day: ("account.overdue", "500"), of two that differ ("account 2.overdue", "500"). What is empty or zero is left out.
  std::vector<std::pair<std::string, std::string>> facts;
  /// "day 2, 2026-01-06 18:00", what happened; the last one is the task that had to wait.
  std::vector<std::pair<std::string, std::string>> days;
};

/// One story for each rule and each block of limits it runs into, in the order of the text.
std::vector<CapStory> find_cap_stories(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                       const CapStoryOptions& options = {});

/// As warnings (E0735).
void report_cap_stories(const checked::Program& program, const std::vector<CapStory>& stories, Diagnostics& diagnostics);

}  // namespace dunlin::simulate
