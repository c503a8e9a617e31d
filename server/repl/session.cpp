#include "server/repl/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/abi/arena.h"
#include "compiler/ir/lower.h"
#include "lang/diag/render.h"
#include "runtime/simulate/explain.h"
#include "server/native_libraries.h"
#include "server/output/terminal.h"

namespace dunlin::server {

using checked::Index;
using checked::none;
using simulate::Broken;

namespace {

const char* const typed_path = "typed";

/// What is wrong, without the warnings: those are the bundle's, and a line that was typed has nothing to do with them.
Diagnostics errors_of(const Diagnostics& found) {
  Diagnostics result;
  for (const Diagnostic& one : found.all()) {
    if (one.severity == Severity::error) result.error(one.code, one.span, one.message) = one;
  }
  return result;
}

/// The bundle's sources with the typed text in place of the file that was made around it, so that places are where the writer typed.
Diagnostics as_typed(const Diagnostics& found, const SourceMap& sources, uint32_t file, const std::string& text, size_t before, SourceMap& shown) {
  for (uint32_t i = 0; i < sources.size(); ++i) shown.add(i == file ? typed_path : sources.path(i), i == file ? text : std::string(sources.text(i)));
  const auto moved = [&](Span span) {
    if (span.file != file) return span;
    const auto place = [&](uint32_t offset) { return static_cast<uint32_t>(std::clamp<size_t>(offset, before, before + text.size()) - before); };
    return Span{file, place(span.begin), place(span.end)};
  };
  Diagnostics result;
  const Diagnostics errors = errors_of(found);
  for (Diagnostic one : errors.all()) {
    one.span = moved(one.span);
    for (Note& note : one.notes) note.span = moved(note.span);
    one.fixes.clear();
    result.error(one.code, one.span, one.message) = one;
  }
  return result;
}

Answer refused(const std::string& message, const std::string& help = {}) {
  Answer answer;
  answer.good = false;
  answer.text = "error: " + printable(message) + "\n" + (help.empty() ? "" : "  help: " + printable(help) + "\n");
  answer.facts.emplace_back("error", message);
  if (!help.empty()) answer.facts.emplace_back("help", help);
  return answer;
}

Answer refused(const Diagnostics& diagnostics, const SourceMap& sources, bool color) {
  Answer answer;
  answer.good = false;
  answer.text = render_text(diagnostics, sources, {.color = color});
  for (const Diagnostic& one : diagnostics.all()) {
    answer.facts.emplace_back("code", one.code);
    answer.facts.emplace_back("error", one.message);
    if (one.span.known()) answer.facts.emplace_back("where", sources.locate(one.span));
    if (!one.help.empty()) answer.facts.emplace_back("help", one.help);
    break;  // for programs the first; people see all
  }
  return answer;
}

}  // namespace

/// A case that tells what happens to it.
class Session::Run final : public simulate::CaseRun {
 public:
  using CaseRun::CaseRun;
  std::vector<std::string> take_happened() { return std::exchange(happened_, {}); }
  int32_t position = -1;  // of the instance in question

 private:
  void after_step(const engine::StepResult& stepped, Span) override {
    static constexpr const char* changes[] = {"task", "task changed", "withdrawn", "no longer needed"};
    for (const auto& transition : stepped.transitions)
      happened_.push_back("stage " + checked::stage_name(program_, transition.to_stage) +
                          (transition.rule == 0 ? " (enrolled)" : " (" + transition.rule_name + ")"));
    for (const auto& effect : stepped.tasks)
      happened_.push_back(std::string(changes[static_cast<int>(effect.change)]) + " " + program_.queues[effect.task.queue].name + " \"" +
                          effect.task.treatment + "\"");
    for (const auto& note : stepped.notes) happened_.push_back((note.whom.empty() ? "note" : "notify " + note.whom) + " \"" + note.text + "\"");
    for (const auto& refused : stepped.refused) happened_.push_back("refused " + program_.events[refused.event.type].name + ": " + refused.reason);
  }
  std::vector<std::string> happened_;
};

/// The bundle with something typed beside it.
struct Session::Checked {
  SourceMap sources;
  Diagnostics diagnostics;
  TypedCheck check;
  std::shared_ptr<const ir::Program> ir;
  std::unique_ptr<Interpreter> interpreter;
  simulate::CaseRun::Asked asked() const { return {*check.program, *interpreter}; }

  /// Makes what is needed to evaluate. False: a part is missing, and the sentence says which.
  std::expected<void, std::string> lower() {
    ir = ir::lower(*check.program);
    auto natives = native_functions();
    if (!natives) return std::unexpected(natives.error());
    interpreter = make_interpreter(*ir, *natives);
    return {};
  }
};

Session::Session(const RunnableBundle& bundle, const import::Zone& zone, CaseSource source, bool color)
    : bundle_(bundle), zone_(zone), clock_(zone), source_(std::move(source)), color_(color) {
  abi::Arena arena;
  settings_ = engine::initial_settings(program(), *bundle.machine.interpreter, *bundle.machine.calendar->view(), arena);
}
Session::~Session() = default;

// ---- the case ----

std::expected<std::unique_ptr<Session::Run>, std::string> Session::make_run() const {
  const Evaluator& evaluator = *bundle_.machine.interpreter;
  const abi::Calendar& calendar = *bundle_.machine.calendar->view();
  if (source_.load) {
    auto file = source_.load();
    if (!file) return std::unexpected(file.error());
    const int32_t position = (*file)->find(engine::stable_id(program().entities[source_.entity].name, source_.key));
    if (position < 0) return std::unexpected(fmt::format("{} `{}` was not there yet at that instant", program().entities[source_.entity].name, source_.key));
    auto run = std::make_unique<Run>(program(), evaluator, calendar, settings_, std::move(*file), source_.at);
    run->position = position;
    return run;
  }
  auto run = std::make_unique<Run>(program(), evaluator, calendar, settings_);
  const Index above = program().entities[source_.entity].parent;
  run->position = run->add(source_.entity, above == none ? -1 : run->some(above), source_.key);
  for (const auto& given : source_.values) {
    const int32_t position = run->owner_of(run->position, given.entity);
    const checked::Field& field = program().entities[given.entity].fields[given.field];
    simulate::write_slots(program(), field.type, given.value, run->file().arena(), run->file().slots(position) + field.slot);
  }
  run->file().finish();
  run->go_to(source_.at, {});
  return run;
}

std::expected<Answer, std::string> Session::begin() {
  auto run = make_run();
  if (!run) return std::unexpected(run.error());
  run_ = std::move(*run);
  deeds_.clear();
  if (source_.load) return Answer{};  // as the database has it
  return act({.at = source_.at, .set = {}, .payload = {}, .step = true});
}

std::string Session::where() const {
  const auto& entity = program().entities[source_.entity];
  const engine::InstanceState& state = run_->file().state(run_->position);
  return fmt::format("{} {} on {}, {}", entity.name, engine::key_text(program(), run_->file().instance(run_->position)), clock_.text(run_->now()),
                     state.stage < 0 ? "in no stage" : run_->stage_of(run_->position));
}

void Session::redo(Run& run, const Deed& deed) const {
  run.go_to(deed.at, {});
  if (deed.set) {
    const int32_t position = run.owner_of(run.position, deed.set->entity);
    const checked::Field& field = program().entities[deed.set->entity].fields[deed.set->field];
    simulate::write_slots(program(), field.type, deed.set->value, run.file().arena(), run.file().slots(position) + field.slot);
  }
  if (deed.event != none) {
    engine::IncomingEvent event = run.blank_event(deed.event, run.position, {});
    const auto& fields = program().events[deed.event].fields;
    for (const auto& [index, value] : deed.payload) {
      simulate::write_slots(program(), fields[index].type, value, run.file().arena(), event.slots.data() + fields[index].slot);
    }
    run.post(std::move(event));
  }
  if (deed.step) run.settle({});
}

/// Does it, and tells what came of it. A fault leaves the case as it was before.
Answer Session::act(Deed deed) {
  Answer answer;
  try {
    redo(*run_, deed);
  } catch (const Broken& broken) {
    answer = refused(broken.message, "the case is as it was before");
    if (auto again = make_run()) {
      run_ = std::move(*again);
      for (const Deed& done : deeds_) redo(*run_, done);
      run_->take_happened();
    }
    return answer;
  }
  deeds_.push_back(std::move(deed));
  answer.happened = run_->take_happened();
  for (const std::string& line : answer.happened) answer.text += "  " + printable(line) + "\n";
  answer.facts.emplace_back("stage",
                            run_->file().state(run_->position).stage < 0 ? "" : checked::stage_name(program(), run_->file().state(run_->position).stage));
  return answer;
}

// ---- what is typed ----

/// Every instance that may be named: the one in question and all it hangs on, topmost first.
std::string Session::givens() const {
  std::string text;
  for (Index entity = source_.entity; entity != none; entity = program().entities[entity].parent)
    text = "given " + program().entities[entity].name + " { }\n" + text;
  return text;
}

/// Checks a test that is made around the text. Not good: the answer says why.
Answer Session::typed(const std::string& before, const std::string& text, const std::string& after, Checked& checked) const {
  const std::string head = "test \"typed\" {\n" + before;
  BundleSources sources = bundle_.checked->files;
  sources.files.push_back({std::string(typed_path) + ".dun", head + text + after + "\n}\n"});
  checked.check = check_typed(sources, checked.sources, checked.diagnostics, {.stdlib = bundle_.checked->stdlib, .analyse = false}, cache_, {});
  if (checked.check.program == nullptr) {
    SourceMap shown;
    uint32_t file = Span::no_file;
    for (uint32_t i = 0; i < checked.sources.size(); ++i) {
      if (checked.sources.path(i) == std::string(typed_path) + ".dun") file = i;
    }
    return refused(as_typed(checked.diagnostics, checked.sources, file, text, head.size(), shown), shown, color_);
  }
  if (auto done = checked.lower(); !done) return refused(done.error());
  return {};
}

Answer Session::give(const std::string& fields) {
  std::string before;
  for (Index entity = program().entities[source_.entity].parent; entity != none; entity = program().entities[entity].parent)
    before = "given " + program().entities[entity].name + " { }\n" + before;
  Checked checked;
  Answer answer = typed(before + "given " + program().entities[source_.entity].name + " { ", fields, " }", checked);
  if (!answer.good) return answer;
  simulate::CaseRun blank(program(), *bundle_.machine.interpreter, *bundle_.machine.calendar->view(), settings_);
  try {
    blank.go_to(source_.at, {});
    for (const auto& given : checked.check.program->tests.back().instances.back().fields) {
      const checked::Type& type = checked.check.program->roots[given.value].type;
      const int64_t* slots = blank.value_of(checked.asked(), given.value, {}, nullptr, {});
      source_.values.push_back({source_.entity, given.field, simulate::read_slots(*checked.check.program, type, slots)});
    }
  } catch (const Broken& broken) {
    return refused(broken.message);
  }
  return answer;
}

Answer Session::evaluate(const std::string& text, bool only_type) {
  Checked checked;
  BundleSources sources = bundle_.checked->files;
  sources.files.push_back({std::string(typed_path) + ".dun", ""});  // as in typed(): the trees that are known stay good
  const engine::InstanceState& state = run_->file().state(run_->position);
  checked.check = check_typed(sources, checked.sources, checked.diagnostics, {.stdlib = bundle_.checked->stdlib, .analyse = false}, cache_,
                              {.path = typed_path, .text = text, .entity = source_.entity, .strategy = state.strategy});
  if (checked.check.program == nullptr || checked.check.root == none) return refused(errors_of(checked.diagnostics), checked.sources, color_);
  const checked::Program& with = *checked.check.program;
  const checked::Root& root = with.roots[checked.check.root];
  Answer answer;
  const std::string type = checked::type_name(with, root.type);
  answer.facts.emplace_back("type", type);
  if (only_type) {
    answer.text = type + "\n";
    return answer;
  }
  if (root.type.kind == checked::TypeKind::list) return refused("a list has no value of its own", "ask `count(…)`, `sum(…)`, `first(…)` or the like of it");
  if (auto done = checked.lower(); !done) return refused(done.error());
  try {
    const int64_t* slots = run_->value_of(checked.asked(), checked.check.root, {}, &run_->file().instance(run_->position), {});
    const std::string value = checked::format_value(with, root.type, slots);
    answer.facts.emplace(answer.facts.begin(), "value", value);
    const int64_t wake = root.wants_wake ? slots[checked::slot_count(with, root.type)] : abi::never;
    const std::string change = !root.wants_wake     ? "moves with the clock"
                               : wake == abi::never ? "changes only with the data"
                                                    : "may change at " + clock_.text(wake);
    answer.facts.emplace_back("wake", !root.wants_wake ? "clock" : wake == abi::never ? "never" : clock_.text(wake));
    answer.text = fmt::format("{}   {}\n", styled(printable(value), Style::bold, color_), styled(fmt::format("{}; {}", type, change), Style::dim, color_));
  } catch (const Broken& broken) {
    return refused(broken.message);
  }
  return answer;
}

Answer Session::set(const std::string& text) {
  Checked checked;
  Answer answer = typed(givens() + "at 1970-01-01 : set ", text, "", checked);
  if (!answer.good) return answer;
  const checked::Test& test = checked.check.program->tests.back();
  if (test.steps.empty() || test.steps[0].sets.size() != 1) return refused("one field is set at a time", ":set overdue = 500");
  const auto& [instance, given] = test.steps[0].sets[0];
  try {
    const checked::Type& type = checked.check.program->roots[given.value].type;
    const int64_t* slots = run_->value_of(checked.asked(), given.value, {}, nullptr, {});
    return act({.at = run_->now(),
                .set = CaseSource::Value{test.instances[instance].entity, given.field, simulate::read_slots(*checked.check.program, type, slots)},
                .payload = {},
                .step = true});
  } catch (const Broken& broken) {
    return refused(broken.message);
  }
}

Answer Session::event(const std::string& text) {
  Checked checked;
  Answer answer = typed(givens() + "on 1970-01-01 ", text, "", checked);
  if (!answer.good) return answer;
  const checked::Test& test = checked.check.program->tests.back();
  if (test.steps.size() != 1 || test.steps[0].event_type == none) return refused("an event is needed", ":event payment { amount: 50 }");
  Deed deed{.at = run_->now(), .set = {}, .event = test.steps[0].event_type, .payload = {}, .step = true};
  try {
    for (const auto& given : test.steps[0].payload) {
      const checked::Type& type = checked.check.program->roots[given.value].type;
      deed.payload.emplace_back(given.field, simulate::read_slots(*checked.check.program, type, run_->value_of(checked.asked(), given.value, {}, nullptr, {})));
    }
  } catch (const Broken& broken) {
    return refused(broken.message);
  }
  return act(std::move(deed));
}

Answer Session::go_to(const std::string& moment) {
  auto at = import::ValueReader(program(), zone_).read_instant(moment, import::ValueFormat{});
  if (!at) return refused(at.error(), ":at 2026-02-01   or   :at 2026-02-01 09:30");
  if (*at < run_->now()) return refused(fmt::format("it is {} already, and time goes forward only", clock_.text(run_->now())), ":reset begins anew");
  Answer answer = act({.at = *at, .set = {}, .payload = {}, .step = true});
  if (answer.good) answer.facts.emplace_back("at", clock_.text(run_->now()));
  return answer;
}

// ---- what is there ----

Answer Session::why(const std::string& rule) {
  auto run = make_run();
  if (!run) return refused(run.error());
  try {
    for (const Deed& deed : deeds_) redo(**run, deed);
  } catch (const Broken& broken) {
    return refused(broken.message);
  }
  const auto explanation = simulate::explain_case((*run)->file(), (*run)->position, program(), *bundle_.machine.interpreter, *bundle_.machine.calendar->view(),
                                                  settings_, run_->now());
  Answer answer;
  const auto& sources = bundle_.checked->sources;
  for (const auto& one : explanation.rules) {
    if (!rule.empty() && one.name.find(rule) == std::string::npos && sources.text(one.where).find(rule) == std::string_view::npos) continue;
    answer.text += rule_text(one, sources, clock_, color_);
    answer.rules.push_back(rule_json(one, sources, clock_));
  }
  if (!answer.rules.empty()) return answer;
  if (explanation.rules.empty()) return refused("no rule can act here: no strategy is for it");
  std::string names;
  for (const auto& one : explanation.rules) names += (names.empty() ? "`" : ", `") + one.name + "`";
  return refused(fmt::format("no rule that could act has `{}` in its name", rule), "there are " + names);
}

Answer Session::stages() {
  Answer answer;
  auto& names = answer.lists.emplace_back("stages", std::vector<std::string>{}).second;
  const engine::InstanceState& state = run_->file().state(run_->position);
  for (size_t i = 0; i < program().stages.size(); ++i) {
    const checked::Stage& stage = program().stages[i];
    if (program().strategies[stage.strategy].entity != source_.entity) continue;
    const bool here = state.stage == static_cast<int32_t>(i);
    const std::string name = checked::stage_name(program(), static_cast<Index>(i));
    answer.text += fmt::format("{} {}{}\n", here ? "->" : "  ", name, here ? "   since " + clock_.text(state.entered_at) : stage.is_final ? "   (final)" : "");
    names.push_back(name);
    if (here) answer.facts.emplace_back("stage", name);
  }
  if (answer.text.empty()) return refused(fmt::format("no strategy is for `{}`", program().entities[source_.entity].name));
  if (state.stage < 0) answer.text += "in none of them\n";
  return answer;
}

Answer Session::tasks() {
  Answer answer;
  auto& lines = answer.lists.emplace_back("tasks", std::vector<std::string>{}).second;
  for (const engine::OpenTask& task : run_->file().tasks()) {
    if (task.marked || !run_->concerns(task.instance, run_->position, run_->position)) continue;
    std::string line = run_->describe(task);
    if (task.not_before > run_->now()) line += ", not before " + clock_.text(task.not_before);
    if (task.due != abi::never) line += ", due " + clock_.text(task.due);
    lines.push_back(line);
    answer.text += "  " + printable(line) + "\n";
  }
  if (answer.text.empty()) answer.text = "no open task\n";
  return answer;
}

}  // namespace dunlin::server
