// The private server: kept data, shared use, clear refusals.
#include "runtime/store/embedded.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/store/bulk.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  explicit Folder(const std::string& name) : path(fs::temp_directory_path() / ("dunlin-embedded-" + name + "-" + std::to_string(getpid()))) {}
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  const fs::path path;
};

bool no_server() {
  if (!find_server_binaries().empty()) return false;
  WARN("skipped: no PostgreSQL server is installed on this machine");
  return true;
}

}  // namespace

TEST_CASE("data outlives the private server", "[embedded]") {
  if (no_server()) return;
  const Folder folder("kept");
  {
    auto server = good(EmbeddedServer::start({.folder = folder.path}));
    auto connection = good(BulkConnection::open(server->connection()));
    good(connection->run("create table kept as select 42 as answer"));
    CHECK(good(connection->value("show fsync")) == "on");
    CHECK(good(connection->value("show listen_addresses")) == "");
  }
  auto server = good(EmbeddedServer::start({.folder = folder.path}));
  auto connection = good(BulkConnection::open(server->connection()));
  CHECK(good(connection->value("select answer from kept")) == "42");
}

TEST_CASE("a second user joins the running server and keeps it alive", "[embedded]") {
  if (no_server()) return;
  const Folder folder("shared");
  auto first = good(EmbeddedServer::start({.folder = folder.path, .durable = false}));
  auto second = good(EmbeddedServer::start({.folder = folder.path, .durable = false}));
  CHECK(first->connection() == second->connection());
  first.reset();
  auto connection = good(BulkConnection::open(second->connection()));
  CHECK(good(connection->value("select 1")) == "1");
}

TEST_CASE("the server stops when its user was killed, and starts again", "[embedded]") {
  if (no_server()) return;
  const Folder folder("killed");
  const pid_t child = fork();
  if (child == 0) {
    auto server = EmbeddedServer::start({.folder = folder.path, .durable = true});
    if (!server) _exit(1);
    auto connection = BulkConnection::open((*server)->connection());
    if (!connection || !(*connection)->run("create table kept as select 7 as answer")) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  auto server = good(EmbeddedServer::start({.folder = folder.path, .durable = false}));
  auto connection = good(BulkConnection::open(server->connection()));
  CHECK(good(connection->value("select answer from kept")) == "7");
}

TEST_CASE("what stands in the way of the server is said plainly", "[embedded]") {
  if (no_server()) return;
  const Folder folder("odd");
  fs::create_directories(folder.path / "data");
  std::ofstream(folder.path / "data" / "PG_VERSION") << "9\n";
  fs::permissions(folder.path, fs::perms::all);
  fs::permissions(folder.path / "data", fs::perms::all);
  auto started = EmbeddedServer::start({.folder = folder.path});
  REQUIRE(!started);
  CHECK(started.error().kind == StoreError::Kind::environment);
  CHECK(started.error().message.find("PostgreSQL 9") != std::string::npos);
  auto nowhere = EmbeddedServer::start({.folder = "/proc/dunlin"});
  REQUIRE(!nowhere);
  CHECK(nowhere.error().kind == StoreError::Kind::environment);
}

}  // namespace dunlin::store::test
