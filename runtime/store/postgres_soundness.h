// What must hold between the rows of a database in every committed state. Only included by files that use libpqxx.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/store/postgres_small.h"

namespace dunlin::store {

struct SoundnessLook {
  std::string name;
  /// `within`: about how long it may take; what it has not come to by then it says. None: it looks at everything.
  std::function<Store::Finding(pqxx::work& work, std::optional<std::chrono::milliseconds> within)> look;
};
const std::vector<SoundnessLook>& soundness_looks();

}  // namespace dunlin::store
