// One step while it goes. The parts stand in files of their own, each a part of docs/semantics.md, "A step":
//   step.cpp       the order of things, and taking everything back after a fault
//   run.cpp        evaluating, durations, keeping track of what changed
//   enrolment.cpp  who enters which strategy
//   events.cpp     handlers, inside out
//   stages.cpp     settling, entering and leaving
//   actions.cpp    what a rule does
//   timers.cpp     after, at, every
//   limits.cpp     when limits let a task go out; slots.cpp: the search for the instant
//   merge.cpp      which tasks go out together, and what of them counts once
//   hand_out.cpp   what the database needs to judge it again; limit_line.cpp: what all tasks share of that
//   holds.cpp      placing and ending holds, clocks that stand still
//   deadlines.cpp  last days, their warnings and suspensions
//   stage_orders.cpp  where supervisors have put an instance
//   run_letters.cpp  the letters that tasks bear
//   keeps.cpp      which standing tasks are wanted; keep_tasks.cpp: bringing the open ones in line
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"
#include "lang/sema/experiments.h"
#include "runtime/engine/event_judge.h"
#include "runtime/engine/holds.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/reads.h"
#include "runtime/engine/requests.h"
#include "runtime/engine/slots.h"
#include "runtime/engine/step.h"

namespace dunlin::checked {
struct MergePolicy;
}

namespace dunlin::engine {

/// Leaves a step that cannot go on. Never leaves the library.
struct StepAbort {
  StepFault fault;
};

class Run {
 public:
  Run(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, std::vector<int64_t> settings);
  void step(CaseFile& case_file, Instant now, StepResult& result, const StepOptions& options);
  std::optional<std::string> refusal(CaseFile& case_file, size_t task, Instant now);

 private:
  using Rule = checked::Rule;
  using Arguments = std::span<const int64_t>;

  /// A value of a root and, where the root wants one, the instant until which it holds.
  struct Value {
    const int64_t* slots;  // good until the next evaluation
    Instant wake;
  };
  /// A timer that is due.
  struct Candidate {
    const Rule* rule = nullptr;
    Instant anchor = 0;
    Instant due = abi::never;
    int64_t occurrence = 0;
  };
  /// What the step knows about an instance besides its state.
  struct Work {
    Instant wake = abi::never;       // of its conditions and timers
    Instant keep_wake = abi::never;  // of its standing tasks
    Candidate timer;
    bool dirty = true;     // something it may have read has changed since it was looked at
    bool touched = false;  // its state before the step is in the journal
  };
  struct Moment {
    bool known = false;
    bool is_date = false;
    int64_t date = 0;  // is_date
    Instant at = 0;
    Instant wake = abi::never;
  };
  /// A hold that came to its end by itself.
  struct HoldEnd {
    Instant at = abi::never;
    int32_t hold = -1, instance = -1;
  };
  /// What the clock does to a request or a placement.
  struct RequestEnd {
    Instant at = abi::never;
    int32_t request = -1, instance = -1;
    checked::Index event = checked::none;
    int64_t id = 0;
  };
  struct Grid {
    int64_t passed = 0;  // points up to now
    Instant first_open = abi::never, next = abi::never;
  };
  enum class Entry : uint8_t { go, back, restart, strategy };
  /// OpenTask::stage of a one-off while the rule that asked for it is still running.
  static constexpr int32_t just_created = -2;
  static constexpr int64_t no_duration = INT64_MIN;
  /// Candidate::occurrence of a deadline that begins or ends to be suspended.
  static constexpr int64_t suspends = -1, resumes = -2;

  // ---- step.cpp ----
  void begin(CaseFile& case_file, Instant now, StepResult& result, const StepOptions& options);
  void renew_state(int32_t i);
  void settle_and_run_timers();
  void finish();
  void wake_for_tasks();
  void finish_instance(int32_t i);
  void hold_later_events();
  void roll_back(StepFault fault);
  void take_back();

  // ---- run.cpp ----
  Value evaluate(checked::RootId root, int32_t i, const abi::Event* event = nullptr, Arguments arguments = {});
  bool holds(checked::RootId root, int32_t i, Instant& wake, const abi::Event* event = nullptr, Arguments arguments = {});
  int64_t whole_number(checked::RootId root, int32_t i, Instant& wake, Arguments arguments = {});
  const checked::Type& type_of(checked::RootId root) const { return program_.roots[root].type; }
  /// The value as a date or an instant; not known if it is optional and missing.
  Moment moment_of(const checked::Type& type, const Value& value);
  /// Copies a value into memory that lives as long as the case file.
  void keep_value(const checked::Type& type, const int64_t* from, int64_t* to);
  bool same_value(const checked::Type& type, const int64_t* a, const int64_t* b) const;
  std::string_view text_of(checked::RootId root, int32_t i, Instant& wake, const abi::Event* event = nullptr, Arguments arguments = {});
  [[noreturn]] void fail(abi::Fault fault, std::string message, Span where);
  void check(abi::Fault fault);
  int64_t date_of(Instant instant);
  Instant day_start(int64_t date);
  /// Calendar durations fall due at day start, exact ones to the microsecond.
  Instant counted_from(Instant anchor, int64_t duration);
  void touch(int32_t i);
  void facts_changed();
  void state_changed(int32_t i);
  InstanceState& state(int32_t i) { return case_->state(i); }
  const StagePlan* stage_plan(int32_t i);
  Firing& fired(int32_t i, const Rule& rule);
  void read_for(Firing& firing, checked::RootId root, const abi::Event* event = nullptr, Arguments arguments = {});
  void tell_tried(int32_t i, const Rule& rule, checked::RootId condition, bool held);

  // ---- enrolment.cpp ----
  void enrol_newcomers();
  bool try_enrol(int32_t i);
  bool may_enrol_again(int32_t i);
  bool any_strategy_wants(int32_t i, Instant& wake);
  void give_initial_value(int32_t i, const checked::Variable& variable);

  // ---- experiments.cpp ----
  int32_t first_stage_of(int32_t i, int32_t strategy);
  int32_t stage_in_arm(int32_t i, int32_t stage);
  bool is_inside(int32_t i, int32_t strategy);
  bool leads_away(int32_t i, int32_t stage);
  int32_t arm_of(int32_t i, int32_t experiment);
  int32_t draw_arm(int32_t i, int32_t experiment);
  bool is_taken_elsewhere(int32_t i, const checked::Experiment& experiment);
  bool is_held_out(int32_t i);
  bool is_among(int32_t i, const checked::Experiment& experiment);
  bool goes_first_in_layer(int32_t i, int32_t experiment);
  const ArmTaken* taken_by_unit(int32_t i, const checked::Experiment& experiment);
  int32_t take_arm(int32_t i, int32_t experiment, const ArmTaken& taken, const char* why);
  void bear_arms(int32_t i, int32_t strategy);
  const ExperimentOrder* order_of(const checked::Experiment& experiment) const;
  std::string unit_key(int32_t i, const checked::Experiment& experiment) const;

  // ---- transfers.cpp ----
  void restart_changed();
  void note_text(int32_t i);
  void move_value(int32_t i, int32_t variable);
  int32_t in_own_version(int32_t i, int32_t stage) const;
  void leave_version(int32_t i, int32_t strategy);
  void carry_variables(int32_t i, const checked::Strategy& from, const std::vector<int64_t>& values);
  const Rule* rule_of(const OpenTask& task) const;

  // ---- events.cpp ----
  void handle_events();
  void handle(IncomingEvent event, bool raised);
  bool is_refused(const IncomingEvent& event, bool raised);
  bool offer(int32_t i, const abi::Event& event);
  void handle_raised();
  void close_task_of(const IncomingEvent& event);

  // ---- stages.cpp ----
  void scan(int32_t i);
  bool settle_once(int32_t i);
  bool enter(int32_t i, int32_t stage, const Rule* rule, Entry entry);
  void leave_stage(int32_t i, int32_t next_stage, Entry entry);
  void start_strategy(int32_t i, int32_t strategy);
  void come_back(int32_t i);
  void run_on_entry(int32_t i, const std::vector<const Rule*>& rules);
  void check_circle(int32_t i, int32_t stage);
  void withdraw_one_offs(int32_t i, int32_t stage);

  // ---- stage_orders.cpp ----
  void look_for_stage_orders();
  bool is_refused_order(const IncomingEvent& event);
  void obey(const abi::Event& order);
  int32_t stage_ordered(int32_t i, const int64_t* slots) const;
  /// Until when a supervisor keeps it in the stage it is in; abi::never: nobody does.
  Instant kept_until(int32_t i) const;
  bool is_kept_from(int32_t i, const checked::Action& action, const abi::Event* event);
  bool waits_for_order(int32_t i, const Rule& rule);
  void wake_for_stage_orders();

  // ---- actions.cpp ----
  bool run_actions(int32_t i, const Rule& rule, const abi::Event* event);
  void settle_created(int32_t i, const Rule& rule, size_t first_effect);
  bool run_go(int32_t i, const Rule& rule, const checked::Action& action, const abi::Event* event);
  bool would_go(int32_t i, const Rule& rule);
  void create_one_off(int32_t i, const Rule& rule, const checked::Action& action, const abi::Event* event);
  void set_variable(int32_t i, const checked::Action& action, const abi::Event* event);
  void raise(int32_t i, const checked::Action& action, const abi::Event* event);
  void open(int32_t i, const checked::Action& action, const abi::Event* event);
  void cancel(int32_t i, const Rule& rule, const checked::Action& action, const abi::Event* event);
  /// Values live as long as the step; keep_fields() makes them last.
  void fill_fields(int32_t i, const std::vector<checked::Field>& fields, const std::vector<checked::FieldValue>& values, std::vector<int64_t>& slots,
                   Instant& wake, const abi::Event* event, Arguments arguments = {});
  void keep_fields(const std::vector<checked::Field>& fields, std::vector<int64_t>& slots);
  void blank_fields(const std::vector<checked::Field>& fields, int32_t count, std::vector<int64_t>& slots);
  int32_t owner_of(int32_t i, checked::Index entity) const;

  // ---- holds.cpp ----
  void complete_hold(IncomingEvent& event, const Rule* by, int64_t duration);
  void date_hold(const IncomingEvent& placed);
  Instant untold_end(const checked::Hold& hold, const abi::Instance& owner, Instant& wake) const;
  HoldEnd find_hold_end();
  void end_hold(const HoldEnd& end);
  void wake_for_holds();
  std::vector<HeldPeriod> standstill(int32_t i) const;
  int64_t days_held(const HeldPeriod& period, abi::DurationUnit unit);
  Instant moved(Instant due, Instant anchor, int64_t counted, const std::vector<HeldPeriod>& periods);

  // ---- requests.cpp ----
  void prepare_request(int32_t i, const checked::Action& action, IncomingEvent& made, const abi::Event* event);
  bool prepare_change(int32_t i, const checked::Action& action, IncomingEvent& made, const abi::Event* event);
  bool same_question(const checked::Request& request, const int64_t* a, const int64_t* b) const;
  bool take_request_event(IncomingEvent& event, bool raised);
  bool take_question(IncomingEvent& event, const checked::Request& request);
  void tell_of_request(const IncomingEvent& event, const RequestEvent& kind, const checked::Request& request);
  IncomingEvent withdrawal(const checked::Request& request, int32_t i, const abi::Event& open, std::string_view why);
  void withdraw_requests(int32_t i, std::string_view why);
  void withdraw_orphaned_requests();
  RequestEnd next_request_end(const checked::Request& request, int32_t r, int32_t i) const;
  RequestEnd find_request_end() const;
  void end_request(const RequestEnd& end);
  void wake_for_requests();

  // ---- deadlines.cpp ----
  /// The last day, `from` it is counted from; not known while `from` is missing, `never` while an end of a suspension is not in sight.
  struct LastDay {
    bool known = false;
    bool open = false;  // suspended, and nobody knows until when
    int64_t date = 0;
    Instant wake = abi::never;
  };
  void look_at_deadline(int32_t i, PlacedRule placed);
  bool look_at_suspension(int32_t i, const Rule& rule);
  void suspend_or_resume(int32_t i, const Candidate& candidate);
  LastDay last_day_of(int32_t i, const checked::Deadline& deadline);
  const abi::Calendar& calendar_of(int32_t i, const checked::Deadline& deadline, Instant& wake);
  const abi::Calendar& work_calendar(const std::string& name, Span where);

  // ---- timers.cpp ----
  void find_timer(int32_t i);
  void look_at_timer(int32_t i, PlacedRule placed);
  void look_at_once(int32_t i, PlacedRule placed);
  void look_at_every(int32_t i, PlacedRule placed);
  Moment anchor_of(int32_t i, const Rule& rule);
  bool is_late(int32_t i, PlacedRule placed, const Moment& due);
  Grid grid(Instant anchor, int64_t duration, int64_t dealt_with, const std::vector<HeldPeriod>& still);
  Instant grid_point(Instant anchor, int64_t duration, int64_t number);
  int64_t points_passed(Instant anchor, int64_t duration);
  void fire(int32_t i, Candidate candidate);
  TimerMark& mark_of(int32_t i, const Rule& rule);
  const TimerMark* find_mark(int32_t i, const Rule& rule);
  bool fired_already(int32_t i, const Rule& rule) const;

  // ---- keeps.cpp ----
  enum class Unwanted : uint8_t { condition, waits, attempts, nobody };
  struct Attempts {
    const abi::Event* last = nullptr;
    int64_t today = 0, in_stage = 0, with_recipient = 0;
  };
  struct KeepCase {
    int32_t i = -1;
    const Rule* rule = nullptr;
    const checked::Keep* keep = nullptr;
    Arguments arguments;  // the binder
    int64_t recipient = 0;
    uint64_t identity = 0;
    std::string_view treatment;
  };
  void bring_tasks_in_line();
  void look_at_keep(int32_t i, const Rule& rule);
  void look_at_keep_for(KeepCase keep);
  bool recipient_of(KeepCase& keep, Instant& wake);
  Attempts attempts_of(const KeepCase& keep);
  bool belongs_to(const KeepCase& keep, uint64_t identity);
  bool waits_for_again(const KeepCase& keep, const Attempts& attempts, Instant& wake);
  bool attempts_left(const KeepCase& keep, const Attempts& attempts, Instant& wake);
  TaskNature nature_of(const KeepCase& keep) const;

  // ---- keep_tasks.cpp ----
  void want(const KeepCase& keep, Instant& wake);
  void create_standing(const KeepCase& keep);
  void update_standing(const KeepCase& keep, size_t at);
  void describe(const KeepCase& keep, Instant& wake);
  int64_t priority_of(const KeepCase& keep, Instant& wake);
  Instant due_of(checked::RootId own, int32_t queue, int32_t i, Instant created, Instant& wake, Arguments arguments);
  Instant first_slot(int64_t window);
  void withdraw_unwanted();
  void expire_tasks();
  std::string reason_for(const OpenTask& task, const Rule* rule);
  void save_tasks();
  /// Withdraws an open task, or marks it if somebody works on it. True if it is gone.
  bool withdraw(size_t at, std::string reason, Span where);
  void remove_gone_tasks();
  TaskId next_task_id(int32_t i, uint64_t identity, uint64_t rule);
  bool same_task_fields(const OpenTask& a, const OpenTask& b) const;

  // ---- run_letters.cpp ----
  void bear_letter(int32_t i, int32_t queue, std::string_view treatment, int64_t recipient, std::vector<int64_t>& fields);
  void keep_letter(const OpenTask& before, std::vector<int64_t>& fields) const;

  // ---- limits.cpp ----
  /// A line of a limit in force for one task, and what its window already holds.
  struct Judged {
    const checked::Limits* limits = nullptr;
    slots::Gate gate;
  };
  struct BlockState {
    bool applies = false;
    const abi::ZoneRules* zone = nullptr;
    std::string zone_name;
    std::vector<int64_t> values;  // by rule: the count of at_most, 1 where the condition of never holds
    std::vector<Instant> wakes;   // by rule
    Instant wake = abi::never;
    Instant holds_until = abi::never;  // of `applies` alone; the database looks at the dates in force itself
  };
  void place_tasks();
  void place_task(size_t at, const std::vector<size_t>& placed);
  /// The first instant for a task among what has happened and what is planned, but for what is one conversation with `with`.
  Instant slot_for(const OpenTask& task, std::vector<Judged>& lines, const std::vector<size_t>& placed, const OpenTask* with, Instant from, const Judged** by);
  void settle_slot(size_t at, Instant slot, const Judged* by);
  void tell_caps(const OpenTask& task, const std::vector<Judged>& lines, std::vector<const slots::Gate*> gates, Instant slot);
  void look_at_limits();
  const abi::ZoneRules* zone_of(const checked::Limits& limits, std::string& name);
  std::vector<size_t> in_order() const;
  std::vector<Judged> judged(const OpenTask& task);
  bool judges(const checked::LimitRule& rule, const OpenTask& task);
  void fill_gate(const OpenTask& task, const checked::LimitRule& rule, const BlockState& block, size_t number, slots::Gate& gate);
  bool counts_for(const checked::LimitRule& rule, int32_t queue, int32_t event_type) const;
  bool counts_for(const checked::LimitRule& rule, const StrangeOutcome& outcome) const;
  bool same_keys(const checked::LimitRule& rule, const OpenTask& task, int32_t instance, int64_t recipient) const;
  int32_t person_of(int64_t recipient) const;
  /// The task of an outcome: what it was about and for whom; `known`: its rule is there, or it had none.
  struct Source {
    int32_t instance = 0;
    int64_t recipient = 0;
    bool known = false;
  };
  const Source& source_of(const abi::Event& event);
  bool is_task_of_some_rule(TaskNature nature, uint64_t identity) const;
  bool same_keys(const checked::LimitRule& rule, const OpenTask& task, const abi::Event& event);
  Instant latest(const std::vector<checked::Index>& events, const checked::LimitRule& rule, const OpenTask& task);
  Instant latest_strange(const checked::LimitRule& rule, const OpenTask& task);

  // ---- merge.cpp ----
  const checked::MergePolicy* merge_of(int32_t queue) const;
  bool together(const OpenTask& a, const OpenTask& b) const;
  bool counts_once(const OpenTask& a, const OpenTask& b) const;
  bool is_counted_already(const abi::Event& event, std::vector<const abi::Event*>& counted);
  bool is_one_contact(const OpenTask& a, const OpenTask& b) const;
  bool is_planned_already(const OpenTask& task, const std::vector<const OpenTask*>& planned) const;
  void rank_merged();
  void rank_group(std::vector<size_t> group);
  void set_ranks(size_t at, int32_t lead, int32_t age);

  // ---- hand_out.cpp ----
  void write_limits_down();
  void write_limits_of(size_t at, std::string lines, Instant until);
  Instant limits_hold_until(const OpenTask& task);
  std::string limits_of(const OpenTask& task);
  std::string limit_of(const OpenTask& task, const Judged& line);
  void add_keys(std::string& json, const OpenTask& task, const checked::LimitRule& rule);

  const checked::Program& program_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  std::vector<int64_t> settings_;
  Plan plan_;
  Reads reads_;
  EventJudge judge_;
  std::vector<int32_t> root_slots_;  // value slots of each root
  std::vector<uint64_t> strategy_hash_, queue_hash_;
  std::vector<int32_t> hold_placed_by_;       // by event type: Program::holds that it places, -1 if none
  std::vector<uint8_t> tells_of_hold_;        // by event type: nobody has to handle it
  std::vector<RequestEvent> request_events_;  // by event type; empty: there are no requests
  bool holds_end_ = false, timers_may_stand_ = false;
  std::vector<uint8_t> is_stage_order_;  // by event type
  Rule stage_order_rule_;                // what transitions and firings of an order name
  bool has_stage_orders_ = false;        // in this case file
  std::map<std::string, std::unique_ptr<abi::CalendarTables>, std::less<>> work_calendars_;
  bool states_are_shared_ = false;      // a derived field reads the state of the instance it belongs to, so others may see it
  std::vector<int32_t> identity_slot_;  // by event type: first slot of task_identity, -1 if it has none

  CaseFile* case_ = nullptr;
  StepResult* result_ = nullptr;
  const StepOptions* options_ = nullptr;
  Instant now_ = 0;
  int64_t today_ = 0;
  Instant today_start_ = 0;
  abi::Arena scratch_;
  abi::EvalContext context_{};
  std::vector<int64_t> out_;
  const Rule* rule_ = nullptr;  // being tried or run, for faults

  std::vector<Work> work_;
  std::vector<std::pair<int32_t, InstanceState>> journal_;  // states as they were; only the first journal_size_
  size_t journal_size_ = 0;
  bool tasks_saved_ = false;
  std::vector<OpenTask> tasks_before_;
  std::vector<const abi::Event*> appended_;
  size_t instances_before_ = 0;
  std::vector<RequestEffect> asking_;        // asked for by rules that have run; their events follow
  const IncomingEvent* handling_ = nullptr;  // from outside
  std::vector<IncomingEvent> raised_;
  size_t raised_done_ = 0;
  std::vector<std::pair<int32_t, int32_t>> entered_;        // (instance, stage) since the last event or timer
  std::vector<std::pair<int32_t, uint64_t>> fired_timers_;  // in this step
  std::vector<int32_t> inbox_order_;
  OpenTask wanted_;  // by the keep looked at
  std::vector<uint8_t> task_matched_;
  struct UnwantedKeep {
    int32_t i;
    uint64_t rule;
    Unwanted why;
  };
  std::vector<UnwantedKeep> unwanted_;
  std::vector<uint64_t> relatives_;  // identities of the keep looked at with each recipient it might have
  std::vector<BlockState> blocks_;   // by Program::limits, of this step
  std::shared_ptr<const std::vector<LimitLines>> limit_lines_;
  bool blocks_ready_ = false;
  std::deque<std::pair<const abi::Event*, Source>> sources_;  // found in this step
  std::map<std::string, std::optional<abi::ZoneRules>, std::less<>> zones_;
  std::vector<int32_t> treatment_slot_;  // by event type: first slot of treatment, -1 if it has none
  std::vector<uint64_t> named_rules_;
  std::vector<uint8_t> entity_is_person_;
  uint64_t task_ordinal_ = 0;
  int64_t entries_ = 0;
  int64_t request_ends_ = 0;
};

}  // namespace dunlin::engine
