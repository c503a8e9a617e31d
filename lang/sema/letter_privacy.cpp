#include <algorithm>

#include "lang/sema/letters.h"
#include "lang/sema/node.h"

namespace dunlin::sema {

bool Privacy::is_personal(RootId root) {
  if (root == none) return false;
  const auto at = static_cast<size_t>(root);
  if (known_.size() < program_.roots.size()) {
    known_.resize(program_.roots.size());
    roots_.resize(program_.roots.size());
  }
  if (!known_[at]) {
    known_[at] = true;  // a circle was refused before; whoever meets it here learns nothing from it
    roots_[at] = program_.roots[at].body && in_expression(*program_.roots[at].body) ? 1 : 0;
  }
  return roots_[at] == 1;
}

bool Privacy::is_personal(const checked::Derived& derived) {
  if (is_personal(derived.root)) return true;
  if (derived.segmentation == none) return false;
  return std::ranges::any_of(program_.segmentations[derived.segmentation].cases, [&](const auto& one) { return is_personal(one.when); });
}

bool Privacy::in_table(Index table) {
  const checked::Table& asked = program_.tables[table];
  const auto row_is = [&](const checked::TableRow& row) {
    return std::ranges::any_of(row.cells, [&](const checked::Cell& cell) { return is_personal(cell.predicate); }) ||
           std::ranges::any_of(row.outputs, [&](const checked::TableOutput& output) { return is_personal(output.root); });
  };
  return std::ranges::any_of(asked.rows, row_is) || (asked.otherwise && row_is(*asked.otherwise));
}

bool Privacy::in_expression(const checked::Expr& expr) {
  const auto part_is = [&](const checked::ExprPtr& part) { return part != nullptr && in_expression(*part); };
  const auto type_of_first = [&] { return expr.args.empty() || expr.args[0] == nullptr ? none : expr.args[0]->type.id; };
  const Index owner = type_of_first();
  switch (expr.op) {
    case Op::field:
      if (owner != none && expr.type.kind != TypeKind::list && program_.entities[owner].fields[expr.index].personal) return true;
      break;
    case Op::derived:
      if (owner != none && is_personal(program_.entities[owner].derived[expr.index])) return true;
      break;
    case Op::event_field:
      if (owner != none && program_.events[owner].fields[expr.index].personal) return true;
      break;
    case Op::function:
      if (is_personal(program_.functions[expr.index].root)) return true;
      break;
    case Op::table:
      if (in_table(expr.index)) return true;
      break;
    default:
      break;
  }
  if (std::ranges::any_of(expr.args, part_is)) return true;
  if (!expr.aggregate) return false;
  const checked::Aggregate& query = *expr.aggregate;
  return part_is(query.owner) || part_is(query.value) || part_is(query.where) || part_is(query.window_value) ||
         std::ranges::any_of(query.order, [&](const auto& key) { return part_is(key.key); });
}

}  // namespace dunlin::sema
