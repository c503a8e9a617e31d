-- The engine's tables. Every row on the hot path carries `bucket`, the hash of its case file's root, and the hot statements say
-- `bucket = …`, so that the tables can be spread over nodes and clusters by it.

create schema if not exists portfolio;
revoke all on schema dunlin from public;
revoke all on schema portfolio from public;

-- Names of strategies, stages, queues, events and fields as small numbers, so that rows stay readable when a version renumbers them.
create table dunlin.name (
  id   int4 generated always as identity primary key,
  kind text not null,
  name text not null,
  unique (kind, name)
);
create table dunlin.rule (
  key      int8 primary key,
  strategy text not null,
  stage    text not null,
  name     text not null
);
create table dunlin.event_type (
  id    int4 primary key references dunlin.name,
  name  text not null,
  alias text not null,
  owner text not null,
  leaf  bool not null
);
create table dunlin.event_field (
  type     int4 not null references dunlin.event_type on delete cascade,
  name     text not null,
  kind     text not null,
  optional bool not null,
  literals text[],
  primary key (type, name)
);

-- Versions. A version is its sources; it can be compiled again at any time.
create table dunlin.bundle (
  number       int4 primary key,
  name         text not null,
  content_hash text not null unique,
  author       text not null,
  activated_at timestamptz not null,
  active       bool not null default false
);
create unique index bundle_active on dunlin.bundle (active) where active;
create table dunlin.bundle_file (
  number   int4 not null references dunlin.bundle,
  position int4 not null,
  path     text not null,
  content  text not null,
  primary key (number, position)
);

-- The program whose entity tables, names and views were made last.
create table dunlin.prepared (
  single       bool primary key default true check (single),
  content_hash text not null
);

-- One row a bucket, touched last by every commit: who may commit (epoch), under which version (generation), how often (batch).
create table dunlin.bucket (
  bucket     int4 primary key,
  epoch      int8 not null default 0,
  generation int4 not null default 0,
  batch      int8 not null default 0,
  node       text,
  until      timestamptz,
  as_of      timestamptz
) with (fillfactor = 10);
insert into dunlin.bucket (bucket) select n from generate_series(0, 1023) n;

-- wake_at has no index on purpose: an index would double the cost of a full night, and a scan of this narrow table is cheap.
create table dunlin.case_file (
  bucket    int4 not null,
  case_id   int8 not null,
  step_no   int8 not null,
  version   int4 not null,
  wake_at   timestamptz not null,
  set_aside bool not null default false,
  primary key (bucket, case_id)
) with (fillfactor = 50);

create table dunlin.state (
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  version     int4 not null,
  strategy    int4,
  stage       int4,
  step_no     int8 not null,
  entered_at  timestamptz not null,
  wake_at     timestamptz not null,
  body        bytea not null,
  primary key (bucket, case_id, instance_id)
) with (fillfactor = 50);
-- What a state was before an effect replaced it: for questions about the past.
create table dunlin.state_past (
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  until       timestamptz not null,
  version     int4 not null,
  strategy    int4,
  stage       int4,
  step_no     int8 not null,
  entered_at  timestamptz not null,
  body        bytea not null
);
create index state_past_case on dunlin.state_past (bucket, case_id);

-- Events: append only. The key outlives every resend that a source may make.
create sequence dunlin.arrival cache 1;
create table dunlin.event_key (
  bucket int4 not null,
  key    uuid not null,
  primary key (bucket, key)
);
create table dunlin.event (
  bucket      int4 not null,
  case_id     int8 not null,
  at          timestamptz not null,
  seq         int8 not null default nextval('dunlin.arrival'),
  instance_id int8 not null,
  type        int4 not null,
  raised      bool not null default false,
  recorded_at timestamptz not null default clock_timestamp(),
  source      text,
  external_id text,
  body        bytea,
  payload     jsonb,
  primary key (bucket, case_id, at, seq)
);
-- What waits for a step. kind 0: the event with this seq; kind 1: data of the case file has changed.
-- A step deletes exactly the rows it has read, and counts them.
create table dunlin.inbox (
  bucket  int4 not null,
  at      timestamptz not null,
  seq     int8 not null default nextval('dunlin.arrival'),
  case_id int8 not null,
  kind    int2 not null,
  primary key (bucket, at, seq)
);
create index inbox_at on dunlin.inbox (at);

-- Open tasks: a narrow row that hand-out works on, and the rest beside it.
create table dunlin.task_open (
  bucket      int4 not null,
  case_id     int8 not null,
  task        uuid not null,
  instance_id int8 not null,
  queue       int4 not null,
  priority    int8 not null,
  status      int2 not null,
  marked      bool not null default false,
  not_before  timestamptz not null,
  lease_until timestamptz,
  lease_epoch int4 not null default 0,
  worker      int4,
  primary key (bucket, case_id, task)
) with (fillfactor = 70);
create index task_open_queue on dunlin.task_open (queue, priority desc);
create table dunlin.task_body (
  bucket      int4 not null,
  case_id     int8 not null,
  task        uuid not null,
  identity    int8 not null,
  rule        int8 not null,
  recipient   int8 not null,
  stage       int4,
  standing    bool not null,
  stays       bool not null,
  treatment   text not null,
  created_at  timestamptz not null,
  due         timestamptz not null,
  expires     timestamptz not null,
  time_window int8 not null,
  fields      jsonb,
  primary key (bucket, case_id, task)
);
create table dunlin.task_done (
  bucket      int4 not null,
  case_id     int8 not null,
  task        uuid not null,
  instance_id int8 not null,
  queue       int4 not null,
  priority    int8 not null,
  status      int2 not null,
  not_before  timestamptz not null,
  identity    int8 not null,
  rule        int8 not null,
  recipient   int8 not null,
  stage       int4,
  standing    bool not null,
  stays       bool not null,
  treatment   text not null,
  created_at  timestamptz not null,
  due         timestamptz not null,
  expires     timestamptz not null,
  time_window int8 not null,
  fields      jsonb,
  done_at     timestamptz not null,
  reason      text not null,
  outcome     text
);
create index task_done_case on dunlin.task_done (bucket, case_id);

create table dunlin.transition (
  bucket        int4 not null,
  case_id       int8 not null,
  instance_id   int8 not null,
  at            timestamptz not null,
  step_no       int8 not null,
  nth           int4 not null,
  version       int4 not null,
  from_strategy int4,
  from_stage    int4,
  to_strategy   int4,
  to_stage      int4,
  rule          int8 not null,
  source_file   int4,
  source_begin  int4
);
create index transition_case on dunlin.transition (bucket, case_id);
create table dunlin.note (
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  at          timestamptz not null,
  body        text not null,
  whom        text not null
);
create index note_case on dunlin.note (bucket, case_id);
-- One compressed piece a batch: JSON lines, one for each rule that fired, with what it had read.
create table dunlin.decision (
  bucket      int4 not null,
  batch       int8 not null,
  recorded_at timestamptz not null,
  version     int4 not null,
  body        bytea not null,
  primary key (bucket, batch)
);
alter table dunlin.decision alter column body set storage external;

create table dunlin.quarantine (
  id       int8 generated always as identity primary key,
  at       timestamptz not null,
  kind     text not null,
  location text not null,
  reason   text not null,
  body     text not null,
  bucket   int4,
  case_id  int8
);
create table dunlin.audit (
  id     int8 generated always as identity primary key,
  at     timestamptz not null default clock_timestamp(),
  who    text not null,
  action text not null,
  detail jsonb
);
