-- A session that keeps its transaction open keeps what it locked: case files from the engine, the audit from everybody. So those who call end by themselves; a conversation is
-- kept alive as a whole; names of workers that differ in how they are written are one; months of history are made while the engine is at work.

-- ---- open transactions ----

-- As before; and who says nothing for ten seconds within the transaction loses it (the lease with it), unless the session has set a time of its own.
create or replace function dunlin.enter() returns void
language plpgsql as $$
declare
  scope jsonb;
  told text;
begin
  if current_setting('idle_in_transaction_session_timeout') = '0' then told := set_config('idle_in_transaction_session_timeout', '10s', true); end if;
  select l.scope into scope from dunlin.bound_login l where l.role = session_user;
  if found then
    perform pg_catalog.set_config('dunlin.scope', scope::text, true);
  elsif not pg_catalog.pg_has_role(session_user, current_user, 'member') then  -- neither the owner nor a superuser
    if coalesce(pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('dunlin_consumer'), 'member'), false)
       or coalesce(pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('dunlin_supervisor'), 'member'), false) then
      return;
    end if;
    -- A member of a bound login, or one that was given another name since: it has what was granted, and no part.
    perform dunlin.fail('DU037', format('`%s` is bound to no part of its own', session_user), 'dunlin.let_work binds a login by its name, each by itself.');
  end if;
end $$;

-- Entries of the audit are chained, so that one transaction after the other writes them: a person's must not stay open. The engine's own transactions end by themselves.
create or replace function dunlin.note_audit(who text, action text, detail jsonb) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  told text;
begin
  if current_setting('idle_in_transaction_session_timeout') = '0' and current_setting('application_name') not like 'dunlin%' then
    told := set_config('idle_in_transaction_session_timeout', '10s', true);
  end if;
  insert into dunlin.audit (who, origin, action, detail)
    values (coalesce(nullif(who, ''), session_user::text),
            case when session_user = current_user then nullif(current_setting('dunlin.origin', true), '')
                 else 'SQL as ' || session_user || coalesce(' from ' || host(inet_client_addr()), '') end,
            action, detail);
end $$;

-- ---- a conversation is one piece of work ----

create or replace function dunlin.heartbeat_within(task uuid, epoch int4) returns dunlin.lease_state
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  seen record;
begin
  update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + s.lease) from dunlin.queue_setting s
    where t.task = task and t.status = 1 and t.lease_epoch = epoch and s.queue = t.queue and not s.merge
    returning t.lease_until, t.marked, case when t.marked then t.reason end as reason into seen;
  if not found then
    -- What goes together is behind the lock of the case file, as everywhere else.
    open := dunlin.lock_task(task);
    perform dunlin.check_lease(open, epoch);
    update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + s.lease) from dunlin.queue_setting s
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task and s.queue = t.queue
      returning t.lease_until, t.marked, case when t.marked then t.reason end as reason into seen;
    perform dunlin.keep_together(open.bucket, open.case_id, coalesce(open.lead, open.task), seen.lease_until);
  end if;
  return row(seen.lease_until, seen.marked, seen.reason)::dunlin.lease_state;
end $$;

create or replace function dunlin.extend_within(task uuid, epoch int4, lasting interval) returns dunlin.lease_state
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  setting dunlin.queue_setting;
begin
  perform dunlin.check_lease(open, epoch);
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if lasting is null or lasting <= interval '0' or lasting > setting.lease_max then
    perform dunlin.fail('DU002', format('a lease of `%s` lasts up to %s, not %s', setting.name, setting.lease_max, coalesce(lasting::text, 'null')));
  end if;
  update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + lasting)
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task returning t.* into open;
  if setting.merge then perform dunlin.keep_together(open.bucket, open.case_id, coalesce(open.lead, open.task), open.lease_until); end if;
  return row(open.lease_until, open.marked, case when open.marked then open.reason end)::dunlin.lease_state;
end $$;

-- The leases of a conversation end together.
create function dunlin.keep_together(bucket int4, case_id int8, leads uuid, until timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  update dunlin.task_open t set lease_until = greatest(t.lease_until, until)
    where t.bucket = bucket and t.case_id = case_id and t.status = 1 and (t.task = leads or t.lead = leads) and t.lease_until < until;
end $$;

-- ---- names of workers ----

create or replace function dunlin.worker_number(worker text) returns int4
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  number int4;
  other text;
begin
  if coalesce(btrim(worker), '') = '' then
    perform dunlin.fail('DU002', 'a worker needs a name', 'Say who works: lease(queue, worker => ''anna'').');
  end if;
  select w.id into number from dunlin.worker w where w.name = worker;
  if found then return number; end if;
  -- A name that is written in another way would be a worker without the hours and bounds of the one who is meant.
  select w.name into other from dunlin.worker w where lower(regexp_replace(btrim(w.name), '\s+', ' ', 'g')) = lower(regexp_replace(btrim(worker), '\s+', ' ', 'g')) limit 1;
  if found then
    perform dunlin.fail('DU002', format('there is no worker `%s`, but `%s`', worker, other), 'Write the name in the same way each time.');
  end if;
  if worker <> btrim(worker) then
    perform dunlin.fail('DU002', format('the name of the worker `%s` begins or ends with a blank', worker), 'Leave it out.');
  end if;
  insert into dunlin.worker (name) values (worker) on conflict do nothing;
  select w.id into number from dunlin.worker w where w.name = worker;
  return number;
end $$;

-- ---- months of history ----

-- Makes the months of history that are not there yet, two ahead; how many. Looks at one name where all are there. Waits a second at most for who reads them, and leaves it to
-- the next time then.
create function dunlin.keep_months() returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set lock_timeout = '1s' as $$
begin
  if to_regclass('dunlin.state_past_' || to_char(clock_timestamp() at time zone 'UTC' + interval '2 months', 'YYYY_MM')) is not null then return 0; end if;
  return dunlin.make_months();
exception when lock_not_available then
  return 0;
end $$;
comment on function dunlin.keep_months is 'Makes the partitions of history that are missing for this month and the next two; the engine calls it while it is at work.';

revoke all on function dunlin.keep_together, dunlin.keep_months from public;
