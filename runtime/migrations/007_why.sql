-- Why a task goes out when it does: what the order of hand-out looks at, one line each, for one task or for two.
create function dunlin.why(task uuid, over uuid default null) returns table (what text, this text, other text, decides text)
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp set enable_seqscan = off set jit = off as $$
#variable_conflict use_variable
declare
  a record;
  b record;
  pair uuid;
  ahead int8;
  decided bool := false;
  line record;
begin
  foreach pair in array array_remove(array[task, over], null) loop
    if not exists (select 1 from dunlin.task_open o where o.task = pair) then
      if exists (select 1 from dunlin.task_done d where d.task = pair) then
        perform dunlin.fail('DU012', format('task %s is over', pair), 'dunlin queue --task shows what became of it.');
      end if;
      perform dunlin.fail('DU010', format('there is no task %s', coalesce(pair::text, 'null')), 'dunlin queue NAME --json shows the ids.');
    end if;
  end loop;
  select q.*, s.paused_at, s.paused_why into a from dunlin.queue q join dunlin.queue_setting s on s.name = q.queue where q.task = task;
  select q.*, s.paused_at, s.paused_why into b from dunlin.queue q join dunlin.queue_setting s on s.name = q.queue where q.task = over;
  if over is not null and a.queue <> b.queue then
    perform dunlin.fail('DU002', format('one task stands in `%s`, the other in `%s`', a.queue, b.queue), 'Only tasks of one queue have an order.');
  end if;
  if a.paused_at is not null then
    return query select 'queue'::text, format('paused: %s', a.paused_why), null::text, null::text;
  end if;
  -- `rank`: the smaller goes out first; null where there is no order.
  for line in
    select * from (values
      (1, 'state', a.status || coalesce(', held by ' || a.worker, ''), b.status || coalesce(', held by ' || b.worker, ''),
          (a.status <> 'ready')::int::numeric, (b.status <> 'ready')::int::numeric),
      (2, 'waits', coalesce(case when a.wakes = 'infinity' then 'until it is let go' else 'until ' || a.wakes end || coalesce(': ' || a.reason, ''), 'no'),
          coalesce(case when b.wakes = 'infinity' then 'until it is let go' else 'until ' || b.wakes end || coalesce(': ' || b.reason, ''), 'no'),
          coalesce(least(extract(epoch from a.wakes), 1e15), 0), coalesce(least(extract(epoch from b.wakes), 1e15), 0)),
      (3, 'assigned', coalesce('to ' || a.assigned, 'to nobody'), coalesce('to ' || b.assigned, 'to nobody'), (a.assigned is null)::int::numeric, (b.assigned is null)::int::numeric),
      (4, 'band', format('%s of 0 to 15', a.band), format('%s of 0 to 15', b.band), a.band::numeric, b.band::numeric),
      (5, 'priority', a.priority::text, b.priority::text, -a.priority::numeric, -b.priority::numeric),
      (6, 'not before', a.not_before::text, b.not_before::text, extract(epoch from a.not_before), extract(epoch from b.not_before)),
      (7, 'due', case when isfinite(a.due) and a.due < '9999-01-01' then a.due::text else 'never' end,
          case when isfinite(b.due) and b.due < '9999-01-01' then b.due::text else 'never' end, extract(epoch from a.due), extract(epoch from b.due)),
      (8, 'place in line', a.seq::text, b.seq::text, a.seq::numeric, b.seq::numeric)) v(nth, what, this, other, rank, other_rank) order by nth
  loop
    what := line.what; this := line.this; decides := null;
    other := case when over is not null then line.other end;
    if over is not null and not decided and line.rank <> line.other_rank then
      decides := case when line.rank < line.other_rank then 'this' else 'other' end;
      decided := true;
    end if;
    return next;
  end loop;
  if over is null and a.status = 'ready' and a.wakes is null then
    select count(*) into ahead from dunlin.queue q
      where q.queue = a.queue and q.status = 'ready' and q.wakes is null and q.assigned is not distinct from a.assigned
        and (q.band, -q.priority, q.not_before, q.due, q.seq) < (a.band, -a.priority, a.not_before, a.due, a.seq);
    return query select 'ready tasks before it'::text, ahead::text, null::text, null::text;
  end if;
  return query select 'asked for by'::text, format('%s.%s, %s', a.strategy, a.stage, a.rule), case when over is not null then format('%s.%s, %s', b.strategy, b.stage, b.rule) end, null::text;
end $$;
comment on function dunlin.why is 'What the order of hand-out looks at, the first difference decides. In a band of more than 200 ready tasks the oldest 200 are looked at first.';
revoke all on function dunlin.why from public;
select dunlin.let('{dunlin_supervisor}', '{why}');
