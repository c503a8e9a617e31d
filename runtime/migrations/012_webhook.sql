-- Webhooks: tasks of a queue are sent to a registered address. What is sent is leased first, like by any worker, so limits, stops and rates hold for it too.

create table dunlin.webhook (
  id         int4 generated always as identity primary key,
  name       text not null unique check (name ~ '^[A-Za-z0-9_.-]{1,64}$'),
  queue      text not null,
  url        text not null,
  personal   bool not null default false,   -- fields marked `personal` are sent as they are, not masked
  paused     bool not null default false,
  in_flight  int4 not null default 50 check (in_flight between 1 and 1000),   -- sent or to be sent, and not settled
  tries_max  int2 not null default 8 check (tries_max between 1 and 50),
  generation int4 not null default 1,       -- of its secret, which is not kept here
  created_by text not null,
  created_at timestamptz not null default clock_timestamp()
);

-- The outbox. A row is written in the transaction that leases the task, so neither is there without the other.
create table dunlin.webhook_delivery (
  id          uuid primary key default gen_random_uuid(),   -- the same in every try
  webhook     int4 not null references dunlin.webhook on delete cascade,
  task        uuid not null,
  epoch       int4 not null,
  body        jsonb not null,
  status      text not null default 'waiting' check (status in ('waiting', 'delivered', 'dead', 'dropped')),
  tries       int2 not null default 0,
  next_at     timestamptz not null default clock_timestamp(),
  maybe_sent  bool not null default false,   -- some try may have reached the other end
  answer      int4,                          -- HTTP status of the last try
  reason      text,
  created_at  timestamptz not null default clock_timestamp(),
  ended_at    timestamptz,
  unique (task, epoch),
  check ((status = 'waiting') = (ended_at is null))
);
create index webhook_delivery_waiting on dunlin.webhook_delivery (next_at) where status = 'waiting';
create index webhook_delivery_of on dunlin.webhook_delivery (webhook, created_at);

-- Changes with whatever of it can be edited: for ETag and If-Match.
create function dunlin.webhook_tag(hook dunlin.webhook) returns text
language sql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
  select md5(row(hook.name, hook.queue, hook.url, hook.personal, hook.paused, hook.in_flight, hook.tries_max, hook.generation)::text)
$$;
create function dunlin.queue_tag(setting dunlin.queue_setting) returns text
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select md5(row(setting.name, setting.merge, setting.assign, setting.rate, setting.rate_per, setting.returns_max, setting.lease_max, setting.refused_for,
                 setting.channel, setting.contacts)::text)
$$;

-- Goes before a change in the same transaction: nothing is changed, and nothing noted, where somebody else was faster.
create function dunlin.lock_webhook(name text, tag text) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  hook dunlin.webhook;
begin
  select w.* into hook from dunlin.webhook w where w.name = name for update;
  if not found or dunlin.webhook_tag(hook) is distinct from tag then
    raise exception 'somebody else changed the webhook' using errcode = '40001';
  end if;
end $$;

-- Leases what there is room for, for one webhook; returns how many. `at`: business time.
create function dunlin.fill_outbox(hook int4, at timestamptz) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  what dunlin.webhook;
  room int;
  leased dunlin.leased_task[];
begin
  select w.* into what from dunlin.webhook w where w.id = hook and not w.paused;
  if not found then return 0; end if;
  select what.in_flight - count(*) into room from dunlin.webhook_delivery d where d.webhook = hook and d.status = 'waiting';
  if room <= 0 then return 0; end if;
  -- Before anything is written: a place in line is read with a snapshot that must not know this transaction.
  select array_agg(l) into leased from dunlin.lease(what.queue, worker => 'webhook ' || what.name, n => room, at => at) l;
  if leased is null then return 0; end if;
  insert into dunlin.webhook_delivery (webhook, task, epoch, body)
    select hook, l.task, l.epoch,
           jsonb_build_object('type', 'task.leased', 'task', l.task, 'epoch', l.epoch, 'lease_until', l.lease_until, 'queue', l.queue, 'entity', l.entity,
                              'key', l.key, 'debtor', l.debtor, 'treatment', l.treatment, 'priority', l.priority, 'due', l.due, 'fields', l.fields,
                              'lead', l.lead)
    from unnest(leased) l;
  return cardinality(leased);
end $$;

-- Takes deliveries whose time has come. If whoever takes them is never heard of again they come back after `patience`.
create function dunlin.claim_deliveries(most int, patience interval)
returns table (id uuid, hook int4, name text, url text, personal bool, generation int4, body jsonb, tries int2)
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  update dunlin.webhook_delivery d set next_at = clock_timestamp() + patience, tries = d.tries + 1
  from (select x.id from dunlin.webhook_delivery x join dunlin.webhook h on h.id = x.webhook
        where x.status = 'waiting' and x.next_at <= clock_timestamp() and not h.paused order by x.next_at limit most for update of x skip locked) due,
       dunlin.webhook w
  where d.id = due.id and w.id = d.webhook
  returning d.id, w.id, w.name, w.url, w.personal, w.generation, d.body, d.tries
$$;

-- Keeps the lease while a delivery is tried. False: the lease is over or the task is withdrawn, so there is nothing to send any more.
create function dunlin.keep_for_delivery(delivery uuid) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  d dunlin.webhook_delivery;
  why text;
  state dunlin.lease_state;
begin
  select x.* into d from dunlin.webhook_delivery x where x.id = delivery and x.status = 'waiting';
  if not found then return false; end if;
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

create function dunlin.delivered(delivery uuid, answer int4) returns void
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  update dunlin.webhook_delivery d set status = 'delivered', ended_at = clock_timestamp(), answer = delivered.answer, reason = null
  where d.id = delivery and d.status = 'waiting'
$$;

-- A try failed. After the last one the delivery is dead and so is the task: it stays a dead letter until somebody puts it back into line (redrive()).
create function dunlin.delivery_failed(delivery uuid, answer int4, why text, maybe_sent bool, pause interval) returns text
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

-- False: somebody else changed it since `tag` was read.
create function dunlin.change_queue(queue text, tag text, merge bool, assign text, rate int4, rate_per interval, returns_max int2, lease_max interval,
                                    refused_for interval, channel text, contacts bool, who text, origin text) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  before dunlin.queue_setting := dunlin.setting_of(queue);
  after dunlin.queue_setting;
begin
  select s.* into before from dunlin.queue_setting s where s.queue = before.queue for update;
  if dunlin.queue_tag(before) is distinct from tag then return false; end if;
  begin
    update dunlin.queue_setting s set merge = merge, assign = assign, rate = rate, rate_per = rate_per, returns_max = returns_max, lease_max = lease_max,
        refused_for = refused_for, channel = channel, contacts = contacts
      where s.queue = before.queue returning s.* into after;
  exception when check_violation or not_null_violation then
    perform dunlin.fail('DU002', 'a setting of the queue does not fit: ' || sqlerrm, 'GET /v1/queues/{queue}/settings shows them as they are.');
  end;
  insert into dunlin.audit (who, origin, action, detail)
    values (who, origin, 'change queue', jsonb_build_object('queue', queue, 'before', to_jsonb(before), 'after', to_jsonb(after)));
  return true;
end $$;

revoke all on dunlin.webhook, dunlin.webhook_delivery from public;
revoke all on function dunlin.webhook_tag, dunlin.lock_webhook, dunlin.queue_tag, dunlin.change_queue, dunlin.fill_outbox, dunlin.claim_deliveries, dunlin.keep_for_delivery, dunlin.delivered,
  dunlin.delivery_failed from public;
