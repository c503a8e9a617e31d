"""A real server on a free port with a private database in a temporary folder, for the tests of this folder."""
import atexit, json, os, re, shutil, signal, subprocess, sys, tempfile, time, urllib.error, urllib.request
from answers import Answers

BUNDLE = """
bundle api "A bundle for the API" { timezone UTC, currency EUR, calendar none, day starts 06:00 }
entity account {
  key id : text
  holder : text personal
  overdue : money
}
event payment of account { amount : money }
outcomes call of account { promises (amount : money), refuses }
queue call { outcomes call, cost 1, fields { holder : text? personal } }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage calling {
    keep call "script" while overdue > 100 { fields { holder: holder } }
    on call.promises : go promised
  }
  stage promised { after 14 days : go calling }
  final stage cured { enrol again when overdue > 0 }
}
"""


class Served:
    def __init__(self, dunlin, stdlib):
        self.dunlin = os.path.abspath(dunlin)
        self.work = tempfile.mkdtemp()
        os.chmod(self.work, 0o755)  # a private database that root starts runs as the user postgres
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("DUNLIN_")}
        self.env.update(DUNLIN_DATA=self.work + "/database", DUNLIN_STDLIB=os.path.abspath(stdlib))
        self.sanitized = "libasan" in subprocess.run(["ldd", self.dunlin], capture_output=True, text=True).stdout
        self.failures, self.server, self.url = [], None, None
        self.answers = Answers()
        atexit.register(self.clean)

    def clean(self):
        if self.server and self.server.poll() is None:
            self.server.terminate()
            try:
                self.server.wait(60)
            except subprocess.TimeoutExpired:
                self.server.kill()
        shutil.rmtree(self.work, ignore_errors=True)

    def check(self, what, good, detail=""):
        if not good:
            self.failures.append(what)
            print(f"FAILED {what} {detail}", flush=True)

    def end(self):
        """Stops the server, says what failed, ends the test."""
        if self.server and self.server.poll() is None:
            self.server.terminate()
            self.check("ends well", self.server.wait(60) == 0)
        if self.failures:
            print(self.log()[-4000:])
        print(f"{len(self.failures)} failures")
        sys.exit(1 if self.failures else 0)

    def run(self, *words, expect=0, with_errors=False):
        done = subprocess.run([self.dunlin, *words], env=self.env, capture_output=True, text=True)
        self.check(" ".join(words[:3]), done.returncode == expect, f"exit {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]}")
        return (done.stdout + done.stderr if with_errors else done.stdout).strip()

    def token(self, role, name):
        return self.run("token", "create", "--role", role, "--name", name)

    def portfolio(self, count=30, bundle=BUNDLE, folder="bundle"):
        """Writes a bundle and imports invented accounts A000 … with 10.00 more overdue each; the bundle's folder."""
        path = f"{self.work}/{folder}"
        os.makedirs(path, exist_ok=True)
        self.write(f"{folder}/api.dun", bundle)
        self.write("accounts.csv", "id,holder,overdue\n" + "".join(f"A{i:03},Invented Person {i},{i * 10}.00\n" for i in range(count)))
        self.write("accounts.toml", '[[entity]]\nname = "account"\nkey = "{id}"\n[entity.fields]\nholder = "{holder}"\noverdue = "{overdue}"\n')
        self.run("import", path, self.work + "/accounts.csv", "--mapping", self.work + "/accounts.toml")
        return path

    def write(self, name, text):
        """As editors do it: beside, then in its place."""
        path = f"{self.work}/{name}"
        with open(path + "~", "w") as file:
            file.write(text)
        os.replace(path + "~", path)

    def start(self, *words, level="debug", wait=True):
        """Starts `dunlin serve`; words beside the usual ones: "--set", "server.threads=2"."""
        with open(self.work + "/server.log", "a") as log:
            self.log_from = log.tell()
            self.server = subprocess.Popen([self.dunlin, "serve", "--port", "0", "--set", "engine.poll_ms=100", "--set", "limits.requests_per_second=100000", "--set",
                                            "limits.burst=100000", "--set", "log.level=" + level, *words], env=self.env, stderr=log)
        if wait:
            self.until("the server is there", lambda: re.search(r'"url":"([^"]*)"', self.log()[self.log_from:]), 120)
            found = re.search(r'"url":"([^"]*)"', self.log()[self.log_from:])
            assert found, "the server did not start: " + self.log()
            self.url = found.group(1)

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.check("ends well", self.server.wait(60) == 0)

    def log(self):
        with open(self.work + "/server.log") as file:
            return file.read()

    def call(self, method, path, token=None, body=None, raw=None, headers=None, timeout=60):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", "Bearer " + token)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text, given = answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            status, text, given = error.code, error.read().decode(), dict(error.headers)
        undescribed = self.answers.wrong(self.url, method, path, status, given.get("Content-Type", ""), text, body)
        self.check(f"{method} {path} as described", not undescribed, undescribed)
        return status, text, given

    def ask(self, method, path, token=None, body=None, expect=200, headers=None):
        status, text, _ = self.call(method, path, token, body, headers=headers)
        self.check(f"{method} {path}", status == expect, f"{status} instead of {expect}: {text[:400]}")
        return json.loads(text) if text.startswith(("{", "[")) else text

    def until(self, what, question, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if question():
                return True
            time.sleep(0.05)
        self.check(what, False, "did not come about")
        return False

    def active(self, token):
        """Number of the active version; 0: none."""
        return next((row["version"] for row in self.ask("GET", "/v1/bundles", token)["items"] if row["active"]), 0)
