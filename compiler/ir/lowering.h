// How a checked expression becomes nodes, and its wake with it. Private to this folder.
//
// A value is its slots, its slope and the wake of this form: the earliest instant at which "slots, growing by slope with each tick
// of the clock" may stop being true. A tick is a day of `today`, for datetime and duration a microsecond of `now`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/body_cache.h"
#include "compiler/ir/builder.h"
#include "compiler/ir/ir.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/shape.h"

namespace dunlin::ir {

/// Slopes are held below this, so that no sum of them can overflow; steeper values wake at each tick instead.
constexpr int64_t slope_limit = int64_t{1} << 40;
/// Of what is handed to a function, whose body then has room for sums.
constexpr int64_t argument_slope_limit = int64_t{1} << 20;

struct Value {
  std::vector<NodeId> slots;
  NodeId slope = none;  // constant 0: does not grow
  NodeId wake = none;   // constant never: no reason to change
  int64_t slope_max = 0;
  std::optional<abi::DurationUnit> unit;  // of a duration, where it is known
  NodeId scalar() const { return slots.at(0); }
};

/// Which results and arguments a function of a root has.
struct Variant {
  bool wake = false;
  bool slope_result = false;     // between the value and the wake
  bool slope_arguments = false;  // behind the value slots of the arguments, one for each that can grow
  friend auto operator<=>(const Variant&, const Variant&) = default;
};

/// Types whose values can grow with the clock.
bool can_grow(const checked::Type& type);
/// Whether its tick is a microsecond of `now`.
bool ticks_with_now(const checked::Type& type);

class FunctionLowering;

/// The program under construction: each root, table and loop body becomes a function once for each variant asked for.
class ProgramLowering {
 public:
  ProgramLowering(const checked::Program& checked, const LowerOptions& options);
  std::unique_ptr<Program> run();

  const checked::Program& checked;
  const LowerOptions options;
  Program& ir() { return *program_; }
  int64_t text(const std::string& text);
  FunctionId of_root(checked::RootId root, Variant variant);
  FunctionId of_segmentation(checked::Index segmentation, Variant variant);
  FunctionId of_table(checked::Index table, Variant variant);
  /// The table as rows of constants; none where a cell or the order of its rows is not constant.
  int32_t row_table(checked::Index table);
  FunctionId body(Function made) { return bodies_.add(*program_, std::move(made)); }
  FunctionId add(Function made);
  /// Steepest result of a function with a slope.
  std::map<FunctionId, int64_t> slope_max;

 private:
  std::unique_ptr<Program> program_;
  std::map<std::string, int64_t> texts_;
  std::map<std::pair<checked::RootId, Variant>, FunctionId> roots_;
  std::map<std::pair<checked::Index, Variant>, FunctionId> segmentations_, tables_;
  std::map<checked::Index, int32_t> row_tables_;
  BodyCache bodies_;
};

/// What names mean at one place: of the root being lowered, or of one lowered in place.
struct Scope {
  NodeId self = none;
  std::vector<Value> parameters;
  std::map<checked::Index, Value> locals;
  checked::Index strategy = checked::none;  // whose variables are meant
  bool captures = false;                    // unknown names are asked from the function around a loop's body
};

class FunctionLowering {
 public:
  FunctionLowering(ProgramLowering& program, std::string name, bool wake);

  // lower_expression.cpp
  Value lower(const checked::Expr& expr);
  Value literal(const checked::Expr& expr);
  Value constant_slots(const checked::Type& type, const std::vector<int64_t>& slots, const std::string& text);
  Value missing(const checked::Type& type);
  NodeId self(const checked::Expr& asker);

  // lower_clock.cpp: values, slopes and wakes
  Value fact(NodeId slot) { return {{slot}, b.zero(), b.never()}; }
  Value fact(std::vector<NodeId> slots) { return {std::move(slots), b.zero(), b.never()}; }
  bool grows(const Value& value) { return !b.is_constant(value.slope, 0); }
  NodeId earlier(NodeId a, NodeId c) { return b.minimum(a, c); }
  /// The wake of the value itself: where it grows, the next tick too.
  NodeId changes(const checked::Type& type, const Value& value);
  NodeId next_tick(const checked::Type& type);
  /// The instant after so many ticks; never for never.
  NodeId after_ticks(const checked::Type& type, NodeId ticks);
  /// Forgets the slope: what uses this value is not linear in it.
  Value level(const checked::Type& type, Value value);
  Value with_slope(const checked::Type& type, Value value, NodeId slope, int64_t slope_max);
  /// As a checked sum may overflow later than now, large growing results are asked again each tick.
  Value guarded(const checked::Type& type, Value value);
  NodeId slope_sum(NodeId a, NodeId c, bool subtract);
  NodeId scaled_slope(NodeId slope, int64_t factor);

  // lower_choice.cpp
  Value choose(NodeId condition, const Value& a, const Value& c);
  Value logical(const checked::Expr& expr);
  Value both(const Value& a, const std::function<Value()>& right, bool conjunction);
  Value negation(Value a);
  Value condition(const checked::Expr& expr);
  Value optional_value(const checked::Expr& expr);
  Value map(const checked::Expr& expr);
  Value let(const checked::Expr& expr);

  // lower_arithmetic.cpp
  Value arithmetic(const checked::Expr& expr);
  Value add_subtract(const checked::Expr& expr);
  Value multiply(const checked::Expr& expr);
  Value divide(const checked::Expr& expr);
  Value negate(const checked::Type& type, const Value& value, Span span);
  Value sum(const checked::Type& type, const Value& left, const Value& right, bool subtract, Span span);
  Value product(const checked::Type& type, const Value& left, const Value& right, Span span);
  Value date_and_duration(const checked::Expr& expr, Value date, Value duration);
  Value durations(const Value& left, const Value& right, Span span);
  Value negated_duration(const Value& duration, Span span);
  NodeId unit_of(NodeId duration);
  Value smaller(const checked::Type& type, const Value& left, const Value& right, bool smallest);
  Value plain(const checked::Expr& expr, Op op, Kind kind, int64_t immediate = 0);

  // lower_compare.cpp
  Value comparison(const checked::Expr& expr);
  Value compare(checked::Op op, const checked::Type& type, const Value& left, const Value& right, Span span);
  Value compare_durations(checked::Op op, Value left, Value right, Span span);
  NodeId compare_nodes(checked::Op op, Kind kind, const checked::Type& type, NodeId left, NodeId right);
  std::optional<Value> compare_count(const checked::Expr& expr);

  // lower_call.cpp
  Value derived(const checked::Expr& expr);
  Value function_call(const checked::Expr& expr);
  Value native_call(const checked::Expr& expr);
  Value builtin_call(const checked::Expr& expr);
  Value table_call(const checked::Expr& expr);
  Value absolute(const checked::Type& type, const Value& value, Span span);
  Value working_days(const checked::Expr& expr);
  Value call(FunctionId function, bool slope_result, const checked::Type& type, NodeId self, const std::vector<Value>& arguments,
             const std::vector<checked::Type>& types, bool slope_arguments);
  Value inlined(checked::RootId root, NodeId self, std::vector<Value> arguments);
  Value call_root(checked::RootId root, NodeId self, std::vector<Value> arguments);
  std::vector<Value> arguments_of(const std::vector<checked::ExprPtr>& arguments, std::vector<checked::Type>& types);
  std::vector<Value> bounded(std::vector<Value> arguments, const std::vector<checked::Type>& types, bool& sloped);

  // lower_aggregate.cpp
  /// `at_least`: what a count is compared with (`count >= k`); then the wake is that of the comparison.
  Value aggregate(const checked::Expr& expr, std::optional<NodeId> at_least = std::nullopt);

  // lower_table_rows.cpp: tables whose rows are not all constant, and those that need every row
  Value table_by_rows(const checked::Table& table);
  Value table_by_row_table(const checked::Table& table, int32_t row_table);
  Value folded_row_table(const checked::Table& table, int32_t row_table);
  /// When the rows of a searched table that are hit may change, as its keys in `parameters` grow.
  NodeId row_wake(int32_t row_table, TableWake rows, NodeId hit, const std::vector<Value>& parameters);
  /// One slot of what a row says.
  NodeId table_cell(int32_t row_table, size_t slot, NodeId row);
  Value accepts(const checked::Table& table, const checked::TableRow& row);
  Value accepts_cell(const checked::TableColumn& column, const checked::Cell& cell, const Value& input);
  Value accepts_interval(const checked::Type& type, const checked::Cell::Interval& interval, const Value& input);
  Value outputs(const checked::Table& table, const checked::TableRow& row);
  Value output(const checked::TableColumn& column, const checked::TableOutput& output);
  Value first_row(const checked::Table& table, bool one_only);
  Value any_row(const checked::Table& table);
  Value best_row(const checked::Table& table);
  Value folded_rows(const checked::Table& table);
  Value no_row(const checked::Table& table);
  Value same_outputs(const checked::Table& table, const Value& a, const Value& c);

  // finishing
  /// Takes parameters of these types as arguments; validity of instance pointers follows from the types.
  void take_parameters(const std::vector<checked::Type>& types, bool slopes);
  void finish(const checked::Type& type, const Value& value, Variant variant);
  Function take();

  void note(Note::Kind kind, std::string name, const checked::Type& type, const std::vector<NodeId>& slots, Span span, NodeId instance = none);

  // names
  Value parameter(checked::Index index);
  Value local(checked::Index index);
  checked::Index strategy() const { return scope.captures ? outer->strategy() : scope.strategy; }
  /// The value inside a loop's body of one from the function around it.
  Value captured(const Value& outer);
  NodeId captured_node(NodeId outer);

  ProgramLowering& program;
  const checked::Program& checked;
  Function made;
  Builder b;
  const bool wake;
  Scope scope;
  FunctionLowering* outer = nullptr;  // of a loop's body
  std::vector<NodeId> captured_nodes;
  std::vector<NodeId> captured_wakes;  // nodes of the function around
  std::map<NodeId, NodeId> captures;
  int32_t next_argument = 0;
  int32_t enclosing_condition = none;
};

}  // namespace dunlin::ir
