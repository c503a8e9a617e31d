// Events that follow from other declarations: what holds, deadlines, approvals, quotas and allocations tell of themselves.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lang/sema/context.h"

namespace dunlin::sema {

class EventMaker {
 public:
  explicit EventMaker(Context& context) : context_(context) {}

  /// The events of a declaration lie below its name, so nothing else may be called so; reports it if something is (E0202, E0743).
  bool is_free(const ast::Name& name);
  /// The entity written, or the head of the case file; reports one that there is not.
  ast::Name owner_of(const std::optional<ast::Name>& written, Span span);
  void add(const ast::Name& name, const char* what, const ast::Name& owner, std::vector<ast::FieldDecl> fields);
  /// Hands the events to the context, as if they had been written.
  void finish();

 private:
  Context& context_;
  std::map<std::string, Span> names_;
  std::vector<std::shared_ptr<const ast::Decl>> made_;
};

/// `name : type?`
ast::FieldDecl made_field(const char* name, const char* type, const char* doc, Span span);
/// The event of this full name; none if there is none.
Index event_named(const Context& context, const std::string& name);
/// A word that means nothing where it stands (E0219), with the nearest of those that do.
Diagnostic& unknown_word(Context& context, const ast::Name& word, const std::vector<std::string>& known, const std::string& where);
/// Words that are read as any name and mean one thing only (E0219).
void require_word(Context& context, const ast::Name& word, const std::vector<std::string>& known, const std::string& where);

/// Events of approvals, quotas and allocations.
void make_request_events(Context& context, EventMaker& maker);

}  // namespace dunlin::sema
