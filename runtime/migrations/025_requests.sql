-- What steps ask for and do not decide: approvals by people, places under quotas, placements with agencies. A step writes a request; the
-- answer is an event, put into the inbox in the transaction that changes the row, so there is never one without the other.

create table dunlin.request (
  bucket      int4 not null,
  id          int8 not null,               -- from the step: the same cause gives the same id
  case_id     int8 not null,
  instance_id int8 not null,
  kind        text not null check (kind in ('approval', 'quota', 'allocation')),
  name        text not null,
  asked_at    timestamptz not null,
  due         timestamptz,
  lapses_at   timestamptz,
  role        text not null default '',
  requester   text not null default '',
  cause       text not null default '',    -- external id of the event it was asked upon
  never_requester bool not null default false,
  payload     jsonb not null default '{}', -- what is asked for
  order_keys  int8[] not null default '{}',-- ascending; what comes first is granted first
  amount      int8 not null default 1,
  length      int8 not null default 0,
  status      text not null default 'open' check (status in ('open', 'approved', 'declined', 'lapsed', 'granted', 'placed', 'withdrawn', 'ended', 'recalled')),
  decided_at  timestamptz,
  decided_by  text,
  reason      text,
  agency      text,
  shares      text,                        -- under which shares it was placed: totals count under them
  until       timestamptz,
  over_at     timestamptz,
  primary key (bucket, id),
  check (kind <> 'approval' or status <> 'approved' or decided_by is null or not never_requester or decided_by <> requester)
) with (fillfactor = 80);
create index request_open on dunlin.request (kind, name) where status = 'open';
create index request_granted on dunlin.request (name, decided_at) where kind = 'quota' and status = 'granted';
create index request_placed on dunlin.request (name, agency) where kind = 'allocation' and agency is not null;
create index request_case on dunlin.request (bucket, case_id);

-- One row for each quota and allocation: whoever grants holds it, so that no two count at once.
create table dunlin.scarce (
  name text primary key
);

-- Who may decide for a role. A role that nobody was given to is open to everybody who may call decide_approval().
create table dunlin.approver (
  role  text not null,
  who   text not null,
  since timestamptz not null default clock_timestamp(),
  primary key (role, who)
);

-- Events of requests come from steps and from the functions below, and from nobody else.
alter table dunlin.event_type add column of_request bool not null default false;

create or replace function dunlin.check_payload(type int4, name text, payload jsonb) returns void
language plpgsql stable as $$
#variable_conflict use_variable
declare
  field record;
  fields text;
begin
  if exists (select 1 from dunlin.event_type e where e.id = type and e.of_request) then
    perform dunlin.fail('DU030', format('`%s` is no event that somebody reports', name),
                        'It follows from a decision: `dunlin approval approve`, or the pass that grants.');
  end if;
  if jsonb_typeof(payload) <> 'object' then perform dunlin.fail('DU022', format('the payload of `%s` must be a JSON object', name), 'For example {"amount": 12.50}.'); end if;
  for field in select f.name, f.kind, f.optional, f.literals, payload -> f.name as value from dunlin.event_field f where f.type = type loop
    if field.value is null or jsonb_typeof(field.value) = 'null' then
      if not field.optional then
        perform dunlin.fail('DU022', format('`%s` lacks the field `%s`', name, field.name), format('It is a %s and must be given.', field.kind));
      end if;
    elsif not dunlin.fits(field.value, field.kind, field.literals) then
      perform dunlin.fail('DU022', format('the field `%s` of `%s` is a %s; %s is none', field.name, name, field.kind, field.value),
        case when field.kind = 'enum' then 'One of ' || array_to_string(field.literals, ', ') || '.'
             when field.kind in ('date', 'time', 'datetime') then 'As a text in ISO 8601, for example "2026-03-31".'
             when field.kind in ('money', 'decimal', 'number', 'int') then 'As a JSON number, without quotes.' end);
    end if;
  end loop;
  for field in select n.name from jsonb_object_keys(payload) n(name) where not exists (select 1 from dunlin.event_field f where f.type = type and f.name = n.name) loop
    select string_agg(f.name, ', ' order by f.name) into fields from dunlin.event_field f where f.type = type;
    perform dunlin.fail('DU022', format('`%s` has no field `%s`', name, field.name), 'Fields: ' || coalesce(fields, 'none') || '.');
  end loop;
end $$;

-- Who asked, where a person did: named by the rule, or who reported the outcome it was asked upon.
create function dunlin.requester_of(request dunlin.request) returns text
language sql stable as $$
  select coalesce(nullif(request.requester, ''),
                  (select w.name from dunlin.task_done d join dunlin.worker w on w.id = d.worker
                   where request.cause <> '' and d.bucket = request.bucket and d.case_id = request.case_id and d.external_id = request.cause limit 1))
$$;

create view dunlin.approval as
  select r.id, r.name, r.status, k.entity, k.key, r.payload, r.role, dunlin.requester_of(r) as requester, r.asked_at, r.due, r.lapses_at, r.decided_at,
         r.decided_by, r.reason
  from dunlin.request r left join dunlin.instance_key k on k.bucket = r.bucket and k.case_id = r.case_id and k.id = r.instance_id
  where r.kind = 'approval';

-- A person decides. The answer is an event of the next step. The same decision again answers duplicate and changes nothing.
create function dunlin.decide_approval(request int8, approve bool, who text, reason text default null, at timestamptz default null, origin text default null)
returns text
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  asked  dunlin.request;
  answer text := case when approve then 'approved' else 'declined' end;
  type   int4;
  asker  text;
begin
  if coalesce(who, '') = '' then perform dunlin.fail('DU002', 'a decision needs somebody who decides', 'Say who: who => ''anna''.'); end if;
  if approve is null then perform dunlin.fail('DU002', 'a decision is an approval or not', 'approve => true, or false to decline.'); end if;
  select r.* into asked from dunlin.request r where r.id = request and r.kind = 'approval' for update;
  if not found then perform dunlin.fail('DU060', format('nobody asks for approval %s', request), 'select * from dunlin.approval where status = ''open'''); end if;
  at := coalesce(at, clock_timestamp());
  if asked.status <> 'open' then
    if asked.status = answer and asked.decided_by = who then return 'duplicate'; end if;
    perform dunlin.fail('DU061', format('approval %s is %s since %s%s', request, asked.status, asked.decided_at, coalesce(', by ' || asked.decided_by, '')),
                        'What is decided stays; if it is needed still, a rule asks again.');
  end if;
  if at >= asked.lapses_at then
    perform dunlin.fail('DU061', format('approval %s has lapsed at %s', request, asked.lapses_at), 'The next step tells its strategy so; a rule may ask again.');
  end if;
  if at < asked.asked_at then perform dunlin.fail('DU033', format('approval %s was not asked for before %s', request, asked.asked_at), 'Decide after that.'); end if;
  asker := dunlin.requester_of(asked);
  if asked.never_requester and asker = who then
    perform dunlin.fail('DU062', format('%s has asked for approval %s and does not decide on it', who, request), 'Somebody else of the role decides.');
  end if;
  if exists (select 1 from dunlin.approver a where a.role = asked.role) and not exists (select 1 from dunlin.approver a where a.role = asked.role and a.who = who) then
    perform dunlin.fail('DU062', format('%s does not decide as %s', who, asked.role),
                        'These do: ' || (select string_agg(a.who, ', ' order by a.who) from dunlin.approver a where a.role = asked.role) || '.');
  end if;
  select e.id into type from dunlin.event_type e where e.name = asked.name || '.' || answer;
  if type is null then perform dunlin.fail('DU030', format('the active bundle has no approval `%s`', asked.name)); end if;
  perform dunlin.put_event(asked.bucket, asked.case_id, asked.instance_id, type, at, 'dunlin approval', asked.id::text,
                           asked.payload || jsonb_strip_nulls(jsonb_build_object('request', asked.id, 'decided_by', who, 'reason', reason)));
  update dunlin.request r set status = answer, decided_at = at, decided_by = who, reason = reason where r.bucket = asked.bucket and r.id = asked.id;
  insert into dunlin.audit (who, origin, action, detail)
    values (who, origin, case when approve then 'approve' else 'decline' end,
            jsonb_build_object('approval', asked.name, 'request', asked.id, 'asked', asked.payload, 'role', asked.role, 'requester', asker, 'reason', reason));
  return answer;
end $$;
comment on function dunlin.decide_approval is
  'Approves or declines an open approval: who, why, when if not now. Never the requester where the bundle says so; only those in dunlin.approver where the role has any. Answers approved, declined or duplicate.';

create function dunlin.approve(request int8, who text, reason text default null, at timestamptz default null) returns text
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$ select dunlin.decide_approval(request, true, who, reason, at) $$;
create function dunlin.decline(request int8, who text, reason text default null, at timestamptz default null) returns text
language sql security definer set search_path = pg_catalog, dunlin, pg_temp as $$ select dunlin.decide_approval(request, false, who, reason, at) $$;

-- Gives a role to somebody, or takes it. From the first one on, only those who have it decide.
create function dunlin.set_approver(role text, who text, may bool, given_by text, origin text default null) returns bool
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
begin
  if coalesce(role, '') = '' or coalesce(who, '') = '' then perform dunlin.fail('DU002', 'a role and a person are needed'); end if;
  if may then
    insert into dunlin.approver (role, who) values (role, who) on conflict do nothing;
  else
    delete from dunlin.approver a where a.role = role and a.who = who;
  end if;
  if not found then return false; end if;
  insert into dunlin.audit (who, origin, action, detail)
    values (given_by, origin, case when may then 'give role' else 'take role' end, jsonb_build_object('role', role, 'who', who));
  return true;
end $$;

-- Answers of a pass that grants: `answers` is [{"id": …, "status": …, "agency": …, "until": …, "reason": …, "payload": {…}}, …] in the order in which
-- they were granted. The caller holds the row of dunlin.scarce and those of the requests.
create function dunlin.grant_requests(name text, answers jsonb, shares text, at timestamptz) returns int8
language plpgsql security definer set search_path = pg_catalog, dunlin, pg_temp as $$
#variable_conflict use_variable
declare
  item  jsonb;
  asked dunlin.request;
  type  int4;
  done  int8 := 0;
begin
  for item in select x.value from jsonb_array_elements(answers) with ordinality x(value, nth) order by x.nth loop
    select r.* into asked from dunlin.request r where r.id = (item ->> 'id')::int8 and r.name = name and r.status = 'open' for update;
    if not found then continue; end if;
    select e.id into type from dunlin.event_type e where e.name = asked.name || '.' || (item ->> 'status');
    if not dunlin.put_event(asked.bucket, asked.case_id, asked.instance_id, type, at, 'dunlin grant', asked.id::text, item -> 'payload') then continue; end if;
    update dunlin.request r set status = item ->> 'status', decided_at = at, agency = item ->> 'agency', until = (item ->> 'until')::timestamptz,
      reason = item ->> 'reason', shares = shares where r.bucket = asked.bucket and r.id = asked.id;
    done := done + 1;
  end loop;
  return done;
end $$;

revoke all on function dunlin.decide_approval, dunlin.approve, dunlin.decline, dunlin.set_approver, dunlin.grant_requests, dunlin.requester_of from public;
revoke all on dunlin.request, dunlin.scarce, dunlin.approver, dunlin.approval from public;
select dunlin.let('{dunlin_supervisor}', '{decide_approval,approve,decline}');
