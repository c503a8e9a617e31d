#!/usr/bin/env python3
"""A node more makes a full night faster where the night waits for the database: both nodes reach it by a line on which each message takes its time, and the processors
have room. (nodes_test says what it is on a machine whose processors are the limit.)

night_test.py DUNLIN STDLIB
"""
import collections, glob, os, shutil, socket, subprocess, sys, tempfile, threading, time

dunlin, stdlib = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not programs:
    print("skipped: there is no PostgreSQL server here")
    sys.exit(77)
DELAY = 0.04  # seconds, of each message of a node to the database
ACCOUNTS = 12000
FASTER = 1.2
work = tempfile.mkdtemp()
os.chmod(work, 0o755)
place = work + "/cluster"
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_STDLIB=stdlib, DUNLIN_DATABASE=f"host={place} user=dunlin dbname=postgres")
as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
nodes = {}


def pg(*words):
    return subprocess.run([*as_postgres, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place, text=True).stdout


class Line:
    """What is sent arrives a while later, in its order; as much as anybody likes is under way at once."""

    def __init__(self, folder, target):
        os.mkdir(folder)
        self.target = target
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(folder + "/.s.PGSQL.5432")
        self.listener.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            under_way, ready = collections.deque(), threading.Semaphore(0)
            for work_of in (lambda: self.take(client, under_way, ready), lambda: self.deliver(server, under_way, ready), lambda: self.answer(server, client)):
                threading.Thread(target=work_of, daemon=True).start()

    def take(self, client, under_way, ready):
        data = b"x"
        while data:
            try:
                data = client.recv(65536)
            except OSError:
                data = b""
            under_way.append((time.monotonic() + DELAY, data))
            ready.release()

    def deliver(self, server, under_way, ready):
        while True:
            ready.acquire()
            at, data = under_way.popleft()
            time.sleep(max(0, at - time.monotonic()))
            try:
                if not data:
                    server.shutdown(socket.SHUT_WR)
                    return
                server.sendall(data)
            except OSError:
                return

    def answer(self, server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        client.close()


def run(*words):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}"


def value(sql):
    return pg(programs[-1] + "/psql", "-X", "-At", "-h", place, "-U", "dunlin", "-d", "postgres", "-c", sql).strip()


def wait(what, reached, seconds):
    begin = time.monotonic()
    while not reached():
        assert time.monotonic() - begin < seconds, f"{what}: not within {seconds} s\n" + "\n".join(open(f"{work}/{n}.log").read()[-1500:] for n in nodes)
        time.sleep(0.05)
    return time.monotonic() - begin


def start(name):
    nodes[name] = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", f"engine.node={name}", "--set", "engine.poll_ms=100"],
                                   env={**env, "DUNLIN_DATABASE": f"host={work}/line user=dunlin dbname=postgres"}, stderr=open(f"{work}/{name}.log", "w"))


def held(*names):
    return value("select string_agg(node, ' ' order by node) from (select node from dunlin.bucket where node is not null group by 1 having count(*) = %d) x"
                 % (1024 // len(names))) == " ".join(names)


def night(bundle, calls):
    """A new version steps every case file once: from the first step to the last, since the look for a new version is no part of the night."""
    before = ACCOUNTS - calls
    run("apply", f"{work}/{bundle}", "--yes")
    wait("the night begins", lambda: value("select count(*) from dunlin.task_open") != str(before), 60)
    return wait("the night ends", lambda: value("select count(*) from dunlin.task_open") == str(calls), 120)


for name, limit in (("day", 100), ("other", 250)):
    os.mkdir(f"{work}/{name}")
    with open(f"{work}/{name}/night.dun", "w") as file:
        file.write(f"""
bundle night "A full night" {{ timezone UTC, currency EUR, calendar none, day starts 06:00 }}
entity account {{ key id : text, overdue : money }}
queue call {{ cost 1 }}
strategy soft "Soft" for account {{
  enrol when overdue > 0
  stage calling {{ keep call "script" while overdue > {limit}, when overdue <= 0 : go cured }}
  final stage cured {{ enrol again when overdue > 0 }}
}}
""")
with open(work + "/accounts.toml", "w") as file:
    file.write('[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\noverdue = "{overdue}"\n')
with open(work + "/accounts.csv", "w") as file:
    file.write("id,overdue\n" + "".join(f"A{i:04},200.00\n" for i in range(ACCOUNTS)))
os.mkdir(place)
if as_postgres:
    shutil.chown(place, "postgres")
pg(programs[-1] + "/initdb", "-D", place + "/data", "-A", "trust", "-U", "dunlin", "-E", "UTF8", "--locale=C")
control = programs[-1] + "/pg_ctl"
subprocess.run([*as_postgres, control, "-D", place + "/data", "-l", place + "/log", "-w", "-o", f"-c listen_addresses='' -k {place} -c fsync=off", "start"],
               check=True, stdout=subprocess.DEVNULL, cwd=place)
good = False
try:
    Line(work + "/line", place + "/.s.PGSQL.5432")
    run("import", work + "/day", work + "/accounts.csv", "--mapping", work + "/accounts.toml")
    run("apply", work + "/day", "--yes")
    start("anna")
    wait("one has all", lambda: held("anna"), 60)
    wait("all are called", lambda: value("select count(*) from dunlin.task_open") == str(ACCOUNTS), 60)
    best = 0.0
    # Other work on the machine makes a night slow, not fast: the best of each. A second look only where the first is not enough.
    one, two = [], []
    for attempt in range(2):
        one += [night("other", 0), night("day", ACCOUNTS)]
        start("boris")
        wait("two have a half each", lambda: held("anna", "boris"), 60)
        two += [night("other", 0), night("day", ACCOUNTS)]
        best = min(one) / min(two)
        print(f"a full night of {ACCOUNTS} accounts, {DELAY * 1000:.0f} ms to the database: one node {' '.join(f'{t:.1f}' for t in one)} s, "
              f"two nodes {' '.join(f'{t:.1f}' for t in two)} s: {best:.2f} times as fast", flush=True)
        good = best > FASTER
        if good or attempt == 1:
            break
        nodes["boris"].terminate()
        nodes.pop("boris").wait(60)
        wait("one has all again", lambda: held("anna"), 60)
    if not good:
        print(f"FAILED: two nodes must be more than {FASTER} times as fast as one")
finally:
    for process in nodes.values():
        process.kill()
        process.wait()
    subprocess.run([*as_postgres, control, "-D", place + "/data", "-m", "immediate", "stop"], capture_output=True, cwd=place)
    shutil.rmtree(work, ignore_errors=True)
sys.exit(0 if good else 1)
