// Hours of several lines of limits that never meet: `call between 08:00 and 12:00` in one block and `call between 13:00 and 20:00` in another permit no call
// at any hour of any day. The window of a task is hours, too, on the bundle's clock: it is compared with one line and with several.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/civil.h"

namespace dunlin::analysis {

using checked::Index;
using checked::LimitRule;
using checked::Limits;
using checked::RootId;
using checked::Rule;

namespace {

constexpr int32_t day_s = 86'400;

/// What is permitted of one kind of day (a weekday that is a working day, or is none): stretches in order and apart.
using Open = std::vector<std::pair<int32_t, int32_t>>;
constexpr size_t kinds_of_days = 14;  // weekday, and with 7 more: no working day
using Week = std::array<Open, kinds_of_days>;

Week hours_of(const LimitRule& line) {
  Week week;
  for (size_t kind = 0; kind < kinds_of_days; ++kind) {
    const bool working = kind < 7;
    for (const LimitRule::Hours& hours : line.hours) {
      if ((hours.weekdays >> (kind % 7) & 1) == 0 || (hours.working_only && !working)) continue;
      week[kind] = {{hours.from_s, hours.to_s}};  // of a day the first that fits
      break;
    }
  }
  return week;
}

/// The same hours of every day; they may go over midnight.
Week every_day(int32_t from, int32_t to) {
  Week week;
  week.fill(from < to ? Open{{from, to}} : Open{{0, to}, {from, day_s}});
  return week;
}

void narrow(Week& week, const Week& by) {
  for (size_t kind = 0; kind < kinds_of_days; ++kind) {
    Open both;
    for (const auto& [from, to] : week[kind]) {
      for (const auto& [other_from, other_to] : by[kind]) {
        if (std::max(from, other_from) < std::min(to, other_to)) both.emplace_back(std::max(from, other_from), std::min(to, other_to));
      }
    }
    week[kind] = std::move(both);
  }
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
    if (lines_.empty()) return;
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
    if (limits.zone == checked::none) return "";  // the bundle's
    const checked::Expr* body = program_.roots[static_cast<size_t>(limits.zone)].body.get();
    return body == nullptr ? "?" : key_of(*body, Scope{});
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
      if (rule.keep && !look_at_task(rule, rule.keep->queue, rule.span)) look_at_window(rule);
      for (const checked::Action& action : rule.actions) {
        if (action.kind == checked::Action::Kind::task) (void)look_at_task(rule, action.queue, action.span.known() ? action.span : rule.span);
      }
    }
  }

  std::vector<const Line*> lines_of(Index queue, const std::string& clock) const {
    std::vector<const Line*> some;
    for (const Line& line : lines_) {
      const auto& queues = line.line->queues;
      if (line.clock == clock && std::binary_search(queues.begin(), queues.end(), queue)) some.push_back(&line);
    }
    return some;
  }

  const std::vector<const Line*>& apart_for(Index queue) {
    const auto [place, fresh] = apart_.try_emplace(queue);
    if (!fresh) return place->second;
    std::set<std::string> clocks;
    for (const Line& line : lines_) clocks.insert(line.clock);
    for (const std::string& clock : clocks) {
      std::vector<const Line*> lines = lines_of(queue, clock);
      if (lines.size() < 2 || !meet_nowhere(lines, whole_week_)) continue;
      lines = fewest(std::move(lines), whole_week_);
      if (lines.size() < 2) continue;  // a line that permits nothing by itself is another mistake
      place->second = std::move(lines);
      break;
    }
    return place->second;
  }

  bool meet_nowhere(const std::vector<const Line*>& lines, Week week) const {
    for (const Line* line : lines) narrow(week, line->week);
    return never(week);
  }

  /// Of lines that leave nothing of this week as few as do, as the order of the text gives them.
  std::vector<const Line*> fewest(std::vector<const Line*> lines, const Week& week) const {
    for (size_t i = 0; i < lines.size();) {
      std::vector<const Line*> fewer = lines;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      if (meet_nowhere(fewer, week)) {
        lines = std::move(fewer);
      } else {
        ++i;
      }
    }
    return lines;
  }

  /// Whether something was said.
  bool look_at_task(const Rule& rule, Index queue, Span span) {
    const auto& apart = apart_for(queue);
    if (apart.empty()) return false;
    report(rule, span, apart, fmt::format("their hours for `{}` share no minute of any day", program_.queues[static_cast<size_t>(queue)].name));
    return true;
  }

  /// The window is told by the bundle's clock; where a limit has a clock of its own, some debtor's hours may meet it.
  void look_at_window(const Rule& rule) {
    const auto window = constant_window(rule.keep->window);
    if (!window || window->first == window->second) return;
    std::vector<const Line*> lines = lines_of(rule.keep->queue, "");
    const Week week = every_day(window->first, window->second);
    if (lines.empty() || meet_nowhere(lines, whole_week_) || !meet_nowhere(lines, week)) return;
    lines = fewest(std::move(lines), week);
    const std::string hours =
        lines.size() == 1 ? "the hours that are permitted" : fmt::format("their hours for `{}`", program_.queues[static_cast<size_t>(rule.keep->queue)].name);
    report(rule, rule.span, lines,
           fmt::format("its window {}..{} and {} share no minute of any day", sema::clock_text(window->first), sema::clock_text(window->second), hours));
  }

  std::optional<std::pair<int32_t, int32_t>> constant_window(RootId root) const {
    const checked::Expr* body = root == checked::none ? nullptr : program_.roots[static_cast<size_t>(root)].body.get();
    while (body != nullptr && body->op == checked::Op::to_optional) body = body->args.at(0).get();
    if (body == nullptr || body->op != checked::Op::literal || body->type.kind != checked::TypeKind::time_range) return std::nullopt;
    return std::pair{static_cast<int32_t>(body->value >> 17), static_cast<int32_t>(body->value & 131071)};
  }

  void report(const Rule& rule, Span span, const std::vector<const Line*>& lines, const std::string& why) {
    std::string blocks;
    for (const Line* line : lines) {
      const std::string name = "`" + line->limits->name + "`";
      if (blocks.find(name) == std::string::npos) blocks += (blocks.empty() ? "" : " and ") + name;
    }
    auto& diagnostic = diagnostics_.error("E0734", span, fmt::format("the limits {} withhold this task for ever: {}", blocks, why));
    diagnostic.label = rule.keep ? "never permitted" : "made, and never permitted";
    for (const Line* line : lines) diagnostic.notes.push_back({line->line->span, fmt::format("in the limits `{}`", line->limits->name)});
    diagnostic.help = lines.size() == 1 ? "change the rule, or let the limit say when it holds"
                                        : "let one of the lines have hours that the others permit too, or let a block say when it applies";
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  const Week whole_week_ = every_day(0, day_s);
  std::vector<Line> lines_;
  std::map<Index, std::vector<const Line*>> apart_;  // by queue
};

}  // namespace

void check_hours(const checked::Program& program, Diagnostics& diagnostics) { HoursCheck(program, diagnostics).run(); }

}  // namespace dunlin::analysis
