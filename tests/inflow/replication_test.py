"""A publication of the bank's server, a subscription of the engine's: rows are noticed in the initial copy and in what streams behind it."""
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

COMMAND = os.environ["DUNLIN_COMMAND"]
HERE = os.path.dirname(os.path.abspath(__file__))
DESK = os.path.join(HERE, "..", "queue", "desk")
BINARIES = "/usr/lib/postgresql/15/bin"
# The server does not run as root.
USER = pwd.getpwnam("postgres") if os.getuid() == 0 else None


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, **({"user": USER.pw_uid, "group": USER.pw_gid, "cwd": "/"} if USER else {}))
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def sql(port, database, text):
    return run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", str(port), "-U", "owner", "-d", database, "-c", text).strip()


def start(name, port):
    run(f"{BINARIES}/initdb", "-D", f"{folder}/{name}", "-A", "trust", "-U", "owner", "-N")
    with open(f"{folder}/{name}/postgresql.conf", "a") as settings:
        settings.write(f"wal_level = logical\nfsync = off\nunix_socket_directories = '{folder}'\nlisten_addresses = ''\nport = {port}\n")
    run(f"{BINARIES}/pg_ctl", "-D", f"{folder}/{name}", "-l", f"{folder}/{name}.log", "-w", "start")


def step():
    url = f"host={folder} port=6002 user=owner dbname=collections"
    done = subprocess.run([COMMAND, "run", DESK, "--summary", "--database", url], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def until(question, wanted, seconds=60):
    end = time.monotonic() + seconds
    while (found := question()) != wanted:
        assert time.monotonic() < end, (found, wanted)
        time.sleep(0.1)


if not os.path.exists(f"{BINARIES}/initdb"):
    print("skipped: no PostgreSQL 15")
    sys.exit(0)
folder = tempfile.mkdtemp(dir="/tmp")
if USER:
    os.chown(folder, USER.pw_uid, USER.pw_gid)
os.chmod(folder, 0o755)
try:
    start("bank", 6001)
    start("engine", 6002)
    sql(6002, "postgres", "create database collections")
    step()
    sql(6001, "postgres", """create schema inflow; create table inflow.debtor (id text primary key);
        create table inflow.account (id text primary key, debtor_id text, owed numeric(12, 2), urgency int, client text);
        insert into inflow.debtor values ('D1'); insert into inflow.account values ('A1', 'D1', 100, 5, 'North');
        create publication collections for table inflow.debtor, inflow.account""")
    sql(6002, "collections", f"create subscription s connection 'host={folder} port=6001 user=owner dbname=postgres' publication collections")
    until(lambda: sql(6002, "collections", "select count(*) from dunlin.inflow_waiting"), "2")
    step()
    sql(6001, "postgres", "insert into inflow.account values ('A2', 'D1', 50, 1, 'South'); update inflow.account set owed = 120.5 where id = 'A1'")
    until(lambda: sql(6002, "collections", "select count(*) from dunlin.inflow_waiting"), "2")
    step()
    assert sql(6002, "collections", "select string_agg(id || ' ' || owed, ', ' order by id) from portfolio.account") == "A1 120.50, A2 50.00"
    assert sql(6002, "collections", "select count(*) from dunlin.task_open") == "2"
    print("ok    rows that are replicated")
finally:
    for name in ("engine", "bank"):
        if os.path.exists(f"{folder}/{name}/postmaster.pid"):
            run(f"{BINARIES}/pg_ctl", "-D", f"{folder}/{name}", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)
