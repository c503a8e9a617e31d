#include "runtime/plan/compare_limits.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace dunlin::plan {

namespace {

using checked::Index;
using checked::none;

/// What a line of a limit judges, by name: everything but how much it allows, so that "2 per day" and "3 per day" are two versions of one line.
std::string judged(const checked::Program& program, const checked::LimitRule& line) {
  static constexpr const char* kinds[] = {"at most", "none after", "between", "never"};
  static constexpr const char* windows[] = {"day", "week", "month", "quarter", "year", "days", "time"};
  std::string text;
  const auto list = [&](const char* word, const std::vector<Index>& items, const auto& name_of) {
    if (items.empty()) return;
    text += text.empty() ? "" : " ";
    text += word;
    for (size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ", ") + name_of(items[i]);
  };
  const auto queue = [&](Index q) { return program.queues[q].name; };
  const auto event = [&](Index e) { return program.events[e].name; };
  list("", line.queues, queue);
  text += std::string(" ") + kinds[static_cast<int>(line.kind)];
  if (line.kind == checked::LimitRule::Kind::at_most) {
    text += std::string(" per ") + windows[static_cast<int>(line.window)];
    if (line.window >= checked::LimitRule::Window::rolling_days) text += " " + std::to_string(line.length);
    list("through ", line.counted_queues, queue);
    list("counting ", line.counted_events, event);
  }
  for (const auto& key : line.keys) text += key.person ? " per person" : " per " + program.entities[key.entity].name;
  list("after ", line.after, event);
  return text;
}

/// A line by its number among all.
std::pair<const checked::Limits*, const checked::LimitRule*> line_at(const checked::Program& program, Index nth) {
  for (const auto& block : program.limits) {
    const auto count = static_cast<Index>(block.rules.size());
    if (nth < count) return {&block, &block.rules[static_cast<size_t>(nth)]};
    nth -= count;
  }
  return {};
}

/// The fixed number of a line; none where it is computed.
std::optional<int64_t> fixed_count(const checked::Program& program, const checked::LimitRule& line) {
  if (line.count == none || program.roots[line.count].body == nullptr || program.roots[line.count].body->op != checked::Op::literal) return std::nullopt;
  return program.roots[line.count].body->value;
}

std::string date_text(const std::optional<int64_t>& day) { return day ? std::to_string(*day) : std::string("-"); }

/// Everything of a line but its number, and what it judges.
Meaning rest_of(Version& v, const checked::Limits& block, const checked::LimitRule& line) {
  std::string label = "in force " + date_text(block.from) + " " + date_text(block.to);
  for (const auto& place : line.reserves) label += fmt::format(" reserve {} `{}`", place.count, place.treatment);
  return declared(v, "", {}, none, label, {line.condition, block.applies, block.zone}).expanded;
}

}  // namespace

Group limit_lines(Version& v) {
  Group group;
  const auto& program = v.program();
  std::map<std::string, int> blocks;
  for (const auto& block : program.limits) ++blocks[block.name];
  for (const auto& block : program.limits) {
    const std::string in_force = blocks[block.name] > 1 ? v.written.in_force(block.span) : "";
    for (const auto& line : block.rules) {
      std::string label = judged(program, line) + " in force " + date_text(block.from) + " " + date_text(block.to) + " pause " + std::to_string(line.pause);
      for (const Index event : line.until) label += " until " + program.events[event].name;
      for (const auto& hours : line.hours) label += fmt::format(" hours {} {} {} {}", hours.from_s, hours.to_s, hours.weekdays, hours.working_only);
      for (const auto& place : line.reserves) label += fmt::format(" reserve {} `{}`", place.count, place.treatment);
      for (const auto& but : line.except) label += fmt::format(" except {} `{}`", program.queues[but.queue].name, but.treatment.value_or("*"));
      if (line.only) label += " only `" + *line.only + "`";
      if (line.recipient_entity != none) label += " to " + program.entities[line.recipient_entity].name;
      const std::string about = ": " + judged(program, line);
      group.push_back(
          declared(v, block.name + about, line.span, static_cast<Index>(group.size()), label, {line.count, line.condition, block.applies, block.zone}));
      if (!in_force.empty()) group.back().shown = block.name + " " + in_force + about;
      group.back().text = line.text;
    }
  }
  return group;
}

void judge_limit(Version& old_version, Index before, Version& new_version, Index after, Change& change) {
  change.wider = true;
  change.note = "what it stopped may go out";
  if (after == none) return;
  const auto [old_block, old_line] = line_at(old_version.program(), before);
  const auto [new_block, new_line] = line_at(new_version.program(), after);
  const auto was = fixed_count(old_version.program(), *old_line), is = fixed_count(new_version.program(), *new_line);
  if (!was || !is || *is >= *was || rest_of(old_version, *old_block, *old_line) != rest_of(new_version, *new_block, *new_line)) return;
  change.wider = false;
  change.note = "it lets less through";
}

}  // namespace dunlin::plan
