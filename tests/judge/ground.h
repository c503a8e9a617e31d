// What the simulation of the queues stands on: two versions of its bundle, and a database with its portfolio that each run gets a copy of; what the versions
// promise, for the judge.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/judge/queue_log.h"
#include "tests/judge/still_server.h"
#include "tests/sim/world.h"

namespace dunlin::judge {

constexpr const char* clerk = "clerk";  // whose list of the day `desk` fills
constexpr int64_t clerks_capacity = 3;

/// A debtor of the simulation. Two of them share a bucket: only then a bucket's epoch guards more than one case file.
struct Debtor {
  std::string key, zone;
  int32_t bucket = 0;
};

/// A database with the bundle and the portfolio in it, which each run gets a copy of.
class Ground {
 public:
  /// Null where there is no server whose clock can stand still.
  static std::unique_ptr<Ground> make();
  /// Where a fresh copy is.
  std::string copy();
  void drop(const std::string& url);
  /// Of the two versions; the database begins with the first.
  const sim_test::Compiled& compiled(size_t version) const { return versions_[version]; }
  size_t versions() const { return versions_.size(); }
  const std::vector<Debtor>& debtors() const { return debtors_; }
  StillServer& server() { return *server_; }

 private:
  explicit Ground(std::unique_ptr<StillServer> server);
  std::vector<sim_test::Compiled> versions_;
  std::vector<Debtor> debtors_;
  std::unique_ptr<StillServer> server_;
  std::unique_ptr<store::BulkConnection> admin_;
  int copies_ = 0;
};

/// What people have set at queues whatever the version says; a switch of versions sets it as the version has it.
extern const char* const queue_settings;

/// The limits of the versions and the queues of both, written down once more.
std::vector<limits_test::Policy> limits();
std::map<std::string, QueueRules> rules();

}  // namespace dunlin::judge
