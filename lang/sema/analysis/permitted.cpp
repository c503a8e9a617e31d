// Tasks and limits that exclude each other: whenever the rule wants the task, a `never` forbids it. What has to do with hours is looked at in hours.cpp,
// what has to do with figures by runtime/simulate/cap_story.h.
#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/limit_reach.h"

namespace dunlin::analysis {

using checked::Action;
using checked::AskedTask;
using checked::Expr;
using checked::Index;
using checked::LimitRule;
using checked::Limits;
using checked::Op;
using checked::RootId;
using checked::Rule;

namespace {

class PermittedCheck {
 public:
  PermittedCheck(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics)
      : program_(program), conditions_(conditions), diagnostics_(diagnostics) {}

  void run() {
    if (program_.limits.empty()) return;
    for (const checked::Strategy& strategy : program_.strategies) look_at(strategy.rules, strategy.entity);
    for (const checked::Stage& stage : program_.stages) look_at(stage.rules, program_.strategies[static_cast<size_t>(stage.strategy)].entity);
    for (const checked::Always& always : program_.always) look_at(always.rules, always.entity);
  }

 private:
  void look_at(const std::vector<Rule>& rules, Index entity) {
    if (entity == checked::none) return;
    for (const Rule& rule : rules) {
      if (rule.keep) look_at_keep(rule, entity);
      for (const Action& action : rule.actions) look_at_action(rule, action);
    }
  }

  void look_at_keep(const Rule& rule, Index entity) {
    const AskedTask task = checked::asked_task(program_, *rule.keep);
    for (const Limits& limits : program_.limits) {
      for (const LimitRule& line : limits.rules) {
        if (bans(limits, line, task) && (is_always(limits, line) || forbids(*rule.keep, entity, limits, line))) report(rule, rule.span, limits, line);
      }
    }
  }

  /// A one-off may wait until a condition no longer holds: only what is always forbidden is a mistake.
  void look_at_action(const Rule& rule, const Action& action) {
    if (action.kind != Action::Kind::task) return;
    const AskedTask task = checked::asked_task(program_, action);
    for (const Limits& limits : program_.limits) {
      for (const LimitRule& line : limits.rules) {
        if (is_always(limits, line) && bans(limits, line, task)) report(rule, action.span.known() ? action.span : rule.span, limits, line);
      }
    }
  }

  static bool is_always(const Limits& limits, const LimitRule& line) { return limits.applies == checked::none && line.condition == checked::none; }

  /// Whether the line is a ban without end that is certainly about such a task.
  bool bans(const Limits& limits, const LimitRule& line, const AskedTask& task) const {
    if (limits.from || limits.to || line.kind != LimitRule::Kind::never || line.hold != checked::none || !line.after.empty()) return false;
    return checked::judges(program_, line, task) == checked::Judges::surely;
  }

  /// Nothing makes the task wanted and leaves it permitted.
  bool forbids(const checked::Keep& keep, Index entity, const Limits& limits, const LimitRule& line) {
    // Limits look at the head of the case file: for the rule that is what its instance hangs on.
    Expr self, head;
    self.op = Op::self;
    self.type = {checked::TypeKind::instance, false, entity};
    head.op = Op::ancestor;
    head.index = 0;
    head.type = {checked::TypeKind::instance, false, 0};
    head.args.push_back(std::make_unique<Expr>(std::move(self)));
    const Scope here;
    Scope above;
    if (entity != 0) {
      above.outer = &here;
      above.self = head.args.empty() ? nullptr : &head;
    }
    std::optional<Cases> together = Cases{Case{}};
    for (const RootId condition : {keep.condition, keep.binder_where}) together = Conditions::both(together, conditions_.cases_of(condition));
    if (together && together->empty()) return false;  // never wanted: that is another mistake
    const auto leaves_none = [&](RootId root) {
      const auto rest = Conditions::both(together, conditions_.cases_in(root, above, false));
      return rest && rest->empty();
    };
    return leaves_none(limits.applies) && leaves_none(line.condition);
  }

  void report(const Rule& rule, Span span, const Limits& limits, const LimitRule& line) {
    auto& diagnostic = diagnostics_.error("E0734", span, fmt::format("the limits `{}` withhold this task whenever it is wanted: `{}`", limits.name, line.text));
    diagnostic.label = rule.keep && !is_always(limits, line) ? "its condition lies within what is forbidden" : "never permitted";
    diagnostic.notes.push_back({line.span, "the limit"});
    diagnostic.help = "change the rule, or let the limit say when it holds";
  }

  const checked::Program& program_;
  Conditions& conditions_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_permitted(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics) {
  PermittedCheck(program, conditions, diagnostics).run();
}

}  // namespace dunlin::analysis
