-- Leasing and ending one task in fewer statements: what each of them does costs less than to begin and to end it. Nothing is decided otherwise than before.

-- ---- the states of an open task ----

-- Every update of a row reads the text of its constraints, of its triggers' conditions and of what it computes anew: the shorter they are the better. One constraint says what
-- six did, and `when` is a figure for from and to.
alter table dunlin.task_open
  drop constraint task_open_status, drop constraint task_open_leased, drop constraint task_open_marked, drop constraint task_open_lead, drop constraint task_open_waits,
  drop constraint task_open_dead,
  add constraint task_open_stands check (
    case when status = 1 then lease_until is not null and worker is not null
         else status in (0, 5, 6) and num_nonnulls(lease_until, worker, lead) = 0 and not marked and (status = 0 or wakes = 'infinity') and (status <> 6 or reason is not null) end);
drop trigger task_moves on dunlin.task_open;
-- 0 ready, 1 leased, 5 withheld, 6 dead_letter; from 1 to 6 is 16. A lease always has a number of its own.
create trigger task_moves before update on dunlin.task_open for each row
  when (new.lease_epoch < old.lease_epoch
        or (old.status <> new.status and (old.status * 10 + new.status <> all ('{1,10,5,50,16,60}') or (new.status = 1 and new.lease_epoch = old.lease_epoch))))
  execute function dunlin.refuse_move();

-- ---- from where ----

-- enter(), and whether there is a part that this session is bound to.
create function dunlin.has_part() returns bool
language plpgsql as $$
begin
  perform dunlin.enter();
  return coalesce(current_setting('dunlin.scope', true), '') <> '';
end $$;

-- ---- taking ----

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
  scoped := dunlin.has_part();
  if scoped then perform dunlin.must_see(null, queue, null, null, true, true); end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    perform dunlin.fail('DU003', format('lease() needs read committed, not %s', current_setting('transaction_isolation')),
                        'With an older snapshot it could not see what others took.');
  end if;
  if n is null or n < 1 or n > 1000 then perform dunlin.fail('DU002', format('lease() hands out 1 to 1000 tasks, not %s', coalesce(n::text, 'null'))); end if;
  -- Who has neither hours nor a capacity, for a queue that asks for nothing, need not be looked at. A round or a mark that lies ahead of the clock is not fresh.
  select s as setting, w as person,
      w.schedule is not null or w.capacity is not null or not w.active or w.territories <> '{}' or s.needs <> '[]'
        or exists (select 1 from dunlin.worker_absence a where a.worker = w.id and a.cancelled_at is null)
        or exists (select 1 from dunlin.worker_exception e where e.worker = w.id) as bounded,
      (select clock_timestamp() - r.at between interval '0' and interval '1 second' from dunlin.queue_round r order by r.at desc limit 1) as round_is_fresh,
      (select x.last_value from dunlin.turn x) - m.seq < 256 and clock_timestamp() - m.at between interval '0' and interval '1 second' as mark_is_fresh
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
        -- The next band that has something: the first place behind its cursor; or null, where the cursor had better move: what is left behind it, every lease
        -- that passes this band looks at while somebody holds an old snapshot.
        select g.b, coalesce(h.seq, 0) as head, f.seq as first into place
          from generate_series(from_band, 15) g(b)
            left join lateral (select max(x.seq) as seq from dunlin.queue_head x where x.queue = setting.queue and x.band = g.b::int2) h on true
            left join lateral (select t.seq from dunlin.task_open t where t.queue = setting.queue and t.band = g.b::int2 and t.seq > coalesce(h.seq, 0)
                                 and t.wakes is null and t.assigned is null and t.status = 0 order by t.seq limit 1) f on true
          where f.seq is not null or safe - coalesce(h.seq, 0) > 512 limit 1;
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

-- As before; only what does not fit is looked at field by field, for a message.
create or replace function dunlin.check_payload(type int4, name text, payload jsonb) returns void
language plpgsql stable as $$
#variable_conflict use_variable
declare
  field record;
  fields text;
begin
  if jsonb_typeof(payload) = 'object' then
    perform 1 from dunlin.event_type e where e.id = type and not e.of_request
      and not exists (select 1 from dunlin.event_field f
                      where f.type = type and case when coalesce(jsonb_typeof(payload -> f.name), 'null') = 'null' then not f.optional
                                                   else not dunlin.fits(payload -> f.name, f.kind, f.literals) end)
      and (payload = '{}' or not exists (select 1 from jsonb_object_keys(payload) n(name)
                                         where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name)));
    if found then return; end if;
  end if;
  if exists (select 1 from dunlin.event_type e where e.id = type and e.of_request) then
    perform dunlin.fail('DU030', format('`%s` is no event that somebody reports', name),
                        'It follows from a decision: `dunlin approval approve`, or the pass that grants.');
  end if;
  if jsonb_typeof(payload) <> 'object' then perform dunlin.fail('DU022', format('the payload of `%s` must be a JSON object', name), 'For example {"amount": 12.50}.'); end if;
  for field in select f.name, f.kind, f.optional, f.literals, payload -> f.name as value from dunlin.event_field f where f.type = type loop
    if field.value is null or jsonb_typeof(field.value) = 'null' then
      if not field.optional then
        perform dunlin.fail('DU022', format('`%s` lacks the field `%s`', name, field.name), format('It is a %s and must be given.', field.kind));
      end if;
    elsif not dunlin.fits(field.value, field.kind, field.literals) then
      perform dunlin.fail('DU022', format('the field `%s` of `%s` is a %s; %s is none', field.name, name, field.kind, field.value),
        case when field.kind = 'enum' then 'One of ' || array_to_string(field.literals, ', ') || '.'
             when field.kind in ('date', 'time', 'datetime') then 'As a text in ISO 8601, for example "2026-03-31".'
             when field.kind in ('money', 'decimal', 'number', 'int') then 'As a JSON number, without quotes.' end);
    end if;
  end loop;
  for field in select n.name from jsonb_object_keys(payload) n(name) where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name) loop
    select string_agg(f.name, ', ' order by f.name) into fields from dunlin.event_field f where f.type = type;
    perform dunlin.fail('DU022', format('`%s` has no field `%s`', name, field.name), 'Fields: ' || coalesce(fields, 'none') || '.');
  end loop;
end $$;

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
  if dunlin.has_part() then perform dunlin.must_see(task, null, null, null, false, false); end if;
  -- Where tasks go together, or one after another, it is behind the lock of the case file.
  select t as open, s as setting, w.capacity is not null or w.territories <> '{}' as counted,
      exists (select 1 from dunlin.contact c where c.bucket = t.bucket and c.case_id = t.case_id and c.task = t.task and c.epoch = t.lease_epoch and c.kind in ('reserved', 'unknown'))
        as held into seen
    from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue left join dunlin.worker w on w.id = t.worker
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
  if open.status <> 1 or open.lease_epoch is distinct from epoch then perform dunlin.check_lease(open, epoch); end if;
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
    if seen.held is not false then
      perform dunlin.settle_contact(open, dunlin.contact_kind(kind.name), kind.name, at, case when kind.id is not null then external_id end);
    end if;
    perform dunlin.complete_one(open, setting, kind, payload, external_id, at);
  end if;
  if seen.counted is not false then perform dunlin.note_ended(open.worker, setting, at); end if;
  if setting.in_order then perform dunlin.let_next(open); end if;
  return 'accepted';
end $$;

revoke all on function dunlin.has_part from public;
