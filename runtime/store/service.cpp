#include "runtime/store/service.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <condition_variable>
#include <mutex>

#include "runtime/store/address.h"
#include "runtime/store/patience.h"
#include "runtime/store/postgres_errors.h"
#include "runtime/store/service_statements.h"

namespace dunlin::store {

namespace {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

ServiceError error_of(const PGresult* result, const PGconn* connection) {
  const std::string state = result == nullptr ? "" : field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) {
    const StoreError lost = explain_error("", PQerrorMessage(connection), "ask the database");
    return {ServiceError::Kind::unavailable, "", lost.message, ""};
  }
  const std::string said = field(result, PG_DIAG_MESSAGE_PRIMARY), hint = field(result, PG_DIAG_MESSAGE_HINT);
  // Our own functions say in their words what is wrong; so do casts of what was given in.
  if (state == "DU038") return {ServiceError::Kind::conflict, state, said, hint};  // not as it was when it was looked at
  if (state.starts_with("DU")) return {ServiceError::Kind::refused, state, said, hint};
  if (state == "22023" || state == "P0001") return {ServiceError::Kind::refused, state, said, hint};
  if (state.starts_with("22")) return {ServiceError::Kind::refused, state, "a value is not of the form that is wanted here: " + said, hint};
  if (state == "23505") return {ServiceError::Kind::conflict, state, "there is one already", ""};
  if (state.starts_with("40") || state == "55P03") return {ServiceError::Kind::conflict, state, "somebody else changed the same rows; ask again", ""};
  const StoreError other = explain_error(state, said, "ask the database");
  return {ServiceError::Kind::unavailable, state, other.message, other.disk_full ? "" : hint, other.disk_full};
}

}  // namespace

struct Service::Inner {
  std::unique_ptr<EmbeddedServer> server;
  std::string url;
  size_t most = 8;
  int timeout_ms = 0;
  std::mutex guard;
  std::condition_variable given_back;
  std::vector<Connection> idle;
  size_t out = 0;

  std::expected<Connection, ServiceError> take() {
    {
      std::unique_lock lock(guard);
      given_back.wait(lock, [&] { return out < most; });
      ++out;
      if (!idle.empty()) {
        Connection connection = std::move(idle.back());
        idle.pop_back();
        return connection;
      }
    }
    Connection fresh(PQconnectdb(with_patience(url).c_str()));
    if (fresh != nullptr && PQstatus(fresh.get()) == CONNECTION_OK) {
      const std::string set =
          fmt::format("set timezone = 'UTC'; set client_min_messages = warning; set jit = off; set application_name = 'dunlin api'; set statement_timeout = {}",
                      timeout_ms);
      const Patience waiting = wait(fresh);
      const Answer answer(PQexec(fresh.get(), set.c_str()));
      if (PQresultStatus(answer.get()) == PGRES_COMMAND_OK) return fresh;
    }
    ServiceError error = error_of(nullptr, fresh.get());
    give_back(nullptr);
    return std::unexpected(std::move(error));
  }

  Patience wait(const Connection& connection) const {
    return {connection == nullptr ? -1 : PQsocket(connection.get()), answer_patience(std::chrono::milliseconds(timeout_ms))};
  }

  void give_back(Connection connection) {
    const std::lock_guard lock(guard);
    --out;
    const bool whole = connection != nullptr && PQstatus(connection.get()) == CONNECTION_OK && PQtransactionStatus(connection.get()) == PQTRANS_IDLE;
    if (whole) idle.push_back(std::move(connection));
    given_back.notify_one();
  }
};

Service::Service(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(const PostgresOptions& options, size_t connections_max, int statement_timeout_ms) {
  auto inner = std::make_unique<Inner>();
  inner->most = connections_max;
  inner->timeout_ms = statement_timeout_ms;
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  inner->server = std::move(address->server);
  inner->url = std::move(address->url);
  return std::unique_ptr<Service>(new Service(std::move(inner)));
}

std::expected<std::string, ServiceError> Service::ask(Ask what, const Parameters& parameters, const std::string& scope) {
  auto answers = ask_all({{what, parameters}}, scope);
  if (!answers) return std::unexpected(answers.error());
  return std::move(answers->front());
}

namespace {

/// What must be true before a call of somebody who is bound. Questions have their conditions in them, and what logins call in SQL guards itself
/// (dunlin.put_guard).
std::optional<std::pair<Ask, Parameters>> guard_of(Ask what, const Parameters& given) {
  switch (what) {
    case Ask::pause_queue:
    case Ask::resume_queue:
      return std::pair(Ask::must_see_queue, Parameters{given[0]});
    default:
      return std::nullopt;
  }
}

}  // namespace

std::expected<std::vector<std::string>, ServiceError> Service::ask_all(const std::vector<std::pair<Ask, Parameters>>& asked, const std::string& scope,
                                                                       const std::string& origin) {
  std::vector<std::pair<Ask, Parameters>> calls = asked, first;
  if (!origin.empty()) first.push_back({Ask::bind_origin, {origin}});
  if (!scope.empty()) {
    first.push_back({Ask::bind_scope, {scope}});
    for (const auto& [what, parameters] : asked) {
      if (auto guard = guard_of(what, parameters)) first.push_back(std::move(*guard));
    }
  }
  const size_t before = first.size();  // answers that nobody asked for
  calls.insert(calls.begin(), first.begin(), first.end());
  auto taken = inner_->take();
  if (!taken) return std::unexpected(taken.error());
  Connection connection = std::move(*taken);
  std::vector<std::string> answers;
  std::optional<ServiceError> error;
  const auto simple = [&](const char* sql) {
    const Patience waiting = inner_->wait(connection);
    const Answer answer(PQexec(connection.get(), sql));
    if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK && !error) error = error_of(answer.get(), connection.get());
  };
  if (calls.size() > 1) simple("begin");
  for (const auto& [what, parameters] : calls) {
    if (error) break;
    // An insert or update that returns rows stands in a `with`, which only takes part at the top.
    const std::string sql = fmt::format("with t as ({}) select coalesce(json_agg(t), '[]')::text from t", statement_of(what));
    std::vector<const char*> values;
    for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
    const Patience waiting = inner_->wait(connection);
    const Answer answer(PQexecParams(connection.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
    if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) {
      error = error_of(answer.get(), connection.get());
      break;
    }
    answers.emplace_back(PQgetvalue(answer.get(), 0, 0));
  }
  if (calls.size() > 1) simple(error ? "rollback" : "commit");
  inner_->give_back(std::move(connection));
  if (error) return std::unexpected(std::move(*error));
  answers.erase(answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(before));
  return answers;
}

}  // namespace dunlin::store
