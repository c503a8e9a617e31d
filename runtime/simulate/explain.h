// Why an instance is where it is, and why not elsewhere: its way through the stages and, for one instant, each rule that could act, with what it read.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/interp/interpreter.h"
#include "runtime/store/store.h"

namespace dunlin::simulate {

using engine::Instant;

/// A part of a condition, as written, and what it came to. Parts follow their whole.
struct ConditionPart {
  Span where;
  bool holds = false;
  bool deciding = false;  // it made its whole what it is
  int depth = 0;
};

enum class Verdict : uint8_t {
  held,       // its condition held, and it acted or would act
  not_held,   // its condition was tried and did not hold
  waiting,    // a timer that is ahead, or whose anchor is missing
  done,       // a timer that has fired for this anchor
  no_event,   // a handler: no such event came at this instant
  not_tried,  // something before it decided
};
const char* verdict_text(Verdict verdict);

struct RuleExplained {
  std::string place;  // "enrolment", "stage", "strategy", "always"
  std::string kind;   // "on", "when", "after", "at", "every", "keep", "enrol"
  std::string name;
  Span where;
  Verdict verdict = Verdict::not_tried;
  std::string because;                  // one sentence
  std::vector<ConditionPart> parts;     // of its condition
  std::vector<engine::ValueRead> read;  // values in the rule itself and in what it names
  std::optional<Instant> due;           // timers
};

struct Explanation {
  std::string entity, key;
  Instant at = 0;
  std::string strategy, stage;  // then; empty: in none
  int32_t pinned_to = 0;        // version under which it finishes (`on change pin`); 0: it goes on as everybody does
  Instant entered_at = 0, enrolled_at = 0;
  Instant wake_at = abi::never;  // the next instant at which anything could change
  std::vector<store::TransitionRow> way;
  std::vector<store::Store::NoteRow> notes;  // up to then, oldest first
  std::vector<RuleExplained> rules;
  std::vector<std::string> requests;       // open then, and placements that stand: "waits for `settlement`: discount 0.3, since …"
  std::vector<std::string> holds;          // that stand then, on the instance or what it hangs on: "hold `dispute` since … until …: on complaint"
  std::vector<std::string> arms;           // "experiment `sms_first`: arm `soft_sms` since …, drawn 471 of 10000 for debtor D17"
  std::vector<std::string> would_do;       // what a step at this instant would do; empty: nothing
  std::vector<std::string> tasks;          // open then: `call "soft_script"`
  std::vector<std::string> decisions;      // newest first, as the store keeps them
  std::vector<store::SetAside> set_aside;  // events that were refused, cases that were set aside; newest first
  std::optional<engine::StepFault> fault;
};

/// The case file as a recorded step met it, and when that was; null: no step was recorded then.
struct ReadThen {
  std::unique_ptr<engine::CaseFile> file;
  Instant at = 0;
};
using AsRead = std::function<store::Result<ReadThen>(int64_t case_id, Instant at)>;

/// `at`: the instant asked about; data, history and state are those of then. If a step was recorded at that very instant, they are what it had read
/// (`as_read`), whatever came to light later.
store::Result<Explanation> explain(store::Store& store, const checked::Program& program, const Interpreter& interpreter, const abi::Calendar& calendar,
                                   const std::vector<int64_t>& settings, const std::string& entity, const std::string& key, Instant at,
                                   const AsRead& as_read = {});

/// The same of a case file at hand, without what only a store knows: its way, its decisions. The case file is stepped and must be thrown away.
Explanation explain_case(engine::CaseFile& file, int32_t instance, const checked::Program& program, const Interpreter& interpreter,
                         const abi::Calendar& calendar, const std::vector<int64_t>& settings, Instant at);

}  // namespace dunlin::simulate
