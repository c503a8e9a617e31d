-- Several schedulers on one database: each live node holds a share of the buckets, and commits only what it still holds.
-- A lease is one row a node, however many buckets it has. Its time is the database's clock; safety never depends on time, only on the epoch of the bucket,
-- which whoever takes a bucket over raises, and which every commit of a node compares.

alter table dunlin.bucket drop column until;

create table dunlin.node (
  name       text primary key check (name <> ''),
  session    uuid not null,            -- one life of the node; the next one of the same name has another
  started_at timestamptz not null default clock_timestamp(),
  until      timestamptz not null,
  version    int4
);

-- True while the node is the one that holds the name. To be called several times within each lease, also while a long pass goes on.
create function dunlin.renew_node(node_name text, node_session uuid, lease interval) returns bool
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  with renewed as (update dunlin.node set until = clock_timestamp() + lease where name = node_name and session = node_session returning 1)
  select exists (select from renewed)
$$;

-- Joins, or stays: gives back what is beyond this node's share, takes what of its share is free or belongs to a node that is gone. The shares are equal
-- stretches in the order of the live nodes' names. To be called between passes; what it returns is held until the next call, if the lease is kept.
create function dunlin.hold_buckets(node_name text, node_session uuid, lease interval, node_version int4) returns table (bucket int4, epoch int8)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  known dunlin.node;
  live  int4;
  rank  int4;
  low   int4;
  high  int4;
begin
  -- One node at a time, so that no two work with different lists of who is there.
  perform pg_advisory_xact_lock(hashtext('dunlin.hold_buckets'));
  select * into known from dunlin.node n where n.name = node_name;
  if known.session <> node_session and known.until > clock_timestamp() then
    raise exception 'a node with the name % is at work already; give this one another name, or wait until that one has stopped', node_name;
  end if;
  if known.session is distinct from node_session then
    -- The name's last life may still think that it holds these.
    update dunlin.bucket b set node = null where b.node = node_name;
  end if;
  insert into dunlin.node (name, session, until, version) values (node_name, node_session, clock_timestamp() + lease, node_version)
  on conflict (name) do update set
    session = excluded.session, until = excluded.until, version = excluded.version,
    started_at = case when node.session = excluded.session then node.started_at else clock_timestamp() end;
  delete from dunlin.node n where n.until < clock_timestamp() - interval '1 day';
  select count(*), count(*) filter (where n.name collate "C" < node_name collate "C") into live, rank from dunlin.node n where n.until > clock_timestamp();
  select count(*) * rank / live, count(*) * (rank + 1) / live - 1 into low, high from dunlin.bucket;
  update dunlin.bucket b set node = null where b.node = node_name and b.bucket not between low and high;
  perform from dunlin.bucket b where b.bucket between low and high and b.node is distinct from node_name order by b.bucket for update;
  update dunlin.bucket b set node = node_name, epoch = b.epoch + 1
  where b.bucket between low and high and b.node is distinct from node_name
    and not exists (select from dunlin.node n where n.name = b.node and n.until > clock_timestamp());
  return query select b.bucket, b.epoch from dunlin.bucket b where b.node = node_name order by 1;
end
$$;

-- Gives all back at once, so that the others need not wait for the lease to run out.
create function dunlin.leave_buckets(node_name text, node_session uuid) returns void
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  update dunlin.bucket set node = null where node = node_name and exists (select from dunlin.node where name = node_name and session = node_session);
  delete from dunlin.node where name = node_name and session = node_session
$$;

revoke all on function dunlin.renew_node, dunlin.hold_buckets, dunlin.leave_buckets from public;
