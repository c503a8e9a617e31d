#!/usr/bin/env python3
"""The desk over HTTP: people, files, campaigns, lists of events, stops, holds, what was set aside, experiments, simulations, reports. Each call is judged by what
stands in the database afterwards, and every change by its entry in the audit: desk_api_test.py DUNLIN STDLIB"""
import csv, io, json, os, re, sys, time, zipfile
from served import Served

BUNDLE = """
bundle desk "Desk over HTTP" { timezone UTC, currency EUR, calendar none, day starts 00:00 }
entity account {
  key id : text
  holder : text personal
  region : text
  overdue : money
}
event payment of account { amount : money, payer : text? personal }
event doubt of account { }
outcomes call of account { promises (amount : money), refuses }
queue call { outcomes call, cost 1, fields { holder : text? personal } }
queue visit { cost 5 }
hold in_dispute "Dispute" for account { stops everything, timers run, until lifted }
schedule days "Days" { between 09:00 and 18:00 on working days }
experiment sooner "Sooner" {
  champion   soft    50%
  challenger softer  50%
  split      by account
  success    sum(payment.amount)
  run        2020-01-01 to 2090-01-01
}
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    keep call "script" while overdue > 100 { fields { holder: holder } }
    on call.promises : go promised
    on payment : note "paid {event.amount}"
  }
  stage promised { after 14 days : go calling }
  final stage cured { enrol again when overdue > 0 }
}
strategy softer "Softer" for account {
  when overdue <= 0 : go over
  stage calling {
    keep call "script" while overdue > 100 { fields { holder: holder } }
    on call.promises : go waiting
    after 5 days : go waiting
  }
  stage waiting { after 10 days : go calling }
  final stage over { enrol again when overdue > 0 }
}
feed balances "Balances" {
  due    00:00
  refuse file when bad_rows > 10% or total differs
}
"""
MAPPING = """[control]
trailer = "TRAILER"
total_of = "overdue"
[[entity]]
name = "account"
key = "{id}"
[entity.fields]
holder = "{holder}"
region = "{region}"
overdue = "{overdue}"
"""
s = Served(*sys.argv[1:3])
answers, plain_call = [], s.call


def call(method, path, *words, **named):
    status, text, headers = plain_call(method, path, *words, **named)
    answers.append((method, path.split("?")[0], status))
    s.check(f"{method} {path}: what is wrong is a problem", status < 400 or headers.get("Content-Type") == "application/problem+json" and json.loads(text)["status"] == status, text[:200])
    return status, text, headers


s.call = call
os.makedirs(s.work + "/bundle")
s.write("bundle/desk.dun", BUNDLE)
ROWS = [(f"B{i:03}", f"Invented Person {i}", "north" if i % 2 else "south", i * 10) for i in range(40)]


def file_of(rows, total=None, odd=""):
    return "id,holder,region,overdue\n" + "".join(f"{i},{h},{r},{o}.00\n" for i, h, r, o in rows) + odd + f"TRAILER,{len(rows) + odd.count(chr(10))},{total if total is not None else sum(row[3] for row in rows)}.00\n"


s.write("a.csv", file_of(ROWS))
s.write("a.toml", MAPPING)
checked = s.run("check", s.work + "/bundle")
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml")
s.write("odd.csv", "id,holder,region,overdue\nB098,Secret Person,north,Secret Person 600123456\n")
s.write("odd.toml", MAPPING[MAPPING.index("[[entity]]"):])
s.run("import", s.work + "/bundle", s.work + "/odd.csv", "--mapping", s.work + "/odd.toml", expect=1)
admin, boss, reader, auditor = s.token("administrator", "head"), s.token("supervisor", "boss"), s.token("analyst", "reader"), s.token("auditor", "aud")
operations, second = s.token("operations", "ops"), s.token("administrator", "second")
north = s.run("token", "create", "--rights", "read,personal,work,events,supervise", "--name", "north", "--queues", "call", "--only", "account.region=north")
s.start()
files = [{"path": "desk.dun", "text": BUNDLE}]
s.ask("POST", "/v1/bundles/apply", admin, {"files": files})
calls = lambda token=admin: s.ask("GET", "/v1/tasks?queue=call&limit=500", token)["items"]
s.until("tasks", lambda: len(calls()) == 29)


def audited(action, who=None, **detail):
    for entry in s.ask("GET", "/v1/audit?limit=200", auditor)["items"]:
        if entry["action"] == action and (who is None or entry["who"] == who) and all((entry["detail"] or {}).get(name) == value for name, value in detail.items()):
            s.check(f"{action} says where from", entry["origin"] and "127.0.0.1" in entry["origin"], entry)
            return True
    s.check(f"{action} is in the audit", False)
    return False


# ---- people and schedules ----
answer = s.ask("POST", "/v1/workers", boss, {"workers": [{"worker": "anna", "name": "Invented Anna", "schedule": "7/0 from 0 to 24", "capacity": "3", "queues": "call"}, {"worker": "bert"}, {"worker": "carl", "capacity": "many"}]})["results"]
s.check("rows of people are judged one by one", [row["result"] for row in answer] == ["added", "added", "refused"], answer)
audited("import workers", "boss")
s.ask("POST", "/v1/workers", reader, {"workers": []}, expect=403)
s.check("pages of people", [row["worker"] for row in s.ask("GET", "/v1/workers?limit=1", reader)["items"]] == ["anna"] and s.ask("GET", "/v1/workers?limit=1&after=anna", reader)["items"][0]["worker"] == "bert")
status, text, headers = s.call("GET", "/v1/workers/anna", reader)
tag = headers["ETag"]
s.check("somebody", json.loads(text)["capacity"] == 3 and json.loads(text)["full_name"] == "Invented Anna", text)
s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "4"}, expect=428)
s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "4"}, headers={"If-Match": '"x"'}, expect=412)
s.check("edited", s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "4", "skills": "soft 2026-01-10"}, headers={"If-Match": tag})["capacity"] == 4)
s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "5"}, headers={"If-Match": tag}, expect=412)
audited("change worker", "boss", worker="anna", before={"capacity": 3, "skills": []}, after={"capacity": 4, "skills": ["soft 2026-01-10"]})
tag = s.call("GET", "/v1/workers/anna", boss)[2]["ETag"]
entries = len(s.ask("GET", "/v1/audit?limit=500", auditor)["items"])
s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "4"}, headers={"If-Match": tag})
s.check("who is as before has no entry of their own", [e["action"] for e in s.ask("GET", "/v1/audit?limit=500", auditor)["items"][:-entries]] == ["import workers"])
s.ask("PUT", "/v1/workers/anna", boss, {"capacity": "lots"}, headers={"If-Match": tag}, expect=422)
s.check("what is refused changes nothing", s.ask("GET", "/v1/workers/anna", boss)["capacity"] == 4)
s.ask("GET", "/v1/workers/nobody", boss, expect=404)
s.ask("POST", "/v1/day_lists/fill", boss, {})
s.until("a day list is filled up to the capacity", lambda: len(s.ask("GET", "/v1/workers/anna/day_list", boss)["items"]) == 4, 10)

s.ask("POST", "/v1/workers/anna/absences", boss, {"until": "2090-01-01", "reason": "on leave"}, expect=201)
s.check("somebody away has no list", s.ask("GET", "/v1/workers/anna/day_list", boss)["items"] == [] and any(f["what"] == "absent" for f in s.ask("GET", "/v1/workers/anna", boss)["facts"]))
audited("worker absent", "boss", reason="on leave")
s.ask("POST", "/v1/queues/call/lease", admin, {"worker": "anna"}, expect=422)
s.ask("POST", "/v1/workers/anna/back", boss, {})
s.ask("POST", "/v1/workers/anna/back", boss, {}, expect=422)
s.ask("POST", "/v1/workers/bert/days", boss, {"day": "2026-12-31", "hours": "10:00-14:00", "reason": "the last day"})
s.ask("POST", "/v1/workers/bert/days", boss, {"day": "2026-12-31", "hours": "10-99", "reason": "x"}, expect=422)
s.check("schedules", [row["name"] for row in s.ask("GET", "/v1/schedules", reader)["items"] if row["name"]] == ["days"])
s.ask("GET", "/v1/territories", reader)

# ---- overrides ----
number = s.ask("POST", "/v1/overrides", boss, {"key": "B015", "kind": "exclude", "until": "2090-01-01", "reason": "lawyer"}, expect=201)["override"]
s.check("overrides", [row["key"] for row in s.ask("GET", "/v1/overrides", reader)["items"]] == ["B015"])
s.check("overrides have pages", s.ask("GET", "/v1/overrides?limit=1", reader)["next"] == str(number))
s.check("bound: seen", len(s.ask("GET", "/v1/overrides", north)["items"]) == 1)
s.ask("POST", "/v1/overrides", north, {"key": "B014", "kind": "exclude", "until": "2090-01-01", "reason": "x", "queue": "call"}, expect=422)  # south
s.ask("POST", "/v1/overrides", north, {"key": "B017", "kind": "exclude", "until": "2090-01-01", "reason": "x"}, expect=422)  # every queue
mine = s.ask("POST", "/v1/overrides", north, {"key": "B017", "kind": "exclude", "until": "2090-01-01", "reason": "x", "queue": "call"}, expect=201)["override"]
s.ask("POST", f"/v1/overrides/{mine}/lift", north, {}, expect=403)
for one in (number, mine):
    s.ask("POST", f"/v1/overrides/{one}/lift", boss, {})
s.ask("POST", f"/v1/overrides/{number}/lift", boss, {}, expect=422)
lifted = next(e["detail"] for e in s.ask("GET", "/v1/audit?limit=100", auditor)["items"] if e["action"] == "lift override" and e["detail"]["override"] == number)
s.check("the audit says which override was lifted", {k: lifted["before"][k] for k in ("entity", "key", "kind", "reason", "who")} == {"entity": "account", "key": "B015", "kind": "exclude", "reason": "lawyer", "who": "boss"}, lifted)

# ---- tasks ----
leased = s.ask("POST", "/v1/queues/call/lease", admin, {"worker": "dora", "n": 3})["items"]
first = leased[0]
s.check("a lease is kept", s.ask("POST", f"/v1/tasks/{first['task']}/heartbeat", admin, {"epoch": first["epoch"]})["withdrawn"] is False)
s.ask("POST", f"/v1/tasks/{first['task']}/heartbeat", admin, {"epoch": 77}, expect=422)
s.check("may be called", s.ask("POST", f"/v1/tasks/{first['task']}/may_contact", admin, {"address": "+49 30 1234"})["allowed"] is True)
s.check("why", s.ask("GET", f"/v1/tasks/{first['task']}/why?over={leased[1]['task']}", reader)["items"])
many = s.ask("POST", "/v1/tasks/complete", admin, {"results": [{"task": first["task"], "epoch": first["epoch"], "outcome": "refuses"}, {"task": leased[1]["task"], "epoch": 99, "outcome": "refuses"}]})["results"]
s.check("outcomes of many", many[0]["result"] == "accepted" and many[1]["code"] == "DU011", many)
# A character that the database cannot keep: that row is refused by itself, and nothing is cut off at it.
nul = s.ask("POST", "/v1/tasks/complete", admin, {"results": [{"task": leased[1]["task"], "epoch": 99, "outcome": "a\0b"}, {"task": leased[1]["task"], "epoch": 99, "outcome": "refuses"}]})["results"]
s.check("outcomes: one row with a NUL", [(row["task"], row["code"]) for row in nul] == [(leased[1]["task"], "DU022"), (leased[1]["task"], "DU011")], nul)
nul = s.ask("POST", "/v1/workers", boss, {"workers": [{"worker": "no\0body"}, {"worker": "bert", "na\0me": "x"}, {"worker": "bert", "name": "Invented Bert"}]})["results"]
s.check("people: rows with a NUL", [(row["worker"], row["result"]) for row in nul] == [(None, "refused"), ("bert", "refused"), ("bert", "changed")] and "NUL" in nul[0]["message"], nul)
nul = s.ask("POST", "/v1/queues/call/statuses", admin, {"statuses": [{"number": "1", "status": "\0"}, {"number": "1"}]})["results"]
s.check("statuses: one row with a NUL", ["NUL" in row["message"] for row in nul] == [True, False], nul)
s.check("where rows are not judged alone, the row is named", "row 2 of `lines`" in s.ask("POST", "/v1/bulk/plan", operations, {"lines": [{"event": "payment"}, {"event": "x\0"}], "source": "list"}, expect=422)["title"])
s.ask("POST", "/v1/tasks/complete", north, {"results": []}, expect=403)
s.ask("POST", "/v1/contacts", operations, {"key": "B020", "channel": "visit", "external_id": "c1", "kind": "conversation"})
s.check("told twice is once", s.ask("POST", "/v1/contacts", operations, {"key": "B020", "channel": "visit", "external_id": "c1", "kind": "conversation"})["result"] == "duplicate")
s.check("told otherwise is heard", s.ask("POST", "/v1/contacts", operations, {"key": "B020", "channel": "call", "external_id": "c1", "kind": "conversation"})["result"] == "differs")
held = s.ask("POST", "/v1/queues/call/lease", admin, {"worker": "fritz"})["items"][0]["task"]
for worker, before in (("anna", {"worker": None, "held_by": "fritz"}), ("bert", {"worker": "anna", "held_by": None})):
    s.ask("POST", f"/v1/tasks/{held}/reassign", boss, {"worker": worker, "reason": "on leave"})
    audited("reassign task", "boss", task=held, worker=worker, before=before)
s.ask("POST", f"/v1/tasks/{held}/withdraw", boss, {"reason": "for the test"})
s.check("withdrawn", s.ask("GET", "/v1/workers/dora/withdrawn", boss)["items"] == [])
s.ask("POST", f"/v1/tasks/{leased[1]['task']}/withdraw", boss, {"reason": "double"})
s.check("whoever holds it can see it", [row["task"] for row in s.ask("GET", "/v1/workers/dora/withdrawn", boss)["items"]] == [leased[1]["task"]])
s.ask("POST", "/v1/queues/call/redrive", boss, {})
s.ask("POST", f"/v1/tasks/{leased[2]['task']}/redrive", boss, {}, expect=422)  # no dead letter
s.ask("GET", "/v1/queues/call/register", reader, expect=422)
s.ask("POST", "/v1/queues/call/statuses", admin, {"statuses": [{"number": "1"}]})

# ---- search ----
s.check("by part of a key", [row["key"] for row in s.ask("GET", "/v1/search?text=b03", reader)["items"]] == [f"B03{i}" for i in range(10)])
pages, after = [], ""
while True:
    page = s.ask("GET", f"/v1/search?field=region&text=NORTH&limit=7&after={after}", reader)
    pages += [row["key"] for row in page["items"]]
    if "next" not in page:
        break
    after = page["next"]
s.check("by a field, page by page", pages == [row[0] for row in ROWS if row[2] == "north"], pages)
s.check("bound: theirs only", {row["key"] for row in s.ask("GET", "/v1/search?text=B&limit=500", north)["items"]} == {row[0] for row in ROWS if row[2] == "north"} and s.ask("GET", "/v1/search?field=region&text=south", north)["items"] == [])
s.ask("GET", "/v1/search?field=holder&text=Invented", reader, expect=403)  # what may not be seen may not be asked for
s.check("who may, finds", len(s.ask("GET", "/v1/search?field=holder&text=invented%20person%201&limit=500", boss)["items"]) == 11)
for wrong in ("field=nothing&text=x", "field=dunlin_case&text=1", "field=region"):
    s.ask("GET", "/v1/search?" + wrong, boss, expect=422)

# ---- stops, holds, closed accounts ----
stop = s.ask("POST", "/v1/contact_stops", boss, {"field": "region", "value": "south", "reason": "the mandate has ended"}, expect=201)
south = sum(row[2] == "south" for row in ROWS)
s.check("it says how much it hit", stop["instances"] == south and 0 < stop["tasks"] <= 3 * south, stop)
s.check("one client is stopped, and nobody else", {row["key"] for row in s.ask("POST", "/v1/queues/call/lease", admin, {"worker": "emil", "n": 50})["items"]} <= {row[0] for row in ROWS if row[2] == "north"})
audited("stop contact", "boss")
s.check("stops", s.ask("GET", "/v1/contact_stops", reader)["items"][0]["value"] == "south")
more = [s.ask("POST", "/v1/contact_stops", boss, {"address": f"60000000{n}", "reason": "pages"}, expect=201)["stop"] for n in range(5)]
for limit in (1, 2, 3, 6):
    seen, body = [], s.ask("GET", f"/v1/contact_stops?limit={limit}", boss)
    while body["items"]:
        seen += body["items"]
        body = s.ask("GET", f"/v1/contact_stops?limit={limit}&after={body['next']}", boss) if "next" in body else {"items": []}
    s.check(f"stops in pages of {limit}", seen == s.ask("GET", "/v1/contact_stops", boss)["items"] and {stop["stop"], *more} <= {row["stop"] for row in seen}, seen)
s.check("no number of a stop", s.call("GET", "/v1/contact_stops?after=x", boss)[0] == 422)
for number in more:
    s.ask("POST", f"/v1/contact_stops/{number}/lift", boss, {})
s.ask("POST", f"/v1/contact_stops/{stop['stop']}/lift", boss, {})
s.ask("POST", f"/v1/contact_stops/{stop['stop']}/lift", boss, {}, expect=422)
audited("resume contact", "boss", stop=stop["stop"])
lifted = lambda who, number: next(e["detail"]["before"] for e in s.ask("GET", "/v1/audit?limit=100", who)["items"] if e["action"] == "resume contact" and e["detail"]["stop"] == number)
s.check("the audit says what was lifted", {k: lifted(auditor, stop["stop"])[k] for k in ("field", "value", "reason", "who")} == {"field": "region", "value": "south", "reason": "the mandate has ended", "who": "boss"})
for named, hidden in (({"address": "+49 30 4711"}, "address"), ({"field": "holder", "value": "Invented Person 3"}, "value")):
    number = s.ask("POST", "/v1/contact_stops", boss, dict(named, reason="personal"), expect=201)["stop"]
    s.ask("POST", f"/v1/contact_stops/{number}/lift", boss, {})
    s.check(f"{hidden} of what was lifted is masked for who may not see it", lifted(auditor, number)[hidden] == "***" and lifted(admin, number)[hidden] == named[hidden], lifted(auditor, number))
for wrong in ({}, {"key": "B001", "all": True}, {"key": "B001", "address": "1"}, {"field": "region"}, {"key": "nobody"}, {"field": "region", "value": "sOuth"}, {"key": "B001", "until": "2020-01-01"},
              {"entity": "account", "all": True}, {"address": "-"}):
    s.ask("POST", "/v1/contact_stops", boss, dict(wrong, reason="x"), expect=422)
s.ask("POST", "/v1/contact_stops", north, {"key": "B001", "reason": "x"}, expect=403)
s.ask("POST", "/v1/accounts/B033/holds", boss, {"hold": "in_dispute", "reason": "a letter"})
audited("hold", "boss", key="B033")
s.until("what is held waits", lambda: not any(row["key"] == "B033" and row["status"] == "ready" for row in calls()), 20)
s.ask("POST", "/v1/accounts/B032/holds", north, {"hold": "in_dispute", "reason": "x"}, expect=422)
s.ask("POST", "/v1/accounts/B033/holds/in_dispute/lift", boss, {"reason": "answered"})
s.until("what is lifted goes on", lambda: any(row["key"] == "B033" and row["status"] != "withheld" for row in calls()), 20)
s.ask("POST", "/v1/accounts/NEW/holds", boss, {"hold": "in_dispute", "reason": "x"}, expect=404)
s.ask("POST", "/v1/accounts/B020/holds", boss, {"hold": "nothing", "reason": "x"}, expect=422)
s.ask("POST", "/v1/accounts/B021/close", boss, {"reason": "sold"})
event = {"event": "payment", "key": "B021", "external_id": "late", "payload": {"amount": 5, "payer": "Invented Payer"}}
s.check("events of a closed account are set aside", s.ask("POST", "/v1/events", operations, event)["result"] == "set_aside")
s.check("opened again", s.ask("POST", "/v1/accounts/B021/reopen", boss, {})["waiting"] == 1)

# ---- what was set aside ----
s.ask("POST", "/v1/events", operations, dict(event, key="TYPO", external_id="typo"))
rows = {row["location"]: row for row in s.ask("GET", "/v1/quarantine?limit=100", boss)["items"]}
typo, late = rows["account TYPO"]["id"], rows["account B021"]["id"]
page = s.ask("GET", "/v1/quarantine?limit=1", boss)
s.check("in pages, the newest first", page["items"][0]["id"] == typo and s.ask("GET", f"/v1/quarantine?limit=1&before={page['next']}", boss)["items"][0]["id"] == late, page)
status, text, headers = s.call("GET", f"/v1/quarantine/{typo}", reader)
s.check("a raw row is masked", status == 200 and "Invented" not in text and json.loads(text)["body"] == "***", text)
tag = headers["ETag"]
s.ask("PUT", f"/v1/quarantine/{typo}", boss, {"key": "B022", "reason": "a typing error"}, expect=428)
s.ask("PUT", f"/v1/quarantine/{typo}", boss, {"key": "B022", "reason": "a typing error"}, headers={"If-Match": '"0"'}, expect=412)
s.ask("PUT", f"/v1/quarantine/{typo}", boss, {"payload": {"amount": "much"}, "key": "B022", "reason": "x"}, headers={"If-Match": tag}, expect=422)
s.check("repaired", s.ask("PUT", f"/v1/quarantine/{typo}", boss, {"key": "B022", "reason": "a typing error"}, headers={"If-Match": tag})["result"] == "accepted")
s.ask("PUT", f"/v1/quarantine/{typo}", boss, {"key": "B022", "reason": "x"}, headers={"If-Match": tag}, expect=412)
audited("repair event", "boss", reason="a typing error")
s.check("no personal data in the audit of a repair", "Invented Payer" not in json.dumps(s.ask("GET", "/v1/audit?limit=50", auditor)))
s.until("it has happened", lambda: any(row["kind"] == "event" for row in s.ask("GET", "/v1/accounts/B022/timeline", boss)["items"]), 20)
result = {row["result"]: row["events"] for row in s.ask("POST", "/v1/quarantine/retry", boss, {"most": 10})["results"]}
s.check("what fits now is taken", result["accepted"] == 1, result)
audited("retry quarantine", "boss")
s.ask("POST", "/v1/quarantine/retry", boss, {"most": 0}, expect=422)
s.ask("POST", "/v1/events", operations, dict(event, key="GONE", external_id="gone"))
gone = next(row["id"] for row in s.ask("GET", "/v1/quarantine?limit=100", boss)["items"] if row["location"] == "account GONE")
s.check("let be", s.ask("DELETE", f"/v1/quarantine/{gone}", boss, {"reason": "not ours"}, headers={"If-Match": s.call("GET", f"/v1/quarantine/{gone}", boss)[2]["ETag"]})["done"] is True)
s.ask("POST", "/v1/accounts/B022/step_again", boss, {}, expect=422)  # nothing is wrong with it
s.ask("GET", "/v1/quarantine/999999", boss, expect=404)
s.ask("GET", "/v1/quarantine/x", boss, expect=404)

# ---- files ----
s.check("feeds", s.ask("GET", "/v1/feeds", reader)["items"][0]["feed"] == "balances")
was_owed = s.ask("GET", "/v1/accounts/B001", boss)["fields"]["overdue"]
newer = [(i, h, r, o + 1) for i, h, r, o in ROWS]
post = dict(file="balances.csv", mapping=MAPPING)
answer = s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of(newer, total=1)), expect=422)
s.check("another total is refused whole", answer["result"] == "refused" and "total" in answer["reason"] and answer["rows_taken"] == 0, answer)
s.check("nothing of it was written", s.ask("GET", "/v1/accounts/B001", boss)["fields"]["overdue"] == was_owed, was_owed)
answer = s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of(newer, odd=",Nobody,north,0.00\n")), expect=201)
s.check("taken, with the row that is not", answer["result"] == "taken" and answer["rows_rejected"] == 1 and answer["rejected"][0]["line"] == 42 and answer["rejected"][0]["reason"], answer)
s.check("the same bytes again", s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of(newer, odd=",Nobody,north,0.00\n")))["result"] == "known")
owed_now = s.ask("GET", "/v1/accounts/B001", boss)["fields"]["overdue"]
old = s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of([(i, h, r, o + 2) for i, h, r, o in ROWS]), as_of="2020-01-01"), expect=201)
s.check("rows of before are left alone and told of", old["rows_older"] >= len(ROWS) and old["older"][0]["line"] == 2 and old["older"][0]["entity"], old)
s.check("what was known stands", s.ask("GET", "/v1/accounts/B001", boss)["fields"]["overdue"] == owed_now, owed_now)
s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of(ROWS), as_of="2100-01-01"), expect=422)
before = s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of([(i, h, r, o + 3) for i, h, r, o in ROWS]), day="2020-01-01"), expect=422)
s.check("a file of a day before", "was taken before it" in before["reason"], before)
empty = s.ask("POST", "/v1/feeds/balances/files", operations, dict(post, content=file_of([])), expect=422)
s.check("a file without a row", "it has no rows" in empty["reason"], empty)
too_exact = s.ask("POST", "/v1/events", operations, dict(event, external_id="too exact", payload={"amount": 1.239}), expect=422)
s.check("no amount is rounded", "2 decimal places" in too_exact["title"] and too_exact["code"] == "DU022", too_exact)
listed = s.ask("GET", "/v1/feeds/balances/files", reader)["items"]
s.check("files with their totals", [row["status"] for row in listed] == ["refused", "refused", "taken", "taken", "refused"] and listed[3]["rows_bad"] == 1, listed)
page = s.ask("GET", "/v1/feeds/balances/files?limit=1", reader)
s.check("files in pages", page["items"] + s.ask("GET", f"/v1/feeds/balances/files?before={page['next']}", reader)["items"] == listed, page)
audited("take file", "ops")
# A row that does not fit is cited where it was set aside, for eyes that may see it; who lets it be writes none of it into the audit.
cited = next((row["id"] for row in s.ask("GET", "/v1/quarantine?limit=100", boss)["items"] if "Secret Person" in row["reason"]), None)
s.check("the reason cites the row", cited)
if cited:
    s.ask("DELETE", f"/v1/quarantine/{cited}", boss, {"reason": "mended there"}, headers={"If-Match": s.call("GET", f"/v1/quarantine/{cited}", boss)[2]["ETag"]})
    audited("dismiss", "boss", number=cited, reason="mended there")
s.check("no personal data in the audit of what was let be", "Secret Person" not in json.dumps(s.ask("GET", "/v1/audit?limit=100", auditor)))
for wrong in ({"file": "../x.csv"}, {"file": ""}, {"mapping": "nonsense"}, {"mapping": MAPPING.replace('trailer = "TRAILER"', 'beside = "/etc/passwd"')}, {"content": ""}, {"content": "a,b\n1,2\n"}):
    s.check(f"refused: {wrong}", s.call("POST", "/v1/feeds/balances/files", operations, dict(dict(post, content=file_of(ROWS)), **wrong))[0] == 422)
s.ask("POST", "/v1/feeds/nothing/files", operations, dict(post, content=file_of(ROWS)), expect=422)
s.ask("POST", "/v1/feeds/balances/files", reader, dict(post, content="x"), expect=403)
# Who posts events chooses no mapping: a file may write any field.
poster = s.run("token", "create", "--rights", "read,events", "--name", "poster")
s.ask("POST", "/v1/feeds/balances/files", poster, dict(post, content=file_of(ROWS)), expect=403)

s.ask("POST", "/v1/feeds/balances/lift", boss, {"reason": ""}, expect=422)

# ---- campaigns ----
today = time.strftime("%Y-%m-%d", time.gmtime())
campaign = {"name": "payday", "keys": ["B030", "B031", "B031", "NOBODY"], "queue": "call", "treatment": "payday", "from": today, "to": today, "per_day": 1}
plan = s.ask("POST", "/v1/campaigns/plan", boss, campaign)
s.check("a plan of a campaign", plan["good"] == 2 and plan["unreached"] == 1 and [row["nth"] for row in plan["rejected"]] == [3, 4], plan)
s.check("nothing was written", s.ask("GET", "/v1/campaigns", reader)["items"] == [])
s.ask("POST", "/v1/campaigns", boss, campaign, expect=422)  # why?
s.ask("POST", "/v1/campaigns", boss, dict(campaign, reason="payday"), expect=201)
s.ask("POST", "/v1/campaigns", boss, dict(campaign, reason="payday"), expect=422)
audited("start campaign", "boss")
s.until("one a day", lambda: sum(row["treatment"] == "payday" for row in calls()) == 1, 30)
s.check("cases", sorted(row["status"] for row in s.ask("GET", "/v1/campaigns/payday/cases", reader)["items"])[:2] == ["rejected", "released"])
for wrong in ({"queue": "nothing"}, {"between": "25:00-26:00"}, {"per_day": 0}, {"keys": [1]}, {"from": "soon"}, {"entity": "nothing"}, {"name": ""}):
    s.check(f"refused: {wrong}", s.call("POST", "/v1/campaigns", boss, dict(dict(campaign, name="other", reason="x"), **wrong))[0] == 422, wrong)
s.check("stopped", s.ask("POST", "/v1/campaigns/payday/stop", boss, {"reason": "the wrong list"})["never"] == 1)
s.ask("POST", "/v1/campaigns/release", boss, {})

# ---- lists of events ----
lines = [{"event": "payment", "key": "B010", "at": "2026-01-05", "id": "l1", "amount": "5"}, {"event": "payment", "key": "B011", "at": "soon", "id": "l2", "amount": "5"}, {"event": "nothing", "key": "B011", "at": "2026-01-05", "id": "l3"},
         {"event": "payment", "key": "B012", "at": "2026-01-05", "id": "l4", "amount": "much"}]
plan = s.ask("POST", "/v1/bulk/plan", operations, {"lines": lines, "source": "list"})
s.check("a plan of a list", plan["plan"]["results"] == {"accepted": 1, "refused": 3} and [(row["line"], row["column"]) for row in plan["rejected"]] == [(2, "at"), (3, "event"), (4, "amount")], plan)
done = s.ask("POST", "/v1/bulk", operations, {"lines": lines, "source": "list", "reason": "by hand"})
s.check("what is good is posted", done["status"] == "posted" and done["posted"] == 1 and done["rejected_lines"] == 3, done)
audited("post list", "ops", reason="by hand")
s.run("proposal", "require")
waits = s.ask("POST", "/v1/bulk", operations, {"lines": [dict(lines[0], id="l9")], "source": "list", "reason": "by hand"}, expect=202)
s.ask("POST", f"/v1/bulk/{waits['bulk']}/approve", operations, {}, expect=422)  # of their own
s.check("somebody else agrees", s.ask("POST", f"/v1/bulk/{waits['bulk']}/approve", second, {})["posted"] == 1)
again = s.ask("POST", "/v1/bulk", operations, {"lines": [dict(lines[0], id="l10", at="2090-01-01")], "source": "list", "reason": "by hand"}, expect=202)
s.ask("POST", f"/v1/bulk/{again['bulk']}/reject", second, {"reason": "no"})
s.run("proposal", "waive")
ahead = s.ask("POST", "/v1/bulk", operations, {"lines": [dict(lines[0], id="l11", at="2090-01-01")], "source": "list", "reason": "too early"})["bulk"]
s.check("undone while nobody has read it", s.ask("POST", f"/v1/bulk/{ahead}/undo", operations, {"reason": "the wrong file"})["undone"] == 1)
s.check("lists", [row["status"] for row in s.ask("GET", "/v1/bulk?limit=2", reader)["items"]] == ["undone", "rejected"] and s.ask("GET", f"/v1/bulk/{ahead}", reader)["events"][0]["key"] == "B010")

# ---- experiments ----
one = s.ask("GET", "/v1/experiments/sooner", reader)
s.check("arms with those who were drawn", sum(arm["enrolled"] for arm in one["arms"]) == 40 and one["status"] == "running", one)
s.check("all of them", [row["experiment"] for row in s.ask("GET", "/v1/experiments", reader)["items"]] == ["sooner"])
s.ask("POST", "/v1/experiments/sooner/promote", admin, {"arm": "nothing", "reason": "x"}, expect=422)
s.ask("POST", "/v1/experiments/other/promote", admin, {"arm": "softer", "reason": "x"}, expect=404)
s.ask("POST", "/v1/experiments/sooner/promote", boss, {"arm": "softer", "reason": "x"}, expect=403)
s.ask("POST", "/v1/experiments/sooner/promote", admin, {"arm": "softer", "reason": "more, sooner"})
s.check("promoted", s.ask("GET", "/v1/experiments/sooner", reader)["status"] == "promoted softer")
s.ask("POST", "/v1/experiments/sooner/stop", admin, {"reason": "complaints"})
s.check("stopped", s.ask("GET", "/v1/experiments/sooner", reader)["status"] == "stopped")
audited("promote arm", "head", arm="softer", reason="more, sooner")
audited("stop experiment", "head", reason="complaints")
s.ask("POST", "/v1/experiments/sooner/stop", admin, {"reason": "again"}, expect=422)

# ---- reports ----
for name, columns in {"tasks": "queue", "outcomes": "outcome", "experiments": "arm", "queues": "queue", "funnel": "stage", "contacts": "channel"}.items():
    rows = s.ask("GET", f"/v1/reports/{name}", reader)
    s.check(f"report of {name}", rows["items"] and columns in rows["columns"] and set(rows["columns"]) <= set(rows["items"][0]), str(rows)[:300])
    table = list(csv.DictReader(io.StringIO(s.call("GET", f"/v1/reports/{name}?format=csv", reader)[1])))
    s.check(f"{name} as CSV is the same", len(table) == len(rows["items"]) and table[0][columns] == rows["items"][0][columns])
    import urllib.request
    with urllib.request.urlopen(urllib.request.Request(s.url + f"/v1/reports/{name}?format=xlsx", headers={"Authorization": "Bearer " + reader})) as book:
        s.check(f"{name} as a workbook", zipfile.ZipFile(io.BytesIO(book.read())).testzip() is None)
s.ask("GET", "/v1/reports/experiments?format=pdf", reader, expect=422)
outcomes = {row["outcome"]: row["tasks"] for row in s.ask("GET", "/v1/reports/outcomes", reader)["items"]}
s.check("one outcome was given", outcomes == {"call.refuses": 1}, outcomes)
s.check("tasks add up to the queues", sum(row["open"] for row in s.ask("GET", "/v1/reports/tasks", reader)["items"]) == sum(row["ready"] + row["leased"] + row["withheld"] + row["dead_letter"] for row in s.ask("GET", "/v1/reports/queues", reader)["items"]))
s.check("bound: theirs", all(row["queue"] == "call" for row in s.ask("GET", "/v1/reports/tasks", north)["items"]))

# ---- simulations: against what the engine does by itself ----
before = {row["stage"]: row["count"] for row in s.ask("GET", "/v1/stages", reader)["items"]}
state = lambda: [s.ask("GET", "/v1/stages", reader)["items"], sorted((row["task"], row["priority"], row["treatment"]) for row in calls())]
was = state()
begun = s.ask("POST", "/v1/simulations", admin, {"days": 6}, expect=202)
s.until("a simulation ends", lambda: s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["status"] == "done", 60)
result = s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["result"]
stages = {row["stage"]: row for row in result["stages"]}
s.check("who would move after five days moves", stages["softer.waiting"]["active"] == stages["softer.calling"]["now"] > 0 and stages["softer.waiting"]["now"] == 0, result["stages"])
s.check("a copy: nothing has changed", state() == was and result["cases"] == 40, result["cases"])
s.check("moves with an example", any(row["to"] == "softer.waiting" and row["example"]["key"].startswith("B") for row in result["moves"]))
changed = [{"path": "desk.dun", "text": BUNDLE.replace("after 5 days : go waiting", "after 50 days : go waiting")}]
begun = s.ask("POST", "/v1/simulations", admin, {"days": 6, "files": changed}, expect=202)
s.until("it ends too", lambda: s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["status"] == "done", 60)
stages = {row["stage"]: row for row in s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["result"]["stages"]}
s.check("side by side", stages["softer.waiting"]["proposed"] == 0 and stages["softer.waiting"]["active"] > 0 and stages["softer.calling"]["proposed"] == stages["softer.calling"]["now"], stages)
audited("start simulation", "head")
version = s.active(admin)
begun = s.ask("POST", "/v1/simulations", admin, {"days": 6, "version": version}, expect=202)
s.until("a stored version too", lambda: s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["status"] == "done", 60)
rows = s.ask("GET", f"/v1/simulations/{begun['simulation']}", reader)["result"]["stages"]
s.check("the active version beside itself comes to the same", rows and all(row["active"] == row["proposed"] for row in rows), rows)
s.ask("POST", "/v1/simulations", admin, {"days": 401}, expect=422)
s.ask("POST", "/v1/simulations", admin, {"files": changed, "version": 1}, expect=422)
s.ask("POST", "/v1/simulations", admin, {"files": [{"path": "x.dun", "text": "nonsense"}]}, expect=422)
s.ask("POST", "/v1/simulations", boss, {}, expect=403)
s.ask("GET", "/v1/simulations/999", reader, expect=404)
s.ask("POST", f"/v1/simulations/{begun['simulation']}/cancel", admin, {}, expect=409)
s.check("listed", [row["simulation"] for row in s.ask("GET", "/v1/simulations", reader)["items"]] == [3, 2, 1])

# ---- approvals ----
s.check("nothing waits", s.ask("GET", "/v1/approvals", reader)["items"] == [] and s.ask("GET", "/v1/requests", reader)["items"] == [])
s.ask("POST", "/v1/approvals/4711/approve", boss, {}, expect=422)
s.ask("POST", "/v1/approvals/4711/decline", boss, {"reason": "no"}, expect=422)
s.ask("POST", "/v1/approvers", admin, {"role": "leader", "who": "boss", "may": True})
s.check("approvers", s.ask("GET", "/v1/approvers", reader)["items"][0]["who"] == "boss")

# ---- all of it was tried ----
openapi = s.ask("GET", "/openapi.json")
operations = {(method.upper(), path): op for path, ops in openapi["paths"].items() for method, op in ops.items()}
untried = [f"{method} {path}" for method, path in operations if not any(m == method and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), place) for m, place, _ in answers)
           and re.match(r"/v1/(workers|schedules|territories|day_lists|overrides|search|feeds|campaigns|bulk|contact_stops|contacts|quarantine|approvals|approvers|requests|experiments|simulations|reports)|/v1/accounts/\{key\}/(holds|close|reopen|step)", path)]
s.check("every address of the desk was tried", not untried, untried)

s.check("the audit is whole", s.ask("GET", "/v1/audit/verify", auditor)["good"] is True)
s.check("no mistake of the server's own", '"message":"a request failed"' not in s.log(), [line for line in s.log().splitlines() if "a request failed" in line][:3])
# ---- an override of a stage: each arm has its own second stage ----
def stage_of(key):
    return s.ask("GET", f"/v1/accounts/{key}", boss)["stage"]


def place(stage):
    return s.call("POST", "/v1/overrides", boss, {"key": "B018", "kind": "stage", "value": stage, "reason": "asked for"})[0]


s.ask("POST", "/v1/overrides", boss, {"key": "B018", "kind": "stage", "value": "nowhere", "reason": "x"}, expect=422)
before = stage_of("B018")
arm, second = ("soft", "promised") if before.startswith("soft.") else ("softer", "waiting")
s.check("not into the other arm", place("waiting" if second == "promised" else "promised") == 422)
s.check("a stage of its own", place(second) == 201)
s.until("the next step moves it", lambda: stage_of("B018") == f"{arm}.{second}")

s.end()
