#!/usr/bin/env python3
"""Every address of the API with values that nobody means well by: it answers with what is wrong, never with a mistake of its own, and all is as it was.

fuzz_api_test.py DUNLIN STDLIB        DUNLIN_FUZZ_SECONDS / 6 of it; DUNLIN_SEED begins elsewhere
"""
import json, os, random, re, sys, time, urllib.parse
from served import BUNDLE, Served

SECONDS = min(float(os.environ.get("DUNLIN_FUZZ_SECONDS", "60")) / 6, 120)
seed = int(os.environ.get("DUNLIN_SEED", "20261122"))
chance = random.Random(seed)
s = Served(*sys.argv[1:3])
s.portfolio()
s.start(level="info")
admin = s.token("administrator", "administrator")
bound = s.run("token", "create", "--rights", "read,personal,work,events,supervise", "--name", "bound", "--queues", "call", "--only", "account.holder=Invented Person 12")
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": BUNDLE}]})
s.until("tasks", lambda: len(s.ask("GET", "/v1/tasks", admin)["items"]) == 19)
tasks = [row["task"] for row in s.ask("GET", "/v1/tasks", admin)["items"]]
openapi = s.ask("GET", "/openapi.json")
operations = [(method.upper(), path, op) for path, ops in openapi["paths"].items() for method, op in ops.items() if "text/event-stream" not in op["responses"].get("200", {}).get("content", {})]

TEXTS = ["", " ", "\u0000", "a\u0000b", "\ud800", "\uffff", "'", "''; drop table dunlin.bundle; --", '"', "\\", "%", "%s%n", "$1", "{}", "[]", "null", "infinity", "-infinity", "epoch", "now", "NaN", "1e400", "2026-02-30", "2026-01-01",
         "294277-01-01T00:00:00Z", "4714-01-01 BC", "2026-01-01T00:00:00Z", "25:00", "P1Y", "-1 second", "178000000 years", "00000000-0000-0000-0000-000000000000", "../../etc/passwd", "/", "call", "payment", "account", "A020", "promises", "x" * 300,
         "x" * 70000, "é" * 4000, "🦆", "\u202e", "\r\nX-Evil: 1", "dunlin.secret"]
NUMBERS = [0, 1, -1, 2, 10**4, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 0.5, -0.0, 1e308, 1e-320]


def value(depth=0):
    kind = chance.randrange(9 if depth < 4 else 6)
    if kind < 3:
        return chance.choice(TEXTS + tasks)
    if kind == 3:
        return chance.choice(NUMBERS)
    if kind == 4:
        return chance.choice([True, False, None])
    if kind == 5:
        return "".join(chr(chance.choice([chance.randrange(1, 128), chance.randrange(0x110000)])) for _ in range(chance.randrange(12)))
    if kind == 6:
        return [value(depth + 1) for _ in range(chance.randrange(4))]
    names = ["amount", "path", "text", "event", "key", "entity", "source", "external_id", "at", "payload", "queue", chance.choice(TEXTS)]
    return {chance.choice(names): value(depth + 1) for _ in range(chance.randrange(5))}


def fitting(kind):
    """What the description asks for, or anything at all."""
    if chance.random() < 0.25:
        return value()
    if kind == "string":
        return chance.choice(TEXTS + tasks)
    if kind == "integer":
        return chance.choice([n for n in NUMBERS if isinstance(n, int)])
    if kind == "boolean":
        return chance.choice([True, False])
    if kind == "array":
        return [value(1) for _ in range(chance.randrange(4))]
    return {chance.choice(["amount", "x", chance.choice(TEXTS)]): value(2) for _ in range(chance.randrange(3))}


def mangled(raw):
    raw = bytearray(raw)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(raw) + 1)
        chance.choice([lambda: raw.insert(at, chance.randrange(256)), lambda: raw.__delitem__(slice(at, at + 3)), lambda: raw.extend(raw[at:at + 9]), lambda: raw.__setitem__(slice(at, at + 1), b"\\u0000")])()
    return bytes(raw)


end, tried, statuses = time.time() + SECONDS, 0, {}
while time.time() < end or tried < 300:
    method, path, op = chance.choice(operations)
    concrete = re.sub(r"\{[^}]*\}", lambda _: urllib.parse.quote(str(chance.choice([t for t in TEXTS + tasks if len(t) < 4000])).encode("utf8", "replace"), safe=chance.choice(["", "/", "%"])) or "x", path)
    given = [p["name"] for p in op.get("parameters", []) if p["in"] == "query" and chance.random() < 0.4]
    if given:
        concrete += "?" + "&".join(f"{name}={urllib.parse.quote(str(chance.choice([chance.choice(NUMBERS)] + [t for t in TEXTS if len(t) < 4000])).encode('utf8', 'replace'), safe='')}" for name in given)
    raw = None
    if method != "GET":
        schema = op["requestBody"]["content"]["application/json"]["schema"]
        required = schema.get("required", [])
        body = {name: fitting(field["type"]) for name, field in schema["properties"].items() if (name in required and chance.random() < 0.95) or chance.random() < 0.4}
        raw = json.dumps(body).encode()
        if chance.random() < 0.15:
            raw = mangled(raw)
    # What a call may do is not of interest here, but a version that is made active would change everything.
    headers = {"If-Match": chance.choice(['"x"', "*", '"v1"', "W/\"x\"", ",", '"' + "a" * 500])} if chance.random() < 0.3 or any(p["name"] == "If-Match" for p in op.get("parameters", [])) else None
    try:
        status, text, answered = s.call(method, concrete, chance.choice([admin, admin, bound]), raw=raw, headers=headers)
    except ValueError as error:  # a control character in the address: the client's own library refuses it
        continue
    tried += 1
    statuses[status] = statuses.get(status, 0) + 1
    what = f"{method} {concrete[:200]} {raw[:600] if raw else ''}"
    s.check("no mistake of the server's own", status < 500, f"{status} {text[:300]} for {what}")
    if status >= 400:
        s.check("says what is wrong", answered.get("Content-Type") == "application/problem+json" and json.loads(text).get("title"), f"{status} {text[:200]} for {what}")
        s.check("no statement is shown", not re.search(r"\bselect\b.*\bfrom\b", text), text[:400])
print(f"{tried} requests (seed {seed}): " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
s.check("there still are all accounts", len(s.ask("GET", "/v1/accounts?limit=500", admin)["items"]) == 30)
s.check("the version is the same", s.active(admin) == 1)
s.check("the audit is whole", s.ask("GET", "/v1/audit/verify", admin)["good"] is True)
s.check("nothing went wrong inside", '"message":"a request failed"' not in s.log(), [line for line in s.log().splitlines() if "a request failed" in line][:3])
s.end()
