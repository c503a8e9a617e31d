#!/usr/bin/env python3
"""A server pulls tables of the bank by itself: what changed there becomes tasks, what fails is told and stops nothing, and two nodes pull once.

pull_test.py DUNLIN STDLIB
"""
import json, os, re, shutil, subprocess, sys, time
from served import BUNDLE, Served

PSQL = shutil.which("psql")
if not PSQL:
    print("skipped: no psql")
    sys.exit(77)
s = Served(*sys.argv[1:3])
os.makedirs(s.work + "/bundle", exist_ok=True)
MAPPED = BUNDLE.replace("entity account {", 'entity account from table "bank.accounts" change by updated_at {', 1)


def place():
    """Directory of the socket and port of the private database."""
    for folder, _, names in os.walk(s.work + "/database"):
        if "postmaster.pid" in names:
            lines = open(folder + "/postmaster.pid").read().split("\n")
            return (lines[4], lines[3]) if len(lines) > 7 and "ready" in lines[7] else None
    return None


def sql(text):
    where = place()
    done = subprocess.run([PSQL, "-X", "-h", where[0], "-p", where[1], "-U", "dunlin", "-d", "dunlin", "-v", "ON_ERROR_STOP=1", "-Atc", text], capture_output=True, text=True)
    s.check("psql " + text[:60], done.returncode == 0, done.stderr)
    return done.stdout.strip()


def metric(name):
    found = re.search(rf"^{name} ([0-9.]+)$", s.call("GET", "/metrics", admin)[1], re.M)
    return float(found.group(1)) if found else None


def finding():
    done = subprocess.run([s.dunlin, "doctor", "--json"], env=s.env, capture_output=True, text=True)
    return next((f for f in json.loads(done.stdout)["findings"] if f["name"] == "tables of the bank"), None)



s.check("a setting", "engine.tables_seconds = 7" in s.run("serve", "--check-config", "--set", "engine.tables_seconds=7"))
s.check("its default", "engine.tables_seconds = 60" in s.run("serve", "--check-config"))
s.run("serve", "--check-config", "--set", "engine.tables_seconds=-1", expect=1)

s.start("--set", "engine.tables_seconds=1", "--set", "engine.node=first", level="info")
admin = s.token("administrator", "administrator")
sql("create schema bank; create table bank.accounts (id text primary key, holder text, overdue numeric, updated_at timestamptz default now());"
    "insert into bank.accounts select 'A' || n, 'Invented Person ' || n, 10 * n, now() - interval '1 day' from generate_series(1, 12) n")
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": MAPPED}]})
s.until("rows of the bank have become tasks", lambda: len(s.ask("GET", "/v1/tasks?limit=100", admin)["items"]) == 2)
s.until("all rows were read, and counted once as new", lambda: metric("dunlin_table_rows_total") >= 12 and metric("dunlin_table_changed_total") == 12)
sql("update bank.accounts set overdue = 500, updated_at = now() where id = 'A3'")
s.until("what changed there becomes a task", lambda: len(s.ask("GET", "/v1/tasks?limit=100", admin)["items"]) == 3)
s.check("doctor is content", (finding() or {}).get("good") is True, finding())

# The table is gone: told once, and stepping goes on.
sql("alter table bank.accounts rename to away")
s.until("a failure is counted", lambda: metric("dunlin_table_pull_failing") == 1 and metric("dunlin_table_pull_failures_total") >= 2)
s.check("it is told once", s.log().count("no table or view `bank.accounts`") == 1, s.log()[-1500:])
s.check("doctor says it", (finding() or {}).get("good") is False and "bank.accounts" in finding()["found"], finding())
s.write("b.csv", "id,holder,overdue\nA20,Invented Newcomer,900.00\n")
s.write("b.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\noverdue = "{overdue}"\n')
s.write("bundle/api.dun", MAPPED)
s.run("import", s.work + "/bundle", s.work + "/b.csv", "--mapping", s.work + "/b.toml")
s.until("stepping goes on", lambda: len(s.ask("GET", "/v1/tasks?limit=100", admin)["items"]) == 4)
sql("alter table bank.away rename to accounts")
s.until("it goes well again", lambda: metric("dunlin_table_pull_failing") == 0)
s.check("and is told", "the tables of the bank can be pulled again" in s.log())
s.check("doctor is content again", (finding() or {}).get("good") is True, finding())

# A newer program has brought the schema forward: it is not this one's to write to.
sql("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')")
s.until("nothing is pulled into a newer schema", lambda: metric("dunlin_table_pull_failing") == 1)
s.check("which is told", re.search('could not be pulled.*migrated to 900 by a newer dunlin', s.log()) is not None, s.log()[-1500:])
sql("delete from dunlin.schema_version where number = 900")
s.until("with the old schema it goes on", lambda: metric("dunlin_table_pull_failing") == 0)
s.stop()

# Two nodes: once per interval between them.
s.start("--set", "engine.tables_seconds=2", "--set", "engine.node=first", level="info")
other = subprocess.Popen([s.dunlin, "serve", "--port", "0", "--set", "engine.tables_seconds=2", "--set", "engine.node=second", "--set", "log.level=info"], env=s.env,
                         stderr=open(s.work + "/other.log", "w"))
s.until("the other one is there", lambda: '"url"' in open(s.work + "/other.log").read())
sql("create table bank.readings (at timestamptz); insert into bank.readings select read_at from dunlin.bank_table")
sql("create function bank.note() returns trigger language plpgsql as $$ begin insert into bank.readings values (new.read_at); return null; end $$;"
    "create trigger note after update on dunlin.bank_table for each row when (new.read_at is distinct from old.read_at) execute function bank.note()")
time.sleep(9)
count, least = sql("select count(*) || ' ' || coalesce(min(extract(epoch from gap)), 0) from (select at - lag(at) over (order by at) gap from bank.readings) g").split()
s.check("they go on", int(count) >= 3, count)
s.check("and between them once per interval", float(least) >= 1.99, least)
other.terminate()
s.check("the other one ends well", other.wait(60) == 0)
s.stop()

# Never.
s.start("--set", "engine.tables_seconds=0", level="info")
s.until("it steps", lambda: metric("dunlin_passes_total") > 3)
before = sql("select read_at from dunlin.bank_table")
time.sleep(2.5)
s.check("0 is never", sql("select read_at from dunlin.bank_table") == before)
s.end()
