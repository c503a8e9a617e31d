"""Every shipped bundle is carried over some weeks by the program itself: files come in, nights are stepped, workers take tasks and say what became of them, other files come
in, more nights. Each command is killed at boundaries of its writes (before one is sent, when it is sent and not committed, when it is committed and nobody has heard of it) and
called again, in part killed again while it recovers. The end must be that of an undisturbed run, and the judge finds nothing.

Every boundary has a number and a kind (DUNLIN_CRASH_LOG); some of each kind are taken, spread over the history. DUNLIN_CRASH_EVERY=n takes every n-th; 1 takes each.
Environment: as in tests/queue/desk.py; DUNLIN_JUDGE, the judge's program; DUNLIN_PORTFOLIO, made_portfolio.
A name as argument runs one bundle: shipped_test.py 09_agencies
"""
import collections, concurrent.futures, glob, hashlib, json, os, shutil, signal, subprocess, sys, tempfile, time, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../queue"))
import psycopg2
from desk import COMMAND, SERVER, Client, connect

JUDGE, PORTFOLIO = os.environ["DUNLIN_JUDGE"], os.environ["DUNLIN_PORTFOLIO"]
EVERY = int(os.environ.get("DUNLIN_CRASH_EVERY", 0))
AT_ONCE = 2           # bundles that are carried at the same time
KILLS = 6             # of each bundle, unless every n-th boundary is taken
KINDS = ("before", "written", "committed")
DEBTORS = collections.defaultdict(lambda: 16, {"07_restructuring": 60})  # there a request must come, of somebody who owes
SEED = 7
STRATEGIES = os.path.normpath(os.path.join(HERE, "../../strategies"))
BUNDLES = sorted(os.path.dirname(file) for file in glob.glob(f"{STRATEGIES}/**/bundle.dun", recursive=True))
FIRST, SECOND, LAST = "2025-05-05", "2025-05-12", "2025-06-15"
# Everything that a history leaves behind, by name: without what says on which machine, in which order of its threads or after how many tries that was.
LEFT = {
    "case files": "select case_id, wake_at::text, set_aside from dunlin.case_file",
    "states": """select s.case_id, s.instance_id, t.name as strategy, g.name as stage, s.entered_at::text, encode(s.body, 'hex') from dunlin.state s
                 left join dunlin.name t on t.id = s.strategy left join dunlin.name g on g.id = s.stage""",
    "moves": """select m.case_id, m.instance_id, m.at::text, f.name as left_stage, g.name as stage, m.rule from dunlin.transition m
                left join dunlin.name f on f.id = m.from_stage left join dunlin.name g on g.id = m.to_stage""",
    "tasks": """select x.case_id, x.task::text, q.name, x.identity, x.recipient, x.treatment, x.created_at::text, x.status, x.priority, x.not_before::text, x.done::text, x.outcome, x.fields::text from
                (select bucket, case_id, task, queue, identity, recipient, treatment, created_at, status, priority, not_before, null::timestamptz as done, null as outcome, fields
                   from dunlin.task_open join dunlin.task_body using (bucket, case_id, task)
                 union all select bucket, case_id, task, queue, identity, recipient, treatment, created_at, status, priority, not_before, done_at, outcome, fields from dunlin.task_done) x
                join dunlin.name q on q.id = x.queue""",
    "contacts": "select case_id, instance_id, at::text, channel, kind, recipient, outcome, source from dunlin.contact",
    "events": """select e.case_id, e.instance_id, n.name, e.at::text, e.raised, e.source, e.external_id, e.payload::text as fields
                 from dunlin.event e left join dunlin.name n on n.id = e.type""",
    "fields of events": "select case_id, instance_id, at::text, source, encode(body, 'hex') from dunlin.event where body is not null",
    "inbox": "select case_id, at::text, kind from dunlin.inbox",
    "requests": "select id, case_id, kind, name, asked_at::text, status, agency, decided_at::text, payload::text as asked from dunlin.request",
    "notes": "select case_id, instance_id, at::text, body, whom from dunlin.note",
    "set aside": "select kind, location, reason, body from dunlin.quarantine",
    # What rows and files are measured by that come later. A file that is read again notes the same again.
    "seen again": "select distinct s.entity, s.as_of::text, x.id from dunlin.seen_again s, unnest(s.ids) x(id)",
    "seen until": "select entity, as_of::text from dunlin.seen_until",
    "files of feeds": """select d.feed, d.day::text, d.file, d.hash, d.status, d.rows_read, d.rows_bad, d.rows_told, d.total::text, d.total_told::text, d.reason, d.again
                         from dunlin.feed_delivery d where d.status in ('taken', 'refused')""",
}


def admin(*statements):
    connection = connect("postgres")
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def copy(source, name):
    admin(f"drop database if exists {name} with (force)", f"create database {name} template {source}")
    return name


def drop(*names):
    admin(*(f"drop database if exists {name} with (force)" for name in names))


def end_of(name):
    client = Client(name)
    end = {what: sorted(map(str, client.all(sql))) for what, sql in LEFT.items()}
    # The rows of the portfolio as they are now and were before, and since when they stand.
    for (table,) in client.all("select tablename from pg_tables where schemaname = 'portfolio' order by 1"):
        end[table] = sorted(str(row) for row in client.all(f"select to_jsonb(t) from portfolio.{table} t"))
    client.connection.close()
    return end


def chance(*words):
    """The same number below 100 for the same words, wherever and whenever."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(map(str, words)).encode(), digest_size=4).digest(), "big") % 100


class Broken(Exception):
    pass


class History:
    """One bundle's: what is done in which order, in databases of its own."""

    def __init__(self, bundle, folder, empty):
        self.bundle, self.name = bundle, os.path.basename(bundle)
        self.folder = f"{folder}/{self.name}"
        self.base = f"crash_{os.getpid()}_{self.name}"
        self.empty = empty
        self.log = f"{self.folder}/boundaries"
        os.mkdir(self.folder)
        # What changes comes as the file of a feed, so that what a feed remembers is there to be lost.
        self.bundle = bundle = shutil.copytree(bundle, f"{self.folder}/bundle")
        with open(f"{bundle}/files_that_come.dun", "w") as text:
            text.write('/// For the test: what changes comes through it.\nfeed files_of_the_test "Rows" { due 23:00 }\n')
        self.call([PORTFOLIO, bundle, self.folder, str(SEED), str(DEBTORS[self.name]), FIRST, SECOND])
        with open(self.folder + "/outcomes.json") as file:
            about = json.load(file)
        self.zone, self.outcomes = about["zone"], about["queues"]
        rows = lambda file, day: ["import", bundle, f"{self.folder}/{file}", "--mapping", f"{self.folder}/mapping.toml", "--as-of", day, "--allow-rejected"]
        events = lambda file: ["import", "events", bundle, f"{self.folder}/{file}", "--allow-rejected"]
        nights = lambda first, last: ["run", bundle, "--from", first, "--to", last, "--summary"]
        steps = [rows("rows.jsonl", "2025-05-04"), events("events_1.jsonl"), nights(FIRST, "2025-05-07"), "2025-05-07 18:30", nights("2025-05-08", "2025-05-11"),
                 rows("changes.jsonl", "2025-05-11") + ["--feed", "files_of_the_test", "--for", "2025-05-11"], events("events_2.jsonl"), "2025-05-11 10:30", nights(SECOND, "2025-05-13"), "2025-05-13 18:15",
                 nights("2025-05-14", LAST)]
        # A bundle without events has files of them with nothing in.
        self.steps = [step for step in steps if isinstance(step, str) or step[1] != "events" or os.path.getsize(step[3])]

    def call(self, words, allowed=(0,), **environment):
        done = subprocess.run(words, capture_output=True, text=True, env=dict(os.environ, **environment))
        if done.returncode not in allowed:
            raise Broken(f"{' '.join(words)} {environment}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.returncode

    def boundaries(self):
        with open(self.log) as file:
            return [line.split()[1] for line in file]

    def carry(self, name, step, crash_at=None, more=("--interpreter",)):
        """One command; the kind of boundary that it was killed at, None if it came to its end. Nights by the interpreter, which is there at once."""
        if os.path.exists(self.log):
            os.unlink(self.log)
        words = [COMMAND, *self.steps[step], "--database", f"{SERVER} dbname={name}", *(more if self.steps[step][0] == "run" else ())]
        at = {"DUNLIN_CRASH_AT": str(crash_at)} if crash_at else {}
        killed = self.call(words, (0, -signal.SIGKILL) if crash_at else (0,), DUNLIN_CRASH_LOG=self.log, **at)
        return self.boundaries()[-1] if killed else None

    def judge(self, name, what):
        done = subprocess.run([JUDGE, f"{SERVER} dbname={name}"], capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(f"{what}: the judge: exit {done.returncode}\n{done.stdout}{done.stderr}")

    # ---- workers ----

    def work(self, name, moment, disturbed=False):
        """Workers take what there is, say what became of most of it, give some back, and some they keep. What they do hangs on the tasks alone. `disturbed`: some of them die
        before their call is committed, or before they hear its answer, and call again."""
        client = Client(name)
        at = f"{moment} {self.zone}"
        done = collections.Counter()
        # Days have gone by since others took tasks, and seconds by the clock that waits are kept by: all of them are over.
        client.run("update dunlin.task_open set wakes = clock_timestamp() where status = 0 and wakes > clock_timestamp() and wakes < 'infinity'")
        client.run("select dunlin.turn_over()")
        for (queue,) in client.all("select n.name from dunlin.queue_setting s join dunlin.name n on n.id = s.queue order by 1"):
            if disturbed and chance(queue, moment) < 40:
                self.die(name, "select * from dunlin.lease(%s, 'worker', 50, '1 hour', %s)", queue, at)
            try:
                leased = self.take_all(client, queue, at)
            except psycopg2.Error as error:
                if not (error.pgcode or "").startswith("DU"):
                    raise
                done[error.pgcode] += 1  # its tasks go out in a register
                continue
            for task in sorted(leased, key=lambda task: str(task.task)):
                draw = chance(task.task, moment)
                if draw < 10:
                    done["kept"] += 1
                    continue
                if draw < 25:
                    client.run("select dunlin.release(%s, %s, %s, 'given back')", task.task, task.epoch, f"{moment[:10]} 23:00 {self.zone}")
                    done["given back"] += 1
                    continue
                done[self.complete(client, name, queue, task, at, draw, disturbed)] += 1
        client.connection.close()
        return done

    @staticmethod
    def take_all(client, queue, at):
        """Call after call: one looks for half a second, and a slow machine comes less far in that time."""
        leased = []
        while True:
            del client.connection.notices[:]
            more = client.all("select * from dunlin.lease(%s, 'worker', 50, '1 hour', %s)", queue, at)
            leased += more
            if not more and not client.connection.notices:
                return leased

    def complete(self, client, name, queue, task, at, draw, disturbed):
        """One of the outcomes that the queue has; which one is not about such a task is refused, and the next one is said."""
        said = self.outcomes[queue] or [{"outcome": None, "payload": {}}]
        first = draw * 7
        for n in range(first, first + len(said)):
            one = said[n % len(said)]
            call = ("select dunlin.complete(%s, %s, %s, %s, at => %s)", task.task, task.epoch, one["outcome"], json.dumps(one["payload"]), at)
            expected = "accepted"
            try:
                if disturbed and draw % 3 == 0:
                    self.die(name, *call)
                if disturbed and draw % 3 == 1:
                    self.die(name, *call, after_commit=True)
                    expected = "duplicate"
                answer = client.value(*call)
            except psycopg2.Error as error:
                if not (error.pgcode or "").startswith("DU"):
                    raise
                continue
            if answer != expected:
                raise Broken(f"workers at {at}: {queue} {task.key}: {answer} instead of {expected}")
            return "completed"
        return "about nothing that can be said"

    def die(self, name, sql, *values, after_commit=False):
        """Somebody who is gone before the answer: of the call, or of its commit. What was locked for them is free when the server has noticed."""
        connection = psycopg2.connect(f"{SERVER} dbname={name}")
        pid = connection.info.backend_pid
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
            if after_commit:
                connection.commit()
        finally:
            connection.close()
        other = Client(name)
        until = time.monotonic() + 20
        while other.one("select 1 from pg_stat_activity where pid = %s", pid):  # a row without columns counts as none
            if time.monotonic() > until:
                raise Broken("the server does not notice that a worker has died")
            time.sleep(0.002)
        other.connection.close()

    # ---- the loop ----

    def undisturbed(self):
        """Every step once: a copy of the database before each command, what each leaves behind, and which boundaries it has."""
        calm = copy(self.empty, self.base + "_calm")
        self.before, self.left, self.points = {}, {}, []
        self.worked = collections.Counter()
        for n, step in enumerate(self.steps):
            if isinstance(step, str):
                self.worked += self.work(calm, step)
            else:
                self.before[n] = copy(calm, f"{self.base}_{n}")
                self.carry(calm, n, more=())  # by native code: those that were killed must come to the same end
                self.points += [(n, at, kind) for at, kind in enumerate(self.boundaries(), 1)]
            self.left[n] = end_of(calm)
        self.judge(calm, "undisturbed")
        drop(calm)

    def chosen(self):
        if EVERY:
            return self.points[::EVERY]
        chosen = set()
        for turn, kind in enumerate(KINDS):
            # As many of each command as of any other, whatever number of boundaries it has.
            of_step = collections.defaultdict(list)
            for point in self.points:
                if point[2] == kind:
                    of_step[point[0]].append(point)
            steps = sorted(of_step)
            for k in range(min(KILLS // len(KINDS), len(self.points))):
                points = of_step[steps[(chance(self.name) + k * len(KINDS) + turn) % len(steps)]]
                chosen.add(points[chance(self.name, kind, k) * len(points) // 100])
        return sorted(chosen)

    def compare(self, name, step, what, but=()):
        end = end_of(name)
        for part, expected in self.left[step].items():
            if end[part] != expected and part not in but:
                only = [sorted(set(expected) - set(end[part]))[:3], sorted(set(end[part]) - set(expected))[:3]]
                raise Broken(f"{what}: {part}: {len(expected)} and {len(end[part])}, e.g. {only}")

    def killed(self, nth, step, at):
        """Killed there, called again; two of three are killed again while they recover, and every third goes on to the end with workers who die, too."""
        name = copy(self.before[step], self.base + "_killed")
        what = f"{' '.join(self.steps[step][:2])}, step {step}, killed at boundary {at}"
        kind = self.carry(name, step, at)
        if kind is None:  # threads: it had fewer boundaries this time
            return None, 0
        again = 0
        if nth % 3 != 2:
            again = self.carry(name, step, 1 + (at + nth) % 4) is not None
        self.carry(name, step)
        # A set-up that was cut off leaves gaps in the numbers of names, by which the fields of an event are kept.
        but = ("fields of events",) if step == 0 else ()
        self.compare(name, step, what, but)
        # The judge looks behind a night: then nothing is due.
        last = len(self.steps) - 1 if nth % 3 == 2 else next(n for n in range(step, len(self.steps)) if self.steps[n][0] == "run")
        for n in range(step + 1, last + 1):
            if isinstance(self.steps[n], str):
                self.work(name, self.steps[n], disturbed=True)
            else:
                self.carry(name, n)
            self.compare(name, n, what + f", then on to step {n}", but)
        self.judge(name, what)
        return kind, again

    def run(self):
        begin = time.monotonic()
        try:
            self.undisturbed()
            end = self.left[len(self.steps) - 1]
            kinds, again = collections.Counter(), 0
            for nth, (step, at, _) in enumerate(self.chosen()):
                kind, more = self.killed(nth, step, at)
                kinds[kind] += 1
                again += more
            of_kind = collections.Counter(kind for _, _, kind in self.points)
            for kind in KINDS:
                if not of_kind[kind] or not kinds[kind]:
                    raise Broken(f"no boundary is {kind}: {dict(of_kind)}, killed at {dict(kinds)}")
            if again < 1:
                raise Broken("none was killed again while it recovered")
            # A history in which nothing happens says little; a bundle without strategies has rows only.
            missing = [part for part in ("tasks", "states", "moves", "events") if not end[part]] if self.outcomes else []
            if missing or (self.outcomes and not self.worked["completed"]):
                raise Broken(f"no {missing or 'completed tasks'}: this says little")
            return (f"{self.name}: {len(self.points)} boundaries ({', '.join(f'{of_kind[kind]} {kind}' for kind in KINDS)}); killed at {sum(kinds.values())} "
                    f"({', '.join(f'{kinds[kind]} {kind}' for kind in KINDS)}), {again} times again; {len(end['tasks'])} tasks ({', '.join(f'{n} {what}' for what, n in sorted(self.worked.items()))}), "
                    f"{len(end['moves'])} moves, {len(end['events'])} events, {len(end['requests'])} requests, {len(end['notes'])} notes, {len(end['set aside'])} set aside; {time.monotonic() - begin:.1f} s")
        finally:
            drop(self.base + "_calm", self.base + "_killed", *(f"{self.base}_{n}" for n in range(len(self.steps))))


def main():
    wanted = [bundle for bundle in BUNDLES if not sys.argv[1:] or os.path.basename(bundle) in sys.argv[1:]]
    assert len(BUNDLES) >= 14 and wanted, BUNDLES
    empty = f"crash_{os.getpid()}_empty"
    admin(f"create database {empty}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([COMMAND, "token", "list", "--database", f"{SERVER} dbname={empty}"], capture_output=True, text=True)  # the schema
        assert done.returncode == 0, done.stderr

        def carried(bundle):
            try:
                return True, History(bundle, folder, empty).run()
            except Exception as error:  # every failure is shown, the others still run
                return False, f"{os.path.basename(bundle)}: " + (str(error) if isinstance(error, Broken) else traceback.format_exc())

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for good, text in pool.map(carried, wanted):
                failed += not good
                print(("ok    " if good else "FAIL  ") + text, flush=True)
    drop(empty)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
