#!/usr/bin/env python3
"""How long a call task stands after its reason is gone: from the payment to the task withdrawn, on an idle system and while a night runs. The payments come over two roads, told to the
API and in SQL (dunlin.post_event), and every second one of an account that another node steps, where there is one.

withdrawal.py DUNLIN STDLIB [--payments 200] [--night 100000] [--nodes 1] [--poll MS] [--idle SECONDS] [--beside SECONDS]

--payments: over each road, idle and again beside the night. --night: accounts that arrive at once and are all stepped while the payments come. --poll: how often the nodes look by
themselves. --idle, --beside: fails if the 99th percentile of a road is above it. With a poll that is much longer than these, nothing but the notice can have brought the step about.
"""
import argparse, http.client, json, os, shutil, subprocess, sys, threading, time, urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
from served import Served

words = argparse.ArgumentParser()
words.add_argument("dunlin"), words.add_argument("stdlib")
words.add_argument("--payments", type=int, default=200)
words.add_argument("--night", type=int, default=100000)
words.add_argument("--nodes", type=int, default=1)
words.add_argument("--poll", type=int, default=1000)
words.add_argument("--idle", type=float, default=0)
words.add_argument("--beside", type=float, default=0)
asked = words.parse_args()
PSQL = shutil.which("psql")
if not PSQL:
    print("skipped: no psql")
    sys.exit(77)

BUNDLE = """bundle money "Payments" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account { key id : text, overdue : money, paid = sum(payment.amount within 30 days) }
event payment of account { amount : money }
outcomes call of account { reached, no_answer }
queue call { outcomes call, cost 1 }
queue mail { cost 1 }
strategy soft "Soft" for account {
  enrol when overdue > 0
  stage calling { keep call "talk" while overdue > paid, on entry : mail "letter" }
}
"""
MAPPING = '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\noverdue = "{overdue}"\n'
s = Served(asked.dunlin, asked.stdlib)
folder = s.work + "/bundle"
os.makedirs(folder)
s.write("bundle/money.dun", BUNDLE)
s.write("rows.toml", MAPPING)


def load(prefix, count):
    s.write("rows.csv", "id,overdue\n" + "".join(f"{prefix}{i},100\n" for i in range(count)))
    s.run("import", folder, s.work + "/rows.csv", "--mapping", s.work + "/rows.toml")


class Teller:
    """A session of the bank's in SQL, on the private database of the nodes."""

    def __init__(self):
        pid = next(os.path.join(folder, "postmaster.pid") for folder, _, names in os.walk(s.work + "/database") if "postmaster.pid" in names)
        lines = open(pid).read().split("\n")
        self.session = subprocess.Popen([PSQL, "-X", "-q", "-At", "-h", lines[4], "-p", lines[3], "-U", "dunlin", "-d", "dunlin", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, statement):
        """The one value that it gives."""
        self.session.stdin.write(statement + ";\n")
        return self.session.stdout.readline().strip()


def measure(first, count):
    """Seconds from each payment to its withdrawn task, one after the other, over the two roads in turn: (told to the API, told in SQL)."""
    place = urllib.parse.urlparse(s.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)

    def ask(method, path, body=None):
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text[:300]}"
        return json.loads(text)

    def stands(task):
        connection.request("GET", "/v1/tasks/" + task, headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200

    took = [], []
    for i in range(first, first + count):
        key, by_sql = f"A{i}", i % 2
        assert stands(calls[key]), f"there is no call to {key}"
        begin = time.monotonic()
        if by_sql:
            said = teller.ask(f"select dunlin.post_event('bank', '{key}', 'payment', 'account', '{key}', now(), '{{\"amount\": 100}}')")
            assert said == "accepted", f"the payment of {key}: {said}"
        else:
            ask("POST", "/v1/events", {"source": "bank", "external_id": key, "event": "payment", "entity": "account", "key": key, "payload": {"amount": 100}})
        while stands(calls[key]):
            assert time.monotonic() - begin < 60, f"the call to {key} still stands"
            time.sleep(0.002)
        took[by_sql].append(time.monotonic() - begin)
    return took


def tell(what, roads, at_most):
    for road, took in zip(("told to the API", "told in SQL"), roads):
        tell_road(f"{what}, {road}", sorted(took), at_most)


def tell_road(what, took, at_most):
    share = lambda p: 1000 * took[min(len(took) - 1, int(len(took) * p))]
    print(f"{what}: {len(took)} payments, median {share(0.5):.0f} ms, 99th percentile {share(0.99):.0f} ms, longest {1000 * took[-1]:.0f} ms", flush=True)
    s.check(what, not at_most or share(0.99) <= 1000 * at_most, f"99th percentile {share(0.99):.0f} ms, and {1000 * at_most:.0f} are allowed")


def count(queue):
    return int(s.run("queue", queue, "--json", "--count").strip("{} \n").split(":")[-1].strip(" }\n"))


load("A", 4 * asked.payments)
s.run("run", folder)
token = s.token("administrator", "measuring")
s.start("--set", f"engine.poll_ms={asked.poll}", level="info")
others = [subprocess.Popen([s.dunlin, "serve", "--port", "0", "--set", f"engine.poll_ms={asked.poll}", "--set", "log.level=warn"], env=s.env) for _ in range(1, asked.nodes)]
teller = Teller()
s.until("every node has its share", lambda: teller.ask("select count(distinct b.node) from dunlin.bucket b where b.node is not null") == str(asked.nodes), 120)
calls, page = {}, "/v1/tasks?queue=call&limit=100"
while page:
    found = s.ask("GET", page, token)
    calls.update((task["key"], task["task"]) for task in found["items"])
    page = found.get("next") and f"/v1/tasks?queue=call&limit=100&after={found['next']}"
tell("idle", measure(0, 2 * asked.payments), asked.idle)

# A storm of notices, of which none brings anything: they are looked at together, and the node has time left.
def looks():
    return int(s.call("GET", "/metrics", token)[1].split("\ndunlin_passes_total ")[1].split()[0])


before, begin = looks(), time.monotonic()
while time.monotonic() - begin < 2:
    teller.ask("select pg_notify('dunlin', 'event')::text is null")
made = looks() - before
print(f"looks in two seconds of notices: {made}", flush=True)
s.check("notices are looked at together", 2 <= made <= 150, f"{made} looks in two seconds")

# The night's accounts come in while the server runs; payments follow as soon as the first of them are there, and are stepped with them.
begin = time.monotonic()
loading = threading.Thread(target=load, args=("N", asked.night))
loading.start()
s.until("the night begins", lambda: int(teller.ask("select count(*) from portfolio.account")) > 4 * asked.payments, 600)
under_way = count("mail")
tell("during a night", measure(2 * asked.payments, 2 * asked.payments), asked.beside)
print(f"accounts stepped while the payments came: {count('mail') - under_way} of {asked.night}")
loading.join()
s.until("the night ends", lambda: count("mail") == 4 * asked.payments + asked.night, 1200)
print(f"the night from the first row of its file to its last task: {time.monotonic() - begin:.0f} s")
for other in others:
    other.terminate()
    s.check("another node ends well", other.wait(60) == 0)
s.end()
