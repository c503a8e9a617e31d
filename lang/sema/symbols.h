// Where each name of a bundle is used, written down while it is checked: for editors. Checking for anything else leaves it out.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/diag/source.h"
#include "lang/sema/types.h"

namespace dunlin::sema {

enum class SymbolKind : uint8_t {
  entity,        // index: Program::entities
  children,      // the list of an entity's instances by its plural; index: entity
  field,         // owner: entity; index: Entity::fields
  derived,       // owner: entity; index: Entity::derived
  enumeration,   // index: Program::enums
  literal,       // owner: enumeration; index: ordinal
  record,        // index: Program::records
  record_field,  // owner: record; index
  event,         // index: Program::events
  event_field,   // owner: event type; index
  setting,       // index: Program::settings
  function,      // index: Program::functions
  native,        // index: Program::natives
  table,         // index: Program::tables
  queue,         // index: Program::queues
  strategy,      // index: Program::strategies
  stage,         // index: Program::stages
  variable,      // owner: strategy; index
  parameter,     // of a function, or an input of a table; Use::declared tells
  local,         // `let`, the binder of a query; Use::declared tells
  builtin,       // index: builtin_signatures()
};

struct SymbolKey {
  SymbolKind kind = SymbolKind::entity;
  int32_t index = -1;
  int32_t owner = -1;
  friend auto operator<=>(const SymbolKey&, const SymbolKey&) = default;
};

struct Use {
  Span span;  // of an expression or a path whose last word is the name
  SymbolKey key;
  checked::Type type;  // of values; error for the rest
  Span declared;       // of a local: the name where it is declared
};

/// What stands where an editor asks for a completion: the name `SymbolIndex::marker` was found there.
struct Probe {
  checked::Type hint;  // what the place would like; error: anything
  checked::Type base;  // of what stands before the dot; error: the name stands alone
  bool member = false;
  std::vector<std::string> words;                              // not empty: no name but one of these, the forms of a value in a letter
  std::vector<std::pair<std::string, checked::Type>> visible;  // locals, parameters, variables and fields that may be named here
};

struct SymbolIndex {
  std::vector<Use> uses;
  std::string marker;  // empty: nothing is asked for
  std::optional<Probe> probe;
};

}  // namespace dunlin::sema
