#!/usr/bin/env python3
"""How long a call task stands after its reason is gone: from the payment told to the API to the task withdrawn, on an idle system and while a night runs.

withdrawal.py DUNLIN STDLIB [--payments 200] [--night 100000] [--at-most SECONDS]

--night: accounts that arrive at once and are all stepped while the payments come. --at-most: fails if the 99th percentile of either is above it.
"""
import argparse, http.client, json, os, sys, threading, time, urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
from served import Served

words = argparse.ArgumentParser()
words.add_argument("dunlin"), words.add_argument("stdlib")
words.add_argument("--payments", type=int, default=200)
words.add_argument("--night", type=int, default=100000)
words.add_argument("--at-most", type=float, default=0)
asked = words.parse_args()

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


def measure(first, count):
    """Seconds from each payment to its withdrawn task, one after the other."""
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

    took = []
    for i in range(first, first + count):
        key = f"A{i}"
        assert stands(calls[key]), f"there is no call to {key}"
        begin = time.monotonic()
        ask("POST", "/v1/events", {"source": "bank", "external_id": key, "event": "payment", "entity": "account", "key": key, "payload": {"amount": 100}})
        while stands(calls[key]):
            assert time.monotonic() - begin < 60, f"the call to {key} still stands"
            time.sleep(0.002)
        took.append(time.monotonic() - begin)
    return sorted(took)


def tell(what, took):
    share = lambda p: 1000 * took[min(len(took) - 1, int(len(took) * p))]
    print(f"{what}: {len(took)} payments, median {share(0.5):.0f} ms, 99th percentile {share(0.99):.0f} ms, longest {1000 * took[-1]:.0f} ms", flush=True)
    s.check(what, not asked.at_most or share(0.99) <= 1000 * asked.at_most, f"99th percentile {share(0.99):.0f} ms")


def count(queue):
    return int(s.run("queue", queue, "--json", "--count").strip("{} \n").split(":")[-1].strip(" }\n"))


load("A", 2 * asked.payments)
s.run("run", folder)
token = s.token("administrator", "measuring")
s.start(level="info")
calls, page = {}, "/v1/tasks?queue=call&limit=100"
while page:
    found = s.ask("GET", page, token)
    calls.update((task["key"], task["task"]) for task in found["items"])
    page = found.get("next") and f"/v1/tasks?queue=call&limit=100&after={found['next']}"
tell("idle", measure(0, asked.payments))

# The night's accounts come in while the server runs; payments follow as soon as the first of them are stepped.
begin = time.monotonic()
loading = threading.Thread(target=load, args=("N", asked.night))
loading.start()
s.until("the night begins", lambda: count("mail") > 2 * asked.payments, 600)
under_way = count("mail")
tell("during a night", measure(asked.payments, asked.payments))
print(f"accounts stepped while the payments came: {count('mail') - under_way} of {asked.night}")
loading.join()
s.until("the night ends", lambda: count("mail") == 2 * asked.payments + asked.night, 1200)
print(f"the night from the first row of its file to its last task: {time.monotonic() - begin:.0f} s")
s.end()
