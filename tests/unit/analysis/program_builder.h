// Checked programs by hand: the analysis is tested without the parser and the checker in front of it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/analysis.h"
#include "lang/sema/checked.h"

namespace dunlin::test {

using namespace dunlin::checked;

inline const Type boolean{TypeKind::boolean};
inline const Type integer{TypeKind::integer};
inline const Type text{TypeKind::text};
inline const Type date{TypeKind::date};

template <class... Args>
ExprPtr node(Op op, Type type, Index index, Args&&... args) {
  auto expr = std::make_unique<Expr>();
  expr->op = op;
  expr->type = type;
  expr->index = index;
  (expr->args.push_back(std::forward<Args>(args)), ...);
  return expr;
}
inline ExprPtr lit(int64_t value, Type type = integer) {
  auto expr = node(Op::literal, type, none);
  expr->value = value;
  return expr;
}
inline ExprPtr yes() { return lit(1, boolean); }
inline ExprPtr compare(Op op, ExprPtr left, ExprPtr right) { return node(op, boolean, none, std::move(left), std::move(right)); }
inline ExprPtr both(ExprPtr a, ExprPtr b) { return node(Op::logical_and, boolean, none, std::move(a), std::move(b)); }
inline ExprPtr either(ExprPtr a, ExprPtr b) { return node(Op::logical_or, boolean, none, std::move(a), std::move(b)); }
inline ExprPtr negated(ExprPtr a) { return node(Op::logical_not, boolean, none, std::move(a)); }

/// A program with a debtor (kind) and an account (balance, score?, overdue_since?, secured; derived dpd).
class Builder {
 public:
  enum Fields : Index { balance = 0, score = 1, overdue_since = 2, secured = 3 };
  Program program;

  Builder() {
    program.bundle.currency = "EUR";
    program.enums.push_back({"risk", {"low", "medium", "high"}});
    Entity debtor;
    debtor.name = "debtor";
    debtor.fields.push_back({"kind", Type{TypeKind::enumeration, false, 0}});
    program.entities.push_back(std::move(debtor));
    Entity account;
    account.name = "account";
    account.parent = 0;
    account.fields.push_back({"balance", integer});
    account.fields.push_back({"score", integer.maybe()});
    account.fields.back().minimum = 300;
    account.fields.back().maximum = 850;
    account.fields.push_back({"overdue_since", date.maybe()});
    account.fields.push_back({"secured", boolean});
    program.entities.push_back(std::move(account));
    add_dpd();
  }

  ExprPtr self() { return node(Op::self, Type{TypeKind::instance, false, 1}, none); }
  ExprPtr field(Fields which) { return node(Op::field, program.entities[1].fields[static_cast<size_t>(which)].type, which, self()); }
  ExprPtr known(Fields which) { return node(Op::known, boolean, none, field(which)); }
  ExprPtr unwrapped(Fields which) {
    auto inner = field(which);
    const Type type = inner->type.known();
    return node(Op::unwrap, type, none, std::move(inner));
  }
  /// days(overdue_since, today) default 0
  ExprPtr dpd() { return node(Op::derived, integer, 0, self()); }
  ExprPtr in_range(ExprPtr (Builder::*value)(), int64_t low, int64_t high) {
    return both(compare(Op::greater_equal, (this->*value)(), lit(low)), compare(Op::less_equal, (this->*value)(), lit(high)));
  }

  RootId root(ExprPtr body) {
    Root root;
    root.type = body->type;
    root.self_entity = 1;
    root.body = std::move(body);
    program.roots.push_back(std::move(root));
    return static_cast<RootId>(program.roots.size()) - 1;
  }

  Index strategy(const std::string& name, ExprPtr enrol) {
    Strategy strategy;
    strategy.name = name;
    strategy.entity = 1;
    if (enrol) strategy.enrol = root(std::move(enrol));
    program.strategies.push_back(std::move(strategy));
    return static_cast<Index>(program.strategies.size()) - 1;
  }
  Index stage(Index strategy, const std::string& name, bool is_final = false) {
    Stage stage;
    stage.name = name;
    stage.strategy = strategy;
    stage.is_final = is_final;
    program.stages.push_back(std::move(stage));
    const auto index = static_cast<Index>(program.stages.size()) - 1;
    program.strategies[static_cast<size_t>(strategy)].stages.push_back(index);
    return index;
  }
  Rule& rule(Index stage, Rule::Kind kind, ExprPtr guard, Index go_to = none) {
    auto& rules = program.stages[static_cast<size_t>(stage)].rules;
    rules.emplace_back();
    Rule& rule = rules.back();
    rule.kind = kind;
    // Places differ, or the same finding twice would count as one.
    rule.span = {0, static_cast<uint32_t>(program.roots.size() * 100 + rules.size()), static_cast<uint32_t>(program.roots.size() * 100 + rules.size() + 1)};
    if (guard) rule.guard = root(std::move(guard));
    if (go_to != none) {
      rule.actions.emplace_back();
      rule.actions.back().kind = Action::Kind::go;
      rule.actions.back().stage = go_to;
    }
    return rule;
  }

  Index event(const std::string& name, Index parent = none) {
    EventType event;
    event.name = name;
    event.owner = 1;
    event.parent = parent;
    const auto index = static_cast<Index>(program.events.size());
    event.last_descendant = index;
    program.events.push_back(std::move(event));
    for (Index above = parent; above != none; above = program.events[static_cast<size_t>(above)].parent) {
      program.events[static_cast<size_t>(above)].last_descendant = index;
      program.events[static_cast<size_t>(above)].leaf = false;
    }
    return index;
  }

  std::vector<Diagnostic> findings() const {
    Diagnostics diagnostics;
    analyse(program, diagnostics);
    return diagnostics.all();
  }

 private:
  void add_dpd() {
    auto days = node(Op::builtin, integer, static_cast<Index>(Builtin::days), node(Op::local, date, 0), node(Op::today, date, none));
    auto mapped = node(Op::map, integer.maybe(), 0, field(overdue_since), std::move(days));
    Derived derived;
    derived.name = "dpd";
    derived.type = integer;
    derived.root = root(node(Op::default_value, integer, none, std::move(mapped), lit(0)));
    program.entities[1].derived.push_back(std::move(derived));
  }
};

inline std::vector<std::string> codes(const std::vector<Diagnostic>& diagnostics, Severity severity = Severity::error) {
  std::vector<std::string> result;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == severity) result.push_back(diagnostic.code);
  }
  return result;
}

inline std::string witness_of(const std::vector<Diagnostic>& diagnostics, const std::string& code, const std::string& name) {
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.code != code) continue;
    for (const auto& [key, value] : diagnostic.witness) {
      if (key == name) return value;
    }
  }
  return "";
}

}  // namespace dunlin::test
