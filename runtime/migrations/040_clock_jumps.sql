-- The database's clock may be set: forward and right again, or back, or a server that takes over may be behind. What was written while it was ahead then lies in
-- the future: rounds and marks that look fresh for a day, leases without end, nodes that are gone and count as live. No instant that lies ahead of the clock is
-- believed. Instants are timestamptz: both changes of summer time are no jump.

-- ---- nodes ----

alter table dunlin.node add column lasts interval not null default '1 minute' check (lasts > interval '0');
-- Of a node that is at work its lease is known when it renews it; until then it is not cut short (an hour is the longest there is).
update dunlin.node set lasts = least(greatest(until - clock_timestamp(), interval '1 minute'), interval '1 hour');
comment on column dunlin.node.lasts is 'How long a lease of this node lasts; nobody holds one for longer, from now on.';

-- A node whose lease ends later than one given now would: from now on it lasts as long as one. The live ones renew theirs anyway. Whoever holds its own row calls it:
-- it waits for nobody.
create function dunlin.nodes_not_ahead() returns void
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  update dunlin.node n set until = clock_timestamp() + n.lasts
    from (select x.name from dunlin.node x where x.until > clock_timestamp() + x.lasts for update skip locked) later where n.name = later.name;
$$;
revoke all on function dunlin.nodes_not_ahead from public;

create or replace function dunlin.renew_node(node_name text, node_session uuid, lease interval) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  renewed bool;
begin
  update dunlin.node set until = clock_timestamp() + lease, lasts = lease where name = node_name and session = node_session;
  renewed := found;
  perform dunlin.nodes_not_ahead();
  return renewed;
end $$;

create or replace function dunlin.hold_buckets_for(node_name text, node_session uuid, lease interval, node_version int4) returns table (bucket int4, epoch int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  known dunlin.node;
  live  int4;
  rank  int4;
  low   int4;
  high  int4;
begin
  -- One node at a time, so that no two work with different lists of who is there.
  perform pg_advisory_xact_lock(hashtext('dunlin.hold_buckets'));
  select * into known from dunlin.node n where n.name = node_name;
  -- A lease that lies ahead of the clock says nothing: a refusal could not even shorten it.
  if known.session <> node_session and known.until > clock_timestamp() and known.until <= clock_timestamp() + known.lasts then
    raise exception 'a node with the name % is at work already; give this one another name, or wait until that one has stopped', node_name;
  end if;
  if known.session is distinct from node_session then
    -- The name's last life may still think that it holds these.
    update dunlin.bucket b set node = null where b.node = node_name;
  end if;
  insert into dunlin.node (name, session, until, version, lasts) values (node_name, node_session, clock_timestamp() + lease, node_version, lease)
  on conflict (name) do update set
    session = excluded.session, until = excluded.until, version = excluded.version, lasts = excluded.lasts,
    started_at = case when node.session = excluded.session then node.started_at else clock_timestamp() end;
  perform dunlin.nodes_not_ahead();
  delete from dunlin.node n where n.until < clock_timestamp() - interval '1 day';
  select count(*), count(*) filter (where n.name collate "C" < node_name collate "C") into live, rank from dunlin.node n where n.until > clock_timestamp();
  select count(*) * rank / live, count(*) * (rank + 1) / live - 1 into low, high from dunlin.bucket;
  update dunlin.bucket b set node = null where b.node = node_name and b.bucket not between low and high;
  perform from dunlin.bucket b where b.bucket between low and high and b.node is distinct from node_name order by b.bucket for update;
  update dunlin.bucket b set node = node_name, epoch = b.epoch + 1
  where b.bucket between low and high and b.node is distinct from node_name
    and not exists (select from dunlin.node n where n.name = b.node and n.until > clock_timestamp());
  return query select b.bucket, b.epoch from dunlin.bucket b where b.node = node_name order by 1;
end
$$;

-- As before; and who steps by hand need not wait for a node that seems to live for another day.
create or replace function dunlin.look_at_clock(business timestamptz, node_name text) returns interval
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  known dunlin.business_clock;
  moved interval;
begin
  perform dunlin.nodes_not_ahead();
  select * into known from dunlin.business_clock;
  if not found then
    insert into dunlin.business_clock (business_at, database_at) values (business, clock_timestamp()) on conflict do nothing;
    return null;
  end if;
  moved := (business - known.business_at) - (clock_timestamp() - known.database_at);
  if moved not between interval '-25 hours' and interval '25 hours' then
    -- How far, to a second: two looks at one jump are one.
    moved := date_trunc('second', moved);
    if known.ahead is null or known.ahead - moved not between interval '-2 seconds' and interval '2 seconds' or known.node is distinct from node_name then
      update dunlin.business_clock set ahead = moved, node = node_name, since = clock_timestamp();
    end if;
    return moved;
  end if;
  -- A clock that came back by itself needs nobody's word.
  if known.node = node_name then update dunlin.business_clock set ahead = null, since = null, node = null; end if;
  -- What a clock is held against follows one that drifts, not one that is wrong: else the right ones would be those that jumped.
  if moved between interval '-1 minute' and interval '1 minute' and known.database_at < clock_timestamp() - interval '1 minute' then
    update dunlin.business_clock set business_at = business, database_at = clock_timestamp();
  end if;
  return null;
end
$$;

-- ---- the queue ----

create or replace function dunlin.mark_turn() returns void
language plpgsql as $$
declare
  issued int8;
  noted timestamptz;
  last_mark record;
begin
  if pg_current_xact_id_if_assigned() is not null then return; end if;
  select s.last_value, clock_timestamp() into issued, noted from dunlin.turn s;
  select m.seq, m.at into last_mark from dunlin.turn_mark m order by m.seq desc, m.xid desc limit 1;
  if found and issued - last_mark.seq < 256 and noted - last_mark.at between interval '0' and interval '1 second' then return; end if;
  insert into dunlin.turn_mark (seq, xid, at) values (issued, pg_current_xact_id(), noted);
end $$;

-- Called under the lock of the round, at `started`, where the last round lies ahead of it. What was written while the clock was ahead is brought back to now, and
-- the rounds go on from a minute before: each lease that nobody has looked at yet ends later than that.
--   A lease lasts, from now on, as long as it was given for (one that was kept: the queue's usual time at least), and never longer than the queue's lease_max.
--   A stop of contact holds from now on; a delivery is tried again within the hour; what the hand-out kept back is looked at anew (an hour that a caller named stays).
create function dunlin.clock_went_back(started timestamptz) returns void
language plpgsql set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  furthest timestamptz;
  safe timestamptz;
  leases int;
  waits int := 0;
  woken int;
  q int4;
begin
  select max(r.at), least((array_agg(r.settled order by r.at desc))[1], started - interval '1 minute') into furthest, safe from dunlin.queue_round r;
  delete from dunlin.queue_round;
  insert into dunlin.queue_round (at, settled) values (started - interval '1 second', safe);
  update dunlin.turn_mark m set at = started - interval '1 minute' where m.at > started;
  with later as materialized (
    select h.bucket, h.case_id, h.task, h.epoch, h.until, least(h.until - h.leased_at, s.lease_max) as given, least(greatest(h.until - h.leased_at, s.lease), s.lease_max) as kept
      from dunlin.queue_setting s join dunlin.hand_out h on h.queue = s.queue and h.leased_at > started where h.until < 'infinity'
    union all
    select h.bucket, h.case_id, h.task, h.epoch, h.until, s.lease_max, s.lease_max
      from dunlin.hand_out h join dunlin.queue_setting s on s.queue = h.queue
      where h.until > started and h.until < 'infinity' and h.until > started + s.lease_max and h.leased_at <= started),
  cut as (
    -- Whoever has kept it has it for the queue's usual time at least.
    select t.bucket, t.case_id, t.task, started + max(case when t.lease_until = l.until then l.given else l.kept end) as ends
      from later l, lateral (select o.* from dunlin.task_open o where o.bucket = l.bucket and o.case_id = l.case_id and o.task = l.task and o.status = 1
                               and o.lease_epoch = l.epoch for update skip locked) t
      group by 1, 2, 3)
  update dunlin.task_open t set lease_until = c.ends from cut c where t.bucket = c.bucket and t.case_id = c.case_id and t.task = c.task and t.lease_until > c.ends;
  get diagnostics leases = row_count;
  update dunlin.hand_out h set leased_at = started,
      until = case when h.until < 'infinity' then least(h.until, started + least(h.until - h.leased_at, s.lease_max)) else h.until end
    from dunlin.queue_setting s where h.queue = s.queue and h.leased_at > started;
  update dunlin.hand_out h set until = started + s.lease_max
    from dunlin.queue_setting s where s.queue = h.queue and h.until > started and h.until < 'infinity' and h.until > started + s.lease_max and h.leased_at <= started;
  update dunlin.contact_stop s set since = started where s.lifted_at is null and s.since > started;
  update dunlin.webhook_delivery d set next_at = started + interval '1 hour'
    from (select x.id from dunlin.webhook_delivery x where x.status = 'waiting' and x.next_at > started + interval '1 hour' for update skip locked) l where d.id = l.id;
  -- A step of a second or two is nobody's concern.
  if furthest <= started + interval '1 minute' then return; end if;
  for q in select s.queue from dunlin.queue_setting s loop
    with back as (
      select t.bucket, t.case_id, t.task, t.not_before from dunlin.task_open t
        where t.queue = q and t.wakes > started and t.wakes < 'infinity' and t.wakes > t.not_before and t.status = 0 and t.reason like any
          ('{its case file is set aside,news about its case file%,it has expired,another worker is at%,in order: %,somebody is at work%,override: %,it is outside the hours%,contact is stopped: %,limits%}')
        for update skip locked)
    update dunlin.task_open t set wakes = greatest(started, b.not_before) from back b where t.bucket = b.bucket and t.case_id = b.case_id and t.task = b.task;
    get diagnostics woken = row_count;
    waits := waits + woken;
  end loop;
  perform dunlin.note_audit(null, 'database clock went back', jsonb_build_object('by', (furthest - started)::text, 'leases', leases, 'waits', waits));
end $$;
comment on function dunlin.clock_went_back is 'Brings back to now what the queues wrote while the database''s clock was ahead. The round calls it.';
revoke all on function dunlin.clock_went_back from public;

create or replace function dunlin.turn_over(at_once bool default true) returns int
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  slice constant int := 2000;
  last_round dunlin.queue_round;
  safe timestamptz;
  settled timestamptz;
  started timestamptz := clock_timestamp();
  ends timestamptz;
  watch dunlin.hand_out;
  open dunlin.task_open;
  q int4;
  seen int := 0;
  ended int := 0;
  woken int;
  more bool := false;
begin
  select r.* into last_round from dunlin.queue_round r order by r.at desc limit 1;
  if not at_once and started - last_round.at between interval '0' and interval '1 second' then return 0; end if;
  if at_once then
    perform pg_advisory_xact_lock(4815162344);
  elsif not pg_try_advisory_xact_lock(4815162344) then
    return 0;
  end if;
  perform dunlin.mark_turn();
  perform pg_current_xact_id();
  -- Behind the lock: what another round wrote meanwhile lies before this one, unless the clock went back.
  select r.* into last_round from dunlin.queue_round r order by r.at desc limit 1;
  started := clock_timestamp();
  if not at_once and started - last_round.at between interval '0' and interval '1 second' then return 0; end if;
  if last_round.at > started or last_round.settled > started then
    perform dunlin.clock_went_back(started);
    select r.* into last_round from dunlin.queue_round r order by r.at desc limit 1;
  end if;
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
    if open.lease_until > started then  -- kept alive: look again at its new end, which was set by a clock that was ahead if it is later than any lease given now
      select least(open.lease_until, started + s.lease_max) into ends from dunlin.queue_setting s where s.queue = open.queue;
      if ends < open.lease_until and open.lease_until < 'infinity' then
        update dunlin.task_open t set lease_until = ends where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
      else
        ends := open.lease_until;
      end if;
      insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
        values (watch.queue, watch.leased_at, ends, watch.bucket, watch.case_id, watch.task, watch.epoch, watch.worker);
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

create or replace function dunlin.tend_queues(at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  last_time dunlin.tended;
begin
  -- Nobody may be leasing when the clock goes back.
  if exists (select 1 from dunlin.queue_round r where r.at > clock_timestamp()) then perform dunlin.turn_over(false); end if;
  select t.* into last_time from dunlin.tended t;
  if clock_timestamp() - last_time.clock between interval '0' and interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15 then return; end if;
  if not pg_try_advisory_xact_lock(4815162346) then return; end if;
  insert into dunlin.tended (clock, at) values (clock_timestamp(), at) on conflict on constraint tended_pkey do update set clock = excluded.clock, at = excluded.at;
  -- Where nobody asks for any of it no table of tasks is looked at: these reads do not stay within a bucket.
  perform dunlin.apply_priorities();
  if last_time.lists or exists (select 1 from dunlin.worker w where w.queues <> '{}' or not w.active)
     or exists (select 1 from dunlin.worker_absence a where a.cancelled_at is null and a.since <= at and a.until > at) then
    perform dunlin.fill_day_lists(at);
    update dunlin.tended t set lists = exists (select 1 from dunlin.task_open o where o.listed is not null);
  end if;
  if exists (select 1 from dunlin.queue_setting s where s.late_whom is not null) then perform dunlin.tell_late(at); end if;
  perform dunlin.make_registers(at);
end $$;

-- What a jump before this step left behind: leases whose end the rounds have passed without a look. The next one looks.
insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
  select t.queue, least(t.lease_until, clock_timestamp()), clock_timestamp() + interval '1 minute', t.bucket, t.case_id, t.task, t.lease_epoch, t.worker
  from dunlin.task_open t where t.status = 1 and t.lease_until <= (select max(r.settled) from dunlin.queue_round r);
