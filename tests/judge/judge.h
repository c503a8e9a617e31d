// One judge for every harness. It rebuilds what must be from what was recorded (step records, events) and from the logs of those outside
// (the bank, gateways), and compares with what the store holds. It knows nothing of how a harness made the history.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/replay/replay.h"
#include "tests/limits/gateway_log.h"

namespace dunlin::judge {

using engine::Instant;

/// One line of the log of somebody outside: an event that was sent, and what was answered.
struct Sent {
  std::string source, external_id;
  bool accepted = false;  // taken in as new; else it was answered that it is known
  std::string task;       // a gateway's: the task that it is about
  int64_t about = 0;      // the instance; 0: the log does not say
};

struct Evidence {
  store::Store& store;
  store::StepLog& log;
  replay::Versions versions;
  int32_t active = 1;  // the version that is active
  Instant now = 0;     // everything that was due then has been stepped
  std::vector<Sent> sent;
  /// What gateways did, in the order of time, and the limits that hold, as plain figures: recounted with nothing of the engine.
  std::vector<limits_test::Contact> contacts = {};
  limits_test::Policy limits = {};
  std::map<std::string, std::string> zones = {};  // of debtors
  /// What the chain of the audit says of itself, where there is one; empty: it is whole.
  std::string audit_trouble = {};
  /// Tasks that no step has made: a campaign has put them into their case files.
  std::set<std::string> put_in = {};
  /// Where there are any case files; empty: anywhere.
  std::set<int32_t> buckets = {};
};

/// A promise that does not hold, with the witness.
struct Finding {
  std::string promise, witness;
};

/// All that is wrong, each promise with its first witnesses. Fails only if the store does.
store::Result<std::vector<Finding>> judge(const Evidence& evidence);
std::string text_of(const std::vector<Finding>& findings);

}  // namespace dunlin::judge
