// The binary formats of PostgreSQL, as far as we use them: COPY streams and arrays. Big-endian; times count from 2000-01-01.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/store/bulk.h"
#include "runtime/store/patience.h"

namespace dunlin::store {

struct BulkConnection::Inner {
  PGconn* connection = nullptr;
  std::string url;
  std::map<std::string, std::string> prepared;  // SQL -> name of the statement
  std::chrono::milliseconds patience{0};        // longest wait for an answer; 0: no end
  Instant began = 0;                            // the database's clock when the transaction began, where the `begin` asked for it
  Patience wait() const { return {connection == nullptr ? -1 : PQsocket(connection), patience}; }
  StoreError error(const PGresult* result, std::string_view doing) const;
  mutable bool row_was_locked = false;  // the last error: somebody kept a row longer than this session's lock_timeout
};

// ---- writing ----
template <class Whole>
void put_whole(std::string& out, Whole value) {
  char bytes[sizeof(Whole)];
  for (size_t i = 0; i < sizeof(Whole); ++i) bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * (sizeof(Whole) - 1 - i)));
  out.append(bytes, sizeof bytes);
}
/// Length and value of one field, or -1 for a missing one.
void put_field(std::string& out, const Column& column, size_t row);
void put_numeric(std::string& out, int64_t value, int scale);

// ---- reading ----
struct FieldBytes {
  const char* data = nullptr;
  int32_t size = -1;
  bool missing() const { return size < 0; }
  std::string_view view() const { return {data, static_cast<size_t>(size)}; }
};
template <class Whole>
Whole get_whole(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Whole); ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<Whole>(value);
}
/// A field's value as a column keeps it (not for types kept as bytes).
int64_t get_number(FieldBytes field, ColumnType type, int scale);

/// Instants: ours count from 1970, theirs from 2000; never is infinity.
int64_t to_server_time(int64_t instant);
int64_t from_server_time(int64_t time);

/// Bytes of a value in the stream where every value of the type takes the same room; 0 where that varies.
size_t fixed_width(ColumnType type);
/// Bytes of a row of such columns without a missing value, its head and the lengths included; 0 if a column's width varies.
size_t fixed_row_bytes(const Columns& columns);
/// Writes rows `from` … `from + rows - 1` of columns of fixed width without missing values; `out` has room for rows * fixed_row_bytes().
void put_fixed_rows(char* out, const Columns& columns, size_t from, size_t rows);
/// Adds `rows` rows that lie one behind the other, each without its head (fixed_row_bytes() - 2). False, and nothing added, if a length is not the
/// type's: then a value is missing.
bool get_fixed_rows(const char* in, size_t rows, Columns& columns);

uint32_t array_type(ColumnType type);
uint32_t element_type(ColumnType type);

/// Rows of a binary COPY, one at a time, field after field. The bytes of a row are good until the next one.
class CopyRows {
 public:
  explicit CopyRows(BulkConnection& connection) : connection_(connection) {}
  ~CopyRows();
  CopyRows(const CopyRows&) = delete;
  CopyRows& operator=(const CopyRows&) = delete;

  /// `query`: a SELECT without the COPY around it.
  Result<void> start(const std::string& query);
  /// True if there is a row; false at the end or after an error: ask error().
  bool next();
  FieldBytes field() {
    FieldBytes found;
    found.size = get_whole<int32_t>(at_);
    at_ += 4;
    found.data = at_;
    if (found.size > 0) at_ += found.size;
    return found;
  }
  int64_t int64() { return get_whole<int64_t>(field().data); }
  int32_t int32() { return get_whole<int32_t>(field().data); }
  int16_t int16() { return get_whole<int16_t>(field().data); }
  bool boolean() { return *field().data != 0; }
  /// What is left of the row: its fields, or those not yet taken.
  std::string_view rest() const { return {at_, static_cast<size_t>(row_ + size_ - at_)}; }
  Instant instant() { return from_server_time(int64()); }
  int64_t bytes() const { return bytes_; }
  /// What went wrong, if next() ended early.
  Result<void> finish();

 private:
  bool take_row();
  BulkConnection& connection_;
  char* row_ = nullptr;
  const char* at_ = nullptr;
  int32_t size_ = 0;
  bool running_ = false, header_seen_ = false;
  std::unique_ptr<Patience> waiting_;  // the statement as a whole has the server's time-out
  int64_t bytes_ = 0;
  std::optional<StoreError> error_;
};

}  // namespace dunlin::store
