"""Names that come from outside, however long or strange, stop nobody else; and what comes in large numbers at one instant costs each as much as a few."""
import os
import sys

from desk import HERE, Client, check_sound, new_database, run_all, step

LIFTED = os.path.join(HERE, "lifted")
ACCOUNTS = [(f"D{n}", f"A{n}", 100 * n, 10 * n, "North") for n in range(1, 9)]
BASE = new_database(ACCOUNTS, bundle=LIFTED)
LONG = "x" * 9000
EVERYBODY = "select stop from dunlin.stop_outbound(%s, null, null, null, null, null, null, 'infinity', 'eva')"


def fresh():
    name = new_database(None, template=BASE)
    return name, Client(name)


def test_names_have_a_bound():
    _, sql = fresh()
    for call, values in {
        "select * from dunlin.lease('call', %s)": (LONG,),
        "select * from dunlin.lease('visit', %s)": ("anna\nberta",),
        "select dunlin.post_event(%s, '1', 'payment', 'account', 'A1', now(), '{\"amount\": 1}')": (LONG,),
        "select dunlin.post_event('bank', %s, 'payment', 'account', 'A1', now(), '{\"amount\": 1}')": (LONG,),
        "select dunlin.record_contact(%s, '1', 'account', 'A1', 'call', now())": (os.urandom(80000).hex(),),
        "select dunlin.record_contact('gateway', %s, 'account', 'A1', 'call', now())": ("a\tb",),
    }.items():
        code, message, hint = sql.refusal(call, *values)
        assert code == "DU002" and hint and len(message) < 300, (call, code, message, hint)
    assert sql.value("select count(*) from dunlin.worker where name in (%s, %s)", LONG, "anna\nberta") == 0
    assert "bytes" in sql.one("select * from dunlin.put_workers(jsonb_build_array(jsonb_build_object('worker', %s::text)))", LONG).message
    assert len(sql.lease("call", "Zofia Ł.")) == 1  # blanks and letters of any language are a name


def test_a_long_name_of_before_stops_neither_a_step_nor_a_stop():
    name, sql = fresh()
    sql.run("insert into dunlin.worker (name) values (%s)", LONG)  # as it could come in before there was a bound
    held = sql.lease("call", LONG, 2)
    assert len(held) == 2
    keys = [sql.value("select key from dunlin.queue where task = %s", t.task) for t in held]
    sql.run("select dunlin.post_event('bank', '1', 'payment', 'account', %s, now(), '{\"amount\": 100}')", keys[0])
    step(name, LIFTED)
    assert sql.value("select marked from dunlin.task_open where task = %s", held[0].task)
    stop = sql.value(EVERYBODY, "the data is being restored")
    assert stop is not None
    assert {t.task for t in sql.all("select * from dunlin.withdrawn_tasks(%s)", LONG)} == {t.task for t in held}


def test_a_contact_that_is_still_to_come_is_refused_and_its_id_is_free():
    _, sql = fresh()
    call = "select dunlin.record_contact('gateway', '1', 'account', 'A1', 'call', date_trunc('day', now()) + %s::interval, 'conversation')"
    code, message, hint = sql.refusal(call, "36 years")
    assert code == "DU022" and hint, (code, message)
    assert sql.value(call, "-1 hour") == "accepted"
    assert sql.value(call, "-1 hour") == "duplicate"


def test_nobody_who_is_away_gets_a_task_by_hand():
    _, sql = fresh()
    sql.run("select dunlin.put_workers('[{\"worker\": \"anna\"}, {\"worker\": \"berta\"}]')")
    sql.run("select dunlin.set_absence('anna', now() - interval '1 hour', now() + interval '1 day', 'ill', 'eva')")
    task = sql.lease("call", "berta")[0].task
    before = sql.value("select count(*) from dunlin.audit")
    code, message, hint = sql.refusal("select dunlin.reassign(%s, 'anna', 'again', 'eva')", task)
    assert code == "DU040" and "anna" in message and hint, (code, message)
    assert sql.value("select status from dunlin.task_open where task = %s", task) == 1 and sql.value("select count(*) from dunlin.audit") == before
    sql.run("select dunlin.end_absence('anna', 'eva')")
    assert sql.value("select dunlin.reassign(%s, 'anna', 'again', 'eva')", task) == "reassigned"
    check_sound(sql)


def test_many_events_of_one_midnight_cost_each_as_much_as_a_few():
    """Counted in rows that were looked at, not in time: tables that were known to be empty when the plans were made, then 4,000 events of one instant in one call."""
    name, sql = fresh()
    many = 4000
    for table in ("inbox", "event_key", "event"):
        sql.run(f"alter table dunlin.{table} set (autovacuum_enabled = off)")
    sql.run("delete from dunlin.event_key")
    for table in ("inbox", "event_key"):
        sql.run(f"vacuum analyze dunlin.{table}")
    sql.run("select pg_stat_reset()")
    posted = sql.value("""select count(*) from dunlin.post_events((select jsonb_agg(jsonb_build_object('source', 'bank', 'external_id', g::text, 'event', 'payment', 'entity', 'account',
                          'key', 'A' || (1 + g %% 8), 'at', '2026-01-05', 'payload', jsonb_build_object('amount', 1))) from generate_series(1, %s) g)) where result = 'accepted'""", many)
    assert posted == many
    step(name, LIFTED)
    assert sql.value("select count(*) from dunlin.inbox where at = '2026-01-05'") == 0
    sql.run("select pg_stat_force_next_flush()")
    sql.run("select pg_stat_clear_snapshot()")
    for table in ("inbox", "event_key"):
        whole = sql.value("select seq_tup_read from pg_stat_user_tables where schemaname = 'dunlin' and relname = %s", table)
        found = sql.value("select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where schemaname = 'dunlin' and relname = %s", table)
        assert whole <= 30 * many and found <= 30 * many, f"{table}: {whole} rows read in order and {found} by indexes for {many} events"


if __name__ == "__main__":
    run_all(sys.modules[__name__])
