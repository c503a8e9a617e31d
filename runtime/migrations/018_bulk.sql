-- Events from a list, all of them or none: tried first, agreed to by a second person where this database asks for one, and taken back as long as nobody has
-- acted on them. And stopping contact tells those who hold tasks.

create table dunlin.bulk (
  id         int8 generated always as identity primary key,
  at         timestamptz not null default clock_timestamp(),
  author     text not null,
  reason     text not null check (reason <> ''),
  file       text not null default '',
  events     jsonb not null,
  plan       jsonb not null,                     -- as the author saw it
  status     text not null default 'waiting' check (status in ('waiting', 'posted', 'rejected', 'undone')),
  decided_by text,
  decided_at timestamptz,
  decision   text,
  posted     int8,                               -- events that were new
  undone     int8,
  check (status <> 'rejected' or decided_by is not null)
);
-- The events that came with it and were not known before.
create table dunlin.bulk_event (
  bulk        int8 not null references dunlin.bulk,
  nth         int4 not null,
  source      text not null,
  external_id text not null,
  entity      text not null,
  key         text not null,
  status      text not null default 'posted' check (status in ('posted', 'set_aside', 'undone', 'acted_on')),
  primary key (bulk, nth)
);

-- Lines of a list, as texts by column, as post_events() takes them: [{"event": …, "key": …, "at": …, "id": …, "source": …, others: the fields}, …].
-- An instant without a zone is one of the bundle's. What does not fit its type stays a text and is refused by it.
create function dunlin.bulk_read(lines jsonb, source text) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  line jsonb;
  kind dunlin.event_type;
  field record;
  payload jsonb;
  moment text;
  zone text := (select p.timezone from dunlin.prepared p);
  events jsonb[] := '{}';
begin
  for line in select x from jsonb_array_elements(lines) x loop
    select e.* into kind from dunlin.event_type e where line ->> 'event' in (e.name, nullif(e.alias, '')) order by (e.name = line ->> 'event') desc limit 1;
    payload := '{}';
    for field in select t.key as name, t.value, f.kind from jsonb_each_text(line) t left join dunlin.event_field f on f.type = kind.id and f.name = t.key
                 where t.key not in ('event', 'key', 'at', 'id', 'source', 'root') and t.value <> '' loop
      begin
        payload := payload || jsonb_build_object(field.name, case
          when field.kind in ('int', 'decimal', 'money', 'number') then to_jsonb(field.value::numeric)
          when field.kind = 'bool' then to_jsonb(field.value::bool)
          else to_jsonb(field.value) end);
      exception when data_exception then
        payload := payload || jsonb_build_object(field.name, field.value);
      end;
    end loop;
    moment := nullif(line ->> 'at', '');
    begin
      if moment !~ '(Z|[+-]\d\d(:?\d\d)?)$' or moment ~ '^\d{4}-\d\d-\d\d$' then moment := (moment::timestamp at time zone zone)::text; end if;
    exception when data_exception then
      null;
    end;
    events := events || jsonb_build_object('event', line ->> 'event', 'entity', kind.owner, 'key', line ->> 'key', 'at', moment, 'external_id', line ->> 'id',
                                           'source', coalesce(nullif(line ->> 'source', ''), source), 'payload', payload);
  end loop;
  return to_jsonb(events);
end $$;

-- What post_events() would answer. It is called, and all that it wrote is taken back.
create function dunlin.bulk_try(events jsonb) returns table (nth int, result text, code text, message text, hint text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  answers jsonb;
begin
  begin
    select coalesce(jsonb_agg(to_jsonb(r) order by r.nth), '[]') into answers from dunlin.post_events(events) r;
    raise exception using errcode = 'DU999', message = 'only tried';
  exception when sqlstate 'DU999' then
    null;
  end;
  return query select (x ->> 'nth')::int, x ->> 'result', x ->> 'code', x ->> 'message', x ->> 'hint' from jsonb_array_elements(answers) x;
end $$;
comment on function dunlin.bulk_try is 'What would become of these events: the answers of post_events(), with nothing written.';

create function dunlin.bulk_carry(number int8) returns int8
language plpgsql as $$
#variable_conflict use_variable
declare
  b dunlin.bulk;
  news int8;
begin
  select x.* into b from dunlin.bulk x where x.id = number;
  insert into dunlin.bulk_event (bulk, nth, source, external_id, entity, key, status)
    select number, r.nth, e.value ->> 'source', e.value ->> 'external_id', e.value ->> 'entity', e.value ->> 'key', case r.result when 'accepted' then 'posted' else 'set_aside' end
    from dunlin.post_events(b.events) r join jsonb_array_elements(b.events) with ordinality e(value, place) on e.place = r.nth
    where r.result in ('accepted', 'set_aside');
  select count(*) into news from dunlin.bulk_event x where x.bulk = number and x.status = 'posted';
  return news;
end $$;

-- Posts the events, or keeps them until a second person agrees. All in one transaction: half a list is never there.
create function dunlin.bulk_propose(who text, reason text, file text, events jsonb, plan jsonb) returns table (bulk int8, status text, posted int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'events from a list need a reason', '--reason "the file of 3 March came twice"'); end if;
  if events is null or jsonb_typeof(events) <> 'array' or jsonb_array_length(events) = 0 then perform dunlin.fail('DU002', 'the list has no event that could be posted'); end if;
  status := case when exists (select 1 from dunlin.rule_of_use r where r.name = 'second person' and r.value = 'true') then 'waiting' else 'posted' end;
  insert into dunlin.bulk as b (author, reason, file, events, plan, status) values (who, reason, file, events, plan, status) returning b.id into bulk;
  if status = 'posted' then
    posted := dunlin.bulk_carry(bulk);
    update dunlin.bulk b set posted = bulk_propose.posted, decided_by = who, decided_at = clock_timestamp() where b.id = bulk;
  end if;
  perform dunlin.note_audit(who, case status when 'posted' then 'post list' else 'propose list' end,
    jsonb_strip_nulls(jsonb_build_object('bulk', bulk, 'file', file, 'events', jsonb_array_length(events), 'posted', posted, 'reason', reason)));
  return next;
end $$;

create function dunlin.bulk_waiting(number int8) returns dunlin.bulk
language plpgsql as $$
#variable_conflict use_variable
declare
  b dunlin.bulk;
begin
  select x.* into b from dunlin.bulk x where x.id = number for update;
  if not found then perform dunlin.fail('DU036', format('there is no list %s', number), '`dunlin bulk list` shows them.'); end if;
  if b.status <> 'waiting' then perform dunlin.fail('DU036', format('list %s does not wait: it is %s', number, b.status)); end if;
  return b;
end $$;

create function dunlin.bulk_approve(number int8, who text) returns table (bulk int8, posted int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  b dunlin.bulk := dunlin.bulk_waiting(number);
begin
  if b.author = who then perform dunlin.fail('DU036', format('list %s is of %s; somebody else agrees to it', number, who)); end if;
  bulk := number;
  posted := dunlin.bulk_carry(number);
  update dunlin.bulk x set status = 'posted', posted = bulk_approve.posted, decided_by = who, decided_at = clock_timestamp() where x.id = number;
  perform dunlin.note_audit(who, 'approve list', jsonb_build_object('bulk', number, 'author', b.author, 'posted', posted));
  return next;
end $$;

create function dunlin.bulk_reject(number int8, who text, reason text) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a rejection needs a reason'); end if;
  perform dunlin.bulk_waiting(number);
  update dunlin.bulk x set status = 'rejected', decided_by = who, decided_at = clock_timestamp(), decision = reason where x.id = number;
  perform dunlin.note_audit(who, 'reject list', jsonb_build_object('bulk', number, 'reason', reason));
  return true;
end $$;

-- Takes the events of a list back that no step has read: they are gone as if they had never come, and the same ids may come again. What was read has been
-- acted on and stays; the answer says of how many.
create function dunlin.bulk_undo(number int8, who text, reason text) returns table (undone int8, acted_on int8, kept jsonb)
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
    select x.nth, x.source, x.external_id, x.entity, x.key, x.status, k.bucket, k.case_id from dunlin.bulk_event x
      left join dunlin.instance_key k on k.entity = x.entity and k.key = x.key
      where x.bulk = number and x.status in ('posted', 'set_aside') order by k.bucket, k.case_id, x.nth
  loop
    if item.status = 'set_aside' then
      -- Nobody was told of it; what has been taken in since is an event like any other.
      delete from dunlin.quarantine q where q.kind = 'event' and q.source = item.source and q.external_id = item.external_id and q.resolved_at is null;
      update dunlin.bulk_event x set status = case when found then 'undone' else 'acted_on' end where x.bulk = number and x.nth = item.nth;
      continue;
    end if;
    -- With the row of the case file no step can be reading it: a commit takes this row and counts what it has read.
    perform 1 from dunlin.case_file f where f.bucket = item.bucket and f.case_id = item.case_id for no key update;
    select e.at, e.seq into ours from dunlin.event e where e.bucket = item.bucket and e.case_id = item.case_id and e.source = item.source and e.external_id = item.external_id;
    delete from dunlin.inbox i where i.bucket = item.bucket and i.at = ours.at and i.seq = ours.seq and i.kind = 0;
    if not found then
      update dunlin.bulk_event x set status = 'acted_on' where x.bulk = number and x.nth = item.nth;
      continue;
    end if;
    delete from dunlin.event e where e.bucket = item.bucket and e.case_id = item.case_id and e.at = ours.at and e.seq = ours.seq;
    delete from dunlin.event_key k where k.bucket = item.bucket and k.key = md5(item.source || e'\x1f' || item.external_id)::uuid;
    update dunlin.bulk_event x set status = 'undone' where x.bulk = number and x.nth = item.nth;
  end loop;
  select count(*) filter (where x.status = 'undone'), count(*) filter (where x.status = 'acted_on'),
         coalesce(jsonb_agg(jsonb_build_object('line', x.nth, 'entity', x.entity, 'key', x.key) order by x.nth) filter (where x.status = 'acted_on'), '[]')
    into undone, acted_on, kept from dunlin.bulk_event x where x.bulk = number;
  update dunlin.bulk x set status = 'undone', undone = bulk_undo.undone where x.id = number;
  perform dunlin.note_audit(who, 'undo list', jsonb_build_object('bulk', number, 'undone', undone, 'acted_on', acted_on, 'reason', reason));
  return next;
end $$;
comment on function dunlin.bulk_undo is 'Takes back the events of a list that no step has read yet; says how many had been acted on and stay.';

-- ---- whoever took a list is told ----

alter table dunlin.webhook_delivery add column kind text not null default 'leased' check (kind in ('leased', 'withdrawn'));
alter table dunlin.webhook_delivery drop constraint webhook_delivery_task_epoch_key;
alter table dunlin.webhook_delivery add constraint webhook_delivery_task_epoch_key unique (task, epoch, kind);
create index task_open_marked on dunlin.task_open (task) where marked;

-- A leased task that is marked: its holder should stop. Consumers listen on dunlin_withdrawn and ask withdrawn_tasks(); webhooks are sent a delivery.
create function dunlin.tell_withdrawn() returns trigger language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  insert into dunlin.webhook_delivery (webhook, task, epoch, kind, body)
    select d.webhook, d.task, d.epoch, 'withdrawn', jsonb_build_object('type', 'task.withdrawn', 'task', d.task, 'epoch', d.epoch, 'reason', new.reason)
    from dunlin.webhook_delivery d where d.task = new.task and d.epoch = new.lease_epoch and d.kind = 'leased' and (d.status = 'delivered' or d.maybe_sent)
    on conflict do nothing;
  perform pg_notify('dunlin_withdrawn', coalesce((select w.name from dunlin.worker w where w.id = new.worker), ''));
  return null;
end $$;
create trigger task_withdrawn after update of marked on dunlin.task_open for each row when (new.marked and not old.marked) execute function dunlin.tell_withdrawn();

-- As before, but for deliveries that tell of a withdrawal: these have no lease to keep and no task to bury.
create or replace function dunlin.keep_for_delivery(delivery uuid) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  d dunlin.webhook_delivery;
  why text;
  state dunlin.lease_state;
begin
  select x.* into d from dunlin.webhook_delivery x where x.id = delivery and x.status = 'waiting';
  if not found then return false; end if;
  if d.kind = 'withdrawn' then return true; end if;  -- whoever has the task is told, whatever became of the lease
  begin
    state := dunlin.heartbeat(d.task, d.epoch);
    if not state.withdrawn then return true; end if;
    why := coalesce(state.reason, 'the task was withdrawn');
    if not d.maybe_sent then perform dunlin.release(d.task, d.epoch, reason => why); end if;
  exception when sqlstate 'DU010' or sqlstate 'DU011' or sqlstate 'DU012' then
    why := sqlerrm;
  end;
  update dunlin.webhook_delivery x set status = 'dropped', ended_at = clock_timestamp(), reason = why where x.id = delivery and x.status = 'waiting';
  return false;
end $$;

create or replace function dunlin.delivery_failed(delivery uuid, answer int4, why text, maybe_sent bool, pause interval) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  d dunlin.webhook_delivery;
  what dunlin.webhook;
  open dunlin.task_open;
  member dunlin.task_open;
  last text;
begin
  update dunlin.webhook_delivery x set answer = answer, reason = why, maybe_sent = x.maybe_sent or maybe_sent, next_at = clock_timestamp() + pause
    where x.id = delivery and x.status = 'waiting' returning x.* into d;
  if not found then return 'ended'; end if;
  select w.* into what from dunlin.webhook w where w.id = d.webhook;
  if d.tries < what.tries_max then return 'waiting'; end if;
  last := format('the webhook `%s` gave up after %s tries: %s', what.name, d.tries, why);
  if d.kind = 'withdrawn' then
    update dunlin.webhook_delivery x set status = 'dead', ended_at = clock_timestamp(), reason = last where x.id = delivery;
    return 'dead';
  end if;
  begin
    open := dunlin.lock_task(d.task);
    perform dunlin.check_lease(open, d.epoch);
    -- Nobody knows whether a try that broke off was acted on; that counts as a contact which may have been made.
    perform dunlin.settle_contact(open, case when d.maybe_sent then 'unknown' else 'none' end);
    for member in select t.* from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.lead = d.task and t.status = 1 for update loop
      perform dunlin.give_back(member, 'none', null, last, false);
    end loop;
    if open.marked then
      perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away'));
    else
      update dunlin.task_open t set status = 6, wakes = 'infinity', lease_until = null, worker = null, lead = null, returns = t.returns + 1, reason = last
        where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    end if;
  exception when sqlstate 'DU010' or sqlstate 'DU011' or sqlstate 'DU012' then
    last := last || '; ' || sqlerrm;
  end;
  update dunlin.webhook_delivery x set status = 'dead', ended_at = clock_timestamp(), reason = last where x.id = delivery;
  return 'dead';
end $$;

create function dunlin.withdrawn_tasks(worker text) returns table (task uuid, epoch int4, queue text, key text, reason text)
language sql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select t.task, t.lease_epoch, s.name, k.key, t.reason from dunlin.worker w
    join dunlin.task_open t on t.worker = w.id and t.marked and t.status = 1
    join dunlin.queue_setting s on s.queue = t.queue
    left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id
    where w.name = $1 order by 3, 4
$$;
comment on function dunlin.withdrawn_tasks is 'Tasks that this worker holds and should stop; a notice on channel dunlin_withdrawn says that there are new ones.';

-- Stops contact as stop_contact() does, and marks what workers hold of it, so that they are told. Outcomes of marked tasks are accepted all the same.
create function dunlin.stop_outbound(reason text, entity text, key text, field text, value text, address text, queue text, until timestamptz, who text)
returns table (stop int8, marked int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  made dunlin.contact_stop;
  held record;
  why text;
begin
  -- Case files before the audit, as everywhere. Who leases meanwhile is asked by may_contact().
  perform 1 from dunlin.case_file f where exists (
      select 1 from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and s.contacts
      where t.bucket = f.bucket and t.case_id = f.case_id and t.status = 1 and not t.marked)
    order by f.bucket, f.case_id for no key update;
  stop := dunlin.stop_contact(reason, entity, key, field, value, address, queue, until, who);
  marked := 0;
  select s.* into made from dunlin.contact_stop s where s.id = stop;
  for held in
    select t.bucket, t.case_id, t.task, t.instance_id, s.name as queue from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and s.contacts
      where t.status = 1 and not t.marked order by t.bucket, t.case_id, t.task
  loop
    why := dunlin.stop_hits(made, held.bucket, held.case_id, held.instance_id, held.queue, null, clock_timestamp());
    continue when why is null;
    perform 1 from dunlin.case_file f where f.bucket = held.bucket and f.case_id = held.case_id for no key update skip locked;
    continue when not found;
    update dunlin.task_open t set marked = true, reason = why where t.bucket = held.bucket and t.case_id = held.case_id and t.task = held.task and t.status = 1 and not t.marked;
    if found then marked := marked + 1; end if;
  end loop;
  return next;
end $$;
comment on function dunlin.stop_outbound is 'stop_contact(), and those who hold tasks that it stops are told to stop.';

revoke all on dunlin.bulk, dunlin.bulk_event from public;
revoke all on function dunlin.bulk_read, dunlin.bulk_try, dunlin.bulk_carry, dunlin.bulk_propose, dunlin.bulk_waiting, dunlin.bulk_approve, dunlin.bulk_reject, dunlin.bulk_undo,
  dunlin.tell_withdrawn from public;
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{withdrawn_tasks}');
select dunlin.let('{dunlin_supervisor}', '{stop_outbound}');
