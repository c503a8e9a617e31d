// Whether an event may be taken as it came: the ranges of its fields, constant or not, and the `when` of an outcome.
// An event is judged at its own instant, with the facts known when it is handled. docs/semantics.md, "A step", 3.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/case_file.h"
#include "runtime/engine/reads.h"

namespace dunlin::engine {

/// Why an event is not taken.
struct EventRefusal {
  std::string reason;  // one sentence: what does not hold, and the values that were read
  Span where;          // the range or the condition
  /// Set: it could not be judged, because this went wrong in its range or condition.
  abi::Fault fault = abi::Fault::none;
};

/// Judges events of one program. One per thread.
class EventJudge {
 public:
  /// Both must outlive the judge.
  EventJudge(const checked::Program& program, const Evaluator& evaluator);
  /// False: events of this type are always taken.
  bool has_conditions(int32_t type) const { return judged_[static_cast<size_t>(type)]; }
  /// `context`: settings, calendar, arena and, unless `clock_only`, the case file and the event's owner as self; instant and date are the event's.
  /// `clock_only`: looks only at ranges that need no case file, so that a file of events can be checked before anything is loaded.
  std::optional<EventRefusal> judge(const IncomingEvent& event, const abi::EvalContext& context, bool clock_only = false);

 private:
  std::optional<EventRefusal> judge_field(const checked::Field& field, const IncomingEvent& event, const abi::EvalContext& context, bool clock_only);
  std::optional<EventRefusal> judge_condition(checked::RootId root, const abi::EvalContext& context, std::string what);
  std::string values_read(checked::RootId root, const abi::EvalContext& context);

  const checked::Program& program_;
  const Evaluator& evaluator_;
  Reads reads_;
  std::vector<bool> judged_;      // by event type
  std::vector<bool> needs_case_;  // by root: ranges that read more than the clock and settings
  std::vector<int64_t> out_;
};

/// One event for one case file: what a queue or a service asks before it accepts an outcome. Nothing: it will be taken.
/// `settings`: Program::setting_slots values. The event is not changed and need not stand in the case file's inbox.
std::optional<EventRefusal> event_refusal(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                          const std::vector<int64_t>& settings, const CaseFile& case_file, const IncomingEvent& event);

}  // namespace dunlin::engine
