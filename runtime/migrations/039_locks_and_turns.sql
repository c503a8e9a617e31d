-- Locks of batches in one order, turns that a dead letter of a webhook gives up, and who took a login's writing away.

-- ---- who ends and fills, in one order: case files, tasks, workers, their days ----

-- Whoever needs several workers locks them by their number.
create function dunlin.lock_workers(workers int4[]) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  perform 1 from dunlin.worker w where w.id = any (workers) order by w.id for no key update;
end $$;
revoke all on function dunlin.lock_workers from public;

-- As before, but the worker before the day: leases, lists and batches take them in that order.
create or replace function dunlin.note_ended(worker int4, setting dunlin.queue_setting, at timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
begin
  select w.* into person from dunlin.worker w where w.id = worker;
  if person.capacity is null then
    if person.territories = '{}' then return; end if;
    if not exists (select 1 from dunlin.territory_capacity c where c.queue = setting.name and c.territory = any (person.territories)) then return; end if;
  end if;
  perform 1 from dunlin.worker w where w.id = worker for no key update;
  insert into dunlin.worker_day (worker, day, queue, ended) values (worker, dunlin.working_day(person, at), setting.queue, 1)
    on conflict on constraint worker_day_pkey do update set ended = worker_day.ended + 1;
  if dunlin.has_list(person, setting) then perform dunlin.top_up(person, setting, at, 1); end if;
end $$;

create or replace function dunlin.complete_many(results jsonb) returns table (task uuid, result text, code text, message text, hint text)
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  item jsonb;
  tasks uuid[];
  looking constant text := '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
begin
  if results is null or jsonb_typeof(results) <> 'array' then
    perform dunlin.fail('DU002', 'complete_many() takes a JSON array', '[{"task": …, "epoch": …, "outcome": …, "payload": {…}, "external_id": …, "at": …}, …]');
  end if;
  perform dunlin.enter();
  tasks := array(select (x ->> 'task')::uuid from jsonb_array_elements(results) x where lower(x ->> 'task') ~ looking);
  if coalesce(current_setting('dunlin.scope', true), '') <> '' then
    -- What is not theirs is refused below, and not held from anybody until then.
    tasks := array(select t.task from dunlin.task_open t where t.task = any (tasks) and dunlin.sees(t.bucket, t.case_id));
  end if;
  -- What the completions lock, each in one order, or two batches could wait for each other: the case files of tasks that go together or one after another, the tasks, and the workers
  -- whose day is counted.
  perform 1 from dunlin.case_file f
    where (f.bucket, f.case_id) in (select t.bucket, t.case_id from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and (s.in_order or s.merge)
                                    where t.task = any (tasks))
    order by f.bucket, f.case_id for no key update;
  perform 1 from dunlin.task_open t where t.task = any (tasks) order by t.task for update;
  perform dunlin.lock_workers(array(select w.id from dunlin.task_open t join dunlin.worker w on w.id = t.worker where t.task = any (tasks) and (w.capacity is not null or w.territories <> '{}')));
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

-- As before, but those whose lists may be filled are locked by their number: they were locked as their turn came, which is by the room they have.
create or replace function dunlin.fill_day_lists_within(at timestamptz default null) returns int
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  moment timestamptz := coalesce(at, clock_timestamp());
  setting dunlin.queue_setting;
  turn record;
  put int;
  all_put int := 0;
  full_up int4[];
begin
  perform pg_advisory_xact_lock(4815162345);
  perform dunlin.clear_lists(moment);
  perform dunlin.lock_workers(array(select w.id from dunlin.worker w where w.active and w.queues <> '{}'));
  for setting in select s.* from dunlin.queue_setting s where s.paused_at is null and s.batch_at is null
                 and exists (select 1 from dunlin.worker w where w.active and s.name = any (w.queues)) order by s.queue loop
    full_up := '{}';
    loop
      -- Who is next: ended and listed today against what they can do.
      select w as person, x.room into turn
        from dunlin.worker w,
          lateral (select dunlin.room_of(w, setting, dunlin.working_day(w, moment))
                     - (select count(*)::int from dunlin.task_open t where t.assigned = w.id and t.listed is not null and t.status <> 1) as room,
                   (select coalesce(sum(d.ended), 0) from dunlin.worker_day d where d.worker = w.id and d.day = dunlin.working_day(w, moment))
                     + (select count(*) from dunlin.task_open t where t.assigned = w.id or (t.status = 1 and t.worker = w.id)) as busy) x
        where w.active and setting.name = any (w.queues) and w.id <> all (full_up) and dunlin.has_list(w, setting) and x.room > 0
        order by case when 'load' = any (setting.ways) then x.busy::numeric / greatest(x.busy + x.room, 1) end, x.room desc, w.name limit 1;
      exit when not found;
      put := dunlin.top_up(turn.person, setting, moment, case when 'load' = any (setting.ways) then 1 else greatest(turn.room / 8, 1) end);
      all_put := all_put + put;
      if put = 0 then full_up := array_append(full_up, (turn.person).id); end if;
    end loop;
  end loop;
  return all_put;
end $$;

-- As before, but those who are there already are locked by their number, not as the rows come.
create or replace function dunlin.put_workers(rows jsonb, who text default null) returns table (worker text, result text, message text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
  before jsonb;
  changed int := 0;
begin
  if rows is null or jsonb_typeof(rows) <> 'array' then perform dunlin.fail('DU002', 'put_workers() takes a JSON array', '[{"worker": "anna", "schedule": "5/2 from 9 to 18"}]'); end if;
  perform dunlin.lock_workers(array(select w.id from dunlin.worker w where w.name in (select x ->> 'worker' from jsonb_array_elements(rows) x)));
  for item in select x from jsonb_array_elements(rows) x loop
    worker := item ->> 'worker'; message := null;
    begin
      before := dunlin.worker_shown(worker);
      perform dunlin.put_worker(item);
      perform dunlin.note_worker(who, worker, before, dunlin.worker_shown(worker));
      result := case when before is null then 'added' else 'changed' end;
      changed := changed + 1;
    exception when sqlstate 'DU002' or sqlstate 'DU034' or sqlstate 'DU001' or check_violation or data_exception or unique_violation then
      result := 'refused';
      message := sqlerrm;
    end;
    return next;
  end loop;
  perform dunlin.note_audit(who, 'import workers', jsonb_build_object('rows', jsonb_array_length(rows), 'taken', changed));
end $$;

-- As before. Whose it is, whether they may and in which isolation is asked by the two that are called, and nothing of it stands where they refuse.
create or replace function dunlin.complete_and_lease(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null,
                                                     worker text default null, lasting interval default null, at timestamptz default null, moment timestamptz default null)
returns setof dunlin.leased_task
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  its_queue text;
  its_worker text;
begin
  select s.name, w.name into its_queue, its_worker from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue left join dunlin.worker w on w.id = t.worker
    where t.task = task;
  if not found then
    -- It may be over already, because the answer to the first call was lost.
    select s.name, w.name into its_queue, its_worker from dunlin.task_done d join dunlin.queue_setting s on s.queue = d.queue left join dunlin.worker w on w.id = d.worker
      where d.task = task order by d.done_at desc limit 1;
  end if;
  perform dunlin.mark_turn();
  perform dunlin.complete(task, epoch, outcome, payload, external_id, at);
  begin
    return query select * from dunlin.lease(its_queue, coalesce(worker, its_worker), 1, lasting, moment);  -- not by `at`: hours and limits are those of now
  exception when sqlstate 'DU040' or sqlstate 'DU041' or sqlstate 'DU042' or sqlstate 'DU043' or sqlstate 'DU044' then
    raise notice 'there is no next task: %', sqlerrm;
  end;
end $$;

-- ---- one after another ----

-- As before, but a task that its webhook buries, or ends, lets the next one of its account in, as every other end does.
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
    perform dunlin.let_next(open);
  exception when sqlstate 'DU010' or sqlstate 'DU011' or sqlstate 'DU012' then
    last := last || '; ' || sqlerrm;
  end;
  update dunlin.webhook_delivery x set status = 'dead', ended_at = clock_timestamp(), reason = last where x.id = delivery;
  return 'dead';
end $$;

-- ---- who writes account data ----

create or replace function dunlin.let_write(role name, entities text[], who text default null) returns int
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  one text;
begin
  if not exists (select 1 from pg_roles r where r.rolname = role) then perform dunlin.fail('DU034', format('there is no role `%s`', role), 'create role … login'); end if;
  if entities is null or array_position(entities, null) is not null then perform dunlin.fail('DU002', 'it is not said which entities', 'let_write(''etl'', ''{account}'')'); end if;
  foreach one in array entities loop
    if to_regclass(format('inflow.%I', one)) is null then
      perform dunlin.fail('DU034', format('there is no table inflow.%s', one),
                          'Tables: ' || coalesce((select string_agg(t.tablename, ', ' order by t.tablename) from pg_tables t where t.schemaname = 'inflow'), 'none; run or apply a bundle first') || '.');
    end if;
  end loop;
  execute format('revoke all on all tables in schema inflow from %I', role);
  execute format('revoke all on schema inflow from %I', role);
  execute format('grant usage on schema inflow to %I', role);
  foreach one in array entities loop
    execute format('grant select, insert, update, delete on inflow.%I to %I', one, role);
  end loop;
  perform dunlin.note_audit(who, 'let write', jsonb_build_object('role', role, 'entities', entities));
  return cardinality(entities);
end $$;

create or replace function dunlin.stop_writing(role name, who text default null) returns bool
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  had bool;
begin
  if not exists (select 1 from pg_roles r where r.rolname = role) then perform dunlin.fail('DU034', format('there is no role `%s`', role), 'select rolname from pg_roles'); end if;
  had := has_schema_privilege(role, 'inflow', 'usage');
  execute format('revoke all on all tables in schema inflow from %I', role);
  execute format('revoke all on schema inflow from %I', role);
  if had then perform dunlin.note_audit(who, 'stop writing', jsonb_build_object('role', role)); end if;
  return had;
end $$;
comment on function dunlin.stop_writing is 'Takes from a login what let_write() gave it; returns whether it had anything.';
