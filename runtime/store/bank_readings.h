// How far the tables of the bank were read: the mark of a change column, whose turn it is to read, and what went wrong the last time (dunlin.bank_table).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/store/postgres_store.h"

namespace dunlin::store {

/// What is read of the bank for one entity.
struct BankSource {
  std::string entity, table;
  std::string change_column;         // empty: none, the table is read whole
  std::string key_column;            // whose values `retry` holds
  std::string zone;                  // of a `timestamp` without one
  std::string declaration;           // what is made of the rows: where it differs from the last time, the table is read whole
  std::vector<std::string> columns;  // that are wanted
};

/// What a reading found before its rows come.
struct BankReading {
  std::string since;           // changed at or after this, in the words of the column; empty: the whole table is read
  int64_t without_change = 0;  // rows whose change column is empty: they come each time
};

struct BankTableState {
  std::string entity, source;
  std::string read_at;  // ISO, UTC; empty: never
  std::string failure;  // of the last try; empty: it went well
};

class BankReadings {
 public:
  static Result<std::unique_ptr<BankReadings>> open(const PostgresOptions& options);
  ~BankReadings();
  BankReadings(const BankReadings&) = delete;
  BankReadings& operator=(const BankReadings&) = delete;

  /// An error if a newer program has brought the schema forward: it is not this one's to write to.
  Result<void> refuse_newer_schema();
  /// One reads at a time, over all processes: waits until it is this one's turn. Held until the object goes.
  Result<void> hold();
  /// The same without waiting, and only if no reading of any table began in the last `seconds`, failed or not. False: somebody else's turn, or too early.
  Result<bool> hold_if_due(int seconds);

  /// Reads what has changed since the last reading that was kept, or all (`whole`), out of one snapshot. `take` gets at most `batch` rows at
  /// a time, may use a store, and stops by an error. An input error says what is wrong with the change column.
  Result<BankReading> read(const BankSource& source, bool whole, size_t batch, const std::function<Result<void>(std::vector<Store::BankRow>&)>& take);
  /// What read() gave is in the engine's tables: the next reading goes on from there. `retry`: keys of rows that did not fit, to be read again. So many that
  /// they are not worth a list make the next reading a whole one.
  Result<void> keep(const BankSource& source, const std::vector<std::string>& retry);
  /// Of these keys, those whose row could not be taken: something of it is set aside, and the engine has it nowhere, or elsewhere.
  Result<std::vector<std::string>> set_aside_of(const std::string& entity, const std::vector<std::string>& keys);
  /// Of these rows, those that the quarantine does not have in the same words, each once. What somebody let be stays so.
  Result<std::vector<SetAside>> not_kept(std::vector<SetAside> rows);
  Result<void> failed(const std::string& entity, const std::string& table, const std::string& reason);
  /// Forgets what was said of other entities: they are mapped no more.
  Result<void> keep_only(const std::vector<std::string>& entities);
  Result<std::vector<BankTableState>> state();

 private:
  struct Inner;
  explicit BankReadings(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

}  // namespace dunlin::store
