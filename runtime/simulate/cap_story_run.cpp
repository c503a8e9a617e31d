#include "runtime/simulate/cap_story_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/abi/clock.h"
#include "lang/sema/checked_people.h"

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
    plot_.debtor.fill(program_, plot_.differ(program_) ? static_cast<Index>(program_.entities.size()) : plot_.twice, file(), second);
  }
  file().finish();
}

/// Whether rows with such values would be taken in.
bool CapStoryRun::fits() {
  const size_t instances = program_.entities.size() + (plot_.twice != checked::none ? 1 : 0);
  for (size_t i = 0; i < instances; ++i) {
    const auto position = static_cast<int32_t>(i);
    for (const checked::Field& field : program_.entities[file().instance(position).entity].fields) {
      if (field.in_range == checked::none) continue;
      const int64_t* slots = file().slots(position) + field.slot;
      if (field.type.optional && *slots++ == 0) continue;
      const std::vector<int64_t> value(slots, slots + checked::slot_count(program_, field.type.known()));
      if (value_of({program_, evaluator_}, field.in_range, field.span, &file().instance(position), value)[0] == 0) return false;
    }
  }
  return true;
}

// ---- what happens ---------------------------------------------------------------------------

/// Everything that may go out now is done, one conversation after the other.
void CapStoryRun::do_tasks() {
  for (int done = 0; done < done_at_once_max && !reached_ && !spoiled_; ++done) {
    std::vector<OpenTask> group = next_to_go();
    if (group.empty()) return;
    const CapPlot::Payload& payload = plot_.outcomes[group[0].queue];
    const size_t whose = whose_outcome(group, payload);
    if (whose < group.size()) std::swap(group[0], group[whose]);
    for (size_t t = 0; t < group.size(); ++t) {
      if (t == 0 || whose == group.size()) {
        // What goes out together costs once.
        end(group[t], payload, t == 0 ? program_.queues[group[t].queue].cost : 0);
      } else {
        tell(task_text(group[t]) + " goes out with it, and goes back into line: the outcome is the other's");
        gone_back_.insert(group[t].id);
      }
    }
    settle({});
    for (const OpenTask& task : file().tasks()) {
      const auto same = std::ranges::find(group, task.id, &OpenTask::id);
      if (same != group.end() && !gone_back_.contains(task.id)) refused_.insert(task.id);
    }
  }
}

/// The next task that may go out, and what the queue hands out with it as one contact; it begins with the one that leads. What counts one by one goes
/// out one by one, so that each is judged behind the others.
std::vector<OpenTask> CapStoryRun::next_to_go() {
  const std::vector<OpenTask>& tasks = std::as_const(file()).tasks();
  const auto may_go = [&](const OpenTask& task) {
    // A standing task without outcomes would come back at once: it is left to stand.
    const bool endless = task.standing && program_.queues[task.queue].outcomes == checked::none;
    return task.status == engine::TaskStatus::ready && task.not_before <= now() && !endless && !refused_.contains(task.id);
  };
  const auto first = std::ranges::find_if(tasks, may_go);
  if (first == tasks.end()) return {};
  std::vector<OpenTask> group{*first};
  for (auto other = first + 1; other != tasks.end(); ++other) {
    if (may_go(*other) && goes_with(*first, *other)) group.push_back(*other);
  }
  std::ranges::stable_sort(group, {}, &OpenTask::lead_rank);
  for (const OpenTask& task : group) gone_back_.erase(task.id);
  return group;
}

bool CapStoryRun::goes_with(const OpenTask& first, const OpenTask& other) const {
  const auto& policy = program_.queues[first.queue].policy;
  if (policy == nullptr || !policy->merge || !policy->merge->counts_once || other.queue != first.queue || other.recipient != first.recipient) return false;
  const auto merged_by = [&](const OpenTask& task) {
    const abi::Instance* up = &file().instance(task.instance);
    while (up != nullptr && up->entity != policy->merge->per) up = up->parent;
    return up;
  };
  const abi::Instance* by = merged_by(first);
  return by != nullptr && by == merged_by(other);
}

/// Which of those that go out together has the outcome for itself: an outcome with an order is one account's, and one with money in it that of the account
/// it is told about. The size of the group: all of them hear of it.
size_t CapStoryRun::whose_outcome(const std::vector<OpenTask>& group, const CapPlot::Payload& payload) const {
  if (group.size() == 1 || payload.event == checked::none) return group.size();
  const checked::MergePolicy& merge = *program_.queues[group[0].queue].policy->merge;
  const auto is_below = [&](const auto& order) { return payload.event >= order.event && payload.event <= program_.events[order.event].last_descendant; };
  const auto order = std::ranges::find_if(merge.orders, [&](const auto& one) { return is_below(one) && one.oldest; });
  const bool oldest = order != merge.orders.end();
  if (oldest || std::ranges::any_of(merge.orders, is_below)) {
    const auto by_age = [&](const OpenTask& task) { return oldest ? task.age_rank : -task.age_rank; };
    return static_cast<size_t>(std::ranges::min_element(group, {}, by_age) - group.begin());
  }
  const auto& fields = program_.events[payload.event].fields;
  const bool money = std::any_of(fields.begin() + outcome_fields, fields.end(), [](const auto& field) { return field.type.kind == checked::TypeKind::money; });
  return money ? 0 : group.size();
}

/// It goes out and ends; its outcome is handled by the next settle().
void CapStoryRun::end(const OpenTask& task, const CapPlot::Payload& payload, int64_t cost) {
  if (payload.event == checked::none) {
    tell(task_text(task) + " goes out");
    std::erase_if(file().tasks(), [&](const OpenTask& other) { return other.id == task.id; });
    return;
  }
  const std::string& leaf = program_.events[payload.event].name;
  const std::string& root = program_.events[program_.queues[task.queue].outcomes].name;
  tell(fmt::format("{} goes out: {}{}", task_text(task), leaf.size() > root.size() ? leaf.substr(root.size() + 1) : leaf,
                   text_of_payload(payload, outcome_fields)));
  post(outcome_of(task, payload, cost));
}

engine::IncomingEvent CapStoryRun::outcome_of(const OpenTask& task, const CapPlot::Payload& payload, int64_t cost) {
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
  fill("cost", cost);
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
  // What goes back into line did go out: it waits because the outcome was another's.
  if (reached_ || spoiled_ || gone_back_.contains(task.id)) return;
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
