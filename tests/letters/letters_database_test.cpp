// Letters in the database.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("letters of tasks read the same from everywhere, now and later", "[letters]") { CHECK(runs_well("letters/letters_test.py")); }

}  // namespace dunlin::store::test
