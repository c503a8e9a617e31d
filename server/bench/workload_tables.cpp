#include "server/bench/workload_tables.h"

namespace dunlin::bench {
namespace {

using store::ColumnType;

constexpr size_t chunk_rows = 50'000;

/// Column of the portfolio by number, in the order of bench.account; id and balance stand apart.
std::vector<std::vector<int32_t> Columns::*> narrow_columns() {
  return {&Columns::dpd,
          &Columns::risk,
          &Columns::behav,
          &Columns::mob,
          &Columns::calls7,
          &Columns::letters,
          &Columns::paid_after_letter,
          &Columns::broken,
          &Columns::promise_open,
          &Columns::promise_day,
          &Columns::rpc_days,
          &Columns::region,
          &Columns::secured,
          &Columns::legal,
          &Columns::last_pay_days,
          &Columns::tz_off,
          &Columns::stage};
}

constexpr const char* tables = R"(
drop schema if exists bench cascade;
create schema bench;
create table bench.account (
  id int8 primary key, product int2 not null, balance int8 not null, dpd int2 not null, risk int2 not null, behav int2 not null, mob int2 not null,
  calls7 int2 not null, letters int2 not null, paid_after_letter bool not null, broken int2 not null, promise_open bool not null, promise_day int4 not null,
  rpc_days int2 not null, region int2 not null, secured bool not null, legal int2 not null, last_pay_days int2 not null, tz_off int2 not null, stage int2 not null);
create table bench.task (
  account_id int8 primary key, seg int2 not null, ns int2 not null, queue int2 not null, prio int2 not null, template int2 not null, due_day int4 not null);
)";

}  // namespace

std::vector<ColumnType> account_types() {
  using enum ColumnType;
  return {int64, int16, int64, int16, int16, int16, int16, int16, int16, boolean, int16, boolean, int32, int16, int16, boolean, int16, int16, int16, int16};
}

std::vector<ColumnType> task_types() {
  using enum ColumnType;
  return {int64, int16, int16, int16, int16, int16, int32};
}

store::Result<void> make_workload_tables(store::BulkConnection& connection) {
  auto done = connection.run(tables);
  if (!done) return std::unexpected(done.error());
  return {};
}

store::Result<void> fill_accounts(store::BulkConnection& connection, int64_t accounts) {
  auto copy = store::CopyIn::start(connection, "bench.account");
  if (!copy) return std::unexpected(copy.error());
  for (int64_t first = 1; first <= accounts; first += chunk_rows) {
    auto part = generate(static_cast<size_t>(std::min<int64_t>(chunk_rows, accounts - first + 1)), first);
    auto rows = store::columns_of(account_types());
    auto narrow = narrow_columns();
    for (size_t row = 0; row < part.rows(); ++row) {
      rows[0].add(part.id[row]);
      rows[1].add(part.product[row]);
      rows[2].add(part.balance[row]);
      for (size_t i = 0; i < narrow.size(); ++i) rows[3 + i].add((part.*narrow[i])[row]);
    }
    if (auto put = (*copy)->put(rows); !put) return put;
  }
  auto taken = (*copy)->finish();
  if (!taken) return std::unexpected(taken.error());
  auto analysed = connection.run("vacuum analyze bench.account");
  if (!analysed) return std::unexpected(analysed.error());
  return {};
}

Columns from_database(const store::Columns& rows) {
  Columns columns;
  columns.id = rows[0].numbers;
  columns.product.assign(rows[1].numbers.begin(), rows[1].numbers.end());
  columns.balance = rows[2].numbers;
  auto narrow = narrow_columns();
  for (size_t i = 0; i < narrow.size(); ++i) (columns.*narrow[i]).assign(rows[3 + i].numbers.begin(), rows[3 + i].numbers.end());
  return columns;
}

void add_tasks(const Columns& accounts, const DecisionColumns& decisions, store::Columns& rows) {
  std::vector<uint32_t> chosen;
  chosen.reserve(accounts.rows());
  for (size_t row = 0; row < accounts.rows(); ++row)
    if (decisions.queue[row] != queue_none) chosen.push_back(static_cast<uint32_t>(row));
  const auto add = [&](size_t column, const auto& from, int64_t plus) {
    auto& numbers = rows[column].numbers;
    numbers.reserve(numbers.size() + chosen.size());
    for (const uint32_t row : chosen) numbers.push_back(from[row] + plus);
  };
  add(0, accounts.id, 0);
  add(1, decisions.seg, 0);
  add(2, decisions.ns, 0);
  add(3, decisions.queue, 0);
  add(4, decisions.prio, 0);
  add(5, decisions.template_number, 0);
  add(6, decisions.due, as_of);
}

store::Result<Checks> check_tasks(store::BulkConnection& connection) {
  auto copy = store::CopyOut::start(connection, "bench.task", task_types());
  if (!copy) return std::unexpected(copy.error());
  Checks checks;
  auto rows = store::columns_of(task_types());
  while (true) {
    auto count = (*copy)->next(rows, chunk_rows);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return checks;
    for (size_t i = 0; i < *count; ++i) {
      auto at = [&](size_t column) { return rows[column].numbers[i]; };
      checks.add(at(0), at(1), at(2), at(3), at(4), at(5), at(6) - as_of);
    }
  }
}

}  // namespace dunlin::bench
