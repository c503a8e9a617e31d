#include "runtime/store/postgres_definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lang/sema/stage_orders.h"
#include "runtime/store/definitions.h"
#include "runtime/store/postgres_letters.h"
#include "runtime/store/postgres_people.h"

namespace dunlin::store {

using checked::TypeKind;

void remember_names(pqxx::work& work, const Layout& layout) {
  std::string values;
  std::set<std::pair<std::string, std::string>> names;
  for (auto& name : layout.names()) names.insert(std::move(name));
  for (const auto& [kind, name] : names) values += fmt::format("{}({}, {})", values.empty() ? "" : ", ", work.quote(kind), work.quote(name));
  if (values.empty()) return;
  // `on conflict` would burn a number each time
  work.exec("insert into dunlin.name (kind, name) select * from (values " + values +
            ") v(kind, name) where not exists (select 1 from dunlin.name n where n.kind = v.kind and n.name = v.name)");
}

namespace {

void remember_rules(pqxx::work& work, const checked::Program& program) {
  std::map<int64_t, std::string> rows;
  const auto add = [&](const std::string& strategy, const std::string& stage, const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      rows.try_emplace(static_cast<int64_t>(rule.key),
                       fmt::format("({}, {}, {}, {})", static_cast<int64_t>(rule.key), work.quote(strategy), work.quote(stage), work.quote(rule.name)));
    }
  };
  for (const auto& stage : program.stages) add(program.strategies[stage.strategy].name, stage.name, stage.rules);
  for (const auto& strategy : program.strategies) add(strategy.name, "", strategy.rules);
  for (const auto& always : program.always) add("", "", always.rules);
  std::string values;
  for (const auto& [key, row] : rows) values += (values.empty() ? "" : ", ") + row;
  if (values.empty()) return;
  work.exec("insert into dunlin.rule values " + values +
            " on conflict (key) do update set strategy = excluded.strategy, stage = excluded.stage, name = excluded.name");
}

/// Kinds of JSON values that dunlin.fits() tells apart; everything else comes as text.
std::string json_kind(const checked::Program& program, const checked::Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
    case TypeKind::integer:
    case TypeKind::decimal:
    case TypeKind::number:
    case TypeKind::money:
    case TypeKind::date:
    case TypeKind::time:
    case TypeKind::datetime:
      return checked::type_name(program, type.known());
    case TypeKind::enumeration:
      return "enum";
    default:
      return "text";
  }
}

void remember_events(pqxx::work& work, const Layout& layout) {
  const checked::Program& program = layout.program;
  for (size_t e = 0; e < program.events.size(); ++e) {
    const checked::EventType& event = program.events[e];
    if (checked::is_stage_order(program, event)) continue;  // nobody reports it
    const std::string number = fmt::format("(select id from dunlin.name where kind = 'event' and name = {})", work.quote(event.name));
    const std::string owner = event.owner < 0 ? "" : program.entities[event.owner].name;
    const std::string queue = work.quote(event.queue == checked::none ? "" : program.queues[static_cast<size_t>(event.queue)].name);
    // What no version has said before is taken in only once a version that says it is active.
    work.exec(
        fmt::format("insert into dunlin.event_type (id, name, alias, owner, leaf, queue, known) select {}, {}, {}, {}, {}, {}, not exists (select from "
                    "dunlin.bundle where active) on conflict (id) do update set alias = excluded.alias, owner = excluded.owner, leaf = excluded.leaf, "
                    "queue = coalesce(nullif(excluded.queue, ''), event_type.queue, '')",
                    number, work.quote(event.name), work.quote(event.alias), work.quote(owner), event.leaf, queue));
    std::string fields = "''";
    for (const Leaf& leaf : layout.events[e]) fields += ", " + work.quote(leaf.name);
    // Fields that are gone may come back. One that is here again is what it was, or nothing is kept that holds it: look_at_kept_events() has seen to that.
    work.exec(fmt::format("delete from dunlin.event_field_past where type = {} and name in ({})", number, fields));
    const auto gone = work.exec(fmt::format(
        "insert into dunlin.event_field_past select type, name, kind from dunlin.event_field where type = {} and name not in ({})", number, fields));
    if (gone.affected_rows() > 0)
      work.exec(fmt::format("delete from dunlin.event_field_past where type = {0} and not exists (select from dunlin.event where type = {0})", number));
    work.exec("delete from dunlin.event_field where type = " + number);
    for (const Leaf& leaf : layout.events[e]) {
      std::string literals = "null";
      if (leaf.type.kind == TypeKind::enumeration) {
        literals.clear();
        for (const std::string& literal : program.enums[leaf.type.id].literals) literals += (literals.empty() ? "" : ", ") + work.quote(literal);
        literals = "array[" + literals + "]::text[]";
      }
      const bool exact = leaf.type.kind == TypeKind::money || leaf.type.kind == TypeKind::decimal;
      work.exec(fmt::format("insert into dunlin.event_field values ({}, {}, {}, {}, {}, {})", number, work.quote(leaf.name),
                            work.quote(json_kind(program, leaf.type)), leaf.optional, literals, exact ? std::to_string(leaf.scale) : "null"));
    }
  }
}

/// What a supervisor may name.
void remember_stages(pqxx::work& work, const checked::Program& program) {
  work.exec("delete from dunlin.strategy_stage");
  for (const checked::Stage& stage : program.stages) {
    work.exec(fmt::format("insert into dunlin.strategy_stage values ({}, {}, {}) on conflict do nothing", work.quote(program.strategies[stage.strategy].name),
                          work.quote(stage.name), stage.is_final));
  }
}

/// Events of requests follow from decisions; nobody reports them.
void remember_request_events(pqxx::work& work, const checked::Program& program) {
  std::string names = "''";
  for (const checked::Request& request : program.requests) {
    for (checked::Index event = request.event; event <= program.events[static_cast<size_t>(request.event)].last_descendant; ++event) {
      names += ", " + work.quote(program.events[static_cast<size_t>(event)].name);
    }
  }
  work.exec(fmt::format("update dunlin.event_type set of_request = name in ({0}) where of_request <> (name in ({0}))", names));
}

/// What the bundle says about its queues; what people set stays.
void remember_queues(pqxx::work& work, const checked::Program& program) {
  for (const checked::Queue& queue : program.queues) {
    const std::string cost = fmt::format("round({0}::numeric / power(10::numeric, {1}), {1})", queue.cost, program.bundle.minor_digits);
    work.exec(
        fmt::format("insert into dunlin.queue_setting (queue, name, outcomes, cost, lease) select id, name, {}, {}, interval '{} microseconds' "
                    "from dunlin.name where kind = 'queue' and name = {} on conflict (queue) do update set outcomes = excluded.outcomes, "
                    "cost = excluded.cost, lease = excluded.lease, lease_max = greatest(queue_setting.lease_max, excluded.lease)",
                    queue.outcomes == checked::none ? "null" : work.quote(program.events[queue.outcomes].name), cost, queue.lease_us, work.quote(queue.name)));
  }
}

}  // namespace

std::optional<std::string> look_at_kept_events(pqxx::work& work, const Layout& layout) {
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> kept;  // event and field: its kind, the event's number
  for (const auto& row :
       work.exec("select e.name, f.name, f.kind, e.id from dunlin.event_type e join (select type, name, kind from dunlin.event_field union all "
                 "select type, name, kind from dunlin.event_field_past) f on f.type = e.id"))
    kept[{row[0].as<std::string>(), row[1].as<std::string>()}] = {row[2].as<std::string>(), row[3].as<std::string>()};
  for (size_t e = 0; e < layout.events.size(); ++e) {
    const std::string& event = layout.program.events[e].name;
    for (const Leaf& leaf : layout.events[e]) {
      const auto found = kept.find({event, leaf.name});
      const std::string wanted = json_kind(layout.program, leaf.type);
      if (found == kept.end() || found->second.first == wanted) continue;
      if (work.exec("select 1 from dunlin.event where type = " + found->second.second + " limit 1").empty()) continue;
      return fmt::format("`{}.{}` is {} in the bundle, but events are kept that hold it as {}; give the field another name", event, leaf.name, wanted,
                         found->second.first);
    }
  }
  return std::nullopt;
}

void remember_definitions(SmallWork& work, const Layout& layout) {
  remember_names(work, layout);
  remember_rules(work, layout.program);
  remember_events(work, layout);
  remember_request_events(work, layout.program);
  remember_stages(work, layout.program);
  remember_queues(work, layout.program);
  remember_people(work, layout);
  remember_letters(work, layout);
}

namespace {

/// Tables that remember_definitions() writes, with the columns that are the bundle's: people set some of the others.
struct DefinitionTable {
  const char* name;
  const char* row;
};
const DefinitionTable definition_tables[] = {
    {"name", "kind || ' ' || name"},   {"rule", "t::text"},
    {"event_type", "t::text"},         {"event_field", "t::text"},
    {"strategy_stage", "t::text"},     {"queue_setting", "format('%s, outcomes %s, cost %s, lease %s', name, outcomes, cost, lease)"},
    {"schedule", "t::text"},           {"territory", "t::text"},
    {"territory_capacity", "t::text"}, {"number_range", "format('queue %s, %s%s-%s%s, %s digits, gone %s', queue, prefix, low, high, suffix, digits, gone)"},
    {"letter_words", "t::text"},
};

using Rows = std::multiset<std::string>;

std::vector<Rows> rows_of_definitions(SmallWork& work) {
  std::vector<Rows> all;
  for (const DefinitionTable& table : definition_tables) {
    Rows& rows = all.emplace_back();
    for (const auto& row : work.exec(fmt::format("select {} from dunlin.{} t", table.row, table.name))) rows.insert(row[0].as<std::string>());
  }
  return all;
}

/// What is in `a` and not in `b`.
std::vector<std::string> without(const Rows& a, const Rows& b) {
  std::vector<std::string> only;
  std::ranges::set_difference(a, b, std::back_inserter(only));
  return only;
}

std::string differences(const std::vector<Rows>& there, const std::vector<Rows>& written) {
  std::string found;
  for (size_t i = 0; i < there.size(); ++i) {
    const auto missing = without(written[i], there[i]), more = without(there[i], written[i]);
    const auto add = [&](const std::vector<std::string>& rows, const char* what) {
      if (!rows.empty())
        found += fmt::format("{}{} rows of dunlin.{} {}, such as {}", found.empty() ? "" : "; ", rows.size(), definition_tables[i].name, what, rows.front());
    };
    add(missing, "are missing or otherwise");
    if (missing.empty()) add(more, "are not the version's");
  }
  return found;
}

}  // namespace

/// Written once more and taken back: what that changed was not as it should be. Rows are locked for some milliseconds.
Result<Store::Finding> PostgresStore::compare_definitions(const checked::Program& program) {
  const Layout layout(program);
  Store::Finding finding{"definitions", true, "events, stages, queues and people stand in the database as the active version says"};
  bool busy = false;
  auto looked = small("compare what the active version says with what stands in the database", [&](SmallWork& work) {
    if (work.exec("select pg_is_in_recovery()")[0][0].as<bool>()) {
      finding.detail = "not looked at: this is a standby";
      return;
    }
    const auto prepared = work.exec("select content_hash from dunlin.prepared");
    if (prepared.empty() || prepared[0][0].as<std::string>() != program.content_hash) {
      finding.detail = "not looked at: the next import, run or serve of the active version writes them";  // a step of the schema asks for it
      return;
    }
    work.exec("set local lock_timeout = '2s'");
    try {
      work.exec("select pg_advisory_xact_lock(4815162342)");  // as prepare()
      const auto there = rows_of_definitions(work);
      work.exec("savepoint definitions");
      remember_definitions(work, layout);
      const auto written = rows_of_definitions(work);
      work.exec("rollback to savepoint definitions");
      const std::string found = differences(there, written);
      if (found.empty()) return;
      finding.good = false;
      finding.detail = found +
                       "; `delete from dunlin.prepared`, and the next `dunlin run` of the active version's files (`dunlin bundle sources --to FOLDER`) writes "
                       "them again";
    } catch (const pqxx::sql_error& error) {
      busy = error.sqlstate() == "55P03";
      throw;
    }
  });
  if (busy) finding.detail = "not looked at: somebody holds rows of queues or people for longer than 2 s; try again";
  if (!looked && !busy) return std::unexpected(looked.error());
  return finding;
}

Definitions* definitions_of(Store& store) { return dynamic_cast<Definitions*>(&store); }

}  // namespace dunlin::store
