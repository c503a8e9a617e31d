"""A database as an older program kept it, worked on by the functions of its time at several steps of the schema, is brought forward by the program.

Its files are frozen, so each step is made as it was made then. Environment: as in tests/queue/desk.py.
"""
import glob, hashlib, json, os, re, sys, threading, time, uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue"))
from desk import BUNDLE, SERVER, Client, bare_database, check_sound, dunlin, run_all

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = sorted(glob.glob(os.path.join(HERE, "../../runtime/migrations/*.sql")))
BEGIN, STATIONS = 9, (13, 18, 25)  # of the kept data; where it is worked on: before people, before their hand-out, before the months of history
# What must be the same before and after, in words that every step from the first station on has.
KEPT = {
    "events": "select bucket, case_id, at, seq, instance_id, type, source, external_id, payload::text, encode(body, 'hex') from dunlin.event",
    "keys of events": "select bucket, key from dunlin.event_key",
    "states": "select bucket, case_id, instance_id, version, strategy, stage, step_no, entered_at, encode(body, 'hex') from dunlin.state",
    "case files": "select bucket, case_id, step_no, version, wake_at, set_aside from dunlin.case_file",
    "open tasks": "select bucket, case_id, task, queue, priority, band, seq, status, marked, lease_until, lease_epoch, worker, wakes, reason from dunlin.task_open",
    "bodies": "select bucket, case_id, task, identity, rule, recipient, treatment, created_at, fields::text from dunlin.task_body",
    "tasks that are over": "select bucket, case_id, task, status, rule, created_at, done_at, reason, outcome from dunlin.task_done",
    "hand-outs": "select h.task, h.epoch, h.worker, h.leased_at, h.until from dunlin.hand_out h",
    "contacts": "select bucket, case_id, at, id, channel, kind, task, epoch, worker, outcome, source, external_id from dunlin.contact",
    "transitions": "select bucket, case_id, instance_id, at, step_no, from_stage, to_stage, rule from dunlin.transition",
    "inbox": "select bucket, at, seq, case_id, kind from dunlin.inbox",
    "quarantine": "select id, at, kind, location, reason, body, source, external_id from dunlin.quarantine",
    "stops": "select id, entity, key, reason, who, lifted_at from dunlin.contact_stop",
    "workers": "select id, name from dunlin.worker",
    "accounts": "select dunlin_bucket, dunlin_case, dunlin_id, dunlin_key, owed, urgency, client from portfolio.account",
    "audit": "select id, at, who, action, detail::text, encode(hash, 'hex') from dunlin.audit",
}


def number_of(file):
    return int(os.path.basename(file)[:3])


def take_steps(name, after, last):
    """As the program takes them: each in a transaction, noted with its checksum."""
    connection = psycopg2.connect(f"{SERVER} dbname={name}")
    with connection.cursor() as cursor:
        for file in STEPS:
            if after < number_of(file) <= last:
                with open(file) as text:
                    sql = text.read()
                cursor.execute(sql)
                cursor.execute("insert into dunlin.schema_version (number, name, checksum) values (%s, %s, %s)",
                               (number_of(file), os.path.basename(file)[:-4], hashlib.md5(sql.encode()).hexdigest()))
                connection.commit()
    connection.close()


class Work:
    """What was done by the functions of each time, and what they answered."""

    def __init__(self):
        self.posted, self.done, self.held = [], [], []

    def at(self, sql, step):
        account = lambda i: f"A{(step + i) % 40}"
        for i in range(2):
            id = f"at{step}_{i}"
            assert sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now(), '{\"amount\": 2}')", id, account(i)) == "accepted", id
            self.posted.append((id, account(i)))
        assert sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', 'nobody', now(), '{\"amount\": 2}')", f"at{step}_x") == "set_aside"
        leased = sql.all("select task, epoch from dunlin.lease('call', %s, 3, lasting => '2 hours')", f"worker{step}")
        assert len(leased) == 3, leased
        assert sql.value("select dunlin.complete(%s, %s, 'busy', external_id => %s)", leased[0].task, leased[0].epoch, f"done{step}") == "accepted"
        self.done.append((leased[0], f"done{step}"))
        sql.value("select dunlin.release(%s, %s, reason => 'later')", leased[1].task, leased[1].epoch)
        self.held.append(leased[2])
        assert sql.value("select dunlin.record_contact('agency', %s, 'account', %s, 'sms', now())", f"sms{step}", account(1)) == "accepted"
        sql.value("select dunlin.stop_contact(%s, 'account', %s)", f"asked for it at {step}", account(3))


def old_database():
    """At the last station, with what was done at each of them."""
    name, work = bare_database(), Work()
    sql = Client(name)
    sql.run("create schema dunlin; create table dunlin.schema_version (number int primary key, name text not null, checksum text not null, "
            "applied_at timestamptz not null default clock_timestamp())")
    take_steps(name, 0, BEGIN)
    with open(os.path.join(HERE, f"desk_at_{BEGIN:03}.sql")) as text:
        sql.cursor.execute(text.read())
    work.at(sql, BEGIN)
    for before, step in zip((BEGIN, *STATIONS), STATIONS):
        take_steps(name, before, step)
        work.at(sql, step)
    sql.connection.close()
    return name, work


OLD, WORK = old_database()


def kept(sql):
    return {what: sorted(map(str, sql.all(question))) for what, question in KEPT.items()}


def doctor_is_content(name):
    findings = json.loads(dunlin(name, "doctor", "--json", "--whole", check=False).stdout)["findings"]
    bad = {f["name"]: f["found"] for f in findings if not f["good"] and f["name"] != "durable"}
    assert not bad, bad
    assert any(f["name"] == "objects" for f in findings)


def goes_on(name, sql, work):
    """The bundle of then is stepped, and what workers of then hold and send again is known."""
    dunlin(name, "run", BUNDLE, "--summary")
    check_sound(sql)
    for id, account in work.posted:
        assert sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now(), '{\"amount\": 2}')", id, account) == "duplicate", id
    for task, id in work.done:
        assert sql.value("select dunlin.complete(%s, %s, 'busy', external_id => %s)", task.task, task.epoch, id) == "duplicate", id
    for task in work.held:
        assert sql.value("select dunlin.complete(%s, %s, 'no_answer')", task.task, task.epoch) == "accepted", task
    dunlin(name, "run", BUNDLE, "--summary")
    assert sql.value("select count(*) from dunlin.case_file where set_aside") == 0, sql.all("select reason from dunlin.quarantine order by id desc limit 3")
    assert sql.value("select count(*) from dunlin.inbox where at <= now()") == 0
    check_sound(sql)
    assert dunlin(name, "audit", "verify", check=False).returncode == 0


def test_nothing_is_lost_on_the_way():
    name = bare_database(template=OLD)
    sql = Client(name)
    before = kept(sql)
    assert all(before[what] for what in KEPT), [what for what in KEPT if not before[what]]
    said = {f["name"]: f["found"] for f in json.loads(dunlin(name, "doctor", "--json", check=False).stdout)["findings"]}
    assert f"migration {STATIONS[-1]} of {number_of(STEPS[-1])}" in said["schema"], said["schema"]
    dunlin(name, "history", "list")
    assert sql.value("select max(number) from dunlin.schema_version") == number_of(STEPS[-1])
    after = kept(sql)
    for what in KEPT:
        only = [sorted(set(before[what]) - set(after[what]))[:3], sorted(set(after[what]) - set(before[what]))[:3]]
        assert before[what] == after[what], f"{what}: {len(before[what])} and {len(after[what])}, e.g. {only}"
    doctor_is_content(name)
    goes_on(name, sql, WORK)
    doctor_is_content(name)


class Session(threading.Thread):
    """A node and a dialler of the old program: the one renews what it holds, the other posts, leases and completes, as long as it is let."""

    def __init__(self, name):
        super().__init__()
        self.name_, self.id, self.over = name, str(uuid.uuid4()), threading.Event()
        self.posted, self.done, self.refused, self.rounds = [], [], [], 0
        self.sql = Client(name)
        self.sql.run("set statement_timeout = '20 s'")
        assert len(self.sql.all("select * from dunlin.hold_buckets('old', %s::uuid, '10 seconds', 1)", self.id)) == 1024

    def ask(self, sql, *values):
        try:
            return self.sql.all(sql, *values)
        except psycopg2.Error as error:
            self.refused.append((error.pgcode, str(error).strip().split("\n")[0]))
            return []

    def run(self):
        while not self.over.is_set():
            self.rounds += 1
            id = f"beside{self.rounds}"
            if [r[0] for r in self.ask("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now(), '{\"amount\": 2}')", id, f"A{self.rounds % 40}")] == ["accepted"]:
                self.posted.append((id, f"A{self.rounds % 40}"))
            for task in self.ask("select task, epoch from dunlin.lease('call', 'berta', 1)"):
                if [r[0] for r in self.ask("select dunlin.complete(%s, %s, 'busy', external_id => %s)", task.task, task.epoch, id)] == ["accepted"]:
                    self.done.append((task, id))
            self.ask("select dunlin.renew_node('old', %s::uuid, '10 seconds')", self.id)
            time.sleep(0.02)


def test_somebody_works_meanwhile():
    name = bare_database(template=OLD)
    session = Session(name)
    session.start()
    try:
        while session.rounds < 3:
            time.sleep(0.02)
        dunlin(name, "history", "list")
        rounds = session.rounds
        while session.rounds < rounds + 3 and session.is_alive():
            time.sleep(0.02)
    finally:
        session.over.set()
        session.join()
    print(f"      {session.rounds} rounds, {len(session.posted)} events, {len(session.done)} tasks, {len(session.refused)} refusals: {sorted(set(session.refused))[:4]}")
    # Somebody who is in the way of a step, or whom a step is in the way of, is told to try again; nothing else may be said. A call that was under way while a step took a
    # function of its inside away (036 takes the insides of lease and complete away) is refused by the server itself, each step once at most.
    gone = [message for state, message in session.refused if state == "42883" and "function dunlin." in message]
    assert len(gone) <= 2 and all(state in ("40P01", "40001", "55P03") for state, message in session.refused if message not in gone), session.refused
    sql = Client(name)
    for id, _ in session.posted:
        assert sql.value("select count(*) from dunlin.event where source = 'bank' and external_id = %s", id) == 1, id
    for task, id in session.done:
        assert sql.value("select count(*) from dunlin.event where source = 'queue' and external_id = %s", id) == 1, id
    # What the old node holds nobody steps until it has left.
    said = dunlin(name, "run", BUNDLE, "--summary", check=False)
    assert said.returncode != 0 and "live nodes (old)" in said.stdout + said.stderr, said
    sql.run("select dunlin.leave_buckets('old', %s::uuid)", session.id)
    work = Work()
    work.posted, work.done, work.held = WORK.posted + session.posted, WORK.done + session.done, WORK.held
    doctor_is_content(name)
    goes_on(name, sql, work)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
