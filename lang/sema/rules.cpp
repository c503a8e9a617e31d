#include "lang/sema/rules.h"

#include <algorithm>

#include "lang/sema/definitions.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Rule;

Surroundings RuleChecker::around(const std::string& what) const {
  Surroundings made;
  made.label = place_.label + ": " + what;
  made.self_entity = place_.entity;
  made.strategy = place_.strategy;
  made.wants_wake = true;
  return made;
}

// ---- events ----------------------------------------------------------------------------------------------

Index RuleChecker::resolve_event(const ast::Path& path) {
  const auto found = context_.names.events.find(path.text());
  if (found != context_.names.events.end()) return found->second;
  Diagnostic& diagnostic = context_.error("E0204", path.span, "there is no event " + in_ticks(path.text()));
  if (!near_matches_left()) return none;
  std::vector<std::string> candidates;
  for (const auto& event : context_.names.events) candidates.push_back(event.first);
  suggest(diagnostic, path.text(), candidates);
  return none;
}

void RuleChecker::require_reachable(Index event, Span span) {
  const Index owner = context_.program.events[event].owner;
  if (owner == none || place_.entity == none) return;
  if (context_.is_ancestor_or_self(owner, place_.entity) || context_.is_ancestor_or_self(place_.entity, owner)) return;
  Diagnostic& diagnostic = context_.error(
      "E0705", span, in_ticks(context_.program.events[event].name) + " never reaches " + in_ticks(context_.program.entities[place_.entity].name));
  diagnostic.help = "it belongs to " + in_ticks(context_.program.entities[owner].name) + ", and neither hangs on the other";
}

/// What all the events have in common, so that its fields are there whichever happens.
Index RuleChecker::common_event(const std::vector<Index>& events) const {
  if (events.empty()) return none;
  Index common = events.front();
  for (Index event : events) {
    while (common != none && !(event >= common && event <= context_.program.events[common].last_descendant)) common = context_.program.events[common].parent;
  }
  return common;
}

void RuleChecker::event_rule(const ast::Rule& written, Rule& made) {
  for (const ast::Path& path : written.events) {
    const Index event = resolve_event(path);
    if (event == none) continue;
    require_reachable(event, path.span);
    if (std::find(made.events.begin(), made.events.end(), event) != made.events.end()) {
      context_.error("E0202", path.span, in_ticks(path.text()) + " stands here twice");
      continue;
    }
    made.events.push_back(event);
  }
}

// ---- timers ------------------------------------------------------------------------------------------------

void RuleChecker::timer(const ast::Rule& written, Rule& made) {
  const bool strategy_named = written.in_strategy.has_value();
  if (strategy_named && (place_.strategy == none || context_.program.strategies[place_.strategy].name != written.in_strategy->text)) {
    Diagnostic& diagnostic = context_.error("E0205", written.in_strategy->span, "only the strategy that the rule stands in can be meant here");
    if (place_.strategy != none) diagnostic.help = "write `in " + context_.program.strategies[place_.strategy].name + "`";
  }
  made.anchor = strategy_named && made.kind == Rule::Kind::after ? Rule::Anchor::strategy : Rule::Anchor::stage;
  if (place_.strategy != none && place_.stage == none) made.anchor = Rule::Anchor::strategy;  // a rule of the strategy counts from enrolment
  if (strategy_named && made.kind == Rule::Kind::every) {
    made.at_most_in_strategy = written.at_most != nullptr;
    if (!written.at_most) made.anchor = Rule::Anchor::strategy;
  }
  if (!written.moment) return;
  const Surroundings surroundings = around("moment");
  ExpressionChecker checker(context_, surroundings);
  ExprPtr moment = checker.check_moment(*written.moment);
  const bool duration = moment->type.kind == TypeKind::duration;
  const auto unit = duration_unit(*moment);
  if (moment->type.is_error()) return;
  if (made.kind == Rule::Kind::every && !duration) {
    context_.error("E0301", written.moment->span, "`every` needs a duration").help = "write `every 7 days`";
    return;
  }
  if (made.kind == Rule::Kind::at && duration) {
    context_.error("E0301", written.moment->span, "`at` needs a date or an instant").help = "write `after` for a duration";
    return;
  }
  if (made.kind == Rule::Kind::every && unit && moment->op == Op::literal && (moment->value >> 3) <= 0) {
    context_.error("E0315", written.moment->span, "`every` needs a duration longer than nothing");
    return;
  }
  if (!duration) made.anchor = Rule::Anchor::instant;
  if (!duration && strategy_named && made.kind == Rule::Kind::after) {
    context_.error("E0301", written.in_strategy->span, "an instant does not count from anything").help = "leave `in …` away";
  }
  const RootId root = add_root(context_, surroundings, std::move(moment), checker.locals(), written.moment->span);
  (duration ? made.delay : made.instant) = root;
}

namespace {

/// Looks for the first place at which an expression reads stored fields, also by way of derived fields.
class LoadedData {
 public:
  explicit LoadedData(const Context& context) : context_(context) {}

  const checked::Expr* find(const checked::Expr& expr) {
    if (expr.op == Op::field && expr.args[0]->type.kind == TypeKind::instance && expr.type.kind != TypeKind::list && !is_key(expr)) return &expr;
    if (expr.op == Op::derived && reads(expr.args[0]->type.id, expr.index)) return &expr;
    for (const ExprPtr& argument : expr.args) {
      if (const checked::Expr* found = find(*argument)) return found;
    }
    if (!expr.aggregate) return nullptr;
    for (const ExprPtr* part : {&expr.aggregate->value, &expr.aggregate->where, &expr.aggregate->window_value}) {
      if (*part == nullptr) continue;
      if (const checked::Expr* found = find(**part)) return found;
    }
    return nullptr;
  }

 private:
  bool is_key(const checked::Expr& field) const { return context_.program.entities[field.args[0]->type.id].fields[field.index].key; }

  bool reads(Index entity, Index derived) {
    const RootId root = context_.program.entities[entity].derived[derived].root;
    if (root == none || !seen_.insert(root).second) return false;
    return context_.program.roots[root].body && find(*context_.program.roots[root].body) != nullptr;
  }

  const Context& context_;
  std::unordered_set<RootId> seen_;
};

}  // namespace

/// Data and events come by different roads: a handler that looks at loaded data does one thing or the other by which came first.
static void warn_of_loaded_data(Context& context, const checked::Expr& guard) {
  const checked::Expr* read = LoadedData(context).find(guard);
  if (read == nullptr) return;
  Diagnostic& diagnostic = context.warning("E0718", read->span, "this is loaded data: whether it or the event comes first would decide");
  diagnostic.help = "ask for what the event itself tells, or use `when`, which does not care for the order";
}

void RuleChecker::guard(const ast::Rule& written, Rule& made, Surroundings& actions) {
  const ast::ExprPtr& condition = made.kind == Rule::Kind::when ? written.moment : written.guard;
  if (!condition) return;
  Surroundings surroundings = around(made.kind == Rule::Kind::when ? "when" : "guard");
  surroundings.wants_wake = made.kind != Rule::Kind::on_event;
  surroundings.event_type = actions.event_type;
  ExpressionChecker checker(context_, surroundings);
  ExprPtr body = checker.check_condition(*condition);
  if (made.kind == Rule::Kind::on_event) warn_of_loaded_data(context_, *body);
  // Later actions may change variables and history, but not stored data nor the event: only what rests on those stays known.
  std::vector<const checked::Expr*> open = {body.get()};
  while (!open.empty()) {
    const checked::Expr* at = open.back();
    open.pop_back();
    if (at->op == Op::logical_and) {
      open.push_back(at->args[0].get());
      open.push_back(at->args[1].get());
    } else if (at->op == Op::known && is_frozen(*at->args[0])) {
      checker.learn(*at, true, actions.known);
    }
  }
  made.guard = add_root(context_, surroundings, std::move(body), checker.locals(), condition->span);
}

// ---- one rule ------------------------------------------------------------------------------------------------

static Rule::Kind kind_of(ast::Rule::Kind kind) {
  switch (kind) {
    case ast::Rule::Kind::on_event:
      return Rule::Kind::on_event;
    case ast::Rule::Kind::on_entry:
      return Rule::Kind::on_entry;
    case ast::Rule::Kind::when:
      return Rule::Kind::when;
    case ast::Rule::Kind::after:
      return Rule::Kind::after;
    case ast::Rule::Kind::at:
      return Rule::Kind::at;
    case ast::Rule::Kind::every:
      return Rule::Kind::every;
    case ast::Rule::Kind::keep:
      return Rule::Kind::keep;
  }
  return Rule::Kind::keep;
}

Rule RuleChecker::check(const ast::Rule& written) {
  Rule made;
  made.kind = kind_of(written.kind);
  made.span = written.span;
  made.doc = written.doc;
  if (written.label) {
    made.name = *written.label;
    made.named = true;
  }
  made.if_late = written.if_late == ast::Rule::IfLate::skip      ? Rule::IfLate::skip
                 : written.if_late == ast::Rule::IfLate::at_once ? Rule::IfLate::at_once
                                                                 : Rule::IfLate::standard;
  if (made.kind == Rule::Kind::keep) {
    keep(written, made);
    return made;
  }
  Surroundings surroundings = around("action");
  surroundings.wants_wake = false;
  surroundings.free_now = true;
  if (made.kind == Rule::Kind::on_event) {
    event_rule(written, made);
    surroundings.event_type = common_event(made.events);
  } else if (made.kind == Rule::Kind::after || made.kind == Rule::Kind::at || made.kind == Rule::Kind::every) {
    timer(written, made);
  }
  guard(written, made, surroundings);
  if (written.at_most) made.at_most = make_root(context_, around("at most"), *written.at_most, type_of(TypeKind::integer));
  actions(written, made, surroundings);
  return made;
}

// ---- strategies ----------------------------------------------------------------------------------------------

static RootId condition_root(Context& context, const RulePlace& place, const ast::ExprPtr& written, const char* what, bool variables) {
  if (!written) return none;
  Surroundings around;
  around.label = place.label + ": " + what;
  around.self_entity = place.entity;
  around.strategy = variables ? place.strategy : none;
  around.wants_wake = true;
  return make_root(context, around, *written, type_of(TypeKind::boolean));
}

static void check_variables(Context& context, Index index, const ast::StrategyDecl& declaration) {
  for (size_t i = 0; i < declaration.variables.size(); ++i) {
    const ast::FieldDecl& written = declaration.variables[i];
    Surroundings around;
    around.self_entity = context.program.strategies[index].entity;
    around.label = declaration.name.text + "." + written.name.text;
    around.free_now = true;
    const Type stated = context.program.strategies[index].variables[i].type;
    if (!written.initial) {
      if (stated.optional) {  // nothing said: nothing known
        const RootId root = add_root(context, around, make_node(Op::missing, stated, written.span), 0, written.span);
        context.program.strategies[index].variables[i].initial = root;
      } else if (!stated.is_error()) {
        context.error("E0321", written.name.span, "the variable " + in_ticks(written.name.text) + " has no first value").help =
            "write `= …` behind it, or make its type optional with `?`";
      }
      continue;
    }
    const RootId root = make_root(context, around, *written.initial, stated);
    checked::Variable& variable = context.program.strategies[index].variables[i];
    variable.initial = root;
    if (stated.is_error() && !written.type) {
      variable.type = context.program.roots[root].type;
      if (!variable.type.is_error() && !is_storable(variable.type.kind)) {
        context.error("E0317", written.initial->span, "a variable cannot hold a value of type " + in_ticks(context.type_text(variable.type)));
        variable.type = {};
      }
    }
  }
  checked::Strategy& strategy = context.program.strategies[index];
  strategy.variable_slots = 0;
  for (checked::Variable& variable : strategy.variables) {
    variable.slot = strategy.variable_slots;
    strategy.variable_slots += checked::slot_count(context.program, variable.type);
  }
}

static void check_stage(Context& context, Index strategy, Index index, const ast::StageDecl& written) {
  RulePlace place;
  place.entity = context.program.strategies[strategy].entity;
  place.strategy = strategy;
  place.stage = index;
  place.label = checked::stage_name(context.program, index);
  if (written.enrol_again && !written.is_final) {
    context.error("E0710", written.enrol_again->span, "only a final stage says when enrolment is possible again").help =
        "write `final stage " + written.name.text + "`";
  }
  if (!is_kept(context, written.span.file)) {
    const RootId again = condition_root(context, place, written.enrol_again, "enrol again when", true);
    context.program.stages[index].enrol_again = again;
  }
  RuleChecker checker(context, place);
  for (const ast::Rule& rule : written.rules) {
    checked::Rule made = checker.check(rule);
    context.program.stages[index].rules.push_back(std::move(made));
  }
  for (const auto& deadline : written.deadlines) {
    std::vector<checked::Rule> rules;
    checker.deadline(*deadline, rules);
    for (checked::Rule& made : rules) context.program.stages[index].rules.push_back(std::move(made));
  }
}

static void check_strategy(Context& context, Index index) {
  const ast::StrategyDecl& declaration = *context.strategies[index].declaration;
  RulePlace place;
  place.entity = context.program.strategies[index].entity;
  place.strategy = index;
  place.label = declaration.name.text;
  if (place.entity == none) return;
  if (!is_kept(context, declaration.name.span.file)) {  // nobody enrols in what an older version says
    const RootId enrol = condition_root(context, place, declaration.enrol, "enrol when", false);
    const RootId again = condition_root(context, place, declaration.enrol_again, "enrol again when", true);
    context.program.strategies[index].enrol = enrol;
    context.program.strategies[index].enrol_again = again;
  }
  RuleChecker checker(context, place);
  for (const ast::Rule& rule : declaration.rules) {
    if (rule.kind == ast::Rule::Kind::on_entry) {
      context.error("E0716", rule.span, "a strategy is not entered, its stages are").help = "write `on entry` in the first stage";
      continue;
    }
    checked::Rule made = checker.check(rule);
    context.program.strategies[index].rules.push_back(std::move(made));
  }
  for (const auto& deadline : declaration.deadlines) {
    std::vector<checked::Rule> rules;
    checker.deadline(*deadline, rules);
    for (checked::Rule& made : rules) context.program.strategies[index].rules.push_back(std::move(made));
  }
  for (const ast::StageDecl& written : declaration.stages) {
    for (Index stage : context.program.strategies[index].stages) {
      if (context.program.stages[stage].span == written.name.span) check_stage(context, index, stage, written);
    }
  }
}

static void check_always(Context& context) {
  context.each<ast::AlwaysDecl>([&](const Placed& placed, const ast::AlwaysDecl& declaration) {
    RulePlace place;
    place.label = "always";
    const auto& strategies = context.program.strategies;
    if (declaration.entity) {
      place.entity = checked::find_entity(context.program, declaration.entity->text);
      if (place.entity == none) {
        Diagnostic& diagnostic = context.error("E0209", declaration.entity->span, "there is no entity " + in_ticks(declaration.entity->text));
        std::vector<std::string> candidates;
        for (const checked::Entity& entity : context.program.entities) candidates.push_back(entity.name);
        suggest(diagnostic, declaration.entity->text, candidates);
        return;
      }
    } else {
      for (const checked::Strategy& strategy : strategies) {
        if (place.entity != none && place.entity != strategy.entity) {
          Diagnostic& diagnostic =
              context.error("E0711", placed.declaration->span, "the strategies are for different entities: it is not clear whom `always` is about");
          diagnostic.help = "write `always for account { … }`";
          return;
        }
        place.entity = strategy.entity;
      }
      if (place.entity == none) return;  // no strategy: nothing to hold always
    }
    checked::Always made;
    made.entity = place.entity;
    RuleChecker checker(context, place);
    for (const ast::Rule& rule : declaration.rules) made.rules.push_back(checker.check(rule));
    context.program.always.push_back(std::move(made));
  });
}

/// A deadline outside of all strategies holds wherever an instance of its entity stands.
static void check_deadlines(Context& context) {
  context.each<ast::Part<ast::DeadlineDecl>>([&](const Placed&, const ast::Part<ast::DeadlineDecl>& written) {
    const auto declared = context.deadlines.find(written.get());
    if (declared == context.deadlines.end()) return;
    RulePlace place;
    place.entity = context.program.deadlines[declared->second].entity;
    place.label = "deadline " + written->name.text;
    checked::Always made;
    made.entity = place.entity;
    RuleChecker(context, place).deadline(*written, made.rules);
    context.program.always.push_back(std::move(made));
  });
}

void check_strategies(Context& context) {
  for (size_t i = 0; i < context.strategies.size(); ++i) check_variables(context, static_cast<Index>(i), *context.strategies[i].declaration);
  for (size_t i = 0; i < context.strategies.size(); ++i) check_strategy(context, static_cast<Index>(i));
  check_always(context);
  check_deadlines(context);
}

}  // namespace dunlin::sema
