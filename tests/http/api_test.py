#!/usr/bin/env python3
"""The API against what /openapi.json says of it, with every kind of wrong request, every role, and an audit that is tampered with.

Starts the real server on a free port with a private database in a temporary folder: api_test.py DUNLIN STDLIB
"""
import datetime, json, os, re, shutil, signal, subprocess, sys, tempfile, time, urllib.error, urllib.request
from answers import Answers

dunlin, stdlib = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
work = tempfile.mkdtemp()
os.chmod(work, 0o755)  # a private database that root starts runs as the user postgres
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_DATA=work + "/database", DUNLIN_STDLIB=stdlib)
failures = []
answers = Answers()


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED {what} {detail}", flush=True)


def run(*words, expect=0):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True)
    check(" ".join(words[:3]), done.returncode == expect, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.stdout.strip()


def call(method, path, token=None, body=None, raw=None, headers=None):
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    request = urllib.request.Request(url + path, data=data, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text, given = answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        status, text, given = error.code, error.read().decode(), dict(error.headers)
    undescribed = answers.wrong(url, method, path, status, given.get("Content-Type", ""), text, body)
    check(f"{method} {path} as described", not undescribed, undescribed)
    return status, text, given


def ask(method, path, token, body=None, expect=200):
    status, text, headers = call(method, path, token, body)
    check(f"{method} {path}", status == expect, f"{status}: {text[:300]}")
    return json.loads(text) if text.startswith(("{", "[")) else text


BUNDLE = """
bundle api "A bundle for the API" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account {
  key id : text
  holder : text personal
  overdue : money
}
event payment of account { amount : money, payer : text? personal }
outcomes call of account { promises (amount : money), refuses }
queue call { outcomes call, cost 1, fields { holder : text? personal } }
queue mail { cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    keep call "script" while overdue > 100 { fields { holder: holder } }
    on call.promises : note "promised by {holder}", go promised
  }
  stage promised { after 14 days : go calling }
  final stage cured { enrol again when overdue > 0 }
}
"""
os.mkdir(work + "/bundle")
with open(work + "/bundle/api.dun", "w") as file:
    file.write(BUNDLE)
with open(work + "/accounts.csv", "w") as file:
    file.write("id,holder,overdue\n" + "".join(f"A{i:03},Invented Person {i},{i * 10}.00\n" for i in range(30)) + "a/b c%,Invented Odd,500.00\n")
with open(work + "/accounts.toml", "w") as file:
    file.write('[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\noverdue = "{overdue}"\n')
server = None
try:
    run("import", work + "/bundle", work + "/accounts.csv", "--mapping", work + "/accounts.toml")
    tokens = {role: run("token", "create", "--role", role, "--name", role) for role in
              ["administrator", "operations", "operator", "supervisor", "auditor", "analyst", "designer"]}
    run("token", "create", "--role", "king", "--name", "x", expect=2)
    run("token", "create", "--role", "analyst", "--name", "analyst", expect=1)  # the name is taken
    custom = run("token", "create", "--rights", "read,audit", "--name", "custom")
    check("tokens differ", len(set(tokens.values())) == len(tokens))

    # ---- configuration: file, environment, flags, the later the stronger ----
    with open(work + "/serve.toml", "w") as file:
        file.write("[server]\nport = 1111\nthreads = 3\n[limits]\nrequests_per_second = 77\n")
    env["DUNLIN_SERVER_PORT"] = "2222"
    shown = run("serve", "--config", work + "/serve.toml", "--check-config")
    check("environment over file", "server.port = 2222" in shown and "server.threads = 3" in shown, shown)
    check("flags over environment", "server.port = 3333" in run("serve", "--config", work + "/serve.toml", "--port", "3333", "--check-config"))
    del env["DUNLIN_SERVER_PORT"]
    run("serve", "--set", "server.prot=1", "--check-config", expect=1)
    run("serve", "--set", "server.port=many", "--check-config", expect=1)

    def configured(text, *words, expect=0, **variables):
        with open(work + "/serve.toml", "w") as file:
            file.write(text)
        env.update(variables)
        shown = run("serve", "--config", work + "/serve.toml", *words, "--check-config", expect=expect)
        for name in variables:
            del env[name]
        return shown

    # Which database is one thing with two names: whoever names either has said it.
    data = env.pop("DUNLIN_DATA")
    by_folder, by_url = '[database]\ndata = "/from/file"\n', '[database]\nurl = "postgresql://db.example/file"\n'
    check("the file names a folder", "database.data = /from/file" in configured(by_folder))
    check("DUNLIN_DATA over the file's folder", "database.data = /from/variable" in configured(by_folder, DUNLIN_DATA="/from/variable"))
    for text, words, variables, url, folder in (
            (by_url, [], {"DUNLIN_DATA": "/from/variable"}, "", "/from/variable"),
            (by_folder, [], {"DUNLIN_DATABASE": "postgresql://db.example/variable"}, "(given)", ""),
            (by_folder, [], {"DUNLIN_DATABASE_URL": "postgresql://db.example/variable"}, "(given)", ""),
            (by_url, ["--data", "/from/flag"], {"DUNLIN_DATABASE": "postgresql://db.example/variable"}, "", "/from/flag"),
            (by_url, ["--set", "database.data=/from/flag"], {"DUNLIN_DATABASE": "postgresql://db.example/variable"}, "", "/from/flag"),
            (by_folder, ["--database", "postgresql://db.example/flag"], {"DUNLIN_DATA": "/from/variable"}, "(given)", "")):
        shown = configured(text, *words, **variables)
        check(f"the strongest says which database: {words} {variables}", f"database.url = {url}\n" in shown and f"database.data = {folder}\n" in shown, shown[:2000])
    shown = configured('[engine]\nstdlib = "/nowhere"\n')
    check("DUNLIN_STDLIB over the file", f"engine.stdlib = {stdlib}\n" in shown, shown)
    configured('[database]\nurl = "postgresql://[half"\n', expect=1)
    env["DUNLIN_DATA"] = data
    # What cannot be what was meant is refused, and not taken for nothing.
    check("a list where a list is meant", "webhooks.allowed_hosts = a.example,b.example:8443" in configured('[webhooks]\nallowed_hosts = ["a.example", "b.example:8443"]\n'))
    for section, setting in (("server", "port = nan"), ("server", "port = 80.5"), ("server", "port = [80]"), ("limits", "burst = nan"), ("limits", "burst = inf"), ("engine", "clock = 2026-03-20T06:00:00Z"),
                             ("engine", "clock = 2026-03-20"), ("webhooks", 'allowed_hosts = ["a,b"]'), ("webhooks", "allowed_hosts = [1]"), ("server", 'address = ["127.0.0.1"]'), ("server", "port = { a = 1 }"),
                             ("server", 'address = "banana"'), ("bundles", 'watch = "/nowhere"'), ("oidc", 'authorities_file = "/nowhere.pem"'),
                             ("server", 'certificate_file = "/nope.pem"\nkey_file = "/nope.key"')):
        configured(f"[{section}]\n{setting}\n", expect=1)
    told = subprocess.run([dunlin, "serve", "--set", "server.trusted_proxies=banana", "--check-config"], env=env, capture_output=True, text=True).stderr
    check("what is wrong is said of its setting, once", "server.trusted_proxies: `banana`" in told and told.count("server") == 1, told)
    check("a sound file", "server.port = 8461" in configured("[server]\nport = 8461\n"))
    configured("", "--stdlib", "/nowhere", expect=1)

    log = open(work + "/server.log", "w")
    server = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", "engine.poll_ms=100", "--set", "server.body_bytes_max=200000",
                               "--set", "limits.requests_per_second=100000", "--set", "limits.burst=100000", "--set", "log.level=debug"], env=env, stderr=log)
    url = None
    for _ in range(300):
        found = re.search(r'"url":"([^"]*)"', open(work + "/server.log").read())
        if found:
            url = found.group(1)
            break
        time.sleep(0.2)
    assert url, "the server did not start: " + open(work + "/server.log").read()
    admin = tokens["administrator"]

    # ---- health and description, open to all ----
    check("livez", call("GET", "/livez")[0] == 200)
    check("readyz", call("GET", "/readyz")[0] == 200)
    openapi = json.loads(call("GET", "/openapi.json")[1])
    check("openapi version", openapi["openapi"] == "3.1.0")
    operations = [(method.upper(), path, op) for path, ops in openapi["paths"].items() for method, op in ops.items()]
    check("many operations", len(operations) > 30, len(operations))
    check("how to log in", {scheme["scheme"] for scheme in openapi["components"]["securitySchemes"].values()} == {"bearer", "basic"})
    for method, path, op in operations:
        good = {status: answer for status, answer in op["responses"].items() if status.startswith("2")}
        check(f"{method} {path} says what a good answer looks like", good and all(answer["content"] for answer in good.values()), good)
        limits = [field["schema"]["type"] for field in op.get("parameters", []) if field["name"] == "limit"]
        for answer in good.values():
            schema = answer["content"].get("application/json", {}).get("schema", {})
            if "application/json" in answer["content"]:
                check(f"{method} {path} names the fields of its answer", "$ref" in schema or schema.get("properties"), schema)
            check(f"{method} {path}: what has pages says so", bool(limits) == ("next" in schema.get("properties", {})) and set(limits) <= {"integer"}, schema)
    for method, path, op in operations:
        for name, field in op.get("requestBody", {"content": {"application/json": {"schema": {"properties": {}}}}})["content"]["application/json"]["schema"]["properties"].items():
            check(f"{method} {path}: `{name}` says what each of it is", (field["type"] == "array") == ("items" in field), field)
    check("not ready is described, too", "503" in openapi["paths"]["/readyz"]["get"]["responses"])
    check("a problem has no other fields", openapi["components"]["schemas"]["Problem"]["additionalProperties"] is False)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(openapi)))
    check("every shape is there, and is used", names == set(openapi["components"]["schemas"]), names ^ set(openapi["components"]["schemas"]))
    described = lambda path, method="get": openapi["paths"][path][method]["responses"]
    check("reports as CSV and workbooks", "text/csv" in described("/v1/reports/tasks")["200"]["content"] and len(described("/v1/reports/tasks")["200"]["content"]) == 3)
    check("what is made is 201 and nothing else", "200" not in described("/v1/overrides", "post") and "201" in described("/v1/overrides", "post"))
    check("what is begun is 202 and nothing else", "200" not in described("/v1/simulations", "post") and "202" in described("/v1/simulations", "post"))

    # ---- every operation is there, is guarded, and refuses what the description does not have ----
    matrix = {"analyst": {"read"}, "auditor": {"read", "audit"}, "operator": {"work", "personal"}, "designer": {"read", "design"}}
    for method, path, op in operations:
        concrete = re.sub(r"\{task\}", "00000000-0000-0000-0000-000000000000", re.sub(r"\{(version|other)\}", "9999", re.sub(r"\{[^}]*\}", "nobody", path)))
        if op.get("security") == []:
            continue
        status, text, headers = call(method, concrete, body={} if method == "POST" else None)
        check(f"{method} {path} without a token", status == 401 and json.loads(text)["status"] == 401 and "WWW-Authenticate" in headers, f"{status} {text[:200]}")
        check(f"{method} {path} problem type", headers.get("Content-Type") == "application/problem+json")
        check(f"{method} {path} with a wrong token", call(method, concrete, "dun_wrong", {} if method == "POST" else None)[0] == 401)
        if "text/event-stream" in op["responses"].get("200", {}).get("content", {}):
            continue  # an answer without an end: stream_test
        right = op.get("x-right")
        for role, rights in matrix.items():
            status = call(method, concrete, tokens[role], {} if method == "POST" else None)[0]
            check(f"{role} at {method} {path}", (status == 403) == (right is not None and right not in rights), status)
        if method == "GET":
            check(f"{method} {path} unknown query field", call(method, concrete + "?nonsense=1", admin)[0] == 422)
            check(f"POST {path} where only GET is", call("PATCH", concrete, admin, {})[0] == 405)
        else:
            for name, raw in {"not JSON": b"{", "not an object": b"[]", "too deep": b'{"files":' + b"[" * 60 + b"]" * 60 + b"}", "not UTF-8": b'{"a":"\xff"}'}.items():
                status = call(method, concrete, admin, raw=raw)[0]
                check(f"{method} {path} with a body that is {name}", status in (400, 422), status)
            check(f"{method} {path} unknown body field", call(method, concrete, admin, {"nonsense": 1})[0] == 422)
            for name in op["requestBody"]["content"]["application/json"]["schema"].get("required", []):
                check(f"{method} {path} without {name}", call(method, concrete, admin, {})[0] == 422)
            check(f"{method} {path} as text/plain", call(method, concrete, admin, raw=b"x", headers={"Content-Type": "text/plain"})[0] == 415)
    check("unknown address", call("GET", "/v2/nothing", admin)[0] == 404)
    check("large body", call("POST", "/v1/bundles/check", admin, raw=b"x" * 300_000)[0] == 413)
    check("the same request id comes back", call("GET", "/v1/me", admin, headers={"X-Request-Id": "abc-1"})[2].get("X-Request-Id") == "abc-1")
    check("a strange request id does not", call("GET", "/v1/me", admin, headers={"X-Request-Id": 'a"b'})[2].get("X-Request-Id") != 'a"b')
    check("custom rights", json.loads(call("GET", "/v1/me", custom)[1])["rights"] == ["audit", "read"])

    # ---- a bundle: refused with errors, applied, stepped ----
    files = {"files": [{"path": "api.dun", "text": BUNDLE}]}
    broken = {"files": [{"path": "api.dun", "text": BUNDLE.replace("go cured", "go curred")}]}
    check("check finds the mistake", json.loads(call("POST", "/v1/bundles/check", admin, broken)[1])["good"] is False)
    ask("POST", "/v1/bundles/apply", admin, broken, expect=422)
    ask("POST", "/v1/bundles/check", admin, {"files": [{"path": "../../etc/passwd", "text": "x"}]})
    check("nothing was activated", ask("GET", "/v1/bundles", admin)["items"] == [])
    ask("POST", "/v1/bundles/apply", admin, dict(files, reason="first"))
    ask("POST", "/v1/bundles/apply", admin, dict(files, replacing=7), expect=409)

    def until(what, question, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if question():
                return
            time.sleep(0.1)
        check(what, False, "did not come about")

    until("tasks are there", lambda: len(ask("GET", "/v1/tasks?queue=call&limit=500", admin)["items"]) == 20)

    # ---- pages: all of them, each once ----
    seen, after = [], ""
    while True:
        body = ask("GET", f"/v1/accounts?limit=7&after={urllib.request.quote(after)}", admin)
        seen += [row["key"] for row in body["items"]]
        if "next" not in body:
            break
        after = body["next"]
    check("pages", len(seen) == 31 and seen == sorted(seen) and len(set(seen)) == 31, seen)
    check("limit", call("GET", "/v1/accounts?limit=100000", admin)[0] == 422 and call("GET", "/v1/accounts?limit=x", admin)[0] == 422)
    check("a key with every awkward character", ask("GET", "/v1/accounts/a%2Fb%20c%25", admin)["fields"]["holder"] == "Invented Odd")
    check("by stage", {row["key"] for row in ask("GET", "/v1/accounts?stage=soft.calling&limit=500", admin)["items"]} >= {"A011", "A012"})
    check("nobody", call("GET", "/v1/accounts/nobody", admin)[0] == 404)

    # ---- work, idempotency, personal data ----
    leased = ask("POST", "/v1/queues/call/lease", tokens["operator"], {"n": 2})["items"]
    check("leased", len(leased) == 2 and leased[0]["fields"]["holder"].startswith("Invented"))
    outcome = {"epoch": leased[0]["epoch"], "outcome": "promises", "payload": {"amount": 10}}
    done = f"/v1/tasks/{leased[0]['task']}/complete"
    ask("POST", done, tokens["operator"], dict(outcome, outcome="promised"), expect=422)
    ask("POST", done, tokens["operator"], dict(outcome, payload={"amount": "much"}), expect=422)
    ask("POST", done, tokens["operator"], dict(outcome, epoch=999), expect=422)
    ask("POST", done, tokens["operator"], outcome)
    check("the same outcome again", "duplicate" in json.dumps(ask("POST", done, tokens["operator"], outcome)))
    ask("POST", f"/v1/tasks/{leased[1]['task']}/release", tokens["operator"], {"epoch": leased[1]["epoch"], "not_before": "2999-01-01T00:00:00Z"}, expect=422)
    ask("POST", f"/v1/tasks/{leased[1]['task']}/release", tokens["operator"], {"epoch": leased[1]["epoch"], "not_before": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300 * 86400))})
    depth = lambda name: int(re.search(r'(?m)^dunlin_queue_%s\{queue="call"\} (\d+)' % name, call("GET", "/metrics", admin)[1]).group(1))
    check("depth: what can be leased, and what waits for its time", (depth("due_now"), depth("waiting"), depth("leased"), depth("held"), depth("paused")) == (18, 1, 0, 0, 0),
          (depth("due_now"), depth("waiting"), depth("leased")))
    row = next(row for row in ask("GET", "/v1/queues", admin)["items"] if row["queue"] == "call")
    check("by the same names as in /v1/queues", (row["due_now"], row["ready"]) == (depth("due_now"), depth("due_now") + depth("waiting")), row)
    ask("POST", "/v1/queues/call/pause", admin, {"reason": "a look at the metrics"})
    check("a paused queue", depth("paused") == 1)
    ask("POST", "/v1/queues/call/resume", admin, {})
    ask("POST", "/v1/queues/nothing/lease", tokens["operator"], {}, expect=422)
    moment = lambda text: datetime.datetime.fromisoformat(text).timestamp()
    longer = ask("POST", "/v1/queues/call/lease", tokens["operator"], {"seconds": 7200})["items"][0]
    check("a lease as long as was asked for", abs(moment(longer["lease_until"]) - time.time() - 7200) < 120, longer["lease_until"])
    state = ask("POST", f"/v1/tasks/{longer['task']}/extend", tokens["operator"], {"epoch": longer["epoch"], "seconds": 9000})
    check("extended", abs(moment(state["lease_until"]) - time.time() - 9000) < 120 and state["withdrawn"] is False, state)
    for wrong in (0, -5, 10**15):
        ask("POST", "/v1/queues/call/lease", tokens["operator"], {"seconds": wrong}, expect=422)
    for wrong in ("yesterday-ish", "2026-01-05T09:00:00+00:00"):  # no time, and none of this lease
        ask("POST", f"/v1/tasks/{longer['task']}/complete", tokens["operator"], dict(outcome, epoch=longer["epoch"], at=wrong), expect=422)
    time.sleep(3)
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 2))
    ask("POST", f"/v1/tasks/{longer['task']}/complete", tokens["operator"], dict(outcome, epoch=longer["epoch"], outcome="refuses", payload={}, at=at))
    one = ask("POST", "/v1/queues/call/lease", tokens["operator"], {})["items"][0]
    both = f"/v1/tasks/{one['task']}/complete_and_lease"
    ask("POST", both, tokens["operator"], {"epoch": 999, "outcome": "refuses"}, expect=422)
    after = ask("POST", both, tokens["operator"], {"epoch": one["epoch"], "outcome": "refuses", "seconds": 7200})["items"]
    check("done, and the next is taken, as the same worker and for as long as asked", len(after) == 1 and after[0]["task"] != one["task"]
          and abs(moment(after[0]["lease_until"]) - time.time() - 7200) < 120 and ask("GET", f"/v1/tasks/{after[0]['task']}", admin)["status"] == "leased", after)
    check("nothing of it is personal to who may see", after[0]["fields"]["holder"].startswith("Invented"), after)
    ask("POST", f"/v1/tasks/{after[0]['task']}/release", tokens["operator"], {"epoch": after[0]["epoch"]})
    until("an outcome bears when it happened", lambda: any(row["kind"] == "event" and row["at"] == at for row in ask("GET", f"/v1/accounts/{longer['key']}/timeline", admin)["items"]), 20)
    ask("POST", "/v1/tasks/no-uuid/release", tokens["operator"], {"epoch": 1}, expect=422)
    key = leased[0]["key"]
    until("promised", lambda: ask("GET", f"/v1/accounts/{urllib.request.quote(key, safe='')}", admin)["stage"] == "soft.promised")
    payment = {"event": "payment", "key": "A020", "external_id": "p1", "payload": {"amount": 5, "payer": "Invented Payer"}}
    check("accepted", ask("POST", "/v1/events", admin, payment)["result"] == "accepted")
    check("duplicate", ask("POST", "/v1/events", admin, payment)["result"] == "duplicate")
    check("other values under the same id are told", ask("POST", "/v1/events", admin, dict(payment, payload={"amount": 6, "payer": "Invented Payer"}))["result"] == "differs")
    check("and another time, where one is given", ask("POST", "/v1/events", admin, dict(payment, at="2020-01-01T00:00:00Z"))["result"] == "differs")
    ask("POST", "/v1/events", admin, dict(payment, external_id="p2", payload={"amount": "x"}), expect=422)
    ask("POST", "/v1/events", admin, dict(payment, external_id="p3", event="nothing"), expect=422)
    ask("POST", "/v1/events", admin, dict(payment, external_id="p4", at="yesterday-ish"), expect=422)
    ask("POST", "/v1/events", admin, {"event": "payment", "key": "A020", "payload": {"amount": 5}}, expect=422)
    batch = ask("POST", "/v1/events/batch", admin, {"events": [dict(payment, source="bank", entity="account", at="2026-01-01T00:00:00Z", external_id="b1"), {"rubbish": 1}]})["results"]
    check("batch", batch[0]["result"] == "accepted" and batch[1]["code"], batch)
    for _ in range(2):
        odd = urllib.request.quote("'; drop table dunlin.bundle; --", safe="")
        check("no statement is built from strings", call("GET", f"/v1/accounts/{odd}", admin)[0] == 404 and call("GET", f"/v1/accounts?stage={odd}", admin)[0] == 200)

    # ---- a character the database cannot keep: refused where it stands, and a text never ends at it ----
    rows = [dict(payment, source="nul", entity="account", at="2026-01-01T00:00:00Z", external_id=f"n{i}") for i in range(4)]
    rows[1]["payload"] = {"amount": 5, "payer": "x\0y"}
    rows[2]["payload"] = {"amount": 5, "pay\0er": "x"}
    results = ask("POST", "/v1/events/batch", admin, {"events": rows})["results"]
    check("only the rows that have it", [(row["nth"], row["result"]) for row in results] == [(1, "accepted"), (2, "refused"), (3, "refused"), (4, "accepted")], results)
    check("with a reason", "NUL" in results[1]["message"] and results[1]["code"] and results[1]["hint"], results)
    check("one event", "NUL" in ask("POST", "/v1/events", admin, dict(payment, external_id="n9", key="A020\0 and more"), expect=422)["title"])
    check("an address", call("GET", "/v1/accounts/A020%00x", admin)[0] == 404 and call("GET", "/v1/accounts?stage=soft.calling%00x", admin)[0] == 400)

    # ---- a timeline in pages: what happened at one instant stays together, and nothing is lost between two pages ----
    together = [dict(payment, source="bank", entity="account", key="A029", at="2026-01-02T00:00:00Z", external_id=f"t{i}") for i in range(3)]
    together.append(dict(together[0], at="2026-01-01T00:00:00Z", external_id="t3"))
    ask("POST", "/v1/events/batch", admin, {"events": together})
    timeline = lambda words="": ask("GET", "/v1/accounts/A029/timeline" + words, admin)
    until("they are in the timeline", lambda: sum(row["kind"] == "event" for row in timeline("?limit=500")["items"]) == 4)
    for limit in (1, 2, 3):
        seen, body = [], timeline(f"?limit={limit}")
        while body["items"]:
            seen += body["items"]
            body = timeline(f"?limit={limit}&before={urllib.request.quote(body['next'])}") if "next" in body else {"items": []}
        check(f"pages of a timeline by {limit}", seen == timeline("?limit=500")["items"], (len(seen), seen))

    secrets = ["Invented"]
    for path in ["/v1/accounts/A020", "/v1/accounts/A020/timeline", f"/v1/accounts/{urllib.request.quote(key, safe='')}/timeline", "/v1/accounts/A020/explain",
                 "/v1/tasks?limit=500", "/v1/quarantine", "/v1/accounts", "/metrics", "/v1/stages", f"/v1/tasks/{leased[1]['task']}"]:
        text = call("GET", path, tokens["analyst"])[1]
        check(f"{path} shows no personal data to an analyst", not any(s in text for s in secrets), text[:400])
    check("who may, sees it", "Invented" in call("GET", "/v1/accounts/A020", tokens["supervisor"])[1])
    check("and in the timeline", "Invented" in call("GET", f"/v1/accounts/{urllib.request.quote(key, safe='')}/timeline", tokens["supervisor"])[1])
    check("explain", ask("GET", "/v1/accounts/A020/explain", admin)["stage"] == "calling")
    metrics = call("GET", "/metrics", admin)[1]
    check("nobody can lease from a queue without tasks, and it is there", 'dunlin_queue_due_now{queue="mail"} 0\n' in metrics and 'oldest_seconds{queue="mail"}' not in metrics, metrics[-900:])
    check("metrics", "dunlin_active_version 1" in metrics and 'dunlin_queue_due_now{queue="call"}' in metrics and "dunlin_http_requests_total" in metrics, metrics[-500:])
    for line in metrics.splitlines():
        check("metrics line", line.startswith("#") or re.fullmatch(r'[a-z_]+(\{([a-z]+="(?:[^"\\]|\\.)*",?)*\})? [-+0-9.e]+', line), line)

    # ---- changing: plan, wrong plan, apply, diff, roll back ----
    changed = BUNDLE.replace("overdue > 100", "overdue > 200")
    plan = ask("POST", "/v1/bundles/plan", tokens["designer"], {"files": [{"path": "api.dun", "text": changed}]})
    check("plan", plan["portfolio"]["tasks_withdrawn"] > 0 and plan["difference"]["changes"], plan)
    ask("POST", "/v1/bundles/apply", tokens["designer"], {"files": [{"path": "api.dun", "text": changed}]}, expect=403)
    gone = BUNDLE.replace("calling", "dialing")
    check("a plan says what would be refused", "refused" in ask("POST", "/v1/bundles/plan", admin, {"files": [{"path": "api.dun", "text": gone}]}))
    ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": gone}]}, expect=409)
    before = len(ask("GET", "/v1/tasks?limit=500", admin)["items"])
    ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": changed}], "replacing": 1, "reason": "fewer calls"})
    until("tasks as planned", lambda: len(ask("GET", "/v1/tasks?limit=500", admin)["items"]) == before - plan["portfolio"]["tasks_withdrawn"])
    versions = ask("GET", "/v1/bundles", admin)["items"]
    check("versions, the newest first", [row["version"] for row in versions] == [2, 1] and versions[0]["active"], versions)
    seen, more = [], ""
    while more is not None:
        body = ask("GET", "/v1/bundles?limit=1" + more, admin)
        seen, more = seen + body["items"], f"&before={body['next']}" if "next" in body else None
    check("in pages", seen == versions, seen)
    check("no number of a version", all(call("GET", "/v1/bundles?before=" + wrong, admin)[0] == 422 for wrong in ("x", "1x", "-1", "%2B1", "9" * 30)))
    check("diff", ask("GET", "/v1/bundles/1/diff/2", admin)["changes"][0]["what"] == "rule")
    check("no such version", call("GET", "/v1/bundles/77", admin)[0] == 404 and call("GET", "/v1/bundles/x", admin)[0] == 404)
    for wrong in (4294967297, 0, -1, 2**64, 2**80, 1.0):  # figures that are no version, one of them after a wrap
        ask("POST", "/v1/bundles/rollback", admin, {"version": wrong, "reason": "enough"}, expect=422)
    ask("POST", "/v1/bundles/rollback", admin, {"reason": "enough"})
    until("tasks as before", lambda: len(ask("GET", "/v1/tasks?limit=500", admin)["items"]) == before)
    # A version applied from the command line is taken up by the running server.
    with open(work + "/bundle/api.dun", "w") as file:
        file.write(changed.replace("14 days", "15 days"))
    run("apply", work + "/bundle", "--yes", "--reason", "from the command line")
    os.kill(server.pid, signal.SIGHUP)
    until("taken up", lambda: "dunlin_active_version 3" in call("GET", "/metrics", admin)[1])

    # ---- revoking, limits on clients ----
    listed = json.loads(run("token", "list", "--json"))["tokens"]
    check("no hash and no token is listed", not any(token in json.dumps(listed) for token in tokens.values()) and "hash" not in listed[0])
    run("token", "revoke", str(next(t["id"] for t in listed if t["name"] == "custom")))
    until("a revoked token is refused", lambda: call("GET", "/v1/me", custom)[0] == 401, 20)

    # ---- the audit ----
    audit = ask("GET", "/v1/audit?limit=500", tokens["auditor"])["items"]
    check("the audit knows who and why", any(e["action"] == "activate" and e["detail"]["reason"] == "fewer calls" and e["who"] == "administrator" for e in audit), audit[:3])
    check("verified", ask("GET", "/v1/audit/verify", tokens["auditor"])["good"] is True)
    head = run("audit", "head")
    run("audit", "verify", "--head", head)
    check("no secrets in the log", not any(token in open(work + "/server.log").read() for token in tokens.values()) and "Invented" not in open(work + "/server.log").read())
    for line in open(work + "/server.log"):
        try:
            json.loads(line)
        except ValueError:
            check("log line", False, line)

    # ---- a stop ----
    server.send_signal(signal.SIGTERM)
    check("ends well", server.wait(60) == 0)

    # ---- somebody with rights on the database changes the audit ----
    socket = None
    keeper = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", "log.level=error"], env=env, stderr=subprocess.DEVNULL)  # keeps the database up
    server = keeper
    def postmaster():
        for folder, _, names in os.walk(work + "/database"):
            if "postmaster.pid" in names:
                lines = open(folder + "/postmaster.pid").read().split("\n")
                return lines if len(lines) > 7 and "ready" in lines[7] else None
        return None

    until("database is up", lambda: postmaster() is not None, 60)
    lines = postmaster()
    socket = (lines[4], lines[3]) if lines else None
    psql = shutil.which("psql")
    if socket and psql:
        def sql(text, good=True):
            done = subprocess.run([psql, "-h", socket[0], "-p", socket[1], "-U", "dunlin", "-d", "dunlin", "-v", "ON_ERROR_STOP=1", "-Atc", text], capture_output=True, text=True)
            check("psql " + text[:60], (done.returncode == 0) == good, done.stderr)
            return done.stdout.strip()

        # ---- what may be done in SQL may be done over HTTP ----
        roads = {"lease": "POST /v1/queues/{queue}/lease", "register_of": "GET /v1/queues/{queue}/register", "post_status": "POST /v1/queues/{queue}/statuses",
                 "register_withdrawals": "GET /v1/queues/{queue}/register/withdrawals", "acknowledge_withdrawal": "POST /v1/queues/{queue}/register/withdrawals",
                 "acknowledge_withdrawals": "POST /v1/queues/{queue}/register/withdrawals",
                 "post_statuses": "POST /v1/queues/{queue}/statuses", "complete_many": "POST /v1/tasks/complete", "withdrawn_tasks": "GET /v1/workers/{worker}/withdrawn",
                 "letter": "GET /v1/tasks/{task}/letter", "why": "GET /v1/tasks/{task}/why", "redrive": "POST /v1/tasks/{task}/redrive", "post_event": "POST /v1/events", "post_events": "POST /v1/events/batch",
                 "record_contact": "POST /v1/contacts", "pause_queue": "POST /v1/queues/{queue}/pause", "resume_queue": "POST /v1/queues/{queue}/resume",
                 "campaign_start": "POST /v1/campaigns", "campaign_release": "POST /v1/campaigns/release", "campaign_stop": "POST /v1/campaigns/{campaign}/stop",
                 "decide_approval": "POST /v1/approvals/{approval}/approve", "approve": "POST /v1/approvals/{approval}/approve", "decline": "POST /v1/approvals/{approval}/decline",
                 "feed_lift": "POST /v1/feeds/{feed}/lift", "feed_status": "GET /v1/feeds", "put_workers": "POST /v1/workers", "set_absence": "POST /v1/workers/{worker}/absences",
                 "end_absence": "POST /v1/workers/{worker}/back", "set_exception": "POST /v1/workers/{worker}/days", "set_override": "POST /v1/overrides",
                 "lift_override": "POST /v1/overrides/{override}/lift", "fill_day_lists": "POST /v1/day_lists/fill", "quarantine_repair": "PUT /v1/quarantine/{number}",
                 "quarantine_dismiss": "DELETE /v1/quarantine/{number}", "quarantine_retry": "POST /v1/quarantine/retry", "step_again": "POST /v1/accounts/{key}/step_again",
                 "close_account": "POST /v1/accounts/{key}/close", "reopen_account": "POST /v1/accounts/{key}/reopen", "stop_outbound": "POST /v1/contact_stops",
                 "stop_contact": "POST /v1/contact_stops", "resume_contact": "POST /v1/contact_stops/{stop}/lift"}
        roads |= {name: f"POST /v1/tasks/{{task}}/{name}" for name in ("heartbeat", "extend", "release", "complete", "complete_and_lease", "withdraw", "reassign", "may_contact")}
        granted = set(sql("select p.proname from pg_proc p, aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee where p.pronamespace = 'dunlin'::regnamespace "
                          "and r.rolname in ('dunlin_consumer', 'dunlin_supervisor') and p.prokind = 'f'").split())
        # lease() turns a queue over by itself, once a second; what is written as a time is read so over HTTP anyway.
        check("every function that consumers and supervisors call has an address", len(granted) > 40 and granted - {"turn_over", "moment"} <= set(roads), granted - set(roads))
        addresses = {f"{method} {path}" for method, path, _ in operations}
        check("and the address is there", set(roads.values()) <= addresses, set(roads.values()) - addresses)

        sql("update dunlin.audit set who = 'nobody' where id = 2", good=False)
        sql("delete from dunlin.audit where id = 2", good=False)
        sql("truncate dunlin.audit", good=False)
        sql("create table dunlin.audit_kept as select * from dunlin.audit; create table dunlin.audit_head_kept as select * from dunlin.audit_head")
        restore = ("alter table dunlin.audit disable trigger all; delete from dunlin.audit; insert into dunlin.audit overriding system value select * from dunlin.audit_kept; "
                   "update dunlin.audit_head h set id = k.id, hash = k.hash from dunlin.audit_head_kept k; alter table dunlin.audit enable trigger all")
        for what, tamper in {
            "changed": "update dunlin.audit set detail = detail || '{\"reason\": \"another\"}' where id = 3",
            "somebody else": "update dunlin.audit set who = 'nobody' where id = 2",
            "removed": "delete from dunlin.audit where id = 4",
            "truncated": "delete from dunlin.audit where id > 3",
            "emptied": "delete from dunlin.audit",
        }.items():
            sql(f"alter table dunlin.audit disable trigger all; {tamper}; alter table dunlin.audit enable trigger all")
            run("audit", "verify", expect=1)
            sql(restore)
            run("audit", "verify")
        # The whole chain written anew, with its head: only an anchored head shows it.
        sql("alter table dunlin.audit disable trigger all; delete from dunlin.audit where id > 2; update dunlin.audit_head h set id = a.id, hash = a.hash from dunlin.audit a "
            "where a.id = 2; alter table dunlin.audit enable trigger all")
        run("audit", "verify")
        run("audit", "verify", "--head", head, expect=1)
    else:
        print("skipped: tampering with the audit, no psql or no socket was found")
finally:
    if server and server.poll() is None:
        server.terminate()
        server.wait(60)
    if failures:
        print(open(work + "/server.log").read()[-3000:] if os.path.exists(work + "/server.log") else "")
    shutil.rmtree(work, ignore_errors=True)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
