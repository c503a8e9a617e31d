-- What a stop of contact, an exclusion or a closed account keeps back is a task all the same, and is there when they are lifted. Whoever holds one is asked for what holds now, not for what
-- was once written down; what waits for the end of a stop or of a hold waits no longer; `queue why` names those only whom a lease would not refuse.

-- ---- what comes back ----

-- A stop, an exclusion, a closed account or a hold calls back the lease, not the task: it stands in line again, and the hand-out asks what holds (give_back(), below). Only a reason that is
-- gone, for a step or for a supervisor, ends it: a step asks for what it wants, and for nothing that others have taken away.

-- As before (036); what comes back has its case file looked at again (048).
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
  if open.called_back = 2 then open.marked := false; end if;  -- it was kept back only, and is a task all the same
  if open.marked then
    perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away while it was worked on'));
    return 'withdrawn';
  end if;
  if counts and open.returns >= setting.returns_max then
    update dunlin.task_open t set status = 6, wakes = 'infinity', marked = false, called_back = null, lease_until = null, worker = null, lead = null, returns = t.returns + 1,
        reason = format('%s; it came back %s times', why, t.returns + 1)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    return 'dead_letter';
  end if;
  update dunlin.task_open t set status = 0, marked = false, called_back = null, lease_until = null, worker = null, lead = null, returns = t.returns + counts::int, reason = why,
      seq = nextval('dunlin.turn'), wakes = case when wakes > clock_timestamp() then wakes end
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  return 'ready';
end $$;

-- Marks of before: only their reason says what made them. Whether a step wants the task is looked at again, for a step did not say so of one that was marked already.
with old as (
  update dunlin.task_open t set called_back = 2 where t.marked and t.called_back is null and t.reason like any ('{contact is stopped: %,override: it is excluded%}') returning t.bucket, t.case_id)
update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01') from (select distinct o.bucket, o.case_id from old o) o
  where f.bucket = o.bucket and f.case_id = o.case_id and not f.set_aside;
update dunlin.contact_stop s set told = true where s.told is null and s.lifted_at is null and s.address is null and s.feed is null;

-- A line that did not go out comes in a later register again, under another number.
alter table dunlin.register_item drop constraint register_item_task_key, add constraint register_item_task_key unique (task, epoch);

-- ---- whoever holds one ----

-- Why its holder should stop, at this moment; null: nobody should. What stops, excludes, closes or holds is asked itself: a lease may be younger than it, and it may have been lifted while somebody
-- had the task. What comes by a limit that counts, by the hours or by news is said by may_contact() to who is about to dial. A line of a register is corrected by its mark.
create function dunlin.why_called_back(open dunlin.task_open) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  why text;
begin
  if open.marked and (open.called_back is null or open.called_back in (1, 5)) then return coalesce(open.reason, 'its reason is gone'); end if;
  if open.lease_until = 'infinity' then return case when open.marked then coalesce(open.reason, 'its reason is gone') end; end if;
  why := coalesce(dunlin.what_calls_back(open), dunlin.forbidden_by(open, dunlin.business_now()));
  return coalesce(why, case when open.called_back >= 4 then 'its reason went away meanwhile' end);
end $$;
revoke all on function dunlin.why_called_back from public;

create or replace function dunlin.heartbeat_within(task uuid, epoch int4) returns dunlin.lease_state
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  why text;
begin
  update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + s.lease) from dunlin.queue_setting s
    where t.task = task and t.status = 1 and t.lease_epoch = epoch and s.queue = t.queue and not s.merge
    returning t.* into open;
  if not found then
    -- What goes together is behind the lock of the case file, as everywhere else.
    open := dunlin.lock_task(task);
    perform dunlin.check_lease(open, epoch);
    update dunlin.task_open t set lease_until = greatest(t.lease_until, clock_timestamp() + s.lease) from dunlin.queue_setting s
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task and s.queue = t.queue
      returning t.* into open;
    perform dunlin.keep_together(open.bucket, open.case_id, coalesce(open.lead, open.task), open.lease_until);
  end if;
  why := dunlin.why_called_back(open);
  return row(open.lease_until, why is not null, why)::dunlin.lease_state;
end $$;

-- No index of task_open has the worker, for a lease would change it. Leases whose end no round has passed yet stand in hand_out by their end.
create or replace function dunlin.withdrawn_tasks_within(worker text) returns table (task uuid, epoch int4, queue text, key text, reason text)
language sql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  with held as (
    select t.* from dunlin.worker w join dunlin.task_open t on t.worker = w.id and t.marked and t.status = 1 where w.name = $1
    union
    select t.* from dunlin.worker w
      join dunlin.hand_out h on h.worker = w.id and h.until < 'infinity' and h.until > coalesce((select max(r.settled) from dunlin.queue_round r), '-infinity')
      join dunlin.task_open t on t.bucket = h.bucket and t.case_id = h.case_id and t.task = h.task and t.lease_epoch = h.epoch and t.worker = w.id and t.status = 1
      where w.name = $1)
  select t.task, t.lease_epoch, s.name, k.key, x.why from held t
    cross join lateral (select dunlin.why_called_back(t) as why) x
    join dunlin.queue_setting s on s.queue = t.queue
    left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id
    where x.why is not null order by 3, 4
$$;

-- Whoever asks reads their own hand-outs, and not those of everybody whose time is not over.
create index hand_out_worker on dunlin.hand_out (worker, until);

-- ---- when it is back in line ----

-- When the last of the stops ends that keep this back now.
create function dunlin.stopped_until(bucket int4, case_id int8, instance_id int8, queue text, at timestamptz) returns timestamptz
language sql stable as $$
  select max(s.until) from dunlin.contact_stop s
  where s.lifted_at is null and s.since <= clock_timestamp() and dunlin.stop_hits(s, $1, $2, $3, $4, null, $5) is not null
$$;
revoke all on function dunlin.stopped_until from public;

-- ---- whom it goes to ----

-- Who of those at work may have a task of a queue that gives not everything to everybody; null: whoever asks.
create or replace function dunlin.whose_text(open dunlin.task_open, setting dunlin.queue_setting, at timestamptz) returns text
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
  names text[] := '{}';
  refusal text;
  why text;
begin
  if setting.needs = '[]' and not setting.ways && '{sticky,territory,skill,one_operator}'
     and not exists (select 1 from dunlin.override o where o.bucket = open.bucket and o.case_id = open.case_id and o.kind = 'worker' and o.lifted_at is null) then
    return null;
  end if;
  if open.assigned is not null then return (select format('it is kept for %s', w.name) from dunlin.worker w where w.id = open.assigned); end if;
  for person in select w.* from dunlin.worker w where w.active order by w.name loop
    continue when dunlin.absent_until(person.id, at) is not null;
    refusal := dunlin.not_for(open, setting, person, at);
    if refusal is null then
      begin
        perform dunlin.check_worker(person, setting, at);  -- as every lease
      exception when sqlstate 'DU040' or sqlstate 'DU041' or sqlstate 'DU042' or sqlstate 'DU043' then
        refusal := sqlerrm;
      end;
    end if;
    if refusal is null then names := names || person.name; else why := coalesce(why, refusal); end if;
  end loop;
  if names = '{}' then return 'nobody who is there may have it' || coalesce(': ' || why, ''); end if;
  return format('it goes to %s', array_to_string(names[1:5], ', ')) || case when cardinality(names) > 5 then format(' or one of %s others', cardinality(names) - 5) else '' end;
end $$;

-- ---- these functions are otherwise as they were ----

do $do$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('extend_within', $$return row(open.lease_until, open.marked, case when open.marked then open.reason end)::dunlin.lease_state;$$,
     $$return (select row(open.lease_until, c.why is not null, c.why)::dunlin.lease_state from (select dunlin.why_called_back(open) as why offset 0) c);$$),
    -- The third way back into a queue, as give_back().
    ('delivery_failed', $$    if open.marked then
      perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away'));$$,
     $$    perform dunlin.look_again(open.bucket, open.case_id);
    if open.marked and open.called_back is distinct from 2 then
      perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away'));$$),
    ('delivery_failed', $$set status = 6, wakes = 'infinity', lease_until$$, $$set status = 6, wakes = 'infinity', marked = false, called_back = null, lease_until$$),
    -- What may end is asked below, as for everybody.
    ('may_contact_within', $$when open.marked then coalesce(open.reason, 'its reason is gone')$$,
     $$when open.marked and open.called_back is distinct from 2 then dunlin.why_called_back(open)$$),
    ('hold_back', $$case when why like 'limits%' then dunlin.refused_for($$,
     $$case when why like 'contact is stopped: %'
                                        then least(nullif(dunlin.stopped_until(open.bucket, open.case_id, open.instance_id, setting.name, at), 'infinity') - at, setting.refused_for)
                                      when why like 'limits%' or why like 'hold `%' then dunlin.refused_for($$),
    ('put_aside', $$clock_timestamp() + setting.refused_for, format('contact is stopped: %s (by %s)', stop.reason, stop.who), stop.value;$$,
     $$clock_timestamp() + least(nullif(stop.until, 'infinity') - at, setting.refused_for), format('contact is stopped: %s (by %s)', stop.reason, stop.who), stop.value;$$),
    ('acknowledge_withdrawal_within', $$(stopped is not true or open.task is null)$$, $$(stopped is not true or open.task is null or open.status <> 1 or open.lease_epoch <> item.epoch)$$),
    ('clock_went_back', $$contact is stopped: %,limits%}$$, $$contact is stopped: %,closed: %,hold `%,limits%}$$),
    ('called_back_text', $$t.called_back is not null then format('as long as this holds: %s', t.reason)$$,
     $$t.called_back is not null and dunlin.why_called_back(t) is not null then format('as long as this holds: %s', dunlin.why_called_back(t))
              when t.called_back is not null then 'nothing any more: what called it back is over'$$)
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $do$;
