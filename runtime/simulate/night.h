// Runs a program over a portfolio, business day by business day: at each day's start the case files that have a reason are loaded,
// stepped and committed. Loading, stepping and committing overlap: a reader, steppers and writers, each in a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/store/store.h"

namespace dunlin::simulate {

using engine::Instant;

/// What a night did.
struct NightCounts {
  int64_t nights = 0;
  int64_t cases = 0;          // case files stepped
  int64_t cases_changed = 0;  // of those, with an effect
  int64_t events = 0, transitions = 0, notes = 0;
  int64_t events_refused = 0;  // by their ranges or `when`: in quarantine
  int64_t events_unknown = 0;  // in words that this version does not have: there, too
  int64_t tasks_created = 0, tasks_updated = 0, tasks_withdrawn = 0;
  int64_t faults = 0;  // case files set aside
  /// Seconds in which each thread was at work; they overlap. total_s is what the clock on the wall says.
  double load_s = 0, step_s = 0, commit_s = 0, total_s = 0;
  void add(const NightCounts& other);
};

/// Tasks created, by what asked for them.
struct TaskTally {
  std::string queue, strategy, stage, rule;
  int64_t created = 0;
};
/// Instances that went from one stage to another.
struct TransitionTally {
  std::string from, to, rule;  // "soft.calling"; empty from: enrolled
  int64_t count = 0;
};
struct FaultSeen {
  std::string rule, message;
  int64_t count = 0;
};

struct NightReport {
  NightCounts counts;
  std::vector<TaskTally> tasks;
  std::vector<TransitionTally> transitions;
  std::vector<FaultSeen> faults;
};

/// Told after each batch and at the end of each step of the clock.
struct NightProgress {
  int64_t date = 0;  // days since 1970-01-01
  Instant at = 0;
  bool night_done = false;
  int64_t nights_done = 0, nights_total = 0;
  NightCounts so_far;
};

struct NightOptions {
  bool full = false;                       // step every case file, not only those that are awake
  int steppers = 1;                        // threads that step
  int writers = 3;                         // threads that commit, each on a connection of its own: while one waits for the disk the others write
  size_t batch_limit = 6000;               // case files in one transaction
  bool collect_reads = true;               // for the decision records
  std::vector<store::BucketRange> ranges;  // only these buckets; empty: all
  /// Step at every wake between the days too, as `serve` does, not only at day starts.
  bool every_wake = false;
  std::function<void(const NightProgress&)> progress;  // called from one thread at a time
  /// Called between the nights, when nothing else uses the store; false stops.
  std::function<bool(int64_t date, Instant at, const NightCounts& night)> after_night;
};

struct NightProgram {
  const checked::Program& program;
  const Evaluator& evaluator;
  const abi::Calendar& calendar;
  std::vector<int64_t> settings;
  int32_t version = 0;  // number of the active version
};

/// Nights of the dates from … to, both included. The store must let one load_awake() and several
/// commit_all() run at the same time.
store::Result<NightReport> run_nights(store::Store& store, const NightProgram& program, int64_t from_date, int64_t to_date, const NightOptions& options);

/// One pass at an instant: everything that is due then.
store::Result<NightReport> run_once(store::Store& store, const NightProgram& program, Instant now, const NightOptions& options);

}  // namespace dunlin::simulate
