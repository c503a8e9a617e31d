// The thread that looks after what a department has promised itself: tells the log when a feed is late and when it has come, and makes the tasks of
// campaigns, and gives up history that need not be kept. Nothing rests on it alone: a hand-out works out for itself what is late, and anybody may make a
// campaign's tasks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/store/service.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

class Overseer {
 public:
  /// `keep_months`: how much history is kept; 0: all. `history`: where it is given up.
  Overseer(store::Service& service, Scheduler& scheduler, int keep_months, store::PostgresOptions history)
      : service_(service), scheduler_(scheduler), keep_months_(keep_months), history_(std::move(history)) {}
  ~Overseer() { stop(); }
  Overseer(const Overseer&) = delete;
  Overseer& operator=(const Overseer&) = delete;

  void start();
  void stop();

 private:
  void run();
  void look_at_feeds(const std::string& at);
  void release(const std::string& at);
  void forget();

  store::Service& service_;
  Scheduler& scheduler_;
  const int keep_months_;
  const store::PostgresOptions history_;
  std::chrono::steady_clock::time_point forgot_{};
  std::map<std::string, std::string> states_;  // by feed
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false;
};

}  // namespace dunlin::server
