// What a department promises itself, worked by a client in another language.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("a file that did not come holds contact, and one that came lets it go", "[department]") { CHECK(runs_well("department/feeds_test.py")); }

TEST_CASE("a campaign keeps its cap and reaches nobody twice", "[department]") { CHECK(runs_well("department/campaign_test.py")); }

TEST_CASE("events from a list are tried, agreed to and taken back; stops are told", "[department]") { CHECK(runs_well("department/bulk_test.py")); }

}  // namespace dunlin::store::test
