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
  /// Events that were set aside because their account was unknown or closed.
  Result<std::string> retry_events(int64_t most, Text source);

 private:
  QueueDesk();
  /// `select` over the function; $1 … are the arguments, nullopt is null.
  Result<std::string> ask(const char* doing, const std::string& from, const std::vector<Text>& arguments);

  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::store
