// The SQL functions of the queues, for the command line: what `dunlin queue lease` and the like call. Programs of others call the functions themselves
// (docs/guides/consumers.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/store/postgres_store.h"

namespace dunlin::store {

/// Every answer is a JSON array of rows with the columns of the SQL function. Refusals are errors of kind input, with the hint.
class QueueDesk {
 public:
  using Text = std::optional<std::string>;  // nullopt: the function's default

  /// Connects (or starts the private server) and brings the schema up to date.
  static Result<std::unique_ptr<QueueDesk>> open(const PostgresOptions& options);
  ~QueueDesk();
  QueueDesk(const QueueDesk&) = delete;
  QueueDesk& operator=(const QueueDesk&) = delete;

  /// `lasting` as PostgreSQL reads intervals; `at` an instant.
  Result<std::string> lease(const std::string& queue, const std::string& worker, int64_t n, Text lasting, Text at);
  /// Without an epoch: that of the lease that holds the task now.
  Result<std::string> heartbeat(const std::string& task, Text epoch);
  Result<std::string> complete(const std::string& task, Text epoch, Text outcome, Text payload, Text external_id, Text at);
  Result<std::string> release(const std::string& task, Text epoch, Text not_before, Text reason);
  Result<std::string> pause(const std::string& queue, const std::string& reason, Text who);
  Result<std::string> resume(const std::string& queue, Text who);
  /// One of the two.
  Result<std::string> redrive(Text queue, Text task, Text who);
  Result<std::string> withdraw(const std::string& task, const std::string& reason, Text who);
  Result<std::string> reassign(const std::string& task, Text worker, const std::string& reason, Text who);
  Result<std::string> why(const std::string& task, Text over);
  /// name, key, subject, format and body of the letter that a task bears; no row: none.
  Result<std::string> letter(const std::string& task, bool personal);
  /// Events that were set aside because their account was unknown or closed.
  Result<std::string> retry_events(int64_t most, Text source);

  // ---- people; postgres_people_desk.cpp ----
  /// `rows`: a JSON array as dunlin.put_workers() takes it. A row each in the answer.
  Result<std::string> put_workers(const std::string& rows, Text who);
  Result<std::string> workers();
  /// Skills and tests with their dates, absences to come, exceptions from the schedule.
  Result<std::string> worker_facts(const std::string& worker);
  /// Tasks that stand on the worker's day list, in the order of hand-out.
  Result<std::string> day_list(const std::string& worker);
  Result<std::string> absent(const std::string& worker, Text since, Text until, const std::string& reason, Text who);
  Result<std::string> back(const std::string& worker, Text who);
  /// No hours: off.
  Result<std::string> exception(const std::string& worker, const std::string& day, Text hours, const std::string& reason, Text who);
  Result<std::string> fill_day_lists();
  /// kind: worker, priority or exclude.
  Result<std::string> set_override(const std::string& entity, const std::string& key, const std::string& kind, Text value, Text until,
                                   const std::string& reason, Text queue, Text who);
  Result<std::string> overrides();
  Result<std::string> lift_override(const std::string& number, Text who);
  /// The items of a register; no day: the last one.
  Result<std::string> register_of(const std::string& queue, Text day);
  /// `rows`: a JSON array as dunlin.post_statuses() takes it.
  Result<std::string> post_statuses(const std::string& queue, const std::string& rows);
  /// Items of registers that were withdrawn since, or stand again; `everything`: also those that were acknowledged.
  Result<std::string> register_withdrawals(const std::string& queue, Text day, bool everything);
  /// `rows`: a JSON array as dunlin.acknowledge_withdrawals() takes it.
  Result<std::string> acknowledge_withdrawals(const std::string& queue, const std::string& rows, Text who);

 private:
  QueueDesk();
  /// `select` over the function; $1 … are the arguments, nullopt is null.
  Result<std::string> ask(const char* doing, const std::string& from, const std::vector<Text>& arguments);

  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::store
