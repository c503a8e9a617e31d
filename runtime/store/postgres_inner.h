// The PostgreSQL store from the inside. Which file does what: README.md.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/store/bulk_binary.h"
#include "runtime/store/business_clock.h"
#include "runtime/store/definitions.h"
#include "runtime/store/embedded.h"
#include "runtime/store/layout.h"
#include "runtime/store/older_versions.h"
#include "runtime/store/postgres_errors.h"
#include "runtime/store/postgres_nodes.h"
#include "runtime/store/postgres_store.h"
#include "runtime/store/step_log.h"

namespace pqxx {
class result;
}

namespace dunlin::store {

using Cases = std::vector<std::unique_ptr<engine::CaseFile>>;

/// A row of the inbox that a load has read and the commit of the same step has to delete.
struct InboxMark {
  Instant at;
  int64_t seq;
};
/// A new event of a type that the program does not have, as it lies in dunlin.event.
struct StrangeEvent {
  Instant at = 0;
  int64_t seq = 0;
  int32_t type = 0;                                // number of its name
  int32_t owner = -1;                              // position in the case file
  std::string source, external_id, body, payload;  // one of the last two is empty
};
/// What a load knows of a case file and the case file itself does not say.
struct LoadedCase : engine::StoreMemory {
  const void* loader = nullptr;                             // the store that may commit it; null: nobody, or it is committed already
  std::vector<InboxMark> marks;                             // changed data, and events of instances that are not there
  std::vector<StrangeEvent> strange;                        // set aside with the step
  std::vector<int64_t> stated;                              // instances that have a row in dunlin.state
  std::vector<std::pair<engine::TaskId, int32_t>> orphans;  // open tasks of queues (by number) that this program does not have
  std::string damage;                                       // why it cannot be stepped; empty: it can
  bool awake = true;                                        // by its wake or its version; the inbox may still wake it
  int32_t version = 0;                                      // that stepped it last
  int32_t month = 0;                                        // that it was stepped in last
  int32_t read_in = 0;                                      // the month of this reading
  Instant wake_at = abi::never;                             // as it stood when it was read
  bool news_of_tasks = false;                               // a task was put into it by somebody else than a step
  int64_t history_to = 0;                                   // highest arrival among its events
  std::vector<std::pair<int64_t, std::string>> bodies;      // states as stored, if the record of the step is a whole one
  std::string reading;                                      // of the record of the step: append_reading()

  void forget() {
    loader = nullptr;
    marks.clear();
    strange.clear();
    stated.clear();
    orphans.clear();
    damage.clear();
    awake = true;
    version = 0;
    month = 0;
    read_in = 0;
    wake_at = abi::never;
    news_of_tasks = false;
    history_to = 0;
    bodies.clear();
    reading.clear();
  }
};

/// Conditions of SQL. after_sql: what follows a place, up to the end of a bucket, as an index answers it.
std::string after_sql(const std::string& bucket, const std::string& case_id, Position after, int32_t last_bucket);
/// Whether a case file has slept out or was last stepped under another version; true if `version` is nothing.
std::string awake_sql(const std::optional<int32_t>& version, Instant now);

class PostgresStore final : public Store, public StepLog, public BusinessClock, public OlderVersions, public Definitions {
 public:
  PostgresStore(std::unique_ptr<EmbeddedServer> server, std::string url, const PostgresOptions& options);
  ~PostgresStore() override;

  Result<void> open();

  Result<void> migrate() override;
  Result<void> prepare(const checked::Program& program) override;
  Result<BundleVersion> activate(const checked::Program& program, const BundleSources& sources, const Activation& activation) override;
  Result<void> make_room(const checked::Program& program) override;
  Result<void> look(const std::vector<const checked::Program*>& programs, Look& look, size_t limit) override;
  Result<std::vector<BundleVersion>> versions() override;
  Result<int32_t> version_before() override;
  Result<BundleSources> sources_of(int32_t version) override;
  Result<std::vector<OlderVersions::Standing>> standing() override;
  void leads_back_to(int32_t version) override { back_to_ = version; }

  Result<ImportCounts> put_rows(const checked::Program& program, const std::vector<InstanceRow>& rows, const Arrival& arrival) override;
  Result<std::optional<Instant>> reached() override;
  Result<ImportCounts> post_events(const checked::Program& program, const std::vector<EventRow>& rows) override;
  Result<void> set_aside(const std::vector<SetAside>& rows) override;
  Result<std::vector<SetAside>> quarantine(int64_t limit) override;
  Result<std::vector<SetAside>> quarantine_of(const std::string& entity, const std::string& key, int64_t limit) override;
  Result<std::vector<std::string>> bank_columns(const std::string& table) override;

  Result<std::vector<int32_t>> buckets_to_step(Instant now, bool full) override;
  Result<Cases> load(const checked::Program& program, int32_t bucket, Instant now, bool full, int64_t after_debtor, size_t limit, Cases& pool) override;
  Result<Cases> load_awake(const checked::Program& program, Instant now, bool full, Position after, size_t limit, Cases& pool, int32_t last_bucket) override;
  Result<std::map<std::string, int64_t>> end_pass(Instant now) override;
  Result<void> commit(const checked::Program& program, int32_t bucket, const std::vector<CaseCommit>& steps, Instant now) override;
  Result<void> commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) override;
  Result<Instant> next_wake(Instant after) override;
  Result<void> order_experiment(const engine::ExperimentOrder& order, const std::string& author, const std::string& reason) override;
  Result<std::vector<engine::ExperimentOrder>> experiment_orders() override;
  Result<std::vector<ArmRow>> experiment_arms() override;
  Result<std::vector<RequestRow>> requests(const std::string& kind, const std::string& status, int64_t limit) override;
  Result<bool> decide(const checked::Program& program, const Decision& decision) override;
  Result<int64_t> grant(const checked::Program& program, const engine::GrantPass& pass, Instant now) override;
  Result<std::vector<BucketRange>> hold_buckets(const NodeOptions& node, int32_t version) override;
  Result<void> tend_queues(Instant now) override;
  Result<void> leave_buckets() override;
  Result<ClockLook> look_at_clock(Instant business, const std::string& who) override;
  Result<Store::Finding> compare_definitions(const checked::Program& program) override;
  Result<ClockStand> clock_stand() override;
  Result<ClockState> clock_state() override;
  Result<std::string> confirm_clock(const std::string& who, const std::string& reason) override;
  Result<std::vector<NodeRow>> nodes() override;

  Result<std::vector<FunnelRow>> funnel() override;
  Result<std::vector<TaskRow>> tasks(const std::string& queue, const std::string& status, int64_t limit) override;
  Result<std::vector<TaskCount>> task_counts(Instant from, Instant to) override;
  Result<std::unique_ptr<engine::CaseFile>> load_case(const checked::Program& program, const std::string& entity, const std::string& key,
                                                      std::optional<Instant> at) override;
  Result<std::vector<TransitionRow>> transitions(const std::string& entity, const std::string& key) override;
  Result<std::vector<TaskRow>> tasks_of(const std::string& entity, const std::string& key) override;
  Result<std::vector<NoteRow>> notes(const std::string& entity, const std::string& key) override;
  Result<std::vector<std::string>> decisions(const std::string& entity, const std::string& key, int64_t limit, Instant until) override;
  Result<void> for_each_case(const checked::Program& program, Instant at, const std::function<void(engine::CaseFile&)>& visit) override;
  Result<std::vector<Finding>> inspect(Depth depth) override;

  Result<void> step_batches(int32_t bucket, const std::function<Result<void>(const StepBatch&)>& take) override;
  Result<std::vector<RecordedEvent>> recorded_events(const checked::Program& program, const SlotPlan& plan, int32_t bucket) override;
  Result<Cases> case_files_of(const checked::Program& program, int32_t bucket) override;
  bool has_news_of_tasks(const engine::CaseFile& case_file) const override;

 private:
  /// Where an instance is.
  struct Place {
    int32_t bucket = 0;
    int64_t case_id = 0, id = 0;
  };
  /// Case files to load: a list of them, or all of a stretch.
  struct Selection {
    Instant now = 0;               // history and inbox end here
    bool past = false;             // data, states and tasks as they were at `now`
    bool stepping = false;         // leave out what is set aside; remember what the commit will need
    int32_t version = 0;           // of the program that steps them
    std::optional<int32_t> awake;  // only what is to be stepped at `now` under this version (0: never mind the version)
    std::vector<Place> cases;      // id: not used; in (bucket, case) order
    bool range = false;            // no list, but all in …
    Position after;                // … what follows this,
    int32_t last_bucket = 0;       // up to the end of this bucket,
    size_t limit = 0;              // at most so many (0: all)
    size_t rows_seen = 0;          // filled by the load of a stretch
    Position last_seen;
  };
  /// The way through the case files of one night: how many are awake in each bucket, and how far it has come.
  struct Ahead {
    bool known = false;
    Instant now = 0;
    bool full = false;
    int32_t last_bucket = -1;
    Position given;                     // the last one handed out: who asks for what follows it is on this way
    Position done;                      // up to here nothing is left
    std::vector<int64_t> awake, total;  // by bucket; empty if all is in one list
    int64_t listed_max = 0;             // so many awake case files in one list
    std::vector<Place> cases;           // of the stretch under way, if few in it are awake
    size_t next = 0;
    Position stretch_end;
  };
  struct Loading;  // one load under way

  // ---- postgres_store.cpp ----
  using Work = std::function<void(class SmallWork&)>;
  /// Runs small statements in one transaction of libpqxx; what it throws becomes an error for people.
  Result<void> small(std::string_view doing, const Work& work);
  void connect_small();
  Result<BulkConnection*> alive(std::unique_ptr<BulkConnection>& connection);
  /// Runs `work` between BEGIN and COMMIT on a connection of its own; rolls back when it fails. May be called from several threads.
  /// `begin`: may say more than that in the same round trip, and ask for the clock last.
  Result<void> write(const std::function<Result<void>(BulkConnection&)>& work, const char* begin = "begin");
  Result<void> write_on(BulkConnection& open, const std::function<Result<void>(BulkConnection&)>& work, const char* begin);
  Result<void> read(const std::function<Result<void>(BulkConnection&)>& work);

  // ---- postgres_program.cpp ----
  /// As of the last activation that versions() saw: another version may have brought names. Whoever has one keeps it as long as needed.
  Result<std::shared_ptr<const Layout>> layout_of(const checked::Program& program);
  Result<int32_t> version_of(const checked::Program& program);
  Result<void> check_rows(const checked::Program& program, const Layout& layout);
  Result<Place> place_of(const std::string& entity, const std::string& key);

  // ---- postgres_import.cpp ----
  Result<std::vector<SetAside>> quarantined(const std::string& where, int64_t limit);
  Result<void> put_entity(BulkConnection& connection, const Layout& layout, int32_t entity, const std::vector<const InstanceRow*>& rows, const Arrival& arrival,
                          ImportCounts& counts);

  // ---- postgres_load.cpp ----
  Result<Cases> load_selected(BulkConnection& connection, const Layout& layout, Selection& selection, Cases& pool);

  // ---- postgres_select.cpp ----
  Result<void> count_awake(BulkConnection& connection, int32_t version, Position after);
  Result<bool> list_awake(BulkConnection& connection, int32_t version, Position after, int32_t last_bucket);
  Result<void> look_ahead(BulkConnection& connection, int32_t version, Position after);
  Result<void> select_next(BulkConnection& connection, int32_t version, size_t limit, Selection& selection);
  Result<void> set_damaged_aside(const std::vector<SetAside>& damaged);
  Result<Cases> load_from(const checked::Program& program, Instant now, bool full, Position after, int32_t last_bucket, size_t limit, Cases& pool);

  // ---- postgres_commit.cpp ----
  Result<std::vector<const CaseCommit*>> lock_free(BulkConnection& connection, const std::vector<const CaseCommit*>& steps);

  // ---- postgres_nodes.cpp ----
  StoreError why_fenced(BulkConnection& connection, int32_t version, const StoreError& said);

  // ---- postgres_read.cpp ----
  Result<std::vector<TaskRow>> read_tasks(const std::string& condition, const std::string& order, int64_t limit);

  std::unique_ptr<EmbeddedServer> server_;
  std::string url_, application_name_;
  const int64_t listed_max_;
  std::unique_ptr<BulkConnection> reader_;
  std::vector<std::unique_ptr<BulkConnection>> writers_;  // those that nobody uses just now
  struct Small;
  std::unique_ptr<Small> small_;
  struct Known {
    std::string content_hash;
    int64_t activation = 0;
    std::shared_ptr<const Layout> layout;
    int32_t version = 0;  // 0: not looked up
  };
  std::mutex guard_;  // a load and several commits may run at the same time, each in its thread
  std::unordered_map<const checked::Program*, Known> known_;
  int64_t activation_ = 0;                                         // the last one that was seen
  std::map<std::string, int64_t> unreadable_;                      // since the last pass: why, and how many
  std::optional<std::chrono::steady_clock::time_point> resolved_;  // when it was last looked what has been stepped well again
  Ahead ahead_;
  std::unique_ptr<HeldBuckets> node_;  // null: this process is no node
  int32_t back_to_ = 0;                // of the next step back; 0: to the version itself
};

}  // namespace dunlin::store
