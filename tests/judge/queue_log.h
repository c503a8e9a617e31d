// What consumers, supervisors and the bank did at the queues, as they saw it themselves, and what it must come to: judged from this log and from the
// audit of steps. Nothing of the queue's tables or functions is read.
#pragma once

#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/judge/judge.h"

namespace dunlin::judge {

/// One line of the log: who asked for what, and the answer.
struct Deed {
  enum class Kind {
    lease,
    contact,
    complete,
    heartbeat,
    release,
    reassign,
    withdraw,
    redrive,  // workers, and supervisors about one task
    event,
    released,  // the bank; a campaign, with each task that it makes
    exclude,
    include,
    keep_for,
    keep_for_nobody,
    stop,
    resume,
    pause,
    unpause,  // supervisors
    prefer,
    prefer_no_more,  // supervisors: an account's tasks have a priority of their own
    hold,
    commit,   // a node is given a bucket; it commits a step of a case file in it
    tend,     // a node does what a round does
    turn_to,  // another version of the bundle is active
    ask,      // a worker asks for tasks of a queue
    lapsed,   // a worker who asks before dialling is told that the lease has ended
  };
  Kind kind = Kind::lease;
  Instant at = 0;
  bool accepted = true;  // else it was refused, or answered that it is known
  std::string task;
  int64_t epoch = 0;
  std::string worker, queue, account, treatment;  // hold, commit: worker is the life of the node, account the debtor
  std::string conversation;                       // lease and what follows: what went out together; else the task
  bool rider = false;                             // contact: it is counted with another one of its conversation
  Instant until = 0;                              // lease, heartbeat, hold: how long it is held
  Instant about = 0;                              // event: when it happened; commit: of the step
  int32_t bucket = -1;                            // hold, commit
  int64_t version = -1;                           // commit, turn_to: of the limits
  int64_t priority = 0;                           // prefer
  bool beside = false;                            // lease: another transaction held locks of its own
  std::string source, id;                         // event
};
/// One line of text: runs of one seed are compared by it.
std::string text_of(const Deed& deed);

/// How a queue hands out, said again by hand.
struct QueueRules {
  int64_t returns_max = 5;    // silent ends of leases that a task may have and still be handed out
  bool one_operator = false;  // one worker at a case file
  bool in_order = false;      // tasks of one account one after another
  bool merges = false;        // one conversation with a debtor at a time
  bool printed = false;       // in registers, which are nobody's
  bool by_priority = false;   // nothing but the priority says what goes first
  int64_t rate = 0;           // leases in `rate_per`; 0: any number
  Instant rate_per = 0;
  std::map<std::string, std::pair<int64_t, int64_t>> hours;  // treatment: seconds of the bundle's day between which it goes out
};

/// A task as the audit has it.
struct AuditedTask {
  std::string account, queue, treatment;
  int64_t priority = 0;
  Instant created = 0;
  std::map<Instant, bool> gone;                         // since when a step has withdrawn or marked it, or says that its reason is there again
  std::vector<std::pair<Instant, Instant>> not_before;  // since when, and from when it may go out; withheld: never
  bool is_gone(Instant at) const {
    const auto next = gone.upper_bound(at);
    return next != gone.begin() && std::prev(next)->second;
  }
};

struct Audit {
  struct Step {
    Instant at = 0, known = 0;  // the instant it is of, and that of its commit
  };
  std::map<std::string, AuditedTask> tasks;        // by id
  std::map<std::string, std::vector<Step>> steps;  // by debtor, in the order of commits
};
/// When a step was committed, by debtor and instant of the step.
using Commits = std::map<std::pair<std::string, Instant>, Instant>;
/// What the records of steps of these debtors say.
store::Result<Audit> read_audit(store::StepLog& log, const replay::Versions& versions, const std::vector<std::string>& debtors, const Commits& commits);

/// What a campaign promises, said again by hand. Its tasks are known by their treatment.
struct CampaignRules {
  int64_t per_day = 0;
  std::pair<int64_t, int64_t> hours;  // seconds of the bundle's day
};

struct QueueEvidence {
  const std::vector<Deed>& deeds;  // in the order in which they were answered
  const Audit& audit;
  const std::map<std::string, QueueRules>& queues;
  std::string zone;                                // of the bundle
  const std::vector<limits_test::Policy>& limits;  // of the versions
  std::map<std::string, std::string> zones;        // of debtors
  std::map<std::string, int64_t> capacities;       // of workers, a day
  std::map<std::string, CampaignRules> campaigns;  // by treatment
};
/// Of an account: the account's key is its debtor's and one letter more.
inline std::string debtor_of(const std::string& account) { return account.empty() ? account : account.substr(0, account.size() - 1); }

/// All that is wrong at the queues, each promise with its first witnesses.
std::vector<Finding> judge_queue(const QueueEvidence& evidence);

}  // namespace dunlin::judge
