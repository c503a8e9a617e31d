#include "lang/syntax/builder.h"

namespace dunlin::syntax {

ast::StrategyDecl Builder::strategy(P::StrategyDeclContext& context) {
  ast::StrategyDecl out;
  out.name = name(*context.ident(0));
  out.title = optional_text(context.TEXT());
  out.entity = name(*context.ident(1));
  out.before = paths(context.path());
  each_item(context.strategyBlock()->strategyItem(), [&](P::StrategyItemContext& item) { strategy_item(item, out); });
  return out;
}

void Builder::strategy_item(P::StrategyItemContext& context, ast::StrategyDecl& out) {
  if (context.ENROL()) {
    ast::ExprPtr& condition = context.AGAIN() ? out.enrol_again : out.enrol;
    only_once(condition != nullptr, span(context), context.AGAIN() ? "enrol again" : "enrol");
    condition = expr(*context.expr());
  } else if (context.BEFORE()) {
    for (ast::Path& other : paths(context.path())) out.before.push_back(std::move(other));
  } else if (context.VAR()) {
    out.variables.push_back(variable(context));
  } else if (context.onChange()) {
    only_once(out.on_change != nullptr, span(context), "on change");
    out.on_change = on_change(*context.onChange());
  } else if (context.deadlineDecl()) {
    out.deadlines.push_back(deadline(*context.deadlineDecl()));
  } else if (context.stageDecl()) {
    out.stages.push_back(stage(*context.stageDecl()));
  } else {
    out.rules.push_back(rule(*context.ruleItem()));
  }
}

ast::FieldDecl Builder::variable(P::StrategyItemContext& context) {
  ast::FieldDecl out;
  out.span = span(context);
  out.doc = doc(context);
  out.name = name(*context.ident());
  if (context.typeExpr()) out.type = type(*context.typeExpr());
  out.initial = optional_expr(context.expr());
  return out;
}

ast::StageDecl Builder::stage(P::StageDeclContext& context) {
  ast::StageDecl out;
  out.span = span(context);
  out.doc = doc(context);
  out.name = name(*context.ident());
  out.title = optional_text(context.TEXT());
  out.is_final = context.FINAL() != nullptr;
  if (context.stageBlock() == nullptr) return out;
  each_item(context.stageBlock()->stageItem(), [&](P::StageItemContext& item) {
    if (item.ENROL()) {
      only_once(out.enrol_again != nullptr, span(item), "enrol again");
      out.enrol_again = expr(*item.expr());
    } else if (item.onChange()) {
      only_once(out.on_change != nullptr, span(item), "on change");
      out.on_change = on_change(*item.onChange());
    } else if (item.deadlineDecl()) {
      out.deadlines.push_back(deadline(*item.deadlineDecl()));
    } else {
      out.rules.push_back(rule(*item.ruleItem()));
    }
  });
  return out;
}

ast::AlwaysDecl Builder::always(P::AlwaysDeclContext& context) {
  ast::AlwaysDecl out;
  if (context.ident()) out.entity = name(*context.ident());
  each_item(context.alwaysBlock()->alwaysItem(), [&](P::AlwaysItemContext& item) { out.rules.push_back(rule(*item.ruleItem())); });
  return out;
}

ast::Rule Builder::rule(P::RuleItemContext& context) {
  using Kind = ast::Rule::Kind;
  ast::Rule out;
  out.span = span(context);
  out.doc = doc(context);
  if (context.RULE()) out.label = plain_text(*context.TEXT()->getSymbol());
  if (context.onRule()) {
    on_rule(*context.onRule(), out);
  } else if (P::WhenRuleContext* when = context.whenRule()) {
    out.kind = Kind::when;
    out.moment = expr(*when->expr());
    out.actions = actions(*when->actions());
  } else if (P::AfterRuleContext* after = context.afterRule()) {
    out.kind = Kind::after;
    out.moment = sum(*after->sum());
    if (after->ident()) out.in_strategy = name(*after->ident());
    out.guard = guard(after->guard(), P::WHEN);
    out.actions = actions(*after->actions());
  } else if (context.atRule()) {
    at_rule(*context.atRule(), out);
  } else if (context.everyRule()) {
    every_rule(*context.everyRule(), out);
  } else {
    out.kind = Kind::keep;
    out.keep = std::make_unique<ast::KeepSpec>(keep(*context.keepRule()));
  }
  return out;
}

void Builder::on_rule(P::OnRuleContext& context, ast::Rule& out) {
  out.kind = context.ENTRY() ? ast::Rule::Kind::on_entry : ast::Rule::Kind::on_event;
  out.events = paths(context.path());
  out.guard = guard(context.guard(), P::WHERE);
  out.actions = actions(*context.actions());
}

void Builder::at_rule(P::AtRuleContext& context, ast::Rule& out) {
  out.kind = ast::Rule::Kind::at;
  out.moment = sum(*context.sum());
  if (context.SKIP_WORD()) out.if_late = ast::Rule::IfLate::skip;
  if (context.ONCE()) out.if_late = ast::Rule::IfLate::at_once;
  out.guard = guard(context.guard(), P::WHEN);
  out.actions = actions(*context.actions());
}

void Builder::every_rule(P::EveryRuleContext& context, ast::Rule& out) {
  out.kind = ast::Rule::Kind::every;
  out.moment = sum(*context.sum(0));
  out.at_most = optional_sum(context.sum(1));
  if (!context.ident().empty()) out.in_strategy = name(*context.ident(0));
  out.guard = guard(context.guard(), P::WHEN);
  out.actions = actions(*context.actions());
}

/// `on … where`, `after … when`: one word for each kind, so that a rule can be read aloud in one way only.
ast::ExprPtr Builder::guard(P::GuardContext* context, size_t word) {
  if (context == nullptr) return nullptr;
  if (context->start->getType() != word) {
    const Span place = span(*context->start);
    const std::string right = word == P::WHERE ? "where" : "when";
    Diagnostic& d = mistake("E0122", place, "the guard of this rule begins with `" + right + "`");
    d.help = "`on EVENT where …`, but `after`, `at` and `every … when …`";
    d.fixes.push_back({place, right, "write `" + right + "`"});
  }
  return expr(*context->expr());
}

std::vector<ast::Action> Builder::actions(P::ActionsContext& context) {
  std::vector<ast::Action> out;
  for (P::ActionContext* item : context.action()) {
    if (!out.empty() && out.back().kind == ast::Action::Kind::go) {
      Diagnostic& d = mistake("E0119", span(*item), "nothing can follow `go`");
      d.notes.push_back({out.back().span, "the case leaves the stage here"});
      d.help = "put `go` last";
      throw DropItem{};
    }
    out.push_back(action(*item));
  }
  return out;
}

ast::Action Builder::action(P::ActionContext& context) {
  using Kind = ast::Action::Kind;
  ast::Action out;
  out.span = span(context);
  if (context.goAction()) {
    go(*context.goAction(), out);
  } else if (context.RESTART()) {
    out.kind = Kind::restart;
  } else if (context.NOTE()) {
    out.kind = Kind::note;
    out.value = text(*context.text()->start);
  } else if (context.NOTIFY()) {
    out.kind = Kind::notify;
    out.target = path(*context.path());
    out.value = text(*context.text()->start);
  } else if (context.departmentAction()) {
    return department_action(*context.departmentAction());
  } else if (context.SET()) {
    out.kind = Kind::set;
    out.target = path(*context.path());
    out.value = expr(*context.expr());
  } else if (context.CANCEL()) {
    out.kind = Kind::cancel;
    out.target = path(*context.path());
    out.value = treatment(context.treatment());
  } else if (context.RAISE() || context.OPEN()) {
    out.kind = context.RAISE() ? Kind::raise : Kind::open;
    out.target = path(*context.path());
    out.payload = record(context.payload());
  } else {
    return task(context);
  }
  return out;
}

ast::Action Builder::task(P::ActionContext& context) {
  ast::Action out;
  out.kind = ast::Action::Kind::task;
  out.span = span(context);
  out.target = path(*context.path());
  out.value = treatment(context.treatment());
  out.recipient = optional_sum(context.sum());
  out.payload = record(context.payload());
  out.stays = context.STAYS() != nullptr;
  return out;
}

void Builder::go(P::GoActionContext& context, ast::Action& out) {
  out.kind = ast::Action::Kind::go;
  if (context.BACK()) {
    out.go.kind = ast::GoTarget::Kind::back;
  } else if (context.BY()) {
    out.go.kind = ast::GoTarget::Kind::by;
    out.go.by = sum(*context.sum());
  } else {
    out.go.stage = path(*context.path());
  }
}

ast::KeepSpec Builder::keep(P::KeepRuleContext& context) {
  ast::KeepSpec out;
  out.queue = path(*context.path());
  out.treatment = treatment(context.treatment());
  const std::vector<P::SumContext*> sums = context.sum();
  const std::vector<P::ExprContext*> conditions = context.expr();
  if (context.TO()) out.recipient = sum(*sums.front());
  if (context.FOR()) {
    out.binder = name(*context.ident());
    out.source = sum(*sums.back());
  }
  if (context.WHERE()) out.where = expr(*conditions.front());
  if (context.WHILE()) out.while_condition = expr(*conditions.back());
  if (context.keepBlock()) {
    each_item(context.keepBlock()->keepItem(), [&](P::KeepItemContext& item) { keep_item(item, out); });
  }
  return out;
}

void Builder::keep_item(P::KeepItemContext& context, ast::KeepSpec& out) {
  const bool given = (context.ATTEMPTS() && !out.attempts.empty()) || (context.PRIORITY() && !out.priority.empty()) || (context.FIELDS() && out.fields) ||
                     (context.TO() && out.to) || (context.AGAIN() && out.again) || (context.WINDOW() && out.window) || (context.DUE() && out.due);
  only_once(given, span(context), source(span(*context.start)));
  if (context.ATTEMPTS()) {
    for (P::AttemptLimitContext* limit : context.attemptLimit()) out.attempts.push_back(attempt_limit(*limit));
  } else if (context.PRIORITY()) {
    out.priority = priority(context);
  } else if (context.FIELDS()) {
    out.fields = record(context.payload());
  } else {
    ast::ExprPtr value = sum(*context.sum());
    if (context.TO()) {
      out.to = std::move(value);
    } else if (context.AGAIN()) {
      out.again = std::move(value);
    } else if (context.WINDOW()) {
      out.window = std::move(value);
    } else {
      out.due = std::move(value);
    }
  }
}

ast::ExprPtr Builder::count(P::AttemptCountContext& context) {
  if (context.expr()) return expr(*context.expr());
  if (context.path()) {
    ast::ExprPtr out;
    for (const ast::Name& part : path(*context.path()).parts) {
      out = out ? make(span(context), ast::Member{std::move(out), part}) : make(part.span, ast::NameRef{part});
    }
    return out;
  }
  std::string digits(source(span(context)));
  std::erase(digits, '_');
  return make(span(context), ast::IntLit{digits});
}

ast::AttemptLimit Builder::attempt_limit(P::AttemptLimitContext& context) {
  ast::AttemptLimit out;
  out.span = span(context);
  out.count = count(*context.attemptCount());
  if (context.PER()) out.per = name(*context.ident());
  out.in_stage = context.STAGE() != nullptr;
  return out;
}

std::vector<ast::PriorityTerm> Builder::priority(P::KeepItemContext& context) {
  std::vector<ast::PriorityTerm> out;
  if (context.sum()) {
    out.push_back({std::nullopt, sum(*context.sum())});
    return out;
  }
  for (P::PriorityTermContext* term : context.priorityBlock()->priorityTerm()) {
    ast::PriorityTerm made;
    if (term->ident()) made.name = name(*term->ident());
    made.value = expr(*term->expr());
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace dunlin::syntax
