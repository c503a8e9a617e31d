-- Times that people and programs write: a date, a local time, an instant. They are read in one way, wherever they come in, and by the bundle's zone: what the zone of a server or of a
-- session happens to be ended a stop of contact the evening before.

alter table dunlin.prepared add column day_starts int4 not null default 0;   -- seconds after midnight at which a day of the bundle begins
update dunlin.prepared set content_hash = '';

-- 2026-05-04: the beginning of that day, as the bundle says. 2026-05-04 08:00: in the bundle's zone; of an hour that comes twice the first one, and the instant of the change for one that
-- does not come. With an offset or a place (Europe/Warsaw): that instant. Nothing else is guessed at. As in files that are imported.
create function dunlin.moment(written text) returns timestamptz
language plpgsql stable strict security definer set search_path = pg_catalog, pg_temp set datestyle = 'ISO, YMD' as $$
declare
  place dunlin.prepared;
  words text := btrim(written);
begin
  if words = '' then return null; end if;
  if words in ('infinity', '-infinity') then return words::timestamptz; end if;
  if words ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?([Zz]|[+-]\d\d(:?\d\d)?|[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_+-]*)+)$' then return words::timestamptz; end if;
  if words ~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?$' then
    select p.* into place from dunlin.prepared p;
    return dunlin.shown_at(words::timestamp + case when words ~ '^\d{4}-\d\d-\d\d$' then coalesce(place.day_starts, 0) else 0 end * interval '1 second',
                           coalesce(place.timezone, 'UTC'));
  end if;
  raise exception using errcode = 'DU022', message = format('`%s` is no time', written),
    hint = '2026-05-04 (the beginning of that day), 2026-05-04 08:00 (both by the bundle''s zone) or 2026-05-04T08:00:00+02:00';
exception when datetime_field_overflow or invalid_time_zone_displacement_value or invalid_parameter_value then
  raise exception using errcode = 'DU022', message = format('`%s` is no time: there is no such day, hour or place', written),
    hint = '2026-05-04, 2026-05-04 08:00 or 2026-05-04T08:00:00+02:00';
end $$;
comment on function dunlin.moment is 'A time as somebody wrote it: a date (the beginning of that day), a local time (both by the bundle''s zone), or an instant with its offset.';
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{moment}');
do $$
declare
  bound name;
begin
  for bound in select l.role from dunlin.bound_login l join pg_roles r on r.rolname = l.role loop
    execute format('grant execute on function dunlin.moment to %I', bound);
  end loop;
end $$;

-- These are otherwise as they were.
do $do$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('post_events', $$(item ->> 'at')::timestamptz$$, $$dunlin.moment(item ->> 'at')$$),
    ('quarantine_retry_within', $$(item ->> 'at')::timestamptz$$, $$dunlin.moment(item ->> 'at')$$),
    ('quarantine_repair', $$(item ->> 'at')::timestamptz$$, $$dunlin.moment(item ->> 'at')$$),
    ('post_statuses', $$(item ->> 'at')::timestamptz$$, $$dunlin.moment(item ->> 'at')$$),
    ('complete_many', $$(item ->> 'at')::timestamptz$$, $$dunlin.moment(item ->> 'at')$$),
    -- A date in a list was midnight, which is the day before where days begin at six; of a file of events it is the beginning of the day.
    ('bulk_read', $$    begin
      if moment !~ '(Z|[+-]\d\d(:?\d\d)?)$' or moment ~ '^\d{4}-\d\d-\d\d$' then moment := (moment::timestamp at time zone zone)::text; end if;
    exception when data_exception then
      null;
    end;
$$, $$    begin
      moment := dunlin.moment(moment)::text;
    exception when data_exception then
      null;
    end;
$$),
    ('bulk_read', $$exception when data_exception then$$, $$exception when data_exception or sqlstate 'DU022' then$$),
    ('bulk_read', $$  zone text := (select p.timezone from dunlin.prepared p);
$$, ''),
    ('stop_contact_within', $$  if until <= clock_timestamp() then$$, $$  if until is null then perform dunlin.fail('DU002', 'a stop needs its end', 'Leave `until` out to lift the stop by hand.'); end if;
  if key is not null and field is not null then perform dunlin.fail('DU002', 'a stop is of one key or of all rows with a value, not both'); end if;
  if until <= clock_timestamp() then$$),
    ('bound_functions', $$post_status,post_statuses,$$, $$post_status,post_statuses,moment,$$),
    -- By the time that the engine has come to: a portfolio may be carried by a virtual clock.
    ('campaign_start_within', $$  if plan then return next; return; end if;
$$, $$  if plan then return next; return; end if;
  if last < (select (least(clock_timestamp(), (select t.at from dunlin.tended t)) at time zone p.timezone)::date from dunlin.prepared p) then
    perform dunlin.fail('DU002', format('the campaign''s last day, %s, is over', last), 'Nothing of it would ever go out.');
  end if;
$$)
  ) c(name, old_text, new_text) loop
    select pg_get_functiondef(p.oid) into strict was from pg_proc p where p.pronamespace = 'dunlin'::regnamespace and p.proname = change.name;
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $do$;
