#include "runtime/simulate/cap_story_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/abi/clock.h"

namespace dunlin::simulate {

using checked::Index;
using engine::OpenTask;

namespace {

constexpr Instant horizon = 130 * int64_t{86'400} * abi::us_per_second;
/// Tasks that are done at one instant: more, and the strategy never lets the debtor go.
constexpr int done_at_once_max = 40;
/// Tasks that wait: more, and the rest of the days is one long queue.
constexpr size_t waiting_max = 20;

}  // namespace

CapStoryRun::CapStoryRun(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar, const std::vector<int64_t>& settings,
                         const CapPlot& plot)
    : CaseRun(program, evaluator, calendar, settings), plot_(plot) {
  listener_ = this;
}

void CapStoryRun::run(int64_t steps, const CapHit* until) {
  until_ = until;
  try {
    make_debtor();
    start_ = plot_.debtor.moment(calendar_);
    go_to(start_, {});
    if (!fits()) return;
    for (const CapPlot::Payload& payload : plot_.first) {
      if (owner_of(0, program_.events[payload.event].owner) < 0) continue;
      tell(fmt::format("{}{}", program_.events[payload.event].name, text_of_payload(payload, 0)));
      post(happening(payload, 0));
      // What happens to one of two happens to the other.
      const auto second = static_cast<int32_t>(program_.entities.size());
      if (plot_.twice != checked::none && program_.events[payload.event].owner == plot_.twice) post(happening(payload, second));
    }
    settle({});
    go_on(steps);
  } catch (const Broken&) {
    // A fault ends this debtor's days: it is found and told elsewhere.
  }
}

void CapStoryRun::go_on(int64_t steps) {
  while (!reached_ && steps_ < steps) {
    do_tasks();
    if (reached_ || spoiled_ || file().tasks().size() > waiting_max) return;
    Instant next = next_wake();
    for (const OpenTask& task : file().tasks()) {
      if (task.status == engine::TaskStatus::ready && task.not_before > now()) next = std::min(next, task.not_before);
    }
    if (next > start_ + horizon) return;
    go_to(next, {});
    settle({});
  }
}

// ---- the debtor -----------------------------------------------------------------------------

/// One of everything: what hangs on it is there once. The second of a plot with two has nothing below it.
void CapStoryRun::make_debtor() {
  for (size_t e = 0; e < program_.entities.size(); ++e) {
    const checked::Entity& entity = program_.entities[e];
    const int32_t position = add(static_cast<Index>(e), entity.parent == checked::none ? -1 : entity.parent, entity.name);
    plot_.debtor.fill(program_, static_cast<Index>(e), file(), position);
  }
  if (plot_.twice != checked::none) {
    const checked::Entity& entity = program_.entities[plot_.twice];
    const int32_t second = add(plot_.twice, entity.parent == checked::none ? -1 : entity.parent, entity.name + "_2");
    plot_.debtor.fill(program_, plot_.twice, file(), second);
  }
  file().finish();
}

/// Whether rows with such values would be taken in.
bool CapStoryRun::fits() {
  for (size_t e = 0; e < program_.entities.size(); ++e) {
    for (const checked::Field& field : program_.entities[e].fields) {
      if (field.in_range == checked::none) continue;
      const auto position = static_cast<int32_t>(e);
      const int64_t* slots = file().slots(position) + field.slot;
      if (field.type.optional && *slots++ == 0) continue;
      const std::vector<int64_t> value(slots, slots + checked::slot_count(program_, field.type.known()));
      if (value_of({program_, evaluator_}, field.in_range, field.span, &file().instance(position), value)[0] == 0) return false;
    }
  }
  return true;
}

// ---- what happens ---------------------------------------------------------------------------

/// Everything that may go out now is done, one after the other.
void CapStoryRun::do_tasks() {
  for (int done = 0; done < done_at_once_max && !reached_ && !spoiled_; ++done) {
    const auto& tasks = file().tasks();
    const auto next = std::ranges::find_if(tasks, [&](const OpenTask& task) {
      // A standing task without outcomes would come back at once: it is left to stand.
      const bool endless = task.standing && program_.queues[task.queue].outcomes == checked::none;
      return task.status == engine::TaskStatus::ready && task.not_before <= now() && !endless && !refused_.contains(task.id);
    });
    if (next == tasks.end()) return;
    const OpenTask task = *next;
    const CapPlot::Payload& payload = plot_.outcomes[task.queue];
    if (payload.event == checked::none) {
      tell(task_text(task) + " goes out");
      std::erase_if(file().tasks(), [&](const OpenTask& other) { return other.id == task.id; });
    } else {
      const std::string& leaf = program_.events[payload.event].name;
      const std::string& root = program_.events[program_.queues[task.queue].outcomes].name;
      tell(fmt::format("{} goes out: {}{}", task_text(task), leaf.size() > root.size() ? leaf.substr(root.size() + 1) : leaf,
                       text_of_payload(payload, outcome_fields)));
      post(outcome_of(task, payload));
    }
    settle({});
    const bool still_open = std::ranges::any_of(file().tasks(), [&](const OpenTask& other) { return other.id == task.id; });
    if (still_open) refused_.insert(task.id);
  }
}

engine::IncomingEvent CapStoryRun::outcome_of(const OpenTask& task, const CapPlot::Payload& payload) {
  engine::IncomingEvent event = happening(payload, task.instance);
  const checked::EventType& type = program_.events[payload.event];
  const auto fill = [&](const char* name, int64_t value) {
    const Index field = checked::find_field(type.fields, name);
    if (field == checked::none) return;
    event.slots[type.fields[field].slot] = 1;
    event.slots[type.fields[field].slot + 1] = value;
  };
  fill("treatment", reinterpret_cast<int64_t>(file().text(task.treatment)));
  fill("task_identity", static_cast<int64_t>(task.identity));
  fill("cost", program_.queues[task.queue].cost);
  return event;
}

engine::IncomingEvent CapStoryRun::happening(const CapPlot::Payload& payload, int32_t subject) {
  engine::IncomingEvent event = blank_event(payload.event, subject, {});
  const auto& fields = program_.events[payload.event].fields;
  for (size_t f = 0; f < fields.size() && f < payload.fields.size(); ++f)
    write_slots(program_, fields[f].type, payload.fields[f], file().arena(), event.slots.data() + fields[f].slot);
  return event;
}

void CapStoryRun::after_step(const engine::StepResult& result, Span /*where*/) {
  ++steps_;
  for (const engine::Transition& move : result.transitions) {
    if (until_ == nullptr) continue;
    const std::string who = name_of(move.instance);
    if (move.to_stage >= 0) tell(fmt::format("{} {} {}", who, move.from_stage < 0 ? "enters" : "goes to", checked::stage_name(program_, move.to_stage)));
  }
  for (const auto& effect : result.tasks) {
    const Index strategy = file().state(effect.task.instance).strategy;
    if (strategy >= 0 && effect.task.status == engine::TaskStatus::ready) asked_.insert({strategy, effect.task.queue});
  }
  for (const engine::RefusedEvent& refused : result.refused) {
    tell(program_.events[refused.event.type].name + " is refused: " + refused.reason);
    spoiled_ = spoiled_ || program_.events[refused.event.type].queue != checked::none;
  }
  if (!waits_.empty()) tell(std::move(waits_));
  waits_.clear();
}

void CapStoryRun::capped(const OpenTask& task, const checked::Limits& limits, const checked::LimitRule& cap, Instant /*free*/, Instant until) {
  if (reached_ || spoiled_) return;
  CapHit hit{.rule = task.rule, .limits = &limits, .cap = &cap, .strategy = file().state(task.instance).strategy, .step = steps_};
  if (known_.insert(hit.kind()).second) hits_.push_back(hit);
  if (until_ == nullptr || until_->kind() != hit.kind()) return;
  reached_ = true;
  hits_.back() = hit;
  const abi::ZoneRules& zone = abi::zone_of(calendar_);
  const abi::LocalTime then = zone.local(until == abi::never ? now() : until);
  const checked::Type date{checked::TypeKind::date};
  const std::string until_text = until == abi::never ? "it has to wait for ever"
                                                     : fmt::format("it has to wait until {} {:02}:{:02}", checked::format_value(program_, date, &then.date),
                                                                   then.seconds / 3600, then.seconds / 60 % 60);
  waits_ = fmt::format("{} is asked for, and the limits `{}` have no room (`{}`): {}", task_text(task), limits.name, cap.text, until_text);
  if (plot_.twice == checked::none) return;
  std::string first;
  for (const OpenTask& other : file().tasks()) {
    const bool counts = other.instance != task.instance && std::ranges::find(cap.queues, other.queue) != cap.queues.end();
    if (counts && other.status == engine::TaskStatus::ready) first += (first.empty() ? "" : ", ") + task_text(other);
  }
  if (!first.empty()) waits_ = first + " goes first; " + waits_;
}

// ---- in words -------------------------------------------------------------------------------

void CapStoryRun::tell(std::string what) {
  if (until_ == nullptr) return;
  const abi::ZoneRules& zone = abi::zone_of(calendar_);
  const abi::LocalTime local = zone.local(now());
  const checked::Type date{checked::TypeKind::date};
  days_.emplace_back(fmt::format("day {}, {} {:02}:{:02}", local.date - zone.local(start_).date + 1, checked::format_value(program_, date, &local.date),
                                 local.seconds / 3600, local.seconds / 60 % 60),
                     std::move(what));
}

std::string CapStoryRun::task_text(const OpenTask& task) const {
  const std::string text = fmt::format("{} \"{}\"", program_.queues[task.queue].name, task.treatment);
  const bool one_of_two = plot_.twice != checked::none && file().instance(task.instance).entity == plot_.twice;
  return one_of_two ? text + " of " + name_of(task.instance) : text;
}

/// "account"; where the debtor has two of them, "account 1" and "account 2".
std::string CapStoryRun::name_of(int32_t position) const {
  const abi::Instance& instance = file().instance(position);
  const std::string& name = program_.entities[instance.entity].name;
  if (instance.entity != plot_.twice) return name;
  return name + (static_cast<size_t>(position) < program_.entities.size() ? " 1" : " 2");
}

std::string CapStoryRun::text_of_payload(const CapPlot::Payload& payload, size_t first_field) const {
  std::string text;
  const auto& fields = program_.events[payload.event].fields;
  for (size_t f = first_field; f < fields.size() && f < payload.fields.size(); ++f) {
    if (!payload.fields[f].known) continue;
    text += (text.empty() ? " { " : ", ") + fields[f].name + ": " + text_of(program_, fields[f].type, payload.fields[f]);
  }
  return text.empty() ? text : text + " }";
}

}  // namespace dunlin::simulate
