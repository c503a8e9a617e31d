-- The business clock, by which case files are stepped, against the database's. While both go on alike nothing is kept but one row. If the business clock jumps by
-- more than 25 hours, whoever saw it stops stepping until somebody says that it is right: a night that is stepped at a wrong date cannot be taken back.

create table dunlin.business_clock (
  id          bool primary key default true check (id),
  business_at timestamptz not null,   -- what a clock that went well showed,
  database_at timestamptz not null,   -- and the database's clock then
  ahead       interval,               -- by so much it has jumped, and nobody has confirmed it; null: it goes well
  node        text,                   -- who saw the jump
  since       timestamptz
);

-- By how much the business clock has jumped, seen by this node; null: it may step. Written about once a minute and when something changes.
create function dunlin.look_at_clock(business timestamptz, node_name text) returns interval
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  known dunlin.business_clock;
  moved interval;
begin
  select * into known from dunlin.business_clock;
  if not found then
    insert into dunlin.business_clock (business_at, database_at) values (business, clock_timestamp()) on conflict do nothing;
    return null;
  end if;
  moved := (business - known.business_at) - (clock_timestamp() - known.database_at);
  if moved not between interval '-25 hours' and interval '25 hours' then
    -- How far, to a second: two looks at one jump are one.
    moved := date_trunc('second', moved);
    if known.ahead is null or known.ahead - moved not between interval '-2 seconds' and interval '2 seconds' or known.node is distinct from node_name then
      update dunlin.business_clock set ahead = moved, node = node_name, since = clock_timestamp();
    end if;
    return moved;
  end if;
  -- A clock that came back by itself needs nobody's word.
  if known.node = node_name then update dunlin.business_clock set ahead = null, since = null, node = null; end if;
  -- What a clock is held against follows one that drifts, not one that is wrong: else the right ones would be those that jumped.
  if moved between interval '-1 minute' and interval '1 minute' and known.database_at < clock_timestamp() - interval '1 minute' then
    update dunlin.business_clock set business_at = business, database_at = clock_timestamp();
  end if;
  return null;
end
$$;

-- A jump of a node that is there no more is nobody's: confirming it would set the others wrong.
create view dunlin.clock_jump as
  select c.ahead, c.node, c.since from dunlin.business_clock c
  where c.ahead is not null and (c.node = 'dunlin run' or exists (select from dunlin.node n where n.name = c.node and n.until > clock_timestamp()));

create function dunlin.confirm_clock(who text, reason text) returns interval
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  known dunlin.business_clock;
begin
  select * into known from dunlin.business_clock for update;
  if not exists (select from dunlin.clock_jump) then
    raise exception 'the business clock has not jumped; there is nothing to confirm' using errcode = 'DU028', hint = '`dunlin clock show` says how it goes';
  end if;
  if coalesce(reason, '') = '' then
    raise exception 'a confirmation needs a reason' using errcode = 'DU028', hint = 'say why the clock is right';
  end if;
  update dunlin.business_clock set
    business_at = clock_timestamp() + (known.business_at - known.database_at) + known.ahead, database_at = clock_timestamp(), ahead = null, node = null, since = null;
  perform dunlin.note_audit(who, 'confirm clock', jsonb_build_object('ahead', known.ahead, 'node', known.node, 'reason', reason));
  return known.ahead;
end
$$;
comment on function dunlin.confirm_clock is 'Says that a business clock that jumped by more than 25 hours is right: stepping goes on by it. In the audit.';

revoke all on dunlin.business_clock, dunlin.clock_jump from public;
revoke all on function dunlin.look_at_clock, dunlin.confirm_clock from public;

-- A node that falls silent after it was told what it holds, and before it has ended the transaction, keeps the lock under which nodes are counted: half a lease at most.
alter function dunlin.hold_buckets rename to hold_buckets_for;
create function dunlin.hold_buckets(node_name text, node_session uuid, lease interval, node_version int4) returns table (bucket int4, epoch int8)
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
  select set_config('idle_in_transaction_session_timeout', (extract(epoch from lease) * 500)::int8 || 'ms', true);
  select h.bucket, h.epoch from dunlin.hold_buckets_for(node_name, node_session, lease, node_version) h;
$$;
revoke all on function dunlin.hold_buckets from public;
