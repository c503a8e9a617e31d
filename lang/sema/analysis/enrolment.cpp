#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"
#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::Index;

namespace {

/// Pairs that meet are told one by one up to here; further ones are not looked for, and that is said.
constexpr size_t findings_max = 100;

/// before[a][b]: it is written, directly or through others, that a comes before b. Few strategies have such a line.
std::vector<std::vector<bool>> written_order(const checked::Program& program) {
  const size_t count = program.strategies.size();
  std::vector<std::vector<bool>> before(count);
  for (size_t a = 0; a < count; ++a) {
    if (program.strategies[a].before.empty()) continue;
    before[a].resize(count);
    std::vector<Index> open = program.strategies[a].before;
    while (!open.empty()) {
      const auto b = static_cast<size_t>(open.back());
      open.pop_back();
      if (before[a][b]) continue;
      before[a][b] = true;
      open.insert(open.end(), program.strategies[b].before.begin(), program.strategies[b].before.end());
    }
  }
  return before;
}

/// The enrolments, each taken apart once, with numbers for terms: all pairs of them are compared.
class Enrolments {
 public:
  Enrolments(const checked::Program& program, Conditions& conditions) {
    for (const checked::Strategy& strategy : program.strategies) {
      Enrolment& made = all_.emplace_back();
      if (strategy.enrol == checked::none) continue;
      const auto cases = conditions.cases_of(strategy.enrol);
      made.known = cases.has_value();
      if (!cases) continue;
      for (const Case& one : *cases) {
        auto& demands = made.cases.emplace_back();
        for (const auto& [term, set] : one) demands.push_back({terms_.try_emplace(term, terms_.size()).first->second, set});
        std::sort(demands.begin(), demands.end(), [](const Demand& x, const Demand& y) { return x.term < y.term; });
      }
    }
  }

  /// No values make both true at once. False: they may meet, or nobody knows.
  bool exclude_each_other(size_t a, size_t b) const {
    const Enrolment &x = all_[a], &y = all_[b];
    if ((x.known && x.cases.empty()) || (y.known && y.cases.empty())) return true;
    if (!x.known || !y.known) return false;
    return std::all_of(x.cases.begin(), x.cases.end(), [&](const Demands& one) {
      return std::all_of(y.cases.begin(), y.cases.end(), [&](const Demands& other) { return contradict(one, other); });
    });
  }

 private:
  struct Demand {
    size_t term;
    ValueSet set;
  };
  using Demands = std::vector<Demand>;  // by term
  struct Enrolment {
    bool known = false;
    std::vector<Demands> cases;
  };

  static bool contradict(const Demands& a, const Demands& b) {
    for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      if (a[i].term == b[j].term && disjoint(a[i].set, b[j].set)) return true;
      const bool next_a = a[i].term <= b[j].term, next_b = b[j].term <= a[i].term;
      i += next_a ? 1 : 0;
      j += next_b ? 1 : 0;
    }
    return false;
  }

  static bool disjoint(const ValueSet& a, const ValueSet& b) {
    if (a.missing && b.missing) return false;
    for (size_t i = 0, j = 0; i < a.intervals.size() && j < b.intervals.size();) {
      if (a.intervals[i].high < b.intervals[j].low) {
        ++i;
      } else if (b.intervals[j].high < a.intervals[i].low) {
        ++j;
      } else {
        return false;
      }
    }
    return true;
  }

  std::vector<Enrolment> all_;  // by strategy
  std::unordered_map<std::string, size_t> terms_;
};

bool report_pair(const checked::Program& program, Solver& solver, const checked::Strategy& first, const checked::Strategy& second, Diagnostics& diagnostics) {
  auto witness = find_witness(program, {first.entity, {first.enrol, second.enrol}, {}});
  if (!witness && (solver.worth_asking(first.enrol) || solver.worth_asking(second.enrol))) {
    SolverAnswer answer = solver.ask(first.entity, {{first.enrol, true}, {second.enrol, true}});
    if (answer.verdict == SolverAnswer::Verdict::undecided) {
      auto& diagnostic = diagnostics.warning(
          "E0615", second.span, fmt::format("it is not decided whether strategies `{}` and `{}` would enrol the same accounts", first.name, second.name));
      diagnostic.help = fmt::format("write the order: `before {}` in strategy `{}`", second.name, first.name);
    }
    witness = std::move(answer.witness);
  }
  if (!witness) return false;  // no such account is known
  auto& diagnostic = diagnostics.error(
      "E0605", second.span,
      fmt::format("strategies `{}` and `{}` would both enrol this {}", first.name, second.name, program.entities.at(static_cast<size_t>(first.entity)).name));
  diagnostic.label = "enrols it too";
  diagnostic.notes.push_back({first.span, fmt::format("`{}` is here", first.name)});
  diagnostic.witness = witness->text;
  diagnostic.help = fmt::format("make the conditions exclude each other, or write the order: `before {}` in strategy `{}`", second.name, first.name);
  return true;
}

}  // namespace

void check_enrolment(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics) {
  const auto before = written_order(program);
  const Enrolments enrolments(program, conditions);
  const auto comes_before = [&](size_t a, size_t b) { return !before[a].empty() && before[a][b]; };
  size_t findings = 0;
  for (size_t b = 0; b < program.strategies.size(); ++b) {
    sema::Interruptible::ask();
    for (size_t a = 0; a < b; ++a) {
      const checked::Strategy& first = program.strategies[a];
      const checked::Strategy& second = program.strategies[b];
      if (first.entity != second.entity || first.enrol == checked::none || second.enrol == checked::none) continue;
      if (comes_before(a, b) || comes_before(b, a) || enrolments.exclude_each_other(a, b)) continue;
      if (!report_pair(program, solver, first, second, diagnostics) || ++findings < findings_max) continue;
      diagnostics
          .error("E0605", second.span, fmt::format("{} pairs of strategies would enrol the same accounts; further pairs were not looked for", findings_max))
          .help = "make their conditions exclude each other, or write their order";
      return;
    }
  }
}

}  // namespace dunlin::analysis
