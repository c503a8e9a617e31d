// Backup and restore as docs/guides/operations.md describes them, tried for real.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("a database dumped while it works is restored and goes on", "[backup]") { CHECK(runs_well("backup/backup_test.py")); }

}  // namespace dunlin::store::test
