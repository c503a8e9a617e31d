#include "runtime/store/bulk.h"

#include <algorithm>

#include "runtime/store/bulk_binary.h"
#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

namespace {

constexpr size_t piece_bytes = 256 << 10;
constexpr char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";  // and the literal's own zero

int64_t rows_of(const PGresult* result) {
  const char* rows = PQcmdTuples(const_cast<PGresult*>(result));
  return rows == nullptr || *rows == 0 ? 0 : std::atoll(rows);
}

std::string encode_array(const Column& column) {
  std::string out;
  const size_t rows = column.size();
  out.reserve(20 + rows * 12 + column.bytes.size());
  const bool any_missing = std::ranges::any_of(column.missing, [](uint8_t m) { return m != 0; });
  put_whole<int32_t>(out, rows == 0 ? 0 : 1);
  put_whole<int32_t>(out, any_missing ? 1 : 0);
  put_whole<uint32_t>(out, element_type(column.type));
  if (rows == 0) return out;
  put_whole<int32_t>(out, static_cast<int32_t>(rows));
  put_whole<int32_t>(out, 1);
  for (size_t row = 0; row < rows; ++row) put_field(out, column, row);
  return out;
}

}  // namespace

void Column::add_missing() {
  missing.resize(size(), 0);
  missing.push_back(1);
  if (in_bytes()) {
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  } else {
    numbers.push_back(0);
  }
}

void Column::clear() {
  numbers.clear();
  bytes.clear();
  ends.clear();
  missing.clear();
}

Columns columns_of(const std::vector<ColumnType>& types) {
  Columns columns(types.size());
  for (size_t i = 0; i < types.size(); ++i) columns[i].type = types[i];
  return columns;
}

BulkConnection::BulkConnection() : inner_(std::make_unique<Inner>()) {}
BulkConnection::~BulkConnection() {
  if (inner_->connection != nullptr) PQfinish(inner_->connection);
}

Result<std::unique_ptr<BulkConnection>> BulkConnection::open(const std::string& url) {
  auto made = std::unique_ptr<BulkConnection>(new BulkConnection());
  made->inner_->url = url;
  made->inner_->connection = PQconnectdb(with_patience(url).c_str());
  if (PQstatus(made->inner_->connection) != CONNECTION_OK) return std::unexpected(made->inner_->error(nullptr, "connect to the database"));
  PQsetNoticeProcessor(
      made->inner_->connection, [](void*, const char*) {}, nullptr);
  made->inner_->patience = answer_patience(std::chrono::seconds(usual_statement_seconds));
  auto set = made->value(session_sql());
  if (!set) return std::unexpected(set.error());
  made->inner_->patience = answer_patience(std::chrono::milliseconds(std::atoll(set->value_or("0").c_str())));
  return made;
}

Result<int64_t> BulkConnection::run(const std::string& sql) {
  const Patience waiting = inner_->wait();
  PGresult* result = PQexec(inner_->connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    auto error = inner_->error(result, "change the database");
    PQclear(result);
    return std::unexpected(std::move(error));
  }
  const int64_t rows = rows_of(result);
  PQclear(result);
  return rows;
}

Result<std::optional<std::string>> BulkConnection::value(const std::string& sql) {
  const Patience waiting = inner_->wait();
  PGresult* result = PQexec(inner_->connection, sql.c_str());
  if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
    auto error = inner_->error(result, "read from the database");
    PQclear(result);
    return std::unexpected(std::move(error));
  }
  std::optional<std::string> found;
  if (PQntuples(result) > 0 && PQgetisnull(result, 0, 0) == 0) found = PQgetvalue(result, 0, 0);
  PQclear(result);
  return found;
}

Result<int64_t> BulkConnection::call(const std::string& sql, const Columns& parameters) {
  const Patience waiting = inner_->wait();
  auto [known, fresh] = inner_->prepared.try_emplace(sql, "dunlin_" + std::to_string(inner_->prepared.size()));
  if (fresh) {
    std::vector<Oid> types;
    for (const Column& column : parameters) types.push_back(array_type(column.type));
    PGresult* result = PQprepare(inner_->connection, known->second.c_str(), sql.c_str(), static_cast<int>(types.size()), types.data());
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
      auto error = inner_->error(result, "change the database");
      PQclear(result);
      inner_->prepared.erase(known);
      return std::unexpected(std::move(error));
    }
    PQclear(result);
  }
  std::vector<std::string> encoded;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Column& column : parameters) encoded.push_back(encode_array(column));
  for (const std::string& bytes : encoded) {
    values.push_back(bytes.data());
    lengths.push_back(static_cast<int>(bytes.size()));
    formats.push_back(1);
  }
  PGresult* result =
      PQexecPrepared(inner_->connection, known->second.c_str(), static_cast<int>(values.size()), values.data(), lengths.data(), formats.data(), 1);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    auto error = inner_->error(result, "change the database");
    PQclear(result);
    return std::unexpected(std::move(error));
  }
  const int64_t rows = status == PGRES_TUPLES_OK ? PQntuples(result) : rows_of(result);
  PQclear(result);
  return rows;
}

// ---- COPY out ----

struct CopyOut::Inner {
  explicit Inner(BulkConnection& connection) : rows(connection) {}
  CopyRows rows;
};

CopyOut::CopyOut(std::unique_ptr<Inner> inner, std::vector<ColumnType> types) : inner_(std::move(inner)), types_(std::move(types)) {}
CopyOut::~CopyOut() = default;
int64_t CopyOut::bytes() const { return inner_->rows.bytes(); }

Result<std::unique_ptr<CopyOut>> CopyOut::start(BulkConnection& connection, const std::string& source, std::vector<ColumnType> types) {
  auto inner = std::make_unique<Inner>(connection);
  const bool query = source.starts_with("(") && source.ends_with(")");
  auto started = inner->rows.start(query ? source.substr(1, source.size() - 2) : "select * from " + source);
  if (!started) return std::unexpected(started.error());
  return std::unique_ptr<CopyOut>(new CopyOut(std::move(inner), std::move(types)));
}

namespace {

constexpr size_t block_rows = 256;

void add_row(CopyRows& rows, Columns& columns) {
  for (Column& column : columns) {
    const FieldBytes field = rows.field();
    if (field.missing()) {
      column.add_missing();
    } else if (column.in_bytes()) {
      column.add(column.type == ColumnType::jsonb ? field.view().substr(1) : field.view());
    } else {
      column.add(get_number(field, column.type, column.scale));
    }
  }
}

/// Rows whose columns all have a fixed width are gathered and taken apart column by column, which is several times faster than field by field. A
/// missing value makes a row shorter: it ends the block and is read by itself.
class FixedRows {
 public:
  explicit FixedRows(Columns& columns) : columns_(columns), bytes_(fixed_row_bytes(columns)) {
    if (bytes_ > 2) block_.reserve((bytes_ - 2) * block_rows);
  }
  void add(CopyRows& rows) {
    const auto fields = rows.rest();
    if (bytes_ <= 2 || fields.size() != bytes_ - 2) {
      flush();
      return add_row(rows, columns_);
    }
    block_.append(fields);
    if (++rows_ == block_rows) flush();
  }
  void flush() {
    if (rows_ > 0 && !get_fixed_rows(block_.data(), rows_, columns_)) other_types_ = true;
    block_.clear();
    rows_ = 0;
  }
  /// A row was as long as rows of these types are, but made of others: the query does not give what was asked for.
  bool other_types() const { return other_types_; }

 private:
  Columns& columns_;
  size_t bytes_, rows_ = 0;
  bool other_types_ = false;
  std::string block_;
};

}  // namespace

Result<size_t> CopyOut::next(Columns& columns, size_t rows_max) {
  if (columns.size() != types_.size()) columns = columns_of(types_);
  constexpr size_t rows_foreseen = 16'384;
  for (Column& column : columns) {
    column.clear();
    if (!column.in_bytes()) column.numbers.reserve(std::min(rows_max, rows_foreseen));
  }
  size_t rows = 0;
  FixedRows fixed(columns);
  while (rows < rows_max && inner_->rows.next()) {
    ++rows;
    fixed.add(inner_->rows);
  }
  fixed.flush();
  if (fixed.other_types())
    return std::unexpected(StoreError{StoreError::Kind::environment, "the database's columns have other types than this program reads; run `dunlin doctor`"});
  if (rows == 0) {
    if (auto done = inner_->rows.finish(); !done) return std::unexpected(done.error());
  }
  return rows;
}

Result<size_t> CopyOut::drain() {
  size_t rows = 0;
  while (inner_->rows.next()) ++rows;
  if (auto done = inner_->rows.finish(); !done) return std::unexpected(done.error());
  return rows;
}

// ---- COPY in ----

CopyIn::CopyIn(BulkConnection& connection) : connection_(connection) { buffer_.assign(copy_header, sizeof copy_header); }

Result<std::unique_ptr<CopyIn>> CopyIn::start(BulkConnection& connection, const std::string& target) {
  const Patience waiting = connection.inner().wait();
  PGresult* result = PQexec(connection.inner().connection, ("copy " + target + " from stdin (format binary)").c_str());
  const bool good = PQresultStatus(result) == PGRES_COPY_IN;
  auto error = good ? StoreError{} : connection.inner().error(result, "write to the database");
  PQclear(result);
  if (!good) return std::unexpected(std::move(error));
  return std::unique_ptr<CopyIn>(new CopyIn(connection));
}

CopyIn::~CopyIn() {
  if (done_) return;
  PGconn* connection = connection_.inner().connection;
  const Patience waiting = connection_.inner().wait();
  PQputCopyEnd(connection, "given up");
  while (PGresult* result = PQgetResult(connection)) PQclear(result);
}

Result<void> CopyIn::send() {
  bytes_ += static_cast<int64_t>(buffer_.size());
  const Patience waiting = connection_.inner().wait();
  const int sent = PQputCopyData(connection_.inner().connection, buffer_.data(), static_cast<int>(buffer_.size()));
  buffer_.clear();
  if (sent != 1) return std::unexpected(connection_.inner().error(nullptr, "write to the database"));
  return {};
}

Result<void> CopyIn::put(const Columns& columns) {
  const size_t rows = columns.empty() ? 0 : columns[0].size();
  const size_t row_bytes = fixed_row_bytes(columns);
  const bool none_missing = std::ranges::all_of(columns, [](const Column& column) { return column.missing.empty(); });
  if (row_bytes > 2 && none_missing) {
    const size_t rows_a_piece = std::max<size_t>(1, piece_bytes / row_bytes);
    for (size_t from = 0; from < rows; from += rows_a_piece) {
      const size_t some = std::min(rows_a_piece, rows - from), before = buffer_.size();
      buffer_.resize(before + some * row_bytes);
      put_fixed_rows(buffer_.data() + before, columns, from, some);
      if (buffer_.size() < piece_bytes) continue;
      if (auto sent = send(); !sent) return sent;
    }
    return {};
  }
  for (size_t row = 0; row < rows; ++row) {
    put_whole<int16_t>(buffer_, static_cast<int16_t>(columns.size()));
    for (const Column& column : columns) put_field(buffer_, column, row);
    if (buffer_.size() < piece_bytes) continue;
    if (auto sent = send(); !sent) return sent;
  }
  return {};
}

Result<int64_t> CopyIn::finish() {
  put_whole<int16_t>(buffer_, -1);
  if (auto sent = send(); !sent) return std::unexpected(sent.error());
  done_ = true;
  PGconn* connection = connection_.inner().connection;
  const Patience waiting = connection_.inner().wait();
  if (PQputCopyEnd(connection, nullptr) != 1) return std::unexpected(connection_.inner().error(nullptr, "write to the database"));
  Result<int64_t> rows = 0;
  while (PGresult* result = PQgetResult(connection)) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
      if (rows) rows = rows_of(result);
    } else {
      rows = std::unexpected(connection_.inner().error(result, "write to the database"));
    }
    PQclear(result);
  }
  return rows;
}

}  // namespace dunlin::store
