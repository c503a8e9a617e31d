"""The load runs behind scripts/load.sh: load.py DUNLIN STDLIB SECONDS. With fewer than 5 seconds a trial of itself: everything runs, the figures mean nothing."""
import json, os, re, shutil, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "http"))
from served import Served

if not shutil.which("wrk"):
    print("wrk is missing (apt-get install wrk)")
    sys.exit(77)
dunlin, stdlib, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
accounts, connections = int(os.environ.get("DUNLIN_LOAD_ACCOUNTS", "20000")), int(os.environ.get("DUNLIN_LOAD_CONNECTIONS", "8"))
BUNDLE = """
bundle load "A load" { timezone UTC, currency EUR, calendar none, day starts 00:00 }
entity account {
  key id : text
  overdue : money
}
event note of account { amount : money }
outcomes call of account { promises, refuses }
queue call { outcomes call, cost 1 }
queue mail { cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    keep call "script" while overdue > 0 { again 1 hour }
    keep mail "letter" while overdue > LIMIT
    on note where amount > 499 : note "much"
  }
  final stage cured { enrol again when overdue > 0 }
}
"""
s = Served(dunlin, stdlib)
os.makedirs(s.work + "/bundle")
s.write("bundle/load.dun", BUNDLE.replace("LIMIT", "5_000"))
s.write("a.csv", "id,overdue\n" + "".join(f"G{i:06},{100 + i % 4000}.00\n" for i in range(accounts)))
s.write("a.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\noverdue = "{overdue}"\n')
s.run("import", s.work + "/bundle", s.work + "/a.csv", "--mapping", s.work + "/a.toml")
token = s.token("administrator", "load")
s.start("--set", "engine.threads=2", "--set", "database.connections=16", "--set", f"server.threads={connections}", level="info")


def apply(limit):
    s.ask("POST", "/v1/bundles/apply", token, {"files": [{"path": "load.dun", "text": BUNDLE.replace("LIMIT", limit)}]})


def stepped():
    return int(re.search(r"^dunlin_cases_stepped_total (\d+)", s.call("GET", "/metrics", token)[1], re.M).group(1))


def resting(what):
    last = -1
    while stepped() != last:
        last = stepped()
        time.sleep(0.7)
    return last


apply("5_000")
s.until("every account has its call", lambda: sum(row["ready"] for row in s.ask("GET", "/v1/queues", token)["items"] if row["queue"] == "call") >= accounts, 600)
resting("the first night")
runs = {}


def wrk(kind, name, clients):
    done = subprocess.run(["wrk", "-t2", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE + "/work.lua", s.url, "--", kind, token, f"{name}{time.time_ns()}", str(accounts)], capture_output=True, text=True)
    found = re.search(r"RESULT (\{.*\})", done.stdout)
    s.check(f"wrk {name}", found and done.returncode == 0, done.stdout[-500:] + done.stderr[-500:])
    if not found:
        return
    row = json.loads(found.group(1))
    row["requests_per_s"] = round(row["requests"] / row["seconds"], 1)
    for what in ("tasks", "events"):
        row[what + "_per_s"] = round(row.pop(what) / row["seconds"], 1)
    s.check(f"{name}: all answered", row["socket_errors"] == 0 and row["not_200"] <= row["requests"] * 0.01, row)
    runs[name] = row
    print(f"{name:44} {row['requests_per_s']:>9} requests/s {row['tasks_per_s']:>9} tasks/s {row['events_per_s']:>9} events/s   p50 {row['p50_ms']:>8.2f} ms   p99 {row['p99_ms']:>8.2f} ms", flush=True)


KINDS = (("work", "lease and complete"), ("event", "events one by one"), ("batch", "events, 100 a request"), ("read", "accounts, pages of 20"))
for kind, name in KINDS:
    wrk(kind, name, connections)
resting("what the events woke")

# A full night beside: each switch of versions steps every case file and writes a task for each, or withdraws it.
night = {"on": True, "cases": 0, "switches": 0, "seconds": 0.0}


def nights():
    began, first = time.time(), stepped()
    while night["on"]:
        night["switches"] += 1
        before = stepped()
        apply("1" if night["switches"] % 2 else "5_000")
        while night["on"] and stepped() - before < accounts:
            time.sleep(0.2)
    night["cases"], night["seconds"] = stepped() - first, time.time() - began


beside = threading.Thread(target=nights)
beside.start()
time.sleep(1)
for kind, name in KINDS:
    wrk(kind, name + ", a full night beside", connections)
night["on"] = False
beside.join()
print(f"the night beside: {night['cases']} case files stepped in {night['seconds']:.0f} s, {night['switches']} switches of versions")
print(json.dumps({"accounts": accounts, "connections": connections, "seconds": seconds, "runs": runs, "night": {"cases": night["cases"], "seconds": round(night["seconds"], 1), "switches": night["switches"]}}))
s.end()
