// The step: (case file, new events, now) -> (case file', effects, wake instant). Pure: no clock, no I/O, no chance.
// docs/semantics.md, "A step", is its specification, line by line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/case_file.h"
#include "runtime/engine/limit_line.h"

namespace dunlin::engine {

/// A value that a rule read, for decisions and explanations.
struct ValueRead {
  std::string name;   // "dpd", "debtor.bankrupt", "count(call within 7 days)"
  std::string value;  // Dunlin text
};

struct Transition {
  int32_t instance = -1;
  int32_t from_strategy = -1, from_stage = -1;
  int32_t to_strategy = -1, to_stage = -1;  // to_stage may be final
  Instant at = 0;
  uint64_t rule = 0;  // 0: enrolment
  std::string rule_name;
  Span where;
};

enum class TaskChange : uint8_t { create, update, withdraw, mark };  // mark: its reason is gone but somebody works on it
struct TaskEffect {
  TaskChange change = TaskChange::create;
  OpenTask task;       // as it is after the change
  std::string reason;  // withdraw, mark: why; create: name of the rule
  Span where;
};

struct EventEffect {  // handled or raised
  IncomingEvent event;
  bool raised = false;
  bool unhandled = false;  // nobody had a handler for it
  int32_t appended_type = -1;
};

/// An event that was not taken: it is in no history and nothing has seen it.
struct RefusedEvent {
  IncomingEvent event;
  std::string reason;  // one sentence
  Span where;          // the range or the condition that does not hold
};

struct OpenedInstance {
  int32_t entity = -1;
  int32_t parent = -1;  // position
  int64_t id = 0;
  std::vector<int64_t> slots;
};

struct NoteEffect {
  int32_t instance = -1;
  std::string text;
  std::string whom;  // empty for a note
};

/// An instance that was drawn into an arm of an experiment.
struct ArmDrawn {
  int32_t instance = -1;
  int32_t experiment = -1, arm = -1;  // checked::Trials
  int32_t draw = 0;                   // 0 … 9,999
  Instant at = 0;
};

/// What people have ordered about an experiment: from `at` on everybody who enrols gets this arm; an empty one: it is stopped, the control.
struct ExperimentOrder {
  std::string experiment, arm;
  Instant at = 0;
};

/// What became of a request: it was asked, it was answered, or the placement that answered it goes on or is over.
struct RequestEffect {
  enum class What : uint8_t { opened, answered, extended, over };
  What what = What::opened;
  int32_t request = -1;  // Program::requests
  int32_t instance = -1;
  int64_t id = 0;
  Instant at = 0;
  std::string status;  // answered: approved, declined, lapsed, granted, placed, withdrawn; over: ended, recalled
  std::string reason;
  Instant until = abi::never;  // placed, extended
  // opened
  std::vector<int64_t> slots;  // of the `asked` event
  Instant due = abi::never, lapses_at = abi::never;
  std::string role, requester;
  std::string cause;           // external id of the event it was asked upon; empty: none
  std::vector<int64_t> order;  // ascending; what comes first is granted first
  int64_t amount = 1;
  int64_t length = 0;  // of a placement, a duration; 0: without an end
};

/// A rule that did something, with what it had read: one line of the decision record.
struct Firing {
  int32_t instance = -1;
  uint64_t rule = 0;
  std::string rule_name;
  Span where;
  std::vector<ValueRead> read;
};

struct StepFault {
  abi::Fault fault = abi::Fault::none;
  std::string message;  // "overflow in `balance * rate`"
  std::string rule_name;
  int32_t instance = -1;
  Span where;
  std::vector<ValueRead> read;
};

struct StepResult {
  std::vector<Transition> transitions;
  std::vector<TaskEffect> tasks;
  std::vector<EventEffect> events;  // in the order they were handled
  std::vector<RefusedEvent> refused;
  std::vector<OpenedInstance> opened;
  std::vector<NoteEffect> notes;
  std::vector<RequestEffect> requests;
  std::vector<Firing> firings;
  std::vector<ArmDrawn> arms;
  std::vector<int32_t> changed;  // positions whose state differs from before (wake_at alone counts too)
  Instant wake_at = abi::never;  // of the case file: min over instances and held events
  /// What the keys in OpenTask::limits stand for; null: no task bears any.
  std::shared_ptr<const std::vector<LimitLines>> limit_lines;
  /// Set: nothing else in here is filled, the case file is as it was before, and it is to be set aside.
  std::optional<StepFault> fault;
  bool had_effect() const { return !transitions.empty() || !tasks.empty() || !events.empty() || !opened.empty() || !notes.empty(); }
  void clear();
};

/// What the step tells a listener while it goes: for `explain` and coverage. Every call is optional to override.
class StepListener {
 public:
  virtual ~StepListener() = default;
  virtual void rule_tried(int32_t /*instance*/, const checked::Rule& /*rule*/, checked::RootId /*condition*/, bool /*held*/) {}
  virtual void rule_fired(int32_t /*instance*/, const checked::Rule& /*rule*/) {}
  virtual void timer(int32_t /*instance*/, const checked::Rule& /*rule*/, Instant /*anchor*/, Instant /*due*/, bool /*done*/) {}
  /// An open task may not be handed out before `until` (never: as long as nothing changes) because of a limit.
  virtual void limited(const OpenTask& /*task*/, const checked::Limits& /*limits*/, const checked::LimitRule& /*rule*/, Instant /*until*/) {}
  /// An open task would go out at `free`, were there no caps; this cap is one that puts it off to `until` (never: as long as nothing changes).
  virtual void capped(const OpenTask& /*task*/, const checked::Limits& /*limits*/, const checked::LimitRule& /*rule*/, Instant /*free*/, Instant /*until*/) {}
  virtual void stage_entered(int32_t /*instance*/, int32_t /*stage*/) {}
};

struct StepOptions {
  int32_t version = 0;        // number of the bundle version, kept in states
  bool collect_reads = true;  // fill Firing::read
  StepListener* listener = nullptr;
  bool draw = true;                                      // false: nobody is drawn into an experiment; arms that an instance has stay its own
  const std::vector<ExperimentOrder>* orders = nullptr;  // in the order of their instants; null: none
};

/// Steps case files under one program. Holds no state between steps; one per thread.
class Stepper {
 public:
  /// All must outlive the stepper. `settings`: Program::setting_slots values.
  Stepper(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, std::vector<int64_t> settings);
  ~Stepper();

  /// Takes the events of case_file.inbox() with at <= now, in order of (at, arrival); later ones are held and stay in it.
  /// `result` is cleared first; reuse it to save allocations.
  void step(CaseFile& case_file, Instant now, StepResult& result, const StepOptions& options = {});

  /// Why limits forbid to hand out open task `task` of the case file at `now`; nothing: they do not. Other tasks count if somebody holds them.
  std::optional<std::string> refusal(CaseFile& case_file, size_t task, Instant now);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

/// Values of the settings as written in the bundle.
std::vector<int64_t> initial_settings(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, abi::Arena& arena);

}  // namespace dunlin::engine
