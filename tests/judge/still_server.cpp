#include "tests/judge/still_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/store/office.h"

namespace dunlin::judge {

namespace fs = std::filesystem;

namespace {

fs::path find_faketime() {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib", none)) {
    const fs::path library = entry.path() / "faketime/libfaketimeMT.so.1";
    if (fs::exists(library, none)) return library;
  }
  return {};
}

}  // namespace

std::unique_ptr<StillServer> StillServer::start() {
  const fs::path faketime = find_faketime();
  if (faketime.empty() || store::find_server_binaries().empty()) {
    WARN("skipped: this needs libfaketime and a PostgreSQL server (scripts/packages.txt)");
    return nullptr;
  }
  auto made = std::unique_ptr<StillServer>(new StillServer());
  made->folder_ = fs::temp_directory_path() / ("dunlin-still-" + std::to_string(getpid()));
  fs::create_directories(made->folder_);
  made->set_clock(1'772'323'200 * int64_t{1'000'000});  // 1 March 2026
  // For the server only: what is set here is gone before anything else is started.
  const std::vector<std::pair<std::string, std::string>> world = {{"LD_PRELOAD", faketime.string()},
                                                                  {"FAKETIME_TIMESTAMP_FILE", (made->folder_ / "clock").string()},
                                                                  {"FAKETIME_NO_CACHE", "1"},
                                                                  {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
                                                                  {"TZ", "UTC"}};
  for (const auto& [name, value] : world) setenv(name.c_str(), value.c_str(), 1);
  auto started = store::EmbeddedServer::start({.folder = made->folder_ / "server", .durable = false});
  for (const auto& [name, value] : world) unsetenv(name.c_str());
  tzset();
  if (!started) FAIL(started.error().message);
  made->server_ = std::move(*started);
  // What does its work by itself, at moments of its own, would make plans and the order of rows differ from run to run.
  const auto connection = store::test::good(store::BulkConnection::open(made->url("postgres")));
  for (const char* setting : {"autovacuum = off", "checkpoint_timeout = '1d'", "max_parallel_workers_per_gather = 0", "synchronize_seqscans = off"})
    store::test::good(connection->run(std::string("alter system set ") + setting));
  store::test::good(connection->run("select pg_reload_conf()"));
  return made;
}

StillServer::~StillServer() {
  server_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string StillServer::url(const std::string& database) const {
  const std::string& any = server_->connection();
  return any.substr(0, any.rfind("dbname=")) + "dbname=" + database;
}

void StillServer::set_clock(engine::Instant now) {
  const time_t seconds = now / 1'000'000;
  tm fields{};
  gmtime_r(&seconds, &fields);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &fields);
  {
    std::ofstream file(folder_ / "clock~");
    file << text << "\n";
  }
  fs::permissions(folder_ / "clock~", fs::perms(0644));
  fs::rename(folder_ / "clock~", folder_ / "clock");
}

}  // namespace dunlin::judge
