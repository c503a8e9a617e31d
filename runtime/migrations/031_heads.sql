-- Of two leases that would move a cursor in transactions that overlap, the second leaves it where it is, instead of waiting for the first one's end: it only looks at
-- some more places that are over. Whoever comes after that end sees where it stands.
create function dunlin.move_head() returns trigger
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  return case when pg_try_advisory_xact_lock(48151623, new.queue * 16 + new.band) then new end;
end $$;
create trigger queue_head_moves before insert on dunlin.queue_head for each row execute function dunlin.move_head();
revoke all on function dunlin.move_head from public;
