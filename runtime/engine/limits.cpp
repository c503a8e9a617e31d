// Item 8 of a step: each open task that nobody holds gets its first permitted slot, or is withheld with the reason.
//
// The order of tasks is fixed: higher priority, then the text's order, then age. A task whose slot has come keeps it as long as what has happened
// does not forbid it; all others are placed anew, one after the other, among what has happened and what was placed before. Nothing in this
// depends on the clock but "has its slot come", so a step before the wake instant finds every task where it is.
#include <algorithm>

#include "compiler/abi/calendar.h"
#include "runtime/engine/run.h"
#include "runtime/engine/strange_outcome.h"

namespace dunlin::engine {

using checked::LimitRule;
using checked::Limits;

namespace {

/// A slot further away than this is none: the task is withheld.
constexpr Instant horizon = 366 * int64_t{86'400} * abi::us_per_second;

bool within(const std::vector<checked::Index>& sorted, int32_t value) { return std::ranges::binary_search(sorted, value); }

}  // namespace

void Run::place_tasks() {
  if (program_.limits.empty()) return;
  const std::vector<size_t> order = in_order();
  if (order.empty()) return;
  look_at_limits();
  std::vector<size_t> placed;
  for (const size_t at : order) {
    place_task(at, placed);
    if (case_->tasks()[at].status == TaskStatus::ready) placed.push_back(at);
  }
}

/// Tasks that nobody holds, in the order in which slots are given out.
std::vector<size_t> Run::in_order() const {
  const std::vector<OpenTask>& tasks = case_->tasks();
  std::vector<size_t> order;
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (tasks[t].status == TaskStatus::ready || tasks[t].status == TaskStatus::withheld) order.push_back(t);
  }
  const auto place = [&](const OpenTask& task) {
    const Rule* rule = rule_of(task);
    return rule == nullptr ? std::pair{Span::no_file, uint32_t{0}} : std::pair{rule->span.file, rule->span.begin};
  };
  std::ranges::sort(order, [&](size_t a, size_t b) {
    const OpenTask &x = tasks[a], &y = tasks[b];
    if (x.priority != y.priority) return x.priority > y.priority;
    if (place(x) != place(y)) return place(x) < place(y);
    return std::tuple(x.created_at, x.instance, x.id) < std::tuple(y.created_at, y.instance, y.id);
  });
  return order;
}

/// What the blocks say now: whether they apply, their figures and conditions, and until when all that holds.
void Run::look_at_limits() {
  if (blocks_ready_) return;
  blocks_ready_ = true;
  blocks_.assign(program_.limits.size(), BlockState{});
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const Limits& limits = program_.limits[b];
    BlockState& block = blocks_[b];
    block.values.assign(limits.rules.size(), 0);
    block.wakes.assign(limits.rules.size(), abi::never);
    block.applies = holds(limits.applies, 0, block.wake);
    block.holds_until = block.wake;
    block.zone = zone_of(limits, block.zone_name);
    if (!block.applies) continue;
    for (size_t r = 0; r < limits.rules.size(); ++r) {
      const LimitRule& rule = limits.rules[r];
      if (rule.kind == LimitRule::Kind::at_most) block.values[r] = whole_number(rule.count, 0, block.wakes[r]);
      if (rule.kind == LimitRule::Kind::never) block.values[r] = holds(rule.condition, 0, block.wakes[r]) ? 1 : 0;
    }
    // A block that comes into force or ends may forbid or permit what waits.
    const auto turns = [&](int64_t date) {
      const Instant at = block.zone->instant(date, 0);
      if (at > now_) block.wake = std::min(block.wake, at);
    };
    if (limits.from) turns(*limits.from);
    if (limits.to) turns(*limits.to + 1);
  }
}

const abi::ZoneRules* Run::zone_of(const Limits& limits, std::string& written) {
  written = program_.bundle.timezone;
  if (limits.zone == checked::none) return &abi::zone_of(calendar_);
  Instant wake = abi::never;
  const std::string_view name = text_of(limits.zone, 0, wake);
  if (name.empty()) return &abi::zone_of(calendar_);
  auto found = zones_.find(name);
  if (found == zones_.end()) {
    auto made = abi::zone_rules(std::string(name));
    found = zones_.emplace(std::string(name), made ? std::optional(std::move(*made)) : std::nullopt).first;
  }
  if (!found->second) fail(abi::Fault::bad_argument, "limits `" + limits.name + "`: there is no time zone `" + std::string(name) + "`", limits.span);
  written = name;
  return &*found->second;
}

void Run::place_task(size_t at, const std::vector<size_t>& placed) {
  const OpenTask& task = case_->tasks()[at];
  Instant& wake = work_[task.instance].keep_wake;
  for (const BlockState& block : blocks_) wake = std::min(wake, block.wake);
  std::vector<Judged> lines = judged(task);
  const bool seated = task.status == TaskStatus::ready && task.not_before <= now_ && task.created_at < now_;
  if (seated && std::ranges::none_of(lines, [&](const Judged& line) { return slots::is_full(line.gate, now_); })) return;
  const Judged* by = nullptr;
  // What goes out in one conversation with another takes that one's slot, if no line of its own is in the way.
  for (const size_t other : placed) {
    const OpenTask& leads = std::as_const(*case_).tasks()[other];
    if (!counts_once(leads, task)) continue;
    const Instant joint = std::max(now_, leads.not_before);
    if (slot_for(task, lines, placed, &leads, joint, &by) != joint) continue;
    settle_slot(at, joint, nullptr);
    return;
  }
  const Instant slot = slot_for(task, lines, placed, nullptr, now_, &by);
  settle_slot(at, slot, by);
}

Instant Run::slot_for(const OpenTask& task, std::vector<Judged>& lines, const std::vector<size_t>& placed, const OpenTask* with, Instant from,
                      const Judged** by) {
  for (Judged& line : lines) {
    line.gate.planned.clear();
    if (line.gate.rule->kind != LimitRule::Kind::at_most) continue;
    std::vector<const OpenTask*> planned;
    for (const size_t other : placed) {
      const OpenTask& before = std::as_const(*case_).tasks()[other];
      if (!counts_for(*line.gate.rule, before.queue, checked::none) || !same_keys(*line.gate.rule, task, before.instance, before.recipient)) continue;
      if ((with != nullptr && is_one_contact(*with, before)) || is_planned_already(before, planned)) continue;
      planned.push_back(&before);
      line.gate.planned.push_back({before.not_before, slots::reserve_of(*line.gate.rule, before.treatment)});
    }
  }
  // The rule's own window narrows the hours further.
  LimitRule own;
  slots::Gate window{.rule = &own, .zone = &abi::zone_of(calendar_), .calendar = &calendar_};
  std::vector<const slots::Gate*> gates;
  for (const Judged& line : lines) gates.push_back(&line.gate);
  if (task.window >= 0) {
    slots::set_window(own, task.window);
    gates.push_back(&window);
  }
  const slots::Gate* last = nullptr;
  const Instant slot = slots::first_slot(gates, from, &last);
  const auto line = std::ranges::find_if(lines, [&](const Judged& judged) { return &judged.gate == last; });
  if (options_->listener != nullptr && with == nullptr && slot > now_) tell_caps(task, lines, gates, slot);
  *by = line == lines.end() ? nullptr : &*line;
  return slot;
}

/// Which caps alone put the task off: those that have no room where everything else would let it out.
void Run::tell_caps(const OpenTask& task, const std::vector<Judged>& lines, std::vector<const slots::Gate*> gates, Instant slot) {
  std::erase_if(gates, [](const slots::Gate* gate) { return gate->rule->kind == LimitRule::Kind::at_most; });
  const slots::Gate* by = nullptr;
  const Instant free = slots::first_slot(gates, now_, &by);
  if (free == slot || free == abi::never) return;
  for (const Judged& line : lines) {
    if (line.gate.rule->kind != LimitRule::Kind::at_most || slots::first_open(line.gate, free) == free) continue;
    options_->listener->capped(task, *line.limits, *line.gate.rule, free, slot);
  }
}

void Run::settle_slot(size_t at, Instant slot, const Judged* by) {
  OpenTask& task = case_->tasks()[at];
  Instant& wake = work_[task.instance].keep_wake;
  const bool withheld = slot == abi::never || slot - now_ > horizon;
  if (slot != abi::never) wake = std::min(wake, withheld ? slot - horizon : slot > now_ ? slot : abi::never);
  if (by != nullptr && options_->listener != nullptr) options_->listener->limited(task, *by->limits, *by->gate.rule, slot);
  const TaskStatus status = withheld ? TaskStatus::withheld : TaskStatus::ready;
  const Instant not_before = withheld ? task.not_before : slot;
  if (task.status == status && task.not_before == not_before) return;
  touch(task.instance);
  save_tasks();
  task.status = status;
  task.not_before = not_before;
  std::string reason = by == nullptr ? "no limit is in its way" : title_of(*by->limits) + ": " + by->gate.rule->text;
  if (by != nullptr) {
    result_->firings.push_back(
        {.instance = task.instance, .rule = 0, .rule_name = (withheld ? "withheld by " : "moved by ") + reason, .where = by->gate.rule->span});
  }
  const auto made = std::ranges::find_if(result_->tasks, [&](const TaskEffect& effect) {
    return effect.task.id == task.id && (effect.change == TaskChange::create || effect.change == TaskChange::update);
  });
  if (made == result_->tasks.end()) {
    result_->tasks.push_back({.change = TaskChange::update, .task = task, .reason = std::move(reason), .where = by == nullptr ? Span{} : by->gate.rule->span});
    return;
  }
  made->task.status = status;
  made->task.not_before = not_before;
}

// ---- which lines judge a task, and what they count ---------------------------------------------------------

std::vector<Run::Judged> Run::judged(const OpenTask& task) {
  std::vector<Judged> lines;
  Instant& wake = work_[task.instance].keep_wake;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const Limits& limits = program_.limits[b];
    if (!blocks_[b].applies) continue;
    for (size_t r = 0; r < limits.rules.size(); ++r) {
      const LimitRule& rule = limits.rules[r];
      if (!judges(rule, task)) continue;
      wake = std::min(wake, blocks_[b].wakes[r]);
      if (rule.kind == LimitRule::Kind::never && blocks_[b].values[r] == 0) continue;
      Judged& line = lines.emplace_back(Judged{.limits = &limits, .gate = {}});
      line.gate.from = limits.from;
      line.gate.to = limits.to;
      fill_gate(task, rule, blocks_[b], r, line.gate);
    }
  }
  return lines;
}

bool Run::judges(const LimitRule& rule, const OpenTask& task) {
  if (!within(rule.queues, task.queue)) return false;
  if (rule.only && *rule.only != task.treatment) return false;
  if (rule.recipient_entity != checked::none && case_->instance(person_of(task.recipient)).entity != rule.recipient_entity) return false;
  return std::ranges::none_of(rule.except, [&](const LimitRule::Exception& except) {
    return except.queue == task.queue && (!except.treatment || *except.treatment == task.treatment);
  });
}

void Run::fill_gate(const OpenTask& task, const LimitRule& rule, const BlockState& block, size_t number, slots::Gate& gate) {
  gate.rule = &rule;
  gate.zone = block.zone;
  gate.calendar = &calendar_;
  if (rule.kind == LimitRule::Kind::at_most) {
    gate.most = block.values[number];
    gate.reserve = slots::reserve_of(rule, task.treatment);
    const abi::EventList& history = case_->view().events;
    std::vector<const abi::Event*> counted;
    const auto count = [&](const abi::Event& event) {
      if (!same_keys(rule, task, event)) return;
      if (is_counted_already(event, counted)) return;
      const int32_t slot = treatment_slot_[event.type];
      const std::string_view treatment =
          slot < 0 || event.slots[slot] == 0 ? std::string_view{} : reinterpret_cast<const abi::Text*>(event.slots[slot + 1])->view();
      gate.happened.push_back({event.at, slots::reserve_of(rule, treatment)});
    };
    for (int64_t e = 0; e < history.count; ++e) {
      const abi::Event& event = *history.items[e];
      const checked::EventType& type = program_.events[event.type];
      if (event.cancelled == 0 && type.queue != checked::none && counts_for(rule, type.queue, event.type)) count(event);
    }
    for (const StrangeOutcome& outcome : case_->strange_outcomes()) {
      if (counts_for(rule, outcome)) count(*outcome.event);
    }
    std::vector<const OpenTask*> held;
    for (const OpenTask& other : case_->tasks()) {
      if (other.status != TaskStatus::leased || other.id == task.id || !counts_for(rule, other.queue, checked::none)) continue;
      if (!same_keys(rule, task, other.instance, other.recipient)) continue;
      if (std::ranges::any_of(held, [&](const OpenTask* before) { return counts_once(*before, other); })) continue;
      held.push_back(&other);
      gate.happened.push_back({std::max(other.not_before, other.created_at), slots::reserve_of(rule, other.treatment), true});
    }
    return;
  }
  if (rule.kind == LimitRule::Kind::between) return;
  if (rule.hold != checked::none) {
    const checked::Hold& hold = program_.holds[rule.hold];
    const int32_t owner = owner_of(task.instance, hold.entity);
    const Instant until = owner < 0 ? now_ : held_until(hold, case_->instance(owner), now_);
    if (until > now_) gate.closed_until = until;
    return;
  }
  if (rule.after.empty()) {
    gate.closed_until = abi::never;
    return;
  }
  const Instant since = std::max(latest(rule.after, rule, task), latest_strange(rule, task));
  if (since == 0 || (!rule.until.empty() && latest(rule.until, rule, task) > since)) return;
  if (rule.pause < 0) {
    gate.closed_until = abi::never;
  } else if (abi::duration_unit(rule.pause) == abi::DurationUnit::microsecond) {
    gate.closed_until = since + abi::duration_amount(rule.pause);
  } else {
    // Days are whole days of the debtor's clock: the day of the event is the first.
    int64_t date = gate.zone->local(since).date;
    // Beyond the calendar is as good as for ever.
    const bool known = abi::add_duration_to_date(calendar_, date, rule.pause, &date) == abi::Fault::none;
    gate.closed_until = known ? gate.zone->instant(date, 0) : abi::never;
  }
}

/// Outcomes by their type; a task (no type yet) counts as whatever may come of it.
bool Run::counts_for(const LimitRule& rule, int32_t queue, int32_t event_type) const {
  if (!within(rule.counted_queues, queue)) return false;
  if (rule.counted_events.empty() || event_type == checked::none) return true;
  return std::ranges::any_of(rule.counted_events,
                             [&](checked::Index root) { return event_type >= root && event_type <= program_.events[root].last_descendant; });
}

/// What another version called it does not make a contact none.
bool Run::counts_for(const LimitRule& rule, const StrangeOutcome& outcome) const {
  if (!within(rule.counted_queues, program_.events[outcome.event->type].queue)) return false;
  return rule.counted_events.empty() || std::ranges::any_of(rule.counted_events, [&](checked::Index root) { return may_be_below(program_, outcome, root); });
}

bool Run::same_keys(const LimitRule& rule, const OpenTask& task, int32_t instance, int64_t recipient) const {
  return std::ranges::all_of(rule.keys, [&](const LimitRule::Key& key) {
    if (key.person) return person_of(task.recipient) == person_of(recipient);
    return owner_of(task.instance, key.entity) == owner_of(instance, key.entity);
  });
}

/// Whom a contact is with: the recipient, or what it hangs on, whichever is a person; the head of the case file where nobody is named.
int32_t Run::person_of(int64_t recipient) const {
  const int32_t position = recipient == 0 ? -1 : case_->find(recipient);
  if (position < 0) return 0;
  for (const abi::Instance* up = &case_->instance(position); up != nullptr; up = up->parent) {
    if (entity_is_person_[up->entity] != 0) return up->position;
  }
  return 0;
}

/// The task that an outcome came from. The event keeps the task's identity, which is a hash of all that makes it this task.
const Run::Source& Run::source_of(const abi::Event& event) {
  const auto known = std::ranges::find(sources_, &event, &std::pair<const abi::Event*, Source>::first);
  if (known != sources_.end()) return known->second;
  Source found{.instance = event.owner->position, .recipient = 0, .known = true};
  const int32_t slot = identity_slot_[event.type], treatment = treatment_slot_[event.type];
  if (slot >= 0 && event.slots[slot] != 0) {
    TaskNature nature{.queue = queue_hash_[program_.events[event.type].queue]};
    if (treatment >= 0 && event.slots[treatment] != 0) nature.treatment = reinterpret_cast<const abi::Text*>(event.slots[treatment + 1])->view();
    const auto identity = static_cast<uint64_t>(event.slots[slot + 1]);
    found.known = false;
    for (size_t i = 0; i < case_->instance_count() && !found.known; ++i) {
      nature.instance = case_->instance(static_cast<int32_t>(i)).id;
      for (int32_t r = -1; r < static_cast<int32_t>(case_->instance_count()) && !found.known; ++r) {
        nature.recipient = r < 0 ? 0 : case_->instance(r).id;
        if (is_task_of_some_rule(nature, identity)) found = {.instance = static_cast<int32_t>(i), .recipient = nature.recipient, .known = true};
      }
    }
  }
  return sources_.emplace_back(&event, found).second;
}

bool Run::is_task_of_some_rule(TaskNature nature, uint64_t identity) const {
  for (const uint64_t strategy : strategy_hash_) {
    nature.strategy = strategy;
    for (const uint64_t rule : named_rules_) {
      nature.rule = rule;
      if (task_identity(nature) == identity) return true;
    }
  }
  return false;
}

/// Whether an outcome counts together with the task. Its rule may be one that an older version had, and what it was about lost with it: that may be anything.
bool Run::same_keys(const LimitRule& rule, const OpenTask& task, const abi::Event& event) {
  const int32_t owner = event.owner->position;
  const bool of_queue = program_.events[event.type].queue != checked::none;
  return std::ranges::all_of(rule.keys, [&](const LimitRule::Key& key) {
    if (!of_queue) return key.person ? person_of(task.recipient) == 0 : owner_of(task.instance, key.entity) == owner_of(owner, key.entity);
    if (key.person) {
      const Source& source = source_of(event);
      return !source.known || person_of(task.recipient) == person_of(source.recipient);
    }
    const int32_t mine = owner_of(task.instance, key.entity), its = owner_of(owner, key.entity);
    if (its >= 0 || mine < 0) return mine == its;
    // The outcome stands higher than what is counted by: what its task was about does not.
    const Source& source = source_of(event);
    return !source.known || mine == owner_of(source.instance, key.entity);
  });
}

/// When the last of these events happened that the task shares the line's keys with; 0: never.
Instant Run::latest(const std::vector<checked::Index>& events, const LimitRule& rule, const OpenTask& task) {
  const abi::EventList& history = case_->view().events;
  for (int64_t e = history.count; e-- > 0;) {
    const abi::Event& event = *history.items[e];
    const bool fits =
        std::ranges::any_of(events, [&](checked::Index root) { return event.type >= root && event.type <= program_.events[root].last_descendant; });
    if (!fits || event.cancelled != 0) continue;
    if (same_keys(rule, task, event)) return event.at;
  }
  return 0;
}

/// When the last outcome happened that may be one that begins the pause, in words that this version does not have; 0: never.
Instant Run::latest_strange(const LimitRule& rule, const OpenTask& task) {
  Instant last = 0;
  for (const StrangeOutcome& outcome : case_->strange_outcomes()) {
    const abi::Event& event = *outcome.event;
    if (event.at <= last || std::ranges::none_of(rule.after, [&](checked::Index root) { return may_be_below(program_, outcome, root); })) continue;
    if (same_keys(rule, task, event)) last = event.at;
  }
  return last;
}

std::optional<std::string> Run::refusal(CaseFile& case_file, size_t at, Instant now) {
  if (program_.limits.empty()) return std::nullopt;
  std::optional<std::string> refused;
  StepResult result;
  const StepOptions options;
  case_ = &case_file;
  result_ = &result;
  options_ = &options;
  try {
    begin(case_file, now, result, options);
    look_at_limits();
    const OpenTask& task = case_file.tasks()[at];
    for (const Judged& line : judged(task)) {
      slots::Gate gate = line.gate;
      for (slots::Contact& contact : gate.happened) {
        if (contact.held) contact.at = now;
      }
      if (slots::first_open(gate, now) == now) continue;
      refused = title_of(*line.limits) + ": " + gate.rule->text;
      break;
    }
  } catch (const StepAbort& abort) {
    refused = abort.fault.message;
  }
  take_back();
  return refused;
}

}  // namespace dunlin::engine
