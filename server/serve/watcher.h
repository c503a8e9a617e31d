// A thread that watches a folder with a bundle: what changes in it is checked, planned and, where the settings say so, made active.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/store/service.h"
#include "server/serve/config.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

struct WatchContext {
  store::Service& service;
  Scheduler& scheduler;
  const ServeConfig& config;
  std::filesystem::path stdlib;
  std::function<store::Result<std::unique_ptr<store::Store>>()> open_store;
};

class Watcher {
 public:
  explicit Watcher(WatchContext context) : context_(std::move(context)) {}
  ~Watcher() { stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void start();
  void stop();

 private:
  enum class Outcome : uint8_t { settled, again };  // nothing more to do until the folder changes; try the same once more
  void run();
  void look();
  Outcome take(BundleSources files);
  Outcome make_active(store::Store& store, const Runner& next, const Proposal& proposal);

  WatchContext context_;
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false;
  // A save is several writes: a folder is taken up when two looks in a row see the same in it.
  std::optional<BundleSources> seen_, settled_;
  int failures_in_a_row_ = 0;
};

}  // namespace dunlin::server
