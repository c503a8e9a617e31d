// Which steps of the schema a database has taken, compared with those of this program. Only included by files that use libpqxx.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/store/postgres_small.h"

namespace dunlin::store {

struct SchemaState {
  bool tables = false;                               // tables stand in the schema `dunlin`, beside the list of the steps
  bool noted = false;                                // the list of the steps is there
  std::vector<std::pair<int, std::string>> applied;  // what it says: (number, checksum), by number
  std::string ahead;                                 // a table of the step after the last one noted, which stands already; empty: none does
  std::vector<std::string> checksums;                // of this program's own steps, in order
  /// The highest step that the database says it has taken; 0: none.
  int number() const { return applied.empty() ? 0 : applied.back().first; }
};
SchemaState schema_state(pqxx::work& work);

/// Why this program must leave the schema alone; nothing if it is one of ours as far as it goes.
std::optional<StoreError> refuse(const SchemaState& schema);

}  // namespace dunlin::store
