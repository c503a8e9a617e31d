// Entities over tables of the bank: their rows are pulled into the engine's own tables, where only those that differ wake a case file.
// Of a table with a change column only those that have changed are read. The bank's tables are never written. docs/guides/bank-tables.md says which column is
// what.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/store/bank_readings.h"
#include "runtime/store/store.h"
#include "server/import/row_source.h"
#include "server/import/value_reader.h"

namespace dunlin::import {

struct PulledTable {
  std::string entity, table;
  int64_t rows_read = 0, rows_rejected = 0;
  std::string since;           // only rows that changed at or after this were read; empty: the whole table
  int64_t without_change = 0;  // of them with an empty change column
  store::ImportCounts counts;
  std::vector<Rejection> first_rejections;  // at most 20; `column` may be empty, `body` is the row as JSON
};

struct PullOptions {
  store::Instant as_of = 0;
  std::function<bool()> stopped;  // true: no further batch is taken, and the pull ends with an error; may be empty
  bool whole = false;             // tables with a change column, too
  size_t batch_rows = 5000;
  std::function<void(int64_t rows)> progress;  // may be empty
};

bool has_bank_tables(const checked::Program& program);

/// Pulls every entity that is `from table`, parents before children, in batches of one transaction each. Rows that do not fit are set aside with the
/// reason. An error names the table and, where columns are missing, all of them; what was committed before stays, and is read again the next time.
/// `readings` of the same database, held.
store::Result<std::vector<PulledTable>> pull_bank_tables(store::Store& store, store::BankReadings& readings, const checked::Program& program, const Zone& zone,
                                                         const PullOptions& options);
/// The same, with readings opened and held for it: one pull at a time.
store::Result<std::vector<PulledTable>> pull_bank_tables(store::Store& store, const store::PostgresOptions& database, const checked::Program& program,
                                                         const Zone& zone, const PullOptions& options);

}  // namespace dunlin::import
