"""A node of an older program beside a schema that a newer one has brought forward: it says so, steps nothing and holds nothing, until it is restarted.

Environment: as in tests/queue/desk.py.
"""
import json, os, re, subprocess, sys, tempfile, time, urllib.error, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue"))
from desk import COMMAND, SERVER, Client, new_database, run_all


def wait(what, reached, seconds=40):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = reached()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


def test_it_stops_and_says_why():
    name = new_database([("D1", f"A{i}", 100, 0, "x") for i in range(20)])
    sql = Client(name)
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        server = subprocess.Popen([COMMAND, "serve", "--port", "0", "--set", "engine.node=old", "--set", "engine.poll_ms=100", "--set", "engine.lease_seconds=3", "--database",
                                   f"{SERVER} dbname={name}"], stderr=log)
        try:
            read = lambda: open(log.name).read()
            port = wait("it listens", lambda: re.search(r"127\.0\.0\.1:(\d+)", read()))[1]

            def ready():
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                        return answer.status, json.load(answer)
                except urllib.error.HTTPError as error:
                    return error.code, json.load(error)

            held = lambda: sql.value("select count(*) from dunlin.bucket where node = 'old'")
            waiting = lambda: sql.value("select count(*) from dunlin.inbox where kind = 0")
            post = lambda id: sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', 'A1', now(), '{\"amount\": 1}')", id)
            wait("it is ready", lambda: ready()[0] == 200)
            wait("it holds all", lambda: held() == 1024)
            post("before")
            wait("it steps", lambda: waiting() == 0)
            sql.run("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')")
            status, body = ready()
            assert status == 503 and "migrated to 900" in body["schema"] and "restart" in body["schema"], (status, body)
            wait("it gives back what it held", lambda: held() == 0)
            assert "migrated to 900 by a newer dunlin" in read()
            post("after")
            time.sleep(3)
            assert waiting() == 1, "it stepped under a schema that it does not know"
            assert server.poll() is None
            # It was a mistake: with the old schema back it goes on by itself.
            sql.run("delete from dunlin.schema_version where number = 900")
            wait("it is ready again", lambda: ready()[0] == 200)
            wait("and steps again", lambda: waiting() == 0)
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
