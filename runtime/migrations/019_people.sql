-- People who work the queues: when they work, what they can do, where, how much a day; and what supervisors decide for single accounts.
-- What is decided by the bundle (schedules, territories, what a queue asks) is written when a bundle is prepared; the people are imported.

-- ---- what the bundle says ----

create table dunlin.schedule (
  name     text primary key,                 -- '': the bundle's own calendar, for people with hours of their own
  title    text not null default '',
  hours    jsonb not null default '[]',      -- [{"from": s, "to": s, "weekdays": bits from Monday on, "working": bool}, …]; to <= from: over midnight
  closed   int4 not null default 0,          -- weekdays, bits from Monday on
  odd_days date[] not null default '{}',     -- working days at a weekend, and the other way round
  zone     text                              -- null: the bundle's
);
create table dunlin.territory (
  name     text primary key,
  title    text not null default '',
  regions  text[] not null,
  schedule text
);
create table dunlin.territory_capacity (
  territory text not null references dunlin.territory on delete cascade,
  queue     text not null,
  most      int4 not null check (most >= 0),  -- tasks a day of each worker there
  primary key (territory, queue)
);

alter table dunlin.queue_setting
  add column merge_bundle  bool not null default false,   -- the bundle merges
  add column merge_per     text,                          -- entity; null: the case file
  add column merge_once    bool not null default true,    -- what goes out together counts once
  add column oldest_first  text[] not null default '{}',  -- outcomes that reach one account only: the oldest
  add column newest_first  text[] not null default '{}',
  add column ways          text[] not null default '{}',  -- of assignment: one_operator, sticky, territory, skill, load
  add column sticky_on     text,                          -- outcome whose worker keeps the account
  add column needs         jsonb not null default '[]',   -- [{"kind": "skill" or "test", "name": …, "within": interval or null}, …]
  add column late_whom     text,                          -- worker, head_of(worker) or a role
  add column late_text     text not null default '',
  add column batch_at      int4 check (batch_at between 0 and 86399),  -- seconds of the day of the bundle's clock
  add column batch_working bool not null default false,
  add column register_name text,
  add column check_digit   int2 not null default 0,
  add column by_barcode    bool not null default false,
  add constraint queue_setting_ways check (ways <@ '{priority,one_operator,sticky,territory,skill,load}');

-- Where a task is, for `by territory`: the field `region` of an instance; made again whenever a bundle is prepared.
create view dunlin.instance_region as
  select null::int4 as bucket, null::int8 as case_id, null::int8 as id, null::text as region where false;

-- ---- people ----

alter table dunlin.worker
  add column full_name   text not null default '',
  add column head        text,                            -- name of the head, who need be no worker
  add column schedule    text,                            -- a schedule of the bundle, or hours of one's own: '2/2 from 07:00 to 19:00 since 2026-01-05'
  add column on_days     int2,
  add column off_days    int2,
  add column since       date,                            -- first working day of a rotation; null: weekdays of the calendar
  add column from_s      int4,
  add column to_s        int4,
  add column zone        text,                            -- null: that of the schedule, else the bundle's
  add column territories text[] not null default '{}',
  add column queues      text[] not null default '{}',    -- whose day list is filled for them; none: they take what they ask for
  add column capacity    int4 check (capacity >= 0),      -- tasks a day; null: as many as they like
  add column active      bool not null default true;

create table dunlin.worker_skill (
  worker int4 not null references dunlin.worker on delete cascade,
  kind   text not null check (kind in ('skill', 'test')),
  name   text not null check (name <> ''),
  since  date not null,
  until  date,                                            -- the last day; null: without end
  primary key (worker, kind, name),
  check (until is null or until >= since)
);
create table dunlin.worker_absence (
  id           int8 generated always as identity primary key,
  worker       int4 not null references dunlin.worker on delete cascade,
  since        timestamptz not null,
  until        timestamptz not null,
  reason       text not null check (reason <> ''),
  who          text not null,
  recorded_at  timestamptz not null default clock_timestamp(),
  cancelled_at timestamptz,
  check (until > since)
);
create index worker_absence_worker on dunlin.worker_absence (worker, until) where cancelled_at is null;
-- A day that is not as the schedule says; no hours: off.
create table dunlin.worker_exception (
  worker int4 not null references dunlin.worker on delete cascade,
  day    date not null,
  from_s int4,
  to_s   int4,
  reason text not null check (reason <> ''),
  who    text not null,
  primary key (worker, day),
  check ((from_s is null) = (to_s is null))
);
-- What a worker has ended on a day, conversations and not tasks where a queue merges.
create table dunlin.worker_day (
  worker int4 not null references dunlin.worker on delete cascade,
  day    date not null,
  queue  int4 not null,
  ended  int4 not null default 0,
  primary key (worker, day, queue)
) with (fillfactor = 70);

-- What supervisors decide for one account: recorded, with an end, and never deleted.
create table dunlin.override (
  id          int8 generated always as identity primary key,
  entity      text not null,
  key         text not null,
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  kind        text not null check (kind in ('worker', 'priority', 'exclude')),
  value       text,                                       -- worker: name; priority: a whole number
  queue       text,                                       -- null: all queues
  since       timestamptz not null default clock_timestamp(),
  until       timestamptz not null,
  reason      text not null check (reason <> ''),
  who         text not null,
  lifted_at   timestamptz,
  check ((kind = 'exclude') = (value is null) and until > since)
);
create index override_standing on dunlin.override (bucket, case_id, instance_id) where lifted_at is null;

-- The day a task of a day list was put on it for its worker (`assigned`); the list is these tasks. A task has one worker, so it stands on one list.
alter table dunlin.task_open
  add column listed date,
  add constraint task_open_listed check (listed is null or assigned is not null);
create index task_open_listed on dunlin.task_open (assigned) where listed is not null;
alter table dunlin.task_body
  add column lead_rank int4,  -- where the queue merges: the place by `lead by`, 0 leads
  add column age_rank  int4;  -- and by how long its instance has been in its strategy, 0: the longest
alter table dunlin.contact add column conversation uuid;
comment on column dunlin.contact.conversation is 'The task that led where several went out together: they count once.';
drop view dunlin.queue;
create view dunlin.queue as
  select q.name as queue, o.task, o.priority, o.not_before, o.due,
         (array['ready', 'leased', 'done', 'withdrawn', 'expired', 'withheld', 'dead_letter'])[o.status + 1] as status,
         k.entity, k.key, b.treatment, r.strategy, r.stage, r.name as rule, b.created_at, b.fields,
         o.band, o.seq, o.wakes, w.name as worker, o.lease_until, o.lease_epoch, o.marked, o.returns, a.name as assigned, o.reason, o.listed
  from dunlin.task_open o
  join dunlin.task_body b using (bucket, case_id, task)
  join dunlin.name q on q.id = o.queue
  left join dunlin.rule r on r.key = b.rule
  left join dunlin.worker w on w.id = o.worker
  left join dunlin.worker a on a.id = o.assigned
  left join dunlin.instance_key k on k.bucket = o.bucket and k.case_id = o.case_id and k.id = o.instance_id;

-- ---- when somebody works ----

-- '5/2 from 9 to 18', '2/2 from 07:00 to 19:00 since 2026-01-05'. Nothing where the text is no hours.
create function dunlin.read_hours(written text, out on_days int2, out off_days int2, out from_s int4, out to_s int4, out since date)
language plpgsql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  part text[] := regexp_match(written, '^\s*(\d{1,2})/(\d{1,2})\s+from\s+(\d{1,2})(?::([0-5]\d))?\s+to\s+(\d{1,2})(?::([0-5]\d))?(?:\s+since\s+(\d{4}-\d\d-\d\d))?\s*$');
begin
  if part is null then return; end if;
  if part[3]::int > 24 or part[5]::int > 24 or part[1]::int = 0 then return; end if;
  from_s := part[3]::int * 3600 + coalesce(part[4], '0')::int * 60;
  to_s := part[5]::int * 3600 + coalesce(part[6], '0')::int * 60;
  if from_s = to_s or from_s >= 86400 or to_s > 86400 then from_s := null; to_s := null; return; end if;
  since := part[7]::date;
  on_days := part[1]::int2;
  off_days := part[2]::int2;
exception when data_exception then
  on_days := null;
end $$;

create function dunlin.zone_of(worker dunlin.worker) returns text
language sql stable as $$
  select coalesce(($1).zone, (select s.zone from dunlin.schedule s where s.name = ($1).schedule), (select p.timezone from dunlin.prepared p), 'UTC')
$$;

-- The shift that begins on a day; nulls: none.
create function dunlin.shift_of(worker dunlin.worker, day date, out opens timestamptz, out closes timestamptz)
language plpgsql stable as $$
#variable_conflict use_variable
declare
  zone text := dunlin.zone_of(worker);
  special dunlin.worker_exception;
  team dunlin.schedule;
  piece record;
  from_s int4;
  to_s int4;
begin
  select e.* into special from dunlin.worker_exception e where e.worker = worker.id and e.day = day;
  if found then
    from_s := special.from_s; to_s := special.to_s;
  elsif worker.on_days is not null then
    if worker.since is not null then
      if day >= worker.since and (day - worker.since) % (worker.on_days + worker.off_days) < worker.on_days then from_s := worker.from_s; to_s := worker.to_s; end if;
    elsif worker.off_days = 0 or dunlin.works_on(day, coalesce((select s.odd_days from dunlin.schedule s where s.name = ''), '{}')) then
      from_s := worker.from_s; to_s := worker.to_s;
    end if;
  elsif worker.schedule is not null then
    select s.* into team from dunlin.schedule s where s.name = worker.schedule;
    if found and (team.closed >> (extract(isodow from day)::int - 1)) & 1 = 0 then
      -- The first group of days that fits decides.
      for piece in select (h ->> 'from')::int as from_s, (h ->> 'to')::int as to_s, (h ->> 'weekdays')::int as weekdays, (h ->> 'working')::bool as working
                   from jsonb_array_elements(team.hours) with ordinality x(h, nth) order by nth loop
        continue when (piece.weekdays >> (extract(isodow from day)::int - 1)) & 1 = 0 or (piece.working and not dunlin.works_on(day, team.odd_days));
        from_s := piece.from_s; to_s := piece.to_s;
        exit;
      end loop;
    end if;
  else
    from_s := 0; to_s := 86400;
  end if;
  if from_s is null then return; end if;
  opens := (day::timestamp + from_s * interval '1 second') at time zone zone;
  closes := ((day + (to_s <= from_s)::int)::timestamp + to_s * interval '1 second') at time zone zone;
end $$;

create function dunlin.absent_until(worker int4, at timestamptz) returns timestamptz
language sql stable as $$
  select max(a.until) from dunlin.worker_absence a where a.worker = $1 and a.cancelled_at is null and a.since <= $2 and a.until > $2
$$;

-- From when on the worker is at work: `at` itself if now; infinity if it cannot be seen in two months.
create function dunlin.at_work_from(worker dunlin.worker, at timestamptz) returns timestamptz
language plpgsql stable as $$
#variable_conflict use_variable
declare
  t timestamptz := at;
  absent timestamptz;
  today date;
  next timestamptz;
  shift record;
begin
  if not worker.active then return 'infinity'; end if;
  for round in 1..100 loop
    absent := dunlin.absent_until(worker.id, t);
    if absent is not null then
      if not isfinite(absent) then return absent; end if;
      t := absent;
      continue;
    end if;
    if worker.schedule is null and not exists (select 1 from dunlin.worker_exception e where e.worker = worker.id) then return t; end if;
    today := (t at time zone dunlin.zone_of(worker))::date;
    next := null;
    for n in -1..61 loop
      shift := dunlin.shift_of(worker, today + n);
      continue when shift.opens is null or shift.closes <= t;
      if shift.opens <= t then return t; end if;
      next := shift.opens;
      exit;
    end loop;
    if next is null or next > at + interval '61 days' then return 'infinity'; end if;
    t := next;
  end loop;
  return 'infinity';
end $$;

-- The working day that a moment belongs to: of a shift over midnight the day on which it began.
create function dunlin.working_day(worker dunlin.worker, at timestamptz) returns date
language plpgsql stable as $$
#variable_conflict use_variable
declare
  today date := (at at time zone dunlin.zone_of(worker))::date;
  shift record;
begin
  if worker.schedule is null then return today; end if;
  shift := dunlin.shift_of(worker, today - 1);
  if shift.closes > at and shift.opens <= at then return today - 1; end if;
  return today;
end $$;

-- ---- what somebody can do ----

-- The first thing a queue needs that the worker has not, on a day; null: nothing.
create function dunlin.lacks(worker int4, needs jsonb, day date) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  need record;
begin
  for need in select n ->> 'kind' as kind, n ->> 'name' as name, n ->> 'within' as within from jsonb_array_elements(needs) n loop
    continue when exists (select 1 from dunlin.worker_skill s where s.worker = worker and s.kind = need.kind and s.name = need.name and s.since <= day
                          and (s.until is null or s.until >= day) and (need.within is null or s.since >= (day - need.within::interval)::date));
    return format('%s "%s"', need.kind, need.name) || coalesce(' within ' || need.within, '');
  end loop;
  return null;
end $$;

-- How many more the worker may take of a queue on a day; null: as many as there are. A conversation about several accounts is one.
create function dunlin.room_of(worker dunlin.worker, queue dunlin.queue_setting, day date) returns int
language plpgsql stable as $$
#variable_conflict use_variable
declare
  local_most int;
  used int;
  used_here int;
begin
  select min(c.most) into local_most from dunlin.territory_capacity c where c.queue = queue.name and c.territory = any (worker.territories);
  if worker.capacity is null and local_most is null then return null; end if;
  select coalesce(sum(d.ended), 0), coalesce(sum(d.ended) filter (where d.queue = queue.queue), 0) into used, used_here
    from dunlin.worker_day d where d.worker = worker.id and d.day = day;
  select used + count(*), used_here + count(*) filter (where t.queue = queue.queue) into used, used_here
    from dunlin.task_open t where t.status = 1 and t.worker = worker.id and t.lead is null;
  return greatest(least(worker.capacity - used, local_most - used_here), 0);
end $$;

-- ---- errors and names ----

create function dunlin.worker_named(worker text) returns dunlin.worker
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_worker dunlin.worker;
begin
  select w.* into found_worker from dunlin.worker w where w.name = worker;
  if not found then perform dunlin.fail('DU034', format('there is no worker `%s`', worker), 'dunlin worker list shows them; dunlin worker import adds them.'); end if;
  return found_worker;
end $$;

-- ---- people come and change ----

-- Rows of {"worker", "name", "head", "schedule", "timezone", "territories", "queues", "capacity", "skills", "tests", "active"}. Lists are divided by `;`.
-- A skill is a name, and since when: 'soft 2026-01-10', 'soft 2026-01-10..2027-01-09'. What a row does not name stays as it is.
create function dunlin.put_workers(rows jsonb, who text default null) returns table (worker text, result text, message text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
  fresh bool;
  changed int := 0;
begin
  if rows is null or jsonb_typeof(rows) <> 'array' then perform dunlin.fail('DU002', 'put_workers() takes a JSON array', '[{"worker": "anna", "schedule": "5/2 from 9 to 18"}]'); end if;
  for item in select x from jsonb_array_elements(rows) x loop
    worker := item ->> 'worker'; message := null;
    begin
      fresh := not exists (select 1 from dunlin.worker w where w.name = worker);
      perform dunlin.put_worker(item);
      result := case when fresh then 'added' else 'changed' end;
      changed := changed + 1;
    exception when sqlstate 'DU002' or sqlstate 'DU034' or sqlstate 'DU001' or check_violation or data_exception or unique_violation then
      result := 'refused';
      message := sqlerrm;
    end;
    return next;
  end loop;
  perform dunlin.note_audit(who, 'import workers', jsonb_build_object('rows', jsonb_array_length(rows), 'taken', changed));
end $$;
comment on function dunlin.put_workers is 'Adds people or changes them; a row that is wrong is refused with the reason, the others are taken.';

create function dunlin.put_worker(item jsonb) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  number int4;
  hours record;
  name text;
begin
  for name in select k from jsonb_object_keys(item) k where k not in ('worker', 'name', 'head', 'schedule', 'timezone', 'territories', 'queues', 'capacity', 'skills', 'tests', 'active') loop
    perform dunlin.fail('DU002', format('nothing is known of a column `%s`', name), 'worker, name, head, schedule, timezone, territories, queues, capacity, skills, tests, active');
  end loop;
  number := dunlin.worker_number(item ->> 'worker');
  if item ? 'name' then update dunlin.worker w set full_name = coalesce(item ->> 'name', '') where w.id = number; end if;
  if item ? 'head' then update dunlin.worker w set head = nullif(item ->> 'head', '') where w.id = number; end if;
  if item ? 'schedule' then
    name := nullif(trim(item ->> 'schedule'), '');
    hours := dunlin.read_hours(name);
    if name is not null and hours.on_days is null and not exists (select 1 from dunlin.schedule s where s.name = name) then
      perform dunlin.fail('DU002', format('`%s` is no schedule', name),
        'Name one of the bundle, or write hours: ''5/2 from 9 to 18'', ''2/2 from 07:00 to 19:00 since 2026-01-05''.');
    end if;
    if hours.on_days is not null and hours.since is null and hours.off_days <> 0 and (hours.on_days, hours.off_days) <> (5, 2) then
      perform dunlin.fail('DU002', format('of `%s` it is not said when the first working day is', name), 'Add `since 2026-01-05`.');
    end if;
    update dunlin.worker w set schedule = name, on_days = hours.on_days, off_days = hours.off_days, since = hours.since, from_s = hours.from_s, to_s = hours.to_s
      where w.id = number;
  end if;
  if item ? 'timezone' then
    name := nullif(item ->> 'timezone', '');
    if name is not null and not exists (select 1 from pg_timezone_names z where z.name = name) then perform dunlin.fail('DU002', format('there is no time zone `%s`', name)); end if;
    update dunlin.worker w set zone = name where w.id = number;
  end if;
  if item ? 'territories' then
    select t into name from unnest(dunlin.words(item ->> 'territories')) t where not exists (select 1 from dunlin.territory x where x.name = t) limit 1;
    if found then perform dunlin.fail('DU002', format('there is no territory `%s`', name), 'Territories are declared in the bundle.'); end if;
    update dunlin.worker w set territories = dunlin.words(item ->> 'territories') where w.id = number;
  end if;
  if item ? 'queues' then
    select q into name from unnest(dunlin.words(item ->> 'queues')) q where not exists (select 1 from dunlin.queue_setting s where s.name = q) limit 1;
    if found then perform dunlin.setting_of(name); end if;
    update dunlin.worker w set queues = dunlin.words(item ->> 'queues') where w.id = number;
  end if;
  if item ? 'capacity' then
    if coalesce(item ->> 'capacity', '') !~ '^\d{0,6}$' then perform dunlin.fail('DU002', format('a capacity is a number of tasks a day, not `%s`', item ->> 'capacity')); end if;
    update dunlin.worker w set capacity = nullif(item ->> 'capacity', '')::int where w.id = number;
  end if;
  if item ? 'active' then
    if lower(coalesce(item ->> 'active', 'true')) not in ('true', 'false', 'yes', 'no', '') then perform dunlin.fail('DU002', '`active` is yes or no'); end if;
    update dunlin.worker w set active = lower(coalesce(nullif(item ->> 'active', ''), 'yes')) in ('true', 'yes') where w.id = number;
  end if;
  -- Who works in a territory with hours and has none of their own has those.
  update dunlin.worker w set schedule = t.schedule from dunlin.territory t
    where w.id = number and w.schedule is null and t.schedule is not null and t.name = (select x.name from dunlin.territory x where x.name = any (w.territories) and x.schedule is not null
                                                                                      order by array_position(w.territories, x.name) limit 1);
  if item ? 'skills' then perform dunlin.put_skills(number, 'skill', item ->> 'skills'); end if;
  if item ? 'tests' then perform dunlin.put_skills(number, 'test', item ->> 'tests'); end if;
end $$;

create function dunlin.words(list text) returns text[]
language sql immutable as $$ select coalesce(array_agg(trim(w)) filter (where trim(w) <> ''), '{}') from unnest(string_to_array(coalesce($1, ''), ';')) w $$;

create function dunlin.put_skills(worker int4, kind text, list text) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  written text;
  part text[];
begin
  delete from dunlin.worker_skill s where s.worker = worker and s.kind = kind;
  foreach written in array dunlin.words(list) loop
    part := regexp_match(written, '^(.*\S)\s+(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?$');
    if part is null then
      perform dunlin.fail('DU002', format('`%s` does not say since when', written), format('Write `%s 2026-01-10`, or `%s 2026-01-10..2027-01-09`.', written, written));
    end if;
    insert into dunlin.worker_skill (worker, kind, name, since, until) values (worker, kind, part[1], part[2]::date, part[3]::date);
  end loop;
end $$;

create view dunlin.worker_now as
  select w.name as worker, w.full_name, w.head, w.schedule, dunlin.zone_of(w) as timezone, w.territories, w.queues, w.capacity, w.active,
         dunlin.absent_until(w.id, clock_timestamp()) as absent_until, dunlin.at_work_from(w, clock_timestamp()) as at_work_from,
         (select count(*) from dunlin.task_open t where t.status = 1 and t.worker = w.id) as holds,
         (select count(*) from dunlin.task_open t where t.assigned = w.id and t.listed is not null) as listed,
         (select coalesce(sum(d.ended), 0) from dunlin.worker_day d where d.worker = w.id and d.day = dunlin.working_day(w, clock_timestamp())) as ended_today
  from dunlin.worker w;
comment on view dunlin.worker_now is 'Everybody, with what they do at this moment.';

revoke all on dunlin.schedule, dunlin.territory, dunlin.territory_capacity, dunlin.worker_skill, dunlin.worker_absence, dunlin.worker_exception, dunlin.worker_day, dunlin.override from public;
revoke all on function dunlin.read_hours, dunlin.zone_of, dunlin.shift_of, dunlin.absent_until, dunlin.at_work_from, dunlin.working_day, dunlin.lacks, dunlin.room_of, dunlin.worker_named,
  dunlin.put_workers, dunlin.put_worker, dunlin.words, dunlin.put_skills from public;
select dunlin.let('{dunlin_supervisor}', '{put_workers}');
