// Nodes, consumers, supervisors, a bank, a printer and campaigns at the queues of PostgreSQL, going wrong at random in one thread: the production engine and
// the production SQL, under a clock that only the simulation moves. Everything follows from the seed; what everybody did and was answered is a log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/judge/queue_log.h"
#include "tests/judge/still_server.h"
#include "tests/sim/world.h"

namespace dunlin::judge {

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
  const sim_test::Compiled& compiled() const { return compiled_; }
  const std::vector<Debtor>& debtors() const { return debtors_; }
  StillServer& server() { return *server_; }

 private:
  explicit Ground(std::unique_ptr<StillServer> server);
  sim_test::Compiled compiled_;
  std::vector<Debtor> debtors_;
  std::unique_ptr<StillServer> server_;
  std::unique_ptr<store::BulkConnection> admin_;
  int copies_ = 0;
};

struct ConsumersRan {
  std::vector<Finding> findings;
  int64_t leases = 0, contacts = 0, completed = 0, late = 0, lost = 0, refused_at_dialling = 0, marked = 0, dead_letters = 0;
  int64_t steps = 0, dropped = 0, killed = 0, conversations = 0, printed = 0, released = 0;
  std::map<std::string, int64_t> by_queue;  // contacts
  /// A line for each deed, in their order, and in the end what the database holds: a seed gives the same again.
  std::string log;
};

/// `plant`: statements that break the production SQL on purpose; empty: none. The log is judged after each round of some days.
ConsumersRan run_consumers(Ground& ground, uint64_t seed, const std::string& plant, int rounds = 5);

}  // namespace dunlin::judge
