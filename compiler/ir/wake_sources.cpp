#include "compiler/ir/wake_sources.h"

#include <algorithm>
#include <set>
#include <utility>

namespace dunlin::ir {

void WakeSources::add(const WakeSources& other) {
  daily |= other.daily;
  working_days |= other.working_days;
  dates += other.dates;
  leaving += other.leaving;
  day_ends |= other.day_ends;
  week_ends |= other.week_ends;
  month_ends |= other.month_ends;
  year_ends |= other.year_ends;
}

double WakeSources::per_month() const {
  constexpr double days = 30.4, working = 21, weeks = 4.35;
  // All of them fall on day starts: an account that wakes daily anyway is not woken a second time on the same day.
  if (daily || day_ends) return days;
  const double regular = (working_days ? working : 0) + (week_ends ? weeks : 0) + (month_ends ? 1 : 0) + (year_ends ? 1.0 / 12 : 0);
  return std::min(days, regular) + static_cast<double>(dates) + static_cast<double>(leaving);
}

struct WakeSourceFinder::Visit {
  WakeSources found;
  std::set<std::pair<FunctionId, NodeId>> seen;
  int depth = 0;
};

WakeSourceFinder::WakeSourceFinder(const Program& program) : program_(program), roots_(program.of_root.size()) {
  for (size_t root = 0; root < program.of_root.size(); ++root) {
    const FunctionId function = program.of_root[root];
    if (function == none) continue;
    const Function& made = program.functions[static_cast<size_t>(function)];
    if (!made.has_wake || made.results.empty()) continue;
    Visit visit;
    look(function, made.results.back(), visit);
    roots_[root] = visit.found;
  }
}

const WakeSources& WakeSourceFinder::of(checked::RootId root) const {
  static const WakeSources nothing;
  return root == checked::none ? nothing : roots_[static_cast<size_t>(root)];
}

namespace {

/// A guard against overflow far from any value that exists: its other side is no wake that comes.
bool is_guard(const Node& condition) {
  constexpr int64_t roomy = int64_t{1} << 61;
  return condition.op == Op::in_interval && condition.immediate == -roomy && condition.immediate2 == roomy;
}

bool has(const Function& function, NodeId from, Op wanted, int64_t* immediate = nullptr) {
  std::vector<NodeId> open = {from};
  std::set<NodeId> seen;
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    const Node& node = function.nodes[static_cast<size_t>(id)];
    if (node.op == wanted) {
      if (immediate != nullptr) *immediate = node.immediate;
      return true;
    }
    open.insert(open.end(), node.operands.begin(), node.operands.end());
  }
  return false;
}

}  // namespace

/// The date on whose start something changes.
void WakeSourceFinder::look_at_date(const Function& function, NodeId date, Visit& visit) const {
  int64_t period = 0;
  if (has(function, date, Op::flip) || has(function, date, Op::table_wake)) {
    ++visit.found.dates;
  } else if (has(function, date, Op::period_next, &period)) {
    using enum checked::Aggregate::Calendar;
    switch (static_cast<checked::Aggregate::Calendar>(period)) {
      case day:
        visit.found.day_ends = true;
        break;
      case week:
        visit.found.week_ends = true;
        break;
      case month:
        visit.found.month_ends = true;
        break;
      case year:
        visit.found.year_ends = true;
        break;
    }
  } else if (has(function, date, Op::next_working_day)) {
    visit.found.working_days = true;
  } else {
    const Node& node = function.nodes[static_cast<size_t>(date)];
    const bool from_today = node.op == Op::add_saturating &&
                            std::ranges::any_of(node.operands, [&](NodeId operand) { return function.nodes[static_cast<size_t>(operand)].op == Op::today; });
    if (from_today) {
      visit.found.daily = true;
    } else {
      ++visit.found.dates;
    }
  }
}

void WakeSourceFinder::look_in_tuple(FunctionId id, NodeId at, size_t result, Visit& visit) const {
  const Function& function = program_.functions[static_cast<size_t>(id)];
  const Node& tuple = function.nodes[static_cast<size_t>(at)];
  switch (tuple.op) {
    case Op::call:
      return look(tuple.function, program_.functions[static_cast<size_t>(tuple.function)].results[result], visit);
    case Op::pack:
      return look(id, tuple.operands[result], visit);
    case Op::branch:
    case Op::select:
      look_in_tuple(id, tuple.operands[1], result, visit);
      return look_in_tuple(id, tuple.operands[2], result, visit);
    case Op::aggregate:
      return look_in_loop(function.aggregates[static_cast<size_t>(tuple.immediate)], result, visit);
    default:
      ++visit.found.dates;
  }
}

void WakeSourceFinder::look_in_loop(const Aggregate& loop, size_t result, Visit& visit) const {
  using enum Aggregate::Fold;
  const auto width = [](Aggregate::Fold fold) -> size_t {
    switch (fold) {
      case minimum:
      case maximum:
      case minimum_number:
      case maximum_number:
      case average:
      case average_number:
      case first:
      case last:
        return 2;
      default:
        return 1;
    }
  };
  size_t before = 0, fold = 0;
  while (fold < loop.folds.size() && before + width(loop.folds[fold]) <= result) before += width(loop.folds[fold++]);
  if (fold == loop.folds.size() || loop.folds[fold] != wake_body) {
    ++visit.found.leaving;
    return;
  }
  look(loop.body, program_.functions[static_cast<size_t>(loop.body)].results[static_cast<size_t>(loop.wake_result)], visit);
}

void WakeSourceFinder::look(FunctionId id, NodeId at, Visit& visit) const {
  const Function& function = program_.functions[static_cast<size_t>(id)];
  const Node& node = function.nodes[static_cast<size_t>(at)];
  if (node.op == Op::constant || !visit.seen.insert({id, at}).second || visit.depth > 200) return;
  ++visit.depth;
  const auto operand = [&](size_t i) { return node.operands[i]; };
  switch (node.op) {
    case Op::minimum:
    case Op::maximum:
      look(id, operand(0), visit);
      look(id, operand(1), visit);
      break;
    case Op::branch:
    case Op::select:
      look(id, operand(1), visit);
      if (!is_guard(function.nodes[static_cast<size_t>(operand(0))])) look(id, operand(2), visit);
      break;
    case Op::day_start_clamped:
    case Op::day_start:
      look_at_date(function, operand(0), visit);
      break;
    case Op::extract:
      look_in_tuple(id, operand(0), static_cast<size_t>(node.immediate), visit);
      break;
    default:
      ++visit.found.dates;  // an instant, or an instant and a duration
  }
  --visit.depth;
}

}  // namespace dunlin::ir
