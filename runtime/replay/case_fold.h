// One case file carried through its records: what it held before each step follows from the records and the steps before it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/store/step_record.h"

namespace dunlin::replay {

using engine::Instant;

/// A record with the commit that it stood in.
struct PlacedRecord {
  store::StepRecord record;
  int64_t batch = 0;
  Instant at = 0;
  int32_t version = 0;
};

class CaseFold {
 public:
  /// `events`: of this case file, in the order (at, arrival).
  explicit CaseFold(std::vector<store::RecordedEvent> events) : events_(std::move(events)) {}

  /// The same events as another version reads them.
  void read_events_as(std::vector<store::RecordedEvent> events) { events_ = std::move(events); }
  /// Takes in what a record says of its reading; `taken_later`: by any record of the case file from this one on; `same`: the program, if the record before was
  /// of the same version. A sentence if it does not follow the one before.
  std::optional<std::string> read(const store::StepRecord& record, const std::set<int64_t>& taken_later, const checked::Program* same = nullptr);
  /// False as long as no whole record has been read: records were not kept from the beginning, or the beginning was dropped.
  bool begun() const { return begun_; }
  int64_t next_step() const { return next_step_; }
  /// The number of the step that it began with.
  int64_t first_step() const { return first_step_; }
  /// The case file as the step of the record met it.
  void build(const store::SlotPlan& plan, const store::StepRecord& record, Instant at, engine::CaseFile& into) const;
  /// Takes in what the step made. A sentence if the store has other events than it raised.
  std::optional<std::string> keep(const store::SlotPlan& plan, const store::StepRecord& record, const engine::CaseFile& case_file,
                                  const engine::StepResult& result);

  struct State {
    int32_t version = 0, strategy = -1, stage = -1;
    Instant entered_at = 0, wake_at = 0;
    int64_t step_number = 0;
    std::string body;
    friend bool operator==(const State&, const State&) = default;
  };
  /// A state that came to an end under an older version that was kept is read as standing in the strategy as it is now.
  static State read_as_now(const checked::Program& program, State kept, int32_t strategy);
  /// Tasks of a campaign bear its number, negated, for a rule (runtime/migrations/017_campaigns.sql).
  static bool from_campaign(const engine::OpenTask& task) { return 0 - task.rule < uint64_t{1} << 32; }
  /// By instance.
  const std::map<int64_t, State>& states() const { return states_; }
  /// Tasks that a step has made and none has ended, by the lower half of their id. Some may have been ended by people since.
  const std::map<uint64_t, store::RecordedTask>& tasks() const { return tasks_; }

 private:
  /// A whole record amid others says again what follows from them, but for values that somebody has changed and tasks of campaigns.
  std::optional<std::string> check_again(const store::StepRecord& record, const checked::Program& program) const;
  void read_tasks(const store::StepRecord& record, std::optional<std::string>& trouble);
  void add_history(const store::SlotPlan& plan, const store::StepRecord& record, Instant at, engine::CaseFile& into) const;
  void add_tasks(const store::SlotPlan& plan, const store::StepRecord& record, engine::CaseFile& into) const;
  std::optional<std::string> keep_events(const store::SlotPlan& plan, const store::StepRecord& record, const engine::CaseFile& case_file,
                                         const engine::StepResult& result);

  bool begun_ = false;
  int64_t next_step_ = 0, first_step_ = 0;
  std::vector<store::RecordedInstance> data_;
  std::map<int64_t, State> states_;
  std::map<uint64_t, store::RecordedTask> tasks_;
  std::vector<store::RecordedEvent> events_;
  std::set<int64_t> handled_;  // arrivals of the events that are history
  int64_t raised_to_ = 0;      // arrival of the last event that a step of this case file has raised
};

}  // namespace dunlin::replay
