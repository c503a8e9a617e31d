// One case file in memory: a debtor, everything that hangs on it, its history, the state of every instance and its open tasks.
// Loaded by a store, changed only by step(), written back by a store. Knows no database.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::engine {

using Instant = int64_t;  // microseconds since 1970-01-01T00:00Z

/// 128 bits, from a hash of what the task is: the same cause gives the same id on every node and every run.
struct TaskId {
  uint64_t high = 0, low = 0;
  friend auto operator<=>(const TaskId&, const TaskId&) = default;
  std::string text() const;  // as a UUID
};

/// What a timer rule remembers, so that it fires once for each value of its anchor.
struct TimerMark {
  uint64_t rule = 0;       // Rule::key
  Instant anchor = 0;      // value of the anchor it last fired (or skipped) for
  int64_t occurrence = 0;  // `every`: last grid point dealt with, 1 = first; others: 1
  int64_t acted = 0;       // `every`: how often it acted in this visit (or in the strategy)
};

/// Where `go back` leads: a stage with its clocks.
struct StageVisit {
  int32_t stage = -1;
  Instant entered_at = 0;
  std::vector<TimerMark> marks;
};

/// The arm of an experiment that an instance was drawn into. By names, so that it outlives versions.
struct ArmTaken {
  uint64_t experiment = 0, arm = 0;  // hash_text of their names
  Instant at = 0;
  int32_t draw = -1;  // 0 … 9,999; -1: given to it by a `promote` or `stop`
  friend bool operator==(const ArmTaken&, const ArmTaken&) = default;
};

/// State of one instance in its strategy. `view` is what compiled expressions see; refresh_view() after a change.
struct InstanceState {
  int32_t strategy = -1;  // -1: never enrolled, or (after a final stage) see finished_strategy
  int32_t stage = -1;
  Instant entered_at = 0;
  Instant enrolled_at = 0;
  int32_t version = 0;  // number of the bundle version whose rules were last applied
  int64_t step_number = 0;
  bool may_enrol = true;  // false after a final stage until `enrol when` has been false once
  std::vector<int64_t> variables;
  std::vector<int32_t> new_variables;    // of the strategy, unknown to the version that wrote this state: step() gives them their initial value
  std::vector<int32_t> moved_variables;  // of the strategy, read from one that is gone (`migrate … = …`): step() works their value out
  std::vector<int32_t> visits;           // by stage of the program; empty means all zero
  std::vector<TimerMark> marks;
  std::vector<StageVisit> back;  // innermost last; at most 16 kept
  std::vector<ArmTaken> arms;    // one an experiment; they outlive the strategy
  /// What the text of its strategy and stage was when it was last stepped (checked::Transfers); 0: nobody asks.
  uint64_t strategy_text = 0, stage_text = 0;
  Instant wake_at = abi::never;
  abi::State view{};
};

enum class TaskStatus : uint8_t { ready, leased, done, withdrawn, expired, withheld };

/// A task that the store knows and that is still open when the case file is loaded.
struct OpenTask {
  TaskId id;
  uint64_t identity = 0;  // instance, strategy, queue, treatment, recipient
  uint64_t rule = 0;      // Rule::key of the rule that asked for it
  int32_t queue = -1;
  int32_t instance = -1;  // position in the case file
  int64_t recipient = 0;  // Instance::id; 0: none
  int32_t stage = -1;     // a one-off belongs to this stage; -1 for standing tasks
  bool standing = false;
  bool stays = false;
  bool marked = false;  // leased, and the reason for it is gone: its outcome is still accepted
  TaskStatus status = TaskStatus::ready;
  std::string treatment;
  Instant created_at = 0;
  Instant not_before = 0;
  Instant due = abi::never;
  Instant expires = abi::never;
  int64_t window = -1;  // packed time range, -1: any time
  int64_t priority = 0;
  std::vector<int64_t> fields;  // by the queue's slots; texts live in the case file's arena
  /// What limits say of it, for the hand-out to judge it again (docs/decisions/0012): a JSON array, a line each; empty: they do not judge it.
  std::string limits;
  Instant limits_until = abi::never;  // figures and conditions behind `limits` hold before this, if nothing happens
  /// Where the queue merges: its place among the open tasks that may go out with it by `lead by` (0 leads), and by how long its instance has been in
  /// its strategy (0: the longest); -1: there are no others.
  int32_t lead_rank = -1, age_rank = -1;
};

/// An event as it arrives. Texts in `slots` live in the case file's arena (or outlive the step).
struct IncomingEvent {
  Instant at = 0;
  int32_t type = -1;
  int32_t instance = -1;  // owner, position in the case file
  std::vector<int64_t> slots;
  std::string source, external_id;  // together unique; empty for raised events
  int64_t inbox_id = 0;             // row to delete when it is consumed; 0: none
};

struct RequestEvent;

/// An outcome in words that this version does not have: no query and no rule sees it, but it was a contact, and limits count it.
struct StrangeOutcome {
  const abi::Event* event = nullptr;  // read as the branch that it lies below
  bool reached = false;               // somebody was spoken to, as its words say
};

/// What the store that loaded a case file wants to find again when it is committed. The engine does not look at it.
struct StoreMemory {
  virtual ~StoreMemory() = default;
};

/// Owns the memory behind abi::CaseView. Reused from case to case: clear() keeps capacity.
class CaseFile {
 public:
  explicit CaseFile(const checked::Program& program);
  ~CaseFile();
  CaseFile(const CaseFile&) = delete;
  CaseFile& operator=(const CaseFile&) = delete;

  void clear();

  // ---- building: parents before children; finish() once when all is there ----
  /// Adds an instance with zeroed slots (optional fields missing). `id` is stable_id(entity, key). Returns its position.
  int32_t add_instance(int32_t entity, int32_t parent_position, int64_t id);
  int64_t* slots(int32_t position);  // to fill; valid until clear()
  const abi::Text* text(std::string_view bytes) { return arena_.text(bytes); }
  InstanceState& state(int32_t position) { return states_[position]; }
  const InstanceState& state(int32_t position) const { return states_[position]; }
  /// History known so far; in any order. `slots` are copied.
  void add_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count, bool cancelled = false);
  /// An outcome whose type the program does not have, read as `within`. In the order of their instants.
  void add_strange_outcome(Instant at, int32_t within, bool reached, int32_t owner_position, const int64_t* slots, size_t slot_count);
  std::vector<OpenTask>& tasks() { return tasks_; }
  /// New events that wait to be handled (future ones too).
  std::vector<IncomingEvent>& inbox() { return inbox_; }
  /// Sorts lists and history, links everything, makes the view.
  void finish();

  // ---- reading ----
  const abi::CaseView& view() const { return view_; }
  const checked::Program& program() const { return program_; }
  size_t instance_count() const { return instances_.size(); }
  abi::Instance& instance(int32_t position) { return *instances_[position]; }
  const abi::Instance& instance(int32_t position) const { return *instances_[position]; }
  const std::vector<OpenTask>& tasks() const { return tasks_; }
  const std::vector<StrangeOutcome>& strange_outcomes() const { return strange_outcomes_; }
  int32_t find(int64_t id) const;  // position or -1
  abi::Arena& arena() { return arena_; }

  int32_t bucket = 0;
  int64_t debtor_id = 0;
  int64_t step_number = 0;                    // for optimistic checks by the store
  int32_t strange_events = 0;                 // new events of types that the program does not have: the store sets them aside with the step
  std::unique_ptr<StoreMemory> store_memory;  // stays when cleared: the next load uses it again

  // ---- changing: only step() ----
  /// Puts an event into the visible history at its place in time and applies what it cancels.
  abi::Event* append_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count);
  /// Takes events out again: a step that failed leaves no trace.
  void remove_events(std::vector<const abi::Event*> events);
  /// Adds an instance to a finished case file, at its place in its parent's list. `slots` are copied.
  int32_t open_instance(int32_t entity, int32_t parent_position, int64_t id, const std::vector<int64_t>& slots);
  /// Takes the last opened instance out again.
  void remove_last_instance();
  void refresh_view(int32_t position);

 private:
  abi::Event* make_event(Instant at, int32_t type, int32_t owner_position, const int64_t* slots, size_t slot_count);
  void link_children();
  void link_history();
  void apply_cancels(int32_t owner_position);
  /// Which placements of holds were lifted, and when.
  void apply_lifts(int32_t owner_position);
  /// Which requests were answered and which placements are over.
  void apply_answers(int32_t owner_position);
  bool cancels_type(const std::vector<checked::Index>& cancels, int32_t type) const;
  bool cancel_from_end(const std::vector<abi::Event*>& own) const;
  void relink();
  std::vector<abi::Event*>& own_events(const abi::Instance& owner) { return own_events_[owner.position]; }

  const checked::Program& program_;
  abi::Arena arena_;
  std::vector<abi::Instance*> instances_;
  // Longer than instances_ when a bigger case file was here before: their memory is used again.
  std::vector<InstanceState> states_;
  std::vector<std::vector<abi::Event*>> own_events_;
  std::vector<abi::Event*> events_;
  std::vector<const abi::Event*> cancelled_from_outside_;
  std::vector<StrangeOutcome> strange_outcomes_;
  // What every instance and event of a type starts with: missing texts are empty ones.
  std::vector<std::vector<int64_t>> entity_blank_, event_blank_;
  std::vector<int32_t> no_visits_;
  bool has_cancels_ = false;
  std::vector<int32_t> hold_placed_, hold_lifted_;             // by event type: Program::holds, -1 if none; empty: there are no holds
  std::unique_ptr<std::vector<RequestEvent>> request_events_;  // null: there are no requests
  std::vector<OpenTask> tasks_;
  std::vector<IncomingEvent> inbox_;
  abi::CaseView view_{};
};

/// Stable identity of an instance: 63-bit hash of entity name and key text. A store refuses two keys with one id.
int64_t stable_id(std::string_view entity, std::string_view key);
/// The key of an instance as its owner writes it; an instance without a key is known by its id.
std::string key_text(const checked::Program& program, const abi::Instance& instance);
/// Bucket of a case file: 0 … bucket_count - 1.
constexpr int32_t bucket_count = 1024;
int32_t bucket_of(int64_t debtor_id);

}  // namespace dunlin::engine
