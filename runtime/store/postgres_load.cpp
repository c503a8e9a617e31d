// Case files out of the database: one stream of rows a table, all in (bucket, case) order, merged here. A join in SQL would take twice as long.
#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"
#include "runtime/store/postgres_small.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using engine::CaseFile;

namespace {

engine::TaskId task_id(FieldBytes field) { return {get_whole<uint64_t>(field.data), get_whole<uint64_t>(field.data + 8)}; }

}  // namespace

/// One load under way: the case files by their order, and a place in it that every stream walks along.
struct PostgresStore::Loading {
  BulkConnection& connection;
  const Layout& layout;
  const Selection& selection;
  Cases cases;
  struct Waiting {
    Instant at;
    int64_t seq;
  };
  std::vector<std::vector<Waiting>> waiting;  // events in the inbox, by case
  size_t place = 0;
  size_t rows_seen = 0;  // case files read, those that are left out included
  Position last_seen;    // the last of them

  const checked::Program& program() const { return layout.program; }
  LoadedCase& extra(size_t index) { return static_cast<LoadedCase&>(*cases[index]->store_memory); }

  /// Position of the case that the next row belongs to; -1 if it is none of ours.
  int32_t find(CopyRows& rows) {
    const int32_t bucket = rows.int32();
    const int64_t case_id = rows.int64();
    const auto before = [&](const CaseFile& case_file) { return case_file.bucket < bucket || (case_file.bucket == bucket && case_file.debtor_id < case_id); };
    while (place < cases.size() && before(*cases[place])) ++place;
    if (place == cases.size() || cases[place]->bucket != bucket || cases[place]->debtor_id != case_id) return -1;
    return static_cast<int32_t>(place);
  }

  /// The stretch from the first to the last case file as a condition that an index answers.
  std::string between(const std::string& bucket, const std::string& case_id) const {
    const CaseFile &first = *cases.front(), &last = *cases.back();
    if (first.bucket == last.bucket) {
      return fmt::format("{0} = {1} and {2} between '{3}'::int8 and '{4}'::int8", bucket, first.bucket, case_id, first.debtor_id, last.debtor_id);
    }
    return fmt::format("{0} between {1} and {2} and ({0}, {3}) >= ({1}, '{4}'::int8) and ({0}, {3}) <= ({2}, '{5}'::int8)", bucket, first.bucket, last.bucket,
                       case_id, first.debtor_id, last.debtor_id);
  }

  /// `table` must be something with columns `bucket` and `case_id` of these names.
  std::string query(const std::string& columns, const std::string& table, const std::string& bucket, const std::string& case_id, const std::string& more,
                    const std::string& order) const {
    const auto& all = selection.cases;
    const std::string then = order.empty() ? "" : ", " + order;
    if (selection.range) {
      return fmt::format("select {}, {}{} from {} where {}{} order by {}, {}{}", bucket, case_id, columns, table, between(bucket, case_id), more, bucket,
                         case_id, then);
    }
    std::string buckets, ids;
    for (const Place& place_of_case : all) {
      fmt::format_to(std::back_inserter(buckets), "{}{}", buckets.empty() ? "" : ",", place_of_case.bucket);
      fmt::format_to(std::back_inserter(ids), "{}{}", ids.empty() ? "" : ",", place_of_case.case_id);
    }
    return fmt::format(
        "select y.* from unnest('{{{}}}'::int4[], '{{{}}}'::int8[]) d(b, c), lateral (select {}, {}{} from {} where {} = d.b and {} = d.c{}{} offset 0) y",
        buckets, ids, bucket, case_id, columns, table, bucket, case_id, more, order.empty() ? "" : " order by " + order);
  }

  /// Reads a stream; `take(index of the case, rows)` reads the rest of each row.
  template <class Take>
  Result<void> stream(const std::string& sql, Take take) {
    CopyRows rows(connection);
    if (auto started = rows.start(sql); !started) return started;
    place = 0;
    while (rows.next()) {
      const int32_t index = find(rows);
      if (index >= 0) take(static_cast<size_t>(index), rows);
    }
    return rows.finish();
  }

  Result<void> case_files(Cases& pool);
  void add_case(int32_t bucket, int64_t case_id, int64_t step, Cases& pool);
  void leave_out_sleepers(Cases& pool);
  Result<void> instances(int32_t entity);
  Result<void> states();
  Result<void> inbox();
  Result<void> history();
  Result<void> tasks();
  void take_event(size_t index, CopyRows& rows);
  void take_strange(size_t index, StrangeEvent event, bool waits);
  void take_task(size_t index, CopyRows& rows);
  void take_state(size_t index, CopyRows& rows);
  void keep_reading(size_t index);
  /// Whether the record of the step says everything that it met, not only what may have changed since the last one.
  bool whole(size_t index) {
    const LoadedCase& loaded = extra(index);
    return loaded.version != selection.version || loaded.month != loaded.read_in || loaded.news_of_tasks;
  }
};

/// A case file of another load is used again, with what it had of memory.
void PostgresStore::Loading::add_case(int32_t bucket, int64_t case_id, int64_t step, Cases& pool) {
  std::unique_ptr<CaseFile> made;
  if (!pool.empty() && &pool.back()->program() == &program()) {
    made = std::move(pool.back());
    pool.pop_back();
    made->clear();
  } else {
    made = std::make_unique<CaseFile>(program());
  }
  made->bucket = bucket;
  made->debtor_id = case_id;
  made->step_number = step;
  auto* memory = dynamic_cast<LoadedCase*>(made->store_memory.get());
  if (memory == nullptr) {
    made->store_memory = std::make_unique<LoadedCase>();
  } else {
    memory->forget();
  }
  cases.push_back(std::move(made));
}

/// The case files themselves: those that are gone or set aside since they were looked up are left out.
Result<void> PostgresStore::Loading::case_files(Cases& pool) {
  CopyRows rows(connection);
  const std::string more = selection.stepping ? " and not set_aside" : "";
  const std::string columns = ", step_no, version, record_month, wake_at, " + awake_sql(selection.awake, selection.now);
  auto started = rows.start(selection.range ? fmt::format("select bucket, case_id{} from dunlin.case_file where {}{} order by bucket, case_id{}", columns,
                                                          after_sql("bucket", "case_id", selection.after, selection.last_bucket), more,
                                                          selection.limit == 0 ? "" : fmt::format(" limit {}", selection.limit))
                                            : query(columns, "dunlin.case_file", "bucket", "case_id", more, ""));
  if (!started) return started;
  size_t wanted = 0;
  const int32_t month = month_of(selection.now);
  while (rows.next()) {
    const int32_t bucket = rows.int32();
    const int64_t case_id = rows.int64(), step = rows.int64();
    const auto& all = selection.cases;
    if (!selection.range) {
      while (wanted < all.size() && (all[wanted].bucket < bucket || (all[wanted].bucket == bucket && all[wanted].case_id < case_id))) ++wanted;
      if (wanted == all.size() || all[wanted].bucket != bucket || all[wanted].case_id != case_id) continue;
    }
    add_case(bucket, case_id, step, pool);
    extra(cases.size() - 1).version = rows.int32();
    extra(cases.size() - 1).month = rows.int32();
    extra(cases.size() - 1).read_in = month;
    extra(cases.size() - 1).wake_at = rows.instant();
    extra(cases.size() - 1).awake = rows.boolean();
  }
  waiting.resize(cases.size());
  rows_seen = cases.size();
  if (!cases.empty()) last_seen = {cases.back()->bucket, cases.back()->debtor_id};
  return rows.finish();
}

/// A stretch is read whole; who has neither slept out nor got anything goes back to sleep.
void PostgresStore::Loading::leave_out_sleepers(Cases& pool) {
  size_t kept = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (!extra(i).awake && waiting[i].empty() && extra(i).marks.empty()) {
      pool.push_back(std::move(cases[i]));
      continue;
    }
    if (kept != i) {
      cases[kept] = std::move(cases[i]);
      waiting[kept] = std::move(waiting[i]);
    }
    ++kept;
  }
  cases.resize(kept);
  waiting.resize(kept);
}

Result<void> PostgresStore::Loading::instances(int32_t entity) {
  const EntityTable& table = layout.entities[entity];
  std::string from = table.table;
  if (selection.past) {
    const std::string columns = "dunlin_bucket, dunlin_case, dunlin_id, dunlin_parent" + table.list, at = sql_instant(selection.now);
    from = fmt::format("(select {0} from {1} where dunlin_since <= {2} union all select {0} from {3} where dunlin_since <= {2} and dunlin_until > {2}) x",
                       columns, table.table, at, table.past);
  }
  const bool root = program().entities[entity].parent == checked::none;
  return stream(query(", dunlin_id, dunlin_parent" + table.list, from, "dunlin_bucket", "dunlin_case", "", "dunlin_id"), [&](size_t index, CopyRows& rows) {
    CaseFile& case_file = *cases[index];
    const int64_t id = rows.int64(), parent = rows.int64();
    const int32_t above = root ? -1 : case_file.find(parent);
    if (!root && above < 0) return;  // its parent was not there yet
    int64_t* slots = case_file.slots(case_file.add_instance(entity, above, id));
    for (const Leaf& leaf : table.leaves) {
      if (read_value(program(), leaf, rows.field(), case_file, slots)) continue;
      extra(index).damage = fmt::format("`{}.{}` holds a value that this version does not know", program().entities[entity].name, leaf.name);
    }
  });
}

void PostgresStore::Loading::take_state(size_t index, CopyRows& rows) {
  CaseFile& case_file = *cases[index];
  const int64_t id = rows.int64();
  const int32_t version = rows.int32();
  const FieldBytes strategy = rows.field(), stage = rows.field();
  const int64_t step = rows.int64();
  const Instant entered_at = rows.instant(), wake_at = rows.instant();
  const FieldBytes body = rows.field();
  const int32_t position = case_file.find(id);
  if (position < 0) return;
  if (selection.past) {
    // The first row is the one that was in force; before its first entry there was no state.
    auto& seen = extra(index).stated;
    if (std::ranges::find(seen, id) != seen.end()) return;
    seen.push_back(id);
    if (entered_at > selection.now) return;
  } else {
    extra(index).stated.push_back(id);
    if (selection.stepping && whole(index)) extra(index).bodies.emplace_back(id, body.view());
  }
  engine::InstanceState& state = case_file.state(position);
  state.version = version;
  state.strategy = strategy.missing() ? -1 : Layout::find(layout.strategy_of, get_whole<int32_t>(strategy.data));
  state.stage = stage.missing() ? -1 : Layout::find(layout.stage_of, get_whole<int32_t>(stage.data));
  state.stage = checked::stage_under(program(), state.stage, version);
  if (state.stage >= 0) state.strategy = program().stages[static_cast<size_t>(state.stage)].strategy;  // it may have moved to another
  state.step_number = step;
  state.entered_at = entered_at;
  state.wake_at = wake_at;
  std::string error;
  if (!engine::decode_state(program(), body.view(), case_file.arena(), state, error)) extra(index).damage = error;
}

Result<void> PostgresStore::Loading::states() {
  const std::string columns = ", instance_id, version, strategy, stage, step_no, entered_at, wake_at, body";
  if (!selection.past) {
    return stream(query(columns, "dunlin.state", "bucket", "case_id", "", ""), [&](size_t index, CopyRows& rows) { take_state(index, rows); });
  }
  const std::string both = fmt::format(
      "(select bucket, case_id{0}, 'infinity'::timestamptz as until from dunlin.state union all select bucket, case_id, instance_id, version, strategy, stage, "
      "step_no, entered_at, "
      "'infinity'::timestamptz, body, until from dunlin.state_past where until > {1}) x",
      columns, sql_instant(selection.now));
  return stream(query(columns, both, "bucket", "case_id", "", "instance_id, until, step_no"), [&](size_t index, CopyRows& rows) { take_state(index, rows); });
}

Result<void> PostgresStore::Loading::inbox() {
  std::string where = fmt::format("bucket between {} and {}", cases.front()->bucket, cases.back()->bucket);
  if (!selection.range && cases.size() == 1) where += fmt::format(" and case_id = '{}'::int8", cases.front()->debtor_id);
  if (selection.now != abi::never) where += fmt::format(" and at <= {}", sql_instant(selection.now));
  return stream(fmt::format("select bucket, case_id, at, seq, kind from dunlin.inbox where {} order by bucket, case_id, at, seq", where),
                [&](size_t index, CopyRows& rows) {
                  const Instant at = rows.instant();
                  const int64_t seq = rows.int64();
                  const int16_t kind = rows.int16();
                  if (kind == 0) {
                    waiting[index].push_back({at, seq});
                  } else {
                    extra(index).marks.push_back({at, seq});
                    extra(index).news_of_tasks = extra(index).news_of_tasks || kind == 2;
                  }
                });
}

/// An event in words that this version does not have. What is new is not read: it is set aside with the step. What an earlier version has read stays where it
/// is; if it was a contact, limits go on counting it.
void PostgresStore::Loading::take_strange(size_t index, StrangeEvent event, bool waits) {
  CaseFile& case_file = *cases[index];
  if (waits) {
    extra(index).strange.push_back(std::move(event));
    ++case_file.strange_events;
    return;
  }
  const auto known = layout.strange_of.find(event.type);
  if (known == layout.strange_of.end()) return;
  const auto within = static_cast<size_t>(known->second.within);
  std::vector<int64_t> slots = blank_slots(layout.events[within], program().events[within].slot_count);
  if (!event.body.empty()) {
    unpack_values(program(), layout.events[within], event.body, case_file, slots.data());
  } else if (!event.payload.empty()) {
    json_to_values(program(), layout.events[within], event.payload, case_file, slots.data());
  }
  case_file.add_strange_outcome(event.at, known->second.within, known->second.reached, event.owner, slots.data(), slots.size());
}

void PostgresStore::Loading::take_event(size_t index, CopyRows& rows) {
  CaseFile& case_file = *cases[index];
  const Instant at = rows.instant();
  const int64_t seq = rows.int64(), owner = rows.int64();
  const int32_t number = rows.int32(), type = Layout::find(layout.event_of, number), position = case_file.find(owner);
  const FieldBytes source = rows.field(), external = rows.field(), body = rows.field(), payload = rows.field();
  extra(index).history_to = std::max(extra(index).history_to, seq);
  const auto& queue = waiting[index];
  const auto found = std::ranges::lower_bound(queue, std::pair{at, seq}, {}, [](const Waiting& w) { return std::pair{w.at, w.seq}; });
  const bool waits = found != queue.end() && found->at == at && found->seq == seq;
  if (position < 0) {  // the instance has gone: the event stays in the table and counts as handled
    if (waits) extra(index).marks.push_back({at, seq});
    return;
  }
  if (type < 0) {
    const auto text = [](const FieldBytes& field) { return field.missing() ? std::string() : std::string(field.view()); };
    return take_strange(index, {at, seq, number, position, text(source), text(external), text(body), text(payload)}, waits);
  }
  const auto& leaves = layout.events[type];
  std::vector<int64_t> slots = blank_slots(leaves, program().events[type].slot_count);
  const bool good = !body.missing()      ? unpack_values(program(), leaves, body.view(), case_file, slots.data())
                    : !payload.missing() ? json_to_values(program(), leaves, payload.view(), case_file, slots.data())
                                         : true;
  if (!good) extra(index).damage = fmt::format("an event `{}` of {} holds values that cannot be read", program().events[type].name, instant_text(at));
  if (!waits) return case_file.add_event(at, type, position, slots.data(), slots.size());
  case_file.inbox().push_back({.at = at,
                               .type = type,
                               .instance = position,
                               .slots = std::move(slots),
                               .source = source.missing() ? "" : std::string(source.view()),
                               .external_id = external.missing() ? "" : std::string(external.view()),
                               .inbox_id = seq});
}

Result<void> PostgresStore::Loading::history() {
  const std::string more = selection.now == abi::never ? "" : fmt::format(" and at <= {}", sql_instant(selection.now));
  auto read = stream(query(", at, seq, instance_id, type, source, external_id, body, payload::text", "dunlin.event", "bucket", "case_id", more, "at, seq"),
                     [&](size_t index, CopyRows& rows) { take_event(index, rows); });
  // Events of one instant are handled in the order in which they arrived.
  for (auto& case_file : cases) std::ranges::stable_sort(case_file->inbox(), {}, &engine::IncomingEvent::inbox_id);
  return read;
}

void PostgresStore::Loading::take_task(size_t index, CopyRows& rows) {
  CaseFile& case_file = *cases[index];
  engine::OpenTask task;
  task.id = task_id(rows.field());
  const int64_t instance = rows.int64();
  const int32_t queue = rows.int32();
  task.queue = Layout::find(layout.queue_of, queue);
  task.priority = rows.int64();
  // A dead letter (6) is a status of the queue alone, and none that the engine has a name for: a step may end it, and gives it no place among the limits.
  task.status = static_cast<engine::TaskStatus>(rows.int16());
  task.marked = rows.boolean();
  task.not_before = rows.instant();
  task.identity = static_cast<uint64_t>(rows.int64());
  task.rule = static_cast<uint64_t>(rows.int64());
  task.recipient = rows.int64();
  const FieldBytes stage = rows.field();
  task.stage = stage.missing() ? -1 : Layout::find(layout.stage_of, get_whole<int32_t>(stage.data));
  task.standing = rows.boolean();
  task.stays = rows.boolean();
  task.treatment = rows.field().view();
  task.created_at = rows.instant();
  task.due = rows.instant();
  task.expires = rows.instant();
  task.window = rows.int64();
  const FieldBytes fields = rows.field(), limits = rows.field(), limits_until = rows.field(), lead_rank = rows.field(), age_rank = rows.field();
  if (!limits.missing()) task.limits = limits.view();
  if (!limits_until.missing()) task.limits_until = from_server_time(get_whole<int64_t>(limits_until.data));
  if (!lead_rank.missing()) task.lead_rank = get_whole<int32_t>(lead_rank.data);
  if (!age_rank.missing()) task.age_rank = get_whole<int32_t>(age_rank.data);
  task.instance = case_file.find(instance);
  if (task.queue < 0 || task.instance < 0) {
    extra(index).orphans.emplace_back(task.id, queue);
    return;
  }
  const auto& leaves = layout.queues[task.queue];
  task.fields = blank_slots(leaves, program().queues[task.queue].slot_count);
  if (!fields.missing()) json_to_values(program(), leaves, fields.view(), case_file, task.fields.data());
  case_file.tasks().push_back(std::move(task));
}

Result<void> PostgresStore::Loading::tasks() {
  // What a person or a stop has called back is no business of a step: marked is what the step itself does not want.
  const std::string marked = "(marked and coalesce(called_back, 4) >= 4)";
  const std::string columns = ", task, instance_id, queue, priority, status, " + (selection.past ? "marked" : marked) +
                              ", not_before, identity, rule, recipient, stage, standing, stays, treatment, created_at, due, expires, time_window, "
                              "fields::text, limits, limits_until, lead_rank, age_rank";
  const auto take = [&](size_t index, CopyRows& rows) { take_task(index, rows); };
  std::string open = "dunlin.task_open join dunlin.task_body using (bucket, case_id, task)";
  if (selection.range && !selection.past) {
    // A join does not hand a range on from one table to the other, and without statistics it may be planned badly: task by task it is.
    open = fmt::format(
        "(select * from dunlin.task_open where {} order by bucket, case_id offset 0) o, lateral (select identity, rule, recipient, stage, standing, stays, "
        "treatment, "
        "created_at, expires, time_window, fields, limits, limits_until, lead_rank, age_rank from dunlin.task_body b where b.bucket = o.bucket and b.case_id = "
        "o.case_id and b.task "
        "= o.task offset "
        "0) b",
        between("bucket", "case_id"));
  }
  if (!selection.past) return stream(query(columns, open, "bucket", "case_id", "", ""), take);
  const std::string at = sql_instant(selection.now);
  const std::string plain =
      "bucket, case_id, task, instance_id, queue, priority, {}, not_before, identity, rule, recipient, stage, standing, stays, treatment, created_at, due, "
      "expires, time_window, fields, {}";
  const std::string both =
      fmt::format("(select {0} from {1} where created_at <= {2} union all select {3} from dunlin.task_done where created_at <= {2} and done_at > {2}) x",
                  fmt::format(fmt::runtime(plain), "status, " + marked + " as marked", "limits, limits_until, lead_rank, age_rank"), open, at,
                  fmt::format(fmt::runtime(plain), "0::int2 as status, false as marked",
                              "null::text as limits, null::timestamptz as limits_until, "
                              "null::int4 as lead_rank, null::int4 as age_rank"));
  return stream(query(columns, both, "bucket", "case_id", "", "task"), take);
}

/// A mark says that data may have changed. Data that changes without one was changed past the import; a replay finds that.
void PostgresStore::Loading::keep_reading(size_t index) {
  LoadedCase& loaded = extra(index);
  Reading reading{.data = !loaded.marks.empty(), .whole = whole(index), .history_to = loaded.history_to, .taken = {}, .bodies = {}};
  for (const Waiting& event : waiting[index]) {
    if (std::ranges::find(loaded.strange, event.seq, &StrangeEvent::seq) == loaded.strange.end()) reading.taken.push_back(event.seq);
  }
  for (const auto& [instance, body] : loaded.bodies) reading.bodies.emplace_back(instance, body);
  append_reading(loaded.reading, layout.slots, *cases[index], reading);
}

Result<Cases> PostgresStore::load_selected(BulkConnection& connection, const Layout& layout, Selection& selection, Cases& pool) {
  Loading loading{connection, layout, selection};
  if (!selection.range && selection.cases.empty()) return Cases{};
  auto done = loading.case_files(pool);
  selection.rows_seen = loading.rows_seen;
  selection.last_seen = loading.last_seen;
  if (loading.cases.empty() || !done) return done ? Result<Cases>(Cases{}) : std::unexpected(done.error());
  done = loading.inbox();  // before the data that its rows are about
  if (done && selection.range && selection.awake) loading.leave_out_sleepers(pool);
  if (loading.cases.empty()) return Cases{};
  for (size_t e = 0; done && e < layout.entities.size(); ++e) done = loading.instances(static_cast<int32_t>(e));
  if (done) done = loading.states();
  if (done) done = loading.history();
  if (done) done = loading.tasks();
  if (!done) return std::unexpected(done.error());
  for (auto& case_file : loading.cases) case_file->finish();
  for (size_t i = 0; selection.stepping && i < loading.cases.size(); ++i) {
    loading.extra(i).loader = this;
    loading.keep_reading(i);
  }
  return std::move(loading.cases);
}

}  // namespace dunlin::store
