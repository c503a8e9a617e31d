#include "runtime/store/postgres_tasks.h"

#include <map>

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

bool is_over(const TaskEffect& effect) {
  const TaskStatus status = effect.task.status;
  return effect.change == TaskChange::withdraw || status == TaskStatus::done || status == TaskStatus::withdrawn || status == TaskStatus::expired;
}

TaskStatus last_status(const TaskEffect& effect) {
  const bool still_open = effect.task.status == TaskStatus::ready || effect.task.status == TaskStatus::leased || effect.task.status == TaskStatus::withheld;
  return still_open ? TaskStatus::withdrawn : effect.task.status;
}

std::optional<int64_t> number_of(const std::vector<int32_t>& numbers, int32_t index) {
  if (index < 0) return std::nullopt;
  return numbers[static_cast<size_t>(index)];
}

constexpr auto insert_open = "dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, marked, not_before)";
constexpr auto insert_body =
    "dunlin.task_body (bucket, case_id, task, identity, rule, recipient, stage, standing, stays, treatment, created_at, due, expires, time_window, fields)";
constexpr auto change_open =
    "update dunlin.task_open t set priority = i.priority, status = i.status, marked = i.marked, not_before = i.not_before "
    "from unnest($1, $2, $3, $4, $5, $6, $7) i(bucket, case_id, task, priority, status, marked, not_before) "
    "where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task";
constexpr auto change_body =
    "update dunlin.task_body t set rule = i.rule, stage = i.stage, standing = i.standing, stays = i.stays, treatment = i.treatment, due = i.due, expires = "
    "i.expires, "
    "time_window = i.time_window, fields = i.fields "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) i(bucket, case_id, task, rule, stage, standing, stays, treatment, due, expires, "
    "time_window, fields) "
    "where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task";
constexpr auto close_open =
    "with i as materialized (select * from unnest($1, $2, $3, $4, $5, $6, $7) i(bucket, case_id, task, status, done_at, reason, outcome)), "
    "gone as (delete from dunlin.task_open t using i where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task returning t.*), "
    "body as (delete from dunlin.task_body t using i where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task returning t.*) "
    "insert into dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays, "
    "treatment, created_at, "
    "due, expires, time_window, fields, done_at, reason, outcome) "
    "select bucket, case_id, task, instance_id, queue, priority, i.status, not_before, identity, rule, recipient, stage, standing, stays, treatment, "
    "created_at, due, expires, "
    "time_window, fields, done_at, reason, outcome from i join gone using (bucket, case_id, task) join body using (bucket, case_id, task)";
constexpr auto insert_done =
    "dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays, treatment, "
    "created_at, due, expires, time_window, fields, done_at, reason, outcome)";

}  // namespace

TaskChanges::TaskChanges(const Layout& layout)
    : layout_(layout),
      open_(Batch::added_to(insert_open, {int32, int64, uuid, int64, int32, int64, int16, boolean, timestamp})),
      body_(Batch::added_to(insert_body,
                            {int32, int64, uuid, int64, int64, int64, int32, boolean, boolean, text, timestamp, timestamp, timestamp, int64, jsonb})),
      update_open_(change_open, {int32, int64, uuid, int64, int16, boolean, timestamp}),
      update_body_(change_body, {int32, int64, uuid, int64, int32, boolean, boolean, text, timestamp, timestamp, int64, jsonb}),
      close_(close_open, {int32, int64, uuid, int16, timestamp, text, text}),
      record_(Batch::added_to(insert_done, {int32,   int64,   uuid, int64,     int32,     int64,     int16, timestamp, int64,     int64, int64, int32,
                                            boolean, boolean, text, timestamp, timestamp, timestamp, int64, jsonb,     timestamp, text,  text})) {}

void TaskChanges::add(const engine::CaseFile& case_file, const engine::StepResult& result, Instant now) {
  if (result.tasks.empty()) return;
  struct Net {
    bool created = false;
    const TaskEffect* last = nullptr;
  };
  std::map<engine::TaskId, Net> changes;
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
  }
}

void TaskChanges::add_orphans(const engine::CaseFile& case_file, const LoadedCase& loaded, Instant now) {
  for (const auto& [task, queue] : loaded.orphans) {
    close_.add(case_file.bucket, case_file.debtor_id, std::string_view(uuid_bytes(task)), static_cast<int64_t>(TaskStatus::withdrawn), now,
               std::string_view("its queue or its instance is gone from the bundle"), Nothing{});
  }
}

void TaskChanges::add_fields(const OpenTask& task, Column& column) {
  const auto& leaves = layout_.queues[static_cast<size_t>(task.queue)];
  if (leaves.empty() || task.fields.empty()) return column.add_missing();
  column.add(std::string_view(values_to_json(layout_.program, leaves, task.fields.data())));
}

void TaskChanges::create(const engine::CaseFile& case_file, const OpenTask& task) {
  const std::string id = uuid_bytes(task.id);
  open_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), case_file.instance(task.instance).id, number_of(layout_.queue_ids, task.queue),
            task.priority, static_cast<int64_t>(task.status), task.marked, task.not_before);
  body_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), static_cast<int64_t>(task.identity), static_cast<int64_t>(task.rule), task.recipient,
            number_of(layout_.stage_ids, task.stage), task.standing, task.stays, std::string_view(task.treatment), task.created_at, task.due, task.expires,
            task.window);
  add_fields(task, body_.column(14));
}

void TaskChanges::update(const engine::CaseFile& case_file, const OpenTask& task) {
  const std::string id = uuid_bytes(task.id);
  update_open_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), task.priority, static_cast<int64_t>(task.status), task.marked, task.not_before);
  update_body_.add(case_file.bucket, case_file.debtor_id, std::string_view(id), static_cast<int64_t>(task.rule), number_of(layout_.stage_ids, task.stage),
                   task.standing, task.stays, std::string_view(task.treatment), task.due, task.expires, task.window);
  add_fields(task, update_body_.column(11));
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
  for (Batch* batch : {&close_, &update_open_, &update_body_, &open_, &body_, &record_}) {
    if (auto sent = batch->send(connection); !sent) return sent;
  }
  return {};
}

}  // namespace dunlin::store
