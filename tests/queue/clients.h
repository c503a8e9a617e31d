// Starts a server and lets clients in other languages work on it: Python (psycopg2) and psql.
#pragma once

#include <string>

namespace dunlin::store::test {

/// Runs tests/<script> against a server of the test's own; true if it ends well, or if this machine lacks what it needs (then with a warning).
bool runs_well(const std::string& script);

}  // namespace dunlin::store::test
