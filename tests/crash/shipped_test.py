"""Shipped bundles are carried over some weeks by the program itself and killed at boundaries between two writes (before a write, after it, after a commit that nobody
heard of); started again, in part killed again while it recovers. The end must be that of an undisturbed run, and the judge finds nothing.

DUNLIN_CRASH_EVERY=n takes every n-th boundary; 1 takes each. Environment: as in tests/queue/desk.py, and DUNLIN_JUDGE, the judge's program.
"""
import datetime, json, os, random, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "../queue"), os.path.join(HERE, "../backup")]
from backup_test import LEFT, left_in
from desk import COMMAND, SERVER, Client, connect, dunlin, run_all

JUDGE = os.environ["DUNLIN_JUDGE"]
EVERY = int(os.environ.get("DUNLIN_CRASH_EVERY", 0))
STRATEGIES = os.path.join(HERE, "../../strategies")
EVENTS = """select case_id, instance_id, type, at::text, raised, source, external_id, encode(body, 'hex'), payload::text as fields from dunlin.event"""
REQUESTS = "select id, case_id, kind, name, asked_at::text, status, agency, decided_at::text, payload::text as asked from dunlin.request"


def copy_of(source, name):
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {name}")
        cursor.execute(f"create database {name}" + (f" template {source}" if source else ""))
    admin.close()
    return name


def drop(name):
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {name}")
    admin.close()


def end_of(name):
    client = Client(name)
    end = {what: left_in(client, what) for what in LEFT}
    end["events"] = sorted(map(str, client.all(EVENTS)))
    end["requests"] = sorted(map(str, client.all(REQUESTS)))
    end["left in the inbox"] = sorted(map(str, client.all("select case_id, at::text, kind from dunlin.inbox")))
    client.connection.close()
    return end


def judge(name, what):
    done = subprocess.run([JUDGE, f"{SERVER} dbname={name}"], capture_output=True, text=True)
    assert done.returncode == 0, f"{what}: the judge: exit {done.returncode}\n{done.stdout}{done.stderr}"


def carry(name, words, crash_at=0):
    """Runs it; whether it was killed on its way."""
    environment = dict(os.environ, **({"DUNLIN_CRASH_AT": str(crash_at)} if crash_at else {}))
    done = subprocess.run([COMMAND, *words, "--database", f"{SERVER} dbname={name}"], capture_output=True, text=True, env=environment)
    assert done.returncode in (0, -signal.SIGKILL), f"{words} killed at {crash_at}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.returncode != 0


def killed_anywhere(base, words, every, needs, then=None):
    """`words` from the database `base` on, killed at every n-th boundary, must come to one end; in the end of `needs` there is something. `then` is done undisturbed."""
    calm = copy_of(base, base + "_calm")
    assert not carry(calm, words)
    assert not then or not carry(calm, then)
    expected = end_of(calm)
    for what in needs:
        assert expected[what], f"no {what}: this says little"
    judge(calm, "undisturbed")
    drop(calm)
    kills = again = 0
    name = base + "_killed"
    for point in range(1, 1_000_000, EVERY or every):
        copy_of(base, name)
        if not carry(name, words, point):
            break  # it has fewer boundaries than this
        kills += 1
        if kills % 3 == 0:  # killed again while it recovers: at once, or further on
            again += carry(name, words, 1 + point % 23)
        assert not carry(name, words)
        assert not then or not carry(name, then)
        end = end_of(name)
        for what in expected:
            if end[what] != expected[what]:
                only = [sorted(set(expected[what]) - set(end[what]))[:3], sorted(set(end[what]) - set(expected[what]))[:3]]
                raise AssertionError(f"killed at boundary {point}: {what}: {len(expected[what])} and {len(end[what])}, e.g. {only}")
        judge(name, f"killed at boundary {point}")
    drop(name)
    assert kills >= 5 and again >= 1, f"{kills} kills, {again} in recovery"
    print(f"      killed at {kills} of about {point} boundaries, {again} times again; " + ", ".join(f"{len(rows)} {what}" for what, rows in expected.items()))


def test_cards():
    bundle, base = f"{STRATEGIES}/card_collections", f"shipped_cards_{os.getpid()}"
    copy_of(None, base)
    dunlin(base, "import", bundle, "--generate", "150", "--months", "3")
    dunlin(base, "run", bundle, "--clock", "2005-05-27 06:00", "--summary")
    killed_anywhere(base, ["run", bundle, "--from", "2005-05-28", "--to", "2005-06-01", "--summary"], 11, ("tasks", "states", "transitions", "wakes"))
    drop(base)


def test_the_import_of_cards():
    bundle, base = f"{STRATEGIES}/card_collections", f"shipped_import_{os.getpid()}"
    copy_of(None, base)
    dunlin(base, "import", bundle, "--generate", "5", "--months", "3")
    killed_anywhere(base, ["import", bundle, "--generate", "60", "--months", "3"], 9, ("events", "states"), ["run", bundle, "--clock", "2005-06-01 06:00", "--summary"])
    drop(base)


def test_agencies():
    """Letters, requests that are answered by a pass of their own, payments and complaints."""
    bundle, base = f"{STRATEGIES}/policies/09_agencies", f"shipped_agencies_{os.getpid()}"
    dice = random.Random(5)
    first = datetime.date(2026, 5, 4)
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/accounts.csv", "w") as file:
            file.write("debtor,account,overdue,since\n")
            for n in range(60):
                file.write(f"D{n % 40},A{n},{dice.randrange(60, 3000)}.00,{first - datetime.timedelta(days=120 - dice.randrange(6))}\n")
        with open(folder + "/accounts.toml", "w") as file:
            file.write('[input]\nas_of = "2026-05-03"\n[[entity]]\nname = "debtor"\nkey = "{debtor}"\n[entity.fields]\nvulnerable = "false"\n[[entity]]\nname = "account"\n'
                       'key = "{account}"\nof = "{debtor}"\n[entity.fields]\noverdue = "{overdue}"\noverdue_since = "{since}"\n')
        with open(folder + "/events.jsonl", "w") as file:
            for n in range(40):
                account, day = dice.randrange(60), first + datetime.timedelta(days=30 + dice.randrange(10))
                more = {"event": "payment", "amount": f"{dice.randrange(5, 90)}.00"} if n % 4 else {"event": "complaint", "severity": "severe"}
                file.write(json.dumps({"key": f"A{account}", "root": f"D{account % 40}", "at": f"{day}T{8 + n % 12:02}:00:00Z", "id": f"e{n}", **more}) + "\n")
        copy_of(None, base)
        dunlin(base, "import", bundle, folder + "/accounts.csv", "--mapping", folder + "/accounts.toml")
        for day in range(4, 11):  # they enrol on the days on which they are 120 days late
            dunlin(base, "run", bundle, "--clock", f"2026-05-{day:02} 07:00", "--summary")
        dunlin(base, "import", "events", bundle, folder + "/events.jsonl")
    # Over a week the months of the notice end, the accounts are placed, and the first firms hear of complaints.
    killed_anywhere(base, ["run", bundle, "--from", "2026-06-03", "--to", "2026-06-10", "--summary"], 37, ("tasks", "states", "transitions", "requests"))
    drop(base)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
