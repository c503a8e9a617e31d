-- Spreads a set-up Dunlin database over a Citus cluster (docs/scale.md). Run once on the coordinator, as the owner of the schema, after
-- `dunlin doctor --database URL` finds the schema whole and `dunlin import` has made the tables of the portfolio:
--
--     psql URL -v ON_ERROR_STOP=1 -f scripts/citus.sql
--
-- Everything of one case file lies on one node: all tables below are split by the same column and placed together.
-- `tests/scale/one_bucket_test.py` reads this file and holds the schema and the statements of a night against it.
\set ON_ERROR_STOP on
create extension if not exists citus;
-- Two tables guard themselves by triggers that look at nothing but the row, which is safe on every node.
set citus.enable_unsafe_triggers = on;

-- ---- split by bucket, placed together ----
select create_distributed_table('dunlin.bucket', 'bucket', shard_count => 64);
select create_distributed_table(t, 'bucket', colocate_with => 'dunlin.bucket')
  from unnest(array[
    'dunlin.case_file', 'dunlin.state', 'dunlin.state_past', 'dunlin.event', 'dunlin.event_key', 'dunlin.inbox', 'dunlin.task_open', 'dunlin.task_body',
    'dunlin.task_done', 'dunlin.contact', 'dunlin.decision', 'dunlin.transition', 'dunlin.note', 'dunlin.hand_out',
    'dunlin.experiment_assignment',
    'dunlin.late_told', 'dunlin.request'
  ]::regclass[]) t;
-- The portfolio's own tables, and their past.
select create_distributed_table(format('portfolio.%I', c.relname)::regclass, 'dunlin_bucket', colocate_with => 'dunlin.bucket')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'portfolio' and c.relkind = 'r';

-- ---- small, read everywhere, written rarely ----
select create_reference_table(t)
  from unnest(array[
    'dunlin.name', 'dunlin.event_type', 'dunlin.event_field', 'dunlin.event_field_past', 'dunlin.queue_setting', 'dunlin.rule', 'dunlin.outcome_kind', 'dunlin.contact_stop', 'dunlin.limit_line',
    'dunlin.worker', 'dunlin.experiment_order',
    'dunlin.feed', 'dunlin.feed_delivery', 'dunlin.feed_lift', 'dunlin.campaign', 'dunlin.campaign_case', 'dunlin.campaign_day', 'dunlin.bulk',
    'dunlin.bulk_event', 'dunlin.schedule', 'dunlin.territory', 'dunlin.territory_capacity', 'dunlin.worker_skill', 'dunlin.worker_absence',
    'dunlin.worker_exception', 'dunlin.worker_day', 'dunlin.override', 'dunlin.number_range', 'dunlin.register', 'dunlin.register_item', 'dunlin.tended',
    'dunlin.scarce', 'dunlin.approver', 'dunlin.letter_words'
  ]::regclass[]) t;

-- ---- on the coordinator alone ----
-- dunlin.activation, dunlin.api_token, dunlin.audit, dunlin.audit_head, dunlin.bundle, dunlin.business_clock, dunlin.bundle_file, dunlin.bundle_proposal, dunlin.candidate,
-- dunlin.bank_table, dunlin.bound_login, dunlin.inflow_waiting, dunlin.strategy_stage, and the tables of schema inflow, dunlin.closed_instance, dunlin.history_begin,
-- dunlin.node, dunlin.node_ready, dunlin.prepared, dunlin.quarantine, dunlin.queue_head, dunlin.queue_round, dunlin.reader, dunlin.rule_of_use,
-- dunlin.schema_version, dunlin.seen_again, dunlin.seen_until, dunlin.turn_mark, dunlin.way_change, dunlin.webhook, dunlin.webhook_delivery, dunlin.worker_place
