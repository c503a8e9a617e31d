#include "runtime/store/service_statements.h"

#include "runtime/store/service_scope.h"

namespace dunlin::store {

const char* statement_of(Ask what) {
  switch (what) {
    case Ask::accounts:  // entity, after key, key begins with, stage or null, limit
      return "select k.entity, k.key, r.key as case_file, g.name as stage, s.entered_at from dunlin.instance_key k "
             "left join dunlin.state s on s.bucket = k.bucket and s.case_id = k.case_id and s.instance_id = k.id left join dunlin.name g on g.id = s.stage "
             "left join dunlin.instance_key r on r.bucket = k.bucket and r.case_id = k.case_id and r.id = k.case_id "
             "where k.entity = $1 and k.key > $2 and starts_with(k.key, $3) and ($4::text is null or g.name = $4) and " SEES_CASE(
                 "k") "order by k.key limit $5::int";
    case Ask::account_place:  // entity, key
      return "select k.entity, k.key, g.name as stage, s.entered_at, c.set_aside, nullif(c.wake_at, 'infinity') as next_wake from dunlin.instance_key k "
             "join dunlin.case_file c on c.bucket = k.bucket and c.case_id = k.case_id "
             "left join dunlin.state s on s.bucket = k.bucket and s.case_id = k.case_id and s.instance_id = k.id left join dunlin.name g on g.id = s.stage "
             "where k.entity = $1 and k.key = $2 and " SEES_CASE("k");
    case Ask::timeline:  // entity, key, before instant or null, limit; a step writes several at one instant: what belongs to the last one comes too
      return "with k as (select * from dunlin.instance_key i where i.entity = $1 and i.key = $2 and " SEES_CASE("i") ") select * from ("
             "select t.at, 'stage' as kind, coalesce(f.name, '') || ' -> ' || coalesce(g.name, '') as what, coalesce(r.name, 'enrolment') as rule, "
             "null::jsonb as payload from k join dunlin.transition t on t.bucket = k.bucket and t.case_id = k.case_id and t.instance_id = k.id "
             "left join dunlin.name f on f.id = t.from_stage left join dunlin.name g on g.id = t.to_stage left join dunlin.rule r on r.key = t.rule "
             "union all select e.at, 'event', n.name, null, e.payload from k join dunlin.event e on e.bucket = k.bucket and e.case_id = k.case_id and "
             "e.instance_id = k.id join dunlin.name n on n.id = e.type "
             "union all select b.created_at, 'task', q.name || ' ' || b.treatment, r.name, null from k join dunlin.task_open o on o.bucket = k.bucket and "
             "o.case_id = k.case_id and o.instance_id = k.id join dunlin.task_body b on b.bucket = o.bucket and b.case_id = o.case_id and b.task = o.task join "
             "dunlin.name q on q.id = o.queue left join dunlin.rule r on r.key = b.rule where " SEES_QUEUE("q.name")
             "union all select d.done_at, 'task ended', q.name || ' ' || d.treatment || coalesce(' ' || d.outcome, ''), d.reason, null from k join "
             "dunlin.task_done d on d.bucket = k.bucket and d.case_id = k.case_id and d.instance_id = k.id join dunlin.name q on q.id = d.queue where " SEES_QUEUE("q.name")
             "union all select m.at, case when m.whom = '' then 'note' else 'notified ' || m.whom end, m.body, null, null from k join dunlin.note m on "
             "m.bucket = k.bucket and m.case_id = k.case_id and m.instance_id = k.id"
             ") x where $3::timestamptz is null or at < $3::timestamptz order by at desc fetch first ($4::int) rows with ties";
    case Ask::queues:  // now; the empty ones too. The age of a task begins when it may be leased
      return "select s.name as queue, count(*) filter (where q.status = 'ready') as ready, count(*) filter (where q.due_now) as due_now, count(*) filter "
             "(where q.status = 'leased') as leased, count(*) filter (where q.status not in ('ready', 'leased')) as held, min(greatest(q.created_at, "
             "q.not_before)) filter (where q.due_now) as oldest, s.paused_at is not null as paused from dunlin.queue_setting s left join lateral (select "
             "q.status, q.created_at, q.not_before, q.status = 'ready' and q.not_before <= $1::timestamptz and coalesce(q.wakes, '-infinity') <= "
             "clock_timestamp() as due_now from dunlin.queue q where q.queue = s.name and " SEES_TASK("q") ") q on true where " SEES_QUEUE(
                 "s.name") "group by s.name, s.paused_at order by s.name";
    case Ask::tasks:  // queue or null, status or null, after task or null, limit
      return "select * from dunlin.queue q where ($1::text is null or q.queue = $1) and ($2::text is null or q.status = $2) and ($3::uuid is null or q.task > "
             "$3::uuid) and " SEES_TASK("q") "order by q.task limit $4::int";
    case Ask::task:  // task
      return "select * from dunlin.queue q where q.task = $1::uuid and " SEES_TASK("q");
    case Ask::lease:  // queue, worker, n, at, lasting or null
      return "select * from dunlin.lease($1, worker => $2, n => $3::int, lasting => $5::interval, at => $4::timestamptz)";
    case Ask::letter:  // task, whether personal data may be seen
      return "with t as (select o.bucket, o.case_id, q.name as queue from dunlin.task_open o join dunlin.name q on q.id = o.queue where o.task = $1::uuid "
             "union "
             "all select d.bucket, d.case_id, q.name from dunlin.task_done d join dunlin.name q on q.id = d.queue where d.task = $1::uuid) "
             "select l.name, l.key, l.subject, l.format, l.body from (select * from t limit 1) t left join dunlin.letter($1::uuid, $2::bool) l on true "
             "where " SEES_CASE("t") "and " SEES_QUEUE("t.queue");
    case Ask::complete:  // task, epoch, outcome, payload, external id, at
      return "select dunlin.complete($1::uuid, $2::int, outcome => $3, payload => coalesce($4::jsonb, '{}'), external_id => $5, at => dunlin.moment($6)) as "
             "result";
    case Ask::complete_and_lease:  // task, epoch, outcome, payload, external id, at, worker or null, lasting or null, now
      return "select * from dunlin.complete_and_lease($1::uuid, $2::int, outcome => $3, payload => coalesce($4::jsonb, '{}'), external_id => $5, "
             "at => dunlin.moment($6), worker => $7, lasting => $8::interval, moment => $9::timestamptz)";
    case Ask::release:  // task, epoch, not before, reason
      return "select dunlin.release($1::uuid, $2::int, dunlin.moment($3), $4) as result";
    case Ask::extend:  // task, epoch, lasting
      return "select * from dunlin.extend($1::uuid, $2::int, $3::interval)";
    case Ask::withdraw:  // task, reason, who
      return "select dunlin.withdraw($1::uuid, $2, who => $3) as result";
    case Ask::reassign:  // task, worker, reason, who
      return "select dunlin.reassign($1::uuid, $2, $3, who => $4) as result";
    case Ask::pause_queue:  // queue, reason, who
      return "select true as done from dunlin.pause_queue($1, $2, who => $3)";
    case Ask::resume_queue:  // queue, who
      return "select true as done from dunlin.resume_queue($1, who => $2)";
    case Ask::post_event:  // source, external id, type, entity, key, at, payload, whether the caller gave the time
      return "select dunlin.post_event_now($1, $2, $3, $4, $5, dunlin.moment($6), coalesce($7::jsonb, '{}'), $8::bool) as result";
    case Ask::post_events:  // events
      return "select * from dunlin.post_events($1::jsonb)";
    case Ask::moment:  // as it was written, and after which instant it should lie
      return "select to_char(x.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at, x.at <= coalesce(dunlin.moment($2), clock_timestamp()) as "
             "over from (select "
             "dunlin.moment($1) as at) x";
    case Ask::quarantine:  // before id or null, limit
      return "select id, at, kind, location, reason, body from dunlin.quarantine where $1::int8 is null or id < $1::int8 order by id desc limit $2::int";
    case Ask::audit:  // before id or null, limit
      return "select id, at, who, origin, action, detail, encode(hash, 'hex') as hash from dunlin.audit where $1::int8 is null or id < $1::int8 order by id "
             "desc "
             "limit $2::int";
    case Ask::audit_head:
      return "select id, encode(hash, 'hex') as hash, id as entries from dunlin.audit_head";
    case Ask::audit_verify:  // anchored id or null, anchored hash in hex or null
      return "select good, entries, at_entry, what, encode(head, 'hex') as head from dunlin.audit_verify($1::int8, decode($2, 'hex'))";
    case Ask::audit_note:  // who, origin, action, detail
      return "insert into dunlin.audit (who, origin, action, detail) values ($1, $2, $3, $4::jsonb) returning id";
    case Ask::token_create:  // name, role, rights, hash in hex, who, scope or null
      return "insert into dunlin.api_token (name, role, rights, hash, created_by, scope) values ($1, $2, string_to_array($3, ','), decode($4, 'hex'), $5, "
             "$6::jsonb) returning id";
    case Ask::token_find:  // hash in hex
      return "select id, name, role, rights, scope::text as scope from dunlin.api_token where hash = decode($1, 'hex') and revoked_at is null";
    case Ask::token_list:
      return "select id, name, role, rights, scope, created_at, created_by, revoked_at from dunlin.api_token order by id";
    case Ask::token_revoke:  // id
      return "update dunlin.api_token set revoked_at = clock_timestamp() where id = $1::int4 and revoked_at is null returning id, name";
    case Ask::gauges:  // now
      return "select (select count(*) from dunlin.case_file) as case_files, (select count(*) from dunlin.case_file where set_aside) as set_aside, (select "
             "count(*) from dunlin.case_file where not set_aside and wake_at <= $1::timestamptz) as awake, (select count(*) from dunlin.inbox where at <= "
             "$1::timestamptz) as inbox, (select count(*) from dunlin.quarantine) as quarantine, (select count(*) from dunlin.feed f where "
             "dunlin.feed_missing(f, $1::timestamptz) is not null) as feeds_late, (select count(*) from dunlin.campaign c where c.status = 'running') as "
             "campaigns, "
             "(select number from dunlin.bundle where active) as version";
    case Ask::funnel:
      return "select t.name as strategy, g.name as stage, count(*) as count from dunlin.state s join dunlin.name t on t.id = s.strategy join dunlin.name g on "
             "g.id = s.stage where " SEES_CASE("s") "group by 1, 2 order by 1, 2";
    case Ask::rule_of_use:  // name
      return "select value, who, since from dunlin.rule_of_use where name = $1";
    case Ask::set_rule_of_use:  // name, value, who; no row where nothing changes
      return "insert into dunlin.rule_of_use as r (name, value, who) values ($1, $2::jsonb, $3) on conflict (name) do update set value = excluded.value, who = "
             "excluded.who, since = clock_timestamp() where r.value <> excluded.value returning name";
    case Ask::proposals:  // status or null, before id or null, limit
      return "select id, at, author, origin, reason, bundle, content_hash, replacing, back, status, decided_by, decided_at, decision, version from "
             "dunlin.bundle_proposal where ($1::text is null or status = $1) and ($2::int8 is null or id < $2::int8) order by id desc limit $3::int";
    case Ask::proposal:  // id
      return "select id, at, author, origin, reason, bundle, content_hash, replacing, back, wider, files, plan, status, decided_by, decided_at, decision, "
             "version from dunlin.bundle_proposal where id = $1::int8";
    case Ask::propose:  // author, origin, reason, bundle, hash, replacing, back, wider, files, plan
      return "select dunlin.propose($1, $2, $3, $4, $5, $6::int4, $7::bool, $8::bool, $9::jsonb, $10::jsonb) as id";
    case Ask::reject_proposal:  // id, who, origin, reason
      return "select dunlin.reject_proposal($1::int8, $2, $3, $4) as done";
    case Ask::approvals:  // status or null, role or null, limit or null, after id or null; the oldest first
      return "select id, name, status, entity, key, payload, role, requester, asked_at, due, lapses_at, decided_at, decided_by, reason from dunlin.approval "
             "where "
             "($1::text is null or status = $1) and ($2::text is null or role = $2) and ($4::int8 is null or (asked_at, id) > (select x.asked_at, "
             "x.id from dunlin.approval x where x.id = $4::int8)) order by asked_at, id limit $3::int";
    case Ask::decide_approval:  // id, approve, who, reason, at, origin
      return "select dunlin.decide_approval($1::int8, $2::bool, $3, $4, dunlin.moment($5), $6) as result";
    case Ask::set_approver:  // role, who, may, by, origin; whether anything changed
      return "select dunlin.set_approver($1, $2, $3::bool, $4, $5) as changed";
    case Ask::approvers:
      return "select role, who, since from dunlin.approver order by 1, 2";
    case Ask::requests:  // kind or null, status or null, limit or null, after id or null; the oldest first
      return "select r.id, r.kind, r.name, k.entity, k.key, r.status, r.asked_at, r.decided_at, r.reason, r.agency, r.amount, r.until, r.over_at from "
             "dunlin.request r left join dunlin.instance_key k on k.bucket = r.bucket and k.case_id = r.case_id and k.id = r.instance_id where ($1::text is "
             "null "
             "or r.kind = $1) and ($2::text is null or r.status = $2) and ($4::int8 is null or (r.asked_at, r.id) > (select x.asked_at, x.id from "
             "dunlin.request x where x.id = $4::int8)) order by r.asked_at, r.id limit $3::int";
    case Ask::webhooks:
      return "select w.id, w.name, w.queue, w.url, w.personal, w.paused, w.in_flight, w.tries_max, w.created_by, w.created_at, "
             "dunlin.webhook_tag(w) as tag, (select count(*) from dunlin.webhook_delivery d where d.webhook = w.id and d.status = 'waiting') as "
             "waiting from dunlin.webhook w order by w.name";
    case Ask::webhook:  // name
      return "select w.id, w.name, w.queue, w.url, w.personal, w.paused, w.in_flight, w.tries_max, w.created_by, w.created_at, "
             "dunlin.webhook_tag(w) as tag, w.generation from dunlin.webhook w where w.name = $1";
    case Ask::webhook_add:  // name, queue, url, personal, in flight, tries, who
      return "insert into dunlin.webhook as w (name, queue, url, personal, in_flight, tries_max, created_by) select $1, s.name, $3, $4::bool, "
             "$5::int4, $6::int2, $7 from dunlin.setting_of($2) s returning w.id, w.name, w.generation, dunlin.webhook_tag(w) as tag";
    case Ask::webhook_change:  // name, tag, queue, url, personal, paused, in flight, tries; a conflict where the tag is another
      return "update dunlin.webhook w set queue = s.name, url = $4, personal = $5::bool, paused = $6::bool, in_flight = $7::int4, tries_max = $8::int2 from "
             "dunlin.setting_of($3) s where (select dunlin.lock_webhook($1, $2)::text) is not null and w.name = $1 returning w.id, w.name, w.queue, w.url, "
             "w.personal, w.paused, w.in_flight, w.tries_max, w.created_by, w.created_at, dunlin.webhook_tag(w) as tag";
    case Ask::webhook_remove:  // name, tag; a conflict where the tag is another
      return "delete from dunlin.webhook w where (select dunlin.lock_webhook($1, $2)::text) is not null and w.name = $1 returning w.id";
    case Ask::webhook_new_secret:  // name
      return "update dunlin.webhook w set generation = w.generation + 1 where w.name = $1 returning w.id, w.generation, dunlin.webhook_tag(w) "
             "as tag";
    case Ask::webhook_deliveries:  // name, status or null, before instant or null, limit; what came with the last one comes too
      return "select d.id, d.task, d.epoch, d.status, d.tries, case when d.status = 'waiting' then d.next_at end as next_at, d.answer, "
             "d.reason, d.created_at, d.ended_at from dunlin.webhook_delivery d join dunlin.webhook w on w.id = d.webhook where w.name = $1 and "
             "($2::text is null or d.status = $2) and ($3::timestamptz is null or d.created_at < $3::timestamptz) order by d.created_at desc "
             "fetch first ($4::int) rows with ties";
    case Ask::webhook_redrive:  // name, who
      return "select coalesce(sum(dunlin.redrive(task => o.task, who => $2)), 0) as tasks from (select distinct d.task from "
             "dunlin.webhook_delivery d join dunlin.webhook w on w.id = d.webhook where w.name = $1 and d.status = 'dead') x join "
             "dunlin.task_open o on o.task = x.task and o.status = 6";
    case Ask::webhooks_to_fill:
      return "select w.id from dunlin.webhook w where not w.paused order by w.id";
    case Ask::fill_outbox:  // webhook, at
      return "select dunlin.fill_outbox($1::int4, $2::timestamptz) as filled";
    case Ask::claim_deliveries:  // most, patience in seconds
      return "select * from dunlin.claim_deliveries($1::int4, $2::int4 * interval '1 second')";
    case Ask::keep_for_delivery:  // delivery
      return "select dunlin.keep_for_delivery($1::uuid) as kept";
    case Ask::delivered:  // delivery, HTTP status
      return "select dunlin.delivered($1::uuid, $2::int4)::text as done";
    case Ask::delivery_failed:  // delivery, HTTP status or null, why, may have arrived, pause in ms
      return "select dunlin.delivery_failed($1::uuid, $2::int4, $3, $4::bool, $5::int8 * interval '1 millisecond') as status";
    case Ask::webhook_counts:
      return "select w.name, d.status, count(*) as count from dunlin.webhook w join dunlin.webhook_delivery d on d.webhook = w.id group by 1, 2 "
             "order by 1, 2";
    case Ask::queue_setting:  // queue
      return "select s.name as queue, s.outcomes, s.cost, s.lease, s.merge, s.assign, s.rate, s.rate_per, s.returns_max, s.lease_max, "
             "s.refused_for, s.channel, s.contacts, s.paused_at, s.paused_by, s.paused_why, dunlin.queue_tag(s) as tag from "
             "dunlin.setting_of($1) s";
    case Ask::queue_setting_change:  // queue, tag, merge, assign, rate, rate_per, returns_max, lease_max, refused_for, channel, contacts, who, origin
      return "select dunlin.change_queue($1, $2, $3::bool, $4, $5::int4, $6::interval, $7::int2, $8::interval, $9::interval, $10, $11::bool, $12, $13) as done";
    case Ask::report_funnel:  // from, to
      return "select x.stage, sum(x.standing)::int8 as standing, sum(x.entered)::int8 as entered, sum(x.gone)::int8 as gone from (select stage "
             "as id, count(*) as standing, 0 as entered, 0 as gone from dunlin.state s where " SEES_CASE("s")
             "group by 1 union all select to_stage, 0, count(*), 0 from dunlin.transition t where t.at >= $1::timestamptz and t.at < $2::timestamptz and "
             SEES_CASE("t") "group by 1 union all select from_stage, 0, 0, count(*) from dunlin.transition t where t.at >= $1::timestamptz and t.at < "
             "$2::timestamptz and " SEES_CASE("t") "group by 1) y join lateral (select g.name as stage, "
             "y.standing, y.entered, y.gone from dunlin.name g where g.id = y.id) x on true group by 1 order by 1";
    case Ask::report_queues:  // from, to
      return "select q.name as queue, coalesce(sum(x.created), 0)::int8 as created, coalesce(sum(x.done), 0)::int8 as done, "
             "coalesce(sum(x.withdrawn), 0)::int8 as withdrawn, coalesce(sum(x.expired), 0)::int8 as expired, coalesce(sum(x.ready), 0)::int8 "
             "as ready, coalesce(sum(x.leased), 0)::int8 as leased, coalesce(sum(x.withheld), 0)::int8 as withheld, coalesce(sum(x.dead), "
             "0)::int8 as dead_letter, coalesce(sum(x.done), 0) * q.cost as cost from dunlin.queue_setting q left join (select d.queue, "
             "count(*) filter (where d.created_at >= $1::timestamptz and d.created_at < $2::timestamptz) as created, count(*) filter (where "
             "d.status = 2 and d.done_at >= $1::timestamptz and d.done_at < $2::timestamptz) as done, count(*) filter (where d.status = 3 and "
             "d.done_at >= $1::timestamptz and d.done_at < $2::timestamptz) as withdrawn, count(*) filter (where d.status = 4 and d.done_at >= "
             "$1::timestamptz and d.done_at < $2::timestamptz) as expired, 0 as ready, 0 as leased, 0 as withheld, 0 as dead from "
             "dunlin.task_done d where d.done_at >= $1::timestamptz and " SEES_CASE("d") "group by 1 union all select o.queue, count(*) filter (where b.created_at >= "
             "$1::timestamptz and b.created_at < $2::timestamptz), 0, 0, 0, count(*) filter (where o.status = 0), count(*) filter (where "
             "o.status = 1), count(*) filter (where o.status = 5), count(*) filter (where o.status = 6) from dunlin.task_open o join "
             "dunlin.task_body b using (bucket, case_id, task) where " SEES_CASE("o") "group by 1) x on x.queue = q.queue where " SEES_QUEUE("q.name")
             "group by q.name, q.cost order by 1";
    case Ask::report_contacts:  // from, to
      return "select (c.at at time zone coalesce((select p.timezone from dunlin.prepared p), 'UTC'))::date::text as day, c.channel, c.kind, "
             "coalesce(c.outcome, '') as outcome, count(*) as contacts, count(distinct c.case_id) as case_files from dunlin.contact c where "
             "c.at >= $1::timestamptz and c.at < $2::timestamptz and c.kind <> 'none' and " SEES_CASE("c") "and (c.queue is null or " SEES_QUEUE(
                 "c.queue") ") group by 1, 2, 3, 4 order by 1, 2, 3, 4";
    case Ask::history:
      return "select history, to_char(month, 'YYYY-MM') as month, part, rows_about, bytes from dunlin.history order by history, month nulls first";
    case Ask::history_begins:
      return "select nullif(dunlin.history_begins(), '-infinity') as at";
    case Ask::history_border:  // before or null, months or null
      return "select coalesce(dunlin.moment($1), dunlin.months_back($2::int))::text as before";
    case Ask::history_older:  // before
      return "select part, rows_about, bytes from dunlin.history where (month + interval '1 month') at time zone 'UTC' <= dunlin.moment($1) order by 1";
    case Ask::history_forget:  // before or null, months or null, who, reason or null
      return "select what, rows_gone from dunlin.forget_history(coalesce(dunlin.moment($1), dunlin.months_back($2::int)), $3, $4)";
    case Ask::feed_status:  // at or null
      return "select * from dunlin.feed_status(dunlin.moment($1))";
    case Ask::feed_files:  // feed or null, limit
      return "select d.id, d.feed, d.day, d.file, d.status, d.who, d.at, d.rows_read, d.rows_bad, d.rows_told, d.total, d.total_told, d.reason from "
             "dunlin.feed_delivery d where $1::text is null or d.feed = $1 order by d.id desc limit $2::int4";
    case Ask::feed_begin:  // feed, day or null, file, hash, who, at or null, again
      return "select * from dunlin.feed_begin($1, $2::date, $3, $4, $5, dunlin.moment($6), $7::bool)";
    case Ask::feed_end:  // delivery, status, rows, bad, told, total, total told, reason
      return "select * from dunlin.feed_end($1::int8, $2, $3::int8, $4::int8, $5::int8, $6::numeric, $7::numeric, $8)";
    case Ask::note_correction:  // who, detail
      return "select dunlin.note_audit($1, 'correct rows', $2::jsonb)";
    case Ask::feed_lift:  // feed, reason, day or null, at or null, who
      return "select dunlin.feed_lift($1, $2, $3::date, dunlin.moment($4), $5) as day";
    case Ask::campaign_start:  // settings, cases, plan
      return "select * from dunlin.campaign_start($1::jsonb, $2::jsonb, $3::bool)";
    case Ask::campaign_list:
      return "select * from dunlin.campaign_progress order by campaign desc";
    case Ask::campaign_cases:  // name or number, status or null
      return "select m.nth as line, m.key, m.status, m.day, m.task, m.tries, m.reason from dunlin.campaign_case m where m.campaign = (select c.id from "
             "dunlin.campaign c where c.name = $1 or c.id::text = $1 order by (c.status = 'running') desc, c.id desc limit 1) and ($2::text is null or "
             "m.status = $2) "
             "order by m.nth";
    case Ask::campaign_release:  // at or null
      return "select * from dunlin.campaign_release(dunlin.moment($1))";
    case Ask::campaign_stop:  // name or number, reason, who
      return "select * from dunlin.campaign_stop($1, $2, $3)";
    case Ask::bulk_try:  // lines, source
      return "select e.value as event, r.result, r.code, r.message, r.hint from (select dunlin.bulk_read($1::jsonb, $2) as events) b cross join lateral "
             "dunlin.bulk_try(b.events) r join lateral jsonb_array_elements(b.events) with ordinality e(value, place) on e.place = r.nth order by r.nth";
    case Ask::bulk_propose:  // who, reason, file, events, plan
      return "select * from dunlin.bulk_propose($1, $2, $3, $4::jsonb, $5::jsonb)";
    case Ask::bulk_approve:  // number, who
      return "select * from dunlin.bulk_approve($1::int8, $2)";
    case Ask::bulk_reject:  // number, who, reason
      return "select dunlin.bulk_reject($1::int8, $2, $3) as done";
    case Ask::bulk_undo:  // number, who, reason
      return "select * from dunlin.bulk_undo($1::int8, $2, $3)";
    case Ask::bulk_list:  // number or null
      return "select b.id, b.at, b.author, b.reason, b.file, b.status, b.plan, b.decided_by, b.decided_at, b.decision, b.posted, (select count(*) from "
             "dunlin.bulk_event e where e.bulk = b.id) - b.posted as set_aside, b.undone from dunlin.bulk b "
             "where $1::int8 is null or b.id = $1::int8 order by b.id desc limit 100";
    case Ask::contact_stop:  // reason, entity, key, field, value, address, queue, until or null, who
      return "select * from dunlin.stop_outbound($1, $2, $3, $4, $5, $6, $7, coalesce(dunlin.moment($8), 'infinity'), $9)";
    case Ask::contact_resume:  // stop, who
      return "select dunlin.resume_contact($1::int8, $2) as woken";
    case Ask::contact_stops:  // after number or null, limit or null
      return "select s.id as stop, s.since, nullif(s.until, 'infinity') as until, s.entity, s.key, s.field, s.value, s.address, s.queue, s.feed, s.reason, "
             "s.who "
             "from dunlin.contact_stop s where s.lifted_at is null and ($1::int8 is null or s.id > $1::int8) order by s.id limit $2::int";
    case Ask::live_queues:  // figures that a stream watches: no look into the tasks themselves
      return "select s.name as queue, count(*) filter (where o.status = 0) as ready, count(*) filter (where o.status = 1) as leased, count(*) filter (where "
             "o.status > 1) as held, s.paused_at is not null as paused from dunlin.queue_setting s left join dunlin.task_open o on o.queue = s.queue and " SEES_CASE("o") "where " SEES_QUEUE("s.name") "group "
             "by s.queue, s.name, s.paused_at order by s.name";
    case Ask::live_version:
      return "select b.number as version, b.name as bundle from dunlin.bundle b where b.active";
    case Ask::announce_step:
      return "select pg_notify('dunlin', 'step')::text as done";
    case Ask::nodes_not_ready:  // content hash; with what troubles them, where they said so
      return "select n.name as node, r.trouble from dunlin.node n left join dunlin.node_ready r on r.node = n.name and r.content_hash = $1 where n.until > "
             "clock_timestamp() and (r.node is null or r.trouble is not null) order by n.name";
    case Ask::announce_candidate:  // content hash, files
      return "select dunlin.announce_candidate($1, $2::jsonb)::text as done";
    case Ask::candidates_for:  // node
      return "select c.content_hash, c.files from dunlin.candidate c where not exists (select from dunlin.node_ready r where r.node = $1 and r.content_hash = "
             "c.content_hash) and not exists (select from dunlin.bundle b where b.active and b.content_hash = c.content_hash) order by c.announced_at";
    case Ask::report_ready:  // node, content hash, trouble or null
      return "insert into dunlin.node_ready as r (node, content_hash, trouble) select $1, c.content_hash, $3 from dunlin.candidate c where c.content_hash = $2 "
             "on conflict (node, content_hash) do update set trouble = excluded.trouble, at = clock_timestamp() returning r.node";
    case Ask::bind_scope:  // scope
      return "select set_config('dunlin.scope', $1, true) as scope";
    case Ask::must_see_queue:  // queue
      return "select dunlin.must_see_queue($1) as good";
    case Ask::ping:
      return "select max(number)::int8 as schema from dunlin.schema_version";
    default:
      return desk_statement_of(what);
  }
}

}  // namespace dunlin::store
