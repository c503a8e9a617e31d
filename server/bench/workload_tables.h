// The workload's two tables in PostgreSQL, and its rows on their way in and out of them.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/store/bulk.h"
#include "tests/bench/reference_night.h"

namespace dunlin::bench {

/// bench.account holds the portfolio, bench.task one row for each account with something to do, by account.
store::Result<void> make_workload_tables(store::BulkConnection& connection);
store::Result<void> fill_accounts(store::BulkConnection& connection, int64_t accounts);

std::vector<store::ColumnType> account_types();
std::vector<store::ColumnType> task_types();

/// Rows as they came from bench.account.
Columns from_database(const store::Columns& rows);
/// The tasks that were decided on, as rows of bench.task.
void add_tasks(const Columns& accounts, const DecisionColumns& decisions, store::Columns& rows);

/// sum and count of bench.task as the workload's checks have them.
store::Result<Checks> check_tasks(store::BulkConnection& connection);

/// `insert into bench.task select …`: the workload's logic as one SQL statement.
const char* night_in_sql();

}  // namespace dunlin::bench
