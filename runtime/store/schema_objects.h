// What stands in the schema `dunlin`, object by object, against what the migrations make: whatever was dropped, changed or added by hand shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/store.h"

namespace dunlin::store {

/// One value: lines "kind TAB name TAB definition" in byte order, a long definition as its md5. Of conditions the md5 is without
/// parentheses: a restored database writes fewer of them. What the months, the entities and the readers bring is left out. The session's search path must be
/// pg_catalog.
std::string schema_objects_sql();

/// What differs, one finding for each sort of object; a single good one if nothing does. Where the two lists come from different major versions of PostgreSQL,
/// what the server itself writes out (views, defaults, conditions, keys) is compared by name only.
std::vector<Store::Finding> compare_objects(std::string_view wanted, std::string_view found);

/// One value: policies of readers that do not do what they should, in words; null if all do.
std::string row_security_sql();

}  // namespace dunlin::store
