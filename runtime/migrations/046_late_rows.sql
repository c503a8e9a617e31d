-- Rows that come out of order: what the past of a row's values does not tell is remembered here. An instance's values have stood since `dunlin_since`; a row that
-- said the same as of later changed nothing, and is noted in `seen_again`, thousands of instances in one row of it. A row that says something else as of before is
-- older than what is known, and is left alone (docs/semantics.md, "Rows").
create table dunlin.seen_again (
  id     int8 generated always as identity primary key,
  entity text not null,
  as_of  timestamptz not null,
  ids    int8[] not null     -- instances whose row said, as of then, what was known
);
create index seen_again_as_of on dunlin.seen_again (entity, as_of);
alter table dunlin.seen_again alter column ids set storage external;  -- numbers without a pattern: not worth the time of making them small

-- Up to when notes were taken away: whatever an instance's row says as of then or before is older.
create table dunlin.seen_until (
  entity text primary key,
  as_of  timestamptz not null
);
revoke all on dunlin.seen_again, dunlin.seen_until from public;

-- Notes are kept for two weeks of the data's own time. The newest arrival says how far that has come.
create function dunlin.forget_seen(entity text, newest timestamptz) returns void
language sql as $$
  with gone as (delete from dunlin.seen_again s where s.entity = $1 and s.as_of < $2 - interval '14 days' returning s.as_of)
  insert into dunlin.seen_until as u select $1, max(g.as_of) from gone g having count(*) > 0
    on conflict on constraint seen_until_pkey do update set as_of = greatest(u.as_of, excluded.as_of);
$$;
revoke all on function dunlin.forget_seen from public;

-- ---- files of feeds ----

alter table dunlin.feed_delivery add column again bool not null default false;   -- somebody said that it is to be taken all the same

-- As before; and a file of a day before the last that was taken is none of today's, unless `again`.
create or replace function dunlin.feed_begin(feed text, day date, file text, hash text, who text, at timestamptz, again bool default false)
returns table (delivery int8, of_day date, status text, reason text, refusals jsonb)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  what dunlin.feed := dunlin.feed_named(feed);
  before dunlin.feed_delivery;
  newest date;
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
  -- What an older file says is known better by now.
  select max(d.day) into newest from dunlin.feed_delivery d where d.feed = feed and d.status = 'taken';
  if status = 'taking' and not again and day < newest then
    status := 'refused';
    reason := format('it is the file of %s, and the one of %s was taken before it', day, newest);
  end if;
  refusals := what.refusals;
  of_day := day;
  if status = 'known' then
    delivery := before.id;
  else
    insert into dunlin.feed_delivery as d (feed, day, file, hash, who, at, status, ended_at, reason, again)
      values (feed, day, file, hash, who, at, status, case when status = 'refused' then clock_timestamp() end, reason, again) returning d.id into delivery;
  end if;
  if status = 'refused' then perform dunlin.note_audit(who, 'refuse file', jsonb_build_object('feed', feed, 'day', day, 'file', file, 'reason', reason)); end if;
  return next;
end $$;

-- As before; the audit says whether it was taken `again`.
create or replace function dunlin.feed_end(delivery int8, status text, rows_read int8, rows_bad int8, rows_told int8, total numeric, total_told numeric, reason text)
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
    jsonb_strip_nulls(jsonb_build_object('again', nullif(d.again, false), 'feed', d.feed, 'day', d.day, 'file', d.file, 'hash', d.hash, 'rows', rows_read, 'bad', rows_bad, 'total', total, 'reason', reason)));
  feed := d.feed; day := d.day;
  woken := case when status = 'taken' then dunlin.wake_stopped(format('contact is stopped: the file of %% of feed `%s` %%', d.feed)) else 0 end;
  return next;
end $$;

-- ---- figures of events ----

-- How many decimal places a figure of this field has at most; null: it is not limited. Filled with each version.
alter table dunlin.event_field add column digits int4;

create function dunlin.too_exact(value jsonb, digits int4) returns bool
language sql immutable as $$
  select case when digits is null or jsonb_typeof(value) <> 'number' then false else scale(trim_scale(value::numeric)) > digits end
$$;
revoke all on function dunlin.too_exact from public;

-- As before; and a figure with more decimal places than its field has is refused. Whoever reports it hears of it; it used to be rounded when it was read.
create or replace function dunlin.check_payload(type int4, name text, payload jsonb) returns void
language plpgsql stable as $$
#variable_conflict use_variable
declare
  field record;
  fields text;
begin
  if jsonb_typeof(payload) = 'object' then
    perform 1 from dunlin.event_type e where e.id = type and not e.of_request
      and not exists (select 1 from dunlin.event_field f
                      where f.type = type and case when coalesce(jsonb_typeof(payload -> f.name), 'null') = 'null' then not f.optional
                                                   else not dunlin.fits(payload -> f.name, f.kind, f.literals) or dunlin.too_exact(payload -> f.name, f.digits) end)
      and (payload = '{}' or not exists (select 1 from jsonb_object_keys(payload) n(name)
                                         where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name)));
    if found then return; end if;
  end if;
  if exists (select 1 from dunlin.event_type e where e.id = type and e.of_request) then
    perform dunlin.fail('DU030', format('`%s` is no event that somebody reports', name),
                        'It follows from a decision: `dunlin approval approve`, or the pass that grants.');
  end if;
  if jsonb_typeof(payload) <> 'object' then perform dunlin.fail('DU022', format('the payload of `%s` must be a JSON object', name), 'For example {"amount": 12.50}.'); end if;
  for field in select f.name, f.kind, f.optional, f.literals, f.digits, payload -> f.name as value from dunlin.event_field f where f.type = type loop
    if field.value is null or jsonb_typeof(field.value) = 'null' then
      if not field.optional then
        perform dunlin.fail('DU022', format('`%s` lacks the field `%s`', name, field.name), format('It is a %s and must be given.', field.kind));
      end if;
    elsif not dunlin.fits(field.value, field.kind, field.literals) then
      perform dunlin.fail('DU022', format('the field `%s` of `%s` is a %s; %s is none', field.name, name, field.kind, field.value),
        case when field.kind = 'enum' then 'One of ' || array_to_string(field.literals, ', ') || '.'
             when field.kind in ('date', 'time', 'datetime') then 'As a text in ISO 8601, for example "2026-03-31".'
             when field.kind in ('money', 'decimal', 'number', 'int') then 'As a JSON number, without quotes.' end);
    elsif dunlin.too_exact(field.value, field.digits) then
      perform dunlin.fail('DU022', format('the field `%s` of `%s` has %s decimal places at most; %s has more', field.name, name, field.digits, field.value),
                          'Nothing is rounded here: round it where it comes from.');
    end if;
  end loop;
  for field in select n.name from jsonb_object_keys(payload) n(name) where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name) loop
    select string_agg(f.name, ', ' order by f.name) into fields from dunlin.event_field f where f.type = type;
    perform dunlin.fail('DU022', format('`%s` has no field `%s`', name, field.name), 'Fields: ' || coalesce(fields, 'none') || '.');
  end loop;
end $$;

update dunlin.prepared set content_hash = '';
