#!/usr/bin/env python3
"""Two `dunlin serve` on one database: they share it, and when one is killed or stopped the other takes over within the lease, with nothing lost or doubled.

nodes_test.py DUNLIN STDLIB
"""
import json, os, re, shutil, signal, subprocess, sys, tempfile, time

dunlin, stdlib = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
work = tempfile.mkdtemp()
os.chmod(work, 0o755)  # a private database that root starts runs as the user postgres
env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
env.update(DUNLIN_DATA=work + "/database", DUNLIN_STDLIB=stdlib)
LEASE = 3
ACCOUNTS = 300
failures = []
nodes = {}


def check(what, good, detail=""):
    if not good:
        failures.append(what)
        print(f"FAILED {what} {detail}", flush=True)


def run(*words, expect=0):
    done = subprocess.run([dunlin, *words], env=env, capture_output=True, text=True)
    check(" ".join(words[:3]), done.returncode == expect, f"exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.stdout.strip() + done.stderr.strip()


def start(name):
    log = open(f"{work}/{name}.log", "a")
    nodes[name] = subprocess.Popen([dunlin, "serve", "--port", "0", "--set", f"engine.node={name}", "--set", f"engine.lease_seconds={LEASE}",
                                    "--set", "engine.poll_ms=100"], env=env, stderr=log)


def shares():
    findings = json.loads(run("doctor", "--json"))
    text = next(f["found"] for f in findings["findings"] if f["name"] == "nodes")
    return {name: int(count) for name, count in re.findall(r"(\w+): (\d+) buckets", text)}


def open_calls():
    return int(re.sub(r"\D", "", run("queue", "call", "--json", "--count")))


def wait(what, reached, seconds):
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if reached():
            return time.monotonic() - begin
        time.sleep(0.1)
    logs = "\n".join(open(f"{work}/{name}.log").read()[-1500:] for name in nodes)
    check(what, False, f"not within {seconds} s: {shares()}, {open_calls()} calls\n{logs}")
    return None


def load(first, last, overdue):
    """Accounts first … last owe this much; all in one file, as a bank sends it."""
    with open(work + "/accounts.csv", "w") as file:
        file.write("id,overdue\n" + "".join(f"A{i:04},{overdue}.00\n" for i in range(first, last)))
    run("import", work + "/bundle", work + "/accounts.csv", "--mapping", work + "/accounts.toml")


os.mkdir(work + "/bundle")
with open(work + "/bundle/nodes.dun", "w") as file:
    file.write("""
bundle nodes "A bundle for several nodes" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money }
outcomes call of account { promises, refuses }
queue call { outcomes call, cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling { keep call "script" while overdue > 100, when overdue <= 0 : go cured }
  final stage cured { enrol again when overdue > 0 }
}
""")
with open(work + "/accounts.toml", "w") as file:
    file.write('[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\noverdue = "{overdue}"\n')
try:
    load(0, ACCOUNTS, 200)
    run("apply", work + "/bundle", "--yes", "--clock", time.strftime("%Y-%m-%d 00:00", time.gmtime(time.time() - 86400)))
    start("anna")
    start("boris")
    wait("both hold a half", lambda: shares() == {"anna": 512, "boris": 512}, 30)
    wait("every account is called", lambda: open_calls() == ACCOUNTS, 20)

    # ---- killed ----
    nodes["anna"].kill()
    nodes.pop("anna").wait()
    took = wait("the other takes over after a kill", lambda: shares().get("boris") == 1024, LEASE + 7)
    print(f"killed: taken over after {took:.1f} s with a lease of {LEASE} s" if took else "killed: not taken over")
    load(0, 100, 50)
    wait("what has no reason any more is withdrawn", lambda: open_calls() == ACCOUNTS - 100, 20)

    # ---- it comes back, and hangs ----
    start("anna")
    wait("it has its half again", lambda: shares() == {"anna": 512, "boris": 512}, 30)
    nodes["anna"].send_signal(signal.SIGSTOP)
    took = wait("the other takes over from one that hangs", lambda: shares().get("boris") == 1024, LEASE + 12)
    print(f"stopped: taken over after {took:.1f} s with a lease of {LEASE} s" if took else "stopped: not taken over")
    load(0, 100, 200)
    wait("all are called again", lambda: open_calls() == ACCOUNTS, 20)
    nodes["anna"].send_signal(signal.SIGCONT)
    wait("both hold a half after that", lambda: shares() == {"anna": 512, "boris": 512}, 30)
    load(100, 200, 0)
    wait("and both work", lambda: open_calls() == ACCOUNTS - 100, 20)

    # ---- by hand, beside live nodes ----
    said = run("run", work + "/bundle", "--full", expect=3)
    check("`dunlin run` says who is in its way", "node" in said and "stop it" in said, said)

    # ---- leaving gives everything back at once ----
    nodes["anna"].terminate()
    check("a stop is clean", nodes.pop("anna").wait(30) == 0)
    wait("the other has all at once", lambda: shares() == {"boris": 1024}, 2)
    nodes["boris"].terminate()
    check("the last stop is clean", nodes.pop("boris").wait(30) == 0)
    check("nobody is left", shares() == {})
    # ---- a full night by one node and by two: a new version steps every case file once ----
    many = 30_000 if os.environ.get("DUNLIN_LONG") else 6_000
    load(1000, 1000 + many, 200)
    shutil.copytree(work + "/bundle", work + "/other")
    with open(work + "/bundle/nodes.dun") as file:
        text = file.read()
    with open(work + "/other/nodes.dun", "w") as file:
        file.write(text.replace("while overdue > 100", "while overdue > 250"))

    def night(bundle, calls):
        run("apply", f"{work}/{bundle}", "--yes")
        return wait("the night ends", lambda: open_calls() == calls, 120)

    all_calls = open_calls()
    start("anna")
    wait("one has all", lambda: shares() == {"anna": 1024}, 30)
    wait("all are called", lambda: open_calls() >= many, 60)
    all_calls = open_calls()
    one = [night("other", 0), night("bundle", all_calls)]
    start("boris")
    wait("two have a half each", lambda: shares() == {"anna": 512, "boris": 512}, 30)
    two = [night("other", 0), night("bundle", all_calls)]
    if None not in one + two:
        print(f"a full night of {many} accounts: one node {one[0]:.1f} and {one[1]:.1f} s, two nodes {two[0]:.1f} and {two[1]:.1f} s: "
              f"{sum(one) / sum(two):.2f} times as fast on {os.cpu_count()} cores")
    for name in list(nodes):
        nodes[name].terminate()
        check("the stop is clean", nodes.pop(name).wait(60) == 0)
    # ---- nothing lost, nothing doubled: the story of each kind of account ----
    for key, moves in {"A0005": 1, "A0150": 2, "A0250": 1}.items():
        story = json.loads(run("explain", work + "/bundle", key, "--json"))
        check(f"moves of {key}", len(story["way"]) == moves, story["way"])
finally:
    for process in nodes.values():
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    shutil.rmtree(work, ignore_errors=True)
print("FAILED" if failures else "passed", len(failures), "failures")
sys.exit(1 if failures else 0)
