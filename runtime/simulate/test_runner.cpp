#include "runtime/simulate/test_runner.h"

#include <algorithm>

#include "compiler/abi/arena.h"
#include "compiler/abi/clock.h"
#include "lang/sema/checked_letters.h"
#include "lang/sema/experiments.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/letters.h"
#include "runtime/engine/reads.h"
#include "runtime/simulate/case_run.h"
#include "runtime/simulate/coverage.h"
#include "runtime/simulate/drawn.h"
#include "runtime/simulate/expected_words.h"
#include "runtime/simulate/property.h"

namespace dunlin::simulate {

namespace {

using checked::Index;
using checked::Test;
using checked::TestExpect;
using checked::TestInstance;
using checked::TestStep;
using engine::OpenTask;

bool reads_variables(const checked::Expr& expr) {
  const auto part_reads = [](const checked::ExprPtr& part) { return part != nullptr && reads_variables(*part); };
  if (expr.op == checked::Op::variable || std::ranges::any_of(expr.args, part_reads)) return true;
  if (expr.aggregate == nullptr) return false;
  const checked::Aggregate& over = *expr.aggregate;
  return part_reads(over.owner) || part_reads(over.value) || part_reads(over.where) || part_reads(over.window_value) ||
         std::ranges::any_of(over.order, [&](const auto& key) { return part_reads(key.key); });
}

/// One test on its way.
class TestRun final : public CaseRun {
 public:
  /// `drawn` may be null. The coverage, too: then nothing is counted.
  TestRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings, const Test& test,
          const Drawn* drawn, CoverageCounter* coverage)
      : CaseRun(program, evaluator, calendar, settings), test_(test), drawn_(drawn), coverage_(coverage) {
    listener_ = coverage;
  }

  TestResult run() {
    result_ = {.title = test_.title, .where = test_.span, .expectations = 0, .failures = {}, .tried = {}};
    try {
      make_case();
      for (const TestStep& step : test_.steps) {
        go_to(moment_of(step), step.span);
        if (&step == &test_.steps.front() && !fits()) {
          unfit_ = true;
          break;
        }
        take(step);
      }
    } catch (const Broken& broken) {
      result_.failures.push_back({broken.where, "that this can be done", broken.message, now()});
    }
    return std::move(result_);
  }
  /// The values drawn are none that the property is about.
  bool unfit() const { return unfit_; }

 private:
  // ---- the case file ----
  void make_case() {
    position_.assign(test_.instances.size(), -1);
    for (size_t i = 0; i < test_.instances.size(); ++i) make_instance(i);
    file().finish();
  }

  void make_instance(size_t i) {
    const TestInstance& given = test_.instances[i];
    const int32_t parent = program_.entities[given.entity].parent == checked::none ? -1 : parent_of(given);
    const std::string name = given.name.empty() ? program_.entities[given.entity].name : given.name;
    position_[i] = add(given.entity, parent, name);
    if (drawn_ != nullptr) drawn_->fill(program_, static_cast<Index>(i), file(), position_[i]);
    for (const auto& field : given.fields) set_field(position_[i], field, given.span);
    give_arms(static_cast<Index>(i));
  }

  /// In tests nobody is drawn: who is in an arm is said.
  void give_arms(Index instance) {
    if (!program_.trials) return;
    for (const checked::GivenArm& given : program_.trials->given) {
      if (&program_.tests[given.test] != &test_ || given.instance != instance) continue;
      const checked::Experiment& experiment = program_.trials->experiments[given.experiment];
      file()
          .state(position_[instance])
          .arms.push_back({engine::hash_text(experiment.name), engine::hash_text(experiment.arms[given.arm].name), 0,
                           static_cast<int32_t>(experiment.arms[given.arm].from)});
    }
  }

  /// Missing ancestors are made with defaults: one of each entity.
  int32_t parent_of(const TestInstance& given) {
    if (given.parent != checked::none) return position_[given.parent];
    return some(program_.entities[given.entity].parent);
  }

  /// Whether this is a case that the property is about: within the ranges of its fields, and as the conditions say.
  bool fits() {
    if (drawn_ == nullptr) return true;
    for (size_t i = 0; i < test_.instances.size(); ++i) {
      const TestInstance& given = test_.instances[i];
      if (!given.any) continue;
      for (const checked::Field& field : program_.entities[given.entity].fields) {
        if (field.in_range != checked::none && !in_range(field, position_[i])) return false;
      }
      if (given.where == checked::none) continue;
      try {
        if (value_of(given.where, given.span, &file().instance(position_[i]))[0] == 0) return false;
      } catch (const Broken&) {
        return false;  // a condition that cannot be computed is not met
      }
    }
    return true;
  }
  bool in_range(const checked::Field& field, int32_t position) {
    const int64_t* slots = file().slots(position) + field.slot;
    if (field.type.optional && *slots++ == 0) return true;
    const std::vector<int64_t> value(slots, slots + checked::slot_count(program_, field.type.known()));
    try {
      return CaseRun::value_of({program_, evaluator_}, field.in_range, field.span, &file().instance(position), value)[0] != 0;
    } catch (const Broken&) {
      return false;
    }
  }

  // ---- values ----
  const int64_t* value_of(checked::RootId root, Span where, const abi::Instance* self = nullptr) {
    given_.clear();
    for (const int32_t position : position_) given_.push_back(position < 0 ? 0 : reinterpret_cast<int64_t>(&file().instance(position)));
    return CaseRun::value_of({program_, evaluator_}, root, where, self, given_);
  }
  void put(const checked::Field& field, const checked::FieldValue& given, int64_t* slots, Span where) {
    CaseRun::put(program_, field, program_.roots[given.value].type, value_of(given.value, where), slots);
  }
  void set_field(int32_t position, const checked::FieldValue& given, Span where) {
    put(program_.entities[file().instance(position).entity].fields[given.field], given, file().slots(position), where);
  }

  // ---- steps ----
  Instant moment_of(const TestStep& step) {
    if (step.moment == checked::none) return drawn_ == nullptr ? 0 : drawn_->moment(calendar_);
    const Instant moment = value_of(step.moment, step.span)[0];
    if (&step != &test_.steps.front() && moment < now()) throw Broken{step.span, "the steps of a test must stand in order of time"};
    return moment;
  }

  void take(const TestStep& step) {
    for (const auto& [instance, given] : step.sets) set_field(position_[instance], given, step.span);
    if (step.event_type != checked::none) happen(step);
    settle(step.span);
    for (const TestExpect& expect : step.expects) judge(expect);
  }

  void after_step(const engine::StepResult& stepped, Span where) override {
    if (coverage_ != nullptr) coverage_->events(stepped);
    for (const auto& refused : stepped.refused)
      result_.failures.push_back({where, "that `" + program_.events[refused.event.type].name + "` is accepted", refused.reason, now()});
  }

  void happen(const TestStep& step) {
    const checked::EventType& type = program_.events[step.event_type];
    const int32_t subject = step.subject == checked::none ? owner_of(0, type.owner) : position_[step.subject];
    engine::IncomingEvent event = blank_event(step.event_type, subject, step.span);
    for (const auto& given : step.payload) put(type.fields[given.field], given, event.slots.data(), step.span);
    post(std::move(event));
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
        const bool holds = value_of(expect.expression, expect.span, subject < 0 ? nullptr : &file().instance(subject))[0] != 0;
        if (!holds) fail(expect, expect.text, found_values(expect, subject));
        return;
      }
    }
  }

  /// Variables are there only while the instance is in their strategy, or in a final stage of it.
  bool has_variables_for(checked::RootId expression, int32_t subject) const {
    const checked::Root& root = program_.roots[expression];
    return root.strategy == checked::none || !reads_variables(*root.body) || (subject >= 0 && file().state(subject).strategy == root.strategy);
  }

  void compare(const TestExpect& expect, const std::string& expected, const std::string& found) {
    if (expected != found) fail(expect, expected, found);
  }
  void fail(const TestExpect& expect, std::string expected, std::string found) {
    result_.failures.push_back({expect.span, std::move(expected), std::move(found), now()});
  }

  std::string found_values(const TestExpect& expect, int32_t subject) {
    engine::Reads reads(program_, evaluator_);
    std::vector<std::string> names;
    for (const TestInstance& given : test_.instances) names.push_back(given.name == program_.entities[given.entity].name ? std::string() : given.name);
    reads.name_parameters(std::move(names));
    int64_t today = 0;
    (void)abi::date_of(calendar_, now(), &today);
    const abi::EvalContext context{.case_file = &file().view(),
                                   .self = &file().instance(std::max(subject, 0)),
                                   .now = now(),
                                   .today = today,
                                   .settings = settings_.data(),
                                   .arguments = given_.data(),
                                   .calendar = &calendar_,
                                   .arena = &file().arena()};
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
    const int64_t recipient = expect.recipient == checked::none ? 0 : file().instance(position_[expect.recipient]).id;
    if (recipient != 0) wanted += " to " + test_.instances[expect.recipient].name;
    wanted += fields_text(expect);
    const std::string words = expect.kind == TestExpect::Kind::no_task ? "" : words_wanted(expect);
    std::string others;
    bool found = false;
    for (const OpenTask& task : file().tasks()) {
      if (task.marked || !concerns(task.instance, subject, subject)) continue;
      // A task that limits moved is there, and may not go out yet.
      const bool kept_back = task.status == engine::TaskStatus::withheld || task.not_before > now();
      const bool alike = (withheld ? kept_back : task.status != engine::TaskStatus::withheld) &&
                         (expect.queue == checked::none || task.queue == expect.queue) && (recipient == 0 || task.recipient == recipient) &&
                         (!expect.treatment.has_value() || task.treatment == *expect.treatment);
      const bool fits = alike && fields_fit(expect, task);
      found = found || fits;
      others += (others.empty() ? "" : ", ") + describe(task, !fits && alike && fields_fit(expect, task, false) ? words : "");
    }
    if (found != (expect.kind != TestExpect::Kind::no_task)) fail(expect, wanted, others.empty() ? "no open task" : others);
  }
  std::vector<int64_t> value_wanted(const TestExpect& expect, const checked::FieldValue& given) {
    const checked::Field& field = program_.queues[expect.queue].fields[given.field];
    std::vector<int64_t> wanted(static_cast<size_t>(checked::slot_count(program_, field.type)));
    checked::Field first = field;
    first.slot = 0;
    put(first, given, wanted.data(), expect.span);
    return wanted;
  }
  /// Nothing where no words are asked for, or none at all (`letter: missing`).
  std::string words_wanted(const TestExpect& expect) {
    for (const checked::FieldValue& given : expect.fields) {
      if (!is_letter(expect.queue, program_.queues[expect.queue].fields[given.field])) continue;
      const std::vector<int64_t> wanted = value_wanted(expect, given);
      return wanted[0] == 0 ? "" : one_blank(reinterpret_cast<const abi::Text*>(wanted[1])->view());
    }
    return "";
  }
  bool fields_fit(const TestExpect& expect, const OpenTask& task, bool with_letter = true) {
    return std::ranges::all_of(expect.fields, [&](const checked::FieldValue& given) {
      const checked::Field& field = program_.queues[expect.queue].fields[given.field];
      if (is_letter(task.queue, field)) {
        const std::string words = words_wanted(expect);
        // No words at all say nothing of a letter: neither that it is there nor that it is not.
        if (words.empty()) return expect.kind == TestExpect::Kind::no_task;
        return !with_letter || letter_of(task, field).find(words) != std::string::npos;
      }
      const std::vector<int64_t> wanted = value_wanted(expect, given);
      return checked::format_value(program_, field.type, wanted.data()) == checked::format_value(program_, field.type, task.fields.data() + field.slot);
    });
  }
  std::string fields_text(const TestExpect& expect) {
    std::string text;
    for (const checked::FieldValue& given : expect.fields) {
      const checked::Field& field = program_.queues[expect.queue].fields[given.field];
      const std::string value =
          is_letter(expect.queue, field) ? '"' + words_wanted(expect) + '"' : checked::format_value(program_, field.type, value_wanted(expect, given).data());
      text += (text.empty() ? " { " : ", ") + field.name + ": " + value;
    }
    return text.empty() ? text : text + " }";
  }
  bool is_letter(Index queue, const checked::Field& field) const {
    return field.name == checked::letter_field && !checked::letters_of(program_.queues[queue]).empty();
  }
  /// Subject and words as they go out.
  std::string letter_of(const OpenTask& task, const checked::Field& field) {
    const checked::Letter* letter = checked::find_letter(program_, program_.queues[task.queue], task.treatment, file().instance(task.instance).entity);
    const int64_t* slots = task.fields.data() + field.slot;
    if (letter == nullptr || slots[0] == 0) return "";
    const auto text = engine::letter_text(*letter, reinterpret_cast<const abi::Text*>(slots[1])->view(), true);
    if (!text) return "";
    return one_blank(text->subject + "\n" + text->body);
  }
  /// Of a letter that is all that differs: where it comes nearest to these words.
  std::string describe(const OpenTask& task, const std::string& words) {
    std::string text = CaseRun::describe(task);
    for (size_t given = 0; given < position_.size() && task.recipient != 0; ++given)
      if (file().instance(position_[given]).id == task.recipient) text += " to " + test_.instances[given].name;
    std::string fields;
    for (const checked::Field& field : program_.queues[task.queue].fields) {
      const std::string value = !is_letter(task.queue, field) ? checked::format_value(program_, field.type, task.fields.data() + field.slot)
                                : words.empty()               ? '"' + letter_of(task, field) + '"'
                                                              : nearest_words(letter_of(task, field), words);
      fields += (fields.empty() ? "" : ", ") + field.name + ": " + value;
    }
    return fields.empty() ? text : text + " { " + fields + " }";
  }

  const Test& test_;
  const Drawn* drawn_;
  CoverageCounter* coverage_;
  TestResult result_;
  std::vector<int32_t> position_;  // by Test::instances
  std::vector<int64_t> given_;     // the same as instances: what an expectation may name
  bool unfit_ = false;
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
    if (!test.property()) {
      report.results.push_back(TestRun(program, used, calendar, settings, test, nullptr, &coverage).run());
      continue;
    }
    // Accounts drawn at random would reach rules by chance: they count as no coverage.
    PropertyRun property(program, test, options.seed, [&](const Drawn& drawn, bool& unfit) {
      TestRun run(program, evaluator, calendar, settings, test, &drawn, nullptr);
      TestResult result = run.run();
      unfit = run.unfit();
      return result;
    });
    report.results.push_back(property.run(options.tries));
  }
  report.coverage = coverage.take(options.tracer != nullptr);
  return report;
}

}  // namespace dunlin::simulate
