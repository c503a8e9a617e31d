#include "runtime/simulate/test_runner.h"

#include <algorithm>

#include "compiler/abi/arena.h"
#include "compiler/abi/clock.h"
#include "runtime/engine/reads.h"
#include "runtime/simulate/coverage.h"

namespace dunlin::simulate {

namespace {

using checked::Test;
using checked::TestExpect;
using checked::TestInstance;
using checked::TestStep;
using engine::CaseFile;
using engine::OpenTask;

/// More steps at one instant than this, and time does not go on.
constexpr int steps_at_once_max = 100;
constexpr int64_t wakes_max = 100'000;

struct Broken {
  Span where;
  std::string message;
};

bool reads_variables(const checked::Expr& expr) {
  const auto part_reads = [](const checked::ExprPtr& part) { return part != nullptr && reads_variables(*part); };
  if (expr.op == checked::Op::variable || std::ranges::any_of(expr.args, part_reads)) return true;
  if (expr.aggregate == nullptr) return false;
  const checked::Aggregate& over = *expr.aggregate;
  return part_reads(over.owner) || part_reads(over.value) || part_reads(over.where) || part_reads(over.window_value) ||
         std::ranges::any_of(over.order, [&](const auto& key) { return part_reads(key.key); });
}

/// One test on its way.
class TestRun {
 public:
  TestRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings, const Test& test,
          CoverageCounter& coverage)
      : program_(program),
        evaluator_(evaluator),
        calendar_(calendar),
        settings_(settings),
        test_(test),
        coverage_(coverage),
        stepper_(program, evaluator, calendar, settings),
        file_(program) {}

  TestResult run() {
    result_ = {.title = test_.title, .where = test_.span, .expectations = 0, .failures = {}};
    try {
      make_case();
      for (const TestStep& step : test_.steps) take(step);
    } catch (const Broken& broken) {
      result_.failures.push_back({broken.where, "that this can be done", broken.message, now_});
    }
    return std::move(result_);
  }

 private:
  // ---- the case file ----
  void make_case() {
    position_.assign(test_.instances.size(), -1);
    for (size_t i = 0; i < test_.instances.size(); ++i) make_instance(i);
    file_.finish();
  }

  void make_instance(size_t i) {
    const TestInstance& given = test_.instances[i];
    const int32_t parent = program_.entities[given.entity].parent == checked::none ? -1 : parent_of(given);
    const std::string name = given.name.empty() ? program_.entities[given.entity].name : given.name;
    position_[i] = add(given.entity, parent, name);
    for (const auto& field : given.fields) set_field(position_[i], field, given.span);
  }

  /// Missing ancestors are made with defaults: one of each entity.
  int32_t parent_of(const TestInstance& given) {
    if (given.parent != checked::none) return position_[given.parent];
    return some(program_.entities[given.entity].parent);
  }
  int32_t some(checked::Index entity) {
    for (size_t p = 0; p < file_.instance_count(); ++p) {
      if (file_.instance(static_cast<int32_t>(p)).entity == entity) return static_cast<int32_t>(p);
    }
    const checked::Index above = program_.entities[entity].parent;
    return add(entity, above == checked::none ? -1 : some(above), program_.entities[entity].name);
  }
  int32_t add(checked::Index entity, int32_t parent, const std::string& name) {
    const checked::Entity& kind = program_.entities[entity];
    const int32_t position = file_.add_instance(entity, parent, engine::stable_id(kind.name, name));
    if (kind.key_field == checked::none) return position;
    const checked::Field& key = kind.fields[kind.key_field];
    const bool text = key.type.kind == checked::TypeKind::text;
    file_.slots(position)[key.slot] = text ? reinterpret_cast<int64_t>(file_.text(name)) : position + 1;
    return position;
  }

  // ---- values ----
  const int64_t* value_of(checked::RootId root, Span where, const abi::Instance* self = nullptr) {
    out_.assign(static_cast<size_t>(checked::slot_count(program_, program_.roots[root].type)) + 1, 0);
    int64_t today = 0;
    (void)abi::date_of(calendar_, now_, &today);
    given_.clear();
    for (const int32_t position : position_) given_.push_back(position < 0 ? 0 : reinterpret_cast<int64_t>(&file_.instance(position)));
    const abi::EvalContext context{.case_file = &file_.view(),
                                   .self = self,
                                   .now = now_,
                                   .today = today,
                                   .settings = settings_.data(),
                                   .arguments = given_.data(),
                                   .calendar = &calendar_,
                                   .arena = &file_.arena()};
    const Evaluation done = evaluator_.evaluate(root, context, out_.data());
    if (!done.ok()) throw Broken{where, std::string(abi::fault_text(done.fault)) + " in `" + program_.roots[root].label + "`"};
    return out_.data();
  }
  /// Puts a value into a field's slots, in front of it the flag of an optional field if the value has none.
  void put(const checked::Field& field, const checked::FieldValue& given, int64_t* slots, Span where) {
    const checked::Type& type = program_.roots[given.value].type;
    const int64_t* value = value_of(given.value, where);
    int64_t* to = slots + field.slot;
    if (field.type.optional && !type.optional) *to++ = 1;
    std::copy_n(value, checked::slot_count(program_, type), to);
  }
  void set_field(int32_t position, const checked::FieldValue& given, Span where) {
    put(program_.entities[file_.instance(position).entity].fields[given.field], given, file_.slots(position), where);
  }

  // ---- steps ----
  void take(const TestStep& step) {
    const Instant moment = value_of(step.moment, step.span)[0];
    if (started_ && moment < now_) throw Broken{step.span, "the steps of a test must stand in order of time"};
    if (started_) wake_until(moment, step.span);
    now_ = moment;
    started_ = true;
    for (const auto& [instance, given] : step.sets) set_field(position_[instance], given, step.span);
    if (step.event_type != checked::none) post(step);
    step_now(step.span);
    for (int again = 0; next_wake_ <= now_; ++again) {
      if (again == steps_at_once_max) throw Broken{step.span, "rules go on firing without time going on"};
      step_now(step.span);
    }
    for (const TestExpect& expect : step.expects) judge(expect);
  }

  /// The case file wakes between two moments of a test as it does in `serve`.
  void wake_until(Instant moment, Span where) {
    int64_t wakes = 0;
    while (next_wake_ < moment) {
      if (++wakes > wakes_max) throw Broken{where, "the case file wakes too often between two moments of the test"};
      now_ = std::max(next_wake_, now_);
      step_now(where);
    }
  }

  void step_now(Span where) {
    stepper_.step(file_, now_, stepped_, {.version = 1, .collect_reads = false, .listener = &coverage_});
    if (stepped_.fault.has_value()) {
      std::string message = stepped_.fault->message;
      if (!stepped_.fault->rule_name.empty()) message += " (rule `" + stepped_.fault->rule_name + "`)";
      throw Broken{where, message};
    }
    coverage_.events(stepped_);
    for (const auto& refused : stepped_.refused)
      result_.failures.push_back({where, "that `" + program_.events[refused.event.type].name + "` is accepted", refused.reason, now_});
    next_wake_ = stepped_.wake_at;
  }

  /// The instance itself, or the one of that entity above it or next to it.
  int32_t owner_of(int32_t position, checked::Index entity) {
    for (const abi::Instance* up = &file_.instance(position); up != nullptr; up = up->parent) {
      if (up->entity == entity) return up->position;
    }
    for (size_t p = 0; p < file_.instance_count(); ++p) {
      if (file_.instance(static_cast<int32_t>(p)).entity == entity) return static_cast<int32_t>(p);
    }
    return -1;
  }

  void post(const TestStep& step) {
    const checked::EventType& type = program_.events[step.event_type];
    const int32_t subject = step.subject == checked::none ? owner_of(0, type.owner) : position_[step.subject];
    const int32_t owner = subject < 0 ? -1 : owner_of(subject, type.owner);
    if (owner < 0) throw Broken{step.span, "there is nothing in the test that `" + type.name + "` could happen to"};
    engine::IncomingEvent event{.at = now_, .type = step.event_type, .instance = owner, .slots = {}, .source = {}, .external_id = {}};
    event.slots.assign(static_cast<size_t>(type.slot_count), 0);
    for (const checked::Field& field : type.fields) {
      if (!field.type.optional && field.type.kind == checked::TypeKind::text) event.slots[field.slot] = reinterpret_cast<int64_t>(file_.text({}));
    }
    if (type.queue != checked::none) name_task(type, subject, owner, event.slots);
    for (const auto& given : step.payload) put(type.fields[given.field], given, event.slots.data(), step.span);
    file_.inbox().push_back(std::move(event));
  }

  /// An outcome belongs to a task: the most urgent open one of its queue that concerns the subject or goes to it.
  void name_task(const checked::EventType& type, int32_t subject, int32_t owner, std::vector<int64_t>& slots) {
    const OpenTask* best = nullptr;
    for (const OpenTask& task : file_.tasks()) {
      if (task.queue != type.queue) continue;
      if (!concerns(task.instance, subject, owner) && task.recipient != file_.instance(subject).id) continue;
      if (best == nullptr || task.priority > best->priority) best = &task;
    }
    if (best == nullptr) return;
    const auto fill = [&](const char* name, int64_t value) {
      const checked::Index field = checked::find_field(type.fields, name);
      if (field == checked::none) return;
      slots[type.fields[field].slot] = 1;
      slots[type.fields[field].slot + 1] = value;
    };
    fill("treatment", reinterpret_cast<int64_t>(file_.text(best->treatment)));
    fill("task_identity", static_cast<int64_t>(best->identity));
    fill("cost", program_.queues[type.queue].cost);
  }
  bool concerns(int32_t instance, int32_t subject, int32_t owner) const {
    for (const abi::Instance* up = &file_.instance(instance); up != nullptr; up = up->parent) {
      if (up->position == subject || up->position == owner) return true;
    }
    return false;
  }

  // ---- expectations ----
  void judge(const TestExpect& expect) {
    ++result_.expectations;
    const int32_t subject = expect.subject == checked::none ? -1 : position_[expect.subject];
    switch (expect.kind) {
      case TestExpect::Kind::stage:
        return compare(expect, "stage " + checked::stage_name(program_, expect.stage), stage_of(subject));
      case TestExpect::Kind::not_enrolled:
        return compare(expect, "no stage", stage_of(subject));
      case TestExpect::Kind::task:
      case TestExpect::Kind::no_task:
      case TestExpect::Kind::withheld:
        return judge_task(expect, subject);
      case TestExpect::Kind::expression: {
        if (!has_variables_for(expect.expression, subject)) return fail(expect, expect.text, stage_of(subject) + ", where these variables are not");
        const bool holds = value_of(expect.expression, expect.span, subject < 0 ? nullptr : &file_.instance(subject))[0] != 0;
        if (!holds) fail(expect, expect.text, found_values(expect, subject));
        return;
      }
    }
  }

  /// Variables are there only while the instance is in their strategy, or in a final stage of it.
  bool has_variables_for(checked::RootId expression, int32_t subject) const {
    const checked::Root& root = program_.roots[expression];
    return root.strategy == checked::none || !reads_variables(*root.body) || (subject >= 0 && file_.state(subject).strategy == root.strategy);
  }

  std::string stage_of(int32_t subject) {
    const engine::InstanceState& state = file_.state(std::max(subject, 0));
    return state.stage < 0 ? "no stage" : "stage " + checked::stage_name(program_, state.stage);
  }
  void compare(const TestExpect& expect, const std::string& expected, const std::string& found) {
    if (expected != found) fail(expect, expected, found);
  }
  void fail(const TestExpect& expect, std::string expected, std::string found) {
    result_.failures.push_back({expect.span, std::move(expected), std::move(found), now_});
  }

  std::string found_values(const TestExpect& expect, int32_t subject) {
    engine::Reads reads(program_, evaluator_);
    int64_t today = 0;
    (void)abi::date_of(calendar_, now_, &today);
    const abi::EvalContext context{.case_file = &file_.view(),
                                   .self = &file_.instance(std::max(subject, 0)),
                                   .now = now_,
                                   .today = today,
                                   .settings = settings_.data(),
                                   .arguments = given_.data(),
                                   .calendar = &calendar_,
                                   .arena = &file_.arena()};
    std::vector<engine::ValueRead> values;
    reads.collect(expect.expression, context, values);
    std::string text;
    for (const auto& value : values) text += (text.empty() ? "" : ", ") + value.name + " = " + value.value;
    return text.empty() ? "that it is false" : text;
  }

  void judge_task(const TestExpect& expect, int32_t subject) {
    const bool withheld = expect.kind == TestExpect::Kind::withheld;
    std::string wanted = withheld ? "withheld" : expect.kind == TestExpect::Kind::task ? "task" : "no task";
    if (expect.queue != checked::none) wanted += " " + program_.queues[expect.queue].name;
    if (expect.treatment.has_value()) wanted += " \"" + *expect.treatment + "\"";
    const int64_t recipient = expect.recipient == checked::none ? 0 : file_.instance(position_[expect.recipient]).id;
    if (recipient != 0) wanted += " to " + test_.instances[expect.recipient].name;
    std::string others;
    bool found = false;
    for (const OpenTask& task : file_.tasks()) {
      if (task.marked || !concerns(task.instance, subject, subject)) continue;
      // A task that limits moved is there, and may not go out yet.
      const bool kept_back = task.status == engine::TaskStatus::withheld || task.not_before > now_;
      const bool fits = (withheld ? kept_back : task.status != engine::TaskStatus::withheld) && (expect.queue == checked::none || task.queue == expect.queue) &&
                        (recipient == 0 || task.recipient == recipient) && (!expect.treatment.has_value() || task.treatment == *expect.treatment) &&
                        (expect.fields.empty() || fields_fit(expect, task));
      found = found || fits;
      others += (others.empty() ? "" : ", ") + describe(task);
    }
    if (found != (expect.kind != TestExpect::Kind::no_task)) fail(expect, wanted, others.empty() ? "no open task" : others);
  }
  bool fields_fit(const TestExpect& expect, const OpenTask& task) {
    const auto& fields = program_.queues[expect.queue].fields;
    return std::ranges::all_of(expect.fields, [&](const checked::FieldValue& given) {
      const checked::Field& field = fields[given.field];
      std::vector<int64_t> wanted(static_cast<size_t>(checked::slot_count(program_, field.type)));
      checked::Field first = field;
      first.slot = 0;
      put(first, given, wanted.data(), expect.span);
      return checked::format_value(program_, field.type, wanted.data()) == checked::format_value(program_, field.type, task.fields.data() + field.slot);
    });
  }
  std::string describe(const OpenTask& task) {
    std::string text = (task.status == engine::TaskStatus::withheld ? "withheld " : "task ") + program_.queues[task.queue].name + " \"" + task.treatment + "\"";
    for (size_t given = 0; given < position_.size() && task.recipient != 0; ++given)
      if (file_.instance(position_[given]).id == task.recipient) text += " to " + test_.instances[given].name;
    std::string fields;
    for (const checked::Field& field : program_.queues[task.queue].fields)
      fields += (fields.empty() ? "" : ", ") + field.name + ": " + checked::format_value(program_, field.type, task.fields.data() + field.slot);
    return fields.empty() ? text : text + " { " + fields + " }";
  }

  const checked::Program& program_;
  const Evaluator& evaluator_;
  const abi::Calendar& calendar_;
  const std::vector<int64_t>& settings_;
  const Test& test_;
  CoverageCounter& coverage_;
  engine::Stepper stepper_;
  CaseFile file_;
  engine::StepResult stepped_;
  TestResult result_;
  std::vector<int32_t> position_;  // by Test::instances
  std::vector<int64_t> given_;     // the same as instances: what an expectation may name
  std::vector<int64_t> out_;
  Instant now_ = 0, next_wake_ = abi::never;
  bool started_ = false;
};

/// Gives the rows that were hit to the coverage and forgets the rest.
class RowCounter final : public Evaluator {
 public:
  RowCounter(const Interpreter& interpreter, CoverageCounter& coverage) : interpreter_(interpreter), coverage_(coverage) {}
  Evaluation evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const override {
    Trace trace;
    const Evaluation done = interpreter_.trace(root, context, out, trace);
    coverage_.rows(trace);
    return done;
  }
  const char* name() const override { return interpreter_.name(); }

 private:
  const Interpreter& interpreter_;
  CoverageCounter& coverage_;
};

}  // namespace

int64_t TestReport::failed() const {
  return std::ranges::count_if(results, [](const TestResult& result) { return !result.passed(); });
}

TestReport run_tests(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const TestOptions& options) {
  TestReport report;
  CoverageCounter coverage(program);
  std::unique_ptr<RowCounter> counting;
  if (options.tracer != nullptr) counting = std::make_unique<RowCounter>(*options.tracer, coverage);
  const Evaluator& used = counting != nullptr ? static_cast<const Evaluator&>(*counting) : evaluator;
  abi::Arena arena;
  const std::vector<int64_t> settings = engine::initial_settings(program, used, calendar, arena);
  for (const Test& test : program.tests) {
    if (test.title.find(options.title_contains) == std::string::npos) continue;
    report.results.push_back(TestRun(program, used, calendar, settings, test, coverage).run());
  }
  report.coverage = coverage.take(options.tracer != nullptr);
  return report;
}

}  // namespace dunlin::simulate
