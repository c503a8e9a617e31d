-- Account data written by other programs in plain SQL: a table inflow.ENTITY for each entity of the bundle, made with its other tables. Writers insert, update, upsert,
-- copy or replicate rows into it as they like; a trigger notes the key of each row that differs, in the writer's own transaction, and the engine takes those rows in
-- by the way of every import. The tables keep their rows: an UPDATE that is replicated finds the one it is about.

do $$
begin
  if exists (select 1 from pg_namespace n where n.nspname = 'inflow') then
    raise exception 'the database has a schema `inflow` that dunlin did not make' using hint = 'Rename it: dunlin keeps tables there into which account data is written.';
  end if;
end $$;
create schema inflow;
revoke all on schema inflow from public;

-- Rows that wait to be taken in. Only ever appended to and taken from by number, so that no writer waits for another one, and none for the engine.
create table dunlin.inflow_waiting (
  seq      int8 generated always as identity primary key,
  entity   text not null,
  key      text not null,
  tried_at timestamptz        -- it did not fit, or its owner was not there: looked at again now and then; null: new
);
create index inflow_tried on dunlin.inflow_waiting using hash (key) where tried_at is not null;
revoke all on dunlin.inflow_waiting from public;

-- Arguments: entity, column of the key. Fires for replicated rows too (enable always); the writer needs no right on anything of the engine.
create function dunlin.note_inflow() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if tg_op = 'UPDATE' and new is not distinct from old then return null; end if;
  insert into dunlin.inflow_waiting (entity, key) values (tg_argv[0], to_jsonb(new) ->> tg_argv[1]);
  return null;
end $$;
revoke all on function dunlin.note_inflow from public;

-- Makes the table of an entity, or brings it in line: columns are added and never taken away.
create function dunlin.make_inflow(entity text, key text, columns text[]) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  home text := format('inflow.%I', entity);
  own text;
  one text;
begin
  if to_regclass(home) is null then
    execute format('create table %s (%s, primary key (%I))', home, (select string_agg(format('%I text', c), ', ' order by n) from unnest(columns) with ordinality u(c, n)), key);
    execute format('create trigger note_inflow after insert or update on %s for each row execute function dunlin.note_inflow(%L, %L)', home, entity, key);
    execute format('alter table %s enable always trigger note_inflow', home);
    execute format('comment on table %s is %L', home,
                   'Rows of ' || entity || ' as other programs write them: whole rows, values as text. What is written here is taken in by the engine (docs/guides/inflow.md).');
    return;
  end if;
  select a.attname into own from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] where i.indrelid = home::regclass and i.indisprimary;
  if own is distinct from key then
    raise exception 'the key of % is `%`, but the table % is kept by `%`', entity, key, home, own
      using hint = 'Rename it (alter table ' || home || ' rename to …), and let its writer fill the new one.';
  end if;
  foreach one in array columns loop
    if not exists (select 1 from pg_attribute a where a.attrelid = home::regclass and a.attname = one and a.attnum > 0 and not a.attisdropped) then
      execute format('alter table %s add column %I text', home, one);
    end if;
  end loop;
end $$;
revoke all on function dunlin.make_inflow from public;

-- A login writes into the tables of these entities, and into nothing else. Called again, it has these and no others.
create function dunlin.let_write(role name, entities text[], who text default null) returns int
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  one text;
begin
  if not exists (select 1 from pg_roles r where r.rolname = role) then perform dunlin.fail('DU034', format('there is no role `%s`', role), 'create role … login'); end if;
  if entities is null or array_position(entities, null) is not null then perform dunlin.fail('DU002', 'it is not said which entities', 'let_write(''etl'', ''{account}'')'); end if;
  foreach one in array entities loop
    if to_regclass(format('inflow.%I', one)) is null then
      perform dunlin.fail('DU034', format('there is no table inflow.%s', one),
                          'Tables: ' || coalesce((select string_agg(t.tablename, ', ' order by t.tablename) from pg_tables t where t.schemaname = 'inflow'), 'none; run or apply a bundle first') || '.');
    end if;
  end loop;
  perform dunlin.stop_writing(role, null);
  execute format('grant usage on schema inflow to %I', role);
  foreach one in array entities loop
    execute format('grant select, insert, update, delete on inflow.%I to %I', one, role);
  end loop;
  perform dunlin.note_audit(who, 'let write', jsonb_build_object('role', role, 'entities', entities));
  return cardinality(entities);
end $$;
comment on function dunlin.let_write is 'A login writes account data into the tables inflow.ENTITY of these entities; returns the number of tables.';

create function dunlin.stop_writing(role name, who text default null) returns bool
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  had bool := has_schema_privilege(role, 'inflow', 'usage');
begin
  execute format('revoke all on all tables in schema inflow from %I', role);
  execute format('revoke all on schema inflow from %I', role);
  if had and who is not null then perform dunlin.note_audit(who, 'stop writing', jsonb_build_object('role', role)); end if;
  return had;
end $$;
revoke all on function dunlin.let_write, dunlin.stop_writing from public;

update dunlin.prepared set content_hash = '';
