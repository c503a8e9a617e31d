// Rows for one statement with array parameters, gathered step by step and sent at once.
#pragma once

#include <string>
#include <string_view>

#include "runtime/store/bulk.h"
#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

struct Nothing {};

class Batch {
 public:
  /// The statement takes its rows `from unnest($1, $2 …)`, one parameter a column.
  Batch(std::string sql, std::vector<ColumnType> types) : sql_(std::move(sql)), columns_(columns_of(types)) {}
  /// Rows that are only added: COPY into "table (columns)" costs half of an INSERT from arrays.
  static Batch added_to(std::string table, std::vector<ColumnType> types) {
    Batch batch(std::move(table), std::move(types));
    batch.copies_ = true;
    return batch;
  }

  template <class... Values>
  void add(Values... values) {
    size_t column = 0;
    (put(columns_[column++], values), ...);
  }
  Column& column(size_t index) { return columns_[index]; }
  int64_t rows() const { return static_cast<int64_t>(columns_[0].size()); }

  /// Sends the rows, if there are any. `every`: each of them must have touched one row, else somebody else was first.
  Result<void> send(BulkConnection& connection, bool every = true) {
    if (rows() == 0) return {};
    crash_point(Boundary::before);
    auto touched = copies_ ? copy(connection) : connection.call(sql_, columns_);
    if (!touched) return std::unexpected(touched.error());
    if (every && *touched != rows()) {
      return failed(StoreError::Kind::conflict, "these case files have changed since they were read; read them again");
    }
    return {};
  }

 private:
  static void put(Column& column, int64_t value) { column.add(value); }
  static void put(Column& column, std::string_view value) { column.add(value); }
  static void put(Column& column, Nothing) { column.add_missing(); }
  static void put(Column& column, std::optional<int64_t> value) { value ? column.add(*value) : column.add_missing(); }

  Result<int64_t> copy(BulkConnection& connection) {
    auto into = CopyIn::start(connection, sql_);
    if (!into) return std::unexpected(into.error());
    if (auto put = (*into)->put(columns_); !put) return std::unexpected(put.error());
    return (*into)->finish();
  }

  std::string sql_;
  bool copies_ = false;
  Columns columns_;
};

}  // namespace dunlin::store
