#include <fmt/format.h>

#include <algorithm>

#include "runtime/store/address.h"
#include "runtime/store/bank_rows.h"
#include "runtime/store/bulk.h"
#include "runtime/store/bulk_binary.h"
#include "runtime/store/inflow.h"
#include "runtime/store/layout.h"
#include "runtime/store/postgres_errors.h"

namespace dunlin::store {

namespace {

constexpr auto turn = "4815162348";
/// What did not fit is looked at again so often: its owner may have come by another way.
constexpr auto tried_again = "tried_at < clock_timestamp() - interval '1 minute'";

std::string texts(const std::vector<std::string>& values) {
  std::string list;
  for (const auto& value : values) list += (list.empty() ? "" : ", ") + quote_text(value);
  return "array[" + list + "]::text[]";
}

}  // namespace

std::string inflow_table(const std::string& entity) { return "inflow." + entity; }

struct Inflow::Inner {
  Address address;  // outlives the connection
  std::unique_ptr<BulkConnection> own;
};

Inflow::Inflow(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
Inflow::~Inflow() = default;

Result<std::unique_ptr<Inflow>> Inflow::open(const PostgresOptions& options) {
  auto inner = std::make_unique<Inner>();
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  inner->address = std::move(*address);
  auto own = BulkConnection::open(inner->address.url);
  if (!own) return std::unexpected(own.error());
  inner->own = std::move(*own);
  if (auto set = inner->own->run(bank_reading_settings); !set) return std::unexpected(set.error());
  return std::unique_ptr<Inflow>(new Inflow(std::move(inner)));
}

Result<bool> Inflow::waits(const std::vector<std::string>& entities) {
  auto some = inner_->own->value(
      fmt::format("select exists (select from dunlin.inflow_waiting where entity = any ({}) and (tried_at is null or {}))", texts(entities), tried_again));
  if (!some) return std::unexpected(some.error());
  return *some == "t";
}

Result<void> Inflow::hold() {
  auto held = inner_->own->value(fmt::format("select pg_advisory_lock({})::text", turn));
  if (!held) return std::unexpected(held.error());
  return {};
}

Result<bool> Inflow::try_hold() {
  auto held = inner_->own->value(fmt::format("select pg_try_advisory_lock({})", turn));
  if (!held) return std::unexpected(held.error());
  return *held == "t";
}

Result<void> Inflow::let_go() {
  if (auto left = inner_->own->value(fmt::format("select pg_advisory_unlock({})", turn)); !left) return std::unexpected(left.error());
  return {};
}

Result<std::vector<InflowMark>> Inflow::waiting(const std::vector<std::string>& entities, bool tried, size_t most) {
  std::vector<InflowMark> marks;
  const std::string which = tried ? "" : fmt::format(" and (tried_at is null or {})", tried_again);
  auto rows = CopyOut::start(
      *inner_->own,
      fmt::format("(select seq, entity, key from dunlin.inflow_waiting where entity = any ({}){} order by seq limit {})", texts(entities), which, most),
      {ColumnType::int64, ColumnType::text, ColumnType::text});
  if (!rows) return std::unexpected(rows.error());
  Columns values;
  for (;;) {
    auto count = (*rows)->next(values, 1000);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return marks;
    for (size_t row = 0; row < *count; ++row) marks.push_back({values[0].numbers[row], std::string(values[1].view(row)), std::string(values[2].view(row))});
  }
}

Result<void> Inflow::read(const std::string& table, const std::vector<std::string>& columns, const std::string& key_column,
                          const std::vector<std::string>& keys, const std::function<Result<void>(std::vector<Store::BankRow>&)>& take) {
  // All of them first: `take` asks over this connection, too.
  std::vector<Store::BankRow> all;
  auto read = read_bank_rows(*inner_->own, table, columns, fmt::format("{} = any ({})", quote_name(key_column), texts(keys)), keys.size(),
                             [&](std::vector<Store::BankRow>& rows) -> Result<void> {
                               std::ranges::move(rows, std::back_inserter(all));
                               return {};
                             });
  if (!read) return read;
  return all.empty() ? Result<void>{} : take(all);
}

Result<void> Inflow::done(const std::string& entity, const std::vector<InflowMark>& marks, const std::vector<std::string>& not_taken) {
  std::string numbers;
  std::vector<std::string> keys;
  for (const InflowMark& mark : marks) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(mark.seq);
    keys.push_back(mark.key);
  }
  crash_point(Boundary::before);
  // What was tried before says nothing beside a later look at the same row.
  auto gone =
      inner_->own->run(fmt::format("with gone as (delete from dunlin.inflow_waiting w where w.seq = any (array[{0}]::int8[]) or (w.tried_at is not null and "
                                   "w.entity = {1} and w.key = any ({2})))"
                                   " insert into dunlin.inflow_waiting (entity, key, tried_at) select distinct {1}, k, clock_timestamp() from unnest({3}) k",
                                   numbers, quote_text(entity), texts(keys), texts(not_taken)));
  if (!gone) return std::unexpected(gone.error());
  crash_point(Boundary::committed);
  return {};
}

}  // namespace dunlin::store
