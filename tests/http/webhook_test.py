#!/usr/bin/env python3
"""Webhooks against a receiver that fails, is slow, lies and goes away; ETags of what is edited: webhook_test.py DUNLIN STDLIB"""
import collections, hashlib, hmac, http.server, json, signal, sys, threading, time
from served import BUNDLE, Served

s = Served(sys.argv[1], sys.argv[2])
TWO = BUNDLE.replace("strategy soft", "queue sms { cost 1, fields { holder : text? personal } }\nstrategy soft").replace(
    "on call.promises", "keep sms \"reminder\" while overdue > 200 { fields { holder: holder } }\n    on call.promises")


class Receiver(http.server.BaseHTTPRequestHandler):
    """What comes at /PATH is answered as `modes` says of PATH; everything is remembered."""
    got = collections.defaultdict(list)  # path -> [(headers, body bytes)]
    modes = {}
    guard = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.guard:
            self.got[self.path].append((dict(self.headers), body))
        mode = self.modes.get(self.path, lambda headers: 200)(self.headers)
        if mode == "slow":
            time.sleep(2)
            mode = 200
        if mode == "cut":
            self.connection.close()
            return
        try:
            self.send_response(mode)
            if mode == 302:
                self.send_header("Location", f"http://127.0.0.1:{port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Patient(http.server.ThreadingHTTPServer):
    request_queue_size = 300
    daemon_threads = True


receiver = Patient(("127.0.0.1", 0), Receiver)
port = receiver.server_address[1]
threading.Thread(target=receiver.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{port}"

folder = s.portfolio(bundle=TWO)
admin, operator = s.token("administrator", "admin"), s.token("operator", "olaf")
settings = ["--set", f"webhooks.allowed_hosts=127.0.0.1:{port}, dialler.example", "--set", "webhooks.allow_http=true", "--set", "webhooks.retry_ms=60", "--set", "webhooks.seconds=1"]
s.start()
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": TWO}]})
s.ask("POST", "/v1/webhooks", admin, {"name": "early", "queue": "call", "url": here + "/early"}, expect=409)  # no key is set
s.stop()
s.env["DUNLIN_WEBHOOKS_KEY"] = "short"
s.run("serve", "--check-config", expect=1)
s.env["DUNLIN_WEBHOOKS_KEY"] = "an invented key for this test, 40 letters"
s.check("the key is not shown", "invented key" not in s.run("serve", "--check-config"))
s.start(*settings)
s.until("tasks are there", lambda: len(s.ask("GET", "/v1/tasks?queue=call&limit=500", admin)["items"]) == 19)

# ---- only where the configuration lets it go ----
for url in ["http://127.0.0.1/x", f"http://127.0.0.1:{port + 1}/x", f"http://localhost:{port}/x", f"http://user@127.0.0.1:{port}/x", "ftp://dialler.example/x", "https://dialler.example.evil/x",
            "https://dialler.example:8443/x", "http://169.254.169.254/latest/meta-data", f"http://127.0.0.1:{port}/a b", f"http://[::1]:{port}/", "https:///x", "", f"http://127.0.0.1:{port}#x",
            f"http://127.0.0.1:{port}@dialler.evil/", "https://dialler.example\\@evil/", "http://0x7f000001/", "http://2130706433/"]:
    s.ask("POST", "/v1/webhooks", admin, {"name": "bad", "queue": "call", "url": url}, expect=422)
s.ask("POST", "/v1/webhooks", admin, {"name": "bad", "queue": "nothing", "url": here}, expect=422)
s.ask("POST", "/v1/webhooks", admin, {"name": "bad", "queue": "call", "url": here, "tries_max": 0}, expect=422)
s.check("nothing was registered", s.ask("GET", "/v1/webhooks", admin)["items"] == [])


def signed(secret, headers, body):
    parts = dict(p.split("=") for p in headers["Dunlin-Signature"].split(","))
    right = hmac.new(secret.encode(), f"{parts['t']}.{headers['Dunlin-Delivery']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, parts["v1"]) and abs(time.time() - int(parts["t"])) < 60


# ---- failures, slow answers, broken connections: each task arrives, with one id in all tries ----
order = {1: 500, 2: "slow", 3: "cut", 4: 302}
Receiver.modes["/calls"] = lambda headers: order.get(int(headers["Dunlin-Try"]), 200)
Receiver.modes["/hang"] = lambda headers: "slow"
made = s.ask("POST", "/v1/webhooks", admin, {"name": "dialler", "queue": "call", "url": here + "/calls", "in_flight": 10})
secret = made["secret"]
s.check("the secret is answered once", secret.startswith("whsec_") and "secret" not in s.ask("GET", "/v1/webhooks/dialler", admin))
done = lambda hook: [d for d in s.ask("GET", f"/v1/webhooks/{hook}/deliveries?limit=500", admin)["items"] if d["status"] == "delivered"]
s.until("all are delivered", lambda: len(done("dialler")) == 19, 90)
tries = collections.defaultdict(list)
for headers, body in Receiver.got["/calls"]:
    tries[headers["Dunlin-Delivery"]].append((int(headers["Dunlin-Try"]), json.loads(body)["task"]))
    s.check("signed", signed(secret, headers, body))
    s.check("another secret does not do", not signed(secret + "x", headers, body))
    s.check("a changed body does not do", not signed(secret, headers, body.replace(b"script", b"skript")))
s.check("19 deliveries, five tries each, always the same task", len(tries) == 19 and all([n for n, _ in t] == [1, 2, 3, 4, 5] and len({task for _, task in t}) == 1 for t in tries.values()),
        {k: [n for n, _ in t] for k, t in tries.items()})
s.check("a redirection is not followed", not Receiver.got["/elsewhere"])
bodies = [json.loads(body) for _, body in Receiver.got["/calls"]]
s.check("masked", all(b["fields"]["holder"] == "***" for b in bodies) and b"Invented" not in b"".join(b for _, b in Receiver.got["/calls"]))
one = next(d for d in done("dialler"))
s.ask("POST", f"/v1/tasks/{one['task']}/complete", operator, {"epoch": one["epoch"], "outcome": "refuses"})  # it is leased for the receiver
s.check("nobody else gets what was sent", s.ask("POST", "/v1/queues/call/lease", operator, {"n": 10})["items"] == [])

# ---- a receiver that never works: dead letter, put back, delivered; another webhook goes on meanwhile ----
Receiver.modes["/sms"] = lambda headers: 503
s.ask("POST", "/v1/webhooks", admin, {"name": "sms", "queue": "sms", "url": here + "/sms", "personal": True, "tries_max": 3})
dead = lambda: [t for t in s.ask("GET", "/v1/tasks?queue=sms&status=dead_letter&limit=500", admin)["items"]]
s.until("dead letters", lambda: len(dead()) == 9)
s.check("three tries each", set(collections.Counter(h["Dunlin-Delivery"] for h, _ in Receiver.got["/sms"]).values()) == {3})
s.check("the reason stands with the task", all("gave up after 3 tries" in t["reason"] and "503" in t["reason"] for t in dead()), dead()[:1])
s.check("personal data where that was asked for", b"Invented Person" in Receiver.got["/sms"][0][1])
old = {h["Dunlin-Delivery"] for h, _ in Receiver.got["/sms"]}
Receiver.modes["/sms"] = lambda headers: 204
s.check("put back", s.ask("POST", "/v1/webhooks/sms/redrive", admin, {})["tasks"] == 9)
s.until("delivered now", lambda: len(done("sms")) == 9)
s.check("a new lease is a new delivery", not old & {d["id"] for d in done("sms")})
s.check("no dead letters", dead() == [])
page = s.ask("GET", "/v1/webhooks/sms/deliveries?limit=1", admin)
s.check("deliveries in pages", page["items"] and page["next"] == page["items"][-1]["created_at"], page)
s.check("counted", 'dunlin_webhook_deliveries{webhook="sms",status="dead"} 9' in s.call("GET", "/metrics", admin)[1])

# ---- ETags ----
status, text, headers = s.call("GET", "/v1/webhooks/sms", admin)
tag = headers["ETag"]
change = {"queue": "sms", "url": here + "/sms", "personal": True, "tries_max": 3, "paused": True}
s.ask("PUT", "/v1/webhooks/sms", admin, change, expect=428)
s.ask("PUT", "/v1/webhooks/sms", admin, change, expect=412, headers={"If-Match": '"other"'})
s.ask("PUT", "/v1/webhooks/sms", admin, change, expect=412, headers={"If-Match": "W/" + tag})
s.ask("PUT", "/v1/webhooks/sms", admin, dict(change, url="http://elsewhere.example/"), expect=422, headers={"If-Match": tag})
s.check("paused", s.ask("PUT", "/v1/webhooks/sms", admin, change, headers={"If-Match": f'"x", {tag}'})["paused"] is True)
s.ask("PUT", "/v1/webhooks/sms", admin, dict(change, paused=False), expect=412, headers={"If-Match": tag})  # it has another now
for path, bodies in [("/v1/webhooks/sms", [dict(change, in_flight=n) for n in range(1, 9)]), ("/v1/queues/sms/settings", [{"rate": n} for n in range(1, 9)])]:
    tag = s.call("GET", path, admin)[2]["ETag"]
    results = []
    threads = [threading.Thread(target=lambda b=b: results.append(s.call("PUT", path, admin, b, headers={"If-Match": tag})[0])) for b in bodies]
    [t.start() for t in threads]
    [t.join() for t in threads]
    s.check(f"of eight at once one wins: {path}", sorted(results) == [200] + [412] * 7, results)
tag = s.call("GET", "/v1/queues/sms/settings", admin)[2]["ETag"]
s.ask("PUT", "/v1/queues/sms/settings", admin, {"assign": "by_weather"}, expect=422, headers={"If-Match": tag})
s.ask("PUT", "/v1/queues/sms/settings", admin, {"rate": -1}, expect=422, headers={"If-Match": tag})
s.ask("PUT", "/v1/queues/sms/settings", admin, {"lease_max": "often"}, expect=422, headers={"If-Match": tag})
s.check("taken away", s.ask("PUT", "/v1/queues/sms/settings", admin, {"rate": None}, headers={"If-Match": tag})["rate"] is None)
s.check("in the audit, before and after", any(e["action"] == "change queue" and e["detail"]["before"]["rate"] != e["detail"]["after"]["rate"] for e in s.ask("GET", "/v1/audit", admin)["items"]))
tag = s.call("GET", "/v1/bundles", admin)[2]["ETag"]
other = {"files": [{"path": "api.dun", "text": TWO.replace("14 days", "15 days")}]}
s.ask("POST", "/v1/bundles/apply", admin, other, expect=412, headers={"If-Match": '"v7"'})
s.ask("POST", "/v1/bundles/apply", admin, other, headers={"If-Match": tag})
s.ask("POST", "/v1/bundles/rollback", admin, {}, expect=412, headers={"If-Match": tag})
s.ask("DELETE", "/v1/webhooks/dialler", admin, expect=428)
was = s.ask("GET", "/v1/webhooks/dialler", admin)
s.ask("DELETE", "/v1/webhooks/dialler", admin, headers={"If-Match": "*"})
removed = [e["detail"] for e in s.ask("GET", "/v1/audit?limit=20", admin)["items"] if e["action"] == "remove webhook"]
s.check("the audit says what was removed", removed and removed[0]["before"] == {name: was[name] for name in ("url", "queue", "personal", "paused")}, removed)

# ---- the server dies in the middle: nothing is lost, ids stay ----
s.write("more.csv", "id,holder,overdue\n" + "".join(f"B{i:03},Invented More {i},150.00\n" for i in range(40)))
s.run("import", folder, s.work + "/more.csv", "--mapping", s.work + "/accounts.toml")
s.until("more tasks", lambda: len(s.ask("GET", "/v1/tasks?queue=call&status=ready&limit=500", admin)["items"]) >= 40)
Receiver.modes["/fragile"] = lambda headers: "slow" if headers["Dunlin-Try"] == "1" else 200
old = s.ask("POST", "/v1/webhooks", admin, {"name": "fragile", "queue": "call", "url": here + "/fragile", "tries_max": 50})["secret"]
s.until("under way", lambda: len(Receiver.got["/fragile"]) >= 20)
s.server.send_signal(signal.SIGKILL)
s.server.wait()
s.start(*settings)
s.until("everything arrives", lambda: {json.loads(b)["key"] for _, b in Receiver.got["/fragile"]} >= {f"B{i:03}" for i in range(40)} and
        not s.ask("GET", "/v1/webhooks/fragile/deliveries?status=waiting", admin)["items"], 60)
by_task = collections.defaultdict(set)
for headers, body in Receiver.got["/fragile"]:
    by_task[(json.loads(body)["task"], json.loads(body)["epoch"])].add(headers["Dunlin-Delivery"])
s.check("one id for one lease of a task", all(len(ids) == 1 for ids in by_task.values()))
s.check("each delivered once in the outbox", len(done("fragile")) >= 40)

# ---- a new secret: from now on ----
fresh = s.ask("POST", "/v1/webhooks/fragile/secret", admin, {})["secret"]
s.check("a new one", fresh.startswith("whsec_") and len({fresh, old, secret}) == 3)
s.write("yet_more.csv", "id,holder,overdue\n" + "".join(f"C{i:03},Invented Yet More {i},150.00\n" for i in range(5)))
s.run("import", folder, s.work + "/yet_more.csv", "--mapping", s.work + "/accounts.toml")
theirs = lambda: [(h, b) for h, b in Receiver.got["/fragile"] if json.loads(b)["key"].startswith("C")]
s.until("they arrive", lambda: len({json.loads(b)["key"] for _, b in theirs()}) == 5, 60)
s.check("signed with the new one, and with no other", all(signed(fresh, h, b) and not signed(old, h, b) for h, b in theirs()))
s.check("no secret and no name in the log", not any(one in s.log() for one in (secret, old, fresh)) and "invented key" not in s.log() and "Invented" not in s.log())
s.end()
