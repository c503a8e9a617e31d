// What the threads that take rows from outside into the engine's tables share: when they look, how a failure is told, and that nothing is written into a schema
// that a newer program has made.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/store/postgres_store.h"
#include "server/import/mapped_tables.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

/// What fails is said in the log, once for as long as it stays the same; nothing else stops for it. A class of its own calls stop() before it goes.
class RowTaker {
 public:
  RowTaker(const RowTaker&) = delete;
  RowTaker& operator=(const RowTaker&) = delete;

  /// Never looks where its pause is none.
  void start();
  /// What is under way ends with its batch; the next look takes the same rows again.
  void stop();

 protected:
  /// Of the log: what was taken, that it cannot be, that it can be again.
  struct Words {
    const char *taken, *failing, *mended;
  };
  /// `database`: where connections and a store are opened, each look anew.
  RowTaker(Scheduler& scheduler, store::PostgresOptions database, std::chrono::seconds pause, Words words)
      : database_(std::move(database)), scheduler_(scheduler), pause_(pause), words_(words) {}
  virtual ~RowTaker() = default;

  virtual bool concerns(const checked::Program& program) const = 0;
  /// Whether there is anything to take. Asked before a connection is opened.
  virtual store::Result<bool> waits(const checked::Program&) { return true; }
  /// Whether it is this node's turn; held until let_go(), or until `readings` go.
  virtual store::Result<bool> hold(store::BankReadings& readings) = 0;
  virtual store::Result<std::vector<import::PulledTable>> take(store::Store& store, store::BankReadings& readings, const checked::Program& program,
                                                               const import::Zone& zone, const import::PullOptions& options) = 0;
  virtual store::Result<void> let_go() { return {}; }
  enum class Look { nothing_waits, not_ours, taken };
  /// After each look.
  virtual void ended(const store::Result<Look>& look, const std::vector<import::PulledTable>& taken) = 0;

  const store::PostgresOptions database_;

 private:
  using Tables = std::vector<import::PulledTable>;
  void run();
  store::Result<Look> look(const Runner& runner, Tables& taken);
  store::Result<Tables> take_held(const Runner& runner, store::BankReadings& readings);
  void tell(const Tables& taken);
  void tell_trouble(const store::Result<Look>& look);

  Scheduler& scheduler_;
  const std::chrono::seconds pause_;
  const Words words_;
  std::string trouble_;                       // that was told last
  std::map<std::string, int64_t> set_aside_;  // by table: how many rows were, when that was told last
  std::thread thread_;
  std::mutex guard_;
  std::condition_variable woken_;
  std::atomic<bool> stop_ = false;
};

}  // namespace dunlin::server
