#include "runtime/engine/limit_line.h"

#include <algorithm>

#include "compiler/abi/clock.h"
#include "runtime/engine/holds.h"
#include "runtime/engine/identity.h"

namespace dunlin::engine {

namespace {

using checked::LimitRule;

const char* kind_text(LimitRule::Kind kind) {
  switch (kind) {
    case LimitRule::Kind::at_most:
      return "at_most";
    case LimitRule::Kind::none_after:
      return "pause";
    case LimitRule::Kind::between:
      return "hours";
    case LimitRule::Kind::never:
      break;
  }
  return "never";
}

const char* window_text(LimitRule::Window window) {
  static constexpr const char* names[] = {"day", "week", "month", "quarter", "year", "days", "exact"};
  return names[static_cast<int>(window)];
}

/// Texts that the bundle gives are known to be free of control characters.
std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + "\"";
}

std::string reserves_of(const LimitRule& rule) {
  std::string json;
  for (const auto& reserve : rule.reserves) {
    json += (json.empty() ? "[" : ", ") + ("{\"count\": " + std::to_string(reserve.count)) + ", \"treatment\": " + quoted(reserve.treatment) + "}";
  }
  return json.empty() ? json : json + "]";
}

std::string hours_of(const LimitRule& rule) {
  std::string json;
  for (const auto& hours : rule.hours) {
    json += (json.empty() ? "[" : ", ") + ("{\"from\": " + std::to_string(hours.from_s)) + ", \"to\": " + std::to_string(hours.to_s) +
            ", \"weekdays\": " + std::to_string(hours.weekdays) + ", \"working\": " + (hours.working_only ? "true" : "false") + "}";
  }
  return json.empty() ? json : json + "]";
}

std::vector<int64_t> odd_days(const abi::Calendar& calendar) {
  constexpr int64_t saturday = 6;
  std::vector<int64_t> days;
  for (int32_t day = 0; day < calendar.day_count; ++day) {
    const int64_t date = calendar.first_day + day;
    const bool works = calendar.working_before[day + 1] != calendar.working_before[day];
    if (works != (abi::weekday_of(date) < saturday)) days.push_back(date);
  }
  return days;
}

template <class Names, class Parts>
std::vector<std::string> names_of(const Names& all, const Parts& some) {
  std::vector<std::string> names;
  for (const auto index : some) names.push_back(all[static_cast<size_t>(index)].name);
  return names;
}

/// Whether a queue is called so or counts as it, be it by way of others.
bool is_called(const checked::Program& program, size_t queue, const std::string& channel) {
  std::string name = program.queues[queue].name;
  for (size_t steps = 0; !name.empty() && steps <= program.queues.size(); ++steps) {
    if (name == channel) return true;
    const checked::Index next = checked::find_queue(program, name);
    name = next == checked::none ? std::string() : program.queues[static_cast<size_t>(next)].counts_as;
  }
  return false;
}

/// Names that only counted queues have: "robot" does not stand for all calls, though a robot's call is one.
void add_channels(const checked::Program& program, const LimitRule& rule, LimitLine& line) {
  const auto counted = [&](size_t queue) { return std::ranges::binary_search(rule.counted_queues, static_cast<checked::Index>(queue)); };
  line.any_contact = true;
  for (size_t q = 0; q < program.queues.size(); ++q) {
    if (!counted(q)) {
      line.any_contact = line.any_contact && !program.queues[q].counts;
      continue;
    }
    for (const std::string& name : {program.queues[q].name, program.queues[q].counts_as}) {
      bool only_these = !name.empty() && std::ranges::find(line.channels, name) == line.channels.end();
      for (size_t other = 0; other < program.queues.size(); ++other) only_these = only_these && (counted(other) || !is_called(program, other, name));
      if (only_these) line.channels.push_back(name);
    }
  }
}

int64_t key_of(const LimitLine& line) {
  uint64_t hash = hash_text(line.says);
  const auto text = [&](std::string_view part) { hash = hash_text(part, hash); };
  const auto number = [&](int64_t part) { hash = hash_mix(hash, static_cast<uint64_t>(part)); };
  text(line.kind);
  text(line.window);
  number(line.length);
  for (const auto* names : {&line.queues, &line.channels, &line.outcomes, &line.after}) {
    number(static_cast<int64_t>(names->size()));
    for (const auto& name : *names) text(name);
  }
  number(line.any_contact ? 1 : 0);
  text(line.reserves);
  text(line.hours);
  for (const auto& date : {line.from, line.to}) number(date ? *date : INT64_MIN);
  for (const int64_t day : line.odd_days) number(day);
  number(line.pause);
  return static_cast<int64_t>(hash);
}

LimitLine line_of(const checked::Program& program, const checked::Limits& limits, const LimitRule& rule, const abi::Calendar& calendar) {
  LimitLine line{.says = title_of(limits) + ": " + rule.text, .kind = kind_text(rule.kind), .from = limits.from, .to = limits.to};
  if (rule.kind == LimitRule::Kind::at_most) {
    line.window = window_text(rule.window);
    line.length = rule.length;
    line.queues = names_of(program.queues, rule.counted_queues);
    add_channels(program, rule, line);
    line.outcomes = names_of(program.events, rule.counted_events);
    line.reserves = reserves_of(rule);
  }
  if (rule.kind == LimitRule::Kind::between) {
    line.hours = hours_of(rule);
    if (std::ranges::any_of(rule.hours, &LimitRule::Hours::working_only)) line.odd_days = odd_days(calendar);
  }
  for (const checked::Index event : rule.after) {
    if (program.events[event].queue != checked::none) line.after.push_back(program.events[event].name);
  }
  line.pause = rule.pause;
  if (!line.after.empty() && rule.pause >= 0 && abi::duration_unit(rule.pause) == abi::DurationUnit::business_day) line.odd_days = odd_days(calendar);
  line.key = key_of(line);
  return line;
}

}  // namespace

std::vector<LimitLines> limit_lines(const checked::Program& program, const abi::Calendar& calendar) {
  std::vector<LimitLines> lines;
  for (const checked::Limits& limits : program.limits) {
    LimitLines& block = lines.emplace_back();
    for (const LimitRule& rule : limits.rules) block.push_back(line_of(program, limits, rule, calendar));
  }
  return lines;
}

}  // namespace dunlin::engine
