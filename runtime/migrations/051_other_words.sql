-- A version has its own words for events and outcomes: what is told in words that the active one does not have is neither swallowed nor forgotten by limits.

alter table dunlin.event_type
  add column known bool not null default true,
  add column queue text;
comment on column dunlin.event_type.known is 'Whether the active version has it; of others nothing is taken in, and no task ends with one of them.';
comment on column dunlin.event_type.queue is 'Whose outcome it is, in the words of the last version that had it as one; empty: it is none; null: nobody knows.';
update dunlin.event_type e set queue = s.name from dunlin.queue_setting s where e.name = s.outcomes or starts_with(e.name, s.outcomes || '.');

-- What fields of events were that a version does not have any more. Nothing is taken in by it.
create table dunlin.event_field_past (
  type int4 not null references dunlin.event_type on delete cascade,
  name text not null,
  kind text not null,
  primary key (type, name)
);
comment on table dunlin.event_field_past is 'Fields of events that were in earlier versions and are not in the latest: where such events are kept, a field does not come back as something else.';
revoke all on dunlin.event_field_past from public;

-- Case files that were set aside, until they have been stepped well again.
create index quarantine_case on dunlin.quarantine (bucket, case_id) where kind = 'case' and resolved_at is null;

-- The leaf of an outcome tree that is meant: by full name, by the name below the tree, by its short name, or by its last word where that is unique. Words of other versions are none.
create or replace function dunlin.outcome_of(setting dunlin.queue_setting, outcome text) returns dunlin.event_type
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_type dunlin.event_type;
  known text;
  n int;
begin
  if outcome is null or outcome = '' then
    select string_agg(coalesce(nullif(e.alias, ''), substr(e.name, length(setting.outcomes) + 2)), ', ' order by e.name) into known
      from dunlin.event_type e where e.leaf and e.known and e.name like setting.outcomes || '.%';
    perform dunlin.fail('DU021', format('a task of `%s` is completed with an outcome', setting.name), 'Outcomes: ' || known || '.');
  end if;
  select e.* into found_type from dunlin.event_type e
    where e.known and (e.name = setting.outcomes or e.name like setting.outcomes || '.%') and outcome in (e.name, e.alias, substr(e.name, length(setting.outcomes) + 2))
    order by (e.name = outcome) desc, (e.alias = outcome) desc limit 1;
  if not found then
    select count(*) into n from dunlin.event_type e
      where e.leaf and e.known and e.name like setting.outcomes || '.%' and right(e.name, length(outcome) + 1) = '.' || outcome;
    if n = 1 then
      select e.* into found_type from dunlin.event_type e
        where e.leaf and e.known and e.name like setting.outcomes || '.%' and right(e.name, length(outcome) + 1) = '.' || outcome;
    else
      select string_agg(coalesce(nullif(e.alias, ''), substr(e.name, length(setting.outcomes) + 2)), ', ' order by e.name) into known
        from dunlin.event_type e where e.leaf and e.known and e.name like setting.outcomes || '.%';
      perform dunlin.fail('DU020', format(case when n > 0 then 'queue `%s` has several outcomes `%s`'
                                               when exists (select 1 from dunlin.event_type e where not e.known and (e.queue = setting.name or e.name like setting.outcomes || '.%')
                                                            and dunlin.may_mean(outcome, e.name))
                                                 then 'queue `%s` has no outcome `%s` in the version that is active now'
                                               else 'queue `%s` has no outcome `%s`' end, setting.name, outcome),
                          'Outcomes: ' || known || '.');
    end if;
  end if;
  if not found_type.leaf then
    select string_agg(substr(e.name, length(setting.outcomes) + 2), ', ' order by e.name) into known
      from dunlin.event_type e where e.leaf and e.known and e.name like found_type.name || '.%';
    perform dunlin.fail('DU020', format('`%s` is not one outcome but a group of them', outcome), 'Name the one that happened: ' || known || '.');
  end if;
  return found_type;
end $$;

-- Whether a word may have meant this outcome, in whatever version.
create function dunlin.may_mean(word text, outcome text) returns bool
language sql stable as $$
  select $1 = $2 or right($2, length($1) + 1) = '.' || $1 or exists (select 1 from dunlin.event_type e where e.name = $2 and e.alias = $1)
$$;
revoke all on function dunlin.may_mean from public;

-- Whether a contact that is known by its outcome, or only by what it was, is one of these outcomes. Who knows no better says yes. Of an outcome in the words of another version the
-- nearest branch is known that both versions have.
create or replace function dunlin.may_be_outcome(outcome text, kind text, queue text, wanted text[]) returns bool
language plpgsql stable as $$
#variable_conflict use_variable
declare
  root text;
  known bool;
begin
  select e.known into known from dunlin.event_type e where e.name = outcome;
  if found then
    if exists (select 1 from unnest(wanted) w where outcome = w or starts_with(outcome, w || '.')) then return true; end if;
    if known then return false; end if;
    select e.name into root from dunlin.event_type e where e.known and not e.leaf and starts_with(outcome, e.name || '.') order by length(e.name) desc limit 1;
    if outcome ~ '\.(reached|met)(\.|$)' then kind := 'conversation'; end if;
  end if;
  if root is not null then
    if not exists (select 1 from unnest(wanted) w where starts_with(w, root || '.')) then return false; end if;
  elsif queue is not null then
    select s.outcomes into root from dunlin.queue_setting s where s.name = queue;
    -- Work without outcomes comes to none.
    if found and (root is null or not exists (select 1 from unnest(wanted) w where w = root or starts_with(w, root || '.') or starts_with(root, w || '.'))) then return false; end if;
  end if;
  -- A mere attempt reached nobody.
  return kind <> 'attempt' or exists (select 1 from unnest(wanted) w where not (w ~ '\.(reached|met)(\.|$)' or dunlin.contact_kind(w) = 'conversation'));
end $$;

-- An event in words that the active version does not have waits until one that has them is active. What came before the words changed is known.
create function dunlin.set_strange_aside(kind dunlin.event_type, source text, external_id text, key text, at timestamptz, payload jsonb, bucket int4, case_id int8, id int8) returns text
language plpgsql as $$
#variable_conflict use_variable
begin
  if exists (select 1 from dunlin.event e where e.bucket = bucket and e.case_id = case_id and e.instance_id = id and e.source = source and e.external_id = external_id) then
    return 'duplicate';
  end if;
  return dunlin.set_event_aside(source, external_id, kind.name, kind.owner, key, at, payload,
    format('this version has no event `%s`; `dunlin import replay` takes it in once a version that has it is active', kind.name));
end $$;
revoke all on function dunlin.set_strange_aside from public;

-- These functions are otherwise as they were.
do $$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('post_event_within', 'order by (e.name = type) desc limit 1', 'order by e.known desc, (e.name = type) desc limit 1'),
    ('post_event_within', '  return case when dunlin.put_event(place.bucket', '  if not kind.known then
    return dunlin.set_strange_aside(kind, source, external_id, key, at, payload, place.bucket, place.case_id, place.id);
  end if;
  return case when dunlin.put_event(place.bucket'),
    ('post_event_within', 'where e.leaf and e.owner = entity', 'where e.leaf and e.known and e.owner = entity'),
    ('quarantine_retry_within', '          answer := ''stays'';
        end if;
      else', '          answer := ''stays'';
        elsif answer in (''set_aside'', ''duplicate'') and not exists (select 1 from dunlin.event e join dunlin.instance_key k on k.bucket = e.bucket and k.case_id = e.case_id and k.id = e.instance_id
                                                                   where k.entity = item ->> ''entity'' and k.key = item ->> ''key'' and e.source = item ->> ''source'' and e.external_id = item ->> ''external_id'')
              and exists (select 1 from dunlin.event_type t where t.name = item ->> ''event'' and not t.known) then
          answer := ''stays'';
        end if;
      else'),
    ('record_contact_within', 'order by (e.name = outcome) desc limit 1', 'order by e.known desc, (e.name = outcome) desc limit 1'),
    ('bulk_read', 'order by (e.name = line ->> ''event'') desc limit 1', 'order by e.known desc, (e.name = line ->> ''event'') desc limit 1'),
    ('complete', '      if outcome is not null then
        select s.* into setting', '      if outcome is not null and dunlin.may_mean(outcome, before.outcome) then return ''duplicate''; end if;
      if outcome is not null then
        select s.* into setting')
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $$;
