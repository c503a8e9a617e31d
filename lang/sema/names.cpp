// What a name means: looked for from the inside out.
#include <algorithm>

#include "lang/sema/definitions.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

std::optional<ast::Path> path_of(const ast::Expr& expr) {
  if (const auto* name = std::get_if<ast::NameRef>(&expr.node)) return ast::Path{{name->name}, expr.span};
  if (const auto* member = std::get_if<ast::Member>(&expr.node)) return path_of(expr, *member);
  return std::nullopt;
}

std::optional<ast::Path> path_of(const ast::Expr& expr, const ast::Member& member) {
  auto path = path_of(*member.base);
  if (!path) return std::nullopt;
  path->parts.push_back(member.name);
  path->span = expr.span;
  return path;
}

// ---- looking up ----------------------------------------------------------------------------------

static bool is_word(const std::string& name) {
  static const std::unordered_set<std::string> words = {"now", "today", "event", "self", "outcome", "entered_at", "enrolled_at", "enrolment"};
  return words.contains(name);
}

Meaning ExpressionChecker::find(const std::string& name) const {
  using Kind = Meaning::Kind;
  for (size_t i = bindings_.size(); i-- > 0;) {
    if (bindings_[i].name == name) return {Kind::local, static_cast<Index>(i)};
  }
  for (size_t i = elements_.size(); i-- > 0;) {
    const checked::EventType& type = context_.program.events[elements_[i].event_type];
    const Index field = checked::find_field(type.fields, name);
    if (field != none) return {Kind::element_field, field, i};
    if (name == "at" || (name == "outcome" && type.queue != none) || elements_[i].path == name) return {Kind::element_word, none, i};
  }
  for (size_t i = 0; i < around_.parameters.size(); ++i) {
    if (around_.parameters[i].first == name) return {Kind::parameter, static_cast<Index>(i)};
  }
  if (around_.event_type != none) {
    const Index field = checked::find_field(context_.program.events[around_.event_type].fields, name);
    if (field != none) return {Kind::event_field, field};
  }
  if (around_.strategy != none) {
    const auto& variables = context_.program.strategies[around_.strategy].variables;
    for (size_t i = 0; i < variables.size(); ++i) {
      if (variables[i].name == name) return {Kind::variable, static_cast<Index>(i)};
    }
  }
  if (around_.self_entity != none) {
    const auto& entity = context_.names.entities[around_.self_entity];
    if (const auto found = entity.find(name); found != entity.end()) {
      switch (found->second.kind) {
        case EntityName::Kind::field:
          return {Kind::field, found->second.index};
        case EntityName::Kind::derived:
          return {Kind::derived, found->second.index};
        case EntityName::Kind::ancestor:
          return {Kind::ancestor, found->second.index};
        case EntityName::Kind::children:
          return {Kind::children, found->second.index};
      }
    }
    if (context_.program.entities[around_.self_entity].name == name) return {Kind::self};
  }
  if (const auto found = context_.names.values.find(name); found != context_.names.values.end() && found->second.kind == Symbol::Kind::setting) {
    return {Kind::setting, found->second.index};
  }
  return {is_word(name) ? Kind::word : Kind::none_such};
}

ExprPtr ExpressionChecker::make(const Meaning& meaning, const ast::Name& name) {
  using Kind = Meaning::Kind;
  const Span span = name.span;
  switch (meaning.kind) {
    case Kind::none_such:
      break;
    case Kind::local:
      context_.note_use(span, SymbolKind::local, bindings_[meaning.index].local, none, bindings_[meaning.index].type, bindings_[meaning.index].declared);
      return make_local(bindings_[meaning.index].local, bindings_[meaning.index].type, span);
    case Kind::parameter: {
      context_.note_use(span, SymbolKind::parameter, meaning.index, none, around_.parameters[meaning.index].second);
      ExprPtr made = make_node(Op::parameter, around_.parameters[meaning.index].second, span);
      made->index = meaning.index;
      return made;
    }
    case Kind::element_field:
    case Kind::element_word: {
      const Element& element = elements_[meaning.scope];
      ExprPtr event = make_local(element.local, type_of(TypeKind::event, element.event_type), span);
      if (meaning.kind == Kind::element_field) return event_field_of(std::move(event), element.event_type, meaning.index, span);
      return name.text == element.path ? std::move(event) : event_member(std::move(event), name, span);
    }
    case Kind::event_field:
      return event_field_of(event_expr(span), around_.event_type, meaning.index, span);
    case Kind::variable: {
      const checked::Variable& variable = context_.program.strategies[around_.strategy].variables[meaning.index];
      context_.note_use(span, SymbolKind::variable, meaning.index, around_.strategy, variable.type);
      ExprPtr made = make_node(Op::variable, variable.type, span);
      made->index = meaning.index;
      return made;
    }
    case Kind::field:
      return field_of(self_expr(span), around_.self_entity, meaning.index, span);
    case Kind::derived:
      return derived_of(self_expr(span), around_.self_entity, meaning.index, span);
    case Kind::ancestor:
      return ancestor_of(self_expr(span), meaning.index, span);
    case Kind::self:
      context_.note_use(span, SymbolKind::entity, around_.self_entity);
      return self_expr(span);
    case Kind::children:
      return children_of(self_expr(span), meaning.index, span);
    case Kind::setting: {
      context_.note_use(span, SymbolKind::setting, meaning.index, none, context_.program.settings[meaning.index].type);
      if (around_.constant) {
        context_.error("E0321", span, in_ticks(name.text) + " may be set anew while the bundle runs: this must be constant");
        return make_wrong(span);
      }
      if (ExprPtr by_arm = value_by_arm(context_, around_, meaning.index, span)) return by_arm;
      ExprPtr made = make_node(Op::setting, context_.program.settings[meaning.index].type, span);
      made->index = meaning.index;
      return made;
    }
    case Kind::word:
      return make_word(name.text, span);
  }
  return make_wrong(span);
}

ExprPtr ExpressionChecker::make_word(const std::string& word, Span span) {
  if (around_.constant) {
    context_.error("E0321", span, in_ticks(word) + " has no value here: this must be constant");
    return make_wrong(span);
  }
  if (word == "today") return make_node(Op::today, type_of(TypeKind::date), span);
  if (word == "now") {
    if (!now_allowed_ && !around_.free_now) {
      Diagnostic& diagnostic = context_.error("E0312", span, "`now` can only be compared with an instant");
      diagnostic.help = "write `now >= …`, or use `today`; what uses `now` otherwise would change at every moment";
      return make_wrong(span);
    }
    return make_node(Op::now, type_of(TypeKind::datetime), span);
  }
  if (word == "self" && around_.self_entity != none) return self_expr(span);
  if (word == "event" && around_.event_type != none) return event_expr(span);
  if (word == "outcome" && around_.event_type != none) return event_member(event_expr(span), {"outcome", span}, span);
  const bool of_state = word == "entered_at" || word == "enrolled_at" || word == "enrolment";
  if (of_state && around_.self_entity != none) {
    return make_node(word == "entered_at" ? Op::entered_at : Op::enrolled_at, type_of(TypeKind::datetime), span);
  }
  Diagnostic& diagnostic = context_.error("E0215", span, in_ticks(word) + " means nothing here");
  if (word == "event" || word == "outcome") diagnostic.help = "it is known where one kind of event is being handled: in `on …`";
  if (of_state) diagnostic.help = "only an instance that a strategy is for has it";
  return make_wrong(span);
}

// ---- literals of enumerations, stages --------------------------------------------------------------

static Index find_literal(const checked::Enum& enumeration, const std::string& text) {
  for (size_t i = 0; i < enumeration.literals.size(); ++i) {
    if (enumeration.literals[i] == text) return static_cast<Index>(i);
  }
  return none;
}

Index find_stage(const Context& context, const std::string& text, Index strategy) {
  const size_t dot = text.find('.');
  const std::string short_name = dot == std::string::npos ? text : text.substr(dot + 1);
  if (strategy >= 0 && is_kept(context, context.program.strategies[strategy].span.file) &&
      (dot == std::string::npos || text.substr(0, dot) == context.program.strategies[strategy].name)) {
    for (const Index stage : context.program.strategies[strategy].stages) {
      if (context.program.stages[stage].name == short_name) return stage;
    }
  }
  const auto found = context.names.stages.find(short_name);
  if (found == context.names.stages.end()) return none;
  Index only = none;
  for (Index stage : found->second) {
    const Index owner = context.program.stages[stage].strategy;
    if (dot != std::string::npos) {
      if (context.program.strategies[owner].name == text.substr(0, dot)) return stage;
    } else if (owner == strategy) {
      return stage;
    } else {
      only = only == none ? stage : -2;
    }
  }
  return dot == std::string::npos ? only : none;
}

/// A stage of an older version is the one of that name, if there still is one (checked::read_as).
static Index stage_as_read(const Context& context, Index stage) {
  const checked::Stage& named = context.program.stages[stage];
  if (!is_kept(context, named.span.file)) return stage;
  const std::string& strategy = context.program.strategies[named.strategy].name;
  for (size_t s = 0; s < context.program.stages.size(); ++s) {
    const checked::Stage& other = context.program.stages[s];
    if (other.name == named.name && context.program.strategies[other.strategy].name == strategy) return static_cast<Index>(s);
  }
  return stage;
}

ExprPtr ExpressionChecker::literal_by_name(const std::string& text, Span span, Type hint) {
  if (hint.kind == TypeKind::enumeration) {
    const Index literal = find_literal(context_.program.enums[hint.id], text);
    if (literal == none) return nullptr;
    context_.note_use(span, SymbolKind::literal, literal, hint.id, hint.known());
    return make_literal(hint.known(), literal, span);
  }
  if (hint.kind != TypeKind::stage) return nullptr;
  const Index stage = find_stage(context_, text, around_.strategy);
  if (stage >= 0) {
    context_.note_use(span, SymbolKind::stage, stage);
    return make_literal(hint.known(), stage_as_read(context_, stage), span);
  }
  if (stage == -2) {
    Diagnostic& diagnostic = context_.error("E0210", span, "several strategies have a stage " + in_ticks(text));
    diagnostic.help = "write the strategy in front: `strategy." + text + "`";
    return make_wrong(span);
  }
  return nullptr;
}

bool ExpressionChecker::is_literal_name(const ast::Expr& expr) const {
  const auto path = path_of(expr);
  if (!path || find(path->parts.front().text).kind != Meaning::Kind::none_such) return false;
  if (path->parts.size() == 1) return true;
  for (const Element& element : elements_) {
    if (path->text().starts_with(element.path + ".")) return false;
  }
  return true;
}

bool ExpressionChecker::probe(const ast::Name& name, Type hint, Type base, bool member) {
  if (context_.symbols == nullptr || name.text != context_.symbols->marker || name.text.empty()) return false;
  Probe found{hint, base, member, {}, {}};
  for (const std::string& visible : visible_names()) found.visible.emplace_back(visible, type_of_name(visible));
  context_.symbols->probe = std::move(found);
  return true;
}

/// Type of a name that may stand here, without checking what it rests on.
Type ExpressionChecker::type_of_name(const std::string& name) const {
  using Kind = Meaning::Kind;
  const Meaning meaning = find(name);
  switch (meaning.kind) {
    case Kind::local:
      return bindings_[meaning.index].type;
    case Kind::parameter:
      return around_.parameters[meaning.index].second;
    case Kind::element_field:
      return context_.program.events[elements_[meaning.scope].event_type].fields[meaning.index].type;
    case Kind::event_field:
      return context_.program.events[around_.event_type].fields[meaning.index].type;
    case Kind::variable:
      return context_.program.strategies[around_.strategy].variables[meaning.index].type;
    case Kind::field:
      return context_.program.entities[around_.self_entity].fields[meaning.index].type;
    case Kind::derived:
      return context_.program.entities[around_.self_entity].derived[meaning.index].type;
    case Kind::ancestor:
      return type_of(TypeKind::instance, meaning.index);
    case Kind::setting:
      return context_.program.settings[meaning.index].type;
    default:
      return {};
  }
}

ExprPtr ExpressionChecker::check_name(const ast::Name& name, Span span, Type hint) {
  if (probe(name, hint, {}, false)) return make_wrong(span);
  if (ExprPtr literal = literal_by_name(name.text, span, hint)) return literal;
  const Meaning meaning = find(name.text);
  if (meaning.kind != Meaning::Kind::none_such) return make(meaning, name);
  report_unknown(name, hint);
  return make_wrong(span);
}

std::vector<std::string> ExpressionChecker::visible_names() const {
  std::vector<std::string> names;
  for (const Binding& binding : bindings_) names.push_back(binding.name);
  for (const Element& element : elements_) {
    for (const checked::Field& field : context_.program.events[element.event_type].fields) names.push_back(field.name);
  }
  for (const auto& parameter : around_.parameters) names.push_back(parameter.first);
  if (around_.event_type != none) {
    for (const checked::Field& field : context_.program.events[around_.event_type].fields) names.push_back(field.name);
  }
  if (around_.strategy != none) {
    for (const checked::Variable& variable : context_.program.strategies[around_.strategy].variables) names.push_back(variable.name);
  }
  if (around_.self_entity != none) {
    const checked::Entity& entity = context_.program.entities[around_.self_entity];
    for (const checked::Field& field : entity.fields) names.push_back(field.name);
    for (const checked::Derived& derived : entity.derived) names.push_back(derived.name);
    for (const auto& [name, meaning] : context_.names.entities[around_.self_entity]) {
      if (meaning.kind == EntityName::Kind::ancestor || meaning.kind == EntityName::Kind::children) names.push_back(name);
    }
  }
  for (const checked::Setting& setting : context_.program.settings) names.push_back(setting.name);
  return names;
}

/// Where the name is known although it cannot be seen from here: "a field of `debtor`".
static std::string found_elsewhere(const Context& context, const std::string& name, Index self) {
  for (size_t entity = 0; entity < context.names.entities.size(); ++entity) {
    if (!context.names.entities[entity].contains(name)) continue;
    const std::string& owner = context.program.entities[entity].name;
    if (self != none && context.is_ancestor_or_self(static_cast<Index>(entity), self))
      return "it belongs to `" + owner + "`: write `" + owner + "." + name + "`";
  }
  for (size_t entity = 0; entity < context.names.entities.size(); ++entity) {
    if (context.names.entities[entity].contains(name)) return "it belongs to `" + context.program.entities[entity].name + "`, which cannot be seen from here";
  }
  if (context.names.events.contains(name)) return "it is an event: ask for it with `last(" + name + ")`, `count(" + name + ")` or `exists(" + name + ")`";
  if (const auto value = context.names.values.find(name); value != context.names.values.end()) {
    return "it is a " + std::string(value->second.kind == Symbol::Kind::table ? "table" : "function") + ": write its arguments behind it in brackets";
  }
  for (const checked::Enum& enumeration : context.program.enums) {
    if (find_literal(enumeration, name) != none) return "it is a value of `" + enumeration.name + "`, and nothing of that type is expected here";
  }
  return "";
}

void ExpressionChecker::report_unknown(const ast::Name& name, Type hint) {
  if (hint.kind == TypeKind::enumeration) {
    const checked::Enum& enumeration = context_.program.enums[hint.id];
    Diagnostic& diagnostic = context_.error("E0216", name.span, in_ticks(name.text) + " is not a value of " + in_ticks(enumeration.name));
    suggest(diagnostic, name.text, enumeration.literals);
    if (diagnostic.help.empty()) {
      diagnostic.help = "its values:";
      for (const std::string& literal : enumeration.literals) diagnostic.help += " " + literal;
    }
    return;
  }
  if (hint.kind == TypeKind::stage) {
    Diagnostic& diagnostic = context_.error("E0205", name.span, "there is no stage " + in_ticks(name.text));
    std::vector<std::string> stages;
    for (const auto& stage : context_.names.stages) stages.push_back(stage.first);
    suggest(diagnostic, name.text, stages);
    return;
  }
  Diagnostic& diagnostic = context_.error("E0201", name.span, "there is no " + in_ticks(name.text) + " here");
  diagnostic.help = found_elsewhere(context_, name.text, around_.self_entity);
  if (diagnostic.help.empty() && near_matches_left()) suggest(diagnostic, name.text, visible_names());
}

// ---- members -----------------------------------------------------------------------------------------

ExprPtr ExpressionChecker::self_expr(Span span) { return make_node(Op::self, type_of(TypeKind::instance, around_.self_entity), span); }

ExprPtr ExpressionChecker::event_expr(Span span) { return make_node(Op::event, type_of(TypeKind::event, around_.event_type), span); }

ExprPtr ExpressionChecker::ancestor_of(ExprPtr instance, Index entity, Span span) {
  context_.note_use(span, SymbolKind::entity, entity);
  ExprPtr made = make_node(Op::ancestor, type_of(TypeKind::instance, entity), span, std::move(instance));
  made->index = entity;
  return made;
}

ExprPtr ExpressionChecker::field_of(ExprPtr instance, Index entity, Index field, Span span) {
  context_.note_use(span, SymbolKind::field, field, entity, context_.program.entities[entity].fields[field].type);
  ExprPtr made = make_node(Op::field, context_.program.entities[entity].fields[field].type, span, std::move(instance));
  made->index = field;
  return made;
}

ExprPtr ExpressionChecker::derived_of(ExprPtr instance, Index entity, Index derived, Span span) {
  if (!ensure_derived(context_, entity, derived, span)) return make_wrong(span);
  const Type type = context_.program.entities[entity].derived[derived].type;
  context_.note_use(span, SymbolKind::derived, derived, entity, type);
  if (type.is_error()) return make_wrong(span);
  ExprPtr made = make_node(Op::derived, type, span, std::move(instance));
  made->index = derived;
  return made;
}

/// A list is an expression only until the aggregate around it takes it apart: Op::field with the owner and the element's entity.
ExprPtr ExpressionChecker::children_of(ExprPtr instance, Index entity, Span span) {
  context_.note_use(span, SymbolKind::children, entity);
  const Type element = type_of(TypeKind::instance, entity);
  ExprPtr made = make_node(Op::field, type_of(TypeKind::list, context_.list_of(element)), span, std::move(instance));
  made->index = entity;
  return made;
}

ExprPtr ExpressionChecker::event_field_of(ExprPtr event, Index type, Index field, Span span) {
  context_.note_use(span, SymbolKind::event_field, field, type, context_.program.events[type].fields[field].type);
  ExprPtr made = make_node(Op::event_field, context_.program.events[type].fields[field].type, span, std::move(event));
  made->index = field;
  return made;
}

ExprPtr ExpressionChecker::check_member(const ast::Expr& expr, const ast::Member& member, Type hint) {
  if (const auto path = path_of(expr, member)) {
    if (ExprPtr literal = literal_by_name(path->text(), expr.span, hint)) return literal;
    if (ExprPtr element = element_path(*path, expr.span)) return element;
    if (path->parts.size() == 2 && find(path->parts[0].text).kind == Meaning::Kind::none_such) {  // product.card
      const auto type = context_.names.types.find(path->parts[0].text);
      if (type != context_.names.types.end() && type->second.kind == Symbol::Kind::enumeration) {
        const Type enumeration = type_of(TypeKind::enumeration, type->second.index);
        if (ExprPtr literal = literal_by_name(path->parts[1].text, expr.span, enumeration)) return literal;
        report_unknown(path->parts[1], enumeration);
        return make_wrong(expr.span);
      }
      if (hint.kind == TypeKind::stage) {
        context_.error("E0205", expr.span, "there is no stage " + in_ticks(path->text()));
        return make_wrong(expr.span);
      }
    }
  }
  return member_of(check(*member.base), member.name, expr.span);
}

/// `payment.amount` inside `sum(payment.amount within …)`: the event's path stands for the element.
ExprPtr ExpressionChecker::element_path(const ast::Path& path, Span span) {
  for (size_t i = elements_.size(); i-- > 0;) {
    const Element element = elements_[i];
    std::string prefix;
    for (size_t parts = 0; parts + 1 < path.parts.size(); ++parts) {
      prefix += (parts == 0 ? "" : ".") + path.parts[parts].text;
      if (prefix != element.path) continue;
      ExprPtr made = make_local(element.local, type_of(TypeKind::event, element.event_type), span);
      for (size_t member = parts + 1; member < path.parts.size(); ++member) made = member_of(std::move(made), path.parts[member], span);
      return made;
    }
  }
  return nullptr;
}

ExprPtr ExpressionChecker::member_of(ExprPtr base, const ast::Name& name, Span span) {
  if (probe(name, {}, base->type, true)) return make_wrong(span);
  if (base->type.is_error()) return base;
  switch (base->type.kind) {
    case TypeKind::instance:
      return through(std::move(base), span, [&](ExprPtr known) { return instance_member(std::move(known), name, span); });
    case TypeKind::event:
      return through(std::move(base), span, [&](ExprPtr known) { return event_member(std::move(known), name, span); });
    case TypeKind::record: {
      const auto& fields = context_.program.records[base->type.id].fields;
      for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].name != name.text) continue;
        context_.note_use(span, SymbolKind::record_field, static_cast<Index>(i), base->type.id, fields[i].type);
        return through(std::move(base), span, [&](ExprPtr known) {
          ExprPtr made = make_node(Op::record_field, fields[i].type, span, std::move(known));
          made->index = static_cast<Index>(i);
          return made;
        });
      }
      break;
    }
    default:
      break;
  }
  Diagnostic& diagnostic = context_.error("E0208", name.span, in_ticks(context_.type_text(base->type.known())) + " has no " + in_ticks(name.text));
  if (base->type.kind == TypeKind::list) {
    diagnostic.help = "this is a list: walk it with `first`, `sum`, `exists` and the like";
  } else if (base->op == Op::table && context_.program.tables[base->index].outputs.size() == 1 &&
             context_.program.tables[base->index].outputs.front().name == name.text) {
    diagnostic.help = "the table has one output, so the call is its value already: leave " + in_ticks("." + name.text) + " away";
  } else if (base->op == Op::local && std::ranges::any_of(context_.program.tables, [&](const checked::Table& table) {
               return table.policy == checked::HitPolicy::collect && table.outputs.size() == 1 && table.outputs.front().name == name.text;
             })) {
    diagnostic.help = "a table with one output is walked value by value, so the name is that value: leave " + in_ticks("." + name.text) + " away";
  } else if (base->type.kind == TypeKind::record) {
    std::vector<std::string> candidates;
    for (const auto& field : context_.program.records[base->type.id].fields) candidates.push_back(field.name);
    suggest(diagnostic, name.text, candidates);
  }
  return make_wrong(span);
}

ExprPtr ExpressionChecker::instance_member(ExprPtr base, const ast::Name& name, Span span) {
  const Index entity = base->type.id;
  const auto& names = context_.names.entities[entity];
  if (const auto found = names.find(name.text); found != names.end()) {
    switch (found->second.kind) {
      case EntityName::Kind::field:
        return field_of(std::move(base), entity, found->second.index, span);
      case EntityName::Kind::derived:
        return derived_of(std::move(base), entity, found->second.index, span);
      case EntityName::Kind::ancestor:
        return ancestor_of(std::move(base), found->second.index, span);
      case EntityName::Kind::children:
        return children_of(std::move(base), found->second.index, span);
    }
  }
  Diagnostic& diagnostic = context_.error("E0208", name.span, in_ticks(context_.program.entities[entity].name) + " has no " + in_ticks(name.text));
  std::vector<std::string> candidates;
  for (const auto& candidate : names) candidates.push_back(candidate.first);
  suggest(diagnostic, name.text, candidates);
  return make_wrong(span);
}

ExprPtr ExpressionChecker::event_member(ExprPtr base, const ast::Name& name, Span span) {
  const Index index = base->type.id;
  const checked::EventType& type = context_.program.events[index];
  if (name.text == "at") return make_node(Op::event_at, type_of(TypeKind::datetime), span, std::move(base));
  if (name.text == "outcome" && type.queue != none) {
    ExprPtr made = make_node(Op::event_leaf, type_of(TypeKind::enumeration, context_.program.queues[type.queue].outcome_enum), span, std::move(base));
    return made;
  }
  const Index field = checked::find_field(type.fields, name.text);
  if (field != none) return event_field_of(std::move(base), index, field, span);
  if (type.owner != none) {
    const Type owner = type_of(TypeKind::instance, type.owner);
    for (Index entity = type.owner; entity != none; entity = context_.program.entities[entity].parent) {
      if (context_.program.entities[entity].name != name.text) continue;
      ExprPtr instance = make_node(Op::event_owner, owner, span, std::move(base));
      return entity == type.owner ? std::move(instance) : ancestor_of(std::move(instance), entity, span);
    }
  }
  Diagnostic& diagnostic = context_.error("E0208", name.span, "the event " + in_ticks(type.name) + " has no " + in_ticks(name.text));
  std::vector<std::string> candidates = {"at"};
  for (const checked::Field& candidate : type.fields) candidates.push_back(candidate.name);
  suggest(diagnostic, name.text, candidates);
  return make_wrong(span);
}

}  // namespace dunlin::sema
