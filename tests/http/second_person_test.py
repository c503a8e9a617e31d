#!/usr/bin/env python3
"""Four eyes over HTTP and on the command line, steps back, and a watched folder: second_person_test.py DUNLIN STDLIB"""
import json, sys
from served import BUNDLE, Served

s = Served(sys.argv[1], sys.argv[2])
changed = BUNDLE.replace("overdue > 100", "overdue > 200")
files = lambda text: {"files": [{"path": "api.dun", "text": text}]}

folder = s.portfolio()
admin, olga, otto = s.token("administrator", "admin"), s.token("operations", "olga"), s.token("operations", "otto")
designer, auditor = s.token("designer", "dora"), s.token("auditor", "axel")

# ---- one person is enough: the order of activations ----
s.start()
for text in (BUNDLE, changed, BUNDLE.replace("14 days", "15 days")):
    s.ask("POST", "/v1/bundles/apply", olga, dict(files(text), reason="step"))
s.check("three versions", s.active(admin) == 3)
s.check("a step back goes to the one before", s.ask("POST", "/v1/bundles/rollback", olga, {})["back_to"] == 2)
s.check("the next one goes on", s.ask("POST", "/v1/bundles/rollback", olga, {})["back_to"] == 1)
s.ask("POST", "/v1/bundles/rollback", olga, {}, expect=409)
s.check("the bottom stays", s.active(admin) == 1)
entry = next(e for e in s.ask("GET", "/v1/audit?limit=500", auditor)["items"] if e["action"] == "activate")
s.check("from where", entry["origin"] == "127.0.0.1" and entry["who"] == "olga", entry)
s.write("bundle/api.dun", changed)
s.run("apply", folder, "--yes", "--reason", "by hand")
out = s.run("rollback", "--yes")
s.check("the command line says where it goes back to", "active before: version 1" in " ".join(out.split()) or "before: version 1" in out or "version 1" in out.splitlines()[0], out)
entry = next(e for e in s.ask("GET", "/v1/audit?limit=500", auditor)["items"] if e["action"] == "activate")
s.check("from which machine", entry["origin"].startswith("command line on "), entry)
s.stop()

# ---- a second person is asked for ----
s.start("--set", "bundles.second_person=true")
made = s.ask("POST", "/v1/bundles/apply", olga, dict(files(changed), reason="fewer calls"), expect=202)
number = made["proposal"]
s.check("nothing happened yet", made["activated"] is False and s.active(admin) == 1)
s.check("it is not kept twice", s.ask("POST", "/v1/bundles/apply", olga, dict(files(changed), reason="fewer calls"), expect=202)["proposal"] == number)
waiting = s.ask("GET", "/v1/proposals?status=waiting", designer)["items"]
s.check("it waits", [p["id"] for p in waiting] == [number] and waiting[0]["author"] == "olga", waiting)
s.check("proposals in pages", s.ask("GET", "/v1/proposals?limit=1", designer)["next"] == str(waiting[0]["id"]))
seen = s.ask("GET", f"/v1/proposals/{number}", designer)
s.check("with what it says and what it would do", seen["files"][0]["text"] == changed and seen["plan"]["portfolio"]["tasks_withdrawn"] > 0)
s.ask("POST", f"/v1/proposals/{number}/approve", olga, {}, expect=403)
s.ask("POST", f"/v1/proposals/{number}/approve", designer, {}, expect=403)
s.ask("POST", "/v1/proposals/99/approve", otto, {}, expect=422)
s.ask("POST", "/v1/proposals/x/approve", otto, {}, expect=404)
s.check("still nothing", s.active(admin) == 1)
done = s.ask("POST", f"/v1/proposals/{number}/approve", otto, {"reason": "seen"})
s.check("agreed", done["activated"] is True and s.active(admin) == 2, done)
s.ask("POST", f"/v1/proposals/{number}/approve", otto, {}, expect=409)
entry = next(e for e in s.ask("GET", "/v1/audit?limit=500", auditor)["items"] if e["action"] == "activate")
s.check("both stand in the audit", entry["who"] == "otto" and entry["detail"]["proposed_by"] == "olga" and entry["detail"]["proposal"] == number and entry["detail"]["reason"] == "fewer calls", entry)
s.check("it has a version now", s.ask("GET", f"/v1/proposals/{number}", designer)["version"] == 2)

# A step back is a change like another.
back = s.ask("POST", "/v1/bundles/rollback", otto, {"reason": "enough"}, expect=202)
s.ask("POST", f"/v1/proposals/{back['proposal']}/approve", otto, {}, expect=403)
s.ask("POST", f"/v1/proposals/{back['proposal']}/approve", olga, {})
s.check("back", s.active(admin) == 1)
s.ask("POST", "/v1/bundles/rollback", otto, {}, expect=409)  # nothing lies below it

# What was planned against another version cannot be agreed to; what is rejected neither.
first = s.ask("POST", "/v1/bundles/apply", olga, files(BUNDLE.replace("14 days", "16 days")), expect=202)["proposal"]
second = s.ask("POST", "/v1/bundles/apply", olga, files(BUNDLE.replace("14 days", "17 days")), expect=202)["proposal"]
third = s.ask("POST", "/v1/bundles/apply", olga, files(BUNDLE.replace("14 days", "18 days")), expect=202)["proposal"]
s.ask("POST", f"/v1/proposals/{first}/approve", otto, {})
s.ask("POST", f"/v1/proposals/{second}/approve", otto, {}, expect=409)
s.ask("POST", f"/v1/proposals/{third}/reject", otto, {"reason": "too late"})
s.ask("POST", f"/v1/proposals/{third}/approve", admin, {}, expect=409)

# The command line is held to it on this database.
s.write("bundle/api.dun", BUNDLE.replace("14 days", "19 days"))
before = s.active(admin)
said = json.loads(s.run("apply", folder, "--yes", "--json", "--author", "clara", "--reason", "by hand"))
s.check("a proposal, no version", said["activated"] is False and s.active(admin) == before, said)
s.run("run", folder, "--clock", "2026-01-01 06:00", expect=1)
s.check("`run` does not go round it", s.active(admin) == before)
s.check("listed", str(said["proposal"]) in s.run("proposal", "list") and "clara" in s.run("proposal", "list"))
s.run("proposal", "show", str(said["proposal"]))
s.run("proposal", "approve", str(said["proposal"]), "--author", "clara", expect=1)
s.check("agreed over HTTP", s.ask("POST", f"/v1/proposals/{said['proposal']}/approve", otto, {})["activated"])
out = s.run("rollback", "--yes", "--author", "clara")
number = str(json.loads(s.run("proposal", "list", "--json"))["proposals"][0]["id"])
s.check("agreed on the command line", "is active" in s.run("proposal", "approve", number, "--author", "curt"))
s.check("and back", s.active(admin) == before)
s.run("proposal", "reject", number, expect=1)
s.run("proposal", "waive", "--author", "clara", "--reason", "the house decided so")
s.check("waived for the command line", "as before" in s.run("proposal", "waive"))
s.ask("POST", "/v1/bundles/apply", olga, files(BUNDLE.replace("14 days", "20 days")), expect=202)  # but this server is configured so
s.stop()

# ---- a watched folder ----
before = None
s.write("bundle/api.dun", BUNDLE)
s.start("--watch", folder)
before = s.active(admin)
s.until("the watched bundle is planned", lambda: "could become active" in s.log()[s.log_from:])
s.check("but not applied", s.active(admin) == before)
s.stop()
s.start("--watch", folder, "--set", "bundles.watch_apply=true")
s.until("applied", lambda: s.active(admin) not in (0, before))
version = s.active(admin)
for what, text, words in [("errors", BUNDLE.replace("go cured", "go curred"), "has errors; nothing was changed"), ("a stage with nowhere to go", BUNDLE.replace("calling", "dialing"), "is refused; nothing was changed"),
                          ("half a file", BUNDLE[:200], "has errors; nothing was changed")]:
    at = len(s.log())
    s.write("bundle/api.dun", text)
    s.until(f"{what}: said", lambda: words in s.log()[at:])
    line = next((json.loads(l) for l in s.log()[at:].splitlines() if words in l), {})
    s.check(f"{what}: what to do", line.get("help") and line.get("reason"), line)
    s.check(f"{what}: nothing changed", s.active(admin) == version)
s.write("bundle/api.dun", BUNDLE.replace("14 days", "21 days"))
s.until("a good one is taken up at once", lambda: s.active(admin) > version)
s.check("who", any(e["who"] == "serve --watch" and e["origin"] == folder for e in s.ask("GET", "/v1/audit", auditor)["items"]))
s.run("proposal", "require", "--author", "clara")
version = s.active(admin)
s.write("bundle/api.dun", BUNDLE.replace("14 days", "22 days"))
s.until("it waits for a second person", lambda: "waits for a second person" in s.log())
s.check("nothing changed", s.active(admin) == version)
s.ask("POST", f"/v1/proposals/{s.ask('GET', '/v1/proposals?status=waiting', admin)['items'][0]['id']}/approve", otto, {})
s.check("agreed", s.active(admin) > version)
s.check("the audit is whole", s.ask("GET", "/v1/audit/verify", auditor)["good"])
s.end()
