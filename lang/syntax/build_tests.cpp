#include <algorithm>

#include "lang/syntax/builder.h"

namespace dunlin::syntax {

/// The name behind the keyword `of`, a name or a text.
template <class Context>
std::optional<ast::Name> Builder::behind_of(Context& context) const {
  for (size_t i = 0; i + 1 < context.children.size(); ++i) {
    auto* word = dynamic_cast<antlr4::tree::TerminalNode*>(context.children[i]);
    if (word == nullptr || word->getSymbol()->getType() != P::OF) continue;
    if (auto* ident = dynamic_cast<P::IdentContext*>(context.children[i + 1])) return name(*ident);
    const antlr4::Token& text = *dynamic_cast<antlr4::tree::TerminalNode&>(*context.children[i + 1]).getSymbol();
    const Span place = span(text);
    return ast::Name{std::string(source({place.file, place.begin + 1, place.end - 1})), place};
  }
  return std::nullopt;
}

ast::TestDecl Builder::test(P::TestDeclContext& context) {
  ast::TestDecl out;
  out.title = plain_text(*context.TEXT()->getSymbol());
  bool step_known = true;  // false after a step that was left out: what continues it is left out too
  for (P::TestItemContext* item : context.testBlock()->testItem()) {
    const bool continues = item->testContinued() != nullptr;
    if (continues && !step_known) continue;
    const size_t steps = out.steps.size();
    each_item(std::vector{item}, [&](P::TestItemContext& whole) {
      if (whole.testGiven()) {
        out.given.push_back(given(*whole.testGiven()));
        if (!whole.testGiven()->stepPart().empty()) out.steps.push_back(any_day(*whole.testGiven()));
      } else if (whole.testStep()) {
        out.steps.push_back(step(*whole.testStep()));
      } else if (out.steps.empty() && std::ranges::any_of(out.given, &ast::TestGiven::any)) {
        out.steps.emplace_back().span = span(whole);
        continued(*whole.testContinued(), out.steps.back());
        out.steps.back().continued.clear();
      } else if (out.steps.empty()) {
        mistake("E0108", span(whole), "this line belongs to no step").help = "begin with `at DATE : …` or `on DATE EVENT : …`";
      } else {
        continued(*whole.testContinued(), out.steps.back());
      }
    });
    if (!continues) step_known = out.steps.size() > steps || item->testGiven() != nullptr;
  }
  return out;
}

ast::TestGiven Builder::given(P::TestGivenContext& context) {
  ast::TestGiven out;
  out.span = span(context);
  out.entity = name(*context.ident(0));
  out.any = context.ANY() != nullptr;
  out.where = optional_expr(context.expr());
  if (const size_t behind = out.any ? 3 : 2; context.children.size() > behind) {
    if (auto* ident = dynamic_cast<P::IdentContext*>(context.children[behind])) {
      out.name = name(*ident);
    } else if (auto* word = dynamic_cast<antlr4::tree::TerminalNode*>(context.children[behind]); word && word->getSymbol()->getType() == P::TEXT) {
      out.name = ast::Name{plain_text(*word->getSymbol()), span(*word->getSymbol())};
    }
  }
  out.parent = behind_of(context);
  out.fields = record(context.payload());
  return out;
}

/// `for any account : expect …`: the step is on any day.
ast::TestStep Builder::any_day(P::TestGivenContext& context) {
  ast::TestStep out;
  out.span = cover(span(*context.stepPart().front()), span(*context.stepPart().back()));
  for (P::StepPartContext* part : context.stepPart()) step_part(*part, out);
  return out;
}

ast::TestStep Builder::step(P::TestStepContext& context) {
  ast::TestStep out;
  out.span = span(context);
  out.moment = moment(*context.moment());
  if (context.path()) out.event = path(*context.path());
  out.subject = behind_of(context);
  out.payload = record(context.payload());
  for (P::StepPartContext* part : context.stepPart()) step_part(*part, out);
  return out;
}

void Builder::step_part(P::StepPartContext& context, ast::TestStep& out) {
  if (context.testSet()) {
    step_set(*context.testSet(), out);
  } else {
    out.expects.push_back(expectation(*context.expectation()));
  }
}

void Builder::continued(P::TestContinuedContext& context, ast::TestStep& out) {
  out.continued.push_back(span(context));
  if (context.testSet()) step_set(*context.testSet(), out);
  if (context.expectation()) out.expects.push_back(expectation(*context.expectation()));
  for (P::StepPartContext* part : context.stepPart()) step_part(*part, out);
}

void Builder::step_set(P::TestSetContext& context, ast::TestStep& out) { out.sets.emplace_back(path(*context.path()), expr(*context.expr())); }

ast::TestExpect Builder::expectation(P::ExpectationContext& context) {
  using Kind = ast::TestExpect::Kind;
  ast::TestExpect out;
  out.span = span(context);
  out.subject = behind_of(context);
  if (context.path()) out.target = path(*context.path());
  if (context.ENROLLED()) {
    out.kind = Kind::not_enrolled;
  } else if (context.TASK() || context.WITHHELD()) {
    out.kind = context.WITHHELD() ? Kind::withheld : context.NO() ? Kind::no_task : Kind::task;
    for (antlr4::tree::ParseTree* child : context.children) {
      auto* word = dynamic_cast<antlr4::tree::TerminalNode*>(child);
      if (word == nullptr) continue;
      if (word->getSymbol()->getType() == P::OF) break;
      if (word->getSymbol()->getType() == P::TEXT) out.treatment = plain_text(*word->getSymbol());
    }
    out.recipient = optional_sum(context.sum());
    out.fields = record(context.payload());
  } else if (context.STAGE()) {
    out.kind = Kind::stage;
  } else {
    out.kind = Kind::expression;
    out.expression = expr(*context.expr());
  }
  return out;
}

}  // namespace dunlin::syntax
