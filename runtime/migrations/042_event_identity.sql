-- An event is known by its source, its id there and what it is about (docs/decisions/0037): an id that a source uses for two accounts is two events, in whatever buckets these lie.
-- And whoever puts an event into the inbox wakes the steps.

-- ---- the name of an event ----

-- The length of the source stands before it, so that no other source and id make the same text.
create function dunlin.event_key_of(source text, external_id text, instance_id int8) returns uuid
language sql immutable as $$ select md5(instance_id::text || ' ' || length(source)::text || ' ' || source || external_id)::uuid $$;
revoke all on function dunlin.event_key_of from public;
comment on function dunlin.event_key_of is 'The key in dunlin.event_key of an event about an instance. Keys of before migration 042 are md5(source || e''\x1f'' || external_id)::uuid.';
comment on table dunlin.event_key is
  'Events that came with an id. A key of before migration 042 does not say what the event is about: there the event itself is asked. Such keys are never made any more, and never taken away.';

-- What waits for its account is told apart in the same way.
drop index dunlin.quarantine_event;
create unique index quarantine_event on dunlin.quarantine (source, external_id, md5(location)) where kind = 'event' and external_id is not null and resolved_at is null;
drop index dunlin.contact_external;
create unique index contact_external on dunlin.contact (bucket, source, external_id, instance_id) where external_id is not null;

-- ---- telling ----

-- Wakes the schedulers that listen (`dunlin serve`). Of all transactions that tell somebody only one can commit at a time, so of those that run at the same moment few
-- tell: whoever is told looks once more a moment later, and finds what the others have committed meanwhile. Nothing hangs on it: schedulers look by themselves as well.
create function dunlin.tell_event() returns void
language plpgsql as $$
begin
  if pg_try_advisory_xact_lock(48151624, pg_backend_pid() & 3) then perform pg_notify('dunlin', 'event'); end if;
end $$;
revoke all on function dunlin.tell_event from public;

-- Into history and into the inbox of the case file, for the next step. False if the same source, external id and instance came before. Not for outcomes one by one, which
-- complete_one() puts there and nobody is told of.
create or replace function dunlin.put_event(bucket int4, case_id int8, instance_id int8, type int4, at timestamptz, source text, external_id text, payload jsonb) returns bool
language plpgsql as $$
#variable_conflict use_variable
begin
  insert into dunlin.event_key values (bucket, dunlin.event_key_of(source, external_id, instance_id)) on conflict do nothing;
  if not found then return false; end if;
  if exists (select 1 from dunlin.event_key k where k.bucket = bucket and k.key = md5(source || e'\x1f' || external_id)::uuid)
     and exists (select 1 from dunlin.event e where e.bucket = bucket and e.case_id = case_id and e.instance_id = instance_id and e.source = source and e.external_id = external_id) then
    return false;  -- it came before migration 042; now it has its key
  end if;
  with told as (
    insert into dunlin.event (bucket, case_id, at, instance_id, type, source, external_id, payload)
      values (bucket, case_id, at, instance_id, type, source, external_id, payload) returning event.seq)
  insert into dunlin.inbox (bucket, at, seq, case_id, kind) select bucket, at, t.seq, case_id, 0 from told t;
  perform dunlin.tell_event();
  return true;
end $$;

-- The task into history, its outcome into history and into the inbox of the case file (as put_event() does it), in one statement.
create or replace function dunlin.complete_one(open dunlin.task_open, setting dunlin.queue_setting, kind dunlin.event_type, payload jsonb, external_id text, at timestamptz)
returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  owner int8;
begin
  if kind.id is null then
    perform dunlin.finish(open, 2::int2, at, 'completed', null, external_id);
    return;
  end if;
  owner := dunlin.owner_of(open.bucket, open.case_id, open.instance_id, kind.owner);
  with gone as (delete from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task returning t.task),
       body as (delete from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task returning b.*),
       done as (
         insert into dunlin.task_done (bucket, case_id, task, instance_id, queue, priority, status, not_before, identity, rule, recipient, stage, standing, stays,
             treatment, created_at, due, expires, time_window, fields, done_at, reason, outcome, external_id, worker, lease_epoch)
           select open.bucket, open.case_id, open.task, open.instance_id, open.queue, open.priority, 2, open.not_before, b.identity, b.rule, b.recipient,
             b.stage, b.standing, b.stays, b.treatment, b.created_at, open.due, b.expires, b.time_window, b.fields, at, kind.name, kind.name, external_id, open.worker,
             open.lease_epoch
           from gone g join body b on b.task = g.task),
       -- An id of one's own may have been used before migration 042, when its key was another one; a task and its lease are never used again.
       fresh as (
         insert into dunlin.event_key select open.bucket, dunlin.event_key_of('queue', external_id, owner)
           where external_id = format('%s:%s', open.task, open.lease_epoch)
              or not exists (select 1 from dunlin.event_key k where k.bucket = open.bucket and k.key = md5('queue' || e'\x1f' || external_id)::uuid)
              or not exists (select 1 from dunlin.event e where e.bucket = open.bucket and e.case_id = open.case_id and e.instance_id = owner and e.source = 'queue'
                               and e.external_id = external_id)
           on conflict do nothing returning 1),
       told as (
         insert into dunlin.event (bucket, case_id, at, instance_id, type, source, external_id, payload)
           select open.bucket, open.case_id, at, owner, kind.id, 'queue', external_id,
             jsonb_build_object('cost', setting.cost) || payload || jsonb_build_object('treatment', b.treatment, 'task_identity', b.identity)
           from fresh left join body b on true returning event.seq)
  insert into dunlin.inbox (bucket, at, seq, case_id, kind) select open.bucket, at, t.seq, open.case_id, 0 from told t;
  if not found then
    perform dunlin.fail('DU013', format('the external id `%s` was used before, for something else', external_id),
                        'Each outcome needs an id of its own; without one the task and its lease are the id.');
  end if;
end $$;

comment on function dunlin.post_event is
  'Tells that something happened. The same source and external id about the same instance again is the same event. Answers accepted, duplicate, or set_aside (the account is unknown or closed; quarantine_retry() tries again).';

-- ---- lists ----

-- Takes the events of a list back that no step has read: they are gone as if they had never come, and the same ids may come again. What was read has been
-- acted on and stays; the answer says of how many.
create or replace function dunlin.bulk_undo(number int8, who text, reason text) returns table (undone int8, acted_on int8, kept jsonb)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  b dunlin.bulk;
  item record;
  ours record;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'undoing needs a reason'); end if;
  select x.* into b from dunlin.bulk x where x.id = number for update;
  if not found then perform dunlin.fail('DU036', format('there is no list %s', number), '`dunlin bulk list` shows them.'); end if;
  if b.status <> 'posted' then perform dunlin.fail('DU036', format('list %s was not posted: it is %s', number, b.status)); end if;
  for item in
    select x.nth, x.source, x.external_id, x.entity, x.key, x.status, k.bucket, k.case_id, k.id from dunlin.bulk_event x
      left join dunlin.instance_key k on k.entity = x.entity and k.key = x.key
      where x.bulk = number and x.status in ('posted', 'set_aside') order by k.bucket, k.case_id, x.nth
  loop
    if item.status = 'set_aside' then
      -- Nobody was told of it; what has been taken in since is an event like any other.
      delete from dunlin.quarantine q where q.kind = 'event' and q.source = item.source and q.external_id = item.external_id
        and q.location = item.entity || ' ' || item.key and q.resolved_at is null;
      update dunlin.bulk_event x set status = case when found then 'undone' else 'acted_on' end where x.bulk = number and x.nth = item.nth;
      continue;
    end if;
    -- With the row of the case file no step can be reading it: a commit takes this row and counts what it has read.
    perform 1 from dunlin.case_file f where f.bucket = item.bucket and f.case_id = item.case_id for no key update;
    select e.at, e.seq into ours from dunlin.event e where e.bucket = item.bucket and e.case_id = item.case_id and e.instance_id = item.id and e.source = item.source
      and e.external_id = item.external_id;
    delete from dunlin.inbox i where i.bucket = item.bucket and i.at = ours.at and i.seq = ours.seq and i.kind = 0;
    if not found then
      update dunlin.bulk_event x set status = 'acted_on' where x.bulk = number and x.nth = item.nth;
      continue;
    end if;
    delete from dunlin.event e where e.bucket = item.bucket and e.case_id = item.case_id and e.at = ours.at and e.seq = ours.seq;
    delete from dunlin.event_key k where k.bucket = item.bucket and k.key = dunlin.event_key_of(item.source, item.external_id, item.id);
    update dunlin.bulk_event x set status = 'undone' where x.bulk = number and x.nth = item.nth;
  end loop;
  select count(*) filter (where x.status = 'undone'), count(*) filter (where x.status = 'acted_on'),
         coalesce(jsonb_agg(jsonb_build_object('line', x.nth, 'entity', x.entity, 'key', x.key) order by x.nth) filter (where x.status = 'acted_on'), '[]')
    into undone, acted_on, kept from dunlin.bulk_event x where x.bulk = number;
  update dunlin.bulk x set status = 'undone', undone = bulk_undo.undone where x.id = number;
  perform dunlin.note_audit(who, 'undo list', jsonb_build_object('bulk', number, 'undone', undone, 'acted_on', acted_on, 'reason', reason));
  return next;
end $$;
