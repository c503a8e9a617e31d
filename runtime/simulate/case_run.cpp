#include "runtime/simulate/case_run.h"

#include <algorithm>

#include "compiler/abi/clock.h"

namespace dunlin::simulate {

using engine::OpenTask;

namespace {
/// More steps at one instant than this, and time does not go on.
constexpr int steps_at_once_max = 100;
constexpr int64_t wakes_max = 100'000;
}  // namespace

CaseRun::CaseRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings)
    : program_(program),
      evaluator_(evaluator),
      calendar_(calendar),
      settings_(settings),
      stepper_(program, evaluator, calendar, settings),
      file_(std::make_unique<engine::CaseFile>(program)) {}

CaseRun::CaseRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings,
                 std::unique_ptr<engine::CaseFile> loaded, Instant at)
    : program_(program),
      evaluator_(evaluator),
      calendar_(calendar),
      settings_(settings),
      stepper_(program, evaluator, calendar, settings),
      file_(std::move(loaded)),
      now_(at),
      started_(true) {
  for (size_t i = 0; i < file_->instance_count(); ++i) next_wake_ = std::min(next_wake_, file_->state(static_cast<int32_t>(i)).wake_at);
  for (const auto& event : file_->inbox()) next_wake_ = std::min(next_wake_, event.at);
}

// ---- the case file ----

int32_t CaseRun::add(checked::Index entity, int32_t parent, const std::string& name) {
  const checked::Entity& kind = program_.entities[entity];
  const int32_t position = file_->add_instance(entity, parent, engine::stable_id(kind.name, name));
  if (kind.key_field == checked::none) return position;
  const checked::Field& key = kind.fields[kind.key_field];
  const bool text = key.type.kind == checked::TypeKind::text;
  file_->slots(position)[key.slot] = text ? reinterpret_cast<int64_t>(file_->text(name)) : position + 1;
  return position;
}

int32_t CaseRun::some(checked::Index entity) {
  for (size_t p = 0; p < file_->instance_count(); ++p) {
    if (file_->instance(static_cast<int32_t>(p)).entity == entity) return static_cast<int32_t>(p);
  }
  const checked::Index above = program_.entities[entity].parent;
  return add(entity, above == checked::none ? -1 : some(above), program_.entities[entity].name);
}

int32_t CaseRun::owner_of(int32_t position, checked::Index entity) const {
  for (const abi::Instance* up = &file_->instance(position); up != nullptr; up = up->parent) {
    if (up->entity == entity) return up->position;
  }
  for (size_t p = 0; p < file_->instance_count(); ++p) {
    if (file_->instance(static_cast<int32_t>(p)).entity == entity) return static_cast<int32_t>(p);
  }
  return -1;
}

// ---- values ----

const int64_t* CaseRun::value_of(const Asked& asked, checked::RootId root, Span where, const abi::Instance* self, const std::vector<int64_t>& arguments) {
  const checked::Root& body = asked.program.roots[root];
  out_.assign(static_cast<size_t>(checked::slot_count(asked.program, body.type)) + 1, 0);
  int64_t today = 0;
  (void)abi::date_of(calendar_, now_, &today);
  const abi::EvalContext context{.case_file = &file_->view(),
                                 .self = self,
                                 .now = now_,
                                 .today = today,
                                 .settings = settings_.data(),
                                 .arguments = arguments.data(),
                                 .calendar = &calendar_,
                                 .arena = &file_->arena()};
  const Evaluation done = asked.evaluator.evaluate(root, context, out_.data());
  if (!done.ok()) throw Broken{where, std::string(abi::fault_text(done.fault)) + " in `" + body.label + "`"};
  return out_.data();
}

void CaseRun::put(const checked::Program& program, const checked::Field& field, const checked::Type& type, const int64_t* value, int64_t* slots) {
  int64_t* to = slots + field.slot;
  if (field.type.optional && !type.optional) *to++ = 1;
  std::copy_n(value, checked::slot_count(program, type), to);
}

// ---- time ----

void CaseRun::wake_until(Instant moment, Span where) {
  int64_t wakes = 0;
  while (next_wake_ < moment) {
    if (++wakes > wakes_max) throw Broken{where, "the case file wakes too often between two moments of the test"};
    now_ = std::max(next_wake_, now_);
    step_now(where);
  }
}

void CaseRun::go_to(Instant moment, Span where) {
  if (started_) wake_until(moment, where);
  now_ = moment;
  started_ = true;
}

void CaseRun::settle(Span where) {
  step_now(where);
  for (int again = 0; next_wake_ <= now_; ++again) {
    if (again == steps_at_once_max) throw Broken{where, "rules go on firing without time going on"};
    step_now(where);
  }
}

void CaseRun::step_now(Span where) {
  stepper_.step(*file_, now_, stepped_, {.version = 1, .collect_reads = false, .listener = listener_, .draw = false});
  if (stepped_.fault.has_value()) {
    std::string message = stepped_.fault->message;
    if (!stepped_.fault->rule_name.empty()) message += " (rule `" + stepped_.fault->rule_name + "`)";
    throw Broken{where, message};
  }
  next_wake_ = stepped_.wake_at;
  after_step(stepped_, where);
}

engine::IncomingEvent CaseRun::blank_event(checked::Index index, int32_t subject, Span where) {
  const checked::EventType& type = program_.events[index];
  const int32_t owner = subject < 0 ? -1 : owner_of(subject, type.owner);
  if (owner < 0) throw Broken{where, "there is nothing in the test that `" + type.name + "` could happen to"};
  engine::IncomingEvent event{.at = now_, .type = index, .instance = owner, .slots = {}, .source = {}, .external_id = {}};
  event.slots.assign(static_cast<size_t>(type.slot_count), 0);
  for (const checked::Field& field : type.fields) {
    if (!field.type.optional && field.type.kind == checked::TypeKind::text) event.slots[field.slot] = reinterpret_cast<int64_t>(file_->text({}));
  }
  if (type.queue != checked::none) name_task(type, subject, owner, event.slots);
  return event;
}

/// An outcome belongs to a task: the most urgent open one of its queue that concerns the subject or goes to it.
void CaseRun::name_task(const checked::EventType& type, int32_t subject, int32_t owner, std::vector<int64_t>& slots) {
  const OpenTask* best = nullptr;
  for (const OpenTask& task : file_->tasks()) {
    if (task.queue != type.queue) continue;
    if (!concerns(task.instance, subject, owner) && task.recipient != file_->instance(subject).id) continue;
    if (best == nullptr || task.priority > best->priority) best = &task;
  }
  if (best == nullptr) return;
  const auto fill = [&](const char* name, int64_t value) {
    const checked::Index field = checked::find_field(type.fields, name);
    if (field == checked::none) return;
    slots[type.fields[field].slot] = 1;
    slots[type.fields[field].slot + 1] = value;
  };
  fill("treatment", reinterpret_cast<int64_t>(file_->text(best->treatment)));
  fill("task_identity", static_cast<int64_t>(best->identity));
  fill("cost", program_.queues[type.queue].cost);
}

bool CaseRun::concerns(int32_t instance, int32_t subject, int32_t owner) const {
  for (const abi::Instance* up = &file_->instance(instance); up != nullptr; up = up->parent) {
    if (up->position == subject || up->position == owner) return true;
  }
  return false;
}

// ---- in words ----

std::string CaseRun::stage_of(int32_t subject) const {
  const engine::InstanceState& state = file_->state(std::max(subject, 0));
  return state.stage < 0 ? "no stage" : "stage " + checked::stage_name(program_, state.stage);
}

std::string CaseRun::describe(const OpenTask& task) const {
  return (task.status == engine::TaskStatus::withheld ? "withheld " : "task ") + program_.queues[task.queue].name + " \"" + task.treatment + "\"";
}

}  // namespace dunlin::simulate
