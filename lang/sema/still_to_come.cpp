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

void refuse_on_change(Context& context, const ast::Part<ast::OnChange>& on_change) {
  if (on_change && on_change->what.text == "pin") refuse(context, on_change->span, "`on change pin`");
}

}  // namespace

void refuse_still_to_come(Context& context) {
  refuse_each<ast::TemplateDecl>(context, "template");
  context.each<ast::StrategyDecl>([&](const Placed&, const ast::StrategyDecl& strategy) {
    refuse_on_change(context, strategy.on_change);
    for (const ast::StageDecl& stage : strategy.stages) refuse_on_change(context, stage.on_change);
  });
}

}  // namespace dunlin::sema
