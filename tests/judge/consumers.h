// Nodes, consumers, supervisors, a bank, a printer and campaigns at the queues of PostgreSQL, going wrong at random in one thread: the production engine and
// the production SQL, under a clock that only the simulation moves. Everything follows from the seed; what everybody did and was answered is a log.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/judge/ground.h"

namespace dunlin::judge {

struct ConsumersRan {
  std::vector<Finding> findings;
  int64_t leases = 0, contacts = 0, completed = 0, late = 0, lost = 0, refused_at_dialling = 0, marked = 0, dead_letters = 0;
  int64_t steps = 0, dropped = 0, killed = 0, conversations = 0, printed = 0, released = 0, switches = 0;
  std::map<std::string, int64_t> by_queue;  // contacts
  /// A line for each deed, in their order, and in the end what the database holds: a seed gives the same again.
  std::string log;
};

/// `plant`: statements that break the production SQL on purpose; empty: none. The log is judged after each round of some days.
ConsumersRan run_consumers(Ground& ground, uint64_t seed, const std::string& plant, int rounds = 5);

}  // namespace dunlin::judge
