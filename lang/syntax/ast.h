// The syntax tree of .dun files: what was written, where, and nothing about what it means.
// Made by parse.h from the ANTLR parse tree; read by lang/sema.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lang/diag/source.h"

namespace dunlin::ast {

/// An identifier as written, without backquotes.
struct Name {
  std::string text;
  Span span;
};

/// `call.reached.debtor`
struct Path {
  std::vector<Name> parts;
  Span span;
  std::string text() const;  // joined with '.'
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// Defined in ast_department.h.
struct LimitsDecl;
struct HoldDecl;
struct DeadlineDecl;
struct ApprovalDecl;
struct QuotaDecl;
struct AllocationDecl;
struct FeedDecl;
struct CampaignDecl;
struct ExperimentDecl;
struct HoldoutDecl;
struct MigrateDecl;
struct ScheduleDecl;
struct TerritoryDecl;
struct TemplateDecl;
struct QueueSettings;
struct DepartmentAction;
struct OnChange;

/// A part of the tree that stands in ast_department.h. Never null in a declaration.
template <class Node>
using Part = std::shared_ptr<const Node>;

// ---- types ---------------------------------------------------------------------------------

struct FieldDecl;

struct TypeExpr {
  enum class Kind { named, enumeration, record, list };
  Kind kind = Kind::named;
  Span span;
  Path name;                          // named
  std::vector<Name> literals;         // enumeration
  std::vector<FieldDecl> fields;      // record
  std::unique_ptr<TypeExpr> element;  // list
  bool optional = false;              // T?
  ExprPtr in_range;                   // `in 300..850`, a Range
};

// ---- expressions ---------------------------------------------------------------------------

enum class DurationUnit { second, minute, hour, day, week, business_day, month, quarter, year };

struct BoolLit {
  bool value;
};
struct IntLit {
  std::string digits;
};  // `50_000` without underscores
struct DecimalLit {
  std::string digits;
};  // `12.5`
struct PercentLit {
  std::string digits;
};  // `12%`: digits = "12"
/// A text literal; with {expressions} inside it has parts, else exactly one text part.
struct TextLit {
  struct Part {
    std::string text;  // used if expr is null
    ExprPtr expr;
  };
  std::vector<Part> parts;
};
struct DateLit {
  int year, month, day;
};
struct TimeLit {
  int hour, minute, second;
};
struct DateTimeLit {
  DateLit date;
  TimeLit time;
};  // 2026-01-05 09:30, in the bundle's zone
struct DurationLit {
  std::string digits;
  DurationUnit unit;
};  // `3 days`
struct NameRef {
  Name name;
};
struct Member {
  ExprPtr base;
  Name name;
};
struct Argument {
  std::optional<Name> name;  // f(x: 1)
  ExprPtr value;
};
/// `f(a, b)`; callee is a NameRef or a Member chain.
struct CallExpr {
  ExprPtr callee;
  std::vector<Argument> arguments;
};
enum class UnaryOp { negate, logical_not };
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};
enum class BinaryOp { add, subtract, multiply, divide, modulo, equal, not_equal, less, less_equal, greater, greater_equal, logical_and, logical_or };
struct Binary {
  BinaryOp op;
  ExprPtr left, right;
  Span op_span;
};
struct DefaultExpr {
  ExprPtr value, fallback;
};  // x default y
struct KnownTest {
  ExprPtr value;
  bool known;
};  // x known | x missing
struct InExpr {
  ExprPtr value;
  ExprPtr set;
  bool negated;
};  // set: Range, ListLit or a list-valued expression
struct RangeExpr {
  ExprPtr low, high;
  bool high_included;
};  // either end may be null only in table cells
struct ListLit {
  std::vector<ExprPtr> items;
};  // { a, b } after `in`, [a, b] elsewhere
struct IfExpr {
  ExprPtr condition, then_value, else_value;
};
struct MatchArm {
  std::vector<ExprPtr> patterns;  // empty: otherwise. A pattern is a value, Range, comparison or `missing`
  ExprPtr value;
  Span span;
};
struct MatchExpr {
  ExprPtr subject;
  std::vector<MatchArm> arms;
};
/// let x = value, then body (blocks of functions and derived fields)
struct LetExpr {
  Name name;
  ExprPtr value;
  ExprPtr body;
};
/// A comparison that stands alone, in cells and patterns: `>= 500`, `not low`.
struct CellComparison {
  BinaryOp op;
  ExprPtr value;
};
struct CellNot {
  ExprPtr value;
};
struct AnyCell {};
struct MissingLit {};
/// `{ name: value, … }` in tests, actions and payloads.
struct RecordLit {
  struct Field {
    Name name;
    ExprPtr value;
  };
  std::vector<Field> fields;
};

/// count, sum, min, max, avg, exists, all, first, last, spent over history or a list.
///   count(call within 7 days per debtor)       source = path `call`, window
///   sum(payment.amount within 30 days)         value = path payment.amount, source is found by sema
///   sum(a.overdue for a in debtor.accounts where a.open)   value, binder a, source expr
///   exists(p in parties where p.role = guarantor)          binder p, source expr
///   first(a in accounts where c by a.secured desc, a.id)   order
///   count(days of call within 30 days)         distinct_days
///   last(payment)                              source path; members are read by Member
///   spent since enrolment                      function "spent", window since
struct AggregateExpr {
  struct OrderKey {
    ExprPtr key;
    bool descending = false;
  };
  Name function;
  bool distinct_days = false;
  ExprPtr value;                        // null for count(...), exists(...), first/last over events
  std::optional<Name> binder;           // of `x in source` or `for x in source`
  ExprPtr source;                       // event path or list expression; null when it must be read off `value`
  ExprPtr within;                       // duration
  std::optional<Name> within_of;        // within 60 days of enrolment
  ExprPtr since;                        // datetime or the soft words enrolment / entry
  std::optional<Name> calendar_window;  // `this day|week|month|year`
  std::optional<Name> per;              // per debtor, per account …
  ExprPtr where;
  std::vector<OrderKey> order;
};

struct Expr {
  Span span;
  std::variant<BoolLit, IntLit, DecimalLit, PercentLit, TextLit, DateLit, TimeLit, DateTimeLit, DurationLit, NameRef, Member, CallExpr, Unary, Binary,
               DefaultExpr, KnownTest, InExpr, RangeExpr, ListLit, IfExpr, MatchExpr, LetExpr, CellComparison, CellNot, AnyCell, MissingLit, RecordLit,
               AggregateExpr>
      node;
};

// ---- declarations --------------------------------------------------------------------------

struct BundleDecl {
  Name name;
  std::string title;
  std::optional<Name> timezone;  // "Europe/Moscow" in Name.text
  std::optional<Name> currency;
  std::optional<Name> calendar;
  ExprPtr day_starts;  // TimeLit
};
struct UseDecl {
  Path module;
};
struct ModuleDecl {
  Path name;
};
struct ParameterDecl {
  Name name;
  TypeExpr type;
  ExprPtr value;
};
struct TypeDecl {
  Name name;
  TypeExpr type;
};  // enum product { … } / record address { … }

struct FieldDecl {
  Name name;
  std::optional<TypeExpr> type;  // stored field
  bool key = false;
  bool personal = false;
  ExprPtr derived;  // derived field: `dpd = …`; then type is empty or a stated one
  ExprPtr initial;  // `field : T = value` in variables
  std::string doc;
  Span span;
};
struct EntityDecl {
  Name name;
  std::optional<Name> parent;  // of debtor
  std::vector<FieldDecl> fields;
  std::optional<std::string> table;  // from table "crm.accounts"
};
struct ExtendDecl {
  Name entity;
  std::vector<FieldDecl> fields;
};
struct EventDecl {
  Path name;
  Name owner;  // of account
  std::vector<FieldDecl> fields;
  std::optional<Path> cancels;
};

struct SegmentationDecl {
  struct Case {
    Name name;
    ExprPtr when;
    Span span;
  };  // when is null for otherwise
  Name name;
  Name entity;
  std::vector<Case> cases;
};

struct TableDecl {
  struct Column {
    Name name;
    TypeExpr type;
  };
  struct Row {
    std::vector<ExprPtr> cells;
    std::vector<ExprPtr> outputs;
    Span span;
  };  // a list in one cell is a ListLit
  Name name;
  std::vector<Column> inputs, outputs;
  std::optional<Name> hit_policy;  // unique when absent
  ExprPtr from_date, to_date;      // in force from D to D
  std::optional<std::string> from_file;
  Span from_file_span;
  std::vector<Name> header;  // as written above the rows: inputs then outputs
  size_t header_inputs = 0;
  std::vector<Row> rows;
  std::vector<ExprPtr> otherwise;  // outputs of the `otherwise` row, empty if none
};

struct FunctionDecl {
  struct Parameter {
    Name name;
    TypeExpr type;
  };
  Name name;
  std::vector<Parameter> parameters;
  TypeExpr result;
  ExprPtr body;  // null for a native function
  bool native = false;
};

/// One node of an outcome tree. Inner nodes have children and no fields.
struct OutcomeNode {
  Name name;
  std::optional<Path> alias;  // as promise
  std::vector<FieldDecl> fields;
  ExprPtr when;
  std::vector<OutcomeNode> children;
  std::string doc;
  Span span;
};
struct OutcomesDecl {
  Name name;
  std::optional<Name> owner;
  std::vector<OutcomeNode> roots;
};

struct QueueDecl {
  Name name;
  std::optional<Path> outcomes;
  std::optional<Path> counts_as;
  ExprPtr cost, lease, due;
  std::vector<FieldDecl> fields;
  Part<QueueSettings> settings;  // merge, assign, needs, late, numbers, batch, status; may be null
  /// Words that are no setting of a queue, kept as written.
  struct Setting {
    Name name;
    std::vector<Name> words;
    Span span;
  };
  std::vector<Setting> other;
};

// ---- strategies ----------------------------------------------------------------------------

struct GoTarget {
  enum class Kind { stage, back, by };
  Kind kind = Kind::stage;
  Path stage;  // calling | hard.triage | soft (a strategy)
  ExprPtr by;  // go by next_step(…)
};

struct Action {
  enum class Kind { go, restart, task, set, raise, open, cancel, note, notify, department };
  Kind kind = Kind::task;
  Span span;
  GoTarget go;                        // go
  Path target;                        // restart stage | queue of task or cancel | variable | event | entity | notify whom
  ExprPtr value;                      // treatment of task, value of set, text of note and notify
  ExprPtr recipient;                  // task … to x
  ExprPtr payload;                    // RecordLit or null: fields of task, event, entity
  bool stays = false;                 // a one-off that survives its stage
  Part<DepartmentAction> department;  // hold, lift, ask, request, place, extend placement, recall
};

struct AttemptLimit {
  ExprPtr count;
  std::optional<Name> per;
  bool in_stage = false;
  Span span;
};  // 3 per day | 12 in stage | 6 per contact_point
struct PriorityTerm {
  std::optional<Name> name;
  ExprPtr value;
};

struct KeepSpec {
  Path queue;
  ExprPtr treatment;                 // may be null
  std::optional<ExprPtr> recipient;  // to g
  std::optional<Name> binder;        // for g in parties where …
  ExprPtr source, where;
  ExprPtr while_condition;  // may be null: always
  ExprPtr to, again, window, due;
  std::vector<AttemptLimit> attempts;
  std::vector<PriorityTerm> priority;
  ExprPtr fields;  // RecordLit
};

struct Rule {
  enum class Kind { on_event, on_entry, when, after, at, every, keep };
  enum class IfLate { standard, skip, at_once };
  Kind kind = Kind::on_event;
  Span span;
  std::string doc;
  std::optional<std::string> label;  // rule "weekly letter"
  std::vector<Path> events;          // on a, b
  ExprPtr moment;                    // after D / after <datetime expr>, at D, every D; condition of `when`
  std::optional<Name> in_strategy;   // after 45 days in soft; at most n times in soft
  IfLate if_late = IfLate::standard;
  ExprPtr at_most;  // every … at most n times
  ExprPtr guard;    // where (on) / when (timers)
  std::vector<Action> actions;
  std::unique_ptr<KeepSpec> keep;
};

struct StageDecl {
  Name name;
  std::string title;
  bool is_final = false;
  ExprPtr enrol_again;  // enrol again when …
  std::vector<Rule> rules;
  std::vector<Part<DeadlineDecl>> deadlines;
  Part<OnChange> on_change;  // may be null
  std::string doc;
  Span span;
};

struct StrategyDecl {
  Name name;
  std::string title;
  Name entity;
  ExprPtr enrol;
  ExprPtr enrol_again;
  std::vector<FieldDecl> variables;  // var x : T = v
  std::vector<Rule> rules;
  std::vector<StageDecl> stages;
  std::vector<Path> before;  // order against other strategies: `before hard`
  std::vector<Part<DeadlineDecl>> deadlines;
  Part<OnChange> on_change;  // may be null
};
struct AlwaysDecl {
  std::optional<Name> entity;
  std::vector<Rule> rules;
};

// ---- tests ---------------------------------------------------------------------------------

struct TestExpect {
  enum class Kind { stage, task, no_task, expression, not_enrolled, withheld };
  Kind kind = Kind::stage;
  Span span;
  Path target;  // stage (calling | hard.triage) or queue
  std::optional<std::string> treatment;
  ExprPtr fields;               // RecordLit: { due: … }
  ExprPtr expression;           // expect dpd = 4
  std::optional<Name> subject;  // expect stage calling of second_account; the main instance when absent
  ExprPtr recipient;            // expect task call "x" to …
};
struct TestGiven {
  Name entity;
  std::optional<Name> name;
  std::optional<Name> parent;
  ExprPtr fields;
  Span span;
  bool any = false;  // for any account …: fields that are not given take many values
  ExprPtr where;     // of those, the ones that fit
};
struct TestStep {
  Span span;
  std::vector<Span> continued;  // further lines that belong to it
  ExprPtr moment;               // date or datetime; null: on any day
  std::optional<Path> event;    // on 2026-01-09 call.reached.debtor.promises { … }
  std::optional<Name> subject;  // … of second_account
  ExprPtr payload;
  std::vector<std::pair<Path, ExprPtr>> sets;  // set account.balance = 0
  std::vector<TestExpect> expects;
};
struct TestDecl {
  std::string title;
  std::vector<TestGiven> given;
  std::vector<TestStep> steps;
};

struct Decl {
  Span span;
  std::string doc;  // /// comments before it
  std::variant<BundleDecl, UseDecl, ModuleDecl, ParameterDecl, TypeDecl, EntityDecl, ExtendDecl, EventDecl, SegmentationDecl, TableDecl, FunctionDecl,
               OutcomesDecl, QueueDecl, StrategyDecl, AlwaysDecl, TestDecl, Part<LimitsDecl>, Part<HoldDecl>, Part<DeadlineDecl>, Part<ApprovalDecl>,
               Part<QuotaDecl>, Part<AllocationDecl>, Part<FeedDecl>, Part<CampaignDecl>, Part<ExperimentDecl>, Part<HoldoutDecl>, Part<MigrateDecl>,
               Part<ScheduleDecl>, Part<TerritoryDecl>, Part<TemplateDecl>>
      node;
};

struct File {
  uint32_t source = Span::no_file;  // id in the SourceMap
  std::vector<Decl> declarations;
};

}  // namespace dunlin::ast
