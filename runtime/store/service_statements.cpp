#include "runtime/store/service_statements.h"

namespace dunlin::store {

const char* statement_of(Ask what) {
  switch (what) {
    case Ask::accounts:  // entity, after key, key begins with, stage or null, limit
      return "select k.entity, k.key, r.key as case_file, g.name as stage, s.entered_at from dunlin.instance_key k "
             "left join dunlin.state s on s.bucket = k.bucket and s.case_id = k.case_id and s.instance_id = k.id left join dunlin.name g on g.id = s.stage "
             "left join dunlin.instance_key r on r.bucket = k.bucket and r.case_id = k.case_id and r.id = k.case_id "
             "where k.entity = $1 and k.key > $2 and starts_with(k.key, $3) and ($4::text is null or g.name = $4) order by k.key limit $5::int";
    case Ask::account_place:  // entity, key
      return "select k.entity, k.key, g.name as stage, s.entered_at, c.set_aside, nullif(c.wake_at, 'infinity') as next_wake from dunlin.instance_key k "
             "join dunlin.case_file c on c.bucket = k.bucket and c.case_id = k.case_id "
             "left join dunlin.state s on s.bucket = k.bucket and s.case_id = k.case_id and s.instance_id = k.id left join dunlin.name g on g.id = s.stage "
             "where k.entity = $1 and k.key = $2";
    case Ask::timeline:  // entity, key, before instant or null, limit
      return "with k as (select * from dunlin.instance_key where entity = $1 and key = $2) select * from ("
             "select t.at, 'stage' as kind, coalesce(f.name, '') || ' -> ' || coalesce(g.name, '') as what, coalesce(r.name, 'enrolment') as rule, "
             "null::jsonb as payload from k join dunlin.transition t on t.bucket = k.bucket and t.case_id = k.case_id and t.instance_id = k.id "
             "left join dunlin.name f on f.id = t.from_stage left join dunlin.name g on g.id = t.to_stage left join dunlin.rule r on r.key = t.rule "
             "union all select e.at, 'event', n.name, null, e.payload from k join dunlin.event e on e.bucket = k.bucket and e.case_id = k.case_id and "
             "e.instance_id = k.id join dunlin.name n on n.id = e.type "
             "union all select b.created_at, 'task', q.name || ' ' || b.treatment, r.name, null from k join dunlin.task_open o on o.bucket = k.bucket and "
             "o.case_id = k.case_id and o.instance_id = k.id join dunlin.task_body b on b.bucket = o.bucket and b.case_id = o.case_id and b.task = o.task join "
             "dunlin.name q on q.id = o.queue left join dunlin.rule r on r.key = b.rule "
             "union all select d.done_at, 'task ended', q.name || ' ' || d.treatment || coalesce(' ' || d.outcome, ''), d.reason, null from k join "
             "dunlin.task_done d on d.bucket = k.bucket and d.case_id = k.case_id and d.instance_id = k.id join dunlin.name q on q.id = d.queue "
             "union all select m.at, case when m.whom = '' then 'note' else 'notified ' || m.whom end, m.body, null, null from k join dunlin.note m on "
             "m.bucket = k.bucket and m.case_id = k.case_id and m.instance_id = k.id"
             ") x where $3::timestamptz is null or at < $3::timestamptz order by at desc limit $4::int";
    case Ask::queues:
      return "select queue, count(*) filter (where status = 'ready') as ready, count(*) filter (where status = 'leased') as leased, count(*) filter (where "
             "status not in ('ready', 'leased')) as held, min(created_at) filter (where status = 'ready') as oldest from dunlin.queue group by queue order by "
             "queue";
    case Ask::tasks:  // queue or null, status or null, after task or null, limit
      return "select * from dunlin.queue q where ($1::text is null or q.queue = $1) and ($2::text is null or q.status = $2) and ($3::uuid is null or q.task > "
             "$3::uuid) order by q.task limit $4::int";
    case Ask::task:  // task
      return "select * from dunlin.queue where task = $1::uuid";
    case Ask::lease:  // queue, worker, n, at
      return "select * from dunlin.lease($1, worker => $2, n => $3::int, at => $4::timestamptz)";
    case Ask::complete:  // task, epoch, outcome, payload, external id, at
      return "select dunlin.complete($1::uuid, $2::int, outcome => $3, payload => coalesce($4::jsonb, '{}'), external_id => $5, at => $6::timestamptz) as "
             "result";
    case Ask::release:  // task, epoch, not before, reason
      return "select dunlin.release($1::uuid, $2::int, $3::timestamptz, $4) as result";
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
    case Ask::post_event:  // source, external id, type, entity, key, at, payload
      return "select dunlin.post_event($1, $2, $3, $4, $5, $6::timestamptz, coalesce($7::jsonb, '{}')) as result";
    case Ask::post_events:  // events
      return "select * from dunlin.post_events($1::jsonb)";
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
    case Ask::token_create:  // name, role, rights, hash in hex, who
      return "insert into dunlin.api_token (name, role, rights, hash, created_by) values ($1, $2, string_to_array($3, ','), decode($4, 'hex'), $5) returning "
             "id";
    case Ask::token_find:  // hash in hex
      return "select id, name, role, rights from dunlin.api_token where hash = decode($1, 'hex') and revoked_at is null";
    case Ask::token_list:
      return "select id, name, role, rights, created_at, created_by, revoked_at from dunlin.api_token order by id";
    case Ask::token_revoke:  // id
      return "update dunlin.api_token set revoked_at = clock_timestamp() where id = $1::int4 and revoked_at is null returning id, name";
    case Ask::gauges:  // now
      return "select (select count(*) from dunlin.case_file) as case_files, (select count(*) from dunlin.case_file where set_aside) as set_aside, (select "
             "count(*) from dunlin.case_file where not set_aside and wake_at <= $1::timestamptz) as awake, (select count(*) from dunlin.inbox where at <= "
             "$1::timestamptz) as inbox, (select count(*) from dunlin.quarantine) as quarantine, (select number from dunlin.bundle where active) as version";
    case Ask::funnel:
      return "select * from dunlin.funnel order by 1, 2";
    case Ask::ping:
      return "select 1 as one";
  }
  return "";
}

}  // namespace dunlin::store
