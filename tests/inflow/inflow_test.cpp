#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("what other programs write in SQL is taken in, and steps what it changed", "[inflow]") { CHECK(runs_well("inflow/inflow_test.py")); }

TEST_CASE("rows come by logical replication", "[inflow]") { CHECK(runs_well("inflow/replication_test.py")); }

}  // namespace dunlin::store::test
