"""Tasks of one debtor, or of one account, go out one after another, in the order they were made; and none is forgotten on the way."""
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from desk import BUNDLE, Client, check_sound, import_accounts, new_database, run_all, step

# Errands are asked for where the urgency is 1,000 and more; they end without an outcome, so no news hold up the next one.
DEBTORS, ACCOUNTS = 6, 5
BASE = new_database([(f"D{d}", f"A{d}{a}", 100, 1000 + 7 * (a * 31 + d * 17 % 29) % 900, "North") for d in range(DEBTORS) for a in range(ACCOUNTS)])

# Made at different times, in no order of priority; what stands at or before now counts.
MADE = """update dunlin.task_body b set created_at = timestamptz '2026-01-01' + x.n * interval '1 hour'
          from (select task, row_number() over (order by md5(task::text || %s)) as n from dunlin.task_open) x where b.task = x.task"""
PLACES = """select o.task, o.status, o.not_before <= now() as stands, b.created_at, -o.priority as after, o.case_id, o.instance_id
            from dunlin.task_open o join dunlin.task_body b using (bucket, case_id, task) join dunlin.queue_setting s using (queue) where s.name = 'errand'"""


def fresh(per=None, seed="0"):
    sql = Client(new_database(None, template=BASE))
    sql.run("update dunlin.queue_setting set in_order = true, order_per = %s where name = 'errand'", per)
    sql.run(MADE, seed)
    return sql


def key_of(row, per):
    return row.instance_id if per == "account" else row.case_id


def check_order(sql, per):
    """Of one key one at most is out, and nothing in line was made before it, at the moment it went out."""
    out = {}
    for row in sql.all(PLACES):
        if row.status == 1:
            assert key_of(row, per) not in out, "two of one are out"
            out[key_of(row, per)] = row
    return out


def first_of(sql, per):
    """What should go out of each key that nobody works on."""
    line = {}
    for row in sql.all(PLACES):
        key = key_of(row, per)
        if row.status == 1:
            line[key] = None
        elif row.status == 0 and row.stands and (key not in line or (line[key] is not None and (row.created_at, row.after, row.task) < (line[key].created_at, line[key].after, line[key].task))):
            line[key] = row
    return {row.task for row in line.values() if row is not None}


def wait_over(sql):
    """What waits for the order is looked at again, as half a minute later."""
    sql.run("update dunlin.task_open set wakes = now() where status = 0 and wakes is not null and reason like 'in order: %%'")
    sql.run("select dunlin.turn_over()")


def errands(sql, worker="anna", n=1):
    return sql.lease("errand", worker, n)


def test_one_after_another():
    sql = fresh()
    first = first_of(sql, None)
    taken = errands(sql, n=30)
    assert {t.task for t in taken} == first and len(first) == DEBTORS, (taken, first)
    assert errands(sql, "bert", 30) == [] and errands(sql, "anna", 30) == []
    done = taken[0]
    waiting = sql.value("select task from dunlin.queue where queue = 'errand' and status = 'ready' and reason like 'in order: %%' limit 1")
    assert "in order" in dict(sql.all("select what, this from dunlin.why(%s)", waiting))["a hand-out now"]
    # The next one of this debtor goes out at once, and no other.
    assert sql.value("select dunlin.complete(%s, %s)", done.task, done.epoch) == "accepted"
    expected = first_of(sql, None)
    assert len(expected) == 1
    again = errands(sql, "bert", 30)
    assert {t.task for t in again} == expected and again[0].debtor == done.debtor
    check_sound(sql)


def test_given_back_it_stays_the_first():
    sql = fresh()
    task = errands(sql)[0]
    rest = errands(sql, n=30)
    sql.run("select dunlin.release(%s, %s, now() + interval '1 hour', 'nobody there')", task.task, task.epoch)
    # It is its turn still: those behind it wait with it.
    wait_over(sql)
    assert not [t for t in errands(sql, n=30) if t.debtor == task.debtor]
    # Withdrawn it is in nobody's way.
    sql.run("select dunlin.withdraw(%s, 'not needed')", task.task)
    assert [t.debtor for t in errands(sql, n=30)] == [task.debtor]
    assert len(rest) == DEBTORS - 1
    check_sound(sql)


def test_what_is_not_due_yet_holds_nobody_up():
    sql = fresh()
    first = first_of(sql, None)
    sql.run("update dunlin.task_open set not_before = now() + interval '1 day', wakes = now() + interval '1 day' where task = any(%s::uuid[])", [str(t) for t in first])
    second = first_of(sql, None)
    assert second and not second & first
    assert {t.task for t in errands(sql, n=30)} == second


def test_a_dead_letter_holds_nobody_up():
    sql = fresh()
    sql.run("update dunlin.queue_setting set returns_max = 0 where name = 'errand'")
    task = sql.all("select * from dunlin.lease('errand', 'anna', lasting => '1 millisecond')")[0]
    sql.run("select pg_sleep(0.01)")
    errands(sql, "bert", 30)
    sql.run("select dunlin.turn_over()")
    assert sql.value("select status from dunlin.queue where task = %s", task.task) == "dead_letter"
    wait_over(sql)
    errands(sql, "bert", 30)
    held = {t.case_id for t in sql.all(PLACES) if t.status == 1}
    assert len(held) == DEBTORS


def test_other_queues_do_not_wait():
    sql = fresh()
    taken = errands(sql)[0]
    assert [t for t in sql.lease("call", "bert", 30) if t.debtor == taken.debtor]


def test_what_hangs_on_nothing_of_the_kind_has_its_own_turn():
    """A version from before may have asked for a task of something else."""
    sql = fresh("branch")
    assert len(errands(sql, n=40)) == DEBTORS * ACCOUNTS


def run_random(sql, per, seed):
    """Random calls of three workers; at each hand-out exactly the first of each key that is free may come, and at the end all have come."""
    dice = random.Random(seed)
    held = []
    ended = 0
    sql.run("select dunlin.worker_number('dora')")
    for turn in range(150):
        what = dice.random()
        if what < 0.5:
            expected = first_of(sql, per)
            now = errands(sql, dice.choice(["anna", "bert", "carl"]), dice.randint(1, 4))
            assert {t.task for t in now} <= expected, "one went out before its turn"
            check_order(sql, per)
            held += now
        elif held:
            task = held.pop(dice.randrange(len(held)))
            if what < 0.8:
                sql.run("select dunlin.complete(%s, %s)", task.task, task.epoch)
                ended += 1
            elif what < 0.9:
                sql.run("select dunlin.release(%s, %s)", task.task, task.epoch)
            elif what < 0.95:
                sql.run("select dunlin.reassign(%s, 'dora', 'knows them')", task.task)
            else:
                sql.run("select dunlin.withdraw(%s, 'not needed')", task.task)
                sql.run("select dunlin.release(%s, %s)", task.task, task.epoch)
                ended += 1
    # Everything that is left comes, each when the one before it has ended, without a wait.
    for _ in range(100):
        if not held and not sql.value("select count(*) from dunlin.queue where queue = 'errand'"):
            break
        for task in held:
            sql.run("select dunlin.complete(%s, %s)", task.task, task.epoch)
            ended += 1
        expected = first_of(sql, per)
        held = errands(sql, "dora", 40) + errands(sql, "carl", 40)
        assert {t.task for t in held} == expected, "one is not found again"
    assert ended == DEBTORS * ACCOUNTS
    check_sound(sql)


def test_random_turns():
    for seed in range(3):
        for per in (None, "debtor", "account"):
            run_random(fresh(per, str(seed)), per, seed)


def test_what_is_broken_on_purpose_is_found():
    plants = {
        "nothing goes before": "create or replace function dunlin.goes_before(open dunlin.task_open, setting dunlin.queue_setting, at timestamptz) returns uuid language sql as 'select null::uuid'",
        "nobody is let in": "create or replace function dunlin.let_next(open dunlin.task_open) returns void language sql as ''",
    }
    for name, plant in plants.items():
        found = False
        for seed in range(4):
            sql = fresh(None, str(seed))
            sql.run(plant)
            try:
                run_random(sql, None, seed)
            except AssertionError:
                found = True
                break
        assert found, name


def in_order_by_the_bundle(folder):
    """The desk with errands one after another, and none about an account for a month after it paid."""
    bundle = os.path.join(folder, "desk")
    shutil.copytree(BUNDLE, bundle)
    path = os.path.join(bundle, "desk.dun")
    with open(path) as file:
        text = file.read()
    assert "queue errand { cost 2.00 }" in text
    with open(path, "w") as file:
        file.write(text.replace("queue errand { cost 2.00 }", "outcomes errand of account { ran }\nqueue errand { cost 2.00, outcomes errand, assign oldest first per debtor }") +
                   '\nlimits "Rest" { errand none for 30 days after payment per account }\n')
    return bundle


def test_what_the_engine_takes_out_of_line_lets_the_next_one_in():
    """Not half a minute later: in the transaction of the step."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = in_order_by_the_bundle(folder)
        rows = {f"A{d}{a}": (f"D{d}", f"A{d}{a}", 100, 1000 + 10 * a, "North") for d in range(4) for a in range(3)}
        name = new_database(list(rows.values()), bundle=bundle)
        sql = Client(name)
        sql.run(MADE, "1")
        keys = dict(sql.all("select o.task, k.key from dunlin.task_open o join dunlin.instance_key k on k.id = o.instance_id"))
        # The first of each debtor was given back until later, so it is in line and holds up the others, who know it.
        first = errands(sql, n=30)
        assert len(first) == 4, first
        for task in first:
            sql.run("select dunlin.release(%s, %s, now() + interval '1 hour', 'nobody there')", task.task, task.epoch)
        assert errands(sql, n=30) == []
        assert sql.value("select count(*) from dunlin.queue where queue = 'errand' and reason like 'in order: %%'") >= 4
        debtor = {rows[t.key][0]: t.key for t in first}
        # Of one its reason goes away, one is put off by a limit, of one case file something changes that means nothing for the line, one stays as it is.
        for which, owed in {"D0": 0, "D2": 77}.items():
            import_accounts(name, [(which, debtor[which], owed, rows[debtor[which]][3], "North")], bundle)
        sql.run("select dunlin.post_event('bank', '1', 'payment', 'account', %s, now(), '{\"amount\": 1}')", debtor["D1"])
        step(name, bundle)
        assert sql.value("select not_before > now() + interval '20 days' from dunlin.queue where queue = 'errand' and key = %s", debtor["D1"])
        assert not sql.all("select 1 from dunlin.queue where queue = 'errand' and key = %s", debtor["D0"])
        expected = first_of(sql, None) - {t.task for t in first}
        assert {keys[t][1] for t in expected} == {"0", "1"}, [keys[t] for t in expected]
        assert {t.task for t in errands(sql, n=30)} == expected, "the next one is not in line at once"
        check_sound(sql)


def test_what_its_webhook_buries_lets_the_next_one_in():
    sql = fresh()
    task = errands(sql)[0]
    errands(sql, "bert", 30)
    sql.run("insert into dunlin.webhook (name, queue, url, tries_max, created_by) values ('print', 'errand', 'https://print.invalid/', 1, 'eva')")
    delivery = sql.value("insert into dunlin.webhook_delivery (webhook, task, epoch, body, tries) select id, %s, %s, '{}', 1 from dunlin.webhook returning id", task.task, task.epoch)
    assert sql.value("select dunlin.delivery_failed(%s, 500, 'HTTP 500', false, '1 second')", delivery) == "dead"
    assert sql.value("select status from dunlin.queue where task = %s", task.task) == "dead_letter"
    assert [t.debtor for t in errands(sql, "carl", 30)] == [task.debtor]
    check_sound(sql)


def test_one_call_ends_one_and_takes_the_next():
    sql = fresh()
    task = errands(sql)[0]
    left = sql.value("select count(*) from dunlin.queue where queue = 'errand'")
    seen = [task.task]
    while True:
        rows = sql.all("select * from dunlin.complete_and_lease(%s, %s)", task.task, task.epoch)
        if not rows:
            break
        assert len(rows) == 1 and rows[0].queue == "errand"
        task = rows[0]
        assert sql.value("select worker from dunlin.queue where task = %s", task.task) == "anna"
        seen.append(task.task)
    assert len(seen) == len(set(seen)) == left
    assert sql.value("select count(*) from dunlin.queue where queue = 'errand'") == 0
    check_sound(sql)


def test_the_last_one_of_the_day_ends():
    sql = fresh()
    sql.run("""select dunlin.put_workers('[{"worker": "anna", "capacity": "2"}]')""")
    task = errands(sql)[0]
    task = sql.one("select * from dunlin.complete_and_lease(%s, %s)", task.task, task.epoch)
    assert sql.all("select * from dunlin.complete_and_lease(%s, %s)", task.task, task.epoch) == []
    assert "no room for more" in sql.connection.notices[-1]
    assert sql.value("select status from dunlin.task_done where task = %s", task.task) == 2
    assert sql.refusal("select * from dunlin.lease('errand', 'anna')")[0] == "DU043"
    check_sound(sql)


def test_who_takes_the_next_with_the_end_moves_the_cursor():
    """The cursor and its marks go on where nobody calls lease() by itself."""
    sql = fresh()
    task = errands(sql)[0]
    for _ in range(3):
        before = sql.value("select max(seq) from dunlin.turn_mark")
        sql.run("select setval('dunlin.turn', nextval('dunlin.turn') + 300)")
        task = sql.one("select * from dunlin.complete_and_lease(%s, %s)", task.task, task.epoch)
        assert sql.value("select max(seq) from dunlin.turn_mark") >= before + 300
    check_sound(sql)


def test_the_next_one_is_taken_by_the_clock():
    """Somebody who reports late what happened in hours of work does not get the next one by those hours."""
    sql = fresh()
    handed_out_before = "update dunlin.contact set at = at - interval '4 days', recorded_at = recorded_at - interval '4 days' where task = %s"
    task = errands(sql)[0]
    sql.run(handed_out_before, task.task)
    sql.one("select * from dunlin.complete_and_lease(%s, %s, at => now() - interval '3 days')", task.task, task.epoch)
    call = sql.lease("call", "anna")[0]
    sql.run(handed_out_before, call.task)
    sql.all("select * from dunlin.complete_and_lease(%s, %s, 'missed.busy', at => now() - interval '3 days')", call.task, call.epoch)
    assert sql.value("select min(at) > now() - interval '1 hour' from dunlin.contact where kind = 'reserved'"), "handed out by the time of the outcome"
    check_sound(sql)


def test_batches_of_outcomes_do_not_wait_for_each_other():
    """A batch locks its case files in their order, whatever the order of its rows: else two batches could wait for each other."""
    name = new_database(None, template=BASE)
    sql = Client(name)
    sql.run("update dunlin.queue_setting set in_order = true, order_per = 'account' where name = 'errand'")
    held = {}
    for task in errands(sql, n=100):
        held.setdefault(sql.one("select bucket, case_id from dunlin.task_open where task = %s", task.task), task)
    first, last = min(held), max(held)
    lock = "select 1 from dunlin.case_file where bucket = %s and case_id = %s for no key update nowait"
    mine, others, answers = Client(name), Client(name), []
    mine.run("begin")
    mine.run(lock, *first)
    batch = json.dumps([{"task": held[place].task, "epoch": held[place].epoch} for place in (last, first)] + [{"task": "none"}, {}], default=str)
    caller = threading.Thread(target=lambda: answers.extend(row.result for row in others.all("select * from dunlin.complete_many(%s)", batch)))
    caller.start()
    while not sql.value("select cardinality(pg_blocking_pids(%s)) > 0", others.connection.info.backend_pid):
        time.sleep(0.01)
    mine.run(lock, *last)  # the batch does not have it yet
    mine.run("commit")
    caller.join(30)
    assert answers == ["accepted", "accepted", "refused", "refused"], answers
    check_sound(sql)


def test_one_call_is_refused_whole():
    sql = fresh()
    task = errands(sql)[0]
    before = sql.all(PLACES + " order by task")
    call = sql.lease("call", "anna")[0]
    assert sql.refusal("select * from dunlin.complete_and_lease(%s, %s)", task.task, task.epoch + 1)[0] == "DU011"
    assert sql.refusal("select * from dunlin.complete_and_lease(%s, %s, 'nothing of this name')", call.task, call.epoch)[0] == "DU020"
    assert sql.refusal("select * from dunlin.complete_and_lease(gen_random_uuid(), 1)")[0] == "DU010"
    assert sql.all(PLACES + " order by task") == before
    # The answer was lost, and the call comes again: what ended has ended, and the next one is another.
    first = sql.all("select * from dunlin.complete_and_lease(%s, %s, worker => 'bert')", task.task, task.epoch)
    second = sql.all("select * from dunlin.complete_and_lease(%s, %s, worker => 'bert')", task.task, task.epoch)
    assert first and second and first[0].task != second[0].task
    check_sound(sql)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
