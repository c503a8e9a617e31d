// Values that may be missing: what is known where, what passes a missing value on, and choices between values.
#include "lang/sema/expression.h"

namespace dunlin::sema {

/// What was passed through is known as well, and so is what was made of it: `last(payment).fee`.
static void learn_known(const checked::Expr& value, Facts& facts) {
  facts.insert(structure(value));
  if (value.op != Op::map) return;
  learn_known(*value.args[0], facts);
  if (value.args[1]->type.optional) learn_known(*with_local(*value.args[1], value.index, *value.args[0]), facts);
}

/// Where there is one, there is a first and a last.
static void learn_ends(const checked::Expr& exists, Facts& facts) {
  const ExprPtr twin = clone(exists);
  for (const auto function : {checked::AggregateFunction::first, checked::AggregateFunction::last}) {
    twin->aggregate->function = function;
    facts.insert(structure(*twin));
  }
}

void ExpressionChecker::learn(const checked::Expr& condition, bool truth, Facts& facts) const {
  switch (condition.op) {
    case Op::logical_not:
      return learn(*condition.args[0], !truth, facts);
    case Op::logical_and:
    case Op::logical_or:
      if ((condition.op == Op::logical_and) == truth) {
        learn(*condition.args[0], truth, facts);
        learn(*condition.args[1], truth, facts);
      }
      return;
    case Op::known:
      if (truth) learn_known(*condition.args[0], facts);
      return;
    case Op::aggregate:
      if (truth && condition.aggregate->function == checked::AggregateFunction::exists) learn_ends(condition, facts);
      return;
    default:
      return;
  }
}

ExprPtr ExpressionChecker::narrowed(ExprPtr expr) {
  if (!expr->type.optional || facts_.empty() || expr->op == Op::missing || !facts_.contains(structure(*expr))) return expr;
  const Span span = expr->span;
  const Type type = expr->type.known();
  return make_node(Op::unwrap, type, span, std::move(expr));
}

ExprPtr ExpressionChecker::through(ExprPtr value, Span span, const std::function<ExprPtr(ExprPtr)>& body) {
  if (!value->type.optional) return body(std::move(value));
  const Index local = add_local(value->type.known());
  ExprPtr inner = body(make_local(local, value->type.known(), value->span));
  if (inner->type.is_error()) return inner;
  if (inner->type.kind == TypeKind::list) {
    Diagnostic& diagnostic = context_.error("E0401", value->span, "this may be missing, and then it has no list");
    diagnostic.help = "test it first with `known`";
    return make_wrong(span);
  }
  const Type type = inner->type.maybe();
  ExprPtr made = make_node(Op::map, type, span, std::move(value), std::move(inner));
  made->index = local;
  return made;
}

ExprPtr ExpressionChecker::through_all(std::vector<ExprPtr> values, Span span, const std::vector<bool>& takes_missing,
                                       const std::function<ExprPtr(std::vector<ExprPtr>)>& body) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]->type.is_error()) return make_wrong(span);
    if (!values[i]->type.optional || takes_missing[i]) continue;
    ExprPtr missing = std::move(values[i]);
    return through(std::move(missing), span, [&](ExprPtr known) {
      values[i] = std::move(known);
      return through_all(std::move(values), span, takes_missing, body);
    });
  }
  return body(std::move(values));
}

ExprPtr ExpressionChecker::check_default(const ast::DefaultExpr& expr, Span span, Type hint) {
  ExprPtr value = check(*expr.value, hint);
  if (value->type.is_error()) {
    if (!is_literal_name(*expr.fallback)) check(*expr.fallback, hint);
    return value;
  }
  ExprPtr fallback = check(*expr.fallback, value->type.known());
  if (fallback->type.is_error()) return fallback;
  if (!value->type.optional) {
    Diagnostic& diagnostic = context_.warning("E0402", span, "this is never missing, so the default is never used");
    diagnostic.help = "leave `default …` away";
    return value;
  }
  Type type = value->type.known();
  if (fallback->type.optional) type = type.maybe();
  if (type.kind == TypeKind::integer && fallback->type.kind == TypeKind::number) {
    type.kind = TypeKind::number;
    value = coerce(std::move(value), type_of(TypeKind::number).maybe(), span);
  }
  fallback = coerce(std::move(fallback), type, expr.fallback->span);
  if (fallback->type.is_error()) return fallback;
  return make_node(Op::default_value, type, span, std::move(value), std::move(fallback));
}

ExprPtr ExpressionChecker::check_known(const ast::KnownTest& test, Span span) {
  ExprPtr value = check(*test.value);
  if (value->type.is_error()) return value;
  const Type boolean = type_of(TypeKind::boolean);
  if (!value->type.optional) {
    if (value->op != Op::unwrap) {
      Diagnostic& diagnostic = context_.warning("E0402", span, std::string("this is never missing, so the test is always ") + (test.known ? "true" : "false"));
      diagnostic.help = "its type is " + in_ticks(context_.type_text(value->type));
      return make_bool(test.known, span);
    }
    value = std::move(value->args[0]);
  }
  ExprPtr known = make_node(Op::known, boolean, span, std::move(value));
  return test.known ? std::move(known) : make_node(Op::logical_not, boolean, span, std::move(known));
}

// ---- choices -------------------------------------------------------------------------------------------

/// The first branch that has a type of its own tells the others what they are.
Type ExpressionChecker::hint_of_branches(const std::vector<const ast::Expr*>& branches, Type hint) {
  if (!hint.is_error()) return hint;
  bool fraction = false, all_flexible = true;
  for (const ast::Expr* branch : branches) {
    if (std::holds_alternative<ast::MissingLit>(branch->node)) continue;
    if (is_flexible(*branch)) {
      fraction = fraction || has_fraction(*branch);
      continue;
    }
    all_flexible = false;
  }
  if (all_flexible) return type_of(fraction ? TypeKind::decimal : TypeKind::integer);
  return {};
}

Type ExpressionChecker::unify(std::vector<ExprPtr*> branches) {
  Type type = (*branches.front())->type;
  bool optional = false, number = false;
  for (ExprPtr* branch : branches) {
    const Type& other = (*branch)->type;
    if (other.is_error()) return {};
    optional = optional || other.optional;
    number = number || other.kind == TypeKind::number;
  }
  if (number && type.kind == TypeKind::integer) type = type_of(TypeKind::number);
  type.optional = optional;
  for (ExprPtr* branch : branches) {
    const Span span = (*branch)->span;
    *branch = coerce(std::move(*branch), type, span);
    if ((*branch)->type.is_error()) return {};
  }
  return type;
}

ExprPtr ExpressionChecker::check_if(const ast::IfExpr& expr, Span span, Type hint) {
  ExprPtr condition = check_condition(*expr.condition);
  hint = hint_of_branches({expr.then_value.get(), expr.else_value.get()}, hint);
  const Facts before = facts_;
  const auto branch = [&](const ast::Expr& value, bool truth, Type wanted, bool other_wrong) {
    if (other_wrong && is_literal_name(value)) return make_wrong(value.span);
    learn(*condition, truth, facts_);
    ExprPtr made = check(value, wanted);
    facts_ = before;
    return made;
  };
  const bool then_waits = is_flexible(*expr.then_value) || is_literal_name(*expr.then_value) || std::holds_alternative<ast::MissingLit>(expr.then_value->node);
  ExprPtr then_value, else_value;
  if (hint.is_error() && then_waits) {
    else_value = branch(*expr.else_value, false, hint, false);
    then_value = branch(*expr.then_value, true, else_value->type.known(), else_value->type.is_error());
  } else {
    then_value = branch(*expr.then_value, true, hint, false);
    else_value = branch(*expr.else_value, false, hint.is_error() ? then_value->type.known() : hint, then_value->type.is_error());
  }
  const Type type = unify({&then_value, &else_value});
  if (type.is_error() || condition->type.is_error()) return make_wrong(span);
  return make_node(Op::condition, type, span, std::move(condition), std::move(then_value), std::move(else_value));
}

ExprPtr ExpressionChecker::check_let(const ast::LetExpr& let, Span span, Type hint) {
  ExprPtr value = check(*let.value);
  if (value->type.kind == TypeKind::list) {
    context_.error("E0308", let.value->span, "a list cannot be kept in a name").help = "walk it where it is needed";
    value = make_wrong(let.value->span);
  }
  if (find(let.name.text).kind == Meaning::Kind::local) context_.error("E0202", let.name.span, "there is already a " + in_ticks(let.name.text) + " here");
  const Index local = add_local(value->type);
  bindings_.push_back({let.name.text, local, value->type, let.name.span});
  context_.note_use(let.name.span, SymbolKind::local, local, none, value->type, let.name.span);
  ExprPtr body = check(*let.body, hint);
  bindings_.pop_back();
  if (value->type.is_error() || body->type.is_error()) return make_wrong(span);
  const Type type = body->type;
  ExprPtr made = make_node(Op::let, type, span, std::move(value), std::move(body));
  made->index = local;
  return made;
}

}  // namespace dunlin::sema
