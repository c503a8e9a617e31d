// Consumers, supervisors, a bank and an engine at the queues of PostgreSQL, going wrong at random: the production SQL, a clock of its own, and a log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/judge/queue_log.h"
#include "tests/sim/world.h"
#include "tests/store/office.h"

namespace dunlin::judge {

/// A database with the bundle and the portfolio in it, which each run gets a copy of.
class Ground {
 public:
  Ground();
  ~Ground();
  /// Where a fresh copy is.
  std::string copy();
  void drop(const std::string& url);
  const sim_test::Compiled& compiled() const { return compiled_; }

 private:
  sim_test::Compiled compiled_;
  std::unique_ptr<store::test::Place> place_;
  std::unique_ptr<store::BulkConnection> admin_;
  int copies_ = 0;
};

struct ConsumersRan {
  std::vector<Finding> findings;
  int64_t leases = 0, contacts = 0, completed = 0, late = 0, lost = 0, refused_at_dialling = 0, marked = 0, dead_letters = 0;
  std::map<std::string, int64_t> by_queue;  // contacts
};

/// `plant`: statements that break the production SQL on purpose; empty: none. `wholly`: the judge of tests/judge looks at the records too.
ConsumersRan run_consumers(Ground& ground, uint64_t seed, const std::string& plant, bool wholly);

}  // namespace dunlin::judge
