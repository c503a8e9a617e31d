// Types of the Dunlin language and how a value of each lies in 64-bit slots.
#pragma once

#include <cstdint>
#include <string>

namespace dunlin::checked {

/// One slot is 64 bits. Unless noted a value takes one slot.
///   boolean      0 or 1
///   integer      int64
///   decimal      int64, millionths (six exact places)
///   number       IEEE double, bit pattern in the slot
///   money        int64, minor units; every currency of a bundle has as many places
///   text         pointer to an immutable abi::Text
///   date         days since 1970-01-01
///   time         seconds since local midnight
///   time_range   from_seconds * 131072 + to_seconds (both times of day; from > to crosses midnight)
///   datetime     microseconds since 1970-01-01T00:00Z
///   duration     amount * 8 + unit, see abi::DurationUnit
///   enumeration  ordinal of the literal
///   stage        index into Program::stages
///   record       its fields one after the other
///   instance     pointer to abi::Instance
///   event        pointer to abi::Event
///   list         never in a slot: only iterated by aggregates
///   timezone, file, location: as text
/// An optional value takes one slot more, in front: 1 known, 0 missing (then the rest is 0).
/// Optional instances and events too.
enum class TypeKind : uint8_t {
  error,  // already reported; agrees with everything
  boolean,
  integer,
  decimal,
  number,
  money,
  text,
  date,
  time,
  time_range,
  datetime,
  duration,
  enumeration,
  stage,
  record,
  instance,
  event,
  list,
  timezone,
  file,
  location,
};

struct Type {
  TypeKind kind = TypeKind::error;
  bool optional = false;
  /// enumeration: Program::enums; record: Program::records; instance: Program::entities; event: Program::events;
  /// list: Program::lists (element types). -1 otherwise.
  int32_t id = -1;

  friend bool operator==(const Type&, const Type&) = default;
  Type known() const { return {kind, false, id}; }
  Type maybe() const { return {kind, true, id}; }
  bool is_error() const { return kind == TypeKind::error; }
};

}  // namespace dunlin::checked
