// One case of a property: the values that were drawn for what is not given.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compiler/abi/calendar.h"
#include "lang/sema/checked.h"
#include "runtime/engine/case_file.h"

namespace dunlin::simulate {

/// A value apart from any memory of a case file.
struct DrawnValue {
  bool known = true;  // false: missing
  int64_t slot = 0;
  std::string text;               // texts
  std::vector<DrawnValue> parts;  // records
  friend bool operator==(const DrawnValue&, const DrawnValue&) = default;
};

struct Drawn {
  struct Field {
    checked::Index field;
    DrawnValue value;
  };
  std::vector<std::vector<Field>> instances;  // by Test::instances
  int64_t day = 0;                            // of a step on any day, days since 1970-01-01

  /// Writes the values into an instance.
  void fill(const checked::Program& program, checked::Index instance, engine::CaseFile& file, int32_t position) const;
  engine::Instant moment(const abi::Calendar& calendar) const;
};

/// Slots of a value; its texts lie in the arena.
void write_slots(const checked::Program& program, const checked::Type& type, const DrawnValue& value, abi::Arena& arena, int64_t* slots);
/// Out of slots again.
DrawnValue read_slots(const checked::Program& program, const checked::Type& type, const int64_t* slots);
/// As it is written in a rule file.
std::string text_of(const checked::Program& program, const checked::Type& type, const DrawnValue& value);

}  // namespace dunlin::simulate
