#include "lang/syntax/builder.h"

namespace dunlin::ast {

std::string Path::text() const {
  std::string joined;
  for (const Name& part : parts) joined += (joined.empty() ? "" : ".") + part.text;
  return joined;
}

}  // namespace dunlin::ast

namespace dunlin::syntax {

Span Builder::span(const antlr4::Token& token) const {
  return slice_.span(static_cast<uint32_t>(token.getStartIndex()), static_cast<uint32_t>(token.getStopIndex() + 1));
}

Span Builder::span(const antlr4::ParserRuleContext& context) const {
  const Span first = span(*context.start);
  if (context.stop == nullptr) return first;
  const Span last = span(*context.stop);
  return last.end < first.begin ? Span{first.file, first.begin, first.begin} : cover(first, last);
}

std::string Builder::doc(const antlr4::ParserRuleContext& context) const {
  const auto found = list_.docs.find(context.start->getTokenIndex());
  return found == list_.docs.end() ? std::string() : found->second;
}

ast::Name Builder::name(P::IdentContext& context) const { return name_of(context); }

ast::Name Builder::name_of(const antlr4::ParserRuleContext& context) const { return name_of(*context.start); }

ast::Name Builder::name_of(const antlr4::Token& token) const {
  const Span place = span(token);
  std::string_view text = source(place);
  if (text.size() >= 2 && text.front() == '`') text = text.substr(1, text.size() - 2);
  return {normal_form(text), place};
}

ast::Path Builder::path(P::PathContext& context) const {
  ast::Path result;
  for (P::IdentContext* part : context.ident()) result.parts.push_back(name(*part));
  result.span = span(context);
  return result;
}

std::vector<ast::Path> Builder::paths(const std::vector<P::PathContext*>& contexts) const {
  std::vector<ast::Path> result;
  for (P::PathContext* context : contexts) result.push_back(path(*context));
  return result;
}

Diagnostic& Builder::mistake(const char* code, Span place, std::string message) { return diagnostics_.error(code, place, std::move(message)); }

void Builder::only_once(bool given, Span place, std::string_view setting) {
  if (!given) return;
  mistake("E0123", place, "`" + std::string(setting) + "` stands twice in this block").help = "keep one of them";
  throw DropItem{};
}

void Builder::declarations(P::FileContext& context, ast::File& file) {
  each_item(context.declaration(), [&](P::DeclarationContext& item) { file.declarations.push_back(declaration(item)); });
}

ast::ExprPtr Builder::only_expression(P::ExpressionOnlyContext& context) {
  ast::ExprPtr result;
  try {
    result = expr(*context.expr());
  } catch (const DropItem&) {
    result = nullptr;
  }
  return result;
}

}  // namespace dunlin::syntax
