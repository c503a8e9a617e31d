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
s.end()
