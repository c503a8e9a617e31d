// What a store knows of those who go on under versions that are not active any more.
#pragma once

#include <string>
#include <vector>

#include "runtime/store/store.h"

namespace dunlin::store {

class OlderVersions {
 public:
  virtual ~OlderVersions() = default;
  /// How many instances stand in each stage, and under which version they were last stepped.
  struct Standing {
    std::string stage;  // "soft.calling"
    int32_t version = 0;
    int64_t count = 0;
  };
  virtual Result<std::vector<Standing>> standing() = 0;
  /// The next step back (Activation::back) leads to this version, though what it carries along of others makes it a new one.
  virtual void leads_back_to(int32_t version) = 0;
};

/// Null: a store that does not know.
OlderVersions* older_versions_of(Store& store);

}  // namespace dunlin::store
