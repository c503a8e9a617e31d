// What a cell of a table or a pattern of `match` accepts, as intervals of order keys.
#pragma once

#include "lang/sema/expression.h"

namespace dunlin::sema {

/// All values of a type as order keys.
checked::Cell::Interval domain_of(const checked::Program& program, const Type& type);

/// Sorted and disjoint.
void normalise(std::vector<checked::Cell::Interval>& intervals);
std::vector<checked::Cell::Interval> complement(const std::vector<checked::Cell::Interval>& intervals, checked::Cell::Interval domain);

/// Reads a cell whose values are constant; nothing if one is not. Reports values of a wrong type.
class CellReader {
 public:
  CellReader(Context& context, ExpressionChecker& checker, Type column) : context_(context), checker_(checker), column_(column) {}
  std::optional<checked::Cell> read(const ast::Expr& pattern);
  bool failed() const { return failed_; }

 private:
  bool add(const ast::Expr& pattern, checked::Cell& cell);
  bool add_range(const ast::RangeExpr& range, Span span, checked::Cell& cell);
  bool add_comparison(const ast::CellComparison& comparison, Span span, checked::Cell& cell);
  bool add_value(const ast::Expr& value, checked::Cell& cell);
  bool negate(const ast::Expr& inner, checked::Cell& cell);
  ExprPtr value_of(const ast::Expr& value);
  bool must_be_ordered(Span span);

  Context& context_;
  ExpressionChecker& checker_;
  Type column_;
  bool failed_ = false;
};

}  // namespace dunlin::sema
