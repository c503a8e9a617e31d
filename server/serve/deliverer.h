// The thread that sends tasks to webhooks: leases them into the outbox, signs, sends, tries again later and later, gives up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "runtime/store/service.h"
#include "server/http/http_client.h"
#include "server/serve/config.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

/// "dialler.example,10.1.2.3:8080" and the scheme that is allowed.
http::Destinations webhook_destinations(const ServeConfig& config);

class Deliverer {
 public:
  Deliverer(store::Service& service, Scheduler& scheduler, const ServeConfig& config);
  ~Deliverer() { stop(); }
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  /// Does nothing where no key is set.
  void start();
  /// What is under way is left to the next start: it comes back by itself.
  void stop();

 private:
  struct Sent {
    std::string delivery, webhook;
    int tries = 0;
    std::expected<http::Answer, http::SendError> answer;
  };
  void run();
  bool look();  // false: the database is away
  void settle(const Sent& sent);
  void send(const nlohmann::ordered_json& row);
  bool ask(store::Ask what, const store::Parameters& parameters, nlohmann::ordered_json& rows);

  store::Service& service_;
  Scheduler& scheduler_;
  const ServeConfig& config_;
  std::unique_ptr<http::HttpClient> client_;
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false;
  std::vector<Sent> answered_;  // to be settled
  std::atomic<int> under_way_ = 0;
};

}  // namespace dunlin::server
