#!/usr/bin/env python3
"""No statement of a night crosses buckets, of what consumers call only those that are listed here do, and the schema could be split by them: what docs/scale.md says, held against the catalogue and against the plans that
PostgreSQL really ran.

one_bucket_test.py DUNLIN STDLIB CITUS_SQL
"""
import glob, json, os, re, shutil, subprocess, sys, tempfile

dunlin, stdlib, citus = (os.path.abspath(path) for path in sys.argv[1:4])
work = tempfile.mkdtemp()
os.chmod(work, 0o755)
failures = []
binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
database = work + "/database"
url = f"postgresql:///postgres?host={database}&user=postgres"
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_DATABASE=url, DUNLIN_STDLIB=stdlib)

BUNDLE = """bundle split "Split" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money }
event payment of account { amount : money }
outcomes call of account { reached { debtor { promises as promise (amount : money) }, third_party }, no_answer }
queue call { outcomes call, cost 2 }
queue mail { cost 1 }
limits "Calls" { call at most 2 per calendar week per debtor }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when sum(payment.amount within 30 days) > 50 : go paid
  on promise : go promised
  stage calling { keep call "talk" while overdue > 10, every 1 day at most 3 times : mail "letter" }
  stage promised { after 2 days : go back }
  final stage paid { }
}
"""
MAPPING = """[[entity]]
name = "debtor"
key = "D{debtor}"
[[entity]]
name = "account"
key = "A{id}"
of = "D{debtor}"
[entity.fields]
overdue = "{overdue}"
"""


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED {what} {detail}", flush=True)


def run(*words):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True, cwd=work)
    check(" ".join(words[:2]), done.returncode == 0, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-800:]}")
    return done.stdout


# What consumers call and what of it leaves a bucket: by table, how it is found there, and why that must be so (docs/scale.md says what it means on a cluster).
MAY_CROSS = [
    ("task_open", r"\bt\.task = ", "a task by its id: whoever holds it knows no bucket"),
    ("task_done", r"\bd(_\d+)?\.task = ", "a task that is over, by its id"),
    ("task_open", r"\b\w+\.queue = .*\b\w+\.band = ", "the line of a queue"),
    ("task_open", r"\b\w+\.queue = .*\b\w+\.wakes <= ", "what waits for its time, once a second"),
    ("task_open", r"\b\w+\.assigned = ", "what is meant for one worker"),
    ("hand_out", r"\bh(_\d+)?\.until > ", "leases that have ended, once a second"),
    ("account", r"dunlin_key = ", "an account by the key that others know"),
    ("task_open", r"\bt(_\d+)?\.marked\b", "what has been withdrawn from workers"),
]


def sql(text, program="psql"):
    done = subprocess.run(["psql", url, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", text], capture_output=True, text=True, env=dict(os.environ, PGAPPNAME=program))
    check(text[:60], done.returncode == 0, done.stderr[:300])
    return [line.split("|") for line in done.stdout.splitlines()]


def tables_of(script):
    """Which tables the set-up script splits, copies everywhere, and leaves where they are."""
    text = open(script).read()
    split_part, rest = text.split("-- ---- small, read everywhere", 1)
    everywhere_part, alone_part = rest.split("-- ---- on the coordinator alone", 1)
    names = lambda part: set(re.findall(r"dunlin\.(\w+)", part))
    return names(split_part), names(everywhere_part), names(alone_part)


def scans(plan, above=()):
    """Each table that a plan touches, with the conditions on it and on the joins around it."""
    here = above + tuple(str(plan[key]) for key in ("Index Cond", "Filter", "Hash Cond", "Merge Cond", "Join Filter", "Recheck Cond") if key in plan)
    found = []
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        found.append((plan["Schema"], plan["Relation Name"], plan["Alias"], here))
    for inner in plan.get("Plans", []):
        found += scans(inner, here)
    return found


def plans():
    """(program, statement, plan) of everything the server has run."""
    for name in glob.glob(database + "/data/log/*.json"):
        for line in open(name, errors="replace"):
            entry = json.loads(line)
            message = entry.get("message", "")
            if "plan:" in message:
                plan = json.loads(message[message.index("plan:") + 5:])
                yield entry.get("application_name", ""), plan["Query Text"], plan["Plan"]


try:
    os.mkdir(database)
    if as_owner:
        shutil.chown(database, "postgres")
    subprocess.run([*as_owner, binaries + "/initdb", "-D", database + "/data", "-A", "trust", "-U", "postgres"], check=True, capture_output=True, cwd="/")
    with open(database + "/data/postgresql.auto.conf", "a") as file:
        file.write(f"""listen_addresses = ''
unix_socket_directories = '{database}'
fsync = off
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_format = json
auto_explain.log_verbose = on
logging_collector = on
log_directory = 'log'
log_destination = 'jsonlog'
log_rotation_size = 0
log_rotation_age = 0
""")
    subprocess.run([*as_owner, binaries + "/pg_ctl", "-D", database + "/data", "-w", "-l", database + "/log", "start"], check=True, capture_output=True, cwd="/")

    os.mkdir(work + "/bundle")
    for name, text in (("split.dun", BUNDLE), ("rows.toml", MAPPING)):
        open(f"{work}/bundle/{name}", "w").write(text)
    with open(work + "/rows.csv", "w") as file:
        file.write("id,debtor,overdue\n" + "".join(f"{i},{i // 2},{5 + i}\n" for i in range(120)))
    run("import", "bundle", "rows.csv", "--mapping", "rows.toml", "--as-of", "2026-01-04")
    run("run", "bundle", "--from", "2026-01-05", "--to", "2026-01-06")
    # Work goes out and comes back, money arrives, and another night follows.
    for queue, outcome in (("call", "'call.reached.third_party'"), ("mail", "null")):
        tasks = sql(f"select task, epoch from dunlin.lease('{queue}', 'wanda', 5)", "consumer")
        check(f"tasks of {queue} are handed out", len(tasks) == 5, str(tasks))
        for task, epoch in tasks[:2]:
            sql(f"select dunlin.complete('{task}', {epoch}, {outcome})", "consumer")
        sql(f"select dunlin.complete('{task}', {epoch}, {outcome})", "consumer")  # the answer was lost
        (task, epoch), (other, its), (third, its_too) = tasks[2:]
        sql(f"select dunlin.heartbeat('{task}', {epoch}), dunlin.extend('{task}', {epoch}, '20 minutes'), dunlin.may_contact('{task}', '+49 30 5550100')", "consumer")
        sql(f"select dunlin.release('{task}', {epoch}, now() + interval '1 hour', 'later')", "consumer")
        sql(f"select * from dunlin.complete_and_lease('{other}', {its}, {outcome}, worker => 'wanda')", "consumer")
        sql(f"""select * from dunlin.complete_many(jsonb_build_array(jsonb_build_object('task', '{third}', 'epoch', {its_too}, 'outcome', {outcome}::text)))""", "consumer")
        sql("select * from dunlin.withdrawn_tasks('wanda')", "consumer")
    sql("select dunlin.record_contact('agency', 'c1', 'account', 'A50', 'call', '2026-01-06 10:00+00')", "consumer")
    for i in range(20, 40):
        sql(f"""select dunlin.post_event('bank', 'p{i}', 'payment', 'account', 'A{i}', '2026-01-07 10:00+00', '{{"amount": 100}}')""", "consumer")
    run("run", "bundle", "--from", "2026-01-07", "--to", "2026-01-09")

    split, everywhere, alone = tables_of(citus)
    check("no table in two places", not (split & everywhere or split & alone or everywhere & alone), str((split & everywhere) | (split & alone) | (everywhere & alone)))
    parts = {child: parent for child, parent in sql("select c.relname, p.relname from pg_inherits i join pg_class c on c.oid = inhrelid join pg_class p on p.oid = inhparent")}
    there = {name for (name,) in sql("select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'dunlin' and relkind in ('r', 'p')")} - set(parts)
    check("every table has its place in the script", there == split | everywhere | alone,
          f"not in it: {sorted(there - split - everywhere - alone)}, only in it: {sorted((split | everywhere | alone) - there)}")

    # ---- the catalogue ----
    column_of = lambda schema: "dunlin_bucket" if schema == "portfolio" else "bucket"
    is_split = lambda schema, table: schema == "portfolio" or (schema == "dunlin" and parts.get(table, table) in split)
    for schema, table, definition in sql("select schemaname, tablename, indexdef from pg_indexes where schemaname in ('dunlin', 'portfolio') and indexdef like 'CREATE UNIQUE%'"):
        columns = definition.split(" USING btree (", 1)[1]
        check(f"what is unique in {schema}.{table} is so within its bucket", not is_split(schema, table) or re.match(column_of(schema) + r"\b", columns), definition)
    for table, other, definition in sql("""select a.relname, b.relname, pg_get_constraintdef(k.oid) from pg_constraint k join pg_class a on a.oid = conrelid join pg_class b on b.oid = confrelid
                                          join pg_namespace n on n.oid = a.relnamespace where contype = 'f' and nspname = 'dunlin' and conparentid = 0"""):
        good = (other in everywhere or "(bucket" in definition) if table in split else other not in split
        check(f"{table} refers to {other} without leaving its node", good, definition)

    # ---- the plans ----
    def loose(program):
        """How many reads of split tables a program made, and those that no bucket narrows."""
        looked, found = 0, []
        for of, text, plan in plans():
            if of != program or "incoming" in text:  # a file is compared with everything there is: not of a night
                continue
            for schema, table, alias, conditions in scans(plan):
                if not is_split(schema, table):
                    continue
                looked += 1
                name = rf"\b{re.escape(alias)}\.{column_of(schema)}\b"
                if not any(re.search(name + r" (=|>=|<=|>|<)", c) or re.search(r"= " + name, c) for c in conditions):
                    found.append((schema, table, conditions, text[:300]))
        return looked, found

    looked, found = loose("dunlin")
    check("a night reads within buckets", not found, str(found))
    check("a night touches the tables of the engine", looked > 50, str(looked))
    called, crossing = loose("consumer")
    check("consumers touch the tables of the engine", called > 50, str(called))
    used = set()
    for schema, table, conditions, text in crossing:
        reasons = [why for of, how, why in MAY_CROSS if of == parts.get(table, table) and re.search(how, " and ".join(conditions))]
        used.update(reasons)
        check("what leaves its bucket for a consumer is listed", reasons, f"{schema}.{table} by {conditions}: {text}")
    check("nothing is listed that does not happen", used == {why for _, _, why in MAY_CROSS}, str({why for _, _, why in MAY_CROSS} - used))
    env_of_planted = dict(os.environ, PGAPPNAME="planted")
    subprocess.run(["psql", url, "-X", "-c", "select count(*) from dunlin.state s join dunlin.task_open t using (case_id)"], env=env_of_planted, capture_output=True)
    check("reads across buckets would be seen", len(loose("planted")[1]) == 2, str(loose("planted")))
    print(f"{called} reads of consumers, {len(crossing)} of them in all buckets")
    print(f"{looked} reads of a night looked at, {len(split)} tables split by bucket, {len(everywhere)} everywhere, {len(alone)} on the coordinator")
finally:
    subprocess.run([*as_owner, binaries + "/pg_ctl", "-D", database + "/data", "-m", "immediate", "stop"], capture_output=True, cwd="/")
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if failures else 0)
