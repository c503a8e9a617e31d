#include "runtime/store/postgres_tasks.h"

#include <chrono>
#include <map>

#include "lang/sema/checked_people.h"
#include "runtime/store/postgres_limit_lines.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using engine::OpenTask;
using engine::TaskChange;
using engine::TaskEffect;
using engine::TaskStatus;

namespace {

using enum ColumnType;

std::string uuid_bytes(const engine::TaskId& id) {
  std::string bytes;
  put_whole(bytes, id.high);
  put_whole(bytes, id.low);
  return bytes;
}

/// Over, as far as the step knows; a mark is a withdrawal of what somebody holds.
bool is_over(const TaskEffect& effect) {
  const TaskStatus status = effect.task.status;
  return effect.change == TaskChange::withdraw || effect.change == TaskChange::mark || status == TaskStatus::done || status == TaskStatus::withdrawn ||
         status == TaskStatus::expired;
}

TaskStatus last_status(const TaskEffect& effect) {
  const TaskStatus status = effect.task.status;
  const bool over = status == TaskStatus::done || status == TaskStatus::withdrawn || status == TaskStatus::expired;
  return over ? status : TaskStatus::withdrawn;  // a dead letter (6), too
}

/// A task joins the line when its not-before comes, by the database's clock, which hand-out goes by. Withheld ones stay out of it.
std::optional<int64_t> waits_until(const OpenTask& task, Instant database_now) {
  if (task.status == TaskStatus::withheld) return abi::never;
  if (task.not_before > database_now) return task.not_before;
  return std::nullopt;
}

std::optional<int64_t> number_of(const std::vector<int32_t>& numbers, int32_t index) {
  if (index < 0) return std::nullopt;
  return numbers[static_cast<size_t>(index)];
}

constexpr auto insert_open = "dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, not_before, wakes, due)";
constexpr auto insert_body =
    "dunlin.task_body (bucket, case_id, task, identity, rule, recipient, stage, standing, stays, treatment, created_at, expires, time_window, fields, "
    "limits, limits_until, lead_rank, age_rank)";
// Lease, dead letter and waiting belong to the queue: a step that read the task before they changed leaves them as they are. A task that changes
// its band, or that joins the line again, takes a new place in it; the cursors have passed the old one. What a person or a stop has called back stays so.
constexpr auto change_open =
    "update dunlin.task_open t set priority = x.priority, not_before = i.not_before, due = i.due, marked = t.marked and t.called_back is not null, "
    "called_back = t.called_back & 3::int2, reason = case when t.marked and t.called_back is null or t.wakes is not null and x.wakes is null then null else "
    "t.reason end, status = x.status, wakes = x.wakes, "
    "seq = case when dunlin.band_of(x.priority) <> t.band or (t.wakes is not null and x.wakes is null) then nextval('dunlin.turn') else t.seq end "
    "from unnest($1, $2, $3, $4, $5, $6, $7) i(bucket, case_id, task, priority, status, not_before, due) join dunlin.task_open o using (bucket, case_id, "
    "task), "
    "lateral (select coalesce((select v.value::int8 from dunlin.override v where v.kind = 'priority' and v.lifted_at is null and v.bucket = o.bucket and "
    "v.case_id "
    "= o.case_id and v.instance_id in (o.instance_id, o.case_id) and v.until > clock_timestamp() and (v.queue is null or v.queue = (select s.name from "
    "dunlin.queue_setting s where s.queue = o.queue)) order by (v.instance_id = o.instance_id) desc, (v.queue is null), v.id desc limit 1), i.priority) as "
    "priority, case when o.status in (0, 5) and i.status in (0, 5) then i.status else o.status end as status, "
    "case when o.status = 6 then o.wakes when o.status in (0, 5) and i.status = 5 then 'infinity' when o.status = 1 then null "
    "when i.not_before > clock_timestamp() then i.not_before when o.status = 5 or o.wakes = o.not_before or o.reason like any ('{limits%,hold `%}') "
    "then null else o.wakes end as wakes) x "
    "where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task";
constexpr auto change_body =
    "update dunlin.task_body t set rule = i.rule, stage = i.stage, standing = i.standing, stays = i.stays, treatment = i.treatment, expires = i.expires, "
    "time_window = i.time_window, fields = i.fields, limits = i.limits, limits_until = i.limits_until, lead_rank = i.lead_rank, age_rank = i.age_rank "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) i(bucket, case_id, task, rule, stage, standing, stays, treatment, expires, "
    "time_window, fields, limits, limits_until, lead_rank, age_rank) "
    "where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task";
// What a worker holds at this moment is marked, whether the step knew of the lease or not; only a recorded outcome ends it.
constexpr auto end_open =
    "with i as materialized (select * from unnest($1, $2, $3, $4, $5, $6, $7) i(bucket, case_id, task, status, done_at, reason, outcome)), "
    "marked as (update dunlin.task_open t set marked = true, called_back = t.called_back | 4::int2, "
    "reason = case when t.called_back is null then i.reason else t.reason end from i where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task "
    "and t.status = 1 and i.status = 3), "
    "gone as (delete from dunlin.task_open t using i where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task "
    "and (t.status <> 1 or i.status = 2) returning t.*), "
    "settled as (update dunlin.contact c set kind = 'unknown', until = c.at + (clock_timestamp() - c.recorded_at) from gone g where g.status = 1 and c.bucket "
    "= g.bucket and c.case_id = g.case_id "
    "and c.task = g.task and c.kind = 'reserved'), "
    "body as (delete from dunlin.task_body b using gone g where b.bucket = g.bucket and b.case_id = g.case_id and b.task = g.task returning b.*) "
    "insert into dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays, "
    "treatment, created_at, due, expires, time_window, fields, done_at, reason, outcome, worker, lease_epoch) "
    "select bucket, case_id, task, g.instance_id, g.queue, g.priority, i.status, g.not_before, identity, rule, recipient, stage, standing, stays, treatment, "
    "created_at, g.due, expires, time_window, fields, i.done_at, i.reason, i.outcome, g.worker, g.lease_epoch "
    "from i join gone g using (bucket, case_id, task) join body using (bucket, case_id, task)";
// What the step took out of line, or put off, may have been before another of its case file (`assign oldest first per …`): of each that waits behind one, the
// oldest is looked at again. After the others, so that it sees what they left, and behind the lock of the case file, as every hand-out.
constexpr auto bring_next =
    "update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn') "
    "from (select distinct on (o.bucket, o.case_id, o.queue, w.turn) o.bucket, o.case_id, o.task "
    "from unnest($1, $2) i(bucket, case_id) join dunlin.task_open o using (bucket, case_id) "
    "join dunlin.queue_setting s on s.queue = o.queue and s.in_order "
    "join dunlin.task_body b on b.bucket = o.bucket and b.case_id = o.case_id and b.task = o.task, "
    "lateral (select dunlin.turn_of(o.bucket, o.case_id, o.instance_id, s.order_per) as turn) w "
    "where o.status = 0 and o.wakes is not null and o.reason like 'in order: %' "
    "order by o.bucket, o.case_id, o.queue, w.turn, b.created_at, o.priority desc, o.task) x "
    "where t.bucket = x.bucket and t.case_id = x.case_id and t.task = x.task";
// Whoever took a register hears of a hold, and of its end.
constexpr auto look_at_register = "select dunlin.look_at_register(i.bucket, i.case_id, i.task) from unnest($1, $2, $3) i(bucket, case_id, task)";
constexpr auto insert_done =
    "dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays, treatment, "
    "created_at, due, expires, time_window, fields, done_at, reason, outcome)";

}  // namespace

TaskChanges::TaskChanges(const Layout& layout, Instant database_now)
    : layout_(layout),
      database_now_(database_now),
      open_(Batch::added_to(insert_open, {int32, int64, uuid, int64, int32, int64, int16, timestamp, timestamp, timestamp})),
      body_(Batch::added_to(insert_body, {int32, int64, uuid, int64, int64, int64, int32, boolean, boolean, text, timestamp, timestamp, int64, jsonb, text,
                                          timestamp, int32, int32})),
      update_open_(change_open, {int32, int64, uuid, int64, int16, timestamp, timestamp}),
      update_body_(change_body, {int32, int64, uuid, int64, int32, boolean, boolean, text, timestamp, int64, jsonb, text, timestamp, int32, int32}),
      close_(end_open, {int32, int64, uuid, int16, timestamp, text, text}),
      next_(bring_next, {int32, int64}),
      registered_(look_at_register, {int32, int64, uuid}),
      record_(Batch::added_to(insert_done, {int32,   int64,   uuid, int64,     int32,     int64,     int16, timestamp, int64,     int64, int64, int32,
                                            boolean, boolean, text, timestamp, timestamp, timestamp, int64, jsonb,     timestamp, text,  text})) {}

void TaskChanges::add(const engine::CaseFile& case_file, const engine::StepResult& result, Instant now) {
  if (result.tasks.empty()) return;
  if (result.limit_lines != nullptr) lines_ = result.limit_lines;
  if (result.tasks.size() == 1 && result.tasks[0].change == TaskChange::create && !is_over(result.tasks[0])) return create(case_file, result.tasks[0].task);
  struct Net {
    bool created = false;
    const TaskEffect* last = nullptr;
  };
  std::map<engine::TaskId, Net> changes;
  bool takes_turns = false;
  for (const TaskEffect& effect : result.tasks) {
    Net& net = changes[effect.task.id];
    net.created = net.created || effect.change == TaskChange::create;
    net.last = &effect;
  }
  for (const auto& [id, net] : changes) {
    const bool over = is_over(*net.last);
    if (net.created && over) {
      record(case_file, *net.last, now);
    } else if (net.created) {
      create(case_file, net.last->task);
    } else if (over) {
      close(case_file, *net.last, now);
    } else {
      update(case_file, net.last->task);
    }
    takes_turns = takes_turns || (!net.created && in_order(net.last->task.queue));
  }
  if (takes_turns) next_.add(case_file.bucket, case_file.debtor_id);
}

void TaskChanges::add_orphans(const engine::CaseFile& case_file, const LoadedCase& loaded, Instant now) {
  for (const auto& [task, queue] : loaded.orphans) {
    close_.add(case_file.bucket, case_file.debtor_id, std::string_view(uuid_bytes(task)), static_cast<int64_t>(TaskStatus::withdrawn), now,
               std::string_view("its queue or its instance is gone from the bundle"), Nothing{});
  }
  if (!loaded.orphans.empty()) next_.add(case_file.bucket, case_file.debtor_id);
}

bool TaskChanges::in_registers(int32_t queue) const {
  const auto& policy = layout_.program.queues[static_cast<size_t>(queue)].policy;
  return policy && policy->batch_s >= 0;
}

bool TaskChanges::in_order(int32_t queue) const {
  const auto& policy = layout_.program.queues[static_cast<size_t>(queue)].policy;
  return policy && policy->order_per != checked::none;
}

void TaskChanges::add_fields(const OpenTask& task, Column& column) {
  const auto& leaves = layout_.queues[static_cast<size_t>(task.queue)];
  if (leaves.empty() || task.fields.empty()) return column.add_missing();
  column.add(std::string_view(values_to_json(layout_.program, leaves, task.fields.data())));
}

void TaskChanges::add_limits(const OpenTask& task, Batch& batch, size_t column) {
  task.limits.empty() ? batch.column(column).add_missing() : batch.column(column).add(std::string_view(task.limits));
  task.limits_until == abi::never ? batch.column(column + 1).add_missing() : batch.column(column + 1).add(task.limits_until);
  task.lead_rank < 0 ? batch.column(column + 2).add_missing() : batch.column(column + 2).add(task.lead_rank);
  task.age_rank < 0 ? batch.column(column + 3).add_missing() : batch.column(column + 3).add(task.age_rank);
  lines_wanted_ = lines_wanted_ || !task.limits.empty();
}

void TaskChanges::create(const engine::CaseFile& case_file, const OpenTask& task) {
  const std::string id = uuid_bytes(task.id);
  open_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), case_file.instance(task.instance).id, number_of(layout_.queue_ids, task.queue),
            task.priority, static_cast<int64_t>(task.status), task.not_before, waits_until(task, database_now_), task.due);
  body_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), static_cast<int64_t>(task.identity), static_cast<int64_t>(task.rule), task.recipient,
            number_of(layout_.stage_ids, task.stage), task.standing, task.stays, std::string_view(task.treatment), task.created_at, task.expires, task.window);
  add_fields(task, body_.column(13));
  add_limits(task, body_, 14);
}

void TaskChanges::update(const engine::CaseFile& case_file, const OpenTask& task) {
  const std::string id = uuid_bytes(task.id);
  update_open_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), task.priority, static_cast<int64_t>(task.status), task.not_before, task.due);
  update_body_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), static_cast<int64_t>(task.rule), number_of(layout_.stage_ids, task.stage),
                   task.standing, task.stays, std::string_view(task.treatment), task.expires, task.window);
  add_fields(task, update_body_.column(10));
  add_limits(task, update_body_, 11);
  if (in_registers(task.queue)) registered_.add(case_file.bucket, case_file.debtor_id, std::string_view(id));
}

void TaskChanges::close(const engine::CaseFile& case_file, const TaskEffect& effect, Instant now) {
  const TaskStatus status = last_status(effect);
  close_.add(case_file.bucket, case_file.debtor_id, std::string_view(uuid_bytes(effect.task.id)), static_cast<int64_t>(status), now,
             std::string_view(effect.reason));
  status == TaskStatus::done ? close_.column(6).add(std::string_view(effect.reason)) : close_.column(6).add_missing();
}

void TaskChanges::record(const engine::CaseFile& case_file, const TaskEffect& effect, Instant now) {
  const OpenTask& task = effect.task;
  const TaskStatus status = last_status(effect);
  record_.add(case_file.bucket, case_file.debtor_id, std::string_view(uuid_bytes(task.id)), case_file.instance(task.instance).id,
              number_of(layout_.queue_ids, task.queue), task.priority, static_cast<int64_t>(status), task.not_before, static_cast<int64_t>(task.identity),
              static_cast<int64_t>(task.rule), task.recipient, number_of(layout_.stage_ids, task.stage), task.standing, task.stays,
              std::string_view(task.treatment), task.created_at, task.due, task.expires, task.window);
  add_fields(task, record_.column(19));
  record_.column(20).add(now);
  record_.column(21).add(std::string_view(effect.reason));
  status == TaskStatus::done ? record_.column(22).add(std::string_view(effect.reason)) : record_.column(22).add_missing();
}

Result<void> TaskChanges::send(BulkConnection& connection) {
  if (lines_wanted_ && lines_ != nullptr) {
    if (auto sent = send_limit_lines(*lines_, connection); !sent) return sent;
  }
  // A task that a worker finished meanwhile is gone: its outcome waits in the inbox, and the next step sees both.
  for (Batch* batch : {&close_, &update_open_, &update_body_, &next_, &registered_}) {
    if (auto sent = batch->send(connection, false); !sent) return sent;
  }
  const bool news = open_.rows() > 0;
  for (Batch* batch : {&open_, &body_, &record_}) {
    if (auto sent = batch->send(connection); !sent) return sent;
  }
  if (!news) return {};
  auto told = connection.run("notify dunlin_tasks");
  if (!told) return std::unexpected(told.error());
  return {};
}

}  // namespace dunlin::store
