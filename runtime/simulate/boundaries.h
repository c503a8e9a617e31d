// The values at which a bundle changes its mind: what its rules compare fields with, and the edges of its tables. A case at such an edge shows more
// than one in the middle.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "lang/sema/checked.h"

namespace dunlin::simulate {

struct Boundaries {
  using FieldKey = std::pair<checked::Index, checked::Index>;  // entity, field; or event_key() and field

  std::map<FieldKey, std::set<int64_t>> values;  // in slot form (number: order keys)
  std::map<FieldKey, std::set<std::string>> texts;
  /// Dates: days before and after the day on which they are looked at.
  std::map<FieldKey, std::set<int64_t>> days;
  std::set<int64_t> dates;  // dates anywhere in the bundle
};

/// In the place of the entity, for fields of events.
constexpr checked::Index event_key(checked::Index event) { return -2 - event; }
/// The declaration that a key stands for.
const checked::Field& field_of(const checked::Program& program, const Boundaries::FieldKey& key);

Boundaries find_boundaries(const checked::Program& program);

}  // namespace dunlin::simulate
