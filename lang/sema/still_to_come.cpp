// Parts of the language that are read and have no meaning yet: each use is refused (E0901), so that nothing is silently ignored.
#include "lang/sema/declare.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

namespace {

void refuse(Context& context, Span span, const std::string& what) { context.error("E0901", span, what + " is not built into this version yet"); }

template <class Node>
void refuse_each(Context& context, const char* word) {
  context.each<ast::Part<Node>>([&](const Placed& placed, const ast::Part<Node>&) { refuse(context, placed.declaration->span, in_ticks(word)); });
}

}  // namespace

void refuse_still_to_come(Context& context) { refuse_each<ast::TemplateDecl>(context, "template"); }

}  // namespace dunlin::sema
