"""What a stop of contact, an `exclude`, a closed account and a hold keep back, and what is there when they are lifted: the same tasks, at once, and nothing that a step has to ask for
again. Who holds one hears of it however late it was leased, and whatever it was that called it back; and not longer than it holds."""
import json
import os
import sys
import time

from desk import HERE, Client, check_sound, dunlin, import_accounts, new_database, run_all, step

LIFTED, PRINTED = os.path.join(HERE, "lifted"), os.path.join(HERE, "printed")
BASE = new_database([(f"D{n}", f"A{n}", 100 * n, 10 * n, "North" if n % 2 else "South") for n in range(1, 9)], bundle=LIFTED)
MANY = new_database([(f"D{n}", f"A{n}", 100, 50, "North" if n > 2 else "South") for n in range(1, 41)], bundle=LIFTED)
LETTERS = new_database([(f"D{n}", f"A{n}", 100 * n, n, "North") for n in range(1, 4)], bundle=PRINTED)
EVERYBODY = "select stop from dunlin.stop_outbound(%s, null, null, null, null, null, null, %s, 'eva')"
EXCLUDE = "select dunlin.set_override('account', %s, 'exclude', null, now() + %s::interval, 'a lawyer called', null, 'eva')"


def fresh(base=BASE):
    name = new_database(None, template=base)
    return name, Client(name)


def open_tasks(sql):
    return sql.all("select task, queue, key, status, marked from dunlin.queue order by task")


def open_task(sql, task):
    return sql.one("select status, marked, wakes, reason from dunlin.task_open where task = %s", task)


def told(sql, task, worker="anna"):
    """What its holder hears, from whichever function: the reason, or None. They must all say the same."""
    heard = sql.one("select * from dunlin.heartbeat(%s, %s)", task.task, task.epoch)
    longer = sql.one("select * from dunlin.extend(%s, %s, '10 minutes')", task.task, task.epoch)
    listed = {row.task: row.reason for row in sql.all("select * from dunlin.withdrawn_tasks(%s)", worker)}
    allowed = sql.one("select * from dunlin.may_contact(%s)", task.task)
    assert heard.withdrawn == longer.withdrawn == (task.task in listed) == (not allowed.allowed), (heard, longer, listed, allowed)
    assert heard.reason == longer.reason == listed.get(task.task) == allowed.reason, (heard, longer, listed, allowed)
    return heard.reason


def event(sql, type, key, payload="{}"):
    assert sql.value("select dunlin.post_event('court', gen_random_uuid()::text, %s, 'account', %s, now(), %s)", type, key, payload) == "accepted"


def nothing_to_do(name, sql):
    """The law of sleeping: a step of everybody changes nothing."""
    before = open_tasks(sql)
    step(name, LIFTED)
    dunlin(name, "run", LIFTED, "--full", "--summary")
    assert open_tasks(sql) == before


# ---- no task is lost ----

def test_what_a_stop_kept_back_is_there_when_it_is_lifted():
    name, sql = fresh()
    before = {t.task for t in open_tasks(sql)}
    calls, visits = sql.lease(n=4, lasting="2 seconds"), sql.lease("visit", n=2, lasting="2 seconds")
    stop = sql.value(EVERYBODY, "restored, the day is being brought in", "infinity")
    for task in (calls[0], visits[0]):
        assert "the day is being brought in" in told(sql, task)
        assert sql.value("select dunlin.release(%s, %s)", task.task, task.epoch) == "ready"
    time.sleep(2.1)
    sql.run("select dunlin.turn_over()")
    assert {t.task for t in open_tasks(sql)} == before and all(t.status == "ready" and not t.marked for t in open_tasks(sql))
    for queue in ("call", "visit"):
        assert sql.lease(queue, "bert", 20) == []
    assert sql.value("select count(*) from dunlin.task_open where reason = 'contact is stopped: restored, the day is being brought in (by eva)'") >= 2
    nothing_to_do(name, sql)
    sql.run("select dunlin.resume_contact(%s, 'eva')", stop)
    again = {t.task for queue in ("call", "visit") for t in sql.lease(queue, "bert", 20)}
    assert again == before, (len(again), len(before))
    assert sql.value("select count(*) from dunlin.task_done") == 0
    nothing_to_do(name, sql)
    assert dunlin(name, "replay", "--decisions").returncode == 0
    check_sound(sql)


def test_what_is_excluded_or_closed_is_there_afterwards():
    name, sql = fresh()
    before = open_tasks(sql)
    ways = {"exclude": ((EXCLUDE, ("9 days",)), "select dunlin.lift_override(max(id), 'eva') from dunlin.override"),
            "its own end": ((EXCLUDE, ("1 second",)), "select pg_sleep(1), dunlin.apply_priorities()"),
            "close": (("select dunlin.close_account('account', %s, 'sold', null, 'eva')", ()), "select dunlin.reopen_account('account', 'A8', 'eva')")}
    for way, ((placed, words), lifted) in ways.items():
        for queue in ("call", "visit"):
            task = next(t for t in sql.lease(queue, n=20) if t.key == "A8")
            sql.run(placed, "A8", *words)
            assert told(sql, task), way
            assert sql.value("select dunlin.release(%s, %s)", task.task, task.epoch) == "ready", way
            assert "A8" not in [t.key for t in sql.lease(queue, "bert", 20)], way
            sql.run(lifted)
            assert [t.task for t in sql.lease(queue, "bert", 20)] == [task.task], way
            sql.run("select dunlin.release(task, lease_epoch) from dunlin.task_open where status = 1")
            assert open_tasks(sql) == before, way
    nothing_to_do(name, sql)
    check_sound(sql)


def test_whoever_is_given_a_task_under_a_stop_gets_it_when_it_is_lifted():
    _, sql = fresh()
    sql.run("select dunlin.worker_number('bert')")
    task = sql.lease()[0]
    stop = sql.value(EVERYBODY, "a power cut", "infinity")
    assert sql.value("select dunlin.reassign(%s, 'bert', 'speaks her language', 'eva')", task.task) == "reassigned"
    assert sql.lease(worker="bert") == []
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert [t.task for t in sql.lease(worker="bert")] == [task.task]
    check_sound(sql)


def test_a_lease_that_ends_in_silence_counts_under_a_stop_too():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set returns_max = 0 where name = 'call'")
    task = sql.lease(lasting="1 second")[0]
    stop = sql.value(EVERYBODY, "a power cut", "infinity")
    time.sleep(1.1)
    sql.run("select dunlin.turn_over()")
    assert open_task(sql, task.task)[:2] == (6, False) and "ended without an outcome" in open_task(sql, task.task).reason
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert sql.value("select dunlin.redrive(task => %s)", task.task) == 1 and sql.lease()[0].task == task.task
    check_sound(sql)


# ---- what is withdrawn stays so ----

def test_a_reason_that_is_gone_is_gone_under_a_stop_too():
    name, sql = fresh()
    paid, back, both, word = sql.lease(n=4)
    # Under a stop: one whose reason goes, one whose reason goes and comes back, and one that a supervisor withdraws as well.
    stop = sql.value(EVERYBODY, "a power cut", "infinity")
    event(sql, "payment", paid.key, '{"amount": 1000}')
    import_accounts(name, [(back.debtor, back.key, 700, 0, "North")], LIFTED)
    assert sql.value("select dunlin.withdraw(%s, 'she knows him', 'eva')", word.task) == "marked"
    step(name, LIFTED)
    for task in (paid, back, both, word):
        assert told(sql, task), task.key
    import_accounts(name, [(back.debtor, back.key, 700, 70, "North")], LIFTED)
    # The other way round: the reason is gone first, and then comes the stop of one account.
    event(sql, "payment", both.key, '{"amount": 1000}')
    step(name, LIFTED)
    sql.run("select dunlin.resume_contact(%s)", stop)
    second = sql.value("select stop from dunlin.stop_outbound('the court forbids it', 'account', %s, null, null, null, null, 'infinity', 'eva')", both.key)
    assert "she knows him" in told(sql, word) and told(sql, paid) and told(sql, both)
    sql.run("select dunlin.resume_contact(%s)", second)
    assert told(sql, both)
    for task in (paid, both, word):
        assert sql.value("select dunlin.release(%s, %s)", task.task, task.epoch) == "withdrawn", task.key
    assert told(sql, back) is None and sql.value("select dunlin.release(%s, %s)", back.task, back.epoch) == "ready"
    step(name, LIFTED)
    keys = [t.key for t in open_tasks(sql) if t.queue == "call"]
    assert paid.key not in keys and both.key not in keys and back.key in keys, keys
    check_sound(sql)


# ---- whoever holds one ----

def test_a_lifted_stop_is_nobodys_reason_any_more():
    name, sql = fresh()
    first, second = sql.lease(n=2)
    stop = sql.value(EVERYBODY, "oops", "infinity")
    assert "oops" in told(sql, first)
    # Somebody is at one of them while it is lifted.
    other = Client(name)
    other.run("begin")
    other.run("select 1 from dunlin.task_open where task = %s for update", first.task)
    sql.run("select dunlin.resume_contact(%s)", stop)
    other.run("commit")
    assert told(sql, first) is None and told(sql, second) is None
    # By its own end, before any round.
    sql.value(EVERYBODY, "lunch", sql.value("select (clock_timestamp() + interval '1 second')::text"))
    assert "lunch" in told(sql, first)
    time.sleep(1.1)
    assert told(sql, first) is None
    override = sql.value(EXCLUDE, first.key, "9 days")
    assert "lawyer" in told(sql, first)
    sql.run("select dunlin.lift_override(%s)", override)
    assert told(sql, first) is None and sql.value("select dunlin.complete(%s, %s, 'busy')", first.task, first.epoch) == "accepted"
    check_sound(sql)


def test_a_lease_that_was_open_when_the_stop_came_is_told():
    name, sql = fresh()
    consumer = Client(name)
    consumer.run("begin")
    tasks = consumer.lease(n=3, lasting="2 seconds")
    stop = sql.value(EVERYBODY, "the court forbids it", "infinity")
    consumer.run("commit")
    for task in tasks:
        assert "the court forbids it" in told(sql, task)
    assert len(sql.all("select * from dunlin.withdrawn_tasks('anna')")) == 3
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert [told(sql, task) for task in tasks] == [None] * 3
    # A stop that marks nothing is a stop, too; a lease that was kept alive is found as well as a new one.
    sql.run("select dunlin.stop_contact('the court forbids it', entity => 'account', key => %s)", tasks[1].key)
    time.sleep(2.1)
    sql.run("select dunlin.turn_over()")
    assert [bool(told(sql, task)) for task in tasks] == [False, True, False]
    assert sql.all("select * from dunlin.withdrawn_tasks('bert')") == []


def test_a_hold_tells_whoever_holds_one():
    name, sql = fresh()
    kept, returned = sql.lease(n=2)
    for task in (kept, returned):
        event(sql, "in_dispute.placed", task.key)
    step(name, LIFTED)
    for task in (kept, returned):
        assert told(sql, task).startswith("hold `in_dispute`"), told(sql, task)
    assert sql.value("select dunlin.release(%s, %s)", returned.task, returned.epoch) == "ready"
    assert returned.key not in [t.key for t in sql.lease(worker="bert", n=20)]
    assert open_task(sql, returned.task).reason.startswith("hold `in_dispute`")
    # The database's clock was ahead, and came back: it is looked at again, like all that waits.
    sql.run("insert into dunlin.queue_round (at, settled) values (clock_timestamp() + interval '1 hour', clock_timestamp())")
    sql.run("select dunlin.turn_over()")
    assert open_task(sql, returned.task).wakes is None and sql.lease(worker="bert", n=20) == [] and open_task(sql, returned.task).wakes is not None
    for task in (kept, returned):
        event(sql, "in_dispute.lifted", task.key)
    step(name, LIFTED)
    assert told(sql, kept) is None
    assert open_task(sql, returned.task) == (0, False, None, None) and [t.task for t in sql.lease(worker="bert")] == [returned.task]
    nothing_to_do(name, sql)
    check_sound(sql)


def test_a_stopped_account_of_a_conversation():
    """One of three is stopped while they are talked about: its part is told, and comes back when the conversation ends."""
    name, sql = fresh(new_database([("D1", f"A{n}", 100, 10, "North") for n in range(3)], bundle=LIFTED))
    sql.run("update dunlin.queue_setting set merge = true where name = 'call'")
    tasks = {t.key: t for t in sql.lease()}
    assert len(tasks) == 3
    stop = sql.value("select stop from dunlin.stop_outbound('the court forbids it', 'account', 'A1', null, null, null, null, 'infinity', 'eva')")
    assert [bool(told(sql, tasks[key])) for key in ("A0", "A1", "A2")] == [False, True, False]
    assert sql.value("select dunlin.release(%s, %s)", tasks["A0"].task, tasks["A0"].epoch) == "ready"
    assert {t.key for t in sql.lease()} == {"A0", "A2"}
    sql.run("select dunlin.release(task, lease_epoch) from dunlin.task_open where status = 1 and lead is null")
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert {t.task for t in sql.lease()} == {t.task for t in tasks.values()}
    nothing_to_do(name, sql)
    check_sound(sql)


# ---- registers ----

def test_a_line_of_a_register_that_was_stopped_in_time_comes_in_the_next_one():
    _, sql = fresh(LETTERS)
    assert sql.value("select dunlin.make_registers(now() + interval '1 day')") == 1
    stop = sql.value("select stop from dunlin.stop_outbound('the court forbids it', 'account', 'A2', null, null, null, null, 'infinity', 'eva')")
    line = sql.one("select * from dunlin.register_withdrawals('letter')")
    task = sql.value("select task from dunlin.register_item where number = %s", line.number)
    answer = sql.one("select * from dunlin.acknowledge_withdrawals('letter', %s, 'printer')", json.dumps([{"number": line.number, "correction": line.correction, "stopped": True}]))
    assert line.key == "A2" and answer.result == "stopped", answer
    again = sql.one("select * from dunlin.acknowledge_withdrawals('letter', %s, 'printer')", json.dumps([{"number": line.number, "correction": line.correction, "stopped": True}]))
    assert again.result == "duplicate", again
    assert open_task(sql, task)[:2] == (0, False)
    assert sql.value("select kind from dunlin.contact where task = %s", task) == "none"
    sql.run("select dunlin.make_registers(now() + interval '2 days')")
    assert sql.value("select count(*) from dunlin.register_item where task = %s", task) == 1
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert sql.value("select dunlin.make_registers(now() + interval '3 days')") == 1
    assert sql.value("select count(*) from dunlin.register_item where task = %s", task) == 2
    # What it said of the first line is no word about the second.
    assert sql.value("select withdrawn from dunlin.register_item where task = %s order by epoch desc limit 1", task) is None
    check_sound(sql)


# ---- when it is back in line ----

def test_a_stop_with_an_end_keeps_back_until_then():
    """By a value, where many are put out of line together; by an account; of all."""
    for words in ("'account', null, 'client', 'North'", "'account', 'A7', null, null", "null, null, null, null"):
        _, sql = fresh(MANY)
        end = sql.value("select clock_timestamp() + interval '2 seconds'")
        sql.run(f"select * from dunlin.stop_outbound('lunch', {words}, null, null, %s, 'eva')", end)
        sql.lease(n=40)
        waiting = sql.all("select wakes - %s as late, reason from dunlin.task_open where wakes is not null", end)
        assert waiting and all(-0.1 < row.late.total_seconds() < 1.5 and "lunch" in row.reason for row in waiting), (words, waiting[:3])
        if "North" in words:
            time.sleep(2.1 + max(row.late.total_seconds() for row in waiting))
            sql.run("select dunlin.turn_over()")
            assert sql.value("select count(*) from dunlin.task_open where wakes is not null") == 0
        # Of two, the later end; and one whose end is far, or unknown, is looked at again as before.
        _, sql = fresh(MANY)
        for until in ("2 seconds", "1 hour"):
            sql.run(f"select * from dunlin.stop_outbound('lunch', {words}, null, null, clock_timestamp() + %s::interval, 'eva')", until)
        sql.lease(n=40)
        late = sql.value("select max(wakes) - clock_timestamp() from dunlin.task_open where wakes is not null").total_seconds()
        assert 590 < late <= 600, (words, late)
        check_sound(sql)


def test_who_is_at_it_while_a_stop_is_lifted_keeps_nothing_back():
    """A hand-out that has not committed knows the stop only, and puts its tasks out of line; one that is locked is passed over. The next rounds bring both back."""
    name, sql = fresh()
    stop = sql.value("select dunlin.stop_contact('100_%% of all', who => 'eva')")
    consumer = Client(name)
    consumer.run("begin")
    assert consumer.lease(n=5) == []
    sql.run("select dunlin.resume_contact(%s)", stop)
    consumer.run("commit")
    for _ in range(3):
        sql.run("select dunlin.turn_over()")
    assert len(sql.lease(n=20)) == 8 and sql.value("select told from dunlin.contact_stop") is None
    check_sound(sql)


# ---- whom it goes to ----

def test_why_names_only_whom_a_lease_would_not_refuse():
    _, sql = fresh()
    today = sql.value("select current_date")
    put = lambda *rows: sql.run("select dunlin.put_workers(%s, 'test')", json.dumps(list(rows)))
    put({"worker": "able", "skills": "soft 2020-01-01", "tests": f"rules {today}"}, {"worker": "old", "skills": "soft 2020-01-01", "tests": "rules 2001-01-01"},
        {"worker": "full", "skills": "soft 2020-01-01", "tests": f"rules {today}", "capacity": "1"}, {"worker": "off", "skills": "soft 2020-01-01", "tests": f"rules {today}"},
        {"worker": "ill", "skills": "soft 2020-01-01", "tests": f"rules {today}"})
    assert sql.lease(worker="full") != []
    sql.run("select dunlin.set_exception('off', %s::date + n, null, 'off') from generate_series(-1, 1) n", today)
    sql.run("select dunlin.set_absence('ill', now() - interval '1 hour', now() + interval '3 days', 'ill', 'eva')")
    sql.run("update dunlin.queue_setting set needs = %s where name = 'call'",
            json.dumps([{"kind": "skill", "name": "soft"}, {"kind": "test", "name": "rules", "within": "365 days"}]))
    task = sql.value("select task from dunlin.queue where queue = 'call' and status = 'ready' order by priority desc limit 1")
    said = lambda: sql.value("select this from dunlin.why(%s) where what = 'a hand-out now'", task)
    for ways in ("{}", "{skill}", "{sticky}"):
        sql.run("update dunlin.queue_setting set ways = %s, sticky_on = 'call.promises' where name = 'call'", ways)
        assert said() == "nothing holds it back; it goes to able", (ways, said())
    assert sql.refusal("select dunlin.lease('call', 'old')")[0] == "DU042" and sql.refusal("select dunlin.lease('call', 'full')")[0] == "DU043"
    assert sql.refusal("select dunlin.lease('call', 'off')")[0] == "DU041" and sql.refusal("select dunlin.lease('call', 'ill')")[0] == "DU040"
    put({"worker": "able", "active": "no"})
    assert said().startswith("nothing holds it back; nobody who is there may have it: worker `full` has no room"), said()
    # Where a queue asks for nothing, whoever asks gets it.
    sql.run("update dunlin.queue_setting set needs = '[]', ways = '{}' where name = 'call'")
    assert said() == "nothing holds it back", said()


if __name__ == "__main__":
    run_all(sys.modules[__name__])
