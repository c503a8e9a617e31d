// Hours of several lines of limits that never meet: `call between 08:00 and 12:00` in one block and `call between 13:00 and 20:00` in another permit no call
// at any hour of any day. One line and the window of a task are compared in lang/sema/limits.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Index;
using checked::LimitRule;
using checked::Limits;
using checked::RootId;
using checked::Rule;

namespace {

constexpr int32_t day_s = 86'400;

/// Minutes of one kind of day that are permitted: a weekday that is a working day, or is none.
struct Open {
  int32_t from = 0, to = day_s;
  bool empty() const { return from >= to; }
};
constexpr size_t kinds_of_days = 14;  // weekday, and with 7 more: no working day
using Week = std::array<Open, kinds_of_days>;

Week hours_of(const LimitRule& line) {
  Week week;
  for (size_t kind = 0; kind < kinds_of_days; ++kind) {
    const bool working = kind < 7;
    week[kind] = {0, 0};
    for (const LimitRule::Hours& hours : line.hours) {
      if ((hours.weekdays >> (kind % 7) & 1) == 0 || (hours.working_only && !working)) continue;
      week[kind] = {hours.from_s, hours.to_s};  // of a day the first that fits
      break;
    }
  }
  return week;
}

void narrow(Week& week, const Week& by) {
  for (size_t kind = 0; kind < kinds_of_days; ++kind) week[kind] = {std::max(week[kind].from, by[kind].from), std::min(week[kind].to, by[kind].to)};
}

class HoursCheck {
 public:
  HoursCheck(const checked::Program& program, Diagnostics& diagnostics) : program_(program), diagnostics_(diagnostics) {}

  void run() {
    for (const Limits& limits : program_.limits) {
      // Blocks that apply to some, or for a time, are judged by the engine.
      if (limits.applies != checked::none || limits.from || limits.to) continue;
      for (const LimitRule& line : limits.rules) {
        if (line.kind == LimitRule::Kind::between && line.condition == checked::none) lines_.push_back({&limits, &line, clock_of(limits), hours_of(line)});
      }
    }
    if (lines_.size() < 2) return;
    for (const checked::Strategy& strategy : program_.strategies) look_at(strategy.rules);
    for (const checked::Stage& stage : program_.stages) look_at(stage.rules);
    for (const checked::Always& always : program_.always) look_at(always.rules);
  }

 private:
  struct Line {
    const Limits* limits;
    const LimitRule* line;
    std::string clock;
    Week week;
  };

  /// Lines on different clocks may meet in some zone.
  std::string clock_of(const Limits& limits) const {
    const checked::Expr* body = limits.zone == checked::none ? nullptr : program_.roots[static_cast<size_t>(limits.zone)].body.get();
    return body == nullptr ? std::string() : key_of(*body, Scope{});
  }

  /// A weekend that is worked, and a Monday that is a holiday, are in calendars; `none` has neither.
  bool never(const Week& week) const {
    const bool plain = program_.bundle.calendar.empty() || program_.bundle.calendar == "none";
    for (size_t kind = 0; kind < kinds_of_days; ++kind) {
      const bool weekend = kind % 7 >= 5, working = kind < 7;
      if (plain && weekend == working) continue;
      if (!week[kind].empty()) return false;
    }
    return true;
  }

  void look_at(const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      if (rule.keep) look_at_task(rule, rule.keep->queue, rule.span);
      for (const checked::Action& action : rule.actions) {
        if (action.kind == checked::Action::Kind::task) look_at_task(rule, action.queue, action.span.known() ? action.span : rule.span);
      }
    }
  }

  const std::vector<const Line*>& apart_for(Index queue) {
    const auto [place, fresh] = apart_.try_emplace(queue);
    if (!fresh) return place->second;
    std::map<std::string, std::vector<const Line*>> by_clock;
    for (const Line& line : lines_) {
      const auto& queues = line.line->queues;
      if (std::binary_search(queues.begin(), queues.end(), queue)) by_clock[line.clock].push_back(&line);
    }
    for (const auto& [clock, lines] : by_clock) {
      if (place->second.empty()) place->second = apart(lines);
    }
    return place->second;
  }

  /// Lines that together permit nothing, as few as the order of the text gives; none: they meet. A line that permits nothing by itself is another mistake.
  std::vector<const Line*> apart(const std::vector<const Line*>& lines) const {
    const auto meet_nowhere = [&](const std::vector<const Line*>& some) {
      Week week;
      for (const Line* line : some) narrow(week, line->week);
      return never(week);
    };
    if (lines.size() < 2 || !meet_nowhere(lines)) return {};
    std::vector<const Line*> left = lines;
    for (size_t i = 0; i < left.size();) {
      std::vector<const Line*> fewer = left;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      if (meet_nowhere(fewer)) {
        left = std::move(fewer);
      } else {
        ++i;
      }
    }
    return left.size() < 2 ? std::vector<const Line*>{} : left;
  }

  void look_at_task(const Rule& rule, Index queue, Span span) {
    const auto& apart = apart_for(queue);
    if (apart.empty()) return;
    std::string blocks;
    for (const Line* line : apart) {
      const std::string name = "`" + line->limits->name + "`";
      if (blocks.find(name) == std::string::npos) blocks += (blocks.empty() ? "" : " and ") + name;
    }
    auto& diagnostic = diagnostics_.error("E0734", span,
                                          fmt::format("the limits {} withhold this task for ever: their hours for `{}` share no minute of any day", blocks,
                                                      program_.queues[static_cast<size_t>(queue)].name));
    diagnostic.label = rule.keep ? "never permitted" : "made, and never permitted";
    for (const Line* line : apart) diagnostic.notes.push_back({line->line->span, fmt::format("in the limits `{}`", line->limits->name)});
    diagnostic.help = "let one of the lines have hours that the others permit too, or let a block say when it applies";
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  std::vector<Line> lines_;
  std::map<Index, std::vector<const Line*>> apart_;  // by queue
};

}  // namespace

void check_hours(const checked::Program& program, Diagnostics& diagnostics) { HoursCheck(program, diagnostics).run(); }

}  // namespace dunlin::analysis
