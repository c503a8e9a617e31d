#include "lang/sema/analysis/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace dunlin::analysis {

using checked::Expr;
using checked::Op;

namespace {

bool only_wraps(Op op) { return op == Op::unwrap || op == Op::to_optional; }

/// Writes a key; gives up where what is written out in place grows without measure (a `let` used twice, and again …).
class KeyWriter {
 public:
  std::string key(const Expr& expr, const Scope& scope) {
    if (++parts_ > parts_max) return {};
    if (only_wraps(expr.op)) return key(*expr.args.at(0), scope);
    if (expr.op == Op::self && scope.self != nullptr) return key(*scope.self, *scope.outer);
    if (expr.op == Op::parameter && static_cast<size_t>(expr.index) < scope.parameters.size()) {
      return key(*scope.parameters[static_cast<size_t>(expr.index)], *scope.outer);
    }
    if (expr.op == Op::local) {
      const auto binding = scope.locals.find(expr.index);
      if (binding != scope.locals.end() && binding->second.value != nullptr) return key(*binding->second.value, *binding->second.scope);
      if (binding != scope.locals.end()) return fmt::format("(element {})", binding->second.nesting);
    }
    if (expr.op == Op::let || expr.op == Op::map) return key_of_binding(expr, scope);
    std::string text = fmt::format("({} {}", static_cast<int>(expr.op), expr.index);
    if (expr.op == Op::literal) {
      text += fmt::format(" {}:{} {} {}:{}", static_cast<int>(expr.type.kind), expr.value, std::bit_cast<int64_t>(expr.number), expr.text.size(), expr.text);
    }
    for (const auto& argument : expr.args) text += ' ' + key(*argument, scope);
    if (expr.aggregate) text += key_of_aggregate(*expr.aggregate, scope);
    return text + ')';
  }
  bool gave_up() const { return parts_ > parts_max; }

 private:
  static constexpr int parts_max = 3000;

  std::string key_of_binding(const Expr& expr, const Scope& scope) {
    Scope inner = scope;
    inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
    const std::string body = key(*expr.args.at(1), inner);
    return expr.op == Op::let ? body : fmt::format("(map {} {})", key(*expr.args[0], scope), body);
  }

  std::string key_of_aggregate(const checked::Aggregate& aggregate, const Scope& scope) {
    Scope inner = scope;
    int32_t nesting = 0;
    for (const auto& [local, binding] : scope.locals) nesting = std::max(nesting, binding.nesting);
    inner.locals[aggregate.local] = {nullptr, nullptr, checked::none, nesting + 1};
    const auto part = [&](const checked::ExprPtr& expr) { return expr ? key(*expr, inner) : std::string("-"); };
    std::string text =
        fmt::format("[{} {} {} {} {} {} {}", static_cast<int>(aggregate.function), static_cast<int>(aggregate.source), static_cast<int>(aggregate.scope),
                    static_cast<int>(aggregate.window), static_cast<int>(aggregate.calendar), aggregate.element_entity, part(aggregate.owner));
    for (checked::Index type : aggregate.event_types) text += fmt::format(" e{}", type);
    text += fmt::format(" v{} w{} n{}", part(aggregate.value), part(aggregate.where), part(aggregate.window_value));
    for (const auto& order : aggregate.order) text += fmt::format(" o{}{}", order.descending ? '-' : '+', part(order.key));
    return text + "]";
  }

  int parts_ = 0;
};

}  // namespace

std::string key_of(const Expr& expr, const Scope& scope) {
  KeyWriter writer;
  std::string key = writer.key(expr, scope);
  if (!writer.gave_up()) return key;
  // Too long to write down: a value of its own, like no other.
  thread_local uint64_t next = 0;
  return fmt::format("(large {})", next++);
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
