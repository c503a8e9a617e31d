-- A switch of versions waits until every live node has compiled the new one: all nodes or none.

create table dunlin.candidate (
  content_hash text primary key,
  files        jsonb not null,        -- objects with path and text, as in dunlin.bundle_proposal
  announced_at timestamptz not null default clock_timestamp()
);
create table dunlin.node_ready (
  node         text not null,
  content_hash text not null references dunlin.candidate on delete cascade,
  trouble      text,                  -- why the node cannot run it; null: it can
  at           timestamptz not null default clock_timestamp(),
  primary key (node, content_hash)
);

-- Tells all nodes to compile it. What was said of it before does not count any more: a node may be another program by now.
create function dunlin.announce_candidate(hash text, sources jsonb) returns void
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  delete from dunlin.candidate c where c.announced_at < clock_timestamp() - interval '1 hour' or c.content_hash = hash;
  insert into dunlin.candidate (content_hash, files) values (hash, sources);
  perform pg_notify('dunlin', 'candidate');
end $$;
revoke all on dunlin.candidate, dunlin.node_ready from public;
revoke all on function dunlin.announce_candidate from public;
