-- Hand-out with people in mind: who may get a task, which tasks go out together, day lists, overrides, and who is told of what is late.

-- ---- what counts once ----

alter type dunlin.counted_contact add attribute conversation uuid;

create or replace function dunlin.uncounted_contacts(bucket int4, case_id int8, task uuid, at timestamptz)
returns dunlin.counted_contact[]
language sql stable as $$
  select array_agg(row(c.instance_id, c.recipient, c.queue, c.channel, c.kind, c.outcome, c.treatment,
         case when c.kind = 'reserved' then $4 else coalesce(c.happened_at, c.at) end,
         case when c.kind = 'reserved' then $4 else greatest(coalesce(c.happened_at, c.at), c.until) end, c.kind = 'reserved', c.conversation)::dunlin.counted_contact)
  from dunlin.contact c
  where c.bucket = $1 and c.case_id = $2 and c.kind <> 'none' and not (c.kind = 'reserved' and c.task is not distinct from $3)
    -- What went out together with the task is its own contact.
    and not (c.kind = 'reserved' and c.conversation is not null
             and c.conversation = (select coalesce(o.lead, o.task) from dunlin.task_open o where o.bucket = $1 and o.case_id = $2 and o.task = $3 and o.status = 1))
    and not exists (select 1 from dunlin.event e
                    where c.kind <> 'reserved' and e.bucket = c.bucket and e.case_id = c.case_id and e.at = coalesce(c.happened_at, c.at) and e.source = c.source
                      and e.external_id = coalesce(c.event_id, c.external_id)
                      and not exists (select 1 from dunlin.inbox i where i.bucket = e.bucket and i.at = e.at and i.seq = e.seq))
$$;

create or replace function dunlin.room_in(line dunlin.limit_line, own jsonb, zone text, treatment text, ledger dunlin.counted_contact[], at timestamptz,
                               out full_up bool, out again timestamptz, out soon bool)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  most int8 := (own ->> 'most')::int8;
  happened jsonb := own -> 'happened';
  known int := coalesce(jsonb_array_length(happened), 0);
  rolling bool := line.time_window in ('days', 'exact');
  contact dunlin.counted_contact;
  starts timestamptz;
  ends timestamptz;
  leaves timestamptz;
  reserve int;
  held bool;
  own_reserve int := -1;
  others int8 := 1;       -- contacts that no place is kept for, with the one that is asked about
  kept int8[] := '{}';  -- contacts by reserve
  seen uuid[] := '{}';  -- conversations that are counted already
begin
  full_up := false; soon := false;
  if line.time_window = 'days' then
    starts := ((at at time zone zone)::date - line.length::int + 1)::timestamp at time zone zone;
  elsif line.time_window = 'exact' then
    starts := at - line.length * interval '1 microsecond';
  else
    starts := date_trunc(line.time_window, at at time zone zone) at time zone zone;
    ends := (date_trunc(line.time_window, at at time zone zone) + case line.time_window when 'quarter' then interval '3 months' else ('1 ' || line.time_window)::interval end) at time zone zone;
  end if;
  if line.reserves is not null then
    kept := array_fill(0::int8, array[jsonb_array_length(line.reserves)]);
    own_reserve := dunlin.reserve_of(line.reserves, treatment);
    if own_reserve >= 0 then
      kept[own_reserve + 1] := 1;
      others := 0;
    end if;
  end if;
  for n in 1 .. known + coalesce(cardinality(ledger), 0) loop
    if n <= known then
      contact.first := dunlin.instant_of((happened -> (n - 1) ->> 0)::int8);
      contact.last := contact.first;
      reserve := (happened -> (n - 1) ->> 1)::int;
      held := false;
    else
      contact := ledger[n - known];
      continue when not dunlin.counts_through(contact.queue, contact.channel, line) or not dunlin.counts_together(own, contact);
      continue when line.outcomes <> '{}' and not dunlin.may_be_outcome(contact.outcome, contact.kind, contact.queue, line.outcomes);
      continue when contact.conversation = any (seen);
      if contact.conversation is not null then seen := seen || contact.conversation; end if;
      reserve := case when line.reserves is null then -1 else dunlin.reserve_of(line.reserves, contact.treatment) end;
      held := contact.held;
    end if;
    continue when contact.last < starts or (line.time_window = 'exact' and contact.last = starts) or contact.first >= ends;
    if reserve >= 0 then kept[reserve + 1] := kept[reserve + 1] + 1; else others := others + 1; end if;
    soon := soon or held;
    if rolling and not held then
      leaves := case line.time_window when 'exact' then contact.last + line.length * interval '1 microsecond'
                                      else ((contact.last at time zone zone)::date + line.length::int)::timestamp at time zone zone end;
      again := least(again, leaves);
    end if;
  end loop;
  -- A contact that a place is kept for may take any place; one of the others must leave it.
  for n in 1 .. cardinality(kept) loop
    others := others + case when n - 1 = own_reserve then kept[n] else greatest(kept[n], (line.reserves -> (n - 1) ->> 'count')::int8) end;
  end loop;
  full_up := others > most;
  if not full_up then
    again := null; soon := false;
  elsif most <= 0 then again := 'infinity';
  elsif not rolling then again := ends;
  end if;
end $$;

-- ---- overrides ----

create function dunlin.standing_override(bucket int4, case_id int8, instance_id int8, kind text, queue text, at timestamptz) returns dunlin.override
language sql stable as $$
  select o.* from dunlin.override o
  where o.bucket = $1 and o.case_id = $2 and o.instance_id in ($3, $2) and o.kind = $4 and (o.queue is null or o.queue = $5) and o.lifted_at is null and o.until > $6
  order by (o.instance_id = $3) desc, (o.queue is null), o.id desc limit 1
$$;

-- ---- who may get a task ----

-- The worker that an account stays with, because of the outcome that the queue is sticky on; null: nobody.
create function dunlin.sticky_worker(open dunlin.task_open, setting dunlin.queue_setting) returns int4
language sql stable as $$
  select c.worker from dunlin.contact c
  where c.bucket = ($1).bucket and c.case_id = ($1).case_id and c.instance_id = ($1).instance_id and c.worker is not null
    and (c.outcome = ($2).sticky_on or starts_with(c.outcome, ($2).sticky_on || '.'))
  order by c.at desc, c.id desc limit 1
$$;

create function dunlin.region_of(bucket int4, case_id int8, instance_id int8) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  id int8 := instance_id;
  region text;
begin
  for depth in 1..16 loop
    select r.region into region from dunlin.instance_region r where r.bucket = bucket and r.case_id = case_id and r.id = id and r.region is not null;
    if found then return region; end if;
    select k.parent into id from dunlin.instance_key k where k.bucket = bucket and k.case_id = case_id and k.id = id;
    exit when not found or id is null;
  end loop;
  return null;
end $$;

-- Why this worker does not get this task though others may; null: they may. `at`: business time.
create function dunlin.not_for(open dunlin.task_open, setting dunlin.queue_setting, worker dunlin.worker, at timestamptz) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  told dunlin.override;
  other dunlin.worker;
  region text;
  treatment text;
begin
  told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'worker', setting.name, at);
  if told.id is not null and told.value <> worker.name then
    select w.* into other from dunlin.worker w where w.name = told.value;
    -- What is kept for somebody who is absent goes to the others for so long.
    if other.id is not null and other.active and dunlin.absent_until(other.id, at) is null then
      return format('it is for %s until %s: %s (by %s)', told.value, told.until, told.reason, told.who);
    end if;
  end if;
  if 'sticky' = any (setting.ways) and (told.id is null or told.value <> worker.name) then
    select w.* into other from dunlin.worker w where w.id = dunlin.sticky_worker(open, setting);
    if other.id is not null and other.id <> worker.id and other.active and dunlin.at_work_from(other, at) < at + interval '1 day'
       and dunlin.lacks(other.id, setting.needs, dunlin.working_day(other, at)) is null then
      return format('it stays with %s, who had `%s`', other.name, setting.sticky_on);
    end if;
  end if;
  if 'territory' = any (setting.ways) then
    region := dunlin.region_of(open.bucket, open.case_id, open.instance_id);
    if not exists (select 1 from dunlin.territory t where region = any (t.regions) and t.name = any (worker.territories)) then
      return coalesce(format('%s is in no territory of %s', region, worker.name), 'it has no region');
    end if;
  end if;
  if 'skill' = any (setting.ways) then
    select b.treatment into treatment from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task;
    -- A treatment that is a skill of somebody goes to those who have it.
    if dunlin.lacks(worker.id, jsonb_build_array(jsonb_build_object('kind', 'skill', 'name', treatment)), dunlin.working_day(worker, at)) is not null
       and exists (select 1 from dunlin.worker_skill s join dunlin.worker w on w.id = s.worker where w.active and s.kind = 'skill' and s.name = treatment
                   and s.since <= dunlin.working_day(w, at) and (s.until is null or s.until >= dunlin.working_day(w, at))) then
      return format('%s has not the skill "%s"', worker.name, treatment);
    end if;
  end if;
  if 'one_operator' = any (setting.ways) or setting.assign = 'one_operator' then
    select w.* into other from dunlin.task_open t join dunlin.worker w on w.id = coalesce(t.worker, t.assigned)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task <> open.task and (t.status = 1 or t.listed is not null) and coalesce(t.worker, t.assigned) <> worker.id limit 1;
    if found then return format('%s works on this case file', other.name); end if;
  end if;
  return null;
end $$;

-- Raises where a worker may take nothing of a queue at this moment. Returns how many they may take; null: as many as there are.
create function dunlin.check_worker(worker dunlin.worker, setting dunlin.queue_setting, at timestamptz) returns int
language plpgsql stable as $$
#variable_conflict use_variable
declare
  day date := dunlin.working_day(worker, at);
  begins timestamptz;
  room int;
  missing text;
begin
  if not worker.active then perform dunlin.fail('DU040', format('worker `%s` does not work here any more', worker.name), 'dunlin worker import with active: yes brings them back.'); end if;
  begins := dunlin.absent_until(worker.id, at);
  if begins is not null then perform dunlin.fail('DU040', format('worker `%s` is absent until %s', worker.name, begins), 'dunlin worker back ends the absence.'); end if;
  begins := dunlin.at_work_from(worker, at);
  if begins > at then
    perform dunlin.fail('DU041', format('worker `%s` is not at work', worker.name),
      case when isfinite(begins) then format('The next shift begins %s.', begins) else 'No shift is in sight; look at the schedule.' end);
  end if;
  missing := dunlin.lacks(worker.id, setting.needs, day);
  if missing is not null then
    perform dunlin.fail('DU042', format('tasks of `%s` need the %s, and worker `%s` has it not', setting.name, missing, worker.name), '`dunlin worker show` tells what they have.');
  end if;
  room := dunlin.room_of(worker, setting, day);
  if room <= 0 then
    perform dunlin.fail('DU043', format('worker `%s` has no room for more of `%s` on %s', worker.name, setting.name, day), 'The capacity is used up by what was ended and what is held.');
  end if;
  return room;
end $$;

-- Whether the engine fills a list of this queue for the worker.
create function dunlin.has_list(worker dunlin.worker, setting dunlin.queue_setting) returns bool
language sql stable as $$
  select ($2).name = any (($1).queues) and ($2).batch_at is null
    and (($1).capacity is not null or exists (select 1 from dunlin.territory_capacity c where c.queue = ($2).name and c.territory = any (($1).territories)))
$$;

create or replace function dunlin.hold_back(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool, out why text, out again timestamptz)
language plpgsql stable as $$
declare
  told dunlin.override;
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
  elsif setting.merge and exists (select 1 from dunlin.task_open t join dunlin.task_body tb on (tb.bucket, tb.case_id, tb.task) = (t.bucket, t.case_id, t.task),
                                    dunlin.task_body b
                                  where t.bucket = open.bucket and t.case_id = open.case_id and t.queue = open.queue and t.status = 1 and t.task <> open.task
                                    and (b.bucket, b.case_id, b.task) = (open.bucket, open.case_id, open.task) and tb.recipient = b.recipient
                                    and dunlin.merges_with(t, open, setting)) then
    why := 'somebody is at work on another account of this person'; again := clock_timestamp() + interval '1 minute';
  else
    if exists (select 1 from dunlin.override o where o.bucket = open.bucket and o.case_id = open.case_id and o.lifted_at is null) then
      told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', setting.name, hold_back.at);
    end if;
    if told.id is not null then
      why := format('override: it is excluded until %s: %s (by %s)', told.until, told.reason, told.who);
      again := clock_timestamp() + least(told.until - hold_back.at, interval '1 day');
      return;
    end if;
    again := dunlin.window_opens((select b.time_window from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task), at);
    if again is not null then
      why := 'it is outside the hours of its rule';
      again := clock_timestamp() + (again - at);  -- the line is kept by the database's clock, whatever business time is asked for
      return;
    end if;
    if stops then why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, hold_back.at); end if;
    if why is null then why := dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, hold_back.at); end if;
    again := clock_timestamp() + case when why like 'limits%' then dunlin.refused_for(open.bucket, open.case_id, open.task, hold_back.at, setting.refused_for)
                                      else setting.refused_for end;
  end if;
  if why is null then again := null; end if;
end $$;

-- Two tasks of one case file that hang on the same instance the queue merges by.
create function dunlin.merges_with(a dunlin.task_open, b dunlin.task_open, setting dunlin.queue_setting) returns bool
language plpgsql stable as $$
begin
  if setting.merge_per is null then return true; end if;
  return dunlin.owner_of(a.bucket, a.case_id, a.instance_id, setting.merge_per) = dunlin.owner_of(b.bucket, b.case_id, b.instance_id, setting.merge_per);
end $$;

-- ---- taking ----

-- As before, but that a task which was put on a list a moment ago is looked at again under its lock. Not by `assigned is null`: with that the partial index of
-- the line would do for the lookup of one task, and a lease would walk all that has gone out of line while somebody holds an old snapshot.
create or replace function dunlin.next_in_band_unstopped(q int4, b int2, head int8, safe int8, at timestamptz, wanted int, tried uuid[])
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
               and coalesce(t.assigned, -1) = -1 for update skip locked) t
    limit wanted;
end $$;

-- What goes out together with a task that is about to be taken; the case file's row is locked.
create function dunlin.riders_of(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool) returns dunlin.task_open[]
language plpgsql as $$
#variable_conflict use_variable
declare
  me dunlin.worker;
  found_riders dunlin.task_open[];
begin
  select w.* into me from dunlin.worker w where w.id = worker;
  select array_agg(m order by m.task) into found_riders
    from dunlin.task_body gb, dunlin.task_body b,
      lateral (select m.* from dunlin.task_open m where m.bucket = open.bucket and m.case_id = open.case_id and m.task <> open.task and m.queue = open.queue and m.status = 0
                 and m.wakes is null and m.not_before <= at and (m.assigned is null or m.assigned = worker) for update skip locked) m
    where gb.bucket = open.bucket and gb.case_id = open.case_id and gb.task = open.task and b.bucket = m.bucket and b.case_id = m.case_id and b.task = m.task
      and b.recipient = gb.recipient and dunlin.merges_with(m, open, setting) and dunlin.not_for(m, setting, me, at) is null;
  return array(select r from unnest(found_riders) r where (dunlin.hold_back(r, setting, worker, at, stops)).why is null);
end $$;

create function dunlin.reserve_contact(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, conversation uuid) returns void
language sql as $$
  insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, task, epoch, worker, source, queue, treatment, conversation)
    select ($1).bucket, ($1).case_id, ($1).instance_id, $4, coalesce(($2).channel, ($2).name), 'reserved', b.recipient, ($1).task, ($1).lease_epoch + 1, $3, 'queue',
      ($2).name, b.treatment, $5
    from dunlin.task_body b where b.bucket = ($1).bucket and b.case_id = ($1).case_id and b.task = ($1).task
$$;

-- One task and what goes out with it. Who leads is said by `lead by`, whichever stood first in line.
create function dunlin.take_together(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, until timestamptz, stops bool) returns uuid[]
language plpgsql as $$
#variable_conflict use_variable
declare
  riders dunlin.task_open[] := dunlin.riders_of(open, setting, worker, at, stops);
  rider dunlin.task_open;
  gone dunlin.task_open[] := array[open];
  leader uuid;
begin
  if setting.merge_once then
    gone := gone || riders;
  elsif setting.contacts then
    -- Each is a contact of its own, so each is looked at again behind the ones before it.
    perform dunlin.reserve_contact(open, setting, worker, at, null);
    foreach rider in array coalesce(riders, '{}') loop
      continue when dunlin.hand_out_refusal(rider.bucket, rider.case_id, rider.task, at) is not null;
      perform dunlin.reserve_contact(rider, setting, worker, at, null);
      gone := gone || rider;
    end loop;
  else
    gone := gone || riders;
  end if;
  select g.task into leader from unnest(gone) g join dunlin.task_body b on (b.bucket, b.case_id, b.task) = (g.bucket, g.case_id, g.task)
    order by b.lead_rank nulls last, (g.task = open.task) desc, g.task limit 1;
  if setting.merge_once and setting.contacts then
    perform dunlin.reserve_contact(g, setting, worker, at, case when cardinality(gone) > 1 then leader end) from unnest(gone) g;
  end if;
  update dunlin.task_open t set status = 1, lease_until = until, lease_epoch = t.lease_epoch + 1, worker = worker, reason = null, lead = nullif(leader, t.task)
    from unnest(gone) g where t.bucket = g.bucket and t.case_id = g.case_id and t.task = g.task;
  return leader || array(select g.task from unnest(gone) g where g.task <> leader order by g.task);
end $$;

create or replace function dunlin.take(candidates dunlin.task_open[], setting dunlin.queue_setting, worker int4, at timestamptz, until timestamptz, stops bool,
                            inout tried uuid[], out taken uuid[])
language plpgsql as $$
#variable_conflict use_variable
declare
  free uuid[];
  good dunlin.task_open[];
  open dunlin.task_open;
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
  if setting.merge then
    foreach open in array good loop
      taken := taken || dunlin.take_together(open, setting, worker, at, until, stops);
    end loop;
  else
    taken := array(select g.task from unnest(good) g);
    update dunlin.task_open t set status = 1, lease_until = until, lease_epoch = t.lease_epoch + 1, worker = worker, reason = null
      from unnest(good) g where t.bucket = g.bucket and t.case_id = g.case_id and t.task = g.task;
    if setting.contacts then
      insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, task, epoch, worker, source, queue, treatment)
        select g.bucket, g.case_id, g.instance_id, at, coalesce(setting.channel, setting.name), 'reserved', b.recipient, g.task, g.lease_epoch + 1, worker, 'queue',
          setting.name, b.treatment
        from unnest(good) g, dunlin.task_body b where b.bucket = g.bucket and b.case_id = g.case_id and b.task = g.task;
    end if;
  end if;
  insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
    select t.queue, clock_timestamp(), until, t.bucket, t.case_id, t.task, t.lease_epoch, worker
    from unnest(good) with ordinality g join dunlin.task_open t on t.bucket = g.bucket and t.case_id = g.case_id and t.status = 1 and t.task = any (taken)
    order by g.ordinality, t.lead is not null, t.task;
end $$;

-- What goes out together is one piece of work.
create function dunlin.conversations(taken uuid[], setting dunlin.queue_setting) returns int
language plpgsql stable as $$
begin
  if not setting.merge then return cardinality(taken); end if;
  return (select count(*) from dunlin.task_open t where t.task = any (taken) and t.lead is null);
end $$;

create or replace function dunlin.lease(queue text, worker text, n int default 1, lasting interval default null, at timestamptz default null)
returns setof dunlin.leased_task
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  person dunlin.worker;
  me int4;
  moment timestamptz;
  until timestamptz;
  safe int8;
  head int8;
  stops bool;
  picky bool;
  candidates dunlin.task_open[];
  fit dunlin.task_open[];
  open dunlin.task_open;
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
  if setting.batch_at is not null then
    perform dunlin.fail('DU044', format('tasks of `%s` go out in a register each day', queue), 'dunlin queue register shows it; statuses come back by number.');
  end if;
  if setting.paused_at is not null then return; end if;
  perform dunlin.mark_turn();
  select w.* into person from dunlin.worker w where w.name = worker;
  if not found then
    me := dunlin.worker_number(worker);
    select w.* into person from dunlin.worker w where w.id = me;
  end if;
  me := person.id;
  moment := coalesce(at, clock_timestamp());
  -- Who has neither hours nor a capacity, for a queue that asks for nothing, need not be looked at.
  if person.schedule is not null or person.capacity is not null or not person.active or person.territories <> '{}' or setting.needs <> '[]'
     or exists (select 1 from dunlin.worker_absence a where a.worker = me and a.cancelled_at is null)
     or exists (select 1 from dunlin.worker_exception e where e.worker = me) then
    -- Two calls for one worker count one after the other.
    perform 1 from dunlin.worker w where w.id = me for no key update;
    wanted := least(wanted, coalesce(dunlin.check_worker(person, setting, moment), wanted));
  end if;
  if not exists (select 1 from dunlin.queue_round r where r.at > clock_timestamp() - interval '1 second') then perform dunlin.turn_over(false); end if;
  if setting.rate is not null then
    perform 1 from dunlin.queue_setting s where s.queue = setting.queue for no key update;
    select count(distinct (h.task, h.epoch)) into used from dunlin.hand_out h where h.queue = setting.queue and h.leased_at > clock_timestamp() - setting.rate_per;
    wanted := least(wanted, setting.rate - used);
    if wanted <= 0 then return; end if;
  end if;
  if person.queues <> '{}' and dunlin.has_list(person, setting) then perform dunlin.top_up(person, setting, moment, wanted); end if;
  perform pg_current_xact_id();  -- before the clock: whoever sees no running transaction sees this lease
  moment := coalesce(at, clock_timestamp());
  until := clock_timestamp() + lasting;
  stops := exists (select 1 from dunlin.contact_stop s where s.lifted_at is null) and setting.contacts;
  picky := setting.ways && '{sticky,territory,skill,one_operator}' or exists (select 1 from dunlin.override o where o.lifted_at is null and o.kind = 'worker');
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
    wanted := wanted - dunlin.conversations(step.taken, setting);
    exit when wanted <= 0;
  end loop;
  if person.queues = '{}' or not dunlin.has_list(person, setting) then
    for b in 0..15 loop
      exit when wanted <= 0;
      select max(h.seq) into head from dunlin.queue_head h where h.queue = setting.queue and h.band = b::int2;
      loop
        if picky then
          select array_agg(t) into candidates from dunlin.next_in_band(setting.queue, b::int2, coalesce(head, 0), coalesce(safe, 0), moment, 200, tried) t;
          exit when candidates is null;
          fit := '{}';
          foreach open in array candidates loop
            exit when cardinality(fit) >= wanted;
            if dunlin.not_for(open, setting, person, moment) is null then fit := fit || open; else tried := array_append(tried, open.task); end if;
          end loop;
          continue when fit = '{}';
          candidates := fit;
        else
          select array_agg(t) into candidates from dunlin.next_in_band(setting.queue, b::int2, coalesce(head, 0), coalesce(safe, 0), moment, wanted, tried) t;
        end if;
        exit when candidates is null;
        select * into step from dunlin.take(candidates, setting, me, moment, until, stops, tried);
        tried := step.tried;
        taken := taken || step.taken;
        wanted := wanted - dunlin.conversations(step.taken, setting);
        exit when wanted <= 0;
      end loop;
    end loop;
  end if;
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

-- ---- ending ----

-- One task of a conversation and its outcome. Two accounts are told of one call, and it was paid for once.
create or replace function dunlin.complete(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null, at timestamptz default null)
returns text
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  setting dunlin.queue_setting;
  kind dunlin.event_type;
  before record;
begin
  select t.* into open from dunlin.task_open t where t.task = task;
  if found then
    select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
    if setting.merge then
      open := dunlin.lock_task(task);
    else
      select t.* into open from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task for update;
    end if;
  end if;
  if open.task is null then
    select d.status, d.external_id, d.outcome, d.lease_epoch, d.queue into before from dunlin.task_done d where d.task = task order by d.done_at desc limit 1;
    if found and before.status = 2 and before.lease_epoch = epoch and (external_id is null or before.external_id is not distinct from external_id) then
      -- The answer to the first call was lost, so it is called again.
      if outcome is not null then
        select s.* into setting from dunlin.queue_setting s where s.queue = before.queue;
        kind := dunlin.outcome_of(setting, outcome);
      end if;
      if kind.name is not distinct from before.outcome then return 'duplicate'; end if;
    end if;
    open := dunlin.lock_task(task);
  end if;
  if setting.merge and open.status <> 1 and open.lease_epoch = epoch and outcome is not null then
    -- The outcome may have gone to another account of the conversation, and this task back into line.
    kind := dunlin.outcome_of(setting, outcome);
    if exists (select 1 from dunlin.task_done d where d.bucket = open.bucket and d.case_id = open.case_id and d.status = 2 and d.outcome = kind.name
               and d.external_id = coalesce(nullif(external_id, ''), format('%s:%s', task, epoch))) then
      return 'duplicate';
    end if;
  end if;
  perform dunlin.check_lease(open, epoch);
  at := coalesce(at, clock_timestamp());
  payload := coalesce(payload, '{}');
  external_id := coalesce(nullif(external_id, ''), format('%s:%s', task, epoch));
  if setting.outcomes is null then
    if outcome is not null then perform dunlin.fail('DU021', format('tasks of `%s` are completed without an outcome', setting.name), 'Leave it out.'); end if;
    if payload <> '{}' then perform dunlin.fail('DU022', format('tasks of `%s` are completed without a payload', setting.name), 'Leave it out.'); end if;
  else
    kind := dunlin.outcome_of(setting, outcome);
    perform dunlin.check_payload(kind.id, kind.name, payload);
  end if;
  if setting.merge then
    perform dunlin.complete_together(open, setting, kind, payload, external_id, at);
  else
    perform dunlin.settle_contact(open, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then external_id end);
    perform dunlin.complete_one(open, setting, kind, payload, external_id, at);
  end if;
  perform dunlin.note_ended(open.worker, setting, at);
  return 'accepted';
end $$;

-- Every task of the conversation ends with the outcome, each account hears of it once. An outcome with an order (`promise oldest first`) is the first
-- account's alone, and one that speaks of money that of the account it names: an amount is not doubled. The others go back into line.
create function dunlin.complete_together(open dunlin.task_open, setting dunlin.queue_setting, kind dunlin.event_type, payload jsonb, external_id text, at timestamptz)
returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  leads uuid := coalesce(open.lead, open.task);
  member dunlin.task_open;
  target uuid;
  free dunlin.queue_setting := setting;
  own_id text;
  paid bool := false;
begin
  free.cost := 0;
  if kind.id is not null and exists (select 1 from unnest(setting.oldest_first || setting.newest_first) o where kind.name = o or starts_with(kind.name, o || '.')) then
    select t.task into target from dunlin.task_open t join dunlin.task_body b on (b.bucket, b.case_id, b.task) = (t.bucket, t.case_id, t.task)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1 and (t.task = leads or t.lead = leads)
      order by case when exists (select 1 from unnest(setting.oldest_first) o where kind.name = o or starts_with(kind.name, o || '.')) then b.age_rank else -b.age_rank end,
        t.task limit 1;
  elsif exists (select 1 from dunlin.event_field f where f.type = kind.id and f.kind = 'money' and f.name not in ('treatment', 'task_identity', 'cost')) then
    target := open.task;
  end if;
  for member in select t.* from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1 and (t.task = leads or t.lead = leads)
                order by (t.task = open.task) desc, t.task for update loop
    if target is not null and member.task <> target then
      perform dunlin.give_back(member, 'none', null, 'it went out together with another, and the outcome was the other''s', false);
      continue;
    end if;
    own_id := case when member.task in (open.task, target) then external_id else format('%s:%s', external_id, member.task) end;
    perform dunlin.settle_contact(member, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then own_id end);
    perform dunlin.complete_one(member, case when paid then free else setting end, kind, payload, own_id, at);
    paid := true;
  end loop;
end $$;

-- Counts what a worker has ended today, and fills the place on the list.
create function dunlin.note_ended(worker int4, setting dunlin.queue_setting, at timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
begin
  select w.* into person from dunlin.worker w where w.id = worker;
  if person.capacity is null and not exists (select 1 from dunlin.territory_capacity c where c.queue = setting.name and c.territory = any (person.territories)) then return; end if;
  insert into dunlin.worker_day (worker, day, queue, ended) values (worker, dunlin.working_day(person, at), setting.queue, 1)
    on conflict on constraint worker_day_pkey do update set ended = worker_day.ended + 1;
  if dunlin.has_list(person, setting) then perform dunlin.top_up(person, setting, at, 1); end if;
end $$;

create or replace function dunlin.release(task uuid, epoch int4, not_before timestamptz default null, reason text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  member dunlin.task_open;
  leads uuid;
begin
  perform dunlin.check_lease(open, epoch);
  leads := coalesce(open.lead, open.task);
  -- Of a conversation that does not take place no part takes place.
  for member in select t.* from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and (t.lead = leads or t.task = leads) and t.task <> task
                and t.status = 1 for update loop
    perform dunlin.give_back(member, 'none', not_before, coalesce(nullif(reason, ''), 'it was given back'), false);
  end loop;
  return dunlin.give_back(open, 'none', not_before, coalesce(nullif(reason, ''), 'it was given back'), false);
end $$;

-- ---- day lists ----

-- Puts up to `most` tasks of a queue on a worker's list of the day, the first in the order of hand-out that they may have. Returns how many. Nothing is
-- taken from anybody, and nothing above the capacity.
create function dunlin.top_up(worker dunlin.worker, setting dunlin.queue_setting, at timestamptz, most int) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  day date := dunlin.working_day(worker, at);
  room int := dunlin.room_of(worker, setting, day);
  open dunlin.task_open;
  put int := 0;
begin
  if not worker.active or dunlin.absent_until(worker.id, at) is not null or dunlin.lacks(worker.id, setting.needs, day) is not null or not dunlin.has_shift(worker, at) then return 0; end if;
  -- Two passes for one worker count one after the other.
  perform 1 from dunlin.worker w where w.id = worker.id for no key update;
  select least(room - count(*) filter (where t.queue = setting.queue or worker.capacity is not null), most) into room
    from dunlin.task_open t where t.assigned = worker.id and t.listed is not null and t.status <> 1;
  if room <= 0 then return 0; end if;
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  for b in 0..15 loop
    exit when put >= room;
    for open in
      select w.* from
        (select t.* from dunlin.task_open t where t.queue = setting.queue and t.band = b::int2 and t.wakes is null and t.assigned is null and t.status = 0 and t.not_before <= at
           and t.seq > coalesce((select max(h.seq) from dunlin.queue_head h where h.queue = setting.queue and h.band = b::int2), 0)
         order by t.seq limit 1000) w
      order by case when 'sticky' = any (setting.ways) then dunlin.sticky_worker(w, setting) is not distinct from worker.id end desc, w.priority desc, w.not_before, w.due, w.seq
    loop
      exit when put >= room;
      continue when dunlin.not_for(open, setting, worker, at) is not null;
      continue when (dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', setting.name, at)).id is not null;
      perform 1 from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.status = 0 and t.assigned is null
        for update skip locked;
      continue when not found;
      update dunlin.task_open t set assigned = worker.id, listed = day, seq = nextval('dunlin.turn')
        where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.status = 0 and t.assigned is null;
      put := put + 1;
    end loop;
  end loop;
  return put;
end $$;

-- Whether the worker's day has a shift that is not over.
create function dunlin.has_shift(worker dunlin.worker, at timestamptz) returns bool
language plpgsql stable as $$
#variable_conflict use_variable
declare
  shift record;
begin
  if worker.schedule is null and not exists (select 1 from dunlin.worker_exception e where e.worker = worker.id) then return true; end if;
  shift := dunlin.shift_of(worker, dunlin.working_day(worker, at));
  return shift.opens is not null and shift.closes > at;
end $$;

-- Takes a task off its list and, if somebody who is not there holds it, from them. Where others are at the case file the next round does it: this one
-- waits for nobody, since it holds many. False: not now.
create function dunlin.take_back(open dunlin.task_open, why text) returns bool
language plpgsql as $$
#variable_conflict use_variable
begin
  perform 1 from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id for no key update skip locked;
  if not found then return false; end if;
  select t.* into open from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task for update skip locked;
  if not found then return false; end if;
  if open.status = 1 then
    -- Whoever held it may have called already.
    if dunlin.give_back(open, 'unknown', null, why, false) <> 'ready' then return true; end if;
  end if;
  perform pg_current_xact_id();
  update dunlin.task_open t set assigned = null, listed = null, seq = nextval('dunlin.turn') where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  return true;
end $$;

-- What nobody who is there stands for goes back into line: of absent people everything, of lists of days that are over what is left of them.
create function dunlin.clear_lists(at timestamptz) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
  setting dunlin.queue_setting;
  open dunlin.task_open;
  cleared int := 0;
  away bool;
  listless bool;
begin
  for person in select w.* from dunlin.worker w where not w.active
                or exists (select 1 from dunlin.worker_absence a where a.worker = w.id and a.cancelled_at is null and a.since <= at and a.until > at)
                or exists (select 1 from dunlin.task_open t where t.assigned = w.id and t.listed is not null) order by w.id loop
    away := not person.active or dunlin.absent_until(person.id, at) is not null;
    listless := away or not dunlin.has_shift(person, at);
    for open in select t.* from dunlin.task_open t where t.assigned = person.id or (away and t.status = 1 and t.worker = person.id) order by t.bucket, t.case_id, t.task loop
      if not away then
        continue when open.listed is null or open.status = 1;
        if not listless and open.listed = dunlin.working_day(person, at) then
          select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
          continue when dunlin.has_list(person, setting) and dunlin.lacks(person.id, setting.needs, open.listed) is null and dunlin.not_for(open, setting, person, at) is null;
        end if;
      end if;
      if dunlin.take_back(open, case when away then 'its worker is away' else 'the day it was listed for is over' end) then cleared := cleared + 1; end if;
    end loop;
  end loop;
  return cleared;
end $$;

-- Fills the lists of everybody who works today, a few tasks to each in turn, to those with the most room first (`by load`: with the smallest share of
-- their capacity taken). Doing it twice puts nothing on twice.
create function dunlin.fill_day_lists(at timestamptz default null) returns int
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  moment timestamptz := coalesce(at, clock_timestamp());
  setting dunlin.queue_setting;
  turn record;
  put int;
  all_put int := 0;
  full_up int4[];
begin
  perform pg_advisory_xact_lock(4815162345);
  perform dunlin.clear_lists(moment);
  for setting in select s.* from dunlin.queue_setting s where s.paused_at is null and s.batch_at is null
                 and exists (select 1 from dunlin.worker w where w.active and s.name = any (w.queues)) order by s.queue loop
    full_up := '{}';
    loop
      -- Who is next: ended and listed today against what they can do.
      select w as person, x.room into turn
        from dunlin.worker w,
          lateral (select dunlin.room_of(w, setting, dunlin.working_day(w, moment))
                     - (select count(*)::int from dunlin.task_open t where t.assigned = w.id and t.listed is not null and t.status <> 1) as room,
                   (select coalesce(sum(d.ended), 0) from dunlin.worker_day d where d.worker = w.id and d.day = dunlin.working_day(w, moment))
                     + (select count(*) from dunlin.task_open t where t.assigned = w.id or (t.status = 1 and t.worker = w.id)) as busy) x
        where w.active and setting.name = any (w.queues) and w.id <> all (full_up) and dunlin.has_list(w, setting) and x.room > 0
        order by case when 'load' = any (setting.ways) then x.busy::numeric / greatest(x.busy + x.room, 1) end, x.room desc, w.name limit 1;
      exit when not found;
      put := dunlin.top_up(turn.person, setting, moment, case when 'load' = any (setting.ways) then 1 else greatest(turn.room / 8, 1) end);
      all_put := all_put + put;
      if put = 0 then full_up := array_append(full_up, (turn.person).id); end if;
    end loop;
  end loop;
  return all_put;
end $$;
comment on function dunlin.fill_day_lists is 'Fills the day lists of all who work today up to their capacity, and takes back what nobody who is there stands for. Returns how many tasks were listed.';

-- ---- people who are away ----

create function dunlin.set_absence(worker text, since timestamptz, until timestamptz, reason text, who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker := dunlin.worker_named(worker);
  number int8;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'an absence needs a reason'); end if;
  since := coalesce(since, clock_timestamp());
  if until is null or until <= since then perform dunlin.fail('DU002', format('an absence from %s cannot end at %s', since, coalesce(until::text, 'null'))); end if;
  insert into dunlin.worker_absence (worker, since, until, reason, who) values (person.id, since, until, reason, coalesce(nullif(who, ''), session_user::text)) returning id into number;
  perform dunlin.note_audit(who, 'worker absent', jsonb_build_object('worker', worker, 'absence', number, 'since', since, 'until', until, 'reason', reason));
  if since <= clock_timestamp() and until > clock_timestamp() then perform dunlin.fill_day_lists(null); end if;
  return number;
end $$;
comment on function dunlin.set_absence is 'Somebody is away: they get nothing, what they hold and what is meant for them goes to others. Returns the number of the absence.';

create function dunlin.end_absence(worker text, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker := dunlin.worker_named(worker);
  ended int;
begin
  update dunlin.worker_absence a set cancelled_at = clock_timestamp() where a.worker = person.id and a.cancelled_at is null and a.until > clock_timestamp();
  get diagnostics ended = row_count;
  if ended = 0 then perform dunlin.fail('DU034', format('worker `%s` is not absent, and is not going to be', worker)); end if;
  perform dunlin.note_audit(who, 'worker back', jsonb_build_object('worker', worker, 'absences', ended));
  return ended;
end $$;
comment on function dunlin.end_absence is 'They are back, or will not go: absences that are not over are cancelled. Returns how many.';

create function dunlin.set_exception(worker text, day date, hours text, reason text, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker := dunlin.worker_named(worker);
  read record := dunlin.read_hours('7/0 from ' || replace(hours, '-', ' to '));
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'an exception needs a reason'); end if;
  if day is null then perform dunlin.fail('DU002', 'an exception is for a day'); end if;
  if hours is not null and read.from_s is null then perform dunlin.fail('DU002', format('`%s` are no hours', hours), 'Write 10:00-14:00; no hours at all: a day off.'); end if;
  insert into dunlin.worker_exception (worker, day, from_s, to_s, reason, who) values (person.id, day, read.from_s, read.to_s, reason, coalesce(nullif(who, ''), session_user::text))
    on conflict on constraint worker_exception_pkey do update set from_s = excluded.from_s, to_s = excluded.to_s, reason = excluded.reason, who = excluded.who;
  perform dunlin.note_audit(who, 'worker exception', jsonb_build_object('worker', worker, 'day', day, 'hours', hours, 'reason', reason));
end $$;
comment on function dunlin.set_exception is 'A day that is not as the schedule says: other hours (10:00-14:00), or none.';

-- ---- overrides, set and lifted ----

create function dunlin.set_override(entity text, key text, kind text, value text, until timestamptz, reason text, queue text default null, who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
  number int8;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'an override needs a reason'); end if;
  if kind is null or kind not in ('worker', 'priority', 'exclude') then perform dunlin.fail('DU002', format('an override is of worker, priority or exclude, not %s', coalesce(kind, 'null'))); end if;
  if until is null or until <= clock_timestamp() or not isfinite(until) then perform dunlin.fail('DU002', 'an override ends on a day to come', 'Say until when, for example 2026-12-31.'); end if;
  if queue is not null then perform dunlin.setting_of(queue); end if;
  if kind = 'exclude' and value is not null then perform dunlin.fail('DU002', 'what is excluded has no value'); end if;
  if kind = 'worker' then perform dunlin.worker_named(value); end if;
  if kind = 'priority' and coalesce(value, '') !~ '^-?\d{1,9}$' then perform dunlin.fail('DU002', format('a priority is a whole number, not `%s`', coalesce(value, 'null'))); end if;
  select k.bucket, k.case_id, k.id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key), 'Import it first, or look at the spelling.'); end if;
  perform 1 from dunlin.case_file f where f.bucket = place.bucket and f.case_id = place.case_id for no key update;
  update dunlin.override o set lifted_at = clock_timestamp()
    where o.bucket = place.bucket and o.case_id = place.case_id and o.instance_id = place.id and o.kind = kind and o.queue is not distinct from queue and o.lifted_at is null;
  insert into dunlin.override (entity, key, bucket, case_id, instance_id, kind, value, queue, until, reason, who)
    values (entity, key, place.bucket, place.case_id, place.id, kind, value, queue, until, reason, coalesce(nullif(who, ''), session_user::text)) returning id into number;
  perform dunlin.note_audit(who, 'override', jsonb_strip_nulls(jsonb_build_object('override', number, 'entity', entity, 'key', key, 'kind', kind, 'value', value, 'queue', queue,
                            'until', until, 'reason', reason)));
  if kind = 'priority' then perform dunlin.apply_priorities(); end if;
  -- What stood on somebody else's list does so no longer.
  if kind in ('worker', 'exclude') then
    perform pg_current_xact_id();
    update dunlin.task_open t set assigned = null, listed = null, seq = nextval('dunlin.turn')
      from dunlin.queue_setting s where s.queue = t.queue and (queue is null or s.name = queue) and t.bucket = place.bucket and t.case_id = place.case_id
        and (t.instance_id = place.id or place.id = place.case_id) and t.status = 0 and t.listed is not null;
  end if;
  return number;
end $$;
comment on function dunlin.set_override is
  'A supervisor''s word about one account (or debtor, for all its accounts): worker (only this one gets its tasks), priority (its tasks have this one), exclude (none go out), until an instant, with a reason.';

create function dunlin.lift_override(override int8, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  gone dunlin.override;
begin
  update dunlin.override o set lifted_at = clock_timestamp() where o.id = override and o.lifted_at is null and o.until > clock_timestamp() returning o.* into gone;
  if gone.id is null then perform dunlin.fail('DU034', format('there is no override %s that stands', override)); end if;
  perform 1 from dunlin.case_file f where f.bucket = gone.bucket and f.case_id = gone.case_id for no key update;
  perform dunlin.note_audit(who, 'lift override', jsonb_build_object('override', override));
  perform dunlin.end_override(gone);
end $$;

-- Afterwards tasks are as the engine has them: excluded ones join the line, and the next step gives the others their own priority.
create function dunlin.end_override(gone dunlin.override) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  perform pg_current_xact_id();
  if gone.kind = 'exclude' then
    update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
      where t.bucket = gone.bucket and t.case_id = gone.case_id and t.status = 0 and t.wakes is not null and t.reason like 'override: %';
  elsif gone.kind = 'priority' then
    update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01') where f.bucket = gone.bucket and f.case_id = gone.case_id and not f.set_aside;
  end if;
end $$;

-- Brings the priorities of open tasks in line with the overrides that stand, and ends those whose time is over.
create function dunlin.apply_priorities() returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  gone dunlin.override;
  changed int;
begin
  for gone in select o.* from dunlin.override o where o.lifted_at is null and o.until <= clock_timestamp() order by o.id loop
    perform 1 from dunlin.case_file f where f.bucket = gone.bucket and f.case_id = gone.case_id for no key update skip locked;
    continue when not found;
    update dunlin.override o set lifted_at = o.until where o.id = gone.id;
    perform dunlin.end_override(gone);
  end loop;
  if not exists (select 1 from dunlin.override o where o.lifted_at is null and o.kind = 'priority') then return 0; end if;
  perform pg_current_xact_id();
  update dunlin.task_open t set priority = o.value::int8,
      seq = case when dunlin.band_of(o.value::int8) <> t.band then nextval('dunlin.turn') else t.seq end
    from (select x.bucket, x.case_id, x.task, o.value from dunlin.override o join dunlin.task_open x on x.bucket = o.bucket and x.case_id = o.case_id
            and (x.instance_id = o.instance_id or o.instance_id = o.case_id) join dunlin.queue_setting s on s.queue = x.queue
          where o.lifted_at is null and o.kind = 'priority' and (o.queue is null or o.queue = s.name) and x.priority <> o.value::int8
            and o.id = (dunlin.standing_override(x.bucket, x.case_id, x.instance_id, 'priority', s.name, clock_timestamp())).id
          for update of x skip locked) o
    where t.bucket = o.bucket and t.case_id = o.case_id and t.task = o.task;
  get diagnostics changed = row_count;
  return changed;
end $$;

-- ---- who is told of what is late ----

create table dunlin.late_told (
  bucket int4 not null,
  case_id int8 not null,
  task uuid not null,
  due timestamptz not null,
  told_at timestamptz not null,
  primary key (bucket, case_id, task, due)
);

create function dunlin.tell_late(at timestamptz) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  told int;
begin
  -- What is long told of and no longer open is forgotten.
  delete from dunlin.late_told x where x.told_at < at - interval '7 days'
    and not exists (select from dunlin.task_open t where t.bucket = x.bucket and t.case_id = x.case_id and t.task = x.task);
  with late as (
    select t.bucket, t.case_id, t.instance_id, t.task, t.due, s.late_whom, s.late_text, s.name as queue, w.name as worker, w.head, b.treatment, k.entity, k.key
    from dunlin.queue_setting s join dunlin.task_open t on t.queue = s.queue and t.due <= at and t.status in (0, 1)
      join dunlin.task_body b on b.bucket = t.bucket and b.case_id = t.case_id and b.task = t.task
      left join dunlin.worker w on w.id = coalesce(t.worker, t.assigned)
      left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id
    where s.late_whom is not null
      and not exists (select from dunlin.late_told x where x.bucket = t.bucket and x.case_id = t.case_id and x.task = t.task and x.due = t.due)),
  fresh as (
    insert into dunlin.late_told (bucket, case_id, task, due, told_at) select l.bucket, l.case_id, l.task, l.due, at from late l on conflict do nothing
    returning late_told.bucket, late_told.case_id, late_told.task)
  insert into dunlin.note (bucket, case_id, instance_id, at, body, whom)
    select l.bucket, l.case_id, l.instance_id, at,
      format('%slate since %s: %s "%s" for %s %s (%s)', case when l.late_text <> '' then l.late_text || ': ' else '' end, l.due, l.queue, l.treatment, l.entity, l.key,
             coalesce('with ' || l.worker, 'with nobody')),
      case l.late_whom when 'worker' then coalesce(l.worker, 'supervisor') when 'head_of(worker)' then coalesce(l.head, 'supervisor') else l.late_whom end
    from fresh f join late l using (bucket, case_id, task);
  get diagnostics told = row_count;
  return told;
end $$;

-- ---- why one goes before the other ----

-- Every rule that the order of hand-out looks at, as 007 has them, and what people have to do with it.
create or replace function dunlin.why(task uuid, over uuid default null) returns table (what text, this text, other text, decides text)
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set jit = off as $$
#variable_conflict use_variable
declare
  a record;
  b record;
  pair uuid;
  ahead int8;
  decided bool := false;
  line record;
begin
  foreach pair in array array_remove(array[task, over], null) loop
    if not exists (select 1 from dunlin.task_open o where o.task = pair) then
      if exists (select 1 from dunlin.task_done d where d.task = pair) then
        perform dunlin.fail('DU012', format('task %s is over', pair), 'dunlin queue --task shows what became of it.');
      end if;
      perform dunlin.fail('DU010', format('there is no task %s', coalesce(pair::text, 'null')), 'dunlin queue NAME --json shows the ids.');
    end if;
  end loop;
  select q.*, s.paused_at, s.paused_why, dunlin.override_text(q.task) as told, dunlin.people_text(q.task) as people into a
    from dunlin.queue q join dunlin.queue_setting s on s.name = q.queue where q.task = task;
  select q.*, s.paused_at, s.paused_why, dunlin.override_text(q.task) as told, dunlin.people_text(q.task) as people into b
    from dunlin.queue q join dunlin.queue_setting s on s.name = q.queue where q.task = over;
  if over is not null and a.queue <> b.queue then
    perform dunlin.fail('DU002', format('one task stands in `%s`, the other in `%s`', a.queue, b.queue), 'Only tasks of one queue have an order.');
  end if;
  if a.paused_at is not null then
    return query select 'queue'::text, format('paused: %s', a.paused_why), null::text, null::text;
  end if;
  -- `rank`: the smaller goes out first; null where there is no order.
  for line in
    select * from (values
      (1, 'state', a.status || coalesce(', held by ' || a.worker, ''), b.status || coalesce(', held by ' || b.worker, ''),
          (a.status <> 'ready')::int::numeric, (b.status <> 'ready')::int::numeric),
      (2, 'waits', coalesce(case when a.wakes = 'infinity' then 'until it is let go' else 'until ' || a.wakes end || coalesce(': ' || a.reason, ''), 'no'),
          coalesce(case when b.wakes = 'infinity' then 'until it is let go' else 'until ' || b.wakes end || coalesce(': ' || b.reason, ''), 'no'),
          coalesce(least(extract(epoch from a.wakes), 1e15), 0), coalesce(least(extract(epoch from b.wakes), 1e15), 0)),
      (3, 'assigned', coalesce('to ' || a.assigned || coalesce(', on the list of ' || a.listed, ''), 'to nobody'),
          coalesce('to ' || b.assigned || coalesce(', on the list of ' || b.listed, ''), 'to nobody'), (a.assigned is null)::int::numeric, (b.assigned is null)::int::numeric),
      (4, 'override', a.told, b.told, null, null),
      (5, 'people', a.people, b.people, null, null),
      (6, 'band', format('%s of 0 to 15', a.band), format('%s of 0 to 15', b.band), a.band::numeric, b.band::numeric),
      (7, 'priority', a.priority::text, b.priority::text, -a.priority::numeric, -b.priority::numeric),
      (8, 'not before', a.not_before::text, b.not_before::text, extract(epoch from a.not_before), extract(epoch from b.not_before)),
      (9, 'due', case when isfinite(a.due) and a.due < '9999-01-01' then a.due::text else 'never' end,
          case when isfinite(b.due) and b.due < '9999-01-01' then b.due::text else 'never' end, extract(epoch from a.due), extract(epoch from b.due)),
      (10, 'place in line', a.seq::text, b.seq::text, a.seq::numeric, b.seq::numeric)) v(nth, what, this, other, rank, other_rank) order by nth
  loop
    continue when line.what in ('override', 'people') and line.this is null and (over is null or line.other is null);
    what := line.what; this := coalesce(line.this, 'none'); decides := null;
    other := case when over is not null then coalesce(line.other, 'none') end;
    if over is not null and not decided and line.rank <> line.other_rank then
      decides := case when line.rank < line.other_rank then 'this' else 'other' end;
      decided := true;
    end if;
    return next;
  end loop;
  if over is null and a.status = 'ready' and a.wakes is null then
    select count(*) into ahead from dunlin.queue q
      where q.queue = a.queue and q.status = 'ready' and q.wakes is null and q.assigned is not distinct from a.assigned
        and (q.band, -q.priority, q.not_before, q.due, q.seq) < (a.band, -a.priority, a.not_before, a.due, a.seq);
    return query select 'ready tasks before it'::text, ahead::text, null::text, null::text;
  end if;
  return query select 'asked for by'::text, format('%s.%s, %s', a.strategy, a.stage, a.rule), case when over is not null then format('%s.%s, %s', b.strategy, b.stage, b.rule) end, null::text;
end $$;

-- The overrides that stand for a task, in words; null: none.
create function dunlin.override_text(task uuid) returns text
language sql stable as $$
  select string_agg(format('%s until %s: %s (by %s)', case o.kind when 'exclude' then 'excluded' else o.kind || ' ' || o.value end, o.until, o.reason, o.who), '; ' order by o.kind)
  from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue, unnest('{worker,priority,exclude}'::text[]) k,
    lateral dunlin.standing_override(t.bucket, t.case_id, t.instance_id, k, s.name, clock_timestamp()) o
  where t.task = $1 and o.id is not null
$$;

-- Who may have a task by the ways its queue is assigned, in words; null: anybody.
create function dunlin.people_text(task uuid) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  setting dunlin.queue_setting;
  words text[] := '{}';
  region text;
  name text;
begin
  select t.* into open from dunlin.task_open t where t.task = task;
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if setting.needs <> '[]' then
    words := words || ('needs ' || (select string_agg(format('%s "%s"', n ->> 'kind', n ->> 'name') || coalesce(' within ' || (n ->> 'within'), ''), ', ') from jsonb_array_elements(setting.needs) n));
  end if;
  if 'territory' = any (setting.ways) then
    region := dunlin.region_of(open.bucket, open.case_id, open.instance_id);
    select t.name into name from dunlin.territory t where region = any (t.regions);
    words := words || case when name is null then format('%s, which is in no territory', coalesce(region, 'no region')) else format('in %s, territory %s', region, name) end;
  end if;
  if 'sticky' = any (setting.ways) then
    select w.name into name from dunlin.worker w where w.id = dunlin.sticky_worker(open, setting);
    if found then words := words || format('%s had `%s`', name, setting.sticky_on); end if;
  end if;
  if setting.merge then
    select string_agg(k.key, ', ' order by k.key) into name from dunlin.task_open m join dunlin.instance_key k on k.bucket = m.bucket and k.case_id = m.case_id and k.id = m.instance_id
      where m.bucket = open.bucket and m.case_id = open.case_id and m.queue = open.queue and m.task <> open.task and m.status in (0, 1) and dunlin.merges_with(m, open, setting);
    if name is not null then words := words || format('goes out together with %s', name); end if;
  end if;
  return nullif(array_to_string(words, '; '), '');
end $$;

-- ---- between steps ----

create table dunlin.tended (
  single bool primary key default true check (single),
  clock  timestamptz not null,
  at     timestamptz not null,
  lists  bool not null default false  -- somebody's day list has tasks
);

-- What queues do by themselves. The engine calls it behind each pass; within a quarter of a minute, of both clocks, once is enough.
create function dunlin.tend_queues(at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  last_time dunlin.tended;
begin
  select t.* into last_time from dunlin.tended t;
  if last_time.clock > clock_timestamp() - interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15 then return; end if;
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

revoke all on dunlin.late_told, dunlin.tended from public;
revoke all on function dunlin.standing_override, dunlin.sticky_worker, dunlin.region_of, dunlin.not_for, dunlin.check_worker, dunlin.has_list, dunlin.merges_with, dunlin.riders_of,
  dunlin.reserve_contact, dunlin.take_together, dunlin.conversations, dunlin.complete_together, dunlin.note_ended, dunlin.top_up, dunlin.has_shift, dunlin.take_back, dunlin.clear_lists,
  dunlin.fill_day_lists, dunlin.set_absence, dunlin.end_absence, dunlin.set_exception, dunlin.set_override, dunlin.lift_override, dunlin.end_override, dunlin.apply_priorities,
  dunlin.tell_late, dunlin.override_text, dunlin.people_text, dunlin.tend_queues from public;
select dunlin.let('{dunlin_supervisor}', '{set_absence,end_absence,set_exception,set_override,lift_override,fill_day_lists}');
