"""dunlin replay --decisions on a database in use; and on one in which somebody has changed something by hand."""
import datetime
import itertools
import json
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "queue"))
from desk import BUNDLE, Client, bare_database, dunlin, import_accounts, new_database, run_all  # noqa: E402

_numbers = itertools.count(1)
ACCOUNTS = 24


def changed_bundle(folder):
    """A second version: another priority, a further task, an event that counts now."""
    bundle = os.path.join(folder, "desk")
    shutil.copytree(BUNDLE, bundle)
    path = os.path.join(bundle, "desk.dun")
    with open(path) as file:
        text = file.read()
    text = text.replace("priority { urgency: urgency }", "priority { urgency: urgency + 1 }")
    text = text.replace("urgency >= 1_000", "urgency >= 50")
    with open(path, "w") as file:
        file.write(text)
    return bundle


def work(sql, dice):
    """What a morning brings: calls with outcomes, tasks given back, events, some of them of yesterday."""
    for task in sql.lease("call", n=8):
        what = dice.random()
        if what < 0.4:
            sql.value("select dunlin.complete(%s, %s, %s)", task.task, task.epoch, dice.choice(["busy", "no_answer", "friend"]))
        elif what < 0.6:
            sql.value("select dunlin.complete(%s, %s, 'promises', '{\"amount\": 12.5, \"due\": \"2026-12-24\"}')", task.task, task.epoch)
        elif what < 0.8:
            sql.value("select dunlin.release(%s, %s)", task.task, task.epoch)  # the others stay with the worker
    for _ in range(3):
        account = f"A{dice.randint(1, ACCOUNTS)}"
        sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now() - %s * interval '1 hour', %s::jsonb)", f"p{next(_numbers)}", account,
                  dice.choice([0, 1, 30]), json.dumps({"amount": dice.randint(1, 150)}))


def used_database(seed):
    dice = random.Random(seed)
    name = new_database([(f"D{i}", f"A{i}", 100 + i, dice.choice([1, 60, 2000]), "North") for i in range(1, ACCOUNTS + 1)])
    sql = Client(name)
    with tempfile.TemporaryDirectory() as folder:
        second = changed_bundle(folder)
        for day in range(5):
            work(sql, dice)
            import_accounts(name, [(f"D{i}", f"A{i}", dice.choice([0, 80, 300]), dice.choice([1, 60, 2000]), "South") for i in dice.sample(range(1, ACCOUNTS + 1), 4)])
            dunlin(name, "run", second if day >= 3 else BUNDLE, "--summary")
    return name, sql


def replay(name, *words):
    done = dunlin(name, "replay", "--decisions", "--json", *words, check=False)
    assert done.returncode in (0, 1), (done.returncode, done.stdout, done.stderr)
    report = json.loads(done.stdout)
    assert (report["different"] > 0) == (done.returncode == 1), report
    return report


NAME, SQL = used_database(1)


def test_what_was_decided_is_decided_again():
    for name in (NAME, used_database(2)[0]):
        report = replay(name)
        assert report["different"] == 0, report["differences"]
        assert report["case_files"] == ACCOUNTS and report["not_from_the_beginning"] == 0, report
        assert report["steps"] > 2 * ACCOUNTS and report["decisions"] > ACCOUNTS, report
    assert replay(NAME, "--interpreter")["different"] == 0
    one = replay(NAME, "--case", "D3")
    assert one["case_files"] == 1 and one["steps"] >= 2 and one["different"] == 0, one


def test_what_somebody_has_meddled_with_is_found():
    bucket = SQL.value("select bucket from dunlin.decision where body is not null group by bucket order by count(*) desc, bucket limit 1")
    SQL.connection.close()  # a database is copied only when nobody is in it
    for what, sql in {
        "a decision record of another batch": "update dunlin.decision d set body = o.body from dunlin.decision o where d.bucket = {b} and o.bucket <> {b} and o.body is not null "
                                              "and (d.batch) = (select min(batch) from dunlin.decision where bucket = {b} and body is not null)",
        "a commit that is gone": "delete from dunlin.decision where bucket = {b} and batch = (select min(batch) + 1 from dunlin.decision where bucket = {b})",
        "bytes of a record": "update dunlin.decision set steps = set_byte(steps, length(steps) / 2, 255 - get_byte(steps, length(steps) / 2)) where bucket = {b}",
        "a payment of another amount": "update dunlin.event set payload = '{{\"amount\": 149}}' where source = 'bank' and (payload ->> 'amount')::int < 100",
        "an outcome that is gone": "delete from dunlin.event where source = 'queue'",
        "a stage": "update dunlin.state set entered_at = entered_at - interval '1 day'",
        "a stage's state": "update dunlin.state s set body = o.body from dunlin.state o where o.instance_id <> s.instance_id and o.body <> s.body",
        "a task": "update dunlin.task_body set treatment = 'sweet talk'",
        "a task's fields": "update dunlin.task_body set fields = '{{\"script\": \"owes nothing\"}}' where fields is not null",
    }.items():
        name = new_database(None, template=NAME)
        client = Client(name)
        client.run(sql.format(b=bucket))
        assert client.cursor.rowcount > 0, what
        client.connection.close()
        report = replay(name)
        assert report["different"] > 0, what
        witness = report["differences"][0]
        assert witness["kind"] in ("record", "decision", "outcome", "event", "state") and witness["recorded"], (what, witness)


def month(back):
    """The first day of the month so many months before this one."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    count = today.year * 12 + today.month - 1 - back
    return datetime.date(count // 12, count % 12 + 1, 1)


def lived(name, sql, bundle, begin, end):
    """Nights from day to day; every third day somebody pays."""
    day = begin
    while day < end:
        for account in ("A1", "A2") if day.day % 2 else ("A1",):
            sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, %s::date + interval '9 hours', '{\"amount\": 3}')", f"p{next(_numbers)}", account, day)
        last = min(day + datetime.timedelta(days=2), end - datetime.timedelta(days=1))
        dunlin(name, "run", bundle, "--from", str(day), "--to", str(last), "--summary")
        day = last + datetime.timedelta(days=1)


def test_replay_goes_on_after_the_past_was_given_up():
    name = bare_database()
    import_accounts(name, [("D1", "A1", 100, 60, "North"), ("D2", "A2", 100, 2000, "North"), ("D3", "A3", 100, 5, "North")])
    sql = Client(name)
    lived(name, sql, BUNDLE, month(4), month(2))
    whole = replay(name)
    assert whole["different"] == 0 and whole["begin_later"] == 0 and whole["not_from_the_beginning"] == 0, whole
    # In the middle of a month: the month stays. Crash: all or nothing.
    sql.run(f"begin; select * from dunlin.forget_history('{month(3) + datetime.timedelta(days=9)} 00:00+00'); rollback")
    assert replay(name) == whole
    dunlin(name, "history", "forget", "--before", f"{month(3) + datetime.timedelta(days=9)} 00:00+00", "--reason", "rule 7", "--yes")
    assert sql.value("select min(recorded_at) from dunlin.decision") >= datetime.datetime.combine(month(3), datetime.time(), datetime.timezone.utc)
    left = replay(name)
    assert 0 < left["steps"] < whole["steps"] and left["different"] == 0 and left["not_from_the_beginning"] == 0, left
    assert left["begin_later"] == left["case_files"] == 2, left  # D3 has slept since
    lived(name, sql, BUNDLE, month(2), month(1))
    after = replay(name)
    assert after["steps"] > left["steps"] and after["different"] == 0 and after["not_from_the_beginning"] == 0, after
    said = dunlin(name, "replay", "--decisions").stdout
    assert "all as recorded" in said and "2 case files begin after" in said, said
    one = dunlin(name, "replay", "--decisions", "--case", "D3", check=False)
    assert one.returncode == 3 and "nothing was checked" in one.stdout and "as recorded" not in one.stdout, one
    # Whoever meddles with what is left is found.
    sql.connection.close()
    for what, change in {
        "a record of another commit": "update dunlin.decision d set steps = o.steps from dunlin.decision o where o.bucket = d.bucket and o.batch = d.batch - 1 "
                                      "and (d.bucket, d.batch) = (select bucket, max(batch) from dunlin.decision group by 1 order by 2 desc limit 1)",
        "a commit": "delete from dunlin.decision where (bucket, batch) = (select bucket, max(batch) - 1 from dunlin.decision group by 1 order by 2 desc limit 1)",
        "a payment": f"update dunlin.event set payload = '{{\"amount\": 149}}' where source = 'bank' and at >= '{month(2)}'",
        "a stage": "update dunlin.state set entered_at = entered_at - interval '1 day'",
    }.items():
        copy = new_database(None, template=name)
        client = Client(copy)
        client.run(change)
        assert client.cursor.rowcount > 0, what
        client.connection.close()
        assert replay(copy)["different"] > 0, what
    # What is changed past the steps is not taken for true where a month begins.
    for what, change in {
        "a stage": "update dunlin.state set entered_at = entered_at - interval '1 day'",
        "a task": "update dunlin.task_body set treatment = 'sweet talk'",
        "an account": "update portfolio.account set owed = owed + 1",
    }.items():
        copy = new_database(None, template=name)
        client = Client(copy)
        client.run(change)
        lived(copy, client, BUNDLE, month(1), month(1) + datetime.timedelta(days=3))
        client.connection.close()
        assert replay(copy)["different"] > 0, what
    # Records from before a month began with one that is whole: what cannot be taken again is said, and nothing is called checked that was not.
    copy = new_database(None, template=name)
    client = Client(copy)
    client.run(f"delete from dunlin.decision where recorded_at < '{month(2) + datetime.timedelta(days=15)}'")
    client.connection.close()
    done = dunlin(copy, "replay", "--decisions", check=False)
    assert done.returncode == 3 and "could not be" in done.stdout and "as recorded" not in done.stdout, done


def test_the_past_is_explained_with_what_was_read_then():
    name = new_database([("D1", "A1", 100, 5, "North")])
    sql = Client(name)
    made = json.loads(dunlin(name, "explain", BUNDLE, "A1", "--json").stdout)["decisions"][-1]
    # The same day's figure is corrected: under the old date, after the step.
    sql.run("update portfolio.account set owed = 7")
    sql.run("insert into dunlin.inbox (bucket, at, case_id, kind) select dunlin_bucket, '-infinity', dunlin_case, 1 from portfolio.account")
    dunlin(name, "run", BUNDLE, "--summary")
    past = json.loads(dunlin(name, "explain", BUNDLE, "A1", "--at", made["at"], "--json").stdout)
    read = {value["name"]: value["value"] for rule in past["rules"] for value in rule["read"]}
    assert read.get("account.owed", "").startswith("100"), (read, made)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
