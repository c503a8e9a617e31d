-- The audit says what was before and what is after: of people who are changed, of a task that gets another worker, of overrides and stops that are lifted.

-- What of somebody at the queues can be changed, under the names of put_workers().
create function dunlin.worker_shown(w dunlin.worker) returns jsonb
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select jsonb_build_object('name', w.full_name, 'head', w.head, 'schedule', w.schedule, 'timezone', w.zone, 'territories', w.territories, 'queues', w.queues,
                            'capacity', w.capacity, 'active', w.active,
                            'skills', (select coalesce(jsonb_agg(concat_ws('..', s.name || ' ' || s.since, s.until) order by s.name), '[]') from dunlin.worker_skill s
                                       where s.worker = w.id and s.kind = 'skill'),
                            'tests', (select coalesce(jsonb_agg(concat_ws('..', s.name || ' ' || s.since, s.until) order by s.name), '[]') from dunlin.worker_skill s
                                      where s.worker = w.id and s.kind = 'test'))
$$;

create function dunlin.worker_shown(name text) returns jsonb
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$ select dunlin.worker_shown(w) from dunlin.worker w where w.name = $1 $$;

-- Somebody was added or changed: one entry with the fields that differ; none where nothing does.
create function dunlin.note_worker(who text, worker text, before jsonb, after jsonb) returns void
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  was jsonb;
  now_is jsonb;
begin
  if before is null then
    perform dunlin.note_audit(who, 'add worker', jsonb_build_object('worker', worker, 'after', jsonb_strip_nulls(after)));
    return;
  end if;
  select jsonb_object_agg(a.key, before -> a.key), jsonb_object_agg(a.key, a.value) into was, now_is from jsonb_each(after) a where before -> a.key is distinct from a.value;
  if now_is is not null then perform dunlin.note_audit(who, 'change worker', jsonb_build_object('worker', worker, 'before', was, 'after', now_is)); end if;
end $$;

create or replace function dunlin.put_workers(rows jsonb, who text default null) returns table (worker text, result text, message text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
  before jsonb;
  changed int := 0;
begin
  if rows is null or jsonb_typeof(rows) <> 'array' then perform dunlin.fail('DU002', 'put_workers() takes a JSON array', '[{"worker": "anna", "schedule": "5/2 from 9 to 18"}]'); end if;
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

-- Behind the guard of that name (migration `desk`).
create or replace function dunlin.reassign_within(task uuid, worker text, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  number int4 := case when worker is not null then dunlin.worker_number(worker) end;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a reassignment needs a reason'); end if;
  perform dunlin.note_audit(who, 'reassign task', jsonb_build_object('task', task, 'worker', worker, 'reason', reason,
                            'before', jsonb_build_object('worker', (select w.name from dunlin.worker w where w.id = open.assigned),
                                                         'held_by', (select w.name from dunlin.worker w where w.id = open.worker and open.status = 1))));
  if open.status = 1 and open.worker is distinct from number then
    -- Whoever held it may have called already.
    if dunlin.give_back(open, 'unknown', null, reason, false) <> 'ready' then return 'withdrawn'; end if;
  end if;
  perform pg_current_xact_id();
  update dunlin.task_open t set assigned = number, seq = nextval('dunlin.turn') where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
  return 'reassigned';
end $$;

create or replace function dunlin.lift_override(override int8, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  gone dunlin.override;
begin
  update dunlin.override o set lifted_at = clock_timestamp() where o.id = override and o.lifted_at is null and o.until > clock_timestamp() returning o.* into gone;
  if gone.id is null then perform dunlin.fail('DU034', format('there is no override %s that stands', override)); end if;
  perform 1 from dunlin.case_file f where f.bucket = gone.bucket and f.case_id = gone.case_id for no key update;
  perform dunlin.note_audit(who, 'lift override', jsonb_strip_nulls(jsonb_build_object('override', override, 'before',
                            jsonb_build_object('entity', gone.entity, 'key', gone.key, 'kind', gone.kind, 'value', gone.value, 'queue', gone.queue, 'since', gone.since,
                                               'until', gone.until, 'reason', gone.reason, 'who', gone.who))));
  perform dunlin.end_override(gone);
end $$;

-- What it was stands beside it as it does where it was made: address, and the value of a field, are for eyes that may see them.
create or replace function dunlin.resume_contact(stop int8, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  feed text;
  gone dunlin.contact_stop;
begin
  select s.feed into feed from dunlin.contact_stop s where s.id = stop and s.lifted_at is null;
  if feed is not null then
    perform dunlin.fail('DU034', format('stop %s stands as long as the file of feed `%s` is missing', stop, feed), 'feed_lift() lets contact go on without it.');
  end if;
  update dunlin.contact_stop s set lifted_at = clock_timestamp() where s.id = stop and s.lifted_at is null returning s.* into gone;
  if not found then perform dunlin.fail('DU034', format('there is no stop %s that holds', stop)); end if;
  perform dunlin.note_audit(who, 'resume contact', jsonb_strip_nulls(jsonb_build_object('stop', stop, 'before',
                            jsonb_build_object('entity', gone.entity, 'key', gone.key, 'field', gone.field, 'value', gone.value, 'address', gone.address, 'queue', gone.queue,
                                               'since', gone.since, 'until', nullif(gone.until, 'infinity'), 'reason', gone.reason, 'who', gone.who))));
  return dunlin.wake_stopped();
end $$;

revoke all on function dunlin.worker_shown(dunlin.worker), dunlin.worker_shown(text), dunlin.note_worker from public;
