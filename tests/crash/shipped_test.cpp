// What is shipped, killed wherever it writes: the command line and the bundles as they are delivered.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("shipped bundles come to the same end wherever the program was killed", "[crash]") { CHECK(runs_well("crash/shipped_test.py")); }

}  // namespace dunlin::store::test
