// Hears what other processes on the same database announce (LISTEN). A hint only: announcements may be lost with a connection, so whoever listens looks
// for itself every now and then as well.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/postgres_store.h"

namespace dunlin::store {

class Listener {
 public:
  /// Joins the private server of a folder, or uses the database that is named. Connects when it first waits.
  static Result<std::unique_ptr<Listener>> open(const PostgresOptions& options);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// What was announced, each kind once: "version", "candidate", "event", "step". Empty: nothing within this time. An error: the connection is lost, the next
  /// call opens another.
  Result<std::vector<std::string>> wait(std::chrono::milliseconds patience);
  /// Ends a wait, from any thread.
  void interrupt();

 private:
  struct Inner;
  explicit Listener(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::store
