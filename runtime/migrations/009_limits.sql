-- Limits once more at hand-out: what the engine found when it placed a task, judged against what the ledger knows now (docs/decisions/0012).

-- What a line says about every task alike. The engine writes it with the first task that bears its key; a line never changes.
create table dunlin.limit_line (
  key         int8 primary key,
  says        text not null,
  kind        text not null check (kind in ('at_most', 'hours', 'pause', 'never')),
  time_window text check (time_window in ('day', 'week', 'month', 'quarter', 'year', 'days', 'exact')),
  length      int8,               -- of days (that many) and exact (microseconds)
  queues      text[] not null,    -- what counts: contacts through these,
  channels    text[] not null,    -- and those without a task that are said to be one of these,
  any_contact bool not null,      -- or whatever they are;
  outcomes    text[] not null,    -- of these only outcomes below one of those (empty: all)
  reserves    jsonb,              -- [{"count": 1, "treatment": "x"}, …]
  from_date   date,
  to_date     date,
  hours       jsonb,              -- [{"from": s, "to": s, "weekdays": bits from Monday on, "working": bool}, …]
  odd_days    date[] not null,    -- working days at a weekend, and the other way round
  after       text[] not null,    -- outcomes that begin a pause
  pause       int8,               -- a packed duration; null: without end
  check ((kind = 'at_most') = (time_window is not null))
);
comment on table dunlin.limit_line is 'Lines of limits by the hash of what they say; task_body.limits names them and adds what is true of one task.';

alter table dunlin.task_body
  add column limits text,  -- JSON: [{"line": key, "zone": …, "most": n, "happened": [[µs, reserve], …], "of": instances, "to": recipients, "closed": µs, "lifted": µs}, …]
  add column limits_until timestamptz;
comment on column dunlin.task_body.limits is 'Limits that judge this task, with their figures and the contacts that the engine knows as events; null: none. What is missing in a line is everything.';
comment on column dunlin.task_body.limits_until is 'From then on the figures and conditions of the limits may be others: nothing goes out before the next step; null: they hold.';

alter table dunlin.contact
  add column queue text,              -- whose task it was; null: no task led to it
  add column treatment text,
  add column happened_at timestamptz, -- when it was, as its outcome says; null: at
  add column until timestamptz,       -- unknown: it was between `at` and this
  add column event_id text;           -- external id of the event (source queue) that its outcome became
update dunlin.contact c set queue = s.name, treatment = t.treatment
  from dunlin.queue_setting s, (select task, queue, treatment from dunlin.task_done union all
                                select o.task, o.queue, b.treatment from dunlin.task_open o join dunlin.task_body b using (bucket, case_id, task)) t
  where c.task = t.task and s.queue = t.queue;
update dunlin.contact set until = at + (clock_timestamp() - recorded_at) where kind = 'unknown' and task is not null;

-- Tasks that are open already bear no limits yet: their case files are stepped once.
update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01')
  where not f.set_aside and exists (select 1 from dunlin.task_open o where o.bucket = f.bucket and o.case_id = f.case_id);

-- ---- time ----

create function dunlin.instant_of(microseconds int8) returns timestamptz
language sql immutable parallel safe as $$
  select case when $1 = 9223372036854775807 then timestamptz 'infinity'
              else timestamptz 'epoch' + ($1 / 86400000000) * interval '1 day' + ($1 % 86400000000) * interval '1 microsecond' end
$$;

create function dunlin.works_on(day date, odd_days date[]) returns bool
language sql immutable parallel safe as $$ select (extract(isodow from $1) < 6) <> ($1 = any ($2)) $$;

-- The first instant from `at` on within the hours; infinity: there is none.
create function dunlin.hours_open(hours jsonb, odd_days date[], zone text, at timestamptz) returns timestamptz
language plpgsql stable as $$
#variable_conflict use_variable
declare
  today date := (at at time zone zone)::date;
  day date;
  piece record;
  chosen record;
  found_group bool;
  opens timestamptz;
  closes timestamptz;
begin
  for n in 0..400 loop
    day := today + n;
    found_group := false;
    for piece in select (h ->> 'from')::int as from_s, (h ->> 'to')::int as to_s, (h ->> 'weekdays')::int as weekdays, (h ->> 'working')::bool as working
                 from jsonb_array_elements(hours) with ordinality x(h, nth) order by nth loop
      -- The first group of days that fits decides; a group may have several hours.
      if found_group then
        continue when piece.weekdays <> chosen.weekdays or piece.working <> chosen.working;
      else
        continue when (piece.weekdays >> (extract(isodow from day)::int - 1)) & 1 = 0 or (piece.working and not dunlin.works_on(day, odd_days));
        chosen := piece;
        found_group := true;
      end if;
      opens := (day::timestamp + piece.from_s * interval '1 second') at time zone zone;
      closes := (day::timestamp + piece.to_s * interval '1 second') at time zone zone;
      if at < closes and opens < closes then return greatest(at, opens); end if;
    end loop;
  end loop;
  return 'infinity';
end $$;

-- When a pause ends that began at this instant; its day is the first.
create function dunlin.pause_ends(since timestamptz, pause int8, odd_days date[], zone text) returns timestamptz
language plpgsql stable as $$
#variable_conflict use_variable
declare
  amount int8 := pause >> 3;
  day date := (since at time zone zone)::date;
begin
  if pause is null then return 'infinity'; end if;
  case pause & 7
    when 0 then return since + amount * interval '1 microsecond';
    when 1 then day := day + amount::int;
    when 2 then
      while amount > 0 loop
        day := day + 1;
        if dunlin.works_on(day, odd_days) then amount := amount - 1; end if;
      end loop;
    else day := (day + amount * interval '1 month')::date;
  end case;
  return day::timestamp at time zone zone;
exception when datetime_field_overflow then
  return 'infinity';
end $$;

-- ---- what counts ----

create type dunlin.counted_contact as (
  instance_id int8, recipient int8, queue text, channel text, kind text, outcome text, treatment text, first timestamptz, last timestamptz, held bool
);

-- Contacts of a case file that are in no history of events, as intervals: when they were at the earliest and at the latest. What a worker holds may happen
-- at any moment, so it is now; what nobody knows was at some moment of its lease. The task's own reservation is left out.
create function dunlin.uncounted_contacts(bucket int4, case_id int8, task uuid, at timestamptz)
returns dunlin.counted_contact[]
language sql stable as $$
  select array_agg(row(c.instance_id, c.recipient, c.queue, c.channel, c.kind, c.outcome, c.treatment,
         case when c.kind = 'reserved' then $4 else coalesce(c.happened_at, c.at) end,
         case when c.kind = 'reserved' then $4 else greatest(coalesce(c.happened_at, c.at), c.until) end, c.kind = 'reserved')::dunlin.counted_contact)
  from dunlin.contact c
  where c.bucket = $1 and c.case_id = $2 and c.kind <> 'none' and not (c.kind = 'reserved' and c.task is not distinct from $3)
    and not exists (select 1 from dunlin.event e
                    where c.kind <> 'reserved' and e.bucket = c.bucket and e.case_id = c.case_id and e.at = coalesce(c.happened_at, c.at) and e.source = c.source
                      and e.external_id = coalesce(c.event_id, c.external_id)
                      and not exists (select 1 from dunlin.inbox i where i.bucket = e.bucket and i.at = e.at and i.seq = e.seq))
$$;

-- Whether a contact that is known by its outcome, or only by what it was, is one of these outcomes. Who knows no better says yes.
create function dunlin.may_be_outcome(outcome text, kind text, queue text, wanted text[]) returns bool
language plpgsql stable as $$
#variable_conflict use_variable
declare
  root text;
begin
  if outcome is not null and exists (select 1 from dunlin.event_type e where e.name = outcome) then
    return exists (select 1 from unnest(wanted) w where outcome = w or starts_with(outcome, w || '.'));
  end if;
  if queue is not null then
    select s.outcomes into root from dunlin.queue_setting s where s.name = queue;
    if root is not null and not exists (select 1 from unnest(wanted) w where w = root or starts_with(w, root || '.') or starts_with(root, w || '.')) then return false; end if;
  end if;
  -- A mere attempt reached nobody.
  return kind <> 'attempt' or exists (select 1 from unnest(wanted) w where not (w ~ '\.(reached|met)(\.|$)' or dunlin.contact_kind(w) = 'conversation'));
end $$;

create function dunlin.counts_through(queue text, channel text, line dunlin.limit_line) returns bool
language sql stable as $$
  select case when $1 is not null then $1 = any ($3.queues)
              else $3.any_contact or $2 = any ($3.channels) or exists (select 1 from dunlin.queue_setting s where s.channel = $2 and s.name = any ($3.queues)) end
$$;

-- ---- the judgement ----

-- Whether a contact of the ledger counts together with the task that a line judges.
create function dunlin.counts_together(own jsonb, contact dunlin.counted_contact) returns bool
language sql immutable as $$ select (not $1 ? 'of' or $1 -> 'of' @> to_jsonb(($2).instance_id)) and (not $1 ? 'to' or $1 -> 'to' @> to_jsonb(($2).recipient)) $$;

create function dunlin.reserve_of(reserves jsonb, treatment text) returns int
language plpgsql immutable as $$
#variable_conflict use_variable
begin
  for n in 0 .. coalesce(jsonb_array_length(reserves), 0) - 1 loop
    if reserves -> n ->> 'treatment' = treatment then return n; end if;
  end loop;
  return -1;
end $$;

-- Whether one more contact fits into the window that ends at `at`; if not, when one of those in it leaves it. `soon`: a lease may end before that and
-- make room. Loops, not queries: it is asked for each line of each task, and there are few contacts.
create function dunlin.room_in(line dunlin.limit_line, own jsonb, zone text, treatment text, ledger dunlin.counted_contact[], at timestamptz,
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

-- Until when contacts that are no events close a line with a pause. What is held or unknown closes it as if it had come to the outcome.
create function dunlin.closed_by_ledger(line dunlin.limit_line, own jsonb, zone text, ledger dunlin.counted_contact[], out until timestamptz, out soon bool)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  contact dunlin.counted_contact;
  lifted timestamptz := dunlin.instant_of(coalesce((own ->> 'lifted')::int8, 0));
begin
  soon := false;
  foreach contact in array coalesce(ledger, '{}') loop
    continue when contact.last <= lifted or not dunlin.counts_together(own, contact);
    -- Of a contact without a task and without an outcome its channel must be one that can have the outcome.
    continue when contact.queue is null and contact.outcome is null
      and not exists (select 1 from unnest(line.after) a where a = contact.channel or starts_with(a, contact.channel || '.'));
    continue when not dunlin.may_be_outcome(contact.outcome, contact.kind, contact.queue, line.after);
    soon := soon or contact.held;
    until := greatest(until, case when contact.held then 'infinity' else dunlin.pause_ends(contact.last, line.pause, line.odd_days, zone) end);
  end loop;
end $$;

-- What limits say of a task at this instant. `why`: null, it may go out; else the line that forbids it. `again`: the first instant at which it may be
-- otherwise, as far as it can be known. `soon`: it may be otherwise sooner.
create function dunlin.judge_limits(bucket int4, case_id int8, task uuid, at timestamptz, out why text, out again timestamptz, out soon bool)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  body record;
  own jsonb;
  line dunlin.limit_line;
  home text;
  zone text;
  day date;
  opens timestamptz;
  found_soon bool;
  room record;
  ledger dunlin.counted_contact[];
  lines jsonb;
begin
  soon := false;
  select b.limits, b.limits_until, b.treatment into body from dunlin.task_body b where b.bucket = bucket and b.case_id = case_id and b.task = task;
  if not found then return; end if;
  if body.limits_until <= at then
    why := format('limits: their figures held until %s, the next step looks at them again', body.limits_until);
    soon := true;
    return;
  end if;
  if body.limits is null then return; end if;
  select p.timezone into home from dunlin.prepared p;
  ledger := dunlin.uncounted_contacts(bucket, case_id, task, at);
  lines := body.limits::jsonb;
  for n in 0 .. jsonb_array_length(lines) - 1 loop
    own := lines -> n;
    select l.* into line from dunlin.limit_line l where l.key = (own ->> 'line')::int8;
    if not found then
      why := format('limits: the line %s is not in dunlin.limit_line; run dunlin doctor', own ->> 'line');
      soon := true;
      return;
    end if;
    zone := coalesce(own ->> 'zone', home, 'UTC');
    day := (at at time zone zone)::date;
    continue when day < line.from_date or day > line.to_date;
    opens := null; found_soon := false;
    if line.kind = 'hours' then
      opens := dunlin.hours_open(line.hours, line.odd_days, zone, at);
    elsif line.kind = 'at_most' then
      room := dunlin.room_in(line, own, zone, body.treatment, ledger, at);
      continue when not room.full_up;
      opens := coalesce(room.again, 'infinity');
      found_soon := room.soon;
    else
      if own ? 'closed' then
        opens := dunlin.instant_of((own ->> 'closed')::int8);
      elsif line.after = '{}' then
        opens := 'infinity';
      end if;
      if line.after <> '{}' then
        room := dunlin.closed_by_ledger(line, own, zone, ledger);
        found_soon := room.soon;
        opens := greatest(opens, room.until);
      end if;
    end if;
    continue when opens is null or opens <= at;
    if line.to_date is not null then opens := least(opens, (line.to_date + 1)::timestamp at time zone zone); end if;
    if why is null then why := line.says; end if;
    again := greatest(again, opens);
    soon := soon or found_soon;
  end loop;
end $$;
comment on function dunlin.judge_limits is 'What limits say of a task, counting events, the ledger and what is held. The case file''s row must be locked for the answer to last.';

create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text
language sql stable as $$ select j.why from dunlin.judge_limits($1, $2, $3, $4) j $$;

-- How long to wait before a task is looked at again that limits refused.
create function dunlin.refused_for(bucket int4, case_id int8, task uuid, at timestamptz, usual interval) returns interval
language plpgsql stable as $$
#variable_conflict use_variable
declare
  judged record := dunlin.judge_limits(bucket, case_id, task, at);
begin
  if judged.again is null or judged.again = 'infinity' or judged.again <= at then return usual; end if;
  return case when judged.soon then least(usual, judged.again - at) else judged.again - at end;
end $$;

-- ---- hand-out and outcomes, as before but for what the ledger keeps ----

create or replace function dunlin.hold_back(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool, out why text, out again timestamptz)
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
    if why is null then why := dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, hold_back.at); end if;
    again := clock_timestamp() + case when why like 'limits%' then dunlin.refused_for(open.bucket, open.case_id, open.task, hold_back.at, setting.refused_for)
                                      else setting.refused_for end;
  end if;
  if why is null then again := null; end if;
end $$;

create or replace function dunlin.take(candidates dunlin.task_open[], setting dunlin.queue_setting, worker int4, at timestamptz, until timestamptz, stops bool,
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
        and b.recipient = gb.recipient and b.expires > at and dunlin.window_opens(b.time_window, at) is null
        and dunlin.hand_out_refusal(m.bucket, m.case_id, m.task, at) is null and t.bucket = m.bucket and t.case_id = m.case_id and t.task = m.task
      returning t.task)
    select taken || array_agg(l.task) into taken from led l having count(*) > 0;
    taken := coalesce(taken, array(select g.task from unnest(good) g));
  end if;
  insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
    select t.queue, clock_timestamp(), until, t.bucket, t.case_id, t.task, t.lease_epoch, worker
    from unnest(good) g, dunlin.task_open t where t.bucket = g.bucket and t.case_id = g.case_id and t.status = 1 and t.task = any (taken);
  if setting.contacts then
    insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, task, epoch, worker, source, queue, treatment)
      select g.bucket, g.case_id, g.instance_id, at, coalesce(setting.channel, setting.name), 'reserved', b.recipient, g.task, g.lease_epoch + 1, worker, 'queue',
        setting.name, b.treatment
      from unnest(good) g, dunlin.task_body b where b.bucket = g.bucket and b.case_id = g.case_id and b.task = g.task;
  end if;
end $$;

drop function dunlin.settle_contact(dunlin.task_open, text, text);
create function dunlin.settle_contact(open dunlin.task_open, kind text, outcome text default null, at timestamptz default null, event_id text default null) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  update dunlin.contact c set kind = kind, outcome = outcome, happened_at = at, event_id = event_id,
      -- By how much the clock has gone on since: the ledger is kept in business time.
      until = case when kind = 'unknown' then c.at + (clock_timestamp() - c.recorded_at) end
    where c.bucket = open.bucket and c.case_id = open.case_id and c.task = open.task and c.epoch = open.lease_epoch and c.kind in ('reserved', 'unknown');
end $$;

create or replace function dunlin.complete(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null, at timestamptz default null)
returns text
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  lead dunlin.task_open;
  member dunlin.task_open;
  setting dunlin.queue_setting;
  kind dunlin.event_type;
  before record;
  own_fields bool := false;
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
    own_fields := exists (select 1 from dunlin.event_field f where f.type = kind.id and f.name not in ('treatment', 'task_identity', 'cost'));
  end if;
  if setting.merge then
    lead := open;
    if open.lead is not null then
      select t.* into lead from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.lead;
    end if;
    if lead.task is not null then perform dunlin.settle_contact(lead, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then external_id end); end if;
    for member in select t.* from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1 and t.task <> task
                  and (t.task = coalesce(open.lead, open.task) or t.lead = coalesce(open.lead, open.task)) order by t.task for update loop
      -- What has fields of its own, a promise for instance, is about the account it names; everything else is true of all of them.
      if own_fields then
        perform dunlin.give_back(member, dunlin.contact_kind(kind.name), null, 'it went out together with another, and the outcome was the other''s', false);
      else
        perform dunlin.complete_one(member, setting, kind, payload, format('%s:%s', external_id, member.task), at);
      end if;
    end loop;
  else
    perform dunlin.settle_contact(open, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then external_id end);
  end if;
  perform dunlin.complete_one(open, setting, kind, payload, external_id, at);
  return 'accepted';
end $$;

create or replace function dunlin.record_contact(source text, external_id text, entity text, key text, channel text, at timestamptz, kind text default 'attempt',
                                      recipient text default null, address text default null, outcome text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
  whom int8 := 0;
  full_name text;
begin
  if coalesce(source, '') = '' or coalesce(external_id, '') = '' then
    perform dunlin.fail('DU033', 'a contact needs its source and the id it has there', 'So that it can be told from a repetition.');
  end if;
  if coalesce(channel, '') = '' then perform dunlin.fail('DU002', 'a contact needs its channel', 'For example call, sms, mail, visit.'); end if;
  if at is null or not isfinite(at) then perform dunlin.fail('DU033', 'the contact has no time', 'Say when it happened, with a time zone.'); end if;
  if kind is null or kind not in ('attempt', 'conversation', 'unknown') then
    perform dunlin.fail('DU002', format('a contact is an attempt, a conversation or unknown, not %s', coalesce(kind, 'null')));
  end if;
  select k.bucket, k.case_id, k.id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key), 'Import it first, or look at the spelling.'); end if;
  if recipient is not null then
    select k.id into whom from dunlin.instance_key k where k.bucket = place.bucket and k.case_id = place.case_id and k.key = recipient order by (k.id = place.id) limit 1;
    if not found then perform dunlin.fail('DU034', format('nobody `%s` belongs to %s `%s`', recipient, entity, key)); end if;
  end if;
  -- As the ledger names outcomes of tasks; what no bundle knows stays as it is said.
  select e.name into full_name from dunlin.event_type e where outcome in (e.name, e.alias) order by (e.name = outcome) desc limit 1;
  -- With the lock a hand-out that is being decided waits for nothing and sees it, or comes first.
  perform 1 from dunlin.case_file f where f.bucket = place.bucket and f.case_id = place.case_id for no key update;
  insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, source, external_id, address, outcome)
    values (place.bucket, place.case_id, place.id, at, channel, kind, whom, source, external_id, address, coalesce(full_name, outcome)) on conflict do nothing;
  return case when found then 'accepted' else 'duplicate' end;
end $$;

create or replace function dunlin.may_contact(task uuid, phone text default null, at timestamptz default null, out allowed bool, out reason text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  queue text;
begin
  at := coalesce(at, clock_timestamp());
  allowed := false;
  select t.* into open from dunlin.task_open t where t.task = task;
  if not found then
    if not exists (select 1 from dunlin.task_done d where d.task = task) then perform dunlin.fail('DU010', format('there is no task %s', coalesce(task::text, 'null'))); end if;
    reason := 'the task is over';
    return;
  end if;
  select s.name into queue from dunlin.queue_setting s where s.queue = open.queue;
  reason := case
    when open.status <> 1 then 'nobody holds the task'
    when open.lease_until < clock_timestamp() then 'the lease has ended'
    when open.marked then coalesce(open.reason, 'its reason is gone')
    when exists (select 1 from dunlin.inbox i where i.bucket = open.bucket and i.case_id = open.case_id and i.at <= at) then 'news about its case file has not been read yet'
    when dunlin.window_opens((select b.time_window from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task), at) is not null
      then 'it is outside the hours of its rule'
    else coalesce(dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, queue, phone, at), dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at)) end;
  allowed := reason is null;
end $$;

revoke all on function dunlin.instant_of, dunlin.works_on, dunlin.hours_open, dunlin.pause_ends, dunlin.uncounted_contacts, dunlin.may_be_outcome, dunlin.counts_through,
  dunlin.counts_together, dunlin.reserve_of, dunlin.room_in, dunlin.closed_by_ledger, dunlin.judge_limits, dunlin.refused_for, dunlin.settle_contact from public;
