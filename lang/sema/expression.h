// Checking of expressions: names are resolved from the inside out, literals take the type their context asks for, and what a
// condition proves to be known is known where the condition holds.
//
// Implemented by reason: expression.cpp (dispatch, coercion, roots), names.cpp, literals.cpp, operators.cpp, missing.cpp
// (flow of knowledge), calls.cpp, aggregates.cpp, cells.cpp (patterns of tables and `match`).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "lang/sema/context.h"
#include "lang/sema/node.h"

namespace dunlin::sema {

struct Signature;

/// Structures (node.h) of optional expressions that are known here.
using Facts = std::unordered_set<std::string>;

/// What an expression may see, apart from the names of the whole program.
struct Surroundings {
  std::string label;  // for traces
  Index self_entity = none;
  Index event_type = none;
  Index strategy = none;
  std::vector<std::pair<std::string, Type>> parameters;
  bool wants_wake = false;
  /// `now` may stand anywhere: the value is used once and not waited for.
  bool free_now = false;
  /// What a test expects: a comparison with something missing does not hold.
  bool expecting = false;
  /// Neither clock nor case file: settings' initial values, cells.
  bool constant = false;
  /// Shown when `outcome` is asked for although the queue has none, and the like.
  Facts known;
};

/// What a name means where it stands; `none_such` if nothing.
struct Meaning {
  enum class Kind : uint8_t {
    none_such,
    parameter,
    local,
    element_field,
    element_word,
    event_field,
    variable,
    field,
    derived,
    ancestor,
    self,
    children,
    word,
    setting
  };
  Kind kind = Kind::none_such;
  Index index = none;
  size_t scope = 0;  // element_*: which aggregate
};

class ExpressionChecker {
 public:
  ExpressionChecker(Context& context, const Surroundings& surroundings);

  /// Checks and returns the expression; `hint` (error: none) is the type the context would like.
  ExprPtr check(const ast::Expr& expr, Type hint = {});
  /// Checks against a type; reports if it does not fit. `role` says what it is for: "the discount".
  ExprPtr check_as(const ast::Expr& expr, Type expected);
  ExprPtr check_condition(const ast::Expr& expr);
  /// A moment to wait for: `last(promise).due + 2 days` may be missing as a whole. duration, date(time) or optional date(time).
  ExprPtr check_moment(const ast::Expr& expr);
  /// The condition that `value` is accepted by a cell or pattern; `value` is duplicated as needed.
  ExprPtr pattern_condition(const ast::Expr& pattern, const checked::Expr& value);

  ExprPtr coerce(ExprPtr expr, Type expected, Span span);

  /// What holds where `condition` is true (false).
  void learn(const checked::Expr& condition, bool truth, Facts& facts) const;
  Facts& facts() { return facts_; }

  Index add_local(Type type) {
    (void)type;
    return locals_++;
  }
  Index locals() const { return locals_; }
  /// Names a local for the rest of the root (element of a list).
  void bind(const std::string& name, Index local, Type type) { bindings_.push_back({name, local, type, {}}); }

 private:
  struct Binding {
    std::string name;
    Index local;
    Type type;
    Span declared;
  };
  /// The element of an event query: its fields are visible by name, and it is called by the path it was asked for.
  struct Element {
    std::string path;
    Index local;
    Index event_type;
  };

  // expression.cpp
  ExprPtr dispatch(const ast::Expr& expr, Type hint);
  void mismatch(const checked::Expr& found, Type expected, Span span);
  bool require_known(ExprPtr& expr, const char* where);

  // names.cpp
  Meaning find(const std::string& name) const;
  ExprPtr make(const Meaning& meaning, const ast::Name& name);
  ExprPtr make_word(const std::string& word, Span span);
  ExprPtr check_name(const ast::Name& name, Span span, Type hint);
  ExprPtr check_member(const ast::Expr& expr, const ast::Member& member, Type hint);
  ExprPtr member_of(ExprPtr base, const ast::Name& name, Span span);
  ExprPtr instance_member(ExprPtr base, const ast::Name& name, Span span);
  ExprPtr event_member(ExprPtr base, const ast::Name& name, Span span);
  ExprPtr element_path(const ast::Path& path, Span span);
  ExprPtr literal_by_name(const std::string& text, Span span, Type hint);
  bool is_literal_name(const ast::Expr& expr) const;  // a name that only the expected type can explain
  void report_unknown(const ast::Name& name, Type hint);
  std::vector<std::string> visible_names() const;
  /// Where an editor asks for a completion: what could stand here.
  bool probe(const ast::Name& name, Type hint, Type base, bool member);
  Type type_of_name(const std::string& name) const;
  ExprPtr self_expr(Span span);
  ExprPtr ancestor_of(ExprPtr instance, Index entity, Span span);
  ExprPtr field_of(ExprPtr instance, Index entity, Index field, Span span);
  ExprPtr derived_of(ExprPtr instance, Index entity, Index derived, Span span);
  ExprPtr children_of(ExprPtr instance, Index entity, Span span);
  ExprPtr event_expr(Span span);
  ExprPtr event_field_of(ExprPtr event, Index type, Index field, Span span);

  // literals.cpp
  ExprPtr check_integer(const ast::IntLit& literal, Span span, Type hint);
  ExprPtr check_decimal(const std::string& digits, int shift, Span span, Type hint);
  ExprPtr check_duration(const ast::DurationLit& literal, Span span);
  ExprPtr check_text(const ast::TextLit& literal, Span span, Type hint);
  ExprPtr as_text(ExprPtr value, Span span);
  ExprPtr check_date(const ast::DateLit& literal, Span span);
  ExprPtr check_datetime(const ast::DateTimeLit& literal, Span span);
  static bool is_flexible(const ast::Expr& expr);  // numbers only: the context decides the type
  static bool has_fraction(const ast::Expr& expr);

  // operators.cpp
  ExprPtr check_unary(const ast::Unary& unary, Span span, Type hint);
  ExprPtr check_binary(const ast::Binary& binary, Span span, Type hint);
  ExprPtr check_logic(const ast::Binary& binary, Span span);
  ExprPtr check_comparison(const ast::Binary& binary, Span span);
  ExprPtr check_arithmetic(const ast::Binary& binary, Span span, Type hint);
  std::pair<ExprPtr, ExprPtr> check_pair(const ast::Binary& binary, Type hint);
  ExprPtr add_or_subtract(Op op, ExprPtr left, ExprPtr right, Span span, Span op_span);
  ExprPtr multiply_or_divide(Op op, ExprPtr left, ExprPtr right, Span span, Span op_span);
  ExprPtr compare(Op op, ExprPtr left, ExprPtr right, Span span);
  bool same_number_type(ExprPtr& left, ExprPtr& right);
  ExprPtr cannot(Op op, const checked::Expr& left, const checked::Expr& right, Span span);
  bool units_agree(const checked::Expr& left, const checked::Expr& right, Span span);
  ExprPtr check_in(const ast::InExpr& in, Span span);
  ExprPtr check_range(const ast::RangeExpr& range, Span span, Type hint);
  /// Runs `body` with an expression that stands for `value` and may be copied freely.
  ExprPtr with_shared(ExprPtr value, Span span, const std::function<ExprPtr(const checked::Expr&)>& body);

  // missing.cpp
  ExprPtr check_default(const ast::DefaultExpr& expr, Span span, Type hint);
  ExprPtr check_known(const ast::KnownTest& test, Span span);
  ExprPtr narrowed(ExprPtr expr);
  /// Applies `body` to the known value; a missing one passes through.
  ExprPtr through(ExprPtr value, Span span, const std::function<ExprPtr(ExprPtr)>& body);
  /// The same for several values.
  ExprPtr through_all(std::vector<ExprPtr> values, Span span, const std::vector<bool>& takes_missing, const std::function<ExprPtr(std::vector<ExprPtr>)>& body);
  ExprPtr check_if(const ast::IfExpr& expr, Span span, Type hint);
  ExprPtr check_match(const ast::MatchExpr& match, Span span, Type hint);
  ExprPtr check_let(const ast::LetExpr& let, Span span, Type hint);
  /// Brings the branches of a choice to one type.
  Type unify(std::vector<ExprPtr*> branches);
  Type hint_of_branches(const std::vector<const ast::Expr*>& branches, Type hint);

  // calls.cpp
  ExprPtr check_call(const ast::CallExpr& call, Span span, Type hint);
  ExprPtr call_word(const std::string& name, const ast::CallExpr& call, Span span, bool& found);
  ExprPtr call_builtin(size_t builtin, const ast::CallExpr& call, Span span, Type hint);
  Type generic_type(const Signature& signature, const ast::CallExpr& call, Type hint, std::vector<ExprPtr>& arguments);
  ExprPtr call_table(Index first, std::vector<ExprPtr> arguments, Span span);
  ExprPtr call_symbol(const Symbol& symbol, const ast::CallExpr& call, Span span);
  bool argument_order(const ast::CallExpr& call, const std::vector<std::string>& names, const std::string& function, Span span,
                      std::vector<const ast::Expr*>& out);

  // holds.cpp
  ExprPtr check_held(const ast::CallExpr& call, Span span);
  ExprPtr check_converted(const ast::CallExpr& call, Span span);

  // experiments.cpp
  ExprPtr check_arm(const ast::CallExpr& call, Span span);
  ExprPtr check_requested(const std::string& word, const ast::CallExpr& call, Span span);

  // aggregates.cpp
  void end_window(const ast::AggregateExpr& written, checked::Aggregate& made, Span span);
  ExprPtr check_aggregate(const ast::AggregateExpr& aggregate, Span span);
  ExprPtr check_spent(const ast::AggregateExpr& aggregate, Span span);
  bool is_collecting_call(const ast::Expr& expr) const;
  std::string list_above(const std::string& name) const;
  bool find_source(const ast::AggregateExpr& written, checked::Aggregate& made, Element& element, Span span);
  bool find_events(const ast::Path& path, size_t parts, checked::Aggregate& made, Element& element) const;
  bool scope_of(const ast::AggregateExpr& written, checked::Aggregate& made, Span span);
  void window_of(const ast::AggregateExpr& written, checked::Aggregate& made);
  void order_of(const ast::AggregateExpr& written, checked::Aggregate& made);
  Type result_of(const ast::AggregateExpr& written, checked::Aggregate& made, Type element, Span span);

  // rows.cpp
  bool row_question(const ast::AggregateExpr& written, checked::AggregateFunction function, Type type, Index local, ExprPtr& where, ExprPtr& value, Span span);
  ExprPtr looped_rows(const ast::AggregateExpr& written, checked::AggregateFunction function, ExprPtr call, Span span);
  ExprPtr check_rows(const ast::AggregateExpr& written, checked::AggregateFunction function, ExprPtr call, Span span);
  ExprPtr walk_rows(const ast::AggregateExpr& written, checked::AggregateFunction function, ExprPtr call, Span span);
  ExprPtr table_in_force(Index table, Span span);
  ExprPtr row_part(const ast::AggregateExpr& written, checked::AggregateFunction function, ExprPtr matches, ExprPtr element, Span span);
  ExprPtr row_matches(const checked::Table& table, const checked::TableRow& row, const std::vector<ExprPtr>& arguments);
  ExprPtr row_element(const checked::Table& table, const checked::TableRow& row, Type type, const std::vector<ExprPtr>& arguments);
  ExprPtr inlined(RootId root, const std::vector<ExprPtr>& arguments);
  ExprPtr merged(ExprPtr a, ExprPtr b, checked::AggregateFunction function, Span span);
  ExprPtr mean(ExprPtr sum, ExprPtr count, Span span);

  Context& context_;
  const Surroundings& around_;
  std::vector<Binding> bindings_;
  std::vector<Element> elements_;
  Facts facts_;
  Index locals_ = 0;
  int depth_ = 0;
  size_t steps_ = 0;
  bool lift_missing_ = false;  // date arithmetic of a moment passes a missing value on
  bool now_allowed_ = false;   // directly under a comparison
};

/// Checks `expr` against `expected` (error: whatever it is) and adds it to the program's roots.
RootId make_root(Context& context, const Surroundings& around, const ast::Expr& expr, Type expected);
/// Adds a finished body.
RootId add_root(Context& context, const Surroundings& around, ExprPtr body, Index locals, Span span);

/// What a parameter is where an experiment tries values of it (`arms of tone { soft 50%, firm 50% = "firm" }`); null: none does.
ExprPtr value_by_arm(Context& context, const Surroundings& around, Index setting, Span span);

/// Flattens `a.b.c`; nothing if it is not a chain of names.
std::optional<ast::Path> path_of(const ast::Expr& expr);
std::optional<ast::Path> path_of(const ast::Expr& expr, const ast::Member& member);

/// The value of a constant expression in slot form (numbers: order key), null if it is not constant.
std::optional<int64_t> constant_key(const checked::Expr& expr);
/// Computes what can be computed of literals: signs and exact sums.
ExprPtr folded(ExprPtr expr);
/// Unit of a duration that is plain from the expression; none otherwise. 0 exact, 1 day, 2 business day, 3 month.
std::optional<int> duration_unit(const checked::Expr& expr);

}  // namespace dunlin::sema
