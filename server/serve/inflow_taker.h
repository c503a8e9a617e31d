// The thread that takes in what other programs write into the tables inflow.ENTITY while the server runs: looks once a second, one node of a database at a
// time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/store/inflow.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

class InflowTaker {
 public:
  /// `database`: where connections and a store of its own are opened. What fails is said in the log; nothing else stops for it, and what waits goes on waiting.
  InflowTaker(Scheduler& scheduler, store::PostgresOptions database) : scheduler_(scheduler), database_(std::move(database)) {}
  ~InflowTaker() { stop(); }
  InflowTaker(const InflowTaker&) = delete;
  InflowTaker& operator=(const InflowTaker&) = delete;

  void start();
  /// What is under way ends with its batch; the next one takes the same rows again.
  void stop();

 private:
  void run();
  store::Result<void> take(const Runner& runner);
  store::Result<void> take_held(const Runner& runner);
  void told(const store::Result<void>& done);

  Scheduler& scheduler_;
  const store::PostgresOptions database_;
  std::unique_ptr<store::Inflow> inflow_;  // looks; opened anew after an error
  std::string trouble_;                    // that was told last
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  std::atomic<bool> stop_ = false;
};

}  // namespace dunlin::server
