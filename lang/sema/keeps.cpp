// Standing tasks: `keep`.
#include "lang/sema/rules.h"

namespace dunlin::sema {

using checked::Keep;

/// `for g in parties where …`: the list hangs on the instance itself or on something it hangs on.
bool RuleChecker::bind_list(const ast::KeepSpec& written, Keep& made, Surroundings& around) {
  if (!written.binder || !written.source) return true;
  ExpressionChecker checker(context_, around);
  const ExprPtr list = checker.check(*written.source);
  if (list->type.is_error()) return false;
  const bool is_list = list->type.kind == TypeKind::list && list->op == Op::field;
  const checked::Expr* owner = is_list ? list->args[0].get() : nullptr;
  const bool in_reach = owner != nullptr && (owner->op == Op::self || (owner->op == Op::ancestor && owner->args[0]->op == Op::self));
  if (!in_reach) {
    Diagnostic& diagnostic = context_.error("E0712", written.source->span, "a list of the instance itself or of something it hangs on is needed here");
    diagnostic.help = "write `for g in parties`, or `for a in debtor.accounts`";
    return false;
  }
  made.binder_entity = list->index;
  made.binder_list_owner = owner->type.id;
  around.parameters.emplace_back(written.binder->text, type_of(TypeKind::instance, made.binder_entity));
  if (!written.where) return true;
  ExpressionChecker filter(context_, around);
  ExprPtr condition = filter.check_condition(*written.where);
  Facts known = around.known;
  filter.learn(*condition, true, known);
  made.binder_where = add_root(context_, around, std::move(condition), filter.locals(), written.where->span);
  around.known = std::move(known);
  return true;
}

void RuleChecker::attempt_limits(const ast::KeepSpec& written, Keep& made, const Surroundings& around) {
  using Per = checked::AttemptLimit::Per;
  for (const ast::AttemptLimit& limit : written.attempts) {
    checked::AttemptLimit one;
    one.count = make_root(context_, around, *limit.count, type_of(TypeKind::integer));
    one.per = Per::stage;
    if (limit.per) {
      const std::string& name = limit.per->text;
      if (name == "day") {
        one.per = Per::day;
      } else if (name == "recipient" || checked::find_entity(context_.program, name) != none) {
        one.per = Per::recipient;
      } else {
        Diagnostic& diagnostic = context_.error("E0714", limit.per->span, "attempts cannot be counted per " + in_ticks(name));
        diagnostic.help = "write `per day`, `in stage`, or `per` and what the task goes to";
        suggest(diagnostic, name, {"day", "recipient"});
      }
    }
    made.attempts.push_back(one);
  }
}

/// After an attempt: a duration, or an instant. The last outcome is the event, and `outcome` and `attempts` are at hand.
void RuleChecker::again(const ast::KeepSpec& written, Keep& made, const Surroundings& around) {
  if (!written.again) return;
  const checked::Queue& queue = context_.program.queues[made.queue];
  Surroundings surroundings = around;
  surroundings.label = place_.label + ": again";
  surroundings.wants_wake = false;
  surroundings.known.clear();
  surroundings.event_type = queue.outcomes;
  const bool outcomes = queue.outcome_enum != none;
  surroundings.parameters.emplace_back(outcomes ? "outcome" : "", outcomes ? type_of(TypeKind::enumeration, queue.outcome_enum) : type_of(TypeKind::integer));
  surroundings.parameters.emplace_back("attempts", type_of(TypeKind::integer));
  made.again = make_root(context_, surroundings, *written.again, {});
  const Type type = context_.program.roots[made.again].type;
  if (!type.is_error() && type.kind != TypeKind::duration && type.kind != TypeKind::datetime && type.kind != TypeKind::date) {
    context_.error("E0301", written.again->span, "a duration or an instant is needed here, found " + in_ticks(context_.type_text(type)));
  }
}

void RuleChecker::keep(const ast::Rule& written, checked::Rule& rule) {
  if (!written.keep) return;
  const ast::KeepSpec& spec = *written.keep;
  Keep made;
  made.queue = resolve_queue(spec.queue);
  if (made.queue == none) return;
  if (place_.strategy == none) {
    context_.error("E0716", written.span, "a standing task belongs to a strategy or to a stage").help = "move it there";
    return;
  }
  Surroundings surroundings = around("keep");
  if (!bind_list(spec, made, surroundings)) return;
  if (spec.while_condition) {
    Surroundings condition_around = surroundings;
    condition_around.label = place_.label + ": while";
    ExpressionChecker checker(context_, condition_around);
    ExprPtr condition = checker.check_condition(*spec.while_condition);
    checker.learn(*condition, true, surroundings.known);
    made.condition = add_root(context_, condition_around, std::move(condition), checker.locals(), spec.while_condition->span);
  }
  const auto attribute = [&](const ast::ExprPtr& expr, Type expected, const char* what) -> RootId {
    if (!expr) return none;
    Surroundings named = surroundings;
    named.label = place_.label + ": " + what;
    return make_root(context_, named, *expr, expected);
  };
  made.treatment = text(spec.treatment, surroundings, written.span);
  const ast::ExprPtr* recipient = spec.to ? &spec.to : spec.recipient ? &*spec.recipient : nullptr;
  if (recipient != nullptr && *recipient) {
    made.recipient = attribute(*recipient, {}, "to");
    const Type type = context_.program.roots[made.recipient].type;
    if (!type.is_error() && type.kind != TypeKind::instance) {
      context_.error("E0301", (*recipient)->span, "a task goes to something of the case file, found " + in_ticks(context_.type_text(type)));
    }
  }
  if (spec.window) {
    made.window = attribute(spec.window, {}, "window");
    const Type type = context_.program.roots[made.window].type;
    if (!type.is_error() && type.kind != TypeKind::time_range) {
      context_.error("E0301", spec.window->span, "hours of the day are needed here, found " + in_ticks(context_.type_text(type))).help =
          "write `window 09:00..18:00`";
    }
  }
  made.due = attribute(spec.due, type_of(TypeKind::duration), "due");
  attempt_limits(spec, made, surroundings);
  for (const ast::PriorityTerm& term : spec.priority) {
    made.priority.push_back({term.name ? term.name->text : "", attribute(term.value, type_of(TypeKind::integer), "priority")});
  }
  again(spec, made, surroundings);
  const checked::Queue& queue = context_.program.queues[made.queue];
  made.fields = check_payload(context_, spec.fields.get(), queue.fields, surroundings, true, "a task of the queue " + in_ticks(queue.name), written.span);
  rule.keep = std::move(made);
}

}  // namespace dunlin::sema
