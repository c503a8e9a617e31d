// runtime/migrations/objects.txt says what the migrations make; `dunlin doctor` compares databases with it.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"
#include "runtime/store/migrations.h"
#include "runtime/store/postgres_store.h"
#include "runtime/store/schema_objects.h"

namespace dunlin::store {
namespace {

namespace fs = std::filesystem;

const fs::path list = fs::path(DUNLIN_SOURCE_DIR) / "runtime/migrations/objects.txt";

/// What a fresh database has after all migrations; nothing where this machine has no server.
std::optional<std::string> freshly_made() {
  if (find_server_binaries().empty()) return std::nullopt;
  const fs::path folder = fs::temp_directory_path() / ("dunlin-objects-test-" + std::to_string(getpid()));
  std::string objects;
  {
    auto server = EmbeddedServer::start({.folder = folder, .durable = false});
    if (!server) FAIL(server.error().message);
    auto store = open_postgres({.url = (*server)->connection()});
    if (!store) FAIL(store.error().message);
    if (auto migrated = (*store)->migrate(); !migrated) FAIL(migrated.error().message);
    auto connection = BulkConnection::open((*server)->connection());
    if (!connection) FAIL(connection.error().message);
    REQUIRE((*connection)->run("set search_path = pg_catalog"));
    auto found = (*connection)->value(schema_objects_sql());
    if (!found) FAIL(found.error().message);
    objects = found->value_or("") + "\n";
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return objects;
}

std::string said(const std::vector<Store::Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) text += (finding.good ? "good " : "bad ") + finding.name + ": " + finding.detail + "\n";
  return text;
}

TEST_CASE("the list of what the migrations make is up to date", "[doctor]") {
  const auto made = freshly_made();
  if (!made) {
    WARN("skipped: this needs a PostgreSQL server");
    return;
  }
  if (std::getenv("DUNLIN_RECORD") != nullptr) std::ofstream(list) << *made;
  std::ifstream file(list);
  std::stringstream written;
  written << file.rdbuf();
  INFO("renew it: DUNLIN_RECORD=1 ctest -R '^objects_test$', then build again");
  const auto findings = compare_objects(written.str(), *made);
  INFO(said(findings));
  CHECK(findings.size() == 1);
  CHECK(findings[0].good);
  CHECK(written.str() == *made);
}

constexpr auto few =
    "column\tdunlin.a.x\tinteger not null\ncolumn\tdunlin.a.y\ttext\nconstraint\tdunlin.a.a_pkey\tPRIMARY KEY (x)\ndefault\tdunlin.a.x\t1\n"
    "function\tdunlin.f(integer)\tmd5 1\ngrant\texecute on function dunlin.f(integer) to dunlin_consumer\t\nrole\tdunlin_consumer\t\nserver\t15\t\n"
    "table\tdunlin.a\tr\nunique index\tdunlin.a.a_pkey\tCREATE UNIQUE INDEX\nview\tdunlin.v\tv\nview text\tdunlin.v\tSELECT 1\n";

std::string with(std::string_view what, std::string_view instead) {
  std::string text = few;
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), instead);
}

TEST_CASE("of one thing that is gone one thing is said", "[doctor]") {
  // A table takes its columns, keys and indexes along.
  std::string rest =
      "function\tdunlin.f(integer)\tmd5 1\nrole\tdunlin_consumer\t\nserver\t15\t\nview\tdunlin.v\tv\nview text\tdunlin.v\tSELECT 1\n"
      "grant\texecute on function dunlin.f(integer) to dunlin_consumer\t\n";
  auto findings = compare_objects(few, rest);
  CHECK(said(findings).starts_with("bad tables: missing: dunlin.a;"));
  CHECK(findings.size() == 1);
  // A key is a constraint and an index; a function has its grants.
  findings = compare_objects(few, with("constraint\tdunlin.a.a_pkey\tPRIMARY KEY (x)\n", ""));
  CHECK(findings.size() == 1);
  rest = with("function\tdunlin.f(integer)\tmd5 1\n", "");
  findings = compare_objects(few, rest);
  CHECK(said(findings).starts_with("bad functions: missing: dunlin.f(integer);"));
  CHECK(findings.size() == 1);
}

TEST_CASE("short definitions are shown, and what others made is only told where it does harm", "[doctor]") {
  CHECK(said(compare_objects(few, with("integer not null", "bigint"))).find("dunlin.a.x (is `bigint`, was made `integer not null`)") != std::string::npos);
  CHECK(said(compare_objects(
                 few, with("table\tdunlin.a\tr\n", "table\tdunlin.a\tr\ntable\tdunlin.copy\tr\ncolumn\tdunlin.copy.x\ttext\nunique index\tdunlin.copy.i\tx\n")))
            .find("good objects: all 10 of the schema") == 0);
  CHECK(said(compare_objects(few, with("function\t", "function\tdunlin.f(text)\tmd5 2\nfunction\t")))
            .starts_with("bad functions: not made by dunlin: dunlin.f(text)"));
  CHECK(said(compare_objects(few, with("function\t", "function\tdunlin.own(text)\tmd5 2\nfunction\t"))).find("not made by dunlin: dunlin.own(text)") !=
        std::string::npos);
  CHECK(compare_objects(few, with("function\t", "function\tdunlin.own(text)\tmd5 2\nfunction\t"))[0].good);
  CHECK(said(compare_objects(few, with("table\t", "trigger\tdunlin.a.t\tx\ntable\t"))).starts_with("bad triggers: not made by dunlin: dunlin.a.t"));
  CHECK(compare_objects(few, with("table\t", "trigger\tportfolio.account.t\tx\ntable\t"))[0].good);
}

TEST_CASE("another server writes definitions in another way", "[doctor]") {
  std::string other = with("server\t15", "server\t17");
  other.replace(other.find("SELECT 1"), 8, "SELECT 1 AS x");
  const auto findings = compare_objects(few, other);
  CHECK(findings[0].good);
  CHECK(findings[0].detail.find("by name only") != std::string::npos);
  // What is not written out by the server is compared all the same.
  CHECK_FALSE(compare_objects(few, other.replace(other.find("md5 1"), 5, "md5 2"))[0].good);
}

TEST_CASE("a role that an administrator has not made takes its grants along", "[doctor]") {
  std::string without = with("role\tdunlin_consumer\t\n", "");
  without.replace(without.find("grant\t"), without.find('\n', without.find("grant\t")) + 1 - without.find("grant\t"), "");
  const auto findings = compare_objects(few, without);
  CHECK(findings[0].good);
  CHECK(findings[0].detail.find("there is no role dunlin_consumer") != std::string::npos);
}

}  // namespace
}  // namespace dunlin::store
