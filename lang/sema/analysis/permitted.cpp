// Tasks and limits that exclude each other: whenever the rule wants the task, a `never` forbids it. What has to do with hours is looked at in
// lang/sema/limits.cpp, what has to do with figures by runtime/simulate/cap_story.h.
#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Action;
using checked::Expr;
using checked::Index;
using checked::LimitRule;
using checked::Limits;
using checked::Op;
using checked::RootId;
using checked::Rule;

namespace {

/// A task as far as a `never` looks at it.
struct Wanted {
  Index queue = checked::none;
  RootId treatment = checked::none;
  bool to_head = false;  // nobody is named: the contact is with the head of the case file
  std::vector<RootId> conditions;
};

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
    const checked::Keep& keep = *rule.keep;
    const Wanted wanted{.queue = keep.queue,
                        .treatment = keep.treatment,
                        .to_head = keep.recipient == checked::none && keep.binder_entity == checked::none,
                        .conditions = {keep.condition, keep.binder_where}};
    for (const Limits& limits : program_.limits) {
      for (const LimitRule& line : limits.rules) {
        // Without a condition of its own it is E0734 at once, or nothing (lang/sema/limits.cpp).
        if (line.condition == checked::none && limits.applies == checked::none) continue;
        if (judges(limits, line, wanted) && forbids(wanted, entity, limits, line)) report(rule, rule.span, limits, line);
      }
    }
  }

  /// A one-off may wait until a condition no longer holds: only what is always forbidden is a mistake.
  void look_at_action(const Rule& rule, const Action& action) {
    if (action.kind != Action::Kind::task) return;
    const Wanted wanted{.queue = action.queue, .treatment = action.value, .to_head = action.recipient == checked::none, .conditions = {}};
    for (const Limits& limits : program_.limits) {
      if (limits.applies != checked::none) continue;
      for (const LimitRule& line : limits.rules) {
        if (line.condition == checked::none && judges(limits, line, wanted)) report(rule, action.span.known() ? action.span : rule.span, limits, line);
      }
    }
  }

  /// Whether the line is a ban without end that is certainly about such a task.
  bool judges(const Limits& limits, const LimitRule& line, const Wanted& wanted) const {
    if (limits.from || limits.to || line.kind != LimitRule::Kind::never || line.hold != checked::none || !line.after.empty()) return false;
    if (!std::binary_search(line.queues.begin(), line.queues.end(), wanted.queue)) return false;
    const std::string* treatment = literal(wanted.treatment);
    if (line.only && (treatment == nullptr || *treatment != *line.only)) return false;
    if (line.recipient_entity != checked::none && !(wanted.to_head && line.recipient_entity == 0)) return false;
    return std::none_of(line.except.begin(), line.except.end(), [&](const LimitRule::Exception& except) {
      return except.queue == wanted.queue && (!except.treatment || treatment == nullptr || *treatment == *except.treatment);
    });
  }

  const std::string* literal(RootId root) const {
    if (root == checked::none) return nullptr;
    const Expr* body = program_.roots[static_cast<size_t>(root)].body.get();
    return body != nullptr && body->op == Op::literal ? &body->text : nullptr;
  }

  /// Nothing makes the task wanted and leaves it permitted.
  bool forbids(const Wanted& wanted, Index entity, const Limits& limits, const LimitRule& line) {
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
    for (const RootId condition : wanted.conditions) together = Conditions::both(together, conditions_.cases_of(condition));
    if (together && together->empty()) return false;  // never wanted: that is another mistake
    const auto leaves_none = [&](RootId root) {
      const auto rest = Conditions::both(together, conditions_.cases_in(root, above, false));
      return rest && rest->empty();
    };
    return leaves_none(limits.applies) && leaves_none(line.condition);
  }

  void report(const Rule& rule, Span span, const Limits& limits, const LimitRule& line) {
    auto& diagnostic = diagnostics_.error("E0734", span, fmt::format("the limits `{}` withhold this task whenever it is wanted: `{}`", limits.name, line.text));
    diagnostic.label = rule.keep ? "its condition lies within what is forbidden" : "never permitted";
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
