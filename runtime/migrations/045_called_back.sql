-- Who took something hears of what became of it: what is called back stays called back while its reason holds, whoever took a register is told of each line that is withdrawn after it was
-- made, a closed account is nobody's work any more, a task is given only to somebody who is there, and no open transaction holds up a stop of contact.

-- ---- the audit: numbered and chained at the end of a transaction ----

-- The chain is one row, and whoever has it keeps all others waiting. So an entry is written down at once, under a number that only its own transaction ever sees (below zero), and gets its
-- place in the chain when its transaction commits: the row of the chain is locked for that moment, and behind all other locks.
create sequence dunlin.audit_waiting minvalue -9000000000000000 start -9000000000000000;

create or replace function dunlin.chain_audit() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if tg_when = 'BEFORE' then
    new.id := nextval('dunlin.audit_waiting');
    new.previous := null;
    new.hash := null;
    return new;
  end if;
  update dunlin.audit a set hash = '\x' where a.id = new.id;  -- refuse_audit_change() lets an entry take its place, and nothing else
  return null;
end $$;

-- The only change of an entry is that it takes its place, once; whatever else the change says is not heard.
create or replace function dunlin.refuse_audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  head dunlin.audit_head;
begin
  if tg_op = 'UPDATE' then
    if old.hash is null then
      select * into head from dunlin.audit_head for update;
      new := old;
      new.id := head.id + 1;
      new.previous := head.hash;
      new.hash := dunlin.audit_hash(head.hash, new);
      update dunlin.audit_head set id = new.id, hash = new.hash;
      return new;
    end if;
  end if;
  raise exception 'the audit is only ever added to' using errcode = '42501';
end $$;

create constraint trigger audit_chained after insert on dunlin.audit deferrable initially deferred for each row execute function dunlin.chain_audit();

-- As before. What this transaction itself has written takes its place first; an entry that stands outside of the chain is no entry.
create or replace function dunlin.audit_verify(anchor_id int8 default null, anchor_hash bytea default null)
returns table (good bool, entries int8, at_entry int8, what text, head bytea)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  entry dunlin.audit;
  last dunlin.audit_head;
  running bytea := '\x';
  expected int8 := 0;
begin
  set constraints dunlin.audit_chained immediate;
  set constraints dunlin.audit_chained deferred;
  for entry in select a.* from dunlin.audit a order by a.id loop
    if entry.id <= 0 or entry.hash is null then
      return query select false, expected, entry.id, format('entry %s stands outside of the chain', entry.id), running;
      return;
    end if;
    expected := expected + 1;
    if entry.id <> expected then
      return query select false, expected - 1, expected, format('entry %s is missing', expected), running;
      return;
    end if;
    if entry.previous is distinct from running or entry.hash is distinct from dunlin.audit_hash(running, entry) then
      return query select false, expected - 1, expected, format('entry %s was changed', expected), running;
      return;
    end if;
    running := entry.hash;
    if expected = anchor_id and anchor_hash is distinct from running then
      return query select false, expected, expected, format('entry %s is not the one that was anchored: the chain was written anew', expected), running;
      return;
    end if;
  end loop;
  select h.* into last from dunlin.audit_head h;
  if last.id is distinct from expected or last.hash is distinct from running then
    return query select false, expected, expected + 1, format('the audit ends at entry %s, but %s were written', expected, coalesce(last.id, 0)), running;
    return;
  end if;
  if anchor_id > expected then
    return query select false, expected, expected + 1, format('the anchored entry %s is not there', anchor_id), running;
    return;
  end if;
  return query select true, expected, null::int8, 'whole'::text, running;
end $$;

-- ---- closed accounts ----

alter table dunlin.case_file add column closed bool;
comment on column dunlin.case_file.closed is 'Something in it was closed (dunlin.closed_instance): its tasks are asked what, before they go out.';
update dunlin.case_file f set closed = true
  from dunlin.closed_instance c join dunlin.instance_key k on k.entity = c.entity and k.key = c.key where f.bucket = k.bucket and f.case_id = k.case_id;

-- That the instance, or one that it hangs on, is closed; null: it is not. Whoever closes goes by the clock, and time that is asked about may lie behind it.
create function dunlin.closed_reason(bucket int4, case_id int8, instance_id int8, at timestamptz) returns text
language sql stable as $$
  with recursive up as (
    select k.id, k.entity, k.key, k.parent from dunlin.instance_key k where k.bucket = $1 and k.case_id = $2 and k.id = $3
    union select k.id, k.entity, k.key, k.parent from up join dunlin.instance_key k on k.bucket = $1 and k.case_id = $2 and k.id in (up.parent, $2))
  select format('closed: the %s `%s` is closed since %s: %s (by %s)', c.entity, c.key, c.since, c.reason, c.who)
  from up join dunlin.closed_instance c on c.entity = up.entity and c.key = up.key
  where c.since <= greatest($4, clock_timestamp()) order by c.since limit 1
$$;

create or replace function dunlin.hold_back(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool, out why text, out again timestamptz)
language plpgsql stable as $$
declare
  told dunlin.override;
  seen record;
  earlier uuid;
begin
  select f.set_aside, f.closed, b.expires, b.time_window,
      exists (select 1 from dunlin.inbox i where i.bucket = open.bucket and i.case_id = open.case_id and i.at <= hold_back.at) as news,
      exists (select 1 from dunlin.override o where o.bucket = open.bucket and o.case_id = open.case_id and o.lifted_at is null) as overridden
    into seen from dunlin.case_file f left join dunlin.task_body b on b.bucket = f.bucket and b.case_id = f.case_id and b.task = open.task
    where f.bucket = open.bucket and f.case_id = open.case_id;
  if seen.set_aside then
    why := 'its case file is set aside'; again := clock_timestamp() + interval '1 minute'; return;
  elsif seen.news then
    why := 'news about its case file has not been read yet'; again := clock_timestamp() + interval '5 seconds'; return;
  elsif seen.expires <= at then
    why := 'it has expired'; again := clock_timestamp() + interval '1 minute'; return;
  end if;
  if seen.closed then
    why := dunlin.closed_reason(open.bucket, open.case_id, open.instance_id, at);
    if why is not null then
      again := clock_timestamp() + interval '1 day';  -- who opens it again brings it back at once
      return;
    end if;
  end if;
  if setting.assign = 'one_operator' then
    if exists (select 1 from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1 and t.worker <> hold_back.worker) then
      why := 'another worker is at this case file'; again := clock_timestamp() + interval '1 minute'; return;
    end if;
  end if;
  if setting.in_order then
    earlier := dunlin.goes_before(open, setting, at);
    if earlier is not null then
      -- Its end brings this one back at once; what the engine itself takes out of line is seen after this. Looking more often than the earlier one can go would cost every lease.
      why := format('in order: task %s was made before it, or is with a worker', earlier);
      select clock_timestamp() + interval '30 seconds' + greatest(case when t.status = 1 then t.lease_until - clock_timestamp()
                                                                       else least(t.wakes - clock_timestamp(), interval '5 minutes') end, interval '0') into again
        from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = earlier;
      return;
    end if;
  end if;
  if setting.merge then
    if exists (select 1 from dunlin.task_open t join dunlin.task_body tb on (tb.bucket, tb.case_id, tb.task) = (t.bucket, t.case_id, t.task),
                 dunlin.task_body b
               where t.bucket = open.bucket and t.case_id = open.case_id and t.queue = open.queue and t.status = 1 and t.task <> open.task
                 and (b.bucket, b.case_id, b.task) = (open.bucket, open.case_id, open.task) and tb.recipient = b.recipient
                 and dunlin.merges_with(t, open, setting)) then
      why := 'somebody is at work on another account of this person'; again := clock_timestamp() + interval '1 minute'; return;
    end if;
  end if;
  if seen.overridden then
    told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', setting.name, at);
    if told.id is not null then
      why := format('override: it is excluded until %s: %s (by %s)', told.until, told.reason, told.who);
      again := clock_timestamp() + least(told.until - at, interval '1 day');
      return;
    end if;
  end if;
  if seen.time_window >= 0 then
    again := dunlin.window_opens(seen.time_window, at);
    if again is not null then
      why := 'it is outside the hours of its rule';
      again := clock_timestamp() + (again - at);  -- the line is kept by the database's clock, whatever business time is asked for
      return;
    end if;
  end if;
  if stops then why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, at); end if;
  if why is null then why := dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at); end if;
  if why is not null then
    again := clock_timestamp() + case when why like 'limits%' then dunlin.refused_for(open.bucket, open.case_id, open.task, at, setting.refused_for)
                                      else setting.refused_for end;
  end if;
end $$;

create or replace function dunlin.may_contact_within(task uuid, phone text default null, at timestamptz default null, out allowed bool, out reason text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  queue text;
  seen record;
  told dunlin.override;
  shut text;
begin
  perform dunlin.must_be_now(at);
  at := coalesce(at, clock_timestamp());
  allowed := false;
  select t.* into open from dunlin.task_open t where t.task = task;
  if not found then
    if not exists (select 1 from dunlin.task_done d where d.task = task) then perform dunlin.fail('DU010', format('there is no task %s', coalesce(task::text, 'null'))); end if;
    reason := 'the task is over';
    return;
  end if;
  select s.name into queue from dunlin.queue_setting s where s.queue = open.queue;
  select f.set_aside, f.closed, b.expires, b.time_window,
      exists (select 1 from dunlin.inbox i where i.bucket = open.bucket and i.case_id = open.case_id and i.at <= at) as news
    into seen from dunlin.case_file f left join dunlin.task_body b on b.bucket = f.bucket and b.case_id = f.case_id and b.task = open.task
    where f.bucket = open.bucket and f.case_id = open.case_id;
  told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', queue, at);
  if seen.closed then shut := dunlin.closed_reason(open.bucket, open.case_id, open.instance_id, at); end if;
  reason := case
    when open.status <> 1 then 'nobody holds the task'
    when open.lease_until < clock_timestamp() then 'the lease has ended'
    when open.marked then coalesce(open.reason, 'its reason is gone')
    when seen.set_aside then 'its case file is set aside'
    when seen.news then 'news about its case file has not been read yet'
    when seen.expires <= at then 'it has expired'
    when shut is not null then shut
    when told.id is not null then format('override: it is excluded until %s: %s (by %s)', told.until, told.reason, told.who)
    when dunlin.window_opens(seen.time_window, at) is not null then 'it is outside the hours of its rule'
    else coalesce(dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, queue, phone, at), dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at)) end;
  allowed := reason is null;
end $$;

-- ---- what is called back ----

-- A task that somebody holds is marked when its reason goes, and the engine takes the mark away when the reason comes back. What a person or a stop says holds beside that, and no step
-- undoes it.
alter table dunlin.task_open add column called_back int2;
comment on column dunlin.task_open.called_back is
  'Why it is marked, beside what the engine says: 1 a supervisor withdrew it, 2 a stop, an exclusion, a closed account or a hold, which may end; and 4 more: the engine does not want it either. Null: the engine alone.';

-- The time that the engine has come to: now, unless a virtual clock carries the portfolio, which went on from the engine's last pass.
create function dunlin.engine_time() returns timestamptz
language sql stable as $$
  select coalesce((select t.at + (clock_timestamp() - t.clock) from dunlin.tended t where abs(extract(epoch from t.at - t.clock)) > 3600), clock_timestamp())
$$;
revoke all on function dunlin.engine_time from public;

-- What holds at this moment of that which calls back; null: nothing.
create function dunlin.what_calls_back(open dunlin.task_open) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  moment timestamptz := dunlin.engine_time();
  told dunlin.override;
  why text;
begin
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if (select f.closed from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id) then
    why := dunlin.closed_reason(open.bucket, open.case_id, open.instance_id, moment);
    if why is not null then return why; end if;
  end if;
  told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', setting.name, moment);
  if told.id is not null then return format('override: it is excluded until %s: %s (by %s)', told.until, told.reason, told.who); end if;
  if setting.contacts then why := dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, setting.name, null, moment); end if;
  if why is null and setting.batch_at is not null then why := dunlin.forbidden_by(open, dunlin.business_now()); end if;
  return why;
end $$;

-- A hold, or another line of limits that forbids contact whatever was done before; null: none does.
create function dunlin.forbidden_by(open dunlin.task_open, at timestamptz) returns text
language sql stable as $$
  select l.says from dunlin.task_body b, jsonb_array_elements(b.limits::jsonb) own join dunlin.limit_line l on l.key = (own ->> 'line')::int8
  where b.bucket = ($1).bucket and b.case_id = ($1).case_id and b.task = ($1).task and l.kind in ('pause', 'never') and l.after = '{}'
    and (case when own ? 'closed' then dunlin.instant_of((own ->> 'closed')::int8) else 'infinity' end) > $2
    and ($2 at time zone coalesce(own ->> 'zone', (select p.timezone from dunlin.prepared p), 'UTC'))::date between coalesce(l.from_date, '-infinity') and coalesce(l.to_date, 'infinity')
  order by 1 limit 1
$$;

-- A stop may end by itself, a file may come, a line of limits may be over: nobody tells a register of it. So it is asked once a minute; there are as many as are out and called back.
alter table dunlin.tended add column let_go_at timestamptz;

-- Looks again at what was called back for something that may have ended: of one case file, or of all. False: somebody is at one of them, so look once more.
create function dunlin.let_go(bucket int4 default null, case_id int8 default null) returns bool
language plpgsql as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  why text;
  whole bool := true;
begin
  for open in select t.* from dunlin.task_open t where t.marked and t.called_back in (2, 6) and (bucket is null or (t.bucket = bucket and t.case_id = case_id))
              order by t.bucket, t.case_id, t.task loop
    why := dunlin.what_calls_back(open);
    continue when why is not distinct from open.reason;
    select t.* into open from dunlin.task_open t
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.lease_epoch = open.lease_epoch and t.called_back in (2, 6) for update skip locked;
    if not found then
      whole := false;
      continue;
    end if;
    update dunlin.task_open t set called_back = case when why is not null then t.called_back end, marked = why is not null or t.called_back >= 4,
        reason = coalesce(why, case when t.called_back >= 4 then 'its reason went away meanwhile' end)
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  end loop;
  return whole;
end $$;

-- A step has said otherwise what limits say of a task that may stand in a register: whoever took the register hears of a hold, and of its end.
create function dunlin.look_at_register(bucket int4, case_id int8, task uuid) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  why text;
begin
  select t.* into open from dunlin.task_open t where t.bucket = bucket and t.case_id = case_id and t.task = task and t.status = 1;
  if not found or open.called_back in (1, 5) then return; end if;
  why := dunlin.what_calls_back(open);
  if why is not null and open.called_back is null then
    update dunlin.task_open t set called_back = case when t.marked then 6 else 2 end, marked = true, reason = why where t.bucket = bucket and t.case_id = case_id and t.task = task;
  elsif why is null and open.called_back is not null then
    perform dunlin.let_go(bucket, case_id);
  end if;
end $$;

-- The withdrawal is of this task. It stays until the task comes back, whatever the steps say meanwhile.
create or replace function dunlin.withdraw_within(task uuid, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a withdrawal needs a reason'); end if;
  perform dunlin.note_audit(who, 'withdraw task', jsonb_build_object('task', task, 'reason', reason));
  if open.status = 1 then
    update dunlin.task_open t set marked = true, reason = reason, called_back = 1 + case when t.marked and t.called_back is null or t.called_back >= 4 then 4 else 0 end
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
    return 'marked';
  end if;
  perform dunlin.finish(open, 3::int2, clock_timestamp(), reason);
  perform dunlin.let_next(open);
  return 'withdrawn';
end $$;
comment on function dunlin.withdraw is
  'Takes a task out of its queue; one that a worker holds is marked until it comes back (heartbeat tells, the outcome is still accepted). A rule that still wants it asks for a new one at the next step; an override `exclude` keeps all tasks of an account in.';

create or replace function dunlin.end_override(gone dunlin.override) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  perform pg_current_xact_id();
  if gone.kind = 'exclude' then
    update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
      where t.bucket = gone.bucket and t.case_id = gone.case_id and t.status = 0 and t.wakes is not null and t.reason like 'override: %';
    perform dunlin.let_go(gone.bucket, gone.case_id);
  elsif gone.kind = 'priority' then
    update dunlin.case_file f set wake_at = least(f.wake_at, timestamptz '2000-01-01') - interval '1 microsecond' where f.bucket = gone.bucket and f.case_id = gone.case_id and not f.set_aside;
  end if;
end $$;

create or replace function dunlin.close_account_within(entity text, key text, reason text, since timestamptz default null, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
  open dunlin.task_open;
  why text;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'closing needs a reason'); end if;
  select k.bucket, k.case_id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key)); end if;
  -- A hand-out of its tasks comes before this, or sees it.
  update dunlin.case_file f set closed = true where f.bucket = place.bucket and f.case_id = place.case_id;
  insert into dunlin.closed_instance values (entity, key, coalesce(since, clock_timestamp()), reason, coalesce(who, session_user::text))
    on conflict on constraint closed_instance_pkey do update set since = excluded.since, reason = excluded.reason, who = excluded.who;
  perform dunlin.note_audit(who, 'close account', jsonb_build_object('entity', entity, 'key', key, 'since', since, 'reason', reason));
  -- Whoever holds one of its tasks is told, as by a stop.
  for open in select t.* from dunlin.task_open t where t.bucket = place.bucket and t.case_id = place.case_id and t.status = 1 and t.called_back is null order by t.task for update loop
    why := dunlin.closed_reason(open.bucket, open.case_id, open.instance_id, clock_timestamp());
    continue when why is null;
    update dunlin.task_open t set marked = true, reason = why, called_back = case when t.marked then 6 else 2 end where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
  end loop;
end $$;
comment on function dunlin.close_account is 'From now on its tasks are not handed out, those who hold one are told, and events that bear this instant or a later one are set aside.';

create or replace function dunlin.reopen_account(entity text, key text, who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
begin
  select k.bucket, k.case_id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  perform 1 from dunlin.case_file f where f.bucket = place.bucket and f.case_id = place.case_id for no key update;
  delete from dunlin.closed_instance c where c.entity = entity and c.key = key;
  if not found then perform dunlin.fail('DU034', format('%s `%s` is not closed', entity, key)); end if;
  perform dunlin.note_audit(who, 'reopen account', jsonb_build_object('entity', entity, 'key', key));
  update dunlin.case_file f set closed = null where f.bucket = place.bucket and f.case_id = place.case_id and f.closed
    and not exists (select 1 from dunlin.instance_key k join dunlin.closed_instance c on c.entity = k.entity and c.key = k.key where k.bucket = f.bucket and k.case_id = f.case_id);
  perform pg_current_xact_id();
  update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
    where t.bucket = place.bucket and t.case_id = place.case_id and t.status = 0 and t.wakes is not null and t.reason like 'closed: %';
  perform dunlin.let_go(place.bucket, place.case_id);
  return (select count(*) from dunlin.quarantine q where q.kind = 'event' and q.resolved_at is null and q.location = entity || ' ' || key);
end $$;

-- ---- stops wait for nobody ----

alter table dunlin.contact_stop
  add column told bool,      -- who holds what it stops: false, some are still to be told; true, all were; null, they are not told, or its marks are gone
  add column horizon xid8;   -- transactions before this one may not have known of it
create index contact_stop_telling on dunlin.contact_stop (until) where told is not null;

-- Marks what workers hold of that which is stopped, as far as nobody else has it at this moment; whether that was all of it.
create function dunlin.tell_stop(stop dunlin.contact_stop, out marked int8, out whole bool)
language plpgsql as $$
#variable_conflict use_variable
declare
  held record;
  why text;
begin
  marked := 0;
  whole := true;
  for held in
    select t.bucket, t.case_id, t.task, t.instance_id, t.marked, s.name as queue from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and s.contacts
      where t.status = 1 and t.called_back is null order by t.bucket, t.case_id, t.task
  loop
    why := dunlin.stop_hits(stop, held.bucket, held.case_id, held.instance_id, held.queue, null, clock_timestamp());
    continue when why is null;
    perform 1 from dunlin.task_open t where t.bucket = held.bucket and t.case_id = held.case_id and t.task = held.task and t.status = 1 and t.called_back is null for update skip locked;
    if not found then
      whole := false;
      continue;
    end if;
    update dunlin.task_open t set marked = true, reason = why, called_back = case when t.marked then 6 else 2 end
      where t.bucket = held.bucket and t.case_id = held.case_id and t.task = held.task;
    if not held.marked then marked := marked + 1; end if;
  end loop;
end $$;

-- What stop_outbound() could not reach at once, and what was leased by those who could not know yet; and marks of stops that have ended; and what a lifted stop keeps back
-- still: a hand-out that had not committed when it was lifted has put it out of line without knowing, and what somebody had locked was passed over. The engine's passes call it, and not a round
-- within a lease: that kept the stop, and tasks of others, locked for as long as the consumer's transaction stood open.
create function dunlin.tell_stopped() returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  stop dunlin.contact_stop;
  told record;
  whole bool;
begin
  for stop in select s.* from dunlin.contact_stop s where s.told is not null and (not s.told or s.until <= clock_timestamp() or s.lifted_at is not null) order by s.id for update skip locked loop
    if stop.lifted_at is not null or stop.until <= clock_timestamp() then
      whole := dunlin.let_go();
      if stop.horizon is null then
        update dunlin.contact_stop s set horizon = pg_snapshot_xmax(pg_current_snapshot()) where s.id = stop.id;
      elsif stop.horizon <= pg_snapshot_xmin(pg_current_snapshot()) then
        if stop.lifted_at is not null then
          perform dunlin.wake_stopped(regexp_replace(format('contact is stopped: %s (by %s)', stop.reason, stop.who), '([\\%_])', '\\\1', 'g'));
        end if;
        if whole then update dunlin.contact_stop s set told = null where s.id = stop.id; end if;
      end if;
      continue;
    end if;
    told := dunlin.tell_stop(stop);
    if stop.horizon is null then
      update dunlin.contact_stop s set horizon = pg_snapshot_xmax(pg_current_snapshot()) where s.id = stop.id;
    elsif told.whole and stop.horizon <= pg_snapshot_xmin(pg_current_snapshot()) then
      update dunlin.contact_stop s set told = true where s.id = stop.id;
    end if;
  end loop;
end $$;

-- It holds from its commit on, and waits for nobody: whoever holds a lock on a task is told by the next round.
create or replace function dunlin.stop_outbound_within(reason text, entity text, key text, field text, value text, address text, queue text, until timestamptz, who text)
returns table (stop int8, marked int8, instances int8, tasks int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  made dunlin.contact_stop;
begin
  stop := dunlin.stop_contact(reason, entity, key, field, value, address, queue, until, who);
  update dunlin.contact_stop s set told = false where s.id = stop and s.address is null returning s.* into made;
  marked := 0;
  if found then
    select t.marked into marked from dunlin.tell_stop(made) t;
  else
    select s.* into made from dunlin.contact_stop s where s.id = stop;  -- of an address, who dials is asked
  end if;
  select r.instances, r.tasks into instances, tasks from dunlin.stop_reach(made) r;
  return next;
end $$;

-- ---- a task is given to somebody who is there ----

-- How many letters differ.
create function dunlin.letters_apart(one text, other text) returns int
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  row int[] := array(select generate_series(0, length(other)));
  last int;
  kept int;
begin
  for i in 1 .. length(one) loop
    last := row[1];
    row[1] := i;
    for j in 1 .. length(other) loop
      kept := row[j + 1];
      row[j + 1] := least(row[j + 1] + 1, row[j] + 1, last + (substr(one, i, 1) <> substr(other, j, 1))::int);
      last := kept;
    end loop;
  end loop;
  return row[length(other) + 1];
end $$;

-- Active workers whose names are like this one, at most three; null: none is.
create function dunlin.near_workers(name text) returns text
language sql stable as $$
  select string_agg(format('`%s`', x.name), ', ' order by x.apart, x.name) from
    (select w.name, dunlin.letters_apart(left(lower(w.name), 60), left(lower($1), 60)) as apart from dunlin.worker w
      where w.active and abs(length(w.name) - length($1)) <= 3 order by 2, 1 limit 3) x
  where x.apart <= greatest(1, least(3, length($1) / 2))
$$;

create or replace function dunlin.worker_named(worker text) returns dunlin.worker
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_worker dunlin.worker;
begin
  select w.* into found_worker from dunlin.worker w where w.name = worker;
  if not found then
    perform dunlin.fail('DU034', format('there is no worker `%s`', worker),
                        coalesce('Is ' || case when dunlin.unbound() then dunlin.near_workers(worker) end || ' meant? ', '') || 'dunlin worker list shows them; dunlin worker import adds them.');
  end if;
  return found_worker;
end $$;

create or replace function dunlin.reassign_within(task uuid, worker text, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
  person dunlin.worker;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a reassignment needs a reason'); end if;
  if worker is not null then
    person := dunlin.worker_named(worker);
    if not person.active then
      perform dunlin.fail('DU040', format('`%s` works here no more', worker), 'Give it to somebody else, or to anybody (null). dunlin worker list shows who is there.');
    end if;
  end if;
  -- Theirs already: whoever holds it goes on with it.
  if (case when open.status = 1 then open.worker is not distinct from person.id else open.assigned is not distinct from person.id end) then
    if open.status = 1 and open.assigned is distinct from person.id then
      update dunlin.task_open t set assigned = person.id, listed = null where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
    end if;
    return 'unchanged';
  end if;
  perform dunlin.note_audit(who, 'reassign task', jsonb_build_object('task', task, 'worker', worker, 'reason', reason,
                            'before', jsonb_build_object('worker', (select w.name from dunlin.worker w where w.id = open.assigned),
                                                         'held_by', (select w.name from dunlin.worker w where w.id = open.worker and open.status = 1))));
  if open.status = 1 then
    -- Whoever held it may have called already.
    if dunlin.give_back(open, 'unknown', null, reason, false) <> 'ready' then return 'withdrawn'; end if;
  end if;
  perform pg_current_xact_id();
  -- What stood on somebody's list of the day stands there no longer.
  update dunlin.task_open t set assigned = person.id, listed = null, seq = nextval('dunlin.turn')
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
  return 'reassigned';
end $$;
comment on function dunlin.reassign is
  'Only this worker gets the task from now on; null: anybody. Who holds it now loses the lease, and the contact counts as one that may have gone out. `unchanged`: it is theirs already.';

-- ---- whoever took a register ----

alter table dunlin.register_item
  add column withdrawn       text,         -- why it should not go out any more; null: it stands
  add column correction      int8,         -- number of the last change of that; null: there was none
  add column corrected_at    timestamptz,
  add column acknowledged    int8,         -- the correction that whoever took the register has heard of
  add column acknowledged_at timestamptz,
  add column acknowledged_by text;
create sequence dunlin.correction;
create index register_item_corrected on dunlin.register_item (queue, correction) where correction is not null;

-- Webhooks may be sent more than one correction of one item.
alter table dunlin.webhook_delivery add column correction int8 not null default 0;
alter table dunlin.webhook_delivery drop constraint webhook_delivery_kind_check;
alter table dunlin.webhook_delivery add constraint webhook_delivery_kind_check check (kind in ('leased', 'withdrawn', 'register'));
alter table dunlin.webhook_delivery drop constraint webhook_delivery_task_epoch_key;
alter table dunlin.webhook_delivery add constraint webhook_delivery_task_epoch_key unique (task, epoch, kind, correction, webhook);

-- What was taken already and is called back before this step of the schema: it is in the list from the beginning.
update dunlin.register_item i set withdrawn = coalesce(t.reason, 'its reason went away'), correction = nextval('dunlin.correction'), corrected_at = clock_timestamp()
  from dunlin.task_open t where t.bucket = i.bucket and t.case_id = i.case_id and t.task = i.task and t.lease_epoch = i.epoch and t.status = 1 and t.marked;

-- An item of a register is withdrawn (with why), or stands again (null).
create function dunlin.correct_register(open dunlin.task_open, why text) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  item dunlin.register_item;
begin
  update dunlin.register_item i set withdrawn = why, correction = nextval('dunlin.correction'), corrected_at = clock_timestamp()
    where i.task = open.task and i.epoch = open.lease_epoch and i.bucket = open.bucket and i.case_id = open.case_id and (i.withdrawn is null) <> (why is null) returning i.* into item;
  if not found then return; end if;
  insert into dunlin.webhook_delivery (webhook, task, epoch, kind, correction, body)
    select h.id, item.task, item.epoch, 'register', item.correction,
           jsonb_build_object('type', case when why is null then 'register.restored' else 'register.withdrawn' end, 'queue', s.name, 'register', r.name, 'day', r.day,
                              'number', item.number, 'correction', item.correction, 'task', item.task, 'entity', k.entity, 'key', k.key, 'reason', why)
    from dunlin.queue_setting s join dunlin.webhook h on h.queue = s.name join dunlin.register r on r.id = item.register
      left join dunlin.instance_key k on k.bucket = item.bucket and k.case_id = item.case_id and k.id = item.instance_id
    where s.queue = item.queue
    on conflict do nothing;
end $$;

create or replace function dunlin.tell_withdrawn() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if new.lease_until = 'infinity' then perform dunlin.correct_register(new, case when new.marked then coalesce(new.reason, 'its reason went away') end); end if;
  if new.marked then
    insert into dunlin.webhook_delivery (webhook, task, epoch, kind, body)
      select d.webhook, d.task, d.epoch, 'withdrawn', jsonb_build_object('type', 'task.withdrawn', 'task', d.task, 'epoch', d.epoch, 'reason', new.reason)
      from dunlin.webhook_delivery d where d.task = new.task and d.epoch = new.lease_epoch and d.kind = 'leased' and (d.status = 'delivered' or d.maybe_sent)
      on conflict do nothing;
  end if;
  perform pg_notify('dunlin_withdrawn', coalesce((select w.name from dunlin.worker w where w.id = new.worker), ''));
  return null;
end $$;
create trigger task_stands_again after update of marked on dunlin.task_open for each row when (old.marked and not new.marked and new.status = 1) execute function dunlin.tell_withdrawn();

-- As before, but deliveries that lease nothing are more than those that tell of a withdrawal.
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
  if d.kind <> 'leased' then return true; end if;  -- whoever has the task is told, whatever became of the lease
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

-- The items of a queue's registers that were corrected after they were made, and that whoever took them has not heard of; or all that ever were.
create function dunlin.register_withdrawals(queue text, day date default null, everything bool default false, after int8 default 0, most int default null)
returns table (number text, register text, day_made date, nth int4, entity text, key text, debtor text, treatment text, fields jsonb, status text, status_at timestamptz,
               withdrawn text, correction int8, corrected_at timestamptz, acknowledged_at timestamptz, acknowledged_by text)
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
begin
  if not exists (select 1 from dunlin.register r where r.queue = setting.queue and (day is null or r.day = day)) then
    perform dunlin.fail('DU050', format('`%s` has no register%s', queue, coalesce(' of ' || day, '')),
      case when setting.batch_at is null then 'Its tasks go out one by one: the bundle says no `batch`.' else 'It is made at its hour, by the next pass of the engine.' end);
  end if;
  return query select i.number, r.name, r.day, i.nth, k.entity, k.key, d.key, i.treatment, i.fields, i.last_status, i.status_at, i.withdrawn, i.correction, i.corrected_at,
      case when i.acknowledged = i.correction then i.acknowledged_at end, case when i.acknowledged = i.correction then i.acknowledged_by end
    from dunlin.register_item i
    join dunlin.register r on r.id = i.register
    left join dunlin.instance_key k on k.bucket = i.bucket and k.case_id = i.case_id and k.id = i.instance_id
    left join dunlin.instance_key d on d.bucket = i.bucket and d.case_id = i.case_id and d.id = i.case_id
    where i.queue = setting.queue and i.correction > coalesce(after, 0) and (day is null or r.day = day) and (everything or i.acknowledged is distinct from i.correction)
    order by i.correction limit most;
end $$;
comment on function dunlin.register_withdrawals is
  'Items of registers that are withdrawn since they were made, or stand again (withdrawn is null), until whoever took them acknowledges it; `everything`: all that ever were.';

-- `stopped`: it did not go out, and nobody was contacted; its task ends as withdrawn, and its contact is none.
create function dunlin.acknowledge_withdrawal(queue text, number text, correction int8, stopped bool default false, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
  item dunlin.register_item;
  open dunlin.task_open;
begin
  number := regexp_replace(coalesce(number, ''), '\s', '', 'g');
  select i.* into item from dunlin.register_item i where i.queue = setting.queue and i.number = number;
  if not found or item.correction is null then
    perform dunlin.fail('DU050', format('no item of `%s` with the number `%s` was withdrawn', queue, number), 'register_withdrawals() shows those that were.');
  end if;
  if correction is null then perform dunlin.fail('DU002', 'it is not said which correction was heard of', 'Give its number, as register_withdrawals() gave it.'); end if;
  -- The task first, as whoever corrects it: its row, and then the item's.
  if stopped then
    select t.* into open from dunlin.task_open t where t.bucket = item.bucket and t.case_id = item.case_id and t.task = item.task;
    if found then open := dunlin.lock_task(item.task); end if;
  end if;
  select i.* into item from dunlin.register_item i where i.queue = setting.queue and i.number = number for no key update;
  if item.correction <> correction then
    perform dunlin.fail('DU038', format('the item `%s` was corrected again: %s', number, coalesce('it is withdrawn: ' || item.withdrawn, 'it stands')), 'Look at it again: register_withdrawals().');
  end if;
  if item.acknowledged = correction and (stopped is not true or open.task is null) then return 'duplicate'; end if;
  if stopped then
    if item.withdrawn is null then perform dunlin.fail('DU012', format('the item `%s` is not withdrawn: it goes out', number)); end if;
    if open.task is null or open.status <> 1 or open.lease_epoch <> item.epoch then
      perform dunlin.fail('DU012', format('the item `%s` did go out: its status is %s', number, coalesce(item.last_status, 'unknown')), 'Acknowledge it without `stopped`.');
    end if;
    update dunlin.contact c set kind = 'unknown' where c.bucket = item.bucket and c.case_id = item.case_id and c.task = item.task and c.epoch = item.epoch and c.kind = 'attempt';
    perform dunlin.give_back(open, 'none', null, format('stopped before it went out: %s', item.withdrawn), false);
  end if;
  update dunlin.register_item i set acknowledged = correction, acknowledged_at = clock_timestamp(), acknowledged_by = coalesce(nullif(who, ''), session_user::text)
    where i.queue = setting.queue and i.number = number;
  return case when stopped then 'stopped' else 'acknowledged' end;
end $$;
comment on function dunlin.acknowledge_withdrawal is
  'Whoever took a register has heard of a correction of one of its items. `stopped`: it did not go out, so its task ends and nobody was contacted; without it, its status comes as that of any other.';

create function dunlin.acknowledge_withdrawals(queue text, rows jsonb, who text default null) returns table (number text, result text, code text, message text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
begin
  if rows is null or jsonb_typeof(rows) <> 'array' then perform dunlin.fail('DU002', 'acknowledge_withdrawals() takes a JSON array', '[{"number": "RR00000001 5", "correction": 12, "stopped": true}]'); end if;
  perform dunlin.setting_of(queue);
  -- In one order, or two batches could wait for each other.
  perform 1 from dunlin.case_file f where (f.bucket, f.case_id) in (
      select i.bucket, i.case_id from dunlin.register_item i join dunlin.queue_setting s on s.queue = i.queue and s.name = queue
        where i.number in (select regexp_replace(x ->> 'number', '\s', '', 'g') from jsonb_array_elements(rows) x where lower(x ->> 'stopped') in ('true', 'yes', '1')))
    order by f.bucket, f.case_id for no key update;
  perform 1 from dunlin.register_item i join dunlin.queue_setting s on s.queue = i.queue and s.name = queue
    where i.number in (select regexp_replace(x ->> 'number', '\s', '', 'g') from jsonb_array_elements(rows) x) order by i.bucket, i.case_id, i.task for update of i;
  for item in select x from jsonb_array_elements(rows) x loop
    number := item ->> 'number'; code := null; message := null;
    begin
      result := dunlin.acknowledge_withdrawal(queue, number, (item ->> 'correction')::int8, coalesce(nullif(item ->> 'stopped', '')::bool, false), who);
    exception when sqlstate 'DU002' or sqlstate 'DU010' or sqlstate 'DU011' or sqlstate 'DU012' or sqlstate 'DU038' or sqlstate 'DU050' or data_exception then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      result := 'refused';
    end;
    return next;
  end loop;
end $$;
comment on function dunlin.acknowledge_withdrawals is 'acknowledge_withdrawal() for a JSON array; each has its own result: acknowledged, stopped, duplicate or refused with the reason.';

-- As before, and what was withdrawn since.
drop function dunlin.register_of, dunlin.register_of_within;
create function dunlin.register_of(queue text, day date default null)
returns table (number text, register text, day_made date, nth int4, entity text, key text, debtor text, treatment text, fields jsonb, status text, status_at timestamptz, withdrawn text)
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
  wanted dunlin.register;
begin
  select r.* into wanted from dunlin.register r where r.queue = setting.queue and (day is null or r.day = day) order by r.day desc limit 1;
  if not found then
    perform dunlin.fail('DU050', format('`%s` has no register%s', queue, coalesce(' of ' || day, '')),
      case when setting.batch_at is null then 'Its tasks go out one by one: the bundle says no `batch`.' else 'It is made at its hour, by the next pass of the engine.' end);
  end if;
  return query select i.number, wanted.name, wanted.day, i.nth, k.entity, k.key, d.key, i.treatment, i.fields, i.last_status, i.status_at, i.withdrawn
    from dunlin.register_item i
    left join dunlin.instance_key k on k.bucket = i.bucket and k.case_id = i.case_id and k.id = i.instance_id
    left join dunlin.instance_key d on d.bucket = i.bucket and d.case_id = i.case_id and d.id = i.case_id
    where i.register = wanted.id order by i.nth;
end $$;
comment on function dunlin.register_of is 'The items of a queue''s register of a day, or of the last one; with the reason where one was withdrawn since.';

revoke all on sequence dunlin.audit_waiting, dunlin.correction from public;
revoke all on function dunlin.closed_reason, dunlin.what_calls_back, dunlin.forbidden_by, dunlin.let_go, dunlin.look_at_register, dunlin.tell_stop, dunlin.tell_stopped, dunlin.letters_apart,
  dunlin.near_workers, dunlin.correct_register, dunlin.register_withdrawals, dunlin.acknowledge_withdrawal, dunlin.acknowledge_withdrawals, dunlin.register_of from public;
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{register_of,register_withdrawals,acknowledge_withdrawal,acknowledge_withdrawals}');
select dunlin.put_guard(f) from unnest('{register_of,register_withdrawals,acknowledge_withdrawal,acknowledge_withdrawals}'::text[]) f;
create or replace function dunlin.bound_functions(supervise bool) returns text[] language sql immutable as $$
  select '{lease,heartbeat,extend,release,complete,complete_many,complete_and_lease,withdrawn_tasks,may_contact,record_contact,post_event,post_events,register_of,post_status,post_statuses,
           register_withdrawals,acknowledge_withdrawal,acknowledge_withdrawals}'::text[]
         || case when supervise then '{withdraw,reassign,why,set_override}'::text[] else '{}' end
$$;
do $$
declare
  bound name;
begin
  for bound in select l.role from dunlin.bound_login l join pg_roles r on r.rolname = l.role loop
    execute format('grant execute on function dunlin.register_of, dunlin.register_withdrawals, dunlin.acknowledge_withdrawal, dunlin.acknowledge_withdrawals to %I', bound);
  end loop;
end $$;

-- ---- these functions are otherwise as they were ----

do $do$
declare
  change record;
  was text;
begin
  for change in select * from (values
    -- What goes together is one piece of work, and one call: a rate counts these.
    ('lease', $$select count(distinct (h.task, h.epoch)) into used from$$, $$select count(distinct (h.leased_at, h.bucket, h.case_id)) into used from$$),
    ('lease', $$select t.queue, clock_timestamp(), until, t.bucket, t.case_id, t.task, t.lease_epoch, me$$,
     $$select t.queue, (select clock_timestamp()), until, t.bucket, t.case_id, t.task, t.lease_epoch, me$$),
    ('hand_out_text', $$select count(distinct (h.task, h.epoch)) into used from$$, $$select count(distinct (h.leased_at, h.bucket, h.case_id)) into used from$$),
    ('set_override_within', $$update dunlin.task_open t set marked = true, reason = format('override: it is$$,
     $$update dunlin.task_open t set called_back = case when t.marked then 6 else 2 end, marked = true, reason = format('override: it is$$),
    ('set_override_within', $$and t.status = 1 and not t.marked;$$, $$and t.status = 1 and t.called_back is null;$$),
    ('apply_priorities', $$continue when not found;$$, $$continue when not found or (gone.kind = 'exclude' and not dunlin.let_go(gone.bucket, gone.case_id));$$),
    ('resume_contact', $$  return dunlin.wake_stopped();$$, $$  -- Whoever holds a lock on one of them hears of it with the next round.
  perform dunlin.let_go();
  update dunlin.contact_stop s set told = false, horizon = null where s.id = stop;
  return dunlin.wake_stopped();$$),
    ('turn_over', $$  -- Where a slice was full, the next call goes on at once.$$, $$  if at_once and exists (select 1 from dunlin.contact_stop s where s.told is not null and (not s.told or s.until <= started)) then perform dunlin.tell_stopped(); end if;
  -- Where a slice was full, the next call goes on at once.$$),
    -- A stop is told at once; as long as only the oldest transaction is waited for, every 15 seconds.
    ('tend_queues', $$  if clock_timestamp() - last_time.clock between interval '0' and interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15 then return; end if;$$,
     $$  if clock_timestamp() - last_time.clock between interval '0' and interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15
     and not exists (select 1 from dunlin.contact_stop s where s.told is not null and s.horizon is null and (not s.told or s.until <= clock_timestamp())) then return; end if;$$),
    ('tend_queues', $$  perform dunlin.make_registers(at);$$, $$  if exists (select 1 from dunlin.contact_stop s where s.told is not null and (not s.told or s.until <= clock_timestamp())) then perform dunlin.tell_stopped(); end if;
  if last_time.let_go_at is null or clock_timestamp() - last_time.let_go_at not between interval '0' and interval '1 minute' then
    if exists (select 1 from dunlin.task_open t where t.marked and t.called_back in (2, 6) and t.lease_until = 'infinity') then perform dunlin.let_go(); end if;
    update dunlin.tended t set let_go_at = clock_timestamp();
  end if;
  perform dunlin.make_registers(at);$$),
    ('fill_outbox', $$if not found then return 0; end if;$$, $$if not found then return 0; end if;
  -- Tasks of a register are taken as a register; the webhook is told what becomes of them.
  if exists (select 1 from dunlin.queue_setting s where s.name = what.queue and s.batch_at is not null) then return 0; end if;$$),
    ('delivery_failed', $$if d.kind = 'withdrawn' then$$, $$if d.kind <> 'leased' then$$),
    ('why', $$  return query select 'a hand-out now'::text$$, $$  return query select 'called back'::text, dunlin.called_back_text(task), case when over is not null then dunlin.called_back_text(over) end, null::text
    where dunlin.called_back_text(task) is not null or dunlin.called_back_text(over) is not null;
  return query select 'a hand-out now'::text$$)
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $do$;

-- Why its holder should stop, and until when; null: nobody should.
create function dunlin.called_back_text(task uuid) returns text
language sql stable as $$
  select case when t.called_back in (1, 5) then format('withdrawn by hand: %s; a rule that still wants it asks anew when it has come back, an override `exclude` keeps all of the account in', t.reason)
              when t.called_back is not null then format('as long as this holds: %s', t.reason)
              else format('its reason is gone: %s', coalesce(t.reason, 'it went away')) end
  from dunlin.task_open t where t.task = $1 and t.marked
$$;
revoke all on function dunlin.called_back_text from public;
