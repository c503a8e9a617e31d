// What a rule does: go, tasks, variables, events, rows.
#include <algorithm>
#include <map>

#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Action;
using checked::Rule;

/// The lists of fields of entities and events are told apart by where they lie.
static void note_field(Context& context, const std::vector<checked::Field>& fields, Index field, Span span) {
  for (size_t i = 0; i < context.program.entities.size(); ++i) {
    if (&context.program.entities[i].fields == &fields) return context.note_use(span, SymbolKind::field, field, static_cast<Index>(i), fields[field].type);
  }
  for (size_t i = 0; i < context.program.events.size(); ++i) {
    if (&context.program.events[i].fields == &fields) return context.note_use(span, SymbolKind::event_field, field, static_cast<Index>(i), fields[field].type);
  }
}

std::vector<checked::FieldValue> check_payload(Context& context, const ast::Expr* payload, const std::vector<checked::Field>& fields,
                                               const Surroundings& around, bool complete, const std::string& what, Span span,
                                               const std::function<bool(const ast::Name&, const ast::Expr&)>& take) {
  std::vector<checked::FieldValue> out;
  std::vector<bool> given(fields.size());
  const auto* record = payload != nullptr ? std::get_if<ast::RecordLit>(&payload->node) : nullptr;
  if (record != nullptr) {
    for (const auto& written : record->fields) {
      const Index field = checked::find_field(fields, written.name.text);
      if (field == none) {
        if (take && take(written.name, *written.value)) continue;
        Diagnostic& diagnostic = context.error("E0208", written.name.span, what + " has no field " + in_ticks(written.name.text));
        std::vector<std::string> candidates;
        for (const checked::Field& candidate : fields) candidates.push_back(candidate.name);
        suggest(diagnostic, written.name.text, candidates);
        continue;
      }
      if (given[field]) {
        context.error("E0202", written.name.span, "the field " + in_ticks(written.name.text) + " stands here twice");
        continue;
      }
      given[field] = true;
      if (context.symbols != nullptr) note_field(context, fields, field, written.name.span);
      if (fields[field].type.is_error()) continue;
      out.push_back({field, make_root(context, around, *written.value, fields[field].type)});
    }
  }
  if (!complete) return out;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (given[i] || fields[i].type.optional || fields[i].type.is_error() || fields[i].key) continue;
    Diagnostic& diagnostic = context.error("E0314", span, what + " needs a value for " + in_ticks(fields[i].name));
    diagnostic.help = "write `{ " + fields[i].name + ": … }` behind it";
  }
  return out;
}

Index RuleChecker::resolve_queue(const ast::Path& path) {
  const auto found = context_.names.queues.find(path.text());
  if (found != context_.names.queues.end()) return found->second;
  // The words of actions, each with how it is written: whoever misspells one or says it too freely is not thinking of queues.
  static const std::map<std::string, std::string> actions = {
      {"note", "note \"…\""},        {"notify", "notify supervisor \"…\""}, {"set", "set x = …"}, {"raise", "raise EVENT { … }"},
      {"open", "open ENTITY { … }"}, {"cancel", "cancel QUEUE \"…\""},      {"go", "go STAGE"},   {"restart", "restart stage"}};
  if (const auto known = actions.find(path.text()); known != actions.end()) {
    context_.error("E0206", path.span, in_ticks(known->first) + " is an action, not a queue, and cannot be written like this").help =
        "write " + in_ticks(known->second);
    return none;
  }
  Diagnostic& diagnostic = context_.error("E0206", path.span, "there is no queue " + in_ticks(path.text()));
  if (!near_matches_left()) return none;
  std::vector<std::string> candidates;
  for (const auto& queue : context_.names.queues) candidates.push_back(queue.first);
  for (const auto& word : actions) candidates.push_back(word.first);
  suggest(diagnostic, path.text(), candidates);
  return none;
}

RootId RuleChecker::text(const ast::ExprPtr& written, const Surroundings& around, Span span) {
  if (written) return make_root(context_, around, *written, type_of(TypeKind::text));
  return add_root(context_, around, make_text("", span), 0, span);
}

// ---- go ------------------------------------------------------------------------------------------------------

bool RuleChecker::go(const ast::Action& written, const Surroundings& around, Action& made) {
  if (written.go.kind == ast::GoTarget::Kind::back) {
    made.kind = Action::Kind::go_back;
    return true;
  }
  if (written.go.kind == ast::GoTarget::Kind::by) {
    made.kind = Action::Kind::go_by;
    if (!written.go.by) return false;
    made.value = make_root(context_, around, *written.go.by, type_of(TypeKind::stage).maybe());
    return true;
  }
  const std::string name = written.go.stage.text();
  const Index stage = find_stage(context_, name, place_.strategy);
  if (stage >= 0) {
    made.kind = Action::Kind::go;
    made.stage = stage;
    const Index owner = context_.program.stages[stage].strategy;
    if (place_.strategy != none && owner != place_.strategy && name.find('.') == std::string::npos) {
      // A stage that was renamed or moved must not hand its cases to whoever has one of that name.
      const std::string& other = context_.program.strategies[owner].name;
      context_.error("E0205", written.go.stage.span, "this strategy has no stage " + in_ticks(name)).help =
          in_ticks(other) + " has one; if it is meant, write " + in_ticks("go " + other + "." + name);
    }
    const Index entity = context_.program.strategies[context_.program.stages[stage].strategy].entity;
    if (place_.entity != none && entity != place_.entity && entity != none) {
      context_.error("E0301", written.go.stage.span,
                     "the stage " + in_ticks(name) + " is for " + in_ticks(context_.program.entities[entity].name) + ", this rule for " +
                         in_ticks(context_.program.entities[place_.entity].name));
    }
    return true;
  }
  if (const auto strategy = context_.names.strategies.find(name); strategy != context_.names.strategies.end()) {
    made.kind = Action::Kind::enter_strategy;
    made.strategy = strategy->second;
    const Index entity = context_.program.strategies[strategy->second].entity;
    if (place_.entity != none && entity != place_.entity && entity != none) {
      context_.error("E0301", written.go.stage.span, "the strategy " + in_ticks(name) + " is for " + in_ticks(context_.program.entities[entity].name));
    }
    return true;
  }
  if (stage == -2) {
    context_.error("E0210", written.go.stage.span, "several strategies have a stage " + in_ticks(name)).help =
        "write the strategy in front: `strategy." + name + "`";
    return false;
  }
  Diagnostic& diagnostic = context_.error("E0205", written.go.stage.span, "there is no stage or strategy " + in_ticks(name));
  if (!near_matches_left()) return false;
  std::vector<std::string> candidates;
  for (const auto& candidate : context_.names.stages) candidates.push_back(candidate.first);
  for (const auto& candidate : context_.names.strategies) candidates.push_back(candidate.first);
  suggest(diagnostic, name, candidates);
  return false;
}

// ---- the others ------------------------------------------------------------------------------------------------

bool RuleChecker::task(const ast::Action& written, const Surroundings& around, Action& made) {
  made.kind = Action::Kind::task;
  made.queue = resolve_queue(written.target);
  if (made.queue == none) return false;
  made.value = text(written.value, around, written.span);
  made.stays = written.stays;
  if (written.recipient) {
    made.recipient = make_root(context_, around, *written.recipient, {});
    const Type type = context_.program.roots[made.recipient].type;
    if (!type.is_error() && type.kind != TypeKind::instance) {
      context_.error("E0301", written.recipient->span, "a task goes to something of the case file, found " + in_ticks(context_.type_text(type)));
    }
  }
  const checked::Queue& queue = context_.program.queues[made.queue];
  made.fields = check_payload(context_, written.payload.get(), queue.fields, around, true, "a task of the queue " + in_ticks(queue.name), written.span);
  return true;
}

bool RuleChecker::set(const ast::Action& written, const Surroundings& around, Action& made) {
  made.kind = Action::Kind::set;
  const std::string name = written.target.text();
  if (place_.strategy != none) {
    const auto& variables = context_.program.strategies[place_.strategy].variables;
    for (size_t i = 0; i < variables.size(); ++i) {
      if (variables[i].name == name) made.variable = static_cast<Index>(i);
    }
  }
  if (made.variable == none) {
    Diagnostic& diagnostic = context_.error("E0217", written.target.span, "there is no variable " + in_ticks(name) + " here");
    std::vector<std::string> candidates;
    if (place_.strategy != none) {
      for (const checked::Variable& variable : context_.program.strategies[place_.strategy].variables) candidates.push_back(variable.name);
    }
    suggest(diagnostic, name, candidates);
    if (diagnostic.help.empty())
      diagnostic.help = "`set` changes the strategy's own variables: declare it with `var " + name + " = …`; data is changed by whoever delivers it";
    return false;
  }
  if (!written.value) return false;
  const Type type = context_.program.strategies[place_.strategy].variables[made.variable].type;
  if (type.is_error()) return false;
  made.value = make_root(context_, around, *written.value, type);
  return true;
}

bool RuleChecker::raise(const ast::Action& written, const Surroundings& around, Action& made) {
  made.kind = Action::Kind::raise;
  made.event_type = resolve_event(written.target);
  if (made.event_type == none) return false;
  const checked::EventType& type = context_.program.events[made.event_type];
  if (type.owner != none && place_.entity != none && !context_.is_ancestor_or_self(type.owner, place_.entity)) {
    context_.error("E0705", written.target.span,
                   in_ticks(type.name) + " belongs to " + in_ticks(context_.program.entities[type.owner].name) + ": it is not clear which one is meant");
    return false;
  }
  if (!type.leaf) {
    context_.error("E0204", written.target.span, in_ticks(type.name) + " stands for several events: say which one is raised");
    return false;
  }
  for (const checked::Request& request : context_.program.requests) {
    if (made.event_type < request.event || made.event_type > context_.program.events[request.event].last_descendant) continue;
    context_.error("E0716", written.target.span, in_ticks(type.name) + " follows from a decision; no rule raises it").help =
        "a rule asks: `ask`, `request` or `place with`, and the answer comes by itself";
    return false;
  }
  made.fields = check_payload(context_, written.payload.get(), type.fields, around, true, "the event " + in_ticks(type.name), written.span);
  return true;
}

bool RuleChecker::open(const ast::Action& written, const Surroundings& around, Action& made) {
  made.kind = Action::Kind::open;
  made.entity = checked::find_entity(context_.program, written.target.text());
  if (made.entity == none) {
    Diagnostic& diagnostic = context_.error("E0209", written.target.span, "there is no entity " + in_ticks(written.target.text()));
    std::vector<std::string> candidates;
    for (const checked::Entity& entity : context_.program.entities) candidates.push_back(entity.name);
    suggest(diagnostic, written.target.text(), candidates);
    return false;
  }
  const checked::Entity& entity = context_.program.entities[made.entity];
  if (entity.parent == none || (place_.entity != none && !context_.is_ancestor_or_self(entity.parent, place_.entity))) {
    context_.error("E0313", written.target.span,
                   in_ticks(entity.name) + " does not hang on " + in_ticks(place_.entity == none ? "it" : context_.program.entities[place_.entity].name));
    return false;
  }
  made.fields = check_payload(context_, written.payload.get(), entity.fields, around, true, in_ticks(entity.name), written.span);
  return true;
}

bool RuleChecker::action(const ast::Action& written, const Surroundings& around, Action& made) {
  made.span = written.span;
  switch (written.kind) {
    case ast::Action::Kind::go:
      return go(written, around, made);
    case ast::Action::Kind::restart:
      made.kind = Action::Kind::restart;
      made.stage = place_.stage;
      return true;
    case ast::Action::Kind::task:
      return task(written, around, made);
    case ast::Action::Kind::set:
      return set(written, around, made);
    case ast::Action::Kind::raise:
      return raise(written, around, made);
    case ast::Action::Kind::open:
      return open(written, around, made);
    case ast::Action::Kind::cancel:
      made.kind = Action::Kind::cancel;
      made.queue = resolve_queue(written.target);
      if (written.value) made.value = text(written.value, around, written.span);
      return made.queue != none;
    case ast::Action::Kind::note:
      made.kind = Action::Kind::note;
      made.value = text(written.value, around, written.span);
      return true;
    case ast::Action::Kind::notify:
      made.kind = Action::Kind::notify;
      made.whom = written.target.text();
      made.value = text(written.value, around, written.span);
      return true;
    case ast::Action::Kind::department: {
      using Department = ast::DepartmentAction::Kind;
      if (written.department->kind == Department::hold || written.department->kind == Department::lift) return hold(written, around, made);
      return request(written, around, made);
    }
  }
  return false;
}

void RuleChecker::actions(const ast::Rule& written, Rule& made, const Surroundings& around) {
  if (made.kind == Rule::Kind::when) {
    const bool only_go = written.actions.size() == 1 && written.actions[0].kind == ast::Action::Kind::go;
    if (!only_go && !written.actions.empty()) {
      const bool first_is_go = written.actions[0].kind == ast::Action::Kind::go;
      Diagnostic& diagnostic = context_.error("E0701", written.actions[first_is_go ? 1 : 0].span, "`when` leads to a `go` and to nothing else");
      diagnostic.help = "put what is to be done into `on entry` of the stage, or make a timer or `keep` of it";
    }
  }
  for (const ast::Action& one : written.actions) {
    Surroundings surroundings = around;
    surroundings.wants_wake = made.kind == Rule::Kind::when;  // where `go by` leads may change while the condition holds
    if (one.kind == ast::Action::Kind::department) {
      using Department = ast::DepartmentAction::Kind;
      if (one.department->kind == Department::extend_placement || one.department->kind == Department::recall) {
        change_placement(one, surroundings, made.actions);
        continue;
      }
    }
    Action action_made;
    if (action(one, surroundings, action_made)) made.actions.push_back(std::move(action_made));
  }
}

}  // namespace dunlin::sema
