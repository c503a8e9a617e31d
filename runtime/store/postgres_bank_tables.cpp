// Tables and views of the bank that entities are mapped on: their columns, and their rows as text. Nothing here writes.
#include <fmt/format.h>

#include "runtime/store/bank_rows.h"
#include "runtime/store/bulk_binary.h"
#include "runtime/store/layout.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

std::string quote_table(const std::string& table) {
  const size_t dot = table.find('.');
  return dot == std::string::npos ? quote_name(table) : quote_name(table.substr(0, dot)) + "." + quote_name(table.substr(dot + 1));
}

namespace {

/// What is left of a COPY that nobody wants would be read to its end first.
void give_up(BulkConnection& connection) {
  PGcancel* cancel = PQgetCancel(connection.inner().connection);
  if (cancel == nullptr) return;
  char why[256];
  PQcancel(cancel, why, sizeof why);
  PQfreeCancel(cancel);
}

}  // namespace

StoreError no_bank_table(const std::string& table) {
  return {StoreError::Kind::input, fmt::format("the database has no table or view `{}`; its name is written as \"schema.table\"", table)};
}

Result<std::vector<std::string>> PostgresStore::bank_columns(const std::string& table) {
  std::vector<std::string> columns;
  bool there = false, readable = false;
  auto read = small("look at the table " + table, [&](SmallWork& work) {
    const std::string relation = quote_text(quote_table(table));
    const auto found = work.exec(
        fmt::format("select c.oid, coalesce(has_table_privilege(c.oid, 'select') and has_schema_privilege(c.relnamespace, 'usage'), false) from pg_class c "
                    "where c.oid = to_regclass({}) and c.relkind in ('r', 'v', 'm', 'f', 'p')",
                    relation));
    there = !found.empty();
    if (!there) return;
    readable = found[0][1].as<bool>();
    for (const auto& row : work.exec(
             fmt::format("select attname from pg_attribute where attrelid = {} and attnum > 0 and not attisdropped order by attnum", found[0][0].c_str()))) {
      columns.push_back(row[0].as<std::string>());
    }
  });
  if (!read) return std::unexpected(read.error());
  if (!there) return std::unexpected(no_bank_table(table));
  if (!readable)
    return failed(StoreError::Kind::input,
                  fmt::format("the role of this connection may not read `{}`; `grant usage on schema` and `grant select on` it", table));
  return columns;
}

Result<void> read_bank_rows(BulkConnection& connection, const std::string& table, const std::vector<std::string>& columns, const std::string& condition,
                            size_t batch, const std::function<Result<void>(std::vector<Store::BankRow>&)>& take) {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + quote_name(column) + "::text";
  const std::string where = condition.empty() ? "" : " where " + condition;
  auto rows = CopyOut::start(connection, fmt::format("(select {} from {}{})", list, quote_table(table), where),
                             std::vector<ColumnType>(columns.size(), ColumnType::text));
  if (!rows) return std::unexpected(rows.error());
  Columns values;
  std::vector<Store::BankRow> taken;
  for (;;) {
    auto count = (*rows)->next(values, batch);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return {};
    taken.assign(*count, Store::BankRow(columns.size()));
    for (size_t column = 0; column < columns.size(); ++column) {
      for (size_t row = 0; row < *count; ++row) {
        if (!values[column].is_missing(row)) taken[row][column] = std::string(values[column].view(row));
      }
    }
    if (auto done = take(taken); !done) {
      give_up(connection);
      return done;
    }
  }
}

}  // namespace dunlin::store
