// What a change of version would do to the live portfolio: every case file is stepped under both versions at one instant, nothing is written,
// and what comes out otherwise is counted, with one account for each kind.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/simulate/night.h"
#include "runtime/store/store.h"

namespace dunlin::plan {

using engine::Instant;

/// An instance to look at: `account A17`.
struct Example {
  std::string entity, key;
};

/// Instances that stand in another stage than they would have, or in the same one anew (`on change restart`).
struct StageMove {
  std::string from, to;  // "soft.calling" under the active version, under the new one; empty: in no strategy
  std::string because;   // the rule of the new version that led there; "no longer: …" where a rule of the active one would have
  int64_t count = 0;
  Example example;
};

enum class TaskDifference : uint8_t { created, withdrawn, changed };
const char* task_difference_text(TaskDifference difference);

/// Open tasks that are there, not there or otherwise than they would have been.
struct TaskChange {
  TaskDifference difference = TaskDifference::created;
  std::string queue, treatment, rule;  // withdrawn: of the active version
  std::string what;                    // changed: "priority, due"
  int64_t count = 0;
  Example example;
};

/// Instances in a stage that the new version does not have.
struct Stranded {
  std::string stage;
  int64_t count = 0;
  Example example;
};

/// Case files that can be stepped under one version only.
struct FaultChange {
  bool cured = false;  // under the new version it goes well
  std::string rule, message;
  int64_t count = 0;
  Example example;
};

/// Instances that go on under an older version (`on change pin`).
struct Pinned {
  std::string strategy;
  int32_t version = 0;
  int64_t count = 0;
  Example example;
};

struct LivePlan {
  int64_t cases = 0, instances = 0;
  int64_t cases_affected = 0;
  std::vector<StageMove> moves;  // most frequent first, as all of these
  std::vector<TaskChange> tasks;
  std::vector<Stranded> stranded;
  std::vector<FaultChange> faults;
  std::vector<Pinned> pinned;  // by strategy, then version
  bool quiet() const { return moves.empty() && tasks.empty() && stranded.empty() && faults.empty(); }
  int64_t count(TaskDifference difference) const;
};

struct LiveOptions {
  size_t batch = 1000;                          // case files in memory at once, under each version
  std::function<bool(int64_t cases)> progress;  // after each batch; false stops with an error
};

/// `active` null: there is none yet, and nothing would happen without the new one. The tables must have room for `proposed`: Store::make_room().
store::Result<LivePlan> look_at_portfolio(store::Store& store, const simulate::NightProgram* active, const simulate::NightProgram& proposed, Instant now,
                                          const LiveOptions& options = {});

}  // namespace dunlin::plan
