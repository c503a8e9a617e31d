#include "runtime/store/postgres_store.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "runtime/store/migrations.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

namespace {

constexpr int reconnects_max = 6;

}  // namespace

std::optional<std::string> wrong_address(const std::string& url) {
  char* said = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(url.c_str(), &said);
  std::string reason = said == nullptr ? "" : said;
  PQfreemem(said);
  PQconninfoFree(parsed);
  if (parsed != nullptr) return std::nullopt;
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return reason.empty() ? "it cannot be read" : reason;
}

Result<std::unique_ptr<Store>> open_postgres(const PostgresOptions& options) {
  std::unique_ptr<EmbeddedServer> server;
  std::string url = options.url;
  if (url.empty()) {
    auto started = EmbeddedServer::start({.folder = options.folder.empty() ? default_data_folder("main") : options.folder, .durable = options.durable});
    if (!started) return std::unexpected(started.error());
    server = std::move(*started);
    url = server->connection();
  }
  auto store = std::make_unique<PostgresStore>(std::move(server), std::move(url), options.application_name);
  if (auto opened = store->open(); !opened) return std::unexpected(opened.error());
  return store;
}

PostgresStore::PostgresStore(std::unique_ptr<EmbeddedServer> server, std::string url, std::string application_name)
    : server_(std::move(server)), url_(std::move(url)), application_name_(std::move(application_name)), small_(std::make_unique<Small>()) {}

PostgresStore::~PostgresStore() {
  reader_.reset();
  writers_.clear();
  small_.reset();  // before the server: it waits for its last client
}

Result<void> PostgresStore::open() {
  auto connected = alive(reader_);
  if (!connected) return std::unexpected(connected.error());
  auto number = (*connected)->value("show server_version_num");
  if (!number) return std::unexpected(number.error());
  if (std::atoi(number->value_or("0").c_str()) < 140'000) {
    return failed(StoreError::Kind::environment, "this database is older than PostgreSQL 14; Dunlin needs 14 or newer");
  }
  return {};
}

/// A connection that is there, made again after the server has been away. Waits longer each time, about three seconds in all.
Result<BulkConnection*> PostgresStore::alive(std::unique_ptr<BulkConnection>& connection) {
  if (connection != nullptr && PQstatus(connection->inner().connection) == CONNECTION_OK) return connection.get();
  const bool was_there = connection != nullptr;
  connection.reset();
  for (int tried = 0;; ++tried) {
    auto opened = BulkConnection::open(url_);
    if (opened) {
      connection = std::move(*opened);
      database_ahead_ = connection->inner().database_ahead;
      if (auto named = connection->run(fmt::format("set application_name = {}", quote_text(application_name_))); !named) return std::unexpected(named.error());
      return connection.get();
    }
    if (!was_there || tried == reconnects_max) return std::unexpected(opened.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(50 << tried));
  }
}

Instant PostgresStore::database_now() const { return steady_clock_us() + database_ahead_; }

Result<void> PostgresStore::write(const std::function<Result<void>(BulkConnection&)>& work, const char* begin) {
  std::unique_ptr<BulkConnection> own;
  {
    const std::lock_guard hold(guard_);
    if (!writers_.empty()) {
      own = std::move(writers_.back());
      writers_.pop_back();
    }
  }
  auto connection = alive(own);
  if (!connection) return std::unexpected(connection.error());
  auto done = write_on(**connection, work, begin);
  const std::lock_guard hold(guard_);
  writers_.push_back(std::move(own));
  return done;
}

Result<void> PostgresStore::write_on(BulkConnection& open, const std::function<Result<void>(BulkConnection&)>& work, const char* begin) {
  if (auto begun = open.run(begin); !begun) return std::unexpected(begun.error());
  auto done = work(open);
  crash_point();
  if (!done) {
    (void)open.run("rollback");
    return done;
  }
  auto committed = open.run("commit");
  crash_point();
  if (committed) return {};
  // Nobody knows whether the server still made it. The caller reads again; it must not send the same work twice.
  if (PQstatus(open.inner().connection) == CONNECTION_BAD) {
    return failed(StoreError::Kind::conflict, "the connection broke while the work was being committed; whether it was kept shows when it is read again");
  }
  return std::unexpected(committed.error());
}

Result<void> PostgresStore::read(const std::function<Result<void>(BulkConnection&)>& work) {
  auto connection = alive(reader_);
  if (!connection) return std::unexpected(connection.error());
  BulkConnection& open = **connection;
  // One snapshot: what waits in the inbox and the data that goes with it must be of the same instant.
  auto begun = open.run("begin isolation level repeatable read read only");
  if (!begun) return std::unexpected(begun.error());
  auto done = work(open);
  auto ended = open.run("commit");
  if (!done) return done;
  if (!ended) return std::unexpected(ended.error());
  return {};
}

void PostgresStore::connect_small() {
  small_->connection = std::make_unique<pqxx::connection>(with_patience(url_));
  const Patience waiting(small_->connection->sock(), answer_patience(std::chrono::seconds(usual_statement_seconds)));
  pqxx::nontransaction session(*small_->connection);
  small_->patience = answer_patience(std::chrono::milliseconds(session.exec(session_sql())[0][0].as<int64_t>()));
}

Result<void> PostgresStore::small(std::string_view doing, const Work& work) {
  for (int tried = 0;; ++tried) {
    try {
      const bool fresh = small_->connection == nullptr || !small_->connection->is_open();
      if (fresh) connect_small();
      const Patience waiting(small_->connection->sock(), small_->patience);
      SmallWork transaction(*small_->connection);
      work(transaction);
      crash_point();
      transaction.commit();
      crash_point();
      return {};
    } catch (const pqxx::broken_connection& error) {
      small_->connection.reset();
      if (tried > 0) return std::unexpected(explain_error("", error.what(), doing));
    } catch (const pqxx::sql_error& error) {
      return std::unexpected(explain_error(error.sqlstate().empty() ? "XX000" : error.sqlstate(), error.what(), doing));
    } catch (const std::exception& error) {
      return std::unexpected(explain_error("XX000", error.what(), doing));
    }
  }
}

// ---- the schema's version ----

namespace {

using Applied = std::vector<std::pair<int, std::string>>;  // (number, checksum)

/// Null if the schema is one of ours, as far as it goes.
std::optional<StoreError> refuse(const Applied& applied, const std::vector<std::string>& checksums) {
  const auto& known = migrations();
  if (!applied.empty() && applied.back().first > known.back().number) {
    return StoreError{StoreError::Kind::environment,
                      fmt::format("the database has schema {}, but this program knows only {}; use a newer dunlin", applied.back().first, known.back().number)};
  }
  for (size_t i = 0; i < applied.size(); ++i) {
    if (applied[i].first != static_cast<int>(i) + 1) {
      return StoreError{StoreError::Kind::environment,
                        fmt::format("the database is half migrated: step {} is missing; restore it from a backup, or start with an empty database", i + 1)};
    }
    if (applied[i].second != checksums[i]) {
      return StoreError{
          StoreError::Kind::environment,
          fmt::format("the database was set up by another build of dunlin: its migration {} differs from ours; start with an empty database or use that build",
                      known[i].name)};
    }
  }
  return std::nullopt;
}

Applied applied_in(pqxx::work& work) {
  Applied applied;
  for (const auto& row : work.exec("select number, checksum from dunlin.schema_version order by number")) {
    applied.emplace_back(row[0].as<int>(), row[1].as<std::string>());
  }
  return applied;
}

bool foreign_schema(pqxx::work& work) {
  const auto found = work.exec(
      "select count(*), count(*) filter (where c.relname = 'schema_version') from pg_class c join pg_namespace n on n.oid = c.relnamespace "
      "where n.nspname = 'dunlin' and c.relkind = 'r'");
  return found[0][0].as<int64_t>() > 0 && found[0][1].as<int64_t>() == 0;
}

}  // namespace

Result<void> PostgresStore::migrate() {
  std::optional<StoreError> refused;
  std::vector<std::string> checksums;
  size_t done = 0;
  // Two processes may start at once: the lock lets one wait for the other's migrations.
  constexpr auto lock = "select pg_advisory_xact_lock(4815162342)";
  auto looked = small("look at the database's schema", [&](SmallWork& work) {
    work.exec(lock);
    for (const Migration& migration : migrations()) checksums.push_back(work.exec("select md5(" + work.quote(migration.sql) + ")")[0][0].as<std::string>());
    if (foreign_schema(work)) {
      refused = StoreError{StoreError::Kind::environment, "the database has a schema `dunlin` that this program did not make; give another database"};
      return;
    }
    work.exec("create schema if not exists dunlin");
    work.exec(
        "create table if not exists dunlin.schema_version (number int primary key, name text not null, checksum text not null, "
        "applied_at timestamptz not null default clock_timestamp())");
    const Applied applied = applied_in(work);
    done = applied.size();
    refused = refuse(applied, checksums);
  });
  if (!looked) return looked;
  // A change of large tables takes the time it takes.
  const auto patience = std::exchange(small_->patience, std::chrono::milliseconds(0));
  const auto again = [&] { small_->patience = patience; };
  for (size_t i = done; !refused && i < migrations().size(); ++i) {
    const Migration& migration = migrations()[i];
    auto made = small("migrate the database", [&](SmallWork& work) {
      work.exec("set local statement_timeout = 0");
      work.exec(lock);
      if (applied_in(work).size() > i) return;  // the other process was faster
      work.exec(migration.sql);
      work.exec(fmt::format("insert into dunlin.schema_version (number, name, checksum) values ({}, {}, {})", migration.number, work.quote(migration.name),
                            work.quote(checksums[i])));
    });
    if (!made) return again(), made;
  }
  again();
  if (refused) return std::unexpected(*refused);
  return {};
}

}  // namespace dunlin::store
