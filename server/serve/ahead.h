// Compiles versions before they become active, beside the stepping, and says so in the database: a switch waits for it on all nodes.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/store/service.h"
#include "server/plan/proposal.h"
#include "server/serve/config.h"

namespace dunlin::server {

class Ahead {
 public:
  Ahead(store::Service& service, const ServeConfig& config, std::filesystem::path stdlib);
  ~Ahead();
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  void start();
  void stop();
  /// Something was announced: look now.
  void wake();
  /// The version that was compiled last, if it is this one; it is given away. Null: it is not.
  std::unique_ptr<Runner> take(const std::string& content_hash);

 private:
  void run();
  void look();
  std::string compile(const std::string& files);

  store::Service& service_;
  const ServeConfig& config_;
  std::filesystem::path stdlib_;
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  bool stop_ = false, look_ = false;
  std::unique_ptr<Runner> compiled_;
};

}  // namespace dunlin::server
