-- A second person agrees before a version becomes active; and the order of activations, so that a step back leads somewhere certain.

-- What holds for everybody who works on this database, the command line too.
create table dunlin.rule_of_use (
  name  text primary key,
  value jsonb not null,
  who   text not null,
  since timestamptz not null default clock_timestamp()
);

create table dunlin.bundle_proposal (
  id             int8 generated always as identity primary key,
  at             timestamptz not null default clock_timestamp(),
  author         text not null,
  origin         text,
  reason         text not null default '',
  bundle         text not null,
  content_hash   text not null,
  replacing      int4 not null,                 -- the version it was planned against; 0: none
  back           bool not null default false,   -- a step back
  wider          bool not null default false,   -- a limit may let more through
  files          jsonb not null,                -- [{"path": …, "text": …}]
  plan           jsonb not null,                -- as the author saw it
  status         text not null default 'waiting' check (status in ('waiting', 'approved', 'rejected')),
  decided_by     text,
  decided_at     timestamptz,
  decided_origin text,
  decision       text,
  version        int4 references dunlin.bundle,
  check (status = 'waiting' or decided_by is not null),
  check (status <> 'approved' or decided_by <> author)
);
create index bundle_proposal_waiting on dunlin.bundle_proposal (id) where status = 'waiting';

create table dunlin.activation (
  id       int8 generated always as identity primary key,
  version  int4 not null references dunlin.bundle,
  before   int8 references dunlin.activation,   -- where a step back leads; null: nowhere
  at       timestamptz not null,                -- business time
  author   text not null,
  approver text,
  origin   text,
  reason   text not null default '',
  proposal int8 references dunlin.bundle_proposal
);

-- What is known of activations so far: the audit has each of them.
do $$
declare
  entry record;
  last int8;
begin
  for entry in
    select a.at, a.who, (a.detail->>'version')::int4 as version, coalesce(a.detail->>'reason', '') as reason
    from dunlin.audit a join dunlin.bundle b on b.number = (a.detail->>'version')::int4
    where a.action = 'activate' order by a.id
  loop
    insert into dunlin.activation (version, before, at, author, reason) values (entry.version, last, entry.at, entry.who, entry.reason) returning id into last;
  end loop;
  insert into dunlin.activation (version, before, at, author)
    select b.number, last, b.activated_at, b.author from dunlin.bundle b
    where b.active and b.number is distinct from (select version from dunlin.activation where id = last);
end $$;

-- Roles are sets of rights; the tokens that were made as one of these two agree as well from now on.
update dunlin.api_token set rights = rights || array['approve'] where role in ('operations', 'administrator') and not 'approve' = any (rights);

-- Keeps what was planned; the same that waits already is not kept twice.
create function dunlin.propose(author text, origin text, reason text, bundle text, hash text, replacing int4, back bool, wider bool, files jsonb, plan jsonb)
returns int8 language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  number int8;
begin
  lock table dunlin.bundle_proposal in share row exclusive mode;
  select p.id into number from dunlin.bundle_proposal p
    where p.status = 'waiting' and p.author = author and p.content_hash = hash and p.replacing = replacing and p.back = back and p.wider = wider;
  if found then return number; end if;
  insert into dunlin.bundle_proposal (author, origin, reason, bundle, content_hash, replacing, back, wider, files, plan)
    values (author, origin, reason, bundle, hash, replacing, back, wider, files, plan) returning id into number;
  insert into dunlin.audit (who, origin, action, detail)
    values (author, origin, 'propose', jsonb_build_object('proposal', number, 'hash', hash, 'replacing', replacing, 'reason', reason));
  return number;
end $$;

create function dunlin.reject_proposal(number int8, who text, origin text, reason text) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  update dunlin.bundle_proposal p set status = 'rejected', decided_by = who, decided_at = clock_timestamp(), decided_origin = origin, decision = reason
    where p.id = number and p.status = 'waiting';
  if not found then return false; end if;
  insert into dunlin.audit (who, origin, action, detail) values (who, origin, 'reject proposal', jsonb_build_object('proposal', number, 'reason', reason));
  return true;
end $$;

revoke all on function dunlin.propose, dunlin.reject_proposal from public;
revoke all on dunlin.rule_of_use, dunlin.bundle_proposal, dunlin.activation from public;
