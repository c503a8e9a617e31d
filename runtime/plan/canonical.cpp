#include "runtime/plan/canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dunlin::plan {

using checked::Expr;
using checked::Index;
using checked::none;
using checked::Op;
using checked::TypeKind;

Meaning Meanings::node(std::string label, std::vector<Meaning> parts) {
  const auto next = static_cast<Meaning>(known_.size());
  return known_.try_emplace({std::move(label), std::move(parts)}, next).first->second;
}

Meaning Canon::type(const checked::Type& type) {
  std::string label = fmt::format("type {}{}", static_cast<int>(type.kind), type.optional ? "?" : "");
  std::vector<Meaning> parts;
  if (type.kind == TypeKind::enumeration && type.id >= 0) {
    for (const std::string& name : program_.enums[type.id].literals) label += "|" + name;
  } else if (type.kind == TypeKind::record && type.id >= 0) {
    for (const auto& field : program_.records[type.id].fields) parts.push_back(of("part " + field.name, {this->type(field.type)}));
  } else if (type.kind == TypeKind::instance) {
    label += entity_name(type.id);
  } else if (type.kind == TypeKind::event) {
    label += event_name(type.id);
  } else if (type.kind == TypeKind::list && type.id >= 0) {
    parts.push_back(this->type(program_.lists[type.id]));
  }
  return of(std::move(label), std::move(parts));
}

Meaning Canon::field(const checked::Field& field) {
  const auto bound = [](const std::optional<int64_t>& value) { return value ? std::to_string(*value) : std::string("-"); };
  return of(
      fmt::format("field {}{}{} {} {}", field.name, field.key ? " key" : "", field.personal ? " personal" : "", bound(field.minimum), bound(field.maximum)),
      {type(field.type), root(field.in_range)});
}

Meaning Canon::root(checked::RootId root) {
  if (root == none) return of("nothing");
  Scope scope;
  scope.self = of("self");
  scope.strategy = program_.roots[root].strategy;
  return body(root, std::move(scope));
}

Meaning Canon::body(checked::RootId root, Scope scope) {
  if (root == none || program_.roots[root].body == nullptr) return of("nothing");
  return expression(*program_.roots[root].body, scope);
}

std::string Canon::slot_text(const checked::Type& type, int64_t slot) const {
  if (type.kind == TypeKind::enumeration && slot >= 0 && static_cast<size_t>(slot) < program_.enums[type.id].literals.size())
    return program_.enums[type.id].literals[static_cast<size_t>(slot)];
  if (type.kind == TypeKind::stage && slot >= 0) return checked::stage_name(program_, static_cast<Index>(slot));
  return std::to_string(slot);
}

Meaning Canon::literal(const Expr& expr) {
  const Meaning kind = type(expr.type);
  if (expr.type.kind == TypeKind::number) {
    int64_t bits = 0;
    std::memcpy(&bits, &expr.number, sizeof bits);
    return of("literal " + std::to_string(bits), {kind});
  }
  switch (expr.type.kind) {
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      return of("literal " + expr.text, {kind});
    default:
      return of("literal " + slot_text(expr.type, expr.value), {kind});
  }
}

namespace {

/// Nothing in it can fault, so it may be looked at sooner or later than another such condition.
bool is_harmless(const Expr& expr) {
  switch (expr.op) {
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::floor_divide:
    case Op::modulo:
    case Op::negate:
    case Op::int_to_decimal:
    case Op::unwrap:
    case Op::function:
    case Op::native:
    case Op::builtin:
    case Op::table:
    case Op::derived:
    case Op::aggregate:
      return false;
    default:
      return std::ranges::all_of(expr.args, [](const auto& part) { return is_harmless(*part); });
  }
}

void flatten(const Expr& expr, Op op, std::vector<const Expr*>& parts) {
  if (expr.op != op) return parts.push_back(&expr);
  for (const auto& part : expr.args) flatten(*part, op, parts);
}

}  // namespace

Meaning Canon::expression(const Expr& expr, const Scope& scope) {
  switch (expr.op) {
    case Op::literal:
      return literal(expr);
    case Op::self:
      return scope.self;
    case Op::parameter:
      return static_cast<size_t>(expr.index) < scope.parameters.size() ? scope.parameters[static_cast<size_t>(expr.index)]
                                                                       : of(fmt::format("parameter {}", expr.index));
    case Op::local: {
      const auto found = scope.locals.find(expr.index);
      return found == scope.locals.end() ? of(fmt::format("local {}", expr.index)) : found->second;
    }
    case Op::let: {
      // A named value is the value: taking it out or putting it in changes nothing.
      Scope inner = scope;
      inner.locals[expr.index] = expression(*expr.args[0], scope);
      return expression(*expr.args[1], inner);
    }
    case Op::map: {
      Scope inner = scope;
      const Meaning from = expression(*expr.args[0], scope);
      inner.locals[expr.index] = of("known part", {from});
      return of("map", {from, expression(*expr.args[1], inner)});
    }
    case Op::aggregate:
      return expr.aggregate == nullptr ? of("nothing") : aggregate(*expr.aggregate, scope);
    case Op::logical_and:
    case Op::logical_or: {
      std::vector<const Expr*> parts;
      flatten(expr, expr.op, parts);
      std::vector<Meaning> meanings;
      for (const Expr* part : parts) meanings.push_back(expression(*part, scope));
      if (std::ranges::all_of(parts, [](const Expr* part) { return is_harmless(*part); })) std::ranges::sort(meanings);
      return of(expr.op == Op::logical_and ? "and" : "or", std::move(meanings));
    }
    default:
      break;
  }
  std::vector<Meaning> args;
  for (const auto& part : expr.args) args.push_back(expression(*part, scope));
  switch (expr.op) {
    case Op::function:
    case Op::native:
    case Op::builtin:
    case Op::table:
    case Op::derived:
      return call(expr, std::move(args), scope);
    case Op::missing:
    case Op::setting:
    case Op::field:
    case Op::ancestor:
    case Op::event_field:
    case Op::variable:
    case Op::visits:
    case Op::in_stage:
    case Op::in_strategy:
    case Op::record:
    case Op::record_field:
      return reference(expr, std::move(args), scope);
    default:
      return operation(expr, std::move(args));
  }
}

Meaning Canon::operation(const Expr& expr, std::vector<Meaning> args) {
  Op op = expr.op;
  if (op == Op::greater || op == Op::greater_equal) {
    op = op == Op::greater ? Op::less : Op::less_equal;
    std::swap(args[0], args[1]);
  }
  const bool either_way =
      op == Op::equal || op == Op::not_equal || op == Op::add || (op == Op::multiply && expr.args.size() == 2 && expr.args[0]->type == expr.args[1]->type);
  const bool same_types = expr.args.size() == 2 && expr.args[0]->type == expr.args[1]->type;
  if (either_way && same_types) std::ranges::sort(args);
  return of(fmt::format("op {}", static_cast<int>(op)), std::move(args));
}

Meaning Canon::reference(const Expr& expr, std::vector<Meaning> args, const Scope& scope) {
  std::string label;
  const auto owner = expr.args.empty() ? checked::Type{} : expr.args[0]->type;
  switch (expr.op) {
    case Op::missing:
      args.push_back(type(expr.type));
      label = "missing";
      break;
    case Op::setting:
      label = "setting " + program_.settings[expr.index].name;
      break;
    case Op::field:
      label = "field " + entity_name(owner.id) + "." + program_.entities[owner.id].fields[expr.index].name;
      break;
    case Op::ancestor:
      label = "ancestor " + entity_name(expr.index);
      break;
    case Op::event_field:
      label = "event field " + program_.events[owner.id].fields[expr.index].name;
      break;
    case Op::variable:
      label = "variable ";
      if (scope.strategy != none) label += program_.strategies[scope.strategy].variables[expr.index].name;
      break;
    case Op::visits:
      label = "visits " + checked::stage_name(program_, expr.index);
      break;
    case Op::in_stage:
      label = "in stage " + checked::stage_name(program_, expr.index);
      break;
    case Op::in_strategy:
      label = "in strategy " + program_.strategies[expr.index].name;
      break;
    case Op::record:
      label = "record";
      args.push_back(type(expr.type));
      break;
    default:
      label = fmt::format("part {}", expr.index);
      break;
  }
  return of(std::move(label), std::move(args));
}

Meaning Canon::call(const Expr& expr, std::vector<Meaning> args, const Scope& scope) {
  if (expr.op == Op::builtin) return of(fmt::format("builtin {}", expr.index), std::move(args));
  if (expr.op == Op::native) return of("native " + program_.natives[expr.index].name, std::move(args));
  const Index entity = expr.op == Op::derived ? expr.args[0]->type.id : none;
  if (depth_ == Depth::named) {
    const auto name_in = [](const auto& names, const auto& key, const std::string& otherwise) {
      const auto found = names.find(key);
      return found == names.end() ? otherwise : found->second;
    };
    if (expr.op == Op::function) return of("function " + name_in(names_.functions, expr.index, program_.functions[expr.index].name), std::move(args));
    if (expr.op == Op::table) return of("table " + name_in(names_.tables, expr.index, program_.tables[expr.index].name), std::move(args));
    const std::string own = entity_name(entity) + "." + program_.entities[entity].derived[expr.index].name;
    return of("derived " + name_in(names_.derived, std::pair{entity, expr.index}, own), std::move(args));
  }
  if (expr.op == Op::table) {
    const auto known = tables_.find(expr.index);
    const Meaning content = known != tables_.end() ? known->second : (tables_[expr.index] = table(program_.tables[expr.index]));
    args.insert(args.begin(), content);
    return of("look up", std::move(args));
  }
  std::vector<int32_t> key{static_cast<int32_t>(expr.op), entity, expr.index, scope.bound};
  key.insert(key.end(), args.begin(), args.end());
  if (const auto known = expanded_.find(key); known != expanded_.end()) return known->second;
  Scope inner;
  inner.bound = scope.bound;
  checked::RootId root = none;
  if (expr.op == Op::function) {
    root = program_.functions[expr.index].root;
    inner.parameters = args;
  } else {
    root = program_.entities[entity].derived[expr.index].root;
    inner.self = args[0];
  }
  return expanded_[key] = body(root, std::move(inner));
}

Meaning Canon::aggregate(const checked::Aggregate& query, const Scope& scope) {
  std::string label = fmt::format("query {} {} {} {} {}", static_cast<int>(query.function), static_cast<int>(query.source), static_cast<int>(query.scope),
                                  static_cast<int>(query.window), query.window == checked::Aggregate::Window::calendar ? static_cast<int>(query.calendar) : 0);
  std::vector<std::string> events;
  for (const Index event : query.event_types) events.push_back(event_name(event));
  std::ranges::sort(events);
  for (const std::string& event : events) label += " " + event;
  label += " " + entity_name(query.element_entity);
  Scope inner = scope;
  ++inner.bound;
  if (query.local != none) inner.locals[query.local] = of(fmt::format("element {}", scope.bound));
  const auto part = [&](const checked::ExprPtr& expr, const Scope& where) { return expr == nullptr ? of("nothing") : expression(*expr, where); };
  std::vector<Meaning> parts{part(query.owner, scope), part(query.window_value, scope), part(query.value, inner), part(query.where, inner)};
  for (const auto& order : query.order) parts.push_back(of(order.descending ? "descending" : "ascending", {part(order.key, inner)}));
  return of(std::move(label), std::move(parts));
}

Meaning Canon::function(Index function) {
  const checked::Function& of_it = program_.functions[function];
  std::vector<Meaning> parts;
  for (const auto& parameter : program_.roots[of_it.root].parameters) parts.push_back(type(parameter));
  parts.push_back(root(of_it.root));
  return of("function of", std::move(parts));
}

Meaning Canon::derived(Index entity, Index field) {
  const checked::Derived& of_it = program_.entities[entity].derived[field];
  return of("derived of " + entity_name(entity), {type(of_it.type), root(of_it.root)});
}

// ---- tables ----

Meaning Canon::cell(const checked::TableColumn& column, const checked::Cell& cell) {
  std::string label = cell.accepts_missing ? "cell missing" : "cell";
  for (const auto& interval : cell.intervals) {
    const auto type = column.type.known();
    label += fmt::format(" {}..{}", slot_text(type, interval.low), slot_text(type, interval.high));
  }
  std::vector<std::string> texts = cell.texts;
  std::ranges::sort(texts);
  if (cell.texts_negated) label += " not";
  for (const std::string& text : texts) label += "|" + text;
  return of(std::move(label), {root(cell.predicate)});
}

Meaning Canon::table_output(const checked::Table& table, const checked::TableOutput& output, size_t column) {
  if (!output.constant) return of("computed", {root(output.root)});
  const checked::Type& result = table.outputs[column].type;
  std::string label = "constant " + output.text;
  for (size_t s = 0; s < output.slots.size(); ++s) {
    const bool is_flag = result.optional && s == 0;
    label += " " + (is_flag ? std::to_string(output.slots[s]) : slot_text(result, output.slots[s]));
  }
  return of(std::move(label));
}

Meaning Canon::table_row(const checked::Table& table, const checked::TableRow& row) {
  std::vector<Meaning> parts;
  for (size_t c = 0; c < row.cells.size(); ++c) parts.push_back(cell(table.inputs[c], row.cells[c]));
  for (size_t o = 0; o < row.outputs.size(); ++o) parts.push_back(table_output(table, row.outputs[o], o));
  return of("row", std::move(parts));
}

Meaning Canon::table(const checked::Table& table) {
  std::vector<Meaning> parts;
  const auto bound = [](const std::optional<int64_t>& value) { return value ? std::to_string(*value) : std::string("-"); };
  for (const auto& column : table.inputs) parts.push_back(of(fmt::format("in {} {}", bound(column.minimum), bound(column.maximum)), {type(column.type)}));
  for (const auto& column : table.outputs) parts.push_back(of("out", {type(column.type)}));
  std::vector<Meaning> rows;
  for (const auto& row : table.rows) rows.push_back(table_row(table, row));
  if (table.policy == checked::HitPolicy::unique) std::ranges::sort(rows);  // they do not overlap
  parts.insert(parts.end(), rows.begin(), rows.end());
  if (table.otherwise) parts.push_back(of("otherwise", {table_row(table, *table.otherwise)}));
  return of(fmt::format("table of {}", static_cast<int>(table.policy)), std::move(parts));
}

// ---- rules ----

Meaning Canon::fields_given(const std::vector<checked::FieldValue>& given, const std::vector<checked::Field>& fields) {
  std::vector<Meaning> parts;
  for (const auto& field : given) {
    const std::string name = static_cast<size_t>(field.field) < fields.size() ? fields[static_cast<size_t>(field.field)].name : "";
    parts.push_back(of("give " + name, {root(field.value)}));
  }
  std::ranges::sort(parts);
  return of("fields", std::move(parts));
}

Meaning Canon::action(const checked::Action& action) {
  std::string label = fmt::format("action {}{}", static_cast<int>(action.kind), action.stays ? " stays" : "");
  if (action.stage != none) label += " stage " + checked::stage_name(program_, action.stage);
  if (action.strategy != none) label += " strategy " + program_.strategies[action.strategy].name;
  label += " " + queue_name(action.queue) + " " + event_name(action.event_type) + " " + entity_name(action.entity) + " " + action.whom;
  if (action.variable != none && action.value != none && program_.roots[action.value].strategy != none)
    label += " variable " + program_.strategies[program_.roots[action.value].strategy].variables[action.variable].name;
  static const std::vector<checked::Field> no_fields;
  const std::vector<checked::Field>* fields = &no_fields;
  if (action.queue != none) fields = &program_.queues[action.queue].fields;
  if (action.event_type != none) fields = &program_.events[action.event_type].fields;
  if (action.entity != none) fields = &program_.entities[action.entity].fields;
  std::vector<Meaning> parts{root(action.value), root(action.recipient), fields_given(action.fields, *fields)};
  if (action.duration != none) parts.push_back(root(action.duration));
  return of(std::move(label), std::move(parts));
}

Meaning Canon::keep(const checked::Keep& keep) {
  std::vector<Meaning> parts{
      root(keep.treatment), root(keep.binder_where), root(keep.recipient), root(keep.condition),
      root(keep.again),     root(keep.window),       root(keep.due),       fields_given(keep.fields, program_.queues[keep.queue].fields)};
  std::vector<Meaning> several;
  for (const auto& limit : keep.attempts) several.push_back(of(fmt::format("attempts per {}", static_cast<int>(limit.per)), {root(limit.count)}));
  std::ranges::sort(several);
  parts.push_back(of("attempts", std::move(several)));
  several.clear();
  for (const auto& term : keep.priority) several.push_back(root(term.value));
  std::ranges::sort(several);
  parts.push_back(of("priority", std::move(several)));
  return of("keep " + queue_name(keep.queue) + " " + entity_name(keep.binder_entity) + " " + entity_name(keep.binder_list_owner), std::move(parts));
}

Meaning Canon::rule(const checked::Rule& rule) {
  std::string label =
      fmt::format("rule {} {} {} {}", static_cast<int>(rule.kind), static_cast<int>(rule.anchor), static_cast<int>(rule.if_late), rule.at_most_in_strategy);
  std::vector<std::string> events;
  for (const Index event : rule.events) events.push_back(event_name(event));
  std::ranges::sort(events);
  for (const std::string& event : events) label += " " + event;
  std::vector<Meaning> parts{root(rule.instant), root(rule.delay), root(rule.at_most), root(rule.guard)};
  if (rule.deadline != none) {
    label += " deadline " + program_.deadlines[rule.deadline].name;
    parts.push_back(root(rule.before));
  }
  for (const auto& action : rule.actions) parts.push_back(this->action(action));
  if (rule.keep) parts.push_back(keep(*rule.keep));
  return of(std::move(label), std::move(parts));
}

}  // namespace dunlin::plan
