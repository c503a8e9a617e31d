// Queries over history and over lists: count, sum, first, exists and their like.
#include "lang/sema/definitions.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

using checked::Aggregate;
using checked::AggregateFunction;

static std::optional<AggregateFunction> function_of(const ast::AggregateExpr& written) {
  const std::string& name = written.function.text;
  if (name == "count") return written.distinct_days ? AggregateFunction::count_days : AggregateFunction::count;
  if (name == "sum") return AggregateFunction::sum;
  if (name == "min") return AggregateFunction::minimum;
  if (name == "max") return AggregateFunction::maximum;
  if (name == "avg") return AggregateFunction::average;
  if (name == "exists") return AggregateFunction::exists;
  if (name == "all") return AggregateFunction::all;
  if (name == "first") return AggregateFunction::first;
  if (name == "last") return AggregateFunction::last;
  return std::nullopt;
}

static bool takes_value(AggregateFunction function) {
  return function == AggregateFunction::sum || function == AggregateFunction::minimum || function == AggregateFunction::maximum ||
         function == AggregateFunction::average;
}

// ---- what is walked --------------------------------------------------------------------------------------

/// Each part of `call.reached.debtor` names an event of its own.
static void note_event_path(Context& context, const ast::Path& path, size_t parts) {
  std::string name;
  for (size_t i = 0; i < parts; ++i) {
    name += (i == 0 ? "" : ".") + path.parts[i].text;
    if (const auto found = context.names.events.find(name); found != context.names.events.end()) {
      context.note_use(path.parts[i].span, SymbolKind::event, found->second);
    }
  }
}

bool ExpressionChecker::find_events(const ast::Path& path, size_t parts, Aggregate& made, Element& element) const {
  std::string name;
  for (size_t i = 0; i < parts; ++i) name += (i == 0 ? "" : ".") + path.parts[i].text;
  const auto found = context_.names.events.find(name);
  if (found == context_.names.events.end()) return false;
  made.source = Aggregate::Source::events;
  made.event_types = {found->second};
  element.event_type = found->second;
  element.path = name;
  if (context_.symbols != nullptr) note_event_path(context_, path, parts);
  return true;
}

/// The first chain of names in `expr` that begins with an event: `payment.amount` in sum(payment.amount * 2).
static bool find_event_path(const ast::Expr& expr, const std::function<bool(const ast::Path&)>& accept) {
  if (const auto path = path_of(expr)) return accept(*path);
  if (const auto* binary = std::get_if<ast::Binary>(&expr.node)) return find_event_path(*binary->left, accept) || find_event_path(*binary->right, accept);
  if (const auto* unary = std::get_if<ast::Unary>(&expr.node)) return find_event_path(*unary->operand, accept);
  if (const auto* fallback = std::get_if<ast::DefaultExpr>(&expr.node))
    return find_event_path(*fallback->value, accept) || find_event_path(*fallback->fallback, accept);
  if (const auto* member = std::get_if<ast::Member>(&expr.node)) return find_event_path(*member->base, accept);
  if (const auto* choice = std::get_if<ast::IfExpr>(&expr.node))
    return find_event_path(*choice->then_value, accept) || find_event_path(*choice->else_value, accept);
  if (const auto* call = std::get_if<ast::CallExpr>(&expr.node)) {
    for (const ast::Argument& argument : call->arguments) {
      if (find_event_path(*argument.value, accept)) return true;
    }
  }
  return false;
}

/// `sum(fees(balance))`: the rows' only output is what is summed.
bool ExpressionChecker::is_collecting_call(const ast::Expr& expr) const {
  const auto* call = std::get_if<ast::CallExpr>(&expr.node);
  const auto* name = call != nullptr ? std::get_if<ast::NameRef>(&call->callee->node) : nullptr;
  if (name == nullptr) return false;
  const auto symbol = context_.names.values.find(name->name.text);
  if (symbol == context_.names.values.end() || symbol->second.kind != Symbol::Kind::table) return false;
  return context_.program.tables[symbol->second.index].policy == checked::HitPolicy::collect;
}

/// `debtor.contact_points` for `contact_points`, where those hang on something that the instance hangs on; empty: nowhere.
std::string ExpressionChecker::list_above(const std::string& name) const {
  const auto& entities = context_.program.entities;
  if (around_.self_entity == none) return {};
  for (Index above = entities[around_.self_entity].parent; above != none; above = entities[above].parent) {
    const auto found = context_.names.entities[above].find(name);
    if (found != context_.names.entities[above].end() && found->second.kind == EntityName::Kind::children) return entities[above].name + "." + name;
  }
  return {};
}

bool ExpressionChecker::find_source(const ast::AggregateExpr& written, Aggregate& made, Element& element, Span span) {
  const bool value_is_source = written.value && (!takes_value(made.function) || is_collecting_call(*written.value));
  const ast::Expr* source = written.source ? written.source.get() : value_is_source ? written.value.get() : nullptr;
  if (source != nullptr) {
    const auto path = path_of(*source);
    if (path && find(path->parts.front().text).kind != Meaning::Kind::children && find_events(*path, path->parts.size(), made, element)) return true;
    const bool unexplained = path && find(path->parts.front().text).kind == Meaning::Kind::none_such;
    if (unexplained) {
      Diagnostic& diagnostic = context_.error("E0204", path->span, "there is no event or list " + in_ticks(path->text()));
      std::vector<std::string> candidates = visible_names();
      for (const auto& event : context_.names.events) candidates.push_back(event.first);
      const std::string above = list_above(path->text());
      if (above.empty()) {
        suggest(diagnostic, path->text(), candidates);
      } else {
        diagnostic.help = "did you mean " + in_ticks(above) + "?";
      }
      return false;
    }
    ExprPtr list = check(*source);
    if (list->type.is_error()) return false;
    if (list->type.kind != TypeKind::list) {
      Diagnostic& diagnostic = context_.error("E0308", source->span, "an event or a list is needed here, found " + in_ticks(context_.type_text(list->type)));
      diagnostic.help = "lists are called by the plural of what hangs there: `debtor.accounts`";
      return false;
    }
    made.source = Aggregate::Source::list;
    if (list->op == Op::table) {  // walked row by row: see rows.cpp
      made.owner = std::move(list);
      return true;
    }
    made.element_entity = list->index;
    made.owner = std::move(list->args[0]);
    return true;
  }
  const auto accept = [&](const ast::Path& path) {
    for (size_t parts = path.parts.size(); parts > 0; --parts) {
      if (find_events(path, parts, made, element)) return true;
    }
    return false;
  };
  if (written.value && find_event_path(*written.value, accept)) return true;
  const Span place = written.value ? written.value->span : span;
  const auto path = written.value ? path_of(*written.value) : std::nullopt;
  Diagnostic& diagnostic = context_.error("E0204", place, path ? "there is no event in " + in_ticks(path->text()) : "no event is named here");
  diagnostic.help = "write `sum(payment.amount within 30 days)`, or `sum(a.overdue for a in debtor.accounts)`";
  if (path) {
    std::vector<std::string> candidates;
    for (const auto& event : context_.names.events) candidates.push_back(event.first);
    Diagnostic probe;
    suggest(probe, path->parts.front().text, candidates);
    if (!probe.help.empty()) diagnostic.help = probe.help;
  }
  return false;
}

bool ExpressionChecker::scope_of(const ast::AggregateExpr& written, Aggregate& made, Span span) {
  if (around_.self_entity == none || around_.constant) {
    context_.error("E0215", span, "history cannot be asked for here").help =
        "a function sees only its arguments: ask in a derived field and hand the result over";
    return false;
  }
  const Index self = around_.self_entity;
  const Index owner = context_.program.events[made.event_types.front()].owner;
  Index base = self;
  if (written.per) {
    const std::string& name = written.per->text;
    base = none;
    for (Index at = self; at != none; at = context_.program.entities[at].parent) {
      if (context_.program.entities[at].name == name) base = at;
    }
    if (base == none) {
      Diagnostic& diagnostic =
          context_.error("E0209", written.per->span, in_ticks(name) + " is nothing that " + in_ticks(context_.program.entities[self].name) + " hangs on");
      std::vector<std::string> candidates;
      for (Index at = self; at != none; at = context_.program.entities[at].parent) candidates.push_back(context_.program.entities[at].name);
      suggest(diagnostic, name, candidates);
      return false;
    }
  } else if (owner != none && context_.is_ancestor_or_self(owner, self)) {
    base = owner;
  }
  if (owner != none && !context_.is_ancestor_or_self(base, owner)) {
    if (context_.is_ancestor_or_self(owner, base)) {
      base = owner;  // `per account` of an event of the debtor
    } else {
      Diagnostic& diagnostic =
          context_.error("E0313", span,
                         in_ticks(context_.program.events[made.event_types.front()].name) + " belongs to " + in_ticks(context_.program.entities[owner].name) +
                             ", which does not hang on " + in_ticks(context_.program.entities[base].name));
      diagnostic.help = "write `per " + context_.program.entities[0].name + "` to look at the whole case file";
      return false;
    }
  }
  made.scope = owner == base ? Aggregate::Scope::own : context_.program.entities[base].parent == none ? Aggregate::Scope::case_file : Aggregate::Scope::subtree;
  made.owner = base == self ? self_expr(span) : ancestor_of(self_expr(span), base, span);
  return true;
}

// ---- the window --------------------------------------------------------------------------------------------

/// `n * 1 day` as a number of days; null if it is not of that form.
static const ast::Expr* days_factor(const ast::Expr& window) {
  const auto* product = std::get_if<ast::Binary>(&window.node);
  if (product == nullptr || product->op != ast::BinaryOp::multiply) return nullptr;
  const auto is_day = [](const ast::Expr& expr) {
    const auto* duration = std::get_if<ast::DurationLit>(&expr.node);
    return duration != nullptr && duration->unit == ast::DurationUnit::day && duration->digits == "1";
  };
  if (is_day(*product->right)) return product->left.get();
  return is_day(*product->left) ? product->right.get() : nullptr;
}

void ExpressionChecker::window_of(const ast::AggregateExpr& written, Aggregate& made) {
  if (written.within_of) {  // its end is a condition: see end_window()
    made.window = Aggregate::Window::since;
    const std::string& word = written.within_of->text;
    if (word == "enrolment" || word == "entry") {
      made.window_value = make_word(word == "entry" ? "entered_at" : "enrolled_at", written.within_of->span);
    } else {
      context_.error("E0219", written.within_of->span, "a window begins with `enrolment` or with `entry`, not with " + in_ticks(word)).help =
          "write `within 60 days of enrolment`";
      made.window_value = make_wrong(written.within_of->span);
    }
    return;
  }
  if (written.within) {
    if (const ast::Expr* factor = days_factor(*written.within)) {
      made.window = Aggregate::Window::days;
      made.window_value = check_as(*factor, type_of(TypeKind::integer));
      return;
    }
    ExprPtr duration = check_as(*written.within, type_of(TypeKind::duration));
    if (duration->type.is_error()) return;
    const auto unit = duration_unit(*duration);
    if (unit == 1 && duration->op == Op::literal) {
      made.window = Aggregate::Window::days;
      made.window_value = make_literal(type_of(TypeKind::integer), duration->value >> 3, duration->span);
      if (duration->value >> 3 >= 1) return;
      context_.error("E0311", written.within->span, "a window has at least one day").help = "`within 1 day` is today";
    } else if (unit == 0) {
      made.window = Aggregate::Window::exact;
      made.window_value = std::move(duration);
    } else {
      Diagnostic& diagnostic = context_.error("E0311", written.within->span, "a window is a number of days or of hours");
      diagnostic.help = "write `within 30 days`, `within n * 1 day`, `this month`, or `since` and a date";
    }
  } else if (written.since) {
    made.window = Aggregate::Window::since;
    const auto* word = std::get_if<ast::NameRef>(&written.since->node);
    if (word != nullptr && (word->name.text == "enrolment" || word->name.text == "entry") && find(word->name.text).kind != Meaning::Kind::field) {
      made.window_value = make_word(word->name.text == "entry" ? "entered_at" : "enrolled_at", written.since->span);
      return;
    }
    made.window_value = check_as(*written.since, type_of(TypeKind::datetime));
  } else if (written.calendar_window) {
    const std::string& name = written.calendar_window->text;
    made.window = Aggregate::Window::calendar;
    made.calendar = name == "day"     ? Aggregate::Calendar::day
                    : name == "week"  ? Aggregate::Calendar::week
                    : name == "month" ? Aggregate::Calendar::month
                                      : Aggregate::Calendar::year;
    if (name != "day" && name != "week" && name != "month" && name != "year") {
      context_.error("E0219", written.calendar_window->span, "there is no running " + in_ticks(name)).help =
          "write `this day`, `this week`, `this month` or `this year`";
    }
  }
}

/// `within 60 days of enrolment`: what is later than 60 days after it does not count.
void ExpressionChecker::end_window(const ast::AggregateExpr& written, Aggregate& made, Span span) {
  if (!written.within_of || !made.window_value || made.window_value->type.is_error()) return;
  ExprPtr length = check_as(*written.within, type_of(TypeKind::duration));
  const auto plain = constant_key(*length);
  if (plain && *plain >> 3 <= 0) context_.error("E0311", written.within->span, "a window is longer than nothing");
  const Type instant = type_of(TypeKind::datetime);
  ExprPtr end = make_node(Op::add, instant, span, clone(*made.window_value), std::move(length));
  const Type event = type_of(TypeKind::event, made.event_types.front());
  ExprPtr at = make_node(Op::event_at, instant, span, make_local(made.local, event, span));
  ExprPtr in_time = make_node(Op::less_equal, type_of(TypeKind::boolean), span, std::move(at), std::move(end));
  std::vector<ExprPtr> both;
  both.push_back(std::move(in_time));
  if (made.where) both.push_back(std::move(made.where));
  made.where = join(Op::logical_and, std::move(both), span);
}

// ---- order -------------------------------------------------------------------------------------------------

void ExpressionChecker::order_of(const ast::AggregateExpr& written, Aggregate& made) {
  for (const auto& key : written.order) {
    ExprPtr value = check(*key.key);
    if (value->type.is_error() || !require_known(value, "an order")) continue;
    const TypeKind kind = value->type.kind;
    if (kind == TypeKind::text) {
      // Elements of a list stand in the order of their keys, so the key itself as last word of an order adds nothing to it.
      const bool is_key = made.source == Aggregate::Source::list && value->op == Op::field && value->args[0]->op == Op::local &&
                          value->args[0]->index == made.local && context_.program.entities[made.element_entity].key_field == value->index;
      if (is_key && !key.descending && &key == &written.order.back()) continue;
    }
    // Texts stand in the order of their code points, which is that of their bytes.
    if (!is_ordered(kind) && kind != TypeKind::boolean && kind != TypeKind::enumeration && kind != TypeKind::text) {
      context_.error("E0302", key.key->span, "values of type " + in_ticks(context_.type_text(value->type)) + " have no order");
      continue;
    }
    made.order.push_back({std::move(value), key.descending});
  }
}

Type ExpressionChecker::result_of(const ast::AggregateExpr& written, Aggregate& made, Type element, Span span) {
  const Type value = made.value ? made.value->type : Type{};
  switch (made.function) {
    case AggregateFunction::count:
    case AggregateFunction::count_days:
      return type_of(TypeKind::integer);
    case AggregateFunction::exists:
    case AggregateFunction::all:
      return type_of(TypeKind::boolean);
    case AggregateFunction::first:
    case AggregateFunction::last:
      return element.maybe();
    case AggregateFunction::sum:
      if (is_numeric(value.kind)) return value;
      break;
    case AggregateFunction::average:
      if (value.kind == TypeKind::integer) return type_of(TypeKind::decimal).maybe();
      if (is_numeric(value.kind)) return value.maybe();
      break;
    case AggregateFunction::minimum:
    case AggregateFunction::maximum:
      if (is_ordered(value.kind) && value.kind != TypeKind::duration) return value.maybe();
      break;
  }
  if (!value.is_error()) {
    context_.error("E0302", span, in_ticks(written.function.text) + " cannot take values of type " + in_ticks(context_.type_text(value)));
  }
  return {};
}

// ---- the whole ---------------------------------------------------------------------------------------------

ExprPtr ExpressionChecker::check_aggregate(const ast::AggregateExpr& written, Span span) {
  if (written.function.text == "spent") return check_spent(written, span);
  const auto function = function_of(written);
  if (!function) {
    context_.error("E0207", written.function.span, "there is no query " + in_ticks(written.function.text)).help =
        "there are count, sum, min, max, avg, exists, all, first and last";
    return make_wrong(span);
  }
  ExprPtr node = make_node(Op::aggregate, {}, span);
  node->aggregate = std::make_unique<Aggregate>();
  Aggregate& made = *node->aggregate;
  made.function = *function;
  Element element;
  if (!find_source(written, made, element, span)) return make_wrong(span);
  if (made.owner && made.owner->op == Op::table) return check_rows(written, *function, std::move(made.owner), span);
  const bool events = made.source == Aggregate::Source::events;
  if (events && !scope_of(written, made, span)) return make_wrong(span);
  const size_t errors_before = context_.diagnostics.error_count();
  if (!events && (written.per || written.within || written.since || written.calendar_window)) {
    context_.error("E0308", span, "a list has no history, so it has no window").help = "choose elements with `where`";
  }
  if (!events && made.function == AggregateFunction::count_days) context_.error("E0308", span, "only events have days");
  if (events && !written.order.empty())
    context_.error("E0308", written.order.front().key->span, "events stand in the order of time").help = "use `first` or `last`";
  window_of(written, made);

  const Type type = events ? type_of(TypeKind::event, element.event_type) : type_of(TypeKind::instance, made.element_entity);
  made.local = add_local(type);
  element.local = made.local;
  if (events) elements_.push_back(element);
  if (written.binder) bindings_.push_back({written.binder->text, made.local, type, written.binder->span});
  if (written.binder) context_.note_use(written.binder->span, SymbolKind::local, made.local, none, type, written.binder->span);
  const Facts before = facts_;
  if (written.where) {
    made.where = check_condition(*written.where);
    learn(*made.where, true, facts_);
  }
  if (events) end_window(written, made, span);
  if (takes_value(made.function)) {
    if (written.value) {
      made.value = check(*written.value);
      require_known(made.value, written.function.text.c_str());
    } else {
      context_.error("E0304", span, in_ticks(written.function.text) + " needs a value to take").help =
          "write `" + written.function.text + "(payment.amount …)`, or `" + written.function.text + "(a.overdue for a in accounts)`";
    }
  } else if (written.value && written.source) {
    context_.error("E0304", written.value->span, in_ticks(written.function.text) + " takes no value").help =
        "write `" + written.function.text + "(a in accounts where …)`";
  }
  order_of(written, made);
  facts_ = before;
  if (written.binder) bindings_.pop_back();
  if (events) elements_.pop_back();

  if (made.function == AggregateFunction::all && !made.where) {
    context_.error("E0304", span, "`all` needs a condition").help = "write `all(a in accounts where …)`";
  }
  if ((made.where && made.where->type.is_error()) || (made.value && made.value->type.is_error()) || context_.diagnostics.error_count() > errors_before) {
    return make_wrong(span);
  }
  node->type = result_of(written, made, type, span);
  return node->type.is_error() ? make_wrong(span) : std::move(node);
}

/// `spent since enrolment`: what the recorded outcomes of all queues cost.
ExprPtr ExpressionChecker::check_spent(const ast::AggregateExpr& written, Span span) {
  const Type money = type_of(TypeKind::money);
  ExprPtr node = make_node(Op::aggregate, money, span);
  node->aggregate = std::make_unique<Aggregate>();
  Aggregate& made = *node->aggregate;
  made.function = AggregateFunction::sum;
  Index cost = none;
  for (const checked::Queue& queue : context_.program.queues) {
    if (queue.outcomes == none) continue;
    made.event_types.push_back(queue.outcomes);
    cost = checked::find_field(context_.program.events[queue.outcomes].fields, "cost");
  }
  if (made.event_types.empty() || cost == none) return make_literal(money, 0, span);
  if (around_.self_entity == none || around_.constant) {
    context_.error("E0215", span, "history cannot be asked for here");
    return make_wrong(span);
  }
  const Index owner = context_.program.events[made.event_types.front()].owner;
  const Index self = around_.self_entity;
  if (owner != self && owner != none && context_.is_ancestor_or_self(owner, self)) {
    made.owner = ancestor_of(self_expr(span), owner, span);
    made.scope = Aggregate::Scope::own;
  } else {
    made.owner = self_expr(span);
    made.scope = context_.program.entities[self].parent == none ? Aggregate::Scope::case_file : Aggregate::Scope::subtree;
  }
  window_of(written, made);
  if (made.window_value && made.window_value->type.is_error()) return make_wrong(span);
  made.local = add_local(type_of(TypeKind::event, made.event_types.front()));
  end_window(written, made, span);
  ExprPtr recorded = event_field_of(make_local(made.local, type_of(TypeKind::event, made.event_types.front()), span), made.event_types.front(), cost, span);
  made.value = make_node(Op::default_value, money, span, std::move(recorded), make_literal(money, 0, span));
  return node;
}

}  // namespace dunlin::sema
