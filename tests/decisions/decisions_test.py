"""dunlin replay --decisions on a database in use; and on one in which somebody has changed something by hand."""
import itertools
import json
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "queue"))
from desk import BUNDLE, Client, dunlin, import_accounts, new_database, run_all  # noqa: E402

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
