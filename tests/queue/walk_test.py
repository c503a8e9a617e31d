"""How far a hand-out walks: thousands at the head of the line are held back, or are for other people, and those behind them go out all the same."""
import json

from desk import Client, check_sound, new_database, run_all

NORTH, SOUTH = 3000, 20
PART = 100, 2300  # what one call may put out of line: 2000 and the rest of a slice, or less where half a second is over
BASE = new_database([(f"N{i}", f"N{i}", 100, 50, "North") for i in range(NORTH)] + [(f"S{i}", f"S{i}", 100, 50, "South") for i in range(SOUTH)])


def fresh(ways="{}"):
    """North first in line, then South; all of one priority."""
    name = new_database(None, template=BASE)
    sql = Client(name)
    sql.run("update dunlin.task_open set seq = nextval('dunlin.turn') where instance_id in (select dunlin_id from portfolio.account where client = 'South')")
    sql.run("create or replace view dunlin.instance_region as select dunlin_bucket as bucket, dunlin_case as case_id, dunlin_id as id, client::text as region from portfolio.account")
    sql.run("insert into dunlin.territory (name, regions) values ('north', '{North}'), ('south', '{South}')")
    sql.run("update dunlin.queue_setting set ways = %s where name = 'call'", ways)
    sql.run("analyze")
    return name, sql


def put(sql, *rows):
    answers = sql.all("select * from dunlin.put_workers(%s, 'test')", json.dumps(list(rows)))
    assert all(a.result != "refused" for a in answers), answers


def until_something(sql, worker, n=1, calls=40):
    """What the first call that hands something out hands out."""
    for _ in range(calls):
        tasks = sql.lease(worker=worker, n=n)
        if tasks:
            return tasks
    raise AssertionError(f"{worker} got nothing in {calls} calls")


def waiting(sql):
    return sql.value("select count(*) from dunlin.task_open where wakes is not null")


# ---- held back ----

def test_a_stop_of_thousands_keeps_nobody_waiting():
    _, sql = fresh()
    stop = sql.value("select dunlin.stop_contact('mandate over', entity => 'account', field => 'client', value => 'North')")
    assert sql.lease() == [] and PART[0] <= waiting(sql) <= PART[1], waiting(sql)  # a part only, and that stays
    assert any("held back" in notice for notice in sql.connection.notices), sql.connection.notices
    tasks = until_something(sql, "anna", 5)
    assert len(tasks) == 5 and all(t.key.startswith("S") for t in tasks), tasks
    assert waiting(sql) == NORTH
    assert sql.value("select count(*) from dunlin.task_open where wakes is not null and reason like 'contact is stopped: mandate over%%'") == NORTH
    sql.run("select dunlin.resume_contact(%s)", stop)
    assert waiting(sql) == 0
    check_sound(sql)


def test_what_came_before_the_bound_is_handed_out():
    _, sql = fresh()
    sql.run("select dunlin.stop_contact('mandate over', entity => 'account', field => 'client', value => 'North')")
    first = sql.value("select instance_id from dunlin.task_open where queue = (select queue from dunlin.queue_setting where name = 'call') order by seq limit 1")
    sql.run("update portfolio.account set client = 'South' where dunlin_id = %s", first)
    tasks = sql.lease(n=30)
    assert len(tasks) == 1 and PART[0] <= waiting(sql) <= PART[1], (tasks, waiting(sql))
    check_sound(sql)


def test_overrides_of_thousands_keep_nobody_waiting():
    _, sql = fresh()
    sql.run("""insert into dunlin.override (entity, key, bucket, case_id, instance_id, kind, until, reason, who)
               select 'account', a.id, a.dunlin_bucket, a.dunlin_case, a.dunlin_id, 'exclude', now() + interval '3 days', 'a dispute', 'head' from portfolio.account a where client = 'North'""")
    assert sql.lease() == [] and PART[0] <= waiting(sql) <= PART[1], waiting(sql)
    tasks = until_something(sql, "anna")
    assert tasks[0].key.startswith("S"), tasks
    check_sound(sql)


# ---- for others ----

def test_who_has_a_territory_far_back_gets_its_tasks():
    _, sql = fresh("{territory}")
    put(sql, {"worker": "sue", "territories": "south"}, {"worker": "nora", "territories": "north"}, {"worker": "carl"})
    waits = sql.value("select task from dunlin.queue where key = 'S0' and queue = 'call'")
    said = [row.this for row in sql.all("select * from dunlin.why(%s)", waits) if row.what == "a hand-out now"]
    assert said == ["nothing holds it back; it goes to sue"], said
    tasks = until_something(sql, "sue", 5)
    assert len(tasks) == 5 and all(t.key.startswith("S") for t in tasks), tasks
    assert sql.value("select count(*) from dunlin.worker_place") == 1
    assert all(t.key.startswith("N") for t in sql.lease(worker="nora", n=5))
    rest = [t.key for _ in range(5) for t in sql.lease(worker="sue", n=5)]
    assert len(rest) == SOUTH - 5 and sql.lease(worker="sue") == [] and sql.lease(worker="carl") == []
    # What she gives back, and what comes in behind, she gets; and what becomes hers in front of where she was, at once.
    sql.run("select dunlin.release(%s, %s)", tasks[0].task, tasks[0].epoch)
    assert [t.task for t in sql.lease(worker="sue", n=5)] == [tasks[0].task]
    put(sql, {"worker": "sue", "territories": "north;south"})
    assert len(sql.lease(worker="sue", n=3)) == 3
    sql.run("update dunlin.worker set active = false where name in ('sue', 'nora')")
    waits = sql.value("select task from dunlin.queue where key = 'N2999' and queue = 'call'")
    said = [row.this for row in sql.all("select * from dunlin.why(%s)", waits) if row.what == "a hand-out now"]
    assert said == ["nothing holds it back; nobody who is there may have it: North is in no territory of carl"], said
    check_sound(sql)


def test_a_list_of_the_day_is_filled_from_far_back():
    name, sql = fresh("{territory}")
    put(sql, {"worker": "sue", "territories": "south", "queues": "call", "capacity": "12"})
    assert sql.value("select dunlin.fill_day_lists()") == 12
    keys = [row.key for row in sql.all("select key from dunlin.queue where assigned = 'sue'")]
    assert len(keys) == 12 and all(key.startswith("S") for key in keys), keys
    assert len(sql.lease(worker="sue", n=20)) == 12
    check_sound(sql)


def test_a_skill_and_an_override_far_back():
    _, sql = fresh("{skill}")
    sql.run("""update dunlin.task_body b set treatment = case when a.client = 'North' then 'french' else 'script' end
               from dunlin.task_open o join portfolio.account a on a.dunlin_id = o.instance_id where (o.bucket, o.case_id, o.task) = (b.bucket, b.case_id, b.task)""")
    put(sql, {"worker": "yves", "skills": "french 2020-01-01"}, {"worker": "anna"})
    tasks = until_something(sql, "anna", 5)
    assert all(t.key.startswith("S") for t in tasks), tasks
    assert all(t.key.startswith("N") for t in sql.lease(worker="yves", n=5))
    # And with no such way: all that stands in front is one person's by override.
    _, sql = fresh()
    put(sql, {"worker": "pete"})
    sql.run("""insert into dunlin.override (entity, key, bucket, case_id, instance_id, kind, value, until, reason, who)
               select 'account', a.id, a.dunlin_bucket, a.dunlin_case, a.dunlin_id, 'worker', 'pete', now() + interval '3 days', 'knows them', 'head'
               from portfolio.account a where client = 'North'""")
    tasks = until_something(sql, "anna", 5)
    assert len(tasks) == 5 and all(t.key.startswith("S") for t in tasks), tasks
    assert all(t.key.startswith("N") for t in sql.lease(worker="pete", n=5))
    check_sound(sql)


def test_one_account_kept_for_somebody_goes_to_nobody_else():
    _, sql = fresh()
    put(sql, {"worker": "pete"})
    first = sql.value("select a.id from dunlin.task_open o join portfolio.account a on a.dunlin_id = o.instance_id order by o.seq limit 1")
    sql.run("select dunlin.set_override('account', %s, 'worker', 'pete', now() + interval '3 days', 'knows them')", first)
    assert first not in [t.key for t in sql.lease(n=20)]
    assert [t.key for t in sql.lease(worker="pete")] == [first]
    check_sound(sql)


if __name__ == "__main__":
    import sys

    run_all(sys.modules[__name__])
