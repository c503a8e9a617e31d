#include "lang/sema/cells.h"

#include <algorithm>

namespace dunlin::sema {

using checked::Cell;

// ---- intervals -----------------------------------------------------------------------------------------

Cell::Interval domain_of(const checked::Program& program, const Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return {0, 1};
    case TypeKind::enumeration:
      return {0, static_cast<int64_t>(program.enums[type.id].literals.size()) - 1};
    case TypeKind::stage:
      return {0, static_cast<int64_t>(program.stages.size()) - 1};
    default:
      return {INT64_MIN, INT64_MAX};
  }
}

void normalise(std::vector<Cell::Interval>& intervals) {
  std::sort(intervals.begin(), intervals.end(), [](const Cell::Interval& a, const Cell::Interval& b) { return a.low < b.low; });
  std::vector<Cell::Interval> out;
  for (const Cell::Interval& next : intervals) {
    const bool touches = !out.empty() && (out.back().high == INT64_MAX || next.low <= out.back().high + 1);
    if (touches) {
      out.back().high = std::max(out.back().high, next.high);
    } else {
      out.push_back(next);
    }
  }
  intervals = std::move(out);
}

std::vector<Cell::Interval> complement(const std::vector<Cell::Interval>& intervals, Cell::Interval domain) {
  std::vector<Cell::Interval> out;
  int64_t from = domain.low;
  for (const Cell::Interval& taken : intervals) {
    if (taken.low > from) out.push_back({from, taken.low - 1});
    if (taken.high >= domain.high) return out;
    from = taken.high + 1;
  }
  out.push_back({from, domain.high});
  return out;
}

// ---- reading -------------------------------------------------------------------------------------------

ExprPtr CellReader::value_of(const ast::Expr& value) {
  ExprPtr made = folded(checker_.check_as(value, column_.known()));
  if (made->type.is_error()) failed_ = true;
  return made;
}

bool CellReader::must_be_ordered(Span span) {
  if (column_.is_error() || is_ordered(column_.kind)) return true;
  context_.error("E0302", span, "values of type " + in_ticks(context_.type_text(column_.known())) + " have no order").help =
      "list the values one after the other";
  failed_ = true;
  return false;
}

bool CellReader::add_range(const ast::RangeExpr& range, Span span, Cell& cell) {
  if (!must_be_ordered(span)) return false;
  Cell::Interval interval = domain_of(context_.program, column_);
  bool constant = true;
  if (range.low) {
    const auto low = constant_key(*value_of(*range.low));
    constant = constant && low.has_value();
    interval.low = low.value_or(interval.low);
  }
  if (range.high) {
    const auto high = constant_key(*value_of(*range.high));
    constant = constant && high.has_value();
    interval.high = high.value_or(interval.high);
  }
  if (!constant || failed_) return false;
  const bool empty = range.high && (range.high_included ? interval.low > interval.high : interval.low >= interval.high);
  if (empty) {
    context_.error("E0315", span, "this range is empty: its upper end lies below its lower one");
    failed_ = true;
    return false;
  }
  if (range.high && !range.high_included) --interval.high;
  cell.intervals.push_back(interval);
  return true;
}

bool CellReader::add_comparison(const ast::CellComparison& comparison, Span span, Cell& cell) {
  using ast::BinaryOp;
  if (comparison.op == BinaryOp::equal) return add_value(*comparison.value, cell);
  if (comparison.op == BinaryOp::not_equal) return negate(*comparison.value, cell);
  if (!must_be_ordered(span)) return false;
  const auto key = constant_key(*value_of(*comparison.value));
  if (!key || failed_) return false;
  Cell::Interval interval = domain_of(context_.program, column_);
  const bool lower = comparison.op == BinaryOp::less || comparison.op == BinaryOp::less_equal;
  const bool strict = comparison.op == BinaryOp::less || comparison.op == BinaryOp::greater;
  if (strict && *key == (lower ? INT64_MIN : INT64_MAX)) return true;  // nothing lies beyond
  (lower ? interval.high : interval.low) = *key + (strict ? (lower ? -1 : 1) : 0);
  cell.intervals.push_back(interval);
  return true;
}

bool CellReader::add_value(const ast::Expr& value, Cell& cell) {
  const ExprPtr made = value_of(value);
  if (failed_) return false;
  if (column_.kind == TypeKind::text || column_.kind == TypeKind::timezone || column_.kind == TypeKind::file || column_.kind == TypeKind::location) {
    if (made->op != Op::literal) return false;
    cell.texts.push_back(made->text);
    return true;
  }
  const auto key = constant_key(*made);
  if (!key) return false;
  cell.intervals.push_back({*key, *key});
  return true;
}

bool CellReader::negate(const ast::Expr& inner, Cell& cell) {
  Cell positive;
  if (!add(inner, positive)) return false;
  normalise(positive.intervals);
  const Cell::Interval domain = domain_of(context_.program, column_);
  if (column_.kind == TypeKind::text) {
    cell.texts = std::move(positive.texts);
    cell.texts_negated = !positive.texts_negated;
  } else {
    const auto rest = complement(positive.intervals, domain);
    cell.intervals.insert(cell.intervals.end(), rest.begin(), rest.end());
  }
  return true;  // a missing value is not accepted: it is neither one nor the other
}

bool CellReader::add(const ast::Expr& pattern, Cell& cell) {
  if (std::holds_alternative<ast::AnyCell>(pattern.node)) {
    cell.accepts_missing = column_.optional;
    if (column_.kind == TypeKind::text) {
      cell.texts.clear();
      cell.texts_negated = true;
    } else {
      cell.intervals.push_back(domain_of(context_.program, column_));
    }
    return true;
  }
  if (std::holds_alternative<ast::MissingLit>(pattern.node)) {
    if (!column_.optional) {
      context_.error("E0403", pattern.span, "this is never missing: its type is " + in_ticks(context_.type_text(column_)));
      failed_ = true;
      return false;
    }
    cell.accepts_missing = true;
    return true;
  }
  if (const auto* list = std::get_if<ast::ListLit>(&pattern.node)) {
    bool constant = true;
    for (const ast::ExprPtr& item : list->items) constant = add(*item, cell) && constant;
    return constant;
  }
  if (const auto* negated = std::get_if<ast::CellNot>(&pattern.node)) return negate(*negated->value, cell);
  if (const auto* range = std::get_if<ast::RangeExpr>(&pattern.node)) return add_range(*range, pattern.span, cell);
  if (const auto* comparison = std::get_if<ast::CellComparison>(&pattern.node)) return add_comparison(*comparison, pattern.span, cell);
  return add_value(pattern, cell);
}

std::optional<Cell> CellReader::read(const ast::Expr& pattern) {
  Cell cell;
  cell.span = pattern.span;
  if (!add(pattern, cell)) return std::nullopt;
  normalise(cell.intervals);
  return cell;
}

// ---- as conditions -------------------------------------------------------------------------------------

static ExprPtr known_test(const checked::Expr& value, Span span) { return make_node(Op::known, type_of(TypeKind::boolean), span, clone(value)); }

ExprPtr ExpressionChecker::pattern_condition(const ast::Expr& pattern, const checked::Expr& value) {
  const Span span = pattern.span;
  const Type boolean = type_of(TypeKind::boolean);
  if (std::holds_alternative<ast::AnyCell>(pattern.node)) return make_bool(true, span);
  if (const auto* list = std::get_if<ast::ListLit>(&pattern.node)) {
    std::vector<ExprPtr> parts;
    for (const ast::ExprPtr& item : list->items) {
      parts.push_back(pattern_condition(*item, value));
      if (parts.back()->type.is_error()) return make_wrong(span);
    }
    return parts.empty() ? make_bool(false, span) : join(Op::logical_or, std::move(parts), span);
  }
  const auto* negated = std::get_if<ast::CellNot>(&pattern.node);
  const bool missing = std::holds_alternative<ast::MissingLit>(pattern.node);
  if (missing || (negated != nullptr && std::holds_alternative<ast::MissingLit>(negated->value->node))) {
    if (!value.type.optional) {
      context_.error("E0403", span, "this is never missing: its type is " + in_ticks(context_.type_text(value.type)));
      return make_wrong(span);
    }
    ExprPtr known = known_test(value, span);
    return missing ? make_node(Op::logical_not, boolean, span, std::move(known)) : std::move(known);
  }
  if (value.type.optional) {
    const ExprPtr inside = make_node(Op::unwrap, value.type.known(), span, clone(value));
    ExprPtr inner = pattern_condition(pattern, *inside);
    if (inner->type.is_error()) return inner;
    return make_node(Op::logical_and, boolean, span, known_test(value, span), std::move(inner));
  }
  if (negated != nullptr) {
    ExprPtr inner = pattern_condition(*negated->value, value);
    if (inner->type.is_error()) return inner;
    return make_node(Op::logical_not, boolean, span, std::move(inner));
  }
  if (const auto* comparison = std::get_if<ast::CellComparison>(&pattern.node)) {
    using ast::BinaryOp;
    const Op op = comparison->op == BinaryOp::less            ? Op::less
                  : comparison->op == BinaryOp::less_equal    ? Op::less_equal
                  : comparison->op == BinaryOp::greater       ? Op::greater
                  : comparison->op == BinaryOp::greater_equal ? Op::greater_equal
                  : comparison->op == BinaryOp::not_equal     ? Op::not_equal
                                                              : Op::equal;
    return compare(op, clone(value), check(*comparison->value, value.type), span);
  }
  if (const auto* range = std::get_if<ast::RangeExpr>(&pattern.node)) {
    std::vector<ExprPtr> parts;
    ExprPtr low = range->low ? folded(check(*range->low, value.type)) : nullptr;
    ExprPtr high = range->high ? folded(check(*range->high, value.type)) : nullptr;
    if (low && high && low->type == high->type) {
      const auto a = constant_key(*low), b = constant_key(*high);
      if (a && b && (range->high_included ? *a > *b : *a >= *b)) {
        context_.error("E0315", span, "this range is empty: its upper end lies below its lower one");
        return make_wrong(span);
      }
    }
    if (low) parts.push_back(compare(Op::greater_equal, clone(value), std::move(low), span));
    if (high) parts.push_back(compare(range->high_included ? Op::less_equal : Op::less, clone(value), std::move(high), span));
    for (const ExprPtr& part : parts) {
      if (part->type.is_error()) return make_wrong(span);
    }
    return parts.empty() ? make_bool(true, span) : join(Op::logical_and, std::move(parts), span);
  }
  return compare(Op::equal, clone(value), check(pattern, value.type), span);
}

// ---- match ---------------------------------------------------------------------------------------------

static const char* what_is_left(const checked::Program& program, const Type& type, const std::vector<Cell::Interval>& left, bool missing, std::string& text) {
  if (left.empty() && missing) {
    text = "missing";
  } else if (type.kind != TypeKind::text) {
    const int64_t low = left.front().low;
    if (type.kind == TypeKind::enumeration || type.kind == TypeKind::boolean || type.kind == TypeKind::stage) {
      text = checked::format_value(program, type.known(), &low);
    }
  }
  return text.c_str();
}

/// Reports what no arm of the match takes.
static void require_exhaustive(Context& context, ExpressionChecker& checker, const ast::MatchExpr& match, const Type& subject, Span span) {
  Cell covered;
  for (const ast::MatchArm& arm : match.arms) {
    if (arm.patterns.empty()) return;
    for (const ast::ExprPtr& pattern : arm.patterns) {
      CellReader reader(context, checker, subject);
      const auto cell = reader.read(*pattern);
      if (reader.failed()) return;
      if (!cell) continue;
      covered.intervals.insert(covered.intervals.end(), cell->intervals.begin(), cell->intervals.end());
      covered.accepts_missing = covered.accepts_missing || cell->accepts_missing;
      covered.texts_negated = covered.texts_negated || (cell->texts_negated && cell->texts.empty());
    }
  }
  normalise(covered.intervals);
  auto left = subject.kind == TypeKind::text ? std::vector<Cell::Interval>{} : complement(covered.intervals, domain_of(context.program, subject));
  if (subject.kind == TypeKind::text && !covered.texts_negated) left.push_back({0, 0});
  const bool missing_left = subject.optional && !covered.accepts_missing;
  if (left.empty() && !missing_left) return;
  Diagnostic& diagnostic = context.error("E0310", span, "this `match` does not say what holds in every case");
  std::string example;
  what_is_left(context.program, subject, left, missing_left, example);
  if (!example.empty()) {
    diagnostic.message += ": `" + example + "` falls through";
    diagnostic.witness.push_back({std::string(context.sources.text(match.subject->span)), example});
  }
  diagnostic.help = "add the arms that are left out, or `| otherwise -> …`";
}

ExprPtr ExpressionChecker::check_match(const ast::MatchExpr& match, Span span, Type hint) {
  ExprPtr subject = check(*match.subject);
  if (subject->type.is_error()) return subject;
  if (match.arms.empty()) {
    context_.error("E0310", span, "this `match` has no arms");
    return make_wrong(span);
  }
  require_exhaustive(context_, *this, match, subject->type, span);
  std::vector<const ast::Expr*> values;
  for (const ast::MatchArm& arm : match.arms) values.push_back(arm.value.get());
  hint = hint_of_branches(values, hint);
  return with_shared(std::move(subject), span, [&](const checked::Expr& shared) -> ExprPtr {
    const Facts before = facts_;
    const size_t count = match.arms.size();
    std::vector<ExprPtr> conditions(count), results(count);
    std::vector<Facts> known(count);
    for (size_t i = 0; i < count; ++i) {
      known[i] = facts_;
      std::vector<ExprPtr> parts;
      for (const ast::ExprPtr& pattern : match.arms[i].patterns) parts.push_back(pattern_condition(*pattern, shared));
      if (parts.empty()) continue;
      conditions[i] = join(Op::logical_or, std::move(parts), match.arms[i].span);
      learn(*conditions[i], true, known[i]);
      learn(*conditions[i], false, facts_);
    }
    bool some_wrong = false;
    const auto check_arm = [&](size_t i, Type wanted) {
      facts_ = known[i];
      results[i] = check(*match.arms[i].value, wanted);
      some_wrong = some_wrong || results[i]->type.is_error();
    };
    if (hint.is_error()) {  // the first arm with a type of its own speaks for all
      for (size_t i = 0; i < count && hint.is_error(); ++i) {
        const ast::Expr& value = *match.arms[i].value;
        if (is_flexible(value) || is_literal_name(value) || std::holds_alternative<ast::MissingLit>(value.node)) continue;
        check_arm(i, {});
        hint = results[i]->type.known();
      }
    }
    for (size_t i = 0; i < count; ++i) {
      if (results[i]) continue;
      const bool unclear = hint.is_error() && some_wrong && is_literal_name(*match.arms[i].value);
      if (unclear) {
        results[i] = make_wrong(match.arms[i].value->span);
      } else {
        check_arm(i, hint);
      }
    }
    facts_ = before;
    std::vector<ExprPtr*> branches;
    for (ExprPtr& result : results) branches.push_back(&result);
    const Type type = unify(branches);
    if (type.is_error()) return make_wrong(span);
    ExprPtr chain = std::move(results.back());  // all cases are covered, so the last arm needs no test
    for (size_t i = count - 1; i-- > 0;) {
      if (!conditions[i]) {
        chain = std::move(results[i]);
        continue;
      }
      if (conditions[i]->type.is_error()) return make_wrong(span);
      chain = make_node(Op::condition, type, match.arms[i].span, std::move(conditions[i]), std::move(results[i]), std::move(chain));
    }
    return chain;
  });
}

}  // namespace dunlin::sema
