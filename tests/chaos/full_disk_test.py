#!/usr/bin/env python3
"""The disk of the database fills up beside a node, a gateway and a bank, stays full for a while and gets room again: first where its data are, which makes
statements fail; then where its log of what it writes is (pg_wal), which makes PostgreSQL panic. Nobody loses or doubles anything, an outcome that was accepted is kept, whoever asks meanwhile is told
in clear words, and the node goes on by itself. The judge looks at what was recorded and at what those outside have in their logs.

A library before the writes of PostgreSQL's processes says that there is no room (full_disk.c): it takes no root.

full_disk_test.py DUNLIN STDLIB JUDGE LIBRARY
"""
import glob, json, os, random, re, shutil, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

try:
    import psycopg2
except ImportError:
    print("skipped: this needs python3-psycopg2 (scripts/packages.txt)")
    sys.exit(77)

dunlin, stdlib, judge, library = (os.path.abspath(word) for word in sys.argv[1:5])
ACCOUNTS = 300
FULL = "the disk of the database is full"
AWAY = "the database does not answer"
failures = []
work = tempfile.mkdtemp()
os.chmod(work, 0o755)
place, flag = work + "/cluster", work + "/flag"
url = f"host={place} user=dunlin dbname=postgres"
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_STDLIB=stdlib, DUNLIN_DATABASE=url)
SANITIZED = "libasan" in subprocess.run(["ldd", dunlin], capture_output=True, text=True).stdout
programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not programs or SANITIZED:
    print("skipped: there is no PostgreSQL server here, or this build is a slow one; what is tried is the way of a node, not its memory")
    sys.exit(77)
begun = time.monotonic()


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED {what} {detail}", flush=True)


def run(*words, expect=(0,)):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True)
    check(" ".join(words[:3]), done.returncode in expect, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done


def node_log():
    with open(work + "/node.log") as file:
        return file.read()


def server_log():
    with open(place + "/log") as file:
        return file.read()


def wait(what, reached, seconds):
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if reached():
            return time.monotonic() - begin
        time.sleep(0.05)
    check(what, False, f"not within {seconds} s\n{node_log()[-2500:]}\n{server_log()[-1500:]}")
    return seconds


def ask(method, path, body=None):
    """Status and body of a question to the node."""
    request = urllib.request.Request(node_url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def value(sql):
    """Nothing while the database is away."""
    try:
        connection = psycopg2.connect(url)
    except psycopg2.Error:
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]
    except psycopg2.Error:
        return None
    finally:
        connection.close()


class Log:
    """What those outside know: told before anybody else hears of it."""

    def __init__(self, path):
        self.path, self.guard = path, threading.Lock()

    def note(self, **line):
        with self.guard, open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")


class Outsider:
    """Works on and on in a thread of its own. Whatever is not known to be kept is said again until it is."""

    def __init__(self, log):
        self.log, self.over, self.rest, self.resting = log, threading.Event(), threading.Event(), threading.Event()
        self.kept, self.told_full, self.told_away, self.trouble = 0, 0, 0, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        dice = random.Random(type(self).__name__)
        while not self.over.is_set():
            if self.rest.is_set() and self.nothing_left():
                self.resting.set()
                time.sleep(0.05)
                continue
            self.resting.clear()
            try:
                self.turn(dice)
            except Exception as error:  # the test would go on without this one, and find nothing
                self.trouble = repr(error)
                self.resting.set()
                return
            time.sleep(self.pause)

    pause = 0.05

    def nothing_left(self):
        return True

    def told(self, status, text):
        """Whether it was done; else the words must say why not."""
        if status == 200:
            return True
        title = json.loads(text).get("title", "")
        if status != 503 or (FULL not in title and AWAY not in title):
            raise AssertionError(f"answered {status}: {text}")
        self.told_full += FULL in title
        self.told_away += AWAY in title
        return False


class Bank(Outsider):
    """Sends payments over HTTP."""

    def __init__(self, log):
        self.number, self.event = 0, None
        super().__init__(log)

    def nothing_left(self):
        return self.event is None

    def turn(self, dice):
        if self.event is None:
            self.number += 1
            self.event = {"event": "payment", "entity": "account", "key": f"A{dice.randrange(ACCOUNTS):04}", "source": "bank", "external_id": f"p{self.number}", "payload": {"amount": 5}}
        if not self.told(*ask("POST", "/v1/events", self.event)):
            return
        self.log.note(source="bank", external_id=self.event["external_id"], accepted=True, entity="account", key=self.event["key"])
        self.kept += 1
        self.event = None


class Worker(Outsider):
    """Takes calls over HTTP and says what became of them."""

    def __init__(self, log):
        self.held, self.spoken = [], 0
        super().__init__(log)

    def nothing_left(self):
        return not self.held

    def turn(self, dice):
        if not self.held:
            status, text = ask("POST", "/v1/queues/call/lease", {"n": 3, "worker": "anna", "seconds": 3600})
            if self.told(status, text):
                self.held = [(task["task"], task["epoch"], dice.choice(["promises", "refuses"])) for task in json.loads(text)["items"]]
            return
        task, epoch, outcome = self.held[0]
        if not self.told(*ask("POST", f"/v1/tasks/{task}/complete", {"epoch": epoch, "outcome": outcome})):
            return
        self.log.note(source="queue", external_id=f"{task}:{epoch}", accepted=True, task=task)
        self.kept += 1
        self.held.pop(0)


class Gateway(Outsider):
    """Takes messages in SQL and sends them, once each; its log is what the limits are counted by again."""

    def __init__(self, log):
        self.connection, self.sent = None, []
        super().__init__(log)

    def nothing_left(self):
        return not self.sent

    def turn(self, dice):
        try:
            if self.connection is None:
                self.connection = psycopg2.connect(url)
                self.connection.autocommit = True
            cursor = self.connection.cursor()
            if not self.sent:
                cursor.execute("select task, epoch, key, debtor, (extract(epoch from clock_timestamp()) * 1000000)::int8 from dunlin.lease('sms', 'gateway', 5, '1 hour')")
                for task, epoch, key, debtor, at in cursor.fetchall():
                    self.log.note(queue="sms", at=at, debtor=debtor, account=key, zone="Europe/Berlin")
                    self.sent.append((task, epoch))
                return
            task, epoch = self.sent[0]
            cursor.execute("select dunlin.complete(%s, %s, 'sms.sent')", (task, epoch))
            assert cursor.fetchone()[0] in ("accepted", "duplicate")
            self.log.note(source="queue", external_id=f"{task}:{epoch}", accepted=True, task=task)
            self.kept += 1
            self.sent.pop(0)
        except psycopg2.Error as error:
            code = error.pgcode or ""
            if code and code != "53100" and not code.startswith("57P"):
                raise
            self.told_full += code == "53100"
            self.told_away += code != "53100"
            if code != "53100":
                self.connection = None


class Files(Outsider):
    """The bank's files, one after the other."""

    def turn(self, dice):
        first, last = sorted(dice.sample(range(ACCOUNTS + 1), 2))
        done = load(first, last, dice.choice([0, 50, 200, 300]), name="changes", expect=(0, 3))
        said = done.stdout + done.stderr
        if done.returncode == 0:
            self.kept += 1
        elif FULL in said:
            self.told_full += 1
        elif "the connection" in said or "server" in said:
            self.told_away += 1
        else:
            raise AssertionError(f"a file was not taken, and nobody knows why: {said}")


def load(first, last, overdue, name="accounts", expect=(0,)):
    with open(f"{work}/{name}.csv", "w") as file:
        file.write("id,overdue\n" + "".join(f"A{i:04},{overdue}.00\n" for i in range(first, last)))
    return run("import", work + "/bundle", f"{work}/{name}.csv", "--mapping", work + "/accounts.toml", expect=expect)


def fill(what):
    with open(flag + "~", "w") as file:
        file.write(what)
    os.chmod(flag + "~", 0o644)
    os.replace(flag + "~", flag)


def make_room():
    os.unlink(flag)


def metric(name):
    status, text = ask("GET", "/metrics")
    found = re.search(rf"(?m)^{name} (\S+)$", text) if status == 200 else None
    return found and float(found.group(1))


def in_stage(stage):
    return value(f"select count(*) from dunlin.state s join dunlin.name n on n.id = s.stage where n.name like '%{stage}'")


def goes_on(when):
    """Nobody has done anything but make room: events, files, outcomes and steps go on."""
    kept = [one.kept for one in outsiders]
    wait(f"all go on, {when}", lambda: all(one.trouble or one.kept > before for one, before in zip(outsiders, kept)), 40)


def at_rest(when):
    """What is under way would look like something that is lost: all come to the end of what they began, all is stepped, and the judge looks."""
    for one in outsiders:
        one.rest.set()
    wait(f"all come to rest, {when}", lambda: all(one.resting.is_set() for one in outsiders), 40)
    for one in outsiders:
        check(f"{type(one).__name__} worked to the end, {when}", one.trouble is None, one.trouble)
    load(0, ACCOUNTS, 0)
    wait(f"every account is stepped, {when}", lambda: in_stage("cured") == ACCOUNTS and value("select count(*) from dunlin.inbox") == 0, 30)
    check(f"the node was not restarted, {when}", node.poll() is None)
    judged = subprocess.run([judge, url, log.path], env=env, capture_output=True, text=True)
    check(f"the judge, {when}", judged.returncode == 0, f"exit {judged.returncode}: {judged.stdout}{judged.stderr}")
    print(f"judged {when}: {'nothing found' if judged.returncode == 0 else 'FOUND'}; {time.monotonic() - begun:.0f} s", flush=True)
    load(0, ACCOUNTS, 200)
    for one in outsiders:
        one.rest.clear()


os.mkdir(work + "/bundle")
with open(work + "/bundle/full.dun", "w") as file:
    file.write("""
bundle full "A bundle without room" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money }
event payment of account { amount : money }
outcomes call of account { promises, refuses }
queue call { outcomes call, cost 1 }
outcomes sms of account { sent }
queue sms { outcomes sms }
limits "Caps" { sms at most 2 per day, 3 in any 3 days per account }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling {
    keep call "script" while overdue > 100 { again 1 minute }
    keep sms "reminder" while overdue > 0 { again 1 minute }
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
shutil.copy(library, work + "/full_disk.so")
os.chmod(work + "/full_disk.so", 0o755)
control = programs[-1] + "/pg_ctl"


def postgres(*words):
    return subprocess.run([*as_postgres, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=place, text=True)


def start_server():
    """By hand, as an operator or a supervisor of services does where PostgreSQL has given up."""
    settings = f"-c listen_addresses='' -k {place} -c fsync=off -c min_wal_size=2MB -c max_wal_size=64MB"
    done = postgres("env", f"LD_PRELOAD={work}/full_disk.so", f"DUNLIN_FULL_FOLDER={place}/data", f"DUNLIN_FULL_FLAG={flag}", control, "-D", place + "/data", "-l", place + "/log", "-w", "-o", settings, "start")
    check("PostgreSQL starts", done.returncode == 0, done.stderr + server_log()[-1500:])


def is_running():
    return postgres(control, "-D", place + "/data", "status").returncode == 0


made = postgres(programs[-1] + "/initdb", "-D", place + "/data", "-A", "trust", "-U", "dunlin", "-E", "UTF8", "--locale=C", "--wal-segsize=1")
assert made.returncode == 0, made.stderr
start_server()
node, outsiders = None, []
try:
    log = Log(work + "/outside.log")
    log.note(limit="sms", most=2, period="day", key="account")
    log.note(limit="sms", most=3, period="days", length=3, key="debtor")
    load(0, ACCOUNTS, 200)
    run("apply", work + "/bundle", "--yes")
    token = run("token", "create", "--role", "administrator", "--name", "outside").stdout.strip()
    with open(work + "/node.log", "a") as out:
        node = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", "engine.poll_ms=100", "--set", "engine.lease_seconds=3", "--set", "limits.requests_per_second=100000",
                                 "--set", "limits.burst=100000"], env=env, stderr=out)
    wait("the node is there", lambda: re.search(r'"url":"([^"]*)"', node_log()), 60)
    node_url = re.search(r'"url":"([^"]*)"', node_log()).group(1)
    wait("the node is ready", lambda: ask("GET", "/readyz")[0] == 200, 20)
    check("the metric says that there is room", metric("dunlin_database_full") == 0, metric("dunlin_database_full"))
    outsiders += [Bank(log), Worker(log), Gateway(log), Files(log)]
    wait("all work", lambda: all(one.kept > 5 or one.trouble for one in outsiders), 40)

    # ---- no room for data: statements fail, the server lives ----
    fill("data")
    said_full = lambda: ask("GET", "/readyz")
    took = wait("the node says that it is not ready", lambda: said_full()[0] == 503 and FULL in said_full()[1], 30)
    check("and that the database answers", json.loads(said_full()[1])["database"] is True, said_full()[1])
    wait("the metric says so, too", lambda: metric("dunlin_database_full") == 1, 10)
    check("and that the database is up", metric("dunlin_database_up") == 1)
    wait("whoever asks over HTTP, in SQL and with a file is told", lambda: all(one.told_full > 0 or one.trouble for one in outsiders), 40)
    check("reading goes on", ask("GET", "/v1/accounts?limit=2")[0] == 200, ask("GET", "/v1/accounts?limit=2"))
    check("the log has the words", FULL in node_log(), node_log()[-1500:])
    time.sleep(3)
    check("full: nobody was told anything else", not any(one.told_away for one in outsiders), [(type(one).__name__, one.told_away) for one in outsiders])
    make_room()
    back = wait("the node is ready again by itself", lambda: ask("GET", "/readyz")[0] == 200, 20)
    wait("the metric, too", lambda: metric("dunlin_database_full") == 0, 10)
    goes_on("with room again")
    print(f"no room for data: said after {took:.1f} s, ready {back:.1f} s after there was room; told so: " + ", ".join(f"{type(one).__name__} {one.told_full}" for one in outsiders), flush=True)
    at_rest("after a disk without room for data")

    # ---- no room for the server's log: it panics, and recovers or gives up ----
    for stays in (0, 2):
        panics = server_log().count("PANIC")
        wait("all work again", lambda: in_stage("calling") or 0, 30)
        goes_on("before the next one")
        fill("wal")
        wait("PostgreSQL panics", lambda: server_log().count("PANIC") > panics, 30)
        if stays:
            wait("the node says that the database is away", lambda: (lambda a: a[0] == 503 and json.loads(a[1])["database"] is False)(ask("GET", "/readyz")), 20)
            time.sleep(stays)
        make_room()
        time.sleep(0.5)
        gave_up = not is_running()
        if gave_up:
            start_server()
        back = wait("the node is ready again by itself", lambda: ask("GET", "/readyz")[0] == 200, 40)
        goes_on("after a panic")
        print(f"no room for the log{f', for {stays} s' if stays else ''}: {server_log().count('PANIC') - panics} panics, PostgreSQL {'gave up and was started again' if gave_up else 'came back by itself'}; "
              f"ready {back:.1f} s after it was", flush=True)
        at_rest("after a panic")
    for one in outsiders:
        one.over.set()
    node.terminate()
    check("the node stops well", node.wait(40) == 0, node_log()[-1500:])
    check("much was kept", all(one.kept > 10 for one in outsiders), [(type(one).__name__, one.kept) for one in outsiders])
    print(f"kept: " + ", ".join(f"{type(one).__name__} {one.kept}" for one in outsiders) + f"; {time.monotonic() - begun:.0f} s", flush=True)
finally:
    for one in outsiders:
        one.over.set()
    if node and node.poll() is None:
        node.kill()
        node.wait()
    for one in outsiders:
        one.thread.join(30)
    postgres(control, "-D", place + "/data", "-m", "immediate", "stop")
    shutil.rmtree(work, ignore_errors=True)
print("FAILED" if failures else "passed", len(failures), "failures")
sys.exit(1 if failures else 0)
