// One checked expression -> nodes.
#include <stdexcept>

#include "compiler/ir/lowering.h"

namespace dunlin::ir {

using checked::Expr;
using checked::Type;
using checked::TypeKind;

FunctionLowering::FunctionLowering(ProgramLowering& program, std::string name, bool wake)
    : program(program), checked(program.checked), b(program.ir(), made), wake(wake) {
  made.name = std::move(name);
}

Value FunctionLowering::literal(const Expr& expr) {
  Value value;
  if (expr.type.kind == TypeKind::number) {
    value = fact(b.constant(abi::as_slot(expr.number), Kind::number));
  } else if (kind_of(expr.type) == Kind::pointer) {
    value = fact(b.leaf(Op::text_constant, Kind::pointer, program.text(expr.text)));
  } else {
    value = fact(b.constant(expr.value, kind_of(expr.type)));
  }
  if (expr.type.kind == TypeKind::duration) value.unit = abi::duration_unit(expr.value);
  if (expr.type.optional) value.slots.insert(value.slots.begin(), b.boolean(true));
  return value;
}

Value FunctionLowering::missing(const Type& type) {
  std::vector<NodeId> slots;
  for (const Kind kind : kinds_of(checked, type)) slots.push_back(b.constant(0, kind));
  return fact(std::move(slots));
}

Value FunctionLowering::constant_slots(const Type& type, const std::vector<int64_t>& slots, const std::string& text) {
  const auto kinds = kinds_of(checked, type);
  std::vector<NodeId> nodes;
  for (size_t i = 0; i < kinds.size(); ++i) {
    const int64_t slot = i < slots.size() ? slots[i] : 0;
    const bool is_missing = type.optional && !slots.empty() && slots[0] == 0;
    if (kinds[i] == Kind::pointer && !is_missing) {
      nodes.push_back(b.leaf(Op::text_constant, Kind::pointer, program.text(text)));
    } else {
      nodes.push_back(b.constant(i == 0 && type.optional && slots.empty() ? 1 : slot, kinds[i]));
    }
  }
  Value value = fact(std::move(nodes));
  if (type.kind == TypeKind::duration && !slots.empty()) value.unit = abi::duration_unit(slots.back());
  return value;
}

NodeId FunctionLowering::self(const Expr& asker) {
  if (scope.self != none) return scope.self;
  if (!scope.captures) throw std::logic_error("`self` is used where there is no instance, at byte " + std::to_string(asker.span.begin));
  scope.self = captured_node(outer->self(asker));
  return scope.self;
}

Value FunctionLowering::parameter(checked::Index index) {
  if (static_cast<size_t>(index) < scope.parameters.size()) return scope.parameters[static_cast<size_t>(index)];
  if (!scope.captures) throw std::logic_error("unknown parameter");
  return captured(outer->parameter(index));
}

Value FunctionLowering::local(checked::Index index) {
  if (const auto found = scope.locals.find(index); found != scope.locals.end()) return found->second;
  if (!scope.captures) throw std::logic_error("unknown local");
  const Value value = captured(outer->local(index));
  scope.locals[index] = value;
  return value;
}

NodeId FunctionLowering::captured_node(NodeId outside) {
  const Node& node = outer->b.at(outside);
  switch (node.op) {  // the same everywhere
    case Op::constant:
      return b.constant(node.immediate, node.kind);
    case Op::text_constant:
    case Op::now:
    case Op::today:
    case Op::event:
    case Op::setting:
      return b.leaf(node.op, node.kind, node.immediate);
    default:
      break;
  }
  const auto [place, added] = captures.try_emplace(outside, none);
  if (added) {
    place->second = b.argument(next_argument++, node.kind, true);
    captured_nodes.push_back(outside);
  }
  return place->second;
}

Value FunctionLowering::captured(const Value& outside) {
  Value value = outside;
  for (NodeId& slot : value.slots) slot = captured_node(slot);
  value.slope = captured_node(outside.slope);
  value.wake = b.never();  // the loop as a whole has it
  captured_wakes.push_back(outside.wake);
  return value;
}

void FunctionLowering::note(Note::Kind kind, std::string name, const Type& type, const std::vector<NodeId>& slots, Span span, NodeId instance) {
  Note made_note;
  made_note.kind = kind;
  made_note.name = std::move(name);
  made_note.type = type;
  made_note.slots = slots;
  made_note.instance = instance;
  made_note.span = span;
  made_note.parent = enclosing_condition;
  made.notes.push_back(std::move(made_note));
}

namespace {

std::vector<NodeId> slots_of(FunctionLowering& f, Op op, NodeId from, int64_t first, const Type& type) {
  std::vector<NodeId> slots;
  for (const Kind kind : kinds_of(f.checked, type)) slots.push_back(f.b.unary(op, kind, from, first++));
  return slots;
}

Value lower_field(FunctionLowering& f, const Expr& expr) {
  const Value owner = f.lower(*expr.args[0]);
  const auto& entity = f.checked.entities[static_cast<size_t>(expr.args[0]->type.id)];
  const auto& field = entity.fields[static_cast<size_t>(expr.index)];
  Value value = f.fact(slots_of(f, Op::instance_slot, owner.scalar(), field.slot, field.type));
  value.wake = owner.wake;
  f.note(Note::Kind::field, entity.name + "." + field.name, field.type, value.slots, expr.span, owner.scalar());
  return value;
}

Value lower_event_field(FunctionLowering& f, const Expr& expr) {
  const Value event = f.lower(*expr.args[0]);
  const auto& type = f.checked.events[static_cast<size_t>(expr.args[0]->type.id)];
  const auto& field = type.fields[static_cast<size_t>(expr.index)];
  Value value = f.fact(slots_of(f, Op::event_slot, event.scalar(), field.slot, field.type));
  value.wake = event.wake;
  f.note(Note::Kind::event_field, type.name + "." + field.name, field.type, value.slots, expr.span);
  return value;
}

Value lower_ancestor(FunctionLowering& f, const Expr& expr) {
  Value value = f.lower(*expr.args[0]);
  const auto depth = [&](checked::Index entity) { return f.checked.entities[static_cast<size_t>(entity)].depth; };
  NodeId at = value.scalar();
  for (auto steps = depth(expr.args[0]->type.id) - depth(expr.index); steps > 0; --steps) at = f.b.unary(Op::instance_parent, Kind::pointer, at);
  value.slots = {at};
  return value;
}

/// Event types are numbered, the leaves of a queue's outcomes have ordinals.
Value lower_event_leaf(FunctionLowering& f, const Expr& expr) {
  const Value event = f.lower(*expr.args[0]);
  const NodeId type = f.b.unary(Op::event_type, Kind::integer, event.scalar());
  const auto root = static_cast<size_t>(expr.args[0]->type.id);
  NodeId ordinal = f.b.zero();
  for (auto i = static_cast<size_t>(f.checked.events[root].last_descendant) + 1; i-- > root;) {
    const auto& leaf = f.checked.events[i];
    if (!leaf.leaf || leaf.leaf_ordinal == checked::none) continue;
    const NodeId is = f.b.binary(Op::equal, Kind::boolean, type, f.b.constant(static_cast<int64_t>(i)));
    ordinal = f.b.select(is, f.b.constant(leaf.leaf_ordinal), ordinal);
  }
  Value value = f.fact(ordinal);
  value.wake = event.wake;
  return value;
}

Value lower_variable(FunctionLowering& f, const Expr& expr, checked::Index strategy) {
  const auto& variable = f.checked.strategies[static_cast<size_t>(strategy)].variables[static_cast<size_t>(expr.index)];
  const Value value = f.fact(slots_of(f, Op::state_variable, f.self(expr), variable.slot, variable.type));
  f.note(Note::Kind::variable, variable.name, variable.type, value.slots, expr.span);
  return value;
}

Value lower_setting(FunctionLowering& f, const Expr& expr) {
  const auto& setting = f.checked.settings[static_cast<size_t>(expr.index)];
  std::vector<NodeId> slots;
  int64_t slot = setting.slot;
  for (const Kind kind : kinds_of(f.checked, setting.type)) slots.push_back(f.b.leaf(Op::setting, kind, slot++));
  const Value value = f.fact(std::move(slots));
  f.note(Note::Kind::setting, setting.name, setting.type, value.slots, expr.span);
  return value;
}

Value lower_record_field(FunctionLowering& f, const Expr& expr) {
  const Value whole = f.lower(*expr.args[0]);
  const auto& record = f.checked.records[static_cast<size_t>(expr.args[0]->type.id)];
  size_t first = 0;
  for (checked::Index i = 0; i < expr.index; ++i) first += kinds_of(f.checked, record.fields[static_cast<size_t>(i)].type).size();
  const size_t count = kinds_of(f.checked, record.fields[static_cast<size_t>(expr.index)].type).size();
  Value value = f.fact(std::vector<NodeId>(whole.slots.begin() + static_cast<ptrdiff_t>(first), whole.slots.begin() + static_cast<ptrdiff_t>(first + count)));
  value.wake = whole.wake;
  return value;
}

Value lower_record(FunctionLowering& f, const Expr& expr) {
  Value value = f.fact(std::vector<NodeId>{});
  for (const auto& argument : expr.args) {
    const Value part = f.level(argument->type, f.lower(*argument));
    value.slots.insert(value.slots.end(), part.slots.begin(), part.slots.end());
    value.wake = f.earlier(value.wake, part.wake);
  }
  return value;
}

Value lower_state(FunctionLowering& f, const Expr& expr) {
  const NodeId self = f.self(expr);
  const auto is = [&](Op op) { return f.fact(f.b.binary(Op::equal, Kind::boolean, f.b.unary(op, Kind::integer, self), f.b.constant(expr.index))); };
  switch (expr.op) {
    case checked::Op::entered_at:
      return f.fact(f.b.unary(Op::state_entered_at, Kind::integer, self));
    case checked::Op::enrolled_at:
      return f.fact(f.b.unary(Op::state_enrolled_at, Kind::integer, self));
    case checked::Op::visits:
      return f.fact(f.b.unary(Op::state_visits, Kind::integer, self, expr.index));
    case checked::Op::in_stage:
      return is(Op::state_stage);
    default:
      return is(Op::state_strategy);
  }
}

Value lower_clock(FunctionLowering& f, const Expr& expr) {
  Value value = f.fact(f.b.leaf(expr.op == checked::Op::now ? Op::now : Op::today, Kind::integer));
  if (f.wake) {
    value.slope = f.b.constant(1);
    value.slope_max = 1;
  }
  return value;
}

Value lower_by_op(FunctionLowering& f, const Expr& expr) {
  switch (expr.op) {
    case checked::Op::literal:
      return f.literal(expr);
    case checked::Op::missing:
      return f.missing(expr.type);
    case checked::Op::now:
    case checked::Op::today:
      return lower_clock(f, expr);
    case checked::Op::self:
      return f.fact(f.self(expr));
    case checked::Op::event:
      return f.fact(f.b.leaf(Op::event, Kind::pointer));
    case checked::Op::parameter:
      return f.parameter(expr.index);
    case checked::Op::local:
      return f.local(expr.index);
    case checked::Op::setting:
      return lower_setting(f, expr);
    case checked::Op::field:
      return lower_field(f, expr);
    case checked::Op::derived:
      return f.derived(expr);
    case checked::Op::ancestor:
      return lower_ancestor(f, expr);
    case checked::Op::event_field:
      return lower_event_field(f, expr);
    case checked::Op::event_at:
    case checked::Op::event_owner: {
      Value value = f.lower(*expr.args[0]);
      const bool at = expr.op == checked::Op::event_at;
      value.slots = {f.b.unary(at ? Op::event_at : Op::event_owner, at ? Kind::integer : Kind::pointer, value.scalar())};
      if (at) f.note(Note::Kind::event_field, f.checked.events[static_cast<size_t>(expr.args[0]->type.id)].name + ".at", expr.type, value.slots, expr.span);
      return value;
    }
    case checked::Op::event_leaf:
      return lower_event_leaf(f, expr);
    case checked::Op::variable:
      return lower_variable(f, expr, f.strategy());
    case checked::Op::entered_at:
    case checked::Op::enrolled_at:
    case checked::Op::visits:
    case checked::Op::in_stage:
    case checked::Op::in_strategy:
      return lower_state(f, expr);
    case checked::Op::equal:
    case checked::Op::not_equal:
    case checked::Op::less:
    case checked::Op::less_equal:
    case checked::Op::greater:
    case checked::Op::greater_equal:
      return f.comparison(expr);
    case checked::Op::logical_and:
    case checked::Op::logical_or:
    case checked::Op::logical_not:
      return f.logical(expr);
    case checked::Op::condition:
      return f.condition(expr);
    case checked::Op::let:
      return f.let(expr);
    case checked::Op::to_optional:
    case checked::Op::known:
    case checked::Op::default_value:
    case checked::Op::unwrap:
      return f.optional_value(expr);
    case checked::Op::map:
      return f.map(expr);
    case checked::Op::function:
      return f.function_call(expr);
    case checked::Op::native:
      return f.native_call(expr);
    case checked::Op::builtin:
      return f.builtin_call(expr);
    case checked::Op::table:
      return f.table_call(expr);
    case checked::Op::record:
      return lower_record(f, expr);
    case checked::Op::record_field:
      return lower_record_field(f, expr);
    case checked::Op::text_concat:
      return f.plain(expr, Op::text_concat, Kind::pointer);
    case checked::Op::aggregate:
      return f.aggregate(expr);
    default:
      return f.arithmetic(expr);
  }
}

}  // namespace

Value FunctionLowering::lower(const Expr& expr) {
  const bool condition_note = expr.type.kind == TypeKind::boolean && !expr.type.optional && expr.op != checked::Op::literal;
  if (!condition_note) return lower_by_op(*this, expr);
  const auto mine = static_cast<int32_t>(made.notes.size());
  note(Note::Kind::condition, "", expr.type, {}, expr.span);
  const int32_t before = enclosing_condition;
  enclosing_condition = mine;
  Value value = lower_by_op(*this, expr);
  enclosing_condition = before;
  Note& own = made.notes[static_cast<size_t>(mine)];
  own.slots = value.slots;
  if (expr.op == checked::Op::logical_and) own.join = Note::Join::conjunction;
  if (expr.op == checked::Op::logical_or) own.join = Note::Join::disjunction;
  return value;
}

}  // namespace dunlin::ir
