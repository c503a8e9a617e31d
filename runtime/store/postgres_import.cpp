// Instances and events on their way in: COPY into a temporary table, then one statement for each question about them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "runtime/store/postgres_small.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using Json = nlohmann::json;

namespace {

bool holds_zero_byte(const std::vector<Leaf>& leaves, const int64_t* slots) {
  return std::ranges::any_of(leaves, [&](const Leaf& leaf) {
    if (leaf.type.kind != checked::TypeKind::text || (leaf.optional && slots[leaf.slot] == 0)) return false;
    const auto* text = reinterpret_cast<const abi::Text*>(slots[leaf.value_slot()]);
    return text != nullptr && text->view().find('\0') != std::string_view::npos;
  });
}

Result<void> copy_in(BulkConnection& connection, const std::string& target, const Columns& columns) {
  auto copy = CopyIn::start(connection, target);
  if (!copy) return std::unexpected(copy.error());
  if (auto put = (*copy)->put(columns); !put) return put;
  auto done = (*copy)->finish();
  if (!done) return std::unexpected(done.error());
  return {};
}

/// Runs statements one after the other; adds the rows of each to its counter.
class Statements {
 public:
  explicit Statements(BulkConnection& connection) : connection_(connection) {}
  Statements& run(const std::string& sql, int64_t* rows = nullptr) {
    if (error_) return *this;
    crash_point(Boundary::before);
    auto done = connection_.run(sql);
    if (!done) {
      error_ = done.error();
    } else if (rows != nullptr) {
      *rows += *done;
    }
    return *this;
  }
  /// The first column of the first row.
  Result<std::optional<std::string>> value(const std::string& sql) {
    if (error_) return std::unexpected(*error_);
    crash_point(Boundary::before);
    return connection_.value(sql);
  }
  Result<void> result() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  BulkConnection& connection_;
  std::optional<StoreError> error_;
};

/// One import at a time puts rows of an entity: what is older is found by reading what is known, and that must not change between the reading and the writing.
/// Held until the transaction ends, so that its notes are seen, too. All turns of a transaction are taken before anything else, always in the same order.
Result<void> take_turns(BulkConnection& connection, std::vector<std::string> entities) {
  std::ranges::sort(entities);
  for (const std::string& entity : entities) {
    if (auto held = connection.value(fmt::format("select pg_advisory_xact_lock(48151625, hashtext({}))::text", quote_text(entity))); !held)
      return std::unexpected(held.error());
  }
  return {};
}

/// Takes out of what came, and of `changed`, what is as of earlier than what is known: the row itself, or one that said the same later.
Result<void> leave_older(BulkConnection& connection, const std::string& entity, const Arrival& arrival, ImportCounts& counts) {
  crash_point(Boundary::before);
  const std::string name = quote_text(entity), compared = arrival.newest ? "dunlin_own" : "true";
  auto older = connection.value(fmt::format(
      "with again as (select x.id, max(s.as_of) as as_of from dunlin.seen_again s, unnest(s.ids) x(id) where s.entity = {0} and s.as_of > (select "
      "min(c.dunlin_as_of) from changed c where {1}) and x.id in (select c.dunlin_id from changed c) group by 1), "
      "late as (select c.dunlin_id as id, greatest(c.dunlin_known, a.as_of, u.as_of) as known from changed c left join again a on a.id = c.dunlin_id left join "
      "dunlin.seen_until u on u.entity = {0} where {1} and greatest(c.dunlin_known, a.as_of, u.as_of) > c.dunlin_as_of), "
      "out as (delete from incoming i using late l where l.id = i.dunlin_id), "
      "gone as (delete from changed c using late l where l.id = c.dunlin_id returning c.dunlin_key, l.known) "
      "select coalesce(json_agg(json_build_array(dunlin_key, {2}) order by dunlin_key), '[]')::text from gone",
      name, compared, micros("known")));
  if (!older) return std::unexpected(older.error());
  const Json list = Json::parse(older->value_or("[]"));
  counts.older += static_cast<int64_t>(list.size());
  if (arrival.older == nullptr) return {};
  for (const Json& one : list) arrival.older->push_back({entity, one[0].get<std::string>(), one[1].get<int64_t>()});
  return {};
}

}  // namespace

Result<void> PostgresStore::put_entity(BulkConnection& connection, const Layout& layout, int32_t entity, const std::vector<const InstanceRow*>& rows,
                                       const Arrival& arrival, ImportCounts& counts) {
  const checked::Program& program = layout.program;
  const checked::Entity& kind = program.entities[entity];
  const EntityTable& table = layout.entities[entity];
  const bool root = kind.parent == checked::none;
  const std::string root_name = program.entities[0].name;

  std::vector<ColumnType> types = {ColumnType::int32, ColumnType::int64, ColumnType::int64, ColumnType::int64, ColumnType::text};
  for (const ColumnType type : types_of(table.leaves)) types.push_back(type);
  Columns columns = columns_of(types);
  std::unordered_set<int64_t> seen;
  Columns own = columns_of({ColumnType::int64, ColumnType::timestamp});  // rows that say themselves as of when they are
  for (size_t i = rows.size(); i-- > 0;) {                               // of rows with one key the last counts
    const InstanceRow& row = *rows[i];
    const int64_t id = engine::stable_id(kind.name, row.key), case_id = root ? id : engine::stable_id(root_name, row.root_key);
    if (!seen.insert(id).second) {
      ++counts.duplicates;
      continue;
    }
    if (row.as_of) {
      own[0].add(id);
      own[1].add(*row.as_of);
    }
    columns[0].add(engine::bucket_of(case_id));
    columns[1].add(case_id);
    columns[2].add(id);
    columns[3].add(root ? 0 : engine::stable_id(program.entities[kind.parent].name, row.parent_key.empty() ? row.root_key : row.parent_key));
    columns[4].add(std::string_view(row.key));
    for (size_t leaf = 0; leaf < table.leaves.size(); ++leaf) add_value(program, table.leaves[leaf], row.slots.data(), columns[5 + leaf]);
  }

  std::string definition, assignments, incoming;
  for (size_t i = 0; i < table.leaves.size(); ++i) {
    definition += fmt::format(", {} {}", table.columns[i], sql_type(table.leaves[i]));
    assignments += fmt::format("{} = i.{}, ", table.columns[i], table.columns[i]);
    incoming += fmt::format(", i.{}", table.columns[i]);
  }
  std::string current = incoming;
  for (size_t at = current.find(", i."); at != std::string::npos; at = current.find(", i.", at + 1)) current[at + 2] = 't';
  Statements statements(connection);
  statements.run(fmt::format(
      "create temp table incoming (dunlin_bucket int4, dunlin_case int8, dunlin_id int8, dunlin_parent int8, dunlin_key text{}) on commit drop", definition));
  if (auto made = statements.result(); !made) return made;
  if (auto copied = copy_in(connection, "pg_temp.incoming", columns); !copied) return copied;

  const std::string same_place = "t.dunlin_bucket = i.dunlin_bucket and t.dunlin_case = i.dunlin_case and t.dunlin_id = i.dunlin_id";
  const std::string business_time = sql_instant(arrival.as_of);
  // As of when a row is, and what is joined to know it.
  const bool told = own[0].size() > 0;
  const std::string as_of = told ? "coalesce(o.as_of, " + business_time + ")" : business_time;
  const std::string with_own = told ? " left join own_as_of o on o.id = i.dunlin_id" : "";
  if (told) {
    if (auto made = statements.run("create temp table own_as_of (id int8, as_of timestamptz) on commit drop").result(); !made) return made;
    if (auto copied = copy_in(connection, "pg_temp.own_as_of", own); !copied) return copied;
  }
  const auto set_aside_where = [&](const std::string& reason, const std::string& condition) {
    statements.run(
        fmt::format(
            "with bad as (delete from incoming i where {} returning *), kept as (insert into dunlin.quarantine (at, kind, location, reason, body, bucket, "
            "case_id) select {}, 'row', {} || ' ' || i.dunlin_key, {}, row_to_json(i.*)::text, i.dunlin_bucket, i.dunlin_case from bad i "
            "where not exists (select 1 from dunlin.quarantine q where q.location = {} || ' ' || i.dunlin_key and q.kind = 'row' and q.reason = {} "
            "and q.body = row_to_json(i.*)::text)) select 1 from bad",
            condition, business_time, quote_text(kind.name), quote_text(reason), quote_text(kind.name), quote_text(reason)),
        &counts.set_aside);
  };
  statements.run("analyze incoming");
  if (!root) {
    const checked::Entity& parent = program.entities[kind.parent];
    set_aside_where(
        fmt::format("its {} is not there; import that first", parent.name),
        fmt::format(
            "not exists (select 1 from {} t where t.dunlin_bucket = i.dunlin_bucket and t.dunlin_case = i.dunlin_case and t.dunlin_id = i.dunlin_parent)",
            layout.entities[kind.parent].table));
    set_aside_where(fmt::format("it already hangs on another {}", root_name),
                    fmt::format("exists (select 1 from {} t where t.dunlin_key = i.dunlin_key and t.dunlin_case <> i.dunlin_case)", table.table));
  }
  set_aside_where("another key has the same identity; change the key",
                  fmt::format("exists (select 1 from {} t where {} and t.dunlin_key <> i.dunlin_key)", table.table, same_place));

  int64_t changed = 0, inserted = 0;
  statements.run("create temp table touched (bucket int4, case_id int8) on commit drop")
      .run("create temp table changed (like incoming, dunlin_as_of timestamptz, dunlin_known timestamptz, dunlin_own bool) on commit drop")
      .run(fmt::format("insert into changed select i.*, {}, t.dunlin_since, {} from incoming i join {} t on {}{} where (t.dunlin_parent{}) is distinct from "
                       "(i.dunlin_parent{})",
                       as_of, told ? "o.id is not null" : "false", table.table, same_place, with_own, current, incoming));
  if (!arrival.correct && (!arrival.newest || told)) {
    if (auto made = statements.result(); !made) return made;
    if (auto kept = leave_older(connection, kind.name, arrival, counts); !kept) return kept;
  }
  statements
      .run(fmt::format("insert into {0} (dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent, dunlin_key, dunlin_since, dunlin_until{1}) select "
                       "t.dunlin_bucket, t.dunlin_case, "
                       "t.dunlin_id, t.dunlin_parent, t.dunlin_key, t.dunlin_since, i.dunlin_as_of{2} from {3} t join changed i on {4} where t.dunlin_since < "
                       "i.dunlin_as_of",
                       table.past, table.list, current, table.table, same_place))
      .run(fmt::format("update {} t set {}dunlin_parent = i.dunlin_parent, dunlin_since = greatest(t.dunlin_since, i.dunlin_as_of) from changed i where {}",
                       table.table, assignments, same_place),
           &changed)
      .run("insert into touched select dunlin_bucket, dunlin_case from changed");
  // What is known goes out of the rows that came. Where it says the same as of later than before, that is remembered, in one row for all of them.
  const std::string remembered =
      arrival.remember ? fmt::format(
                             ", kept as (insert into dunlin.seen_again (entity, as_of, ids) select {}, {}, array_agg(i.dunlin_id) from known i{} where "
                             "i.dunlin_since < {} group by 2)",
                             quote_text(kind.name), as_of, with_own, as_of)
                       : "";
  auto left =
      statements.value(fmt::format("with known as (delete from incoming i using {} t where {} returning i.dunlin_id, t.dunlin_since){} select count(*) "
                                   "from known",
                                   table.table, same_place, remembered));
  if (!left) return std::unexpected(left.error());
  statements.run(fmt::format("insert into {} (dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent, dunlin_key, dunlin_since{}) select i.dunlin_bucket, "
                             "i.dunlin_case, i.dunlin_id, "
                             "i.dunlin_parent, i.dunlin_key, {}{} from incoming i{} order by 1, 2, 3",
                             table.table, table.list, as_of, incoming, with_own),
                 &inserted);
  if (arrival.remember) statements.run(fmt::format("select dunlin.forget_seen({}, {})", quote_text(kind.name), business_time));
  if (root) {
    // A case file that is new is due at once; one that is not gets a mark.
    statements.run(
        "insert into dunlin.case_file (bucket, case_id, step_no, version, wake_at) select dunlin_bucket, dunlin_case, 0, 0, '-infinity' from incoming order by "
        "1, 2 on conflict do "
        "nothing");
  } else {
    statements.run("insert into touched select dunlin_bucket, dunlin_case from incoming");
  }
  statements.run("insert into dunlin.inbox (bucket, at, case_id, kind) select distinct bucket, '-infinity'::timestamptz, case_id, 1 from touched order by 1")
      .run("update dunlin.case_file c set set_aside = false from touched i where c.bucket = i.bucket and c.case_id = i.case_id and c.set_aside")
      .run(told ? "drop table incoming, touched, changed, own_as_of" : "drop table incoming, touched, changed");
  counts.changed += changed;
  counts.inserted += inserted;
  counts.unchanged += std::stoll(left->value_or("0")) - changed;
  return statements.result();
}

namespace {

/// A table that came into being a minute ago has no statistics, and PostgreSQL reads it whole where an index would give one page; its own daemon looks once a
/// minute, and not before the import has ended. So a table is looked at whenever it is twice as large as it was then: some twenty times on the way to a million
/// rows. Nothing waits for it, and what is locked otherwise is left to the daemon.
void renew_statistics(SmallWork& work, const Layout& layout) {
  std::string tables = "'dunlin.case_file'";
  for (const EntityTable& one : layout.entities) tables += ", " + quote_text(one.table) + ", " + quote_text(one.past);
  const auto grown = work.exec("select c.oid::regclass::text from pg_class c where c.oid = any (array(select to_regclass(x) from unnest(array[" + tables +
                               "]) x)) and pg_has_role(c.relowner, 'usage') and pg_relation_size(c.oid) / 8192 >= greatest(32, 2 * c.relpages)");
  for (const auto& row : grown) work.exec("analyze (skip_locked) " + row[0].as<std::string>());
}

}  // namespace

Result<std::optional<Instant>> PostgresStore::reached() {
  std::optional<Instant> latest;
  auto read = small("read how far case files were stepped", [&](SmallWork& work) {
    const auto rows = work.exec("select " + micros("max(as_of)") + " from dunlin.bucket");
    if (!rows[0][0].is_null()) latest = rows[0][0].as<int64_t>();
  });
  if (!read) return std::unexpected(read.error());
  return latest;
}

Result<ImportCounts> PostgresStore::put_rows(const checked::Program& program, const std::vector<InstanceRow>& rows, const Arrival& arrival) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  ImportCounts counts;
  std::vector<SetAside> unfit;
  std::vector<std::vector<const InstanceRow*>> by_entity(program.entities.size());
  for (const InstanceRow& row : rows) {
    const auto& leaves = (*layout)->entities[row.entity].leaves;
    if (row.key.empty() || row.key.find('\0') != std::string::npos || holds_zero_byte(leaves, row.slots.data())) {
      const char* reason = row.key.empty() ? "it has no key" : "a text in it holds a zero byte";
      unfit.push_back({"row", program.entities[row.entity].name + " " + row.key.substr(0, row.key.find('\0')), reason, "{}", arrival.as_of});
      continue;
    }
    by_entity[row.entity].push_back(&row);
  }
  std::vector<std::string> entities;
  for (size_t e = 0; e < by_entity.size(); ++e) {
    if (!by_entity[e].empty()) entities.push_back(program.entities[e].name);
  }
  auto done = write([&](BulkConnection& connection) -> Result<void> {
    if (auto turns = take_turns(connection, entities); !turns) return turns;
    for (size_t e = 0; e < by_entity.size(); ++e) {  // parents stand before their children
      if (by_entity[e].empty()) continue;
      auto put = put_entity(connection, **layout, static_cast<int32_t>(e), by_entity[e], arrival, counts);
      if (!put) return put;
    }
    return {};
  });
  if (!done) return std::unexpected(done.error());
  if (auto kept = set_aside(unfit); !kept) return std::unexpected(kept.error());
  counts.set_aside += static_cast<int64_t>(unfit.size());
  // The rows are there, whatever becomes of the statistics.
  if (counts.inserted > 0) (void)small("renew the statistics", [&](SmallWork& work) { renew_statistics(work, **layout); });
  return counts;
}

namespace {

/// Everything about an event that is needed to post it again.
std::string event_json(const Layout& layout, const EventRow& row) {
  std::string json = "{\"event\": ";
  append_json_text(json, layout.program.events[row.type].name);
  for (const auto& [name, text] : {std::pair<const char*, std::string>{"entity", layout.program.entities[row.entity].name},
                                   {"key", row.owner_key},
                                   {"source", row.source},
                                   {"external_id", row.external_id},
                                   {"at", instant_text(row.at)}}) {
    json += fmt::format(", \"{}\": ", name);
    append_json_text(json, text);
  }
  return json + ", \"payload\": " + values_to_json(layout.program, layout.events[row.type], row.slots.data()) + "}";
}

/// Takes events of unknown and closed instances out of the ones that came, into the quarantine, from where dunlin.quarantine_retry() posts them again.
Result<void> set_events_aside(BulkConnection& connection, const Layout& layout, int32_t entity, const std::vector<EventRow>& rows, ImportCounts& counts) {
  const std::string name = quote_text(layout.program.entities[entity].name);
  auto bad = connection.value(fmt::format(
      "with unknown as (delete from incoming_event i where entity = {0} and not exists (select 1 from {1} t where t.dunlin_bucket = i.bucket and "
      "t.dunlin_case = i.case_id and t.dunlin_id = i.instance_id) returning i.nth), "
      "shut as (delete from incoming_event i using dunlin.closed_instance c where i.entity = {0} and c.entity = {2} and c.key = i.owner_key and "
      "i.at >= c.since and exists (select 1 from {1} t where t.dunlin_bucket = i.bucket and t.dunlin_case = i.case_id and t.dunlin_id = i.instance_id) "
      "returning i.nth, c.since, c.reason) "
      "select json_agg(json_build_array(nth, why) order by nth)::text from (select nth, '' as why from unknown union all select nth, ' is closed since ' "
      "|| since || ': ' || reason from shut) x",
      entity, layout.entities[entity].table, name));
  if (!bad) return std::unexpected(bad.error());
  if (!*bad) return {};
  using enum ColumnType;
  Columns aside = columns_of({timestamp, text, text, text, text, text});
  for (const Json& one : Json::parse(**bad)) {
    const EventRow& row = rows[one[0].get<size_t>()];
    const std::string why = one[1], subject = fmt::format("{} `{}`", layout.program.entities[entity].name, row.owner_key);
    aside[0].add(row.at);
    aside[1].add(std::string_view(layout.program.entities[entity].name + " " + row.owner_key));
    aside[2].add(std::string_view(why.empty() ? "there is no " + subject : subject + why));
    aside[3].add(std::string_view(event_json(layout, row)));
    aside[4].add(std::string_view(row.source));
    row.external_id.empty() ? aside[5].add_missing() : aside[5].add(std::string_view(row.external_id));
  }
  const auto sent = static_cast<int64_t>(aside[0].size());
  auto kept = connection.call(
      "insert into dunlin.quarantine (at, kind, location, reason, body, source, external_id) select at, 'event', location, reason, body, source, external_id "
      "from unnest($1, $2, $3, $4, $5, $6) i(at, location, reason, body, source, external_id) on conflict do nothing",
      aside);
  if (!kept) return std::unexpected(kept.error());
  int64_t differing = 0;
  if (*kept < sent) {
    auto told = connection.call(
        "insert into dunlin.quarantine (at, kind, location, reason, body) select at, 'row', location, format('%s `%s` waits with another time or other values, "
        "and "
        "stays as it was', body::jsonb ->> 'event', external_id), body from unnest($1, $2, $3, $4, $5, $6) i(at, location, reason, body, source, external_id) "
        "where "
        "external_id is not null and dunlin.known_aside(source, external_id, location, body::jsonb) = 'differs'",
        aside);
    if (!told) return std::unexpected(told.error());
    differing = *told;
  }
  counts.set_aside += *kept;
  counts.differs += differing;
  counts.duplicates += sent - *kept - differing;
  return {};
}

}  // namespace

Result<ImportCounts> PostgresStore::post_events(const checked::Program& program, const std::vector<EventRow>& rows) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  using enum ColumnType;
  Columns columns = columns_of({int32, int64, int32, int64, timestamp, int32, text, text, bytea, text, int32});
  std::vector<bool> used(program.entities.size());
  for (const EventRow& row : rows) {
    const int64_t case_id = engine::stable_id(program.entities[0].name, row.root_key);
    used[row.entity] = true;
    columns[0].add(engine::bucket_of(case_id));
    columns[1].add(case_id);
    columns[2].add(row.entity);
    columns[3].add(engine::stable_id(program.entities[row.entity].name, row.owner_key));
    columns[4].add(row.at);
    columns[5].add((*layout)->event_ids[row.type]);
    columns[6].add(std::string_view(row.source));
    columns[7].add(std::string_view(row.external_id));
    columns[8].add(std::string_view(pack_values(program, (*layout)->events[row.type], row.slots.data())));
    columns[9].add(std::string_view(row.owner_key));
    columns[10].add(&row - rows.data());
  }
  ImportCounts counts;
  auto done = write([&](BulkConnection& connection) -> Result<void> {
    Statements statements(connection);
    statements.run(
        "create temp table incoming_event (seq int8 not null default nextval('dunlin.arrival'), bucket int4, case_id int8, entity int4, instance_id int8, at "
        "timestamptz, type int4, "
        "source text, external_id text, body bytea, owner_key text, nth int4, key uuid generated always as (dunlin.event_key_of(source, external_id, "
        "instance_id)) "
        "stored) on "
        "commit drop");
    if (auto made = statements.result(); !made) return made;
    auto copied =
        copy_in(connection, "pg_temp.incoming_event (bucket, case_id, entity, instance_id, at, type, source, external_id, body, owner_key, nth)", columns);
    if (!copied) return copied;
    statements.run("analyze incoming_event");
    for (size_t e = 0; e < used.size(); ++e) {
      if (!used[e]) continue;
      if (auto kept = set_events_aside(connection, **layout, static_cast<int32_t>(e), rows, counts); !kept) return kept;
    }
    int64_t differing = 0;
    statements
        .run(
            "delete from incoming_event i using (select seq, row_number() over (partition by bucket, key order by seq) as nth from incoming_event where "
            "external_id <> '') d "
            "where d.seq = i.seq and d.nth > 1",
            &counts.duplicates)
        // Known with other content: whoever sent it hears of it. What came byte for byte is found by its time; only the rest is taken apart.
        .run(
            "with odd as materialized (select i.bucket, i.case_id, i.instance_id, i.type, i.at, i.source, i.external_id, i.body, i.owner_key, i.nth from "
            "incoming_event i where i.external_id <> '' and exists (select 1 from dunlin.event_key k where k.bucket = i.bucket and k.key = any (array[i.key, "
            "md5(i.source || e'\\x1f' || i.external_id)::uuid])) and not exists (select 1 from dunlin.event e where e.bucket = i.bucket and e.case_id = "
            "i.case_id "
            "and e.at = i.at and e.instance_id = i.instance_id and e.source = i.source and e.external_id = i.external_id and e.type = i.type and e.body = "
            "i.body)) "
            "insert into dunlin.quarantine (at, kind, location, reason, body) select i.at, 'row', t.owner || ' ' || i.owner_key, format('%s `%s` is known with "
            "another time or other values, and stays as it was', t.name, i.external_id), jsonb_build_object('event', t.name, 'entity', t.owner, 'key', "
            "i.owner_key, "
            "'at', i.at, 'source', i.source, 'external_id', i.external_id, 'payload', dunlin.unpacked(i.body, i.type))::text from odd i join dunlin.event_type "
            "t on "
            "t.id = i.type where dunlin.known_event(i.bucket, i.case_id, i.instance_id, i.type, i.at, i.source, i.external_id, dunlin.unpacked(i.body, "
            "i.type)) = "
            "'differs' order by i.nth",
            &differing)
        .run("delete from incoming_event i using dunlin.event_key k where k.bucket = i.bucket and k.key = i.key and i.external_id <> ''", &counts.duplicates)
        .run("insert into dunlin.event_key select bucket, key from incoming_event where external_id <> '' order by 1, 2")
        // Keys of before migration 042 do not say what the event is about: there the event itself is asked.
        .run(
            "delete from incoming_event i using dunlin.event_key k where i.external_id <> '' and k.bucket = i.bucket and k.key = "
            "md5(i.source || e'\\x1f' || i.external_id)::uuid and exists (select 1 from dunlin.event e where e.bucket = i.bucket and e.case_id = i.case_id and "
            "e.instance_id = i.instance_id and e.source = i.source and e.external_id = i.external_id)",
            &counts.duplicates)
        .run(
            "insert into dunlin.event (bucket, case_id, at, seq, instance_id, type, source, external_id, body) select bucket, case_id, at, seq, instance_id, "
            "type, source, "
            "external_id, body from incoming_event order by bucket, case_id, at, seq",
            &counts.inserted)
        .run("insert into dunlin.inbox (bucket, at, seq, case_id, kind) select bucket, at, seq, case_id, 0 from incoming_event order by bucket, at, seq")
        .run("notify dunlin, 'event'")
        .run("drop table incoming_event");
    counts.differs += differing;
    counts.duplicates -= differing;
    return statements.result();
  });
  if (!done) return std::unexpected(done.error());
  return counts;
}

Result<void> PostgresStore::set_aside(const std::vector<SetAside>& rows) {
  if (rows.empty()) return {};
  using enum ColumnType;
  Columns columns = columns_of({timestamp, text, text, text, text});
  for (const SetAside& row : rows) {
    columns[0].add(row.at);
    columns[1].add(std::string_view(row.kind));
    columns[2].add(std::string_view(row.where));
    columns[3].add(std::string_view(row.reason));
    std::string body = row.body;
    std::erase(body, '\0');
    columns[4].add(std::string_view(body));
  }
  return write([&](BulkConnection& connection) { return copy_in(connection, "dunlin.quarantine (at, kind, location, reason, body)", columns); });
}

Result<std::vector<SetAside>> PostgresStore::quarantine(int64_t limit) { return quarantined("", limit); }

Result<std::vector<SetAside>> PostgresStore::quarantine_of(const std::string& entity, const std::string& key, int64_t limit) {
  return quarantined("where location = " + quote_text(entity + " " + key), limit);
}

Result<std::vector<SetAside>> PostgresStore::quarantined(const std::string& where, int64_t limit) {
  std::vector<SetAside> rows;
  auto read = small("read what was set aside", [&](SmallWork& work) {
    for (const auto& row : work.exec(fmt::format(
             "select kind, location, reason || case when resolved_at is null then '' when kind = 'event' and exists (select from "
             "dunlin.instance_key k join dunlin.event e on e.bucket = k.bucket and e.case_id = k.case_id and e.instance_id = k.id where k.entity || "
             "' ' || k.key = location and e.source = q.source and e.external_id = q.external_id) then '; taken in at ' || to_char(resolved_at at "
             "time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC' else '; dealt with at ' || to_char(resolved_at at time zone 'UTC', 'YYYY-MM-DD "
             "HH24:MI') || ' UTC' end, body, {} from dunlin.quarantine q {} order by id desc limit {}",
             micros("at"), where, limit))) {
      rows.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<int64_t>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  return rows;
}

}  // namespace dunlin::store
