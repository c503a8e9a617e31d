// The schema's steps, embedded from runtime/migrations/NNN_name.sql by the build.
#pragma once

#include <string>
#include <vector>

namespace dunlin::store {

struct Migration {
  int number;
  std::string name;  // "001_engine"
  std::string sql;
};
/// In order; numbers are 1, 2, 3 …
const std::vector<Migration>& migrations();

}  // namespace dunlin::store
