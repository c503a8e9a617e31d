#!/usr/bin/env python3
"""What waits for a person, in pages over HTTP: all of it, each once, the oldest first, though one step asks for many at one instant: approvals_api_test.py DUNLIN STDLIB"""
import os, sys
from served import Served

BUNDLE = """
bundle asks "Asks" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, overdue : money }
approval settlement(discount : decimal) { by supervisor }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage talks {
    on entry : ask settlement { discount: 30% }
    on settlement.approved : note "agreed"
    on settlement.declined : note "not agreed"
  }
  final stage cured
}
"""
s = Served(*sys.argv[1:3])
os.makedirs(s.work + "/bundle")
s.write("bundle/asks.dun", BUNDLE)
s.write("a.csv", "id,overdue\n" + "".join(f"A{i:02},10.00\n" for i in range(25)))
s.write("a.toml", '[[entity]]\nname = "debtor"\nkey = "D{id}"\n[[entity]]\nname = "account"\nkey = "{id}"\nof = "D{id}"\n[entity.fields]\noverdue = "{overdue}"\n')
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml")
admin = s.token("administrator", "head")
s.start()
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "asks.dun", "text": BUNDLE}]})
s.until("all have asked", lambda: len(s.ask("GET", "/v1/approvals?limit=1000", admin)["items"]) == 25)
for path in ("/v1/approvals", "/v1/requests"):
    whole = s.ask("GET", path + "?limit=1000", admin)
    s.check(f"{path} in one piece", len(whole["items"]) == 25 and "next" not in whole, whole)
    for limit in (1, 7, 25):
        seen, body = [], s.ask("GET", f"{path}?limit={limit}", admin)
        while body["items"] and len(seen) < 100:
            seen += body["items"]
            body = s.ask("GET", f"{path}?limit={limit}&after={body['next']}", admin) if "next" in body else {"items": []}
        s.check(f"{path} in pages by {limit}", seen == whole["items"], len(seen))
    s.ask("GET", path + "?after=soon", admin, expect=422)

# ---- a word over HTTP: it is stepped, it stands, it is given once ----
first, second = s.ask("GET", "/v1/approvals?limit=2", admin)["items"]
boss, operator = s.token("supervisor", "boss"), s.token("operator", "olaf")
s.ask("POST", f"/v1/approvals/{first['id']}/approve", operator, {}, expect=403)
s.ask("POST", f"/v1/approvals/{first['id']}/approve", boss, {"reason": "paid before"})
s.ask("POST", f"/v1/approvals/{second['id']}/decline", boss, {"reason": "too much"})
s.check("given once", s.call("POST", f"/v1/approvals/{first['id']}/decline", boss, {"reason": "no"})[0] in (409, 422))
decided = {row["id"]: row for row in [*s.ask("GET", "/v1/approvals?status=approved", admin)["items"], *s.ask("GET", "/v1/approvals?status=declined", admin)["items"]]}
s.check("both stand, with who and why", {key: (row["status"], row["decided_by"], row["reason"]) for key, row in decided.items()} ==
        {first["id"]: ("approved", "boss", "paid before"), second["id"]: ("declined", "boss", "too much")}, decided)
s.check("the others wait", len(s.ask("GET", "/v1/approvals?limit=1000", admin)["items"]) == 23)
noted = lambda one, what: any(row["kind"] == "note" and row["what"] == what for row in s.ask("GET", f"/v1/accounts/{one['key']}/timeline", boss)["items"])
s.until("the rules have read it", lambda: noted(first, "agreed") and noted(second, "not agreed"), 30)
said = [row for row in s.ask("GET", "/v1/audit?limit=50", admin)["items"] if row["who"] == "boss"]
s.check("in the audit, with from where", len(said) == 2 and all(row["origin"] == "127.0.0.1" for row in said), said)
s.stop()

# ---- by the server's clock, where that was set: what is asked for next year is decided next year ----
s.start("--clock", "2031-03-20T08:00:00Z")
s.write("b.csv", "id,overdue\nB01,10.00\n")
s.run("import", s.work + "/bundle", s.work + "/b.csv", "--mapping", s.work + "/a.toml")
later = lambda: [row for row in s.ask("GET", "/v1/approvals?limit=1000", boss)["items"] if row["key"] == "B01"]
if s.until("it is asked for", later, 60):
    s.check("then", later()[0]["asked_at"].startswith("2031-03-20"), later())
    s.ask("POST", f"/v1/approvals/{later()[0]['id']}/approve", boss, {"reason": "well"})
    decided = next(row for row in s.ask("GET", "/v1/approvals?status=approved", boss)["items"] if row["key"] == "B01")
    s.check("and decided then", decided["decided_at"].startswith("2031-03-20"), decided)
s.end()
