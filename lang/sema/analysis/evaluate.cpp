#include "lang/sema/analysis/evaluate.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace dunlin::analysis {

using checked::Aggregate;
using checked::AggregateFunction;
using checked::Builtin;
using checked::Expr;
using checked::Op;
using checked::TypeKind;

namespace {

using Answer = std::optional<Value>;

__extension__ using Wide = __int128;  // products of two slots

constexpr int64_t decimal_one = 1'000'000;
constexpr int64_t day_us = 86'400'000'000;

Answer checked_slot(Wide value) {
  if (value < std::numeric_limits<int64_t>::min() || value > std::numeric_limits<int64_t>::max()) return {};
  return of_slot(static_cast<int64_t>(value));
}

/// Half to even.
Wide divide_rounded(Wide dividend, Wide divisor) {
  if (divisor < 0) {
    dividend = -dividend;
    divisor = -divisor;
  }
  Wide quotient = dividend / divisor, rest = dividend % divisor;
  if (rest < 0) {
    rest += divisor;
    --quotient;
  }
  if (rest * 2 > divisor || (rest * 2 == divisor && quotient % 2 != 0)) ++quotient;
  return quotient;
}

class Evaluator {
 public:
  Evaluator(const checked::Program& program, const Facts& facts) : program_(program), facts_(facts) {}

  Answer value(const Expr& expr, const Scope& scope) {
    if (++steps_ > steps_max || depth_ > depth_max) return {};
    ++depth_;
    Answer answer = dispatch(expr, scope);
    --depth_;
    return answer;
  }

 private:
  static constexpr int steps_max = 20'000, depth_max = 200;

  Answer dispatch(const Expr& expr, const Scope& scope) {
    switch (expr.op) {
      case Op::literal:
        return literal(expr);
      case Op::missing:
        return of_missing();
      case Op::now:
        return facts_.today ? Answer(of_slot(*facts_.today * day_us + day_us / 2)) : Answer{};
      case Op::today:
        return facts_.today ? Answer(of_slot(*facts_.today)) : Answer{};
      case Op::self:
      case Op::parameter:
      case Op::local:
        return bound(expr, scope);
      case Op::setting:
        return setting(expr, scope);
      case Op::field:
      case Op::ancestor:
      case Op::derived:
        return of_instance(expr, scope);
      case Op::function:
        return body(expr, scope);
      case Op::logical_and:
      case Op::logical_or:
        return logic(expr, scope);
      case Op::condition:
        return condition(expr, scope);
      case Op::let:
        return let(expr, scope);
      case Op::map:
        return map(expr, scope);
      case Op::default_value:
        return default_value(expr, scope);
      case Op::aggregate:
        return expr.aggregate ? aggregate(*expr.aggregate, expr, scope) : Answer{};
      default:
        return computed(expr, scope);
    }
  }

  static Answer literal(const Expr& expr) {
    Value value = of_slot(expr.value);
    if (expr.type.kind == TypeKind::number) value.slot = std::bit_cast<int64_t>(expr.number);
    value.text = expr.text;
    return value;
  }

  Answer bound(const Expr& expr, const Scope& scope) {
    if (expr.op == Op::self) {
      if (scope.self != nullptr) return value(*scope.self, *scope.outer);
      return facts_.self_entity == checked::none ? Answer{} : Answer(of_slot(facts_.self_entity));
    }
    if (expr.op == Op::parameter) {
      if (static_cast<size_t>(expr.index) >= scope.parameters.size()) return {};
      return value(*scope.parameters[static_cast<size_t>(expr.index)], *scope.outer);
    }
    const auto binding = scope.locals.find(expr.index);
    if (binding == scope.locals.end()) return {};
    if (binding->second.value == nullptr) return of_slot(binding->second.instance);
    return value(*binding->second.value, *binding->second.scope);
  }

  /// A setting stands at its initial value: that is how a bundle starts. Without facts it is not a constant.
  Answer setting(const Expr& expr, const Scope&) {
    if (facts_.self_entity == checked::none) return {};
    const checked::RootId root = program_.settings.at(static_cast<size_t>(expr.index)).initial;
    if (root == checked::none) return {};
    return value(*program_.roots.at(static_cast<size_t>(root)).body, Scope{});
  }

  Answer of_instance(const Expr& expr, const Scope& scope) {
    const Answer instance = value(*expr.args.at(0), scope);
    if (!instance || instance->missing) return instance;
    if (expr.op == Op::ancestor) return of_slot(expr.index);
    if (expr.op == Op::derived) return body(expr, scope);
    const auto field = facts_.fields.find({static_cast<checked::Index>(instance->slot), expr.index});
    return field == facts_.fields.end() ? Answer{} : Answer(field->second);
  }

  Answer body(const Expr& expr, const Scope& scope) {
    const Expr* inner = body_of(program_, expr);
    return inner == nullptr ? Answer{} : value(*inner, scope_of_body(expr, scope));
  }

  Answer logic(const Expr& expr, const Scope& scope) {
    const bool decides = expr.op == Op::logical_or;
    bool open = false;
    for (const auto& argument : expr.args) {
      const Answer answer = value(*argument, scope);
      if (answer && (answer->slot != 0) == decides) return open ? Answer{} : Answer(of_slot(decides));
      open = open || !answer;
    }
    return open ? Answer{} : Answer(of_slot(!decides));
  }

  Answer condition(const Expr& expr, const Scope& scope) {
    const Answer which = value(*expr.args.at(0), scope);
    return which ? value(*expr.args.at(which->slot != 0 ? 1 : 2), scope) : Answer{};
  }

  Answer let(const Expr& expr, const Scope& scope) {
    Scope inner = scope;
    inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
    return value(*expr.args.at(1), inner);
  }

  Answer map(const Expr& expr, const Scope& scope) {
    const Answer subject = value(*expr.args.at(0), scope);
    if (!subject || subject->missing) return subject;
    return let(expr, scope);
  }

  Answer default_value(const Expr& expr, const Scope& scope) {
    const Answer subject = value(*expr.args.at(0), scope);
    return !subject || !subject->missing ? subject : value(*expr.args.at(1), scope);
  }

  Answer computed(const Expr& expr, const Scope& scope) {
    std::vector<Value> values;
    values.reserve(expr.args.size());
    for (const auto& argument : expr.args) {
      Answer answer = value(*argument, scope);
      if (!answer) return {};
      values.push_back(std::move(*answer));
    }
    if (values.empty()) return {};
    if (expr.op == Op::known) return of_slot(!values[0].missing);
    if (expr.op == Op::to_optional || expr.op == Op::unwrap) return values[0];
    if (std::any_of(values.begin(), values.end(), [](const Value& v) { return v.missing; })) return {};
    if (expr.op == Op::logical_not) return of_slot(values[0].slot == 0);
    if (expr.op >= Op::equal && expr.op <= Op::greater_equal) return comparison(expr, values);
    if (expr.op == Op::builtin) return builtin(static_cast<Builtin>(expr.index), expr, values);
    return arithmetic(expr, values);
  }

  static Answer comparison(const Expr& expr, const std::vector<Value>& values) {
    const TypeKind kind = expr.args[0]->type.kind;
    if (kind == TypeKind::duration || kind == TypeKind::record) return {};
    const auto order = [&]() -> int {
      if (kind == TypeKind::number) {
        const double a = std::bit_cast<double>(values[0].slot), b = std::bit_cast<double>(values[1].slot);
        return a < b ? -1 : a > b ? 1 : 0;
      }
      if (values[0].slot != values[1].slot) return values[0].slot < values[1].slot ? -1 : 1;
      return values[0].text.compare(values[1].text);
    }();
    switch (expr.op) {
      case Op::equal:
        return of_slot(order == 0);
      case Op::not_equal:
        return of_slot(order != 0);
      case Op::less:
        return of_slot(order < 0);
      case Op::less_equal:
        return of_slot(order <= 0);
      case Op::greater:
        return of_slot(order > 0);
      default:
        return of_slot(order >= 0);
    }
  }

  static Answer arithmetic(const Expr& expr, const std::vector<Value>& values) {
    const TypeKind left = expr.args[0]->type.kind;
    const TypeKind right = expr.args.size() > 1 ? expr.args[1]->type.kind : left;
    const bool counts = left == TypeKind::integer || left == TypeKind::decimal || left == TypeKind::money;
    const Wide a = values[0].slot, b = values.size() > 1 ? values[1].slot : 0;
    switch (expr.op) {
      case Op::add:
        if (left == TypeKind::date && right == TypeKind::duration) return shifted_date(values[0].slot, values[1].slot);
        return counts && left == right ? checked_slot(a + b) : Answer{};
      case Op::subtract:
        return (counts || left == TypeKind::date) && left == right ? checked_slot(a - b) : Answer{};
      case Op::multiply:
        if (right == TypeKind::decimal && (left == TypeKind::decimal || left == TypeKind::money)) return checked_slot(divide_rounded(a * b, decimal_one));
        return counts && right == TypeKind::integer ? checked_slot(a * b) : Answer{};
      case Op::divide:
        if (!counts || b == 0) return {};
        // Of two of a kind, and of money by a decimal, the quotient is scaled; money by a whole number is money.
        return checked_slot(divide_rounded(left == right || right == TypeKind::decimal ? a * decimal_one : a, b));
      case Op::negate:
        return counts ? checked_slot(-a) : Answer{};
      case Op::int_to_decimal:
        return checked_slot(a * decimal_one);
      case Op::int_to_number:
        return of_slot(std::bit_cast<int64_t>(static_cast<double>(values[0].slot)));
      default:
        return {};
    }
  }

  /// Days only: the packing is that of types.h (amount * 8 + unit, unit 1 a day).
  static Answer shifted_date(int64_t date, int64_t duration) {
    constexpr int64_t unit_day = 1;
    if ((duration & 7) != unit_day) return {};
    return checked_slot(static_cast<Wide>(date) + (duration >> 3));
  }

  static Answer builtin(Builtin which, const Expr& expr, const std::vector<Value>& values) {
    const bool ordered =
        expr.args[0]->type.kind != TypeKind::number && expr.args[0]->type.kind != TypeKind::duration && expr.args[0]->type.kind != TypeKind::text;
    switch (which) {
      case Builtin::days:
        return checked_slot(static_cast<Wide>(values[1].slot) - values[0].slot);
      case Builtin::minimum:
        return ordered ? Answer(of_slot(std::min(values[0].slot, values[1].slot))) : Answer{};
      case Builtin::maximum:
        return ordered ? Answer(of_slot(std::max(values[0].slot, values[1].slot))) : Answer{};
      case Builtin::money_units:
      case Builtin::money_of_units:
        return of_slot(values[0].slot);
      case Builtin::absolute:
        return ordered ? checked_slot(values[0].slot < 0 ? -static_cast<Wide>(values[0].slot) : values[0].slot) : Answer{};
      default:
        return {};
    }
  }

  /// The witness has no history, and of each entity just the instance on the way up from the one that asks.
  Answer aggregate(const Aggregate& aggregate, const Expr& expr, const Scope& scope) {
    if (facts_.self_entity == checked::none || aggregate.source == Aggregate::Source::rows) return {};
    const bool has_element = aggregate.source == Aggregate::Source::list && on_the_way_up(aggregate.element_entity);
    if (!has_element) return aggregate_of_nothing(aggregate.function);
    if (aggregate.function == AggregateFunction::all) return {};
    Scope inner = scope;
    inner.locals[aggregate.local] = {nullptr, nullptr, aggregate.element_entity, 0};
    if (aggregate.where) {
      const Answer holds = value(*aggregate.where, inner);
      if (!holds) return {};
      if (holds->slot == 0) return aggregate_of_nothing(aggregate.function);
    }
    switch (aggregate.function) {
      case AggregateFunction::count:
      case AggregateFunction::exists:
        return of_slot(1);
      case AggregateFunction::first:
      case AggregateFunction::last:
        return of_slot(aggregate.element_entity);
      case AggregateFunction::sum:
      case AggregateFunction::minimum:
      case AggregateFunction::maximum:
        return aggregate.value && aggregate.value->type.kind == expr.type.kind ? value(*aggregate.value, inner) : Answer{};
      default:
        return {};
    }
  }

  static Answer aggregate_of_nothing(AggregateFunction function) {
    switch (function) {
      case AggregateFunction::count:
      case AggregateFunction::count_days:
      case AggregateFunction::sum:
      case AggregateFunction::exists:
        return of_slot(0);
      case AggregateFunction::all:
        return of_slot(1);
      default:
        return of_missing();
    }
  }

  bool on_the_way_up(checked::Index entity) const {
    if (facts_.one_of_each) return true;
    for (checked::Index e = facts_.self_entity; e != checked::none; e = program_.entities.at(static_cast<size_t>(e)).parent) {
      if (e == entity) return true;
    }
    return false;
  }

  const checked::Program& program_;
  const Facts& facts_;
  int steps_ = 0, depth_ = 0;
};

}  // namespace

Answer evaluate(const checked::Program& program, const Expr& expr, const Scope& scope, const Facts& facts) {
  return Evaluator(program, facts).value(expr, scope);
}

Answer evaluate_root(const checked::Program& program, checked::RootId root, const Facts& facts) {
  if (root == checked::none) return of_slot(1);
  const checked::Root& asked = program.roots.at(static_cast<size_t>(root));
  if (!asked.body) return {};
  if (!facts.one_of_each) return evaluate(program, *asked.body, Scope{}, facts);
  const RootScope around(asked);
  return evaluate(program, *asked.body, around.scope(), facts);
}

RootScope::RootScope(const checked::Root& root) {
  const auto is_instance = [](checked::Index entity) {
    Expr expr;
    expr.op = Op::literal;
    expr.type = {TypeKind::instance, false, entity};
    expr.value = entity;
    return expr;
  };
  scope_.outer = &around_;
  if (root.self_entity != checked::none) {
    self_ = is_instance(root.self_entity);
    scope_.self = &self_;
  }
  unknown_.op = Op::event;  // of which there is none
  instances_.reserve(root.parameters.size());
  for (const checked::Type& type : root.parameters) {
    const bool known = type.kind == TypeKind::instance;
    if (known) instances_.push_back(is_instance(type.id));
    scope_.parameters.push_back(known ? &instances_.back() : &unknown_);
  }
}

}  // namespace dunlin::analysis
