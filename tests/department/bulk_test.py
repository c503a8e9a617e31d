"""Events from a list: --plan is what then happens, a second person agrees, undo takes back what nobody acted on. A stop of contact tells those who hold tasks."""
import csv
import json
import os
import select
import sys

from department import BUNDLE, Client, as_json, balances, dunlin, fresh, instant, leased, run_all
from desk import check_sound

DAY = "2025-04-14"


def listed(lines, name="payments.csv"):
    path = os.path.join(os.path.dirname(balances([])), name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("event,key,at,id,amount\n")
        file.writelines(line + "\n" for line in lines)
    return path


LINES = [f"payment,A{i},2025-04-14 06:45,p{i},{i}.50" for i in range(1, 6)] + [
    "payment,A1,2025-04-14 06:45,p1,1.50", "payment,ghost,2025-04-14 06:45,p8,1", "payment,A2,2025-04-14 06:45,p9,much", "paiment,A2,2025-04-14 06:45,p10,1"]


def rejected_reasons(plan):
    with open(plan["rejected_file"], encoding="utf-8", newline="") as file:
        return [row["reason"] for row in csv.DictReader(file)]


def test_a_line_that_is_known_with_other_values_is_given_back():
    name = fresh()
    dunlin(name, "bulk", "events", listed(LINES[:2]), "--reason", "r")
    done = dunlin(name, "bulk", "events", listed(["payment,A1,2025-04-14 06:45,p1,1.50", "payment,A2,2025-04-14 06:45,p2,9.50", "payment,A3,2025-04-14 06:45,p3,3.50"]), "--reason", "r", "--json", check=False)
    made = as_json(done)
    assert made["plan"]["results"] == {"accepted": 1, "duplicate": 1, "differs": 1} and made["posted"] == 1 and done.returncode == 1, made
    assert rejected_reasons(made) == ["payment `p2` of account `A2` is known with another time or other values, and stays as it was"], rejected_reasons(made)


def everything(sql):
    return [sql.all(f"select * from dunlin.{table} order by 1, 2") for table in ("event", "inbox", "event_key", "quarantine", "audit")]


def test_plan_is_what_happens():
    name = fresh()
    sql = Client(name)
    path = listed(LINES)
    before = everything(sql)
    plan = as_json(dunlin(name, "bulk", "events", path, "--plan", "--json"))
    assert plan["plan"]["results"] == {"accepted": 5, "duplicate": 1, "refused": 2, "set_aside": 1}, plan
    assert "(Events: " in rejected_reasons(plan)[1] and "payment" in rejected_reasons(plan)[1], rejected_reasons(plan)
    assert plan["plan"]["events"] == {"payment": 5} and plan["plan"]["witness"][0]["key"] == "A1"
    assert everything(sql) == before
    with open(plan["rejected_file"], encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [(row["line"], row["column"]) for row in rejected] == [("9", "amount"), ("10", "event")] and "amount" in rejected[0]["reason"] and "paiment" in rejected[1]["reason"], rejected
    done = dunlin(name, "bulk", "events", path, "--reason", "a late file", "--json", check=False)
    made = as_json(done)
    assert done.returncode == 1 and made["status"] == "posted" and made["posted"] == 5 and made["plan"] == plan["plan"], made
    assert sql.value("select (min(at) at time zone 'UTC')::text from dunlin.event where source = 'payments.csv'") == "2025-04-14 04:45:00"
    dunlin(name, "run", BUNDLE, "--clock", f"{DAY} 06:50", "--summary")
    assert sql.value("select count(*) from dunlin.note where body like 'paid %%'") == 5


def test_undo_takes_back_what_nobody_acted_on():
    name = fresh()
    sql = Client(name)
    before = everything(sql)[:4]
    made = as_json(dunlin(name, "bulk", "events", listed(LINES[:5] + LINES[6:7]), "--reason", "r", "--json"))
    number = str(made["bulk"])
    listed_so = json.loads(dunlin(name, "bulk", "list", "--json").stdout)
    assert (listed_so[0]["posted"], listed_so[0]["set_aside"]) == (5, 1), listed_so
    back = as_json(dunlin(name, "bulk", "undo", number, "--reason", "the wrong file", "--json"))
    assert back == {"undone": 6, "acted_on": 0, "kept": []}, back
    assert everything(sql)[:4] == before
    assert dunlin(name, "bulk", "undo", number, "--reason", "again", check=False).returncode == 1
    # The same ids may come again.
    again = as_json(dunlin(name, "bulk", "events", listed(LINES[:5]), "--reason", "r", "--json"))
    assert again["posted"] == 5
    dunlin(name, "run", BUNDLE, "--clock", f"{DAY} 06:50", "--summary")
    more = as_json(dunlin(name, "bulk", "events", listed(["payment,A9,2025-04-14 06:45,p99,1"]), "--reason", "r", "--json"))
    back = as_json(dunlin(name, "bulk", "undo", str(again["bulk"]), "--reason", "too late", "--json"))
    assert back["undone"] == 0 and back["acted_on"] == 5 and back["kept"][0]["key"] == "A1", back
    assert as_json(dunlin(name, "bulk", "undo", str(more["bulk"]), "--reason", "in time", "--json"))["undone"] == 1
    assert sql.value("select count(*) from dunlin.event where source = 'payments.csv'") == 5


def test_a_second_person_agrees():
    name = fresh()
    sql = Client(name)
    dunlin(name, "proposal", "require")
    made = as_json(dunlin(name, "bulk", "events", listed(LINES[:5]), "--reason", "r", "--who", "anna", "--json"))
    assert made["status"] == "waiting" and sql.value("select count(*) from dunlin.event where source = 'payments.csv'") == 0
    number = str(made["bulk"])
    own = dunlin(name, "bulk", "approve", number, "--who", "anna", check=False)
    assert own.returncode == 1 and "somebody else" in own.stderr
    assert as_json(dunlin(name, "bulk", "approve", number, "--who", "berta", "--json"))["posted"] == 5
    assert dunlin(name, "bulk", "approve", number, "--who", "berta", check=False).returncode == 1
    other = as_json(dunlin(name, "bulk", "events", listed(["payment,A9,2025-04-14 06:45,p99,1"]), "--reason", "r", "--who", "anna", "--json"))
    dunlin(name, "bulk", "reject", str(other["bulk"]), "--reason", "no", "--who", "berta")
    assert dunlin(name, "bulk", "approve", str(other["bulk"]), "--who", "berta", check=False).returncode == 1
    assert sql.value("select count(*) from dunlin.event where source = 'payments.csv'") == 5
    assert sql.all("select who, action from dunlin.audit where action like '%% list' order by id") == [
        ("anna", "propose list"), ("berta", "approve list"), ("anna", "propose list"), ("berta", "reject list")]


def test_a_stop_of_one_client_is_told():
    name = fresh()
    sql, listener = Client(name), Client(name)
    held = leased(sql, instant(DAY, "06:50"), 6)
    keys = {task.task: task.key for task in held}
    north = {task for task, key in keys.items() if int(key[1:]) % 2}
    assert north and len(north) < 6
    listener.run("listen dunlin_withdrawn")
    made = as_json(dunlin(name, "contact", "stop", "--where", "client=North", "--reason", "the mandate has ended", "--who", "berta", "--json"))
    assert made["marked"] == len(north), (made, keys)
    select.select([listener.connection], [], [], 5)
    listener.connection.poll()
    assert [notice.payload for notice in listener.connection.notifies] == ["anna"]
    told = sql.all("select * from dunlin.withdrawn_tasks('anna')")
    assert {row.task for row in told} == north and "mandate" in told[0].reason, (told, north)
    more = leased(sql, instant(DAY, "06:51"), 40)
    assert more and all(int(task.key[1:]) % 2 == 0 for task in more)
    for task in held:
        allowed = sql.one("select * from dunlin.may_contact(%s, null, %s)", task.task, instant(DAY, "06:52")).allowed
        assert allowed == (task.task not in north)
    stops = as_json(dunlin(name, "contact", "list", "--json"))
    assert [stop["value"] for stop in stops if stop["field"]] == ["North"]
    for task in held:
        sql.run("select dunlin.release(%s, %s)", task.task, task.epoch)
    dunlin(name, "contact", "resume", str(made["stop"]), "--who", "berta")
    dunlin(name, "run", BUNDLE, "--clock", f"{DAY} 06:55", "--full", "--summary")
    assert any(int(task.key[1:]) % 2 for task in leased(sql, instant(DAY, "06:56"), 40))
    wrong = dunlin(name, "contact", "stop", "--where", "client=North", "--key", "A1", "--reason", "x", check=False)
    assert wrong.returncode == 2
    assert dunlin(name, "contact", "stop", "--where", "colour=red", "--reason", "x", check=False).returncode == 1
    check_sound(sql)


def test_a_webhook_is_told_too():
    name = fresh()
    sql = Client(name)
    sql.run("insert into dunlin.webhook (name, queue, url, created_by) values ('dialler', 'call', 'https://dialler.example/', 'anna')")
    hook = sql.value("select id from dunlin.webhook")
    sql.run("select dunlin.fill_outbox(%s, %s)", hook, instant(DAY, "06:50"))
    first = sql.all("select d.id, d.task from dunlin.webhook_delivery d order by d.created_at, d.task limit 2")
    sql.all("select * from dunlin.claim_deliveries(100, interval '1 minute')")
    sql.run("select dunlin.delivered(%s, 200)", first[0].id)
    for row in first:
        sql.run("select dunlin.withdraw(%s, 'paid', 'berta')", row.task)
    rows = sql.all("select task, kind, body from dunlin.webhook_delivery where kind = 'withdrawn'")
    # One was never sent: its delivery is dropped instead.
    assert [row.task for row in rows] == [first[0].task] and rows[0].body["type"] == "task.withdrawn" and rows[0].body["reason"] == "paid", rows
    due = sql.all("select * from dunlin.claim_deliveries(100, interval '1 minute')")
    told = [row for row in due if row.body["type"] == "task.withdrawn"]
    assert len(told) == 1 and sql.value("select dunlin.keep_for_delivery(%s)", told[0].id)
    for _ in range(8):
        sql.run("select dunlin.delivery_failed(%s, 500, 'broken', false, interval '0')", told[0].id)
        sql.run("update dunlin.webhook_delivery set tries = tries + 1 where id = %s", told[0].id)
    assert sql.value("select status from dunlin.webhook_delivery where id = %s", told[0].id) == "dead"
    assert sql.value("select status from dunlin.queue where task = %s", first[0].task) == "leased"
    json.dumps(rows[0].body)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
