#!/usr/bin/env python3
"""The clock of the database jumps: forward and right again, or back. No lease is lost, no queue and no node stands still for as long as the jump was.

A server of its own under libfaketime, whose clock follows a file; every wait below is real time.

clock_test.py DUNLIN
"""
import glob, json, os, shutil, subprocess, sys, tempfile, time

try:
    import psycopg2  # noqa: F401
except ImportError:
    print("skipped: this needs python3-psycopg2 (scripts/packages.txt)")
    sys.exit(77)
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not FAKETIME or not programs:
    print("skipped: this needs libfaketime and a PostgreSQL server (scripts/packages.txt)")
    sys.exit(77)

work = tempfile.mkdtemp()
os.chmod(work, 0o755)
place = work + "/cluster"
as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
os.mkdir(place)
if as_postgres:
    shutil.chown(place, "postgres")


def pg(*words, **more):
    subprocess.run([*as_postgres, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=place, env={**os.environ, **more})


def set_clock(far):
    with open(work + "/clock~", "w") as file:
        file.write(far + "\n")
    os.chmod(work + "/clock~", 0o644)
    os.replace(work + "/clock~", work + "/clock")


set_clock("+0")
pg(programs[-1] + "/initdb", "-D", place + "/data", "-A", "trust", "-U", "dunlin", "-E", "UTF8", "--locale=C")
control = programs[-1] + "/pg_ctl"
pg(control, "-D", place + "/data", "-l", place + "/log", "-w", "-o", f"-c listen_addresses='' -k {place} -c fsync=off", "start",
   LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=work + "/clock", FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
os.environ["DUNLIN_COMMAND"] = os.path.abspath(sys.argv.pop(1))
os.environ["DUNLIN_SERVER"] = f"host={place} user=dunlin"

from desk import COMMAND, SERVER, Client, check_sound, dunlin, new_database, run_all  # noqa: E402

JUMPS = ["+1d", "+1h"]


def fresh(template=None):
    sql = Client(new_database(None, template=BASE))
    sql.run("select dunlin.turn_over()")
    return sql


def pairs(sql, count, pause=0.1):
    """A shift: tasks are leased and ended, and nobody calls the round by hand."""
    for _ in range(count):
        for task in sql.lease(worker="emil"):
            sql.run("select dunlin.complete(%s, %s, 'call.missed.busy')", task.task, task.epoch)
        time.sleep(pause)


def wait(what, reached, seconds):
    begin = time.monotonic()
    while not reached():
        assert time.monotonic() - begin < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def state(sql, task):
    return sql.one("select status, wakes, lease_until, lease_until - clock_timestamp() as left, reason from dunlin.queue where task = %s", task.task)


def doctor(sql):
    done = dunlin(sql.connection.info.dbname, "doctor", "--whole", "--json", check=False)
    return done.stdout + done.stderr


def each_jump(test):
    def run():
        for far in JUMPS:
            set_clock("+0")
            try:
                test(far)
            finally:
                set_clock("+0")
    return run


@each_jump
def test_leases_end_and_waits_are_over(far):
    sql = fresh()
    before = sql.lease(lasting="1 hour")[0]
    set_clock(far)
    ahead = sql.lease(worker="bert", lasting="2 seconds")[0]  # makes a round of tomorrow
    long = sql.lease(worker="berta", lasting="3 hours")[0]
    held = sql.lease(worker="bruno", lasting="1 second")[0]
    sql.run("select dunlin.heartbeat(%s, %s)", held.task, held.epoch)
    set_clock("+0")
    short = sql.lease(worker="carl", lasting="2 seconds")[0]
    given = sql.lease(worker="dora", lasting="10 minutes")[0]
    sql.run("select dunlin.release(%s, %s, clock_timestamp() + interval '3 seconds')", given.task, given.epoch)
    time.sleep(3.5)
    pairs(sql, 15)
    assert state(sql, short).status != "leased", (far, state(sql, short))
    assert state(sql, ahead).status != "leased", (far, state(sql, ahead))
    row = state(sql, given)
    assert row.wakes is None or row.reason != "it was given back", (far, row)
    assert sql.value("select count(*) from dunlin.contact where task = %s and kind = 'reserved'", short.task) == 0
    # A lease of three hours lasts three hours from when the jump was seen, not a day and three hours.
    row = sql.one("select lease_until - clock_timestamp() as left, status from dunlin.queue where task = %s", long.task)
    assert row.status == "leased" and 2.9 < row.left.total_seconds() / 3600 <= 3, (far, row)
    # What was kept alive by the other clock ends as well.
    row = state(sql, held)
    assert row.status == "leased" and 0 < row.left.total_seconds() <= 600, (far, row)
    assert sql.value("select dunlin.complete(%s, %s, 'call.missed.busy')", long.task, long.epoch) == "accepted"
    assert state(sql, before).status in ("leased", "ready"), state(sql, before)
    assert "database clock went back" in dunlin(sql.connection.info.dbname, "audit", "list").stdout
    check_sound(sql)


def test_a_clock_that_goes_back_and_stays():
    """A restore, or a server that takes over and is behind: the right time was an hour later."""
    set_clock("+1h")
    sql = fresh()
    old = sql.lease(worker="anna", lasting="2 seconds")[0]
    kept = sql.lease(worker="bert", lasting="1 hour")[0]
    set_clock("+0")
    new = sql.lease(worker="carl", lasting="2 seconds")[0]
    assert sql.value("select lease_until - clock_timestamp() <= interval '1 hour' from dunlin.queue where task = %s", kept.task), state(sql, kept)
    time.sleep(2.5)
    pairs(sql, 12)
    for task in (old, new):
        assert state(sql, task).status != "leased", state(sql, task)
    check_sound(sql)


def test_a_small_step_back():
    """A second, as a time server may do: nothing is looked at for nothing, and nothing is lost."""
    set_clock("+1")
    sql = fresh()
    task = sql.lease(lasting="1 second")[0]
    set_clock("+0")
    other = sql.lease(worker="bert", lasting="1 millisecond")[0]
    time.sleep(1.2)
    pairs(sql, 12)
    assert state(sql, task).status != "leased" and state(sql, other).status != "leased", (state(sql, task), state(sql, other))
    assert sql.value("select count(*) from dunlin.audit where action like '%%clock%%'") == 0
    set_clock("+0")


@each_jump
def test_rates_stops_and_what_was_kept_back(far):
    sql = fresh()
    sql.run("update dunlin.queue_setting set rate = 2, rate_per = '2 seconds' where name = 'call'")
    set_clock(far)
    assert len(sql.lease(n=5)) == 2
    sql.run("select dunlin.stop_contact('the court forbids it', queue => 'errand')")
    assert sql.lease("errand", "anna", 3) == []  # some wait for the stop now
    waiting = sql.all("select task from dunlin.queue where queue = 'errand' and reason like 'contact is stopped%%'")
    assert waiting
    set_clock("+0")
    # The stop holds on: it was given, whatever the clock said.
    assert sql.lease("errand", "anna", 3) == []
    stop = sql.value("select id from dunlin.contact_stop")
    assert sql.value("select since <= clock_timestamp() from dunlin.contact_stop")
    wait("the rate lets go again", lambda: sql.lease(worker="emil"), 6)
    sql.run("select dunlin.resume_contact(%s)", stop)
    wait("what was kept back comes into line", lambda: sql.lease("errand", "emil"), 5)
    check_sound(sql)


@each_jump
def test_nodes(far):
    sql = fresh()
    name = sql.connection.info.dbname
    hold = "select count(*) from dunlin.hold_buckets(%s, %s, '2 seconds', 1)"
    one, two, three = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-a000-000000000000" for n in (1, 2, 3))
    set_clock(far)
    assert sql.value(hold, "anna", one) == 1024
    set_clock("+0")
    # Dead since: the other has it all within its lease.
    assert sql.value(hold, "boris", two) == 512 or sql.value(hold, "boris", two) == 0
    wait("the dead one's share is taken", lambda: sql.value(hold, "boris", two) == 1024, 5)
    # A live one is not thrown out by it: it renews, and keeps its share.
    assert sql.value("select dunlin.renew_node('boris', %s, '2 seconds')", two)
    set_clock(far)
    assert sql.value("select dunlin.renew_node('boris', %s, '2 seconds')", two)
    set_clock("+0")
    # The same name, restarted: its last life's lease lies ahead and says nothing.
    assert sql.value(hold, "boris", three) == 1024
    assert "is at work already" in sql.refusal(hold, "boris", one)[1]
    # By hand, after a node that died while the clock was ahead: the run is refused for a lease at most.
    set_clock(far)
    assert sql.value("select dunlin.renew_node('boris', %s, '2 seconds')", three)
    set_clock("+0")
    sql.run("select dunlin.look_at_clock(clock_timestamp(), 'dunlin run')")
    wait("nobody lives any more", lambda: sql.value("select count(*) from dunlin.node where until > clock_timestamp()") == 0, 4)
    assert dunlin(name, "run", os.path.join(os.path.dirname(os.path.abspath(__file__)), "desk"), "--summary", check=False).returncode == 0


@each_jump
def test_queues_are_tended(far):
    sql = fresh()
    set_clock(far)
    sql.run("select dunlin.tend_queues(clock_timestamp())")
    sql.run("select dunlin.turn_over()")
    set_clock("+0")
    sql.run("select dunlin.tend_queues(clock_timestamp())")
    assert sql.value("select clock <= clock_timestamp() and clock_timestamp() - clock < interval '5 seconds' from dunlin.tended")
    # It also sees the jump where nobody leases.
    assert sql.value("select max(at) <= clock_timestamp() from dunlin.queue_round")


@each_jump
def test_real_nodes(far):
    """Two programs; one dies while the clock is ahead, the other has all of its share within seconds."""
    sql = fresh()
    name = sql.connection.info.dbname
    running = {}

    def serve(node):
        log = open(f"{work}/{node}.log", "w")
        running[node] = subprocess.Popen([COMMAND, "serve", "--port", "0", "--set", f"engine.node={node}", "--set", "engine.lease_seconds=3", "--set",
                                          "engine.poll_ms=200", "--database", f"{SERVER} dbname={name}"], stderr=log)

    held = lambda node: sql.value("select count(*) from dunlin.bucket where node = %s", node)
    try:
        set_clock(far)
        serve("anna")
        wait("one holds all", lambda: held("anna") == 1024, 30)
        running["anna"].kill()
        running.pop("anna").wait()
        set_clock("+0")
        serve("boris")
        serve("anna")
        wait("both work", lambda: held("anna") == 512 and held("boris") == 512, 15)
        assert all(process.poll() is None for process in running.values()), open(work + "/anna.log").read()[-500:]
        running["boris"].kill()
        running.pop("boris").wait()
        wait("taken over", lambda: held("anna") == 1024, 8)
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def test_doctor_names_what_lies_ahead():
    set_clock("+0")
    sql = fresh()
    assert "ahead of the clock:" not in doctor(sql), doctor(sql)
    set_clock("+1d")
    assert sql.lease()
    sql.run("select * from dunlin.hold_buckets('anna', '11111111-0000-4000-a000-000000000000', '2 seconds', 1) limit 1")
    set_clock("+0")
    said = doctor(sql)
    for word in ("ahead of the clock:", "round", "node anna", "hand-out", "lease"):
        assert word in said, (word, said)
    sql.run("select dunlin.turn_over()")
    sql.run("select dunlin.nodes_not_ahead()")
    assert "ahead of the clock:" not in doctor(sql), doctor(sql)
    # A lease whose end the rounds have passed: planted, since none is made any more.
    task = sql.lease(worker="bert", lasting="1 second")[0]
    sql.run("delete from dunlin.hand_out where task = %s", task.task)
    sql.run("update dunlin.task_open set lease_until = clock_timestamp() - interval '10 minutes' where task = %s", task.task)
    sql.run("select dunlin.turn_over()")
    assert "are never taken back" in doctor(sql), doctor(sql)


try:
    BASE = new_database([(f"D{n}", f"A{n}", 100, 2000, "North") for n in range(60)])
    run_all(sys.modules[__name__])
finally:
    subprocess.run([*as_postgres, control, "-D", place + "/data", "-m", "immediate", "stop"], capture_output=True, cwd=place)
    shutil.rmtree(work, ignore_errors=True)
