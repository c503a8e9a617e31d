// Rows of a table of the bank as text, over a connection that is there. Only for the files of the PostgreSQL store that read them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/store/bulk.h"

namespace dunlin::store {

/// How values are written out, whatever the server or the role has set.
constexpr const char* bank_reading_settings = "set datestyle = 'ISO'; set intervalstyle = 'iso_8601'; set timezone = 'UTC'";

/// `crm.accounts` is a schema and a table; without a schema the search path of the role decides.
std::string quote_table(const std::string& table);
StoreError no_bank_table(const std::string& table);
/// `condition`: which rows, in SQL; empty: all. `take` gets at most `batch` rows at a time, may use the store, and stops by an error.
Result<void> read_bank_rows(BulkConnection& connection, const std::string& table, const std::vector<std::string>& columns, const std::string& condition,
                            size_t batch, const std::function<Result<void>(std::vector<Store::BankRow>&)>& take);

}  // namespace dunlin::store
