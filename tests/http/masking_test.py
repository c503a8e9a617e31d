#!/usr/bin/env python3
"""Personal data under every name it may take, and every address that may be read: who has no right to it never sees a word of it, whatever rests on it.
The addresses are those of /openapi.json, so a new one is tried by itself: masking_test.py DUNLIN STDLIB"""
import http.server, itertools, json, re, sys, threading
from served import Served

SECRET = "Zyxwvut"  # a part of every personal value here, and of nothing else
BUNDLE = """
bundle masking "Masking" { timezone UTC, currency EUR, calendar none, day starts 00:00 }
entity account {
  key id : text
  holder : text personal
  region : text
  overdue : money
}
extend account {
  nick = holder
  called = if nick = "nobody" then "no" else nick
}
event payment of account { amount : money, payer : text? personal }
event said of account { words : text }
function greeting(to : account) -> text = "Dear {to.called}"
outcomes call of account { promises (amount : money), refuses }
queue call { outcomes call, cost 1, fields { whom : text, also : text, plain : money } }
queue mail { cost 1, sees personal }
queue batch { cost 1, batch daily at 05:00 as register "lists", fields { label : text } }
template "demand" for account in mail from "templates/demand.txt" { subject "To {holder}" }
strategy soft "Soft" for account {
  var last : text = ""
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    on entry : set last = holder, mail "demand" stays
    keep call "script" while overdue > 100 { fields { whom: holder, also: greeting(self), plain: overdue } }
    keep call "second" while last != "" and overdue > 200 { fields { whom: last, also: "x", plain: overdue } }
    keep batch "list" while overdue > 50 { fields { label: called } }
    on payment : note "paid by {event.payer default "-"}", raise said { words: holder }
    when nick = "nobody" : go cured
  }
  final stage cured { enrol again when overdue > 0 }
}
"""
s = Served(*sys.argv[1:3])
FILES = [{"path": "masking.dun", "text": BUNDLE}, {"path": "templates/demand.txt", "text": "Dear {holder}, {overdue} are open, {called}.\n"}]
for file in FILES:
    folder = s.work + "/bundle/" + file["path"]
    __import__("os").makedirs(folder.rsplit("/", 1)[0], exist_ok=True)
    s.write("bundle/" + file["path"], file["text"])
s.write("a.csv", "id,holder,region,overdue\n" + "".join(f"B{i:02},{SECRET} {i},north,{i * 20}.00\n" for i in range(20)) + f"B99,x,north,{SECRET} 5\n")
s.write("a.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\nregion = "{region}"\noverdue = "{overdue}"\n')
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml", expect=1)  # one row is set aside

got = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
here = f"127.0.0.1:{receiver.server_address[1]}"
s.env["DUNLIN_WEBHOOKS_KEY"] = "an invented key for this test, 40 letters"
s.start("--set", f"webhooks.allowed_hosts={here}", "--set", "webhooks.allow_http=true", "--set", "webhooks.retry_ms=60")
admin = s.token("administrator", "admin")
s.ask("POST", "/v1/bundles/apply", admin, {"files": FILES})
tasks = lambda token: s.ask("GET", "/v1/tasks?limit=500", token)["items"]
s.until("tasks", lambda: {t["queue"] for t in tasks(admin)} >= {"call", "mail"} and sum(t["queue"] == "call" for t in tasks(admin)) == 14 + 9)

# ---- what there is to read ----
s.ask("POST", "/v1/events", admin, {"event": "payment", "key": "B03", "external_id": "p1", "payload": {"amount": 5, "payer": f"{SECRET} Payer"}})
s.ask("POST", "/v1/events", admin, {"event": "payment", "key": "TYPO", "external_id": "p2", "payload": {"amount": 5, "payer": f"{SECRET} Payer"}})
s.ask("POST", "/v1/contact_stops", admin, {"field": "holder", "value": f"{SECRET} 4", "reason": "asked for it"}, expect=201)
s.ask("POST", "/v1/contact_stops", admin, {"field": "nick", "value": f"{SECRET} 4", "reason": "asked for it"}, expect=422)  # nothing stored has this name
s.ask("POST", "/v1/simulations", admin, {"days": 2}, expect=202)
s.until("a simulation", lambda: s.ask("GET", "/v1/simulations/1", admin)["status"] == "done")
s.until("the payment was read", lambda: "paid by" in s.call("GET", "/v1/accounts/B03/timeline", admin)[1])
quarantined = s.ask("GET", "/v1/quarantine?limit=100", admin)["items"]
s.check("something was set aside", len(quarantined) == 2, quarantined)
dismissed = next(row for row in quarantined if row["location"] != "account TYPO")
s.ask("DELETE", f"/v1/quarantine/{dismissed['id']}", admin, {"reason": "not ours"}, headers={"If-Match": s.call("GET", f"/v1/quarantine/{dismissed['id']}", admin)[2]["ETag"]})
# Who works and may not see: what is leased is masked, too, however it is leased.
bare = s.run("token", "create", "--rights", "work", "--name", "bare")
held = s.ask("POST", "/v1/queues/call/lease", bare, {"n": 1})["items"]
next_one = s.ask("POST", f"/v1/tasks/{held[0]['task']}/complete_and_lease", bare, {"epoch": held[0]["epoch"], "outcome": "refuses"})["items"]
letter = s.ask("POST", "/v1/queues/mail/lease", bare, {"n": 1})["items"]
for what, rows in (("a lease", held), ("the next one", next_one)):
    s.check(f"{what} shows no personal field", len(rows) == 1 and rows[0]["fields"]["whom"] == "***" and rows[0]["fields"]["plain"] not in (None, "***") and SECRET not in json.dumps(rows), rows)
s.check("nor does a letter", len(letter) == 1 and SECRET not in json.dumps(letter), letter)
for row in next_one + letter:
    s.ask("POST", f"/v1/tasks/{row['task']}/release", bare, {"epoch": row["epoch"]})
seeing = s.ask("POST", "/v1/queues/call/lease", admin, {"n": 1})["items"]
s.check("who may see does", SECRET in seeing[0]["fields"]["whom"], seeing)
s.ask("POST", f"/v1/tasks/{seeing[0]['task']}/release", admin, {"epoch": seeing[0]["epoch"]})
for name, queue in (("plain", "call"), ("letters", "mail")):
    s.ask("POST", "/v1/webhooks", admin, {"name": name, "queue": queue, "url": f"http://{here}/{name}"})
s.until("webhooks", lambda: all(sum(path == place for path, _ in got) >= 15 for place in ("/plain", "/letters")))
s.check("nobody is sent what they may not see", not [body for _, body in got if SECRET in body], [body for _, body in got if SECRET in body][:1])
s.check("a letter goes out without its words", all(json.loads(body)["document"]["text"].startswith("Dear ***") or json.loads(body)["document"]["text"] == "***" for path, body in got if path == "/letters"),
        [body for path, body in got if path == "/letters"][:1])
plain = [json.loads(body)["fields"] for path, body in got if path == "/plain"]
s.check("and everything else", all(fields["whom"] == "***" and fields["plain"] not in (None, "***") for fields in plain), plain[:2])

# ---- every address ----
paths = s.ask("GET", "/openapi.json")["paths"]
every = tasks(admin)
one = {queue: next(t["task"] for t in every if t["queue"] == queue) for queue in {t["queue"] for t in every}}
fills = {"key": ["B03", "B12", "TYPO"], "task": list(one.values()), "queue": ["call", "mail", "batch"], "webhook": ["plain", "letters"], "version": ["1"], "other": ["1"], "simulation": ["1"],
         "number": [str(row["id"]) for row in quarantined], "stop": ["1"], "proposal": ["1"], "worker": ["anna"], "experiment": ["none"], "campaign": ["none"], "bulk": ["1"], "feed": ["none"], "override": ["1"],
         "hold": ["none"], "approval": ["1"]}
queries = {"/v1/accounts": ["", "?limit=500"], "/v1/tasks": ["?limit=500"], "/v1/audit": ["?limit=500"], "/v1/quarantine": ["?limit=100"], "/v1/search": ["?field=holder&text=" + SECRET, "?field=region&text=north"],
           "/v1/accounts/{key}/timeline": ["?limit=500"]}
sources = {"/v1/bundles/{version}"}  # rule files have no data
seen = {}


def read_all(token):
    for path in sorted(paths):
        if "get" not in paths[path] or path == "/v1/stream":
            continue
        names = re.findall(r"\{([^}]*)\}", path)
        s.check(f"{path} can be filled in", all(name in fills for name in names), names)
        for values in itertools.product(*(fills.get(name, [""]) for name in names)):
            place = path
            for name, value in zip(names, values):
                place = place.replace("{" + name + "}", value)
            for query in queries.get(path, [""]):
                status, text, _ = s.call("GET", place + query, token)
                s.check(f"{place} does not break", status < 500 or status == 503, f"{status} {text[:300]}")
                yield path, place + query, status, text


for role in ("analyst", "auditor", "designer"):
    answered = 0
    for path, place, status, text in read_all(s.token(role, role)):
        answered += status == 200
        s.check(f"{role}: {place}", SECRET not in text, text[max(0, text.find(SECRET) - 300) : text.find(SECRET) + 60])
    s.check(f"{role} read a good deal", answered > 25, answered)
    print(f"{role}: {answered} answers without a personal word")
shown = {path for path, _, status, text in read_all(admin) if SECRET in text}
print("with the right to it:", *sorted(shown))
s.check("who has the right sees it", {"/v1/accounts/{key}", "/v1/tasks", "/v1/tasks/{task}", "/v1/tasks/{task}/letter", "/v1/accounts/{key}/timeline", "/v1/search", "/v1/quarantine"} <= shown, shown)

# ---- what else an answer says ----
analyst = s.token("analyst", "one more")
explained = s.ask("GET", "/v1/accounts/B12/explain", analyst)
read = {value["name"]: value["value"] for rule in explained["rules"] for value in rule.get("read", [])}
s.check("explanations name what was read, not what it was", any("nick" in name and value == "***" for name, value in read.items()), read)
s.check("and show what is nobody's", any("overdue" in name and "240" in value for name, value in read.items()), read)
s.check("no log has it", SECRET not in s.log(), [line for line in s.log().splitlines() if SECRET in line][:2])
s.end()
