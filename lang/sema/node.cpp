#include "lang/sema/node.h"

#include <bit>
#include <unordered_map>

namespace dunlin::sema {

using checked::Aggregate;
using checked::Expr;
using checked::Index;
using checked::Type;
using checked::TypeKind;

ExprPtr make_node(Op op, Type type, Span span) {
  auto made = std::make_unique<Expr>();
  made->op = op;
  made->type = type;
  made->span = span;
  return made;
}
ExprPtr make_node(Op op, Type type, Span span, ExprPtr a) {
  auto made = make_node(op, type, span);
  made->args.push_back(std::move(a));
  return made;
}
ExprPtr make_node(Op op, Type type, Span span, ExprPtr a, ExprPtr b) {
  auto made = make_node(op, type, span, std::move(a));
  made->args.push_back(std::move(b));
  return made;
}
ExprPtr make_node(Op op, Type type, Span span, ExprPtr a, ExprPtr b, ExprPtr c) {
  auto made = make_node(op, type, span, std::move(a), std::move(b));
  made->args.push_back(std::move(c));
  return made;
}

ExprPtr make_literal(Type type, int64_t value, Span span) {
  auto made = make_node(Op::literal, type, span);
  made->value = value;
  return made;
}
ExprPtr make_number(double value, Span span) {
  auto made = make_node(Op::literal, {TypeKind::number}, span);
  made->number = value;
  made->value = std::bit_cast<int64_t>(value);
  return made;
}
ExprPtr make_text(std::string text, Span span) {
  auto made = make_node(Op::literal, {TypeKind::text}, span);
  made->text = std::move(text);
  return made;
}
ExprPtr make_bool(bool value, Span span) { return make_literal({TypeKind::boolean}, value ? 1 : 0, span); }
ExprPtr make_wrong(Span span) { return make_node(Op::literal, {}, span); }
ExprPtr make_local(Index local, Type type, Span span) {
  auto made = make_node(Op::local, type, span);
  made->index = local;
  return made;
}

static ExprPtr clone_or_null(const ExprPtr& expr) { return expr ? clone(*expr) : nullptr; }

static std::unique_ptr<Aggregate> clone_aggregate(const Aggregate& from) {
  auto made = std::make_unique<Aggregate>();
  made->function = from.function;
  made->source = from.source;
  made->owner = clone_or_null(from.owner);
  made->scope = from.scope;
  made->event_types = from.event_types;
  made->element_entity = from.element_entity;
  made->local = from.local;
  made->value = clone_or_null(from.value);
  made->where = clone_or_null(from.where);
  for (const Aggregate::OrderKey& key : from.order) made->order.push_back({clone(*key.key), key.descending});
  made->window = from.window;
  made->window_value = clone_or_null(from.window_value);
  made->calendar = from.calendar;
  return made;
}

ExprPtr clone(const Expr& expr) {
  auto made = make_node(expr.op, expr.type, expr.span);
  made->index = expr.index;
  made->value = expr.value;
  made->number = expr.number;
  made->text = expr.text;
  for (const ExprPtr& argument : expr.args) made->args.push_back(clone(*argument));
  if (expr.aggregate) made->aggregate = clone_aggregate(*expr.aggregate);
  return made;
}

static void replace_local(ExprPtr& expr, Index local, const Expr& replacement) {
  if (!expr) return;
  if (expr->op == Op::local && expr->index == local) {
    expr = clone(replacement);
    return;
  }
  for (ExprPtr& argument : expr->args) replace_local(argument, local, replacement);
  if (!expr->aggregate) return;
  Aggregate& aggregate = *expr->aggregate;
  for (ExprPtr* part : {&aggregate.owner, &aggregate.value, &aggregate.where, &aggregate.window_value}) replace_local(*part, local, replacement);
  for (Aggregate::OrderKey& key : aggregate.order) replace_local(key.key, local, replacement);
}

ExprPtr with_local(const Expr& expr, Index local, const Expr& replacement) {
  ExprPtr made = clone(expr);
  replace_local(made, local, replacement);
  return made;
}

ExprPtr join(Op op, std::vector<ExprPtr> parts, Span span) {
  if (parts.empty()) return nullptr;
  while (parts.size() > 1) {
    std::vector<ExprPtr> halved;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) {
      halved.push_back(make_node(op, {TypeKind::boolean}, span, std::move(parts[i]), std::move(parts[i + 1])));
    }
    if (parts.size() % 2 == 1) halved.push_back(std::move(parts.back()));
    parts = std::move(halved);
  }
  return std::move(parts.front());
}

size_t size_of(const Expr& expr, size_t limit) {
  if (expr.aggregate) return limit;
  size_t count = 1;
  for (const ExprPtr& argument : expr.args) {
    if (count >= limit) return limit;
    count += size_of(*argument, limit - count);
  }
  return count;
}

// ---- structure -----------------------------------------------------------------------------------

namespace {

class StructureWriter {
 public:
  std::string text;

  void write(const Expr& expr) {
    if (expr.op == Op::unwrap) return write(*expr.args[0]);  // the same value, seen as known
    text += '(' + std::to_string(static_cast<int>(expr.op));
    if (expr.op == Op::local) {
      text += 'l' + std::to_string(number_of(expr.index));
    } else if (expr.op == Op::map || expr.op == Op::let) {
      number_of(expr.index);
    } else {
      text += 'i' + std::to_string(expr.index);
    }
    if (expr.op == Op::literal) {
      text +=
          'v' + std::to_string(expr.value) + 't' + std::to_string(static_cast<int>(expr.type.kind)) + ':' + std::to_string(expr.text.size()) + ':' + expr.text;
    }
    for (const ExprPtr& argument : expr.args) write(*argument);
    if (expr.aggregate) write(*expr.aggregate);
    text += ')';
  }

 private:
  /// Locals are numbered as they are met, so that two alike expressions read the same. Those bound further out keep their number.
  int number_of(Index local) { return numbers_.try_emplace(local, static_cast<int>(numbers_.size())).first->second; }

  void part(const ExprPtr& expr) {
    text += ',';
    if (expr) write(*expr);
  }

  void write(const Aggregate& aggregate) {
    number_of(aggregate.local);
    text += '[' + std::to_string(static_cast<int>(aggregate.function)) + '/' + std::to_string(static_cast<int>(aggregate.source)) + '/' +
            std::to_string(static_cast<int>(aggregate.scope)) + '/' + std::to_string(aggregate.element_entity) + '/' +
            std::to_string(static_cast<int>(aggregate.window)) + '/' + std::to_string(static_cast<int>(aggregate.calendar));
    for (Index type : aggregate.event_types) text += 'e' + std::to_string(type);
    part(aggregate.owner);
    part(aggregate.value);
    part(aggregate.where);
    for (const Aggregate::OrderKey& key : aggregate.order) {
      text += key.descending ? '-' : '+';
      part(key.key);
    }
    part(aggregate.window_value);
    text += ']';
  }

  std::unordered_map<Index, int> numbers_;
};

}  // namespace

static void free_locals(const Expr& expr, std::vector<Index>& bound, std::string& out) {
  if (expr.op == Op::local) {
    for (Index local : bound) {
      if (local == expr.index) return;
    }
    out += 'f' + std::to_string(expr.index);
  }
  const bool binds = expr.op == Op::map || expr.op == Op::let;
  if (binds) bound.push_back(expr.index);
  for (const ExprPtr& argument : expr.args) free_locals(*argument, bound, out);
  if (binds) bound.pop_back();
  if (!expr.aggregate) return;
  const Aggregate& aggregate = *expr.aggregate;
  if (aggregate.owner) free_locals(*aggregate.owner, bound, out);
  if (aggregate.window_value) free_locals(*aggregate.window_value, bound, out);
  bound.push_back(aggregate.local);
  if (aggregate.value) free_locals(*aggregate.value, bound, out);
  if (aggregate.where) free_locals(*aggregate.where, bound, out);
  for (const Aggregate::OrderKey& key : aggregate.order) free_locals(*key.key, bound, out);
  bound.pop_back();
}

std::string structure(const Expr& expr) {
  StructureWriter writer;
  writer.write(expr);
  std::vector<Index> bound;
  writer.text += '|';
  free_locals(expr, bound, writer.text);  // numbering hides which outer local is meant
  return writer.text;
}

bool is_frozen(const Expr& expr) {
  switch (expr.op) {
    case Op::literal:
    case Op::missing:
    case Op::self:
    case Op::event:
    case Op::parameter:
    case Op::local:
    case Op::setting:
    case Op::field:
    case Op::ancestor:
    case Op::event_field:
    case Op::event_at:
    case Op::event_owner:
    case Op::map:
    case Op::unwrap:
      break;
    default:
      return false;
  }
  for (const ExprPtr& argument : expr.args) {
    if (!is_frozen(*argument)) return false;
  }
  return true;
}

}  // namespace dunlin::sema
