-- What people do from a desk over HTTP, and logins of their own that work the queues in SQL, bound to queues and to a part of the portfolio.

-- ---- from where ----

-- The server says where a call came from (dunlin.origin, for the transaction); for a login of its own the connection does, whatever that login says.
create or replace function dunlin.note_audit(who text, action text, detail jsonb) returns void
language sql as $$
  insert into dunlin.audit (who, origin, action, detail)
    values (coalesce(nullif(who, ''), session_user::text),
            case when session_user = current_user then nullif(current_setting('dunlin.origin', true), '')
                 else 'SQL as ' || session_user || coalesce(' from ' || host(inet_client_addr()), '') end,
            action, detail)
$$;

-- ---- logins that work in SQL, each within its part ----

create table dunlin.bound_login (
  role  name primary key,
  scope jsonb not null,          -- as of a token (migration `bound`)
  since timestamptz not null default clock_timestamp()
);

-- What a bound login may call. Everything else concerns more than a part.
create function dunlin.bound_functions(supervise bool) returns text[] language sql immutable as $$
  select '{lease,heartbeat,extend,release,complete,complete_many,withdrawn_tasks,may_contact,record_contact,post_event,post_events,register_of,post_status,post_statuses}'::text[]
         || case when supervise then '{withdraw,reassign,why,set_override}'::text[] else '{}' end
$$;

-- Called first by each of them: the part of a login that is bound holds until the transaction ends, and whatever the login itself has set does not.
create function dunlin.enter() returns void
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
declare
  scope jsonb;
begin
  select l.scope into scope from dunlin.bound_login l where l.role = session_user;
  if found then
    perform set_config('dunlin.scope', scope::text, true);
  elsif not pg_has_role(session_user, current_user, 'member')   -- the owner, a superuser
      and not exists (select 1 from pg_roles r where r.rolname in ('dunlin_consumer', 'dunlin_supervisor') and pg_has_role(session_user, r.oid, 'member')) then
    -- A member of a bound login, or one that was given another name since: it has what was granted, and no part.
    perform dunlin.fail('DU037', format('`%s` is bound to no part of its own', session_user), 'dunlin.let_work binds a login by its name, each by itself.');
  end if;
end $$;

-- What a call names must lie within the part; and it must name enough: a queue where queues are bound, a task or a key where case files are.
-- `filters`: the function itself gives nothing but theirs.
create function dunlin.must_see(task uuid, queue text, entity text, key text, filters bool, has_queue bool) returns void
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if dunlin.unbound() then return; end if;
  if task is not null then perform dunlin.must_see_task(task); end if;
  if queue is not null then perform dunlin.must_see_queue(queue); end if;
  if key is not null then perform dunlin.must_see_key(coalesce(entity, ''), key); end if;
  if filters or task is not null then return; end if;
  if has_queue and queue is null and dunlin.scope() -> 'queues' is not null then
    perform dunlin.fail('DU037', 'this concerns every queue, and you are bound to some', 'Name the queue.');
  end if;
  if key is null and (dunlin.scope() -> 'cases' is not null or queue is null) then
    perform dunlin.fail('DU037', 'this concerns more than the part of the portfolio that you are bound to');
  end if;
end $$;

-- The calendar has an end, and so has what people do.
create function dunlin.must_be_time(at timestamptz) returns void
language plpgsql immutable set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  if not isfinite(at) then perform dunlin.fail('DU033', 'a time that never comes is no time of business', 'Leave it out for now.'); end if;
  if at < timestamptz '1900-01-01 00:00:00+00' or at >= timestamptz '2300-01-01 00:00:00+00' then
    perform dunlin.fail('DU022', format('%s is no time of business', at), 'Times lie between 1900 and 2300.');
  end if;
end $$;

-- Puts that in front of a function: under its name stands one that asks first and then calls it. Run by migrations, for functions that were just made.
-- `guards` false: whoever may call it is bound to nothing. `words`: what an argument does to the database (a figure that is none, a bound of a column) is said
-- as a refusal of ours; that costs a subtransaction, so the functions of the hand-out look at their arguments themselves.
create function dunlin.put_guard(name text, filters bool default false, guards bool default true, words bool default false) returns void
language plpgsql as $$
#variable_conflict use_variable
declare
  f record;
  own text;
  given text;
  call text;
  has_queue bool;
  outs text;
begin
  select p.oid, p.pronargs, p.proretset, p.prorettype, p.proargnames, p.proargmodes, pg_get_function_arguments(p.oid) as arguments,
         pg_get_function_identity_arguments(p.oid) as identity, pg_get_function_result(p.oid) as result, obj_description(p.oid, 'pg_proc') as says, p.proacl, p.prosrc as source
    into strict f from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'dunlin' and p.proname = name;
  own := name || '_within';
  execute format('alter function dunlin.%I(%s) rename to %I', name, f.identity, own);
  execute format('revoke all on function dunlin.%I(%s) from public', own, f.identity);
  -- Where it speaks of its own columns by its name, that is another one now.
  if f.source ~ ('\m' || name || '\.') then execute regexp_replace(pg_get_functiondef(f.oid), '(?<!dunlin\.)\m' || name || '\.', own || '.', 'g'); end if;
  given := (select coalesce(string_agg('$' || n, ', ' order by n), '') from generate_series(1, f.pronargs) n);
  has_queue := 'queue' = any (f.proargnames[1:f.pronargs]);
  select string_agg(a.name, ', ' order by a.place) into outs from unnest(f.proargnames, f.proargmodes) with ordinality a(name, mode, place) where a.mode = 'o';
  call := format('dunlin.%I(%s)', own, given);
  execute format('create function dunlin.%I(%s) returns %s language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $f$
begin
  %s
  %s
  %s
%s
end $f$', name, f.arguments, f.result,
    case when 'at' = any (f.proargnames[1:f.pronargs]) then format('perform dunlin.must_be_time($%s);', array_position(f.proargnames, 'at')) else '' end,
    case when guards then format('perform dunlin.enter();
  perform dunlin.must_see(%s, %s, %s, %s, %L, %L);',
    case when 'task' = any (f.proargnames[1:f.pronargs]) then '$' || array_position(f.proargnames, 'task') else 'null' end,
    case when has_queue then '$' || array_position(f.proargnames, 'queue') else 'null' end,
    case when 'entity' = any (f.proargnames[1:f.pronargs]) then '$' || array_position(f.proargnames, 'entity') else 'null' end,
    case when 'key' = any (f.proargnames[1:f.pronargs]) then '$' || array_position(f.proargnames, 'key') else 'null' end,
    filters, has_queue) else '' end,
    case when f.proretset then format('return query select * from %s;', call)
         when outs is not null then format('select * into %s from %s;', outs, call)
         when f.prorettype = 'void'::regtype then format('perform %s;', call)
         else format('return %s;', call) end,
    case when words then 'exception when data_exception or check_violation or not_null_violation then
  perform dunlin.fail(''DU002'', ''an argument does not fit: '' || sqlerrm);' else '' end);
  execute format('comment on function dunlin.%I(%s) is %L', name, f.identity, f.says);
  -- Whoever might call it may call the one in front, and that one only.
  declare
    grantee name;
  begin
    execute format('revoke all on function dunlin.%I(%s) from public', name, f.identity);
    for grantee in select r.rolname from aclexplode(f.proacl) a join pg_roles r on r.oid = a.grantee where a.privilege_type = 'EXECUTE' and r.rolname <> current_user loop
      execute format('revoke all on function dunlin.%I(%s) from %I', own, f.identity, grantee);
      execute format('grant execute on function dunlin.%I(%s) to %I', name, f.identity, grantee);
    end loop;
  end;
end $$;

select dunlin.put_guard(f) from unnest('{heartbeat,extend,release,complete,may_contact,record_contact,post_event,register_of,post_status,withdraw,reassign,why,set_override}'::text[]) f;
select dunlin.put_guard('lease', true);
select dunlin.put_guard('withdrawn_tasks', true);
select dunlin.put_guard(f, guards => false, words => true)
  from unnest('{campaign_start,campaign_stop,campaign_release,quarantine_retry,set_absence,set_exception,stop_contact,stop_outbound,fill_day_lists,feed_status,feed_lift,close_account}'::text[]) f;

-- The list of a worker is filled by the engine; a call that is bound to a part does not put anything on it.
alter function dunlin.top_up(dunlin.worker, dunlin.queue_setting, timestamptz, int) rename to top_up_for_all;
create function dunlin.top_up(worker dunlin.worker, setting dunlin.queue_setting, at timestamptz, most int) returns int
language plpgsql as $$
begin
  if nullif(current_setting('dunlin.scope', true), '') is not null then return 0; end if;
  return dunlin.top_up_for_all(worker, setting, at, most);
end $$;

create function dunlin.sees_task(task uuid) returns bool
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select not exists (select 1 from dunlin.task_open o join dunlin.name n on n.id = o.queue where o.task = $1 and (not dunlin.sees_queue(n.name) or not dunlin.sees(o.bucket, o.case_id)))
$$;
create or replace function dunlin.withdrawn_tasks(worker text) returns table (task uuid, epoch int4, queue text, key text, reason text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
begin
  perform dunlin.enter();
  return query select w.* from dunlin.withdrawn_tasks_within($1) w where dunlin.unbound() or dunlin.sees_task(w.task);
end $$;

-- What a hand-out would say of a task at this moment, in words; null: somebody has it, or it is over. A queue that is stopped whole is not walked through (016), so
-- most of its tasks carry no reason of their own.
create function dunlin.hand_out_text(task uuid) returns text
language plpgsql stable set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  open dunlin.task_open;
  setting dunlin.queue_setting;
  used int8;
  words text[] := '{}';
begin
  select o.* into open from dunlin.task_open o where o.task = task and o.status = 0;
  if not found then return null; end if;
  select s.* into setting from dunlin.queue_setting s where s.queue = open.queue;
  if setting.paused_at is not null then words := words || format('the queue is paused: %s', setting.paused_why); end if;
  if setting.rate is not null then
    select count(distinct (h.task, h.epoch)) into used from dunlin.hand_out h where h.queue = setting.queue and h.leased_at > clock_timestamp() - setting.rate_per;
    if used >= setting.rate then words := words || format('the rate is used up: %s of %s went out in the last %s', used, setting.rate, setting.rate_per); end if;
  end if;
  words := words || (dunlin.hold_back(open, setting, -1, clock_timestamp(), setting.contacts)).why;
  words := array_remove(words, null);
  return case when words = '{}' then 'nothing holds it back' else 'it stays: ' || array_to_string(words, '; ') end;
end $$;

-- `why` says things of two tasks.
create or replace function dunlin.why(task uuid, over uuid default null) returns table (what text, this text, other text, decides text)
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  perform dunlin.enter();
  perform dunlin.must_see(task, null, null, null, false, false);
  perform dunlin.must_see(over, null, null, null, true, false);
  return query select * from dunlin.why_within(task, over);
  return query select 'a hand-out now'::text, coalesce(dunlin.hand_out_text(task), 'somebody has it'), case when over is not null then coalesce(dunlin.hand_out_text(over), 'somebody has it') end, null::text;
end $$;

create function dunlin.unbind(role name) returns bool
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  f regprocedure;
begin
  delete from dunlin.bound_login l where l.role = role;
  if not found then return false; end if;
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'dunlin' and p.proname = any (dunlin.bound_functions(true)) loop
    execute format('revoke all on function %s from %I', f, role);
  end loop;
  return true;
end $$;

-- Lets a login work: tasks of these queues, of the case files that have a row of `entity` whose `field` is one of `values`. Both may be given; one must.
create function dunlin.let_work(role name, queues text[] default null, entity text default null, field text default null, "values" text[] default null,
                                supervise bool default false, who text default null) returns int
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  scope jsonb := '{}';
  f regprocedure;
  given int := 0;
begin
  if not exists (select 1 from pg_roles r where r.rolname = role) then perform dunlin.fail('DU034', format('there is no role `%s`', role), 'create role … login'); end if;
  if exists (select 1 from pg_roles r where r.rolname = role and r.rolsuper) or pg_has_role(role, current_user, 'member') then
    perform dunlin.fail('DU034', format('the role `%s` may do everything whatever it is given', role), 'It is a superuser, or a member of the role that owns the tables.');
  end if;
  if exists (select 1 from pg_auth_members m join pg_roles r on r.oid = m.roleid where r.rolname = role)
     or exists (select 1 from pg_roles r where r.rolname = role and not r.rolcanlogin) then
    perform dunlin.fail('DU034', format('`%s` is a group, and only a login is bound', role), 'Call let_work for each of its members.');
  end if;
  if exists (select 1 from pg_roles r where r.rolname in ('dunlin_consumer', 'dunlin_supervisor') and pg_has_role(role, r.oid, 'member')) then
    perform dunlin.fail('DU034', format('the role `%s` is a member of one that works everything', role), format('revoke dunlin_consumer, dunlin_supervisor from %I', role));
  end if;
  if queues is null and entity is null then perform dunlin.fail('DU002', 'a login is bound to queues, to a part of the portfolio, or to both', 'Whoever works everything is a member of dunlin_consumer.'); end if;
  if queues is not null then
    if queues = '{}' or array_position(queues, null) is not null then perform dunlin.fail('DU002', 'the list of queues is empty, or has an empty place'); end if;
    perform dunlin.setting_of(q) from unnest(queues) q;
    scope := scope || jsonb_build_object('queues', queues);
  end if;
  if entity is not null then
    if field is null or coalesce("values", '{}') = '{}' or array_position("values", null) is not null then perform dunlin.fail('DU002', 'a part of the portfolio is an entity, a field and its values', 'let_work(''desk_north'', entity => ''account'', field => ''branch'', values => ''{north}'')'); end if;
    if not exists (select 1 from information_schema.columns c where c.table_schema = 'portfolio' and c.table_name = entity and c.column_name = field) then
      perform dunlin.fail('DU034', format('`%s` has no field `%s`', entity, field));
    end if;
    scope := scope || jsonb_build_object('cases', jsonb_build_array(jsonb_build_object('entity', entity, 'field', field, 'values', "values")));
  end if;
  perform dunlin.unbind(role);
  insert into dunlin.bound_login (role, scope) values (role, scope);
  execute format('grant usage on schema dunlin to %I', role);
  for f in select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'dunlin' and p.proname = any (dunlin.bound_functions(supervise)) loop
    execute format('grant execute on function %s to %I', f, role);
    given := given + 1;
  end loop;
  perform dunlin.note_audit(who, 'let work', jsonb_build_object('role', role, 'bound_to', scope, 'supervise', supervise));
  return given;
end $$;
comment on function dunlin.let_work is 'A login works the tasks of these queues and of the case files in which a row of `entity` has one of `values` in `field`, by the functions themselves; returns the number of functions.';

create function dunlin.stop_working(role name, who text default null) returns bool
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if not dunlin.unbind(role) then return false; end if;
  perform dunlin.note_audit(who, 'stop working', jsonb_build_object('role', role));
  return true;
end $$;

-- ---- people, edited by two at once ----

create function dunlin.worker_tag(w dunlin.worker) returns text
language sql stable set search_path = pg_catalog, dunlin, pg_temp as $$
  select md5(jsonb_build_array(w.full_name, w.head, w.schedule, w.zone, w.territories, w.queues, w.capacity, w.active,
    (select jsonb_agg(jsonb_build_array(s.kind, s.name, s.since, s.until) order by s.kind, s.name, s.since) from dunlin.worker_skill s where s.worker = w.id))::text)
$$;
create function dunlin.lock_worker(name text, tag text) returns void
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  person dunlin.worker;
begin
  select w.* into person from dunlin.worker w where w.name = name for update;
  if not found or dunlin.worker_tag(person) is distinct from tag then
    perform dunlin.fail('DU038', format('the worker `%s` is not as you have seen them', name), 'Look again.');
  end if;
end $$;

-- ---- what was set aside ----

-- An event that was set aside, with something in it changed, tried again. It is told apart from the one that came by its own place in the audit; where it still
-- does not fit, it is set aside anew as it is now.
create function dunlin.quarantine_tag(row_now dunlin.quarantine) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$ select md5(row_now.body || e'\x1f' || coalesce(row_now.resolved_at::text, '')) $$;

create function dunlin.quarantine_lock(number int8, tag text) returns dunlin.quarantine
language plpgsql set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  aside dunlin.quarantine;
begin
  select q.* into aside from dunlin.quarantine q where q.id = number for update;
  if not found then perform dunlin.fail('DU034', format('nothing is set aside under number %s', number)); end if;
  if aside.resolved_at is not null then perform dunlin.fail('DU012', format('number %s is dealt with since %s', number, aside.resolved_at)); end if;
  if tag is distinct from dunlin.quarantine_tag(aside) then perform dunlin.fail('DU038', format('number %s is not as you have seen it', number), 'Look at it again.'); end if;
  return aside;
end $$;

create function dunlin.quarantine_repair(number int8, tag text, changes jsonb, who text, reason text) returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  aside dunlin.quarantine := dunlin.quarantine_lock(number, tag);
  item jsonb;
  name text;
  answer text;
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'a repair needs a reason'); end if;
  if aside.kind <> 'event' then
    perform dunlin.fail('DU012', format('number %s is no event that could be repaired here', number), 'A row of a file is mended in the file, which is imported again.');
  end if;
  for name in select k from jsonb_object_keys(changes) k where k not in ('event', 'entity', 'key', 'at', 'payload') loop
    perform dunlin.fail('DU002', format('`%s` of an event cannot be repaired', name), 'event, entity, key, at, payload');
  end loop;
  item := aside.body::jsonb || jsonb_strip_nulls(changes);
  if not item ? 'payload' then perform dunlin.fail('DU002', 'it was set aside without its fields', 'Give them as `payload`.'); end if;
  update dunlin.quarantine q set tried_at = clock_timestamp(), resolved_at = clock_timestamp() where q.id = number;
  answer := dunlin.post_event(item ->> 'source', item ->> 'external_id', item ->> 'event', item ->> 'entity', item ->> 'key', (item ->> 'at')::timestamptz, item -> 'payload');
  perform dunlin.note_audit(who, 'repair event', jsonb_build_object('number', number, 'before', aside.body::jsonb - 'payload', 'after', item - 'payload',
                            'fields', (select coalesce(jsonb_agg(k order by k), '[]') from jsonb_object_keys(coalesce(changes -> 'payload', '{}')) k), 'result', answer, 'reason', reason));
  return answer;
exception when data_exception then
  raise exception using errcode = 'DU022', message = 'the event as repaired cannot be read: ' || sqlerrm;
end $$;

create function dunlin.quarantine_dismiss(number int8, tag text, who text, reason text) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  aside dunlin.quarantine := dunlin.quarantine_lock(number, tag);
begin
  if coalesce(reason, '') = '' then perform dunlin.fail('DU002', 'letting it be needs a reason'); end if;
  update dunlin.quarantine q set resolved_at = clock_timestamp() where q.id = number;
  -- Not why it was set aside: that cites the row, which may hold anything personal, and the audit is for eyes that may not see it, for ever.
  perform dunlin.note_audit(who, 'dismiss', jsonb_build_object('number', number, 'kind', aside.kind, 'reason', reason));
  return true;
end $$;

-- A case file whose step failed is stepped again by the next pass.
create function dunlin.step_again(entity text, key text, who text) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  done bool;
begin
  if not exists (select 1 from dunlin.instance_key k where k.entity = entity and k.key = key) then perform dunlin.fail('DU034', format('there is no %s `%s`', entity, key)); end if;
  update dunlin.case_file c set set_aside = false, wake_at = least(c.wake_at, timestamptz '2000-01-01') from dunlin.instance_key k
    where k.entity = entity and k.key = key and c.bucket = k.bucket and c.case_id = k.case_id and c.set_aside;
  done := found;
  if not done then perform dunlin.fail('DU012', format('the case file of %s `%s` is not set aside', entity, key)); end if;
  perform dunlin.note_audit(who, 'step again', jsonb_build_object('entity', entity, 'key', key));
  notify dunlin_inbox;
  return done;
end $$;

-- ---- looking for somebody ----

-- Instances whose field begins with this, whatever the case of its letters, in the order of their keys. Not by an index: it reads the table.
create function dunlin.search_field(entity text, field text, value text, after text, most int)
returns table (key text, found text)
language plpgsql stable security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(value, '') = '' then perform dunlin.fail('DU002', 'a search needs something to look for'); end if;
  if not exists (select 1 from information_schema.columns c where c.table_schema = 'portfolio' and c.table_name = entity and c.column_name = field and c.column_name !~ '^dunlin_') then
    perform dunlin.fail('DU034', format('`%s` has no field `%s`', entity, field));
  end if;
  return query execute format('select k.key, x.%1$I::text from portfolio.%2$I x join dunlin.instance_key k on k.bucket = x.dunlin_bucket and k.case_id = x.dunlin_case and k.id = x.dunlin_id
      where k.entity = $1 and k.key > $2 and starts_with(lower(x.%1$I::text), lower($3)) and (dunlin.unbound() or dunlin.sees(k.bucket, k.case_id)) order by k.key limit $4', field, entity)
    using entity, coalesce(after, ''), value, most;
end $$;

revoke all on dunlin.bound_login from public;
revoke all on function dunlin.bound_functions, dunlin.hand_out_text, dunlin.enter, dunlin.must_see, dunlin.must_be_time, dunlin.put_guard, dunlin.top_up, dunlin.sees_task, dunlin.unbind, dunlin.let_work, dunlin.stop_working, dunlin.worker_tag, dunlin.lock_worker, dunlin.quarantine_tag,
  dunlin.quarantine_lock, dunlin.quarantine_repair, dunlin.quarantine_dismiss, dunlin.step_again, dunlin.search_field from public;
select dunlin.let('{dunlin_supervisor}', '{quarantine_repair,quarantine_dismiss,step_again}');
