// The functions of the language itself, read from builtins.def.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lang/sema/types.h"

namespace dunlin::sema {

struct Signature {
  struct Slot {
    bool generic = false;  // T
    checked::Type type;
  };
  std::string name;
  std::vector<Slot> parameters;
  Slot result;
  std::string documentation, example, example_result;
};

/// In the order of checked::Builtin.
const std::vector<Signature>& builtin_signatures();
/// Position in checked::Builtin; nothing if there is no such function.
std::optional<size_t> find_builtin(const std::string& name);

}  // namespace dunlin::sema
