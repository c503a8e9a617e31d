// Arithmetic, comparison, logic, `in` and ranges.
#include "lang/sema/expression.h"

namespace dunlin::sema {

using ast::BinaryOp;

static Op op_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return Op::add;
    case BinaryOp::subtract:
      return Op::subtract;
    case BinaryOp::multiply:
      return Op::multiply;
    case BinaryOp::divide:
      return Op::divide;
    case BinaryOp::modulo:
      return Op::modulo;
    case BinaryOp::equal:
      return Op::equal;
    case BinaryOp::not_equal:
      return Op::not_equal;
    case BinaryOp::less:
      return Op::less;
    case BinaryOp::less_equal:
      return Op::less_equal;
    case BinaryOp::greater:
      return Op::greater;
    case BinaryOp::greater_equal:
      return Op::greater_equal;
    case BinaryOp::logical_and:
      return Op::logical_and;
    case BinaryOp::logical_or:
      return Op::logical_or;
  }
  return Op::add;
}

static const char* verb_of(Op op) {
  switch (op) {
    case Op::add:
      return "added";
    case Op::subtract:
      return "subtracted";
    case Op::multiply:
      return "multiplied";
    case Op::divide:
      return "divided";
    case Op::modulo:
      return "taken as a remainder";
    default:
      return "compared";
  }
}

ExprPtr ExpressionChecker::cannot(Op op, const checked::Expr& left, const checked::Expr& right, Span span) {
  if (left.type.is_error() || right.type.is_error()) return make_wrong(span);
  Diagnostic& diagnostic = context_.error(
      "E0302", span, in_ticks(context_.type_text(left.type)) + " and " + in_ticks(context_.type_text(right.type)) + " cannot be " + std::string(verb_of(op)));
  const auto either = [&](TypeKind kind) { return left.type.kind == kind || right.type.kind == kind; };
  if (either(TypeKind::date) && either(TypeKind::integer)) diagnostic.help = "write the unit: `5 days`, or `n * 1 day`";
  if (either(TypeKind::date) && either(TypeKind::datetime)) diagnostic.help = "write `date_of(…)` or `start_of(…)` so that both are the same";
  if (either(TypeKind::decimal) && either(TypeKind::integer)) diagnostic.help = "write `1.0 * …` for an exact decimal";
  if (either(TypeKind::decimal) && either(TypeKind::number)) diagnostic.help = "write `to_number(…)` or `exact(…)` so that both are the same";
  if (either(TypeKind::list)) diagnostic.help = "a list is only walked by `count`, `sum`, `first`, `exists` and the like";
  if (either(TypeKind::text) && op == Op::add) diagnostic.help = "compose texts inside one: \"{first} {second}\"";
  return make_wrong(span);
}

ExprPtr ExpressionChecker::check_unary(const ast::Unary& unary, Span span, Type hint) {
  if (unary.op == ast::UnaryOp::logical_not) {
    ExprPtr operand = check_condition(*unary.operand);
    return make_node(Op::logical_not, type_of(TypeKind::boolean), span, std::move(operand));
  }
  ExprPtr operand = check(*unary.operand, hint);
  if (operand->type.is_error() || !require_known(operand, "`-`")) return make_wrong(span);
  if (!is_numeric(operand->type.kind)) {
    context_.error("E0302", span, "a value of type " + in_ticks(context_.type_text(operand->type)) + " has no sign");
    return make_wrong(span);
  }
  const Type type = operand->type;
  ExprPtr made = make_node(Op::negate, type, span, std::move(operand));
  return made->args[0]->op == Op::literal ? folded(std::move(made)) : std::move(made);
}

ExprPtr ExpressionChecker::check_binary(const ast::Binary& binary, Span span, Type hint) {
  switch (binary.op) {
    case BinaryOp::logical_and:
    case BinaryOp::logical_or:
      return check_logic(binary, span);
    case BinaryOp::add:
    case BinaryOp::subtract:
    case BinaryOp::multiply:
    case BinaryOp::divide:
    case BinaryOp::modulo:
      return check_arithmetic(binary, span, hint);
    default:
      return check_comparison(binary, span);
  }
}

ExprPtr ExpressionChecker::check_logic(const ast::Binary& binary, Span span) {
  ExprPtr left = check_condition(*binary.left);
  const Facts before = facts_;
  learn(*left, binary.op == BinaryOp::logical_and, facts_);
  ExprPtr right = check_condition(*binary.right);
  facts_ = before;
  // A side that is wrong has been reported; what the other side proves still holds for what comes behind.
  return make_node(op_of(binary.op), type_of(TypeKind::boolean), span, std::move(left), std::move(right));
}

/// Operands of one operator: a number literal, or a name that only a type can explain, waits for the other side.
std::pair<ExprPtr, ExprPtr> ExpressionChecker::check_pair(const ast::Binary& binary, Type hint) {
  const bool left_waits = is_flexible(*binary.left) || is_literal_name(*binary.left);
  const bool right_waits = is_flexible(*binary.right) || is_literal_name(*binary.right);
  if (is_flexible(*binary.left) && is_flexible(*binary.right)) {
    if (!is_numeric(hint.kind)) hint = type_of(has_fraction(*binary.left) || has_fraction(*binary.right) ? TypeKind::decimal : TypeKind::integer);
    ExprPtr left = check(*binary.left, hint);
    return {std::move(left), check(*binary.right, hint)};
  }
  // A name that waits for a side that is wrong cannot be judged.
  const auto judge = [&](const ast::Expr& waiting, const checked::Expr& other, Type otherwise) {
    if (other.type.is_error() && is_literal_name(waiting)) return make_wrong(waiting.span);
    return check(waiting, other.type.is_error() ? otherwise : other.type.known());
  };
  if (left_waits && !right_waits) {
    ExprPtr right = check(*binary.right, hint);
    ExprPtr left = judge(*binary.left, *right, {});
    return {std::move(left), std::move(right)};
  }
  ExprPtr left = check(*binary.left, hint);
  ExprPtr right = judge(*binary.right, *left, hint);
  return {std::move(left), std::move(right)};
}

bool ExpressionChecker::same_number_type(ExprPtr& left, ExprPtr& right) {
  if (left->type == right->type) return true;
  const auto widen = [](ExprPtr& integer) {
    const Span span = integer->span;
    integer = make_node(Op::int_to_number, type_of(TypeKind::number), span, std::move(integer));
  };
  if (left->type.kind == TypeKind::integer && right->type.kind == TypeKind::number) widen(left);
  if (right->type.kind == TypeKind::integer && left->type.kind == TypeKind::number) widen(right);
  return left->type == right->type;
}

std::optional<int> duration_unit(const checked::Expr& expr) {
  if (expr.type.kind != TypeKind::duration) return std::nullopt;
  switch (expr.op) {
    case Op::literal:
      return static_cast<int>(expr.value & 7);
    case Op::add:
    case Op::subtract:
      if (expr.args[0]->type.kind == TypeKind::datetime) return 0;
      [[fallthrough]];
    case Op::multiply:
      return duration_unit(*expr.args[0]);
    default:
      return std::nullopt;
  }
}

bool ExpressionChecker::units_agree(const checked::Expr& left, const checked::Expr& right, Span span) {
  const auto a = duration_unit(left), b = duration_unit(right);
  if (!a || !b || *a == *b) return true;
  static constexpr const char* names[] = {"an exact duration", "days", "business days", "months"};
  Diagnostic& diagnostic = context_.error("E0309", span, std::string(names[*a]) + " and " + names[*b] + " cannot be reckoned together");
  diagnostic.help = "a day has 23 to 25 hours and a month 28 to 31 days: write both in one unit, or add them to a date one after the other";
  return false;
}

// ---- arithmetic ----------------------------------------------------------------------------------------

ExprPtr ExpressionChecker::check_arithmetic(const ast::Binary& binary, Span span, Type hint) {
  const Op op = op_of(binary.op);
  const bool lift = lift_missing_;
  now_allowed_ = false;  // what waits for an instant must be able to read it off the comparison
  const bool scales = op == Op::multiply || op == Op::divide;
  ExprPtr left, right;
  if (scales && !(is_flexible(*binary.left) && is_flexible(*binary.right))) {
    // A literal factor beside money, a duration or an int stays a plain figure; beside others it is one of them.
    const auto factor_hint = [](const checked::Expr& other) {
      const bool plain = other.type.kind == TypeKind::money || other.type.kind == TypeKind::duration || other.type.kind == TypeKind::integer;
      return plain ? Type{} : other.type.known();
    };
    if (is_flexible(*binary.left)) {
      right = check(*binary.right, hint.kind == TypeKind::money ? Type{} : hint);
      left = check(*binary.left, factor_hint(*right));
    } else {
      left = check(*binary.left, hint.kind == TypeKind::money || hint.kind == TypeKind::duration ? Type{} : hint);
      right = check(*binary.right, is_flexible(*binary.right) ? factor_hint(*left) : Type{});
    }
  } else if (scales && hint.kind == TypeKind::money) {
    left = check(*binary.left, hint);
    right = check(*binary.right);
  } else {
    std::tie(left, right) = check_pair(binary, hint);
  }
  if (left->type.is_error() || right->type.is_error()) return make_wrong(span);
  const auto combine = [&](ExprPtr a, ExprPtr b) {
    if (op == Op::add || op == Op::subtract) return add_or_subtract(op, std::move(a), std::move(b), span, binary.op_span);
    return multiply_or_divide(op, std::move(a), std::move(b), span, binary.op_span);
  };
  const TypeKind kind = left->type.kind;
  if (lift && left->type.optional && !right->type.optional && (kind == TypeKind::date || kind == TypeKind::datetime)) {
    return through(std::move(left), span, [&](ExprPtr known) { return combine(std::move(known), std::move(right)); });
  }
  const std::string operator_text = "`" + std::string(context_.sources.text(binary.op_span)) + "`";
  if (!require_known(left, operator_text.c_str()) || !require_known(right, operator_text.c_str())) return make_wrong(span);
  return combine(std::move(left), std::move(right));
}

ExprPtr ExpressionChecker::add_or_subtract(Op op, ExprPtr left, ExprPtr right, Span span, Span op_span) {
  const TypeKind a = left->type.kind, b = right->type.kind;
  if (is_numeric(a) && is_numeric(b)) {
    if (!same_number_type(left, right)) return cannot(op, *left, *right, span);
    const Type type = left->type;
    return make_node(op, type, span, std::move(left), std::move(right));
  }
  if (b == TypeKind::duration && (a == TypeKind::date || a == TypeKind::datetime)) {
    const auto unit = duration_unit(*right);
    if (a == TypeKind::date && unit && *unit == 0) {
      context_.error("E0309", span, "hours and minutes cannot be added to a date").help =
          "write `start_of(…)` to reckon from the instant at which the date begins";
      return make_wrong(span);
    }
    const Type type = left->type;
    return make_node(op, type, span, std::move(left), std::move(right));
  }
  if (a == TypeKind::duration && b == TypeKind::duration) {
    if (!units_agree(*left, *right, span)) return make_wrong(span);
    return make_node(op, type_of(TypeKind::duration), span, std::move(left), std::move(right));
  }
  if (a == TypeKind::duration && (b == TypeKind::date || b == TypeKind::datetime) && op == Op::add) {
    return add_or_subtract(op, std::move(right), std::move(left), span, op_span);
  }
  if (op == Op::subtract && a == b && (a == TypeKind::date || a == TypeKind::datetime)) {
    return make_node(op, type_of(a == TypeKind::date ? TypeKind::integer : TypeKind::duration), span, std::move(left), std::move(right));
  }
  return cannot(op, *left, *right, span);
}

ExprPtr ExpressionChecker::multiply_or_divide(Op op, ExprPtr left, ExprPtr right, Span span, Span op_span) {
  const TypeKind a = left->type.kind, b = right->type.kind;
  const auto make = [&](TypeKind result) { return make_node(op, type_of(result), span, std::move(left), std::move(right)); };
  if (op == Op::modulo) return a == TypeKind::integer && b == TypeKind::integer ? make(TypeKind::integer) : cannot(op, *left, *right, span);
  const bool same_kind = a == b && (a == TypeKind::integer || a == TypeKind::decimal || a == TypeKind::number);
  if (op == Op::divide) {
    if (same_kind) return make(a == TypeKind::integer ? TypeKind::decimal : a);
    if (a == TypeKind::money && (b == TypeKind::integer || b == TypeKind::decimal)) return make(TypeKind::money);
    if (a == TypeKind::money && b == TypeKind::money) return make(TypeKind::decimal);
    if ((a == TypeKind::number || b == TypeKind::number) && same_number_type(left, right)) return make(TypeKind::number);
    return cannot(op, *left, *right, span);
  }
  if (same_kind) return make(a);
  if (a == TypeKind::money && (b == TypeKind::integer || b == TypeKind::decimal)) return make(TypeKind::money);
  if (a == TypeKind::decimal && b == TypeKind::integer) return make(TypeKind::decimal);
  if (a == TypeKind::duration && b == TypeKind::integer) return make(TypeKind::duration);
  const bool turned = (b == TypeKind::money && (a == TypeKind::integer || a == TypeKind::decimal)) || (b == TypeKind::decimal && a == TypeKind::integer) ||
                      (b == TypeKind::duration && a == TypeKind::integer);
  if (turned) return multiply_or_divide(op, std::move(right), std::move(left), span, op_span);
  if ((a == TypeKind::number || b == TypeKind::number) && same_number_type(left, right)) return make(TypeKind::number);
  return cannot(op, *left, *right, span);
}

// ---- comparison ------------------------------------------------------------------------------------------

ExprPtr ExpressionChecker::compare(Op op, ExprPtr left, ExprPtr right, Span span) {
  if (left->type.is_error() || right->type.is_error()) return make_wrong(span);
  if (!require_known(left, "a comparison") || !require_known(right, "a comparison")) return make_wrong(span);
  if (is_numeric(left->type.kind) && is_numeric(right->type.kind)) same_number_type(left, right);
  const auto text_like = [](TypeKind kind) {
    return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location;
  };
  const bool texts = text_like(left->type.kind) && text_like(right->type.kind);
  const bool events = left->type.kind == TypeKind::event && right->type.kind == TypeKind::event;
  if (!(left->type == right->type) && !texts && !events) return cannot(op, *left, *right, span);
  const bool equality = op == Op::equal || op == Op::not_equal;
  const TypeKind kind = left->type.kind;
  const bool comparable = equality ? (kind != TypeKind::record && kind != TypeKind::list && kind != TypeKind::event) : is_ordered(kind);
  if (!comparable) {
    context_.error("E0302", span, "values of type " + in_ticks(context_.type_text(left->type)) + (equality ? " cannot be compared" : " have no order"));
    return make_wrong(span);
  }
  if (kind == TypeKind::duration && !units_agree(*left, *right, span)) return make_wrong(span);
  return make_node(op, type_of(TypeKind::boolean), span, std::move(left), std::move(right));
}

ExprPtr ExpressionChecker::check_comparison(const ast::Binary& binary, Span span) {
  now_allowed_ = binary.op != BinaryOp::equal && binary.op != BinaryOp::not_equal;
  auto [left, right] = check_pair(binary, {});
  now_allowed_ = false;
  const Op op = op_of(binary.op);
  if (!around_.expecting || !(left->type.optional || right->type.optional)) return compare(op, std::move(left), std::move(right), span);
  std::vector<ExprPtr> sides;
  sides.push_back(std::move(left));
  sides.push_back(std::move(right));
  ExprPtr held = through_all(std::move(sides), span, {false, false},
                             [&](std::vector<ExprPtr> known) { return compare(op, std::move(known[0]), std::move(known[1]), span); });
  if (held->type.is_error()) return held;
  return make_node(Op::default_value, type_of(TypeKind::boolean), span, std::move(held), make_bool(false, span));
}

// ---- in and ranges ------------------------------------------------------------------------------------------

ExprPtr ExpressionChecker::with_shared(ExprPtr value, Span span, const std::function<ExprPtr(const checked::Expr&)>& body) {
  constexpr size_t cheap = 6;
  if (value->type.is_error()) return make_wrong(span);
  if (size_of(*value, cheap + 1) <= cheap) return body(*value);
  const Index local = add_local(value->type);
  const ExprPtr stand_in = make_local(local, value->type, value->span);
  ExprPtr inner = body(*stand_in);
  if (inner->type.is_error()) return inner;
  const Type type = inner->type;
  ExprPtr made = make_node(Op::let, type, span, std::move(value), std::move(inner));
  made->index = local;
  return made;
}

ExprPtr ExpressionChecker::check_in(const ast::InExpr& in, Span span) {
  now_allowed_ = std::holds_alternative<ast::RangeExpr>(in.set->node);
  ExprPtr value = check(*in.value);
  now_allowed_ = false;
  if (value->type.is_error()) return value;
  const auto* range = std::get_if<ast::RangeExpr>(&in.set->node);
  const auto* list = std::get_if<ast::ListLit>(&in.set->node);
  ExprPtr made;
  if (range != nullptr || list != nullptr) {
    if (!require_known(value, "`in`")) return value;
    made = with_shared(std::move(value), span, [&](const checked::Expr& shared) { return pattern_condition(*in.set, shared); });
  } else {
    ExprPtr set = check(*in.set);
    if (set->type.is_error() || !require_known(value, "`in`")) return make_wrong(span);
    if (set->type.kind == TypeKind::time_range && value->type.kind == TypeKind::time && set->op == Op::literal) {
      const int64_t from = set->value >> 17, to = set->value & 131071;
      made = with_shared(std::move(value), span, [&](const checked::Expr& shared) {
        ExprPtr after = make_node(Op::greater_equal, type_of(TypeKind::boolean), span, clone(shared), make_literal(type_of(TypeKind::time), from, span));
        ExprPtr before = make_node(Op::less_equal, type_of(TypeKind::boolean), span, clone(shared), make_literal(type_of(TypeKind::time), to, span));
        return make_node(from <= to ? Op::logical_and : Op::logical_or, type_of(TypeKind::boolean), span, std::move(after), std::move(before));
      });
    } else if (set->type.kind != TypeKind::list || set->op != Op::field || !(context_.program.lists[set->type.id] == value->type)) {
      Diagnostic& diagnostic = context_.error("E0308", in.set->span,
                                              "a range, a list of values or a list of " + in_ticks(context_.type_text(value->type)) + " is needed behind `in`");
      diagnostic.help = "write `x in 1..30` or `x in { a, b }`";
      return make_wrong(span);
    } else {
      made = with_shared(std::move(value), span, [&](const checked::Expr& shared) {
        ExprPtr exists = make_node(Op::aggregate, type_of(TypeKind::boolean), span);
        exists->aggregate = std::make_unique<checked::Aggregate>();
        checked::Aggregate& walk = *exists->aggregate;
        walk.function = checked::AggregateFunction::exists;
        walk.source = checked::Aggregate::Source::list;
        walk.element_entity = set->index;
        walk.owner = std::move(set->args[0]);
        walk.local = add_local(shared.type);
        walk.where = make_node(Op::equal, type_of(TypeKind::boolean), span, make_local(walk.local, shared.type, span), clone(shared));
        return exists;
      });
    }
  }
  if (!in.negated || made->type.is_error()) return made;
  return make_node(Op::logical_not, type_of(TypeKind::boolean), span, std::move(made));
}

/// A range as a value: the hours of a window. Elsewhere ranges stand behind `in` and in cells, which take them apart themselves.
ExprPtr ExpressionChecker::check_range(const ast::RangeExpr& range, Span span, Type hint) {
  if (range.low && range.high) {
    ExprPtr low = folded(check(*range.low)), high = folded(check(*range.high));
    if (low->type.is_error() || high->type.is_error()) return make_wrong(span);
    if (low->type.kind == TypeKind::time && high->type.kind == TypeKind::time && !low->type.optional && !high->type.optional) {
      if (low->op == Op::literal && high->op == Op::literal) {
        return make_literal(type_of(TypeKind::time_range), low->value * 131072 + high->value, span);
      }
      context_.error("E0321", span, "the ends of a range of hours must be written as times").help = "write `09:00..18:00`";
      return make_wrong(span);
    }
  }
  (void)hint;
  context_.error("E0308", span, "a range can only stand behind `in`, in a table or as hours of the day").help = "write `x in 1..30`";
  return make_wrong(span);
}

}  // namespace dunlin::sema
