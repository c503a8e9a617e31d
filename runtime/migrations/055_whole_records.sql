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
select dunlin.change_function('forget_history(timestamptz)', c.old_text, c.new_text) from (values
    ($$  reach timestamptz$$, $$  stay text[] := '{}';
  reach timestamptz$$),
    ($$dunlin.history_column(part.history)) using before;$$, $$dunlin.history_column(part.history))
      using case part.history when 'decision' then dunlin.month_begins(before) else before end;$$),
    ($$    begin
      execute format('drop table$$, $$    continue when left(ended[i], -8) = any (stay);
    begin
      execute format('drop table$$),
    ($$      continue;
    end;$$, $$      stay := stay || left(ended[i], -8);
      continue;
    end;$$)
) c(old_text, new_text);
