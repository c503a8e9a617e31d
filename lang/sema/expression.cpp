#include "lang/sema/expression.h"

#include <bit>
#include <type_traits>

namespace dunlin::sema {

ExpressionChecker::ExpressionChecker(Context& context, const Surroundings& surroundings)
    : context_(context), around_(surroundings), facts_(surroundings.known) {}

ExprPtr ExpressionChecker::check(const ast::Expr& expr, Type hint) {
  constexpr int depth_max = 1500;          // the parser bounds brackets; this bounds long chains of operators
  constexpr size_t steps_max = 2'000'000;  // no honest expression comes near
  if (depth_ >= depth_max || ++steps_ > steps_max) {
    context_.error("E0103", expr.span, "this expression is too long to be read at once").help = "give parts of it names with `let` or a derived field";
    return make_wrong(expr.span);
  }
  const bool keeps_lifting =
      std::holds_alternative<ast::Binary>(expr.node) || std::holds_alternative<ast::DefaultExpr>(expr.node);  // flags reach only what stands directly below
  const bool lifting = std::exchange(lift_missing_, lift_missing_ && keeps_lifting);
  const bool keeps_now = std::holds_alternative<ast::NameRef>(expr.node) || std::holds_alternative<ast::Binary>(expr.node);
  const bool now = std::exchange(now_allowed_, now_allowed_ && keeps_now);
  ++depth_;
  ExprPtr made = narrowed(dispatch(expr, hint));
  --depth_;
  lift_missing_ = lifting;
  now_allowed_ = now;
  return made;
}

ExprPtr ExpressionChecker::dispatch(const ast::Expr& expr, Type hint) {
  const Span span = expr.span;
  return std::visit(
      [&](const auto& node) -> ExprPtr {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::BoolLit>) {
          return make_bool(node.value, span);
        } else if constexpr (std::is_same_v<Node, ast::IntLit>) {
          return check_integer(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::DecimalLit>) {
          return check_decimal(node.digits, 0, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::PercentLit>) {
          return check_decimal(node.digits, 2, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::TextLit>) {
          return check_text(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::DateLit>) {
          return check_date(node, span);
        } else if constexpr (std::is_same_v<Node, ast::TimeLit>) {
          return make_literal(type_of(TypeKind::time), node.hour * 3600 + node.minute * 60 + node.second, span);
        } else if constexpr (std::is_same_v<Node, ast::DateTimeLit>) {
          return check_datetime(node, span);
        } else if constexpr (std::is_same_v<Node, ast::DurationLit>) {
          return check_duration(node, span);
        } else if constexpr (std::is_same_v<Node, ast::NameRef>) {
          return check_name(node.name, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::Member>) {
          return check_member(expr, node, hint);
        } else if constexpr (std::is_same_v<Node, ast::CallExpr>) {
          return check_call(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::Unary>) {
          return check_unary(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::Binary>) {
          return check_binary(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::DefaultExpr>) {
          return check_default(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::KnownTest>) {
          return check_known(node, span);
        } else if constexpr (std::is_same_v<Node, ast::InExpr>) {
          return check_in(node, span);
        } else if constexpr (std::is_same_v<Node, ast::RangeExpr>) {
          return check_range(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::IfExpr>) {
          return check_if(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::MatchExpr>) {
          return check_match(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::LetExpr>) {
          return check_let(node, span, hint);
        } else if constexpr (std::is_same_v<Node, ast::AggregateExpr>) {
          return check_aggregate(node, span);
        } else if constexpr (std::is_same_v<Node, ast::MissingLit>) {
          if (hint.is_error()) {
            context_.error("E0320", span, "what is missing here cannot be told").help =
                "`missing` needs a place whose type is known, such as an optional field";
            return make_wrong(span);
          }
          return make_node(Op::missing, hint.maybe(), span);
        } else if constexpr (std::is_same_v<Node, ast::RecordLit>) {
          context_.error("E0302", span, "a list of named values cannot stand in an expression");
          return make_wrong(span);
        } else if constexpr (std::is_same_v<Node, ast::ListLit>) {
          context_.error("E0308", span, "a list of values can only stand after `in` or in a table").help = "write `x in { a, b }`";
          return make_wrong(span);
        } else {
          context_.error("E0302", span, "this can only stand in a cell of a table or in `match`").help = "write the value to compare in front of it";
          return make_wrong(span);
        }
      },
      expr.node);
}

// ---- fitting a type --------------------------------------------------------------------------

void ExpressionChecker::mismatch(const checked::Expr& found, Type expected, Span span) {
  if (found.type.kind == expected.kind && found.type.id == expected.id && found.type.optional) {
    Diagnostic& diagnostic = context_.error("E0401", span, "this may be missing, and " + in_ticks(context_.type_text(expected)) + " is needed");
    diagnostic.help = "say what holds then with `default`, or test it first with `known`";
    return;
  }
  Diagnostic& diagnostic =
      context_.error("E0301", span, "expected " + in_ticks(context_.type_text(expected)) + ", found " + in_ticks(context_.type_text(found.type)));
  const TypeKind from = found.type.kind, to = expected.kind;
  if (from == TypeKind::list) diagnostic.help = "a list is only walked by `count`, `sum`, `first`, `exists` and the like";
  if (to == TypeKind::datetime && from == TypeKind::date) diagnostic.help = "write `start_of(…)` for the instant at which a date begins";
  if (to == TypeKind::date && from == TypeKind::datetime) diagnostic.help = "write `date_of(…)` for the date on which an instant falls";
  if (to == TypeKind::decimal && from == TypeKind::integer) diagnostic.help = "write `1.0 * …` for an exact decimal";
  if (to == TypeKind::integer && from == TypeKind::decimal) diagnostic.help = "write `whole(…)` for the whole part";
  if (to == TypeKind::decimal && from == TypeKind::number) diagnostic.help = "write `exact(…)` to round it to six places";
  if (to == TypeKind::number && from == TypeKind::decimal) diagnostic.help = "write `to_number(…)`";
  if (to == TypeKind::money && from == TypeKind::integer) diagnostic.help = "write `money_of(…)` for an amount given in minor units";
}

static ExprPtr retyped_literal(Context& context, const checked::Expr& literal, Type expected) {
  const bool from_integer = literal.type.kind == TypeKind::integer;
  Wide scaled = literal.value;
  if (expected.kind == TypeKind::number) {
    return make_number(from_integer ? static_cast<double>(literal.value) : static_cast<double>(literal.value) / 1e6, literal.span);
  }
  if (!from_integer) return nullptr;
  if (expected.kind == TypeKind::decimal) scaled *= 1'000'000;
  if (expected.kind == TypeKind::money) {
    for (int i = 0; i < context.program.bundle.minor_digits; ++i) scaled *= 10;
  }
  if (scaled > INT64_MAX || scaled < INT64_MIN) {
    context.error("E0305", literal.span, "this figure is too large for " + in_ticks(context.type_text(expected)));
    scaled = 0;
  }
  return make_literal(expected, static_cast<int64_t>(scaled), literal.span);
}

static bool is_text_like(TypeKind kind) { return kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

ExprPtr ExpressionChecker::coerce(ExprPtr expr, Type expected, Span span) {
  const Type found = expr->type;
  if (expected.is_error()) return expr;
  if (found.is_error()) {
    expr->type = expected;  // reported already; what follows is not to be reported again
    return make_wrong(span);
  }
  if (found == expected) return expr;
  const bool same = found.kind == expected.kind && found.id == expected.id;
  if (expected.optional) {
    if (found.optional && found.kind == TypeKind::integer && expected.kind == TypeKind::number) {
      return through(std::move(expr), span, [&](ExprPtr known) { return make_node(Op::int_to_number, expected.known(), span, std::move(known)); });
    }
    if (found.optional && !same) {
      if (found.kind == TypeKind::event && expected.kind == TypeKind::event) {
        expr->type = expected;
        return expr;
      }
      mismatch(*expr, expected, span);
      return make_wrong(span);
    }
    ExprPtr known = coerce(std::move(expr), expected.known(), span);
    if (known->type.is_error()) return known;
    return make_node(Op::to_optional, expected, span, std::move(known));
  }
  if (!found.optional && expr->op == Op::literal && is_numeric(found.kind) && is_numeric(expected.kind)) {
    if (ExprPtr literal = retyped_literal(context_, *expr, expected)) return literal;
  }
  if (!found.optional && found.kind == TypeKind::integer && expected.kind == TypeKind::number) {
    return make_node(Op::int_to_number, expected, span, std::move(expr));
  }
  if (!found.optional && found.kind == TypeKind::text && is_text_like(expected.kind)) {
    expr->type = expected;
    return expr;
  }
  if (!found.optional && is_text_like(found.kind) && expected.kind == TypeKind::text) {
    expr->type = expected;
    return expr;
  }
  if (!found.optional && found.kind == TypeKind::event && expected.kind == TypeKind::event && found.id >= expected.id &&
      found.id <= context_.program.events[expected.id].last_descendant) {
    expr->type = expected;
    return expr;
  }
  mismatch(*expr, expected, span);
  return make_wrong(span);
}

bool ExpressionChecker::require_known(ExprPtr& expr, const char* where) {
  if (!expr->type.optional) return true;
  Diagnostic& diagnostic = context_.error("E0401", expr->span, "this may be missing, and " + std::string(where) + " does not accept that");
  diagnostic.label = "type " + in_ticks(context_.type_text(expr->type));
  diagnostic.help = "say what holds then with `default`, or test it first with `known`";
  expr = make_wrong(expr->span);
  return false;
}

ExprPtr ExpressionChecker::check_as(const ast::Expr& expr, Type expected) { return coerce(check(expr, expected), expected, expr.span); }

ExprPtr ExpressionChecker::check_condition(const ast::Expr& expr) {
  ExprPtr made = check(expr, type_of(TypeKind::boolean));
  if (made->type.is_error()) return made;
  if (made->type.kind == TypeKind::boolean) {
    require_known(made, "a condition");
    return made;
  }
  Diagnostic& diagnostic = context_.error("E0307", expr.span, "a condition is needed here, found " + in_ticks(context_.type_text(made->type)));
  diagnostic.help = "compare it with something";
  return make_wrong(expr.span);
}

ExprPtr ExpressionChecker::check_moment(const ast::Expr& expr) {
  lift_missing_ = true;
  ExprPtr made = check(expr);
  lift_missing_ = false;
  const TypeKind kind = made->type.kind;
  if (made->type.is_error() || kind == TypeKind::datetime || (kind == TypeKind::duration && !made->type.optional)) return made;
  if (kind == TypeKind::date) {
    return through(std::move(made), expr.span, [&](ExprPtr date) {
      ExprPtr start = make_node(Op::builtin, type_of(TypeKind::datetime), expr.span, std::move(date));
      start->index = static_cast<Index>(checked::Builtin::start_of);
      return start;
    });
  }
  if (kind == TypeKind::duration) {
    require_known(made, "a timer");
    return made;
  }
  context_.error("E0301", expr.span, "a date, an instant or a duration is needed here, found " + in_ticks(context_.type_text(made->type)));
  return make_wrong(expr.span);
}

// ---- roots -----------------------------------------------------------------------------------------

RootId add_root(Context& context, const Surroundings& around, ExprPtr body, Index locals, Span span) {
  checked::Root root;
  if (body->type.kind == TypeKind::list) {
    context.error("E0308", span, "a list cannot be a value").help = "a list is only walked by `count`, `sum`, `first`, `exists` and the like";
    body = make_wrong(span);
  }
  root.type = body->type;
  root.body = std::move(body);
  root.label = around.label;
  root.span = span;
  root.self_entity = around.self_entity;
  root.event_type = around.event_type;
  root.strategy = around.strategy;
  for (const auto& parameter : around.parameters) root.parameters.push_back(parameter.second);
  root.locals = locals;
  root.wants_wake = around.wants_wake;
  context.program.roots.push_back(std::move(root));
  return static_cast<RootId>(context.program.roots.size() - 1);
}

RootId make_root(Context& context, const Surroundings& around, const ast::Expr& expr, Type expected) {
  ExpressionChecker checker(context, around);
  ExprPtr body = expected.kind == TypeKind::boolean && !expected.optional ? checker.check_condition(expr) : checker.check_as(expr, expected);
  return add_root(context, around, std::move(body), checker.locals(), expr.span);
}

// ---- constants -------------------------------------------------------------------------------------

std::optional<int64_t> constant_key(const checked::Expr& expr) {
  if (expr.op == Op::to_optional) return constant_key(*expr.args[0]);
  if (expr.op != Op::literal || expr.type.is_error()) return std::nullopt;
  if (expr.type.kind == TypeKind::number) return checked::order_key_of_double(expr.number);
  if (expr.type.kind == TypeKind::text) return std::nullopt;
  return expr.value;
}

static std::optional<int64_t> exact_result(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  const bool overflow = op == Op::add ? __builtin_add_overflow(a, b, &result) : __builtin_sub_overflow(a, b, &result);
  if (overflow) return std::nullopt;
  return result;
}

static bool is_exact_number(TypeKind kind) { return kind == TypeKind::integer || kind == TypeKind::decimal || kind == TypeKind::money; }

ExprPtr folded(ExprPtr expr) {
  for (ExprPtr& argument : expr->args) argument = folded(std::move(argument));
  const auto is_literal = [&](size_t i) { return expr->args[i]->op == Op::literal && !expr->args[i]->type.is_error(); };
  if (expr->op == Op::negate && is_literal(0)) {
    if (expr->type.kind == TypeKind::number) return make_number(-expr->args[0]->number, expr->span);
    if (is_exact_number(expr->type.kind) && expr->args[0]->value != INT64_MIN) return make_literal(expr->type, -expr->args[0]->value, expr->span);
  }
  if (expr->op == Op::int_to_number && is_literal(0)) return make_number(static_cast<double>(expr->args[0]->value), expr->span);
  if ((expr->op == Op::add || expr->op == Op::subtract) && is_literal(0) && is_literal(1)) {
    const checked::Expr &a = *expr->args[0], &b = *expr->args[1];
    if (is_exact_number(expr->type.kind) && a.type == b.type) {
      if (const auto value = exact_result(expr->op, a.value, b.value)) return make_literal(expr->type, *value, expr->span);
    }
    if (a.type.kind == TypeKind::date && b.type.kind == TypeKind::duration && (b.value & 7) == 1) {
      if (const auto value = exact_result(expr->op, a.value, b.value >> 3)) return make_literal(expr->type, *value, expr->span);
    }
  }
  return expr;
}

}  // namespace dunlin::sema
