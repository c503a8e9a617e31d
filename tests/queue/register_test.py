"""What is in a register and ends otherwise than by its number; whom it keeps away; what takes effect when it is out already."""
import datetime
import os
import shutil
import sys
import tempfile
import time

from desk import HERE, Client, check_sound, dunlin, new_database, run_all

PRINTED = os.path.join(HERE, "printed")
ROWS = [(f"D{n}", f"A{n}", 100 * n, 10 * n, "North") for n in range(1, 9)]
BASE = new_database(ROWS, bundle=PRINTED)


def limited(folder):
    """The same bundle, and two letters of an account in thirty days at most."""
    bundle = os.path.join(folder, "printed")
    shutil.copytree(PRINTED, bundle)
    path = os.path.join(bundle, "printed.dun")
    with open(path) as text:
        rules = text.read()
    with open(path, "w") as text:
        text.write(rules + '\nlimits "Few" { letter at most 2 in any 30 days per account }\n')
    return bundle


def fresh(base=BASE):
    name = new_database(None, template=base)
    return name, Client(name)


def a_register(base=BASE):
    """A register that was taken, and its items by account."""
    name, sql = fresh(base)
    assert sql.value("select dunlin.make_registers(now() + interval '1 day')") == 1
    return name, sql, {row.key: row for row in sql.all("select r.key, i.* from dunlin.register_of('letter') r join dunlin.register_item i using (number)")}


def corrected(sql):
    return {row.key: row.withdrawn for row in sql.all("select * from dunlin.register_withdrawals('letter')")}


def next_round(sql):
    sql.run("update dunlin.tended set clock = clock - interval '20 seconds'")
    sql.run("select dunlin.tend_queues(clock_timestamp())")


def test_a_line_ended_by_its_task_is_one_contact():
    """Not two: the attempt of the register and the event of the outcome."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = limited(folder)
        name, sql, items = a_register(new_database(ROWS, bundle=bundle))
        # By its number, by its task, among many, and given back untouched.
        assert sql.value("select dunlin.post_status('letter', %s, 'delivered')", items["A1"].number) == "accepted"
        assert sql.value("select dunlin.complete(%s, %s, 'delivered')", items["A2"].task, items["A2"].epoch) == "accepted"
        assert sql.value("select result from dunlin.complete_many(jsonb_build_array(jsonb_build_object('task', %s::text, 'epoch', %s, 'outcome', 'returned')))",
                         items["A3"].task, items["A3"].epoch) == "accepted"
        assert sql.value("select dunlin.release(%s, %s, null, 'the paper is out')", items["A4"].task, items["A4"].epoch) == "ready"
        told = {row.key: row.kind for row in sql.all("""select k.key, c.kind from dunlin.contact c join dunlin.register_item i using (task, epoch)
            join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (c.bucket, c.case_id, c.instance_id)""")}
        assert told == {key: "none" if key == "A4" else "attempt" for key in items}, told
        first = sql.value("select max(day) from dunlin.register")
        day = str(datetime.date.today() + datetime.timedelta(days=3))
        dunlin(name, "run", bundle, "--summary", "--from", day, "--to", day)
        again = "select t.* from dunlin.task_open t join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (t.bucket, t.case_id, t.instance_id) where t.status = 0 and k.key = %s"
        for key in ("A1", "A2", "A3"):
            task = sql.one(again, key)
            refused = sql.value("select dunlin.hand_out_refusal(%s, %s, %s, clock_timestamp() + interval '3 days')", task.bucket, task.case_id, task.task)
            assert refused is None, f"{key}: one letter of two went out: {refused}"
        # The register says what became of them.
        assert {row.key: row.status for row in sql.all("select * from dunlin.register_of('letter', %s)", first) if row.status} == \
            {"A1": "letter.delivered", "A2": "letter.delivered", "A3": "letter.returned"}
        check_sound(sql)


def test_an_outcome_by_the_task_lies_within_what_the_register_had():
    _, sql, items = a_register()
    complete = "select dunlin.complete(%s, %s, 'delivered', at => clock_timestamp() - %s::interval)"
    assert sql.refusal(complete, items["A1"].task, items["A1"].epoch, "9 days")[0] == "DU022"


def test_a_register_is_no_worker():
    """Where one operator takes care of a debtor, a letter that is out keeps nobody away; who calls does."""
    for set_so in ("set assign = 'one_operator'", "set ways = '{one_operator}'"):
        _, sql, items = a_register()
        sql.run(f"update dunlin.queue_setting {set_so} where name = 'call'")
        task = sql.one("select * from dunlin.queue where queue = 'call' order by key limit 1")
        assert task.key in items
        whose = sql.value("select this from dunlin.why(%s) where what = 'a hand-out now'", task.task)
        assert "works on this case file" not in whose and "another worker" not in whose, whose
        assert {t.key for t in sql.lease(n=9)} == {"A6", "A7", "A8"}, set_so
        # As before between people.
        sql.run("update dunlin.task_open set assigned = null where status = 0")
        assert sql.lease(worker="bert", n=9) == []
        check_sound(sql)


def test_a_closing_is_told_when_it_takes_effect():
    name, sql, items = a_register()
    sql.run("insert into dunlin.webhook (name, queue, url, created_by) values ('printer', 'letter', 'https://printer.example/x', 'eva')")
    sql.run("select dunlin.close_account('account', 'A4', 'sold', clock_timestamp() + interval '1500 ms', 'eva')")
    sql.run("select dunlin.close_account('account', 'A5', 'sold', clock_timestamp() + interval '1 hour', 'eva')")
    held = sql.lease(n=9)
    next_round(sql)
    assert corrected(sql) == {} and not sql.all("select * from dunlin.withdrawn_tasks('anna')")
    sql.run("select dunlin.close_account('account', 'A8', 'sold', clock_timestamp() + interval '1 second', 'eva')")
    busy = Client(name)
    time.sleep(1.6)
    # What somebody has locked is passed over, and told with the next round.
    busy.run("begin")
    busy.run("select 1 from dunlin.task_open where task = %s for update", items["A4"].task)
    sql.run("select dunlin.tend_queues(clock_timestamp())")  # at once, however short ago the last round was
    assert set(corrected(sql)) == {"A8"}, corrected(sql)
    busy.run("commit")
    next_round(sql)
    rows = corrected(sql)
    assert set(rows) == {"A4", "A8"} and "is closed since" in rows["A4"], rows
    assert {t.key for t in held if sql.value("select marked from dunlin.task_open where task = %s", t.task)} == {"A8"}
    assert sorted(body["key"] for (body,) in sql.all("select body from dunlin.webhook_delivery where kind = 'register'")) == ["A4", "A8"]
    next_round(sql)
    assert sql.all("select key, told from dunlin.closed_instance order by key") == [("A4", True), ("A5", False), ("A8", True)]
    assert corrected(sql) == rows
    # Put off, it stands again; brought forward, it is told again.
    sql.run("select dunlin.close_account('account', 'A4', 'sold', clock_timestamp() + interval '1 hour', 'eva')")
    sql.run("update dunlin.tended set let_go_at = let_go_at - interval '61 seconds'")
    next_round(sql)
    assert corrected(sql)["A4"] is None
    sql.run("select dunlin.close_account('account', 'A4', 'sold', clock_timestamp() + interval '1 second', 'eva')")
    time.sleep(1.1)
    next_round(sql)
    assert "is closed since" in corrected(sql)["A4"]
    check_sound(sql)


def test_who_took_one_just_before_it_was_closed_is_told():
    """Whoever judged before the closing took effect, and had not committed when the others were told."""
    name, sql, items = a_register()
    other = Client(name)
    sql.run("select dunlin.close_account('account', 'A8', 'sold', clock_timestamp() + interval '1 second', 'eva')")
    other.run("begin")
    assert [t.key for t in other.lease(worker="bert")] == ["A8"]
    time.sleep(1.1)
    next_round(sql)
    assert set(corrected(sql)) == {"A8"}
    next_round(sql)
    other.run("commit")
    next_round(sql)
    assert sql.value("select marked from dunlin.task_open t join dunlin.worker w on w.id = t.worker where w.name = 'bert'")
    next_round(sql)
    assert sql.value("select told from dunlin.closed_instance")
    check_sound(sql)


def test_a_late_file_withdraws_nothing_from_a_register():
    """Nor does it where something else has the line looked at; and what stops it beside the file is said."""
    name, sql, items = a_register()
    sql.run("""select dunlin.declare_feeds('[{"name": "balances", "title": "", "due": "00:00", "holds": true, "queues": [], "refusals": []}]', 'UTC', '{}', now() - interval '9 days')""")
    assert sql.lease() == []
    look = lambda key: sql.run("select dunlin.look_at_register(%s, %s, %s)", items[key].bucket, items[key].case_id, items[key].task)
    for key in items:
        look(key)
    assert corrected(sql) == {}, corrected(sql)
    stop = sql.value("select dunlin.stop_contact('the court thinks', 'account', 'A2')")
    look("A2")
    assert "the court thinks" in corrected(sql)["A2"]
    sql.run("select dunlin.resume_contact(%s, 'eva')", stop)
    assert corrected(sql) == {"A2": None}
    # What has not gone out is held: there is no register as long as the file is late.
    assert sql.value("select dunlin.make_registers(now() + interval '3 days')") == 0
    check_sound(sql)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
