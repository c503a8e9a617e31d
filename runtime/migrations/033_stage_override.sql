-- Overrides of a stage: a supervisor moves an instance to a stage of its strategy, once or until an instant before which its rules do not take it out again.
-- The step does it: the order is an event of the engine's own, `stage of ENTITY`.

-- The stages of the version that was prepared last, and of those that accounts finish under.
create table dunlin.strategy_stage (
  strategy text not null,
  name     text not null,
  final    bool not null,
  primary key (strategy, name)
);
revoke all on dunlin.strategy_stage from public;

insert into dunlin.rule values (8319381508366298994, '', '', 'override of the stage');
-- Known before the next start prepares the bundle again, which makes the rest.
insert into dunlin.name (kind, name)
  select 'event', 'stage of ' || x.entity
  from (select e.owner as entity from dunlin.event_type e where e.owner <> '' union select t.tablename::text from pg_tables t where t.schemaname = 'portfolio') x
  union all select 'field', f from unnest('{strategy,stage,until,who,reason}'::text[]) f
  on conflict do nothing;
update dunlin.prepared set content_hash = '';

alter table dunlin.override
  alter column until drop not null,
  drop constraint override_kind_check,
  add constraint override_kind_check check (kind in ('worker', 'priority', 'exclude', 'stage')),
  add constraint override_until_check check (until is not null or kind = 'stage');

-- Where an instance is, in words; null: in no strategy.
create function dunlin.stage_of(bucket int4, case_id int8, instance_id int8) returns text
language sql stable as $$
  select n.name from dunlin.state s join dunlin.name n on n.id = s.stage where s.bucket = $1 and s.case_id = $2 and s.instance_id = $3
$$;

-- Puts the order into the inbox. `stage` null: the one before it is lifted.
create function dunlin.order_stage(told dunlin.override, stage text, until timestamptz, reason text, who text, external_id text) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  type int4;
begin
  -- Not in dunlin.event_type, where post_event() looks: nobody else reports it.
  select n.id into strict type from dunlin.name n where n.kind = 'event' and n.name = 'stage of ' || told.entity;
  -- A key that nobody can have used before: whoever reports events names their source and id.
  if not dunlin.put_event(told.bucket, told.case_id, told.instance_id, type, clock_timestamp(), 'override', external_id || ' ' || gen_random_uuid(),
    jsonb_strip_nulls(jsonb_build_object('strategy', case when stage is not null then split_part(told.value, '.', 1) end, 'stage', stage, 'until', until,
                                         'who', who, 'reason', reason))) then
    perform dunlin.fail('DU013', 'the order could not be put into the inbox', 'Give it again.');
  end if;
end $$;

-- What can be said at once against moving an instance to `value` (a stage, or strategy.stage). Gives the stage by its full name, and where it is now.
create function dunlin.look_at_stage(bucket int4, case_id int8, instance_id int8, entity text, key text, value text, out wanted text, out current text) language plpgsql stable as $$
#variable_conflict use_variable
declare
  strategy text;
  known text;
begin
  if coalesce(value, '') = '' then perform dunlin.fail('DU002', 'it is not said to which stage', 'Name a stage of its strategy.'); end if;
  current := dunlin.stage_of(bucket, case_id, instance_id);
  if current is null then
    perform dunlin.fail('DU002', format('%s `%s` is in no strategy, so it cannot be moved to a stage', entity, key), 'It enrols by the rules of the bundle, with the next step.');
  end if;
  strategy := split_part(current, '.', 1);
  if exists (select 1 from dunlin.strategy_stage s where s.strategy = strategy and s.strategy || '.' || s.name = current and s.final) then
    perform dunlin.fail('DU002', format('%s `%s` has come to its end in `%s`', entity, key, current), 'What has ended begins again by the rules of the bundle only.');
  end if;
  wanted := case when strpos(value, '.') > 0 then value else strategy || '.' || value end;
  if split_part(wanted, '.', 1) <> strategy then
    perform dunlin.fail('DU002', format('%s `%s` is in `%s`, which is another strategy than that of `%s`', entity, key, current, wanted), 'An override moves it inside its strategy.');
  end if;
  if not exists (select 1 from dunlin.strategy_stage s where s.strategy || '.' || s.name = wanted) then
    select string_agg(s.name, ', ' order by s.name) into known from dunlin.strategy_stage s where s.strategy = strategy;
    perform dunlin.fail('DU034', format('there is no stage `%s`', wanted), 'Stages of ' || strategy || ': ' || coalesce(known, 'none') || '.');
  end if;
end $$;

create or replace function dunlin.set_override_within(entity text, key text, kind text, value text, until timestamptz, reason text, queue text default null, who text default null) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  place record;
  number int8;
  before text;
  told dunlin.override;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'an override needs a reason'); end if;
  if kind is null or kind not in ('worker', 'priority', 'exclude', 'stage') then
    perform dunlin.fail('DU002', format('an override is of worker, priority, stage or exclude, not %s', coalesce(kind, 'null')));
  end if;
  if (until is null and kind <> 'stage') or until <= clock_timestamp() or not isfinite(until) then
    perform dunlin.fail('DU002', 'an override ends on a day to come', 'Say until when, for example 2026-12-31.');
  end if;
  if queue is not null then
    if kind = 'stage' then perform dunlin.fail('DU002', 'a stage is the same for all queues', 'Leave the queue out.'); end if;
    perform dunlin.setting_of(queue);
  end if;
  if kind = 'exclude' and value is not null then perform dunlin.fail('DU002', 'what is excluded has no value'); end if;
  if kind = 'worker' then perform dunlin.worker_named(value); end if;
  if kind = 'priority' and coalesce(value, '') !~ '^-?\d{1,9}$' then perform dunlin.fail('DU002', format('a priority is a whole number, not `%s`', coalesce(value, 'null'))); end if;
  select k.bucket, k.case_id, k.id into place from dunlin.instance_key k where k.entity = entity and k.key = key;
  if not found then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key), 'Import it first, or look at the spelling.'); end if;
  perform 1 from dunlin.case_file f where f.bucket = place.bucket and f.case_id = place.case_id for no key update;
  if kind = 'stage' then select s.wanted, s.current into value, before from dunlin.look_at_stage(place.bucket, place.case_id, place.id, entity, key, value) s; end if;
  update dunlin.override o set lifted_at = clock_timestamp()
    where o.bucket = place.bucket and o.case_id = place.case_id and o.instance_id = place.id and o.kind = kind and o.queue is not distinct from queue and o.lifted_at is null;
  insert into dunlin.override (entity, key, bucket, case_id, instance_id, kind, value, queue, until, reason, who, lifted_at)
    values (entity, key, place.bucket, place.case_id, place.id, kind, value, queue, until, reason, coalesce(nullif(who, ''), session_user::text),
            case when until is null then clock_timestamp() end) returning override.* into told;
  number := told.id;
  perform dunlin.note_audit(who, 'override', jsonb_strip_nulls(jsonb_build_object('override', number, 'entity', entity, 'key', key, 'kind', kind, 'value', value, 'queue', queue,
                            'until', until, 'reason', reason, 'before', before, 'after', case when kind = 'stage' then value end)));
  if kind = 'priority' then perform dunlin.apply_priorities(); end if;
  if kind = 'stage' then perform dunlin.order_stage(told, substr(value, strpos(value, '.') + 1), until, reason, told.who, number::text); end if;
  -- What stood on somebody else's list does so no longer.
  if kind in ('worker', 'exclude') then
    perform pg_current_xact_id();
    update dunlin.task_open t set assigned = null, listed = null, seq = nextval('dunlin.turn')
      from dunlin.queue_setting s where s.queue = t.queue and (queue is null or s.name = queue) and t.bucket = place.bucket and t.case_id = place.case_id
        and (t.instance_id = place.id or place.id = place.case_id) and t.status = 0 and t.listed is not null;
  end if;
  return number;
end $$;
comment on function dunlin.set_override is
  'A supervisor''s word about one account (or debtor, for all its accounts): worker (only this one gets its tasks), priority (its tasks have this one), exclude (none go out), until an instant; or stage (it is moved there, and stays until the instant, if one is given). With a reason.';

create or replace function dunlin.lift_override(override int8, who text default null) returns void
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  gone dunlin.override;
begin
  -- The case file first, as set_override() does, or two supervisors could wait for each other.
  perform 1 from dunlin.case_file f, dunlin.override o where o.id = override and f.bucket = o.bucket and f.case_id = o.case_id for no key update of f;
  update dunlin.override o set lifted_at = clock_timestamp() where o.id = override and o.lifted_at is null and o.until > clock_timestamp() returning o.* into gone;
  if gone.id is null then perform dunlin.fail('DU034', format('there is no override %s that stands', override)); end if;
  perform dunlin.note_audit(who, 'lift override', jsonb_strip_nulls(jsonb_build_object('override', override, 'before',
                            jsonb_build_object('entity', gone.entity, 'key', gone.key, 'kind', gone.kind, 'value', gone.value, 'queue', gone.queue, 'since', gone.since,
                                               'until', gone.until, 'reason', gone.reason, 'who', gone.who))));
  if gone.kind = 'stage' then
    perform dunlin.order_stage(gone, null, null, null, coalesce(nullif(who, ''), session_user::text), override || ' lifted');
  else
    perform dunlin.end_override(gone);
  end if;
end $$;

-- The overrides that stand for a task, in words; null: none.
create or replace function dunlin.override_text(task uuid) returns text
language sql stable as $$
  select string_agg(format('%s until %s: %s (by %s)', case o.kind when 'exclude' then 'excluded' else o.kind || ' ' || o.value end, o.until, o.reason, o.who), '; ' order by o.kind)
  from dunlin.task_open t join dunlin.queue_setting s on s.queue = t.queue, unnest('{worker,priority,exclude,stage}'::text[]) k,
    lateral dunlin.standing_override(t.bucket, t.case_id, t.instance_id, k, s.name, clock_timestamp()) o
  where t.task = $1 and o.id is not null
$$;

revoke all on function dunlin.stage_of, dunlin.order_stage, dunlin.look_at_stage from public;
