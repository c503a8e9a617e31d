// The schema's steps, embedded from runtime/migrations/NNN_name.sql by the build.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunlin::store {

struct Migration {
  int number;
  std::string name;  // "001_engine"
  std::string sql;
};
/// In order; numbers are 1, 2, 3 …
const std::vector<Migration>& migrations();
/// What all of them make, as schema_objects_sql() lists it (runtime/migrations/objects.txt).
const std::string& objects_of_migrations();

/// The schema's number where it is one that this program does not know; no row where it does.
std::string newer_schema_sql();
/// What is said of a database that a newer program has brought to `number`.
std::string migrated_by_newer(std::string_view number);

}  // namespace dunlin::store
