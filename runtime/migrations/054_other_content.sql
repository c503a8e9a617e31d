-- An id that comes again with other content is told from a repetition. And some refusals say what is wrong.

-- ---- the same id, other content ----

-- A field as it is compared: 1 and 1.0 are the same, and so are two spellings of an instant.
create function dunlin.canonical(kind text, value jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
declare
  written text := value #>> '{}';
begin
  return case when kind in ('int', 'decimal', 'money') then trim_scale(written::numeric)::text
              when kind = 'number' then written::float8::text
              when kind = 'date' then written::date::text
              when kind = 'time' then written::time::text
              when kind = 'datetime' then written::timestamptz::text
              else written end;
exception when data_exception then
  return written;
end $$;

-- The fields of an event that came by a file: packed by their numbers (docs/architecture.md), here by their names as a payload has them. Null: these bytes are not understood.
create function dunlin.unpacked(body bytea, type int4) returns jsonb
language plpgsql stable as $$
#variable_conflict use_variable
declare
  place int := 0;
  size int := length(body);
  fields jsonb := '{}';
  numbers int8[];
  number int8;
  shift int;
  kind int;
  name text;
  digits int;
  value jsonb;
begin
  while place < size loop
    numbers := '{}';
    -- The number of the name, a byte for the type, and a number: the value, or how long the text behind it is.
    for part in 1 .. 2 loop
      number := 0; shift := 0;
      loop
        number := number | ((get_byte(body, place) & 127)::int8 << shift);
        shift := shift + 7; place := place + 1;
        exit when get_byte(body, place - 1) < 128;
      end loop;
      numbers := numbers || number;
      if part = 1 then
        kind := get_byte(body, place); place := place + 1;
      end if;
    end loop;
    select n.name into name from dunlin.name n where n.id = numbers[1] and n.kind = 'field';
    if kind % 2 = 1 then
      value := to_jsonb(convert_from(substr(body, place + 1, numbers[2]::int), 'UTF8'));
      place := place + numbers[2]::int;
    else
      number := ((numbers[2] >> 1) & 9223372036854775807) # -(numbers[2] & 1);
      select f.digits into digits from dunlin.event_field f where f.type = type and f.name = name;
      value := case kind / 2
        when 1 then to_jsonb(number <> 0)
        when 2 then to_jsonb(number)
        when 3 then to_jsonb(number * power(10::numeric, -coalesce(digits, 6)))
        when 4 then to_jsonb(case when number << 1 = 0 then 0::float8 else
          case when number < 0 then -1 else 1 end * (1 + (number & 4503599627370495)::float8 / 4503599627370496) * power(2::float8, ((number >> 52) & 2047)::float8 - 1023) end)
        when 5 then to_jsonb(number * power(10::numeric, -coalesce(digits, 2)))
        when 7 then to_jsonb((date '1970-01-01' + number::int)::text)
        when 8 then to_jsonb((time '00:00' + number * interval '1 second')::text)
        when 10 then to_jsonb(timestamptz '1970-01-01 00:00:00+00' + number * interval '1 microsecond')
      end;
      if value is null then return null; end if;
    end if;
    fields := fields || jsonb_build_object(name, value);
  end loop;
  return fields;
exception when data_exception or array_subscript_error or null_value_not_allowed then
  return null;
end $$;

-- Whether two payloads of an event say the same. Of fields that this version does not have nothing is asked.
create function dunlin.same_fields(type int4, one jsonb, other jsonb) returns bool
language sql stable as $$
  select one = other or not exists (select 1 from dunlin.event_field f where f.type = $1
    and dunlin.canonical(f.kind, one -> f.name) is distinct from dunlin.canonical(f.kind, other -> f.name))
$$;

-- An instant of this very transaction is one that the caller's clock gave, not the source: sent again, it is another one each time.
create function dunlin.same_time(one timestamptz, known timestamptz) returns bool
language sql as $$ select one = known or one between transaction_timestamp() and clock_timestamp() $$;

-- Of an id that is known: whether what comes now is what came then. What is no longer kept, or cannot be read, is taken for the same.
create function dunlin.known_event(bucket int4, case_id int8, instance_id int8, type int4, at timestamptz, source text, external_id text, payload jsonb) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  before dunlin.event;
  known jsonb;
begin
  select e.* into before from dunlin.event e
    where e.bucket = bucket and e.case_id = case_id and e.at = at and e.instance_id = instance_id and e.source = source and e.external_id = external_id limit 1;
  if not found then
    select e.* into before from dunlin.event e
      where e.bucket = bucket and e.case_id = case_id and e.instance_id = instance_id and e.source = source and e.external_id = external_id limit 1;
    if not found then return 'duplicate'; end if;
  end if;
  known := case when before.body is not null then dunlin.unpacked(before.body, type) else coalesce(before.payload, '{}') end;
  -- Of an outcome some fields were filled in here, and who tells of it again need not know them.
  if source = 'queue' then payload := coalesce((select jsonb_object_agg(f, known -> f) from unnest('{cost,treatment,task_identity}'::text[]) f where known ? f), '{}') || payload; end if;
  return case when before.type = type and dunlin.same_time(at, before.at) and coalesce(dunlin.same_fields(type, payload, known), true)
              then 'duplicate' else 'differs' end;
end $$;

-- The same for one that waits: `came` and what waits are as dunlin.quarantine keeps them.
create function dunlin.known_aside(source text, external_id text, location text, came jsonb) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  before jsonb;
begin
  select q.body::jsonb into before from dunlin.quarantine q
    where q.kind = 'event' and q.resolved_at is null and q.source = source and q.external_id = external_id and md5(q.location) = md5(location);
  if not found or not before ? 'payload' then return 'duplicate'; end if;
  return case when before ->> 'event' = came ->> 'event' and dunlin.same_time((came ->> 'at')::timestamptz, (before ->> 'at')::timestamptz)
                and dunlin.same_fields((select e.id from dunlin.event_type e where e.name = came ->> 'event'), came -> 'payload', before -> 'payload')
              then 'duplicate' else 'differs' end;
end $$;

create or replace function dunlin.set_event_aside(source text, external_id text, type text, entity text, key text, at timestamptz, payload jsonb, why text) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  came jsonb := jsonb_build_object('event', type, 'entity', entity, 'key', key, 'at', at, 'source', source, 'external_id', external_id, 'payload', payload);
begin
  insert into dunlin.quarantine (at, kind, location, reason, body, source, external_id)
    values (at, 'event', entity || ' ' || key, why, came::text, source, external_id) on conflict do nothing;
  return case when found then 'set_aside' else dunlin.known_aside(source, external_id, entity || ' ' || key, came) end;
end $$;

create or replace function dunlin.set_strange_aside(kind dunlin.event_type, source text, external_id text, key text, at timestamptz, payload jsonb, bucket int4, case_id int8, id int8) returns text
language plpgsql as $$
#variable_conflict use_variable
begin
  if exists (select 1 from dunlin.event e where e.bucket = bucket and e.case_id = case_id and e.instance_id = id and e.source = source and e.external_id = external_id) then
    return dunlin.known_event(bucket, case_id, id, kind.id, at, source, external_id, payload);
  end if;
  return dunlin.set_event_aside(source, external_id, kind.name, kind.owner, key, at, payload,
    format('this version has no event `%s`; `dunlin import replay` takes it in once a version that has it is active', kind.name));
end $$;

-- Of a contact that is known. A number is compared without what stands between its digits.
create function dunlin.known_contact(bucket int4, instance_id int8, source text, external_id text, channel text, at timestamptz, kind text, recipient int8, address text, outcome text)
returns text
language sql as $$
  select case when exists (
    select 1 from dunlin.contact c where c.bucket = $1 and c.instance_id = $2 and c.source = $3 and c.external_id = $4
      and (c.channel is distinct from $5 or not dunlin.same_time($6, c.at) or c.kind <> $7 or c.recipient <> $8 or c.outcome is distinct from $10
           or regexp_replace(lower(c.address), '[ ()/.-]', '', 'g') is distinct from regexp_replace(lower($9), '[ ()/.-]', '', 'g')))
    then 'differs' else 'duplicate' end
$$;

-- For who gave no time: of an id that is known, its own. What is sent again a moment later is a repetition.
create function dunlin.post_event_now(source text, external_id text, type text, entity text, key text, at timestamptz, payload jsonb, timed bool) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  answer text := dunlin.post_event(source, external_id, type, entity, key, at, payload);
  known timestamptz;
begin
  if answer <> 'differs' or timed then return answer; end if;
  select e.at into known from dunlin.instance_key k join dunlin.event e on e.bucket = k.bucket and e.case_id = k.case_id and e.instance_id = k.id
    where k.entity = entity and k.key = key and e.source = source and e.external_id = external_id limit 1;
  if not found then
    select q.at into known from dunlin.quarantine q
      where q.kind = 'event' and q.resolved_at is null and q.source = source and q.external_id = external_id and md5(q.location) = md5(entity || ' ' || key);
  end if;
  return dunlin.post_event(source, external_id, type, entity, key, coalesce(known, at), payload);
end $$;

create function dunlin.record_contact_now(source text, external_id text, entity text, key text, channel text, at timestamptz, kind text, recipient text, address text, outcome text, timed bool)
returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  answer text := dunlin.record_contact(source, external_id, entity, key, channel, at, kind, recipient, address, outcome);
  known timestamptz;
begin
  if answer <> 'differs' or timed then return answer; end if;
  select c.at into known from dunlin.instance_key k join dunlin.contact c on c.bucket = k.bucket and c.instance_id = k.id
    where k.entity = entity and k.key = key and c.source = source and c.external_id = external_id;
  return dunlin.record_contact(source, external_id, entity, key, channel, coalesce(known, at), kind, recipient, address, outcome);
end $$;

revoke all on function dunlin.canonical, dunlin.unpacked, dunlin.same_fields, dunlin.same_time, dunlin.known_event, dunlin.known_aside, dunlin.known_contact, dunlin.post_event_now,
  dunlin.record_contact_now from public;
comment on function dunlin.post_event is
  'Tells that something happened. The same source and external id about the same instance again is the same event. Answers accepted, duplicate, differs (it is known with another time, type or fields, and stays as it was), or set_aside (the account is unknown or closed; quarantine_retry() tries again).';
comment on function dunlin.record_contact is
  'Tells of a contact that no task led to (an agency''s call, an incoming conversation); limits count it. Answers accepted, duplicate, or differs (source and external id are known with other content, which stays as it was).';

-- ---- what was said badly ----

create or replace function dunlin.make_months(ahead int default 2) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if ahead is null or ahead not between 0 and 120 then
    perform dunlin.fail('DU002', format('months are made for 0 to 120 ahead, not for %s', coalesce(ahead::text, 'null')), 'The engine makes two ahead by itself.');
  end if;
  return (select count(*) filter (where dunlin.make_month(h, (date_trunc('month', clock_timestamp() at time zone 'UTC') + m * interval '1 month')::date))::int
          from unnest('{task_done,hand_out,decision,transition,state_past}'::text[]) h, generate_series(0, ahead) m);
end $$;

-- These functions are otherwise as they were.
select dunlin.change_function(c.name, c.old_text, c.new_text) from (values
    ('post_event_within', $$external_id, payload) then 'accepted' else 'duplicate' end;$$,
     $$external_id, payload) then 'accepted'
              else dunlin.known_event(place.bucket, place.case_id, place.id, kind.id, at, source, external_id, payload) end;$$),
    ('record_contact_within', $$'accepted' else 'duplicate' end;$$,
     $$'accepted' else dunlin.known_contact(place.bucket, place.id, source, external_id, channel, at, kind, whom, address, coalesce(full_name, outcome)) end;$$),
    ('quarantine_retry_within', $$    if answer = 'stays' then$$,
     $$    if answer = 'differs' then
      answer := 'stays'; why := 'its source has told of another event, or of other values, under the same id';
    end if;
    if answer = 'stays' then$$),
    -- What differs from the event that is known goes on waiting: somebody has to look at it.
    ('quarantine_repair', $$  perform dunlin.note_audit(who, 'repair event'$$,
     $$  if answer = 'differs' then update dunlin.quarantine q set resolved_at = null where q.id = number; end if;
  perform dunlin.note_audit(who, 'repair event'$$),
    ('post_event_within', $$'Events of ' || coalesce(entity, '?') || ': ' ||
                        coalesce((select string_agg(e.name, ', ' order by e.name) from dunlin.event_type e where e.leaf and e.known and e.owner = entity), 'none') || '.');$$,
     $$case when entity is null or not exists (select 1 from dunlin.event_type e where e.leaf and e.known and e.owner = entity)
                             then 'Events: ' || coalesce((select string_agg(e.name, ', ' order by e.name) from dunlin.event_type e where e.leaf and e.known and not e.of_request), 'none')
                             else 'Events of ' || entity || ': ' || (select string_agg(e.name, ', ' order by e.name) from dunlin.event_type e where e.leaf and e.known and e.owner = entity) end || '.');$$),
    ('complete_many', $$      task := (item ->> 'task')::uuid;$$,
     $$      if lower(item ->> 'task') !~ looking then
        perform dunlin.fail('DU010', format('there is no task %s', item ->> 'task'), 'Use the id that lease() gave.');
      end if;
      if item ->> 'epoch' !~ '^\d{1,9}$' then perform dunlin.fail('DU011', format('`%s` is no epoch of a lease', item ->> 'epoch'), 'Give the epoch that lease() gave.'); end if;
      task := (item ->> 'task')::uuid;$$),
    ('put_workers', $$    worker := item ->> 'worker'; message := null;
    begin$$,
     $$    worker := item ->> 'worker'; message := null;
    begin
      if jsonb_typeof(item) <> 'object' then perform dunlin.fail('DU002', format('a row is an object, not %s', item), '{"worker": "anna", "schedule": "5/2 from 9 to 18"}'); end if;$$),
    ('close_account_within', $$  -- A hand-out of its tasks comes before this, or sees it.$$,
     $$  if since > greatest(clock_timestamp(), (select t.at from dunlin.tended t)) + interval '1 year' then
    perform dunlin.fail('DU002', format('an account is closed from a day within a year, not from %s', since), 'Close it when that day is near.');
  end if;
  -- A hand-out of its tasks comes before this, or sees it.$$),
    ('why', $$  perform dunlin.must_see(task, null$$,
     $$  if task is null then perform dunlin.fail('DU010', 'there is no task null', '`dunlin queue NAME --json` shows the ids.'); end if;
  perform dunlin.must_see(task, null$$),
    ('feed_lift_within', $$  if day is null then$$,
     $$  if day > (coalesce(at, greatest(clock_timestamp(), (select t.at from dunlin.tended t))) at time zone what.timezone)::date + 7 then
    perform dunlin.fail('DU002', format('a file of %s is not due yet', day), 'A day is let go a week ahead at most.');
  end if;
  if day is null then$$),
    ('check_lease', $$  elsif open.status = 1 then$$, $$  elsif epoch not between 1 and open.lease_epoch then
    perform dunlin.fail('DU011', format('task %s was never handed out under lease %s', open.task, epoch), 'Give the epoch that lease() gave.');
  elsif open.status = 1 then$$)
) c(name, old_text, new_text);
