// Binary COPY in and out, and array calls: what goes in comes out.
#include <limits>

#include "runtime/store/bulk.h"
#include "tests/differential/random.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

using enum ColumnType;
const std::vector<ColumnType> all_types = {boolean, int16, int32, int64, float8, text, bytea, jsonb, uuid, date, time, timestamp, numeric};
constexpr auto definition =
    "create table everything (a bool, b int2, c int4, d int8, e float8, f text, g bytea, h jsonb, i uuid, j date, k time, l timestamptz, m numeric)";

Columns rows_of_everything() {
  Columns columns = columns_of(all_types);
  constexpr int64_t most = std::numeric_limits<int64_t>::max(), least = std::numeric_limits<int64_t>::min();
  const std::vector<std::vector<int64_t>> numbers = {{1, 0, 1},
                                                     {-32768, 32767, 0},
                                                     {-2147483648LL, 2147483647, 7},
                                                     {least, most, 0},
                                                     {abi::as_slot(-0.5), abi::as_slot(1e308), 0},
                                                     {},
                                                     {},
                                                     {},
                                                     {},
                                                     {-719'000, 20'000, 0},
                                                     {0, 86'399, 43'200},
                                                     {least, most, 1'767'225'600'123'456},
                                                     {-1, most, 10'000'000'000}};
  const std::vector<std::vector<std::string>> bytes = {{"", "плата", "a\tb"},
                                                       {std::string("\0\1\xff", 3), "", "x"},
                                                       {"{}", "[1, 2]", "\"x\""},
                                                       {std::string(16, '\x11'), std::string(16, '\0'), std::string(16, '\xff')}};
  for (size_t c = 0; c < columns.size(); ++c) {
    for (size_t r = 0; r < 3; ++r) columns[c].in_bytes() ? columns[c].add(std::string_view(bytes[c - 5 < 4 ? c - 5 : 0][r])) : columns[c].add(numbers[c][r]);
    columns[c].add_missing();
  }
  return columns;
}

void check_everything(BulkConnection& connection, const Columns& expected) {
  Columns found;
  auto out = good(CopyOut::start(connection, "everything", all_types));
  REQUIRE(good(out->next(found, 100)) == 4);
  for (size_t c = 0; c < expected.size(); ++c) {
    for (size_t r = 0; r < 4; ++r) {
      INFO("column " << c << ", row " << r);
      CHECK(found[c].is_missing(r) == expected[c].is_missing(r));
      if (expected[c].is_missing(r)) continue;
      if (expected[c].in_bytes()) {
        CHECK(found[c].view(r) == expected[c].view(r));
      } else {
        CHECK(found[c].numbers[r] == expected[c].numbers[r]);
      }
    }
  }
  CHECK(good(out->next(found, 100)) == 0);
}

}  // namespace

TEST_CASE("binary COPY brings every type back", "[bulk]") {
  const auto place = make_place("postgres");
  if (!place) return;
  const auto connection = good(BulkConnection::open(place->url()));
  good(connection->run(definition));
  const Columns columns = rows_of_everything();
  auto in = good(CopyIn::start(*connection, "everything"));
  good(in->put(columns));
  CHECK(good(in->finish()) == 4);
  check_everything(*connection, columns);
  CHECK(good(connection->value("select m from everything where a order by m limit 1")) == "-0.000001");
}

TEST_CASE("columns of fixed width come back whether values are missing or not", "[bulk]") {
  const auto place = make_place("postgres");
  if (!place) return;
  const auto connection = good(BulkConnection::open(place->url()));
  const std::vector<ColumnType> types = {boolean, int16, int32, int64, float8, date, time, timestamp};
  differential::Random random(20'261'122);
  for (const int missing_percent : {0, 1, 60}) {
    good(connection->run("drop table if exists fixed; create table fixed (n serial, a bool, b int2, c int4, d int8, e float8, f date, g time, h timestamptz)"));
    auto in = good(CopyIn::start(*connection, "fixed (a, b, c, d, e, f, g, h)"));
    Columns all = columns_of(types);
    constexpr size_t rows = 9'000;  // more than one piece of the stream
    Columns part = columns_of(types);
    for (size_t row = 0; row < rows; ++row) {
      const std::vector<int64_t> values = {random.below(2),
                                           random.between(-32768, 32767),
                                           random.between(INT32_MIN, INT32_MAX),
                                           static_cast<int64_t>(random.next()),
                                           abi::as_slot(static_cast<double>(random.below(1000)) / 7),
                                           random.between(-719'000, 100'000),
                                           random.below(86'400),
                                           random.between(0, 1'767'225'600'123'456)};
      for (size_t c = 0; c < types.size(); ++c) {
        const bool missing = random.chance(missing_percent);
        for (Columns* columns : {&all, &part}) missing ? (*columns)[c].add_missing() : (*columns)[c].add(values[c]);
      }
      if (!random.chance(1) && row + 1 < rows) continue;
      good(in->put(part));
      for (Column& column : part) column.clear();
    }
    REQUIRE(good(in->finish()) == static_cast<int64_t>(rows));
    auto out = good(CopyOut::start(*connection, "(select a, b, c, d, e, f, g, h from fixed order by n)", types));
    Columns found;
    size_t before = 0, different = 0;
    while (const size_t taken = good(out->next(found, static_cast<size_t>(random.between(1, 700))))) {
      for (size_t c = 0; c < types.size(); ++c)
        for (size_t r = 0; r < taken; ++r) {
          const bool missing = all[c].is_missing(before + r);
          different += found[c].is_missing(r) != missing || (!missing && found[c].numbers[r] != all[c].numbers[before + r]);
        }
      before += taken;
    }
    CHECK(before == rows);
    CHECK(different == 0);
  }
}

TEST_CASE("columns of other types than asked for are refused", "[bulk]") {
  const auto place = make_place("postgres");
  if (!place) return;
  const auto connection = good(BulkConnection::open(place->url()));
  auto out = good(CopyOut::start(*connection, "(select 1::int4, 2::int8)", {int64, int32}));
  Columns found;
  const auto rows = out->next(found, 10);
  REQUIRE_FALSE(rows);
  CHECK(rows.error().message.find("other types") != std::string::npos);
}

TEST_CASE("an array call brings every type in", "[bulk]") {
  const auto place = make_place("postgres");
  if (!place) return;
  const auto connection = good(BulkConnection::open(place->url()));
  good(connection->run(definition));
  const Columns columns = rows_of_everything();
  CHECK(good(connection->call("insert into everything select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", columns)) == 4);
  check_everything(*connection, columns);
}

TEST_CASE("rows come in pieces, and a copy that is given up leaves nothing and breaks nothing", "[bulk]") {
  const auto place = make_place("postgres");
  if (!place) return;
  const auto connection = good(BulkConnection::open(place->url()));
  good(connection->run("create table numbers (n int8 primary key)"));
  Columns columns = columns_of({int64});
  for (int64_t n = 0; n < 100'000; ++n) columns[0].add(n);
  {
    auto in = good(CopyIn::start(*connection, "numbers"));
    good(in->put(columns));
  }
  CHECK(good(connection->value("select count(*) from numbers")) == "0");
  auto in = good(CopyIn::start(*connection, "numbers (n)"));
  good(in->put(columns));
  CHECK(good(in->finish()) == 100'000);
  int64_t sum = 0;
  {
    auto out = good(CopyOut::start(*connection, "(select n from numbers order by n)", {int64}));
    Columns piece;
    while (good(out->next(piece, 999)) > 0) {
      for (const int64_t n : piece[0].numbers) sum += n;
    }
  }
  CHECK(sum == 4'999'950'000);
  {
    auto left = good(CopyOut::start(*connection, "numbers", {int64}));
    Columns piece;
    good(left->next(piece, 10));
  }
  CHECK(good(connection->value("select 1")) == "1");
  auto again = good(CopyIn::start(*connection, "numbers"));
  good(again->put(columns));
  const auto refused = again->finish();
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::conflict);
}

}  // namespace dunlin::store::test
