// One debtor of cap_story.h on the way through time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/simulate/case_run.h"
#include "runtime/simulate/drawn.h"

namespace dunlin::simulate {

/// Everything that a run depends on: the same plot gives the same run.
struct CapPlot {
  struct Payload {
    checked::Index event = checked::none;
    std::vector<DrawnValue> fields;  // by EventType::fields; those of every outcome are filled by the run
  };
  /// One instance of every entity, by Program::entities; behind them, where the debtor has two that differ, the second one. `day` is the first day.
  Drawn debtor;
  std::vector<Payload> first;            // what happens at the start of the first day
  checked::Index twice = checked::none;  // entity of which the debtor has two, alike or not; none: one of everything
  std::vector<Payload> outcomes;         // by queue: what its tasks end in; event none: the queue has no outcomes

  bool differ(const checked::Program& program) const { return debtor.instances.size() > program.entities.size(); }
};

/// A cap that a rule ran into.
struct CapHit {
  uint64_t rule = 0;  // Rule::key
  const checked::Limits* limits = nullptr;
  const checked::LimitRule* cap = nullptr;
  checked::Index strategy = checked::none;
  int64_t step = 0;  // of the run
  std::pair<uint64_t, const checked::Limits*> kind() const { return {rule, limits}; }
};

class CapStoryRun final : public CaseRun, private engine::StepListener {
 public:
  using Days = std::vector<std::pair<std::string, std::string>>;

  CapStoryRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings,
              const CapPlot& plot);

  /// At most `steps` steps of the engine; with `until` it ends where that is hit.
  void run(int64_t steps, const CapHit* until);

  const std::vector<CapHit>& hits() const { return hits_; }  // the first of each kind
  int64_t steps() const { return steps_; }
  /// Strategies that asked for tasks that may go out some day, and their queues.
  const std::set<std::pair<checked::Index, checked::Index>>& asked() const { return asked_; }
  const Days& days() const { return days_; }

 private:
  void make_debtor();
  bool fits();
  void go_on(int64_t steps);
  void do_tasks();
  std::vector<engine::OpenTask> next_to_go();
  bool goes_with(const engine::OpenTask& first, const engine::OpenTask& other) const;
  size_t whose_outcome(const std::vector<engine::OpenTask>& group, const CapPlot::Payload& payload) const;
  void end(const engine::OpenTask& task, const CapPlot::Payload& payload, int64_t cost);
  engine::IncomingEvent outcome_of(const engine::OpenTask& task, const CapPlot::Payload& payload, int64_t cost);
  engine::IncomingEvent happening(const CapPlot::Payload& payload, int32_t subject);
  void tell(std::string what);
  std::string text_of_payload(const CapPlot::Payload& payload, size_t first_field) const;
  std::string task_text(const engine::OpenTask& task) const;
  std::string name_of(int32_t position) const;

  void after_step(const engine::StepResult& result, Span where) override;
  void capped(const engine::OpenTask& task, const checked::Limits& limits, const checked::LimitRule& rule, Instant free, Instant until) override;

  const CapPlot& plot_;
  const CapHit* until_ = nullptr;
  bool reached_ = false;  // what `until` says was hit
  bool spoiled_ = false;  // an outcome was refused: such days are none that happen
  std::string waits_;     // the last line, told behind what else the step did
  std::vector<CapHit> hits_;
  std::set<std::pair<uint64_t, const checked::Limits*>> known_;
  std::set<engine::TaskId> refused_;    // tasks whose outcome was not accepted
  std::set<engine::TaskId> gone_back_;  // tasks that went out with another whose outcome it was
  std::set<std::pair<checked::Index, checked::Index>> asked_;
  Days days_;
  Instant start_ = 0;
  int64_t steps_ = 0;
};

/// Fields that every outcome has in front of its own.
constexpr size_t outcome_fields = 3;

}  // namespace dunlin::simulate
