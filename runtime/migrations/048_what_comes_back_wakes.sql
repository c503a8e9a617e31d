-- Whoever holds a task counts as a contact where the other tasks of the case file find their places among its limits. When the task leaves its worker without an outcome no event
-- tells of it, so the step that finds the places anew is asked for: else the others would wait for an instant before which nothing stands any more, and a task whose time was over
-- while it was held would stay in line until something else happens.

-- Each call brings the wake forward a little more: a commit that has read the case file before it sees that it was called, and leaves the wake where it is.
create function dunlin.look_again(bucket int4, case_id int8) returns void
language sql as $$
  update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01') - interval '1 microsecond'
    where f.bucket = $1 and f.case_id = $2 and not f.set_aside
      and exists (select 1 from dunlin.task_body b where b.bucket = $1 and b.case_id = $2 and (b.limits is not null or b.expires < 'infinity'))
$$;
revoke all on function dunlin.look_again from public;
comment on function dunlin.look_again is
  'The next pass of the engine steps this case file, if one of its tasks has limits or an end. Behind the lock of the case file.';

-- As before (045), and the case file is looked at again.
create or replace function dunlin.give_back(open dunlin.task_open, kind text, wakes timestamptz, why text, counts bool) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
begin
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  perform dunlin.settle_contact(open, kind);
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if setting.in_order then perform dunlin.let_next(open); end if;
  perform dunlin.look_again(open.bucket, open.case_id);
  if open.marked then
    -- Nobody but a step asks for it again, and what called it back may end: so the next one does.
    if open.called_back = 2 then
      update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01') where f.bucket = open.bucket and f.case_id = open.case_id and not f.set_aside;
    end if;
    perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away while it was worked on'));
    return 'withdrawn';
  end if;
  if counts and open.returns >= setting.returns_max then
    update dunlin.task_open t set status = 6, wakes = 'infinity', lease_until = null, worker = null, lead = null, returns = t.returns + 1,
        reason = format('%s; it came back %s times', why, t.returns + 1)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    return 'dead_letter';
  end if;
  update dunlin.task_open t set status = 0, lease_until = null, worker = null, lead = null, returns = t.returns + counts::int, reason = why,
      seq = nextval('dunlin.turn'), wakes = case when wakes > clock_timestamp() then wakes end
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  return 'ready';
end $$;

-- As before (005); a dead letter that is put back into line takes a place, too.
create or replace function dunlin.redrive(queue text default null, task uuid default null, who text default null) returns int
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  dead record;
  open dunlin.task_open;
  back int := 0;
begin
  if (queue is null) = (task is null) then perform dunlin.fail('DU002', 'redrive() takes a queue or a task', 'redrive(queue => ''call'') or redrive(task => …).'); end if;
  if queue is not null then setting := dunlin.setting_of(queue); end if;
  if task is not null then
    open := dunlin.lock_task(task);
    if open.status <> 6 then perform dunlin.fail('DU012', format('task %s is no dead letter', task)); end if;
  end if;
  for dead in select t.task from dunlin.task_open t where t.status = 6 and (task is null or t.task = task) and (setting.queue is null or t.queue = setting.queue)
              order by t.seq loop
    open := dunlin.lock_task(dead.task);
    continue when open.status <> 6;
    perform pg_current_xact_id();
    update dunlin.task_open t set status = 0, wakes = null, returns = 0, reason = null, seq = nextval('dunlin.turn')
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    perform dunlin.look_again(open.bucket, open.case_id);
    back := back + 1;
  end loop;
  perform dunlin.note_audit(who, 'redrive', jsonb_build_object('queue', queue, 'task', task, 'tasks', back));
  return back;
end $$;
