-- Contacts go with the rest of the past (docs/decisions/0026), once no limit can count them and nobody stays with a worker because of them.

-- How far back the lines of limits look that were ever in use, with two days for zones; 400 days at least, since a line is written with the first task that bears it, and a version
-- that has just come may count a year. A pause without end is not in it: contact_is_past() asks for each contact.
create function dunlin.limits_reach() returns interval
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select greatest(interval '400 days', interval '2 days' + coalesce(max(case l.kind
    when 'at_most' then case l.time_window when 'day' then interval '1 day' when 'week' then interval '7 days' when 'month' then interval '31 days'
                                           when 'quarter' then interval '92 days' when 'year' then interval '366 days'
                                           when 'days' then make_interval(days => least(l.length, 100000)::int)
                                           else least(l.length, 8640000000000000) * interval '1 microsecond' end
    -- A packed duration: microseconds, days, working days (of which a week has fewer than it has days, and a holiday none), months.
    when 'pause' then case l.pause & 7 when 0 then least(l.pause >> 3, 8640000000000000) * interval '1 microsecond'
                                       when 1 then make_interval(days => least(l.pause >> 3, 100000)::int)
                                       when 2 then make_interval(days => 30 + 2 * least(l.pause >> 3, 100000)::int)
                                       else make_interval(days => 31 * least(l.pause >> 3, 3000)::int) end end), interval '0'))
  from dunlin.limit_line l where l.kind <> 'pause' or l.pause is not null
$$;
comment on function dunlin.limits_reach is 'How far back a limit may count a contact.';

create function dunlin.contact_is_past(contact dunlin.contact, before timestamptz, counted_from timestamptz) returns bool
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select contact.kind <> 'reserved' and greatest(contact.at, contact.happened_at, contact.until) < least(before, counted_from)
    and not exists (select from dunlin.task_open o where o.bucket = contact.bucket and o.case_id = contact.case_id)
    and not exists (select from dunlin.limit_line l where l.kind = 'pause' and l.pause is null and dunlin.may_be_outcome(contact.outcome, contact.kind, contact.queue, l.after))
    and not exists (select from dunlin.queue_setting s where s.sticky_on is not null and (contact.outcome = s.sticky_on or starts_with(contact.outcome, s.sticky_on || '.')))
$$;

-- Drops months that ended before the given instant. Waits a second at most for each, so that a reader in one month does not hold up the others.
create or replace function dunlin.forget_history(before timestamptz) returns table (what text, rows_gone int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  part record;
  gone int8;
  ended text[] := '{}';
  counted int8[] := '{}';
  reach timestamptz := clock_timestamp() - dunlin.limits_reach();
begin
  if before is null or before > clock_timestamp() - interval '1 day' then
    raise exception using errcode = 'DU002', message = 'history can be forgotten up to yesterday, not later', hint = 'Give an instant that lies at least a day back.';
  end if;
  insert into dunlin.history_begin as h (at) values (before) on conflict (single) do update set at = greatest(h.at, excluded.at);
  -- Rows first, which takes its time and stops nobody; then the months, which takes none and stops everybody while it lasts.
  for part in select c.relname::text as name, p.relname::text as history from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
              join pg_namespace n on n.oid = p.relnamespace
              where n.nspname = 'dunlin' and dunlin.history_column(p.relname::text) is not null and c.relname::text !~ '_\d{4}_\d{2}$' order by 1 loop
    execute format('delete from dunlin.%I where %I < $1', part.name, dunlin.history_column(part.history)) using before;
    get diagnostics gone = row_count;
    what := part.name; rows_gone := gone;
    return next;
  end loop;
  -- What the fields of case files were; these tables are made with the entities.
  for part in select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
              where n.nspname = 'portfolio' and c.relkind = 'r' and a.attname = 'dunlin_until' and not a.attisdropped order by 1 loop
    execute format('delete from portfolio.%I where dunlin_until < $1', part.name) using before;
    get diagnostics gone = row_count;
    what := part.name; rows_gone := gone;
    return next;
  end loop;
  -- Contacts that no limit counts any more. They are no partitions: a completion finds its contact by the task, in whatever month it was handed out.
  delete from dunlin.contact c where c.at < least(before, reach) and dunlin.contact_is_past(c, before, reach);
  get diagnostics gone = row_count;
  what := 'contact'; rows_gone := gone;
  return next;
  for part in select c.relname::text as name, greatest(c.reltuples, 0)::int8 as rows_about from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
              join pg_namespace n on n.oid = p.relnamespace
              where n.nspname = 'dunlin' and dunlin.history_column(p.relname::text) is not null and c.relname::text ~ '_\d{4}_\d{2}$'
                and (to_date(right(c.relname::text, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= before order by 1 loop
    ended := ended || part.name;
    counted := counted || part.rows_about;
  end loop;
  perform set_config('lock_timeout', '1s', true);
  for i in 1..cardinality(ended) loop
    begin
      execute format('drop table dunlin.%I', ended[i]);
    exception when lock_not_available then
      raise warning 'somebody reads %; it stays until the next time', ended[i];
      continue;
    end;
    what := ended[i]; rows_gone := counted[i];
    return next;
  end loop;
end $$;
comment on function dunlin.forget_history(timestamptz) is 'Drops the months of history that ended before the instant and what is older in "other", what the fields of case files were '
                                             'before it, and older contacts that no limit counts any more. Events, states and the audit are kept. Rows of a month are what the '
                                             'last analyze says.';

revoke all on function dunlin.limits_reach, dunlin.contact_is_past from public;
