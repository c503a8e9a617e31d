"""pg_dump of a running system, restored into a database of another name: it goes on from the dump and comes to what the first one came to, each task once.

Environment: as in tests/queue/desk.py.
"""
import json, os, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue"))
from desk import BUNDLE as DESK, COMMAND, SERVER, Client, check_sound, connect, dunlin, new_database, run_all

CARDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../strategies/card_collections")
FIRST, LAST = "2005-04-28", "2005-08-20"
# Everything that a night leaves behind, without what says on which machine or at which moment of its clock that was.
LEFT = {
    "tasks": """select x.case_id, q.name, x.rule, x.identity, x.recipient, x.treatment, x.created_at::text, x.status, x.done::text, x.fields::text from
                (select bucket, case_id, queue, rule, identity, recipient, treatment, created_at, status, null::timestamptz as done, fields from dunlin.task_open join dunlin.task_body using (bucket, case_id, task)
                 union all select bucket, case_id, queue, rule, identity, recipient, treatment, created_at, status, done_at, fields from dunlin.task_done) x join dunlin.name q on q.id = x.queue""",
    "states": "select case_id, instance_id, strategy, stage, entered_at::text, encode(body, 'hex') from dunlin.state",
    "transitions": "select case_id, instance_id, at::text, from_stage, to_stage, rule from dunlin.transition",
    "wakes": "select case_id, wake_at::text, set_aside from dunlin.case_file",
}


def left_in(sql, what):
    return sorted(map(str, sql.all(LEFT[what])))


def database(name):
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    admin.close()


def dump_and_restore(source, copy):
    """As the guide says it."""
    file = f"/tmp/{copy}.dump"
    try:
        subprocess.run(["pg_dump", "-Fc", "-f", file, f"{SERVER} dbname={source}"], check=True, capture_output=True, text=True)
        database(copy)
        subprocess.run(["pg_restore", "--exit-on-error", "-d", f"{SERVER} dbname={copy}", file], check=True, capture_output=True, text=True)
    finally:
        if os.path.exists(file):
            os.unlink(file)


def test_it_goes_on_where_it_was():
    name, copy = f"cards_{os.getpid()}", f"cards_again_{os.getpid()}"
    database(name)
    dunlin(name, "import", CARDS, "--generate", "400", "--months", "5")
    running = subprocess.Popen([COMMAND, "run", CARDS, "--from", FIRST, "--to", LAST, "--summary", "--database", f"{SERVER} dbname={name}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    sql = Client(name)
    reached = lambda client: client.value("select max(as_of) from dunlin.bucket")
    until = time.time() + 120
    while str(reached(sql) or "") < "2005-05-20" and running.poll() is None and time.time() < until:
        time.sleep(0.02)
    assert running.poll() is None, "the run was over before it could be dumped"
    dump_and_restore(name, copy)
    after_dump = reached(sql)
    _, trouble = running.communicate()
    assert running.returncode == 0, trouble
    again = Client(copy)
    dumped = reached(again)
    # It was in the middle of its work.
    assert str(dumped) < LAST and dumped <= after_dump, (dumped, after_dump)
    behind = again.value("select count(*) from dunlin.bucket where as_of < %s", dumped)
    print(f"      dumped at {dumped}, {behind} of 1024 buckets behind; the run was over at {reached(sql)}")
    # The test's server is fast and not durable; nothing else may be wrong.
    bad = [line for line in dunlin(copy, "doctor", check=False).stdout.splitlines() if line.startswith("bad") and "durable" not in line]
    assert not bad, bad
    # From the first day that is not yet stepped everywhere: what was done is not done again.
    begin = again.value("select (min(as_of) at time zone 'Asia/Taipei')::date::text from dunlin.bucket where as_of is not null")
    dunlin(copy, "run", CARDS, "--from", begin, "--to", LAST, "--summary")
    for what in LEFT:
        one, other = left_in(sql, what), left_in(again, what)
        only = [sorted(set(one) - set(other))[:3], sorted(set(other) - set(one))[:3]]
        assert one == other, f"{what}: {len(one)} and {len(other)}, e.g. {only}"
    check_sound(again)
    print(f"      {len(left_in(sql, 'tasks'))} tasks, {len(left_in(sql, 'transitions'))} transitions in both")
    report = json.loads(dunlin(copy, "replay", "--decisions", "--json").stdout)
    assert not report.get("differences"), report
    assert dunlin(copy, "audit", "verify", check=False).returncode == 0


def test_what_workers_held_comes_back_once():
    name = new_database([(f"D{i}", f"A{i}", 1000 + i, i, "North") for i in range(1, 9)])
    sql = Client(name)
    held, done = sql.lease(n=1, lasting="2 seconds")[0], sql.lease(worker="berta", n=1)[0]
    copy = name + "_again"
    dump_and_restore(name, copy)
    sql.run("select dunlin.complete(%s, %s, 'busy')", done.task, done.epoch)
    again = Client(copy)
    # In the copy nobody has finished it: who did says so again, and it is taken once.
    assert again.value("select dunlin.complete(%s, %s, 'busy')", done.task, done.epoch) == "accepted"
    assert again.value("select dunlin.complete(%s, %s, 'busy')", done.task, done.epoch) == "duplicate"
    time.sleep(2.2)
    assert again.value("select dunlin.turn_over()") == 1
    # The call may have been made: it counts as made.
    assert again.value("select kind from dunlin.contact where task = %s order by at desc limit 1", held.task) == "unknown"
    state, text = again.refusal("select dunlin.complete(%s, %s, 'busy')", held.task, held.epoch)[:2]
    assert state.startswith("DU"), (state, text)
    # The line goes on: every task that is left is handed out, each once.
    rest = again.lease(worker="carla", n=20)
    assert len({t.task for t in rest}) == len(rest) == 7, rest
    check_sound(again)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
