// What the active version says, held against what SQL reads of it.
#pragma once

#include "runtime/store/store.h"

namespace dunlin::store {

class Definitions {
 public:
  virtual ~Definitions() = default;
  /// `program`: the active version's. Nothing is changed.
  virtual Result<Store::Finding> compare_definitions(const checked::Program& program) = 0;
};

/// Null: a store in which nobody else reads them.
Definitions* definitions_of(Store& store);

}  // namespace dunlin::store
