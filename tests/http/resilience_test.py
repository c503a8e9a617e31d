#!/usr/bin/env python3
"""The server in trouble: TLS, too many requests, a database that goes away and comes back, versions that change while a night runs and while everybody asks:
resilience_test.py DUNLIN STDLIB
"""
import glob, http.client, json, os, re, shutil, signal, socket, ssl, subprocess, sys, threading, time, urllib.parse
from served import BUNDLE, Served

s = Served(sys.argv[1], sys.argv[2])
apply = lambda text: {"files": [{"path": "api.dun", "text": text}]}


def rss_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


class Asking:
    """Some clients that ask all the time, each on one connection; what they were answered and how long it took."""

    def __init__(self, token, paths, clients=3):
        self.answers, self.stopping = [], False
        self.threads = [threading.Thread(target=self.ask, args=(token, paths)) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def ask(self, token, paths):
        place = urllib.parse.urlparse(s.url)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        while not self.stopping:
            for path in paths:
                begin = time.time()
                try:
                    connection.request("GET", path, headers={"Authorization": "Bearer " + token})
                    answer = connection.getresponse()
                    answer.read()
                    self.answers.append((answer.status, time.time() - begin))
                except (OSError, http.client.HTTPException) as error:
                    self.answers.append((repr(error), time.time() - begin))
                    connection.close()
                time.sleep(0.005)

    def end(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        times = sorted(t for _, t in self.answers)
        return {status for status, _ in self.answers}, len(self.answers), times[len(times) // 2] * 1000, times[-1] * 1000


folder = s.portfolio(30)
admin = s.token("administrator", "admin")

# ---- TLS ----
if shutil.which("openssl"):
    for name, days in (("one", "2"), ("other", "9")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", days, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                        f"{s.work}/{name}.key", "-out", f"{s.work}/{name}.crt"], check=True, capture_output=True)
    s.run("serve", "--set", f"server.certificate_file={s.work}/one.crt", "--check-config", expect=1)
    s.start("--set", f"server.certificate_file={s.work}/one.crt", "--set", f"server.key_file={s.work}/one.key", "--set", "server.read_seconds=2")
    port = urllib.parse.urlparse(s.url).port
    s.check("https", s.url.startswith("https://"))

    def secure(file, **limits):
        context = ssl.create_default_context(cafile=f"{s.work}/{file}.crt")
        for name, value in limits.items():
            setattr(context, name, value)
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
        try:
            answers = []
            for _ in range(3):  # one connection
                connection.request("GET", "/v1/me", headers={"Authorization": "Bearer " + admin})
                answer = connection.getresponse()
                answers.append((answer.status, json.loads(answer.read())["name"]))
            return answers
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()

    def ends_in(name):
        """Days until the certificate ends that the metrics tell of; nothing where they tell of none."""
        connection = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=f"{s.work}/{name}.crt"), timeout=20)
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer " + admin})
        found = re.search(r"(?m)^dunlin_certificate_expires_timestamp_seconds (\d+)$", connection.getresponse().read().decode())
        return found and (int(found.group(1)) - time.time()) / 86400

    s.check("a secure connection", secure("one") == [(200, "admin")] * 3, secure("one"))
    s.check("a metric says when the certificate ends", 1.9 < ends_in("one") <= 2, ends_in("one"))
    s.check("somebody else's certificate", secure("other") == "SSLCertVerificationError", secure("other"))
    s.check("TLS 1.2 does", secure("one", maximum_version=ssl.TLSVersion.TLSv1_2) == [(200, "admin")] * 3)
    if subprocess.run(["openssl", "ciphers", "-tls1_1", "-s"], capture_output=True).returncode == 0:
        done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True)
        s.check("TLS 1.1 does not", done.returncode != 0)
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        s.check("nothing goes in the clear", not plain.recv(1000).startswith(b"HTTP/1.1 200"))
    with socket.create_connection(("127.0.0.1", port), 10) as silent:
        silent.settimeout(15)
        begin = time.time()
        s.check("who never shakes hands is cut off", silent.recv(10) == b"" and time.time() - begin < 12)
    s.check("and everybody else goes on", secure("one") == [(200, "admin")] * 3)

    # A certificate is renewed in its place: what is open goes on, what is new gets the new one; a bad one changes nothing.
    for kind, name in (("one", "first"), ("other", "second")):
        shutil.copy(f"{s.work}/{kind}.crt", f"{s.work}/{name}.crt")  # whom the clients trust
    open_before = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=f"{s.work}/one.crt"), timeout=20)
    ask_on = lambda connection: (connection.request("GET", "/livez"), connection.getresponse().read())[1]
    ask_on(open_before)
    lines = lambda words: [json.loads(line) for line in s.log().splitlines() if words in line]
    kept = {end: open(f"{s.work}/one.{end}").read() for end in ("crt", "key")}
    put = lambda end, text: s.write(f"one.{end}", text)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                    f"{s.work}/curve.key", "-out", f"{s.work}/curve.crt"], check=True, capture_output=True)
    for what, end, text in (("of another kind than the key", "crt", open(f"{s.work}/curve.crt").read()), ("half of it", "crt", kept["crt"][:400]), ("somebody else's key", "key", open(f"{s.work}/other.key").read()), ("nothing", "crt", "")):
        put(end, text)
        count = len(lines("the new certificate cannot be used"))
        os.kill(s.server.pid, signal.SIGHUP)
        s.until(f"{what}: said so", lambda: len(lines("the new certificate cannot be used")) > count, 20)
        s.check(f"{what}: an error with a reason", lines("the new certificate cannot be used")[-1]["level"] == "error" and "one." in lines("the new certificate cannot be used")[-1]["reason"])
        s.check(f"{what}: the old one stays", secure("first") == [(200, "admin")] * 3, secure("first"))
        put(end, kept[end])
    for end in kept:
        put(end, open(f"{s.work}/other.{end}").read())
    s.check("not before it is asked for", secure("first") == [(200, "admin")] * 3)
    os.kill(s.server.pid, signal.SIGHUP)
    s.until("SIGHUP: new connections have the new one", lambda: secure("second") == [(200, "admin")] * 3, 20)
    s.check("and nobody has the old one", secure("first") == "SSLCertVerificationError", secure("first"))
    s.check("with how long it is good", "GMT" in lines("the certificate was read again")[-1]["valid_until"])
    s.check("what was open goes on", ask_on(open_before) == b'{"live":true}')
    s.check("the metric goes by the new one", 8.9 < ends_in("second") <= 9, ends_in("second"))

    reloads = []

    def reload():
        connection = http.client.HTTPSConnection("localhost", port, context=ssl._create_unverified_context(), timeout=20)
        connection.request("POST", "/v1/reload", body="{}", headers={"Authorization": "Bearer " + admin, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        reloads.append((answer.status, text))
        return json.loads(text)

    for end in kept:
        put(end, kept[end])
    answer = reload()
    s.check("the API reads it again too", answer["certificate"] == "loaded" and "GMT" in answer["valid_until"] and secure("first") == [(200, "admin")] * 3, answer)
    put("crt", "")
    answer = reload()
    s.check("and says what is wrong", answer["certificate"] == "kept" and "one.crt" in answer["reason"] and secure("first") == [(200, "admin")] * 3, answer)
    put("crt", kept["crt"])
    s.stop()
else:
    print("skipped: TLS, there is no openssl to make a certificate with")

    reloads = []

# ---- too many requests ----
s.start("--set", "limits.requests_per_second=5", "--set", "limits.burst=20")
answers = [s.call("GET", "/v1/me", admin) for _ in range(60)]
s.check("a burst is answered, then 429", answers[0][0] == 200 and 429 in {a[0] for a in answers} and {a[0] for a in answers} == {200, 429})
late = next(a for a in answers if a[0] == 429)
for status, text in reloads:  # over TLS, whose certificate no client of ours trusts
    undescribed = s.answers.wrong(s.url, "POST", "/v1/reload", status, "application/json", text)
    s.check("a reload as described", status == 200 and not undescribed, undescribed)
s.check("with when to come back", late[2].get("Retry-After") == "1" and json.loads(late[1])["status"] == 429, late)
s.check("health is always answered", all(s.call("GET", "/livez")[0] == 200 for _ in range(50)))
time.sleep(1.2)
s.check("later it goes on", s.call("GET", "/v1/me", admin)[0] == 200)
s.check("without TLS no certificate ends", "dunlin_certificate" not in s.ask("GET", "/metrics", admin))
s.stop()

# ---- behind a proxy: each caller has a bucket and an origin of its own, and nobody can say that they are somebody else ----
s.run("serve", "--set", "server.trusted_proxies=banana", "--check-config", expect=1)
s.run("serve", "--set", "server.trusted_proxies=127.0.0.1", "--set", "server.forwarded_header=X-Real-IP", "--check-config", expect=1)
from_ = lambda address, path="/v1/me", method="GET", **more: s.call(method, path, headers={"X-Forwarded-For": address}, **more)
few = ("--set", "limits.requests_per_second=0.1", "--set", "limits.burst=10")
s.start(*few, "--set", "server.trusted_proxies=127.0.0.1, 10.0.0.0/8")
s.check("one caller's bucket runs dry", [from_("203.0.113.1")[0] for _ in range(13)][-1] == 429)
s.check("another's is full", [from_("203.0.113.2")[0] for _ in range(5)] == [401] * 5)
s.check("addresses that a caller adds on the left change nothing", [from_(f"198.51.100.{n}, 203.0.113.1")[0] for n in range(5)] == [429] * 5)
s.check("nor do other proxies of ours on the right", from_("203.0.113.1, 10.1.2.3")[0] == 429)
s.check("and no other header", s.call("GET", "/v1/me", headers={"X-Forwarded-For": "203.0.113.1", "Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.7"})[0] == 429)
s.check("of IPv6 a network of 64 bits is one caller", [from_(f"2001:db8:1:2::{n:x}")[0] for n in range(1, 14)][-1] == 429 and from_("2001:db8:1:2:ffff::1")[0] == 429)
s.check("and the next network another", [from_(f"2001:db8:1:3::{n:x}")[0] for n in range(1, 6)] == [401] * 5)
s.check("where the change came from", from_("198.51.100.9, 203.0.113.77", "/v1/reload", "POST", token=admin, body={})[0] == 200)
s.stop()
s.start(*few)
s.check("without trusted proxies nobody is believed", [from_(f"203.0.113.{n}")[0] for n in range(14)][-1] == 429)
s.stop()
s.start()
origins = [row["origin"] for row in s.ask("GET", "/v1/audit?limit=50", admin)["items"] if row["action"] == "reload"]
s.check("stands in the audit", origins[0] == "203.0.113.77", origins)
s.stop()

# ---- a hundred versions, while everybody asks; code that is no longer needed is given back ----
texts = [BUNDLE.replace("14 days", f"{14 + n} days") for n in range(2)]
s.start()
s.ask("POST", "/v1/bundles/apply", admin, apply(texts[0]))
s.until("tasks", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) == 19)
quiet = os.getloadavg()[0] < 0.5 * os.cpu_count() and not s.sanitized  # who shares the machine is promised nothing about minutes
asking = Asking(admin, ["/v1/accounts/A020", "/v1/accounts/A020/explain", "/v1/tasks?limit=5", "/readyz"])
begin, sizes = time.time(), []
for n in range(1, 101):
    s.ask("POST", "/v1/bundles/apply", admin, apply(texts[n % 2]))
    sizes.append(rss_mb(s.server.pid))
    if time.time() - begin > 150:
        break
seconds, done = time.time() - begin, n
statuses, count, median, worst = asking.end()
print(f"{done} switches in {seconds:.0f} s; {count} requests meanwhile, median {median:.1f} ms, longest {worst:.0f} ms; "
      f"memory {sizes[0]:.0f} MB after the first, {sizes[done // 2 - 1]:.0f} MB after half of them, {sizes[-1]:.0f} MB after the last")
s.check("no request failed", statuses == {200}, statuses)
s.check("many switches", done >= (20 if quiet else 5), done)
if quiet:
    s.check("a hundred in a minute", done == 100 and seconds <= 60, (done, seconds))
else:
    print("skipped: a hundred switches in a minute, the machine was busy when they began" if not s.sanitized else "skipped: a hundred switches in a minute, a sanitizer is in the way")
# The allocator's arenas fill up during the first half; what stays of a version shows in the second.
each = (sizes[-1] - sizes[done // 2 - 1]) / (done - done // 2)
# A sanitizer keeps what was freed, and looks for leaks by itself when the server ends.
s.check("a version that went takes its code along", each < 0.4 or s.sanitized, f"{each:.2f} MB a switch stay")
s.check("none was lost", s.ask("GET", "/v1/tasks?limit=500", admin)["items"].__len__() == 19)
s.stop()

# ---- versions change during a full night ----
s.write("many.csv", "id,holder,overdue\n" + "".join(f"N{i:05},Invented Many {i},{i % 40 * 10}.00\n" for i in range(6000)))
s.run("import", folder, s.work + "/many.csv", "--mapping", s.work + "/accounts.toml")
s.start()
s.until("ready", lambda: s.call("GET", "/readyz")[0] == 200)  # with the version compiled
asking = Asking(admin, ["/v1/accounts/N00020", "/v1/queues", "/livez"])
loads = [BUNDLE.replace("overdue > 100", f"overdue > {100 + 50 * (n % 4)}") for n in range(8)]
for text in loads:
    s.ask("POST", "/v1/bundles/apply", admin, apply(text))
    time.sleep(0.3)
wanted = sum(1 for i in range(6000) if i % 40 * 10 > 250) + sum(1 for i in range(30) if i * 10 > 250)
open_tasks = lambda: sum(q["ready"] for q in s.ask("GET", "/v1/queues", admin)["items"])
s.until("the night ends under the last version", lambda: open_tasks() == wanted and 'dunlin_awake 0\n' in s.call("GET", "/metrics", admin)[1], 120)
statuses, count, median, worst = asking.end()
metrics = s.call("GET", "/metrics", admin)[1]
overtaken = re.search(r"(?m)^dunlin_passes_overtaken_total (\d+)", metrics).group(1)
print(f"8 switches during a night of 6030 accounts; {count} requests, median {median:.1f} ms, longest {worst:.0f} ms; "
      f"{overtaken} passes overtaken")
s.check("no request failed in the night", statuses == {200}, statuses)
s.check("no step failed", "dunlin_passes_failed_total 0\n" in metrics and "dunlin_faults_total 0\n" in metrics and "dunlin_set_aside 0\n" in metrics,
        [line for line in metrics.splitlines() if "failed" in line or "fault" in line or "set_aside" in line])
s.stop()

# ---- the database goes away and comes back ----
programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if programs:
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    place = s.work + "/cluster"
    os.mkdir(place)
    if as_postgres:
        shutil.chown(place, "postgres")
    pg = lambda *words: subprocess.run([*as_postgres, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=place)
    pg(programs[-1] + "/initdb", "-D", place + "/data", "-A", "trust", "-U", "dunlin", "-E", "UTF8", "--locale=C")
    control = programs[-1] + "/pg_ctl"
    up = lambda: pg(control, "-D", place + "/data", "-l", place + "/log", "-w", "-o", f"-c listen_addresses='' -k {place}", "start")
    up()
    try:
        del s.env["DUNLIN_DATA"]
        s.env["DUNLIN_DATABASE"] = f"host={place} user=dunlin dbname=postgres"
        s.run("import", folder, s.work + "/accounts.csv", "--mapping", s.work + "/accounts.toml")
        admin = s.token("administrator", "admin")
        s.start()
        s.ask("POST", "/v1/bundles/apply", admin, apply(BUNDLE))
        s.until("tasks", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) == 19)
        for how in ("immediate", "fast"):
            asking = Asking(admin, ["/v1/accounts/A020", "/v1/tasks?limit=5", "/livez"])
            time.sleep(0.5)
            pg(control, "-D", place + "/data", "-m", how, "-w", "stop")
            s.until(f"{how}: it says so", lambda: s.call("GET", "/readyz")[0] == 503, 20)
            status, text, headers = s.call("GET", "/v1/tasks", admin)
            s.check(f"{how}: a problem, not a broken connection", status == 503 and headers["Content-Type"] == "application/problem+json", f"{status} {text}")
            s.check(f"{how}: no word of where the database is", place not in text, text)
            told = [json.loads(line) for line in s.log().splitlines() if "the database did not answer a request" in line]
            s.check(f"{how}: the log says why, by the id that the answer has", [line["reason"] for line in told if line["request"] == headers["X-Request-Id"] == json.loads(text)["request_id"]],
                    (headers, told[-2:]))
            s.check(f"{how}: it lives", s.call("GET", "/livez")[0] == 200)
            s.ask("POST", "/v1/bundles/apply", admin, apply(texts[1]), expect=503)
            up()
            s.until(f"{how}: back", lambda: s.call("GET", "/readyz")[0] == 200, 40)
            s.until(f"{how}: answers as before", lambda: s.call("GET", "/v1/tasks", admin)[0] == 200, 40)
            statuses, count, median, worst = asking.end()
            s.check(f"{how}: 200 and 503, nothing else", statuses == {200, 503}, statuses)
            print(f"database {how}: {count} requests meanwhile, longest {worst:.0f} ms")
        s.ask("POST", "/v1/bundles/apply", admin, apply(BUNDLE.replace("overdue > 100", "overdue > 200")))
        s.until("it steps again", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) == 9, 60)
        s.stop()
    finally:
        if s.server.poll() is None:
            s.server.terminate()
            s.server.wait(60)
        subprocess.run([*as_postgres, control, "-D", place + "/data", "-m", "immediate", "stop"], capture_output=True, cwd=place)
else:
    print("skipped: a database that goes away, there is no PostgreSQL server here")
s.end()
