#include "lang/sema/definitions.h"

#include "lang/sema/declare.h"
#include "lang/sema/expression.h"
#include "lang/sema/tables.h"

namespace dunlin::sema {

/// Marks a definition as being checked; says whether its body is to be checked now.
static bool begin(Context& context, Progress& progress, Span use, const std::string& what, bool& usable) {
  constexpr int depth_max = 400;
  usable = true;
  if (progress == Progress::done) return false;
  if (progress == Progress::running) {
    Diagnostic& diagnostic = context.error("E0213", use, what + " needs itself");
    diagnostic.help = "nothing may be defined by itself, also not by way of others";
    usable = false;
    return false;
  }
  if (context.definition_depth >= depth_max) {
    context.error("E0103", use, "too many definitions rest on one another here");
    usable = false;
    return false;
  }
  progress = Progress::running;
  ++context.definition_depth;
  return true;
}

static void end(Context& context, Progress& progress) {
  progress = Progress::done;
  --context.definition_depth;
}

// ---- derived fields -----------------------------------------------------------------------------------

static void check_derived(Context& context, Index entity, Index index, const ast::FieldDecl& declaration) {
  Surroundings around;
  around.self_entity = entity;
  around.label = context.program.entities[entity].name + "." + declaration.name.text;
  const Type stated = declaration.type ? resolve_type(context, *declaration.type) : Type{};
  const RootId root = make_root(context, around, *declaration.derived, stated);
  checked::Derived& derived = context.program.entities[entity].derived[index];
  derived.root = root;
  derived.type = stated.is_error() ? context.program.roots[root].type : stated;
  const TypeKind kind = derived.type.kind;
  if (kind == TypeKind::record && derived.type.optional) {
    context.error("E0317", declaration.derived->span, "a derived field cannot hold a record that may be missing").help = "derive each figure by itself";
    derived.type = {};
  }
}

/// First match wins: a chain of choices. Each case knows what the ones before it have ruled out.
static void check_segmentation(Context& context, Index entity, Index index, const ast::SegmentationDecl& declaration) {
  const Type type = context.program.entities[entity].derived[index].type;
  checked::Segmentation& segmentation = context.program.segmentations[context.program.entities[entity].derived[index].segmentation];
  const auto& literals = context.program.enums[type.id].literals;
  const auto ordinal = [&](const std::string& name) {
    for (size_t i = 0; i < literals.size(); ++i) {
      if (literals[i] == name) return static_cast<int64_t>(i);
    }
    return int64_t{0};
  };
  Surroundings around;
  around.self_entity = entity;
  ExpressionChecker checker(context, around);  // one for all, so that every local has a number of its own
  std::vector<checked::Segmentation::Case> cases;
  std::vector<ExprPtr> conditions;
  bool complete = false;
  for (const auto& written : declaration.cases) {
    if (complete) {
      context.error("E0310", written.span, "nothing can come behind `otherwise`");
      break;
    }
    checked::Segmentation::Case made{written.name.text, none, written.span};
    ExprPtr condition;
    if (written.when) {
      condition = checker.check_condition(*written.when);
      Surroundings of_case = around;
      of_case.label = declaration.name.text + "." + written.name.text;
      of_case.known = checker.facts();
      checker.learn(*condition, false, checker.facts());
      made.when = add_root(context, of_case, clone(*condition), checker.locals(), written.when->span);
    } else {
      complete = true;
    }
    conditions.push_back(std::move(condition));
    cases.push_back(std::move(made));
  }
  if (!complete) {
    Diagnostic& diagnostic =
        context.error("E0310", declaration.name.span, "the segmentation " + in_ticks(declaration.name.text) + " does not say what holds otherwise");
    diagnostic.help = "end it with `otherwise` and a segment";
  }
  ExprPtr chain;
  for (size_t i = cases.size(); i-- > 0;) {
    ExprPtr segment = make_literal(type, ordinal(cases[i].literal), cases[i].span);
    if (!chain) {
      chain = std::move(segment);
      continue;
    }
    if (!conditions[i] || conditions[i]->type.is_error()) continue;
    chain = make_node(Op::condition, type, cases[i].span, std::move(conditions[i]), std::move(segment), std::move(chain));
  }
  if (!chain) chain = make_wrong(declaration.name.span);
  segmentation.cases = std::move(cases);
  around.label = declaration.name.text;
  context.program.entities[entity].derived[index].root = add_root(context, around, std::move(chain), checker.locals(), declaration.name.span);
}

bool ensure_derived(Context& context, Index entity, Index index, Span use) {
  Progress& progress = context.derived[entity][index].progress;
  bool usable = true;
  const std::string what = in_ticks(context.program.entities[entity].derived[index].name);
  if (!begin(context, progress, use, what, usable)) return usable;
  const DerivedSource& source = context.derived[entity][index];
  if (source.field != nullptr) check_derived(context, entity, index, *source.field);
  if (source.segmentation != nullptr) check_segmentation(context, entity, index, *source.segmentation);
  end(context, context.derived[entity][index].progress);
  return true;
}

// ---- functions ------------------------------------------------------------------------------------------

bool ensure_function(Context& context, Index index, Span use) {
  bool usable = true;
  const std::string what = in_ticks(context.program.functions[index].name);
  if (!begin(context, context.functions[index].progress, use, what, usable)) return usable;
  const ast::FunctionDecl& declaration = *context.functions[index].declaration;
  const checked::Function& function = context.program.functions[index];
  if (declaration.body && function.root != none) {
    Surroundings around;
    around.label = function.name;
    const Type result = context.program.roots[function.root].type;
    for (size_t i = 0; i < function.parameter_names.size(); ++i) {
      around.parameters.emplace_back(function.parameter_names[i], context.program.roots[function.root].parameters[i]);
    }
    ExpressionChecker checker(context, around);
    ExprPtr body = checker.check_as(*declaration.body, result);
    checked::Root& root = context.program.roots[context.program.functions[index].root];
    root.body = std::move(body);
    root.locals = checker.locals();
  }
  end(context, context.functions[index].progress);
  return true;
}

// ---- tables -----------------------------------------------------------------------------------------------

bool ensure_table(Context& context, Index index, Span use) {
  bool usable = true;
  const std::string what = "the table " + in_ticks(context.program.tables[index].name);
  if (!begin(context, context.tables[index].progress, use, what, usable)) return usable;
  check_table(context, index);
  end(context, context.tables[index].progress);
  return true;
}

// ---- everything that is not a rule ------------------------------------------------------------------------

static void check_settings(Context& context) {
  context.each<ast::ParameterDecl>([&](const Placed&, const ast::ParameterDecl& declaration) {
    const auto symbol = context.names.values.find(declaration.name.text);
    if (symbol == context.names.values.end() || symbol->second.span != declaration.name.span) return;
    if (!declaration.value) {
      context.error("E0321", declaration.name.span, "the parameter " + in_ticks(declaration.name.text) + " has no value").help = "write `= …` behind its type";
      return;
    }
    Surroundings around;
    around.label = "parameter " + declaration.name.text;
    around.constant = true;
    const Type type = context.program.settings[symbol->second.index].type;
    const RootId root = make_root(context, around, *declaration.value, type);
    checked::Setting& setting = context.program.settings[symbol->second.index];
    setting.initial = root;
    if (!declaration.type.in_range) return;
    const auto* range = std::get_if<ast::RangeExpr>(&declaration.type.in_range->node);
    ExpressionChecker checker(context, around);
    if (range == nullptr || !is_ordered(type.kind)) {
      context.error("E0308", declaration.type.in_range->span, "a range of " + in_ticks(context.type_text(type)) + " is needed behind `in`");
      return;
    }
    const auto end_of = [&](const ast::ExprPtr& end) { return end ? constant_key(*folded(checker.check_as(*end, type.known()))) : std::nullopt; };
    setting.minimum = end_of(range->low);
    setting.maximum = end_of(range->high);
    if (setting.maximum && !range->high_included) --*setting.maximum;
    const auto value = constant_key(*folded(clone(*context.program.roots[root].body)));
    if (value && ((setting.minimum && *value < *setting.minimum) || (setting.maximum && *value > *setting.maximum))) {
      context.error("E0315", declaration.value->span, "the value lies outside its own range");
    }
  });
}

static void check_queue(Context& context, size_t index) {
  const ast::QueueDecl& declaration = *context.queues[index].declaration;
  Surroundings around;
  around.constant = true;
  around.label = "queue " + declaration.name.text;
  const auto constant = [&](const ast::ExprPtr& written, TypeKind kind) -> std::optional<int64_t> {
    if (!written) return std::nullopt;
    ExpressionChecker checker(context, around);
    const ExprPtr value = folded(checker.check_as(*written, type_of(kind)));
    const auto key = constant_key(*value);
    if (!key && !value->type.is_error()) context.error("E0321", written->span, "this must be written as a plain value");
    return key;
  };
  checked::Queue& queue = context.program.queues[index];
  queue.cost = constant(declaration.cost, TypeKind::money).value_or(0);
  if (const auto lease = constant(declaration.lease, TypeKind::duration)) {
    if ((*lease & 7) != 0 || (*lease >> 3) <= 0) {
      context.error("E0309", declaration.lease->span, "a lease is a number of minutes or hours");
    } else {
      queue.lease_us = *lease >> 3;
    }
  }
  if (declaration.due) {
    Surroundings due;
    due.label = around.label + ": due";
    const RootId root = make_root(context, due, *declaration.due, type_of(TypeKind::duration));
    context.program.queues[index].due = root;
  }
  for (const ast::FieldDecl& field : declaration.fields) {
    checked::Field made = make_field(context, field, context.program.queues[index].slot_count, none);
    checked::Queue& target = context.program.queues[index];
    if (const Index other = checked::find_field(target.fields, made.name); other != none) {
      report_duplicate(context, field.name, target.fields[other].span, "a field");
    }
    target.fields.push_back(std::move(made));
  }
  for (const auto& setting : declaration.other) {
    if (setting.name.text == "sees") continue;  // check_letters
    Diagnostic& diagnostic = context.error("E0219", setting.name.span, "a queue has no " + in_ticks(setting.name.text));
    suggest(diagnostic, setting.name.text,
            {"outcomes", "cost", "lease", "due", "fields", "counts", "merge", "assign", "needs", "late", "numbers", "batch", "status", "sees"});
  }
}

static void check_outcome_conditions(Context& context) {
  for (size_t i = 0; i < context.events.size(); ++i) {
    const ast::OutcomeNode* outcome = context.events[i].outcome;
    if (outcome == nullptr || !outcome->when) continue;
    Surroundings around;
    around.self_entity = context.program.events[i].owner;
    around.label = context.program.events[i].name + " when " + std::string(context.sources.text(outcome->when->span));
    const RootId root = make_root(context, around, *outcome->when, type_of(TypeKind::boolean));
    context.program.events[i].allowed_when = root;
  }
}

void check_queues(Context& context) {
  for (size_t i = 0; i < context.queues.size(); ++i) check_queue(context, i);
}

void check_definitions(Context& context) {
  check_settings(context);
  for (size_t entity = 0; entity < context.derived.size(); ++entity) {
    for (size_t i = 0; i < context.derived[entity].size(); ++i) {
      const Span span = context.program.entities[entity].derived[i].span;
      ensure_derived(context, static_cast<Index>(entity), static_cast<Index>(i), span);
    }
  }
  for (size_t i = 0; i < context.functions.size(); ++i) ensure_function(context, static_cast<Index>(i), context.program.functions[i].span);
  for (size_t i = 0; i < context.tables.size(); ++i) ensure_table(context, static_cast<Index>(i), context.program.tables[i].span);
  check_outcome_conditions(context);
}

}  // namespace dunlin::sema
