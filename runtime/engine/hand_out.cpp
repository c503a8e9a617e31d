// What the database needs to judge a task once more when it is handed out: docs/decisions/0012.
//
// It is written from the same lines that placed the task, and rests on facts alone: a step before the wake instant writes the same. So no figure in
// it depends on the clock; of a history that grows for ever only those contacts are told that can stand in one window with the newest.
#include <algorithm>
#include <limits>

#include "compiler/abi/calendar.h"
#include "runtime/engine/run.h"

namespace dunlin::engine {

using checked::LimitRule;

namespace {

void add_number(std::string& json, const char* name, int64_t value) { ((json += ", \"") += name) += "\": " + std::to_string(value); }

template <class Values, class Text>
void add_list(std::string& json, const char* name, const Values& values, const Text& text) {
  ((json += ", \"") += name) += "\": [";
  bool first = true;
  for (const auto& value : values) {
    if (!first) json += ", ";
    first = false;
    json += text(value);
  }
  json += "]";
}

std::string number_text(int64_t value) { return std::to_string(value); }

/// Contacts that may stand in one window with the newest of them; the others stand in no window that is still to come.
std::vector<slots::Contact> still_counting(const slots::Gate& gate) {
  using Window = LimitRule::Window;
  std::vector<slots::Contact> kept;
  Instant newest = std::numeric_limits<Instant>::min();
  for (const slots::Contact& contact : gate.happened) {
    if (!contact.held) newest = std::max(newest, contact.at);
  }
  const auto date = [&](Instant at) { return gate.zone->local(at).date; };
  for (const slots::Contact& contact : gate.happened) {
    if (contact.held) continue;
    const bool together = gate.rule->window == Window::rolling_exact ? contact.at > newest - gate.rule->length
                          : gate.rule->window == Window::rolling_days
                              ? date(contact.at) > date(newest) - gate.rule->length
                              : slots::first_day(gate.rule->window, date(contact.at)) == slots::first_day(gate.rule->window, date(newest));
    if (together) kept.push_back(contact);
  }
  return kept;
}

}  // namespace

/// Brings what each open task bears about limits in line with what they say now.
void Run::write_limits_down() {
  const bool limited = !program_.limits.empty();
  if (limited && !case_->tasks().empty()) {
    look_at_limits();
    result_->limit_lines = limit_lines_;
  }
  for (size_t t = 0; t < case_->tasks().size(); ++t) {
    const OpenTask& task = std::as_const(*case_).tasks()[t];
    if (!limited && task.limits.empty() && task.limits_until == abi::never) continue;
    if (task.marked) continue;
    std::string lines = limited ? limits_of(task) : std::string();
    const Instant until = limited ? limits_hold_until(task) : abi::never;
    // What was said to hold until an instant holds: a later answer is none that must be written.
    const bool same = lines == task.limits && (until == task.limits_until || (task.limits_until > now_ && until > task.limits_until));
    Instant& wake = work_[task.instance].keep_wake;
    wake = std::min(wake, same ? task.limits_until : until);
    if (!same) write_limits_of(t, std::move(lines), until);
  }
}

void Run::write_limits_of(size_t at, std::string lines, Instant until) {
  save_tasks();
  OpenTask& task = case_->tasks()[at];
  task.limits = std::move(lines);
  task.limits_until = until;
  const auto made = std::ranges::find_if(result_->tasks, [&](const TaskEffect& effect) {
    return effect.task.id == task.id && (effect.change == TaskChange::create || effect.change == TaskChange::update);
  });
  if (made == result_->tasks.end()) {
    result_->tasks.push_back({.change = TaskChange::update, .task = task, .reason = "what limits say of it", .where = {}});
    return;
  }
  made->task.limits = task.limits;
  made->task.limits_until = until;
}

/// Until when the conditions and figures of the blocks that may judge this task stay as they are, if nothing happens.
Instant Run::limits_hold_until(const OpenTask& task) {
  Instant until = abi::never;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const checked::Limits& limits = program_.limits[b];
    for (size_t r = 0; r < limits.rules.size(); ++r) {
      if (!judges(limits.rules[r], task)) continue;
      until = std::min({until, blocks_[b].holds_until, blocks_[b].wakes[r]});
    }
  }
  return until;
}

std::string Run::limits_of(const OpenTask& task) {
  std::string json;
  for (const Judged& line : judged(task)) {
    std::string one = limit_of(task, line);
    if (!one.empty()) json += (json.empty() ? "[" : ", ") + one;
  }
  return json.empty() ? json : json + "]";
}

/// One line; empty if it can forbid nothing.
std::string Run::limit_of(const OpenTask& task, const Judged& line) {
  const LimitRule& rule = *line.gate.rule;
  const auto block = static_cast<size_t>(line.limits - program_.limits.data());
  const LimitLine& written = (*limit_lines_)[block][static_cast<size_t>(&rule - line.limits->rules.data())];
  std::string json = "{\"line\": " + std::to_string(written.key);
  if (blocks_[block].zone_name != program_.bundle.timezone) json += ", \"zone\": \"" + blocks_[block].zone_name + "\"";
  switch (rule.kind) {
    case LimitRule::Kind::between:
      return json + "}";
    case LimitRule::Kind::at_most: {
      add_number(json, "most", line.gate.most);
      const std::vector<slots::Contact> happened = still_counting(line.gate);
      const auto text = [](const slots::Contact& contact) { return "[" + std::to_string(contact.at) + ", " + std::to_string(contact.reserve) + "]"; };
      if (!happened.empty()) add_list(json, "happened", happened, text);
      break;
    }
    case LimitRule::Kind::none_after:
    case LimitRule::Kind::never:
      if (line.gate.closed_until == 0 && written.after.empty()) return {};
      if (line.gate.closed_until != 0) add_number(json, "closed", line.gate.closed_until);
      if (!written.after.empty() && !rule.until.empty()) add_number(json, "lifted", latest(rule.until, rule, task));
      if (written.after.empty()) return json + "}";
      break;
  }
  add_keys(json, task, rule);
  return json + "}";
}

/// Which contacts count together with the task: those of these instances, with these recipients. Nothing is said where all do.
void Run::add_keys(std::string& json, const OpenTask& task, const LimitRule& rule) {
  std::vector<int64_t> instances, recipients;
  bool all = true;
  for (size_t i = 0; i < case_->instance_count(); ++i) {
    const auto position = static_cast<int32_t>(i);
    const bool together = std::ranges::all_of(
        rule.keys, [&](const LimitRule::Key& key) { return key.person || owner_of(task.instance, key.entity) == owner_of(position, key.entity); });
    all = all && together;
    if (together) instances.push_back(case_->instance(position).id);
  }
  if (!all) add_list(json, "of", instances, number_text);
  if (std::ranges::none_of(rule.keys, &LimitRule::Key::person)) return;
  const int32_t person = person_of(task.recipient);
  if (person == person_of(0)) recipients.push_back(0);
  for (size_t i = 0; i < case_->instance_count(); ++i) {
    const int64_t id = case_->instance(static_cast<int32_t>(i)).id;
    if (person_of(id) == person) recipients.push_back(id);
  }
  add_list(json, "to", recipients, number_text);
}

}  // namespace dunlin::engine
