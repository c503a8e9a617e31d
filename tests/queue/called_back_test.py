"""What somebody has taken and should not go on with: lines of a register, tasks of a closed account, of a stop, of an exclusion, of a supervisor's withdrawal. Whoever has it hears of it,
no step undoes it while its reason holds, and it is over when the reason is. Whom a task may be given to; what a rate counts."""
import csv
import io
import json
import os
import select
import sys
import tempfile
import threading
import time

from desk import BUNDLE, HERE, Client, check_sound, dunlin, import_accounts, new_database, run_all, step

PRINTED = os.path.join(HERE, "printed")
BASE = new_database([(f"D{n}", f"A{n}", 100 * n, 10 * n, "North" if n % 2 else "South") for n in range(1, 9)])
LETTERS = new_database([(f"D{n}", f"A{n}", 100 * n, n, "North" if n % 2 else "South") for n in range(1, 7)] + [("D1", "A1b", 70, 1, "North")], bundle=PRINTED)
IS_CLOSED = "closed: the account `{}` is closed since"


def fresh(base=BASE):
    name = new_database(None, template=base)
    return name, Client(name)


def task_of(sql, key, queue="call"):
    return sql.value("select task from dunlin.queue where key = %s and queue = %s", key, queue)


def marked(sql, task):
    return sql.one("select marked, reason from dunlin.task_open where task = %s", task)


# ---- registers ----

def a_register():
    """A register that was taken, with the number of each account."""
    name, sql = fresh(LETTERS)
    assert sql.value("select dunlin.make_registers(now() + interval '1 day')") == 1
    return name, sql, {row.key: row.number for row in sql.all("select * from dunlin.register_of('letter')")}


def corrected(sql, **asked):
    words = "".join(f", {name} => %s" for name in asked)
    return {row.key: row for row in sql.all(f"select * from dunlin.register_withdrawals('letter'{words})", *asked.values())}


def test_whoever_took_a_register_hears_of_each_line_that_is_withdrawn():
    name, sql, numbers = a_register()
    assert len(numbers) == 7 and corrected(sql) == {}
    listener = Client(name)
    listener.run("listen dunlin_withdrawn")
    # A payment, a stop of contact, a dispute, a closed account, somebody's word, an exclusion: one each.
    sql.run("""select dunlin.post_event('bank', 'p1', 'payment', 'account', 'A1', now(), '{"amount": 1000}')""")
    sql.run("select dunlin.post_event('court', 'd3', 'in_dispute.placed', 'account', 'A3', now(), '{}')")
    step(name, PRINTED)
    assert sql.value("select tasks from dunlin.stop_outbound('the court forbids it', 'account', 'A2', null, null, null, null, 'infinity', 'eva')") == 1
    sql.run("select dunlin.close_account('account', 'A4', 'sold', null, 'eva')")
    sql.run("select dunlin.withdraw(task, 'written twice', 'eva') from dunlin.register_item where number = %s", numbers["A5"])
    override = sql.value("select dunlin.set_override('account', 'A6', 'exclude', null, now() + interval '9 days', 'a lawyer called', null, 'eva')")
    rows = corrected(sql)
    assert set(rows) == {"A1", "A2", "A3", "A4", "A5", "A6"}, rows
    for key, words in {"A1": "a final stage was entered", "A2": "the court forbids it", "A3": "ispute", "A4": "is closed since", "A5": "written twice", "A6": "a lawyer called"}.items():
        assert words in rows[key].withdrawn and rows[key].number == numbers[key] and rows[key].acknowledged_at is None, (key, rows[key])
    assert {row.key: row.withdrawn is None for row in sql.all("select * from dunlin.register_of('letter')")} == {key: key == "A1b" for key in numbers}
    select.select([listener.connection], [], [], 5)
    listener.connection.poll()
    assert "register f103" in {note.payload for note in listener.connection.notifies}, listener.connection.notifies
    # The reasons hold, so no step takes anything back; twice told is once in the list.
    step(name, PRINTED)
    sql.run("select dunlin.turn_over()")
    assert corrected(sql) == rows
    assert [row.correction for row in sql.all("select * from dunlin.register_withdrawals('letter', after => %s, most => 2)", rows["A1"].correction)] == \
        sorted(row.correction for row in rows.values() if row.correction > rows["A1"].correction)[:2]
    # What was lifted stands again, and that is told, too: whoever was told of the withdrawal must hear of it.
    sql.run("select dunlin.lift_override(%s, 'eva')", override)
    sql.run("select dunlin.reopen_account('account', 'A4', 'eva')")
    sql.run("select dunlin.resume_contact(id, 'eva') from dunlin.contact_stop")
    sql.run("select dunlin.post_event('court', 'l3', 'in_dispute.lifted', 'account', 'A3', now(), '{}')")
    step(name, PRINTED)
    again = corrected(sql)
    assert {key: row.withdrawn for key, row in again.items()} == {"A1": rows["A1"].withdrawn, "A2": None, "A3": None, "A4": None, "A5": "written twice", "A6": None}, again
    assert all(again[key].correction > rows[key].correction for key in ("A2", "A3", "A4", "A6"))
    assert sql.refusal("select * from dunlin.register_withdrawals('letter', '2001-01-01')")[0] == "DU050"
    assert sql.refusal("select * from dunlin.register_withdrawals('call')")[0] == "DU050"
    check_sound(sql)


def test_a_line_stands_again_when_nobody_tells_that_its_reason_is_over():
    """A stop that ends by itself, and of which a step told the register: nothing is written when its time is over."""
    name, sql, numbers = a_register()
    sql.run("select dunlin.stop_contact('the court thinks', 'account', 'A2', until => clock_timestamp() + interval '1 second')")
    place = sql.one("select bucket, case_id, task from dunlin.register_item where number = %s", numbers["A2"])
    sql.run("select dunlin.look_at_register(%s, %s, %s)", *place)
    assert "the court thinks" in corrected(sql)["A2"].withdrawn
    time.sleep(1.1)
    sql.run("update dunlin.tended set clock = clock - interval '20 seconds', let_go_at = let_go_at - interval '61 seconds'")
    sql.run("select dunlin.tend_queues(clock_timestamp())")
    assert corrected(sql)["A2"].withdrawn is None and not sql.value("select marked from dunlin.task_open where task = %s", place.task)
    # Once a minute: who asks again at once looks at nothing.
    sql.run("update dunlin.task_open set marked = true, called_back = 2, reason = 'x' where task = %s", place.task)
    sql.run("update dunlin.tended set clock = clock - interval '20 seconds'")
    sql.run("select dunlin.tend_queues(clock_timestamp())")
    assert sql.value("select marked from dunlin.task_open where task = %s", place.task)
    sql.run("update dunlin.tended set clock = clock - interval '20 seconds', let_go_at = let_go_at - interval '61 seconds'")
    sql.run("select dunlin.tend_queues(clock_timestamp())")
    assert not sql.value("select marked from dunlin.task_open where task = %s", place.task)
    check_sound(sql)


def test_corrections_are_acknowledged_by_their_number():
    name, sql, numbers = a_register()
    for key in ("A1", "A2", "A3"):
        sql.run("select dunlin.withdraw(task, 'written twice', 'eva') from dunlin.register_item where number = %s", numbers[key])
    override = sql.value("select dunlin.set_override('account', 'A4', 'exclude', null, now() + interval '9 days', 'a lawyer called', null, 'eva')")
    rows = corrected(sql)
    sql.run("select dunlin.lift_override(%s, 'eva')", override)
    heard = lambda key, **more: {"number": numbers[key], "correction": rows[key].correction, **more}
    answers = sql.all("select * from dunlin.acknowledge_withdrawals('letter', %s, 'printer')",
                      json.dumps([heard("A1"), heard("A2", stopped=True), heard("A4"), {"number": "0", "correction": 1}, {"number": numbers["A5"], "correction": 1}, {"number": numbers["A3"]}]))
    # A4 stands again since: who acknowledges the withdrawal has not heard of that.
    assert [(a.result, a.code) for a in answers] == [("acknowledged", None), ("stopped", None), ("refused", "DU038"), ("refused", "DU050"), ("refused", "DU050"), ("refused", "DU002")], answers
    assert [a.result for a in sql.all("select * from dunlin.acknowledge_withdrawals('letter', %s, 'printer')", json.dumps([heard("A1"), heard("A2", stopped=True)]))] == ["duplicate"] * 2
    assert set(corrected(sql)) == {"A3", "A4"}
    everything = corrected(sql, everything=True)
    assert set(everything) == {"A1", "A2", "A3", "A4"} and everything["A1"].acknowledged_by == "printer" and everything["A4"].acknowledged_at is None
    # What did not go out was no contact, and its task is over; what may have gone out counts, and its status is taken as ever.
    contact = dict(sql.all("select k.key, c.kind from dunlin.contact c join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (c.bucket, c.case_id, c.instance_id)"))
    assert contact["A1"] == contact["A3"] == "attempt" and contact["A2"] == "none", contact
    assert sql.value("select status from dunlin.task_done where task = (select task from dunlin.register_item where number = %s)", numbers["A2"]) == 3
    assert sql.value("select dunlin.post_status('letter', %s, 'delivered')", numbers["A1"]) == "accepted"
    done = sql.one("select d.status, d.outcome from dunlin.task_done d join dunlin.register_item i using (task) where i.number = %s", numbers["A1"])
    assert done == (2, "letter.delivered"), done
    # After its status, nobody says that it did not go out; and a status of what did not go out is a fact all the same.
    assert sql.value("select dunlin.post_status('letter', %s, 'delivered')", numbers["A3"]) == "accepted"
    assert sql.all("select result, code from dunlin.acknowledge_withdrawals('letter', %s)", json.dumps([heard("A3", stopped=True)])) == [("refused", "DU012")]
    assert sql.value("select dunlin.post_status('letter', %s, 'returned')", numbers["A2"]) == "accepted"
    assert sql.value("select count(*) from dunlin.event where source = 'queue'") == 3
    check_sound(sql)
    step(name, PRINTED)
    assert set(corrected(sql)) == {"A3", "A4"}


def test_the_file_of_corrections_is_as_the_register_and_comes_back():
    name, sql, numbers = a_register()
    sql.run("select dunlin.withdraw(task, 'written, twice', 'eva') from dunlin.register_item where number = %s", numbers["A3"])
    read = lambda *words: list(csv.DictReader(io.StringIO(dunlin(name, "queue", *words, "letter", "--csv").stdout)))
    register, corrections = read("register"), read("withdrawals")
    assert [row["withdrawn"] for row in register if row["key"] == "A3"] == ["written, twice"] and len(register) == 7
    assert list(corrections[0])[:len(register[0])] == list(register[0]) and len(corrections) == 1
    assert {name: corrections[0][name] for name in register[0]} == next(row for row in register if row["key"] == "A3")
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "corrections.csv")
        with open(file, "w") as out:
            out.write(dunlin(name, "queue", "withdrawals", "letter", "--csv").stdout)
        assert "1 corrections taken, 0 refused" in dunlin(name, "queue", "acknowledge", "letter", file, "--who", "printer").stdout
        assert read("withdrawals") == []
        with open(file, "w") as out:
            out.write(f"number,correction,stopped\n{numbers['A3']},99,yes\n")
        told = dunlin(name, "queue", "acknowledge", "letter", file, check=False)
        assert told.returncode != 0 and "corrected again" in told.stderr and ":2:" in told.stderr, told
    assert json.loads(dunlin(name, "queue", "withdrawals", "letter", "--all", "--json").stdout)[0]["acknowledged_by"] == "printer"
    assert "nothing was withdrawn" in dunlin(name, "queue", "withdrawals", "letter").stdout


def test_a_webhook_of_a_register_is_told_and_leases_nothing():
    _, sql, numbers = a_register()
    for hook in ("printer", "archive"):
        sql.run("insert into dunlin.webhook (name, queue, url, created_by) values (%s, 'letter', 'https://printer.example/x', 'eva')", hook)
    assert sql.value("select sum(dunlin.fill_outbox(id, now())) from dunlin.webhook") == 0
    override = sql.value("select dunlin.set_override('account', 'A4', 'exclude', null, now() + interval '9 days', 'a lawyer called', null, 'eva')")
    sql.run("select dunlin.lift_override(%s, 'eva')", override)
    sent = [(r.name, r.body["type"], r.body["number"], r.body["key"], r.body["reason"] and "lawyer" in r.body["reason"])
            for r in sql.all("select * from dunlin.claim_deliveries(9, interval '1 minute') order by name, body ->> 'correction'")]
    assert sent == [(hook, f"register.{what}", numbers["A4"], "A4", True if what == "withdrawn" else None) for hook in ("archive", "printer") for what in ("withdrawn", "restored")], sent
    assert sql.value("select bool_and(dunlin.keep_for_delivery(id)) from dunlin.webhook_delivery")
    assert sql.all("select dunlin.delivery_failed(id, 500, 'no', true, interval '1 s') from dunlin.webhook_delivery") == [("waiting",)] * 4
    sql.run("update dunlin.webhook_delivery set tries = 99")
    assert sql.all("select dunlin.delivery_failed(id, 500, 'no', true, interval '1 s') from dunlin.webhook_delivery") == [("dead",)] * 4
    # The register is none the worse for it, and the list is there.
    assert sql.value("select count(*) from dunlin.task_open where status = 1") == 7 and set(corrected(sql)) == {"A4"}
    check_sound(sql)


def test_what_a_webhook_gives_up_under_a_stop_is_there_when_it_is_lifted():
    _, sql = fresh()
    sql.run("insert into dunlin.webhook (name, queue, url, tries_max, created_by) values ('robot', 'call', 'https://robot.example/x', 1, 'eva')")
    assert sql.value("select dunlin.fill_outbox(id, now()) from dunlin.webhook") > 0
    sent = sql.all("select id from dunlin.claim_deliveries(1, interval '1 minute')")
    task = sql.value("select task from dunlin.webhook_delivery where id = %s", sent[0].id)
    stop = sql.value("select stop from dunlin.stop_outbound('an hour only', null, null, null, null, null, 'call', now() + interval '1 hour', 'eva')")
    assert sql.value("select called_back from dunlin.task_open where task = %s", task) == 2
    sql.run("update dunlin.webhook_delivery set tries = 99")
    assert sql.value("select dunlin.delivery_failed(%s, 500, 'no', true, interval '1 s')", sent[0].id) == "dead"
    assert sql.one("select status, marked, called_back from dunlin.task_open where task = %s", task) == (6, False, None), "it is a dead letter, as without the stop"
    sql.run("select dunlin.resume_contact(%s, 'eva')", stop)
    assert sql.value("select dunlin.redrive(task => %s)", task) == 1
    check_sound(sql)


def test_who_holds_it_has_it_also_when_they_give_it_back():
    _, sql = fresh()
    lease = sql.one("select * from dunlin.lease('call', 'anna')")
    assert sql.value("select dunlin.reassign(%s, 'anna', 'she knows them', 'eva')", lease.task) == "unchanged"
    sql.run("select dunlin.release(%s, %s)", lease.task, lease.epoch)
    assert lease.task not in {row.task for row in sql.all("select * from dunlin.lease('call', 'bert', 20)")}
    assert lease.task in {row.task for row in sql.all("select * from dunlin.lease('call', 'anna', 20)")}


# ---- closed accounts ----

def test_a_closed_account_is_nobodys_work():
    name, sql = fresh()
    held = sql.lease()[0]
    assert held.key == "A8"
    sql.run("select dunlin.close_account('account', 'A8', 'sold', null, 'eva')")
    sql.run("select dunlin.close_account('debtor', 'D7', 'dead', null, 'eva')")
    # Whoever holds one is told; nobody gets the others.
    allowed = sql.one("select * from dunlin.may_contact(%s)", held.task)
    assert not allowed.allowed and IS_CLOSED.format("A8") in allowed.reason and "sold" in allowed.reason, allowed
    assert sql.one("select withdrawn, reason from dunlin.heartbeat(%s, %s)", held.task, held.epoch) == (True, allowed.reason)
    assert [t.key for t in sql.all("select * from dunlin.withdrawn_tasks('anna')")] == ["A8"]
    assert [t.key for t in sql.lease(worker="bert", n=9)] == ["A6", "A5", "A4", "A3", "A2", "A1"]
    assert "the debtor `D7` is closed" in sql.value("select this from dunlin.why(%s) where what = 'a hand-out now'", task_of(sql, "A7"))
    # Neither a step nor a new task of the rule gives it to anybody.
    step(name)
    assert marked(sql, held.task).marked
    assert sql.value("select dunlin.release(%s, %s)", held.task, held.epoch) == "ready"
    step(name)
    assert task_of(sql, "A8") == held.task and sql.lease(worker="bert", n=9) == []
    # It is there as soon as the account is opened again. What was done before is a fact.
    sql.run("select dunlin.reopen_account('account', 'A8', 'eva')")
    again = sql.lease(worker="cleo", n=9)
    assert [t.key for t in again] == ["A8"]
    sql.run("select dunlin.close_account('account', 'A8', 'sold', null, 'eva')")
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", again[0].task, again[0].epoch) == "accepted"
    assert sql.value("select dunlin.reopen_account('debtor', 'D7')") == 0
    assert [t.key for t in sql.lease(worker="cleo", n=9)] == ["A7"]
    # From a day to come on.
    sql.run("select dunlin.release(task, lease_epoch) from dunlin.task_open where status = 1")
    sql.run("select dunlin.close_account('account', 'A7', 'sold', now() + interval '1 day', 'eva')")
    assert sql.lease()[0].key == "A7"
    check_sound(sql)


def test_what_is_leased_while_its_account_is_closed():
    """The hand-out comes first and its holder is told, or it sees the closing."""
    name, sql = fresh()
    other = Client(name)
    other.run("begin")
    other.run("select dunlin.close_account('account', 'A8', 'sold', null, 'eva')")
    assert sql.lease()[0].key == "A7"  # passed over, not waited for
    other.run("commit")
    assert sql.lease()[0].key == "A6"
    other.run("begin")
    held = other.lease(worker="bert")[0]
    closing = threading.Thread(target=sql.run, args=("select dunlin.close_account('account', %s, 'sold', null, 'eva')", held.key))
    closing.start()
    time.sleep(0.2)
    other.run("commit")
    closing.join(10)
    assert [t.key for t in other.all("select * from dunlin.withdrawn_tasks('bert')")] == [held.key]
    check_sound(sql)


# ---- what stays called back, and until when ----

def test_a_supervisors_withdrawal_is_undone_by_no_step():
    name, sql = fresh()
    held = sql.lease()[0]
    assert sql.value("select dunlin.withdraw(%s, 'she knows him', 'eva')", held.task) == "marked"
    # Its fields change, and its reason goes and comes back: the step changes the task, and leaves the word alone.
    for owed in (900, 0, 950):
        import_accounts(name, [("D8", "A8", owed, 80, "South")])
        step(name)
    row = marked(sql, held.task)
    if row is not None:
        assert row == (True, "she knows him"), row
    told = sql.value("select this from dunlin.why(%s) where what = 'called back'", held.task)
    assert told.startswith("withdrawn by hand: she knows him") and "exclude" in told, told
    assert sql.value("select withdrawn from dunlin.heartbeat(%s, %s)", held.task, held.epoch)
    assert sql.value("select dunlin.release(%s, %s)", held.task, held.epoch) == "withdrawn"
    assert sql.value("select reason from dunlin.task_done where task = %s", held.task) == "she knows him"
    # The withdrawal was of this task. A rule that still wants it asks anew; who wants none of the account's tasks to go out excludes it.
    step(name)
    assert dunlin(name, "replay", "--decisions").returncode == 0
    check_sound(sql)


def test_an_exclusion_marks_as_long_as_it_stands():
    name, sql = fresh()
    held = sql.lease()[0]
    exclude = "select dunlin.set_override('account', %s, 'exclude', null, now() + %s::interval, 'a lawyer called', null, 'eva')"
    override = sql.value(exclude, held.key, "9 days")
    import_accounts(name, [("D8", "A8", 900, 80, "South")])
    step(name)
    assert marked(sql, held.task).marked and sql.value("select this from dunlin.why(%s) where what = 'called back'", held.task).startswith("as long as this holds: override")
    sql.run("select dunlin.lift_override(%s, 'eva')", override)
    assert marked(sql, held.task) == (False, None)
    assert sql.value("select allowed from dunlin.may_contact(%s)", held.task) and sql.all("select * from dunlin.withdrawn_tasks('anna')") == []
    # By its own end; and where the engine does not want it any more either, it stays marked, for that.
    sql.run(exclude, held.key, "2 seconds")
    assert marked(sql, held.task).marked
    sql.run("select dunlin.post_event('bank', 'p', 'payment', 'account', 'A8', now(), '{\"amount\": 1000}')")
    step(name)
    time.sleep(2.1)
    sql.run("select dunlin.apply_priorities()")
    assert marked(sql, held.task) == (True, "its reason went away meanwhile")
    assert sql.value("select dunlin.release(%s, %s)", held.task, held.epoch) == "withdrawn"
    check_sound(sql)


def test_a_stop_marks_as_long_as_it_stands():
    name, sql = fresh()
    held = {t.key: t for t in sql.lease(n=2)}
    stop = "select stop, marked from dunlin.stop_outbound(%s, %s, %s, null, null, null, null, %s, 'eva')"
    first = sql.one(stop, "the court forbids it", "account", "A8", "infinity")
    everybody = sql.one(stop, "a power cut", None, None, "infinity")
    assert (first.marked, everybody.marked) == (1, 1)
    import_accounts(name, [("D8", "A8", 900, 80, "South")])
    step(name)
    assert marked(sql, held["A8"].task).marked
    sql.run("select dunlin.resume_contact(%s, 'eva')", first.stop)
    assert "a power cut" in marked(sql, held["A8"].task).reason  # the other one holds
    sql.run("select dunlin.resume_contact(%s, 'eva')", everybody.stop)
    assert [marked(sql, t.task) for t in held.values()] == [(False, None)] * 2
    # One that ends by itself: the next round takes the marks away.
    sql.one(stop, "lunch", None, None, sql.value("select (clock_timestamp() + interval '1 second')::text"))
    assert all(marked(sql, t.task).marked for t in held.values())
    time.sleep(1.1)
    sql.run("select dunlin.turn_over()")
    assert [marked(sql, t.task) for t in held.values()] == [(False, None)] * 2
    check_sound(sql)


# ---- stops wait for nobody ----

def test_a_stop_of_contact_waits_neither_for_the_audit_nor_for_a_case_file():
    name, sql = fresh()
    held = {t.key: t for t in sql.lease(n=3)}
    supervisor, consumer, late = Client(name), Client(name), Client(name)
    supervisor.run("begin")
    supervisor.run("select dunlin.pause_queue('errand', 'lunch', 'eva')")  # an entry of the audit, and silence
    supervisor.run("select dunlin.close_account('account', 'A1', 'sold', null, 'eva')")
    consumer.run("begin")
    consumer.run("select dunlin.record_contact('agency', 'c1', 'account', %s, 'call', now())", "A8")  # a case file
    consumer.run("select dunlin.complete(%s, %s, 'busy')", held["A7"].task, held["A7"].epoch)          # a task
    late.run("begin")
    late.run("select 1")
    sql.run("set statement_timeout = '2s'")
    row = sql.one("select * from dunlin.stop_outbound('the court forbids it', null, null, null, null, null, null, 'infinity', 'eva')")
    assert row.marked == 2, row  # whoever has A7 at this moment is told later
    assert Client(name).lease(worker="bert", n=9) == [] and not marked(sql, held["A7"].task).marked
    entries = sql.all("select id, action, hash is not null as chained from dunlin.audit order by id desc limit 1")
    assert entries[0].action == "stop contact" and entries[0].chained and entries[0].id > 0
    consumer.run("rollback")
    sql.run("select dunlin.turn_over()")
    assert marked(sql, held["A7"].task).marked
    supervisor.run("commit")
    assert [e.action for e in sql.all("select action from dunlin.audit order by id desc limit 3")] == ["close account", "pause queue", "stop contact"]
    assert sql.value("select good from dunlin.audit_verify()")
    check_sound(sql)


def test_a_lease_that_could_not_know_of_the_stop_is_told():
    name, sql = fresh()
    consumer = Client(name)
    consumer.run("begin")
    task = consumer.lease()[0]
    assert sql.value("select marked from dunlin.stop_outbound('the court forbids it', null, null, null, null, null, null, 'infinity', 'eva')") == 0
    sql.run("select dunlin.tell_stopped()")  # as a round; turn_over() itself waits for one that is on its way
    consumer.run("commit")
    assert not marked(sql, task.task).marked and not sql.value("select told from dunlin.contact_stop")
    sql.run("select dunlin.turn_over()")
    assert marked(sql, task.task).marked and sql.value("select told from dunlin.contact_stop")


# ---- the audit ----

def test_entries_of_the_audit_are_chained_as_they_commit():
    name, sql = fresh()
    one, other = Client(name), Client(name)
    before = sql.value("select id from dunlin.audit_head")
    for session, queue in ((one, "call"), (other, "errand")):
        session.run("begin")
        session.run("select dunlin.pause_queue(%s, 'lunch', 'eva')", queue)
        session.run("select dunlin.resume_queue(%s, 'eva')", queue)
    # Seen by its own transaction, in its order, and by nobody else.
    mine = one.all("select id, action, detail ->> 'queue' as queue from dunlin.audit where id < 0 order by id")
    assert [(r.action, r.queue) for r in mine] == [("pause queue", "call"), ("resume queue", "call")]
    assert sql.value("select count(*) from dunlin.audit") == before == sql.value("select max(id) from dunlin.audit")
    other.run("commit")
    # A check within the transaction chains what it has written so far; what comes behind it is chained at its end.
    assert one.value("select good from dunlin.audit_verify()")
    one.run("select dunlin.pause_queue('call', 'tea', 'eva')")
    one.run("commit")
    rolled = Client(name)
    rolled.run("begin")
    rolled.run("select dunlin.pause_queue('errand', 'never', 'eva')")
    rolled.run("rollback")
    chain = sql.all("select id, detail ->> 'queue' as queue from dunlin.audit where id > %s order by id", before)
    assert [(r.id - before, r.queue) for r in chain] == [(1, "errand"), (2, "errand"), (3, "call"), (4, "call"), (5, "call")], chain
    assert sql.value("select good from dunlin.audit_verify()") and sql.value("select id from dunlin.audit_head") == before + 5
    # Nobody takes a place twice, or another one; what was put beside the chain is found.
    for change in ("update dunlin.audit set hash = null where id = 1", "update dunlin.audit set hash = '\\x' where id = 1", "delete from dunlin.audit where id = 1"):
        assert sql.refusal(change)[0] == "42501", change
    sql.run("insert into dunlin.audit (who, action, hash, previous) values ('eva', 'by hand', '\\x00', '\\x00')")
    assert sql.value("select good from dunlin.audit_verify()")
    sql.run("alter table dunlin.audit disable trigger all; insert into dunlin.audit (id, who, action) overriding system value values (-5, 'eva', 'unseen'); alter table dunlin.audit enable trigger all")
    verdict = sql.one("select * from dunlin.audit_verify()")
    assert not verdict.good and "outside of the chain" in verdict.what, verdict


def test_many_write_the_audit_at_once_without_a_gap():
    name, sql = fresh()
    before = sql.value("select id from dunlin.audit_head")

    def write(queue):
        session = Client(name)
        for _ in range(20):
            session.run("begin")
            session.run("select dunlin.pause_queue(%s, 'lunch', 'eva'), dunlin.resume_queue(%s, 'eva')", queue, queue)
            session.run("commit")
    writers = [threading.Thread(target=write, args=(queue,)) for queue in ("call", "errand", "call", "errand")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert sql.value("select array_agg(id order by id) from dunlin.audit where id > %s", before) == list(range(before + 1, before + 161))
    assert sql.value("select good from dunlin.audit_verify()")


# ---- to whom ----

def test_a_task_is_given_to_somebody_who_is_there():
    name, sql = fresh()
    sql.run("""select * from dunlin.put_workers('[{"worker": "anna"}, {"worker": "bert"}, {"worker": "berta"}, {"worker": "gone", "active": "no"}]', 'eva')""")
    task = task_of(sql, "A8")
    give = "select dunlin.reassign(%s, %s, 'knows her', 'eva')"
    code, message, hint = sql.refusal(give, task, "berd")
    assert code == "DU034" and "`berd`" in message and "Is `bert`" in hint and "`berta`" in hint and "`anna`" not in hint, (message, hint)
    assert "meant" not in sql.refusal(give, task, "xyzzy")[2]
    assert sql.refusal(give, task, "gone")[0] == "DU040"
    assert sql.refusal("select dunlin.set_override('account', 'A8', 'worker', 'ana', now() + interval '1 day', 'so it is')")[2].startswith("Is `anna` meant?")
    assert sql.value("select array_agg(name order by name) from dunlin.worker") == ["anna", "bert", "berta", "gone"]
    assert sql.lease(worker="anna")[0].key == "A8"  # nothing was parked
    entries = "select count(*) from dunlin.audit where action = 'reassign task'"
    before = sql.value(entries)
    held = sql.one("select lease_until, lease_epoch, seq from dunlin.task_open where task = %s", task)
    assert sql.value(give, task, "anna") == "unchanged" and sql.one("select lease_until, lease_epoch, seq from dunlin.task_open where task = %s", task) == held
    other = task_of(sql, "A7")
    assert sql.value(give, other, None) == "unchanged" and sql.value(entries) == before
    assert sql.value(give, other, "bert") == "reassigned" and sql.value(give, other, "bert") == "unchanged" and sql.value(entries) == before + 1
    told = dunlin(name, "queue", "reassign", str(other), "--to", "anne", "--reason", "x", check=False)
    assert told.returncode != 0 and "`anne`" in told.stderr and "`anna`" in told.stderr, told.stderr
    assert "unchanged" in dunlin(name, "queue", "reassign", str(other), "--to", "bert", "--reason", "x").stdout
    # Who works here no more: what was theirs is everybody's again.
    assert sql.lease(worker="cleo")[0].key == "A6"
    sql.run("""select * from dunlin.put_workers('[{"worker": "bert", "active": "no"}, {"worker": "anna", "active": "no"}]', 'eva')""")
    sql.run("select dunlin.fill_day_lists()")
    assert sql.all("select assigned, worker from dunlin.task_open where task in (%s, %s)", task, other) == [(None, None)] * 2
    assert {t.key for t in sql.lease(worker="cleo", n=2)} == {"A8", "A7"}
    check_sound(sql)


# ---- what a rate counts ----

def test_a_rate_counts_conversations():
    name, sql = fresh(new_database([(f"D{d}", f"A{d}{n}", 100, 10 * d, "North") for d in (1, 2, 3, 4) for n in "abc"]))
    sql.run("update dunlin.queue_setting set merge = true, rate = 2, rate_per = '1 minute' where name = 'call'")
    debtors = lambda rows: [row.debtor for row in rows if row.lead is None]
    first = sql.lease()
    assert len(first) == 3 and debtors(first) == ["D4"]
    second = sql.lease(worker="bert", n=5)
    assert len(second) == 3 and debtors(second) == ["D3"], second  # one call a debtor, two a minute
    assert sql.lease(worker="cleo", n=5) == []
    assert "2 of 2" in sql.value("select this from dunlin.why(%s) where what = 'a hand-out now'", sql.value("select task from dunlin.queue where status = 'ready' limit 1"))
    for task in first:
        sql.run("select dunlin.heartbeat(%s, %s)", task.task, task.epoch)
    sql.run("update dunlin.hand_out set leased_at = leased_at - interval '2 minutes' where task = any (%s)", [t.task for t in first])
    assert debtors(sql.lease(worker="cleo", n=5)) == ["D2"]
    check_sound(sql)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
