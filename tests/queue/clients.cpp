#include "tests/queue/clients.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "runtime/store/embedded.h"

namespace dunlin::store::test {

namespace fs = std::filesystem;

namespace {

constexpr auto python = "/usr/bin/python3";

/// A server of its own for the run, in a folder that goes with it.
class Server {
 public:
  Server() : folder_(fs::temp_directory_path() / ("dunlin-queue-test-" + std::to_string(getpid()))) {
    auto started = EmbeddedServer::start({.folder = folder_, .durable = false});
    if (!started) FAIL(started.error().message);
    server_ = std::move(*started);
  }
  ~Server() {
    server_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string words() const { return server_->connection().substr(0, server_->connection().rfind("dbname=")); }

 private:
  fs::path folder_;
  std::unique_ptr<EmbeddedServer> server_;
};

bool has_clients() {
  const std::string probe = std::string(python) + " -c 'import psycopg2' 2>/dev/null && command -v psql >/dev/null";
  if (!find_server_binaries().empty() && std::system(probe.c_str()) == 0) return true;
  WARN("skipped: this needs a PostgreSQL server, psql and python3-psycopg2 (scripts/packages.txt)");
  return false;
}

int run_script(const std::string& script) {
  static const Server server;
  setenv("DUNLIN_SERVER", server.words().c_str(), 1);
  setenv("DUNLIN_COMMAND", DUNLIN_COMMAND, 1);
  setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  const int status = std::system((std::string(python) + " " DUNLIN_SOURCE_DIR "/tests/" + script).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

bool runs_well(const std::string& script) { return !has_clients() || run_script(script) == 0; }

}  // namespace dunlin::store::test
