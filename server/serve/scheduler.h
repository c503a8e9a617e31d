// The thread that steps what wakes: under the active version, by the real clock or one that was set, again and again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/plan/proposal.h"
#include "server/serve/config.h"
#include "server/serve/effect_counts.h"

namespace dunlin::server {

/// Name of this process among the schedulers of a database: as the settings say, or by host and port.
std::string node_name(const ServeConfig& config);

/// What the scheduler has done since the server started, for metrics.
struct StepTotals {
  int64_t passes = 0, failures = 0, overtaken = 0;
  int64_t buckets = 0;       // held by this node now
  int64_t lease_losses = 0;  // passes that ended because another node had taken a bucket, and leases that could not be renewed
  int64_t cases = 0, events = 0, transitions = 0, tasks_created = 0, tasks_updated = 0, tasks_withdrawn = 0, faults = 0;
  double step_seconds = 0, commit_seconds = 0, compile_seconds = 0;
  int32_t version = 0;
  int64_t kept_strategies = 0, kept_let_go = 0;  // that the version carries along; of them without native code, because nobody stands there any more
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
  /// Somebody has announced an event, perhaps one of another node: look soon, and once more a moment later. However many say so, that is one look at a time.
  void hear();
  /// Called after a pass that had something to do; to be set before start().
  std::function<void()> on_stepped;

  int64_t now() const;
  StepTotals totals() const;
  const EffectCounts& effects() const { return effects_; }
  /// The version that is being stepped; null before the first.
  std::shared_ptr<const Runner> active() const;

 private:
  void run();
  bool pass(const std::vector<store::BucketRange>& ranges);
  std::vector<store::BucketRange> hold();
  bool take_version();
  void let_go();
  void end_aside(std::shared_ptr<void> old);
  void rest();

  std::unique_ptr<store::Store> store_;
  const ServeConfig& config_;
  std::filesystem::path stdlib_;
  int64_t offset_us_ = 0;
  std::thread thread_;
  mutable std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false, look_ = false;
  bool heard_ = false;                   // since the look began
  bool again_ = false;                   // this look was for what was heard: another follows
  std::chrono::milliseconds breath_{0};  // before the next look for what is heard
  int failures_in_a_row_ = 0;
  std::shared_ptr<const Runner> active_;
  std::shared_ptr<Runner> running_;  // the same; what steps under it is changed between passes only
  /// Strategies that the version carries along for nobody any more, whose native code is gone …
  std::set<std::pair<std::string, int32_t>> let_go_;
  /// … or goes as soon as the code without them is there.
  std::future<std::expected<std::unique_ptr<Evaluator>, std::string>> leaner_;
  bool standing_changed_ = false;                       // somebody may have left
  std::chrono::steady_clock::time_point next_count_{};  // of those who stand under kept versions, not earlier
  std::vector<std::future<void>> ending_;
  StepTotals totals_;
  EffectCounts effects_;
  bool was_overtaken_ = false;  // the pass before: by a version, or by a node
  bool away_ = false;           // the database did not answer the last time
  bool full_ = false;           // its disk was full the last time

 public:
  /// A version that was compiled before it became active; to be set before start().
  std::function<std::unique_ptr<Runner>(const std::string& content_hash)> compiled_ahead;
};

}  // namespace dunlin::server
