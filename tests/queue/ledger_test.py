"""What the ledger of contacts is told in other words, and at odd hours, counts against the limits."""
import os
import shutil
import sys
import tempfile
import time

from desk import CAPPED, Client, new_database, run_all, step

ROWS = [("D1", "A1", 100, 10, "North")]
BASE = new_database(ROWS, bundle=CAPPED)


def fresh():
    return Client(new_database(None, template=BASE))


def test_a_contact_counts_however_its_channel_is_written():
    for channel, kept in (("call", "call"), ("Call ", "call"), ("CALL", "call"), ("phone", "phone"), ("letter by courier", "letter by courier")):
        sql = fresh()
        assert sql.value("select dunlin.record_contact('agency', '1', 'account', 'A1', %s, now())", channel) == "accepted"
        assert sql.value("select channel from dunlin.contact") == kept
        assert not sql.lease(), f"one call in thirty days, and it was made by `{channel}`"
        assert sql.value("select reason from dunlin.task_open o join dunlin.queue_setting s using (queue) where s.name = 'call'").startswith("limits"), channel
    # Another channel that the bundle knows is not a call.
    sql = fresh()
    assert sql.value("select dunlin.channel_known('errand') and not dunlin.channel_known('phone')")
    sql.run("select dunlin.record_contact('agency', '1', 'account', 'A1', 'errand', now())")
    assert len(sql.lease()) == 1


def test_a_day_whose_first_hour_comes_twice_begins_with_the_first():
    sql = fresh()
    begins = "select dunlin.day_begins(%s::timestamp, %s) = %s::timestamptz"
    for midnight, zone, instant in (("2026-10-25", "Atlantic/Azores", "2026-10-25 00:00Z"), ("2026-10-26", "Atlantic/Azores", "2026-10-26 01:00Z"),
                                    ("2026-03-29", "Atlantic/Azores", "2026-03-29 01:00Z"), ("2026-10-25", "Europe/Berlin", "2026-10-24 22:00Z"),
                                    ("2026-11-01", "America/Havana", "2026-11-01 04:00Z"), ("2026-07-01", "UTC", "2026-07-01 00:00Z")):
        assert sql.value(begins, midnight, zone, instant), (midnight, zone)
    with tempfile.TemporaryDirectory() as folder:
        bundle = os.path.join(folder, "azores")
        shutil.copytree(CAPPED, bundle)
        for file in os.listdir(bundle):
            if file.endswith(".dun"):
                path = os.path.join(bundle, file)
                with open(path) as text:
                    rules = text.read()
                assert "timezone  UTC" in rules and "call at most 1 in any 30 days per debtor" in rules, "the bundle of this test has changed"
                with open(path, "w") as text:
                    text.write(rules.replace("timezone  UTC", "timezone  Atlantic/Azores").replace("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"))
        base = new_database(ROWS, bundle=bundle)
        for told, at, goes in (("2026-10-25 00:10Z", "2026-10-25 00:50Z", 0), ("2026-10-25 00:10Z", "2026-10-25 12:00Z", 0), ("2026-10-25 01:10Z", "2026-10-25 12:00Z", 0),
                               ("2026-10-24 22:10Z", "2026-10-25 12:00Z", 1), ("2026-10-25 23:50Z", "2026-10-26 00:30Z", 0), ("2026-10-25 23:50Z", "2026-10-26 01:10Z", 1)):
            sql = Client(new_database(None, template=base))
            sql.run("update dunlin.task_open set not_before = '2026-10-01', wakes = null")
            sql.run("update dunlin.task_body set limits_until = 'infinity' where limits is not null")
            assert sql.value("select dunlin.record_contact('agency', '1', 'account', 'A1', 'call', %s)", told) == "accepted"
            assert len(sql.all("select * from dunlin.lease('call', 'anna', 5, at => %s)", at)) == goes, (told, at)


def test_nothing_is_given_back_for_good():
    sql = fresh()
    task = sql.lease()[0]
    for never in ("3000-01-01", "infinity"):
        code, message, _ = sql.refusal("select dunlin.release(%s, %s, %s)", task.task, task.epoch, never)
        assert code == "DU002" and "a year at most" in message, message
    assert sql.value("select dunlin.release(%s, %s, now() + interval '300 days')", task.task, task.epoch) == "ready"


def test_what_comes_back_gives_its_place_to_the_others():
    """A call is held while its account is paid, and given back: the call about the other account, which had to wait behind it, goes out now and not in thirty days."""
    name = new_database([("D1", "A1", 100, 2000, "North"), ("D1", "A2", 100, 10, "North")], bundle=CAPPED)
    sql = Client(name)
    held = sql.lease()[0]
    assert sql.lease(worker="bert") == []
    assert sql.value("select dunlin.post_event('bank', 'p1', 'payment', 'account', %s, now(), '{\"amount\": 100}')", held.key) == "accepted"
    step(name, CAPPED)
    assert sql.value("select withdrawn from dunlin.heartbeat(%s, %s)", held.task, held.epoch)
    assert sql.lease(worker="bert") == []
    assert sql.value("select dunlin.release(%s, %s)", held.task, held.epoch) == "withdrawn"
    step(name, CAPPED)
    assert [task.key for task in sql.lease(worker="bert")] == ["A2"], sql.all("select key, status, not_before, reason from dunlin.queue")


def test_a_dead_letter_takes_nobodys_place():
    """One call in thirty days: the one that is a dead letter is not made, so the call about the other account goes out now."""
    name = new_database([("D1", "A1", 100, 2000, "North"), ("D1", "A2", 100, 10, "North")], bundle=CAPPED)
    sql = Client(name)
    sql.run("update dunlin.queue_setting set returns_max = 0 where name = 'call'")
    held = sql.lease(lasting="1 millisecond")[0]
    time.sleep(0.01)
    sql.run("select dunlin.turn_over()")
    sql.run("update dunlin.contact set kind = 'none'")  # somebody knows that nobody was called
    step(name, CAPPED)
    assert sql.value("select status from dunlin.queue where task = %s", held.task) == "dead_letter"
    assert [task.key for task in sql.lease(worker="bert")] == ["A2"], sql.all("select key, status, not_before, reason from dunlin.queue")
    # Put back into line it has a place of its own again, which now is thirty days away.
    assert sql.value("select dunlin.redrive(task => %s)", held.task) == 1
    step(name, CAPPED)
    assert sql.value("select not_before > now() + interval '20 days' from dunlin.queue where task = %s", held.task)
    assert sql.lease() == []


if __name__ == "__main__":
    run_all(sys.modules[__name__])
