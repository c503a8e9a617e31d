-- The server: who may ask (tokens), and the audit as a chain of hashes that nobody changes unseen.

create table dunlin.api_token (
  id         int4 generated always as identity primary key,
  name       text not null,
  role       text not null,
  rights     text[] not null,
  hash       bytea not null unique,   -- sha-256; the token itself is nowhere
  created_at timestamptz not null default clock_timestamp(),
  created_by text not null,
  revoked_at timestamptz
);
create unique index api_token_name on dunlin.api_token (name) where revoked_at is null;

alter table dunlin.audit
  add column origin   text,     -- where the call came from, e.g. an address
  add column previous bytea,
  add column hash     bytea;

-- Where the chain ends. Truncating the audit and this row together still shows against a head that was anchored outside.
create table dunlin.audit_head (
  single bool primary key default true check (single),
  id     int8 not null,
  hash   bytea not null
);
insert into dunlin.audit_head (id, hash) values (0, '\x');

create function dunlin.audit_hash(previous bytea, entry dunlin.audit) returns bytea
language sql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
  select sha256(previous || convert_to(jsonb_build_array(entry.id, extract(epoch from entry.at)::text, entry.who, entry.origin, entry.action, entry.detail)::text,
                                       'UTF8'))
$$;

-- Entries stand in a row: each waits for the one before to be there or not. The audit is small, so that costs nothing.
create function dunlin.chain_audit() returns trigger
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  head dunlin.audit_head;
begin
  select * into head from dunlin.audit_head for update;
  new.id := head.id + 1;
  new.previous := head.hash;
  new.hash := dunlin.audit_hash(head.hash, new);
  update dunlin.audit_head set id = new.id, hash = new.hash;
  return new;
end $$;

do $$
declare
  entry dunlin.audit;
  head bytea := '\x';
  number int8 := 0;
begin
  for entry in select * from dunlin.audit order by id loop
    number := number + 1;
    delete from dunlin.audit where id = entry.id;
    entry.id := number;
    entry.previous := head;
    entry.hash := dunlin.audit_hash(head, entry);
    insert into dunlin.audit overriding system value values (entry.*);
    head := entry.hash;
  end loop;
  update dunlin.audit_head set id = number, hash = head;
end $$;

create trigger audit_chain before insert on dunlin.audit for each row execute function dunlin.chain_audit();

create function dunlin.refuse_audit_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'the audit is only ever added to' using errcode = '42501';
end $$;
create trigger audit_stays before update or delete on dunlin.audit for each row execute function dunlin.refuse_audit_change();
create trigger audit_is_whole before truncate on dunlin.audit for each statement execute function dunlin.refuse_audit_change();

-- Goes along the whole chain. With an anchor (an id and the hash it had) it also shows that nothing before it was written anew.
create function dunlin.audit_verify(anchor_id int8 default null, anchor_hash bytea default null)
returns table (good bool, entries int8, at_entry int8, what text, head bytea)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  entry dunlin.audit;
  last dunlin.audit_head;
  running bytea := '\x';
  expected int8 := 0;
begin
  for entry in select a.* from dunlin.audit a order by a.id loop
    expected := expected + 1;
    if entry.id <> expected then
      return query select false, expected - 1, expected, format('entry %s is missing', expected), running;
      return;
    end if;
    if entry.previous is distinct from running or entry.hash is distinct from dunlin.audit_hash(running, entry) then
      return query select false, expected - 1, expected, format('entry %s was changed', expected), running;
      return;
    end if;
    running := entry.hash;
    if expected = anchor_id and anchor_hash is distinct from running then
      return query select false, expected, expected, format('entry %s is not the one that was anchored: the chain was written anew', expected), running;
      return;
    end if;
  end loop;
  select h.* into last from dunlin.audit_head h;
  if last.id is distinct from expected or last.hash is distinct from running then
    return query select false, expected, expected + 1, format('the audit ends at entry %s, but %s were written', expected, coalesce(last.id, 0)), running;
    return;
  end if;
  if anchor_id > expected then
    return query select false, expected, expected + 1, format('the anchored entry %s is not there', anchor_id), running;
    return;
  end if;
  return query select true, expected, null::int8, 'whole'::text, running;
end $$;

revoke all on dunlin.api_token, dunlin.audit, dunlin.audit_head from public;
revoke all on function dunlin.audit_verify, dunlin.chain_audit, dunlin.audit_hash, dunlin.refuse_audit_change from public;
