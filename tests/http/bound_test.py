#!/usr/bin/env python3
"""Tokens bound to queues and to parts of the portfolio: whatever road is taken, nothing of the rest comes out and nothing of the rest is moved. An oracle that
knows which account is where judges every answer: bound_test.py DUNLIN STDLIB"""
import json, os, random, re, sys
from served import Served
from streams import Stream

BUNDLE = """
bundle api "Regions" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account {
  key id : text
  region : text
  product : text
  overdue : money
}
event payment of account { amount : money }
outcomes call of account { promises (amount : money), refuses }
queue field { cost 5 }
queue call { outcomes call, cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    keep call "script" while overdue > 10
    keep field "visit" while overdue > 10
    on call.promises : go promised
  }
  stage promised { after 14 days : go calling }
  final stage cured { enrol again when overdue > 0 }
}
"""
REGIONS, PRODUCTS = ("north", "south", "east"), ("card", "loan")
s = Served(*sys.argv[1:3])
chance = random.Random(int(os.environ.get("DUNLIN_SEED", "7")))
accounts = {f"Z{i:03}": (chance.choice(REGIONS), chance.choice(PRODUCTS)) for i in range(90)}
os.makedirs(s.work + "/bundle")
s.write("bundle/api.dun", BUNDLE)
s.write("a.csv", "id,region,product,overdue\n" + "".join(f"{key},{region},{product},{20 + i}.00\n" for i, (key, (region, product)) in enumerate(accounts.items())))
s.write("a.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nregion = "{region}"\nproduct = "{product}"\noverdue = "{overdue}"\n')
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml")
s.start()
admin = s.token("administrator", "administrator")
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": BUNDLE}]})
s.until("tasks", lambda: sum(row["ready"] for row in s.ask("GET", "/v1/queues", admin)["items"]) == 180)
KEYS = re.compile(r"\bZ\d{3}\b")
RIGHTS = "read,personal,work,events,supervise"


def bound(name, queues=None, **fields):
    words = ["--queues", ",".join(queues)] if queues else []
    for field, values in fields.items():
        words += ["--only", f"account.{field}={','.join(values)}"]
    token = s.run("token", "create", "--rights", RIGHTS, "--name", name, *words)
    mine = {key for key, (region, product) in accounts.items() if region in fields.get("region", REGIONS) and product in fields.get("product", PRODUCTS)}
    return token, set(queues or ("call", "field")), mine


bindings = [bound("call", ["call"]), bound("north", region=["north"]), bound("north-call", ["call"], region=["north"]), bound("two", region=["north", "south"], product=["loan"]), bound("none", region=["moon"]),
            bound("both", ["call", "field"], product=["card"])]

# ---- what cannot be bound ----
for role in ("designer", "operations", "auditor", "administrator"):
    s.run("token", "create", "--role", role, "--name", "x" + role, "--queues", "call", expect=2)
s.run("token", "create", "--role", "analyst", "--name", "y", "--only", "region", expect=2)
s.run("token", "create", "--role", "operator", "--name", "y", "--queues", "", expect=2)  # an empty variable is not "all"
s.run("token", "create", "--role", "analyst", "--name", "y", "--only", "account.=x", expect=2)
unknown = s.run("token", "create", "--role", "analyst", "--name", "z", "--only", "account.nothing=x")
s.check("a field that is not there shows nothing", s.ask("GET", "/v1/accounts", unknown)["items"] == [])
nasty = s.run("token", "create", "--role", "analyst", "--name", "nasty", "--only", "account.region\" is not null or 'x=north")
s.check("no statement is built from it", s.ask("GET", "/v1/accounts", nasty)["items"] == [])

tasks = {row["task"]: row for row in s.ask("GET", "/v1/tasks?limit=500", admin)["items"]}
openapi = s.ask("GET", "/openapi.json")
for token, queues, mine in bindings:
    name = s.ask("GET", "/v1/me", token)["name"]
    seen = lambda text: set(KEYS.findall(text if isinstance(text, str) else json.dumps(text)))
    others = set(accounts) - mine
    other_queues = {"call", "field"} - queues

    # Every address that only reads, with every account or task in it: nothing of the rest.
    for path, operations in openapi["paths"].items():
        if "get" not in operations or "text/event-stream" in operations["get"]["responses"]["200"]["content"] or operations["get"].get("security") == []:
            continue
        places = [path]
        if "{key}" in path:
            places = [path.replace("{key}", key) for key in accounts]
        elif "{task}" in path:
            places = [path.replace("{task}", task) for task in tasks]
        elif "{" in path:
            places = [re.sub(r"\{[^}]*\}", "1", path)]
        for place in places:
            status, text, _ = s.call("GET", place, token)
            key = place.split("/")[3] if "{key}" in path else tasks[place.split("/")[3]]["key"] if "{task}" in path else None
            asked = {key} if key else set()
            s.check(f"{name}: {path} shows others", not (seen(text) & others - asked), f"{place}: {status} {text[:300]}")
            if key in others:
                s.check(f"{name}: {path} of somebody else", status in (404, 403) or '"items":[]' in text, f"{status} {text[:200]}")
            if "/explain" not in path and "/me" not in path:
                s.check(f"{name}: {path} shows other queues", not any(f'"{q}"' in text or f'{q} ' in text and "timeline" in path for q in other_queues), f"{place}: {text[:300]}")
    # Search and pages: all of theirs, and no more.
    found, after = set(), ""
    while True:
        page = s.ask("GET", f"/v1/accounts?limit=7&after={after}", token)
        found |= {row["key"] for row in page["items"]}
        if "next" not in page:
            break
        after = page["next"]
    s.check(f"{name}: all of theirs", found == mine, (found - mine, mine - found))
    s.check(f"{name}: search", {row["key"] for row in s.ask("GET", "/v1/accounts?key=Z00", token)["items"]} == {key for key in mine if key.startswith("Z00")})
    listed = {row["task"] for row in s.ask("GET", "/v1/tasks?limit=500", token)["items"]}
    theirs = {task for task, row in tasks.items() if row["key"] in mine and row["queue"] in queues}
    s.check(f"{name}: tasks", listed == theirs, len(listed ^ theirs))
    # Figures count theirs only.
    s.check(f"{name}: stages", sum(row["count"] for row in s.ask("GET", "/v1/stages", token)["items"]) == len(mine))
    s.check(f"{name}: funnel", sum(row["standing"] for row in s.ask("GET", "/v1/reports/funnel", token)["items"]) == len(mine))
    for form in ("json", "csv"):
        text = s.call("GET", f"/v1/reports/queues?format={form}", token)[1]
        s.check(f"{name}: report as {form}", not any(queue in text for queue in other_queues), text)
    rows = {row["queue"]: row["ready"] for row in s.ask("GET", "/v1/reports/queues", token)["items"]}
    s.check(f"{name}: report of queues", rows == {queue: len(mine) for queue in queues}, rows)
    watching = Stream(s, token=token).read()
    s.until(f"{name}: the stream", lambda: all(watching.last("queue", queue) for queue in queues), 20)
    s.check(f"{name}: the stream counts theirs", {data["queue"]: data["ready"] for event, data, _ in watching.events if event == "queue"} == {queue: len(mine) for queue in queues}, watching.events)
    watching.close()
    # What concerns everything is not theirs.
    for path in ("/metrics", "/v1/quarantine", "/v1/bundles", "/v1/webhooks"):
        s.check(f"{name}: {path}", s.call("GET", path, token)[0] == 403)

    # ---- what changes something ----
    for task in chance.sample(sorted(set(tasks) - theirs), min(4, len(set(tasks) - theirs))):
        for verb, body in {"complete": {"epoch": 1, "outcome": "refuses"}, "complete_and_lease": {"epoch": 1, "outcome": "refuses"}, "release": {"epoch": 1}, "extend": {"epoch": 1}, "withdraw": {"reason": "x"}, "reassign": {"reason": "x", "worker": "me"}}.items():
            status, text, _ = s.call("POST", f"/v1/tasks/{task}/{verb}", token, body)
            s.check(f"{name}: {verb} of another's task", status == 422 and "DU037" in text, f"{status} {text}")
    for queue in other_queues:
        s.check(f"{name}: lease from {queue}", "DU037" in s.call("POST", f"/v1/queues/{queue}/lease", token, {"n": 5})[1])
    if others:
        event = {"event": "payment", "key": sorted(others)[0], "external_id": "e" + name, "payload": {"amount": 1}}
        s.check(f"{name}: an event for another", "DU037" in s.call("POST", "/v1/events", token, event)[1])
        s.check(f"{name}: among others", "DU037" in s.call("POST", "/v1/events/batch", token, {"events": [dict(event, entity="account", source="b", at="2026-01-01T00:00:00Z")]})[1])
    # Leasing gives all of theirs in the end, and nothing else; nobody sees a difference afterwards.
    for queue in queues:
        leased = []
        while got := s.ask("POST", f"/v1/queues/{queue}/lease", token, {"n": 8})["items"]:
            leased += got
        s.check(f"{name}: leased from {queue}", {row["key"] for row in leased} == mine and len(leased) == len(mine), (len(leased), len(mine)))
        for row in leased:
            s.ask("POST", f"/v1/tasks/{row['task']}/release", token, {"epoch": row["epoch"]})

# ---- a task that somebody was given by name stays where it is when it is not theirs ----
north = bindings[1]
foreign = next(task for task, row in tasks.items() if row["key"] not in north[2] and row["queue"] == "call")
s.ask("POST", f"/v1/tasks/{foreign}/reassign", admin, {"worker": "north", "reason": "by mistake"})
got = s.ask("POST", "/v1/queues/call/lease", north[0], {"n": 1})["items"]
s.check("others' are not handed out by name either", [row["key"] in north[2] for row in got] == [True], got)
# ---- who completes one and takes the next gets theirs, to the last ----
done = []
while got and len(done) < len(north[2]):
    done += [row["key"] for row in got]
    got = s.ask("POST", f"/v1/tasks/{got[0]['task']}/complete_and_lease", north[0], {"epoch": got[0]["epoch"], "outcome": "refuses"})["items"]
s.check("the next one is theirs, too", set(done) == north[2], (len(done), len(north[2]), set(done) - north[2]))
listed = s.run("token", "list")
s.check("the list says it", "north" in listed and "region" in listed)
s.end()
