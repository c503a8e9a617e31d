-- Names that come from outside have a bound, so that nobody's name can stop a step, a stop of contact or a notice. What is done once for each of many rows keeps its cost however
-- empty the tables were when its plan was made, and however many events bear one instant.

-- ---- names ----

-- Fails where a name is longer than `most` bytes or has signs that no line of text can bear.
create function dunlin.check_name(what text, name text, most int default 200) returns void
language plpgsql immutable as $$
begin
  if octet_length(name) > most then
    perform dunlin.fail('DU002', format('%s has %s bytes, and %s at most: `%s …`', what, octet_length(name), most, left(name, 40)), 'Give a shorter one.');
  end if;
  if name ~ '[\x01-\x1f\x7f]' then
    perform dunlin.fail('DU002', format('%s has a sign that is no text (a tab, an end of a line …): `%s`', what, regexp_replace(left(name, 40), '[\x01-\x1f\x7f]', '?', 'g')),
                        'Leave it out.');
  end if;
end $$;
revoke all on function dunlin.check_name from public;

-- What a notice of a withdrawal says: the worker. A notice has room for 8,000 bytes, and a name that was taken before there was a bound may be longer: then everybody who listens looks.
create function dunlin.worker_heard(worker int4) returns text
language sql stable as $$ select coalesce((select w.name from dunlin.worker w where w.id = $1 and octet_length(w.name) <= 2000), '') $$;
revoke all on function dunlin.worker_heard from public;

select dunlin.change_function(c.name, c.old_text, c.new_text) from (values
    ('tell_withdrawn', 'coalesce((select w.name from dunlin.worker w where w.id = new.worker), '''')', 'dunlin.worker_heard(new.worker)'),
    ('worker_number', '  insert into dunlin.worker (name) values (worker) on conflict do nothing;',
     '  perform dunlin.check_name(''the name of a worker'', worker);
  insert into dunlin.worker (name) values (worker) on conflict do nothing;'),
    ('post_event_within', '  payload := coalesce(payload, ''{}'');',
     '  perform dunlin.check_name(''the source of an event'', source);
  perform dunlin.check_name(''the id of an event'', external_id, 1000);
  payload := coalesce(payload, ''{}'');'),
    -- A contact is counted in the day it bears: one of next year would be missing in today''s count, and its id is used up.
    ('record_contact_within', '  if coalesce(channel, '''') = '''' then',
     '  perform dunlin.check_name(''the source of a contact'', source);
  perform dunlin.check_name(''the id of a contact'', external_id, 1000);
  if isfinite(at) and at > greatest(dunlin.engine_time(), clock_timestamp()) + interval ''1 day'' then
    perform dunlin.fail(''DU022'', format(''the contact would be at %s, and that is still to come'', at), ''Say when it happened; look at the year and at the order of day and month.'');
  end if;
  if coalesce(channel, '''') = '''' then'),
    -- Who is away would lose the task again at the next look, and nobody would hear of it.
    ('reassign_within', '  -- Theirs already: whoever holds it goes on with it.',
     '  if dunlin.absent_until(person.id, clock_timestamp()) is not null then
    perform dunlin.fail(''DU040'', format(''`%s` is absent until %s'', worker, dunlin.absent_until(person.id, clock_timestamp())),
                        ''Give it to somebody else, or to anybody (null). dunlin worker back ends an absence.'');
  end if;
  -- Theirs already: whoever holds it goes on with it.')
) c(name, old_text, new_text);

-- ---- many at once ----

-- A step deletes what it has read by the whole key. With the instant alone in this index, it was taken for that too, and 25,000 events of one midnight were 25,000 times 12,500 rows.
drop index dunlin.inbox_at;
create index inbox_at on dunlin.inbox (at, bucket, seq);

-- A plan that was made while a table was empty reads it whole, and is kept while the table grows.
do $$
declare
  it regprocedure;
begin
  for it in select p.oid from pg_proc p where p.pronamespace = 'dunlin'::regnamespace and p.prokind = 'f'
      and p.proname in ('put_event', 'post_event', 'post_event_now', 'post_event_within', 'post_events', 'known_event', 'known_contact', 'known_aside', 'record_contact_now', 'set_event_aside', 'put_aside', 'record_contact', 'record_contact_within', 'bulk_carry', 'bulk_try',
                        'bulk_undo', 'campaign_start_within', 'campaign_release_within', 'close_account_within', 'make_register', 'register_withdrawals_within', 'withdrawn_tasks', 'heartbeat',
                        'extend', 'may_contact')
      and not coalesce(array_to_string(p.proconfig, ','), '') like '%enable_seqscan%' loop
    execute format('alter function %s set enable_seqscan = off', it);
    execute format('alter function %s set jit = off', it);  -- what is dear because no index helps is not compiled for it
  end loop;
end $$;
