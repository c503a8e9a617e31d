-- Feeds: files that must come. Whether one is late is worked out when somebody asks, from what came and the clock, so that no process has to be there at
-- the hour. A feed is a standing stop of contact (contact_stop) that bites while its file is missing; so every hand-out and may_contact() respects it.

-- What the active version says. A feed that it does not have any more keeps its deliveries.
create table dunlin.feed (
  name      text primary key,
  title     text not null default '',
  due       time,                                  -- in the bundle's zone; null: never late
  holds     bool not null default false,
  queues    text[] not null default '{}',          -- held while it is late; empty: all
  refusals  jsonb not null default '[]',           -- as read by the import
  timezone  text not null,
  odd_days  date[] not null default '{}',          -- weekdays that are holidays, weekend days that are worked
  since     timestamptz not null,                  -- business time; what was due before is not missed
  declared  bool not null default true
);

create table dunlin.feed_delivery (
  id         int8 generated always as identity primary key,
  feed       text not null references dunlin.feed,
  day        date not null,                        -- the day whose file it is
  file       text not null,
  hash       text not null,                        -- of its bytes, sha-256
  who        text not null,
  at         timestamptz not null,                 -- business time
  began_at   timestamptz not null default clock_timestamp(),
  ended_at   timestamptz,
  status     text not null default 'taking' check (status in ('taking', 'taken', 'refused', 'failed')),
  rows_read  int8,
  rows_bad   int8,
  rows_told  int8,                                 -- by the control totals
  total      numeric,
  total_told numeric,
  reason     text,
  check ((status = 'taking') = (ended_at is null))
);
create index feed_delivery_day on dunlin.feed_delivery (feed, day desc) where status = 'taken';
create index feed_delivery_hash on dunlin.feed_delivery (feed, hash) where status = 'taken';
comment on table dunlin.feed_delivery is 'Every file of a feed that was tried: taken whole with its totals, or refused whole with the reason.';

-- A person lets contact go on without the file of a day.
create table dunlin.feed_lift (
  feed   text not null references dunlin.feed,
  day    date not null,
  at     timestamptz not null default clock_timestamp(),
  who    text not null,
  reason text not null check (reason <> ''),
  primary key (feed, day)
);

alter table dunlin.contact_stop add column feed text references dunlin.feed;
create unique index contact_stop_feed on dunlin.contact_stop (feed, coalesce(queue, '')) where feed is not null and lifted_at is null;

-- The last day whose file should be there; null: none has been due yet. A file is expected on each working day of the bundle's calendar.
create function dunlin.feed_expected(feed dunlin.feed, at timestamptz) returns date
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  day date := (at at time zone feed.timezone)::date;
  due timestamptz;
begin
  if feed.due is null or not feed.declared then return null; end if;
  for n in 0..60 loop
    due := (day + feed.due) at time zone feed.timezone;
    if due < feed.since then return null; end if;
    if due <= at and dunlin.works_on(day, feed.odd_days) then return day; end if;
    day := day - 1;
  end loop;
  return null;
end $$;

-- The day whose file is missing; null: none is.
create function dunlin.feed_missing(feed dunlin.feed, at timestamptz) returns date
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  day date := dunlin.feed_expected(feed, at);
begin
  -- The file of a later day makes up for one that never came.
  if day is null or exists (select 1 from dunlin.feed_delivery d where d.feed = feed.name and d.day >= day and d.status = 'taken')
     or exists (select 1 from dunlin.feed_lift l where l.feed = feed.name and l.day >= day) then
    return null;
  end if;
  return day;
end $$;

-- What this stop says about a contact, whatever the others say; null: nothing.
create function dunlin.stop_hits(stop dunlin.contact_stop, bucket int4, case_id int8, instance_id int8, queue text, address text, at timestamptz) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  hit bool;
  feed dunlin.feed;
  day date;
begin
  if at >= stop.until or (stop.queue is not null and stop.queue is distinct from queue) then return null; end if;
  if stop.feed is not null then
    select f.* into feed from dunlin.feed f where f.name = stop.feed;
    day := dunlin.feed_missing(feed, at);
    if day is null then return null; end if;
    return format('contact is stopped: the file of %s of feed `%s` has not come, it was due at %s', day, feed.name, to_char(feed.due, 'HH24:MI'));
  end if;
  if stop.address is not null and stop.address is distinct from address then return null; end if;
  if stop.field is not null then
    if to_regclass(format('portfolio.%I', stop.entity)) is null then return null; end if;
    -- The row itself if the task is about one of this entity, else any of the case file.
    execute format('select coalesce(bool_or(t.%1$I::text = $4) filter (where t.dunlin_id = $3), bool_or(t.%1$I::text = $4), false) from portfolio.%2$I t '
                   'where t.dunlin_bucket = $1 and t.dunlin_case = $2', stop.field, stop.entity) into hit using bucket, case_id, instance_id, stop.value;
    if not hit then return null; end if;
  elsif stop.entity is not null and stop.key is not null then
    -- An account's stop is about that account; a debtor's about everything below.
    if not exists (select 1 from dunlin.instance_key k where k.bucket = bucket and k.case_id = case_id and k.entity = stop.entity and k.key = stop.key
                     and k.id in (instance_id, case_id)) then
      return null;
    end if;
  end if;
  return format('contact is stopped: %s (by %s)', stop.reason, stop.who);
end $$;

create or replace function dunlin.stop_reason(bucket int4, case_id int8, instance_id int8, queue text, address text, at timestamptz) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  stop dunlin.contact_stop;
  why text;
begin
  for stop in select s.* from dunlin.contact_stop s where s.lifted_at is null and s.since <= clock_timestamp() order by s.id loop
    why := dunlin.stop_hits(stop, bucket, case_id, instance_id, queue, address, at);
    if why is not null then return why; end if;
  end loop;
  return null;
end $$;

-- Is all of a queue stopped, whoever its tasks are about?
create function dunlin.queue_stopped(q int4, at timestamptz) returns bool
language sql stable as $$
  select exists (select 1 from dunlin.contact_stop s left join dunlin.feed f on f.name = s.feed
    where s.lifted_at is null and s.since <= clock_timestamp() and $2 < s.until and s.entity is null and s.address is null
      and (s.queue is null or s.queue = (select x.name from dunlin.queue_setting x where x.queue = $1 and x.contacts))
      and exists (select 1 from dunlin.queue_setting x where x.queue = $1 and x.contacts)
      and (s.feed is null or dunlin.feed_missing(f, $2) is not null))
$$;

-- Where all of a queue is stopped, a hand-out looks at the first tasks, which then say why they wait, and leaves the others where they are: a queue of a
-- million tasks is not walked through to learn a million times that the file has not come.
alter function dunlin.next_in_band(int4, int2, int8, int8, timestamptz, int, uuid[]) rename to next_in_band_unstopped;
create function dunlin.next_in_band(q int4, b int2, head int8, safe int8, at timestamptz, wanted int, tried uuid[])
returns setof dunlin.task_open
language plpgsql as $$
begin
  if tried is not null and dunlin.queue_stopped(q, at) then return; end if;
  return query select * from dunlin.next_in_band_unstopped(q, b, head, safe, at, wanted, tried);
end $$;

-- What a stop kept back joins the line again and is looked at anew. Whoever has a task at this moment (a step, a hand-out) keeps it; it is looked at
-- again after the queue's `refused_for` at the latest.
create function dunlin.wake_stopped(like_reason text default 'contact is stopped: %') returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  woken int;
begin
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
    from (select o.bucket, o.case_id, o.task from dunlin.task_open o where o.wakes is not null and o.status = 0 and o.reason like like_reason for update skip locked) x
    where t.bucket = x.bucket and t.case_id = x.case_id and t.task = x.task;
  get diagnostics woken = row_count;
  return woken;
end $$;

create or replace function dunlin.resume_contact(stop int8, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  feed text;
begin
  select s.feed into feed from dunlin.contact_stop s where s.id = stop and s.lifted_at is null;
  if feed is not null then
    perform dunlin.fail('DU034', format('stop %s stands as long as the file of feed `%s` is missing', stop, feed), 'feed_lift() lets contact go on without it.');
  end if;
  update dunlin.contact_stop s set lifted_at = clock_timestamp() where s.id = stop and s.lifted_at is null;
  if not found then perform dunlin.fail('DU034', format('there is no stop %s that holds', stop)); end if;
  perform dunlin.note_audit(who, 'resume contact', jsonb_build_object('stop', stop));
  return dunlin.wake_stopped();
end $$;

-- ---- what a version says ----

-- Called when a version becomes active, with all its feeds: [{"name", "title", "due", "holds", "queues", "refusals"}].
create function dunlin.declare_feeds(feeds jsonb, timezone text, odd_days date[], at timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  insert into dunlin.feed as f (name, title, due, holds, queues, refusals, timezone, odd_days, since)
    select x ->> 'name', x ->> 'title', (x ->> 'due')::time, (x ->> 'holds')::bool, array(select jsonb_array_elements_text(x -> 'queues')), x -> 'refusals',
           timezone, odd_days, at
    from jsonb_array_elements(feeds) x
    on conflict (name) do update set title = excluded.title, due = excluded.due, holds = excluded.holds, queues = excluded.queues,
      refusals = excluded.refusals, timezone = excluded.timezone, odd_days = excluded.odd_days, declared = true,
      -- A feed that is new again, or due at another hour, has missed nothing yet.
      since = case when f.declared and f.due is not distinct from excluded.due then f.since else excluded.since end;
  update dunlin.feed f set declared = false where f.declared and not exists (select 1 from jsonb_array_elements(feeds) x where x ->> 'name' = f.name);
  update dunlin.contact_stop s set lifted_at = clock_timestamp() where s.feed is not null and s.lifted_at is null and not exists (
    select 1 from dunlin.feed f where f.name = s.feed and f.declared and f.holds and f.due is not null
      and (s.queue = any (f.queues) or (s.queue is null and f.queues = '{}')));
  insert into dunlin.contact_stop (feed, queue, reason, who)
    select f.name, q.queue, 'its file has not come', 'the bundle'
    from dunlin.feed f, lateral (select unnest(f.queues) as queue union all select null where f.queues = '{}') q
    where f.declared and f.holds and f.due is not null
      and not exists (select 1 from dunlin.contact_stop s where s.feed = f.name and s.lifted_at is null and s.queue is not distinct from q.queue);
  perform dunlin.wake_stopped('contact is stopped: the file of %');
end $$;

-- ---- files ----

create function dunlin.feed_named(feed text) returns dunlin.feed
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_feed dunlin.feed;
begin
  select f.* into found_feed from dunlin.feed f where f.name = feed and f.declared;
  if not found then
    perform dunlin.fail('DU035', format('the active version has no feed `%s`', feed),
                        'Feeds: ' || coalesce((select string_agg(f.name, ', ' order by f.name) from dunlin.feed f where f.declared), 'none') || '.');
  end if;
  return found_feed;
end $$;

-- A file is there and is read now; returns its number. A file that was taken before is none of today's, unless `again`.
create function dunlin.feed_begin(feed text, day date, file text, hash text, who text, at timestamptz, again bool default false)
returns table (delivery int8, of_day date, status text, reason text, refusals jsonb)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  what dunlin.feed := dunlin.feed_named(feed);
  before dunlin.feed_delivery;
begin
  -- One file at a time; what an import left behind that died is over.
  perform 1 from dunlin.feed f where f.name = feed for no key update;
  update dunlin.feed_delivery d set status = 'failed', ended_at = clock_timestamp(), reason = 'the import did not end'
    where d.feed = feed and d.status = 'taking';
  at := coalesce(at, clock_timestamp());
  day := coalesce(day, (at at time zone what.timezone)::date);
  if day > (at at time zone what.timezone)::date + 7 then
    perform dunlin.fail('DU002', format('a file of %s cannot have come yet', day), 'A file is taken a week ahead at most.');
  end if;
  select d.* into before from dunlin.feed_delivery d where d.feed = feed and d.hash = hash and d.status = 'taken' order by d.id desc limit 1;
  status := 'taking';
  if found and not again then
    status := case when before.day = day then 'known' else 'refused' end;
    reason := format('it is the file that was taken for %s, byte for byte', before.day);
  end if;
  refusals := what.refusals;
  of_day := day;
  if status = 'known' then
    delivery := before.id;
  else
    insert into dunlin.feed_delivery as d (feed, day, file, hash, who, at, status, ended_at, reason)
      values (feed, day, file, hash, who, at, status, case when status = 'refused' then clock_timestamp() end, reason) returning d.id into delivery;
  end if;
  if status = 'refused' then perform dunlin.note_audit(who, 'refuse file', jsonb_build_object('feed', feed, 'day', day, 'file', file, 'reason', reason)); end if;
  return next;
end $$;

-- How it ended: 'taken', 'refused' (nothing of it was written) or 'failed'. Taken, what the missing file kept back joins the line again.
create function dunlin.feed_end(delivery int8, status text, rows_read int8, rows_bad int8, rows_told int8, total numeric, total_told numeric, reason text)
returns table (feed text, day date, woken int)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  d dunlin.feed_delivery;
begin
  update dunlin.feed_delivery x set status = status, ended_at = clock_timestamp(), rows_read = rows_read, rows_bad = rows_bad, rows_told = rows_told,
      total = total, total_told = total_told, reason = reason
    where x.id = delivery and x.status = 'taking' returning x.* into d;
  if not found then perform dunlin.fail('DU035', format('file %s is not being read', delivery), 'Another import of the same feed began meanwhile.'); end if;
  perform dunlin.note_audit(d.who, case status when 'taken' then 'take file' when 'refused' then 'refuse file' else 'fail file' end,
    jsonb_strip_nulls(jsonb_build_object('feed', d.feed, 'day', d.day, 'file', d.file, 'hash', d.hash, 'rows', rows_read, 'bad', rows_bad, 'total', total, 'reason', reason)));
  feed := d.feed; day := d.day;
  woken := case when status = 'taken' then dunlin.wake_stopped(format('contact is stopped: the file of %% of feed `%s` %%', d.feed)) else 0 end;
  return next;
end $$;

-- Contact goes on without the file of that day (null: the one that is missing).
create function dunlin.feed_lift(feed text, reason text, day date default null, at timestamptz default null, who text default null) returns date
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  what dunlin.feed := dunlin.feed_named(feed);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'lifting needs a reason', 'feed_lift(''balances'', ''the bank is closed'')'); end if;
  day := coalesce(day, dunlin.feed_missing(what, coalesce(at, clock_timestamp())));
  if day is null then perform dunlin.fail('DU035', format('no file of feed `%s` is missing', feed), 'Name the day to let one go that is still to come.'); end if;
  insert into dunlin.feed_lift values (feed, day, clock_timestamp(), coalesce(who, session_user::text), reason) on conflict on constraint feed_lift_pkey do nothing;
  perform dunlin.note_audit(who, 'lift feed', jsonb_build_object('feed', feed, 'day', day, 'reason', reason));
  perform dunlin.wake_stopped(format('contact is stopped: the file of %% of feed `%s` %%', feed));
  return day;
end $$;
comment on function dunlin.feed_lift is 'Contact goes on without the file of a day; with a reason, for the audit.';

create function dunlin.feed_status(at timestamptz default null)
returns table (feed text, title text, due text, holds text, expected date, state text, missing_since timestamptz, last_day date, last_at timestamptz, last_file text,
               last_rows int8, last_bad int8, last_total numeric, refused text, kept_back int8)
language sql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select f.name, f.title, to_char(f.due, 'HH24:MI'), case when not f.holds then '' when f.queues = '{}' then 'all contact' else array_to_string(f.queues, ', ') end,
         e.day,
         case when m.day is not null then case when f.holds then 'late, holds' else 'late' end
              when e.day is null then 'not due yet'
              when exists (select 1 from dunlin.feed_delivery d where d.feed = f.name and d.day >= e.day and d.status = 'taken') then 'there' else 'lifted' end,
         case when m.day is not null then (m.day + f.due) at time zone f.timezone end,
         l.day, l.at, l.file, l.rows_read, l.rows_bad, l.total,
         (select d.reason from dunlin.feed_delivery d where d.feed = f.name and d.status = 'refused' and d.id > coalesce(l.id, 0) order by d.id desc limit 1),
         (select count(*) from dunlin.task_open t where m.day is not null and t.wakes is not null and t.status = 0
            and t.reason like format('contact is stopped: the file of %% of feed `%s` %%', f.name))
  from dunlin.feed f
    cross join lateral (select dunlin.feed_expected(f, coalesce($1, clock_timestamp())) as day) e
    cross join lateral (select dunlin.feed_missing(f, coalesce($1, clock_timestamp())) as day) m
    left join lateral (select d.* from dunlin.feed_delivery d where d.feed = f.name and d.status = 'taken' order by d.day desc, d.id desc limit 1) l on true
  where f.declared order by f.name
$$;
comment on function dunlin.feed_status is 'Each feed of the active version: whose file was expected last, whether it is there, late or lifted, and what it keeps back.';

revoke all on dunlin.feed, dunlin.feed_delivery, dunlin.feed_lift from public;
revoke all on function dunlin.queue_stopped, dunlin.next_in_band_unstopped, dunlin.next_in_band, dunlin.stop_hits, dunlin.feed_expected, dunlin.feed_missing, dunlin.wake_stopped, dunlin.declare_feeds, dunlin.feed_named, dunlin.feed_begin, dunlin.feed_end,
  dunlin.feed_status from public;
select dunlin.let('{dunlin_supervisor}', '{feed_lift,feed_status}');
