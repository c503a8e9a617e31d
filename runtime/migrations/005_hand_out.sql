-- Handing out tasks and taking them back. Functions that consumers call set what planning needs (the tables are queues: a plan that is right for
-- a full one must be used for an empty one too); what they call in turn runs under their settings and names everything in full.
-- Lock order everywhere: the row of the case file first, then its tasks, as the engine's commits do; the
-- hand-out itself holds tasks first and therefore waits for nothing (skip locked). Leases run by the database's clock.

create type dunlin.leased_task as (
  task        uuid,
  epoch       int4,         -- of this lease; every later call names it
  lease_until timestamptz,
  queue       text,
  entity      text,
  key         text,
  debtor      text,
  treatment   text,
  priority    int8,
  due         timestamptz,
  fields      jsonb,
  lead        uuid,         -- the task it goes together with, where the queue merges
  returns     int2
);
create type dunlin.lease_state as (
  lease_until timestamptz,
  withdrawn   bool,         -- its reason is gone; stop if you can, the outcome is accepted all the same
  reason      text
);

create function dunlin.worker_number(worker text) returns int4
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  number int4;
begin
  if coalesce(worker, '') = '' then
    perform dunlin.fail('DU002', 'a worker needs a name', 'Say who works: lease(queue, worker => ''anna'').');
  end if;
  select w.id into number from dunlin.worker w where w.name = worker;
  if found then return number; end if;
  insert into dunlin.worker (name) values (worker) on conflict do nothing;
  select w.id into number from dunlin.worker w where w.name = worker;
  return number;
end $$;

-- Locks an open task behind its case file; says what became of it if it is not open.
create function dunlin.lock_task(task uuid) returns dunlin.task_open
language plpgsql as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  over record;
begin
  select t.* into open from dunlin.task_open t where t.task = task;
  if found then
    perform 1 from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id for no key update;
    select t.* into open from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task for update;
    if found then return open; end if;
  end if;
  select (array['ready', 'leased', 'done', 'withdrawn', 'expired'])[d.status + 1] as status, d.done_at, d.reason, d.outcome into over
    from dunlin.task_done d where d.task = task order by d.done_at desc limit 1;
  if found then
    perform dunlin.fail('DU012', format('task %s is %s since %s (%s)', task, over.status, over.done_at, coalesce(over.outcome, over.reason)),
                        'Nothing more can be done with it.');
  end if;
  perform dunlin.fail('DU010', format('there is no task %s', coalesce(task::text, 'null')), 'Use the id that lease() gave.');
end $$;

create function dunlin.check_lease(open dunlin.task_open, epoch int4) returns void
language plpgsql as $$
begin
  if open.status = 1 and open.lease_epoch = epoch then return; end if;
  if epoch is null then
    perform dunlin.fail('DU011', format('the lease of task %s is not named', open.task), 'Give the epoch that lease() gave.');
  elsif open.status = 1 then
    perform dunlin.fail('DU011', format('lease %s of task %s is over; lease %s is held by another', epoch, open.task, open.lease_epoch),
                        'If somebody was reached all the same, say so with record_contact() and post_event().');
  else
    perform dunlin.fail('DU011', format('lease %s of task %s is over; the task went back', epoch, open.task),
                        'Lease it again. If somebody was reached all the same, say so with record_contact() and post_event().');
  end if;
end $$;

-- Ends an open task: out of the line, into history.
create function dunlin.finish(open dunlin.task_open, status int2, at timestamptz, reason text, outcome text default null, external_id text default null)
returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  with gone as (delete from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task returning t.task),
       body as (delete from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task returning b.*)
  insert into dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays,
      treatment, created_at, due, expires, time_window, fields, done_at, reason, outcome, external_id, worker, lease_epoch)
    select open.bucket, open.case_id, open.task, open.instance_id, open.queue, open.priority, status, open.not_before, b.identity, b.rule, b.recipient,
      b.stage, b.standing, b.stays, b.treatment, b.created_at, open.due, b.expires, b.time_window, b.fields, at, reason, outcome, external_id, open.worker,
      open.lease_epoch
    from gone g join body b on b.task = g.task;
end $$;

create function dunlin.settle_contact(open dunlin.task_open, kind text, outcome text default null) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  update dunlin.contact c set kind = kind, outcome = outcome
    where c.bucket = open.bucket and c.case_id = open.case_id and c.task = open.task and c.epoch = open.lease_epoch and c.kind in ('reserved', 'unknown');
end $$;

-- A leased task leaves its worker without an outcome. `kind`: what its contact counts as from now on. Marked ones are withdrawn now; one that came
-- back too often becomes a dead letter; the others get a new place in line.
create function dunlin.give_back(open dunlin.task_open, kind text, wakes timestamptz, why text, counts bool) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  returns_max int2;
begin
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  perform dunlin.settle_contact(open, kind);
  if open.marked then
    perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away while it was worked on'));
    return 'withdrawn';
  end if;
  select s.returns_max into returns_max from dunlin.queue_setting s where s.queue = open.queue;
  if counts and open.returns >= returns_max then
    update dunlin.task_open t set status = 6, wakes = 'infinity', lease_until = null, worker = null, lead = null, returns = t.returns + 1,
        reason = format('%s; it came back %s times', why, t.returns + 1)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    return 'dead_letter';
  end if;
  update dunlin.task_open t set status = 0, lease_until = null, worker = null, lead = null, returns = t.returns + counts::int, reason = why,
      seq = nextval('dunlin.turn'), wakes = case when wakes > clock_timestamp() then wakes end
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  return 'ready';
end $$;

-- Remembers how far places in line had been given out. Only where this transaction has no number yet: the number must come last.
create function dunlin.mark_turn() returns void
language plpgsql as $$
declare
  issued int8;
  noted timestamptz;
  last_mark record;
begin
  if pg_current_xact_id_if_assigned() is not null then return; end if;
  select s.last_value, clock_timestamp() into issued, noted from dunlin.turn s;
  select m.seq, m.at into last_mark from dunlin.turn_mark m order by m.seq desc, m.xid desc limit 1;
  if found and issued - last_mark.seq < 256 and (noted - last_mark.at < interval '1 second') then return; end if;
  insert into dunlin.turn_mark (seq, xid, at) values (issued, pg_current_xact_id(), noted);
end $$;

-- The round: leases that ended are taken back, tasks that waited long enough join the line. lease() makes one a second; who has no consumers for
-- a while may call it. Returns how many leases ended.
create function dunlin.turn_over(at_once bool default true) returns int
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  slice constant int := 2000;
  last_round dunlin.queue_round;
  safe timestamptz;
  settled timestamptz;
  started timestamptz := clock_timestamp();
  watch dunlin.hand_out;
  open dunlin.task_open;
  q int4;
  seen int := 0;
  ended int := 0;
  woken int;
  more bool := false;
begin
  select r.* into last_round from dunlin.queue_round r order by r.at desc limit 1;
  if not at_once and last_round.at > started - interval '1 second' then return 0; end if;
  if at_once then
    perform pg_advisory_xact_lock(4815162344);
  elsif not pg_try_advisory_xact_lock(4815162344) then
    return 0;
  end if;
  perform dunlin.mark_turn();
  perform pg_current_xact_id();
  select m.at into safe from dunlin.turn_mark m where m.xid <= pg_snapshot_xmin(pg_current_snapshot()) order by m.seq desc, m.xid desc limit 1;
  last_round.settled := coalesce(last_round.settled, '-infinity');
  settled := greatest(last_round.settled, coalesce(least(safe, started), '-infinity'));
  for watch in select h.* from dunlin.hand_out h where h.until > last_round.settled and h.until <= started order by h.until limit slice loop
    seen := seen + 1;
    if seen = slice then
      more := true;
      settled := least(settled, watch.until - interval '1 microsecond');
    end if;
    select t.* into open from dunlin.task_open t where t.bucket = watch.bucket and t.case_id = watch.case_id and t.task = watch.task;
    continue when not found or open.lease_epoch <> watch.epoch or open.status <> 1;
    perform 1 from dunlin.case_file f where f.bucket = watch.bucket and f.case_id = watch.case_id for no key update skip locked;
    if found then
      select t.* into open from dunlin.task_open t where t.bucket = watch.bucket and t.case_id = watch.case_id and t.task = watch.task for update skip locked;
    end if;
    if not found then  -- somebody is at it; the next round looks again
      settled := least(settled, watch.until - interval '1 microsecond');
      continue;
    end if;
    continue when open.lease_epoch <> watch.epoch or open.status <> 1;
    if open.lease_until > started then  -- kept alive: look again at its new end
      insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
        values (watch.queue, watch.leased_at, open.lease_until, watch.bucket, watch.case_id, watch.task, watch.epoch, watch.worker);
    else
      perform dunlin.give_back(open, 'unknown', null, 'its lease ended without an outcome', true);
      ended := ended + 1;
    end if;
  end loop;
  for q in select s.queue from dunlin.queue_setting s loop
    with due as (
      select t.bucket, t.case_id, t.task from dunlin.task_open t where t.queue = q and t.wakes <= started and t.status = 0
      order by t.wakes limit slice for update skip locked)
    update dunlin.task_open t set wakes = null, seq = nextval('dunlin.turn') from due d where (t.bucket, t.case_id, t.task) = (d.bucket, d.case_id, d.task);
    get diagnostics woken = row_count;
    more := more or woken = slice;
  end loop;
  -- Where a slice was full, the next call goes on at once.
  insert into dunlin.queue_round (at, settled) values (started - case when more then interval '1 second' else interval '0' end, greatest(settled, last_round.settled))
    on conflict on constraint queue_round_pkey do nothing;
  if last_round.at is null or date_trunc('minute', last_round.at) < date_trunc('minute', started) then perform dunlin.sweep_marks(); end if;
  return ended;
end $$;
comment on function dunlin.turn_over is 'Takes back leases that ended and lets waiting tasks into line. lease() does it once a second; returns the leases that ended.';

-- Old cursors, marks and rounds.
create function dunlin.sweep_marks() returns void
language sql as $$
  delete from dunlin.queue_head h using (select x.queue, x.band, max(x.seq) as top from dunlin.queue_head x group by 1, 2) m
    where h.queue = m.queue and h.band = m.band and h.seq < m.top;
  delete from dunlin.turn_mark m where m.seq < (select max(x.seq) from dunlin.turn_mark x where x.xid <= pg_snapshot_xmin(pg_current_snapshot()));
  delete from dunlin.queue_round r where r.at < (select max(x.at) from dunlin.queue_round x) - interval '1 minute';
$$;

-- ---- choosing ----

-- Candidates of one band, the first in order first, locked. Within a band the oldest `span` places are looked at, at most `depth` tasks; of these
-- the highest priority goes first, then not-before, due, age. So a band is never scanned past what was taken, whatever its length.
create function dunlin.next_in_band(q int4, b int2, head int8, safe int8, at timestamptz, wanted int, tried uuid[])
returns setof dunlin.task_open
language plpgsql as $$
#variable_conflict use_variable
declare
  span constant int8 := 2000;
  depth constant int := 200;
  first int8;
begin
  select t.seq into first from dunlin.task_open t
    where t.queue = q and t.band = b and t.seq > head and t.wakes is null and t.assigned is null and t.status = 0 order by t.seq limit 1;
  if first is null then
    if safe - head > 4096 then insert into dunlin.queue_head values (q, b, safe) on conflict do nothing; end if;
    return;
  end if;
  if least(first - 1, safe) - head > 256 then insert into dunlin.queue_head values (q, b, least(first - 1, safe)) on conflict do nothing; end if;
  return query
    select t.* from
      (select w.* from
        (select t.bucket, t.case_id, t.task, t.priority, t.not_before, t.due, t.seq from dunlin.task_open t
          where t.queue = q and t.band = b and t.seq >= first and t.seq <= first + span and t.wakes is null and t.assigned is null and t.status = 0
            and t.not_before <= at and (tried is null or t.task <> all (tried))
          order by t.seq limit greatest(depth, wanted)) w
        order by w.priority desc, w.not_before, w.due, w.seq) w,
      lateral (select t.* from dunlin.task_open t where t.bucket = w.bucket and t.case_id = w.case_id and t.task = w.task and t.status = 0 and t.wakes is null
               for update skip locked) t
    limit wanted;
end $$;

-- Why this task may not go out now, and when to look again. Its case file's row is locked.
create function dunlin.hold_back(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool, out why text, out again timestamptz)
language plpgsql stable as $$
begin
  if exists (select 1 from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id and f.set_aside) then
    why := 'its case file is set aside'; again := clock_timestamp() + interval '1 minute';
  elsif exists (select 1 from dunlin.inbox i where i.bucket = open.bucket and i.case_id = open.case_id and i.at <= hold_back.at) then
    why := 'news about its case file has not been read yet'; again := clock_timestamp() + interval '5 seconds';
  elsif exists (select 1 from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task and b.expires <= hold_back.at) then
    why := 'it has expired'; again := clock_timestamp() + interval '1 minute';
  elsif setting.assign = 'one_operator' and exists (select 1 from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1
                                                     and t.worker <> hold_back.worker) then
    why := 'another worker is at this case file'; again := clock_timestamp() + interval '1 minute';
  else
    again := dunlin.window_opens((select b.time_window from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task), at);
    if again is not null then
      why := 'it is outside the hours of its rule';
      again := clock_timestamp() + (again - at);  -- the line is kept by the database's clock, whatever business time is asked for
      return;
    end if;
    if stops then why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, hold_back.at); end if;
    why := coalesce(why, dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, hold_back.at));
    again := clock_timestamp() + setting.refused_for;
  end if;
  if why is null then again := null; end if;
end $$;

-- Takes the rows that may go out; the others wait. Returns the number taken; `tried` grows by what could not be looked at.
create function dunlin.take(candidates dunlin.task_open[], setting dunlin.queue_setting, worker int4, at timestamptz, until timestamptz, stops bool,
                            inout tried uuid[], out taken uuid[])
language plpgsql as $$
#variable_conflict use_variable
declare
  free uuid[];
  good dunlin.task_open[];
begin
  taken := '{}';
  select array_agg(c.task) into free from unnest(candidates) c,
    lateral (select 1 from dunlin.case_file f where f.bucket = c.bucket and f.case_id = c.case_id for no key update skip locked) f;
  free := coalesce(free, '{}');
  tried := tried || array(select c.task from unnest(candidates) c where c.task <> all (free));
  -- A statement of its own, so that it sees what was committed before the locks were had. Of one case file the first; the next round takes more.
  with looked as materialized (
    select c.open, (c.open).task as task, c.ord, h.why, h.again, row_number() over (partition by (c.open).bucket, (c.open).case_id order by c.ord) as nth
    from (select u as open, row_number() over () as ord from unnest(candidates) u) c, lateral dunlin.hold_back(c.open, setting, worker, at, stops) h
    where (c.open).task = any (free)),
  waiting as (
    update dunlin.task_open t set wakes = l.again, reason = l.why from looked l
    where l.why is not null and t.bucket = (l.open).bucket and t.case_id = (l.open).case_id and t.task = l.task)
  select array_agg(l.open order by l.ord) into good from looked l where l.why is null and l.nth = 1;
  if good is null then return; end if;
  taken := array(select g.task from unnest(good) g);
  update dunlin.task_open t set status = 1, lease_until = until, lease_epoch = t.lease_epoch + 1, worker = worker, reason = null
    from unnest(good) g where t.bucket = g.bucket and t.case_id = g.case_id and t.task = g.task;
  if setting.merge then
    with led as (
      update dunlin.task_open t set status = 1, lease_until = until, lease_epoch = t.lease_epoch + 1, worker = worker, reason = null, lead = g.task
      from unnest(good) g, dunlin.task_body gb, dunlin.task_body b,
        lateral (select m.bucket, m.case_id, m.task from dunlin.task_open m where m.bucket = g.bucket and m.case_id = g.case_id and m.task <> g.task and m.queue = g.queue
                   and m.status = 0 and m.wakes is null and m.not_before <= at and (m.assigned is null or m.assigned = worker) for update skip locked) m
      where gb.bucket = g.bucket and gb.case_id = g.case_id and gb.task = g.task and b.bucket = m.bucket and b.case_id = m.case_id and b.task = m.task
        and b.recipient = gb.recipient and b.expires > at and t.bucket = m.bucket and t.case_id = m.case_id and t.task = m.task
      returning t.task)
    select taken || array_agg(l.task) into taken from led l having count(*) > 0;
    taken := coalesce(taken, array(select g.task from unnest(good) g));
  end if;
  insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
    select t.queue, clock_timestamp(), until, t.bucket, t.case_id, t.task, t.lease_epoch, worker
    from unnest(good) g, dunlin.task_open t where t.bucket = g.bucket and t.case_id = g.case_id and t.status = 1 and t.task = any (taken);
  if setting.contacts then
    insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, task, epoch, worker, source)
      select g.bucket, g.case_id, g.instance_id, at, coalesce(setting.channel, setting.name), 'reserved', b.recipient, g.task, g.lease_epoch + 1, worker, 'queue'
      from unnest(good) g, dunlin.task_body b where b.bucket = g.bucket and b.case_id = g.case_id and b.task = g.task;
  end if;
end $$;

create function dunlin.lease(queue text, worker text, n int default 1, lasting interval default null, at timestamptz default null)
returns setof dunlin.leased_task
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  me int4;
  moment timestamptz;
  until timestamptz;
  safe int8;
  head int8;
  stops bool;
  candidates dunlin.task_open[];
  step record;
  tried uuid[];
  taken uuid[] := '{}';
  wanted int := n;
  used int8;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform dunlin.fail('DU003', format('lease() needs read committed, not %s', current_setting('transaction_isolation')),
                        'With an older snapshot it could not see what others took.');
  end if;
  if n is null or n < 1 or n > 1000 then perform dunlin.fail('DU002', format('lease() hands out 1 to 1000 tasks, not %s', coalesce(n::text, 'null'))); end if;
  setting := dunlin.setting_of(queue);
  if lasting is null then lasting := setting.lease; end if;
  if lasting <= interval '0' or lasting > setting.lease_max then
    perform dunlin.fail('DU002', format('a lease of `%s` lasts up to %s, not %s', queue, setting.lease_max, lasting), 'Ask for less and extend() it.');
  end if;
  if setting.paused_at is not null then return; end if;
  perform dunlin.mark_turn();
  select w.id into me from dunlin.worker w where w.name = worker;
  if not found then me := dunlin.worker_number(worker); end if;
  if not exists (select 1 from dunlin.queue_round r where r.at > clock_timestamp() - interval '1 second') then perform dunlin.turn_over(false); end if;
  if setting.rate is not null then
    perform 1 from dunlin.queue_setting s where s.queue = setting.queue for no key update;
    select count(distinct (h.task, h.epoch)) into used from dunlin.hand_out h where h.queue = setting.queue and h.leased_at > clock_timestamp() - setting.rate_per;
    wanted := least(wanted, setting.rate - used);
    if wanted <= 0 then return; end if;
  end if;
  perform pg_current_xact_id();  -- before the clock: whoever sees no running transaction sees this lease
  moment := coalesce(at, clock_timestamp());
  until := clock_timestamp() + lasting;
  stops := exists (select 1 from dunlin.contact_stop s where s.lifted_at is null) and setting.contacts;
  select m.seq into safe from dunlin.turn_mark m where m.xid <= pg_snapshot_xmin(pg_current_snapshot()) order by m.seq desc, m.xid desc limit 1;
  -- What is meant for this worker goes first.
  loop
    select array_agg(t) into candidates from
      (select t.* from dunlin.task_open t where t.assigned = me and t.queue = setting.queue and t.status = 0 and t.wakes is null and t.not_before <= moment
         and (tried is null or t.task <> all (tried))
       order by t.priority desc, t.not_before, t.due, t.seq limit wanted for update skip locked) t;
    exit when candidates is null;
    select * into step from dunlin.take(candidates, setting, me, moment, until, stops, tried);
    tried := step.tried;
    taken := taken || step.taken;
    wanted := wanted - cardinality(step.taken);
    exit when wanted <= 0;
  end loop;
  for b in 0..15 loop
    exit when wanted <= 0;
    select max(h.seq) into head from dunlin.queue_head h where h.queue = setting.queue and h.band = b::int2;
    loop
      select array_agg(t) into candidates from dunlin.next_in_band(setting.queue, b::int2, coalesce(head, 0), coalesce(safe, 0), moment, wanted, tried) t;
      exit when candidates is null;
      select * into step from dunlin.take(candidates, setting, me, moment, until, stops, tried);
      tried := step.tried;
      taken := taken || step.taken;
      wanted := wanted - cardinality(step.taken);
      exit when wanted <= 0;
    end loop;
  end loop;
  if cardinality(taken) = 0 then return; end if;
  return query
    select t.task, t.lease_epoch, t.lease_until, setting.name, k.entity, k.key, d.key, y.treatment, t.priority, t.due, y.fields, t.lead, t.returns
    from unnest(taken) with ordinality x(task, ord)
    join dunlin.task_open t on t.task = x.task
    join dunlin.task_body y on y.bucket = t.bucket and y.case_id = t.case_id and y.task = t.task
    left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id
    left join dunlin.instance_key d on d.bucket = t.bucket and d.case_id = t.case_id and d.id = t.case_id
    order by x.ord;
end $$;
comment on function dunlin.lease is
  'Hands out up to n tasks of a queue to a worker, for the queue''s lease time or `lasting`. `at`: business time, for systems that run on a virtual clock. No rows: nothing to do, or the queue is paused.';

-- ---- while it is held ----

create function dunlin.heartbeat(task uuid, epoch int4) returns dunlin.lease_state
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  state dunlin.lease_state;
  place record;
begin
  update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + s.lease) from dunlin.queue_setting s
    where t.task = task and t.status = 1 and t.lease_epoch = epoch and s.queue = t.queue
    returning t.lease_until, t.marked, case when t.marked then t.reason end into state;
  if not found then perform dunlin.check_lease(dunlin.lock_task(task), epoch); end if;
  return state;
end $$;
comment on function dunlin.heartbeat is 'Keeps a lease for another lease time of its queue, and tells whether the task was withdrawn meanwhile.';

create function dunlin.extend(task uuid, epoch int4, lasting interval) returns dunlin.lease_state
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  setting dunlin.queue_setting;
begin
  perform dunlin.check_lease(open, epoch);
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if lasting is null or lasting <= interval '0' or lasting > setting.lease_max then
    perform dunlin.fail('DU002', format('a lease of `%s` lasts up to %s, not %s', setting.name, setting.lease_max, coalesce(lasting::text, 'null')));
  end if;
  update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + lasting)
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task returning t.* into open;
  return row(open.lease_until, open.marked, case when open.marked then open.reason end)::dunlin.lease_state;
end $$;
comment on function dunlin.extend is 'Keeps a lease for `lasting` from now on, within the queue''s lease_max.';

create function dunlin.release(task uuid, epoch int4, not_before timestamptz default null, reason text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  member dunlin.task_open;
begin
  perform dunlin.check_lease(open, epoch);
  for member in select t.* from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.lead = task and t.status = 1 for update loop
    perform dunlin.give_back(member, 'none', not_before, coalesce(nullif(reason, ''), 'it was given back'), false);
  end loop;
  return dunlin.give_back(open, 'none', not_before, coalesce(nullif(reason, ''), 'it was given back'), false);
end $$;
comment on function dunlin.release is
  'Gives a task back untouched: nobody was contacted. `not_before`: not again before that instant. Answers ready, or withdrawn if its reason is gone.';

-- ---- supervisors ----

create function dunlin.withdraw(task uuid, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a withdrawal needs a reason'); end if;
  perform dunlin.note_audit(who, 'withdraw task', jsonb_build_object('task', task, 'reason', reason));
  if open.status = 1 then
    update dunlin.task_open t set marked = true, reason = reason where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
    return 'marked';
  end if;
  perform dunlin.finish(open, 3::int2, clock_timestamp(), reason);
  return 'withdrawn';
end $$;
comment on function dunlin.withdraw is
  'Takes a task out of its queue; one that a worker holds is marked (heartbeat tells, the outcome is still accepted). A rule that still wants it asks for a new one at the case file''s next step.';

create function dunlin.reassign(task uuid, worker text, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  number int4 := case when worker is not null then dunlin.worker_number(worker) end;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a reassignment needs a reason'); end if;
  perform dunlin.note_audit(who, 'reassign task', jsonb_build_object('task', task, 'worker', worker, 'reason', reason));
  if open.status = 1 and open.worker is distinct from number then
    -- Whoever held it may have called already.
    if dunlin.give_back(open, 'unknown', null, reason, false) <> 'ready' then return 'withdrawn'; end if;
  end if;
  perform pg_current_xact_id();
  update dunlin.task_open t set assigned = number, seq = nextval('dunlin.turn') where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
  return 'reassigned';
end $$;
comment on function dunlin.reassign is 'Only this worker gets the task from now on; null: anybody. Who holds it now loses the lease, and the contact counts as one that may have gone out.';

create function dunlin.pause_queue(queue text, reason text, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a pause needs a reason'); end if;
  update dunlin.queue_setting s set paused_at = clock_timestamp(), paused_by = coalesce(who, session_user::text), paused_why = reason where s.queue = setting.queue;
  perform dunlin.note_audit(who, 'pause queue', jsonb_build_object('queue', queue, 'reason', reason));
end $$;
comment on function dunlin.pause_queue is 'Nothing more is handed out; what is leased may be completed.';

create function dunlin.resume_queue(queue text, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
begin
  update dunlin.queue_setting s set paused_at = null, paused_by = null, paused_why = null where s.queue = setting.queue;
  perform dunlin.note_audit(who, 'resume queue', jsonb_build_object('queue', queue));
end $$;

create function dunlin.redrive(queue text default null, task uuid default null, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  dead record;
  open dunlin.task_open;
  back int := 0;
begin
  if (queue is null) = (task is null) then perform dunlin.fail('DU002', 'redrive() takes a queue or a task', 'redrive(queue => ''call'') or redrive(task => …).'); end if;
  if queue is not null then setting := dunlin.setting_of(queue); end if;
  if task is not null then
    open := dunlin.lock_task(task);
    if open.status <> 6 then perform dunlin.fail('DU012', format('task %s is no dead letter', task)); end if;
  end if;
  for dead in select t.task from dunlin.task_open t where t.status = 6 and (task is null or t.task = task) and (setting.queue is null or t.queue = setting.queue)
              order by t.seq loop
    open := dunlin.lock_task(dead.task);
    continue when open.status <> 6;
    perform pg_current_xact_id();
    update dunlin.task_open t set status = 0, wakes = null, returns = 0, reason = null, seq = nextval('dunlin.turn')
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    back := back + 1;
  end loop;
  perform dunlin.note_audit(who, 'redrive', jsonb_build_object('queue', queue, 'task', task, 'tasks', back));
  return back;
end $$;
comment on function dunlin.redrive is 'Puts dead letters back into line, one task or all of a queue; returns how many.';
