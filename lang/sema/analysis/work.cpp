#include "lang/sema/analysis/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace dunlin::analysis {

using checked::Aggregate;
using checked::Index;
using checked::none;
using checked::Op;

namespace {

constexpr int64_t most = INT64_MAX / 4;

int64_t held(int64_t steps) { return std::min(steps, most); }

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

}  // namespace

void Work::add(const Work& other) {
  for (const auto& [what, count] : other.steps) {
    int64_t& own = steps[what];
    own = held(own + count);
  }
}

Work Work::each(const std::string& what) const {
  Work repeated;
  for (const auto& [factors, count] : steps) {
    std::vector<std::string> more = factors;
    more.insert(std::ranges::upper_bound(more, what), what);
    repeated.steps[more] = count;
  }
  return repeated;
}

std::string Work::text() const {
  std::string text;
  for (const auto& [factors, count] : steps) {
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + grouped(count) + (text.empty() ? " steps" : "");
    for (const std::string& factor : factors) text += (&factor == &factors.front() ? " for each " : " and ") + factor;
  }
  return text.empty() ? "0 steps" : text;
}

/// What one evaluation computes only once, however often it is written: attributes of the instance that asks, by index.
struct WorkCounter::Seen {
  std::set<std::tuple<Op, Index, Index>> attributes;
};

const Work& WorkCounter::of(checked::RootId root) {
  static const Work nothing;
  if (root == none) return nothing;
  const auto at = static_cast<size_t>(root);
  if (counted_[at]) return roots_[at];
  counted_[at] = true;  // the checker lets nothing rest on itself
  Work work;
  Seen seen;
  if (program_.roots[at].body) count(*program_.roots[at].body, work, seen);
  roots_[at] = std::move(work);
  return roots_[at];
}

Work WorkCounter::of(const checked::Rule& rule) {
  Work work;
  for (const checked::RootId root : {rule.instant, rule.delay, rule.at_most, rule.guard, rule.before}) work.add(of(root));
  if (rule.deadline != none) {
    const checked::Deadline& deadline = program_.deadlines[static_cast<size_t>(rule.deadline)];
    for (const checked::RootId root : {deadline.from, deadline.length, deadline.calendar, deadline.suspended}) work.add(of(root));
  }
  for (const checked::Action& action : rule.actions) {
    for (const checked::RootId root : {action.value, action.recipient, action.duration}) work.add(of(root));
    for (const auto& field : action.fields) work.add(of(field.value));
  }
  if (!rule.keep) return work;
  Work kept;
  const checked::Keep& keep = *rule.keep;
  for (const checked::RootId root : {keep.binder_where, keep.treatment, keep.recipient, keep.condition, keep.again, keep.window, keep.due}) kept.add(of(root));
  for (const auto& limit : keep.attempts) kept.add(of(limit.count));
  for (const auto& term : keep.priority) kept.add(of(term.value));
  for (const auto& field : keep.fields) kept.add(of(field.value));
  work.add(keep.binder_entity == none ? kept : kept.each("`" + program_.entities[static_cast<size_t>(keep.binder_entity)].name + "`"));
  return work;
}

void WorkCounter::count(const checked::Expr& expr, Work& work, Seen& seen) {
  work.steps[{}] = held(work.steps[{}] + 1);
  for (const auto& part : expr.args) {
    if (part) count(*part, work, seen);
  }
  switch (expr.op) {
    case Op::derived: {
      const checked::Expr& whose = *expr.args[0];
      const bool known_place = whose.op == Op::self || whose.op == Op::local || whose.op == Op::parameter;
      if (known_place && !seen.attributes.insert({whose.op, whose.index, expr.index * 1000 + whose.type.id}).second) return;
      const checked::Derived& derived = program_.entities[static_cast<size_t>(whose.type.id)].derived[static_cast<size_t>(expr.index)];
      if (derived.segmentation == none) return work.add(of(derived.root));
      for (const auto& one : program_.segmentations[static_cast<size_t>(derived.segmentation)].cases) work.add(of(one.when));
      return;
    }
    case Op::function:
      return work.add(of(program_.functions[static_cast<size_t>(expr.index)].root));
    case Op::table:
      return count_table(expr.index, work);
    case Op::aggregate:
      return count_aggregate(*expr.aggregate, work, seen);
    default:
      return;
  }
}

void WorkCounter::count_table(Index table, Work& work) {
  const checked::Table& tried = program_.tables[static_cast<size_t>(table)];
  work.steps[{}] = held(work.steps[{}] + static_cast<int64_t>(tried.rows.size()));
  for (const auto& row : tried.rows) {
    for (const auto& cell : row.cells) work.add(of(cell.predicate));
    for (const auto& output : row.outputs) work.add(of(output.root));
  }
}

std::string WorkCounter::repeated_for(const Aggregate& over) const {
  if (over.source == Aggregate::Source::rows) return "row of `" + program_.tables[static_cast<size_t>(over.owner->index)].name + "`";
  if (over.source == Aggregate::Source::list) return "`" + program_.entities[static_cast<size_t>(over.element_entity)].name + "`";
  std::string names;
  for (const Index event : over.event_types) {
    const checked::EventType& type = program_.events[static_cast<size_t>(event)];
    names += (names.empty() ? "`" : ", `") + (type.alias.empty() ? type.name : type.alias) + "`";
  }
  const char* kept = over.window == Aggregate::Window::unlimited ? "" : " in its window";
  return (over.scope == Aggregate::Scope::own ? "event " : "event of the case file ") + names + kept;
}

void WorkCounter::count_aggregate(const Aggregate& over, Work& work, Seen& seen) {
  for (const checked::ExprPtr* part : {&over.owner, &over.window_value}) {
    if (*part) count(**part, work, seen);
  }
  Work inside;
  Seen once;  // each element is another
  inside.steps[{}] = 1;
  for (const checked::ExprPtr* part : {&over.where, &over.value}) {
    if (*part) count(**part, inside, once);
  }
  for (const auto& key : over.order) count(*key.key, inside, once);
  work.add(inside.each(repeated_for(over)));
}

}  // namespace dunlin::analysis
