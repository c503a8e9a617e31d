// The typed intermediate form: one function for each root of the checked program, each a graph of scalar nodes with shared subexpressions.
// Both backends read it: the interpreter is the oracle, LLVM the fast one. Printed by print.h, held to its rules by verify.h.
//
// Evaluation is by demand: a node is evaluated when its value is first needed, its operands from left to right, and only once for
// each call (evaluating it again would be the same: nothing has side effects). `branch` needs its condition and then one arm; everything
// else needs all operands, and a function all its results, from the first to the last. So both backends meet the same first fault.
//
// Wakes. A function with `has_wake` also gives H, the earliest instant at which its value may change with no new facts. Where a value grows
// evenly with the clock it comes with its slope instead of a wake every day: units for each day of `today`, for datetime and duration for
// each microsecond of `now`. Nodes that only serve a wake never fault where the value does not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked.h"

namespace dunlin::ir {

using NodeId = int32_t;
using FunctionId = int32_t;
constexpr int32_t none = -1;

enum class Kind : uint8_t { boolean, integer, number, pointer, tuple };  // integer: any slot of int64 form; tuple: result of a call, read by `extract`

enum class Op : uint8_t {
  // constants and inputs
  constant,       // immediate (number: bit pattern)
  text_constant,  // text: index into Function-independent Program::texts
  argument,       // immediate: slot in the arguments of this function
  self,
  event,  // pointers of the context
  now,
  today,    // of the context
  setting,  // immediate: slot
  // memory; operands are pointers
  instance_slot,    // a: instance; immediate: slot
  instance_parent,  // a: instance -> pointer
  event_slot,       // a: event; immediate: slot
  event_at,
  event_owner,
  event_type,  // a: event
  state_strategy,
  state_stage,
  state_entered_at,
  state_enrolled_at,  // a: instance
  state_variable,     // a: instance; immediate: slot
  state_visits,       // a: instance; immediate: stage
  // integers: checked ones fault on overflow
  add_checked,
  subtract_checked,
  multiply_checked,
  negate_checked,
  floor_divide,
  floor_modulo,     // fault on zero, and on overflow
  multiply_scaled,  // (a * b) / immediate in 128 bits, rounded half to even; faults on overflow
  divide_scaled,    // (a * immediate) / b in 128 bits, rounded half to even; faults on zero and overflow
  add_wrapping,
  subtract_wrapping,  // known not to overflow, or sentinel arithmetic
  add_saturating,
  subtract_saturating,  // held to the range of int64, so `never` stays never
  minimum,
  maximum,  // signed integers
  // numbers
  add_number,
  subtract_number,
  multiply_number,
  divide_number,
  negate_number,  // fault where the result is not finite; divide also on zero
  minimum_number,
  maximum_number,
  integer_to_number,  // exact nearest
  scaled_to_number,   // a / 1e6 as double
  // comparison -> boolean
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,  // integers, booleans
  equal_number,
  less_number,
  less_equal_number,
  equal_pointer,
  equal_text,   // by bytes
  in_interval,  // a >= immediate && a <= immediate2 (integers)
  // logic; both operands always evaluated (lazy ones are lowered to branch)
  logical_and,
  logical_or,
  logical_not,
  // choice
  branch,  // a: condition; b, c: lazily
  select,  // a: condition; b, c both evaluated and free of faults
  pack,    // operands -> tuple of them; `branch` may choose between tuples of one shape, read by `extract`
  // calls
  call,         // function; operands are its arguments; self of the callee is operand 0 where it takes an instance (see Function::takes_self) -> tuple
  extract,      // a: tuple; immediate: result
  builtin,      // immediate: checked::Builtin -> its single slot
  native,       // immediate: checked::Program::natives -> tuple
  text_concat,  // operands: texts
  table_row,    // immediate: Program::row_tables -> row hit (integer; row count if none: otherwise). Operands: input keys (and known flags)
  table_cell,   // immediate: row table, immediate2: output slot; a: row -> constant of that row (kind integer or number or pointer)
  aggregate,    // immediate: index into Function::aggregates -> tuple
  day_start,    // a: date -> instant; faults beyond the calendar
  date_of,      // a: instant -> date; faults beyond the calendar
  add_duration_to_date,
  add_duration_to_instant,  // a, b: packed duration; fault beyond the calendar
  // clock arithmetic that never faults; bodies in compiler/abi/wake.h
  day_start_clamped,  // a: date -> instant; before the calendar: the smallest int64, behind it: the end of the last day, `never`: never
  calendar_last_day,  // no operands -> last date of the calendar
  next_working_day,   // a: date -> first working day after it; behind the calendar: the day after its end
  period_start,       // a: date -> first date of its period; immediate: checked::Aggregate::Calendar
  period_next,        // a: date -> first date of the period after it
  flip,               // immediate: Op of the comparison (equal … greater_equal); operands: left, right, slope of left, slope of right
                      // -> ticks (1 or more) until its outcome flips, never if it does not: abi::flip
  table_wake,         // immediate: Program::row_tables, immediate2: TableWake; operands: row hit, then those of table_row, then a slope for each input
                      // -> ticks until the hit may change, never if it cannot
  fault,              // immediate: abi::Fault; evaluating it is that fault
};

/// Which rows a change of the hit can come from. each: every row counts, so whether any of them comes or goes; there is no hit then.
enum class TableWake : int64_t { up_to_hit, hit, all, each };

struct Node {
  Op op = Op::constant;
  Kind kind = Kind::integer;
  int64_t immediate = 0;
  int64_t immediate2 = 0;
  int32_t function = none;  // call
  std::vector<NodeId> operands;
  int32_t site = none;  // where it may fault: index into Function::sites
};

/// A loop over events or over a list. The body is a function of its own: arguments are (element, captured values …).
/// Operands (owner, window_low, window_value, nth, keys, captured, in this order) are evaluated once before the loop and are also the operands of
/// the aggregate's node. Every candidate is visited, in order; only `stops` ends the loop early. Cancelled events are no candidates.
/// The body's value and order keys are 0 where it does not accept, so all its results may be computed.
struct Aggregate {
  /// subtree_events: those of the case file, in its order, whose owner is `owner` or below it.
  /// rows: those of a row table that take the keys, by their number as written; the body's element is that number.
  enum class Walk : uint8_t { own_events, subtree_events, case_events, list, rows };
  /// What is made of the elements; each is a result of the tuple, in this order.
  enum class Fold : uint8_t {
    count,       // of accepted elements
    count_days,  // distinct dates of accepted events
    sum,         // of body value, each partial sum checked
    sum_number,
    minimum,
    maximum,
    minimum_number,
    maximum_number,  // two results: any (boolean), value
    average,         // integer or decimal value: sum as 128 bits / count in millionths, half to even; two results: any, value. immediate scale in `scale`
    average_number,
    exists,  // boolean
    all,     // boolean: no element fails
    first,
    last,  // two results: any, pointer
    // wakes: instants, never if none
    wake_body,  // min over candidates of the body's wake result
    // An event leaves a window of n days at the clamped start of its (clamped) date + n, an exact one at its instant + length.
    leave_days,         // the earliest accepted event leaves a window of days
    leave_exact,        // … an exact one
    leave_last,         // the latest accepted event leaves (exists, last); window_in_days tells which kind
    nth_oldest_leaves,  // the (accepted - k + 1)th oldest, that is the kth newest, accepted event leaves; never if accepted < k or k <= 0
  };
  Walk walk = Walk::own_events;
  NodeId owner = none;            // instance
  int32_t child_position = none;  // list: child list of the owner
  std::vector<checked::Index> event_types;
  NodeId window_low = none;          // events: only those with at > this instant (exclusive), evaluated once before the loop
  bool window_low_included = false;  // then at >= it
  NodeId window_value = none;        // days or microseconds, for leave_*
  bool window_in_days = true;
  NodeId nth = none;       // nth_oldest_leaves
  FunctionId body = none;  // results: accept (boolean), value slot, order keys …, wake: see BodyResults
  std::vector<NodeId> captured;
  int32_t row_table = none;  // rows
  std::vector<NodeId> keys;  // rows: as the operands of table_row
  bool stops = false;        // rows: the first element that counts ends the loop
  bool backwards = false;    // rows: from the last
  /// Position of each part in the body's results; none: absent (accept absent: every candidate counts).
  int32_t accept_result = none, value_result = none, wake_result = none;
  std::vector<int32_t> order_results;     // keys in order of weight
  std::vector<uint8_t> order_descending;  // 1: greatest first
  std::vector<uint8_t> order_number;      // 0: integer, 1: double, 2: text (by bytes); ties: the earlier element comes first
  int64_t scale = 1;
  std::vector<Fold> folds;
};

struct FaultSite {
  Span span;
};

/// What a node stands for in the source: read by the interpreter's trace only.
struct Note {
  enum class Kind : uint8_t { field, derived, event_field, variable, setting, aggregate, function, native, table, condition };
  Kind kind = Kind::condition;
  std::string name;                      // "account.dpd", "count(call)"; empty for conditions
  checked::Type type;                    // of the value in `slots`
  std::vector<NodeId> slots;             // nodes of the value
  NodeId row = none;                     // table: node of the row hit; none: every row that takes the keys in `slots`
  checked::Index index = checked::none;  // table: Program::tables
  NodeId instance = none;                // whose field it is
  Span span;
  int32_t parent = none;  // the condition it is a part of
  enum class Join : uint8_t { other, conjunction, disjunction };
  Join join = Join::other;  // of a condition: how its parts make it; those behind the one that decides were not needed
};

struct Function {
  std::string name;
  bool takes_self = false;      // called with an instance as operand 0; `self` inside is that instance
  int32_t argument_slots = 0;   // without self
  std::vector<Node> nodes;      // operands always have smaller ids
  std::vector<NodeId> results;  // slots of the value; a root that wants a wake has it last
  std::vector<Kind> result_kinds;
  std::vector<Aggregate> aggregates;
  std::vector<FaultSite> sites;
  std::vector<Note> notes;
  checked::RootId root = none;  // made from this root; none for bodies of loops
  bool has_wake = false;
  bool may_fault = true;  // false: no evaluation of it ends in a fault
};

/// A table whose cells are all constant intervals: matched row by row from the first.
struct RowTable {
  checked::Index table = none;
  bool by_index = false;  // large: native code looks rows up in an index instead of testing one after the other
  struct Input {
    bool number = false;    // compare as double (cells are order keys)
    bool optional = false;  // takes two operands: known, value
    bool text = false;      // operand is a Text pointer; cells hold text indices
  };
  std::vector<Input> inputs;
  // Cells are read from checked::Program::tables[table].
  std::vector<int32_t> order;      // rows in the order they are tried; table_row gives the row's number as written, or the number of rows
  std::vector<Kind> output_kinds;  // one for each output slot
  /// By output slot, then row, `otherwise` last (if there is one). Pointers are indices into Program::texts, -1: null.
  std::vector<std::vector<int64_t>> outputs;
};

struct Program {
  const checked::Program* checked = nullptr;
  std::vector<Function> functions;
  /// Function of each root; with wake where the root wants one.
  std::vector<FunctionId> of_root;
  std::vector<std::string> texts;
  std::vector<RowTable> row_tables;
};

}  // namespace dunlin::ir
