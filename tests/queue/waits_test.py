"""One open transaction holds nobody up for long, and what else waits for a person: a conversation kept alive, names, months of history."""
import os
import subprocess
import sys
import threading
import time

from desk import BUNDLE, COMMAND, SERVER, Client, new_database, run_all

ACCOUNTS = 300
BASE = new_database([(f"D{n}", f"A{n}", 100, n, "North") for n in range(ACCOUNTS)])


def fresh():
    return Client(new_database(None, template=BASE))


def name_of(sql):
    return sql.connection.info.dbname


def open_transaction(sql, statement, *values, idle=None):
    """A second session that does this in a transaction and then says nothing."""
    other = Client(name_of(sql))
    if idle:
        other.run(f"set idle_in_transaction_session_timeout = '{idle}'")
    other.run("begin")
    other.run(statement, *values)
    return other


def test_who_locks_something_and_says_nothing_more_loses_it():
    sql = fresh()
    told = "show idle_in_transaction_session_timeout"
    task = sql.lease()[0]
    for call, values in (("select dunlin.lease('call', 'bert')", ()), ("select dunlin.heartbeat(%s, %s)", (task.task, task.epoch)),
                         ("select dunlin.pause_queue('errand', 'lunch', 'anna')", ()),
                         ("select dunlin.record_contact('test', 'c1', 'account', 'A7', 'call', now())", ())):
        other = open_transaction(sql, call, *values)
        assert other.value(told) == "10s", call
        other.run("rollback")
        assert other.value(told) == "0", call
    other = open_transaction(sql, "select dunlin.lease('call', 'bert')", idle="1min")
    assert other.value(told) == "1min", "somebody has thought about it"
    other.run("rollback")


def test_a_node_leaves_out_what_is_locked_and_steps_the_others():
    """A hand-out locks the case file, the end of a task of this queue the task only."""
    sql = fresh()
    left_out(sql, open_transaction(sql, "select key from dunlin.lease('call', 'sloppy')", idle="5min"))
    sql = fresh()
    task = sql.lease()[0]
    left_out(sql, open_transaction(sql, "select 1 from dunlin.task_open where task = %s for update", task.task, idle="5min"))


def left_out(sql, other):
    key = other.value("select k.key from dunlin.task_open o join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) where o.status = 1")
    sql.run("""select dunlin.post_event('bank', 'p' || n, 'payment', 'account', 'A' || n, now(), '{"amount": 1000}') from generate_series(0, %s) n""", ACCOUNTS - 1)
    unread = """select coalesce(array_agg(distinct k.key), '{}') from dunlin.inbox i join dunlin.instance_key k on (k.bucket, k.case_id) = (i.bucket, i.case_id)
                where k.entity = 'account'"""
    server = subprocess.Popen([COMMAND, "serve", "--port", "0", "--database", f"{SERVER} dbname={name_of(sql)}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while sql.value(unread) != [key] and time.monotonic() < until:
            time.sleep(0.2)
        assert sql.value(unread) == [key], f"{len(sql.value(unread))} accounts wait for one consumer"
        assert sql.value("select count(*) from dunlin.task_open o where o.queue = (select queue from dunlin.queue_setting where name = 'call')") == 1
        other.run("rollback")
        until = time.monotonic() + 30
        while sql.value(unread) and time.monotonic() < until:
            time.sleep(0.2)
        assert sql.value(unread) == [], "what was left out is never read"
    finally:
        server.terminate()
        server.wait(60)


def test_a_conversation_is_kept_alive_as_a_whole():
    sql = Client(new_database([("D1", f"A{n}", 100, 10, "North") for n in range(3)]))
    sql.run("update dunlin.queue_setting set merge = true where name = 'call'")
    sql.run("update dunlin.task_open set not_before = now() - interval '1 hour', wakes = null")
    tasks = sql.lease(lasting="2 seconds")
    assert len(tasks) == 3, tasks
    ends = "select count(distinct lease_until), min(lease_until) > clock_timestamp() + %s from dunlin.task_open where status = 1"
    for task in tasks:  # the lead and the others alike
        sql.run("update dunlin.task_open set lease_until = clock_timestamp() + interval '2 seconds' where status = 1")
        sql.run("select dunlin.heartbeat(%s, %s)", task.task, task.epoch)
        assert tuple(sql.one(ends, "1 minute")) == (1, True), task
        sql.run("update dunlin.task_open set lease_until = clock_timestamp() + interval '2 seconds' where status = 1")
        sql.run("select dunlin.extend(%s, %s, '20 minutes')", task.task, task.epoch)
        assert tuple(sql.one(ends, "19 minutes")) == (1, True), task
    # Another conversation of the same debtor, were there one, is none of theirs.
    sql.run("update dunlin.task_open set lead = null, lease_until = clock_timestamp() + interval '2 seconds' where task = %s", tasks[2].task)
    sql.run("update dunlin.task_open set lead = null where task = %s", tasks[0].task)
    sql.run("select dunlin.heartbeat(%s, %s)", tasks[0].task, tasks[0].epoch)
    assert sql.value("select lease_until < clock_timestamp() + interval '3 seconds' from dunlin.task_open where task = %s", tasks[2].task)


def test_two_who_keep_one_conversation_alive_do_not_wait_in_a_circle():
    """Each keeps another member alive, and one of them ends the conversation meanwhile."""
    name = new_database([("D1", f"A{n}", 100, 10, "North") for n in range(3)])
    Client(name).run("update dunlin.queue_setting set merge = true where name = 'call'")
    for call in ("select dunlin.heartbeat(%s, %s)", "select dunlin.complete(%s, %s, 'busy')", "select dunlin.extend(%s, %s, '20 minutes')"):
        sql = Client(new_database(None, template=name))
        sql.run("update dunlin.task_open set not_before = now() - interval '1 hour', wakes = null")
        lead, member = sorted(sql.lease(lasting="2 seconds"), key=lambda t: t.lead is not None)[:2]
        holder = open_transaction(sql, "select 1 from dunlin.task_open where task = any (%s) for update", [lead.task, member.task])
        said = {}

        def ask(who, statement, task):
            try:
                said[who] = Client(name_of(sql)).value(statement, task.task, task.epoch)
            except Exception as error:
                said[who] = str(error)

        both = [threading.Thread(target=ask, args=("one", "select dunlin.heartbeat(%s, %s)::text", member)), threading.Thread(target=ask, args=("other", call, lead))]
        for thread in both:
            thread.start()
            time.sleep(0.3)
        holder.run("commit")
        for thread in both:
            thread.join(30)
        assert len(said) == 2 and not any("deadlock" in str(answer) for answer in said.values()), (call, said)


def test_one_worker_has_one_name():
    sql = fresh()
    assert sql.lease(worker="Anna Berg")
    for name in ("anna berg", "Anna Berg ", " Anna  Berg", "ANNA BERG"):
        code, message, _ = sql.refusal("select dunlin.lease('call', %s)", name)
        assert code == "DU002" and "`Anna Berg`" in message, (name, message)
    assert sql.lease(worker="Anna Berger") and sql.lease(worker="Anna Berg")
    assert sql.refusal("select dunlin.lease('call', 'otto ')")[0] == "DU002"
    assert sql.value("select count(*) from dunlin.worker where lower(name) like 'anna%%' or name like 'otto%%'") == 2


def test_months_of_history_are_made_while_the_engine_is_at_work():
    sql = fresh()
    months = "select count(*) from pg_class c join pg_inherits i on i.inhrelid = c.oid where c.relname ~ '_[0-9]{4}_[0-9]{2}$'"
    there = sql.value(months)
    for table in ("task_done", "hand_out", "decision", "transition", "state_past"):
        sql.run(f"do $$ begin execute 'drop table dunlin.{table}_' || to_char(clock_timestamp() at time zone 'UTC' + interval '2 months', 'YYYY_MM'); end $$")
    assert sql.value(months) == there - 5
    done = subprocess.run([COMMAND, "run", BUNDLE, "--summary", "--database", f"{SERVER} dbname={name_of(sql)}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sql.value(months) == there, "the same version again makes none"
    assert sql.value("select dunlin.keep_months()") == 0


if __name__ == "__main__":
    run_all(sys.modules[__name__])
