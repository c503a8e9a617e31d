-- What the ledger is told in other words than the bundle's is counted all the same; a day begins once, also where its first hour comes twice; nothing is given back for good.

-- Whether a channel is one that queues or limits speak of.
create function dunlin.channel_known(channel text) returns bool
language sql stable as $$
  select exists (select 1 from dunlin.queue_setting s where $1 in (s.name, s.channel)) or exists (select 1 from dunlin.limit_line l where $1 = any (l.channels) or $1 = any (l.queues))
$$;

-- The first instant of a local day. `at time zone` takes the later one of two; where the hour after midnight comes twice, the day has begun an hour before that.
create function dunlin.day_begins(midnight timestamp, zone text) returns timestamptz
language sql immutable as $$
  select case when ($1 at time zone $2 - interval '1 hour') at time zone $2 = $1 then $1 at time zone $2 - interval '1 hour' else $1 at time zone $2 end
$$;
revoke all on function dunlin.channel_known, dunlin.day_begins from public;

-- A contact without a queue, over a channel that nobody knows here, counts in every line: who tells of a contact in other words must not have it counted nowhere.
create or replace function dunlin.counts_through(queue text, channel text, line dunlin.limit_line) returns bool
language sql stable as $$
  select case when $1 is not null then $1 = any ($3.queues)
              else $3.any_contact or $2 = any ($3.channels) or exists (select 1 from dunlin.queue_setting s where s.channel = $2 and s.name = any ($3.queues)) or not dunlin.channel_known($2) end
$$;

-- These functions are otherwise as they were.
do $$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('room_in', 'starts := ((at at time zone zone)::date - line.length::int + 1)::timestamp at time zone zone;',
     'starts := dunlin.day_begins(((at at time zone zone)::date - line.length::int + 1)::timestamp, zone);'),
    ('room_in', 'starts := date_trunc(line.time_window, at at time zone zone) at time zone zone;', 'starts := dunlin.day_begins(date_trunc(line.time_window, at at time zone zone), zone);'),
    ('room_in', 'ends := (date_trunc(line.time_window, at at time zone zone) + case line.time_window when ''quarter'' then interval ''3 months'' else (''1 '' || line.time_window)::interval end) at time zone zone;',
     'ends := dunlin.day_begins(date_trunc(line.time_window, at at time zone zone) + case line.time_window when ''quarter'' then interval ''3 months'' else (''1 '' || line.time_window)::interval end, zone);'),
    ('record_contact_within', '  if at is null or not isfinite(at) then', '  -- As queues and limits write it.
  channel := coalesce((select x.name from (select s.name from dunlin.queue_setting s union select s.channel from dunlin.queue_setting s union select unnest(l.channels) from dunlin.limit_line l) x
                       where lower(x.name) = lower(btrim(channel)) order by (x.name = channel) desc, x.name limit 1), channel);
  if at is null or not isfinite(at) then'),
    ('release_within', 'leads := coalesce(open.lead, open.task);', 'leads := coalesce(open.lead, open.task);
  if not_before > clock_timestamp() + interval ''1 year'' then
    perform dunlin.fail(''DU002'', format(''a task is given back for a year at most, not until %s'', not_before), ''Withdraw it if it should not be done at all.'');
  end if;')
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $$;
