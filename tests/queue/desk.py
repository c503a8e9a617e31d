"""A database with the desk's bundle in it, for tests of the queues from outside. Everything goes through the SQL functions, as a consumer would.

Environment: DUNLIN_COMMAND, the program; DUNLIN_SERVER, words for libpq without a database.
"""
import itertools
import os
import subprocess
import sys
import tempfile

import psycopg2
import psycopg2.extras

psycopg2.extras.register_uuid()
COMMAND = os.environ["DUNLIN_COMMAND"]
SERVER = os.environ["DUNLIN_SERVER"]
HERE = os.path.dirname(os.path.abspath(__file__))
BUNDLE = os.path.join(HERE, "desk")
CAPPED = os.path.join(HERE, "capped")  # the same under limits
_numbers = itertools.count(1)


def connect(name, **words):
    connection = psycopg2.connect(f"{SERVER} dbname={name}", **words)
    connection.autocommit = True
    return connection


def dunlin(name, *words, check=True):
    done = subprocess.run([COMMAND, *words, "--database", f"{SERVER} dbname={name}"], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"dunlin {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def import_accounts(name, rows, bundle=BUNDLE):
    """rows: (debtor, account, owed, urgency, client)"""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
        file.write("debtor,account,owed,urgency,client\n")
        file.writelines(",".join(str(x) for x in row) + "\n" for row in rows)
    try:
        dunlin(name, "import", bundle, file.name, "--mapping", "desk.toml")
    finally:
        os.unlink(file.name)


def bare_database(name=None, template=None):
    """A database with nothing in it, or with what the template has. Returns its name."""
    name = name or f"desk_{os.getpid()}_{next(_numbers)}"
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}" + (f" template {template}" if template else ""))
    admin.close()
    return name


def new_database(rows, template=None, bundle=BUNDLE):
    """A database with these accounts, stepped once. Returns its name."""
    name = bare_database(template=template)
    if template is None:
        import_accounts(name, rows, bundle)
        step(name, bundle)
    return name


def step(name, bundle=BUNDLE):
    dunlin(name, "run", bundle, "--summary")


class Client:
    """One consumer's connection."""

    def __init__(self, name, **words):
        self.connection = connect(name, **words)
        self.cursor = self.connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor)

    def all(self, sql, *values):
        self.cursor.execute(sql, values)
        return self.cursor.fetchall()

    def one(self, sql, *values):
        rows = self.all(sql, *values)
        return rows[0] if rows else None

    def value(self, sql, *values):
        row = self.one(sql, *values)
        return row[0] if row else None

    def run(self, sql, *values):
        self.cursor.execute(sql, values)

    def lease(self, queue="call", worker="anna", n=1, lasting=None):
        return self.all("select * from dunlin.lease(%s, %s, %s, lasting => %s)", queue, worker, n, lasting)

    def refusal(self, sql, *values):
        """(SQLSTATE, message, hint) of a call that must fail."""
        try:
            self.cursor.execute(sql, values)
        except psycopg2.Error as error:
            return error.pgcode, error.diag.message_primary, error.diag.message_hint or ""
        raise AssertionError(f"not refused: {sql} {values}")


def check_sound(client):
    """What must hold in every committed state of the queues."""
    for what, sql in {
        "a task with a body": "select task from dunlin.task_open o full join dunlin.task_body b using (bucket, case_id, task) where o.task is null or b.task is null",
        "open or over, never both": "select o.task from dunlin.task_open o join dunlin.task_done d using (task)",
        "over once": "select task from dunlin.task_done group by 1 having count(*) > 1",
        "one lease at a time": "select task, epoch from dunlin.contact where kind = 'reserved' group by 1, 2 having count(*) > 1",
        "a reservation belongs to a lease": """select c.task from dunlin.contact c where c.kind = 'reserved' and not exists
            (select 1 from dunlin.task_open o where o.task = c.task and o.status = 1 and o.lease_epoch = c.epoch)""",
        "a lease has its reservation": """select o.task from dunlin.task_open o join dunlin.queue_setting s using (queue) where o.status = 1 and s.batch_at is null and s.contacts and not exists
            (select 1 from dunlin.contact c where c.task = o.task and c.epoch = o.lease_epoch and c.kind = 'reserved')""",
        "done with an outcome is an event": """select d.task from dunlin.task_done d where d.status = 2 and d.outcome is not null and d.external_id is not null and not exists
            (select 1 from dunlin.event e where e.source = 'queue' and e.external_id = d.external_id)""",
        "no ready task behind a cursor": """select o.task from dunlin.task_open o join dunlin.queue_head h using (queue, band)
            where o.status = 0 and o.wakes is null and o.assigned is null and o.seq <= h.seq""",
    }.items():
        rows = client.all(sql)
        assert not rows, f"{what}: {rows[:3]}"


def run_all(module):
    """Runs every function of the module whose name begins with test_; the name of one as argument runs that one."""
    wanted = sys.argv[1:]
    failed = 0
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        try:
            function()
            print(f"ok    {name}", flush=True)
        except Exception:  # every failure is shown, the others still run
            import traceback

            failed += 1
            print(f"FAIL  {name}", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)
