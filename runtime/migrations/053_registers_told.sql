-- Whoever took a register. Who ends one of its tasks by the task, and not by its number, tells of one contact and not of two, and the register says what became of the line. A register is no worker:
-- it keeps nobody from a debtor of whom one operator takes care. And a closing that takes effect later is told when it does.

-- ---- a closing that takes effect later ----

alter table dunlin.closed_instance
  add column told    bool not null default false,  -- who holds a task of it has been told
  add column horizon xid8;                          -- transactions before this one may not have known that it holds
update dunlin.closed_instance c set told = true
  where c.since <= clock_timestamp() and not exists (select 1 from dunlin.instance_key k join dunlin.task_open t on t.bucket = k.bucket and t.case_id = k.case_id and t.status = 1
                                                     where k.entity = c.entity and k.key = c.key);
create index closed_instance_telling on dunlin.closed_instance (since) where not told;

-- Marks what somebody holds of that which is closed by now and was not when it was said. Whoever has a lock on one of them, or took one without knowing, is told by the next round.
create function dunlin.tell_closed() returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  moment timestamptz := greatest(dunlin.engine_time(), clock_timestamp());
  over xid8 := pg_snapshot_xmin(pg_current_snapshot());  -- before the look: what ended before it is seen
  open dunlin.task_open;
  why text;
  whole bool := true;
begin
  for open in
    with due as materialized (
      select distinct k.bucket, k.case_id from dunlin.closed_instance c join dunlin.instance_key k on k.entity = c.entity and k.key = c.key where not c.told and c.since <= moment)
    select t.* from due d join dunlin.task_open t on t.bucket = d.bucket and t.case_id = d.case_id where t.status = 1 and t.called_back is null
      order by t.bucket, t.case_id, t.task
  loop
    select t.* into open from dunlin.task_open t
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.lease_epoch = open.lease_epoch and t.status = 1 and t.called_back is null
      for update skip locked;
    if not found then
      whole := false;
      continue;
    end if;
    why := dunlin.closed_reason(open.bucket, open.case_id, open.instance_id, moment);
    continue when why is null;
    update dunlin.task_open t set marked = true, reason = why, called_back = case when t.marked then 6 else 2 end
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  end loop;
  if whole then update dunlin.closed_instance c set told = true where not c.told and c.since <= moment and c.horizon <= over; end if;
  update dunlin.closed_instance c set horizon = pg_snapshot_xmax(pg_current_snapshot()) where not c.told and c.since <= moment and c.horizon is null;
end $$;
revoke all on function dunlin.tell_closed from public;

-- ---- these functions are otherwise as they were ----

-- A step that changes a few words of an older function says which, and leaves the others as they are. Fails where the function does not say `old_text`.
create function dunlin.change_function(name text, old_text text, new_text text) returns void
language plpgsql as $$
declare
  it oid := case when strpos(name, '(') > 0 then ('dunlin.' || name)::regprocedure::oid else ('dunlin.' || name)::regproc::oid end;
  was text := pg_get_functiondef(it);
begin
  if strpos(was, old_text) = 0 then raise exception 'dunlin.% does not say `%`', name, old_text; end if;
  execute replace(was, old_text, new_text);
end $$;
revoke all on function dunlin.change_function from public;

select dunlin.change_function(c.name, c.old_text, c.new_text) from (values
    ('close_account_within', $$coalesce(who, session_user::text))
    on conflict on constraint closed_instance_pkey do update set since = excluded.since, reason = excluded.reason, who = excluded.who;$$,
     $$coalesce(who, session_user::text), coalesce(since <= clock_timestamp(), true))
    on conflict on constraint closed_instance_pkey do update set since = excluded.since, reason = excluded.reason, who = excluded.who, told = excluded.told, horizon = null;$$),
    ('tend_queues', $$(not s.told or s.until <= clock_timestamp())) then return; end if;$$, $$(not s.told or s.until <= clock_timestamp()))
     and not exists (select 1 from dunlin.closed_instance c where not c.told and c.horizon is null and c.since <= clock_timestamp()) then return; end if;$$),
    ('tend_queues', $$  perform dunlin.make_registers(at);$$,
     $$  if exists (select 1 from dunlin.closed_instance c where not c.told and c.since <= greatest(at, clock_timestamp())) then perform dunlin.tell_closed(); end if;
  perform dunlin.make_registers(at);$$),
    -- A late file keeps back what has not gone out. What is on paper stays there, also where something else has it looked at.
    ('what_calls_back', $$why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, moment); end if;$$,
     $$why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, moment); end if;
  if open.lease_until = 'infinity' and why like 'contact is stopped: the file of %' then
    select dunlin.stop_hits(s, open.bucket, open.case_id, open.instance_id, setting.name, null, moment) into why from dunlin.contact_stop s
      where s.lifted_at is null and s.since <= clock_timestamp() and s.feed is null
        and dunlin.stop_hits(s, open.bucket, open.case_id, open.instance_id, setting.name, null, moment) is not null order by s.id limit 1;
  end if;$$),
    -- What is in a register has its contact already, as an attempt at the hour of the register. Its outcome takes the place of that, whoever tells it.
    ('complete', $$and c.epoch = t.lease_epoch and c.kind in ('reserved', 'unknown'))$$,
     $$and c.epoch = t.lease_epoch
                and (c.kind in ('reserved', 'unknown') or (c.kind = 'attempt' and t.lease_until = 'infinity')))$$),
    ('settle_contact', $$and c.kind in ('reserved', 'unknown');$$,
     $$and (c.kind in ('reserved', 'unknown') or (c.kind = 'attempt' and open.lease_until = 'infinity' and kind <> 'unknown'));$$),
    ('outcome_time', $$and c.kind in ('reserved', 'unknown')$$, $$and (c.kind in ('reserved', 'unknown') or (c.kind = 'attempt' and open.lease_until = 'infinity'))$$),
    ('complete', $$  return 'accepted';$$, $$  if open.lease_until = 'infinity' then
    update dunlin.register_item i set last_status = kind.name, status_at = at where i.task = open.task and i.epoch = open.lease_epoch;
  end if;
  return 'accepted';$$),
    -- Nobody is at work on what is in a register: it waits for its status, for weeks or for ever.
    ('hold_back', $$t.status = 1 and t.worker <> hold_back.worker) then$$, $$t.status = 1 and t.lease_until < 'infinity' and t.worker <> hold_back.worker) then$$),
    ('not_for', $$(t.status = 1 or t.listed is not null)$$, $$((t.status = 1 and t.lease_until < 'infinity') or t.listed is not null)$$)
) c(name, old_text, new_text);
