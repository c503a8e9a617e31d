// Making checked expressions.
#pragma once

#include <string>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::sema {

using checked::ExprPtr;
using checked::Op;

ExprPtr make_node(Op op, checked::Type type, Span span);
ExprPtr make_node(Op op, checked::Type type, Span span, ExprPtr a);
ExprPtr make_node(Op op, checked::Type type, Span span, ExprPtr a, ExprPtr b);
ExprPtr make_node(Op op, checked::Type type, Span span, ExprPtr a, ExprPtr b, ExprPtr c);
ExprPtr make_literal(checked::Type type, int64_t value, Span span);
ExprPtr make_number(double value, Span span);
ExprPtr make_text(std::string text, Span span);
ExprPtr make_bool(bool value, Span span);
/// Stands for something already reported; agrees with everything.
ExprPtr make_wrong(Span span);
ExprPtr make_local(checked::Index local, checked::Type type, Span span);
ExprPtr clone(const checked::Expr& expr);
/// A copy with every use of a local replaced.
ExprPtr with_local(const checked::Expr& expr, checked::Index local, const checked::Expr& replacement);
/// Conjunction or disjunction as a tree of little depth. Null for none.
ExprPtr join(Op op, std::vector<ExprPtr> parts, Span span);
/// Number of nodes, counted up to `limit`.
size_t size_of(const checked::Expr& expr, size_t limit);

/// The same text for expressions that are built alike, wherever they stand: two of them have the same value in one evaluation.
std::string structure(const checked::Expr& expr);
/// True if the value rests only on stored data and the event being handled: actions of the same rule cannot change it.
bool is_frozen(const checked::Expr& expr);

}  // namespace dunlin::sema
