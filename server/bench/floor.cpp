#include "server/bench/floor.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <thread>

namespace dunlin::bench {
namespace {

using Clock = std::chrono::steady_clock;
using store::BulkConnection;
using store::Result;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

store::StoreError trouble(std::string message) { return {store::StoreError::Kind::environment, std::move(message)}; }

/// "int4" -> its column type; only those that the engine's tables have.
std::optional<store::ColumnType> column_type(const std::string& type) {
  using enum store::ColumnType;
  static const std::vector<std::pair<const char*, store::ColumnType>> types = {
      {"bool", boolean}, {"int2", int16},  {"int4", int32}, {"int8", int64}, {"float8", float8}, {"text", text},
      {"bytea", bytea},  {"jsonb", jsonb}, {"uuid", uuid},  {"date", date},  {"time", time},     {"timestamptz", timestamp}};
  for (const auto& [name, found] : types) {
    if (type == name) return found;
  }
  return std::nullopt;
}

}  // namespace

Floor::Floor(std::vector<MovedTable> moved, std::string shadow, BulkConnection& first, BulkConnection& second)
    : moved_(std::move(moved)), schema_(std::move(shadow)), first_(first), second_(second) {}

Result<std::vector<store::ColumnType>> Floor::types_of(const std::string& table) {
  auto listed =
      first_.value(fmt::format("select string_agg(t.typname, ',' order by a.attnum) from pg_attribute a join pg_type t on t.oid = a.atttypid "
                               "where a.attrelid = '{}'::regclass and a.attnum > 0 and not a.attisdropped",
                               table));
  if (!listed) return std::unexpected(listed.error());
  std::vector<store::ColumnType> types;
  std::string rest = listed->value_or("") + ",";
  for (size_t end; (end = rest.find(',')) != std::string::npos; rest.erase(0, end + 1)) {
    auto type = column_type(rest.substr(0, end));
    if (!type) return std::unexpected(trouble(fmt::format("table {} has a column of type {}", table, rest.substr(0, end))));
    types.push_back(*type);
  }
  return types;
}

/// The rows that the night wrote, kept in memory, and an empty table like each, with its indexes.
Result<void> Floor::keep() {
  if (auto made = first_.run("create schema if not exists " + schema_); !made) return std::unexpected(made.error());
  for (const auto& table : moved_) {
    if (!table.written) continue;
    Kept kept;
    kept.shadow = fmt::format("{}.like_{}", schema_, table.name.substr(table.name.find('.') + 1));
    if (auto made = make_shadow(kept.shadow, table.name); !made) return std::unexpected(made.error());
    // What SQL writes again is kept in a table of its own, as the night's changes go on in the engine's.
    const std::string rows = table.rows.empty() ? "true" : table.rows;
    if (auto made = first_.run(fmt::format("create table {}_rows as select * from {} where {}", kept.shadow, table.name, rows)); !made)
      return std::unexpected(made.error());
    kept_.push_back(std::move(kept));
  }
  return {};
}

/// An empty table like one of the engine's: columns, indexes, and the share of a page that stays free.
Result<void> Floor::make_shadow(const std::string& shadow, const std::string& table) {
  auto options = first_.value(fmt::format("select ' with (' || array_to_string(reloptions, ', ') || ')' from pg_class where oid = '{}'::regclass", table));
  if (!options) return std::unexpected(options.error());
  auto made = first_.run(fmt::format("create table {} (like {} including all excluding generated){}", shadow, table, options->value_or("")));
  if (!made) return std::unexpected(made.error());
  return {};
}

/// Reads the kept rows into memory: only after the engine's peak was taken.
Result<void> Floor::load() {
  for (auto& kept : kept_) {
    auto types = types_of(kept.shadow);
    if (!types) return std::unexpected(types.error());
    auto copy = store::CopyOut::start(first_, kept.shadow + "_rows", *types);
    if (!copy) return std::unexpected(copy.error());
    while (true) {
      auto rows = store::columns_of(*types);
      auto count = (*copy)->next(rows, 32'768);
      if (!count) return std::unexpected(count.error());
      if (*count == 0) break;
      kept.rows.push_back(std::move(rows));
    }
  }
  return {};
}

template <class Way>
Result<double> Floor::timed_round(Way way) {
  for (const auto& kept : kept_) {
    if (auto emptied = first_.run("truncate " + kept.shadow); !emptied) return std::unexpected(emptied.error());
  }
  if (auto done = first_.run("checkpoint"); !done) return std::unexpected(done.error());
  auto begin = Clock::now();
  if (auto started = first_.run("begin"); !started) return std::unexpected(started.error());
  if (auto done = way(); !done) return std::unexpected(done.error());
  if (auto committed = first_.run("commit"); !committed) return std::unexpected(committed.error());
  return seconds_since(begin);
}

Result<void> Floor::measure(int rounds, double& copy_s, double& sql_s) {
  if (auto loaded = load(); !loaded) return loaded;
  std::vector<double> copies, statements;
  for (int round = 0; round < rounds; ++round) {
    auto copy = timed_round([&] { return move_bytes(); });
    if (!copy) return std::unexpected(copy.error());
    copies.push_back(*copy);
    auto sql = timed_round([&] { return write_by_sql(); });
    if (!sql) return std::unexpected(sql.error());
    statements.push_back(*sql);
  }
  copy_s = median(copies);
  sql_s = median(statements);
  return {};
}

/// All that the night read out, all that it wrote in, at once.
Result<void> Floor::move_bytes() {
  std::optional<store::StoreError> problem;
  std::thread reader([&] {
    for (const auto& table : moved_) {
      if (!table.read) continue;
      auto copy = store::CopyOut::start(second_, table.name, {});
      if (copy) {
        auto drained = (*copy)->drain();
        if (!drained) problem = drained.error();
      } else {
        problem = copy.error();
      }
    }
  });
  auto written = write_kept();
  reader.join();
  if (problem) return std::unexpected(*problem);
  return written;
}

Result<void> Floor::write_kept() {
  for (const auto& kept : kept_) {
    auto copy = store::CopyIn::start(first_, kept.shadow);
    if (!copy) return std::unexpected(copy.error());
    for (const auto& rows : kept.rows) {
      if (auto put = (*copy)->put(rows); !put) return put;
    }
    auto taken = (*copy)->finish();
    if (!taken) return std::unexpected(taken.error());
  }
  return {};
}

Result<void> Floor::write_by_sql() {
  for (const auto& kept : kept_) {
    auto done = first_.run(fmt::format("insert into {0} select * from {0}_rows", kept.shadow));
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

}  // namespace dunlin::bench
