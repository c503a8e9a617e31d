// Parts of ast_dump that both of its files use. Private to lang/syntax.
#pragma once

#include <string>

#include "lang/syntax/ast.h"

namespace dunlin::syntax {

std::string dump_type(const ast::TypeExpr& type);
std::string dump_field(const ast::FieldDecl& field);

}  // namespace dunlin::syntax
