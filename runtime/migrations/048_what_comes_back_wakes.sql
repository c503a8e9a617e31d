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
