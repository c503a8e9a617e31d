#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("a database with data goes forward through all steps and loses nothing", "[migration]") { CHECK(runs_well("migration/forward_test.py")); }

}  // namespace dunlin::store::test
