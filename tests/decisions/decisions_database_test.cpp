// The command, on a database that workers, the bank and a second version have changed meanwhile; and on one that somebody has meddled with.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("decisions in a database are decided again, and meddling is found", "[queue]") { CHECK(runs_well("decisions/decisions_test.py")); }

}  // namespace dunlin::store::test
