-- What every step had read and what came of it, beside the decisions of the same commit: `dunlin replay --decisions` takes the steps again
-- (runtime/store/step_record.h). A batch without decisions has a record too, for a step may move a timer or a wake and decide nothing.
alter table dunlin.decision alter column body drop not null;
alter table dunlin.decision add column steps bytea;
alter table dunlin.decision add column epoch int8;
alter table dunlin.decision alter column steps set storage external;
comment on column dunlin.decision.body is 'Compressed: JSON lines, one for each rule that fired, with what it had read; null: none fired.';
comment on column dunlin.decision.epoch is 'Of the bucket, as the node that committed held it; null: it was no node. It never falls from one batch of a bucket to the next.';
comment on column dunlin.decision.steps is 'Compressed: a record of each step of the batch; null: from before records were kept.';
