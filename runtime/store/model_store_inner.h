// What the model store keeps. Which file does what: README.md.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/store/model_store.h"
#include "runtime/store/older_versions.h"
#include "runtime/store/step_log.h"

namespace dunlin::store {

using Cases = std::vector<std::unique_ptr<engine::CaseFile>>;

/// Field name and type -> encoded value. A field that changed its type is another field.
using Values = std::map<std::string, std::string>;
Values freeze(const checked::Program& program, const std::vector<checked::Field>& fields, const int64_t* slots);
void thaw(const checked::Program& program, const std::vector<checked::Field>& fields, const Values& values, abi::Arena& arena, int64_t* slots);

/// Data of an instance from an instant on, until the next.
struct StoredData {
  Instant since = 0;
  int64_t parent = 0;
  Values values;
};
struct StoredState {
  int32_t version = 0;
  std::string strategy, stage;  // "soft", "soft.calling"; empty: none
  Instant entered_at = 0, wake_at = abi::never;
  int64_t step_number = 0;
  std::string body;
};
struct StoredInstance {
  std::string entity, key;
  int32_t depth = 0;
  std::vector<StoredData> data;  // oldest first; the last one is in force
  Instant known = INT64_MIN;     // a row has said the same as of then
  bool stated = false;
  StoredState state;
  std::vector<std::pair<Instant, StoredState>> past_states;  // (until, what it was)
};
struct StoredEvent {
  int64_t arrival = 0;
  Instant at = 0;
  int64_t owner = 0;
  std::string type;
  Values values;
  std::string source, external_id;
  bool waiting = true;
  bool raised = false;
};
struct StoredTask {
  engine::OpenTask task;  // numbers of queue, stage and instance are not used
  std::string queue, stage;
  int64_t instance = 0;
  Values fields;
  TaskRow row;  // as people see it
  bool open = true;
};
struct StoredDecision {
  Instant at = 0;
  int64_t instance = 0;
  std::string line;
};
struct StoredNote {
  Instant at = 0;
  engine::NoteEffect effect;
};

struct StoredArm {
  int64_t instance = 0;
  std::string experiment, arm;
  int32_t draw = 0;
  Instant at = 0;
};

struct StoredRequest {
  std::pair<int32_t, int64_t> place;  // of the case file
  int64_t instance = 0;
  std::string event;  // the name of `asked`
  Values asked;       // its fields
  std::string cause, shares;
  bool never_requester = false;
  std::vector<int64_t> order;
  int64_t length = 0;
  RequestRow row;  // as people see it
};

struct StoredCase {
  int32_t bucket = 0;
  int64_t id = 0;
  std::string root_key;
  int64_t step_number = 0;
  int32_t version = 0;
  Instant wake_at = INT64_MIN;
  bool set_aside = false, data_changed = false;
  int32_t month = INT32_MIN;  // of the last step: its first record there is whole
  int64_t changes = 0;        // of data, ever
  std::map<int64_t, StoredInstance> instances;
  std::vector<StoredEvent> events;  // in order of arrival
  std::vector<StoredTask> tasks;    // in order of creation
  std::vector<std::pair<int64_t, TransitionRow>> transitions;
  std::vector<StoredDecision> decisions;
  std::vector<StoredArm> arms;
  std::vector<std::pair<int64_t, StoredNote>> notes;
};

struct ModelDatabase::Inner {
  std::mutex guard;
  std::map<std::pair<int32_t, int64_t>, StoredCase> cases;  // by (bucket, debtor)
  std::map<int64_t, StoredCase*> by_instance;
  std::set<std::tuple<std::string, std::string, int64_t>> event_keys;            // source, external id, instance
  std::set<std::tuple<std::string, std::string, std::string>> events_set_aside;  // source, external id, entity and key
  int64_t arrivals = 0;
  std::vector<BundleVersion> versions;
  std::vector<BundleSources> sources;
  struct Activated {
    int32_t version = 0;
    size_t before = 0;  // position in this list, from 1, of the activation that a step back leads to; 0: nowhere
  };
  std::vector<Activated> activations;
  std::vector<SetAside> quarantine;
  std::map<int64_t, StoredRequest> requests;
  std::string prepared;
  std::map<std::string, std::string> event_queues;  // of every event that a prepared version has: whose outcome it is; empty: none
  std::vector<engine::ExperimentOrder> orders;      // by their instants
  std::map<int32_t, std::vector<StepBatch>> steps;  // by bucket
  struct Bucket {
    std::string node;
    int64_t epoch = 0;
  };
  std::map<int32_t, Bucket> buckets;  // one that is missing has no node yet
  struct Node {
    const void* life = nullptr;  // the store that has the name
    Instant until = 0;
    int32_t version = 0;
  };
  std::map<std::string, Node> nodes;
  std::optional<Instant> clock;
  std::optional<Instant> reached;  // the latest step
  ModelDatabase::Mistake mistake = ModelDatabase::Mistake::none;

  Instant now() const;
  bool live(const std::string& node) const;
  /// Whose outcome an event is, in the words of the last version that had it as one; empty: none; nothing: nobody knows.
  std::optional<std::string_view> queue_of_event(const std::string& event) const;
  bool makes(ModelDatabase::Mistake wanted) const { return mistake == wanted; }
};

/// What a load knows and the commit of the same step wants.
struct ModelLoaded : engine::StoreMemory {
  int64_t changes = 0;   // of data, that it has seen
  int64_t arrivals = 0;  // of events, anywhere
  int32_t month = 0;     // of the reading
  std::string reading;
};

class ModelStore final : public Store, public StepLog, public OlderVersions {
 public:
  explicit ModelStore(std::shared_ptr<ModelDatabase> database) : database_(std::move(database)), data_(database_->inner()) {}

  Result<void> migrate() override { return {}; }
  Result<void> prepare(const checked::Program& program) override;
  Result<BundleVersion> activate(const checked::Program& program, const BundleSources& sources, const Activation& activation) override;
  Result<void> make_room(const checked::Program&) override { return {}; }
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

  Result<std::vector<int32_t>> buckets_to_step(Instant now, bool full) override;
  Result<Cases> load(const checked::Program& program, int32_t bucket, Instant now, bool full, int64_t after_debtor, size_t limit, Cases& pool) override;
  Result<void> commit(const checked::Program& program, int32_t bucket, const std::vector<CaseCommit>& steps, Instant now) override;
  Result<void> commit_all(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now) override;
  Result<Instant> next_wake(Instant after) override;
  Result<std::vector<BucketRange>> hold_buckets(const NodeOptions& node, int32_t version) override;
  Result<void> leave_buckets() override;
  Result<std::vector<NodeRow>> nodes() override;

  Result<void> order_experiment(const engine::ExperimentOrder& order, const std::string& author, const std::string& reason) override;
  Result<std::vector<engine::ExperimentOrder>> experiment_orders() override;
  Result<std::vector<ArmRow>> experiment_arms() override;

  Result<std::vector<RequestRow>> requests(const std::string& kind, const std::string& status, int64_t limit) override;
  Result<bool> decide(const checked::Program& program, const Decision& decision) override;
  Result<int64_t> grant(const checked::Program& program, const engine::GrantPass& pass, Instant now) override;

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

 private:
  using Lock = std::lock_guard<std::mutex>;
  int32_t active_version() const;
  /// Why a commit to these buckets is not taken; nothing: it is.
  std::optional<StoreError> fenced(const std::vector<CaseCommit>& steps) const;
  bool to_be_stepped(const StoredCase& stored, Instant now, bool full) const;
  bool put(const checked::Program& program, const InstanceRow& row, const Arrival& arrival, ImportCounts& counts, std::string& reason);
  void fill(const checked::Program& program, const StoredCase& stored, Instant now, bool past, engine::CaseFile& case_file) const;
  void keep_records(const checked::Program& program, const std::vector<CaseCommit>& steps, Instant now);
  void set_strange_aside(const checked::Program& program, StoredCase& stored, int64_t arrivals, Instant now);
  void keep_step(const checked::Program& program, StoredCase& stored, const CaseCommit& step, Instant now);
  void keep_task(const checked::Program& program, StoredCase& stored, const engine::CaseFile& case_file, const engine::TaskEffect& effect, Instant now);
  void keep_reading(const checked::Program& program, const StoredCase& stored, Instant now, engine::CaseFile& case_file);
  const SlotPlan& slots_of(const checked::Program& program);
  void keep_request(const checked::Program& program, StoredCase& stored, const engine::CaseFile& case_file, const engine::RequestEffect& effect);
  void answer(const checked::Program& program, StoredRequest& request, int32_t event, const std::vector<int64_t>& slots, const std::string& source, Instant at);
  StoredCase* find_case(const std::string& entity, const std::string& key);

  std::shared_ptr<ModelDatabase> database_;
  ModelDatabase::Inner& data_;
  const checked::Program* planned_ = nullptr;  // whose slots plan_ is of
  std::string planned_hash_;
  std::string node_;                   // empty: this store is no node
  std::map<int32_t, int64_t> epochs_;  // of the buckets it holds
  std::unique_ptr<SlotPlan> plan_;
  int32_t back_to_ = 0;  // of the next step back; 0: to the version itself
};

}  // namespace dunlin::store
