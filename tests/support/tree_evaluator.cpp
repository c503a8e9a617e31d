#include "tests/support/tree_evaluator.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "compiler/abi/arithmetic.h"
#include "compiler/abi/builtin_bodies.h"
#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/abi/wake.h"
#include "stdlib/native/standard_natives.h"

namespace dunlin::test {

using abi::Fault;
using checked::AggregateFunction;
using checked::Expr;
using checked::HitPolicy;
using checked::Op;
using checked::Type;
using checked::TypeKind;
using Slots = std::vector<int64_t>;

namespace {

struct Faulted {
  Fault fault;
};

void hold(Fault fault) {
  if (fault != Fault::none) throw Faulted{fault};
}

const abi::Instance& instance(int64_t slot) { return *reinterpret_cast<const abi::Instance*>(slot); }
const abi::Event& event(int64_t slot) { return *reinterpret_cast<const abi::Event*>(slot); }

int64_t finite(double value) {
  if (!std::isfinite(value)) throw Faulted{Fault::not_a_number};
  return abi::as_slot(value);
}

bool is_pointer(TypeKind kind) {
  switch (kind) {
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::file:
    case TypeKind::location:
      return true;
    default:
      return false;
  }
}

int64_t checked_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw Faulted{Fault::overflow};
  return sum;
}
int64_t checked_difference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(a, b, &difference)) throw Faulted{Fault::overflow};
  return difference;
}
int64_t checked_product(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw Faulted{Fault::overflow};
  return product;
}

class Evaluator {
 public:
  Evaluator(const checked::Program& program, const abi::EvalContext& context, const abi::Instance* self, std::vector<Slots> parameters, checked::Index strategy)
      : p_(program), c_(context), calendar_(*context.calendar), self_(self), parameters_(std::move(parameters)), strategy_(strategy) {}

  Slots of(const Expr& e) {
    switch (e.op) {
      case Op::literal:
        return literal(e);
      case Op::missing:
        return Slots(static_cast<size_t>(checked::slot_count(p_, e.type)), 0);
      case Op::now:
        return {c_.now};
      case Op::today:
        return {c_.today};
      case Op::self:
        return {reinterpret_cast<int64_t>(self_)};
      case Op::event:
        return {reinterpret_cast<int64_t>(c_.event)};
      case Op::parameter:
        return parameters_.at(static_cast<size_t>(e.index));
      case Op::local:
        return local(e.index);
      case Op::setting:
        return part(c_.settings, p_.settings[static_cast<size_t>(e.index)].slot, e.type);
      case Op::field:
      case Op::derived:
      case Op::ancestor:
        return of_instance(e);
      case Op::event_field:
      case Op::event_at:
      case Op::event_owner:
      case Op::event_leaf:
        return of_event(e);
      case Op::variable:
      case Op::entered_at:
      case Op::enrolled_at:
      case Op::visits:
      case Op::in_stage:
      case Op::in_strategy:
        return of_state(e);
      case Op::equal:
      case Op::not_equal:
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
        return {compare(e) ? 1 : 0};
      case Op::logical_and:
        return {of(*e.args[0])[0] != 0 && of(*e.args[1])[0] != 0};
      case Op::logical_or:
        return {of(*e.args[0])[0] != 0 || of(*e.args[1])[0] != 0};
      case Op::logical_not:
        return {of(*e.args[0])[0] == 0};
      case Op::condition:
        return of(*e.args[of(*e.args[0])[0] != 0 ? 1 : 2]);
      case Op::let: {
        bound_[e.index] = {e.args[0].get(), {}};
        return of(*e.args[1]);
      }
      case Op::to_optional:
        return known(of(*e.args[0]));
      case Op::known:
        return {of(*e.args[0])[0]};
      case Op::default_value:
        return default_value(e);
      case Op::unwrap:
        return bare(of(*e.args[0]));
      case Op::map:
        return map(e);
      case Op::function: {
        std::vector<Slots> arguments;
        for (const auto& argument : e.args) arguments.push_back(of(*argument));
        return root(p_.functions[static_cast<size_t>(e.index)].root, nullptr, std::move(arguments));
      }
      case Op::builtin:
        return {builtin(e)};
      case Op::table:
        return table(e);
      case Op::record: {
        Slots all;
        for (const auto& argument : e.args) {
          const Slots one = of(*argument);
          all.insert(all.end(), one.begin(), one.end());
        }
        return all;
      }
      case Op::record_field: {
        const auto& record = p_.records[static_cast<size_t>(e.args[0]->type.id)];
        int64_t first = 0;
        for (checked::Index i = 0; i < e.index; ++i) first += checked::slot_count(p_, record.fields[static_cast<size_t>(i)].type);
        const Slots whole = of(*e.args[0]);
        return part(whole.data(), first, e.type);
      }
      case Op::text_concat: {
        Slots texts;
        for (const auto& argument : e.args) texts.push_back(of(*argument)[0]);
        int64_t result = 0;
        hold(abi::concat(c_, texts.data(), static_cast<int64_t>(texts.size()), &result));
        return {result};
      }
      case Op::aggregate:
        return aggregate(e);
      case Op::native: {
        const auto& native = p_.natives[static_cast<size_t>(e.index)];
        Slots arguments, result(static_cast<size_t>(checked::slot_count(p_, native.result)));
        for (const auto& argument : e.args) {
          const Slots one = of(*argument);
          arguments.insert(arguments.end(), one.begin(), one.end());
        }
        auto host = abi::native_host(c_.arena);
        if (standard_natives().body(native.name)(arguments.data(), result.data(), &host) != 0) throw Faulted{Fault::native_function};
        return result;
      }
      default:
        return {arithmetic(e)};
    }
  }

 private:
  struct Bound {
    const Expr* later = nullptr;  // a let that has not been needed yet
    std::optional<Slots> slots;
  };

  static Slots known(Slots slots) {
    slots.insert(slots.begin(), 1);
    return slots;
  }
  static Slots bare(Slots slots) {
    slots.erase(slots.begin());
    return slots;
  }
  Slots part(const int64_t* slots, int64_t first, const Type& type) { return {slots + first, slots + first + checked::slot_count(p_, type)}; }

  Slots literal(const Expr& e) {
    int64_t slot = e.value;
    if (e.type.kind == TypeKind::number) slot = abi::as_slot(e.number);
    if (is_pointer(e.type.kind)) hold(abi::make_text(c_, e.text, &slot));
    return e.type.optional ? Slots{1, slot} : Slots{slot};
  }

  Slots local(checked::Index index) {
    Bound& bound = bound_.at(index);
    if (!bound.slots) bound.slots = of(*bound.later);
    return *bound.slots;
  }

  Slots of_instance(const Expr& e) {
    const int64_t owner = of(*e.args[0])[0];
    const auto& entity = p_.entities[static_cast<size_t>(e.args[0]->type.id)];
    if (e.op == Op::field) {
      const auto& field = entity.fields[static_cast<size_t>(e.index)];
      return part(instance(owner).slots, field.slot, field.type);
    }
    if (e.op == Op::ancestor) {
      const auto* at = &instance(owner);
      while (at->entity != e.index) at = at->parent;
      return {reinterpret_cast<int64_t>(at)};
    }
    const auto& derived = entity.derived[static_cast<size_t>(e.index)];
    if (derived.segmentation == checked::none) return root(derived.root, &instance(owner), {});
    const auto& cases = p_.segmentations[static_cast<size_t>(derived.segmentation)].cases;
    for (size_t i = 0; i < cases.size(); ++i)
      if (cases[i].when == checked::none || root(cases[i].when, &instance(owner), {})[0] != 0) return {static_cast<int64_t>(i)};
    throw Faulted{Fault::no_table_row};
  }

  Slots of_event(const Expr& e) {
    const abi::Event& it = event(of(*e.args[0])[0]);
    switch (e.op) {
      case Op::event_field: {
        const auto& field = p_.events[static_cast<size_t>(e.args[0]->type.id)].fields[static_cast<size_t>(e.index)];
        return part(it.slots, field.slot, field.type);
      }
      case Op::event_at:
        return {it.at};
      case Op::event_owner:
        return {reinterpret_cast<int64_t>(it.owner)};
      default:
        return {p_.events[static_cast<size_t>(it.type)].leaf_ordinal};
    }
  }

  Slots of_state(const Expr& e) {
    const abi::State& state = *self_->state;
    switch (e.op) {
      case Op::variable: {
        const auto& variable = p_.strategies[static_cast<size_t>(strategy_)].variables[static_cast<size_t>(e.index)];
        return part(state.variables, variable.slot, variable.type);
      }
      case Op::entered_at:
        return {state.entered_at};
      case Op::enrolled_at:
        return {state.enrolled_at};
      case Op::visits:
        return {state.visits[e.index]};
      case Op::in_stage:
        return {state.stage == e.index};
      default:
        return {state.strategy == e.index};
    }
  }

  Slots default_value(const Expr& e) {
    const Slots first = of(*e.args[0]);
    if (first[0] == 0) return of(*e.args[1]);
    return e.type.optional ? first : bare(first);
  }

  Slots map(const Expr& e) {
    const Slots source = of(*e.args[0]);
    if (source[0] == 0) return Slots(static_cast<size_t>(checked::slot_count(p_, e.type)), 0);
    bound_[e.index] = {nullptr, bare(source)};
    const Slots body = of(*e.args[1]);
    return e.args[1]->type.optional ? body : known(body);
  }

  Slots root(checked::RootId id, const abi::Instance* self, std::vector<Slots> parameters) {
    const auto& root = p_.roots[static_cast<size_t>(id)];
    return Evaluator(p_, c_, self, std::move(parameters), root.strategy).of(*root.body);
  }

  // ---- comparison and arithmetic ---------------------------------------------------------------

  static int order(const Type& type, int64_t a, int64_t b) {
    if (type.kind == TypeKind::number) {
      const double x = abi::as_number(a), y = abi::as_number(b);
      return x < y ? -1 : x > y ? 1 : 0;
    }
    if (is_pointer(type.kind)) return abi::compare_text(reinterpret_cast<const abi::Text*>(a), reinterpret_cast<const abi::Text*>(b));
    return a < b ? -1 : a > b ? 1 : 0;
  }

  /// A day of 24 hours, a month of 30 days.
  static int64_t usual_length(int64_t duration) {
    const int64_t day_us = 86'400 * abi::us_per_second;
    const auto unit = abi::duration_unit(duration);
    return checked_product(abi::duration_amount(duration), unit == abi::DurationUnit::microsecond ? 1
                                                           : unit == abi::DurationUnit::month     ? 30 * day_us
                                                                                                  : day_us);
  }

  bool compare(const Expr& e) {
    int64_t a = of(*e.args[0])[0], b = of(*e.args[1])[0];
    if (e.args[0]->type.kind == TypeKind::duration && abi::duration_unit(a) != abi::duration_unit(b)) {
      a = usual_length(a);
      b = usual_length(b);
    }
    const int order = Evaluator::order(e.args[0]->type, a, b);
    switch (e.op) {
      case Op::equal:
        return order == 0;
      case Op::not_equal:
        return order != 0;
      case Op::less:
        return order < 0;
      case Op::less_equal:
        return order <= 0;
      case Op::greater:
        return order > 0;
      default:
        return order >= 0;
    }
  }

  int64_t moved(const Type& type, int64_t from, int64_t duration) {
    int64_t result = 0;
    if (type.kind == TypeKind::date) hold(abi::add_duration_to_date(calendar_, from, duration, &result));
    if (type.kind == TypeKind::datetime) hold(abi::add_duration_to_instant(calendar_, from, duration, &result));
    if (type.kind == TypeKind::duration) {
      if (abi::duration_unit(from) != abi::duration_unit(duration)) throw Faulted{Fault::bad_argument};
      result = checked_sum(from, abi::duration_amount(duration) * 8);
    }
    return result;
  }

  int64_t number_arithmetic(const Expr& e, int64_t a, int64_t b) {
    const double x = abi::as_number(a), y = abi::as_number(b);
    if (e.op == Op::divide && y == 0) throw Faulted{Fault::division_by_zero};
    switch (e.op) {
      case Op::add:
        return finite(x + y);
      case Op::subtract:
        return finite(x - y);
      case Op::multiply:
        return finite(x * y);
      case Op::divide:
        return finite(x / y);
      default:
        return finite(-x);
    }
  }

  int64_t arithmetic(const Expr& e) {
    const int64_t a = of(*e.args[0])[0];
    const int64_t b = e.args.size() > 1 ? of(*e.args[1])[0] : 0;
    const TypeKind left = e.args[0]->type.kind, right = e.args.size() > 1 ? e.args[1]->type.kind : TypeKind::error;
    if (e.op == Op::int_to_number) return abi::as_slot(static_cast<double>(a));
    if (e.op == Op::decimal_to_number) return abi::as_slot(static_cast<double>(a) / 1e6);
    if (e.op == Op::int_to_decimal) return checked_product(a, 1'000'000);
    if (e.type.kind == TypeKind::number) return number_arithmetic(e, a, b);
    int64_t result = 0;
    switch (e.op) {
      case Op::add:
        return right == TypeKind::duration ? moved(e.type, a, b) : checked_sum(a, b);
      case Op::subtract:
        if (right == TypeKind::duration) return moved(e.type, a, abi::pack_duration(-abi::duration_amount(b), abi::duration_unit(b)));
        if (left == TypeKind::datetime) return checked_product(checked_difference(a, b), 8);
        return checked_difference(a, b);
      case Op::multiply:
        if (left == TypeKind::duration) return abi::pack_duration(checked_product(abi::duration_amount(a), b), abi::duration_unit(a));
        if (right != TypeKind::decimal) return checked_product(a, b);
        hold(abi::multiply_scaled(a, b, 1'000'000, &result));
        return result;
      case Op::divide:
        hold(abi::divide_scaled(a, b, left == TypeKind::money && right == TypeKind::integer ? 1 : 1'000'000, &result));
        return result;
      case Op::floor_divide:
        hold(abi::floor_divide(a, b, &result));
        return result;
      case Op::modulo:
        hold(abi::floor_modulo(a, b, &result));
        return result;
      default:  // negate
        return left == TypeKind::duration ? abi::pack_duration(-abi::duration_amount(a), abi::duration_unit(a)) : checked_difference(0, a);
    }
  }

  int64_t builtin(const Expr& e) {
    Slots a;
    for (const auto& argument : e.args) a.push_back(of(*argument)[0]);
    const auto smaller = [&](int64_t x, int64_t y) { return order(e.type, y, x) < 0 ? y : x; };
    const auto greater = [&](int64_t x, int64_t y) { return order(e.type, y, x) > 0 ? y : x; };
    int64_t result = 0;
    switch (static_cast<checked::Builtin>(e.index)) {
      case checked::Builtin::days:
        return a[1] - a[0];
      case checked::Builtin::date_of:
        hold(abi::date_of(calendar_, a[0], &result));
        return result;
      case checked::Builtin::start_of:
        hold(abi::day_start(calendar_, a[0], &result));
        return result;
      case checked::Builtin::weekday_of:
        return abi::weekday_of(a[0]);
      case checked::Builtin::floor_div:
        hold(abi::floor_divide(a[0], a[1], &result));
        return result;
      case checked::Builtin::modulo:
        hold(abi::floor_modulo(a[0], a[1], &result));
        return result;
      case checked::Builtin::absolute:
        return a[0] < 0 ? checked_difference(0, a[0]) : a[0];
      case checked::Builtin::minimum:
        return smaller(a[0], a[1]);
      case checked::Builtin::maximum:
        return greater(a[0], a[1]);
      case checked::Builtin::clamp:
        return smaller(greater(a[0], a[1]), a[2]);
      case checked::Builtin::to_int:
        hold(abi::floor_divide(a[0], 1'000'000, &result));
        return result;
      case checked::Builtin::to_number:
        return abi::as_slot(static_cast<double>(a[0]) / 1e6);
      case checked::Builtin::money_units:
      case checked::Builtin::money_of_units:
        return a[0];
      default:
        hold(static_cast<Fault>(abi::builtin_body(e.index)(&c_, a.data(), &result)));
        return result;
    }
  }

  // ---- tables ----------------------------------------------------------------------------------

  bool accepts(const checked::Table& table, const checked::TableRow& row, const std::vector<Slots>& inputs) {
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const checked::Cell& cell = row.cells[i];
      if (cell.predicate != checked::none) {
        if (root(cell.predicate, nullptr, inputs)[0] == 0) return false;
        continue;
      }
      const Type& type = table.inputs[i].type;
      if (type.optional && inputs[i][0] == 0) {
        if (!cell.accepts_missing) return false;
        continue;
      }
      const int64_t slot = inputs[i].back();
      bool fits = false;
      if (is_pointer(type.kind)) {
        const auto text = reinterpret_cast<const abi::Text*>(slot)->view();
        fits = (std::find(cell.texts.begin(), cell.texts.end(), text) != cell.texts.end()) != cell.texts_negated;
      } else {
        const int64_t key = type.kind == TypeKind::number ? checked::order_key_of_double(abi::as_number(slot)) : slot;
        for (const auto& interval : cell.intervals) fits |= key >= interval.low && key <= interval.high;
      }
      if (!fits) return false;
    }
    return true;
  }

  Slots outputs(const checked::Table& table, const checked::TableRow& row, const std::vector<Slots>& inputs) {
    Slots all;
    for (size_t i = 0; i < row.outputs.size(); ++i) {
      Slots one = row.outputs[i].constant ? row.outputs[i].slots : root(row.outputs[i].root, nullptr, inputs);
      if (row.outputs[i].constant && is_pointer(table.outputs[i].type.kind)) hold(abi::make_text(c_, row.outputs[i].text, &one.emplace_back()));
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  Slots table(const Expr& e) {
    const auto& table = p_.tables[static_cast<size_t>(e.index)];
    std::vector<Slots> inputs;
    for (const auto& argument : e.args) inputs.push_back(of(*argument));
    std::vector<Slots> hits;
    const bool stops = table.policy == HitPolicy::first || table.policy == HitPolicy::unique || table.policy == HitPolicy::any;
    for (const auto& row : table.rows) {
      if (!accepts(table, row, inputs)) continue;
      hits.push_back(outputs(table, row, inputs));
      if (stops) break;  // the sample tables of these policies overlap nowhere
    }
    const auto better = [&](const Slots& a, const Slots& b) {
      const Type& type = table.outputs[0].type;
      const bool by_literal = type.kind == TypeKind::enumeration || type.kind == TypeKind::stage;
      return by_literal ? a[0] < b[0] : order(type, a[0], b[0]) > 0;
    };
    switch (table.policy) {
      case HitPolicy::count:
        return {static_cast<int64_t>(hits.size())};
      case HitPolicy::sum: {
        int64_t sum = 0;
        for (const auto& hit : hits) sum = checked_sum(sum, hit[0]);
        return {sum};
      }
      case HitPolicy::minimum:
      case HitPolicy::maximum: {
        if (hits.empty()) return {0, 0};
        int64_t best = hits[0][0];
        for (const auto& hit : hits) best = table.policy == HitPolicy::minimum ? std::min(best, hit[0]) : std::max(best, hit[0]);
        return {1, best};
      }
      case HitPolicy::priority: {
        const Slots* best = nullptr;
        for (const auto& hit : hits)
          if (best == nullptr || better(hit, *best)) best = &hit;
        if (best != nullptr) return *best;
        break;
      }
      default:
        if (!hits.empty()) return hits[0];
    }
    if (!table.otherwise) throw Faulted{Fault::no_table_row};
    return outputs(table, *table.otherwise, inputs);
  }

  // ---- aggregates ------------------------------------------------------------------------------

  bool in_window(const checked::Aggregate& query, const std::optional<Slots>& window, const abi::Event& it) {
    using Window = checked::Aggregate::Window;
    const int64_t date = abi::date_of_clamped(calendar_, it.at);
    switch (query.window) {
      case Window::unlimited:
        return true;
      case Window::days:
        return date > c_.today - (*window)[0];
      case Window::exact:
        if (abi::duration_unit((*window)[0]) != abi::DurationUnit::microsecond) throw Faulted{Fault::bad_argument};
        return it.at > c_.now - abi::duration_amount((*window)[0]);
      case Window::since:
        if (query.window_value->type.optional && (*window)[0] == 0) return false;
        return it.at > window->back();
      case Window::calendar: {
        const auto period = static_cast<abi::Period>(query.calendar);
        return abi::period_start(date, period) == abi::period_start(c_.today, period);
      }
    }
    return false;
  }

  std::vector<int64_t> candidates(const checked::Aggregate& query) {
    std::vector<int64_t> found;
    const int64_t owner = query.owner ? of(*query.owner)[0] : 0;
    if (query.source == checked::Aggregate::Source::list) {
      const auto& list = instance(owner).children[p_.entities[static_cast<size_t>(query.element_entity)].child_position];
      for (int64_t i = 0; i < list.count; ++i) found.push_back(reinterpret_cast<int64_t>(list.items[i]));
      return found;
    }
    std::optional<Slots> window;
    if (query.window_value) window = of(*query.window_value);
    for (int64_t i = 0; i < c_.case_file->events.count; ++i) {
      const abi::Event& it = *c_.case_file->events.items[i];
      bool wanted = false;
      for (auto top : query.event_types) wanted |= it.type >= top && it.type <= p_.events[static_cast<size_t>(top)].last_descendant;
      if (!wanted || it.cancelled != 0 || !in_window(query, window, it)) continue;
      bool mine = query.scope == checked::Aggregate::Scope::case_file || it.owner == &instance(owner);
      for (const auto* at = it.owner; query.scope == checked::Aggregate::Scope::subtree && at != nullptr; at = at->parent) mine |= at == &instance(owner);
      if (mine) found.push_back(reinterpret_cast<int64_t>(&it));
    }
    return found;
  }

  struct Accepted {
    int64_t element;
    int64_t value = 0;
    std::vector<std::pair<Slots, const checked::Aggregate::OrderKey*>> keys;
  };

  static bool before(const Accepted& a, const Accepted& b) {
    for (size_t i = 0; i < a.keys.size(); ++i) {
      const auto& [x, key] = a.keys[i];
      const auto& y = b.keys[i].first;
      const Type& type = key->key->type;
      if (type.optional && x[0] != y[0]) return x[0] > y[0];
      if (type.optional && x[0] == 0) continue;
      const int order = Evaluator::order(type, x.back(), y.back());
      if (order != 0) return key->descending ? order > 0 : order < 0;
    }
    return false;
  }

  std::vector<Accepted> accepted(const checked::Aggregate& query) {
    std::vector<Accepted> all;
    for (const int64_t element : candidates(query)) {
      bound_[query.local] = {nullptr, Slots{element}};
      bool fits = !query.where || of(*query.where)[0] != 0;
      if (query.function == AggregateFunction::all) fits = !fits;
      if (!fits) continue;
      Accepted one{element, 0, {}};
      if (query.value) one.value = of(*query.value)[0];
      for (const auto& key : query.order) one.keys.emplace_back(of(*key.key), &key);
      all.push_back(std::move(one));
    }
    return all;
  }

  Slots aggregate(const Expr& e) {
    const auto& query = *e.aggregate;
    auto all = accepted(query);
    const Type value = query.value ? query.value->type : Type{TypeKind::integer, false, -1};
    switch (query.function) {
      case AggregateFunction::count:
        return {static_cast<int64_t>(all.size())};
      case AggregateFunction::count_days: {
        std::set<int64_t> days;
        for (const auto& one : all) {
          int64_t day = 0;
          hold(abi::date_of(calendar_, event(one.element).at, &day));
          days.insert(day);
        }
        return {static_cast<int64_t>(days.size())};
      }
      case AggregateFunction::sum: {
        int64_t sum = 0;
        for (const auto& one : all)
          sum = value.kind == TypeKind::number ? finite(abi::as_number(sum) + abi::as_number(one.value)) : checked_sum(sum, one.value);
        return {sum};
      }
      case AggregateFunction::exists:
        return {!all.empty()};
      case AggregateFunction::all:
        return {all.empty()};
      case AggregateFunction::average:
        return average(value, all);
      case AggregateFunction::minimum:
      case AggregateFunction::maximum: {
        if (all.empty()) return {0, 0};
        const bool least = query.function == AggregateFunction::minimum;
        int64_t best = all[0].value;
        for (const auto& one : all)
          if (least ? order(value, one.value, best) < 0 : order(value, one.value, best) > 0) best = one.value;
        return {1, best};
      }
      default:
        break;
    }
    if (all.empty()) return {0, 0};
    std::stable_sort(all.begin(), all.end(), before);
    return {1, query.function == AggregateFunction::first ? all.front().element : all.back().element};
  }

  Slots average(const Type& type, const std::vector<Accepted>& all) {
    if (all.empty()) return {0, 0};
    if (type.kind == TypeKind::number) {
      double sum = 0;
      for (const auto& one : all) sum = abi::as_number(finite(sum + abi::as_number(one.value)));
      return {1, finite(sum / static_cast<double>(all.size()))};
    }
    abi::Wide sum = 0;
    for (const auto& one : all) sum += one.value;
    int64_t result = 0;
    hold(abi::average(sum, static_cast<int64_t>(all.size()), type.kind == TypeKind::integer ? 1'000'000 : 1, &result));
    return {1, result};
  }

  const checked::Program& p_;
  const abi::EvalContext& c_;
  const abi::Calendar& calendar_;
  const abi::Instance* self_;
  std::vector<Slots> parameters_;
  checked::Index strategy_;
  std::map<checked::Index, Bound> bound_;
};

}  // namespace

TreeOutcome evaluate_tree(const checked::Program& program, checked::RootId id, const abi::EvalContext& context) {
  const auto& root = program.roots[static_cast<size_t>(id)];
  std::vector<Slots> parameters;
  const int64_t* next = context.arguments;
  for (const Type& type : root.parameters) {
    const auto count = checked::slot_count(program, type);
    parameters.emplace_back(next, next + count);
    next += count;
  }
  try {
    return {Fault::none, Evaluator(program, context, context.self, std::move(parameters), root.strategy).of(*root.body)};
  } catch (const Faulted& faulted) {
    return {faulted.fault, {}};
  }
}

}  // namespace dunlin::test
