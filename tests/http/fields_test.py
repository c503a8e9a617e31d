#!/usr/bin/env python3
"""What the API says seldom: letters as JSON, registers, territories, dead letters, files that are missing, guardrails, mistakes with notes and witnesses, a plan with faults, renamed
and widened things, a clock that jumped. Each is judged by its words, and compared with /openapi.json (answers.py): fields_test.py DUNLIN STDLIB"""
import json, os, re, shutil, subprocess, sys, time
from served import Served

PSQL = shutil.which("psql")
if not PSQL:
    print("skipped: no psql")
    sys.exit(77)

BUNDLE = """
bundle seldom "Seldom" { timezone UTC, currency EUR, calendar none, day starts 00:00 }
entity account {
  key id : text
  holder : text personal
  region : text
  overdue : money
  big : int
}
event payment of account { amount : money }
event complaint of account { }
outcomes call of account { promises (amount : money), refuses }
schedule office "Office hours" { between 00:00 and 23:59 }
territory north "North" { regions "north"   capacity 12 call per day   schedule office }
queue call { outcomes call, cost 1 }
queue mail { cost 1, sees personal }
queue batch { cost 1, batch daily at 05:00 as register "lists" }
template "demand" for account in mail from "templates/demand.txt" { subject "To {holder}" }
feed balances "Balances" { due 00:00, late : hold outbound }
limits "Caps" { call at most 2 per day per account }
table wait(overdue : money) -> (pause : int) unique {
  | overdue || pause |
  | < 100   || 3     |
  | >= 100  || 5     |
}
experiment sooner "Sooner" {
  champion   soft    50%
  challenger softer  50%
  split      by account
  success    sum(payment.amount)
  guardrail  rate(complaint) <= 50%
  run        2020-01-01 to 2090-01-01
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling "Calling" {
    on entry : mail "demand" stays
    keep call "script" while overdue > 10
    keep batch "list" while overdue > 10
    rule "a promise"
    on call.promises : go promised
  }
  stage promised {
    when big > 2000 : go cured
    when overdue > 1000 : go calling
    after wait(overdue) * 1 day : go calling
  }
  final stage cured
}
strategy softer "Softer" for account {
  when overdue <= 0 : go over
  stage calling {
    on entry : mail "demand" stays
    keep call "script" while overdue > 10
    keep batch "list" while overdue > 10
  }
  final stage over
}
"""
s = Served(*sys.argv[1:3])
files = lambda text: {"files": [{"path": "seldom.dun", "text": text}, {"path": "templates/demand.txt", "text": "Dear {holder}, {overdue} are open.\n"}]}
os.makedirs(s.work + "/bundle/templates")
for file in files(BUNDLE)["files"]:
    s.write("bundle/" + file["path"], file["text"])
s.write("a.csv", "id,holder,region,overdue,big\n" + "".join(f"B{i:02},Invented Person {i},north,{i * 20}.00,{10 ** i if i < 19 else 1}\n" for i in range(1, 20)))
s.write("a.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\nregion = "{region}"\noverdue = "{overdue}"\nbig = "{big}"\n')
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml")


def sql(text):
    """As the owner of the private database."""
    for folder, _, names in os.walk(s.work + "/database"):
        if "postmaster.pid" in names:
            place = open(folder + "/postmaster.pid").read().split("\n")
            done = subprocess.run([PSQL, "-X", "-h", place[4], "-p", place[3], "-U", "dunlin", "-d", "dunlin", "-v", "ON_ERROR_STOP=1", "-Atc", text], capture_output=True, text=True)
            s.check("psql " + text[:60], done.returncode == 0, done.stderr)
            return done.stdout.strip()


s.start(level="info")
admin = s.token("administrator", "admin")

# ---- a simulation of nothing fails, and says why ----
run = s.ask("POST", "/v1/simulations", admin, {}, expect=202)["simulation"]
s.until("it ends", lambda: s.ask("GET", f"/v1/simulations/{run}", admin)["status"] != "running")
failed = s.ask("GET", f"/v1/simulations/{run}", admin)
s.check("why a simulation failed", failed["status"] == "failed" and "no version is active" in failed["trouble"], failed)

s.ask("POST", "/v1/bundles/apply", admin, files(BUNDLE))
tasks = lambda queue: s.ask("GET", f"/v1/tasks?limit=500&queue={queue}", admin)["items"]
s.until("tasks", lambda: all(len(tasks(queue)) == 19 for queue in ("call", "mail", "batch")))

# ---- a file that will be missing, and is let go ----
tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
state = lambda: s.ask("GET", f"/v1/feeds?at={tomorrow}T12:00:00Z", admin)["items"][0]["state"]
s.check("it would keep contact back", state() == "late, holds", state())
s.check("let go, for its day", s.ask("POST", "/v1/feeds/balances/lift", admin, {"reason": "the bank is closed", "day": tomorrow})["day"] == tomorrow and state() == "lifted", state())

# ---- letters, registers, territories ----
letter = s.ask("GET", f"/v1/tasks/{tasks('mail')[0]['task']}/letter?format=json", admin)
s.check("a letter as JSON", letter["name"] == "demand" and letter["subject"].startswith("To Invented") and letter["body"].startswith("Dear Invented"), letter)
sql(f"select dunlin.make_registers('{tomorrow} 12:00+00')")
seen, more = [], ""
while more is not None:
    page = s.ask("GET", "/v1/queues/batch/register?limit=7" + more, admin)
    seen, more = seen + page["items"], f"&after={page['next']}" if "next" in page else None
s.check("a register, page by page", [row["nth"] for row in seen] == list(range(1, 20)), seen[:2])
# Lines that are withdrawn after it was taken, until whoever took it acknowledges them.
for row in seen[:3]:
    one = next(task["task"] for task in tasks("batch") if task["key"] == row["key"])
    s.check("marked", s.ask("POST", f"/v1/tasks/{one}/withdraw", admin, {"reason": "written twice"})["result"] == "marked")
gone, more = [], ""
while more is not None:
    page = s.ask("GET", "/v1/queues/batch/register/withdrawals?limit=2" + more, admin)
    gone, more = gone + page["items"], f"&after={page['next']}" if "next" in page else None
s.check("what was withdrawn from it", [(row["number"], row["withdrawn"], row["acknowledged_at"]) for row in gone] == [(row["number"], "written twice", None) for row in seen[:3]], gone)
heard = [{"number": row["number"], "correction": row["correction"], "stopped": n == 1} for n, row in enumerate(gone[:2])] + [{"number": "7", "correction": 1}, {"number": "a\0b", "correction": 1}]
answers = s.ask("POST", "/v1/queues/batch/register/withdrawals", admin, {"withdrawals": heard})["results"]
s.check("acknowledged one by one", [(row["result"], row["code"]) for row in answers] == [("acknowledged", None), ("stopped", None), ("refused", "DU050"), ("refused", "DU022")], answers)
left = lambda words: [(row["number"], row["acknowledged_by"]) for row in s.ask("GET", "/v1/queues/batch/register/withdrawals" + words, admin)["items"]]
s.check("those that nobody acknowledged are left", left("") == [(seen[2]["number"], None)] and left(f"?day={tomorrow}&all=true") == [(seen[0]["number"], "admin"), (seen[1]["number"], "admin"), (seen[2]["number"], None)], left("?all=true"))
s.check("the register says it, too", [row["withdrawn"] for row in s.ask("GET", "/v1/queues/batch/register?limit=4", admin)["items"]] == ["written twice"] * 3 + [None])
s.ask("GET", "/v1/queues/batch/register/withdrawals?all=perhaps", admin, expect=422)
s.ask("GET", "/v1/queues/call/register/withdrawals", admin, expect=422)
told = s.ask("POST", f"/v1/tasks/{tasks('call')[0]['task']}/reassign", admin, {"worker": "nobody here", "reason": "x"}, expect=422)
s.check("a task is given to nobody who is not there", "no worker `nobody here`" in told["title"], told)
north = s.ask("GET", "/v1/territories", admin)["items"]
s.check("a territory", [(row["name"], row["regions"], row["capacities"]) for row in north] == [("north", ["north"], {"call": 12})], north)

# ---- a task that nobody finishes is a dead letter, and is put back ----
tag = s.call("GET", "/v1/queues/call/settings", admin)[2]["ETag"]
s.ask("PUT", "/v1/queues/call/settings", admin, {"returns_max": 0}, headers={"If-Match": tag})
taken = []
s.until("one is leased", lambda: taken.extend(s.ask("POST", "/v1/queues/call/lease", admin, {"seconds": 1})["items"]) or taken, 60)
if taken:
    task = taken[0]["task"]
    s.until("a dead letter", lambda: sql("select dunlin.turn_over()") is not None and s.ask("GET", f"/v1/tasks/{task}", admin)["status"] == "dead_letter", 30)
    s.check("put back", s.ask("POST", f"/v1/tasks/{task}/redrive", admin, {})["tasks"] == 1)

# ---- campaigns in pages ----
today = time.strftime("%Y-%m-%d", time.gmtime())
for name in ("payday", "second"):
    s.ask("POST", "/v1/campaigns", admin, {"name": name, "keys": ["B01", "B02", "B03"], "queue": "call", "treatment": name, "from": today, "to": today, "per_day": 1, "reason": "a list"}, expect=201)
page = s.ask("GET", "/v1/campaigns?limit=1", admin)
s.check("campaigns, the newest first", page["items"][0]["name"] == "second" and page["items"][0]["cases"] == 3 and s.ask("GET", f"/v1/campaigns?limit=1&before={page['next']}", admin)["items"][0]["name"] == "payday", page)
page = s.ask("GET", "/v1/campaigns/payday/cases?limit=2", admin)
s.check("their cases", [row["key"] for row in page["items"] + s.ask("GET", f"/v1/campaigns/payday/cases?after={page['next']}", admin)["items"]] == ["B01", "B02", "B03"], page)

# ---- an experiment with a guardrail ----
s.ask("POST", "/v1/events", admin, {"event": "complaint", "key": "B05", "external_id": "c1"})
arms = s.ask("GET", "/v1/experiments/sooner", admin)["arms"]
s.check("guardrails of each arm", all(arm["guardrails"][0]["passed"] is True for arm in arms) and len(arms) == 2, arms)

# ---- a check: what is wrong, where else to look, and a case that shows it ----
def found(text):
    return s.ask("POST", "/v1/bundles/check", admin, files(text))["diagnostics"]


gap = found(BUNDLE.replace("| >= 100  ||", "| > 100   ||"))
s.check("a gap in a table, with a case that falls through", any(one["code"] == "E0501" and one["witness"] for one in gap), gap)
twice = found(BUNDLE.replace("queue batch", "queue mail { cost 2 }\nqueue batch", 1))
s.check("said twice, and where the first one stands", any(note.get("line") for one in twice for note in one["notes"]), twice)

missing = found(BUNDLE.replace("overdue : money", "overdue : money?", 1))
s.check("what stands there, under the place", any(one["code"] == "E0401" and "money?" in one.get("label", "") for one in missing), missing)

# ---- a plan: wider limits, a renamed stage, a table that answers otherwise, tasks that change, steps that fail ----
changed = (BUNDLE.replace("at most 2 per day", "at most 3 per day").replace("|| 5     |", "|| 6     |").replace("    when big > 2000 : go cured\n    when overdue > 1000 : go calling\n", "    when overdue > 1000 : go calling\n    when big > 2000 : go cured\n").replace('rule "a promise"', 'rule "a promise to pay"')
           .replace('keep call "script" while overdue > 10\n', 'keep call "script" while overdue > 10 { priority 7 }\n').replace("when overdue <= 0 : go cured", "when overdue <= 0 : go cured\n  when big * 1000 < 0 : go cured"))
plan = s.ask("POST", "/v1/bundles/plan", admin, files(changed))
changes = {change["what"]: change for change in plan["difference"]["changes"]}
s.check("a limit is wider, and what that means", plan["difference"]["wider"] and any(change.get("wider") and "may go out" in change["note"] for change in plan["difference"]["changes"]), changes)
s.check("a table with the cases that come out otherwise", any(case["before"] != case["after"] and case["witness"] for change in plan["difference"]["changes"] for case in change.get("cases", [])), changes)
s.check("another order of two rules, with a case of both", any("witness" in change for change in plan["difference"]["changes"]), changes)
s.check("renamed is no change", plan["difference"]["renamed"], plan["difference"])
s.check("tasks that change, and how", any(row["change"] == "changed" and "priority" in row.get("what", "") for row in plan["portfolio"]["tasks"]), plan["portfolio"]["tasks"])
s.check("steps that would fail, with an account", any(row["count"] > 0 and row["example"]["key"].startswith("B") and not row["cured"] for row in plan["portfolio"]["faults"]), plan["portfolio"]["faults"])
run = s.ask("POST", "/v1/simulations", admin, dict(files(changed), days=2), expect=202)["simulation"]
s.until("a simulation", lambda: s.ask("GET", f"/v1/simulations/{run}", admin)["status"] != "running")
result = s.ask("GET", f"/v1/simulations/{run}", admin)
s.check("a simulation tells of them too", result["result"]["faults"]["proposed"] and result["result"]["faults"]["proposed"][0]["example"]["key"].startswith("B"), result)

# ---- what is not ready says why ----
sql("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')")
s.check("a newer schema", "900" in s.ask("GET", "/readyz", expect=503).get("schema", ""))
sql("delete from dunlin.schema_version where number = 900")
sql("update dunlin.business_clock set business_at = business_at - interval '40 hours'")
s.until("a clock that has jumped", lambda: "confirm" in json.loads(s.call("GET", "/readyz")[1]).get("clock", ""), 20)
s.run("clock", "confirm", "--reason", "it is right")
s.until("confirmed", lambda: s.call("GET", "/readyz")[0] == 200, 20)
s.end()
