// One case file that is made by hand and goes through time by itself: what tests, properties and `dunlin repl` have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/evaluator.h"
#include "runtime/engine/case_file.h"
#include "runtime/engine/step.h"

namespace dunlin::simulate {

using engine::Instant;

/// What was asked for cannot be done; the sentence says why.
struct Broken {
  Span where;
  std::string message;
};

class CaseRun {
 public:
  /// All must outlive the run.
  CaseRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings);
  /// Goes on with a case file that a store has loaded, at that instant.
  CaseRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings,
          std::unique_ptr<engine::CaseFile> loaded, Instant at);
  virtual ~CaseRun() = default;
  CaseRun(const CaseRun&) = delete;
  CaseRun& operator=(const CaseRun&) = delete;

  engine::CaseFile& file() { return *file_; }
  const engine::CaseFile& file() const { return *file_; }
  Instant now() const { return now_; }
  Instant next_wake() const { return next_wake_; }

  // ---- the case file ----
  /// Adds an instance whose key is `name`. Position.
  int32_t add(checked::Index entity, int32_t parent, const std::string& name);
  /// The first of that entity; it and what it hangs on are made if there is none.
  int32_t some(checked::Index entity);
  /// The instance itself, or the one of that entity above it or next to it; -1: none.
  int32_t owner_of(int32_t position, checked::Index entity) const;

  // ---- values ----
  /// Roots of another program that differs only in what it has more may be asked, too. Throws Broken where it faults. Good until the next call.
  struct Asked {
    const checked::Program& program;
    const Evaluator& evaluator;
  };
  const int64_t* value_of(const Asked& asked, checked::RootId root, Span where, const abi::Instance* self, const std::vector<int64_t>& arguments);
  /// Puts a value of that type into a field's slots, in front of it the flag of an optional field if the type has none.
  static void put(const checked::Program& program, const checked::Field& field, const checked::Type& type, const int64_t* value, int64_t* slots);

  // ---- time ----
  /// The case file wakes up to the instant as it does in `serve`; it is not stepped at the instant itself.
  void wake_until(Instant moment, Span where);
  /// Goes there. The first time nothing wakes on the way.
  void go_to(Instant moment, Span where);
  /// Steps until nothing more is due now.
  void settle(Span where);
  /// An event that has all its slots, made by blank_event(): handled by the next settle().
  void post(engine::IncomingEvent event) { file_->inbox().push_back(std::move(event)); }
  /// Happens now to `subject` or to what it hangs on; an outcome names the most urgent open task of its queue.
  engine::IncomingEvent blank_event(checked::Index type, int32_t subject, Span where);
  /// Whether an instance is one of these or hangs on one.
  bool concerns(int32_t instance, int32_t subject, int32_t owner) const;

  std::string stage_of(int32_t subject) const;
  std::string describe(const engine::OpenTask& task) const;

 protected:
  virtual void after_step(const engine::StepResult& /*result*/, Span /*where*/) {}
  engine::StepListener* listener_ = nullptr;
  const checked::Program& program_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  const std::vector<int64_t>& settings_;

 private:
  void step_now(Span where);
  void name_task(const checked::EventType& type, int32_t subject, int32_t owner, std::vector<int64_t>& slots);

  engine::Stepper stepper_;
  std::unique_ptr<engine::CaseFile> file_;
  engine::StepResult stepped_;
  std::vector<int64_t> out_;
  Instant now_ = 0, next_wake_ = abi::never;
  bool started_ = false;
};

}  // namespace dunlin::simulate
