// The schema's version: who may work with it, and how it is brought forward.
#include "runtime/store/postgres_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <regex>
#include <thread>

#include "runtime/store/migrations.h"

namespace dunlin::store {

namespace {

constexpr int tries_max = 12;  // of a step that others keep waiting

StoreError refused(std::string message) { return {StoreError::Kind::environment, std::move(message)}; }

/// What a statement at the beginning of a line makes, by its name.
std::vector<std::string> made_by(const std::string& sql, const std::string& kind) {
  const std::regex made("(?:^|\\n)create " + kind + " (dunlin\\.[a-z_]+)");
  std::vector<std::string> names;
  for (auto at = std::sregex_iterator(sql.begin(), sql.end(), made); at != std::sregex_iterator(); ++at) names.push_back((*at)[1].str());
  return names;
}

/// Whether any step before this one speaks of a function of this name: then it may be there already.
bool known_before(size_t step, const std::string& function) {
  return std::any_of(migrations().begin(), migrations().begin() + static_cast<std::ptrdiff_t>(step),
                     [&](const Migration& one) { return one.sql.find(function) != std::string::npos; });
}

}  // namespace

std::string newer_schema_sql() { return fmt::format("select max(number) from dunlin.schema_version having max(number) > {}", migrations().back().number); }

std::string migrated_by_newer(std::string_view number) {
  return fmt::format("the database has been migrated to {} by a newer dunlin, and this program knows {}; restart this node with the newer one", number,
                     migrations().back().number);
}

SchemaState schema_state(pqxx::work& work) {
  SchemaState schema;
  for (const Migration& migration : migrations())
    schema.checksums.push_back(work.exec("select md5(" + work.quote(migration.sql) + ")")[0][0].as<std::string>());
  const auto found = work.exec(
      "select count(*) filter (where c.relname <> 'schema_version') > 0, count(*) filter (where c.relname = 'schema_version') > 0 from pg_class c "
      "join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'dunlin' and c.relkind in ('r', 'p')");
  schema.tables = found[0][0].as<bool>();
  schema.noted = found[0][1].as<bool>();
  if (!schema.noted) return schema;
  for (const auto& row : work.exec("select number, checksum from dunlin.schema_version order by number")) {
    schema.applied.emplace_back(row[0].as<int>(), row[1].as<std::string>());
  }
  const size_t next = schema.applied.size();
  if (next > 0 && next < migrations().size()) {
    for (const std::string& name : made_by(migrations()[next].sql, "table")) {
      if (work.exec("select to_regclass(" + work.quote(name) + ") is not null")[0][0].as<bool>()) schema.ahead = name;
    }
    for (const std::string& name : made_by(migrations()[next].sql, "function")) {
      if (known_before(next, name)) continue;
      if (work.exec("select exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname || '.' || p.proname = " +
                    work.quote(name) + ")")[0][0]
              .as<bool>())
        schema.ahead = name;
    }
  }
  return schema;
}

std::optional<StoreError> refuse(const SchemaState& schema) {
  const auto& known = migrations();
  const auto& applied = schema.applied;
  if (schema.tables && !schema.noted) return refused("the database has a schema `dunlin` that this program did not make; give another database");
  if (schema.tables && applied.empty())
    return refused("the database is half migrated: its tables stand, but dunlin.schema_version names no step; restore it from a backup");
  if (schema.number() > known.back().number) {
    return refused(fmt::format("the database has schema {}, but this program knows only {}; use a newer dunlin", schema.number(), known.back().number));
  }
  for (size_t i = 0; i < applied.size(); ++i) {
    if (applied[i].first != static_cast<int>(i) + 1)
      return refused(fmt::format("the database is half migrated: step {} is missing; restore it from a backup, or start with an empty database", i + 1));
    if (applied[i].second != schema.checksums[i]) {
      return refused(
          fmt::format("the database was set up by another build of dunlin: its migration {} differs from ours; start with an empty database or use that build",
                      known[i].name));
    }
  }
  if (!schema.ahead.empty()) {
    return refused(fmt::format("the database is half migrated: step {} is missing, but `{}`, which it makes, stands already; restore it from a backup",
                               applied.size() + 1, schema.ahead));
  }
  return std::nullopt;
}

Result<void> PostgresStore::migrate() {
  std::optional<StoreError> refused;
  SchemaState schema;
  // Two processes may start at once: the lock lets one wait for the other's migrations.
  constexpr auto lock = "select pg_advisory_xact_lock(4815162342)";
  auto looked = small("look at the database's schema", [&](SmallWork& work) {
    work.exec(lock);
    schema = schema_state(work);
    refused = refuse(schema);
    if (refused) return;
    work.exec("create schema if not exists dunlin");
    work.exec(
        "create table if not exists dunlin.schema_version (number int primary key, name text not null, checksum text not null, "
        "applied_at timestamptz not null default clock_timestamp())");
  });
  if (!looked) return looked;
  // A change of large tables takes the time it takes.
  const auto patience = std::exchange(small_->patience, std::chrono::milliseconds(0));
  const auto again = [&] { small_->patience = patience; };
  for (size_t i = schema.applied.size(); !refused && i < migrations().size(); ++i) {
    const Migration& migration = migrations()[i];
    // Who waits for a table behind somebody's open transaction keeps everybody else waiting behind it: not for long, and again.
    Result<void> made;
    for (int tried = 0; tried < tries_max; ++tried) {
      if (tried > 0) std::this_thread::sleep_for(std::chrono::seconds(1));
      made = small("migrate the database", [&](SmallWork& work) {
        work.exec("set local statement_timeout = 0");
        work.exec(lock);
        if (work.exec("select count(*) from dunlin.schema_version")[0][0].as<size_t>() > i) return;  // the other process was faster
        work.exec("set local lock_timeout = '5s'");
        work.exec(migration.sql);
        work.exec(fmt::format("insert into dunlin.schema_version (number, name, checksum) values ({}, {}, {})", migration.number, work.quote(migration.name),
                              work.quote(schema.checksums[i])));
      });
      if (made || made.error().kind != StoreError::Kind::conflict) break;
    }
    if (!made && made.error().kind == StoreError::Kind::conflict) {
      made = failed(StoreError::Kind::environment,
                    fmt::format("cannot migrate the database: for more than a minute others have kept tables that step {} changes; end their transactions "
                                "(pg_stat_activity shows them) and start again",
                                migration.number));
    }
    if (!made) return again(), made;
  }
  again();
  if (refused) return std::unexpected(*refused);
  return {};
}

}  // namespace dunlin::store
