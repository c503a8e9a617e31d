#!/usr/bin/env python3
"""A register that a night has made, and a print house that hears by webhook what became of its lines: register_webhook_test.py DUNLIN STDLIB"""
import collections, datetime, hashlib, hmac, http.server, json, os, sys, threading, time
from served import BUNDLE, Served

s = Served(sys.argv[1], sys.argv[2])
LETTERS = BUNDLE.replace("day starts 06:00", "day starts 00:00").replace("strategy soft", """outcomes letter of account { delivered, returned }
queue letter { outcomes letter, cost 0.90, fields { holder : text? personal }, batch daily at 00:00 as register "f103", numbers "ranges.csv", status by barcode }
strategy soft""").replace("on call.promises", 'keep letter "demand" while overdue > 100 { again 10 days, fields { holder: holder } }\n    on call.promises')


class PrintHouse(http.server.BaseHTTPRequestHandler):
    """Remembers what comes; answers `says`."""
    got, says, guard = [], 200, threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.guard:
            self.got.append((dict(self.headers), body))
        self.send_response(PrintHouse.says)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


house = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PrintHouse)
port = house.server_address[1]
threading.Thread(target=house.serve_forever, daemon=True).start()
came = lambda: [json.loads(body) for _, body in list(PrintHouse.got)]


def signed(secret, headers, body):
    parts = dict(p.split("=") for p in headers["Dunlin-Signature"].split(","))
    right = hmac.new(secret.encode(), f"{parts['t']}.{headers['Dunlin-Delivery']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, parts["v1"]) and abs(time.time() - int(parts["t"])) < 60


folder = s.work + "/bundle"
os.makedirs(folder)
s.write("bundle/ranges.csv", "prefix,from,to\nRR,00000001,00099999\n")
s.portfolio(bundle=LETTERS)
yesterday = str(datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1))
s.run("run", folder, "--from", yesterday, "--to", yesterday, "--summary")
admin, operator = s.token("administrator", "admin"), s.token("operator", "olaf")
s.env["DUNLIN_WEBHOOKS_KEY"] = "an invented key for this test, 40 letters"
s.start("--set", f"webhooks.allowed_hosts=127.0.0.1:{port}", "--set", "webhooks.allow_http=true", "--set", "webhooks.retry_ms=60", "--set", "webhooks.seconds=5")
secret = s.ask("POST", "/v1/webhooks", admin, {"name": "printer", "queue": "letter", "url": f"http://127.0.0.1:{port}/corrections"})["secret"]
register = lambda: s.ask("GET", f"/v1/queues/letter/register?day={yesterday}&limit=500", admin)["items"]
s.check("the night has made the register", len(register()) == 19, register()[:2])
lines = {row["key"]: row for row in register()}
task_of = {task["key"]: task for task in s.ask("GET", "/v1/tasks?queue=letter&limit=500", admin)["items"]}
s.check("tasks of a register are sent to nobody", came() == [], came())

# ---- what is withdrawn is sent, signed, until it is taken; what stands again is sent, too ----
PrintHouse.says = 503
s.ask("POST", f"/v1/tasks/{task_of['A011']['task']}/withdraw", admin, {"reason": "written twice"})
s.until("it is tried again", lambda: len(came()) >= 2)
PrintHouse.says = 204
override = s.ask("POST", "/v1/overrides", admin, {"key": "A012", "kind": "exclude", "until": "2090-01-01", "reason": "a lawyer called"}, expect=201)["override"]
s.until("both arrive", lambda: {body["key"] for body in came()} == {"A011", "A012"})
s.ask("POST", f"/v1/overrides/{override}/lift", admin, {})
s.until("that it stands again", lambda: any(body["type"] == "register.restored" for body in came()))
# A payment that a step reads.
s.ask("POST", "/v1/events", admin, {"source": "bank", "external_id": "p1", "event": "payment", "entity": "account", "key": "A013", "payload": {"amount": 1}})
s.write("paid.csv", "id,holder,overdue\nA013,Invented Person 13,0.00\n")
s.run("import", folder, s.work + "/paid.csv", "--mapping", s.work + "/accounts.toml")
s.until("what was paid", lambda: any(body["key"] == "A013" for body in came()))
by_key = collections.defaultdict(dict)
ids = collections.defaultdict(set)
for headers, body in list(PrintHouse.got):
    s.check("signed", signed(secret, headers, body) and not signed(secret + "x", headers, body) and not signed(secret, headers, body + b" "))
    told = json.loads(body)
    by_key[told["key"]][told["correction"]] = told
    ids[told["correction"]].add(headers["Dunlin-Delivery"])
s.check("one delivery for one correction, however often it is tried", all(len(one) == 1 for one in ids.values()) and len(ids) == 4 == len(set.union(*ids.values())), ids)
for key, types in {"A011": ["register.withdrawn"], "A012": ["register.withdrawn", "register.restored"], "A013": ["register.withdrawn"]}.items():
    told = [by_key[key][n] for n in sorted(by_key[key])]
    s.check(f"what is told of {key}", [one["type"] for one in told] == types, told)
    s.check(f"with its line in the register: {key}", all(one["number"] == lines[key]["number"] and one["register"] == "f103" and one["queue"] == "letter" and one["entity"] == "account"
                                                           and one["task"] == task_of[key]["task"] and one["day"] == lines[key]["day_made"] for one in told), (told, lines[key]))
why = {key: list(by_key[key].values())[0]["reason"] for key in by_key}
s.check("with the reason", why["A011"] == "written twice" and "a lawyer called" in why["A012"] and by_key["A012"][max(by_key["A012"])]["reason"] is None and why["A013"], why)
s.check("nothing personal in it", b"Invented" not in b"".join(body for _, body in PrintHouse.got))

# ---- a 2xx is no acknowledgement: the list says so until somebody does, by the number that was sent ----
listed = lambda: {row["key"]: row for row in s.ask("GET", "/v1/queues/letter/register/withdrawals", admin)["items"]}
s.check("the list is there", {key: row["correction"] for key, row in listed().items()} == {key: max(by_key[key]) for key in by_key}, listed())
heard = [{"number": lines[key]["number"], "correction": max(by_key[key]), "stopped": key == "A011"} for key in sorted(by_key)]
answers = s.ask("POST", "/v1/queues/letter/register/withdrawals", operator, {"withdrawals": heard})["results"]
s.check("taken", [row["result"] for row in answers] == ["stopped", "acknowledged", "acknowledged"], answers)
s.check("nothing is left", listed() == {})
before = len(PrintHouse.got)
answers = s.ask("POST", "/v1/queues/letter/statuses", operator, {"statuses": [{"number": lines["A014"]["number"], "status": "delivered"}]})["results"]
s.check("a status by its number", [row["result"] for row in answers] == ["accepted"], answers)
s.until("the deliveries are over", lambda: not s.ask("GET", "/v1/webhooks/printer/deliveries?status=waiting", admin)["items"])
s.check("nothing more was sent", len(PrintHouse.got) == before, came()[before:])
s.end()
