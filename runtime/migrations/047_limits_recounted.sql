-- What a recount of limits found. Hours and pauses mean the same local time as in the engine, also where clocks change: what comes twice means its first time, what is passed over the first
-- instant behind it. Two conversations that the same task led, one after the other, are two: the first one, of which nobody was heard again, took the second one for itself. And work
-- of a queue without outcomes comes to none: while somebody held it, it closed every pause.

-- The first instant at which clocks show this; where they pass over it, the first one behind the gap.
create function dunlin.shown_at(shown timestamp, zone text) returns timestamptz
language plpgsql immutable parallel safe as $$
#variable_conflict use_variable
declare
  found timestamptz := shown at time zone zone;  -- the later one of two; where there is none, by the offset before the gap
  before timestamptz;
  middle timestamptz;
  earlier interval;
begin
  if found at time zone zone = shown then
    foreach earlier in array array[interval '2 hours', interval '1 hour', interval '30 minutes'] loop
      if (found - earlier) at time zone zone = shown then return found - earlier; end if;
    end loop;
    return found;
  end if;
  before := found - (found at time zone zone - shown);
  while found - before > interval '1 second' loop
    middle := date_trunc('second', before + (found - before) / 2);
    if (middle at time zone zone) - (middle at time zone 'UTC') = (found at time zone zone) - (found at time zone 'UTC') then found := middle; else before := middle; end if;
  end loop;
  return found;
end $$;
revoke all on function dunlin.shown_at from public;

-- These functions are otherwise as they were.
do $$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('hours_open', 'opens := (day::timestamp + piece.from_s * interval ''1 second'') at time zone zone;', 'opens := dunlin.shown_at(day::timestamp + piece.from_s * interval ''1 second'', zone);'),
    ('hours_open', 'closes := (day::timestamp + piece.to_s * interval ''1 second'') at time zone zone;', 'closes := dunlin.shown_at(day::timestamp + piece.to_s * interval ''1 second'', zone);'),
    ('pause_ends', 'return day::timestamp at time zone zone;', 'return dunlin.shown_at(day::timestamp, zone);'),
    ('judge_limits', '(line.to_date + 1)::timestamp at time zone zone', 'dunlin.shown_at((line.to_date + 1)::timestamp, zone)'),
    ('may_be_outcome', 'if root is not null and not exists (select 1 from unnest(wanted) w where w = root or starts_with(w, root || ''.'') or starts_with(root, w || ''.'')) then',
     'if found and (root is null or not exists (select 1 from unnest(wanted) w where w = root or starts_with(w, root || ''.'') or starts_with(root, w || ''.''))) then'),
    ('room_in', 'seen uuid[] := ''{}'';', 'seen text[] := ''{}'';'),
    ('room_in', 'continue when contact.conversation = any (seen);', 'continue when contact.conversation || '' '' || contact.first = any (seen);'),
    ('room_in', 'seen := seen || contact.conversation;', 'seen := array_append(seen, contact.conversation || '' '' || contact.first);'),
    ('room_in', '((contact.last at time zone zone)::date + line.length::int)::timestamp at time zone zone', 'dunlin.shown_at(((contact.last at time zone zone)::date + line.length::int)::timestamp, zone)')
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $$;
