#include "runtime/simulate/explain.h"

#include <algorithm>
#include <map>

#include "compiler/abi/arena.h"
#include "lang/sema/experiments.h"
#include "lang/sema/rule_words.h"
#include "lang/sema/transfers.h"
#include "runtime/engine/holds.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/requests.h"
#include "runtime/simulate/recorder.h"

namespace dunlin::simulate {

namespace {

using checked::Rule;
using engine::CaseFile;

/// What a step tells about the rules of one instance.
class Witness final : public engine::StepListener {
 public:
  struct Seen {
    bool tried = false, held = false, fired = false, timed = false, done = false;
    checked::RootId condition = checked::none;
    Instant anchor = 0, due = abi::never;
    int holds = 0, waits = 0;  // of a standing task: how often its condition held, and how often it then had to wait
  };
  explicit Witness(int32_t instance) : instance_(instance) {}
  void rule_tried(int32_t instance, const Rule& rule, checked::RootId condition, bool held) override {
    if (instance != instance_) return;
    Seen& seen = seen_[rule.key];
    // A rule tried for each of a list holds if it holds for one.
    seen.held = held || (seen.tried && seen.held);
    seen.holds += held ? 1 : 0;
    seen.tried = true;
    seen.condition = condition;
  }
  void rule_fired(int32_t instance, const Rule& rule) override {
    if (instance == instance_) seen_[rule.key].fired = true;
  }
  void timer(int32_t instance, const Rule& rule, Instant anchor, Instant due, bool done) override {
    if (instance != instance_) return;
    Seen& seen = seen_[rule.key];
    // Of a standing task for each of a list the one that comes first counts.
    if (rule.keep && seen.waits++ > 0 && due >= seen.due) return;
    seen.timed = true;
    seen.anchor = anchor;
    seen.due = due;
    seen.done = done;
  }
  void limited(const engine::OpenTask& task, const checked::Limits& limits, const checked::LimitRule& rule, Instant until) override {
    if (task.instance == instance_) held_back[task.id] = {engine::title_of(limits) + ": " + rule.text, until};
  }
  const Seen& of(const Rule& rule) { return seen_[rule.key]; }

  struct HeldBack {
    std::string by;
    Instant until = abi::never;
  };
  std::map<engine::TaskId, HeldBack> held_back;

 private:
  int32_t instance_;
  std::map<uint64_t, Seen> seen_;
};

void take_trace(const Trace& trace, RuleExplained& rule) {
  for (const TraceCondition& condition : trace.conditions) rule.parts.push_back({condition.span, condition.holds, condition.deciding, condition.depth});
  for (const TraceRead& read : trace.reads) {
    if (std::ranges::none_of(rule.read, [&](const auto& other) { return other.name == read.name && other.value == read.value; }))
      rule.read.push_back({read.name, read.value});
  }
}

class Explaining {
 public:
  Explaining(const checked::Program& program, const Interpreter& interpreter, CaseFile& file, int32_t instance, Explanation& explanation)
      : program_(program), recorder_(interpreter), plan_(program), file_(file), instance_(instance), witness_(instance), explanation_(explanation) {}

  void run(const abi::Calendar& calendar, const std::vector<int64_t>& settings, Instant at, std::vector<engine::ExperimentOrder> orders = {}) {
    at_ = at;
    orders_ = std::move(orders);
    before();
    tell_holds();
    tell_arms();
    tell_requests();
    engine::Stepper stepper(program_, recorder_, calendar, settings);
    engine::StepResult result;
    int32_t version = 0;  // some are pinned to older ones
    for (size_t i = 0; i < file_.instance_count(); ++i) version = std::max(version, file_.state(static_cast<int32_t>(i)).version);
    const engine::StepOptions options{.version = version, .collect_reads = false, .listener = &witness_, .orders = &orders_};
    stepper.step(file_, at, result, options);
    explanation_.wake_at = result.wake_at;
    if (result.fault.has_value()) explanation_.fault = result.fault;
    tell_limits();
    for (const std::string& line : done_by(result)) explanation_.would_do.push_back(line);
    explain_enrolment();
    if (stage_ >= 0) explain_stage();
  }

 private:
  void before() {
    const engine::InstanceState& state = file_.state(instance_);
    stage_ = state.stage;
    strategy_ = state.strategy;
    if (stage_ >= 0) {
      explanation_.strategy = program_.strategies[strategy_].name;
      explanation_.stage = program_.stages[stage_].name;
      if (const checked::KeptStrategy* kept = checked::kept_at(program_, strategy_)) explanation_.pinned_to = kept->version;
      explanation_.entered_at = state.entered_at;
      explanation_.enrolled_at = state.enrolled_at;
    }
    for (const engine::OpenTask& task : file_.tasks()) {
      if (task.instance == instance_) explanation_.tasks.push_back(program_.queues[task.queue].name + " \"" + task.treatment + "\"");
    }
  }

  void tell_holds() {
    const checked::Type instant{checked::TypeKind::datetime};
    for (const engine::StandingHold& standing : engine::standing_holds(program_, file_.view(), at_)) {
      const checked::Hold& hold = program_.holds[standing.hold];
      if (!hangs_on(standing.instance)) continue;
      std::string line = hold.deadline == checked::none ? "hold `" + hold.name + "`" : "deadline `" + hold.name + "` is suspended";
      line += " since " + checked::format_value(program_, instant, &standing.since);
      if (standing.until != abi::never) line += " until " + checked::format_value(program_, instant, &standing.until);
      if (!standing.reason.empty()) line += ": " + std::string(standing.reason);
      explanation_.holds.push_back(std::move(line));
    }
  }

  /// Which experiments it is in, and why in that arm.
  void tell_arms() {
    if (!program_.trials) return;
    for (const engine::ArmTaken& taken : file_.state(instance_).arms) {
      for (const checked::Experiment& experiment : program_.trials->experiments) {
        if (engine::hash_text(experiment.name) != taken.experiment) continue;
        const auto arm = std::ranges::find_if(experiment.arms, [&](const auto& one) { return engine::hash_text(one.name) == taken.arm; });
        std::string line = experiment.kind == checked::Experiment::Kind::holdout ? "holdout `" : "experiment `";
        line += experiment.name + "`: " + (arm == experiment.arms.end() ? "an arm that is gone" : "arm `" + arm->name + "`");
        line += " since " + checked::format_value(program_, checked::Type{checked::TypeKind::datetime}, &taken.at);
        const abi::Instance* unit = &file_.instance(instance_);
        while (unit->parent != nullptr && unit->entity != experiment.unit) unit = unit->parent;
        line += taken.draw < 0 ? ", because it was promoted or stopped"
                               : ", drawn " + std::to_string(taken.draw) + " of " + std::to_string(checked::whole_share) + " for " +
                                     program_.entities[unit->entity].name + " " + engine::key_text(program_, *unit);
        explanation_.arms.push_back(std::move(line));
      }
    }
  }

  /// What it waits for, and with whom it is placed.
  void tell_requests() {
    const checked::Type instant{checked::TypeKind::datetime};
    const abi::Instance& self = file_.instance(instance_);
    const auto text = [](const abi::Event& event, checked::Index slot) {
      return slot == checked::none || event.slots[slot] == 0 ? std::string() : std::string(reinterpret_cast<const abi::Text*>(event.slots[slot + 1])->view());
    };
    for (const checked::Request& request : program_.requests) {
      if (self.entity != request.entity) continue;
      if (const abi::Event* open = engine::open_request(request, self); open != nullptr) {
        std::string line =
            "waits for " + engine::request_in_words(program_, request, open->slots) + ", since " + checked::format_value(program_, instant, &open->at);
        if (const std::string role = text(*open, request.role_slot); !role.empty()) line += ", decided by " + role;
        if (request.lapses_slot != checked::none && open->slots[request.lapses_slot] != 0) {
          line += ", until " + checked::format_value(program_, instant, open->slots + request.lapses_slot + 1);
        }
        explanation_.requests.push_back(std::move(line));
      }
      if (const abi::Event* placed = engine::standing_placement(request, self); placed != nullptr) {
        std::string line =
            "placed by `" + request.name + "` with " + text(*placed, request.agency_slot) + " since " + checked::format_value(program_, instant, &placed->at);
        if (const Instant ends = engine::placement_ends(request, *placed); ends != abi::never)
          line += " until " + checked::format_value(program_, instant, &ends);
        explanation_.requests.push_back(std::move(line));
      }
    }
  }

  /// Whether the instance is the one explained or above it.
  bool hangs_on(int32_t position) const {
    for (const abi::Instance* up = &file_.instance(instance_); up != nullptr; up = up->parent) {
      if (up->position == position) return true;
    }
    return false;
  }

  /// Which limit holds a task back, and until when.
  void tell_limits() {
    const checked::Type instant{checked::TypeKind::datetime};
    for (const engine::OpenTask& task : file_.tasks()) {
      const auto found = witness_.held_back.find(task.id);
      if (found == witness_.held_back.end()) continue;
      const bool withheld = task.status == engine::TaskStatus::withheld;
      std::string line = program_.queues[task.queue].name + " \"" + task.treatment + "\" ";
      line += withheld ? "is withheld" : "not before " + checked::format_value(program_, instant, &task.not_before);
      explanation_.tasks.push_back(line + " (" + found->second.by + ")");
    }
  }

  std::vector<std::string> done_by(const engine::StepResult& result) const {
    std::vector<std::string> lines;
    for (const auto& transition : result.transitions) {
      if (transition.instance == instance_) lines.push_back("go " + checked::stage_name(program_, transition.to_stage) + " (" + transition.rule_name + ")");
    }
    static constexpr const char* changes[] = {"create", "update", "withdraw", "mark"};
    for (const auto& effect : result.tasks) {
      if (effect.task.instance != instance_) continue;
      lines.push_back(std::string(changes[static_cast<int>(effect.change)]) + " task " + program_.queues[effect.task.queue].name + " \"" +
                      effect.task.treatment + "\" (" + effect.reason + ")");
    }
    for (const auto& refused : result.refused) {
      lines.push_back("refuse " + program_.events[refused.event.type].name + ": " + refused.reason);
    }
    return lines;
  }

  void explain_enrolment() {
    if (stage_ >= 0 && !program_.stages[stage_].is_final) return;
    for (const int32_t s : plan_.enrolling[file_.instance(instance_).entity]) {
      const checked::Strategy& strategy = program_.strategies[s];
      RuleExplained rule{.place = "enrolment", .kind = "enrol", .name = strategy.name, .where = program_.roots[strategy.enrol].span};
      const Recorder::Entry* entry = recorder_.latest(strategy.enrol, instance_);
      if (entry == nullptr) {
        rule.because = stage_ >= 0 ? "the final stage does not let it enrol again" : "a strategy before it took it";
      } else {
        rule.verdict = entry->held ? Verdict::held : Verdict::not_held;
        rule.because = entry->held ? "its condition holds" : "its condition does not hold";
        take_trace(entry->trace, rule);
      }
      explanation_.rules.push_back(std::move(rule));
    }
  }

  void explain_stage() {
    const bool is_final = program_.stages[stage_].is_final;
    for (const Rule& rule : program_.stages[stage_].rules) add(rule, "stage");
    if (!is_final) {
      for (const Rule& rule : program_.strategies[strategy_].rules) add(rule, "strategy");
    }
    for (const auto& always : program_.always) {
      if (always.entity != checked::none && always.entity != program_.strategies[strategy_].entity) continue;
      for (const Rule& rule : always.rules) add(rule, "always");
    }
  }

  void add(const Rule& rule, const char* place) {
    if (rule.kind == Rule::Kind::on_entry) return;  // past
    RuleExplained made{.place = place, .kind = checked::kind_word(rule.kind), .name = rule.name, .where = rule.span};
    const Witness::Seen& seen = witness_.of(rule);
    for (const checked::RootId root :
         {rule.instant, rule.guard, rule.keep.has_value() ? rule.keep->binder_where : checked::none,
          rule.keep.has_value() ? rule.keep->condition : checked::none, rule.keep.has_value() ? rule.keep->recipient : checked::none}) {
      if (root == checked::none) continue;
      if (const Recorder::Entry* entry = recorder_.latest(root, instance_)) take_trace(entry->trace, made);
    }
    if (seen.timed && (!rule.keep || (seen.waits >= seen.holds && seen.due != abi::never))) made.due = seen.due;
    judge(rule, seen, made);
    explanation_.rules.push_back(std::move(made));
  }

  /// Whether the standing task has nobody to go to, as often as the step looked.
  bool goes_to_nobody(const Rule& rule) const {
    if (!rule.keep || rule.keep->recipient == checked::none || !program_.roots[rule.keep->recipient].type.optional) return false;
    const auto looked = [&](const Recorder::Entry& entry) { return entry.root == rule.keep->recipient && entry.instance == instance_; };
    const auto nobody = [&](const Recorder::Entry& entry) { return !looked(entry) || !entry.held; };
    if (rule.keep->binder_entity != checked::none) return std::ranges::all_of(recorder_.entries(), nobody) && std::ranges::any_of(recorder_.entries(), looked);
    const Recorder::Entry* latest = recorder_.latest(rule.keep->recipient, instance_);
    return latest != nullptr && !latest->held;
  }

  void judge(const Rule& rule, const Witness::Seen& seen, RuleExplained& made) const {
    const auto say = [&](Verdict verdict, std::string because) {
      made.verdict = verdict;
      made.because = std::move(because);
    };
    const bool timer = rule.kind == Rule::Kind::after || rule.kind == Rule::Kind::at || rule.kind == Rule::Kind::every;
    const bool keep = rule.kind == Rule::Kind::keep;
    if (keep && seen.tried && !seen.held)
      return say(Verdict::not_held, seen.fired ? "its condition does not hold any more; its task goes" : "its condition does not hold");
    if (keep && seen.tried && goes_to_nobody(rule))
      return say(Verdict::not_held, seen.fired ? "there is nobody any more it could go to; its task goes" : "there is nobody it could go to");
    if (keep && seen.held && seen.waits > 0 && seen.waits >= seen.holds) {
      if (seen.due == abi::never)
        return say(Verdict::done, seen.done ? "it has been tried as often as it may" : "after what its last attempt came to it does not come again");
      return say(Verdict::waiting, seen.done ? "it has been tried as often as it may today" : "it comes again some time after its last attempt");
    }
    if (keep && !seen.tried && rule.keep->binder_entity != checked::none && !explanation_.fault) return say(Verdict::not_held, "nothing in its list fits");
    if (seen.fired) return say(Verdict::held, "it acts");
    if (timer && seen.timed && seen.done && rule.kind != Rule::Kind::every) return say(Verdict::done, "it has fired for this date, or came too late for it");
    if (timer && seen.timed && !seen.done && seen.due == abi::never)
      return say(Verdict::waiting, rule.deadline != checked::none ? "it is suspended" : "its clock stands still until a hold is lifted");
    if (timer && seen.timed && seen.due > at_) return say(Verdict::waiting, "it is not due yet");
    if (seen.tried && !seen.held) return say(Verdict::not_held, timer ? "it is due, and its condition does not hold" : "its condition does not hold");
    if (seen.tried) return say(Verdict::held, keep ? "its condition holds" : "its condition holds, and it leads nowhere new");
    if (rule.kind == Rule::Kind::on_event) return say(Verdict::no_event, "no such event has just come");
    if (timer && !seen.timed && rule.anchor == Rule::Anchor::instant) return say(Verdict::waiting, "the date it hangs on is missing");
    if (timer) return say(Verdict::done, "it has acted as often as it may");
    say(Verdict::not_tried, "something before it decided");
  }

  const checked::Program& program_;
  Recorder recorder_;
  engine::Plan plan_;
  CaseFile& file_;
  const int32_t instance_;
  Witness witness_;
  Explanation& explanation_;
  Instant at_ = 0;
  std::vector<engine::ExperimentOrder> orders_;
  int32_t stage_ = -1, strategy_ = -1;
};

}  // namespace

const char* verdict_text(Verdict verdict) {
  static constexpr const char* names[] = {"held", "not held", "waiting", "done", "no event", "not tried"};
  return names[static_cast<int>(verdict)];
}

namespace {

/// Types of events that a step may raise by itself. It does so again when it is looked at again; they must not be handed to it as well.
std::vector<bool> raised_by_steps(const checked::Program& program) {
  std::vector<bool> raised(program.events.size(), false);
  const auto mark = [&](checked::Index event) {
    if (event != checked::none) raised[static_cast<size_t>(event)] = true;
  };
  const auto mark_rules = [&](const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      for (const checked::Action& action : rule.actions) mark(action.event_type);
    }
  };
  for (const checked::Stage& stage : program.stages) mark_rules(stage.rules);
  for (const checked::Strategy& strategy : program.strategies) mark_rules(strategy.rules);
  for (const checked::Always& always : program.always) mark_rules(always.rules);
  for (const checked::Hold& hold : program.holds) {
    for (const checked::Index event : {hold.placed, hold.lifted, hold.ended}) mark(event);
  }
  for (const checked::Deadline& deadline : program.deadlines) {
    for (const checked::Index event : {deadline.warned, deadline.missed}) mark(event);
  }
  for (const checked::Request& request : program.requests) {
    for (const checked::Index event : {request.asked, request.withdrawn, request.overdue, request.lapsed, request.ended, request.recalled, request.extended})
      mark(event);
  }
  return raised;
}

/// The case file just before `at`, with the events of that very instant still to be handled, if there are any: so the step that met them is seen again.
/// `then` must outlive it: it keeps the texts of the events.
std::unique_ptr<CaseFile> before_its_events(store::Store& store, const checked::Program& program, const std::string& entity, const std::string& key, Instant at,
                                            const CaseFile& then) {
  const auto& history = then.view().events;
  std::vector<const abi::Event*> fresh;
  const auto raised = raised_by_steps(program);
  for (int64_t i = history.count; i-- > 0 && history.items[i]->at == at;) {
    if (!raised[static_cast<size_t>(history.items[i]->type)]) fresh.insert(fresh.begin(), history.items[i]);
  }
  if (fresh.empty()) return nullptr;
  auto before = store.load_case(program, entity, key, at - 1);
  if (!before) return nullptr;  // it came into being with them
  for (const abi::Event* event : fresh) {
    const int32_t owner = (*before)->find(event->owner->id);
    if (owner < 0) return nullptr;
    engine::IncomingEvent again{.at = event->at, .type = event->type, .instance = owner};
    again.slots.assign(event->slots, event->slots + program.events[event->type].slot_count);
    (*before)->inbox().push_back(std::move(again));
  }
  return std::move(*before);
}

}  // namespace

Explanation explain_case(CaseFile& file, int32_t instance, const checked::Program& program, const Interpreter& interpreter, const abi::Calendar& calendar,
                         const std::vector<int64_t>& settings, Instant at) {
  Explanation explanation{.entity = program.entities[file.instance(instance).entity].name, .key = engine::key_text(program, file.instance(instance)), .at = at};
  Explaining(program, interpreter, file, instance, explanation).run(calendar, settings, at);
  return explanation;
}

store::Result<Explanation> explain(store::Store& store, const checked::Program& program, const Interpreter& interpreter, const abi::Calendar& calendar,
                                   const std::vector<int64_t>& settings, const std::string& entity, const std::string& key, Instant at, const AsRead& as_read) {
  auto file = store.load_case(program, entity, key, at);
  ReadThen read;
  if (as_read) {
    // Data may have come in later under a date before it: then nothing was there at that instant, and still a step has read it.
    auto now = file ? store::Result<std::unique_ptr<CaseFile>>(nullptr) : store.load_case(program, entity, key, std::nullopt);
    if (!now) return std::unexpected(now.error());
    auto found = as_read((file ? *file : *now)->debtor_id, at);
    if (!found) return std::unexpected(found.error());
    read = std::move(*found);
  }
  const int64_t id = engine::stable_id(entity, key);
  if (read.file != nullptr && read.file->find(id) >= 0) {
    at = read.at;
  } else {
    if (!file) return std::unexpected(file.error());
    if ((*file)->find(id) < 0)
      return std::unexpected(store::StoreError{store::StoreError::Kind::input, entity + " `" + key + "` was not there yet at that instant"});
    read.file = before_its_events(store, program, entity, key, at, **file);
  }
  Explanation explanation{.entity = entity, .key = key, .at = at};
  auto way = store.transitions(entity, key);
  if (!way) return std::unexpected(way.error());
  for (auto& row : *way) {
    if (row.at <= at) explanation.way.push_back(std::move(row));
  }
  if (auto rows = store.quarantine_of(entity, key, 50)) {
    for (auto& row : *rows) {
      if (row.at <= at) explanation.set_aside.push_back(std::move(row));
    }
  }
  constexpr int64_t decisions_max = 50;
  if (auto decided = store.decisions(entity, key, decisions_max, at)) explanation.decisions = std::move(*decided);
  if (auto notes = store.notes(entity, key)) {
    for (auto& note : *notes) {
      if (note.at <= at) explanation.notes.push_back(std::move(note));
    }
  }
  std::vector<engine::ExperimentOrder> orders;
  if (program.trials) {
    auto ordered = store.experiment_orders();
    if (!ordered) return std::unexpected(ordered.error());
    orders = std::move(*ordered);
  }
  CaseFile& looked_at = read.file != nullptr ? *read.file : **file;
  Explaining(program, interpreter, looked_at, looked_at.find(id), explanation).run(calendar, settings, at, std::move(orders));
  return explanation;
}

}  // namespace dunlin::simulate
