// The thread that steps what wakes: under the active version, by the real clock or one that was set, again and again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/plan/proposal.h"
#include "server/serve/config.h"

namespace dunlin::server {

/// Name of this process among the schedulers of a database: as the settings say, or by host and port.
std::string node_name(const ServeConfig& config);

/// What the scheduler has done since the server started, for metrics.
struct StepTotals {
  int64_t passes = 0, failures = 0, overtaken = 0;
  int64_t buckets = 0;  // held by this node now
  int64_t cases = 0, events = 0, transitions = 0, tasks_created = 0, tasks_updated = 0, tasks_withdrawn = 0, faults = 0;
  double step_seconds = 0, commit_seconds = 0, compile_seconds = 0;
  int32_t version = 0;
  bool database_there = true;
};

class Scheduler {
 public:
  /// `store` is its own. `clock_offset_us`: what is added to the real clock.
  Scheduler(std::unique_ptr<store::Store> store, const ServeConfig& config, std::filesystem::path stdlib, int64_t clock_offset_us);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  /// Finishes the pass that is under way.
  void stop();
  /// Look now: a version may have been activated, an event may have come.
  void wake();
  /// Called after a pass that had something to do; to be set before start().
  std::function<void()> on_stepped;

  int64_t now() const;
  StepTotals totals() const;
  /// The version that is being stepped; null before the first.
  std::shared_ptr<const Runner> active() const;

 private:
  void run();
  bool pass(const std::vector<store::BucketRange>& ranges);
  std::vector<store::BucketRange> hold();
  bool take_version();
  void rest();

  std::unique_ptr<store::Store> store_;
  const ServeConfig& config_;
  std::filesystem::path stdlib_;
  int64_t offset_us_ = 0;
  std::thread thread_;
  mutable std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false, look_ = false;
  int failures_in_a_row_ = 0;
  std::shared_ptr<const Runner> active_;
  StepTotals totals_;
  bool away_ = false;  // the database did not answer the last time

 public:
  /// A version that was compiled before it became active; to be set before start().
  std::function<std::unique_ptr<Runner>(const std::string& content_hash)> compiled_ahead;
};

}  // namespace dunlin::server
