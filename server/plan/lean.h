// Native code of a version without what it carries along for nobody any more.
#pragma once

#include <set>
#include <string>

#include "server/compile.h"

namespace dunlin::server {

/// Native code for everything but the kept strategies named, as pairs of their name and version. Those are interpreted, should anybody ask for them after all.
/// The interpreter must outlive it.
std::expected<std::unique_ptr<Evaluator>, std::string> lean_code(const checked::Program& program, const Machine& machine,
                                                                 const std::set<std::pair<std::string, int32_t>>& left_out);

}  // namespace dunlin::server
