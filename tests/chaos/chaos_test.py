#!/usr/bin/env python3
"""Two `dunlin serve` on one database, and trouble between them and it: connections that hang half-open and never come back, nodes that are killed and stopped, a
database that is restarted at once, clocks that jump while a node runs, an hour that comes twice and one that does not come. A gateway sends all the time. After
each the judge looks at everything that was recorded.

DUNLIN_LONG=1 kills, stops and restarts ten times, at moments that DUNLIN_SEED draws.

chaos_test.py DUNLIN STDLIB JUDGE
"""
import glob, json, os, random, re, select, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

try:
    import psycopg2
except ImportError:
    print("skipped: this needs python3-psycopg2 (scripts/packages.txt)")
    sys.exit(77)

dunlin, stdlib, judge = (os.path.abspath(word) for word in sys.argv[1:4])
LEASE = 3
ACCOUNTS = 200
failures = []
nodes = {}
work = tempfile.mkdtemp()
os.chmod(work, 0o755)
place = work + "/cluster"
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_STDLIB=stdlib, DUNLIN_DATABASE=f"host={place} user=dunlin dbname=postgres")


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED {what} {detail}", flush=True)


class Proxy:
    """Between a node and the database. While it is stalled nothing goes through and nobody is told: connections hang half-open, and those of before never come
    back; only what connects afterwards goes through again."""

    def __init__(self, folder, target):
        os.mkdir(folder)
        self.target, self.stalled, self.passed, self.life = target, threading.Event(), 0, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(folder + "/.s.PGSQL.5432")
        self.listener.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def stall(self):
        self.life += 1
        self.stalled.set()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client):
        server = socket.socket(socket.AF_UNIX)
        while self.stalled.is_set():
            time.sleep(0.05)
        life = self.life
        try:
            server.connect(self.target)
            while True:
                ready, _, _ = select.select([client, server], [], [], 0.2)
                if life != self.life:  # neither end hears anything more
                    time.sleep(3600)
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    if life != self.life:
                        time.sleep(3600)
                    (server if one is client else client).sendall(data)
                    self.passed += len(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()


class Gateway:
    """Leases messages and sends them, on and on; its log is what the limits are counted by again, and says which outcomes were accepted. It outlives the database:
    a lease whose answer was lost is not sent, what was sent is in the log before anybody is told."""

    def __init__(self, path):
        self.path, self.over, self.rest = path, threading.Event(), threading.Event()
        self.sent = self.lost = self.accepted = self.cut_off = 0
        self.trouble = None
        with open(path, "w") as log:
            log.write(json.dumps({"limit": "sms", "most": 2, "period": "day", "key": "account"}) + "\n")
            log.write(json.dumps({"limit": "sms", "most": 3, "period": "days", "length": 3, "key": "debtor"}) + "\n")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        dice = random.Random(7)
        connection = None
        while not self.over.is_set():
            if self.rest.is_set():
                time.sleep(0.1)
                continue
            try:
                if connection is None:
                    connection = psycopg2.connect(env["DUNLIN_DATABASE"])
                    connection.autocommit = True
                self.send(connection.cursor(), dice)
            except Exception as error:
                refused = getattr(error, "pgcode", None) or ""
                if not isinstance(error, psycopg2.Error) or (refused and not refused.startswith("57P")):  # the test would go on without a gateway, and find nothing
                    self.trouble = repr(error)
                    return
                self.cut_off += 1  # the database went away: what was told last may be known or not
                connection = None
            time.sleep(0.2)

    def note(self, **line):
        with open(self.path, "a") as log:
            log.write(json.dumps(line) + "\n")

    def send(self, cursor, dice):
        cursor.execute("select task, epoch, key, debtor, (extract(epoch from clock_timestamp()) * 1000000)::int8 from dunlin.lease('sms', 'gateway', 5, '30 s')")
        for task, epoch, key, debtor, at in cursor.fetchall():
            self.note(queue="sms", at=at, debtor=debtor, account=key, zone="Europe/Berlin")
            self.sent += 1
            if dice.random() < 0.2:  # it went out, and nobody is told
                self.lost += 1
                continue
            cursor.execute("select dunlin.complete(%s, %s, 'sms.sent')", (task, epoch))
            if cursor.fetchone()[0] == "accepted":  # from here on it must never be lost
                self.note(source="queue", external_id=f"{task}:{epoch}", accepted=True, task=task)
                self.accepted += 1

    def stop(self):
        self.over.set()
        self.thread.join(30)


class Changes:
    """A bank that sends other figures all the time, in files of any size; what the trouble cuts off comes with a later one."""

    def __init__(self, dice):
        self.dice, self.over, self.taken, self.cut_off = dice, threading.Event(), 0, 0

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(60)

    def run(self):
        while not self.over.is_set():
            first, last = sorted(self.dice.sample(range(ACCOUNTS + 1), 2))
            done = load(first, last, self.dice.choice([0, 50, 200, 300]), name="changes", expect=(0, 3))
            self.taken += done == 0
            self.cut_off += done != 0


def run(*words, expect=0):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True)
    check(" ".join(words[:3]), done.returncode == expect, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.stdout.strip() + done.stderr.strip()


def start(name, *words, through=None, faked=False):
    log = open(f"{work}/{name}.log", "a")
    mine = dict(env)
    if through:  # what an impatient address says is what an operator would write into it
        mine["DUNLIN_DATABASE"] = f"host={through} user=dunlin dbname=postgres options='-c statement_timeout=4s'"
    if faked:
        mine.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=f"{work}/{name}.time", FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    nodes[name] = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", f"engine.node={name}", "--set", f"engine.lease_seconds={LEASE}",
                                    "--set", "engine.poll_ms=100", *words], env=mine, stderr=log)


def ask(name, path):
    """Status and body of a question to a node over HTTP."""
    url = re.findall(r'"url":"([^"]*)"', open(f"{work}/{name}.log").read())[-1]
    try:
        with urllib.request.urlopen(url + path, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def set_clock(name, far):
    """A node's own clock jumps, while it runs."""
    with open(f"{work}/{name}.time~", "w") as file:
        file.write(far)
    os.replace(f"{work}/{name}.time~", f"{work}/{name}.time")


def stop(name):
    nodes[name].terminate()
    code = nodes.pop(name).wait(40)
    check(f"{name} stops", code == 0, "" if code == 0 else f"exit {code}\n" + open(f"{work}/{name}.log").read()[-3000:])


def shares():
    """Live nodes with the buckets they hold. Of the database itself, since it is asked all the time; nothing while it is away."""
    try:
        connection = psycopg2.connect(env["DUNLIN_DATABASE"])
        try:
            with connection.cursor() as cursor:
                cursor.execute("select n.name, count(b.bucket) from dunlin.node n left join dunlin.bucket b on b.node = n.name where n.until > clock_timestamp() group by n.name")
                return dict(cursor.fetchall())
        finally:
            connection.close()
    except psycopg2.Error:
        return {}


def open_calls():
    return int(re.sub(r"\D", "", run("queue", "call", "--json", "--count")))


def wait(what, reached, seconds):
    seconds *= 4 if SANITIZED else 1
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if reached():
            return time.monotonic() - begin
        time.sleep(0.1)
    logs = "\n".join(open(f"{work}/{name}.log").read()[-1500:] for name in nodes)
    check(what, False, f"not within {seconds} s: {shares()}, {open_calls()} calls\n{logs}")
    return None


def load(first, last, overdue, name="accounts", expect=(0,)):
    with open(f"{work}/{name}.csv", "w") as file:
        file.write("id,overdue\n" + "".join(f"A{i:04},{overdue}.00\n" for i in range(first, last)))
    done = subprocess.run([dunlin, "import", work + "/bundle", f"{work}/{name}.csv", "--mapping", work + "/accounts.toml"], env=env, capture_output=True, text=True)
    check("an import", done.returncode in expect, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.returncode


def at_rest(when, *words):
    """What is under way would look like something that is lost: all stop, what is due is done, and the judge looks."""
    gateway.rest.set()
    for name in list(nodes):
        stop(name)
    time.sleep(1)
    run("run", work + "/bundle", *words, "--summary")
    judged(when, log=gateway.path)
    gateway.rest.clear()


def judged(when, url=None, log=None):
    done = subprocess.run([judge, url or env["DUNLIN_DATABASE"], *([log] if log else [])], env=env, capture_output=True, text=True)
    check(f"the judge, {when}", done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}")
    print(f"judged {when}: {'nothing found' if done.returncode == 0 else 'FOUND'}", flush=True)


FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
SANITIZED = "libasan" in subprocess.run(["ldd", dunlin], capture_output=True, text=True).stdout
programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not programs:
    print("skipped: there is no PostgreSQL server here")
    sys.exit(77)
os.mkdir(work + "/bundle")
with open(work + "/bundle/chaos.dun", "w") as file:
    file.write("""
bundle chaos "A bundle in trouble" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money }
outcomes call of account { promises, refuses }
queue call { outcomes call, cost 1 }
queue mail { cost 1 }
outcomes sms of account { sent }
queue sms { outcomes sms }
limits "Caps" { sms at most 2 per day, 3 in any 3 days per account }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" while overdue > 100
    keep sms "reminder" while overdue > 0 { again 1 minute }
    every 1 day : mail "daily"
    when overdue <= 0 : go cured
  }
  final stage cured { enrol again when overdue > 0 }
}
""")
with open(work + "/accounts.toml", "w") as file:
    file.write('[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\noverdue = "{overdue}"\n')
as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
os.mkdir(place)
if as_postgres:
    shutil.chown(place, "postgres")
pg = lambda *words: subprocess.run([*as_postgres, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=place)
pg(programs[-1] + "/initdb", "-D", place + "/data", "-A", "trust", "-U", "dunlin", "-E", "UTF8", "--locale=C")
control = programs[-1] + "/pg_ctl"
pg(control, "-D", place + "/data", "-l", place + "/log", "-w", "-o", f"-c listen_addresses='' -k {place} -c fsync=off", "start")
try:
    proxy = Proxy(work + "/proxy", place + "/.s.PGSQL.5432")
    load(0, ACCOUNTS, 200)
    run("apply", work + "/bundle", "--yes", "--clock", time.strftime("%Y-%m-%d 00:00", time.gmtime(time.time() - 3 * 86400)))
    start("anna", through=work + "/proxy")
    start("boris")
    wait("both hold a half", lambda: shares() == {"anna": 512, "boris": 512}, 30)
    wait("every account is called", lambda: open_calls() == ACCOUNTS, 20)
    check("one goes through the proxy", proxy.passed > 10_000, proxy.passed)

    gateway = Gateway(work + "/gateway.log")

    # ---- connections that hang half-open, and never come back ----
    load(0, 100, 50)
    proxy.stall()  # perhaps in the middle of a commit
    took = wait("the other takes over from one that hears nothing", lambda: shares().get("boris") == 1024, LEASE + 12)
    print(f"half-open: taken over after {took:.1f} s with a lease of {LEASE} s" if took else "half-open: not taken over", flush=True)
    wait("what has no reason any more is withdrawn", lambda: open_calls() == ACCOUNTS - 100, 20)
    load(0, 100, 200)
    wait("all are called again", lambda: open_calls() == ACCOUNTS, 20)
    proxy.stalled.clear()
    took = wait("it comes back by itself, on new connections", lambda: shares() == {"anna": 512, "boris": 512}, 60)
    print(f"half-open: back {took:.1f} s after the way was free" if took else "half-open: never came back", flush=True)
    load(50, 150, 0)
    wait("and both work", lambda: open_calls() == ACCOUNTS - 100, 20)
    load(50, 150, 300)
    wait("both, again", lambda: open_calls() == ACCOUNTS, 20)
    at_rest("after half-open connections")

    # ---- nodes that are killed and stopped, a database that is restarted at once, in the middle of their work ----
    long = bool(os.environ.get("DUNLIN_LONG"))
    seed = int(os.environ.get("DUNLIN_SEED") or (random.randrange(1_000_000) if long else 7))
    dice = random.Random(seed)
    print(f"killed, stopped and restarted: seed {seed}", flush=True)
    halves = lambda: shares() == {"anna": 512, "boris": 512}
    for turn in range(10 if long else 1):
        begin = time.monotonic()
        start("anna")
        start("boris")
        wait("both hold a half", halves, 30)
        cut_off = gateway.cut_off
        with Changes(dice) as changes:
            time.sleep(dice.uniform(0.1, 1.5))
            nodes["anna"].kill()
            nodes.pop("anna").wait()
            wait("the other takes over from one that was killed", lambda: shares().get("boris") == 1024, LEASE + 7)
            start("anna")
            wait("it has its half again", halves, 30)
            nodes["boris"].send_signal(signal.SIGSTOP)  # perhaps in the middle of a commit
            time.sleep(LEASE + 2)
            nodes["boris"].send_signal(signal.SIGCONT)  # and it still believes that half is its own
            wait("both hold a half after a stop", halves, 30)
            time.sleep(dice.uniform(0.1, 1.5))
            pg(control, "-D", place + "/data", "-l", place + "/log", "-m", "immediate", "-w", "restart")
            wait("both work on after a restart", halves, 30)
            check("the gateway was cut off", gateway.cut_off > cut_off, gateway.cut_off)
            time.sleep(dice.uniform(0.1, 1.5))
        check("files were taken in the trouble", changes.taken > (0 if SANITIZED else 3), f"{changes.taken} taken, {changes.cut_off} cut off")
        load(0, ACCOUNTS, 200)
        wait("all are called again", lambda: open_calls() == ACCOUNTS, 20)
        at_rest(f"after killed and stopped nodes and a restarted database, {time.monotonic() - begin:.0f} s")
    print(f"{gateway.sent} messages sent, {gateway.accepted} outcomes accepted, cut off {gateway.cut_off} times", flush=True)
    start("boris")

    # ---- the clock of a node jumps while it runs ----
    if FAKETIME is None:
        print("skipped: clocks that jump need libfaketime")
    elif SANITIZED:  # both want to be the first library, and the program never begins
        print("skipped: clocks that jump, with a sanitizer")
    else:
        set_clock("anna", "+0")
        start("anna", faked=True)
        wait("it has its half", lambda: shares() == {"anna": 512, "boris": 512}, 40)
        # An hour back: business time stands there, and what comes waits; the other goes on. Set right, all is done.
        set_clock("anna", "-1h")
        load(0, ACCOUNTS, 50)
        wait("the other works, -1h", lambda: open_calls() <= ACCOUNTS // 2 + 30, 30)
        check("ready, -1h", ask("anna", "/readyz")[0] == 200, ask("anna", "/readyz"))
        set_clock("anna", "+0")
        wait("nothing was lost, -1h", lambda: open_calls() == 0, 30)
        load(0, ACCOUNTS, 200)
        wait("both work again", lambda: open_calls() == ACCOUNTS, 30)
        for n, far in enumerate(["+1h", "+0", "+24h", "+0"]):
            set_clock("anna", far)
            load(0, ACCOUNTS, 50 if n % 2 == 0 else 200)
            wait(f"both work, {far}", lambda: open_calls() == (0 if n % 2 == 0 else ACCOUNTS), 30)
            check(f"ready, {far}", ask("anna", "/readyz")[0] == 200, ask("anna", "/readyz"))
        set_clock("anna", "+49h")
        wait("a jump of two days stops the stepping there", lambda: ask("anna", "/readyz")[0] == 503, 20)
        check("and is said", "jumped by +49" in ask("anna", "/readyz")[1], ask("anna", "/readyz"))
        check("by doctor too", "has jumped by" in run("doctor", "--json", expect=3))
        load(0, ACCOUNTS, 50)
        time.sleep(2)
        here = [n for n in range(ACCOUNTS)]
        check("only the other's half was stepped", 0 < open_calls() < len(here), open_calls())
        set_clock("anna", "+0")
        wait("a clock that is set right needs nobody's word", lambda: ask("anna", "/readyz")[0] == 200, 20)
        wait("and all is stepped", lambda: open_calls() == 0, 20)
        check("nothing to confirm", "has not jumped" in run("clock", "confirm", "--reason", "none", expect=1))
        stop("boris")
        wait("one is alone", lambda: shares() == {"anna": 1024}, 20)
        set_clock("anna", "+49h")
        wait("it stops again", lambda: ask("anna", "/readyz")[0] == 503, 20)
        run("clock", "confirm", "--reason", "two days of a test have gone by")
        load(0, ACCOUNTS, 200)
        wait("once confirmed it steps", lambda: open_calls() == ACCOUNTS, 30)
        check("ready again", ask("anna", "/readyz")[0] == 200, ask("anna", "/readyz"))
        stop("anna")
        check("the audit has it", "confirm clock" in run("audit", "list"))
    wait("whoever runs is ready to stop", lambda: all(shares().get(name) for name in nodes), 40)
    for name in list(nodes):
        stop(name)
    gateway.stop()
    check("the gateway worked to the end", gateway.trouble is None, gateway.trouble)
    check("messages went out, and outcomes were lost", gateway.sent > 20 and gateway.lost > 0, f"{gateway.sent} sent, {gateway.lost} lost")
    run("run", work + "/bundle", "--clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4 * 86400)), "--summary")
    judged("after clocks that jumped", log=gateway.path)

    # ---- the hour that comes twice, and the one that does not come ----
    pg("psql", "-h", place, "-U", "dunlin", "-d", "postgres", "-c", "create database summer")
    summer = env["DUNLIN_DATABASE"].replace("dbname=postgres", "dbname=summer")
    bundle = open(work + "/bundle/chaos.dun").read().replace("day starts 06:00", "day starts 02:30")
    os.mkdir(work + "/summer")
    with open(work + "/summer/chaos.dun", "w") as file:
        file.write(bundle)
    with open(work + "/accounts.csv", "w") as file:
        file.write("id,overdue\n" + "".join(f"S{i},{80}.00\n" for i in range(5)))
    env["DUNLIN_DATABASE"] = summer
    run("import", work + "/summer", work + "/accounts.csv", "--mapping", work + "/accounts.toml", "--as-of", "2026-03-01")
    letters = lambda: int(re.sub(r"\D", "", run("queue", "mail", "--json", "--count")))
    def at(instant):
        run("run", work + "/summer", "--clock", instant, "--summary")
        return letters()
    before = at("2026-03-26T12:00:00Z")
    seen = [at(instant) - before for instant in ("2026-03-27T01:15:00Z", "2026-03-27T01:45:00Z", "2026-03-28T01:15:00Z", "2026-03-28T01:45:00Z",
                                                 "2026-03-29T00:45:00Z", "2026-03-29T01:45:00Z", "2026-03-29T12:00:00Z", "2026-03-30T00:15:00Z", "2026-03-30T00:45:00Z")]
    check("02:30 that does not come: one letter a day all the same", seen == [0, 5, 5, 10, 10, 15, 15, 15, 20], seen)
    before = at("2026-10-24T12:00:00Z")
    seen = [at(instant) - before for instant in ("2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z", "2026-10-25T01:45:00Z",
                                                 "2026-10-25T12:00:00Z", "2026-10-26T01:15:00Z", "2026-10-26T01:45:00Z")]
    check("02:30 that comes twice: one letter", seen == [0, 5, 5, 5, 5, 5, 10], seen)
    judged("after both changes of summer time", url=summer)
finally:
    for process in nodes.values():
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    subprocess.run([*as_postgres, control, "-D", place + "/data", "-m", "immediate", "stop"], capture_output=True, cwd=place)
    shutil.rmtree(work, ignore_errors=True)
print("FAILED" if failures else "passed", len(failures), "failures")
sys.exit(1 if failures else 0)
