#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"

namespace dunlin::analysis {

using checked::RootId;
using checked::Rule;

namespace {

class ConditionCheck {
 public:
  ConditionCheck(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics)
      : program_(program), conditions_(conditions), solver_(solver), diagnostics_(diagnostics) {}

  void run() {
    for (const checked::Strategy& strategy : program_.strategies) {
      never(strategy.enrol, strategy.span, "it enrols nothing");
      never(strategy.enrol_again, strategy.span, "nothing is enrolled again");
      for (const Rule& rule : strategy.rules) check(rule);
    }
    for (const checked::Stage& stage : program_.stages) {
      never(stage.enrol_again, stage.span, "nothing is enrolled again");
      for (const Rule& rule : stage.rules) check(rule);
    }
    for (const checked::Always& always : program_.always) {
      for (const Rule& rule : always.rules) check(rule);
    }
    for (const checked::Segmentation& segmentation : program_.segmentations) cases_of(segmentation);
  }

 private:
  bool is_literal(RootId root) const {
    const checked::Expr* body = program_.roots[static_cast<size_t>(root)].body.get();
    return body == nullptr || body->op == checked::Op::literal;
  }
  Span place(RootId root, Span otherwise) const {
    const Span span = program_.roots[static_cast<size_t>(root)].span;
    return span.known() ? span : otherwise;
  }

  void check(const Rule& rule) {
    never(rule.guard, rule.span, "the rule never runs");
    if (rule.kind == Rule::Kind::when) always(rule);
    if (rule.keep) {
      never(rule.keep->condition, rule.span, "the task is never made");
      never(rule.keep->binder_where, rule.span, "the task is never made");
    }
  }

  void never(RootId root, Span span, const char* consequence) {
    if (root == checked::none || is_literal(root)) return;
    if (!conditions_.never_holds(root)) {
      const SolverAnswer::Verdict verdict = solved({{root, true}});
      if (verdict == SolverAnswer::Verdict::undecided) not_decided(place(root, span), "this condition can hold");
      if (verdict != SolverAnswer::Verdict::never) return;
    }
    auto& diagnostic = diagnostics_.error("E0607", place(root, span), fmt::format("this condition can never hold, so {}", consequence));
    diagnostic.label = "never true";
    name_parts(root, diagnostic);
  }

  /// Of many parts those that make it impossible.
  void name_parts(RootId root, Diagnostic& diagnostic) {
    diagnostic.help = "its parts exclude each other: look at the bounds";
    const auto parts = conditions_.parts_that_exclude(root);
    if (parts.empty()) return;
    if (parts.size() == 1) {
      if (!parts.front()->span.known()) return;
      diagnostic.notes.push_back({parts.front()->span, "this part alone is never true"});
      diagnostic.help = "change that part, or leave it out";
      return;
    }
    if (std::ranges::any_of(parts, [](const checked::Expr* part) { return !part->span.known(); })) return;
    for (const checked::Expr* part : parts) diagnostic.notes.push_back({part->span, part == parts.front() ? "this …" : "… and this exclude each other"});
    if (parts.size() > 2) {
      for (size_t p = 1; p < parts.size(); ++p) diagnostic.notes[p].message = p + 1 < parts.size() ? "… and this …" : "… and this are never true together";
    }
    diagnostic.help = "change one of the parts that are named; the others do not matter";
  }

  /// `sometimes` where there is nothing that the cases of a condition do not tell.
  SolverAnswer::Verdict solved(const std::vector<Demand>& demands) {
    if (std::none_of(demands.begin(), demands.end(), [&](const Demand& demand) { return solver_.worth_asking(demand.root); }))
      return SolverAnswer::Verdict::sometimes;
    const checked::Index entity = program_.roots[static_cast<size_t>(demands.front().root)].self_entity;
    const SolverAnswer::Verdict verdict = solver_.verdict(entity, demands);
    if (verdict != SolverAnswer::Verdict::undecided) return verdict;
    // What is too hard to prove may be easy to try.
    WitnessQuestion question{entity, {}, [&](const Facts& facts) {
                               return std::all_of(demands.begin(), demands.end(), [&](const Demand& demand) {
                                 const auto value = evaluate_root(program_, demand.root, facts);
                                 return value && !value->missing && (value->slot != 0) == demand.wanted;
                               });
                             }};
    for (const Demand& demand : demands) question.roots.push_back(demand.root);
    return find_witness(program_, question) ? SolverAnswer::Verdict::sometimes : verdict;
  }

  void not_decided(Span span, const std::string& what) {
    auto& diagnostic = diagnostics_.warning("E0615", span, "it is not decided whether " + what);
    diagnostic.label = "too hard to tell";
    diagnostic.help = "compare plainer figures, or split the condition, if it is to be looked at";
  }

  void always(const Rule& rule) {
    if (rule.guard == checked::none || is_literal(rule.guard)) return;
    if (!conditions_.always_holds(rule.guard) && solved({{rule.guard, false}}) != SolverAnswer::Verdict::never) return;
    auto& diagnostic = diagnostics_.warning("E0608", place(rule.guard, rule.span), "this condition always holds");
    diagnostic.help = "write `true` if that is meant";
  }

  void cases_of(const checked::Segmentation& segmentation) {
    std::optional<Cases> left = Cases{Case{}};  // what the cases so far do not take
    std::vector<Demand> above;
    for (const checked::Segmentation::Case& one : segmentation.cases) {
      const bool otherwise = one.when == checked::none;
      const auto here = Conditions::both(left, conditions_.cases_of(one.when));
      std::vector<Demand> reached{{one.when, true}};
      if (otherwise) reached.clear();
      reached.insert(reached.end(), above.begin(), above.end());
      const bool never = here && here->empty();
      if (never || (!reached.empty() && solved(reached) == SolverAnswer::Verdict::never)) never_reached(segmentation, one, otherwise);
      above.push_back({one.when, false});
      if (otherwise) return;
      left = Conditions::both(left, conditions_.cases_of(one.when, false));
    }
  }

  void never_reached(const checked::Segmentation& segmentation, const checked::Segmentation::Case& one, bool otherwise) {
    const std::string message =
        fmt::format("segment `{}` of `{}` is never reached: the cases above take everything that would fit", one.literal, segmentation.name);
    auto& diagnostic = otherwise ? diagnostics_.warning("E0609", one.span, message) : diagnostics_.error("E0609", one.span, message);
    diagnostic.label = "never reached";
    diagnostic.help = "move it up, or narrow a case above";
  }

  const checked::Program& program_;
  Conditions& conditions_;
  Solver& solver_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_conditions(const checked::Program& program, Conditions& conditions, Solver& solver, Diagnostics& diagnostics) {
  ConditionCheck(program, conditions, solver, diagnostics).run();
}

}  // namespace dunlin::analysis
