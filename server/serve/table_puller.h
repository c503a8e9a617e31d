// The thread that pulls tables of the bank (`entity … from table`) while the server runs, once per interval over all nodes of a database.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/store/postgres_store.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

constexpr int usual_seconds_between_pulls = 60;
/// engine.tables_seconds: how often; 0: never. Of the process, as its log level is.
int& seconds_between_pulls();

/// What this node has pulled since it started, for metrics.
struct PullTotals {
  int64_t pulls = 0, failures = 0, rows = 0, changed = 0, set_aside = 0;  // changed: new and changed rows
  bool failing = false;                                                   // the last pull of this node
};
PullTotals pull_totals();

class TablePuller {
 public:
  /// `database`: where a store of its own is opened for each pull. What fails is said in the log, in /metrics and by `dunlin doctor`; nothing else stops for
  /// it.
  TablePuller(Scheduler& scheduler, store::PostgresOptions database) : scheduler_(scheduler), database_(std::move(database)) {}
  ~TablePuller() { stop(); }
  TablePuller(const TablePuller&) = delete;
  TablePuller& operator=(const TablePuller&) = delete;

  void start();
  /// A pull that is under way ends with its batch; the next one reads the same rows again.
  void stop();

 private:
  void run();
  /// An error, or whether it was this node's turn.
  store::Result<bool> pull(const Runner& runner);
  void told(const store::Result<bool>& done);

  Scheduler& scheduler_;
  const store::PostgresOptions database_;
  std::string trouble_;  // that was told last
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  std::atomic<bool> stop_ = false;
};

}  // namespace dunlin::server
