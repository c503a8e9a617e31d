#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"

namespace dunlin::analysis {

using checked::Index;
using checked::Rule;

namespace {

/// Follows `on entry : go` and `when : go` from stage to stage on one account, as a step settles it.
class Settling {
 public:
  Settling(const checked::Program& program, const Flow& flow) : program_(program), flow_(flow) {}

  /// The stages passed until one comes round again, that one last; empty where it comes to rest or cannot be told.
  std::vector<Index> circle_from(Index start, const Facts& facts) const {
    std::vector<Index> passed{start};
    while (passed.size() <= program_.stages.size() + 1) {
      const Index before = passed.size() > 1 ? passed[passed.size() - 2] : checked::none;
      const Index next = next_stage(passed.back(), before, facts);
      if (next == checked::none) return {};
      const auto again = std::find(passed.begin(), passed.end(), next);
      passed.push_back(next);
      if (again != passed.end() - 1 && std::count(passed.begin(), passed.end(), next) > 1) {
        return {std::find(passed.begin(), passed.end(), next), passed.end()};
      }
    }
    return {};
  }

 private:
  Index next_stage(Index stage, Index before, const Facts& facts) const {
    if (program_.stages[static_cast<size_t>(stage)].is_final) return checked::none;
    const auto& rules = flow_.rules_in(stage);
    for (const Rule* rule : rules) {
      if (rule->kind != Rule::Kind::on_entry) continue;
      const Index target = single_target(*rule, before);
      if (target != checked::none && target != stage) return target;
    }
    for (const Rule* rule : rules) {
      if (rule->kind != Rule::Kind::when) continue;
      const auto holds = evaluate_root(program_, rule->guard, facts);
      if (!holds) return checked::none;
      if (holds->slot == 0) continue;
      const Index target = single_target(*rule, before);
      if (target == stage) continue;  // a `go` to the current stage does nothing
      return target;
    }
    return checked::none;
  }

  Index single_target(const Rule& rule, Index before) const {
    const Targets& targets = flow_.targets_of(rule);
    if (targets.back && targets.stages.empty()) return before;
    return targets.stages.size() == 1 && !targets.anywhere && !targets.back ? targets.stages.front() : checked::none;
  }

  const checked::Program& program_;
  const Flow& flow_;
};

struct Step {
  Index to;
  checked::RootId guard;  // none: on entry
  const Rule* rule;
};

class CircleCheck {
 public:
  CircleCheck(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics)
      : program_(program), conditions_(conditions), flow_(flow), diagnostics_(diagnostics), steps_(program.stages.size()) {}

  void run() {
    for (size_t stage = 0; stage < program_.stages.size(); ++stage) add_steps(static_cast<Index>(stage));
    for (size_t stage = 0; stage < program_.stages.size() && circles_ < circles_max; ++stage) {
      std::vector<Index> path{static_cast<Index>(stage)};
      std::vector<checked::RootId> guards;
      walk(path, guards);
    }
  }

 private:
  static constexpr size_t circles_max = 300, length_max = 8;

  void add_steps(Index stage) {
    if (!flow_.reachable(stage) || program_.stages[static_cast<size_t>(stage)].is_final) return;
    for (const Rule* rule : flow_.rules_in(stage)) {
      if (rule->kind != Rule::Kind::when && rule->kind != Rule::Kind::on_entry) continue;
      for (Index target : flow_.targets_of(*rule).stages) {
        if (target != stage && target >= 0) steps_[static_cast<size_t>(stage)].push_back({target, rule->guard, rule});
      }
    }
  }

  /// Every circle once: from its stage with the lowest number.
  void walk(std::vector<Index>& path, std::vector<checked::RootId>& guards) {
    for (const Step& step : steps_[static_cast<size_t>(path.back())]) {
      if (circles_ >= circles_max) return;
      if (step.to < path.front()) continue;
      guards.push_back(step.guard);
      if (step.to == path.front()) {
        ++circles_;
        look_at(path, guards, *step.rule);
      } else if (path.size() < length_max && std::find(path.begin(), path.end(), step.to) == path.end()) {
        path.push_back(step.to);
        walk(path, guards);
        path.pop_back();
      }
      guards.pop_back();
    }
  }

  void look_at(const std::vector<Index>& path, const std::vector<checked::RootId>& guards, const Rule& last) {
    if (conditions_.exclude_each_other(guards)) return;
    const Settling settling(program_, flow_);
    WitnessQuestion question;
    question.entity = program_.strategies[static_cast<size_t>(program_.stages[static_cast<size_t>(path.front())].strategy)].entity;
    std::set<checked::RootId> roots;
    for (Index stage : path) {
      for (const Rule* rule : flow_.rules_in(stage)) {
        if (rule->kind == Rule::Kind::when && rule->guard != checked::none) roots.insert(rule->guard);
      }
    }
    question.roots.assign(roots.begin(), roots.end());
    std::vector<Index> circle;
    question.accept = [&](const Facts& facts) {
      circle = settling.circle_from(path.front(), facts);
      // This circle and no other: another one that the same account runs into has a rule of its own that closes it.
      return std::set<Index>(circle.begin(), circle.end()) == std::set<Index>(path.begin(), path.end());
    };
    const auto witness = find_witness(program_, question);
    std::vector<Index> members(circle.begin(), circle.end());
    std::sort(members.begin(), members.end());
    if (!witness || !reported_.insert(members).second) return;
    std::string way;
    for (Index stage : circle) way += (way.empty() ? "`" : " → `") + checked::stage_name(program_, stage) + "`";
    auto& diagnostic = diagnostics_.error("E0604", last.span, fmt::format("a circle that takes no time: {}", way));
    diagnostic.label = "closes the circle";
    diagnostic.witness = witness->text;
    diagnostic.help = "let one of the conditions exclude the others, or put a timer or an event into the circle";
  }

  const checked::Program& program_;
  Conditions& conditions_;
  const Flow& flow_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<Step>> steps_;
  std::set<std::vector<Index>> reported_;
  size_t circles_ = 0;
};

}  // namespace

void check_circles(const checked::Program& program, Conditions& conditions, const Flow& flow, Diagnostics& diagnostics) {
  CircleCheck(program, conditions, flow, diagnostics).run();
}

}  // namespace dunlin::analysis
