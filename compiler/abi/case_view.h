// The memory that compiled expressions read: one case file, the clock and where the answer goes.
// Plain C layout; native code addresses fields by offsetof, the interpreter by name. Nobody below the engine writes to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace dunlin::abi {

/// "Never": the wake instant of something that cannot change by itself.
constexpr int64_t never = std::numeric_limits<int64_t>::max();
constexpr int64_t us_per_second = 1'000'000;

/// Immutable text; lives in an arena of the case file, the program or the evaluation.
struct Text {
  int64_t size;
  char data[1];  // size bytes follow
  std::string_view view() const { return {data, static_cast<size_t>(size)}; }
};

enum class DurationUnit : int64_t { microsecond = 0, day = 1, business_day = 2, month = 3 };
constexpr int64_t pack_duration(int64_t amount, DurationUnit unit) { return amount * 8 + static_cast<int64_t>(unit); }
constexpr int64_t duration_amount(int64_t packed) { return packed >> 3; }
constexpr DurationUnit duration_unit(int64_t packed) { return static_cast<DurationUnit>(packed & 7); }

constexpr int64_t pack_time_range(int64_t from_s, int64_t to_s) { return from_s * 131072 + to_s; }
constexpr int64_t time_range_from(int64_t packed) { return packed >> 17; }
constexpr int64_t time_range_to(int64_t packed) { return packed & 131071; }

inline double as_number(int64_t slot) {
  double d;
  std::memcpy(&d, &slot, sizeof d);
  return d;
}
inline int64_t as_slot(double number) {
  int64_t s;
  std::memcpy(&s, &number, sizeof s);
  return s;
}

struct Instance;

/// One event of the history, or the one being handled.
struct Event {
  int64_t at;         // microseconds UTC
  int32_t type;       // checked::Program::events
  int32_t cancelled;  // 1: a later event cancelled it; every query leaves it out
  Instance* owner;
  const int64_t* slots;  // fields, by checked::Field::slot
};

/// Events in the order (at, arrival).
struct EventList {
  Event** items;
  int64_t count;
};
struct InstanceList {
  Instance** items;
  int64_t count;
};

/// What a strategy keeps for an instance.
struct State {
  int32_t strategy;  // checked::Program::strategies; -1: in none (never enrolled, or left by a final stage: see engine)
  int32_t stage;     // checked::Program::stages; -1: none
  int64_t entered_at;
  int64_t enrolled_at;
  const int64_t* variables;  // Strategy::variable_slots
  const int32_t* visits;     // by checked::Program::stages; how often this enrolment entered each
};

/// One row of an entity in the case file. Instances of a list are in key order.
struct Instance {
  const int64_t* slots;    // stored fields, by checked::Field::slot
  Instance* parent;        // null for the root
  InstanceList* children;  // by Entity::child_position of the child entity
  EventList own;           // events of this instance, visible so far
  const State* state;      // never null
  int64_t id;              // stable identity: hash of entity and key
  int32_t entity;
  int32_t position;  // in the case file's instances
};

/// Time zone and working days of the bundle, as tables: no system call and no search on the hot path.
/// Days run from first_day to first_day + day_count - 1; anything outside is a fault (date beyond the calendar).
struct Calendar {
  int32_t first_day;  // days since 1970-01-01
  int32_t day_count;
  const int64_t* day_start_us;    // [day_count + 1] instant at which each date begins (the bundle's day start)
  const int64_t* midnight_us;     // [day_count + 1] instant of local 00:00 (first instant after a gap)
  const int32_t* working_before;  // [day_count + 1] number of working days before each date since first_day
  /// Full zone rules for what the tables do not answer; opaque, owned by the engine.
  const void* zone;          // const ZoneRules*, see zone_rules.h
  int32_t minor_digits = 2;  // of the bundle's currency, for texts
};

struct CaseView {
  Instance* root;
  Instance** instances;
  int64_t instance_count;
  EventList events;  // the whole case file's, visible so far
};

/// Everything one evaluation may look at. `fault_*` are written by the callee when it returns a fault.
struct EvalContext {
  const CaseView* case_file;
  const Instance* self;
  const Event* event;        // may be null
  int64_t now;               // microseconds UTC
  int64_t today;             // days since 1970-01-01, as of `now` in the bundle
  const int64_t* settings;   // Setting::slot
  const int64_t* arguments;  // slots of Root::parameters, one after the other
  const Calendar* calendar;
  void* arena;           // for texts made while evaluating: see arena.h
  int64_t zone_horizon;  // reserved
};

/// Why an evaluation could not give a value. The number is what a compiled function returns; 0 is success.
enum class Fault : int32_t {
  none = 0,
  overflow = 1,
  division_by_zero = 2,
  beyond_calendar = 3,
  not_a_number = 4,
  bad_argument = 5,
  text_too_long = 6,
  no_table_row = 7,
  table_conflict = 8,  // `any` rows disagree, `unique` rows overlap (only possible with cells that are not constant)
  native_function = 9,
  too_deep = 10,
  out_of_memory = 11,
};
const char* fault_text(Fault fault);

/// A compiled root or function: returns 0 and fills `out` (value slots, then the wake instant where the root wants one),
/// or returns site << 8 | fault, where `site` numbers the place in ir::Function::sites; `out` is then undefined.
using CompiledFunction = int32_t (*)(const EvalContext* context, int64_t* out);

}  // namespace dunlin::abi
