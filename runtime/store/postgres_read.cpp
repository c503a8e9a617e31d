// What people ask: queues, stories, the past.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "runtime/store/postgres_packed.h"
#include "runtime/store/postgres_small.h"
#include "runtime/store/step_record.h"

namespace dunlin::store {

namespace {

constexpr auto status_names = "(array['ready', 'leased', 'done', 'withdrawn', 'expired', 'withheld', 'dead_letter'])";

std::string text_of(const pqxx::field& field) { return field.is_null() ? std::string() : field.as<std::string>(); }

/// Open tasks and those that are over, with the same columns.
const std::string all_tasks =
    "(select bucket, case_id, task, instance_id, queue, priority, status, not_before, rule, treatment, created_at, due, fields, null::timestamptz as done_at, "
    "null::text as outcome "
    "from dunlin.task_open join dunlin.task_body using (bucket, case_id, task) union all "
    "select bucket, case_id, task, instance_id, queue, priority, status, not_before, rule, treatment, created_at, due, fields, done_at, outcome from "
    "dunlin.task_done)";

/// "strategies/soft.dun:12" for a place in the sources of a version.
class Places {
 public:
  explicit Places(pqxx::work& work) : work_(work) {}
  std::string locate(int32_t version, const pqxx::field& file, const pqxx::field& begin) {
    if (file.is_null() || begin.is_null()) return {};
    auto [found, fresh] = files_.try_emplace({version, file.as<int32_t>()});
    if (fresh) {
      const auto rows =
          work_.exec(fmt::format("select path, content from dunlin.bundle_file where number = {} and position = {}", version, file.as<int32_t>()));
      if (!rows.empty()) found->second = {rows[0][0].as<std::string>(), rows[0][1].as<std::string>()};
    }
    const auto& [path, content] = found->second;
    const auto offset = static_cast<size_t>(begin.as<int64_t>());
    if (path.empty() || offset > content.size()) return {};
    return fmt::format("{}:{}", path, 1 + std::count(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
  }

 private:
  pqxx::work& work_;
  std::map<std::pair<int32_t, int32_t>, std::pair<std::string, std::string>> files_;
};

}  // namespace

Result<PostgresStore::Place> PostgresStore::place_of(const std::string& entity, const std::string& key) {
  std::optional<Place> place;
  auto looked = small("look up a key", [&](SmallWork& work) {
    const auto rows =
        work.exec(fmt::format("select bucket, case_id, id from dunlin.instance_key where entity = {} and key = {}", work.quote(entity), work.quote(key)));
    if (!rows.empty()) place = Place{rows[0][0].as<int32_t>(), rows[0][1].as<int64_t>(), rows[0][2].as<int64_t>()};
  });
  if (!looked) return std::unexpected(looked.error());
  if (!place) return failed(StoreError::Kind::input, fmt::format("there is no {} `{}`", entity, key));
  return *place;
}

Result<std::vector<FunnelRow>> PostgresStore::funnel() {
  std::vector<FunnelRow> rows;
  auto read = small("count the stages", [&](SmallWork& work) {
    for (const auto& row : work.exec("select strategy, stage, count from dunlin.funnel order by 1, 2")) {
      const auto strategy = row[0].as<std::string>(), stage = row[1].as<std::string>();
      // The dictionary says "soft.calling"; people know the strategy already.
      rows.push_back({strategy, stage.starts_with(strategy + ".") ? stage.substr(strategy.size() + 1) : stage, row[2].as<int64_t>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  return rows;
}

Result<std::vector<TaskRow>> PostgresStore::read_tasks(const std::string& condition, const std::string& order, int64_t limit) {
  std::vector<TaskRow> tasks;
  auto read = small("read tasks", [&](SmallWork& work) {
    const std::string sql = fmt::format(
        "select t.task::text, q.name, k.entity, k.key, c.key, r.strategy, r.stage, r.name, t.treatment, {}[t.status + 1], t.fields::text, t.outcome, "
        "t.priority, {}, {}, {}, {} "
        "from (select t.* from {} t join dunlin.name q on q.id = t.queue where {} order by {} limit {}) t "
        "join dunlin.name q on q.id = t.queue left join dunlin.rule r on r.key = t.rule "
        "left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id "
        "left join dunlin.instance_key c on c.bucket = t.bucket and c.case_id = t.case_id and c.id = t.case_id order by {}",
        status_names, micros("t.created_at"), micros("t.not_before"), micros("t.due"), micros("t.done_at"), all_tasks, condition, order, limit, order);
    for (const auto& row : work.exec(sql)) {
      TaskRow task;
      std::string* texts[] = {&task.id,    &task.queue, &task.entity,    &task.key,    &task.root_key,    &task.strategy,
                              &task.stage, &task.rule,  &task.treatment, &task.status, &task.fields_json, &task.outcome};
      int column = 0;
      for (std::string* text : texts) *text = text_of(row[column++]);
      task.priority = row[12].as<int64_t>();
      task.created_at = row[13].as<int64_t>();
      task.not_before = row[14].as<int64_t>();
      task.due = row[15].as<int64_t>();
      task.done_at = row[16].is_null() ? 0 : row[16].as<int64_t>();
      tasks.push_back(std::move(task));
    }
  });
  if (!read) return std::unexpected(read.error());
  return tasks;
}

Result<std::vector<TaskRow>> PostgresStore::tasks(const std::string& queue, const std::string& status, int64_t limit) {
  std::string condition = queue.empty() ? "true" : "q.name = " + quote_text(queue);
  if (!status.empty()) condition += fmt::format(" and {}[t.status + 1] = {}", status_names, quote_text(status));
  return read_tasks(condition, "t.priority desc, t.due, t.created_at, t.task", limit < 0 ? INT64_MAX : limit);
}

Result<std::vector<TaskRow>> PostgresStore::tasks_of(const std::string& entity, const std::string& key) {
  auto place = place_of(entity, key);
  if (!place) return std::unexpected(place.error());
  return read_tasks(fmt::format("t.bucket = {} and t.case_id = {} and t.instance_id = {}", place->bucket, place->case_id, place->id), "t.created_at, t.task",
                    100'000);
}

Result<std::vector<Store::TaskCount>> PostgresStore::task_counts(Instant from, Instant to) {
  std::vector<TaskCount> counts;
  auto read = small("count tasks", [&](SmallWork& work) {
    const auto rows =
        work.exec(fmt::format("select q.name, coalesce(r.strategy, ''), coalesce(r.stage, ''), coalesce(r.name, ''), t.treatment, count(*), count(*) filter "
                              "(where t.done_at is null) from {} t join "
                              "dunlin.name q on q.id = t.queue left join dunlin.rule r on r.key = t.rule where t.created_at >= {} and t.created_at < {} group "
                              "by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5",
                              all_tasks, sql_instant(from), sql_instant(to)));
    for (const auto& row : rows) {
      counts.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<std::string>(),
                        row[5].as<int64_t>(), row[6].as<int64_t>()});
    }
  });
  if (!read) return std::unexpected(read.error());
  return counts;
}

namespace {

/// How things stood before an instant up to which history was forgotten cannot be said: what is left would be a wrong answer.
Result<void> refuse_forgotten(BulkConnection& connection, Instant at) {
  auto begins = connection.value(fmt::format("select to_char(b, 'YYYY-MM-DD HH24:MI TZ') from dunlin.history_begins() b where b > {}", sql_instant(at)));
  if (!begins) return std::unexpected(begins.error());
  if (begins->has_value())
    return failed(StoreError::Kind::input, fmt::format("the past before {} was given up (`dunlin history forget`); ask for a later time", **begins));
  return {};
}

}  // namespace

Result<std::unique_ptr<engine::CaseFile>> PostgresStore::load_case(const checked::Program& program, const std::string& entity, const std::string& key,
                                                                   std::optional<Instant> at) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  auto place = place_of(entity, key);
  if (!place) return std::unexpected(place.error());
  Selection selection{.now = at.value_or(abi::never), .past = at.has_value()};
  selection.cases.push_back(*place);
  std::unique_ptr<engine::CaseFile> found;
  auto done = read([&](BulkConnection& connection) -> Result<void> {
    if (at) {
      if (auto whole = refuse_forgotten(connection, *at); !whole) return whole;
    }
    Cases none;
    auto cases = load_selected(connection, **layout, selection, none);
    if (!cases) return std::unexpected(cases.error());
    if (!cases->empty()) found = std::move(cases->front());
    return {};
  });
  if (!done) return std::unexpected(done.error());
  if (found == nullptr || found->instance_count() == 0)
    return failed(StoreError::Kind::input, fmt::format("nothing is known of {} `{}` at that time", entity, key));
  return found;
}

Result<void> PostgresStore::for_each_case(const checked::Program& program, Instant at, const std::function<void(engine::CaseFile&)>& visit) {
  constexpr size_t piece = 1'000;
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  Cases pool;
  return read([&](BulkConnection& connection) -> Result<void> {
    if (at != abi::never) {
      if (auto whole = refuse_forgotten(connection, at); !whole) return whole;
    }
    if (auto set = connection.run("set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off"); !set)
      return std::unexpected(set.error());
    for (Position after;;) {
      Selection selection{.now = at, .past = at != abi::never, .range = true, .after = after, .last_bucket = engine::bucket_count - 1, .limit = piece};
      auto cases = load_selected(connection, **layout, selection, pool);
      if (!cases) return std::unexpected(cases.error());
      if (selection.rows_seen == 0) return {};
      after = selection.last_seen;
      for (auto& case_file : *cases) {
        if (case_file->instance_count() > 0) visit(*case_file);
        pool.push_back(std::move(case_file));
      }
    }
  });
}

Result<std::vector<TransitionRow>> PostgresStore::transitions(const std::string& entity, const std::string& key) {
  auto place = place_of(entity, key);
  if (!place) return std::unexpected(place.error());
  std::vector<TransitionRow> transitions;
  auto read = small("read a story", [&](SmallWork& work) {
    Places places(work);
    const auto rows = work.exec(fmt::format(
        "select {}, f.name, g.name, case when t.rule = 0 then 'enrolment' else r.name end, t.version, t.source_file, t.source_begin from dunlin.transition t "
        "left join dunlin.name f on f.id = t.from_stage left join dunlin.name g on g.id = t.to_stage left join dunlin.rule r on r.key = t.rule "
        "where t.bucket = {} and t.case_id = {} and t.instance_id = {} order by t.at, t.step_no, t.nth",
        micros("t.at"), place->bucket, place->case_id, place->id));
    for (const auto& row : rows) {
      transitions.push_back({row[0].as<int64_t>(), text_of(row[1]), text_of(row[2]), text_of(row[3]), places.locate(row[4].as<int32_t>(), row[5], row[6])});
    }
  });
  if (!read) return std::unexpected(read.error());
  return transitions;
}

Result<std::vector<Store::NoteRow>> PostgresStore::notes(const std::string& entity, const std::string& key) {
  auto place = place_of(entity, key);
  if (!place) return std::unexpected(place.error());
  std::vector<NoteRow> found;
  auto done = small("read the notes", [&](SmallWork& work) {
    for (const auto& row : work.exec(fmt::format("select {}, whom, body from dunlin.note where bucket = {} and case_id = {} and instance_id = {} order by at",
                                                 micros("at"), place->bucket, place->case_id, place->id))) {
      found.push_back({row[0].as<int64_t>(), row[1].as<std::string>(), row[2].as<std::string>()});
    }
  });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<std::string>> PostgresStore::decisions(const std::string& entity, const std::string& key, int64_t limit, Instant until) {
  auto place = place_of(entity, key);
  if (!place) return std::unexpected(place.error());
  std::vector<std::string> found;
  const std::string mark = fmt::format("{{\"instance\": {}, ", place->id);
  auto done = read([&](BulkConnection& connection) -> Result<void> {
    CopyRows rows(connection);
    if (auto started = rows.start(fmt::format("select body from dunlin.decision where bucket = {} and body is not null order by batch desc", place->bucket));
        !started)
      return started;
    std::string plain;
    while (static_cast<int64_t>(found.size()) < limit && rows.next()) {
      if (!decompress(rows.field().view(), plain)) continue;
      std::vector<std::string> lines;
      for (size_t from = 0, end = 0; (end = plain.find('\n', from)) != std::string::npos; from = end + 1) {
        if (plain.compare(from, mark.size(), mark) != 0) continue;
        std::string line = "{" + plain.substr(from + mark.size(), end - from - mark.size());
        if (until == abi::never || decided_at(line).value_or(until) <= until) lines.push_back(std::move(line));
      }
      found.insert(found.end(), lines.rbegin(), lines.rend());
    }
    return rows.finish();
  });
  if (!done) return std::unexpected(done.error());
  if (static_cast<int64_t>(found.size()) > limit) found.resize(static_cast<size_t>(limit));
  return found;
}

}  // namespace dunlin::store
