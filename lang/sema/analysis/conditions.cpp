#include "lang/sema/analysis/conditions.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::Expr;
using checked::Op;
using checked::RootId;
using checked::TypeKind;

namespace {

constexpr int64_t least = std::numeric_limits<int64_t>::min();
constexpr int64_t greatest = std::numeric_limits<int64_t>::max();
constexpr size_t cases_max = 400;
constexpr int depth_max = 120, steps_max = 20'000;

const Cases always_true = {Case{}};

ValueSet interval(int64_t low, int64_t high) {
  ValueSet set;
  if (low <= high) set.intervals.push_back({low, high});
  return set;
}

/// Everything known that is not in the set.
ValueSet known_rest(const ValueSet& set) {
  ValueSet rest;
  int64_t from = least;
  for (const auto& taken : set.intervals) {
    if (taken.low > from) rest.intervals.push_back({from, taken.low - 1});
    if (taken.high == greatest) return rest;
    from = taken.high + 1;
  }
  rest.intervals.push_back({from, greatest});
  return rest;
}

bool holds(const ValueSet& set, int64_t value) {
  return std::any_of(set.intervals.begin(), set.intervals.end(), [&](const auto& i) { return i.low <= value && value <= i.high; });
}

/// The values x for which `x op bound`.
ValueSet values_where(Op op, int64_t bound) {
  switch (op) {
    case Op::equal:
      return interval(bound, bound);
    case Op::not_equal:
      return known_rest(interval(bound, bound));
    case Op::less:
      return bound == least ? ValueSet{} : interval(least, bound - 1);
    case Op::less_equal:
      return interval(least, bound);
    case Op::greater:
      return bound == greatest ? ValueSet{} : interval(bound + 1, greatest);
    default:
      return interval(bound, greatest);
  }
}

Op turned_round(Op op) {
  switch (op) {
    case Op::less:
      return Op::greater;
    case Op::less_equal:
      return Op::greater_equal;
    case Op::greater:
      return Op::less;
    case Op::greater_equal:
      return Op::less_equal;
    default:
      return op;
  }
}

Op opposite(Op op) {
  switch (op) {
    case Op::equal:
      return Op::not_equal;
    case Op::not_equal:
      return Op::equal;
    case Op::less:
      return Op::greater_equal;
    case Op::less_equal:
      return Op::greater;
    case Op::greater:
      return Op::less_equal;
    default:
      return Op::less;
  }
}

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

/// Durations of different units and whole records have no place on one line.
bool lies_on_a_line(TypeKind kind) {
  return kind != TypeKind::duration && kind != TypeKind::record && kind != TypeKind::instance && kind != TypeKind::event && kind != TypeKind::list &&
         kind != TypeKind::error;
}

std::optional<Cases> either(const std::optional<Cases>& a, const std::optional<Cases>& b) {
  if (!a || !b || a->size() + b->size() > cases_max) return {};
  Cases result = *a;
  result.insert(result.end(), b->begin(), b->end());
  return result;
}

}  // namespace

ValueSet intersect(const ValueSet& a, const ValueSet& b) {
  ValueSet result;
  result.missing = a.missing && b.missing;
  for (const auto& x : a.intervals) {
    for (const auto& y : b.intervals) {
      const int64_t low = std::max(x.low, y.low), high = std::min(x.high, y.high);
      if (low <= high) result.intervals.push_back({low, high});
    }
  }
  return result;
}

std::optional<Cases> Conditions::both(const std::optional<Cases>& a, const std::optional<Cases>& b) {
  // One side that never holds decides, however large the other is.
  if ((a && a->empty()) || (b && b->empty())) return Cases{};
  if (!a || !b || a->size() * b->size() > cases_max * 16) return {};
  Cases result;
  for (const Case& x : *a) {
    for (const Case& y : *b) {
      Case merged = x;
      bool possible = true;
      for (const auto& [term, set] : y) {
        const auto [place, added] = merged.emplace(term, set);
        if (!added) place->second = intersect(place->second, set);
        possible = possible && !place->second.empty();
      }
      if (possible) result.push_back(std::move(merged));
    }
  }
  if (result.size() > cases_max) return {};
  return result;
}

std::optional<Cases> Conditions::cases_of(RootId root, bool wanted) { return cases_in(root, Scope{}, wanted); }

std::optional<Cases> Conditions::cases_in(RootId root, const Scope& scope, bool wanted) {
  sema::Interruptible::ask();
  if (root == checked::none) return wanted ? always_true : Cases{};
  const Expr* body = program_.roots.at(static_cast<size_t>(root)).body.get();
  if (body == nullptr) return {};
  steps_ = 0;
  return truth(*body, scope, wanted);
}

std::optional<Cases> Conditions::cases_of_missing(RootId root) {
  sema::Interruptible::ask();
  const Expr* body = root == checked::none ? nullptr : program_.roots.at(static_cast<size_t>(root)).body.get();
  if (body == nullptr) return {};
  steps_ = 0;
  ValueSet missing;
  missing.missing = true;
  return demand(*body, Scope{}, missing);
}

bool Conditions::never_holds(RootId root) {
  const Answer cases = cases_of(root, true);
  return cases && cases->empty();
}

namespace {

void parts_of(const Expr& expr, std::vector<const Expr*>& parts) {
  if (expr.op != Op::logical_and) {
    parts.push_back(&expr);
    return;
  }
  for (const auto& argument : expr.args) parts_of(*argument, parts);
}

}  // namespace

std::vector<const Expr*> Conditions::parts_that_exclude(RootId root) {
  constexpr size_t parts_max = 60;
  const Expr* body = root == checked::none ? nullptr : program_.roots.at(static_cast<size_t>(root)).body.get();
  if (body == nullptr || body->op != Op::logical_and) return {};
  struct Part {
    const Expr* expr;
    Answer cases;
  };
  std::vector<const Expr*> written;
  parts_of(*body, written);
  if (written.size() > parts_max) return {};
  std::vector<Part> parts;
  for (const Expr* expr : written) {
    steps_ = 0;
    parts.push_back({expr, truth(*expr, Scope{}, true)});
  }
  const auto exclude = [](const std::vector<Part>& some) {
    Answer together = always_true;
    for (const Part& part : some) {
      if (part.cases) together = both(together, part.cases);
      if (!together) return false;
    }
    return together->empty();
  };
  if (!exclude(parts)) return {};
  for (size_t i = 0; i < parts.size();) {
    std::vector<Part> fewer = parts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (exclude(fewer)) {
      parts = std::move(fewer);
    } else {
      ++i;
    }
  }
  std::vector<const Expr*> left;
  for (const Part& part : parts) left.push_back(part.expr);
  return left;
}

bool Conditions::always_holds(RootId root) {
  const Answer cases = cases_of(root, false);
  return cases && cases->empty();
}

bool Conditions::implies(RootId narrow, RootId wide) {
  const Answer rest = both(cases_of(narrow, true), cases_of(wide, false));
  return rest && rest->empty();
}

bool Conditions::exclude_each_other(const std::vector<RootId>& roots) {
  Answer together = always_true;
  for (RootId root : roots) together = both(together, cases_of(root, true));
  return together && together->empty();
}

std::optional<Cases> Conditions::truth(const Expr& expr, const Scope& scope, bool wanted) {
  if (depth_ > depth_max || ++steps_ > steps_max) return {};
  ++depth_;
  const auto answer = [&]() -> Answer {
    switch (expr.op) {
      case Op::logical_not:
        return truth(*expr.args.at(0), scope, !wanted);
      case Op::logical_and:
      case Op::logical_or: {
        Answer result = (expr.op == Op::logical_and) == wanted ? Answer(always_true) : Answer(Cases{});
        for (const auto& argument : expr.args) {
          const Answer part = truth(*argument, scope, wanted);
          result = (expr.op == Op::logical_and) == wanted ? both(result, part) : either(result, part);
        }
        return result;
      }
      case Op::equal:
      case Op::not_equal:
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
        return comparison(expr, scope, wanted);
      case Op::known: {
        ValueSet set;
        set.missing = !wanted;
        if (wanted) set.intervals = known_rest({}).intervals;
        return demand(*expr.args.at(0), scope, set);
      }
      default:
        return demand(expr, scope, interval(wanted, wanted));
    }
  }();
  --depth_;
  return answer;
}

std::optional<Cases> Conditions::comparison(const Expr& expr, const Scope& scope, bool wanted) {
  const Op op = wanted ? expr.op : opposite(expr.op);
  const Expr& left = *expr.args.at(0);
  const Expr& right = *expr.args.at(1);
  if (!lies_on_a_line(left.type.kind)) return order_of_terms(expr, op, scope);
  if (const auto bound = constant(right, scope)) return demand(left, scope, values_where(op, *bound));
  if (const auto bound = constant(left, scope)) return demand(right, scope, values_where(turned_round(op), *bound));
  return order_of_terms(expr, op, scope);
}

/// Two values of which neither is constant: one term that says how they lie to each other, -1, 0 or 1.
std::optional<Cases> Conditions::order_of_terms(const Expr& expr, Op op, const Scope& scope) {
  std::string left = key_of(*expr.args.at(0), scope), right = key_of(*expr.args.at(1), scope);
  if (left > right) {
    std::swap(left, right);
    op = turned_round(op);
  }
  ValueSet set = intersect(values_where(op, 0), interval(-1, 1));
  if (left == right) return holds(set, 0) ? always_true : Cases{};
  if (set.empty()) return Cases{};
  return Cases{{{"order " + left + right, set}}};
}

std::optional<Cases> Conditions::demand(const Expr& expr, const Scope& scope, const ValueSet& set) {
  if (set.empty()) return Cases{};
  if (depth_ > depth_max || ++steps_ > steps_max) return {};
  ++depth_;
  const auto answer = [&]() -> Answer {
    switch (expr.op) {
      case Op::missing:
        return set.missing ? always_true : Cases{};
      case Op::unwrap:
      case Op::to_optional: {
        ValueSet known = set;
        known.missing = false;
        return demand(*expr.args.at(0), scope, known);
      }
      case Op::default_value:
        return demand_of_default(expr, scope, set);
      case Op::map:
        return demand_of_map(expr, scope, set);
      case Op::condition:
        return either(both(truth(*expr.args.at(0), scope, true), demand(*expr.args.at(1), scope, set)),
                      both(truth(*expr.args.at(0), scope, false), demand(*expr.args.at(2), scope, set)));
      case Op::let: {
        Scope inner = scope;
        inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
        return demand(*expr.args.at(1), inner, set);
      }
      case Op::local: {
        const auto binding = scope.locals.find(expr.index);
        if (binding == scope.locals.end() || binding->second.value == nullptr) return demand_of_term(expr, scope, set);
        return demand(*binding->second.value, *binding->second.scope, set);
      }
      case Op::parameter:
        if (static_cast<size_t>(expr.index) >= scope.parameters.size()) return demand_of_term(expr, scope, set);
        return demand(*scope.parameters[static_cast<size_t>(expr.index)], *scope.outer, set);
      case Op::derived:
      case Op::function:
        return demand_of_body(expr, scope, set);
      case Op::logical_and:
      case Op::logical_or:
      case Op::logical_not:
      case Op::known:
      case Op::equal:
      case Op::not_equal:
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal: {
        if (holds(set, 0) && holds(set, 1)) return always_true;
        if (!holds(set, 0) && !holds(set, 1)) return Cases{};
        return truth(expr, scope, holds(set, 1));
      }
      default:
        return demand_of_term(expr, scope, set);
    }
  }();
  --depth_;
  return answer;
}

/// Written out in place; where that grows too large, the field or call counts as one value of its own.
std::optional<Cases> Conditions::demand_of_body(const Expr& expr, const Scope& scope, const ValueSet& set) {
  if (const Expr* body = body_of(program_, expr)) {
    const Scope inner = scope_of_body(expr, scope);
    if (const Answer cases = demand(*body, inner, set)) return cases;
  }
  return demand_of_term(expr, scope, set);
}

std::optional<Cases> Conditions::demand_of_default(const Expr& expr, const Scope& scope, const ValueSet& set) {
  ValueSet known = set, missing;
  known.missing = false;
  missing.missing = true;
  return either(demand(*expr.args.at(0), scope, known), both(demand(*expr.args.at(0), scope, missing), demand(*expr.args.at(1), scope, set)));
}

/// Missing where the argument is missing (or the body says so), else a value of its own.
std::optional<Cases> Conditions::demand_of_map(const Expr& expr, const Scope& scope, const ValueSet& set) {
  ValueSet known = known_rest({}), missing, of_body = set;
  missing.missing = true;
  of_body.missing = set.missing && expr.args.at(1)->type.optional;
  const Expr& argument = *expr.args.at(0);
  const Answer present = of_body.empty() ? Answer(Cases{}) : both(demand(argument, scope, known), demand_of_term(expr, scope, of_body));
  return set.missing ? either(demand(argument, scope, missing), present) : present;
}

std::optional<Cases> Conditions::demand_of_term(const Expr& expr, const Scope& scope, const ValueSet& set) {
  if (const auto value = constant(expr, scope)) return holds(set, *value) ? always_true : Cases{};
  const ValueSet all = domain(expr);
  const ValueSet wanted = intersect(all, set);
  if (wanted.empty()) return Cases{};
  return Cases{{{key_of(expr, scope), wanted}}};
}

/// What the term can be at all. Never too narrow: a term wrongly held impossible would be a wrong finding.
ValueSet Conditions::domain(const Expr& expr) const {
  ValueSet all = interval(least, greatest);
  all.missing = expr.type.optional;
  if (expr.type.kind == TypeKind::boolean) all.intervals = {{0, 1}};
  if (expr.type.kind == TypeKind::enumeration) {
    all.intervals = interval(0, static_cast<int64_t>(program_.enums.at(static_cast<size_t>(expr.type.id)).literals.size()) - 1).intervals;
  }
  if (expr.op == Op::field && expr.args.at(0)->type.id >= 0) {
    const checked::Field& field = program_.entities.at(static_cast<size_t>(expr.args[0]->type.id)).fields.at(static_cast<size_t>(expr.index));
    if (field.type.kind == TypeKind::number) return all;
    const int64_t low = field.minimum.value_or(least), high = field.maximum.value_or(greatest);
    if (field.minimum || field.maximum) all.intervals = interval(low, high).intervals;
  }
  const bool counts = expr.op == Op::aggregate && expr.aggregate &&
                      (expr.aggregate->function == checked::AggregateFunction::count || expr.aggregate->function == checked::AggregateFunction::count_days);
  if (counts || expr.op == Op::visits) all.intervals = {{0, greatest}};
  return all;
}

std::optional<int64_t> Conditions::constant(const Expr& expr, const Scope& scope) {
  const auto value = evaluate(program_, expr, scope, Facts{});
  return value ? key_of_value(expr.type, *value) : std::nullopt;
}

std::optional<int64_t> Conditions::key_of_value(const checked::Type& type, const Value& value) {
  if (value.missing || !lies_on_a_line(type.kind)) return {};
  if (type.kind == TypeKind::number) return checked::order_key_of_double(std::bit_cast<double>(value.slot));
  if (is_text(type.kind)) return texts_.emplace(value.text, static_cast<int64_t>(texts_.size())).first->second;
  return value.slot;
}

}  // namespace dunlin::analysis
