-- Queues whose tasks go out in a register a day: each item has a number of a range, the register is a file, and statuses come back by number.

create table dunlin.number_range (
  id     int4 generated always as identity primary key,
  queue  int4 not null references dunlin.queue_setting,
  prefix text not null default '',
  suffix text not null default '',
  low    int8 not null,
  high   int8 not null,
  digits int2 not null,
  next   int8 not null,          -- high + 1: used up
  gone   bool not null default false,  -- no longer in the bundle
  unique (queue, prefix, suffix, digits, low, high),
  check (low <= high and next between low and high + 1)
);
create table dunlin.register (
  id      int8 generated always as identity primary key,
  queue   int4 not null references dunlin.queue_setting,
  day     date not null,
  name    text not null,
  made_at timestamptz not null,
  items   int4 not null,
  left_behind int4 not null default 0,  -- no number was left for them
  unique (queue, day)
);
create table dunlin.register_item (
  register int8 not null references dunlin.register,
  number   text not null,
  queue    int4 not null,
  bucket   int4 not null,
  case_id  int8 not null,
  instance_id int8 not null,
  task     uuid not null unique,
  epoch    int4 not null,
  nth      int4 not null,
  treatment text not null,
  identity int8 not null,
  fields   jsonb,
  last_status text,
  status_at timestamptz,
  primary key (queue, number)
);
create index register_item_register on dunlin.register_item (register, nth);

-- With the check digit that the queue's numbers have.
create function dunlin.printed_number(prefix text, digits text, suffix text, check_digit int2) returns text
language plpgsql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  sum int := 0;
  weights constant int[] := '{8,6,4,2,3,5,9,7}';
begin
  if check_digit = 0 then return prefix || digits || suffix; end if;
  for n in 1 .. length(digits) loop
    sum := sum + substr(digits, n, 1)::int * case when check_digit = 8 then weights[n] when (length(digits) - n) % 2 = 0 then 3 else 1 end;
  end loop;
  if check_digit = 8 then
    sum := 11 - sum % 11;
    sum := case sum when 10 then 0 when 11 then 5 else sum end;
  else
    sum := (10 - sum % 10) % 10;
  end if;
  return prefix || digits || sum || suffix;
end $$;

-- The next number of a queue; null: none is left.
create function dunlin.take_number(setting dunlin.queue_setting) returns text
language plpgsql as $$
#variable_conflict use_variable
declare
  range dunlin.number_range;
begin
  select r.* into range from dunlin.number_range r where r.queue = setting.queue and not r.gone and r.next <= r.high order by r.id limit 1 for update;
  if not found then return null; end if;
  update dunlin.number_range r set next = r.next + 1 where r.id = range.id;
  return dunlin.printed_number(range.prefix, lpad(range.next::text, range.digits, '0'), range.suffix, setting.check_digit);
end $$;

-- Makes the registers whose hour has come and that are not made yet: today's, or before its hour yesterday's, for who runs the engine once a night. What
-- goes into one is out: its contact is an attempt, it is held until its status comes. What waits, or was asked for behind the hour, stays for the next.
create function dunlin.make_registers(at timestamptz) returns int
language plpgsql as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting;
  zone text := coalesce((select p.timezone from dunlin.prepared p), 'UTC');
  local timestamp := at at time zone zone;
  day date;
  made int := 0;
begin
  for setting in select s.* from dunlin.queue_setting s where s.batch_at is not null and s.paused_at is null order by s.queue loop
    day := local::date - (setting.batch_at > extract(epoch from local::time))::int;
    continue when exists (select 1 from dunlin.register r where r.queue = setting.queue and r.day >= day);
    continue when dunlin.queue_stopped(setting.queue, at);  -- made by the first pass after contact may go on
    continue when setting.batch_working and not dunlin.works_on(day, coalesce((select s.odd_days from dunlin.schedule s where s.name = ''), '{}'));
    perform dunlin.make_register(setting, day, at, (day::timestamp + setting.batch_at * interval '1 second') at time zone zone);
    made := made + 1;
  end loop;
  return made;
end $$;

create function dunlin.make_register(setting dunlin.queue_setting, day date, at timestamptz, asked_by timestamptz) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  register int8;
  me int4 := dunlin.worker_number(format('register %s', coalesce(setting.register_name, setting.name)));
  numbered bool := exists (select 1 from dunlin.number_range r where r.queue = setting.queue);
  stops bool := setting.contacts and exists (select 1 from dunlin.contact_stop s where s.lifted_at is null);
  open dunlin.task_open;
  held record;
  number text;
  items int := 0;
  behind int := 0;
begin
  perform 1 from dunlin.queue_setting s where s.queue = setting.queue for no key update;
  insert into dunlin.register (queue, day, name, made_at, items) values (setting.queue, day, coalesce(setting.register_name, setting.name), at, 0)
    on conflict on constraint register_queue_day_key do nothing returning id into register;
  if register is null then return; end if;
  perform dunlin.turn_over(true);
  for open in select t.* from dunlin.task_open t where t.queue = setting.queue and t.status = 0 and t.wakes is null and t.assigned is null and t.not_before <= at
                and exists (select 1 from dunlin.task_body b where b.bucket = t.bucket and b.case_id = t.case_id and b.task = t.task and b.created_at <= asked_by)
              order by t.band, t.priority desc, t.not_before, t.due, t.seq loop
    perform 1 from dunlin.case_file f where f.bucket = open.bucket and f.case_id = open.case_id for no key update skip locked;
    continue when not found;
    select t.* into open from dunlin.task_open t where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task and t.status = 0 and t.wakes is null for update skip locked;
    continue when not found;
    held := dunlin.hold_back(open, setting, me, at, stops);
    if held.why is not null then
      update dunlin.task_open t set wakes = held.again, reason = held.why where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
      continue;
    end if;
    items := items + 1;
    number := case when numbered then dunlin.take_number(setting) else format('%s-%s-%s', setting.name, day, items) end;
    if number is null then
      items := items - 1;
      behind := behind + 1;
      continue;
    end if;
    if setting.contacts then
      perform dunlin.reserve_contact(open, setting, me, at, null);
      update dunlin.contact c set kind = 'attempt', happened_at = at
        where c.bucket = open.bucket and c.case_id = open.case_id and c.task = open.task and c.epoch = open.lease_epoch + 1 and c.kind = 'reserved';
    end if;
    update dunlin.task_open t set status = 1, lease_until = 'infinity', lease_epoch = t.lease_epoch + 1, worker = me, reason = null
      where t.bucket = open.bucket and t.case_id = open.case_id and t.task = open.task;
    insert into dunlin.hand_out (queue, leased_at, until, bucket, case_id, task, epoch, worker)
      values (open.queue, clock_timestamp(), 'infinity', open.bucket, open.case_id, open.task, open.lease_epoch + 1, me);
    insert into dunlin.register_item (register, number, queue, bucket, case_id, instance_id, task, epoch, nth, treatment, identity, fields)
      select register, number, open.queue, open.bucket, open.case_id, open.instance_id, open.task, open.lease_epoch + 1, items, b.treatment, b.identity, b.fields
      from dunlin.task_body b where b.bucket = open.bucket and b.case_id = open.case_id and b.task = open.task;
  end loop;
  update dunlin.register r set items = items, left_behind = behind where r.id = register;
  perform dunlin.note_audit(null, 'make register', jsonb_build_object('queue', setting.name, 'day', day, 'items', items, 'without a number', behind));
end $$;

create function dunlin.register_of(queue text, day date default null) returns table (number text, register text, day_made date, nth int4, entity text, key text, debtor text, treatment text, fields jsonb, status text, status_at timestamptz)
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
  return query select i.number, wanted.name, wanted.day, i.nth, k.entity, k.key, d.key, i.treatment, i.fields, i.last_status, i.status_at
    from dunlin.register_item i
    left join dunlin.instance_key k on k.bucket = i.bucket and k.case_id = i.case_id and k.id = i.instance_id
    left join dunlin.instance_key d on d.bucket = i.bucket and d.case_id = i.case_id and d.id = i.case_id
    where i.register = wanted.id order by i.nth;
end $$;
comment on function dunlin.register_of is 'The items of a queue''s register of a day, or of the last one.';

-- A status by the number that is printed on the item. The first one completes its task; later ones (returned after it was delivered) are events too.
create function dunlin.post_status(queue text, number text, outcome text, payload jsonb default '{}', at timestamptz default null, external_id text default null) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  setting dunlin.queue_setting := dunlin.setting_of(queue);
  item dunlin.register_item;
  open dunlin.task_open;
  kind dunlin.event_type;
  answer text;
begin
  if not setting.by_barcode then perform dunlin.fail('DU051', format('statuses of `%s` do not come by number', queue), 'The bundle does not say `status by barcode`.'); end if;
  number := regexp_replace(coalesce(number, ''), '\s', '', 'g');
  select i.* into item from dunlin.register_item i where i.queue = setting.queue and i.number = number;
  if not found then perform dunlin.fail('DU050', format('no item of `%s` has the number `%s`', queue, number), 'dunlin queue register shows what went out.'); end if;
  at := coalesce(at, clock_timestamp());
  kind := dunlin.outcome_of(setting, outcome);
  external_id := coalesce(nullif(external_id, ''), format('%s %s %s', number, kind.name, at at time zone 'UTC'));
  open := null;
  select t.* into open from dunlin.task_open t where t.bucket = item.bucket and t.case_id = item.case_id and t.task = item.task and t.status = 1 and t.lease_epoch = item.epoch;
  if found then
    update dunlin.contact c set kind = 'unknown' where c.bucket = item.bucket and c.case_id = item.case_id and c.task = item.task and c.epoch = item.epoch and c.kind = 'attempt';
    answer := dunlin.complete(item.task, item.epoch, outcome, payload, external_id, at);
  else
    payload := coalesce(payload, '{}');
    perform dunlin.check_payload(kind.id, kind.name, payload);
    perform 1 from dunlin.case_file f where f.bucket = item.bucket and f.case_id = item.case_id for no key update;
    answer := case when dunlin.put_event(item.bucket, item.case_id, dunlin.owner_of(item.bucket, item.case_id, item.instance_id, kind.owner), kind.id, at, 'queue', external_id,
                                         jsonb_build_object('cost', 0) || payload || jsonb_build_object('treatment', item.treatment, 'task_identity', item.identity))
                   then 'accepted' else 'duplicate' end;
  end if;
  if answer = 'accepted' then update dunlin.register_item i set last_status = kind.name, status_at = at where i.queue = item.queue and i.number = item.number; end if;
  return answer;
end $$;
comment on function dunlin.post_status is 'What became of an item that went out in a register, by its number. The same status of the same instant again answers duplicate.';

create function dunlin.post_statuses(queue text, rows jsonb) returns table (number text, result text, code text, message text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item jsonb;
begin
  if rows is null or jsonb_typeof(rows) <> 'array' then perform dunlin.fail('DU002', 'post_statuses() takes a JSON array', '[{"number": "RR00000001 5", "status": "delivered", "at": …}]'); end if;
  perform dunlin.setting_of(queue);
  for item in select x from jsonb_array_elements(rows) x loop
    number := item ->> 'number'; code := null; message := null;
    begin
      result := dunlin.post_status(queue, number, item ->> 'status', coalesce(item -> 'payload', '{}'), (item ->> 'at')::timestamptz, item ->> 'external_id');
    exception when sqlstate 'DU013' or sqlstate 'DU020' or sqlstate 'DU021' or sqlstate 'DU022' or sqlstate 'DU032' or sqlstate 'DU050' or sqlstate 'DU051' or data_exception then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      result := 'refused';
    end;
    return next;
  end loop;
end $$;
comment on function dunlin.post_statuses is 'post_status() for a JSON array; each has its own result: accepted, duplicate or refused with the reason.';

revoke all on dunlin.number_range, dunlin.register, dunlin.register_item from public;
revoke all on function dunlin.printed_number, dunlin.take_number, dunlin.make_registers, dunlin.make_register, dunlin.register_of, dunlin.post_status, dunlin.post_statuses from public;
select dunlin.let('{dunlin_consumer,dunlin_supervisor}', '{post_status,post_statuses,register_of}');
