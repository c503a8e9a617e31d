-- The queues: what a task may become (docs/task-states.md), the order of hand-out, and who held what. The functions follow in the next
-- migrations; nobody but them and the engine writes these tables.

-- ---- open tasks ----

-- The order of hand-out is (band, seq). A band holds a stretch of priorities, 0 the most urgent; within it, seq is the place in line. Both
-- only change by giving up the place (a new seq), so a cursor (queue_head) may pass what lies behind it for ever.
create sequence dunlin.turn cache 1;
create function dunlin.band_of(priority int8) returns int2
language sql immutable parallel safe as
$$ select (15 - width_bucket(priority, '{1,5,10,20,30,40,50,60,70,80,90,100,200,500,1000}'::int8[]))::int2 $$;
comment on function dunlin.band_of is 'The band of a priority: 0 (1000 and more) to 15 (below 1). A higher band is always handed out before a lower one.';

drop view dunlin.queue;
drop index dunlin.task_open_queue;
alter table dunlin.task_open
  add column band int2 not null generated always as (15 - width_bucket(priority, '{1,5,10,20,30,40,50,60,70,80,90,100,200,500,1000}'::int8[])) stored,
  add column seq int8 not null default nextval('dunlin.turn'),
  add column wakes timestamptz,     -- set: not in line before this instant by the database's clock ('infinity': not by itself)
  add column due timestamptz not null default 'infinity',
  add column returns int2 not null default 0,  -- leases that ended without an outcome
  add column assigned int4,         -- only this worker gets it
  add column lead uuid,             -- leased along with this task of the same case file
  add column reason text;           -- why it is marked, waits, or is a dead letter
update dunlin.task_open o set due = b.due, wakes = case when o.status = 5 then timestamptz 'infinity' when o.not_before > clock_timestamp() then o.not_before end
  from dunlin.task_body b where (b.bucket, b.case_id, b.task) = (o.bucket, o.case_id, o.task);
alter table dunlin.task_body drop column due;
alter table dunlin.task_open
  add constraint task_open_status check (status in (0, 1, 5, 6)),
  add constraint task_open_leased check ((status = 1) = (lease_until is not null) and (status = 1) = (worker is not null)),
  add constraint task_open_marked check (not marked or status = 1),
  add constraint task_open_lead check (lead is null or status = 1),
  add constraint task_open_waits check (status not in (5, 6) or wakes = 'infinity'),
  add constraint task_open_dead check (status <> 6 or reason is not null);
create index task_open_turn on dunlin.task_open (queue, band, seq) where wakes is null and assigned is null;
create index task_open_waiting on dunlin.task_open (queue, wakes) where wakes is not null;
create index task_open_assigned on dunlin.task_open (assigned, queue, priority desc) where assigned is not null;
create index task_open_task on dunlin.task_open (task);
-- Two open standing tasks for one reason cannot be.
create unique index task_body_standing on dunlin.task_body (bucket, case_id, identity) where standing;

create function dunlin.refuse_move() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = 'DU012',
    message = format('task %s cannot go from %s (lease %s) to %s (lease %s)', old.task, old.status, old.lease_epoch, new.status, new.lease_epoch),
    hint = 'docs/task-states.md draws what may follow what; use the functions of schema dunlin.';
end $$;
-- 0 ready, 1 leased, 5 withheld, 6 dead_letter; a lease always has a number of its own.
create trigger task_moves before update on dunlin.task_open for each row
  when ((old.status <> new.status and (old.status, new.status) not in ((0, 1), (1, 0), (0, 5), (5, 0), (1, 6), (6, 0)))
        or new.lease_epoch < old.lease_epoch or (old.status = 0 and new.status = 1 and new.lease_epoch <= old.lease_epoch))
  execute function dunlin.refuse_move();

-- ---- the cursor ----

-- Nothing is in line in this band of this queue at or before seq. Insert only: a row that is updated a thousand times a second costs ever more
-- while somebody holds an old snapshot.
create table dunlin.queue_head (
  queue int4 not null,
  band  int2 not null,
  seq   int8 not null,
  primary key (queue, band, seq)
);
-- "When this was written, seq had been given out and this transaction began": once every transaction before `xid` is over, every task with a
-- smaller seq can be seen. A writer takes its transaction number first, then its seq; a mark takes the seq first, then its number.
create table dunlin.turn_mark (
  seq int8 not null,
  xid xid8 not null,
  at  timestamptz not null default clock_timestamp(),
  primary key (seq, xid)
);
-- When ended leases and waiting tasks were last looked at, and up to where leases are known to be settled.
create table dunlin.queue_round (
  at      timestamptz primary key,
  settled timestamptz not null
);

-- ---- settings ----

create table dunlin.queue_setting (
  queue       int4 primary key references dunlin.name,
  name        text not null unique,
  -- from the bundle
  outcomes    text,                                       -- root of the outcome tree; null: completed without an outcome
  cost        numeric not null default 0,
  lease       interval not null default '10 minutes',
  -- from people and the bundle
  channel     text,                                       -- in the contact ledger; null: the queue's name
  contacts    bool not null default true,                 -- do its tasks reach somebody? else no ledger row
  merge       bool not null default false,                -- tasks of one case file go out together
  assign      text not null default 'by_priority' check (assign in ('by_priority', 'one_operator')),
  rate        int4 check (rate > 0),                      -- tasks handed out in rate_per at most
  rate_per    interval not null default '1 minute' check (rate_per > interval '0'),
  returns_max int2 not null default 3 check (returns_max >= 0),
  lease_max   interval not null default '8 hours' check (lease_max > interval '0'),
  refused_for interval not null default '10 minutes' check (refused_for > interval '0'),  -- what a limit refused is looked at again after this
  paused_at   timestamptz,
  paused_by   text,
  paused_why  text,
  check (lease > interval '0')
);
insert into dunlin.queue_setting (queue, name) select id, name from dunlin.name where kind = 'queue';
comment on table dunlin.queue_setting is 'One row a queue. outcomes, cost and lease come from the bundle whenever it is prepared; the rest is changed here.';

create table dunlin.worker (
  id            int4 generated always as identity primary key,
  name          text not null unique check (name <> ''),
  registered_at timestamptz not null default clock_timestamp()
);

-- Where the hours of a rule's `window` are read. A database prepared before this column knew no zone: it is prepared again.
delete from dunlin.prepared;
alter table dunlin.prepared add column timezone text not null;

-- When the hours of a task (`window 18:00..20:30`, from << 17 | to in seconds of the local day, the end outside) let it go out again; null: they are open now.
create function dunlin.window_opens(time_window int8, at timestamptz) returns timestamptz
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  from_s int8 := time_window >> 17;
  to_s   int8 := time_window & 131071;
  zone   text;
  local  timestamp;
  second numeric;
begin
  if time_window < 0 or from_s = to_s then return null; end if;
  select p.timezone into zone from dunlin.prepared p;
  if zone is null then return null; end if;
  local := at at time zone zone;
  second := extract(epoch from local::time);
  if (from_s < to_s and second >= from_s and second < to_s) or (from_s > to_s and (second >= from_s or second < to_s)) then return null; end if;
  return (local::date + (second >= from_s)::int + from_s * interval '1 second') at time zone zone;
end $$;

-- ---- the past ----

-- Every hand-out: who had what, when and until when at first. Ended leases are found here, so that a lease changes no index of task_open.
create table dunlin.hand_out (
  queue     int4 not null,
  leased_at timestamptz not null,
  until     timestamptz not null,
  bucket    int4 not null,
  case_id   int8 not null,
  task      uuid not null,
  epoch     int4 not null,
  worker    int4 not null
) partition by range (leased_at);
create index hand_out_until on dunlin.hand_out (until);
create index hand_out_rate on dunlin.hand_out (queue, leased_at);

alter table dunlin.task_done rename to task_done_before;
drop index dunlin.task_done_case;
create table dunlin.task_done (
  bucket      int4 not null,
  case_id     int8 not null,
  task        uuid not null,
  instance_id int8 not null,
  queue       int4 not null,
  priority    int8 not null,
  status      int2 not null constraint task_done_status check (status in (2, 3, 4)),
  not_before  timestamptz not null,
  identity    int8 not null,
  rule        int8 not null,
  recipient   int8 not null,
  stage       int4,
  standing    bool not null,
  stays       bool not null,
  treatment   text not null,
  created_at  timestamptz not null,
  due         timestamptz not null,
  expires     timestamptz not null,
  time_window int8 not null,
  fields      jsonb,
  done_at     timestamptz not null,
  reason      text not null,
  outcome     text,
  external_id text,
  worker      int4,
  lease_epoch int4 not null default 0,
  constraint task_done_outcome check (outcome is null or status = 2)
) partition by range (done_at);
create index task_done_case on dunlin.task_done (bucket, case_id);
create index task_done_task on dunlin.task_done (task);
create table dunlin.task_done_other partition of dunlin.task_done default;
create table dunlin.hand_out_other partition of dunlin.hand_out default;
insert into dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays,
    treatment, created_at, due, expires, time_window, fields, done_at, reason, outcome)
  select bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays,
    treatment, created_at, due, expires, time_window, fields, done_at, reason, outcome from dunlin.task_done_before;
drop table dunlin.task_done_before;

-- A month of its own for each table of history, made ahead; what belongs to no such month lies in the partition "other".
create function dunlin.make_month(history text, month date) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  column_name text := case history when 'task_done' then 'done_at' when 'hand_out' then 'leased_at' end;
  start date := date_trunc('month', month);
  part text := format('%s_%s', history, to_char(start, 'YYYY_MM'));
begin
  if column_name is null then raise exception 'there is no history `%`', history using errcode = 'DU002'; end if;
  if to_regclass('dunlin.' || part) is not null then return false; end if;
  perform pg_advisory_xact_lock(4815162343);
  if to_regclass('dunlin.' || part) is not null then return false; end if;
  execute format('create table dunlin.%I (like dunlin.%I including defaults including constraints)', part, history);
  execute format('with moved as (delete from dunlin.%I where %I >= $1 and %I < $1 + interval ''1 month'' returning *) insert into dunlin.%I select * from moved',
                 history || '_other', column_name, column_name, part) using start::timestamp at time zone 'UTC';
  execute format('alter table dunlin.%I attach partition dunlin.%I for values from (%L) to (%L)', history, part,
                 to_char(start, 'YYYY-MM-DD') || ' 00:00+00', to_char(start + interval '1 month', 'YYYY-MM-DD') || ' 00:00+00');
  return true;
end $$;
comment on function dunlin.make_month is 'Makes the partition of a month (UTC) of task_done or hand_out; false if it is there. Moves what lies in "other".';

create function dunlin.make_months(ahead int default 2) returns int
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select count(*) filter (where dunlin.make_month(h, (date_trunc('month', clock_timestamp() at time zone 'UTC') + m * interval '1 month')::date))::int
  from unnest('{task_done,hand_out}'::text[]) h, generate_series(0, ahead) m
$$;
comment on function dunlin.make_months is 'Makes the partitions of this month and the next ones; the engine does it whenever a bundle is prepared.';
select dunlin.make_months();

-- Drops months that ended before the given instant. Waits a second at most for each, so that a reader in one month does not hold up the others.
create function dunlin.forget_history(before timestamptz) returns table (what text, rows_gone int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  part record;
  gone int8;
begin
  if before is null or before > clock_timestamp() - interval '1 day' then
    raise exception using errcode = 'DU002', message = 'history can be forgotten up to yesterday, not later', hint = 'Give an instant that lies at least a day back.';
  end if;
  perform set_config('lock_timeout', '1s', true);
  for part in select c.relname::text as name, p.relname::text as history from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
              join pg_namespace n on n.oid = p.relnamespace where n.nspname = 'dunlin' and p.relname in ('task_done', 'hand_out') order by 1 loop
    if part.name ~ '_\d{4}_\d{2}$' then
      continue when (to_date(right(part.name, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' > before;
      execute format('select count(*) from dunlin.%I', part.name) into gone;
      begin
        execute format('drop table dunlin.%I', part.name);
      exception when lock_not_available then
        raise warning 'somebody reads %; it stays until the next time', part.name;
        continue;
      end;
    else
      execute format('delete from dunlin.%I where %I < $1', part.name, case part.history when 'task_done' then 'done_at' else 'leased_at' end) using before;
      get diagnostics gone = row_count;
    end if;
    what := part.name; rows_gone := gone;
    return next;
  end loop;
end $$;
comment on function dunlin.forget_history is 'Drops the partitions of months that ended before the instant, and what is older in "other". Events, states and contacts are kept.';

create view dunlin.queue as
  select q.name as queue, o.task, o.priority, o.not_before, o.due,
         (array['ready', 'leased', 'done', 'withdrawn', 'expired', 'withheld', 'dead_letter'])[o.status + 1] as status,
         k.entity, k.key, b.treatment, r.strategy, r.stage, r.name as rule, b.created_at, b.fields,
         o.band, o.seq, o.wakes, w.name as worker, o.lease_until, o.lease_epoch, o.marked, o.returns, a.name as assigned, o.reason
  from dunlin.task_open o
  join dunlin.task_body b using (bucket, case_id, task)
  join dunlin.name q on q.id = o.queue
  left join dunlin.rule r on r.key = b.rule
  left join dunlin.worker w on w.id = o.worker
  left join dunlin.worker a on a.id = o.assigned
  left join dunlin.instance_key k on k.bucket = o.bucket and k.case_id = o.case_id and k.id = o.instance_id;
