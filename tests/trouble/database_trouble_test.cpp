// A database that is missing, newer than the program, half migrated, or full: a clear message, exit code 3, and nothing half-done.
#include <fcntl.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"
#include "runtime/store/migrations.h"

namespace dunlin::store {

namespace fs = std::filesystem;

namespace {

template <class T>
T good(Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A server for all the tests, in a folder that goes with it.
class Server {
 public:
  Server()
      : folder_(fs::temp_directory_path() / ("dunlin-trouble-" + std::to_string(getpid()))),
        server_(good(EmbeddedServer::start({.folder = folder_, .durable = false}))) {}
  ~Server() {
    server_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string url(const std::string& database) const {
    const std::string own = server_->connection();
    return own.substr(0, own.rfind("dbname=")) + "dbname=" + database;
  }
  std::string make(const std::string& database, const std::string& more = "") const {
    good(good(BulkConnection::open(server_->connection()))->run("create database " + database + more));
    return url(database);
  }
  const EmbeddedServer& server() const { return *server_; }
  static Server& instance() {
    static Server server;
    return server;
  }

 private:
  fs::path folder_;
  std::unique_ptr<EmbeddedServer> server_;
};

struct Run {
  int exit = -1;
  std::string text;  // both streams
};

Run execute(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1 </dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run run;
  char buffer[4096];
  for (size_t size; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;) run.text.append(buffer, size);
  const int status = pclose(pipe);
  run.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

Run dunlin(const std::string& arguments) { return execute(std::string(DUNLIN_COMMAND) + " " + arguments); }

Run import(const std::string& url, int accounts) {
  const std::string source = DUNLIN_SOURCE_DIR;
  return dunlin("import --generate " + std::to_string(accounts) + " '" + source + "/strategies/card_collections' --stdlib '" + source +
                "/stdlib' --database \"" + url + "\"");
}

std::string value(const std::string& url, const std::string& query) { return good(good(BulkConnection::open(url))->value(query)).value_or("null"); }

void check_said(const Run& run, int exit, const std::string& word) {
  INFO(run.text);
  CHECK(run.exit == exit);
  CHECK(run.text.find(word) != std::string::npos);
  CHECK(run.text.size() < 1000);
}

std::string schemas(const std::string& url) {
  return value(url, "select coalesce(string_agg(nspname, ','), '') from pg_namespace where nspname in ('dunlin', 'portfolio')");
}

/// A small disk, unmounted at the end.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) : folder_(fs::temp_directory_path() / ("dunlin-small-disk-" + std::to_string(getpid()))) {
    const passwd* owner = getpwnam("postgres");
    if (geteuid() != 0 || owner == nullptr) return;
    fs::create_directories(folder_);
    const std::string options = "size=" + size + ",mode=0700,uid=" + std::to_string(owner->pw_uid) + ",gid=" + std::to_string(owner->pw_gid);
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove(folder_, ignored);
  }
  bool mounted() const { return mounted_; }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a database that is not there is named", "[trouble]") { check_said(import(Server::instance().url("nowhere"), 100), 3, "nowhere"); }

TEST_CASE("a server that is not there is named", "[trouble]") { check_said(import("postgresql://nobody@127.0.0.1:1/none", 100), 3, "127.0.0.1"); }

TEST_CASE("an address that is none is a mistake of the caller", "[trouble]") {
  for (const char* address : {"nonsense", "postgresql://[::1", "host=a colour=blue", "postgresql://a/b?c"}) {
    INFO(address);
    check_said(import(address, 100), 2, "address");
  }
}

TEST_CASE("a database newer than the program is left alone", "[trouble]") {
  const std::string url = Server::instance().make("newer");
  REQUIRE(import(url, 100).exit == 0);
  good(good(BulkConnection::open(url))->run("insert into dunlin.schema_version (number, name, checksum) values (900, 'from the future', '')"));
  const std::string before = value(url, "select count(*) from dunlin.event");
  check_said(import(url, 200), 3, "newer");
  CHECK(value(url, "select count(*) from dunlin.event") == before);
}

TEST_CASE("a database that is half migrated is left alone", "[trouble]") {
  const std::string url = Server::instance().make("half");
  REQUIRE(import(url, 100).exit == 0);
  good(good(BulkConnection::open(url))->run("delete from dunlin.schema_version where number = 1"));
  const std::string before = value(url, "select count(*) from dunlin.event");
  check_said(import(url, 200), 3, "half");
  CHECK(value(url, "select count(*) from dunlin.event") == before);
}

TEST_CASE("a migration that was cut off is finished by the next start", "[trouble]") {
  const std::string url = Server::instance().make("older");
  const auto sql = good(BulkConnection::open(url));
  const Migration& first = migrations().front();
  good(
      sql->run("create schema dunlin; create table dunlin.schema_version (number int primary key, name text not null, checksum text not null, "
               "applied_at timestamptz not null default clock_timestamp())"));
  good(sql->run(std::string(first.sql)));
  good(sql->run("insert into dunlin.schema_version (number, name, checksum) select 1, 'first', md5($dunlin$" + std::string(first.sql) + "$dunlin$)"));
  const Run run = import(url, 100);
  INFO(run.text);
  CHECK(run.exit == 0);
  CHECK(value(url, "select max(number) from dunlin.schema_version") == std::to_string(migrations().back().number));
}

TEST_CASE("a schema of somebody else is left alone", "[trouble]") {
  const std::string url = Server::instance().make("foreign_one");
  good(good(BulkConnection::open(url))->run("create schema dunlin; create table dunlin.ours (a int)"));
  check_said(import(url, 100), 3, "did not make");
  CHECK(value(url, "select count(*) from information_schema.tables where table_schema = 'dunlin'") == "1");
  CHECK(schemas(url) == "dunlin");
}

/// What a run has decided, without the numbers that depend on how its batches fell.
std::string decided(const std::string& url) {
  const std::string sum = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from (";
  return value(url, sum + "select case_id, instance_id, at, nth, from_stage, to_stage, rule from dunlin.transition) t") + " " +
         value(url, sum + "select case_id, instance_id, strategy, stage, entered_at, wake_at, body from dunlin.state) t") + " " +
         value(url, sum + "select case_id, task, queue, status, not_before from dunlin.task_open) t") + " " +
         value(url, sum + "select case_id, task, queue, status, done_at, reason from dunlin.task_done) t");
}

TEST_CASE("a disk that fills up during a run stops it whole, and the next run ends where it would have ended", "[trouble]") {
  Server& server = Server::instance();
  const SmallDisk disk("96m");
  if (!disk.mounted()) {
    WARN("skipped: a small disk can only be mounted by root, with the user postgres there");
    return;
  }
  const std::string source = DUNLIN_SOURCE_DIR;
  const auto run = [&](const std::string& url) {
    return dunlin("run '" + source + "/strategies/card_collections' --stdlib '" + source + "/stdlib' --from 2005-04-01 --to 2005-05-31 --database \"" + url +
                  "\"");
  };
  const std::string spacious = server.make("spacious");
  REQUIRE(import(spacious, 1500).exit == 0);
  REQUIRE(run(spacious).exit == 0);
  good(good(BulkConnection::open(server.server().connection()))->run("create tablespace narrow location '" + disk.folder().string() + "'"));
  const std::string url = server.make("cramped_run", " tablespace narrow");
  REQUIRE(import(url, 1500).exit == 0);
  const fs::path ballast = disk.folder() / "ballast";
  std::ofstream(ballast) << std::string(fs::space(disk.folder()).free - (1 << 20), 'x');
  check_said(run(url), 3, "full");
  CHECK(value(url, "select count(*) > 0 from dunlin.inbox") == "t");  // it was not at its end
  fs::remove(ballast);
  const Run again = run(url);
  INFO(again.text);
  CHECK(again.exit == 0);
  CHECK(decided(url) == decided(spacious));
  const Run judged = execute("'" DUNLIN_JUDGE "' \"" + url + "\"");
  INFO("the judge: " << judged.text);
  CHECK(judged.exit == 0);
  good(good(BulkConnection::open(server.server().connection()))->run("drop database cramped_run; "));
  good(good(BulkConnection::open(server.server().connection()))->run("drop tablespace narrow"));
}

TEST_CASE("a full disk is said, what was taken stays whole, and with space again the rest comes", "[trouble]") {
  Server& server = Server::instance();
  const SmallDisk disk("48m");
  if (!disk.mounted()) {
    WARN("skipped: a small disk can only be mounted by root, with the user postgres there");
    return;
  }
  good(good(BulkConnection::open(server.server().connection()))->run("create tablespace small location '" + disk.folder().string() + "'"));
  const std::string url = server.make("cramped", " tablespace small");
  REQUIRE(import(url, 50).exit == 0);
  // Ballast leaves too little for the next import.
  const fs::path ballast = disk.folder() / "ballast";
  std::ofstream(ballast) << std::string(fs::space(disk.folder()).free - (1 << 20), 'x');
  const std::string count = "select count(*) from portfolio.account",
                    marks =
                        "select count(*) from dunlin.case_file c where not exists "
                        "(select 1 from portfolio.debtor d where d.dunlin_bucket = c.bucket and d.dunlin_case = c.case_id)";
  const std::string before = value(url, count);
  check_said(import(url, 4000), 3, "full");
  INFO(before << " accounts before");
  // Whole batches or nothing: no account without its case file, no event without its key.
  CHECK(value(url, "select count(*) from dunlin.event e where external_id <> '' and not exists (select 1 from dunlin.event_key k where k.bucket = e.bucket)") ==
        "0");
  CHECK(value(url, "select count(*) from dunlin.inbox i where kind = 0 and not exists (select 1 from dunlin.event e where e.seq = i.seq)") == "0");
  fs::remove(ballast);
  const Run again = import(url, 400);
  INFO(again.text);
  CHECK(again.exit == 0);
  CHECK(std::stoll(value(url, count)) >= 400);
  good(good(BulkConnection::open(server.server().connection()))->run("drop database cramped; "));
  good(good(BulkConnection::open(server.server().connection()))->run("drop tablespace small"));
}

}  // namespace dunlin::store
