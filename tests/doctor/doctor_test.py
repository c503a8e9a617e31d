"""`dunlin doctor` on a database that is in use, and on copies of it that are each damaged in one way.

Environment: as in tests/queue/desk.py.
"""
import json, os, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue"))
from desk import Client, connect, dunlin, import_accounts, new_database, run_all, step

CARDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../strategies/card_collections")


def doctor(name, *words):
    """(exit code, {name: found} of what is bad, {name: found} of what is good). The test's server is not durable, which is not its damage."""
    done = dunlin(name, "doctor", "--json", *words, check=False)
    findings = [f for f in json.loads(done.stdout)["findings"] if f["name"] != "durable"]
    return done.returncode, {f["name"]: f["found"] for f in findings if not f["good"]}, {f["name"]: f["found"] for f in findings if f["good"]}


def make_used():
    """Accounts, events of two sources, tasks open, held and over, contacts, months of history, a login that reads."""
    name = new_database([(f"D{i // 2}", f"A{i}", 100 + i, 1500 if i % 5 == 0 else 0, "x") for i in range(60)])
    sql = Client(name)
    for i in range(20):
        assert sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now(), '{\"amount\": 1}')", f"p{i}", f"A{i}") == "accepted"
    step(name)
    for task in sql.lease(n=6)[:4]:
        assert sql.value("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch) == "accepted"
    step(name)
    import_accounts(name, [("D0", "A0", 0, 0, "x")])
    sql.run("select dunlin.make_month('transition', '2025-01-01')")
    role = f"reads_{name}"
    sql.run(f"create role {role}")
    sql.run("select dunlin.let_read(%s, 'account', 'client', 'x')", role)
    # Something waits for the next step.
    assert sql.value("select dunlin.post_event('bank', 'waits', 'payment', 'account', 'A30', now(), '{\"amount\": 1}')") == "accepted"
    sql.connection.close()
    return name


USED = make_used()


def copy_of(source=None):
    return new_database(None, template=source or USED)


# What is done to the database, under which name doctor says it, and words of what it says.
DAMAGES = {
    "a step is missing in between": ("delete from dunlin.schema_version where number = 12", "schema", "step 12 is missing"),
    "the first step is missing": ("delete from dunlin.schema_version where number = 1", "schema", "step 1 is missing"),
    "the last step is missing": ("delete from dunlin.schema_version where number = (select max(number) from dunlin.schema_version)", "schema", "which it makes, stands already"),
    "no step is noted": ("truncate dunlin.schema_version", "schema", "names no step"),
    "the list of steps is gone": ("drop table dunlin.schema_version", "schema", "did not make"),
    "a step of another build": ("update dunlin.schema_version set checksum = md5('x') where number = 7", "schema", "migration 007"),
    "a newer program": ("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')", "schema", "schema 900"),
    "buckets": ("delete from dunlin.bucket where bucket in (5, 6)", "buckets", "2 of the 1024 rows of dunlin.bucket are missing, such as 5, 6"),
    "all event keys": ("truncate dunlin.event_key", "event keys", "count them twice"),
    "one event key": ("delete from dunlin.event_key where key = md5('bank' || e'\\x1f' || 'p7')::uuid", "event keys", "1 events are not known by their external id any more"),
    "a key, by its example": ("delete from dunlin.event_key where key = md5('bank' || e'\\x1f' || 'p7')::uuid", "event keys", "such as bank p7"),
    "an event that waits": ("delete from dunlin.event where external_id = 'waits'", "inbox", "1 rows of dunlin.inbox"),
    "a case file": ("delete from dunlin.case_file c where case_id in (select dunlin_case from portfolio.account where dunlin_key = 'A41')", "portfolio", "account `A4"),
    "a case file with states": ("delete from dunlin.case_file c where case_id in (select dunlin_case from portfolio.account where dunlin_key = 'A41')", "states", "rows of dunlin.state"),
    "bodies of tasks": ("delete from dunlin.task_body where task = (select min(task::text)::uuid from dunlin.task_open)", "tasks", "1 open tasks have lost their body"),
    "tasks whose body stays": ("delete from dunlin.task_open where task = (select min(task::text)::uuid from dunlin.task_open)", "tasks", "1 open tasks"),
    "a queue that is none": ("update dunlin.task_open set queue = 999 where task = (select min(task::text)::uuid from dunlin.task_open where status = 0)", "tasks", "or their queue"),
    "sources of a version": ("delete from dunlin.bundle_file", "versions", "lost their sources"),
    "no version is active": ("update dunlin.bundle set active = false", "bundle", "none is active"),
    "a reservation without its task": ("update dunlin.task_open set lease_epoch = lease_epoch + 1 where status = 1", "reservations", "contacts are reserved"),
    "a task behind its cursor": ("insert into dunlin.queue_head select queue, band, max(seq) from dunlin.task_open where status = 0 and wakes is null and assigned is null group by 1, 2",
                                 "queue cursors", "never handed out"),
    "an entry of the audit is changed": ("alter table dunlin.audit disable trigger all; update dunlin.audit set who = 'nobody' where id = (select max(id) from dunlin.audit); "
                                         "alter table dunlin.audit enable trigger all", "audit", "was changed"),
    "the end of the audit is gone": ("alter table dunlin.audit disable trigger all; delete from dunlin.audit where id = (select max(id) from dunlin.audit); "
                                     "alter table dunlin.audit enable trigger all", "audit", "entries are missing"),
    "a table": ("drop table dunlin.event_key", "event keys", "event_key"),
}


def test_a_database_in_use_is_whole():
    for words in ((), ("--whole",)):
        code, bad, good = doctor(USED, *words)
        assert not bad, bad
        assert good["event keys"].endswith("(25 rows, all looked at)"), good  # 21 posted and 4 outcomes
        assert good["buckets"] == "all 1024 are there", good


def test_months_of_cards_are_whole():
    name = f"cards_{os.getpid()}"
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    admin.close()
    code, bad, good = doctor(name)
    assert not bad and "not set up yet" in good["schema"], (bad, good)
    dunlin(name, "import", CARDS, "--generate", "300", "--months", "5")
    dunlin(name, "run", CARDS, "--from", "2005-04-28", "--to", "2005-06-15", "--summary")
    for words in ((), ("--whole",)):
        code, bad, good = doctor(name, *words)
        assert not bad, bad
    begin = time.monotonic()
    doctor(name)
    print(f"      doctor took {time.monotonic() - begin:.2f} s")


def test_each_damage_is_named():
    for what, (damage, name, words) in DAMAGES.items():
        broken = copy_of()
        sql = Client(broken)
        sql.run(damage)
        sql.connection.close()
        code, bad, _ = doctor(broken)
        assert code == 3 and words in bad.get(name, ""), f"{what}: exit {code}, {bad}"
        said = dunlin(broken, "doctor", check=False).stdout
        assert any(line.startswith("bad") and words in line for line in said.splitlines()), f"{what}: {said}"
        admin = connect("postgres")
        with admin.cursor() as cursor:
            cursor.execute(f"drop database {broken}")
        admin.close()


def test_a_run_says_that_buckets_are_missing():
    broken = copy_of()
    sql = Client(broken)
    sql.run("delete from dunlin.bucket where bucket in (select bucket from dunlin.inbox)")
    done = dunlin(broken, "run", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue/desk"), "--summary", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 3 and "dunlin.bucket are there" in said and "dunlin doctor" in said, (done.returncode, said)


def test_cursors_are_found_again_as_the_guide_says():
    broken = copy_of()
    sql = Client(broken)
    sql.run(DAMAGES["a task behind its cursor"][0])
    assert not sql.lease(worker="boris", n=5)
    sql.run("delete from dunlin.queue_head")
    assert len(sql.lease(worker="boris", n=5)) == 5
    assert not doctor(broken)[1]


def test_event_keys_are_made_again_as_the_guide_says():
    broken = copy_of()
    sql = Client(broken)
    sql.run("truncate dunlin.event_key")
    sql.run("insert into dunlin.event_key select bucket, md5(source || e'\\x1f' || external_id)::uuid from dunlin.event where external_id <> '' on conflict do nothing")
    _, bad, _ = doctor(broken)
    assert not bad, bad
    assert sql.value("select dunlin.post_event('bank', 'p3', 'payment', 'account', 'A3', now(), '{\"amount\": 1}')") == "duplicate"


if __name__ == "__main__":
    run_all(sys.modules[__name__])
