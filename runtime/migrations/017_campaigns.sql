-- Campaigns: a list that is worked on certain days, at most so many a day. Their tasks are ordinary ones: each is put into its case file with a note in the
-- inbox, so it is not handed out before a step has judged it by all limits and holds, and the hand-out judges it once more.
--
-- A task belongs to one day and expires with that day's hours. One that expired without ever being handed out gives its case back to the list; one that
-- was handed out is done with, whatever came of it. So nobody is reached twice, and no day hands out more than its cap.

create table dunlin.campaign (
  id        int8 generated always as identity primary key,
  name      text not null check (name <> ''),
  origin    text not null check (origin in ('bundle', 'list')),
  entity    text not null,
  queue     text not null,
  treatment text not null,
  priority  int8 not null,
  from_day  date not null,
  to_day    date not null,
  from_s    int4 not null check (from_s between 0 and 86399),   -- local seconds; the end is left out
  to_s      int4 not null check (to_s between 1 and 86400),
  per_day   int4 check (per_day > 0),
  timezone  text not null,
  file      text not null default '',
  who       text not null,
  reason    text not null default '',
  began_at  timestamptz not null default clock_timestamp(),
  status    text not null default 'running' check (status in ('running', 'stopped', 'ended')),
  ended_at  timestamptz,
  ended_by  text,
  ended_why text,
  check (from_day <= to_day),
  check (from_s < to_s),
  check ((status = 'running') = (ended_at is null))
);
create unique index campaign_bundle on dunlin.campaign (name) where origin = 'bundle';
create unique index campaign_list on dunlin.campaign (name) where origin = 'list' and status = 'running';

create table dunlin.campaign_case (
  campaign    int8 not null references dunlin.campaign,
  key         text not null,
  nth         int4 not null,             -- line of the list
  status      text not null default 'waiting' check (status in ('waiting', 'released', 'done', 'missed', 'withdrawn', 'rejected', 'dropped')),
  bucket      int4,
  case_id     int8,
  instance_id int8,
  task        uuid,
  day         date,
  tries       int4 not null default 0,
  reason      text,
  primary key (campaign, key)
);
create index campaign_case_next on dunlin.campaign_case (campaign, nth) where status = 'waiting';
create index campaign_case_out on dunlin.campaign_case (campaign, day) where status = 'released';
-- How many tasks each day has had: the cap counts here, in the transaction that makes them.
create table dunlin.campaign_day (
  campaign int8 not null references dunlin.campaign,
  day      date not null,
  released int4 not null,
  primary key (campaign, day)
);

-- The lines of a list that name somebody, each once; the others with the reason. `cases`: [{"nth": 2, "key": "A1"}, …].
create function dunlin.campaign_look(entity text, cases jsonb) returns table (nth int4, key text, bucket int4, case_id int8, instance_id int8, reason text)
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  with line as (select (x ->> 'nth')::int4 as nth, coalesce(x ->> 'key', '') as key from jsonb_array_elements($2) x),
       numbered as (select l.*, row_number() over (partition by l.key order by l.nth) as again, min(l.nth) over (partition by l.key) as first from line l)
  select n.nth, n.key, k.bucket, k.case_id, k.id,
         case when n.key = '' then 'the line has no key'
              when n.again > 1 then format('it stands in line %s already', n.first)
              when k.id is null then format('there is no %s `%s`', $1, n.key)
              when c.key is not null then format('%s `%s` is closed: %s', $1, n.key, c.reason) end
  from numbered n
    left join dunlin.instance_key k on k.entity = $1 and k.key = n.key
    left join dunlin.closed_instance c on c.entity = $1 and c.key = n.key and c.since <= clock_timestamp()
  order by n.nth
$$;

create function dunlin.campaign_check(settings jsonb) returns void
language plpgsql stable as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
begin
  setting := dunlin.setting_of(settings ->> 'queue');
  if not exists (select 1 from dunlin.prepared) then perform dunlin.fail('DU035', 'there is no active version', 'Run or apply a bundle first.'); end if;
  if (settings ->> 'from_day')::date > (settings ->> 'to_day')::date then perform dunlin.fail('DU002', 'the campaign ends before it begins'); end if;
  if (settings ->> 'to_day')::date - (settings ->> 'from_day')::date > 366 then perform dunlin.fail('DU002', 'a campaign runs for a year at most'); end if;
  if (settings ->> 'from_s')::int4 >= (settings ->> 'to_s')::int4 then perform dunlin.fail('DU002', 'the hours of the campaign are empty'); end if;
  if not exists (select 1 from dunlin.instance_key k where k.entity = settings ->> 'entity') then
    perform dunlin.fail('DU034', format('there is no %s in the portfolio', settings ->> 'entity'));
  end if;
end $$;

-- Starts a campaign from a list, or with `plan` says what it would do and writes nothing. `days`: how many cases each day would have.
create function dunlin.campaign_start(settings jsonb, cases jsonb, plan bool default false)
returns table (campaign int8, listed int8, good int8, days jsonb, unreached int8, witness jsonb, rejected jsonb)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  cap int8 := (settings ->> 'per_day')::int8;
  first date := (settings ->> 'from_day')::date;
  last date := (settings ->> 'to_day')::date;
begin
  perform dunlin.campaign_check(settings);
  select count(*), count(*) filter (where l.reason is null),
         coalesce(jsonb_agg(jsonb_build_object('nth', l.nth, 'key', l.key, 'reason', l.reason) order by l.nth) filter (where l.reason is not null), '[]')
    into listed, good, rejected from dunlin.campaign_look(settings ->> 'entity', cases) l;
  select coalesce(jsonb_agg(jsonb_build_object('day', first + n, 'cases', least(cap, good - n * cap)) order by n), '[]') into days
    from generate_series(0, last - first) n where cap is not null and good - n * cap > 0;
  if cap is null and good > 0 then days := jsonb_build_array(jsonb_build_object('day', first, 'cases', good)); end if;
  unreached := case when cap is null then 0 else greatest(0, good - cap * (last - first + 1)) end;
  select coalesce(jsonb_agg(jsonb_build_object('key', w.key, 'day', first + coalesce(((w.place - 1) / cap)::int4, 0)) order by w.place), '[]') into witness
    from (select l.key, row_number() over (order by l.nth) as place from dunlin.campaign_look(settings ->> 'entity', cases) l where l.reason is null) w
    where w.place <= 3;
  if plan then return next; return; end if;
  if exists (select 1 from dunlin.campaign c where c.name = settings ->> 'name' and c.status = 'running') then
    perform dunlin.fail('DU035', format('a campaign `%s` is running', settings ->> 'name'), 'Call this one otherwise, or stop the other first.');
  end if;
  insert into dunlin.campaign as c (name, origin, entity, queue, treatment, priority, from_day, to_day, from_s, to_s, per_day, timezone, file, who, reason)
    select settings ->> 'name', 'list', settings ->> 'entity', settings ->> 'queue', coalesce(settings ->> 'treatment', ''), coalesce((settings ->> 'priority')::int8, 0),
           first, last, (settings ->> 'from_s')::int4, (settings ->> 'to_s')::int4, cap, p.timezone, coalesce(settings ->> 'file', ''), settings ->> 'who',
           coalesce(settings ->> 'reason', '')
    from dunlin.prepared p returning c.id into campaign;
  insert into dunlin.campaign_case (campaign, key, nth, status, bucket, case_id, instance_id, reason)
    select campaign, l.key, l.nth, case when l.reason is null then 'waiting' else 'rejected' end, l.bucket, l.case_id, l.instance_id, l.reason
    from dunlin.campaign_look(settings ->> 'entity', cases) l order by (l.reason is not null), l.nth on conflict do nothing;
  perform dunlin.note_audit(settings ->> 'who', 'start campaign', settings || jsonb_build_object('campaign', campaign, 'cases', good, 'rejected', listed - good));
  return next;
end $$;

-- What the active version says: [{settings…, "cases": […]}, …]. One that changed goes on under its new settings; nobody is reached a second time by it.
create function dunlin.declare_campaigns(campaigns jsonb, who text) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  item jsonb;
  number int8;
  old record;
begin
  for old in select c.id from dunlin.campaign c where c.origin = 'bundle' and c.status = 'running'
             and not exists (select 1 from jsonb_array_elements(campaigns) x where x ->> 'name' = c.name) loop
    perform dunlin.campaign_stop(old.id::text, 'the new version does not have it', who, 'ended');
  end loop;
  for item in select x from jsonb_array_elements(campaigns) x loop
    insert into dunlin.campaign as c (name, origin, entity, queue, treatment, priority, from_day, to_day, from_s, to_s, per_day, timezone, file, who)
      select item ->> 'name', 'bundle', item ->> 'entity', item ->> 'queue', item ->> 'treatment', (item ->> 'priority')::int8, (item ->> 'from_day')::date,
             (item ->> 'to_day')::date, (item ->> 'from_s')::int4, (item ->> 'to_s')::int4, (item ->> 'per_day')::int4, item ->> 'timezone', item ->> 'file', who
      on conflict (name) where origin = 'bundle' do update set entity = excluded.entity, queue = excluded.queue, treatment = excluded.treatment,
        priority = excluded.priority, from_day = excluded.from_day, to_day = excluded.to_day, from_s = excluded.from_s, to_s = excluded.to_s,
        per_day = excluded.per_day, timezone = excluded.timezone, file = excluded.file,
        -- What a person stopped stays stopped; what had ended goes on if it has days left.
        status = case when c.status = 'ended' then 'running' else c.status end, ended_at = case when c.status = 'ended' then null else c.ended_at end
      returning c.id into number;
    update dunlin.campaign_case m set status = 'dropped', reason = 'the list does not have it any more'
      where m.campaign = number and m.status in ('waiting', 'rejected')
        and not exists (select 1 from jsonb_array_elements(item -> 'cases') x where x ->> 'key' = m.key);
    insert into dunlin.campaign_case as m (campaign, key, nth, status, bucket, case_id, instance_id, reason)
      select number, l.key, l.nth, case when l.reason is null then 'waiting' else 'rejected' end, l.bucket, l.case_id, l.instance_id, l.reason
      from dunlin.campaign_look(item ->> 'entity', item -> 'cases') l order by (l.reason is not null), l.nth
      on conflict (campaign, key) do nothing;
    -- Known by now, or listed again.
    update dunlin.campaign_case m set status = 'waiting', reason = null, nth = l.nth, bucket = l.bucket, case_id = l.case_id, instance_id = l.instance_id
      from dunlin.campaign_look(item ->> 'entity', item -> 'cases') l
      where m.campaign = number and m.key = l.key and m.status in ('rejected', 'dropped') and l.reason is null;
  end loop;
end $$;

-- What became of tasks that are out. Returns how many cases went back to the list.
create function dunlin.campaign_settle(c dunlin.campaign, today date) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  back int := 0;
begin
  -- The history first: whoever sees the end of a task there does not see it open any more.
  with ended as (
    select m.key, d.status, d.lease_epoch, d.reason, d.outcome from dunlin.campaign_case m
      join dunlin.task_done d on d.task = m.task and d.bucket = m.bucket and d.case_id = m.case_id
      where m.campaign = c.id and m.status = 'released')
  update dunlin.campaign_case m set
      status = case when e.status = 4 and e.lease_epoch = 0 then case when today <= c.to_day then 'waiting' else 'missed' end
                    when e.status = 3 and e.lease_epoch = 0 then 'withdrawn' else 'done' end,
      reason = coalesce(e.outcome, e.reason)
    from ended e where m.campaign = c.id and m.key = e.key;
  get diagnostics back = row_count;
  return back;
end $$;

-- Makes the tasks of a campaign's day, as many as the cap leaves. Anybody may call it at any time, several at once too; it never makes one too many.
create function dunlin.campaign_release(at timestamptz default null, most int default 2000) returns table (name text, released int, settled int, waiting int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  c dunlin.campaign;
  today date;
  local_s int8;
  room int;
  opens timestamptz;
  closes timestamptz;
  queue_id int4;
  taken jsonb;
begin
  at := coalesce(at, clock_timestamp());
  for c in select x.* from dunlin.campaign x where x.status = 'running' order by x.id for update skip locked loop
    today := (at at time zone c.timezone)::date;
    local_s := extract(epoch from (at at time zone c.timezone)::time)::int8;
    settled := dunlin.campaign_settle(c, today);
    released := 0;
    select s.queue into queue_id from dunlin.queue_setting s where s.name = c.queue;
    if today between c.from_day and c.to_day and local_s < c.to_s and queue_id is not null then
      insert into dunlin.campaign_day values (c.id, today, 0) on conflict do nothing;
      select case when c.per_day is null then most else least(most, c.per_day - d.released) end into room from dunlin.campaign_day d where d.campaign = c.id and d.day = today;
      opens := greatest(at, (today::timestamp + c.from_s * interval '1 second') at time zone c.timezone);
      closes := (today::timestamp + c.to_s * interval '1 second') at time zone c.timezone;
      perform pg_current_xact_id();  -- the transaction's number before the places in line
      -- A case file that somebody is at is taken in the next round; the row is locked first, as everywhere.
      with next as (
        select m.campaign, m.key, m.bucket, m.case_id, m.instance_id, m.tries + 1 as tries,
               md5(format('campaign %s %s %s', m.campaign, m.instance_id, m.tries + 1))::uuid as task
        from (select w.* from dunlin.campaign_case w where w.campaign = c.id and w.status = 'waiting' order by w.nth limit greatest(room, 0)) m,
          lateral (select 1 from dunlin.case_file f where f.bucket = m.bucket and f.case_id = m.case_id for no key update skip locked) f),
      open as (
        insert into dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, not_before, wakes, due)
          select n.bucket, n.case_id, n.task, n.instance_id, queue_id, c.priority, 0, opens, case when opens > clock_timestamp() then opens end, closes from next n),
      body as (
        insert into dunlin.task_body (bucket, case_id, task, identity, rule, recipient, stage, standing, stays, treatment, created_at, expires, time_window, fields)
          select n.bucket, n.case_id, n.task, ('x' || substr(md5(n.task::text), 1, 15))::bit(60)::int8, -c.id, 0, null, false, true, c.treatment, at, closes,
                 case when c.from_s = 0 and c.to_s = 86400 then -1 else (c.from_s::int8 << 17) | c.to_s end, null from next n),
      -- Nothing of this case file is handed out before a step has looked at the new task. Kind 2: a task was put into the case file, so that the record
      -- of that step is a whole one (dunlin replay).
      news as (insert into dunlin.inbox (bucket, at, case_id, kind) select n.bucket, at, n.case_id, 2 from next n)
      update dunlin.campaign_case m set status = 'released', task = n.task, day = today, tries = n.tries, reason = null
        from next n where m.campaign = n.campaign and m.key = n.key;
      get diagnostics released = row_count;
      update dunlin.campaign_day d set released = d.released + campaign_release.released where d.campaign = c.id and d.day = today;
      insert into dunlin.rule (key, strategy, stage, name) values (-c.id, '', '', 'campaign ' || c.name) on conflict do nothing;
    end if;
    if today > c.to_day or (today = c.to_day and local_s >= c.to_s) then
      update dunlin.campaign_case m set status = 'missed', reason = 'the campaign ended before its turn came' where m.campaign = c.id and m.status = 'waiting';
      if not exists (select 1 from dunlin.campaign_case m where m.campaign = c.id and m.status = 'released') then
        update dunlin.campaign x set status = 'ended', ended_at = clock_timestamp(), ended_by = 'the calendar', ended_why = 'its days are over' where x.id = c.id;
      end if;
    end if;
    name := c.name;
    select count(*) into waiting from dunlin.campaign_case m where m.campaign = c.id and m.status = 'waiting';
    if released > 0 then notify dunlin_inbox; end if;
    return next;
  end loop;
end $$;
comment on function dunlin.campaign_release is 'Makes the tasks of running campaigns for the day, up to the cap, and takes back those nobody came to. The server does it by itself.';

-- Undoes what can be undone: tasks that nobody has are withdrawn, one that a worker holds is marked.
create function dunlin.campaign_stop(campaign text, reason text, who text default null, as_status text default 'stopped')
returns table (name text, withdrawn int8, marked int8, done int8, never int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  c dunlin.campaign;
  one record;
  answer text;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'stopping needs a reason'); end if;
  select x.* into c from dunlin.campaign x where x.name = campaign or x.id::text = campaign order by (x.status = 'running') desc, x.id desc limit 1 for update;
  if not found then
    perform dunlin.fail('DU035', format('there is no campaign `%s`', campaign),
      'Running: ' || coalesce((select string_agg(x.name, ', ' order by x.id) from dunlin.campaign x where x.status = 'running'), 'none') || '.');
  end if;
  if c.status <> 'running' then perform dunlin.fail('DU035', format('campaign `%s` is over since %s: %s', c.name, c.ended_at, c.ended_why)); end if;
  perform dunlin.campaign_settle(c, c.from_day);
  -- All case files before the first line of the audit: whoever withdraws a task takes them in this order too.
  perform 1 from dunlin.case_file f where (f.bucket, f.case_id) in (select m.bucket, m.case_id from dunlin.campaign_case m where m.campaign = c.id and m.status = 'released')
    order by f.bucket, f.case_id for no key update;
  withdrawn := 0; marked := 0;
  for one in select m.key, m.task from dunlin.campaign_case m where m.campaign = c.id and m.status = 'released' order by m.bucket, m.case_id, m.task loop
    begin
      answer := dunlin.withdraw(one.task, format('campaign `%s` was stopped: %s', c.name, reason), coalesce(who, session_user::text));
      if answer = 'marked' then
        marked := marked + 1;
      else
        withdrawn := withdrawn + 1;
        update dunlin.campaign_case m set status = 'withdrawn', reason = campaign_stop.reason where m.campaign = c.id and m.key = one.key;
      end if;
    exception when sqlstate 'DU010' or sqlstate 'DU012' then
      null;  -- it ended at this moment
    end;
  end loop;
  update dunlin.campaign_case m set status = 'dropped', reason = 'the campaign was stopped' where m.campaign = c.id and m.status = 'waiting';
  get diagnostics never = row_count;
  update dunlin.campaign x set status = as_status, ended_at = clock_timestamp(), ended_by = coalesce(who, session_user::text), ended_why = campaign_stop.reason where x.id = c.id;
  select count(*) into done from dunlin.campaign_case m where m.campaign = c.id and m.status in ('done', 'released');
  name := c.name;
  perform dunlin.note_audit(who, 'stop campaign', jsonb_build_object('campaign', c.id, 'name', c.name, 'withdrawn', withdrawn, 'marked', marked, 'reason', reason));
  return next;
end $$;
comment on function dunlin.campaign_stop is 'Ends a campaign: open tasks are withdrawn, those that workers hold are marked, the rest of the list is dropped.';

create view dunlin.campaign_progress as
  select c.id as campaign, c.name, c.origin, c.queue, c.treatment, c.priority, c.from_day, c.to_day, c.per_day, c.status, c.who, c.ended_why,
         count(m.key) filter (where m.status <> 'rejected') as cases,
         count(*) filter (where m.status = 'waiting') as waiting, count(*) filter (where m.status = 'released') as open,
         count(*) filter (where m.status = 'done') as done, count(*) filter (where m.status in ('missed', 'dropped')) as missed,
         count(*) filter (where m.status = 'withdrawn') as withdrawn, count(*) filter (where m.status = 'rejected') as rejected
  from dunlin.campaign c left join dunlin.campaign_case m on m.campaign = c.id group by c.id;

revoke all on dunlin.campaign, dunlin.campaign_case, dunlin.campaign_day, dunlin.campaign_progress from public;
revoke all on function dunlin.campaign_look, dunlin.campaign_check, dunlin.declare_campaigns, dunlin.campaign_settle from public;
select dunlin.let('{dunlin_supervisor}', '{campaign_start,campaign_release,campaign_stop}');
