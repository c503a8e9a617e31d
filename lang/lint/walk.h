// Visits every expression of a file, the ones inside others too. Private to lang/lint.
#pragma once

#include <functional>

#include "lang/syntax/ast.h"

namespace dunlin::lint {

using Visit = std::function<void(const ast::Expr&)>;

void each_expression(const ast::Expr& expr, const Visit& visit);
void each_expression(const ast::File& file, const Visit& visit);

}  // namespace dunlin::lint
