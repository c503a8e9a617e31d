#!/usr/bin/env python3
"""A plan over HTTP that takes too long is stopped where it is, says so, and changes nothing: plan_time_test.py DUNLIN STDLIB"""
import json, os, re, shutil, subprocess, sys, time
from served import BUNDLE, Served

PSQL = shutil.which("psql")
if not PSQL:
    print("skipped: no psql")
    sys.exit(77)
s = Served(*sys.argv[1:3])
ACCOUNTS, LIMIT = 6000, 5  # several batches of a plan


def psql():
    """Words that reach the private database."""
    for folder, _, names in os.walk(s.work + "/database"):
        if "postmaster.pid" in names:
            lines = open(folder + "/postmaster.pid").read().split("\n")
            if len(lines) > 7 and "ready" in lines[7]:
                return [PSQL, "-X", "-h", lines[4], "-p", lines[3], "-U", "dunlin", "-d", "dunlin", "-v", "ON_ERROR_STOP=1", "-Atc"]
    return None


def sql(text):
    done = subprocess.run([*psql(), text], capture_output=True, text=True)
    s.check("psql " + text[:60], done.returncode == 0, done.stderr)
    return done.stdout.strip()


s.check("a setting", "bundles.plan_seconds = 7\n" in s.run("serve", "--check-config", "--set", "bundles.plan_seconds=7"))
s.check("its default", "bundles.plan_seconds = 300\n" in s.run("serve", "--check-config"))
s.run("serve", "--check-config", "--set", "bundles.plan_seconds=0", expect=1)

s.portfolio(ACCOUNTS)
changed = {"files": [{"path": "api.dun", "text": BUNDLE.replace("overdue > 100", "overdue > 200")}]}
s.start("--set", f"bundles.plan_seconds={LIMIT}", level="info")
admin = s.token("administrator", "administrator")
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": BUNDLE}]})
version = s.active(admin)
s.until("stepped", lambda: "dunlin_awake 0\n" in s.call("GET", "/metrics", admin)[1], 120)

# Somebody holds the case files for longer than a plan may take.
holder = subprocess.Popen([*psql(), f"begin; lock table dunlin.case_file in access exclusive mode; select pg_sleep({LIMIT + 12}); commit"], stdout=subprocess.DEVNULL)
s.until("they are held", lambda: sql("select count(*) from pg_locks where relation = 'dunlin.case_file'::regclass and mode = 'AccessExclusiveLock' and granted") == "1")
begin = time.time()
status, text, headers = s.call("POST", "/v1/bundles/plan", admin, changed)
took = time.time() - begin
holder.wait(60)
problem = json.loads(text)
s.check("it is stopped", status == 504 and LIMIT <= took < LIMIT + 40, (status, took, text[:300]))
s.check("and says after how long, by which setting, and what to do", f"{LIMIT} seconds" in problem["title"] and "bundles.plan_seconds" in problem["title"] and "dunlin plan" in problem["help"], problem)
s.check("nobody is asked to come back at once", "Retry-After" not in headers, headers)
seen = re.search(r"after (\d+) case files", problem["title"])
s.check("where it is, and not at its end", not seen or int(seen.group(1)) < ACCOUNTS, problem)
s.until("nothing is left under way", lambda: sql("select count(*) from pg_stat_activity where application_name = 'dunlin admin' and state <> 'idle'") == "0", 20)
s.check("nothing was changed", s.active(admin) == version)
s.stop()

# With the time it needs it goes through.
s.start(level="info")
plan = s.ask("POST", "/v1/bundles/plan", admin, changed)
s.check("all of them are looked at", plan["portfolio"]["cases"] == ACCOUNTS, plan["portfolio"])
s.end()
