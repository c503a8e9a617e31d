"""Letters in the database: what every road out says is what Python makes of the same facts; what somebody has in hand, what is ended and what an
older version wrote stays as it was."""
import csv
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "queue"))
import desk  # noqa: E402
from desk import COMMAND, SERVER, Client, connect, dunlin, run_all  # noqa: E402

POST = os.path.join(HERE, "post")
ROWS = [
    ("D1", "A1", "123456.78", "Ada Borg", ""),
    ("D1", "A1b", "0.05", "Ada Borg", "second"),
    ("D2", "A2", "9.00", "Bo", "</p><script>alert('x')</script>"),
    ("D3", "A3", "1000.00", 'A"<b>&{id}\'', "{debtor.name} 0 -1 \\ %41"),
    ("D4", "A'4", "77.70", "{\"p\": 1}", "ünï 😀"),
]


def load(name, rows):
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False, newline="") as file:
        out = csv.writer(file)
        out.writerow(["debtor", "account", "owed", "name", "note"])
        out.writerows(rows)
    try:
        dunlin(name, "import", POST, file.name, "--mapping", "post.toml")
    finally:
        os.unlink(file.name)


def fresh(rows=None):
    name = f"letters_{os.getpid()}_{next(desk._numbers)}"
    admin = connect("postgres")
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    admin.close()
    load(name, rows or ROWS)
    desk.step(name, POST)
    return name, Client(name)


# ---- what the letters say, once more ----

def money(owed, group, point):
    whole, cents = owed.split(".")
    return f"{int(whole):,}".replace(",", group) + point + cents


def demand(row, rows, escape=html.escape):
    debtor, account, owed, name, note = row
    same = [r for r in rows if r[0] == debtor]
    link = urllib.parse.quote
    text = f'<html><body><p class="{escape(account)}">Dear {escape(name)}, {money(owed, ",", ".")}\u00a0EUR are open'
    text += (f": {escape(note)}" if note else "") + ".</p>\n"
    text += "".join(f"<i>{escape(r[1])}</i>\n" for r in sorted(same, key=lambda r: r[1]))
    text += "<b>what a name</b>\n" if len(name) > 5 else ""
    return text + f'<a href="https://pay.example/{link(account, safe="")}?who={link(name, safe="")}">pay</a></body></html>\n'


def first(row):
    return f"Erste Worte: {money(row[2], '.', ',')} EUR, {row[3]}, {row[4] or '-'}\n"


def escape(text):
    return html.escape(text, quote=True).replace("&#x27;", "&#39;")


def tasks(sql, queue="mail"):
    return {(t.key, t.treatment): t for t in sql.all("select * from dunlin.queue where queue = %s", queue)}


def letter(sql, task, personal=True):
    return sql.one("select * from dunlin.letter(%s, %s)", task, personal)


# ---- tests ----

def test_every_road_says_the_same():
    name, sql = fresh()
    found = tasks(sql)
    for row in ROWS:
        task = found[(row[1], "demand")].task
        read = letter(sql, task)
        assert (read.name, read.format) == ("demand", "html"), read
        assert read.subject == f"{row[3]}: {row[1]}", read.subject
        assert read.body == demand(row, ROWS, escape), (read.body, demand(row, ROWS, escape))
        assert letter(sql, found[(row[1], "first")].task).body == first(row)
        shown = json.loads(dunlin(name, "queue", "letter-of", str(task), "--json").stdout)
        assert shown[0]["body"] == read.body
        tried = json.loads(dunlin(name, "letter", POST, "demand", "--account", row[1], "--at", "2026-01-02", "--json").stdout)
        assert tried["body"] == read.body and tried["key"] == read.key, (tried, read)
    short = sql.all("select task, key from dunlin.queue where queue = 'sms'")
    assert {letter(sql, t.task).body for t in short if t.key.startswith("A1")} == {"2 accounts, 123456.83 EUR\n"}


def test_masked_letters_tell_nothing():
    name, sql = fresh()
    for (key, treatment), task in tasks(sql).items():
        row = next(r for r in ROWS if r[1] == key)
        read = letter(sql, task.task, False)
        for text in (read.body, read.subject or ""):
            assert row[3] not in text and escape(row[3]) not in text and urllib.parse.quote(row[3], safe="") not in text, text
        if treatment == "demand":
            assert "what a name" not in read.body and "***" in read.body
            tried = json.loads(dunlin(name, "letter", POST, "demand", "--account", key, "--at", "2026-01-02", "--masked", "--json").stdout)
            assert tried["body"] == read.body and tried["masked"]


def test_no_letter_no_row():
    name, sql = fresh()
    call = sql.value("select task from dunlin.queue where queue = 'call' limit 1")
    assert letter(sql, call) is None
    assert letter(sql, "00000000-0000-0000-0000-000000000000") is None
    assert dunlin(name, "queue", "letter-of", str(call), check=False).returncode == 1


def test_what_was_written_stays():
    name, sql = fresh()
    found = tasks(sql)
    held = next(t for t in sql.all("select * from dunlin.lease('mail', 'anna', 20)") if (t.key, t.treatment) == ("A2", "demand"))
    for t in sql.all("select task, lease_epoch from dunlin.queue where queue = 'mail' and status = 'leased' and task <> %s", held.task):
        sql.run("select dunlin.release(%s, %s)", t.task, t.lease_epoch)
    before = {key: letter(sql, task.task).body for key, task in found.items()}
    later = [(d, a, "500.00" if a != "A3" else o, n, note) for d, a, o, n, note in ROWS]
    load(name, later)
    desk.step(name, POST)
    after = tasks(sql)
    for row in later:
        key = row[1]
        assert letter(sql, after[(key, "first")].task).body == before[(key, "first")], key      # a one-off: the facts of its step
        body = letter(sql, after[(key, "demand")].task).body
        if key == "A2":
            assert body == before[(key, "demand")]                                             # in somebody's hands
        else:
            assert body == demand(row, later, escape), key                                     # standing: as things are
    sql.run("select dunlin.complete(%s, %s)", held.task, held.epoch)
    assert letter(sql, held.task).body == before[("A2", "demand")]                              # ended
    words_of_another_version(name, sql, later)


def words_of_another_version(name, sql, rows):
    folder = tempfile.mkdtemp()
    changed = os.path.join(folder, "post")
    shutil.copytree(POST, changed)
    with open(os.path.join(changed, "templates", "first.txt"), "w") as file:
        file.write("Neue Worte {owed}\n")
    with open(os.path.join(changed, "templates", "demand.html"), "a") as file:
        file.write("<p>new</p>\n")
    before = {key: letter(sql, task.task).body for key, task in tasks(sql).items()}
    desk.step(name, changed)
    load(name, [(d, a, "600.00", n, note) for d, a, _, n, note in rows])
    desk.step(name, changed)
    for (key, treatment), task in tasks(sql).items():
        body = letter(sql, task.task).body
        assert treatment != "first" or body == before[(key, "first")], body
        assert treatment != "demand" or body.endswith("<p>new</p>\n"), body
    assert sql.value("select count(*) from dunlin.letter_words") == 5
    shutil.rmtree(folder)


def test_webhooks_get_the_text():
    _, sql = fresh()
    for personal in (True, False):
        hook = f"printer{personal}"
        sql.run("insert into dunlin.webhook (name, queue, url, personal, in_flight, tries_max, created_by) select %s, 'mail', 'https://printer.example/x', %s, 50, 8, 'test'",
                hook, personal)
    for hook, personal in sql.all("select id, personal from dunlin.webhook order by id"):
        assert sql.value("select dunlin.fill_outbox(%s, now())", hook) > 0
        for body, in sql.all("select body from dunlin.webhook_delivery where webhook = %s", hook):
            row = next(r for r in ROWS if r[1] == body["key"])
            assert "letter" not in body["fields"], body
            text = letter(sql, body["task"], personal)
            assert body["document"]["text"] == text.body and body["document"]["template"] == body["treatment"]
            assert personal or row[3] not in body["document"]["text"]
        for t in sql.all("select task, lease_epoch from dunlin.queue where queue = 'mail' and status = 'leased'"):
            sql.run("select dunlin.release(%s, %s)", t.task, t.lease_epoch)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
