// Which case files are to be stepped, and in what pieces. On a quiet night they are listed in one look and then looked up one by one. If the list would be
// long, they are counted bucket by bucket, and the night goes through pieces of whole buckets: where many are awake a stretch is read along its key, where
// few are, it is listed too.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/store/postgres_small.h"

namespace dunlin::store {

namespace {

constexpr int64_t listed_always = 50'000;  // as many awake case files are listed without asking how many there are
constexpr double dense = 0.3;              // from this share of awake case files on, reading the whole stretch is cheaper
constexpr int64_t dense_min = 50;
constexpr size_t listed_piece = 1'500;  // so that reading, stepping and committing a short list overlap

}  // namespace

std::string after_sql(const std::string& bucket, const std::string& case_id, Position after, int32_t last_bucket) {
  if (after.bucket < 0) return fmt::format("{} between 0 and {}", bucket, last_bucket);
  if (after.debtor == INT64_MAX) return fmt::format("{} between {} and {}", bucket, after.bucket + 1, last_bucket);
  return fmt::format("{0} between {1} and {2} and ({0}, {3}) > ({1}, '{4}'::int8)", bucket, after.bucket, last_bucket, case_id, after.debtor);
}

std::string awake_sql(const std::optional<int32_t>& version, Instant now) {
  if (!version) return "true";
  return fmt::format("(wake_at <= {}{})", sql_instant(now), *version == 0 ? "" : fmt::format(" or version <> {}", *version));
}

/// Counts what is to be stepped behind `after`, by bucket. Cheap: one pass over a narrow table, whose rows are only looked at.
Result<void> PostgresStore::count_awake(BulkConnection& connection, int32_t version, Position after) {
  ahead_.awake.assign(engine::bucket_count, 0);
  ahead_.total.assign(engine::bucket_count, 0);
  const std::string there = fmt::format("bucket between {} and {}", std::max(after.bucket, 0), ahead_.last_bucket);
  const std::string condition = ahead_.full ? "true" : awake_sql(version, ahead_.now);
  CopyRows rows(connection);
  auto started = rows.start(
      fmt::format("select bucket, count(*), count(*) filter (where not set_aside and {}) from dunlin.case_file where {} group by 1", condition, there));
  if (!started) return started;
  while (rows.next()) {
    const auto bucket = static_cast<size_t>(rows.int32());
    ahead_.total[bucket] = rows.int64();
    ahead_.awake[bucket] = rows.int64();
  }
  if (auto read = rows.finish(); !read || ahead_.full) return read;
  CopyRows inbox(connection);
  started = inbox.start(fmt::format("select bucket, count(*) from dunlin.inbox where {} and at <= {} group by 1", there, sql_instant(ahead_.now)));
  if (!started) return started;
  while (inbox.next()) {
    const auto bucket = static_cast<size_t>(inbox.int32());
    ahead_.awake[bucket] = std::min(ahead_.total[bucket], ahead_.awake[bucket] + inbox.int64());
  }
  return inbox.finish();
}

/// Lists what is to be stepped behind `after`, up to the end of a bucket. False if that is too much for a list: then nothing is listed.
Result<bool> PostgresStore::list_awake(BulkConnection& connection, int32_t version, Position after, int32_t last_bucket) {
  std::string sql = fmt::format("select bucket, case_id from dunlin.case_file where {} and not set_aside and {}",
                                after_sql("bucket", "case_id", after, last_bucket), ahead_.full ? "true" : awake_sql(version, ahead_.now));
  if (!ahead_.full) {
    sql += fmt::format(
        " union all select i.bucket, i.case_id from dunlin.inbox i join dunlin.case_file c using (bucket, case_id) where {} and i.at <= {} and not c.set_aside",
        after_sql("i.bucket", "i.case_id", after, last_bucket), sql_instant(ahead_.now));
  }
  CopyRows rows(connection);
  // In no order: with one, PostgreSQL would have to look at all of them before it could stop.
  if (auto started = rows.start(fmt::format("{} limit {}", sql, ahead_.listed_max + 1)); !started) return std::unexpected(started.error());
  ahead_.cases.clear();
  ahead_.next = 0;
  while (rows.next()) {
    const int32_t bucket = rows.int32();
    ahead_.cases.push_back({bucket, rows.int64(), 0});
  }
  if (auto read = rows.finish(); !read) return std::unexpected(read.error());
  ahead_.stretch_end = {last_bucket, INT64_MAX};
  const bool all = static_cast<int64_t>(ahead_.cases.size()) <= ahead_.listed_max;
  if (!all) ahead_.cases.clear();
  const auto place = [](const Place& at) { return std::pair{at.bucket, at.case_id}; };
  std::ranges::sort(ahead_.cases, {}, place);
  const auto twice = std::ranges::unique(ahead_.cases, {}, place);  // awake by its wake and by its inbox
  ahead_.cases.erase(twice.begin(), twice.end());
  return all;
}

/// Finds out what a night has to do.
Result<void> PostgresStore::look_ahead(BulkConnection& connection, int32_t version, Position after) {
  // A list that holds a good part of the table is no shorter way through it. An estimate will do; a table that was never looked at is taken for a small one.
  auto estimate = connection.value("select reltuples::int8 from pg_class where oid = 'dunlin.case_file'::regclass");
  if (!estimate) return std::unexpected(estimate.error());
  const auto part = static_cast<int64_t>(dense * std::atof(estimate->value_or("0").c_str()));
  ahead_.listed_max = std::min(listed_max_, std::max(listed_always, part));
  if (!ahead_.full) {
    auto listed = list_awake(connection, version, after, ahead_.last_bucket);
    if (!listed) return std::unexpected(listed.error());
    if (*listed) {
      ahead_.done = ahead_.cases.empty() ? ahead_.stretch_end : after;
      return {};
    }
  }
  return count_awake(connection, version, after);
}

/// The next piece: nothing selected is the end. What is read of a stretch is only known when it was: then ahead_.done moves.
Result<void> PostgresStore::select_next(BulkConnection& connection, int32_t version, size_t limit, Selection& selection) {
  const auto most = static_cast<int64_t>(limit);
  for (;;) {
    if (ahead_.next < ahead_.cases.size()) {
      const size_t count = std::min({limit, listed_piece, ahead_.cases.size() - ahead_.next});
      const auto first = ahead_.cases.begin() + static_cast<std::ptrdiff_t>(ahead_.next);
      selection.cases.assign(first, first + static_cast<std::ptrdiff_t>(count));
      ahead_.next += count;
      ahead_.done = ahead_.next < ahead_.cases.size() ? Position{selection.cases.back().bucket, selection.cases.back().case_id} : ahead_.stretch_end;
      return {};
    }
    if (ahead_.awake.empty()) return {};  // all was in one list
    int32_t first = ahead_.done.debtor == INT64_MAX ? ahead_.done.bucket + 1 : std::max(ahead_.done.bucket, 0);
    const auto awake = [&](int32_t bucket) { return ahead_.awake[static_cast<size_t>(bucket)]; };
    while (first <= ahead_.last_bucket && awake(first) == 0) ++first;
    if (first > ahead_.last_bucket) return {};
    int32_t last = first;
    int64_t count = awake(first), total = ahead_.total[static_cast<size_t>(first)];
    const auto take_more = [&](int64_t up_to) {
      while (last < ahead_.last_bucket && count + awake(last + 1) <= up_to) {
        count += awake(++last);
        total += ahead_.total[static_cast<size_t>(last)];
      }
    };
    take_more(most);
    if (count > dense_min && static_cast<double>(count) >= dense * static_cast<double>(total)) {
      selection.range = true;
      selection.after = ahead_.done.bucket < first ? Position{first - 1, INT64_MAX} : ahead_.done;
      selection.last_bucket = last;
      selection.limit = first == last ? limit : 0;
      return {};
    }
    take_more(ahead_.listed_max / 2);
    const Position from = ahead_.done.bucket < first ? Position{first - 1, INT64_MAX} : ahead_.done;
    auto listed = list_awake(connection, version, from, last);
    if (!listed) return std::unexpected(listed.error());
    if (!*listed) {  // more has woken meanwhile than a list holds, or it is one huge bucket
      selection.range = true;
      selection.after = from;
      selection.last_bucket = last;
      selection.limit = limit;
      return {};
    }
    if (ahead_.cases.empty()) ahead_.done = ahead_.stretch_end;
  }
}

/// Case files that this version cannot read are set aside, as a fault would have them.
Result<void> PostgresStore::set_damaged_aside(const std::vector<SetAside>& damaged) {
  for (const SetAside& row : damaged) {
    const std::string place = row.where.substr(0, row.where.find(':')) + " and case_id = " + row.where.substr(row.where.find(':') + 1);
    auto kept = write([&](BulkConnection& connection) -> Result<void> {
      auto done =
          connection.run(fmt::format("with aside as (update dunlin.case_file set set_aside = true where bucket = {0} and not set_aside returning bucket, "
                                     "case_id) insert into dunlin.quarantine (at, kind, "
                                     "location, reason, body, bucket, case_id) select {1}, 'case', coalesce((select entity || ' ' || key from "
                                     "dunlin.instance_key k where k.bucket = a.bucket and k.case_id = "
                                     "a.case_id and k.id = a.case_id), ''), {2}, '{{}}', a.bucket, a.case_id from aside a",
                                     place, sql_instant(row.at), quote_text(row.reason)));
      if (!done) return std::unexpected(done.error());
      const std::lock_guard hold(guard_);
      if (*done > 0) ++unreadable_[row.reason];
      return {};
    });
    if (!kept) return kept;
  }
  return {};
}

Result<std::map<std::string, int64_t>> PostgresStore::end_pass(Instant now) {
  constexpr std::chrono::seconds between_looks(10);
  const auto tick = std::chrono::steady_clock::now();
  if (!resolved_ || tick - *resolved_ >= between_looks) {
    // Nothing waits in it, and it sleeps under the active version: it was stepped.
    auto looked = small("look what was stepped well again", [&](SmallWork& work) {
      work.exec(fmt::format(
          "update dunlin.quarantine q set resolved_at = clock_timestamp() from dunlin.case_file c where q.kind = 'case' and q.resolved_at is null and "
          "c.bucket = q.bucket and c.case_id = q.case_id and not c.set_aside and c.wake_at > {0} and c.version = (select number from dunlin.bundle where "
          "active) and not exists (select from dunlin.inbox i where i.bucket = c.bucket and i.case_id = c.case_id and i.at <= {0})",
          sql_instant(now)));
    });
    if (!looked) return std::unexpected(looked.error());
    resolved_ = tick;
  }
  const std::lock_guard hold(guard_);
  return std::exchange(unreadable_, {});
}

Result<Cases> PostgresStore::load_from(const checked::Program& program, Instant now, bool full, Position after, int32_t last_bucket, size_t limit,
                                       Cases& pool) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  auto version = version_of(program);
  if (!version) return std::unexpected(version.error());
  const bool goes_on = ahead_.known && after.debtor != INT64_MIN && ahead_.now == now && ahead_.full == full && ahead_.last_bucket == last_bucket &&
                       ahead_.given.bucket == after.bucket && ahead_.given.debtor == after.debtor;
  if (!goes_on) ahead_ = Ahead{.now = now, .full = full, .last_bucket = last_bucket, .done = after};
  // A piece may turn out empty (all set aside or stepped since); only an empty selection is the end.
  for (;;) {
    Selection selection{.now = now, .stepping = true, .version = *version};
    if (!full) selection.awake = *version;
    Result<Cases> cases;
    auto done = read([&](BulkConnection& connection) -> Result<void> {
      // Only the look at who is awake may scan a table. Row estimates of freshly filled tables are poor, and the rest is read along its key.
      if (!ahead_.known) {
        if (auto looked = look_ahead(connection, *version, after); !looked) return looked;
        ahead_.known = true;
      }
      if (auto selected = select_next(connection, *version, limit, selection); !selected) return selected;
      if (!selection.range && selection.cases.empty()) return {};
      if (auto set = connection.run("set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off"); !set)
        return std::unexpected(set.error());
      cases = load_selected(connection, **layout, selection, pool);
      return cases ? Result<void>() : std::unexpected(cases.error());
    });
    if (!done) {
      ahead_.known = false;
      return std::unexpected(done.error());
    }
    if (!selection.range && selection.cases.empty()) {
      ahead_.known = false;
      return Cases{};
    }
    if (selection.range) {
      const bool cut = selection.limit != 0 && selection.rows_seen == selection.limit;
      ahead_.done = cut ? selection.last_seen : Position{selection.last_bucket, INT64_MAX};
    }
    std::vector<SetAside> damaged;
    std::erase_if(*cases, [&](const auto& case_file) {
      const std::string& damage = static_cast<const LoadedCase&>(*case_file->store_memory).damage;
      if (damage.empty()) return false;
      damaged.push_back({"case", fmt::format("{}:{}", case_file->bucket, case_file->debtor_id), damage, "{}", now});
      return true;
    });
    if (auto aside = set_damaged_aside(damaged); !aside) return std::unexpected(aside.error());
    if (cases->empty()) continue;
    ahead_.given = {cases->back()->bucket, cases->back()->debtor_id};
    return cases;
  }
}

Result<Cases> PostgresStore::load_awake(const checked::Program& program, Instant now, bool full, Position after, size_t limit, Cases& pool,
                                        int32_t last_bucket) {
  return load_from(program, now, full, after, last_bucket, limit, pool);
}

Result<Cases> PostgresStore::load(const checked::Program& program, int32_t bucket, Instant now, bool full, int64_t after_debtor, size_t limit, Cases& pool) {
  return load_from(program, now, full, {bucket, after_debtor}, bucket, limit, pool);
}

Result<std::vector<int32_t>> PostgresStore::buckets_to_step(Instant now, bool full) {
  std::vector<int32_t> buckets;
  const std::string at = sql_instant(now);
  auto looked = small("look for case files to step", [&](SmallWork& work) {
    const std::string awake = fmt::format(
        "select bucket from dunlin.case_file where not set_aside and (wake_at <= {0} or version <> coalesce((select number from dunlin.bundle where active), "
        "version)) union select "
        "i.bucket from dunlin.inbox i join dunlin.case_file c using (bucket, case_id) where i.at <= {0} and not c.set_aside",
        at);
    for (const auto& row : work.exec(full ? "select distinct bucket from dunlin.case_file where not set_aside order by 1" : awake + " order by 1")) {
      buckets.push_back(row[0].as<int32_t>());
    }
  });
  if (!looked) return std::unexpected(looked.error());
  return buckets;
}

/// The earliest instant after `after` at which a case file is to be stepped; what is due already does not count.
Result<Instant> PostgresStore::next_wake(Instant after) {
  Instant earliest = abi::never;
  auto looked = small("look for the next wake", [&](SmallWork& work) {
    const auto rows = work.exec(
        fmt::format("select {1} from (select min(w) as w from (select min(wake_at) as w from dunlin.case_file where not set_aside and wake_at > {0} union all "
                    "select min(i.at) from dunlin.inbox i join dunlin.case_file c using (bucket, case_id) where i.at > {0} and not c.set_aside) x) y where w "
                    "is not null",
                    sql_instant(after), micros("w")));
    if (!rows.empty()) earliest = rows[0][0].as<int64_t>();
  });
  if (!looked) return std::unexpected(looked.error());
  return earliest;
}

}  // namespace dunlin::store
