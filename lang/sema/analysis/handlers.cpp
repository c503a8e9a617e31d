#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/sema/analysis/readings.h"
#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Index;
using checked::Rule;

namespace {

class HandlerCheck {
 public:
  HandlerCheck(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics)
      : program_(program), conditions_(conditions), solver_(solver), diagnostics_(diagnostics) {}

  /// One place: the rules of a stage, a strategy or an `always`.
  void run(const std::vector<Rule>& rules) {
    for (size_t later = 0; later < rules.size(); ++later) {
      if (rules[later].kind == Rule::Kind::on_event) handler(rules, later);
      if (rules[later].kind == Rule::Kind::when) standing_condition(rules, later);
    }
  }

 private:
  bool takes_all_of(const Rule& earlier, const Rule& later) {
    if (earlier.guard == checked::none) return true;
    if (later.guard != checked::none ? conditions_.implies(later.guard, earlier.guard) : conditions_.always_holds(earlier.guard)) return true;
    if (!solver_.worth_asking(earlier.guard) && !solver_.worth_asking(later.guard)) return false;
    const checked::Index entity = program_.roots.at(static_cast<size_t>(earlier.guard)).self_entity;
    return solver_.verdict(entity, {{later.guard, true}, {earlier.guard, false}}) == SolverAnswer::Verdict::never;
  }

  bool never_holds(const Rule& rule) {
    if (conditions_.never_holds(rule.guard)) return true;
    if (!solver_.worth_asking(rule.guard)) return false;
    return solver_.verdict(program_.roots.at(static_cast<size_t>(rule.guard)).self_entity, {{rule.guard, true}}) == SolverAnswer::Verdict::never;
  }

  void handler(const std::vector<Rule>& rules, size_t later) {
    std::set<Index> left = leaves_below(program_, rules[later].events);
    if (left.empty()) return;
    const Rule* taker = nullptr;
    for (size_t earlier = 0; earlier < later && !left.empty(); ++earlier) {
      if (rules[earlier].kind != Rule::Kind::on_event || !takes_all_of(rules[earlier], rules[later])) continue;
      const std::set<Index> taken = leaves_below(program_, rules[earlier].events);
      const size_t before = left.size();
      std::erase_if(left, [&](Index event) { return taken.contains(event); });
      if (left.size() < before) taker = &rules[earlier];
    }
    if (!left.empty() || taker == nullptr) return;
    comes_too_late(rules[later], *taker, "this handler never gets its event: a handler above takes it", "takes the event first",
                   "move it up, or give the handler above a narrower event or condition");
  }

  void standing_condition(const std::vector<Rule>& rules, size_t later) {
    for (size_t earlier = 0; earlier < later; ++earlier) {
      if (rules[earlier].kind != Rule::Kind::when || !takes_all_of(rules[earlier], rules[later])) continue;
      // A `when` above that does not leave the stage does not keep this one from its turn.
      if (rules[earlier].actions.empty() || rules[earlier].actions.back().kind != checked::Action::Kind::go) continue;
      if (!rules[later].actions.empty() && never_holds(rules[later])) continue;  // E0607 says so
      comes_too_late(rules[later], rules[earlier], "this `when` is never reached: whenever it holds, one above holds too", "goes first",
                     "move it up, or narrow the condition above");
      return;
    }
  }

  void comes_too_late(const Rule& later, const Rule& earlier, std::string message, std::string note, std::string help) {
    auto& diagnostic = diagnostics_.error("E0606", later.span, std::move(message));
    diagnostic.label = "never runs";
    diagnostic.notes.push_back({earlier.span, std::move(note)});
    diagnostic.help = std::move(help);
  }

  const checked::Program& program_;
  Conditions& conditions_;
  Solver& solver_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_handlers(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics) {
  HandlerCheck check(program, conditions, solver, diagnostics);
  for (const checked::Stage& stage : program.stages) check.run(stage.rules);
  for (const checked::Strategy& strategy : program.strategies) check.run(strategy.rules);
  for (const checked::Always& always : program.always) check.run(always.rules);
}

}  // namespace dunlin::analysis
