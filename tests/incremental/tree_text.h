// A tree with every word and place in it, as text: two trees are the same if their texts are.
#pragma once

#include <string>

#include "lang/syntax/ast.h"

namespace dunlin::test {

std::string tree_text(const ast::File& file);
std::string span_text(Span span);

}  // namespace dunlin::test
