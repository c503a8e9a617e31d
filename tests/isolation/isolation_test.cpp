// Pairs of sessions, interleaved in every way.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("two sessions in any order leave the queues sound", "[isolation]") { CHECK(runs_well("isolation/isolation_test.py")); }

}  // namespace dunlin::store::test
