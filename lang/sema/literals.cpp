// Literals: the context decides what a number is; texts with {…} are composed.
#include <charconv>
#include <cstdlib>

#include "lang/sema/civil.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

using checked::Builtin;

bool ExpressionChecker::is_flexible(const ast::Expr& expr) {
  if (std::holds_alternative<ast::IntLit>(expr.node) || std::holds_alternative<ast::DecimalLit>(expr.node) ||
      std::holds_alternative<ast::PercentLit>(expr.node)) {
    return true;
  }
  if (const auto* unary = std::get_if<ast::Unary>(&expr.node)) return unary->op == ast::UnaryOp::negate && is_flexible(*unary->operand);
  if (const auto* binary = std::get_if<ast::Binary>(&expr.node)) {
    const bool arithmetic = binary->op == ast::BinaryOp::add || binary->op == ast::BinaryOp::subtract || binary->op == ast::BinaryOp::multiply ||
                            binary->op == ast::BinaryOp::divide || binary->op == ast::BinaryOp::modulo;
    return arithmetic && is_flexible(*binary->left) && is_flexible(*binary->right);
  }
  return false;
}

bool ExpressionChecker::has_fraction(const ast::Expr& expr) {
  if (const auto* unary = std::get_if<ast::Unary>(&expr.node)) return has_fraction(*unary->operand);
  if (const auto* binary = std::get_if<ast::Binary>(&expr.node)) return has_fraction(*binary->left) || has_fraction(*binary->right);
  return !std::holds_alternative<ast::IntLit>(expr.node);
}

/// digits ("12.5") times 10^shift as an integer; nothing if digits are left over or it is too large.
static std::optional<int64_t> scaled_value(const std::string& digits, int shift) {
  Wide value = 0;
  int places = -1;
  for (const char c : digits) {
    if (c == '_') continue;
    if (c == '.') {
      places = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    if (places >= 0 && ++places > shift) {
      if (c != '0') return std::nullopt;
      --places;
      continue;
    }
    value = value * 10 + (c - '0');
    if (value > INT64_MAX) return std::nullopt;
  }
  for (int i = std::max(places, 0); i < shift; ++i) {
    value *= 10;
    if (value > INT64_MAX) return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

static double number_value(const std::string& digits) {
  std::string plain;
  for (const char c : digits) {
    if (c != '_') plain += c;
  }
  double value = 0;
  std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return value;
}

ExprPtr ExpressionChecker::check_integer(const ast::IntLit& literal, Span span, Type hint) {
  if (hint.kind == TypeKind::decimal || hint.kind == TypeKind::money || hint.kind == TypeKind::number) return check_decimal(literal.digits, 0, span, hint);
  const auto value = scaled_value(literal.digits, 0);
  if (!value) context_.error("E0305", span, "this figure is too large for `int`");
  return make_literal(type_of(TypeKind::integer), value.value_or(0), span);
}

/// shift: 2 for percentages.
ExprPtr ExpressionChecker::check_decimal(const std::string& digits, int shift, Span span, Type hint) {
  if (hint.kind == TypeKind::number) return make_number(number_value(digits) / (shift == 2 ? 100 : 1), span);
  const bool money = hint.kind == TypeKind::money && shift == 0;
  const int places = money ? context_.program.bundle.minor_digits : 6;
  const auto value = scaled_value(digits, places - shift);
  const Type type = type_of(money ? TypeKind::money : TypeKind::decimal);
  if (!value) {
    Diagnostic& diagnostic = context_.error("E0305", span, "this figure does not fit into " + in_ticks(context_.type_text(type)));
    diagnostic.help =
        money ? "amounts of this currency have " + std::to_string(places) + " places" : "a decimal has six places and at most thirteen digits before them";
  }
  return make_literal(type, value.value_or(0), span);
}

ExprPtr ExpressionChecker::check_duration(const ast::DurationLit& literal, Span span) {
  using Unit = ast::DurationUnit;
  constexpr int64_t second = 1'000'000;
  int64_t factor = 1, unit = 0;
  switch (literal.unit) {
    case Unit::second:
      factor = second;
      break;
    case Unit::minute:
      factor = 60 * second;
      break;
    case Unit::hour:
      factor = 3600 * second;
      break;
    case Unit::day:
      unit = 1;
      break;
    case Unit::week:
      factor = 7;
      unit = 1;
      break;
    case Unit::business_day:
      unit = 2;
      break;
    case Unit::month:
      unit = 3;
      break;
    case Unit::quarter:
      factor = 3;
      unit = 3;
      break;
    case Unit::year:
      factor = 12;
      unit = 3;
      break;
  }
  const auto amount = scaled_value(literal.digits, 0);
  const Wide packed = static_cast<Wide>(amount.value_or(0)) * factor * 8 + unit;
  constexpr int64_t calendar_max = 100'000;  // nothing in a calendar lies further away
  const bool too_long = !amount || packed > INT64_MAX || (unit != 0 && *amount * factor > calendar_max);
  if (too_long) context_.error("E0305", span, "this duration is too long");
  return make_literal(type_of(TypeKind::duration), too_long ? unit : static_cast<int64_t>(packed), span);
}

ExprPtr ExpressionChecker::check_date(const ast::DateLit& literal, Span span) {
  const auto days = days_of_date(literal.year, literal.month, literal.day);
  if (!days) context_.error("E0111", span, "there is no such date");
  return make_literal(type_of(TypeKind::date), days.value_or(0), span);
}

ExprPtr ExpressionChecker::check_datetime(const ast::DateTimeLit& literal, Span span) {
  const auto days = days_of_date(literal.date.year, literal.date.month, literal.date.day);
  if (!days) context_.error("E0111", span, "there is no such date");
  const int64_t seconds = literal.time.hour * 3600 + literal.time.minute * 60 + literal.time.second;
  const auto instant = instant_of_local(context_.program.bundle.timezone, days.value_or(0), seconds);
  return make_literal(type_of(TypeKind::datetime), instant.value_or(0), span);  // an unknown zone is reported with the bundle
}

// ---- texts -----------------------------------------------------------------------------------------

static ExprPtr formatted(Builtin builtin, ExprPtr value, Span span) {
  ExprPtr made = make_node(Op::builtin, type_of(TypeKind::text), span, std::move(value));
  made->index = static_cast<Index>(builtin);
  return made;
}

ExprPtr ExpressionChecker::as_text(ExprPtr value, Span span) {
  require_known(value, "a text");
  switch (value->type.kind) {
    case TypeKind::error:
    case TypeKind::text:
      return value;
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      value->type = type_of(TypeKind::text);
      return value;
    case TypeKind::integer:
      return formatted(Builtin::format_int, std::move(value), span);
    case TypeKind::decimal:
      return formatted(Builtin::format_decimal, std::move(value), span);
    case TypeKind::number:
      return formatted(Builtin::format_number, std::move(value), span);
    case TypeKind::money:
      return formatted(Builtin::format_money, std::move(value), span);
    case TypeKind::date:
      return formatted(Builtin::format_date, std::move(value), span);
    case TypeKind::datetime:
      return formatted(Builtin::format_datetime, std::move(value), span);
    case TypeKind::boolean:
      return make_node(Op::condition, type_of(TypeKind::text), span, std::move(value), make_text("true", span), make_text("false", span));
    case TypeKind::enumeration:
      return with_shared(std::move(value), span, [&](const checked::Expr& shared) {
        const auto& literals = context_.program.enums[shared.type.id].literals;
        ExprPtr chain = make_text(literals.empty() ? "" : literals.back(), span);
        for (size_t i = literals.size(); i-- > 1;) {
          ExprPtr test = make_node(Op::equal, type_of(TypeKind::boolean), span, clone(shared), make_literal(shared.type, static_cast<int64_t>(i) - 1, span));
          chain = make_node(Op::condition, type_of(TypeKind::text), span, std::move(test), make_text(literals[i - 1], span), std::move(chain));
        }
        return chain;
      });
    default:
      context_.error("E0322", span, "a value of type " + in_ticks(context_.type_text(value->type)) + " cannot be put into a text");
      return make_wrong(span);
  }
}

ExprPtr ExpressionChecker::check_text(const ast::TextLit& literal, Span span, Type hint) {
  if (literal.parts.empty()) return make_text("", span);
  if (literal.parts.size() == 1 && !literal.parts[0].expr) {
    ExprPtr text = make_text(literal.parts[0].text, span);
    const bool special = hint.kind == TypeKind::timezone || hint.kind == TypeKind::file || hint.kind == TypeKind::location;
    if (hint.kind == TypeKind::timezone && !zone_exists(text->text)) {
      context_.error("E0804", span, "there is no time zone \"" + text->text + "\"").help = "write a name such as \"Europe/Berlin\"";
    }
    if (special) text->type = hint.known();
    return text;
  }
  ExprPtr made = make_node(Op::text_concat, type_of(TypeKind::text), span);
  for (const ast::TextLit::Part& part : literal.parts) {
    made->args.push_back(part.expr ? as_text(check(*part.expr), part.expr->span) : make_text(part.text, span));
    if (made->args.back()->type.is_error()) return make_wrong(span);
  }
  return made;
}

}  // namespace dunlin::sema
