"""`dunlin bench queue` measures in a database of its own, and only in an empty one."""
import json
import subprocess

from desk import COMMAND, SERVER, connect, new_database, run_all


def bench(*words):
    return subprocess.run([COMMAND, "bench", "queue", "--seconds", "1", "--backlog", "400", "--rate", "40", "--clients", "2", "--json", *words],
                          capture_output=True, text=True, timeout=300)


def url_of(name):
    words = dict(word.split("=", 1) for word in SERVER.split())
    return f"postgresql://{words['user']}@/{name}?host={words['host']}&port={words['port']}"


def test_every_run_completes_tasks():
    done = bench()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {run["name"] for run in told["runs"] if run["snapshot_held"]} == {run["name"] for run in told["runs"] if not run["snapshot_held"]}
    assert all(run["per_s"] > 0 and sum(part["completed"] for part in run["stretches"]) > 0 for run in told["runs"]), told
    assert told["held_of_free"] > 0


def test_a_database_in_use_is_left_alone():
    name = new_database([("D1", "A1", 100, 100, "North")])
    before = connect(name).cursor()
    before.execute("select count(*) from dunlin.task_open")
    done = bench("--database", url_of(name))
    assert done.returncode in (1, 3) and "empty database" in done.stdout + done.stderr, (done.returncode, done.stdout, done.stderr)
    after = connect(name).cursor()
    after.execute("select count(*) from dunlin.task_open")
    assert after.fetchone() == before.fetchone()


if __name__ == "__main__":
    import sys

    run_all(sys.modules[__name__])
