-- Tokens bound to queues and to parts of the portfolio. What a transaction may see is told by the setting dunlin.scope, which the server sets for each call of
-- a bound token: {"queues": ["call"], "cases": [{"entity": "account", "field": "region", "values": ["north"]}]}. Not set: everything.

alter table dunlin.api_token add column scope jsonb;   -- null: bound to nothing

create function dunlin.scope() returns jsonb language sql stable set search_path = pg_catalog, pg_temp as $$
  select nullif(current_setting('dunlin.scope', true), '')::jsonb
$$;
create function dunlin.unbound() returns bool language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select dunlin.scope() is null
$$;
create function dunlin.sees_queue(queue text) returns bool language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select dunlin.scope() is null or dunlin.scope() -> 'queues' is null or dunlin.scope() -> 'queues' ? queue
$$;

-- Each condition must hold for a row of the case file. What a later version has no field for is seen by nobody who is bound to it.
create function dunlin.sees(bucket int4, case_id int8) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  one jsonb;
  there bool;
begin
  for one in select c from jsonb_array_elements(dunlin.scope() -> 'cases') c loop
    begin
      execute format('select exists (select 1 from portfolio.%I x where x.dunlin_bucket = $1 and x.dunlin_case = $2 and x.%I::text = any ($3))', one ->> 'entity', one ->> 'field')
        into there using bucket, case_id, array(select jsonb_array_elements_text(one -> 'values'));
    exception when undefined_table or undefined_column or invalid_schema_name then
      return false;
    end;
    if not there then return false; end if;
  end loop;
  return true;
end $$;
create function dunlin.sees_key(entity text, key text) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if dunlin.scope() -> 'cases' is null then return true; end if;
  return exists (select 1 from dunlin.instance_key k where k.entity = entity and k.key = key and dunlin.sees(k.bucket, k.case_id));
end $$;

-- Asked before a call that changes something. What is not theirs is refused as what is not there.
create function dunlin.must_see_queue(queue text) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if not dunlin.sees_queue(queue) then perform dunlin.fail('DU037', format('the queue `%s` is not within what this token is bound to', queue)); end if;
  return true;
end $$;
create function dunlin.must_see_task(task uuid) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if exists (select 1 from (select o.queue, o.bucket, o.case_id from dunlin.task_open o where o.task = task
                            union all select d.queue, d.bucket, d.case_id from dunlin.task_done d where d.task = task) t
             join dunlin.name n on n.id = t.queue where not dunlin.sees_queue(n.name) or not dunlin.sees(t.bucket, t.case_id)) then
    perform dunlin.fail('DU037', 'this task is not within what this token is bound to');
  end if;
  return true;
end $$;
create function dunlin.must_see_key(entity text, key text) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if not dunlin.sees_key(entity, key) then perform dunlin.fail('DU037', format('there is no %s with this key within what this token is bound to', entity)); end if;
  return true;
end $$;
create function dunlin.must_see_events(events jsonb) returns bool
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  perform dunlin.must_see_key(coalesce(e ->> 'entity', 'account'), coalesce(e ->> 'key', '')) from jsonb_array_elements(events) e;
  return true;
end $$;

-- ---- handing out ----

-- Whoever is bound gets candidates of theirs only. The window that others look through does not hold for them: what is theirs may lie far behind.
alter function dunlin.next_in_band(int4, int2, int8, int8, timestamptz, int, uuid[]) rename to next_in_band_for_all;
create function dunlin.next_in_band(q int4, b int2, head int8, safe int8, at timestamptz, wanted int, tried uuid[])
returns setof dunlin.task_open language plpgsql as $$
#variable_conflict use_variable
begin
  if nullif(current_setting('dunlin.scope', true), '') is null then
    return query select * from dunlin.next_in_band_for_all(q, b, head, safe, at, wanted, tried);
    return;
  end if;
  if tried is not null and dunlin.queue_stopped(q, at) then return; end if;
  return query
    select t.* from
      (select w.* from
        (select t.bucket, t.case_id, t.task, t.priority, t.not_before, t.due, t.seq from dunlin.task_open t
          where t.queue = q and t.band = b and t.seq > head and t.wakes is null and t.assigned is null and t.status = 0
            and t.not_before <= at and (tried is null or t.task <> all (tried)) and dunlin.sees(t.bucket, t.case_id)
          order by t.seq limit greatest(200, wanted)) w
        order by w.priority desc, w.not_before, w.due, w.seq) w,
      lateral (select t.* from dunlin.task_open t where t.bucket = w.bucket and t.case_id = w.case_id and t.task = w.task and t.status = 0 and t.wakes is null
               and coalesce(t.assigned, -1) = -1 for update skip locked) t
    limit wanted;
end $$;

-- A task that somebody was given by name, though it is not theirs, stays where it is.
alter function dunlin.take(dunlin.task_open[], dunlin.queue_setting, int4, timestamptz, timestamptz, bool, uuid[]) rename to take_for_all;
create function dunlin.take(candidates dunlin.task_open[], setting dunlin.queue_setting, worker int4, at timestamptz, until timestamptz, stops bool,
                            inout tried uuid[], out taken uuid[])
language plpgsql as $$
#variable_conflict use_variable
declare
  theirs dunlin.task_open[];
begin
  if nullif(current_setting('dunlin.scope', true), '') is not null then
    theirs := array(select c from unnest(candidates) c where dunlin.sees(c.bucket, c.case_id));
    tried := tried || array(select c.task from unnest(candidates) c where not dunlin.sees(c.bucket, c.case_id));
    candidates := theirs;
    if cardinality(candidates) = 0 then
      taken := '{}';
      return;
    end if;
  end if;
  select f.tried, f.taken into tried, taken from dunlin.take_for_all(candidates, setting, worker, at, until, stops, tried) f;
end $$;

revoke all on function dunlin.scope, dunlin.unbound, dunlin.sees_queue, dunlin.sees, dunlin.sees_key, dunlin.must_see_queue, dunlin.must_see_task, dunlin.must_see_key,
  dunlin.must_see_events, dunlin.next_in_band, dunlin.take from public;
