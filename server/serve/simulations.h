// Simulations: what the clock alone would do to a copy of the live portfolio up to an instant, under a bundle and under the active version. Case files are
// read batch by batch and go through time in memory; nothing of it is written. One at a time on a node, in a thread that gives way to the others.
#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/plan/proposal.h"

namespace dunlin::server {

struct SimulationWish {
  std::string who;
  std::unique_ptr<Runner> bundle;  // null: the active version alone
  int64_t from = 0, until = 0;     // instants
  int64_t cases_max = 0;           // 0: the whole portfolio
};

class Simulations {
 public:
  using OpenStore = std::function<store::Result<std::unique_ptr<store::Store>>()>;
  explicit Simulations(OpenStore open_store, std::filesystem::path stdlib);
  ~Simulations();
  Simulations(const Simulations&) = delete;
  Simulations& operator=(const Simulations&) = delete;

  /// Its number; an error where another one runs on this node.
  std::expected<int64_t, std::string> start(SimulationWish wish);
  /// Newest first, without results. The last twenty of this node are kept.
  nlohmann::ordered_json list() const;
  /// With progress and, once it is done, the result; nothing: there is none with this number.
  std::optional<nlohmann::ordered_json> find(int64_t number) const;
  /// False: it does not run.
  bool cancel(int64_t number);
  /// Ends what runs.
  void stop();

 private:
  struct Job;
  void run(Job& job);
  static nlohmann::ordered_json head_of(const Job& job);

  OpenStore open_store_;
  std::filesystem::path stdlib_;
  mutable std::mutex guard_;
  std::vector<std::unique_ptr<Job>> jobs_;  // oldest first
  std::thread thread_;
  int64_t last_ = 0;
};

}  // namespace dunlin::server
