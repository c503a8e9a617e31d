-- What readers of 045 to 052 found: ways back into a queue that did not know what was called back, a register that was not told that something is over, and rounds that worked within a
-- consumer's transaction.

-- ---- what was called back and comes back ----

-- A stop may end by itself, a file may come, a line of limits may be over: nobody tells a register of it. So it is asked once a minute; there are as many as are out and called back.
alter table dunlin.tended add column let_go_at timestamptz;

-- The time that the engine has come to: now, unless a virtual clock carries the portfolio, which went on from the engine's last pass.
create function dunlin.engine_time() returns timestamptz
language sql stable as $$
  select coalesce((select t.at + (clock_timestamp() - t.clock) from dunlin.tended t where abs(extract(epoch from t.at - t.clock)) > 3600), clock_timestamp())
$$;
revoke all on function dunlin.engine_time from public;

-- These functions are otherwise as they were.
do $do$
declare
  change record;
  was text;
begin
  for change in select * from (values
    -- The third way back into a queue, as give_back().
    ('delivery_failed', $$    if open.marked then
      perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away'));$$,
     $$    perform dunlin.look_again(open.bucket, open.case_id);
    if open.marked and open.called_back is distinct from 2 then
      perform dunlin.finish(open, 3::int2, clock_timestamp(), coalesce(open.reason, 'its reason went away'));$$),
    ('delivery_failed', $$set status = 6, wakes = 'infinity', lease_until$$, $$set status = 6, wakes = 'infinity', marked = false, called_back = null, lease_until$$),

    ('what_calls_back', $$moment timestamptz := clock_timestamp();$$, $$moment timestamptz := dunlin.engine_time();$$),

    -- Not within a lease: that kept the stop, and tasks of others, locked for as long as the consumer's transaction stood open. Engine's passes tell it, the first one at once, and as long as
    -- only the oldest transaction is waited for every 15 seconds.
    ('turn_over', $$  if exists (select 1 from dunlin.contact_stop s where s.told is not null$$, $$  if at_once and exists (select 1 from dunlin.contact_stop s where s.told is not null$$),
    ('tend_queues', $$  if clock_timestamp() - last_time.clock between interval '0' and interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15 then return; end if;$$,
     $$  if clock_timestamp() - last_time.clock between interval '0' and interval '15 seconds' and abs(extract(epoch from last_time.at - at)) < 15
     and not exists (select 1 from dunlin.contact_stop s where s.told is not null and s.horizon is null and (not s.told or s.until <= clock_timestamp())) then return; end if;$$),
    ('tend_queues', $$  perform dunlin.make_registers(at);$$, $$  if last_time.let_go_at is null or clock_timestamp() - last_time.let_go_at not between interval '0' and interval '1 minute' then
    if exists (select 1 from dunlin.task_open t where t.marked and t.called_back in (2, 6) and t.lease_until = 'infinity') then perform dunlin.let_go(); end if;
    update dunlin.tended t set let_go_at = clock_timestamp();
  end if;
  perform dunlin.make_registers(at);$$),

    -- A refusal in Dunlin's own words, as every other.
    ('moment', $$errcode = 'invalid_datetime_format'$$, $$errcode = 'DU022'$$),
    -- A place is as good as an offset: 2026-05-04 08:00 Europe/Warsaw.
    ('moment', $$([Zz]|[+-]\d\d(:?\d\d)?)$'$$, $$([Zz]|[+-]\d\d(:?\d\d)?|[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_+-]*)+)$'$$),
    ('moment', $$invalid_time_zone_displacement_value then$$, $$invalid_time_zone_displacement_value or invalid_parameter_value then$$),
    ('moment', $$there is no such day or hour$$, $$there is no such day, hour or place$$),
    -- By the time that the engine has come to: a portfolio may be carried by a virtual clock.
    ('campaign_start_within', $$last < (select (clock_timestamp() at time zone p.timezone)::date from dunlin.prepared p)$$,
     $$last < (select (least(clock_timestamp(), (select t.at from dunlin.tended t)) at time zone p.timezone)::date from dunlin.prepared p)$$),
    ('bulk_read', $$exception when data_exception then$$, $$exception when data_exception or sqlstate 'DU022' then$$),
    ('bound_functions', $$post_status,post_statuses,$$, $$post_status,post_statuses,moment,$$),

    -- A wish for another step is one, also where another stands already.
    ('end_override', $$set wake_at = least(f.wake_at, timestamptz '2000-01-01') where$$, $$set wake_at = least(f.wake_at, timestamptz '2000-01-01') - interval '1 microsecond' where$$),

    -- Whoever holds it goes on with it, and it is theirs also when they give it back.
    ('reassign_within', $$then return 'unchanged'; end if;$$, $$then
    if open.status = 1 and open.assigned is distinct from person.id then
      update dunlin.task_open t set assigned = person.id, listed = null where t.bucket = open.bucket and t.case_id = open.case_id and t.task = task;
    end if;
    return 'unchanged';
  end if;$$),

    -- All lines of a batch in the order in which a stop takes them.
    ('acknowledge_withdrawals_within', $$  for item in select x from jsonb_array_elements(rows) x loop$$,
     $$  perform 1 from dunlin.register_item i join dunlin.queue_setting s on s.queue = i.queue and s.name = queue
    where i.number in (select regexp_replace(x ->> 'number', '\s', '', 'g') from jsonb_array_elements(rows) x) order by i.bucket, i.case_id, i.task for update of i;
  for item in select x from jsonb_array_elements(rows) x loop$$)
  ) c(name, old_text, new_text) loop
    select pg_get_functiondef(p.oid) into strict was from pg_proc p where p.pronamespace = 'dunlin'::regnamespace and p.proname = change.name;
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $do$;

-- ---- what is asked often ----

-- Whoever asks what of theirs was withdrawn reads their own hand-outs, and not those of everybody whose time is not over.
create index hand_out_worker on dunlin.hand_out (worker, until);

-- ---- times ----

-- Nobody's but those who are named, as every function; what it tells is the zone.
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{moment}');
do $$
declare
  bound name;
begin
  for bound in select l.role from dunlin.bound_login l join pg_roles r on r.rolname = l.role loop
    execute format('grant execute on function dunlin.moment to %I', bound);
  end loop;
end $$;
