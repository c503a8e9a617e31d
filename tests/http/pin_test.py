#!/usr/bin/env python3
"""Accounts that finish on the version they entered: what a running server plans, does, shows and lets go.

pin_test.py DUNLIN STDLIB
"""
import json, re, sys
from served import BUNDLE, Served

s = Served(*sys.argv[1:3])
ONE = BUNDLE.replace("enrol when overdue > 0", "on change pin\n  enrol when overdue > 0", 1)
TWO = ONE.replace('keep call "script" while overdue > 100', 'keep call "other" while overdue > 50').replace("calling", "dialing")
folder = s.portfolio(20, ONE)
s.start("--set", "engine.node=first", level="info")
admin = s.token("administrator", "administrator")


def bundle(text):
    return {"files": [{"path": "api.dun", "text": text}]}


def metric(name):
    found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.]+)$", s.call("GET", "/metrics", admin)[1], re.M)
    return float(found.group(1)) if found else None


def in_use():
    return json.loads(s.call("GET", "/readyz")[1])["version"]


def treatments():
    return sorted(task["treatment"] for task in s.ask("GET", "/v1/tasks?limit=100", admin)["items"])


def pinned(version):
    return next(row["instances_pinned"] for row in s.ask("GET", "/v1/bundles", admin)["items"] if row["version"] == version)


first = s.ask("POST", "/v1/bundles/apply", admin, bundle(ONE))["version"]
s.until("tasks of the first version", lambda: treatments() == ["script"] * 9)
plan = s.ask("POST", "/v1/bundles/plan", admin, bundle(TWO))
s.check("the plan counts who is pinned", [(row["strategy"], row["version"], row["count"]) for row in plan["portfolio"]["pinned"]] == [("soft", first, 19)], plan["portfolio"])
s.check("nobody is left without a stage", plan["portfolio"]["stranded"] == [] and "refused" not in plan, plan)
second = s.ask("POST", "/v1/bundles/apply", admin, bundle(TWO))["version"]
s.until("the second version is in use", lambda: in_use() == second)
s.until("everybody was stepped", lambda: metric("dunlin_awake") == 0)
s.check("tasks are as they were", treatments() == ["script"] * 9, treatments())
s.check("they are counted", pinned(first) == 19 and pinned(second) == 0, s.ask("GET", "/v1/bundles", admin))
s.check("something is kept", metric("dunlin_kept_strategies") == 1 and metric("dunlin_kept_strategies_let_go") == 0)
s.check("the same text is the same version", s.ask("POST", "/v1/bundles/apply", admin, bundle(TWO))["already_active"])
s.check("effects by rule", metric("dunlin_rule_tasks_total") is not None and metric("dunlin_rule_moves_total") is not None)
s.check("the version of each node", metric("dunlin_node_version") == second)

# A new account goes by the new text.
s.write("more.csv", "id,holder,overdue\nB1,Invented Newcomer,60.00\n")
s.write("bundle/api.dun", TWO)
s.write("more.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\noverdue = "{overdue}"\n')
s.run("import", folder, s.work + "/more.csv", "--mapping", s.work + "/more.toml")
s.until("the new account has a task of the new text", lambda: "other" in treatments())

# A restart: what is kept is loaded again.
s.stop()
s.start("--set", "engine.node=first", level="info")
s.until("the version is in use again", lambda: in_use() == second)
s.check("kept over a restart", metric("dunlin_kept_strategies") == 1)
said = s.run("bundle", "list")
s.check("the list says who is pinned", "19 finish on it" in said, said)
explained = s.run("explain", folder, "A015")
s.check("the explanation names the version", f"finishes under version {first}" in explained, explained)

# When the last one has gone, so has the code.
s.write("paid.csv", "id,holder,overdue\n" + "".join(f"A{i:03},Invented Person {i},0.00\n" for i in range(20)))
s.run("import", folder, s.work + "/paid.csv", "--mapping", s.work + "/more.toml")
s.until("all of them have come to the end", lambda: pinned(first) == 0)
s.until("the code is let go", lambda: metric("dunlin_kept_strategies_let_go") == 1)
s.check("the new account goes on", "other" in treatments())
s.run("replay", "--decisions")
s.end()
