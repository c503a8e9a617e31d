// Rows that other programs write into the tables inflow.ENTITY: which of them wait to be taken in (dunlin.inflow_waiting), and how they read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/postgres_store.h"

namespace dunlin::store {

/// A row that was written since it was taken in last; one row may have several.
struct InflowMark {
  int64_t seq = 0;
  std::string entity, key;
};

class Inflow {
 public:
  static Result<std::unique_ptr<Inflow>> open(const PostgresOptions& options);
  ~Inflow();
  Inflow(const Inflow&) = delete;
  Inflow& operator=(const Inflow&) = delete;

  /// Whether something new of these entities waits, or something that did not fit a minute ago.
  Result<bool> waits(const std::vector<std::string>& entities);
  /// One takes in at a time, over all processes, or an older row could be put behind a newer one. Held until the object goes or let_go().
  Result<void> hold();
  Result<bool> try_hold();
  Result<void> let_go();

  /// Marks of these entities in the order in which they were made, at most so many. `tried`: also those that did not fit the last time, however lately.
  Result<std::vector<InflowMark>> waiting(const std::vector<std::string>& entities, bool tried, size_t most);
  /// The rows of these keys as they are now, as text. `take` as for read_bank_rows(). A row that was deleted since does not come.
  Result<void> read(const std::string& table, const std::vector<std::string>& columns, const std::string& key_column, const std::vector<std::string>& keys,
                    const std::function<Result<void>(std::vector<Store::BankRow>&)>& take);
  /// These marks are dealt with, and no others. `not_taken`: keys of rows among them that stay to be looked at again.
  Result<void> done(const std::string& entity, const std::vector<InflowMark>& marks, const std::vector<std::string>& not_taken);

 private:
  struct Inner;
  explicit Inflow(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

/// Column of these tables in which a row may say as of when it is.
constexpr const char* inflow_as_of = "dunlin_as_of";

/// The table of an entity: "inflow.account".
std::string inflow_table(const std::string& entity);

}  // namespace dunlin::store
