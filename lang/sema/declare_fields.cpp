// Fields of entities, records, events and tasks; derived fields by name.
#include <algorithm>

#include "lang/sema/cells.h"
#include "lang/sema/declare.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

void set_range(Context& context, checked::Field& field, const ast::TypeExpr& type, Index self, bool may_compute) {
  if (!type.in_range || field.type.is_error()) return;
  const auto* range = std::get_if<ast::RangeExpr>(&type.in_range->node);
  if (range == nullptr) {
    context.error("E0308", type.in_range->span, "a range is needed behind `in`").help = "write `in 300..850`";
    return;
  }
  if (!is_ordered(field.type.kind) || field.type.kind == TypeKind::duration || field.type.kind == TypeKind::number) {
    context.error("E0302", type.in_range->span, "a field of type " + in_ticks(context.type_text(field.type)) + " cannot have a range");
    return;
  }
  Surroundings around;
  around.label = field.name + " in " + std::string(context.sources.text(type.in_range->span));
  around.parameters = {{"", field.type.known()}};
  around.self_entity = self;
  ExpressionChecker checker(context, around);
  CellReader reader(context, checker, field.type.known());
  const auto cell = reader.read(*type.in_range);
  if (reader.failed()) return;
  if (cell) {
    if (cell->intervals.empty()) return;
    if (range->low) field.minimum = cell->intervals.front().low;
    if (range->high) field.maximum = cell->intervals.front().high;
    return;
  }
  if (!may_compute) {
    context.error("E0308", type.in_range->span, "a range that is computed can only stand in an event or an outcome").help =
        "write both ends as plain values, or judge the value in a derived field";
    return;
  }
  ExpressionChecker again(context, around);
  ExprPtr value = make_node(Op::parameter, field.type.known(), type.in_range->span);
  value->index = 0;
  ExprPtr condition = again.pattern_condition(*type.in_range, *value);
  if (!condition->type.is_error()) field.in_range = add_root(context, around, std::move(condition), again.locals(), type.in_range->span);
}

checked::Field make_field(Context& context, const ast::FieldDecl& declaration, Index& next_slot, Index self, bool may_compute_range) {
  checked::Field field;
  field.name = declaration.name.text;
  field.key = declaration.key;
  field.personal = declaration.personal;
  field.doc = declaration.doc;
  field.span = declaration.span;
  if (declaration.type) {
    field.type = resolve_type(context, *declaration.type);
    if (!field.type.is_error() && !is_storable(field.type.kind)) {
      Diagnostic& diagnostic = context.error("E0317", declaration.type->span, "a field cannot hold a value of type " + in_ticks(context.type_text(field.type)));
      if (field.type.kind == TypeKind::instance) diagnostic.help = "keep its key instead, or derive it: `" + field.name + " = first(…)`";
      if (field.type.kind == TypeKind::record) diagnostic.help = "write the fields one by one, or make an entity of them";
      field.type = {};
    }
  }
  field.slot = next_slot;
  next_slot += checked::slot_count(context.program, field.type);
  if (declaration.type) set_range(context, field, *declaration.type, self, may_compute_range);
  return field;
}

static void add_name(Context& context, Index entity, const ast::Name& name, EntityName meaning) {
  const auto [at, fresh] = context.names.entities[entity].try_emplace(name.text, meaning);
  if (!fresh) report_duplicate(context, name, at->second.span, "a name on `" + context.program.entities[entity].name + "`:");
}

static void declare_field(Context& context, Index entity, const ast::FieldDecl& declaration) {
  checked::Entity& made = context.program.entities[entity];
  if (declaration.derived) {
    if (declaration.key) context.error("E0316", declaration.span, "a derived field cannot be the key");
    checked::Derived derived;
    derived.name = declaration.name.text;
    derived.doc = declaration.doc;
    derived.span = declaration.span;
    add_name(context, entity, declaration.name, {EntityName::Kind::derived, static_cast<Index>(made.derived.size()), declaration.name.span});
    made.derived.push_back(std::move(derived));
    context.derived[entity].push_back({&declaration, nullptr, Progress::waiting});
    return;
  }
  checked::Field field = make_field(context, declaration, made.slot_count, entity);
  const auto index = static_cast<Index>(made.fields.size());
  if (field.key) {
    const bool fits = field.type.kind == TypeKind::text || field.type.kind == TypeKind::integer || field.type.is_error();
    if (!fits || field.type.optional) context.error("E0316", declaration.span, "a key is a `text` or an `int` that is never missing");
    if (made.key_field != none) {
      context.error("E0316", declaration.span, in_ticks(made.name) + " has two keys").notes.push_back({made.fields[made.key_field].span, "the first one"});
    } else {
      made.key_field = index;
    }
  }
  add_name(context, entity, declaration.name, {EntityName::Kind::field, index, declaration.name.span});
  made.fields.push_back(std::move(field));
}

/// What hangs on what, by name: `debtor` from an account, `accounts` from a debtor.
static void declare_relations(Context& context) {
  auto& entities = context.program.entities;
  for (size_t i = 0; i < entities.size(); ++i) {
    const auto entity = static_cast<Index>(i);
    for (Index above = entities[i].parent; above != none; above = entities[above].parent) {
      add_name(context, entity, {entities[above].name, entities[above].span}, {EntityName::Kind::ancestor, above, entities[above].span});
    }
    for (Index child : entities[i].children) {
      add_name(context, entity, {plural(entities[child].name), entities[child].span}, {EntityName::Kind::children, child, entities[child].span});
    }
  }
}

static void declare_segmentation(Context& context, const Placed& placed, const ast::SegmentationDecl& declaration) {
  const Index entity = checked::find_entity(context.program, declaration.entity.text);
  if (entity == none) {
    Diagnostic& diagnostic = context.error("E0209", declaration.entity.span, "there is no entity " + in_ticks(declaration.entity.text));
    std::vector<std::string> candidates;
    for (const checked::Entity& candidate : context.program.entities) candidates.push_back(candidate.name);
    suggest(diagnostic, declaration.entity.text, candidates);
    return;
  }
  const auto type = context.names.types.find(declaration.name.text);
  if (type == context.names.types.end() || type->second.kind != Symbol::Kind::enumeration) return;
  checked::Entity& made = context.program.entities[entity];
  checked::Derived derived;
  derived.name = declaration.name.text;
  derived.doc = placed.declaration->doc;
  derived.span = declaration.name.span;
  derived.type = type_of(TypeKind::enumeration, type->second.index);
  derived.segmentation = static_cast<Index>(context.program.segmentations.size());
  checked::Segmentation segmentation;
  segmentation.name = declaration.name.text;
  segmentation.entity = entity;
  segmentation.derived = static_cast<Index>(made.derived.size());
  segmentation.enumeration = type->second.index;
  context.program.segmentations.push_back(std::move(segmentation));
  add_name(context, entity, declaration.name, {EntityName::Kind::derived, static_cast<Index>(made.derived.size()), declaration.name.span});
  made.derived.push_back(std::move(derived));
  context.derived[entity].push_back({nullptr, &declaration, Progress::waiting});
}

static void declare_record(Context& context, const ast::TypeDecl& declaration) {
  const auto found = context.names.types.find(declaration.name.text);
  if (declaration.type.kind != ast::TypeExpr::Kind::record || found == context.names.types.end() || found->second.kind != Symbol::Kind::record) return;
  std::vector<checked::Record::Field> fields;
  for (const ast::FieldDecl& field : declaration.type.fields) {
    if (!field.type) continue;
    const Type type = resolve_type(context, *field.type);
    if (type.kind == TypeKind::record) {
      context.error("E0317", field.span, "a record cannot hold another");
      continue;
    }
    fields.push_back({field.name.text, type});
  }
  context.program.records[found->second.index].fields = std::move(fields);
}

void declare_fields(Context& context) {
  context.each<ast::TypeDecl>([&](const Placed&, const ast::TypeDecl& declaration) { declare_record(context, declaration); });
  declare_relations(context);
  context.each<ast::EntityDecl>([&](const Placed&, const ast::EntityDecl& declaration) {
    const Index entity = checked::find_entity(context.program, declaration.name.text);
    if (entity == none || context.program.entities[entity].span != declaration.name.span) return;
    for (const ast::FieldDecl& field : declaration.fields) declare_field(context, entity, field);
    if (context.program.entities[entity].key_field == none) {
      Diagnostic& diagnostic = context.error("E0316", declaration.name.span, in_ticks(declaration.name.text) + " has no key");
      diagnostic.help = "say by what one is told from another: `key id : text`";
    }
  });
  context.each<ast::ExtendDecl>([&](const Placed&, const ast::ExtendDecl& declaration) {
    const Index entity = checked::find_entity(context.program, declaration.entity.text);
    if (entity == none) {
      Diagnostic& diagnostic = context.error("E0209", declaration.entity.span, "there is no entity " + in_ticks(declaration.entity.text));
      std::vector<std::string> candidates;
      for (const checked::Entity& candidate : context.program.entities) candidates.push_back(candidate.name);
      suggest(diagnostic, declaration.entity.text, candidates);
      return;
    }
    for (const ast::FieldDecl& field : declaration.fields) declare_field(context, entity, field);
  });
  context.each<ast::SegmentationDecl>(
      [&](const Placed& placed, const ast::SegmentationDecl& declaration) { declare_segmentation(context, placed, declaration); });
}

// ---- names of literals ---------------------------------------------------------------------------------------

void check_name_clashes(Context& context) {
  std::unordered_map<std::string, Index> literals;
  std::unordered_map<Index, bool> of_outcomes;
  for (const checked::Queue& queue : context.program.queues) {
    if (queue.outcome_enum != none) of_outcomes[queue.outcome_enum] = true;
  }
  for (size_t i = 0; i < context.program.enums.size(); ++i) {
    if (of_outcomes.contains(static_cast<Index>(i))) continue;  // only ever compared with an outcome
    for (const std::string& literal : context.program.enums[i].literals) literals.try_emplace(literal, static_cast<Index>(i));
  }
  const auto look = [&](const std::string& name, Span span, const char* what) {
    const auto found = literals.find(name);
    if (found == literals.end()) return;
    Diagnostic& diagnostic = context.error(
        "E0211", span, std::string(what) + " " + in_ticks(name) + " has the name of a value of " + in_ticks(context.program.enums[found->second].name));
    diagnostic.help = "give one of them another name: where the enumeration is expected, `" + name + "` always means its value";
  };
  for (const checked::Entity& entity : context.program.entities) {
    for (const checked::Field& field : entity.fields) look(field.name, field.span, "the field");
    for (const checked::Derived& derived : entity.derived) look(derived.name, derived.span, "the field");
  }
  for (const checked::Strategy& strategy : context.program.strategies) {
    for (const checked::Variable& variable : strategy.variables) look(variable.name, variable.span, "the variable");
  }
}

}  // namespace dunlin::sema
