-- How far one hand-out goes. What many tasks at the head of the line have in common (a stop, the hours, a limit) must not keep everybody waiting, and who may have only some of a
-- queue's tasks gets those however far back they stand.

-- ---- many that are held back ----

-- Puts the first `most` in line of a band out of line, as far as something holds them back; returns how many that were. lease() calls it when it meets many of them, and commits
-- what was put out of line with what it hands out.
create function dunlin.put_aside(setting dunlin.queue_setting, band int2, worker int4, at timestamptz, stops bool, most int) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  first dunlin.task_open[];
  stop dunlin.contact_stop;
  hit uuid[];
  put int := 0;
  more int;
begin
  -- Locked in a statement of its own, so that the next one sees what was committed before.
  select array_agg(x.open) into first from
    (select t as open from dunlin.task_open t join dunlin.case_file f on f.bucket = t.bucket and f.case_id = t.case_id
      where t.queue = setting.queue and t.band = band and t.wakes is null and t.assigned is null and t.status = 0 and t.not_before <= at
        and t.seq > coalesce((select max(h.seq) from dunlin.queue_head h where h.queue = setting.queue and h.band = band), 0)
      order by t.seq limit most for update of t skip locked for no key update of f skip locked) x;
  -- A stop by a field in one statement for all of them, as stop_hits() does it for one.
  for stop in select s.* from dunlin.contact_stop s
              where stops and s.lifted_at is null and s.since <= clock_timestamp() and at < s.until and s.field is not null and s.address is null and s.feed is null
                and (s.queue is null or s.queue = setting.name) and to_regclass(format('portfolio.%I', s.entity)) is not null order by s.id loop
    execute format('with put as (
        update dunlin.task_open t set wakes = $2, reason = $3 from unnest($1) o
          where t.bucket = o.bucket and t.case_id = o.case_id and t.task = o.task
            and (select coalesce(bool_or(p.%1$I::text = $4) filter (where p.dunlin_id = o.instance_id), bool_or(p.%1$I::text = $4), false) from portfolio.%2$I p
                 where p.dunlin_bucket = o.bucket and p.dunlin_case = o.case_id)
          returning t.task)
      select coalesce(array_agg(task), ''{}'') from put', stop.field, stop.entity)
      into hit using first, clock_timestamp() + setting.refused_for, format('contact is stopped: %s (by %s)', stop.reason, stop.who), stop.value;
    put := put + cardinality(hit);
    first := array(select o from unnest(first) o where o.task <> all (hit));
  end loop;
  update dunlin.task_open t set wakes = held.again, reason = held.why
    from unnest(first) o, lateral dunlin.hold_back(o, setting, worker, at, stops) held
    where held.why is not null and t.bucket = o.bucket and t.case_id = o.case_id and t.task = o.task;
  get diagnostics more = row_count;
  return put + more;
end $$;

-- ---- who may have only some of them ----

-- Up to where in a band a worker's hand-outs have looked without finding anything for them, so that the next one goes on from there.
create table dunlin.worker_place (
  worker int4 not null references dunlin.worker on delete cascade,
  queue  int4 not null,
  band   int2 not null,
  seq    int8 not null,
  since  timestamptz not null,  -- when the walk began, by the database's clock
  at     timestamptz not null,  -- and for which time
  shot   pg_snapshot not null,  -- what it had seen of changes
  primary key (worker, queue, band)
);
-- What changed of that which decides who may have what: a place that was noted without having seen it does not count. By transactions, not by time: what commits late began early.
create table dunlin.way_change (
  at  timestamptz not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id()
);
create index way_change_at on dunlin.way_change (at);
create function dunlin.note_way_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  insert into dunlin.way_change default values;
  return null;
end $$;
create trigger way_changes after update of active, territories, schedule, on_days, off_days, since, from_s, to_s, zone on dunlin.worker
  for each statement execute function dunlin.note_way_change();
create trigger way_changes after insert or update or delete on dunlin.worker_skill for each statement execute function dunlin.note_way_change();
create trigger way_changes after insert or update or delete on dunlin.worker_absence for each statement execute function dunlin.note_way_change();
create trigger way_changes after insert or update or delete on dunlin.territory for each statement execute function dunlin.note_way_change();
create trigger way_changes after insert or update or delete on dunlin.override for each statement execute function dunlin.note_way_change();
create trigger way_changes after update of ways, needs, sticky_on, assign on dunlin.queue_setting for each statement execute function dunlin.note_way_change();

create or replace function dunlin.sweep_marks() returns void
language sql as $$
  delete from dunlin.queue_head h using (select x.queue, x.band, max(x.seq) as top from dunlin.queue_head x group by 1, 2) m
    where h.queue = m.queue and h.band = m.band and h.seq < m.top;
  delete from dunlin.turn_mark m where m.seq < (select max(x.seq) from dunlin.turn_mark x where x.xid <= pg_snapshot_xmin(pg_current_snapshot()));
  delete from dunlin.queue_round r where r.at < (select max(x.at) from dunlin.queue_round x) - interval '1 minute';
  delete from dunlin.way_change c where c.at < clock_timestamp() - interval '1 hour';
$$;

-- Treatments that somebody has the skill for, and this worker has not.
create function dunlin.skills_of_others(person dunlin.worker, at timestamptz) returns text[]
language sql stable as $$
  select coalesce(array_agg(distinct s.name), '{}') from dunlin.worker_skill s join dunlin.worker w on w.id = s.worker
  where w.active and s.kind = 'skill' and s.since <= dunlin.working_day(w, $2) and (s.until is null or s.until >= dunlin.working_day(w, $2))
    and dunlin.lacks(($1).id, jsonb_build_array(jsonb_build_object('kind', 'skill', 'name', s.name)), dunlin.working_day($1, $2)) is not null
$$;

-- The next tasks of a band that this worker may have, locked: in pieces of the line, `piece` places at a time, until something is found, the line ends, or `deadline` has
-- passed, which `more` says. `mine`: what stays with this worker goes before the rest of its piece.
create function dunlin.next_for(person dunlin.worker, setting dunlin.queue_setting, band int2, safe int8, at timestamptz, wanted int, tried uuid[], deadline timestamptz,
                                piece int, mine bool, scoped bool, out tasks dunlin.task_open[], out more bool)
language plpgsql as $$
#variable_conflict use_variable
declare
  head int8 := coalesce((select max(h.seq) from dunlin.queue_head h where h.queue = setting.queue and h.band = band), 0);
  first int8;
  place int8;
  known dunlin.worker_place;
  upto int8;
  noting bool := true;
  seen record;
  regions text[];
  foreign_skills text[] := '{}';
begin
  more := false;
  select t.seq into first from dunlin.task_open t
    where t.queue = setting.queue and t.band = band and t.seq > head and t.wakes is null and t.assigned is null and t.status = 0 order by t.seq limit 1;
  if least(coalesce(first - 1, safe), safe) - head > (case when first is null then 4096 else 256 end) then
    insert into dunlin.queue_head values (setting.queue, band, least(coalesce(first - 1, safe), safe)) on conflict do nothing;
  end if;
  if first is null then return; end if;
  place := first - 1;
  if not scoped then
    -- For so long: a region may change, a shift may begin, somebody may be done with a case file.
    select p.* into known from dunlin.worker_place p
      where p.worker = person.id and p.queue = setting.queue and p.band = band and at between p.at and p.at + interval '10 minutes'
        and clock_timestamp() between p.since and p.since + case when 'one_operator' = any (setting.ways) or setting.assign = 'one_operator' then interval '1 minute' else interval '10 minutes' end
        and not exists (select 1 from dunlin.way_change c where not pg_visible_in_snapshot(c.xid, p.shot));
    if found then place := greatest(place, known.seq); end if;
  end if;
  known.shot := coalesce(known.shot, pg_current_snapshot());  -- before the first look at who may have what
  if 'territory' = any (setting.ways) then
    select array_agg(distinct r) into regions from dunlin.territory t, unnest(t.regions) r where t.name = any (person.territories);
    regions := coalesce(regions, '{}');
  end if;
  if 'skill' = any (setting.ways) then foreign_skills := dunlin.skills_of_others(person, at); end if;
  known.since := coalesce(known.since, clock_timestamp());
  loop
    -- What can be told in a few lookups goes before what not_for() asks.
    select count(*) as places, max(x.seq) as last, min(x.seq) filter (where x.fits) as own,
        array_agg(x.open order by mine and dunlin.sticky_worker(x.open, setting) is not distinct from person.id desc, x.priority desc, x.not_before, x.due, x.seq) filter (where x.fits) as theirs
      into seen
      from (select w.open, w.seq, w.priority, w.not_before, w.due,
              case when scoped and not dunlin.sees(w.bucket, w.case_id) then false
                   when regions is not null and coalesce((select r.region from dunlin.instance_region r where r.bucket = w.bucket and r.case_id = w.case_id and r.id = w.instance_id
                                                            and r.region is not null limit 1),
                                                         dunlin.region_of(w.bucket, w.case_id, w.instance_id)) = any (regions) is not true then false
                   when foreign_skills <> '{}' and exists (select 1 from dunlin.task_body b where b.bucket = w.bucket and b.case_id = w.case_id and b.task = w.task
                                                             and b.treatment = any (foreign_skills)) then false
                   else dunlin.not_for(w.open, setting, person, at) is null end as fits
            from (select t as open, t.bucket, t.case_id, t.task, t.instance_id, t.seq, t.priority, t.not_before, t.due from dunlin.task_open t
                  where t.queue = setting.queue and t.band = band and t.seq > place and t.wakes is null and t.assigned is null and t.status = 0 and t.not_before <= at
                    and (tried is null or t.task <> all (tried))
                  order by t.seq limit piece) w) x;
    if noting and seen.places > 0 then upto := least(coalesce(seen.own - 1, seen.last), safe); end if;
    if seen.theirs is not null then
      select array_agg(l) into tasks from
        (select t.* from unnest(seen.theirs) m,
           lateral (select t.* from dunlin.task_open t where t.bucket = m.bucket and t.case_id = m.case_id and t.task = m.task and t.status = 0 and t.wakes is null
                    and coalesce(t.assigned, -1) = -1 for update skip locked) t
         limit wanted) l;
      -- Somebody else has all of them at this moment: they may come back to where they stand, so the walk is not noted further than that.
      noting := false;
    end if;
    exit when tasks is not null or seen.places < piece;
    place := seen.last;
    if clock_timestamp() > deadline then
      more := true;
      exit;
    end if;
  end loop;
  -- Whoever was tried may still be there, too. Two calls for one worker need not both note where they were.
  if not scoped and coalesce(cardinality(tried), 0) = 0 and upto - coalesce(known.seq, first) >= 200 then
    if pg_try_advisory_xact_lock(person.id, setting.queue) then
      insert into dunlin.worker_place as p (worker, queue, band, seq, since, at, shot) values (person.id, setting.queue, band, upto, known.since, coalesce(known.at, at), known.shot)
        on conflict on constraint worker_place_pkey do update set seq = excluded.seq, since = excluded.since, at = excluded.at, shot = excluded.shot;
    end if;
  end if;
end $$;

-- The list of one day, as before (020), only that it goes on behind the first 1000 of a band while there is room, for so long.
drop function dunlin.top_up, dunlin.top_up_for_all;
create function dunlin.top_up(worker dunlin.worker, setting dunlin.queue_setting, at timestamptz, most int, longest interval default '500 milliseconds') returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  day date := dunlin.working_day(worker, at);
  room int := dunlin.room_of(worker, setting, day);
  deadline timestamptz := clock_timestamp() + longest;
  safe int8;
  next record;
  open dunlin.task_open;
  left_there uuid[] := '{}';
  put int := 0;
begin
  -- A call that is bound to a part puts nothing on anybody's list.
  if coalesce(current_setting('dunlin.scope', true), '') <> '' then return 0; end if;
  if not worker.active or dunlin.absent_until(worker.id, at) is not null or dunlin.lacks(worker.id, setting.needs, day) is not null or not dunlin.has_shift(worker, at) then return 0; end if;
  -- Two passes for one worker count one after the other.
  perform 1 from dunlin.worker w where w.id = worker.id for no key update;
  select least(room - count(*) filter (where t.queue = setting.queue or worker.capacity is not null), most) into room
    from dunlin.task_open t where t.assigned = worker.id and t.listed is not null and t.status <> 1;
  if room <= 0 then return 0; end if;
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  safe := coalesce((select m.seq from dunlin.turn_mark m where m.xid <= pg_snapshot_xmin(pg_current_snapshot()) order by m.seq desc, m.xid desc limit 1), 0);
  for b in 0..15 loop
    loop
      exit when put >= room;
      next := dunlin.next_for(worker, setting, b::int2, safe, at, room - put, left_there, deadline, 1000, 'sticky' = any (setting.ways), false);
      exit when next.tasks is null;
      foreach open in array next.tasks loop
        if (dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', setting.name, at)).id is not null then
          left_there := left_there || open.task;
          continue;
        end if;
        update dunlin.task_open t set assigned = worker.id, listed = day, seq = nextval('dunlin.turn')
          where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.status = 0 and t.assigned is null;
        put := put + 1;
      end loop;
    end loop;
    exit when put >= room;  -- each band gets its first pieces, however late it is
  end loop;
  return put;
end $$;

-- ---- what else changes ----

-- Who of those at work may have a task of a queue that gives not everything to everybody; null: whoever asks.
create function dunlin.whose_text(open dunlin.task_open, setting dunlin.queue_setting, at timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
  names text[] := '{}';
  refusal text;
  why text;
begin
  if not setting.ways && '{sticky,territory,skill,one_operator}'
     and not exists (select 1 from dunlin.override o where o.bucket = open.bucket and o.case_id = open.case_id and o.kind = 'worker' and o.lifted_at is null) then
    return null;
  end if;
  if open.assigned is not null then return (select format('it is kept for %s', w.name) from dunlin.worker w where w.id = open.assigned); end if;
  for person in select w.* from dunlin.worker w where w.active order by w.name loop
    continue when dunlin.absent_until(person.id, at) is not null;
    refusal := dunlin.not_for(open, setting, person, at);
    if refusal is null then names := names || person.name; else why := coalesce(why, refusal); end if;
  end loop;
  if names = '{}' then return 'nobody who is there may have it' || coalesce(': ' || why, ''); end if;
  return format('it goes to %s', array_to_string(names[1:5], ', ')) || case when cardinality(names) > 5 then format(' or one of %s others', cardinality(names) - 5) else '' end;
end $$;

-- These are otherwise as they were.
do $do$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('lease', $$  used int8;
begin$$, $$  used int8;
  began timestamptz;
  aside int := 0;               -- so many are held back so far,
  streak int := 0;              -- these one after another
  put int;
  next record;
begin$$),
    ('lease', $$'{sticky,territory,skill,one_operator}' or seen.kept;
  loop
    exit when wanted <= 0;
$$, $$'{sticky,territory,skill,one_operator}';
  began := clock_timestamp();
  loop
    exit when wanted <= 0;
    -- Many that are held back are put out of line together, and others need not wait until it was all of them.
    while streak >= 16 and aside < 2000 and listed is not true and not (seen.own or picky or scoped or setting.assign = 'one_operator') loop
      put := dunlin.put_aside(setting, from_band::int2, me, moment, stops, 250);
      aside := aside + put;
      if put < 125 then streak := 0; end if;
      exit when clock_timestamp() - began > interval '500 milliseconds';
    end loop;
    if aside >= 2000 or (aside >= 100 and clock_timestamp() - began > interval '500 milliseconds') then
      raise notice 'the line of `%` was not looked at to its end: % tasks of it are held back', queue, aside using hint = 'They are out of line now; the next call goes on behind them.';
      exit;
    end if;
    -- Where the first of a line are kept for others, it is walked through as for people with a part of it.
    if not picky and seen.kept and cardinality(tried) > 100 then picky := true; end if;
$$),
    ('lease', $$if scoped or picky then$$, $$if picky then
        if stops and tried is not null then
          exit when dunlin.queue_stopped(setting.queue, moment);
        end if;
        next := dunlin.next_for(person, setting, from_band::int2, safe, moment, wanted, tried,
                                case when scoped then 'infinity' else began + interval '500 milliseconds' end, 200, false, scoped);
        candidates := next.tasks;
        if next.more and candidates is null then
          raise notice 'the line of `%` was not looked at to its end: nothing for % so far', queue, worker using hint = 'The next call goes on from there.';
          exit;
        end if;
      elsif scoped then$$),
    ('lease', $$moment, case when picky then 200 else wanted end, tried) t;$$, $$moment, wanted, tried) t;$$),
    ('lease', $$if picky and open.assigned is null then
        if dunlin.not_for$$, $$if open.assigned is null and (picky or seen.kept and exists (
           select 1 from dunlin.override o where o.bucket = open.bucket and o.case_id = open.case_id and o.lifted_at is null and o.kind = 'worker')) then
        if dunlin.not_for$$),
    ('lease', $$and t.task = open.task;
        continue;
      end if;
      wanted :=$$, $$and t.task = open.task;
        aside := aside + 1;
        streak := streak + 1;
        continue;
      end if;
      streak := 0;
      wanted :=$$),
    ('fill_day_lists', $$greatest(turn.room / 8, 1) end);$$, $$greatest(turn.room / 8, 1) end,
     -- One budget for all lists: whoever is on them waits meanwhile.
     greatest(interval '50 milliseconds', statement_timestamp() + interval '2 seconds' - clock_timestamp()));$$),
    ('hand_out_text', $$words = '{}' then 'nothing holds it back' else$$,
     $$words = '{}' then concat_ws('; ', 'nothing holds it back', dunlin.whose_text(open, setting, clock_timestamp())) else$$)
  ) c(name, old_text, new_text) loop
    select pg_get_functiondef(p.oid) into strict was from pg_proc p where p.pronamespace = 'dunlin'::regnamespace and p.proname = change.name || (
      case when change.name = 'fill_day_lists' then '_within' else '' end);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $do$;

revoke all on function dunlin.put_aside, dunlin.note_way_change, dunlin.skills_of_others, dunlin.next_for, dunlin.top_up, dunlin.whose_text from public;
