#include "runtime/store/bulk_binary.h"

#include <limits>

#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

namespace {

constexpr int64_t epoch_us = 946'684'800'000'000;       // 2000-01-01 in microseconds since 1970
constexpr int64_t epoch_days = 10'957;                  // and in days
constexpr int64_t first_us = -211'813'488'000'000'000;  // the server's first instant, counted from 2000

__extension__ typedef __int128 Wide;

Wide power_of_ten(int exponent) {
  Wide power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

int64_t get_numeric(FieldBytes field, int scale) {
  const auto digits = get_whole<int16_t>(field.data), weight = get_whole<int16_t>(field.data + 2);
  const auto sign = get_whole<uint16_t>(field.data + 4);
  Wide value = 0;
  for (int i = 0; i < digits; ++i) {
    const Wide digit = get_whole<int16_t>(field.data + 8 + 2 * i);
    const int exponent = 4 * (weight - i) + scale;  // of ten
    if (exponent > 24) return std::numeric_limits<int64_t>::max();
    value += exponent >= 0 ? digit * power_of_ten(exponent) : digit / power_of_ten(-exponent);
  }
  if (sign == 0x4000) value = -value;
  constexpr Wide most = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(value > most ? most : value < -most ? -most : value);
}

}  // namespace

int64_t to_server_time(int64_t instant) {
  if (instant == std::numeric_limits<int64_t>::max()) return instant;
  if (instant < first_us + epoch_us) return std::numeric_limits<int64_t>::min();
  return instant - epoch_us;
}

int64_t from_server_time(int64_t time) {
  if (time == std::numeric_limits<int64_t>::max() || time == std::numeric_limits<int64_t>::min()) return time;
  return time + epoch_us;
}

void put_numeric(std::string& out, int64_t value, int scale) {
  const int pad = (4 - scale % 4) % 4;
  const int fraction = (scale + pad) / 4;  // digits of 10,000 behind the point
  Wide rest = value < 0 ? -static_cast<Wide>(value) : static_cast<Wide>(value);
  rest *= power_of_ten(pad);
  int16_t low_first[16];
  int count = 0, zeros = 0;
  while (rest > 0) {
    const auto digit = static_cast<int16_t>(rest % 10'000);
    rest /= 10'000;
    if (count == 0 && digit == 0) {
      ++zeros;
      continue;
    }
    low_first[count++] = digit;
  }
  const int weight = count == 0 ? 0 : count + zeros - fraction - 1;
  put_whole<int32_t>(out, 8 + 2 * count);
  put_whole<int16_t>(out, static_cast<int16_t>(count));
  put_whole<int16_t>(out, static_cast<int16_t>(weight));
  put_whole<uint16_t>(out, value < 0 ? 0x4000 : 0);
  put_whole<int16_t>(out, static_cast<int16_t>(scale));
  for (int i = count; i-- > 0;) put_whole<int16_t>(out, low_first[i]);
}

void put_field(std::string& out, const Column& column, size_t row) {
  if (column.is_missing(row)) return put_whole<int32_t>(out, -1);
  if (column.in_bytes()) {
    const std::string_view value = column.view(row);
    const bool version = column.type == ColumnType::jsonb;  // jsonb travels as a version byte and text
    put_whole<int32_t>(out, static_cast<int32_t>(value.size() + (version ? 1 : 0)));
    if (version) out.push_back(1);
    out.append(value);
    return;
  }
  const int64_t number = column.numbers[row];
  const auto put = [&]<class Whole>(Whole value) {
    put_whole<int32_t>(out, sizeof(Whole));
    put_whole(out, value);
  };
  switch (column.type) {
    case ColumnType::boolean:
      return put(static_cast<int8_t>(number != 0));
    case ColumnType::int16:
      return put(static_cast<int16_t>(number));
    case ColumnType::int32:
      return put(static_cast<int32_t>(number));
    case ColumnType::date:
      return put(static_cast<int32_t>(number - epoch_days));
    case ColumnType::time:
      return put(number * 1'000'000);
    case ColumnType::timestamp:
      return put(to_server_time(number));
    case ColumnType::numeric:
      return put_numeric(out, number, column.scale);
    default:
      return put(number);
  }
}

int64_t get_number(FieldBytes field, ColumnType type, int scale) {
  switch (type) {
    case ColumnType::boolean:
      return *field.data != 0;
    case ColumnType::int16:
      return get_whole<int16_t>(field.data);
    case ColumnType::int32:
      return get_whole<int32_t>(field.data);
    case ColumnType::date:
      return get_whole<int32_t>(field.data) + epoch_days;
    case ColumnType::time:
      return get_whole<int64_t>(field.data) / 1'000'000;
    case ColumnType::timestamp:
      return from_server_time(get_whole<int64_t>(field.data));
    case ColumnType::numeric:
      return get_numeric(field, scale);
    default:
      return get_whole<int64_t>(field.data);
  }
}

size_t fixed_width(ColumnType type) {
  switch (type) {
    case ColumnType::boolean:
      return 1;
    case ColumnType::int16:
      return 2;
    case ColumnType::int32:
    case ColumnType::date:
      return 4;
    case ColumnType::int64:
    case ColumnType::float8:
    case ColumnType::time:
    case ColumnType::timestamp:
      return 8;
    default:
      return 0;
  }
}

size_t fixed_row_bytes(const Columns& columns) {
  size_t bytes = 2;
  for (const Column& column : columns) {
    const size_t width = fixed_width(column.type);
    if (width == 0) return 0;
    bytes += 4 + width;
  }
  return bytes;
}

namespace {

/// Calls `with(wire)` where wire says how the type's numbers travel: a whole number of the wire's width, and the two conversions.
template <class Wire, class Out, class In>
struct Travel {
  using Whole = Wire;
  Out out;
  In in;
};
template <class Wire, class Out, class In>
Travel(Wire, Out, In) -> Travel<Wire, Out, In>;

template <class With>
auto with_fixed(ColumnType type, With with) {
  constexpr auto same = [](int64_t number) { return number; };
  const auto as = [&]<class Whole>(Whole, auto out, auto in) { return with(Travel<Whole, decltype(out), decltype(in)>{out, in}); };
  switch (type) {
    case ColumnType::boolean:
      return as(
          int8_t{}, [](int64_t number) { return int64_t{number != 0}; }, [](int64_t number) { return int64_t{number != 0}; });
    case ColumnType::int16:
      return as(int16_t{}, same, same);
    case ColumnType::int32:
      return as(int32_t{}, same, same);
    case ColumnType::date:
      return as(
          int32_t{}, [](int64_t number) { return number - epoch_days; }, [](int64_t number) { return number + epoch_days; });
    case ColumnType::time:
      return as(
          int64_t{}, [](int64_t number) { return number * 1'000'000; }, [](int64_t number) { return number / 1'000'000; });
    case ColumnType::timestamp:
      return as(int64_t{}, to_server_time, from_server_time);
    default:
      return as(int64_t{}, same, same);
  }
}

template <class Whole>
void store_whole(char* out, Whole value) {
  for (size_t i = 0; i < sizeof(Whole); ++i) out[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * (sizeof(Whole) - 1 - i)));
}

}  // namespace

void put_fixed_rows(char* out, const Columns& columns, size_t from, size_t rows) {
  const size_t stride = fixed_row_bytes(columns);
  for (size_t row = 0; row < rows; ++row) store_whole(out + row * stride, static_cast<int16_t>(columns.size()));
  size_t offset = 2;
  for (const Column& column : columns) {
    with_fixed(column.type, [&](const auto& travel) {
      using Whole = typename std::decay_t<decltype(travel)>::Whole;
      char* at = out + offset;
      for (size_t row = from; row < from + rows; ++row, at += stride) {
        store_whole<int32_t>(at, sizeof(Whole));
        store_whole(at + 4, static_cast<Whole>(travel.out(column.numbers[row])));
      }
      offset += 4 + sizeof(Whole);
    });
  }
}

bool get_fixed_rows(const char* in, size_t rows, Columns& columns) {
  const size_t stride = fixed_row_bytes(columns) - 2;
  size_t offset = 0;
  uint32_t other = 0;
  for (const Column& column : columns) {
    const uint32_t width = static_cast<uint32_t>(fixed_width(column.type));
    for (size_t row = 0; row < rows; ++row) other |= get_whole<uint32_t>(in + row * stride + offset) ^ width;
    offset += 4 + width;
  }
  if (other != 0) return false;
  offset = 0;
  for (Column& column : columns) {
    with_fixed(column.type, [&](const auto& travel) {
      using Whole = typename std::decay_t<decltype(travel)>::Whole;
      const size_t before = column.numbers.size();
      column.numbers.resize(before + rows);
      if (!column.missing.empty()) column.missing.resize(before + rows, 0);
      const char* at = in + offset + 4;
      for (size_t row = 0; row < rows; ++row, at += stride) column.numbers[before + row] = travel.in(get_whole<Whole>(at));
      offset += 4 + sizeof(Whole);
    });
  }
  return true;
}

uint32_t element_type(ColumnType type) {
  switch (type) {
    case ColumnType::boolean:
      return 16;
    case ColumnType::int16:
      return 21;
    case ColumnType::int32:
      return 23;
    case ColumnType::int64:
      return 20;
    case ColumnType::float8:
      return 701;
    case ColumnType::text:
      return 25;
    case ColumnType::bytea:
      return 17;
    case ColumnType::jsonb:
      return 3802;
    case ColumnType::uuid:
      return 2950;
    case ColumnType::date:
      return 1082;
    case ColumnType::time:
      return 1083;
    case ColumnType::timestamp:
      return 1184;
    case ColumnType::numeric:
      return 1700;
  }
  return 0;
}

uint32_t array_type(ColumnType type) {
  switch (type) {
    case ColumnType::boolean:
      return 1000;
    case ColumnType::int16:
      return 1005;
    case ColumnType::int32:
      return 1007;
    case ColumnType::int64:
      return 1016;
    case ColumnType::float8:
      return 1022;
    case ColumnType::text:
      return 1009;
    case ColumnType::bytea:
      return 1001;
    case ColumnType::jsonb:
      return 3807;
    case ColumnType::uuid:
      return 2951;
    case ColumnType::date:
      return 1182;
    case ColumnType::time:
      return 1183;
    case ColumnType::timestamp:
      return 1185;
    case ColumnType::numeric:
      return 1231;
  }
  return 0;
}

StoreError BulkConnection::Inner::error(const PGresult* result, std::string_view doing) const {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* said = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (PQstatus(connection) == CONNECTION_BAD) state = nullptr;
  row_was_locked = state != nullptr && std::string_view(state) == "55P03";
  return explain_error(state == nullptr ? "" : state, said == nullptr ? PQerrorMessage(connection) : said, doing);
}

Result<void> CopyRows::start(const std::string& query) {
  PGconn* connection = connection_.inner().connection;
  const auto& inner = connection_.inner();
  waiting_ = std::make_unique<Patience>(PQsocket(connection), inner.patience);
  PGresult* result = PQexec(connection, ("copy (" + query + ") to stdout (format binary)").c_str());
  const bool good = PQresultStatus(result) == PGRES_COPY_OUT;
  if (!good) error_ = connection_.inner().error(result, "read from the database");
  PQclear(result);
  if (!good) {
    waiting_.reset();
    return std::unexpected(*error_);
  }
  running_ = true;
  return {};
}

CopyRows::~CopyRows() {
  while (take_row()) {
  }
}

bool CopyRows::take_row() {
  if (row_ != nullptr) PQfreemem(row_);
  row_ = nullptr;
  if (!running_) return false;
  PGconn* connection = connection_.inner().connection;
  size_ = PQgetCopyData(connection, &row_, 0);
  if (size_ > 0) {
    bytes_ += size_;
    return true;
  }
  running_ = false;
  if (size_ == -2) error_ = connection_.inner().error(nullptr, "read from the database");
  while (PGresult* result = PQgetResult(connection)) {
    if (PQresultStatus(result) != PGRES_COMMAND_OK) error_ = connection_.inner().error(result, "read from the database");
    PQclear(result);
  }
  waiting_.reset();
  return false;
}

bool CopyRows::next() {
  if (!take_row()) return false;
  at_ = row_;
  if (!header_seen_) {
    constexpr int signature = 11;
    at_ += signature + 4;
    at_ += 4 + get_whole<int32_t>(at_);
    header_seen_ = true;
    if (at_ >= row_ + size_) return next();
  }
  const auto fields = get_whole<int16_t>(at_);
  at_ += 2;
  return fields >= 0 ? true : next();  // -1: the end mark
}

Result<void> CopyRows::finish() {
  while (take_row()) {
  }
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace dunlin::store
