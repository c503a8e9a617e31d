// Tables, names and views of a program, and its versions.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/store/inflow.h"
#include "runtime/store/postgres_definitions.h"
#include "runtime/store/postgres_feeds.h"
#include "runtime/store/postgres_people.h"
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

using checked::TypeKind;

namespace {

/// Columns that every entity table has besides the fields.
constexpr auto own_columns =
    "dunlin_bucket int4 not null, dunlin_case int8 not null, dunlin_id int8 not null, dunlin_parent int8 not null, dunlin_key text not null, "
    "dunlin_since timestamptz not null";

using ColumnTypes = std::map<std::string, std::string>;

ColumnTypes columns_in(pqxx::work& work, const std::string& table) {
  ColumnTypes types;
  const auto rows = work.exec("select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = to_regclass(" + work.quote(table) +
                              ") and a.attnum > 0 and not a.attisdropped");
  for (const auto& row : rows) types[row[0].as<std::string>()] = row[1].as<std::string>();
  return types;
}

std::string unquoted(const std::string& name) {
  std::string plain = name.substr(1, name.size() - 2);
  for (size_t at = plain.find("\"\""); at != std::string::npos; at = plain.find("\"\"", at + 1)) plain.erase(at, 1);
  return plain;
}

/// What stands in the way, or nothing.
std::optional<std::string> bring_table_in_line(pqxx::work& work, const checked::Entity& entity, const EntityTable& table, const std::string& name, bool past) {
  ColumnTypes present = columns_in(work, name);
  if (present.empty()) {
    std::string sql = fmt::format("create table {} ({}{}", name, own_columns, past ? ", dunlin_until timestamptz not null" : "");
    for (size_t i = 0; i < table.leaves.size(); ++i) sql += fmt::format(", {} {}", table.columns[i], sql_type(table.leaves[i]));
    work.exec(sql + (past ? ")" : ", primary key (dunlin_bucket, dunlin_case, dunlin_id))"));
    work.exec(past ? fmt::format("create index on {} (dunlin_bucket, dunlin_case)", name) : fmt::format("create index on {} (dunlin_key)", name));
    return std::nullopt;
  }
  if (!present.contains("dunlin_case")) return fmt::format("the database has a table {} that dunlin did not make; rename one of the two", name);
  for (size_t i = 0; i < table.leaves.size(); ++i) {
    const auto found = present.find(unquoted(table.columns[i]));
    const std::string wanted = sql_type(table.leaves[i]);
    if (found == present.end()) {
      work.exec(fmt::format("alter table {} add column {} {}", name, table.columns[i], wanted));
    } else if (found->second != wanted) {
      return fmt::format("`{}.{}` is {} in the bundle, but its column holds `{}`; give the field another name", entity.name, table.leaves[i].name, wanted,
                         found->second);
    }
  }
  return std::nullopt;
}

/// The table into which other programs write rows of this entity: its fields, the key of its owner, and that of the head where it hangs further down.
void make_inflow(pqxx::work& work, const checked::Program& program, const checked::Entity& entity) {
  if (!entity.table.empty() || entity.key_field < 0) return;  // the bank's own table is where it comes from
  std::vector<std::string> columns;
  const auto add = [&](const std::string& column) {
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
  };
  for (const auto& field : entity.fields) add(field.name);
  if (entity.parent != checked::none) add(program.entities[static_cast<size_t>(entity.parent)].name + "_id");
  if (entity.depth > 1) add(program.entities[0].name + "_id");
  add(inflow_as_of);
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + work.quote(column);
  work.exec(fmt::format("select dunlin.make_inflow({}, {}, array[{}])", work.quote(entity.name),
                        work.quote(entity.fields[static_cast<size_t>(entity.key_field)].name), list));
}

void make_key_view(pqxx::work& work, const Layout& layout) {
  std::string sql;
  for (size_t e = 0; e < layout.entities.size(); ++e) {
    sql += fmt::format(
        "{}select {}::text as entity, dunlin_bucket as bucket, dunlin_case as case_id, dunlin_id as id, dunlin_key as key, dunlin_parent as parent from {}",
        e == 0 ? "" : " union all ", work.quote(layout.program.entities[e].name), layout.entities[e].table);
  }
  if (!sql.empty()) work.exec("create or replace view dunlin.instance_key as " + sql);
}

std::optional<std::string> reserved_field(const checked::Program& program) {
  for (const auto& entity : program.entities) {
    for (const auto& field : entity.fields) {
      if (field.name.starts_with("dunlin_"))
        return fmt::format("the field `{}.{}` needs another name: names that begin with `dunlin_` are the engine's", entity.name, field.name);
      static constexpr std::string_view system_columns[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
      if (std::ranges::find(system_columns, field.name) != std::end(system_columns))
        return fmt::format("the field `{}.{}` needs another name: every table of PostgreSQL has a column `{}` of its own", entity.name, field.name, field.name);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<void> PostgresStore::prepare(const checked::Program& program) {
  if (auto reserved = reserved_field(program)) return failed(StoreError::Kind::input, *reserved);
  const Layout layout(program);
  std::optional<std::string> obstacle;
  {
    const std::lock_guard hold(guard_);
    known_.erase(&program);
  }
  auto made = small("prepare the tables of the bundle", [&](SmallWork& work) {
    work.exec("select pg_advisory_xact_lock(4815162342)");
    const auto last = work.exec("select content_hash from dunlin.prepared");
    if (!last.empty() && !program.content_hash.empty() && last[0][0].as<std::string>() == program.content_hash) return;
    for (size_t e = 0; e < program.entities.size(); ++e) {
      const EntityTable& table = layout.entities[e];
      obstacle = bring_table_in_line(work, program.entities[e], table, table.table, false);
      if (!obstacle) obstacle = bring_table_in_line(work, program.entities[e], table, table.past, true);
      // What was made so far goes with the transaction.
      if (obstacle) throw std::runtime_error(*obstacle);
    }
    obstacle = look_at_kept_events(work, layout);
    if (obstacle) throw std::runtime_error(*obstacle);
    for (const auto& entity : program.entities) make_inflow(work, program, entity);
    remember_definitions(work, layout);
    work.exec("select dunlin.make_months()");
    make_key_view(work, layout);
    make_region_view(work, layout);
    work.exec(
        fmt::format("insert into dunlin.prepared (content_hash, timezone, day_starts) values ({}, {}, {}) on conflict (single) do update set "
                    "content_hash = excluded.content_hash, timezone = excluded.timezone, day_starts = excluded.day_starts",
                    work.quote(program.content_hash), work.quote(program.bundle.timezone), program.bundle.day_start_s));
  });
  if (obstacle) return failed(StoreError::Kind::input, *obstacle);
  return made;
}

/// Tables and names only: what events carry and what the views show stays as the running version has it.
Result<void> PostgresStore::make_room(const checked::Program& program) {
  if (auto reserved = reserved_field(program)) return failed(StoreError::Kind::input, *reserved);
  const Layout layout(program);
  std::optional<std::string> obstacle;
  auto made = small("make room for the bundle", [&](SmallWork& work) {
    work.exec("select pg_advisory_xact_lock(4815162342)");
    // A column waits for a table's readers, and everybody else behind it: rather give up.
    work.exec("set local lock_timeout = '5s'");
    for (size_t e = 0; e < program.entities.size(); ++e) {
      const EntityTable& table = layout.entities[e];
      obstacle = bring_table_in_line(work, program.entities[e], table, table.table, false);
      if (!obstacle) obstacle = bring_table_in_line(work, program.entities[e], table, table.past, true);
      if (obstacle) throw std::runtime_error(*obstacle);
    }
    obstacle = look_at_kept_events(work, layout);
    if (obstacle) throw std::runtime_error(*obstacle);
    remember_names(work, layout);
  });
  if (obstacle) return failed(StoreError::Kind::input, *obstacle);
  if (!made) return made;
  return check_rows(program, layout);
}

/// A program's address says little: another one may lie there by now, and a version that is active again may have been left for one with other names.
Result<std::shared_ptr<const Layout>> PostgresStore::layout_of(const checked::Program& program) {
  const std::lock_guard hold(guard_);
  Known& known = known_[&program];
  if (known.layout != nullptr && known.content_hash == program.content_hash && known.activation == activation_) return known.layout;
  auto layout = std::make_shared<Layout>(program);
  std::unordered_map<std::string, int32_t> numbers;
  std::unordered_map<int32_t, std::pair<std::string, std::optional<std::string>>> events;  // name and queue
  auto read_names = small("read the names of the bundle", [&](SmallWork& work) {
    for (const auto& row : work.exec("select kind || ':' || name, id from dunlin.name")) numbers[row[0].as<std::string>()] = row[1].as<int32_t>();
    for (const auto& row : work.exec("select id, name, queue from dunlin.event_type"))
      events[row[0].as<int32_t>()] = {row[1].as<std::string>(), row[2].is_null() ? std::nullopt : std::optional(row[2].as<std::string>())};
  });
  if (!read_names) return std::unexpected(read_names.error());
  for (const auto& [kind, name] : layout->names()) {
    if (!numbers.contains(kind + ":" + name)) {
      return failed(StoreError::Kind::environment, fmt::format("the database does not know the {} `{}` yet; prepare the bundle first", kind, name));
    }
  }
  layout->take_names(numbers);
  for (const auto& [number, event] : events) {
    if (layout->event_of.contains(number)) continue;
    const engine::StrangeName name = engine::strange_name(program, event.first, event.second);
    if (name.within >= 0) layout->strange_of[number] = name;
  }
  known = Known{program.content_hash, activation_, std::move(layout), 0};
  return known.layout;
}

/// Number of the stored version with this program's sources; 0 if it was never activated.
Result<int32_t> PostgresStore::version_of(const checked::Program& program) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  const std::lock_guard hold(guard_);
  Known& known = known_[&program];
  if (known.version != 0) return known.version;
  auto found = small("look up the version", [&](SmallWork& work) {
    const auto rows = work.exec("select number from dunlin.bundle where content_hash = " + work.quote(program.content_hash));
    if (!rows.empty()) known.version = rows[0][0].as<int32_t>();
  });
  if (!found) return std::unexpected(found.error());
  return known.version;
}

/// A new version must be able to read the rows that are there: no value missing that it needs, no literal it does not know.
Result<void> PostgresStore::check_rows(const checked::Program& program, const Layout& layout) {
  std::string trouble;
  auto checked = small("check the portfolio against the bundle", [&](SmallWork& work) {
    for (size_t e = 0; e < layout.entities.size() && trouble.empty(); ++e) {
      const EntityTable& table = layout.entities[e];
      for (size_t i = 0; i < table.leaves.size() && trouble.empty(); ++i) {
        const Leaf& leaf = table.leaves[i];
        std::string wrong = leaf.optional || leaf.name.find('.') != std::string::npos ? "false" : table.columns[i] + " is null";
        if (leaf.type.kind == TypeKind::enumeration) {
          std::string literals;
          for (const std::string& literal : program.enums[leaf.type.id].literals) literals += (literals.empty() ? "" : ", ") + work.quote(literal);
          wrong += fmt::format(" or {} not in ({})", table.columns[i], literals);
        }
        if (wrong == "false") continue;
        const auto rows =
            work.exec(fmt::format("select dunlin_key, coalesce({}::text, 'nothing') from {} where {} limit 1", table.columns[i], table.table, wrong));
        if (rows.empty()) continue;
        trouble = fmt::format("`{}.{}` of {} `{}` is {}, which this version does not allow; import the value, or make the field optional",
                              program.entities[e].name, leaf.name, program.entities[e].name, rows[0][0].as<std::string>(), rows[0][1].as<std::string>());
      }
    }
  });
  if (!checked) return checked;
  if (!trouble.empty()) return failed(StoreError::Kind::input, trouble);
  return {};
}

namespace {

/// Where the database asks for a second person, only a waiting proposal may become active, and only by somebody else than its author. What is wrong; empty:
/// nothing.
std::string check_second_person(SmallWork& work, const checked::Program& program, const Activation& activation, int32_t number) {
  if (!activation.proposal) {
    const auto asked = work.exec("select 1 from dunlin.rule_of_use where name = 'second person' and value = 'true'");
    if (asked.empty()) return "";
    return "this database asks for a second person before a version becomes active; propose it with `dunlin apply`, and somebody else agrees with `dunlin "
           "proposal "
           "approve`";
  }
  const auto agreed =
      work.exec(fmt::format("update dunlin.bundle_proposal set status = 'approved', decided_by = {0}, decided_at = clock_timestamp(), decided_origin = "
                            "nullif({1}, ''), version = {2} "
                            "where id = {3} and status = 'waiting' and author <> {0} and content_hash = {4} returning id",
                            work.quote(activation.approver), work.quote(activation.origin), number, *activation.proposal, work.quote(program.content_hash)));
  return agreed.empty() ? "the proposal is no longer waiting, or this is not the one to agree to it" : "";
}

/// Which events the active version has: of others nothing is taken in, and no outcome is one of them.
void remember_known_events(SmallWork& work, const checked::Program& program) {
  std::string names;
  for (const checked::EventType& event : program.events) names += (names.empty() ? "" : ", ") + work.quote(event.name);
  const std::string known = names.empty() ? "false" : "name in (" + names + ")";
  work.exec(fmt::format("update dunlin.event_type set known = {0} where known <> ({0})", known));
}

/// Notes that `number` is active from now on, and where a step back from it leads.
void remember_activation(SmallWork& work, const Activation& activation, int32_t number, int32_t back_to) {
  // A step back to a version takes the place of its activation: what came after is forgotten. Anything else stands on top of what was active.
  const std::string latest = "(select max(id) from dunlin.activation)";
  std::string before = latest;
  if (activation.back) {
    before = fmt::format(
        "(with recursive chain as (select id, version, before from dunlin.activation where id = {0} union all select a.id, a.version, a.before from chain c "
        "join "
        "dunlin.activation a on a.id = c.before) select case when exists (select 1 from chain where version = {1}) then (select before from chain where "
        "version "
        "= {1} order by id desc limit 1) else {0} end)",
        latest, back_to != 0 ? back_to : number);
  }
  work.exec(fmt::format(
      "insert into dunlin.activation (version, before, at, author, approver, origin, reason, proposal) values ({}, {}, {}, {}, nullif({}, ''), nullif({}, ''), "
      "{}, {})",
      number, before, sql_instant(activation.at), work.quote(activation.author), work.quote(activation.approver), work.quote(activation.origin),
      work.quote(activation.reason), activation.proposal ? std::to_string(*activation.proposal) : "null"));
}

/// Who did it is who had the last word; with a second person that is not the author.
void audit_activation(SmallWork& work, const Activation& activation, const BundleVersion& version, int32_t replaced) {
  std::string detail = fmt::format("jsonb_build_object('version', {}, 'hash', {}, 'reason', {}, 'replaces', {})", version.number,
                                   work.quote(version.content_hash), work.quote(activation.reason), replaced);
  if (activation.proposal)
    detail += fmt::format(" || jsonb_build_object('proposal', {}, 'proposed_by', {})", *activation.proposal, work.quote(activation.author));
  work.exec(fmt::format("insert into dunlin.audit (who, origin, action, detail) values ({}, nullif({}, ''), '{}', {})",
                        work.quote(activation.approver.empty() ? activation.author : activation.approver), work.quote(activation.origin), "activate", detail));
}

}  // namespace

Result<BundleVersion> PostgresStore::activate(const checked::Program& program, const BundleSources& sources, const Activation& activation) {
  const int32_t back_to = std::exchange(back_to_, 0);
  const std::string& author = activation.author;
  const Instant at = activation.at;
  bool overtaken = false;
  std::string refused;
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  if (program.content_hash.empty()) return failed(StoreError::Kind::input, "a program without a content hash cannot be activated");
  if (auto fits = check_rows(program, **layout); !fits) return std::unexpected(fits.error());
  BundleVersion version{.name = program.bundle.name, .content_hash = program.content_hash, .author = author, .activated_at = at, .active = true};
  auto stored = small("activate the bundle", [&](SmallWork& work) {
    // In bucket order, as every commit takes them: nobody waits in a circle.
    work.exec("select 1 from dunlin.bucket order by bucket for update");
    if (activation.replacing) {
      const auto active = work.exec("select coalesce((select number from dunlin.bundle where active), 0)")[0][0].as<int32_t>();
      overtaken = active != *activation.replacing;
      if (overtaken) throw std::runtime_error("overtaken");
    }
    const auto found =
        work.exec("select number, active, author, " + micros("activated_at") + " from dunlin.bundle where content_hash = " + work.quote(program.content_hash));
    if (!found.empty()) version.number = found[0][0].as<int32_t>();
    remember_known_events(work, program);
    if (!found.empty() && found[0][1].as<bool>()) {
      version.author = found[0][2].as<std::string>();
      version.activated_at = found[0][3].as<int64_t>();
      return;
    }
    if (found.empty()) version.number = work.exec("select coalesce(max(number), 0) + 1 from dunlin.bundle")[0][0].as<int32_t>();
    const auto replaced = work.exec("select coalesce((select number from dunlin.bundle where active), 0)")[0][0].as<int32_t>();
    work.exec("update dunlin.bundle set active = false where active");
    if (found.empty()) {
      work.exec(fmt::format("insert into dunlin.bundle values ({}, {}, {}, {}, {}, true)", version.number, work.quote(version.name),
                            work.quote(version.content_hash), work.quote(author), sql_instant(at)));
      for (size_t i = 0; i < sources.files.size(); ++i) {
        work.exec(fmt::format("insert into dunlin.bundle_file values ({}, {}, {}, {})", version.number, i, work.quote(sources.files[i].path),
                              work.quote(sources.files[i].text)));
      }
    } else {
      work.exec(fmt::format("update dunlin.bundle set active = true, author = {}, activated_at = {} where number = {}", work.quote(author), sql_instant(at),
                            version.number));
    }
    // Every case file is stepped once under the new version, those set aside too: it may be the cure.
    work.exec(fmt::format("update dunlin.bucket set generation = {}", version.number));
    work.exec("update dunlin.case_file set set_aside = false where set_aside");
    refused = check_second_person(work, program, activation, version.number);
    if (!refused.empty()) throw std::runtime_error(refused);
    remember_activation(work, activation, version.number, back_to);
    const checked::Department department = checked::read_department(sources, program);
    remember_feeds(work, department, program.bundle.timezone, at);
    remember_campaigns(work, department, program.bundle.timezone, author);
    audit_activation(work, activation, version, replaced);
  });
  if (overtaken) return failed(StoreError::Kind::conflict, "another version has been activated in the meantime; plan again");
  if (!refused.empty()) return failed(activation.proposal ? StoreError::Kind::conflict : StoreError::Kind::input, refused);
  if (!stored) return std::unexpected(stored.error());
  const std::lock_guard hold(guard_);
  known_[&program].version = version.number;
  return version;
}

Result<std::vector<BundleVersion>> PostgresStore::versions() {
  std::vector<BundleVersion> versions;
  int64_t activation = 0;
  auto read = small("read the versions", [&](SmallWork& work) {
    // Before the versions: whatever comes in between is seen the next time.
    activation = work.exec("select coalesce(max(id), 0) from dunlin.activation")[0][0].as<int64_t>();
    for (const auto& row : work.exec("select number, name, content_hash, author, " + micros("activated_at") + ", active from dunlin.bundle order by number")) {
      versions.push_back(
          {row[0].as<int32_t>(), row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<int64_t>(), row[5].as<bool>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  const std::lock_guard hold(guard_);
  activation_ = activation;
  return versions;
}

Result<int32_t> PostgresStore::version_before() {
  int32_t number = 0;
  auto read = small("read the order of activations", [&](SmallWork& work) {
    const auto rows =
        work.exec("select b.version from dunlin.activation a join dunlin.activation b on b.id = a.before where a.id = (select max(id) from dunlin.activation)");
    if (!rows.empty()) number = rows[0][0].as<int32_t>();
  });
  if (!read) return std::unexpected(read.error());
  return number;
}

Result<std::vector<OlderVersions::Standing>> PostgresStore::standing() {
  std::vector<Standing> all;
  auto read = small("count who stands where", [&](SmallWork& work) {
    for (const auto& row :
         work.exec("select n.name, s.version, s.count from (select stage, version, count(*) as count from dunlin.state where stage is not null "
                   "group by stage, version) s join dunlin.name n on n.id = s.stage order by 1, 2")) {
      all.push_back({row[0].as<std::string>(), row[1].as<int32_t>(), row[2].as<int64_t>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  return all;
}

Result<BundleSources> PostgresStore::sources_of(int32_t version) {
  BundleSources sources;
  auto read = small("read a version's sources", [&](SmallWork& work) {
    for (const auto& row : work.exec(fmt::format("select path, content from dunlin.bundle_file where number = {} order by position", version))) {
      sources.files.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  if (sources.files.empty()) return failed(StoreError::Kind::input, fmt::format("there is no version {}", version));
  return sources;
}

}  // namespace dunlin::store
