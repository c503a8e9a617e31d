"""People at the queues: schedules, skills, territories, capacity, absence, day lists, overrides, merging, registers. What a worker may have is worked out
here once more, in Python, and compared with what the database hands out."""
import datetime
import json
import os
import random
import threading
import time

from desk import CAPPED, Client, check_sound, dunlin, new_database, run_all, step

ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, ["North", "South", "East"][i % 3]) for i in range(1, 61)] + \
       [(f"D{i}", f"A{i}b", 55, 5 * i, ["North", "South", "East"][i % 3]) for i in range(1, 31)]
BASE = new_database(ROWS)
UTC = datetime.timezone.utc
MONDAY = (datetime.datetime.now(UTC) + datetime.timedelta(days=8)).replace(hour=10, minute=0, second=0, microsecond=0)
MONDAY -= datetime.timedelta(days=MONDAY.weekday())


def fresh():
    name = new_database(None, template=BASE)
    return name, Client(name)


def put(sql, *rows):
    answers = sql.all("select * from dunlin.put_workers(%s, 'test')", json.dumps(list(rows)))
    assert all(a.result != "refused" for a in answers), answers


def lease(sql, worker, at, n=1, queue="call"):
    return sql.all("select * from dunlin.lease(%s, %s, %s, at => %s)", queue, worker, n, at)


def refused(sql, worker, at, queue="call"):
    return sql.refusal("select * from dunlin.lease(%s, %s, 1, at => %s)", queue, worker, at)


def places(sql):
    """Regions are the clients of the desk; three territories."""
    sql.run("create or replace view dunlin.instance_region as select dunlin_bucket as bucket, dunlin_case as case_id, dunlin_id as id, client::text as region from portfolio.account")
    sql.run("insert into dunlin.territory (name, regions) values ('north', '{North}'), ('rest', '{South,East}')")


# ---- schedules ----

def test_hours_of_people():
    _, sql = fresh()
    put(sql, {"worker": "anna", "schedule": "5/2 from 9 to 18"}, {"worker": "bert", "schedule": f"2/2 from 07:00 to 19:00 since {MONDAY.date()}"},
        {"worker": "nora", "schedule": f"1/2 from 22 to 06:30 since {MONDAY.date()}"})
    saturday = MONDAY + datetime.timedelta(days=5)
    assert len(lease(sql, "anna", MONDAY)) == 1
    code, message, hint = refused(sql, "anna", saturday)
    assert code == "DU041" and "anna" in message and str((MONDAY + datetime.timedelta(days=7)).date()) in hint, (message, hint)
    assert refused(sql, "anna", MONDAY.replace(hour=18))[0] == "DU041"  # the end is outside
    assert refused(sql, "anna", MONDAY.replace(hour=8, minute=59))[0] == "DU041"
    days = [not isinstance(days_try(sql, "bert", MONDAY + datetime.timedelta(days=d)), tuple) for d in range(8)]
    assert days == [True, True, False, False, True, True, False, False], days
    # Over midnight: Monday's night ends on Tuesday morning.
    assert len(lease(sql, "nora", MONDAY.replace(hour=23))) == 1
    assert len(lease(sql, "nora", (MONDAY + datetime.timedelta(days=1)).replace(hour=6))) == 1
    assert refused(sql, "nora", (MONDAY + datetime.timedelta(days=1)).replace(hour=23))[0] == "DU041"
    # Holidays of the calendar, and a day that is not as the schedule says.
    sql.run("insert into dunlin.schedule (name, odd_days) values ('', %s) on conflict (name) do update set odd_days = excluded.odd_days", [MONDAY.date(), saturday.date()])
    assert refused(sql, "anna", MONDAY)[0] == "DU041"
    assert len(lease(sql, "anna", saturday)) == 1
    sql.run("select dunlin.set_exception('anna', %s, '20:00-22:00', 'stock-taking')", MONDAY.date())
    assert refused(sql, "anna", MONDAY)[0] == "DU041" and len(lease(sql, "anna", MONDAY.replace(hour=21))) == 1
    sql.run("select dunlin.set_exception('anna', %s, null, 'off')", saturday.date())
    assert refused(sql, "anna", saturday)[0] == "DU041"
    # A schedule of the bundle: the first group of days that fits, closed days, its own zone.
    sql.run("insert into dunlin.schedule (name, hours, closed, zone) values ('office', %s, 64, 'Asia/Tokyo')",
            json.dumps([{"from": 32400, "to": 64800, "weekdays": 127, "working": True}, {"from": 36000, "to": 43200, "weekdays": 127, "working": False}]))
    put(sql, {"worker": "ken", "schedule": "office"})
    assert len(lease(sql, "ken", MONDAY.replace(hour=1))) == 1  # 10:00 in Tokyo
    assert refused(sql, "ken", MONDAY.replace(hour=10))[0] == "DU041"
    assert len(lease(sql, "ken", saturday.replace(hour=2))) == 1 and refused(sql, "ken", saturday.replace(hour=4))[0] == "DU041"
    assert refused(sql, "ken", (saturday + datetime.timedelta(days=1)).replace(hour=2))[0] == "DU041"


def days_try(sql, worker, at):
    try:
        return lease(sql, worker, at)
    except Exception as error:  # noqa: BLE001 - what it is, the caller looks at
        return (error,)


def test_rows_that_are_wrong_are_refused_alone():
    _, sql = fresh()
    answers = sql.all("select * from dunlin.put_workers(%s)", json.dumps([
        {"worker": "anna", "schedule": "sometimes"}, {"worker": "bert", "schedule": "2/2 from 7 to 19"}, {"worker": ""}, {"worker": "carl", "skills": "soft"},
        {"worker": "dora", "capacity": "many"}, {"worker": "emil", "queues": "cal"}, {"worker": "fred", "territories": "moon"}, {"worker": "gina", "colour": "red"},
        {"worker": "hans", "timezone": "Mars/Base"}, {"worker": "ines", "schedule": "5/2 from 9 to 18", "capacity": "12", "skills": "soft 2026-01-10; hard 2026-02-01..2026-03-01"}]))
    assert [a.result for a in answers] == ["refused"] * 9 + ["added"], answers
    assert all(a.message for a in answers[:9])
    assert sql.value("select count(*) from dunlin.worker where name in ('anna', 'bert', 'gina')") == 0
    assert sql.value("select count(*) from dunlin.worker_skill") == 2
    for call in ("select dunlin.set_absence('anna', now(), now() + interval '1 day', 'ill')", "select dunlin.end_absence('ines')",
                 "select dunlin.set_exception('ines', current_date, '25-26', 'x')"):
        assert sql.refusal(call)[0] in ("DU034", "DU002"), call


# ---- who may have what ----

def test_needs_capacity_absence():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set needs = %s where name = 'call'", json.dumps([{"kind": "skill", "name": "soft"}, {"kind": "test", "name": "contact rules", "within": "365 days"}]))
    put(sql, {"worker": "anna", "skills": "soft 2020-01-01", "capacity": "3"})
    code, message, _ = refused(sql, "anna", MONDAY)
    assert code == "DU042" and 'test "contact rules" within 365 days' in message, message
    put(sql, {"worker": "anna", "tests": f"contact rules {(MONDAY - datetime.timedelta(days=366)).date()}"})
    assert refused(sql, "anna", MONDAY)[0] == "DU042"
    put(sql, {"worker": "anna", "tests": f"contact rules {(MONDAY - datetime.timedelta(days=365)).date()}"})
    assert refused(sql, "stranger", MONDAY)[0] == "DU042"
    mine = lease(sql, "anna", MONDAY, 2)
    assert len(mine) == 2 and len(lease(sql, "anna", MONDAY, 5)) == 1
    code, message, _ = refused(sql, "anna", MONDAY)
    assert code == "DU043", message
    # What was ended today still counts, what is given back does not, and tomorrow is another day.
    sql.run("select dunlin.complete(%s, %s, 'busy', at => %s)", mine[0].task, mine[0].epoch, MONDAY)
    assert refused(sql, "anna", MONDAY)[0] == "DU043"
    sql.run("select dunlin.release(%s, %s)", mine[1].task, mine[1].epoch)
    assert len(lease(sql, "anna", MONDAY, 5)) == 1
    put(sql, {"worker": "anna", "tests": f"contact rules {MONDAY.date()}"})
    assert len(lease(sql, "anna", MONDAY + datetime.timedelta(days=1), 5)) == 1  # two are still held
    sql.run("select dunlin.set_absence('anna', now() - interval '1 hour', now() + interval '90 days', 'ill', 'head')")
    assert sql.value("select count(*) from dunlin.queue where worker = 'anna' or assigned = 'anna'") == 0
    code, message, _ = refused(sql, "anna", MONDAY)
    assert code == "DU040" and "absent" in message
    assert sql.value("select count(*) from dunlin.audit where action = 'worker absent' and who = 'head'") == 1
    sql.run("select dunlin.end_absence('anna')")
    check_sound(sql)


def test_territories_skills_and_who_had_the_promise():
    _, sql = fresh()
    places(sql)
    sql.run("update dunlin.queue_setting set ways = '{territory}' where name = 'call'")
    put(sql, {"worker": "anna", "territories": "north"}, {"worker": "bert", "territories": "north;rest"}, {"worker": "carl"})
    region = {row[1]: row[4] for row in ROWS}
    mine = lease(sql, "anna", MONDAY, 20)
    assert len(mine) == 20 and {region[t.key] for t in mine} == {"North"}
    assert lease(sql, "carl", MONDAY, 5) == []
    assert {region[t.key] for t in lease(sql, "bert", MONDAY, 60)} == {"North", "South", "East"}
    # A treatment that is a skill goes to who has it.
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set ways = '{skill}' where name = 'call'")
    assert len(lease(sql, "carl", MONDAY)) == 1
    put(sql, {"worker": "anna", "skills": "script 2020-01-01"})
    assert lease(sql, "carl", MONDAY) == [] and len(lease(sql, "anna", MONDAY)) == 1
    # Who had the promise keeps the account, if they are there.
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set ways = '{sticky}', sticky_on = 'call.reached.refuses' where name = 'call'")
    put(sql, {"worker": "anna", "schedule": "5/2 from 9 to 18"}, {"worker": "bert"})
    sql.run("""insert into dunlin.contact (bucket, case_id, instance_id, at, channel, kind, worker, outcome, source)
               select o.bucket, o.case_id, o.instance_id, now() - interval '3 days', 'call', 'conversation', (select id from dunlin.worker where name = 'anna'), 'call.reached.refuses', 'test'
               from dunlin.task_open o join dunlin.instance_key k on k.id = o.instance_id where k.key = 'A60'""")
    assert "A60" not in [t.key for t in lease(sql, "bert", MONDAY, 5)]
    assert "A60" in [t.key for t in lease(sql, "anna", MONDAY, 1 + 84)]
    check_sound(sql)


# ---- day lists ----

def fill(sql, at):
    return sql.value("select dunlin.fill_day_lists(%s)", at)


def test_day_lists():
    _, sql = fresh()
    put(sql, {"worker": "anna", "schedule": "5/2 from 9 to 18", "capacity": "5", "queues": "call"}, {"worker": "bert", "capacity": "7", "queues": "call"})
    early = MONDAY.replace(hour=6)
    assert fill(sql, early) == 12
    assert fill(sql, early) == 0  # filled is filled
    assert fill(sql, MONDAY) == 0
    assert sql.all("select assigned, count(*) from dunlin.queue where listed is not null group by 1 order by 1") == [("anna", 5), ("bert", 7)]
    first = sql.all("select priority from dunlin.queue where status = 'ready' order by priority desc limit 12")
    assert sum(r.priority for r in first) == sum(r.priority for r in sql.all("select priority from dunlin.queue where listed is not null"))
    # Anna gets from her list, in order; nobody else does.
    listed = {r.key for r in sql.all("select key from dunlin.queue where assigned = 'anna'")}
    task = lease(sql, "anna", MONDAY)[0]
    assert task.key in listed
    assert not listed & {t.key for t in lease(sql, "carl", MONDAY, 50)}
    # What ends makes no room: five a day are five a day. What is withdrawn does.
    sql.run("select dunlin.complete(%s, %s, 'busy', at => %s)", task.task, task.epoch, MONDAY)
    assert fill(sql, MONDAY) == 0
    gone = sql.value("select task from dunlin.queue where assigned = 'anna' limit 1")
    sql.run("select dunlin.withdraw(%s, 'paid')", gone)
    assert fill(sql, MONDAY) == 1
    assert sql.value("select count(*) from dunlin.queue where assigned = 'anna'") == 4
    # Absent: all of it moves, bert has no room, so it is for everybody.
    held = lease(sql, "anna", MONDAY)[0]
    sql.run("insert into dunlin.worker_absence (worker, since, until, reason, who) select id, %s, %s, 'ill', 'head' from dunlin.worker where name = 'anna'",
            MONDAY, MONDAY + datetime.timedelta(days=2))
    fill(sql, MONDAY + datetime.timedelta(minutes=1))
    assert sql.value("select count(*) from dunlin.queue where worker = 'anna' or assigned = 'anna'") == 0
    assert sql.refusal("select dunlin.complete(%s, %s, 'busy')", held.task, held.epoch)[0] == "DU011"
    # The next day the list of the day before is over.
    fill(sql, MONDAY + datetime.timedelta(days=1))
    assert sql.value("select min(listed) from dunlin.queue where assigned = 'bert'") == (MONDAY + datetime.timedelta(days=1)).date()
    assert sql.value("select count(*) from dunlin.queue where assigned = 'bert'") == 7
    check_sound(sql)


def test_what_stood_on_a_list_is_given_to_others():
    """A task on somebody's list of the day may be given to all again, or to somebody else: it stands on no list then."""
    _, sql = fresh()
    put(sql, {"worker": "anna", "capacity": "5", "queues": "call"}, {"worker": "bert", "capacity": "7", "queues": "call"})
    fill(sql, MONDAY)
    whose = sql.all("select task, assigned from dunlin.queue where listed is not null order by task limit 3")
    assert len(whose) == 3, whose
    other = "bert" if whose[1].assigned == "anna" else "anna"
    for (task, _), to in zip(whose, (None, other, whose[2].assigned)):
        assert sql.value("select dunlin.reassign(%s, %s, 'a holiday', 'boss')", task, to) == ("unchanged" if task == whose[2].task else "reassigned")
    now = [sql.one("select assigned, listed is not null as listed from dunlin.queue where task = %s", task) for task, _ in whose]
    assert [tuple(row) for row in now] == [(None, False), (other, False), (whose[2].assigned, True)], now
    check_sound(sql)


def test_the_engine_looks_after_the_lists():
    _, sql = fresh()
    put(sql, {"worker": "anna", "capacity": "5", "queues": "call"})
    sql.run("select dunlin.tend_queues(%s)", MONDAY)
    assert sql.value("select count(*) from dunlin.queue where assigned = 'anna'") == 5
    # Who has no list any more has none at the next look, which at the same moment is none.
    put(sql, {"worker": "anna", "queues": ""})
    sql.run("select dunlin.tend_queues(%s)", MONDAY)
    assert sql.value("select count(*) from dunlin.queue where assigned = 'anna'") == 5
    sql.run("select dunlin.tend_queues(%s)", MONDAY + datetime.timedelta(minutes=1))
    assert sql.value("select count(*) from dunlin.queue where assigned = 'anna'") == 0
    assert not sql.value("select lists from dunlin.tended")


def test_least_loaded_and_one_operator():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set ways = '{load,one_operator}' where name = 'call'")
    put(sql, {"worker": "anna", "capacity": "10", "queues": "call"}, {"worker": "bert", "capacity": "30", "queues": "call"})
    sql.run("insert into dunlin.worker_day (worker, day, queue, ended) select w.id, %s, s.queue, 5 from dunlin.worker w, dunlin.queue_setting s where w.name = 'anna' and s.name = 'errand'",
            MONDAY.date())
    assert fill(sql, MONDAY) == 35
    assert sql.all("select assigned, count(*) from dunlin.queue where listed is not null group by 1 order by 1") == [("anna", 5), ("bert", 30)]
    several = sql.all("""select o.case_id from dunlin.task_open o where o.listed is not null group by 1 having count(distinct o.assigned) > 1""")
    assert not several, several


# ---- overrides ----

def test_overrides():
    _, sql = fresh()
    until = MONDAY + datetime.timedelta(days=30)
    put(sql, {"worker": "anna"}, {"worker": "bert"})
    sql.run("select dunlin.set_override('account', 'A60', 'exclude', null, %s, 'the court looks at it', who => 'head')", until)
    sql.run("select dunlin.set_override('account', 'A59', 'worker', 'bert', %s, 'knows them', who => 'head')", until)
    sql.run("select dunlin.set_override('account', 'A1', 'priority', '5000', %s, 'the owner asks', who => 'head')", until)
    assert [t.key for t in lease(sql, "anna", MONDAY, 3)] == ["A1", "A58", "A57"]
    assert "the court looks at it" in sql.value("select reason from dunlin.queue where key = 'A60'")
    task, other = sql.value("select task from dunlin.queue where key = 'A59'"), sql.value("select task from dunlin.queue where key = 'A56'")
    lines = {r.what: r for r in sql.all("select * from dunlin.why(%s, %s)", task, other)}
    assert "bert" in lines["override"].this and "knows them" in lines["override"].this, lines
    assert [t.key for t in lease(sql, "bert", MONDAY, 1)] == ["A59"]
    assert sql.value("select count(*) from dunlin.audit where action = 'override' and who = 'head'") == 3
    # A second one of a kind takes the place of the first; a lifted one lets go.
    sql.run("select dunlin.lift_override((select id from dunlin.override where kind = 'exclude'), 'head')")
    assert [t.key for t in lease(sql, "anna", MONDAY, 1)] == ["A60"]
    number = sql.value("select dunlin.set_override('account', 'A2', 'priority', '6000', now() + interval '0.2 s', 'short')")
    assert sql.value("select priority from dunlin.queue where key = 'A2'") == 6000
    sql.run("select pg_sleep(0.3)")
    sql.run("select dunlin.apply_priorities()")
    assert sql.value("select lifted_at is not null from dunlin.override where id = %s", number)
    # The debtor's is for all accounts below.
    sql.run("select dunlin.set_override('debtor', 'D3', 'exclude', null, %s, 'a lawyer writes')", until)
    assert not {"A3", "A3b"} & {t.key for t in lease(sql, "anna", MONDAY, 500)}
    for call, code in {"select dunlin.set_override('account', 'A1', 'stage', 'x', now() + interval '1 day', 'x')": "DU034",
                       "select dunlin.set_override('account', 'A1', 'colour', 'x', now() + interval '1 day', 'x')": "DU002",
                       "select dunlin.set_override('account', 'A1', 'exclude', null, now() - interval '1 day', 'x')": "DU002",
                       "select dunlin.set_override('account', 'A1', 'exclude', null, now() + interval '1 day', '')": "DU002",
                       "select dunlin.set_override('account', 'A1', 'worker', 'nobody', now() + interval '1 day', 'x')": "DU034",
                       "select dunlin.set_override('account', 'A999', 'exclude', null, now() + interval '1 day', 'x')": "DU034",
                       "select dunlin.lift_override(4711)": "DU034"}.items():
        assert sql.refusal(call)[0] == code, call
    check_sound(sql)


# ---- late ----

def test_who_is_late_is_told_once():
    _, sql = fresh()
    sql.run("update dunlin.queue_setting set late_whom = 'head_of(worker)', late_text = 'hurry' where name = 'call'")
    put(sql, {"worker": "anna", "head": "greta"})
    task = lease(sql, "anna", MONDAY)[0]
    sql.run("update dunlin.task_open set due = %s where task = %s", MONDAY + datetime.timedelta(hours=1), task.task)
    assert sql.value("select dunlin.tell_late(%s)", MONDAY) == 0
    assert sql.value("select dunlin.tell_late(%s)", MONDAY + datetime.timedelta(hours=1)) == 1
    assert sql.value("select dunlin.tell_late(%s)", MONDAY + datetime.timedelta(hours=2)) == 0
    note = sql.one("select whom, body from dunlin.note")
    assert note.whom == "greta" and note.body.startswith("hurry: late since") and "A60" in note.body and "anna" in note.body, note


# ---- registers ----

def test_registers_and_statuses_by_number():
    name, sql = fresh()
    sql.run("update dunlin.queue_setting set batch_at = 16 * 3600, register_name = 'f103', by_barcode = true, check_digit = 8 where name = 'call'")
    sql.run("insert into dunlin.number_range (queue, prefix, suffix, low, high, digits, next) select queue, 'RR', 'DE', 47312482, 47312541, 8, 47312482 from dunlin.queue_setting where name = 'call'")
    assert sql.value("select dunlin.printed_number('RR', '47312482', 'DE', 8::int2)") == "RR473124829DE"  # the example of the standard
    assert sql.value("select dunlin.printed_number('', '4006381333931'::varchar(12), '', 10::int2)") == "4006381333931"
    assert refused(sql, "anna", MONDAY)[0] == "DU044"
    # Before the hour it is yesterday's, once; what nobody had asked for by then is not in it.
    at = MONDAY.replace(hour=16)
    late = sql.value("select task from dunlin.queue where key = 'A60'")
    sql.run("update dunlin.task_body set created_at = %s where task = %s", at - datetime.timedelta(hours=1), late)
    sunday = (MONDAY - datetime.timedelta(days=1)).date()
    assert sql.value("select dunlin.make_registers(%s)", MONDAY.replace(hour=15, minute=59)) == 1
    assert sql.value("select dunlin.make_registers(%s)", MONDAY.replace(hour=15, minute=59)) == 0
    assert sql.one("select day, items, left_behind from dunlin.register") == (sunday, 60, 29)
    items = sql.all("select * from dunlin.register_of('call')")
    # Sixty numbers for ninety letters, the most urgent first; the rest waits for more numbers.
    assert len(items) == 60 and len({i.number for i in items}) == 60 and items[0].key == "A59" and items[0].number == "RR473124829DE"
    assert sql.value("select count(*) from dunlin.contact where kind = 'attempt'") == 60
    sql.run("insert into dunlin.number_range (queue, low, high, digits, next) select queue, 7, 100, 8, 7 from dunlin.queue_setting where name = 'call'")
    assert sql.value("select dunlin.make_registers(%s)", at) == 1 and sql.value("select dunlin.make_registers(%s)", at + datetime.timedelta(hours=7)) == 0
    assert sql.value("select count(*) from dunlin.register_of('call')") == 30 and late in [r.task for r in sql.all("select task from dunlin.register_item")]
    # Statuses by number, spaces in it or not; again is a duplicate; a later one of the same item is one more event.
    when = at + datetime.timedelta(days=3)
    rows = [{"number": "RR 4731 2482 9 DE", "status": "busy", "at": when.isoformat()}, {"number": "RR473124829DE", "status": "busy", "at": when.isoformat()},
            {"number": "RR000000000XX", "status": "busy"}, {"number": items[1].number, "status": "lost"},
            {"number": "RR473124829DE", "status": "friend", "at": (when + datetime.timedelta(days=1)).isoformat()}]
    answers = sql.all("select * from dunlin.post_statuses('call', %s)", json.dumps(rows))
    assert [(a.result, a.code) for a in answers] == [("accepted", None), ("duplicate", None), ("refused", "DU050"), ("refused", "DU020"), ("accepted", None)], answers
    assert sql.value("select count(*) from dunlin.event where source = 'queue'") == 2
    assert sql.value("select outcome from dunlin.task_done where task = (select task from dunlin.register_item where number = %s)", items[0].number) == "call.missed.busy"
    assert sql.refusal("select * from dunlin.register_of('errand')")[0] == "DU050"
    assert sql.refusal("select dunlin.post_status('errand', 'x', 'y')")[0] == "DU051"
    check_sound(sql)


# ---- random people ----

class Oracle:
    """What a worker may have, from the figures they were made with."""

    def __init__(self, rng, name):
        self.name = name
        self.kind = rng.choice(["none", "week", "rotation"])
        self.from_h, self.to_h = rng.choice([(9, 18), (7, 19), (20, 4)])
        self.on, self.off = rng.randint(1, 3), rng.randint(1, 3)
        self.since = (MONDAY - datetime.timedelta(days=rng.randint(0, 5))).date()
        self.capacity = rng.choice([None, 2, 4, 9])
        self.listed = self.capacity is not None and rng.random() < 0.6
        self.soft_from = rng.choice([None, MONDAY.date() - datetime.timedelta(days=400), MONDAY.date(), MONDAY.date() + datetime.timedelta(days=3)])
        self.territories = rng.choice([["north"], ["rest"], ["north", "rest"]])
        self.away = None
        self.ended = {}

    def row(self):
        schedule = {"none": "", "week": f"5/2 from {self.from_h} to {self.to_h}", "rotation": f"{self.on}/{self.off} from {self.from_h} to {self.to_h} since {self.since}"}
        return {"worker": self.name, "schedule": schedule[self.kind], "capacity": str(self.capacity or "") if self.capacity is not None else "",
                "queues": "call" if self.listed else "", "skills": f"soft {self.soft_from}" if self.soft_from else "", "territories": ";".join(self.territories)}

    def works_on(self, day):
        if self.kind == "week":
            return day.weekday() < 5
        return day >= self.since and (day - self.since).days % (self.on + self.off) < self.on

    def shift(self, at):
        """The day of the shift that `at` lies in; None: none."""
        if self.kind == "none":
            return at.date()
        for back in (1, 0):
            day = at.date() - datetime.timedelta(days=back)
            if not self.works_on(day):
                continue
            opens = datetime.datetime.combine(day, datetime.time(self.from_h), UTC)
            closes = datetime.datetime.combine(day + datetime.timedelta(days=int(self.to_h <= self.from_h)), datetime.time(self.to_h), UTC)
            if opens <= at < closes:
                return day
        return None

    def absent(self, at):
        return self.away is not None and self.away[0] <= at < self.away[1]

    def why_not(self, at):
        if self.absent(at):
            return "DU040"
        if self.shift(at) is None:
            return "DU041"
        if self.soft_from is None or self.soft_from > self.shift(at) or (self.shift(at) - self.soft_from).days > 365:
            return "DU042"
        return None


def test_random_people_get_what_they_may_have():
    for seed in range(int(os.environ.get("DUNLIN_SEEDS", "3"))):
        rng = random.Random(seed)
        _, sql = fresh()
        places(sql)
        sql.run("update dunlin.queue_setting set needs = %s, ways = %s where name = 'call'", json.dumps([{"kind": "skill", "name": "soft", "within": "365 days"}]),
                rng.choice([["territory"], ["territory", "load"], ["territory", "one_operator"]]))
        people = [Oracle(rng, f"w{i}") for i in range(7)]
        put(sql, *[p.row() for p in people])
        region = {row[1]: "north" if row[4] == "North" else "rest" for row in ROWS}
        held = {p.name: {} for p in people}
        at = MONDAY.replace(hour=0)
        for turn in range(60):
            at += datetime.timedelta(minutes=rng.choice([1, 10, 60, 400]))
            person = rng.choice(people)
            what = rng.choice(["lease", "lease", "lease", "complete", "release", "fill", "absent", "back"])
            place = f"seed {seed}, turn {turn}: {what} {person.name} at {at}"
            if what == "lease":
                n = rng.randint(1, 4)
                why_not = person.why_not(at)
                day = person.shift(at)
                room = None if person.capacity is None else person.capacity - person.ended.get(day, 0) - len(held[person.name])
                if why_not or (room is not None and room <= 0):
                    code = refused(sql, person.name, at)[0]
                    assert code == (why_not or "DU043"), f"{place}: {code}, not {why_not or 'DU043'}"
                    continue
                tasks = lease(sql, person.name, at, n)
                assert len(tasks) <= (n if room is None else min(n, room)), place
                for task in tasks:
                    assert region[task.key] in person.territories, f"{place}: {task.key}"
                    assert all(task.task not in other for other in held.values()), place
                    held[person.name][task.task] = task.epoch
            elif what in ("complete", "release") and held[person.name]:
                task = rng.choice(sorted(held[person.name]))
                epoch = held[person.name].pop(task)
                if what == "complete":
                    day = sql.value("select dunlin.working_day(w, %s) from dunlin.worker w where name = %s", at, person.name)
                    sql.run("select dunlin.complete(%s, %s, 'busy', at => %s)", task, epoch, at)
                    person.ended[day] = person.ended.get(day, 0) + 1
                else:
                    sql.run("select dunlin.release(%s, %s)", task, epoch)
            elif what == "absent" and not person.away:
                person.away = (at, at + datetime.timedelta(hours=rng.choice([1, 10, 40])))
                sql.run("insert into dunlin.worker_absence (worker, since, until, reason, who) select id, %s, %s, 'away', 'test' from dunlin.worker where name = %s", *person.away, person.name)
                fill(sql, at)
            elif what == "back" and person.away:
                person.away = None
                sql.run("update dunlin.worker_absence set cancelled_at = clock_timestamp() where worker = (select id from dunlin.worker where name = %s)", person.name)
            elif what == "fill":
                fill(sql, at)
                assert fill(sql, at) == 0, f"{place}: filled twice"
            if what in ("fill", "absent"):
                for p in people:
                    if p.absent(at):
                        held[p.name].clear()
                        assert sql.value("select count(*) from dunlin.queue where worker = %s or assigned = %s", p.name, p.name) == 0, f"{place}: {p.name} holds something"
                    listed = sql.all("select key, status, listed from dunlin.queue where assigned = %s and listed is not null", p.name)
                    if not listed:
                        continue
                    assert p.listed, place
                    waiting = [t for t in listed if t.status != "leased"]
                    day = waiting[0].listed if waiting else None
                    assert len(waiting) + len(held[p.name]) + p.ended.get(day, 0) <= max(p.capacity, len(held[p.name]) + p.ended.get(day, 0)), f"{place}: {p.name} has more than {p.capacity}"
                    assert {region[t.key] for t in waiting} <= set(p.territories), place
                    assert p.kind == "none" or p.works_on(day) if day else True, f"{place}: {p.name} does not work on {day}"
        check_sound(sql)
        sql.connection.close()


# ---- merging ----

def test_random_conversations_are_heard_once():
    """Two accounts, one conversation: each account hears of the outcome once, and the limit of one a debtor counts it once."""
    rng = random.Random(7)
    rows = [(f"D{i}", f"A{i}{letter}", 50 + i, rng.randint(1, 40), "North") for i in range(12) for letter in "abc"[:rng.randint(1, 3)]]
    name = new_database(rows, bundle=CAPPED)
    sql = Client(name)
    sql.run("update dunlin.queue_setting set merge = true, oldest_first = '{call.reached.promises}' where name = 'call'")
    accounts = {}
    for debtor, account, *_ in rows:
        accounts.setdefault(debtor, set()).add(account)
    # The engine lets the first account of a debtor come now and the others behind the limit, unless the bundle merges: here by hand.
    sql.run("update dunlin.task_open set not_before = now() - interval '1 hour', wakes = null, reason = null, seq = nextval('dunlin.turn') where status = 0")
    sql.run("update dunlin.task_body b set age_rank = x.nth from (select task, row_number() over (partition by case_id order by task) - 1 as nth from dunlin.task_body) x where x.task = b.task")
    sql.run("update dunlin.task_body b set lead_rank = x.nth from (select task, row_number() over (partition by case_id order by task desc) - 1 as nth from dunlin.task_body) x where x.task = b.task")
    talked = 0
    while True:
        tasks = [t for t in lease(sql, "anna", MONDAY, 1)]
        if not tasks:
            break
        talked += 1
        assert {t.key for t in tasks} == accounts[tasks[0].debtor], tasks
        leads = [t for t in tasks if t.lead is None]
        assert len(leads) == 1 and all(t.lead == leads[0].task for t in tasks if t.lead)
        assert sql.value("select min(lead_rank) from dunlin.task_body where task = any (%s)", [t.task for t in tasks]) == \
            sql.value("select lead_rank from dunlin.task_body where task = %s", leads[0].task)
        assert all(sql.one("select allowed from dunlin.may_contact(%s, null, %s)", t.task, MONDAY).allowed for t in tasks)
        oldest = sql.value("select task from dunlin.task_body where task = any (%s) order by age_rank limit 1", [t.task for t in tasks])
        named = rng.choice(tasks)
        outcome = rng.choice(["busy", "promise", "refuses", "friend"])
        payload = {"amount": 5, "due": "2030-01-01"} if outcome == "promise" else {}
        before = sql.value("select count(*) from dunlin.event where source = 'queue'")
        for _ in range(2):
            answer = sql.value("select dunlin.complete(%s, %s, %s, %s, at => %s)", named.task, named.epoch, outcome, json.dumps(payload), MONDAY)
        assert answer == "duplicate"
        events = sql.all("select e.instance_id, e.payload from dunlin.event e where e.source = 'queue' order by e.seq desc limit %s",
                         sql.value("select count(*) from dunlin.event where source = 'queue'") - before)
        if outcome == "promise":
            assert len(events) == 1
            assert sql.value("select status from dunlin.task_done where task = %s", oldest) == 2
        else:
            assert len({e.instance_id for e in events}) == len(events) == len(tasks), (outcome, events)
        assert sum(e.payload["cost"] > 0 for e in events) == 1
        check_sound(sql)
    assert talked == len(accounts)
    # One a debtor in thirty days, whichever account: nobody is called again, before the events are read and behind it.
    assert lease(sql, "anna", MONDAY + datetime.timedelta(days=1), 50) == []


# ---- those who end tasks of several workers at once lock them in one order ----

def beside(sql, name, statement, *values):
    """The statement in a session of its own, as soon as it waits for somebody; call what comes back for its answer."""
    other, answer = Client(name), []

    def run():
        try:
            answer.append(other.all(statement, *values))
        except Exception as error:  # judged by the caller
            answer.append(error)
    caller = threading.Thread(target=run)
    caller.start()
    end = time.monotonic() + 30
    while caller.is_alive() and not sql.value("select cardinality(pg_blocking_pids(%s)) > 0", other.connection.info.backend_pid):
        assert time.monotonic() < end, "it neither ends nor waits"
        time.sleep(0.01)

    def wait():
        caller.join(30)
        assert answer and not isinstance(answer[0], Exception), answer
        return answer[0]
    return wait


def two_at_work(**more):
    """anna and bert, two tasks each."""
    name, sql = fresh()
    put(sql, {"worker": "anna", "capacity": "9", **more}, {"worker": "bert", "capacity": "20", **more})
    sql.run("select dunlin.fill_day_lists()")
    held = {worker: sql.lease("call", worker, 2) for worker in ("anna", "bert")}
    assert [len(tasks) for tasks in held.values()] == [2, 2] and sql.value("select a.id < b.id from dunlin.worker a, dunlin.worker b where a.name = 'anna' and b.name = 'bert'")
    return name, sql, held


def batch_of(*tasks):
    return json.dumps([{"task": str(t.task), "epoch": t.epoch, "outcome": "busy"} for t in tasks])


def ends(client, task):
    return client.value("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch)


def test_batches_over_several_workers_do_not_wait_for_each_other():
    name, sql, held = two_at_work()
    mine = Client(name)
    mine.run("begin")
    assert ends(mine, held["anna"][0]) == "accepted"
    others = beside(sql, name, "select result from dunlin.complete_many(%s)", batch_of(held["bert"][0], held["anna"][1]))
    assert ends(mine, held["bert"][1]) == "accepted"  # not held by a batch that waits for anna's day
    mine.run("commit")
    assert [r.result for r in others()] == ["accepted", "accepted"]
    assert sql.all("select ended from dunlin.worker_day") == [(2,), (2,)]
    check_sound(sql)


def test_batches_of_the_same_tasks_do_not_wait_for_each_other():
    name, sql, held = two_at_work()
    first, last = sorted((held["anna"][0], held["bert"][0]), key=lambda t: t.task)
    mine = Client(name)
    mine.run("begin")
    assert ends(mine, first) == "accepted"
    others = beside(sql, name, "select result from dunlin.complete_many(%s)", batch_of(last, first))
    assert ends(mine, last) == "accepted"
    mine.run("commit")
    assert [r.result for r in others()] == ["duplicate", "duplicate"]
    check_sound(sql)


def test_a_batch_and_changes_of_people_do_not_wait_for_each_other():
    """The filling of their lists, and a file of the department that names them in another order."""
    people = json.dumps([{"worker": "bert", "capacity": "21"}, {"worker": "anna", "capacity": "8"}, {"worker": "zoe"}])
    for statement, values in (("select dunlin.fill_day_lists()", ()), ("select result from dunlin.put_workers(%s, 'greta')", (people,))):
        name, sql, held = two_at_work(queues="call")
        sql.run("update dunlin.task_open set assigned = null, listed = null, seq = nextval('dunlin.turn') where listed is not null and status = 0")  # room for all on everybody's list
        mine = Client(name)
        mine.run("begin")
        assert ends(mine, held["anna"][0]) == "accepted"
        others = beside(sql, name, statement, *values)
        assert ends(mine, held["bert"][0]) == "accepted"
        mine.run("commit")
        if values:
            assert [r.result for r in others()] == ["changed", "changed", "added"]
        else:
            assert others()[0][0] > 0
        check_sound(sql)


if __name__ == "__main__":
    import sys

    run_all(sys.modules[__name__])
