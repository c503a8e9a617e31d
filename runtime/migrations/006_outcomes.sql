-- Outcomes and other events on their way in, the ledger of contacts, and what stops contact.

-- One row an instance, from all entity tables; made again whenever a bundle is prepared.
create or replace view dunlin.instance_key as
  select null::text as entity, null::int4 as bucket, null::int8 as case_id, null::int8 as id, null::text as key, null::int8 as parent where false;

create or replace function dunlin.fits(value jsonb, kind text, literals text[]) returns bool
language plpgsql immutable set search_path = pg_catalog as $$
begin
  if kind = 'bool' then return jsonb_typeof(value) = 'boolean'; end if;
  if kind = 'int' then return jsonb_typeof(value) = 'number' and trunc(value::numeric) = value::numeric and abs(value::numeric) <= 9223372036854775807; end if;
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

-- Names, types and required fields of a payload; the first thing that is wrong is an error.
create function dunlin.check_payload(type int4, name text, payload jsonb) returns void
language plpgsql stable as $$
#variable_conflict use_variable
declare
  field record;
  fields text;
begin
  if jsonb_typeof(payload) <> 'object' then perform dunlin.fail('DU022', format('the payload of `%s` must be a JSON object', name), 'For example {"amount": 12.50}.'); end if;
  for field in select f.name, f.kind, f.optional, f.literals, payload -> f.name as value from dunlin.event_field f where f.type = type loop
    if field.value is null or jsonb_typeof(field.value) = 'null' then
      if not field.optional then
        perform dunlin.fail('DU022', format('`%s` lacks the field `%s`', name, field.name), format('It is a %s and must be given.', field.kind));
      end if;
    elsif not dunlin.fits(field.value, field.kind, field.literals) then
      perform dunlin.fail('DU022', format('the field `%s` of `%s` is a %s; %s is none', field.name, name, field.kind, field.value),
        case when field.kind = 'enum' then 'One of ' || array_to_string(field.literals, ', ') || '.'
             when field.kind in ('date', 'time', 'datetime') then 'As a text in ISO 8601, for example "2026-03-31".'
             when field.kind in ('money', 'decimal', 'number', 'int') then 'As a JSON number, without quotes.' end);
    end if;
  end loop;
  for field in select n.name from jsonb_object_keys(payload) n(name) where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name) loop
    select string_agg(f.name, ', ' order by f.name) into fields from dunlin.event_field f where f.type = type;
    perform dunlin.fail('DU022', format('`%s` has no field `%s`', name, field.name), 'Fields: ' || coalesce(fields, 'none') || '.');
  end loop;
end $$;

-- The leaf of an outcome tree that is meant: by full name, by the name below the tree, by its short name, or by its last word where that is unique.
create function dunlin.outcome_of(setting dunlin.queue_setting, outcome text) returns dunlin.event_type
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_type dunlin.event_type;
  known text;
  n int;
begin
  if outcome is null or outcome = '' then
    select string_agg(coalesce(nullif(e.alias, ''), substr(e.name, length(setting.outcomes) + 2)), ', ' order by e.name) into known
      from dunlin.event_type e where e.leaf and e.name like setting.outcomes || '.%';
    perform dunlin.fail('DU021', format('a task of `%s` is completed with an outcome', setting.name), 'Outcomes: ' || known || '.');
  end if;
  select e.* into found_type from dunlin.event_type e
    where (e.name = setting.outcomes or e.name like setting.outcomes || '.%') and outcome in (e.name, e.alias, substr(e.name, length(setting.outcomes) + 2))
    order by (e.name = outcome) desc, (e.alias = outcome) desc limit 1;
  if not found then
    select count(*) into n from dunlin.event_type e where e.leaf and e.name like setting.outcomes || '.%' and right(e.name, length(outcome) + 1) = '.' || outcome;
    if n = 1 then
      select e.* into found_type from dunlin.event_type e where e.leaf and e.name like setting.outcomes || '.%' and right(e.name, length(outcome) + 1) = '.' || outcome;
    else
      select string_agg(coalesce(nullif(e.alias, ''), substr(e.name, length(setting.outcomes) + 2)), ', ' order by e.name) into known
        from dunlin.event_type e where e.leaf and e.name like setting.outcomes || '.%';
      perform dunlin.fail('DU020', format(case when n = 0 then 'queue `%s` has no outcome `%s`' else 'queue `%s` has several outcomes `%s`' end, setting.name, outcome),
                          'Outcomes: ' || known || '.');
    end if;
  end if;
  if not found_type.leaf then
    select string_agg(substr(e.name, length(setting.outcomes) + 2), ', ' order by e.name) into known
      from dunlin.event_type e where e.leaf and e.name like found_type.name || '.%';
    perform dunlin.fail('DU020', format('`%s` is not one outcome but a group of them', outcome), 'Name the one that happened: ' || known || '.');
  end if;
  return found_type;
end $$;

create function dunlin.contact_kind(outcome text) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  kind text;
begin
  select k.kind into kind from dunlin.outcome_kind k where outcome = k.outcome or outcome like k.outcome || '.%' order by length(k.outcome) desc limit 1;
  return coalesce(kind, 'attempt');
end $$;

-- The instance above (or equal to) this one that is a `owner`.
create function dunlin.owner_of(bucket int4, case_id int8, instance_id int8, owner text) returns int8
language plpgsql stable as $$
#variable_conflict use_variable
declare
  at record;
  id int8 := instance_id;
begin
  for depth in 1..16 loop
    select k.entity, k.parent into at from dunlin.instance_key k where k.bucket = bucket and k.case_id = case_id and k.id = id;
    exit when not found;
    if at.entity = owner then return id; end if;
    id := at.parent;
  end loop;
  perform dunlin.fail('DU032', format('the outcome belongs to a %s, and the task is about none', owner));
  return null;
end $$;

-- Into history and into the inbox of the case file, for the next step. False if the same source and external id came before.
create function dunlin.put_event(bucket int4, case_id int8, instance_id int8, type int4, at timestamptz, source text, external_id text, payload jsonb) returns bool
language plpgsql as $$
#variable_conflict use_variable
declare
  seq int8;
begin
  insert into dunlin.event_key values (bucket, md5(source || e'\x1f' || external_id)::uuid) on conflict do nothing;
  if not found then return false; end if;
  insert into dunlin.event (bucket, case_id, at, instance_id, type, source, external_id, payload)
    values (bucket, case_id, at, instance_id, type, source, external_id, payload) returning event.seq into seq;
  insert into dunlin.inbox (bucket, at, seq, case_id, kind) values (bucket, at, seq, case_id, 0);
  notify dunlin_inbox;  -- once a transaction; looking at the inbox now and then is what counts
  return true;
end $$;

create function dunlin.complete_one(open dunlin.task_open, setting dunlin.queue_setting, kind dunlin.event_type, payload jsonb, external_id text, at timestamptz)
returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  body record;
begin
  if kind.id is not null then
    select b.identity, b.treatment into body from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task;
    payload := jsonb_build_object('cost', setting.cost) || payload || jsonb_build_object('treatment', body.treatment, 'task_identity', body.identity);
    if not dunlin.put_event(open.bucket, open.case_id, dunlin.owner_of(open.bucket, open.case_id, open.instance_id, kind.owner), kind.id, at, 'queue', external_id, payload) then
      perform dunlin.fail('DU013', format('the external id `%s` was used before, for something else', external_id),
                          'Each outcome needs an id of its own; without one the task and its lease are the id.');
    end if;
  end if;
  perform dunlin.finish(open, 2::int2, at, coalesce(kind.name, 'completed'), coalesce(kind.name, null), external_id);
end $$;

create function dunlin.complete(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null, at timestamptz default null)
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
    if lead.task is not null then perform dunlin.settle_contact(lead, dunlin.contact_kind(kind.name), kind.name); end if;
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
    perform dunlin.settle_contact(open, dunlin.contact_kind(kind.name), kind.name);
  end if;
  perform dunlin.complete_one(open, setting, kind, payload, external_id, at);
  return 'accepted';
end $$;
comment on function dunlin.complete is
  'Ends a leased task with an outcome of its queue''s tree and that outcome''s fields; the outcome is an event of the next step. The same call again answers duplicate and changes nothing. `at`: when it happened, if not now.';

create function dunlin.complete_many(results jsonb) returns table (task uuid, result text, code text, message text, hint text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
begin
  if results is null or jsonb_typeof(results) <> 'array' then
    perform dunlin.fail('DU002', 'complete_many() takes a JSON array', '[{"task": …, "epoch": …, "outcome": …, "payload": {…}, "external_id": …, "at": …}, …]');
  end if;
  for item in select x from jsonb_array_elements(results) x loop
    code := null; message := null; hint := null; result := null; task := null;
    begin
      task := (item ->> 'task')::uuid;
      result := dunlin.complete(task, (item ->> 'epoch')::int4, item ->> 'outcome', coalesce(item -> 'payload', '{}'), item ->> 'external_id', (item ->> 'at')::timestamptz);
    exception when sqlstate 'DU000' or sqlstate 'DU001' or sqlstate 'DU002' or sqlstate 'DU010' or sqlstate 'DU011' or sqlstate 'DU012' or sqlstate 'DU013'
                or sqlstate 'DU020' or sqlstate 'DU021' or sqlstate 'DU022' or sqlstate 'DU032' or data_exception then
      get stacked diagnostics code = returned_sqlstate, message = message_text, hint = pg_exception_hint;
      result := 'refused';
    end;
    return next;
  end loop;
end $$;
comment on function dunlin.complete_many is 'complete() for a JSON array; each has its own result: accepted, duplicate or refused with code, message and hint. Refused ones change nothing.';

-- ---- other events ----

create function dunlin.set_event_aside(source text, external_id text, type text, entity text, key text, at timestamptz, payload jsonb, why text) returns text
language plpgsql as $$
#variable_conflict use_variable
begin
  insert into dunlin.quarantine (at, kind, location, reason, body, source, external_id)
    values (at, 'event', entity || ' ' || key, why,
            jsonb_build_object('event', type, 'entity', entity, 'key', key, 'at', at, 'source', source, 'external_id', external_id, 'payload', payload)::text,
            source, external_id)
    on conflict do nothing;
  return case when found then 'set_aside' else 'duplicate' end;
end $$;

create or replace function dunlin.post_event(source text, external_id text, type text, entity text, key text, at timestamptz, payload jsonb default '{}')
returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  kind  dunlin.event_type;
  place record;
  shut  dunlin.closed_instance;
begin
  select e.* into kind from dunlin.event_type e where e.name = type or (e.alias <> '' and e.alias = type) order by (e.name = type) desc limit 1;
  if not found then
    perform dunlin.fail('DU030', format('there is no event `%s`', type),
                        'Events of ' || coalesce(entity, '?') || ': ' ||
                        coalesce((select string_agg(e.name, ', ' order by e.name) from dunlin.event_type e where e.leaf and e.owner = entity), 'none') || '.');
  end if;
  if not kind.leaf then
    perform dunlin.fail('DU031', format('`%s` is not one event but a group of them', type), 'Name the one that happened.');
  end if;
  if kind.owner is distinct from entity then perform dunlin.fail('DU032', format('`%s` belongs to %s, not to %s', type, kind.owner, coalesce(entity, 'null'))); end if;
  if at is null or not isfinite(at) then perform dunlin.fail('DU033', 'the event has no time', 'Say when it happened, with a time zone.'); end if;
  if coalesce(key, '') = '' then perform dunlin.fail('DU033', format('the event does not say whose it is'), format('Give the key of the %s.', entity)); end if;
  if source is null or external_id is null or external_id = '' then
    perform dunlin.fail('DU033', 'an event needs its source and the id it has there', 'So that it can be told from a repetition.');
  end if;
  payload := coalesce(payload, '{}');
  perform dunlin.check_payload(kind.id, type, payload);
  select k.bucket, k.case_id, k.id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then
    return dunlin.set_event_aside(source, external_id, kind.name, entity, key, at, payload, format('there is no %s `%s`', entity, key));
  end if;
  select c.* into shut from dunlin.closed_instance c where c.entity = entity and c.key = key;
  if found and at >= shut.since then
    return dunlin.set_event_aside(source, external_id, kind.name, entity, key, at, payload, format('%s `%s` is closed since %s: %s', entity, key, shut.since, shut.reason));
  end if;
  return case when dunlin.put_event(place.bucket, place.case_id, place.id, kind.id, at, source, external_id, payload) then 'accepted' else 'duplicate' end;
end $$;
comment on function dunlin.post_event is
  'Tells that something happened. The same source and external id again is the same event. Answers accepted, duplicate, or set_aside (the account is unknown or closed; quarantine_retry() tries again).';

create function dunlin.post_events(events jsonb) returns table (nth int, result text, code text, message text, hint text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
begin
  if events is null or jsonb_typeof(events) <> 'array' then
    perform dunlin.fail('DU002', 'post_events() takes a JSON array', '[{"source": …, "external_id": …, "event": …, "entity": …, "key": …, "at": …, "payload": {…}}, …]');
  end if;
  nth := 0;
  for item in select x from jsonb_array_elements(events) x loop
    nth := nth + 1; code := null; message := null; hint := null;
    begin
      result := dunlin.post_event(item ->> 'source', item ->> 'external_id', item ->> 'event', item ->> 'entity', item ->> 'key', (item ->> 'at')::timestamptz,
                                  coalesce(item -> 'payload', '{}'));
    exception when sqlstate 'DU022' or sqlstate 'DU030' or sqlstate 'DU031' or sqlstate 'DU032' or sqlstate 'DU033' or data_exception then
      get stacked diagnostics code = returned_sqlstate, message = message_text, hint = pg_exception_hint;
      result := 'refused';
    end;
    return next;
  end loop;
end $$;
comment on function dunlin.post_events is 'post_event() for a JSON array; each has its own result, refused ones with code, message and hint.';

create function dunlin.quarantine_retry(most int default 1000, source text default null) returns table (result text, events int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  aside record;
  item jsonb;
  answer text;
  why text;
  accepted int8 := 0;
  known int8 := 0;
  stay int8 := 0;
begin
  for aside in select q.id, q.body, q.reason from dunlin.quarantine q where q.kind = 'event' and q.resolved_at is null and (source is null or q.source = source)
               order by q.tried_at nulls first, q.at, q.id limit most for update skip locked loop
    why := null;
    begin
      item := aside.body::jsonb;
      if item ? 'payload' then
        answer := dunlin.post_event(item ->> 'source', item ->> 'external_id', item ->> 'event', item ->> 'entity', item ->> 'key', (item ->> 'at')::timestamptz, item -> 'payload');
        -- Known twice over: in the quarantine, where it came from, or among the events.
        if answer in ('set_aside', 'duplicate') and not exists (select 1 from dunlin.instance_key k where k.entity = item ->> 'entity' and k.key = item ->> 'key') then
          answer := 'stays';
        elsif answer in ('set_aside', 'duplicate') and exists (select 1 from dunlin.closed_instance c where c.entity = item ->> 'entity' and c.key = item ->> 'key'
                                                               and (item ->> 'at')::timestamptz >= c.since) then
          answer := 'stays';
        end if;
      else
        answer := 'stays'; why := 'it was set aside without its fields; import it again';
      end if;
    exception when others then
      answer := 'stays'; why := sqlerrm;
    end;
    if answer = 'stays' then
      stay := stay + 1;
      update dunlin.quarantine q set tried_at = clock_timestamp(), reason = coalesce(why, q.reason) where q.id = aside.id;
    else
      if answer = 'accepted' then accepted := accepted + 1; else known := known + 1; end if;
      update dunlin.quarantine q set tried_at = clock_timestamp(), resolved_at = clock_timestamp() where q.id = aside.id;
    end if;
  end loop;
  return query values ('accepted'::text, accepted), ('duplicate', known), ('set_aside', stay);
end $$;
comment on function dunlin.quarantine_retry is 'Tries events again that were set aside because their account was unknown or closed; what still does not fit stays, with the reason.';

create function dunlin.close_account(entity text, key text, reason text, since timestamptz default null, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'closing needs a reason'); end if;
  if not exists (select 1 from dunlin.instance_key k where k.entity = entity and k.key = key) then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key)); end if;
  insert into dunlin.closed_instance values (entity, key, coalesce(since, clock_timestamp()), reason, coalesce(who, session_user::text))
    on conflict on constraint closed_instance_pkey do update set since = excluded.since, reason = excluded.reason, who = excluded.who;
  perform dunlin.note_audit(who, 'close account', jsonb_build_object('entity', entity, 'key', key, 'since', since, 'reason', reason));
end $$;
comment on function dunlin.close_account is 'Events that bear this instant or a later one are set aside from now on.';

create function dunlin.reopen_account(entity text, key text, who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  delete from dunlin.closed_instance c where c.entity = entity and c.key = key;
  if not found then perform dunlin.fail('DU034', format('%s `%s` is not closed', entity, key)); end if;
  perform dunlin.note_audit(who, 'reopen account', jsonb_build_object('entity', entity, 'key', key));
  return (select count(*) from dunlin.quarantine q where q.kind = 'event' and q.resolved_at is null and q.location = entity || ' ' || key);
end $$;
comment on function dunlin.reopen_account is 'Undoes close_account(); returns how many events of it wait for quarantine_retry().';

-- ---- contact ----

create function dunlin.record_contact(source text, external_id text, entity text, key text, channel text, at timestamptz, kind text default 'attempt',
                                      recipient text default null, address text default null, outcome text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
  whom int8 := 0;
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
  -- With the lock a hand-out that is being decided waits for nothing and sees it, or comes first.
  perform 1 from dunlin.case_file f where f.bucket = place.bucket and f.case_id = place.case_id for no key update;
  insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, source, external_id, address, outcome)
    values (place.bucket, place.case_id, place.id, at, channel, kind, whom, source, external_id, address, outcome) on conflict do nothing;
  return case when found then 'accepted' else 'duplicate' end;
end $$;
comment on function dunlin.record_contact is 'Tells of a contact that no task led to (an agency''s call, an incoming conversation); limits count it. Idempotent by source and external id.';

create function dunlin.may_contact(task uuid, phone text default null, at timestamptz default null, out allowed bool, out reason text)
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
    else coalesce(dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, queue, phone, at), dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at)) end;
  allowed := reason is null;
end $$;
comment on function dunlin.may_contact is 'Asked at the moment of dialling: may this task''s person be contacted now, at this number? The reason if not.';

create function dunlin.stop_contact(reason text, entity text default null, key text default null, field text default null, value text default null,
                                    address text default null, queue text default null, until timestamptz default 'infinity', who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  number int8;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a stop needs a reason', 'stop_contact(''the court forbids it'', entity => ''account'', key => ''A-1'')'); end if;
  if queue is not null then perform dunlin.setting_of(queue); end if;
  if key is not null and not exists (select 1 from dunlin.instance_key k where k.entity = entity and k.key = key) then
    perform dunlin.fail('DU034', format('there is no %s `%s`', coalesce(entity, 'entity for the key'), key));
  end if;
  if field is not null and not exists (select 1 from information_schema.columns c where c.table_schema = 'portfolio' and c.table_name = entity and c.column_name = field) then
    perform dunlin.fail('DU034', format('%s has no field `%s`', coalesce(entity, 'nothing'), field));
  end if;
  if (field is null) <> (value is null) then perform dunlin.fail('DU002', 'a stop by field needs the field and its value'); end if;
  insert into dunlin.contact_stop (entity, key, field, value, address, queue, until, reason, who)
    values (entity, key, field, value, address, queue, until, reason, coalesce(who, session_user::text)) returning id into number;
  perform dunlin.note_audit(who, 'stop contact', jsonb_strip_nulls(jsonb_build_object('stop', number, 'entity', entity, 'key', key, 'field', field, 'value', value,
                            'address', address, 'queue', queue, 'until', until, 'reason', reason)));
  return number;
end $$;
comment on function dunlin.stop_contact is
  'Stops outbound contact at once: of one account or debtor (entity, key), of all rows with a value (entity, field, value: one client), of an address, of a queue, or of everything. Returns the stop''s number.';

create function dunlin.resume_contact(stop int8, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  woken int;
begin
  update dunlin.contact_stop s set lifted_at = clock_timestamp() where s.id = stop and s.lifted_at is null;
  if not found then perform dunlin.fail('DU034', format('there is no stop %s that holds', stop)); end if;
  perform dunlin.note_audit(who, 'resume contact', jsonb_build_object('stop', stop));
  update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
    where t.wakes is not null and t.status = 0 and t.reason like 'contact is stopped: %';
  get diagnostics woken = row_count;
  return woken;
end $$;
comment on function dunlin.resume_contact is 'Lifts a stop; the tasks it kept back join the line again and are looked at anew. Returns how many.';

-- ---- who may call what ----

revoke all on all functions in schema dunlin from public;
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{lease,heartbeat,extend,release,complete,complete_many,post_event,post_events,may_contact,record_contact}');
select dunlin.let('{dunlin_supervisor}', '{turn_over,withdraw,reassign,pause_queue,resume_queue,redrive,quarantine_retry,close_account,reopen_account,stop_contact,resume_contact}');
