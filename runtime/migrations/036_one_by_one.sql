-- Handing out one task and ending it costs less (what is asked of every call is asked in few statements, and the ones of a task that is taken are one), and a queue may hand out the
-- tasks of one instance one after another, in the order they were made (`assign oldest first per debtor`).

alter table dunlin.queue_setting
  add column in_order  bool not null default false,
  add column order_per text;                          -- entity; null: the case file

-- ---- from where ----

-- As before. The functions that call it have set where names are looked up.
create or replace function dunlin.enter() returns void
language plpgsql as $$
declare
  scope jsonb;
begin
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
alter function dunlin.enter() reset all;

-- ---- one after another ----

-- Whose turn a task belongs to: the instance above it that is an `entity` (null: the case file). What hangs on none, because it was asked for by a version in which that was otherwise,
-- has its own.
create function dunlin.turn_of(bucket int4, case_id int8, instance_id int8, entity text) returns int8
language plpgsql stable as $$
#variable_conflict use_variable
declare
  place record;
  id int8 := instance_id;
begin
  if entity is null then return case_id; end if;
  for depth in 1..16 loop
    select k.entity, k.parent into place from dunlin.instance_key k where k.bucket = bucket and k.case_id = case_id and k.id = id;
    exit when not found;
    if place.entity = entity then return id; end if;
    id := place.parent;
  end loop;
  return instance_id;
end $$;

-- What an earlier task that is still in line, or with a worker, makes of a later one of the same instance; the case file's row is locked. One that waits for its not-before is not
-- in line yet, and withheld and dead ones have left it: those hold nobody up. What limits, hours or somebody's word keep back does.
create function dunlin.goes_before(open dunlin.task_open, setting dunlin.queue_setting, at timestamptz) returns uuid
language plpgsql stable as $$
#variable_conflict use_variable
declare
  mine int8 := dunlin.turn_of(open.bucket, open.case_id, open.instance_id, setting.order_per);
  made timestamptz;
  other uuid;
begin
  select b.created_at into made from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task;
  select t.task into other from dunlin.task_open t join dunlin.task_body b on b.bucket = t.bucket and b.case_id = t.case_id and b.task = t.task
    where t.bucket = open.bucket and t.case_id = open.case_id and t.queue = open.queue and t.task <> open.task
      and (t.status = 1 or (t.status = 0 and t.not_before <= at and (b.created_at, -t.priority, t.task) < (made, -open.priority, open.task)))
      and (t.instance_id = open.instance_id or dunlin.turn_of(t.bucket, t.case_id, t.instance_id, setting.order_per) = mine)
    order by (t.status = 1) desc, b.created_at, t.priority desc, t.task limit 1;
  return other;
end $$;

-- A task has left the worker or the line: the one of its instance that waits behind it longest is looked at again. Behind the lock of the case file.
create function dunlin.let_next(open dunlin.task_open) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  mine int8;
  next_one uuid;
begin
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue and s.in_order;
  if not found then return; end if;
  mine := dunlin.turn_of(open.bucket, open.case_id, open.instance_id, setting.order_per);
  select t.task into next_one from dunlin.task_open t join dunlin.task_body b on b.bucket = t.bucket and b.case_id = t.case_id and b.task = t.task
    where t.bucket = open.bucket and t.case_id = open.case_id and t.queue = open.queue and t.task <> open.task and t.status = 0 and t.wakes is not null
      and t.reason like 'in order: %'
      and (t.instance_id = open.instance_id or dunlin.turn_of(t.bucket, t.case_id, t.instance_id, setting.order_per) = mine)
    order by b.created_at, t.priority desc, t.task limit 1;
  if not found then return; end if;
  perform pg_current_xact_id();  -- the transaction's number before the place in line
  update dunlin.task_open t set wakes = null, reason = null, seq = nextval('dunlin.turn')
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = next_one;
end $$;

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
  if open.marked then
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

create or replace function dunlin.withdraw_within(task uuid, reason text, who text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open := dunlin.lock_task(task);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a withdrawal needs a reason'); end if;
  perform dunlin.note_audit(who, 'withdraw task', jsonb_build_object('task', task, 'reason', reason));
  if open.status = 1 then
    update dunlin.task_open t set marked = true, reason = reason where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
    return 'marked';
  end if;
  perform dunlin.finish(open, 3::int2, clock_timestamp(), reason);
  perform dunlin.let_next(open);
  return 'withdrawn';
end $$;

-- ---- what keeps a task back ----

create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text
language plpgsql stable as $$
#variable_conflict use_variable
begin
  return (dunlin.judge_limits(bucket, case_id, task, at)).why;
end $$;

create or replace function dunlin.hold_back(open dunlin.task_open, setting dunlin.queue_setting, worker int4, at timestamptz, stops bool, out why text, out again timestamptz)
language plpgsql stable as $$
declare
  told dunlin.override;
  seen record;
  earlier uuid;
begin
  select f.set_aside, b.expires, b.time_window,
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

-- ---- taking ----

drop function dunlin.take(dunlin.task_open[], dunlin.queue_setting, int4, timestamptz, timestamptz, bool, uuid[]);
drop function dunlin.take_for_all;
drop function dunlin.conversations;
drop function dunlin.lease_within;

create or replace function dunlin.lease(queue text, worker text, n int default 1, lasting interval default null, at timestamptz default null)
returns setof dunlin.leased_task
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  span constant int8 := 2000;   -- of a band the oldest so many places are looked at,
  depth constant int := 200;    -- and of those so many tasks: of these the highest priority goes first, then not-before, due, age
  setting dunlin.queue_setting;
  person dunlin.worker;
  me int4;
  seen record;
  moment timestamptz;
  until timestamptz;
  safe int8;
  stops bool;
  picky bool;
  scoped bool;
  listed bool;
  candidates dunlin.task_open[];
  open dunlin.task_open;
  place record;
  held record;
  from_band int := 0;
  tried uuid[];
  taken uuid[] := '{}';
  went uuid[];
  wanted int := n;
  used int8;
begin
  if at is not null then perform dunlin.must_be_time(at); end if;
  perform dunlin.enter();
  scoped := coalesce(current_setting('dunlin.scope', true), '') <> '';
  if scoped then perform dunlin.must_see(null, queue, null, null, true, true); end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform dunlin.fail('DU003', format('lease() needs read committed, not %s', current_setting('transaction_isolation')),
                        'With an older snapshot it could not see what others took.');
  end if;
  if n is null or n < 1 or n > 1000 then perform dunlin.fail('DU002', format('lease() hands out 1 to 1000 tasks, not %s', coalesce(n::text, 'null'))); end if;
  -- Who has neither hours nor a capacity, for a queue that asks for nothing, need not be looked at.
  select s as setting, w as person,
      w.schedule is not null or w.capacity is not null or not w.active or w.territories <> '{}' or s.needs <> '[]'
        or exists (select 1 from dunlin.worker_absence a where a.worker = w.id and a.cancelled_at is null)
        or exists (select 1 from dunlin.worker_exception e where e.worker = w.id) as bounded,
      (select r.at from dunlin.queue_round r order by r.at desc limit 1) > clock_timestamp() - interval '1 second' as round_is_fresh,
      (select x.last_value from dunlin.turn x) - m.seq < 256 and clock_timestamp() - m.at < interval '1 second' as mark_is_fresh
    into seen
    from dunlin.queue_setting s left join dunlin.worker w on w.name = worker
      left join lateral (select m.seq, m.at from dunlin.turn_mark m order by m.seq desc, m.xid desc limit 1) m on true
    where s.name = queue;
  if not found then setting := dunlin.setting_of(queue); end if;  -- says that there is none
  setting := seen.setting;
  if lasting is null then lasting := setting.lease; end if;
  if lasting <= interval '0' or lasting > setting.lease_max then
    perform dunlin.fail('DU002', format('a lease of `%s` lasts up to %s, not %s', queue, setting.lease_max, lasting), 'Ask for less and extend() it.');
  end if;
  if setting.batch_at is not null then
    perform dunlin.fail('DU044', format('tasks of `%s` go out in a register each day', queue), 'dunlin queue register shows it; statuses come back by number.');
  end if;
  if setting.paused_at is not null then return; end if;
  if seen.mark_is_fresh is not true then perform dunlin.mark_turn(); end if;
  person := seen.person;
  if person.id is null then
    me := dunlin.worker_number(worker);
    select w.* into person from dunlin.worker w where w.id = me;
  end if;
  me := person.id;
  moment := coalesce(at, clock_timestamp());
  if seen.bounded then
    -- Two calls for one worker count one after the other.
    perform 1 from dunlin.worker w where w.id = me for no key update;
    wanted := least(wanted, coalesce(dunlin.check_worker(person, setting, moment), wanted));
  end if;
  if seen.round_is_fresh is not true then perform dunlin.turn_over(false); end if;
  if setting.rate is not null then
    perform 1 from dunlin.queue_setting s where s.queue = setting.queue for no key update;
    select count(distinct (h.task, h.epoch)) into used from dunlin.hand_out h where h.queue = setting.queue and h.leased_at > clock_timestamp() - setting.rate_per;
    wanted := least(wanted, setting.rate - used);
    if wanted <= 0 then return; end if;
  end if;
  if person.queues <> '{}' then listed := dunlin.has_list(person, setting); end if;
  if listed then perform dunlin.top_up(person, setting, moment, wanted); end if;
  perform pg_current_xact_id();  -- before the clock: whoever sees no running transaction sees this lease
  moment := coalesce(at, clock_timestamp());
  until := clock_timestamp() + lasting;
  select (select m.seq from dunlin.turn_mark m where m.xid <= pg_snapshot_xmin(pg_current_snapshot()) order by m.seq desc, m.xid desc limit 1) as safe,
      setting.contacts and exists (select 1 from dunlin.contact_stop s where s.lifted_at is null) as stops,
      exists (select 1 from dunlin.override o where o.lifted_at is null and o.kind = 'worker') as kept,
      exists (select 1 from dunlin.task_open t where t.assigned = me and t.queue = setting.queue) as own
    into seen;
  safe := coalesce(seen.safe, 0);
  stops := seen.stops;
  picky := setting.ways && '{sticky,territory,skill,one_operator}' or seen.kept;
  loop
    exit when wanted <= 0;
    candidates := null;
    if seen.own then
      -- What is meant for this worker goes first.
      select array_agg(t) into candidates from
        (select t.* from dunlin.task_open t where t.assigned = me and t.queue = setting.queue and t.status = 0 and t.wakes is null and t.not_before <= moment
           and (tried is null or t.task <> all (tried))
         order by t.priority desc, t.not_before, t.due, t.seq limit wanted for update skip locked) t;
      if candidates is null then seen.own := false; end if;
    end if;
    if candidates is null then
      exit when listed or from_band > 15;
      if scoped or picky then
        select array_agg(t) into candidates
          from dunlin.next_in_band(setting.queue, from_band::int2, coalesce((select max(h.seq) from dunlin.queue_head h where h.queue = setting.queue and h.band = from_band::int2), 0),
                                   safe, moment, case when picky then 200 else wanted end, tried) t;
      else
        -- Where all of a queue is stopped, the first tasks say why they wait, and the others stay where they are.
        if stops and tried is not null then
          exit when dunlin.queue_stopped(setting.queue, moment);
        end if;
        -- The next band that has something: the first place behind its cursor; or null, where the cursor had better move.
        select g.b, coalesce(h.seq, 0) as head, f.seq as first into place
          from generate_series(from_band, 15) g(b)
            left join lateral (select max(x.seq) as seq from dunlin.queue_head x where x.queue = setting.queue and x.band = g.b::int2) h on true
            left join lateral (select t.seq from dunlin.task_open t where t.queue = setting.queue and t.band = g.b::int2 and t.seq > coalesce(h.seq, 0)
                                 and t.wakes is null and t.assigned is null and t.status = 0 order by t.seq limit 1) f on true
          where f.seq is not null or safe - coalesce(h.seq, 0) > 4096 limit 1;
        exit when not found;
        from_band := place.b;
        if place.first is null then
          insert into dunlin.queue_head values (setting.queue, from_band, safe) on conflict do nothing;
        else
          if least(place.first - 1, safe) - place.head > 256 then
            insert into dunlin.queue_head values (setting.queue, from_band, least(place.first - 1, safe)) on conflict do nothing;
          end if;
          -- What was put on a list a moment ago is looked at again under its lock. Not by `assigned is null`: with that the partial index of the line would do for
          -- the lookup of one task, and a lease would walk all that has gone out of line while somebody holds an old snapshot.
          select array_agg(t) into candidates from
            (select t.* from
              (select w.* from
                (select t.bucket, t.case_id, t.task, t.priority, t.not_before, t.due, t.seq from dunlin.task_open t
                  where t.queue = setting.queue and t.band = from_band::int2 and t.seq >= place.first and t.seq <= place.first + span and t.wakes is null and t.assigned is null
                    and t.status = 0 and t.not_before <= moment and (tried is null or t.task <> all (tried))
                  order by t.seq limit greatest(depth, wanted)) w
                order by w.priority desc, w.not_before, w.due, w.seq) w,
              lateral (select t.* from dunlin.task_open t where t.bucket = w.bucket and t.case_id = w.case_id and t.task = w.task and t.status = 0 and t.wakes is null
                       and coalesce(t.assigned, -1) = -1 for update skip locked) t
            limit wanted) t;
        end if;
      end if;
      if candidates is null then
        from_band := from_band + 1;
        continue;
      end if;
    end if;
    tried := coalesce(tried, '{}');
    foreach open in array candidates loop
      exit when wanted <= 0;
      continue when open.task = any (taken);  -- it went along with another
      -- A task that somebody was given by name, though it is not theirs, stays where it is.
      if scoped then
        if not dunlin.sees(open.bucket, open.case_id) then
          tried := tried || open.task;
          continue;
        end if;
      end if;
      if picky and open.assigned is null then
        if dunlin.not_for(open, setting, person, moment) is not null then
          tried := tried || open.task;
          continue;
        end if;
      end if;
      perform 1 from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id for no key update skip locked;
      if not found then
        tried := tried || open.task;
        continue;
      end if;
      -- A statement of its own, so that it sees what was committed before the lock was had.
      held := dunlin.hold_back(open, setting, me, moment, stops);
      if held.why is not null then
        update dunlin.task_open t set wakes = held.again, reason = held.why where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
        continue;
      end if;
      wanted := wanted - 1;  -- what goes out together is one piece of work
      if setting.merge then
        went := dunlin.take_together(open, setting, me, moment, until, stops);
        taken := taken || went;
        insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
          select t.queue, clock_timestamp(), until, t.bucket, t.case_id, t.task, t.lease_epoch, me
          from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.status = 1 and t.task = any (went) order by t.lead is not null, t.task;
        return query
          select t.task, t.lease_epoch, t.lease_until, setting.name, k.entity, k.key, d.key, y.treatment, t.priority, t.due, y.fields, t.lead, t.returns
          from unnest(went) with ordinality x(task, ord)
          join dunlin.task_open t on t.bucket = open.bucket and t.case_id = open.case_id and t.task = x.task
          join dunlin.task_body y on y.bucket = t.bucket and y.case_id = t.case_id and y.task = t.task
          left join dunlin.instance_key k on k.bucket = t.bucket and k.case_id = t.case_id and k.id = t.instance_id
          left join dunlin.instance_key d on d.bucket = t.bucket and d.case_id = t.case_id and d.id = t.case_id
          order by x.ord;
      else
        return query
          with leased as (
            update dunlin.task_open t set status = 1, lease_until = until, lease_epoch = t.lease_epoch + 1, worker = me, reason = null
              where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task),
          noted as (
            insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
              values (open.queue, clock_timestamp(), until, open.bucket, open.case_id, open.task, open.lease_epoch + 1, me)),
          reserved as (
            insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, recipient, task, epoch, worker, source, queue, treatment)
              select open.bucket, open.case_id, open.instance_id, moment, coalesce(setting.channel, setting.name), 'reserved', b.recipient, open.task, open.lease_epoch + 1, me,
                'queue', setting.name, b.treatment
              from dunlin.task_body b where setting.contacts and b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task)
          select open.task, open.lease_epoch + 1, until, setting.name, k.entity, k.key, d.key, y.treatment, open.priority, open.due, y.fields, open.lead, open.returns
          from dunlin.task_body y
          left join dunlin.instance_key k on k.bucket = y.bucket and k.case_id = y.case_id and k.id = open.instance_id
          left join dunlin.instance_key d on d.bucket = y.bucket and d.case_id = y.case_id and d.id = y.case_id
          where y.bucket = open.bucket and y.case_id = open.case_id and y.task = open.task;
      end if;
    end loop;
  end loop;
end $$;

-- ---- ending ----

-- Into history and into the inbox of the case file, for the next step, which looks there by itself: nobody is told, because of all that tell somebody only one can commit at a time.
create or replace function dunlin.put_event(bucket int4, case_id int8, instance_id int8, type int4, at timestamptz, source text, external_id text, payload jsonb) returns bool
language plpgsql as $$
#variable_conflict use_variable
begin
  insert into dunlin.event_key values (bucket, md5(source || e'\x1f' || external_id)::uuid) on conflict do nothing;
  if not found then return false; end if;
  with told as (
    insert into dunlin.event (bucket, case_id, at, instance_id, type, source, external_id, payload)
      values (bucket, case_id, at, instance_id, type, source, external_id, payload) returning event.seq)
  insert into dunlin.inbox (bucket, at, seq, case_id, kind) select bucket, at, t.seq, case_id, 0 from told t;
  return true;
end $$;

-- Counts what a worker has ended today, and fills the place on the list.
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
  insert into dunlin.worker_day (worker, day, queue, ended) values (worker, dunlin.working_day(person, at), setting.queue, 1)
    on conflict on constraint worker_day_pkey do update set ended = worker_day.ended + 1;
  if dunlin.has_list(person, setting) then perform dunlin.top_up(person, setting, at, 1); end if;
end $$;

drop function dunlin.complete_within;
create or replace function dunlin.complete(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null, at timestamptz default null)
returns text
language plpgsql security definer
set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  setting dunlin.queue_setting;
  kind dunlin.event_type;
  seen record;
  before record;
begin
  if at is not null then perform dunlin.must_be_time(at); end if;
  perform dunlin.enter();
  if coalesce(current_setting('dunlin.scope', true), '') <> '' then perform dunlin.must_see(task, null, null, null, false, false); end if;
  -- Where tasks go together, or one after another, it is behind the lock of the case file.
  select t as open, s as setting into seen from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue
    where t.task = task and not s.merge and not s.in_order for update of t;
  if found then
    open := seen.open;
    setting := seen.setting;
  else
    select s.* into setting from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue where t.task = task;
    if found then open := dunlin.lock_task(task); end if;
  end if;
  if open.task is null then
    select d.status, d.external_id, d.outcome, d.lease_epoch, d.queue into before from dunlin.task_done d where d.task = task order by d.done_at desc limit 1;
    if found and before.status = 2 and before.lease_epoch = epoch and (external_id is null or before.external_id is not distinct from external_id) then
      -- The answer to the first call was lost, so it is called again.
      if outcome is not null then
        select s.* into setting from dunlin.queue_setting s where s.queue = before.queue;
        kind := dunlin.outcome_of(setting, outcome);
      end if;
      if kind.name is not distinct from before.outcome then return 'duplicate'; end if;
    end if;
    open := dunlin.lock_task(task);
  end if;
  if setting.merge and open.status <> 1 and open.lease_epoch = epoch and outcome is not null then
    -- The outcome may have gone to another account of the conversation, and this task back into line.
    kind := dunlin.outcome_of(setting, outcome);
    if exists (select 1 from dunlin.task_done d where d.bucket = open.bucket and d.case_id = open.case_id and d.status = 2 and d.outcome = kind.name
               and d.external_id = coalesce(nullif(external_id, ''), format('%s:%s', task, epoch))) then
      return 'duplicate';
    end if;
  end if;
  perform dunlin.check_lease(open, epoch);
  at := coalesce(at, clock_timestamp());
  payload := coalesce(payload, '{}');
  external_id := coalesce(nullif(external_id, ''), format('%s:%s', task, epoch));
  if setting.outcomes is null then
    if outcome is not null then perform dunlin.fail('DU021', format('tasks of `%s` are completed without an outcome', setting.name), 'Leave it out.'); end if;
    if payload <> '{}' then perform dunlin.fail('DU022', format('tasks of `%s` are completed without a payload', setting.name), 'Leave it out.'); end if;
  else
    kind := dunlin.outcome_of(setting, outcome);
    perform dunlin.check_payload(kind.id, kind.name, payload);
  end if;
  if setting.merge then
    perform dunlin.complete_together(open, setting, kind, payload, external_id, at);
  else
    perform dunlin.settle_contact(open, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then external_id end);
    perform dunlin.complete_one(open, setting, kind, payload, external_id, at);
  end if;
  perform dunlin.note_ended(open.worker, setting, at);
  if setting.in_order then perform dunlin.let_next(open); end if;
  return 'accepted';
end $$;

revoke all on function dunlin.turn_of, dunlin.goes_before, dunlin.let_next from public;

-- What somebody does who works one task after another, in one call and one transaction: one ends, and the next of its queue is theirs. Nothing of it stands
-- where the outcome is refused. Where there is no next, or none for a worker whose day is over, there is no row, and the outcome stands. The mark comes first, while
-- the transaction has no number.
create or replace function dunlin.complete_many(results jsonb) returns table (task uuid, result text, code text, message text, hint text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
  looking constant text := '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
begin
  if results is null or jsonb_typeof(results) <> 'array' then
    perform dunlin.fail('DU002', 'complete_many() takes a JSON array', '[{"task": …, "epoch": …, "outcome": …, "payload": {…}, "external_id": …, "at": …}, …]');
  end if;
  -- Case files that a completion locks are locked in one order, or two batches could wait for each other.
  perform 1 from dunlin.case_file f
    where (f.bucket, f.case_id) in (select t.bucket, t.case_id from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and (s.in_order or s.merge)
                                    where t.task = any (array(select (x ->> 'task')::uuid from jsonb_array_elements(results) x where lower(x ->> 'task') ~ looking)))
    order by f.bucket, f.case_id for no key update;
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

create function dunlin.complete_and_lease(task uuid, epoch int4, outcome text default null, payload jsonb default '{}', external_id text default null,
                                          worker text default null, lasting interval default null, at timestamptz default null, moment timestamptz default null)
returns setof dunlin.leased_task
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  its_queue text;
  its_worker text;
begin
  perform dunlin.enter();
  if coalesce(current_setting('dunlin.scope', true), '') <> '' then perform dunlin.must_see(task, null, null, null, false, false); end if;
  if at is not null then perform dunlin.must_be_time(at); end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform dunlin.fail('DU003', format('complete_and_lease() needs read committed, not %s', current_setting('transaction_isolation')),
                        'With an older snapshot it could not see what others took.');
  end if;
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
comment on function dunlin.complete_and_lease is
  'Ends a leased task as complete() does and leases the next one of its queue, for its worker or the one who is named, in one transaction. No row: there is no next, or none for this worker.';
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{complete_and_lease}');
create or replace function dunlin.bound_functions(supervise bool) returns text[] language sql immutable as $$
  select '{lease,heartbeat,extend,release,complete,complete_many,complete_and_lease,withdrawn_tasks,may_contact,record_contact,post_event,post_events,register_of,post_status,post_statuses}'::text[]
         || case when supervise then '{withdraw,reassign,why,set_override}'::text[] else '{}' end
$$;
do $$
declare
  bound name;
begin
  for bound in select l.role from dunlin.bound_login l join pg_roles r on r.rolname = l.role loop
    execute format('grant execute on function dunlin.complete_and_lease to %I', bound);
  end loop;
end $$;

-- ---- a task on a list of the day, given to all again or to somebody else ----

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
  -- What stood on somebody's list of the day stands there no longer, unless it is theirs.
  update dunlin.task_open t set assigned = number, listed = case when t.assigned = number then t.listed end, seq = nextval('dunlin.turn')
    where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
  return 'reassigned';
end $$;
