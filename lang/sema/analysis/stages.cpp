#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/rule_words.h"

namespace dunlin::analysis {

using checked::Index;
using checked::Rule;

namespace {

constexpr size_t unreachable_max = 100;  // named in one run

class StageCheck {
 public:
  StageCheck(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics) : program_(program), flow_(flow), diagnostics_(diagnostics) {}

  void run() {
    unreachable_stages();
    for (size_t s = 0; s < program_.strategies.size(); ++s) {
      const checked::Strategy& strategy = program_.strategies[s];
      if (!flow_.entered(static_cast<Index>(s))) {
        never_entered(strategy);
        continue;
      }
      for (Index stage : strategy.stages) {
        if (!flow_.reachable(stage)) continue;
        if (program_.stages[static_cast<size_t>(stage)].is_final) {
          rules_of_final(stage);
        } else if (strategy.stages.size() > 1) {
          way_out(stage);
        }
        way_back(stage);
      }
    }
  }

 private:
  const checked::Stage& stage_at(Index stage) const { return program_.stages[static_cast<size_t>(stage)]; }

  void never_entered(const checked::Strategy& strategy) {
    auto& diagnostic = diagnostics_.warning("E0602", strategy.span, fmt::format("no account ever comes into strategy `{}`", strategy.name));
    diagnostic.help = fmt::format("give it `enrol when …`, or let a rule of another strategy `go {}`", strategy.name);
  }

  /// Only where the way is broken: stages that lie behind an unreachable one are reached once that one is.
  void unreachable_stages() {
    std::vector<Index> missing;
    for (size_t stage = 0; stage < program_.stages.size(); ++stage) {
      const auto index = static_cast<Index>(stage);
      if (!flow_.reachable(index) && flow_.entered(stage_at(index).strategy)) missing.push_back(index);
    }
    if (missing.size() > unreachable_max) missing.resize(unreachable_max);
    std::vector<std::vector<bool>> behind;
    for (Index stage : missing) behind.push_back(flow_.reached_from({stage}));
    std::vector<bool> explained(program_.stages.size());
    const auto report = [&](size_t m) {
      unreachable(missing[m]);
      for (size_t stage = 0; stage < explained.size(); ++stage) explained[stage] = explained[stage] || behind[m][stage];
    };
    const auto leads_to = [&](size_t from, size_t to) { return behind[from][static_cast<size_t>(missing[to])]; };
    for (size_t m = 0; m < missing.size(); ++m) {
      bool behind_another = explained[static_cast<size_t>(missing[m])];
      for (size_t other = 0; other < missing.size(); ++other) behind_another = behind_another || (leads_to(other, m) && !leads_to(m, other));
      if (!behind_another) report(m);
    }
  }

  void unreachable(Index stage) {
    auto& diagnostic = diagnostics_.error("E0601", stage_at(stage).span, fmt::format("no rule leads to stage `{}`", checked::stage_name(program_, stage)));
    diagnostic.label = "never entered";
    diagnostic.help = fmt::format("let a rule `go {}`, or remove the stage", stage_at(stage).name);
  }

  void way_out(Index stage) {
    for (const Rule* rule : flow_.rules_in(stage)) {
      const Targets& targets = flow_.targets_of(*rule);
      if (targets.back || targets.anywhere) return;
      if (std::any_of(targets.stages.begin(), targets.stages.end(), [&](Index target) { return target != stage; })) return;
    }
    auto& diagnostic =
        diagnostics_.warning("E0603", stage_at(stage).span, fmt::format("no rule leads out of stage `{}`", checked::stage_name(program_, stage)));
    diagnostic.label = "accounts stay here for good";
    diagnostic.help = "add a rule with `go`, or make it a `final stage`";
  }

  void rules_of_final(Index stage) {
    for (const Rule& rule : stage_at(stage).rules) {
      if (rule.kind == Rule::Kind::on_event || rule.kind == Rule::Kind::on_entry) continue;
      auto& diagnostic = diagnostics_.error(
          "E0610", rule.span, fmt::format("stage `{}` is final: this `{}` never runs", checked::stage_name(program_, stage), checked::kind_word(rule.kind)));
      diagnostic.help = "in a final stage only `on` rules run; remove the rule, or do not make the stage final";
    }
  }

  void way_back(Index stage) {
    if (flow_.has_a_stage_before(stage)) return;
    for (const Rule& rule : stage_at(stage).rules) {
      for (const checked::Action& action : rule.actions) {
        if (action.kind != checked::Action::Kind::go_back) continue;
        auto& diagnostic =
            diagnostics_.error("E0611", action.span.known() ? action.span : rule.span,
                               fmt::format("`go back` has nowhere to go: stage `{}` is only entered by enrolment", checked::stage_name(program_, stage)));
        diagnostic.help = "name the stage to go to";
      }
    }
  }

  const checked::Program& program_;
  const Flow& flow_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_stages(const checked::Program& program, const Flow& flow, Diagnostics& diagnostics) { StageCheck(program, flow, diagnostics).run(); }

}  // namespace dunlin::analysis
