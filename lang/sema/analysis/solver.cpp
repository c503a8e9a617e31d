#include "lang/sema/analysis/solver.h"

#include <fmt/format.h>
#include <z3++.h>

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <ranges>
#include <string>
#include <unordered_map>

namespace dunlin::analysis {

using checked::Builtin;
using checked::Expr;
using checked::Index;
using checked::Op;
using checked::RootId;
using checked::TypeKind;

namespace {

constexpr unsigned work_max = 1'500'000;  // of Z3, for one question
constexpr unsigned time_max_ms = 2'000;   // for one question, on a machine that is slower than any we know
constexpr int parts_max = 4'000, depth_max = 60;
constexpr size_t rows_written_out = 60;
constexpr int64_t decimal_one = 1'000'000;
constexpr int64_t first_day = 7'305, last_day = 33'237, some_day = 20'458;  // 1990 to 2060: beyond them everything is a fault

struct TooLarge {};

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }
bool is_whole(TypeKind kind) {
  switch (kind) {
    case TypeKind::integer:
    case TypeKind::decimal:
    case TypeKind::money:
    case TypeKind::date:
    case TypeKind::time:
    case TypeKind::datetime:
    case TypeKind::enumeration:
    case TypeKind::stage:
      return true;
    default:
      return is_text(kind);  // numbered: only whether two are equal is asked
  }
}
bool is_comparison(Op op) { return op >= Op::equal && op <= Op::greater_equal; }

/// A value: a truth or a whole number, and whether it is missing.
struct Term {
  z3::expr value, missing;
};

/// A value that the statements leave free.
struct Free {
  z3::expr value, missing;
  checked::Type type;
  std::optional<std::pair<Index, Index>> field;  // entity, field
  int32_t parameter = -1;
  bool today = false;
};

/// One question in Z3's terms.
class Statement {
 public:
  Statement(const checked::Program& program, z3::context& z3, Index entity) : program_(program), z3_(z3), sides_(z3) { facts_.self_entity = entity; }

  void demand(RootId root, bool wanted) {
    if (root == checked::none) {
      if (!wanted) sides_.push_back(z3_.bool_val(false));
      return;
    }
    const Expr* body = program_.roots.at(static_cast<size_t>(root)).body.get();
    if (body == nullptr) throw TooLarge{};
    const Scope here;
    const z3::expr truth = this->truth(*body, here);
    sides_.push_back(wanted ? truth : !truth);
  }

  z3::expr takes(const checked::Table& table, const checked::TableRow& row) {
    z3::expr all = z3_.bool_val(true);
    for (size_t c = 0; c < row.cells.size(); ++c) {
      const checked::Cell& cell = row.cells[c];
      if (cell.predicate != checked::none) {
        const Expr* body = program_.roots.at(static_cast<size_t>(cell.predicate)).body.get();
        if (body == nullptr) throw TooLarge{};
        const Scope here;
        all = all && truth(*body, here);
      } else {
        all = all && in_cell(input(table, c), table.inputs[c].type, cell);
      }
    }
    return all;
  }
  void add(const z3::expr& side) { sides_.push_back(side); }

  /// Inputs stand for themselves; outside their ranges nothing is asked.
  Term input(const checked::Table& table, size_t column) {
    const checked::TableColumn& declared = table.inputs[column];
    const bool fresh = !free_.contains(parameter_key(column));
    const Term term = free(parameter_key(column), declared.type);
    Free& made = free_.at(parameter_key(column));
    made.parameter = static_cast<int32_t>(column);
    if (fresh && is_whole(declared.type.kind)) bound(term, declared.minimum, declared.maximum);
    return term;
  }

  const z3::expr_vector& sides() const { return sides_; }
  const std::map<std::string, Free>& free() const { return free_; }
  /// Everything was put into the statement as it is; nothing is left free that has a value of its own.
  bool exact() const { return exact_; }
  std::string text_of(int64_t number) const {
    for (const auto& [text, id] : texts_) {
      if (id == number) return text;
    }
    return fmt::format("other {}", number < 0 ? -number : number);
  }

 private:
  static std::string parameter_key(size_t index) { return fmt::format("parameter {}", index); }
  z3::expr whole(int64_t value) { return z3_.int_val(value); }
  Term known(z3::expr value) { return {std::move(value), z3_.bool_val(false)}; }

  void bound(const Term& term, std::optional<int64_t> low, std::optional<int64_t> high) {
    sides_.push_back(term.value >= whole(low.value_or(INT64_MIN)) && term.value <= whole(high.value_or(INT64_MAX)));
  }

  /// The one value of that name. Whole numbers are held to what a slot can hold, and to what their type can be.
  Term free(const std::string& name, const checked::Type& type) {
    if (const auto known = free_.find(name); known != free_.end()) return {known->second.value, known->second.missing};
    const bool truth = type.kind == TypeKind::boolean;
    const z3::expr value = truth ? z3_.bool_const(name.c_str()) : z3_.int_const(name.c_str());
    const z3::expr missing = type.optional ? z3_.bool_const((name + " missing").c_str()) : z3_.bool_val(false);
    const Free made{.value = value, .missing = missing, .type = type, .field = {}, .parameter = -1, .today = false};
    free_.emplace(name, made);
    if (truth) return {value, missing};
    if (type.kind == TypeKind::enumeration) {
      bound({value, missing}, 0, static_cast<int64_t>(program_.enums.at(static_cast<size_t>(type.id)).literals.size()) - 1);
    } else {
      bound({value, missing}, {}, {});
    }
    return {value, missing};
  }

  z3::expr truth(const Expr& expr, const Scope& scope) {
    const Term term = this->term(expr, scope);
    if (!term.value.is_bool()) throw TooLarge{};
    return term.value;
  }

  Term term(const Expr& expr, const Scope& scope) {
    if (++parts_ > parts_max || depth_ > depth_max) throw TooLarge{};
    ++depth_;
    Term made = dispatch(expr, scope);
    --depth_;
    return made;
  }

  Term dispatch(const Expr& expr, const Scope& scope) {
    switch (expr.op) {
      case Op::literal:
        return literal(expr, scope);
      case Op::missing:
        return {expr.type.kind == TypeKind::boolean ? z3_.bool_val(false) : whole(0), z3_.bool_val(true)};
      case Op::today: {
        const bool fresh = !free_.contains("today");
        const Term today = free("today", expr.type);
        free_.at("today").today = true;
        if (fresh) bound(today, first_day, last_day);
        return today;
      }
      case Op::field:
        return field(expr, scope);
      case Op::derived:
      case Op::function:
        if (const Expr* body = body_of(program_, expr)) return term(*body, scope_of_body(expr, scope));
        return opaque(expr, scope);
      case Op::parameter:
        if (static_cast<size_t>(expr.index) < scope.parameters.size()) return term(*scope.parameters[static_cast<size_t>(expr.index)], *scope.outer);
        return free(parameter_key(static_cast<size_t>(expr.index)), expr.type);
      case Op::local: {
        const auto binding = scope.locals.find(expr.index);
        if (binding == scope.locals.end() || binding->second.value == nullptr) return opaque(expr, scope);
        Term bound = term(*binding->second.value, *binding->second.scope);
        if (!expr.type.optional) bound.missing = z3_.bool_val(false);
        return bound;
      }
      case Op::let:
      case Op::map: {
        Scope inner = scope;
        inner.locals[expr.index] = {expr.args.at(0).get(), &scope, checked::none, 0};
        Term body = term(*expr.args.at(1), inner);
        if (expr.op == Op::map) body.missing = body.missing || term(*expr.args.at(0), scope).missing;
        return body;
      }
      case Op::condition: {
        const z3::expr which = truth(*expr.args.at(0), scope);
        const Term then = term(*expr.args.at(1), scope), other = term(*expr.args.at(2), scope);
        return {z3::ite(which, then.value, other.value), z3::ite(which, then.missing, other.missing)};
      }
      case Op::default_value: {
        const Term first = term(*expr.args.at(0), scope), second = term(*expr.args.at(1), scope);
        return {z3::ite(first.missing, second.value, first.value), first.missing && second.missing};
      }
      case Op::to_optional:
        return term(*expr.args.at(0), scope);
      case Op::unwrap:
        return known(term(*expr.args.at(0), scope).value);
      case Op::known:
        return known(!term(*expr.args.at(0), scope).missing);
      case Op::logical_not:
        return known(!truth(*expr.args.at(0), scope));
      case Op::logical_and:
      case Op::logical_or: {
        z3::expr all = z3_.bool_val(expr.op == Op::logical_and);
        for (const auto& argument : expr.args) {
          const z3::expr part = truth(*argument, scope);
          all = expr.op == Op::logical_and ? all && part : all || part;
        }
        return known(all);
      }
      case Op::table:
        return table(expr, scope);
      default:
        return is_comparison(expr.op) ? comparison(expr, scope) : arithmetic(expr, scope);
    }
  }

  Term literal(const Expr& expr, const Scope& scope) {
    if (expr.type.kind == TypeKind::boolean) return known(z3_.bool_val(expr.value != 0));
    if (is_text(expr.type.kind)) return known(whole(texts_.try_emplace(expr.text, static_cast<int64_t>(texts_.size())).first->second));
    return is_whole(expr.type.kind) ? known(whole(expr.value)) : opaque(expr, scope);
  }

  /// Of the instance that asks or of one above it: these a witness can name.
  Term field(const Expr& expr, const Scope& scope) {
    const auto instance = evaluate(program_, *expr.args.at(0), scope, facts_);
    if (!instance || instance->missing || (!is_whole(expr.type.kind) && expr.type.kind != TypeKind::boolean)) return opaque(expr, scope);
    const auto entity = static_cast<Index>(instance->slot);
    const std::string name = fmt::format("field {} {}", entity, expr.index);
    const bool fresh = !free_.contains(name);
    const Term term = free(name, expr.type);
    free_.at(name).field = {entity, expr.index};
    const checked::Field& declared = program_.entities.at(static_cast<size_t>(entity)).fields.at(static_cast<size_t>(expr.index));
    if (fresh && !term.value.is_bool() && (declared.minimum || declared.maximum)) bound(term, declared.minimum, declared.maximum);
    return term;
  }

  /// Whatever else: the same wherever it is written alike, and free.
  Term opaque(const Expr& expr, const Scope& scope) {
    if (expr.type.kind != TypeKind::boolean && !is_whole(expr.type.kind) && expr.type.kind != TypeKind::number && expr.type.kind != TypeKind::duration &&
        expr.type.kind != TypeKind::time_range)
      throw TooLarge{};
    exact_ = false;
    const std::string name = "value " + key_of(expr, scope);
    const bool fresh = !free_.contains(name);
    const Term term = free(name, expr.type);
    const bool counts = expr.op == Op::visits ||
                        (expr.op == Op::aggregate && expr.aggregate &&
                         (expr.aggregate->function == checked::AggregateFunction::count || expr.aggregate->function == checked::AggregateFunction::count_days));
    if (fresh && counts) sides_.push_back(term.value >= 0);
    return term;
  }

  Term comparison(const Expr& expr, const Scope& scope) {
    const TypeKind kind = expr.args.at(0)->type.kind;
    const bool equality = expr.op == Op::equal || expr.op == Op::not_equal;
    if (kind != TypeKind::boolean && (!is_whole(kind) || (is_text(kind) && !equality))) return opaque(expr, scope);
    const z3::expr a = term(*expr.args[0], scope).value, b = term(*expr.args.at(1), scope).value;
    switch (expr.op) {
      case Op::equal:
        return known(a == b);
      case Op::not_equal:
        return known(a != b);
      case Op::less:
        return known(a < b);
      case Op::less_equal:
        return known(a <= b);
      case Op::greater:
        return known(a > b);
      default:
        return known(a >= b);
    }
  }

  Term arithmetic(const Expr& expr, const Scope& scope) {
    if (expr.args.empty() || expr.args.size() > 3) return opaque(expr, scope);
    const TypeKind left = expr.args[0]->type.kind, right = expr.args.size() > 1 ? expr.args[1]->type.kind : left;
    const bool exact = (left == TypeKind::integer || left == TypeKind::decimal || left == TypeKind::money) &&
                       (right == TypeKind::integer || right == TypeKind::decimal || right == TypeKind::money);
    const auto value = [&](size_t i) { return term(*expr.args.at(i), scope).value; };
    switch (expr.op) {
      case Op::add:
        if (left == TypeKind::date && expr.args[1]->op == Op::literal && (expr.args[1]->value & 7) == 1)
          return known(value(0) + whole(expr.args[1]->value >> 3));
        return exact && left == right ? known(value(0) + value(1)) : opaque(expr, scope);
      case Op::subtract:
        return (exact || left == TypeKind::date) && left == right ? known(value(0) - value(1)) : opaque(expr, scope);
      case Op::negate:
        return exact ? known(-value(0)) : opaque(expr, scope);
      case Op::multiply:
        if (!exact) return opaque(expr, scope);
        if (right == TypeKind::decimal && left != TypeKind::integer) return known(rounded(value(0) * value(1), whole(decimal_one)));
        return known(value(0) * value(1));
      case Op::divide:
        if (!exact) return opaque(expr, scope);
        // A quotient of two of a kind is a decimal; so is money by a decimal before it is scaled back.
        if (left == right || right == TypeKind::decimal) return known(rounded(value(0) * whole(decimal_one), value(1)));
        return known(rounded(value(0), value(1)));
      case Op::int_to_decimal:
        return known(value(0) * whole(decimal_one));
      case Op::builtin:
        return builtin(expr, scope);
      default:
        return opaque(expr, scope);
    }
  }

  Term builtin(const Expr& expr, const Scope& scope) {
    const bool missing_possible = std::any_of(expr.args.begin(), expr.args.end(), [](const auto& argument) { return argument->type.optional; });
    const TypeKind kind = expr.args[0]->type.kind;
    if (missing_possible || !is_whole(kind) || is_text(kind)) return opaque(expr, scope);
    const auto value = [&](size_t i) { return term(*expr.args.at(i), scope).value; };
    switch (static_cast<Builtin>(expr.index)) {
      case Builtin::days:
        return known(value(1) - value(0));
      case Builtin::minimum: {
        const z3::expr a = value(0), b = value(1);
        return known(z3::ite(a < b, a, b));
      }
      case Builtin::maximum: {
        const z3::expr a = value(0), b = value(1);
        return known(z3::ite(a > b, a, b));
      }
      case Builtin::absolute: {
        const z3::expr a = value(0);
        return known(z3::ite(a < 0, -a, a));
      }
      case Builtin::money_units:
      case Builtin::money_of_units:
        return known(value(0));
      default:
        return opaque(expr, scope);
    }
  }

  /// A whole number next to the quotient; which one of two that are as near is left open. By zero it is a fault: anything.
  z3::expr rounded(const z3::expr& dividend, const z3::expr& divisor) {
    const z3::expr quotient = z3_.int_const(fmt::format("rounded {}", rounded_++).c_str());
    const z3::expr twice = 2 * (dividend - quotient * divisor);
    const z3::expr size = z3::ite(divisor < 0, -divisor, divisor);
    sides_.push_back(divisor == 0 || (twice <= size && -twice <= size));
    return quotient;
  }

  z3::expr in_cell(const Term& term, const checked::Type& type, const checked::Cell& cell) {
    z3::expr fits = z3_.bool_val(false);
    if (is_text(type.kind)) {
      for (const std::string& text : cell.texts)
        fits = fits || term.value == whole(texts_.try_emplace(text, static_cast<int64_t>(texts_.size())).first->second);
      if (cell.texts_negated) fits = !fits;
    } else if (type.kind == TypeKind::boolean) {
      for (const auto& interval : cell.intervals) {
        if (interval.low <= 0 && interval.high >= 0) fits = fits || !term.value;
        if (interval.low <= 1 && interval.high >= 1) fits = fits || term.value;
      }
    } else {
      if (!is_whole(type.kind)) throw TooLarge{};
      for (const auto& interval : cell.intervals) {
        z3::expr inside = z3_.bool_val(true);
        if (interval.low != INT64_MIN) inside = inside && term.value >= whole(interval.low);
        if (interval.high != INT64_MAX) inside = inside && term.value <= whole(interval.high);
        fits = fits || inside;
      }
    }
    return cell.accepts_missing ? term.missing || fits : !term.missing && fits;
  }

  /// The rows of a small table written out; of two that fit the first, which is the only one where it matters.
  Term table(const Expr& expr, const Scope& scope) {
    const checked::Table& called = program_.tables.at(static_cast<size_t>(expr.index));
    const bool one_result =
        called.policy == checked::HitPolicy::unique || called.policy == checked::HitPolicy::first || called.policy == checked::HitPolicy::any;
    const bool simple = called.outputs.size() == 1 && !called.outputs[0].type.optional && !expr.type.optional && is_whole(called.outputs[0].type.kind) &&
                        called.rows.size() <= rows_written_out && called.inputs.size() == expr.args.size();
    const auto constant = [](const checked::TableRow& row) {
      return row.outputs[0].constant && std::all_of(row.cells.begin(), row.cells.end(), [](const auto& cell) { return cell.predicate == checked::none; });
    };
    if (!one_result || !simple || !std::all_of(called.rows.begin(), called.rows.end(), constant) || (called.otherwise && !constant(*called.otherwise)))
      return opaque(expr, scope);
    std::vector<Term> inputs;
    for (const auto& argument : expr.args) inputs.push_back(term(*argument, scope));
    const auto output = [&](const checked::TableRow& row) {
      const bool text = is_text(called.outputs[0].type.kind);
      return whole(text ? texts_.try_emplace(row.outputs[0].text, static_cast<int64_t>(texts_.size())).first->second : row.outputs[0].slots.at(0));
    };
    z3::expr result = called.otherwise ? output(*called.otherwise) : opaque(expr, scope).value;
    for (size_t r = called.rows.size(); r-- > 0;) {
      z3::expr fits = z3_.bool_val(true);
      for (size_t c = 0; c < inputs.size(); ++c) fits = fits && in_cell(inputs[c], called.inputs[c].type, called.rows[r].cells[c]);
      result = z3::ite(fits, output(called.rows[r]), result);
    }
    return known(result);
  }

  const checked::Program& program_;
  z3::context& z3_;
  z3::expr_vector sides_;
  Facts facts_;
  std::map<std::string, Free> free_;
  std::map<std::string, int64_t> texts_;
  int parts_ = 0, depth_ = 0, rounded_ = 0;
  bool exact_ = true;
};

/// Answers of statements that never hold, or are too hard: an editor asks the same thing at every keystroke.
class Remembered {
 public:
  std::optional<SolverAnswer::Verdict> find(const std::string& statement) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(statement);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(const std::string& statement, SolverAnswer::Verdict verdict) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kept_max) known_.clear();
    known_[statement] = verdict;
  }

 private:
  static constexpr size_t kept_max = 4'000;
  std::mutex mutex_;
  std::unordered_map<std::string, SolverAnswer::Verdict> known_;
};

Remembered& remembered() {
  static Remembered all;
  return all;
}

}  // namespace

namespace {

/// Z3 names what a statement says twice (`$x998`, `?x12`) by a number that grows from question to question; here each gets the number of its first place.
std::string numbered_anew(std::string_view text) {
  std::unordered_map<std::string_view, size_t> numbers;
  std::string made;
  made.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 2;
    const bool named = (text[i] == '$' || text[i] == '?') && end < text.size() && text[i + 1] == 'x';
    while (named && end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (!named || end == i + 2) {
      made += text[i++];
      continue;
    }
    made += text.substr(i, 2);
    made += std::to_string(numbers.try_emplace(text.substr(i, end - i), numbers.size()).first->second);
    i = end;
  }
  return made;
}

}  // namespace

struct Solver::Inner {
  int64_t questions_left = INT64_MAX;
  const checked::Program& program;
  z3::context z3;
  std::map<RootId, bool> worth;

  explicit Inner(const checked::Program& given) : program(given) {}

  // ---- what is worth asking ----

  bool sees_more(const Expr& expr, const Scope& scope, int depth, int& parts) {
    if (depth > depth_max || ++parts > parts_max) return false;
    const auto constant = [&](size_t i) { return evaluate(program, *expr.args.at(i), scope, Facts{}).has_value(); };
    const bool figures = !expr.args.empty() && is_whole(expr.args[0]->type.kind) && !is_text(expr.args[0]->type.kind);
    if (is_comparison(expr.op) && figures && !constant(0) && !constant(1)) return true;
    const bool computes =
        expr.op == Op::add || expr.op == Op::subtract || expr.op == Op::multiply || expr.op == Op::divide || expr.op == Op::negate ||
        (expr.op == Op::builtin && (expr.index == static_cast<Index>(Builtin::days) || expr.index == static_cast<Index>(Builtin::minimum) ||
                                    expr.index == static_cast<Index>(Builtin::maximum) || expr.index == static_cast<Index>(Builtin::absolute)));
    if (computes && figures && !std::ranges::all_of(std::views::iota(size_t{0}, expr.args.size()), constant)) return true;
    if (expr.op == Op::table) return true;
    if (const Expr* body = body_of(program, expr)) {
      if (sees_more(*body, scope_of_body(expr, scope), depth + 1, parts)) return true;
    }
    return std::any_of(expr.args.begin(), expr.args.end(), [&](const auto& argument) { return argument && sees_more(*argument, scope, depth + 1, parts); });
  }

  // ---- asking ----

  z3::solver solver_of(Statement& statement) {
    z3::solver solver(z3);
    z3::params limits(z3);
    limits.set("rlimit", work_max);
    limits.set("timeout", time_max_ms);
    solver.set(limits);
    for (unsigned i = 0; i < statement.sides().size(); ++i) solver.add(statement.sides()[static_cast<int>(i)]);
    return solver;
  }

  static SolverAnswer::Verdict verdict_of(z3::solver& solver, const Statement& statement) {
    switch (solver.check()) {
      case z3::unsat:
        return SolverAnswer::Verdict::never;
      case z3::sat:
        return SolverAnswer::Verdict::sometimes;
      case z3::unknown:
        break;
    }
    // With history or the like in it the answer would have been a hint at most.
    return statement.exact() ? SolverAnswer::Verdict::undecided : SolverAnswer::Verdict::sometimes;
  }

  /// As it was put together. A solver's own text of it depends on what was asked before.
  std::string written_as(const Statement& statement) {
    std::vector<Z3_ast> sides;
    for (unsigned i = 0; i < statement.sides().size(); ++i) sides.push_back(statement.sides()[static_cast<int>(i)]);
    const z3::expr nothing = z3.bool_val(true);
    const Z3_ast last = sides.empty() ? static_cast<Z3_ast>(nothing) : sides.back();
    if (!sides.empty()) sides.pop_back();
    return numbered_anew(Z3_benchmark_to_smtlib_string(z3, "", "", "unknown", "", static_cast<unsigned>(sides.size()), sides.data(), last));
  }

  SolverAnswer::Verdict verdict(Statement& statement) {
    const std::string written = "; verdict\n" + written_as(statement);
    if (const auto known = remembered().find(written)) return *known;
    z3::solver solver = solver_of(statement);
    const auto verdict = verdict_of(solver, statement);
    remembered().keep(written, verdict);
    return verdict;
  }

  template <class Accept>
  SolverAnswer solve(Statement& statement, Accept&& accept) {
    const std::string written = written_as(statement);
    if (const auto known = remembered().find(written)) return {*known, {}};
    z3::solver solver = solver_of(statement);
    switch (solver.check()) {
      case z3::unsat:
        remembered().keep(written, SolverAnswer::Verdict::never);
        return {SolverAnswer::Verdict::never, {}};
      case z3::unknown: {
        // With history or the like in it the answer would have been a hint at most.
        const auto verdict = statement.exact() ? SolverAnswer::Verdict::undecided : SolverAnswer::Verdict::sometimes;
        remembered().keep(written, verdict);
        return {verdict, {}};
      }
      case z3::sat:
        break;
    }
    SolverAnswer answer{SolverAnswer::Verdict::sometimes, accept(solver.get_model())};
    // Rounder figures read better; each that can stay is fixed.
    for (const auto& [name, free] : statement.free()) {
      if (!free.value.is_int() || is_text(free.type.kind)) continue;
      for (const z3::expr& nice : nicer(free)) {
        solver.push();
        solver.add(nice);
        if (solver.check() != z3::sat) {
          solver.pop();
          continue;
        }
        if (auto better = accept(solver.get_model())) answer.witness = std::move(better);
        break;
      }
    }
    // What holds without a witness stays so, too.
    if (!answer.witness) remembered().keep(written, SolverAnswer::Verdict::sometimes);
    return answer;
  }

  std::vector<z3::expr> nicer(const Free& free) {
    const auto between = [&](int64_t low, int64_t high) { return free.value >= z3.int_val(low) && free.value <= z3.int_val(high); };
    int64_t unit = free.type.kind == TypeKind::decimal ? decimal_one : 1;
    if (free.type.kind == TypeKind::money) {
      for (int i = 0; i < program.bundle.minor_digits; ++i) unit *= 10;
    }
    if (free.type.kind == TypeKind::date) return {free.value == z3.int_val(some_day), between(some_day - 400, some_day + 400)};
    const z3::expr round = z3::mod(free.value, z3.int_val(unit)) == 0;
    return {free.value == 0, round && between(0, 1'000 * unit), round && between(0, 1'000'000 * unit), between(-1'000'000 * unit, 1'000'000 * unit)};
  }

  Value value_in(const Statement& statement, const z3::model& model, const Free& free) {
    if (free.type.optional && model.eval(free.missing, true).is_true()) return of_missing();
    const z3::expr value = model.eval(free.value, true);
    if (value.is_bool()) return of_slot(value.is_true());
    int64_t slot = 0;
    (void)value.is_numeral_i64(slot);
    if (is_text(free.type.kind)) return {.missing = false, .slot = 0, .text = statement.text_of(slot)};
    return of_slot(slot);
  }
};

Solver::Solver(const checked::Program& program) : inner_(std::make_unique<Inner>(program)) {}
Solver::~Solver() = default;

void Solver::allow(int64_t questions) { inner_->questions_left = questions; }

bool Solver::worth_asking(RootId root) {
  if (root == checked::none) return false;
  const auto known = inner_->worth.find(root);
  if (known != inner_->worth.end()) return known->second;
  const Expr* body = inner_->program.roots.at(static_cast<size_t>(root)).body.get();
  int parts = 0;
  return inner_->worth[root] = body != nullptr && inner_->sees_more(*body, Scope{}, 0, parts);
}

SolverAnswer Solver::ask(Index entity, const std::vector<Demand>& demands) {
  const checked::Program& program = inner_->program;
  try {
    if (inner_->questions_left-- <= 0) throw TooLarge{};
    Statement statement(program, inner_->z3, entity);
    for (const Demand& demand : demands) statement.demand(demand.root, demand.wanted);
    return inner_->solve(statement, [&](const z3::model& model) -> std::optional<Witness> {
      Witness witness;
      witness.facts.self_entity = entity;
      witness.facts.today = some_day;
      std::optional<int64_t> today;
      for (const auto& [name, free] : statement.free()) {
        const Value value = inner_->value_in(statement, model, free);
        if (free.today) witness.facts.today = today = value.slot;
        if (!free.field) continue;
        witness.facts.fields[*free.field] = value;
        const checked::Entity& of = program.entities.at(static_cast<size_t>(free.field->first));
        const checked::Field& declared = of.fields.at(static_cast<size_t>(free.field->second));
        witness.text.emplace_back(free.field->first == entity ? declared.name : of.name + "." + declared.name,
                                  text_of_value(inner_->program, declared.type, value));
      }
      if (today) witness.text.emplace_back("today", text_of_value(inner_->program, {TypeKind::date, false, -1}, of_slot(*today)));
      const bool holds = std::all_of(demands.begin(), demands.end(), [&](const Demand& demand) {
        const auto value = evaluate_root(program, demand.root, witness.facts);
        return value && !value->missing && (value->slot != 0) == demand.wanted;
      });
      return holds ? std::optional(std::move(witness)) : std::nullopt;
    });
  } catch (const TooLarge&) {
    return {SolverAnswer::Verdict::sometimes, {}};  // not asked at all: it may hold, as ever
  } catch (const z3::exception&) {
    return {};  // out of its memory, or something it does not know: nothing is decided
  }
}

SolverAnswer::Verdict Solver::verdict(Index entity, const std::vector<Demand>& demands) {
  try {
    if (inner_->questions_left-- <= 0) throw TooLarge{};
    Statement statement(inner_->program, inner_->z3, entity);
    for (const Demand& demand : demands) statement.demand(demand.root, demand.wanted);
    return inner_->verdict(statement);
  } catch (const TooLarge&) {
    return SolverAnswer::Verdict::sometimes;  // not asked at all: it may hold, as ever
  } catch (const z3::exception&) {
    return SolverAnswer::Verdict::undecided;  // out of its memory, or something it does not know
  }
}

namespace {

/// Whether the cell takes the value, by the evaluator; nothing: it cannot tell.
std::optional<bool> cell_takes(const checked::Program& program, const checked::Cell& cell, const checked::Type& type, const Value& value, const Scope& inputs) {
  if (cell.predicate != checked::none) {
    const Expr* body = program.roots.at(static_cast<size_t>(cell.predicate)).body.get();
    const auto holds = body == nullptr ? std::nullopt : evaluate(program, *body, inputs, Facts{});
    return holds ? std::optional(holds->slot != 0) : std::nullopt;
  }
  if (value.missing) return cell.accepts_missing;
  if (is_text(type.kind)) return (std::find(cell.texts.begin(), cell.texts.end(), value.text) != cell.texts.end()) != cell.texts_negated;
  return std::any_of(cell.intervals.begin(), cell.intervals.end(), [&](const auto& i) { return i.low <= value.slot && value.slot <= i.high; });
}

}  // namespace

SolverAnswer Solver::ask_table(const checked::Table& table, const std::vector<RowDemand>& rows) {
  const checked::Program& program = inner_->program;
  try {
    if (inner_->questions_left-- <= 0) throw TooLarge{};
    Statement statement(program, inner_->z3, checked::none);
    for (size_t c = 0; c < table.inputs.size(); ++c) statement.input(table, c);
    for (const RowDemand& demand : rows) {
      const z3::expr takes = statement.takes(table, *demand.row);
      statement.add(demand.wanted ? takes : !takes);
    }
    return inner_->solve(statement, [&](const z3::model& model) -> std::optional<Witness> {
      Witness witness;
      std::vector<Expr> written(table.inputs.size());
      std::vector<Value> values;
      const Scope here;
      Scope inputs;
      inputs.outer = &here;
      for (size_t c = 0; c < table.inputs.size(); ++c) {
        const checked::Type& type = table.inputs[c].type;
        const Value value = inner_->value_in(statement, model, statement.free().at(fmt::format("parameter {}", c)));
        witness.text.emplace_back(table.inputs[c].name, text_of_value(inner_->program, type, value));
        written[c].op = value.missing ? Op::missing : Op::literal;
        written[c].type = type;
        written[c].value = value.slot;
        written[c].text = value.text;
        inputs.parameters.push_back(&written[c]);
        values.push_back(value);
      }
      for (const RowDemand& demand : rows) {
        std::optional<bool> takes = true;
        for (size_t c = 0; c < table.inputs.size(); ++c) {
          const auto fits = cell_takes(program, demand.row->cells[c], table.inputs[c].type, values[c], inputs);
          if (!fits) return {};
          takes = *takes && *fits;
        }
        if (*takes != demand.wanted) return {};
      }
      return witness;
    });
  } catch (const TooLarge&) {
    return {SolverAnswer::Verdict::sometimes, {}};  // not asked at all: it may hold, as ever
  } catch (const z3::exception&) {
    return {};
  }
}

}  // namespace dunlin::analysis
