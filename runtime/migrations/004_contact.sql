-- The ledger of contacts, what may stop one, and the roles that may work here.

-- One row a contact with a person, whoever made it. `reserved`: a worker holds the task and may be dialling now; it counts as gone out. `unknown`:
-- nobody knows whether it went out, so it counts too. `none`: it did not go out after all.
create table dunlin.contact (
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  at          timestamptz not null,
  id          int8 not null default nextval('dunlin.arrival'),
  channel     text not null,
  kind        text not null check (kind in ('reserved', 'attempt', 'conversation', 'unknown', 'none')),
  recipient   int8 not null default 0,
  task        uuid,
  epoch       int4,
  worker      int4,
  outcome     text,
  source      text not null,
  external_id text,
  address     text,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (bucket, case_id, at, id),
  check ((task is null) = (epoch is null))
) with (fillfactor = 80);
create unique index contact_external on dunlin.contact (bucket, source, external_id) where external_id is not null;
comment on table dunlin.contact is 'Every contact, from hand-outs (source queue) and from record_contact. What limits count, in docs/decisions.';

-- How an outcome counts: a conversation, an attempt, or no contact at all. Outcomes that are not named here are attempts.
create table dunlin.outcome_kind (
  outcome text primary key,  -- full name of an outcome or of a branch of the tree
  kind    text not null check (kind in ('attempt', 'conversation', 'none'))
);

-- The contract with limits: null lets a task go out, a text keeps it back and says why. Called when the row of the case file is locked, so that
-- two workers cannot both take the last place; `task`'s own reservation does not count against it.
create function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text
language sql stable as $$ select null::text $$;
comment on function dunlin.hand_out_refusal is 'Null if the task may go out at this instant, else the reason. Counts dunlin.contact; the case file''s row must be locked.';

-- What stops outbound contact at once. A null says "any": (entity, key) one account or debtor; (entity, field, value) all rows with that value,
-- for example one client; address: one telephone number or mail address; all null: everything.
create table dunlin.contact_stop (
  id        int8 generated always as identity primary key,
  entity    text,
  key       text,
  field     text,
  value     text,
  address   text,
  queue     text,
  since     timestamptz not null default clock_timestamp(),
  until     timestamptz not null default 'infinity',
  reason    text not null check (reason <> ''),
  who       text not null,
  lifted_at timestamptz,
  check ((field is null) = (value is null) and (field is null or entity is not null) and (key is null or (entity is not null and field is null)))
);
create index contact_stop_active on dunlin.contact_stop (id) where lifted_at is null;

-- Accounts that are closed: events that bear a later instant are set aside until somebody looks at them.
create table dunlin.closed_instance (
  entity text not null,
  key    text not null,
  since  timestamptz not null,
  reason text not null,
  who    text not null,
  primary key (entity, key)
);

alter table dunlin.quarantine
  add column source text,
  add column external_id text,
  add column tried_at timestamptz,
  add column resolved_at timestamptz;
create unique index quarantine_event on dunlin.quarantine (source, external_id) where kind = 'event' and external_id is not null and resolved_at is null;

-- Where a case file has unread facts.
create index inbox_case on dunlin.inbox (bucket, case_id);

-- ---- errors ----

create function dunlin.fail(code text, message text, hint text default null) returns void
language plpgsql as $$
begin
  if hint is null then
    raise exception using errcode = code, message = message;
  end if;
  raise exception using errcode = code, message = message, hint = hint;
end $$;
comment on function dunlin.fail is 'Raises an error of Dunlin''s own class DU; docs/guides/consumers.md lists the codes.';

create function dunlin.note_audit(who text, action text, detail jsonb) returns void
language sql as $$ insert into dunlin.audit (who, action, detail) values (coalesce(nullif(who, ''), session_user::text), action, detail) $$;

create function dunlin.setting_of(queue text) returns dunlin.queue_setting
language plpgsql stable as $$
#variable_conflict use_variable
declare
  found_setting dunlin.queue_setting;
begin
  select s.* into found_setting from dunlin.queue_setting s where s.name = queue;
  if not found then
    perform dunlin.fail('DU001', format('there is no queue `%s`', queue),
                        'Queues: ' || coalesce((select string_agg(s.name, ', ' order by s.name) from dunlin.queue_setting s), 'none; import and run a bundle first') || '.');
  end if;
  return found_setting;
end $$;

-- Why nobody may be reached about this case file and instance now, by the switches; null if nothing stops it.
create function dunlin.stop_reason(bucket int4, case_id int8, instance_id int8, queue text, address text, at timestamptz) returns text
language plpgsql stable as $$
#variable_conflict use_variable
declare
  stop dunlin.contact_stop;
  hit bool;
begin
  for stop in select s.* from dunlin.contact_stop s where s.lifted_at is null and s.since <= clock_timestamp() and at < s.until order by s.id loop
    continue when stop.queue is not null and stop.queue is distinct from queue;
    continue when stop.address is not null and stop.address is distinct from address;
    if stop.field is not null then
      if to_regclass(format('portfolio.%I', stop.entity)) is null then continue; end if;
      -- The row itself if the task is about one of this entity, else any of the case file.
      execute format('select coalesce(bool_or(t.%1$I::text = $4) filter (where t.dunlin_id = $3), bool_or(t.%1$I::text = $4), false) from portfolio.%2$I t '
                     'where t.dunlin_bucket = $1 and t.dunlin_case = $2', stop.field, stop.entity) into hit using bucket, case_id, instance_id, stop.value;
      continue when not hit;
    elsif stop.entity is not null then
      if stop.key is not null then
        -- An account's stop is about that account; a debtor's about everything below.
        select true into hit from dunlin.instance_key k
          where k.bucket = bucket and k.case_id = case_id and k.entity = stop.entity and k.key = stop.key and k.id in (instance_id, case_id);
        continue when hit is not true;
      end if;
    end if;
    return format('contact is stopped: %s (by %s)', stop.reason, stop.who);
  end loop;
  return null;
end $$;

-- ---- roles ----

-- Roles belong to the whole server; where we may not make them, an administrator does and grants as below.
do $$
declare
  wanted text;
begin
  foreach wanted in array '{dunlin_consumer,dunlin_supervisor}'::text[] loop
    begin
      if not exists (select 1 from pg_roles where rolname = wanted) then execute format('create role %I nologin', wanted); end if;
    exception
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then raise warning 'the role % is missing and this user may not create it; see docs/guides/consumers.md', wanted;
    end;
  end loop;
end $$;

-- Functions are nobody's but those who are named.
create function dunlin.let(roles text[], functions text[]) returns void
language plpgsql as $$
declare
  f text;
  r text;
begin
  foreach f in array functions loop
    execute format('revoke all on function dunlin.%s from public', f);
    foreach r in array roles loop
      if exists (select 1 from pg_roles where rolname = r) then
        execute format('grant usage on schema dunlin to %I', r);
        execute format('grant execute on function dunlin.%s to %I', f, r);
      end if;
    end loop;
  end loop;
end $$;
