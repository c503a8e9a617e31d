#include "lang/sema/made_events.h"

#include <algorithm>

#include "lang/sema/declare.h"

namespace dunlin::sema {

ast::FieldDecl made_field(const char* name, const char* type, const char* doc, Span span) {
  ast::FieldDecl made;
  made.name = {name, span};
  made.span = span;
  made.doc = doc;
  made.type.emplace();
  made.type->span = span;
  made.type->name = {{{type, span}}, span};
  made.type->optional = true;
  return made;
}

bool EventMaker::is_free(const ast::Name& name) {
  const auto [at, fresh] = names_.try_emplace(name.text, name.span);
  if (!fresh) {
    report_duplicate(context_, name, at->second, "a hold, deadline, approval, quota or allocation");
    return false;
  }
  std::optional<Span> taken;
  context_.each<ast::EventDecl>([&](const Placed&, const ast::EventDecl& event) {
    if (event.name.parts.front().text == name.text) taken = event.name.span;
  });
  context_.each<ast::OutcomesDecl>([&](const Placed&, const ast::OutcomesDecl& outcomes) {
    if (outcomes.name.text == name.text) taken = outcomes.name.span;
  });
  if (!taken) return true;
  Diagnostic& diagnostic = context_.error("E0743", name.span, "there is already an event " + in_ticks(name.text));
  diagnostic.notes.push_back({*taken, "the event"});
  diagnostic.help = "what happens to a hold, a deadline or a request are events below its name: call it otherwise";
  return false;
}

ast::Name EventMaker::owner_of(const std::optional<ast::Name>& written, Span span) {
  const auto& entities = context_.program.entities;
  const std::string head = entities.empty() ? std::string() : entities.front().name;
  if (!written) return {head, span};
  if (checked::find_entity(context_.program, written->text) != none) return *written;
  Diagnostic& diagnostic = context_.error("E0209", written->span, "there is no entity " + in_ticks(written->text));
  std::vector<std::string> candidates;
  for (const checked::Entity& candidate : entities) candidates.push_back(candidate.name);
  suggest(diagnostic, written->text, candidates);
  return {head, span};
}

void EventMaker::add(const ast::Name& name, const char* what, const ast::Name& owner, std::vector<ast::FieldDecl> fields) {
  ast::EventDecl event;
  event.name = {{name, {what, name.span}}, name.span};
  event.owner = owner;
  event.fields = std::move(fields);
  auto declaration = std::make_shared<ast::Decl>();
  declaration->span = name.span;
  declaration->node = std::move(event);
  made_.push_back(std::move(declaration));
}

void EventMaker::finish() {
  for (const auto& declaration : made_) {
    context_.declarations.push_back({declaration.get(), declaration->span.file, false});
    context_.made_declarations.push_back(declaration);
  }
}

Index event_named(const Context& context, const std::string& name) {
  const auto found = context.names.events.find(name);
  return found == context.names.events.end() ? none : found->second;
}

Diagnostic& unknown_word(Context& context, const ast::Name& word, const std::vector<std::string>& known, const std::string& where) {
  Diagnostic& diagnostic = context.error("E0219", word.span, in_ticks(word.text) + " means nothing behind " + in_ticks(where));
  suggest(diagnostic, word.text, known);
  if (!diagnostic.help.empty()) return diagnostic;
  diagnostic.help = "write";
  for (const std::string& one : known) diagnostic.help += (&one == &known.front() ? " `" : " or `") + where + " " + one + "`";
  return diagnostic;
}

void require_word(Context& context, const ast::Name& word, const std::vector<std::string>& known, const std::string& where) {
  if (std::find(known.begin(), known.end(), word.text) != known.end()) return;
  Diagnostic& diagnostic = unknown_word(context, word, known, where);
  if (diagnostic.fixes.empty()) diagnostic.fixes.push_back({word.span, known.front(), "write `" + known.front() + "`"});
}

}  // namespace dunlin::sema
