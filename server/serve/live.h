// Tells readers of streams what changes: figures of queues, the active version, whether the database answers. The truth is looked up; announcements of other
// processes only make the next look come sooner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/store/listener.h"
#include "runtime/store/service.h"
#include "server/http/http_server.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

/// Somebody who is told. What was said last is kept, so only changes are said again; a new reader is told everything once.
struct StreamReader {
  std::shared_ptr<http::Outlet> outlet;
  std::string name;              // of the token
  std::set<std::string> queues;  // empty: all
  std::string scope;             // what the token is bound to
  std::function<bool()> still_may;
  std::map<std::string, std::string> told;
};

class Live {
 public:
  Live(store::Service& service, Scheduler& scheduler, const ServeConfig& config, store::PostgresOptions database);
  ~Live();
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  void start();
  void stop();
  /// Why one more stream of this caller is not taken; empty: it is.
  std::string refusal(const std::string& name) const;
  void add(StreamReader reader);
  /// Something changed by way of this process.
  void touch();
  /// Called when a version is to be compiled before it becomes active; to be set before start().
  std::function<void()> on_candidate;
  /// A pass of this node's scheduler had something to do: the other nodes should hear of it.
  void stepped();

 private:
  using Picture = std::map<std::string, std::pair<std::string, std::string>>;  // what it is about -> event and data
  void run();
  void listen();
  void look();
  Picture picture(const std::string& scope);
  static void tell(StreamReader& reader, const Picture& picture);

  store::Service& service_;
  Scheduler& scheduler_;
  const ServeConfig& config_;
  store::PostgresOptions database_;
  std::unique_ptr<store::Listener> listener_;
  std::thread looking_, listening_;
  mutable std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false, touched_ = false, stepped_ = false;
  std::vector<std::shared_ptr<StreamReader>> readers_;
  std::chrono::steady_clock::time_point checked_{};
};

}  // namespace dunlin::server
