-- What was decided and how things stood before, by months: records of steps, transitions and past states are kept apart from what a night works on, and a
-- month that nobody has to keep goes as a whole (docs/decisions/0026).
create function dunlin.history_column(history text) returns text
language sql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
  select case history when 'task_done' then 'done_at' when 'hand_out' then 'leased_at' when 'decision' then 'recorded_at' when 'transition' then 'at'
                      when 'state_past' then 'until' end
$$;
comment on function dunlin.history_column is 'By what a table of history is cut into months; null: it is no such table.';

-- The table as it was becomes the partition "other" of its successor: nothing is copied.
do $$
declare
  one record;
begin
  for one in select * from (values ('decision', 'recorded_at'), ('transition', 'at'), ('state_past', 'until')) t(history, cut) loop
    execute format('alter table dunlin.%1$I rename to %2$I', one.history, one.history || '_other');
    execute format('create table dunlin.%1$I (like dunlin.%2$I including defaults including constraints including storage including comments) '
                   'partition by range (%3$I)', one.history, one.history || '_other', one.cut);
  end loop;
end $$;
alter table dunlin.decision_other drop constraint decision_pkey;
alter table dunlin.decision add constraint decision_pkey primary key (bucket, batch, recorded_at);
alter index dunlin.transition_case rename to transition_other_case;
create index transition_case on dunlin.transition (bucket, case_id);
alter index dunlin.state_past_case rename to state_past_other_case;
create index state_past_case on dunlin.state_past (bucket, case_id);
alter table dunlin.decision attach partition dunlin.decision_other default;
alter table dunlin.transition attach partition dunlin.transition_other default;
alter table dunlin.state_past attach partition dunlin.state_past_other default;

-- Up to when the past was given up. Who asks how things stood before is told so, instead of being shown what happens to be left.
create table dunlin.history_begin (
  single bool primary key default true check (single),
  at     timestamptz not null
);
create function dunlin.history_begins() returns timestamptz
language sql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select coalesce((select h.at from dunlin.history_begin h), '-infinity')
$$;
comment on function dunlin.history_begins is 'Since when the past is whole; -infinity: nothing was given up.';

create or replace function dunlin.make_month(history text, month date) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  column_name text := dunlin.history_column(history);
  start date := date_trunc('month', month);
  part text := format('%s_%s', history, to_char(start, 'YYYY_MM'));
begin
  if column_name is null then raise exception 'there is no history `%`', history using errcode = 'DU002'; end if;
  if to_regclass('dunlin.' || part) is not null then return false; end if;
  perform pg_advisory_xact_lock(4815162343);
  if to_regclass('dunlin.' || part) is not null then return false; end if;
  execute format('create table dunlin.%I (like dunlin.%I including defaults including constraints including storage)', part, history);
  execute format('with moved as (delete from dunlin.%I where %I >= $1 and %I < $1 + interval ''1 month'' returning *) insert into dunlin.%I select * from moved',
                 history || '_other', column_name, column_name, part) using start::timestamp at time zone 'UTC';
  execute format('alter table dunlin.%I attach partition dunlin.%I for values from (%L) to (%L)', history, part,
                 to_char(start, 'YYYY-MM-DD') || ' 00:00+00', to_char(start + interval '1 month', 'YYYY-MM-DD') || ' 00:00+00');
  return true;
end $$;
comment on function dunlin.make_month is 'Makes the partition of a month (UTC) of a table of history; false if it is there. Moves what lies in "other".';

create or replace function dunlin.make_months(ahead int default 2) returns int
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select count(*) filter (where dunlin.make_month(h, (date_trunc('month', clock_timestamp() at time zone 'UTC') + m * interval '1 month')::date))::int
  from unnest('{task_done,hand_out,decision,transition,state_past}'::text[]) h, generate_series(0, ahead) m
$$;
select dunlin.make_months();

create function dunlin.months_back(months int) returns timestamptz
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select (date_trunc('month', clock_timestamp() at time zone 'UTC') - make_interval(months => months)) at time zone 'UTC'
$$;
comment on function dunlin.months_back is 'The beginning (UTC) of the month so many months before this one, by the database''s clock.';

-- Drops months that ended before the given instant. Waits a second at most for each, so that a reader in one month does not hold up the others.
create or replace function dunlin.forget_history(before timestamptz) returns table (what text, rows_gone int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  part record;
  gone int8;
  ended text[] := '{}';
  counted int8[] := '{}';
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
comment on function dunlin.forget_history(timestamptz) is 'Drops the months of history that ended before the instant and what is older in "other", and what the fields of case files '
                                             'were before it. Events, contacts, states and the audit are kept. Rows of a month are what the last analyze says.';

-- The same with who and why in the audit; nothing is noted where nothing went.
create function dunlin.forget_history(before timestamptz, who text, reason text) returns table (what text, rows_gone int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  gone jsonb;
begin
  select coalesce(jsonb_object_agg(f.what, f.rows_gone) filter (where f.rows_gone > 0 or f.what ~ '_\d{4}_\d{2}$'), '{}') into gone from dunlin.forget_history(before) f;
  if gone <> '{}' then perform dunlin.note_audit(who, 'forget history', jsonb_build_object('before', before, 'reason', reason, 'rows', gone)); end if;
  return query select e.key, e.value::int8 from jsonb_each_text(gone) e order by 1;
end $$;

create view dunlin.history as
  select p.relname::text as history, case when c.relname ~ '_\d{4}_\d{2}$' then to_date(right(c.relname, 7), 'YYYY_MM') end as month, c.relname::text as part,
         greatest(c.reltuples, 0)::int8 as rows_about, pg_total_relation_size(c.oid) as bytes
  from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent join pg_namespace n on n.oid = p.relnamespace
  where n.nspname = 'dunlin' and p.relkind = 'p' and dunlin.history_column(p.relname::text) is not null
  union all
  select c.relname::text, null, c.relname::text, greatest(c.reltuples, 0)::int8, pg_total_relation_size(c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  where n.nspname = 'portfolio' and c.relkind = 'r' and a.attname = 'dunlin_until' and not a.attisdropped;
comment on view dunlin.history is 'How much history there is, by table and month; month null: what lies outside the months that were made.';

revoke all on dunlin.history_begin, dunlin.history from public;
revoke all on function dunlin.forget_history(timestamptz, text, text), dunlin.history_begins, dunlin.history_column, dunlin.months_back from public;
-- Logins that read: their policies stood on the tables that are partitions now.
do $$
declare
  one record;
begin
  for one in select * from dunlin.reader loop
    perform dunlin.let_read(one.role, one.entity, one.field, one.value, hide => one.hidden);
  end loop;
end $$;
