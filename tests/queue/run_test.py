"""`dunlin run` with another version than the active one: what `dunlin apply` refuses it refuses too, and nothing has changed then. And where the clock stands."""
import datetime
import json
import os
import shutil
import sys
import tempfile
import time

from desk import BUNDLE, CAPPED, Client, bare_database, dunlin, import_accounts, new_database, run_all

ROWS = [(f"D{n}", f"A{n}", 100, n, "North") for n in range(6)]
BASE = new_database(ROWS)
FOLDER = tempfile.mkdtemp(prefix="dunlin-run-")


def fresh():
    name = new_database(None, template=BASE)
    return name, Client(name)


def changed(edit, bundle=BUNDLE):
    """The bundle with another text."""
    folder = os.path.join(tempfile.mkdtemp(dir=FOLDER), "desk")
    shutil.copytree(bundle, folder)
    path = os.path.join(folder, next(name for name in os.listdir(folder) if name.endswith(".dun")))
    with open(path) as file:
        text = file.read()
    later = edit(text)
    assert later != text
    with open(path, "w") as file:
        file.write(later)
    return folder


def refused(name, bundle, code, words, *more):
    """That it is refused, and that the database is the same as before."""
    sql = Client(name)
    kept = """select (select array_agg((number, active)::text order by number) from dunlin.bundle) as versions,
              (select array_agg(x::text order by queue) from dunlin.queue_setting x) as queues, (select array_agg(x::text order by x::text) from dunlin.limit_line x) as limits,
              (select array_agg((case_id, version, step_no, stage)::text order by case_id, instance_id) from dunlin.state) as states,
              (select count(*) from dunlin.audit) as entries"""
    before = sql.one(kept)
    done = dunlin(name, "run", bundle, "--summary", *more, check=False)
    assert done.returncode == code and words in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)
    assert sql.one(kept) == before
    return done


def active(sql):
    return sql.value("select number from dunlin.bundle where active")


def test_beside_live_nodes():
    name, sql = fresh()
    later = changed(lambda text: text.replace("cost     1.50", "cost     1.60"))
    sql.all("select * from dunlin.hold_buckets('anna', '00000000-0000-4000-a000-000000000001', interval '1 minute', 1)")
    refused(name, later, 3, "live nodes (anna)")
    dunlin(name, "run", BUNDLE, "--summary")  # the active version; nothing is due
    sql.run("select dunlin.leave_buckets('anna', '00000000-0000-4000-a000-000000000001')")
    dunlin(name, "run", later, "--summary")
    assert active(sql) == 2
    assert sql.one("select who is not null as known, starts_with(origin, 'command line on ') as placed from dunlin.audit where action = 'activate' order by id desc limit 1") == (True, True)


def test_a_stage_that_is_gone():
    name, sql = fresh()
    gone = changed(lambda text: text.replace("stage calling {", "stage dialing {"))
    said = dunlin(name, "apply", gone, "--yes", check=False)
    assert said.returncode == 1 and "stand in `soft.calling`" in said.stderr, said
    refused(name, gone, 1, "6 live instances stand in `soft.calling`")
    refused(name, gone, 1, "migrate soft.calling", "--accept-wider-limits")
    led = changed(lambda text: text.replace("stage calling {", "stage dialing {") + "\nmigrate soft.calling -> soft.dialing\n")
    dunlin(name, "run", led, "--summary")
    assert json.loads(dunlin(name, "explain", led, "A1", "--json").stdout)["stage"] == "dialing"
    dunlin(name, "run", led, "--summary")  # the same again asks nothing
    dunlin(name, "replay", "--decisions")


def test_a_value_that_does_not_fit():
    name, _ = fresh()
    needs = changed(lambda text: text.replace("client   : text", "client   : text\n  city     : text"))
    refused(name, needs, 1, "`account.city`")


def test_a_limit_that_lets_more_through():
    name = new_database(ROWS, bundle=CAPPED)
    wider = changed(lambda text: text.replace("call at most 1 in", "call at most 3 in"), CAPPED)
    refused(name, wider, 1, "--accept-wider-limits")
    dunlin(name, "run", wider, "--summary", "--accept-wider-limits")
    assert active(Client(name)) == 2
    # Back again is narrower.
    dunlin(name, "run", CAPPED, "--summary")


def test_nobody_is_there_yet():
    """Nothing is asked before the first account comes, and of the first version nothing ever."""
    name = bare_database()
    dunlin(name, "run", CAPPED, "--summary")
    dunlin(name, "run", changed(lambda text: text.replace("call at most 1 in", "call at most 3 in").replace("stage calling", "stage dialing"), CAPPED), "--summary")
    assert active(Client(name)) == 2
    name = bare_database()
    import_accounts(name, ROWS)
    dunlin(name, "run", BUNDLE, "--summary")
    assert active(Client(name)) == 1


def explained_at(name, *words):
    """In UTC, as the bundle's zone."""
    at = json.loads(dunlin(name, "explain", BUNDLE, "A1", "--json", *words).stdout)["at"]
    return datetime.datetime.fromisoformat(at.replace(" UTC", "")).replace(tzinfo=datetime.timezone.utc)


def test_a_late_event_does_not_turn_back_the_clock_of_an_explanation():
    name, sql = fresh()
    late = "select dunlin.post_event('bank', %s, 'payment', 'account', 'A2', now() - interval '2 days', '{\"amount\": 1}')"
    assert sql.value(late, "p1") == "accepted"
    apart = sql.value("select clock_timestamp()") - explained_at(name)
    assert abs(apart) < datetime.timedelta(minutes=2), apart
    # A virtual clock: it is seen where that clock stopped, whatever comes late.
    name = bare_database()
    import_accounts(name, ROWS)
    dunlin(name, "run", BUNDLE, "--clock", "2025-03-03 10:00", "--summary")
    stood = explained_at(name)
    assert stood >= datetime.datetime(2025, 3, 3, 10, 0, tzinfo=datetime.timezone.utc), stood
    Client(name).run("select dunlin.post_event('bank', 'p1', 'payment', 'account', 'A2', '2025-03-01 10:00+00', '{\"amount\": 1}')")
    assert explained_at(name) == stood, (explained_at(name), stood)


if __name__ == "__main__":
    begin = time.monotonic()
    try:
        run_all(sys.modules[__name__])
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
        print(f"      {time.monotonic() - begin:.1f} s")
