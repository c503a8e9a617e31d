// What consumers, supervisors and the bank did at the queues, as they saw it themselves, and what it must come to: judged from this log and from the
// audit of steps. Nothing of the queue's tables or functions is read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/judge/judge.h"

namespace dunlin::judge {

/// One line of the log: who asked for what, and the answer.
struct Deed {
  enum class Kind { lease, contact, complete, heartbeat, release, reassign, withdraw, event, exclude, include, stop, resume, pause, unpause };
  Kind kind = Kind::lease;
  Instant at = 0;
  bool accepted = true;  // else it was refused, or answered that it is known
  std::string task;
  int64_t epoch = 0;
  std::string worker, queue, account, treatment;
  Instant until = 0;       // lease, heartbeat: how long the task is held
  Instant about = 0;       // event: when it happened
  std::string source, id;  // event
};

/// How a queue hands out, said again by hand.
struct QueueRules {
  int64_t returns_max = 5;    // silent ends of leases that a task may have and still be handed out
  bool one_operator = false;  // one worker at a case file
  bool in_order = false;      // tasks of one account one after another
  int64_t rate = 0;           // leases in `rate_per`; 0: any number
  Instant rate_per = 0;
  std::map<std::string, std::pair<int64_t, int64_t>> hours;  // treatment: seconds of the bundle's day between which it goes out
};

/// A task as the audit has it.
struct AuditedTask {
  std::string account, queue, treatment;
  int64_t priority = 0;
  Instant created = 0, gone = INT64_MAX;                // gone: a step withdrew or marked it
  std::vector<std::pair<Instant, Instant>> not_before;  // since when, and from when it may go out; withheld: never
};

struct Audit {
  std::map<std::string, AuditedTask> tasks;           // by id
  std::map<std::string, std::vector<Instant>> steps;  // by debtor, in the order of time
};
/// What the records of steps of these debtors say.
store::Result<Audit> read_audit(store::StepLog& log, const replay::Versions& versions, const std::vector<std::string>& debtors);

struct QueueEvidence {
  const std::vector<Deed>& deeds;  // in the order in which they were answered
  const Audit& audit;
  const std::map<std::string, QueueRules>& queues;
  std::string zone;  // of the bundle
  const limits_test::Policy& limits;
  std::map<std::string, std::string> zones;  // of debtors
};
/// Of an account: the account's key begins with its debtor's, which is two letters long.
inline std::string debtor_of(const std::string& account) { return account.substr(0, 2); }

/// All that is wrong at the queues, each promise with its first witnesses.
std::vector<Finding> judge_queue(const QueueEvidence& evidence);

}  // namespace dunlin::judge
