// What `self`, parameters and locals of a checked expression stand for while functions and derived fields are read
// as if they were written out in place.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lang/sema/checked.h"

namespace dunlin::analysis {

struct Scope {
  struct Binding {
    const checked::Expr* value = nullptr;  // read in `scope`
    const Scope* scope = nullptr;
    checked::Index instance = checked::none;  // an aggregate's element: the one instance of this entity
    int32_t nesting = 0;                      // an aggregate's element in key_of: how many aggregates lie around it
  };
  const Scope* outer = nullptr;
  const checked::Expr* self = nullptr;           // read in `outer`; null: the instance that asks
  std::vector<const checked::Expr*> parameters;  // read in `outer`
  std::map<checked::Index, Binding> locals;
};

/// A text that two expressions share exactly if they are written alike once everything is in place. Whether a value is
/// wrapped as optional makes no difference.
std::string key_of(const checked::Expr& expr, const Scope& scope);

/// The scope of a derived field's body (expr is Op::derived) or a function's (Op::function).
Scope scope_of_body(const checked::Expr& expr, const Scope& scope);
/// That body, or null where the program has none.
const checked::Expr* body_of(const checked::Program& program, const checked::Expr& expr);

/// Calls `visit` for the expression and everything below it, aggregates included.
template <class Visit>
void for_each_part(const checked::Expr& expr, Visit&& visit) {
  visit(expr);
  for (const auto& argument : expr.args) {
    if (argument) for_each_part(*argument, visit);
  }
  if (!expr.aggregate) return;
  const checked::Aggregate& aggregate = *expr.aggregate;
  for (const checked::ExprPtr* part : {&aggregate.owner, &aggregate.value, &aggregate.where, &aggregate.window_value}) {
    if (*part) for_each_part(**part, visit);
  }
  for (const auto& order : aggregate.order) {
    if (order.key) for_each_part(*order.key, visit);
  }
}

}  // namespace dunlin::analysis
