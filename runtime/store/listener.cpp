#include "runtime/store/listener.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/store/address.h"
#include "runtime/store/patience.h"
#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

struct Listener::Inner {
  std::unique_ptr<EmbeddedServer> server;
  std::string url;
  PGconn* connection = nullptr;
  int interrupted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

  ~Inner() {
    PQfinish(connection);
    close(interrupted);
  }

  std::unexpected<StoreError> lost() {
    StoreError error = explain_error("", PQerrorMessage(connection), "listen to the database");
    PQfinish(connection);
    connection = nullptr;
    return std::unexpected(std::move(error));
  }

  Result<void> connect() {
    if (connection != nullptr) return {};
    connection = PQconnectdb(with_patience(url).c_str());
    const Patience waiting(PQsocket(connection), std::chrono::seconds(30));
    if (PQstatus(connection) != CONNECTION_OK) return lost();
    PGresult* answer = PQexec(connection, "set application_name = 'dunlin listener'; listen dunlin");
    const bool good = PQresultStatus(answer) == PGRES_COMMAND_OK;
    PQclear(answer);
    if (!good) return lost();
    return {};
  }

  std::vector<std::string> heard() {
    std::vector<std::string> kinds;
    while (PGnotify* note = PQnotifies(connection)) {
      const std::string kind = note->extra;
      PQfreemem(note);
      if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
    }
    return kinds;
  }
};

Listener::Listener(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::open(const PostgresOptions& options) {
  auto inner = std::make_unique<Inner>();
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  inner->server = std::move(address->server);
  inner->url = std::move(address->url);
  return std::unique_ptr<Listener>(new Listener(std::move(inner)));
}

Result<std::vector<std::string>> Listener::wait(std::chrono::milliseconds patience) {
  const bool fresh = inner_->connection == nullptr;
  if (auto connected = inner_->connect(); !connected) return std::unexpected(connected.error());
  // What happened before this connection was there has been missed: whoever asks should look.
  if (fresh) return std::vector<std::string>{"version", "event", "step"};
  auto kinds = inner_->heard();
  if (!kinds.empty()) return kinds;
  pollfd ends[2] = {{PQsocket(inner_->connection), POLLIN, 0}, {inner_->interrupted, POLLIN, 0}};
  if (poll(ends, 2, static_cast<int>(patience.count())) <= 0) return kinds;
  if (ends[0].revents != 0 && PQconsumeInput(inner_->connection) == 0) return inner_->lost();
  return inner_->heard();
}

void Listener::interrupt() {
  const uint64_t one = 1;
  if (write(inner_->interrupted, &one, sizeof one) != sizeof one) return;  // it is interrupted already
}

}  // namespace dunlin::store
