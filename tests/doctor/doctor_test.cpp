// Databases damaged on purpose, and a running node whose schema a newer program has brought forward.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("doctor names what a database has lost, and finds nothing in a whole one", "[doctor]") { CHECK(runs_well("doctor/doctor_test.py")); }

TEST_CASE("a running node stops at a schema that a newer program made", "[doctor]") { CHECK(runs_well("doctor/newer_schema_test.py")); }

}  // namespace dunlin::store::test
