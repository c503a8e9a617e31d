// A comparison of two versions for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/plan/compare.h"

namespace dunlin::server {

std::string comparison_text(const plan::Comparison& comparison, bool color);
/// {"same", "wider", "changes": [{"kind", "what", "name", "before", "after", …}], "renamed": [{"what", "before", "after"}]}
nlohmann::ordered_json comparison_json(const plan::Comparison& comparison);

}  // namespace dunlin::server
