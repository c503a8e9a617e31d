// How many tasks a second consumers lease and complete by SQL, one by one and in batches, with and without a reader that holds an old snapshot,
// while new tasks arrive.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace dunlin::bench {

struct QueueBenchOptions {
  std::string database;      // empty: a private server that goes afterwards
  int64_t seconds = 60;      // of each run at a rate; the runs without one last a sixth of it, at least 5 s
  int64_t rate = 800;        // tasks a second offered in the paced runs
  int clients = 4;           // connections that lease and complete
  int batch = 50;            // tasks a call in the batched runs
  int64_t backlog = 20'000;  // ready tasks at the start; as many arrive as are completed
  bool held_only = false;    // leave out the runs without a held snapshot
  bool progress = false;
};

/// What was seen in a stretch of a run (a minute; the last one may be shorter).
struct QueueStretch {
  double seconds = 0;
  int64_t completed = 0;
  double per_s = 0;
  double p50_ms = 0, p99_ms = 0;                  // of leasing and completing one task, or one batch, from when it was offered
  double service_p50_ms = 0, service_p99_ms = 0;  // from when somebody came to it
};
struct QueueRun {
  std::string name;
  bool snapshot_held = false;
  int batch = 1;
  int64_t offered_per_s = 0;  // 0: as fast as it goes
  bool in_one_call = false;   // the end of one task and the lease of the next are one call and one transaction
  double per_s = 0;
  std::vector<QueueStretch> stretches;  // minutes; quarters of a run below two minutes

  /// The 99th percentile of the last stretch, of that of the first; 0: there are not two.
  double p99_last_of_first() const;
  double service_p99_last_of_first() const;
};
struct QueueFigures {
  std::vector<QueueRun> runs;
  double held_of_free = 0;  // most tasks a second one by one with the snapshot held, of the same without
};

std::expected<QueueFigures, std::string> measure_queue(const QueueBenchOptions& options);

}  // namespace dunlin::bench
