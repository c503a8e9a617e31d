-- What people and other programs look at and call. The views over entity tables are made again whenever a program is prepared.

create view dunlin.instance_key as
  select null::text as entity, null::int4 as bucket, null::int8 as case_id, null::int8 as id, null::text as key where false;

create view dunlin.queue as
  select q.name as queue, o.task, o.priority, o.not_before, b.due,
         (array['ready', 'leased', 'done', 'withdrawn', 'expired', 'withheld'])[o.status + 1] as status,
         k.entity, k.key, b.treatment, r.strategy, r.stage, r.name as rule, b.created_at, b.fields
  from dunlin.task_open o
  join dunlin.task_body b using (bucket, case_id, task)
  join dunlin.name q on q.id = o.queue
  left join dunlin.rule r on r.key = b.rule
  left join dunlin.instance_key k on k.bucket = o.bucket and k.case_id = o.case_id and k.id = o.instance_id;

create view dunlin.funnel as
  select t.name as strategy, g.name as stage, count(*) as count
  from dunlin.state s
  join dunlin.name t on t.id = s.strategy
  join dunlin.name g on g.id = s.stage
  group by 1, 2;

-- Is this JSON value one of this kind of field? `kind` is the name of a Dunlin type.
create function dunlin.fits(value jsonb, kind text, literals text[]) returns bool
language plpgsql immutable set search_path = pg_catalog as $$
begin
  if kind = 'bool' then return jsonb_typeof(value) = 'boolean'; end if;
  if kind = 'int' then return jsonb_typeof(value) = 'number' and trunc(value::numeric) = value::numeric and abs(value::numeric) < 9e18; end if;
  if kind in ('decimal', 'money', 'number') then return jsonb_typeof(value) = 'number' and abs(value::numeric) < 9e12; end if;
  if jsonb_typeof(value) <> 'string' then return false; end if;
  if kind = 'enum' then return value #>> '{}' = any (literals); end if;
  if kind = 'date' then return value #>> '{}' ~ '^\d{4}-\d{2}-\d{2}$' and (value #>> '{}')::date is not null; end if;
  if kind = 'time' then return (value #>> '{}')::time is not null; end if;
  if kind = 'datetime' then return (value #>> '{}')::timestamptz is not null; end if;
  return kind = 'text';
exception when data_exception then
  return false;
end $$;

-- Puts an event into the inbox of its case file. The same source and external id again is the same event: it answers 'duplicate' and changes nothing.
create function dunlin.post_event(source text, external_id text, type text, entity text, key text, at timestamptz, payload jsonb default '{}')
returns text
language plpgsql security definer set search_path = pg_catalog, dunlin as $$
#variable_conflict use_variable
declare
  kind  dunlin.event_type;
  place record;
  field record;
  seq   int8;
begin
  select e.* into kind from dunlin.event_type e where e.name = type or (e.alias <> '' and e.alias = type) order by (e.name = type) desc limit 1;
  if not found then raise exception 'there is no event `%`', type using errcode = '22023'; end if;
  if not kind.leaf then raise exception '`%` is not one event but a group of them; name the one that happened', type using errcode = '22023'; end if;
  if kind.owner <> entity then raise exception '`%` belongs to %, not to %', type, kind.owner, entity using errcode = '22023'; end if;
  if at is null then raise exception 'the event has no time' using errcode = '22023'; end if;
  if source is null or external_id is null or external_id = '' then
    raise exception 'an event needs its source and the id it has there, so that it can be told from a repetition' using errcode = '22023';
  end if;
  payload := coalesce(payload, '{}');
  if jsonb_typeof(payload) <> 'object' then raise exception 'the payload must be a JSON object' using errcode = '22023'; end if;
  for field in select f.name, f.kind, f.optional, f.literals, payload -> f.name as value from dunlin.event_field f where f.type = kind.id loop
    if field.value is null or jsonb_typeof(field.value) = 'null' then
      if not field.optional then raise exception '`%` lacks the field `%`', type, field.name using errcode = '22023'; end if;
    elsif not dunlin.fits(field.value, field.kind, field.literals) then
      raise exception 'the field `%` of `%` is a %; % is none', field.name, type, field.kind, field.value using errcode = '22023';
    end if;
  end loop;
  for field in select n.name from jsonb_object_keys(payload) n(name)
               where not exists (select 1 from dunlin.event_field f where f.type = kind.id and f.name = n.name) loop
    raise exception '`%` has no field `%`', type, field.name using errcode = '22023';
  end loop;
  select k.bucket, k.case_id, k.id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then raise exception 'there is no % `%`', entity, key using errcode = '22023'; end if;
  insert into dunlin.event_key values (place.bucket, md5(source || e'\x1f' || external_id)::uuid) on conflict do nothing;
  if not found then return 'duplicate'; end if;
  insert into dunlin.event (bucket, case_id, at, instance_id, type, source, external_id, payload)
    values (place.bucket, place.case_id, at, place.id, kind.id, source, external_id, payload) returning event.seq into seq;
  insert into dunlin.inbox (bucket, at, seq, case_id, kind) values (place.bucket, at, seq, place.case_id, 0);
  return 'accepted';
end $$;
revoke all on function dunlin.post_event from public;
