// The syntax tree of what a department adds to its strategies: limits, holds, deadlines, approvals, quotas, allocations, feeds,
// campaigns, experiments, schedules, territories, templates, and what becomes of cases when a version changes.
// ast.h names these and holds them by pointer, so that it changes only when a new kind comes.
#pragma once

#include "lang/syntax/ast.h"

namespace dunlin::ast {

/// `per calendar week`, `per day`. All are calendar periods; the word `calendar` is kept for the formatter.
struct Period {
  enum class Unit { day, week, month, quarter, year };
  Unit unit = Unit::day;
  bool calendar = false;
  Span span;
};

/// `call`, `mail "to_notary"`: contacts through a queue, or one treatment of it.
struct ContactKind {
  Path queue;
  std::optional<std::string> treatment;
  Span span;
};

/// `call, visit` or `any contact`.
struct Contacts {
  std::optional<Name> any;  // the word behind `any`
  std::vector<Path> queues;
  Span span;
};

/// `08:00 and 22:00 on working days`
struct Hours {
  ExprPtr from, to;        // TimeLit
  std::vector<Name> days;  // empty: every day; `working days`, `others`, `saturday`
  Span span;
};

// ---- limits --------------------------------------------------------------------------------

struct LimitCap {
  ExprPtr count;
  std::optional<Period> period;  // per calendar week
  ExprPtr rolling;               // in any 7 days
  Span span;
};

struct LimitItem {
  enum class Kind { applies, slots, reserve, never, at_most, none_after, between };
  Kind kind = Kind::applies;
  Span span;
  std::string doc;
  ExprPtr condition;    // applies when, never … when
  Name slots_to;        // the word behind `slots to`
  ExprPtr reserved;     // reserve N …
  Path reserved_queue;  // … message …
  std::optional<Period> reserve_period;
  std::string reserved_for;  // … for "treatment"
  Span reserved_for_span;
  Contacts contacts;
  std::vector<ContactKind> except;   // never … except mail "statutory"
  std::optional<Name> recipient;     // never … to debtor
  ExprPtr from;                      // never … from EVENT
  std::vector<ExprPtr> until;        // until EVENT or 60 days
  std::vector<LimitCap> caps;        // at most 1 per day, 2 per calendar week
  std::vector<Name> keys;            // per debtor and account
  std::optional<Contacts> counting;  // counting attempts; counting any contact
  ExprPtr pause;                     // none for 7 days
  std::vector<Path> after;           // after call.reached.debtor
  std::vector<Hours> hours;          // between 08:00 and 22:00 on working days
  ExprPtr zone;                      // in debtor.timezone
};

struct LimitsDecl {
  Name name;
  ExprPtr from_date, to_date;  // in force from D to D
  std::vector<LimitItem> items;
};

// ---- people and scarce things --------------------------------------------------------------

struct HoldDecl {
  Name name;
  std::string title;
  std::optional<Name> entity;
  bool stops_everything = false;
  bool stops_given = false;
  std::vector<ContactKind> stops;   // without stops_everything
  std::vector<ContactKind> except;  // with stops_everything
  std::optional<Name> timers;       // stop | run
  ExprPtr lasts;
  std::optional<Name> review_by;
  std::optional<Name> until;  // lifted
};

struct DeadlineDecl {
  struct Warning {
    ExprPtr before;
    std::vector<Action> actions;
    Span span;
  };
  Name name;
  std::optional<Name> entity;
  ExprPtr length, from;
  std::vector<Warning> warnings;
  ExprPtr suspended_while;
  ExprPtr calendar;
  std::vector<Action> missed;
  Span span;
};

struct ApprovalDecl {
  Name name;
  std::optional<Name> entity;
  std::vector<TableDecl::Column> columns;
  ExprPtr by;
  std::optional<Name> never;  // requester
  ExprPtr due, lapses_after;
};

struct QuotaDecl {
  Name name;
  std::optional<Name> entity;
  ExprPtr count;
  Period period;
  std::vector<AggregateExpr::OrderKey> order;
};

/// `first "firm" 40%`: a name with its share, and a value where the share is one of a parameter.
struct Share {
  Name name;
  ExprPtr share;  // PercentLit
  ExprPtr value;
  Span span;
};

struct AllocationDecl {
  struct Cap {
    ExprPtr amount;
    Name per;
    Span span;
  };
  /// never same agency twice per debtor
  struct Exclusion {
    Name same, what, twice, per;
    Span span;
  };
  Name name;
  std::optional<Name> entity;
  std::optional<std::string> shares_file;
  Span shares_span;
  std::vector<Share> shares;
  std::vector<Cap> caps;
  std::vector<Exclusion> never;
  std::optional<Name> split_by;
  ExprPtr measure;  // by balance: what shares and caps count; null: each one counts one
};

struct FeedDecl {
  /// `bad_rows > 1%` or `total differs`
  struct Refusal {
    ExprPtr condition;            // null: `differs`
    std::optional<Name> differs;  // total
    Span span;
  };
  Name name;
  std::string title;
  ExprPtr due;  // TimeLit
  std::vector<Action> late;
  std::optional<Name> refuses;  // file
  std::vector<Refusal> refusals;
};

/// `among account where risk = low`
struct Among {
  Name entity;
  ExprPtr where;
  Span span;
};
/// `run D to D between 09:00 and 12:00`
struct RunTime {
  ExprPtr from, to;
  std::vector<Hours> hours;
  Span span;
};

struct CampaignDecl {
  struct Task {
    Path queue;
    ExprPtr treatment;
    Span span;
  };
  struct Cap {
    ExprPtr count;
    Period period;
  };
  std::string title;
  std::optional<std::string> list_file;
  Span list_span;
  std::optional<Among> among;
  std::optional<RunTime> run;
  std::vector<Task> tasks;
  ExprPtr priority;
  std::vector<Cap> at_most;
};

struct ExperimentDecl {
  struct Arm {
    bool champion = false;
    Path strategy;
    ExprPtr share;  // PercentLit
    Span span;
  };
  Name name;
  std::string title;
  std::vector<Arm> arms;
  std::optional<Path> parameter;  // arms of letter_tone { … }
  std::vector<Share> values;      // its arms
  std::optional<Among> among;
  std::optional<Name> split_by, layer;
  ExprPtr success, cost;
  std::optional<Name> cost_of;  // cost of tasks
  std::vector<ExprPtr> guardrails;
  std::optional<RunTime> run;
};
struct HoldoutDecl {
  std::optional<Name> name;
  ExprPtr share;
  std::optional<Name> split_by;
  ExperimentDecl settings;
};

struct MigrateDecl {
  Path from, to;
  ExprPtr value;  // migrate soft.letters -> soft.mails = letters + 1
};
/// `on change pin`
struct OnChange {
  Name what;  // migrate, pin, restart
  Span span;
};

struct ScheduleDecl {
  Name name;
  std::string title;
  std::vector<Hours> hours;
  std::vector<std::vector<Name>> closed;  // groups of days
  std::optional<Name> calendar, timezone;
};
struct TerritoryDecl {
  struct Capacity {
    ExprPtr count;
    Path queue;
    Period period;
    Span span;
  };
  Name name;
  std::string title;
  std::vector<std::string> regions;
  std::optional<std::string> regions_file;
  Span regions_span;
  std::vector<Capacity> capacities;
  std::optional<Name> schedule;
};
/// A letter or message whose words lie in a file of the bundle.
struct TemplateDecl {
  struct Setting {  // language "de"
    Name name;
    std::string text;
    Span text_span;
  };
  std::string title;  // the treatment
  Span title_span;
  Name entity;
  std::optional<Name> recipient;  // what its tasks go to
  std::vector<Path> queues;
  std::string file;
  Span file_span;
  ExprPtr subject;
  std::vector<Setting> settings;
};

// ---- what queues and actions add -----------------------------------------------------------

struct QueueSettings {
  struct Merge {
    struct OutcomeOrder {
      Path event;
      Name which, order;  // oldest first
      Span span;
    };
    Name per;
    std::vector<AggregateExpr::OrderKey> lead;
    std::vector<OutcomeOrder> outcomes;
    bool counts_once = false;
    Span span;
  };
  /// sticky on promise | by priority | one operator per debtor
  struct Assign {
    std::optional<Path> sticky_on;
    std::optional<Name> by;
    std::optional<Name> one, whom, per;
    Span span;
  };
  struct Need {
    Name kind;
    std::string text;
    Span text_span;
    ExprPtr within;
    Span span;
  };
  struct Late {
    ExprPtr whom;
    ExprPtr text;
    Span span;
  };
  struct Batch {
    Name rhythm;
    ExprPtr at;  // TimeLit
    std::optional<Name> as;
    std::string as_text;
    Span span;
  };
  std::optional<Merge> merge;
  std::vector<Assign> assign;
  std::vector<Need> needs;
  std::optional<Late> late;
  std::optional<std::string> numbers;
  Span numbers_span;
  std::optional<Batch> batch;
  std::optional<Name> status_by;
  Span status_span;
};

/// hold, lift, ask, request, place, extend placement, recall.
struct DepartmentAction {
  enum class Kind { hold, lift, ask, request, place, extend_placement, recall };
  Kind kind = Kind::hold;
  Path target;       // the hold, approval, quota, allocation
  ExprPtr duration;  // hold x for D, place … for D, extend placement D
  ExprPtr payload;   // RecordLit of `ask`
  ExprPtr reason;    // TextLit of `recall`
};

}  // namespace dunlin::ast
