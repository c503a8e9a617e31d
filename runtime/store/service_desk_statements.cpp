#include "runtime/store/service_scope.h"
#include "runtime/store/service_statements.h"

namespace dunlin::store {

const char* desk_statement_of(Ask what) {
  switch (what) {
    case Ask::bind_origin:  // where from
      return "select set_config('dunlin.origin', $1, true) as origin";
    case Ask::heartbeat:  // task, epoch
      return "select * from dunlin.heartbeat($1::uuid, $2::int4)";
    case Ask::complete_many:  // results
      return "select * from dunlin.complete_many($1::jsonb)";
    case Ask::may_contact:  // task, address or null, at
      return "select * from dunlin.may_contact($1::uuid, $2, dunlin.moment($3))";
    case Ask::withdrawn_tasks:  // worker
      return "select * from dunlin.withdrawn_tasks($1)";
    case Ask::record_contact:  // source, external id, entity, key, channel, at, kind, recipient, address, outcome, whether the caller gave the time
      return "select dunlin.record_contact_now($1, $2, $3, $4, $5, dunlin.moment($6), coalesce($7, 'attempt'), $8, $9, $10, $11::bool) as result";
    case Ask::why:  // task, other or null
      return "select * from dunlin.why($1::uuid, $2::uuid)";
    case Ask::redrive:  // queue or null, task or null, who
      return "select dunlin.redrive($1, $2::uuid, $3) as tasks";
    case Ask::register_of:  // queue, day or null, after item or null, limit
      return "select * from dunlin.register_of($1, $2::date) r where $3::int4 is null or r.nth > $3::int4 order by r.nth limit $4::int";
    case Ask::post_statuses:  // queue, rows
      return "select * from dunlin.post_statuses($1, $2::jsonb)";
    case Ask::register_withdrawals:  // queue, day or null, all or those that nobody acknowledged, after correction, limit
      return "select * from dunlin.register_withdrawals($1, $2::date, $3::bool, $4::int8, $5::int)";
    case Ask::acknowledge_withdrawals:  // queue, rows, who
      return "select * from dunlin.acknowledge_withdrawals($1, $2::jsonb, $3)";
    case Ask::workers:  // after name, limit
      return "select * from dunlin.worker_now where worker > $1 order by worker limit $2::int";
    case Ask::worker:  // name; the tag is of what can be edited
      return "select n.*, dunlin.worker_tag(w) as tag from dunlin.worker_now n join dunlin.worker w on w.name = n.worker where n.worker = $1";
    case Ask::worker_lock:  // name, tag; a conflict where the tag is another
      return "select dunlin.lock_worker($1, $2)::text as done";
    case Ask::worker_facts:  // name
      return "select s.kind as what, s.name, s.since::text as since, s.until::text as until, null as reason, null as who from dunlin.worker w join "
             "dunlin.worker_skill s on s.worker = w.id where w.name = $1 "
             "union all select 'absent', a.id::text, a.since::text, a.until::text, a.reason, a.who from dunlin.worker w join dunlin.worker_absence a on "
             "a.worker = w.id where w.name = $1 and a.cancelled_at is null and a.until > now() "
             "union all select case when e.from_s is null then 'off' else 'other hours' end, e.day::text, (e.from_s * interval '1 second')::time::text, "
             "(e.to_s * interval '1 second')::time::text, e.reason, e.who from dunlin.worker w join dunlin.worker_exception e on e.worker = w.id where w.name "
             "= $1 and e.day >= current_date - 1 order by 1, 3, 2";
    case Ask::day_list:  // name
      return "select q.listed, q.queue, q.task, q.entity, q.key, q.treatment, q.priority, q.due, q.status from dunlin.queue q where q.assigned = $1 and "
             "q.listed is not null order by q.band, q.priority desc, q.not_before, q.due, q.seq";
    case Ask::put_workers:  // rows, who
      return "select * from dunlin.put_workers($1::jsonb, $2)";
    case Ask::worker_absent:  // name, since or null, until, reason, who
      return "select dunlin.set_absence($1, dunlin.moment($2), dunlin.moment($3), $4, $5) as absence";
    case Ask::worker_back:  // name, who
      return "select dunlin.end_absence($1, $2) as ended";
    case Ask::worker_day:  // name, day, hours or null, reason, who
      return "select true as done from dunlin.set_exception($1, $2::date, $3, $4, $5)";
    case Ask::fill_day_lists:  // at
      return "select dunlin.fill_day_lists($1::timestamptz) as listed";
    case Ask::schedules:
      return "select name, title, hours, closed, odd_days, zone from dunlin.schedule order by name";
    case Ask::territories:
      return "select t.name, t.title, t.regions, t.schedule, (select coalesce(jsonb_object_agg(c.queue, c.most), '{}') from dunlin.territory_capacity c where "
             "c.territory = t.name) as capacities from dunlin.territory t order by t.name";
    case Ask::overrides:  // after number, limit
      return "select o.id as override, o.entity, o.key, o.kind, o.value, o.queue, o.since, o.until, o.reason, o.who from dunlin.override o where o.lifted_at "
             "is null and o.until > now() and o.id > $1::int8 and (o.queue is null or " SEES_QUEUE("o.queue") ") and " SEES_CASE(
                 "o") "order by o.id limit $2::int";
    case Ask::set_override:  // entity, key, kind, value or null, until, reason, queue or null, who
      return "select dunlin.set_override($1, $2, $3, $4, dunlin.moment($5), $6, $7, $8) as override";
    case Ask::lift_override:  // number, who
      return "select true as done from dunlin.lift_override($1::int8, $2)";
    case Ask::close_account:  // entity, key, reason, since or null, who
      return "select true as done from dunlin.close_account($1, $2, $3, dunlin.moment($4), $5)";
    case Ask::reopen_account:  // entity, key, who
      return "select dunlin.reopen_account($1, $2, $3) as waiting";
    case Ask::search_keys:  // entity, part of the key, after key, limit
      return "select k.key, k.key as found from dunlin.instance_key k where k.entity = $1 and position(lower($2) in lower(k.key)) > 0 and k.key > $3 "
             "and " SEES_CASE("k") "order by k.key limit $4::int";
    case Ask::search_field:  // entity, field, value begins with, after key, limit
      return "select * from dunlin.search_field($1, $2, $3, $4, $5::int)";
    case Ask::quarantined:  // number
      return "select q.id, q.at, q.kind, q.location, q.reason, q.body, q.source, q.external_id, q.tried_at, q.resolved_at, dunlin.quarantine_tag(q) as tag "
             "from dunlin.quarantine q where q.id = $1::int8";
    case Ask::quarantine_retry:  // most, source or null
      return "select r.result, r.events from dunlin.quarantine_retry($1::int4, $2) r";
    case Ask::quarantine_repair:  // number, tag, changes, who, reason
      return "select dunlin.quarantine_repair($1::int8, $2, $3::jsonb, $4, $5) as result";
    case Ask::quarantine_dismiss:  // number, tag, who, reason
      return "select dunlin.quarantine_dismiss($1::int8, $2, $3, $4) as done";
    case Ask::step_again:  // entity, key, who
      return "select dunlin.step_again($1, $2, $3) as done";
    case Ask::bulk_page:  // before number or null, limit
      return "select b.id, b.at, b.author, b.reason, b.file, b.status, b.plan, b.decided_by, b.decided_at, b.decision, b.posted, b.undone from dunlin.bulk b "
             "where $1::int8 is null or b.id < $1::int8 order by b.id desc limit $2::int";
    case Ask::bulk_one:  // number
      return "select b.id, b.at, b.author, b.reason, b.file, b.status, b.plan, b.events, b.decided_by, b.decided_at, b.decision, b.posted, b.undone from "
             "dunlin.bulk b where b.id = $1::int8";
    case Ask::campaign_page:  // before number or null, limit
      return "select * from dunlin.campaign_progress where $1::int8 is null or campaign < $1::int8 order by campaign desc limit $2::int";
    case Ask::campaign_case_page:  // name or number, status or null, after line, limit
      return "select m.nth as line, m.key, m.status, m.day, m.task, m.tries, m.reason from dunlin.campaign_case m where m.campaign = (select c.id from "
             "dunlin.campaign c where c.name = $1 or c.id::text = $1 order by (c.status = 'running') desc, c.id desc limit 1) and ($2::text is null or "
             "m.status = $2) and m.nth > $3::int4 order by m.nth limit $4::int";
    case Ask::feed_file_page:  // feed, before number or null, limit
      return "select d.id, d.feed, d.day, d.file, d.status, d.who, d.at, d.rows_read, d.rows_bad, d.rows_told, d.total, d.total_told, d.reason from "
             "dunlin.feed_delivery d where d.feed = $1 and ($2::int8 is null or d.id < $2::int8) order by d.id desc limit $3::int";
    case Ask::report_tasks:  // from, to
      return "select q.name as queue, x.treatment, coalesce(r.strategy, '') as strategy, coalesce(r.stage, '') as stage, coalesce(r.name, '') as rule, "
             "sum(x.created)::int8 as created, sum(x.done)::int8 as done, sum(x.withdrawn)::int8 as withdrawn, sum(x.expired)::int8 as expired, "
             "sum(x.open)::int8 as open from (select d.queue, d.treatment, d.rule, count(*) filter (where d.created_at >= $1::timestamptz and d.created_at < "
             "$2::timestamptz) as created, count(*) filter (where d.status = 2 and d.done_at < $2::timestamptz) as done, count(*) filter (where d.status = 3 "
             "and d.done_at < $2::timestamptz) as withdrawn, count(*) filter (where d.status = 4 and d.done_at < $2::timestamptz) as expired, 0 as open from "
             "dunlin.task_done d where d.done_at >= $1::timestamptz and " SEES_CASE(
                 "d") "group by 1, 2, 3 union all select o.queue, b.treatment, b.rule, count(*) filter (where b.created_at >= $1::timestamptz and b.created_at "
                      "< $2::timestamptz), 0, 0, 0, count(*) from dunlin.task_open o join dunlin.task_body b using (bucket, case_id, task) where " SEES_CASE(
                          "o") "group by 1, 2, 3) x join dunlin.queue_setting q on q.queue = x.queue left join dunlin.rule r on r.key = x.rule "
                               "where " SEES_QUEUE("q.name") "group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5";
    case Ask::report_outcomes:  // from, to
      return "select q.name as queue, coalesce(d.outcome, '') as outcome, d.treatment, count(*) as tasks, count(distinct (d.bucket, d.case_id)) as "
             "case_files, round(avg(extract(epoch from d.done_at - d.created_at)) / 3600, 2)::float8 as mean_hours from dunlin.task_done d join "
             "dunlin.queue_setting q on q.queue = d.queue where d.status = 2 and d.done_at >= $1::timestamptz and d.done_at < $2::timestamptz and " SEES_CASE(
                 "d") "and " SEES_QUEUE("q.name") "group by 1, 2, 3 order by 1, 2, 3";
    case Ask::order_experiment:  // experiment, arm or null: stop it, at, who, reason; whether that is new
      return "select dunlin.order_experiment($1, $2, $3::timestamptz, $4, $5) as done";
    default:
      return "";
  }
}

}  // namespace dunlin::store
