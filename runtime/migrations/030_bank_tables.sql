-- How far the tables of the bank were read, on which entities are mapped: one row for each of them.

create table dunlin.bank_table (
  entity      text primary key,
  source      text not null,               -- "crm.accounts"
  declaration text not null,               -- what is read of it, and how; a mark of another one is none
  mark        text,                        -- the highest value of the change column that was read, as PostgreSQL writes it; null: read it whole
  retry       text[] not null default '{}',-- keys of rows that did not fit: read again each time, changed or not
  read_at     timestamptz,                 -- when the last reading that succeeded began
  failed_at   timestamptz,                 -- of the last one, if it failed
  failure     text
);
revoke all on dunlin.bank_table from public;

-- A row that stays wrong is kept once, not each time it is read again; and what was kept of one key is looked for by it. Keys may be long.
create index quarantine_location on dunlin.quarantine using hash (location);
