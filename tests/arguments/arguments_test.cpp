// Whatever arguments the SQL functions are called with.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("whatever arguments SQL functions are called with, they refuse in our words and keep to their part", "[arguments]") {
  CHECK(runs_well("arguments/arguments_test.py"));
}

}  // namespace dunlin::store::test
