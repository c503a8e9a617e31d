-- Reading in plain SQL: a login of the bank's own (a report, a data warehouse) sees the rows of its part of the portfolio and nothing else, whatever it asks.

-- What each reader was given: rows of `entity` whose `field` is `value`, and whatever belongs to the same case files.
create table dunlin.reader (
  role   name primary key,
  entity text not null,
  field  text,          -- null: the whole portfolio
  value  text,
  hidden text[] not null default '{}',   -- columns that are not given, in any table
  since  timestamptz not null default clock_timestamp(),
  check ((field is null) = (value is null))
);

-- Tables of the engine that a reader may look into, by case file.
create function dunlin.reader_tables() returns text[] language sql immutable as $$
  select '{state,task_open,task_body,task_done,transition,contact}'::text[]
$$;

-- Gives a login its part, or another one than before. Call it again after a version with new entities or fields: what is new is nobody's until then.
create function dunlin.let_read(role name, entity text default 'account', field text default null, value text default null, hide text[] default '{}', who text default null)
returns int language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  home text;
  one record;
  columns text;
  condition text;
  given int := 0;
  policy text := 'reading ' || role;
begin
  if not exists (select 1 from pg_roles r where r.rolname = role) then perform dunlin.fail('DU034', format('there is no role `%s`', role), 'create role … login'); end if;
  if exists (select 1 from pg_roles r where r.rolname = role and (r.rolsuper or r.rolbypassrls)) or pg_has_role(role, current_user, 'member') then
    perform dunlin.fail('DU034', format('the role `%s` sees everything whatever it is given', role), 'It is a superuser, may bypass row security, or is a member of the role that owns the tables.');
  end if;
  select format('portfolio.%I', c.relname) into home from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'portfolio' and c.relkind = 'r' and c.relname = entity;
  if home is null then perform dunlin.fail('DU034', format('there is no entity `%s`', entity)); end if;
  if field is not null and not exists (select 1 from pg_attribute a where a.attrelid = home::regclass and a.attname = field and a.attnum > 0 and not a.attisdropped) then
    perform dunlin.fail('DU034', format('`%s` has no field `%s`', entity, field));
  end if;
  if exists (select 1 from unnest(hide) h(name) where h.name in ('dunlin_bucket', 'dunlin_case', 'bucket', 'case_id')) then
    perform dunlin.fail('DU034', 'the columns that say which case file a row belongs to cannot be hidden');
  end if;
  perform dunlin.stop_reading(role, null);
  insert into dunlin.reader (role, entity, field, value, hidden) values (role, entity, field, value, hide);
  execute format('grant usage on schema dunlin, portfolio to %I', role);
  for one in
    select c.oid, n.nspname, c.relname, n.nspname = 'portfolio' as own from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and (n.nspname = 'portfolio' and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'dunlin_case' and not a.attisdropped)
           or n.nspname = 'dunlin' and c.relname = any (dunlin.reader_tables()))
    order by n.nspname desc, c.relname = entity desc, c.relname
  loop
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) into columns from pg_attribute a
      where a.attrelid = one.oid and a.attnum > 0 and not a.attisdropped and a.attname <> all (hide);
    execute format('alter table %I.%I enable row level security', one.nspname, one.relname);
    -- The home table by its field; every other by the case files that are seen there, for its own policy holds inside this question too.
    condition := case when one.own and one.relname = entity then case when field is null then 'true' else format('%I::text = %L', field, value) end
                      when one.own then format('(dunlin_bucket, dunlin_case) in (select h.dunlin_bucket, h.dunlin_case from %s h)', home)
                      else format('(bucket, case_id) in (select h.dunlin_bucket, h.dunlin_case from %s h)', home) end;
    execute format('create policy %I on %I.%I for select to %I using (%s)', policy, one.nspname, one.relname, role, condition);
    execute format('grant select (%s) on %I.%I to %I', columns, one.nspname, one.relname, role);
    given := given + 1;
  end loop;
  execute format('grant select on dunlin.name, dunlin.rule, dunlin.queue_setting to %I', role);
  perform dunlin.note_audit(who, 'let read', jsonb_build_object('role', role, 'entity', entity, 'field', field, 'value', value, 'hidden', hide));
  return given;
end $$;
comment on function dunlin.let_read is 'A login reads the case files in which a row of `entity` has `field` = `value`, without the columns in `hide`; returns the number of tables.';

create function dunlin.stop_reading(role name, who text default null) returns bool
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  one record;
begin
  for one in select p.schemaname, p.tablename, p.policyname from pg_policies p where p.policyname = 'reading ' || role loop
    execute format('drop policy %I on %I.%I', one.policyname, one.schemaname, one.tablename);
    execute format('revoke select on %I.%I from %I', one.schemaname, one.tablename, role);
  end loop;
  delete from dunlin.reader r where r.role = role;
  if not found then return false; end if;
  execute format('revoke select on dunlin.name, dunlin.rule, dunlin.queue_setting from %I', role);
  if who is not null then perform dunlin.note_audit(who, 'stop reading', jsonb_build_object('role', role)); end if;
  return true;
end $$;

revoke all on dunlin.reader from public;
revoke all on function dunlin.let_read, dunlin.stop_reading, dunlin.reader_tables from public;
