#include "runtime/store/postgres_soundness.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace dunlin::store {

namespace {

using Clock = std::chrono::steady_clock;
using Within = std::optional<std::chrono::milliseconds>;

constexpr int64_t least_rows = 5'000;  // of each kind: a small database is looked at whole, however busy its machine is
constexpr auto restore_it = "restore the database from a backup";

/// What must hold for each row of a bucket. `rows`: SQL with {} for the list of the buckets; it selects `wrong` (bool) and `example` (text).
struct RowRule {
  const char* name;
  const char* rows;
  const char* holds;
  const char* broken;  // follows "N "
  const char* remedy;
};

const RowRule row_rules[] = {
    {"event keys",
     "select k.key is null and b.key is null as wrong, e.source || ' ' || e.external_id as example from dunlin.event e left join dunlin.event_key k on "
     "k.bucket = e.bucket and k.key = dunlin.event_key_of(e.source, e.external_id, e.instance_id) left join dunlin.event_key b on b.bucket = e.bucket and "
     "b.key = md5(e.source || e'\\x1f' || e.external_id)::uuid where e.bucket = any({}) and e.external_id <> ''",  // b: keys of before migration 042
     "each event with an external id is known by it", "events are not known by their external id any more, so that sending them again would count them twice",
     "import nothing before the keys are made again (docs/guides/operations.md, \"A damaged database\")"},
    {"inbox",
     "select (i.kind = 0 and e.seq is null) or c.case_id is null as wrong, format('case file %s at %s', i.case_id, i.at) as example from dunlin.inbox i left "
     "join "
     "dunlin.event e on i.kind = 0 and e.bucket = i.bucket and e.case_id = i.case_id and e.at = i.at and e.seq = i.seq left join dunlin.case_file c on "
     "c.bucket = "
     "i.bucket and c.case_id = i.case_id where i.bucket = any({})",
     "what waits for a step has its event and its case file", "rows of dunlin.inbox wait for a step without their event or case file", restore_it},
    {"states",
     "select c.case_id is null or (s.version > 0 and b.number is null) as wrong, format('case file %s, instance %s', s.case_id, s.instance_id) as example from "
     "dunlin.state s left join dunlin.case_file c on c.bucket = s.bucket and c.case_id = s.case_id left join dunlin.bundle b on b.number = s.version where "
     "s.bucket = any({})",
     "each has its case file and its version", "rows of dunlin.state have lost their case file or the version they stand under", restore_it},
    {"tasks",
     "select o.task is null or b.task is null or d.task is not null or (o.task is not null and q.queue is null) as wrong, coalesce(o.task, b.task)::text as "
     "example "
     "from (select * from dunlin.task_open where bucket = any({0})) o full join (select * from dunlin.task_body where bucket = any({0})) b using (bucket, "
     "case_id, "
     "task) left join dunlin.task_done d on d.bucket = o.bucket and d.case_id = o.case_id and d.task = o.task left join dunlin.name n on n.id = o.queue left "
     "join dunlin.queue_setting q on q.queue = n.id",
     "each open task has its body and its queue, and is not over as well", "open tasks have lost their body or their queue, or are over as well", restore_it},
    {"limits",
     "select exists (select from jsonb_array_elements(b.limits::jsonb) x where not exists (select from dunlin.limit_line l where l.key = (x ->> "
     "'line')::int8)) "
     "as wrong, b.task::text as example from dunlin.task_body b where b.bucket = any({}) and b.limits is not null",
     "each task has the lines that judge it", "open tasks have lost a line of their limits, which counts for nobody now", restore_it},
    {"places in line",
     "select o.seq > (select t.last_value from dunlin.turn t) as wrong, o.task::text as example from dunlin.task_open o where o.bucket = any({})",
     "each was given once", "open tasks have a place in line that is not given yet: later ones would stand before them",
     "select setval('dunlin.turn', (select max(seq) from dunlin.task_open))"},
    {"ways",
     "select s.case_id is null or (s.stage is not null and s.entered_at >= dunlin.history_begins() and (t.last is null or t.last < s.entered_at)) as wrong, "
     "format('case file %s, instance %s', coalesce(s.case_id, t.case_id), coalesce(s.instance_id, t.instance_id)) as example from (select * from dunlin.state "
     "where bucket = any({0})) s full join (select bucket, case_id, instance_id, max(at) as last from dunlin.transition where bucket = any({0}) group by 1, 2, "
     "3) t on (t.bucket, t.case_id, t.instance_id) = (s.bucket, s.case_id, s.instance_id)",
     "who has come into a stage has a state, and the other way round", "instances have lost their state, or the way that led to it", restore_it},
    {"wakes",
     "select c.wake_at > s.wake_at as wrong, format('case file %s', c.case_id) as example from dunlin.case_file c join (select bucket, case_id, min(wake_at) "
     "as "
     "wake_at from dunlin.state where bucket = any({0}) group by 1, 2) s on (s.bucket, s.case_id) = (c.bucket, c.case_id) where c.bucket = any({0}) and not "
     "c.set_aside and c.step_no > 0 and c.version = (select b.number from dunlin.bundle b where b.active)",
     "each case file is woken for its next instance", "case files sleep longer than an instance of theirs", "dunlin run --full steps each of them"},
    {"commits",
     "select b.batch > 0 and b.as_of >= dunlin.history_begins() and not exists (select from dunlin.decision d where d.bucket = b.bucket and d.batch = b.batch) "
     "as wrong, format('bucket %s, commit %s', b.bucket, b.batch) as example from dunlin.bucket b where b.bucket = any({})",
     "the last one of each bucket has its record", "buckets have lost the record of their last commit", restore_it},
    {"leases",
     "select o.status = 1 and o.lease_until < (select r.settled - interval '1 minute' from dunlin.queue_round r order by r.at desc limit 1) as wrong, "
     "o.task::text as example from dunlin.task_open o where o.bucket = any({})",
     "each that ends is seen by a round", "tasks are in the hands of workers whose lease has ended, and are never taken back",
     "delete from dunlin.queue_round, which only costs time: the next round looks at every lease again"},
    {"reservations",
     "select o.task is null as wrong, c.task::text as example from dunlin.contact c left join dunlin.task_open o on o.bucket = c.bucket and o.case_id = "
     "c.case_id "
     "and o.task = c.task and o.status = 1 and o.lease_epoch = c.epoch where c.bucket = any({}) and c.kind = 'reserved'",
     "each belongs to a task in somebody's hands", "contacts are reserved for tasks that nobody holds, and count against limits until they are ended",
     restore_it},
};

struct Seen {
  int64_t rows = 0, wrong = 0;
  size_t buckets = 0;
  std::string example;
};

/// Looks at buckets in an order that is another one each time, more and more at once, until the time is over or all were looked at.
Seen look_at_rows(pqxx::work& work, const std::string& rows, Within within) {
  std::vector<int32_t> order(engine::bucket_count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(std::random_device{}()));
  Seen seen;
  const auto begin = Clock::now();
  for (size_t piece = 1; seen.buckets < order.size();) {
    const size_t end = std::min(order.size(), seen.buckets + piece);
    std::string list;
    for (size_t i = seen.buckets; i < end; ++i) list += fmt::format("{}{}", list.empty() ? "" : ",", order[i]);
    const auto asked = Clock::now();
    const auto found = work.exec(fmt::format("select count(*), count(*) filter (where wrong), min(example) filter (where wrong) from ({}) x",
                                             fmt::format(fmt::runtime(rows), "'{" + list + "}'")));
    seen.buckets = end;
    seen.rows += found[0][0].as<int64_t>();
    seen.wrong += found[0][1].as<int64_t>();
    if (seen.example.empty() && !found[0][2].is_null()) seen.example = found[0][2].as<std::string>();
    const auto took = Clock::now() - asked;
    // The next piece is twice as large and takes twice as long.
    if (within && seen.rows >= least_rows && Clock::now() - begin + 2 * took > *within) break;
    if (within || took < std::chrono::seconds(1)) piece *= 2;
  }
  return seen;
}

std::string looked_at(const Seen& seen) {
  if (seen.buckets == engine::bucket_count) return fmt::format("{} rows, all looked at", seen.rows);
  return fmt::format("{} rows looked at, in {} of {} buckets; --whole looks at all", seen.rows, seen.buckets, engine::bucket_count);
}

Store::Finding look_at(pqxx::work& work, const RowRule& rule, Within within) {
  const Seen seen = look_at_rows(work, rule.rows, within);
  if (seen.wrong == 0) return {rule.name, true, fmt::format("{} ({})", rule.holds, looked_at(seen))};
  return {rule.name, false, fmt::format("{} {}, such as {} ({}); {}", seen.wrong, rule.broken, seen.example, looked_at(seen), rule.remedy)};
}

/// Every row of the portfolio belongs to a case file: without one it is never stepped.
Store::Finding look_at_portfolio(pqxx::work& work, Within within) {
  const auto tables = work.exec(
      "select format('portfolio.%I', c.relname), c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'portfolio' and "
      "c.relkind in ('r', 'p') and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'dunlin_key') and not exists (select 1 from "
      "pg_attribute a where a.attrelid = c.oid and a.attname = 'dunlin_until' and not a.attisdropped) order by 1");
  Seen all;
  std::string table_of_example;
  if (within && !tables.empty()) within = *within / static_cast<int>(tables.size());
  all.buckets = engine::bucket_count;
  for (const auto& table : tables) {
    const Seen seen =
        look_at_rows(work,
                     "select c.case_id is null as wrong, t.dunlin_key as example from " + table[0].as<std::string>() +
                         " t left join dunlin.case_file c on c.bucket = t.dunlin_bucket and c.case_id = t.dunlin_case where t.dunlin_bucket = any({})",
                     within);
    all.buckets = std::min(all.buckets, seen.buckets);
    all.rows += seen.rows;
    all.wrong += seen.wrong;
    if (all.example.empty() && seen.wrong > 0) all.example = fmt::format("{} `{}`", table[1].as<std::string>(), seen.example);
  }
  if (all.wrong == 0) return {"portfolio", true, fmt::format("each row has its case file ({})", looked_at(all))};
  return {"portfolio", false,
          fmt::format("{} rows have no row in dunlin.case_file, so that nobody ever steps them, such as {} ({}); {}", all.wrong, all.example, looked_at(all),
                      restore_it)};
}

Store::Finding look_at_buckets(pqxx::work& work, Within) {
  const auto rows = work.exec(
      fmt::format("select count(*), (select string_agg(n::text, ', ' order by n) from (select n from generate_series(0, {0}) n where not exists (select 1 from "
                  "dunlin.bucket b where b.bucket = n) order by n limit 5) x) from dunlin.bucket where bucket between 0 and {0}",
                  engine::bucket_count - 1));
  const auto there = rows[0][0].as<int64_t>();
  if (there == engine::bucket_count) return {"buckets", true, fmt::format("all {} are there", there)};
  return {"buckets", false,
          fmt::format("{} of the {} rows of dunlin.bucket are missing, such as {}: the case files of these are stepped by nobody; {}",
                      engine::bucket_count - there, engine::bucket_count, rows[0][1].as<std::string>(), restore_it)};
}

Store::Finding look_at_versions(pqxx::work& work, Within) {
  const auto rows = work.exec(
      "select count(*), count(*) filter (where f.number is null), min(b.number) filter (where f.number is null) from dunlin.bundle b left join (select "
      "distinct "
      "number from dunlin.bundle_file) f using (number)");
  if (rows[0][1].as<int64_t>() == 0) return {"versions", true, fmt::format("each has its sources ({})", rows[0][0].as<int64_t>())};
  return {"versions", false,
          fmt::format("{} versions have lost their sources, such as version {}; apply the same sources again or {}", rows[0][1].as<int64_t>(),
                      rows[0][2].as<int64_t>(), restore_it)};
}

/// A cursor never goes back: a task that can be handed out and lies behind it would never be.
Store::Finding look_at_cursors(pqxx::work& work, Within) {
  const auto rows = work.exec(
      "select count(*), min(o.task::text) from (select queue, band, max(seq) as seq from dunlin.queue_head group by 1, 2) h join dunlin.task_open o on "
      "o.queue = h.queue and o.band = h.band and o.seq <= h.seq and o.wakes is null and o.assigned is null where o.status = 0");
  const auto lost = rows[0][0].as<int64_t>();
  if (lost == 0) return {"queue cursors", true, "no task that can be handed out lies behind one"};
  return {
      "queue cursors", false,
      fmt::format("{} tasks lie behind the cursor of their queue and are never handed out, such as {}; delete from dunlin.queue_head, which only costs time",
                  lost, rows[0][1].as<std::string>())};
}

/// History that lies in no month of its own is given up row by row, and in the way when its month is made.
Store::Finding look_at_months(pqxx::work& work, Within) {
  const auto rows = work.exec(
      "select string_agg(p.relname || '_' || to_char(x.day, 'YYYY_MM'), ', ' order by p.relname, x.day) from "
      "unnest('{task_done,hand_out,decision,transition,state_past}'::text[]) p(relname), "
      "(select (date_trunc('month', clock_timestamp() at time zone 'UTC') + n * interval '1 month') as day from generate_series(0, 1) n) x "
      "where to_regclass('dunlin.' || p.relname || '_' || to_char(x.day, 'YYYY_MM')) is null");
  if (rows[0][0].is_null()) return {"months", true, "history has a part for this month and the next"};
  return {"months", false,
          fmt::format("history has no part {}; rows go to the one for all others. `dunlin serve` makes them, or: select dunlin.make_months()",
                      rows[0][0].as<std::string>())};
}

/// A number that the database counts up, behind one that it has given: the next ones would be given twice.
Store::Finding look_at_numbers(pqxx::work& work, Within) {
  const auto columns = work.exec(
      "select c.relname, quote_ident(a.attname), pg_get_serial_sequence('dunlin.' || quote_ident(c.relname), a.attname) from pg_attribute a join pg_class c on "
      "c.oid = a.attrelid where c.relnamespace = 'dunlin'::regnamespace and c.relkind = 'r' and a.attidentity <> '' and exists (select from pg_index i where "
      "i.indrelid = c.oid and i.indkey[0] = a.attnum) order by 1");
  std::string found;
  for (const auto& column : columns) {
    const auto rows = work.exec(fmt::format("select m.most, s.last_value from (select max({0}) as most from dunlin.{1}) m, {2} s where m.most > s.last_value",
                                            column[1].as<std::string>(), work.quote_name(column[0].as<std::string>()), column[2].as<std::string>()));
    if (rows.empty()) continue;
    found += fmt::format("{}{} is at {}, and dunlin.{} has {}", found.empty() ? "" : "; ", column[2].as<std::string>(), rows[0][1].as<int64_t>(),
                         column[0].as<std::string>(), rows[0][0].as<int64_t>());
  }
  if (found.empty()) return {"numbers", true, fmt::format("none of {} would be given twice", columns.size())};
  return {"numbers", false, found + ": numbers would be given twice; select setval('SEQUENCE', NUMBER) with the higher one"};
}

/// What a clock that was ahead has written. The next round and the next look of a node bring it back; who has neither is told here.
Store::Finding look_at_instants(pqxx::work& work, Within) {
  const auto rows = work.exec(
      "select (select string_agg(format('node %s lives for %s', n.name, date_trunc('second', n.until - clock_timestamp())), '; ' order by n.name) from "
      "dunlin.node n where n.until > clock_timestamp() + n.lasts + interval '1 second'), "
      "(select format('the last round of the queues is %s ahead', date_trunc('second', r.at - clock_timestamp())) from dunlin.queue_round r where r.at > "
      "clock_timestamp() + interval '1 second' order by r.at desc limit 1), "
      "(select format('%s hand-outs are of an instant to come', count(*)) from dunlin.queue_setting s join dunlin.hand_out h on h.queue = s.queue and "
      "h.leased_at > clock_timestamp() + interval '1 second' having count(*) > 0), "
      "(select format('%s leases end later than any given now would', count(*)) from dunlin.queue_setting s join dunlin.hand_out h on h.queue = s.queue and "
      "h.until > clock_timestamp() + s.lease_max + interval '1 second' and h.until < 'infinity' having count(*) > 0)");
  std::string found;
  for (const auto& one : rows[0]) {
    if (!one.is_null()) found += (found.empty() ? "" : "; ") + one.as<std::string>();
  }
  if (found.empty()) return {"instants", true, "nothing of the queues and nodes lies ahead of the clock"};
  return {"instants", false,
          "ahead of the clock: " + found +
              "; the clock of the database went back. Set it right if it is wrong now; the next lease or pass brings this back, or `select dunlin.turn_over(), "
              "dunlin.nodes_not_ahead()`"};
}

/// The chain of the audit: its last stretch, or all of it.
Store::Finding look_at_audit(pqxx::work& work, Within within) {
  constexpr int64_t stretch = 5'000;
  std::string what;
  if (!within) {
    const auto rows = work.exec("select good, entries, what from dunlin.audit_verify()");
    if (rows[0][0].as<bool>()) return {"audit", true, fmt::format("the chain of all {} entries is whole", rows[0][1].as<int64_t>())};
    what = rows[0][2].is_null() ? "it is not whole" : rows[0][2].as<std::string>();
  } else {
    const auto rows =
        work.exec(fmt::format("with head as (select id, hash from dunlin.audit_head), last as (select a.id, a.hash, a.previous, dunlin.audit_hash(a.previous, "
                              "a) as computed, lag(a.hash) "
                              "over (order by a.id) as before from dunlin.audit a, head h where a.id > h.id - {0}), wrong as (select id from last where hash "
                              "is distinct from computed or "
                              "(before is not null and before is distinct from previous)) select (select id from head), (select hash from head) is distinct "
                              "from coalesce((select hash from "
                              "last order by id desc limit 1), '\\x'), (select count(*) from last) = (select least(id, {0}) from head), (select min(id) from "
                              "wrong), (select count(*) from "
                              "last)",
                              stretch));
    const auto row = rows[0];
    if (row[0].is_null()) {
      what = "dunlin.audit_head is empty";
    } else if (!row[3].is_null()) {
      what = fmt::format("entry {} was changed", row[3].as<int64_t>());
    } else if (!row[2].as<bool>() || row[1].as<bool>()) {
      what = fmt::format("entries are missing: {} were written", row[0].as<int64_t>());
    } else {
      const auto looked = row[4].as<int64_t>(), all = row[0].as<int64_t>();
      return {"audit", true,
              looked == all ? fmt::format("the chain of all {} entries is whole", all)
                            : fmt::format("the chain of the last {} of {} entries is whole; --whole looks at all", looked, all)};
    }
  }
  return {"audit", false, what + "; somebody meddled with dunlin.audit: compare it with a backup and the head that was anchored"};
}

}  // namespace

const std::vector<SoundnessLook>& soundness_looks() {
  static const std::vector<SoundnessLook> looks = [] {
    std::vector<SoundnessLook> made = {{"buckets", look_at_buckets}, {"versions", look_at_versions}, {"portfolio", look_at_portfolio}};
    for (const RowRule& rule : row_rules) made.push_back({rule.name, [&rule](pqxx::work& work, Within within) { return look_at(work, rule, within); }});
    made.push_back({"queue cursors", look_at_cursors});
    made.push_back({"numbers", look_at_numbers});
    made.push_back({"months", look_at_months});
    made.push_back({"instants", look_at_instants});
    made.push_back({"audit", look_at_audit});
    return made;
  }();
  return looks;
}

}  // namespace dunlin::store
