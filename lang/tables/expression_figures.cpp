// Arithmetic of FEEL: figures with 34 digits, dates, times and durations.
#include <fmt/format.h>

#include "lang/tables/dunlin_names.h"
#include "lang/tables/expression.h"
#include "lang/tables/expression_parts.h"

namespace dunlin::tables {

using feel::Op;

Term bare(Kind kind, std::string text, bool nullable) {
  constexpr size_t text_max = 60'000;
  Term made;
  made.type.kind = kind;
  made.text = std::move(text);
  made.nullable = nullable;
  if (made.text.size() > text_max)
    throw Refusal{"the expression becomes too long when the decisions it rests on are put in", "split it into decisions with names"};
  return made;
}

Term null_of(std::initializer_list<const Term*> from) { return with_needs(null_term(), from); }

Term with_needs(Term made, std::initializer_list<const Term*> from) {
  for (const Term* term : from) add_needs(made, *term);
  return made;
}

Term wide_figure_term(const ExactDecimal& value) {
  Term made;
  made.type.kind = Kind::decimal;
  made.figure = value;
  made.text = value.mantissa < 0 ? "(" + text_of(value) + ")" : text_of(value);
  return made;
}

const char* suffix_of(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return "_int";
    case Kind::money:
      return "_money";
    case Kind::text:
      return "_text";
    case Kind::boolean:
      return "_bool";
    case Kind::date:
      return "_date";
    case Kind::time:
      return "_time";
    case Kind::datetime:
      return "_datetime";
    default:
      return "";
  }
}

Term Expressions::nothing(const std::string& why, std::initializer_list<const Term*> from) {
  if (remark) remark(why + ": DMN makes null of it");
  return null_of(from);
}

Term Expressions::arithmetic(Op op, const Term& a, const Term& b) {
  if (is_null(a) || is_null(b)) return null_of({&a, &b});
  if (a.type.is_words() && b.type.is_words() && op == Op::add) {
    if (a.words && b.words) return words_term(*a.words + *b.words);
    return lifted("feel_join", {as_text(a), as_text(b)}, Kind::text);
  }
  if (a.type.is_number() && b.type.is_number()) return op == Op::power ? raise(a, b) : numeric(op, a, b);
  return temporal(op, a, b);
}

// ---- figures -------------------------------------------------------------------------------------------

namespace {

/// Constant figures are computed as DMN computes them: with 34 digits, quotients rounded half to even. Nothing where even those do not hold the result.
std::optional<Term> folded(Op op, const ExactDecimal& a, const ExactDecimal& b) {
  if (op == Op::divide && b.is_zero()) return null_term();
  const auto result = op == Op::add ? add(a, b) : op == Op::subtract ? subtract(a, b) : op == Op::multiply ? multiply(a, b) : divide(a, b);
  return result ? std::optional(wide_figure_term(*result)) : std::nullopt;
}

}  // namespace

Term Expressions::placed(const Term& term) const {
  if (!term.figure) return term;
  const auto near = rounded ? rounded_half_even(*term.figure, 6) : term.figure;
  Term made = figure_term(near ? *near : *term.figure);
  made.type = term.type;
  made.needs = term.needs;
  return made;
}

std::string Expressions::wide_text(const Term& term) {
  if (!term.wide.empty()) return term.wide;
  if (term.figure) return text_literal(text_of(*term.figure));
  if (is_null(term)) return "missing";
  return "wide_of(" + as(term, {Kind::decimal, {}}).text + ")";
}

Term Expressions::from_wide(std::string wide, bool nullable, std::initializer_list<const Term*> from) {
  Term made = bare(Kind::decimal, (rounded ? "wide_rounded(" + wide + ", 6)" : "wide_exact(" + wide + ")"), nullable);
  made.wide = std::move(wide);
  return with_needs(std::move(made), from);
}

/// In 34 digits, as DMN computes: what is left in the end is brought to six places where it is used as a decimal.
Term Expressions::wide(Op op, const Term& a, const Term& b) {
  if (a.type.kind == Kind::money || b.type.kind == Kind::money)
    throw Refusal{"amounts of money are only added and subtracted here", "give the column the type number"};
  const char* name = op == Op::add        ? "wide_sum"
                     : op == Op::subtract ? "wide_difference"
                     : op == Op::multiply ? "wide_product"
                     : op == Op::divide   ? "feel_wide_quotient"
                                          : "feel_wide_power";
  const bool partial = op == Op::divide || op == Op::power;
  return from_wide(fmt::format("{}({}, {})", name, wide_text(a), wide_text(b)), partial || a.nullable || b.nullable, {&a, &b});
}

Term Expressions::numeric(Op op, const Term& left, const Term& right) {
  if (left.figure && right.figure) {
    if (auto made = folded(op, *left.figure, *right.figure)) return *made;
    return wide(op, left, right);
  }
  if (is_wide(left) || is_wide(right)) return wide(op, left, right);
  Term a = left, b = right;
  const bool nullable = a.nullable || b.nullable;
  const bool sum = op == Op::add || op == Op::subtract;
  if (a.type.kind == Kind::money || b.type.kind == Kind::money) {
    if (!sum) throw Refusal{"amounts of money are only added and subtracted here", "give the column the type number"};
    a = as(a, {Kind::money, {}});
    b = as(b, {Kind::money, {}});
  } else if (is_whole(a) && is_whole(b) && op != Op::divide) {
    a = as(a, {Kind::integer, {}});
    b = as(b, {Kind::integer, {}});
  } else {
    a = as(placed(a), {Kind::decimal, {}});
    b = as(placed(b), {Kind::decimal, {}});
  }
  const Kind kind = a.type.kind;
  if (op == Op::divide) {
    Term made = lifted(rounded ? "feel_divide_rounded" : "feel_divide", {a, b}, Kind::decimal);
    made.nullable = true;
    made.wide = wide(op, left, right).wide;
    return made;
  }
  if (op == Op::multiply && kind == Kind::decimal) {
    // A whole factor keeps the six places.
    if (!is_whole(left) && !is_whole(right)) {
      Term made = lifted(rounded ? "feel_multiply" : "exact_product", {a, b}, kind);
      made.wide = wide(op, left, right).wide;
      return made;
    }
    return nullable ? lifted("feel_multiply", {a, b}, kind) : with_needs(bare(kind, fmt::format("({} * {})", a.text, b.text)), {&a, &b});
  }
  const char* sign = op == Op::add ? "+" : op == Op::subtract ? "-" : "*";
  if (!nullable) return with_needs(bare(kind, fmt::format("({} {} {})", a.text, sign, b.text)), {&a, &b});
  const char* name = op == Op::add ? "feel_add" : op == Op::subtract ? "feel_subtract" : "feel_multiply";
  return lifted(std::string(name) + suffix_of(kind), {a, b}, kind);
}

Term Expressions::raise(const Term& base, const Term& exponent) {
  const auto times = exponent.figure && exponent.figure->is_whole() ? millionths(*exponent.figure) : std::nullopt;
  if (!times) return wide(Op::power, base, exponent);
  const int64_t count = *times / 1'000'000;
  if (base.figure) {
    const auto result = power(*base.figure, count);
    if (!result && base.figure->is_zero()) return nothing("a negative power of zero", {});
    return result ? wide_figure_term(*result) : wide(Op::power, base, exponent);
  }
  if (count < 1 || count > 8) return wide(Op::power, base, exponent);
  Term made = base;
  for (int64_t i = 1; i < count; ++i) made = numeric(Op::multiply, made, base);
  return made;
}

Term Expressions::negate(const Term& value) {
  if (is_null(value)) return value;
  if (value.figure) return wide_figure_term(tables::negate(*value.figure));
  if (value.key && value.type.kind == Kind::days_time) return days_time_term(-*value.key);
  if (value.key && value.type.kind == Kind::years_months) return years_months_term(-*value.key);
  if (is_duration(value)) return duration_of(value.type.kind, lifted("feel_negate_int", {count_of(value)}, Kind::integer));
  if (value.type.kind != Kind::decimal && value.type.kind != Kind::integer) {
    if (value.type.kind == Kind::money) throw Refusal{"`-` stands before an amount of money", "give the column the type number"};
    return nothing("`-` stands before " + type_words(value.type), {&value});
  }
  if (!value.wide.empty()) return wide(Op::subtract, wide_figure_term({}), value);
  if (value.nullable) return lifted(std::string("feel_negate") + suffix_of(value.type.kind), {value}, value.type.kind);
  return with_needs(bare(value.type.kind, "(-" + value.text + ")"), {&value});
}

// ---- dates, times and durations ------------------------------------------------------------------------

/// Seconds or months of a duration, as a whole number.
Term Expressions::count_of(const Term& duration) {
  if (duration.key) {
    Term made = figure_term({*duration.key, 0});
    made.type.kind = Kind::integer;
    return made;
  }
  if (!duration.counted) return lifted("duration_count", {duration}, Kind::integer);
  Term made = duration;
  made.type = {Kind::integer, {}};
  made.counted = false;
  if (duration.type.kind == Kind::years_months) return made;
  return lifted("feel_multiply_int", {made, figure_term({86'400, 0})}, Kind::integer);
}

Term Expressions::duration_of(Kind kind, const Term& count) { return lifted(kind == Kind::days_time ? "feel_seconds" : "feel_months", {count}, kind); }

/// A moment and a duration.
Term Expressions::moved(Op op, const Term& moment, const Term& by) {
  const bool days = by.type.kind == Kind::days_time;
  if (moment.type.kind == Kind::time) {
    if (!days) return nothing("a time moved by years and months", {&moment, &by});
    if (moment.key && by.key) {
      const int64_t moved = (*moment.key + (op == Op::add ? *by.key : -*by.key)) % 86'400;
      return time_term(moved < 0 ? moved + 86'400 : moved);
    }
    const Term count = count_of(by);
    return lifted("time_plus", {moment, op == Op::add ? count : lifted("feel_negate_int", {count}, Kind::integer)}, Kind::time);
  }
  Term amount;
  std::string function = moment.type.kind == Kind::date ? "feel_date_plus_" : "feel_instant_plus_";
  if (by.key) {
    int64_t signed_amount = op == Op::add ? *by.key : -*by.key;
    // A date begins at midnight; what comes after it in hours falls on the day it falls on.
    if (days && moment.type.kind == Kind::date && signed_amount % 86'400 != 0) {
      signed_amount -= ((signed_amount % 86'400) + 86'400) % 86'400;
    }
    const bool whole_days = days && signed_amount % 86'400 == 0;
    function += !days ? "months" : whole_days ? "days" : "seconds";
    amount = figure_term({whole_days ? signed_amount / 86'400 : signed_amount, 0});
  } else if (by.counted) {
    function += days ? "days" : "months";
    amount = by;
    if (op == Op::subtract) amount = lifted("feel_negate_int", {by}, Kind::integer);
  } else {
    function += days ? "seconds" : "months";
    amount = lifted("duration_count", {by}, Kind::integer);
    if (op == Op::subtract) amount = lifted("feel_negate_int", {amount}, Kind::integer);
  }
  return lifted(function, {moment, amount}, moment.type.kind);
}

/// A duration and a number, or two durations of a kind.
Term Expressions::scaled(Op op, const Term& duration, const Term& by) {
  const Kind kind = duration.type.kind;
  if (is_duration(by)) {
    if (op != Op::divide || by.type.kind != kind)
      return nothing(fmt::format("arithmetic with {} and {}", type_words(duration.type), type_words(by.type)), {&duration, &by});
    return numeric(Op::divide, count_of(duration), count_of(by));
  }
  if (duration.key && by.figure) {
    const auto exact = op == Op::multiply ? multiply({*duration.key, 0}, *by.figure) : divide({*duration.key, 0}, *by.figure);
    if (by.figure->is_zero() && op == Op::divide) return nothing("a duration divided by zero", {});
    const auto size = exact && exact->is_whole() ? millionths(*exact) : std::nullopt;
    if (!size) throw Refusal{"the duration becomes too long, or has a part of a second or month", ""};
    return kind == Kind::days_time ? days_time_term(*size / 1'000'000) : years_months_term(*size / 1'000'000);
  }
  if (op == Op::multiply && is_whole(by)) {
    return duration_of(kind, lifted("feel_multiply_int", {count_of(duration), as(by, {Kind::integer, {}})}, Kind::integer));
  }
  throw Refusal{fmt::format("{} by a number that is not whole lies outside of what is imported", type_words(duration.type)),
                "make the number whole, or write the duration"};
}

Term Expressions::temporal(Op op, const Term& a, const Term& b) {
  const bool sum = op == Op::add || op == Op::subtract;
  const auto is_moment = [](const Term& t) { return t.type.kind == Kind::date || t.type.kind == Kind::datetime || t.type.kind == Kind::time; };
  if (op == Op::add && is_duration(a) && is_moment(b)) return moved(op, b, a);
  if (sum && is_moment(a) && is_duration(b)) return moved(op, a, b);
  if (sum && is_duration(a) && a.type == b.type) {
    if (a.key && b.key) {
      const int64_t total = op == Op::add ? *a.key + *b.key : *a.key - *b.key;
      return a.type.kind == Kind::days_time ? days_time_term(total) : years_months_term(total);
    }
    return duration_of(a.type.kind, lifted(op == Op::add ? "feel_add_int" : "feel_subtract_int", {count_of(a), count_of(b)}, Kind::integer));
  }
  if (op == Op::subtract && a.type.kind == b.type.kind && is_moment(a)) {
    if (a.key && b.key) return days_time_term(a.type.kind == Kind::date ? (*a.key - *b.key) * 86'400 : *a.key - *b.key);
    if (a.type.kind == Kind::time) return lifted("feel_time_difference", {a, b}, Kind::days_time);
    if (a.type.kind == Kind::datetime) return lifted("feel_instant_difference", {a, b}, Kind::days_time);
    Term made = lifted("days", {b, a}, Kind::days_time);
    made.counted = true;
    return made;
  }
  if (op == Op::subtract && is_moment(a) && is_moment(b) && a.type.kind != Kind::time && b.type.kind != Kind::time) {
    throw Refusal{"a date and a date and time are not subtracted here", "make both the same with `date(…)`"};
  }
  if ((op == Op::multiply || op == Op::divide) && is_duration(a) && (b.type.is_number() || is_duration(b))) return scaled(op, a, b);
  if (op == Op::multiply && is_duration(b) && a.type.is_number()) return scaled(op, b, a);
  if (a.type.kind == Kind::list || b.type.kind == Kind::list || a.type.kind == Kind::record || b.type.kind == Kind::record) {
    throw Refusal{fmt::format("arithmetic with {} and {} lies outside of what is imported", type_words(a.type), type_words(b.type)), ""};
  }
  return nothing(fmt::format("arithmetic with {} and {}", type_words(a.type), type_words(b.type)), {&a, &b});
}

}  // namespace dunlin::tables
