// Where portfolios live. One port, two stores: PostgreSQL (postgres_store.h) and memory (model_store.h), held to the same tests.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lang/sema/check.h"
#include "runtime/engine/step.h"

namespace dunlin::engine {
class GrantPass;
}

namespace dunlin::store {

using engine::Instant;

/// What went wrong, for people: never a bare SQL error.
struct StoreError {
  enum class Kind { environment, input, conflict };  // exit 3, exit 1, somebody else was first: read again
  Kind kind = Kind::environment;
  std::string message;     // what happened and what to do
  bool disk_full = false;  // the database's
};
template <class T>
using Result = std::expected<T, StoreError>;

/// One row of an entity on its way in. Values are text as in CSV; the store's caller has checked them against the program.
struct InstanceRow {
  int32_t entity = -1;
  std::string key;
  std::string root_key;               // key of the case file's root (equal to key for a root)
  std::string parent_key;             // empty for a root
  std::vector<int64_t> slots;         // by checked::Field::slot; text slots point to abi::Text that lives until the call returns
  std::optional<Instant> as_of = {};  // what the row says of itself; else that of its arrival
};
/// A row that is left alone: something newer is known.
struct OlderRow {
  std::string entity, key;
  Instant known = 0;  // as of when
};
/// How rows come. Of two rows of one instance the one with the later as-of stands, in whatever order they arrive.
struct Arrival {
  Instant as_of = 0;  // business time of the data
  /// What they say is the newest there is (a table that was read just now): only rows with an as-of of their own can be older than what is known.
  bool newest = false;
  /// A person says that they are right whatever is known.
  bool correct = false;
  /// Rows that say what is known already are remembered as of this arrival. False where they are read again and again.
  bool remember = true;
  std::vector<OlderRow>* older = nullptr;  // gets those that were left alone; may be null
};
struct EventRow {
  std::string root_key;
  int32_t entity = -1;  // owner
  std::string owner_key;
  Instant at = 0;
  int32_t type = -1;
  std::string source, external_id;
  std::vector<int64_t> slots;
};
struct ImportCounts {
  int64_t inserted = 0, changed = 0, unchanged = 0, duplicates = 0, set_aside = 0;
  int64_t older = 0;    // rows that say something else than what is known as of later, and are left alone
  int64_t differs = 0;  // events that are known with other content, and are left alone
};
/// A row that was not taken, with the reason (table quarantine).
struct SetAside {
  std::string kind;    // "row", "event", "case"
  std::string where;   // file:line, or the key
  std::string reason;  // one sentence
  std::string body;    // the row as it came, JSON
  Instant at = 0;
};

struct BundleVersion {
  int32_t number = 0;
  std::string name, content_hash, author;
  Instant activated_at = 0;
  bool active = false;
};

/// A case file's step on its way into the database.
struct CaseCommit {
  const engine::CaseFile* case_file = nullptr;
  const engine::StepResult* result = nullptr;
};

/// A task as people look at it.
struct TaskRow {
  std::string id, queue, entity, key, root_key, strategy, stage, rule, treatment, status, fields_json, outcome;
  int64_t priority = 0;
  Instant created_at = 0, not_before = 0, due = abi::never, done_at = 0;
};
struct TransitionRow {
  Instant at = 0;
  std::string from, to, rule, where;  // "soft.calling"
};
struct FunnelRow {
  std::string strategy, stage;
  int64_t count = 0;
};

/// A request as people look at it: an approval, a place under a quota, a placement.
struct RequestRow {
  int64_t id = 0;
  std::string kind, name, entity, key, status, role, requester, payload_json, decided_by, reason, agency;
  Instant asked_at = 0, due = abi::never, lapses_at = abi::never, decided_at = abi::never, until = abi::never, over_at = abi::never;
  int64_t amount = 1;
};
/// What a person says to an approval.
struct Decision {
  int64_t request = 0;
  bool approve = false;
  std::string who, reason;
  Instant at = 0;
};

/// A place in the order of case files: by bucket, then by debtor.
struct Position {
  int32_t bucket = -1;
  int64_t debtor = INT64_MIN;
};

/// Case files on the way through look(): one list a program, the same case file in the same place of each.
struct Look {
  Position after;  // the last one seen; look() goes on behind it
  std::vector<std::vector<std::unique_ptr<engine::CaseFile>>> cases;
};

/// Who makes a version active, and why.
struct Activation {
  std::string author;
  Instant at = 0;
  std::string reason;
  /// Number of the version that must still be the active one (0: none); otherwise nothing is changed and the error is a conflict.
  std::optional<int32_t> replacing;
  /// From where: an address, or the machine of a command line. Empty: not known.
  std::string origin = {};
  /// A step back: the one it leaves is forgotten for the next step back, so that two of them do not turn in a circle.
  bool back = false;
  /// The waiting proposal that this carries out, and the second person who agreed to it. Where the database asks for a second person, nothing else goes.
  std::optional<int64_t> proposal = {};
  std::string approver = {};
};

/// Buckets first … last, both included.
struct BucketRange {
  int32_t first = 0, last = 0;
};

/// A scheduler that shares the case files of a database with others.
struct NodeOptions {
  std::string name;        // no two live nodes may have the same
  int lease_seconds = 10;  // after so long without a word the others take over
  bool keep_lease = true;  // renew it in a thread of its own; false only for tests, which then do it by hold_buckets()
};
struct NodeRow {
  std::string name;
  bool live = false;
  int32_t version = 0;  // that it steps with; 0: none yet
  int32_t buckets = 0;
};

/// A program with what the store needs to lay it out.
class Store {
 public:
  virtual ~Store() = default;

  // ---- set-up ----
  /// Creates or migrates the engine's tables. Refuses a schema newer than this program.
  virtual Result<void> migrate() = 0;
  /// Makes tables for the program's entities (adds columns and tables; never drops), remembers names of its events, stages, queues.
  virtual Result<void> prepare(const checked::Program& program) = 0;
  /// Stores sources and makes this the active version; the same hash again changes nothing. A new version steps every case once.
  virtual Result<BundleVersion> activate(const checked::Program& program, const BundleSources& sources, const Activation& activation) = 0;
  Result<BundleVersion> activate(const checked::Program& program, const BundleSources& sources, const std::string& author, Instant at) {
    return activate(program, sources, Activation{.author = author, .at = at, .reason = {}, .replacing = {}});
  }
  /// Makes room for a program that is to be looked at before it is prepared: new tables and columns, empty, which the running version does not see.
  /// Says what prepare() and activate() would refuse about the portfolio.
  virtual Result<void> make_room(const checked::Program& program) = 0;
  virtual Result<std::vector<BundleVersion>> versions() = 0;
  /// Number of the version that a step back leads to: the one before the active one in the order of activations, without those that were stepped back
  /// from. 0: none.
  virtual Result<int32_t> version_before() = 0;
  virtual Result<BundleSources> sources_of(int32_t version) = 0;

  // ---- data in ----
  /// Inserts or updates; only rows whose values differ mark their case file for a step. The as-of is kept for the past.
  virtual Result<ImportCounts> put_rows(const checked::Program& program, const std::vector<InstanceRow>& rows, const Arrival& arrival) = 0;
  Result<ImportCounts> put_instances(const checked::Program& program, const std::vector<InstanceRow>& rows, Instant as_of) {
    return put_rows(program, rows, Arrival{.as_of = as_of});
  }
  /// The latest instant at which anything was stepped; nothing: nothing was.
  virtual Result<std::optional<Instant>> reached() = 0;
  virtual Result<ImportCounts> post_events(const checked::Program& program, const std::vector<EventRow>& rows) = 0;
  virtual Result<void> set_aside(const std::vector<SetAside>& rows) = 0;
  virtual Result<std::vector<SetAside>> quarantine(int64_t limit) = 0;
  /// What was set aside of one instance, newest first: events that were refused, and its case file after a fault.
  virtual Result<std::vector<SetAside>> quarantine_of(const std::string& entity, const std::string& key, int64_t limit) = 0;

  // ---- tables of the bank (`entity … from table "crm.accounts"`): read, never written ----
  /// Names of the columns of a table or view, in their order. An input error if it is not there or this role may not read it.
  virtual Result<std::vector<std::string>> bank_columns(const std::string& table);
  /// Values as text; a missing one is nullopt.
  using BankRow = std::vector<std::optional<std::string>>;

  // ---- stepping ----
  /// After a pass at `now`: case files that its loads have set aside because they could not be read: why, and how many. What was set aside before and has been
  /// stepped well since is resolved.
  virtual Result<std::map<std::string, int64_t>> end_pass(Instant now);
  /// Buckets that have at least one case file to step at `now`: woken, with new events due, changed data, or under an old version. `full`: all with cases.
  virtual Result<std::vector<int32_t>> buckets_to_step(Instant now, bool full) = 0;
  /// Loads the case files of a bucket that are to be stepped, at most `limit`, in debtor order after `after_debtor` (INT64_MIN: from the start).
  /// Calls `take` for each with a case file that is good only during the call … unless it is moved out of `pool`.
  virtual Result<std::vector<std::unique_ptr<engine::CaseFile>>> load(const checked::Program& program, int32_t bucket, Instant now, bool full,
                                                                      int64_t after_debtor, size_t limit,
                                                                      std::vector<std::unique_ptr<engine::CaseFile>>& pool) = 0;
  /// All steps of one bucket in one transaction: states, tasks, consumed events, transitions, decisions, set-aside cases. All or nothing.
  virtual Result<void> commit(const checked::Program& program, int32_t bucket, const std::vector<CaseCommit>& steps, Instant now) = 0;
  /// The same over all buckets: case files to be stepped in (bucket, debtor) order after `after`, at most `limit`. A quiet day has a few in each of
  /// a thousand buckets; asking for them bucket by bucket would cost more than stepping them. Use this and commit_all() unless buckets are leased.
  /// `last_bucket`: no further than the end of this one.
  virtual Result<std::vector<std::unique_ptr<engine::CaseFile>>> load_awake(const checked::Program& program, Instant now, bool full, Position after,
                                                                            size_t limit, std::vector<std::unique_ptr<engine::CaseFile>>& pool,
                                                                            int32_t last_bucket = engine::bucket_count - 1);
  /// Steps of any buckets, in the order load_awake() gave them, in one transaction. All or nothing.
  virtual Result<void> commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now);
  /// The next case files as they are now, for each of the programs, out of one snapshot: nothing is locked, and nothing of it may be committed.
  /// In (bucket, debtor) order, those set aside too. Takes the case files in `look` for its own use; none: the end.
  virtual Result<void> look(const std::vector<const checked::Program*>& programs, Look& look, size_t limit) = 0;
  /// Earliest wake over all case files (never if none), so that a virtual clock can jump.
  virtual Result<Instant> next_wake(Instant after) = 0;

  // ---- experiments ----
  /// `promote` (or `stop`, with an empty arm) from this instant on, with an entry in the audit. An input error if the experiment is ordered so already.
  virtual Result<void> order_experiment(const engine::ExperimentOrder& order, const std::string& author, const std::string& reason) = 0;
  /// All orders, the oldest first.
  virtual Result<std::vector<engine::ExperimentOrder>> experiment_orders() = 0;
  /// Who was drawn into which arm; arms are known by name, whatever version is active.
  struct ArmRow {
    std::string experiment, arm;
    int64_t enrolled = 0;
    Instant first_at = 0, last_at = 0;
  };
  virtual Result<std::vector<ArmRow>> experiment_arms() = 0;
  /// What queues do by themselves, between passes: day lists are filled, registers of a batch are made, who is late is told. Doing it twice does
  /// nothing twice. A store without workers has nothing to do.
  virtual Result<void> tend_queues(Instant now);

  // ---- what steps ask for ----
  /// Requests of a kind ("approval", "quota", "allocation"; empty: all) and a status (empty: any), the oldest first.
  virtual Result<std::vector<RequestRow>> requests(const std::string& kind, const std::string& status, int64_t limit) = 0;
  /// A person decides on an approval; the answer is an event of the next step. False: decided so before, by the same person. An input error if it is not
  /// open, or if this person may not.
  virtual Result<bool> decide(const checked::Program& program, const Decision& decision) = 0;
  /// One pass over the open requests of one quota or allocation: what it grants changes the request and puts the event into the inbox, in one transaction;
  /// nobody else counts meanwhile. Returns the number of answers. Conflict: another version is active.
  virtual Result<int64_t> grant(const checked::Program& program, const engine::GrantPass& pass, Instant now) = 0;

  // ---- several nodes ----
  /// Makes this store's user one of the nodes that share the case files, or keeps it one: gives back what is beyond its share, takes what is free or whose
  /// node is gone. Returns what is held now. To be called between passes; from the first call on a commit is a conflict if another node has taken one of its
  /// buckets. `version`: what it steps with, for others to see. Conflict: a live node has this name. A store for one process returns all.
  virtual Result<std::vector<BucketRange>> hold_buckets(const NodeOptions& node, int32_t version);
  /// Gives everything back at once.
  virtual Result<void> leave_buckets();
  virtual Result<std::vector<NodeRow>> nodes();

  // ---- reading ----
  virtual Result<std::vector<FunnelRow>> funnel() = 0;
  /// By priority, then by age. An empty queue or status means any.
  virtual Result<std::vector<TaskRow>> tasks(const std::string& queue, const std::string& status, int64_t limit) = 0;
  /// (queue, stage, rule) -> number of tasks ever created in [from, to).
  struct TaskCount {
    std::string queue, strategy, stage, rule, treatment;
    int64_t created = 0, open = 0;
  };
  virtual Result<std::vector<TaskCount>> task_counts(Instant from, Instant to) = 0;
  /// One case file by the key of any instance of `entity`, with data and history as known at `at` (nullopt: now) and the state it had then.
  virtual Result<std::unique_ptr<engine::CaseFile>> load_case(const checked::Program& program, const std::string& entity, const std::string& key,
                                                              std::optional<Instant> at) = 0;
  virtual Result<std::vector<TransitionRow>> transitions(const std::string& entity, const std::string& key) = 0;
  virtual Result<std::vector<TaskRow>> tasks_of(const std::string& entity, const std::string& key) = 0;
  /// What rules have noted about an instance and whom they have told, oldest first.
  struct NoteRow {
    Instant at = 0;
    std::string whom;  // empty: a note
    std::string text;
  };
  virtual Result<std::vector<NoteRow>> notes(const std::string& entity, const std::string& key) = 0;
  /// Decision records of an instance, newest first: (at, rule, what was read) as JSON lines. `until`: those made by then; abi::never: all.
  virtual Result<std::vector<std::string>> decisions(const std::string& entity, const std::string& key, int64_t limit, Instant until) = 0;
  /// Visits every case file (for reports: roll rates). Not stepped, not locked.
  virtual Result<void> for_each_case(const checked::Program& program, Instant at, const std::function<void(engine::CaseFile&)>& visit) = 0;

  /// What is there, for `doctor`: (name, good, what was found).
  struct Finding {
    std::string name;
    bool good = true;
    std::string detail;
  };
  /// How many rows are looked at: as many as about a second allows, or all, in the time it takes.
  enum class Depth { sample, whole };
  virtual Result<std::vector<Finding>> inspect(Depth depth) = 0;
};

}  // namespace dunlin::store
