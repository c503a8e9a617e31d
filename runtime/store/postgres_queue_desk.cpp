#include "runtime/store/postgres_queue_desk.h"

#include <pqxx/pqxx>

#include "runtime/store/address.h"
#include "runtime/store/patience.h"
#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

struct QueueDesk::Inner {
  std::unique_ptr<EmbeddedServer> server;
  std::unique_ptr<pqxx::connection> connection;
};

QueueDesk::QueueDesk() : inner_(std::make_unique<Inner>()) {}
QueueDesk::~QueueDesk() { inner_->connection.reset(); }  // before the server, which waits for its last client

Result<std::unique_ptr<QueueDesk>> QueueDesk::open(const PostgresOptions& options) {
  std::unique_ptr<QueueDesk> desk(new QueueDesk);
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  desk->inner_->server = std::move(address->server);
  auto store = open_postgres({.url = address->url});
  if (!store) return std::unexpected(store.error());
  if (auto migrated = (*store)->migrate(); !migrated) return std::unexpected(migrated.error());
  try {
    desk->inner_->connection = std::make_unique<pqxx::connection>(with_patience(address->url));
  } catch (const std::exception& error) {
    return std::unexpected(explain_error("", error.what(), "connect"));
  }
  return desk;
}

Result<std::string> QueueDesk::ask(const char* doing, const std::string& from, const std::vector<Text>& arguments) {
  try {
    const Patience waiting(inner_->connection->sock(), answer_patience(std::chrono::seconds(usual_statement_seconds)));
    pqxx::work work(*inner_->connection);
    work.exec0("set local timezone = 'UTC'");
    const std::string rows = work.exec_params1("select coalesce(json_agg(row_to_json(r)), '[]')::text from (select * from " + from + ") r",
                                               pqxx::prepare::make_dynamic_params(arguments))[0]
                                 .as<std::string>();
    work.commit();
    return rows;
  } catch (const pqxx::broken_connection& error) {
    return std::unexpected(explain_error("", error.what(), doing));
  } catch (const pqxx::transaction_rollback& error) {
    return std::unexpected(explain_error("40000", error.what(), doing));
  } catch (const pqxx::sql_error& error) {
    return std::unexpected(explain_error(error.sqlstate().empty() ? "XX000" : error.sqlstate(), error.what(), doing));
  }
}

namespace {

constexpr auto held_epoch = "coalesce($2::int4, (select lease_epoch from dunlin.task_open where task = $1::uuid and status = 1))";

}  // namespace

Result<std::string> QueueDesk::lease(const std::string& queue, const std::string& worker, int64_t n, Text lasting, Text at) {
  return ask("lease tasks", "dunlin.lease($1, $2, $3::int4, $4::interval, dunlin.moment($5))", {queue, worker, std::to_string(n), lasting, at});
}

Result<std::string> QueueDesk::heartbeat(const std::string& task, Text epoch) {
  return ask("keep the lease", std::string("dunlin.heartbeat($1::uuid, ") + held_epoch + ")", {task, epoch});
}

Result<std::string> QueueDesk::complete(const std::string& task, Text epoch, Text outcome, Text payload, Text external_id, Text at) {
  return ask("complete the task", std::string("dunlin.complete($1::uuid, ") + held_epoch + ", $3, coalesce($4::jsonb, '{}'), $5, dunlin.moment($6)) result",
             {task, epoch, outcome, payload, external_id, at});
}

Result<std::string> QueueDesk::release(const std::string& task, Text epoch, Text not_before, Text reason) {
  return ask("release the task", std::string("dunlin.release($1::uuid, ") + held_epoch + ", dunlin.moment($3), $4) result", {task, epoch, not_before, reason});
}

Result<std::string> QueueDesk::pause(const std::string& queue, const std::string& reason, Text who) {
  return ask("pause the queue", "dunlin.pause_queue($1, $2, $3)", {queue, reason, who});
}

Result<std::string> QueueDesk::resume(const std::string& queue, Text who) { return ask("resume the queue", "dunlin.resume_queue($1, $2)", {queue, who}); }

Result<std::string> QueueDesk::redrive(Text queue, Text task, Text who) {
  return ask("put dead letters back", "dunlin.redrive($1, $2::uuid, $3) tasks", {queue, task, who});
}

Result<std::string> QueueDesk::withdraw(const std::string& task, const std::string& reason, Text who) {
  return ask("withdraw the task", "dunlin.withdraw($1::uuid, $2, $3) result", {task, reason, who});
}

Result<std::string> QueueDesk::reassign(const std::string& task, Text worker, const std::string& reason, Text who) {
  return ask("reassign the task", "dunlin.reassign($1::uuid, $2, $3, $4) result", {task, worker, reason, who});
}

Result<std::string> QueueDesk::why(const std::string& task, Text over) { return ask("explain the order", "dunlin.why($1::uuid, $2::uuid)", {task, over}); }

Result<std::string> QueueDesk::letter(const std::string& task, bool personal) {
  return ask("read the letter", "dunlin.letter($1::uuid, $2::bool)", {task, personal ? "true" : "false"});
}

Result<std::string> QueueDesk::retry_events(int64_t most, Text source) {
  return ask("try events again", "dunlin.quarantine_retry($1::int4, $2)", {std::to_string(most), source});
}

}  // namespace dunlin::store
