// Tests that are still to be written, from what no test reaches.
#pragma once

#include <functional>
#include <string>

#include "lang/sema/checked.h"
#include "runtime/simulate/test_runner.h"

namespace dunlin::server {

/// Dunlin text with one test for each stage that was not entered, rule that did not fire and outcome that did not happen; rows of tables that were not hit are
/// named in comments. `counts` says which parts belong to the bundle (and not to the library). Empty if nothing is left. The tests check; they fail until their
/// given values are filled in.
std::string test_stubs(const checked::Program& program, const SourceMap& sources, const simulate::Coverage& coverage, const std::function<bool(Span)>& counts);

}  // namespace dunlin::server
