#include "runtime/engine/step.h"

#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

void StepResult::clear() {
  transitions.clear();
  tasks.clear();
  events.clear();
  refused.clear();
  opened.clear();
  notes.clear();
  requests.clear();
  firings.clear();
  arms.clear();
  changed.clear();
  wake_at = abi::never;
  limit_lines.reset();
  fault.reset();
}

void Run::step(CaseFile& case_file, Instant now, StepResult& result, const StepOptions& options) {
  result.clear();
  case_ = &case_file;
  result_ = &result;
  options_ = &options;
  try {
    begin(case_file, now, result, options);
    restart_changed();
    enrol_newcomers();
    handle_events();
    if (!request_events_.empty()) withdraw_orphaned_requests();
    settle_and_run_timers();
    bring_tasks_in_line();
    place_tasks();
    rank_merged();
    write_limits_down();
    finish();
  } catch (StepAbort& abort) {
    roll_back(std::move(abort.fault));
  }
}

void Run::begin(CaseFile& case_file, Instant now, StepResult& result, const StepOptions&) {
  now_ = now;
  rule_ = nullptr;
  scratch_.clear();
  context_ = {.case_file = &case_file.view(), .now = now, .settings = settings_.data(), .calendar = &calendar_, .arena = &scratch_};
  instances_before_ = case_file.instance_count();
  work_.assign(instances_before_, Work{});
  journal_size_ = 0;
  tasks_saved_ = false;
  appended_.clear();
  raised_.clear();
  raised_done_ = 0;
  entered_.clear();
  fired_timers_.clear();
  asking_.clear();
  handling_ = nullptr;
  unwanted_.clear();
  blocks_ready_ = false;
  sources_.clear();
  task_ordinal_ = 0;
  entries_ = 0;
  request_ends_ = 0;
  result.clear();
  today_ = date_of(now);
  today_start_ = day_start(today_);
  context_.today = today_;
  for (size_t i = 0; i < instances_before_; ++i) renew_state(static_cast<int32_t>(i));
  look_for_stage_orders();
}

/// A state written under another version may lack variables, or stand in a stage that is gone.
void Run::renew_state(int32_t i) {
  const InstanceState& written = state(i);
  if (written.strategy < 0) return;
  const checked::Strategy& strategy = program_.strategies[written.strategy];
  const bool no_variables = written.variables.size() != static_cast<size_t>(strategy.variable_slots);
  if (written.stage >= 0 && !no_variables && written.new_variables.empty() && written.moved_variables.empty()) [[likely]]
    return;
  touch(i);
  InstanceState& mended = state(i);
  if (mended.stage < 0) {
    mended.strategy = -1;
    mended.marks.clear();
    mended.back.clear();
  } else if (no_variables) {
    mended.variables.assign(static_cast<size_t>(strategy.variable_slots), 0);
    for (const checked::Variable& variable : strategy.variables) give_initial_value(i, variable);
  } else {
    for (const int32_t variable : mended.new_variables) give_initial_value(i, strategy.variables[variable]);
    for (const int32_t variable : mended.moved_variables) move_value(i, variable);
  }
  mended.moved_variables.clear();
  mended.new_variables.clear();
  case_->refresh_view(i);
}

void Run::settle_and_run_timers() {
  for (;;) {
    bool all_quiet = false;
    while (!all_quiet) {
      all_quiet = true;
      for (size_t i = 0; i < work_.size(); ++i) {
        if (!work_[i].dirty) continue;
        all_quiet = false;
        scan(static_cast<int32_t>(i));
      }
    }
    size_t earliest = work_.size();
    for (size_t i = 0; i < work_.size(); ++i) {
      if (work_[i].timer.rule == nullptr) continue;
      if (earliest == work_.size() || work_[i].timer.due < work_[earliest].timer.due) earliest = i;
    }
    const HoldEnd end = find_hold_end();
    const RequestEnd request = request_events_.empty() ? RequestEnd{} : find_request_end();
    const Instant timer = earliest == work_.size() ? abi::never : work_[earliest].timer.due;
    if (end.at != abi::never && end.at <= std::min(timer, request.at)) {
      end_hold(end);
      continue;
    }
    if (request.at != abi::never && request.at <= timer) {
      end_request(request);
      continue;
    }
    if (earliest == work_.size()) return;
    fire(static_cast<int32_t>(earliest), work_[earliest].timer);
  }
}

void Run::finish() {
  hold_later_events();
  wake_for_tasks();
  wake_for_holds();
  wake_for_stage_orders();
  if (!request_events_.empty()) wake_for_requests();
  for (size_t i = 0; i < work_.size(); ++i) finish_instance(static_cast<int32_t>(i));
}

void Run::wake_for_tasks() {
  for (const OpenTask& task : case_->tasks()) {
    Instant& wake = work_[task.instance].keep_wake;
    if (task.due > now_) wake = std::min(wake, task.due);
    if (task.expires > now_) wake = std::min(wake, task.expires);
  }
}

void Run::finish_instance(int32_t i) {
  note_text(i);
  const Instant wake = std::min(work_[i].wake, work_[i].keep_wake);
  InstanceState& after = state(i);
  const checked::KeptStrategy* kept = checked::kept_at(program_, after.strategy);
  const int32_t version = kept == nullptr ? options_->version : kept->version;
  const bool other_version = after.strategy >= 0 && after.version != version;
  if (work_[i].touched || other_version || after.wake_at != wake) result_->changed.push_back(i);
  after.wake_at = wake;
  if (after.strategy >= 0) after.version = version;
  result_->wake_at = std::min(result_->wake_at, wake);
}

void Run::hold_later_events() {
  auto& inbox = case_->inbox();
  if (inbox.empty()) return;
  std::erase_if(inbox, [&](const IncomingEvent& event) { return event.at <= now_; });
  for (const IncomingEvent& event : inbox) result_->wake_at = std::min(result_->wake_at, event.at);
}

void Run::roll_back(StepFault fault) {
  take_back();
  result_->clear();
  result_->fault = std::move(fault);
}

/// The case file is as it was before.
void Run::take_back() {
  for (size_t j = journal_size_; j-- > 0;) {
    state(journal_[j].first) = journal_[j].second;
    case_->refresh_view(journal_[j].first);
  }
  case_->remove_events(appended_);
  while (case_->instance_count() > instances_before_) case_->remove_last_instance();
  if (tasks_saved_) case_->tasks() = tasks_before_;
}

struct Stepper::Inner {
  Run run;
};

Stepper::Stepper(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, std::vector<int64_t> settings)
    : inner_(new Inner{Run(program, evaluator, calendar, std::move(settings))}) {}
Stepper::~Stepper() = default;

void Stepper::step(CaseFile& case_file, Instant now, StepResult& result, const StepOptions& options) { inner_->run.step(case_file, now, result, options); }

std::optional<std::string> Stepper::refusal(CaseFile& case_file, size_t task, Instant now) { return inner_->run.refusal(case_file, task, now); }

std::vector<int64_t> initial_settings(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, abi::Arena& arena) {
  std::vector<int64_t> settings(static_cast<size_t>(program.setting_slots));
  for (const checked::Setting& setting : program.settings) {
    abi::EvalContext context{.settings = settings.data(), .calendar = &calendar, .arena = &arena};
    std::vector<int64_t> out(static_cast<size_t>(checked::slot_count(program, setting.type)) + 1);
    if (setting.initial == checked::none || !evaluator.evaluate(setting.initial, context, out.data()).ok()) continue;
    std::copy(out.begin(), out.end() - 1, settings.begin() + setting.slot);
  }
  return settings;
}

}  // namespace dunlin::engine
