#include "lang/sema/analysis/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace dunlin::analysis {

using checked::Expr;
using checked::Op;

namespace {

std::string key_of_aggregate(const checked::Aggregate& aggregate, const Scope& scope) {
  Scope inner = scope;
  int32_t nesting = 0;
  for (const auto& [local, binding] : scope.locals) nesting = std::max(nesting, binding.nesting);
  inner.locals[aggregate.local] = {nullptr, nullptr, checked::none, nesting + 1};
  const auto part = [&](const checked::ExprPtr& expr) { return expr ? key_of(*expr, inner) : std::string("-"); };
  std::string key =
      fmt::format("[{} {} {} {} {} {} {}", static_cast<int>(aggregate.function), static_cast<int>(aggregate.source), static_cast<int>(aggregate.scope),
                  static_cast<int>(aggregate.window), static_cast<int>(aggregate.calendar), aggregate.element_entity, part(aggregate.owner));
  for (checked::Index type : aggregate.event_types) key += fmt::format(" e{}", type);
  key += fmt::format(" v{} w{} n{}", part(aggregate.value), part(aggregate.where), part(aggregate.window_value));
  for (const auto& order : aggregate.order) key += fmt::format(" o{}{}", order.descending ? '-' : '+', part(order.key));
  return key + "]";
}

bool only_wraps(Op op) { return op == Op::unwrap || op == Op::to_optional; }

}  // namespace

std::string key_of(const Expr& expr, const Scope& scope) {
  if (only_wraps(expr.op)) return key_of(*expr.args.at(0), scope);
  if (expr.op == Op::self && scope.self != nullptr) return key_of(*scope.self, *scope.outer);
  if (expr.op == Op::parameter && static_cast<size_t>(expr.index) < scope.parameters.size()) {
    return key_of(*scope.parameters[static_cast<size_t>(expr.index)], *scope.outer);
  }
  if (expr.op == Op::local) {
    const auto binding = scope.locals.find(expr.index);
    if (binding != scope.locals.end() && binding->second.value != nullptr) return key_of(*binding->second.value, *binding->second.scope);
    if (binding != scope.locals.end()) return fmt::format("(element {})", binding->second.nesting);
  }
  if (expr.op == Op::let || expr.op == Op::map) {
    Scope inner = scope;
    inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
    const std::string body = key_of(*expr.args.at(1), inner);
    return expr.op == Op::let ? body : fmt::format("(map {} {})", key_of(*expr.args[0], scope), body);
  }
  std::string key = fmt::format("({} {}", static_cast<int>(expr.op), expr.index);
  if (expr.op == Op::literal)
    key += fmt::format(" {}:{} {} {}:{}", static_cast<int>(expr.type.kind), expr.value, std::bit_cast<int64_t>(expr.number), expr.text.size(), expr.text);
  for (const auto& argument : expr.args) key += ' ' + key_of(*argument, scope);
  if (expr.aggregate) key += key_of_aggregate(*expr.aggregate, scope);
  return key + ')';
}

Scope scope_of_body(const Expr& expr, const Scope& scope) {
  Scope inner;
  inner.outer = &scope;
  if (expr.op == Op::derived) {
    inner.self = expr.args.at(0).get();
  } else {
    for (const auto& argument : expr.args) inner.parameters.push_back(argument.get());
  }
  return inner;
}

const Expr* body_of(const checked::Program& program, const Expr& expr) {
  checked::RootId root = checked::none;
  if (expr.op == Op::derived) {
    const checked::Type& owner = expr.args.at(0)->type;
    if (owner.id < 0) return nullptr;
    root = program.entities.at(static_cast<size_t>(owner.id)).derived.at(static_cast<size_t>(expr.index)).root;
  } else if (expr.op == Op::function) {
    root = program.functions.at(static_cast<size_t>(expr.index)).root;
  }
  return root == checked::none ? nullptr : program.roots.at(static_cast<size_t>(root)).body.get();
}

}  // namespace dunlin::analysis
