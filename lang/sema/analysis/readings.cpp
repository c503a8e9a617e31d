#include "lang/sema/analysis/readings.h"

#include <algorithm>

namespace dunlin::analysis {

using checked::Index;
using checked::Op;

namespace {

template <class T>
bool meet(const std::set<T>& a, const std::set<T>& b) {
  return std::any_of(a.begin(), a.end(), [&](const T& one) { return b.contains(one); });
}

template <class T>
void add(std::set<T>& to, const std::set<T>& from) {
  to.insert(from.begin(), from.end());
}

}  // namespace

bool Reading::reads_any_of(const Reading& other) const { return meet(fields, other.fields) || meet(variables, other.variables) || meet(events, other.events); }

std::set<Index> leaves_below(const checked::Program& program, const std::vector<Index>& events) {
  std::set<Index> leaves;
  for (const Index event : events) {
    for (Index below = event; below <= program.events.at(static_cast<size_t>(event)).last_descendant; ++below) {
      if (program.events[static_cast<size_t>(below)].leaf) leaves.insert(below);
    }
  }
  return leaves;
}

const Reading& Readings::of(checked::RootId root) {
  // Known before it is walked: nothing in the language is defined by itself, but a mistake elsewhere must not make this go round.
  const auto [place, fresh] = known_.try_emplace(root);
  if (fresh && root != checked::none) {
    if (const checked::Expr* body = program_.roots.at(static_cast<size_t>(root)).body.get()) {
      Reading reading;
      walk(*body, reading);
      known_[root] = std::move(reading);
    }
  }
  return known_[root];
}

void Readings::walk(const checked::Expr& expr, Reading& reading) {
  const auto take = [&](checked::RootId root) {
    const Reading inner = of(root);
    add(reading.fields, inner.fields);
    add(reading.variables, inner.variables);
    add(reading.events, inner.events);
  };
  for_each_part(expr, [&](const checked::Expr& part) {
    if (part.op == Op::field && part.args.at(0)->type.id >= 0) reading.fields.insert({part.args[0]->type.id, part.index});
    if (part.op == Op::variable) reading.variables.insert(part.index);
    if (part.op == Op::function) take(program_.functions.at(static_cast<size_t>(part.index)).root);
    if (part.op == Op::derived && part.args.at(0)->type.id >= 0) {
      take(program_.entities.at(static_cast<size_t>(part.args[0]->type.id)).derived.at(static_cast<size_t>(part.index)).root);
    }
    if (part.aggregate == nullptr || part.aggregate->source != checked::Aggregate::Source::events) return;
    add(reading.events, leaves_below(program_, part.aggregate->event_types));
  });
}

}  // namespace dunlin::analysis
