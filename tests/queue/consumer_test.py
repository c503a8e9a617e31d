"""The life of a task as a consumer in another language sees it: the SQL functions, their answers and their errors."""
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

from desk import BUNDLE, HERE, SERVER, Client, check_sound, dunlin, import_accounts, new_database, run_all, step

ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, "North" if i % 2 else "South") for i in range(1, 9)] + [("D1", "A1b", 55, 35, "North")]
BASE = new_database(ROWS)


def fresh():
    name = new_database(None, template=BASE)
    return name, Client(name)


def test_lease_in_order_and_complete():
    name, sql = fresh()
    tasks = sql.lease(n=3)
    assert [t.key for t in tasks] == ["A8", "A7", "A6"], tasks
    assert tasks[0].debtor == "D8" and tasks[0].entity == "account" and tasks[0].queue == "call"
    assert tasks[0].fields == {"script": "owes 800.00"}
    assert tasks[0].epoch == 1
    first = tasks[0]
    answer = sql.value("select dunlin.complete(%s, %s, 'promise', %s)", first.task, first.epoch, json.dumps({"amount": 12.5, "due": "2026-12-24"}))
    assert answer == "accepted"
    # The same call again, after a lost answer.
    assert sql.value("select dunlin.complete(%s, %s, 'promise', %s)", first.task, first.epoch, json.dumps({"amount": 12.5, "due": "2026-12-24"})) == "duplicate"
    done = sql.one("select * from dunlin.task_done where task = %s", first.task)
    assert (done.status, done.outcome) == (2, "call.reached.promises")
    event = sql.one("select payload, source from dunlin.event where source = 'queue'")
    assert event.payload["amount"] == 12.5 and event.payload["treatment"] == "script" and event.payload["cost"] == 1.5
    assert sql.value("select kind from dunlin.contact where task = %s", first.task) == "attempt"
    check_sound(sql)
    step(name)
    assert sql.value("select body from dunlin.note") == "promised 12.50"
    # The rule is content: no new call for A8. The others are as they were.
    assert sql.value("select count(*) from dunlin.queue where key = 'A8'") == 0
    assert sql.value("select count(*) from dunlin.queue where status = 'leased'") == 2
    check_sound(sql)


def test_outcomes_are_checked():
    _, sql = fresh()
    task = sql.lease()[0]

    def refused(outcome, payload="{}"):
        return sql.refusal("select dunlin.complete(%s, %s, %s, %s)", task.task, task.epoch, outcome, payload)

    state, message, hint = refused(None)
    assert state == "DU021" and "promise" in hint, (state, message, hint)
    state, message, hint = refused("gone_fishing")
    assert state == "DU020" and "gone_fishing" in message and "missed.busy" in hint
    assert refused("reached")[0] == "DU020"
    assert "amount" in refused("promise")[1]
    state, message, hint = refused("promise", '{"amount": "much", "due": "2026-12-24"}')
    assert state == "DU022" and "money" in message and "number" in hint
    assert refused("promise", '{"amount": 1, "due": "24.12.2026"}')[0] == "DU022"
    assert refused("promise", '{"amount": 1, "due": "2026-02-30"}')[0] == "DU022"
    state, message, hint = refused("busy", '{"amount": 1}')
    assert state == "DU022" and "amount" in message
    assert refused("busy", "[]")[0] == "DU022"
    # Nothing of that changed anything.
    row = sql.one("select status, worker from dunlin.queue where task = %s", task.task)
    assert tuple(row) == ("leased", "anna")
    assert sql.value("select count(*) from dunlin.event") == 0
    # An outcome goes by its full name, the name below the tree, its short name, or its last word.
    for word, full in {"call.missed.busy": "call.missed.busy", "missed.no_answer": "call.missed.no_answer", "friend": "call.reached.friend"}.items():
        task = sql.lease()[0]
        assert sql.value("select dunlin.complete(%s, %s, %s)", task.task, task.epoch, word) == "accepted"
        assert sql.value("select outcome from dunlin.task_done where task = %s", task.task) == full
    check_sound(sql)


def test_leases_are_fenced():
    _, sql = fresh()
    task = sql.lease(lasting="0.05 s")[0]
    sql.run("select pg_sleep(0.06)")
    assert sql.value("select dunlin.turn_over()") == 1
    row = sql.one("select status, returns, reason, seq from dunlin.queue where task = %s", task.task)
    assert (row.status, row.returns) == ("ready", 1) and "without an outcome" in row.reason
    # What may have gone out counts as gone out.
    assert sql.value("select kind from dunlin.contact where task = %s", task.task) == "unknown"
    state, _, hint = sql.refusal("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch)
    assert state == "DU011" and "record_contact" in hint
    again = next(t for t in sql.lease(worker="bert", n=9) if t.task == task.task)
    assert again.epoch == 2
    for call in ("select dunlin.complete(%s, %s, 'busy')", "select dunlin.heartbeat(%s, %s)", "select dunlin.release(%s, %s)",
                 "select dunlin.extend(%s, %s, '1 hour')"):
        assert sql.refusal(call, task.task, task.epoch)[0] == "DU011"
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", again.task, again.epoch) == "accepted"
    assert sql.refusal("select dunlin.complete(%s, %s, 'no_answer')", again.task, again.epoch)[0] == "DU012"
    assert sql.refusal("select dunlin.heartbeat(%s, 1)", str(uuid.uuid4()))[0] == "DU010"
    check_sound(sql)


def test_heartbeat_keeps_a_lease():
    _, sql = fresh()
    task = sql.lease(lasting="0.3 s")[0]
    state = sql.one("select * from dunlin.heartbeat(%s, %s)", task.task, task.epoch)
    assert state.lease_until > task.lease_until and state.withdrawn is False
    sql.run("select pg_sleep(0.35)")
    assert sql.value("select dunlin.turn_over()") == 0
    assert sql.value("select status from dunlin.queue where task = %s", task.task) == "leased"
    assert sql.refusal("select dunlin.extend(%s, %s, '3 days')", task.task, task.epoch)[0] == "DU002"
    longer = sql.one("select * from dunlin.extend(%s, %s, '2 hours')", task.task, task.epoch)
    assert longer.lease_until > state.lease_until


def test_dead_letters():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set returns_max = 2 where name = 'call'")
    key = sql.lease(worker="x")[0].key
    sql.run("select dunlin.release(task, lease_epoch) from dunlin.task_open where status = 1")
    for n in range(3):
        task = next(t for t in sql.lease(n=9, lasting="0.02 s") if t.key == key)
        sql.run("select pg_sleep(0.03)")
        sql.run("select dunlin.turn_over()")
    row = sql.one("select status, reason from dunlin.queue where task = %s", task.task)
    assert row.status == "dead_letter" and "came back 3 times" in row.reason
    assert not [t for t in sql.lease(n=9) if t.key == key]
    # Steps leave it as it is: no second task for the same reason.
    assert sql.value("select dunlin.redrive(task => %s)", task.task) == 1
    assert [t for t in sql.lease(n=9) if t.key == key]
    assert sql.refusal("select dunlin.redrive(task => %s)", task.task)[0] == "DU012"
    assert sql.refusal("select dunlin.redrive()")[0] == "DU002"
    check_sound(sql)


def test_a_dead_letter_whose_reason_is_gone():
    name, sql = fresh()
    sql.run("update dunlin.queue_setting set returns_max = 0 where name = 'call'")
    task = sql.lease(lasting="0.01 s")[0]
    sql.run("select pg_sleep(0.02)")
    sql.run("select dunlin.turn_over()")
    assert sql.value("select status from dunlin.queue where task = %s", task.task) == "dead_letter"
    number = task.key[1:]
    import_accounts(name, [(f"D{number}", task.key, 0, 0, "North")])
    step(name)
    assert sql.value("select status from dunlin.task_done where task = %s", task.task) == 3 and not sql.all("select 1 from dunlin.task_open where task = %s", task.task)
    check_sound(sql)


def test_release_with_a_time():
    _, sql = fresh()
    task = sql.lease()[0]
    assert sql.value("select dunlin.release(%s, %s, now() + interval '1 hour', 'she asked for later')", task.task, task.epoch) == "ready"
    assert not [t for t in sql.lease(n=9) if t.task == task.task]
    assert sql.value("select kind from dunlin.contact where task = %s", task.task) == "none"
    assert "later" in sql.value("select reason from dunlin.queue where task = %s", task.task)


def test_withdrawn_while_worked_on():
    name, sql = fresh()
    task = sql.lease()[0]
    # The step withdraws what it knows to be leased, and what it does not: it is marked.
    import_accounts(name, [("D8", "A8", 0, 80, "South")])
    step(name)
    row = sql.one("select status, marked, reason from dunlin.queue where task = %s", task.task)
    assert (row.status, row.marked) == ("leased", True) and row.reason
    state = sql.one("select * from dunlin.heartbeat(%s, %s)", task.task, task.epoch)
    assert state.withdrawn and state.reason
    verdict = sql.one("select * from dunlin.may_contact(%s)", task.task)
    assert not verdict.allowed
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch) == "accepted"
    other = sql.lease()[0]
    assert other.key == "A7"
    import_accounts(name, [("D7", "A7", 0, 70, "North")])
    step(name)
    assert sql.value("select dunlin.release(%s, %s)", other.task, other.epoch) == "withdrawn"
    assert sql.value("select status from dunlin.task_done where task = %s", other.task) == 3
    check_sound(sql)


def test_news_hold_the_hand_out():
    name, sql = fresh()
    assert sql.value("select dunlin.post_event('bank', 'p1', 'payment', 'account', 'A8', now(), '{\"amount\": 800}')") == "accepted"
    assert sql.lease()[0].key == "A7"
    row = sql.one("select reason, wakes from dunlin.queue where key = 'A8'")
    assert "news" in row.reason
    step(name)
    assert sql.value("select count(*) from dunlin.queue where key = 'A8'") == 0
    # News that come when the task is out already: asked at the moment of dialling.
    task = sql.lease()[0]
    assert sql.one("select * from dunlin.may_contact(%s, '+49 30 1')", task.task).allowed
    sql.run("select dunlin.post_event('bank', 'p2', 'payment', 'account', %s, now(), '{\"amount\": 1}')", task.key)
    assert "news" in sql.one("select * from dunlin.may_contact(%s)", task.task).reason


HELD = """select h.why, h.again from dunlin.task_open o join dunlin.instance_key k on k.id = o.instance_id join dunlin.queue_setting s on s.queue = o.queue,
          dunlin.hold_back(o, s, dunlin.worker_number('bert'), clock_timestamp() + %s * interval '1 second', true) h where s.name = 'call' and k.key = %s"""


def kept_back(prepare, key, words, seconds, ahead=0):
    """What keeps this task back, if it is asked for so many seconds ahead, and for how long; the line is kept by the database's clock all the same."""
    _, sql = fresh()
    for statement in prepare:
        sql.run(statement)
    before = sql.value("select clock_timestamp()")
    row = sql.one(HELD, ahead, key)
    after = sql.value("select clock_timestamp()")
    assert row.why and words in row.why, (words, row)
    length = datetime.timedelta(seconds=seconds)
    assert before + length <= row.again <= after + length, (words, row.again - before, length)


def test_how_long_each_thing_keeps_a_task_back():
    minute, day = 60, 24 * 3600
    of = "where case_id = (select k.case_id from dunlin.instance_key k where k.key = 'A1')"
    place = "update dunlin.task_open o set {} from dunlin.instance_key k where k.id = o.instance_id and k.key = '{}'"
    taken = "with t as (select dunlin.worker_number('anna') as anna) " + place.format("status = 1, lease_until = clock_timestamp() + interval '{}', lease_epoch = 1, worker = (select anna from t)", "A1b")
    for ahead in (0, 400 * day):
        kept_back([f"update dunlin.case_file set set_aside = true {of}"], "A1", "set aside", minute, ahead)
        kept_back(["select dunlin.post_event('bank', 'p', 'payment', 'account', 'A1', now(), '{\"amount\": 1}')"], "A1", "news", 5, ahead)
        kept_back([f"update dunlin.task_body set expires = now() {of}"], "A1", "expired", minute, ahead)
        kept_back(["select dunlin.stop_contact('strike', who => 'eva')"], "A1", "strike", 10 * minute, ahead)
        # Somebody at the same debtor.
        kept_back(["update dunlin.queue_setting set assign = 'one_operator'", taken.format("10 minutes")], "A1", "another worker", minute, ahead)
        kept_back(["update dunlin.queue_setting set merge = true", taken.format("10 minutes")], "A1", "another account of this person", minute, ahead)
        # Whoever goes before: no sooner than it can go itself, and within minutes, since a turn may come back in other ways than by its end.
        in_order = ["update dunlin.queue_setting set in_order = true"]
        kept_back(in_order, "A1", "in order", 5 * minute + 30, ahead)
        kept_back(in_order + [place.format("wakes = clock_timestamp() + interval '1 hour', reason = 'nobody there'", "A1b")], "A1", "in order", 5 * minute + 30, ahead)
        kept_back(in_order + [place.format("wakes = clock_timestamp() - interval '1 hour', reason = 'nobody there'", "A1b")], "A1", "in order", 30, ahead)
    # An exclusion ends by the time that is asked for, and is looked at once a day.
    excluded = "select dunlin.set_override('account', 'A1', 'exclude', null, date_trunc('second', clock_timestamp()) + interval '10 days', 'ill')"
    kept_back([excluded], "A1", "excluded", day)
    kept_back([excluded], "A1", "excluded", day, 8 * day)


def test_what_keeps_a_task_back_until_an_instant():
    """A lease of the one before, the last hours of an exclusion, the hours of a rule: known ahead, and counted by the database's clock."""
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set in_order = true where name = 'call'")
    while "A1b" not in [t.key for t in sql.lease("call", "anna", 3)]:
        pass
    row = sql.one(HELD, 0, "A1")
    late = row.again - sql.value("select lease_until from dunlin.queue where key = 'A1b' and queue = 'call'")
    assert "in order" in row.why and abs(late.total_seconds() - 30) < 1, row
    sql.run("update dunlin.queue_setting set in_order = false")
    number = sql.value("select dunlin.set_override('account', 'A1', 'exclude', null, clock_timestamp() + interval '10 days', 'ill')")
    row = sql.one(HELD, 10 * 24 * 3600 - 7200, "A1")
    ahead = (row.again - sql.value("select clock_timestamp()")).total_seconds()
    assert "excluded" in row.why and 7100 < ahead <= 7200, row
    sql.run("select dunlin.lift_override(%s)", number)
    assert sql.one(HELD, 0, "A1").why is None
    check_sound(sql)


def test_hours_of_a_rule():
    name, sql = fresh()

    def lease(at):
        sql.run("update dunlin.task_open set wakes = null where status = 0")
        return sql.all("select * from dunlin.lease('call', 'anna', 1, at => %s)", at)

    def open_from(hour, to):
        sql.run("update dunlin.task_body set time_window = (%s::int8 << 17) | %s", hour * 3600, to * 3600)

    open_from(18, 20)
    assert lease("2126-06-01 17:59:59+00") == []
    waits = sql.one("select extract(epoch from wakes - clock_timestamp()) as seconds, reason from dunlin.task_open where reason is not null limit 1")
    assert -60 < waits.seconds <= 1 and waits.reason == "it is outside the hours of its rule", waits
    assert len(lease("2126-06-01 18:00+00")) == 1
    assert lease("2126-06-01 20:00+00") == []
    # The next evening, from then on.
    seconds = sql.value("select extract(epoch from wakes - clock_timestamp()) from dunlin.task_open where reason is not null limit 1")
    assert abs(seconds - 22 * 3600) < 60, seconds
    open_from(22, 6)
    assert lease("2126-06-02 12:00+00") == []
    assert len(lease("2126-06-02 23:00+00")) == 1
    assert len(lease("2126-06-03 05:59+00")) == 1
    # The bundle's own clock: 18:00 in Warsaw is 16:00 UTC in June.
    sql.run("update dunlin.prepared set timezone = 'Europe/Warsaw'")
    open_from(18, 20)
    assert lease("2126-06-04 18:30+00") == []
    assert len(lease("2126-06-04 16:30+00")) == 1
    check_sound(sql)


def test_pause_rate_and_arguments():
    _, sql = fresh()
    sql.run("select dunlin.pause_queue('call', 'the dialler is broken', 'eva')")
    assert sql.lease() == []
    sql.run("select dunlin.resume_queue('call', 'eva')")
    sql.run("update dunlin.queue_setting set rate = 2, rate_per = '1 hour' where name = 'call'")
    assert len(sql.lease(n=5)) == 2
    assert sql.lease() == []
    state, message, hint = sql.refusal("select * from dunlin.lease('cal', 'anna')")
    assert state == "DU001" and "call" in hint and "errand" in hint
    assert sql.refusal("select * from dunlin.lease('call', '')")[0] == "DU002"
    assert sql.refusal("select * from dunlin.lease('call', 'anna', 0)")[0] == "DU002"
    assert sql.refusal("select * from dunlin.lease('call', 'anna', 1, '100 days')")[0] == "DU002"
    assert sql.refusal("begin isolation level repeatable read; select * from dunlin.lease('call', 'anna')")[0] == "DU003"
    sql.run("rollback")
    assert [r.action for r in sql.all("select action from dunlin.audit where action like '%%queue' order by id")] == ["pause queue", "resume queue"]


def test_a_queue_without_outcomes():
    name, sql = fresh()
    import_accounts(name, [("D9", "A9", 900, 1000, "North")])
    step(name)
    task = sql.lease("errand")[0]
    assert sql.refusal("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch)[0] == "DU021"
    assert sql.value("select dunlin.complete(%s, %s)", task.task, task.epoch) == "accepted"
    assert sql.value("select dunlin.complete(%s, %s)", task.task, task.epoch) == "duplicate"


def test_reassign_and_withdraw():
    _, sql = fresh()
    sql.run("select dunlin.worker_number('bert')")
    sql.run("select dunlin.reassign(task, 'bert', 'speaks her language', 'eva') from dunlin.queue where key = 'A8'")
    assert sql.lease()[0].key == "A7"
    task = sql.lease(worker="bert")[0]
    assert task.key == "A8"
    sql.run("select dunlin.reassign(%s, null, 'bert is ill', 'eva')", task.task)
    assert sql.refusal("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch)[0] == "DU011"
    assert sql.lease()[0].key == "A8"
    assert sql.value("select dunlin.withdraw(task, 'double', 'eva') from dunlin.queue where key = 'A8'") == "marked"
    assert sql.value("select dunlin.withdraw(task, 'double', 'eva') from dunlin.queue where key = 'A2'") == "withdrawn"
    assert sql.refusal("select dunlin.withdraw(task, '', 'eva') from dunlin.queue where key = 'A3'")[0] == "DU002"
    check_sound(sql)


def test_events():
    name, sql = fresh()
    post = "select dunlin.post_event(%s, %s, %s, 'account', %s, %s, %s)"
    assert sql.value(post, "bank", "1", "payment", "A1", "2026-01-05 10:00+00", '{"amount": 5}') == "accepted"
    assert sql.value(post, "bank", "1", "payment", "A1", "2026-01-05 10:00+00", '{"amount": 5}') == "duplicate"
    assert sql.refusal(post, "bank", "2", "paiment", "A1", "2026-01-05", "{}")[0] == "DU030"
    assert "payment" in sql.refusal(post, "bank", "2", "paiment", "A1", "2026-01-05", "{}")[2]
    assert sql.refusal(post, "bank", "", "payment", "A1", "2026-01-05", '{"amount": 5}')[0] == "DU033"
    assert sql.refusal(post, "bank", "2", "payment", "A1", "infinity", '{"amount": 5}')[0] == "DU033"
    # A figure is taken as it is or refused, never rounded, whoever the event is about; zeros behind say nothing.
    refused = sql.refusal(post, "bank", "2", "payment", "A1", "2026-01-05", '{"amount": 1.239}')
    assert refused[0] == "DU022" and "2 decimal places at most; 1.239 has more" in refused[1] and "round" in refused[2], refused
    assert sql.refusal(post, "bank", "2", "payment", "A77", "2026-01-05", '{"amount": 1e-3}')[0] == "DU022"
    assert sql.value(post, "bank", "2", "payment", "A1", "2026-01-05 10:00+00", '{"amount": 1.2300}') == "accepted"
    # Unknown account: set aside once, tried again, taken when the account is there.
    assert sql.value(post, "bank", "3", "payment", "A77", "2026-01-05", '{"amount": 5}') == "set_aside"
    assert sql.value(post, "bank", "3", "payment", "A77", "2026-01-05", '{"amount": 5}') == "duplicate"
    assert dict(sql.all("select * from dunlin.quarantine_retry()")) == {"accepted": 0, "duplicate": 0, "set_aside": 1}
    import_accounts(name, [("D77", "A77", 10, 1, "North")])
    assert dict(sql.all("select * from dunlin.quarantine_retry()"))["accepted"] == 1
    assert dict(sql.all("select * from dunlin.quarantine_retry()")) == {"accepted": 0, "duplicate": 0, "set_aside": 0}
    assert sql.value(post, "bank", "3", "payment", "A77", "2026-01-05", '{"amount": 5}') == "duplicate"
    # Closed account.
    sql.run("select dunlin.close_account('account', 'A2', 'sold', '2026-02-01', 'eva')")
    assert sql.value(post, "bank", "4", "payment", "A2", "2026-01-31", '{"amount": 5}') == "accepted"
    assert sql.value(post, "bank", "5", "payment", "A2", "2026-02-01", '{"amount": 5}') == "set_aside"
    assert "sold" in sql.value("select reason from dunlin.quarantine where external_id = '5'")
    assert sql.value("select dunlin.reopen_account('account', 'A2')") == 1
    assert dict(sql.all("select * from dunlin.quarantine_retry()"))["accepted"] == 1
    # Many at once: each has its own answer.
    rows = sql.all("select * from dunlin.post_events(%s)", json.dumps([
        {"source": "bank", "external_id": "6", "event": "payment", "entity": "account", "key": "A3", "at": "2026-01-05T10:00:00Z", "payload": {"amount": 1}},
        {"source": "bank", "external_id": "6", "event": "payment", "entity": "account", "key": "A3", "at": "2026-01-05T10:00:00Z", "payload": {"amount": 1}},
        {"source": "bank", "external_id": "7", "event": "payment", "entity": "account", "key": "A3", "at": "yesterday noonish", "payload": {"amount": 1}},
        {"source": "bank", "external_id": "8", "event": "payment", "entity": "account", "key": "A3", "at": "2026-01-05T10:00:00Z", "payload": {}},
        {"source": "bank", "external_id": "9", "event": "payment", "entity": "account", "key": "A3", "at": "2026-01-05T10:00:00Z", "payload": {"amount": 12.345}}]))
    assert [r.result for r in rows] == ["accepted", "duplicate", "refused", "refused", "refused"], rows
    assert rows[4].code == "DU022" and "12.345" in rows[4].message
    assert rows[3].code == "DU022" and "amount" in rows[3].message


def test_the_same_id_with_other_content():
    """It is not taken, and whoever sends it hears of it: over every road, and whatever road the first came by."""
    name, sql = fresh()
    at = "2026-01-05 10:00+00"
    post = "select dunlin.post_event('bank', %s, 'payment', 'account', %s, %s, %s)"

    def by_file(*rows):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bank")
            with open(path + ".jsonl", "w") as file:
                file.writelines(json.dumps({"event": "payment", "key": key, "root": root, "at": when, "id": id, "source": "bank", "amount": amount}) + "\n" for id, key, root, when, amount in rows)
            done = dunlin(name, "import", "events", BUNDLE, path + ".jsonl", "--json", check=False)
            said = dunlin(name, "import", "events", BUNDLE, path + ".jsonl", check=False).stdout
        body = json.loads(done.stdout)
        return done.returncode, body["events"], body["first_differing"], said

    assert sql.value(post, "1", "A1", at, '{"amount": 1}') == "accepted"
    for when, payload, answer in ((at, '{"amount": 1}', "duplicate"), (at, '{"amount": 1.00}', "duplicate"), ("2026-01-05 11:00+01", '{"amount": 1}', "duplicate"),
                                  (at, '{"amount": 2}', "differs"), ("2026-01-05 11:00+00", '{"amount": 1}', "differs")):
        assert sql.value(post, "1", "A1", when, payload) == answer, (when, payload)
    # By the clock of whoever calls: each time another instant, and all the same.
    assert sql.value("select dunlin.post_event('bank', '1', 'payment', 'account', 'A1', now(), '{\"amount\": 1}')") == "duplicate"
    rows = sql.all("select * from dunlin.post_events(%s)", json.dumps([
        {"source": "bank", "external_id": "1", "event": "payment", "entity": "account", "key": "A1", "at": "2026-01-05T10:00:00Z", "payload": {"amount": n}} for n in (1, 3)]))
    assert [r.result for r in rows] == ["duplicate", "differs"], rows
    # What came by SQL comes by a file, and the other way round.
    code, counts, listed, said = by_file(("1", "A1", "D1", "2026-01-05T10:00:00Z", "1.00"), ("2", "A2", "D2", "2026-01-05T10:00:00Z", "7.50"))
    assert (code, counts["inserted"], counts["duplicates"], counts["differs"]) == (0, 1, 1, 0), counts
    code, counts, listed, said = by_file(("1", "A1", "D1", "2026-01-05T10:00:00Z", "2.00"), ("2", "A2", "D2", "2026-01-05T10:00:00Z", "7.50"), ("3", "A3", "D3", "2026-01-05T10:00:00Z", "1.00"))
    assert (code, counts["inserted"], counts["duplicates"], counts["differs"]) == (1, 1, 1, 1), counts
    assert listed == ["bank.jsonl:1: account A1: payment `1` is known with another time or other values, and stays as it was"], listed
    assert "1 event is known with another time or other values" in said and "account A1: payment `1`" in said, said
    assert [sql.value(post, "2", "A2", at, json.dumps({"amount": n})) for n in (7.5, 7.51)] == ["duplicate", "differs"]
    code, counts, listed, said = by_file(("2", "A2", "D2", "2026-01-05T10:00:00Z", "7.49"))
    assert (code, counts["differs"]) == (1, 1), counts
    assert sql.all("select external_id, count(*) from dunlin.event group by 1 order by 1") == [("1", 1), ("2", 1), ("3", 1)]
    # What waits for its account is known in the same way; the first stays, and is what is taken.
    assert [sql.value(post, "9", "A77", at, json.dumps({"amount": n})) for n in (5, 5, 6)] == ["set_aside", "duplicate", "differs"]
    code, counts, listed, said = by_file(("9", "A77", "D77", "2026-01-05T10:00:00Z", "6.00"))
    assert (code, counts["set_aside"], counts["differs"]) == (1, 0, 1), counts
    import_accounts(name, [("D77", "A77", 10, 1, "North")])
    assert dict(sql.all("select * from dunlin.quarantine_retry()")) == {"accepted": 1, "duplicate": 0, "set_aside": 0}
    assert sql.value("select payload ->> 'amount' from dunlin.event where external_id = '9'") == "5"
    # What is no longer kept cannot be compared.
    sql.run("delete from dunlin.event where external_id = '1'")
    assert sql.value(post, "1", "A1", at, '{"amount": 2}') == "duplicate"
    # And contacts.
    contact = "select dunlin.record_contact('agency', 'c1', 'account', 'A1', %s, %s, %s, address => %s)"
    assert sql.value(contact, "call", at, "attempt", "+49 30 1") == "accepted"
    for channel, when, kind, address, answer in (("call", at, "attempt", "+49301", "duplicate"), ("call", at, "attempt", "+49302", "differs"), ("sms", at, "attempt", "+49301", "differs"),
                                                 ("call", at, "conversation", "+49301", "differs"), ("call", "2026-01-06", "attempt", "+49301", "differs")):
        assert sql.value(contact, channel, when, kind, address) == answer, (channel, when, kind, address)
    assert sql.value("select count(*) from dunlin.contact where source = 'agency'") == 1
    check_sound(sql)


def test_refusals_say_what_is_wrong():
    name, sql = fresh()
    task = sql.lease()[0]
    state, message, _ = sql.refusal("select dunlin.complete(%s, 99, 'busy')", task.task)
    assert state == "DU011" and "never handed out under lease 99" in message, message
    assert sql.refusal("select * from dunlin.why(null)")[0] == "DU010"
    rows = sql.all("select * from dunlin.complete_many(%s)", json.dumps([{"task": "xyz", "epoch": 1, "outcome": "busy"}, {"task": str(task.task), "epoch": "one", "outcome": "busy"}]))
    assert [(r.result, r.code) for r in rows] == [("refused", "DU010"), ("refused", "DU011")] and "xyz" in rows[0].message, rows
    rows = sql.all("select * from dunlin.put_workers('[1]')")
    assert rows[0].result == "refused" and "a row is an object" in rows[0].message, rows
    for verb in (("why", "xyz"), ("complete", "xyz", "missed.busy"), ("release", "xyz"), ("letter-of", "xyz")):
        done = dunlin(name, "queue", *verb, check=False)
        assert done.returncode == 1 and "there is no task `xyz`" in done.stderr and "--json shows the ids" in done.stderr, (verb, done)
    for months in (-1, 121, 100000):
        assert sql.refusal("select dunlin.make_months(%s)", months)[0] == "DU002"
    assert sql.value("select dunlin.make_months(3)") is not None
    state, message, _ = sql.refusal("select dunlin.close_account('account', 'A1', 'sold', now() + interval '10 years')")
    assert state == "DU002" and "within a year" in message, message
    sql.run("select dunlin.close_account('account', 'A1', 'sold', now() + interval '100 days')")
    # Words that say nothing of whom the event is about.
    state, message, hint = sql.refusal("select dunlin.post_event('bank', '1', 'paiment', null, 'A1', now(), '{}')")
    assert state == "DU030" and "payment" in hint and "?" not in hint, hint


PAYMENT = '{"event": "payment", "key": "%s", "root": "%s", "at": "2026-01-03T10:00:00Z", "id": "p1", "amount": "2"}'
# Two accounts of one debtor, another debtor's, and two that nobody knows.
ABOUT = {"A1": "D1", "A1b": "D1", "A2": "D2", "ghost1": "D91", "ghost2": "D92"}


def test_one_id_of_a_source_for_several_accounts():
    """It is an event for each account, and for each only one, over whatever roads it comes."""
    def by_sql(sql, _):
        return [sql.value("select dunlin.post_event('bank.jsonl', 'p1', 'payment', 'account', %s, '2026-01-03 10:00+00', '{\"amount\": 2}')", key) for key in ABOUT]

    def by_batch(sql, _):
        return [r.result for r in sql.all("select * from dunlin.post_events(%s)", json.dumps([
            {"source": "bank.jsonl", "external_id": "p1", "event": "payment", "entity": "account", "key": key, "at": "2026-01-03T10:00:00Z", "payload": {"amount": 2}} for key in ABOUT]))]

    def by_file(_, name):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bank.jsonl")
            with open(path, "w") as file:
                file.writelines(PAYMENT % both + "\n" for both in ABOUT.items())
            events = json.loads(dunlin(name, "import", "events", BUNDLE, path, "--json", check=False).stdout)["events"]
        assert events["inserted"] + events["set_aside"] + events["duplicates"] == 5, events
        return ["accepted"] * events["inserted"] + ["set_aside"] * events["set_aside"] + ["duplicate"] * events["duplicates"]

    new, known = ["accepted"] * 3 + ["set_aside"] * 2, ["duplicate"] * 5
    for first, second in ((by_sql, by_file), (by_file, by_batch), (by_batch, by_sql)):
        name, sql = fresh()
        assert first(sql, name) == new, first
        assert second(sql, name) == known, (first, second)
        import_accounts(name, [("D91", "ghost1", 10, 1, "North")])
        assert json.loads(dunlin(name, "import", "replay", "--json").stdout) == {"accepted": 1, "duplicate": 0, "set_aside": 1}
        assert second(sql, name) == known, (first, second)
        assert sql.value("select count(distinct instance_id) from dunlin.event where external_id = 'p1'") == sql.value("select count(*) from dunlin.event") == 4
        # A ledger of contacts is told in the same way.
        contact = "select dunlin.record_contact('agency', 'c1', 'account', %s, 'call', '2026-01-03 10:00+00')"
        assert [sql.value(contact, key) for key in ("A1", "A1b", "A2", "A1b")] == ["accepted", "accepted", "accepted", "duplicate"]
        check_sound(sql)


def test_an_outcome_s_id_of_before_is_known_by_the_key_of_then():
    name, sql = fresh()
    first, second, third = sql.lease(n=3)
    complete = "select dunlin.complete(%s, %s, 'busy', external_id => 'CALL-17')"
    assert sql.value(complete, first.task, first.epoch) == "accepted"
    sql.run("update dunlin.event_key set key = md5('queue' || e'\\x1f' || 'CALL-17')::uuid where key = (select dunlin.event_key_of(source, external_id, instance_id) from dunlin.event)")
    place = sql.one("select bucket, case_id, instance_id from dunlin.event")
    # Another task of the same account.
    for table in ("task_open", "task_body", "contact"):
        sql.run(f"update dunlin.{table} set bucket = %s, case_id = %s where task = %s", place.bucket, place.case_id, second.task)
    sql.run("update dunlin.task_open set instance_id = %s where task = %s", place.instance_id, second.task)
    assert sql.refusal(complete, second.task, second.epoch)[0] == "DU013"
    assert sql.value(complete, third.task, third.epoch) == "accepted", "another account's"
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", second.task, second.epoch) == "accepted", "with its own id"


def test_events_of_before_are_known_by_the_keys_of_then():
    """Keys were made of the source and the id alone: what came then is known when it is sent again, and the same id about another account is another event."""
    name, sql = fresh()
    post = "select dunlin.post_event('bank.jsonl', 'p1', 'payment', 'account', %s, '2026-01-03 10:00+00', '{\"amount\": 2}')"
    of_then = "md5('bank.jsonl' || e'\\x1f' || 'p1')::uuid"
    for road in ("sql", "file"):
        assert sql.value(post, "A1") == "accepted"
        sql.run(f"update dunlin.event_key set key = {of_then} where key = (select dunlin.event_key_of(source, external_id, instance_id) from dunlin.event)")
        assert sql.value(f"select count(*) from dunlin.event_key where key = {of_then}") == 1
        if road == "sql":
            assert [sql.value(post, key) for key in ("A1", "A1b", "A1", "A1b")] == ["duplicate", "accepted", "duplicate", "duplicate"]
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "bank.jsonl")
                with open(path, "w") as file:
                    file.writelines(PAYMENT % (key, "D1") + "\n" for key in ("A1", "A1b"))
                for inserted, duplicates in ((1, 1), (0, 2)):
                    events = json.loads(dunlin(name, "import", "events", BUNDLE, path, "--json").stdout)["events"]
                    assert (events["inserted"], events["duplicates"]) == (inserted, duplicates), events
        assert sql.value("select count(*) from dunlin.event") == 2 == sql.value("select count(*) from dunlin.inbox where kind = 0")
        check_sound(sql)
        name, sql = fresh()


def test_events_from_a_file_wait_for_their_account():
    name, sql = fresh()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bank.jsonl")
        with open(path, "w") as file:
            for id, key, root in (("p1", "A1", "D1"), ("p2", "A77", "D77"), ("p3", "A78", None)):
                row = {"event": "payment", "key": key, "at": "2026-01-03T10:00:00Z", "id": id, "amount": "12.50"} | ({"root": root} if root else {})
                file.write(json.dumps(row) + "\n")
        done = dunlin(name, "import", "events", BUNDLE, path, "--json", check=False)
        assert done.returncode == 1 and json.loads(done.stdout)["events"]["set_aside"] == 2, done.stdout
        again = json.loads(dunlin(name, "import", "events", BUNDLE, path, "--json").stdout)["events"]
        assert (again["set_aside"], again["inserted"]) == (0, 0), again
        import_accounts(name, [("D77", "A77", 10, 1, "North")])
        assert json.loads(dunlin(name, "import", "replay", "--json").stdout) == {"accepted": 1, "duplicate": 0, "set_aside": 1}
        # What became of it is told where it was told that it was set aside.
        said = dunlin(name, "explain", BUNDLE, "A77").stdout
        assert "there is no account `A77`; taken in at " in said, said
        # The file once more, and by SQL: still one event.
        dunlin(name, "import", "events", BUNDLE, path, "--json")
        assert sql.value("select dunlin.post_event('bank.jsonl', 'p2', 'payment', 'account', 'A77', '2026-01-03 10:00+00', '{\"amount\": 12.5}')") == "duplicate"
    assert sql.value("select count(*) from dunlin.event where external_id = 'p2'") == 1
    assert sql.value("select payload ->> 'amount' from dunlin.event where external_id = 'p2'") == "12.50"


def test_why_one_goes_first():
    name, sql = fresh()
    tasks = {r.key: r.task for r in sql.all("select key, task from dunlin.queue")}
    rows = {r.what: r for r in sql.all("select * from dunlin.why(%s, %s)", tasks["A8"], tasks["A2"])}
    assert rows["band"].decides == "this" and rows["priority"].this == "80" and rows["priority"].other == "20" and rows["priority"].decides is None
    assert {r.what: r.decides for r in sql.all("select * from dunlin.why(%s, %s)", tasks["A2"], tasks["A8"])}["band"] == "other"
    assert sql.value("select this from dunlin.why(%s) where what = 'ready tasks before it'", tasks["A8"]) == "0"
    assert sql.value("select this from dunlin.why(%s) where what = 'ready tasks before it'", tasks["A1"]) == "8"
    sql.run("select dunlin.worker_number('bert')")
    sql.run("select dunlin.reassign(%s, 'bert', 'knows her')", tasks["A2"])
    assert {r.what: r.decides for r in sql.all("select * from dunlin.why(%s, %s)", tasks["A2"], tasks["A8"])}["assigned"] == "this"
    # The line says what the hand-out does: every task is before the one that comes after it.
    order = [t.task for t in sql.lease(n=9)]
    sql.run("select dunlin.release(task, lease_epoch) from dunlin.task_open where status = 1")
    for first, second in zip(order, order[1:]):
        places = [sql.one("select * from dunlin.queue where task = %s", t) for t in (first, second)]
        if places[0].priority != places[1].priority:
            assert "this" in [r.decides for r in sql.all("select * from dunlin.why(%s, %s)", first, second)]
    assert sql.refusal("select * from dunlin.why(%s)", str(uuid.uuid4()))[0] == "DU010"
    shown = dunlin(name, "queue", "why", str(tasks["A8"]), "over", str(tasks["A7"])).stdout
    assert "priority" in shown and "80" in shown and "70" in shown, shown
    # What keeps it back at this moment is said, whether or not a hand-out has looked at the task yet.
    now = lambda key="A1": sql.value("select this from dunlin.why(%s) where what = 'a hand-out now'", tasks[key])
    assert now() == "nothing holds it back", now()
    stop = sql.value("select dunlin.stop_contact('the mandate has ended', who => 'boss')")
    sql.lease(n=1)
    assert "it stays: contact is stopped: the mandate has ended (by boss)" in now(), now()
    sql.run("select dunlin.resume_contact(%s, 'boss')", stop)
    rate = sql.value("select count(distinct (task, epoch)) from dunlin.hand_out") + 1
    sql.run("update dunlin.queue_setting set rate = %s, rate_per = '1 hour' where name = 'call'", rate)
    held = sql.lease(n=1)[0]
    assert held.key != "A1" and f"the rate is used up: {rate} of {rate} went out in the last 01:00:00" in now(), now()
    assert now(held.key) == "somebody has it"
    sql.run("update dunlin.queue_setting set rate = null where name = 'call'; select dunlin.pause_queue('call', 'lunch')")
    assert now() == "it stays: the queue is paused: lunch", now()


def test_two_move_the_cursor_at_once():
    name, sql = fresh()
    sql.run("select dunlin.worker_number('anna'), max(nextval('dunlin.turn')) from generate_series(1, 5000)")
    for _ in range(2):  # so many places given out, and marked
        sql.run("select dunlin.turn_over()")
        time.sleep(1.1)
    one, other = Client(name), Client(name)
    one.run("begin")
    first = one.lease(n=1)
    assert one.value("select count(*) from dunlin.queue_head") > sql.value("select count(*) from dunlin.queue_head"), "the cursor did not move"
    # Whoever comes meanwhile does not wait for the first one's end.
    other.run("set lock_timeout = '2s'")
    second = other.lease(n=1)
    assert first and second and first[0].task != second[0].task
    one.run("commit")
    check_sound(sql)


def test_the_command_line_works_a_queue():
    name, sql = fresh()
    task = json.loads(dunlin(name, "queue", "lease", "call", "--worker", "eva", "--json").stdout)[0]
    refused = dunlin(name, "queue", "complete", task["task"], "promise", "--field", "amount=50", check=False)
    assert refused.returncode == 1 and "due" in refused.stderr
    assert "accepted" in dunlin(name, "queue", "complete", task["task"], "promise", "--field", "amount=50", "--field", "due=2026-12-24").stdout
    assert dunlin(name, "queue", "lease", "cal", "--worker", "eva", check=False).returncode == 1
    assert dunlin(name, "queue", "complete", "nonsense", "busy", check=False).returncode == 1
    assert dunlin(name, "queue", "pause", "call", check=False).returncode == 2
    dunlin(name, "queue", "pause", "call", "--reason", "lunch", "--who", "eva")
    assert json.loads(dunlin(name, "queue", "lease", "call", "--worker", "eva", "--json").stdout) == []
    dunlin(name, "queue", "resume", "call")
    assert sql.value("select who from dunlin.audit where action = 'pause queue'") == "eva"


def test_complete_many():
    _, sql = fresh()
    tasks = sql.lease(n=4)
    items = [{"task": str(t.task), "epoch": t.epoch, "outcome": "busy"} for t in tasks]
    items[1]["outcome"] = "promise"
    items[2]["epoch"] = 9
    items.append({"task": "no id", "epoch": 1})
    rows = sql.all("select * from dunlin.complete_many(%s)", json.dumps(items))
    assert [r.result for r in rows] == ["accepted", "refused", "refused", "accepted", "refused"], rows
    assert [r.code for r in rows][1:3] == ["DU022", "DU011"]
    check_sound(sql)


def test_contact_switches():
    _, sql = fresh()
    stop = sql.value("select dunlin.stop_contact('client North left', entity => 'account', field => 'client', value => 'North', who => 'eva')")
    assert [t.key for t in sql.lease(n=9)] == ["A8", "A6", "A4", "A2"]
    assert sql.value("select count(*) from dunlin.queue where reason like 'contact is stopped%%'") == 5
    assert sql.value("select dunlin.resume_contact(%s, 'eva')", stop) == 5
    assert [t.key for t in sql.lease(n=2)] == ["A7", "A5"]
    held = sql.one("select * from dunlin.queue where key = 'A8'")
    sql.run("select dunlin.stop_contact('no more', address => '+49 30 5')")
    assert sql.one("select * from dunlin.may_contact(%s, '+49 30 6')", held.task).allowed
    assert not sql.one("select * from dunlin.may_contact(%s, '+49 30 5')", held.task).allowed
    sql.run("select dunlin.stop_contact('debtor went to court', entity => 'debtor', key => 'D1')")
    assert not [t for t in sql.lease(n=9) if t.debtor == "D1"]
    sql.run("select dunlin.stop_contact('everything stands still')")
    assert sql.lease(n=9) == []
    assert sql.refusal("select dunlin.stop_contact('x', entity => 'account', key => 'Z')")[0] == "DU034"
    assert sql.refusal("select dunlin.stop_contact('x', entity => 'account', field => 'colour', value => 'Z')")[0] == "DU034"


def test_a_stop_that_hits_nobody_says_so():
    name, sql = fresh()
    stop = "select * from dunlin.stop_outbound('x', %s, %s, %s, %s, %s, null, %s, 'eva')"
    code, message, hint = sql.refusal(stop, "account", None, "client", "nOrth", None, "infinity")
    assert code == "DU034" and "no account has client `nOrth`" in message and "Is `North` meant?" in hint, (message, hint)
    assert sql.refusal(stop, "account", None, "client", "East", None, "infinity")[0] == "DU034"
    assert sql.refusal(stop, "account", None, None, None, None, "infinity")[0] == "DU002"  # which account?
    assert sql.refusal("select dunlin.stop_contact('x', entity => 'account')")[0] == "DU002"
    assert sql.refusal(stop, "account", "A1", None, None, None, "2020-01-01")[0] == "DU002"
    assert sql.refusal(stop, None, None, None, None, " - ", "infinity")[0] == "DU002"
    assert sql.value("select count(*) from dunlin.contact_stop") == 0 and len(sql.lease(n=1)) == 1
    done = dunlin(name, "contact", "stop", "--where", "client=nOrth", "--reason", "x", check=False)
    assert done.returncode == 1 and "Is `North` meant?" in done.stderr, done
    # What it hits is counted, by hand: North has the odd accounts and a second one of D1; A8 is with anna.
    row = sql.one(stop, "account", None, "client", "North", None, "infinity")
    assert (row.instances, row.tasks, row.marked) == (5, 5, 0), row
    row = sql.one(stop, "debtor", "D1", None, None, None, "infinity")
    assert (row.instances, row.tasks) == (1, 2), row
    row = sql.one(stop, "account", "A8", None, None, None, "infinity")
    assert (row.instances, row.tasks, row.marked) == (1, 1, 1), row
    row = sql.one(stop, None, None, None, None, "+49 30 1", "infinity")
    assert (row.instances, row.tasks) == (None, None), row
    shown = dunlin(name, "contact", "stop", "--where", "client=South", "--reason", "x").stdout
    assert "to account: 4; 4 open tasks stay" in shown, shown
    assert "9 open tasks stay" in dunlin(name, "contact", "stop", "--all", "--reason", "x").stdout
    check_sound(sql)


def test_one_address_is_written_in_many_ways():
    _, sql = fresh()
    task = sql.lease()[0].task
    same = [["+49301234", "+49 30 1234", "0049 30/12-34", "+49 (0)30 1234", "tel:+49-30-1234", "49301234", "030 1234"],
            ["Ann@Example.com", "ann@example.com", " mailto:ann@example.COM"], ["(212) 555-0100", "+1 212 555 0100"]]
    others = ["+49301235", "+4930123", "+4930 12345", "1234", "bert@example.com", "ann@example.org", "+1 213 555 0100"]
    for group in same:
        for stopped in group:
            stop = sql.value("select dunlin.stop_contact('no more', address => %s)", stopped)
            for asked in group + others + sum((g for g in same if g is not group), []):
                allowed = sql.one("select * from dunlin.may_contact(%s, %s)", task, asked).allowed
                assert allowed == (asked not in group), f"{stopped} is stopped, {asked}: {allowed}"
            assert sql.one("select * from dunlin.may_contact(%s)", task).allowed
            sql.run("select dunlin.resume_contact(%s)", stop)


def test_an_outcome_lies_within_its_lease():
    """Limits count it where its caller says it was."""
    _, sql = fresh()
    task = sql.lease()[0]
    for wrong in ("now() - interval '1 day'", "now() + interval '20 hours'", "'2299-01-01'", "'1901-01-01'", "now() - interval '11 minutes'", "now() + interval '11 minutes'"):
        code, message, hint = sql.refusal(f"select dunlin.complete(%s, %s, 'busy', at => {wrong})", task.task, task.epoch)
        assert code == "DU022" and "is not of this lease" in message and "clock" in hint, (wrong, code, message, hint)
    rows = sql.all("select * from dunlin.complete_many(%s)", json.dumps([{"task": str(task.task), "epoch": task.epoch, "outcome": "busy", "at": "2026-01-05T10:00:00Z"}]))
    assert [(r.result, r.code) for r in rows] == [("refused", "DU022")], rows
    assert sql.refusal("select * from dunlin.complete_and_lease(%s, %s, 'busy', at => now() - interval '3 days')", task.task, task.epoch)[0] == "DU022"
    # A clock that goes a little wrong is moved into the lease, the event as well.
    for wrong, right in (("now() - interval '9 minutes'", "c.happened_at = c.at"), ("now() + interval '9 minutes'", "c.happened_at between c.at and now()")):
        task = sql.lease()[0]
        assert sql.value(f"select dunlin.complete(%s, %s, 'busy', at => {wrong})", task.task, task.epoch) == "accepted"
        assert sql.value(f"select {right} and e.at = c.happened_at from dunlin.contact c join dunlin.event e on e.external_id = c.event_id where c.task = %s", task.task), wrong
    # Late, and true: two hours ago it was handed out, and an hour ago it was.
    task = sql.lease()[0]
    sql.run("update dunlin.contact set at = at - interval '2 hours', recorded_at = recorded_at - interval '2 hours' where task = %s", task.task)
    sql.run("select dunlin.complete(%s, %s, 'busy', at => now() - interval '1 hour')", task.task, task.epoch)
    assert sql.value("select now() - happened_at from dunlin.contact where task = %s", task.task).total_seconds() // 60 in (59, 60)
    # By another clock than the one of the business: a simulation, of which the beginning is known.
    task = sql.one("select * from dunlin.lease('call', 'anna', 1, at => '2031-05-05 10:00+00')")
    assert sql.refusal("select dunlin.complete(%s, %s, 'busy', at => '2031-05-03 10:00+00')", task.task, task.epoch)[0] == "DU022"
    sql.run("select dunlin.complete(%s, %s, 'busy', at => '2031-05-05 18:00+00')", task.task, task.epoch)
    assert sql.value("select happened_at = '2031-05-05 18:00+00' from dunlin.contact where task = %s", task.task)
    check_sound(sql)


def test_a_status_of_a_day():
    """Of a register that is made in the afternoon a carrier says the day and no hour."""
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set batch_at = 0, register_name = 'post', by_barcode = true where name = 'call'")
    sql.run("insert into dunlin.number_range (queue, low, high, digits, next) select queue, 1, 99, 8, 1 from dunlin.queue_setting where name = 'call'")
    sql.run("update dunlin.task_body set created_at = now() - interval '3 days'")
    assert sql.value("select dunlin.make_registers(now())") == 1
    first, second = [r.number for r in sql.all("select number from dunlin.register_of('call') limit 2")]
    assert sql.value("select dunlin.post_status('call', %s, 'busy', at => now() - interval '20 hours')", first) == "accepted"
    assert sql.value("select count(*) from dunlin.contact where outcome is not null and happened_at = at") == 1
    assert sql.refusal("select dunlin.post_status('call', %s, 'busy', at => now() - interval '26 hours')", second)[0] == "DU022"


def test_the_hour_is_not_for_a_consumer_to_choose():
    _, sql = fresh()
    sql.run("set session authorization dunlin_consumer")
    for at in ("now() - interval '1 day'", "now() + interval '11 minutes'"):
        code, message, hint = sql.refusal(f"select * from dunlin.lease('call', 'anna', at => {at})")
        assert code == "DU022" and "judged now" in message and "Leave `at` out" in hint, (code, message, hint)
    task = sql.one("select * from dunlin.lease('call', 'anna', at => now() + interval '9 minutes')")
    assert sql.refusal("select * from dunlin.may_contact(%s, null, now() - interval '1 day')", task.task)[0] == "DU022"
    assert sql.one("select * from dunlin.may_contact(%s, null, now())", task.task).allowed
    assert sql.refusal("select * from dunlin.complete_and_lease(%s, %s, 'busy', moment => now() + interval '1 day')", task.task, task.epoch)[0] == "DU022"
    sql.run("reset session authorization")
    # By the clock of the business, wherever that stands. Where nobody watches it, it is a simulation.
    sql.run("update dunlin.business_clock set business_at = business_at + interval '30 days'; set session authorization dunlin_consumer")
    assert sql.refusal("select * from dunlin.lease('call', 'anna', at => now())")[0] == "DU022"
    assert sql.one("select * from dunlin.lease('call', 'anna', at => now() + interval '30 days')")
    sql.run("reset session authorization; delete from dunlin.business_clock; set session authorization dunlin_consumer")
    assert sql.one("select * from dunlin.lease('call', 'anna', at => now() + interval '90 days')")


def test_what_is_held_is_asked_about_as_at_the_hand_out():
    """Whatever keeps a task from being handed out keeps the one who holds it from dialling."""
    name, sql = fresh()
    asked = lambda task: sql.one("select * from dunlin.may_contact(%s)", task.task)
    excluded, expired, aside, other = sql.lease(n=4)
    assert all(asked(t).allowed for t in (excluded, expired, aside, other))
    # An override `exclude`: refused, and whoever holds it is told.
    listener = Client(name)
    listener.run("listen dunlin_withdrawn")
    elsewhere = sql.value("select dunlin.set_override('account', %s, 'exclude', null, now() + interval '1 day', 'not here', 'errand')", excluded.key)
    assert asked(excluded).allowed and sql.all("select * from dunlin.withdrawn_tasks('anna')") == []
    sql.run("select dunlin.lift_override(%s)", elsewhere)
    sql.run("select dunlin.set_override('account', %s, 'exclude', null, now() + interval '1 day', 'lawyer called', who => 'eva')", excluded.key)
    answer = asked(excluded)
    assert not answer.allowed and "excluded until" in answer.reason and "lawyer called (by eva)" in answer.reason, answer
    assert sql.one("select * from dunlin.heartbeat(%s, %s)", excluded.task, excluded.epoch).withdrawn
    told = sql.all("select * from dunlin.withdrawn_tasks('anna')")
    assert [t.task for t in told] == [excluded.task] and "lawyer called" in told[0].reason, told
    listener.run("select 1")
    assert [n.payload for n in listener.connection.notifies] == ["anna"]
    # One that stands but marked nothing (set while nobody held it) is respected all the same.
    sql.run("update dunlin.task_open set marked = false where task = %s", excluded.task)
    assert "lawyer called" in asked(excluded).reason
    # Of a debtor: all its accounts.
    sql.run("select dunlin.set_override('debtor', %s, 'exclude', null, now() + interval '1 day', 'court', who => 'eva')", other.debtor)
    assert "court" in asked(other).reason and sql.one("select * from dunlin.heartbeat(%s, %s)", other.task, other.epoch).withdrawn
    # Expired; and a case file that is set aside.
    sql.run("update dunlin.task_body set expires = now() - interval '1 minute' where task = %s", expired.task)
    assert tuple(asked(expired)) == (False, "it has expired")
    sql.run("update dunlin.case_file set set_aside = true where (bucket, case_id) = (select bucket, case_id from dunlin.task_open where task = %s)", aside.task)
    assert tuple(asked(aside)) == (False, "its case file is set aside")
    # Its outcome is accepted all the same: it may have happened before.
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", excluded.task, excluded.epoch) == "accepted"


def test_record_contact():
    _, sql = fresh()
    call = "select dunlin.record_contact('agency', %s, 'account', 'A1', 'call', now(), %s)"
    assert sql.value(call, "1", "conversation") == "accepted"
    assert sql.value(call, "1", "conversation") == "duplicate"
    assert sql.refusal(call, "2", "gossip")[0] == "DU002"
    assert sql.refusal("select dunlin.record_contact('agency', '3', 'account', 'A99', 'call', now())")[0] == "DU034"


def test_limits_are_asked_at_hand_out():
    _, sql = fresh()
    # A limit of one contact a case file, as an example of what counts the ledger.
    sql.run("""create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text language sql stable as
               $$ select 'one contact is enough' where exists (select 1 from dunlin.contact c where c.bucket = $1 and c.case_id = $2 and c.kind <> 'none'
                                                               and c.task is distinct from $3) $$""")
    sql.run("update dunlin.task_body set limits = '[]'")  # a task that no limit judges is not asked about
    keys = [t.key for t in sql.lease(n=9)]
    # D1 has two accounts.
    assert keys == ["A8", "A7", "A6", "A5", "A4", "A1b", "A3", "A2"], keys
    assert "enough" in sql.value("select reason from dunlin.queue where key = 'A1'")
    check_sound(sql)


def test_merging():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set merge = true where name = 'call'")
    tasks = sql.lease(n=6)
    assert [t.key for t in tasks][:5] == ["A8", "A7", "A6", "A5", "A4"] and len(tasks) == 7, tasks
    lead, member = tasks[5], tasks[6]
    assert {lead.key, member.key} == {"A1b", "A1"} and member.lead == lead.task
    # Each account has been contacted, and it is one contact for who counts.
    contacts = sql.all("select conversation from dunlin.contact where case_id = (select case_id from dunlin.task_open where task = %s)", lead.task)
    assert [c.conversation for c in contacts] == [lead.task] * 2, contacts
    # An outcome without fields is true of all of them.
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", lead.task, lead.epoch) == "accepted"
    assert sql.value("select count(*) from dunlin.task_done where outcome = 'call.missed.busy'") == 2
    check_sound(sql)


def test_merging_with_an_outcome_of_one_account():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set merge = true where name = 'call'")
    tasks = sql.lease(n=6)
    member = next(t for t in tasks if t.lead)
    assert sql.value("select dunlin.complete(%s, %s, 'promise', '{\"amount\": 1, \"due\": \"2026-12-24\"}')", member.task, member.epoch) == "accepted"
    assert sql.value("select count(*) from dunlin.task_done") == 1
    assert sql.value("select status from dunlin.queue where task = %s", member.lead) == "ready"
    assert sql.value("select kind from dunlin.contact where task = %s", member.task) == "attempt"
    assert sql.value("select kind from dunlin.contact where task = %s", member.lead) == "none"
    # The answer was lost: neither the one nor the other is told twice.
    assert sql.value("select dunlin.complete(%s, %s, 'promise', '{\"amount\": 1, \"due\": \"2026-12-24\"}')", member.task, member.epoch) == "duplicate"
    assert sql.value("select count(*) from dunlin.event where source = 'queue'") == 1
    check_sound(sql)


def test_one_operator():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set assign = 'one_operator' where name = 'call'")
    first = sql.lease(n=6)
    assert "A1b" in [t.key for t in first]
    assert not [t for t in sql.lease(worker="bert", n=9) if t.debtor == "D1"]
    assert "another worker" in sql.value("select reason from dunlin.queue where key = 'A1'")


def test_consumers_touch_no_table():
    name, sql = fresh()
    sql.run("set role dunlin_consumer")
    for statement in ("select * from dunlin.task_open", "update dunlin.queue_setting set rate = null", "delete from dunlin.contact",
                      "insert into dunlin.event_key values (1, null)", "select dunlin.pause_queue('call', 'x')", "select dunlin.redrive('call')",
                      "select dunlin.finish(null, 2::int2, now(), '')", "select * from portfolio.account", "select dunlin.let('{}', '{}')"):
        assert sql.refusal(statement)[0] == "42501", statement
    task = sql.lease()[0]
    sql.run("select dunlin.heartbeat(%s, %s)", task.task, task.epoch)
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch) == "accepted"
    assert sql.value("select dunlin.post_event('bank', '1', 'payment', 'account', 'A1', now(), '{\"amount\": 5}')") == "accepted"
    sql.run("reset role; set role dunlin_supervisor")
    sql.run("select dunlin.pause_queue('call', 'x')")
    assert sql.refusal("delete from dunlin.audit")[0] == "42501"


def test_supervisors_work_tasks_themselves():
    """A login that may supervise takes, ends and takes the next one, under its own name."""
    _, sql = fresh()
    role = f"chief_{os.getpid()}"
    sql.run(f"create role {role} login in role dunlin_supervisor")
    try:
        sql.run(f"set session authorization {role}")
        task = sql.lease(worker="greta")[0]
        following = sql.all("select * from dunlin.complete_and_lease(%s, %s, 'busy')", task.task, task.epoch)
        assert len(following) == 1 and following[0].task != task.task
        batch = json.dumps([{"task": str(following[0].task), "epoch": following[0].epoch, "outcome": "busy"}])
        assert [r.result for r in sql.all("select * from dunlin.complete_many(%s)", batch)] == ["accepted"]
        assert sql.refusal("select * from dunlin.complete_and_lease(%s, %s, 'busy')", following[0].task, 99)[0] in ("DU011", "DU012")
        assert sql.refusal("select * from dunlin.task_open")[0] == "42501"
    finally:
        sql.run("reset session authorization")
        sql.run(f"drop owned by {role}; drop role {role}")
    check_sound(sql)


def test_consumers_call_these_functions_and_no_other():
    _, sql = fresh()
    may = {r[0] for r in sql.all("""select p.proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                                    where n.nspname = 'dunlin' and has_function_privilege('dunlin_consumer', p.oid, 'execute')""")}
    assert may == {"lease", "letter", "heartbeat", "extend", "release", "complete", "complete_many", "complete_and_lease", "post_event", "post_events", "may_contact", "moment", "record_contact", "withdrawn_tasks",
                   "register_of", "post_status", "post_statuses", "register_withdrawals", "acknowledge_withdrawal", "acknowledge_withdrawals"}, may
    assert not sql.all("""select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('dunlin', 'portfolio')
                          and c.relkind in ('r', 'p', 'v') and has_table_privilege('dunlin_consumer', c.oid, 'select, insert, update, delete')""")


def test_the_schema_holds_the_states():
    _, sql = fresh()
    task = sql.lease()[0]
    for statement, state in {
        "update dunlin.task_open set status = 5, wakes = 'infinity' where status = 1": "DU012",
        "update dunlin.task_open set status = 6, wakes = 'infinity', reason = 'x' where status = 0": "DU012",
        "update dunlin.task_open set status = 2": "DU012",
        "update dunlin.task_open set lease_epoch = 0 where status = 1": "DU012",
        "update dunlin.task_open set status = 1, worker = 1, lease_until = now() where status = 0": "DU012",
        "update dunlin.task_open set lease_until = null where status = 1": "23514",
        "update dunlin.task_open set marked = true where status = 0": "23514",
        "insert into dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, not_before) values (1, 1, gen_random_uuid(), 1, 1, 1, 3, now())": "23514",
        "insert into dunlin.task_body select * from dunlin.task_body": "23505",
        """insert into dunlin.task_body (bucket, case_id, task, identity, rule, recipient, standing, stays, treatment, created_at, expires, time_window)
           select bucket, case_id, gen_random_uuid(), identity, rule, recipient, standing, stays, treatment, created_at, expires, time_window from dunlin.task_body""": "23505",
    }.items():
        assert sql.refusal(statement)[0] == state, statement


def test_psql():
    name, sql = fresh()
    done = subprocess.run(["psql", "-qAtX", "-f", os.path.join(HERE, "consumer.psql"), f"{SERVER} dbname={name}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "A8 owes 800.00 f t accepted duplicate ready", done.stdout
    check_sound(sql)


def test_history_by_month():
    _, sql = fresh()
    task = sql.lease()[0]
    sql.run("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch)
    months = [r[0] for r in sql.all("select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'dunlin.task_done'::regclass order by 1")]
    assert len(months) == 4 and "task_done_other" in months, months
    lies_in = sql.value("select c.relname::text from dunlin.task_done d join pg_class c on c.oid = d.tableoid where d.task = %s", task.task)
    assert lies_in == sql.value("select 'task_done_' || to_char(now() at time zone 'UTC', 'YYYY_MM')"), (lies_in, months)
    # A month that was made late takes over what lay in "other".
    sql.run("""create temp table old as select * from dunlin.task_done; update old set task = gen_random_uuid(), done_at = '2024-03-10';
               insert into dunlin.task_done select * from old""")
    assert sql.value("select count(*) from dunlin.task_done_other") == 1
    assert sql.value("select dunlin.make_month('task_done', '2024-03-17')") is True
    assert sql.value("select count(*) from dunlin.task_done_other") == 0 and sql.value("select count(*) from dunlin.task_done_2024_03") == 1
    assert sql.refusal("select * from dunlin.forget_history(now())")[0] == "DU002"
    sql.run("analyze dunlin.task_done_2024_03")
    gone = dict(sql.all("select * from dunlin.forget_history(now() - interval '300 days')"))
    assert gone["task_done_2024_03"] == 1
    assert sql.value("select count(*) from dunlin.task_done") == 1


def test_contacts_go_when_nothing_counts_them():
    _, sql = fresh()
    assert sql.value("select dunlin.limits_reach() = interval '400 days'"), "lines that no task bears yet may count a year"
    sql.run("""insert into dunlin.limit_line (key, says, kind, time_window, length, queues, channels, any_contact, outcomes, odd_days, after, pause) values
               (1, 'at most 9 in 400 days', 'at_most', 'days', 400, '{call}', '{}', true, '{}', '{}', '{}', null),
               (2, 'none for 14 months after call.reached.friend', 'pause', null, null, '{call}', '{}', true, '{}', '{}', '{call.reached.friend}', 14 << 3 | 3),
               (3, 'none after call.reached.refuses', 'pause', null, null, '{call}', '{}', true, '{}', '{}', '{call.reached.refuses}', null)""")
    assert sql.value("select dunlin.limits_reach() = interval '436 days'"), sql.value("select dunlin.limits_reach()")
    sql.run("update dunlin.queue_setting set sticky_on = 'call.reached.promises' where name = 'call'")
    busy = sql.one("select bucket, case_id from dunlin.task_open limit 1")
    days = lambda n: f"now() - interval '{n} days'"
    rows = [  # (what, where, at, kind, queue, outcome, until, whether it goes)
        ("old", (0, 1), days(500), "attempt", "call", "call.missed.busy", "null", True),
        ("old, of an agency", (0, 1), days(500), "attempt", None, None, "null", True),
        ("within the reach of a limit", (0, 1), days(430), "attempt", "call", "call.missed.busy", "null", False),
        ("its end is within the reach", (0, 1), days(500), "unknown", "call", None, days(430), False),
        ("young", (0, 1), days(1), "attempt", "call", "call.missed.busy", "null", False),
        ("a pause after it has no end", (0, 1), days(500), "conversation", "call", "call.reached.refuses", "null", False),
        ("it may have been one with such a pause", (0, 1), days(500), "unknown", "call", None, "null", False),
        ("its worker keeps the account", (0, 1), days(500), "conversation", "call", "call.reached.promises", "null", False),
        ("its case file has an open task", tuple(busy), days(500), "attempt", "call", "call.missed.busy", "null", False),
    ]
    for what, (bucket, case), at, kind, queue, outcome, until, _ in rows:
        sql.run(f"insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, source, external_id, queue, outcome, until) "
                f"values (%s, %s, %s, {at}, 'call', %s, 'test', %s, %s, %s, {until})", bucket, case, case, kind, what, queue, outcome)
    gone = dict(sql.all("select * from dunlin.forget_history(now() - interval '450 days')"))
    left = {r[0] for r in sql.all("select external_id from dunlin.contact where source = 'test'")}
    for what, *_, goes in rows:
        assert (what not in left) == goes, f"{what}: {'is gone' if goes is False else 'stays'}"
    assert gone["contact"] == sum(row[-1] for row in rows), gone
    # Asked for a time that is younger than the limits look back, it leaves what they count.
    sql.run("select * from dunlin.forget_history(now() - interval '10 days')")
    assert "within the reach of a limit" in {r[0] for r in sql.all("select external_id from dunlin.contact where source = 'test'")}


def test_the_past_by_month():
    name, sql = fresh()
    for history, by in (("decision", "recorded_at"), ("transition", "at"), ("state_past", "until")):
        parts = [r[0] for r in sql.all("select part from dunlin.history where history = %s order by 1", history)]
        assert len(parts) == 4 and history + "_other" in parts, parts
        sql.run(f"create temp table old as select * from dunlin.{history} limit 1")
        if not sql.value("select count(*) from old"):  # no state has a past yet
            sql.run(f"insert into old select s.bucket, s.case_id, s.instance_id, now(), s.version, s.strategy, s.stage, s.step_no, s.entered_at, s.body from dunlin.state s limit 1")
        sql.run(f"update old set {by} = '2024-03-10'; select dunlin.make_month('{history}', '2024-03-01')")
        sql.run(f"insert into dunlin.{history} select * from old; drop table old")
        assert sql.value(f"select count(*) from dunlin.{history}_2024_03") == 1
        sql.run(f"analyze dunlin.{history}_2024_03")
    assert sql.value("select dunlin.history_begins() = '-infinity'")
    entries = sql.value("select count(*) from dunlin.audit where action = 'forget history'")
    assert sql.value("select dunlin.months_back(2) = (date_trunc('month', now() at time zone 'UTC') - interval '2 months') at time zone 'UTC'")
    gone = dict(sql.all("select * from dunlin.forget_history('2024-04-01 00:00+00', 'anna', 'rule 7')"))
    assert gone == {"decision_2024_03": 1, "transition_2024_03": 1, "state_past_2024_03": 1}, gone
    assert sql.value("select dunlin.history_begins()::date::text") == "2024-04-01"
    assert sql.value("select count(*) from dunlin.audit where action = 'forget history' and who = 'anna' and detail->>'reason' = 'rule 7'") == entries + 1
    # A reader in one month keeps that one and what came after it in the same table, and holds up nothing else; the months that go say so whatever statistics know.
    sql.run("select dunlin.make_month('decision', '2023-05-01'), dunlin.make_month('decision', '2023-06-01'), dunlin.make_month('transition', '2023-05-01')")
    reader = Client(name)
    reader.run("begin; select * from dunlin.decision_2023_05")
    sql.run("create temp table old as select t.* from dunlin.transition t limit 1; update old set at = '2020-01-01'; insert into dunlin.transition select * from old")
    gone = {row[0] for row in sql.all("select * from dunlin.forget_history('2024-04-01 00:00+00', 'anna', 'rule 7')")}
    assert gone == {"transition_2023_05", "transition_other"}, gone
    reader.run("commit")
    assert {row[0] for row in sql.all("select * from dunlin.forget_history('2024-04-01 00:00+00', 'anna', 'rule 7')")} == {"decision_2023_05", "decision_2023_06"}
    # Records of steps that lie in no month of their own go by whole months too.
    sql.run("create temp table older as select d.* from dunlin.decision d limit 1; update older set recorded_at = '2020-03-20', batch = 0; insert into dunlin.decision select * from older")
    assert "decision_other" not in {row[0] for row in sql.all("select * from dunlin.forget_history('2020-03-31 23:00+00', 'anna', 'rule 7')")}
    assert {row[0] for row in sql.all("select * from dunlin.forget_history('2020-04-01 00:00+00', 'anna', 'rule 7')")} == {"decision_other"}
    entries += 3
    # Again: nothing goes, nothing is noted, and the beginning does not go back.
    assert sql.all("select * from dunlin.forget_history('2023-04-01 00:00+00', 'anna', 'rule 7')") == []
    assert sql.value("select dunlin.history_begins()::date::text") == "2024-04-01"
    assert sql.value("select count(*) from dunlin.audit where action = 'forget history'") == entries + 1


if __name__ == "__main__":
    run_all(sys.modules[__name__])
