-- What limits, stops and overrides rest on must be true: when a contact was made, at what hour a hand-out is judged, whom a stop is about.

-- ---- the instant of an outcome, and the hour that a hand-out is judged at ----

-- Clocks that differ by no more than this are taken for one.
create function dunlin.clocks_agree() returns interval language sql immutable parallel safe as $$ select interval '10 minutes' $$;

-- Business time (027); where nobody watches it, the database's.
create function dunlin.business_now() returns timestamptz
language sql volatile set search_path = pg_catalog, dunlin, pg_temp as $$
  select clock_timestamp() + coalesce((select c.business_at - c.database_at from dunlin.business_clock c), interval '0')
$$;

-- Limits count an outcome where its caller says it was, and the caller may be wrong. What was done for a task was done after it was handed out and before now; the ledger knows
-- both. A little outside is a clock that goes wrong, and is moved inside; anything else is refused. A task that was handed out at another time than the business clock showed
-- belongs to a simulation, or to a machine whose clock is wrong: of that only the beginning is known.
create function dunlin.outcome_time(open dunlin.task_open, at timestamptz) returns timestamptz
language plpgsql as $$
#variable_conflict use_variable
declare
  contact record;
  slack constant interval := dunlin.clocks_agree();
  latest timestamptz;
begin
  select c.at, c.recorded_at into contact from dunlin.contact c
    where c.bucket = open.bucket and c.case_id = open.case_id and c.kind in ('reserved', 'unknown')
      and ((c.task = open.task and c.epoch = open.lease_epoch)
           or (c.task = open.lead and c.epoch = (select t.lease_epoch from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.lead)))
    order by (c.task = open.task) desc limit 1;
  if not found then return at; end if;
  if contact.at - (contact.recorded_at + (dunlin.business_now() - clock_timestamp())) between -slack and slack then
    latest := greatest(contact.at + (clock_timestamp() - contact.recorded_at), dunlin.business_now());
    if at between contact.at - slack and latest + slack then return least(greatest(at, contact.at), latest); end if;
  elsif at >= contact.at - interval '25 hours' then
    return greatest(at, contact.at);
  end if;
  perform dunlin.fail('DU022', format('an outcome at %s is not of this lease: the task was handed out at %s%s', at, contact.at, ', and now it is ' || latest),
                      'Leave `at` out where it happened just now; if it did not, look at the clock and the time zone of whoever reports.');
  return null;
end $$;

-- A carrier says the day and no hour, and the register is made in the afternoon.
create function dunlin.status_time(bucket int4, case_id int8, task uuid, epoch int4, at timestamptz) returns timestamptz
language sql stable as $$
  select coalesce((select c.at from dunlin.contact c where c.bucket = $1 and c.case_id = $2 and c.task = $3 and c.epoch = $4 and c.at > $5 and c.at - interval '25 hours' <= $5
                   order by c.at desc limit 1), $5)
$$;

-- At what hour limits are judged is not for whoever asks to choose. The owner of the database may: so tests and simulations do, and a server with its own clock.
create function dunlin.must_be_now(at timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
  if at is null or pg_has_role(session_user, current_user, 'member') or not exists (select 1 from dunlin.business_clock) then return; end if;
  if at - dunlin.business_now() between -dunlin.clocks_agree() and dunlin.clocks_agree() then return; end if;
  perform dunlin.fail('DU022', format('limits and hours are judged now, at %s, not at %s', date_trunc('second', dunlin.business_now()), at),
                      'Leave `at` out. Only the owner of the database asks about another time.');
end $$;

-- These functions are otherwise as they were.
do $$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('lease', 'if at is not null then perform dunlin.must_be_time(at); end if;', 'if at is not null then
    perform dunlin.must_be_time(at);
    perform dunlin.must_be_now(at);
  end if;'),
    ('complete', 'at := coalesce(at, clock_timestamp());', 'at := case when at is null then clock_timestamp() else dunlin.outcome_time(open, at) end;'),
    ('post_status_within', 'answer := dunlin.complete(item.task, item.epoch, outcome, payload, external_id, at);',
     'answer := dunlin.complete(item.task, item.epoch, outcome, payload, external_id, dunlin.status_time(item.bucket, item.case_id, item.task, item.epoch, at));'),
    ('set_override_within', 'return number;', 'if kind = ''exclude'' then
    -- Whoever holds one of them is told, as by a stop.
    update dunlin.task_open t set marked = true, reason = format(''override: it is excluded until %s: %s (by %s)'', told.until, told.reason, told.who)
      from dunlin.queue_setting s where s.queue = t.queue and (queue is null or s.name = queue) and t.bucket = place.bucket and t.case_id = place.case_id
        and (t.instance_id = place.id or place.id = place.case_id) and t.status = 1 and not t.marked;
  end if;
  return number;'),
    ('stop_hits', 'stop.address is distinct from address', 'dunlin.same_address(stop.address, address) is not true')
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $$;

-- ---- at the moment of dialling ----

-- Whatever keeps a task from being handed out keeps the one who holds it from dialling, too.
create or replace function dunlin.may_contact_within(task uuid, phone text default null, at timestamptz default null, out allowed bool, out reason text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  queue text;
  seen record;
  told dunlin.override;
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
  select f.set_aside, b.expires, b.time_window,
      exists (select 1 from dunlin.inbox i where i.bucket = open.bucket and i.case_id = open.case_id and i.at <= at) as news
    into seen from dunlin.case_file f left join dunlin.task_body b on b.bucket = f.bucket and b.case_id = f.case_id and b.task = open.task
    where f.bucket = open.bucket and f.case_id = open.case_id;
  told := dunlin.standing_override(open.bucket, open.case_id, open.instance_id, 'exclude', queue, at);
  reason := case
    when open.status <> 1 then 'nobody holds the task'
    when open.lease_until < clock_timestamp() then 'the lease has ended'
    when open.marked then coalesce(open.reason, 'its reason is gone')
    when seen.set_aside then 'its case file is set aside'
    when seen.news then 'news about its case file has not been read yet'
    when seen.expires <= at then 'it has expired'
    when told.id is not null then format('override: it is excluded until %s: %s (by %s)', told.until, told.reason, told.who)
    when dunlin.window_opens(seen.time_window, at) is not null then 'it is outside the hours of its rule'
    else coalesce(dunlin.stop_reason(open.bucket, open.case_id, open.instance_id, queue, phone, at), dunlin.hand_out_refusal(open.bucket, open.case_id, open.task, at)) end;
  allowed := reason is null;
end $$;

-- ---- whom a stop is about ----

-- An address as it is compared. A telephone number: its digits, with the country where it is given by + or 00; a mail address: in small letters; anything else: its words.
create function dunlin.plain_address(address text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select case
    when strpos($1, '@') > 0 then lower(regexp_replace($1, '^\s*mailto:|\s', '', 'gi'))
    when $1 ~* '^\s*((tel|sms):)?[-–\d\s()+./]+$' and $1 ~ '\d' then
      regexp_replace(regexp_replace(replace($1, '(0)', ''), '[^\d+]', '', 'g'), '^(\+|00)|\+', '', 'g')
    else lower(btrim(regexp_replace($1, '\s+', ' ', 'g'))) end
$$;

-- Whether a number is another one without its country.
create function dunlin.number_within(short text, whole text) returns bool
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select length(x.own) >= case when x.own <> $1 then 6 else 9 end and length($2) - length(x.own) between 1 and 3 and left($2, 1) <> '0' and right($2, length(x.own)) = x.own
  from (select regexp_replace($1, '^0', '') as own) x
$$;

-- Whether both are one address. A number without its country (030 1234) is the one with it (+49 30 1234).
create function dunlin.same_address(one text, other text) returns bool
language sql immutable parallel safe set search_path = pg_catalog, dunlin, pg_temp as $$
  select x.a = x.b or (x.a ~ '^\d+$' and x.b ~ '^\d+$' and (dunlin.number_within(x.a, x.b) or dunlin.number_within(x.b, x.a)))
  from (select dunlin.plain_address($1) as a, dunlin.plain_address($2) as b) x
$$;

-- How many instances a stop is about, and how many open tasks it keeps back; null: nobody can count them (an address is asked about when somebody dials; everybody).
create function dunlin.stop_reach(stop dunlin.contact_stop, out instances int8, out tasks int8)
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if stop.address is not null then return; end if;
  if stop.field is not null then
    execute format('select count(*) from portfolio.%I t where t.%I::text = $1', stop.entity, stop.field) into instances using stop.value;
    execute format('with hit as materialized (select t.dunlin_bucket as bucket, t.dunlin_case as case_id, t.dunlin_id as id from portfolio.%2$I t where t.%1$I::text = $1)
      select count(*) from dunlin.task_open o join dunlin.queue_setting s on s.queue = o.queue and s.contacts and ($2 is null or s.name = $2)
      where o.status in (0, 1) and (o.bucket, o.case_id) in (select h.bucket, h.case_id from hit h)
        and ((o.bucket, o.case_id, o.instance_id) in (select h.bucket, h.case_id, h.id from hit h)
             or not exists (select 1 from portfolio.%2$I own
                            where own.dunlin_bucket = o.bucket and own.dunlin_case = o.case_id and own.dunlin_id = o.instance_id and own.%1$I is not null))', stop.field, stop.entity)
      into tasks using stop.value, stop.queue;
    return;
  end if;
  if stop.key is not null then
    instances := 1;
    select count(*) into tasks from dunlin.instance_key k join dunlin.task_open o on o.bucket = k.bucket and o.case_id = k.case_id and k.id in (o.instance_id, o.case_id)
      join dunlin.queue_setting s on s.queue = o.queue and s.contacts and (stop.queue is null or s.name = stop.queue)
      where k.entity = stop.entity and k.key = stop.key and o.status in (0, 1);
    return;
  end if;
  select count(*) into tasks from dunlin.task_open o join dunlin.queue_setting s on s.queue = o.queue and s.contacts and (stop.queue is null or s.name = stop.queue)
    where o.status in (0, 1);
end $$;

create or replace function dunlin.stop_contact_within(reason text, entity text default null, key text default null, field text default null, value text default null,
                                    address text default null, queue text default null, until timestamptz default 'infinity', who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  number int8;
  near text;
  hit bool;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a stop needs a reason', 'stop_contact(''the court forbids it'', entity => ''account'', key => ''A-1'')'); end if;
  if queue is not null then perform dunlin.setting_of(queue); end if;
  if entity is not null and key is null and field is null then
    perform dunlin.fail('DU002', format('a stop of %s needs to say which', entity), 'A key, or a field and its value; with none of the three it is about everybody.');
  end if;
  if until <= clock_timestamp() then perform dunlin.fail('DU002', format('a stop ends at an instant to come, not at %s', until), 'Leave it out to lift the stop by hand.'); end if;
  if address is not null and dunlin.plain_address(address) !~ '\w' then
    perform dunlin.fail('DU002', format('`%s` is no address', address), 'A telephone number, or a mail address.');
  end if;
  if key is not null and not exists (select 1 from dunlin.instance_key k where k.entity = entity and k.key = key) then
    perform dunlin.fail('DU034', format('there is no %s `%s`', coalesce(entity, 'entity for the key'), key));
  end if;
  if field is not null and not exists (select 1 from information_schema.columns c where c.table_schema = 'portfolio' and c.table_name = entity and c.column_name = field) then
    perform dunlin.fail('DU034', format('%s has no field `%s`', coalesce(entity, 'nothing'), field));
  end if;
  if (field is null) <> (value is null) then perform dunlin.fail('DU002', 'a stop by field needs the field and its value'); end if;
  if field is not null then
    execute format('select exists (select 1 from portfolio.%I t where t.%I::text = $1)', entity, field) into hit using value;
    if not hit then
      execute format('select min(t.%2$I::text) from portfolio.%1$I t where lower(t.%2$I::text) = lower(btrim($1))', entity, field) into near using value;
      perform dunlin.fail('DU034', format('no %s has %s `%s`: the stop would be about nobody', entity, field, value),
                          case when near is not null then format('Is `%s` meant?', near) else 'Look at the spelling; small and capital letters differ.' end);
    end if;
  end if;
  insert into dunlin.contact_stop (entity, key, field, value, address, queue, until, reason, who)
    values (entity, key, field, value, address, queue, until, reason, coalesce(who, session_user::text)) returning id into number;
  perform dunlin.note_audit(who, 'stop contact', jsonb_strip_nulls(jsonb_build_object('stop', number, 'entity', entity, 'key', key, 'field', field, 'value', value,
                            'address', address, 'queue', queue, 'until', until, 'reason', reason)));
  return number;
end $$;

-- Its answer says how much it hit.
drop function dunlin.stop_outbound, dunlin.stop_outbound_within;
create function dunlin.stop_outbound(reason text, entity text, key text, field text, value text, address text, queue text, until timestamptz, who text)
returns table (stop int8, marked int8, instances int8, tasks int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  made dunlin.contact_stop;
  held record;
  why text;
begin
  -- Case files before the audit, as everywhere. Who leases meanwhile is asked by may_contact().
  perform 1 from dunlin.case_file f where exists (
      select 1 from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and s.contacts
      where t.bucket = f.bucket and t.case_id = f.case_id and t.status = 1 and not t.marked)
    order by f.bucket, f.case_id for no key update;
  stop := dunlin.stop_contact(reason, entity, key, field, value, address, queue, until, who);
  marked := 0;
  select s.* into made from dunlin.contact_stop s where s.id = stop;
  for held in
    select t.bucket, t.case_id, t.task, t.instance_id, s.name as queue from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue and s.contacts
      where t.status = 1 and not t.marked order by t.bucket, t.case_id, t.task
  loop
    why := dunlin.stop_hits(made, held.bucket, held.case_id, held.instance_id, held.queue, null, clock_timestamp());
    continue when why is null;
    perform 1 from dunlin.case_file f where f.bucket = held.bucket and f.case_id = held.case_id for no key update skip locked;
    continue when not found;
    update dunlin.task_open t set marked = true, reason = why where t.bucket = held.bucket and t.case_id = held.case_id and t.task = held.task and t.status = 1 and not t.marked;
    if found then marked := marked + 1; end if;
  end loop;
  select r.instances, r.tasks into instances, tasks from dunlin.stop_reach(made) r;
  return next;
end $$;
comment on function dunlin.stop_outbound is 'stop_contact(), and those who hold tasks that it stops are told to stop. Says how many instances it is about and how many open tasks it keeps back.';

revoke all on function dunlin.clocks_agree, dunlin.business_now, dunlin.outcome_time, dunlin.status_time, dunlin.must_be_now, dunlin.plain_address, dunlin.same_address,
  dunlin.number_within, dunlin.stop_reach, dunlin.stop_outbound from public;
select dunlin.let('{dunlin_supervisor}', '{stop_outbound}');
select dunlin.put_guard('stop_outbound', guards => false, words => true);
