#include "lang/sema/analysis/witness.h"

#include <algorithm>
#include <bit>
#include <set>

#include "lang/sema/interruption.h"

namespace dunlin::analysis {

using checked::Expr;
using checked::Op;
using checked::RootId;
using checked::TypeKind;

namespace {

using FieldKey = std::pair<checked::Index, checked::Index>;

constexpr size_t values_per_field_max = 24;
constexpr int64_t some_day = 20'458;  // 2026-01-05, a Monday

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

class Search {
 public:
  Search(const checked::Program& program, const WitnessQuestion& question) : program_(program), question_(question), facts_(question.given) {
    facts_.self_entity = question.entity;
    facts_.today = some_day;
  }

  std::optional<Witness> run() {
    if (!collect_all()) return {};
    return try_all();
  }

  WorthTrying values() {
    if (!collect_all()) return {};
    return all_worth();
  }

 private:
  WorthTrying all_worth() { return {.values = std::move(candidates_), .today = some_day, .uses_today = uses_today_}; }

  /// False: a root has no body, so nothing is known of it.
  bool collect_all() {
    for (RootId root : question_.roots) {
      if (root == checked::none) continue;
      const checked::Root& asked = program_.roots.at(static_cast<size_t>(root));
      if (!asked.body) return false;
      if (facts_.one_of_each) {
        const RootScope around(asked);
        collect(*asked.body, around.scope());
      } else {
        collect(*asked.body, Scope{});
      }
    }
    for (const auto& [key, values] : candidates_) add_ordinary_values(key);
    return true;
  }

  // ---- which values are worth a try --------------------------------------------------------

  const checked::Field& field(const FieldKey& key) const {
    return program_.entities.at(static_cast<size_t>(key.first)).fields.at(static_cast<size_t>(key.second));
  }

  void offer(const FieldKey& key, const Value& value, size_t values_max = values_per_field_max) {
    std::vector<Value>& values = candidates_[key];
    if (!is_value_of(program_, field(key), value)) return;
    if (values.size() < values_max && std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }

  /// What a field can be where no comparison says more; every literal, true and false, missing.
  void add_ordinary_values(const FieldKey& key) {
    const checked::Field& declared = field(key);
    const auto offer = [&](const FieldKey& where, const Value& value) { this->offer(where, value, values_per_field_max * 4); };
    const TypeKind kind = declared.type.kind;
    if (kind == TypeKind::boolean) {
      offer(key, of_slot(0));
      offer(key, of_slot(1));
    } else if (kind == TypeKind::enumeration) {
      const auto count = static_cast<int64_t>(program_.enums.at(static_cast<size_t>(declared.type.id)).literals.size());
      for (int64_t literal = 0; literal < count; ++literal) offer(key, of_slot(literal));
    } else if (kind == TypeKind::date) {
      offer(key, of_slot(some_day));
    } else if (is_text(kind)) {
      offer(key, Value{false, 0, kind == TypeKind::timezone ? "UTC" : "other"});
    } else {
      offer(key, of_slot(0));
      offer(key, of_slot(std::max<int64_t>(declared.minimum.value_or(0), 0)));
      offer(key, of_slot(declared.minimum.value_or(1)));
    }
    offer(key, of_missing());
  }

  /// Walks a condition, offering the fields of each comparison the values on and beside its border.
  void collect(const Expr& expr, const Scope& scope) {
    if (++steps_ > steps_max || depth_ > depth_max) return;
    ++depth_;
    if (expr.op >= Op::equal && expr.op <= Op::greater_equal) {
      offer_border(*expr.args.at(0), *expr.args.at(1), scope);
      offer_border(*expr.args.at(1), *expr.args.at(0), scope);
    }
    if (expr.op == Op::today || expr.op == Op::now) uses_today_ = true;
    if (expr.op == Op::field) touch(expr, scope);
    Scope inner = scope;
    if (expr.op == Op::let || expr.op == Op::map) inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
    if (expr.aggregate) {
      inner.locals[expr.aggregate->local] = {nullptr, nullptr, expr.aggregate->element_entity, 0};
      for (const checked::ExprPtr* part : {&expr.aggregate->value, &expr.aggregate->where}) {
        if (*part) collect(**part, inner);
      }
    }
    for (const auto& argument : expr.args) collect(*argument, inner);
    if (expr.op == Op::derived || expr.op == Op::function) {
      if (const Expr* body = body_of(program_, expr)) collect(*body, scope_of_body(expr, scope));
    }
    --depth_;
  }

  std::optional<FieldKey> field_key(const Expr& expr, const Scope& scope) {
    const auto instance = evaluate(program_, *expr.args.at(0), scope, facts_);
    if (!instance || instance->missing || !on_the_way_up(static_cast<checked::Index>(instance->slot))) return {};
    return FieldKey{static_cast<checked::Index>(instance->slot), expr.index};
  }

  bool on_the_way_up(checked::Index entity) const {
    if (facts_.one_of_each) return true;
    for (checked::Index e = question_.entity; e != checked::none; e = program_.entities.at(static_cast<size_t>(e)).parent) {
      if (e == entity) return true;
    }
    return false;
  }

  void touch(const Expr& expr, const Scope& scope) {
    if (const auto key = field_key(expr, scope)) candidates_[*key];
  }

  void offer_border(const Expr& subject, const Expr& bound, const Scope& scope) {
    const auto value = evaluate(program_, bound, scope, facts_);
    if (!value || value->missing) return;
    if (subject.type.kind == TypeKind::number) {
      const double number = std::bit_cast<double>(value->slot);
      for (double beside : {number, number - 1, number + 1}) solve(subject, of_slot(std::bit_cast<int64_t>(beside)), scope);
      return;
    }
    solve(subject, *value, scope);
    if (is_text(subject.type.kind)) return;
    for (int64_t step : {-1, 1}) {
      int64_t beside = 0;
      if (!__builtin_add_overflow(value->slot, step, &beside)) solve(subject, of_slot(beside), scope);
    }
  }

  /// Offers the fields below `expr` values that would make it `wanted`.
  void solve(const Expr& expr, const Value& wanted, const Scope& scope) {
    if (++steps_ > steps_max || depth_ > depth_max) return;
    ++depth_;
    switch (expr.op) {
      case Op::field:
        if (const auto key = field_key(expr, scope)) offer(*key, wanted);
        break;
      case Op::unwrap:
      case Op::to_optional:
      case Op::default_value:
        solve(*expr.args.at(0), wanted, scope);
        break;
      case Op::map:
      case Op::let: {
        Scope inner = scope;
        inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
        solve(*expr.args.at(1), wanted, inner);
        break;
      }
      case Op::local: {
        const auto binding = scope.locals.find(expr.index);
        if (binding != scope.locals.end() && binding->second.value != nullptr) solve(*binding->second.value, wanted, *binding->second.scope);
        break;
      }
      case Op::parameter:
        if (static_cast<size_t>(expr.index) < scope.parameters.size()) solve(*scope.parameters[static_cast<size_t>(expr.index)], wanted, *scope.outer);
        break;
      case Op::derived:
      case Op::function:
        if (const Expr* body = body_of(program_, expr)) solve(*body, wanted, scope_of_body(expr, scope));
        break;
      case Op::condition:
        solve(*expr.args.at(1), wanted, scope);
        solve(*expr.args.at(2), wanted, scope);
        break;
      case Op::negate:
        solve(*expr.args.at(0), of_slot(-wanted.slot), scope);
        break;
      case Op::int_to_decimal:
        solve(*expr.args.at(0), of_slot(wanted.slot / 1'000'000), scope);
        break;
      default:
        solve_sum(expr, wanted, scope);
    }
    --depth_;
  }

  /// days(a, b) = b - a, a + b, a - b: one side is known, the other follows.
  void solve_sum(const Expr& expr, const Value& wanted, const Scope& scope) {
    const bool days = expr.op == Op::builtin && static_cast<checked::Builtin>(expr.index) == checked::Builtin::days;
    if ((!days && expr.op != Op::add && expr.op != Op::subtract) || expr.args.size() != 2) return;
    if (expr.args[1]->type.kind == TypeKind::duration || expr.type.kind == TypeKind::number) return;
    const Expr& minuend = days ? *expr.args[1] : *expr.args[0];
    const Expr& other = days ? *expr.args[0] : *expr.args[1];
    int64_t result = 0;
    if (const auto b = evaluate(program_, other, scope, facts_); b && !b->missing) {
      const bool fits = expr.op == Op::add ? !__builtin_sub_overflow(wanted.slot, b->slot, &result) : !__builtin_add_overflow(wanted.slot, b->slot, &result);
      if (fits) solve(minuend, of_slot(result), scope);
    }
    if (const auto a = evaluate(program_, minuend, scope, facts_); a && !a->missing) {
      const bool fits = expr.op == Op::add ? !__builtin_sub_overflow(wanted.slot, a->slot, &result) : !__builtin_sub_overflow(a->slot, wanted.slot, &result);
      if (fits) solve(other, of_slot(result), scope);
    }
  }

  // ---- trying them -------------------------------------------------------------------------

  bool accepted() const {
    if (question_.accept) return question_.accept(facts_);
    return std::all_of(question_.roots.begin(), question_.roots.end(), [&](RootId root) {
      const auto value = evaluate_root(program_, root, facts_);
      return value && !value->missing && value->slot != 0;
    });
  }

  std::optional<Witness> try_all() {
    const WorthTrying worth = all_worth();
    if (!try_combinations(worth.values, question_.trials_max, facts_, [&] { return accepted(); })) return {};
    return witness_of(program_, question_.entity, worth, facts_);
  }

  static constexpr int steps_max = 50'000, depth_max = 60;

  const checked::Program& program_;
  const WitnessQuestion& question_;
  Facts facts_;
  Tries candidates_;
  bool uses_today_ = false;
  int steps_ = 0, depth_ = 0;
};

}  // namespace

std::optional<Witness> find_witness(const checked::Program& program, const WitnessQuestion& question) { return Search(program, question).run(); }

WorthTrying values_worth_trying(const checked::Program& program, const WitnessQuestion& question) { return Search(program, question).values(); }

bool try_combinations(const Tries& values, uint64_t trials_max, Facts& facts, const std::function<bool()>& tried) {
  uint64_t combinations = 1;
  for (const auto& [key, some] : values) {
    if (some.empty()) return false;
    combinations = std::min<uint64_t>(combinations * some.size(), trials_max + 1);
  }
  std::vector<size_t> choice(values.size(), 0);
  const bool everything = combinations <= trials_max;
  uint64_t state = 88172645463325252;  // fixed: the same program always gives the same witness
  for (uint64_t trial = 0; trial < std::min(combinations, trials_max); ++trial) {
    sema::Interruptible::ask();
    size_t f = 0;
    for (const auto& [key, some] : values) facts.fields[key] = some[choice[f++]];
    if (tried()) return true;
    f = 0;
    for (const auto& [key, some] : values) {
      if (everything) {
        if (++choice[f] < some.size()) break;
        choice[f++] = 0;
      } else {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        choice[f++] = state % some.size();
      }
    }
  }
  return false;
}

Witness witness_of(const checked::Program& program, checked::Index entity, const WorthTrying& worth, const Facts& facts) {
  Witness witness{facts, {}, {}};
  for (const auto& [key, values] : worth.values) {
    witness.sought.push_back(key);
    const checked::Entity& owner = program.entities.at(static_cast<size_t>(key.first));
    const checked::Field& field = owner.fields.at(static_cast<size_t>(key.second));
    const std::string name = key.first == entity ? field.name : owner.name + "." + field.name;
    witness.text.emplace_back(name, text_of_value(program, field.type, facts.fields.at(key)));
  }
  if (worth.uses_today) witness.text.emplace_back("today", text_of_value(program, {TypeKind::date, false, -1}, of_slot(worth.today)));
  return witness;
}

bool is_value_of(const checked::Program& program, const checked::Field& field, const Value& value) {
  if (value.missing) return field.type.optional;
  if ((field.minimum && value.slot < *field.minimum) || (field.maximum && value.slot > *field.maximum)) return false;
  if (field.type.kind == TypeKind::boolean) return value.slot == 0 || value.slot == 1;
  if (field.type.kind != TypeKind::enumeration) return true;
  return value.slot >= 0 && static_cast<size_t>(value.slot) < program.enums.at(static_cast<size_t>(field.type.id)).literals.size();
}

std::string text_of_value(const checked::Program& program, const checked::Type& type, const Value& value) {
  if (value.missing) return "missing";
  if (is_text(type.kind)) return '"' + value.text + '"';
  return checked::format_value(program, type.known(), &value.slot);
}

}  // namespace dunlin::analysis
