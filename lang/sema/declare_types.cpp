// Enumerations, records, and the names of entities; what a type expression stands for.
#include <algorithm>

#include "lang/sema/currency.h"
#include "lang/sema/declare.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

void report_duplicate(Context& context, const ast::Name& name, Span first, const std::string& what) {
  Diagnostic& diagnostic = context.error("E0202", name.span, "there is already " + what + " " + in_ticks(name.text));
  if (first.known()) diagnostic.notes.push_back({first, "it stands here"});
}

bool register_type(Context& context, const ast::Name& name, Symbol::Kind kind, Index index) {
  static const std::vector<std::string> taken = {"bool",     "int",      "decimal",  "number", "money",    "text",  "date",       "time",
                                                 "datetime", "duration", "timezone", "file",   "location", "stage", "time_range", "currency"};
  if (std::find(taken.begin(), taken.end(), name.text) != taken.end()) {
    context.error("E0214", name.span, in_ticks(name.text) + " is a type of the language");
    return false;
  }
  const auto [at, fresh] = context.names.types.try_emplace(name.text, Symbol{kind, index, name.span});
  if (!fresh) report_duplicate(context, name, at->second.span, "a type");
  return fresh;
}

static Index add_enum(Context& context, const std::string& name, const std::vector<ast::Name>& literals) {
  checked::Enum made;
  made.name = name;
  for (const ast::Name& literal : literals) {
    if (std::find(made.literals.begin(), made.literals.end(), literal.text) != made.literals.end()) {
      report_duplicate(context, literal, {}, "a value");
      continue;
    }
    made.literals.push_back(literal.text);
  }
  if (made.literals.empty()) {
    context.error("E0301", literals.empty() ? Span{} : literals.front().span, "the enumeration " + in_ticks(name) + " has no values");
    made.literals.emplace_back("none");
  }
  context.program.enums.push_back(std::move(made));
  return static_cast<Index>(context.program.enums.size() - 1);
}

void declare_inline_enum(Context& context, const ast::TypeExpr& type, const std::string& owner, const std::string& field) {
  if (type.kind == ast::TypeExpr::Kind::list && type.element) declare_inline_enum(context, *type.element, owner, field);
  if (type.kind != ast::TypeExpr::Kind::enumeration || context.inline_enums.contains(&type)) return;
  const std::string name = owner.empty() ? field : owner + "." + field;
  const Index made = add_enum(context, name, type.literals);
  context.inline_enums[&type] = made;
  context.names.types.try_emplace(name, Symbol{Symbol::Kind::enumeration, made, type.span});
  context.names.field_enums[field].push_back(made);
}

static void declare_inline_enums(Context& context, const std::vector<ast::FieldDecl>& fields, const std::string& owner) {
  for (const ast::FieldDecl& field : fields) {
    if (field.type) declare_inline_enum(context, *field.type, owner, field.name.text);
  }
}

static void declare_outcome_enums(Context& context, const std::vector<ast::OutcomeNode>& nodes, const std::string& prefix) {
  for (const ast::OutcomeNode& node : nodes) {
    const std::string name = prefix + "." + node.name.text;
    declare_inline_enums(context, node.fields, name);
    declare_outcome_enums(context, node.children, name);
  }
}

// ---- entities -------------------------------------------------------------------------------------------

namespace {

struct EntityPlace {
  const Placed* placed;
  const ast::EntityDecl* declaration;
};

}  // namespace

/// Parents first; those whose parent is unknown or a circle are reported and left out.
static void order_entities(Context& context, const std::vector<EntityPlace>& all) {
  std::vector<EntityPlace> waiting = all, ordered;
  std::unordered_map<std::string, Index> index;
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto at = waiting.begin(); at != waiting.end();) {
      const auto& parent = at->declaration->parent;
      if (parent && !index.contains(parent->text)) {
        ++at;
        continue;
      }
      if (index.try_emplace(at->declaration->name.text, static_cast<Index>(ordered.size())).second) ordered.push_back(*at);
      at = waiting.erase(at);
      moved = true;
    }
  }
  for (const EntityPlace& place : waiting) {
    const ast::Name& parent = *place.declaration->parent;
    const bool declared = std::any_of(all.begin(), all.end(), [&](const EntityPlace& other) { return other.declaration->name.text == parent.text; });
    if (declared) {
      context.error("E0213", place.declaration->name.span, in_ticks(place.declaration->name.text) + " hangs on itself");
      continue;
    }
    Diagnostic& diagnostic = context.error("E0209", parent.span, "there is no entity " + in_ticks(parent.text));
    std::vector<std::string> candidates;
    for (const EntityPlace& other : all) candidates.push_back(other.declaration->name.text);
    suggest(diagnostic, parent.text, candidates);
  }
  for (const EntityPlace& place : ordered) {
    checked::Entity made;
    made.name = place.declaration->name.text;
    made.doc = place.placed->declaration->doc;
    made.span = place.declaration->name.span;
    if (place.declaration->table) made.table = *place.declaration->table;
    const auto self = static_cast<Index>(context.program.entities.size());
    if (place.declaration->parent) {
      made.parent = index.at(place.declaration->parent->text);
      checked::Entity& parent = context.program.entities[made.parent];
      made.depth = parent.depth + 1;
      made.child_position = static_cast<Index>(parent.children.size());
      parent.children.push_back(self);
    } else if (self > 0) {
      Diagnostic& diagnostic =
          context.error("E0713", made.span, "a case file has one entity at its head, and that is " + in_ticks(context.program.entities[0].name));
      diagnostic.help = "say what " + in_ticks(made.name) + " hangs on: `entity " + made.name + " of " + context.program.entities[0].name + "`";
      made.parent = 0;  // so that what follows can be checked
      made.child_position = static_cast<Index>(context.program.entities[0].children.size());
      context.program.entities[0].children.push_back(self);
    }
    register_type(context, place.declaration->name, Symbol::Kind::entity, self);
    context.program.entities.push_back(std::move(made));
  }
}

static void declare_entities(Context& context) {
  std::vector<EntityPlace> all;
  context.each<ast::EntityDecl>([&](const Placed& placed, const ast::EntityDecl& declaration) {
    for (const EntityPlace& other : all) {
      if (other.declaration->name.text == declaration.name.text) return report_duplicate(context, declaration.name, other.declaration->name.span, "an entity");
    }
    all.push_back({&placed, &declaration});
  });
  // A parent stands before its children wherever it is written; roots keep their order.
  std::stable_sort(all.begin(), all.end(), [](const EntityPlace& a, const EntityPlace& b) { return !a.declaration->parent && b.declaration->parent; });
  order_entities(context, all);
  context.names.entities.resize(context.program.entities.size());
  context.derived.resize(context.program.entities.size());
}

// ---- all types ------------------------------------------------------------------------------------------

static void declare_segmentations(Context& context) {
  context.each<ast::SegmentationDecl>([&](const Placed&, const ast::SegmentationDecl& declaration) {
    checked::Enum made;
    made.name = declaration.name.text;
    for (const auto& written : declaration.cases) {
      if (std::find(made.literals.begin(), made.literals.end(), written.name.text) == made.literals.end()) made.literals.push_back(written.name.text);
    }
    if (made.literals.empty()) {
      context.error("E0310", declaration.name.span, "the segmentation " + in_ticks(declaration.name.text) + " has no segments");
      made.literals.emplace_back("none");
    }
    const auto index = static_cast<Index>(context.program.enums.size());
    if (register_type(context, declaration.name, Symbol::Kind::enumeration, index)) context.program.enums.push_back(std::move(made));
  });
}

void declare_types(Context& context) {
  declare_entities(context);
  context.each<ast::TypeDecl>([&](const Placed&, const ast::TypeDecl& declaration) {
    if (declaration.type.kind == ast::TypeExpr::Kind::record) {
      const auto index = static_cast<Index>(context.program.records.size());
      if (!register_type(context, declaration.name, Symbol::Kind::record, index)) return;
      context.program.records.push_back({declaration.name.text, {}});
      declare_inline_enums(context, declaration.type.fields, declaration.name.text);
    } else {
      const auto index = static_cast<Index>(context.program.enums.size());
      if (register_type(context, declaration.name, Symbol::Kind::enumeration, index)) add_enum(context, declaration.name.text, declaration.type.literals);
    }
  });
  declare_segmentations(context);
  context.each<ast::EntityDecl>([&](const Placed&, const ast::EntityDecl& d) { declare_inline_enums(context, d.fields, d.name.text); });
  context.each<ast::ExtendDecl>([&](const Placed&, const ast::ExtendDecl& d) { declare_inline_enums(context, d.fields, d.entity.text); });
  context.each<ast::EventDecl>([&](const Placed&, const ast::EventDecl& d) { declare_inline_enums(context, d.fields, d.name.text()); });
  context.each<ast::OutcomesDecl>([&](const Placed&, const ast::OutcomesDecl& d) { declare_outcome_enums(context, d.roots, d.name.text); });
  context.each<ast::QueueDecl>([&](const Placed&, const ast::QueueDecl& d) { declare_inline_enums(context, d.fields, d.name.text); });
  context.each<ast::StrategyDecl>([&](const Placed&, const ast::StrategyDecl& d) { declare_inline_enums(context, d.variables, d.name.text); });
  context.each<ast::TableDecl>([&](const Placed&, const ast::TableDecl& d) {
    for (const auto& column : d.inputs) declare_inline_enum(context, column.type, d.name.text, column.name.text);
    for (const auto& column : d.outputs) declare_inline_enum(context, column.type, d.name.text, column.name.text);
  });
  context.each<ast::FunctionDecl>([&](const Placed&, const ast::FunctionDecl& d) {
    for (const auto& parameter : d.parameters) declare_inline_enum(context, parameter.type, d.name.text, parameter.name.text);
    declare_inline_enum(context, d.result, "", d.name.text);
  });
  context.each<ast::ParameterDecl>([&](const Placed&, const ast::ParameterDecl& d) { declare_inline_enum(context, d.type, "", d.name.text); });
}

// ---- what a type expression stands for ----------------------------------------------------------------------

static std::optional<TypeKind> plain_kind(const std::string& name) {
  static const std::unordered_map<std::string, TypeKind> kinds = {
      {"bool", TypeKind::boolean},      {"int", TypeKind::integer},       {"decimal", TypeKind::decimal},
      {"number", TypeKind::number},     {"money", TypeKind::money},       {"text", TypeKind::text},
      {"date", TypeKind::date},         {"time", TypeKind::time},         {"datetime", TypeKind::datetime},
      {"duration", TypeKind::duration}, {"timezone", TypeKind::timezone}, {"file", TypeKind::file},
      {"location", TypeKind::location}, {"stage", TypeKind::stage},       {"time_range", TypeKind::time_range}};
  const auto found = kinds.find(name);
  if (found == kinds.end()) return std::nullopt;
  return found->second;
}

/// `currency`: a value for each code whose amounts have as many places as the bundle's, so that all money is counted alike. Made when first asked for.
static Type currency_type(Context& context) {
  checked::Bundle& bundle = context.program.bundle;
  if (bundle.currency_enum == none) {
    checked::Enum made{"currency", currencies_with(bundle.minor_digits)};
    if (std::find(made.literals.begin(), made.literals.end(), bundle.currency) == made.literals.end()) made.literals.push_back(bundle.currency);
    bundle.currency_enum = static_cast<Index>(context.program.enums.size());
    context.program.enums.push_back(std::move(made));
  }
  return type_of(TypeKind::enumeration, bundle.currency_enum);
}

static Type named_type(Context& context, const ast::TypeExpr& type) {
  const std::string name = type.name.text();
  if (const auto kind = plain_kind(name)) return type_of(*kind);
  if (name == "currency") return currency_type(context);
  if (const auto found = context.names.types.find(name); found != context.names.types.end()) {
    switch (found->second.kind) {
      case Symbol::Kind::enumeration:
        return type_of(TypeKind::enumeration, found->second.index);
      case Symbol::Kind::record:
        return type_of(TypeKind::record, found->second.index);
      default:
        return type_of(TypeKind::instance, found->second.index);
    }
  }
  if (const auto found = context.names.field_enums.find(name); found != context.names.field_enums.end()) {
    if (found->second.size() == 1) return type_of(TypeKind::enumeration, found->second.front());
    Diagnostic& diagnostic = context.error("E0210", type.span, "several fields called " + in_ticks(name) + " have values of their own");
    diagnostic.help = "say which is meant:";
    for (Index index : found->second) diagnostic.help += " `" + context.program.enums[index].name + "`";
    return {};
  }
  Diagnostic& diagnostic = context.error("E0203", type.span, "there is no type " + in_ticks(name));
  std::vector<std::string> candidates = {"bool", "int",      "decimal",  "number",   "money",    "text", "date",
                                         "time", "datetime", "duration", "timezone", "currency", "stage"};
  for (const auto& candidate : context.names.types) candidates.push_back(candidate.first);
  for (const auto& candidate : context.names.field_enums) candidates.push_back(candidate.first);
  suggest(diagnostic, name, candidates);
  static const std::unordered_map<std::string, std::string> elsewhere = {{"string", "text"},        {"varchar", "text"},   {"integer", "int"},
                                                                         {"float", "number"},       {"double", "number"},  {"boolean", "bool"},
                                                                         {"timestamp", "datetime"}, {"numeric", "decimal"}};
  if (const auto other = elsewhere.find(name); other != elsewhere.end()) {
    diagnostic.help = "that is called " + in_ticks(other->second) + " here";
    diagnostic.fixes = {{type.span, other->second, "write " + in_ticks(other->second)}};
  }
  return {};
}

Type resolve_type(Context& context, const ast::TypeExpr& type) {
  Type made;
  switch (type.kind) {
    case ast::TypeExpr::Kind::named:
      made = named_type(context, type);
      break;
    case ast::TypeExpr::Kind::enumeration:
      if (const auto found = context.inline_enums.find(&type); found != context.inline_enums.end()) made = type_of(TypeKind::enumeration, found->second);
      break;
    case ast::TypeExpr::Kind::record:
      context.error("E0317", type.span, "a record is declared with a name of its own").help = "write `record address { … }`, then `: address`";
      break;
    case ast::TypeExpr::Kind::list:
      context.error("E0317", type.span, "a list cannot be kept in a field").help = "what a thing has several of is an entity `of` it; the list comes by itself";
      break;
  }
  if (!made.is_error()) made.optional = type.optional;
  return made;
}

}  // namespace dunlin::sema
