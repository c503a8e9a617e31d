-- Experiments: who was drawn into which arm, and what people have ordered about them.

-- One row an instance and experiment, for ever: an assignment is made once. Named, not numbered, so that it can be read without a version.
create table dunlin.experiment_assignment (
  bucket      int4 not null,
  case_id     int8 not null,
  instance_id int8 not null,
  experiment  text not null,
  arm         text not null,
  entity      text not null,
  key         text not null,
  unit        text not null,          -- what was drawn: "debtor D17"
  draw        int4 not null,          -- 0 … 9,999
  at          timestamptz not null,
  version     int4 not null,
  primary key (bucket, case_id, instance_id, experiment)
);

-- `promote` (an arm) and `stop` (null), from an instant on. Steps are handed them in this order; nothing is ever taken back, only ordered otherwise.
create table dunlin.experiment_order (
  id         int8 generated always as identity primary key,
  experiment text not null,
  arm        text,
  at         timestamptz not null,
  who        text not null,
  reason     text not null
);

create function dunlin.order_experiment(experiment text, arm text, at timestamptz, who text, reason text) returns bool language plpgsql as $$
#variable_conflict use_variable
declare
  last dunlin.experiment_order;
begin
  lock table dunlin.experiment_order in share row exclusive mode;
  -- Steps that were taken knew nothing of it: it holds from the first instant after them.
  at := greatest(at, (select max(b.as_of) from dunlin.bucket b) + interval '1 microsecond');
  select o.* into last from dunlin.experiment_order o where o.experiment = experiment order by o.at desc, o.id desc limit 1;
  if found and last.arm is not distinct from arm then return false; end if;
  insert into dunlin.experiment_order (experiment, arm, at, who, reason) values (experiment, arm, at, who, reason);
  perform dunlin.note_audit(who, case when arm is null then 'stop experiment' else 'promote arm' end,
                            jsonb_strip_nulls(jsonb_build_object('experiment', experiment, 'arm', arm, 'at', at, 'reason', nullif(reason, ''),
                                                                 'before', case when last.id is null then 'running' else coalesce(last.arm, 'stopped') end)));
  return true;
end $$;

-- What brought an instance into a stage when `on change restart` did.
insert into dunlin.rule (key, strategy, stage, name) values (x'6f6e206368616e67'::int8, '', '', 'on change restart');

revoke all on function dunlin.order_experiment from public;
