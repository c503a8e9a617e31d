// Moving many rows: binary COPY in and out, in columns, with no SQL a row. Used by the PostgreSQL store and by the benchmark, which needs the
// same road without an engine on it. Nothing of libpq shows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/store.h"

namespace dunlin::store {

/// How a value lies in a binary COPY stream. `timestamp` is timestamptz; in columns it is microseconds since 1970 (never = infinity).
enum class ColumnType : uint8_t { boolean, int16, int32, int64, float8, text, bytea, jsonb, uuid, date, time, timestamp, numeric };

/// Values of one column for a run of rows. Whole numbers of every width are kept as int64; float8 as its bit pattern; text, bytea, jsonb and
/// uuid as bytes one after the other, value i being bytes[ends[i-1] .. ends[i]). numeric: in units of 10^-scale. time: seconds since midnight.
/// date: days since 1970-01-01.
struct Column {
  ColumnType type = ColumnType::int64;
  int scale = 6;
  std::vector<int64_t> numbers;
  std::string bytes;
  std::vector<uint32_t> ends;
  std::vector<uint8_t> missing;  // empty: nothing is missing

  bool in_bytes() const { return type == ColumnType::text || type == ColumnType::bytea || type == ColumnType::jsonb || type == ColumnType::uuid; }
  size_t size() const { return in_bytes() ? ends.size() : numbers.size(); }
  void add(int64_t number) {
    numbers.push_back(number);
    if (!missing.empty()) missing.push_back(0);
  }
  void add(std::string_view value) {
    bytes.append(value);
    ends.push_back(static_cast<uint32_t>(bytes.size()));
    if (!missing.empty()) missing.push_back(0);
  }
  void add_missing();
  bool is_missing(size_t row) const { return !missing.empty() && missing[row] != 0; }
  std::string_view view(size_t row) const {
    const uint32_t from = row == 0 ? 0 : ends[row - 1];
    return std::string_view(bytes).substr(from, ends[row] - from);
  }
  void clear();
};
using Columns = std::vector<Column>;
Columns columns_of(const std::vector<ColumnType>& types);

/// One connection for bulk work. Not thread safe: a reader and a writer that overlap need one each.
class BulkConnection {
 public:
  /// `url`: as libpq takes it, e.g. EmbeddedServer::connection().
  static Result<std::unique_ptr<BulkConnection>> open(const std::string& url);
  ~BulkConnection();
  BulkConnection(const BulkConnection&) = delete;
  BulkConnection& operator=(const BulkConnection&) = delete;

  /// One or several statements; returns the rows touched by the last.
  Result<int64_t> run(const std::string& sql);
  /// First column of the first row (of the last of several statements) as text; nullopt if there is none or it is null.
  Result<std::optional<std::string>> value(const std::string& sql);
  /// A statement whose parameters $1, $2 … are arrays, one for each column, for `from unnest($1, $2 …)`. Planned once for each text.
  Result<int64_t> call(const std::string& sql, const Columns& parameters);

  struct Inner;
  Inner& inner() { return *inner_; }

 private:
  BulkConnection();
  std::unique_ptr<Inner> inner_;
};

/// `copy (select …) to stdout (format binary)`, taken in runs of rows.
class CopyOut {
 public:
  /// `source`: a table name or a query in parentheses. The connection is busy until the last row is taken or the CopyOut goes.
  static Result<std::unique_ptr<CopyOut>> start(BulkConnection& connection, const std::string& source, std::vector<ColumnType> types);
  ~CopyOut();
  /// Clears `columns` and fills them with up to `rows_max` rows. Returns their number; 0 at the end.
  Result<size_t> next(Columns& columns, size_t rows_max);
  /// Takes rows without looking at them (for floors). Returns the number of rows left; adds up bytes().
  Result<size_t> drain();
  int64_t bytes() const;

 private:
  struct Inner;
  CopyOut(std::unique_ptr<Inner> inner, std::vector<ColumnType> types);
  std::unique_ptr<Inner> inner_;
  std::vector<ColumnType> types_;
};

/// `copy table (columns) from stdin (format binary)`.
class CopyIn {
 public:
  /// `target`: "dunlin.task (bucket, id)".
  static Result<std::unique_ptr<CopyIn>> start(BulkConnection& connection, const std::string& target);
  /// Gives up the copy if finish() was not called.
  ~CopyIn();
  Result<void> put(const Columns& columns);
  /// Returns the rows taken.
  Result<int64_t> finish();
  int64_t bytes() const { return bytes_; }

 private:
  explicit CopyIn(BulkConnection& connection);
  Result<void> send();
  BulkConnection& connection_;
  std::string buffer_;
  bool done_ = false;
  int64_t bytes_ = 0;
};

}  // namespace dunlin::store
