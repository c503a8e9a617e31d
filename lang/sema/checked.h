// The checked program: every name resolved, every expression typed and desugared, every rule in its place.
// Made by check.h; read by compiler/ir (which lowers the expressions) and by runtime/engine (which follows the rules).
// Nothing in here points back into the syntax tree. All indices are into the vectors of Program unless said otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lang/diag/source.h"
#include "lang/sema/types.h"

namespace dunlin::checked {

using Index = int32_t;
constexpr Index none = -1;

// ---- expressions ---------------------------------------------------------------------------

/// Operators of checked expressions. `args` and `index` are fields of Expr.
enum class Op : uint8_t {
  // leaves
  literal,    // value / number / text by type; enumeration and stage: value = ordinal / stage index
  missing,    // of an optional type
  now,        // datetime
  today,      // date
  self,       // the instance that asks
  event,      // the event being handled (Root::event_type says which)
  parameter,  // index: parameter of the root (function parameter, keep binder, table input)
  local,      // index: bound by let, map or an aggregate of this root
  setting,    // index: Program::settings (`parameter x : T`)
  // what an instance knows
  field,        // args[0] instance; index: stored field of its entity
  derived,      // args[0] instance; index: derived field of its entity
  ancestor,     // args[0] instance; index: entity of the ancestor
  event_field,  // args[0] event; index: field of its event type (inherited fields first)
  event_at,     // args[0] event -> datetime
  event_owner,  // args[0] event -> instance
  event_leaf,   // args[0] event -> enumeration of the outcomes of a queue (Queue::outcome_enum)
  // what an instance's strategy knows (self only)
  variable,     // index: variable of Root::strategy
  entered_at,   // -> datetime at which the current stage was entered
  enrolled_at,  // -> datetime
  visits,       // index: stage -> int, how often this enrolment has entered it
  in_stage,     // index: stage -> bool
  in_strategy,  // index: strategy -> bool
  // arithmetic, operands already of fitting types:
  //   add, subtract: int, decimal, number, money with the same; date + duration -> date; datetime + duration -> datetime;
  //                  duration + duration; datetime - datetime -> exact duration; date - date -> int days
  //   multiply:      int, decimal, number with the same; money * int; money * decimal; decimal * int; duration * int   (left operand as listed)
  //   divide:        decimal / decimal; int / int -> decimal; number / number; money / int; money / decimal; money / money -> decimal
  //   floor_divide, modulo: int, int, rounding down
  // Exact results are rounded half to even; overflow and division by zero are faults. A number is never NaN or infinite: that is a fault.
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  negate,
  int_to_number,
  int_to_decimal,
  decimal_to_number,
  // comparison: same types on both sides (equal, not_equal also bool, enumeration, text, stage, instance)
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  // logic: logical_and and logical_or do not look at the right operand if the left decides
  logical_and,
  logical_or,
  logical_not,
  condition,  // args: condition, then, else; only the chosen branch is evaluated
  let,        // index: local; args: value, body
  // optional values
  to_optional,    // T -> T?
  known,          // T? -> bool
  default_value,  // args: T?, T (or T?); the second only if the first is missing
  unwrap,         // T? -> T where sema has proved it known
  map,            // index: local; args: T?, body of U or U? using the local as T; -> U?
  // calls
  function,      // index: Program::functions; args
  native,        // index: Program::natives; args
  builtin,       // index: Builtin; args
  table,         // index: Program::tables; args -> its result type
  record,        // args: one for each field -> record
  record_field,  // args[0] record; index: field
  text_concat,   // args: texts
  aggregate,     // aggregate
};

/// Functions of the language itself. Each has a row in lang/sema/builtins.def (signature, documentation, an example that is run as a test).
enum class Builtin : uint8_t {
#define DUNLIN_BUILTIN(id, name, ...) id,
#include "lang/sema/builtins.def"
#undef DUNLIN_BUILTIN
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class AggregateFunction : uint8_t { count, count_days, sum, minimum, maximum, average, exists, all, first, last };

struct Aggregate {
  /// rows: those of a `collect` table that take the arguments, as written; the local is what the row says.
  enum class Source : uint8_t { events, list, rows };
  /// Which owners an event query looks at: the instance itself, the instance and all below it, or the whole case file.
  enum class Scope : uint8_t { own, subtree, case_file };
  enum class Window : uint8_t {
    unlimited,
    days,      // within n days: today and the n-1 days before, in the bundle's zone (window = int expression, n >= 1)
    exact,     // within an exact duration: (now - d, now] (window = duration expression)
    since,     // after an instant, which is left out (window = datetime expression, or datetime?: missing means nothing is counted)
    calendar,  // in the running day, week, month or year of the bundle's zone
  };
  enum class Calendar : uint8_t { day, week, month, year };
  struct OrderKey {
    ExprPtr key;
    bool descending = false;
  };

  AggregateFunction function = AggregateFunction::count;
  Source source = Source::events;
  ExprPtr owner;                   // instance: scope of the event query, or owner of the list; rows: call of the table
  Scope scope = Scope::own;        // events
  std::vector<Index> event_types;  // events: subtree roots, any of which matches
  Index element_entity = none;     // list: entity of the elements
  Index local = none;              // bound to the element (event or instance) in value, where, order
  ExprPtr value;                   // sum, minimum, maximum, average
  ExprPtr where;                   // bool
  std::vector<OrderKey> order;     // first, last over lists; ties by position in the case file
  Window window = Window::unlimited;
  ExprPtr window_value;
  Calendar calendar = Calendar::day;
};
// Results: count, count_days: int. sum: type of value (0 for none). minimum, maximum, average: optional (average of int and decimal is decimal).
// exists, all: bool. first, last: optional event or instance; without order first/last over events mean earliest/latest.

struct Expr {
  Op op = Op::literal;
  Type type;
  Span span;
  Index index = none;
  int64_t value = 0;  // literal, in slot form
  double number = 0;  // literal of type number
  std::string text;   // literal text
  std::vector<ExprPtr> args;
  std::unique_ptr<Aggregate> aggregate;
};

/// Index of a Root in Program::roots.
using RootId = int32_t;

/// An expression with everything it may refer to: the unit that is lowered, compiled and called.
struct Root {
  ExprPtr body;
  Type type;          // of body
  std::string label;  // for traces: "soft.calling: when dpd > 90"
  Span span;
  Index self_entity = none;  // entity of `self`; none in functions
  Index event_type = none;   // Op::event is an event of this type or below; none where there is no event
  Index strategy = none;     // strategy whose variables and stages may be read; none elsewhere
  std::vector<Type> parameters;
  Index locals = 0;  // number of locals used
  /// True if the engine needs H(body): the earliest instant at which it may change with no new facts.
  bool wants_wake = false;
};

// ---- data ----------------------------------------------------------------------------------

struct Enum {
  std::string name;
  std::vector<std::string> literals;
};

struct Record {
  struct Field {
    std::string name;
    Type type;
  };
  std::string name;
  std::vector<Field> fields;
};

struct Field {
  std::string name;
  Type type;
  bool key = false;
  bool personal = false;
  std::optional<int64_t> minimum, maximum;  // inclusive, in slot form (number: not supported)
  /// A range that is not constant (`due : date in today..today + 14 days`): bool, parameter 0 is the value, self the owner.
  int32_t in_range = none;  // RootId
  Index slot = none;        // first slot in the instance
  std::string doc;
  Span span;
};

struct Derived {
  std::string name;
  Type type;
  RootId root = none;
  Index segmentation = none;
  std::string doc;
  Span span;
};

struct Entity {
  std::string name;
  Index parent = none;  // entity it is `of`; none for the root of the case file
  Index depth = 0;
  std::vector<Field> fields;  // stored
  std::vector<Derived> derived;
  std::vector<Index> children;  // entities of this one; position = index of the child list in an instance
  Index child_position = none;  // position in the parent's children
  Index key_field = none;
  Index slot_count = 0;
  std::string table;  // external table or view; empty: created by the runtime
  std::string doc;
  Span span;
};

/// Events form trees: an outcome `call.reached.debtor.promises` lies below `call.reached.debtor`.
/// The types below and including i are exactly i..=last_descendant (preorder).
struct EventType {
  std::string name;   // full name
  std::string alias;  // `promise`, may be empty
  Index parent = none;
  Index last_descendant = none;
  bool leaf = true;
  Index owner = none;         // entity
  std::vector<Field> fields;  // inherited ones first; slot = position in the event's slots
  Index slot_count = 0;
  std::vector<Index> cancels;  // event types whose latest uncancelled event this one cancels
  Index queue = none;          // outcome of this queue
  RootId allowed_when = none;  // `when may_promise`
  Index leaf_ordinal = none;   // ordinal in Queue::outcome_enum
  Span span;
};
// Every outcome event has these first fields: treatment : text?, task_identity : int?, cost : money?.

struct Setting {  // parameter max_discount : decimal = 30%
  std::string name;
  Type type;
  RootId initial = none;
  std::optional<int64_t> minimum, maximum;
  Index slot = none;
  std::string doc;
  Span span;
};

struct Segmentation {
  struct Case {
    std::string literal;
    RootId when = none;  // none: otherwise
    Span span;
  };
  std::string name;
  Index entity = none;
  Index derived = none;
  Index enumeration = none;
  std::vector<Case> cases;
};

enum class HitPolicy : uint8_t { unique, first, any, priority, collect, sum, minimum, maximum, count };

/// What one cell accepts. Ordered values are mapped to int64 keys that keep their order (slot form; number: order_key_of_double),
/// so every interval has both ends included. Text is a set.
struct Cell {
  struct Interval {
    int64_t low, high;
  };
  std::vector<Interval> intervals;  // sorted, disjoint; empty if only `missing` or text
  bool accepts_missing = false;
  std::vector<std::string> texts;  // text columns
  bool texts_negated = false;      // anything but texts (any: negated and empty)
  RootId predicate = none;         // a cell that is not constant: bool root, parameters = the table's inputs
  Span span;
};
int64_t order_key_of_double(double value);
double double_of_order_key(int64_t key);

struct TableColumn {
  std::string name;
  Type type;
  std::optional<int64_t> minimum, maximum;  // inputs typed with a range, as order keys; values outside match no row and are no gap
  Span span;
};
struct TableOutput {
  bool constant = true;
  std::vector<int64_t> slots;  // constant, text excepted
  std::string text;            // constant of type text
  RootId root = none;          // not constant; parameters = the table's inputs
};
struct TableRow {
  std::vector<Cell> cells;           // one for each input
  std::vector<TableOutput> outputs;  // one for each output
  Span span;
};
struct Table {
  std::string name;
  std::vector<TableColumn> inputs, outputs;
  HitPolicy policy = HitPolicy::unique;
  std::vector<TableRow> rows;
  std::optional<TableRow> otherwise;
  /// unique, first, any, priority: the output's type, or a record of several. collect: list. count: int. sum: as the output. minimum, maximum: optional.
  /// priority: the row whose first output comes first in its type's order of literals (enum) or is greatest (ordered types) wins.
  Type result;
  std::string doc;
  Span span;
};

struct Function {
  std::string name;
  std::vector<std::string> parameter_names;
  RootId root = none;
  std::string doc;
  Span span;
};
struct Native {
  std::string name;  // C symbol is dunlin_native_<name>
  std::vector<std::string> parameter_names;
  std::vector<Type> parameters;
  Type result;
  std::string doc;
  Span span;
};

// ---- queues and strategies -----------------------------------------------------------------

// checked_people.h
struct QueuePolicy;
struct Schedule;
struct Territory;

struct Queue {
  std::string name;
  Index outcomes = none;      // event type, root of the outcome tree; none: completed without an outcome
  Index outcome_enum = none;  // literals: names of the leaves (full below the queue where the short one is not unique)
  int64_t cost = 0;           // minor units for each completed task
  int64_t lease_us = 600'000'000;
  RootId due = none;          // duration
  std::vector<Field> fields;  // of its tasks; slot = position
  std::string counts_as;      // channel that limits count its contacts as, besides its own name; may be empty
  bool counts = true;         // false: `counts as nothing`, its tasks are no contacts
  Index slot_count = 0;
  std::shared_ptr<const QueuePolicy> policy;  // null: nothing is asked of those who work it
  std::string doc;
  Span span;
};

struct FieldValue {
  Index field = none;  // of the queue, event or entity
  RootId value = none;
};

struct Action {
  enum class Kind : uint8_t { go, go_back, go_by, enter_strategy, restart, task, set, raise, open, cancel, note, notify };
  Kind kind = Kind::task;
  Span span;
  Index stage = none;       // go, restart
  Index strategy = none;    // enter_strategy
  Index queue = none;       // task, cancel
  Index variable = none;    // set
  Index event_type = none;  // raise
  Index entity = none;      // open
  RootId value = none;      // go_by: stage?; task: treatment (text); set; note, notify: text
  RootId recipient = none;  // task: instance
  std::vector<FieldValue> fields;
  bool stays = false;
  std::string whom;        // notify
  RootId duration = none;  // raise of a hold's `placed`, of an allocation's `requested` and `extended`: how long; none: as declared, or without an end
};

struct AttemptLimit {
  enum class Per : uint8_t { day, stage, recipient };
  RootId count = none;
  Per per = Per::day;
};
struct PriorityTerm {
  std::string name;
  RootId value = none;  // int; the terms add up
};

/// All roots of a rule want a wake but those of its actions, the guard of `on` and `again`: what a task looks like may change with time
/// too (Root::wants_wake says it for each).
/// A standing task. Its roots may use parameter 0 = binder (an instance of binder_entity) when there is one.
struct Keep {
  Index queue = none;
  RootId treatment = none;  // text
  Index binder_entity = none;
  Index binder_list_owner = none;  // entity (self or an ancestor) whose list of binder_entity is walked
  RootId binder_where = none;      // bool, wants_wake
  RootId recipient = none;         // instance?
  RootId condition = none;         // bool, wants_wake; none: always
  RootId again = none;             // duration or datetime; event = the last outcome; parameters: [binder,] outcome enum, attempts int (in this stage)
  std::vector<AttemptLimit> attempts;
  RootId window = none;  // time_range (optional or not)
  std::vector<PriorityTerm> priority;
  RootId due = none;  // duration
  std::vector<FieldValue> fields;
};

struct Rule {
  enum class Kind : uint8_t { on_event, on_entry, when, after, at, every, keep };
  enum class Anchor : uint8_t { stage, strategy, instant };
  enum class IfLate : uint8_t { standard, skip, at_once };
  Kind kind = Kind::on_event;
  Span span;
  std::string name;    // rule "weekly letter"; else made: "calling after 3 days"
  bool named = false;  // the name was written: it tells two tasks apart that are otherwise alike
  uint64_t key = 0;    // stable across versions: hash of the name if given, else of (strategy, stage, kind, queue, treatment, ordinal)
  std::string doc;
  std::vector<Index> events;  // on_event: subtree roots
  Anchor anchor = Anchor::stage;
  RootId instant = none;  // at; after <datetime>: datetime or datetime?, date means its day start; wants_wake
  RootId delay = none;    // after D, every D: duration
  IfLate if_late = IfLate::standard;
  RootId at_most = none;  // int
  bool at_most_in_strategy = false;
  RootId guard = none;  // bool: `where` of on, `when` of timers, condition of when; wants_wake except on_event
  /// at: the last day of this deadline, or `before` (a duration) ahead of it.
  Index deadline = none;
  RootId before = none;
  std::vector<Action> actions;
  std::optional<Keep> keep;
};

struct Variable {
  std::string name;
  Type type;
  RootId initial = none;
  Index slot = none;  // first slot among the strategy's variables
  Span span;
};

struct Stage {
  std::string name;
  std::string title;
  Index strategy = none;
  bool is_final = false;
  RootId enrol_again = none;  // bool, wants_wake
  std::vector<Rule> rules;    // in text order
  std::string doc;
  Span span;
};

struct Strategy {
  std::string name;
  std::string title;
  Index entity = none;
  RootId enrol = none;  // bool, wants_wake; none: only entered by go
  RootId enrol_again = none;
  std::vector<Index> before;  // strategies that this one is written to come before
  std::vector<Variable> variables;
  Index variable_slots = 0;
  std::vector<Rule> rules;
  std::vector<Index> stages;  // into Program::stages; the first is entered on enrolment
  std::string doc;
  Span span;
};

/// `always`: rules for every strategy on `entity` (none: on any entity the event belongs to).
struct Always {
  Index entity = none;
  std::vector<Rule> rules;
};

// ---- limits --------------------------------------------------------------------------------

/// One line of a limit: what it judges, and what would break it. Dates and times are those of the block's zone and turn at midnight.
struct LimitRule {
  enum class Kind : uint8_t { at_most, none_after, between, never };
  /// Windows: running calendar periods (a week begins on Monday), or the last `length` days (microseconds) up to the contact.
  enum class Window : uint8_t { day, week, month, quarter, year, rolling_days, rolling_exact };
  /// Contacts count together if they agree in all keys.
  struct Key {
    bool person = false;  // whom the contact is with; else the instance of `entity`
    Index entity = none;
  };
  struct Hours {
    int32_t from_s = 0, to_s = 0;  // local; the end is left out
    uint8_t weekdays = 0x7f;       // bit 0: Monday
    bool working_only = false;     // working days of the bundle's calendar
  };
  /// Places of each window that only contacts with this treatment may take.
  struct Reserve {
    int64_t count = 0;
    std::string treatment;
  };
  struct Exception {
    Index queue = none;
    std::optional<std::string> treatment;
  };

  Kind kind = Kind::at_most;
  std::string text;  // "call at most 1 per day per debtor"
  Span span;
  std::vector<Index> queues;  // whose tasks it judges; sorted

  RootId count = none;  // at_most: int
  Window window = Window::day;
  int64_t length = 1;  // of rolling windows
  std::vector<Key> keys;
  std::vector<Index> counted_queues;  // contacts through these; sorted
  std::vector<Index> counted_events;  // if not empty: only outcomes below these; sorted
  std::vector<Reserve> reserves;

  std::vector<Index> after;  // none_after: events; never: from these …
  std::vector<Index> until;  // … until these
  int64_t pause = -1;        // none_after, never until: a duration; -1: none

  std::vector<Hours> hours;  // between: of a day the first that fits

  RootId condition = none;          // never: bool, self = root of the case file, wants_wake; none: always
  std::vector<Exception> except;    // never
  Index recipient_entity = none;    // never … to debtor: only where the person is one of these
  std::optional<std::string> only;  // never: of its queues only this treatment
  Index hold = none;                // never: while this hold stands; `after` and `until` are what places and lifts it
};

/// A block of limits, or what a hold stops. Its roots see the root of the case file.
struct Limits {
  std::string name;
  Index hold = none;                // made from this hold
  std::optional<int64_t> from, to;  // dates in force, both included
  RootId applies = none;            // bool, wants_wake; none: always
  RootId zone = none;               // text; none: the bundle's zone
  std::vector<LimitRule> rules;
  std::string doc;
  Span span;
};

// ---- holds and deadlines -------------------------------------------------------------------

/// What stands above the stages of an instance and of all that hangs on it. Its state is its history: `placed` events that are neither
/// lifted nor over. A `lifted` takes the earliest that stands. Events of a hold are nobody's outcome and belong to `entity`.
struct Hold {
  std::string name, title;
  Index entity = none;
  RootId lasts = none;  // duration, self: `entity`; none: until it is lifted
  bool stops_timers = false;
  std::string review_by;  // role that is told when it is over; may be empty
  Index event = none;     // parent of the others; none: the suspension of a deadline
  Index placed = none, lifted = none, ended = none;
  // Fields of `placed`: first slots of `until : datetime?`, `reason : text?`, `lifted_at : datetime?` (known by history alone).
  Index until_slot = none, reason_slot = none, lifted_slot = none;
  Index deadline = none;  // whose suspension it is
  std::string doc;
  Span span;
};

/// A last day: `length` from `from`, counted in a calendar, later by what it was suspended.
struct Deadline {
  std::string name;
  Index entity = none;
  RootId from = none;                  // date or datetime, optional or not; wants_wake
  RootId length = none;                // duration
  RootId calendar = none;              // text, optional or not: name of a calendar; wants_wake
  Index fixed_calendar = none;         // Program::calendars; none (and no `calendar`): the bundle's
  RootId suspended = none;             // bool, wants_wake
  Index hold = none;                   // its suspension
  Index warned = none, missed = none;  // events
  std::string doc;
  Span span;
};

// ---- approvals, quotas, allocations -----------------------------------------------------------

/// What a step asks for and does not decide: the word of a person, a place under a quota, a placement with an agency. Its state is its
/// history: an `asked` event that nothing has answered yet is an open request, and an instance has at most one of each Request. The first
/// field of each of its events is `request : int?`, the request's id.
struct Request {
  enum class Kind : uint8_t { approval, quota, allocation };
  enum class Period : uint8_t { day, week, month, quarter, year };
  struct OrderKey {
    RootId value = none;  // an ordered type, optional or not; self: `entity`
    bool descending = false;
  };
  struct Share {
    std::string name;
    int64_t share = 0;  // millionths; all of them add up to 1,000,000
  };
  Kind kind = Kind::approval;
  std::string name;
  Index entity = none;
  Index event = none;                                    // parent of the others
  Index asked = none;                                    // x.asked, x.requested
  Index granted = none;                                  // x.approved, x.granted, x.placed
  Index declined = none;                                 // approvals, allocations
  Index withdrawn = none;                                // its reason is gone
  Index overdue = none, lapsed = none;                   // approvals
  Index ended = none, recalled = none, extended = none;  // allocations: what happens to a placement
  Index answered_slot = none;                            // of `asked`: first slot of `answered_at : datetime?`, known by history alone
  // approvals
  std::vector<Field> columns;        // what is asked for; slots as in `asked`, where they follow one another
  RootId by = none;                  // text or enumeration: the role that decides; parameters: the columns
  std::string role;                  // the role, where `by` names one
  RootId due = none, lapses = none;  // durations; parameters: the columns
  bool never_requester = false;
  Index due_slot = none, lapses_slot = none, role_slot = none, requester_slot = none;  // of `asked`
  Index by_slot = none, reason_slot = none;                                            // of `granted` and `declined`: `decided_by`, `reason`
  // quotas
  RootId count = none;  // int, without self
  Period period = Period::day;
  std::vector<OrderKey> order;
  // allocations
  std::vector<Share> shares;
  std::string shares_key;        // the same for the same shares: totals count under them
  RootId measure = none;         // money or int, self: `entity`; none: each counts one
  std::vector<RootId> caps;      // money or int as `measure`, per agency, without self
  bool never_twice = false;      // no agency a second time …
  Index never_twice_per = none;  // … for this entity: the head of the case file, or `entity`
  bool together = false;         // all that hangs on the head of the case file goes to one agency
  Index agency_slot = none, amount_slot = none, until_slot = none, over_slot = none, ends_slot = none;  // of `granted`; the last two known by history alone
  std::string doc;
  Span span;
};

/// A calendar that is not the bundle's: only its working days count.
struct WorkCalendar {
  std::string name;
  std::string text;  // of its file, as abi::read_calendar_csv takes it
};

// ---- tests ---------------------------------------------------------------------------------

struct TestInstance {
  std::string name;  // how steps refer to it; the entity's name if none was given
  Index entity = none;
  Index parent = none;             // into Test::instances
  std::vector<FieldValue> fields;  // constant roots
  std::string written;             // the fields as written, without braces
  bool any = false;                // fields that are not given take many values
  RootId where = none;             // bool, self = the instance; parameters: the instances of the test. Values for which it is false are no tries
  Span span;
};
struct TestExpect {
  enum class Kind : uint8_t { stage, task, no_task, expression, not_enrolled, withheld };
  Kind kind = Kind::stage;
  Span span;
  Index subject = none;  // instance
  Index stage = none;
  Index queue = none;      // none: any queue
  Index recipient = none;  // instance; none: whoever it goes to
  std::optional<std::string> treatment;
  std::vector<FieldValue> fields;
  RootId expression = none;  // bool, self = subject; parameters: the instances of the test
  std::string text;          // as written
};
struct TestStep {
  Span span;
  std::string text;      // as written, with the lines that continue it
  RootId moment = none;  // datetime; none: any day (properties only)
  Index event_type = none;
  Index subject = none;  // instance
  std::vector<FieldValue> payload;
  std::vector<std::pair<Index, FieldValue>> sets;  // (instance, field)
  std::vector<TestExpect> expects;
};
struct Test {
  std::string title;
  std::vector<TestInstance> instances;  // parents first; missing ancestors are made with defaults
  std::vector<TestStep> steps;
  Span span;
  bool property() const;  // an instance is `any`
};

struct Trials;     // experiments.h
struct Transfers;  // transfers.h

// ---- the whole -----------------------------------------------------------------------------

struct Bundle {
  std::string name, title;
  std::string timezone = "UTC";  // IANA name
  std::string currency;
  int minor_digits = 2;
  Index currency_enum = none;  // the type `currency`, if anything has it
  std::string calendar;        // file stdlib/calendars/<name>.csv; empty or "none": every weekday is a working day
  int64_t day_start_s = 0;     // seconds after local midnight
};

struct Program {
  Bundle bundle;
  std::vector<Enum> enums;
  std::vector<Record> records;
  std::vector<Type> lists;
  std::vector<Entity> entities;   // parents before children; 0 is the root of the case file
  std::vector<EventType> events;  // preorder
  std::vector<Setting> settings;
  Index setting_slots = 0;
  std::vector<Segmentation> segmentations;
  std::vector<Table> tables;
  std::vector<Function> functions;
  std::vector<Native> natives;
  std::vector<Queue> queues;
  std::vector<Stage> stages;
  std::vector<Strategy> strategies;  // in the order enrolment is tried
  std::vector<Always> always;
  std::vector<Limits> limits;
  std::vector<Hold> holds;
  std::vector<Deadline> deadlines;
  std::vector<Request> requests;
  std::vector<WorkCalendar> calendars;
  std::shared_ptr<Trials> trials;        // null: nothing is on trial
  std::shared_ptr<Transfers> transfers;  // null: no `migrate`, no `on change`
  std::vector<std::shared_ptr<const Schedule>> schedules;
  std::vector<std::shared_ptr<const Territory>> territories;
  std::vector<Test> tests;
  std::vector<Root> roots;
  std::string content_hash;  // of all sources, sha-256 in hex: names the version
};

/// Number of slots a value of this type takes.
Index slot_count(const Program& program, const Type& type);
/// As a designer would write it: "money?", "list of account".
std::string type_name(const Program& program, const Type& type);
/// A value in slot form as Dunlin text, for witnesses, traces and explanations. `slots` has slot_count entries; text slots must point to abi::Text.
std::string format_value(const Program& program, const Type& type, const int64_t* slots);
/// "soft.calling"
std::string stage_name(const Program& program, Index stage);
/// Entity, field, event by name; none if there is none.
Index find_entity(const Program& program, const std::string& name);
Index find_event(const Program& program, const std::string& name);  // full name or alias
Index find_queue(const Program& program, const std::string& name);
Index find_hold(const Program& program, const std::string& name);
Index find_request(const Program& program, const std::string& name);
Index find_field(const std::vector<Field>& fields, const std::string& name);

}  // namespace dunlin::checked
