-- The outcome of a task that goes `to` somebody is about them, where it belongs to such as they are: a promise of a party, a number that rings out, a call about one account of a debtor.

-- Whose outcome it is: the recipient's, or what the recipient hangs on; else that of the instance that asked for the task.
create function dunlin.outcome_owner(bucket int4, case_id int8, task uuid, instance_id int8, owner text) returns int8
language plpgsql stable as $$
#variable_conflict use_variable
declare
  at record;
  id int8;
begin
  select b.recipient into id from dunlin.task_body b where b.bucket = bucket and b.case_id = case_id and b.task = task;
  if not found then select d.recipient into id from dunlin.task_done d where d.bucket = bucket and d.case_id = case_id and d.task = task; end if;
  for depth in 1..16 loop
    exit when coalesce(id, 0) = 0;
    select k.entity, k.parent into at from dunlin.instance_key k where k.bucket = bucket and k.case_id = case_id and k.id = id;
    exit when not found;
    if at.entity = owner then return id; end if;
    id := at.parent;
  end loop;
  return dunlin.owner_of(bucket, case_id, instance_id, owner);
end $$;
revoke all on function dunlin.outcome_owner from public;

-- These functions are otherwise as they were.
do $$
declare
  change record;
  was text;
begin
  for change in select * from (values
    ('complete_one', 'owner := dunlin.owner_of(open.bucket, open.case_id, open.instance_id, kind.owner);',
     'owner := dunlin.outcome_owner(open.bucket, open.case_id, open.task, open.instance_id, kind.owner);'),
    ('post_status_within', 'dunlin.owner_of(item.bucket, item.case_id, item.instance_id, kind.owner)',
     'dunlin.outcome_owner(item.bucket, item.case_id, item.task, item.instance_id, kind.owner)')
  ) c(name, old_text, new_text) loop
    was := pg_get_functiondef(('dunlin.' || change.name)::regproc);
    if strpos(was, change.old_text) = 0 then raise exception 'dunlin.% does not say `%`', change.name, change.old_text; end if;
    execute replace(was, change.old_text, change.new_text);
  end loop;
end $$;
