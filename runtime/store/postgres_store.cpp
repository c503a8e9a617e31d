#include "runtime/store/postgres_store.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "runtime/store/address.h"
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
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  auto store = std::make_unique<PostgresStore>(std::move(address->server), std::move(address->url), options);
  if (auto opened = store->open(); !opened) return std::unexpected(opened.error());
  return store;
}

PostgresStore::PostgresStore(std::unique_ptr<EmbeddedServer> server, std::string url, const PostgresOptions& options)
    : server_(std::move(server)),
      url_(std::move(url)),
      application_name_(options.application_name),
      listed_max_(options.listed_max),
      small_(std::make_unique<Small>()) {}

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
      if (auto named = connection->run(fmt::format("set application_name = {}", quote_text(application_name_))); !named) return std::unexpected(named.error());
      return connection.get();
    }
    if (!was_there || tried == reconnects_max) return std::unexpected(opened.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(50 << tried));
  }
}

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
  auto begun = open.value(begin);
  if (!begun) return std::unexpected(begun.error());
  open.inner().began = std::atoll(begun->value_or("0").c_str());
  auto done = work(open);
  if (!done) {
    (void)open.run("rollback");
    return done;
  }
  crash_point(Boundary::written);
  auto committed = open.run("commit");
  crash_point(Boundary::committed);
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
      // Most of them only read.
      const bool wrote = crash_points_counted() && !transaction.exec("select pg_current_xact_id_if_assigned()")[0][0].is_null();
      if (wrote) crash_point(Boundary::written);
      transaction.commit();
      if (wrote) crash_point(Boundary::committed);
      return {};
    } catch (const pqxx::broken_connection& error) {
      small_->connection.reset();
      if (tried > 0) return std::unexpected(explain_error("", error.what(), doing));
    } catch (const pqxx::transaction_rollback& error) {  // a deadlock, or others were faster; to the library it is no error of SQL
      return std::unexpected(explain_error("40000", error.what(), doing));
    } catch (const pqxx::sql_error& error) {
      return std::unexpected(explain_error(error.sqlstate().empty() ? "XX000" : error.sqlstate(), error.what(), doing));
    } catch (const std::exception& error) {
      return std::unexpected(explain_error("XX000", error.what(), doing));
    }
  }
}

}  // namespace dunlin::store
