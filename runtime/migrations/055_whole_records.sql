-- The first record of a case file in a month says all that its step met, so that what is left after the months before were given up can be taken again
-- (docs/decisions/0039).
alter table dunlin.case_file add column record_month int4 not null default -1;
comment on column dunlin.case_file.record_month is 'The month (UTC, counted on from January 1970) in which it was stepped last: in another one its record is a whole one; -1: so it is in any.';

create function dunlin.month_begins(at timestamptz) returns timestamptz
language sql immutable set search_path = pg_catalog, dunlin, pg_temp as $$ select date_trunc('month', at at time zone 'UTC') at time zone 'UTC' $$;
comment on function dunlin.month_begins is 'The beginning (UTC) of the month that the instant lies in.';
revoke all on function dunlin.month_begins from public;

-- Drops months that ended before the given instant. Waits a second at most for each, so that a reader in one month holds up only what came after it in the same
-- table. Records of steps go by whole months wherever they lie, and the older ones first: what is left begins with a month, and has no gap.
create or replace function dunlin.forget_history(before timestamptz) returns table (what text, rows_gone int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  part record;
  gone int8;
  ended text[] := '{}';
  counted int8[] := '{}';
  stay text[] := '{}';
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
    execute format('delete from dunlin.%I where %I < $1', part.name, dunlin.history_column(part.history))
      using case part.history when 'decision' then dunlin.month_begins(before) else before end;
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
    continue when left(ended[i], -8) = any (stay);
    begin
      execute format('drop table dunlin.%I', ended[i]);
    exception when lock_not_available then
      raise warning 'somebody reads %; it stays until the next time', ended[i];
      stay := stay || left(ended[i], -8);
      continue;
    end;
    what := ended[i]; rows_gone := counted[i];
    return next;
  end loop;
end $$;
