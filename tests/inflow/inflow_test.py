"""Account data written into inflow.ENTITY by other programs: taken in as by an import, noticed whoever writes it and however, and only what changed is stepped."""
import decimal
import io
import itertools
import json
import os
import pwd
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "queue"))
from desk import BUNDLE, COMMAND, SERVER, Client, dunlin, new_database, run_all, step  # noqa: E402

ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, "North") for i in range(1, 13)]
UPSERT = ("insert into inflow.account (id, debtor_id, owed, urgency, client) values (%s, %s, %s, %s, %s) "
          "on conflict (id) do update set debtor_id = excluded.debtor_id, owed = excluded.owed, urgency = excluded.urgency, client = excluded.client")


def fresh(rows=ROWS):
    name = new_database(rows)
    return name, Client(name)


def portfolio(sql):
    debtors = sql.all("select dunlin_key, id from portfolio.debtor order by 1")
    return debtors + sql.all("select a.dunlin_key, d.dunlin_key as debtor, a.owed, a.urgency, a.client from portfolio.account a join portfolio.debtor d on d.dunlin_id = a.dunlin_parent order by 1")


def steps(sql):
    return dict(sql.all("select k.key, f.step_no from dunlin.case_file f join dunlin.instance_key k on k.id = f.case_id where k.entity = 'debtor'"))


def waiting(sql):
    return sql.value("select count(*) from dunlin.inflow_waiting")


def take(name, exit_code=0):
    done = dunlin(name, "import", "--inflow", BUNDLE, "--json", check=False)
    assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
    return {t["entity"]: t for t in json.loads(done.stdout)["pulled"]}


def test_upserts_are_taken_in():
    name, sql = fresh()
    before = steps(sql)
    # One that is known with another figure, one as it is, one that is new, with its debtor behind it in the same transaction.
    sql.run("begin")
    sql.run(UPSERT, "A1", "D1", 777, 10, "North")
    sql.run(UPSERT, "A2", "D2", 200, 20, "North")
    sql.run(UPSERT, "B1", "E1", 50, 1, "South")
    sql.run("insert into inflow.debtor (id) values ('E1')")
    sql.run("commit")
    taken = take(name)
    assert {k: taken["account"][k] for k in ("rows_read", "inserted", "changed", "unchanged")} == {"rows_read": 3, "inserted": 1, "changed": 1, "unchanged": 1}, taken
    assert taken["debtor"]["inserted"] == 1 and waiting(sql) == 0
    assert sql.value("select owed from portfolio.account where id = 'A1'") == 777
    assert steps(sql).items() >= before.items(), "taking in steps nothing"
    step(name)
    after = steps(sql)
    assert {k for k in after if after[k] != before.get(k)} == {"D1", "E1"}, after
    assert sql.value("select count(*) from dunlin.task_open") == 13
    # The same again is noted by nobody; a run takes in what waits by itself.
    sql.run(UPSERT, "A1", "D1", 777, 10, "North")
    assert waiting(sql) == 0
    sql.run("update inflow.account set owed = 0 where id = 'B1'")
    step(name)
    assert sql.value("select owed from portfolio.account where id = 'B1'") == 0 and steps(sql)["E1"] == 2
    assert sql.value("select count(*) from dunlin.task_open") == 12


def test_with_the_writer():
    name, sql = fresh()
    sql.run("begin")
    sql.run(UPSERT, "A1", "D1", 5, 10, "North")
    assert waiting(Client(name)) == 0
    step(name)  # does not wait for the writer, and takes nothing of it
    sql.run("rollback")
    assert waiting(sql) == 0
    # Written late under an early number: a transaction that began first and ends last is not passed over.
    first, second = Client(name), Client(name)
    first.run("begin")
    first.run(UPSERT, "A1", "D1", 11, 10, "North")
    second.run(UPSERT, "A2", "D2", 12, 20, "North")
    take(name)
    first.run("commit")
    take(name)
    assert sql.all("select owed from portfolio.account where id in ('A1', 'A2') order by id") == [(11,), (12,)]


def test_replicated_rows():
    """What the apply worker of a subscription does: row by row, as a replica."""
    name, sql = fresh()
    sql.run("set session_replication_role = replica")
    sql.run(UPSERT, "A3", "D3", 31, 30, "North")
    sql.run("update inflow.account set owed = '32' where id = 'A3'")
    assert waiting(sql) == 2
    sql.cursor.copy_expert("copy inflow.account (id, debtor_id, owed, urgency, client) from stdin", io.StringIO("A4\tD4\t41\t40\tNorth\n"))
    assert take(name)["account"]["changed"] == 2
    assert sql.all("select owed from portfolio.account where id in ('A3', 'A4') order by id") == [(32,), (41,)]
    sql.run("delete from inflow.account where id = 'A3'")
    take(name)
    assert sql.value("select owed from portfolio.account where id = 'A3'") == 32, "what disappears stays known as it was"


def test_what_does_not_fit():
    name, sql = fresh()
    before = portfolio(sql)
    sql.run(UPSERT, "A1", "D1", "12.345", 10, "North")       # more digits than money has
    sql.run(UPSERT, "A2", "D2", None, 20, "North")           # a field that must be there
    sql.run(UPSERT, "A3", "", 1, 30, "North")                # nobody's
    sql.run(UPSERT, "A4", "D5", 400, 40, "North")            # somebody else's than before
    sql.run(UPSERT, "C1", "F1", 10, 1, "North")              # its debtor comes later
    sql.run(UPSERT, "A5", "D5", 501, 50, "North")            # and one that is good
    taken = take(name, 1)["account"]
    assert taken["rows_rejected"] == 3 and taken["set_aside"] == 2 and taken["changed"] == 1, taken
    reasons = dict(sql.all("select location, reason from dunlin.quarantine where kind = 'row'"))
    assert "inflow.account.owed" in reasons["account A1"] and "inflow.account.owed" in reasons["account A2"], reasons
    assert "debtor_id" in reasons["account A3"] and "hangs on another debtor" in reasons["account A4"] and "import that first" in reasons["account C1"], reasons
    now = portfolio(sql)
    assert [r for r in now if r not in before] == [("A5", "D5", 501, 50, "North")], now
    # They stay to be looked at, are kept once, and come in when what was wrong is mended: of itself, or of what they hang on.
    assert waiting(sql) == 5
    take(name, 1)
    assert waiting(sql) == 5 and sql.value("select count(*) from dunlin.quarantine") == 5
    sql.run("update inflow.account set owed = '12.34' where id = 'A1'")
    sql.run("insert into inflow.debtor values ('F1')")
    taken = take(name, 1)
    assert sql.value("select owed from portfolio.account where id = 'A1'") == decimal.Decimal("12.34")
    assert sql.value("select owed from portfolio.account where id = 'C1'") == 10 and waiting(sql) == 3
    sql.run("delete from inflow.account where id in ('A2', 'A3', 'A4')")
    take(name)
    assert waiting(sql) == 0


def test_who_may_write():
    name, sql = fresh()
    role = f"etl_{os.getpid()}"
    sql.run(f"create role {role} login")
    try:
        writer = Client(name)
        writer.run(f"set role {role}")
        assert writer.refusal(UPSERT, "A1", "D1", 1, 1, "x")[0] == "42501"
        assert sql.value("select dunlin.let_write(%s, '{account}', 'anna')", role) == 1
        writer.run(UPSERT, "A1", "D1", 1, 10, "North")
        assert waiting(sql) == 1
        for statement in ("insert into inflow.debtor values ('X')", "truncate inflow.account", "select * from portfolio.account", "select * from dunlin.inflow_waiting",
                          "delete from dunlin.inflow_waiting", "alter table inflow.account disable trigger all", "select dunlin.let_write('public', '{account}')"):
            assert writer.refusal(statement)[0] == "42501", statement
        assert sql.refusal("select dunlin.let_write(%s, '{nothing}')", role)[0] == "DU034"
        for nothing in ("null", "'{account,null}'"):
            assert sql.refusal(f"select dunlin.let_write(%s, {nothing})", role)[0] == "DU002"
        writer.run("update inflow.account set owed = '2' where id = 'A1'")  # what was refused took nothing away
        assert sql.value("select dunlin.stop_writing(%s, 'anna')", role) is True
        assert writer.refusal(UPSERT, "A1", "D1", 2, 10, "North")[0] == "42501"
        assert sql.value("select dunlin.stop_writing(%s)", role) is False
        for call in ("stop_writing('nobody_of_this_name')", "let_write('nobody_of_this_name', '{account}')"):
            assert sql.refusal(f"select dunlin.{call}")[0] == "DU034", call
        # Whoever does not say who they are is the login.
        sql.run("select dunlin.let_write(%s, '{account}'); select dunlin.let_write(%s, '{account,debtor}')", role, role)
        assert sql.value("select dunlin.stop_writing(%s)", role) is True
        me = sql.value("select session_user::text")
        assert sql.all("select who, action from dunlin.audit where action like '%%writ%%' order by id") == [
            ("anna", "let write"), ("anna", "stop writing"), (me, "let write"), (me, "let write"), (me, "stop writing")]
    finally:
        sql.run(f"drop owned by {role}; drop role {role}")


def test_it_ends_while_a_writer_goes_on():
    """Taking in ends though somebody writes all the time; what was written before it began is in, and the rest is taken in the next time."""
    name, sql = fresh()
    sql.run("insert into inflow.debtor select 'D' || n from generate_series(1, 12) n")
    sql.run(UPSERT, "A1", "D1", 777, 10, "North")
    stop, written = threading.Event(), []

    def write():
        writer = Client(name)
        for nth in itertools.count(1):
            if stop.is_set():
                return
            writer.run(UPSERT, "A2", "D2", 10_000 + nth, 20, "North")
            written.append(10_000 + nth)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        until(lambda: len(written) > 20)
        for _ in range(3):
            before = written[-1]
            dunlin_in_time(name, "import", "--inflow", BUNDLE)
            assert sql.value("select owed from portfolio.account where id = 'A1'") == 777
            assert before <= sql.value("select owed from portfolio.account where id = 'A2'") <= written[-1] + 1
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    take(name)
    assert sql.value("select owed from portfolio.account where id = 'A2'") == written[-1] and waiting(sql) == 0


def dunlin_in_time(name, *words):
    done = subprocess.run([COMMAND, *words, "--database", f"{SERVER} dbname={name}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_nobody_says_where_the_database_is():
    """An ordinary user runs a bundle without `--data` and `--database`: all of it is in the private database of their data folder, and nothing anywhere else."""
    with tempfile.TemporaryDirectory() as home:
        bundle, here = os.path.join(home, "desk"), os.path.join(home, "here")
        shutil.copytree(BUNDLE, bundle)
        os.mkdir(here)
        file = os.path.join(here, "accounts.csv")
        with open(file, "w") as out:
            out.write("debtor,account,owed,urgency,client\nD1,A1,100,10,North\n")
        user = {}
        if os.geteuid() == 0:  # whose data folder belongs to the machine
            nobody = pwd.getpwnam("nobody")
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for folder, _, files in os.walk(home):
                for path in [folder, *(os.path.join(folder, f) for f in files)]:
                    os.chown(path, nobody.pw_uid, nobody.pw_gid)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DUNLIN_", "PG", "XDG_"))}

        def run(*words):
            done = subprocess.run([COMMAND, *words], capture_output=True, text=True, cwd=here, timeout=120, env={**kept, "HOME": home, "XDG_DATA_HOME": os.path.join(home, "data")}, **user)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            return done.stdout

        run("import", bundle, file, "--mapping", "desk.toml")
        run("run", bundle, "--summary")
        assert "A1" in run("queue", "call", "--json")
        assert json.loads(run("import", "--inflow", bundle, "--json"))["pulled"] == []
        assert os.listdir(here) == ["accounts.csv"], os.listdir(here)
        assert os.path.exists(os.path.join(home, "data", "dunlin", "main", "data", "PG_VERSION"))


def test_a_new_version():
    """Columns come with the fields of a new version, and what is written into them is taken in."""
    name, sql = fresh()
    with tempfile.TemporaryDirectory() as folder:
        later = os.path.join(folder, "desk")
        shutil.copytree(BUNDLE, later)
        path = os.path.join(later, "desk.dun")
        with open(path) as file:
            text = file.read().replace("client   : text", "client   : text\n  city     : text?")
        with open(path, "w") as file:
            file.write(text)
        sql.run(UPSERT, "A1", "D1", 100, 10, "West")
        dunlin(name, "run", later, "--summary")
        assert sql.value("select client from portfolio.account where id = 'A1'") == "West"
        sql.run("update inflow.account set city = 'Invented Town' where id = 'A1'")
        dunlin(name, "run", later, "--summary")
        assert sql.value("select city from portfolio.account where id = 'A1'") == "Invented Town"


def test_servers_take_it_in():
    """Two nodes on one database: every row comes in once somebody looks, nobody puts an older value behind a newer one, and the steps follow."""
    name, sql = fresh()
    words = [COMMAND, "serve", "--port", "0", "--database", f"{SERVER} dbname={name}", "--set", "log.level=info"]
    nodes = [subprocess.Popen([*words, "--set", f"engine.node=n{n}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in range(2)]
    try:
        sql.run("insert into inflow.debtor select 'D' || n from generate_series(1, 12) n")
        for nth in range(1, 31):
            for key in range(1, 13):
                sql.run(UPSERT, f"A{key}", f"D{key}", nth * key, 10 * key, "North")
            time.sleep(0.05)
        sql.run("update inflow.account set owed = '0' where id = 'A7'")
        until(lambda: waiting(sql) == 0)
        assert sql.all("select id, owed from portfolio.account order by urgency") == [(f"A{k}", 0 if k == 7 else 30 * k) for k in range(1, 13)]
        until(lambda: sql.value("select count(*) from dunlin.inbox") == 0)
        assert sql.value("select count(*) from dunlin.task_open") == 11
    finally:
        for node in nodes:
            node.terminate()
        ends = [node.wait(60) for node in nodes]
    assert ends == [0, 0], ends


def test_a_server_leaves_a_newer_schema_alone():
    """A newer program has brought the schema forward: it is not this one's to write to. Said once, and what waits is taken in when the schema is ours."""
    name, sql = fresh()
    with tempfile.TemporaryFile("w+") as log:
        node = subprocess.Popen([COMMAND, "serve", "--port", "0", "--database", f"{SERVER} dbname={name}", "--set", "log.level=info"], stdout=subprocess.DEVNULL, stderr=log)

        def told(words):
            log.flush()
            with open(f"/proc/self/fd/{log.fileno()}") as text:
                return [line for line in text if words in line]

        try:
            sql.run(UPSERT, "A1", "D1", 111, 10, "North")
            until(lambda: waiting(sql) == 0)
            sql.run("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')")
            sql.run(UPSERT, "A1", "D1", 222, 10, "North")
            until(lambda: told("could not be taken in"))
            time.sleep(3)
            assert len(told("could not be taken in")) == 1 and "migrated to 900 by a newer dunlin" in told("could not be taken in")[0], told("taken in")
            assert sql.value("select owed from portfolio.account where id = 'A1'") == 111
            sql.run("delete from dunlin.schema_version where number = 900")
            until(lambda: waiting(sql) == 0)
            assert sql.value("select owed from portfolio.account where id = 'A1'") == 222
            until(lambda: told("can be taken in again"))
            # What does not fit is warned of, with how many rows it is.
            sql.run(UPSERT, "A1", "D1", "much", 10, "North")
            until(lambda: [line for line in told("rows taken in") if json.loads(line)["level"] == "warning" and json.loads(line)["set_aside"] == "1"])
        finally:
            node.terminate()
            end = node.wait(60)
    assert end == 0, end


def until(holds, seconds=90):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def test_rows_that_say_as_of_when_they_are():
    """Without a word a row is as of the look that takes it in, the newest there is. One that says as of when it is stands back behind what is known as of later."""
    name, sql = fresh()
    sql.run("insert into inflow.debtor select 'D' || n from generate_series(1, 3) n")
    for key in ("A1", "A2", "A3"):
        sql.run(UPSERT, key, "D" + key[1:], 555, 1, "North")
    sql.run("update inflow.account set dunlin_as_of = '2026-03-05 08:00' where id = 'A1'")
    sql.run("update inflow.account set dunlin_as_of = 'yesterday' where id = 'A2'")
    sql.run("update inflow.account set dunlin_as_of = '2100-01-01' where id = 'A3'")
    taken = take(name, exit_code=1)
    assert taken["account"]["rows_rejected"] == 2 and taken["account"]["changed"] == 1, taken
    assert all(r["column"] == "dunlin_as_of" for r in taken["account"]["first_rejections"]), taken
    owed = lambda key: sql.value("select owed from portfolio.account where id = %s", key)
    assert (owed("A1"), owed("A2"), owed("A3")) == (555, 200, 300)
    # Earlier than that, then later, and in the end without a word.
    sql.run("update inflow.account set owed = '1', dunlin_as_of = '2026-03-04' where id = 'A1'")
    taken = take(name, exit_code=1)
    assert taken["account"]["older"] == 1 and owed("A1") == 555, taken
    sql.run("update inflow.account set owed = '2', dunlin_as_of = '2026-03-06' where id = 'A1'")
    take(name, exit_code=1)
    assert owed("A1") == 2
    sql.run("update inflow.account set owed = '3', dunlin_as_of = null, urgency = '1' where id = 'A1'")
    sql.run("update inflow.account set dunlin_as_of = null where id in ('A2', 'A3')")
    take(name)
    assert (owed("A1"), owed("A2"), owed("A3")) == (3, 555, 555) and waiting(sql) == 0


def test_random_writers():
    """Many sessions upsert, roll back and overtake each other while rows are taken in; in the end the portfolio is what one whole import of the last rows makes
    of it, and only case files of which something changed were stepped."""
    dice = random.Random(11)
    name, sql = fresh()
    writers = [Client(name) for _ in range(4)]
    last = {row[1]: row for row in ROWS}
    open_rows = [None] * 4
    sql.run("insert into inflow.debtor select 'D' || n from generate_series(1, 20) n")
    touched = set()
    for _ in range(160):
        w = dice.randrange(4)
        move = dice.random()
        if open_rows[w] is None:
            writers[w].run("begin")
            open_rows[w] = {}
        if move < 0.6:
            key = dice.randint(1, 20)
            # Two writers of one row wait for each other; that is theirs to order.
            if any(other and other is not open_rows[w] and f"A{key}" in other for other in open_rows):
                continue
            row = (f"D{key}", f"A{key}", dice.choice([50, 75, 100 * key]), 10 * key, dice.choice(["North", "South"]))
            writers[w].run(UPSERT, row[1], row[0], *row[2:])
            open_rows[w][row[1]] = row
        elif move < 0.85:
            writers[w].run("commit")
            for key, row in open_rows[w].items():
                if last.get(key) != row:
                    touched.add(row[0])
                last[key] = row
            open_rows[w] = None
        elif move < 0.93:
            writers[w].run("rollback")
            open_rows[w] = None
        elif dice.random() < 0.5:
            take(name)
        else:
            before, changed = steps(sql), set(touched)
            step(name)
            after = steps(sql)
            stepped = {k for k in after if after[k] != before.get(k)}
            assert stepped <= changed | {f"D{n}" for n in range(13, 21)}, (stepped, changed)
            touched.clear()
    for w in range(4):
        if open_rows[w] is not None:
            writers[w].run("commit")
            last.update(open_rows[w])
    take(name)
    assert waiting(sql) == 0
    other = Client(new_database(list(last.values())))
    accounts = "select a.dunlin_key, a.owed, a.urgency, a.client, d.dunlin_key as debtor from portfolio.account a join portfolio.debtor d on d.dunlin_id = a.dunlin_parent order by 1"
    assert sql.all(accounts) == other.all(accounts)
    step(name)
    work = "select k.key, o.priority, b.treatment, b.fields from dunlin.task_open o join dunlin.task_body b using (bucket, case_id, task) join dunlin.instance_key k on k.id = o.instance_id order by 1, 3"
    assert sql.all(work) == other.all(work)
    assert len(last) > 14


if __name__ == "__main__":
    run_all(sys.modules[__name__])
