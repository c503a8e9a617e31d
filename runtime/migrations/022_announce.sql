-- Who listens hears of a switch of versions at once: each node begins to compile, streams tell their readers. A hint; all of them look for themselves as well.
-- Steps are announced by the server, once a pass, outside the transactions of the batches: a NOTIFY inside them would let their commits through one by one.

create function dunlin.announce_version() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('dunlin', 'version');
  return null;
end $$;
create trigger activation_is_announced after insert on dunlin.activation for each statement execute function dunlin.announce_version();
revoke all on function dunlin.announce_version from public;
