// Reading of the bank's tables by a change column. What is read and what is kept of it stand on two connections: the bank's rows come while batches are taken.
#include <fmt/format.h>

#include "runtime/store/address.h"
#include "runtime/store/bank_readings.h"
#include "runtime/store/bank_rows.h"
#include "runtime/store/bulk.h"
#include "runtime/store/bulk_binary.h"
#include "runtime/store/layout.h"
#include "runtime/store/migrations.h"

namespace dunlin::store {

namespace {

constexpr auto turn = "4815162347";
/// A list of keys longer than this costs more than reading the table.
constexpr size_t retry_most = 10'000;

/// What a change column may be, and how far before the mark the next reading begins: a transaction that took its value early may commit late. A local time
/// goes back by an hour in autumn on top of that.
struct ChangeKind {
  std::string_view type, back, now;
};
constexpr ChangeKind kinds[] = {
    {"timestamp with time zone", "{}::timestamptz - interval '10 minutes'", "clock_timestamp()"},
    {"timestamp without time zone", "{}::timestamp - interval '70 minutes'", "clock_timestamp() at time zone {}"},
    {"bigint", "greatest({}::numeric - 1000, -9223372036854775808)::int8", ""},
    {"integer", "greatest({}::numeric - 1000, -9223372036854775808)::int8", ""},
    {"smallint", "greatest({}::numeric - 1000, -9223372036854775808)::int8", ""},
};

std::string array_of(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) list += (list.empty() ? "" : ", ") + quote_text(text);
  return "array[" + list + "]::text[]";
}

std::string with(std::string_view pattern, const std::string& value) { return fmt::format(fmt::runtime(pattern), value); }

}  // namespace

struct BankReadings::Inner {
  std::unique_ptr<EmbeddedServer> server;
  std::string url;
  std::unique_ptr<BulkConnection> own;
  // Of the reading that goes on:
  std::string began, declaration;
  std::optional<std::string> mark;

  Result<std::string> type_of(const BankSource& source, const std::string& column) {
    auto type =
        own->value(fmt::format("select format_type(atttypid, -1) from pg_attribute where attrelid = to_regclass({}) and attname = {} and attnum > 0 and "
                               "not attisdropped",
                               quote_text(quote_table(source.table)), quote_text(column)));
    if (!type) return std::unexpected(type.error());
    return type->value_or("");
  }

  Result<const ChangeKind*> kind_of(const BankSource& source) {
    auto type = type_of(source, source.change_column);
    if (!type) return std::unexpected(type.error());
    for (const ChangeKind& kind : kinds) {
      if (kind.type == *type) return &kind;
    }
    auto there = own->value(fmt::format("select to_regclass({}) is not null", quote_text(quote_table(source.table))));
    if (!there) return std::unexpected(there.error());
    if (*there != "t") return std::unexpected(no_bank_table(source.table));  // it went since its columns were read
    const std::string wrong =
        type->empty() ? fmt::format("the table `{}` has no column `{}`, by which its changes are to be known", source.table, source.change_column)
                      : fmt::format("the column `{}.{}`, by which changes are to be known, is of the type {}", source.table, source.change_column, *type);
    return std::unexpected(
        StoreError{StoreError::Kind::input,
                   fmt::format("entity `{}`: {}; `change by` names a timestamp or a whole number that grows with every change of a row, and without it "
                               "the table is read whole each time",
                               source.entity, wrong)});
  }

  /// Which rows are read; empty: all.
  Result<std::string> condition(const BankSource& source, const ChangeKind& kind, std::string& since) {
    const std::string known =
        fmt::format("from dunlin.bank_table where entity = {} and declaration = {} and mark is not null", quote_text(source.entity), quote_text(declaration));
    auto found = own->value("select mark " + known);
    if (!found) return std::unexpected(found.error());
    if (!*found) return "";
    mark = **found;
    auto from = own->value("select (" + with(kind.back, quote_text(*mark)) + ")::text");
    if (!from) return std::unexpected(from.error());
    since = from->value_or("");
    const std::string column = quote_name(source.change_column);
    std::string wanted = fmt::format("{0} >= {1} or {0} is null", column, quote_text(since) + "::" + (kind.now.empty() ? "int8" : std::string(kind.type)));
    auto keys = own->value("select string_agg(quote_literal(k), ', ') from (select unnest(retry) k " + known + ") r");
    auto type = type_of(source, source.key_column);
    if (!keys || !type) return std::unexpected(keys ? type.error() : keys.error());
    if (*keys) wanted += fmt::format(" or {} = any (array[{}]::{}[])", quote_name(source.key_column), **keys, *type);
    return "(" + wanted + ")";
  }

  /// The mark that the rows of this snapshot lead to. A value that lies ahead of the clock leads nowhere: what is changed before it comes would be missed.
  Result<void> look_at_changes(BulkConnection& rows, const BankSource& source, const ChangeKind& kind, const std::string& condition, BankReading& reading) {
    const std::string column = quote_name(source.change_column), where = condition.empty() ? "" : " where " + condition;
    const std::string highest = kind.now.empty() ? "max(" + column + ")" : "least(max(" + column + "), " + with(kind.now, quote_text(source.zone)) + ")";
    // `least` passes over what is missing: of no rows at all the clock would be the mark.
    auto found =
        rows.value(fmt::format("select case when max({0}) is not null then ({1})::text else '' end || '|' || count(*) filter (where {0} is null) from {2}{3}",
                               column, highest, quote_table(source.table), where));
    if (!found) return std::unexpected(found.error());
    const std::string text = found->value_or("|0");
    const size_t bar = text.rfind('|');
    if (bar > 0) mark = text.substr(0, bar);
    reading.without_change = std::stoll(text.substr(bar + 1));
    return {};
  }
};

BankReadings::BankReadings(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
BankReadings::~BankReadings() = default;

Result<std::unique_ptr<BankReadings>> BankReadings::open(const PostgresOptions& options) {
  auto inner = std::make_unique<Inner>();
  auto address = address_of(options);
  if (!address) return std::unexpected(address.error());
  inner->server = std::move(address->server);
  inner->url = std::move(address->url);
  auto own = BulkConnection::open(inner->url);
  if (!own) return std::unexpected(own.error());
  inner->own = std::move(*own);
  if (auto set = inner->own->run(bank_reading_settings); !set) return std::unexpected(set.error());
  return std::unique_ptr<BankReadings>(new BankReadings(std::move(inner)));
}

Result<void> BankReadings::refuse_newer_schema() {
  auto newer = inner_->own->value(newer_schema_sql());
  if (!newer) return std::unexpected(newer.error());
  if (*newer) return std::unexpected(StoreError{StoreError::Kind::environment, migrated_by_newer(**newer)});
  return {};
}

Result<void> BankReadings::hold() {
  // As a value: the lock is a function's answer, and waiting for it is no deafness of the database.
  auto held = inner_->own->value(fmt::format("select pg_advisory_lock({})::text", turn));
  if (!held) return std::unexpected(held.error());
  return {};
}

Result<bool> BankReadings::hold_if_due(int seconds) {
  auto held = inner_->own->value(fmt::format("select pg_try_advisory_lock({})", turn));
  if (!held) return std::unexpected(held.error());
  if (*held != "t") return false;
  auto due = inner_->own->value(
      fmt::format("select coalesce(max(greatest(read_at, failed_at)) <= clock_timestamp() - interval '{} seconds', true) from dunlin.bank_table", seconds));
  if (!due) return std::unexpected(due.error());
  if (*due == "t") return true;
  if (auto left = inner_->own->value(fmt::format("select pg_advisory_unlock({})", turn)); !left) return std::unexpected(left.error());
  return false;
}

Result<BankReading> BankReadings::read(const BankSource& source, bool whole, size_t batch,
                                       const std::function<Result<void>(std::vector<Store::BankRow>&)>& take) {
  BankReading reading;
  inner_->mark.reset();
  auto now = inner_->own->value("select clock_timestamp()::text");
  if (!now) return std::unexpected(now.error());
  inner_->began = now->value_or("");
  inner_->declaration = source.declaration;
  const ChangeKind* kind = nullptr;
  std::string condition;
  if (!source.change_column.empty()) {
    auto found = inner_->kind_of(source);
    if (!found) return std::unexpected(found.error());
    kind = *found;
    // Another table under the same name is another table.
    auto id = inner_->own->value(fmt::format("select to_regclass({})::oid", quote_text(quote_table(source.table))));
    if (!id) return std::unexpected(id.error());
    inner_->declaration += fmt::format("|{}|{}|{}|{}", source.change_column, kind->type, source.zone, id->value_or(""));
    if (!whole) {
      auto some = inner_->condition(source, *kind, reading.since);
      if (!some) return std::unexpected(some.error());
      condition = *some;
    }
  }
  auto rows = BulkConnection::open(inner_->url);
  if (!rows) return std::unexpected(rows.error());
  // It lasts as long as the table is large, and nobody reads while a batch is taken in.
  (*rows)->inner().patience = std::chrono::milliseconds(0);
  if (auto set = (*rows)->run(std::string(bank_reading_settings) +
                              "; set statement_timeout = 0; set tcp_user_timeout = 0; begin isolation level repeatable read read only");
      !set)
    return std::unexpected(set.error());
  if (kind != nullptr) {
    if (auto looked = inner_->look_at_changes(**rows, source, *kind, condition, reading); !looked) return std::unexpected(looked.error());
  }
  if (auto done = read_bank_rows(**rows, source.table, source.columns, condition, batch, take); !done) return std::unexpected(done.error());
  return reading;
}

Result<void> BankReadings::keep(const BankSource& source, const std::vector<std::string>& retry) {
  const bool too_many = retry.size() > retry_most;
  const std::string mark = inner_->mark && !too_many ? quote_text(*inner_->mark) : "null";
  auto kept = inner_->own->run(
      fmt::format("insert into dunlin.bank_table as b (entity, source, declaration, mark, retry, read_at) values ({}, {}, {}, {}, {}, {}::timestamptz) on "
                  "conflict (entity) do "
                  "update set source = excluded.source, declaration = excluded.declaration, mark = excluded.mark, retry = excluded.retry, read_at = "
                  "excluded.read_at, failed_at = null, failure = null",
                  quote_text(source.entity), quote_text(source.table), quote_text(inner_->declaration), mark, too_many ? "'{}'" : array_of(retry),
                  quote_text(inner_->began)));
  if (!kept) return std::unexpected(kept.error());
  return {};
}

Result<std::vector<SetAside>> BankReadings::not_kept(std::vector<SetAside> rows) {
  if (rows.empty()) return rows;
  std::vector<std::string> where, reasons, bodies;
  for (const auto& row : rows) {
    where.push_back(row.where);
    reasons.push_back(row.reason);
    bodies.push_back(row.body);
  }
  auto fresh = CopyOut::start(
      *inner_->own,
      fmt::format("(select min(n) from unnest({}, {}, {}) with ordinality r(place, reason, body, n) where not exists (select 1 from dunlin.quarantine q "
                  "where q.location = r.place and q.kind = 'row' and q.reason = r.reason and q.body = r.body) group by place, reason, body order by 1)",
                  array_of(where), array_of(reasons), array_of(bodies)),
      {ColumnType::int64});
  if (!fresh) return std::unexpected(fresh.error());
  std::vector<SetAside> kept;
  Columns values;
  for (;;) {
    auto count = (*fresh)->next(values, 1000);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return kept;
    for (size_t row = 0; row < *count; ++row) kept.push_back(std::move(rows[static_cast<size_t>(values[0].numbers[row]) - 1]));
  }
}

Result<std::vector<std::string>> BankReadings::set_aside_of(const std::string& entity, const std::vector<std::string>& keys) {
  std::vector<std::string> found;
  if (keys.empty()) return found;
  // A row that once did not fit, and has come since, needs no looking after; one that hangs on another case file is there, too, and is not this one.
  auto rows = CopyOut::start(
      *inner_->own,
      fmt::format("(select k from unnest({0}) k where exists (select 1 from dunlin.quarantine q where q.location = {1} || ' ' || k and q.kind = 'row' and "
                  "(q.reason like 'it already hangs on another %' or not exists (select 1 from portfolio.{2} t where t.dunlin_key = k))))",
                  array_of(keys), quote_text(entity), quote_name(entity)),
      {ColumnType::text});
  if (!rows) return std::unexpected(rows.error());
  Columns values;
  for (;;) {
    auto count = (*rows)->next(values, 1000);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return found;
    for (size_t row = 0; row < *count; ++row) found.emplace_back(values[0].view(row));
  }
}

Result<void> BankReadings::failed(const std::string& entity, const std::string& table, const std::string& reason) {
  auto kept = inner_->own->run(fmt::format(
      "insert into dunlin.bank_table as b (entity, source, declaration, failed_at, failure) values ({}, {}, '', clock_timestamp(), {}) on conflict (entity) do "
      "update set failed_at = excluded.failed_at, failure = excluded.failure",
      quote_text(entity), quote_text(table), quote_text(reason)));
  if (!kept) return std::unexpected(kept.error());
  return {};
}

Result<void> BankReadings::keep_only(const std::vector<std::string>& entities) {
  auto gone = inner_->own->run(fmt::format("delete from dunlin.bank_table where entity <> all ({})", array_of(entities)));
  if (!gone) return std::unexpected(gone.error());
  return {};
}

Result<std::vector<BankTableState>> BankReadings::state() {
  std::vector<BankTableState> states;
  auto there = inner_->own->value("select to_regclass('dunlin.bank_table') is not null");  // not in a schema that was never brought forward so far
  if (!there) return std::unexpected(there.error());
  if (*there != "t") return states;
  auto rows =
      CopyOut::start(*inner_->own,
                     "(select entity, source, coalesce(to_char(read_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), ''), coalesce(failure, '') "
                     "from dunlin.bank_table order by entity)",
                     std::vector<ColumnType>(4, ColumnType::text));
  if (!rows) return std::unexpected(rows.error());
  Columns values;
  for (;;) {
    auto count = (*rows)->next(values, 1000);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return states;
    for (size_t row = 0; row < *count; ++row)
      states.push_back(
          {std::string(values[0].view(row)), std::string(values[1].view(row)), std::string(values[2].view(row)), std::string(values[3].view(row))});
  }
}

}  // namespace dunlin::store
