// The syntax tree as compact text, for tests and for people who debug the parser. Not Dunlin source.
#pragma once

#include <string>

#include "lang/syntax/ast.h"

namespace dunlin {

/// One expression, every grouping shown: `((a + 1) > 2)`.
std::string dump(const ast::Expr& expression);
/// One line for each declaration, indented lines for what is inside.
std::string dump(const ast::File& file);

}  // namespace dunlin
