"""A desk with feeds and campaigns, as the command line and SQL see it. Business time is in April 2025, given in every call; Easter Monday, the 21st, is a holiday."""
import datetime
import json
import os
import shutil
import sys
import tempfile
import zoneinfo

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "queue"))

import desk as queue_desk  # noqa: E402
from desk import Client, dunlin, run_all  # noqa: E402, F401

BUNDLE = os.path.join(HERE, "desk")
FOLDER = tempfile.mkdtemp(prefix="dunlin-department-")


def bundle_with(extra, files=()):
    """The desk with more declarations and files."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    for name in os.listdir(BUNDLE):
        shutil.copy(os.path.join(BUNDLE, name), folder)
    with open(os.path.join(folder, "extra.dun"), "w", encoding="utf-8") as file:
        file.write(extra)
    for name, text in files:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return folder


def balances(rows, count=None, total=None, trailer=True, name="balances.csv"):
    """A file of the feed; rows: (debtor, account, owed, client)."""
    path = os.path.join(tempfile.mkdtemp(dir=FOLDER), name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("debtor;account;owed;client\n")
        file.writelines(";".join(str(cell) for cell in row) + "\n" for row in rows)
        if trailer:
            told = sum(float(row[2]) for row in rows if str(row[2]).replace(".", "").isdigit()) if total is None else total
            file.write(f"END;{len(rows) if count is None else count};{told}\n")
    return path


ROWS = [(f"D{i}", f"A{i}", 100 * i, "North" if i % 2 else "South") for i in range(1, 41)]


def new_desk(bundle=BUNDLE, clock="2025-04-14 06:30", rows=ROWS):
    """A database with these accounts, the bundle active since `clock`."""
    name = queue_desk.new_database([], template="template1")
    path = balances(rows)
    dunlin(name, "import", bundle, path, "--mapping", "balances.toml", "--as-of", "2025-04-13 06:00")
    dunlin(name, "run", bundle, "--clock", clock, "--summary")
    return name


_bases = {}


def fresh():
    """A copy of the desk as new_desk() makes it."""
    if "desk" not in _bases:
        _bases["desk"] = new_desk()
    return queue_desk.new_database(None, template=_bases["desk"])


def as_json(done):
    return json.loads(done.stdout)


def leased(sql, at, n=1, queue="call", worker="anna"):
    return sql.all("select * from dunlin.lease(%s, %s, %s, at => %s)", queue, worker, n, at)


def instant(day, time):
    return datetime.datetime.fromisoformat(f"{day} {time}").replace(tzinfo=zoneinfo.ZoneInfo("Europe/Warsaw")).isoformat()
