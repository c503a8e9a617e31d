"""Dates and times that people write: read in one way, by the bundle's zone and the beginning of its day, whichever command or function takes them. The bundle lives nine hours west of the
server, and its day begins at six."""
import datetime
import json
import os
import shutil
import tempfile
import zoneinfo

from desk import BUNDLE, HERE, Client, dunlin, new_database, run_all

LOCAL = zoneinfo.ZoneInfo("America/Los_Angeles")
WEST = tempfile.mkdtemp()
shutil.copy(os.path.join(BUNDLE, "desk.toml"), WEST)
with open(os.path.join(BUNDLE, "desk.dun")) as file:
    text = file.read().replace("timezone  UTC", "timezone  America/Los_Angeles").replace("day       starts 00:00", "day       starts 06:00")
with open(os.path.join(WEST, "desk.dun"), "w") as file:
    file.write(text.replace("event payment of", 'hold dispute "Dispute" for account { stops call, until lifted }\nevent payment of', 1))
ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, "North") for i in range(1, 7)]
DAY = (datetime.datetime.now(LOCAL) + datetime.timedelta(days=20)).date()
BEGINS = datetime.datetime.combine(DAY, datetime.time(6), LOCAL)
NOON = datetime.datetime.combine(DAY, datetime.time(12), LOCAL)


def fresh():
    name = new_database(ROWS, bundle=WEST)
    return name, Client(name)


def test_every_command_reads_a_date_alike():
    name, sql = fresh()
    assert sql.value("select result from dunlin.put_workers(%s)", json.dumps([{"worker": "anna"}])) == "added"
    for written, is_ in ((f"{DAY}", BEGINS), (f"{DAY} 12:00", NOON), (f"{DAY}T12:00:00Z", datetime.datetime.combine(DAY, datetime.time(12), datetime.timezone.utc))):
        dunlin(name, "contact", "stop", "--key", "A1", "--until", written, "--reason", "she asked")
        assert sql.value("select until from dunlin.contact_stop order by id desc limit 1") == is_, written
        dunlin(name, "queue", "override", "A2", "--exclude", "--until", written, "--reason", "she asked")
        assert sql.value("select until from dunlin.override where kind = 'exclude' order by id desc limit 1") == is_, written
        dunlin(name, "worker", "absent", "anna", "--until", written, "--reason", "on leave")
        assert sql.value("select until from dunlin.worker_absence order by id desc limit 1") == is_, written
        dunlin(name, "worker", "back", "anna")
        dunlin(name, "hold", "A3", "dispute", "--until", written, "--reason", "a letter")
        until = sql.value("select payload ->> 'until' from dunlin.event e join dunlin.event_type k on k.id = e.type where k.name = 'dispute.placed' order by e.seq desc limit 1")
        assert datetime.datetime.fromisoformat(until.replace("Z", "+00:00")) == is_, (written, until)
    for written in ("11/12/2026", "tomorrow", "20261112", "2026-13-01", "2026-11-31 10:00", f"{DAY} 25:00"):
        for words in (("contact", "stop", "--key", "A1"), ("queue", "override", "A2", "--exclude"), ("worker", "absent", "anna"), ("hold", "A3", "dispute")):
            done = dunlin(name, *words, "--until", written, "--reason", "x", check=False)
            assert done.returncode != 0 and "is no time" in done.stderr, (words, written, done.stderr)
        for words in (("feed", "lift", "balances", "--reason", "x", "--at"), ("feed", "status", "--at"), ("campaign", "release", "--at"), ("history", "forget", "--reason", "x", "--before")):
            done = dunlin(name, *words, written, check=False)
            assert done.returncode != 0 and "is no time" in done.stderr, (words, written, done.stderr)
    for written, is_ in (("2025-05-04", BEGINS.replace(year=2025, month=5, day=4)), ("2025-05-04 12:00", NOON.replace(year=2025, month=5, day=4))):
        done = json.loads(dunlin(name, "history", "forget", "--reason", "x", "--before", written, "--json").stdout)
        assert not done["done"] and datetime.datetime.fromisoformat(done["before"].replace(" ", "T") + ":00") == is_, (written, done)
        dunlin(name, "campaign", "release", "--at", written)


def test_one_file_by_every_road_gives_one_day():
    name, sql = fresh()
    past = datetime.datetime.now(LOCAL).date() - datetime.timedelta(days=3)
    begins = datetime.datetime.combine(past, datetime.time(6), LOCAL)
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
        file.write(f"event,key,at,id,amount\npayment,A1,{past},one,1.00\n")
    dunlin(name, "import", "events", WEST, file.name)
    dunlin(name, "bulk", "events", file.name, "--source", "list", "--reason", "a list")
    os.unlink(file.name)
    event = {"source": "many", "external_id": "one", "event": "payment", "entity": "account", "key": "A1", "at": f"{past}", "payload": {"amount": 1}}
    assert sql.value("select result from dunlin.post_events(%s)", json.dumps([event])) == "accepted"
    rows = sql.all("select at from dunlin.inbox")
    assert len(rows) == 3 and {row.at for row in rows} == {begins}, rows


def test_a_hold_that_is_over_is_none():
    name, sql = fresh()
    done = dunlin(name, "hold", "A3", "dispute", "--until", "2020-01-01", "--reason", "x", check=False)
    assert done.returncode != 0 and "over before it begins" in done.stderr, done
    assert sql.value("select count(*) from dunlin.inbox") == 0
    dunlin(name, "hold", "A3", "dispute", "--at", "2019-12-01", "--until", "2020-01-01", "--reason", "it stood then")
    assert sql.value("select at from dunlin.inbox") == datetime.datetime(2019, 12, 1, 6, tzinfo=LOCAL)


def test_what_can_never_be_is_refused_in_words():
    name, sql = fresh()
    assert sql.refusal("select dunlin.stop_contact('x', until => null)")[0] == "DU002"
    assert sql.refusal("select dunlin.stop_contact('x', entity => 'account', key => 'A1', field => 'client', value => 'North')")[0] == "DU002"
    settings = {"name": "old", "entity": "account", "queue": "call", "from_day": "2020-11-25", "to_day": "2020-11-26", "from_s": 0, "to_s": 86400, "who": "greta", "reason": "x"}
    assert "is over" in str(sql.refusal("select dunlin.campaign_start(%s, '[\"A1\"]')", json.dumps(settings)))


def test_hours_that_come_twice_or_never():
    _, sql = fresh()
    for written, is_ in (("2026-11-01 01:30", "2026-11-01T08:30:00+00:00"), ("2026-11-01", "2026-11-01T14:00:00+00:00"), ("2026-03-08", "2026-03-08T13:00:00+00:00"),
                         ("2026-03-08 02:30", "2026-03-08T10:00:00+00:00")):
        assert sql.value("select dunlin.moment(%s)", written) == datetime.datetime.fromisoformat(is_), written
    sql.run("set timezone = 'Asia/Tokyo'")
    sql.run("set datestyle = 'SQL, DMY'")
    assert sql.value("select dunlin.moment('2026-11-12 01:30') = '2026-11-12T09:30:00Z'")


if __name__ == "__main__":
    import sys

    try:
        run_all(sys.modules[__name__])
    finally:
        shutil.rmtree(WEST)
