// Functions, tables, settings, queues, strategies and stages: names first, then what their heads say.
#include <algorithm>

#include "lang/sema/cells.h"
#include "lang/sema/declare.h"
#include "lang/sema/expression.h"
#include "lang/sema/signatures.h"

namespace dunlin::sema {

bool register_value(Context& context, const ast::Name& name, Symbol::Kind kind, Index index) {
  const bool word = name.text == "visits" || name.text == "in_stage" || name.text == "in_strategy";
  if (word || find_builtin(name.text)) {
    context.error("E0214", name.span, in_ticks(name.text) + " is a function of the language").help = "give yours another name";
    return false;
  }
  const auto [at, fresh] = context.names.values.try_emplace(name.text, Symbol{kind, index, name.span});
  if (!fresh) report_duplicate(context, name, at->second.span, "a function, table or parameter");
  return fresh;
}

// ---- strategies ------------------------------------------------------------------------------------------

namespace {

struct StrategyPlace {
  const Placed* placed;
  const ast::StrategyDecl* declaration;
};

}  // namespace

/// The written order, changed as little as the `before` lines ask.
static std::vector<StrategyPlace> ordered_strategies(Context& context, std::vector<StrategyPlace> waiting) {
  std::vector<StrategyPlace> ordered;
  const auto waits = [&](const StrategyPlace& place) {
    return std::any_of(waiting.begin(), waiting.end(), [&](const StrategyPlace& other) {
      if (other.declaration == place.declaration) return false;
      const auto& before = other.declaration->before;
      return std::any_of(before.begin(), before.end(), [&](const ast::Path& path) { return path.text() == place.declaration->name.text; });
    });
  };
  while (!waiting.empty()) {
    const auto next = std::find_if_not(waiting.begin(), waiting.end(), waits);
    if (next == waiting.end()) {
      Diagnostic& diagnostic = context.error("E0715", waiting.front().declaration->name.span, "the order of the strategies is a circle");
      diagnostic.help = "take one of the `before` lines away";
      ordered.insert(ordered.end(), waiting.begin(), waiting.end());
      break;
    }
    ordered.push_back(*next);
    waiting.erase(next);
  }
  return ordered;
}

static void declare_stages(Context& context, Index index, const ast::StrategyDecl& declaration) {
  checked::Strategy& strategy = context.program.strategies[index];
  for (const ast::StageDecl& written : declaration.stages) {
    const auto same =
        std::find_if(strategy.stages.begin(), strategy.stages.end(), [&](Index stage) { return context.program.stages[stage].name == written.name.text; });
    if (same != strategy.stages.end()) {
      report_duplicate(context, written.name, context.program.stages[*same].span, "a stage");
      continue;
    }
    checked::Stage stage;
    stage.name = written.name.text;
    stage.title = written.title;
    stage.strategy = index;
    stage.is_final = written.is_final;
    stage.doc = written.doc;
    stage.span = written.name.span;
    const auto number = static_cast<Index>(context.program.stages.size());
    context.program.stages.push_back(std::move(stage));
    if (!is_kept(context, written.name.span.file)) context.names.stages[written.name.text].push_back(number);
    strategy.stages.push_back(number);
  }
  if (strategy.stages.empty()) {
    context.error("E0708", declaration.name.span, "the strategy " + in_ticks(strategy.name) + " has no stage").help =
        "enrolment enters the first stage: write one";
  }
}

static void declare_strategies(Context& context) {
  std::vector<StrategyPlace> all, kept;
  context.each<ast::StrategyDecl>([&](const Placed& placed, const ast::StrategyDecl& declaration) {
    if (is_kept(context, placed.file)) return kept.push_back({&placed, &declaration});
    for (const StrategyPlace& other : all) {
      if (other.declaration->name.text == declaration.name.text) return report_duplicate(context, declaration.name, other.declaration->name.span, "a strategy");
    }
    all.push_back({&placed, &declaration});
  });
  // Those of older versions stand behind all others: whoever asks by name finds the one of now.
  std::vector<StrategyPlace> places = ordered_strategies(context, all);
  places.insert(places.end(), kept.begin(), kept.end());
  for (const StrategyPlace& place : places) {
    const ast::StrategyDecl& declaration = *place.declaration;
    checked::Strategy made;
    made.name = declaration.name.text;
    made.title = declaration.title;
    made.doc = place.placed->declaration->doc;
    made.span = declaration.name.span;
    made.entity = checked::find_entity(context.program, declaration.entity.text);
    if (made.entity == none) {
      Diagnostic& diagnostic = context.error("E0209", declaration.entity.span, "there is no entity " + in_ticks(declaration.entity.text));
      std::vector<std::string> candidates;
      for (const checked::Entity& candidate : context.program.entities) candidates.push_back(candidate.name);
      suggest(diagnostic, declaration.entity.text, candidates);
    }
    const auto index = static_cast<Index>(context.program.strategies.size());
    context.names.strategies.try_emplace(made.name, index);
    context.program.strategies.push_back(std::move(made));
    context.strategies.push_back({&declaration});
    declare_stages(context, index, declaration);
  }
  for (size_t i = 0; i < all.size(); ++i) {
    for (const ast::Path& path : context.strategies[i].declaration->before) {
      const auto found = context.names.strategies.find(path.text());
      if (found != context.names.strategies.end()) {
        context.program.strategies[i].before.push_back(found->second);
        continue;
      }
      Diagnostic& diagnostic = context.error("E0205", path.span, "there is no strategy " + in_ticks(path.text()));
      std::vector<std::string> candidates;
      for (const auto& candidate : context.names.strategies) candidates.push_back(candidate.first);
      suggest(diagnostic, path.text(), candidates);
    }
  }
}

static void declare_variables(Context& context) {
  for (size_t i = 0; i < context.strategies.size(); ++i) {
    checked::Strategy& strategy = context.program.strategies[i];
    for (const ast::FieldDecl& written : context.strategies[i].declaration->variables) {
      checked::Variable made;
      made.name = written.name.text;
      made.span = written.name.span;
      if (written.type) made.type = resolve_type(context, *written.type);
      if (!made.type.is_error() && !is_storable(made.type.kind)) {
        context.error("E0317", written.type->span, "a variable cannot hold a value of type " + in_ticks(context.type_text(made.type)));
        made.type = {};
      }
      for (const checked::Variable& other : strategy.variables) {
        if (other.name == made.name) report_duplicate(context, written.name, other.span, "a variable");
      }
      strategy.variables.push_back(std::move(made));
    }
  }
}

// ---- tables --------------------------------------------------------------------------------------------------

static bool is_dated(const ast::TableDecl& declaration) { return declaration.from_date || declaration.to_date; }

/// Several tables may have one name if they are in force at different times.
static void declare_table_name(Context& context, const Placed& placed, const ast::TableDecl& declaration) {
  const auto index = static_cast<Index>(context.program.tables.size());
  const auto other = context.names.values.find(declaration.name.text);
  const bool same = other != context.names.values.end() && other->second.kind == Symbol::Kind::table;
  const bool version = same && (is_dated(declaration) || is_dated(*context.tables[other->second.index].declaration));
  if (!version && !register_value(context, declaration.name, Symbol::Kind::table, index)) return;
  checked::Table made;
  made.name = declaration.name.text;
  made.doc = placed.declaration->doc;
  made.span = declaration.name.span;
  context.program.tables.push_back(std::move(made));
  TableSource source;
  source.declaration = &declaration;
  source.file = placed.file;
  context.tables.push_back(std::move(source));
  context.tables[version ? other->second.index : index].versions.push_back(index);
}

static void set_dates(Context& context, TableSource& source) {
  Surroundings around;
  around.constant = true;
  const auto date = [&](const ast::ExprPtr& written) -> std::optional<int64_t> {
    if (!written) return std::nullopt;
    ExpressionChecker checker(context, around);
    return constant_key(*folded(checker.check_as(*written, type_of(TypeKind::date))));
  };
  source.from = date(source.declaration->from_date);
  source.to = date(source.declaration->to_date);
  if (source.from && source.to && *source.from > *source.to)
    context.error("E0315", source.declaration->to_date->span, "the table ends before it begins to be in force");
}

/// Puts the versions into the order of their dates; they must look alike, and an end that is written must lie before the next one begins. One without an end
/// goes on until the next begins.
static void order_versions(Context& context, Index first) {
  auto& versions = context.tables[first].versions;
  const auto begins = [&](Index table) { return context.tables[table].from.value_or(INT64_MIN); };
  std::stable_sort(versions.begin(), versions.end(), [&](Index a, Index b) { return begins(a) < begins(b); });
  for (size_t i = 1; i < versions.size(); ++i) {
    const checked::Table &a = context.program.tables[versions[i - 1]], &b = context.program.tables[versions[i]];
    if (begins(versions[i - 1]) == begins(versions[i])) {
      context.error("E0202", b.span, "two tables " + in_ticks(b.name) + " are in force from the same day").notes.push_back({a.span, "the other one"});
    } else if (const auto ends = context.tables[versions[i - 1]].to; ends && *ends >= begins(versions[i])) {
      Diagnostic& twice = context.error("E0202", b.span, "two tables " + in_ticks(b.name) + " are in force on the same days");
      twice.notes.push_back({a.span, "the other one ends only after this one has begun"});
      twice.help = "let the older one end on the day before, or leave out its `to`: then it ends where the next one begins";
    }
    const auto alike = [](const std::vector<checked::TableColumn>& x, const std::vector<checked::TableColumn>& y) {
      return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& m, const auto& n) { return m.name == n.name && m.type == n.type; });
    };
    if (!alike(a.inputs, b.inputs) || !alike(a.outputs, b.outputs) || a.policy != b.policy) {
      context.error("E0318", b.span, "the tables " + in_ticks(b.name) + " differ in their columns or policy").notes.push_back({a.span, "the other one"});
    }
    // Records of equal columns are one type, and so are lists of them.
    const bool one_type = a.result.kind == b.result.kind && (a.result.kind == TypeKind::record || a.result.kind == TypeKind::list);
    if (one_type) context.program.tables[versions[i]].result = a.result;
  }
}

// ---- names -------------------------------------------------------------------------------------------------

void declare_values(Context& context) {
  context.each<ast::ParameterDecl>([&](const Placed& placed, const ast::ParameterDecl& declaration) {
    if (!register_value(context, declaration.name, Symbol::Kind::setting, static_cast<Index>(context.program.settings.size()))) return;
    checked::Setting made;
    made.name = declaration.name.text;
    made.doc = placed.declaration->doc;
    made.span = declaration.name.span;
    made.type = resolve_type(context, declaration.type);
    made.slot = context.program.setting_slots;
    if (!made.type.is_error() && !is_storable(made.type.kind)) {
      context.error("E0317", declaration.type.span, "a parameter cannot be of type " + in_ticks(context.type_text(made.type)));
      made.type = {};
    }
    context.program.setting_slots += checked::slot_count(context.program, made.type);
    context.program.settings.push_back(std::move(made));
  });
  context.each<ast::FunctionDecl>([&](const Placed& placed, const ast::FunctionDecl& declaration) {
    if (declaration.native) {
      if (!register_value(context, declaration.name, Symbol::Kind::native, static_cast<Index>(context.program.natives.size()))) return;
      context.program.natives.push_back({declaration.name.text, {}, {}, {}, placed.declaration->doc, declaration.name.span});
      return;
    }
    if (!register_value(context, declaration.name, Symbol::Kind::function, static_cast<Index>(context.program.functions.size()))) return;
    context.program.functions.push_back({declaration.name.text, {}, none, placed.declaration->doc, declaration.name.span});
    context.functions.push_back({&declaration, Progress::waiting});
  });
  context.each<ast::TableDecl>([&](const Placed& placed, const ast::TableDecl& declaration) { declare_table_name(context, placed, declaration); });
  context.each<ast::QueueDecl>([&](const Placed& placed, const ast::QueueDecl& declaration) {
    const auto [at, fresh] = context.names.queues.try_emplace(declaration.name.text, static_cast<Index>(context.program.queues.size()));
    if (!fresh) return report_duplicate(context, declaration.name, context.program.queues[at->second].span, "a queue");
    checked::Queue made;
    made.name = declaration.name.text;
    made.doc = placed.declaration->doc;
    made.span = declaration.name.span;
    context.program.queues.push_back(std::move(made));
    context.queues.push_back({&declaration});
  });
  declare_strategies(context);
}

// ---- heads -------------------------------------------------------------------------------------------------

static std::optional<checked::HitPolicy> policy_named(const std::string& name) {
  using checked::HitPolicy;
  static const std::unordered_map<std::string, HitPolicy> policies = {
      {"unique", HitPolicy::unique},     {"first", HitPolicy::first},     {"any", HitPolicy::any},
      {"priority", HitPolicy::priority}, {"collect", HitPolicy::collect}, {"sum", HitPolicy::sum},
      {"min", HitPolicy::minimum},       {"max", HitPolicy::maximum},     {"count", HitPolicy::count}};
  const auto found = policies.find(name);
  if (found == policies.end()) return std::nullopt;
  return found->second;
}

/// `dpd : int in 0..720`: values outside match no row.
static void set_column_range(Context& context, checked::TableColumn& column, const ast::Expr& range) {
  if (column.type.is_error()) return;
  Surroundings around;
  around.constant = true;
  around.label = "range of " + column.name;
  ExpressionChecker checker(context, around);
  CellReader reader(context, checker, column.type.known());
  const auto cell = reader.read(range);
  if (reader.failed()) return;
  if (!cell || cell->intervals.size() != 1) {
    context.error("E0308", range.span, "a range is needed behind `in`").help = "write `in 0..720`";
    return;
  }
  column.minimum = cell->intervals.front().low;
  column.maximum = cell->intervals.front().high;
}

/// Hours of the day are yielded (`window by best_hours(…)`) but not looked up: no cell compares them.
static void declare_columns(Context& context, const std::vector<ast::TableDecl::Column>& written, bool looked_up, std::vector<checked::TableColumn>& out) {
  for (const auto& column : written) {
    checked::TableColumn made;
    made.name = column.name.text;
    made.type = resolve_type(context, column.type);
    made.span = column.name.span;
    if (column.type.in_range) set_column_range(context, made, *column.type.in_range);
    for (const checked::TableColumn& other : out) {
      if (other.name == made.name) report_duplicate(context, column.name, other.span, "a column");
    }
    const TypeKind kind = made.type.kind;
    if (kind == TypeKind::record || kind == TypeKind::instance || (looked_up && kind == TypeKind::time_range)) {
      context.error("E0317", column.type.span, "a column cannot be of type " + in_ticks(context.type_text(made.type)));
      made.type = {};
    }
    out.push_back(std::move(made));
  }
}

/// Checks that the policy can work on the outputs, and says what a call gives.
static void set_result(Context& context, checked::Table& table, Span span) {
  using checked::HitPolicy;
  if (table.policy == HitPolicy::count) {
    table.result = type_of(TypeKind::integer);
    return;
  }
  if (table.outputs.empty()) {
    context.error("E0324", span, "the table " + in_ticks(table.name) + " has no outputs");
    return;
  }
  const Type first = table.outputs.front().type;
  Type result = first;
  if (table.outputs.size() > 1) {
    checked::Record record;
    record.name = table.name;
    for (const checked::TableColumn& column : table.outputs) record.fields.push_back({column.name, column.type});
    context.program.records.push_back(std::move(record));
    result = type_of(TypeKind::record, static_cast<Index>(context.program.records.size() - 1));
  }
  const bool folds = table.policy == HitPolicy::sum || table.policy == HitPolicy::minimum || table.policy == HitPolicy::maximum;
  if (folds && table.outputs.size() > 1) context.error("E0324", span, "a table that folds its rows into one figure has one output");
  if (table.policy == HitPolicy::sum && !first.is_error() && (!is_numeric(first.kind) || first.optional)) {
    context.error("E0324", span, "values of type " + in_ticks(context.type_text(first)) + " cannot be summed");
  }
  const bool ordered = (is_ordered(first.kind) && first.kind != TypeKind::duration && !first.optional) || first.is_error();
  if ((table.policy == HitPolicy::minimum || table.policy == HitPolicy::maximum) && !ordered) {
    context.error("E0324", span, "values of type " + in_ticks(context.type_text(first)) + " have no smallest and no greatest");
  }
  if (table.policy == HitPolicy::priority && !ordered && (first.kind != TypeKind::enumeration || first.optional)) {
    context.error("E0324", span, "the policy `priority` needs a first output whose values have an order").help =
        "an enumeration's first value goes before the others";
  }
  if (table.policy == HitPolicy::minimum || table.policy == HitPolicy::maximum) result = result.maybe();
  if (table.policy == HitPolicy::collect) result = type_of(TypeKind::list, context.list_of(result));
  table.result = first.is_error() ? Type{} : result;
}

static void declare_table(Context& context, size_t index) {
  const ast::TableDecl& declaration = *context.tables[index].declaration;
  checked::Table& table = context.program.tables[index];
  declare_columns(context, declaration.inputs, true, table.inputs);
  declare_columns(context, declaration.outputs, false, table.outputs);
  if (declaration.hit_policy) {
    if (const auto policy = policy_named(declaration.hit_policy->text)) {
      table.policy = *policy;
    } else {
      Diagnostic& diagnostic = context.error("E0219", declaration.hit_policy->span, "there is no hit policy " + in_ticks(declaration.hit_policy->text));
      suggest(diagnostic, declaration.hit_policy->text, {"unique", "first", "any", "priority", "collect", "sum", "min", "max", "count"});
      if (diagnostic.help.empty()) diagnostic.help = "there are unique, first, any, priority, collect, sum, min, max and count";
    }
  }
  set_result(context, table, declaration.name.span);
  set_dates(context, context.tables[index]);
}

static void declare_function(Context& context, const ast::FunctionDecl& declaration) {
  const auto symbol = context.names.values.find(declaration.name.text);
  if (symbol == context.names.values.end() || symbol->second.span != declaration.name.span) return;
  std::vector<std::string> names;
  std::vector<Type> types;
  for (const auto& parameter : declaration.parameters) {
    for (const std::string& other : names) {
      if (other == parameter.name.text) report_duplicate(context, parameter.name, {}, "a parameter");
    }
    names.push_back(parameter.name.text);
    types.push_back(resolve_type(context, parameter.type));
  }
  const Type result = resolve_type(context, declaration.result);
  if (symbol->second.kind == Symbol::Kind::native) {
    checked::Native& native = context.program.natives[symbol->second.index];
    native.parameter_names = std::move(names);
    native.parameters = std::move(types);
    native.result = result;
    return;
  }
  checked::Function& function = context.program.functions[symbol->second.index];
  function.parameter_names = std::move(names);
  checked::Root root;
  root.type = result;
  root.parameters = std::move(types);
  root.label = function.name;
  root.span = declaration.name.span;
  function.root = static_cast<RootId>(context.program.roots.size());
  context.program.roots.push_back(std::move(root));
  if (!declaration.body)
    context.error("E0304", declaration.name.span, "the function " + in_ticks(function.name) + " has no body").help = "write `= …` behind it";
}

/// The leaves below `root` as an enumeration; short names where they are plain.
static Index outcome_enum(Context& context, Index root) {
  checked::Enum made;
  const checked::EventType& head = context.program.events[root];
  made.name = head.name + ".outcome";
  std::unordered_map<std::string, int> uses;
  const auto short_name = [&](Index event) {
    const std::string& full = context.program.events[event].name;
    return full.substr(full.rfind('.') + 1);
  };
  for (Index event = root; event <= head.last_descendant; ++event) {
    if (context.program.events[event].leaf) ++uses[short_name(event)];
  }
  for (Index event = root; event <= head.last_descendant; ++event) {
    checked::EventType& type = context.program.events[event];
    if (!type.leaf) continue;
    type.leaf_ordinal = static_cast<Index>(made.literals.size());
    made.literals.push_back(uses[short_name(event)] == 1 ? short_name(event) : type.name.substr(head.name.size() + 1));
  }
  const auto index = static_cast<Index>(context.program.enums.size());
  context.names.types.try_emplace(made.name, Symbol{Symbol::Kind::enumeration, index, head.span});
  context.names.field_enums["outcome"].push_back(index);
  context.program.enums.push_back(std::move(made));
  return index;
}

void declare_outcome_enums(Context& context) {
  for (size_t i = 0; i < context.queues.size(); ++i) {
    const ast::QueueDecl& declaration = *context.queues[i].declaration;
    if (!declaration.outcomes) continue;
    checked::Queue& queue = context.program.queues[i];
    const auto root = context.outcome_roots.find(declaration.outcomes->text());
    if (root == context.outcome_roots.end()) {
      Diagnostic& diagnostic = context.error("E0204", declaration.outcomes->span, "there are no outcomes " + in_ticks(declaration.outcomes->text()));
      std::vector<std::string> candidates;
      for (const auto& candidate : context.outcome_roots) candidates.push_back(candidate.first);
      suggest(diagnostic, declaration.outcomes->text(), candidates);
      continue;
    }
    checked::EventType& head = context.program.events[root->second];
    if (head.queue != none) {
      Diagnostic& diagnostic =
          context.error("E0706", declaration.outcomes->span,
                        "the outcomes " + in_ticks(head.name) + " belong to the queue " + in_ticks(context.program.queues[head.queue].name) + " already");
      const std::string own = context.outcome_roots.contains(queue.name) ? queue.name + "_outcome" : queue.name;
      diagnostic.help = "give " + in_ticks(queue.name) + " a tree of its own: write `outcomes " + own +
                        " { … }` with the branches that its tasks can end in, and `outcomes " + own + "` in the queue";
      continue;
    }
    queue.outcomes = root->second;
    queue.outcome_enum = outcome_enum(context, root->second);
    for (Index event = root->second; event <= context.program.events[root->second].last_descendant; ++event)
      context.program.events[event].queue = static_cast<Index>(i);
  }
}

void declare_signatures(Context& context) {
  for (size_t i = 0; i < context.tables.size(); ++i) declare_table(context, i);
  for (size_t i = 0; i < context.tables.size(); ++i) order_versions(context, static_cast<Index>(i));
  context.each<ast::FunctionDecl>([&](const Placed&, const ast::FunctionDecl& declaration) { declare_function(context, declaration); });
  declare_variables(context);
  for (checked::Strategy& strategy : context.program.strategies) {
    for (checked::Variable& variable : strategy.variables) {
      variable.slot = strategy.variable_slots;
      strategy.variable_slots += checked::slot_count(context.program, variable.type);
    }
  }
}

}  // namespace dunlin::sema
