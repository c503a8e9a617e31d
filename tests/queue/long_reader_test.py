"""A hand-out costs the same after thousands of tasks are done, though a reader holds a snapshot from before and nothing can be cleaned up.

Counts the pages that a lease touches, which no busy machine can change."""
import sys, time

from desk import Client, check_sound, new_database, run_all

TASKS = 6000


def fill(sql, first, count, priority):
    sql.run(f"""
      with made as materialized (select n, (n %% 1024)::int4 as bucket, md5('t' || n)::uuid as task from generate_series({first}::int8, {first + count - 1}) n),
           cases as (insert into dunlin.case_file (bucket, case_id, step_no, version, wake_at) select bucket, n, 1, 0, 'infinity' from made),
           bodies as (insert into dunlin.task_body (bucket, case_id, task, identity, rule, recipient, standing, stays, treatment, created_at, expires, time_window)
                      select bucket, n, task, n, 1, 0, true, false, 'script', now(), 'infinity', -1 from made)
      insert into dunlin.task_open (bucket, case_id, task, instance_id, queue, priority, status, not_before)
        select bucket, n, task, n, (select queue from dunlin.queue_setting where name = 'errand'), {priority}, 0, now() from made""")


def pages_of_a_lease(sql):
    plan = sql.value("explain (analyze, buffers, format json) select * from dunlin.lease('errand', 'anna')")[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] + plan["Shared Dirtied Blocks"]


def work(sql, count):
    done = 0
    while done < count:
        tasks = sql.lease("errand", n=50)
        for task in tasks:
            sql.run("select dunlin.complete(%s, %s)", task.task, task.epoch)
        done += len(tasks)
        assert tasks


def run(holding, patience):
    name = new_database([("D1", "A1", 10, 1, "North")])
    sql = Client(name)
    sql.run("alter table dunlin.task_open set (autovacuum_enabled = off)")
    fill(sql, 1, TASKS, "n * 7919 %% 101")
    reader = Client(name)
    reader.run(holding)
    for _ in range(3):
        pages_of_a_lease(sql)
    before = min(pages_of_a_lease(sql) for _ in range(5))
    # New tasks fall in between old ones all the time.
    for part in range(4):
        work(sql, TASKS // 5)
        fill(sql, TASKS + 1 + part * TASKS // 5, TASKS // 5, "n * 7919 %% 101")
    after = min(pages_of_a_lease(sql) for _ in range(5))
    # Whatever writes anywhere in the server (autovacuum looks after the databases of other tests) holds the cursor up for as long as it runs, and no longer.
    until = time.time() + patience
    while after > before + 40 and time.time() < until:
        time.sleep(0.5)
        after = min(after, pages_of_a_lease(sql))
    check_sound(sql)
    print(f"      pages a lease touches: {before} at first, {after} after {TASKS * 4 // 5} tasks")
    return before, after


def test_an_old_snapshot_costs_nothing():
    before, after = run("begin isolation level repeatable read read only; select count(*) from dunlin.queue_setting", patience=20)
    assert after <= before + 40, (before, after)


def test_a_long_writer_stalls_the_cursor():
    """The other side of the measure: while a transaction with a number of its own is open, nothing may be passed, and it shows."""
    before, after = run("begin; select pg_current_xact_id()", patience=0)
    assert after > before + 40, (before, after)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
